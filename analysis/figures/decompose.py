"""The waterfall: a bias walked down to what is left of it, a bar per mechanism that is switched off."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from analysis.figures.style import CONTROL, GREY, TREATED


def waterfall(
    start: tuple[float, float], end: tuple[float, float], steps: Sequence[tuple[str, float, float]], label: str
) -> Figure:
    """From ``start`` (value, Monte Carlo SE) by ``steps`` (label, change, SE) to ``end``; whiskers are 1.96 SE."""
    names = ["all mechanisms on", *(name for name, _, _ in steps), "all off"]
    changes = [start[0], *(change for _, change, _ in steps), end[0]]
    errors = [start[1], *(error for _, _, error in steps), end[1]]
    bases = [0.0, start[0]]
    for change in changes[1:-2]:
        bases.append(bases[-1] + change)
    bases.append(0.0)
    colours = [GREY, *(TREATED if change < 0 else CONTROL for change in changes[1:-1]), GREY]
    figure = Figure(figsize=(6.8, 0.42 * len(names) + 1.1), layout="constrained")
    axes = figure.subplots()
    axes.barh(range(len(names)), changes, left=bases, height=0.62, color=colours)
    ends = [base + change for base, change in zip(bases, changes, strict=True)]
    axes.errorbar(
        ends, range(len(names)), xerr=[1.96 * error for error in errors], fmt="none", ecolor="black", elinewidth=1,
        capsize=2,
    )  # fmt: skip
    for place, (change, error) in enumerate(zip(changes, errors, strict=True)):
        shown = f"{change:+.3f} ({error:.3f})"
        axes.text(1.01, place, shown, transform=axes.get_yaxis_transform(), va="center", fontsize=8)
        if place + 1 < len(names):
            axes.vlines(ends[place], place, place + 1, color=GREY, linewidth=0.6, linestyle=":")
    reach = [0.0, *ends, *(end + sign * 1.96 * e for sign in (-1, 1) for end, e in zip(ends, errors, strict=True))]
    width = max(reach) - min(reach)
    axes.set_xlim(min(reach) - 0.08 * width, max(reach) + 0.08 * width)
    axes.axvline(0.0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(names)), names, fontsize=8, parse_math=False)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlabel(label, parse_math=False)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return figure
