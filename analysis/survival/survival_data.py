"""An endpoint of a block of cohorts as the survival kernels take it: checked, contiguous, sorted once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.kernels.ordering import sort_rows
from simulator.cohort.cohorts import Endpoint
from simulator.numerics.arrays import Bools, Floats, Ints, Positions

NO_FLOATS = np.empty((0, 0))
NO_INTS = np.empty((0, 0), np.int64)
NO_POSITIONS = np.empty((0, 0), np.int32)


def time_order(time: ArrayLike) -> Positions:
    """The stable argsort of each row of ``time (R, N)``, what is not finite last."""
    time = np.ascontiguousarray(time, dtype=np.float64)
    order = np.empty(time.shape, np.int32)
    unfinished = np.zeros(len(time), np.bool_)
    sort_rows(time, order, unfinished)
    if unfinished.any():
        rows = time[unfinished]
        order[unfinished] = np.argsort(np.where(np.isfinite(rows), rows, np.inf), axis=1, kind="stable")
    return order


@dataclass(frozen=True)
class SortedEndpoint(Endpoint):
    """An endpoint whose ``order`` is `time_order` of its times, so that nothing that is made of it sorts them again."""

    order: Positions | None = None


def sorted_endpoint(course: Endpoint) -> SortedEndpoint:
    """The endpoint with its order."""
    return SortedEndpoint(course.time, course.event, course.competing, time_order(course.time))


def lined_up(course: Endpoint, present: Bools) -> tuple[SortedEndpoint, Ints]:
    """One cohort's endpoint with the rows of those ``present (N,)`` alone, by time, and which rows these are.

    What is made of it reads its rows one after the other, which in a large cohort is most of the work.
    """
    known = order_of(course)
    order = time_order(course.time) if known is None else known
    rows = order[0][present[order[0]]].astype(np.int64)
    competing = None if course.competing is None else course.competing[:, rows]
    line = np.arange(len(rows), dtype=np.int32)[None]
    return SortedEndpoint(course.time[:, rows], course.event[:, rows], competing, line), rows


def order_of(course: Endpoint) -> Positions | None:
    """The order of an endpoint's times where it is known."""
    return course.order if isinstance(course, SortedEndpoint) else None


@dataclass(frozen=True)
class SurvivalData:
    """An endpoint as kernels take it: ``time``, ``event``, ``order`` (A, N), ``present`` (R, N), R a multiple of A."""

    time: Floats
    event: Bools
    present: Bools
    order: Positions

    @staticmethod
    def of(time: ArrayLike, event: ArrayLike, present: ArrayLike | None, order: Positions | None) -> "SurvivalData":
        """The endpoint, checked: ValueError where shapes do not fit."""
        times = np.ascontiguousarray(time, dtype=np.float64)
        if times.ndim != 2:
            raise ValueError(f"time has {times.ndim} axes; (cohorts, patients) are wanted")
        inside = np.ones(times.shape, np.bool_) if present is None else np.ascontiguousarray(present, dtype=np.bool_)
        if inside.ndim != 2 or inside.shape[1] != times.shape[1] or len(inside) % max(len(times), 1):
            raise ValueError(f"present has the shape {inside.shape}, which does not fit {times.shape} of time")
        ordered = time_order(times) if order is None else np.ascontiguousarray(order, dtype=np.int32)
        died = np.ascontiguousarray(event, dtype=np.bool_)
        _same_shape(times, event=died, order=ordered)
        return SurvivalData(times, died, inside, ordered)

    def bools(self, values: ArrayLike) -> Bools:
        """The values as a contiguous (A, N) array."""
        made = np.ascontiguousarray(values, dtype=np.bool_)
        _same_shape(self.time, array=made)
        return made

    def floats(self, values: ArrayLike | None) -> Floats:
        """The values as a contiguous (A, N) array; an empty one for None."""
        if values is None:
            return NO_FLOATS
        made = np.ascontiguousarray(values, dtype=np.float64)
        _same_shape(self.time, array=made)
        return made

    def ints(self, values: ArrayLike | None) -> Ints:
        """The whole numbers as a contiguous (A, N) array; an empty one for None."""
        if values is None:
            return NO_INTS
        made = np.asarray(values)
        if made.dtype.kind not in "biu":
            raise ValueError(f"a label is a whole number, but the array holds {made.dtype}")
        _same_shape(self.time, array=made)
        return np.ascontiguousarray(made, dtype=np.int64)

    def covariates(self, x: ArrayLike) -> Floats:
        """The covariates as a contiguous (A, N, P) array."""
        made = np.ascontiguousarray(x, dtype=np.float64)
        if made.ndim != 3 or made.shape[:2] != self.time.shape:
            raise ValueError(f"x has the shape {made.shape}; (cohorts, patients, covariates) are wanted")
        return made


def within(stratum: Ints, order: Positions) -> Positions:
    """The order by stratum first, stable; ``order`` itself where there is one stratum."""
    if not len(stratum):
        return order
    again = np.argsort(np.take_along_axis(stratum, order.astype(np.int64), axis=1), axis=1, kind="stable")
    return np.ascontiguousarray(np.take_along_axis(order, again, axis=1))


def numbered(cluster: Ints) -> tuple[Ints, int]:
    """The clusters numbered from 0, and the highest number + 1."""
    if not cluster.size:
        return cluster, 0
    low, high = int(cluster.min()), int(cluster.max())
    if high - low > 4 * cluster.shape[1] + 64:
        _, cluster = np.unique(cluster, return_inverse=True)
        cluster = np.ascontiguousarray(cluster.reshape(-1, cluster.shape[-1]), dtype=np.int64)
        low, high = 0, int(cluster.max())
    return cluster - low, high - low + 1


def _same_shape(time: Floats, **arrays: NDArray[np.generic]) -> None:
    for name, values in arrays.items():
        if values.shape != time.shape:
            raise ValueError(f"{name} has the shape {values.shape}; time has {time.shape}")
