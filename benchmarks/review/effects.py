"""Which effects are plausible, as a ratio under each suspicion and in absolute terms.

The plausible ratios are those of `benchmarks.questions.compatible`: as the world says, under each suspicion up to its
usual size, and under all at once. Absolute terms are counted in large simulated cohorts of the study's target
population, each patient under either arm with nobody censored: the twin's own effect, and for the ends of the range the
common effects on all hazards whose ratio they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, log, nan
from pathlib import Path

import numpy as np

from benchmarks.asked.blocks import PATIENTS_PER_BLOCK
from benchmarks.asked.load_study import Asked
from benchmarks.asked.scenario import Compatible, Scenario, Suspected, Target
from benchmarks.questions import compatible
from benchmarks.questions.ask import designed, one_estimator, target_truths
from benchmarks.questions.compatible import Compatibility
from benchmarks.questions.compatible_paper import Published
from benchmarks.review.suspicions import Suspicion, together
from benchmarks.runs.kept import kept
from simulator.documents.loading import digest, parse, with_values
from simulator.numerics.arrays import Floats
from simulator.world.generate import generate, resolve

AS_STATED, ALL = "as-stated", "all-at-once"
POINTS = 40
TRUTH_PATIENTS = 40_000
PATIENTS = 60_000
KEPT = "kept"
"""The folder of a review that keeps what was computed for it."""
BEYOND, STEPS = 1.25, 121
LEVELS = tuple(round(-2.5 + 0.25 * k, 2) for k in range(17))
MARKS = ((3, 6), (6, 12), (12, 24), (24, 60), (60, 120), (120, 240))
"""Pairs of months at which patients are counted."""


@dataclass(frozen=True)
class ArmOutcome:
    """What becomes of the target population in one arm: shares without the event at each mark, the median, the mean.

    The median is +inf where fewer than half have the event; the mean is of the time without it up to the last mark.
    ``course (T,)`` are shares without it at times from 0 to `BEYOND` times the last mark, evenly apart.
    """

    free: tuple[float, ...]
    median: float
    mean: float
    course: Floats = field(compare=False, repr=False)


@dataclass(frozen=True)
class Absolute:
    """Both arms, the untreated first, each with errors; ``patients`` were simulated. ``mcse`` are of the shares."""

    untreated: ArmOutcome
    treated: ArmOutcome
    mcse: float
    patients: int

    @property
    def gained(self) -> float:
        """The share that is without the event at the last mark by treatment."""
        return self.treated.free[-1] - self.untreated.free[-1]


@dataclass(frozen=True)
class TwinTruth:
    """A true ratio of the twin, and the simulation error of its logarithm."""

    hr: float
    log_mcse: float


@dataclass(frozen=True)
class PlausibleEffects:
    """Plausible ratios, and absolute terms of the twin's effect and of the weakest and the strongest plausible one.

    ``true`` is the twin's own ratio in the target population. ``low`` and ``high`` are ends of the plausible ratios
    under any one suspicion, NaN where no suspicion has an answer; then ``at_low`` and ``at_high`` are None.
    ``compatible`` is None where the paper prints no ratio.
    """

    compatible: Compatibility | None
    marks: tuple[float, ...]
    true: float
    true_mcse: float
    twin: Absolute
    low: float
    high: float
    at_low: Absolute | None
    at_high: Absolute | None


def marks_of(scenario: Scenario, scale: float) -> tuple[float, float]:
    """Two times at which patients are counted, in the world's unit.

    The later is at most four times ``scale``, and one for which one patient in ten could be followed.
    """
    month, most = scenario.per_month, min(4 * scale, follow_up(scenario, 0.9))
    fitting = [pair for pair in MARKS if pair[1] * month <= most] or [MARKS[0]]
    first, second = fitting[-1]
    return first * month, second * month


def outcome(scenario: Scenario, endpoint: str, marks: Sequence[float], patients: int = PATIENTS) -> Absolute:
    """What becomes of the target population under either arm, nobody being censored."""
    resolved, size = resolve(scenario), scenario.screened()
    block = max(1, PATIENTS_PER_BLOCK // size)
    count = max(20, -(-patients // size))
    times: list[list[Floats]] = [[], []]
    weights: list[Floats] = []
    for first in range(0, count, block):
        made = generate(resolved, scenario.run.seed, np.arange(first, min(first + block, count), dtype=np.int64))
        weights.append(weight_of(scenario.target, made.hidden.assigned, made.hidden.propensity).ravel())
        for arm in (0, 1):
            times[arm].append(np.asarray(made.hidden.latent[endpoint][arm], np.float64).ravel())
    weight = np.concatenate(weights)
    arms = [_arm(np.concatenate(own), weight, marks) for own in times]
    total = float(weight.sum() ** 2 / (weight**2).sum())
    share = arms[1].free[-1]
    return Absolute(arms[0], arms[1], float(np.sqrt(share * (1 - share) / total)), round(total))


def weight_of(target: Target, assigned: np.ndarray, propensity: Floats) -> Floats:
    """How much each patient ``(R, N)`` counts in a target population at time zero; of ``all`` each counts alike."""
    match target.population:
        case "treated":
            return assigned.astype(np.float64)
        case "untreated":
            return (~assigned).astype(np.float64)
        case "overlap":
            return propensity * (1 - propensity)
        case "matching_weight":
            return np.minimum(propensity, 1 - propensity)
        case _:
            return np.ones(assigned.shape)


def _arm(time: Floats, weight: Floats, marks: Sequence[float]) -> ArmOutcome:
    share = weight / weight.sum()
    order = np.argsort(time)
    past = np.cumsum(share[order])
    at = int(np.searchsorted(past, 0.5))
    median = float(time[order[at]]) if at < len(time) else inf
    free = tuple(min(float(share[time > mark].sum()), 1.0) for mark in marks)  # a sum of parts may exceed it
    grid = course_times(marks)
    before = np.searchsorted(time[order], grid, side="right")
    course = 1 - np.concatenate([[0.0], past])[before]
    return ArmOutcome(free, median, float(np.minimum(time, marks[-1]) @ share), course)


def course_times(marks: Sequence[float]) -> Floats:
    """The times ``(T,)`` of courses."""
    return np.linspace(0.0, BEYOND * marks[-1], STEPS)


def follow_up(scenario: Scenario, share: float) -> float:
    """The time that so large a share of the included could be followed at most, from entry to the end of the study."""
    count = max(1, PATIENTS // (10 * scenario.screened()))
    made = generate(resolve(scenario), scenario.run.seed, np.arange(count, dtype=np.int64))
    entered = made.hidden.entry[made.observed.present]
    until = scenario.followup.administrative(scenario.entry.accrual.start, entered, scenario.per_month)
    return float(np.quantile(until, share)) if len(until) else inf


def scale_of(scenario: Scenario, endpoint: str) -> float:
    """The time in which half of the untreated of the target population have the event, or half of those who ever do.

    At most the time for which half of the patients could be followed: what happens later is in no paper.
    """
    return min(_time_of_half(scenario, endpoint), follow_up(scenario, 0.5))


def _time_of_half(scenario: Scenario, endpoint: str) -> float:
    found = outcome(scenario, endpoint, (1.0,), PATIENTS // 3).untreated.median
    if np.isfinite(found) and found > 0:
        return found
    resolved = resolve(scenario)
    made = generate(resolved, scenario.run.seed, np.arange(20, dtype=np.int64))
    time = made.hidden.latent[endpoint][0]
    had = time[np.isfinite(time)]
    return float(np.median(had)) if len(had) else 12.0 * scenario.per_month


def kept_outcome(scenario: Scenario, endpoint: str, marks: Sequence[float], out: Path) -> Absolute:
    """The same as `outcome`, kept in a folder once it was counted."""
    made_of = {"world": digest(scenario), "endpoint": endpoint, "marks": list(marks), "patients": PATIENTS}
    return kept(out / KEPT, "outcome", made_of, Absolute, lambda: outcome(scenario, endpoint, marks, PATIENTS))


def find(
    asked: Asked, endpoint: str, analysis: str | None, several: Sequence[Suspicion], seen: Published | None,
    truth: TwinTruth, scale: float, jobs: int, out: Path,
) -> PlausibleEffects:  # fmt: skip
    """The plausible effects under each suspicion; ``seen`` is the published ratio with its interval, None for none."""
    marks = marks_of(asked.scenario, scale)
    twin = kept_outcome(asked.scenario, endpoint, marks, out)
    if seen is None:
        return PlausibleEffects(None, marks, truth.hr, truth.log_mcse, twin, nan, nan, None, None)
    asking = _asking(asked, several)
    found = compatible.find(asking, endpoint, analysis, seen, marks[-1], POINTS, 0, jobs, out / "plausible")
    alone = [one for one in found.posteriors if one.name != ALL and not one.refusal]
    low, high = (
        (float(np.exp(min(one.quantiles[0] for one in alone))), float(np.exp(max(one.quantiles[-1] for one in alone))))
        if alone
        else (nan, nan)
    )
    at_low, at_high = _at_ends(asked, endpoint, analysis, marks, (low, high), jobs, out) if alone else (None, None)
    return PlausibleEffects(found, marks, truth.hr, truth.log_mcse, twin, low, high, at_low, at_high)


def _asking(asked: Asked, several: Sequence[Suspicion]) -> Asked:
    """The study with the suspicions that are asked of `compatible`, beside those that it names itself."""
    few = {"run.truth_patients": TRUTH_PATIENTS}
    own = {name: one for name, one in asked.scenario.compatible.scenarios.items() if name != AS_STATED}
    made: dict[str, Suspected] = {AS_STATED: Suspected(settings=few)}
    raised: dict[str, Suspected] = {one.name: one.asked for one in several}
    for name, one in {**own, **raised}.items():
        made[name] = one.model_copy(update={"settings": {**few, **one.settings}})
    if len(several) > 1:
        whole = together(tuple(several))
        made[ALL] = whole.model_copy(update={"settings": {**few, **whole.settings}})
    wanted = Compatible(effect=asked.scenario.compatible.effect).model_copy(update={"scenarios": made})
    return Asked(
        asked.document, asked.scenario.model_copy(update={"compatible": wanted}), asked.cells, asked.trust
    )  # fmt: skip


def own_truth(asked: Asked, endpoint: str, analysis: str | None, jobs: int, out: Path) -> TwinTruth:
    """The twin's own true ratio in the target population, in the marginal measure of the analysis."""
    entry, name = one_estimator(asked, endpoint, analysis)
    study = designed(asked, [{}], {"estimators": [entry], "run.truth_patients": 10 * TRUTH_PATIENTS})
    (found,) = target_truths(study, "review-truth", endpoint, {name: [0.005]}, jobs, out / "truth")
    return TwinTruth(float(np.exp(found[name].value)), found[name].mcse)


