"""Whom the primary analysis compares: how many of either arm, and how far weights make fewer of them."""

from dataclasses import dataclass

import numpy as np

from analysis.kernels.status import Status
from analysis.paper.effects import AnalysisSet, ByArm
from analysis.plan.analysis_plan import Primary
from analysis.two_samples.tests import NAN
from simulator.numerics.arrays import Bools, Floats


@dataclass(frozen=True)
class ArmWeights:
    """The least and the greatest weight of an arm, and its effective sample size (Kish: squared sum over sum of
    squares); NaN in an arm of nobody.
    """

    least: float
    greatest: float
    effective_n: float


@dataclass(frozen=True)
class AdjustedSizes:
    """The patients compared by the primary analysis, ``how``; ``status`` says why there are none."""

    how: Primary
    n_treated: int
    n_control: int
    status: Status
    weights: ByArm[ArmWeights] | None


def adjusted_sizes(how: Primary, group: AnalysisSet, treated: Bools, status: Status) -> AdjustedSizes:
    """The sizes of a set (R = 1), with its weights where it has some."""
    arms = [group.present & arm for arm in (treated, ~treated)]
    weights = None if group.weight is None else ByArm(*(arm_weights(group.weight[arm]) for arm in arms))
    return AdjustedSizes(how, int(arms[0].sum()), int(arms[1].sum()), status, weights)


def arm_weights(weight: Floats) -> ArmWeights:
    """What is said of the weights of an arm ``(N,)``."""
    if not len(weight):
        return ArmWeights(NAN, NAN, NAN)
    scaled = weight / weight.max() if weight.max() > 0 else weight
    square = float(np.sum(scaled**2))
    return ArmWeights(
        float(weight.min()), float(weight.max()), float(np.sum(scaled)) ** 2 / square if square > 0 else NAN
    )
