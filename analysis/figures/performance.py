"""Figures of a simulation: performance with its Monte Carlo error, and where replicates and their intervals lie.

Morris, White & Crowther (2019), Statistics in Medicine 38:2074, Figures 4 and 5 (estimates against SE, zipper).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.figures.style import (
    CONTROL,
    CONTROL_PALE,
    DOUBLE,
    GREY,
    INK,
    LINE,
    PALE,
    PHONE,
    SINGLE,
    SMALL,
    TEXT,
    TREATED,
    fitted,
    frame,
    gutter,
    house,
    inches,
    key,
    name_rows,
    sheet,
    width_of,
)
from analysis.figures.style import title as heading
from simulator.numerics.arrays import Floats

MARKS = 1000
"""At most so many replicates are drawn in a figure: evenly spaced ones of all."""
HELD = "#a3a9b0"
ROW = 0.2
LABELS = 1.7
ACROSS, DOWN = 5, 0.95
"""Panels side by side, and inches between their rows."""


@house
def lollipop(
    axes: Axes, names: Sequence[str], values: Sequence[float], errors: Sequence[float], reference: float, label: str,
    within: tuple[float, float] = (-np.inf, np.inf), *, above: bool = False,
) -> None:  # fmt: skip
    """Draw a measure of each estimator as a stalk from its ``reference``, with whiskers of 1.96 Monte Carlo SE.

    Whiskers end at the bounds ``within`` which the measure lies. Names stand left of their rows, or ``above`` them.
    """
    frame(axes, "bottom")
    places, shown = np.arange(len(names)), np.asarray(values, dtype=np.float64)
    spread = 1.96 * np.nan_to_num(np.asarray(errors, dtype=np.float64))
    ends = np.clip(np.stack([shown - spread, shown + spread]), *within)
    axes.axvline(reference, color=INK, linewidth=0.7, linestyle=(0, (4, 2)))
    gap = np.full(len(names), np.nan)
    stalks = np.column_stack([np.full(len(names), reference), shown, gap]).ravel()
    axes.plot(stalks, np.repeat(places, 3), color=PALE, linewidth=3.0, solid_capstyle="butt")
    axes.errorbar(
        shown, places, xerr=np.abs(ends - shown), fmt="o", color=CONTROL, markersize=4, capsize=2, elinewidth=1.0
    )
    if above:
        for place, name in enumerate(names):
            told = fitted(name, inches(axes)[0])
            axes.text(0, place - 0.3, told, transform=axes.get_yaxis_transform(), va="center_baseline", fontsize=TEXT)
        axes.set_yticks([])
    else:
        name_rows(axes, names, LABELS)
    axes.set_ylim(max(len(names), 1) - 0.4, -0.6)
    axes.margins(x=0.08)
    axes.xaxis.set_major_locator(MaxNLocator(max(2, int(inches(axes)[0] / 0.6))))
    least, most = axes.get_xlim()
    axes.set_xlim(least, most)
    axes.set_xticks([float(x) for x in axes.get_xticks() if max(least, within[0]) <= x <= min(most, within[1])])
    axes.set_xlabel(fitted(label, inches(axes)[0] + 0.1))


@house
def ridge(
    axes: Axes, estimates: Mapping[str, Floats], truths: Mapping[str, float], label: str, published: float | None
) -> None:
    """Draw the density of each estimator's replicates, its truth as a bar, a published value as a dashed line.

    NaN estimates are left out; an estimator with fewer than two has an empty row. The frame holds what most rows need:
    a much wider row is cut off, and a published value far outside is told at the edge.
    """
    frame(axes, "bottom")
    names, reach = list(estimates), list[tuple[float, float]]()
    for place, name in enumerate(names):
        known = estimates[name][np.isfinite(estimates[name])]
        if len(known) > 1 and np.ptp(known) > 0:
            at, density = _density(known)
            reach.append((float(at[0]), float(at[-1])))
            axes.fill_between(
                at,
                place,
                place - 0.85 * density / density.max(),
                facecolor=CONTROL_PALE,
                edgecolor=CONTROL,
                linewidth=0.7,
            )
        truth = truths.get(name, np.nan)
        if np.isfinite(truth):
            told = None if any(line.get_label() == "truth" for line in axes.lines) else "truth"
            axes.plot(
                [truth] * 2, [place, place - 0.9], color=TREATED, linewidth=2.2, solid_capstyle="butt", label=told
            )
    far, least, most = float("nan"), 0.0, 1.0
    if reach:
        least, most, cut = _frame_of(reach, [x for x in truths.values() if np.isfinite(x)])
        label += " (wider rows are cut off)" if cut else ""
        if published is not None and np.isfinite(published):
            room = 0.35 * (most - least)
            if least - room <= published <= most + room:
                least, most = min(least, published - 0.02 * room), max(most, published + 0.02 * room)
            else:
                far = published
        axes.set_xlim(least, most)
    if np.isfinite(far):
        edge, side, told = (0.0, "left", "← published {:.2f}") if far < least else (1.0, "right", "published {:.2f} →")
        axes.text(
            edge,
            -0.98,
            told.format(far).replace("-", "−"),
            transform=axes.get_yaxis_transform(),
            ha=side,
            fontsize=SMALL,
            va="top",
        )
    elif published is not None and np.isfinite(published):
        axes.axvline(published, color=INK, linewidth=0.9, linestyle=(0, (4, 2)), label="published")
    name_rows(axes, names, LABELS)
    axes.set_ylim(max(len(names), 1) - 0.85, -1.0)
    axes.set_xlabel(fitted(label, inches(axes)[0] + 0.1))
    key(axes, rows=1)


def _frame_of(reach: Sequence[tuple[float, float]], truths: Sequence[float]) -> tuple[float, float, bool]:
    """From where to where most rows reach, at most three usual widths from their middle, and whether any is cut."""
    ends = np.asarray(reach)
    middle, usual = float(np.median(ends)), float(np.median(ends[:, 1] - ends[:, 0]))
    least, most = float(ends.min()), float(ends.max())
    low, high = max(least, middle - 1.5 * usual), min(most, middle + 1.5 * usual)
    low, high = min([low, *truths]), max([high, *truths])
    room = 0.02 * (high - low)
    return low - room, high + room, least < low or most > high


def _density(values: Floats) -> tuple[Floats, Floats]:
    """A kernel estimate by Silverman's rule, on bins so narrow that any number of replicates costs the same."""
    spread = np.subtract(*np.quantile(values, [0.75, 0.25])) / 1.34
    width = 1.06 * (min(values.std(ddof=1), spread) or values.std(ddof=1)) * len(values) ** -0.2
    least, most = (float(one) for one in np.quantile(values, [0.002, 0.998]))
    at = np.linspace(least - 3 * width, most + 3 * width, 121)
    count, ends = np.histogram(values, bins=1000, range=(float(values.min()), float(values.max())))
    middle = (ends[1:] + ends[:-1]) / 2
    return at, np.asarray(np.exp(-0.5 * ((at[:, None] - middle) / width) ** 2) @ count)


