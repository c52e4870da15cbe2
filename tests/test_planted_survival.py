"""Curves, log-rank tests, the comparison of two arms and what these start from, each shown to be noticed when wrong."""

import functools
from typing import Any

import numpy as np
from numpy.random import Generator, Philox

from analysis.kernels.status import Status
from tests.agreement import gap
from tests.planted import Gaps, Rooms, cohort, defects, noticed_by, unless
from tests.reference import cox as slow_cox
from tests.reference import kaplan_meier as slow_km
from tests.reference import logrank as slow_logrank
from tests.reference import risk_sets as slow_risk_sets

WEIGHTS = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (0.5, 2.0))


def risk_sets(rooms: Rooms) -> Gaps:
    """The table of event times, row by row."""
    module = rooms["analysis.kernels.risk_sets"]
    for number in range(7):
        c = cohort(30 + number, 2, n=16, binary=number != 3)
        n, time = len(c.time), c.time.copy()
        stratum = c.stratum if number % 2 else np.zeros(n, np.int64)
        if number > 4:
            time[np.flatnonzero(c.present)[2]] = np.nan if number == 5 else np.inf
        order = np.lexsort((time, stratum)).astype(np.int32)[None]
        table, treated, dead = np.empty((n + 1, 4)), np.empty((n + 1, 2)), np.empty((n + 1, 2))
        strange, counts = np.empty(2), np.empty(4, np.int64)
        strata = stratum[None] if number % 2 else np.empty((0, 0), np.int64)
        made = module.RiskSetTable(table, treated, dead, np.empty(n, np.int64), np.empty(2), strange, counts)
        module.tabulate(0, module.SortedBlock(time[None], c.event[None], c.x[None], strata, order), c.present, made)
        slow = slow_risk_sets.table(time, c.event, c.x, c.present, stratum)
        yield unless((counts[module.SIZE], counts[module.BAD] > 0) == (c.present.sum(), number > 4))
        if number > 4:
            continue
        yield unless((counts[module.EVENTS], counts[module.TIMES]) == (slow.dead.sum(), len(slow.time)))
        rows = len(slow.time)
        for column, truth in ((0, slow.time), (1, slow.at_risk), (2, slow.dead), (3, slow.stratum)):
            yield gap(table[:rows, column], truth)
        yield gap(treated[:rows], slow.sums, 1.0)
        yield gap(dead[:rows], slow.dead_sums, 1.0)
        yield unless((strange == 0) == np.isin(c.x[c.present], (0, 1)).all(axis=0))


@functools.cache
def curves() -> tuple[Any, ...]:
    """Tied times, curves that end at 0, run along a half or stay above it, limits that turn back."""
    made = [cohort(40 + k, 1, n=n) for k, n in enumerate((8, 9, 15, 21, 40))]
    sets = [(c.time, c.event) for c in made]
    ends = np.array([1.0, 2.0, 3.0, 4.0])
    sets += [(ends, ends > 0), (ends, ends < 3), (ends, ends < 2), (made[4].time, made[4].time < 5)]
    heavily = np.arange(30.0)  # censored but for the first and the last few
    return *sets, (heavily, (heavily < 22) | (heavily > 26))


@functools.cache
def _slow_quantile(number: int, q: float, kind: slow_km.Confidence) -> tuple[float, float, float]:
    return slow_km.quantile(*curves()[number], q, kind)


