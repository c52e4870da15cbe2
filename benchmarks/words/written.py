"""Tables, pages and JSON as they are written, to files or to the terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from analysis.tables.table_files import MissingExtra, check_place, write_tables
from analysis.tables.text_table import TextTable
from benchmarks.asked.errors import RunError
from benchmarks.performance.measures import Measure
from benchmarks.study.running import JudgedBy, StudyResult
from benchmarks.words.performance_tables import note_of
from benchmarks.words.plain_text import measures, settings_text, with_error
from simulator.documents.safe_files import write_whole

_MEASURE = {one.name for one in fields(Measure)}


def check_tables(place: Path) -> None:
    """RunError, before anything is computed, where tables cannot be written as asked."""
    try:
        check_place(place)
    except MissingExtra as error:
        raise RunError(f"{place}: {error}") from None


def keep_tables(tables: Sequence[TextTable], place: Path) -> None:
    """Write the tables to a folder or as a Word document; RunError where that cannot be."""
    try:
        write_tables(tables, place)
    except OSError as error:
        raise RunError(f"{error.filename or place}: cannot be written ({error.strerror or error})") from None
    except MissingExtra as error:
        raise RunError(f"{place}: {error}") from None


def write_page(place: Path, page: str) -> None:
    """Write a page; RunError where that cannot be."""
    try:
        write_whole(place, page.encode("utf-8"))
    except OSError as error:
        raise RunError(f"{place}: cannot be written ({error.strerror or error})") from None


def performance_tables(result: StudyResult) -> list[TextTable]:
    """Every measure of every estimator and cell as "value (MCSE)": two tables per endpoint, by target and by own."""
    kinds: tuple[tuple[JudgedBy, str], ...] = (("target", ""), ("own", ", own estimands"))
    return [one for judged_by, words in kinds for one in _performance(result, judged_by, words)]


def _performance(result: StudyResult, judged_by: JudgedBy, words: str) -> list[TextTable]:
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
        heads = ("cell", "settings", "estimator") if several else ("estimator",)
        made.append(
            TextTable(
                f"Performance: {endpoint}{words}",
                (*heads, *(name.replace("_", " ") for name in names)),
                tuple(
                    (
                        *((str(cell.number), settings_text(cell.settings)) if several else ()),
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


def described(found: Any) -> dict[str, Any]:
    """A dataclass as its JSON document has it, a measure in it as {value, mcse}."""
    made: dict[str, Any] = plain(asdict(found, dict_factory=_fields))
    return made


def _fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    return {name: made[name] for name in ("value", "mcse")} if made.keys() == _MEASURE else made


def plain(value: Any) -> Any:
    """The value as JSON allows it: arrays and tuples as lists, null where a number is not finite."""
    if isinstance(value, Mapping):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, tuple | list):
        return [plain(part) for part in value]
    return None if isinstance(value, float) and not isfinite(value) else value
