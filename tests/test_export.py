"""Export: a plain table, and ADSL with ADTTE."""

import datetime

import numpy as np
import pandas as pd
import pytest

from benchmarks.asked.load_study import load_study
from benchmarks.asked.simulated_spec import cohort_spec
from simulator.world.export import adam_tables, plain_table, write_table
from tests.simulated import cohorts, simple, tree, world

SELECTED = {**tree()["entry"], "guarantee_months": {"T": 9.0, "C": 12.0}}


def test_the_plain_table_has_a_row_per_included_patient():
    asked = world()
    made = cohorts(asked, 3)
    observed, table = made.observed, plain_table(made, asked)
    assert not observed.present.all()
    assert table.columns.tolist() == [
        *("replicate", "id", "arm", "age", "stage", "grade", "site", "OS_time", "OS_event", "PFS_time", "PFS_event"),
        *("ORR", "DCR", "response"),
    ]
    assert len(table) == observed.present.sum()
    r, i = np.nonzero(observed.present)
    assert (table["replicate"] == r).all()
    assert (table["id"] == i + 1).all()
    assert (table["arm"] == np.array(["C", "T"])[observed.treated[r, i].astype(int)]).all()
    assert (table["age"] == observed.covariates[r, i, 0]).all()
    assert (table["site"] == np.array(["lung", "bone", "liver"])[observed.covariates[r, i, 3].astype(int)]).all()
    for name, seen in observed.endpoints.items():
        assert (table[f"{name}_time"] == seen.time[r, i]).all()
        assert (table[f"{name}_event"] == seen.event[r, i]).all()
    assert (table["ORR"] == (table["response"] == "PR")).all()
    assert (table["DCR"] == (table["response"] != "PD")).all()


def test_one_cohort_needs_no_replicate_column_and_shows_nothing_hidden():
    asked = world()
    table = plain_table(cohorts(asked), asked)
    assert "replicate" not in table
    assert not {"fitness", "propensity", "included"} & set(table.columns)


def test_hidden_columns_are_what_nobody_observes():
    asked = world()
    made = cohorts(asked, 2)
    table = plain_table(made, asked, hidden=True)
    assert len(table) == 80
    assert (table["included"] == made.observed.present.ravel()).all()
    assert (table["propensity"] == made.hidden.propensity.ravel()).all()
    assert (table["fitness"] == made.hidden.covariates[..., 0].ravel()).all()
    for arm, name in enumerate(("C", "T")):
        potential = made.hidden.potential["PFS"][arm]
        assert (table[f"PFS_time_{name}"] == potential.time.ravel()).all()
        assert (table[f"PFS_event_{name}"] == potential.event.ravel()).all()
        assert (table[f"DCR_{name}"] == made.hidden.binary["DCR"][arm].ravel()).all()
        mine = table["arm"] == name
        assert (table.loc[mine, f"OS_time_{name}"] == table.loc[mine, "OS_time"]).all()


def test_a_world_without_response_has_no_such_columns():
    asked = simple()
    table = plain_table(cohorts(asked), asked)
    assert table.columns.tolist() == ["id", "arm", "stage", "OS_time", "OS_event", "PFS_time", "PFS_event"]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_files_keep_every_digit(tmp_path, ending):
    asked = world()
    table = plain_table(cohorts(asked, 2), asked, hidden=True)
    path = tmp_path / f"cohort.{ending}"
    write_table(table, path)
    levels = dict.fromkeys(("grade", "stage", "site", "arm", "response"), str)
    read = pd.read_csv(path, float_precision="round_trip", dtype=levels) if ending == "csv" else pd.read_parquet(path)
    pd.testing.assert_frame_equal(read, table, check_dtype=False, check_exact=True)


