"""Matching of treated patients with controls, in blocks: greedy on a score, and all else that a plan can say."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.kernels.matching import (
    CLOSEST,
    GIVEN,
    LARGEST,
    SMALLEST,
    ScoredBlock,
    lined_up,
    match_block,
    number_sets,
    sent_back,
)
from analysis.kernels.status import Status
from analysis.plan.matching_plan import MatchingPlan
from analysis.propensity.distances import labels, match_any, whitened
from analysis.survival.survival_data import time_order
from simulator.cohort.addresses import Address
from simulator.cohort.cohorts import Observed
from simulator.cohort.terms import design
from simulator.numerics.arrays import Bools, Floats, Ints

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
    ties: ArrayLike | None = None,
    places: ArrayLike | None = None,
    optimal: bool = False,
    space: Floats | None = None,
    group: Ints | None = None,
    draw: Floats | None = None,
    luck: Floats | None = None,
) -> Matching:
    """Each treated patient's nearest controls by ``score (R, N)``, chosen in turn; NO_PAIRS where nobody is matched.

    ``caliper`` is in sample SDs (n - 1) of the score over all present patients, in the root of the mean of both arms'
    variances, or raw. ``rank (R, N)`` is the order of choice for ``order='random'``; ``places (R, N)`` that for
    ``'data'``, None: as the rows stand. A ratio is filled in rounds; who finds fewer within the caliper keeps those.

    Among equally near controls and equally scored treated the one with the smallest of ``ties (R, N)`` wins; None: who
    is first in the data, as in R's MatchIt (Ho, Imai, King & Stuart 2011, J Stat Software 42(8)). With replacement
    ``luck (ratio, R, N)`` has uniforms by which each chooses among his equals, or all would take the same control.

    ``space (R, N, P)`` has the covariates in which who is nearest is decided, ``group (R, N)`` a label that the matched
    share, ``draw (ratio, R, N)`` uniforms for a choice at random within the caliper; see
    `analysis.propensity.distances`.
    """
    score = np.ascontiguousarray(score, dtype=np.float64)
    treated = np.ascontiguousarray(treated, dtype=np.bool_)
    here = np.ones(score.shape, np.bool_) if present is None else np.ascontiguousarray(present, dtype=np.bool_)
    here = here & np.isfinite(np.where(here, score, 0.0))
    width = _caliper_width(score, treated, here, caliper, unit)
    turns = _turns(order, rank, places, score.shape)
    draw, anyone = (luck, False) if draw is None else (draw, True)
    choice = _Choice(order, replacement, optimal, anyone, ratio)
    if ties is None:
        controls = _chosen(choice, score, treated, here, width, turns, space, group, draw)
    else:
        line = time_order(ties)
        controls = sent_back(
            line,
            _chosen(
                choice,
                *lined_up(line, score, treated, here),
                width,
                None if turns is None else np.take_along_axis(turns, line, axis=1),
                None if space is None else np.take_along_axis(space, line[..., None], axis=1),
                None if group is None else np.take_along_axis(group, line, axis=1),
                None if draw is None else np.take_along_axis(draw, line[None], axis=2),
            ),
        )
    _ensure(_within_groups(controls, group), "a pair is of two groups")
    return _numbered(score, treated, here, width, controls, replacement)


def _numbered(score: Floats, treated: Bools, here: Bools, width: Floats, controls: Ints, replacement: bool) -> Matching:
    """The matching that consists of these ``controls``; RuntimeError where it breaks the rules."""
    pair, weight = np.empty(score.shape, np.int64), np.empty(score.shape)
    pairs = np.empty(len(score), np.int64)
    sound = number_sets(score, treated, here, width, controls, pair, weight, pairs)
    _ensure(sound, "a pair is over the caliper, of one arm or of somebody absent")
    if not replacement:
        once = (pair >= 0).sum(axis=1) == pairs + (controls >= 0).sum(axis=(1, 2))
        _ensure(bool(once.all()), "a control is used twice")
    return Matching(
        controls, pair, weight, width, pairs, np.where(pairs > 0, Status.OK, Status.NO_PAIRS).astype(np.int64)
    )


def _caliper_width(score: Floats, treated: Bools, here: Bools, caliper: float | None, unit: str) -> Floats:
    """The largest distance allowed ``(R,)``."""
    if unit != "pooled_sd":
        return _width(score, here, caliper, unit)
    arms = [_width(score, arm, caliper, "sd") for arm in (here & treated, here & ~treated)]
    return np.asarray(np.sqrt((arms[0] ** 2 + arms[1] ** 2) / 2))


def _turns(
    order: str, rank: ArrayLike | None, places: ArrayLike | None, shape: tuple[int, ...]
) -> NDArray[np.generic] | None:
    """By what the treated come to choose ``(R, N)``, smallest first; None: by their scores."""
    if order == "random":
        if rank is None:
            raise ValueError("the order 'random' needs a rank")
        return np.asarray(rank)
    if order == "data":
        return np.broadcast_to(np.arange(shape[1]) if places is None else np.asarray(places), shape)
    return None


@dataclass(frozen=True)
class _Choice:
    """How the controls are chosen; see `match`."""

    order: Literal["largest", "smallest", "random", "data", "closest"]
    replacement: bool
    optimal: bool
    anyone: bool
    ratio: int


def _chosen(
    how: _Choice,
    score: Floats,
    treated: Bools,
    here: Bools,
    width: Floats,
    turns: NDArray[np.generic] | None,
    space: Floats | None,
    group: Ints | None,
    draw: Floats | None,
) -> Ints:
    """The controls ``(R, N, ratio)``, -1 for none; among equals who stands first wins."""
    controls = np.full((*score.shape, how.ratio), -1, np.int64)
    by_score = time_order(np.where(here, score, np.inf))
    given = by_score if turns is None else np.argsort(turns, axis=1, kind="stable").astype(np.int32)
    if not how.optimal and space is None and group is None and not how.anyone:
        luck = np.empty((0, 0, 0)) if draw is None else draw
        block = ScoredBlock(score, treated, here, by_score, width)
        match_block(block, given, _ORDERS[how.order], how.replacement, luck, controls)
        return controls
    if how.order in ("largest", "smallest"):
        keys = np.where(here, -score if how.order == "largest" else score, np.inf)
        given = np.argsort(keys, axis=1, kind="stable").astype(np.int32)
    match_any(
        score,
        treated,
        here,
        width,
        given.astype(np.int64),
        controls,
        optimal=how.optimal,
        closest=how.order == "closest",
        replacement=how.replacement,
        space=space,
        group=group,
        anyone=how.anyone,
        draw=draw,
    )
    return controls


def match_as(
    plan: MatchingPlan,
    score: Floats,
    observed: Observed,
    present: Bools,
    candidates: tuple[str, ...],
    address: Address,
    places: Ints | None = None,
) -> Matching:
    """What the plan makes of the cohorts; ``score (R, N)`` is on its scale, ``candidates`` the propensity model's.

    What is left to chance is drawn at ``address``. ``places (R, N)`` says where each row stands in the data, for an
    order or for ties by ``data``; None: the rows stand as in the data.
    """
    basis = basis_of(plan, observed, present, candidates, address, places)
    return match(
        score,
        observed.treated,
        present=present,
        caliper=plan.caliper,
        unit=plan.unit,
        order=plan.order,
        ratio=plan.ratio,
        replacement=plan.replacement,
        rank=basis.rank,
        ties=basis.ties,
        places=basis.places,
        optimal=plan.method == "optimal",
        space=basis.space,
        group=basis.group,
        draw=basis.draw,
        luck=basis.luck,
    )


@dataclass(frozen=True)
class Basis:
    """By what controls are chosen beside the score, as `match` takes it; None for what there is not."""

    space: Floats | None
    group: Ints | None
    rank: Floats | None
    ties: NDArray[np.generic] | None
    draw: Floats | None
    luck: Floats | None
    places: Ints | None


def basis_of(
    plan: MatchingPlan,
    observed: Observed,
    present: Bools,
    candidates: tuple[str, ...],
    address: Address,
    places: Ints | None,
) -> Basis:
    """The basis of the plan's matching; arguments as of `match_as`."""
    rows, at = observed.treated.shape[1], address.seeded(plan.seed)

    def uniforms(stream: str, first: int) -> Floats:
        return np.stack([at.uniform(stream, rows, first + k) for k in range(plan.ratio)])

    space, by_chance = None, plan.ties == "random"
    if plan.distance == "mahalanobis":
        terms = candidates if plan.covariates is None else plan.covariates
        space = whitened(_columns(terms, observed), observed.treated, present)
    return Basis(
        space,
        labels(_columns(plan.exact, observed)) if plan.exact else None,
        at.uniform("matching order", rows) if plan.order == "random" else None,
        at.uniform("matching ties", rows) if by_chance else places,
        uniforms("matching choice", 0) if plan.choice == "random" else None,
        uniforms("matching ties", 1) if by_chance and plan.replacement else None,
        None if by_chance else places,
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
