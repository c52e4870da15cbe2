"""A function that a user might write."""

import numpy as np
import pandas as pd


def peto(cohort: pd.DataFrame) -> tuple[float, float] | None:
    """The one-step estimate of the log hazard ratio (untied times) and its SE."""
    data = cohort.sort_values("time")
    treated, event = data["treated"].to_numpy(), data["event"].to_numpy()
    share = treated[::-1].cumsum()[::-1] / np.arange(len(data), 0, -1)
    variance = (share * (1 - share))[event].sum()
    return ((treated - share)[event].sum() / variance, variance**-0.5) if variance > 0 else None


def doubled(cohort: pd.DataFrame) -> tuple[float, float] | None:
    """Twice the value of `peto`."""
    found = peto(cohort)
    return None if found is None else (2 * found[0], found[1])
