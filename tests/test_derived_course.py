"""The derived course as a whole: by the words of endpoints, and simulated against what was printed."""

import json
import random
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.asked.scenario import Scenario
from benchmarks.derived.course import course_of
from benchmarks.derived.parts import bare
from benchmarks.derived.shape import labelled, shape_of
from simulator.documents.loading import load, parse
from simulator.world.generate import generate, resolve
from tests.readings_of_worlds import TYPED
from tests.small_readings import cohort, reading_of, world_of

TERMS = {"age": (), "sex": ("Female", "Male")}
BOTH = {"OS": "death", "PFS": "progression or death"}
DEATHS_AFTER = ["mi", "stroke", "cardiovascular-death", "other-death"]
IMBRAVE = {  # Finn and others, N Engl J Med 2020;382:1894-1905
    "endpoints.OS.before.km.treated.events": "96",
    "endpoints.OS.before.km.control.events": "65",
    "endpoints.OS.before.cox.hr": "0.58",
    "endpoints.OS.before.cox.low": "0.42",
    "endpoints.OS.before.cox.high": "0.79",
    "endpoints.OS.before.km.treated.median": "NA",
    "endpoints.OS.before.km.control.median": "13.2",
    "endpoints.OS.before.km.control.low": "10.4",
    "endpoints.PFS.before.km.treated.events": "197",
    "endpoints.PFS.before.km.control.events": "109",
    "endpoints.PFS.before.km.treated.median": "6.8",
    "endpoints.PFS.before.km.treated.low": "5.7",
    "endpoints.PFS.before.km.treated.high": "8.3",
    "endpoints.PFS.before.km.control.median": "4.3",
    "endpoints.PFS.before.km.control.low": "4.0",
    "endpoints.PFS.before.km.control.high": "5.6",
    "endpoints.PFS.before.cox.hr": "0.59",
    "endpoints.PFS.before.cox.low": "0.47",
    "endpoints.PFS.before.cox.high": "0.76",
}
REGISTRY = {
    **{f"endpoints.relapse.before.incidence.control[{t}]": x for t, x in ((1, "25%"), (3, "40%"), (5, "46%"))},
    **{f"endpoints.relapse.before.competing_incidence.control[{t}]": x for t, x in ((1, "8%"), (3, "12%"), (5, "15%"))},
    "endpoints.relapse.before.incidence.treated[5]": "36%",
    "endpoints.relapse.before.fine_gray.hr": "0.71",
    "endpoints.relapse.before.univariable[age].hr": "1.02",
    "endpoints.relapse.before.univariable[age].low": "1.01",
    "endpoints.relapse.before.univariable[age].high": "1.03",
}


def curves(scenario: Scenario, endpoint: str, role: str, at: tuple[float, ...]) -> tuple[list[float], float]:
    """Survival of an endpoint at times, by Kaplan-Meier over all of 20 cohorts together, and events per cohort."""
    observed = generate(resolve(scenario), 1, np.arange(20)).observed
    who = (observed.treated == (role == "treated")) & observed.present
    time, event = (part[who] for part in (observed.endpoints[endpoint].time, observed.endpoints[endpoint].event))
    order = np.argsort(time)
    steps = np.cumprod(1 - event[order] / np.arange(len(order), 0, -1))
    return [float(steps[np.searchsorted(time[order], t) - 1]) for t in at], float(event.sum() / 20)


