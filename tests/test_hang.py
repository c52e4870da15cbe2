"""A study with an estimator that hangs or kills ends in time; what was lost is found again by the next command."""

import os
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from analysis.kernels.status import LOST, Status
from benchmarks.asked.blocks import Block, block_rows, halves, joined, lost_rows, prepare
from benchmarks.cli.findings import Findings
from benchmarks.cli.verify_rows import check_again
from benchmarks.runs.parts import Parts
from benchmarks.runs.retries import lost_in, lost_words
from benchmarks.runs.store import RunFolder
from benchmarks.study import running
from benchmarks.workers import executors
from benchmarks.workers.executors import Rescue
from benchmarks.workers.pools import Serial
from tests import hanging
from tests.hanging import BAD, CRUDE, OTHER, OWN, TIMEOUT, _asked, _run

file = hanging.file


def _statuses(result: running.StudyResult, name: str) -> list[int]:
    return [int(code) for code in result.rows.of(0, "OS", name, ())[1]]


@pytest.mark.parametrize("backend", ["serial", "threads", "processes", pytest.param("dask", marks=pytest.mark.slow)])
@pytest.mark.usefixtures("file")
def test_those_that_hang_are_timed_out_and_the_next_command_finds_them(tmp_path: Path, backend: str) -> None:
    began = time.monotonic()
    hung = _run(tmp_path / "hung", _asked(), backend)
    assert time.monotonic() - began < 3 * TIMEOUT + 180  # a busy machine, but not 10,000 s
    codes = _statuses(hung, "mine")
    assert [r for r, code in enumerate(codes) if code == Status.TIMEOUT] == list(BAD)
    assert set(codes) == {Status.OK, Status.TIMEOUT}
    assert set(_statuses(hung, "crude") + _statuses(hung, "other")) == {Status.OK}
    assert hung.measured[0, "OS", "mine", "own"]["convergence"].value == 37 / 40
    assert lost_words(hung.rows.failures()) == [
        "3 simulated studies by 'mine' of OS took longer than run.replicate_timeout (TIMEOUT)",
        "the same command tries them again",
    ]
    Path("mended").touch()
    whole = _run(tmp_path / "whole", _asked(), "serial")
    for name in ("mine", "crude", "other"):
        ours, theirs = (one.rows.of(0, "OS", name) for one in (hung, whole))
        there = ~np.isin(ours[1], LOST)
        assert all(ours[0][key][there].tobytes() == theirs[0][key][there].tobytes() for key in ours[0])
    left = _run(tmp_path / "hung", _asked(), backend, retry=False)
    assert left.rows_sha256 == hung.rows_sha256
    again = _run(tmp_path / "hung", _asked(), backend)
    assert again.rows_sha256 == whole.rows_sha256
    assert repr(again.performance) == repr(whole.performance)


