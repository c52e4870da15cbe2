"""The plan of stratification by a propensity score."""

from typing import Annotated

from pydantic import Field

from simulator.documents.spec import Spec


class StratificationPlan(Spec):
    """Into how many ``strata`` the patients are divided, between the quantiles of their propensity scores."""

    strata: Annotated[int, Field(ge=2, le=20)] = 5
