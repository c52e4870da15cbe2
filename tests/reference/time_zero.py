"""Rows for immortal time, one patient at a time, from their definitions. Slow and readable.

A row is (patient, entry, time, event, treated, weight); an entry of None stands for at risk from the first.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple


class Row(NamedTuple):
    """Time at risk of one patient, or of one clone."""

    patient: int
    entry: float | None
    time: float
    event: bool
    treated: bool
    weight: float = 1.0


class Patient(NamedTuple):
    """What is known of a patient; ``start`` is infinite in who never starts."""

    time: float
    event: bool
    start: float


def landmark(patients: Sequence[Patient], at: float) -> list[Row]:
    """Those still at risk after the landmark, time counted from there."""
    return [Row(i, None, p.time - at, p.event, p.start <= at) for i, p in enumerate(patients) if p.time > at]


def delayed_entry(patients: Sequence[Patient]) -> list[Row]:
    """The treated from their start on."""
    rows = []
    for i, p in enumerate(patients):
        if p.start == math.inf:
            rows.append(Row(i, None, p.time, p.event, False))
        elif p.start == 0:
            rows.append(Row(i, None, p.time, p.event, True))
        elif p.start < p.time:
            rows.append(Row(i, p.start, p.time, p.event, True))
    return rows


def time_dependent(patients: Sequence[Patient]) -> list[Row]:
    """Untreated until the start, treated after it."""
    rows = []
    for i, p in enumerate(patients):
        if p.start == 0:
            rows.append(Row(i, None, p.time, p.event, True))
        elif p.start < p.time:
            rows.append(Row(i, None, p.start, False, False))
            rows.append(Row(i, p.start, p.time, p.event, True))
        else:
            rows.append(Row(i, None, p.time, p.event, False))
    return rows


def clones(
    patients: Sequence[Patient],
    grace: float,
    parts: int,
    at_zero: Sequence[float],
    log_hazard: Sequence[float],
    started: Sequence[float],
) -> list[Row]:
    """Both clones of every patient, with weights from three models.

    ``at_zero``: probability of a start at time zero; ``log_hazard``: a patient's log hazard ratio of starting later,
    whose baseline is constant in each of the equal parts of grace; ``started``: probability of a start by its end.
    """
    edges = [grace * k / parts for k in range(parts + 1)] if grace > 0 else [0.0]
    baseline = []
    for low, high in pairwise(edges):
        starts, lived = 0, 0.0
        for i, p in enumerate(patients):
            if p.start == 0:
                continue
            leaves = min(p.start, p.time, grace)
            starts += p.start < p.time and low < p.start <= high
            lived += max(min(leaves, high) - low, 0.0) * math.exp(log_hazard[i])
        baseline.append(starts / lived if lived > 0 else 0.0)
    rows = []
    for i, p in enumerate(patients):
        if p.start > 0:
            departs = p.start <= grace and p.start < p.time
            end, event = (p.start, False) if departs else (p.time, p.event)
            for k, low in enumerate(edges):
                high = edges[k + 1] if k + 1 < len(edges) else math.inf
                if end <= low and k > 0:
                    continue
                before = sum(baseline[j] * (edges[j + 1] - edges[j]) for j in range(min(k, len(baseline))))
                here = baseline[k] * (high - low) / 2 if k < len(baseline) else 0.0
                weight = math.exp((before + here) * math.exp(log_hazard[i])) / (1 - at_zero[i])
                rows.append(Row(i, low or None, min(end, high), event and end <= high, False, weight))
        if grace > 0:
            rows.append(Row(i, None, min(p.time, grace), p.event and p.time <= grace, True))
        if p.start <= grace and (p.time > grace or grace == 0):
            rows.append(Row(i, grace or None, p.time, p.event, True, 1 / started[i]))
    return rows
