"""The published numbers of a document: that each stands under a key of a number and is one; all problems at once.

A world's keys are those of the numbers that each of its replicates has. A what-if may take numbers away from the world
that it extends (another plan, other covariates): what is a number there is no mistake here, and is not compared.
"""

from collections.abc import Callable, Iterator, Mapping
from math import inf, nan
from typing import TYPE_CHECKING

from analysis.audit.kinds import kind_of, may_be_unreached
from analysis.audit.published import NOT_PRINTED, exact_value, parse_printed
from analysis.paper.number_keys import TEXT, KeyNode, find, nearest, problem
from analysis.paper.number_names import names_of
from analysis.paper.number_tree import ARMS, SIDES, Names, any_paper, facts, tree
from analysis.propensity.missing import indicators
from simulator.cohort.terms import Variable
from simulator.documents.loading import Document, load, parse
from simulator.documents.problems import DocumentError, Problem, is_override
from simulator.world.sections import Printed, World

if TYPE_CHECKING:
    from benchmarks.asked.scenario import Scenario

SECTION = "published"
RATIO = ("hr", "low", "high")
STRATIFIED = "cox_stratified"
WITHIN = (STRATIFIED, "logrank_stratified")
UNSTATED = "say within which strata, as in 'analysis: {survival: {strata: [TERM]}}'"
DESIGN = "world."
MOST_NEAREST = 100


def number_keys(scenario: "Scenario") -> KeyNode:
    """The keys of all numbers that every replicate of a scenario has, and of the facts of its design."""
    own = {name for name in World.model_fields if name != SECTION}
    return tree(number_names(scenario), facts(scenario.model_dump(mode="json", include=own)))


def number_names(scenario: "Scenario") -> Names:
    """The names that the keys of a scenario's numbers are made of."""
    variables = [spec.variable(name) for name, spec in scenario.population.covariates.items()]
    added = indicators(scenario.may_be_missing(), scenario.analysis.missing)
    for name in added:
        variables.append(Variable(name, "binary", ("0", "1")))
    outcomes, modes = scenario.outcomes, scenario.outcomes.progression_modes
    seen = (*modes.modes, modes.death) if modes else ()
    return names_of(
        variables,
        scenario.analysis.with_terms(added),
        tuple(scenario.endpoints),
        scenario.binary_outcomes(),
        tuple(outcomes.exposure),
        seen,
        [name for name, endpoint in scenario.endpoints.items() if endpoint.rivals],
    )


def check_published(document: Document, scenario: "Scenario") -> None:
    """DocumentError that lists every published number that the scenario cannot have, each at its place."""
    if not scenario.published:
        return
    here = number_keys(scenario)
    elsewhere: dict[str, KeyNode | None] = {}

    def taken_away(key: str) -> bool:
        """Whether the key is one of the world in the file where it stands, before settings and what extends it."""
        file = document.keys[SECTION, key].file
        if is_override(file):
            return False
        if file not in elsewhere:
            elsewhere[file] = _alone(file)
        stated = elsewhere[file]
        return stated is not None and not problem(stated, key)

    named = {f".{getattr(scenario.arms, role)}.": f".{role}." for role in ARMS}
    _refuse(document, _problems(scenario.published, here, taken_away, named))


def check_paper(document: Document, published: Mapping[str, Printed]) -> None:
    """The same of a document that may be no world: its keys must be such as an audit can read."""
    _refuse(document, _problems(published, any_paper(), lambda key: False, {}))  # noqa: ARG005


def compared(scenario: "Scenario") -> dict[str, Printed]:
    """The published numbers that every replicate has, facts of the design left out."""
    return {key: one for key, one in _known(scenario).items() if not key.startswith(DESIGN)}


def stated(scenario: "Scenario") -> dict[str, Printed]:
    """The published facts of the design."""
    return {key: one for key, one in _known(scenario).items() if key.startswith(DESIGN)}


def ratio_places(scenario: "Scenario", endpoint: str) -> tuple[str, ...]:
    """Where the hazard ratio of the primary analysis may stand among the published numbers, the likeliest first."""
    within = SIDES if scenario.analysis.survival.strata else ()
    sides = {
        "adjustment": ("before.multivariable[treatment]", "after.multivariable[treatment]"),
        "unadjusted": ("before.cox", "after.cox", *(f"{side}.{STRATIFIED}" for side in within)),
    }.get(scenario.analysis.primary, ("after.cox",))
    return tuple(f"endpoints.{endpoint}.{side}" for side in sides)


def printed_ratio(scenario: "Scenario", endpoint: str, side: str = "") -> dict[str, Printed]:
    """The published hazard ratio of an endpoint: those of ``hr, low, high`` that are there.

    It is that of the primary analysis, or of the Cox model of treatment alone on a ``side`` where one is named. Of all
    patients it is that within the plan's strata where the paper prints no other.
    """
    return _ratio_at(scenario, _ratio_place(scenario, endpoint, side))


def prints_within_strata(scenario: "Scenario", endpoint: str) -> bool:
    """Whether the published hazard ratio of the primary analysis is one within strata."""
    return _ratio_place(scenario, endpoint).endswith(STRATIFIED)


