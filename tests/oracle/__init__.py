"""Frozen R output and the data it was made from (see README.md); this file reads both."""

import gzip
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simulator.numerics.arrays import Bools, Floats, Ints

HERE = Path(__file__).parent
Frozen = dict[str, Any]


@cache
def table(name: str) -> pd.DataFrame:
    """A data file."""
    return pd.read_csv(
        HERE / "data" / f"{name}.csv.gz", float_precision="round_trip", keep_default_na=False, na_values=[""]
    )


def records(name: str) -> list[Any]:
    """The rows of a data file as named tuples."""
    return list(table(name).itertuples())


@cache
def groups(name: str) -> dict[int, pd.DataFrame]:
    """A data file split by its column ``case``."""
    cases: Any = table(name).groupby("case")
    return {int(case): rows for case, rows in cases}


@cache
def frozen(name: str) -> tuple[Frozen, ...]:
    """R's answers, one record per case."""
    with gzip.open(HERE / "frozen" / f"{name}.jsonl.gz", "rt") as lines:
        return tuple(json.loads(line) for line in lines)


def vector(value: object) -> Floats:
    """A frozen number or list as a vector."""
    return np.atleast_1d(np.asarray(value, dtype=np.float64))


@dataclass(frozen=True)
class Survival:
    """One cohort as arrays (N,); None where the data set has no such thing. ``exists``: see reference/existence.py."""

    label: str
    exists: str
    time: Floats
    event: Bools
    x: Floats
    weight: Floats | None = None
    stratum: Ints | None = None
    entry: Floats | None = None
    cluster: Ints | None = None

    @property
    def options(self) -> dict[str, NDArray[Any]]:
        """What the data set has of weights, strata, entry times and clusters, by name."""
        named = {"weight": self.weight, "stratum": self.stratum, "entry": self.entry, "cluster": self.cluster}
        return {name: values for name, values in named.items() if values is not None}


@cache
def survival_cases() -> tuple[Survival, ...]:
    """The random and the planted data sets, in the order of R's answers."""
    rows = groups("survival")
    cases = []
    for about in records("survival_cases"):
        d = rows[about.case]
        x = d[[f"x{k + 1}_16" for k in range(about.p)]].to_numpy(dtype=np.float64) / 16
        cases.append(
            Survival(
                f"{about.kind} {about.case}",
                about.exists,
                d["time_1024"].to_numpy(dtype=np.float64) / 1024,
                d["event"].to_numpy() == 1,
                x,
                d["weight_4"].to_numpy(dtype=np.float64) / 4 if about.weighted else None,
                d["stratum"].to_numpy() if about.stratified else None,
                d["entry_1024"].to_numpy(dtype=np.float64) / 1024 if about.delayed else None,
                d["cluster"].to_numpy() if about.clustered else None,
            )
        )
    return tuple(cases)


def strata(case: int) -> Ints:
    """The strata of a random survival data set, also where the Cox model leaves them out."""
    return groups("survival")[case]["stratum"].to_numpy()


def classic(name: str) -> tuple[Survival, Bools]:
    """A data set of R's survival and which of its rows are complete; missing covariates are NaN."""
    d = table(f"classic_{name}")
    roles = ["time", "event", "entry", "stratum", "cluster"]
    x = d.drop(columns=[role for role in roles if role in d])
    case = Survival(
        name,
        "finite",
        d["time"].to_numpy(dtype=np.float64),
        d["event"].to_numpy() == 1,
        x.to_numpy(dtype=np.float64),
        None,
        d["stratum"].to_numpy(dtype=np.int64) if "stratum" in d else None,
        d["entry"].to_numpy(dtype=np.float64) if "entry" in d else None,
        d["cluster"].to_numpy(dtype=np.int64) if "cluster" in d else None,
    )
    return case, d.notna().all(axis=1).to_numpy()


@dataclass(frozen=True)
class Treatment:
    """One data set for a logistic model: ``x (N, P)`` with factors as dummies, and each column's term."""

    label: str
    exists: str
    y: Bools
    x: Floats
    weight: Floats
    term_of: tuple[int, ...]


@cache
def treatment_cases() -> tuple[Treatment, ...]:
    """The data sets for logistic models and stepwise selection, in the order of R's answers."""
    rows = groups("treatment")
    cases = []
    for about in records("treatment_cases"):
        d = rows[about.case]
        columns, term_of = [], []
        for k, kind in enumerate(about.kinds.split()):
            z = d[f"x{k + 1}_16"].to_numpy(dtype=np.float64) / 16
            made = [(z == level).astype(float) for level in range(1, int(kind[1]))] if kind.startswith("f") else [z]
            columns += made
            term_of += [k] * len(made)
        weight = d["weight_4"].to_numpy(dtype=np.float64) / 4
        y = d["y"].to_numpy() == 1
        label = f"treatment {about.case}"
        cases.append(Treatment(label, about.exists, y, np.column_stack(columns), weight, tuple(term_of)))
    return tuple(cases)
