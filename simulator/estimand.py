"""What can be asked: population, measure, endpoint and follow-up."""

from typing import Literal

from simulator.spec import Name, Positive, Spec

Population = Literal[
    "all", "treated", "untreated", "overlap", "matching_weight", "matched", "selected", "always_eligible"
]
Measure = Literal[
    "marginal_log_hr",
    "conditional_log_hr",
    "rmst_difference",
    "survival_difference",
    "median_difference",
    "risk_difference",
    "log_risk_ratio",
    "log_odds_ratio",
    "none",
]

TRUE_SCORE = "logit(true propensity)"
"""What stands in ``adjusted_for`` for the logit of the true probability of treatment; no covariate bears the name."""


class Estimand(Spec):
    """A question with one true answer in a given world; every difference is treated minus untreated.

    ``population`` is fixed at time zero; ``overlap`` counts each patient by e (1 - e), e the true propensity, and
    ``matching_weight`` by min(e, 1 - e); ``selected`` (included under the received arm) and ``always_eligible`` (under
    both arms) are populations with names of their own. ``matched`` is the set of patients that the very matching kept:
    that of the study's plan, or, where an estimator has one of its own, that which ``matched_by`` says as JSON. A
    conditional log hazard ratio is the coefficient of treatment given ``adjusted_for``. ``horizon`` is the time to
    which a restricted mean or at which survival is asked. ``follow_up`` is ``observed`` (both courses under the
    patient's own censoring) or ``complete`` (nobody is censored before the horizon). A test has the measure ``none``:
    it answers whether, not how much.
    """

    population: Population
    measure: Measure
    endpoint: Name
    adjusted_for: tuple[str, ...] = ()
    horizon: Positive | None = None
    follow_up: Literal["observed", "complete"] = "observed"
    matched_by: str = ""
