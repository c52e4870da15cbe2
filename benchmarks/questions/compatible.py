"""Compatible: which true effects go together with a published estimate, under named suspicions of bias.

For each suspicion the effect, a log hazard ratio on every transition, and the suspected parameters are spread over a
space-filling design (Sobol's points). At each point the whole analysis is simulated, with luck of its own; the
published log HR and the log of its SE have the synthetic likelihood of `benchmarks.questions.emulate`, with the
variance that their printed digits leave. The posterior is that of 16,384 quasi-random draws from the prior, weighted;
true effects, those of the study's target, are read off a surface fitted to the cells' truths. Its Monte Carlo error is
a jackknife over groups of replicates. There is no answer where the paper lies outside what the design simulates, or
where the posterior leans on an edge of the design that is not a bound of the prior.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp, log, nan, sqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from analysis.kernels.status import Status
from benchmarks.asked.errors import RunError
from benchmarks.asked.load_study import Asked
from benchmarks.asked.scenario import Suspected
from benchmarks.questions.ask import (
    aims_of,
    designed,
    one_estimator,
    own_estimands,
    rows_only,
    target_text,
    target_truths,
)
from benchmarks.questions.compatible_paper import Published
from benchmarks.questions.emulate import SummaryMoments, fitted, likelihood, weighted_quantiles
from benchmarks.questions.priors import Space, cell_settings, sobol, space_of
from benchmarks.runs.kept import kept
from benchmarks.words.plain_text import estimated
from simulator.numerics.arrays import Floats
from simulator.numerics.streams import Streams

RMST = "compatible-rmst"
TRUTH_PATIENTS = 200_000  # at each point: the surface through them averages their errors
DRAWS = 2**14
GROUPS = 20
EDGE, MOST_AT_EDGE = 0.02, 0.05
CONFLICT = 0.001
SHARES = np.array([0.05, 0.25, 0.5, 0.75, 0.95])


@dataclass(frozen=True)
class Posterior:
    """One suspicion's answer. Quantiles ``(5,)`` are those of `SHARES`, of the true log HR and the RMST difference,
    with Monte Carlo SEs; ``benefit`` the probability of a true HR below 1. ``refusal`` says why there is no answer.
    ``values``, ``prior`` and ``density`` draw the true log HR.
    """

    name: str
    parameters: tuple[str, ...]
    points: int
    refusal: str | None
    prior_quantiles: Floats
    quantiles: Floats
    quantiles_mcse: Floats
    rmst: Floats
    benefit: float
    effective: float
    distance_p: float
    reach: tuple[float, float]
    emulator_error: float
    warning: str | None
    values: Floats
    prior: Floats
    density: Floats


@dataclass(frozen=True)
class CalibrationCheck:
    """Simulation-based calibration of one suspicion: ranks ``(N,)`` in [0, 1] of the true parameter, coverages."""

    name: str
    runs: int
    ranks: Floats
    uniform_p: float
    covers_50: tuple[float, float]
    covers_90: tuple[float, float]


@dataclass(frozen=True)
class Compatibility:
    """What was found under every suspicion; ``population`` is whose true effect is meant."""

    endpoint: str
    estimator: str
    population: str
    published: Published
    horizon: float
    replicates: int
    posteriors: tuple[Posterior, ...]
    calibrations: tuple[CalibrationCheck, ...]
    folder: str


def weights_of(chance: SummaryMoments, seen: Published) -> tuple[Floats, float]:
    """Normalised weights ``(M,)`` of draws, and the p-value of the paper at its most likely point."""
    height, distance = chance.log(seen.summary, seen.rounding)
    weights = np.exp(height - height.max())
    return weights / weights.sum(), float(chdtrc(2, distance.min()))


def edges(space: Space, drawn: Floats, weights: Floats) -> list[tuple[str, str, float, bool]]:
    """Where the posterior leans on an edge of the design: parameter, side, mass, and whether the prior ends there."""
    found = []
    for d, name in enumerate(space.names):
        low, high = space.box[d]
        prior = space.priors[d]
        bounds = [log(one) if prior.scale == "log" else one for one in prior.bounds]
        width = EDGE * (high - low)
        for side, inside, own in (
            ("lower", drawn[:, d] < low + width, low <= bounds[0]),
            ("upper", drawn[:, d] > high - width, high >= bounds[1]),
        ):
            mass = float(weights[inside].sum())
            if mass > MOST_AT_EDGE:
                found.append((name, side, mass, bool(own)))
    return found


def posterior(
    name: str, space: Space, values: Floats, summaries: Floats, truths: Floats, truth_mcse: Floats, seen: Published
) -> Posterior:
    """The answer of one suspicion from its design: values ``(P, D)``, summaries ``(P, R, 2)``, truths ``(P, 2)``.

    Where other events compete there are truths ``(P, 1)`` of the ratio alone, and the gain of time is NaN.
    """
    x, drawn = space.unit(values), space.drawn(sobol(DRAWS, len(space.names)))
    at = space.unit(drawn)
    chance = likelihood(x, summaries)
    surfaces = [fitted(x, truths[:, k], truth_mcse[:, k] ** 2) for k in range(truths.shape[1])]
    true = [surface.at(at)[0] for surface in surfaces]
    moments = chance.at(at)
    weights, p = weights_of(moments, seen)
    even = np.full(len(at), 1 / len(at))
    quantiles = weighted_quantiles(true[0], weights, SHARES)
    group = np.arange(summaries.shape[1]) % GROUPS
    without = []
    for g in range(GROUPS):
        less, _ = weights_of(likelihood(x, summaries[:, group != g], chance).at(at), seen)
        without.append(weighted_quantiles(true[0], less, SHARES))
    gaps = np.array(without) - np.mean(without, axis=0)
    mcse = np.sqrt((GROUPS - 1) / GROUPS * (gaps**2).sum(axis=0))
    means = moments.mean[0]
    leaning = edges(space, drawn, weights)
    gained = weighted_quantiles(true[1], weights, SHARES) if len(true) > 1 else np.full(len(SHARES), nan)
    likeliest = moments.mean[:, int(weights.argmax())]
    refusal = _refusal(p, seen, means, likeliest, [one for one in leaning if not one[3]])
    warning = "; ".join(f"{100 * one[2]:.0f} % of it at the {one[1]} bound of {one[0]}" for one in leaning if one[3])
    ends = [float(x) for x in np.quantile(true[0], [0.001, 0.999])]
    grid = np.linspace(ends[0], ends[1], 161)
    return Posterior(
        name, space.names, len(values), refusal, weighted_quantiles(true[0], even, SHARES), quantiles, mcse,
        gained, float(weights[true[0] < 0].sum()), float(1 / (weights**2).sum()),
        p, (float(means.min()), float(means.max())), surfaces[0].error, warning or None, grid,
        _density(true[0], even, grid), _density(true[0], weights, grid),
    )  # fmt: skip


def _kept_posterior(
    place: Path, name: str, space: Space, values: Floats, summaries: Floats, truths: Floats, mcse: Floats,
    seen: Published,
) -> Posterior:  # fmt: skip
    """The answer of one suspicion, once found kept in the folder of its rows."""
    arrays = (space.box, values, summaries, truths, mcse, seen.summary, seen.rounding)
    made_of = {
        "name": name,
        "parameters": list(space.names),
        "priors": [one.model_dump(mode="json") for one in space.priors],
        "arrays": [hashlib.sha256(np.ascontiguousarray(one).tobytes()).hexdigest() for one in arrays],
        "draws": DRAWS,
        "groups": GROUPS,
    }
    return kept(
        place, "posterior", made_of, Posterior, lambda: posterior(name, space, values, summaries, truths, mcse, seen)
    )


def _refusal(
    p: float, seen: Published, means: Floats, likeliest: Floats, leaning: Sequence[tuple[str, str, float, bool]]
) -> str | None:
    """Why there is no answer; ``likeliest (2,)`` are the mean log HR and log SE of the most likely point."""
    if p < CONFLICT:
        return (
            f"the published HR {seen.hr:.3g} (SE of log {seen.se:.3g}) is not among what the design simulates: mean "
            f"HRs run from {exp(means.min()):.2f} to {exp(means.max()):.2f}, and at the most likely point, with HR "
            f"{exp(likeliest[0]):.3g} (SE of log {exp(likeliest[1]):.3g}), p is {p:.1g}"
        )
    if leaning:
        name, side, mass, _ = leaning[0]
        return f"{100 * mass:.0f} % of the posterior lies at the {side} end of the design of {name}: widen its prior"
    return None


def _density(values: Floats, weights: Floats, grid: Floats) -> Floats:
    """A weighted kernel density on a grid, Gaussian with Silverman's width."""
    mean = float(weights @ values)
    sd = sqrt(max(float(weights @ (values - mean) ** 2), 1e-12))
    width = 1.06 * sd * min(len(values), 1 / float((weights**2).sum())) ** -0.2
    height = np.empty(len(grid))
    for k, at in enumerate(grid):  # one at a time: the values may be a hundred thousand
        height[k] = weights @ np.exp(-0.5 * ((at - values) / width) ** 2)
    return np.asarray(height / (width * sqrt(2 * np.pi)))


