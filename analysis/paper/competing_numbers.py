"""The numbers of an endpoint with competing states by key, of every cohort of a block; and where one cohort has them.

These are the keys of `analysis.paper.number_tree.COMPETING`. Standard errors follow the clusters as in
`analysis.paper.competing`.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from math import log
from typing import Any, Literal, TypeVar

import numpy as np
from scipy.special import ndtr

from analysis.paper.block_sides import BlockSides
from analysis.paper.curve_points import Differences, Points
from analysis.paper.endpoint_numbers import ratio
from analysis.paper.incidence_points import EVENT, OTHERS, Robust, incidence_differences, incidence_points, lost_points
from analysis.paper.number_tree import ARMS, COMPETING
from analysis.survival import statistics
from analysis.survival.fine_gray import fine_gray
from analysis.survival.gray import GrayTest, gray_test
from analysis.survival.incidence import IncidenceMeasure
from simulator.cohort.cohorts import Endpoint
from simulator.documents.keys import Step
from simulator.numerics.arrays import Bools, Floats, Ints, Positions
from simulator.numerics.once import once

T = TypeVar("T")
CONTRASTS: Mapping[str, IncidenceMeasure] = {
    "incidence_difference": "incidence_difference",
    "incidence_ratio": "log_incidence_ratio",
    "time_lost_difference": "rmtl_difference",
}
CAUSES: Mapping[str, Literal[1, 2]] = {"incidence": EVENT, "competing_incidence": OTHERS}
IN_JSON: Mapping[str, str] = {
    "incidence": "event",
    "competing_incidence": "competing",
    "incidence_difference": "difference",
    "incidence_ratio": "ratio",
    "fine_gray": "subdistribution",
    "competing_cox": "competing_specific",
}
"""What the JSON of one cohort's analysis calls them, where that is not the same."""


@dataclass(frozen=True)
class CompetingNumbers:
    """The numbers of one endpoint on one side of matching; what several of them need is worked out once and kept."""

    sides: BlockSides
    endpoint: str
    side: str
    kept: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def of(self, steps: tuple[Step, ...]) -> Floats:
        """The number ``(R,)`` at the steps of a key below the side."""
        what, last = steps[0].name, steps[-1].name
        match what:
            case "incidence" | "competing_incidence" | "time_lost":
                return _part(self._point(what, steps[1].name, float(str(steps[1].element))), last)
            case "incidence_difference" | "incidence_ratio" | "time_lost_difference":
                return _part(self._contrast(what, float(str(steps[0].element))), last)
            case "competing_events":
                other = self._course.causes == OTHERS
                return np.asarray((other & self.sides.arm(self.side, last)).sum(axis=1), dtype=np.float64)
            case "gray":
                found = self._once("gray", self._gray)
                return {"p": found.p, "chi2": found.chi2}[last]
        fit = self._once(what, self._fine_gray if what == "fine_gray" else self._competing_cox)
        return ratio(*fit, last, self.sides.level)

    def _once(self, key: Hashable, make: Callable[[], T]) -> T:
        if key not in self.kept:
            self.kept[key] = make()
        found: T = self.kept[key]
        return found

    @property
    def _course(self) -> Endpoint:
        return self.sides.block.sample.observed.endpoints[self.endpoint]

    @property
    def _treated(self) -> Bools:
        return self.sides.block.sample.observed.treated

    @property
    def _order(self) -> Positions:
        return self.sides.block.sample.orders[self.endpoint]

    @once
    def _weights(self) -> Robust:
        """The weights and clusters of the side where it is weighted."""
        return Robust(*(self.sides.weighed(self.side) or ()))

    @once
    def _robust(self) -> Robust:
        """The same, and matched pairs as clusters."""
        sample = self.sides.block.sample
        if self.side == "after" and sample.plan.primary == "matching" and self._weights.weight is None:
            return Robust(None, sample.matching.pair)
        return self._weights

    def _point(self, what: str, arm: str, at: float) -> Points:
        course, plan = self._course, self.sides.block.sample.plan.survival
        inside = self.sides.arm(self.side, arm)
        if what == "time_lost":
            return self._once((what, arm, at), lambda: lost_points(course, inside, at, plan, self._robust, self._order))
        return self._once(
            (what, arm, at),
            lambda: incidence_points(course, inside, at, CAUSES[what], plan, self._robust, self._order),
        )

    def _contrast(self, what: str, at: float) -> Differences:
        plan, present = self.sides.block.sample.plan.survival, self.sides.present(self.side)
        return self._once(
            (what, at),
            lambda: incidence_differences(
                self._course, self._treated, present, at, CONTRASTS[what], plan, self._robust, self._order
            ),
        )

    def _gray(self) -> GrayTest:
        weight, cluster = self._weights
        return gray_test(
            self._course.time, self._course.causes, self._treated, present=self.sides.present(self.side),
            weight=weight, cluster=cluster, order=self._order,
        )  # fmt: skip

    def _fine_gray(self) -> tuple[Floats, Floats, Ints]:
        """Log subdistribution hazard ratio, its robust SE, and status."""
        fit = fine_gray(
            self._course.time, self._course.causes, self._treated[..., None].astype(np.float64),
            present=self.sides.present(self.side), weight=self._robust.weight, cluster=self._robust.cluster,
            order=self._order,
        )  # fmt: skip
        return _treatment(fit)

    def _competing_cox(self) -> tuple[Floats, Floats, Ints]:
        """Log cause-specific hazard ratio of competing events, its SE as that of the event's, and status."""
        weight, cluster = self._weights
        fit = statistics.cox(
            self._course.time, self._course.causes == OTHERS, self._treated[..., None].astype(np.float64),
            present=self.sides.present(self.side), weight=weight, cluster=cluster,
            ties=self.sides.block.sample.plan.survival.ties, order=self._order,
        )  # fmt: skip
        return _treatment(fit)


