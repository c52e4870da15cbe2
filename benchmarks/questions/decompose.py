"""Decompose: the published analysis walked to a clean one by switching the world's imperfections off.

Every subset of the mechanisms is a cell, on common random numbers. What a mechanism contributes is the mean, over all
orders of switching off, of the step that it makes (Shapley 1953): with v(S) the mean estimate when only the mechanisms
of S are on,

    phi_k = sum over S without k of |S|! (m - |S| - 1)! / m! x (v(S + k) - v(S)),     sum of phi_k = v(all) - v(none).

The step is a linear combination of estimates of the same replicates, so its Monte Carlo SE is that of its mean. Bias is
told against a fixed target: the truth of the study's target in the full world. That truth does not move when mechanisms
are switched off, so what the estimate moves is what the bias moves. Where a mechanism changes the world for which the
target's truth stands (who is treated, how long patients are followed), what it moves of that truth is taken apart in
the same way and stands beside the estimate, in a column of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import factorial, hypot, isfinite, sqrt
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.asked.errors import RunError
from benchmarks.asked.load_study import Asked
from benchmarks.asked.scenario import Scenario, Settings
from benchmarks.performance.measures import Measure
from benchmarks.questions.ask import (
    aims_of,
    designed,
    one_estimator,
    own_estimands,
    rows_only,
    target_text,
    target_truths,
    values_of,
)
from benchmarks.study.running import asks_another
from simulator.mechanisms.contract import Bias
from simulator.numerics.arrays import Floats

MOST = 6


@dataclass(frozen=True)
class MechanismPart:
    """What a mechanism moves, on the scale of the analysis, averaged over orders: the mean ``estimate``, which is what
    it moves of the bias, and the truth of the ``target``; and the estimate when it alone is switched off, or on.
    """

    name: str
    label: str
    estimate: Measure
    target: Measure
    off_alone: Measure
    on_alone: Measure


@dataclass(frozen=True)
class Decomposition:
    """What was found, on the scale of the analysis (the logarithm of a ratio). ``dropped`` replicates lack an estimate
    in some cell. ``truth`` is that of the target (``population``) in the full world, and ``bias`` and ``residual`` are
    what the estimate lies off it with everything on, and off; ``clean_truth`` is the target's own with everything off,
    and ``clean_bias`` what the estimate lies off that. ``asks_another``: the analysis is given covariates, and answers
    another question than the target's.
    """

    endpoint: str
    estimator: str
    measure: str
    horizon: float | None
    time_unit: str
    asks_another: bool
    population: str
    replicates: int
    dropped: int
    estimate: Measure
    truth: Measure
    bias: Measure
    clean_estimate: Measure
    clean_truth: Measure
    residual: Measure
    clean_bias: Measure
    parts: tuple[MechanismPart, ...]
    folder: str


def present(scenario: Scenario, names: Sequence[str] = ()) -> tuple[Bias, ...]:
    """The biases that are on, with what switches them off; those named where any are. RunError where too many."""
    on = {one.name: one for one in scenario.around().biases()}
    known = ", ".join(on) or "none"
    for name in names:
        if name not in on:
            raise RunError(f"--mechanism {name}: not among those that are on in {scenario.name}: {known}")
    found = tuple(on[name] for name in dict.fromkeys(names)) if names else tuple(on.values())
    if not found:
        raise RunError(f"{scenario.name}: no imperfection is on, there is nothing to take apart")
    if len(found) > MOST:
        raise RunError(
            f"{scenario.name}: {len(found)} mechanisms are on ({known}); name at most {MOST} with --mechanism"
        )
    return found


def subsets(count: int) -> list[tuple[int, ...]]:
    """Every subset of so many mechanisms, those that are on: the empty one first, all last."""
    return [one for size in range(count + 1) for one in combinations(range(count), size)]


def shapley(count: int) -> Floats:
    """The weight ``(m, 2^m)`` of each subset's value, in the order of `subsets`, in each mechanism's contribution."""
    places = {one: k for k, one in enumerate(subsets(count))}
    weights = np.zeros((count, len(places)))
    for one, place in places.items():
        for k in range(count):
            if k in one:
                rest = tuple(j for j in one if j != k)
                weight = factorial(len(rest)) * factorial(count - len(rest) - 1) / factorial(count)
                weights[k, place] += weight
                weights[k, places[rest]] -= weight
    return weights


def estimate_step(weights: Floats, estimates: Floats) -> Measure:
    """A linear combination of the mean estimates of cells ``(C, R)`` with its Monte Carlo SE."""
    step = weights @ estimates
    return Measure(float(step.mean()), float(step.std(ddof=1) / sqrt(len(step))))


def truth_step(weights: Floats, truths: Floats, truth_mcse: Floats) -> Measure:
    """A linear combination of the truths of cells ``(C,)``; its error counts theirs as unrelated.

    Cells of equal truth and error are one world to the target, and have one error.
    """
    groups: dict[tuple[float, float], float] = {}
    for weight, truth, mcse in zip(weights, truths, truth_mcse, strict=True):
        key = float(truth), float(mcse)
        groups[key] = groups.get(key, 0.0) + float(weight)
    error = sqrt(sum((weight * mcse) ** 2 for (_, mcse), weight in groups.items()))
    return Measure(sum(weight * truth for (truth, _), weight in groups.items()), error)


def off(estimate: Measure, truth: Measure) -> Measure:
    """What an estimate lies off a truth."""
    return Measure(estimate.value - truth.value, hypot(estimate.mcse, truth.mcse))


def taken_apart(
    found: Sequence[tuple[str, str]], estimates: Floats, truths: Floats, truth_mcse: Floats
) -> tuple[tuple[MechanismPart, ...], tuple[Measure, Measure], tuple[Measure, Measure]]:
    """The parts of the named mechanisms, then the estimate and the target's truth with all on, and with all off."""
    count, places = len(found), {one: k for k, one in enumerate(subsets(len(found)))}

    def single(plus: tuple[int, ...], minus: tuple[int, ...] | None = None) -> Floats:
        weights = np.zeros(len(places))
        weights[places[plus]] += 1.0
        if minus is not None:
            weights[places[minus]] -= 1.0
        return weights

    def both(weights: Floats) -> tuple[Measure, Measure]:
        return estimate_step(weights, estimates), truth_step(weights, truths, truth_mcse)

    everything = tuple(range(count))
    parts = []
    for k, weights in enumerate(shapley(count)):
        rest = tuple(j for j in everything if j != k)
        alone = estimate_step(single(everything, rest), estimates), estimate_step(single((k,), ()), estimates)
        parts.append(MechanismPart(*found[k], *both(weights), *alone))
    return tuple(parts), both(single(everything)), both(single(()))


