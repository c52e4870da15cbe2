"""Greedy nearest-neighbour matching on a score, in blocks."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.kernels.matching import match_block
from analysis.kernels.status import Status
from simulator.cohort import Floats

Ints = NDArray[np.int64]


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
    unit: Literal["sd", "raw"] = "sd",
    order: Literal["largest", "smallest", "random", "data", "closest"] = "largest",
    ratio: int = 1,
    replacement: bool = False,
    rank: ArrayLike | None = None,
) -> Matching:
    """Each treated patient's nearest controls by ``score (R, N)``, chosen in turn; NO_PAIRS where nobody is matched.

    ``caliper`` is in sample SDs (n - 1) of the score over all present patients, or raw. ``rank (R, N)`` is the order of
    choice for ``order='random'``. Ties between treated and between controls go to who is first in the data, as in R's
    MatchIt (Ho, Imai, King & Stuart 2011, J Stat Software 42(8)); a ratio is filled in rounds.
    """
    score = np.ascontiguousarray(score, dtype=np.float64)
    treated = np.ascontiguousarray(treated, dtype=np.bool_)
    here = np.ones(score.shape, np.bool_) if present is None else np.ascontiguousarray(present, dtype=np.bool_)
    here = here & np.isfinite(np.where(here, score, 0.0))
    width = _width(score, here, caliper, unit)
    known = np.where(here, score, np.inf)
    if order == "random":
        if rank is None:
            raise ValueError("the order 'random' needs a rank")
        turns = np.argsort(np.asarray(rank), axis=1, kind="stable")
    elif order in ("largest", "smallest"):
        turns = np.argsort(-known if order == "largest" else known, axis=1, kind="stable")
    else:
        turns = np.broadcast_to(np.arange(score.shape[1]), score.shape)
    controls = np.full((*score.shape, ratio), -1, np.int64)
    match_block(
        score,
        treated,
        here,
        np.ascontiguousarray(turns, dtype=np.int64),
        np.argsort(known, axis=1, kind="stable"),
        width,
        order == "closest",
        replacement,
        controls,
    )
    pair, weight = _sets(controls, treated)
    pairs = (controls[..., 0] >= 0).sum(axis=1)
    made = Matching(
        controls, pair, weight, width, pairs, np.where(pairs > 0, Status.OK, Status.NO_PAIRS).astype(np.int64)
    )
    _assert_sound(made, score, treated, here, replacement)
    return made


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


def _sets(controls: Ints, treated: NDArray[np.bool_]) -> tuple[Ints, Floats]:
    """Numbers of the matched sets and the weights of their members."""
    matched = controls[..., 0] >= 0
    number = np.where(matched, np.cumsum(matched, axis=1) - 1, -1)
    pair, weight = number.copy(), matched.astype(np.float64)
    size = (controls >= 0).sum(axis=2)
    r, i, k = np.nonzero(controls >= 0)
    who = controls[r, i, k]
    np.add.at(weight, (r, who), 1.0 / size[r, i])
    pair[r[::-1], who[::-1]] = number[r, i][::-1]
    control = np.where(treated, 0.0, weight)
    used, total = (control > 0).sum(axis=1), control.sum(axis=1)
    scale = np.where(total > 0, used / np.where(total > 0, total, 1.0), 1.0)
    return pair, np.where(treated, weight, weight * scale[:, None])


def _assert_sound(
    made: Matching, score: Floats, treated: NDArray[np.bool_], here: NDArray[np.bool_], again: bool
) -> None:
    """Every production replicate: no pair over the caliper, nobody used twice, the right people in the right places."""
    r, i, k = np.nonzero(made.controls >= 0)
    who = made.controls[r, i, k]
    assert np.all(np.abs(score[r, i] - score[r, who]) <= made.width[r]), "a pair exceeds the caliper"
    assert np.all(treated[r, i] & here[r, i]), "a set without a treated patient"
    assert not np.any(treated[r, who] | ~here[r, who]), "a control who is none"
    if not again:
        assert len(np.unique(r * score.shape[1] + who)) == len(who), "a control is used twice"
