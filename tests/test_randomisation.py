"""Randomisation in permuted blocks, within strata, and of whole clusters."""

from collections import Counter
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from simulator.numerics.streams import Streams
from simulator.world.generate import at_time_zero, generate, resolve
from simulator.world.sections import World
from tests.commands import refused
from tests.graphs import AGE, STAGE, constant, tree
from tests.simulated import z_of_mean

SITE = {"kind": "nominal", "shares": {"a": 0.2, "b": 0.4, "c": 0.3, "d": 0.1}}
BLOCKS = {"kind": "blocks", "share": 0.5, "block": 4}
CLUSTERS = {"kind": "clusters", "share": 0.5, "covariate": "site"}


def spoken(treatment: dict[str, Any], size: int = 41, **changes: Any) -> World:
    death = {"death": constant(0.05, "well", "dead", treatment={"log_hr": -0.5})}
    made = tree(("well", "dead"), death, treatment=treatment, **changes)
    made["population"] = {"size": size, "covariates": {"age": AGE, "stage": STAGE, "site": SITE}}
    return World.model_validate(made)


def by_hand(world: World, seed: int, replicate: int, patients: int) -> list[bool]:
    """Who is treated: the places of blocks are filled one after the other, in the order of entry."""
    begun = at_time_zero(resolve(world), seed, np.array([replicate]), patients)
    spec = world.treatment
    luck = Streams(seed).uniform("treatment", np.array([replicate]), patients)[0]
    stratum = [tuple(begun.patients.value(name)[0, i] for name in spec.strata) for i in range(patients)]
    treated, open_places = [False] * patients, {}
    for i in np.argsort(begun.patients.entry[0]):
        places = open_places.get(stratum[i]) or [True] * round(spec.share * spec.block) + [False] * (
            spec.block - round(spec.share * spec.block)
        )
        treated[i] = bool(luck[i] < sum(places) / len(places))
        places.remove(treated[i])
        open_places[stratum[i]] = places
    return treated


@pytest.mark.parametrize("strata", [(), ("stage",), ("site", "stage")])
@pytest.mark.parametrize(("share", "block"), [(0.5, 4), (0.5, 2), (1 / 3, 6), (0.75, 4)])
def test_blocks_are_filled_as_by_hand(share: float, block: int, strata: tuple[str, ...]) -> None:
    world = spoken({"kind": "blocks", "share": share, "block": block, "strata": strata})
    made = generate(resolve(world), 5, np.array([3, 11]))
    for row, replicate in enumerate((3, 11)):
        assert made.observed.treated[row].tolist() == by_hand(world, 5, replicate, 41)
    assert (made.hidden.propensity == share).all()


def test_every_whole_block_has_the_share_and_all_its_orders_are_as_likely() -> None:
    world = spoken({**BLOCKS, "strata": ("stage",)}, size=60)
    begun = at_time_zero(resolve(world), 2, np.arange(800), 60)
    found = Counter[tuple[int, ...]]()
    for row in range(800):
        for stage in (0, 1):
            order = [i for i in np.argsort(begun.patients.entry[row]) if begun.patients.value("stage")[row, i] == stage]
            treated = begun.assigned[row, order]
            for first in range(0, len(order) - 3, 4):
                assert treated[first : first + 4].sum() == 2
                found[tuple(np.flatnonzero(treated[first : first + 4]))] += 1
    expected = sum(found.values()) / 6
    assert set(found) == set(combinations(range(4), 2))
    assert sum((count - expected) ** 2 / expected for count in found.values()) < 20.5  # 0.999 quantile, 5 df


def test_a_patient_is_treated_with_the_stated_chance_whatever_the_covariates() -> None:
    for treatment in ({**BLOCKS, "share": 0.25}, {**CLUSTERS, "share": 0.25}):
        made = generate(resolve(spoken(treatment)), 4, np.arange(3000))
        treated = made.observed.treated
        by_replicate = treated.mean(axis=1) - 0.25
        assert abs(z_of_mean(by_replicate, 0.0)) < 4
        assert abs(z_of_mean(by_replicate, 0.025)) > 4
        late = made.observed.covariates[..., 1] == 1
        assert abs(z_of_mean((late & treated).sum(axis=1) - 0.25 * late.sum(axis=1), 0.0)) < 4


