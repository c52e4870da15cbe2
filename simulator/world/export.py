"""Cohorts as files: a plain table, or ADSL and ADTTE with CDISC names."""

import datetime
from collections.abc import Container
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simulator.cohort.addresses import reordered
from simulator.cohort.cohorts import Cohorts, Endpoint
from simulator.cohort.terms import Variable
from simulator.documents.safe_files import new_file
from simulator.mechanisms.entry import DAYS_PER_MONTH, parse_date
from simulator.world.sections import World

PIECE = 100_000
"""Patients of whom a table is made at once where a large cohort is written."""


def plain_table(cohorts: Cohorts, world: World, hidden: bool = False) -> pd.DataFrame:
    """One row per included patient: id, arm, covariates, start of treatment, endpoints, binary outcomes.

    ``hidden`` adds what nobody observes: true propensity, unmeasured covariates, both potential outcomes, and the
    patients who were not included. Columns: ``<endpoint>_time``, ``<endpoint>_event`` 1 for the event and
    2 for a competing one;
    ``treatment_start``, inf for never, where the start of treatment may be late.
    """
    observed, unseen = cohorts.observed, cohorts.hidden
    arms = np.array(world.arms.names())
    patients = observed.treated.shape[1]
    columns: dict[str, object] = {}
    if len(cohorts.replicates) > 1:
        columns["replicate"] = np.repeat(cohorts.replicates, patients)
    columns["id"] = np.tile(np.arange(1, patients + 1), len(cohorts.replicates))
    columns["arm"] = arms[observed.treated.astype(int).ravel()]
    for k, variable in enumerate(observed.variables):
        columns[variable.name] = _values(variable, observed.covariates[..., k])
    if world.treatment.start:
        columns["treatment_start"] = observed.start.ravel()
    for name, course in observed.endpoints.items():
        columns[f"{name}_time"] = course.time.ravel()
        columns[f"{name}_event"] = _code(course)
    for name, outcome in observed.binary.items():
        columns[name] = outcome.ravel().astype(int)
    if world.outcomes.response and unseen.response:
        zero, one = unseen.response
        categories = np.array(world.outcomes.response.categories)
        columns["response"] = categories[np.where(observed.treated, one, zero).ravel()]
    present = observed.present.ravel()
    if not hidden:
        table = pd.DataFrame(columns, copy=False)
        return table if present.all() else table[present].reset_index(drop=True)
    columns["included"] = present.astype(int)
    columns["propensity"] = unseen.propensity.ravel()
    if world.treatment.start:
        columns["assigned"] = arms[unseen.assigned.astype(int).ravel()]
    for k, variable in enumerate(unseen.variables):
        columns[variable.name] = _values(variable, unseen.covariates[..., k])
    for name, courses in unseen.potential.items():
        for arm, course in zip(arms, courses, strict=True):
            columns[f"{name}_time_{arm}"] = course.time.ravel()
            columns[f"{name}_event_{arm}"] = _code(course)
    for name, outcomes in unseen.binary.items():
        for arm, outcome in zip(arms, outcomes, strict=True):
            columns[f"{name}_{arm}"] = outcome.ravel().astype(int)
    return pd.DataFrame(columns)