def _at_ends(
    asked: Asked,
    endpoint: str,
    analysis: str | None,
    marks: Sequence[float],
    ends: tuple[float, float],
    jobs: int,
    out: Path,
) -> list[Absolute]:
    """Absolute terms under common effects on every hazard that have the ratios ``ends`` in the target population."""
    entry, name = one_estimator(asked, endpoint, analysis)
    places = tuple(asked.scenario.outcomes.places.values())
    fixed = {
        "estimators": [entry],
        "run.truth_patients": TRUTH_PATIENTS,
        "outcomes.treatment_effect": "as_stated",
        **{f"outcomes.{place}.treatment": {"log_hr": 0.0} for place in places},
    }
    cells = [{f"outcomes.{place}.treatment.log_hr": level for place in places} for level in LEVELS]
    study = designed(asked, cells, fixed)
    found = target_truths(study, "review-levels", endpoint, {name: [0.01] * len(LEVELS)}, jobs, out / "levels")
    true = np.array([one[name].value for one in found])
    made = []
    for end in ends:
        level = float(np.interp(log(end), true, LEVELS))
        settings = {**fixed, **{f"outcomes.{place}.treatment.log_hr": level for place in places}}
        world = parse(with_values(asked.document, {**settings, "sweep": {}}), Scenario)
        made.append(kept_outcome(world, endpoint, marks, out))
    return made


def as_ratios(found: Compatibility | None) -> Mapping[str, tuple[float, float, float] | str]:
    """By suspicion: the plausible ratio's 5 %, middle and 95 %, or why there is none; empty without a printed ratio."""
    if found is None:
        return {}
    return {
        one.name: one.refusal
        or (float(np.exp(one.quantiles[0])), float(np.exp(one.quantiles[2])), float(np.exp(one.quantiles[-1])))
        for one in found.posteriors
    }
