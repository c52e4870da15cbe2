"""Kaplan-Meier curves, what is read off them, and log-rank tests against frozen output of R's survfit and survdiff."""

import json
from typing import Any

import numpy as np
import pytest

from analysis.kernels.km import CONF_TYPES, crossing
from analysis.kernels.status import Status
from analysis.survival.statistics import LogRank, kaplan_meier, km_quantile, logrank, rmst, survival_at
from tests import oracle
from tests.agreement import LogRankNumbers, gap, logrank_gap, quantile_gap
from tests.reference import kaplan_meier as slow_km

CURVE = 1e-12
TEST = 1e-8
KM = list(zip(oracle.survival_cases(), oracle.frozen("km"), strict=True))
LOGRANK = list(zip(oracle.survival_cases(), oracle.frozen("logrank"), strict=True))


def quantile(
    time: oracle.Floats, event: oracle.Bools, q: float = 0.5, kind: str = "log", level: float = 0.95
) -> tuple[float, float, float]:
    """One cohort's quantile and its limits."""
    found = km_quantile(time[None], event[None], q=q, conf_type=kind, level=level)  # type: ignore[arg-type]
    assert found.status[0] == Status.OK
    assert (found.n[0], found.events[0]) == (len(time), event.sum())
    return found.value[0], found.low[0], found.high[0]


def test_quantiles_and_their_limits_are_exactly_those_of_r() -> None:
    far = [case.label for case, answer in KM if quantile_gap(case.time, case.event, answer, quantile) > CURVE]
    assert far == []
    for case, answer in KM:
        assert gap(quantile(case.time, case.event, level=0.9), answer["level90"]) < CURVE, case.label
        assert gap(quantile(case.time, ~case.event), answer["reverse"]) < CURVE, case.label


def _printed(case: dict[str, Any], which: str) -> list[float]:
    return [np.inf if value == "NA" else float(value) for value in case[which]]


def test_medians_and_limits_are_those_that_r_prints_where_its_quantile_says_otherwise() -> None:
    cases = json.loads((oracle.HERE / "printed_medians.json").read_text())["cases"]
    assert len(cases) == 180
    differ = 0
    for case in cases:
        time, event = (np.repeat(case[name], case["weight"]) for name in ("time", "event"))
        own = quantile(time.astype(float), event == 1, kind=case["type"])
        slow = slow_km.quantile(time.astype(float), event == 1, kind=case["type"])
        assert gap(own, _printed(case, "printed")) < CURVE, case
        assert gap(slow, _printed(case, "printed")) < CURVE, case
        differ += gap(own, _printed(case, "quantile")) > 0.001
    assert differ == len(cases)


@pytest.mark.parametrize(
    ("levels", "right"),
    [
        ((0.5, 0.6, 0.4), 2.0),  # at a half, higher, then lower: the middle of the first time and the last
        ((0.5, 0.5, 0.4), 2.0),
        ((0.5, 0.6, 0.7), 1.0),  # never lower
        ((0.4, 0.6, 0.3), 1.0),  # low enough at once
        ((0.6, 0.5 + 1e-8, 0.5), 2.5),  # at a half within the tolerance
        ((0.6, 0.5 + 2e-8, 0.5 - 2e-8), 3.0),
        ((0.6, np.nan, 0.4), 3.0),
        ((0.7, 0.6, 0.51), np.inf),
    ],
)
def test_a_limit_that_stands_at_a_half_and_rises_again(levels: tuple[float, ...], right: float) -> None:
    curve = np.array([[1.0, 2.0, 3.0], [0.2, 0.2, 0.2], (np.array(levels) - 0.2) / 0.2, [0.0] * 3])
    curve[1, np.isnan(levels)] = 0.0  # R has no limit where nobody survives
    for kernel in (crossing, crossing.py_func):
        assert kernel(curve, 3, 0.5, 1.0, CONF_TYPES["plain"]) == right
    assert slow_km.crossing(curve[0], np.array(levels), 0.5) == right


def test_quantiles_of_a_padded_block_are_the_same() -> None:
    cases = [case for case, _ in KM if len(case.time) < 100][:200]
    time, event = np.full((200, 100), np.nan), np.zeros((200, 100), dtype=bool)
    present = np.zeros((200, 100), dtype=bool)
    for r, case in enumerate(cases):
        time[r, : len(case.time)], event[r, : len(case.time)], present[r, : len(case.time)] = (
            case.time,
            case.event,
            True,
        )
    block = km_quantile(time, event, present=present)
    alone = [quantile(case.time, case.event) for case in cases]
    assert np.array_equal(np.column_stack([block.value, block.low, block.high]), alone)