def test_whole_clusters_are_treated_half_of_them_in_every_replicate() -> None:
    made = generate(resolve(spoken(CLUSTERS, size=300)), 4, np.arange(200))
    site, treated = made.observed.covariates[..., 2], made.observed.treated
    chosen = Counter[tuple[int, ...]]()
    for row in range(200):
        share = [treated[row, site[row] == level].mean() for level in range(4)]
        assert sorted(share) == [0, 0, 1, 1]
        chosen[tuple(np.flatnonzero(share))] += 1
    assert set(chosen) == set(combinations(range(4), 2))


def test_a_replicate_does_not_depend_on_the_others() -> None:
    for treatment in ({**BLOCKS, "strata": ("site",)}, CLUSTERS):
        resolved = resolve(spoken(treatment))
        whole = generate(resolved, 1, np.arange(6)).observed.treated
        assert (generate(resolved, 1, np.array([4])).observed.treated[0] == whole[4]).all()


def test_arms_of_strata_differ_less_than_by_a_coin() -> None:
    def spread(treatment: dict[str, Any]) -> float:
        made = generate(resolve(spoken(treatment, size=100)), 4, np.arange(300))
        late = made.observed.covariates[..., 1] == 1
        return float(np.std((late & made.observed.treated).sum(axis=1) - late.sum(axis=1) / 2))

    coin = spread({"kind": "prevalence", "share": 0.5})
    assert spread({**BLOCKS, "strata": ("stage",)}) < 0.3 * coin
    assert spread(BLOCKS) > 0.5 * coin


WRONG = {
    "a block of parts": ({**BLOCKS, "share": 0.3}, "a share of 0.3 of a block of 4 is no whole number of patients"),
    "an unknown stratum": ({**BLOCKS, "strata": ("grade",)}, "strata: no measured covariate 'grade' with levels"),
    "a stratum that is a number": ({**BLOCKS, "strata": ("age",)}, "strata: no measured covariate 'age' with levels"),
    "a stratum twice": ({**BLOCKS, "strata": ("stage", "stage")}, "strata: a covariate is given twice"),
    "an unknown cluster": ({**CLUSTERS, "covariate": "age"}, "covariate: no measured covariate 'age' with levels"),
    "clusters in parts": ({**CLUSTERS, "share": 0.4}, "share: 0.4 of 4 levels of site is no whole number"),
    "log odds": ({**BLOCKS, "log_odds": {"stage": 0.5}}, "log_odds"),
    "nobody": ({**BLOCKS, "share": 0.0}, "share"),
}


@pytest.mark.parametrize("what", list(WRONG))
def test_what_cannot_be_is_told(what: str) -> None:
    treatment, message = WRONG[what]
    with pytest.raises(ValueError, match=message.replace("(", r"\\(")):
        spoken(treatment)


def test_nothing_changes_a_choice_by_lot() -> None:
    with pytest.raises(ValueError, match=r"by lot, and calendar.per_year names 'treatment'"):
        spoken(BLOCKS, calendar={"per_year": {"treatment": 0.2}})
    with pytest.raises(ValueError, match=r"by lot, and centres.sd names 'treatment'"):
        spoken(CLUSTERS, centres={"covariate": "site", "sd": {"treatment": 0.2}})
    spoken(CLUSTERS, centres={"covariate": "site", "sd": {"death": 0.2}})


def test_an_unmeasured_confounder_of_a_trial_is_refused() -> None:
    settings = ["-S", "treatment={kind: blocks, share: 0.5, block: 4}"]
    told = refused(["tipping", "imbrave150", *settings, "--hr", "0.6", "--bound", "0.8"])
    assert "drawn by lot" in told
