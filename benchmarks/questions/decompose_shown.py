"""The answer of `benchmarks.questions.decompose` as a sentence, a table, JSON and a waterfall."""

from collections.abc import Sequence
from math import expm1

from matplotlib.figure import Figure

from analysis.tables.text_table import table
from benchmarks.asked.load_study import Asked
from benchmarks.performance.measures import Measure
from benchmarks.questions.ask import answer, called, endpoint_of, load, paper_words
from benchmarks.questions.decompose import Decomposition, find
from benchmarks.questions.options import Options
from benchmarks.words.answer import Answer
from benchmarks.words.key_words import PaperWords
from benchmarks.words.plain_text import TIMES, words_of
from benchmarks.words.sizes import error_text, first_up, off_by, percent_text, value_of
from simulator.cohort.estimand import SUBDISTRIBUTION, Estimand


def decompose(options: Options, names: Sequence[str]) -> Answer:
    """The answer, from the options of the command."""
    asked = load(options)
    found = find(asked, endpoint_of(asked, options), options.estimator, names, options.jobs, options.out)
    return shown(found, options, asked)


def scale(found: Decomposition, words: PaperWords) -> str:
    """What is taken apart, in words."""
    if found.measure == "marginal_log_hr":
        return f"log HR of {words.endpoint(found.endpoint)}"
    if found.measure in SUBDISTRIBUTION:
        return f"log subdistribution HR of {words.endpoint(found.endpoint)}"
    when = "to" if found.measure in TIMES else "at"
    measured = words_of(found.measure)
    return f"{measured} of {words.endpoint(found.endpoint)}" + (
        f" {when} {found.horizon:g} {found.time_unit}" if found.horizon else ""
    )


def verdict(found: Decomposition, words: PaperWords, label: str) -> str:
    """How far off the analysis is, which mechanism moves it most, and what is left when all are switched off."""
    asked = _question(found)
    most = max(found.parts, key=lambda part: abs(part.estimate.value))
    rest = [part.estimate.value for part in found.parts if part is not most]
    what = f"the {'hazard ratio' if found.measure == 'marginal_log_hr' else words_of(found.measure)}"
    said = (
        f"In {found.population}, {label} finds {what} for {words.endpoint(found.endpoint)} "
        f"{off_by(asked, found.bias)}{error_text(asked, found.bias)}. The strongest cause, {most.label}, "
        f"moves it {_moved(asked, most.estimate)}."
    )
    if rest:
        together = "The other cause moves it" if len(rest) == 1 else f"The other {len(rest)} causes together move it"
        said += f" {together} {_moved(asked, Measure(sum(rest), 0.0))}."
    said += f" With all of them switched off it is {off_by(asked, found.residual)}."
    moved = sum(part.target.value for part in found.parts)
    error = max(found.truth.mcse, found.clean_truth.mcse)
    if abs(moved) > 3 * error and moved:
        truth = f"There the truth itself is {value_of(asked, found.clean_truth.value)}"
        said += f" {truth} rather than {value_of(asked, found.truth.value)}, and the estimate is "
        said += f"{off_by(asked, Measure(found.clean_bias.value, found.clean_bias.mcse))} against it."
    return said


def _question(found: Decomposition) -> Estimand:
    """What is taken apart, as what it is a measure of."""
    return Estimand.model_construct(
        measure=found.measure, endpoint=found.endpoint, horizon=found.horizon, time_unit=found.time_unit
    )


def _moved(asked: Estimand, size: Measure) -> str:
    """What a cause does to an estimate, its direction in words: '9 % up'."""
    way = "up" if size.value > 0 else "down"
    if "log" in asked.measure:
        return f"{percent_text(abs(100 * expm1(size.value)), 100 * size.mcse)} {way}"
    return f"{value_of(asked, abs(size.value))} {way}"


def shown(found: Decomposition, options: Options, asked: Asked) -> Answer:
    """The verdict and the table of the walk."""
    words, label = paper_words(asked), called(asked, found.endpoint, found.estimator)
    rows = [("all on", f"{found.estimate:.3f}", f"{found.bias:+.3f}", "", "", f"{found.truth:.3f}")]
    rows += [
        (f"- {part.label}", _minus(part.estimate), "", _minus(part.off_alone), _minus(part.on_alone),
         _minus(part.target))
        for part in found.parts
    ]  # fmt: skip
    rows.append(
        ("all off", f"{found.clean_estimate:.3f}", f"{found.residual:+.3f}", "", "", f"{found.clean_truth:.3f}")
    )
    heads = (scale(found, words), "estimate", "off the truth", "off alone", "on alone, taken off", "the truth's own")
    note = (
        "Each step switches one cause off, averaged over all orders. The truth is held where it is with all causes on: "
        "what the estimate moves is what the bias moves. The last column is how the truth itself would move, where a "
        "cause changes who is treated or how long patients are followed."
    )
    notes = [
        f"{found.replicates} simulated studies with each of {2 ** len(found.parts)} settings; "
        "in brackets: simulation error."
    ]
    if found.asks_another:
        notes.insert(
            0,
            f"{first_up(label)} answers another question (for patients alike in all covariates): part of what it is "
            "off, also with all causes off, is the distance between the two questions, and no bias.",
        )
    if found.dropped:
        notes.insert(0, f"{found.dropped} simulated studies without an estimate with some setting are left out.")
    return answer(
        "Which imperfection makes how much of the bias?",
        verdict(found, words, label),
        (table("From the published analysis to a clean one, on the scale of the analysis", heads, rows, 1, note),),
        tuple(notes),
        lambda narrow: drawn(found, asked, narrow),
        "Waterfall of the distance to the truth from all causes on to all off, a bar per cause",
        found,
        options,
        asked,
    )


def drawn(found: Decomposition, asked: Asked, narrow: bool = False) -> Figure:
    """The waterfall."""
    from analysis.figures.decompose import waterfall_of

    steps = [(part.label, -part.estimate.value, part.estimate.mcse) for part in found.parts]
    ends = (found.bias.value, found.bias.mcse), (found.residual.value, found.residual.mcse)
    label = first_up(called(asked, found.endpoint, found.estimator))
    return waterfall_of(*ends, steps, f"{label}: off the true {scale(found, paper_words(asked))}", narrow)


def _minus(one: Measure) -> str:
    return f"{Measure(0.0 - one.value, one.mcse):+.3f}"
