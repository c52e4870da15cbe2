"""The power figure: simulated power over size or follow-up, the formula's beside it, and the answer."""

from collections.abc import Sequence
from typing import TypeAlias

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from analysis.figures.style import (
    CONTROL,
    GREY,
    INK,
    LINE,
    PHONE,
    SINGLE,
    TREATED,
    fitted,
    frame,
    house,
    inches,
    key,
    key_rows,
    series,
    sheet,
)

OtherCurve: TypeAlias = tuple[str, Sequence[tuple[float, float, float]], tuple[float, float]]
"""Another analysis: its name, its cells, and its answer with its SE."""
STEPS = (1, 2, 5), (1, 1.5, 2, 3, 5, 7)


@house
def power_curve(
    axes: Axes, marks: Sequence[tuple[float, float, float]], formula: Sequence[tuple[float, float]],
    answer: tuple[float, float], goal: float, labels: tuple[str, str], estimator: str,
    others: Sequence[OtherCurve] = (),
) -> None:  # fmt: skip
    """Draw cells (place, value, Monte Carlo SE), the ``formula`` (place, value), the answer and its SE at ``goal``.

    Each of the ``others`` has its own curve and answer. Whiskers are 1.96 Monte Carlo SE.
    """
    frame(axes, "left", "bottom")
    at, values, errors = zip(*marks, strict=True) if marks else ((), (), ())
    if marks:
        axes.errorbar(
            at, values, yerr=[1.96 * one for one in errors], fmt="o-", markersize=3.5, linewidth=1.1, elinewidth=0.9,
            color=TREATED, label=f"{estimator}, simulated",
        )  # fmt: skip
    if formula:
        axes.plot(
            *zip(*formula, strict=True),
            linestyle=(0, (4, 2)),
            color=CONTROL,
            linewidth=1.2,
            label="Schoenfeld's formula",
        )
    axes.axhline(goal, color=GREY, linewidth=0.8, linestyle=(0, (1, 1.5)))
    axes.errorbar(
        [answer[0]], [goal], xerr=[1.96 * answer[1]], fmt="D", color=INK, markersize=4.5, capsize=2.5, elinewidth=1.0,
        zorder=5, label="answer",
    )  # fmt: skip
    for place, (name, own, found) in enumerate(others):
        look = series(place, len(others))
        x, y, spread = zip(*own, strict=True) if own else ((), (), ())
        axes.errorbar(
            x, y, yerr=[1.96 * one for one in spread], markersize=3.0, linewidth=1.0, elinewidth=0.8, label=name, **look
        )
        axes.errorbar(
            [found[0]], [goal], xerr=[1.96 * found[1]], fmt="D", color=look["color"], markersize=4.0, capsize=2.0,
            elinewidth=0.9, zorder=4,
        )  # fmt: skip
        at = (*at, *x)
    axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    least, most = (min(at), max(at)) if at else (answer[0] / 2, answer[0] * 2)
    for steps in STEPS:
        ticks = [step * 10.0**power for power in range(-2, 8) for step in steps]
        ticks = [tick for tick in ticks if least * 0.98 <= tick <= most * 1.02]
        if len(ticks) > 2:
            break
    axes.set_xticks(ticks or [least, most])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.3g}" if x < 1000 else f"{x:,.0f}"))
    axes.set_xlabel(fitted(labels[0], inches(axes)[0]))
    axes.set_ylabel(fitted(labels[1], inches(axes)[1]))
    key(axes, left=0.4)


@house
def power_curve_of(
    marks: Sequence[tuple[float, float, float]], formula: Sequence[tuple[float, float]], answer: tuple[float, float],
    goal: float, labels: tuple[str, str], estimator: str,
    others: Sequence[OtherCurve] = (), narrow: bool = False,
) -> Figure:  # fmt: skip
    """The curve at the width of one column, or of a telephone."""
    width = PHONE if narrow else SINGLE
    names = [
        f"{estimator}, simulated",
        *(["Schoenfeld's formula"] if formula else []),
        "answer",
        *(one[0] for one in others),
    ]
    top = max(0.55, 0.12 + key_rows(names, width - 0.2) * LINE * 1.05)
    figure, (axes,) = sheet(width, 2.35 + top, left=0.5, bottom=0.4, top=top)
    power_curve(axes, marks, formula, answer, goal, labels, estimator, others)
    return figure
