"""The course of a derived world: states and hazards, endpoints, entry, follow-up, and what of them may be fitted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, isfinite

import numpy as np

from benchmarks.derived.contradictions import contradictions
from benchmarks.derived.curves import StepRates
from benchmarks.derived.dropout import Lost, first_look, hazard_tree, second_look, too_few_events, usual_dropout
from benchmarks.derived.effects import (
    Modifier,
    Prognostic,
    by_transition,
    lean_of_controls,
    log_hr_tree,
    modifiers,
    prognostic,
    variables_of,
)
from benchmarks.derived.followup import Calendar, calendar_of, guarantee, printed_follow_up
from benchmarks.derived.found import hazards_of
from benchmarks.derived.free import (
    AFTER_SD,
    EFFECT_SD,
    RATE_SD,
    FreeEntry,
    all_targets,
    curve_targets,
    dropout_entry,
    effect_entry,
    free_tree,
    landmarks_of,
    modifier_entry,
    pieces_of,
    prognostic_entry,
    rate_entry,
    shape_entry,
)
from benchmarks.derived.given import Given, Hazards
from benchmarks.derived.parts import Assumption, Contradiction, Tree, sourced
from benchmarks.derived.printed import SIDES, PrintedNumbers, printed_numbers
from benchmarks.derived.shape import Shape, labelled, shape_of
from benchmarks.pasted.reading import ROLES, Reading, Role


@dataclass(frozen=True)
class DerivedCourse:
    """What is derived of the course: parts of a document, what was assumed, and where the print contradicts itself.

    ``outcomes`` (with ``centre``), ``endpoints``, ``entry`` (``accrual``) and ``followup`` are sections of the world;
    ``free`` the entries of ``calibration.free`` for all of these. ``questions`` are those contradictions that only the
    reader of the paper can settle, ``findings`` the others. ``living`` is the least share, over arms, of those who live
    until they may have received what eligibility asks for.
    """

    outcomes: Tree
    endpoints: Tree
    entry: Tree
    followup: Tree
    free: Tree
    assumed: tuple[Assumption, ...]
    findings: tuple[Contradiction, ...]
    questions: tuple[Contradiction, ...]
    living: float = 1.0


def course_of(reading: Reading, terms: Mapping[str, Sequence[str]]) -> DerivedCourse:
    """The course of a paper as read; ``terms`` are the covariates of its world with their levels, none of a number.

    ValueError where an endpoint of the paper names no event.
    """
    paper, numbers = reading.paper, printed_numbers(reading)
    shape = labelled(shape_of(paper.endpoints), paper.names)
    unit = paper.time_unit or "months"
    plan = calendar_of(paper, printed_follow_up(paper, numbers, list(shape.endpoints), unit), unit)
    alive_at: dict[Role, float] = {role: guarantee(paper, role, unit) for role in ROLES}
    first = first_look(paper, numbers, shape, plan)
    early = too_few_events(numbers, shape, plan, first)
    given = _given(numbers, shape, plan, first, early, alive_at)
    made = hazards_of(given)
    lost = second_look(numbers, plan, made, first, early)
    variables = variables_of(terms)
    effects, lent = by_transition(prognostic(numbers, shape, variables), shape)
    added = modifiers(numbers, shape, variables)
    lean = {name: lean_of_controls(numbers, effects[name], variables) for name in shape.ways}
    outcomes, endpoints = shape.sections()
    transitions = {
        name: transition_tree(shape, name, made, effects[name], _modifiers_on(shape, name, added), lean[name])
        for name in shape.ways
    }
    outcomes |= transitions if shape.form == "illness-death" else {"transitions": transitions}
    entry, followup = plan.sections()
    followup["dropout"] = {numbers.arms[role]: hazard_tree(lost[role]) for role in ROLES}
    entries = [*_free_hazards(shape, transitions), *_free_effects(shape, effects, lent, transitions)]
    entries += _free_observation(plan, numbers, lost, followup)
    free, _ = free_tree(entries, all_targets(numbers))
    found = [*contradictions(numbers, shape, _kept(reading)), *early.values(), *plan.questions]
    assumed = (
        *plan.assumed,
        *_tidy_paths(made, transitions, shape),
        *_assumed_effects(lent, effects, shape),
        *_assumed_loss(lost, numbers),
    )
    return DerivedCourse(
        outcomes,
        endpoints,
        entry,
        followup,
        free,
        assumed,
        tuple(one for one in found if not one.settle),
        tuple(one for one in found if one.settle),
        min(_living(made, role, alive_at[role]) for role in ROLES),
    )


def _living(made: Hazards, role: Role, until: float) -> float:
    """The share of an arm who live until then."""
    if role in made.living or made.main not in made.curves or until <= 0:
        return made.living.get(role, 1.0)
    return float(made.curves[made.main](role, np.array([until]))[0])


def _given(
    numbers: PrintedNumbers,
    shape: Shape,
    plan: Calendar,
    first: Mapping[Role, Lost | None],
    early: Mapping[Role, Contradiction],
    alive_at: Mapping[Role, float],
) -> Given:
    """What hazards are derived from; events tell of them only where follow-up tells of drop-out."""
    watched = {role: plan.watched((first[role] or usual_dropout(plan.unit)).steps) for role in ROLES}
    use = {role: first[role] is not None and role not in early and isfinite(plan.longest) for role in ROLES}
    counts = [numbers.events(name, side, "control") for name in shape.endpoints for side in SIDES]
    most = max((one for one in counts if one is not None), default=None)
    pieces = pieces_of(curve_targets(numbers), landmarks_of(numbers, shape.endpoints), most)
    return Given(numbers, shape, watched, use, alive_at, pieces, plan.month)


def _kept(reading: Reading) -> list[str]:
    """The names of contradictions that the reader of the paper says are printed so."""
    said = reading.paper.assumed.get("as_printed", ())
    return [str(one) for one in said] if isinstance(said, list | tuple) else [str(said)]


def _modifiers_on(shape: Shape, name: str, added: Sequence[Modifier]) -> dict[str, Modifier]:
    """By term what subgroups add to the effect on a transition: of death, to death after another event alone."""
    found: dict[str, Modifier] = {}
    for one in added:
        behind = shape.behind(one.endpoint)
        later = [way for way in behind if shape.ways[way].kind == "after"]
        if name in (later or behind):
            found.setdefault(one.term, one)
    return found


def transition_tree(
    shape: Shape,
    name: str,
    made: Hazards,
    effects: Mapping[str, Prognostic],
    added: Mapping[str, Modifier],
    lean: float,
) -> Tree:
    """A transition of the document: the average patient's hazard (the controls' over exp(``lean``)), and effects."""
    way, tree = shape.ways[name], Tree()
    if shape.form == "graph":
        tree |= {"from": way.starts[0] if len(way.starts) == 1 else list(way.starts), "to": way.end}
        if way.kind == "after":
            tree["clock"] = "reset"
    tree["baseline"] = _baseline(made.control[name], made.sources[name], lean)
    if effects:
        tree["log_hr"] = log_hr_tree(effects)
    tree["treatment"] = _effect(made.effect[name], made.effect_sources[name])
    if added:
        tree["treatment"]["modifiers"] = {term: sourced(one.log_hr, one.source) for term, one in added.items()}
    return tree


def _baseline(steps: StepRates, source: str, lean: float) -> Tree:
    rates = [float(f"{max(rate * exp(-lean), 1e-7):.4g}") for rate in steps.rates]
    told = f"{source}; times {exp(-lean):.3f}, to the average patient" if abs(lean) > 0.005 else source
    if not steps.cuts:
        return {"kind": "exponential", "rate": sourced(rates[0], told)}
    return {"kind": "piecewise", "cuts": [*steps.cuts], "rates": sourced(rates, told)}


def _effect(steps: StepRates, source: str) -> Tree:
    ratios = [round(one, 4) for one in steps.rates]
    if not steps.cuts:
        return {"log_hr": sourced(ratios[0], source)}
    return {"log_hr": sourced(ratios, source), "cuts": [*steps.cuts]}


def _numbers_at(place: str, said: Tree) -> list[tuple[str, float]]:
    """The places of a sourced number or list of numbers."""
    value = said["value"]
    if isinstance(value, list):
        return [(f"{place}.{k}", float(one)) for k, one in enumerate(value)]
    return [(place, float(value))]


def _free_hazards(shape: Shape, transitions: Mapping[str, Tree]) -> list[FreeEntry]:
    """Rates of all transitions and treatment's effects on them."""
    found = []
    for name, tree in transitions.items():
        place, after = shape.place(name), shape.ways[name].kind == "after"
        key = "rates" if "rates" in tree["baseline"] else "rate"
        for path, value in _numbers_at(f"{place}.baseline.{key}", tree["baseline"][key]):
            found.append(rate_entry(path, value, AFTER_SD if after else RATE_SD))
        for path, value in _numbers_at(f"{place}.treatment.log_hr", tree["treatment"]["log_hr"]):
            found.append(effect_entry(path, value, EFFECT_SD if "rates" in tree["baseline"] else 0.5))
    return found