def kaplan_meier(rooms: Rooms) -> Gaps:
    """Quantiles, survival at event times and between them, restricted means, with all limits and statuses."""
    s = rooms["analysis.survival.statistics"]
    for number, (time, event) in enumerate(curves()):
        block = np.stack([time, time]), np.stack([event, event])
        for kind in ("log", "log-log", "plain"):
            for q in (0.25, 0.5, 0.75):
                found = s.km_quantile(*block, q=q, conf_type=kind)
                slow = _slow_quantile(number, q, kind)  # type: ignore[arg-type]
                yield gap((found.value[1], found.low[1], found.high[1]), slow)
        yield unless((found.n[1], found.events[1]) == (len(time), event.sum()))
        last, first = float(time.max()), float(time[event].min())
        for at in (0.5, first, first + 0.5, (first + last) / 2, last):
            point = s.survival_at(*block, [at, at])
            yield gap((point.value[1], point.se[1], point.low[1], point.high[1]), slow_km.survival_at(time, event, at))
            mean = s.rmst(*block, [at, at])
            yield gap((mean.value[1], mean.se[1]), slow_km.rmst(time, event, at))
        ended = slow_km.curve(time, event).survival[-1] == 0
        for status in (s.survival_at(*block, last + 1).status[1], s.rmst(*block, last + 1).status[1]):
            yield unless(status == (Status.OK if ended else Status.TOO_FEW))
        nobody = np.zeros(block[0].shape, bool)
        yield unless(s.km_quantile(*block, present=nobody).status == Status.TOO_FEW)
        spoilt = np.where(np.arange(len(time)) == 1, np.nan, block[0])
        yield unless(s.km_quantile(spoilt, block[1]).status == Status.BAD_INPUT)


@functools.cache
def _slow_logrank(number: int, rho: float, gamma: float) -> Any:
    c = cohort(50 + number, 1, n=18, binary=True)
    keep, stratum = c.present, c.stratum if number % 2 else None
    own = None if stratum is None else stratum[keep]
    return slow_logrank.compare(c.time[keep], c.event[keep], c.x[keep, 0] == 1, own, rho, gamma)


def logranks(rooms: Rooms) -> Gaps:
    """Observed, expected, variance, chi-square and p, weighted and stratified; statuses."""
    s = rooms["analysis.survival.statistics"]
    for number in range(4):
        c = cohort(50 + number, 1, n=18, binary=True)
        block = np.stack([c.time] * 2), np.stack([c.event] * 2), np.stack([c.x[:, 0] == 1] * 2)
        options = {"present": np.stack([~c.present, c.present])}
        if number % 2:
            options["stratum"] = np.stack([c.stratum] * 2)
        for rho, gamma in WEIGHTS:
            found, slow = s.logrank(*block, **options, rho=rho, gamma=gamma), _slow_logrank(number, rho, gamma)
            own = found.chi2[1], found.p[1], found.variance[1], *found.observed[1], *found.expected[1]
            yield gap(own, (slow.chi2, slow.p, slow.variance, *slow.observed, *slow.expected))
    time, event = np.array([[1.0, 2, 3, 4]]), np.ones((1, 4), bool)
    for arm, here, died, late, status in (
        ([1, 0, 1, 0], [1, 1, 1, 1], event, 4.0, Status.OK),
        ([1, 0, 1, 0], [1, 1, 0, 0], event, 4.0, Status.OK),
        ([1, 0, 1, 0], [1, 0, 0, 0], event, 4.0, Status.TOO_FEW),
        ([1, 0, 1, 0], [1, 1, 1, 1], ~event, 4.0, Status.NO_EVENTS),
        ([1, 1, 1, 1], [1, 1, 1, 1], event, 4.0, Status.NO_INFO),
        ([1, 0, 1, 0], [1, 1, 1, 1], event, np.inf, Status.BAD_INPUT),
    ):
        ends = np.where(time == 4, late, time)
        yield unless(s.logrank(ends, died, [arm], present=[here]).status[0] == status)


