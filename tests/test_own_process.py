"""A user's function that hangs, dies, shouts or starts others costs its own cohort and nothing else."""

import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis.estimators import Estimate, Own, own_link, own_process
from analysis.estimators.own import columns_of
from analysis.estimators.own_call import answer_of
from analysis.estimators.own_code import OwnFunctionError
from analysis.kernels.status import Status
from tests.own_functions import peto
from tests.test_own_estimator import _sample
from tests.trusting import trusted

PATIENCE = 1.0
FUNCTIONS = """
import os, signal, subprocess, sys, time

TOKEN = "KEPT"

def fine(cohort):
    return 0.1, 0.2

def at_first(cohort, then):
    if cohort["time"].iloc[0] == FIRST:
        then()
    return 0.1, 0.2

def stubborn():
    for number in (signal.SIGTERM, signal.SIGALRM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    while True:
        try:
            time.sleep(1)
        except BaseException:
            pass

def starts_others():
    if os.fork() == 0:
        if os.fork() == 0:
            os.setsid()
        time.sleep(600)
    subprocess.Popen(["sleep", "600"], start_new_session=True)
    time.sleep(600)

def prints_without_end():
    while True:
        print("x" * 100_000)

def stops_itself():
    os.kill(os.getpid(), signal.SIGSTOP)

def no_memory():
    raise MemoryError

def kills_its_keeper():
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(600)

def make(then):
    return lambda cohort: at_first(cohort, then)

hangs, forks, shouts, stops = map(make, (stubborn, starts_others, prints_without_end, stops_itself))
leaves, crashes = make(lambda: os._exit(0)), make(lambda: os.kill(os.getpid(), signal.SIGSEGV))
exits, closes = make(sys.exit), make(lambda: os.closerange(3, 256))
runs_out, orphans = make(no_memory), make(kills_its_keeper)

def without_streams(cohort):
    for end in (0, 1, 2):
        os.close(end)
    return 0.1, 0.2

def talks(cohort):
    print("so it begins")
    sys.stderr.write("and ends\\n")
    os.write(1, b"x" * 50_000)
    return 0.1, 0.2

def huge(cohort):
    return [0.0] * 10_000_000

def long(cohort):
    return "x" * 100_000_000

def many(cohort):
    return {str(k): 1.0 for k in range(100)}

def where(cohort):
    threads = [os.environ[f"{name}_NUM_THREADS"] for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")]
    return len(os.getcwd()), float(threads == ["1"] * 4 and os.getsid(0) != PARENT)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    first = columns_of(_sample(3), "OS", 1)["time"][0]
    return trusted(tmp_path / "mine.py", f"FIRST, PARENT = {float(first)!r}, {os.getsid(0)}\n" + FUNCTIONS)


def _made(file: Path, name: str, patience: float | None = PATIENCE, count: int = 3) -> Estimate:
    return Own(name="own", function=f"{file}:{name}").estimate(replace(_sample(count), patience=patience), "OS")


def _living() -> list[str]:
    """The processes that the children have started, and what is dead but not buried."""
    own = {child.process.pid for child in own_process._IDLE}
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (place / "stat").read_text().rpartition(")")[2].split()[:2]
            words = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if (state == "Z" and int(parent) in (os.getpid(), *own)) or words.startswith("sleep 600"):
            found.append(f"{place.name} {state} {words}")
    return found


def _fine_but_one(made: Estimate, status: Status) -> None:
    assert made.status.tolist() == [Status.OK, status, Status.OK]
    assert made.value[[0, 2]].tolist() == [0.1, 0.1]
    assert np.isnan(made.value[1])


@pytest.mark.parametrize("name", ["hangs", "forks", "shouts", "stops"])
def test_one_cohort_that_does_not_end_is_one_timeout(file: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    _made(file, "fine", None)
    began = time.monotonic()
    _fine_but_one(_made(file, name), Status.TIMEOUT)
    assert time.monotonic() - began < PATIENCE + 10
    assert _living() == []
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err) < 2 * own_link.PASSED_ON
    _fine = _made(file, "fine")
    assert (_fine.status == Status.OK).all()


@pytest.mark.parametrize("name", ["leaves", "crashes", "exits", "closes", "runs_out", "orphans"])
def test_one_cohort_that_kills_its_process_is_one_lost_worker(file: Path, name: str) -> None:
    _fine_but_one(_made(file, name, 60.0), Status.WORKER_LOST)
    assert _living() == []


def test_whoever_dies_once_is_tried_once_more(file: Path) -> None:
    trusted(
        file,
        file.read_text()
        + f"""
