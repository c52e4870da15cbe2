"""Terms: the small language in which worlds and analyses name columns of a design: ``age``, ``age>50``, ``ecog>=1``,
``albi=3``, ``grade`` (a factor: one column per level but the first), products ``age*sex`` and powers ``age^2``."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simulator.numerics.compiled import kernel

Kind = Literal["continuous", "binary", "ordinal", "nominal"]

_NAME = "[A-Za-z][A-Za-z0-9_.-]*"
_COMPARED = re.compile(rf"^\s*({_NAME})\s*(?:(>=|<=|>|<|=)\s*(.+?))?\s*$")
_POWER = re.compile(rf"^\s*({_NAME})\s*\^\s*(.*?)\s*$")
_POWERS = ("2", "3", "4", "5", "6")
_WRITE = "write a variable, or compare it: age, age>50, ecog>=1, albi=3; or a product or a power: age*sex, age^2"


@dataclass(frozen=True)
class Variable:
    """A baseline variable as every room knows it.

    Values are floats: the number itself when continuous, else the position of the level in ``levels`` (0, 1, ...).
    """

    name: str
    kind: Kind
    levels: tuple[str, ...] = ()
    cuts: tuple[float, ...] = ()
    label: str = ""
    unit: str = ""


@dataclass(frozen=True)
class TermPart:
    """A factor of a term: a variable, a power of it, or it compared with a number or with a level's position."""

    text: str
    variable: str
    operator: str = ""
    operand: float = 0.0
    power: int = 1

    def is_factor(self, variables: Mapping[str, Variable]) -> bool:
        """Whether it is a variable with several levels that is not compared with one."""
        return not self.operator and variables[self.variable].kind in ("ordinal", "nominal")


