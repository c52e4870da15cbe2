"""Strata: the groups of patients within whom the arms are compared, from terms that are crossed or from a score."""

from collections.abc import Mapping

import numpy as np

from simulator.cohort.cohorts import Observed
from simulator.cohort.terms import Variable, design, parse_term
from simulator.numerics.arrays import Bools, Floats, Ints

MOST_DIGITS = 39
"""So many digits of three values make a number of 64 bits."""


def crossed(terms: tuple[str, ...], observed: Observed) -> Ints:
    """The number of each patient's stratum ``(R, N)``: the crossed terms; those who lack one are a level of it."""
    x = design(terms, observed.variable, observed.names, observed.covariates).x
    digits = np.where(np.isnan(x), 2, x).astype(np.int64)
    label: Ints = np.zeros(digits.shape[:2], np.int64)
    for first in range(0, digits.shape[2], MOST_DIGITS // 2):
        part = digits[..., first : first + MOST_DIGITS // 2]
        label = label * 3 ** part.shape[2] + np.einsum("rnp,p->rn", part, 3 ** np.arange(part.shape[2]))
        if digits.shape[2] > MOST_DIGITS // 2:
            label = np.unique(label, return_inverse=True)[1].reshape(label.shape).astype(np.int64)
    return label


def no_levels(text: str, variables: Mapping[str, Variable]) -> str:
    """Why a term has no levels to stratify by, and what would; empty where it has some."""
    term = parse_term(text, variables)
    if not term.has_number(variables):
        return ""
    such = f"comparison such as '{text}>50'" if term.alone else "product of comparisons, such as 'age>50*sex'"
    return f"'{text}' has no levels; write a {such}"


def within_both(first: Ints | None, second: Ints) -> Ints:
    """Two numberings of strata crossed ``(R, N)``; the second alone where there is no first."""
    if first is None:
        return second
    return first * (int(second.max(initial=0)) + 1) + second


def between_quantiles(score: Floats, here: Bools, groups: int) -> Ints:
    """The group of each patient ``(R, N)``, from 0: how many of the inner quantiles (type 7) lie below the score."""
    found = np.zeros(score.shape, np.int64)
    for r, inside in enumerate(here):
        if inside.any():
            bounds = np.quantile(score[r, inside], np.arange(1, groups) / groups)
            found[r] = np.searchsorted(bounds, score[r], side="left")
    return found
