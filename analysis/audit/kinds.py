"""What kind of number stands at a key: a count, a percentage, a p-value, a ratio, a share, or an amount."""

from functools import cache
from typing import Literal

from simulator.documents.keys import split_key

NumberKind = Literal["count", "percent", "p", "ratio", "share", "amount"]
"""A ratio is above 0 and 1 where nothing differs; a share is from 0 to 1 (a difference of shares from -1 to 1)."""

COUNTS = frozenset(
    {"n", "yes", "events", "competing_events", "n_pairs", "n_treated", "n_control", "at_risk", "only_treated",
     "only_control"}
)  # fmt: skip
P_VALUES = frozenset({"p", "p_logrank", "p_exact", "interaction_p"})
RATIOS = frozenset(
    {
        "cox", "cox_pair_robust", "cox_stratified", "univariable", "multivariable", "subgroups", "odds_ratio",
        "risk_ratio", "fine_gray", "competing_cox", "incidence_ratio",
    }
)  # fmt: skip
SHARES = frozenset(
    {"survival", "survival_difference", "risk_difference", "incidence", "competing_incidence", "incidence_difference"}
)  # fmt: skip
ENDS = frozenset({"value", "low", "high"})
ARMS = frozenset({"control", "treated"})
REACHED = frozenset({"median", "low", "high", "q1", "q3", "max"})
"""Names of numbers that may not be reached."""


@cache
def kind_of(key: str) -> NumberKind:
    """The kind of the number at a key; an amount where the key tells no other."""
    names = names_of_key(key)
    last = names[-1] if names else ""
    whose = names[:-1] if last in ENDS and len(names) > 1 else names
    whose = whose[:-1] if whose and whose[-1] in ARMS and len(whose) > 1 else whose
    what = whose[-1] if whose else ""
    if last in COUNTS or what in COUNTS or (names[:1] == ("cohort",) and len(names) == 2):
        return "count"
    if last == "percent":
        return "percent"
    if last in P_VALUES:
        return "p"
    if last == "hr" or (what in RATIOS and (last in ENDS or last == what)):
        return "ratio"
    return "share" if what in SHARES else "amount"


def may_be_unreached(key: str) -> bool:
    """Whether the number at a key may be one that is not reached."""
    names = names_of_key(key)
    return not names or (names[-1] in REACHED and (kind_of(key) != "ratio" or names[-1] == "high"))


def names_of_key(key: str) -> tuple[str, ...]:
    """The names of a key's steps; none where it is no key."""
    try:
        return tuple(step.name for step in split_key(key))
    except ValueError:
        return ()
