"""Numbers, settings and tables as text, of a study or a cohort, for a terminal of 100 columns."""

import re
from collections.abc import Mapping
from math import exp, isfinite, isnan

from analysis.cohort_files.cohort_spec import Data
from analysis.paper.cohort_analysis import CohortAnalysis
from analysis.paper.effects import HazardRatio
from analysis.paper.number_text import hr_text
from analysis.paper.sides import done_words, side_words
from analysis.tables.cohort_tables import all_tables, warnings_of
from analysis.tables.competing_tables import competing_told
from benchmarks.performance.measures import Measure
from benchmarks.study.running import JudgedBy, StudyResult
from benchmarks.truth.counted import Truth
from benchmarks.words.answer import Answer
from benchmarks.words.key_words import in_a_sentence
from simulator.cohort.estimand import Estimand

WIDTH = 100
ABSENT = "-"
MEASURES = {
    "marginal_log_hr": "HR",
    "conditional_log_hr": "adjusted HR",
    "exposure_log_hr": "HR of exposure",
    "marginal_subdistribution_log_hr": "subdistribution HR",
    "conditional_subdistribution_log_hr": "adjusted subdistribution HR",
    "rmst_difference": "RMST difference",
    "survival_difference": "survival difference",
    "median_difference": "median difference",
    "incidence_difference": "incidence difference",
    "log_incidence_ratio": "incidence ratio",
    "rmtl_difference": "RMTL difference",
    "risk_difference": "risk difference",
    "log_risk_ratio": "risk ratio",
    "log_odds_ratio": "odds ratio",
    "none": "test",
}
"""What a table calls a measure; a logarithm is shown as the ratio itself."""
TIMES = ("rmst_difference", "rmtl_difference", "median_difference")
"""Measures that are times themselves."""
NOT_REACHED = "not reached"


def measures(
    result: StudyResult, cell: int, endpoint: str, estimator: str, judged_by: JudgedBy = "target"
) -> dict[str, Measure]:
    """The measures of one estimator in one cell by name, by the study's target or by the estimator's own estimand."""
    return result.measured.get((cell, endpoint, estimator, judged_by), {})


def rejection(found: dict[str, Measure]) -> tuple[str, Measure]:
    """The share of rejections under its right name: type-I error where the truth is zero, else power."""
    name = "type_1_error" if "type_1_error" in found else "power"
    return name, found[name]


