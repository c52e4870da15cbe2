"""Forgeries of a run folder, shallow ones in one layer and deep ones that agree throughout."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from analysis.kernels.status import Status
from benchmarks.runs.store import SUM, RunFolder
from tests import forger

Forge = Callable[[Path], object]


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A finished run of two cells and its sealed digest."""
    folder = tmp_path_factory.mktemp("honest") / "run"
    return folder, forger.ran(folder)["provenance"]["sealed"]


@pytest.fixture
def folder(honest: tuple[Path, str], tmp_path: Path) -> Path:
    """A copy of it."""
    return forger.copied(honest[0], tmp_path / "copy")


def _last_digit(values: Any) -> None:
    values[1] = np.nextafter(values[1], np.inf)


def _swapped(name: str) -> Callable[[Any], None]:
    """Swap two names in a column."""

    def edit(values: Any) -> None:
        for k in range(0, len(values), 2):
            values[k], values[k + 1] = values[k + 1], values[k]

    assert name in ("estimator", "endpoint")
    return edit


def _edited(place: str, old: str, new: str) -> Forge:
    def forge(folder: Path) -> None:
        text = (folder / place).read_text()
        assert old in text, old
        (folder / place).write_text(text.replace(old, new, 1))

    return forge


def _edited_number(place: str) -> Forge:
    """Forge the first number of a table."""

    def forge(folder: Path) -> None:
        text = (folder / place).read_text()
        found = re.search(r"<td[^>]*>(\d+\.\d+)</td>", text)
        assert found, "no number in a table"
        (folder / place).write_text(text[: found.start(1)] + f"1{found[1]}" + text[found.end(1) :])

    return forge


def _rows(edit: Callable[[Any], Any]) -> Forge:
    """Forge the whole table of results."""

    def forge(folder: Path) -> None:
        forger.rows(folder, "results.parquet", edit(pq.read_table(folder / "results.parquet")))

    return forge


def _swapped_cells(table: Any) -> Any:
    half = len(table) // 2
    values = np.concatenate([table["value"].to_numpy()[half:], table["value"].to_numpy()[:half]])
    return table.set_column(table.schema.get_field_index("value"), "value", [values])


def _without_a_replicate(table: Any) -> Any:
    return table.filter(table["replicate"].to_numpy() != 3)


def _performance_and_sum(folder: Path) -> None:
    forger.column(folder, "performance.parquet", "value", _last_digit)


def _status(values: Any) -> None:
    values[2] = int(Status.MONOTONE)


def _json(name: str, edit: Callable[[Any], None]) -> Forge:
    return lambda folder: forger.in_json(folder, name, edit)


def _set(*path: Any, to: Any) -> Callable[[Any], None]:
    def edit(value: Any) -> None:
        for key in path[:-1]:
            value = value[key]
        assert value[path[-1]] != to
        value[path[-1]] = to

    return edit


def _link(folder: Path) -> None:
    (folder / "result.json").unlink()
    (folder / "result.json").symlink_to("/etc/hostname")


SHALLOW: dict[str, tuple[str, Forge]] = {
    "rows": ("rows", lambda f: forger.column(f, "results.parquet", "value", _last_digit)),
    "a p-value of the rows": ("rows", lambda f: forger.column(f, "results.parquet", "p", _last_digit)),
    "counts of the rows": ("rows", lambda f: forger.column(f, "results.parquet", "n", lambda v: v.__setitem__(3, 41))),
    "labels of estimators": ("rows", lambda f: forger.column(f, "results.parquet", "estimator", _swapped("estimator"))),
    "cells swapped": ("rows", _rows(_swapped_cells)),
    "a replicate dropped": ("refused", _rows(_without_a_replicate)),
    "a status": ("rows", lambda f: forger.column(f, "results.parquet", "status", _status)),
    "what rows are made of": ("rows", lambda f: RunFolder(f).write_checked("results.json", b"[]") and None),
    "performance as CSV": ("performance", _edited("performance.csv", "target,bias,", "target,bias,1")),
    "performance": ("performance", _performance_and_sum),
    "failures": ("performance", lambda f: shutil.copy(f / "performance.parquet", f / "failures.parquet")
                 and shutil.copy(f / f"performance.parquet{SUM}", f / f"failures.parquet{SUM}")),
    "a truth": ("truth", _json("truth.json", _set(0, "value", to=-0.5))),
    "a truth's error": ("truth", _json("truth.json", _set(0, "mcse", to=0.001))),
    "how a truth was found": ("truth", _json("truth.json", _set(0, "how", to="exact"))),
    "the seed of the manifest": ("manifest", _json("manifest.json", _set("seed", to=7))),
    "the digest of the manifest": ("manifest", _json("manifest.json", _set("digest", to="0" * 64))),
    "versions": ("version", _json("manifest.json", _set("versions", "numpy", to="1.0"))),
    "the command": ("report", _json("manifest.json", _set("command", to="trialtwin run paper"))),
    "words of the report": ("report", _edited("report.html", "<h1>", "<h1>Not ")),
    "a number of the report": ("report", _edited_number("report.html")),
    "a drawing of the report": ("report", _edited("report.html", "<path d=", '<path class="x" d=')),
    "the digest in the report": ("report", _edited("report.html", "digest</dt><dd><code>", "digest</dt><dd><code>0")),
    "result.json": ("document", _json("result.json", _set("performance", 0, "value", to=0.1))),
    "the verdict of result.json": ("document", _json("result.json", _set("verdict", to="No bias."))),
    "the pages' version": ("version", _json("result.json", _set("provenance", "pages", to="other"))),
    "a part without its checksum": ("checksum", lambda f: Path(f"{forger.part(f)}{SUM}").unlink()),
    "a part's bytes": ("checksum", lambda f: forger.part(f).write_bytes(forger.part(f).read_bytes() + b" ")),
    "a part removed": ("parts", lambda f: forger.part(f).rename(forger.part(f).with_suffix(".gone"))),
    "a truth kept removed": ("truth", lambda f: [one.unlink() for one in (f / "truths").iterdir()]),
    "a file that is foreign": ("foreign", lambda f: (f / "notes.txt").write_text("see me")),
    "a link": ("foreign", _link),
    "a pipe": ("foreign", lambda f: os.mkfifo(f / "parts" / "pipe")),
    "a report that is missing": ("missing", lambda f: (f / "report.html").unlink()),
    "words in the scenario": ("manifest", lambda f: (f / "scenario.yaml").write_text(
        "# seed fixed in the protocol\n" + (f / "scenario.yaml").read_text())),
    "a seed stated twice": ("manifest", _edited("manifest.json", "{", '{\n  "seed": 12345,')),
    "a key of nobody's": ("manifest", _json("manifest.json", lambda held: held.update(audited="by a journal"))),
    "a version of nothing": ("version", _json("manifest.json", lambda held: held["versions"].update(R="4.2"))),
    "code that is not of the study": ("manifest", _json("manifest.json", lambda held: held["own"].update(rate="x"))),
    "a verdict stated twice": ("document", _edited("result.json", "{", '{\n  "verdict": "All is well.",')),
    "a null in result.json": ("document", _json("result.json", lambda held: held.update(note=None))),
    "what differs from the base": ("manifest", _json("manifest.json", _set("base", "rows", to=[]))),
}  # fmt: skip
"""Forgeries of one layer with new checksums, found with nothing computed again, and by what kind of finding."""


