"""The answer of `benchmarks.questions.multiverse` as a sentence, tables, JSON and a figure."""

from collections.abc import Sequence
from math import exp

import numpy as np
from matplotlib.figure import Figure

from analysis.tables.text_table import table
from benchmarks.asked.load_study import Asked
from benchmarks.performance.measures import Measure
from benchmarks.questions.ask import answer, endpoint_of, load
from benchmarks.questions.multiverse import WORLDS, Multiverse, axes_of, find
from benchmarks.questions.options import Options
from benchmarks.words.answer import Answer
from benchmarks.words.plain_text import percent


def multiverse(options: Options, axes: Sequence[str], alpha: float, replicate: int) -> Answer:
    """The answer, from the options of the command."""
    asked = load(options)
    wanted = axes_of(axes, asked.scenario.analysis, tuple(asked.scenario.population.covariates))
    found = find(
        asked,
        endpoint_of(asked, options),
        wanted,
        not axes,
        alpha,
        replicate,
        options.estimator,
        options.jobs,
        options.out,
    )
    return shown(found, options, asked)


def verdict(found: Multiverse) -> str:
    """One sentence: how often something would have been found where there is nothing."""
    side = "below" if found.direction < 0 else "above"
    return (
        f"With no effect at all, {percent(found.any_share[1])} % of cohorts (Monte Carlo SE in brackets) have at least "
        f"one of {len(found.specifications)} specifications with an HR of {found.endpoint} {side} 1, "
        f"p < {found.alpha:g}; the study's own analysis reaches that in {percent(found.stated_share[1])} %, the "
        f"average specification in {percent(found.mean_share[1])} %."
    )


def shown(found: Multiverse, options: Options, asked: Asked) -> Answer:
    """The verdict, both worlds side by side, what each choice moves, one cohort's range."""
    rows = [
        ("specifications that reach the claim, mean %", *map(percent, found.mean_share)),
        ("cohorts in which the study's own does, %", *map(percent, found.stated_share)),
        ("cohorts in which at least one does, %", *map(percent, found.any_share)),
        ("specifications without an estimate, mean %", *map(percent, found.failed)),
        ("largest / smallest HR of a cohort, geometric mean", *map(_ratio, found.spread)),
    ]
    tables = [table("The claim as the world says, and with no effect", ("", *WORLDS), rows)]
    moved = [
        (
            one.axis,
            one.value,
            "-" if one.shift.value == 0 and one.shift.mcse == 0 else f"{one.shift:+.3f}",
            percent(one.claims),
        )
        for one in found.levels
    ]
    heads = ("choice", "value", "change of log HR", "claims under no effect %")
    tables.append(table("What each choice moves, averaged over all others", heads, moved, 2))
    others = [
        (one.name, percent(stated), percent(null))
        for one, stated, null in zip(found.specifications, *found.claims, strict=True)
        if not one.choices
    ]
    if others:
        methods = ("method", "claims as stated %", "claims under no effect %")
        tables.append(table("Other methods", methods, others))
    notes = []
    curve = found.curve[np.isfinite(found.curve[:, 0])]
    if len(curve):
        least, most = (exp(float(x)) for x in (curve[:, 0].min(), curve[:, 0].max()))
        notes.append(
            f"Cohort {found.replicate} as stated: HR {least:.2f} to {most:.2f} over {len(curve)} specifications."
        )
    return answer(
        "How often would some defensible analysis reach the published claim?",
        verdict(found),
        tuple(tables),
        (*notes, f"{found.replicates} replicates; Monte Carlo SE in brackets."),
        lambda: drawn(found),
        "Estimates of one cohort under every specification, in order, and the choices that made them",
        found,
        options,
        asked,
    )


def drawn(found: Multiverse) -> Figure:
    """The specification curve of one cohort."""
    from analysis.figures.multiverse import specification_curve_of

    curve = found.curve
    reached = (curve[:, 3] < found.alpha) & (np.sign(curve[:, 0]) == found.direction)
    choices = [dict(one.choices) for one in found.specifications]
    return specification_curve_of(curve, reached, choices, found.published, found.endpoint, found.interval_level)


def _ratio(spread: Measure) -> str:
    return f"{exp(spread.value):.2f} ({exp(spread.value) * spread.mcse:.2f})"