def once(cohort):
    if not os.path.exists("{file.parent / "died"}"):
        open("{file.parent / "died"}", "w").close()
        os._exit(1)
    return 0.1, 0.2
""",
    )
    assert (_made(file, "once", 60.0).status == Status.OK).all()


def test_what_it_prints_goes_to_stderr_up_to_a_limit(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert (_made(file, "without_streams", 60.0).status == Status.OK).all()
    assert (_made(file, "talks", 60.0).status == Status.OK).all()
    out, err = capfd.readouterr()
    assert out == ""
    assert "so it begins" in err
    assert "and ends" in err
    assert "beyond this is dropped" in err
    assert len(err) < own_link.PASSED_ON + 1000


@pytest.mark.parametrize(("name", "told"), [("huge", "0.0, ...]"), ("long", "xxx..."), ("many", "100 numbers")])
def test_an_answer_that_is_too_long_is_one_short_line(file: Path, name: str, told: str) -> None:
    with pytest.raises(OwnFunctionError, match="must give value and se") as error:
        _made(file, name, 60.0)
    assert told in str(error.value)
    assert len(str(error.value)) < 500


def test_a_file_that_never_loads_is_one_line(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trusted(file, "def fine(cohort):\n    return 0.1, 0.2\nwhile True:\n    pass\n")
    monkeypatch.setattr(own_link, "LOADING", 1.0)
    with pytest.raises(OwnFunctionError, match=r"mine\.py:fine: its file takes longer than 1 s to load"):
        _made(file, "fine")
    trusted(file, "def fine(cohort):\n    return 0.3, 0.2\n")
    assert _made(file, "fine", 60.0).value.tolist() == [0.3] * 3  # what is written there now


def test_it_is_called_as_before(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the current folder, with one thread, in a session of its own; its bits are those of a call here."""
    for folder in (file.parent, file.parent / "deeper"):
        folder.mkdir(exist_ok=True)
        monkeypatch.chdir(folder)
        made = _made(file, "where", 60.0)
        assert made.value.tolist() == [len(str(folder))] * 3
        assert made.se.tolist() == [1.0] * 3
    sample = _sample(3)
    there = Own(name="own", function="tests.own_functions:peto").estimate(sample, "OS")
    here = [answer_of("peto", peto, columns_of(sample, "OS", r), r, 0.95) for r in range(3)]
    made = np.array([there.value, there.se, there.low, there.high, there.p])
    assert made.T.tobytes() == np.array(here).tobytes()


def test_children_draw_different_numbers(file: Path) -> None:
    """A child that takes another's place does not repeat what that one drew."""
    trusted(
        file,
        "import os\nimport numpy as np\ndef luck(cohort):\n    value = np.random.rand()\n"
        f"    open('{file.parent / 'drawn'}', 'a').write(f'{{value!r}} ')\n    os._exit(1)\n",
    )
    _made(file, "luck", 60.0)
    drawn = (file.parent / "drawn").read_text().split()
    assert len(drawn) == 6
    assert len(set(drawn)) == 6


def test_an_answer_that_nobody_wants_any_more_is_not_waited_for(file: Path) -> None:
    stop, raised = threading.Event(), []

    def work() -> None:
        with own_process.until(stop):
            try:
                _made(file, "hangs", 600.0)
            except own_link.Stopped as error:
                raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    end = time.monotonic() + 60
    while not any(one.replicate == 1 for one in own_process.busy().values()) and time.monotonic() < end:
        time.sleep(0.01)
    (note,) = own_process.busy().values()
    assert (note.estimator, note.replicate, note.thread) == ("own", 1, thread.ident)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert len(raised) == 1
    assert own_process.busy() == {}


def test_threads_have_children_of_their_own(file: Path) -> None:
    made: list[Estimate] = []
    threads = [threading.Thread(target=lambda: made.append(_made(file, "hangs", 2.0))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for one in made:
        _fine_but_one(one, Status.TIMEOUT)
    assert len(made) == 2


def test_idle_processes_end_when_they_are_told(file: Path) -> None:
    _made(file, "fine")
    processes = [child.process for child in own_process._IDLE]
    assert processes
    own_process.end_all()
    assert all(process.returncode == 0 for process in processes)
    assert _living() == []
    _made(file, "fine")
    (child,) = own_process._IDLE
    os.kill(child.process.pid, signal.SIGKILL)
    assert (_made(file, "fine").status == Status.OK).all()
