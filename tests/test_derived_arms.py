"""How the arms differ: means within their rounding, widths, tests of single levels, and confounding without a table."""

from math import exp, log, sqrt

import numpy as np
import pytest
from scipy import stats

from analysis.audit import audit
from analysis.audit.published import p_of_one_level
from benchmarks.derived.arm_difference import means_apart
from benchmarks.derived.arm_numbers import InArm
from benchmarks.derived.confounding import along, confounded, reference
from benchmarks.derived.covariates import Covariates, covariates_of
from benchmarks.derived.document import derive
from benchmarks.derived.paper_numbers import PaperNumbers
from benchmarks.derived.parts import bare, sourced
from benchmarks.derived.printed import printed_numbers
from benchmarks.derived.propensity import treatment_of
from benchmarks.pasted.reading import ReadVariable
from simulator.numerics.arrays import Floats
from simulator.world.sections import usual_endpoints
from tests.printed_papers import paper_of
from tests.readings_of_worlds import read
from tests.test_derived_covariates import PAPER, SIZES
from tests.test_derived_propensity import of_the_treated

X = ReadVariable("x", "X", "continuous", summary="mean")
ARMS = (InArm(400, mean=4.6, sd=0.6, half=0.05), InArm(200, mean=4.7, sd=0.6, half=0.05))
MEANS = {
    "table1.before[x].control.mean": "4.6", "table1.before[x].control.sd": "0.6",
    "table1.before[x].treated.mean": "4.7", "table1.before[x].treated.sd": "0.6",
}  # fmt: skip


def paper(numbers: dict[str, str], **said: object) -> PaperNumbers:
    return PaperNumbers(read(PAPER | said, numbers, {"x": X}, SIZES))


@pytest.mark.parametrize(
    ("beside", "apart"),
    [({"smd": "0.244"}, 0.1464), ({"smd": "-0.244"}, 0.1464), ({"smd": "0.300"}, 0.18), ({"smd": "0.34"}, 0.2),
     ({"p": "<0.001"}, 3.2905 * 0.6 * sqrt(1 / 400 + 1 / 200)), ({"p": "0.32"}, 0.9945 * 0.6 * sqrt(3 / 400)),
     ({"smd": "0.170", "p": "<0.001"}, 0.102)],
)  # fmt: skip
def test_means_are_as_far_apart_as_what_stands_beside_them_says(beside: dict[str, str], apart: float) -> None:
    """4.6 and 4.7 are 0 to 0.2 apart: SMD x SD, or t x SE, within that."""
    own = {f"table1.before[x].{name}": text for name, text in beside.items()}
    control, treated, slack = means_apart(paper(MEANS | own), "x", ARMS)
    assert treated - control == pytest.approx(apart, rel=1e-3)
    assert (2 * control + treated) / 3 == pytest.approx((2 * 4.6 + 4.7) / 3)
    assert slack == 0


@pytest.mark.parametrize("beside", [{}, {"smd": "24.4"}, {"p": ">0.999"}])
def test_means_stay_where_nothing_beside_them_tells(beside: dict[str, str]) -> None:
    own = {f"table1.before[x].{name}": text for name, text in beside.items()}
    assert means_apart(paper(MEANS | own), "x", ARMS) == (4.6, 4.7, 0.1)


def arms_of(rows: dict[str, str], variable: ReadVariable = X) -> tuple[Covariates, Floats]:
    """The covariates of one number, and that number by cohort in the treated, in the first place ``(R,)``."""
    numbers = {f"table1.before[x].{name}": text for name, text in rows.items()}
    found = PaperNumbers(read(PAPER, numbers, {"x": variable}, SIZES))
    covariates = covariates_of(found)
    made = bare(treatment_of(found, covariates).tree)
    return covariates, of_the_treated(covariates.population, made["log_odds"], made["share"])


