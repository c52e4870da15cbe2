"""Entropy balancing (Hainmueller 2012, Political Analysis 20): the weights nearest to equal that balance exactly."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.kernels.balancing import add_balancing, balance
from simulator.numerics.arrays import Bools, Floats

_TARGETS = {"atc": 0, "att": 1, "ate": 2}


@dataclass(frozen=True)
class Balanced:
    """Weights ``(R, N)``, NaN in rows whose ``status (R,)`` is not OK and for patients who are not present."""

    weight: Floats
    status: NDArray[np.int64]


def entropy_balance(
    x: ArrayLike,
    treated: ArrayLike,
    target: Literal["att", "ate", "atc"] = "att",
    *,
    moments: Literal[1, 2] = 1,
    present: ArrayLike | None = None,
) -> Balanced:
    """Weights that give both arms the target's means of the columns of ``x (R, N, P)``; 2: of their squares as well.

    The weights of least Kullback-Leibler divergence from equal ones. The arm that is the target has weights 1; another
    arm's add to the target's size. Collinear columns do no harm. Statuses: BAD_INPUT, TOO_FEW (an empty arm),
    NOT_CONVERGED (no such weights: the target's means lie outside the convex hull of the arm).
    """
    arm = np.ascontiguousarray(treated, dtype=np.bool_)
    here = np.ones(arm.shape, np.bool_) if present is None else np.ascontiguousarray(present, dtype=np.bool_)
    weight, status = np.ones(arm.shape), np.zeros(len(arm), np.int64)
    balance(_columns(x, here, moments), arm, here, _TARGETS[target], weight, status)
    return Balanced(np.where(here & (status == 0)[:, None], weight, np.nan), status)


def balancing_influence(
    x: ArrayLike,
    treated: Bools,
    weight: Floats,
    gradient: Floats,
    target: Literal["att", "ate", "atc"] = "att",
    *,
    present: Bools,
    moments: Literal[1, 2] = 1,
) -> Floats:
    """What each patient ``(R, N)`` adds to a contrast through the balancing weights.

    ``gradient (R, N)`` is the contrast's derivative by each weight; the first order of an infinitesimal jackknife in
    which target and weights move with every patient's own count. Meaningless in rows without weights.
    """
    influence = np.zeros(treated.shape)
    add_balancing(_columns(x, present, moments), treated, present, _TARGETS[target], weight, gradient, influence)
    return influence


def _columns(x: ArrayLike, present: Bools, moments: int) -> Floats:
    columns = np.asarray(x, dtype=np.float64)
    if moments == 2:
        columns = np.concatenate([columns, _squares(columns, present[..., None])], axis=2)
    return np.ascontiguousarray(columns)


def _squares(x: Floats, present: Bools) -> Floats:
    """The columns squared about the middle of their range, which makes a constant of a binary column."""
    low = np.where(present, x, np.inf).min(axis=1, keepdims=True)
    high = np.where(present, x, -np.inf).max(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", over="ignore"):  # the kernel refuses what is not finite
        return np.asarray((x - (low + high) / 2) ** 2, dtype=np.float64)
