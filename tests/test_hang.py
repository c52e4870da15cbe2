"""A study with an estimator that hangs or kills ends in time; what was lost is found again by the next command."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from analysis.estimators.own import columns_of
from analysis.kernels.status import LOST, Status
from benchmarks.asked.blocks import Block, block_rows, halves, joined, lost_rows, prepare, time_limit
from benchmarks.asked.errors import RunError
from benchmarks.asked.patience import seconds, told
from benchmarks.asked.sampled import samples
from benchmarks.cli.findings import Findings
from benchmarks.cli.verify_rows import check_again
from benchmarks.runs.parts import Parts
from benchmarks.runs.retries import lost_in, lost_words
from benchmarks.runs.store import RunFolder
from benchmarks.study import forecast, running
from benchmarks.workers import executors, stuck
from benchmarks.workers.executors import Rescue, Stalled, crew
from benchmarks.workers.pools import Serial
from benchmarks.workers.progress import Progress
from simulator.world.generate import generate
from tests.test_cli import _call
from tests.test_executors_ending import soon
from tests.trusting import trusted
from tests.worlds import scenario

BAD = (3, 17, 18)
TIMEOUT = 2.5
OWN = {"kind": "own", "name": "mine", "function": "mine.py:rate", "endpoints": ("OS",), "measure": "none"}
OTHER = {**OWN, "name": "other", "function": "mine.py:other"}
CRUDE = {"kind": "crude", "endpoints": ("OS",)}
FUNCTION = """
import os, time

def other(cohort):
    deaths, months = cohort.groupby("treated")["event"].sum(), cohort.groupby("treated")["time"].sum()
    return float(deaths[True] / months[True] - deaths[False] / months[False]), 0.01

def rate(cohort):
    if cohort["time"].iloc[0] in BAD and not os.path.exists("mended"):
        HOW
    return other(cohort)