def _parts(column: str, edit: Callable[[Any], None], cell: int = 0) -> Forge:
    """Forge a part, and all above it."""

    def forge(folder: Path) -> None:
        place = str(forger.part(folder, cell).relative_to(folder))
        forger.column(folder, place, column, edit)
        forger.again(folder)

    return forge


def _copied_replicate(folder: Path) -> None:
    """One replicate's numbers in the place of another's, as if it had come twice and the other never."""
    place = str(forger.part(folder).relative_to(folder))
    for name in ("value", "se", "low", "high", "p", "n", "events", "status"):
        forger.column(folder, place, name, lambda v: v.__setitem__(slice(2, 4), v[0:2]))
    forger.again(folder)


def _lost(folder: Path) -> None:
    """An unwelcome replicate said to have lost its worker."""
    place = str(forger.part(folder).relative_to(folder))
    for name in ("value", "se", "low", "high", "p"):
        forger.column(folder, place, name, lambda v: v.__setitem__(slice(4, 6), np.nan))
    forger.column(folder, place, "status", lambda v: v.__setitem__(slice(4, 6), int(Status.WORKER_LOST)))
    forger.again(folder)


def _of_another_seed(folder: Path) -> None:
    """The parts of another seed's run, which came out better."""
    other = folder.with_name("other")
    forger.ran(other, "--seed", "99")
    for cell in (0, 1):
        for one, new in zip(sorted(forger.part(folder, cell).parent.iterdir()),
                            sorted(forger.part(other, cell).parent.iterdir()), strict=True):  # fmt: skip
            shutil.copy(new, one)
    forger.again(folder)


def _scenario(edit: forger.Edit) -> Forge:
    def forge(folder: Path) -> None:
        forger.in_scenario(folder, edit)
        forger.again(folder)

    return forge


def _relabelled(folder: Path) -> None:
    forger.judged(folder, list.reverse)
    forger.again(folder)


def _ratio(folder: Path) -> None:
    """The rows of matching 1:1 under the name of 1:2."""
    forger.in_scenario(folder, lambda tree: tree["estimators"][1].update(matching={"ratio": 2}))
    from benchmarks.asked.blocks import pair_key
    from benchmarks.cli.verbs import own_study

    scenario = own_study(RunFolder(folder)).scenario
    forger.judged(folder, lambda pairs: pairs.__setitem__(slice(None), [pair_key(*one) for one in scenario.judged()]))
    forger.again(folder)


DEEP: dict[str, Forge] = {
    "one number": _parts("value", _last_digit),
    "one number of the second cell": _parts("se", _last_digit, 1),
    "an event": _parts("events", lambda v: v.__setitem__(1, v[1] + 1)),
    "a replicate twice": _copied_replicate,
    "a replicate said to be lost": _lost,
    "parts of another seed": _of_another_seed,
    "another seed in the scenario": _scenario(lambda tree: tree["run"].update(seed=4)),
    "settings of a cell": _scenario(lambda tree: tree["population"].update(size=41)),
    "cells in another order": _scenario(
        lambda tree: tree["sweep"]["grid"]["entry.guarantee_months"].reverse()
    ),
    "an option of an estimator": _ratio,
    "estimators swapped": _relabelled,
}  # fmt: skip
"""Forgeries of rows that are consistent throughout."""