def test_arms_of_different_widths_have_their_tails() -> None:
    """SDs of 12 and 8: beside the mean two terms, whose shares are the normal distribution's; both arms have them."""
    covariates, found = arms_of(
        {"control.mean": "60.0", "control.sd": "12.0", "treated.mean": "58.0", "treated.sd": "8.0"}
    )
    terms = [one for one in covariates.moments if one.fixed]
    assert len(terms) == 2
    for k, one in enumerate(terms, 1):
        cut = float(one.term.partition(">")[2])
        assert one.control == pytest.approx(stats.norm.sf(cut, 60, 12), abs=1e-6)
        assert one.treated == pytest.approx(stats.norm.sf(cut, 58, 8), abs=1e-6)
        error = found[:, k].std(ddof=1) / sqrt(len(found))
        assert abs(found[:, k].mean() - one.treated) < 5 * error + 0.005
        assert abs(found[:, k].mean() - one.control) > 5 * error  # what is printed of the other arm is noticed
    alike = {"control.mean": "60.0", "control.sd": "10.4", "treated.mean": "58.0", "treated.sd": "10.0"}
    assert [one.term for one in arms_of(alike)[0].moments] == ["x"]


def test_the_width_is_no_parameter_of_a_calibration() -> None:
    rows = {"control.mean": "60.0", "control.sd": "12.0", "treated.mean": "58.0", "treated.sd": "8.0"}
    found = paper({f"table1.before[x].{name}": text for name, text in rows.items()})
    made = treatment_of(found, covariates_of(found))
    assert len(made.tree["log_odds"]) == 3
    assert list(made.free) == ["treatment.log_odds.x"]


LEVELS = {
    f"table1.before[ps={level}].{arm}.n": str(n)
    for level, both in {"0": (60, 30), "1": (90, 40), "2": (30, 50)}.items()
    for arm, n in zip(("control", "treated"), both, strict=True)
}
SIZE = {"cohort.n": "300", "cohort.control": "180", "cohort.treated": "120"}


def test_p_values_of_single_levels_are_tested_by_themselves() -> None:
    """Each is Pearson's of that level against the others, by scipy; a wrong one is told under its own key."""
    tables = {level: [[a, 180 - a], [b, 120 - b]] for level, (a, b) in
              {"0": (60, 30), "1": (90, 40), "2": (30, 50)}.items()}  # fmt: skip
    own = {level: f"{stats.chi2_contingency(t, correction=False).pvalue:.3f}" for level, t in tables.items()}
    printed = LEVELS | {f"table1.before[ps={level}].p": p for level, p in own.items()}
    assert p_of_one_level(printed) == {f"table1.before[ps={level}].p" for level in own}
    assert [one for one in audit(paper_of(SIZE | printed), usual_endpoints({})) if one.check == "p of counts"] == []
    wrong = printed | {"table1.before[ps=1].p": "0.9"}
    (found,) = [one for one in audit(paper_of(SIZE | wrong), usual_endpoints({})) if one.check == "p of counts"]
    assert found.keys[0] == "table1.before[ps=1].p"


def test_one_p_of_a_variable_is_that_of_all_its_levels() -> None:
    for more in ({"[ps=0].p": "0.01"}, {"[ps].p": "0.01", "[ps=1].p": "0.2"},
                 {"[ps=0].p": "0.01", "[ps=1].p": "0.01", "[ps=2].p": "0.01"}):  # fmt: skip
        assert not p_of_one_level(LEVELS | {f"table1.before{key}": text for key, text in more.items()})
    pair = {key: text for key, text in LEVELS.items() if "ps=2" not in key}
    assert not p_of_one_level(pair | {"table1.before[ps=0].p": "0.1", "table1.before[ps=1].p": "0.2"})


def test_p_values_of_single_levels_are_not_compared_with_those_of_the_variable() -> None:
    numbers = {**MEANS, **LEVELS, "table1.before[ps=0].p": "0.1"}
    numbers |= {"table1.before[ps=1].p": "0.2", "endpoints.OS.before.cox.hr": "0.8"}
    sizes = {("before", "control"): 180, ("before", "treated"): 120}
    variables = {"x": X, "ps": ReadVariable("ps", "PS", "ordinal", levels=("0", "1", "2"), complete=True)}
    found = derive(read(PAPER | {"design": "crude"}, numbers, variables, sizes))
    alone = {key for key, one in found.tree["published"].items() if one.get("audit_only")}
    assert alone == {"table1.before[ps=0].p", "table1.before[ps=1].p"}
    assert any("of one level against the others" in one for one in found.said)


