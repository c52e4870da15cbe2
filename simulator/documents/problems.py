"""What is said about a faulty document: places, problems, and the words for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

MAX_SHOWN = 100

KeyPath: TypeAlias = tuple[str | int, ...]


class Place(NamedTuple):
    """Where something stands; lines and columns count from 1."""

    file: str
    line: int
    column: int


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, where, and what would be right (may be empty)."""

    file: str
    line: int
    column: int
    key: str
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        """``file:line:column: dotted.key: what is wrong; what would be right``; an override is its own place.

        What stands in no file has no line, and is given line 0.
        """
        spoken = is_override(self.file)
        where = self.file if spoken or not self.line else f"{self.file}:{self.line}:{self.column}"
        key = "" if spoken and self.file.split(" ", 1)[1].partition("=")[0] == self.key else self.key
        line = ": ".join(printable(part, 200) for part in (where, key, self.message) if part)
        return f"{line}; {printable(self.suggestion, 300)}" if self.suggestion else line


class DocumentError(Exception):
    """A document that cannot be used: ``problems`` holds all that is wrong with it, one line each in its text."""

    has_lines = True

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = [str(problem) for problem in self.problems[:MAX_SHOWN]]
        if len(self.problems) > MAX_SHOWN:
            lines.append(f"... and {len(self.problems) - MAX_SHOWN:,} more problems")
        super().__init__("\n".join(lines))


def is_override(file: str) -> bool:
    """Whether the "file" of a place is an override or a setting of a sweep, which has no lines."""
    return file.startswith(("-S ", "with "))


def printable(text: str, limit: int) -> str:
    """The text on one line, with what cannot be printed escaped, and cut in the middle when it is long."""
    if len(text) > limit:
        text = f"{text[: limit * 3 // 4]}...{text[-limit // 8 :]}"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def dotted(path: KeyPath) -> str:
    """The path as written in an override: segments that hold a dot, a quote or nothing stand in quotes."""
    return ".".join(_segment(str(part)) for part in path)


def _segment(text: str) -> str:
    text = printable(text, 80)
    if text and not set(text) & set(".'\"") and text == text.strip():
        return text
    return f'"{text}"' if "'" in text else f"'{text}'"


def described(value: object) -> str:
    """The value in words for a message: the number 3, the text 'abc', a list."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int() | float():
            return f"the number {value!r}"
        case str():
            return f"the text '{printable(value, 60)}'" if value else "an empty text"
        case dict():
            return "a mapping"
    return "a list"
