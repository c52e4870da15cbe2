"""No field of a world is ignored: another legal value of each changes a generated cohort. And no mechanism that makes
the two courses of a patient differ passes for one that changes nothing.
"""

import copy
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from benchmarks.truth.counted import is_strict_null
from simulator.cohort.cohorts import Cohorts
from simulator.documents.spec import Spec
from simulator.mechanisms import treatment as allocation
from simulator.mechanisms.adverse_events import AdverseEvents, Event, Grades
from simulator.mechanisms.by_arm import MomentsByArm
from simulator.mechanisms.calendar import CalendarTrend
from simulator.mechanisms.centres import Centres
from simulator.mechanisms.contract import kinds_of
from simulator.mechanisms.conversion import Conversion
from simulator.mechanisms.covariate_kinds import Categorical, Continuous, LogNormal, WholeNumber
from simulator.mechanisms.covariates import Population
from simulator.mechanisms.cure import Cure
from simulator.mechanisms.entry import Accrual, Entry
from simulator.mechanisms.exposure import Amount, Exposure
from simulator.mechanisms.followup import FollowUp, Informative
from simulator.mechanisms.graph import TimeTo
from simulator.mechanisms.hazards import Effect, Exponential, Piecewise, Transition, Weibull
from simulator.mechanisms.imperfections import Imperfections, Miscounted, Missing
from simulator.mechanisms.logistic_outcome import LogisticOutcome
from simulator.mechanisms.outcomes import Frailty, Outcomes, Response
from simulator.mechanisms.progression_modes import Mode, ProgressionModes
from simulator.mechanisms.randomisation import Blocks, Clusters
from simulator.mechanisms.subsequent import Subsequent
from simulator.mechanisms.treatment import Fixed, Logistic, Prevalence
from simulator.mechanisms.treatment_start import TreatmentStart
from simulator.world.generate import generate, resolve
from simulator.world.sections import World
from tests.options import Known, ignored
from tests.simulated import tree

Tree = dict[str, Any]
DESCRIPTIVE: Known = {"label": (), "unit": ()}  # words, on which no patient depends
STRUCTURE = ("course", "states", "transitions")  # another course altogether


def constant(rate: float) -> Tree:
    return {"kind": "exponential", "rate": rate}


def arms(control: Any, treated: Any) -> Tree:
    return {"C": control, "T": treated}


