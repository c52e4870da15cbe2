"""Power: the size, events or follow-up at which a stated analysis reaches a power, or an interval a width.

A coarse geometric grid brackets the answer, a fine one within it is fitted: probit(power) = a + b sqrt(events), or
log(width) = a + b log(events), in the mean events of each cell, and the answer is where the line meets the target; what
size or follow-up gives so many events is interpolated between cells. All cells share their luck, and the error is a
jackknife over groups of replicates, so that it knows. Nothing is extrapolated beyond the bracket. A replicate without
an estimate rejects nothing, and one that rejects on the side away from the true effect, the hazard ratio of the study's
target, has not found it: it is no power. A test lies on the side of its largest statistic.
"""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import exp, isfinite, isnan, log, nan, sqrt
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtri

from analysis.kernels.status import Status
from analysis.survival.schoenfeld import events_for_width, events_needed
from benchmarks.asked.blocks import prepare
from benchmarks.asked.errors import RunError
from benchmarks.asked.load_study import Asked
from benchmarks.asked.scenario import Settings
from benchmarks.performance.measures import Measure
from benchmarks.questions.ask import designed, one_estimator, own_estimands, rows_only, target_text
from benchmarks.questions.multiverse import share
from benchmarks.truth.counted import Truth
from benchmarks.truth.of_cells import target_estimand, truths_of
from benchmarks.words.plain_text import estimated
from simulator.cohort.estimand import SUBDISTRIBUTION
from simulator.mechanisms.entry import DAYS_PER_MONTH, parse_date
from simulator.numerics.arrays import Floats

GROUPS = 20
COARSE, FINE = 7, 5
NEAR = 1.35  # the fine grid reaches so many times above and below the guess
CRUDE = "power-crude"
EFFECT = "outcomes.treatment_effect"
SearchBy = Literal["size", "follow-up"]


@dataclass(frozen=True)
class Goal:
    """What is to be reached: a power at two-sided ``alpha``, or a mean width of the interval on the analysis scale."""

    power: float | None
    width: float | None
    alpha: float


@dataclass(frozen=True)
class PowerAt:
    """One cell: the size or the months of follow-up, the mean events analysed, and the power or mean width."""

    at: float
    events: float
    reached: Measure


@dataclass(frozen=True)
class Needed:
    """Where the goal is reached, each with its Monte Carlo SE, and the points that were fitted; ``misfit`` is the
    largest distance of a point from the line in its SE.
    """

    at: Measure
    events: Measure
    points: tuple[PowerAt, ...]
    coarse: tuple[PowerAt, ...]
    misfit: float


@dataclass(frozen=True)
class Power:
    """What was found: the answer of the stated analysis, of a crude one in the same world without confounding (None
    where it does not get there), and Schoenfeld's; the false positive rate of the stated analysis at the answer. The
    true hazard ratio is that of the target, ``population``.
    """

    endpoint: str
    estimator: str
    population: str
    search: SearchBy
    goal: Goal
    replicates: int
    true_hr: float
    true_mcse: float
    treated: float
    stated: Needed
    randomised: Needed | None
    schoenfeld_events: float
    schoenfeld_at: float
    analysed: float
    false_positive: Measure
    false_favour: Measure
    folder: str


def probit_line(x: Floats, rejected: Floats, total: Floats) -> tuple[float, float]:
    """a and b of probit(p) = a + b x by maximum likelihood from counts ``(C,)``; NaN where they are not finite."""
    beta, design = np.array([0.0, 0.0]), np.stack([np.ones(len(x)), x - x.mean()], axis=1)
    start = np.clip(rejected.sum() / total.sum(), 1e-6, 1 - 1e-6)
    beta[0] = ndtri(start)
    for _ in range(100):
        eta = design @ beta
        density = np.exp(-(eta**2) / 2) / sqrt(2 * np.pi)
        p = np.clip(np.exp(log_ndtr(eta)), 1e-12, 1 - 1e-12)
        weight = total * density**2 / (p * (1 - p))
        score = design.T @ ((rejected - total * p) * density / (p * (1 - p)))
        try:
            step = np.linalg.solve(design.T @ (design * weight[:, None]), score)
        except np.linalg.LinAlgError:
            return nan, nan
        beta = beta + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-10:
            return float(beta[0] - beta[1] * x.mean()), float(beta[1])
    return nan, nan


