"""Answers that are found by simulation: published ones, and those that theory gives."""

import tempfile
from math import log, nan
from pathlib import Path

import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq

from analysis.kernels.status import Status
from analysis.propensity import weighting
from analysis.propensity.logistic_models import logistic
from analysis.survival import statistics
from benchmarks.asked.blocks import prepare
from benchmarks.asked.load_study import load_study
from benchmarks.performance.measures import Measure
from benchmarks.runs.manifest import manifest, open_folder
from benchmarks.study.running import StudyResult, Work, run_study
from benchmarks.validation.check import Check, printed
from benchmarks.words.plain_text import measures
from simulator.numerics.arrays import Bools, Floats
from simulator.numerics.streams import Streams
from simulator.world.generate import generate, resolve

BLOCK = 100


def relative_hazard(replicates: int, jobs: int) -> list[Check]:
    """The simulation of the data set relhaz of the R package rsimsum: bias of Cox and of exponential regression."""
    name = "relative hazards"
    result = study("relative-hazard", (), replicates, jobs)
    known = {  # cell: what, bias and its Monte Carlo SE over 100 replicates
        0: ("Cox, n 50, exponential truth", 0.0215, 0.0328),
        1: ("Cox, n 50, Weibull truth", -0.0282, 0.0311),
        2: ("Cox, n 250, exponential truth", -0.0215, 0.0149),
        3: ("Cox, n 250, Weibull truth", -0.0120, 0.0133),
    }
    checks, endpoint = [], next(iter(result.cells[0].scenario.endpoints))
    for cell, (what, bias, mcse) in known.items():
        found = measures(result, cell, endpoint, "crude", "own")
        checks.append(Check(name, f"bias, {what}", against(found["mean"], -0.5), Measure(bias, mcse)))
    wrong = measures(result, 3, endpoint, "exponential", "own")
    checks.append(
        Check(
            name, "bias, exponential model, n 250, Weibull truth", against(wrong["mean"], -0.5), Measure(0.148, 0.009)
        )
    )
    cover = Measure(0.85, (0.85 * 0.15 / 100) ** 0.5)
    checks.append(Check(name, "coverage, exponential model, n 250, Weibull truth", wrong["coverage"], cover))
    return checks


def illness_death(replicates: int, jobs: int) -> list[Check]:  # noqa: ARG001
    """Hazards 0.1 to illness, 0.05 to death, 0.12 to death after it: medians, and the correlation of both endpoints."""
    name = "illness-death process"
    world = load_study("illness-death").scenario
    hidden = generate(resolve(world), world.run.seed, np.arange(replicates)).hidden.latent
    death, either = world.endpoints
    last, first = hidden[death][0], hidden[either][0]

    def alive(t: float) -> float:
        """Survival: alive without the illness, or ill at u and alive since."""
        return float(np.exp(-0.15 * t) + quad(lambda u: 0.1 * np.exp(-0.15 * u - 0.12 * (t - u)), 0, t)[0])

    exact = brentq(lambda t: alive(t) - 0.5, 1, 50, xtol=1e-12)
    found = [
        (f"median {either}", mean_of(np.median(first, axis=1)), Measure(log(2) / 0.15, 0.0)),
        (f"median {death}, by quadrature", mean_of(np.median(last, axis=1)), Measure(exact, 0.0)),
        (f"median {death}, as printed", mean_of(np.median(last, axis=1)), printed(9.61, 2)),
        (
            f"correlation of {either} and {death}",
            mean_of(np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(first, last, strict=True)])),
            printed(0.65, 2),
        ),
    ]
    return [Check(name, what, ours, known) for what, ours, known in found]


def randomised(replicates: int, jobs: int) -> list[Check]:  # noqa: ARG001
    """The power of a log-rank test in a trial of 434 patients, after 227 events and after 18 months."""
    name = "randomised trial of 434"
    world = load_study("randomised-434").scenario
    made = resolve(world)
    rejected: dict[str, list[Bools]] = {"events": [], "months": []}
    for first in range(0, replicates, BLOCK):
        cohorts = generate(made, world.run.seed, np.arange(first, min(first + BLOCK, replicates)))
        observed, entry = cohorts.observed, cohorts.hidden.entry
        course, here = observed.endpoints[next(iter(observed.endpoints))], observed.present
        died = np.where(here & course.event, entry + course.time, np.inf)
        stops = {"events": np.sort(died, axis=1)[:, 226:227], "months": np.full((len(died), 1), 18.0)}
        for kind, stop in stops.items():
            seen = here & (entry < stop)
            time, event = np.minimum(course.time, stop - entry), course.event & (died <= stop)
            test = statistics.logrank(np.where(seen, time, 1.0), event, observed.treated, present=seen)
            z = (test.observed[:, 1] - test.expected[:, 1]) / np.sqrt(test.variance)
            rejected[kind].append(z < -1.959963984540054)
    power = {kind: share(np.concatenate(parts)) for kind, parts in rejected.items()}
    return [
        Check(name, "power at 227 events", power["events"], printed(0.90, 2)),
        Check(name, "power after 18 months", power["months"], printed(0.93, 2)),
    ]


