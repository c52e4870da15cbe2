"""The slow twins agree with R, so that either may judge the fast kernels; and each comparison can fail.

A planted defect is a plausible mistake (the other way of handling ties, an off-by-one risk set, the other scale); the
same comparison that passes for the twin must notice it.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tests import oracle
from tests.agreement import CoxNumbers, cox_gap, gap
from tests.reference import cox, existence, kaplan_meier, logistic, logrank, matching, two_samples

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
    names = "classic cohort counts cox km logistic logrank matching samples step".split()
    assert sorted(path.name.split(".")[0] for path in (oracle.HERE / "frozen").glob("*.jsonl.gz")) == names
    assert sum(path.stat().st_size for path in oracle.HERE.rglob("*") if path.is_file()) < 3e6
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
    "Breslow for Efron": (lambda c: cox_twin(c, "breslow"), lambda c: True),
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
        assert ("fitted" in answer["plain"]["said"]) == (known.exists != "finite"), known.label


def test_existence_is_decided_anew_for_a_few() -> None:
    for case in [c for c in oracle.survival_cases() if len(c.time) < 40][::25]:
        assert existence.cox(case.time, case.event, case.x, case.stratum, case.entry) == case.exists, case.label
    for known in oracle.treatment_cases()[::25]:
        assert existence.logistic(known.x, known.y) == known.exists, known.label


# ---- Kaplan-Meier and log-rank


def quantile_gap(
    case: oracle.Survival, answer: oracle.Frozen, quantile: Callable[..., tuple[float, float, float]]
) -> float:
    """The largest gap of the quartiles and their limits, all three kinds, to R's."""
    kinds: tuple[kaplan_meier.Confidence, ...] = ("log", "log-log", "plain")
    mine = [[quantile(case.time, case.event, q, kind) for q in (0.25, 0.5, 0.75)] for kind in kinds]
    return max(gap(np.ravel(m), answer[kind]) for m, kind in zip(mine, kinds, strict=True))


KM = [
    (case, answer)
    for case, answer in zip(oracle.survival_cases(), oracle.frozen("km"), strict=True)
    if len(case.time) <= SMALL
][::3]


def test_kaplan_meier_twin_agrees_with_r() -> None:
    curves = 0
    for case, answer in KM:
        assert quantile_gap(case, answer, kaplan_meier.quantile) == 0, case.label
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
        return float(np.mean([quantile_gap(case, answer, wrong) > 0 for case, answer in KM]))

    def kind_ignored(time: oracle.Floats, event: oracle.Bools, q: float, _: str) -> tuple[float, float, float]:
        return kaplan_meier.quantile(time, event, q, "log")

    def swapped(time: oracle.Floats, event: oracle.Bools, q: float, kind: str) -> tuple[float, float, float]:
        return kaplan_meier.quantile(time, event, 1 - q, kind)  # type: ignore[arg-type]

    assert share_noticed(kind_ignored) > 0.5
    assert share_noticed(swapped) > 0.5
    monkeypatch.setattr(kaplan_meier, "TOLERANCE", -1e-30)  # no middle of a stretch at exactly 1 - q
    assert share_noticed(kaplan_meier.quantile) > 0.05


def logrank_gap(test: logrank.Comparison, answer: oracle.Frozen) -> float:
    """The largest gap to R's survdiff; a chi-square below 1e-6 on that scale."""
    gaps = [gap(test.chi2, answer["chi2"], 1e-6), gap(test.p, answer["p"]), gap(test.variance, answer["variance"])]
    return max(*gaps, gap(test.observed, answer["observed"]), gap(test.expected, answer["expected"]))


LOGRANK = [
    (number, case, answer)
    for number, (case, answer) in enumerate(zip(oracle.survival_cases(), oracle.frozen("logrank"), strict=True))
    if len(case.time) <= SMALL and answer["plain"].get("variance", 0) > 0 and answer["stratified"].get("variance", 0) > 0
][::9]


