"""Parts: only what is missing is computed, whatever was asked before; the rows are those of a run of its own."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.kernels.status import Status
from benchmarks.asked.blocks import Block, Cell, block_rows, halves, joined, lost_rows, prepare
from benchmarks.asked.errors import RunError
from benchmarks.asked.scenario import Scenario
from benchmarks.runs.parts import Parts, _gaps, _steps
from benchmarks.runs.store import RunFolder
from benchmarks.study import running
from tests.worlds import scenario, tree


def _scenario(replicates: int = 20, **changes: Any) -> Scenario:
    run = {"replicates": replicates, "seed": 5, "truth_patients": 6_000}
    return scenario(run=run, **{"estimators": ({"kind": "crude"},), **changes})


def _rows(folder: Path, *asked: Scenario, block: int = 5) -> tuple[str, list[tuple[int, int, int, tuple[str, ...]]]]:
    """The digest of the rows, and what was computed for them: cell, first, last, names of estimators."""
    computed = []

    def counting(block: Block) -> Any:
        names = tuple(dict.fromkeys(one.name for _, one in block.judged))
        computed.append((block.cell.number, block.first, block.last, names))
        return block_rows(block)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "block_rows", counting)
        cells = prepare([({}, one) for one in asked])
        rows = running.all_rows(cells, RunFolder(folder), running.Work(1, block), lambda *_: None)
    return rows.digest(), computed


def test_nothing_is_computed_twice(tmp_path: Path) -> None:
    first, computed = _rows(tmp_path, _scenario())
    assert [span[1:3] for span in computed] == [(0, 5), (5, 10), (10, 15), (15, 20)]
    assert _rows(tmp_path, _scenario()) == (first, [])
    assert _rows(tmp_path, _scenario(), block=7) == (first, [])


def test_more_replicates_compute_the_new_ones_alone(tmp_path: Path) -> None:
    _rows(tmp_path / "a", _scenario(18))
    digest, computed = _rows(tmp_path / "a", _scenario(31))
    assert [span[1:3] for span in computed] == [(18, 20), (20, 25), (25, 30), (30, 31)]
    assert digest == _rows(tmp_path / "b", _scenario(31))[0]
    fewer, computed = _rows(tmp_path / "a", _scenario(11))
    assert computed == []
    assert fewer == _rows(tmp_path / "c", _scenario(11))[0]


def test_another_estimator_is_computed_alone(tmp_path: Path) -> None:
    two = ({"kind": "adjusted"}, {"kind": "crude"})
    _rows(tmp_path / "a", _scenario())
    digest, computed = _rows(tmp_path / "a", _scenario(estimators=two))
    assert {span[3] for span in computed} == {("adjusted",)}
    assert digest == _rows(tmp_path / "b", _scenario(estimators=two))[0]
    more, computed = _rows(tmp_path / "a", _scenario(25, estimators=two))
    assert [span[1:] for span in computed] == [(20, 25, ("adjusted", "crude"))]
    assert more == _rows(tmp_path / "c", _scenario(25, estimators=two))[0]
    assert _rows(tmp_path / "a", _scenario(25)) == (_rows(tmp_path / "d", _scenario(25))[0], [])


def test_an_estimator_with_other_options_is_another(tmp_path: Path) -> None:
    _rows(tmp_path, _scenario(estimators=({"kind": "matched"},)))
    _, computed = _rows(tmp_path, _scenario(estimators=({"kind": "matched", "se": "naive"},)))
    assert len(computed) == 4


def test_new_cells_are_computed_alone_and_moved_ones_found_again(tmp_path: Path) -> None:
    small, large = (_scenario(population={**tree()["population"], "size": size}) for size in (60, 90))
    _rows(tmp_path / "a", small)
    digest, computed = _rows(tmp_path / "a", large, small)
    assert {span[0] for span in computed} == {0}
    assert digest == _rows(tmp_path / "b", large, small)[0]


def test_another_world_analysis_or_seed_shares_nothing() -> None:
    asked = [
        _scenario(),
        _scenario(analysis={"matching": {"caliper": 0.1}}),
        _scenario(followup={"cut_off": "2024-02-01"}),
        scenario(estimators=({"kind": "crude"},), run={"replicates": 20, "seed": 6, "truth_patients": 6_000}),
    ]
    assert len({cell.key for cell in prepare([({}, one) for one in asked])}) == len(asked)
    described = _scenario(name="other", question="Another?", source="elsewhere")
    assert prepare([({}, described)])[0].key == prepare([({}, _scenario(30))])[0].key


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "gone", "no sum", "other sum"])
def test_a_damaged_part_alone_is_computed_again(tmp_path: Path, damage: str) -> None:
    digest, _ = _rows(tmp_path, _scenario())
    part = sorted((tmp_path / "parts").rglob("r*.parquet"))[2]
    content = part.read_bytes()
    stated = part.with_name(f"{part.name}.sha256")
    match damage:
        case "flip":
            part.write_bytes(content[:100] + bytes([content[100] ^ 4]) + content[101:])
        case "cut":
            part.write_bytes(content[:-1])
        case "empty":
            part.write_bytes(b"")
        case "gone":
            part.unlink()
        case "no sum":
            stated.unlink()
        case "other sum":
            stated.write_text("0" * 64)
    again, computed = _rows(tmp_path, _scenario())
    assert again == digest
    assert [span[1:3] for span in computed] == [(10, 15)]


def test_a_list_of_estimators_that_is_damaged_costs_its_batch(tmp_path: Path) -> None:
    digest, _ = _rows(tmp_path, _scenario())
    (found,) = (tmp_path / "parts").rglob("judged.json")
    found.write_text("[]")
    again, computed = _rows(tmp_path, _scenario())
    assert (again, len(computed)) == (digest, 4)


def test_rows_of_what_is_missing_are_refused(tmp_path: Path) -> None:
    cell = prepare([({}, _scenario())])[0]
    parts = Parts(RunFolder(tmp_path))
    judged = tuple(cell.scenario.judged())
    parts.keep(Block(cell, 0, 5, judged), block_rows(Block(cell, 0, 5, judged)))
    with pytest.raises(RunError, match="simulated studies 5 to 19 of setting 0 are not there"):
        list(parts.rows(cell))


@settings(max_examples=200, deadline=None)
@given(
    spans=st.lists(st.tuples(st.integers(0, 40), st.integers(1, 20)), max_size=8),
    total=st.integers(1, 50),
    step=st.integers(1, 60),
)
def test_gaps_are_what_is_not_covered(spans: list[tuple[int, int]], total: int, step: int) -> None:
    covered = [(first, first + length) for first, length in spans]
    have = {r for first, last in covered for r in range(first, last)}
    steps = [piece for gap in _gaps(covered, total) for piece in _steps(gap, step)]
    found = [r for first, last in steps for r in range(first, last)]
    assert found == [r for r in range(total) if r not in have]
    assert all(0 < last - first <= step and first // step == (last - 1) // step for first, last in steps)


@settings(max_examples=15, deadline=None)
@given(spans=st.lists(st.tuples(st.integers(0, 12), st.integers(1, 8), st.booleans()), max_size=6))
def test_rows_are_put_together_from_any_parts(spans: list[tuple[int, int, bool]], pieces: dict[str, Any]) -> None:
    """Whatever lies there, overlapping and of different estimators, the rows are those of one block."""
    folder = RunFolder(pieces["place"] / str(abs(hash(tuple(spans)))))
    cell: Cell = pieces["cell"]
    judged = tuple(cell.scenario.judged())
    for first, length, both in spans:
        block = Block(cell, first, first + length, judged if both else judged[:1])
        Parts(folder).keep(block, block_rows(block))
    digest, computed = _rows(folder.path, cell.scenario)
    assert digest == pieces["digest"]
    lacking = set(range(16)) - {r for first, length, both in spans if both for r in range(first, first + length)}
    assert {r for _, first, last, _ in computed for r in range(first, last)} == lacking


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A cell of two estimators, a place, and the digest of its rows in one block."""
    place = tmp_path_factory.mktemp("pieces")
    asked = _scenario(
        16, estimators=({"kind": "crude", "endpoints": ("OS",)}, {"kind": "logrank", "endpoints": ("OS",)})
    )
    return {"place": place, "cell": prepare([({}, asked)])[0], "digest": _rows(place / "one", asked, block=16)[0]}


def test_a_block_is_halved_down_to_one_replicate_and_joined_again() -> None:
    cell = prepare([({}, _scenario())])[0]
    whole = Block(cell, 3, 8, tuple(cell.scenario.judged()))
    a, b = halves(whole)
    assert (a.first, a.last, b.first, b.last) == (3, 5, 5, 8)
    assert joined([block_rows(a), block_rows(b)]).equals(block_rows(whole))
    first, second = halves(Block(cell, 3, 4, whole.judged))
    assert (first.judged, second.judged) == (whole.judged[:1], whole.judged[1:])
    assert joined([block_rows(first), block_rows(second)]).equals(block_rows(Block(cell, 3, 4, whole.judged)))
    assert halves(first) == ()
    lost = lost_rows(Block(cell, 3, 4, whole.judged))
    assert lost.schema == block_rows(a).schema
    assert set(lost["status"].to_pylist()) == {Status.WORKER_LOST}
    assert np.isnan(lost["value"].to_numpy()).all()
