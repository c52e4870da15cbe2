"""Matching and the tests of a Table 1, each shown to be noticed when it is wrong."""

import functools
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.random import Generator, Philox

from analysis.kernels.status import Status
from tests.agreement import gap
from tests.planted import Gaps, Rooms, defects, noticed_by, unless
from tests.reference import matching as slow_matching
from tests.reference import two_samples as slow

CALIPERS = ((None, "sd"), (0.2, "sd"), (1.0, "raw"), (0.6, "sd"), (0.0, "raw"))


@functools.cache
def _case(number: int) -> Any:
    """Scores, in every other case whole numbers, arms, who is present, options, and whom brute force matches."""
    draw = Generator(Philox(200 + number))
    n = int(draw.integers(8, 30))
    tied = number % 2 == 0
    score = draw.integers(0, 8 if number % 4 else 24, n).astype(float) if tied else draw.normal(size=n)
    treated, present, rank = draw.random(n) < 0.4, draw.random(n) < 0.9, draw.permutation(n).astype(float)
    order: Any = ("largest", "smallest", "data", "random", "closest")[number % 5]
    ratio = 1 if order == "closest" else int(draw.integers(1, 4))
    replacement = bool(order != "closest" and number % 3 == 0)
    caliper, unit = CALIPERS[int(draw.integers(5))]
    keep = np.flatnonzero(present)
    width = slow_matching.caliper_width(score[keep], caliper, unit)  # type: ignore[arg-type]
    ties = draw.permutation(n).astype(float) if number % 4 == 0 else None
    luck = draw.random((ratio, n)) if ties is not None and replacement else None
    chosen = slow_matching.controls(
        score[keep], treated[keep], width, order, ratio, replacement, rank[keep],
        None if ties is None else ties[keep], None if luck is None else luck[:, keep],
    )  # fmt: skip
    weight = np.zeros(n)
    weight[keep] = slow_matching.weights(chosen, len(keep))
    sets = {int(keep[i]): [int(keep[j]) for j in mine] for i, mine in chosen.items()}
    options = {
        "caliper": caliper, "unit": unit, "order": order, "ratio": ratio, "replacement": replacement,
        "rank": np.stack([rank] * 2) if order == "random" else None,
        "ties": None if ties is None else np.stack([ties] * 2),
        "luck": None if luck is None else np.stack([luck] * 2, axis=1),
    }  # fmt: skip
    seen = np.where(present | tied, score, np.nan)
    made = SimpleNamespace(score=seen, treated=treated, present=present, options=options)
    return made, SimpleNamespace(width=width, sets=sets, weight=weight)


def matching(rooms: Rooms) -> Gaps:
    """Who is matched with whom, the caliper's width and the weights, in every order, with ties, by brute force."""
    match = rooms["analysis.propensity.matching"].match
    for number in range(120):
        c, truth = _case(number)
        block = np.stack([c.score[::-1], c.score]), np.stack([c.treated] * 2)
        try:
            found = match(*block, present=np.stack([c.present[::-1], c.present]), **c.options)
        except RuntimeError:  # the matching's own guard
            yield np.inf
            continue
        yield gap(found.width[1], truth.width)
        yield unless({i: [int(j) for j in found.controls[1, i] if j >= 0] for i in truth.sets} == truth.sets)
        yield gap(found.weight[1], truth.weight)
        pairs = sum(bool(mine) for mine in truth.sets.values())
        yield unless((found.n_pairs[1], found.status[1]) == (pairs, Status.OK if pairs else Status.NO_PAIRS))


def guard(rooms: Rooms) -> Gaps:
    """The check of every pair: within the caliper, both present, in opposite arms."""
    number_sets = rooms["analysis.kernels.matching"].number_sets
    score, treated = np.array([[0.0, 1.0, 2.0, 3.0]]), np.array([[True, False, True, False]])
    for pair, absent, width, sound in (
        ((0, 1), None, 1.0, True),
        ((0, 1), None, 0.9, False),
        ((0, 1), 0, 1.0, False),
        ((0, 1), 1, 1.0, False),
        ((0, 2), None, 9.0, False),
        ((1, 3), None, 9.0, False),
    ):
        controls = np.full((1, 4, 1), -1)
        controls[0, pair[0], 0] = pair[1]
        present = np.arange(4)[None] != (-1 if absent is None else absent)
        made = np.empty((1, 4), np.int64), np.empty((1, 4)), np.empty(1, np.int64)
        yield unless(number_sets(score, treated, present, np.array([width]), controls, *made) == sound)


