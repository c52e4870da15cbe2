"""What can be asked: population, measure, endpoint and follow-up."""

from typing import Literal

from simulator.spec import Name, Spec

Population = Literal["all", "treated", "untreated", "matched", "selected", "always_eligible"]
Measure = Literal["marginal_log_hr", "conditional_log_hr"]


class Estimand(Spec):
    """A question with one true answer in a given world.

    ``population`` is fixed at time zero; ``selected`` (included under the received arm) and ``always_eligible``
    (under both arms) are populations with names of their own. ``matched`` is the set of patients that the very
    matching kept. A conditional log hazard ratio is the coefficient of treatment given ``adjusted_for``.
    """

    population: Population
    measure: Measure
    endpoint: Name
    adjusted_for: tuple[str, ...] = ()
    follow_up: Literal["observed"] = "observed"