def _ratio_place(scenario: "Scenario", endpoint: str, side: str = "") -> str:
    """The first of the places at which a hazard ratio is printed; else the first that is announced, or ''."""
    places = (f"endpoints.{endpoint}.{side}.cox",) if side else ratio_places(scenario, endpoint)
    announced = [place for place in places if _ratio_at(scenario, place)]
    printed = [
        place for place in announced if any(one.printed != NOT_PRINTED for one in _ratio_at(scenario, place).values())
    ]
    return next(iter((*printed, *announced)), "")


def _ratio_at(scenario: "Scenario", place: str) -> dict[str, Printed]:
    found = {name: scenario.published.get(f"{place}.{name}") for name in RATIO}
    return {name: one for name, one in found.items() if one is not None}


def ratio_values(scenario: "Scenario", endpoint: str) -> dict[str, float]:
    """The published hazard ratio of the primary analysis and its limits as numbers; NaN for what is no number."""
    printed = printed_ratio(scenario, endpoint)
    values = {name: exact_value(printed[name].printed, f"cox.{name}") if name in printed else None for name in RATIO}
    return {name: nan if value is None else value for name, value in values.items()}


def no_ratio(scenario: "Scenario", endpoint: str, options: str) -> str:
    """What is told where the world has no published hazard ratio with its interval."""
    return (
        f"{scenario.name}: no published HR with its interval for {endpoint} (published: "
        f"{ratio_places(scenario, endpoint)[0]}.hr, .low, .high); state them with {options}"
    )


def _known(scenario: "Scenario") -> dict[str, Printed]:
    printed = {key: one for key, one in scenario.published.items() if one.printed != NOT_PRINTED and not one.audit_only}
    here = number_keys(scenario) if printed else KeyNode()
    return {key: one for key, one in printed.items() if not problem(here, key)}


def _alone(file: str) -> KeyNode | None:
    """The keys of the world in a file by itself; None where it is no whole world."""
    from benchmarks.asked.scenario import Scenario

    try:
        return number_keys(parse(load(file, spec=Scenario), Scenario))
    except DocumentError:
        return None


def _refuse(document: Document, found: Iterator[tuple[str, str, str]]) -> None:
    problems = [
        Problem(*document.keys[SECTION, key], f"{SECTION}.'{key}'", message, mend) for key, message, mend in found
    ]
    if problems:
        rank = {file: k for k, file in enumerate(reversed(document.files))}
        raise DocumentError(sorted(problems, key=lambda one: (rank.get(one.file, -1), one.line, one.column)))


def _problems(
    published: Mapping[str, Printed], here: KeyNode, excused: Callable[[str], bool], named: Mapping[str, str]
) -> Iterator[tuple[str, str, str]]:
    """Key, what is wrong, and what would be right; ``named`` are the arms by the world's names, as steps of keys."""
    anywhere, told = any_paper(), 0
    for key, one in published.items():
        wrong = problem(anywhere if one.audit_only else here, key)
        if wrong and (one.audit_only or not excused(key)):
            told += 1
            near = _nearest(here, key, named) if told <= MOST_NEAREST else ""
            less = ", 1 less the incidence" if ".survival[" in near and "incidence" in key else ""
            mend = f"did you mean '{near}'{less}?" if near else "`trialtwin published` lists the keys"
            if any(f".{name}." in key for name in WITHIN) and not _has_strata(here):
                mend = UNSTATED
            if not one.audit_only and not problem(anywhere, key):
                mend += " or, for a number that only the audit is to read, add 'audit_only: true'"
            yield key, wrong, mend
            continue
        for text in (one.printed, *(other.printed for other in one.also)):
            unfit, _, mend = _unfit(here, key, text).partition("; ")
            if unfit:
                yield key, unfit, mend or f"write 0.36, <0.001, NA or {NOT_PRINTED}"


def _has_strata(here: KeyNode) -> bool:
    """Whether there are numbers within strata."""
    endpoints = here.below().get("endpoints", KeyNode()).below().values()
    return any(STRATIFIED in side.below() for one in endpoints for side in one.below().values())


def _nearest(here: KeyNode, key: str, named: Mapping[str, str]) -> str:
    """The nearest key, with the arms' own names taken for control and treated."""
    for name, role in named.items():
        at = key.casefold().find(name.casefold())
        key = key if at < 0 else key[:at] + role + key[at + len(name) :]
    return nearest(here, key) if problem(here, key) else key


def _unfit(here: KeyNode, key: str, text: str) -> str:
    """Why a text is no printed number of its key, and after '; ' what to write; empty where it is one.

    What is text in the world may be any.
    """
    if text == NOT_PRINTED:
        return ""
    if key.startswith(DESIGN):
        place = find(here, key)
        if not isinstance(place, KeyNode) or place.kind == TEXT or place.children:
            return ""
    try:
        stands = parse_printed(text, key)
    except ValueError as error:
        return str(error)
    if stands.low == inf and not may_be_unreached(key):
        return f"'{text}' is a limit that is not reached, which is not wanted here; write a number"
    match kind_of(key):
        case "ratio" if stands.high <= 0:
            return f"'{text}' is no {_ratio_of(key)}, which is above 0"
        case "p" if not (stands.low <= 1 and stands.high >= 0):
            return f"'{text}' is no p-value, which is from 0 to 1"
        case "count" if stands.high < 0:
            return f"'{text}' is no count, which is 0 or more"
        case "share" if not (stands.low <= 1 and stands.high >= -1):
            return f"'{text}' is no share of patients; write it as 0.62 or 62%"
    return ""


def _ratio_of(key: str) -> str:
    return "hazard ratio" if key.startswith("endpoints.") else "ratio"
