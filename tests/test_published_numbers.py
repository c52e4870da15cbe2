"""Numbers that papers print, by independent routes: R on the leukaemia data, slow twins on cohorts of a small world."""

from functools import cache

import numpy as np
import pytest

from analysis.audit import audit
from analysis.audit.kinds import kind_of
from analysis.kernels.status import Status
from analysis.paper.curve_points import Weighed, at_risk, differences, mean_points, survival_points
from analysis.paper.effects import AnalysisSet, follow_up
from analysis.paper.numbers import BlockNumbers
from analysis.paper.responses import MEASURES, contrast_of, mcnemar_of
from analysis.plan.analysis_plan import SurvivalPlan
from benchmarks.asked.load_study import load_study
from benchmarks.asked.published_keys import number_keys
from benchmarks.twin.fidelity import fidelity
from benchmarks.twin.listing import EXAMPLES, all_keys
from benchmarks.twin.targets import targets_of
from simulator.cohort.cohorts import Endpoint
from simulator.world.generate import resolve
from simulator.world.sections import Printed
from tests.papers_of_worlds import print_paper
from tests.reference import kaplan_meier as slow
from tests.small_papers import write_paper
from tests.test_published_keys import run, small

# survival::aml, 11 maintained then 12 not; R's answers by tests/oracle/published_numbers.R
TIME = np.array([9, 13, 13, 18, 23, 28, 31, 34, 45, 48, 161, 5, 5, 8, 8, 12, 16, 23, 27, 30, 33, 43, 45], float)
STATUS = np.array([1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1], bool)
MAINTAINED = np.arange(23) < 11
AML = Endpoint(TIME[None], STATUS[None])
PLAN = SurvivalPlan()
R_SURVIVAL = {  # arm: (time, at risk, survival, SE, low, high)
    True: [
        (10, 10, 0.9090909091, 0.0866784172, 0.7541338451, 1.0),
        (20, 7, 0.7159090909, 0.1396649706, 0.4884262874, 1.0),
        (30, 5, 0.6136363636, 0.1526323310, 0.3768670595, 0.9991576002),
    ],
    False: [
        (10, 8, 0.6666666667, 0.1360827635, 0.4468460812, 0.9946253603),
        (20, 6, 0.5833333333, 0.1423187606, 0.3616137052, 0.9409980122),
        (30, 4, 0.2916666667, 0.1387151691, 0.1148311502, 0.7408220185),
    ],
}
R_WEIGHTED = {  # weights 1, 2, 0.5, ... and clusters 1 to 6 in turn
    True: [
        (10, 0.9259259259, 0.07143603054, 0.79598570490, 1.0),
        (20, 0.7000000000, 0.11826680446, 0.50267275277, 0.9747892586),
        (30, 0.5444444444, 0.03628429157, 0.47777736355, 0.6204139746),
    ],
    False: [
        (10, 0.7142857143, 0.11612047629, 0.51938961790, 0.9823147480),
        (20, 0.6428571429, 0.11454053225, 0.45336955501, 0.9115418130),
        (30, 0.3214285714, 0.19631258171, 0.09709858905, 1.0),
    ],
}
WEIGHTS = Weighed(np.resize([1.0, 2.0, 0.5], 23)[None], (np.arange(23) % 6)[None])


@pytest.mark.parametrize("arm", [True, False])
def test_survival_and_patients_at_risk_are_those_of_r(arm):
    inside = (arm == MAINTAINED)[None]
    for at, n, *wanted in R_SURVIVAL[arm]:
        found = survival_points(AML, inside, at, PLAN)
        numbers = [float(x[0]) for x in (found.value, found.se, found.low, found.high)]
        assert numbers == pytest.approx(wanted, abs=1e-9)
        assert at_risk(AML, inside, at).tolist() == [n]
    for at, *wanted in R_WEIGHTED[arm]:
        found = survival_points(AML, inside, at, PLAN, WEIGHTS)
        numbers = [float(x[0]) for x in (found.value, found.se, found.low, found.high)]
        assert numbers == pytest.approx(wanted, abs=1e-9)