def solved(at: Floats, events: Floats, reached: Floats, goal: Goal) -> tuple[float, float]:
    """Where the goal is reached and with how many events: places ``(C,)``; events and what is reached ``(C, R)``.

    NaN where that is not within the cells.
    """
    with np.errstate(invalid="ignore"):
        mean = np.nanmean(events, axis=1)
    if goal.power is not None:
        a, b = probit_line(np.sqrt(mean), reached.sum(axis=1), np.full(len(at), float(reached.shape[1])))
        root = (float(ndtri(goal.power)) - a) / b if b else nan
        wanted = root**2 if root > 0 else nan
    else:
        assert goal.width is not None
        b, a = np.polyfit(np.log(mean), np.log(np.nanmean(reached, axis=1)), 1)
        wanted = exp((log(goal.width) - a) / b)
    if not (isfinite(wanted) and mean.min() <= wanted <= mean.max()):
        return nan, nan
    order = np.argsort(mean)
    return float(np.interp(wanted, mean[order], at[order])), wanted


def with_error(at: Floats, events: Floats, reached: Floats, goal: Goal) -> tuple[Measure, Measure]:
    """The answer and its events with jackknife SEs over groups of replicates."""
    whole = solved(at, events, reached, goal)
    group = np.arange(events.shape[1]) % GROUPS
    without = np.array([solved(at, events[:, group != g], reached[:, group != g], goal) for g in range(GROUPS)])
    spread = np.sqrt((GROUPS - 1) / GROUPS * ((without - without.mean(axis=0)) ** 2).sum(axis=0))
    return Measure(whole[0], float(spread[0])), Measure(whole[1], float(spread[1]))


def bracket(at: Floats, reached: Floats, goal: Goal) -> tuple[float, float] | None:
    """The places ``(C,)``, increasing, between which the goal is first reached by ``reached (C,)``; None if never.

    The same place twice where it is reached from the first on.
    """
    enough = reached >= goal.power if goal.power is not None else reached <= (goal.width or nan)
    if not enough.any():
        return None
    first = int(np.argmax(enough))
    return (float(at[max(first - 1, 0)]), float(at[first]))


@dataclass(frozen=True)
class SearchPlan:
    """How cells of a search are made: settings of a place, the estimator, and what is the same in all."""

    asked: Asked
    settings: Callable[[float], Settings]
    fixed: dict[str, Any]
    name: str
    endpoint: str
    sign: float
    goal: Goal
    jobs: int
    out: Path | None

    def run(
        self, stage: str, places: Sequence[float], more: dict[str, Any] | None = None
    ) -> tuple[Floats, Floats, Floats]:
        """Events, what is reached, and patients analysed, ``(C, R)`` each; the events NaN without an estimate."""
        study = designed(self.asked, [self.settings(at) for at in places], {**self.fixed, **(more or {})})
        rows, _ = rows_only(study, f"power-{stage}", self.jobs, self.out / stage if self.out else None)
        made = []
        for cell in range(len(places)):
            numbers, status = rows.of(cell, self.endpoint, self.name)
            ok = status == Status.OK
            count = np.where(ok, numbers["events"], np.nan)
            if self.goal.power is not None:
                with np.errstate(invalid="ignore"):
                    found = (numbers["p"] < self.goal.alpha) & (np.sign(numbers["value"]) == self.sign) & ok
            else:
                found = np.where(ok, numbers["high"] - numbers["low"], np.nan)
            made.append((count, np.asarray(found, np.float64), np.where(ok, numbers["n"], np.nan)))
        events, reached, n = (np.stack(part) for part in zip(*made, strict=True))
        return events, reached, n


def search(plan: SearchPlan, stage: str, least: float, most: float, whole: bool) -> Needed | None:
    """The answer between two places; None where the goal is not reached at the last, or is at the first.

    ``whole`` places are rounded.
    """

    def places(low: float, high: float, count: int) -> Floats:
        made = np.geomspace(low, high, count)
        return np.unique(np.rint(made)) if whole else made

    at = places(least, most, COARSE)
    events, reached, _ = plan.run(f"{stage}-coarse", at.tolist())
    with np.errstate(invalid="ignore"):
        mean = np.nanmean(reached, axis=1)
    coarse = points(at, events, reached)
    between = bracket(at, mean, plan.goal)
    if between is None or between[0] == between[1]:
        return None
    guess = _between(at, mean, between, plan.goal)
    fine = places(max(guess / NEAR, least), min(guess * NEAR, most), FINE)
    events, reached, _ = plan.run(f"{stage}-fine", fine.tolist())
    place, count = with_error(fine, events, reached, plan.goal)
    if not isfinite(place.value):
        return None
    return Needed(place, count, points(fine, events, reached), coarse, misfit(fine, events, reached, plan.goal))


