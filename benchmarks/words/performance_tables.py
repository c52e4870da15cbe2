"""The tables of a study's performance: analyses judged by its target, tests, and each by its own question."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import isfinite

from analysis.tables.text_table import TextTable
from benchmarks.asked.blocks import Cell
from benchmarks.asked.whom import CAVEAT
from benchmarks.study.ranking import Ranking, rankings
from benchmarks.study.running import JudgedBy, StudyResult
from benchmarks.truth.counted import Truth
from benchmarks.words.analysis_names import labels_of
from benchmarks.words.plain_text import (
    ABSENT,
    MEASURES,
    label_of,
    measures,
    natural,
    number,
    percent,
    rejection,
    signed,
    truth_text,
    unit_of,
    with_error,
)
from benchmarks.words.settings_named import setting_text
from benchmarks.words.sizes import counted, first_up
from simulator.cohort.estimand import COUPLED, Estimand

REJECTIONS = {
    frozenset({"type_1_error"}): "false alarms %",
    frozenset({"power"}): "finds the effect %",
    frozenset(): "finds the effect %",
}
REJECTS = "finds a difference %"
"""The head of a column of rejections, of which some are power and some, where the truth is zero, type-I errors."""
ANOTHER = "†"
"""In place of a bias or a coverage: the analysis answers another question."""
OWN_JOB = (
    "Does each analysis answer its own question? Each is compared with the true effect in the patients whom it is about"
)
HOLDS, GAVE = "interval holds truth %", "gave an estimate %"
ALPHA = 0.05
"""Rejection: a p below it, whatever the level of the intervals."""
NOTE = (
    "In brackets: simulation error (more simulated studies would make it smaller). HR, hazard ratio: the rate of the "
    "event with treatment divided by the rate without. Off by and SE of a ratio are on its log scale: −0.04 is 4 % too "
    "low. SE: how much the results vary from one simulated study to the next; reported SE: what the analysis itself "
    "says, on average. 'gave an estimate %' is shown where an analysis gave none in some simulated studies."
)


def target_table(result: StudyResult, cell: Cell, endpoint: str) -> TextTable:
    """The main table of an endpoint: every analysis but tests, judged by the study's target.

    Who answers another question has no bias and no coverage here.
    """
    rows: list[tuple[str, ...]] = []
    kinds: set[str] = set()
    named, labels = _namer(result, cell, endpoint), labels_of(cell)
    for key, truth in _of_endpoint(result, cell, endpoint, tests=False):
        found, another, asked = measures(result, *key), result.asks_another(*key), truth.estimand
        what, rejected = rejection(found)
        kinds.add(what)
        rows.append(
            (
                labels[key[2]],
                named(asked),
                ABSENT if another else truth_text(result.targets[key]),
                number(natural(asked, found["mean"].value)),
                ANOTHER if another else with_error(found["bias"]),
                number(found["empirical_se"].value),
                number(found["model_se"].value),
                ANOTHER if another else percent(found["coverage"]),
                percent(rejected),
                number(100 * found["convergence"].value, 1),
            )
        )
    last = REJECTIONS.get(frozenset(kinds), REJECTS)
    heads = ("analysis", "measure", "truth", "finds", "off by", "SE", "reported SE", HOLDS, last, GAVE)
    notes = target_notes(result, cell, endpoint)
    return TextTable(f"{endpoint}: the analyses compared{_at(result, cell)}", heads, tuple(rows), notes, words=2)


def table_of_tests(result: StudyResult, cell: Cell, endpoint: str) -> TextTable:
    """The tests of an endpoint: rejections, and those on the side of the target's truth."""
    rows: list[tuple[str, ...]] = []
    kinds: set[str] = set()
    labels = labels_of(cell)
    for key, _ in _of_endpoint(result, cell, endpoint, tests=True):
        found = measures(result, *key)
        what, rejected = rejection(found)
        kinds.add(what)
        right = percent(found["rejection_in_direction"]) if "rejection_in_direction" in found else ABSENT
        rows.append((labels[key[2]], percent(rejected), right, number(100 * found["convergence"].value, 1)))
    heads = ("test", REJECTIONS.get(frozenset(kinds), REJECTS), "on the true side %", GAVE)
    direction = result.directions.get((cell.number, endpoint))
    notes = (_side(direction),) if direction is not None else ()
    return TextTable(f"{endpoint}: the tests compared{_at(result, cell)}", heads, tuple(rows), notes)


