"""Cure: a share of patients never progress nor die of the disease, so that survival levels off above zero.

A patient with uniform luck u is cured in an arm if u is below the share of that arm; both potential courses use the
same u. Of an arm with share c and the uncured's survival S0, survival is c + (1 - c) S0(t).
"""

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from simulator.documents.spec import Share, Spec
from simulator.numerics.arrays import Bools, Floats
from simulator.numerics.streams import Streams


class Cure(Spec):
    """The share of either arm who are cured from time zero on."""

    shares: dict[str, Share] = Field(min_length=2)


def cured(
    spec: Cure, arms: tuple[str, str], streams: Streams, replicates: NDArray[np.int64], patients: int
) -> tuple[Bools, Bools]:
    """Who is cured ``(R, N)`` in the course of either of the named arms."""
    luck: Floats = streams.uniform("cure", replicates, patients)
    return luck < spec.shares[arms[0]], luck < spec.shares[arms[1]]