def test_confounding_that_no_table_explains_lies_along_the_propensity() -> None:
    """Of 400,000 simulated patients with exponential times and the log hazard ratios found, the crude ratio of
    cumulative hazards is the printed one, the controls have their share of events, and the effect stays the other.
    """
    draw = np.random.default_rng(5)
    score = draw.normal(0, 1.2, 400_000)
    chance = 1 / (1 + np.exp(-score))
    found = along(score, chance, log(0.7), log(0.4), 0.3)
    treated = draw.random(len(score)) < chance
    hazard = -log(0.7) * found.factor * np.exp(log(0.7) * treated + found.k * score)
    event = draw.exponential(size=len(score)) < hazard
    share = [event[~treated].mean(), event[treated].mean()]
    assert share[0] == pytest.approx(0.3, abs=0.005)
    ratio = log(1 - share[1]) / log(1 - share[0])
    assert ratio == pytest.approx(0.4, rel=0.03)
    assert found.k < -0.2
    assert along(score, chance, log(0.7), log(0.7), 0.3).k == pytest.approx(0, abs=0.01)
    assert along(score, chance, log(0.4), log(0.7), 0.3).k > 0.2


def test_only_a_crude_ratio_beside_another_asks_for_it() -> None:
    ratio = {"endpoints.OS.before.cox.hr": "0.40", "endpoints.OS.after.cox.hr": "0.70"}
    rows = MEANS | {"table1.before[x].smd": "0.244", "endpoints.OS.before.km.control.events": "120"}
    plain = {"transitions": {"death": {"baseline": {"kind": "exponential", "rate": sourced(0.1, "-")},
                                       "treatment": {"log_hr": sourced(-0.36, "-")}}}}  # fmt: skip
    for numbers, asked in ((rows | ratio, True), (rows, False), (rows | {"endpoints.OS.before.cox.hr": "0.4"}, False)):
        found = paper(numbers, design="weighted")
        covariates = covariates_of(found)
        treatment = treatment_of(found, covariates).tree
        made, assumed = confounded(printed_numbers(found.reading), {"OS": 1}, covariates, treatment, plain)
        death = made["transitions"]["death"]
        assert ("log_hr" in death) == asked
        assert bool(assumed) == asked
        if asked:
            score, chance = reference(covariates, 1 / 3, bare(treatment)["log_odds"])
            k = death["log_hr"]["x"]["value"] / treatment["log_odds"]["x"]["value"]
            assert chance.mean() == pytest.approx(1 / 3, abs=1e-6)
            assert k == pytest.approx(along(score, chance, log(0.7), log(0.4), 0.3).k, rel=1e-2)
            assert exp(k * score.std()) < 1
            stated = {"transitions": {"death": plain["transitions"]["death"] | {"log_hr": {"x": 0.1}}}}
            kept, _ = confounded(printed_numbers(found.reading), {"OS": 1}, covariates, treatment, stated)
            assert kept is stated  # a table of prognosis is not overruled


def test_an_adjusted_ratio_of_all_patients_is_adjusted_for_the_baseline_table() -> None:
    """Where nothing says for what: a model of treatment alone would print the crude ratio again."""
    adjusted = {"endpoints.OS.before.multivariable[treatment].hr": "0.75", "endpoints.OS.before.cox.hr": "0.40"}
    found = paper(MEANS | adjusted, design="weighted")
    plan = bare(derive(found.reading).tree["analysis"])
    assert plan["cox"] == {"covariates": ["x"], "screening_p": None}
    trial = paper(MEANS | adjusted, design="randomised")
    assert bare(derive(trial.reading).tree["analysis"])["cox"] == {"keep_treatment": True}
