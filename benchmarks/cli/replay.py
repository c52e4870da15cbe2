"""One replicate of a finished run again: the same rows bit for bit, its cohort, and every step of its analysis."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from analysis.cohort_files.data_table import CohortFileError
from analysis.estimators.base import COUNTS, NUMBERS
from analysis.kernels.status import LOST, Status
from analysis.tables.text_table import table
from benchmarks.asked.blocks import Block, Cell, block_rows
from benchmarks.asked.errors import RunError
from benchmarks.asked.simulated_spec import cohort_spec
from benchmarks.cli import verbs
from benchmarks.study.running import StudyResult
from benchmarks.words.answer import Answer, Wanted, keep
from simulator.cohort.addresses import Address
from simulator.documents.loading import resolved_yaml
from simulator.documents.safe_files import make_folder, write_whole
from simulator.numerics.arrow_columns import numbers_of
from simulator.world.export import plain_table, write_table
from simulator.world.generate import generate

COMPARED = (*NUMBERS, *COUNTS, "status")


def replayed(result: StudyResult, cell: Cell, replicate: int, place: Path) -> Answer:
    """The replicate, its files written; it holds if it is the same bit for bit.

    In ``place``: ``cohort.csv`` as the analysts get it, ``cohort-hidden.csv`` with what nobody observes, the SPEC,
    and the whole analysis as ``analysis.json`` and ``analysis.html``, with the ties in matching settled as in the run
    (whoever analyses the file again has them settled by the ids). What was lost to a dead worker or a time limit is
    not computed here, and counts as the same.
    """
    stored = result.rows.replicate(cell.number, replicate)
    whole = [k for k, code in enumerate(numbers_of(stored["status"])) if code not in LOST]
    made = _computed(cell, replicate, whole)
    same = _same(made, stored.take(whole))
    files = _written(cell, replicate, place, result.rows.path.parent)
    rows = [
        {
            "endpoint": endpoint,
            "estimator": estimator,
            **{name: _plain((made[name][at] if at >= 0 else stored[name][k]).as_py()) for name in (*NUMBERS, *COUNTS)},
            "status": Status((made["status"][at] if at >= 0 else stored["status"][k]).as_py()).name,
            "same": at < 0 or all(same[name, at] for name in COMPARED),
        }
        for k, (endpoint, estimator) in enumerate(result.rows.layout.keys[cell.number])
        for at in (whole.index(k) if k in whole else -1,)
    ]
    holds = all(row["same"] for row in rows)
    shown = [
        [row["endpoint"], row["estimator"], *(f"{_float(row[name]):.4g}" for name in NUMBERS), str(row["n"]),
         str(row["events"]), row["status"], "yes" if row["same"] else "NO"]
        for row in rows
    ]  # fmt: skip
    verdict = "the same bit for bit as in the run" if holds else "NOT the same as in the run"
    header = ("endpoint", "estimator", "value", "SE", "low", "high", "p", "n", "events", "status", "same")
    return Answer(
        {"cell": cell.number, "replicate": replicate, "same": holds, "rows": rows, "files": files},
        f"Simulated study {replicate} of setting {cell.number}: {verdict}.",
        (table("", header, shown, 2),),
        lines=tuple(files),
        holds=holds,
    )


def _computed(cell: Cell, replicate: int, places: Sequence[int]) -> pa.Table:
    """The rows of a replicate for some of its endpoints and estimators, named by their place."""
    judged = cell.scenario.judged()
    return block_rows(Block(cell, replicate, replicate + 1, tuple(judged[place] for place in places)))


def _same(made: pa.Table, stored: pa.Table) -> dict[tuple[str, int], bool]:
    """For each column and row whether the bits are the same."""
    found = {}
    for name in COMPARED:
        a, b = numbers_of(made[name]), numbers_of(stored[name])
        for k in range(len(a)):
            found[name, k] = a[k].tobytes() == b[k].tobytes()
    return found


def _lost(result: StudyResult, cell: Cell, replicate: int) -> bool:
    return bool(np.isin(numbers_of(result.rows.replicate(cell.number, replicate)["status"]), LOST).any())


def _written(cell: Cell, replicate: int, place: Path, folder: Path) -> list[str]:
    """Write the cohort and its analysis; the files, or why there is no analysis."""
    scenario = cell.scenario
    cohorts = generate(cell.resolved, scenario.run.seed, np.array([replicate], np.int64))
    names = ("cohort.csv", "cohort-hidden.csv", "cohort.spec.yaml", "analysis.json", "analysis.html")
    data, hidden, spec, numbers, page = (place / name for name in names)
    try:
        if place.is_relative_to(folder):
            make_folder(folder, str(place.relative_to(folder)))
        place.mkdir(parents=True, exist_ok=True)
        write_table(plain_table(cohorts, scenario), data)
        write_table(plain_table(cohorts, scenario, hidden=True), hidden)
        write_whole(spec, resolved_yaml(cohort_spec(scenario)).encode())
    except OSError as error:
        told = f"cannot be written ({error.strerror}); choose another folder with --out"
        raise RunError(f"{error.filename or place}: {told}") from None
    written = [str(one) for one in (data, hidden, spec)]
    try:
        address = Address(np.array([replicate], np.int64), scenario.run.seed)
        keep(verbs.analyze(data, str(spec), (), simulated=address), Wanted(json=numbers, report=page))
    except CohortFileError as error:
        return [*written, f"no analysis of the whole cohort: {error}"]
    return [*written, str(numbers), str(page)]


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _float(value: Any) -> float:
    return float("nan") if value is None else float(value)