def adam_tables(cohorts: Cohorts, world: World) -> tuple[pd.DataFrame, pd.DataFrame]:
    """ADSL (one row per subject) and ADTTE (one per subject and parameter) of one cohort, included patients only.

    AVAL is in the world's time unit; CNSR is 0 for an event, 1 for a censored time and 2 for a competing event; dates
    are ISO 8601.
    """
    if len(cohorts.replicates) != 1:
        raise ValueError("ADaM describes one study: ask for one replicate")
    observed, present = cohorts.observed, cohorts.observed.present[0]
    patients = np.flatnonzero(present)
    arms = np.array(world.arms.names())
    arm = arms[observed.treated[0, patients].astype(int)]
    subject = np.array([f"{i + 1:06d}" for i in patients])
    study = world.name.upper()
    start = _dates(world, cohorts.hidden.entry[0, patients])
    wait = np.where(observed.treated, observed.start, 0.0)[0, patients]
    subjects: dict[str, object] = {
        "STUDYID": study,
        "USUBJID": [f"{study}-{s}" for s in subject],
        "SUBJID": subject,
        "ARM": arm,
        "TRT01P": arm,
        "TRT01A": arm,
        "TRT01PN": observed.treated[0, patients].astype(int) + 1,
        "TRTSDT": _dates(world, cohorts.hidden.entry[0, patients] + wait),
    }
    for k, variable in enumerate(observed.variables):
        values = observed.covariates[0, patients, k]
        if variable.kind == "continuous":
            subjects[_cdisc_name(variable.name, subjects)] = values
            continue
        subjects[_cdisc_name(variable.name, subjects)] = _values(variable, values)
        subjects[_cdisc_name(variable.name, subjects, "N")] = values.astype(int) + 1
    parts = []
    for name, course in observed.endpoints.items():
        time, code = course.time[0, patients], _code(course).reshape(course.time.shape)[0, patients]
        parts.append(
            pd.DataFrame(
                {
                    "STUDYID": study,
                    "USUBJID": subjects["USUBJID"],
                    "TRTP": arm,
                    "TRTPN": subjects["TRT01PN"],
                    "PARAMCD": name,
                    "PARAM": f"{world.endpoints[name].label or name} ({world.time_unit.title()})",
                    "AVAL": time,
                    "CNSR": np.array([1, 0, 2])[code],
                    "EVNTDESC": np.array(["CENSORED", "EVENT", "COMPETING EVENT"])[code],
                    "STARTDT": start,
                    "ADT": _dates(world, cohorts.hidden.entry[0, patients] + time),
                }
            )
        )
    return pd.DataFrame(subjects), pd.concat(parts, ignore_index=True)


def _code(course: Endpoint) -> NDArray[np.int64]:
    """1 for the event, 2 for what makes it impossible, 0 for a censored time; one number per patient."""
    code: NDArray[np.int64] = course.event.ravel().astype(int)
    return code if course.competing is None else np.where(course.competing.ravel(), 2, code)


def write_plain(cohorts: Cohorts, world: World, hidden: bool, path: Path) -> None:
    """Write `plain_table` to a file; of one large cohort a CSV file is written in pieces, so that no table of all of
    it is made.
    """
    observed, unseen = cohorts.observed, cohorts.hidden
    patients = observed.treated.shape[1]
    if path.suffix == ".parquet" or hidden or len(cohorts.replicates) > 1:
        write_table(plain_table(cohorts, world, hidden), path)
        return
    with new_file(path.parent, path.name) as file:
        for start in range(0, patients, PIECE):
            rows = np.arange(start, min(start + PIECE, patients))
            response = unseen.response and (unseen.response[0][:, rows], unseen.response[1][:, rows])
            piece = replace(cohorts, observed=reordered(observed, rows), hidden=replace(unseen, response=response))
            table = plain_table(piece, world)
            table["id"] += start
            table.to_csv(file, index=False, header=start == 0)


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a CSV or, by the path's ending, a parquet file; numbers keep their full precision."""
    with new_file(path.parent, path.name) as file:
        if path.suffix == ".parquet":
            table.to_parquet(file, index=False)
        else:
            table.to_csv(file, index=False)


def _values(variable: Variable, values: NDArray[np.float64]) -> NDArray[np.generic]:
    flat = values.ravel()
    if variable.kind == "continuous":
        return flat
    levels = np.array([*variable.levels, None], object)  # the last for a missing one
    shown: NDArray[np.generic] = levels[np.where(np.isnan(flat), len(variable.levels), flat).astype(int)]
    return shown


def _dates(world: World, times: NDArray[np.float64]) -> list[str]:
    start = parse_date(world.entry.accrual.start)
    days = times / world.per_month * DAYS_PER_MONTH
    return [(start + datetime.timedelta(days=round(day))).isoformat() for day in days]


def _cdisc_name(name: str, taken: Container[str], suffix: str = "") -> str:
    """At most eight upper-case letters and digits, as CDISC asks of a variable's name; numbered where it is taken."""
    plain = "".join(letter for letter in name.upper() if letter.isalnum())
    made, number = plain[: 8 - len(suffix)] + suffix, 1
    while made in taken:
        number += 1
        made = plain[: 8 - len(f"{number}{suffix}")] + f"{number}{suffix}"
    return made