def _between(at: Floats, reached: Floats, ends: tuple[float, float], goal: Goal) -> float:
    """A guess between two places of the coarse grid, straight in probit(power) or log(width) over the place's log."""
    low, high = (float(reached[np.flatnonzero(at == end)[0]]) for end in ends)
    if goal.power is not None:
        y = [float(ndtri(min(max(one, 0.001), 0.999))) for one in (low, goal.power, high)]
    else:
        y = [log(one) for one in (low, goal.width or nan, high)]
    part = (y[1] - y[0]) / (y[2] - y[0]) if y[2] != y[0] else 0.5
    return float(ends[0] * (ends[1] / ends[0]) ** part)


def points(at: Floats, events: Floats, reached: Floats) -> tuple[PowerAt, ...]:
    """The cells as points."""
    with np.errstate(invalid="ignore"):
        means = np.nanmean(events, axis=1)
    return tuple(PowerAt(float(x), float(e), share(r)) for x, e, r in zip(at, means, reached, strict=True))


def misfit(at: Floats, events: Floats, reached: Floats, goal: Goal) -> float:
    """The largest distance of a cell's mean from the fitted line, in its SE."""
    mean = np.nanmean(events, axis=1)
    found = [share(row) for row in reached]
    if goal.power is not None:
        a, b = probit_line(np.sqrt(mean), reached.sum(axis=1), np.full(len(at), float(reached.shape[1])))
        line = np.exp(log_ndtr(a + b * np.sqrt(mean)))
    else:
        b, a = np.polyfit(np.log(mean), np.log([one.value for one in found]), 1)
        line = np.exp(a + b * np.log(mean))
    gaps = [abs(one.value - y) / one.mcse for one, y in zip(found, line, strict=True) if one.mcse > 0]
    return float(max(gaps, default=0.0))


@dataclass(frozen=True)
class Sought:
    """What is looked for, of which endpoint, by what, between which ends (the usual ones where None), and how."""

    endpoint: str
    goal: Goal
    how: SearchBy
    least: float | None
    most: float | None
    jobs: int
    out: Path | None


def planned(asked: Asked, wanted: Sought, estimator: str | None) -> tuple[SearchPlan, Truth, tuple[float, float]]:
    """How an analysis is searched for, the true effect that it is to find, and the ends of the search.

    RunError where there is no effect to find, or the analysis has no such power or width.
    """
    endpoint, goal, how = wanted.endpoint, wanted.goal, wanted.how
    entry, name = one_estimator(asked, endpoint, estimator)
    scenario = asked.scenario
    truth = _true_effect(designed(asked, [{}], {"estimators": [entry]}), endpoint, name, goal, wanted.jobs)
    if goal.power is not None and not abs(truth.value) > 3 * truth.mcse:
        raise RunError(f"{scenario.name}: the true {endpoint} HR is {exp(truth.value):.3f}; there is no effect to find")
    end = parse_date(scenario.entry.accrual.end)

    def settings(at: float) -> Settings:
        if how == "size":
            return {"population.size": int(at)}
        return {"followup.cut_off": (end + datetime.timedelta(days=round(at * DAYS_PER_MONTH))).isoformat()}

    least, most = wanted.least, wanted.most
    low = least if least is not None else 40.0 if how == "size" else 1.0
    high = most if most is not None else 8.0 * scenario.population.size if how == "size" else 72.0
    if not 0 < low < high:
        raise RunError(f"--least {low:g} must lie below --most {high:g}")
    sign = float(np.sign(truth.value))
    made = SearchPlan(asked, settings, {"estimators": [entry]}, name, endpoint, sign, goal, wanted.jobs, wanted.out)
    return made, truth, (low, high)


def find(asked: Asked, wanted: Sought, estimator: str | None) -> Power:
    """The answer; RunError where there is no effect to find, or the goal is not reached within the bracket."""
    plan, truth, (low, high) = planned(asked, wanted, estimator)
    whole = wanted.how == "size"
    stated = search(plan, "stated", low, high, whole)
    if stated is None:
        raise RunError(_beyond(plan, wanted.how, low, high))
    scenario = asked.scenario
    confounding = scenario.treatment.biases("treatment", scenario.around())
    balanced = {path: value for one in confounding for path, value in one.off.items()}
    crude = {"estimators": [_crude(plan.endpoint, truth)], **balanced}
    randomised = search(replace(plan, fixed=crude, name=CRUDE), "randomised", low, high, whole)
    return _beside(plan, wanted.how, truth, stated, randomised)


