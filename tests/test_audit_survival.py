"""The audit of hazard ratios, medians, follow-up and shares, by planted faults and by fitted models."""

from dataclasses import replace
from math import exp, log, sqrt
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from analysis.audit import audit
from analysis.audit.paper import Finding
from analysis.survival.statistics import cox
from benchmarks.asked.load_study import load_study
from benchmarks.cli import twin_verbs
from simulator.cohort.estimand import TimeUnit
from simulator.mechanisms.graph import TimeTo
from simulator.world.sections import usual_endpoints
from tests.printed_papers import paper_of

SIZES = {"cohort.n": "300", "cohort.control": "180", "cohort.treated": "120", "matching.n_pairs": "100"}
Z = float(stats.norm.ppf(0.975))


def found(numbers: dict[str, str], check: str | None = None) -> list[Finding]:
    """The findings of these numbers of a paper of 180 against 120 patients, 100 of them matched."""
    return [one for one in audit(paper_of(SIZES | numbers), usual_endpoints({})) if check is None or one.check == check]


def ratio(path: str, *texts: str) -> dict[str, str]:
    """A hazard ratio, its limits, and its p where it is given."""
    return {f"endpoints.{path}.{name}": text for name, text in zip(("hr", "low", "high", "p"), texts, strict=False)}


def events(control: str, treated: str, endpoint: str = "OS", side: str = "before") -> dict[str, str]:
    """The events of both arms."""
    start = f"endpoints.{endpoint}.{side}.km"
    return {f"{start}.control.events": control, f"{start}.treated.events": treated}


def curve(path: str, *texts: str) -> dict[str, str]:
    """A median and its limits."""
    names = ("median", "low", "high")
    return {f"endpoints.{path}.{name}": text for name, text in zip(names, texts, strict=False)}


def wald(hr: float, se: float) -> tuple[str, str, str, str]:
    """A hazard ratio with its Wald interval and p as printed."""
    p = 2 * stats.norm.sf(abs(log(hr)) / se)
    limits = (hr * exp(-Z * se), hr * exp(Z * se))
    return f"{hr:.2f}", f"{limits[0]:.2f}", f"{limits[1]:.2f}", f"{p:.3f}"


@pytest.mark.parametrize("hr", [0.07, 0.36, 0.99, 1.01, 1.7, 8.0])
@pytest.mark.parametrize("se", [0.05, 0.13, 0.5, 1.1])
def test_wald_intervals_and_their_p_are_left_alone(hr: float, se: float) -> None:
    assert found(ratio("OS.before.cox", *wald(hr, se))) == []


def test_a_ratio_outside_its_interval() -> None:
    for texts in (("0.50", "0.55", "0.80"), ("0.90", "0.55", "0.80"), ("0.60", "0.80", "0.55"), ("<1", "1", "1")):
        told = found(ratio("OS.before.cox", *texts, "0.001"))
        outside = [] if texts[0] == "<1" else [("severe", "interval holds the ratio")]
        assert [(one.severity, one.check) for one in told] == outside


@pytest.mark.parametrize(
    ("texts", "severity"),
    [
        (("1.20", "1.00", "1.44"), None),
        (("1.21", "1.00", "1.44"), None),
        (("1.22", "1.00", "1.44"), "moderate"),
        (("1.30", "1.00", "1.44"), "severe"),
        (("1.10", "1.00", "1.44"), "severe"),
        (("1.2", "1.0", "1.5"), None),
        (("0.36", "0.26", "NA"), None),
        (("0.36", "<0.01", "0.80"), None),
    ],
)
def test_a_ratio_is_the_geometric_mean_of_its_limits(texts: tuple[str, ...], severity: str | None) -> None:
    told = found(ratio("OS.before.cox", *texts))
    assert [(one.severity, one.check) for one in told] == ([(severity, "ratio amid its limits")] if severity else [])


def test_what_limits_would_be_symmetric() -> None:
    (one,) = found(ratio("OS.before.cox", "1.30", "1.00", "1.44"))
    assert one.consistent == "limits 1.17 to 1.44, or 1.00 to 1.69"


@pytest.mark.parametrize(
    ("p", "severity"),
    [
        ("0.019", None),
        ("0.020", None),
        ("0.010", "note"),
        ("0.003", "moderate"),
        ("0.0001", "severe"),
        ("0.4", "severe"),
    ],
)
def test_the_p_of_an_interval(p: str, severity: str | None) -> None:
    """0.76 (0.60 to 0.96): z = 2.29 to 2.42, p = 0.015 to 0.022."""
    told = found(ratio("OS.before.cox", "0.76", "0.605", "0.955", p))
    assert [(one.severity, one.check) for one in told] == ([(severity, "p of the interval")] if severity else [])


