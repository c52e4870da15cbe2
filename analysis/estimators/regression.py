"""Cox regression in everyone: on treatment alone, or with covariates."""

from collections.abc import Mapping
from typing import Literal

import numpy as np

from analysis import survival
from analysis.estimators.base import Estimate, Judged, Sample, cox_on_treatment, wald
from analysis.plan import Plan, cox_terms
from simulator.estimand import Estimand
from simulator.spec import Name
from simulator.terms import Variable


class Crude(Judged):
    """Cox regression on treatment alone, everyone included."""

    kind: Literal["crude"] = "crude"
    name: Name = "crude"

    def estimand(self, endpoint: str, plan: Plan, variables: Mapping[str, Variable]) -> Estimand:  # noqa: ARG002
        """The marginal log hazard ratio in everyone."""
        return Estimand(population="all", measure="marginal_log_hr", endpoint=endpoint)

    def estimate(self, sample: Sample, endpoint: str) -> Estimate:
        """The coefficient of treatment with its model-based SE."""
        return cox_on_treatment(sample, endpoint, sample.observed.present)


class Adjusted(Judged):
    """Multivariable Cox regression on treatment and the plan's Cox covariates."""

    kind: Literal["adjusted"] = "adjusted"
    name: Name = "adjusted"

    def estimand(self, endpoint: str, plan: Plan, variables: Mapping[str, Variable]) -> Estimand:
        """The conditional log hazard ratio given the covariates."""
        terms = cox_terms(plan, variables)
        return Estimand(population="all", measure="conditional_log_hr", endpoint=endpoint, adjusted_for=terms)

    def estimate(self, sample: Sample, endpoint: str) -> Estimate:
        """The coefficient of treatment with its model-based SE."""
        observed = sample.observed
        x, _ = sample.columns(cox_terms(sample.plan, observed.variable))
        x = np.concatenate([observed.treated[..., None], x], axis=-1)
        course = observed.endpoints[endpoint]
        fit = survival.cox(
            course.time,
            course.event,
            x,
            present=observed.present,
            ties=sample.plan.survival.ties,
            order=sample.orders[endpoint],
        )
        return wald(fit.beta[:, 0], fit.se[:, 0], fit.n, fit.events, fit.status, sample.plan.survival.level)
