"""A slow logistic regression (Newton-Raphson; McCullagh & Nelder 1989, section 4.4) and R's step() on top of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from simulator.numerics.arrays import Bools, Floats


@dataclass(frozen=True)
class Fit:
    """The maximum: ``beta (P + 1,)`` intercept first, ``covariance`` the inverse information."""

    beta: Floats
    covariance: Floats
    loglik: float
    aic: float


def log_likelihood(x: Floats, y: Bools, weight: Floats, beta: Floats) -> float:
    """Sum of w (y eta - log(1 + exp(eta)))."""
    eta = x @ beta
    return float(weight @ (y * eta - np.logaddexp(0, eta)))


def fit(x: Floats, y: Bools, weight: Floats | None = None, steps: int = 100) -> Fit:
    """The fit of ``y`` on an intercept and ``x (N, P)``; a separated likelihood stops where it no longer grows."""
    weight = np.ones(len(y)) if weight is None else weight
    x = np.column_stack([np.ones(len(y)), x])
    beta = np.zeros(x.shape[1])
    here = log_likelihood(x, y, weight, beta)
    for _ in range(steps):
        p = 1 / (1 + np.exp(-(x @ beta)))
        information = (x.T * (weight * p * (1 - p))) @ x
        step = np.linalg.solve(information, x.T @ (weight * (y - p)))
        while log_likelihood(x, y, weight, beta + step) < here - 1e-10 * (1 + abs(here)):
            step = step / 2
        beta = beta + step
        there = log_likelihood(x, y, weight, beta)
        done = np.abs(step).max() <= 1e-13 * (1 + np.abs(beta).max())
        diverging = np.abs(step).max() > 0.1 and there - here < 1e-9
        here = there
        if done or diverging:
            break
    return Fit(beta, np.asarray(np.linalg.inv(information), dtype=np.float64), here, 2 * x.shape[1] - 2 * here)


def independent(x: Floats, columns: Sequence[int]) -> list[int]:
    """The columns that are no combination of an intercept and of those before them; the others are aliased."""
    kept: list[int] = []
    for k in columns:
        trial = np.column_stack([np.ones(len(x)), x[:, [*kept, k]]])
        if np.linalg.matrix_rank(trial) == trial.shape[1]:
            kept.append(int(k))
    return kept


@dataclass(frozen=True)
class Selection:
    """The terms in the selected model and its criterion."""

    selected: Bools
    criterion: float


def select(
    x: Floats,
    y: Bools,
    term_of: Sequence[int],
    direction: Literal["both", "forward", "backward"] = "both",
    penalty: float = 2.0,
    start: Literal["full", "empty"] = "full",
) -> Selection:
    """What R's step() selects: at each step every single drop and add is fitted; the first best wins, none included.

    Candidates stand in R's order: no change, drops in the order of the model's terms (an added term stands last),
    then adds in the order of the full model. Terms move with all their columns. A term that adds nothing to the rank
    of the others leaves first, the last such term before others, and never enters.
    """
    terms = np.asarray(term_of)
    count = int(terms.max()) + 1

    def kept(model: list[int]) -> list[int]:
        return independent(x, [int(k) for term in model for k in np.flatnonzero(terms == term)])

    def criterion(model: list[int]) -> float:
        columns = kept(model)
        return penalty * (len(columns) + 1) - 2 * fit(x[:, columns], y).loglik

    model = list(range(count)) if start == "full" else []
    best = criterion(model)
    while True:
        drops = [[t for t in model if t != gone] for gone in model] if direction != "forward" else []
        redundant = [shorter for shorter in drops if len(kept(shorter)) == len(kept(model))]
        if redundant:
            model = redundant[-1]
            best = criterion(model)
            continue
        adds = [[*model, t] for t in range(count) if t not in model] if direction != "backward" else []
        candidates = [model, *drops, *(longer for longer in adds if len(kept(longer)) > len(kept(model)))]
        values = [best] + [criterion(candidate) for candidate in candidates[1:]]
        winner = int(np.argmin(values))
        if winner == 0 or values[winner] >= best + 1e-7:
            return Selection(np.isin(np.arange(count), model), best)
        model, best = candidates[winner], values[winner]
