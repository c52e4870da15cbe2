"""The answer of `benchmarks.questions.multiverse` as a sentence, tables, JSON and a figure."""

from collections.abc import Sequence
from math import exp

import numpy as np
from matplotlib.figure import Figure

from analysis.tables.text_table import table
from benchmarks.asked.load_study import Asked
from benchmarks.performance.measures import Measure
from benchmarks.questions.ask import answer, called, endpoint_of, load, paper_words
from benchmarks.questions.multiverse import WORLDS, Multiverse, axes_of, find
from benchmarks.questions.options import Options
from benchmarks.words.answer import Answer
from benchmarks.words.choice_words import choice_label, choice_value, tool_label
from benchmarks.words.key_words import PaperWords
from benchmarks.words.plain_text import percent
from benchmarks.words.sizes import first_up, percent_text, share_text


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
    words = paper_words(asked)
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
            first_up(choice_label(one.axis)),
            choice_value(one.axis, one.value, words),
            "-" if one.shift.value == 0 and one.shift.mcse == 0 else _moved(one.shift),
            percent(one.claims),
        )
        for one in found.levels
    ]
    heads = ("choice", "value", "changes the HR by %", "found without an effect %")
    tables.append(table("What each choice moves, averaged over all others", heads, moved, 2))
    others = [
        (
            first_up(tool_label(one.name) or called(asked, found.endpoint, one.name)),
            percent(stated),
            percent(null),
        )
        for one, stated, null in zip(found.specifications, *found.claims, strict=True)
        if not one.choices
    ]
    if others:
        methods = ("analysis", "found with the twin's effect %", "found without an effect %")
        tables.append(table("Other analyses", methods, others))
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
        verdict(found, words),
        tuple(tables),
        (*notes, f"{found.replicates} simulated studies; in brackets: simulation error."),
        lambda narrow: drawn(found, words, narrow),
        "Results of one simulated study under every defensible analysis, in order, and the choices that made them",
        found,
        options,
        asked,
    )


def drawn(found: Multiverse, words: PaperWords, narrow: bool = False) -> Figure:
    """The specification curve of one cohort."""
    from analysis.figures.multiverse import specification_curve_of

    curve = found.curve
    reached = (curve[:, 3] < found.alpha) & (np.sign(curve[:, 0]) == found.direction)
    choices = [
        {choice_label(axis): choice_value(axis, value, words) for axis, value in one.choices.items()}
        for one in found.specifications
    ]
    endpoint = first_up(words.endpoint(found.endpoint))
    return specification_curve_of(curve, reached, choices, found.published, endpoint, found.interval_level, narrow)


def _moved(shift: Measure) -> str:
    """A change of the logarithm as one of the ratio in percent, with its simulation error in brackets."""
    ratio = exp(shift.value)
    return f"{100 * (ratio - 1):+.1f} ({100 * ratio * shift.mcse:.1f})".replace("-", "−")


def _ratio(spread: Measure) -> str:
    return f"{exp(spread.value):.2f} ({exp(spread.value) * spread.mcse:.2f})"
