"""Densities of the true hazard ratio: before and after the paper is taken into account."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from analysis.figures.style import CONTROL, GREY, TREATED
from simulator.cohort import Floats

LINES = ((TREATED, "-"), (CONTROL, "--"), ("black", "-."), (GREY, ":"))


def densities(shown: Sequence[tuple[str, Floats, Floats, Floats]], published: float, endpoint: str) -> Figure:
    """A curve per suspicion, (name, true log HR, prior, posterior), its prior lightly filled, and the published HR."""
    figure = Figure(figsize=(6.2, 4.0), layout="constrained")
    axes = figure.subplots()
    for place, (name, values, prior, density) in enumerate(shown):
        colour, style = LINES[place % len(LINES)]
        axes.plot(np.exp(values), density, color=colour, linestyle=style, linewidth=1.8, label=name)
        axes.fill_between(np.exp(values), prior, color=colour, alpha=0.12, linewidth=0)
    axes.axvline(published, color="black", linewidth=0.8, linestyle="--", label="published")
    axes.axvline(1.0, color=GREY, linewidth=0.8)
    axes.set_xscale("log")
    low, high = (f(values) for f, values in ((min, _ends(shown, 0)), (max, _ends(shown, 1)))) if shown else (0.1, 2.0)
    axes.set_xlim(low, high)
    axes.set_xticks([tick for tick in (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5) if low <= tick <= high])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_ylim(bottom=0)
    axes.set_yticks([])
    axes.set_xlabel(f"true {endpoint} hazard ratio", parse_math=False)
    axes.set_ylabel("density over its logarithm; filled: prior")
    legend = axes.legend(fontsize=8, frameon=False)
    for entry in legend.get_texts():
        entry.set_parse_math(False)
    axes.spines[["top", "right", "left"]].set_visible(False)
    return figure


def _ends(shown: Sequence[tuple[str, Floats, Floats, Floats]], side: int) -> list[float]:
    """Where a density is worth drawing: within a thousandth of the highest posterior or prior."""
    found = []
    for _, values, prior, density in shown:
        high = np.maximum(prior, density)
        inside = np.flatnonzero(high > 0.003 * high.max())
        found.append(float(np.exp(values[inside[-1 if side else 0]])))
    return found
