"""The slow twins agree with R, so that either may judge the fast kernels; and each comparison can fail.

A planted defect is a plausible mistake (the other way of handling ties, an off-by-one risk set, the other scale); the
same comparison that passes for the twin must notice it.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tests import oracle
from tests.agreement import CoxNumbers, LogRankNumbers, cox_gap, gap, logrank_gap, quantile_gap
from tests.reference import cox, existence, kaplan_meier, logrank

SMALL = 80
COX = [
    (case, answer)
    for case, answer in zip(oracle.survival_cases(), oracle.frozen("cox"), strict=True)
    if case.exists == "finite" and len(case.time) <= SMALL
][::7]
TIED = [(case, answer) for case, answer in COX if len(np.unique(case.time[case.event])) < case.event.sum() - 1]


def cox_twin(case: oracle.Survival, ties: cox.Ties = "efron") -> CoxNumbers:
    """The slow Cox fit of a case."""
    d = cox.data(case.time, case.event, case.x, **case.options)
    fit = cox.fit(d, ties)
    robust = None if case.cluster is None else np.sqrt(np.diag(cox.robust_covariance(d, fit, ties)))
    return CoxNumbers(fit.beta, fit.se, fit.loglik, fit.loglik_null, fit.score_test, robust)


def test_the_oracle_is_there() -> None:
    names = ["classic", "cohort", "counts", "cox", "km", "logistic", "logrank", "matching", "samples", "step"]
    assert sorted(path.name.split(".")[0] for path in (oracle.HERE / "frozen").glob("*.jsonl.gz")) == names
    assert sum(path.stat().st_size for path in oracle.HERE.rglob("*") if path.is_file()) < 3.5e6
    assert len(oracle.frozen("cox")) == len(oracle.survival_cases()) == 1270
    assert len(COX) > 120
    assert len(TIED) > 50


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_cox_twin_agrees_with_r(ties: cox.Ties) -> None:
    assert max(cox_gap(cox_twin(case, ties), answer[ties]) for case, answer in COX) < 1e-10


def late(case: oracle.Survival) -> oracle.Survival:
    """An off-by-one risk set: who is censored at an event time is no longer at risk."""
    return replace(case, time=np.where(case.event, case.time, case.time - 1e-6))


COX_DEFECTS: dict[str, tuple[Callable[[oracle.Survival], CoxNumbers], Callable[[oracle.Survival], bool]]] = {
    "Breslow for Efron": (lambda c: cox_twin(c, "breslow"), lambda c: len(c.time) > 0),
    "censored leave the risk set before the deaths": (
        lambda c: cox_twin(late(c)),
        lambda c: bool(np.isin(c.time[~c.event], c.time[c.event]).sum() > 2),
    ),
    "entry time ignored": (lambda c: cox_twin(replace(c, entry=None)), lambda c: c.entry is not None),
    "strata ignored": (lambda c: cox_twin(replace(c, stratum=None)), lambda c: c.stratum is not None),
    "weights ignored": (lambda c: cox_twin(replace(c, weight=None)), lambda c: c.weight is not None),
    "clusters ignored": (
        lambda c: cox_twin(replace(c, cluster=np.arange(len(c.time)))),
        lambda c: c.cluster is not None and len(np.unique(c.cluster)) < len(c.cluster),
    ),
}


@pytest.mark.parametrize("defect", COX_DEFECTS)
def test_cox_comparison_notices(defect: str) -> None:
    wrong, applies = COX_DEFECTS[defect]
    cases = [(case, answer) for case, answer in TIED if applies(case)][:12]
    noticed = [cox_gap(wrong(case), answer["efron"]) > 1e-8 for case, answer in cases]
    assert len(cases) >= 8
    assert np.mean(noticed) > 0.9


def test_existence_agrees_with_what_r_warns_of() -> None:
    """R's warnings are not read by any other test: the linear programme alone decides which numbers are compared."""
    for case, answer in zip(oracle.survival_cases(), oracle.frozen("cox"), strict=True):
        for ties in ("efron", "breslow"):
            dropped = bool(np.isnan(oracle.vector(answer[ties].get("beta", np.nan))).any())
            warned = "infinite" in answer[ties]["said"] or "Ran out" in answer[ties]["said"]
            if case.exists != "presumed":
                assert (dropped or warned) == (case.exists != "finite"), case.label
            else:
                assert not dropped, case.label
    for known, answer in zip(oracle.treatment_cases(), oracle.frozen("logistic"), strict=True):
        if "flat" not in known.exists:  # aliased cases are fitted more loosely, too loosely to meet 0 or 1
            assert ("fitted" in answer["plain"]["said"]) == (known.exists == "monotone"), known.label


