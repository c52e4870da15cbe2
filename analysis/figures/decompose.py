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
    LINE,
    PALE,
    PHONE,
    SMALL,
    TREATED,
    fitted,
    frame,
    gutter,
    house,
    inches,
    name_above,
    name_rows,
    sheet,
)

ROW = 0.25
LABELS = 2.4
ENDS = ("all causes on", "all off")


@house
def waterfall(
    axes: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    steps: Sequence[tuple[str, float, float]],
    label: str,
    above: bool = False,
) -> None:
    """Draw ``start`` (value, Monte Carlo SE), ``steps`` (label, change, SE) and ``end``; whiskers are 1.96 SE.

    Steps down are full, steps up hatched; the numbers stand beside the axes, SE in brackets, the names beside the bars
    or ``above`` them.
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
        axes.barh(
            place,
            change,
            left=base,
            height=0.36 if above else 0.62,
            facecolor=face,
            edgecolor=edge,
            hatch=hatch,
            linewidth=0.6,
        )
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
    if above:
        name_above(axes, names)
    else:
        name_rows(axes, names, LABELS)
    axes.set_ylim(len(names) - 0.4, -0.7 if above else -0.6)
    axes.xaxis.set_major_locator(MaxNLocator(max(2, int(width / 0.6))))
    axes.set_xlabel(fitted(label, width, lines=2) if above else fitted(label, width + 0.5))


@house
def waterfall_of(
    start: tuple[float, float], end: tuple[float, float], steps: Sequence[tuple[str, float, float]], label: str,
    narrow: bool = False,
) -> Figure:  # fmt: skip
    """The waterfall at the width of two columns, or of a telephone."""
    left = 0.1 if narrow else gutter([*ENDS, *(name for name, _, _ in steps)], LABELS)[1] + 0.12
    row = ROW + (LINE * 1.25 if narrow else 0.0)
    width, bottom = (PHONE, 0.42 + LINE) if narrow else (DOUBLE, 0.42)
    figure, (axes,) = sheet(
        width, row * (len(steps) + 2) + bottom + 0.08, left=left, right=0.95, bottom=bottom, top=0.08
    )
    waterfall(axes, start, end, steps, label, narrow)
    return figure
