"""Figures of a simulation: where estimates lie, which intervals hold the truth, how the cells of a sweep differ.

Rücker & Schwarzer (2014), BMC Medical Research Methodology 14:129 (nested loop); Morris, White & Crowther (2019),
Statistics in Medicine 38:2074, Figure 5 (zipper).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from analysis.figures.style import CONTROL, GREY, TREATED
from simulator.cohort import Floats

MARKERS = "osD^vP*X"
INTERVALS = 200


def ridge(estimates: Mapping[str, Floats], truths: Mapping[str, float], label: str, published: float | None) -> Figure:
    """The density of each estimator's replicates, its truth as a bar, a published value as a dashed line.

    NaN estimates are left out; an estimator with fewer than two has an empty row.
    """
    names = list(estimates)
    figure = Figure(figsize=(6.8, 0.46 * len(names) + 1.0), layout="constrained")
    axes = figure.subplots()
    known = [values[np.isfinite(values)] for values in estimates.values()]
    for place, (name, values) in enumerate(zip(names, known, strict=True)):
        base = len(names) - 1 - place
        if len(values) > 1 and np.ptp(values) > 0:
            width = 1.06 * min(values.std(ddof=1), np.subtract(*np.quantile(values, [0.75, 0.25])) / 1.34) or 1e-9
            width *= len(values) ** -0.2
            least, most = (float(one) for one in np.quantile(values, [0.002, 0.998]))
            at = np.linspace(least - 3 * width, most + 3 * width, 121)
            density = np.exp(-0.5 * ((at[:, None] - values) / width) ** 2).sum(axis=1)
            axes.fill_between(at, base, base + 0.85 * density / density.max(), color=CONTROL, alpha=0.45, linewidth=0)
        truth = truths.get(name, np.nan)
        if np.isfinite(truth):
            axes.plot([truth, truth], [base - 0.05, base + 0.9], color=TREATED, linewidth=2, solid_capstyle="butt")
    if published is not None:
        axes.axvline(published, color="black", linewidth=0.9, linestyle="--")
    axes.set_yticks(range(len(names)), names[::-1], fontsize=8, parse_math=False)
    axes.set_ylim(-0.15, len(names))
    axes.set_xlabel(label, parse_math=False)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return figure


def zipper(intervals: Mapping[str, tuple[Floats, Floats, float]], label: str) -> Figure:
    """Intervals (low, high) of replicates against the truth, the farthest on top, a panel per estimator.

    Of many intervals evenly spaced ones are drawn; those that miss the truth are coloured.
    """
    figure = Figure(figsize=(1.2 + 1.9 * len(intervals), 4.2), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(intervals), sharey=True))
    for axes, (name, (low, high, truth)) in zip(panels, intervals.items(), strict=True):
        known = np.isfinite(low) & np.isfinite(high)
        low, high = low[known], high[known]
        with np.errstate(divide="ignore", invalid="ignore"):
            far = np.abs((low + high) / 2 - truth) / (high - low)
        order = np.argsort(far)
        centile = 100 * (np.arange(len(order)) + 0.5) / max(len(order), 1)
        take = np.unique(np.linspace(0, len(order) - 1, INTERVALS).astype(int)) if len(order) else np.array([], int)
        rows, height = order[take], centile[take]
        held = (low[rows] <= truth) & (truth <= high[rows])
        lines = [[(a, y), (b, y)] for a, b, y in zip(low[rows], high[rows], height, strict=True)]
        colours = [GREY if inside else TREATED for inside in held]
        axes.add_collection(LineCollection(lines, colors=colours, linewidths=0.8, alpha=0.8))
        axes.axvline(truth, color="black", linewidth=0.9)
        axes.axhline(95, color="black", linewidth=0.6, linestyle=":")
        axes.set_ylim(0, 100)
        axes.autoscale_view(scaley=False)
        axes.set_title(name, fontsize=9, parse_math=False)
        axes.xaxis.set_major_locator(MaxNLocator(3))
        axes.spines[["top", "right"]].set_visible(False)
    if len(panels):
        panels[0].set_ylabel("centile of the distance from the truth")
    figure.supxlabel(label, fontsize=10)
    return figure


def nested_loop(
    measured: Mapping[str, tuple[Floats, Floats]], settings: Mapping[str, Sequence[str]], label: str, reference: float
) -> Figure:
    """A measure and its Monte Carlo SE over the cells of a sweep, a line per estimator; the cells' settings below."""
    count = len(next(iter(measured.values()))[0])
    heights = (3.2, max(0.42 * len(settings), 0.4))
    figure = Figure(figsize=(min(max(7.2, 0.42 * count + 2.5), 11.0), sum(heights) + 0.9), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=heights)
    at = np.arange(count)
    above.axhline(reference, color=GREY, linewidth=0.8)
    for k, (name, (value, error)) in enumerate(measured.items()):
        shift = 0.5 * ((k + 0.5) / len(measured) - 0.5)
        above.errorbar(
            at + shift, value, yerr=1.96 * error, fmt=f"{MARKERS[k % len(MARKERS)]}-", markersize=4, linewidth=0.9,
            color=_colour(k, len(measured)), label=name,
        )  # fmt: skip
    above.set_ylabel(label, parse_math=False)
    legend = above.legend(fontsize=8, frameon=False, loc="best", ncols=2)
    for entry in legend.get_texts():
        entry.set_parse_math(False)
    for row, texts in enumerate(settings.values()):
        distinct = list(dict.fromkeys(texts))
        steps = [row + 0.6 * distinct.index(value) / max(len(distinct) - 1, 1) for value in texts]
        below.step(at, [-step for step in steps], where="mid", color=GREY, linewidth=1.2)
        before = ""
        for place, shown in enumerate(texts):
            if shown != before or not place:
                below.text(place, -steps[place] + 0.08, shown, fontsize=6.5, ha="center", va="bottom", parse_math=False)
            before = shown
    below.set_yticks([-row - 0.3 for row in range(len(settings))], list(settings), fontsize=7, parse_math=False)
    below.set_ylim(-len(settings) + 0.1, 0.5)
    below.set_xticks(at, [str(k) for k in range(count)], fontsize=7)
    below.set_xlabel("cell")
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
    below.tick_params(axis="y", length=0)
    return figure


