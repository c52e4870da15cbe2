"""The plan of weighting by a propensity score."""

from typing import Literal

from pydantic import model_validator

from simulator.documents.spec import Share, Spec

WeightTarget = Literal["att", "ate", "atc", "overlap", "matching"]


class WeightingPlan(Spec):
    """Whom the weighted cohort stands for: att, ate, atc, overlap (e (1 - e)) or matching (min(e, 1 - e)).

    ``stabilised`` multiplies the weights of ate by the share of the patient's own arm. ``trim`` drops patients whose
    score lies outside two bounds, with no new fit, and ``truncate`` brings weights within two of their quantiles.
    """

    target: WeightTarget = "att"
    stabilised: bool = False
    truncate: tuple[Share, Share] | None = None
    trim: tuple[Share, Share] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "WeightingPlan":
        if self.stabilised and self.target != "ate":
            raise ValueError("'stabilised' belongs to 'target: ate'")
        for name, pair in (("truncate", self.truncate), ("trim", self.trim)):
            if pair is not None and not pair[0] < pair[1]:
                raise ValueError(f"'{name}' is a low and a high bound, in this order")
        return self
