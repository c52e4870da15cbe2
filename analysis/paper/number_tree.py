"""The numbers that an analysis has, as a tree of keys, each with what it means: the one list of them.

What `trialtwin published` lists, `check` accepts, `BlockNumbers` computes and `number_in` finds are the keys of this
tree. An endpoint with competing states has cumulative incidences and what goes with them, and no numbers of a curve
that would take competing events for censored ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from analysis.paper.number_keys import ANY, TEXT, TIME, KeyNode

SIDES = ("before", "after")
ARMS = ("control", "treated")
RATIO = {
    "hr": "{}",
    "low": "lower limit of the {}",
    "high": "upper limit of the {}",
    "p": "p of the {} (Wald)",
    "log_hr": "logarithm of the {}",
    "se": "standard error of the logarithm of the {}",
}
INTERVAL = {"low": "lower limit of the {}", "high": "upper limit of the {}"}
COMPETING = (
    "incidence", "competing_incidence", "incidence_difference", "incidence_ratio", "time_lost", "time_lost_difference",
    "competing_events", "gray", "fine_gray", "competing_cox",
)  # fmt: skip
"""What only endpoints with competing states have."""
AMONG = "number of an endpoint with competing states"
CURVES = ("survival_difference", "rmst_difference")
"""What they do not have, besides the numbers of their Kaplan-Meier curves."""


@dataclass(frozen=True)
class Names:
    """The names that keys are made of; rows are the texts in brackets. ``paired``: matching is 1:1, in pairs;
    ``matched``: there is a matching; ``competing``: the endpoints that have competing states; ``stratified``: the plan
    has strata of its survival models.
    """

    endpoints: tuple[str, ...]
    continuous: tuple[str, ...]
    levels: tuple[str, ...]
    factors: tuple[str, ...]
    cox: tuple[str, ...]
    subgroups: tuple[str, ...]
    binary: tuple[str, ...]
    exposure: tuple[str, ...]
    modes: tuple[str, ...]
    paired: bool = True
    matched: bool = True
    competing: tuple[str, ...] = ()
    stratified: bool = True


PLACES = Names(
    ("<endpoint>",), ("<covariate>",), ("<level>",), ("<factor>",), ("<term>",), ("all", "<subgroup>"), ("<outcome>",),
    ("<treatment>",), ("<mode>",),
)  # fmt: skip
"""What stands for the names of a world where its keys are listed in short."""


@cache
def any_paper() -> KeyNode:
    """The keys of all that an audit may read, whatever the paper's covariates, endpoints and outcomes are called."""
    one = (ANY,)
    anything: dict[str, KeyNode] = {}
    anything[ANY] = KeyNode("part", anything, number=True)
    return tree(Names(one, one, one, one, one, one, one, one, one), KeyNode("part", anything))


def tree(names: Names, world: KeyNode | None = None) -> KeyNode:
    """The keys of all numbers that every replicate has, and of the facts of the ``world`` that can be compared."""
    matched = "treated patients that were matched"
    whole = {
        "cohort": _of(n="patients", control="patients of the control arm", treated="patients of the treated arm"),
        "matching": _of(
            n_pairs="pairs, or sets, that were matched", n_treated=matched, n_control="controls that were matched"
        ),
        "table1": KeyNode("side", dict.fromkeys(SIDES, KeyNode("row", rows=_table1(names)))),
        "endpoints": KeyNode(
            "endpoint", {name: _sides("part", *_endpoint(names, name in names.competing)) for name in names.endpoints}
        ),
        "binary": KeyNode("outcome", dict.fromkeys(names.binary, _sides("part", *_binary(names)))),
        "exposure": KeyNode("treatment", dict.fromkeys(names.exposure, _sides("arm", _exposure()))),
        "modes": KeyNode("mode", dict.fromkeys(names.modes, _sides("arm", _modes()))),
    }
    if not names.matched:
        whole.pop("matching")
    filled = {name: place for name, place in whole.items() if place.children}
    return KeyNode("section", filled if world is None else {**filled, "world": world})


def facts(document: Any) -> KeyNode:
    """The keys of the texts and numbers of a world's own document, as plain data."""
    if isinstance(document, dict):
        return KeyNode("part", {str(name): facts(part) for name, part in document.items()})
    if isinstance(document, list | tuple):
        return KeyNode("part", {str(k): facts(part) for k, part in enumerate(document)})
    text = isinstance(document, str)
    number = text or type(document) in (int, float)
    return KeyNode(TEXT if text else "", number=number, what="what the world itself says")


