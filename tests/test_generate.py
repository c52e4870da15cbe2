"""Generation: every array equal to the slow twin, and free of the way in which the work was split."""

import copy
import dataclasses
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from simulator.cohort.cohorts import Cohorts
from simulator.mechanisms.cure import Cure
from simulator.mechanisms.followup import Informative
from simulator.mechanisms.hazards import HazardSpec
from simulator.mechanisms.subsequent import Subsequent
from simulator.mechanisms.treatment_start import TreatmentStart
from simulator.world.generate import ResolvedWorld, generate, resolve
from simulator.world.sections import World
from tests.reference import simulator_twin as twin
from tests.simulated import cohorts, paper, simple, tree, world, z_of_mean

SEED = 12


def arrays(made: Cohorts) -> dict[str, np.ndarray]:
    """Every array of a block by name."""

    def walk(name: str, node: Any) -> dict[str, np.ndarray]:
        if isinstance(node, np.ndarray):
            return {name: node}
        if dataclasses.is_dataclass(node):
            node = {field.name: getattr(node, field.name) for field in dataclasses.fields(node)}
        if isinstance(node, tuple):
            node = dict(enumerate(node))
        if not isinstance(node, Mapping):
            return {}
        return {key: value for part, below in node.items() for key, value in walk(f"{name}.{part}", below).items()}

    return {**walk("observed", made.observed), **walk("hidden", made.hidden)}


def treated_in(kind: str) -> World:
    log_odds = {"stage": 0.8, "age": 0.02, "fitness": 0.3}
    share = {"intercept": -2.0} if kind == "logistic" else {"share": 0.4}
    return world(treatment={"kind": kind, "log_odds": log_odds, **share})


def with_products() -> ResolvedWorld:
    """Products and powers wherever terms have coefficients, but for records that are missing."""
    outcomes = tree()["outcomes"]
    progression = {**outcomes["progression"], "log_hr": {"stage*grade>=2": 0.4, "age ^ 2 * fitness": 1e-4}}
    progression["treatment"] = {**progression["treatment"], "modifiers": {"site=liver*age": 0.01}}
    death = {**outcomes["death"], "log_hr": {"age>55*age<65*stage": 0.5, "fitness^3": -0.1}}
    log_odds = {"age^2": 4e-4, "stage*fitness": 0.5, "grade=1": 0.2}
    informative = {"log_hr": {"age>65*stage": 0.5}, "frailty": 0.7}
    made = world(
        treatment={"kind": "prevalence", "share": 0.4, "log_odds": log_odds},
        outcomes={**outcomes, "progression": progression, "death": death},
        followup={**tree()["followup"], "informative": informative},
    )
    return resolve(made)


def none_works() -> World:
    outcomes = {**tree()["outcomes"], "treatment_effect": "none", "frailty": {"kind": "lognormal", "variance": 0.5}}
    return world(outcomes=outcomes)


def few_at_visits() -> ResolvedWorld:
    """The paper's world with progression seen at visits, and few places for whoever qualifies."""
    made = paper().world
    followup = made.followup.model_copy(update={"visit_months": {"LP": 1.38, "HLP": 2.0}})
    entry = made.entry.model_copy(update={"potential_follow_up_months": 30.0})
    return resolve(made.model_copy(update={"followup": followup, "entry": entry}))


def late(prevents: bool, **outcomes: Any) -> World:
    """Treatment that starts after a wait, with everything else there is."""
    start = {
        "wait": {"kind": "weibull", "shape": 1.3, "scale": 4.0},
        "prevented_by": ("progressed",) if prevents else (),
    }
    share = {"kind": "prevalence", "share": 0.7, "log_odds": {"stage": 0.8, "age": 0.02}}
    return world(treatment={**share, "start": start}, outcomes={**tree()["outcomes"], **outcomes})


def late_paper() -> ResolvedWorld:
    """The paper's world with progression seen at visits, and treatment that starts late."""
    made = few_at_visits().world
    wait = TypeAdapter(HazardSpec).validate_python({"kind": "piecewise", "cuts": (1.0,), "rates": (0.1, 0.5)})
    start = TreatmentStart(wait=wait)
    return resolve(made.model_copy(update={"treatment": made.treatment.model_copy(update={"start": start})}))


