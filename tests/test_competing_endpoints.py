"""Endpoints with competing states: what is seen and written down of them, and what ends their follow-up."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from simulator.cohort.cohorts import Cohorts
from simulator.mechanisms.followup import observe
from simulator.mechanisms.graph import TimeTo, unaccounted
from simulator.world.export import adam_tables, plain_table
from simulator.world.generate import generate, resolve
from simulator.world.sections import World
from simulator.world.strategies import followed
from tests import graphs
from tests.commands import printed
from tests.graphs import HEART_ENDPOINTS, HEART_STATES, constant, heart
from tests.test_graph_told import written

FOLLOWUP = {"cut_off": "2022-01-01", "dropout": {arm: {"kind": "exponential", "rate": 0.02} for arm in "CT"}}
ALONE = {"hospitalisation": {"event": "hospitalised"}, "cv-death": {"event": "dead-cv"}}
STATE_ENDS = {f"at-{state}": {"event": state} for state in HEART_STATES[1:]}


def made(**changes: Any) -> tuple[World, Cohorts]:
    """A study that ends while many are still event-free, with an endpoint for each state, too."""
    ends = {**HEART_ENDPOINTS, **STATE_ENDS, **{f"{name}-alone": one for name, one in ALONE.items()}}
    asked = heart(endpoints=ends, followup=FOLLOWUP, **changes)
    return asked, generate(resolve(asked), 4, np.arange(1), 400)


def entered(cohorts: Cohorts, treated: np.ndarray) -> dict[str, np.ndarray]:
    """When each state is entered in the arm that was received ``(N,)``."""
    both = {state: cohorts.hidden.latent[f"at-{state}"] for state in HEART_STATES[1:]}
    return {state: np.where(treated, one[0], zero[0]) for state, (zero, one) in both.items()}


def test_one_of_three_things_is_seen_of_each_patient() -> None:
    _, cohorts = made()
    treated = cohorts.observed.treated[0]
    at = entered(cohorts, treated)
    death = np.minimum(at["dead-cv"], at["dead-other"])
    censoring = cohorts.observed.endpoints["death"]
    assert censoring.competing is None
    never = np.inf
    for name, event, rival in (
        ("hospitalisation", at["hospitalised"], death),
        ("MACE", np.minimum(at["hospitalised"], at["dead-cv"]), at["dead-other"]),
    ):
        seen = cohorts.observed.endpoints[name]
        assert seen.competing is not None
        happened, competed = seen.event[0], seen.competing[0]
        assert not np.any(happened & competed)
        assert min(happened.sum(), competed.sum(), (~happened & ~competed).sum()) > 20
        assert np.array_equal(seen.time[0][happened], event[happened])
        assert np.array_equal(seen.time[0][competed], rival[competed])
        assert np.all(rival[happened] > event[happened])
        assert np.all(np.minimum(event, rival)[~happened & ~competed] > seen.time[0][~happened & ~competed])
        latent = np.where(treated, cohorts.hidden.latent[name][1][0], cohorts.hidden.latent[name][0][0])
        assert np.array_equal(latent, np.where(event < rival, event, never))


def test_a_competing_event_is_no_event_however_long_one_waits() -> None:
    time, censoring, rival = np.array([[2.0, np.inf, np.inf, 5.0]]), np.full((1, 4), 4.0), np.array([[9.0, 3, 6, 9]])
    seen = observe(time, censoring, rival)
    assert seen.time.tolist() == [[2, 3, 4, 4]]
    assert seen.event.tolist() == [[True, False, False, False]]
    assert seen.competing is not None
    assert seen.competing.tolist() == [[False, True, False, False]]
    plain = observe(time, censoring)
    assert plain.time.tolist() == [[2, 4, 4, 4]]
    assert plain.competing is None


@pytest.mark.parametrize("late", [False, True], ids=["at once", "late"])
def test_death_that_is_neither_event_nor_competing_ends_follow_up(late: bool) -> None:
    start = {"start": {"wait": {"kind": "exponential", "rate": 0.2}}} if late else {}
    _, cohorts = made(treatment={"kind": "prevalence", "share": 0.5, **start})
    for name in ("hospitalisation", "MACE"):
        plain = "hospitalisation-alone" if name == "hospitalisation" else "cv-death-alone"
        alone, seen = cohorts.observed.endpoints[plain], cohorts.observed.endpoints["death"]
        assert alone.competing is None
        assert np.all(alone.time <= seen.time)
        for arm in (0, 1):
            one, whole = cohorts.hidden.potential[plain][arm], cohorts.hidden.potential["death"][arm]
            assert np.all(one.time <= whole.time)
            assert np.any((one.time == whole.time) & whole.event & ~one.event)
    with_rivals, alone = (cohorts.observed.endpoints[f"hospitalisation{more}"] for more in ("", "-alone"))
    assert np.array_equal(with_rivals.time, alone.time)
    assert np.array_equal(with_rivals.event, alone.event)


def test_death_ends_follow_up_under_strategies_of_starting() -> None:
    asked, _ = made(
        treatment={"kind": "prevalence", "share": 0.5, "start": {"wait": {"kind": "exponential", "rate": 0.2}}}
    )
    found = followed(resolve(asked), 4, np.arange(1), 3.0, patients=400)
    for arm in (0, 1):
        alone, death = found["cv-death-alone"][arm], found["death"][arm]
        assert np.all(alone.time <= death.time)
        assert np.any(death.event & ~alone.event)
        competing, other = found["hospitalisation"][arm], found["hospitalisation-alone"][arm]
        assert np.array_equal(competing.time, other.time)
        assert competing.competing is not None
        assert other.competing is None


def test_the_plain_table_has_the_causes() -> None:
    asked, cohorts = made()
    table = plain_table(cohorts, asked, hidden=True)
    seen = cohorts.observed.endpoints["hospitalisation"]
    assert seen.competing is not None
    code = table["hospitalisation_event"]
    assert set(code) == {0, 1, 2}
    assert np.array_equal(code == 1, seen.event[0])
    assert np.array_equal(code == 2, seen.competing[0])
    assert np.array_equal(table["hospitalisation_time"], seen.time[0])
    assert set(table["death_event"]) == {0, 1}
    for k, arm in enumerate("CT"):
        one = cohorts.hidden.potential["hospitalisation"][k]
        assert one.competing is not None
        assert np.array_equal(table[f"hospitalisation_event_{arm}"] == 2, one.competing[0])
        assert np.array_equal(table[f"hospitalisation_event_{arm}"] == 1, one.event[0])


def test_adtte_has_the_causes() -> None:
    asked, cohorts = made()
    _, adtte = adam_tables(cohorts, asked)
    one = adtte[adtte["PARAMCD"] == "hospitalisation"].reset_index(drop=True)
    seen = cohorts.observed.endpoints["hospitalisation"]
    assert seen.competing is not None
    assert len(one) == 400
    assert np.array_equal(one["CNSR"] == 0, seen.event[0])
    assert np.array_equal(one["CNSR"] == 2, seen.competing[0])
    assert np.array_equal(one["AVAL"], seen.time[0])
    words = {0: "EVENT", 1: "CENSORED", 2: "COMPETING EVENT"}
    assert (one["EVNTDESC"] == one["CNSR"].map(words)).all()
    assert set(adtte[adtte["PARAMCD"] == "death"]["CNSR"]) == {0, 1}


def test_a_file_of_a_cohort_has_the_causes(tmp_path: Path) -> None:
    path = written(tmp_path, {"population.size": 300, "followup.cut_off": "2021-03-01"})
    printed(["simulate", str(path), "--out", str(tmp_path / "one.csv")])
    table = pd.read_csv(tmp_path / "one.csv")
    assert set(table["MACE_event"]) == {0, 1, 2}
    assert set(table["death_event"]) == {0, 1}


def test_visits_delay_the_event_and_death_before_the_visit_competes() -> None:
    asked, cohorts = made()
    at_visits = asked.model_copy(update={"followup": asked.followup.model_copy(update={"visit_months": {"C": 6.0}})})
    later = generate(resolve(at_visits), 4, np.arange(1), 400)
    plain, seen = (one.hidden.latent["hospitalisation"][0][0] for one in (cohorts, later))
    death = cohorts.hidden.latent["death"][0][0]
    visit = np.ceil(plain / 6) * 6
    assert np.array_equal(seen, np.where(visit < death, visit, np.inf))
    missed = np.isfinite(plain) & np.isinf(seen)
    assert missed.sum() > 20
    one = later.hidden.potential["hospitalisation"][0]
    assert one.competing is not None
    assert np.any(one.competing[0] & missed)
    assert np.array_equal(cohorts.hidden.latent["hospitalisation"][1], later.hidden.latent["hospitalisation"][1])


def test_an_effect_on_a_competing_cause_shows_in_who_is_left_to_have_the_event() -> None:
    ways = {
        "relapse": constant(0.1, "well", "relapsed"),
        "death": constant(0.1, "well", "dead", treatment={"log_hr": -1.0}),
    }
    ends = {"relapse": {"event": "relapsed", "competing": "dead"}}
    latent = generate(
        resolve(graphs.world(("well", "relapsed", "dead"), ways, endpoints=ends)), 1, np.arange(1), 20_000
    ).hidden.latent["relapse"]
    for arm, rate in enumerate((0.1, 0.1 * np.exp(-1.0))):
        share = np.isfinite(latent[arm]).mean()
        right = 0.1 / (0.1 + rate)
        error = np.sqrt(right * (1 - right) / 20_000)
        assert abs(share - right) < 4 * error
        assert abs(share - 1.1 * right) > 4 * error


def test_what_ends_follow_up_unaccounted_for_is_known() -> None:
    graph = heart().outcomes.graph
    for event, competing, others in (
        ("hospitalised", (), ("dead-cv", "dead-other")),
        ("hospitalised", "dead-cv", ("dead-other",)),
        ("hospitalised", ("dead-cv", "dead-other"), ()),
        (("hospitalised", "dead-cv"), "dead-other", ()),
        (("dead-cv", "dead-other"), (), ()),
        ("dead-cv", "hospitalised", ("dead-other",)),
    ):
        assert unaccounted(TimeTo(event=event, competing=competing), graph) == others
    passes = graphs.world(("a", "b", "c"), {"on": constant(0.1, "a", "b"), "off": constant(0.1, "b", "c")})
    assert unaccounted(TimeTo(event="b"), passes.outcomes.graph) == ()  # c is entered from b alone


def test_follow_up_without_events_ends_with_what_is_neither() -> None:
    """It is the time of whoever has had nothing, and later than a competing event; so in both arms."""
    _, cohorts = made()
    assert set(cohorts.hidden.until) == {"MACE", "hospitalisation"}
    for name, ends in cohorts.hidden.until.items():
        for end, course in zip(ends, cohorts.hidden.potential[name], strict=True):
            assert course.competing is not None
            nothing = ~course.event & ~course.competing
            assert np.array_equal(end[nothing], course.time[nothing])
            assert np.all(end >= course.time)
            assert np.all(end[course.competing] > course.time[course.competing])
