"""Subsequent therapy: what some patients get after progression, be it the other arm's treatment or a later line.

A patient with uniform luck u gets it in an arm if u is below the share of that arm; the hazard of death after
progression is then multiplied by exp(log_hr). The truth is that of the treatment policy, later therapy included.
"""

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from simulator.documents.spec import Share, Spec
from simulator.numerics.arrays import Floats
from simulator.numerics.streams import Streams


class Subsequent(Spec):
    """The share of either arm who get it once they have progressed, and its log hazard ratio of death from then on."""

    shares: dict[str, Share] = Field(min_length=2)
    log_hr: float


def death_log_hr(
    spec: Subsequent, arms: tuple[str, str], streams: Streams, replicates: NDArray[np.int64], patients: int
) -> tuple[Floats, Floats]:
    """What is added to the log hazard of death after progression ``(R, N)`` in either of the named arms."""
    luck = streams.uniform("subsequent therapy", replicates, patients)
    zero, one = (np.where(luck < spec.shares[arm], spec.log_hr, 0.0) for arm in arms)
    return zero, one
