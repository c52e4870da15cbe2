"""Tables 1 to 4 of a paper: characteristics, response, predictors of survival, adverse events."""

from collections.abc import Sequence
from dataclasses import replace

from analysis.cohort_files.cohort_spec import Data
from analysis.paper.cohort_analysis import BinaryResult, CohortAnalysis, Comparison
from analysis.paper.cox_tables import CoxRow
from analysis.paper.number_text import count_text, decimals, hr_text, p_text
from analysis.paper.responses import BinaryResponse
from analysis.paper.sides import side_heading, side_words, sides_shown, strata_words, weights_words
from analysis.paper.table1 import ContinuousNumbers, Table1Row
from analysis.tables.text_table import TextTable

TESTS = {
    "welch": "Welch t",
    "student": "Student t",
    "mann_whitney": "Mann-Whitney U",
    "pearson": "Pearson χ²",
    "yates": "χ² with Yates's correction",
    "fisher": "Fisher exact",
    "weighted_t": "weighted t (as R's svyttest)",
    "weighted_rank": "weighted rank (svyranktest)",
    "rao_scott": "Rao-Scott F (svychisq)",
}
GRADES = (("", 1), ("Any grade", 3), ("Grade 3/4", 3))


def paper_tables(analysis: CohortAnalysis, data: Data | None) -> tuple[TextTable, ...]:
    """Those of the four for which there is something to show, numbered; ``data`` is what the SPEC says of the file."""
    made = [baseline_table(analysis, data), response_table(analysis, data), cox_table(analysis)]
    made.append(adverse_event_table(analysis, data))
    shown = [table for table in made if table.rows]
    return tuple(replace(table, title=f"Table {k}. {table.title}") for k, table in enumerate(shown, start=1))


def weighting_notes(analysis: CohortAnalysis) -> tuple[str, ...]:
    """What a footnote says of the weights or strata of the set analysed after; nothing where there are none."""
    if analysis.after.stratum is not None:
        return (f"{strata_words(analysis.plan.stratification)}.",)
    if analysis.after.weight is None:
        return ()
    sets = analysis.matching
    if sets is None:
        return (
            f"After weighting ({weights_words(analysis.plan.weighting)}) all but n and events, which count patients, "
            "is weighted; tests and intervals are robust, by patient, and take the weights for known.",
        )
    how, who = f"1:{sets.ratio}", "by matched set"
    if sets.replacement:
        how, who = f"{how} with replacement", "by patient, as sets share controls"
    return (
        f"After matching ({how}) all but n and events, which count patients, is weighted by the matching weights; "
        f"tests and intervals are robust, clustered {who}.",
    )


def score_notes(analysis: CohortAnalysis, column: str, test: str) -> tuple[str, ...]:
    """What a test of the arms is in a weighted cohort; nothing where there are no weights."""
    if analysis.after.weight is None:
        return ()
    model = "weighted Cox model, " if test == "the log-rank test" else "weighted incidences, "
    when = side_words(analysis.plan, "after")
    return (f"{column} {when}: robust score test of the {model}{test} of weighted data.",)


def sides_heads(analysis: CohortAnalysis) -> tuple[tuple[str, int], ...]:
    """The heads above three columns for each side, after the first column."""
    plan = analysis.plan
    return (("", 1), *((side_heading(plan, when), 3) for when in sides_shown(plan)))


def baseline_table(analysis: CohortAnalysis, data: Data | None = None) -> TextTable:
    """Table 1, the sides beside one another."""
    rows: list[tuple[str, ...]] = []
    previous = None
    shown_sides = sides_shown(analysis.plan)
    for before, after in zip(analysis.table1.before, analysis.table1.after, strict=True):
        sides = [before if when == "before" else after for when in shown_sides]
        variable = analysis.observed.variable[before.variable]
        name, unit = variable.label or variable.name, variable.unit
        if before.level is None:
            shown = ", ".join(text for text in ("Mean ± SD" if before.shows == "mean" else "median", unit) if text)
            digits = data.covariates[before.variable].digits if data else None
            cells = [cell for row in sides for cell in (*_numbers(row, digits), p_text(row.p))]
            rows.append((f"{name} ({shown})", *cells))
            continue
        if before.variable != previous:
            ps = [cell for row in sides for cell in ("", "", p_text(row.p))]
            rows.append((f"{name} ({unit})" if unit else name, *ps))
        previous = before.variable
        cells = [cell for row in sides for cell in (*_counts(row), "")]
        rows.append((f"  {_level(before.level) if variable.kind == 'continuous' else before.level}", *cells))
    used = [row.test for row in (*analysis.table1.before, *analysis.table1.after)]
    note = "Mean ± SD, median (quartiles) or n (%). Tests: " + ", ".join(TESTS[name] for name in TESTS if name in used)
    title = f"Baseline characteristics {side_words(analysis.plan, *shown_sides)}"
    notes = (f"{note}.", *weighting_notes(analysis))
    return TextTable(title, ("Characteristics", *_both_heads(analysis)), tuple(rows), notes, sides_heads(analysis))


