"""The pages about a pasted paper: how every cell was read, and what became of the whole as a twin."""

from math import nan
from pathlib import Path

from analysis.figures.calibration import FittedNumber
from analysis.tables.text_table import table
from benchmarks.asked.asked_by import as_asked
from benchmarks.pasted.reading import Reading
from benchmarks.report.engine import Fold, HowMade, Items, Page, PageBlock, Section, Tabled, html
from benchmarks.report.paper_pages import AIMED, AIMED_AT, distances_drawn, scores_drawn
from benchmarks.twin.audit_shown import audit_tables
from benchmarks.twin.fidelity import place
from benchmarks.twin.reading_shown import cells_table, column_words, reading_answer, verdict_of
from benchmarks.twin.twin_shown import TwinMade, assumptions_table, contradictions_of, not_stated_of, twin_answer
from benchmarks.words.key_words import key_words, words_of_paper
from benchmarks.words.settings_named import path_label
from simulator.documents.loading import digest

OPEN = "Open questions"


def reading_report(reading: Reading) -> str:
    """The HTML page of how a pasted paper was read: what is open first, then every table cell by cell."""
    answer = reading_answer(reading, False)
    titled = {one.title: one for one in answer.tables}
    first = [Section("What is open?", "", (titled[title],), "open", title) for title in titled if title == OPEN]
    files = {one.file for one in reading.tables}
    rest = [
        Section(title, "", (Tabled(one, titled=False),))
        for title, one in titled.items()
        if title != OPEN and title.split(":")[0] not in files
    ]
    tables = []
    for one in reading.tables:
        columns = [(column.letter, column_words(column, reading.paper), column.head) for column in one.columns]
        shown = table("", ("column", "read as", "head"), columns, 3)
        cells = cells_table(reading, one)
        tables.append(
            Section(
                f"{one.where} ({one.file})",
                f"Read as a table of kind {one.kind}: {len(one.rows)} rows, {len(one.columns)} columns.",
                (shown, Fold(f"{one.where}, cell by cell: {len(cells.rows)} cells", (cells,))),
            )
        )
    lines = [
        (str(one.spot), one.raw, f"{one.key} = {one.printed}") for one in reading.numbers if one.spot.file not in files
    ]
    said = table("Lines", ("place", "printed", "read as"), lines, 3)
    return html(
        Page(
            f"How was {reading.paper.name} read?",
            verdict_of(reading),
            HowMade(f"trialtwin paper read {Path(reading.folder).name}", command=as_asked()),
            (
                *first,
                Section("How was each table read?", "", tuple(tables), "tables", "The tables"),
                Section(
                    "Which lines, facts and curves were read?", f"{len(lines)} numbers.",
                    (Fold("All of them", (said,)),), "lines", "Lines, facts and curves",
                ),
                *([Section("What else?", "", tuple(rest), "others", "What else")] if rest else []),
            ),
            kicker="How the paper was read",
            cite=f"{reading.paper.source.rstrip('.')}.",
        )
    )  # fmt: skip


def twin_report(made: TwinMade) -> str:
    """The HTML page of a twin: whether it prints its paper, what is wrong with the paper, and what was assumed."""
    answer, asked = twin_answer(made), made.world()
    fit = {} if made.fit is None else made.fit["fit"]
    published, told = asked.scenario.published, words_of_paper(asked.scenario)
    aimed = [
        FittedNumber(
            place(published[one["key"]].where),
            key_words(one["key"], told).told,
            -one["z"],
            nan if one["z_start"] is None else -one["z_start"],
        )
        for one in fit.get("targets", ())
        if one["z"] is not None and one["key"] in published
    ]
    fitted = scores_drawn(made.score.found, told) if made.score else distances_drawn(aimed, AIMED_AT, AIMED)
    score = () if made.score is None else made.score.tables
    findings = () if made.audit is None else audit_tables(made.audit.found, told)
    tree = asked.document.tree
    derived = [(path_label(path, tree), source) for path, source in asked.document.sources.items()]
    severe = [one for one in findings if one.title == "Serious"]
    others = [one for one in findings if one.title != "Serious"]
    cannot = contradictions_of(made) or (() if severe else ("Nothing beyond rounding.",))
    return html(
        Page(
            "Does the twin print what the paper prints?",
            answer.verdict,
            HowMade(
                f"trialtwin twin {Path(made.reading.folder).name}",
                (("digest of the derived world", digest(asked.document.tree)),),
                as_asked(),
            ),
            (
                Section("How close are its numbers?", "", (*fitted, *score), "fit", "The fit"),
                Section(
                    "What in the paper cannot be?", "",
                    (*cannot, *severe, Fold("Lesser findings", tuple(others))), "cannot", "What cannot be",
                ),
                Section(
                    "What was assumed?", "", (*not_stated_of(made), *_weighed(made)), "assumed", "What was assumed",
                ),
                Section(
                    "Where does each value come from?", f"{len(derived)} values, each with its formula and place.",
                    (Fold("All of them", (table("Derived", ("value of", "formula and place"), derived, 2),)),),
                    "derived", "Where values come from",
                ),
                Section(
                    "Which files were written?", "", (Items(tuple((one.name, "") for one in made.files)),), "files",
                    "The files",
                ),
            ),
            kicker="The twin beside its paper",
            cite=f"{made.reading.paper.source.rstrip('.')}.",
        )
    )  # fmt: skip


def _weighed(made: TwinMade) -> tuple[PageBlock, ...]:
    return (assumptions_table(made),) if made.weighed else ()