@pytest.mark.parametrize(
    ("endpoints", "form", "states", "ways"),
    [
        ({"OS": "death"}, "single", [], ["death"]),
        (BOTH, "illness-death", [], ["progression", "death", "death_after_progression"]),
        (
            {"primary": "death or hospitalised", "death": "death"},
            "graph",
            ["event-free", "hospitalised", "dead"],
            ["hospitalised", "death", "death-after-hospitalised"],
        ),
        ({"relapse": "relapse; competing death"}, "competing", [], ["relapse", "death"]),
        ({"PFS": "progression or death"}, "single", [], ["progression-or-death"]),
        (
            {"MACE": "cardiovascular death, MI or stroke", "OS": "death of any cause"},
            "graph",
            ["event-free", *DEATHS_AFTER],
            [*DEATHS_AFTER, "cardiovascular-death-after-event", "other-death-after-event"],
        ),
        (
            {"CV": "cardiovascular death; competing other death"},
            "competing",
            [],
            ["cardiovascular-death", "other-death"],
        ),
    ],
)
def test_the_course_of_the_words(endpoints: dict[str, str], form: str, states: list[str], ways: list[str]):
    shape = shape_of(endpoints)
    assert (shape.form, list(shape.ways)) == (form, ways)
    assert shape.sections()[0].get("states", []) == states


def test_endpoints_are_sets_of_states_with_what_competes():
    outcomes, endpoints = shape_of({"relapse": "relapse; competing death", "EFS": "relapse or death"}).sections()
    assert outcomes == {"centre": "average", "course": "competing"}
    assert endpoints["relapse"] == {"label": "relapse", "event": "relapse", "competing": "death"}
    assert endpoints["EFS"]["event"] == ["relapse", "death"]
    with pytest.raises(ValueError, match="names no event"):
        shape_of({"OS": " ; "})


def test_a_paper_may_name_its_endpoints():
    shape = labelled(shape_of(BOTH), {"Overall survival": "OS", "Lung metastases": "lung"})
    assert {name: one["label"] for name, one in shape.sections()[1].items()} == {
        "OS": "Overall survival", "PFS": "progression or death",
    }  # fmt: skip


def test_a_trial_whose_median_is_not_reached():
    reading = reading_of(
        IMBRAVE, cohort(165, 336), endpoints=BOTH, accrual="2018-03-15 to 2019-01-30", cut_off="2019-08-29"
    )
    course = course_of(reading, TERMS)
    world = world_of(course, reading, 501, 336 / 501, TERMS)
    (survival,), events = curves(world, "OS", "control", (13.2,))
    assert survival == pytest.approx(0.5, abs=0.05)
    assert events == pytest.approx(65, rel=0.1)
    assert curves(world, "OS", "treated", (13.2,))[1] == pytest.approx(96, rel=0.15)
    assert curves(world, "PFS", "control", (4.3,))[0][0] == pytest.approx(0.5, abs=0.05)
    assert curves(world, "PFS", "treated", (6.8,))[0][0] == pytest.approx(0.5, abs=0.05)
    assert "outcomes.death.baseline.rate" in {one.path for one in course.assumed}  # the split of first events
    assert not course.questions
    tree = bare(course.outcomes)
    wrong = {**tree, "progression": {**tree["progression"], "baseline": {"kind": "exponential", "rate": 0.2}}}
    planted = world_of(replace(course, outcomes=wrong, free={}), reading, 501, 336 / 501, TERMS)
    assert curves(planted, "PFS", "control", (4.3,))[0][0] < 0.45  # a hazard half as high again is noticed


def test_a_registry_with_competing_risks_in_years():
    said = {"accrual": "2005 to 2015", "cut_off": "not stated", "follow_up": {"median": "5.2 years"}}
    endpoints = {"relapse": "relapse; competing death"}
    reading = reading_of(REGISTRY, cohort(2000, 1200), endpoints=endpoints, time_unit="years", design="crude", **said)
    course = course_of(reading, TERMS)
    world = world_of(course, reading, 3200, 0.375, TERMS)
    observed = generate(resolve(world), 1, np.arange(4)).observed
    relapse, control = observed.endpoints["relapse"], observed.treated == 0
    early = relapse.time[control] <= 1.0
    assert (relapse.event[control] & early).mean() == pytest.approx(0.25, abs=0.02)
    assert relapse.competing is not None
    assert (relapse.competing[control] & early).mean() == pytest.approx(0.08, abs=0.015)
    assert bare(course.outcomes)["transitions"]["relapse"]["log_hr"] == {"age": pytest.approx(0.0198, abs=1e-3)}
    assert bare(course.followup)["cut_off"].startswith("2016-03")


