"""A slow table of event times: one look at the whole cohort for each."""

from dataclasses import dataclass

import numpy as np

from simulator.numerics.arrays import Bools, Floats, Ints


@dataclass(frozen=True)
class Table:
    """A row per distinct event time: the last stratum first (numbered from 0), in it the latest time first.

    ``at_risk`` and ``dead`` are numbers of patients, ``sums`` and ``dead_sums (M, P)`` the sums of their covariates.
    """

    time: Floats
    at_risk: Ints
    dead: Ints
    stratum: Ints
    sums: Floats
    dead_sums: Floats


def table(time: Floats, event: Bools, x: Floats, present: Bools, stratum: Ints) -> Table:
    """The event times of the present patients: at risk at t is who is followed to t or beyond."""
    rows = []
    for number, s in enumerate(np.unique(stratum[present])[::-1]):
        inside = present & (stratum == s)
        for t in np.unique(time[inside & event])[::-1]:
            at_risk = inside & (time >= t)
            dead = inside & event & (time == t)
            rows.append((t, at_risk.sum(), dead.sum(), number, x[at_risk].sum(axis=0), x[dead].sum(axis=0)))
    return Table(*(np.array(column) for column in zip(*rows, strict=True)))
