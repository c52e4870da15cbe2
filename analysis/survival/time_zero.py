"""Remedies for immortal time: the rows that landmark, delayed entry and time-dependent exposure give to a Cox model.

``start (R, N)`` is the time from time zero to the start of treatment, +inf for never. An exposure counts from after its
start: an event at the very start belongs to the time before it.

References: Anderson, Cain & Gelber (1983), J Clin Oncol 1:710, landmark; Suissa (2008), Am J Epidemiol 167:492, the
bias and the time-dependent exposure.
"""

from dataclasses import dataclass

import numpy as np

from analysis.survival import statistics
from analysis.survival.statistics import CoxFit
from simulator.numerics.arrays import Bools, Floats

FROM_THE_FIRST = -1.0  # an entry before time zero: at risk at whatever happens at time zero, too


@dataclass(frozen=True)
class CountingRows:
    """Counting-process rows ``(R, M)`` of a block, M a multiple of the N patients: row m is of patient m modulo N.

    A row is at risk over (entry, time], or over all until time where there is no ``entry``. What rows that are not
    ``present`` hold is never read.
    """

    entry: Floats | None
    time: Floats
    event: Bools
    treated: Bools
    present: Bools

    def fit(
        self,
        covariates: Floats | None = None,
        *,
        weight: Floats | None = None,
        patients: int | None = None,
        ties: str = "efron",
    ) -> CoxFit:
        """The Cox model of treatment, first, and of ``covariates (R, N, P)``.

        SE are robust by patient if ``patients`` says how many there are; ``n`` counts rows, not patients.
        """
        x = self.treated[..., None].astype(np.float64)
        if covariates is not None:
            copies = x.shape[1] // covariates.shape[1]
            x = np.concatenate([x, np.tile(covariates, (1, copies, 1))], axis=-1)
        rows = np.arange(self.time.shape[1])
        return statistics.cox(
            self.time,
            self.event,
            x,
            present=self.present,
            entry=self.entry,
            weight=weight,
            cluster=None if patients is None else np.broadcast_to(rows % patients, self.time.shape),
            ties=ties,
        )


def landmark(time: Floats, event: Bools, start: Floats, present: Bools, at: float) -> CountingRows:
    """Patients at risk after the landmark ``at``, treated if they started by then; time is counted from there.

    Who had the event, or left follow-up, by the landmark is out; who starts later counts as untreated.
    """
    return CountingRows(None, time - at, event, start <= at, present & ~(time <= at))


def delayed_entry(time: Floats, event: Bools, start: Floats, present: Bools) -> CountingRows:
    """The treated at risk from their start on, the untreated from time zero: left truncation of the treated alone.

    What the treated lived through before their start counts in neither arm, so that deaths before a start, all of them
    among the untreated, stand against too small a risk set: the untreated hazard comes out too high.
    `time_dependent` has that time among the untreated.
    """
    treated = np.isfinite(start)
    begins = treated & (start > 0.0)
    entry = np.where(begins, start, FROM_THE_FIRST)
    return CountingRows(entry, time, event, treated, present & ~(begins & (start >= time)))


def time_dependent(time: Floats, event: Bools, start: Floats, present: Bools) -> CountingRows:
    """Two rows a patient ``(R, 2N)``: untreated over (0, start], then treated over (start, time]."""
    delayed = start > 0.0
    before = CountingRows(
        np.full(time.shape, FROM_THE_FIRST),
        np.minimum(start, time),
        event & (time <= start),
        np.zeros(time.shape, np.bool_),
        present & delayed,
    )
    after = CountingRows(
        np.where(delayed, start, FROM_THE_FIRST),
        time,
        event,
        np.ones(time.shape, np.bool_),
        present & ~(delayed & (start >= time)),
    )
    return stacked([before, after])


def stacked(parts: list[CountingRows]) -> CountingRows:
    """The rows of all parts, each of which has an entry, one part after another."""
    names = ("entry", "time", "event", "treated", "present")
    return CountingRows(*(np.concatenate([getattr(part, name) for part in parts], axis=1) for name in names))
