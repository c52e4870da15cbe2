"""Margins of both arms together from what is printed of each, by hand and against a cohort drawn from them."""

import numpy as np
import pytest

from benchmarks.derived.covariates import Covariates, covariates_of
from benchmarks.derived.cut_points import edges
from benchmarks.derived.paper_numbers import DeriveError, PaperNumbers, in_months, limits
from benchmarks.derived.parts import bare
from benchmarks.pasted.opposites import complement
from benchmarks.pasted.reading import ReadVariable
from simulator.documents.loading import load
from simulator.mechanisms.covariates import resolve
from simulator.numerics.arrays import Floats
from simulator.numerics.streams import Streams
from tests.readings_of_worlds import FIRST, TYPED, of_world, read

PAPER = {
    "name": "mine", "source": "nobody", "design": "matched", "arms": {"control": "A", "treated": "B"},
    "endpoints": {"OS": "death"},
}  # fmt: skip
SIZES = {("before", "control"): 400, ("before", "treated"): 200}
Row = dict[str, str]


def made(variable: ReadVariable, rows: dict[str, tuple[Row, Row]], **paper: object) -> Covariates:
    """The population of one variable: what is printed of control and treated, by row."""
    numbers = {
        f"table1.before[{row}].{role}.{what}": text
        for row, arms in rows.items()
        for role, arm in zip(("control", "treated"), arms, strict=True)
        for what, text in arm.items()
    }
    return covariates_of(PaperNumbers(read(PAPER | paper, numbers, {variable.name: variable}, SIZES)))


def drawn(population: Covariates, patients: int = 200_000) -> Floats:
    """Values of the first covariate."""
    return resolve(population.population).draw(Streams(3), np.zeros(1, np.int64), patients)[0, 0]


def test_the_first_paper_has_the_margins_that_were_typed_in() -> None:
    found = covariates_of(PaperNumbers(of_world(TYPED, FIRST)))
    typed = load(TYPED).tree["population"]["covariates"]
    assert list(found.tree["covariates"]) == list(typed)
    for name, spec in typed.items():
        own = bare(found.tree["covariates"][name])
        assert own["kind"] == spec["kind"]
        if "shares" in spec:
            assert list(own["shares"]) == list(spec["shares"])
            assert own["shares"] == pytest.approx(spec["shares"], abs=1e-9)
        else:
            assert (own["mean"], own["sd"]) == pytest.approx((spec["mean"], spec["sd"]), rel=1e-3)
            assert own["cuts"] == spec["cuts"]
    assert bare(found.tree["covariates"]["age"]["bounds"]) == [18.0, 75.0]
    assert [one.path for one in found.assumed] == ["population.covariates.size.bounds"]


def test_percentages_are_weighed_by_the_arms_and_a_single_level_is_completed() -> None:
    """30 % of 400 and 20 % of 200 are 160 of 600."""
    yes = ReadVariable("diabetes", "Diabetes", "binary", levels=("Yes",), complete=False)
    found = made(yes, {"diabetes=Yes": ({"percent": "30.0"}, {"percent": "20"})})
    assert bare(found.tree["covariates"]["diabetes"]["shares"]) == {"No": 0.7333, "Yes": 0.2667}
    woman = ReadVariable("sex", "Sex", "binary", levels=("Female",), complete=False)
    found = made(woman, {"sex=Female": ({"n": "100"}, {"n": "20"})})
    assert bare(found.tree["covariates"]["sex"]["shares"]) == {"Female": 0.2, "Male": 0.8}
    assert (found.moments[0].term, found.moments[0].control, found.moments[0].treated) == ("sex", 0.75, 0.9)


@pytest.mark.parametrize(
    ("level", "other", "first"),
    [("Yes", "No", False), ("No", "Yes", True), ("yes", "no", False), ("Male", "Female", False),
     ("≥ 400", "< 400", False),
     ("≤ 5", "> 5", True), ("HBV", "Not HBV", False)],
)  # fmt: skip
def test_the_other_level(level: str, other: str, first: bool) -> None:
    assert complement(level) == (other, first)


def test_shares_are_of_the_known_and_it_is_said() -> None:
    stage = ReadVariable("stage", "Stage", "ordinal", levels=("I", "II", "III", "IV"))
    counts = {"I": (100, 20), "II": (150, 80), "III": (140, 95), "IV": (0, 0)}
    rows = {f"stage={level}": ({"n": f"{a}"}, {"n": f"{b}"}) for level, (a, b) in counts.items()}
    found = made(stage, rows)
    shares = bare(found.tree["covariates"]["stage"]["shares"])
    assert shares == pytest.approx({"I": 120 / 585, "II": 230 / 585, "III": 235 / 585, "IV": 0}, abs=1e-4)
    assert [one.term for one in found.moments] == ["stage>=II", "stage>=III"]
    assert found.moments[0].treated == pytest.approx(175 / 195)
    assert "known of 390 of 400 in A" in found.said[0]


