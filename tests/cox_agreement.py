"""The Cox kernels against the slow Cox model: gaps of fits, models, starts, directions and statuses."""

import functools
from typing import Any

import numpy as np
from numpy.random import Generator, Philox

from analysis.kernels.status import Status
from tests.agreement import gap
from tests.planted import Gaps, Rooms, cohort, unless
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
    (3, 60, True, TIED, ()),
    (2, 60, True, DISTINCT, ()),
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
    for number in (4, 6, 8, 19):
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


def cells(rooms: Rooms) -> Gaps:
    """The likelihood of cells away from its maximum, whose data are refused where they are no cells."""
    module, gathering = rooms["analysis.kernels.cox_cells"], rooms["analysis.kernels.cox_data"]
    none, nobody = np.empty((0, 0)), np.empty((0, 0), np.int64)
    use, beta = np.array([2, 0]), np.array([0.7, -0.4])
    for number in (50, 51):
        c = cohort(number, 3, 60, True, number == 50)
        order = np.argsort(c.time, kind="stable").astype(np.int32)[None]
        d = slow_cox.data(c.time[c.present], c.event[c.present], c.x[c.present][:, use])
        for ties in ("efron", "breslow"):
            slow = slow_cox.likelihood(d, beta, ties)
            block = gathering.CoxBlock(
                c.time[None], c.event[None], c.x[None], none, nobody, 0, nobody, none, order, order
            )
            here = module.gather_cells(0, block, use, c.present, ties == "efron")
            counts = here.counts[[module.PATIENTS, module.DEATHS, module.CELLS]]
            yield unless(counts == (len(d.time), d.event.sum(), len(np.unique(d.x, axis=0))))
            at = module.room_for_cells(here)
            module.cell_likelihood(beta, here, at)
            yield gap(module.cell_loglik(here, at), slow.loglik)
            yield gap(at.total[1:3], slow.score)
            yield gap(at.total[3:], slow.information[np.tril_indices(2)])
        for spoilt in ("time", "x"):
            block = block._replace(**{spoilt: np.where(np.arange(60) == 7, np.inf, getattr(c, spoilt).T).T[None]})
            yield unless(module.gather_cells(0, block, use, np.ones(60, bool), True).counts[module.CELLS] == 0)


def everything(rooms: Rooms) -> Gaps:
    """All of the above."""
    for check in (cells, models, one_by_one, fits, directions, starts, statuses):
        yield from check(rooms)
