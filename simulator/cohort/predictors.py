"""Linear predictors: sums of coefficient x term, several at once from the same columns."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from simulator.cohort.terms import Variable, parse_term, range_of
from simulator.numerics.arrays import Floats, Ints
from simulator.numerics.compiled import kernel

Coefficients = Mapping[str, float]

_STRIP = 128  # the columns of so many patients stay in a processor core's nearest memory


@kernel
def _add_terms(
    values: Floats,
    variables: Ints,
    ranges: Floats,
    products: Ints,
    factors: Floats,
    lengths: Ints,
    terms: Ints,
    coefficients: Floats,
    out: Floats,
) -> None:
    """Fill ``out (P, M)`` from ``values (K, M)``: the arrays of `Predictors`, every sum in its own order of terms."""
    columns = np.empty((len(variables), _STRIP))
    for first in range(0, values.shape[1], _STRIP):
        count = min(_STRIP, values.shape[1] - first)
        for t in range(len(variables)):
            column, low, high = columns[t], ranges[t, 0], ranges[t, 1]
            value = values[variables[t], first : first + count]
            if np.isnan(low):
                for i in range(count):
                    column[i] = value[i]
            else:
                for i in range(count):
                    column[i] = (value[i] >= low) & (value[i] <= high)
        for f in range(len(products)):
            column, low, high = columns[products[f, 0]], factors[f, 0], factors[f, 1]
            value = values[products[f, 1], first : first + count]
            for i in range(count):
                column[i] *= value[i] if np.isnan(low) else (value[i] >= low) & (value[i] <= high)
        for p in range(len(out)):
            total = out[p, first : first + count]
            total[:] = 0.0
            for place in range(lengths[p]):
                column, coefficient = columns[terms[p, place]], coefficients[p, place]
                for i in range(count):
                    total[i] += coefficient * column[i]


@dataclass(frozen=True)
class Predictors:
    """Named sums of coefficient x term, ready to be computed; sums that are equal share a row.

    The T distinct terms: their ``variables (T,)`` by position, and the closed ``ranges (T, 2)`` of values in which a
    comparison holds, NaN for the variable itself; ``products (F, 2)`` say which terms are multiplied by which variables
    more, or by their comparisons with the ranges ``factors (F, 2)``. The P distinct sums: their ``lengths (P,)``, and
    in the first so many places of ``terms (P, L)`` and ``coefficients (P, L)`` what is added.
    """

    rows: Mapping[str, int]
    variables: Ints
    ranges: Floats
    products: Ints
    factors: Floats
    lengths: Ints
    terms: Ints
    coefficients: Floats

    def of(self, values: Floats) -> Floats:
        """Every distinct sum ``(P, R, N)`` for the patients with ``values (K, R, N)``."""
        out = np.empty((len(self.lengths), *values.shape[1:]))
        _add_terms(
            values.reshape(len(values), -1),
            self.variables,
            self.ranges,
            self.products,
            self.factors,
            self.lengths,
            self.terms,
            self.coefficients,
            out.reshape(len(out), -1),
        )
        return out


def resolve(sums: Mapping[str, Coefficients], variables: Mapping[str, Variable]) -> Predictors:
    """The sums by name made ready, for values that hold the variables in order."""
    names = list(variables)
    parsed = {text: parse_term(text, variables) for coefficients in sums.values() for text in coefficients}
    distinct: list[tuple[tuple[str, float], ...]] = []
    rows = {}
    for name, coefficients in sums.items():
        one = tuple(coefficients.items())
        if one not in distinct:
            distinct.append(one)
        rows[name] = distinct.index(one)
    shape = (len(distinct), max(map(len, distinct), default=0))
    terms, coefficients_of = np.zeros(shape, np.int64), np.zeros(shape)
    for p, one in enumerate(distinct):
        terms[p, : len(one)] = [list(parsed).index(text) for text, _ in one]
        coefficients_of[p, : len(one)] = [coefficient for _, coefficient in one]
    factors = [[part for part in term.parts for _ in range(part.power)] for term in parsed.values()]
    more = [(t, part) for t, parts in enumerate(factors) for part in parts[1:]]
    return Predictors(
        rows,
        np.array([names.index(parts[0].variable) for parts in factors], np.int64),
        np.array([range_of(parts[0]) for parts in factors]).reshape(-1, 2),
        np.array([(t, names.index(part.variable)) for t, part in more], np.int64).reshape(-1, 2),
        np.array([range_of(part) for _, part in more]).reshape(-1, 2),
        np.array([len(one) for one in distinct], np.int64),
        terms,
        coefficients_of,
    )