def _free_effects(
    shape: Shape,
    effects: Mapping[str, Mapping[str, Prognostic]],
    lent: Sequence[str],
    transitions: Mapping[str, Tree],
) -> list[FreeEntry]:
    """Prognostic effects, one for all transitions that have it of one endpoint, and modifiers."""
    together: dict[tuple[str, str], list[str]] = {}
    for name, own in effects.items():
        for term, one in own.items() if name not in lent else ():
            together.setdefault((one.endpoint, term), []).append(name)
    found = []
    for (endpoint, term), names in together.items():
        paths = [f"{shape.place(name)}.log_hr.{term}" for name in names]
        label = paths[0] if len(paths) == 1 else f"{endpoint} {term}"
        found.append(prognostic_entry(label, effects[names[0]][term].log_hr, paths))
    for name, tree in transitions.items():
        for term, one in tree["treatment"].get("modifiers", {}).items():
            found.append(modifier_entry(f"{shape.place(name)}.treatment.modifiers.{term}", one["value"], 0.5))
    return found


def _free_observation(
    plan: Calendar, numbers: PrintedNumbers, lost: Mapping[Role, Lost], followup: Tree
) -> list[FreeEntry]:
    """Drop-out and the shape of accrual, where the paper tells of them."""
    found = []
    for role in ROLES:
        tree = followup["dropout"][numbers.arms[role]]
        key = "rates" if "rates" in tree else "rate"
        for path, value in _numbers_at(f"followup.dropout.{numbers.arms[role]}.{key}", tree[key]):
            if lost[role].pinned:
                found.append(dropout_entry(path, value))
    if plan.end > plan.start and isfinite(plan.longest) and any(one.pinned for one in lost.values()):
        found.append(shape_entry())
    return found