def test_the_wrong_limits_are_noticed() -> None:
    def other_level(time: oracle.Floats, event: oracle.Bools, q: float, kind: str) -> tuple[float, float, float]:
        return quantile(time, event, q, kind, 0.9)

    def other_kind(time: oracle.Floats, event: oracle.Bools, q: float, kind: str) -> tuple[float, float, float]:
        return quantile(time, event, q, {"log": "plain", "plain": "log-log", "log-log": "log"}[kind])

    for wrong in (other_level, other_kind):
        noticed = [quantile_gap(case.time, case.event, answer, wrong) > CURVE for case, answer in KM[::10]]
        assert np.mean(noticed) > 0.5


def test_curves_agree() -> None:
    curves = [(case, answer["curve"]) for case, answer in KM if "curve" in answer]
    for answer in oracle.frozen("classic"):
        if "arms" in answer:
            case, complete = oracle.classic(answer["name"])
            for arm in (0, 1):
                keep = complete & (case.x[:, 0] == arm)
                curves.append(
                    (
                        oracle.Survival("", "", case.time[keep], case.event[keep], case.x[keep]),
                        answer["arms"][f"arm{arm}"]["curve"],
                    )
                )
    assert len(curves) > 150
    for case, curve in curves:
        found = kaplan_meier(case.time, case.event, present=np.ones(len(case.time), dtype=bool))
        for name in ("time", "n_risk", "n_event", "n_censor", "survival", "std_err", "low", "high"):
            assert gap(getattr(found, name), oracle.vector(curve[name])) < CURVE, (case.label, name)


def test_survival_at_a_time_and_restricted_means_agree() -> None:
    for case, answer in KM:
        at = survival_at(case.time[None], case.event[None], answer["tau"] / 2)
        assert gap([at.value[0], at.se[0], at.low[0], at.high[0]], answer["at"]) < CURVE, case.label
        mean = rmst(case.time[None], case.event[None], answer["tau"])
        assert gap([mean.value[0], mean.se[0]], answer["rmst"]) < CURVE, case.label


def numbers(found: LogRank) -> LogRankNumbers:
    """The first replicate's numbers."""
    return LogRankNumbers(found.chi2[0], found.p[0], found.variance[0], found.observed[0], found.expected[0])


def logrank_of(case: oracle.Survival, number: int, kind: str) -> LogRank:
    """One cohort's test of its first covariate."""
    stratum = oracle.strata(number)[None] if kind == "stratified" else None
    rho = {"half": 0.5, "peto": 1.0}.get(kind, 0.0)
    return logrank(case.time[None], case.event[None], case.x[None, :, 0] == 1, stratum=stratum, rho=rho)


@pytest.mark.parametrize("kind", ["plain", "half", "peto", "stratified"])
def test_logrank_agrees(kind: str) -> None:
    compared = 0
    for number, (case, answer) in enumerate(LOGRANK):
        found = logrank_of(case, number, kind)
        status = found.status[0]
        if answer[kind].get("variance", 0) > 1e-12:
            compared += 1
            assert status == Status.OK, case.label
            assert logrank_gap(numbers(found), answer[kind]) < TEST, case.label
        else:
            assert status in (Status.NO_EVENTS, Status.NO_INFO), case.label
            assert np.isnan(found.chi2[0])
            assert np.isnan(found.p[0])
    assert compared > 1000


def test_logrank_of_classic_data_agrees() -> None:
    compared = 0
    for answer in oracle.frozen("classic"):
        if "arms" in answer:
            case, complete = oracle.classic(answer["name"])
            for kind, rho in (("plain", 0.0), ("peto", 1.0)):
                group = case.x[None, :, 0] == 1
                found = logrank(case.time[None], case.event[None], group, present=complete[None], rho=rho)
                assert logrank_gap(numbers(found), answer[kind]) < TEST, answer["name"]
                compared += 1
    assert compared >= 12


def test_the_wrong_weights_or_forgotten_strata_are_noticed() -> None:
    pairs = [
        (n, c, a) for n, (c, a) in enumerate(LOGRANK) if all(len(t) > 1 for t in a.values() if isinstance(t, dict))
    ]
    pairs = [(n, c, a) for n, c, a in pairs if len(np.unique(oracle.strata(n))) > 1 and c.event.sum() > 10][:100]
    assert len(pairs) == 100
    for wrong, right in (("peto", "plain"), ("half", "peto"), ("plain", "stratified")):
        noticed = [not logrank_gap(numbers(logrank_of(c, n, wrong)), a[right]) < TEST for n, c, a in pairs]
        assert np.mean(noticed) > 0.95
