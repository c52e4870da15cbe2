"""A printed number called by what it is: from its key to a plain label and to where it stands.

`key_words` is the one place of it: "Table 3, time to relapse, adjusted: Lung metastasis number (Multiple vs Single)".
The labels are the world's own; of a paper without a world they are the names in its keys.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from analysis.paper.sides import side_words
from analysis.plan.analysis_plan import TREATMENT, Plan
from benchmarks.asked.published_keys import ratio_places
from simulator.cohort.terms import Variable
from simulator.documents.keys import Step, split_key

if TYPE_CHECKING:
    from benchmarks.asked.scenario import Scenario

ARMS = ("control", "treated")
SIDES = ("before", "after")
COMPARED = re.compile(r"(?P<name>[^<>=!]+?)\s*(?P<sign><=|>=|!=|=|<|>)\s*(?P<value>.+)")
_GRADED = re.compile(r"(?P<any>any_ae)(?:_(?P<grades>[1-5]{1,3}))?|(?P<name>.+)_(?P<few>34|345)")
SIGNS = {"<=": "≤ ", ">=": "≥ ", "!=": "not ", "=": "", "<": "< ", ">": "> "}
_LAST = {
    "hr": "hazard ratio",
    "low": "lower limit",
    "high": "upper limit",
    "p": "p",
    "p_logrank": "log-rank p",
    "p_exact": "exact p",
    "interaction_p": "p of the interaction",
    "log_hr": "logarithm of the hazard ratio",
    "se": "standard error",
    "chi2": "chi-square",
    "n": "number of patients",
    "yes": "number of patients",
    "n_pairs": "matched pairs",
    "n_treated": "matched treated patients",
    "n_control": "matched comparison patients",
    "percent": "percent",
    "mean": "mean",
    "sd": "standard deviation",
    "median": "median",
    "q1": "lower quartile",
    "q3": "upper quartile",
    "min": "least",
    "max": "greatest",
    "smd": "standardised difference",
    "value": "value",
    "only_treated": "pairs with it in the treated alone",
    "only_control": "pairs with it in the comparison patient alone",
}
_MODELS = {
    "cox": "effect of treatment",
    "cox_pair_robust": "effect of treatment, standard error clustered by matched pair",
    "cox_stratified": "effect of treatment within strata",
    "univariable": "unadjusted",
    "multivariable": "adjusted",
    "subgroups": "subgroup",
    "fine_gray": "effect of treatment, Fine and Gray's model",
    "competing_cox": "effect of treatment on competing events",
    "logrank": "log-rank test",
    "logrank_stratified": "log-rank test within strata",
    "gray": "Gray's test",
    "km": "",
    "follow_up": "follow-up",
    "overall": "all patients",
    "mcnemar": "McNemar's test",
    "risk_difference": "difference of the risks",
    "risk_ratio": "ratio of the risks",
    "odds_ratio": "odds ratio",
    "competing_events": "competing events",
    "arms": "",
}
_AT_TIMES = {
    "survival": "free of it",
    "at_risk": "patients at risk",
    "rmst": "mean time",
    "survival_difference": "difference of survival",
    "rmst_difference": "difference of mean times",
    "incidence": "cumulative incidence",
    "competing_incidence": "cumulative incidence of competing events",
    "incidence_difference": "difference of cumulative incidences",
    "incidence_ratio": "ratio of cumulative incidences",
    "time_lost": "mean time lost",
    "time_lost_difference": "difference of mean times lost",
}


@dataclass(frozen=True)
class PaperWords:
    """What the parts of keys are called: a world's own labels; by default nothing has one.

    ``deaths`` are the endpoints whose every event is a death; ``first`` is the primary one, and ``primary`` where the
    ratio of its primary analysis may stand.
    """

    endpoints: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, Variable] = field(default_factory=dict)
    outcomes: Mapping[str, str] = field(default_factory=dict)
    arms: tuple[str, str] = ("comparison patients", "treated patients")
    plan: Plan = field(default_factory=Plan)
    time_unit: str = "months"
    deaths: frozenset[str] = frozenset()
    first: str = ""
    primary: tuple[str, ...] = ()

    def endpoint(self, name: str) -> str:
        """An endpoint within a sentence, in small letters where its label has words."""
        return self.endpoints.get(name, name)

    def events(self, endpoint: str) -> str:
        """What its events are called: deaths where each is one."""
        return "deaths" if endpoint in self.deaths else "events"


@dataclass(frozen=True)
class KeyWords:
    """A printed number in words: the ``place`` where it stands, what it is ``of``, and which ``number`` of that."""

    place: str
    of: str
    number: str

    @property
    def text(self) -> str:
        """All of it: 'Table 3, time to relapse, adjusted: Age (> 50), hazard ratio'."""
        return f"{self.place}, {self.told}" if self.place else self.told

    @property
    def told(self) -> str:
        """Without the place."""
        return ", ".join(filter(None, (self.of, self.number)))


def words_of_paper(scenario: "Scenario | None") -> PaperWords:
    """The labels of a world; none where there is no world."""
    if scenario is None:
        return PaperWords()
    first = next(iter(scenario.endpoints), "")
    return PaperWords(
        {name: in_a_sentence(one.label) if one.label else name for name, one in scenario.endpoints.items()},
        {name: spec.variable(name) for name, spec in scenario.population.covariates.items()},
        _outcome_labels(scenario),
        scenario.arms.words,
        scenario.analysis,
        scenario.time_unit,
        frozenset(
            name for name, one in scenario.endpoints.items() if all(re.match("dea(d|th)", x) for x in one.events)
        ),
        first,
        ratio_places(scenario, first) if first else (),
    )


def _outcome_labels(scenario: "Scenario") -> dict[str, str]:
    """The labels of yes/no outcomes, of treatments received and of modes of progression, by name."""
    outcomes = scenario.outcomes
    events, modes = outcomes.adverse_events, outcomes.progression_modes
    labels = {name: one.label for name, one in outcomes.exposure.items()}
    labels |= {} if modes is None else {name: one.label for name, one in modes.modes.items()}
    if events is None:
        return labels
    graded = {events.name: "any adverse event", **{name: one.label for name, one in events.events.items()}}
    severe = {f"{name}{events.suffix}": f"severe {in_a_sentence(label)}" for name, label in graded.items()}
    return {**labels, **graded, **severe, f"{events.name}{events.suffix}": "any severe adverse event"}


def in_a_sentence(label: str) -> str:
    """A label as it stands within a sentence: 'Time to Relapse' is 'time to relapse', an acronym stays."""
    return " ".join(word.lower() if word[1:].islower() or _hyphened(word) else word for word in label.split())


def _hyphened(word: str) -> bool:
    parts = word.split("-")
    return len(parts) > 1 and all(len(part) > 1 and part[1:].islower() for part in parts)


def key_words(key: str, words: PaperWords, where: str = "") -> KeyWords:
    """What the number at a key is, in words; the key itself where it is none. ``where`` is the place as printed."""
    try:
        steps = split_key(key)
    except ValueError:
        return KeyWords(where, key, "")
    section, rest = steps[0].name, steps[1:]
    if section == "cohort":
        return KeyWords(where, _arm(rest[0].name, words) if rest else "", "number of patients")
    if section == "matching":
        return KeyWords(where, "", _LAST.get(rest[0].name, rest[0].name) if rest else "")
    named = {"table1": _table1, "endpoints": _endpoint}.get(section, _other)
    *of, number = named(rest, words) if rest else [key, ""]
    return KeyWords(where, _joined(of), number)


def finding_words(keys: Sequence[str], words: PaperWords, where: str = "") -> KeyWords:
    """What several numbers have in common, from the first of their keys: a row of a table, not one cell of it."""
    found = key_words(keys[0], words, where)
    return KeyWords(found.place, found.of or found.number, "")


def _joined(parts: Sequence[str]) -> str:
    """Parts one after another; a row follows its table with a colon."""
    *start, last = [part for part in parts if part] or [""]
    return f"{', '.join(start)}: {last}" if start else last


def _side(name: str, words: PaperWords) -> str:
    return side_words(words.plan, name) if name in SIDES else name


def _arm(name: str, words: PaperWords) -> str:
    return dict(zip(ARMS, words.arms, strict=True)).get(name, name)


def _table1(steps: Sequence[Step], words: PaperWords) -> list[str]:
    """Side, arm, row, number."""
    arm = next((_arm(step.name, words) for step in steps if step.name in ARMS), "")
    last = "" if steps[-1].name in (*ARMS, *SIDES) else _named(steps[-1].name)
    return [_side(steps[0].name, words), arm, row_words(steps[0].element or "", words), last]


def _endpoint(steps: Sequence[Step], words: PaperWords) -> list[str]:
    """Endpoint, side, what, arm or row, number."""
    parts, last, row, arm = [words.endpoint(steps[0].name)], "", "", ""
    for step in steps[1:]:
        if step.name in SIDES:
            parts.append(_side(step.name, words))
        elif step.name in ARMS:
            arm = _arm(step.name, words)
        elif step.name in _AT_TIMES:
            at = f" at {step.element} {words.time_unit}" if step.element else ""
            row = _AT_TIMES[step.name] + at
        elif step.name in _MODELS:
            parts.append(_MODELS[step.name])
        else:
            last = _LAST.get(step.name, words.events(steps[0].name) if step.name == "events" else _plain(step.name))
        if step.element and step.name in _MODELS:
            row = row_words(step.element, words)
    if parts[-1:] == [_MODELS["multivariable"]] or parts[-1:] == [_MODELS["univariable"]]:
        parts = [part for part in parts if part != _side("after", words)]
    rest = [part for part in (arm, row) if part]
    return [*parts, *rest, last] if rest else [", ".join(filter(None, parts)), last]


def _other(steps: Sequence[Step], words: PaperWords) -> list[str]:
    """An outcome, a treatment or a mode: side, what is compared, arm, name, number."""
    name = words.outcomes.get(steps[0].name) or _outcome_words(steps[0].name)
    parts, last = [], ""
    for step in steps[1:]:
        if step.name in SIDES:
            parts.append(_side(step.name, words))
        elif step.name in ARMS:
            parts.append(_arm(step.name, words))
        elif step.name in _MODELS:
            parts.append(_MODELS[step.name])
        else:
            last = _named(step.name)
    return [*parts, name, last]


def _outcome_words(name: str) -> str:
    """An outcome that the world does not have by the name that the paper's reader gave it, its grades told as such."""
    found = _GRADED.fullmatch(name)
    if found is None:
        return _plain(name)
    label = "any adverse event" if found["any"] else _plain(found["name"])
    grades = found["few"] or found["grades"]
    return f"{label}, grade {'–'.join((grades[0], grades[-1])) if len(grades) > 1 else grades}" if grades else label


