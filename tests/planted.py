"""The rooms' own modules as plain Python, one statement of their source changed: a planted defect without compilation.

A defect names a function and a piece of one of its statements. Both are compared as tokens, so that neither line
breaks nor comments, quotes, trailing commas or parentheses that a formatter puts round a long line hide the place;
what is not found exactly once is refused. Every loading is a set of modules of its own, which import one another and
never the installed ones, so that a defect in one kernel is met by all that use it.
"""

import ast
import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.random import Generator, Philox

HOME = Path(__file__).parent.parent
AGREEMENT = 1e-8

Gaps = Iterator[float]
Check = Callable[["Rooms"], Gaps]


@dataclass(frozen=True)
class Defect:
    """What is planted: in a function of a module the piece ``old`` of a statement becomes ``new``.

    ``function`` is a name, as in ``match`` or ``Rooms.load``, or several with spaces between them: the piece is then
    changed in each. "" stands for the statements of the module outside functions. Each has the piece once, or
    ``count`` times. Several lines in ``old`` are statements that follow one another, the first of which it may begin
    in its middle, and the last end there; ``new`` has as many lines, and indentation is kept.
    """

    module: str  # as in analysis.kernels.cox
    check: Check  # by which it is noticed
    function: str
    what: str
    old: str
    new: str
    count: int = 1

    def __str__(self) -> str:
        return f"{self.module.rpartition('.')[2]}: {self.what}"


def defects(module: str, check: Check, *made: tuple[Any, ...]) -> list[Defect]:
    """Defects of one module that one check notices: function, what, old, new and, unless it is 1, count."""
    return [Defect(module, check, *one) for one in made]


def source(module: str) -> str:
    """The text of a module."""
    return (HOME / f"{module.replace('.', '/')}.py").read_text("utf-8")


_STRING = r"[rbufRBUF]{0,2}(?:\"{3}[\s\S]*?\"{3}|'{3}[\s\S]*?'{3}|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')"
_NUMBER = r"0[xXoObB][\da-fA-F_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?"
_OPERATOR = r"\*\*=|//=|>>=|<<=|\.\.\.|[-+*/%&|^@!=<>:]=|->|\*\*|//|<<|>>|\S"
_TOKEN = re.compile(rf"(?P<gap>[ \t\f]+|\\\n|#[^\n]*)|(?P<line>\n)|({_STRING}|{_NUMBER}|\w+|{_OPERATOR})")
_OPENS_A_LINE = {*"=:", ":=", "return", "in", "if", "elif", "while", "assert", "not", "and", "or", "yield"} | {
    f"{operator}=" for operator in ("+", "-", "*", "/", "//", "**", "%", "&", "|", "^", "@", "<<", ">>")
}


@dataclass(frozen=True)
class Statement:
    """A logical line: its tokens and the physical lines, from 1, on which it begins and ends."""

    tokens: tuple[str, ...]
    first: int
    last: int

    @functools.cached_property
    def compared(self) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """Tokens as they are compared, without trailing commas, and where each of them stands among all."""
        kept = [
            i
            for i, token in enumerate(self.tokens)
            if not (token == "," and self.tokens[i + 1 : i + 2] and self.tokens[i + 1] in ")]}")
        ]
        return tuple(_plain(self.tokens[i]) for i in kept), tuple(kept)


def _plain(token: str) -> str:
    """A string in Python's own quotes, anything else as it is."""
    return repr(ast.literal_eval(token)) if token[0] in "\"'" and len(token) > 1 else token


@functools.cache
def statements(text: str, number: int = 1) -> tuple[Statement, ...]:
    """The logical lines of a text, which may be part of a statement and begins at a line's number."""
    made: list[Statement] = []
    tokens: list[str] = []
    lines: list[int] = []
    depth, first = 0, number
    for found in _TOKEN.finditer(f"{text}\n"):
        piece = found.group()
        if found["line"] and depth <= 0:
            if tokens:
                made.append(Statement(_unwrapped(tokens, lines), first, number))
            tokens, lines, depth = [], [], 0
        elif not found["gap"] and not found["line"]:
            first = first if tokens else number
            tokens.append(piece)
            lines.append(number)
            depth += (piece in "([{") - (piece in ")]}")
        number += piece.count("\n")
    return (*made, Statement(_unwrapped(tokens, lines), first, number - 1)) if tokens else tuple(made)


