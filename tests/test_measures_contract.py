"""The contract of measures: where a measure has a finite value its Monte Carlo error is finite, and is that error."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from analysis.kernels.status import Status
from benchmarks.performance import measures as measured
from benchmarks.performance.measures import Measure, contrast, in_direction, performance

ALONE = {
    "mean", "bias", "relative_bias", "mse", "rmse", "model_se", "mean_difference", "bias_difference", "mse_difference",
    "coverage_difference", "rejection_difference",
}  # fmt: skip
"""Means, which one replicate alone has, but not the spread that their error is made of: the one exception."""


def _studies() -> Iterator[tuple[str, dict[str, Any]]]:
    """Replicates as they come, in part or all alike, few, without intervals or p, and with huge numbers."""
    rng = np.random.default_rng(12)
    for count in (1, 2, 3, 40):
        value, se = rng.normal(0.3, 1.0, count), rng.uniform(0.5, 1.5, count)
        study = {
            "value": value, "se": se, "low": value - 1.96 * se, "high": value + 1.96 * se,
            "p": rng.uniform(0.0, 0.2, count), "status": np.zeros(count, np.int64),
        }  # fmt: skip
        nothing, same = np.full(count, np.nan), np.full(count, 0.3)
        some = np.where(np.arange(count) % 2, np.nan, 1.0)
        yield f"{count} as they come", study
        yield f"{count} alike", study | {"value": same, "se": same}
        yield f"{count} alike with SE 0", study | {"value": same, "se": 0 * same, "low": same, "high": same}
        yield f"{count} without intervals", study | {"low": nothing, "high": nothing}
        yield f"{count} without SE and p", study | {"se": nothing, "p": nothing}
        yield f"{count} in part", study | {name: study[name] * some for name in ("se", "low", "high", "p")}
        yield f"{count} huge", study | {"value": 1e200 * value, "se": 1e200 * se}
        yield f"{count} of which some failed", study | {"status": np.where(np.arange(count) % 3, 4, Status.OK)}
        yield f"{count} failed", study | {"status": np.full(count, 4)}


def _all() -> Iterator[tuple[str, int, Mapping[str, Measure]]]:
    """Every measure that is made of every study, against truths that are null, not null, and simulated."""
    for what, study in _studies():
        count = int((study["status"] == Status.OK).sum())
        for truth, error, left_out in ((0.0, 0.0, 0), (0.3, 0.0, 2), (0.3, 0.05, 0), (np.nan, np.nan, 1)):
            at = f"{what}, truth {truth} ({error})"
            yield at, count, performance(**study, truth=truth, truth_mcse=error, left_out=left_out)
            side = in_direction(study["value"], study["p"], study["status"], Measure(truth, error))
            yield at, count, {"in_direction": side}
            other = study | {"value": study["value"][::-1] + 0.1, "p": study["p"][::-1]}
            own = {name: values for name, values in study.items() if name != "se"}
            yield at, count, contrast(own, other, truth, other_truth=None if np.isnan(truth) else truth + 0.1)


def faults() -> list[str]:
    """Where a finite value has no finite error, other than of one replicate alone."""
    return [
        f"{name} of {what}"
        for what, count, found in _all()
        for name, one in found.items()
        if np.isfinite(one.value) and not 0 <= one.mcse < np.inf and not (name in ALONE and (one.n or count) == 1)
    ]


def test_every_finite_measure_has_a_finite_error() -> None:
    assert faults() == []


def test_every_measure_is_finite_somewhere_and_has_an_error_above_0() -> None:
    known = {name for _, _, found in _all() for name, one in found.items() if np.isfinite(one.value) and one.mcse > 0}
    names = {name for _, _, found in _all() for name in found}
    assert names == known
    assert len(names) > 20


@pytest.mark.parametrize("lost", ["_mean", "_spread", "_share", "_root", "_count", "_relative_precision", "_coverage"])
def test_an_error_that_is_nan_is_noticed(lost: str, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = getattr(measured, lost)
    monkeypatch.setattr(measured, lost, lambda *given: replace(honest(*given), mcse=np.nan))
    assert faults() != []


def test_the_exceptions_are_those_of_one_replicate_alone() -> None:
    """Each is met: its value is finite and its error is not."""
    met = {
        name for _, _, found in _all() for name, one in found.items() if np.isfinite(one.value) > np.isfinite(one.mcse)
    }
    assert met == ALONE


@pytest.mark.parametrize("bias", [0.0, 0.5])
def test_the_error_of_coverage_is_its_spread_over_studies_of_100(bias: float) -> None:
    """Each study is judged by a truth of its own, off by 0.1 SD; the root of the mean squared error is the spread.

    Of 1,200 studies the SD is known to 2 %, and a mean square of errors that vary by a fifth better than that. With
    what chance does to the few intervals that change sides taken for an effect of the truth it would be a sixth more.
    """
    rng, errors, found = np.random.default_rng(7), [], []
    for _ in range(1200):
        value = rng.normal(0.3 + bias, 1.0, 100)
        se = rng.chisquare(40, 100) ** 0.5 / 40**0.5
        study = {"value": value, "se": se, "low": value - 1.96 * se, "high": value + 1.96 * se}
        more = {"p": np.full(100, 0.5), "status": np.zeros(100, np.int64)}
        one = performance(**study, **more, truth=0.3 + 0.1 * rng.standard_normal(), truth_mcse=0.1)["coverage"]
        found.append(one.value)
        errors.append(one.mcse)
    ratio = np.sqrt(np.mean(np.square(errors))) / np.std(found, ddof=1)
    assert abs(ratio - 1) < 4 / np.sqrt(2 * 1200)


def test_with_an_exact_truth_coverage_has_the_error_of_a_share() -> None:
    rng = np.random.default_rng(3)
    value, one = rng.normal(size=100), np.ones(100)
    found = performance(value, one, value - 1.5, value + 1.5, one, np.zeros(100, np.int64), truth=0.0)
    for name, measure in found.items():
        if re.search("coverage|convergence|error_failures|type_1", name):
            share = measure.value
            assert measure.mcse == pytest.approx(np.sqrt(share * (1 - share) / 100), rel=1e-12)