def with_mechanisms(made: World) -> World:
    """The world with trends, cure, later therapy, informative drop-out and its exclusion, too."""
    outcomes = made.outcomes.model_copy(
        update={
            "cure": Cure(shares={"C": 0.15, "T": 0.15 if made.treatment.start else 0.3}),
            "subsequent": Subsequent(shares={"C": 0.6, "T": 0.2}, log_hr=-0.7),
        }
    )
    informative = Informative(log_hr={"age>65": 0.5, "fitness": -0.4}, frailty=0.7)
    return World.model_validate(
        {
            **made.model_dump(),
            "outcomes": outcomes.model_dump(),
            "followup": made.followup.model_copy(update={"informative": informative}).model_dump(),
            "entry": made.entry.model_copy(update={"complete_follow_up": ("T",)}).model_dump(),
            "calendar": {"per_year": {"treatment": 0.8, "death": -0.5, "death_after_progression": 0.3}},
        }
    )


def assert_close(left: Any, right: Any) -> None:
    assert np.allclose(np.asarray(left, float), np.asarray(right, float), rtol=1e-12, atol=1e-12, equal_nan=True)


def by_arm() -> ResolvedWorld:
    """A world in which means and SDs are stated by arm, of a measured and a hidden covariate."""
    arms = {"control": {"mean": 62.0, "sd": 9.0}, "treated": {"mean": 58.0, "sd": 7.0}}
    drawn = copy.deepcopy(tree()["population"])
    drawn["covariates"]["age"] = {"kind": "continuous", "by_arm": arms, "bounds": (30.0, 90.0), "cuts": {"65": 0.3}}
    drawn["hidden"]["fitness"] = {"kind": "lognormal", "by_arm": arms}
    return resolve(world(population=drawn, treatment={"kind": "fixed", "share": 0.4, "log_odds": {"stage": 0.8}}))


LATE: dict[str, Callable[[], ResolvedWorld]] = {
    "by arm": by_arm,
    "late": lambda: resolve(late(False)),
    "late, prevented": lambda: resolve(late(True)),
    "late, none works": lambda: resolve(late(False, treatment_effect="none")),
    "late paper": late_paper,
    "late, mechanisms": lambda: resolve(with_mechanisms(late(False))),
    "mechanisms": lambda: resolve(with_mechanisms(world())),
    "products": with_products,
}


@pytest.mark.parametrize("case", ["prevalence", "fixed", "logistic", "none works", "paper", "few at visits", *LATE])
def test_every_array_equals_the_slow_twin(case):
    makes = {"paper": paper, "none works": lambda: resolve(none_works()), "few at visits": few_at_visits, **LATE}
    resolved = makes.get(case, lambda: resolve(treated_in(case)))()
    replicates, patients = np.array([0, 3, 1_000_003]), 30 if case in LATE else 9
    made = generate(resolved, SEED, replicates, patients)
    observed, hidden = made.observed, made.hidden
    spec = resolved.world.outcomes.response
    assert spec is not None
    assert hidden.response is not None
    for r, replicate in enumerate(replicates):
        for i, one in enumerate(twin.cohort(resolved, SEED, int(replicate), patients)):
            values = [*observed.covariates[r, i], *hidden.covariates[r, i]]
            assert_close(values, list(one["values"].values()))
            assert_close(hidden.propensity[r, i], one["propensity"])
            assert_close(hidden.entry[r, i], one["entry"])
            arm = int(one["treated"])
            assert observed.treated[r, i] == arm
            assert hidden.assigned[r, i] == one["assigned"]
            assert_close(
                observed.start[r, i], (one["start"] if resolved.world.treatment.start else 0) if arm else np.inf
            )
            assert observed.present[r, i] == one["present"]
            for name, amount in observed.exposure.items():
                assert_close(amount[r, i], one[arm]["exposure"][name])
            for name, seen in observed.modes.items():
                shown = one[arm]["died first"] if name == "death" else one[arm]["modes"].get(name, False)
                assert seen[r, i] == shown
            for a in (0, 1):
                assert hidden.eligible[a, r, i] == one[a]["eligible"]
                assert hidden.response[a][r, i] == one[a]["response"]
                for name in ("OS", "PFS"):
                    course = hidden.potential[name][a]
                    assert_close(course.time[r, i], one[a][name][0])
                    assert course.event[r, i] == one[a][name][1]
            for name in ("OS", "PFS"):
                assert_close(hidden.perfect.endpoints[name].time[r, i], one[arm][f"seen {name}"][0])
                assert hidden.perfect.endpoints[name].event[r, i] == one[arm][f"seen {name}"][1]
            for group, members in spec.groups.items():
                for a in (0, 1):
                    assert hidden.binary[group][a][r, i] == (spec.categories[one[a]["response"]] in members)
                assert observed.binary[group][r, i] == (spec.categories[one[arm]["response"]] in members)


