"""The course as a graph of states: equal to the slow twin, and to itself however it is written."""

import copy
from typing import Any

import numpy as np
import pytest

from simulator.cohort.cohorts import Cohorts, Endpoint
from simulator.numerics.streams import Luck
from simulator.world.generate import generate, resolve
from simulator.world.sections import World
from tests import graphs
from tests.graphs import HEART, HEART_ENDPOINTS, HEART_STATES, constant, heart, weibull
from tests.reference import graph_twin as twin
from tests.simulated import simple
from tests.simulated import tree as everything

SEED, REPLICATE = 12, 2
LATE = {"kind": "prevalence", "share": 0.6, "start": {"wait": {"kind": "exponential", "rate": 0.2}}}
PLAIN = {"baseline": {"kind": "exponential", "rate": 0.1}, "treatment": {"log_hr": -0.5}}
DIAMOND = {
    "a": constant(0.1, "in", "left", treatment={"log_hr": -0.5}),
    "b": weibull(1.4, 12.0, "in", "right"),
    "c": weibull(0.8, 9.0, ("left", "right"), "met", clock="reset", treatment={"log_hr": (0.5, -0.5), "cuts": (2.0,)}),
    "d": constant(0.05, ("in", "left", "right", "met"), "out", log_hr={"stage": 0.8}),
    "e": constant(0.05, ("met", "in"), "out", clock="forward"),
}


def diamond(**changes: Any) -> World:
    """Two ways to one state, which is entered from three, and two transitions between the same pair of states."""
    return graphs.world(("in", "left", "right", "met", "out"), DIAMOND, **changes)


def long_chain() -> World:
    """Twelve states with dots and dashes in their names, each left for the next and for the last."""
    states = [f"state-{k}.of_12" for k in range(12)]
    steps = {f"step.{k}": constant(0.4, states[k], states[k + 1], clock="reset") for k in range(10)}
    return graphs.world(states, {**steps, "end": weibull(1.5, 30.0, tuple(states[:11]), states[11])})


def gaps(asked: World, patients: int) -> list[str]:
    """Where generated patients differ from the twin's, in words."""
    resolved = resolve(asked)
    made = generate(resolved, SEED, np.arange(REPLICATE + 1), patients)
    found: list[str] = []
    for i in range(patients):
        one = twin.patient_of(resolved, SEED, REPLICATE, i)
        for what, right, ours in told(made, one, i):
            near = right == ours or abs(float(right) - float(ours)) < 1e-9 * max(1.0, abs(float(right)))
            found += [] if near else [f"patient {i}, {what}: {ours} and not {right}"]
    return found


def told(made: Cohorts, one: dict[Any, Any], i: int) -> list[tuple[str, Any, Any]]:
    """What is said of a patient: words, the twin's value, and that of the cohorts."""
    observed, hidden = made.observed, made.hidden
    received = one[int(one["treated"])]
    pairs: list[tuple[str, Any, Any]] = [("treated", one["treated"], observed.treated[REPLICATE, i])]
    if hidden.starts is not None:
        pairs.append(("start", one[1]["start"], hidden.starts[REPLICATE, i]))
    for arm in (0, 1):
        pairs.append((f"eligible {arm}", one[arm]["eligible"], hidden.eligible[arm, REPLICATE, i]))
        if hidden.response:
            pairs.append((f"response {arm}", one[arm]["response"], hidden.response[arm][REPLICATE, i]))
        for name, both in hidden.potential.items():
            pairs.append((f"latent {name} {arm}", one[arm]["latent"][name], hidden.latent[name][arm][REPLICATE, i]))
            pairs += seen(f"{name} {arm}", one[arm]["potential"][name], both[arm], i)
            if name in hidden.until:
                pairs.append((f"until {name} {arm}", one[arm]["until"][name], hidden.until[name][arm][REPLICATE, i]))
    for name, course in observed.endpoints.items():
        pairs += seen(f"observed {name}", received["observed"][name], course, i)
    return pairs + [(name, received["modes"][name], mode[REPLICATE, i]) for name, mode in observed.modes.items()]


def seen(what: str, right: tuple[float, int], course: Endpoint, i: int) -> list[tuple[str, Any, Any]]:
    """Time and cause of an endpoint: the twin's and ours."""
    rival = course.competing is not None and course.competing[REPLICATE, i]
    cause = 2 if rival else int(course.event[REPLICATE, i])
    return [(f"time of {what}", right[0], course.time[REPLICATE, i]), (f"cause of {what}", right[1], cause)]


