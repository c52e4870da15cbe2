"""Weights from a propensity score."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from simulator.cohort import Floats

Target = Literal["att", "ate", "atc", "overlap", "matching"]


def ipw(propensity: ArrayLike, treated: ArrayLike, target: Target = "att") -> Floats:
    """Weights ``(R, N)`` that turn the cohort into the target population, from the propensity e of each patient.

    att: 1 and e / (1 - e); atc: (1 - e) / e and 1; ate: 1 / e and 1 / (1 - e); overlap: 1 - e and e; matching:
    min(e, 1 - e) / e and min(e, 1 - e) / (1 - e), for treated and untreated (Li & Greene 2013; Li, Morgan & Zaslavsky
    2018). Infinite where a patient could not have been in the arm that the target needs.
    """
    e = np.asarray(propensity, dtype=np.float64)
    tilt = {"att": e, "atc": 1 - e, "ate": np.ones_like(e), "overlap": e * (1 - e), "matching": np.minimum(e, 1 - e)}
    with np.errstate(divide="ignore", invalid="ignore"):
        return tilt[target] / np.where(np.asarray(treated, dtype=np.bool_), e, 1 - e)
