"""Terms: the small language in which worlds and analyses name columns of a design: ``age``, ``age>50``, ``ecog>=1``,
``albi=3``, ``grade`` (a factor: one column per level but the first)."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simulator.numerics.compiled import kernel

Kind = Literal["continuous", "binary", "ordinal", "nominal"]

_TERM = re.compile(r"^\s*([A-Za-z][A-Za-z0-9_.-]*)\s*(?:(>=|<=|>|<|=)\s*(.+?))?\s*$")


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
class Term:
    """A parsed term: ``variable`` alone, or compared with a number (continuous) or with a level's position."""

    text: str
    variable: str
    operator: str = ""
    operand: float = 0.0


def parse_term(text: str, variables: Mapping[str, Variable]) -> Term:
    """The parsed term; ValueError names what is wrong and what would be right."""
    found = _TERM.match(text)
    if not found:
        raise ValueError(f"'{text}' is not a term; write a variable, or compare it: age, age>50, ecog>=1, albi=3")
    name, operator, operand = found.groups()
    if name not in variables:
        raise ValueError(f"'{text}': no variable '{name}' (there are {', '.join(variables) or 'none'})")
    variable = variables[name]
    if operator is None:
        return Term(text, name)
    if variable.kind == "continuous":
        try:
            value = float(operand)
        except ValueError:
            raise ValueError(f"'{text}': '{operand}' is not a number, and {name} is continuous") from None
        if not np.isfinite(value):
            raise ValueError(f"'{text}': '{operand}' is not a finite number")
        return Term(text, name, operator, value)
    if operand not in variable.levels:
        raise ValueError(f"'{text}': {name} has no level '{operand}' (levels: {', '.join(variable.levels)})")
    if operator != "=" and variable.kind == "nominal":
        raise ValueError(f"'{text}': the levels of {name} have no order; use '='")
    return Term(text, name, operator, float(variable.levels.index(operand)))


def term_columns(term: Term, variable: Variable) -> tuple[str, ...]:
    """Names of the columns that the term makes: one, or one per level but the first for a factor."""
    if term.operator or variable.kind == "continuous":
        return (term.text,)
    if variable.kind == "binary":
        return (term.text,)
    return tuple(f"{term.variable}={level}" for level in variable.levels[1:])


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
    """Where a comparison holds, or a bare 0/1 variable is 1, ``(...)``; not where the value is NaN."""
    term = parse_term(text, variables)
    column = values[..., list(names).index(term.variable)]
    low, high = bounds(term.operator, term.operand if term.operator else 1.0)
    inside: NDArray[np.bool_] = column == low if low == high else column >= low if high == math.inf else column <= high
    return inside


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


@dataclass(frozen=True)
class Design:
    """The columns of several terms: ``x (..., P)``, their names, and for each column the index of its term."""

    x: NDArray[np.float64]
    columns: tuple[str, ...]
    term_of: tuple[int, ...]


def design(
    terms: Sequence[str], variables: Mapping[str, Variable], names: Sequence[str], values: NDArray[np.float64]
) -> Design:
    """The design matrix of the terms; ``values (..., K)`` hold the variables ``names`` (K) in order. NaN stays NaN."""
    where = {name: k for k, name in enumerate(names)}
    parsed = [parse_term(text, variables) for text in terms]
    columns = [term_columns(term, variables[term.variable]) for term in parsed]
    term_of = tuple(index for index, made in enumerate(columns) for _ in made)
    source, low, high = np.empty(len(term_of), np.int64), np.empty(len(term_of)), np.empty(len(term_of))
    k = 0
    for term, made in zip(parsed, columns, strict=True):
        plain = not term.operator and variables[term.variable].kind in ("continuous", "binary")
        for level in range(1, len(made) + 1):
            source[k] = where[term.variable]
            low[k], high[k] = bounds(term.operator, term.operand if term.operator else float(level))
            if plain:
                low[k] = high[k] = np.nan
            k += 1
    x = np.empty((*values.shape[:-1], len(term_of)))
    rows = np.ascontiguousarray(values, dtype=np.float64).reshape(-1, values.shape[-1])
    fill_columns(rows, source, low, high, x.reshape(len(rows), len(term_of)))
    return Design(x, tuple(name for made in columns for name in made), term_of)