def _unwrapped(tokens: list[str], lines: list[int]) -> tuple[str, ...]:
    """The tokens without parentheses that hold but a long line together: `x = (`, line, `)`."""
    opened: list[tuple[int, bool]] = []
    idle: set[int] = set()
    for i, token in enumerate(tokens):
        if token in "([{":
            opened.append((i, False))
        elif token in (",", "for") and opened:
            opened[-1] = (opened[-1][0], True)
        elif token in ")]}" and opened:
            start, several = opened.pop()
            alone = start == 0 or tokens[start - 1] in _OPENS_A_LINE
            ends = i + 1 == len(tokens) or (tokens[i + 1] == ":" and i + 2 == len(tokens))
            if token == ")" and not several and alone and ends and lines[start] < lines[i] and start + 1 < i:
                idle |= {start, i}
    return tuple(token for i, token in enumerate(tokens) if i not in idle)


def replaced(text: str, defect: Defect) -> str:
    """The text of a module with the defect in it; AssertionError unless it stands there as often as is said."""
    for function in defect.function.split() or [""]:
        text = _replaced_in(text, function, defect)
    return text


def _replaced_in(text: str, function: str, defect: Defect) -> str:
    inside = _inside(text, function)
    assert inside is not None, f"{defect}: {defect.module} has no function '{function}', or several"
    old = [one.compared[0] for line in defect.old.splitlines() for one in statements(line)]
    new = defect.new.splitlines() or [""]
    assert old, f"{defect}: nothing is looked for"
    assert [list(one.tokens) for line in new for one in statements(line)] != [list(one) for one in old], (
        f"{defect}: nothing is changed"
    )
    assert len(old) == 1 or len(new) == len(old), f"{defect}: {len(old)} statements cannot become {len(new)}"
    found = [(k, at) for k in range(len(inside) - len(old) + 1) for at in _places(inside[k : k + len(old)], old)]
    assert len(found) == defect.count, (
        f"{defect}: found {len(found)} times in '{function}', not {defect.count}: {defect.old}"
    )
    lines = text.splitlines()
    for k, at in reversed(found):
        for j in reversed(range(len(old))):
            _put(lines, inside[k + j], at if j == 0 else 0, len(old[j]), defect.new if len(old) == 1 else new[j])
    return "\n".join(lines) + "\n"


