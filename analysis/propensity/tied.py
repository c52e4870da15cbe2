"""How many treated patients had several equally near controls: one matching gone through again, turn by turn."""

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
    rounds, chooser = _turns(plan, score, controls, basis)
    if plan.compares_all:
        turns = list(zip(rounds.tolist(), chooser.tolist(), strict=True))
        return _among_all(plan, score, width, controls, basis, pool, turns)
    return _by_level(plan, score, controls, pool, rounds, chooser)


def _turns(plan: MatchingPlan, score: Floats, controls: Ints, basis: Basis) -> tuple[Ints, Ints]:
    """Round and treated patient of each turn at which somebody was matched, in order ``(T,)``."""
    ties = np.arange(len(score)) if basis.ties is None else basis.ties[0]
    rounds, chooser = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
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
        chooser.append(who[np.lexsort((ties[who], key))])
        rounds.append(np.full(len(who), turn, np.int64))
    return np.concatenate(rounds), np.concatenate(chooser)


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


def _by_level(plan: MatchingPlan, score: Floats, controls: Ints, pool: Ints, rounds: Ints, chooser: Ints) -> int:
    """By the distinct scores of controls: equally near are those of one score, and of that as far on the other side."""
    levels, level_of, free = np.unique(score[pool], return_inverse=True, return_counts=True)
    at = np.zeros(len(score), np.int64)
    at[pool] = level_of
    own, value, turns = at[controls[chooser, rounds]], score[chooser], len(chooser)
    taken = np.sort(own * turns + np.arange(turns))
    distance = np.abs(levels[own] - value)
    middle = np.searchsorted(levels, 2 * value - levels[own])

    def left(level: Ints) -> Ints:
        """How many of a level each chooser may still take."""
        if not plan.replacement:
            before = np.searchsorted(taken, level * turns + np.arange(turns)) - np.searchsorted(taken, level * turns)
            return np.asarray(free[level] - before)
        mine = sum(((rounds > k) & (at[controls[chooser, k]] == level) for k in range(controls.shape[1])), 0)
        return np.asarray(free[level] - mine)

    equal = left(own)
    for step in range(-2, 3):
        level = np.clip(middle + step, 0, len(levels) - 1)
        other = (level == middle + step) & (level != own) & (np.abs(levels[level] - value) == distance)
        equal = equal + np.where(other, left(level), 0)
    return len(np.unique(chooser[equal > 1]))
