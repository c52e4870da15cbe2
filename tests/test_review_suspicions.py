"""Suspicions of a review: worlds that parse, sizes in order, usual sizes by hand, rates by an independent integral."""

from math import exp, log, sqrt
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad

from benchmarks.asked.load_study import load_study
from benchmarks.asked.scenario import Scenario
from benchmarks.review import suspicions as raised
from benchmarks.review.suspicions import Suspicion, leaving_rate, strongest, suspicions, together, usual_strength
from simulator.documents.loading import Document, parse, with_values
from tests.small_papers import write_competing
from tests.small_reviews import small_document, small_scenario

WORLDS = (
    "hcc-lung-metastasis",
    "imbrave150",
    "allr3-mitoxantrone-stated",
    "choi-lenvatinib-hbv-hcc-stated",
)
DATES = {"date", "months"}


def valid(document: Document, one: Suspicion, size: float) -> Scenario:
    """The world with a suspicion of a size, which is a valid one."""
    return parse(with_values(document, {**one.fixed, **one.settings(size), "sweep": {}}), Scenario)


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_every_size_of_every_suspicion_is_a_valid_world(name: str, sign: float) -> None:
    asked = load_study(name)
    several = suspicions(asked.scenario, sign, 11.0)
    assert several
    for one in several:
        assert list(one.sizes) == sorted(set(one.sizes))
        assert one.usual in one.sizes
        assert min(one.sizes) > 0
        for size in (one.sizes[0], one.usual, one.sizes[-1]):
            world = valid(asked.document, one, size)
            assert world.arms == asked.scenario.arms
        asking = {**one.asked.settings, **{path: 0.5 for free in one.asked.free.values() for path in free.paths[:0]}}
        assert parse(with_values(asked.document, {**asking, "sweep": {}}), Scenario)
        for free in one.asked.free.values():
            assert free.bounds is not None
            assert free.bounds[0] < free.bounds[1]
            assert free.bounds[0] <= free.mean <= free.bounds[1]
    whole = together(several)
    assert set(whole.free) == {name for one in several for name in one.asked.free}
    assert parse(with_values(asked.document, {**whole.settings, "sweep": {}}), Scenario)


def test_a_world_of_states_and_rivals_has_them_too(tmp_path: Path) -> None:
    asked = load_study(str(write_competing(tmp_path)))
    several = suspicions(asked.scenario, -1.0, 20.0)
    assert [one.name for one in several] == list(raised.NAMES)
    (trait,) = (one for one in several if one.name == "unmeasured")
    world = valid(asked.document, trait, 3.0)
    hazards = [one.log_hr[raised.TRAIT] for one in world.outcomes.by_transition().values()]
    assert hazards == pytest.approx([-log(3.0)] * 3)  # on every transition alike


def test_a_suspicion_sets_its_size_where_it_says() -> None:
    document, scenario = small_document(), small_scenario()
    by = {one.name: one for one in suspicions(scenario, -1.0, 12.0)}
    trait = valid(document, by["unmeasured"], 4.0)
    assert trait.treatment.log_odds[raised.TRAIT] == pytest.approx(log(4.0))  # type: ignore[union-attr]
    assert trait.outcomes.by_transition()["death"].log_hr[raised.TRAIT] == pytest.approx(-log(4.0))
    asked = valid(document, by["survivors"], 3.0)
    assert asked.entry.guarantee_months == {"care": 0.0, "drug": 3.0}
    waits = valid(document, by["waiting"], 3.0)
    assert waits.treatment.start.wait.rate == pytest.approx(1 / 3)  # type: ignore[union-attr]
    leaves = valid(document, by["leaving"], 0.2)
    assert leaves.followup.dropout["care"].rate == 0.01  # type: ignore[union-attr]
    assert leaves.followup.dropout["drug"].rate == pytest.approx(leaving_rate(0.2, 12.0))  # type: ignore[union-attr]


def test_sizes_that_are_times_follow_the_unit_of_the_world() -> None:
    """A guarantee is said in months whatever the unit: of a scale of one year a quarter is three months."""
    asked = load_study("allr3-mitoxantrone-stated")
    assert asked.scenario.time_unit == "years"
    (one,) = (each for each in suspicions(asked.scenario, -1.0, 1.0) if each.name == "survivors")
    assert one.usual == pytest.approx(0.25)
    world = valid(asked.document, one, one.usual)
    assert world.entry.guarantee_months[world.arms.treated] == pytest.approx(3.0)


def test_harm_is_suspected_to_favour_the_other_arm() -> None:
    document, scenario = small_document(), small_scenario()
    harm = {one.name: one for one in suspicions(scenario, 1.0, 12.0)}
    assert set(harm) == {"unmeasured", "survivors", "leaving"}  # who waits for the treatment favours it alone
    assert valid(document, harm["survivors"], 3.0).entry.guarantee_months == {"care": 3.0, "drug": 0.0}
    assert valid(document, harm["leaving"], 0.2).followup.dropout["drug"].rate == 0.01  # type: ignore[union-attr]
    world = valid(document, harm["unmeasured"], 4.0)
    assert world.outcomes.by_transition()["death"].log_hr[raised.TRAIT] == pytest.approx(log(4.0))