def _of(**numbers: str) -> KeyNode:
    return KeyNode("number", _leaves(numbers))


def _leaves(numbers: Mapping[str, str], of: str = "") -> dict[str, KeyNode]:
    """Numbers by name with what they mean, ``{}`` being what they are of."""
    return {name: KeyNode(number=True, what=what.format(of)) for name, what in numbers.items()}


def _sides(kind: str, before: Mapping[str, KeyNode], after: Mapping[str, KeyNode] | None = None) -> KeyNode:
    """The same before and after, and what there is after it only."""
    more = {**before, **(after or {})}
    return KeyNode("side", {"before": KeyNode(kind, before), "after": KeyNode(kind, more)})


def _by_arm(
    numbers: Mapping[str, str], more: Mapping[str, KeyNode] | None = None, kind: str = "number", **both: str
) -> dict[str, KeyNode]:
    """Numbers of either arm, ``more`` of either arm, and numbers that are of both."""
    return {**dict.fromkeys(ARMS, KeyNode(kind, {**_leaves(numbers), **(more or {})})), **_leaves(both)}


@cache
def _at_times(what: str, *, interval: bool = True, p: bool = False) -> KeyNode:
    """A number at a time, with its limits."""
    limits = {**(INTERVAL if interval else {}), **({"p": "p of the {} (Wald)"} if p else {})}
    below = KeyNode("number", _leaves(limits, what), number=True, what=what)
    return KeyNode("time", rows={TIME: below})


def _table1(names: Names) -> dict[str, KeyNode]:
    amounts = {
        "mean": "mean",
        "sd": "standard deviation",
        "median": "median",
        "q1": "lower quartile",
        "q3": "upper quartile",
        "min": "least value",
        "max": "greatest value",
        "n": "patients of the arm",
    }
    counts = {"n": "patients of the arm with this level", "percent": "the same in percent of the arm"}
    p, smd = "p of the test between the arms", "standardised difference, treated minus control"
    if ANY in names.levels:
        return {ANY: KeyNode("part", _by_arm({**amounts, **counts}, p=p, smd=smd))}
    return {
        **dict.fromkeys(names.factors, KeyNode("part", _leaves({"p": p}))),
        **dict.fromkeys(names.levels, KeyNode("part", _by_arm(counts, p=p, smd=smd))),
        **dict.fromkeys(names.continuous, KeyNode("part", _by_arm(amounts, p=p, smd=smd))),
    }


def _curve(what: str, events: str) -> dict[str, str]:
    return {
        "median": f"median {what}",
        "low": f"lower limit of the median {what}",
        "high": f"upper limit of the median {what}",
        "n": "patients",
        "events": events,
        "percent": f"{events}, in percent of the patients",
    }


def _endpoint(names: Names, competing: bool) -> tuple[dict[str, KeyNode], dict[str, KeyNode]]:
    """What an endpoint has on both sides, and what after it only."""
    survival, mean = "Kaplan-Meier estimate at a time", "mean time restricted to a time"
    at_times = {
        "survival": _at_times(survival),
        "at_risk": _at_times("patients at risk at a time", interval=False),
        "rmst": _at_times(mean),
    }
    hazard = "cause-specific hazard ratio" if competing else "hazard ratio"
    follow_up = _curve("follow-up (reverse Kaplan-Meier)", "patients censored")
    whole = {"overall": KeyNode("number", _leaves(follow_up))}
    arms = KeyNode("arm", _by_arm({"n": "patients of the subgroup in the arm", "events": "events among them"}))
    counts = {"n": "patients of the subgroup", "events": "events among them", "p_logrank": "log-rank p in the subgroup"}
    numbers = {**_leaves(RATIO, f"{hazard} in the subgroup"), **_leaves(counts)}
    interaction = _leaves({"interaction_p": "p of the interaction of treatment and the subgroup's factor"})
    own, some = (KeyNode("number", {**numbers, **more, "arms": arms}) for more in ({}, interaction))
    both = {
        "km": KeyNode("arm", _by_arm(_curve("time", "events"), at_times)),
        "follow_up": KeyNode("arm", {**_by_arm(follow_up), **whole}),
        "logrank": _of(p="p of the log-rank test", chi2="chi-square of the log-rank test"),
        "cox": KeyNode("number", _leaves(RATIO, f"{hazard} of treatment")),
        "logrank_stratified": _of(
            p="p of the log-rank test within strata", chi2="chi-square of the log-rank test within strata"
        ),
        "cox_stratified": KeyNode("number", _leaves(RATIO, f"{hazard} of treatment within strata")),
        "univariable": _rows(names.cox, f"univariable {hazard} of a term"),
        "multivariable": _rows(names.cox, f"multivariable {hazard} of a term"),
        "subgroups": KeyNode("row", rows={row: own if row == "all" else some for row in names.subgroups}),
        "survival_difference": _at_times(f"difference of the {survival}, treated minus control", p=True),
        "rmst_difference": _at_times(f"difference of the {mean}, treated minus control", p=True),
    }
    if not names.stratified:
        del both["logrank_stratified"], both["cox_stratified"]
    if competing:
        counted = {name: what for name, what in _curve("time", "events").items() if name in ("n", "events", "percent")}
        both["km"] = KeyNode("arm", _by_arm(counted, {"at_risk": at_times["at_risk"]}, AMONG))
        both["logrank"] = _of(
            p="p of the log-rank test of the cause-specific hazards", chi2="chi-square of that log-rank test"
        )
        for name in CURVES:
            del both[name]
    if competing or ANY in names.endpoints:
        both |= _among_competing()
    robust = f"{hazard} of treatment with its SE clustered by matched set"
    return both, {"cox_pair_robust": KeyNode("number", _leaves(RATIO, robust))} if names.matched else {}


