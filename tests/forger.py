"""Forgeries of run folders by somebody who knows how they are made: what is edited gets new checksums, and every layer
above it that our own code makes is made again.
"""

import itertools
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from click.testing import CliRunner

from benchmarks.asked.base import base_of
from benchmarks.asked.blocks import prepare
from benchmarks.cli.commands import cli
from benchmarks.cli.run_verbs import _presented, held
from benchmarks.cli.verbs import own_study
from benchmarks.runs.manifest import identity, world_identity
from benchmarks.runs.store import SUM, RunFolder
from benchmarks.study import running
from simulator.documents.loading import digest, resolved_yaml

Edit = Callable[[dict[str, Any]], None]
STUDY = (
    "imbrave150", "-S", "population.size=40", "-S", "run.truth_patients=2000",
    "-S", "estimators=[{kind: crude, endpoints: [OS]}, {kind: matched, endpoints: [OS]}]",
    "-S", "sweep={grid: {entry.guarantee_months: [{}, {AtezoBev: 1}]}}",
)  # fmt: skip
REPLICATES = 8


def ran(folder: Path, *words: str) -> dict[str, Any]:
    """The study run in the folder: its JSON."""
    given = ["run", *STUDY, "--reps", str(REPLICATES), "--block", "4", "--jobs", "1", "--out", str(folder), "--json"]
    done = CliRunner().invoke(cli, [*given, *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def again(folder: Path) -> None:
    """Everything above the parts made from them again, as if the study had just been run."""
    for name in ("results.json", "results.parquet"):
        (folder / name).unlink(missing_ok=True)
    manifest = json.loads((folder / "manifest.json").read_text())
    found = held(folder)
    result = running.run_study(found.cells, found.folder, running.Work(1, retry=False), lambda *_: None)
    _presented(found.asked, result, found.folder)
    assert manifest == json.loads((folder / "manifest.json").read_text())


def part(folder: Path, cell: int = 0) -> Path:
    """The first part of a cell."""
    key = prepare(own_study(RunFolder(folder)).cells)[cell].key[:16]
    return sorted((folder / "parts" / key).rglob("r*.parquet"))[0]


def column(folder: Path, name: str, of: str, edit: Callable[[Any], None]) -> None:
    """Edit a column of a Parquet file, its checksum as well."""
    table = pq.read_table(folder / name)
    values = table[of].to_pylist() if pa.types.is_dictionary(table[of].type) else table[of].to_numpy().copy()
    edit(values)
    made = pa.array(values, table[of].type.value_type).dictionary_encode() if isinstance(values, list) else values
    place = table.schema.get_field_index(of)
    rows(folder, name, table.set_column(place, of, pa.array(made, table[of].type)))


def rows(folder: Path, name: str, table: pa.Table) -> None:
    """Write a table of rows with its checksum; of results, a row group for each cell."""
    if "cell" in table.column_names and name == "results.parquet":
        cells = table["cell"].to_numpy()
        cuts = [0, *(np.flatnonzero(np.diff(cells)) + 1), len(cells)]
        pieces = [table.slice(a, b - a).combine_chunks() for a, b in itertools.pairwise(cuts)]
        RunFolder(folder).write_tables(name, pieces)
    else:
        RunFolder(folder).write_table(name, table)


def in_json(folder: Path, name: str, edit: Callable[[Any], None]) -> None:
    """Edit a JSON file, and its checksum if it has one."""
    value = json.loads((folder / name).read_text())
    edit(value)
    checked = (folder / f"{name}{SUM}").exists()
    (RunFolder(folder).write_checked_json if checked else RunFolder(folder).write_json)(name, value)


def in_scenario(folder: Path, edit: Edit) -> None:
    """Edit the scenario; the manifest says that it was always so, and parts lie where they then belong."""
    before = [(cell, cell.key[:16]) for cell in prepare(own_study(RunFolder(folder)).cells)]
    tree = yaml.safe_load((folder / "scenario.yaml").read_text())
    edit(tree)
    (folder / "scenario.yaml").write_text(resolved_yaml(tree), "utf-8")
    asked = own_study(RunFolder(folder))
    seed = asked.scenario.run.seed
    stated: dict[str, Any] = {"seed": seed, "digest": identity(asked.document, seed)}
    stated["world"] = world_identity(asked.document, seed)
    files = json.loads((folder / "manifest.json").read_text())["files"]
    stated["base"] = base_of(replace(asked.document, files=tuple(files)), shipped_only=True).as_json()
    in_json(folder, "manifest.json", lambda held: held.update(stated))
    moved = {old: cell.key[:16] for (_, old), cell in zip(before, prepare(asked.cells), strict=True)}
    for old in moved:
        os.rename(folder / "parts" / old, folder / "parts" / f"{old}-moved")
    for old, new in moved.items():
        os.rename(folder / "parts" / f"{old}-moved", folder / "parts" / new)


def judged(folder: Path, edit: Callable[[list[str]], None]) -> None:
    """Edit which estimators every part says that it holds, and the folders that are named after them."""
    for place in sorted((folder / "parts").glob("*/*")):
        name = str((place / "judged.json").relative_to(folder))
        in_json(folder, name, edit)
        pairs = json.loads((folder / name).read_text())
        place.rename(place.with_name(digest({"judged": pairs})[:16]))


def copied(folder: Path, to: Path) -> Path:
    """A copy that may be forged."""
    shutil.copytree(folder, to)
    return to
