"""The tipping figure: true effects over the strengths of an unmeasured confounder."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from analysis.figures.style import GREY, TREATED
from simulator.cohort import Floats


def tipping(
    axes: Axes, odds_ratios: Floats, hazard_ratios: Floats, true_log_hr: Floats, bound_log_hr: Floats,
    measured: Sequence[tuple[str, float, float]],
) -> None:  # fmt: skip
    """Draw contours of the true HR ``(A, B)`` behind the published HR, and where nothing is left of it or its bound.

    Hazard ratios are drawn as strengths, at least 1 whatever their direction; ``measured`` are (term, OR, HR).
    """
    strengths = np.maximum(hazard_ratios, 1 / hazard_ratios)
    shown = np.ma.masked_invalid(np.exp(true_log_hr.T))
    axes.set_xscale("log")
    axes.set_yscale("log")
    low, high = float(shown.min()), float(shown.max())
    levels = [level for level in (*np.arange(0.1, 2.0, 0.1), *np.arange(2.0, 5.0, 0.5)) if low < level < high]
    axes.contourf(odds_ratios, strengths, shown, levels=sorted({low, *levels, high}), cmap="Greys", alpha=0.35)
    lines = axes.contour(odds_ratios, strengths, shown, levels=levels, colors=GREY, linewidths=0.6)
    axes.clabel(lines, fmt="%.1f", fontsize=7)
    for surface, style, label in (
        (true_log_hr, "-", "no effect left of the HR"),
        (bound_log_hr, "--", "no effect left of its bound"),
    ):
        values = np.ma.masked_invalid(surface.T)
        if values.count() and values.min() < 0 < values.max():
            axes.contour(odds_ratios, strengths, values, levels=[0.0], colors=TREATED, linewidths=2, linestyles=style)
        else:
            label += ": beyond the design"
        axes.plot([], [], color=TREATED, linewidth=2, linestyle=style, label=label)
    inside = [(term, max(x, 1 / x), max(y, 1 / y)) for term, x, y in measured]
    for term, x, y in inside:
        axes.plot(x, y, marker="o", markersize=4, color="black", linestyle="none")
        if max(x, y) > 1.35:
            axes.annotate(term, (x, y), xytext=(4, 3), textcoords="offset points", fontsize=7, parse_math=False)
    axes.plot([], [], marker="o", markersize=4, color="black", linestyle="none", label="measured covariates")
    top = float(max(odds_ratios[-1], strengths.max()))
    ticks = [tick for tick in (1, 1.5, 2, 3, 4, 6, 8, 12, 16) if tick <= top * 1.001]
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(FixedLocator(ticks))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.set_xlim(1, float(odds_ratios[-1]))
    axes.set_ylim(1, float(strengths.max()))
    axes.set_xlabel("odds ratio of treatment, confounder present against absent")
    axes.set_ylabel("its hazard ratio on every transition (or inverse)")
    axes.legend(loc="upper left", bbox_to_anchor=(0.0, -0.14), fontsize=7, frameon=False, ncols=1)
