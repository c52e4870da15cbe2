"""Cox kernels against the slow Cox model, each shown to be noticed when it is wrong."""

import functools
from typing import Any

import numpy as np
from numpy.random import Generator, Philox

from analysis.kernels.status import Status
from tests.agreement import gap
from tests.planted import Gaps, Rooms, cohort, defects, noticed_by, unless
from tests.reference import cox as slow_cox
from tests.reference import existence

FAILED = {
    "monotone": {Status.MONOTONE},
    "flat": {Status.SINGULAR},
    "monotone and flat": {Status.MONOTONE, Status.SINGULAR},
    "uninformative": {Status.NO_INFO},
    "no events": {Status.NO_EVENTS},
    "finite": {Status.OK},
}
TIED, DISTINCT = True, False
CASES: list[tuple[int, int, bool, bool, tuple[str, ...]]] = [  # columns, patients, whether 0/1, whether tied, options
    (1, 24, True, TIED, ()),
    (1, 24, True, TIED, ("cluster",)),
    (1, 24, False, TIED, ("cluster",)),
    (2, 24, False, TIED, ()),
    (2, 24, False, TIED, ("weight",)),
    (2, 24, False, TIED, ("stratum",)),
    (2, 24, False, TIED, ("entry",)),
    (2, 24, False, TIED, ("weight", "cluster")),
    (3, 24, False, TIED, ("stratum", "entry", "cluster")),
    (2, 24, True, TIED, ("weight", "stratum", "entry", "cluster")),
    (2, 24, False, TIED, ("weight", "stratum", "cluster")),
    (5, 40, False, TIED, ()),
    (2, 24, False, DISTINCT, ()),
    (2, 180, False, DISTINCT, ()),
    (1, 180, False, TIED, ()),
    (1, 180, False, TIED, ("entry",)),
    (2, 24, False, DISTINCT, ("weight", "cluster")),
    (2, 24, False, DISTINCT, ("stratum", "cluster")),
    (2, 24, True, DISTINCT, ("entry", "cluster")),
]


@functools.cache
def _slow_fit(number: int, subset: bool, ties: slow_cox.Ties) -> tuple[Any, Any, Any]:
    p, n, binary, tied, names = CASES[number]
    c = cohort(number, p, n, binary, tied)
    keep = c.present if subset else np.ones(n, bool)
    if "weight" in names:
        keep = keep & (c.weight > 0)
    d = slow_cox.data(c.time[keep], c.event[keep], c.x[keep], **{name: getattr(c, name)[keep] for name in names})
    made = slow_cox.fit(d, ties)
    return d, made, slow_cox.robust_covariance(d, made, ties)


def fits(rooms: Rooms) -> Gaps:
    """Coefficients, both covariances, log-likelihoods, score test and counts, with every option, in blocks."""
    cox = rooms["analysis.survival.statistics"].cox
    for number, (p, n, binary, tied, names) in enumerate(CASES):
        c = cohort(number, p, n, binary, tied)
        options = {name: np.stack([getattr(c, name)] * 2) for name in names}
        present = np.stack([c.present, np.ones_like(c.present)])
        time, x = (np.where(c.present.reshape(-1, *[1] * (a.ndim - 1)), a, np.nan) for a in (c.time, c.x))
        for ties in ("efron", "breslow"):
            block = np.stack([time, c.time]), np.stack([c.event] * 2), np.stack([x, c.x])
            found = cox(*block, present=present, ties=ties, **options)
            for row, subset in enumerate((True, False)):
                d, slow, robust = _slow_fit(number, subset, ties)  # type: ignore[arg-type]
                scale = np.outer(slow.se, slow.se)
                yield unless(found.status[row] == Status.OK)
                yield unless((found.n[row], found.events[row]) == (len(d.time), d.event.sum()))
                yield gap(found.beta[row], slow.beta, slow.se)
                yield gap(found.covariance[row], slow.covariance, scale)
                own = found.loglik_null[row], found.loglik[row], found.score_test[row]
                yield gap(own, (slow.loglik_null, slow.loglik, slow.score_test))
                if "cluster" in names:
                    yield gap(found.robust_covariance[row], robust, scale)