def test_restricted_means_and_differences_are_those_of_r():
    arms = [mean_points(AML, inside[None], 30, PLAN) for inside in (MAINTAINED, ~MAINTAINED)]
    assert [float(one.value[0]) for one in arms] == pytest.approx([24.60227273, 19.69444444], abs=1e-8)
    assert [float(one.se[0]) for one in arms] == pytest.approx([2.313149377, 3.054197931], abs=1e-8)
    assert float(arms[0].low[0]) == pytest.approx(24.60227273 - 1.959963985 * 2.313149377, abs=1e-7)
    everybody = np.ones((1, 23), bool)
    found = differences(AML, MAINTAINED[None], everybody, 30, "rmst", PLAN)
    assert (float(found.value[0]), float(found.se[0])) == pytest.approx(
        (4.90782829, np.hypot(2.313149377, 3.054197931)), abs=1e-7
    )
    assert float(found.p[0]) == pytest.approx(0.20018, abs=1e-4)
    found = differences(AML, MAINTAINED[None], everybody, 20, "survival", PLAN)
    assert (float(found.value[0]), float(found.se[0])) == pytest.approx(
        (0.7159090909 - 0.5833333333, np.hypot(0.1396649706, 0.1423187606)), abs=1e-8
    )
    assert (float(found.low[0]), float(found.high[0])) == pytest.approx((-0.2582439, 0.5233954), abs=1e-6)


def test_a_time_beyond_follow_up_has_no_number():
    last = np.arange(23) < 9  # the last one is censored at 45
    for point in (survival_points, mean_points):
        found = point(AML, last[None], 60, PLAN)
        assert found.status[0] == Status.TOO_FEW
        assert np.isnan([found.value[0], found.low[0], found.high[0]]).all()
    assert at_risk(AML, last[None], 60).tolist() == [0]


def test_the_follow_up_of_both_arms_is_that_of_r():
    found = follow_up(AML, MAINTAINED, AnalysisSet(np.ones(23, bool)), PLAN).overall
    assert (found.n, found.events, found.median, found.low, found.high) == (23, 5, 161, 45, np.inf)
    weighted = follow_up(AML, MAINTAINED, AnalysisSet(np.ones(23, bool), np.ones(23)), PLAN).overall
    assert (weighted.n, weighted.events, weighted.median) == (23, 5, 161)


@pytest.mark.parametrize(
    ("measure", "wanted"),
    [
        ("risk_difference", (-0.1, -0.20440373270971, 0.00440373270971)),
        ("risk_ratio", (0.6, 0.342688987202, 1.050515229390)),
        ("odds_ratio", (0.529411764706, 0.266327739901, 1.052375605761)),
    ],
)
def test_contrasts_of_risks_are_those_of_glm(measure, wanted):
    """15 of 100 against 30 of 120, as R's glm with the identity, the logarithm and the logit."""
    found = contrast_of(np.array([[[15, 85], [30, 90]]]), measure, 0.95)
    assert tuple(float(x[0]) for x in (found.value, found.low, found.high)) == pytest.approx(wanted, rel=1e-9)


def test_contrasts_without_a_number():
    counts = np.array([[[0, 10], [3, 7]], [[10, 0], [3, 7]], [[0, 0], [3, 7]], [[0, 10], [0, 10]]])
    status = {measure: contrast_of(counts, measure, 0.95).status.tolist() for measure in MEASURES}
    ok, none, few = Status.OK, Status.NO_INFO, Status.TOO_FEW
    assert status == {
        "risk_difference": [ok, ok, few, ok],
        "risk_ratio": [none, ok, few, none],
        "odds_ratio": [none, none, none, none],
    }


def test_mcnemar_is_that_of_r():
    found = mcnemar_of(np.array([12, 0, 0]), np.array([5, 0, 0]), np.array([117, 9, 0]))
    chi2, p, exact = (one.tolist() for one in found)
    assert (chi2[0], p[0], exact[0]) == pytest.approx((2.88235294118, 0.0895550744136, 0.143463134766), rel=1e-9)
    assert np.isnan([*chi2[1:], *p[1:], exact[2]]).all()
    assert exact[1] == 1.0


@cache
def block() -> BlockNumbers:
    return small()[1]