def ordering(rooms: Rooms) -> Gaps:
    """The stable order of whole numbers, of what is not finite, and of rows too uneven for buckets."""
    draw = Generator(Philox(60))
    rows = [draw.integers(0, 9, 30).astype(float), draw.normal(size=30), np.zeros(30), np.arange(30.0)[::-1]]
    for row in rows[:2]:
        row[draw.integers(0, 30, 6)] = np.repeat([np.nan, np.inf, -np.inf], 2)
    uneven = draw.random(260)
    uneven[7] = 1e9
    data = rooms["analysis.survival.survival_data"]
    for row in (*rows, uneven, draw.random(1), np.array([0.0, 1e290, -1e290, 3.0])):
        truth = np.argsort(np.where(np.isfinite(row), row, np.inf), kind="stable")
        both = np.stack([row[::-1], row])
        yield unless(data.time_order(both)[1] == truth)
    stratum = draw.integers(0, 3, (1, 30))
    order = data.within(stratum, data.time_order(rows[0][None]))[0]
    finite = np.where(np.isfinite(rows[0]), rows[0], np.inf)
    yield unless(order == np.lexsort((finite, stratum[0])))


def _arms(number: int) -> Any:
    """A cohort of two arms; every other one has no two times alike."""
    c = cohort(70 + number, 1, n=26, binary=True, tied=number % 2 == 1)
    return c.time, c.event, c.x[:, 0] == 1, c.present


@functools.cache
def _slow_arms(number: int, ties: slow_cox.Ties) -> Any:
    time, event, treated, present = (values[_arms(number)[3]] for values in _arms(number))
    assert present.all()
    fit = slow_cox.fit(slow_cox.data(time, event, treated[:, None].astype(float)), ties)
    test = slow_logrank.compare(time, event, treated)
    medians = [
        [slow_km.quantile(time[a], event[a], 0.5, kind) for a in (~treated, treated)] for kind in ("log", "plain")
    ]
    counts = [(int(a.sum()), int(event[a].sum())) for a in (~treated, treated)]
    return fit.beta[0], fit.se[0], test.chi2, medians, counts


def arms(rooms: Rooms) -> Gaps:
    """The log-rank test, the Cox model and the medians of two arms, in several analysis sets; statuses."""
    two_arms = rooms["analysis.survival.two_arms"].two_arms
    for number in range(4):
        time, event, treated, present = _arms(number)
        sets = np.stack([~present, present])
        for ties, kind in (("efron", "log"), ("breslow", "plain")):
            beta, se, chi2, medians, counts = _slow_arms(number, ties)  # type: ignore[arg-type]
            for asked in (True, False):
                found = two_arms(
                    time[None], event[None], treated[None], present=sets, ties=ties, conf_type=kind, medians=asked
                )
                yield gap((found.log_hr[1], found.se[1], found.chi2[1]), (beta, se, chi2))
                yield unless(list(zip(found.n[1], found.events[1], strict=True)) == counts)
                if asked:
                    own = np.stack([found.median[1], found.low[1], found.high[1]], axis=1)
                    yield gap(own, medians[kind == "plain"])
    time, event = np.array([[1.0, 2, 3, 4]]), np.ones((1, 4), bool)
    for arm, here, died, late, status in (
        ([1, 0, 0, 1], [1, 1, 1, 1], event, 4.0, (Status.OK, Status.OK)),
        ([1, 1, 0, 0], [1, 1, 1, 1], event, 4.0, (Status.OK, Status.MONOTONE)),
        ([1, 0, 1, 0], [1, 1, 0, 0], event, 4.0, (Status.OK, Status.MONOTONE)),
        ([1, 0, 1, 0], [1, 0, 0, 0], event, 4.0, (Status.TOO_FEW, Status.TOO_FEW)),
        ([1, 0, 1, 0], [1, 1, 1, 1], ~event, 4.0, (Status.NO_EVENTS, Status.NO_EVENTS)),
        ([1, 1, 1, 1], [1, 1, 1, 1], event, 4.0, (Status.NO_INFO, Status.NO_INFO)),
        ([1, 0, 1, 0], [1, 1, 1, 1], event, np.inf, (Status.BAD_INPUT, Status.BAD_INPUT)),
    ):
        ends = np.where(time == 4, late, time)
        found = two_arms(ends, died, [arm], present=[here])
        yield unless((found.logrank_status[0], found.cox_status[0]) == status)
        empty = [not (np.array(here)[np.array(arm) == a]).any() for a in (0, 1)]
        few = [Status.BAD_INPUT if late == np.inf else Status.TOO_FEW if none else Status.OK for none in empty]
        yield unless(found.median_status[0] == few)