def inverse_weighting(replicates: int, jobs: int) -> list[Check]:  # noqa: ARG001
    """1,000 patients, p uniform, treatment Bernoulli(p), hazard 0.001 (4 if treated) (1 + p), exponential censoring.

    Coverage of log 4, which is the conditional log hazard ratio, by models whose target is the marginal one.
    """
    name = "inverse weighting"
    kinds = ("unadjusted", "weighted, naive SE", "weighted, robust SE")
    values: dict[str, list[Floats]] = {kind: [] for kind in kinds}
    errors: dict[str, list[Floats]] = {kind: [] for kind in kinds}
    for first in range(0, replicates, BLOCK):
        p, treated, time, event = _confounded(np.arange(first, min(first + BLOCK, replicates)), 1000)
        fit = logistic(np.log(p / (1 - p))[..., None], treated)
        share_treated = treated.mean(axis=1, keepdims=True)
        arm = np.where(treated, share_treated, 1 - share_treated)
        weight = arm * weighting.ipw(fit.fitted, treated, "ate")
        everyone = np.broadcast_to(np.arange(1000), weight.shape)
        x = treated[..., None].astype(float)
        plain = statistics.cox(time, event, x)
        weighted = statistics.cox(time, event, x, weight=weight, cluster=everyone)
        assert weighted.robust_se is not None
        if (weighted.status != Status.OK).any():
            raise RuntimeError("a weighted Cox model of the known study has no estimate")
        for kind, made, se in (
            (kinds[0], plain, plain.se), (kinds[1], weighted, weighted.se), (kinds[2], weighted, weighted.robust_se),
        ):  # fmt: skip
            values[kind].append(made.beta[:, 0])
            errors[kind].append(se[:, 0])
    ranges = dict(zip(kinds, ((0.68, 0.72), (0.79, 0.80), (0.935, 0.944)), strict=True))
    checks = []
    for kind in kinds:
        value, se = np.concatenate(values[kind]), np.concatenate(errors[kind])
        covered = share(np.abs(value - log(4)) < 1.959963984540054 * se)
        low, high = ranges[kind]
        checks.append(
            Check(name, f"coverage of log 4, {kind}", covered, Measure((low + high) / 2, (high - low) / 12**0.5))
        )
    return checks


def _confounded(replicates: np.ndarray, n: int) -> tuple[Floats, Bools, Floats, Bools]:
    """p, treatment, time and event ``(R, n)`` of the patients of `inverse_weighting`."""
    streams = Streams(4)
    p = streams.uniform("p", replicates, n)
    treated = streams.uniform("treatment", replicates, n) < p
    death = streams.exponential("death", replicates, n) / (0.001 * np.where(treated, 4.0, 1.0) * (1 + p))
    censoring = streams.exponential("censoring", replicates, n) / 0.01
    return p, treated, np.minimum(death, censoring), death <= censoring


def study(name: str, settings: tuple[str, ...], replicates: int, jobs: int) -> StudyResult:
    """A shipped study run whole, in a folder that is not kept."""
    asked = load_study(name, settings, replicates)
    with tempfile.TemporaryDirectory() as place:
        folder = open_folder(Path(place), asked.document, manifest(asked.document, asked.scenario.run.seed))
        return run_study(prepare(asked.cells), folder, Work(jobs), lambda stage, done, total: None)  # noqa: ARG005


def mean_of(values: Floats) -> Measure:
    """The mean of replicates with its Monte Carlo standard error."""
    return Measure(float(values.mean()), float(values.std(ddof=1)) / len(values) ** 0.5)


def share(hits: Bools) -> Measure:
    """The share of hits with its Monte Carlo standard error, which is not taken to be zero where all or none hit."""
    count = len(hits)
    part = (float(hits.sum()) + 0.5) / (count + 1)
    return Measure(float(hits.mean()) if count else nan, (part * (1 - part) / max(count, 1)) ** 0.5)


def against(mean: Measure, truth: float) -> Measure:
    """The bias of a mean."""
    return Measure(mean.value - truth, mean.mcse)