@dataclass(frozen=True)
class Term:
    """A parsed term: the product of its parts, as a rule of one."""

    text: str
    parts: tuple[TermPart, ...]

    @property
    def alone(self) -> TermPart | None:
        """The variable or the comparison that the term is; None for a product or a power."""
        return self.parts[0] if len(self.parts) == 1 and self.parts[0].power == 1 else None

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of its variables, each once."""
        return tuple(dict.fromkeys(part.variable for part in self.parts))

    def has_number(self, variables: Mapping[str, Variable]) -> bool:
        """Whether a number goes into it that is not compared."""
        return any(not part.operator and variables[part.variable].kind == "continuous" for part in self.parts)

    def factors(self, variables: Mapping[str, Variable]) -> tuple[str, ...]:
        """Its variables with several levels that are not compared with one."""
        return tuple(part.variable for part in self.parts if part.is_factor(variables))


def parse_term(text: str, variables: Mapping[str, Variable]) -> Term:
    """The parsed term; ValueError names what is wrong and what would be right."""
    if "*" not in text:
        return Term(text, (_part(text, text, variables),))
    parts: list[TermPart] = []
    pieces = text.split("*")
    if len(pieces) > 1 and not all(piece.strip() for piece in pieces) and not _levelled(pieces, variables):
        raise ValueError(f"'{text}' is not a term: one '*' stands between two factors, as in age*sex; a power is age^2")
    while pieces:
        taken = _levelled(pieces, variables) or 1
        parts.append(_part("*".join(pieces[:taken]), text, variables))
        pieces = pieces[taken:]
    bare = Counter[str]()
    for part in parts:
        if not part.operator:
            bare[part.variable] += part.power
    for name, power in bare.items():
        if sum(part.variable == name and not part.operator for part in parts) > 1:
            number = variables[name].kind == "continuous"
            told = (f"write {name}^{power}" if power <= 6 else "6 is the highest power") if number else "once will do"
            raise ValueError(f"'{text}': {name} stands in it more than once; {told}")
    return Term(text, tuple(parts))


def _levelled(pieces: Sequence[str], variables: Mapping[str, Variable]) -> int:
    """How many of the pieces between stars make a comparison with a level, which may have stars in it; 0 if none."""
    for taken in range(len(pieces), 0, -1):
        found = _COMPARED.match("*".join(pieces[:taken]))
        if found and found[1] in variables and found[3] in variables[found[1]].levels:
            return taken
    return 0


def _part(piece: str, text: str, variables: Mapping[str, Variable]) -> TermPart:
    """One factor of the term ``text``."""
    compared = _COMPARED.match(piece)
    found = compared or _POWER.match(piece)
    if found is None:
        within = "" if piece == text else f"'{text}': "
        raise ValueError(f"{within}'{piece.strip() if within else piece}' is not a term; {_WRITE}")
    name = found[1]
    if name not in variables:
        near = get_close_matches(name, variables, 1)
        told = f"; did you mean '{near[0]}'?" if near else ""
        raise ValueError(f"'{text}': no variable '{name}' (there are {', '.join(variables) or 'none'}){told}")
    variable = variables[name]
    if not compared:
        if variable.kind != "continuous":
            raise ValueError(f"'{text}': {name} has levels, and powers are of numbers; compare it with a level")
        if found[2] not in _POWERS:
            raise ValueError(f"'{text}': the power '{found[2]}' is not a whole number from 2 to 6")
        return TermPart(piece.strip(), name, power=int(found[2]))
    if not compared[2]:
        return TermPart(piece.strip(), name)
    return TermPart(piece.strip(), name, compared[2], _operand(text, variable, compared[2], compared[3]))


def _operand(text: str, variable: Variable, operator: str, operand: str) -> float:
    """What a variable is compared with: a number, or the position of a level."""
    name = variable.name
    if variable.kind == "continuous":
        try:
            value = float(operand)
        except ValueError:
            raise ValueError(f"'{text}': '{operand}' is not a number, and {name} is continuous") from None
        if not np.isfinite(value):
            raise ValueError(f"'{text}': '{operand}' is not a finite number")
        return value
    if operand not in variable.levels:
        raise ValueError(f"'{text}': {name} has no level '{operand}' (levels: {', '.join(variable.levels)})")
    if operator != "=" and variable.kind == "nominal":
        raise ValueError(f"'{text}': the levels of {name} have no order; use '='")
    return float(variable.levels.index(operand))


Range = tuple[float, float]
"""The closed interval in which a comparison holds; NaN stand for the variable itself."""


def range_of(part: TermPart) -> Range:
    """The least and the greatest value of which a comparison holds; NaN for a variable that is not compared."""
    return bounds(part.operator, part.operand) if part.operator else (math.nan, math.nan)


def _columns_of(part: TermPart, variables: Mapping[str, Variable]) -> list[tuple[str, list[tuple[str, Range]]]]:
    """The columns of a part by name, each as the ranges of variables whose product it is."""
    if part.is_factor(variables):
        levels = enumerate(variables[part.variable].levels[1:], start=1)
        return [(f"{part.variable}={level}", [(part.variable, (k, k))]) for k, level in levels]
    return [(part.text, [(part.variable, range_of(part))] * part.power)]


def _columns(term: Term, variables: Mapping[str, Variable]) -> list[tuple[str, list[tuple[str, Range]]]]:
    """The columns of a term by name, each as a product; of crossed levels those of the first factor vary fastest."""
    backwards = product(*(_columns_of(part, variables) for part in reversed(term.parts)))
    made = [
        ("*".join(name for name, _ in reversed(crossed)), [one for _, these in reversed(crossed) for one in these])
        for crossed in backwards
    ]
    return made if term.factors(variables) else [(term.text, made[0][1])]


def term_columns(term: Term, variables: Mapping[str, Variable]) -> tuple[str, ...]:
    """Names of the columns that the term makes: one, or one per level but the first of each factor in it."""
    return tuple(name for name, _ in _columns(term, variables))


def bounds(operator: str, operand: float) -> tuple[float, float]:
    """The closed interval in which a comparison holds."""
    match operator:
        case ">":
            return math.nextafter(operand, math.inf), math.inf
        case ">=":
            return operand, math.inf
        case "<":
            return -math.inf, math.nextafter(operand, -math.inf)
        case "<=":
            return -math.inf, operand
    return operand, operand


def holds(
    text: str, variables: Mapping[str, Variable], names: Sequence[str], values: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Where comparisons hold and bare 0/1 variables are 1, all of a product, ``(...)``; not where a value is NaN."""
    found: NDArray[np.bool_] | None = None
    for part in parse_term(text, variables).parts:
        column = values[..., list(names).index(part.variable)]
        low, high = range_of(part) if part.operator else (1.0, 1.0)
        inside = column == low if low == high else column >= low if high == math.inf else column <= high
        found = inside if found is None else found & inside
    assert found is not None
    return found