def at(tree: Mapping[str, Any], path: str, scenario: Scenario) -> Any:
    """What a document says at a dotted path whose last step may itself have dots, or what holds where it is silent."""
    here: Any = tree
    if path.startswith("treatment.log_odds."):
        return getattr(scenario.treatment, "log_odds", {})[path.removeprefix("treatment.log_odds.")]
    for step in path.split("."):
        here = here[step]
    return here


def find(
    asked: Asked, endpoint: str, estimator: str | None, names: Sequence[str], jobs: int, out: Path | None
) -> Decomposition:
    """The published analysis taken apart; RunError where nothing, or too much, is on."""
    mechanisms = present(asked.scenario, names)
    entry, name = one_estimator(asked, endpoint, estimator)
    on = {path: at(asked.document.tree, path, asked.scenario) for one in mechanisms for path in one.off}
    cells: list[Settings] = []
    for own in subsets(len(mechanisms)):
        switched = [one.off for k, one in enumerate(mechanisms) if k not in own]
        cells.append({**on, **{path: value for off in switched for path, value in off.items()}})
    study = designed(asked, cells, {"estimators": [entry]})
    own_question = own_estimands(study, endpoint)[name]
    if own_question.measure == "none":
        raise RunError(f"'{name}' is a test, which has no size to take apart; take an estimator")
    rows, folder = rows_only(study, "decompose", jobs, out)
    estimates = np.stack([values_of(rows, cell, endpoint, name) for cell in range(len(cells))])
    whole = np.isfinite(estimates).all(axis=0)
    if whole.sum() < 2:
        raise RunError(
            f"{asked.scenario.name}: '{name}' has no estimate with some setting; take another, or more with --reps"
        )
    aim = min(aims_of(rows, len(cells), endpoint, name))  # one for all: what moves no truth shall leave it as it is
    truths = [one[name] for one in target_truths(study, "decompose", endpoint, {name: [aim] * len(cells)}, jobs, out)]
    if not all(isfinite(one.value) for one in truths):
        raise RunError(f"'{name}': what it estimates has no true value in the target ({truths[0].how})")
    parts, (estimate, truth), (clean, clean_truth) = taken_apart(
        [(one.name, one.label) for one in mechanisms],
        estimates[:, whole],
        np.array([one.value for one in truths]),
        np.array([one.mcse for one in truths]),
    )
    return Decomposition(
        endpoint, name, truths[0].estimand.measure, own_question.horizon, asked.scenario.time_unit,
        asks_another(own_question),
        target_text(asked.scenario.target), int(whole.sum()), int((~whole).sum()), estimate, truth,
        off(estimate, truth), clean, clean_truth, off(clean, truth),
        off(clean, clean_truth), parts, folder.as_posix(),
    )  # fmt: skip
