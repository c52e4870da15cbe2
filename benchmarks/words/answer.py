"""`Answer`: what a command found, made once; and the one place where it becomes text, JSON, a page, figures and files.

A command works out its answer; whoever asked says what is wanted of it: on the terminal, in a file, in a notebook.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from itertools import chain
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.tables.table_files import MissingExtra, as_html_body, check_place, write_tables
from analysis.tables.text_table import TextTable, wrapped
from benchmarks.asked.errors import RunError
from benchmarks.performance.measures import Measure
from benchmarks.words.json_text import json_text
from simulator.documents.safe_files import write_whole

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

FIGURES = (".png", ".svg", ".pdf")
PAGES = (".html", ".htm")
STDOUT = Path("-")


@dataclass(frozen=True, repr=False)
class Answer:
    """What a command found.

    On a terminal: the ``verdict``, a sentence or several, one a line; then the ``tables``, the ``notes`` below them,
    and ``lines`` as they stand. ``data`` is the JSON document; the figure and the page are made when they are wanted.

    ``holds``: False where what was checked is not so (exit code 1). ``files``: the tables as files, where they are
    others than on the terminal. ``written``: the page that the command has written already. ``found``: the objects
    behind it all.
    """

    data: Any
    verdict: str = ""
    tables: tuple[TextTable, ...] = ()
    notes: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    question: str = ""
    figure: "Callable[[], Figure] | None" = None
    alt: str = ""
    page: Callable[[], str] | None = None
    files: Callable[[], Sequence[TextTable]] | None = None
    holds: bool = True
    written: Path | None = None
    found: Any = field(default=None, compare=False)

    def text(self) -> str:
        """The answer for a terminal, at most 100 columns wide where words can be wrapped."""
        parts = [self._said()] if self.verdict else []
        parts += [table.text() for table in self.tables]
        parts += ["\n".join(map(wrapped, self.notes))] if self.notes else []
        parts += ["\n".join(self.lines)] if self.lines else []
        return "\n\n".join(parts)

    def json(self) -> str:
        """The answer as one JSON document."""
        return json_text(plain(self.data))

    def __repr__(self) -> str:
        return self._said() if self.verdict else self.text()

    def _said(self) -> str:
        """The verdict, each of its sentences on lines of its own."""
        return "\n".join(map(wrapped, self.verdict.splitlines()))

    def _repr_html_(self) -> str:
        """The answer in a notebook: the verdict, then the tables."""
        return as_html_body(self.verdict, self._kept(), self.notes)

    def to_frame(self, table: int = 0) -> "pd.DataFrame":
        """One of the tables, by its place, as text; IndexError where there is none."""
        import pandas as pd

        one = self._kept()[table]
        return pd.DataFrame([list(row) for row in one.rows], columns=list(one.flat))

    def _kept(self) -> Sequence[TextTable]:
        """The tables on a terminal, or where there they are lines, those of its files."""
        return self.tables or (() if self.files is None else self.files())

    def plot(self) -> "Figure":
        """The figure; RunError where the answer has none."""
        if self.figure is None:
            raise RunError("this answer has no figure")
        return self.figure()

    def save(self, place: str | Path) -> Path:
        """Write the page (.html), the figure (.png, .svg, .pdf), the data (.json), or the tables (a folder, .docx).

        RunError where there is none of it, or it cannot be written.
        """
        path = Path(place)
        kinds = {**dict.fromkeys(FIGURES, "figure"), **dict.fromkeys(PAGES, "report"), ".json": "json"}
        keep(self, Wanted(**{kinds.get(path.suffix, "tables"): path}))
        return path


@dataclass(frozen=True)
class Wanted:
    """Where an answer goes: files of its kinds, and JSON on stdout in place of the text where ``json`` is '-'."""

    json: Path | None = None
    report: Path | None = None
    figure: Path | None = None
    tables: Path | None = None

    def check(self) -> None:
        """RunError, before anything is computed, where a name ends in what cannot be written."""
        if self.figure is not None and self.figure.suffix not in FIGURES:
            raise RunError(f"{self.figure}: end the figure's name in {', '.join(FIGURES)}")
        if self.report is not None and self.report.suffix not in PAGES:
            raise RunError(f"{self.report}: end the page's name in .html")
        if self.tables is not None:
            try:
                check_place(self.tables)
            except MissingExtra as error:
                raise RunError(f"{self.tables}: {error}") from None


def render(answer: Answer, wanted: Wanted) -> str:
    """What is printed of the answer; its files are written first."""
    keep(answer, wanted)
    return answer.json() if wanted.json == STDOUT else answer.text()


def keep(answer: Answer, wanted: Wanted) -> None:
    """Write the files that are wanted; RunError where one cannot be, or the answer has nothing of the kind."""
    if wanted.figure is not None:
        from analysis.figures.style import save

        drawn, path = answer.plot(), wanted.figure
        _written(path, lambda: save(drawn, path))
    if wanted.report is not None:
        if answer.page is None:
            raise RunError(f"{wanted.report}: this answer has no page")
        write_page(wanted.report, answer.page())
    if wanted.tables is not None:
        tables, place = answer.files() if answer.files is not None else answer.tables, wanted.tables
        if not tables and answer.files is None:
            raise RunError(f"{place}: this answer has no tables")
        if tables:
            _written(place, lambda: write_tables(tables, place))
    if wanted.json is not None and wanted.json != STDOUT:
        write_page(wanted.json, answer.json() + "\n")


def write_page(place: Path, page: str) -> None:
    """Write a page or another text; RunError where that cannot be."""
    _written(place, lambda: write_whole(place, page.encode("utf-8")))


def _written(place: Path, write: Callable[[], Any]) -> None:
    try:
        write()
    except OSError as error:
        raise RunError(f"{error.filename or place}: cannot be written ({error.strerror or error})") from None
    except MissingExtra as error:
        raise RunError(f"{place}: {error}") from None


def files_written(files: Sequence[Path]) -> Answer:
    """The answer of a command that only wrote files."""
    return Answer({"files": files}, lines=tuple(map(str, files)), found=files)


def plain(value: Any) -> Any:
    """The value as JSON allows it: dataclasses as objects, a measure as {value, mcse}, null for what is not finite."""
    if isinstance(value, Measure):
        return {"value": plain(value.value), "mcse": plain(value.mcse)}
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return dict(value) if _as_they_are(value.values()) else {key: plain(part) for key, part in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, tuple | list):
        if set(map(type, value)) == {list} and _as_they_are(chain.from_iterable(value)):
            return list(value)
        return list(value) if _as_they_are(value) else [plain(part) for part in value]
    if isinstance(value, Path):
        return str(value)
    return None if isinstance(value, float) and not isfinite(value) else value


def _as_they_are(values: Iterable[Any]) -> bool:
    """Whether all are texts, whole numbers, truth values or finite numbers, as JSON has them."""
    found = list(values)
    kinds = set(map(type, found))
    return kinds <= {str, int, bool} or (kinds == {float} and all(map(isfinite, found)))
