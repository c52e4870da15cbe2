"""Analyses of the matched cohort."""

from collections.abc import Mapping
from typing import Literal

import numpy as np

from analysis.estimators.base import Estimate, Judged, Sample, cox_on_treatment, with_status
from analysis.kernels.status import Status
from analysis.plan import Plan
from simulator.estimand import Estimand
from simulator.spec import Name
from simulator.terms import Variable


class Matched(Judged):
    """Cox regression on treatment in the cohort matched as the plan says.

    ``se: pair`` is robust to the pairing (Lin-Wei, clustered by matched set); ``naive`` treats pairs as unrelated.
    """

    kind: Literal["matched"] = "matched"
    name: Name = "matched"
    se: Literal["pair", "naive"] = "pair"

    def estimand(self, endpoint: str, plan: Plan, variables: Mapping[str, Variable]) -> Estimand:  # noqa: ARG002
        """The marginal log hazard ratio in the patients whom the matching keeps."""
        return Estimand(population="matched", measure="marginal_log_hr", endpoint=endpoint)

    def estimate(self, sample: Sample, endpoint: str) -> Estimate:
        """The coefficient of treatment among the matched; NO_PAIRS or the propensity model's status where none."""
        pairs = sample.matching
        weighted = sample.plan.matching.ratio > 1 or sample.plan.matching.replacement
        estimate = cox_on_treatment(
            sample,
            endpoint,
            sample.matched,
            weight=pairs.weight if weighted else None,
            cluster=pairs.pair if self.se == "pair" else None,
        )
        failed = np.where(sample.propensity.status == Status.OK, pairs.status, sample.propensity.status)
        return with_status(estimate, failed)