@house
def zipper(
    axes: Axes, low: Floats, high: Floats, truth: float, *, title: str, label: str, most: int = MARKS,
    level: float = 0.95,
) -> None:  # fmt: skip
    """Draw intervals against the truth by their distance from it, the farthest on top; those that miss it stand out.

    A line marks the ``level`` of the intervals: so many should hold it. Of more than ``most`` evenly spaced ones are
    drawn, as the note says; the height is the centile among all.
    """
    frame(axes, "left", "bottom")
    known = np.isfinite(low) & np.isfinite(high)
    low, high = low[known], high[known]
    with np.errstate(divide="ignore", invalid="ignore"):
        far = np.nan_to_num(np.abs((low + high) / 2 - truth) / (high - low))
    order = np.argsort(far, kind="stable")
    take = _evenly(len(order), most)
    rows, centile = order[take], 100 * (take + 0.5) / max(len(order), 1)
    held = (low[rows] <= truth) & (truth <= high[rows])
    for which, colour, wide, told in ((held, HELD, 0.5, "holds the truth"), (~held, TREATED, 1.1, "misses it")):
        if which.any():
            x, y = _segments(low[rows][which], high[rows][which], centile[which])
            axes.plot(x, y, color=colour, linewidth=wide, solid_capstyle="butt", label=told)
    axes.axvline(truth, color="black", linewidth=0.8)
    mark = 100 * level
    axes.axhline(mark, color="black", linewidth=0.7, linestyle=(0, (1, 1.5)))
    axes.set_ylim(0, 100)
    ticks = [tick for tick in (0.0, 25.0, 50.0, 75.0) if mark - tick > 8] + [mark]
    axes.set_yticks(ticks, [f"{tick:.4g}" for tick in ticks])
    axes.xaxis.set_major_locator(MaxNLocator(max(2, int(inches(axes)[0] / 0.55))))
    axes.set_xlabel(fitted(label, inches(axes)[0] + 0.1, lines=2))
    _head(axes, title, _told(len(take), len(order), "intervals"))