def test_adam_tables_have_cdisc_names_and_codes():
    asked = world(entry=SELECTED)
    made = cohorts(asked)
    observed = made.observed
    adsl, adtte = adam_tables(made, asked)
    patients = np.flatnonzero(observed.present[0])
    assert 0 < len(patients) < 40
    assert adsl.columns.tolist() == [
        *("STUDYID", "USUBJID", "SUBJID", "ARM", "TRT01P", "TRT01A", "TRT01PN", "TRTSDT"),
        *("AGE", "STAGE", "STAGEN", "GRADE", "GRADEN", "SITE", "SITEN"),
    ]
    for table in (adsl, adtte):
        assert all(len(name) <= 8 and name.isupper() and name.isalnum() for name in table.columns)
        assert set(table["STUDYID"]) == {"EVERYTHING"}
    assert adsl["SUBJID"].tolist() == [f"{i + 1:06d}" for i in patients]
    assert adsl["USUBJID"].is_unique
    assert (adsl["TRT01PN"] == observed.treated[0, patients] + 1).all()
    assert ((adsl["ARM"] == "T") == observed.treated[0, patients]).all()
    assert (adsl["AGE"] == observed.covariates[0, patients, 0]).all()
    assert (adsl["GRADEN"].astype(str) == adsl["GRADE"]).all()
    assert len(adtte) == 2 * len(adsl)
    for name, label in (("OS", "Overall Survival (Months)"), ("PFS", "Progression-Free Survival (Months)")):
        part = adtte[adtte["PARAMCD"] == name].reset_index(drop=True)
        assert set(part["PARAM"]) == {label}
        assert (part["USUBJID"] == adsl["USUBJID"]).all()
        assert (part["AVAL"] == observed.endpoints[name].time[0, patients]).all()
        assert (part["CNSR"] == 1 - observed.endpoints[name].event[0, patients].astype(int)).all()
        assert ((part["CNSR"] == 0) == (part["EVNTDESC"] == "EVENT")).all()
        assert 0 < part["CNSR"].sum() < len(part)


def test_adam_dates_are_those_of_entry_and_event():
    asked = world()
    made = cohorts(asked)
    adsl, adtte = adam_tables(made, asked)
    patients = np.flatnonzero(made.observed.present[0])
    first = datetime.date(2020, 1, 1)
    days = np.array([(datetime.date.fromisoformat(text) - first).days for text in adsl["TRTSDT"]])
    assert np.abs(days - made.hidden.entry[0, patients] * 30.4375).max() <= 0.5
    start, end = (pd.to_datetime(adtte[column]) for column in ("STARTDT", "ADT"))
    assert ((end - start).dt.days - adtte["AVAL"] * 30.4375).abs().max() <= 1
    assert end.max() <= pd.Timestamp("2024-01-01")
    assert start.min() >= pd.Timestamp("2020-01-01")
    administrative = (adtte["CNSR"] == 1) & (end == pd.Timestamp("2024-01-01"))
    assert administrative.any()


def test_covariates_with_colliding_cdisc_names_keep_a_column_each():
    twins = {
        "tumour_size_at_baseline": {"kind": "continuous", "mean": 5.0, "sd": 1.0, "bounds": (1.0, 9.0)},
        "tumour_size_at_screening": {"kind": "continuous", "mean": 7.0, "sd": 1.0, "bounds": (1.0, 13.0)},
        "tumour_side": {"kind": "binary", "shares": {"left": 0.5, "right": 0.5}},
        "tumour_sign": {"kind": "binary", "shares": {"no": 0.5, "yes": 0.5}},
        "stagen": {"kind": "binary", "shares": {"a": 0.5, "b": 0.5}},
        "stage": {"kind": "binary", "shares": {"early": 0.5, "late": 0.5}},
        "Arm": {"kind": "binary", "shares": {"left": 0.5, "right": 0.5}},
    }
    asked = simple(population={"size": 30, "covariates": twins})
    made = cohorts(asked)
    adsl, _ = adam_tables(made, asked)
    assert adsl.columns.is_unique
    assert all(len(name) <= 8 for name in adsl.columns)
    assert len(adsl.columns) == 8 + 2 + 2 * 5
    observed = made.observed
    shown = [adsl[name].tolist() for name in adsl.columns]
    for k, variable in enumerate(observed.variables):
        column = observed.covariates[0, :, k]
        values = column.tolist() if not variable.levels else [variable.levels[int(level)] for level in column]
        assert values in shown, variable.name
    assert set(adsl["ARM"]) == {"C", "T"}


def test_adam_tables_are_of_one_study():
    asked = world()
    with pytest.raises(ValueError, match="ask for one replicate"):
        adam_tables(cohorts(asked, 2), asked)


def test_the_spec_of_simulated_patients_has_the_labels_of_arms_and_endpoints() -> None:
    data = cohort_spec(load_study("senkus-palliative-rt").scenario)["data"]
    assert (data["treatment"]["control_label"], data["treatment"]["treated_label"]) == ("20 Gy/5 fr", "16 Gy/2 fr")
    assert data["endpoints"]["OS"]["label"] == "Death"
