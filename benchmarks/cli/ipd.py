"""`trialtwin ipd`: the patients behind a digitised curve, written to a file, and how well they fit what is printed."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from analysis.survival.reconstruct import DigitisedCurve, Reconstruction, RiskInterval, reconstruct
from analysis.tables.table_files import safe_cell
from analysis.tables.text_table import TextTable, table
from benchmarks.asked.errors import RunError
from benchmarks.pasted.curve_files import MOST_PATIENTS, DigitisedArm, read_curve_file
from benchmarks.words.answer import Answer, write_page
from benchmarks.words.sizes import counted

ABOUT = (
    "Guyot and colleagues, BMC Med Res Methodol 2012;12:9. Patients with an event are known as well as the curve is; "
    "when others were censored between two numbers at risk is assumed (evenly)."
)
Reconstructed = Sequence[tuple[DigitisedArm, Reconstruction]]


def ipd(curve: Path, total_events: Sequence[str], patients: Sequence[str], out: Path) -> Answer:
    """The patients of each arm written to a file; RunError or DocumentError where that cannot be."""
    if out.suffix != ".csv":
        raise RunError(f"{out}: end the name in .csv")
    if out.absolute() == curve.absolute():
        raise RunError(f"{out}: is the curve; write the patients to another file")
    read = read_curve_file(curve)
    labels = [arm.arm for arm in read.arms]
    totals, sizes = _by_arm("--total-events", total_events, labels), _by_arm("--patients", patients, labels)
    found = [(arm, _reconstructed(read.name, arm, sizes, totals.get(arm.arm))) for arm in read.arms]
    write_page(out, _as_csv(found))
    shown = tuple(_table(arm.arm, made) for arm, made in found)
    notes = (*_unmatched(found, totals), *(f"{read.name}: {note}." for note in read.notes), *_drawn_on(found), ABOUT)
    return Answer(_data(found, totals, out, read.notes), _verdict(found), shown, notes, (str(out),), found=tuple(found))


def _by_arm(option: str, given: Sequence[str], labels: Sequence[str]) -> dict[str, int]:
    """Counts by arm; RunError says what is wrong with one."""
    known, counts = {label.casefold(): label for label in labels}, {}
    for text in given:
        label, _, number = text.rpartition("=")
        arm = known.get(label.strip().casefold())
        if arm is None:
            raise RunError(f"{option} {text}: the arms are {', '.join(labels)}; write {option} {labels[0]}=100")
        if not (number.strip().isascii() and number.strip().isdigit() and int(number) <= MOST_PATIENTS):
            raise RunError(f"{option} {text}: {number!r} is no count from 0 to {MOST_PATIENTS:,}")
        if arm in counts:
            raise RunError(f"{option} {text}: {arm} is given twice")
        counts[arm] = int(number)
    return counts


def _reconstructed(file: str, arm: DigitisedArm, sizes: Mapping[str, int], total: int | None) -> Reconstruction:
    """The patients of an arm; RunError where nobody says how many they are."""
    at_risk, size = dict(arm.at_risk), sizes.get(arm.arm)
    if size is not None and at_risk.setdefault(0.0, size) != size:
        raise RunError(f"--patients {arm.arm}={size}: {file} has {at_risk[0.0]} at risk at time 0; leave one out")
    first = at_risk.get(0.0, 0)
    if first < 1:
        why = "has nobody at risk at time 0" if 0.0 in at_risk else "has no number at risk at time 0"
        raise RunError(f"{file}: arm {arm.arm} {why}; add one, or give --patients {arm.arm}=N")
    if first < max(at_risk.values()):
        raise RunError(f"--patients {arm.arm}={first}: {max(at_risk.values())} are at risk later on in {file}")
    if total is not None and total > first:
        raise RunError(f"--total-events {arm.arm}={total}: the arm has {first} patients")
    times = sorted(at_risk)
    risk = np.array([at_risk[time] for time in times], np.int64)
    return reconstruct(DigitisedCurve(np.array(arm.time), np.array(arm.survival), np.array(times), risk), total)


def _as_csv(found: Reconstructed) -> str:
    """One line per patient: id, arm, time, event."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["id", "arm", "time", "event"])
    number = 0
    for arm, made in found:
        label = safe_cell(arm.arm)
        for time, event in zip(made.time.tolist(), made.event.tolist(), strict=True):
            number += 1
            writer.writerow([number, label, f"{time:.10g}", int(event)])
    return out.getvalue()