def find(
    asked: Asked, endpoint: str, estimator: str | None, seen: Published, horizon: float, points: int, calibrate: int,
    jobs: int, out: Path | None,
) -> Compatibility:  # fmt: skip
    """The posteriors of every suspicion, and their calibration over so many synthetic papers."""
    entry, name = one_estimator(asked, endpoint, estimator)
    several = (name,) if asked.scenario.endpoints[endpoint].rivals else (name, RMST)
    spec, folder, places = asked.scenario.compatible, "", tuple(asked.scenario.outcomes.places.values())
    posteriors, calibrations = [], []
    for label, suspected in spec.scenarios.items():
        space = space_of(spec.effect, suspected)
        fixed = _fixed(entry, endpoint, horizon if RMST in several else None, suspected, places)
        values = space.spread(sobol(points, len(space.names)))
        seed = asked.scenario.run.seed
        cells = [{**cell_settings(space, one, places), "run.seed": _seed(seed, k)} for k, one in enumerate(values)]
        study = designed(asked, cells, fixed)
        verb, own = f"compatible-{label}", out and out / label
        measure = own_estimands(study, endpoint)[name].measure
        if not measure.endswith("log_hr"):
            raise RunError(f"'{name}' {estimated(measure)}; a published HR needs an estimator of one")
        rows, place = rows_only(study, verb, jobs, own)
        folder = place.as_posix()
        summaries = np.stack([_summary(*rows.of(cell, endpoint, name)) for cell in range(points)])
        if np.isfinite(summaries).all(axis=2).sum(axis=1).min() < GROUPS:
            raise RunError(
                f"{label}: '{name}' has fewer than {GROUPS} estimates with some setting; take more with --reps"
            )
        aims = {one: aims_of(rows, points, endpoint, one) for one in several}
        truths = target_truths(study, verb, endpoint, aims, jobs, own)
        known = (
            np.array([[pair[one].value for one in several] for pair in truths]),
            np.array([[pair[one].mcse for one in several] for pair in truths]),
        )
        posteriors.append(_kept_posterior(place, label, space, values, summaries, *known, seen))
        if calibrate:
            apart = None if out is None else out / f"{label}-calibration"
            calibrations.append(
                _calibrated(
                    asked, label, space, (values, summaries, known[0][:, 0]), entry, fixed, calibrate, jobs, apart
                )
            )
    return Compatibility(
        endpoint,
        name,
        target_text(asked.scenario.target),
        seen,
        horizon,
        asked.scenario.run.replicates,
        tuple(posteriors),
        tuple(calibrations),
        folder,
    )


