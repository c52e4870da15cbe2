"""How many treated patients had several equally near controls: one matching gone through again, turn by turn."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from analysis.plan.matching_plan import MatchingPlan
from analysis.propensity.matching import Basis
from simulator.numerics.arrays import Bools, Floats, Ints


def tied(
    plan: MatchingPlan, score: Floats, treated: Bools, present: Bools, width: float, controls: Ints, basis: Basis
) -> int:
    """The treated who, at a turn, had several controls as near as the one whom they got, of those still free then.

    Of one cohort: ``controls (N, ratio)`` are whom they got. With ``choice: random`` those who had several to choose
    from; with ``method: optimal``, which takes no turns, the free are those whom nobody got.
    """
    here = present & np.isfinite(np.where(present, score, 0.0))
    pool = np.flatnonzero(here & ~treated)
    turns = list(_turns(plan, score, controls, basis))
    if plan.compares_all:
        return _among_all(plan, score, width, controls, basis, pool, turns)
    return _by_level(plan, score, controls, pool, turns)


def _turns(plan: MatchingPlan, score: Floats, controls: Ints, basis: Basis) -> Iterator[tuple[int, int]]:
    """Round and treated patient of each turn at which somebody was matched, in order."""
    ties = np.arange(len(score)) if basis.ties is None else basis.ties[0]
    for turn in range(controls.shape[1]):
        who = np.flatnonzero(controls[:, turn] >= 0)
        match plan.order:
            case "largest":
                key: NDArray[np.generic] = -score[who]
            case "smallest":
                key = score[who]
            case "closest":
                key = _distances(score, who, controls[who, turn], basis)
            case "random" if basis.rank is not None:
                key = basis.rank[0, who]
            case _:
                key = np.zeros(len(who)) if basis.places is None else basis.places[0, who]
        for i in who[np.lexsort((ties[who], key))]:
            yield turn, int(i)


def _distances(score: Floats, one: Ints, other: Ints, basis: Basis) -> Floats:
    """The distances of patients ``one`` from those opposite."""
    if basis.space is None:
        return np.abs(score[one] - score[other])
    from scipy.spatial.distance import cdist  # slow to import, and few matchings need it

    space = basis.space[0]
    rows = [cdist(space[i : i + 1], space[j : j + 1])[0, 0] for i, j in zip(one, other, strict=True)]
    return np.array(rows, dtype=np.float64)


def _among_all(
    plan: MatchingPlan,
    score: Floats,
    width: float,
    controls: Ints,
    basis: Basis,
    pool: Ints,
    turns: list[tuple[int, int]],
) -> int:
    """By looking at every control at every turn."""
    from scipy.spatial.distance import cdist  # slow to import, and few matchings need it

    free = np.zeros(len(score), np.bool_)
    free[pool] = True
    optimal = plan.method == "optimal"
    if optimal:
        free[controls[controls >= 0]] = False
    found: set[int] = set()
    for turn, i in turns:
        got = int(controls[i, turn])
        open_ = free[pool] & ~np.isin(pool, controls[i, :turn])
        open_ |= pool == got
        gap = np.abs(score[i] - score[pool])
        distance = gap if basis.space is None else cdist(basis.space[0, i : i + 1], basis.space[0, pool])[0]
        open_ &= gap <= width
        if basis.group is not None:
            open_ &= basis.group[0, pool] == basis.group[0, i]
        mine = distance[pool == got][0]
        anyone = plan.choice == "random" and mine > 0.0
        if (open_ if anyone else open_ & (distance == mine)).sum() > 1:
            found.add(i)
        if not optimal and not plan.replacement:
            free[got] = False
    return len(found)


def _by_level(plan: MatchingPlan, score: Floats, controls: Ints, pool: Ints, turns: list[tuple[int, int]]) -> int:
    """By the distinct scores of controls: equally near are those of one score, and of that as far on the other side."""
    levels, level_of, free = np.unique(score[pool], return_inverse=True, return_counts=True)
    at = dict(zip(pool.tolist(), level_of.tolist(), strict=True))
    found: set[int] = set()
    for turn, i in turns:
        own = at[int(controls[i, turn])]
        mine = [at[int(j)] for j in controls[i, :turn]] if plan.replacement else []
        distance = abs(levels[own] - score[i])
        middle = int(np.searchsorted(levels, 2 * score[i] - levels[own]))
        near = {own, *(g for g in range(max(middle - 2, 0), min(middle + 3, len(levels))) if g != own)}
        equal = sum(int(free[g]) - mine.count(g) for g in near if abs(levels[g] - score[i]) == distance)
        if equal > 1:
            found.add(i)
        if not plan.replacement:
            free[own] -= 1
    return len(found)