@house
def estimate_against_se(
    axes: Axes, estimate: Floats, error: Floats, truth: float, *, title: str, label: str, most: int = MARKS
) -> None:
    """Draw replicates as estimate against SE, the precise ones on top, with the truth and the lines of p = 0.05.

    Below the lines p is over 0.05 (for no effect at 0). Of more than ``most`` evenly spaced ones are drawn, as the
    note says. NaN replicates are left out.
    """
    frame(axes, "left", "bottom")
    known = np.isfinite(estimate) & np.isfinite(error)
    estimate, error = estimate[known], error[known]
    take = _evenly(len(estimate), most)
    x, y = estimate[take], error[take]
    clear = np.abs(x) > 1.959964 * y
    for which, face, marker, told in ((clear, CONTROL, "o", "p < 0.05"), (~clear, "white", "^", "p ≥ 0.05")):
        if which.any():
            axes.plot(
                x[which], y[which], linestyle="none", marker=marker, markersize=2.4, markerfacecolor=face,
                markeredgecolor=CONTROL, markeredgewidth=0.4, label=told,
            )  # fmt: skip
    if len(take):
        axes.set_ylim(float(y.max()) * 1.02 or 1.0, max(0.0, float(y.min()) - 0.3 * float(np.ptp(y))))
    ends = (float(x.min()), float(x.max())) if len(take) else (0.0, 1.0)
    limits = axes.get_ylim()
    if np.isfinite(truth):
        axes.axvline(truth, color=TREATED, linewidth=1.3, label="truth")
        ends = min(ends[0], truth), max(ends[1], truth)
    room = 0.04 * (ends[1] - ends[0]) or 0.04 * abs(ends[0]) or 0.02
    ends = ends[0] - room, ends[1] + room
    for sign in (-1, 1):
        line = sorted(sign * 1.959964 * s for s in limits)
        if line[0] < ends[1] and line[1] > ends[0]:
            axes.plot(
                [sign * 1.959964 * s for s in limits], limits, color=GREY, linewidth=0.8, linestyle=(0, (4, 2)),
                label=None if any(one.get_label() == "p = 0.05" for one in axes.lines) else "p = 0.05",
            )  # fmt: skip
    axes.set_ylim(*limits)
    axes.set_xlim(*ends)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_locator(MaxNLocator(max(2, int(inches(axes)[0] / 0.55))))
    axes.set_xlabel(fitted(label, inches(axes)[0] + 0.1, lines=2))
    _head(axes, title, _told(len(take), len(estimate), "replicates"))


@house
def lollipop_of(
    names: Sequence[str], panels: Sequence[tuple[str, Sequence[float], Sequence[float], float, tuple[float, float]]],
    narrow: bool = False,
) -> Figure:  # fmt: skip
    """A panel for each measure (label, values, Monte Carlo SE, reference, bounds), a row for each estimator.

    ``narrow``: for a telephone, panels below one another and names above their rows.
    """
    if narrow:
        high = 2 * ROW * max(len(names), 1)
        figure, drawn = sheet(
            PHONE, len(panels) * (high + 0.55), left=0.1, bottom=0.42, top=0.08, rows=len(panels), down=0.55
        )
        for axes, (label, values, errors, reference, within) in zip(drawn, panels, strict=True):
            lollipop(axes, names, values, errors, reference, label, within, above=True)
        return figure
    left = gutter(names, LABELS)[1] + 0.15
    high = ROW * max(len(names), 1)
    figure, drawn = sheet(DOUBLE, high + 0.5, left=left, bottom=0.42, top=0.08, columns=len(panels), across=0.2)
    for axes, (label, values, errors, reference, within) in zip(drawn, panels, strict=True):
        own = names if axes is drawn[0] else [""] * len(names)
        lollipop(axes, own, values, errors, reference, label, within)
    return figure


