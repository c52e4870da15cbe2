"""Matching of treated patients with controls, in blocks: greedy on a score, and all else that a plan can say."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.distances import labels, match_any, whitened
from analysis.kernels.matching import CLOSEST, GIVEN, LARGEST, SMALLEST, match_block, number_sets
from analysis.kernels.status import Status
from analysis.matching_plan import MatchingPlan
from analysis.survival_data import time_order
from simulator.cohort import Bools, Floats, Observed
from simulator.streams import Streams
from simulator.terms import design

Ints = NDArray[np.int64]

_ORDERS = {"largest": LARGEST, "smallest": SMALLEST, "random": GIVEN, "data": GIVEN, "closest": CLOSEST}


@dataclass(frozen=True)
class Matching:
    """Matched sets: ``controls (R, N, ratio)`` of the treated (-1: none), ``pair (R, N)`` the set's number or -1.

    ``weight (R, N)`` is 0 for who is not matched, 1 for the treated; controls have MatchIt's weights (1 each where
    matching is 1:1 without replacement). ``width (R,)`` is the caliper as a distance. With replacement a control's
    ``pair`` is that of the first set that uses it.
    """

    controls: Ints
    pair: Ints
    weight: Floats
    width: Floats
    n_pairs: Ints
    status: Ints


def match(
    score: ArrayLike,
    treated: ArrayLike,
    *,
    present: ArrayLike | None = None,
    caliper: float | None = 0.2,
    unit: Literal["sd", "pooled_sd", "raw"] = "sd",
    order: Literal["largest", "smallest", "random", "data", "closest"] = "largest",
    ratio: int = 1,
    replacement: bool = False,
    rank: ArrayLike | None = None,
    optimal: bool = False,
    space: Floats | None = None,
    group: Ints | None = None,
    draw: Floats | None = None,
) -> Matching:
    """Each treated patient's nearest controls by ``score (R, N)``, chosen in turn; NO_PAIRS where nobody is matched.

    ``caliper`` is in sample SDs (n - 1) of the score over all present patients, in the root of the mean of both arms'
    variances, or raw. ``rank (R, N)`` is the order of choice for ``order='random'``. Ties between treated and between
    controls go to who is first in the data, as in R's MatchIt (Ho, Imai, King & Stuart 2011, J Stat Software 42(8)); a
    ratio is filled in rounds, and who finds fewer within the caliper keeps those.

    ``space (R, N, P)`` has the covariates in which who is nearest is decided, ``group (R, N)`` a label that the matched
    share, ``draw (ratio, R, N)`` uniforms for a choice at random within the caliper; see `analysis.distances`.
    """
    score = np.ascontiguousarray(score, dtype=np.float64)
    treated = np.ascontiguousarray(treated, dtype=np.bool_)
    here = np.ones(score.shape, np.bool_) if present is None else np.ascontiguousarray(present, dtype=np.bool_)
    here = here & np.isfinite(np.where(here, score, 0.0))
    width = _width(score, here, caliper, unit)
    if unit == "pooled_sd":
        arms = [_width(score, arm, caliper, "sd") for arm in (here & treated, here & ~treated)]
        width = np.sqrt((arms[0] ** 2 + arms[1] ** 2) / 2)
    controls = np.full((*score.shape, ratio), -1, np.int64)
    by_score = time_order(np.where(here, score, np.inf))
    given = by_score
    if order == "random":
        if rank is None:
            raise ValueError("the order 'random' needs a rank")
        given = np.argsort(np.asarray(rank), axis=1, kind="stable").astype(np.int32)
    elif order == "data":
        given = np.broadcast_to(np.arange(score.shape[1], dtype=np.int32), score.shape).copy()
    if optimal or space is not None or group is not None or draw is not None:
        if order in ("largest", "smallest"):
            keys = np.where(here, -score if order == "largest" else score, np.inf)
            given = np.argsort(keys, axis=1, kind="stable").astype(np.int32)
        match_any(
            score,
            treated,
            here,
            width,
            given.astype(np.int64),
            controls,
            optimal=optimal,
            closest=order == "closest",
            replacement=replacement,
            space=space,
            group=group,
            draw=draw,
        )
        _ensure(_within_groups(controls, group), "a pair is of two groups")
    else:
        match_block(score, treated, here, by_score, given, _ORDERS[order], width, replacement, controls)
    pair, weight = np.empty(score.shape, np.int64), np.empty(score.shape)
    pairs = np.empty(len(score), np.int64)
    numbered = number_sets(score, treated, here, width, controls, pair, weight, pairs)
    _ensure(numbered, "a pair is over the caliper, of one arm or of somebody absent")
    if not replacement:
        once = (pair >= 0).sum(axis=1) == pairs + (controls >= 0).sum(axis=(1, 2))
        _ensure(bool(once.all()), "a control is used twice")
    return Matching(
        controls, pair, weight, width, pairs, np.where(pairs > 0, Status.OK, Status.NO_PAIRS).astype(np.int64)
    )


def match_as(
    plan: MatchingPlan,
    score: Floats,
    observed: Observed,
    present: Bools,
    candidates: tuple[str, ...],
    replicates: Ints,
    seed: int,
) -> Matching:
    """What the plan makes of the cohorts; ``score (R, N)`` is on its scale, ``candidates`` the propensity model's."""
    patients = observed.treated.shape[1]
    streams = Streams(seed if plan.seed is None else plan.seed)
    space, group, draw, rank = None, None, None, None
    if plan.distance == "mahalanobis":
        terms = candidates if plan.covariates is None else plan.covariates
        space = whitened(_columns(terms, observed), observed.treated, present)
    if plan.exact:
        group = labels(_columns(plan.exact, observed))
    if plan.order == "random":
        rank = streams.uniform("matching order", replicates, patients)
    if plan.choice == "random":
        draw = np.stack([streams.uniform("matching choice", replicates, patients, k) for k in range(plan.ratio)])
    return match(
        score,
        observed.treated,
        present=present,
        caliper=plan.caliper,
        unit=plan.unit,
        order=plan.order,
        ratio=plan.ratio,
        replacement=plan.replacement,
        rank=rank,
        optimal=plan.method == "optimal",
        space=space,
        group=group,
        draw=draw,
    )


def _columns(terms: tuple[str, ...], observed: Observed) -> Floats:
    return design(terms, observed.variable, observed.names, observed.covariates).x


def _ensure(holds: bool, told: str) -> None:
    """RuntimeError where a matching breaks its own rules: a fault of ours, which no way of running Python may hide."""
    if not holds:
        raise RuntimeError(f"a matching breaks its rules: {told}")


def _within_groups(controls: Ints, group: Ints | None) -> bool:
    if group is None:
        return True
    theirs = np.take_along_axis(group, np.maximum(controls, 0).reshape(len(group), -1), axis=1).reshape(controls.shape)
    return bool(((controls < 0) | (theirs == group[..., None])).all())


def _width(score: Floats, here: NDArray[np.bool_], caliper: float | None, unit: str) -> Floats:
    if caliper is None:
        return np.full(len(score), np.inf)
    if unit == "raw":
        return np.full(len(score), caliper)
    n = here.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(here, score, 0.0).sum(axis=1) / n
        squares = np.where(here, (np.where(here, score, 0.0) - mean[:, None]) ** 2, 0.0).sum(axis=1)
        return np.where(n > 1, caliper * np.sqrt(squares / (n - 1)), 0.0)
