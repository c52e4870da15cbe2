"""Greedy matching by brute force: every treated unit looks at every free control (Rosenbaum & Rubin 1985)."""

from typing import Literal

import numpy as np

from simulator.numerics.arrays import Bools, Floats

Order = Literal["largest", "smallest", "data", "random", "closest"]


def caliper_width(score: Floats, caliper: float | None, unit: Literal["sd", "raw"] = "sd") -> float:
    """The widest distance allowed: raw, or in sample standard deviations of the score over all units."""
    if caliper is None:
        return np.inf
    return caliper * float(np.std(score, ddof=1)) if unit == "sd" else caliper


def queue(
    score: Floats, treated: Bools, order: Order, rank: Floats | None = None, ties: Floats | None = None
) -> list[int]:
    """The treated units in the order in which they choose; equals stand in the order of ``ties``, or of the data."""
    units = [int(i) for i in np.flatnonzero(treated)]
    if order == "data":
        return units
    if ties is not None:
        units.sort(key=lambda i: float(ties[i]))
    if order == "random":
        assert rank is not None
        return sorted(units, key=lambda i: float(rank[i]))
    sign = -1 if order == "largest" else 1
    return sorted(units, key=lambda i: sign * float(score[i]))


def nearest(score: Floats, unit: int, candidates: list[int], width: float, luck: float | None = None) -> int | None:
    """The candidate at the smallest distance within the caliper, else None.

    Of several the first one, or the one that ``luck`` in (0, 1) points at, those with the lower score counted first.
    """
    best = None
    if luck is not None:
        gaps = {j: abs(score[unit] - score[j]) for j in candidates if abs(score[unit] - score[j]) <= width}
        equal = [j for j in sorted(gaps, key=lambda j: float(score[j])) if gaps[j] == min(gaps.values())]
        return equal[int(luck * len(equal))] if equal else None
    for j in candidates:
        gap = abs(score[unit] - score[j])
        if gap <= width and (best is None or gap < abs(score[unit] - score[best])):
            best = j
    return best


def controls(
    score: Floats,
    treated: Bools,
    width: float,
    order: Order = "largest",
    ratio: int = 1,
    replacement: bool = False,
    rank: Floats | None = None,
    ties: Floats | None = None,
    luck: Floats | None = None,
) -> dict[int, list[int]]:
    """For each treated unit its controls. Several controls are given out in rounds: everybody's first, then seconds.

    Equals stand in the order of ``ties (N,)``, or of the data; ``luck (ratio, N)`` names one of several equally near.
    """
    line = np.arange(len(score)) if ties is None else np.argsort(ties, kind="stable")
    free = [int(j) for j in line if not treated[j]]
    chosen: dict[int, list[int]] = {int(i): [] for i in line if treated[i]}
    if order == "closest":
        assert ratio == 1
        assert not replacement
        return closest(score, chosen, free, width)
    for round_number in range(ratio):
        for unit in queue(score, treated, order, rank, ties):
            if len(chosen[unit]) < round_number:
                continue
            own = None if luck is None else float(luck[round_number, unit])
            found = nearest(score, unit, [j for j in free if j not in chosen[unit]], width, own)
            if found is not None:
                chosen[unit].append(found)
                if not replacement:
                    free.remove(found)
    return chosen


def closest(score: Floats, chosen: dict[int, list[int]], free: list[int], width: float) -> dict[int, list[int]]:
    """The same, the closest pair of all that are left first; the first treated unit in data order of several."""
    while True:
        best: tuple[float, int, int] | None = None
        for unit in (i for i, mine in chosen.items() if not mine):
            found = nearest(score, unit, free, width)
            if found is not None and (best is None or abs(score[unit] - score[found]) < best[0]):
                best = (abs(score[unit] - score[found]), unit, found)
        if best is None:
            return chosen
        chosen[best[1]].append(best[2])
        free.remove(best[2])


def weights(chosen: dict[int, list[int]], n: int) -> Floats:
    """MatchIt's weights: a matched treated unit 1; a control the sum of 1/(size of set) over its sets, scaled so that
    the controls' weights add up to the number of different controls (Ho, Imai, King & Stuart 2011, section 3)."""
    weight = np.zeros(n)
    for unit, mine in chosen.items():
        for j in mine:
            weight[unit] = 1
            weight[j] += 1 / len(mine)
    used = sorted({j for mine in chosen.values() for j in mine})
    if used:
        weight[used] *= len(used) / weight[used].sum()
    return weight
