"""Decompose: the published analysis walked to the truth by switching the world's imperfections off.

Every subset of the mechanisms is a cell, on common random numbers. What a mechanism contributes is the mean, over all
orders of switching off, of the step that it makes (Shapley 1953): with v(S) the mean estimate when only the mechanisms
of S are on,

    phi_k = sum over S without k of |S|! (m - |S| - 1)! / m! x (v(S + k) - v(S)),     sum of phi_k = v(all) - v(none).

The step is a linear combination of estimates of the same replicates, so its Monte Carlo SE is that of its mean. The
truths of the cells are taken apart in the same way: a mechanism may change the question too, by changing who is in the
study, and only what it moves beyond that is bias.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import factorial, hypot, sqrt
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.performance import Measure
from benchmarks.questions.ask import Floats, answered, designed, one_estimator, values_of
from benchmarks.scenario import Scenario, Settings
from benchmarks.store import RunError
from benchmarks.verbs import Asked

MOST = 6
Off = dict[str, Any]


@dataclass(frozen=True)
class Mechanism:
    """An imperfection of a world: its name, what a reader calls it, and the settings that switch it off if it is on."""

    name: str
    label: str
    off: Callable[[Scenario], Off]


def _confounding(of: Callable[[Scenario], Mapping[str, Any]]) -> Callable[[Scenario], Off]:
    """Log odds of treatment of the terms of some covariates set to zero."""

    def off(scenario: Scenario) -> Off:
        names = of(scenario)
        return {
            f"treatment.log_odds.{term}": 0.0
            for term, odds in scenario.treatment.log_odds.items()
            if odds and term.replace(">", "=").replace("<", "=").split("=")[0].strip() in names
        }

    return off


def _section(path: str, empty: Any) -> Callable[[Scenario], Off]:
    """A section set to what stands for nothing, where it says something."""

    def off(scenario: Scenario) -> Off:
        here: Any = scenario
        for step in path.split("."):
            here = getattr(here, step, None)
        plain = here.values() if isinstance(here, dict) else [here]
        return {path: empty} if here and any(plain) else {}

    return off


MECHANISMS = (
    Mechanism("confounding", "confounding by measured covariates", _confounding(lambda s: s.population.covariates)),
    Mechanism("hidden", "confounding by hidden covariates", _confounding(lambda s: s.population.hidden)),
    Mechanism("start", "late start of treatment", _section("treatment.start", None)),
    Mechanism("guarantee", "guarantee time", _section("entry.guarantee_months", {})),
    Mechanism("requires", "least amount of treatment", _section("entry.requires", {})),
    Mechanism("complete", "complete follow-up only", _section("entry.complete_follow_up", [])),
    Mechanism("potential", "least potential follow-up", _section("entry.potential_follow_up_months", 0.0)),
    Mechanism("drop-out", "drop-out", _section("followup.dropout", {})),
    Mechanism("informative", "informative drop-out", _section("followup.informative", None)),
    Mechanism("censored-at", "censoring at a conversion", _section("followup.censored_at", {})),
    Mechanism("visits", "progression seen at visits", _section("followup.visit_months", {})),
    Mechanism("centres", "centre effects", _section("centres", None)),
    Mechanism("calendar", "calendar trend", _section("calendar", None)),
    Mechanism("missing", "missing covariates", _section("imperfections.missing", {})),
    Mechanism("misclassified", "misclassified covariates", _section("imperfections.misclassified", {})),
    Mechanism("error", "measurement error", _section("imperfections.error_sd", {})),
    Mechanism("arms", "misrecorded treatment", _section("imperfections.treatment", {})),
    Mechanism("events", "miscounted events", _section("imperfections.endpoints", {})),
)


@dataclass(frozen=True)
class Part:
    """What a mechanism moves, on the scale of the analysis: the mean estimate, averaged over orders, and of that the
    truth and bias; and the estimate when it alone is switched off, or on.
    """

    name: str
    label: str
    estimate: Measure
    truth: Measure
    bias: Measure
    off_alone: Measure
    on_alone: Measure


@dataclass(frozen=True)
class Decomposition:
    """What was found, on the scale of the analysis (the logarithm of a ratio). ``dropped`` replicates lack an estimate
    in some cell. ``residual`` is the bias that is left when everything is off.
    """

    endpoint: str
    estimator: str
    measure: str
    replicates: int
    dropped: int
    estimate: Measure
    truth: Measure
    bias: Measure
    clean_estimate: Measure
    clean_truth: Measure
    residual: Measure
    parts: tuple[Part, ...]
    folder: str


def present(scenario: Scenario, names: Sequence[str] = ()) -> tuple[tuple[Mechanism, Off], ...]:
    """The mechanisms that are on, with what switches them off; those named where any are. RunError where too many."""
    on = {one.name: (one, off) for one in MECHANISMS if (off := one.off(scenario))}
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


def combined(
    weights: Floats, estimates: Floats, truths: Floats, truth_mcse: Floats
) -> tuple[Measure, Measure, Measure]:
    """A linear combination of cells: of their estimates ``(C, R)``, of their truths ``(C,)``, and the difference."""
    step = weights @ estimates
    error = float(step.std(ddof=1) / sqrt(len(step)))
    own = float(np.sqrt((weights**2) @ truth_mcse**2))
    value, truth = float(step.mean()), float(weights @ truths)
    return Measure(value, error), Measure(truth, own), Measure(value - truth, hypot(error, own))


def taken_apart(
    found: Sequence[tuple[str, str]], estimates: Floats, truths: Floats, truth_mcse: Floats
) -> tuple[tuple[Part, ...], tuple[Measure, Measure, Measure], tuple[Measure, Measure, Measure]]:
    """The parts of the named mechanisms, then estimate, truth and bias with all on, and with all off."""
    count, places = len(found), {one: k for k, one in enumerate(subsets(len(found)))}

    def single(plus: tuple[int, ...], minus: tuple[int, ...] | None = None) -> Floats:
        weights = np.zeros(len(places))
        weights[places[plus]] += 1.0
        if minus is not None:
            weights[places[minus]] -= 1.0
        return weights

    def of(weights: Floats) -> tuple[Measure, Measure, Measure]:
        return combined(weights, estimates, truths, truth_mcse)

    everything = tuple(range(count))
    parts = []
    for k, weights in enumerate(shapley(count)):
        rest = tuple(j for j in everything if j != k)
        parts.append(Part(*found[k], *of(weights), of(single(everything, rest))[0], of(single((k,), ()))[0]))
    return tuple(parts), of(single(everything)), of(single(()))


def at(tree: Mapping[str, Any], path: str, scenario: Scenario) -> Any:
    """What a document says at a dotted path whose last step may itself have dots, or what holds where it is silent."""
    here: Any = tree
    if path.startswith("treatment.log_odds."):
        return scenario.treatment.log_odds[path.removeprefix("treatment.log_odds.")]
    for step in path.split("."):
        here = here[step]
    return here


def find(
    asked: Asked, endpoint: str, estimator: str | None, names: Sequence[str], jobs: int, out: Path | None
) -> Decomposition:
    """The published analysis taken apart; RunError where nothing, or too much, is on."""
    mechanisms = present(asked.scenario, names)
    entry, name = one_estimator(asked, endpoint, estimator)
    on = {path: at(asked.document.tree, path, asked.scenario) for _, off in mechanisms for path in off}
    cells: list[Settings] = []
    for own in subsets(len(mechanisms)):
        switched = {path: value for k, (_, off) in enumerate(mechanisms) if k not in own for path, value in off.items()}
        cells.append({**on, **switched})
    study = designed(asked, cells, {"estimators": [entry]})
    result, folder = answered(study, "decompose", jobs, out)
    estimates = np.stack([values_of(result, cell, endpoint, name) for cell in range(len(cells))])
    whole = np.isfinite(estimates).all(axis=0)
    if whole.sum() < 2:
        raise RunError(
            f"{asked.scenario.name}: '{name}' has no estimate in some cell; take another, or more replicates"
        )
    truths = [result.truths[cell, endpoint, name] for cell in range(len(cells))]
    parts, dirty, clean = taken_apart(
        [(one.name, one.label) for one, _ in mechanisms],
        estimates[:, whole],
        np.array([one.value for one in truths]),
        np.array([one.mcse for one in truths]),
    )
    return Decomposition(
        endpoint, name, truths[0].estimand.measure, int(whole.sum()), int((~whole).sum()), *dirty, *clean, parts,
        str(folder),
    )  # fmt: skip
