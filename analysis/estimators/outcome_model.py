"""Outcome models, doubly robust estimates, and weights for censoring: causal contrasts of survival."""

from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
from pydantic import model_validator

from analysis.estimators.base import Estimate, EstimatorSpec, Sample, wald, with_status
from analysis.kernels.status import Status
from analysis.plan.analysis_plan import Plan, cox_terms
from analysis.plan.weighting_plan import WeightTarget
from analysis.propensity import weighting
from analysis.survival.censoring import censoring_score, censoring_weighted_contrast
from analysis.survival.doubly_robust import aipw
from analysis.survival.pseudo import pseudo_observations
from analysis.survival.standardise import ContrastMeasure, StandardisedTo, standardised
from simulator.cohort.estimand import Estimand
from simulator.cohort.terms import Variable
from simulator.documents.spec import TIME, Name, Positive

HORIZON = 24.0
"""Months."""


class _Contrast(EstimatorSpec):
    """A contrast of survival in a population; ``horizon`` in the world's time unit, 24 months unless given."""

    measure: ContrastMeasure = "marginal_log_hr"
    horizon: Annotated[Positive | None, TIME] = None
    target: StandardisedTo = "all"

    @model_validator(mode="after")
    def _horizon_fits(self) -> "_Contrast":
        if self.measure == "marginal_log_hr" and self.horizon is not None:
            raise ValueError("'horizon' belongs to 'measure: rmst_difference' and 'survival_difference'")
        return self

    def unstated_times(self) -> dict[str, float]:
        """The usual horizon, where there is one."""
        return {"horizon": HORIZON} if self.horizon is None and self.measure != "marginal_log_hr" else {}

    @property
    def until(self) -> float:
        """The horizon; NaN for a log hazard ratio, which has none."""
        if self.measure == "marginal_log_hr":
            return float("nan")
        return HORIZON if self.horizon is None else self.horizon

    def estimand(self, endpoint: str, plan: Plan, variables: Mapping[str, Variable]) -> Estimand:  # noqa: ARG002
        """The contrast in the target: a log hazard ratio under the patients' follow-up, others without censoring."""
        if self.measure == "marginal_log_hr":
            return Estimand(population=self.target, measure=self.measure, endpoint=endpoint)
        return Estimand(
            population=self.target,
            measure=self.measure,
            endpoint=endpoint,
            horizon=self.until,
            follow_up="complete",
        )


class GComputation(_Contrast):
    """Survival curves standardised from a Cox model of treatment and the plan's Cox covariates.

    ``interactions`` are those of the plan's Cox terms whose effect may differ between the arms. The SE is the
    infinitesimal jackknife's.
    """

    kind: Literal["g-computation"] = "g-computation"
    name: Name = "g-computation"
    interactions: tuple[str, ...] = ()

    def estimand(self, endpoint: str, plan: Plan, variables: Mapping[str, Variable]) -> Estimand:
        """The contrast in the target; ValueError where an interaction is with none of the Cox covariates."""
        _places(self.interactions, cox_terms(plan, variables))
        return super().estimand(endpoint, plan, variables)

    def estimate(self, sample: Sample, endpoint: str) -> Estimate:
        """The contrast of the standardised curves; the Cox model's status where that failed."""
        observed, course = sample.observed, sample.observed.endpoints[endpoint]
        terms = cox_terms(sample.plan, observed.variable)
        x, term_of = sample.columns(terms)
        wanted = _places(self.interactions, terms)
        made = standardised(
            course.time,
            course.event,
            observed.treated,
            x,
            measure=self.measure,
            horizon=self.until,
            target=self.target,
            interactions=tuple(column for column, index in enumerate(term_of) if index in wanted),
            present=observed.present,
            ties=sample.plan.survival.ties,
            order=sample.orders[endpoint],
        )
        return wald(made.value, made.se, made.n, made.events, made.status, sample.plan.survival.level)


