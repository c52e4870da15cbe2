"""The answer of `benchmarks.questions.multiverse` as a sentence, tables, JSON and a figure."""

import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from math import exp
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.performance import Measure
from benchmarks.questions.ask import figure_path, load, plain, told, write_figure
from benchmarks.questions.multiverse import WORLDS, Multiverse, axes_of, find
from benchmarks.questions.options import Options
from benchmarks.tables import aligned, percent


def multiverse(options: Options, axes: Sequence[str], alpha: float, replicate: int) -> str:
    """The answer as tables or JSON, its figure written where asked."""
    figure_path(options.figure)
    wanted = axes_of(axes)
    found = find(
        load(options),
        options.endpoint,
        wanted,
        not axes,
        alpha,
        replicate,
        options.estimator,
        options.jobs,
        options.out,
    )
    return told(found, options, text, described, draw)


def verdict(found: Multiverse) -> str:
    """One sentence: how often something would have been found where there is nothing."""
    side = "below" if found.direction < 0 else "above"
    return (
        f"With no effect at all, {percent(found.any_share[1])} % of cohorts (Monte Carlo SE in brackets) have at least "
        f"one of {len(found.specifications)} specifications with an {found.endpoint} HR {side} 1, p < {found.alpha:g}; "
        f"the study's own analysis reaches that in {percent(found.stated_share[1])} %, the average specification in "
        f"{percent(found.mean_share[1])} %."
    )


def text(found: Multiverse) -> str:
    """The verdict, both worlds side by side, what each choice moves, one cohort's range."""
    rows = [
        ("specifications that reach the claim, mean %", *map(percent, found.mean_share)),
        ("cohorts in which the study's own does, %", *map(percent, found.stated_share)),
        ("cohorts in which at least one does, %", *map(percent, found.any_share)),
        ("specifications without an estimate, mean %", *map(percent, found.failed)),
        ("largest / smallest HR of a cohort, geometric mean", *map(_ratio, found.spread)),
    ]
    parts = [*textwrap.wrap(verdict(found), 100), "", aligned(("", *WORLDS), rows)]
    moved = [
        (
            one.axis,
            one.value,
            "-" if one.shift.value == 0 and one.shift.mcse == 0 else _signed(one.shift),
            percent(one.claims),
        )
        for one in found.levels
    ]
    heads = ("choice", "value", "change of log HR", "claims under no effect %")
    parts += ["", aligned(heads, moved, left=2)]
    others = [
        (one.name, percent(stated), percent(null))
        for one, stated, null in zip(found.specifications, *found.claims, strict=True)
        if not one.choices
    ]
    if others:
        parts += ["", aligned(("other methods", "claims as stated %", "under no effect %"), others)]
    curve = found.curve[np.isfinite(found.curve[:, 0])]
    if len(curve):
        least, most = (exp(float(x)) for x in (curve[:, 0].min(), curve[:, 0].max()))
        parts += [
            "",
            f"cohort {found.replicate} as stated: HR {least:.2f} to {most:.2f} over {len(curve)} specifications",
        ]
    return "\n".join([*parts, "", f"{found.replicates} replicates; run folder {found.folder}"])


def described(found: Multiverse) -> dict[str, Any]:
    """Everything found, as JSON allows it: null where a number is not finite."""
    return {"verdict": verdict(found), **plain(asdict(found))}


def draw(found: Multiverse, path: Path) -> None:
    """Write the specification curve of one cohort."""
    from analysis.figures_multiverse import specification_curve

    curve = found.curve
    reached = (curve[:, 3] < found.alpha) & (np.sign(curve[:, 0]) == found.direction)
    choices = [dict(one.choices) for one in found.specifications]
    write_figure(specification_curve(curve, reached, choices, found.published, found.endpoint), path)


def _ratio(spread: Measure) -> str:
    return f"{exp(spread.value):.2f} ({exp(spread.value) * spread.mcse:.2f})"


def _signed(shift: Measure) -> str:
    return f"{shift.value:+.3f} ({shift.mcse:.3f})"
