"""Known answers are found again, and a planted defect in what they exercise is noticed."""

import json
from pathlib import Path

import numpy as np
import pytest

from analysis.survival.statistics import CoxFit
from benchmarks import validation
from benchmarks.performance.measures import Measure
from benchmarks.validation import Check, exact_answers, simulated
from benchmarks.validation.check import ALPHA, exact, holm, judged
from tests import test_planted_cox
from tests.commands import fits
from tests.measured import Measured
from tests.planted import AGREEMENT, Gaps, Rooms, defects, largest_gap, noticed_by, unless
from tests.test_cli import _call

ANSWERS = ("hand_worked", "by_r", "matching_by_hand", "marginal_by_quadrature")


def answers(rooms: Rooms) -> Gaps:
    """None where an exact answer is found to its digits."""
    exact = rooms["benchmarks.validation.exact_answers"]
    for name in ANSWERS:
        for one in getattr(exact, name)():
            yield unless(abs(one.ours.value - one.known.value) <= one.within)


DEFECTS = [
    *defects(
        "analysis.survival.statistics",
        answers,
        ("takes_efron", "Breslow and Efron exchanged", 'return ties == "efron"', 'return ties == "breslow"'),
        (
            "cox",
            "an SE without clustering",
            "np.sqrt(np.diagonal(robust, axis1=1, axis2=2)) if clustered else None",
            "np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))",
        ),
    ),
    *defects(
        "analysis.kernels.logrank",
        answers,
        (
            "logranks",
            "observed and expected exchanged",
            "made.observed[r, k, 0], made.observed[r, k, 1] = o0, o1",
            "made.observed[r, k, 0], made.observed[r, k, 1] = e0, e1",
        ),
    ),
    *defects(
        "analysis.kernels.logrank",
        answers,
        ("one_test", "no correction for ties", "(at_risk - d) / (at_risk - 1.0) if d > 1.0", "1.0 if d > 1.0"),
    ),
    *defects(
        "analysis.kernels.cox_binary",
        answers,
        ("solve_terms", "a tenth more deaths among the treated", "score = with_one - ", "score = 1.1 * with_one - "),
    ),
    *defects(
        "analysis.two_samples.tests",
        answers,
        (
            "welch",
            "pooled degrees of freedom",
            "def welch(",
            "def welch(x, group):\n    return student(x, group)\n\n\ndef honest_welch(",
        ),
    ),
    *defects(
        "analysis.propensity.matching",
        answers,
        ("_width", "a caliper of the population SD", "/ (n - 1)), 0.0)", "/ n), 0.0)"),
    ),
    *defects(
        "analysis.propensity.matching",
        answers,
        (
            "_width",
            "the caliper twice as wide",
            "return np.where(n > 1, caliper *",
            "return np.where(n > 1, 2 * caliper *",
        ),
    ),
    *defects(
        "analysis.propensity.weighting",
        answers,
        (
            "ipw",
            "treated and untreated exchanged",
            "/ np.where(np.asarray(treated, dtype=np.bool_), e, 1 - e)",
            "/ np.where(np.asarray(treated, dtype=np.bool_), 1 - e, e)",
        ),
    ),
    *defects(
        "benchmarks.truth.tallies",
        answers,
        (
            "log_hr",
            "conditional instead of marginal",
            "control, treated = at_risk[0, used]",
            "control, treated = at_risk[1, used]",
        ),
    ),
    *defects(
        "benchmarks.truth.tallies", answers, ("log_hr", "all are at risk to the end of a bin", "* _GONE", "* 1.0")
    ),
]


@pytest.fixture(scope="module")
def quick() -> list[validation.Verdict]:
    return validation.validate(False, 2, lambda done, total: None)  # noqa: ARG005


def test_every_known_answer_of_the_quick_set_is_found(quick: list[validation.Verdict]) -> None:
    assert [verdict.check.what for verdict in quick if not verdict.holds] == []
    assert {verdict.check.study for verdict in quick} == {study.name for study in validation.STUDIES}
    assert len(quick) > 40


@pytest.mark.slow(minutes=60)
def test_every_known_answer_of_the_full_set_is_found(measured: Measured) -> None:
    made = validation.validate(True, 2, lambda done, total: None)  # noqa: ARG005
    measured("validate --full", f"{sum(one.holds for one in made)} of {len(made)} known answers found")
    assert [verdict.check.what for verdict in made if not verdict.holds] == []