def _functions(node: ast.AST, within: str = "") -> Iterator[tuple[str, int, int]]:
    """Every function and class by its name within those round it, with its first and last line."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            yield f"{within}{child.name}", child.lineno, child.end_lineno or child.lineno
            yield from _functions(child, f"{within}{child.name}.")
        elif isinstance(child, ast.stmt):
            yield from _functions(child, within)


@functools.cache
def _inside(text: str, function: str) -> list[Statement] | None:
    """The statements of a function, "" for those outside of any; None where it is not there, or more than once."""
    here = list(_functions(ast.parse(text)))
    if not function:
        taken = {line for _, first, last in here for line in range(first, last + 1)}
        return [one for one in statements(text) if one.first not in taken]
    own = [(first, last) for name, first, last in here if name == function]
    if len(own) != 1:
        return None
    (first, last) = own[0]
    return list(statements("\n".join(text.splitlines()[first - 1 : last]), first))


def _places(here: list[Statement], old: list[tuple[str, ...]]) -> list[int]:
    """Where in the first statement ``old`` begins, if it goes on in those that follow."""
    first, last = here[0].compared[0], here[-1].compared[0]
    if len(old) == 1:
        size, found, at = len(old[0]), [], 0
        while at + size <= len(first):
            if first[at : at + size] == old[0]:
                found.append(at)
                at += size
            else:
                at += 1
        return found
    middle = all(one.compared[0] == own for one, own in zip(here[1:-1], old[1:-1], strict=True))
    fits = middle and first[-len(old[0]) :] == old[0] and last[: len(old[-1])] == old[-1]
    return [len(first) - len(old[0])] if fits else []


def _put(lines: list[str], one: Statement, at: int, size: int, new: str) -> None:
    """Puts ``new`` in the place of compared tokens of a statement, which becomes one line (or those of ``new``)."""
    where, indent = one.compared[1], re.match(r"\s*", lines[one.first - 1]).group()  # type: ignore[union-attr]
    before, after = one.tokens[: where[at]], one.tokens[where[at + size - 1] + 1 :]
    lines[one.first - 1 : one.last] = [indent + " ".join((*before, new, *after))]


@functools.cache
def _code(module: str, defect: Defect | None) -> CodeType:
    text = source(module)
    return compile(text if defect is None else replaced(text, defect), f"{module}.py", "exec")


def sum_of_products(a: Any, b: Any, c: Any, n: int) -> Any:
    """`analysis.kernels.lanes.sum_of_products`, which is no Python."""
    return (a[:n] * b[:n] * c[:n]).sum()


def _cross_sums(above: int, across: int) -> Any:
    """`analysis.kernels.lanes` has sums of products of so many rows by so many, which are no Python."""

    def sums(a: Any, first_a: int, b: Any, first_b: int, n: int) -> Any:
        rows = np.minimum(first_a + np.arange(above), len(a) - 1)
        columns = np.minimum(first_b + np.arange(across), len(b) - 1)
        return tuple((a[rows, :n] @ b[columns, :n].T).ravel())

    return sums


def share_moments(first: Any, both: Any, theta: float, n: int) -> tuple[Any, ...]:
    """`analysis.kernels.lanes.share_moments`, which is no Python."""
    share = first[:n] * theta / (first[:n] * theta + (both[:n] - first[:n]))
    spread = share * (1.0 - share)
    return share.sum(), spread.sum(), (spread * share).sum(), (spread * spread).sum()


class Rooms:
    """Private modules by their dotted names, loaded when first asked for."""

    def __init__(self, defect: Defect | None = None) -> None:
        self.defect = defect
        self._made: dict[str, Any] = {
            "simulator.numerics.compiled": SimpleNamespace(kernel=lambda function: function),
            "analysis.kernels.lanes": SimpleNamespace(
                sum_of_products=sum_of_products,
                share_moments=share_moments,
                one_by_four=_cross_sums(1, 4),
                two_by_two=_cross_sums(2, 2),
            ),
        }

    def __getitem__(self, name: str) -> Any:
        """The module ``name``, as in ``analysis.survival.statistics``."""
        if name not in self._made:
            made: Any = ModuleType(f"planted.{name}")
            self._made[name] = made
            made.__builtins__ = {**vars(__import__("builtins")), "__import__": self._import}
            own = self.defect if self.defect is not None and self.defect.module == name else None
            exec(_code(name, own), vars(made))
        return self._made[name]

    def _import(self, name: str, globals: Any = None, locals: Any = None, wanted: Any = (), level: int = 0) -> Any:
        if name in self._made or (HOME / f"{name.replace('.', '/')}.py").is_file():
            return self[name]
        inside = [word for word in wanted or () if (HOME / name.replace(".", "/") / f"{word}.py").is_file()]
        if name.split(".")[0] in ("analysis", "simulator") and inside:
            return SimpleNamespace(**{word: self[f"{name}.{word}"] for word in inside})
        return __import__(name, globals, locals, wanted, level)


def largest_gap(check: Check, defect: Defect | None = None) -> float:
    """How far the plain kernels are from the slow twins; with a defect, only as far as the first disagreement."""
    rooms, largest = Rooms(defect), 0.0
    with np.errstate(all="ignore"):
        for gap in check(rooms):
            largest = max(largest, gap)
            if defect is not None and not largest < AGREEMENT:
                break
    return largest


def noticed_by(made: list[Defect]) -> tuple[Callable[[Check], None], Callable[[Defect], None]]:
    """The two tests of a theme: without a defect its checks find agreement, with any of its defects they do not."""
    checks = list(dict.fromkeys(defect.check for defect in made))

    @pytest.mark.parametrize("check", checks, ids=lambda check: check.__name__)
    def without(check: Check) -> None:
        assert largest_gap(check) < AGREEMENT

    @pytest.mark.parametrize("defect", made, ids=str)
    def noticed(defect: Defect) -> None:
        try:
            largest = largest_gap(defect.check, defect)
        except OverflowError:  # plain numpy stops where compiled code goes on with other numbers
            largest = np.inf
        assert not largest < AGREEMENT

    return without, noticed


def unless(same: Any) -> float:
    """No gap where the two are the same, an infinite one where not."""
    return 0.0 if np.all(same) else np.inf


@functools.cache
def cohort(seed: int, p: int, n: int = 24, binary: bool = False, tied: bool = True) -> Any:
    """A cohort with tied times (unless not), entry times that meet them, strata, clusters and weights, some zero."""
    draw = Generator(Philox(seed))
    x = draw.integers(0, 2, (n, p)).astype(float) if binary else draw.normal(size=(n, p)).round(2)
    time = np.ceil(draw.exponential(5 * np.exp(-0.5 * x[:, 0])))
    return SimpleNamespace(
        time=time if tied else time + Generator(Philox(seed)).permutation(n) / 64,
        event=draw.random(n) < 0.75,
        x=x,
        present=draw.random(n) < 0.9,
        weight=draw.integers(0, 5, n) / 2.0,
        stratum=draw.integers(3, 6, n),
        entry=np.floor(time * draw.random(n)) - (draw.random(n) < 0.2),
        cluster=draw.integers(0, 8, n),
    )