RARE = {"label": "Rash", "any": arms(0.2, 0.2), "severe": arms(0.1, 0.1)}
EVENTS = {"rash": RARE, "itch": {**RARE, "label": "Itch"}}
OVERALL = {"any": arms(0.33, 0.33), "severe": arms(0.18, 0.18)}
ADVERSE = {"name": "any", "suffix": "_severe", "overall": OVERALL, "events": EVENTS}
LUNG = {"label": "Lung", "share": arms(0.7, 0.7), "log_hr": 0.4}
MODES = {"modes": {"lung": LUNG, "bone": {"label": "Bone", "share": arms(0.6, 0.6)}}, "death": "dead"}
AMOUNT = {"median": 4.0, "spread": 0.5, "most": 8.0}
DRUG = {"label": "Drug", "unit": "cycles", "months_per_unit": 1.0, "whole": True, "arms": {"T": AMOUNT}, "link": 0.3}
CUT = {"label": "Surgery", "shares": arms(0.1, 0.1), "among": ("PR",), "link": 0.3}
LEAK = {"kind": "logistic", "label": "Leak", "risk": arms(0.2, 0.2), "log_odds": {"stage": 0.5}, "link": 0.4}
RESPONSE = {**tree()["outcomes"]["response"], "shares": arms((0.3, 0.5, 0.2), (0.3, 0.5, 0.2))}
TRANSITIONS = {name: {"baseline": constant(0.05)} for name in ("progression", "death", "death_after_progression")}
OUTCOMES = {
    **TRANSITIONS,
    "death": {"baseline": constant(0.05), "log_hr": {"stage": 0.3}},
    "frailty": {"kind": "gamma", "variance": 0.5},
    "response": RESPONSE,
    "conversion": {"cut": CUT},
    "binary": {"leak": LEAK},
    "adverse_events": ADVERSE,
    "progression_modes": MODES,
    "exposure": {"drug": DRUG},
}
WAXING = {"kind": "weibull", "shape": 1.5, "scale": 9.0}
GRAPH: Tree = {
    "states": ("well", "ill", "worse", "dead"),
    "transitions": {
        "fall": {"from": "well", "to": "ill", "baseline": constant(0.1)},
        "slip": {"from": "well", "to": "worse", "baseline": constant(0.05)},
        "turn": {"from": ("well", "ill"), "to": "worse", "baseline": WAXING},
        "die": {"from": ("well", "ill", "worse"), "to": "dead", "baseline": constant(0.1)},
    },
}
ENDPOINTS: Tree = {
    "end": {"event": "dead"},
    "any": {"event": ("ill", "worse", "dead")},
    "bad": {"event": ("worse", "ill")},
}
DATES = {"start": "2020-01-01", "end": "2022-01-01"}
START = {"wait": constant(0.4)}
ALLOTTED: Known = {"log_odds": ({"age": 0.02},), "start": (START,), "share": (0.7,), "intercept": (0.5,)}
STAGE = {"kind": "binary", "shares": {"early": 0.45, "late": 0.55}}
QUARTERED = {"kind": "continuous", "median": 60.0, "quartiles": (53.0, 67.0), "bounds": (30.0, 90.0)}
RANGED = {"kind": "continuous", "median": 60.0, "range": (30.0, 90.0), "patients": 200}
PARTED: Tree = {
    "kind": "continuous", "bounds": (30.0, 90.0),
    "by_arm": {"control": {"mean": 62.0, "sd": 9.0}, "treated": {"mean": 58.0, "sd": 8.0}},
}  # fmt: skip
AGE = {"kind": "continuous", "mean": 60.0, "sd": 8.0, "bounds": (30.0, 90.0), "cuts": {"65": 0.3}}

