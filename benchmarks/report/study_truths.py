"""What a study's page says of truth: in whom, what each analysis does, how the patients were simulated."""

import re

from analysis.estimators import Estimator
from analysis.tables.text_table import TextTable, table
from benchmarks.asked.scenario import Scenario
from benchmarks.performance.measures import Measure
from benchmarks.report.engine import Fold, Items, Section
from benchmarks.report.study_tables import relabelled
from benchmarks.report.world import design_text
from benchmarks.study.running import StudyResult
from benchmarks.words import performance_tables, plain_text
from benchmarks.words.analysis_names import labels_of
from benchmarks.words.settings_named import setting_text
from simulator.cohort.estimand import Estimand
from simulator.documents.spec import timed

_OPTION = re.compile("``(\\w+)``")


def truths_section(result: StudyResult, scenario: Scenario) -> Section:
    """What is true, in whom, how the patients were simulated, and what each analysis does."""
    several = len(result.cells) > 1
    named = settings_named(result)
    rows = [
        (
            endpoint,
            estimator,
            *((named[cell],) if several else ()),
            performance_tables.in_whom(truth.estimand),
            plain_text.measure_of(truth.estimand),
            truth.how,
            plain_text.with_error(Measure(truth.value, truth.mcse), 4),
            plain_text.truth_text(truth),
        )
        for (cell, endpoint, estimator), truth in result.truths.items()
    ]
    heads = ("endpoint", "estimator", *(("setting",) if several else ()), "population", "measure", "how")
    shown = table("Truths", (*heads, "truth (MCSE)", "as ratio or difference"), rows, len(heads))
    why = (
        "Side by side, analyses are compared with one truth, in the same patients, each in its own measure of the "
        "whole group. Whether each answers its own question is a second table. A hazard ratio among patients alike in "
        "all traits differs from that of the whole group even without any bias."
    )
    labels = labels_of(result.cells[0])
    told = ((labels.get(one.name, one.name), _described(one, scenario.time_unit)) for one in scenario.estimators)
    methods = Items(tuple(told))
    return Section(
        "What is true, and in whom?",
        "Each analysis is compared with the true effect in the patients whom it is about.",
        (
            result.people,
            _targets(result),
            Fold("What each analysis does", (methods,)),
            Fold(f"The true effect for each question: {len(rows)} truths", (why, relabelled(shown, labels))),
            Fold("How the patients were simulated", (design_text(scenario),)),
        ),
        "truth",
        "What is true",
    )


def _targets(result: StudyResult) -> TextTable:
    """The truths of the target: a row for each cell, endpoint, measure and horizon."""
    several = len(result.cells) > 1
    named = settings_named(result)
    rows: dict[tuple[int, Estimand], tuple[str, ...]] = {}
    for (cell, endpoint, _), truth in result.targets.items():
        asked = truth.estimand
        if asked.measure != "none":
            rows[cell, asked] = (
                endpoint,
                *((named[cell],) if several else ()),
                *((performance_tables.in_whom(asked),) if result.has_targets else ()),
                plain_text.measure_of(asked),
                truth.how,
                plain_text.with_error(Measure(truth.value, truth.mcse), 4),
                plain_text.truth_text(truth),
            )
    who = ("population",) if result.has_targets else ()
    heads = ("endpoint", *(("setting",) if several else ()), *who, "measure", "how")
    return table(
        "The truth that all are compared with",
        (*heads, "truth (MCSE)", "as ratio or difference"),
        list(rows.values()),
        len(heads),
    )


def settings_named(result: StudyResult) -> dict[int, str]:
    """What is set in each cell, in words."""
    return {cell.number: setting_text(cell.settings, cell.scenario) for cell in result.cells}


def _described(estimator: Estimator, unit: str) -> str:
    """The first sentence of an estimator's documentation with the values of the options that it names.

    Other options follow where they are not the usual ones. Times are told with their ``unit``.
    """

    def told(key: str, value: object) -> str:
        return plain_text.value_text(value) + (f" {unit}" if key in times and value is not None else "")

    times = {str(path[0]) for path, _ in timed(estimator)}
    first = " ".join((type(estimator).__doc__ or "").split("\n\n")[0].split()).split(". ")[0].rstrip(".")
    named = set(_OPTION.findall(first)) & set(type(estimator).model_fields)
    first = _OPTION.sub(lambda found: told(found[1], getattr(estimator, found[1], found[1])), first)
    options = estimator.model_dump(exclude_defaults=True, exclude={"kind", "name", "endpoints", *named})
    others = "; ".join(f"{key.replace('_', ' ')} {told(key, value)}" for key, value in options.items())
    return first + (f" ({others})." if others else ".")
