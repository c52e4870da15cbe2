"""Figures of one cohort: who came to be analysed and compared, and what happened to both arms, in percent."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from analysis.figures.style import (
    BOLD,
    CONTROL,
    CONTROL_PALE,
    DOUBLE,
    GREY,
    INK,
    LINE,
    PHONE,
    SMALL,
    TREATED,
    TREATED_PALE,
    fitted,
    frame,
    gutter,
    house,
    inches,
    keeping,
    name_above,
    name_rows,
    sheet,
    width_of,
)
from analysis.figures.style import title as heading
from analysis.paper.cohort_analysis import CohortAnalysis
from analysis.paper.number_text import p_text
from analysis.paper.responses import BinaryResponse
from analysis.paper.sides import done_words, has_sides, side_heading

PAD, GAP = 0.07, 0.24
BOX = 0.21
ROW = 0.17
LABELS = 1.6
"""Inches: within a box, between boxes, of a row, and at most of its label; half a box is `BOX` of the width."""


@dataclass(frozen=True)
class FlowArm:
    """An arm of a flow chart: its label, its patients, and those of them who were kept (matched); None for no more."""

    label: str
    n: int
    kept: int | None


@house
def flow(
    axes: Axes, analysed: float, excluded: Sequence[tuple[str, float]], arms: Sequence[FlowArm], done: str = "matched"
) -> None:
    """Draw who was screened, left out (each once, by the first reason), analysed by arm and kept: a Figure 1.

    ``done`` is what became of those kept: matched or weighted. Without ``excluded`` the chart starts with the analysed,
    without ``arms`` it ends with them. Counts may be means; reasons of nobody are not told.
    """
    axes.set_axis_off()
    width, height = inches(axes)
    excluded = [(reason.replace("_", " "), count) for reason, count in excluded if count]
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    y, middle = 0.02, (0.28 if excluded else 0.5) * width
    half = 0.25 * width
    if excluded:
        screened = analysed + sum(count for _, count in excluded)
        y = _box(axes, middle, y, half, ["Screened", f"n = {_count(screened)}"])
        lines = [f"Excluded, n = {_count(screened - analysed)}"]
        room = 0.44 * width - 2 * PAD - 0.15
        lines += [keeping(reason, f": {_count(count)}", room) for reason, count in excluded]
        end = _box(axes, 0.78 * width, y + GAP / 2, 0.22 * width, lines, left=True)
        _arrow(axes, middle, (y + GAP / 2 + end) / 2, 0.56 * width, (y + GAP / 2 + end) / 2)
        _arrow(axes, middle, y, middle, end + GAP / 2)
        y = end + GAP / 2
    y = _box(axes, middle, y, half, ["Analysed", f"n = {_count(analysed)}"])
    if not arms:
        return
    branch = y + GAP / 2
    centres = [(k + 0.5) * width / len(arms) for k in range(len(arms))]
    axes.plot([middle, middle], [y, branch], color=GREY, linewidth=0.8)
    axes.plot([min(*centres, middle), max(*centres, middle)], [branch, branch], color=GREY, linewidth=0.8)
    for centre, arm in zip(centres, arms, strict=True):
        _arrow(axes, centre, branch, centre, branch + GAP)
        low = _box(axes, centre, branch + GAP, BOX * width, [arm.label, f"n = {arm.n:,}"])
        if arm.kept is None:
            continue
        _arrow(axes, centre, low, centre, low + 2 * GAP)
        beside = f"not {done}: {arm.n - arm.kept:,}"
        fits = centre + 0.06 + width_of(beside, SMALL) <= width  # on a telephone it stands upon the arrow
        axes.text(
            centre + (0.06 if fits else 0.0), low + 0.85 * GAP, beside, va="center", ha="left" if fits else "center",
            color=GREY, fontsize=SMALL, bbox=None if fits else {"facecolor": "white", "edgecolor": "none", "pad": 0.8},
        )  # fmt: skip
        _box(axes, centre, low + 2 * GAP, BOX * width, [arm.label, f"{done}, n = {arm.kept:,}"])


def _box(axes: Axes, centre: float, top: float, half: float, lines: Sequence[str], *, left: bool = False) -> float:
    """Draw a box of lines of text and return where it ends."""
    shown = [fitted(line, 2 * half - 2 * PAD) for line in lines]
    if left:
        shown = [shown[0], *(f"   {line}" for line in shown[1:])]
    end = top + len(shown) * LINE + 2 * PAD
    axes.add_patch(Rectangle((centre - half, top), 2 * half, end - top, fc="white", ec=INK, lw=0.8))
    for k, line in enumerate(shown):
        axes.text(
            centre - half + PAD if left else centre, top + PAD + (k + 0.5) * LINE, line,
            ha="left" if left else "center", va="center_baseline", color=INK,
        )  # fmt: skip
    return end


def _arrow(axes: Axes, x0: float, y0: float, x1: float, y1: float) -> None:
    axes.annotate(
        "",
        (x1, y1),
        (x0, y0),
        arrowprops={"arrowstyle": "-|>", "color": GREY, "lw": 0.8, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 7},
    )


def _count(n: float) -> str:
    return f"{n:,.0f}" if abs(n - round(n)) < 0.005 else f"{n:,.1f}"


def flow_height(excluded: int, arms: int, kept: bool = True) -> float:
    """The inches that a flow chart with so many reasons and arms needs, the arms' ``kept`` below them or not."""
    two = 2 * LINE + 2 * PAD
    above = two + GAP + (excluded + 1) * LINE + 2 * PAD if excluded else 0.0
    below = 2 * GAP + two if kept else 0.0
    return 0.04 + above + two + (1.5 * GAP + two + below if arms else 0.0)


