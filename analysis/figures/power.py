"""The power figure: simulated power over size or follow-up, the formula's beside it, and the answer."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from analysis.figures.style import CONTROL, GREY, TREATED


def curve(
    marks: Sequence[tuple[float, float, float]], formula: Sequence[tuple[float, float]], answer: tuple[float, float],
    goal: float, labels: tuple[str, str], estimator: str,
) -> Figure:  # fmt: skip
    """Cells as (place, value, Monte Carlo SE), the ``formula`` as (place, value), the answer and its SE at ``goal``."""
    figure = Figure(figsize=(5.6, 4.2), layout="constrained")
    axes = figure.subplots()
    at, values, errors = zip(*marks, strict=True)
    axes.errorbar(
        at, values, yerr=[1.96 * one for one in errors], fmt="o-", markersize=4, linewidth=1, color=TREATED,
        label=f"'{estimator}', simulated",
    )  # fmt: skip
    if formula:
        axes.plot(*zip(*formula, strict=True), "--", color=CONTROL, linewidth=1.2, label="Schoenfeld's formula")
    axes.axhline(goal, color=GREY, linewidth=0.8, linestyle=":")
    axes.errorbar([answer[0]], [goal], xerr=[1.96 * answer[1]], fmt="D", color="black", capsize=3, label="answer")
    axes.set_xscale("log")
    ticks = [step * 10.0**power for power in range(-1, 7) for step in (1, 2, 5)]
    axes.set_xticks([tick for tick in ticks if at[0] <= tick <= at[-1]])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(labels[0], parse_math=False)
    axes.set_ylabel(labels[1], parse_math=False)
    legend = axes.legend(loc="best", fontsize=8, frameon=False)
    for entry in legend.get_texts():
        entry.set_parse_math(False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