def _crude(endpoint: str, truth: Truth) -> dict[str, Any]:
    """The model of treatment alone, in everyone, of what has this truth."""
    kind = "fine-gray" if truth.estimand.measure in SUBDISTRIBUTION else "crude"
    return {"kind": kind, "name": CRUDE, "endpoints": [endpoint]}


def _true_effect(asked: Asked, endpoint: str, name: str, goal: Goal, jobs: int) -> Truth:
    """The target's log hazard ratio; RunError for an estimator of something else, or a test that is to have a width."""
    own = own_estimands(asked, endpoint)[name]
    measure = own.measure
    if measure != "none" and not measure.endswith("log_hr"):
        raise RunError(f"'{name}' {estimated(measure)}; power is looked for with a hazard ratio or a test")
    if measure == "none" and (goal.power is None or endpoint not in asked.scenario.endpoints):
        raise RunError(f"'{name}' is a test: it has a power for {', '.join(asked.scenario.endpoints)}, and no interval")
    (cell,) = prepare(asked.cells)
    ratio = own.model_copy(update={"measure": "marginal_log_hr"}) if measure == "none" else own
    question = target_estimand(ratio, asked.scenario.target)
    truth = truths_of(cell, {question: 0.0}, jobs, lambda _: None)[question]
    if isnan(truth.value):
        raise RunError(f"{asked.scenario.name}: {endpoint} has no true hazard ratio in the target: {truth.how}")
    return truth


def _beyond(plan: SearchPlan, how: SearchBy, low: float, high: float) -> str:
    """Why there is no answer: the goal is reached at neither end, or between them at a place that chance hides."""
    ends = [low, high]
    _, reached, _ = plan.run("ends", [float(round(x)) for x in ends] if how == "size" else ends)
    found = [share(row) for row in reached]
    what = "power" if plan.goal.power is not None else "mean width"
    target = plan.goal.power if plan.goal.power is not None else plan.goal.width
    said = " and ".join(f"{one:.3f} at {x:g}" for one, x in zip(found, ends, strict=True))
    where = f"between {how} {low:g} and {high:g}"
    below = [one.value < (target or 0.0) for one in found]
    if below[0] != below[1]:
        return (
            f"{what} {target:g} is reached {where}, but these simulated studies do not tell at which: it is {said}; "
            "take more with --reps, or move --least or --most"
        )
    return f"{what} {target:g} is not reached {where}: it is {said}; move --least or --most"


def _beside(plan: SearchPlan, how: SearchBy, truth: Truth, stated: Needed, randomised: Needed | None) -> Power:
    """The answer with what stands beside it: Schoenfeld's formula, who is analysed, and false positives."""
    goal, scenario, true = plan.goal, plan.asked.scenario, truth.value
    place = float(round(stated.at.value)) if how == "size" else stated.at.value
    both = {"estimators": [*plan.fixed["estimators"], _crude(plan.endpoint, truth)]}
    study = designed(plan.asked, [{**plan.settings(place), EFFECT: value} for value in ("as_stated", "none")], both)
    rows, folder = rows_only(study, "power-answer", plan.jobs, plan.out / "answer" if plan.out else None)
    crude, _ = rows.of(0, plan.endpoint, CRUDE)
    own, status = rows.of(0, plan.endpoint, plan.name)
    null, null_status = rows.of(1, plan.endpoint, plan.name)
    with np.errstate(invalid="ignore"):
        rejects: NDArray[np.bool_] = (null["p"] < goal.alpha) & (null_status == Status.OK)
        favour = rejects & (np.sign(null["value"]) == plan.sign)
    size = place if how == "size" else float(scenario.population.size)
    treated = _share_treated(plan, place)
    needed = (
        events_needed(exp(true), goal.power, treated, goal.alpha)
        if goal.power is not None
        else events_for_width(goal.width or nan, treated, scenario.analysis.survival.level)
    )
    per_patient = float(crude["events"].mean() / crude["n"].mean())
    ok = status == Status.OK
    return Power(
        plan.endpoint, plan.name, target_text(scenario.target), how, goal, len(ok), exp(true), truth.mcse, treated,
        stated, randomised, needed, needed / per_patient if how == "size" else nan, float(own["n"][ok].mean() / size),
        share(rejects), share(favour), folder.as_posix(),
    )  # fmt: skip


def _share_treated(plan: SearchPlan, place: float) -> float:
    """The share of the study's patients who are treated, over some cohorts at the answer."""
    from simulator.world.generate import generate

    (cell,) = prepare(designed(plan.asked, [plan.settings(place)], {}).cells)
    observed = generate(cell.resolved, cell.scenario.run.seed, np.arange(20)).observed
    return float((observed.treated & observed.present).sum() / observed.present.sum())