def arm_of(r: int, side: str, arm: str) -> np.ndarray:
    """Who is in an arm of a cohort, by loops."""
    sample = block().block.sample
    here = (sample.observed.present if side == "before" else sample.matching.weight > 0)[r]
    return np.array([bool(here[i]) and sample.observed.treated[r, i] == (arm == "treated") for i in range(len(here))])


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("arm", ["control", "treated"])
def test_points_of_curves_of_a_block_are_those_of_a_slow_curve(side, arm):
    course = block().block.sample.observed.endpoints["OS"]
    for r in range(2):
        inside = arm_of(r, side, arm)
        time, event = course.time[r, inside], course.event[r, inside]
        curve = slow.curve(time, event)
        before = curve.time <= 15
        survival, error = curve.survival[before][-1], curve.std_err[before][-1]
        low, high = slow.limits(survival, error, "log")
        steps = np.concatenate([[0.0], curve.time[before], [15.0]])
        area = float((np.diff(steps) * np.concatenate([[1.0], curve.survival[before]])).sum())
        start = f"endpoints.OS.{side}.km.{arm}"
        for key, wanted in (
            ("survival[15]", survival), ("survival[15].low", low), ("survival[15].high", high),
            ("at_risk[15]", sum(t >= 15 for t in time)), ("rmst[15]", area),
        ):  # fmt: skip
            found = block().of(f"{start}.{key}")[r]
            assert found == pytest.approx(wanted, rel=1e-9), key
            assert found != pytest.approx(1.1 * wanted, rel=1e-9)


@pytest.mark.parametrize("side", ["before", "after"])
def test_outcomes_and_extremes_of_a_block_are_counted(side):
    sample = block().block.sample
    for r in range(2):
        arms = [arm_of(r, side, arm) for arm in ("treated", "control")]
        yes = [int(sample.observed.binary["ORR"][r, inside].sum()) for inside in arms]
        n = [int(inside.sum()) for inside in arms]
        risk, odds = [y / m for y, m in zip(yes, n, strict=True)], [y / (m - y) for y, m in zip(yes, n, strict=True)]
        half = 1.959963985 * np.sqrt(sum(1 / y + 1 / (m - y) for y, m in zip(yes, n, strict=True)))
        start = f"binary.ORR.{side}"
        assert block().of(f"{start}.risk_difference.value")[r] == pytest.approx(risk[0] - risk[1])
        assert block().of(f"{start}.risk_ratio.value")[r] == pytest.approx(risk[0] / risk[1])
        assert block().of(f"{start}.odds_ratio.value")[r] == pytest.approx(odds[0] / odds[1])
        assert block().of(f"{start}.odds_ratio.high")[r] == pytest.approx(odds[0] / odds[1] * np.exp(half))
        age = sample.observed.covariates[r, arms[0], sample.observed.names.index("age")]
        assert block().of(f"table1.{side}[age].treated.min")[r] == sorted(age)[0]
        assert block().of(f"table1.{side}[age].treated.max")[r] == sorted(age)[-1]
    pair, only = sample.matching.pair, [[0, 0], [0, 0]]
    for r in range(2):
        for label in set(pair[r]) - {-1}:
            a, b = (
                bool(sample.observed.binary["ORR"][r, i])
                for arm in (True, False)
                for i in np.flatnonzero((pair[r] == label) & (sample.observed.treated[r] == arm))
            )
            only[r][0] += a and not b
            only[r][1] += b and not a
    ours, theirs = (block().of(f"binary.ORR.after.mcnemar.only_{arm}") for arm in ("treated", "control"))
    assert np.column_stack([ours, theirs]).tolist() == only
    assert (ours + theirs > 5).all()