FIXTURES: list[tuple[type[Spec], str, Tree, Known]] = [
    (Population, "population", tree()["population"], {
        "size": (50,), "correlation": ({"age": {"stage": -0.3}},),
        "hidden": ({**tree()["population"]["hidden"], "luck": STAGE},),
        "covariates": ({**tree()["population"]["covariates"], "age": {**AGE, "bounds": (35.0, 90.0)}},),
    }),
    (Continuous, "population.covariates.age", AGE, {
        "mean": (58.0,), "sd": (6.0,), "bounds": ((40.0, 80.0),), "cuts": ({"65": 0.4},),
        **dict.fromkeys(("median", "quartiles", "range", "patients", "by_arm"), ()),
    }),
    (Continuous, "population.covariates.age", QUARTERED, {
        "median": (56.0,), "quartiles": ((54.0, 67.0),), "bounds": ((35.0, 80.0),), "cuts": ({"70": 0.2},),
        **dict.fromkeys(("mean", "sd", "range", "patients", "by_arm"), ()),
    }),
    (Continuous, "population.covariates.age", RANGED, {
        "median": (56.0,), "range": ((35.0, 80.0),), "patients": (900,), "cuts": ({"70": 0.2},),
        **dict.fromkeys(("mean", "sd", "quartiles", "bounds", "by_arm"), ()),
    }),
    (LogNormal, "population.covariates.age", {"kind": "lognormal", "mean": 60.0, "sd": 30.0}, {
        "mean": (58.0,), "sd": (6.0,), "bounds": ((10.0, 500.0),), "cuts": ({"65": 0.35},),
        **dict.fromkeys(("median", "quartiles", "range", "patients", "by_arm"), ()),
    }),
    (LogNormal, "population.covariates.age", {**QUARTERED, "kind": "lognormal"}, {
        "median": (56.0,), "quartiles": ((54.0, 67.0),), "bounds": ((35.0, 80.0),), "cuts": ({"70": 0.2},),
        **dict.fromkeys(("mean", "sd", "range", "patients", "by_arm"), ()),
    }),
    (LogNormal, "population.covariates.age", {**RANGED, "kind": "lognormal"}, {
        "median": (56.0,), "range": ((35.0, 80.0),), "patients": (900,), "cuts": ({"70": 0.2},),
        **dict.fromkeys(("mean", "sd", "quartiles", "bounds", "by_arm"), ()),
    }),
    (Continuous, "population.covariates.weight", PARTED, {
        "by_arm": ({"control": {"mean": 62.0, "sd": 9.0}, "treated": {"mean": 60.0, "sd": 9.0}},),
        "bounds": ((25.0, 95.0),), "cuts": ({"70": 0.2},),
        **dict.fromkeys(("mean", "sd", "median", "quartiles", "range", "patients"), ()),
    }),
    (LogNormal, "population.covariates.weight", {**PARTED, "kind": "lognormal"}, {
        "by_arm": ({"control": {"mean": 62.0, "sd": 9.0}, "treated": {"mean": 60.0, "sd": 9.0}},),
        "bounds": ((25.0, 95.0),), "cuts": ({"70": 0.2},),
        **dict.fromkeys(("mean", "sd", "median", "quartiles", "range", "patients"), ()),
    }),
    (MomentsByArm, "parted.population.covariates.weight.by_arm", PARTED["by_arm"], {
        "control": ({"mean": 64.0, "sd": 9.0},), "treated": ({"mean": 60.0, "sd": 9.0},),
    }),
    (WholeNumber, "population.covariates.age", {"kind": "count", "mean": 60.0}, {"mean": (58.0,), "sd": (20.0,)}),
    (Categorical, "population.covariates.stage", STAGE, {"shares": ({"early": 0.2, "late": 0.8},)}),
    (Logistic, "treatment", {"kind": "logistic", "intercept": -0.3}, ALLOTTED),
    (Prevalence, "treatment", {"kind": "prevalence", "share": 0.4}, ALLOTTED),
    (Fixed, "treatment", {"kind": "fixed", "share": 0.4}, ALLOTTED),
    (Blocks, "treatment", {"kind": "blocks", "share": 0.5, "block": 4}, {
        "share": (0.25,), "block": (8,), "strata": (("stage",),), "start": (START,),
    }),
    (Clusters, "treatment", {"kind": "clusters", "share": 1 / 3, "covariate": "site"}, {
        "share": (2 / 3,), "covariate": ("grade",), "start": (START,),
    }),
    (TreatmentStart, "treatment.start", START, {"wait": (constant(0.9),), "prevented_by": (("progressed",),)}),
    (Outcomes, "outcomes", OUTCOMES, {
        **dict.fromkeys(STRUCTURE, ()),
        **{name: ({"baseline": constant(0.2), "treatment": {"log_hr": 0.5}},) for name in TRANSITIONS},
        "frailty": ({"kind": "gamma", "variance": 2.0},), "cure": ({"shares": arms(0.2, 0.2)},),
        "subsequent": ({"shares": arms(0.5, 0.5), "log_hr": 1.0},),
        "response": ({**RESPONSE, "link": 0.1},), "conversion": ({"cut": {**CUT, "link": 0.8}},),
        "adverse_events": ({**ADVERSE, "suffix": "_grave"},), "binary": ({"leak": {**LEAK, "link": -0.4}},),
        "progression_modes": ({**MODES, "death": "died"},), "exposure": ({"drug": {**DRUG, "link": 0.8}},),
        "centre": ("average",),
    }),
    *((Transition, f"outcomes.{name}", {"baseline": constant(0.05)}, {
        "baseline": (constant(0.2),), "log_hr": ({"stage": 0.5},), "treatment": ({"log_hr": -1.0},),
        **dict.fromkeys(("origin", "to", "clock"), ()),
    }) for name in TRANSITIONS),
    (Transition, "graph.outcomes.transitions.turn", GRAPH["transitions"]["turn"], {
        "origin": (("well",), "ill"), "to": ("dead",), "clock": ("reset",), "baseline": (constant(0.2),),
        "log_hr": ({"stage": 0.5},), "treatment": ({"log_hr": -1.0},),
    }),
    (TimeTo, "graph.endpoints.bad", {"event": "worse"}, {"event": ("ill", ("worse", "dead")), "competing": ("ill",)}),
    (Effect, "outcomes.death.treatment", {"log_hr": -0.5}, {
        "log_hr": (0.7, (0.7, -0.7)), "cuts": ((3.0,), (5.0,)), "modifiers": ({"stage": 0.5},),
    }),
    (Exponential, "outcomes.death.baseline", {"kind": "exponential", "rate": 0.1}, {}),
    (Weibull, "outcomes.death.baseline", {"kind": "weibull", "shape": 1.2, "scale": 20.0}, {}),
    (Piecewise, "outcomes.death.baseline", {"kind": "piecewise", "cuts": (5.0,), "rates": (0.1, 0.2)}, {
        "cuts": ((2.0,),), "rates": ((0.2, 0.1),),
    }),
    (Frailty, "outcomes.frailty", {"kind": "gamma", "variance": 0.5}, {"transitions": (("death",),)}),
    (Cure, "outcomes.cure", {"shares": arms(0.2, 0.2)}, {
        "shares": (arms(0.4, 0.4), arms(0.2, 0.5)), "transitions": (("death",),),
    }),
    (Subsequent, "outcomes.subsequent", {"shares": arms(0.5, 0.5), "log_hr": 1.0}, {
        "shares": (arms(0.1, 0.1), arms(0.5, 0.1)), "log_hr": (-1.0,), "after": (),
    }),
    (Subsequent, "graph.outcomes.subsequent", {"shares": arms(0.5, 0.5), "log_hr": 1.0, "after": "ill"}, {
        "shares": (arms(0.1, 0.1),), "log_hr": (-1.0,), "after": ("worse",),
    }),
    (Response, "outcomes.response", RESPONSE, {
        "categories": (("SD", "PD", "PR"),), "link": (0.1,), "groups": ({"ORR": ("PR", "SD")},),
        "shares": (arms((0.1, 0.2, 0.7), (0.1, 0.2, 0.7)),), "follows": ("death",),
    }),
    (Conversion, "outcomes.conversion.cut", CUT, {
        "shares": (arms(0.15, 0.18),), "among": (("PR", "SD"),), "link": (0.8,), "follows": ("death",),
    }),
    (LogisticOutcome, "outcomes.binary.leak", LEAK, {
        "risk": (arms(0.3, 0.3), arms(0.2, 0.3)), "log_or": (), "log_odds": ({"age*stage": 0.03},),
        "modifiers": ({"stage": 0.9},), "link": (-0.4,), "follows": ("death",),
    }),
    (LogisticOutcome, "outcomes.binary.leak", {**LEAK, "risk": {"C": 0.2}, "log_or": 0.0}, {
        "risk": ({"C": 0.3},), "log_or": (0.9,), "log_odds": ({"stage": 1.5},), "follows": ("death",),
        "modifiers": ({"stage": 0.9},), "link": (-0.4,),
    }),
    (AdverseEvents, "outcomes.adverse_events", ADVERSE, {
        "suffix": ("_grave",), "events": ({"itch": EVENTS["itch"], "rash": {**RARE, "any": arms(0.22, 0.2)}},),
        "overall": ({**OVERALL, "any": arms(0.35, 0.33)},),
    }),
    (Grades, "outcomes.adverse_events.overall", OVERALL, {"any": (arms(0.35, 0.33),), "severe": (arms(0.17, 0.18),)}),
    (Event, "outcomes.adverse_events.events.rash", RARE, {
        "any": (arms(0.22, 0.2),), "severe": (arms(0.11, 0.1),),
    }),
    (ProgressionModes, "outcomes.progression_modes", MODES, {
        "modes": ({"lung": LUNG, "bone": {"label": "Bone", "share": arms(0.4, 0.9)}},), "death": ("died",), "state": (),
        "endpoint": (),
    }),
    (ProgressionModes, "graph.outcomes.progression_modes", {**MODES, "state": "worse", "endpoint": "any"}, {
        "modes": ({"lung": LUNG, "bone": {"label": "Bone", "share": arms(0.4, 0.9)}},), "death": ("died",),
        "state": ("ill",), "endpoint": ("bad",),
    }),
    (Mode, "outcomes.progression_modes.modes.lung", LUNG, {"share": (arms(0.5, 0.9),), "log_hr": (-1.0,)}),
    (Exposure, "outcomes.exposure.drug", DRUG, {
        "months_per_unit": (2.0,), "arms": (arms(AMOUNT, AMOUNT),), "link": (0.8,), "follows": ("death",),
    }),
    (Amount, "outcomes.exposure.drug.arms.T", AMOUNT, {"most": (5.0,), "median": (2.0,)}),
    (Entry, "entry", {"accrual": DATES}, {
        "accrual": ({**DATES, "shape": 2.0},), "guarantee_months": ({"C": 6.0},), "requires": ({"drug": 3.0},),
        "potential_follow_up_months": (30.0,), "complete_follow_up": (("C", "T"),), "screened": (1.5,),
        "guarantee_against": (("progressed",),),
    }),
    (Accrual, "entry.accrual", DATES, {
        "start": ("2020-06-01",), "end": ("2021-06-01",), "shape": (2.0,),
        "cuts": ((6.0,), (9.0,)), "rates": ((1.0, 3.0), (3.0, 1.0)),
    }),
    (FollowUp, "followup", {"cut_off": "2024-01-01", "dropout": arms(constant(0.05), constant(0.05))}, {
        "cut_off": ("2023-01-01",), "dropout": ({"C": constant(0.5)},), "informative": ({"frailty": 1.0},),
        "censored_at": ({"cut": 1.0},), "visit_months": ({"C": 3.0}, arms(2.0, 2.0)),
        "seen_at_visits": (("dead",),),
    }),
    (Informative, "followup.informative", {}, {
        "log_hr": ({"stage": 1.0},), "frailty": (1.0,), "after": ({"progressed": 1.0},),
    }),
    (Centres, "centres", {"covariate": "site", "sd": {"treatment": 1.0, "death": 1.0}}, {
        "covariate": ("grade",), "sd": ({"death": 1.0}, {"progression": 1.0}, {"death_after_progression": 1.0}),
    }),
    (CalendarTrend, "calendar", {"per_year": {"treatment": 1.0}}, {"per_year": ({"death": 1.0}, {"progression": 1.0})}),
    (Imperfections, "imperfections", {}, {
        "missing": ({"age": {"share": 0.3}},), "misclassified": ({"stage": {"early": {"late": 0.5}}},),
        "error_sd": ({"age": 3.0},), "treatment": ({"C": 0.3},), "endpoints": ({"OS": {"missed": {"C": 0.5}}},),
    }),
    (Missing, "imperfections.missing.age", {"share": 0.3}, {"log_odds": ({"age": 0.2},), "treated": (2.0,)}),
    (Miscounted, "imperfections.endpoints.OS", {}, {"missed": ({"C": 0.5},), "false": ({"T": 0.9},)}),
]  # fmt: skip