def test_a_study_of_survival_alone_in_days():
    numbers = {
        "endpoints.OS.before.km.control.median": "380",
        "endpoints.OS.before.km.treated.median": "600",
        "endpoints.OS.before.cox.hr": "0.6",
        "endpoints.OS.before.km.control.events": "70",
        "endpoints.OS.before.km.treated.events": "50",
    }
    said = {"time_unit": "days", "accrual": "January 2010 to December 2014", "cut_off": "2016-12"}
    reading = reading_of(numbers, cohort(100, 100), **said)
    course = course_of(reading, TERMS)
    world = world_of(course, reading, 200, 0.5, TERMS)
    (survival,), events = curves(world, "OS", "control", (380,))
    assert survival == pytest.approx(0.5, abs=0.04)
    assert events == pytest.approx(70, rel=0.1)
    assert curves(world, "OS", "treated", (600,))[0][0] == pytest.approx(0.5, abs=0.05)


def test_hospitalisation_or_death_and_death():
    numbers = {
        "endpoints.primary.before.km.control.survival[1]": "66.1%",
        "endpoints.primary.before.km.treated.survival[1]": "71.6%",
        "endpoints.primary.before.cox.hr": "0.81",
        "endpoints.death.before.km.control.survival[1]": "83%",
        "endpoints.death.before.cox.hr": "0.98",
    }
    said = {"accrual": "2014-10 to 2016-03", "cut_off": "not stated", "time_unit": "years", "design": "matched"}
    endpoints = {"primary": "death or hospitalised", "death": "death"}
    follow_up = {"median": "480 days", "at_one_year": "95%"}
    reading = reading_of(numbers, cohort(1600, 1500), endpoints=endpoints, follow_up=follow_up, **said)
    world = world_of(course_of(reading, TERMS), reading, 3100, 0.48, TERMS)
    assert curves(world, "primary", "control", (1.0,))[0][0] == pytest.approx(0.661, abs=0.02)
    assert curves(world, "death", "control", (1.0,))[0][0] == pytest.approx(0.83, abs=0.02)
    assert curves(world, "primary", "treated", (1.0,))[0][0] == pytest.approx(0.716, abs=0.02)


def test_what_is_free_is_a_third_of_what_is_printed_or_rates_and_effects():
    few = course_of(
        reading_of(IMBRAVE, cohort(165, 336), endpoints=BOTH, accrual="2018 to 2019", cut_off="2020"), TERMS
    )
    assert len(few.free) <= len(IMBRAVE) // 3 + 6
    assert all(name.startswith("outcomes.") for name in list(few.free)[:4])
    for entry in few.free.values():
        assert entry["bounds"][0] < entry["mean"] < entry["bounds"][1] or entry["mean"] == entry["bounds"][0] == 0