def _named(last: str) -> str:
    return _LAST.get(last, _plain(last))


def _plain(name: str) -> str:
    return name.replace("_", " ")


def row_words(text: str, words: PaperWords) -> str:
    """A row or a term in words: 'Age (> 50)', 'Lung metastasis number (Multiple vs Single)', 'treatment'."""
    if text in ("all", TREATMENT):
        return "all patients" if text == "all" else TREATMENT
    if "*" in text and not any(
        level in text for one in words.variables.values() for level in one.levels if "*" in level
    ):
        return " × ".join(row_words(part, words) for part in text.split("*"))
    found = COMPARED.fullmatch(text)
    if found is None:
        variable = words.variables.get(text)
        if variable is None:
            return _plain(text)
        return f"{_label(variable)} ({_second(variable)})" if len(variable.levels) == 2 else _label(variable)
    known = words.variables.get(found["name"])
    name = _plain(found["name"]) if known is None else _label(known)
    return f"{name} ({SIGNS[found['sign']]}{found['value'].replace('<=', '≤ ').replace(' & >', ' & > ')})"


def _label(variable: Variable) -> str:
    return variable.label or variable.name


def _second(variable: Variable) -> str:
    return f"{variable.levels[1]} vs {variable.levels[0]}"


def as_data(key: str, words: PaperWords, where: str = "") -> dict[str, Any]:
    """The words as JSON has them."""
    found = key_words(key, words, where)
    return {"place": found.place, "of": found.of, "number": found.number}
