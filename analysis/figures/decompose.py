"""The waterfall: a bias walked down to what is left of it, a bar per mechanism that is switched off."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.figures.style import (
    CONTROL,
    CONTROL_PALE,
    DOUBLE,
    GREY,
    HATCH,
    INK,
    PALE,
    SMALL,
    TREATED,
    fitted,
    frame,
    gutter,
    house,
    inches,
    name_rows,
    sheet,
)

ROW = 0.25
LABELS = 2.4
ENDS = ("all mechanisms on", "all off")


@house
def waterfall(
    axes: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    steps: Sequence[tuple[str, float, float]],
    label: str,
) -> None:
    """Draw ``start`` (value, Monte Carlo SE), ``steps`` (label, change, SE) and ``end``; whiskers are 1.96 SE.

    Steps down are full, steps up hatched; the numbers stand beside the axes, SE in brackets.
    """
    frame(axes, "bottom")
    width, _ = inches(axes)
    names = [ENDS[0], *(name for name, _, _ in steps), ENDS[1]]
    changes = [start[0], *(change for _, change, _ in steps), end[0]]
    errors = [start[1], *(error for _, _, error in steps), end[1]]
    bases = [0.0]
    for change in changes[:-2]:
        bases.append(bases[-1] + change)
    bases.append(0.0)
    ends = [base + change for base, change in zip(bases, changes, strict=True)]
    for place, (base, change) in enumerate(zip(bases, changes, strict=True)):
        whole = place in (0, len(names) - 1)
        face, edge, hatch = (
            (PALE, INK, "") if whole else (TREATED, TREATED, "") if change < 0 else (CONTROL_PALE, CONTROL, HATCH)
        )
        axes.barh(place, change, left=base, height=0.62, facecolor=face, edgecolor=edge, hatch=hatch, linewidth=0.6)
        if place + 1 < len(names):
            axes.plot([ends[place]] * 2, [place, place + 1], color=GREY, linewidth=0.7, linestyle=(0, (1, 1.5)))
    spread = [1.96 * error for error in errors]
    axes.errorbar(ends, range(len(names)), xerr=spread, fmt="none", ecolor=INK, elinewidth=0.9, capsize=2)
    for place, (change, error) in enumerate(zip(changes, errors, strict=True)):
        axes.text(
            1 + 0.08 / width, place, f"{change:+.3f} ({error:.3f})", transform=axes.get_yaxis_transform(),
            va="center_baseline", fontsize=SMALL,
        )  # fmt: skip
    reach = [0.0, *ends, *(one + sign * e for sign in (-1, 1) for one, e in zip(ends, spread, strict=True))]
    room = (max(reach) - min(reach)) or 1.0
    axes.set_xlim(min(reach) - 0.06 * room, max(reach) + 0.06 * room)
    axes.axvline(0.0, color=INK, linewidth=0.7)
    name_rows(axes, names, LABELS)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.xaxis.set_major_locator(MaxNLocator(max(2, int(width / 0.6))))
    axes.set_xlabel(fitted(label, width + 0.5))


@house
def waterfall_of(
    start: tuple[float, float], end: tuple[float, float], steps: Sequence[tuple[str, float, float]], label: str
) -> Figure:
    """The waterfall at the width of two columns."""
    left = gutter([*ENDS, *(name for name, _, _ in steps)], LABELS)[1] + 0.12
    figure, (axes,) = sheet(DOUBLE, ROW * (len(steps) + 2) + 0.5, left=left, right=0.95, bottom=0.42, top=0.08)
    waterfall(axes, start, end, steps, label)
    return figure
