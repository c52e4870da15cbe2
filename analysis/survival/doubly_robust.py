"""Augmented inverse probability weighting of an outcome that everybody has, such as a pseudo-observation."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from analysis.kernels.status import Status
from analysis.survival.pseudo import regression
from simulator.numerics.arrays import Bools, Floats, Ints


@dataclass(frozen=True)
class DoublyRobust:
    """Mean difference treated minus untreated ``(R,)`` and its SE; NaN where ``status`` is not OK."""

    value: Floats
    se: Floats
    status: Ints


def aipw(
    outcome: Floats,
    treated: Bools,
    propensity: Floats,
    x: Floats,
    *,
    present: Bools,
    target: Literal["all", "treated"] = "all",
) -> DoublyRobust:
    """The doubly robust difference of means in the target, outcome models linear in ``x (R, N, P)`` in each arm.

    all: the mean of m1 - m0 + A (Y - m1) / e - (1 - A) (Y - m0) / (1 - e) (Robins, Rotnitzky & Zhao 1994, JASA 89:846).
    treated: the sum of (A - (1 - A) e / (1 - e)) (Y - m0) over the number treated (Moodie, Saarela & Stephens 2018).
    The SE is that of the influence function with both models taken as known; for pseudo-observations it leaves out
    their dependence on each other, which makes it slightly too large (Jacobsen & Martinussen 2016).
    TOO_FEW where an arm that is modelled has no more patients than the model has coefficients.
    """
    arms = [present & ~treated, present & treated]
    n = present.sum(axis=1)
    fits = [regression(x, np.where(present, outcome, 0.0), arm) for arm in arms]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        off = [np.where(arm, outcome - fitted, 0.0) for arm, (fitted, _) in zip(arms, fits, strict=True)]
        if target == "all":
            part = fits[1][0] - fits[0][0] + off[1] / propensity - off[0] / (1 - propensity)
            part = np.where(present, part, 0.0)
            value = part.sum(axis=1) / n
            influence = np.where(present, part - value[:, None], 0.0) / n[:, None]
        else:
            size = arms[1].sum(axis=1)
            gain = (
                np.where(arms[1], outcome - fits[0][0], 0.0)
                - np.where(arms[0], propensity, 0.0) / (1 - np.where(arms[0], propensity, 0.0)) * off[0]
            )
            value = gain.sum(axis=1) / size
            influence = (gain - np.where(arms[1], value[:, None], 0.0)) / size[:, None]
        se = np.sqrt((influence**2).sum(axis=1))
    needed = arms if target == "all" else arms[:1]
    short = ~arms[1].any(axis=1)
    for arm, (_, rank) in zip(needed, fits, strict=False):
        short |= arm.sum(axis=1) <= rank
    status = np.where(short, Status.TOO_FEW, np.where(np.isfinite(value) & (se > 0), Status.OK, Status.NO_INFO))
    ok = status == Status.OK
    return DoublyRobust(np.where(ok, value, np.nan), np.where(ok, se, np.nan), status.astype(np.int64))
