"""The cohorts that all contenders analyse: simulated from the shipped world, in memory and as CSV files."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.asked.scenario import Scenario
from simulator.cohort.cohorts import Observed
from simulator.documents.loading import load, parse
from simulator.world.generate import ResolvedWorld, generate, resolve

WORLD = "hcc-lung-metastasis"
SEED = 1
COLUMNS = (
    "treat", "age", "sex", "ecog", "etiol", "lesion", "size", "lung", "pvtt", "afp", "albi", "cp",
    "os_t", "os_e", "pfs_t", "pfs_e",
)  # fmt: skip
NAMES = {"etiol": "etiology", "lesion": "lesions", "cp": "child_pugh"}
"""What the world calls the covariates that have another name in the files."""
COVARIATES = COLUMNS[1 : COLUMNS.index("os_t")]
_ALBI = COLUMNS.index("albi")


WHOLE = (
    "entry.requires=null",
    "entry.screened=1",
    "entry.potential_follow_up_months=null",
)  # everybody is included, so that a cohort is a whole array


def world() -> ResolvedWorld:
    """The shipped world without criteria of inclusion, ready to generate from."""
    return resolve(parse(load(WORLD, WHOLE, spec=Scenario), Scenario))


def block(resolved: ResolvedWorld, replicates: int, patients: int | None = None, first: int = 0) -> Observed:
    """What is observed of so many replicates, from number ``first`` on; covariates in the order of the files."""
    numbers = np.arange(first, first + replicates, dtype=np.int64)
    observed = generate(resolved, SEED, numbers, patients).observed
    if not observed.present.all():
        raise ValueError("the workflow is that of whole cohorts")
    place = [observed.names.index(NAMES.get(name, name)) for name in COVARIATES]
    return replace(
        observed, variables=tuple(observed.variables[k] for k in place),
        covariates=np.ascontiguousarray(observed.covariates[..., place]),
    )  # fmt: skip


def tied(observed: Observed) -> Observed:
    """The same with times in tenths of a month, none below the first, as files have them: many are equal."""
    courses = {
        name: replace(one, time=np.maximum(np.round(one.time, 1), 0.1)) for name, one in observed.endpoints.items()
    }
    return replace(observed, endpoints=courses)


def write(observed: Observed, replicate: int, path: Path) -> Path:
    """The file with one replicate, a patient a row, all digits kept; ALBI grades are 1, 2, 3."""
    courses = [observed.endpoints[name] for name in ("OS", "PFS")]
    times = [column for one in courses for column in (one.time[replicate], one.event[replicate])]
    table = np.column_stack([observed.treated[replicate], observed.covariates[replicate], *times])
    table[:, _ALBI] += 1
    np.savetxt(path, table, fmt="%.17g", delimiter=",", header=",".join(COLUMNS), comments="")
    return path
