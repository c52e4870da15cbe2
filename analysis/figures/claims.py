"""Rates of claims: a dot with its Monte Carlo interval for each world."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from analysis.figures.style import CONTROL, GREY, TREATED

COLOURS = ("black", TREATED, CONTROL)
MARKERS = ("o", "s", "D")


def rates(rows: Mapping[str, Sequence[tuple[float, float]]], worlds: Sequence[str], alpha: float) -> Figure:
    """A row per claim, with its rate and Monte Carlo SE in each world; a line at the nominal ``alpha``."""
    figure = Figure(figsize=(6.8, 0.26 * len(rows) + 1.3), layout="constrained")
    axes = figure.subplots()
    for place, (world, colour, marker) in enumerate(zip(worlds, COLOURS, MARKERS, strict=True)):
        values = [100 * row[place][0] for row in rows.values()]
        errors = [196 * row[place][1] for row in rows.values()]
        at = [k + 0.22 * (place - 1) for k in range(len(rows))]
        axes.errorbar(values, at, xerr=errors, fmt=marker, markersize=4, color=colour, linewidth=1, label=world)
    axes.axvline(100 * alpha, color=GREY, linewidth=0.8, linestyle="--")
    axes.set_yticks(range(len(rows)), list(rows), fontsize=8, parse_math=False)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(-2, 102)
    axes.set_xlabel("studies that make the claim, %")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return figure