"""
HOW = {"hangs": "time.sleep(10_000)", "dies": "os._exit(1)"}


def _asked(count: int = 40, *estimators: dict[str, Any], **run: Any) -> Any:
    run = {"replicates": count, "seed": 5, "truth_patients": 3_000, "replicate_timeout": TIMEOUT, **run}
    return scenario(run=run, estimators=estimators or (OWN, CRUDE, OTHER))


def _run(folder: Path, asked: Any, backend: str = "serial", **work: Any) -> running.StudyResult:
    cells = prepare([({}, asked)])
    return running.run_study(cells, RunFolder(folder), running.Work(2, 10, backend, **work), lambda *_: None)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Writes the function, which hangs or dies over three cohorts as long as there is no file ``mended``."""
    monkeypatch.chdir(tmp_path)
    asked = _asked(20, CRUDE)
    cell = prepare([({}, asked)])[0]
    (sample,) = samples(asked, generate(cell.resolved, 5, np.arange(20)), 5)
    first = [float(columns_of(sample, "OS", r)["time"][0]) for r in BAD]

    def write(how: str) -> None:
        trusted(Path("mine.py"), f"BAD = {first}\n" + FUNCTION.replace("HOW", HOW[how]))

    write("hangs")
    return write


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
    assert lost_words(hung.rows.failures().to_dict("records")) == [
        "3 replicates of 'mine' on OS took longer than run.replicate_timeout (TIMEOUT)",
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
    assert again.performance.equals(whole.performance)


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


@pytest.mark.usefixtures("file")
def test_a_block_of_compiled_estimators_has_the_time_that_the_study_says() -> None:
    def limit(*estimators: dict[str, Any], **run: Any) -> float | None:
        asked = scenario(run={"replicates": 10, "seed": 5, **run}, estimators=estimators)
        return time_limit(Block(prepare([({}, asked)])[0], 0, 10, tuple(asked.judged())))

    assert limit(CRUDE) is None
    assert limit(CRUDE, replicate_timeout="2s") == 60 + 10 * 2
    assert limit(CRUDE, OWN, replicate_timeout="2s") == 60 + 10 * 3 * 2
    assert limit(OWN, replicate_timeout="2s") is None
    assert limit(CRUDE, replicate_timeout="none") is None


@pytest.mark.parametrize(
    ("text", "value"),
    [("60s", 60.0), ("1.5 min", 90.0), ("2h", 7200.0), (45, 45.0), (".5s", 0.5), ("30", 30.0), (None, None),
     ("none", None)],
)  # fmt: skip
def test_a_time_is_a_number_with_its_unit(text: object, value: float | None) -> None:
    assert seconds(text) == value
    run = scenario(run={"replicate_timeout": text}).run
    assert run.replicate_timeout == run.compiled_timeout == value


@pytest.mark.parametrize("text", ["soon", "-1s", "0", "1 day", True, "60 s s", "", "1e9h", [60], "٣s"])
def test_what_is_no_time_is_one_clear_line(text: object, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(json.dumps({"extends": "null-effect", "run": {"replicate_timeout": text}}))
    code, out, err = _call("check", str(tmp_path / "own.yaml"))
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "run.replicate_timeout" in err
    assert "60s, 10min, 2h or none" in err


def test_times_are_told_and_are_no_part_of_the_study(tmp_path: Path) -> None:
    assert (told(None), told(60), told(600), told(7200), told(90)) == ("any time", "60 s", "10 min", "2 h", "90 s")
    assert scenario().run.replicate_timeout == 600
    assert scenario().run.compiled_timeout is None
    assert (
        "time for one replicate: 10 min for functions of one's own, any time for compiled" in _call("show", "paper")[1]
    )
    assert (
        "time for one replicate: 2 h for functions of one's own, 2 h for compiled"
        in _call("show", "paper", "-S", "run.replicate_timeout=2h")[1]
    )
    keys = {prepare([({}, _asked(20, CRUDE, replicate_timeout=text))])[0].key for text in ("1s", "2h", None)}
    assert len(keys) == 1
    words = ["run", "null-effect", "--reps", "4", "--jobs", "1", "--json", "--out", str(tmp_path / "run")]
    words += ["-S", "run.truth_patients=2000", "-S", "estimators=[crude]"]
    made = [_call(*words, *more) for more in ((), ("-S", "run.replicate_timeout=5min"))]
    assert [code for code, _, _ in made] == [0, 0], made[1][2]
    assert len({json.loads(out)["provenance"]["rows_sha256"] for _, out, _ in made}) == 1


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize("backend", ["serial", "threads", "processes"])
def test_it_is_told_who_is_stuck_at_what(backend: str) -> None:
    asked = _asked(20, OWN, CRUDE)
    cell = prepare([({}, asked)])[0]
    said: list[str] = []
    tasks = [Block(cell, first, first + 10, tuple(asked.judged())) for first in (0, 10)]
    with crew(backend, 2) as workers:
        list(workers.run_in_order(block_rows, [replace(one, last=one.first + 1) for one in tasks]))  # all have begun
        heard = Stalled(0.8, lambda idle, at_work: said.append(stuck.stuck(idle, at_work)))
        made = list(workers.run_in_order(block_rows, tasks, stalled=heard))
    assert sum((np.array(one["status"]) == Status.TIMEOUT).sum() for one in made) == 3
    assert any(re.search(r"on replicate (3|17|18) \(estimator 'mine', \d+ s\)", line) for line in said), said
    assert all(line.startswith("no block finished for ") for line in said)


def test_it_is_told_again_after_twice_as_long(capsys: pytest.CaptureFixture[str]) -> None:
    heard: list[float] = []
    watch = executors.Watch(0.2, heard.append)
    time.sleep(1.2)
    watch.moved()
    moved = len(heard)
    time.sleep(0.35)
    watch.end()
    assert 2 <= moved <= 3  # after 0.2 s, 0.4 s, 0.8 s
    assert all(later > 1.7 * one for one, later in pairwise(heard[:moved]))
    assert moved < len(heard) <= moved + 1
    cell = prepare([({}, _asked(20, CRUDE))])[0]
    heard_of = stuck.stalled(Progress())
    assert heard_of is not None
    assert heard_of.after == 300
    heard_of.say(301.0, [(Block(cell, 10, 20, tuple(cell.scenario.judged())), None)])
    assert capsys.readouterr().err == "no block finished for 5 min: worker 1 on replicates 10 to 19\n"
    assert stuck.stalled(lambda *_: None) is None


@pytest.mark.usefixtures("file")
def test_a_forecast_of_what_hangs_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast, "PILOT_PATIENCE", 1.5)
    cells = prepare([({}, _asked(replicate_timeout=None))])
    with pytest.raises(RunError, match=r"estimator 'mine' took longer than 1.5 s over replicate 3 of cell 0"):
        forecast.forecast("", cells, running.Work(1, 10), RunFolder(Path("nowhere")), lambda _: "")


def _study(folder: Path) -> None:
    entry = {"kind": "own", "name": "mine", "function": "stuck.py:f", "endpoints": ["OS"]}
    (folder / "stuck.yaml").write_text(json.dumps({"extends": "null-effect", "name": "stuck", "estimators": [entry]}))
    trusted(
        folder / "stuck.py",
        "import os, time\ndef f(cohort):\n    open('begun', 'w').close()\n    os.fork()\n    time.sleep(10_000)\n",
    )


def _marked(token: str) -> list[int]:
    """The living processes that have the token in their environment."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if token.encode() in (place / "environ").read_bytes():
                found.append(int(place.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize(
    ("backend", "number"),
    [("serial", signal.SIGINT), pytest.param("threads", signal.SIGINT, marks=pytest.mark.slow),
     ("processes", signal.SIGINT), ("threads", signal.SIGKILL),
     pytest.param("processes", signal.SIGKILL, marks=pytest.mark.slow)],
)  # fmt: skip
def test_interrupted_while_a_function_hangs_it_ends_at_once(
    tmp_path: Path, backend: str, number: signal.Signals
) -> None:
    """Ctrl-C ends it with 130 and a line that says how to go on; nothing is left, after a kill either."""
    _study(tmp_path)
    token = f"token-{tmp_path.name}-{os.getpid()}"
    home = str(Path(__file__).parent.parent)
    words = ["run", "stuck.yaml", "--reps", "4", "--backend", backend, "--jobs", "2", "--block", "1"]
    process = subprocess.Popen(
        [sys.executable, "-c", "from trialtwin.__main__ import main; main()", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, start_new_session=True,
        env={**os.environ, "PYTHONPATH": home, "KEPT_FOR": token},
    )  # fmt: skip
    try:
        assert soon((tmp_path / "begun").exists, 120)
        assert len(_marked(token)) > 2
        os.kill(process.pid, number)
        _, err = process.communicate(timeout=20)
        if number == signal.SIGINT:
            assert process.returncode == 130
            assert "the same command again goes on where this one stopped" in err
        assert soon(lambda: not _marked(token), 10), _marked(token)
    finally:
        for pid in _marked(token):
            os.kill(pid, signal.SIGKILL)


def test_parts_of_which_nothing_was_lost_are_not_read_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = _asked(20, CRUDE)
    _run(tmp_path, asked)

    def never(*_: object) -> None:
        raise AssertionError("read")

    monkeypatch.setattr(Parts, "read", never)
    cells = prepare([({}, asked)])
    assert running._to_retry(cells, Parts(RunFolder(tmp_path)), running.Work(1, 10), (1, 1)) == []
    assert replace(running.Work(1), retry=False) != running.Work(1)
