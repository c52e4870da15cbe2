"""The same rows however the work is split; the first replicates stay; parts are kept, and mended when damaged."""

from pathlib import Path

import numpy as np
import pytest

from analysis.kernels.status import Status
from benchmarks import study
from benchmarks.scenario import Scenario
from benchmarks.store import RunFolder
from tests.worlds import scenario, tree


def _run(path: Path, asked: Scenario, jobs: int = 1, block: int | None = None) -> study.StudyResult:
    folder = RunFolder(path)
    folder.parts.mkdir(parents=True, exist_ok=True)
    return study.run_study(study.prepare([({}, asked)]), folder, jobs, block, lambda *_: None)


def _of(replicates: int) -> Scenario:
    return scenario(run={"replicates": replicates, "seed": 5, "truth_patients": 6_000})


def test_any_split_gives_the_same_rows(tmp_path: Path) -> None:
    hashes = {
        _run(tmp_path / f"{jobs}-{block}", _of(30), jobs, block).rows_sha256
        for jobs, block in ((1, None), (2, None), (1, 7), (2, 1), (3, 30))
    }
    assert len(hashes) == 1


def test_more_replicates_keep_the_first(tmp_path: Path) -> None:
    few, more = _run(tmp_path / "few", _of(15)).rows, _run(tmp_path / "more", _of(30)).rows
    kept = more[more["replicate"] < 15].reset_index(drop=True)
    assert study.hash_rows(kept) == study.hash_rows(few)
    assert study.hash_rows(more[more["replicate"] >= 15]) != study.hash_rows(few)


def test_another_seed_gives_other_rows(tmp_path: Path) -> None:
    other = scenario(run={"replicates": 15, "seed": 6, "truth_patients": 6_000})
    assert _run(tmp_path / "a", _of(15)).rows_sha256 != _run(tmp_path / "b", other).rows_sha256


def test_parts_are_kept_and_damaged_ones_computed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _run(tmp_path, _of(30), block=10)
    computed: list[str] = []
    genuine = study.block_rows

    def counting(block: study.Block) -> object:
        computed.append(block.name)
        return genuine(block)

    monkeypatch.setattr(study, "block_rows", counting)
    assert _run(tmp_path, _of(30), block=10).rows_sha256 == first.rows_sha256
    assert computed == []
    parts = sorted((tmp_path / "parts").glob("*.parquet"))
    assert len(parts) == 3
    content = bytearray(parts[1].read_bytes())
    content[len(content) // 2] ^= 1
    parts[1].write_bytes(bytes(content))
    parts[2].write_bytes(parts[2].read_bytes()[:-20])
    assert _run(tmp_path, _of(30), block=10).rows_sha256 == first.rows_sha256
    assert sorted(computed) == sorted(f"parts/{part.name}" for part in parts[1:])


def test_reading_a_finished_run_gives_the_same_result(tmp_path: Path) -> None:
    made = _run(tmp_path, _of(15))
    held = study.read_study(made.cells, RunFolder(tmp_path))
    assert held.rows_sha256 == made.rows_sha256
    assert held.truths == made.truths
    assert held.performance.equals(made.performance)


def test_results_come_in_order_and_an_error_is_raised() -> None:
    seen: list[int] = []
    assert list(study.run_in_order(lambda x: x * x, range(50), 3, seen.append)) == [x * x for x in range(50)]
    assert seen == list(range(1, 51))
    with pytest.raises(ZeroDivisionError):
        list(study.run_in_order(lambda x: 1 // (x - 7), range(50), 3, seen.append))


def test_confounding_is_found_and_matching_takes_it_out(tmp_path: Path) -> None:
    """Under a strict null crude Cox is off by many standard errors; the matched is not."""
    asked = scenario(
        outcomes={**tree()["outcomes"], "treatment_effect": "none"},
        run={"replicates": 200, "seed": 5, "truth_patients": 6_000},
    )
    table = _run(tmp_path, asked, 2).performance
    bias = table[(table["endpoint"] == "OS") & (table["measure"] == "bias")].set_index("estimator")
    z = bias["value"] / bias["mcse"]
    assert z["crude"] > 8
    assert abs(z["matched"]) < 4
    assert abs(z["ipw-att"]) < 4
    assert abs(z["adjusted"]) < 4


def test_failures_are_counted() -> None:
    rows = _of(2)
    cell = study.prepare([({}, rows)])[0]
    frame = study.block_rows(study.Block(cell, 0, 2)).to_pandas()
    assert study.failures(frame).empty
    frame.loc[3, "status"] = int(Status.MONOTONE)
    told = study.failures(frame)
    assert told["status"].tolist() == ["MONOTONE"]
    assert told["count"].tolist() == [1]


def test_blocks_cover_every_replicate_once() -> None:
    cell = study.prepare([({}, _of(30))])[0]
    for size in (1, 7, 30, 100):
        covered = np.concatenate([np.arange(b.first, b.last) for b in study.blocks(cell, size)])
        assert np.array_equal(covered, np.arange(30))