def value_text(value: object) -> str:
    """A value of a scenario as it is told to a reader: lists and mappings without their brackets."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {value_text(part)}" for key, part in value.items()) or "none"
    if isinstance(value, list | tuple):
        if value and all(isinstance(item, list | tuple) for item in value):
            return ", ".join(f"({value_text(item)})" for item in value)
        return ", ".join(map(value_text, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def number(value: float, digits: int = 3) -> str:
    """A number with fixed decimals, a dash for NaN."""
    return f"{round(value, digits) + 0.0:.{digits}f}" if isfinite(value) else ABSENT


def as_printed(value: float, printed: str) -> str:
    """A simulated number with as many decimals as the printed one, or as the last of several; one where none stands."""
    found = re.findall(r"\d+(?:\.(\d*))?", printed)
    return number(value, len(found[-1]) if found else 1)


def signed(measure: Measure) -> str:
    """A difference with its sign and its simulation error in brackets."""
    value = measure.value
    return f"{round(value, 3) + 0.0:+.3f} ({number(measure.mcse)})" if isfinite(value) else ABSENT


def with_error(measure: Measure, digits: int = 3) -> str:
    """A value with its simulation error in brackets."""
    return ABSENT if isnan(measure.value) else f"{number(measure.value, digits)} ({number(measure.mcse, digits)})"


def percent(measure: Measure) -> str:
    """A share in percent with its simulation error in brackets."""
    return with_error(Measure(100 * measure.value, 100 * measure.mcse), 1)


def natural(estimand: Estimand, value: float) -> float:
    """A value of the estimand as it is shown: a ratio, not its logarithm."""
    return exp(value) if "log" in estimand.measure else value


def words_of(measure: str) -> str:
    """A measure in words, without its horizon: log HR, RMST difference."""
    return measure.replace("_", " ").replace("hr", "HR").replace("rmst", "RMST").replace("rmtl", "RMTL")


def estimated(measure: str) -> str:
    """What an estimator of a measure does: estimates an RMST difference, is a test."""
    if measure == "none":
        return "is a test"
    words = words_of(measure)
    return f"estimates {'an' if words.startswith(('RM', 'inc')) else 'a'} {words}"


def measure_of(estimand: Estimand) -> str:
    """A measure in words: log HR, RMST difference to 24 months."""
    words = words_of(estimand.measure)
    if estimand.measure == "none":
        return "a test"
    if estimand.horizon is None:
        return f"{words}, {estimand.time_unit}" if estimand.measure in TIMES else words
    return f"{words} {'to' if estimand.measure in TIMES else 'at'} {estimand.horizon:g} {estimand.time_unit}"


def unit_of(estimand: Estimand) -> str:
    """The unit of a value of the measure; empty where it has none."""
    return estimand.time_unit if estimand.measure in TIMES else ""


def label_of(estimand: Estimand) -> str:
    """A measure as a table calls it, with its horizon: HR, RMST difference to 24 months."""
    name = MEASURES[estimand.measure]
    if estimand.horizon is None:
        return name
    return f"{name} {'to' if estimand.measure in TIMES else 'at'} {estimand.horizon:g} {estimand.time_unit}"


def truth_text(truth: Truth) -> str:
    """The true value as a table shows it; words where there is none."""
    if isfinite(truth.value):
        return number(natural(truth.estimand, truth.value))
    return NOT_REACHED if truth.estimand.measure == "median_difference" else ABSENT


def cohort_answer(analysis: CohortAnalysis, data: Data | None = None) -> Answer:
    """The analysis of one cohort: who they are, what reading the file decided, warnings, then the tables."""
    size = analysis.cohort
    status = analysis.adjusted.status.name
    lead = (
        f"{size.n:,} patients: {size.treated:,} {analysis.arms.treated}, {size.control:,} {analysis.arms.control}; "
        f"{sets_told(analysis)}{'' if status == 'OK' else f' ({status})'}."
    )
    warnings = (f"Warning: {one}" for one in warnings_of(analysis))
    said = "\n".join(
        " ".join(line.split())
        for line in (
            *main_results(analysis),
            lead,
            *as_read_told(analysis),
            *warnings,
            *competing_told(analysis, data.time_unit if data else ""),
        )
    )
    return Answer(analysis.to_json(), said, tuple(all_tables(analysis, data)), found=analysis)


def main_results(analysis: CohortAnalysis) -> list[str]:
    """A sentence on each endpoint: the hazard ratio of treatment, its interval, and whom it favours."""
    return [
        f"{_in_words(one.after.cox, analysis)} for {in_a_sentence(one.label)} {side_words(analysis.plan, 'after')}"
        f"{'' if analysis.plan.primary != 'adjustment' else ', without adjustment'}."
        for one in analysis.endpoints.values()
    ]


def _in_words(found: HazardRatio, analysis: CohortAnalysis) -> str:
    """A hazard ratio as the start of a sentence."""
    if not isfinite(found.hr):
        return f"There is no hazard ratio of treatment ({found.status.name.lower().replace('_', ' ')})"
    level = f"{100 * analysis.plan.survival.level:.6g} % interval"
    text = hr_text(found).replace(" (", f" ({level} ", 1).replace(", ", " to ")
    if found.low < 1 < found.high:
        return f"The hazard ratio is {text}, no clear difference between the arms,"
    arms = analysis.arms
    return f"The hazard ratio is {text}, in favour of {arms.treated if found.hr < 1 else arms.control},"


def sets_told(analysis: CohortAnalysis) -> str:
    """How many the primary analysis compares, in words."""
    sizes, sets = analysis.adjusted, analysis.matching
    if sets is not None:
        return f"{sets.n_pairs:,} matched sets"
    return f"{sizes.n_treated:,} and {sizes.n_control:,} {done_words(analysis.plan)}"


def as_read_told(analysis: CohortAnalysis) -> list[str]:
    """What reading the file decided, in sentences."""
    return [] if analysis.as_read is None else analysis.as_read.told()