def test_levels_that_overlap_are_asked_about() -> None:
    disease = ReadVariable("disease", "Disease", "nominal", levels=("Heart", "Lung"))
    found = made(disease, {"disease=Heart": ({"n": "300"}, {"n": "90"}), "disease=Lung": ({"n": "250"}, {"n": "100"})})
    assert found.questions[0].settle == "Disease: separate"
    assert "137.5 % in A" in found.questions[0].text


def test_mean_and_sd_are_those_of_both_arms_mixed() -> None:
    """By 100,000 normals of each arm in proportion, not by the formula."""
    bmi = ReadVariable("bmi", "BMI", "continuous", summary="mean")
    found = made(bmi, {"bmi": ({"mean": "24.1", "sd": "3.9"}, {"mean": "19.2", "sd": "3.3"})})
    z = np.random.default_rng(1).standard_normal(300_000)
    both = np.concatenate([24.1 + 3.9 * z[:200_000], 19.2 + 3.3 * z[200_000:]])
    own = bare(found.tree["covariates"]["bmi"])
    assert (own["mean"], own["sd"]) == pytest.approx((both.mean(), both.std()), rel=0.005)
    assert own["sd"] > 4.3  # planted: the mean of both SDs would be 3.7
    assert drawn(found).mean() == pytest.approx(both.mean(), rel=0.005)


@pytest.mark.parametrize("skewed", [False, True])
def test_a_median_with_quartiles_is_that_of_both_arms_mixed(skewed: bool) -> None:
    """Against half normals of each arm, drawn; 20 (4.2-380) is log-normal, 62 (54-70) is not."""
    arms = ((20.0, 4.2, 380.0), (45.0, 5.0, 900.0)) if skewed else ((62.0, 54.0, 71.0), (52.0, 45.0, 58.0))
    variable = ReadVariable("x", "X", "continuous", summary="quartiles")
    printed = [dict(zip(("median", "q1", "q3"), map(str, arm), strict=True)) for arm in arms]
    found = made(variable, {"x": (printed[0], printed[1])})
    own = bare(found.tree["covariates"]["x"])
    assert own["kind"] == ("lognormal" if skewed else "continuous")
    z = np.random.default_rng(2).standard_normal(300_000)
    parts = []
    for (middle, low, high), own_z in zip(arms, (z[:200_000], z[200_000:]), strict=True):
        m, lo, hi = np.log([middle, low, high]) if skewed else (middle, low, high)
        values = m + own_z * np.where(own_z < 0, m - lo, hi - m) / 0.6744898
        parts.append(np.exp(values) if skewed else values)
    expected = np.quantile(np.concatenate(parts), [0.25, 0.5, 0.75])
    assert [own["quartiles"][0], own["median"], own["quartiles"][1]] == pytest.approx(list(expected), rel=0.02)
    assert np.quantile(drawn(found), [0.25, 0.5, 0.75]) == pytest.approx(expected, rel=0.03)


def test_a_median_with_the_range_needs_the_number_of_patients() -> None:
    variable = ReadVariable("x", "X", "continuous", summary="range")
    rows = {"x": ({"median": "60", "min": "31", "max": "84"}, {"median": "58", "min": "35", "max": "88"})}
    own = bare(made(variable, rows).tree["covariates"]["x"])
    assert (own["range"], own["patients"]) == ([31.0, 88.0], 600)
    assert 58 < own["median"] < 60


def test_a_mean_below_two_sds_is_lognormal_and_a_signed_number_is_not() -> None:
    rows = {"x": ({"mean": "1.2", "sd": "1.5"}, {"mean": "1.0", "sd": "0.9"})}
    found = made(ReadVariable("x", "Bilirubin", "continuous", "mg/dl", summary="mean"), rows)
    assert bare(found.tree["covariates"]["x"])["kind"] == "lognormal"
    assert "taken to be log-normal" in found.said[0]
    assert [one.term for one in found.moments if not one.fixed] == ["x>0.747"]
    signed = made(ReadVariable("x", "Change of weight", "continuous", "kg", summary="mean"), rows)
    assert bare(signed.tree["covariates"]["x"])["kind"] == "continuous"


