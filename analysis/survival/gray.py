"""Gray's test of two arms in blocks of cohorts, weighted or not; arrays are as in `analysis.survival.incidence`."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from analysis.kernels.gray import GrayScores, gray_scores
from analysis.survival.incidence import causes_block
from analysis.survival.survival_data import numbered
from simulator.numerics.arrays import Floats, Ints, Positions


@dataclass(frozen=True)
class GrayTest:
    """Gray's test ``(S,)``, NaN where ``status`` is not OK; ``z`` is positive where the treated have more events.

    ``n``, ``events`` and ``competing`` are ``(S, 2)``, untreated first.
    """

    chi2: Floats
    p: Floats
    z: Floats
    n: Ints
    events: Ints
    competing: Ints
    status: Ints


def gray_test(
    time: ArrayLike,
    cause: ArrayLike,
    treated: ArrayLike,
    *,
    of: int = 1,
    present: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    cluster: ArrayLike | None = None,
    robust: bool = False,
    order: Positions | None = None,
) -> GrayTest:
    """The test that the cause ``of`` has the same cumulative incidence in both arms (rho = 0).

    Without weights and clusters it is cmprsk's cuminc, with Gray's variance under the null; with either, or if
    ``robust``, the variance of the score is that of the infinitesimal jackknife, within clusters. Without competing
    events the score is that of the log-rank test, and the robust test is the robust score test of R's coxph (Breslow).

    Statuses: BAD_INPUT (a time or weight that is infinite, NaN or negative, a code below 0), TOO_FEW (under two
    patients), NO_EVENTS (of the cause), NO_INFO (no event with both arms at risk, or sets that are alike).
    """
    data, block = causes_block(time, cause, of, present, weight, order)
    rows = len(data.present)
    labels, clusters = numbered(data.ints(cluster))
    made = GrayScores(np.full((rows, 2), np.nan), np.zeros((rows, 2, 3), np.int64), np.zeros(rows, np.int64))
    gray_scores(
        block, data.bools(treated), data.present, robust or weight is not None or cluster is not None, labels, clusters,
        made,
    )  # fmt: skip
    z = made.score[:, 0] / np.sqrt(made.score[:, 1])
    chi2 = z**2
    counts = made.counts
    return GrayTest(chi2, chdtrc(1, chi2), z, counts[..., 0], counts[..., 1], counts[..., 2], made.status)