def enrolment_of(
    analysed: float, excluded: Sequence[tuple[str, float]], arms: Sequence[FlowArm], done: str = "matched",
    narrow: bool = False,
) -> Figure:  # fmt: skip
    """The flow chart of any numbers, ``narrow`` for a telephone."""
    kept = any(arm.kept is not None for arm in arms)
    high = flow_height(sum(count > 0 for _, count in excluded), len(arms), kept)
    figure, (axes,) = sheet(
        PHONE if narrow else DOUBLE * 0.75, high + 0.1, left=0.05, right=0.05, bottom=0.05, top=0.05
    )
    flow(axes, analysed, excluded, arms, done)
    return figure


def flow_of(analysis: CohortAnalysis, excluded: Sequence[tuple[str, float]] = (), narrow: bool = False) -> Figure:
    """Who was analysed and matched, or weighted, in each arm, below who was left out and why where that is given."""
    size, sets, arms, sided = analysis.cohort, analysis.adjusted, analysis.arms, has_sides(analysis.plan)
    both = (
        FlowArm(arms.control, size.control, sets.n_control if sided else None),
        FlowArm(arms.treated, size.treated, sets.n_treated if sided else None),
    )
    return enrolment_of(size.n, excluded, both, done_words(analysis.plan), narrow)


@dataclass(frozen=True)
class Outcome:
    """An outcome in percent of the control and of the treated arm, and how many of these were severe, if graded."""

    label: str
    percent: tuple[float, float]
    severe: tuple[float, float] | None
    p: float