def test_contradictory_cut_points_are_left_out_and_told() -> None:
    """With a mean of 50 and an SD of 5, not four in ten are above 70."""
    variable = ReadVariable("age", "Age", "continuous", "years", cuts=("<=70", ">70"), summary="mean")
    arm = {"mean": "50", "sd": "5"}
    rows = {"age": (arm, arm), "age<=70": ({"n": "240"}, {"n": "120"}), "age>70": ({"n": "160"}, {"n": "80"})}
    found = made(variable, rows, eligibility={"age": "18 to 90"})
    assert "cuts" not in found.tree["covariates"]["age"]
    assert "left out" in found.said[0]
    assert [one.term for one in found.moments] == ["age"]


def test_shares_above_cut_points_alone_make_a_normal_and_are_assumed() -> None:
    variable = ReadVariable("w", "Weight", "continuous", "kg", cuts=("<50", "50-80", ">80"))
    rows = {
        "w<50": ({"n": "40"}, {"n": "30"}), "w50-80": ({"n": "300"}, {"n": "120"}), "w>80": ({"n": "60"}, {"n": "50"}),
    }  # fmt: skip
    found = made(variable, rows)
    x = drawn(found)
    assert [np.mean(x > 50), np.mean(x > 80)] == pytest.approx([530 / 600, 110 / 600], abs=0.004)
    assert found.assumed[0].path == "population.covariates.w.sd"
    assert [one.term for one in found.moments] == ["w>50", "w>80"]


def test_correlations_are_stated_by_hand_and_must_hold_together() -> None:
    reading = of_world(TYPED, FIRST | {"assumed": {"correlation": {"albi": {"child_pugh": "0.6"}}}})
    found = covariates_of(PaperNumbers(reading))
    assert found.tree["correlation"] == {"albi": {"child_pugh": 0.6}}
    assert found.assumed[-1].path == "population.correlation.albi.child_pugh"
    assert found.assumed[-1].prior_sd == 0.2


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ({"age": {"sex": "0.9", "ecog": "0.9"}, "sex": {"ecog": "-0.9"}}, "cannot hold together"),
        ({"age": {"sex": "1.2"}}, "assumed.correlation.age.sex: 1.2 is no correlation"),
        ({"age": {"sex": "high"}}, "'high' is no correlation"),
        ({"age": {"gender": "0.2"}}, "no covariate 'gender'"),
        ("0.3", "write {first: {second: r}}"),
    ],
)
def test_a_correlation_that_is_none_is_refused_in_one_line(stated: object, told: str) -> None:
    reading = of_world(TYPED, FIRST | {"assumed": {"correlation": stated}})
    with pytest.raises(DeriveError, match=told) as error:
        covariates_of(PaperNumbers(reading))
    assert "\n" not in str(error.value)


def test_a_paper_without_sizes_or_baseline_is_refused() -> None:
    variable = ReadVariable("sex", "Sex", "binary", levels=("F", "M"))
    numbers = {f"table1.before[sex={level}].{role}.percent": "50" for level in "FM" for role in ("control", "treated")}
    with pytest.raises(DeriveError, match=r"how many patients A has: write n into its head"):
        covariates_of(PaperNumbers(read(PAPER, numbers, {"sex": variable}, {})))
    with pytest.raises(DeriveError, match="no table of baseline"):
        covariates_of(PaperNumbers(read(PAPER, {}, {}, SIZES)))


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("18 to 75", 18, 75), ("at least 20", 20, None), ("≥ 18 years", 18, None), ("under 80", None, 80),
     ("no more than 8", None, 8), ("no less than 2", 2, None), ("18 years or older", 18, None),
     ("HLP at least 2", 2, None),
     ("one in 3 weeks; at most 8", None, 8), ("adults", None, None), ("< 1,500", None, 1500)],
)  # fmt: skip
def test_limits_in_words(text: str, low: float | None, high: float | None) -> None:
    assert limits(text) == (low, high)


def test_times_in_words() -> None:
    assert in_months("one in 3 weeks; HLP only") == pytest.approx(21 / 30.4375)
    assert in_months("months") == 1
    assert in_months("28-day cycles") == pytest.approx(28 / 30.4375)
    assert in_months("doses") is None


@pytest.mark.parametrize(
    ("text", "ends"), [("<=50", (None, 50)), (">50 & <=65", (50, 65)), ("50-65", (50, 65)), (">=65", (65, None))]
)
def test_the_ends_of_a_stretch(text: str, ends: tuple[float | None, float | None]) -> None:
    assert edges(text) == ends
