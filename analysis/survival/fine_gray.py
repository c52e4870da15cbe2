"""Fine and Gray's model of the subdistribution hazard in blocks of cohorts; arrays are as in
`analysis.survival.incidence`.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from analysis.kernels.cox import CoxFits
from analysis.kernels.cox_data import CoxBlock
from analysis.kernels.fine_gray_fit import fit_fine_gray
from analysis.survival.cox_limits import SOUGHT, CoxLimit, LimitModel, limits
from analysis.survival.incidence import kinds
from analysis.survival.statistics import CoxFit
from analysis.survival.survival_data import NO_FLOATS, NO_INTS, NO_POSITIONS, SurvivalData, numbered, within
from simulator.numerics.arrays import Bools, Floats, Ints, Positions


@dataclass(frozen=True)
class _Model:
    data: SurvivalData
    kind: Ints
    x: Floats
    weight: Floats
    cluster: Ints
    clusters: int
    stratum: Ints
    label: Ints
    labels: int
    columns: Bools
    as_crr: bool

    def fit(self, fits: CoxFits) -> None:
        """Fills ``fits``."""
        data = self.data
        block = CoxBlock(
            data.time, data.event, self.x, self.weight, self.cluster, self.clusters, self.stratum, NO_FLOATS,
            within(self.stratum, data.order), NO_POSITIONS,
        )  # fmt: skip
        fit_fine_gray(
            block, self.kind, self.label, self.labels, data.order, data.present, not self.as_crr, self.as_crr,
            self.columns, fits,
        )  # fmt: skip

    def of_rows(self, rows: Ints, stratum: Ints | None = None, columns: Bools | None = None) -> "_Model":
        """Some rows of the block, each a cohort of its own."""
        data, cohort = self.data, rows // (len(self.data.present) // len(self.data.time))
        weight, cluster, label = self.weight, self.cluster, self.label
        own = self.stratum[cohort] if len(self.stratum) else self.stratum
        marked = self.columns[rows] if len(self.columns) else self.columns
        return _Model(
            SurvivalData(data.time[cohort], data.event[cohort], data.present[rows], data.order[cohort]),
            self.kind[cohort], self.x[cohort], weight[cohort] if len(weight) else weight,
            cluster[cohort] if len(cluster) else cluster, self.clusters, own if stratum is None else stratum,
            label[cohort] if len(label) else label, self.labels, marked if columns is None else columns, self.as_crr,
        )  # fmt: skip

    def at_risk_until(self) -> Floats:
        """The last time at which each patient is at risk: after a competing event, the last of those censored alike."""
        here = self.data.present & (self.weight > 0) if len(self.weight) else self.data.present
        until = self.data.time.copy()
        for label in range(self.labels):
            own = here & (self.label == label) if len(self.label) else here
            last = np.where(own, self.data.time, -np.inf).max(axis=1, initial=-np.inf)
            until = np.where(own & (self.kind > 1), last[:, None], until)
        return until


def fine_gray(
    time: ArrayLike,
    cause: ArrayLike,
    x: ArrayLike,
    *,
    of: int = 1,
    present: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    cluster: ArrayLike | None = None,
    stratum: ArrayLike | None = None,
    censoring: ArrayLike | None = None,
    columns: ArrayLike | None = None,
    like: Literal["finegray", "crr"] = "finegray",
    order: Positions | None = None,
) -> CoxFit:
    """Fine-Gray models of the cause ``of``, one per analysis set; ``robust_se`` is the standard error to report.

    As R's ``coxph(..., weights = fgwt, cluster = id)`` on the rows of ``finegray``: Efron's ties, censoring estimated
    in the whole analysis set without weights (in each group ``censoring`` of whole numbers from 0, as cmprsk's
    ``cengroup``: finegray's ``strata`` leaves out rows that a model across the strata needs, survival's issue 329), and
    a robust covariance, within ``cluster`` if given, that takes the weights of censoring as known. cmprsk's crr adds
    what their estimation does, and has Breslow's ties: ``like="crr"``, for samples without weights, clusters, strata
    and groups of censoring. Their standard errors differ by a few per cent. ``stratum`` are strata of the baseline.

    Without competing events it is the Cox model with its robust SE. Statuses, limits and the other arguments are those
    of `analysis.survival.statistics.cox`; BAD_INPUT also where a code is below 0.
    """
    if like not in ("finegray", "crr"):
        raise ValueError(f"like is '{like}'; 'finegray' or 'crr' is wanted")
    if like == "crr" and not (weight is None and cluster is None and stratum is None and censoring is None):
        raise ValueError("like is 'crr', which knows no weights, clusters, strata or groups of censoring here")
    kind = kinds(cause, of)
    data = SurvivalData.of(time, kind == 1, present, order)
    covariates = data.covariates(x)
    labels, clusters = numbered(data.ints(cluster))
    groups, count = numbered(data.ints(censoring))
    wanted = NO_INTS.astype(np.bool_) if columns is None else np.ascontiguousarray(columns, dtype=np.bool_)
    model = _Model(
        data, data.ints(kind), covariates, data.floats(weight), labels, clusters, data.ints(stratum), groups,
        max(count, 1), wanted, like == "crr",
    )  # fmt: skip
    rows, width = len(data.present), covariates.shape[2]
    fits = CoxFits(
        np.full((rows, width), np.nan), np.full((rows, width, width), np.nan), np.full((rows, width, width), np.nan),
        np.full((rows, 3), np.nan), np.zeros((rows, 2), np.int64), np.zeros(rows, np.int64),
    )  # fmt: skip
    model.fit(fits)
    state, sign = np.repeat(fits.status[:, None], width, axis=1), np.zeros((rows, width), np.int64)
    limit, limit_covariance = fits.beta.copy(), fits.covariance.copy()
    sick = np.flatnonzero(np.isin(fits.status, SOUGHT))
    if len(sick):
        found = CoxLimit(
            fits.beta[sick], fits.covariance[sick], fits.robust[sick], fits.loglik[sick], fits.status[sick],
            state[sick], sign[sick], limit[sick], limit_covariance[sick],
        )  # fmt: skip
        _follow(model.of_rows(sick), found)
        fits.beta[sick], fits.covariance[sick], fits.robust[sick] = found.beta, found.covariance, found.robust
        fits.loglik[sick], fits.status[sick] = found.loglik, found.status
        state[sick], sign[sick] = found.state, found.sign
        limit[sick], limit_covariance[sick] = found.limit, found.limit_covariance
    return CoxFit(
        fits.beta,
        np.sqrt(np.diagonal(fits.covariance, axis1=1, axis2=2)),
        fits.covariance,
        np.sqrt(np.diagonal(fits.robust, axis1=1, axis2=2)),
        fits.robust,
        fits.loglik[:, 1],
        fits.loglik[:, 0],
        fits.loglik[:, 2],
        fits.counts[:, 0],
        fits.counts[:, 1],
        fits.status,
        state,
        sign,
        limit,
        limit_covariance,
    )


def _follow(model: _Model, found: CoxLimit) -> None:
    """Replaces what was found of models without a maximum by their limit."""
    data = model.data
    sets = SurvivalData(model.at_risk_until(), data.event, data.present, data.order)

    def refit(rows: Ints, stratum: Ints, use: Bools, fits: CoxFits) -> None:
        model.of_rows(rows, stratum, use).fit(fits)

    limits(
        LimitModel(
            sets, model.x, model.weight, model.cluster, model.clusters, model.stratum, NO_FLOATS, not model.as_crr,
            model.columns, refit,
        ),
        found,
    )  # fmt: skip