def test_logrank_twin_agrees_with_r() -> None:
    assert len(LOGRANK) > 90
    for number, case, answer in LOGRANK:
        arm = case.x[:, 0] == 1
        assert logrank_gap(logrank.compare(case.time, case.event, arm), answer["plain"]) < 1e-10, case.label
        for kind, rho in (("half", 0.5), ("peto", 1.0)):
            assert logrank_gap(logrank.compare(case.time, case.event, arm, None, rho), answer[kind]) < 1e-10, case.label
        stratified = logrank.compare(case.time, case.event, arm, oracle.strata(number))
        assert logrank_gap(stratified, answer["stratified"]) < 1e-10, case.label


def test_logrank_comparison_notices() -> None:
    tied = [(c, a) for _, c, a in LOGRANK if np.isin(c.time[~c.event], c.time[c.event]).sum() > 2][:20]
    arms = [case.x[:, 0] == 1 for case, _ in tied]
    off_by_one = [logrank_gap(logrank.compare(late(c).time, c.event, g), a["plain"]) for (c, a), g in zip(tied, arms, strict=True)]
    unweighted = [logrank_gap(logrank.compare(c.time, c.event, g), a["peto"]) for (c, a), g in zip(tied, arms, strict=True)]
    assert np.mean(np.array(off_by_one) > 1e-8) > 0.9
    assert np.mean(np.array(unweighted) > 1e-8) > 0.8


# ---- treatment models and matching


def logistic_gap(fit: logistic.Fit, answer: oracle.Frozen) -> float:
    """The largest gap to R's glm; a coefficient below its standard error on the scale of that."""
    se = vector = oracle.vector(answer["se"])
    own = [gap(fit.beta, oracle.vector(answer["beta"]), se), gap(np.sqrt(np.diag(fit.covariance)), vector)]
    return max(*own, gap(-2 * fit.loglik, answer["deviance"]))


MODELS = [
    (case, fits, steps)
    for case, fits, steps in zip(
        oracle.treatment_cases(), oracle.frozen("logistic"), oracle.frozen("step"), strict=True
    )
    if case.exists == "finite"
]
CALLS = ("both_full_aic", "both_full_bic", "backward_full_aic", "forward_empty_aic", "forward_empty_bic", "both_empty_aic")


def select(case: oracle.Treatment, call: str) -> logistic.Selection:
    """The twin's answer to one of the frozen calls of step()."""
    direction, start, criterion = call.split("_")
    penalty = 2.0 if criterion == "aic" else float(np.log(len(case.y)))
    return logistic.select(case.x, case.y, case.term_of, direction, penalty, start)  # type: ignore[arg-type]


def test_logistic_twin_agrees_with_r_and_notices_lost_weights() -> None:
    for case, answer, _ in MODELS:
        assert logistic_gap(logistic.fit(case.x, case.y), answer["plain"]) < 1e-10, case.label
        assert logistic_gap(logistic.fit(case.x, case.y, case.weight), answer["weighted"]) < 1e-10, case.label
        assert logistic_gap(logistic.fit(case.x, case.y), answer["weighted"]) > 1e-8, case.label


def test_stepwise_twin_selects_as_r() -> None:
    for case, _, answer in MODELS[::4]:
        for call in CALLS:
            mine = select(case, call)
            assert np.array_equal(mine.selected, oracle.vector(answer[call]["selected"]) == 1), (case.label, call)
            assert gap(mine.criterion, answer[call]["aic"]) < 1e-10


def test_selection_comparison_notices() -> None:
    """Other criteria and directions give other models often enough for a mix-up to be seen."""

    def share(wrong: str, right: str) -> float:
        return float(np.mean([s[wrong]["selected"] != s[right]["selected"] for _, _, s in MODELS]))

    assert share("both_full_bic", "both_full_aic") > 0.3
    assert share("forward_empty_aic", "backward_full_aic") > 0.01


MATCHING = list(zip(oracle.table("matching_cases").itertuples(), oracle.frozen("matching"), strict=True))


