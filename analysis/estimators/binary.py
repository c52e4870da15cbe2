"""Contrasts of the risk of a yes/no outcome: crude, matched, or weighted by the propensity score."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from analysis.estimators.base import Estimate, EstimatorSpec, Sample, wald, with_status
from analysis.kernels.status import Status
from analysis.plan.analysis_plan import Plan
from analysis.propensity import weighting
from analysis.survival import risks
from simulator.cohort.estimand import Estimand, PopulationName
from simulator.cohort.terms import Variable
from simulator.documents.spec import Name
from simulator.numerics.arrays import Floats


class Binary(EstimatorSpec):
    """The risk of a yes/no outcome (a response, an adverse event), treated against untreated.

    ``method: crude`` has Wald's SE and the p of the score chi-square; ``matched`` uses the plan's matching, with an SE
    that knows the pairs, and McNemar's p where that is 1:1 without replacement, else Wald's; ``weighted`` the plan's
    propensity score (``target: att``, the default, or ``ate``), with a robust SE that takes it as known, and Wald's p.
    A ratio with an empty cell is NO_INFO, an outcome that nobody has NO_EVENTS.
    """

    takes_times: ClassVar[bool] = False
    takes_binary: ClassVar[bool] = True
    kind: Literal["binary"] = "binary"
    name: Name = "binary"
    endpoints: Annotated[tuple[Name, ...], Field(min_length=1)]
    measure: risks.RiskMeasure = "risk_difference"
    method: Literal["crude", "matched", "weighted"] = "crude"
    target: Literal["att", "ate"] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "Binary":
        if self.target is not None and self.method != "weighted":
            raise ValueError("'target' belongs to 'method: weighted'")
        return self

    def estimand(self, endpoint: str, plan: Plan, variables: Mapping[str, Variable]) -> Estimand:  # noqa: ARG002
        """The contrast of risks in everyone, in the matched, or in the target of the weights."""
        weighted: PopulationName = "all" if self.target == "ate" else "treated"
        populations: dict[str, PopulationName] = {"crude": "all", "matched": "matched", "weighted": weighted}
        return Estimand(population=populations[self.method], measure=self.measure, endpoint=endpoint)

    def estimate(self, sample: Sample, endpoint: str) -> Estimate:
        """The contrast; NO_PAIRS or the propensity model's status where that failed."""
        observed = sample.observed
        outcome, treated = observed.binary[endpoint], observed.treated
        if self.method == "crude":
            made = risks.risk_contrast(outcome, treated, self.measure, present=observed.present)
            return _with_p(self._wald(made, sample), risks.score_p(outcome, treated, observed.present))
        fit = sample.propensity
        if self.method == "weighted":
            ok = sample.scored
            weight = weighting.ipw(np.where(ok, fit.fitted, 0.5), treated, self.target or "att")
            made = risks.risk_contrast(outcome, treated, self.measure, present=ok, weight=weight)
            return with_status(self._wald(made, sample), fit.status)
        pairs = sample.matching
        made = risks.risk_contrast(
            outcome, treated, self.measure, present=sample.matched, weight=pairs.weight, cluster=pairs.pair
        )
        estimate = self._wald(made, sample)
        if sample.plan.matching.simple:
            estimate = _with_p(estimate, risks.mcnemar_p(outcome, treated, pairs.pair))
        return with_status(estimate, np.where(fit.status == Status.OK, pairs.status, fit.status))

    def _wald(self, made: risks.RiskContrast, sample: Sample) -> Estimate:
        return wald(made.value, made.se, made.n, made.events, made.status, sample.plan.survival.level)


def _with_p(estimate: Estimate, p: Floats) -> Estimate:
    return replace(estimate, p=np.where(estimate.status == Status.OK, p, np.nan))