def test_nothing_printed_is_assumed_and_said_so():
    reading = reading_of({}, cohort(100, 100))
    course = course_of(reading, TERMS)
    world_of(course, reading, 200, 0.5, TERMS)
    assert {"outcomes.transitions.death.baseline.rate", "followup.cut_off"} <= {one.path for one in course.assumed}
    assert "assumed" in course.outcomes["transitions"]["death"]["baseline"]["rate"]["source"]


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_printed_a_valid_world_comes_of_it(seed: int):
    """Numbers at random under the keys of curves: contradictory, impossible, not reached."""
    draw = random.Random(seed)
    texts = [
        "NA",
        "0",
        "0.5",
        "1.00",
        "8.6",
        "26.0",
        "1000",
        "62.0%",
        "100%",
        "<0.001",
        ">1",
        "-3",
        "not_printed",
        "250",
    ]
    ends = ["median", "low", "high", "events", "percent", "survival[1]", "survival[12]", "at_risk[6]"]
    keys = [f"km.{arm}.{end}" for arm in ("control", "treated") for end in ends]
    keys += [f"follow_up.{arm}.median" for arm in ("control", "treated")] + ["cox.hr", "cox.low", "cox.high"]
    keys += [f"{kind}.{arm}[5]" for kind in ("incidence", "competing_incidence") for arm in ("control", "treated")]
    endpoints = draw.choice(
        [BOTH, {"OS": "death"}, {"r": "relapse; competing death"}, {"p": "death or hospitalised", "death": "death"}]
    )
    numbers = {
        f"endpoints.{name}.{side}.{key}": draw.choice(texts)
        for name in endpoints
        for side in ("before", "after")
        for key in keys
        if draw.random() < 0.4
    }
    said: Mapping[str, object] = {
        "time_unit": draw.choice(["days", "weeks", "months", "years"]),
        "accrual": draw.choice(["", "2019-01 to 2024-01", "2010 to 2009", "2015-06-01 to 2015-06-01", "junk"]),
        "cut_off": draw.choice(["", "not stated", "2025-04-30", "complete", "2014"]),
        "design": draw.choice(["randomised", "matched", "weighted", "adjusted", "crude"]),
    }
    reading = reading_of(numbers, draw.choice([{}, cohort(253, 169)]), endpoints=endpoints, **said)
    world_of(course_of(reading, TERMS), reading, 200, 0.4, TERMS)


def test_the_controls_of_the_first_paper():
    """With its covariates and selection as transcribed: controls' medians near print, and the HRs within their limits.

    Death without progression was fitted at 0.0137 a month; of 253 patients 238 progress or die and 194 die, so that
    some live long after progression: death after it comes soon or late.
    """
    stated = load(TYPED)
    tree = plain(stated.tree)
    covariates = tree["population"]["covariates"]
    terms = {name: list(one.get("shares", ())) for name, one in covariates.items()}
    numbers = {key: one["printed"] for key, one in tree["published"].items()}
    reading = reading_of(
        numbers,
        arms=tree["arms"],
        design="matched",
        endpoints=BOTH,
        accrual="2019-01 to 2024-01",
        cut_off="2025-04-30",
        eligibility={"pd1_cycles": "at least 6", "lenvatinib_months": "at least 2", "haic_cycles": "HLP at least 2"},
        exposure={"pd1_cycles": "one in 3 weeks", "lenvatinib_months": "months", "haic_cycles": "one in 3 weeks"},
    )
    course = course_of(reading, terms)
    parts = bare(course.outcomes)
    assert parts["death"]["baseline"]["rate"] == pytest.approx(0.0137, rel=0.25)
    late = parts["death_after_progression"]["baseline"]["rates"]
    assert late[0] > 10 * late[-1] > 0.1
    assert [one.settle for one in course.findings] == ["", ""]
    assert not course.questions
    tree["outcomes"] |= parts | {"adverse_events": None}
    tree["entry"]["accrual"], tree["followup"] = bare(course.entry["accrual"]), bare(course.followup)
    tree |= {"published": {}, "calibration": {"free": course.free}}
    path = Path(tempfile.mkdtemp()) / "world.yaml"
    path.write_text(json.dumps(tree), encoding="utf-8")
    world = parse(load(path), Scenario)
    for endpoint, arm, median in (("OS", "control", 8.6), ("PFS", "control", 5.4), ("PFS", "treated", 7.7)):
        assert curves(world, endpoint, arm, (0.87 * median, 1.15 * median))[0] == [
            pytest.approx(0.6, abs=0.1),  # the median lies between these times
            pytest.approx(0.4, abs=0.1),
        ]
    assert curves(world, "OS", "control", (8.6,))[1] == pytest.approx(194, rel=0.1)
    assert curves(world, "OS", "treated", (26.0,))[1] == pytest.approx(68, rel=0.2)


def plain(tree: object) -> Any:
    """A document's tree as JSON has it."""
    if isinstance(tree, Mapping):
        return {key: plain(one) for key, one in tree.items()}
    return [plain(one) for one in tree] if isinstance(tree, list | tuple) else tree
