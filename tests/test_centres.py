"""Centres: shared circumstances have the stated SD, are drawn anew per replicate, and disturb nothing else."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from simulator.cohort.terms import Variable
from simulator.mechanisms.centres import Centres
from simulator.mechanisms.contract import AtEntry
from simulator.numerics.streams import Luck, Streams
from simulator.world.sections import World
from tests.simulated import cohorts, simple, tree, z_of_mean

REPLICATES = np.arange(4000)


def spec(**sd: float) -> Centres:
    return Centres.model_validate({"covariate": "centre", "sd": sd})


def world(**sd: float) -> World:
    """A simple world with three centres, hidden from the analyst."""
    hidden = {"centre": {"kind": "nominal", "shares": {"A": 0.5, "B": 0.3, "C": 0.2}}}
    covariates = {"stage": {"kind": "binary", "shares": {"early": 0.5, "late": 0.5}}}
    centres: dict[str, Any] = {"covariate": "centre", "sd": sd}
    return simple(
        population={"size": 40, "covariates": covariates, "hidden": hidden}, **({"centres": centres} if sd else {})
    )


def test_effects_have_the_stated_sd_and_are_shared_within_a_centre():
    centre = np.tile([0.0, 1.0, 1.0, 2.0], (len(REPLICATES), 1))
    variable = Variable("centre", "nominal", ("A", "B", "C"))
    luck = Luck(Streams(5), REPLICATES, centre.shape[1])
    patients = AtEntry(
        luck,
        simple().outcomes.graph,
        1.0,
        ("C", "T"),
        {"centre": variable},
        centre[None],
        np.zeros(centre.shape),
        0.0,
        {},
    )
    made = spec(treatment=0.5, death=0.2).shifts("centres", patients)
    assert set(made) == {"treatment", "death"}
    effect = made["treatment"]
    assert np.array_equal(effect[:, 1], effect[:, 2])
    assert abs(z_of_mean(effect[:, [0, 1, 3]], 0.0)) < 4
    assert abs(z_of_mean(effect[:, [0, 1, 3]] ** 2, 0.25)) < 4
    assert abs(z_of_mean(effect[:, [0, 1, 3]] ** 2, 0.25 * 1.15)) > 4
    assert abs(z_of_mean(effect[:, 0] * effect[:, 1], 0.0)) < 4
    assert abs(z_of_mean(effect[:, 0] * made["death"][:, 0], 0.0)) < 4


def test_treatment_differs_more_between_centres_than_chance_alone_would():
    def spread(**sd: float) -> np.ndarray:
        made = cohorts(world(**sd), 300, 120)
        centre = made.hidden.covariates[..., 0]
        treated = made.observed.treated
        shares = [(treated & (centre == k)).sum(axis=1) / np.maximum((centre == k).sum(axis=1), 1) for k in range(3)]
        return np.var(shares, axis=0)

    assert spread(treatment=1.0).mean() > 2 * spread().mean()


def test_a_centre_effect_on_treatment_leaves_courses_as_they_are():
    plain, centred = cohorts(world(), 5), cohorts(world(treatment=0.8), 5)
    for name in ("OS", "PFS"):
        for one, other in zip(plain.hidden.potential[name], centred.hidden.potential[name], strict=True):
            assert np.array_equal(one.time, other.time)
    assert not np.array_equal(plain.hidden.propensity, centred.hidden.propensity)


def test_one_transition_of_two_with_equal_effects_is_shifted_alone():
    plain, centred = cohorts(world(), 5, 200), cohorts(world(death_after_progression=0.8), 5, 200)
    one, other = plain.hidden.potential["PFS"][0], centred.hidden.potential["PFS"][0]
    assert np.array_equal(one.time, other.time)
    assert not np.array_equal(plain.hidden.potential["OS"][0].time, centred.hidden.potential["OS"][0].time)


@pytest.mark.parametrize(
    ("centres", "message"),
    [
        ({"covariate": "ward", "sd": {"treatment": 1.0}}, "centres.covariate: no covariate 'ward' with levels"),
        ({"covariate": "age", "sd": {"treatment": 1.0}}, "centres.covariate: no covariate 'age' with levels"),
        (
            {"covariate": "stage", "sd": {"response": 1.0}},
            "centres.sd: no transition 'response' .there are",
        ),
        ({"covariate": "stage", "sd": {}}, "at least 1 item"),
    ],
)
def test_faults_are_told_in_words(centres, message):
    with pytest.raises(ValidationError, match=message):
        World.model_validate({**tree(), "centres": centres})
