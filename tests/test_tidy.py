"""The file of rows as a table on its own: settings, status words and truths beside every row."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.kernels.status import Status
from benchmarks.runs.rows import SCHEMA
from benchmarks.runs.store import RunFolder
from tests import forger
from tests.test_cli import _call

SWEPT = {
    "extends": "null-effect",
    "name": "swept",
    "estimators": [{"kind": "crude", "endpoints": ["OS"]}, {"kind": "adjusted", "endpoints": ["OS"]}],
    "sweep": {"grid": {"population.size": [60, 90], "outcomes.treatment_effect": ["none", "as_stated"]}},
    "run": {"replicates": 4, "truth_patients": 4000, "seed": 5},
}
EXTRA = ["population.size", "outcomes.treatment_effect", "status_word", "truth", "target_truth"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four cells."""
    folder = tmp_path_factory.mktemp("tidy")
    (folder / "swept.yaml").write_text(json.dumps(SWEPT), "utf-8")
    code, _, err = _call("run", str(folder / "swept.yaml"), "--jobs", "1", "--out", str(folder / "run"))
    assert code == 0, err
    return folder / "run"


def test_every_row_says_its_settings_its_status_and_its_truths(made: Path) -> None:
    rows = pd.read_parquet(made / "results.parquet")
    assert list(rows.columns) == [*SCHEMA.names, *EXTRA]
    assert len(rows) == 4 * 4 * 2
    told = json.loads((made / "result.json").read_text())
    settings = {one["cell"]: one["settings"] for one in told["cells"]}
    truths = {(one["cell"], one["endpoint"], one["estimator"]): one["value"] for one in told["truths"]}
    targets = {(one["cell"], one["endpoint"], one["estimator"]): one["value"] for one in told["targets"]}
    for row in rows.to_dict("records"):
        key = (row["cell"], row["endpoint"], row["estimator"])
        assert row["population.size"] == settings[row["cell"]]["population.size"]
        assert row["outcomes.treatment_effect"] == settings[row["cell"]]["outcomes.treatment_effect"]
        assert row["status_word"] == Status(row["status"]).name
        assert (row["truth"], row["target_truth"]) == (truths[key], targets[key])
    assert rows["population.size"].dtype == np.int64
    assert rows.groupby("estimator", observed=True)["truth"].nunique().min() > 1  # truths differ between cells


def test_the_digest_of_rows_is_that_of_the_rows_alone(made: Path) -> None:
    """As was before the table had more columns: made here by hand from the columns of a row."""
    import hashlib

    table, whole = pq.read_table(made / "results.parquet"), hashlib.sha256()
    for name in SCHEMA.names:
        values = table[name]
        text = pa.types.is_dictionary(values.type)
        content = (
            "".join(f"{value}\n" for value in values.to_pylist()).encode() if text else values.to_numpy().tobytes()
        )
        whole.update(f"{name} {hashlib.sha256(content).hexdigest()}\n".encode())
    provenance = json.loads((made / "result.json").read_text())["provenance"]
    assert provenance["rows_sha256"] == whole.hexdigest()


def test_the_same_command_again_leaves_the_file_as_it_is(made: Path) -> None:
    before = (made / "results.parquet").stat().st_mtime_ns
    content = (made / "results.parquet").read_bytes()
    code, _, err = _call("run", str(made.parent / "swept.yaml"), "--jobs", "1", "--out", str(made))
    assert code == 0, err
    assert (made / "results.parquet").stat().st_mtime_ns == before
    (made / "results.parquet").unlink()
    assert _call("run", str(made.parent / "swept.yaml"), "--jobs", "1", "--out", str(made))[0] == 0
    assert (made / "results.parquet").read_bytes() == content


@pytest.mark.parametrize("name", EXTRA)
def test_verify_notices_what_is_forged_in_them(made: Path, name: str) -> None:
    content = (made / "results.parquet").read_bytes()
    assert _call("verify", str(made), "--sample", "1", "--jobs", "1")[0] == 0

    def forge(values: list[object] | np.ndarray) -> None:
        values[3] = "TIMEOUT" if isinstance(values, list) else values[3] + 1

    try:
        forger.column(made, "results.parquet", name, forge)
        code, out, _ = _call("verify", str(made), "--sample", "1", "--jobs", "1")
        assert code == 1
        assert f"results.parquet, setting 0: {name} is not what settings, statuses and truths say" in " ".join(
            out.split()
        )
    finally:
        RunFolder(made).write_checked("results.parquet", content)


def test_it_can_be_judged_by_anybody(made: Path) -> None:
    """Judged from the file alone, by its own column of truth, the bias is that which the run told."""
    words = [
        "performance",
        str(made / "results.parquet"),
        "--truth",
        "target_truth",
        "--by",
        "cell,estimator",
        "--json",
    ]
    code, out, err = _call(*words)
    assert code == 0, err
    told = {
        (row["cell"], row["estimator"]): row["value"]
        for row in json.loads((made / "result.json").read_text())["performance"]
        if row["judged_by"] == "target" and row["measure"] == "bias"
    }
    found = {
        (int(one["by"]["cell"]), one["by"]["estimator"]): one["measures"]["bias"]["value"]
        for one in json.loads(out)["groups"]
    }
    assert told
    for key, bias in told.items():
        assert found[key] == pytest.approx(bias, abs=1e-12)