@pytest.mark.parametrize(
    "drawn",
    [
        {"kind": "blocks", "share": 0.5, "block": 4},
        {"kind": "fixed", "share": 0.5},
        {"kind": "prevalence", "share": 0.5},
    ],
)
def test_a_trial_drawn_by_lot_has_no_unmeasured_trait_and_nobody_waits(drawn: dict[str, object]) -> None:
    lot = small_scenario(treatment=drawn)
    assert lot.by_lot
    assert [one.name for one in suspicions(lot, -1.0, 12.0)] == ["survivors", "leaving"]


def test_a_paper_that_tells_nothing_of_its_arms_is_no_trial() -> None:
    """Log odds that are stated, if empty, and treatments that change with the calendar, are not drawn by lot."""
    told = small_scenario(treatment={"kind": "fixed", "share": 0.5, "log_odds": {}})
    assert not told.by_lot
    assert "unmeasured" in {one.name for one in suspicions(told, -1.0, 12.0)}
    assert not small_scenario(
        treatment={"kind": "fixed", "share": 0.5}, calendar={"per_year": {"treatment": 0.3}}
    ).by_lot
    assert load_study("allr3-mitoxantrone").scenario.by_lot
    assert not load_study("hcc-lung-metastasis").scenario.by_lot


def test_who_waits_already_is_not_made_to_wait() -> None:
    late = small_scenario(treatment__start={"wait": {"kind": "exponential", "rate": 0.5}})
    assert "waiting" not in {one.name for one in suspicions(late, -1.0, 12.0)}


def test_a_study_that_ends_with_so_many_events_loses_nobody() -> None:
    document = small_document(followup={"cut_off": {"endpoint": "survival", "events": 40, "latest": "2010-01-01"}})
    several = suspicions(parse(document, Scenario), -1.0, 12.0)
    assert [one.name for one in several] == ["unmeasured", "survivors", "waiting"]
    for one in several:
        assert valid(document, one, one.usual).followup.events


def test_the_usual_strength_by_hand() -> None:
    """The geometric mean of the strongest trait's two logarithms, at least twofold."""
    assert usual_strength(small_scenario()) == 2.0  # exp(sqrt(0.7 * 0.5)) = 1.81 is less
    strong = small_scenario(treatment__log_odds__stage=1.6)
    assert usual_strength(strong) == pytest.approx(exp(sqrt(1.6 * 0.5)))
    assert usual_strength(strong) == pytest.approx(2.446, abs=0.001)
    harmful = small_scenario(treatment__log_odds__stage=-1.6)
    assert usual_strength(harmful) == pytest.approx(2.446, abs=0.001)
    found = strongest(strong)
    assert found is not None
    assert (found.term, found.hazard_ratio) == ("stage", exp(0.5))
    assert found.odds_ratio == pytest.approx(4.953, abs=0.001)
    none = small_scenario(treatment={"kind": "blocks", "share": 0.5, "block": 4})
    assert (strongest(none), usual_strength(none)) == (None, 2.0)


def test_the_first_papers_strongest_trait() -> None:
    """ECOG or another: by the largest product of logarithms over the document's own numbers."""
    asked = load_study("hcc-lung-metastasis")
    tree = asked.scenario
    products = {
        term: abs(odds) * max(abs(one.log_hr.get(term, 0.0)) for one in tree.outcomes.by_transition().values())
        for term, odds in tree.treatment.log_odds.items()  # type: ignore[union-attr]
    }
    sd = {
        name: one.spread()
        for name, one in tree.population.covariates.items()
        if one.kind in ("continuous", "lognormal", "count")
    }
    products = {term: value * sd.get(term, 1.0) ** 2 for term, value in products.items()}
    found = strongest(tree)
    assert found is not None
    assert found.term == max(products, key=lambda one: products[one])


def left_within(rate: float, scale: float) -> float:
    """The share that leaves within a time by the integral of densities, half of the patients five times as fast."""
    density = lambda t: (rate * exp(-rate * t) + 5 * rate * exp(-5 * rate * t)) / 2  # noqa: E731
    return float(quad(density, 0, scale)[0])


@pytest.mark.parametrize("share", [0.004, 0.1, 0.2, 0.5])
@pytest.mark.parametrize("scale", [0.7, 12.0, 60.0])
def test_the_rate_of_leaving_by_an_integral(share: float, scale: float) -> None:
    rate = leaving_rate(share, scale)
    assert left_within(rate, scale) == pytest.approx(share, rel=1e-6)
    assert abs(left_within(1.1 * rate, scale) - share) > 0.02 * share  # a rate that is 10 % off shows


def test_sizes_near_the_usual_one_give_way_to_it() -> None:
    usual = exp(sqrt(1.6 * 0.5))
    (trait, *_) = suspicions(small_scenario(treatment__log_odds__stage=1.6), -1.0, 12.0)
    assert trait.usual == pytest.approx(usual)
    apart = np.abs(np.diff(np.log(trait.sizes)))
    assert apart.min() > 0.1