@house
def butterfly(
    axes: Axes, rows: Sequence[Outcome], arms: tuple[str, str], *, severe: str, title: str, narrow: bool = False
) -> None:
    """Draw percentages back to back, the control to the left; dark parts are the ``severe``, in brackets.

    The names of the rows stand beside the bars, or above them where the figure is ``narrow``.
    """
    width, height = inches(axes)
    frame(axes, "bottom")
    places = np.arange(len(rows)) + (0.22 if narrow else 0.0)
    thick = 0.42 if narrow else 0.72
    graded = any(row.severe for row in rows)
    most = max([10.0, *(part for row in rows for part in row.percent if np.isfinite(part))])
    room = 0.75 if graded else 0.42
    reach = min(most * (width / 2) / max(width / 2 - room, 0.2), 1e6)
    for side, sign, pale, dark in ((0, -1, CONTROL_PALE, CONTROL), (1, 1, TREATED_PALE, TREATED)):
        whole = sign * np.array([row.percent[side] for row in rows])
        part = sign * np.array([row.severe[side] if row.severe else 0.0 for row in rows])
        axes.barh(places, whole, height=thick, color=pale, edgecolor=dark, linewidth=0.5)
        axes.barh(places, part, height=thick, color=dark, linewidth=0.5)
        for k, (place, row) in enumerate(zip(places, rows, strict=True)):
            told = f"{row.percent[side]:.1f}" + (f" ({row.severe[side]:.1f})" if row.severe else "")
            axes.text(
                (whole[k] if np.isfinite(whole[k]) else 0.0) + sign * 0.04 * 2 * reach / width, place,
                told if np.isfinite(row.percent[side]) else "–", ha="right" if sign < 0 else "left",
                va="center_baseline", fontsize=SMALL,
            )  # fmt: skip
        axes.text(
            0.25 if side == 0 else 0.75, 1 + 0.05 / height, fitted(arms[side], width / 2 / BOLD - 0.1), ha="center",
            transform=axes.transAxes, color=dark, fontweight="bold",
        )  # fmt: skip
    axes.axvline(0.0, color=INK, linewidth=0.6)
    if narrow:
        name_above(axes, [row.label for row in rows], 0.25, spare=0.5)
    else:
        name_rows(axes, [row.label for row in rows], LABELS, SMALL)
    axes.set_ylim(max(len(rows), 1) - 0.4, -0.6)
    axes.set_xlim(-reach, reach)
    ticks = [t for t in MaxNLocator(1 if narrow else 3).tick_values(0, most) if t <= most]
    axes.set_xticks(sorted({*(-t for t in ticks), *ticks}))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{abs(x):g}"))
    told = "Patients, %" + (f"; dark and in brackets: {fitted(severe, 2.0)}" if graded else "")
    axes.set_xlabel(fitted(told, width, lines=2) if narrow else told)
    beside, up = (0.0, 0.47) if narrow else (0.5, 0.0)
    axes.text(
        1 + beside / width, 1 + 0.05 / height, "p", transform=axes.transAxes, ha="right", fontsize=SMALL, color=GREY
    )
    for place, row in zip(places, rows, strict=True):
        axes.text(
            1 + beside / width, place - up, p_text(row.p), transform=axes.get_yaxis_transform(), ha="right",
            va="center_baseline", fontsize=SMALL,
        )  # fmt: skip
    heading(axes, title, above=0.2)


def outcomes_of(analysis: CohortAnalysis, when: str) -> tuple[list[Outcome], list[Outcome]]:
    """The yes/no outcomes without grades and with: 'nausea_34' is the severe part of 'nausea' if several end so."""
    names = list(analysis.binary)
    suffix = _severe_suffix(names)
    plain, graded = [], []
    for name, result in analysis.binary.items():
        if suffix and name.endswith(suffix) and name.removesuffix(suffix) in analysis.binary:
            continue
        label = name.replace("_", " ") if result.label == name else result.label
        whole = _side(analysis, name, when)
        percent = (whole.control.percent, whole.treated.percent)
        if suffix and name + suffix in analysis.binary:
            part = _side(analysis, name + suffix, when)
            graded.append(Outcome(label, percent, (part.control.percent, part.treated.percent), whole.p))
        else:
            plain.append(Outcome(label, percent, None, whole.p))
    return plain, graded


def _side(analysis: CohortAnalysis, name: str, when: str) -> BinaryResponse:
    result = analysis.binary[name]
    return result.before if when == "before" else result.after


def _severe_suffix(names: Sequence[str]) -> str:
    """The ending that most often makes another outcome's name of a name; none unless two or more have it."""
    counts: dict[str, int] = {}
    for name in names:
        for other in names:
            if other != name and other.startswith(name) and not other[len(name)].isalnum():
                counts[other[len(name) :]] = counts.get(other[len(name) :], 0) + 1
    best = max(counts, key=lambda one: counts[one], default="")
    return best if counts.get(best, 0) > 1 else ""


def butterfly_of(analysis: CohortAnalysis, when: str = "after", severe: str = "severe", narrow: bool = False) -> Figure:
    """Both arms back to back in percent: outcomes without grades, then any grade with the severe part."""
    plain, graded = outcomes_of(analysis, when)
    rows = [*plain, *graded]
    left = 0.08 if narrow else gutter([row.label for row in rows], LABELS, SMALL)[1] + 0.12
    high = (2 * ROW if narrow else ROW) * max(len(rows), 1)
    bottom = 0.4 + LINE if narrow else 0.4
    figure, (axes,) = sheet(
        PHONE if narrow else DOUBLE,
        high + 0.45 + bottom,
        left=left,
        right=0.08 if narrow else 0.6,
        bottom=bottom,
        top=0.45,
    )
    title = side_heading(analysis.plan, when)
    butterfly(axes, rows, (analysis.arms.control, analysis.arms.treated), severe=severe, title=title, narrow=narrow)
    return figure