def _evenly(count: int, most: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Places of at most so many of ``count`` things, evenly spaced, first and last included."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64)) if count else np.empty(0, np.int64)


def _segments(low: Floats, high: Floats, height: Floats) -> tuple[Floats, Floats]:
    """Horizontal lines as one broken line, which is one path in a file."""
    return np.column_stack([low, high, np.full(len(low), np.nan)]).ravel(), np.repeat(height, 3)


def _told(drawn: int, count: int, what: str) -> str:
    return f"{count:,} {what}" if drawn == count else f"{drawn:,} of {count:,} {what}"


def _head(axes: Axes, title: str, note: str) -> None:
    width, height = inches(axes)
    note = note if width_of(note, SMALL) <= width else note.rpartition(" ")[0]
    axes.text(0, 1 + 0.05 / height, fitted(note, width, SMALL), transform=axes.transAxes, fontsize=SMALL, color=GREY)
    heading(axes, title, above=0.08 + LINE, size=TEXT, lines=2)


@house
def ridge_of(
    estimates: Mapping[str, Floats], truths: Mapping[str, float], label: str, published: float | None
) -> Figure:  # fmt: skip
    """Replicate ridges of every estimator."""
    left = gutter(list(estimates), LABELS)[1] + 0.15
    high = 0.32 * max(len(estimates), 1)
    figure, (axes,) = sheet(DOUBLE, high + 0.75, left=left, bottom=0.4, top=0.3)
    ridge(axes, estimates, truths, label, published)
    return figure


@house
def zipper_of(
    intervals: Mapping[str, tuple[Floats, Floats, float]], labels: Sequence[str], level: float = 0.95
) -> Figure:
    """A zipper panel with its label for each estimator's (low, high, truth)."""
    figure, panels, lowest = _panels(len(intervals), 2.1)
    for axes, label, (name, (low, high, truth)) in zip(panels, labels, intervals.items(), strict=True):
        zipper(axes, low, high, truth, title=name, label=label, most=MARKS // len(intervals), level=level)
    for place, axes in enumerate(panels):
        if place % ACROSS:
            axes.set_yticklabels([])
        else:
            axes.set_ylabel("Centile of the distance from the truth")
    _one_key(panels, lowest)
    return figure


@house
def estimate_against_se_of(replicates: Mapping[str, tuple[Floats, Floats, float]], labels: Sequence[str]) -> Figure:
    """A panel of estimates against SE with its label for each estimator's (estimate, SE, truth)."""
    figure, panels, lowest = _panels(len(replicates), 1.5)
    for axes, label, (name, (estimate, error, truth)) in zip(panels, labels, replicates.items(), strict=True):
        estimate_against_se(axes, estimate, error, truth, title=name, label=label, most=MARKS // len(replicates))
    for axes in panels[::ACROSS]:
        axes.set_ylabel("Standard error")
    _one_key(panels, lowest)
    return figure


def _panels(count: int, high: float) -> tuple[Figure, list[Axes], Axes]:
    """Panels so high in rows of at most five, and the first of the last row."""
    rows, columns = max(1, -(-count // ACROSS)), max(1, min(count, ACROSS))
    width = SINGLE if count <= 1 else DOUBLE
    bottom = 0.75 if count > 1 else 0.9
    height = rows * high + (rows - 1) * DOWN + 0.55 + bottom
    figure, panels = sheet(
        width, height, left=0.62, bottom=bottom, top=0.55, rows=rows, columns=columns, across=0.42, down=DOWN
    )
    for spare in panels[max(count, 1) :]:
        spare.remove()
    return figure, panels[: max(count, 1)], panels[(rows - 1) * columns]


def _one_key(panels: Sequence[Axes], lowest: Axes) -> None:
    """The legend of all panels below the last row."""
    figure = lowest.get_figure(root=True)
    assert isinstance(figure, Figure)
    rows = 1 if len(panels) > 1 else 2
    below, room = inches(lowest)[1] + 0.57 + 0.15 * rows, figure.get_figwidth() - 0.2
    key(lowest, above=-below, left=0.4, room=room, rows=rows, of=panels)