NEW = [
    "endpoints.OS.before.km.treated.survival[24]", "endpoints.OS.before.km.treated.survival[24].low",
    "endpoints.PFS.after.km.control.at_risk[6]", "endpoints.OS.before.km.control.rmst[12]",
    "endpoints.OS.before.survival_difference[12]", "endpoints.OS.after.rmst_difference[12].high",
    "endpoints.OS.before.follow_up.overall.median", "endpoints.OS.before.univariable[stage].hr",
    "endpoints.OS.before.multivariable[treatment].low", "endpoints.OS.before.subgroups[stage=late].hr",
    "endpoints.OS.after.cox_pair_robust.hr", "endpoints.OS.after.subgroups[site=west].interaction_p",
    "table1.before[age].treated.min", "table1.after[age].control.q3", "table1.before[age].smd", "matching.n_pairs",
    "binary.ORR.before.odds_ratio.value", "binary.ORR.before.odds_ratio.low", "binary.ORR.after.risk_ratio.high",
    "binary.ORR.before.risk_difference.value", "binary.ORR.after.mcnemar.p",
]  # fmt: skip


def quiet(done: int, total: int) -> None:
    assert done <= total


def test_the_scorecard_of_new_numbers_that_the_world_printed_itself(tmp_path):
    """Each is compared, most are inside; with the ratio the other way about the first is not."""
    scenario = load_study(str(write_paper(tmp_path, {"cohort.n": "160"}))).scenario
    template = {key: Printed(printed="12" if kind_of(key) == "count" else "0.123", where="Table 1") for key in NEW}
    paper = print_paper(scenario, resolve(scenario), template, 5, 0)
    assert list(paper) == NEW
    found = fidelity(scenario.model_copy(update={"published": paper}), 60, 6, 1, quiet, {})
    assert sum(one.inside for one in found.scores) >= len(NEW) - 3
    wrong = {NEW[16]: Printed(printed="0.05", where="Table 1"), NEW[0]: Printed(printed="95%", where="Table 1")}
    found = fidelity(scenario.model_copy(update={"published": wrong}), 60, 6, 1, quiet, {})
    assert not any(one.inside for one in found.scores)
    targets = {one.key: one for one in targets_of(paper, {})}
    assert set(NEW) - set(targets) <= {"matching.n_pairs", *(key for key in NEW if key.endswith((".p", "_p")))}
    assert {key for key, one in targets.items() if one.scale == "log"} == {
        key for key in NEW if key.endswith((".hr", "hr.low", "[treatment].low")) or "_ratio." in key
    }
    assert isinstance(audit(paper, scenario.endpoints), tuple)


def test_every_number_of_a_world_can_be_a_target_or_is_a_p_value():
    scenario, *_ = small()
    keys = [one.key.replace("<time>", "24") for one in all_keys(number_keys(scenario)) if one.kind != "p"]
    printed = {key: Printed(printed=EXAMPLES["ratio"], where="Table 1") for key in keys if "world." not in key}
    missing = set(printed) - {one.key for one in targets_of(printed, {})}
    repeated = (".percent", ".log_hr", ".se")  # the same number is printed beside it
    assert all(key.endswith(repeated) or key.startswith("matching.") for key in missing), sorted(missing)[:5]


LISTED = [  # what ended in a traceback once
    ("endpoints.OS.before.km.treated.survival[24]", 0),
    ("table1.after[age].smd", 0),
    ("table1.before[stage=erly].treated.n", 2),
    ("endpoints.OS.after.cox_pair_robust.hr", 0),
    ("binary.ORR.before.odds_ratio.value", 0),
    ("binary.ORR.before.odds_ratio", 2),
    ("endpoints.OS.before.univariable[stage].hr", 0),
    ("endpoints.OS.before.multivariable[stage].hr", 0),
    ("endpoints.OS.before.subgroups[stage=late].hr", 0),
    ("endpoints.OS.before.survival[24]", 2),
    ("endpoints.DFS.before.cox.hr", 2),
]


@pytest.mark.parametrize(("key", "code"), LISTED)
def test_check_and_fidelity_agree_on_every_key(tmp_path, capsys, monkeypatch, key, code):
    path = write_paper(tmp_path, {"cohort.n": "160", key: "0.5"})
    assert run(monkeypatch, "check", path) == code
    told = capsys.readouterr().err
    assert (f"{path}:5:3: published.'{key}'" in told) == (code == 2)
    assert run(monkeypatch, "fidelity", path, "--reps", "20", "--jobs", "1") == code
    assert "Traceback" not in capsys.readouterr().err
