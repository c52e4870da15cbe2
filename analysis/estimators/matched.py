"""Analyses of the matched cohort."""

from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from analysis.estimators.base import Estimate, EstimatorSpec, Sample, cox_on_treatment, wald, with_status
from analysis.estimators.competing import (
    INCIDENCE_OF,
    Censoring,
    censoring_groups,
    fine_gray_on_treatment,
    incidence_of_arms,
)
from analysis.estimators.pair_bootstrap import DrawnSets, bootstrap_se
from analysis.kernels.status import Status
from analysis.plan.analysis_plan import MatchingPlan, Plan, PropensityPlan, propensity_terms
from analysis.survival import statistics
from analysis.survival.fine_gray import fine_gray
from analysis.survival.incidence import IncidenceContrast
from analysis.survival.matched_curves import CurveDifference, CurveMeasure, curve_difference
from simulator.cohort.cohorts import Endpoint
from simulator.cohort.estimand import Estimand, MeasureName
from simulator.cohort.terms import Variable
from simulator.documents.spec import TIME, Name, Positive
from simulator.numerics.arrays import Bools, Floats, Ints, Positions

_BOOTS = 200
_MEASURES: dict[str, MeasureName] = {
    "log_hr": "marginal_log_hr",
    "rmst": "rmst_difference",
    "survival": "survival_difference",
    "subdistribution_hr": "marginal_subdistribution_log_hr",
    **INCIDENCE_OF,
}
_MODELS = ("log_hr", "subdistribution_hr")
"""Measures that are coefficients of treatment; the others have a horizon."""


