"""Worlds whose course is a graph of states, as plain trees: by hand, and made from a number."""

import random
from typing import Any

from simulator.world.sections import World

AGE = {"kind": "continuous", "mean": 60.0, "sd": 8.0, "bounds": (30.0, 90.0)}
STAGE = {"kind": "binary", "shares": {"early": 0.5, "late": 0.5}}
PLAIN_ENTRY = {"accrual": {"start": "2020-01-01", "end": "2020-01-01"}}


def constant(rate: float, start: Any, end: str, **more: Any) -> dict[str, Any]:
    """A transition with a constant hazard."""
    return {"from": start, "to": end, "baseline": {"kind": "exponential", "rate": rate}, **more}


def weibull(shape: float, scale: float, start: Any, end: str, **more: Any) -> dict[str, Any]:
    """A transition with a Weibull hazard."""
    return {"from": start, "to": end, "baseline": {"kind": "weibull", "shape": shape, "scale": scale}, **more}


def tree(states: Any, transitions: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A world of states followed for centuries, each with an endpoint of its name; keywords replace whole sections."""
    outcomes = {"states": tuple(states), "transitions": transitions, **changes.pop("outcomes", {})}
    made: dict[str, Any] = {
        "name": "graph",
        "source": "made for a test",
        "arms": {"control": "C", "treated": "T"},
        "population": {"size": 40, "covariates": {"age": AGE, "stage": STAGE}},
        "treatment": {"kind": "prevalence", "share": 0.5},
        "outcomes": outcomes,
        "endpoints": {f"at-{state}": {"event": state} for state in states[1:]},
        "entry": PLAIN_ENTRY,
        "followup": {"cut_off": "2800-01-01"},
    }
    return {**made, **changes}


def world(states: Any, transitions: dict[str, Any], **changes: Any) -> World:
    """The world of `tree`, validated."""
    return World.model_validate(tree(states, transitions, **changes))


HEART_STATES = ("event-free", "hospitalised", "dead-cv", "dead-other")
HEART = {
    "hospitalisation": constant(0.08, "event-free", "hospitalised", treatment={"log_hr": -0.4}),
    "cv-death": constant(0.03, ("event-free", "hospitalised"), "dead-cv", log_hr={"stage": 0.5}),
    "other-death": constant(0.02, ("event-free", "hospitalised"), "dead-other"),
}
HEART_ENDPOINTS = {
    "death": {"event": ("dead-cv", "dead-other")},
    "MACE": {"event": ("hospitalised", "dead-cv"), "competing": "dead-other"},
    "hospitalisation": {"event": "hospitalised", "competing": ("dead-cv", "dead-other")},
}


def heart(**changes: Any) -> World:
    """Hospitalisation, and death of two causes before and after it."""
    return world(HEART_STATES, HEART, **{"endpoints": HEART_ENDPOINTS, **changes})


def drawn(number: int, late: bool = False) -> World:
    """A world of three to six states with transitions, clocks, hazards, effects and mechanisms made from a number."""
    luck = random.Random(number)
    states = [f"s{k}" for k in range(luck.randint(3, 6))]
    transitions: dict[str, Any] = {}
    for k, state in enumerate(states[1:], 1):
        for copy in range(1 + (luck.random() < 0.25)):
            starts = luck.sample(states[:k], luck.randint(1, min(k, 3)))
            transitions[f"to-{state}.{copy}"] = _transition(luck, tuple(starts), state)
    left = {start for one in transitions.values() for start in one["from"]}
    passed = [state for state in states[1:] if state in left]
    ends = [state for state in states[1:] if state not in left]
    names = list(transitions)
    outcomes: dict[str, Any] = {
        "centre": ("average", "zero")[number % 2],
        "frailty": {"kind": luck.choice(("gamma", "lognormal")), "variance": 0.4, "transitions": _some(luck, names)},
        "cure": {"shares": {"C": 0.15, "T": 0.15 if late else 0.3}, "transitions": _some(luck, names)},
        "response": {
            "categories": ("PD", "SD", "PR"),
            "shares": {"C": (0.3, 0.5, 0.2), "T": (0.2, 0.4, 0.4)},
            "link": 0.6,
            "groups": {"ORR": ("PR",)},
            "follows": luck.choice([name for name in names if len(transitions[name]["from"]) == 1]),
        },
    }
    start: dict[str, Any] = {"wait": {"kind": "weibull", "shape": 1.3, "scale": 4.0}}
    if passed:
        outcomes["subsequent"] = {"shares": {"C": 0.6, "T": 0.3}, "log_hr": -0.7, "after": luck.choice(passed)}
        outcomes["progression_modes"] = _modes(luck.choice(passed))
        start["prevented_by"] = (luck.choice(passed),) if luck.random() < 0.7 else ()
    seen = tuple(luck.sample(states[1:], luck.randint(1, len(states) - 1)))
    endpoints: dict[str, Any] = {f"at-{state}": {"event": state} for state in states[1:]}
    event = tuple(luck.sample(states[1:], luck.randint(1, len(states) - 2)))
    rivals = tuple(state for state in states[1:] if state not in event)
    endpoints["several"] = {"event": event, "competing": luck.sample(rivals, luck.randint(1, len(rivals)))}
    endpoints["several"]["competing"] = tuple(endpoints["several"]["competing"])
    changes: dict[str, Any] = {
        "outcomes": outcomes,
        "endpoints": endpoints,
        "entry": {
            "accrual": {"start": "2020-01-01", "end": "2022-01-01", "shape": 0.7},
            "guarantee_months": {"T": 2.0},
            "guarantee_against": tuple(luck.sample(ends, 1)) if luck.random() < 0.5 else (),
            "complete_follow_up": ("C",),
        },
        "followup": {
            "cut_off": "2024-01-01",
            "dropout": {
                "T": {"kind": "exponential", "rate": 0.02},
                "C": {"kind": "weibull", "shape": 0.8, "scale": 90.0},
            },
            "informative": {"log_hr": {"stage": 0.4}, "frailty": 0.5, "after": changes_of(passed)},
            "visit_months": luck.choice(({"C": 1.5}, {"T": 2.0}, {"C": 3.0, "T": 1.5})),
            "seen_at_visits": seen if luck.random() < 0.6 else (),
        },
        "treatment": {"kind": "prevalence", "share": 0.6, "log_odds": {"stage": 0.8, "age": 0.02}},
        "calendar": {"per_year": {"treatment": 0.3, luck.choice(names): -0.2}},
    }
    if late:
        changes["treatment"]["start"] = start
    return world(states, transitions, **changes)


def changes_of(passed: list[str]) -> dict[str, float]:
    """Log hazard ratios of drop-out after some states, those that help among them."""
    return {state: (1.2, -0.8, 0.5)[k % 3] for k, state in enumerate(passed[::-1])}


def _some(luck: random.Random, names: list[str]) -> tuple[str, ...]:
    """A few of the names, or none, which stands for all."""
    return tuple(luck.sample(names, luck.randint(0, len(names) - 1)))


def _transition(luck: random.Random, starts: tuple[str, ...], end: str) -> dict[str, Any]:
    """A transition with some hazard, clock and effect."""
    baseline = luck.choice(
        (
            {"kind": "exponential", "rate": round(luck.uniform(0.01, 0.1), 3)},
            {"kind": "weibull", "shape": round(luck.uniform(0.6, 1.8), 2), "scale": round(luck.uniform(8, 40), 1)},
            {"kind": "piecewise", "cuts": (3.0, 9.0), "rates": tuple(round(luck.uniform(0.0, 0.12), 3) for _ in "abc")},
        )
    )
    effect = luck.choice(
        (
            {"log_hr": round(luck.uniform(-1, 0.5), 2)},
            {"log_hr": (0.3, -0.8), "cuts": (5.0,)},
            {"log_hr": (0.2, -0.6, 0.1), "cuts": (2.0, 8.0), "modifiers": {"stage": 0.5}},
        )
    )
    made = {"from": starts, "to": end, "baseline": baseline, "log_hr": {"stage": 0.4, "age": 0.01}, "treatment": effect}
    clock = luck.choice((None, "forward", "reset"))
    return made if clock is None else {**made, "clock": clock}


def _modes(state: str) -> dict[str, Any]:
    """Two ways in which a state is entered, one of them worse."""
    return {
        "state": state,
        "endpoint": f"at-{state}",
        "death": "otherwise",
        "modes": {
            "inside": {"label": "inside", "share": {"C": 0.8, "T": 0.6}, "log_hr": 0.5},
            "outside": {"label": "outside", "share": {"C": 0.5, "T": 0.7}},
        },
    }