def _tidy_paths(made: Hazards, transitions: Mapping[str, Tree], shape: Shape) -> list[Assumption]:
    """Assumptions about rates at the places that the document has."""
    found = []
    for one in made.assumed:
        name = next(
            (n for n in sorted(transitions, key=len, reverse=True) if one.path.startswith(f"{shape.place(n)}.")), None
        )
        if name is None or ".baseline" not in one.path:
            found.append(one)
            continue
        base = transitions[name]["baseline"]
        place = f"{shape.place(name)}.baseline"
        key = "rates" if "rates" in base else "rate"
        paths = [(path, value) for path, value in _numbers_at(f"{place}.{key}", base[key])]
        also = (*(path for path, _ in paths[1:]), *one.also)
        found.append(Assumption(paths[0][0], paths[0][1], one.prior_sd, one.why, True, also))
    return found


def _assumed_effects(
    lent: Sequence[str], effects: Mapping[str, Mapping[str, Prognostic]], shape: Shape
) -> list[Assumption]:
    """Prognostic effects that another endpoint lends."""
    return [
        Assumption(f"{shape.place(name)}.log_hr.{term}", one.log_hr, 0.3, one.source)
        for name in lent
        for term, one in effects[name].items()
    ]


def _assumed_loss(lost: Mapping[Role, Lost], numbers: PrintedNumbers) -> list[Assumption]:
    """Drop-out of which nothing is printed."""
    return [
        Assumption(f"followup.dropout.{numbers.arms[role]}.rate", one.steps.rates[0], 1.0, one.source, log=True)
        for role, one in lost.items()
        if not one.pinned and not one.steps.cuts
    ]
