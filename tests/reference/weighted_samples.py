"""Slow statistics of weighted, clustered samples of one cohort, from the formulas of R's survey and survival."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from simulator.numerics.arrays import Bools, Floats, Ints
from tests.reference import cox as slow_cox


@dataclass(frozen=True)
class Design:
    """Who is compared, ``(n,)``: the arm, the weight, the cluster."""

    treated: Bools
    weight: Floats
    cluster: Ints

    def covariance(self, influence: Floats) -> Floats:
        """The covariance of a total of ``influence (n, P)``, weights in it, of clusters drawn with replacement."""
        groups = np.unique(self.cluster)
        sums = np.array([influence[self.cluster == group].sum(axis=0) for group in groups])
        off = sums - sums.mean(axis=0)
        return np.asarray(off.T @ off * len(groups) / (len(groups) - 1))

    @property
    def degrees(self) -> int:
        """Clusters less one."""
        return len(np.unique(self.cluster)) - 1


def mean_and_sd(x: Floats, weight: Floats) -> tuple[float, float]:
    """svymean, and the root of svyvar."""
    mean = float((weight * x).sum() / weight.sum())
    n = len(x)
    return mean, float(np.sqrt((weight * (x - mean) ** 2).sum() / weight.sum() * n / (n - 1)))


def quantile(x: Floats, weight: Floats, q: float) -> float:
    """svyquantile's rule hf7, rows in order of value and weight: a line through the points of the shares below."""
    order = np.lexsort((weight, x))
    below = np.concatenate([[0.0], np.cumsum(weight[order])])
    return float(np.interp(q, below[:-1] / below[-2], x[order]))


def t_test(y: Floats, design: Design) -> tuple[float, int]:
    """svyttest: t and its df from the weighted regression of ``y`` on the arm."""
    z = np.column_stack([np.ones(len(y)), design.treated])
    bread = np.linalg.inv((z * design.weight[:, None]).T @ z)
    beta = bread @ (z * design.weight[:, None]).T @ y
    influence = (z * (design.weight * (y - z @ beta))[:, None]) @ bread
    return float(beta[1] / np.sqrt(design.covariance(influence)[1, 1])), design.degrees - 1


def rank_test(y: Floats, design: Design) -> tuple[float, int]:
    """svyranktest, a tie having the middle of its ranks: that is svyttest of the ranks."""
    w = design.weight
    ranks = [w[y < own].sum() + w[y == own].sum() / 2 for own in y]
    return t_test(np.array(ranks) / w.sum(), design)


def rao_scott(level: Ints, design: Design) -> tuple[float, float, float]:
    """svychisq: F and both df, with the projections of its source."""
    seen = np.unique(level)
    arm, w = design.treated.astype(np.int64), design.weight
    rows, columns = np.tile([0, 1], len(seen)), np.repeat(seen, 2)
    cells = ((arm[:, None] == rows) & (level[:, None] == columns)).astype(np.float64)
    mean = w @ cells / w.sum()
    covariance = design.covariance(w[:, None] * (cells - mean) / w.sum())
    table = mean.reshape(-1, 2).T
    expected = np.outer(table.sum(axis=1), table.sum(axis=0))
    chi2 = len(w) * float(((table - expected) ** 2 / expected).sum())
    main = np.column_stack([np.ones(len(rows)), rows == 1, *(columns == k for k in seen[1:])]).astype(np.float64)
    both = np.column_stack([(rows == 1) & (columns == k) for k in seen[1:]]).astype(np.float64)
    contrast = both - main @ np.linalg.lstsq(main, both, rcond=None)[0]
    inverse = np.diag(np.where(mean == 0, 0.0, 1 / np.where(mean == 0, 1.0, mean)))
    supposed = contrast.T @ inverse @ contrast / len(w)
    delta = np.linalg.solve(supposed, contrast.T @ inverse @ covariance @ inverse @ contrast)
    df = float(np.trace(delta) ** 2 / np.trace(delta @ delta))
    return chi2 / float(np.trace(delta)), df, df * design.degrees


def curve(time: Floats, event: Bools, weight: Floats, cluster: Ints) -> list[tuple[float, float, float]]:
    """The weighted Kaplan-Meier curve at its event times: time, S, and survfit's robust SE of S."""
    made = []
    for t in np.unique(time[event]):
        s, influence = 1.0, np.zeros(len(time))
        for u in np.unique(time[event & (time <= t)]):
            y, d = weight[time >= u].sum(), weight[event & (time == u)].sum()
            if event[time >= u].all() and (time[time >= u] == u).all():
                s = 0.0
                break
            s *= 1 - d / y
            influence += np.where(time >= u, d / (y * (y - d)), 0.0) - np.where(event & (time == u), 1 / (y - d), 0.0)
        sums = [(weight * influence)[cluster == group].sum() for group in np.unique(cluster)]
        made.append((float(t), float(s), float(s * np.sqrt(np.sum(np.square(sums))))))
    return made


def first_at_or_below(points: list[tuple[float, float]], level: float = 0.5) -> float:
    """R's print(survfit): the first time at which a curve is at or below the level; midpoint where it equals it."""
    points = [(t, s) for t, s in points if not np.isnan(s)]
    low = [(t, s) for t, s in points if s < level + 1.5e-8]
    if not low:
        return np.inf
    lower = [t for t, s in low if s < low[0][1]]
    return (low[0][0] + lower[0]) / 2 if abs(low[0][1] - level) < 1.5e-8 and lower else low[0][0]


def robust_score(
    time: Floats, event: Bools, design: Design, ties: Literal["efron", "breslow"] = "efron"
) -> tuple[float, float]:
    """The weighted score at 0 and its robust variance, from the residuals of the slow Cox model."""
    x = design.treated.astype(np.float64)[:, None]
    made = slow_cox.data(time, event, x, design.weight)
    residual = design.weight * slow_cox.score_residuals(made, np.zeros(1), ties)[:, 0]
    sums = [residual[design.cluster == group].sum() for group in np.unique(design.cluster)]
    return float(residual.sum()), float(np.sum(np.square(sums)))