def test_a_bound_is_read_as_a_bound() -> None:
    texts = ("0.36", "0.28", "0.46")
    assert found(ratio("OS.before.cox", *texts, "<0.001")) == []
    assert [one.severity for one in found(ratio("OS.before.cox", *texts, ">0.05"))] == ["severe"]
    assert found(ratio("OS.before.cox", "1.00", "0.70", "1.43", ">0.999")) == []


def test_what_p_and_what_limits_go_together() -> None:
    (one,) = found(ratio("OS.before.cox", "0.76", "0.605", "0.955", "0.4"))
    se = -log(0.76) / stats.norm.ppf(1 - 0.45 / 2)
    assert one.consistent.startswith("p = 0.0")
    low, high = one.consistent.split("limits ")[1].split(" to ")
    assert float(low) == pytest.approx(exp(log(0.76) - Z * se), abs=0.006)
    assert float(high) == pytest.approx(exp(log(0.76) + Z * se), abs=0.006)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("terms", [1, 3])
@pytest.mark.parametrize("decimals", [0, 6])
def test_no_fitted_model_is_below_the_floor(seed: int, terms: int, decimals: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.random((200, terms)) < rng.uniform(0.1, 0.9, terms)
    time = np.round(rng.exponential(10 * np.exp(x @ rng.normal(0, 0.8, terms))), decimals)
    event = rng.random(200) < rng.uniform(0.3, 1)
    se = cox(time[None], event[None], x[None].astype(float)).se[0]
    for k in range(terms):
        d1, d0 = (event & x[:, k]).sum(), (event & ~x[:, k]).sum()
        assert se[k] >= sqrt(1 / d1 + 1 / d0) * (1 - 1e-9)


@pytest.mark.parametrize(("factor", "wrong"), [(1.02, False), (0.93, True)])
def test_the_floor_of_the_treatments_interval(factor: float, wrong: bool) -> None:
    numbers = events("150", "60") | ratio("OS.before.cox", *wald(0.7, factor * sqrt(1 / 150 + 1 / 60)))
    told = found(numbers)
    assert [(one.severity, one.check) for one in told] == ([("severe", "information of the events")] if wrong else [])
    if wrong:
        assert "sqrt(1/150 + 1/60) = 0.153, the events" in told[0].arithmetic
        assert {"endpoints.OS.before.km.control.events", "endpoints.OS.before.cox.low"} <= set(told[0].keys)


@pytest.mark.parametrize(("factor", "wrong"), [(1.02, False), (0.93, True)])
@pytest.mark.parametrize(
    "path", ["OS.after.cox", "OS.after.univariable[treatment]", "OS.after.multivariable[treatment]"]
)
def test_after_matching_the_events_are_bounded_by_those_before_and_by_the_pairs(
    path: str, factor: float, wrong: bool
) -> None:
    numbers = events("150", "60") | ratio(path, *wald(0.7, factor * sqrt(1 / 100 + 1 / 60)))
    told = found(numbers)
    assert bool(told) == wrong
    assert all("the most events that matching can leave" in one.arithmetic for one in told)


def group(side: str, text: str, control: int, treated: int) -> dict[str, str]:
    """The counts of an element of Table 1."""
    start = f"table1.{side}[{text}]"
    return {f"{start}.control.n": str(control), f"{start}.treated.n": str(treated)}


ROWS = (
    group("after", "x=No", 85, 90) | group("after", "x=Yes", 15, 10)
    | group("after", "g=0", 85, 90) | group("after", "g=1", 10, 6) | group("after", "g=2", 5, 4)
    | group("after", "age<=50", 85, 90) | group("after", "age>50", 15, 10)
)  # fmt: skip


@pytest.mark.parametrize(("factor", "wrong"), [(1.02, False), (0.93, True)])
@pytest.mark.parametrize("term", ["x", "x=Yes", "x=No", "g>=1", "g>0", "g<1", "age>50", "age<=50"])
def test_the_floor_of_a_groups_interval(term: str, factor: float, wrong: bool) -> None:
    """25 patients can have 25 events, the other 175 no more than the 160 - 25 that are left."""
    floor = sqrt(1 / 25 + 1 / 135)
    numbers = ROWS | events("150", "60") | ratio(f"OS.after.multivariable[{term}]", *wald(1.6, factor * floor))
    told = found(numbers)
    assert bool(told) == wrong
    assert all("1/135" in one.arithmetic and "1/25" in one.arithmetic for one in told)


@pytest.mark.parametrize("term", ["g", "other", "size", "g>=x", "age"])
def test_terms_without_two_groups_have_no_floor(term: str) -> None:
    numbers = ROWS | events("150", "60") | ratio(f"OS.after.multivariable[{term}]", *wald(1.6, 0.02))
    assert found(numbers) == []


@pytest.mark.parametrize(("factor", "wrong"), [(1.02, False), (0.93, True)])
def test_the_floor_of_a_subgroups_interval(factor: float, wrong: bool) -> None:
    numbers = (
        ROWS | events("150", "60") | ratio("OS.after.subgroups[x=Yes]", *wald(0.7, factor * sqrt(1 / 15 + 1 / 10)))
    )
    assert bool(found(numbers)) == wrong


def test_one_model_in_two_places() -> None:
    text = ratio("OS.after.cox", "0.36", "0.27", "0.49", "<0.001")
    assert found(text | ratio("OS.after.univariable[treatment]", "0.36", "0.27", "0.49", "<0.001")) == []
    (one,) = found(text | ratio("OS.after.univariable[treatment]", "0.36", "0.26", "0.49"))
    assert (one.severity, one.check) == ("note", "one model, two numbers")
    (one, _) = found(text | ratio("OS.after.univariable[treatment]", "0.38", "0.28", "0.51"), "one model, two numbers")[
        :2
    ]
    assert one.severity == "moderate"


def test_screening_has_one_threshold() -> None:
    terms = {"x": "0.04", "y": "0.09", "z": "0.30"}
    numbers = {f"endpoints.OS.after.univariable[{term}].p": p for term, p in terms.items()}
    entered = {"endpoints.OS.after.multivariable[x].hr": "1.5"}
    assert found(numbers | entered) == []
    (one,) = found(numbers | entered | {"endpoints.OS.after.multivariable[z].hr": "1.1"})
    assert (one.severity, one.arithmetic) == ("note", "entered with p = 0.30, left out with p = 0.09")


def test_medians_lie_between_their_limits() -> None:
    assert found(curve("OS.before.km.control", "8.6", "7.9", "10.0")) == []
    assert found(curve("OS.before.km.control", "8.6", "7.9", "NA")) == []
    (one,) = found(curve("OS.before.km.control", "10.3", "7.9", "10.0"))
    assert (one.severity, one.check) == ("severe", "interval holds the median")
    assert found(curve("OS.before.km.control", "NA", "7.9", "NA")) == []


def test_the_median_is_reached_when_half_have_had_the_event() -> None:
    assert found(curve("OS.before.km.control", "NA") | events("90", "60")) == []
    (one,) = found(curve("OS.before.km.control", "NA") | events("91", "60"))
    assert (one.severity, one.check) == ("severe", "median of the events")
    (one,) = found(curve("OS.before.km.control", "26.0") | events("40", "60"))
    assert (one.severity, one.check) == ("note", "median of the events")


@pytest.mark.parametrize(("width", "severity"), [(2.4, None), (2.6, "moderate")])
def test_the_interval_of_a_median_follow_up(width: float, severity: str | None) -> None:
    se = width / (log(2) * sqrt(180))
    texts = ("30.00", f"{30 * exp(-Z * se):.2f}", f"{30 * exp(Z * se):.2f}")
    told = found(curve("OS.before.follow_up.control", *texts))
    assert [one.severity for one in told] == ([severity] if severity else [])


def test_times_within_the_calendar() -> None:
    dates = {"world.entry.accrual.start": "2019-01", "world.followup.cut_off": "2025-04-30"}
    assert found(curve("OS.before.follow_up.control", "40.0", "38.0", "75.9") | dates, "time within the calendar") == []
    (one,) = found(curve("OS.before.follow_up.control", "77.0") | dates)
    assert (one.severity, one.check) == ("severe", "time within the calendar")
    assert found(curve("OS.before.follow_up.control", "77.0")) == []


@pytest.mark.parametrize(
    ("unit", "possible", "impossible", "longest"),
    [("days", "2300", "2400", "2312.3"), ("weeks", "328", "340", "330.3"), ("years", "6.3", "6.5", "6.3")],
)
def test_the_calendar_is_read_in_the_unit_of_the_world(
    unit: TimeUnit, possible: str, impossible: str, longest: str
) -> None:
    """From 2019-01 to 2025-04-30 there are at most 2311 days, 330 weeks or 6.33 years."""
    dates = {"world.entry.accrual.start": "2019-01", "world.followup.cut_off": "2025-04-30"}
    for place in ("OS.before.km.control", "OS.before.follow_up.control"):
        (one,) = [
            one for one in audit(paper_of(SIZES | curve(place, impossible) | dates), usual_endpoints({}), unit=unit)
            if one.check == "time within the calendar"
        ]  # fmt: skip
        assert one.arithmetic == f"{impossible} {unit}, but from the first entry to the cut-off there are {longest}"
        assert one.consistent == f"at most {longest} {unit}"
        told = audit(paper_of(SIZES | curve(place, possible) | dates), usual_endpoints({}), unit=unit)
        assert "time within the calendar" not in {one.check for one in told}


def test_the_command_reads_the_unit_of_the_document(tmp_path: Path) -> None:
    dates = "  world.entry.accrual.start: {printed: 2019-01, where: Methods}\n"
    dates += "  world.followup.cut_off: {printed: 2021-01-01, where: Methods}\n"
    told = {}
    for unit, median in (("days", "300"), ("days", "800"), ("months", "300"), ("years", "2.5"), ("years", "1.5")):
        path = tmp_path / "paper.yaml"
        number = f'  endpoints.OS.before.km.control.median: {{printed: "{median}", where: Results}}\n'
        path.write_text(f"time_unit: {unit}\npublished:\n{dates}{number}", encoding="utf-8")
        told[unit, median] = "time within the calendar" in str(twin_verbs.audit(str(path), ()).data)
    assert told == {
        ("days", "300"): False, ("days", "800"): True, ("months", "300"): True, ("years", "2.5"): True,
        ("years", "1.5"): False,
    }  # fmt: skip


def test_doubts_read_the_unit_of_the_world() -> None:
    asked = load_study("imbrave150")
    key = "endpoints.OS.before.km.control.median"
    for unit, median, held in (("days", "300", ()), ("days", "800", ("time within the calendar",)), ("years", "1", ())):
        numbers = paper_of(
            {"world.entry.accrual.start": "2018-03-15", "world.followup.cut_off": "2019-08-29", key: median}
        )
        scenario = asked.scenario.model_copy(update={"time_unit": unit, "published": numbers})
        assert twin_verbs.doubts(replace(asked, scenario=scenario)).get(key, ()) == held


@pytest.mark.parametrize(("hr", "noted"), [("0.36", False), ("0.70", True), ("2.00", True)])
def test_medians_against_the_hazard_ratio(hr: str, noted: bool) -> None:
    medians = curve("OS.before.km.control", "8.6") | curve("OS.before.km.treated", "26.0")
    told = found(medians | {"endpoints.OS.before.cox.hr": hr})
    assert [(one.severity, one.check) for one in told] == ([("note", "medians and hazard ratio")] if noted else [])


def shares(*texts: str) -> dict[str, str]:
    """Shares of modes in the treated arm."""
    return {f"modes.m{k}.before.treated.percent": text for k, text in enumerate(texts)}


def test_shares_that_make_a_whole_have_a_least_total() -> None:
    (one,) = found(shares("33.3", "66.7"))
    assert one.arithmetic.endswith("the smallest total that fits all is 3 = 1 + 2")
    assert one.consistent == "3 or 6 or 9 or 12 modes"
    (one,) = found(shares("33.3", "66.7") | events("60", "50", "PFS"))
    assert one.arithmetic.endswith("; they are no shares of 50 patients")
    assert found(shares("33.3", "60.0")) == []
    assert found(shares("100.0")) == []


def test_shares_of_modes_name_no_endpoint_where_several_may_show_them() -> None:
    """Of several composite endpoints any may be meant, in whatever order they stand."""
    states = {"PFS": ("progressed", "dead"), "MACE": ("stroke", "dead"), "OS": ("dead",)}
    numbers = paper_of(SIZES | shares("33.3", "66.7") | events("60", "50", "PFS"))
    both = numbers | paper_of(events("70", "55", "MACE"))
    for names in (("PFS", "MACE", "OS"), ("OS", "MACE", "PFS")):
        endpoints = {name: TimeTo(event=states[name]) for name in names}
        (one,) = [one for one in audit(numbers, endpoints) if one.check == "shares of modes"]
        assert one.consistent.endswith("modes in 50 patients with an event of PFS")
        (one,) = [one for one in audit(both, endpoints) if one.check == "shares of modes"]
        assert one.consistent == "3 or 6 or 9 or 12 modes"
        assert "patients" not in one.arithmetic.partition("not of patients")[2]


def test_the_least_total_is_that_of_a_search() -> None:
    texts = ("12.0", "9.7", "33.1", "39.4", "5.7")

    def fits(n: int) -> bool:
        ranges = [[c for c in range(n + 1) if abs(100 * c / n - float(text)) <= 0.05 + 1e-9] for text in texts]
        return all(ranges) and sum(map(min, ranges)) <= n <= sum(map(max, ranges))

    (one,) = found(shares(*texts))
    least = next(n for n in range(1, 1000) if fits(n))
    assert f"the smallest total that fits all is {least} = 21 + 17 + 58 + 69 + 10" in one.arithmetic
    assert least == 175
