"""A yes/no outcome whose log odds follow covariates and treatment, such as a major complication.

In an arm with the intercept a, a patient has it with the probability ``expit(a + sum of log_odds x term)``, to which in
the treated arm are added the modifiers' terms. The intercept is the one whose mean probability over the reference
patients, were all of them given that arm, is the arm's risk; where `log_or` states what treatment adds, the treated
arm's is the control's plus that. Log odds ratios are conditional on the terms: the odds ratio of the risks is nearer 1.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from scipy.special import ndtr

from simulator.documents.spec import Label, Share
from simulator.mechanisms.contract import Around, BothArms, Followed, Linked, Naming, Recording
from simulator.mechanisms.treatment import intercept_for, probability
from simulator.numerics.arrays import Floats
from simulator.numerics.elementary import normal_quantile


class LogisticOutcome(Linked):
    """The risk in either arm, were all patients given it, or that of the control with the log odds ratio ``log_or`` of
    treatment; what covariates add to the log odds of both arms, and ``modifiers`` to those of the treated.

    ``link`` is the latent normal correlation with the luck of the transition that it ``follows``, the last of the
    course unless stated: above 0, who has it late has the outcome more often; below, less.
    """

    naming: ClassVar[Naming] = {"risk": "arm", "": "yes/no", "follows": "hazard"}
    coefficients: ClassVar[tuple[str, ...]] = ("log_odds", "modifiers")
    recorded_only: ClassVar[bool] = True

    kind: Literal["logistic"]
    label: Label
    risk: dict[str, Share]
    log_or: float | None = None
    log_odds: dict[str, float] = Field(default_factory=dict)
    modifiers: dict[str, float] = Field(default_factory=dict)
    link: Annotated[float, Field(gt=-1, lt=1)] = 0.0

    def unfit(self, around: Around) -> Iterator[tuple[str, str]]:
        """Where the risk of an arm is stated twice, or not at all."""
        yield from super().unfit(around)
        control, treated = around.arms
        if control not in self.risk or (treated not in self.risk) != (self.log_or is not None):
            yield "risk", f"needs {control} and {treated}, or {control} alone with a 'log_or' of treatment"

    def changes(self, endpoint: str, around: Around) -> bool:
        """Whether it is this outcome, and treatment works on it."""
        own = any(part is self and place.rpartition(".")[2] == endpoint for place, part in around.parts.items())
        works = bool(self.log_or) or any(self.modifiers.values()) or (self.log_or is None and around.unlike(self.risk))
        return own and around.courses[0] != around.courses[1] and works

    def recording(self, place: str, courses: tuple[str, str], reference: Mapping[str, Floats]) -> Recording:
        """Who has it, by its name."""
        return partial(_recorded, self, place, courses[0] != courses[1], self.intercepts(place, courses, reference))

    def intercepts(self, place: str, courses: tuple[str, str], reference: Mapping[str, Floats]) -> tuple[float, float]:
        """The intercepts of both courses, from the linear predictors ``(M,)`` of the reference patients."""
        sums = reference[f"{place}.log_odds"]
        zero = intercept_for(self.risk[courses[0]], sums)
        if courses[0] == courses[1]:
            return zero, zero
        if self.log_or is not None:
            return zero, zero + self.log_or
        return zero, intercept_for(self.risk[courses[1]], sums + reference[f"{place}.modifiers"])


def _recorded(
    spec: LogisticOutcome, place: str, works: bool, intercepts: tuple[float, float], patients: Followed
) -> dict[str, BothArms]:
    name, sums = place.rpartition(".")[2], patients.linear[f"{place}.log_odds"]
    luck = patients.luck.uniform(f"binary/{name}")
    if spec.link:
        late = patients.late(spec.follows or patients.transitions[-1])
        luck = ndtr(np.sqrt(1.0 - spec.link**2) * normal_quantile(luck) - spec.link * late)
    treated = sums + patients.linear[f"{place}.modifiers"] if works else sums
    return {name: (luck < probability(intercepts[0] + sums), luck < probability(intercepts[1] + treated))}
