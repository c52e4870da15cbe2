"""What is told of a graph that cannot be: one line with file, line, key, what is wrong and what would be right."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from benchmarks.cli.commands import cli
from tests.commands import refused

RATE = {"kind": "exponential", "rate": 0.05}
MODES = {"death": "otherwise", "modes": {"bone": {"label": "bone", "share": {"C": 1, "T": 1}}}}
LATER = {"shares": {"C": 0.1, "T": 0.2}, "log_hr": -0.5}
ICU = {
    "outcomes.states": ["event-free", "hospitalised", "icu", "dead-cv", "dead-other"],
    "outcomes.transitions.worse": {"from": "hospitalised", "to": "icu", "baseline": RATE},
    "outcomes.transitions.icu-death": {"from": "icu", "to": "dead-cv", "baseline": RATE},
}
TREE: dict[str, Any] = {
    "name": "heart",
    "source": "made for a test",
    "question": "Why?",
    "arms": {"control": "C", "treated": "T"},
    "population": {
        "size": 60,
        "covariates": {"age": {"kind": "continuous", "mean": 60, "sd": 8, "bounds": [30, 90]}},
    },
    "treatment": {"kind": "prevalence", "share": 0.5},
    "outcomes": {
        "states": ["event-free", "hospitalised", "dead-cv", "dead-other"],
        "transitions": {
            "hospitalisation": {"from": "event-free", "to": "hospitalised", "baseline": RATE},
            "cv-death": {"from": ["event-free", "hospitalised"], "to": "dead-cv", "baseline": RATE},
            "other-death": {"from": ["event-free", "hospitalised"], "to": "dead-other", "baseline": RATE},
        },
    },
    "endpoints": {
        "death": {"event": ["dead-cv", "dead-other"]},
        "MACE": {"event": ["hospitalised", "dead-cv"], "competing": ["dead-other"]},
    },
    "entry": {"accrual": {"start": "2020-01-01", "end": "2021-01-01"}},
    "followup": {"cut_off": "2024-01-01"},
    "estimators": ["crude"],
}
GONE = object()
FORM = {"outcomes.states": GONE, "outcomes.transitions": GONE}
NO_FORM = {**FORM, "endpoints": {"death": {"event": "dead"}}}
CV, STATES = "outcomes.transitions.cv-death", "event-free, hospitalised, dead-cv, dead-other"


def written(folder: Path, changes: dict[str, Any]) -> Path:
    """The file of the tree with values at dotted places changed."""
    made = copy.deepcopy(TREE)
    for place, value in changes.items():
        *above, last = place.split(".")
        node = made
        for part in above:
            node = node.setdefault(part, {})
        node.pop(last, None) if value is GONE else node.update({last: value})
    path = folder / "heart.yaml"
    path.write_text(yaml.safe_dump(json.loads(json.dumps(made)), sort_keys=False), "utf-8")
    return path


RESPONSE = {"categories": ["PD", "PR"], "shares": {"C": [0.6, 0.4], "T": [0.5, 0.5]}, "groups": {"ORR": ["PR"]}}
WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "a circle": (
        {"outcomes.transitions.back": {"from": "dead-cv", "to": "hospitalised", "baseline": RATE}},
        "outcomes.states",
        "transitions lead in a circle (hospitalised to dead-cv to hospitalised); no state is entered twice",
    ),
    "a way back to itself": (
        {"outcomes.transitions.back": {"from": "dead-cv", "to": "dead-cv", "baseline": RATE}},
        "outcomes.transitions.back.to",
        "leads back to 'dead-cv', from which it comes",
    ),
    "a state that nothing reaches": (
        {"outcomes.states": [*STATES.split(", "), "lost"]},
        "outcomes.states",
        "no transition leads to 'lost'",
    ),
    "a way into the first state": (
        {"outcomes.transitions.back": {"from": "hospitalised", "to": "event-free", "baseline": RATE}},
        "outcomes.states",
        "everybody starts in 'event-free', the first; no transition may lead to it",
    ),
    "an unknown end": ({f"{CV}.to": "dead-vc"}, f"{CV}.to", "no state 'dead-vc'; did you mean 'dead-cv'?"),
    "an unknown start": (
        {f"{CV}.from": ["event-free", "hospitalized"]},
        f"{CV}.from",
        "no state 'hospitalized'; did you mean 'hospitalised'?",
    ),
    "a start like none": ({f"{CV}.from": "zzz"}, f"{CV}.from", f"no state 'zzz'; the states are {STATES}"),
    "no start": ({f"{CV}.from": GONE}, CV, f"missing key 'from'; the states are {STATES}"),
    "an empty list of starts": ({f"{CV}.from": []}, CV, f"missing key 'from'; the states are {STATES}"),
    "no end": ({f"{CV}.to": GONE}, CV, f"missing key 'to'; the states are {STATES}"),
    "a start twice": ({f"{CV}.from": ["event-free"] * 2}, f"{CV}.from", "a state is given twice"),
    "a start that is a number": ({f"{CV}.from": 3}, f"{CV}.from", "must be text or a list, not the number 3"),
    "a start that is null": ({f"{CV}.from": None}, f"{CV}.from", "must be text or a list, not null"),
    "several ends": ({f"{CV}.to": ["dead-cv", "dead-other"]}, f"{CV}.to", "must be text, not a list"),
    "a key like from": ({f"{CV}.form": "event-free"}, f"{CV}.form", "unknown key; did you mean 'from'?"),
    "the name of from in the code": (
        {f"{CV}.origin": "event-free"},
        f"{CV}.origin",
        "unknown key; known here are from, to, clock, baseline, log_hr, treatment",
    ),
    "an unknown clock": ({f"{CV}.clock": "rset"}, f"{CV}.clock", "did you mean 'reset'?"),
    "a transition called treatment": (
        {"outcomes.transitions.treatment": {"from": "event-free", "to": "dead-cv", "baseline": RATE}},
        "outcomes.transitions.treatment",
        "none may be called 'treatment', the name of the choice of treatment",
    ),
    "states and a short form": (
        {"outcomes.course": "single"},
        "outcomes.course",
        "a short form has no 'states'; leave one of the two out",
    ),
    "a state twice": (
        {"outcomes.states": ["event-free", "hospitalised", "hospitalised", "dead-cv", "dead-other"]},
        "outcomes.states",
        "one is given twice",
    ),
    "no transitions": (
        {"outcomes.transitions": GONE},
        "outcomes",
        "transitions: missing key; states need transitions between them",
    ),
    "no states": (
        {"outcomes.states": []},
        "outcomes.transitions.hospitalisation.from",
        "'from' and 'to' belong to outcomes with 'states'; a short form knows its own",
    ),
    "visits without months": (
        {"followup.seen_at_visits": ["hospitalised"]},
        "followup.seen_at_visits",
        "has no meaning without 'visit_months'",
    ),
    "a guarantee without months": (
        {"entry.guarantee_against": ["hospitalised"]},
        "entry.guarantee_against",
        "has no meaning without 'guarantee_months'",
    ),
    "weights that nobody asks for": (
        {"analysis": {"weighting": {"target": "ate"}}},
        "analysis.weighting",
        "belongs to 'primary: weighting', not to 'matching'",
    ),
    "a response that follows nothing": (
        {"outcomes.response": {**RESPONSE, "link": 0.5}},
        "outcomes.response",
        "missing key 'follows': the transition to whose luck it is linked",
    ),
    "a response that follows luck of several states": (
        {"outcomes.response": {**RESPONSE, "link": 0.5, "follows": "cv-death"}},
        "outcomes.response.follows",
        "'cv-death' leaves several states, with luck of its own in each",
    ),
    "a follows without a link": (
        {"outcomes.response": {**RESPONSE, "link": 0.0, "follows": "hospitalisation"}},
        "outcomes.response.follows",
        "has no meaning without 'link'",
    ),
    "a curve of what competing events take away": (
        {"published": {"endpoints.MACE.before.km.treated.survival[2]": {"printed": "0.5", "where": "T"}}},
        "published.'endpoints.MACE.before.km.treated.survival[2]'",
        "no number of an endpoint with competing states 'survival'",
    ),
    "complete follow-up of competing events": (
        {"target": {"follow_up": "complete"}},
        "target.follow_up",
        "which has competing states, no true hazard ratio",
    ),
    "a curve of survival among competing events": (
        {"estimators": [{"kind": "milestone", "at": 1.0, "endpoints": ["MACE"]}]},
        "estimators",
        "'milestone': a survival curve takes the competing states of 'MACE' for censoring; ask for the "
        "difference of cumulative incidence (kind or measure 'incidence')",
    ),
    "a restricted mean among several tests": (
        {"estimators": [{"kind": "several-tests", "endpoints": ["MACE"]}]},
        "estimators",
        "ask for the difference of mean time lost (measure 'rmtl', also of kind 'incidence')",
    ),
    "a matched curve of what death ends": (
        {
            "endpoints.admission": {"event": "hospitalised"},
            "estimators": [{"kind": "matched", "measure": "survival", "horizon": 1.0, "endpoints": ["admission"]}],
        },
        "estimators",
        "'matched': a survival curve takes 'dead-cv', which ends 'admission', for censoring; make it competing and ask "
        "for the difference of cumulative incidence (kind or measure 'incidence')",
    ),
    "an incidence of what death ends": (
        {
            "endpoints.admission": {"event": "hospitalised", "competing": "dead-cv"},
            "estimators": [{"kind": "fine-gray", "endpoints": ["admission"]}],
        },
        "estimators",
        "'fine-gray': 'admission' ends where 'dead-other' is entered, which is neither its event nor competing; name "
        "it under endpoints.admission.competing",
    ),
    "complete follow-up of what death ends": (
        {"endpoints.MACE": GONE, "endpoints.admission": {"event": "hospitalised"}, "target": {"follow_up": "complete"}},
        "target.follow_up",
        "'complete' gives 'admission', which ends where 'dead-cv' is entered, no true hazard ratio of the cause",
    ),
    "a landmark among competing events": (
        {"estimators": [{"kind": "landmark", "at": 1.0, "endpoints": ["MACE"]}]},
        "estimators",
        "'MACE' has competing states; after a landmark its hazard ratio has no truth",
    ),
    "three arms": (
        {"arms": {"control": "C", "treated": "T", "other": "B"}},
        "arms",
        "a world has two arms, control and treated; tell a study of more as one world for each comparison",
    ),
    "a list of arms": (
        {"arms": ["A", "B", "C"]},
        "arms",
        "a world has two arms, control and treated; tell a study of more as one world for each comparison",
    ),
    "no endpoints": (
        {"endpoints": GONE},
        "endpoints",
        "missing key; write 'NAME: {event: STATE}'",
    ),
    "no endpoint": ({"endpoints": {}}, "endpoints", "missing key; write 'NAME: {event: STATE}'"),
    "an endpoint of an unknown state": (
        {"endpoints.death.event": "dead-vc"},
        "endpoints.death.event",
        "no state 'dead-vc' (there are hospitalised, dead-cv, dead-other); did you mean 'dead-cv'?",
    ),
    "an endpoint of the first state": (
        {"endpoints.death.event": "event-free"},
        "endpoints.death.event",
        "no state 'event-free' (there are hospitalised, dead-cv, dead-other)",
    ),
    "an unknown competing state": (
        {"endpoints.MACE.competing": ["dead-othr"]},
        "endpoints.MACE.competing",
        "no state 'dead-othr' (there are hospitalised, dead-cv, dead-other); did you mean 'dead-other'?",
    ),
    "an event that competes": (
        {"endpoints.MACE.competing": "dead-cv"},
        "endpoints.MACE.competing",
        "'dead-cv' is an event already",
    ),
    "an endpoint without events": ({"endpoints.death.event": []}, "endpoints.death.event", "needs a state at least"),
    "an event twice": ({"endpoints.death.event": ["dead-cv"] * 2}, "endpoints.death.event", "a state is given twice"),
    "a short form with from": (
        {
            **NO_FORM,
            "outcomes": {"course": "single", "transitions": {"dead": {"from": "event-free", "baseline": RATE}}},
        },
        "outcomes.transitions.dead.from",
        "'from' and 'to' belong to outcomes with 'states'; a short form knows its own",
    ),
    "a single course of two": (
        {**NO_FORM, "outcomes": {"course": "single", "transitions": {k: {"baseline": RATE} for k in "ab"}}},
        "outcomes.transitions",
        "'course: single' has one transition, not 2",
    ),
    "competing alone": (
        {**NO_FORM, "outcomes": {"course": "competing", "transitions": {"dead": {"baseline": RATE}}}},
        "outcomes.transitions",
        "'course: competing' has two transitions at least, not 1",
    ),
    "a single course without endpoints": (
        {"endpoints": GONE, "outcomes": {"course": "single", "transitions": {"dead": {"baseline": RATE}}}},
        "endpoints",
        "missing key; write 'NAME: {event: STATE}'",
    ),
    "an unknown short form": ({**FORM, "outcomes.course": "singel"}, "outcomes.course", "did you mean 'single'?"),
    "illness-death without a transition": (
        {"endpoints": GONE, "outcomes": {k: {"baseline": RATE} for k in ("progression", "death")}},
        "outcomes",
        "death_after_progression: missing key; 'course: illness-death' has the transitions progression, death, "
        "death_after_progression",
    ),
    "illness-death with another transition": (
        {"endpoints": GONE, "outcomes": {"transitions": {"relapse": {"baseline": RATE}}}},
        "outcomes.transitions.relapse",
        "'course: illness-death' has the transitions progression, death, death_after_progression; write 'states', or "
        "another 'course', for others",
    ),
    "a transition in two places": (
        {
            "endpoints": GONE,
            "outcomes": {
                **{k: {"baseline": RATE} for k in ("progression", "death", "death_after_progression")},
                "transitions": {"death": {"baseline": RATE}},
            },
        },
        "outcomes.transitions.death",
        "stands beside 'death' of the outcomes; keep one",
    ),
    "therapy after the end": (
        {"outcomes.subsequent": {**LATER, "after": "dead-cv"}},
        "outcomes.subsequent.after",
        "'dead-cv' is not entered and left again; hospitalised is",
    ),
    "therapy after an unknown state": (
        {"outcomes.subsequent": {**LATER, "after": "hospitalized"}},
        "outcomes.subsequent.after",
        "no state 'hospitalized' (there are hospitalised, dead-cv, dead-other); did you mean 'hospitalised'?",
    ),
    "therapy after one of two": (
        {**ICU, "outcomes.subsequent": LATER},
        "outcomes.subsequent",
        "missing key 'after'; the states that are entered and left again are hospitalised, icu",
    ),
    "modes of one of two": (
        {**ICU, "outcomes.progression_modes": MODES},
        "outcomes.progression_modes",
        "missing key 'state'; the states that are entered and left again are hospitalised, icu",
    ),
    "therapy where no state is left": (
        {
            **NO_FORM,
            "outcomes": {"course": "single", "transitions": {"dead": {"baseline": RATE}}, "subsequent": LATER},
        },
        "outcomes.subsequent",
        "needs a state that is entered and left again; this course has none",
    ),
    "modes of no endpoint": (
        {"endpoints": {"death": {"event": "dead-cv"}}, "outcomes.progression_modes": MODES},
        "outcomes.progression_modes",
        "'hospitalised' is an event of no endpoint; its modes are seen in one of which it is",
    ),
    "modes of two endpoints": (
        {"endpoints.first": {"event": "hospitalised"}, "outcomes.progression_modes": MODES},
        "outcomes.progression_modes",
        "missing key 'endpoint'; 'hospitalised' is an event of MACE, first",
    ),
    "modes of the wrong endpoint": (
        {"outcomes.progression_modes": {**MODES, "endpoint": "death"}},
        "outcomes.progression_modes.endpoint",
        "'hospitalised' is no event of 'death'; it is of MACE",
    ),
    "frailty of an unknown transition": (
        {"outcomes.frailty": {"kind": "gamma", "variance": 0.5, "transitions": ["cv-deaht"]}},
        "outcomes.frailty.transitions",
        "no transition 'cv-deaht' (there are hospitalisation, cv-death, other-death); did you mean 'cv-death'?",
    ),
    "cure of a state": (
        {"outcomes.cure": {"shares": {"C": 0.1, "T": 0.1}, "transitions": ["dead-cv"]}},
        "outcomes.cure.transitions",
        "no transition 'dead-cv' (there are hospitalisation, cv-death, other-death)",
    ),
    "a start prevented by the first state": (
        {"treatment.start": {"wait": RATE, "prevented_by": ["event-free"]}},
        "treatment.start.prevented_by",
        "no state 'event-free' (there are hospitalised, dead-cv, dead-other)",
    ),
    "an unknown state at visits": (
        {"followup.visit_months": {"C": 2}, "followup.seen_at_visits": ["hospitalied"]},
        "followup.seen_at_visits",
        "no state 'hospitalied' (there are hospitalised, dead-cv, dead-other); did you mean 'hospitalised'?",
    ),
    "a guarantee against an unknown state": (
        {"entry.guarantee_months": {"T": 2}, "entry.guarantee_against": ["dead"]},
        "entry.guarantee_against",
        "no state 'dead' (there are hospitalised, dead-cv, dead-other); did you mean 'dead-cv'?",
    ),
    "a trend of an unknown transition": (
        {"calendar": {"per_year": {"cv-deth": 0.1}}},
        "calendar.per_year",
        "no transition 'cv-deth' (there are treatment, hospitalisation, cv-death, other-death); did you mean "
        "'cv-death'?",
    ),
    "drop-out after an unknown state": (
        {"followup.informative": {"after": {"hospitalized": 0.5}}},
        "followup.informative.after",
        "no state 'hospitalized' (there are hospitalised, dead-cv, dead-other); did you mean 'hospitalised'?",
    ),
    "drop-out after death": (
        {"followup.informative": {"after": {"dead-cv": 0.5}}},
        "followup.informative.after",
        "the course ends with 'dead-cv', and nobody drops out after it",
    ),
    "estimates of an unknown endpoint": (
        {"estimators": [{"kind": "crude", "endpoints": ["OS"]}]},
        "estimators",
        "'crude' asks for 'OS'; known are death, MACE",
    ),
}


def test_the_graph_is_valid_as_it_stands(tmp_path: Path) -> None:
    told = CliRunner().invoke(cli, ["check", str(written(tmp_path, {}))], catch_exceptions=False)
    assert told.exit_code == 0
    assert "valid" in told.stdout


def printed_as(key: str, text: str = "12.3%") -> dict[str, Any]:
    """The change of the tree that prints a number, and where it stands."""
    return {"published": {f"endpoints.MACE.before.{key}": {"printed": text, "where": "Table 2"}}}


def at_key(key: str) -> str:
    return f"published.'endpoints.MACE.before.{key}'"


CURVES = {
    "km.treated.survival[12]": "incidence.treated[12]",
    "km.control.survival[12].low": "incidence.control[12].low",
    "survival_difference[12].p": "incidence_difference[12].p",
    "km.treated.rmst[12]": "time_lost.treated[12]",
    "rmst_difference[12]": "time_lost_difference[12]",
    "incidence[12]": "incidence.control[12]",
    "incidence.treated": "incidence.treated[12]",
    "incidence.treated[2 years]": "incidence.treated[2]",
    "incidence.treatd[12]": "incidence.treated[12]",
    "incidence_diff[12]": "incidence_difference[12]",
    "incidence.treated[12].lower": "incidence.treated[12].low",
    "finegray.hr": "fine_gray.hr",
    "cumulative_incidence.control[12]": "incidence.control[12]",
    "km.control.incidence[12]": "incidence.control[12]",
    "subdistribution.low": "fine_gray.low",
    "km.treated.competing": "competing_events.treated",
    "gray.pvalue": "gray.p",
    "competing_events": "competing_events.control",
    "competing.treated": "competing_events.treated",
}
WRONG |= {
    f"published {key}": (printed_as(key), at_key(key), f"did you mean 'endpoints.MACE.before.{right}'?")
    for key, right in CURVES.items()
}
WRONG["an incidence without competing events"] = (
    {"published": {"endpoints.death.after.incidence.treated[12].low": {"printed": "12%", "where": "Table 2"}}},
    "published.'endpoints.death.after.incidence.treated[12].low'",
    "did you mean 'endpoints.death.after.km.treated.survival[12].low', 1 less the incidence?",
)
WRONG["a median among competing events"] = (
    printed_as("km.treated.median"),
    at_key("km.treated.median"),
    "no number of an endpoint with competing states 'median' (there is n, events, percent, at_risk)",
)
WRONG["an incidence of 1.2 patients"] = (
    printed_as("incidence.treated[12]", "120%"),
    at_key("incidence.treated[12]"),
    "'120%' is no share of patients",
)
WRONG["two numbers for Gray's p"] = (
    printed_as("gray.p", "0.03 (0.01-0.05)"),
    at_key("gray.p"),
    "holds several numbers; write the one that is wanted here",
)


@pytest.mark.parametrize("what", list(WRONG))
def test_what_is_wrong_is_told_in_one_line(what: str, tmp_path: Path) -> None:
    changes, place, message = WRONG[what]
    path = written(tmp_path, changes)
    told = refused(["check", str(path)])
    found = re.fullmatch(r"trialtwin: (.*)heart\.yaml:(\d+):(\d+): (.*)", told)
    assert found, told
    assert found[4].startswith(f"{place}: "), told
    assert message in found[4], told
    if not message.startswith("missing key; write"):  # where nothing is, there is no line of it
        assert near(path, int(found[2]), place), told


def near(path: Path, line: int, place: str) -> bool:
    """Whether the line holds the last key of the place, or is within its value."""
    lines = path.read_text("utf-8").splitlines()
    key = (place.split("'")[1] if "'" in place else place.rpartition(".")[2]) + ":"
    return any(key in text for text in lines[max(0, line - 3) : line])
