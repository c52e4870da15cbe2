"""Numbers, settings and tables as text, of a study or a cohort, for a terminal of 100 columns."""

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from math import exp, isfinite, isnan

from analysis.cohort_files.cohort_spec import Data
from analysis.paper.cohort_analysis import CohortAnalysis
from analysis.tables.cohort_tables import all_tables, warnings_of
from analysis.tables.text_table import TextTable, clean
from benchmarks.asked.scenario import Settings
from benchmarks.performance.measures import Measure
from benchmarks.study.running import JudgedBy, StudyResult
from benchmarks.truth.counted import Truth
from simulator.cohort.estimand import Estimand

WIDTH = 100
ABSENT = "-"
MEASURES = {
    "marginal_log_hr": "HR",
    "conditional_log_hr": "cond. HR",
    "exposure_log_hr": "HR of exposure",
    "rmst_difference": "RMST diff, months",
    "survival_difference": "surv. diff",
    "median_difference": "median diff, months",
    "risk_difference": "risk diff",
    "log_risk_ratio": "risk ratio",
    "log_odds_ratio": "odds ratio",
    "none": "test",
}
"""What a table calls a measure; a logarithm is shown as the ratio itself."""
IN_MONTHS = ("rmst_difference", "median_difference")
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


def settings_text(settings: Settings) -> str:
    """What the sweep set in a cell."""
    return "; ".join(f"{key} = {value_text(value)}" for key, value in settings.items()) or "as stated"


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


def signed(measure: Measure) -> str:
    """A difference with its sign and its Monte Carlo standard error in brackets."""
    value = measure.value
    return f"{round(value, 3) + 0.0:+.3f} ({number(measure.mcse)})" if isfinite(value) else ABSENT


def with_error(measure: Measure, digits: int = 3) -> str:
    """A value with its Monte Carlo standard error in brackets."""
    return ABSENT if isnan(measure.value) else f"{number(measure.value, digits)} ({number(measure.mcse, digits)})"


def percent(measure: Measure) -> str:
    """A share in percent with its Monte Carlo standard error in brackets."""
    return with_error(Measure(100 * measure.value, 100 * measure.mcse), 1)


def natural(estimand: Estimand, value: float) -> float:
    """A value of the estimand as it is shown: a ratio, not its logarithm."""
    return exp(value) if "log" in estimand.measure else value


def words_of(measure: str) -> str:
    """A measure in words, without its horizon: log HR, RMST difference."""
    return measure.replace("_", " ").replace("hr", "HR").replace("rmst", "RMST")


def estimated(measure: str) -> str:
    """What an estimator of a measure does: estimates an RMST difference, is a test."""
    if measure == "none":
        return "is a test"
    words = words_of(measure)
    return f"estimates {'an' if words.startswith('RMST') else 'a'} {words}"


def measure_of(estimand: Estimand) -> str:
    """A measure in words: log HR, RMST difference to 24 months."""
    words = words_of(estimand.measure)
    if estimand.measure == "none":
        return "a test"
    if estimand.horizon is None:
        return f"{words}, months" if estimand.measure in IN_MONTHS else words
    return f"{words} {'to' if estimand.measure in IN_MONTHS else 'at'} {estimand.horizon:g} months"


def label_of(estimand: Estimand) -> str:
    """A measure as a table calls it, with its horizon: HR, RMST diff to 24 months."""
    name = MEASURES[estimand.measure].partition(",")[0]
    if estimand.horizon is None:
        return name
    return f"{name} {'to' if estimand.measure in IN_MONTHS else 'at'} {estimand.horizon:g} months"


def truth_text(truth: Truth) -> str:
    """The true value as a table shows it; words where there is none."""
    if isfinite(truth.value):
        return number(natural(truth.estimand, truth.value))
    return NOT_REACHED if truth.estimand.measure == "median_difference" else ABSENT


def aligned(header: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """Columns side by side, the first ``left`` ones to the left; what does not fit within the width is wrapped."""
    table = [tuple(map(clean, row)) for row in (header, *rows)]
    gaps = 2 * (len(header) - 1)
    words = [max(map(len, name.split()), default=0) for name in header]
    widths = [max([words[k], *(len(row[k]) for row in table[1:])]) for k in range(len(header))]
    whole = [max(width, len(name)) for width, name in zip(widths, header, strict=True)]
    widths = whole if sum(whole) + gaps <= WIDTH else widths
    while sum(widths) + gaps > WIDTH and max(widths) > 6:
        widths[widths.index(max(widths))] -= 1
    lines = []
    for row in table:
        cells = [textwrap.wrap(text, width) or [""] for text, width in zip(row, widths, strict=True)]
        for line in range(max(map(len, cells))):
            here = [wrapped[line] if line < len(wrapped) else "" for wrapped in cells]
            placed = [
                text.ljust(width) if k < left else text.rjust(width)
                for k, (text, width) in enumerate(zip(here, widths, strict=True))
            ]
            lines.append("  ".join(placed).rstrip())
        if row is table[0]:
            lines.append("  ".join("-" * width for width in widths))
    return "\n".join(lines)


def cohort_tables(analysis: CohortAnalysis, data: Data | None = None) -> str:
    """The analysis of one cohort for a terminal."""
    size, sets = analysis.cohort, analysis.matching
    lead = (
        f"{size.n:,} patients: {size.treated:,} {analysis.arms.treated}, {size.control:,} {analysis.arms.control}; "
        f"{sets.n_pairs:,} matched sets ({sets.status.name})"
    )
    told = [textwrap.fill(clean(line), WIDTH) for line in as_read_told(analysis)]
    warnings = [textwrap.fill(f"Warning: {clean(one)}", WIDTH) for one in warnings_of(analysis)]
    return "\n\n".join(["\n".join([lead, *told]), *warnings, *map(text_table, all_tables(analysis, data))])


def as_read_told(analysis: CohortAnalysis) -> list[str]:
    """What reading the file decided, in sentences."""
    return [] if analysis.as_read is None else analysis.as_read.told()


def text_table(table: TextTable) -> str:
    """A table with its title above and its notes below; one too wide is given in parts, one below the other."""
    notes = [textwrap.fill(clean(note), WIDTH) for note in table.notes]
    columns = range(len(table.header))
    least = [max(max(map(len, table.header[k].split(" "))), *(len(row[k]) for row in table.rows), 0) for k in columns]
    parts: list[Sequence[int]] = [columns[1:]]
    if sum(least) + 2 * (len(columns) - 1) > WIDTH and len(columns) >= 6:
        own = [columns for name, columns in table.blocks if name]
        middle = len(columns) // 2
        parts = [*own] or [columns[1:middle], columns[middle:]]
    made = []
    for part in parts:
        text = aligned([table.header[k] for k in (0, *part)], [[row[k] for k in (0, *part)] for row in table.rows])
        above = [(name, own) for name, own in table.blocks if name and set(own) <= set(part)]
        made.append(_under(above, (0, *part), text) if above else text)
    return "\n".join([clean(table.title), "\n\n".join(made), *notes])


def _under(above: Sequence[tuple[str, Sequence[int]]], columns: Sequence[int], text: str) -> str:
    """The aligned columns with heads above their heads, each in the middle of its own."""
    rule = next(line for line in text.splitlines() if line.strip("- ") == "")
    places = [found.span() for found in re.finditer("-+", rule)]
    line = ""
    for name, own in above:
        start, end = places[columns.index(own[0])][0], places[columns.index(own[-1])][1]
        line = line.ljust(start) + name.center(end - start, "-" if end - start > len(name) + 1 else " ")
    return f"{line.rstrip()}\n{text}"
