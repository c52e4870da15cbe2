"""Amounts of treatment, summed up in every cohort of a block as `analysis.paper.table1.summary` does in one."""

from collections.abc import Mapping
from dataclasses import fields

import numpy as np

from analysis.paper.table1 import Amounts, summary
from simulator.numerics.arrays import Bools, Floats

SHARES = {"min": 0.0, "q1": 0.25, "median": 0.5, "q3": 0.75, "max": 1.0}


def summaries(amounts: Floats, inside: Bools, weight: Floats | None) -> Mapping[str, Floats]:
    """The fields of `Amounts` in every cohort ``(R,)``, from the amounts ``(R, N)`` of those inside."""
    if weight is None:
        return _unweighted(amounts, inside)
    cohorts = zip(amounts, inside, weight, strict=True)
    made = [summary(row[who], own[who]) for row, who, own in cohorts]
    return {field.name: np.array([float(getattr(one, field.name)) for one in made]) for field in fields(Amounts)}


def _unweighted(amounts: Floats, inside: Bools) -> Mapping[str, Floats]:
    """Quantiles of type 7 by numpy's own steps, so that both have the same bits."""
    n = inside.sum(axis=1)
    ordered = np.full((len(n), max(int(n.max(initial=0)), 1)), np.nan)
    ordered[np.arange(ordered.shape[1]) < n[:, None]] = amounts[inside]
    ordered.sort(axis=1)
    found = {"n": n.astype(np.float64)}
    for name, share in SHARES.items():
        place = share * (n - 1)
        below = np.maximum(np.floor(place).astype(np.int64), 0)
        above, part = np.minimum(below + 1, np.maximum(n - 1, 0)), place - below
        low, high = (np.take_along_axis(ordered, at[:, None], axis=1)[:, 0] for at in (below, above))
        step = high - low
        found[name] = np.where(part >= 0.5, high - step * (1 - part), low + step * part)
    return found