def _of_endpoint(
    result: StudyResult, cell: Cell, endpoint: str, tests: bool
) -> list[tuple[tuple[int, str, str], Truth]]:
    """The keys and own truths of an endpoint's tests, or of its other estimators."""
    keys = [(cell.number, endpoint, one.name) for where, one in cell.scenario.judged() if where == endpoint]
    return [(key, result.truths[key]) for key in keys if (result.truths[key].estimand.measure == "none") == tests]


def _namer(result: StudyResult, cell: Cell, endpoint: str) -> Callable[[Estimand], str]:
    """How the tables of an endpoint call a measure: with its horizon where they have it to several."""
    asked = [truth.estimand for _, truth in _of_endpoint(result, cell, endpoint, tests=False)]
    to = {one.measure: {other.horizon for other in asked if other.measure == one.measure} for one in asked}
    return lambda one: (
        label_of(one) if len(to[one.measure]) > 1 else ", ".join(filter(None, (MEASURES[one.measure], unit_of(one))))
    )


def target_notes(result: StudyResult, cell: Cell, endpoint: str) -> tuple[str, ...]:
    """What stands below the main table: who answers another question, and the ranking."""
    keys = [key for key, _ in _of_endpoint(result, cell, endpoint, tests=False) if result.asks_another(*key)]
    labels = labels_of(cell)
    notes = [f"{ANOTHER} {first_up(labels[key[2]])} {another_question(result, *key)}." for key in keys]
    return (*notes, *(f"{ranked(one, labels)}." for one in rankings(result, cell, endpoint)))


def another_question(result: StudyResult, cell: int, endpoint: str, estimator: str) -> str:
    """That an estimator answers another question than the target's, and how far apart the two truths are."""
    key = cell, endpoint, estimator
    own, target = result.truths[key], result.targets[key]
    gap = measures(result, *key)["distance_of_truths"]
    if not isfinite(gap.value):
        return "answers another question, of which no truth is known"
    return (
        f"answers another question (for patients alike in all covariates): its true {label_of(own.estimand)} is "
        f"{truth_text(own)}, {signed(gap)} from the {truth_text(target)} of the others on the log scale"
    )


def _side(direction: Truth) -> str:
    if direction.value == 0:
        return "There is no true effect: every difference that is found is a false alarm."
    if not abs(direction.value) > 2 * direction.mcse:
        return "On the true side: not told, as the true HR is not clearly on either side of 1."
    return f"On the true side: differences found on the side of the true HR of {truth_text(direction)}."


def ranked(one: Ranking, labels: Mapping[str, str]) -> str:
    """A ranking in words: who cannot be told from the least, then who has clearly more."""
    near = [f"{labels[own.estimator]} {with_error(own.rmse)}" for own in one.order if not own.apart]
    far = [f"{labels[own.estimator]} {with_error(own.rmse)}" for own in one.order if own.apart]
    more = f"; clearly more: {', '.join(far)}" if far else ""
    alike = " (not told apart)" if len(near) > 1 else ""
    measure = label_of(one.estimand)
    return f"{measure}, typical distance from the truth (root mean square), least first: {', '.join(near)}{alike}{more}"


def own_table(result: StudyResult, cell: Cell, endpoint: str) -> TextTable:
    """The second table: does each estimator do its own job, by the truth of its own estimand."""
    rows: list[tuple[str, ...]] = []
    named, labels = _namer(result, cell, endpoint), labels_of(cell)
    for key, truth in _of_endpoint(result, cell, endpoint, tests=False):
        found, asked = measures(result, *key, "own"), truth.estimand
        rows.append(
            (
                labels[key[2]],
                in_whom(asked),
                named(asked),
                truth_text(truth),
                number(natural(asked, found["mean"].value)),
                with_error(found["bias"]),
                percent(found["coverage"]),
            )
        )
    heads = ("analysis", "in whom", "measure", "its own truth", "finds", "off by", HOLDS)
    notes = tuple(
        f"{labels[key[2]]}: {truth.how}."
        for key, truth in _of_endpoint(result, cell, endpoint, tests=False)
        if not isfinite(truth.value)
    )
    return TextTable(f"{endpoint}: each by its own question{_at(result, cell)}", heads, tuple(rows), notes, words=3)


def _at(result: StudyResult, cell: Cell) -> str:
    """With which setting, where there are several."""
    return f", {setting_text(cell.settings, cell.scenario)}" if len(result.cells) > 1 else ""


def in_whom(estimand: Estimand) -> str:
    """A population as a table calls it, with its landmark or its strategies and its caveat where it has them."""
    name = estimand.population.replace("_", " ")
    if estimand.landmark is not None:
        name += f", at risk after {estimand.landmark:g} {estimand.time_unit}"
    if estimand.grace is not None:
        name += f", start within {estimand.grace:g} {estimand.time_unit} or not"
    return f"{name} ({CAVEAT})" if estimand.population in COUPLED else name