def everyone(rooms: Rooms) -> Gaps:
    """Both of the above."""
    yield from matching(rooms)
    yield from guard(rooms)


def _sample(number: int) -> Any:
    draw = Generator(Philox(90 + number))
    n = (7, 12, 20, 31)[number]
    x, group, weight = draw.integers(0, 9, n) / 2, np.arange(n) % 3 == 0, draw.integers(1, 9, n) / 4
    return x, group, draw.random(n) < 0.9, weight, draw.integers(0, 9, (2, 2 + number % 3))


@functools.cache
def _slow_tests(number: int) -> Any:
    x, group, present, weight, counts = _sample(number)
    arms = x[present & ~group], x[present & group]
    shares = weight[present & ~group], weight[present & group]
    means = [np.average(values, weights=own) for values, own in zip(arms, shares, strict=True)]
    told = counts[:, counts.sum(axis=0) > 0]
    return SimpleNamespace(
        tests={name: getattr(slow, name)(*arms) for name in ("welch", "student", "mann_whitney")},
        means=means,
        quartiles=[slow.quartiles(own) for own in arms],
        counts=[[(own == k / 2).sum() for k in range(9)] for own in arms],
        pearson={correct: slow.pearson(told, correct) for correct in (False, True)},
        fisher=slow.fisher(told),
    )


def two_samples(rooms: Rooms) -> Gaps:
    """t tests, Mann-Whitney, quartiles, weighted means, counts of levels, Pearson and Fisher, by formula."""
    module = rooms["analysis.two_samples.tests"]
    for number in range(4):
        x, group, present, weight, counts = _sample(number)
        truth, sets = _slow_tests(number), np.stack([~present, present])
        for name, own in truth.tests.items():
            found = getattr(module, name)(x[None], group[None], present=sets)
            yield gap((found.statistic[1], found.p[1]), own, 1e-3)
        sample = module.TwoGroups.of(x[None, :, None], group[None], sets)
        moments = module.moments(sample, (0,), np.stack([weight, weight]))
        yield gap(moments.weighted[1, 0], truth.means)
        yield unless(moments.count[1] == [(present & ~group).sum(), (present & group).sum()])
        yield gap(module.ranks(module.TwoGroups.of(x[None], group[None], sets)).quartile[1], truth.quartiles)
        for correct in (False, True):
            found = module.pearson(np.stack([counts.T[::-1].T, counts]), correct)
            yield gap((found.statistic[1], found.p[1]), truth.pearson[correct])
        yield gap(module.fisher(np.stack([counts.T[::-1].T, counts])).p, [truth.fisher] * 2)
        yield from levels(rooms, x, group, sets, truth.counts)
    yield from degenerate(module)


def levels(rooms: Rooms, x: Any, group: Any, sets: Any, truth: Any) -> Gaps:
    """Counts of the levels between cut-points in the second of two cohorts; a half is no level of a coded row."""
    values = np.stack([x, np.floor(x)], axis=1)
    column, coded = np.array([0, 1, 0]), np.array([False, True, True])
    cuts = np.stack([np.arange(8) / 2, np.append(np.arange(4.0), [np.inf] * 4)])[[0, 1, 1]]
    patients, counts, bad = np.empty((4, 2), np.int64), np.empty((4, 3, 2, 9), np.int64), np.empty((4, 3), bool)
    rooms["analysis.kernels.two_samples"].count_levels(
        np.stack([np.full_like(values, np.nan), values]), np.stack([~group, group]), np.tile(sets, (2, 1)),
        column, cuts, np.array([8, 4, 4]), coded, patients, counts, bad,
    )  # fmt: skip
    yield gap(counts[3, 0], truth)
    whole = np.array(truth)
    yield gap(counts[3, 1, :, :5], np.column_stack([whole[:, :8].reshape(2, 4, 2).sum(axis=2), whole[:, 8]]))
    yield unless(bad[3] == [False, False, whole[:, 1::2].sum() > 0])
    yield gap(patients[1::2], [whole.sum(axis=1)[::-1], whole.sum(axis=1)])
    yield unless(bad[1])