UPHILL = defects(
    "analysis.kernels.cox_binary",
    answers,
    ("solve_terms", "the sign of the score", "score = with_one - ", "score = -with_one + "),
)


def test_what_one_solver_does_not_find_another_finds() -> None:
    """Steps the wrong way converge nowhere (`test_planted_cox` notices them); then the limits' own search answers."""
    (wrong,) = UPHILL
    assert largest_gap(answers, wrong) < AGREEMENT
    assert any((one.function, one.new) == (wrong.function, wrong.new) for one in test_planted_cox.DEFECTS)


test_plain_modules_find_the_exact_answers, test_a_planted_defect_is_noticed = noticed_by(DEFECTS)


def _fails(checks: list[Check]) -> bool:
    return not all(verdict.holds for verdict in judged(checks))


def test_simulated_answers_notice_defects_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """An SE that forgets the weights, no weights, a wrong hazard, a wrong effect."""
    assert not _fails(simulated.inverse_weighting(300, 1))
    honest = simulated.statistics.cox

    def without_clusters(*given: object, **options: object) -> CoxFit:
        fit = honest(*given, **options)  # type: ignore[arg-type]
        return fit if fit.robust_se is None else CoxFit(**{**vars(fit), "robust_se": fit.se})

    with monkeypatch.context() as planted:
        planted.setattr(simulated.statistics, "cox", without_clusters)
        assert _fails(simulated.inverse_weighting(1000, 1))
    with monkeypatch.context() as planted:
        planted.setattr(simulated.weighting, "ipw", lambda e, treated, target: 1.0 + 0 * e)  # noqa: ARG005
        assert _fails(simulated.inverse_weighting(1000, 1))
    with monkeypatch.context() as planted:
        load = simulated.load_study
        slow = ("outcomes.death_after_progression.baseline.rate=0.1",)
        planted.setattr(simulated, "load_study", lambda name: load(name, slow))
        assert _fails(simulated.illness_death(50, 1))
    with monkeypatch.context() as planted:
        load = simulated.load_study
        lost = ("outcomes.death.treatment.log_hr=-0.30",)
        planted.setattr(simulated, "load_study", lambda name: load(name, lost))
        assert _fails(simulated.randomised(1000, 1))


def test_many_checks_are_judged_together() -> None:
    """Holm: 1 of 20 true answers with p = 0.02 holds, one with p = 0.0001 does not."""

    def at(z: float) -> Check:
        return Check("s", "w", Measure(z, 1.0), Measure(0.0, 0.0))

    assert all(verdict.holds for verdict in judged([at(0.5)] * 19 + [at(2.33)]))
    assert [verdict.holds for verdict in judged([at(0.5)] * 19 + [at(3.9)])] == [True] * 19 + [False]
    assert holm(np.array([0.01, 0.04, 0.03, np.nan]))[:3].tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert ALPHA == 0.01


def test_an_exact_answer_must_agree_to_its_digits() -> None:
    checks = [exact("s", "w", 1.0, 1.0 + off, 1e-8) for off in (0, 9e-9, 2e-8, float("nan"))]
    assert [one.holds for one in judged(checks)] == [True, True, False, False]


def test_the_verb_prints_both_numbers_and_its_exit_code_says_whether_all_hold(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    few = tuple(
        study for study in validation.STUDIES if study.name in ("hand-worked Cox data", "illness-death process")
    )
    monkeypatch.setattr("benchmarks.validation.studies.STUDIES", few)
    code, out, _ = _call("validate", "--jobs", "1")
    assert code == 0
    assert "1.47528491   1.47528491  exact    yes" in out
    assert max(map(len, out.splitlines())) <= 100
    monkeypatch.setattr(exact_answers, "TIME", [[1.0, 1, 6, 7, 8, 9]])
    code, out, _ = _call("validate", "--jobs", "1", "--json", "--report", str(tmp_path / "page.html"))
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "Are known answers found again?" in page
    assert "Answers that do not hold" in page
    made = json.loads(out)
    assert fits("validate", made)
    assert code == 1
    assert made["holds"] is False
    assert {check["holds"] for check in made["checks"]} == {True, False}
