"""Cumulative incidence where several causes compete, in blocks of cohorts: at times, as areas, and between two arms.

Arrays are ``(R, N)``; ``cause`` holds 0 for censored, else the code of what happened, above 0. ``of`` is the cause that
is asked about and all others compete. ``present`` may have several rows per cohort, as in
`analysis.survival.statistics`; patients of weight 0 are left out; clusters are whole numbers.

Estimates are Aalen and Johansen's. Standard errors are those of the infinitesimal jackknife, as R's survfit has them
for several states: weights times derivatives, summed within clusters. ``variance="binomial"`` is that of cmprsk's
cuminc, for samples without weights or clusters. Limits are as survfit's: on the log scale unless told otherwise.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from analysis.kernels.incidence import CausesBlock, Incidences, incidences
from analysis.kernels.status import Status
from analysis.kernels.weighted_samples import NOTHING
from analysis.survival.clusters import sums_within
from analysis.survival.kaplan_meier import ConfType, normal_quantile
from analysis.survival.survival_data import NO_FLOATS, SurvivalData, numbered
from simulator.numerics.arrays import Floats, Ints, Positions

Variance = Literal["jackknife", "binomial"]
IncidenceMeasure = Literal["incidence_difference", "log_incidence_ratio", "rmtl_difference"]


@dataclass(frozen=True)
class CumulativeIncidence:
    """Cumulative incidence at T times, ``(S, T)``; ``n``, ``events`` of the cause and ``competing`` ones are ``(S,)``.

    ``value`` and ``se`` are NaN where ``status`` is not OK, ``low`` and ``high`` also where R has NA: at 0 on the log
    scales and at 1 on the log-log scale.
    """

    value: Floats
    se: Floats
    low: Floats
    high: Floats
    n: Ints
    events: Ints
    competing: Ints
    status: Ints


@dataclass(frozen=True)
class TimeLost:
    """Mean time lost to the cause up to a time, the area under its cumulative incidence, ``(S,)``."""

    value: Floats
    se: Floats
    status: Ints


@dataclass(frozen=True)
class IncidenceCurve:
    """The cumulative incidence of one cohort at its distinct times of an event of any cause; limits as above."""

    time: Floats
    n_risk: Ints
    n_event: Ints
    n_competing: Ints
    value: Floats
    std_err: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class IncidenceContrast:
    """Treated over (minus) untreated, ``(R,)``, NaN where ``status`` is not OK.

    ``arms`` and ``arms_se (R, 2)``, untreated first, are the two incidences or mean times lost. ``gradient (R, N)`` is
    the derivative of the contrast by each patient's weight.
    """

    value: Floats
    se: Floats
    arms: Floats
    arms_se: Floats
    gradient: Floats
    n: Ints
    events: Ints
    status: Ints


def cumulative_incidence(
    time: ArrayLike,
    cause: ArrayLike,
    at: ArrayLike,
    *,
    of: int = 1,
    present: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    cluster: ArrayLike | None = None,
    variance: Variance = "jackknife",
    conf_type: ConfType = "log",
    level: float = 0.95,
    order: Positions | None = None,
) -> CumulativeIncidence:
    """The cumulative incidence at the times ``at (T,)`` or one, with its SE and limits.

    Statuses: BAD_INPUT (a time or weight that is infinite, NaN or negative, a code below 0), TOO_FEW (nobody, or a time
    beyond all follow-up while some have had no event); without events of the cause 0 with an SE of 0 is OK.
    """
    if variance == "binomial" and (weight is not None or cluster is not None):
        raise ValueError("variance is 'binomial', which knows neither weights nor clusters; 'jackknife' is wanted")
    data, block = causes_block(time, cause, of, present, weight, order)
    made = _incidences(data, block, np.atleast_1d(np.asarray(at, np.float64)), False, cluster, variance == "binomial")
    se = np.sqrt(made.binomial if variance == "binomial" else made.variance)
    low, high = limits(made.value, se, conf_type, level)
    n, events, competing = made.counts.T
    return CumulativeIncidence(made.value, se, low, high, n, events, competing, made.status)


def time_lost(
    time: ArrayLike,
    cause: ArrayLike,
    tau: float,
    *,
    of: int = 1,
    present: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    cluster: ArrayLike | None = None,
    order: Positions | None = None,
) -> TimeLost:
    """The mean time lost to the cause up to ``tau``; statuses as in `cumulative_incidence`.

    Summed over the causes it is ``tau`` less the restricted mean without any event (Andersen 2013, Statistics in
    Medicine 32:5278-5285).
    """
    data, block = causes_block(time, cause, of, present, weight, order)
    made = _incidences(data, block, np.array([float(tau)]), True, cluster, False)
    return TimeLost(made.value[:, 0], np.sqrt(made.variance[:, 0]), made.status[:, 0])


def incidence_curve(
    time: ArrayLike,
    cause: ArrayLike,
    *,
    of: int = 1,
    present: ArrayLike,
    weight: ArrayLike | None = None,
    cluster: ArrayLike | None = None,
    variance: Variance = "jackknife",
    conf_type: ConfType = "log",
    level: float = 0.95,
) -> IncidenceCurve:
    """The curve of ONE cohort, ``(N,)``; ValueError if a present time is not finite or a weight or code is bad."""
    inside = np.asarray(present, dtype=np.bool_)
    times, codes = np.asarray(time, dtype=np.float64)[inside], np.asarray(cause)[inside]
    own = None if weight is None else np.asarray(weight, dtype=np.float64)[inside]
    if own is not None:
        times, codes, inside, own = times[own != 0], codes[own != 0], inside & (np.asarray(weight) != 0), own[own != 0]
    when = np.unique(times[codes != 0])
    groups = None if cluster is None else np.asarray(cluster)[inside][None]
    found = cumulative_incidence(
        times[None], codes[None], when, of=of, weight=None if own is None else own[None], cluster=groups,
        variance=variance, conf_type=conf_type, level=level,
    )  # fmt: skip
    if (found.status == Status.BAD_INPUT).any():
        raise ValueError("a time or a weight is NaN, infinite or negative, or the code of a cause is below 0")
    had = [
        np.searchsorted(np.sort(times[which]), when, "right") for which in (codes == of, (codes != of) & (codes != 0))
    ]
    n_event, n_competing = (np.diff(counts, prepend=0).astype(np.int64) for counts in had)
    n_risk = (len(times) - np.searchsorted(np.sort(times), when, "left")).astype(np.int64)
    return IncidenceCurve(
        when, n_risk, n_event, n_competing, found.value[0], found.se[0], found.low[0], found.high[0]
    )  # fmt: skip


def incidence_contrast(
    time: ArrayLike,
    cause: ArrayLike,
    treated: ArrayLike,
    horizon: float,
    measure: IncidenceMeasure = "incidence_difference",
    *,
    of: int = 1,
    present: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    cluster: ArrayLike | None = None,
    order: Positions | None = None,
) -> IncidenceContrast:
    """The contrast of two arms at (rmtl_difference: up to) the horizon, all arrays ``(R, N)``.

    The influence of a patient is the weight times the derivative of the contrast, summed within clusters, which may
    have patients of both arms: matched pairs. Statuses: BAD_INPUT; TOO_FEW, an arm is empty or its follow-up ends
    before the horizon; NO_EVENTS, nobody has the event by the horizon; NO_INFO, a ratio with an incidence of 0, or an
    SE of 0.
    """
    data, block = causes_block(time, cause, of, present, weight, order)
    if len(data.present) != len(data.time):
        raise ValueError(f"present has {len(data.present)} rows; {len(data.time)}, one per cohort, are wanted")
    arm, (rows, patients) = data.bools(treated), data.time.shape
    arms = np.stack([data.present & ~arm, data.present & arm], axis=1)
    split = SurvivalData(data.time, data.event, arms.reshape(2 * rows, patients), data.order)
    made = _incidences(split, block, np.array([float(horizon)]), measure == "rmtl_difference", None, False, True)
    value, own, state = (a.reshape(rows, 2) for a in (made.value, made.variance, made.status))
    ratio = measure == "log_incidence_ratio"
    with np.errstate(divide="ignore", invalid="ignore"):
        pull = 1 / value if ratio else np.ones(value.shape)
        contrast = np.log(value[:, 1] / value[:, 0]) if ratio else value[:, 1] - value[:, 0]
        slopes = made.gradient.reshape(rows, 2, patients)
        gradient = slopes[:, 1] * pull[:, 1:] - slopes[:, 0] * pull[:, :1]
        influence = gradient * block.weight if len(block.weight) else gradient
        here = data.present & (block.weight > 0) if len(block.weight) else data.present
        apart = (np.where(here, influence, 0.0) ** 2).sum(axis=1)
        square = apart
        if cluster is not None:
            sums = sums_within(influence, here, numbered(data.ints(cluster))[0])
            square = np.cumsum(sums**2, axis=1)[:, -1]  # how many clusters other cohorts have changes no digit
    status = np.where(state[:, 0] == Status.OK, state[:, 1], state[:, 0])
    status = np.where((status == Status.OK) & ~(square > NOTHING * apart), Status.NO_INFO, status)
    status = np.where((status == Status.OK) & ~np.isfinite(contrast), Status.NO_INFO, status)
    status = np.where(np.isin(status, (Status.OK, Status.NO_INFO)) & (value == 0).all(axis=1), Status.NO_EVENTS, status)
    ok = status == Status.OK
    return IncidenceContrast(
        np.where(ok, contrast, np.nan),
        np.where(ok, np.sqrt(square), np.nan),
        np.asarray(value, np.float64),
        np.sqrt(np.asarray(own, np.float64)),
        np.where(ok[:, None], gradient, 0.0),
        made.counts[:, 0].reshape(rows, 2).sum(axis=1),
        made.counts[:, 1].reshape(rows, 2).sum(axis=1),
        status.astype(np.int64),
    )


def kinds(cause: ArrayLike, of: int) -> Ints:
    """0 for censored, 1 for the cause ``of``, 2 for others, -1 for codes below 0; ValueError if ``of`` is no cause."""
    if of < 1:
        raise ValueError(f"of is {of}; the code of a cause, 1 or above, is wanted")
    codes = np.asarray(cause)
    if codes.dtype.kind not in "biu":
        raise ValueError(f"a cause is a whole number, but the array holds {codes.dtype}")
    return np.where(codes == of, 1, np.where(codes == 0, 0, np.where(codes > 0, 2, -1))).astype(np.int64)


def limits(value: Floats, se: Floats, conf_type: ConfType, level: float) -> tuple[Floats, Floats]:
    """The confidence limits of a probability, as survfit has them: cut at 0 and 1 on the plain and log scales."""
    z = normal_quantile(level)
    with np.errstate(divide="ignore", invalid="ignore"):
        if conf_type == "plain":
            return np.maximum(value - z * se, 0.0), np.minimum(value + z * se, 1.0)
        inside = np.where(value == 0, np.nan, value)
        if conf_type == "log":
            width = z * se / inside
            return np.exp(np.log(inside) - width), np.minimum(np.exp(np.log(inside) + width), 1.0)
        if conf_type != "log-log":
            raise ValueError(f"conf_type is '{conf_type}'; 'log', 'log-log' or 'plain' is wanted")
        inside = np.where(value == 1, np.nan, inside)
        width = z * se / inside / np.log(inside)
        centre = np.log(-np.log(inside))
        return np.exp(-np.exp(centre - width)), np.exp(-np.exp(centre + width))


def causes_block(
    time: ArrayLike, cause: ArrayLike, of: int, present: ArrayLike | None, weight: ArrayLike | None,
    order: Positions | None,
) -> tuple[SurvivalData, CausesBlock]:  # fmt: skip
    """The endpoint of the cause ``of`` among others, as kernels take it."""
    kind = kinds(cause, of)
    data = SurvivalData.of(time, kind > 0, present, order)
    weights = NO_FLOATS if weight is None else data.floats(weight)
    return data, CausesBlock(data.time, data.ints(kind), weights, data.order)


def _incidences(
    data: SurvivalData, block: CausesBlock, at: Floats, area: bool, cluster: ArrayLike | None, binomial: bool,
    gradient: bool = False,
) -> Incidences:  # fmt: skip
    shape = (len(data.present), len(at))
    labels, clusters = numbered(data.ints(cluster))
    made = Incidences(
        np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape if binomial else (0, 0), np.nan),
        np.zeros((*shape, data.time.shape[1]) if gradient else (0, 0, 0)), np.zeros(shape, np.int64),
        np.zeros((shape[0], 3), np.int64),
    )  # fmt: skip
    incidences(block, data.present, at, area, labels, clusters, made)
    return made