def _fixed(
    entry: dict[str, Any], endpoint: str, horizon: float | None, suspected: Suspected, places: Iterable[str]
) -> dict[str, Any]:
    rmst = {"kind": "rmst", "name": RMST, "horizon": horizon, "endpoints": [endpoint]}
    return {
        "estimators": [entry] if horizon is None else [entry, rmst],
        "outcomes.treatment_effect": "as_stated",
        **{f"outcomes.{place}.treatment": {"log_hr": 0.0} for place in places},
        "run.truth_patients": TRUTH_PATIENTS,
        **suspected.settings,
    }


def _seed(seed: int, number: int) -> int:
    """Luck of its own for a point: what points share would not average out over the design."""
    return (seed + number) % 2**63


def _summary(numbers: dict[str, Floats], status: NDArray[np.int64]) -> Floats:
    ok = (status == Status.OK) & (numbers["se"] > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(ok[:, None], np.stack([numbers["value"], np.log(numbers["se"])], axis=1), np.nan)


def _calibrated(
    asked: Asked, label: str, space: Space, design: tuple[Floats, Floats, Floats], entry: dict[str, Any],
    fixed: dict[str, Any], runs: int, jobs: int, out: Path | None,
) -> CalibrationCheck:  # fmt: skip
    """Ranks and coverages over synthetic papers with parameters drawn from the prior, each with luck of its own."""
    seed, places = asked.scenario.run.seed, asked.scenario.outcomes.places.values()
    own = Streams(seed)
    luck = np.stack(
        [own.uniform(f"compatible/{label}/{name}", np.zeros(1, np.int64), runs)[0] for name in space.names], axis=1
    )
    values = space.drawn(luck)
    first = len(design[0])
    cells = [{**cell_settings(space, one, places), "run.seed": _seed(seed, first + k)} for k, one in enumerate(values)]
    study = designed(asked, cells, {**fixed, "estimators": [entry], "run.replicates": 1})
    rows, _ = rows_only(study, f"compatible-{label}-calibration", jobs, out)
    papers = np.concatenate([_summary(*rows.of(run, entry["endpoints"][0], entry["name"])) for run in range(runs)])
    return calibration(label, space, *design, values, papers)


def calibration(
    label: str, space: Space, values: Floats, summaries: Floats, truths: Floats, drawn: Floats, papers: Floats
) -> CalibrationCheck:
    """The calibration of a design (``values``, ``summaries``, true log HR ``(P,)``) on papers ``(N, 2)`` of ``drawn``.

    A paper without an estimate is left out. The rank is the posterior probability of an effect below the true one.
    """
    x, at = space.unit(values), space.drawn(sobol(DRAWS, len(space.names)))
    unit = space.unit(at)
    moments, surface = likelihood(x, summaries).at(unit), fitted(x, truths, np.zeros(len(truths)))
    true, known = surface.at(unit)[0], surface.at(space.unit(drawn))[0]
    ranks, inside = [], []
    for paper, own, truth in zip(papers, drawn, known, strict=True):
        if not np.isfinite(paper).all():
            continue
        weights, _ = weights_of(moments, Published(paper, np.zeros(2)))
        ranks.append(float(weights[at[:, 0] < own[0]].sum()))
        low, quarter, _, upper, high = weighted_quantiles(true, weights, SHARES)
        inside.append((quarter <= truth <= upper, low <= truth <= high))
    return checked(label, np.array(ranks), np.array(inside, np.float64))


def checked(label: str, ranks: Floats, inside: Floats) -> CalibrationCheck:
    """Whether ranks ``(N,)`` are uniform (chi-square, ten bins), and how often intervals ``(N, 2)`` hold the truth."""
    count = len(ranks)
    if not count:
        return CalibrationCheck(label, 0, ranks, nan, (nan, nan), (nan, nan))
    bins = np.histogram(ranks, bins=10, range=(0.0, 1.0))[0]
    p = float(chdtrc(9, ((bins - count / 10) ** 2 / (count / 10)).sum()))
    found = [(float(one.mean()), sqrt(float(one.mean()) * (1 - float(one.mean())) / count)) for one in inside.T]
    return CalibrationCheck(label, count, ranks, p, found[0], found[1])