@pytest.mark.parametrize("late", [False, True], ids=["at once", "late"])
@pytest.mark.parametrize("number", [0, 1, 5, 8])
def test_a_graph_made_from_a_number_is_its_twin(number: int, late: bool) -> None:
    assert gaps(graphs.drawn(number, late), 7) == []


@pytest.mark.slow
@pytest.mark.parametrize("late", [False, True], ids=["at once", "late"])
@pytest.mark.parametrize("number", range(100, 125))
def test_every_graph_made_from_a_number_is_its_twin(number: int, late: bool) -> None:
    assert gaps(graphs.drawn(number, late), 10) == []


@pytest.mark.parametrize("treatment", [{"kind": "prevalence", "share": 0.5}, LATE], ids=["at once", "late"])
def test_graphs_written_by_hand_are_their_twins(treatment: dict[str, Any]) -> None:
    assert gaps(heart(treatment=treatment), 10) == []
    assert gaps(diamond(treatment=treatment), 10) == []
    none = {"outcomes": {"treatment_effect": "none"}, "followup": {"cut_off": "2030-01-01", "visit_months": {"C": 3.0}}}
    assert gaps(diamond(treatment=treatment, **none), 6) == []


@pytest.mark.parametrize("unit", ["days", "weeks", "years"])
def test_a_graph_in_other_units_of_time_is_its_twin(unit: Any) -> None:
    assert gaps(graphs.drawn(5, True).model_copy(update={"time_unit": unit}), 5) == []


def test_a_graph_followed_to_the_end_is_its_twin() -> None:
    made = gaps(diamond(followup={"cut_off": "complete"}), 6)
    assert made == []


def test_twelve_states_with_odd_names_are_their_twin() -> None:
    assert gaps(long_chain(), 4) == []


@pytest.mark.parametrize("treatment", [{"kind": "prevalence", "share": 0.5}, LATE], ids=["at once", "late"])
def test_short_forms_are_their_twins(treatment: dict[str, Any]) -> None:
    outcomes = {"course": "single", "transitions": {"dead": PLAIN}}
    assert gaps(simple(outcomes=outcomes, endpoints={"life": {"event": "dead"}}, treatment=treatment), 6) == []
    outcomes = {"course": "competing", "transitions": {"cancer": PLAIN, "heart": PLAIN, "other": PLAIN}}
    ends = {
        "heart": {"event": "heart", "competing": ("cancer", "other")},
        "any": {"event": ("cancer", "heart", "other")},
    }
    assert gaps(simple(outcomes=outcomes, endpoints=ends, treatment=treatment), 6) == []
    asked = World.model_validate(everything(treatment={**everything()["treatment"], **treatment}))
    assert gaps(asked, 6) == []


def test_a_wrong_stream_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    one_stream(monkeypatch)
    assert gaps(heart(), 10) != []


def one_stream(patch: pytest.MonkeyPatch) -> None:
    """A transition has the same luck in every state that it leaves."""
    own = Luck.uniform
    patch.setattr(Luck, "uniform", lambda self, stream: own(self, "/".join(stream.split("/")[:2])))


def bits(asked: World) -> dict[str, bytes]:
    """Everything that is seen and not seen of endpoints, by name, as bits."""
    made = generate(resolve(asked), SEED, np.arange(3), 50)
    found = {}
    for name, course in made.observed.endpoints.items():
        arrays = [course.time, course.event, *made.hidden.latent[name]]
        arrays += [part for one in made.hidden.potential[name] for part in (one.time, one.event)]
        found[name] = b"".join(part.tobytes() for part in arrays)
    return found | {name: made.observed.binary[name].tobytes() for name in made.observed.binary}


def illness_death(how: str) -> World:
    """The world that uses every mechanism, its course written in one of four ways."""
    made = everything()
    names = ("progression", "death", "death_after_progression")
    own = {name: made["outcomes"][name] for name in names}
    rest = {key: value for key, value in made["outcomes"].items() if key not in names}
    ways = {
        "progression": {"from": "event-free", "to": "progressed"},
        "death": {"from": "event-free", "to": "dead", "clock": "forward"},
        "death_after_progression": {"from": ("progressed",), "to": "dead", "clock": "reset"},
    }
    if how == "states":
        graph = {name: {**own[name], **ways[name]} for name in names}
        made["outcomes"] = {**rest, "states": ("event-free", "progressed", "dead"), "transitions": graph}
        made["endpoints"] = {"OS": {"event": "dead"}, "PFS": {"event": ("progressed", "dead")}}
    elif how == "transitions":
        made["outcomes"] = {**rest, "transitions": own}
    elif how == "backwards":
        made["outcomes"] = {**rest, "course": "illness-death", "transitions": dict(reversed(own.items()))}
    elif how == "both":
        made["outcomes"] = {**rest, "death": own["death"], "transitions": {k: own[k] for k in names if k != "death"}}
    return World.model_validate(made)