def test_only_what_was_lost_is_computed_again_and_once(
    tmp_path: Path, file: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    file("dies")
    computed: list[tuple[int, int, tuple[str, ...]]] = []

    def counting(block: Block) -> pa.Table:
        computed.append((block.first, block.last, tuple(one.name for _, one in block.judged)))
        return block_rows(block)

    monkeypatch.setattr(running, "block_rows", counting)
    lost = _run(tmp_path / "run", _asked())
    assert [r for r, code in enumerate(_statuses(lost, "mine")) if code == Status.WORKER_LOST] == list(BAD)
    computed.clear()
    wanted = [(3, 4, ("mine",)), (17, 19, ("mine",))]
    assert _run(tmp_path / "run", _asked()).rows_sha256 == lost.rows_sha256
    assert computed == wanted
    computed.clear()
    Path("mended").touch()
    more = _run(tmp_path / "run", _asked(45, OWN, CRUDE, OTHER, {"kind": "logrank", "endpoints": ("OS",)}))
    assert computed[:2] == wanted
    assert {place[2] for place in computed[2:]} == {("logrank",), ("mine", "crude", "other", "logrank")} or all(
        "mine" not in names or first >= 40 for first, _, names in computed[2:]
    )
    assert set(_statuses(more, "mine")) == {Status.OK}
    fewer = _run(tmp_path / "run", _asked())
    assert fewer.rows_sha256 == _run(tmp_path / "new", _asked()).rows_sha256


def test_verify_tells_what_it_did_not_ask_again(tmp_path: Path, file: Callable[[str], None]) -> None:
    file("dies")
    cells = prepare([({}, _asked(20))])
    lost = running.run_study(cells, RunFolder(tmp_path / "run"), running.Work(1, 10, "serial"), lambda *_: None)
    for chosen, left in ((range(20), 3), (range(10), 1), (range(3), 0)):
        found = Findings()
        check_again(lost.rows, [(cells[0], r) for r in chosen], cells, False, running.Work(1), lambda *_: None, found)
        told = [line for line in found.unchecked if "said to have lost" in line]
        assert [line.split(" ")[0] for line in told] == ([str(left)] if left else [])


@pytest.mark.usefixtures("file")
def test_a_retry_that_is_killed_is_put_together_by_the_next_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(tmp_path / "run", _asked())
    Path("mended").touch()
    genuine = running.mend

    def killed(*words: Any) -> int:
        genuine(*words)
        if killed.__dict__.setdefault("count", 0):
            raise KeyboardInterrupt
        killed.__dict__["count"] = 1
        return 1

    monkeypatch.setattr(running, "mend", killed)
    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path / "run", _asked())
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    again = _run(tmp_path / "run", _asked(), retry=False)
    assert again.rows_sha256 == _run(tmp_path / "whole", _asked()).rows_sha256


@pytest.mark.usefixtures("file")
def test_shards_mend_their_own_parts_and_a_merge_mends_none(tmp_path: Path) -> None:
    cells, folder = prepare([({}, _asked())]), RunFolder(tmp_path / "run")
    for shard in ((1, 2), (2, 2)):
        running.compute(cells, folder, running.Work(1, 10), lambda *_: None, shard)
    merged = running.run_study(cells, folder, running.Work(1, 10, retry=False), lambda *_: None)
    Path("mended").touch()
    counts = [
        running.compute(cells, folder, running.Work(1, 10), lambda *_: None, shard)[0] for shard in ((1, 2), (2, 2))
    ]
    assert counts == [1, 1]  # replicates 3, and 17 to 18
    again = running.run_study(cells, folder, running.Work(1, 10, retry=False), lambda *_: None)
    assert again.rows_sha256 != merged.rows_sha256
    assert again.rows_sha256 == _run(tmp_path / "whole", _asked()).rows_sha256


@pytest.mark.usefixtures("file")
def test_what_was_mended_elsewhere_is_merged_in(tmp_path: Path) -> None:
    """A part that was copied while rows of it were lost is copied again once they are found."""
    here, there = RunFolder(tmp_path / "here"), RunFolder(tmp_path / "there")
    cells = prepare([({}, _asked(20))])
    lost = running.run_study(cells, there, running.Work(1, 10), lambda *_: None)
    assert Parts(here).take(Parts(there))
    assert not Parts(here).take(Parts(there))
    first = running.run_study(cells, here, running.Work(1, 10, retry=False), lambda *_: None)
    assert first.rows_sha256 == lost.rows_sha256
    counted = [lost_in(Parts(here), cell) for cell in cells]
    assert [(one["estimator"], one["status"], one["count"]) for one in counted[0]] == [("mine", "TIMEOUT", 3)]
    Path("mended").touch()
    running.run_study(cells, there, running.Work(1, 10), lambda *_: None)
    assert Parts(here).take(Parts(there))
    here.write_checked(running.MADE_OF, b"[]")
    merged = running.run_study(cells, here, running.Work(1, 10, retry=False), lambda *_: None)
    assert set(_statuses(merged, "mine")) == {Status.OK}