def _numbers(row: Table1Row, digits: int | None) -> tuple[str, ...]:
    cells = []
    for arm in (row.control, row.treated):
        assert isinstance(arm, ContinuousNumbers)
        middle = arm.mean if row.shows == "mean" else arm.median
        spread = f"± {decimals(arm.sd, digits)}"
        if row.shows != "mean":
            spread = f"({decimals(arm.q1, digits)}, {decimals(arm.q3, digits)})"
        cells.append(f"{decimals(middle, digits)} {spread}")
    return tuple(cells)


def _counts(row: Table1Row) -> tuple[str, ...]:
    cells = []
    for arm in (row.control, row.treated):
        assert not isinstance(arm, ContinuousNumbers)
        cells.append(f"{arm.n} ({decimals(arm.percent, 1)}%)")
    return tuple(cells)


def _level(level: str) -> str:
    return level.replace("<=", "≤ ").replace(">", "> ")


def response_table(analysis: CohortAnalysis, data: Data | None = None) -> TextTable:
    """Table 2: the yes/no outcomes that are no adverse events, on both sides."""
    apart = {name for pair in _events(data) for name in pair}
    shows = {name: data.binary[name].shown if data else "tested" for name in analysis.binary if name not in apart}
    results = {name: analysis.binary[name] for name, shown in shows.items() if shown != "no"}
    rows = []
    for name, result in results.items():
        tested = shows[name] == "tested"
        sides = [result.before if when == "before" else result.after for when in sides_shown(analysis.plan)]
        rows.append((result.label, *(cell for side in sides for cell in _response(side, tested))))
    note = f"n (%). Tests: {_tests_of([one for name, one in results.items() if shows[name] == 'tested'])}."
    title = f"Response {side_words(analysis.plan, *sides_shown(analysis.plan))}"
    notes = (note, *weighting_notes(analysis))
    return TextTable(title, ("Response", *_both_heads(analysis)), tuple(rows), notes, sides_heads(analysis))


def cox_table(analysis: CohortAnalysis, when: str = "after") -> TextTable:
    """Table 3: univariable and multivariable hazard ratios of every endpoint."""
    rows: dict[str, list[str]] = {}
    whole = 1 + 4 * len(analysis.endpoints)
    for place, result in enumerate(analysis.endpoints.values()):
        side: Comparison = result.before if when == "before" else result.after
        adjusted = {row.column: row for row in side.multivariable}
        for row in side.univariable:
            other: CoxRow | None = adjusted.get(row.column)
            second = (hr_text(other), p_text(other.p)) if other else ("", "")
            cells = rows.setdefault(row.column, [row.label] + [""] * (whole - 1))
            cells[1 + 4 * place : 5 + 4 * place] = [hr_text(row), p_text(row.p), *second]
    limit = analysis.plan.cox.screening_p
    note = (
        "All terms enter the multivariable models." if limit is None else f"Multivariable: univariable p < {limit:g}."
    )
    level = f"{100 * analysis.plan.survival.level:g}% CI"
    heads = (f"Univ. HR ({level})", "univ. p", f"Multiv. HR ({level})", "multiv. p")
    return TextTable(
        f"Univariable and multivariable Cox models {side_words(analysis.plan, when)}",
        ("Characteristics", *heads * len(analysis.endpoints)),
        tuple(map(tuple, rows.values())),
        (note, *(weighting_notes(analysis) if when == "after" else ())),
        (("", 1), *((result.label, 4) for result in analysis.endpoints.values())),
    )


def adverse_event_table(analysis: CohortAnalysis, data: Data | None = None) -> TextTable:
    """Table 4: every adverse event of any and of high grade, in all patients; no rows where there is none."""
    arms = _arm_heads(analysis, (analysis.cohort.control, analysis.cohort.treated))
    rows, used = [], list[BinaryResult]()
    for name, severe in _events(data):
        both = [analysis.binary[name], analysis.binary[severe]]
        used += both
        rows.append((both[0].label, *_response(both[0].before), *_response(both[1].before)))
    note = f"n (%). Tests: {_tests_of(used)}."
    return TextTable("Adverse events", ("Adverse events", *arms, "p", *arms, "p"), tuple(rows), (note,), GRADES)


def _events(data: Data | None) -> list[tuple[str, str]]:
    """Each adverse event and its severe version."""
    return [(one.severe_of, name) for name, one in data.binary.items() if one.severe_of] if data else []


def _response(side: BinaryResponse, tested: bool = True) -> tuple[str, str, str]:
    shares = [count_text(arm.yes, arm.percent) for arm in (side.control, side.treated)]
    return shares[0], shares[1], p_text(side.p) if tested else ""


def _tests_of(results: Sequence[BinaryResult]) -> str:
    used = {side.test for result in results for side in (result.before, result.after)}
    return ", ".join(TESTS[name] for name in TESTS if name in used) or "none"


def _both_heads(analysis: CohortAnalysis) -> tuple[str, ...]:
    size, sets = analysis.cohort, analysis.adjusted
    sides = {"before": (size.control, size.treated), "after": (sets.n_control, sets.n_treated)}
    shown = [sides[when] for when in sides_shown(analysis.plan)]
    return tuple(head for counts in shown for head in (*_arm_heads(analysis, counts), "p"))


def _arm_heads(analysis: CohortAnalysis, counts: tuple[int, int]) -> tuple[str, ...]:
    return tuple(
        f"{arm} n\u00a0=\u00a0{n}"
        for arm, n in zip((analysis.arms.control, analysis.arms.treated), counts, strict=True)
    )
