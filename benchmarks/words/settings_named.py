"""What a reader calls a place in a scenario: 'tumour size and PVTT, correlation' in place of a dotted key."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.asked.scenario import Scenario, Settings
from benchmarks.words.plain_text import value_text

WHOLE = {
    "population.size": "number of patients",
    "analysis.matching.caliper": "caliper",
    "analysis.matching.ratio": "partners for each treated patient",
    "analysis.matching.order": "order of matching",
    "analysis.matching.replacement": "partners used again",
    "analysis.missing": "missing values",
    "outcomes.treatment_effect": "effect of treatment",
    "run.replicates": "simulated studies",
    "run.seed": "seed",
    "run.truth_patients": "patients simulated for the truth",
    "entry.guarantee_months": "months that must be survived to enter",
    "target.population": "target population",
    "entry.complete_follow_up": "only those without drop-out",
    "entry.requires": "least amounts required to enter",
    "followup.visit_months": "months between visits",
    "followup.dropout": "drop-out",
    "followup.last_date": "last date of follow-up",
    "centres.sd": "spread of the centres",
    "estimators": "analyses",
    "question": "question",
    "name": "name",
}
"""Names of places; those below one are told with it."""
PARTS = {
    "population": "patients", "covariates": "", "treatment": "choice of treatment", "outcomes": "", "entry": "entry",
    "followup": "follow-up", "imperfections": "faults of the data", "analysis": "analysis", "calendar": "calendar time",
    "baseline": "without treatment", "rate": "rate", "rates": "rates", "log_hr": "log HR", "log_odds": "log odds",
    "hr": "HR", "sd": "SD", "cuts": "times of change", "modifiers": "differs by", "shares": "shares", "share": "share",
    "death_after_progression": "death after progression", "accrual": "accrual", "per_year": "change each year",
    "misclassified": "misclassified", "missed": "events missed", "adverse_events": "adverse events",
}  # fmt: skip


PLACES = (
    (r"treatment\.log_odds\.(.+)", "log odds of treatment by {}"),
    (r"outcomes\.(?:transitions\.)?([^.]+)\.treatment\.log_hr", "{}, log HR of treatment"),
    (r"outcomes\.(?:transitions\.)?([^.]+)\.log_hr\.(.+)", "{}, log HR of {}"),
    (r"outcomes\.cure\.shares\.(.+)", "share cured: {}"),
    (r"outcomes\.subsequent\.shares\.(.+)", "share with later therapy: {}"),
    (r"calendar\.per_year\.treatment", "change each year: log odds of treatment"),
    (r"calendar\.per_year\.(.+)", "change each year: log HR of {}"),
    (r"imperfections\.misclassified\.(.+)\.([^.]+)\.([^.]+)", "{}: {} recorded as {}"),
    (r"imperfections\.missing\.(.+)\.share", "share missing: {}"),
    (r"imperfections\.treatment\.(.+)", "recorded under the wrong treatment: {}"),
    (r"imperfections\.endpoints\.([^.]+)\.missed\.(.+)", "{}, share of events missed: {}"),
    (r"followup\.informative\.log_hr\.(.+)", "informative drop-out, log HR of {}"),
    (r"followup\.informative\.frailty", "informative drop-out, log HR of frailty"),
    (r"analysis\.matching\.scale", "matching on the scale"),
)
"""Places with names of the user in them; the keys are told in this order."""


def path_label(path: str, world: "Mapping[str, Any] | Scenario | None" = None) -> str:
    """A dotted path in words, covariates by their labels where the ``world``, or its document, has them."""
    tree = _tree_of(world) if isinstance(world, Scenario) else world
    for pattern, told in PLACES:
        if found := re.fullmatch(pattern, path):
            labels = _labels(tree)
            return told.format(*(labels.get(key, PARTS.get(key) or key.replace("_", " ")) for key in found.groups()))
    for known in sorted(WHOLE, key=len, reverse=True):
        if path == known:
            return WHOLE[known]
        if path.startswith(f"{known}."):
            return f"{WHOLE[known]}: {_words(_split(path[len(known) + 1 :], None), tree)}"
    return _words(_split(path, tree), tree)


def _split(path: str, tree: Mapping[str, Any] | None) -> list[str]:
    """The keys of a path; keys of the document may hold dots themselves."""
    made: list[str] = []
    found: Any = tree
    rest = path
    while rest:
        known = found if isinstance(found, Mapping) else {}
        keys = [str(key) for key in known if rest == key or rest.startswith(f"{key}.")]
        key = max(keys, key=len, default=rest.split(".")[0])
        made.append(key)
        found, rest = known.get(key), rest[len(key) + 1 :]
    return made


def _words(keys: Sequence[str], tree: Mapping[str, Any] | None) -> str:
    labels = _labels(tree)
    told = [PARTS.get(key, labels.get(key, key.replace("_", " "))) for key in keys]
    told = [one for one in told if one]
    if len(told) == 1:
        return told[0]
    return f"{told[0]}: {', '.join(told[1:])}" if told else ".".join(keys)


def _labels(tree: Mapping[str, Any] | None) -> dict[str, str]:
    """The labels of covariates by their names."""
    population = (tree or {}).get("population")
    covariates = population.get("covariates") if isinstance(population, Mapping) else None
    made = {}
    for name, one in (covariates or {}).items() if isinstance(covariates, Mapping) else ():
        label = one.get("label") if isinstance(one, Mapping) else None
        made[str(name)] = str(name) if label in (None, "-") else str(label)
    return made


def _tree_of(scenario: Scenario) -> dict[str, Any]:
    """As much of a scenario's document as the labels are read from."""
    covariates = scenario.population.covariates
    return {"population": {"covariates": {name: {"label": one.label} for name, one in covariates.items()}}}


def setting_text(settings: Settings, world: "Mapping[str, Any] | Scenario | None" = None) -> str:
    """What a sweep sets, by its labels: '200 patients; months that must be survived to enter: HLP 3, LP 0'."""
    told: list[str] = []
    for key, value in settings.items():
        one = _setting(key, value, world)
        start = one.split(": ")[0] + ": "
        if told and one.startswith(start) and told[-1].startswith(start):
            told[-1] += f", {one.removeprefix(start)}"
        else:
            told.append(one)
    return "; ".join(told) or "as stated"


def _setting(key: str, value: object, world: "Mapping[str, Any] | Scenario | None") -> str:
    """One place and its value; a colon stands before a list or names with values, whose keys are told in words."""
    if key == "population.size":
        return f"{value_text(value)} patients"
    label = path_label(key, world)
    if not isinstance(value, Mapping | list | tuple):
        return f"{label} {value_text(value)}"
    if isinstance(value, Mapping):
        value = {str(name).replace("_", " "): part for name, part in value.items()}
    return f"{label}{', ' if ': ' in label else ': '}{value_text(value)}"
