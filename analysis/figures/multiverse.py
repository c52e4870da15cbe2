"""The specification curve: one cohort's estimates in order, and the choices that made them below."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from analysis.figures.style import CONTROL, GREY, TREATED
from simulator.cohort import Bools, Floats


def specification_curve(
    curve: Floats, reached: Bools, choices: Sequence[Mapping[str, str]], published: float | None, endpoint: str
) -> Figure:
    """The curve of estimates, low and high ``(S, >=3)`` on the log scale, and a dot for each choice of a specification.

    Specifications without an estimate are left out; those that ``reached (S,)`` the claim are coloured.
    """
    order = np.argsort(curve[:, 0])
    order = order[np.isfinite(curve[order, 0])]
    rows = [(axis, value) for axis in _axes(choices) for value in _values(choices, axis)]
    rows += [("", "another method")] if any(not one for one in choices) else []
    heights = (3.0, max(0.18 * len(rows), 0.6))
    figure = Figure(figsize=(7.2, sum(heights) + 0.8), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=heights)
    at = np.arange(len(order))
    value, low, high = np.exp(curve[order, :3]).T
    above.set_yscale("log")
    for which, colour, label in ((reached[order], TREATED, "claim reached"), (~reached[order], CONTROL, "not reached")):
        if not which.any():
            continue
        above.vlines(at[which], low[which], high[which], color=colour, linewidth=0.8, alpha=0.4)
        above.plot(at[which], value[which], "o", markersize=3, color=colour, label=label)
    above.axhline(1.0, color=GREY, linewidth=0.8)
    if published is not None:
        above.axhline(published, color="black", linewidth=0.9, linestyle="--", label="published")
    above.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    above.yaxis.set_minor_formatter(NullFormatter())
    above.set_yticks(
        [tick for tick in (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3) if low.min() / 1.1 < tick < high.max() * 1.1]
    )
    above.set_ylabel(f"{endpoint} hazard ratio, 95 % CI", parse_math=False)
    figure.legend(loc="outside upper center", fontsize=8, frameon=False, ncols=3)
    for place, (axis, wanted) in enumerate(rows):
        own = [i for i, s in enumerate(order) if _has(choices[s], axis, wanted)]
        colours = [TREATED if reached[order[i]] else CONTROL for i in own]
        below.scatter(own, [place] * len(own), s=5, c=colours, linewidths=0)
    labels = [f"{axis.rpartition('.')[2]}: {value}" if axis else value for axis, value in rows]
    below.set_yticks(range(len(rows)), labels, fontsize=7, parse_math=False)
    below.set_ylim(len(rows) - 0.4, -0.6)
    below.tick_params(axis="y", length=0)
    below.set_xlabel("specifications, by estimate")
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _has(choices: Mapping[str, str], axis: str, value: str) -> bool:
    return choices.get(axis) == value if axis else not choices


def _axes(choices: Sequence[Mapping[str, str]]) -> list[str]:
    return list(dict.fromkeys(axis for one in choices for axis in one))


def _values(choices: Sequence[Mapping[str, str]], axis: str) -> list[str]:
    return list(dict.fromkeys(one[axis] for one in choices if axis in one))
