"""A call from Python as the command of its name: the same options, defaults, limits and messages.

Options become the texts that they would be on the command line, and go through the command's own reading of them; what
has no text, a document or a data frame, goes as it is.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import click
    import pandas as pd

    from benchmarks.words.answer import Answer

Values: TypeAlias = Mapping[str, Any]
"""Values by dotted path, as ``{"population.size": 300}``; as ``--set`` on the command line."""
Where: TypeAlias = str | PathLike[str]
TableLike: TypeAlias = "str | PathLike[str] | pd.DataFrame"
"""A CSV or Parquet file by its path, or a data frame."""

FILES = ("json", "report", "figure", "tables", "quiet", "open")
"""Options that say where an answer goes and what is said meanwhile; an `Answer` is asked for that afterwards."""
DEEPEST = 100
AS_GIVEN = ("name", "data", "rows", "spec")
"""What may be no text."""


class TrialTwinError(ValueError):
    """A mistake in what was asked for: all that is wrong, a line each, with its place and what would be right."""


def answer(command: str, given: Mapping[str, Any], called: str = "") -> "Answer":
    """The answer of a command to options by their names; ``called`` is the function's name where it has another."""
    with asked(command, given, called) as (context, call):
        options = {name: value for name, value in context.params.items() if name not in FILES}
        found: Answer = getattr(context.command.callback, "__wrapped__")(**options)  # noqa: B009  mypy knows it not
    from benchmarks.words.answer import plain

    return replace(found, data=plain(found.data), page=None if found.page is None else _within(call, found.page))


@contextmanager
def asked(command: str, given: Mapping[str, Any], called: str = "") -> "Iterator[tuple[click.Context, str]]":
    """The command's context, its options read, and the call as text; TrialTwinError for what is wrong."""
    import click

    from benchmarks.asked.asked_by import CALL
    from benchmarks.cli.commands import cli, user_mistakes
    from benchmarks.cli.options import every

    one = every(cli.commands)[command]
    options = {keyword(option): option for option in one.params}
    given = {name: value if name in AS_GIVEN else plain_python(value) for name, value in given.items()}
    told = {name: value for name, value in given.items() if not _usual(options[name], value)}
    call = _as_text(called or command, told)
    before = CALL.set(call)
    try:
        words = [word for name, value in given.items() for word in _words(options[name], value)]
        places = {name: value for name, value in given.items() if options[name].param_type_name == "argument"}
        texts = [str(value) if isinstance(value, str | PathLike) else command for value in places.values()]
        with one.make_context(command, [*words, "--", *texts]) as context:
            for name, value in given.items():
                if name in AS_GIVEN and not isinstance(value, str | PathLike):
                    context.params[name] = _object(value, name)
            yield context, call
    except click.ClickException as error:
        raise TrialTwinError(error.format_message()) from None
    except user_mistakes() as error:
        raise TrialTwinError(str(error)) from None
    finally:
        CALL.reset(before)


def keyword(option: "click.Parameter") -> str:
    """What an option is called in Python: as on the command line."""
    return max((name.lstrip("-") for name in option.opts), key=len).replace("-", "_")


def assignments(values: Values | None) -> tuple[str, ...]:
    """Values by dotted path as texts ``PATH=VALUE``."""
    return tuple(f"{path}={json.dumps(plain_python(value))}" for path, value in (values or {}).items())


def plain_python(value: Any, deep: int = 0) -> Any:
    """The value without numpy's types, paths as texts; TrialTwinError where it is nested deeper than any document."""
    if deep > DEEPEST:
        raise TrialTwinError(f"a value is nested more than {DEEPEST} deep")
    if isinstance(value, Mapping):
        return {str(name): plain_python(part, deep + 1) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain_python(part, deep + 1) for part in value]
    if hasattr(value, "tolist"):
        return plain_python(value.tolist(), deep + 1)
    return fspath(value) if isinstance(value, PathLike) else value


def _usual(option: "click.Parameter", value: Any) -> bool:
    """Whether an option has the value that it has unless given."""
    if option.param_type_name == "argument":
        return False
    usual = False if getattr(option, "is_flag", False) else option.default
    return value is None or value in ([], {}) or (value == usual and isinstance(value, type(usual)))


def _words(option: "click.Parameter", value: Any) -> list[str]:
    """An option as it is typed on the command line."""
    name = keyword(option)
    if option.param_type_name == "argument" or value is None:
        return []
    typed = f"--{name.replace('_', '-')}"
    if getattr(option, "is_flag", False):
        if not isinstance(value, bool):
            raise TrialTwinError(f"{name}: must be True or False, not {value!r}")
        return [typed] if value else []
    if name in AS_GIVEN and not isinstance(value, str | PathLike):
        return [f"{typed}={name}"]
    return [
        f"{typed}={text}" for text in (_texts(name, value) if getattr(option, "multiple", False) else [_text(value)])
    ]


def _object(value: Any, name: str) -> Any:
    """A document or a data frame as the commands take it."""
    from analysis.cohort_files.data_table import InMemory
    from simulator.documents.loading import Written

    if isinstance(value, Mapping):
        return Written(plain_python(value))
    if hasattr(value, "columns") and name in ("data", "rows"):
        return InMemory(value)
    wanted = "a path or a data frame" if name in ("data", "rows") else "a name, a path or a dict"
    name = "study" if name == "name" else name
    raise TrialTwinError(f"{name}: must be {wanted}, not {type(value).__name__}")


def _texts(name: str, value: Any) -> tuple[str, ...]:
    """A list of an option that may be given several times."""
    if isinstance(value, Mapping):
        return assignments(value)
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list | tuple):
        raise TrialTwinError(f"{name}: must be a list, not {value!r}")
    return tuple(map(_text, value))


def _text(value: Any) -> str:
    """A value as it is typed on the command line; several with commas between."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _as_text(name: str, given: Mapping[str, Any]) -> str:
    """The call as it would be written."""
    first, *rest = given.items()
    words = [_shown(first[1]), *(f"{name}={_shown(value)}" for name, value in rest)]
    return f"trialtwin.{name}({', '.join(words)})"


def _shown(value: Any) -> str:
    if hasattr(value, "columns"):
        return "data_frame"
    return repr(fspath(value) if isinstance(value, PathLike) else value)


def _within(call: str, page: Callable[[], str]) -> Callable[[], str]:
    """The page that says of itself that it was made by that call, whenever it is made."""

    def made() -> str:
        from benchmarks.asked.asked_by import CALL

        before = CALL.set(call)
        try:
            return page()
        finally:
            CALL.reset(before)

    return made