def _treatment(fit: statistics.CoxFit) -> tuple[Floats, Floats, Ints]:
    se = fit.se if fit.robust_se is None else fit.robust_se
    return fit.beta[:, 0], se[:, 0], fit.status


def _part(found: Points | Differences, name: str) -> Floats:
    """The limit or p of that name, else the number itself."""
    numbers: Floats = getattr(found, name if name in ("low", "high", "p") else "value")
    return numbers


def competing_number(analysis: Mapping[str, Any], steps: tuple[Step, ...]) -> float | None:
    """The number at a key of competing events in the JSON of one cohort's analysis, NaN for null; None for other keys.

    KeyError where there is none. The p of a contrast is Wald's; time lost is told up to the last of the times.
    """
    if len(steps) < 4 or steps[0].name != "endpoints" or steps[3].name not in COMPETING:
        return None
    here: Any = (analysis["endpoints"][steps[1].name]["competing"] or {})[steps[2].name]
    first, last = steps[3], steps[-1]
    at = next((float(step.element) for step in steps[3:] if step.element is not None), None)
    if at is not None:
        rows = {row["at"]: row for row in here["at"]}
        if at not in rows or (first.name.startswith("time_lost") and at != here["at"][-1]["at"]):
            raise KeyError(first.name)
        here = here if first.name.startswith("time_lost") else rows[at]
    here = here[IN_JSON.get(first.name, first.name)]
    for step in steps[4:]:
        if step.name in ARMS:
            here = here[step.name]
    if at is not None and last.name == "p":
        return _wald(here, first.name == "incidence_ratio")
    if isinstance(here, dict):
        here = here["value" if last.element is not None else last.name]
    return float("nan") if here is None else float(here)


def _wald(contrast: Mapping[str, float | None], ratio: bool) -> float:
    value, se = contrast["value"], contrast["se"]
    if value is None or se is None:
        return float("nan")
    return float(2 * ndtr(-abs(log(value) if ratio else value) / se))
