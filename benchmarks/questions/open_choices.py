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

WEIGHTS: dict[str, tuple[Any, ...]] = {
    "weighting": (
        {"target": "ate", "stabilised": False},
        {"target": "ate", "stabilised": True},
        {"target": "att", "stabilised": False},
        {"target": "overlap", "stabilised": False},
    ),
    "weighting.truncate": (None, [0.01, 0.99], [0.05, 0.95]),
    "propensity": AXES["propensity"],
}
"""The choices of an analysis by weighting unless others are asked for."""
TRIMS = (None, [0.05, 0.95], [0.1, 0.9])


def usual_axes(plan: Plan | None) -> dict[str, tuple[Any, ...]]:
    """The choices that are opened where the plan says of none that it is not stated."""
    return WEIGHTS if plan is not None and plan.primary == "weighting" else AXES


def open_axes(plan: Plan, covariates: Sequence[str] = ()) -> dict[str, tuple[Any, ...]]:
    """The axes of the choices that the plan says are not stated, its own value first; none where it says of none.

    Choices that exclude each other stand on one axis: an optimal matching takes no turns and reuses nobody. Candidates
    are the plan's, or all ``covariates`` as they are.
    """
    unsaid = set[str](plan.not_stated)
    found = _weights(plan, unsaid) if plan.primary == "weighting" else _matchings(plan, unsaid)
    if "propensity.method" in unsaid:
        stated = plan.propensity.model_dump(mode="json", exclude_defaults=True, exclude={"candidates"})
        found["propensity"] = _with_first({"method": plan.propensity.method, **stated}, AXES["propensity"])
    if "propensity.candidates" in unsaid and plan.propensity.candidates and covariates:
        ways = _with_first(list(plan.propensity.candidates), (list(covariates),))
        found |= {"propensity.candidates": ways} if len(ways) > 1 else {}
    if "se" in unsaid and plan.primary != "weighting":
        found["se"] = AXES["se"]
    return found


def _weights(plan: Plan, unsaid: set[str]) -> dict[str, tuple[Any, ...]]:
    """Whom the weighted stand for, stabilised or not (which is for all patients alone), and what is done to weights."""
    own = plan.weighting
    stated = {"target": own.target, "stabilised": own.stabilised}
    ways = [
        way
        for way in WEIGHTS["weighting"]
        if (way["target"] == own.target or "weighting.target" in unsaid)
        and (way["stabilised"] == (own.stabilised and way["target"] == "ate") or "weighting.stabilised" in unsaid)
    ]
    found: dict[str, tuple[Any, ...]] = {"weighting": _with_first(stated, ways)}
    for path, mine, others in (
        ("weighting.trim", own.trim, TRIMS), ("weighting.truncate", own.truncate, WEIGHTS["weighting.truncate"])
    ):  # fmt: skip
        if path in unsaid:
            found[path] = _with_first(None if mine is None else list(mine), others)
    return {path: values for path, values in found.items() if len(values) > 1}


def _matchings(plan: Plan, unsaid: set[str]) -> dict[str, tuple[Any, ...]]:
    found: dict[str, tuple[Any, ...]] = {}
    unsaid, own = set(unsaid), plan.matching
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