def tables_for(result: StudyResult, cell: Cell, endpoint: str) -> list[TextTable]:
    """The main table of an endpoint and that of its tests, if it has them."""
    return [one for one in (target_table(result, cell, endpoint), table_of_tests(result, cell, endpoint)) if one.rows]


def main_tables(result: StudyResult) -> tuple[TextTable, ...]:
    """The main table of every cell and endpoint for a terminal; of a single cell also whether each does its own job."""
    made: list[TextTable] = []
    several = len(result.cells) > 1
    for cell in result.cells:
        title = heading_of(result, cell) if several else ""
        for endpoint in cell.endpoints:
            for one in tables_for(result, cell, endpoint):
                made.append(replace(_under(endpoint, one), title=title))
                title = ""
            own = own_table(result, cell, endpoint)
            if own.rows and not several:
                made.append(replace(own, title=f"{OWN_JOB} ({endpoint})"))
    return tuple(made)


def notes_of(result: StudyResult) -> tuple[str, ...]:
    """What stands below the main tables on a terminal."""
    further = (f"{OWN_JOB}. The page tells it of every setting.",) if len(result.cells) > 1 else ()
    return (*further, note_of(result))


def every_measure(result: StudyResult) -> list[TextTable]:
    """Every measure of every estimator and cell as "value (MCSE)": two tables per endpoint, by target and by own."""
    kinds: tuple[tuple[JudgedBy, str], ...] = (("target", ""), ("own", ", each by its own question"))
    return [one for judged_by, words in kinds for one in _every_measure(result, judged_by, words)]


def _every_measure(result: StudyResult, judged_by: JudgedBy, words: str) -> list[TextTable]:
    made = []
    several = len(result.cells) > 1
    for endpoint in dict.fromkeys(where for cell in result.cells for where, _ in cell.scenario.judged()):
        rows, names = [], dict[str, None]()
        for cell in result.cells:
            for where, one in cell.scenario.judged():
                if where == endpoint:
                    found = measures(result, cell.number, endpoint, one.name, judged_by)
                    names |= dict.fromkeys(found)
                    rows.append((cell, one.name, found))
        heads = ("setting", "what it sets", "estimator") if several else ("estimator",)
        made.append(
            TextTable(
                f"Performance: {endpoint}{words}",
                (*heads, *(name.replace("_", " ") for name in names)),
                tuple(
                    (
                        *((str(cell.number), setting_text(cell.settings, cell.scenario)) if several else ()),
                        estimator,
                        *(with_error(found[name], 4) if name in found else "" for name in names),
                    )
                    for cell, estimator, found in rows
                ),
                (note_of(result),),
                words=len(heads),
            )
        )
    return made


def heading_of(result: StudyResult, cell: Cell) -> str:
    """What stands above the tables of a cell: what is set, and in whom it judges where that differs among cells."""
    own = result.whom_by_cell.get(cell.number)
    return first_up(setting_text(cell.settings, cell.scenario)) + (f" (in {own.phrase})" if own else "")


def _under(endpoint: str, table: TextTable) -> TextTable:
    """The table under the endpoint's name; without the last column where all gave estimates."""
    columns = slice(None if any(row[-1] != "100.0" for row in table.rows) else -1)
    first = endpoint if table.words > 1 else f"{endpoint}, {table.header[0]}"
    rows = tuple(row[columns] for row in table.rows)
    return replace(table, header=(first, *table.header[columns][1:]), rows=rows)


def note_of(result: StudyResult) -> str:
    """What the figures of a table of performance are."""
    size = result.cells[0].scenario.population.size
    many = max(result.rows.layout.replicates.values())
    ways = len({one.name for cell in result.cells for _, one in cell.scenario.judged()})
    made = f"{counted(many, 'simulated study', 'simulated studies')} of {size:,} patients"
    made += f" in each of {len(result.cells)} settings" if len(result.cells) > 1 else ""
    made += f", each analysed in {counted(ways, 'way')}."
    return f"{made} {NOTE} Intervals are of {levels_of(result)}; a difference is found where p < {ALPHA:g}."


def levels_of(result: StudyResult) -> str:
    """The level of the intervals, of all cells: 95 %."""
    levels = sorted({cell.scenario.analysis.survival.level for cell in result.cells})
    return " or ".join(f"{100 * level:.6g} %" for level in levels)
