"""Cohorts: shapes, names, and what is split from what."""

import dataclasses

import numpy as np
import pytest

from simulator.cohort.cohorts import Endpoint
from tests.simulated import cohorts, world


def test_shapes_names_and_types():
    made = cohorts(world(), 3, 17)
    observed, hidden = made.observed, made.hidden
    assert observed.names == ("age", "stage", "grade", "site")
    assert observed.covariates.shape == (3, 17, 4)
    assert hidden.covariates.shape == (3, 17, 1)
    assert [variable.name for variable in hidden.variables] == ["fitness"]
    assert observed.variable["grade"].levels == ("1", "2", "3")
    assert observed.variable["age"].cuts == (65.0,)
    assert hidden.eligible.shape == (2, 3, 17)
    for array in (observed.treated, observed.present, observed.endpoints["OS"].event, observed.binary["ORR"]):
        assert array.shape == (3, 17)
        assert array.dtype == bool
    for array in (
        observed.covariates,
        hidden.covariates,
        observed.endpoints["OS"].time,
        hidden.propensity,
        hidden.entry,
    ):
        assert array.dtype == np.float64
        assert array.flags.c_contiguous
    assert made.replicates.tolist() == [0, 1, 2]


def test_what_is_observed_holds_nothing_hidden():
    names = {field.name for field in dataclasses.fields(cohorts(world()).observed)}
    assert names == {
        "variables",
        "covariates",
        "treated",
        "present",
        "endpoints",
        "binary",
        "exposure",
        "modes",
        "delay",
    }


def test_cohorts_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Endpoint(np.zeros(1), np.zeros(1, bool)).time = np.ones(1)  # type: ignore[misc]
