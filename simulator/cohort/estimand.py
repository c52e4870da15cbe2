"""What can be asked: population, measure, endpoint and follow-up."""

from typing import Literal

from simulator.documents.spec import Name, NonNegative, Positive, Spec

PopulationName = Literal[
    "all", "treated", "untreated", "overlap", "matching_weight", "matched", "selected", "always_eligible"
]
MeasureName = Literal[
    "marginal_log_hr",
    "conditional_log_hr",
    "exposure_log_hr",
    "marginal_subdistribution_log_hr",
    "conditional_subdistribution_log_hr",
    "rmst_difference",
    "survival_difference",
    "median_difference",
    "incidence_difference",
    "log_incidence_ratio",
    "rmtl_difference",
    "risk_difference",
    "log_risk_ratio",
    "log_odds_ratio",
    "none",
]

CURVES: tuple[MeasureName, ...] = ("rmst_difference", "survival_difference", "median_difference")
"""Measures of a whole curve of survival: as if nobody were censored."""
INCIDENCES: tuple[MeasureName, ...] = ("incidence_difference", "log_incidence_ratio", "rmtl_difference")
"""Measures of a cumulative incidence at (or of the mean time lost up to) a horizon: as if nobody were censored."""
SUBDISTRIBUTION: tuple[MeasureName, ...] = ("marginal_subdistribution_log_hr", "conditional_subdistribution_log_hr")
"""Ratios of hazards among those who have not had the event, be it that a competing one has made it impossible."""
TimeUnit = Literal["days", "weeks", "months", "years"]

TRUE_SCORE = "logit(true propensity)"
"""What stands in ``adjusted_for`` for the logit of the true probability of treatment; no covariate bears the name."""

COUPLED: tuple[PopulationName, ...] = ("selected", "always_eligible")
"""Populations that depend on how a patient's two courses hang together, which no data can tell."""


class Estimand(Spec):
    """A question with one true answer in a given world; every difference is treated minus untreated.

    ``population`` is fixed at time zero, among all who are screened. ``treated`` and ``untreated`` go by assignment.
    ``overlap`` counts each patient by e (1 - e), e the true propensity, and ``matching_weight`` by min(e, 1 - e).
    ``matched`` is the baseline of the treated whom the very matching keeps, each with the estimator's weight, followed
    afresh in both arms from time zero: the matching is that of the study's plan, or, where an estimator has one of its
    own, that which ``matched_by`` says as JSON. ``selected`` (included under the received arm) and ``always_eligible``
    (under both arms) hold only if a patient's two courses share their luck.

    A conditional log hazard ratio is the coefficient of treatment given ``adjusted_for``; an exposure log hazard ratio
    compares being under treatment with not yet, and has no true value of this kind. Where states compete, a hazard
    ratio is that of the cause, which who has a competing event leaves; a subdistribution log hazard ratio is Fine and
    Gray's, which keeps them at risk until their follow-up would have ended. ``horizon`` is the time to which a
    restricted mean or a mean time lost, or at which survival or a cumulative incidence is asked. ``follow_up`` is
    ``observed`` (both courses under the patient's own censoring) or ``complete`` (nobody is censored before the
    horizon). ``landmark`` asks for hazards after that time, among each arm's own survivors to it, the treated being
    those who started by then. ``grace`` compares starting within that time with not starting within it, in place of
    assignment. Times are in the world's ``time_unit``. A test has the measure ``none``: it answers whether, not how
    much.
    """

    population: PopulationName
    measure: MeasureName
    endpoint: Name
    adjusted_for: tuple[str, ...] = ()
    horizon: Positive | None = None
    follow_up: Literal["observed", "complete"] = "observed"
    matched_by: str = ""
    landmark: Positive | None = None
    grace: NonNegative | None = None
    time_unit: TimeUnit = "months"