def heat(
    values: Floats, errors: Floats, rows: Sequence[str], columns: Sequence[str], labels: tuple[str, str], what: str
) -> Figure:
    """A measure over two settings ``(A, B)``, each cell with its value and Monte Carlo SE in words."""
    figure = Figure(figsize=(1.8 + 1.15 * len(columns), 1.3 + 0.5 * len(rows)), layout="constrained")
    axes = figure.subplots()
    most = float(np.nanmax(np.abs(values))) or 1.0
    drawn = axes.imshow(values, cmap="RdBu_r", vmin=-most, vmax=most, aspect="auto", alpha=0.75)
    for (i, j), value in np.ndenumerate(values):
        axes.text(j, i, f"{value:+.3f}\n({errors[i, j]:.3f})", ha="center", va="center", fontsize=7.5)
    axes.set_xticks(range(len(columns)), columns, fontsize=8, parse_math=False)
    axes.set_yticks(range(len(rows)), rows, fontsize=8, parse_math=False)
    axes.set_xlabel(labels[1], parse_math=False)
    axes.set_ylabel(labels[0], parse_math=False)
    bar = figure.colorbar(drawn, ax=axes, format=FuncFormatter(lambda x, _: f"{x:+.2f}"))
    bar.set_label(what, parse_math=False)
    return figure


def _colour(k: int, count: int) -> tuple[float, float, float]:
    """Colours that stay apart in grey, too: a run of lightness from the viridis map."""
    import matplotlib as mpl

    red, green, blue, _ = mpl.colormaps["viridis"](0.05 + 0.8 * k / max(count - 1, 1))
    return red, green, blue