@pytest.mark.parametrize("how", ["states", "transitions", "backwards", "both"])
def test_illness_death_is_the_same_bits_however_it_is_written(how: str) -> None:
    assert bits(illness_death(how)) == bits(illness_death("short"))


def test_competing_is_the_same_bits_as_its_states() -> None:
    ends = {"a": {"event": "a", "competing": "b"}, "any": {"event": ("a", "b")}}
    short = simple(outcomes={"course": "competing", "transitions": {"a": PLAIN, "b": PLAIN}}, endpoints=ends)
    ways = {name: {**PLAIN, "from": "event-free", "to": name} for name in ("a", "b")}
    assert bits(short) == bits(
        simple(outcomes={"states": ("event-free", "a", "b"), "transitions": ways}, endpoints=ends)
    )


def test_luck_bears_the_name_of_a_state_only_where_a_transition_leaves_several() -> None:
    renamed = {"event-free": "well", "hospitalised": "ill", "dead-cv": "heart", "dead-other": "other"}
    changed = copy.deepcopy(HEART)
    for one in changed.values():
        one["from"] = renamed[one["from"]] if isinstance(one["from"], str) else tuple(renamed[k] for k in one["from"])
        one["to"] = renamed[one["to"]]
    ends = {
        "death": {"event": ("other", "heart")},
        "MACE": {"event": ("ill", "heart"), "competing": "other"},
        "hospitalisation": {"event": "ill", "competing": ("heart", "other")},
    }
    asked = graphs.world(("well", "other", "heart", "ill"), changed, endpoints=ends)
    made, plain = bits(asked), bits(heart())
    assert made["hospitalisation"] == plain["hospitalisation"]
    assert made["death"] != plain["death"]  # a stream bears the name of its state, but for the first


def test_the_order_in_which_states_are_left_changes_nobodys_luck() -> None:
    turned = copy.deepcopy(HEART)
    for one in turned.values():
        one["from"] = one["from"] if isinstance(one["from"], str) else tuple(reversed(one["from"]))
    assert any(one["from"] != HEART[name]["from"] for name, one in turned.items())
    assert bits(graphs.world(HEART_STATES, turned, endpoints=HEART_ENDPOINTS)) == bits(heart())


def test_a_further_state_or_transition_leaves_the_luck_of_the_others() -> None:
    plain = bits(heart())["hospitalisation"]
    fewer = copy.deepcopy(HEART)
    fewer["cv-death"]["from"] = "event-free"
    assert bits(graphs.world(HEART_STATES, fewer, endpoints=HEART_ENDPOINTS))["hospitalisation"] == plain
    more = {**HEART, "late-death": weibull(2.0, 20.0, "hospitalised", "dead-other")}
    made = bits(graphs.world(HEART_STATES, more, endpoints=HEART_ENDPOINTS))
    assert made["hospitalisation"] == plain
    assert made["death"] != bits(heart())["death"]


def test_nothing_happens_before_its_state_is_entered() -> None:
    states, ways = ("a", "b", "c"), {"ab": weibull(3.0, 5.0, "a", "b"), "bc": weibull(3.0, 1e-7, "b", "c")}
    for treatment in ({"kind": "prevalence", "share": 0.5}, LATE):
        made = generate(resolve(graphs.world(states, ways, treatment=treatment)), 3, np.arange(20), 500)
        for arm in (0, 1):
            entered, left = (made.hidden.latent[f"at-{state}"][arm] for state in "bc")
            assert np.all(left >= entered)


def test_which_states_end_the_course_and_which_are_passed() -> None:
    graph = heart().outcomes.graph
    assert graph.absorbing == ("dead-cv", "dead-other")
    assert graph.passed == ("hospitalised",)


def test_the_order_of_transitions_is_that_in_which_they_are_written() -> None:
    ways = {"tumour": {**PLAIN, "from": "well", "to": "ill"}, "death": {**PLAIN, "from": "well", "to": "dead"}}
    asked = graphs.world(("well", "ill", "dead"), ways)
    assert asked.outcomes.graph.transitions == ("tumour", "death")