@pytest.fixture(autouse=True)
def few_reference_patients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Intercepts need not be exact here."""
    monkeypatch.setattr(allocation, "REFERENCE_PATIENTS", 2000)


def world(place: str, part: Any) -> World | None:
    """The base world with a part at its place; None where they do not go together."""
    made = tree(outcomes=copy.deepcopy(OUTCOMES), entry={"accrual": DATES})
    made["followup"] = {"cut_off": "2024-01-01", "dropout": arms(constant(0.05), constant(0.05))}
    if place.startswith("graph."):
        place = place.removeprefix("graph.")
        made["outcomes"], made["endpoints"] = copy.deepcopy(GRAPH), copy.deepcopy(ENDPOINTS)
    if place.startswith("parted."):
        place = place.removeprefix("parted.")
        made["population"]["covariates"]["weight"] = {"kind": "continuous", "bounds": PARTED["bounds"]}
    here = made
    *above, last = place.split(".")
    for step in above:
        here = here.setdefault(step, {})
    here[last] = part
    try:
        return World.model_validate(made)
    except ValidationError:
        return None


def arrays(value: Any) -> Iterator[bytes]:
    """All that a block of cohorts holds, names included."""
    if is_dataclass(value):
        for field in fields(value):
            yield from arrays(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield from (name.encode(), *arrays(one))
    elif isinstance(value, tuple):
        for one in value:
            yield from arrays(one)
    else:
        yield value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode()


def digest(cohorts: Cohorts) -> str:
    return hashlib.sha256(b"/".join(arrays(cohorts))).hexdigest()


def outcome(place: str, draw: Callable[[World], Cohorts]) -> Callable[[Any], object]:
    """What comes of a part: a digest of its cohorts, of which those under a strict null have equal courses."""

    def found(part: Spec) -> object:
        asked = world(place, part.model_dump(exclude_unset=True))
        if asked is None:
            return None
        made = draw(asked)
        for endpoint, (zero, one) in made.hidden.latent.items():
            if is_strict_null(asked, endpoint):  # type: ignore[arg-type]
                assert np.allclose(zero, one, rtol=1e-9), f"{place} {part} changes {endpoint}"
        for name, (no, yes) in made.hidden.binary.items():
            if is_strict_null(asked, name):  # type: ignore[arg-type]
                assert np.array_equal(no, yes), f"{place} {part} changes {name}"
        return digest(made)

    return found


def cohorts(asked: World) -> Cohorts:
    return generate(resolve(asked), 1, np.arange(4))


@pytest.mark.parametrize(("kind", "place", "needed", "known"), FIXTURES, ids=lambda one: getattr(one, "__name__", None))
def test_every_field_changes_a_cohort(kind: type[Spec], place: str, needed: Tree, known: Known) -> None:
    told = {name for name in kind.model_fields if {**DESCRIPTIVE, **known}.get(name) != ()}
    assert world(place, needed) is not None
    assert ignored(kind, outcome(place, cohorts), needed, {**DESCRIPTIVE, **known}, told) == []


def test_every_mechanism_is_asked() -> None:
    assert set(kinds_of(World)) <= {kind for kind, *_ in FIXTURES}


def test_an_ignored_field_is_noticed() -> None:
    """A generator that is deaf to modes' effect on death, and to the spread of an amount."""

    def deaf(asked: World) -> Cohorts:
        outcomes = asked.outcomes
        assert outcomes.progression_modes
        modes = {name: one.model_copy(update={"log_hr": 0.0}) for name, one in outcomes.progression_modes.modes.items()}
        quiet = outcomes.progression_modes.model_copy(update={"modes": modes})
        return cohorts(asked.model_copy(update={"outcomes": outcomes.model_copy(update={"progression_modes": quiet})}))

    place = "outcomes.progression_modes.modes.lung"
    known: Known = {**DESCRIPTIVE, "share": (arms(0.5, 0.9),), "log_hr": (-1.0,)}
    assert ignored(Mode, outcome(place, deaf), LUNG, known, {"share", "log_hr"}) == ["log_hr"]


def test_a_change_that_is_not_told_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cure that does not say that it names both arms passes for one without effect, and its courses give it away."""
    monkeypatch.setattr(Cure, "naming", {})
    with pytest.raises(AssertionError, match="changes OS"):
        outcome("outcomes.cure", cohorts)(Cure(shares=arms(0.1, 0.6)))