def test_the_twin_would_notice_a_changed_coefficient():
    resolved = resolve(treated_in("prevalence"))
    outcomes = resolved.world.outcomes
    death = outcomes.death.model_copy(update={"log_hr": {**outcomes.death.log_hr, "fitness": -0.501}})
    other = resolve(resolved.world.model_copy(update={"outcomes": outcomes.model_copy(update={"death": death})}))
    one = twin.cohort(other, SEED, 0, 9)
    made = generate(resolved, SEED, np.arange(1), 9)
    times = [max(patient[0]["OS"][0], patient[1]["OS"][0]) for patient in one]
    zero, treated = (endpoint.time[0] for endpoint in made.hidden.potential["OS"])
    assert not np.allclose(times, np.maximum(zero, treated), rtol=1e-9)


def test_the_twin_would_notice_another_wait():
    asked = late(False)
    start = asked.treatment.start
    assert start is not None
    wait = start.wait.model_copy(update={"scale": 4.04})
    treatment = asked.treatment.model_copy(update={"start": start.model_copy(update={"wait": wait})})
    one = twin.cohort(resolve(asked.model_copy(update={"treatment": treatment})), SEED, 0, 20)
    made = generate(resolve(asked), SEED, np.arange(1), 20)
    starts, times = made.observed.start[0], made.hidden.potential["OS"][1].time[0]
    treated = made.observed.treated[0]
    assert treated.any()
    assert not np.isclose(
        starts[treated], [patient["start"] for patient, own in zip(one, treated, strict=True) if own]
    ).any()
    assert not np.allclose(times, [patient[1]["OS"][0] for patient in one], rtol=1e-9)


@pytest.mark.parametrize("kind", ["prevalence", "fixed"])
@pytest.mark.parametrize("split", [[1] * 7, [3, 4], [6, 1], [2, 2, 3]])
def test_a_replicate_is_the_same_in_any_block(kind, split):
    resolved, replicates = resolve(treated_in(kind)), np.array([9, 2, 4, 100, 7, 8, 3])
    whole = arrays(generate(resolved, SEED, replicates, 37))
    assert len(whole) == 42
    edges = np.cumsum([0, *split])
    for low, high in itertools.pairwise(edges):
        part = arrays(generate(resolved, SEED, replicates[low:high].copy(), 37))
        for name, array in part.items():
            whole_part = whole[name][:, low:high] if name == "hidden.eligible" else whole[name][low:high]
            assert np.array_equal(array, whole_part), name


def test_the_first_patients_do_not_depend_on_how_many_there_are():
    resolved = resolve(treated_in("prevalence"))
    few, many = (arrays(generate(resolved, SEED, np.arange(4), n)) for n in (10, 53))
    for name, array in few.items():
        cut = many[name][:, :, :10] if name == "hidden.eligible" else many[name][:, :10]
        assert np.array_equal(array, cut), name


def test_with_fixed_arms_the_patients_are_the_same_but_not_their_arms():
    resolved = resolve(treated_in("fixed"))
    few, many = (generate(resolved, SEED, np.arange(4), n) for n in (10, 53))
    assert np.array_equal(few.hidden.potential["OS"][0].time, many.hidden.potential["OS"][0].time[:, :10])
    assert np.array_equal(few.hidden.propensity, many.hidden.propensity[:, :10])
    assert not np.array_equal(few.observed.treated, many.observed.treated[:, :10])


def test_the_size_of_the_population_is_the_default():
    assert cohorts(simple(), 3).observed.treated.shape == (3, 40)


def test_more_replicates_keep_the_first_and_seeds_differ():
    resolved = resolve(world())
    short, long = (generate(resolved, SEED, np.arange(n)) for n in (3, 8))
    assert np.array_equal(short.observed.endpoints["OS"].time, long.observed.endpoints["OS"].time[:3])
    other = generate(resolved, SEED + 1, np.arange(3))
    assert not np.isin(other.observed.endpoints["OS"].time, short.observed.endpoints["OS"].time).any()


