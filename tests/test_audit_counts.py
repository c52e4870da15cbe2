"""The audit of counts, percentages, means and p-values, by small planted faults and by other implementations."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from analysis.audit import audit, conventions
from analysis.audit.p_values import all_tests, t_test_range
from analysis.audit.paper import CountRow, Finding
from analysis.audit.published import Stands, parse_printed
from simulator.world.sections import usual_endpoints
from tests.printed_papers import paper_of

SIZES = {"cohort.n": "300", "cohort.control": "180", "cohort.treated": "120", "matching.n_pairs": "100"}


def found(numbers: dict[str, str], check: str | None = None) -> list[Finding]:
    """The findings of these numbers of a paper of 180 against 120 patients, 100 of them matched."""
    return [one for one in audit(paper_of(SIZES | numbers), usual_endpoints({})) if check is None or one.check == check]


def levels(side: str = "before", **counts: tuple[int, int]) -> dict[str, str]:
    """The counts of the levels of a covariate x, control and treated."""
    return {
        f"table1.{side}[x={level}].{arm}.n": str(n)
        for level, both in counts.items()
        for arm, n in zip(("control", "treated"), both, strict=True)
    }


def row(counts: list[list[int]]) -> CountRow:
    """A row of counts without anything printed beside it."""
    return CountRow("x", "before", tuple("abc"[: len(counts[0])]), (), np.array(counts), True, None)


def test_sizes_add_up() -> None:
    assert found({}) == []
    (one,) = found({"cohort.n": "301"})
    assert (one.severity, one.arithmetic) == ("severe", "180 + 120 = 300, printed 301")
    (one,) = found({"matching.n_pairs": "121"})
    assert (one.severity, one.consistent) == ("severe", "at most 120 pairs")


def test_levels_add_up_to_the_arm() -> None:
    good = levels(a=(100, 70), b=(80, 50))
    assert found(good) == []
    (one,) = found(good | levels(b=(85, 50)))
    assert (one.severity, one.arithmetic) == ("severe", "100 + 85 = 185, the arm has 180")
    (one,) = found(good | levels(b=(75, 50)))
    assert (one.severity, one.check) == ("moderate", "levels add up")


@pytest.mark.parametrize(
    ("first", "second", "wrong"),
    [("x<=5", "x>5", True), ("x<5", "x>=5", True), ("x<=5", "x>6", False), ("x<=5", "x>=5", False)],
)
def test_two_stretches_add_up_where_they_meet(first: str, second: str, wrong: bool) -> None:
    numbers = {f"table1.before[{first}].control.n": "100", f"table1.before[{second}].control.n": "90"}
    numbers |= {f"table1.before[{first}].treated.n": "60", f"table1.before[{second}].treated.n": "60"}
    assert bool(found(numbers, "levels add up")) == wrong


@pytest.mark.parametrize(
    ("count", "percent", "severity"),
    [
        ("10", "5.6", None),
        ("9", "5.0", None),
        ("9", "5", None),
        ("81", "45", None),
        ("27", "15.0", None),
        ("81", "44.9", "note"),
        ("81", "45.1", "note"),
        ("81", "44.8", "severe"),
        ("81", "43", "severe"),
        ("81", ">44", None),
        ("81", "<45", None),
        ("81", "<44", "note"),
    ],
)
def test_percentages_of_counts(count: str, percent: str, severity: str | None) -> None:
    start = "binary.response.before.control"
    assert [one.severity for one in found({f"{start}.yes": count, f"{start}.percent": percent})] == (
        [severity] if severity else []
    )


@pytest.mark.parametrize("percent", ["12.4", "12.6"])
def test_a_half_may_be_rounded_up_or_to_the_even(percent: str) -> None:
    """25 of 200 are 12.5 %, which is printed 12 or 13; 12.4 and 12.6 are not roundings of it."""
    sizes = {"cohort.n": "320", "cohort.control": "200", "binary.response.before.control.yes": "25"}
    key = "binary.response.before.control.percent"
    assert found(sizes | {key: "12"}) == found(sizes | {key: "13"}) == []
    assert len(found(sizes | {key: percent})) == 1


def test_the_counts_that_a_misprinted_percentage_would_be() -> None:
    numbers = {"endpoints.OS.after.km.treated.events": "40", "endpoints.OS.after.km.treated.percent": "46.0"}
    (one,) = found(numbers)
    assert one.consistent == "40.0 %, or a count of 46"


def test_a_percentage_without_a_count_needs_one() -> None:
    assert found({"binary.response.before.control.percent": "5.6"}) == []
    (one,) = found({"binary.response.before.control.percent": "5.8"})
    assert (one.severity, one.check) == ("moderate", "percentage of a count")


def test_matched_patients_are_part_of_all() -> None:
    before = levels(a=(100, 70), b=(80, 50))
    assert found(before | levels("after", a=(60, 55), b=(40, 45))) == []
    wrong = found(before | levels("after", a=(60, 71), b=(40, 29)))
    assert {one.check for one in wrong} == {"matched are part of all"}
    assert wrong[0].keys == ("table1.after[x=a].treated.n", "table1.before[x=a].treated.n")
    (one,) = found({"binary.y.before.treated.yes": "90", "binary.y.after.treated.yes": "60"})
    assert one.arithmetic == "without: 100 - 60 = 40 after, 120 - 90 = 30 before (treated)"
    assert one.consistent == "at least 70"


def test_counts_after_weighting_are_no_counts_of_patients() -> None:
    """More than all, levels that add up to no arm, a p of no unweighted test, an SE below the floor of events."""
    sizes = {name: text for name, text in SIZES.items() if name.startswith("cohort.")}
    weighted = levels("after", a=(190, 71), b=(60, 29)) | {"table1.after[x].p": "0.9"}
    interval = {f"endpoints.OS.after.cox.{name}": text for name, text in (("hr", "0.60"), ("low", "0.59"))}
    interval |= {"endpoints.OS.after.cox.high": "0.61"}
    interval |= {f"endpoints.OS.before.km.{arm}.events": "50" for arm in ("control", "treated")}
    paper = paper_of(sizes | levels(a=(100, 70), b=(80, 50)) | weighted | interval)
    assert audit(paper, usual_endpoints({}), "weighting") == ()
    unmatched = audit(paper, usual_endpoints({}), "unadjusted")
    assert {one.check for one in unmatched} >= {"levels add up"}
    assert not any("match" in f"{one.check} {one.arithmetic} {one.consistent}" for one in unmatched)
    assert any("match" in f"{one.check} {one.arithmetic}" for one in audit(paper, usual_endpoints({}), "matching"))


@pytest.mark.parametrize(
    ("numbers", "check"),
    [
        ({"rash": 10, "rash_34": 11}, "grade 3/4 is part of any grade"),
        ({"rash": 10, "rash_34": 1, "any_ae": 9}, "overall is at least the largest"),
        ({"rash": 10, "rash_34": 5, "any_ae": 12, "any_ae_34": 4}, "overall is at least the largest"),
        ({"CR": 3, "PR": 20, "ORR": 24}, "responses add up"),
        ({"CR": 3, "PR": 20, "SD": 30, "DCR": 54}, "responses add up"),
        ({"CR": 3, "PR": 20, "SD": 30, "PD": 70}, "responses add up"),
    ],
)
def test_parts_and_wholes_of_outcomes(numbers: dict[str, int], check: str) -> None:
    given = {f"binary.{name}.before.treated.yes": str(n) for name, n in numbers.items()}
    (one,) = found(given)
    assert (one.severity, one.check) == ("severe", check)
    last = list(given)[-1]
    better = {"rash_34": 10, "any_ae": 10, "any_ae_34": 5, "ORR": 23, "DCR": 53, "PD": 67}
    assert found(given | {last: str(better[last.split(".")[1]])}) == []


def test_every_event_of_a_part_is_one_of_the_whole() -> None:
    start = "endpoints.{}.before.km.control.events"
    assert found({start.format("OS"): "70", start.format("PFS"): "70"}) == []
    (one,) = found({start.format("OS"): "71", start.format("PFS"): "70"})
    assert (one.severity, one.arithmetic) == ("severe", "71 > 70")


@pytest.mark.parametrize("counts", [[[12, 30], [25, 18]], [[3, 240], [4, 165]], [[85, 163, 5], [56, 108, 5]]])
def test_p_values_are_those_of_other_programs(counts: list[list[int]]) -> None:
    def scipy(**options: Any) -> Any:
        return stats.chi2_contingency(counts, **options)

    p, table = all_tests(row(counts)), np.array(counts)
    plain = scipy(correction=False)
    assert p["pearson"] == pytest.approx(plain.pvalue, rel=1e-10)
    assert p["likelihood_ratio"] == pytest.approx(scipy(correction=False, lambda_="log-likelihood").pvalue, rel=1e-10)
    n = table.sum()
    assert p["n_minus_1"] == pytest.approx(stats.chi2.sf(plain.statistic * (n - 1) / n, plain.dof), rel=1e-10)
    arm, level = (np.repeat(x, table.ravel()) for x in np.indices(table.shape).reshape(2, -1))
    trend = stats.chi2.sf((n - 1) * np.corrcoef(arm, level)[0, 1] ** 2, 1)
    if table.shape[1] == 2:
        assert p["yates"] == pytest.approx(scipy(correction=True).pvalue, rel=1e-10)
        assert p["fisher"] == pytest.approx(stats.fisher_exact(counts).pvalue, rel=1e-7)
        assert p["n_minus_1"] == pytest.approx(trend, rel=1e-10)
        share = table[:, 0] / table.sum(axis=1)
        z = (share[1] - share[0]) / np.sqrt((share * (1 - share) / table.sum(axis=1)).sum())
        assert p["unpooled"] == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-10)
    else:
        assert p["trend"] == pytest.approx(trend, rel=1e-10)
        assert not {"yates", "unpooled"} & p.keys()


def test_nothing_to_test_gives_no_p() -> None:
    assert all_tests(row([[10, 0], [20, 0]])) == {}
    assert all_tests(row([[0, 0], [20, 1]])) == {}
    numbers = {"binary.y.before.control.yes": "0", "binary.y.before.treated.yes": "0", "binary.y.before.p": "0.5"}
    assert found(numbers) == []


@pytest.mark.parametrize(
    ("p", "severity", "check"),
    [
        ("0.006", None, ""),
        ("0.007", None, ""),
        ("0.010", None, ""),
        ("0.008", "note", "p by another test"),
        ("0.009", "note", "p of counts"),
        ("0.004", "severe", "p of counts"),
        ("0.012", "severe", "p of counts"),
        ("<0.05", None, ""),
        ("<0.001", "severe", "p of counts"),
        (">0.01", "severe", "p of counts"),
    ],
)
def test_a_p_of_no_test_is_severe_and_of_another_a_note(p: str, severity: str | None, check: str) -> None:
    """30 of 180 against 36 of 120: Pearson 0.0063, Fisher 0.0071, Yates 0.0096; 0.0079 without pooling."""
    numbers = {"binary.y.before.control.yes": "30", "binary.y.before.treated.yes": "36"}
    told = found(numbers | {"binary.y.before.p": p})
    assert [(one.severity, one.check) for one in told] == ([(severity, check)] if severity else [])


def test_rows_that_do_not_add_up_are_not_tested() -> None:
    numbers = levels(a=(100, 70), b=(70, 50)) | {"table1.before[x].p": "0.001"}
    assert {one.check for one in found(numbers)} == {"levels add up"}


def test_a_table_has_a_convention_of_its_own_when_it_has_enough_rows() -> None:
    """Four rows by Yates's correction; the fifth is Pearson's."""
    numbers = dict(SIZES)
    for k, (a, b) in enumerate([(30, 36), (90, 40), (50, 20), (70, 50), (60, 52)]):
        numbers |= {f"binary.y{k}.before.control.yes": str(a), f"binary.y{k}.before.treated.yes": str(b)}
        p = all_tests(row([[a, 180 - a], [b, 120 - b]]))
        numbers[f"binary.y{k}.before.p"] = f"{p['yates' if k < 4 else 'pearson']:.4f}"
    (table,) = conventions(paper_of(numbers))
    assert (table.convention, table.explained["yates"], table.total, table.alone) == ("yates", 4, 5, True)
    (one,) = found(numbers)
    assert (one.keys[0], one.severity) == ("binary.y4.before.p", "note")
    assert one.consistent.endswith("by chi-square with Yates's correction, as in the rest of Table")


def test_equal_counts_have_one_p() -> None:
    numbers = {"table1.before[x].p": "0.631"} | levels(a=(100, 70), b=(80, 50))
    numbers |= {key.replace("[x=", "[y="): n for key, n in levels(b=(80, 50), a=(100, 70)).items()}
    assert found(numbers | {"table1.before[y].p": "0.63"}, "equal counts, different p") == []
    (one,) = found(numbers | {"table1.before[y].p": "0.71"}, "equal counts, different p")
    assert one.severity == "moderate"


def means(mean0: str, sd0: str, mean1: str, sd1: str, p: str = "") -> dict[str, str]:
    """Mean and SD of a covariate x by arm, and the p where it is given."""
    texts = {"control.mean": mean0, "control.sd": sd0, "treated.mean": mean1, "treated.sd": sd1} | (
        {"p": p} if p else {}
    )
    return {f"table1.before[x].{name}": text for name, text in texts.items()}


@pytest.mark.parametrize("pooled", [False, True])
def test_the_range_of_a_t_test_is_that_of_a_grid(pooled: bool) -> None:
    texts = ("49.1", "53.0", "12.2", "8.9")
    stands = [parse_printed(text) for text in texts]
    grid = [np.linspace(one.low, one.high, 5) for one in stands]
    mean0, mean1, sd0, sd1 = (x.ravel() for x in np.meshgrid(*grid))
    p = stats.ttest_ind_from_stats(mean0, sd0, 180, mean1, sd1, 120, equal_var=pooled).pvalue
    made = t_test_range(stands, [180, 120], pooled)
    assert made.low == pytest.approx(p.min(), rel=1e-8)
    assert made.high == pytest.approx(p.max(), rel=1e-8)


def test_means_that_may_be_equal_allow_any_large_p() -> None:
    assert t_test_range([Stands(48.5, 49.5)] * 2 + [Stands(11.5, 12.5)] * 2, [180, 120], False).high == 1
    assert found(means("49", "12", "49", "12", "0.661")) == []
    (one,) = found(means("49", "12", "49", "12", "0.061"))
    assert (one.severity, one.check) == ("moderate", "p of means")
    assert found(means("49.0", "0", "51.0", "0", "<0.001")) == []


def test_mean_and_sd_within_bounds() -> None:
    bounds = {"world.population.covariates.x.bounds.0": "18", "world.population.covariates.x.bounds.1": "75"}
    assert found(means("49", "12", "50", "28") | bounds) == []
    (one,) = found(means("49", "12", "50", "30") | bounds)
    assert (one.severity, one.check) == ("severe", "SD within bounds")
    (one,) = found(means("49", "12", "76", "3") | bounds)
    assert (one.severity, one.check) == ("severe", "mean within bounds")


def test_mean_and_sd_against_a_cut() -> None:
    """Two thirds at or below 50 and a mean of 62: above the cut the mean is at least 86, the SD at least 17."""
    cut = {"table1.before[x<=50].control.n": "120", "table1.before[x>50].control.n": "60"}
    cut |= {"table1.before[x<=50].treated.n": "80", "table1.before[x>50].treated.n": "40"}
    assert found(means("62", "18", "62", "18") | cut) == []
    told = found(means("62.0", "16.8", "62.0", "17.2") | cut)
    assert [(one.severity, one.check, one.keys[0]) for one in told] == [
        ("severe", "SD and cut", "table1.before[x].control.mean")
    ]
    bounds = {"world.population.covariates.x.bounds.0": "18", "world.population.covariates.x.bounds.1": "75"}
    told = found(means("62.0", "19", "58.0", "18") | cut | bounds)
    assert [one.consistent for one in told] == ["a mean from 28.67 to 58.33"]


def test_the_least_sd_of_a_cut_is_reached() -> None:
    """120 patients at the cut and 60 at one value above it have just the SD that is asked for."""
    x = np.repeat([50.0, 86.0], [120, 60])
    cut = {"table1.before[x<=50].control.n": "120", "table1.before[x>50].control.n": "60"}
    cut |= {"table1.before[x<=50].treated.n": "80", "table1.before[x>50].treated.n": "40"}
    sd = np.std(x, ddof=1)
    assert found(means(f"{x.mean():.4f}", f"{sd:.4f}", "50", "20") | cut) == []
    assert len(found(means(f"{x.mean():.4f}", f"{sd - 0.001:.4f}", "50", "20") | cut)) == 1


def test_ranges_are_in_order_and_matched_within_all() -> None:
    def amount(side: str, low: str, median: str, high: str) -> dict[str, str]:
        texts = zip(("min", "median", "max"), (low, median, high), strict=True)
        return {f"exposure.cycles.{side}.treated.{name}": text for name, text in texts}

    assert found(amount("before", "2", "4", "8") | amount("after", "2", "4.5", "8")) == []
    (one,) = found(amount("before", "2", "9", "8"))
    assert (one.severity, one.check) == ("severe", "range in order")
    (one,) = found(amount("before", "2", "4", "8") | amount("after", "1", "4", "8"))
    assert (one.severity, one.arithmetic) == ("severe", "min 1 after matching, 2 before")


def test_a_percentage_may_be_of_those_whose_level_is_known() -> None:
    """Of 180 controls 160 have a level, 90 and 70: 56.2 and 43.8 % of them, where 50.0 and 38.9 would be of all."""
    counts = levels(a=(90, 70), b=(70, 50))
    known = {"table1.before[x=a].control.percent": "56.2", "table1.before[x=b].control.percent": "43.8"}
    assert found(counts | known, "percentage of a count") == []
    (one,) = found(counts | known | {"table1.before[x=a].control.percent": "54.2"}, "percentage of a count")
    assert one.severity == "severe"


def test_an_outcome_has_the_patients_that_are_printed_beside_it() -> None:
    """40 of 160 with measurable disease are 25.0 %, of all 180 they would be 22.2 %."""
    numbers = {"binary.ORR.before.control.yes": "40", "binary.ORR.before.control.percent": "25.0"}
    assert found(numbers, "percentage of a count") != []
    own = {"binary.ORR.before.control.n": "160"}
    assert found(numbers | own, "percentage of a count") == []
    assert found(numbers | own | {"binary.ORR.before.control.percent": "22.2"}, "percentage of a count") != []


def of_the_known(percents: str = "60.0 40.0 70.0 30.0", flag: bool = False) -> list[Finding]:
    """Levels a and b of x: 60 and 40 of 100 known of 180 controls, 70 and 30 of 100 known of 120 treated."""
    numbers = levels(a=(60, 70), b=(40, 30)) | {"table1.before[x].p": "0.138"}
    places = [f"table1.before[x={level}].{arm}.percent" for arm in ("control", "treated") for level in "ab"]
    numbers |= dict(zip(places, percents.split(), strict=False)) if percents else {}
    published = paper_of(SIZES | numbers)
    if flag:
        published = {
            key: one.model_copy(update={"of_known": key.endswith(".n")}) if "[x=" in key else one
            for key, one in published.items()
        }
    return [*audit(published, usual_endpoints({}))]


def test_percentages_of_the_known_show_that_values_are_missing() -> None:
    """Pearson's p of 60, 40 against 70, 30 is 0.138, and is tested; the sums are no contradiction then."""
    assert of_the_known() == []
    assert of_the_known("", flag=True) == []
    assert [one.check for one in of_the_known("")] == ["levels add up", "levels add up"]


@pytest.mark.parametrize("percents", ["61.0 39.0 70.0 30.0", "33.3 22.2 70.0 30.0", "60.0 40.0 58.3 25.0"])
def test_other_percentages_do_not(percents: str) -> None:
    """A wrong share, or shares of all of an arm: its rows do not add up."""
    assert "levels add up" in [one.check for one in of_the_known(percents)]


def test_a_wrong_p_of_the_known_is_noticed() -> None:
    numbers = levels(a=(60, 70), b=(40, 30)) | {"table1.before[x].p": "0.002"}
    published = {
        key: one.model_copy(update={"of_known": key.endswith(".n")}) for key, one in paper_of(SIZES | numbers).items()
    }
    assert any("table1.before[x].p" in one.keys for one in audit(published, usual_endpoints({})))