def _among_competing() -> dict[str, KeyNode]:
    """What an endpoint has on account of its competing states; the names are `COMPETING`."""
    event, other = "cumulative incidence of the event at a time", "cumulative incidence of competing events at a time"
    lost = "mean time lost to the event up to a time"
    events = KeyNode(number=True, what="patients with a competing event")
    other_hazard = "cause-specific hazard ratio of treatment on competing events"
    by_arm = {"incidence": event, "competing_incidence": other, "time_lost": lost}
    made = {name: KeyNode("arm", dict.fromkeys(ARMS, _at_times(what))) for name, what in by_arm.items()}
    return {
        **made,
        "incidence_difference": _at_times(f"difference of the {event}, treated minus control", p=True),
        "incidence_ratio": _at_times(f"ratio of the {event}, treated over control", p=True),
        "time_lost_difference": _at_times(f"difference of the {lost}, treated minus control", p=True),
        "competing_events": KeyNode("arm", dict.fromkeys(ARMS, events)),
        "gray": _of(p="p of Gray's test of the cumulative incidences", chi2="chi-square of Gray's test"),
        "fine_gray": KeyNode("number", _leaves(RATIO, "subdistribution hazard ratio of treatment (Fine and Gray)")),
        "competing_cox": KeyNode("number", _leaves(RATIO, other_hazard)),
    }


def _rows(terms: Sequence[str], what: str) -> KeyNode:
    return KeyNode("row", rows=dict.fromkeys(terms, KeyNode("number", _leaves(RATIO, what))))


def _binary(names: Names) -> tuple[dict[str, KeyNode], dict[str, KeyNode]]:
    """What a yes/no outcome has on both sides, and what after matching in pairs only."""
    numbers = {
        "yes": "patients with the outcome",
        "n": "patients of the arm",
        "percent": "patients with it, in percent of the arm",
    }
    contrasts = {
        "risk_difference": "difference of the risks, treated minus control",
        "risk_ratio": "ratio of the risks, treated over control",
        "odds_ratio": "ratio of the odds, treated over control",
    }
    paired = {
        "p": "p of McNemar's test",
        "p_exact": "exact p of McNemar's test",
        "chi2": "chi-square of McNemar's test",
        "only_treated": "pairs in which only the treated has the outcome",
        "only_control": "pairs in which only the control has it",
    }
    made = _by_arm(numbers, p="p of the test between the arms")
    made |= {name: KeyNode("number", _leaves({"value": what, **INTERVAL}, what)) for name, what in contrasts.items()}
    return made, {"mcnemar": KeyNode("number", _leaves(paired))} if names.paired else {}


def _exposure() -> dict[str, KeyNode]:
    return _by_arm(
        {
            "median": "median amount among those who got any",
            "q1": "lower quartile",
            "q3": "upper quartile",
            "min": "least amount",
            "max": "greatest amount",
            "n": "patients of the arm who got any",
        }
    )


def _modes() -> dict[str, KeyNode]:
    return _by_arm({"percent": "share of all modes seen in the arm, in percent", "n": "patients with this mode"})
