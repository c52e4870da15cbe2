"""The fit of a twin: published numbers against simulated ones, each in its own sampling standard deviations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.style import (
    CONTROL,
    DOUBLE,
    GREY,
    INK,
    LINE,
    PALE,
    PHONE,
    SMALL,
    TREATED,
    ending,
    fitted,
    frame,
    gutter,
    house,
    inches,
    key,
    key_rows,
    name_above,
    name_rows,
    sheet,
    width_of,
)
from simulator.numerics.arrays import Bools, Floats

FAR = 4.0
CENTRAL = 1.959964
ROW, NARROW_ROW, LABELS = 0.42, 0.6, 2.4
WITHIN = "where 95 of 100 simulated studies lie"
START = "from before calibration"
DISTANCE = "printed minus simulated, SDs"
CountsByPlace: TypeAlias = Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class FittedNumber:
    """A published number: where it is printed, what it is, and its distance from the simulated in sampling SDs.

    ``start`` is the distance before calibration, NaN for none.
    """

    place: str
    name: str
    distance: float
    start: float = float("nan")


def distance_of(printed: float, median: float, low: float, high: float) -> float:
    """A printed number's distance from the median of the replicates, on the side's half of their central 95 %, in SDs.

    NaN where all replicates agree or one of the numbers is not finite.
    """
    half = (high - median if printed >= median else median - low) / CENTRAL
    if not np.isfinite([printed, median, half]).all():
        return float("nan")
    return 0.0 if printed == median else (printed - median) / half if half > 0 else float("nan")


@house
def calibration_fit(
    axes: Axes, numbers: Sequence[FittedNumber], counts: CountsByPlace | None = None, narrow: bool = False
) -> None:
    """Draw every number as a dot in the row of its place, beside ``counts`` by place or those of the dots themselves.

    Those beyond the central 95 % are named as far as there is room.
    The rows' own names stand beside them, where the figure is ``narrow`` above them. What lies farther than `FAR`
    stands at the edge as an arrow. A pale line comes from where calibration started.
    """
    frame(axes, "bottom")
    width, _ = inches(axes)
    places = list(dict.fromkeys(one.place for one in numbers))
    known = [one for one in numbers if np.isfinite(one.distance)]
    axes.axvspan(-CENTRAL, CENTRAL, color="#eef1f4", linewidth=0, zorder=0)
    axes.axvline(0.0, color=GREY, linewidth=0.7, zorder=1)
    at = _spread(known, places, 0.05 * 2 * FAR / width)
    x = np.clip([one.distance for one in known], -FAR, FAR)
    start = np.clip([one.start for one in known], -FAR, FAR)
    gap = np.full(len(known), np.nan)
    moved = np.column_stack([start, x, gap]).ravel()
    if np.isfinite(start).any():
        axes.plot(moved, np.repeat(at, 3), color=PALE, linewidth=0.7, zorder=1, label=START)
    outside = np.abs([one.distance for one in known]) > CENTRAL
    beyond = np.abs([one.distance for one in known]) > FAR
    for which, face, marker, told in (
        (~outside, "white", "o", WITHIN),
        (outside & ~beyond, TREATED, "D", "outside"),
        (beyond & (x < 0), TREATED, "<", None),
        (beyond & (x > 0), TREATED, ">", None),
    ):
        if which.any():
            edge = CONTROL if face == "white" else TREATED
            axes.plot(
                x[which], at[which], linestyle="none", marker=marker, markersize=3.0, markerfacecolor=face,
                markeredgecolor=edge, markeredgewidth=0.6, label=told, clip_on=False,
            )  # fmt: skip
    drawn = {place: [abs(one.distance) <= CENTRAL for one in known if one.place == place] for place in places}
    counted = {place: (sum(inside), len(inside)) for place, inside in drawn.items()} | dict(counts or {})
    names = [f"{place} ({counted[place][0]} of {counted[place][1]})" for place in places]
    if narrow:
        name_above(axes, names)
    else:
        name_rows(axes, names, LABELS)
    axes.set_ylim(max(len(places), 1) - 0.5, -0.5)
    axes.set_xlim(-FAR, FAR)
    _name(axes, list(zip(known, x.tolist(), at.tolist(), strict=True)), outside)
    axes.set_xlabel(fitted(DISTANCE, width))
    key(axes, left=0.0 if narrow else 0.5)


def _spread(numbers: Sequence[FittedNumber], places: Sequence[str], least: float) -> Floats:
    """Heights ``(n,)`` around the rows so that dots less than ``least`` apart do not hide one another."""
    height = np.zeros(len(numbers))
    for row, place in enumerate(places):
        own = sorted((k for k, one in enumerate(numbers) if one.place == place), key=lambda k: numbers[k].distance)
        ends: list[float] = []
        lane: dict[int, int] = {}
        for k in own:
            free = next((i for i, end in enumerate(ends) if numbers[k].distance - end >= least), len(ends))
            ends[free : free + 1] = [numbers[k].distance]
            lane[k] = free
        step = min(0.11, 0.8 / max(len(ends), 1))
        for k, i in lane.items():
            height[k] = row + step * ((i + 1) // 2) * (-1) ** i
    return height


def _name(axes: Axes, spots: Sequence[tuple[FittedNumber, float, float]], outside: Bools) -> None:
    """Write the names of numbers outside, the farthest first, where they hit no dot and no other name."""
    (width, height), rows = inches(axes), axes.get_ylim()[0] + 0.5
    placed = [((x + FAR) / (2 * FAR) * width, (y + 0.5) / rows * height) for _, x, y in spots]
    taken = [(x - 0.03, y - 0.03, x + 0.03, y + 0.03) for x, y in placed]
    for k in sorted(np.flatnonzero(outside).tolist(), key=lambda k: -abs(spots[k][0].distance)):
        told, (x, y) = ending(spots[k][0].name, 1.7, SMALL), placed[k]
        wide = width_of(told, SMALL)
        for left, up in ((0.06, 0), (-0.06 - wide, 0), (-wide / 2, 0.11), (-wide / 2, -0.11), (0, 0.11), (-wide, 0.11)):
            box = (x + left, y + up - 0.05, x + left + wide, y + up + 0.05)
            hits = any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken)
            if not hits and box[0] >= 0 and box[2] <= width:
                axes.text(
                    box[0] / width, 1 - (y + up) / height, told, transform=axes.transAxes, fontsize=SMALL, color=INK,
                    va="center_baseline",
                )  # fmt: skip
                taken.append(box)
                break


@house
def calibration_fit_of(
    numbers: Sequence[FittedNumber], counts: CountsByPlace | None = None, narrow: bool = False
) -> Figure:
    """The fit at the width of two columns or of a telephone, a row for each place with how many lie inside.

    ``counts`` are those by place, of how many, where more or fewer are counted than drawn.
    """
    places = list(dict.fromkeys(one.place for one in numbers))
    width, row = (PHONE, NARROW_ROW) if narrow else (DOUBLE, ROW)
    left = 0.12 if narrow else gutter([f"{place} (000 of 000)" for place in places], LABELS)[1] + 0.12
    top = 0.12 + key_rows([START, WITHIN, "outside"], width - 0.3) * LINE * 1.05 if narrow else 0.3
    figure, (axes,) = sheet(width, row * max(len(places), 1) + 0.45 + top, left=left, bottom=0.4, top=top)
    calibration_fit(axes, numbers, counts, narrow)
    return figure