class Matched(EstimatorSpec):
    """Treated against untreated in the matched cohort, SE ``se``.

    ``measure: log_hr`` is Cox regression on treatment; ``rmst`` and ``survival`` are differences of Kaplan-Meier curves
    to or at the ``horizon``. Where states compete ``incidence``, ``incidence_ratio`` (its logarithm) and ``rmtl`` are
    contrasts of cumulative incidences at, or of mean times lost to, the horizon, and ``subdistribution_hr`` is Fine and
    Gray's model, its weights of ``censoring`` as in `fine-gray`. ``model: stratified`` is Cox regression stratified by
    matched set, without weights: its coefficient is conditional on what a set has in common, and is judged by the one
    given the propensity model's candidates (sets are alike in the score alone, so it may lie between that and the
    marginal one).

    ``se: pair`` is robust to the pairing: Lin-Wei, or influence functions of the curves, clustered by matched set;
    ``naive`` treats pairs as unrelated (where states compete it is robust, each patient alone); ``bootstrap`` is the SD
    over ``boots`` draws of matched sets with the Wald interval around the estimate.

    ``matching`` and ``propensity`` replace those of the study's plan (null).
    """

    kind: Literal["matched"] = "matched"
    name: Name = "matched"
    measure: Literal["log_hr", "rmst", "survival", "subdistribution_hr", "incidence", "incidence_ratio", "rmtl"] = (
        "log_hr"
    )
    horizon: Annotated[Positive | None, TIME] = None
    model: Literal["marginal", "stratified"] = "marginal"
    se: Literal["pair", "naive", "bootstrap"] = "pair"
    boots: Annotated[int, Field(ge=20, le=10_000)] = _BOOTS
    censoring: Censoring = "pooled"
    matching: MatchingPlan | None = None
    propensity: PropensityPlan | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "Matched":
        if (self.horizon is None) != (self.measure in _MODELS):
            raise ValueError(
                "'horizon' goes with 'measure: rmst', 'survival', 'incidence', 'incidence_ratio' and 'rmtl', "
                "which need one, and no other"
            )
        if self.model == "stratified" and self.measure != "log_hr":
            raise ValueError("'model: stratified' is a Cox model ('measure: log_hr'); nothing else has its strata")
        if self.censoring != "pooled" and self.measure != "subdistribution_hr":
            raise ValueError("'censoring' belongs to 'measure: subdistribution_hr'")
        if self.boots != _BOOTS and self.se != "bootstrap":
            raise ValueError("'boots' belongs to 'se: bootstrap'")
        return self

    def plan_for(self, plan: Plan) -> Plan:
        """The study's plan with the estimator's own matching and propensity model."""
        matching, propensity = self.matching or plan.matching, self.propensity or plan.propensity
        if matching.replacement and (self.model == "stratified" or self.se == "bootstrap"):
            what = "model: stratified" if self.model == "stratified" else "se: bootstrap"
            raise ValueError(f"'{what}' needs matching without replacement: with it, sets share controls")
        return plan.model_copy(update={"matching": matching, "propensity": propensity})

    def estimand(self, endpoint: str, plan: Plan, variables: Mapping[str, Variable]) -> Estimand:
        """The marginal (stratified: conditional) contrast in the patients whom the matching keeps."""
        own = self.plan_for(plan)
        matched_by = "" if own == plan else own.model_dump_json(include={"matching", "propensity"})
        if self.model == "stratified":
            given = propensity_terms(own, variables)
            return Estimand(
                population="matched",
                measure="conditional_log_hr",
                endpoint=endpoint,
                adjusted_for=given,
                matched_by=matched_by,
            )
        return Estimand(
            population="matched",
            measure=_MEASURES[self.measure],
            endpoint=endpoint,
            horizon=self.horizon,
            follow_up="observed" if self.horizon is None else "complete",
            matched_by=matched_by,
        )

    def estimate(self, sample: Sample, endpoint: str) -> Estimate:
        """The contrast among the matched; NO_PAIRS or the propensity model's status where none.

        A bootstrap of which fewer than half the draws can be fitted is NOT_CONVERGED.
        """
        own = sample.under(self.plan_for(sample.plan))
        pairs = own.matching
        made = self._model(own, endpoint) if self.horizon is None else self._curves(own, endpoint, self.horizon)
        if self.se == "bootstrap":
            se, count = bootstrap_se(
                pairs, lambda drawn: self._again(own, endpoint, drawn), self.boots, own.replicates, own.seed
            )
            few = (made.status == Status.OK) & ((2 * count < self.boots) | ~(se > 0))
            status = np.where(few, Status.NOT_CONVERGED, made.status).astype(np.int64)
            made = wald(made.value, se, made.n, made.events, status, own.plan.survival.level)
        failed = np.where(own.propensity.status == Status.OK, pairs.status, own.propensity.status)
        return with_status(made, failed)

    def _model(self, sample: Sample, endpoint: str) -> Estimate:
        pairs, stratified = sample.matching, self.model == "stratified"
        if self.measure == "subdistribution_hr":
            return fine_gray_on_treatment(
                sample,
                endpoint,
                sample.matched,
                weight=None if sample.plan.matching.simple else pairs.weight,
                cluster=pairs.pair if self.se == "pair" else None,
                censoring=self.censoring,
            )
        return cox_on_treatment(
            sample,
            endpoint,
            sample.matched,
            weight=None if sample.plan.matching.simple or stratified else pairs.weight,
            cluster=pairs.pair if self.se == "pair" else None,
            stratum=pairs.pair if stratified else None,
        )

    def _curves(self, sample: Sample, endpoint: str, horizon: float) -> Estimate:
        pairs, course = sample.matching, sample.observed.endpoints[endpoint]
        made = self._contrast(
            course,
            sample.observed.treated,
            sample.matched,
            horizon,
            None if sample.plan.matching.simple else pairs.weight,
            pairs.pair if self.se == "pair" else None,
            sample.orders[endpoint],
        )
        return wald(made.value, made.se, made.n, made.events, made.status, sample.plan.survival.level)

    def _again(self, sample: Sample, endpoint: str, drawn: DrawnSets) -> Floats:
        """The estimate in a draw of matched sets, NaN where it fails."""
        whole, plan, stratified = sample.observed.endpoints[endpoint], sample.plan, self.model == "stratified"
        rival = None if whole.competing is None else drawn.of(whole.competing)
        course = Endpoint(drawn.of(whole.time), drawn.of(whole.event), rival)
        treated = drawn.of(sample.observed.treated)
        weight = None if plan.matching.simple or stratified else drawn.of(sample.matching.weight)
        if self.horizon is not None:
            return self._contrast(course, treated, drawn.present, self.horizon, weight).value
        arm = treated[..., None].astype(np.float64)
        if self.measure == "subdistribution_hr":
            groups = censoring_groups(self.censoring, treated)
            made = fine_gray(course.time, course.causes, arm, present=drawn.present, weight=weight, censoring=groups)
            return made.beta[:, 0]
        fit = statistics.cox(
            course.time,
            course.event,
            arm,
            present=drawn.present,
            weight=weight,
            stratum=drawn.stratum if stratified else None,
            ties=plan.survival.ties,
        )
        return fit.beta[:, 0]

    def _contrast(
        self,
        course: Endpoint,
        treated: Bools,
        present: Bools,
        horizon: float,
        weight: Floats | None,
        cluster: Ints | None = None,
        order: Positions | None = None,
    ) -> CurveDifference | IncidenceContrast:
        """The contrast of the arms' curves of survival or of incidence."""
        if self.measure in INCIDENCE_OF:
            return incidence_of_arms(
                course, treated, present, horizon, self.measure, weight=weight, cluster=cluster, order=order
            )
        measure: CurveMeasure = "rmst" if self.measure == "rmst" else "survival"
        return curve_difference(
            course.time, course.event, treated, present, horizon, measure, weight=weight, cluster=cluster, order=order
        )
