"""A world told in days, weeks or years is the same world: every time in its unit."""

import copy
from typing import Any

import numpy as np
import pytest

from simulator.mechanisms.entry import PER_MONTH, TimeUnit
from simulator.world.export import adam_tables
from simulator.world.sections import World
from tests.simulated import cohorts, tree

PLAN: dict[str, Any] = tree(
    calendar={"per_year": {"death": 0.3, "treatment": 0.4}},
    entry={
        "accrual": {"start": "2020-01-01", "end": "2022-01-01", "cuts": (6.0,), "rates": (1.0, 2.0)},
        "guarantee_months": {"T": 2.0},
        "potential_follow_up_months": 26.0,
        "requires": {"drug": 2.0},
    },
)
PLAN["followup"] = {**PLAN["followup"], "visit_months": {"T": 1.5}}
PLAN["outcomes"]["exposure"] = {
    "drug": {
        "label": "Drug", "unit": "cycles", "months_per_unit": 0.7, "whole": True, "link": 0.3,
        "arms": {"T": {"median": 6.0, "spread": 0.5, "most": 20.0}},
    }
}  # fmt: skip


def told_in(unit: TimeUnit) -> World:
    """The world with every time of its own in another unit."""
    made, factor = copy.deepcopy(PLAN), PER_MONTH[unit]

    def turn(hazard: dict[str, Any]) -> None:
        hazard.update({key: tuple(x * factor for x in hazard[key]) for key in ("cuts",) if key in hazard})
        hazard.update({key: hazard[key] * factor for key in ("scale",) if key in hazard})
        hazard.update({key: hazard[key] / factor for key in ("rate",) if key in hazard})
        hazard.update({key: tuple(x / factor for x in hazard[key]) for key in ("rates",) if key in hazard})

    for name in ("progression", "death", "death_after_progression"):
        transition = made["outcomes"][name]
        turn(transition["baseline"])
        turn(transition.get("treatment", {}))
    for hazard in made["followup"]["dropout"].values():
        turn(hazard)
    made["entry"]["accrual"]["cuts"] = tuple(x * factor for x in made["entry"]["accrual"]["cuts"])
    return World.model_validate({**made, "time_unit": unit})


@pytest.mark.parametrize("unit", ["days", "weeks", "years"])
def test_the_unit_of_time_changes_nothing_but_the_unit(unit: TimeUnit) -> None:
    known, made = cohorts(told_in("months"), 3, 300), cohorts(told_in(unit), 3, 300)
    assert np.array_equal(known.observed.present, made.observed.present)
    assert np.array_equal(known.observed.treated, made.observed.treated)
    for name, course in known.observed.endpoints.items():
        other = made.observed.endpoints[name]
        assert np.allclose(other.time, course.time * PER_MONTH[unit], rtol=1e-11, atol=0)
        assert np.array_equal(other.event, course.event)
    received, given = known.observed.exposure["drug"], made.observed.exposure["drug"]
    assert np.array_equal(received, given, equal_nan=True)
    one, other_one = (adam_tables(cohorts(told_in(at), 1, 50), told_in(at))[1] for at in ("months", unit))
    assert list(one["ADT"]) == list(other_one["ADT"])
    assert set(other_one["PARAM"]) == {
        f"Overall Survival ({unit.capitalize()})",
        f"Progression-Free Survival ({unit.capitalize()})",
    }


def test_a_field_in_months_that_is_not_converted_would_be_noticed() -> None:
    plain = told_in("years")
    entry = {**plain.entry.model_dump(), "guarantee_months": {"T": 2.0 / 12}}
    other = World.model_validate({**plain.model_dump(), "entry": entry})
    assert not np.array_equal(cohorts(plain, 3, 300).observed.present, cohorts(other, 3, 300).observed.present)