def pairs_differ(about: object, answer: oracle.Frozen, chosen: dict[int, list[int]], n: int) -> bool:
    """Whether the sets (or the weights) are not R's. With replacement R gives a unit's controls in no order."""
    wanted = np.reshape(answer["controls"], (len(chosen), -1)) if "controls" in answer else []
    theirs = [[int(j) for j in row if j >= 0] for row in wanted] or [[] for _ in chosen]
    mine = list(chosen.values())
    if about.replacement:  # type: ignore[attr-defined]
        mine, theirs = [sorted(m) for m in mine], [sorted(t) for t in theirs]
    weight = answer.get("weight", np.zeros(n))
    return mine != theirs or gap(matching.weights(chosen, n), weight) > 1e-12


def differ(change: Callable[[dict[str, object]], dict[str, object]] = lambda options: options) -> float:
    """The share of cases in which the twin's matching, its options changed, is not R's."""
    found = []
    for about, answer in MATCHING:
        d = oracle.groups("matching")[about.case]
        score, treated = d["score"].to_numpy(), d["treated"].to_numpy() == 1
        options = change(
            {"caliper": about.caliper or None, "unit": about.unit, "order": about.order}
            | {"ratio": about.ratio, "replacement": about.replacement}
        )
        width = matching.caliper_width(score, options.pop("caliper"), options.pop("unit"))  # type: ignore[arg-type]
        found.append(pairs_differ(about, answer, matching.controls(score, treated, width, **options), len(d)))  # type: ignore[arg-type]
    return float(np.mean(found))


def test_matching_twin_pairs_as_r() -> None:
    assert differ() == 0


@pytest.mark.parametrize(
    ("changed", "share"),
    [({"unit": "raw"}, 0.1), ({"order": "smallest"}, 0.2), ({"replacement": True}, 0.2), ({"caliper": 0.21}, 0.4), ({"ratio": 1}, 0.2)],
)
def test_matching_comparison_notices(changed: dict[str, object], share: float) -> None:
    assert differ(lambda options: options | changed) > share


# ---- two samples and tables


def test_two_sample_twins_agree_with_r_and_notice_each_other() -> None:
    pooled, wrong_p = [], []
    for answer in oracle.frozen("samples"):
        d = oracle.groups("samples")[answer["case"]]
        a, b = (d["value_16"][d["group"] == g].to_numpy(dtype=np.float64) / 16 for g in (0, 1))
        if np.isnan(oracle.vector(answer["welch"])).any():
            continue
        assert gap(two_samples.welch(a, b), answer["welch"], 1e-6) < 1e-10
        assert gap(two_samples.student(a, b), answer["student"], 1e-6) < 1e-10
        assert gap(two_samples.mann_whitney(a, b), answer["mann_whitney"]) < 1e-10
        pooled.append(gap(two_samples.student(a, b), answer["welch"], 1e-6) > 1e-8)
        wrong_p.append(answer["mann_whitney"][1] != answer["welch"][1])
    assert len(pooled) > 280
    assert np.mean(pooled) > 0.95
    assert np.mean(wrong_p) > 0.95


def test_table_twins_agree_with_r_and_notice_each_other() -> None:
    corrected, exact = [], []
    for answer, row in zip(oracle.frozen("counts"), oracle.table("counts").itertuples(), strict=True):
        counts = np.array([[getattr(row, f"{r}{k}") for k in range(row.levels)] for r in "ab"])
        assert gap(two_samples.pearson(counts), answer["pearson"], 1e-6) < 1e-10
        assert gap(two_samples.pearson(counts, True), answer["yates"], 1e-6) < 1e-10
        if counts.sum() < 60:
            exact.append(gap(two_samples.fisher(counts), answer["fisher"]))
        if row.levels == 2:
            corrected.append(gap(two_samples.pearson(counts, True), answer["pearson"]) > 1e-8)
    assert len(exact) > 150
    assert max(exact) < 1e-7  # R itself sums in doubles and leaves its own p by this much
    assert np.mean(corrected) > 0.95
