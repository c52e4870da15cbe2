"""The stages of the workflow, the names and shapes of its answers, and how far two contenders' answers are apart."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from simulator.numerics.arrays import Floats

Answers = Mapping[str, ArrayLike]

STAGES = ("table1", "stepwise", "matching", "kmlr", "cox", "subgroups")
ENDPOINTS = ("OS", "PFS")
SETS = ("before", "after")
IDENTICAL = ("table1.before.counts", "table1.after.counts", "stepwise.selected", "matching.control")
"""Answers that must agree to the last digit: counts, selected terms, matched pairs."""

FLOORS = {"beta": 0.1, "smd": 1e-3, "chi2": 1e-3, "p": 1e-6, "welch_p": 1e-6, "mw_p": 1e-6}
"""A difference is taken relative to the number, or to this where the number is smaller: one may be 0 by chance (0.1
is less than any standard error of these log hazard ratios), and the digits of a tiny p-value are its statistic's."""

_CONTINUOUS = ("n1", "mean1", "sd1", "median1", "q1_1", "q3_1", "n0", "mean0", "sd0", "median0", "q1_0", "q3_0")
_KM = ("median1", "low1", "high1", "median0", "low0", "high0", "chi2", "p")


def answer_names() -> dict[str, tuple[str, ...]]:
    """Every answer: what its last axis holds, in order; ``()`` where it is one kind of number throughout.

    Rows are those of the workflow: 2 continuous variables, 11 categorical ones, 12 Cox models, 24 subgroups. Counts
    are those of the treated and of the controls, for each of the 24 levels in turn.
    """
    names: dict[str, tuple[str, ...]] = {}
    for group in SETS:
        names |= {
            f"table1.{group}.continuous": (*_CONTINUOUS, "welch_p", "mw_p", "smd"),
            f"table1.{group}.categorical": ("p", "p"),
            f"table1.{group}.counts": (),
            f"table1.{group}.smd": ("smd",),
        }
    names |= {"stepwise.selected": (), "stepwise.aic": (), "matching.control": ()}
    for endpoint in ENDPOINTS:
        names |= {f"kmlr.{endpoint}.{group}": _KM for group in SETS}
        names |= {f"cox.{endpoint}.{group}": ("beta", "se", "hr", "low", "high", "p") for group in SETS}
        names |= {f"cox.{endpoint}.{kind}": ("beta", "se", "p") for kind in ("univariable", "multivariable")}
        names[f"subgroups.{endpoint}"] = ("n", "events", "hr", "low", "high", "p")
    return names


@dataclass(frozen=True)
class Apart:
    """How far an answer is from another: the largest relative difference, and the entries of which only one is there.

    ``missing`` counts entries that are NaN or infinite in one of the two only, or unequal where they must be
    identical.
    """

    largest: float
    missing: int


def apart(name: str, ours: ArrayLike, theirs: ArrayLike) -> Apart:
    """How far ``theirs`` is from ``ours``, both in the order of `answer_names`; ValueError for different sizes."""
    a, b = (np.asarray(one, dtype=np.float64).ravel() for one in (ours, theirs))
    if a.shape != b.shape:
        raise ValueError(f"{name}: {a.size} numbers against {b.size}")
    if name in IDENTICAL:
        return Apart(0.0, int(np.sum(~((a == b) | (np.isnan(a) & np.isnan(b))))))
    odd = ~(np.isfinite(a) & np.isfinite(b))
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    floor = np.broadcast_to(_floors(name), a.shape) if a.size else a
    with np.errstate(invalid="ignore"):
        gap = np.abs(a - b) / np.maximum(np.abs(a), floor)
    gap = np.where(odd | (a == b), 0.0, gap)
    return Apart(float(gap.max(initial=0.0)), int(np.sum(odd & ~same)))


def _floors(name: str) -> Floats:
    kinds = answer_names()[name]
    floors = np.array([FLOORS.get(kind, np.finfo(float).tiny) for kind in kinds or ("",)])
    rows = {"continuous": 2, "univariable": 12, "multivariable": 12}.get(name.split(".")[-1], 0)
    rows = rows or {"table1": 11, "subgroups": 24}.get(name.split(".")[0], 1)
    return floors if len(kinds) <= 1 else np.tile(floors, rows)


def stage_of(name: str) -> str:
    """The stage that an answer belongs to."""
    return name.split(".")[0]


def compare(ours: Answers, theirs: Answers) -> dict[str, Apart]:
    """Per stage, how far the answers of one cohort are apart; an answer that only one of them has counts as missing."""
    found = dict.fromkeys(STAGES, Apart(0.0, 0))
    for name in answer_names():
        stage = stage_of(name)
        if name not in ours or name not in theirs:
            one = Apart(0.0, int(name in ours or name in theirs))
        else:
            one = apart(name, ours[name], theirs[name])
        found[stage] = worse(found[stage], one)
    return found


def worse(one: Apart, other: Apart) -> Apart:
    """Both together: the larger difference, all that is missing."""
    return Apart(max(one.largest, other.largest), one.missing + other.missing)
