"""The choices that a multiverse opens unless told which: those that the paper does not state, or the usual ones."""

from collections.abc import Sequence
from typing import Any

from analysis.plan.analysis_plan import Plan

AXES: dict[str, tuple[Any, ...]] = {
    "matching.caliper": (0.2, 0.1, None),
    "matching.order": ("largest", "random", "closest"),
    "matching.ratio": (1, 2),
    "propensity": (
        {"method": "stepwise"},
        {"method": "stepwise", "criterion": "p", "alpha": 0.1},
        {"method": "all"},
    ),
    "se": ("pair", "naive"),
}
"""The choices unless others are asked for; the first of each is the first paper's."""
OTHERS: dict[str, tuple[Any, ...]] = {
    "matching.unit": ("sd", "raw"),
    "matching.scale": ("logit", "ps"),
    "matching.replacement": (False, True),
}
"""The choices beside `AXES` that a paper may not state."""


def open_axes(plan: Plan, covariates: Sequence[str] = ()) -> dict[str, tuple[Any, ...]]:
    """The axes of the choices that the plan says are not stated, its own value first; none where it says of none.

    Choices that exclude each other stand on one axis: an optimal matching takes no turns and reuses nobody. Candidates
    are the plan's, or all ``covariates`` as they are.
    """
    found: dict[str, tuple[Any, ...]] = {}
    unsaid, own = set[str](plan.not_stated), plan.matching
    first = {"matching.caliper": own.caliper, "matching.unit": own.unit, "matching.scale": own.scale,
             "matching.order": own.order, "matching.replacement": own.replacement,
             "matching.ratio": own.ratio}  # fmt: skip
    others = {**AXES, **OTHERS}
    if own.unit != "sd" or "matching.unit" in unsaid:
        others["matching.caliper"] = tuple(value for value in others["matching.caliper"] if value is not None)
    if own.caliper is None and "matching.caliper" not in unsaid:
        unsaid.discard("matching.unit")
    if "matching.method" in unsaid:
        found["matching"] = _algorithms(plan, unsaid)
        unsaid -= {"matching.order", "matching.replacement"}
    elif own.method == "optimal":
        unsaid -= {"matching.order", "matching.replacement"}
    for path, value in first.items():
        if path in unsaid:
            found[path] = _with_first(value, others[path])
    if "propensity.method" in unsaid:
        stated = plan.propensity.model_dump(mode="json", exclude_defaults=True, exclude={"candidates"})
        found["propensity"] = _with_first({"method": plan.propensity.method, **stated}, AXES["propensity"])
    if "propensity.candidates" in unsaid and plan.propensity.candidates and covariates:
        ways = _with_first(list(plan.propensity.candidates), (list(covariates),))
        found |= {"propensity.candidates": ways} if len(ways) > 1 else {}
    if "se" in unsaid:
        found["se"] = AXES["se"]
    return found


def _algorithms(plan: Plan, unsaid: set[str]) -> tuple[Any, ...]:
    """Ways to match: greedy in each order that is open, with replacement where that is, and optimal."""
    own = plan.matching
    turns = {"method": "greedy", "order": "largest" if own.method == "optimal" else own.order}
    ways = [{**turns, "order": order} for order in AXES["matching.order"] if "matching.order" in unsaid]
    if "matching.replacement" in unsaid:
        ways.append({**turns, "replacement": True})
    if own.choice == "nearest" and not own.replacement:
        ways.append({"method": "optimal", "order": "largest"})
    stated = {"method": "optimal", "order": "largest"} if own.method == "optimal" else turns
    return _with_first(stated, (turns, *ways))


def _with_first(own: Any, others: Sequence[Any]) -> tuple[Any, ...]:
    return (own, *(value for k, value in enumerate(others) if value != own and value not in others[:k]))
