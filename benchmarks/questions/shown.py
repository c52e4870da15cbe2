"""An answer as all readers get it: text for a terminal, JSON, a figure, a page; made once, from the same tables."""

import json
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from analysis.tables.text_table import TextTable
from benchmarks.asked.load_study import Asked
from benchmarks.questions.ask import load, write_figure
from benchmarks.questions.options import Options
from benchmarks.words.plain_text import aligned
from benchmarks.words.written import keep_tables, write_page

WIDTH = 100


@dataclass(frozen=True)
class Table:
    """A table: what it shows, its heads, its rows of text, so many columns of words first, and a note below it."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1
    note: str = ""

    def text_table(self) -> TextTable:
        """The table as all tables are written."""
        return TextTable(self.title, self.header, self.rows, (self.note,) if self.note else (), words=self.words)


@dataclass(frozen=True)
class Shown:
    """An answer: the question that was asked, sentences first, tables, notes, the figure and what it says, JSON."""

    question: str
    verdict: str
    tables: tuple[Table, ...]
    notes: tuple[str, ...]
    figure: Callable[[], Figure]
    alt: str
    body: dict[str, Any]
    folder: str | None = None


def text(shown: Shown) -> str:
    """The answer for a terminal, at most 100 columns wide where words can be wrapped."""
    parts = textwrap.wrap(shown.verdict, WIDTH)
    for table in shown.tables:
        parts += ["", *textwrap.wrap(table.title, WIDTH), aligned(table.header, table.rows, left=table.words)]
        parts += textwrap.wrap(table.note, WIDTH)
    parts += ["", *(line for note in shown.notes for line in textwrap.wrap(note, WIDTH))]
    return "\n".join([*parts, f"run folder {shown.folder}"] if shown.folder else parts)


def told(shown: Shown, options: Options, asked: Asked) -> str:
    """The answer as text or JSON; its figure, page and tables written where asked."""
    if options.figure is not None:
        write_figure(shown.figure(), options.figure)
    if options.report is not None:
        from benchmarks.report import question_report

        write_page(options.report, question_report(shown, options.command, asked.document, asked.scenario))
    if options.tables is not None:
        keep_tables([one.text_table() for one in shown.tables], options.tables)
    body = {"question": shown.question, "verdict": shown.verdict, **shown.body}
    return json.dumps(body, indent=2, allow_nan=False) if options.as_json else text(shown)


def rows_of(rows: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """Rows as a table keeps them."""
    return tuple(tuple(row) for row in rows)


__all__ = ["Shown", "Table", "load", "rows_of", "text", "told"]