class Aipw(_Contrast):
    """Doubly robust: pseudo-observations within each arm, a linear model of them on the plan's Cox covariates in each
    arm, and the plan's propensity score. Right if either model is, and if censoring within an arm is independent of
    the covariates. The SE is that of the influence function.
    """

    kind: Literal["aipw"] = "aipw"
    name: Name = "aipw"
    measure: Literal["rmst_difference", "survival_difference"] = "rmst_difference"
    target: Literal["all", "treated"] = "all"

    def estimate(self, sample: Sample, endpoint: str) -> Estimate:
        """The difference; the propensity model's status where that failed, NO_EVENTS where nobody has the event."""
        observed, course, fit = sample.observed, sample.observed.endpoints[endpoint], sample.propensity
        x, _ = sample.columns(cox_terms(sample.plan, observed.variable))
        pseudo = pseudo_observations(
            course.time,
            course.event,
            self.until,
            "rmst" if self.measure == "rmst_difference" else "survival",
            present=observed.present,
            arm=observed.treated,
            order=sample.orders[endpoint],
        )
        here = sample.scored & (pseudo.status == Status.OK)[:, None]
        made = aipw(
            pseudo.value, observed.treated, np.where(here, fit.fitted, 0.5), x, present=here, target=self.target
        )
        events = (observed.present & course.event).sum(axis=1)
        status = np.where(pseudo.status == Status.OK, made.status, pseudo.status)
        status = np.where(events == 0, Status.NO_EVENTS, status).astype(np.int64)
        n = observed.present.sum(axis=1)
        estimate = wald(made.value, made.se, n, events, status, sample.plan.survival.level)
        return with_status(estimate, fit.status)


class Ipcw(_Contrast):
    """Cox model or Kaplan-Meier curves weighted by the inverse probability of not yet being censored, given the plan's
    Cox covariates, times that of treatment by the plan's propensity score. Without ``propensity`` the arms stay as they
    are. The SE is robust, with the weights taken as known.
    """

    kind: Literal["ipcw"] = "ipcw"
    name: Name = "ipcw"
    propensity: bool = True

    @model_validator(mode="after")
    def _target_fits(self) -> "Ipcw":
        if not self.propensity and self.target != "all":
            raise ValueError("'target' needs the propensity score; without it leave 'target: all'")
        return self

    def estimate(self, sample: Sample, endpoint: str) -> Estimate:
        """The weighted contrast; the status of the propensity or of the censoring model where that failed."""
        observed, course = sample.observed, sample.observed.endpoints[endpoint]
        x, _ = sample.columns(cox_terms(sample.plan, observed.variable))
        order, here, weight = sample.orders[endpoint], observed.present, None
        earlier = np.zeros(len(here), np.int64)
        if self.propensity:
            fit = sample.propensity
            earlier, here = fit.status, sample.scored
            kinds: dict[str, WeightTarget] = {"all": "ate", "treated": "att", "untreated": "atc"}
            weight = weighting.ipw(np.where(here, fit.fitted, 0.5), observed.treated, kinds[self.target])
        score, modelled = censoring_score(
            course.time, course.event, observed.treated, x, present=observed.present, order=order
        )
        made = censoring_weighted_contrast(
            course.time,
            course.event,
            observed.treated,
            score,
            measure=self.measure,
            horizon=self.until,
            weight=weight,
            present=here,
            ties=sample.plan.survival.ties,
            order=order,
        )
        estimate = wald(made.value, made.se, made.n, made.events, made.status, sample.plan.survival.level)
        return with_status(with_status(estimate, modelled), earlier)


def _places(asked: tuple[str, ...], terms: tuple[str, ...]) -> set[int]:
    """Where the terms asked for stand among ``terms``, spaces apart; ValueError names one that is not there."""
    known = {"".join(text.split()): place for place, text in enumerate(terms)}
    for text in asked:
        if "".join(text.split()) not in known:
            raise ValueError(f"interactions: '{text}' is none of the Cox covariates ({', '.join(terms)})")
    return {known["".join(text.split())] for text in asked}
