"""The answer of `benchmarks.questions.multiverse` as a sentence, tables, JSON and a figure."""

from collections.abc import Sequence
from math import exp

import numpy as np
from matplotlib.figure import Figure

from analysis.tables.text_table import table
from benchmarks.asked.load_study import Asked
from benchmarks.performance.measures import Measure
from benchmarks.questions.ask import answer, endpoint_of, load, paper_words
from benchmarks.questions.multiverse import WORLDS, Multiverse, axes_of, find
from benchmarks.questions.options import Options
from benchmarks.words.answer import Answer
from benchmarks.words.key_words import PaperWords
from benchmarks.words.plain_text import percent
from benchmarks.words.sizes import percent_text, share_text


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


def verdict(found: Multiverse, words: PaperWords) -> str:
    """How often some defensible analysis would find something where there is nothing; how far the results lie apart."""
    benefit = "a benefit" if found.direction < 0 else "a harm"
    any_, stated, mean = found.any_share[1], found.stated_share[1], found.mean_share[1]
    return (
        f"Where the treatment has no effect on {words.endpoint(found.endpoint)}, at least one of "
        f"{len(found.specifications)} defensible analyses finds {benefit} (p < {found.alpha:g}) in "
        f"{_share(any_)} of simulated studies (simulation error {percent_text(100 * any_.mcse)}). The study's own "
        f"analysis does so in {_share(stated)}, the average one in {_share(mean)}. With the effect of the twin, the "
        f"largest result of a study is {exp(found.spread[0].value):.1f} times the smallest."
    )


def _share(one: Measure) -> str:
    return share_text(one.value, one.mcse)


def shown(found: Multiverse, options: Options, asked: Asked) -> Answer:
    """The verdict, both worlds side by side, what each choice moves, one cohort's range."""
    rows = [
        ("analyses that find it, mean %", *map(percent, found.mean_share)),
        ("studies in which the paper's own does, %", *map(percent, found.stated_share)),
        ("studies in which at least one does, %", *map(percent, found.any_share)),
        ("analyses without an estimate, mean %", *map(percent, found.failed)),
        ("largest / smallest HR of a study, geometric mean", *map(_ratio, found.spread)),
    ]
    tables = [table("How often it is found: with the effect of the twin, and with none", ("", *WORLDS), rows)]
    moved = [
        (
            one.axis,
            one.value,
            "-" if one.shift.value == 0 and one.shift.mcse == 0 else f"{one.shift:+.3f}",
            percent(one.claims),
        )
        for one in found.levels
    ]
    heads = ("choice", "value", "change of the log HR", "found without an effect %")
    tables.append(table("What each choice moves, averaged over all others", heads, moved, 2))
    others = [
        (one.name, percent(stated), percent(null))
        for one, stated, null in zip(found.specifications, *found.claims, strict=True)
        if not one.choices
    ]
    if others:
        methods = ("method", "found as stated %", "found without an effect %")
        tables.append(table("Other methods", methods, others))
    notes = []
    curve = found.curve[np.isfinite(found.curve[:, 0])]
    if len(curve):
        least, most = (exp(float(x)) for x in (curve[:, 0].min(), curve[:, 0].max()))
        notes.append(
            f"One simulated study (number {found.replicate}) as stated: HR {least:.2f} to {most:.2f} over "
            f"{len(curve)} analyses."
        )
    return answer(
        "Does the choice of analysis matter?",
        verdict(found, paper_words(asked)),
        tuple(tables),
        (*notes, f"{found.replicates} simulated studies; in brackets: simulation error."),
        lambda: drawn(found),
        "Results of one simulated study under every defensible analysis, in order, and the choices that made them",
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