def _verdict(found: Reconstructed) -> str:
    """How many patients and events there are, how near the curve is, and where it and the table part."""
    counts = "; ".join(f"{arm.arm}: {len(made.time):,} patients, {made.events:,} events" for arm, made in found)
    arm, worst = max(found, key=lambda one: one[1].distance)
    near = (
        f"The curve of these patients lies at most {100 * worst.distance:.1f} of 100 patients from a digitised point "
        f"({arm.arm} at {worst.farthest:.4g})."
    )
    apart = [(arm.arm, one) for arm, made in found for one in made.intervals if one.excess]
    strong = [(label, one) for label, one in apart if one.contradicts]
    if not apart:
        return f"{counts}.\n{near}\nEvery printed number at risk is met."
    if not strong:
        most = max(abs(one.excess) for _, one in apart)
        met = f"Printed numbers at risk are met within {counted(most, 'patient')}, which digitising explains."
        return f"{counts}.\n{near}\n{met}"
    told = "; ".join(f"{label} at {one.start:g}: {_apart(one)}" for label, one in strong[:4])
    more = f"; and {len(strong) - 4} more" if len(strong) > 4 else ""
    return f"{counts}.\n{near}\nCurve and numbers at risk contradict each other. {told}{more}. The curve was followed."


def _apart(one: RiskInterval) -> str:
    return f"{one.printed} printed, {one.at_risk} left by the curve"


def _unmatched(found: Reconstructed, totals: Mapping[str, int]) -> list[str]:
    """Printed totals of events that the curve does not have."""
    return [
        f"{arm.arm}: {totals[arm.arm]} events are given and {made.events} reconstructed; no censoring after the last "
        "number at risk brings them together."
        for arm, made in found
        if arm.arm in totals and made.events != totals[arm.arm]
    ]


def _drawn_on(found: Reconstructed) -> list[str]:
    """Curves that end before their numbers at risk do."""
    return [
        f"{arm.arm}: the last point is at {arm.last:g}; the curve was drawn on, level, to {made.intervals[-1].end:g}, "
        "where patients are at risk."
        for arm, made in found
        if made.extended
    ]


def _table(label: str, made: Reconstruction) -> TextTable:
    """The intervals of an arm."""
    rows = [
        (
            f"{one.start:g} to {one.end:.4g}",
            *map(str, (one.printed, one.at_risk)),
            f"{one.excess:+d}" if one.excess else "0",
            *map(str, (one.deaths, one.censored)),
        )
        for one in made.intervals
    ]
    heads = ("time", "at risk, printed", "reconstructed", "difference", "events", "censored")
    return table(f"Patients of {label}", heads, rows)


def _data(found: Reconstructed, totals: Mapping[str, int], out: Path, notes: Sequence[str]) -> dict[str, Any]:
    """The JSON document."""
    arms = [
        {
            "arm": arm.arm,
            "patients": len(made.time),
            "events": made.events,
            "total_events": totals.get(arm.arm),
            "distance": made.distance,
            "farthest": made.farthest,
            "intervals": [
                {
                    "start": one.start,
                    "end": one.end,
                    "printed": one.printed,
                    "at_risk": one.at_risk,
                    "deaths": one.deaths,
                    "censored": one.censored,
                    "excess": one.excess,
                    "contradicts": one.contradicts,
                }
                for one in made.intervals
            ],
        }
        for arm, made in found
    ]
    return {"files": [out], "arms": arms, "notes": list(notes)}
