"""What a reader calls a place in a scenario: 'tumour size and PVTT, correlation' in place of a dotted key."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from analysis.plan.analysis_plan import TREATMENT
from benchmarks.asked.scenario import Scenario, Settings
from benchmarks.words.choice_words import VALUES, choice_value
from benchmarks.words.key_words import COMPARED, SIGNS
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
    "followup.cut_off": "end of follow-up",
    "entry.accrual.start": "first date of entry",
    "entry.accrual.end": "last date of entry",
    "entry.accrual.shape": "more entering early or late",
    "entry.potential_follow_up_months": "least time between entry and the end of follow-up",
    "treatment.share": "share treated",
    "analysis.primary": "main analysis",
    "analysis.propensity.method": "how the propensity model is chosen",
    "analysis.cox.covariates": "covariates of the Cox model",
    "analysis.cox.keep_treatment": "treatment always kept in the Cox model",
    "analysis.cox.screening_p": "largest p that enters the Cox model",
    "analysis.table1.continuous": "how table 1 tells continuous traits",
    "analysis.weighting.target": "patients to whom is weighted",
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
    "hr": "HR", "sd": "SD", "cuts": "cut points", "bounds": "bounds",
    "transitions": "", "modifiers": "differs by", "shares": "shares", "share": "share",
    "death_after_progression": "death after progression", "accrual": "accrual", "per_year": "change each year",
    "misclassified": "misclassified",
    "any": "any grade", "all": "all patients", "missed": "events missed", "adverse_events": "adverse events",
}  # fmt: skip


PLACES = (
    (r"treatment\.log_odds\.(.+)", "log odds of treatment by {}"),
    (r"outcomes\.(?:transitions\.)?([^.]+)\.treatment\.log_hr", "{}, log HR of treatment"),
    (r"outcomes\.(?:transitions\.)?([^.]+)\.treatment\.modifiers\.(.+)", "{}, log HR of treatment times {}"),
    (r"outcomes\.(?:transitions\.)?([^.]+)\.baseline\.([^.]+)", "{}, without treatment: {}"),
    (r"outcomes\.adverse_events\.overall\.(any|severe)", "share with any adverse event: {}"),
    (r"outcomes\.adverse_events\.events\.([^.]+)\.(any|severe)", "share with {}: {}"),
    (r"outcomes\.exposure\.([^.]+)\.arms\.([^.]+)\.(.+)", "{}, {}: {}"),
    (r"outcomes\.exposure\.([^.]+)\.(.+)", "{}: {}"),
    (r"outcomes\.progression_modes\.modes\.([^.]+)\.share", "share of progressions: {}"),
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
GROUPS = ("adverse_events", "progression_modes")
LABELLED = (
    "outcomes.exposure", "outcomes.adverse_events.events", "outcomes.progression_modes.modes", "population.covariates",
)  # fmt: skip
"""Where names have labels; a later one is taken where two share a name."""


def path_label(path: str, world: "Mapping[str, Any] | Scenario | None" = None) -> str:
    """A dotted path in words, with the labels that the ``world``, or its document, has for its own names.

    A place in a list is told in brackets, counted from 1.
    """
    tree = _tree_of(world) if isinstance(world, Scenario) else world
    labels = _labels(tree)
    for pattern, told in PLACES:
        if found := re.fullmatch(pattern, path):
            return told.format(*(_word(key, labels) for key in found.groups()))
    whole, _, place = path.rpartition(".")
    if place.isdecimal():
        return f"{path_label(whole, world)} ({int(place) + 1})"
    for known in sorted(WHOLE, key=len, reverse=True):
        if path == known:
            return WHOLE[known]
        if path.startswith(f"{known}."):
            rest = _split(path[len(known) + 1 :], None)
            return f"{WHOLE[known]}: {', '.join(_word(key, labels) for key in rest)}"
    return _words(_split(path, tree), labels)


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


def _words(keys: Sequence[str], labels: Mapping[str, str]) -> str:
    told = [one for one in (PARTS.get(key, _word(key, labels)) for key in keys) if one]
    if len(told) == 1:
        return told[0]
    return f"{told[0]}: {', '.join(told[1:])}" if told else ".".join(keys)


def _word(key: str, labels: Mapping[str, str]) -> str:
    """One key, or a term like 'age>50', by the labels of the world, else by what we call it, else without marks."""
    if key in labels:
        return labels[key]
    if PARTS.get(key):
        return PARTS[key]
    key = key.strip("'")
    if "*" in key:
        return " × ".join(part if part == TREATMENT else _word(part, labels) for part in key.split("*"))
    found = COMPARED.fullmatch(key)
    if found is None:
        return labels.get(key) or key.replace("_", " ")
    return f"{_word(found['name'], labels)} ({SIGNS[found['sign']]}{found['value']})"


def _labels(tree: Mapping[str, Any] | None) -> dict[str, str]:
    """What readers see in place of the names of a document: of covariates, arms, outcomes and treatments."""
    made = {str(name): label for part in LABELLED for name, label in _labels_at(tree, part)}
    arms = (tree or {}).get("arms")
    arms = arms if isinstance(arms, Mapping) else {}
    for arm in ("control", "treated"):
        if arms.get(f"{arm}_label"):
            made[str(arms.get(arm))] = str(arms[f"{arm}_label"])
    return made


def _labels_at(tree: Any, path: str) -> Iterator[tuple[str, str]]:
    for key in path.split("."):
        tree = tree.get(key) if isinstance(tree, Mapping) else None
    for name, one in tree.items() if isinstance(tree, Mapping) else ():
        label = one.get("label") if isinstance(one, Mapping) else None
        if label not in (None, "-"):
            yield str(name), str(label)
        elif path == LABELLED[-1]:
            yield str(name), str(name)


def _tree_of(scenario: Scenario) -> dict[str, Any]:
    """As much of a scenario's document as the labels are read from."""
    return scenario.model_dump(
        mode="json", include={"arms": True, "population": {"covariates"}, "outcomes": {"exposure", *GROUPS}}
    )


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
        told = value_text(value)
        choice = key.removeprefix("analysis.")
        return f"{label}: {choice_value(choice, told)}" if choice in VALUES else f"{label} {told}"
    if isinstance(value, Mapping):
        labels = _labels(_tree_of(world) if isinstance(world, Scenario) else world)
        value = {labels.get(str(name), str(name).replace("_", " ")): part for name, part in value.items()}
    return f"{label}{', ' if ': ' in label else ': '}{value_text(value)}"