@functools.cache
def _slow_model(cohort_number: int, columns: tuple[int, ...], subset: bool) -> slow_cox.Fit:
    c = cohort(cohort_number, 3)
    keep = c.present if subset else np.ones(len(c.time), bool)
    return slow_cox.fit(slow_cox.data(c.time[keep], c.event[keep], c.x[keep][:, columns]))


def models(rooms: Rooms) -> Gaps:
    """Four models of two cohorts, each of its own columns and analysis set."""
    pair = cohort(60, 3), cohort(61, 3)
    columns = np.array([[1, 1, 1], [0, 1, 1], [1, 0, 0], [1, 0, 1]], bool)
    present = np.stack([here for c in pair for here in (np.ones_like(c.present), c.present)])
    found = rooms["analysis.survival.statistics"].cox(
        *(np.stack([getattr(c, name) for c in pair]) for name in ("time", "event", "x")),
        present=present, columns=columns,
    )  # fmt: skip
    for row in range(4):
        own = np.flatnonzero(columns[row])
        slow = _slow_model(60 + row // 2, tuple(own.tolist()), bool(row % 2))
        yield gap(found.beta[row, own], slow.beta, slow.se)
        yield gap(found.covariance[row][np.ix_(own, own)], slow.covariance, np.outer(slow.se, slow.se))
        yield unless(np.isnan(found.beta[row, ~columns[row]]))


@functools.cache
def _existence() -> tuple[Any, ...]:
    """Tiny cohorts, in strata and with late entry, that often have no maximum; a linear programme says which."""
    draw, made = Generator(Philox(99)), []
    for number in range(90):
        n, p = int(draw.integers(3, 9)), 1 + number % 3 % 2
        x = draw.integers(0, 3, (n, p)).astype(float)
        if number % 10 == 9:
            x[:, -1] = 2 * x[:, 0] - 1
        time = draw.integers(1, 6, n).astype(float)
        event = draw.random(n) < 0.6
        own = {"stratum": draw.integers(0, 2, n), "entry": time - draw.integers(1, 4, n)}
        options = {name: own[name] for name in [(), ("stratum",), ("entry",), ("stratum", "entry")][number % 4]}
        made.append((time, event, x, options, existence.cox(time, event, x, **options)))
    return tuple(made)


@functools.cache
def _heavy(seed: int) -> tuple[slow_cox.Fit, Any]:
    """A fit with covariates of such heavy tails that Newton's steps go too far, and the covariates."""
    c = cohort(seed, 1 + seed % 2)
    x = np.exp(2 * c.x)
    return slow_cox.fit(slow_cox.data(c.time, c.event, x)), x


def starts(rooms: Rooms) -> Gaps:
    """The same fit from other beginnings, near and far, and one whose steps have to be taken back."""
    for number in (4, 6, 8):
        p, n, binary, tied, names = CASES[number]
        c = cohort(number, p, n, binary, tied)
        options = {name: getattr(c, name)[None] for name in names}
        slow = _slow_fit(number, False, "efron")[1]
        for far in (0.1, -6.0, 40.0):
            start = slow.beta[None] + far * slow.se * (-1.0) ** np.arange(p)
            found = rooms["analysis.survival.statistics"].cox(
                c.time[None], c.event[None], c.x[None], start=start, **options
            )
            yield unless(found.status[0] == Status.OK)
            yield gap(found.beta[0], slow.beta, slow.se)
            yield gap((found.se[0], found.loglik[0] + 0 * slow.se), (slow.se, slow.loglik + 0 * slow.se))
    for seed in (70, 71, 81):
        c = cohort(seed, 1 + seed % 2)
        d, x = _heavy(seed)
        found = rooms["analysis.survival.statistics"].cox(c.time[None], c.event[None], x[None])
        yield unless(found.status[0] == Status.OK)
        yield gap(found.beta[0], d.beta, d.se)


def directions(rooms: Rooms) -> Gaps:
    """Whether nobody at risk overtakes one who dies, along a direction: by going through all pairs."""
    data, draw, seen = rooms["analysis.survival.survival_data"], Generator(Philox(98)), set()
    for time, event, x, options, _ in _existence():
        n, p = x.shape
        stratum, entry = options.get("stratum", np.zeros(n, np.int64)), options.get("entry", np.full(n, -np.inf))
        strata, entries = stratum[None], options["entry"][None] if "entry" in options else np.empty((0, 0))
        order = data.within(strata, data.time_order(time[None]))
        entry_order = data.within(strata, data.time_order(entry[None]))
        gathering = rooms["analysis.kernels.cox_data"]
        block = gathering.CoxBlock(
            time[None], event[None], x[None], np.empty((0, 0)), np.empty((0, 0), np.int64), 0, strata, entries,
            order, entry_order,
        )  # fmt: skip
        here, _ = rooms["analysis.kernels.cox_likelihood"].room_for(n, p, len(entries) > 0)
        state = gathering.gather(0, block, np.arange(p), np.ones(n, bool), here)
        if state != Status.OK or not here.scale.all():
            continue
        for step in (*np.eye(p), *-np.eye(p), *draw.normal(size=(3, p))):
            eta = x @ (step / here.scale)
            pairs = (stratum[:, None] == stratum) & (entry < time[:, None]) & (time >= time[:, None]) & event[:, None]
            truth = not (pairs & (eta > eta[:, None] + 1e-9)).any()
            made = rooms["analysis.kernels.cox"].recedes(here, step, 1e-12, np.empty(n))
            yield unless(made == truth)
            seen.add(truth)
    yield unless(len(seen) == 2)


def statuses(rooms: Rooms) -> Gaps:
    """Whether the maximum exists, as a linear programme says, and input that is no data."""
    cox, cox_each = rooms["analysis.survival.statistics"].cox, rooms["analysis.survival.statistics"].cox_each
    for time, event, x, options, exists in _existence():
        found = cox(time[None], event[None], x[None], **{name: values[None] for name, values in options.items()})
        yield unless(found.status[0] in FAILED[exists])
        yield unless(np.isfinite(found.beta[0]).all() == (exists == "finite"))
        if not options and exists != "no events":
            each = cox_each(time[None], event[None], x[None])
            for p in range(x.shape[1]):
                yield unless(each.status[0, p] in FAILED[existence.cox(time, event, x[:, [p]])])
    c = cohort(3, 2)
    nan, n = np.nan, len(c.time)
    for name, value in (
        ("time", nan), ("time", np.inf), ("x", np.inf), ("x", nan), ("weight", -1.0), ("weight", np.inf),
        ("entry", c.time[4]), ("entry", -np.inf),
    ):  # fmt: skip
        spoilt: dict[str, Any] = {"time": c.time, "x": c.x, "weight": np.ones(n), "entry": np.full(n, -1.0)}
        spoilt[name] = spoilt[name].copy()
        spoilt[name][4] = value
        found = cox(event=c.event[None], **{key: values[None] for key, values in spoilt.items()})
        yield unless(found.status[0] == Status.BAD_INPUT)
    for few in (0, 1, 2):
        for columns in (c.x[None], c.x[None, :, :1], (c.x[None, :, :1] > 0).astype(float)):
            found = cox(c.time[None], c.event[None] | True, columns, present=(np.arange(n) < few)[None])
            yield unless((found.status[0] == Status.TOO_FEW) == (few < 2))


@functools.cache
def _slow_single(number: int, p: int, ties: slow_cox.Ties) -> slow_cox.Fit:
    c = cohort(number, 3, n=200 if number == 23 else 20, binary=number != 21)
    return slow_cox.fit(slow_cox.data(c.time, c.event, c.x[:, [p]]), ties)


def one_by_one(rooms: Rooms) -> Gaps:
    """Univariable fits, binary and not, all in one pass, against the slow fit of each; limits where there is none."""
    for number in (20, 21, 22, 23):
        c = cohort(number, 3, n=200 if number == 23 else 20, binary=number != 21)
        for ties in ("efron", "breslow"):
            each = rooms["analysis.survival.statistics"].cox_each(c.time[None], c.event[None], c.x[None], ties=ties)
            for p in range(3):
                slow = _slow_single(number, p, ties)  # type: ignore[arg-type]
                yield unless(each.status[0, p] == Status.OK)
                yield gap(each.beta[0, p], slow.beta[0], slow.se[0])
                own = each.se[0, p], each.loglik_null[0, p], each.loglik[0, p], each.score_test[0, p]
                yield gap(own, (slow.se[0], slow.loglik_null, slow.loglik, slow.score_test))
            yield unless((each.n[0], each.events[0]) == (len(c.time), c.event.sum()))
    time, event, x = np.array([1.0, 2, 2, 3, 4]), np.array([1, 1, 1, 0, 1], bool), np.array([0.0, 0, 0, 1, 1])
    found = rooms["analysis.survival.statistics"].cox_each(time[None], event[None], np.column_stack([x, 1 - x])[None])
    for p, far in ((0, -40.0), (1, 40.0)):
        limit = slow_cox.likelihood(slow_cox.data(time, event, x[:, None]), np.array([-40.0])).loglik
        yield unless(found.status[0, p] == Status.MONOTONE)
        yield gap(found.loglik[0, p], limit)
        yield unless(far < 0 or p == 1)


def everything(rooms: Rooms) -> Gaps:
    """All of the above."""
    for check in (models, one_by_one, fits, directions, starts, statuses):
        yield from check(rooms)


DEFECTS = [
    *defects(
        "analysis.kernels.cox",
        everything,
        ("solve", "steps downhill", "value = right[1 + p]", "value = -right[1 + p]"),
        ("newton", "the score test is its root", "loglik[2] = gain", "loglik[2] = np.sqrt(gain)"),
        ("newton", "the sign of the null log-likelihood", "loglik[0] = total[0]", "loglik[0] = -total[0]"),
        ("fit_cox", "a coefficient on the wrong scale", "= b[p] / here.scale[p]", "= b[p] * here.scale[p]"),
        ("covariance_of", "a variance on the wrong scale", "column[q] / scale[p] / scale[q]", "column[q] / scale[p]"),
        ("", "the last step is a long one", "_LAST_STEP = 1e-10", "_LAST_STEP = 1e-2"),
        (
            "factorise",
            "a singular information has a root",
            "elif value > floor[p] and value > collinear * total[k]",
            "elif True",
        ),
        ("recedes", "a monotone likelihood has its maximum", "eta[i] < top - slack", "eta[i] <= top - slack"),
        ("recedes", "a late entry at risk one patient off", "late[j] >= group[g, START]", "late[j] > group[g, START]"),
        ("recedes", "who has left is at risk", "if late[j] >= group[g, START]:", "if True:"),
        ("recedes", "a direction of one covariate", "eta[i] += step[p] *", "eta[i] += step[0] *"),
        ("newton", "a step too far is not taken back", "beta[p] -= step[p]", "beta[p] -= 0.0"),
        ("fit_cox", "a set takes another cohort's times", "c = r // per", "c = r % block.time.shape[0]"),
        ("fit_cox", "a model takes another one's columns", "marked(columns[r])", "marked(columns[0])"),
        ("marked", "a model takes the first columns", "places[count] = p", "places[count] = count"),
        ("least_information", "a little information is enough", "seen += total[k] > floor[p]", "seen += 1"),
        ("put", "covariances of the wrong columns", "covariance[use[p], use[q]]", "covariance[p, q]"),
    ),
    *defects(
        "analysis.kernels.cox_data",
        everything,
        ("centre_and_scale", "a scale that is not told", "scale[p] = spread if", "scale[p] = 1.0 if"),
        ("line_up", "patients of weight zero stay", "weight[c, i] == 0.0", "weight[c, i] < 0.0"),
        ("line_up", "absent patients stay", "not present[i] or", "False or"),
        ("line_up", "strata mixed", "stratum[c, i] != stratum[c, previous]", "stratum[c, i] < stratum[c, previous]"),
        ("line_up", "tied times told apart", "if fresh or time[c, i] != time[c, previous]", "if True"),
        ("line_up", "weights ignored", "w[size] = weight[c, i] if weight.shape[0] > 0 else 1.0", "w[size] = 1.0"),
        (
            "let_in",
            "at risk at the very time of entry",
            "entry[c, late[entered]] < time",
            "entry[c, late[entered]] <= time",
        ),
        ("gather", "the risk set runs into the next stratum", "last = group[g, START]", "last = size"),
        ("let_in", "who enters first is who leaves first", "i = block.entry_order[c, k]", "i = order[c, k]"),
        ("line_up", "an entry at the end is no fault", "entry[c, i] < time[c, i]", "entry[c, i] <= time[c, i]"),
        ("line_up", "the censored count as events", "events += event[c, i]", "events += 1"),
        ("line_up", "negative weights are no fault", "not 0.0 < w[size] < np.inf", "not -np.inf < w[size] < np.inf"),
    ),
    *defects(
        "analysis.kernels.cox_likelihood",
        fits,
        ("room_for", "a row of others for ones", "np.ones((1 + p_count, n))", "np.full((1 + p_count, n), 1.5)"),
        ("leave_out_the_dead", "tied means keep the dead", "-= step / steps_here * dead", "-= 0.0 * dead"),
        ("planned_steps", "every jump is twice as high", "np.divide(1.0, at_risk", "np.divide(2.0, at_risk"),
        (
            "plan_steps",
            "single deaths have no weight",
            "share[steps] += weight[i] if died[i] else 0.0",
            "share[steps] += died[i]",
        ),
        (
            "hazard_steps hazard_steps_late cumulate",
            "Efron taken as Breslow",
            "steps_here = deaths if efron else min(deaths, 1)",
            "steps_here = min(deaths, 1)",
        ),
        (
            "hazard_steps hazard_steps_late cumulate",
            "Breslow taken as Efron",
            "steps_here = deaths if efron else min(deaths, 1)",
            "steps_here = deaths",
        ),
        ("hazard_steps", "Efron's risk sets keep the dead", "s - step / steps_here * dead if step > 0 else s", "s"),
        (
            "hazard_steps_late",
            "Efron's risk sets keep the dead, late entry",
            "part = step / steps_here if step > 0",
            "part = 0.0 if step > 0",
        ),
        ("cumulate", "Efron's dead are wholly exposed", "h * (1.0 - step / steps_here) if step > 0 else h", "h"),
        ("likelihood", "the sign of the score", "total[p] = sum_of_products(", "total[p] = -sum_of_products("),
        (
            "likelihood",
            "the risk set's mean is added",
            "total[k] -= sum_of_products(share",
            "total[k] += sum_of_products(share",
        ),
        (
            "sum_over_risk_sets",
            "the risk set begins a patient late",
            "while i > first[step]:",
            "while i > first[step] + 1:",
        ),
        (
            "sum_over_risk_sets",
            "a mean of the neighbouring column",
            "c += risk[i] * z[p2, i]",
            "c += risk[i] * z[p1, i]",
        ),
        (
            "hazard_steps",
            "strata mixed",
            "if start == group[g, FIRST]:\ns = 0.0",
            "if start == group[g, FIRST]:\ns += 0.0",
        ),
        (
            "cumulate",
            "a hazard runs on into the next stratum",
            "before, inside = 0.0, group[g, START]",
            "inside = group[g, START]",
        ),
        ("cumulate", "exposed before entry", "exposure[late[inside]] = -before", "exposure[late[inside]] = 0.0"),
        (
            "hazard_steps_late",
            "at risk before entry",
            "out > group[g, ENTERED]:",
            "out > group[g, ENTERED] + 1:",
        ),
        (
            "hazard_steps hazard_steps_late",
            "the weights of the dead ignored",
            "dead_weight += weight[i]",
            "dead_weight += 1.0",
        ),
        ("combine", "a linear predictor of one coefficient", "eta[i] += beta[p] *", "eta[i] += beta[0] *"),
        ("switch", "a patient's part of a sum at risk", "amount * z[p, i]", "(amount > 0.0) * z[p, i]"),
        (
            "switch",
            "a half of those at risk counts twice",
            "= tree[2 * node, p] + tree",
            "= 2.0 * tree[2 * node, p] + tree",
        ),
        (
            "less_log",
            "part of a long product lost",
            "loglik - np.log(product)",
            "loglik",
        ),
        (
            "less_log",
            "a step of any weight",
            "loglik - share * np.log(at_risk)",
            "loglik - np.log(at_risk)",
        ),
        (
            "cumulate_planned",
            "a hazard is met a patient late",
            "start, stop = stop, first[",
            "start, stop = stop + 1, first[",
        ),
        ("likelihood", "a log-likelihood without weights", "total[0] += weight[i] * risk[i]", "total[0] += risk[i]"),
    ),
    *defects(
        "analysis.kernels.cox_robust",
        fits,
        (
            "sandwich",
            "clusters ignored",
            "sums[own, p] * sums[own, q]",
            "residual[p, place[i]] * scale[p] * residual[q, place[i]] * scale[q]",
        ),
        ("sandwich", "clusters counted once per patient", "sums[own, p] = 0.0", "sums[own, p] += 0.0"),
        ("score_residuals", "weights ignored", "here.weight[i] * centre", "centre"),
        (
            "score_residuals",
            "the sign of what a patient was exposed to",
            "risk[i] * (before + alive)",
            "-risk[i] * (before + alive)",
        ),
        ("score_residuals", "Efron's dead are wholly exposed", "(1.0 - step / steps_here)", "1.0"),
        (
            "score_residuals",
            "Efron taken as Breslow",
            "steps_here = deaths if efron else min(deaths, 1)",
            "steps_here = min(deaths, 1)",
        ),
        ("score_residuals", "exposed before entry", "-= risk[late[inside]] * before", "-= 0.0"),
        ("score_residuals", "strata mixed", "before, inside = 0.0, group[g, START]", "inside = group[g, START]"),
        ("sandwich", "the scale of one side only", "residual[p, place[i]] * scale[p]", "residual[p, place[i]]"),
        ("sandwich", "one side of the sandwich", "meat[j, k] * covariance[k, q]", "meat[j, k] * (k == q)"),
    ),
    *defects(
        "analysis.kernels.cox_binary",
        everything,
        ("spread_ties", "Efron taken as Breslow", "(step if efron else 0)", "0"),
        ("spread_ties", "Breslow taken as Efron", "(step if efron else 0)", "step"),
        (
            "spread_treated",
            "Efron's dead stay among the treated",
            "dead_treated[j, p] / d if efron",
            "dead_treated[j, p] * 0 if efron",
        ),
        ("fit_binary", "no end of the null", "fits.loglik[r, p, 0] = null", "fits.loglik[r, p, 0] = -null"),
        ("solve_terms", "the sign of the score", "score = with_one - ", "score = -with_one + "),
        (
            "solve_terms",
            "the score test is its root",
            "score * score / information",
            "abs(score) / np.sqrt(information)",
        ),
        ("", "the last step is a long one", "_LAST_STEP = 3e-4", "_LAST_STEP = 0.3"),
        (
            "solve_terms",
            "a monotone likelihood has its maximum",
            "with_one == mixed + certain",
            "with_one == mixed + certain + 1",
        ),
        ("spread_ties less_risk_sets", "part of a long product lost", "total += np.log(product)", "total += 0.0"),
        ("householder_step", "steps too short", "return step", "return 0.9 * step"),
        ("extreme", "the limit on the wrong side", "if upwards else", "if not upwards else"),
    ),
]

test_the_plain_kernels_agree_with_the_slow_twins, test_a_planted_defect_is_noticed = noticed_by(DEFECTS)