def test_existence_is_decided_anew_for_a_few() -> None:
    for case in [c for c in oracle.survival_cases() if len(c.time) < 40][::25]:
        assert existence.cox(case.time, case.event, case.x, case.stratum, case.entry) == case.exists, case.label
    for known in oracle.treatment_cases()[::25]:
        assert existence.logistic(known.x, known.y) == known.exists, known.label


# ---- Kaplan-Meier and log-rank


KM = [
    (case, answer)
    for case, answer in zip(oracle.survival_cases(), oracle.frozen("km"), strict=True)
    if len(case.time) <= SMALL
][::3]


def test_kaplan_meier_twin_agrees_with_r() -> None:
    curves = 0
    for case, answer in KM:
        assert quantile_gap(case.time, case.event, answer, kaplan_meier.quantile) == 0, case.label
        assert gap(kaplan_meier.quantile(case.time, case.event, level=0.9), answer["level90"]) == 0
        assert gap(kaplan_meier.quantile(case.time, ~case.event), answer["reverse"]) == 0
        assert gap(kaplan_meier.survival_at(case.time, case.event, answer["tau"] / 2), answer["at"]) < 1e-12
        assert gap(kaplan_meier.rmst(case.time, case.event, answer["tau"]), answer["rmst"]) < 1e-12
        if "curve" in answer:
            curves += 1
            km = kaplan_meier.curve(case.time, case.event)
            for name in ("time", "n_risk", "n_event", "n_censor", "survival", "std_err"):
                assert gap(getattr(km, name), oracle.vector(answer["curve"][name])) < 1e-12, (case.label, name)
    assert curves > 30


def test_quantile_comparison_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    def share_noticed(wrong: Callable[..., tuple[float, float, float]]) -> float:
        return float(np.mean([quantile_gap(case.time, case.event, answer, wrong) > 0 for case, answer in KM]))

    def kind_ignored(time: oracle.Floats, event: oracle.Bools, q: float, _: str) -> tuple[float, float, float]:
        return kaplan_meier.quantile(time, event, q, "log")

    def swapped(time: oracle.Floats, event: oracle.Bools, q: float, kind: str) -> tuple[float, float, float]:
        return kaplan_meier.quantile(time, event, 1 - q, kind)  # type: ignore[arg-type]

    assert share_noticed(kind_ignored) > 0.5
    assert share_noticed(swapped) > 0.5
    monkeypatch.setattr(kaplan_meier, "TOLERANCE", -1e-30)  # no middle of a stretch at exactly 1 - q
    assert share_noticed(kaplan_meier.quantile) > 0.05


def logrank_twin_gap(test: logrank.Comparison, answer: oracle.Frozen) -> float:
    """The gap of the twin to R."""
    own = LogRankNumbers(test.chi2, test.p, test.variance, test.observed, test.expected)
    return logrank_gap(own, answer)


LOGRANK = [
    (number, case, answer)
    for number, (case, answer) in enumerate(zip(oracle.survival_cases(), oracle.frozen("logrank"), strict=True))
    if len(case.time) <= SMALL
    and answer["plain"].get("variance", 0) > 0
    and answer["stratified"].get("variance", 0) > 0
][::9]


def test_logrank_twin_agrees_with_r() -> None:
    assert len(LOGRANK) > 90
    for number, case, answer in LOGRANK:
        arm = case.x[:, 0] == 1
        assert logrank_twin_gap(logrank.compare(case.time, case.event, arm), answer["plain"]) < 1e-10, case.label
        for kind, rho in (("half", 0.5), ("peto", 1.0)):
            assert logrank_twin_gap(logrank.compare(case.time, case.event, arm, None, rho), answer[kind]) < 1e-10, (
                case.label
            )
        stratified = logrank.compare(case.time, case.event, arm, oracle.strata(number))
        assert logrank_twin_gap(stratified, answer["stratified"]) < 1e-10, case.label


def test_logrank_comparison_notices() -> None:
    tied = [(c, a) for _, c, a in LOGRANK if np.isin(c.time[~c.event], c.time[c.event]).sum() > 2][:20]
    arms = [case.x[:, 0] == 1 for case, _ in tied]
    off_by_one = [
        logrank_twin_gap(logrank.compare(late(c).time, c.event, g), a["plain"])
        for (c, a), g in zip(tied, arms, strict=True)
    ]
    unweighted = [
        logrank_twin_gap(logrank.compare(c.time, c.event, g), a["peto"]) for (c, a), g in zip(tied, arms, strict=True)
    ]
    assert np.mean(np.array(off_by_one) > 1e-8) > 0.9
    assert np.mean(np.array(unweighted) > 1e-8) > 0.8