def degenerate(module: Any) -> Gaps:
    """Empty arms and levels, what is not finite, too many tables; which columns are 0/1."""
    for table in ([[3, 4], [0, 0]], [[0, 0], [3, 4]], [[3, 0], [2, 0]]):
        yield unless(module.pearson([table]).status[0] == module.fisher([table]).status[0] == Status.NO_INFO)
    yield unless(module.pearson([[[np.nan, 1.0], [2.0, 3.0]]]).status == Status.BAD_INPUT)
    for each, status in ((60, Status.NOT_CONVERGED), (2, Status.OK)):
        yield unless(module.fisher(np.full((1, 2, 6), each // 2)).status == status)
    group = np.array([[False, False, True, True]])
    columns = np.array([[0.0, 1, 1, 0], [0, 1, 2, 1], [-1, 1, 0, 1], [0, 1, 0, np.nan], [np.inf, 1, 0, 0]]).T
    found = module.moments(module.TwoGroups.of(columns[None], group, None), range(5))
    yield unless(found.binary[0] == [True, False, False, False, False])
    yield unless(found.finite[0] == [True, True, True, False, False])
    few = module.TwoGroups.of(columns[None, :, 0], group, np.array([[True, True, False, False], [False] * 4]))
    made = module.ranks(few)
    yield gap(made.quartile[0], [slow.quartiles(columns[:2, 0]), [np.nan] * 3])
    yield unless(made.count == [[2, 0], [0, 0]])
    yield unless(made.finite)
    yield unless(~module.ranks(module.TwoGroups.of(columns.T[3:], np.tile(group, (2, 1)), None)).finite)


DEFECTS = [
    *defects(
        "analysis.kernels.matching",
        everyone,
        ("match_block", "the largest choose last", "order == LARGEST, turns", "order != LARGEST, turns"),
        (
            "pair_in_turn",
            "a pair just at the caliper is refused",
            "score[i]) <= width:",
            "score[i]) < width:",
        ),
        ("pair_in_turn", "no caliper", "score[i]) <= width:", "score[i]) <= np.inf:"),
        ("pair_in_turn", "the caliper on one side only", "if abs(levels[g] - score", "if (levels[g] - score"),
        (
            "nearest",
            "of two equally near the later",
            "[first[above - 1]] < member[first[below",
            "[first[above - 1]] > member[first[below",
        ),
        ("nearest", "the farther neighbour", "return above - 1 if up < down", "return above - 1 if up > down"),
        ("turns_of", "of equal scores the later chooses first", "start > 0 and", "start < 0 and"),
        ("pair_in_turn", "a control is used twice", "first[g] += 1", "first[g] += 0"),
        ("pair_closest", "a control of one of the closest pairs is used twice", "first[g] += 1", "first[g] += 0"),
        ("root_of", "an empty level led past by one alone", "while parent[end] != end:", "if parent[end] != end:"),
        (
            "pair_in_turn",
            "an empty level keeps its place",
            "lower[g + 1], higher[g + 1] = g, g + 2",
            "lower[g + 1], higher[g + 1] = g + 1, g + 2",
        ),
        (
            "take_nearest",
            "with replacement the later of equals",
            "min(found, member[place])",
            "max(found, member[place])",
        ),
        (
            "take_nearest",
            "with replacement one of them is never taken",
            "luck[turn, r, i] * equal",
            "luck[turn, r, i] * (equal - 1)",
        ),
        ("holds", "with replacement one control twice", "found |= mine[k] == who", "found |= False"),
        ("lined_up", "the line is not that of the ties", "scores[r, place], arms", "scores[r, i], arms"),
        ("sent_back", "controls by their place in the line", "= line[r, who] if who", "= who if who"),
        ("the_equal", "with replacement the next of the equal", "if number == 0:", "if number == 1:"),
        ("take_nearest", "with replacement no caliper", "if distance > width or distance > best", "if distance > best"),
        ("pair_closest", "the last of the closest pairs first", "elif distance < best", "elif distance <= best"),
        (
            "pair_closest",
            "closest first, a pair just at the caliper is refused",
            "if not distance <= width:",
            "if not distance < width:",
        ),
        ("group_controls", "absent controls are chosen", "if not present[i]:", "if False:"),
        ("take_all_nearest", "with replacement the absent choose", "if present[i] and treated[i]", "if treated[i]"),
        ("number_sets", "weights of sets of several", "weight[r, who] += 1.0 / size", "weight[r, who] += 1.0"),
        ("number_sets", "weights not scaled", "weight[r, i] *= used / total", "weight[r, i] *= 1.0"),
        (
            "number_sets",
            "the guard overlooks the caliper",
            "sound &= abs(score[r, i] - score[r, who]) <= width[r]",
            "sound &= True",
        ),
        ("number_sets", "the guard overlooks the arm", "present[r, who] and not treated[r, who]", "present[r, who]"),
        (
            "number_sets",
            "the guard overlooks the absent",
            "sound &= treated[r, i] and present[r, i]",
            "sound &= treated[r, i]",
        ),
    ),
    *defects(
        "analysis.propensity.matching",
        matching,
        ("_width", "a caliper's degrees of freedom", "squares / (n - 1)", "squares / n"),
        ("_width", "a caliper in variances", "caliper * np.sqrt(squares / (n - 1))", "caliper * squares / (n - 1)"),
        ("_width", "a raw caliper in SDs", 'if unit == "raw"', 'if unit == "sd"'),
        ("", "largest taken as smallest", '"largest": LARGEST', '"largest": SMALLEST'),
    ),
    *defects(
        "analysis.kernels.two_samples",
        two_samples,
        ("moments", "deviations, not their squares", "(x[c, i, k] - centre) ** 2", "abs(x[c, i, k] - centre)"),
        (
            "moments",
            "deviations from the first, not the mean",
            "centre = first if same else total / size",
            "centre = first",
        ),
        ("moments", "absent patients counted", "count[r, arm] += int(present[r, i])", "count[r, arm] += 1"),
        ("moments", "arms exchanged", "arm = int(treated[c, i])", "arm = 1 - int(treated[c, i])"),
        ("moments", "weights ignored", "total += weight[r, i] * x[c, i, k]", "total += shares / shares * x[c, i, k]"),
        ("ranks", "ties do not count half", "(zeros if arm else ones)", "0"),
        ("ranks", "the correction for ties", "(zeros + ones) * (zeros + ones + 1)", "(zeros + ones) * (zeros + ones)"),
        ("ranks", "ranks of absent patients", "m += int(present[r, i])", "m += 1"),
        (
            "ranks",
            "quartiles of type 6",
            "(count[r, arm] - 1) * (0.25 * (q + 1))",
            "(count[r, arm] + 1) * (0.25 * (q + 1)) - 1",
        ),
        (
            "count_levels",
            "a value at the cut-point lies above",
            "int(number[i] > cut[j, k])",
            "int(number[i] >= cut[j, k])",
        ),
        ("count_levels", "one cut-point too few", "for k in range(cuts[j]):", "for k in range(cuts[j] - 1):"),
        (
            "count_levels",
            "a value of no level is no fault",
            "known = number[i] == level[i] if coded[j]",
            "known = True if coded[j]",
        ),
        ("chi_squares", "a degree of freedom too many", "df[t] = seen - 1.0", "df[t] = seen"),
        ("chi_squares", "levels that nobody has", "counts[t, 1, k] > 0.0)", "counts[t, 1, k] >= 0.0)"),
        ("chi_squares", "Yates's correction is 1", "by = 0.5 if correct", "by = 1.0 if correct"),
        ("chi_squares", "Yates's correction without a limit", "by, least[t] = min(by, off)", "by, least[t] = by"),
        ("chi_squares", "Yates's correction of any table", "if correct and seen == 2", "if correct"),
        ("_tails", "the upper tail alone", "for step in (-1, 1):", "for step in (1,):"),
        ("moments", "what is not finite is no fault", "number &= np.isfinite(v)", "number &= True"),
        ("moments", "numbers taken for 0 and 1", "whole &= (v == 0.0)", "whole &= (v <= 0.5)"),
        ("exact_tables", "tables less likely, not as likely", "log_p - whole + slack", "log_p - whole - slack"),
        (
            "exact_tables",
            "the first table of several alone",
            "again = cell[k] < min(column[k], left[k])",
            "again = False",
        ),
        ("_tails", "a tail of one table", "while term > NEGLIGIBLE * tail", "while term > tail"),
    ),
    *defects(
        "analysis.two_samples.tests",
        two_samples,
        ("student_of", "Student's degrees of freedom", "df = n.sum(axis=2) - 2", "df = n.sum(axis=2) - 1"),
        ("welch_of", "Welch's degrees of freedom", "(share**2 / (n - 1))", "(share**2 / n)"),
        ("_t_test", "one tail of t", "2 * stdtr(df, -np.abs(t))", "stdtr(df, -np.abs(t))"),
        ("_above", "the lower tail of chi-square", "np.exp(-chi2 / 2), erfc(", "np.exp(-chi2 / 2), 1 - erfc("),
    ),
]

test_the_plain_kernels_agree_with_the_slow_twins, test_a_planted_defect_is_noticed = noticed_by(DEFECTS)