@kernel
def fill_columns(
    values: NDArray[np.float64],
    source: NDArray[np.int64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    x: NDArray[np.float64],
) -> None:
    """Fills ``x (M, P)``: whether column ``source[p]`` of ``values (M, K)`` is within bounds; with NaN bounds itself.

    NaN stays NaN.
    """
    for i in range(values.shape[0]):
        for p in range(source.shape[0]):
            v = values[i, source[p]]
            inside = 1.0 if (v >= low[p]) & (v <= high[p]) else 0.0
            x[i, p] = v if (v != v) | (low[p] != low[p]) else inside


@kernel
def multiply_columns(
    values: NDArray[np.float64],
    column: NDArray[np.int64],
    source: NDArray[np.int64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    x: NDArray[np.float64],
) -> None:
    """Multiplies column ``column[s]`` of ``x (M, P)`` by what `fill_columns` fills in for ``source[s]``. NaN stays."""
    for i in range(values.shape[0]):
        for s in range(source.shape[0]):
            v = values[i, source[s]]
            inside = 1.0 if (v >= low[s]) & (v <= high[s]) else 0.0
            x[i, column[s]] *= v if (v != v) | (low[s] != low[s]) else inside


@dataclass(frozen=True)
class Design:
    """The columns of several terms: ``x (..., P)``, their names, and for each column the index of its term."""

    x: NDArray[np.float64]
    columns: tuple[str, ...]
    term_of: tuple[int, ...]


Factors = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]
"""Positions of variables, and the ends of the ranges with which they are compared."""


@dataclass(frozen=True)
class _Layout:
    """How columns are made: their names and terms, the first factor of each, and by which the columns ``at`` are
    multiplied.
    """

    columns: tuple[str, ...]
    term_of: tuple[int, ...]
    first: Factors
    at: NDArray[np.int64]
    more: Factors


def design(
    terms: Sequence[str], variables: Mapping[str, Variable], names: Sequence[str], values: NDArray[np.float64]
) -> Design:
    """The design matrix of the terms; ``values (..., K)`` hold the variables ``names`` (K) in order. NaN stays NaN."""
    made = _laid_out(tuple(terms), tuple(variables.items()), tuple(names))
    x = np.empty((*values.shape[:-1], len(made.columns)))
    rows = np.ascontiguousarray(values, dtype=np.float64).reshape(-1, values.shape[-1])
    columns = x.reshape(len(rows), len(made.columns))
    fill_columns(rows, *made.first, columns)
    if len(made.at):
        multiply_columns(rows, made.at, *made.more, columns)
    return Design(x, made.columns, made.term_of)


@lru_cache(maxsize=256)  # the blocks of a study have their terms in common
def _laid_out(terms: tuple[str, ...], variables: tuple[tuple[str, Variable], ...], names: tuple[str, ...]) -> _Layout:
    """The columns of the terms of variables that stand in the order of names."""
    by_name, where = dict(variables), {name: k for k, name in enumerate(names)}

    def arrays(factors: Sequence[tuple[str, Range]]) -> Factors:
        ends = np.array([between for _, between in factors], np.float64).reshape(-1, 2).T.copy()
        return np.array([where[name] for name, _ in factors], np.int64), ends[0], ends[1]

    made = [(t, *one) for t, text in enumerate(terms) for one in _columns(parse_term(text, by_name), by_name)]
    more = [(k, factor) for k, (_, _, factors) in enumerate(made) for factor in factors[1:]]
    return _Layout(
        tuple(name for _, name, _ in made),
        tuple(t for t, _, _ in made),
        arrays([factors[0] for _, _, factors in made]),
        np.array([k for k, _ in more], np.int64),
        arrays([factor for _, factor in more]),
    )