OUTCOMES = tree()["outcomes"]
CHANGES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "no frailty": (
        {"outcomes": {**OUTCOMES, "frailty": None}},
        {"potential", "latent", "endpoints", "eligible", "excluded", "present"},
    ),
    "no response": ({"outcomes": {**OUTCOMES, "response": None}}, {"binary", "response"}),
    "other response": (
        {"outcomes": {**OUTCOMES, "response": {**OUTCOMES["response"], "link": 0.1}}},
        {"binary", "response"},
    ),
    "other allocation": (
        {"treatment": {"kind": "prevalence", "share": 0.7}},
        {"propensity", "treated", "assigned", "present", "excluded", "endpoints", "observed.binary", "perfect.binary"},
    ),
    "no drop-out": ({"followup": {"cut_off": "2024-01-01"}}, {"potential", "endpoints"}),
    "other accrual": (
        {"entry": {"accrual": {"start": "2021-01-01", "end": "2023-01-01"}, "guarantee_months": {"T": 2.0}}},
        {"entry", "potential", "endpoints"},
    ),
    "no guarantee": (
        {"entry": {"accrual": {"start": "2020-01-01", "end": "2022-01-01", "shape": 0.7}}},
        {"eligible", "excluded", "present"},
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_mechanism_disturbs_nothing_that_does_not_depend_on_it(what):
    change, may_differ = CHANGES[what]
    before, after = arrays(cohorts(world(), 6)), arrays(cohorts(world(**change), 6))
    changed = {name for name in before if name not in after or not np.array_equal(before[name], after[name])}
    stray = {name for name in changed if not any(part in name for part in may_differ)}
    assert not stray
    assert changed


def test_luck_is_shared_between_cells_of_a_what_if():
    """A constant hazard ratio scales every time to death exactly: contrasts between cells are paired."""
    never = {"baseline": {"kind": "exponential", "rate": 0.0}}

    def times(log_hr: float) -> np.ndarray:
        death = {"baseline": {"kind": "exponential", "rate": 0.1}, "treatment": {"log_hr": log_hr}}
        outcomes = {"progression": never, "death": death, "death_after_progression": never}
        made = cohorts(simple(outcomes=outcomes, followup={"cut_off": "2900-01-01"}), 3)
        return made.hidden.potential["OS"][1].time

    assert np.allclose(times(-0.5), times(0.2) * np.exp(0.7), rtol=1e-12)


def test_streams_of_mechanisms_are_independent():
    """Entry, drop-out, allocation, covariates, courses and response have luck of their own."""
    asked = simple(
        outcomes={
            **{
                name: {"baseline": {"kind": "exponential", "rate": 0.1}}
                for name in ("progression", "death", "death_after_progression")
            },
            "response": {
                "categories": ("PD", "PR"),
                "shares": {"C": (0.5, 0.5), "T": (0.5, 0.5)},
                "link": 0.0,
                "groups": {"ORR": ("PR",)},
            },
        },
        followup={"cut_off": "2900-01-01", "dropout": {"T": {"kind": "exponential", "rate": 0.1}}},
    )
    made = cohorts(asked, 20, 5000)
    zero = made.hidden.potential
    sides = {
        "covariate": made.observed.covariates[..., 0],
        "treated": made.observed.treated.astype(float),
        "entry": made.hidden.entry,
        "PFS": zero["PFS"][0].time,
        "after progression": zero["OS"][0].time - zero["PFS"][0].time,
        "response": made.hidden.binary["ORR"][0].astype(float),
        "drop-out": np.where(zero["OS"][1].event, 0.0, 1.0),
    }
    centred = {name: (side - side.mean()) / side.std() for name, side in sides.items()}
    linked = {frozenset({"PFS", "drop-out"}), frozenset({"after progression", "drop-out"})}
    for name, side in centred.items():
        for other, second in centred.items():
            if name < other and frozenset({name, other}) not in linked:
                assert abs(z_of_mean(side * second, 0.0)) < 4, (name, other)
    assert abs(z_of_mean(centred["PFS"] * centred["drop-out"], 0.0)) > 4


def test_huge_coefficients_give_immediate_or_no_events_without_a_warning():
    death = {"baseline": {"kind": "exponential", "rate": 0.1}, "log_hr": {"stage=late": 900.0, "stage=early": -900.0}}
    never = {"baseline": {"kind": "exponential", "rate": 0.0}}
    made = cohorts(simple(outcomes={"progression": never, "death": death, "death_after_progression": never}), 3)
    late = made.observed.covariates[..., 0] == 1
    seen = made.observed.endpoints["OS"]
    assert (seen.time[late] == 0).all()
    assert seen.event[late].all()
    assert not seen.event[~late].any()