def _deadly(block: Block, how: str) -> pa.Table:
    """The rows of a block, unless it has the crude estimate of replicate 7."""
    if block.first <= 7 < block.last and any(one.name == "crude" for _, one in block.judged):
        if how == "dies":
            os._exit(1)
        time.sleep(10_000)
    return block_rows(block)


@pytest.mark.parametrize("how", ["dies", "hangs"])
def test_a_task_is_divided_by_replicates_and_then_by_estimators(how: str) -> None:
    """A crew whose one worker may die, in this process: what kills it is lost alone; late at once, dead after two."""
    begun: list[tuple[int, int, tuple[str, ...]]] = []

    class Mortal(Serial):
        mortal = True

        def submit(self, function: Any, task: Any) -> Any:
            future: Future[Any] = Future()
            begun.append((task.first, task.last, tuple(one.name for _, one in task.judged)))
            if task.first <= 7 < task.last and any(one.name == "crude" for _, one in task.judged):
                time.sleep(0.3 if how == "hangs" else 0.0)
                future.set_exception(MemoryError())
            else:
                future.set_result(function.args[1](task))  # without what would end this process
            return future

    estimators = (CRUDE, {"kind": "logrank", "endpoints": ("OS",)}, {"kind": "exponential", "endpoints": ("OS",)})
    asked = _asked(12, *estimators)
    cell = prepare([({}, asked)])[0]
    tasks = [Block(cell, 4, 8, tuple(asked.judged()))]
    limit = 0.25 if how == "hangs" else 100.0
    rescue = Rescue(halves, joined, lost_rows, lambda block: limit, partial(lost_rows, late=True))  # noqa: ARG005
    (made,) = executors.Crew("mortal", Mortal()).run_in_order(block_rows, tasks, rescue=rescue)
    whole = block_rows(tasks[0])
    lost = np.array([r == 7 and name == "crude" for r in range(4, 8) for name in ("crude", "logrank", "exponential")])
    codes = np.array(made["status"])
    assert set(codes[lost]) == {Status.TIMEOUT if how == "hangs" else Status.WORKER_LOST}
    for name in ("value", "se", "p", "status"):
        assert np.array(made[name])[~lost].tobytes() == np.array(whole[name])[~lost].tobytes()
    every = 1 if how == "hangs" else 2
    deaths = [(4, 8, 3), (6, 8, 3), (7, 8, 3), (7, 8, 1)]
    found = [(first, last, len(names)) for first, last, names in begun]
    assert [found.count(one) for one in deaths] == [every] * 4
    assert len(begun) == every * 4 + 3


@pytest.mark.slow
@pytest.mark.parametrize("how", ["dies", "hangs"])
def test_a_compiled_estimator_that_kills_or_hangs_its_worker_is_lost_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Neither its neighbours nor the other estimators of its replicate."""
    estimators = (CRUDE, {"kind": "logrank", "endpoints": ("OS",)}, {"kind": "exponential", "endpoints": ("OS",)})
    asked = _asked(12, *estimators)
    whole = _run(tmp_path / "whole", asked)
    monkeypatch.setattr(running, "block_rows", partial(_deadly, how=how))
    limits = Rescue(halves, joined, lost_rows, lambda block: 15.0, partial(lost_rows, late=True))  # noqa: ARG005
    monkeypatch.setattr(running, "RESCUE", limits if how == "hangs" else running.RESCUE)
    made = _run(tmp_path / "made", asked, "processes")
    status = Status.TIMEOUT if how == "hangs" else Status.WORKER_LOST
    assert _statuses(made, "crude") == [status if r == 7 else Status.OK for r in range(12)]
    for name in ("logrank", "exponential"):
        ours, theirs = (one.rows.of(0, "OS", name)[0]["p"] for one in (made, whole))
        assert ours.tobytes() == theirs.tobytes()
