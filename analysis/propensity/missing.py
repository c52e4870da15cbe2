"""Missing covariates: complete cases, a missing indicator, or multiple imputation by chained equations.

Imputation is predictive mean matching: the covariate is regressed on all others, treatment, and of every endpoint the
event and the Nelson-Aalen cumulative hazard (White & Royston 2009, Stat Med 28:1982); coefficients are drawn from their
posterior, and each missing value is that of one of the 5 donors whose fitted mean is nearest to the one that the drawn
coefficients give (van Buuren 2018, algorithm 3.3, type 1). A level is imputed as its position, so that a nominal
covariate cannot be. Estimates are pooled by Rubin's rules: ``within``, each data set has its own propensity score;
``across``, all have the mean of theirs, hence one matching (Mitra & Reiter 2016, Stat Methods Med Res 25:188).
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

from analysis.kernels.imputation import impute
from analysis.plan.missing_plan import SUFFIX, MissingPlan
from simulator.cohort.cohorts import Endpoint, Observed
from simulator.cohort.terms import Variable
from simulator.numerics.arrays import Bools, Floats
from simulator.numerics.streams import Streams

DONORS = 5


def completed(
    observed: Observed, names: Sequence[str], plan: MissingPlan, replicates: NDArray[np.int64], seed: int
) -> tuple[Observed, ...]:
    """The cohorts without missing values: one block, or one per imputation; ``names`` may have missing values.

    A replicate in which a covariate cannot be imputed (too few have it) has nobody present.
    """
    if not names:
        return (observed,)
    places = [observed.names.index(name) for name in names]
    absent = np.isnan(observed.covariates)
    if plan.method == "complete":
        return (replace(observed, present=observed.present & ~absent.any(axis=-1)),)
    if plan.method == "indicator":
        return (_with_indicators(observed, places, absent),)
    return tuple(_imputed(observed, places, absent, plan, replicates, seed, m) for m in range(plan.imputations))


def indicators(names: Sequence[str], plan: MissingPlan) -> tuple[str, ...]:
    """The covariates that the plan adds."""
    return tuple(f"{name}{SUFFIX}" for name in names) if plan.method == "indicator" else ()


def _with_indicators(observed: Observed, places: Sequence[int], absent: Bools) -> Observed:
    """The cohorts with missing values filled and with an indicator for each of the covariates at ``places``."""
    values, added = observed.covariates.copy(), []
    variables = list(observed.variables)
    for k in places:
        variable, column, gone = observed.variables[k], values[..., k], absent[..., k]
        known = observed.present & ~gone
        if variable.kind == "continuous":
            count = np.maximum(known.sum(axis=1), 1)
            fill = np.where(known, column, 0.0).sum(axis=1) / count
        else:
            fill = np.zeros(len(column))
        values[..., k] = np.where(gone, fill[:, None], column)
        added.append(gone.astype(np.float64))
        variables.append(Variable(f"{variable.name}{SUFFIX}", "binary", ("0", "1"), (), f"{variable.label} missing"))
    return replace(
        observed, variables=tuple(variables), covariates=np.concatenate([values, np.stack(added, axis=-1)], axis=-1)
    )


def cumulative_hazard(course: Endpoint, present: Bools) -> Floats:
    """The Nelson-Aalen cumulative hazard of the present at each patient's own time ``(R, N)``."""
    order = np.argsort(course.time, axis=1, kind="stable")
    time = np.take_along_axis(course.time, order, axis=1)
    inside = np.take_along_axis(present, order, axis=1)
    event = np.take_along_axis(course.event & present, order, axis=1)
    n = time.shape[1]
    place = np.broadcast_to(np.arange(n), time.shape)
    begins = np.ones(time.shape, np.bool_)
    begins[:, 1:] = time[:, 1:] > time[:, :-1]
    first = np.maximum.accumulate(np.where(begins, place, 0), axis=1)
    ends = np.ones(time.shape, np.bool_)
    ends[:, :-1] = begins[:, 1:]
    last = np.minimum.accumulate(np.where(ends, place, n - 1)[:, ::-1], axis=1)[:, ::-1]
    count = np.cumsum(inside, axis=1)
    total = count[:, -1:]
    at_risk: NDArray[np.int64] = total - np.take_along_axis(np.pad(count, ((0, 0), (1, 0))), first, axis=1)
    steps = np.cumsum(np.where(event, 1.0 / np.maximum(at_risk, 1), 0.0), axis=1)
    found = np.empty(time.shape)
    np.put_along_axis(found, order, np.take_along_axis(steps, last, axis=1), axis=1)
    return found


def design(observed: Observed) -> tuple[Floats, tuple[int, ...]]:
    """All that imputation looks at, ``(R, N, P)`` with a leading 1, and each covariate's column.

    A nominal covariate has a column per level but the first; its column is the first of them.
    """
    columns, where = [np.ones(observed.treated.shape)], []
    for k, variable in enumerate(observed.variables):
        where.append(len(columns))
        value = observed.covariates[..., k]
        if variable.kind == "nominal":
            columns += [np.where(np.isnan(value), np.nan, value == j) for j in range(1, len(variable.levels))]
        else:
            columns.append(value)
    columns.append(observed.treated.astype(np.float64))
    for course in observed.endpoints.values():
        columns += [course.event.astype(np.float64), cumulative_hazard(course, observed.present)]
    return np.stack(columns, axis=-1), tuple(where)


def _imputed(
    observed: Observed,
    places: Sequence[int],
    absent: Bools,
    plan: MissingPlan,
    replicates: NDArray[np.int64],
    seed: int,
    number: int,
) -> Observed:
    """One imputed data set."""
    streams, (x, where) = Streams(seed), design(observed)
    n, p = x.shape[1:]
    known = observed.present[..., None] & ~absent
    counts = {k: known[..., k].sum(axis=1) for k in places}
    possible = np.logical_and.reduce([count > p + DONORS for count in counts.values()])

    def luck(what: str, k: int, patients: int, draw: int) -> Floats:
        name = f"imputation/{what}/{number}/{observed.names[k]}"
        return streams.uniform(name, replicates, patients, draw)

    for k in places:
        x[..., where[k]] = _any_of(x[..., where[k]], known[..., k], absent[..., k], luck("start", k, n, 0))
    for turn in range(plan.rounds if len(places) > 1 else 1):
        for k in places:
            half = np.maximum(counts[k] - (p - 1), 1) / 2.0
            chi_square = 2.0 * gammaincinv(half, luck("variance", k, 1, turn)[:, 0])
            normals = streams.normal(f"imputation/coefficients/{number}/{observed.names[k]}", replicates, p - 1, turn)
            wanted = absent[..., k] & observed.present
            impute(x, where[k], known[..., k], wanted, possible, normals, chi_square, luck("donor", k, n, turn), DONORS)
    values = observed.covariates.copy()
    for k in places:
        values[..., k] = x[..., where[k]]
    return replace(observed, covariates=values, present=observed.present & possible[:, None])


def _any_of(column: Floats, known: Bools, absent: Bools, luck: Floats) -> Floats:
    """The column ``(R, N)``, absent values drawn from the known ones of the replicate; 0 where none is known."""
    first = np.argsort(~known, axis=1, kind="stable")
    count = known.sum(axis=1)[:, None]
    pick = np.minimum((luck * count).astype(np.int64), np.maximum(count - 1, 0))
    donor = np.take_along_axis(column, np.take_along_axis(first, pick, axis=1), axis=1)
    return np.where(absent, np.where(count > 0, donor, 0.0), column)
