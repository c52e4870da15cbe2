"""A synthetic likelihood: the distribution of a paper's summary as a smooth function of unknown parameters.

At each of P design points the summary (an estimate and the logarithm of its SE) has a mean and a spread over
replicates. Means, log standard deviations and the correlation (Fisher's z) are emulated over the parameters: a
quadratic by least squares and a Gaussian process of its residuals, whose noise is the known Monte Carlo error (Sacks et
al. 1989, Statistical Science 4:409). The summary of a paper is then normal (Wood 2010, Nature 466:1102), the emulator's
own variance added.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.numerics.arrays import Floats

AT_ONCE = 2048
"""Points at which a surface is asked at once: each takes some hundreds of numbers meanwhile."""


def basis(x: Floats) -> Floats:
    """Columns ``(P, B)`` of points ``(P, D)`` in [-1, 1]: all products up to degree 2."""
    d = x.shape[1]
    return np.stack([np.ones(len(x)), *x.T, *(x[:, i] * x[:, j] for i in range(d) for j in range(i, d))], axis=1)


@dataclass(frozen=True)
class ResponseSurface:
    """A quadratic and a Gaussian process of what it leaves; ``error`` is its median SD over the design."""

    coefficients: Floats
    process: Any
    scale: float
    error: float

    def at(self, x: Floats) -> tuple[Floats, Floats]:
        """The mean and the SD of the emulator ``(M,)`` at points ``(M, D)``."""
        few = [self._at(x[first : first + AT_ONCE]) for first in range(0, len(x), AT_ONCE)]
        mean, sd = (np.concatenate(part) for part in zip(*few, strict=True))
        return mean, sd

    def _at(self, x: Floats) -> tuple[Floats, Floats]:
        mean, sd = self.process.predict(x, return_std=True)
        return basis(x) @ self.coefficients + self.scale * mean, self.scale * np.asarray(sd)


def fitted(x: Floats, y: Floats, noise: Floats, like: ResponseSurface | None = None) -> ResponseSurface:
    """The surface through values ``y (P,)`` at ``x (P, D)`` that have a variance ``noise (P,)`` of their own.

    ``like`` another surface, its length and height are taken over in place of being fitted.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel

    weight = 1 / np.sqrt(noise + np.median(noise) + 1e-12)
    coefficients = np.asarray(np.linalg.lstsq(basis(x) * weight[:, None], y * weight, rcond=None)[0], np.float64)
    rest = y - basis(x) @ coefficients
    scale = max(float(rest.std()), 1e-9) if like is None else like.scale
    kernel = ConstantKernel(1.0, (1e-4, 1e2)) * RBF(np.full(x.shape[1], 0.7), (0.15, 20.0))
    process = GaussianProcessRegressor(
        kernel if like is None else like.process.kernel_,
        alpha=noise / scale**2 + 1e-8,
        optimizer="fmin_l_bfgs_b" if like is None else None,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a length at its bound is a straight surface
        process.fit(x, rest / scale)
    made = ResponseSurface(coefficients, process, scale, 0.0)
    return ResponseSurface(coefficients, process, scale, float(np.median(made.at(x)[1])))


@dataclass(frozen=True)
class Likelihood:
    """The summary's distribution over the parameters: its means, the logs of its SDs, Fisher's z of the correlation."""

    means: tuple[ResponseSurface, ResponseSurface]
    spreads: tuple[ResponseSurface, ResponseSurface]
    correlation: ResponseSurface

    def at(self, x: Floats) -> "SummaryMoments":
        """The distribution of the summary at points ``(M, D)``."""
        centres, own = zip(*(surface.at(x) for surface in self.means), strict=True)
        sd = np.exp(np.stack([surface.at(x)[0] for surface in self.spreads]))
        shared = np.tanh(self.correlation.at(x)[0]) * sd[0] * sd[1]
        return SummaryMoments(np.stack(centres), sd**2 + np.stack(own) ** 2, shared)


@dataclass(frozen=True)
class SummaryMoments:
    """Means and variances ``(2, M)`` and the covariance ``(M,)`` of the summary at M points."""

    mean: Floats
    variance: Floats
    shared: Floats

    def log(self, observed: Floats, rounding: Floats) -> tuple[Floats, Floats]:
        """The log likelihood ``(M,)`` of a summary ``(2,)``, and its squared distance from the mean in its covariance.

        ``rounding (2,)`` is the variance that the printed digits leave.
        """
        off = observed[:, None] - self.mean
        first, second = self.variance + rounding[:, None]
        determinant = first * second - self.shared**2
        distance = (off[0] ** 2 * second - 2 * off[0] * off[1] * self.shared + off[1] ** 2 * first) / determinant
        return -0.5 * (distance + np.log(determinant)), distance


def likelihood(x: Floats, summaries: Floats, like: Likelihood | None = None) -> Likelihood:
    """The likelihood from summaries ``(P, R, 2)`` at points ``(P, D)``; replicates with a NaN are left out.

    ``like`` another one, its smoothness is taken over in place of being fitted.
    """
    whole: NDArray[np.bool_] = np.asarray(np.isfinite(summaries).all(axis=2))
    count = whole.sum(axis=1)
    made = np.where(whole[..., None], summaries, np.nan)
    mean, sd = np.nanmean(made, axis=1), np.nanstd(made, axis=1, ddof=1)
    off = (made - mean[:, None]) / sd[:, None]
    z = np.arctanh(np.clip(np.nanmean(off[..., 0] * off[..., 1], axis=1) * count / (count - 1), -0.995, 0.995))
    before: list[ResponseSurface | None] = (
        [None] * 5 if like is None else [*like.means, *like.spreads, like.correlation]
    )
    means = [fitted(x, mean[:, k], sd[:, k] ** 2 / count, before[k]) for k in (0, 1)]
    spreads = [fitted(x, np.log(sd[:, k]), 0.5 / (count - 1), before[2 + k]) for k in (0, 1)]
    return Likelihood((means[0], means[1]), (spreads[0], spreads[1]), fitted(x, z, 1 / (count - 3), before[4]))


def weighted_quantiles(values: Floats, weights: Floats, shares: Floats) -> Floats:
    """Quantiles ``(Q,)`` of weighted values ``(M,)``, by the midpoint of each value's weight."""
    order = np.argsort(values)
    filled = np.cumsum(weights[order])
    return np.interp(shares, (filled - weights[order] / 2) / filled[-1], values[order])
