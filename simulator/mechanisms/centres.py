"""Centres: patients of one centre share unmeasured circumstances, drawn anew for every replicate.

The log odds of treatment and the log hazard of each named transition of a patient in centre c are raised by
``sd x normal(c)``, independently between centres, places and replicates.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from simulator.documents.spec import Name, NonNegative, Spec
from simulator.numerics.arrays import Floats
from simulator.numerics.streams import Streams

CentrePlace = Literal["treatment", "progression", "death", "death_after_progression"]


class Centres(Spec):
    """The levels of a covariate are centres; ``sd`` are the standard deviations of their random effects."""

    covariate: Name
    sd: dict[CentrePlace, NonNegative] = Field(min_length=1)


def shifts(
    spec: Centres, centre: Floats, centres: int, streams: Streams, replicates: NDArray[np.int64]
) -> dict[str, Floats]:
    """What is added to each named linear predictor ``(R, N)``, for the patients' ``centre (R, N)`` as a position."""
    own = centre.astype(np.int64)
    return {
        place: sd * np.take_along_axis(streams.normal(f"centre/{place}", replicates, centres), own, axis=1)
        for place, sd in spec.sd.items()
    }
