"""Options that several commands have, and how a command tells its answer."""

import functools
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from benchmarks.cli.completion import studies

if TYPE_CHECKING:
    from benchmarks.words.answer import Answer

Keys: TypeAlias = Mapping[str, str]
"""The keys of a JSON document and what they mean.

Numbers have full precision; null is a number that does not exist. `M` is ``{value, mcse}``: a number and its Monte
Carlo standard error; ``n``, where it is told, of how many replicates it is.
"""
TABLES = "A folder for .html, .md, .csv and .tex files, or one .docx file of all tables."

named = click.argument("name", shell_complete=studies)
overrides = click.option("-S", "--set", "settings", multiple=True, metavar="PATH=VALUE", help="Override one value.")
jobs = click.option("--jobs", type=click.IntRange(1, 1024), default=None, help="Threads; all cores unless given.")
trust = click.option(
    "--trust", is_flag=True, help="Let the Python code of its own estimators run, from now on; read it first."
)
quiet = click.option("--quiet", is_flag=True, help="The answer alone: no progress and no notes on stderr.")
open_ = click.option("--open", "open", is_flag=True, help="Show the page that was written in the browser.")
_DOCUMENTS = "__documents__"
PAGE = "page"
"""The kind of a command that always writes a page, and needs no --report for --open."""
WANTED = {
    "report": click.option("--report", type=click.Path(path_type=Path), help="An .html file: the page of it."),
    "figure": click.option("--figure", type=click.Path(path_type=Path), help="A .png, .svg or .pdf file."),
    "tables": click.option("--tables", type=click.Path(path_type=Path), help=TABLES),
    "json": click.option("--json", "json", is_flag=True, help="One JSON document on stdout."),
    "json_file": click.option(
        "--json", "json", type=click.Path(path_type=Path, allow_dash=True), help="JSON file, or - for stdout."
    ),
}


def answers(
    *kinds: str, keys: Keys | None = None, instead: tuple[Keys, ...] = ()
) -> Callable[[Callable[..., "Answer"]], Callable[..., None]]:
    """A command of a function that returns an `Answer`: printed as text, or as JSON, its files written where asked.

    ``kinds`` are those of `WANTED` that the command has, and `PAGE`. Every command has ``--quiet``, and whichever
    writes a page ``--open``. ``keys`` are those of its JSON document, None where that is none, and ``instead`` those of
    what an option prints in its place. Exit code 1 where the answer does not hold.
    """

    def made(function: Callable[..., "Answer"]) -> Callable[..., None]:
        @functools.wraps(function)
        def _command(**given: Any) -> None:
            opens = given.pop("open", False)
            places = {name: given.pop(name, None) for name in ("report", "figure", "tables", "json")}
            if places["json"] in (True, False):
                places["json"] = Path("-") if places["json"] else None
            if any(places[name] for name in ("report", "figure", "tables")):
                _wanted(places).check()
            if opens and places["report"] is None and PAGE not in kinds:
                raise click.UsageError("--open: no page is written that could be shown; name one with --report")
            with _told(given.pop("quiet")) as note:
                answer = function(**given)
                from benchmarks.words.answer import render

                printed = render(answer, _wanted(places))
            click.echo(printed)
            if opens:
                note(_opened(places["report"] or answer.written))
            if not answer.holds:
                raise click.exceptions.Exit(1)

        quiet(_command)
        if {"report", PAGE} & set(kinds):
            open_(_command)
        for kind in reversed([kind for kind in kinds if kind != PAGE]):
            WANTED[kind](_command)
        setattr(_command, _DOCUMENTS, () if keys is None else (keys, *instead))
        return _command

    return made


@contextmanager
def _told(quiet: bool) -> "Iterator[Callable[[str], None]]":
    """How notes are told meanwhile, which is not at all where ``quiet``; no line of progress is left at the end."""
    from benchmarks.asked.asked_by import QUIET, note
    from benchmarks.workers.progress import ended

    before = QUIET.set(quiet)
    try:
        yield note if not quiet else lambda _: None
    finally:
        ended()
        QUIET.reset(before)


def _opened(page: Path | None) -> str:
    """What there is to say of a page that was to be shown."""
    from benchmarks.cli.opened import shown

    return "--open: no page was written this time" if page is None else shown(page)


def documents(command: click.Command) -> tuple[Keys, ...]:
    """The keys of each JSON document that a command may print, as `answers` was given them; the usual one first."""
    found: tuple[Keys, ...] = getattr(command.callback, _DOCUMENTS, ())
    return found


def every(commands: Mapping[str, click.Command]) -> dict[str, click.Command]:
    """Commands by the words that call them: those of a group by the group's name and their own."""
    found: dict[str, click.Command] = {}
    for name, one in commands.items():
        below = every(one.commands) if isinstance(one, click.Group) else None
        found |= {name: one} if below is None else {f"{name} {word}": own for word, own in below.items()}
    return found


def schema_of(command: str, told: tuple[Keys, ...]) -> dict[str, Any]:
    """The JSON Schema of the documents that a command may print."""
    kinds = [
        {
            "type": "object",
            "properties": {key: {"description": text} for key, text in keys.items()},
            "required": list(keys),
            "additionalProperties": False,
        }
        for keys in told
    ]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"What `trialtwin {command} --json` prints",
        "description": "null: a number that does not exist. M: {value, mcse}, a number and its Monte Carlo SE.",
        **(kinds[0] if len(kinds) == 1 else {"anyOf": kinds}),
    }


def _wanted(places: dict[str, Path | None]) -> Any:
    from benchmarks.words.answer import Wanted

    return Wanted(**places)


def cores() -> int:
    """How many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
