"""Delayed start: the treatment of the treated arm begins after a waiting time, the root of immortal time bias.

A patient assigned to treatment is in every respect untreated until the wait w is over: with cumulative hazards H0 and
H1 of the two arms, an event whose unit exponential is worth e0 and e1 of them comes at H0^-1(e0) if that is not after
w, else at H1^-1(H1(w) + e1 - H0(w) e1 / e0). Drop-out changes its hazard at w as well. Steps of an effect are counted
from time zero, not from the start.

Where arm sizes are fixed, it is the assignment that has the exact share, and the study takes patients by the treatment
that they got: ``entry.screened`` above 1 gives the treated arm someone to take in the place of who never starts.

Who dies or leaves follow-up before the start never gets the treatment: such a patient is, in all that is recorded, the
untreated one, and is observed as untreated. Arm 1 of the potential outcomes is the course under *assignment* to
treatment with this wait. The truth under a start at time zero is that of the same world with ``start: null``: its
patients and their luck are the same.
"""

from typing import ClassVar

import numpy as np

from simulator.documents.spec import Name
from simulator.mechanisms.contract import Doubts, Mechanism, Misleads, Naming
from simulator.mechanisms.graph import Course
from simulator.mechanisms.hazards import Hazard, HazardSpec
from simulator.numerics.arrays import Bools, Floats
from simulator.numerics.elementary import choose
from simulator.numerics.streams import Luck


class TreatmentStart(Mechanism):
    """The hazard of starting, from time zero on; who enters one of the states ``prevented_by`` first never starts."""

    words: ClassVar[str] = "treatment that starts late"
    naming: ClassVar[Naming] = {"prevented_by": "state"}
    misleads: ClassVar[Misleads] = {"": ("start", "late start of treatment")}
    doubts: ClassVar[Doubts] = {
        "immortal time: treatment starts after a wait; whoever dies before counts as untreated": (
            "treatment: {start: {wait: {kind: exponential, rate: 0.5}}}"
        )
    }

    wait: HazardSpec
    prevented_by: tuple[Name, ...] = ()

    def draw(self, luck: Luck) -> Floats:
        """The time ``(R, N)`` from time zero to the start in whoever lives to see it; +inf if it never comes."""
        return self.wait.pieces().time(luck.exponential("treatment start"))


def switched(
    hazards: tuple[Hazard, Hazard], exposure: tuple[Floats, Floats], at: Floats, since: Floats | None = None
) -> Floats:
    """Event times ``(R, N)`` when the second hazard takes the place of the first ``at`` a patient's own time.

    ``exposure`` is the patient's unit exponential divided by the multiplier of either hazard. Both hazards begin to
    count at the finite times ``since (R, N)``, at zero unless stated.
    """
    first, second = hazards
    finite = np.isfinite(at)
    place = np.where(finite, at, 0.0)
    begun = 0.0 if since is None else first.cumulative(since)
    if since is not None:
        place = np.maximum(place, since)
    spent = first.cumulative(place) - begun
    with np.errstate(divide="ignore", invalid="ignore"):
        exchange = exposure[1] / exposure[0]
        left = exposure[1] - np.where(spent > 0.0, spent * np.where(np.isfinite(exchange), exchange, 1.0), 0.0)
    late = finite & ((exposure[0] > spent) | (place == (0.0 if since is None else since)))
    after = second.time(np.where(late, second.cumulative(place) + left, 1.0))
    return np.where(late, np.maximum(after, place), first.time(exposure[0] + begun))


def on_reset_clock(entered: Floats, wait: Floats) -> Floats:
    """When the start comes on the clock that entering a state sets to zero ``(R, N)``; 0 if it came before."""
    early = (entered <= wait) & np.isfinite(entered)
    return np.subtract(wait, entered, where=early, out=np.zeros(wait.shape))


def begins(spec: TreatmentStart, wait: Floats, course: Course, censoring: Floats) -> Bools:
    """Who, assigned to treatment, starts it ``(R, N)``: before course and follow-up end, and before what prevents it.

    ``course`` and ``censoring`` are those under assignment to treatment.
    """
    ready: Bools = wait < np.minimum(course.end, censoring)
    for state in spec.prevented_by:
        ready = ready & (wait < course.entered[state])
    return ready


def seen_course(wait: Floats, one: Course, by_zero: Course, by_one: Course) -> Course:
    """The course ``one`` as it is seen: at the untreated visits where a state was entered before the start."""
    seen = {
        state: choose(time <= wait, by_zero.entered[state], by_one.entered[state])
        for state, time in one.entered.items()
        if by_zero.entered[state] is not by_one.entered[state]
    }
    return Course(one.graph, {**one.entered, **seen})
