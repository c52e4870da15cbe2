"""Analyses of an endpoint where states compete: cumulative incidences of two arms, and Fine and Gray's model.

Without competing states a cumulative incidence is one less survival, and Fine and Gray's model is Cox's.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np

from analysis.estimators.base import Estimate, EstimatorSpec, Sample, wald
from analysis.kernels.status import Status
from analysis.plan.analysis_plan import Plan, cox_terms
from analysis.survival.fine_gray import fine_gray
from analysis.survival.incidence import IncidenceContrast, IncidenceMeasure, incidence_contrast
from simulator.cohort.cohorts import Endpoint
from simulator.cohort.estimand import Estimand
from simulator.cohort.terms import Variable
from simulator.documents.spec import TIME, Name, Positive
from simulator.numerics.arrays import Bools, Floats, Ints, Positions

INCIDENCE_OF: dict[str, IncidenceMeasure] = {
    "incidence": "incidence_difference",
    "incidence_ratio": "log_incidence_ratio",
    "rmtl": "rmtl_difference",
}
"""The estimand's measure by its short name in an estimator."""


def incidence_of_arms(
    course: Endpoint,
    treated: Bools,
    present: Bools,
    horizon: float,
    measure: str,
    *,
    weight: Floats | None = None,
    cluster: Ints | None = None,
    order: Positions | None = None,
) -> IncidenceContrast:
    """The contrast of the arms' incidences at, or mean times lost to, the horizon; ``measure`` by its short name."""
    return incidence_contrast(
        course.time, course.causes, treated, horizon, INCIDENCE_OF[measure], present=present, weight=weight,
        cluster=cluster, order=order,
    )  # fmt: skip


Censoring = Literal["pooled", "by_arm"]
"""Among whom the weights of those who had a competing event are estimated."""


def censoring_groups(censoring: Censoring, treated: Bools) -> Ints | None:
    """The groups ``(R, N)`` in each of which censoring is estimated; None for one group."""
    return treated.astype(np.int64) if censoring == "by_arm" else None


def fine_gray_on_treatment(
    sample: Sample,
    endpoint: str,
    present: Bools,
    *,
    weight: Floats | None = None,
    cluster: Ints | None = None,
    censoring: Censoring = "pooled",
    given: Floats | None = None,
    robust: bool = True,
) -> Estimate:
    """Fine and Gray's coefficient of treatment among ``present``, ``given (R, N, P)`` further columns, if any.

    ``robust`` follows the clusters, each patient where there are none; else weights count as patients. NO_INFO where
    the SE is 0.
    """
    course, arm = sample.observed.endpoints[endpoint], sample.observed.treated[..., None].astype(np.float64)
    fit = fine_gray(
        course.time,
        course.causes,
        arm if given is None else np.concatenate([arm, given], axis=-1),
        present=present,
        weight=weight,
        cluster=cluster,
        censoring=censoring_groups(censoring, sample.observed.treated),
        order=sample.orders[endpoint],
    )
    se = fit.robust_se if robust and fit.robust_se is not None else fit.se
    status = fit.state[:, 0]
    status = np.where((status == Status.OK) & ~(se[:, 0] > 0), Status.NO_INFO, status)
    return wald(fit.beta[:, 0], se[:, 0], fit.n, fit.events, status, sample.plan.survival.level)


class IncidenceDifference(EstimatorSpec):
    """Cumulative incidences of treated and untreated, in everyone, at the ``horizon`` (Aalen & Johansen 1978).

    ``measure: incidence`` is their difference, ``incidence_ratio`` the logarithm of their ratio, ``rmtl`` the
    difference of the mean times lost to the event by then: the areas under the curves. The SE is that of the
    infinitesimal jackknife. Where no states compete it is one less survival.
    """

    kind: Literal["incidence"] = "incidence"
    name: Name = "incidence"
    measure: Literal["incidence", "incidence_ratio", "rmtl"] = "incidence"
    horizon: Annotated[Positive, TIME] = 12.0

    def estimand(self, endpoint: str, plan: Plan, variables: Mapping[str, Variable]) -> Estimand:  # noqa: ARG002
        """The contrast in everyone, nobody being censored before the horizon."""
        return Estimand(
            population="all",
            measure=INCIDENCE_OF[self.measure],
            endpoint=endpoint,
            horizon=self.horizon,
            follow_up="complete",
        )

    def estimate(self, sample: Sample, endpoint: str) -> Estimate:
        """The contrast; TOO_FEW where an arm's follow-up ends before the horizon, a ratio with an empty one NO_INFO."""
        observed = sample.observed
        made = incidence_of_arms(
            observed.endpoints[endpoint], observed.treated, observed.present, self.horizon, self.measure,
            order=sample.orders[endpoint],
        )  # fmt: skip
        return wald(made.value, made.se, made.n, made.events, made.status, sample.plan.survival.level)


class FineGray(EstimatorSpec):
    """Fine and Gray's regression of the subdistribution hazard on treatment, everyone included (1999, JASA 94:496).

    ``adjusted`` adds the plan's Cox covariates. ``censoring: by_arm`` estimates the weights of those who had a
    competing event within their arm, as where drop-out differs between the arms; ``pooled`` in all, R's default. The SE
    is robust. Where no states compete it is Cox regression with a robust SE.
    """

    kind: Literal["fine-gray"] = "fine-gray"
    name: Name = "fine-gray"
    adjusted: bool = False
    censoring: Censoring = "pooled"

    def estimand(self, endpoint: str, plan: Plan, variables: Mapping[str, Variable]) -> Estimand:
        """The subdistribution log hazard ratio in everyone: marginal, or adjusted given the covariates."""
        if not self.adjusted:
            return Estimand(population="all", measure="marginal_subdistribution_log_hr", endpoint=endpoint)
        terms = cox_terms(plan, variables)
        return Estimand(
            population="all", measure="conditional_subdistribution_log_hr", endpoint=endpoint, adjusted_for=terms
        )

    def estimate(self, sample: Sample, endpoint: str) -> Estimate:
        """The coefficient of treatment; the status of its direction where the model has no maximum."""
        observed = sample.observed
        return fine_gray_on_treatment(
            sample,
            endpoint,
            observed.present,
            given=sample.columns(cox_terms(sample.plan, observed.variable))[0] if self.adjusted else None,
            censoring=self.censoring,
        )


def weighted_incidence(
    sample: Sample,
    endpoint: str,
    present: Bools,
    weight: Floats,
    horizon: float,
    measure: str,
) -> tuple[IncidenceContrast, Floats]:
    """The contrast of a weighted sample, and its SE ``(R,)`` with weights taken for patients."""
    observed = sample.observed
    made = incidence_of_arms(
        observed.endpoints[endpoint], observed.treated, present, horizon, measure, weight=weight,
        order=sample.orders[endpoint],
    )  # fmt: skip
    with np.errstate(invalid="ignore"):
        naive = np.sqrt(np.cumsum(np.where(present, weight * made.gradient**2, 0.0), axis=1)[:, -1])
    return made, naive