DEFECTS = [
    *defects(
        "analysis.kernels.km",
        kaplan_meier,
        (
            "curve_of",
            "Greenwood's sum without those who die",
            "dead / (at_risk * left)",
            "dead / (at_risk * at_risk)",
        ),
        ("km_summaries", "the lower limit is the upper one", "size, q, -z, conf_type", "size, q, z, conf_type"),
        (
            "survival_at",
            "an event at the very time has not happened",
            "if curve[0, k] <= at",
            "if curve[0, k] < at",
        ),
        ("crossing", "no midpoint along a half", "(first + curve[0, k]) / 2.0", "first"),
        (
            "crossing",
            "the last times that are low enough",
            "if y < target + _TOLERANCE:",
            "if y < target + _TOLERANCE and k > size - 3:",
        ),
        ("limit", "a log-log limit on the wrong side", "z * hazard_se / level", "-z * hazard_se / level"),
        (
            "limit",
            "a plain limit from the SE of log S",
            "survival + z * hazard_se * survival",
            "survival + z * hazard_se",
        ),
        (
            "limit",
            "limits above 1",
            "min(np.exp(np.log(survival) + z * hazard_se), 1.0)",
            "np.exp(np.log(survival) + z * hazard_se)",
        ),
        (
            "mean_to",
            "the variance of a mean from areas, not squares",
            "area * area * curve[3, k]",
            "area * curve[3, k]",
        ),
        ("mean_to", "the mean begins at the first event", "mean[0] = area + end", "mean[0] = area"),
        ("km_summaries", "beyond the last time by nothing", "if at[r] > last", "if at[r] >= last"),
    ),
    *defects(
        "analysis.kernels.logrank",
        logranks,
        ("logranks", "tests without variance count", "elif v > 0.0", "elif v > -1.0"),
        ("one_test", "n, not n - 1, in the variance of ties", "/ (at_risk - 1.0)", "/ at_risk"),
        ("one_test", "the variance of untied times", "if d > 1.0 else spread", "if d > 99.0 else spread"),
        (
            "weigh",
            "the two weights exchanged",
            "s ** rho[k] * (1.0 - s) ** gamma[k]",
            "s ** gamma[k] * (1.0 - s) ** rho[k]",
        ),
        (
            "weigh",
            "weights of S(t), not S(t-)",
            "s, block = 1.0, table[j, STRATUM]",
            "block = table[j, STRATUM]; s = 1.0 - table[j, DEAD] / table[j, AT_RISK]",
        ),
        ("weigh", "one curve for all strata", "if table[j, STRATUM] != block", "if block < 0.0"),
        ("one_test", "arms exchanged", "o1 += w * d1", "o1 += w * (d - d1)"),
        ("one_test", "the variance by the weight, not its square", "w * second[j] * d", "w * d"),
    ),
    *defects(
        "analysis.kernels.risk_sets",
        risk_sets,
        ("tabulate", "strata mixed", "at_risk, now = 0, np.nan", "now = np.nan"),
        (
            "tabulate",
            "strata mixed among the treated",
            "                ones[p] = 0.0",
            "                ones[p] += 0.0",
        ),
        (
            "tabulate",
            "one too many at risk",
            "at_risk, dead, now = 0, 0.0, np.nan",
            "at_risk, dead, now = 1, 0.0, np.nan",
        ),
        ("tabulate", "the censored die", "1.0 if event[c, i] else 0.0", "1.0"),
        ("tabulate", "times without an event have rows", "rows += dead > 0", "rows += 1", 2),
        ("tabulate", "all at risk among the dead", "+= died * x[c, i, p]", "+= x[c, i, p]"),
        ("tabulate", "tied times told apart", "if t != now", "if True"),
        ("tabulate", "absent patients at risk", "size += present[order[c, k]]", "size += 1"),
        ("tabulate", "a missing time is no fault", "bad |= not abs(t) < np.inf", "bad |= abs(t) == np.inf"),
        ("tabulate", "any number taken for 0 or 1", "strange[p] += abs(", "strange[p] += 0.0 * abs("),
    ),
    *defects(
        "analysis.kernels.ordering",
        ordering,
        ("sort_rows", "ties in reverse", "key[j] > t", "key[j] >= t"),
        ("sort_rows", "what is not finite is sorted too", "finite = start[n]", "finite = n"),
        ("sort_rows", "the second is never moved", "range(1, finite)", "range(2, finite)"),
        ("sort_rows", "left unfinished without a word", "unfinished[r] = True", "unfinished[r] = False"),
        ("sort_rows", "descending", "key[place] = time[r, i]", "key[place] = -time[r, i]"),
    ),
    *defects(
        "analysis.kernels.two_arms",
        arms,
        ("log_rank_of", "n, not n - 1, in the variance of ties", "max(both[s] - 1.0, 1.0)", "both[s]"),
        ("log_rank_of", "the share of one, not of all who die", "(deaths, share, one", "(one, share, one"),
        ("median_of", "arms exchanged in a median", "words[j, less] if less >= 0", "words[j, less] if less < 0"),
        ("median_of", "all deaths so far at one time", "word - (before >> 32 << 32)", "word"),
        ("median_of", "Greenwood's sum without those who die", "dead / (at_risk * left)", "dead / (at_risk * at_risk)"),
        ("median_of", "the lower limit is the upper one", "q, -z, conf_type", "q, z, conf_type"),
        ("compare_arms", "a set taken for its neighbour", "lanes.now[g]", "lanes.now[0]"),
        ("mark_sets", "absent patients counted", "np.int64(inside[i]) << g", "np.int64(1) << g"),
        ("mark_sets", "everybody treated", "<< sets) * treated[i]", "<< sets) * 1"),
        ("statuses_of", "a test without variance", "_OK if variance > 0.0 else _NO_INFO", "_OK"),
        ("fit_arm", "treated events all expected", "terms, o, np.log", "terms, e, np.log"),
        ("count_arms", "all counted as untreated", "size - counts[2]", "size"),
    ),
    *defects(
        "analysis.kernels.lane_tables",
        arms,
        ("room_for_lanes", "no room for deaths", "lanes + _APART), np.int64)", "lanes + _APART), np.int32)"),
        (
            "room_for_terms",
            "room for whole numbers only",
            "np.empty(n + 1), np.empty(n + 1), np",
            "np.empty(n + 1, np.int64), np.empty(n + 1), np",
        ),
        ("count_lanes", "the censored die", "1 + event[who[k]] * _DEATH", "1 + _DEATH"),
        ("count_lanes", "tied times told apart", "fresh = time[i] != last", "fresh = True"),
        ("count_lanes", "a missing time is no fault", "0 if abs(last) < np.inf else", "0 if True else"),
        (
            "count_lanes",
            "one too many at risk",
            "np.nan\nfor k in range(size - 1, -1, -1):",
            "np.nan\nfor k in range(size - 1, 0, -1):",
        ),
        ("people", "deaths counted as at risk", "word & _AT_RISK, word >> 32", "word >> 32, word & _AT_RISK"),
        ("spread_lanes", "Efron taken as Breslow", "step / dead if efron else 0.0", "0.0"),
        ("spread_lanes", "Breslow taken as Efron", "step / dead if efron else 0.0", "step / dead"),
        ("spread_lanes", "all deaths so far at one time", "if j > 0 else 0", "if j < 0 else 0"),
        ("spread_lanes", "the first of the ties", "ties += dead > 1", "ties += dead > 2"),
    ),
]

test_the_plain_kernels_agree_with_the_slow_twins, test_a_planted_defect_is_noticed = noticed_by(DEFECTS)
