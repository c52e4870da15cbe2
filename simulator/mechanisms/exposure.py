"""Exposure: how much of a treatment a patient receives, in whole cycles or in months.

With the luck of survival u and a luck of one's own v, both standard normal, an arm's amount is

    min(median x exp(spread x (link u + sqrt(1 - link^2) v)), most),

rounded to a whole number of at least 1 if the unit is whole, and no more than fits into life: floor(life /
months_per_unit) + 1 cycles, the first at time zero, or life / months_per_unit units of time. ``median``, ``spread`` and
``most`` are those of a long life; what is received is less, most of all where survival is short.
"""

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field, model_validator

from simulator.documents.spec import Label, NonNegative, Positive, Spec
from simulator.mechanisms.contract import Linked, Naming
from simulator.numerics.arrays import Floats
from simulator.numerics.elementary import exp


class Amount(Spec):
    """An arm's amount in a long life, in units: lognormal with this median and log-SD, capped at ``most``."""

    median: Positive
    spread: NonNegative
    most: Positive

    @model_validator(mode="after")
    def _consistent(self) -> "Amount":
        if self.most < self.median:
            raise ValueError(f"'most', {self.most:g}, is less than the median, {self.median:g}")
        return self


class Exposure(Linked):
    """The amount of one treatment in the arms that get it.

    ``link`` ties it to the luck of the transition that it ``follows``, the first of the course unless stated.
    """

    naming: ClassVar[Naming] = {"arms": "arm", "": "outcome", "follows": "hazard"}

    label: Label
    unit: Label
    months_per_unit: Positive
    whole: bool
    arms: Annotated[dict[str, Amount], Field(min_length=1)]
    link: Annotated[float, Field(ge=0, lt=1)]

    @model_validator(mode="after")
    def _consistent(self) -> "Exposure":
        for arm, amount in self.arms.items():
            if self.whole and (amount.most < 1 or amount.most != int(amount.most)):
                raise ValueError(f"arms.{arm}.most: {amount.most:g} is not a whole number of at least 1")
        return self


def amounts(spec: Exposure, arm: str, luck_normal: Floats, own_normal: Floats, life: Floats) -> Floats:
    """Units received ``(R, N)``, NaN in an arm without the treatment; ``life (R, N)`` in months, +inf for ever.

    ``luck_normal (R, N)`` is large in those who live long, ``own_normal (R, N)`` is independent of it.
    """
    if arm not in spec.arms:
        return np.full(life.shape, np.nan)
    amount = spec.arms[arm]
    latent = (amount.spread * spec.link) * luck_normal
    latent += (amount.spread * np.sqrt(1.0 - spec.link**2)) * own_normal
    received = exp(latent)
    received *= amount.median
    np.minimum(received, amount.most, out=received)
    fits = life if spec.months_per_unit == 1.0 else life / spec.months_per_unit
    if spec.whole:
        np.maximum(np.floor(received + 0.5, out=received), 1.0, out=received)
        fits = np.floor(fits)
        fits += 1.0
    return np.minimum(received, fits, out=received)
