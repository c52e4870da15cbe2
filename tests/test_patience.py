"""How long an estimator may take: what a study says, what is told of who is stuck, and an interruption."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.kernels.status import Status
from benchmarks.asked.blocks import Block, block_rows, prepare, time_limit
from benchmarks.asked.errors import RunError
from benchmarks.asked.patience import seconds, told
from benchmarks.runs.parts import Parts
from benchmarks.runs.store import RunFolder
from benchmarks.study import forecast, running
from benchmarks.workers import executors, stuck
from benchmarks.workers.executors import Stalled, crew
from benchmarks.workers.progress import Progress
from tests import hanging
from tests.hanging import CRUDE, OWN, _asked, _run
from tests.test_cli import _call
from tests.test_executors_ending import soon
from tests.trusting import trusted
from tests.worlds import scenario

pytestmark = pytest.mark.usefixtures("unpaged")

file = hanging.file


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
        "time for one simulated study: 10 min for functions of one's own, any time for compiled"
        in _call("show", "paper")[1]
    )
    assert (
        "time for one simulated study: 2 h for functions of one's own, 2 h for compiled"
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
    assert any(re.search(r"on simulated study (3|17|18) \(estimator 'mine', \d+ s\)", line) for line in said), said
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
    assert capsys.readouterr().err == "no block finished for 5 min: worker 1 on simulated studies 10 to 19\n"
    assert stuck.stalled(lambda *_: None) is None


@pytest.mark.usefixtures("file")
def test_a_forecast_of_what_hangs_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast, "PILOT_PATIENCE", 1.5)
    cells = prepare([({}, _asked(replicate_timeout=None))])
    with pytest.raises(RunError, match=r"estimator 'mine' took longer than 1.5 s over simulated study 3 of setting 0"):
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
