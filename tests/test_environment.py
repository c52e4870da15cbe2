"""The command in odd surroundings: one line and exit code 2 where it cannot work, else as ever."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.workers.progress import Progress

HOME = Path(__file__).parent.parent
COMMAND = f"{sys.executable} -c 'from trialtwin.__main__ import main; main()'"
VALID = "paper: valid, 1 setting"


def shell(script: str, folder: Path, **environment: str | None) -> subprocess.CompletedProcess[str]:
    """A shell's run of a script in which ``$T`` is the command; an environment variable of None is unset."""
    kept = {**os.environ, "PYTHONPATH": str(HOME), "OPENBLAS_NUM_THREADS": "1", "T": COMMAND, **environment}
    return subprocess.run(
        ["bash", "-c", script.replace("$T", COMMAND)],
        cwd=folder, env={name: value for name, value in kept.items() if value is not None},
        capture_output=True, text=True, encoding="utf-8", errors="replace", timeout=120, check=False,
    )  # fmt: skip


def refused(done: subprocess.CompletedProcess[str], part: str) -> None:
    """Asserts exit code 2 and one line that holds the part."""
    assert done.returncode == 2, done.stderr
    assert part in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


WELL: dict[str, tuple[str, dict[str, str | None]]] = {
    "no home": ("$T check paper", {"HOME": None}),
    "a home that is no folder": ("$T check paper", {"HOME": "/dev/null", "XDG_CACHE_HOME": None}),
    "no cache": ("$T check paper", {"HOME": "/dev/null", "NUMBA_CACHE_DIR": "/dev/null/y"}),
    "plain C": ("$T check paper", {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}),
    "an unknown language": ("$T check paper", {"LANG": "xx_XX.nothing", "LC_ALL": None, "LC_CTYPE": None}),
    "no stdin": ("$T check paper <&-", {}),
    "few files": ("ulimit -n 16; $T check paper", {}),
    "a folder that cannot be written": ("cd /proc; $T check paper", {}),
}  # fmt: skip


@pytest.mark.parametrize("name", WELL)
def test_what_is_odd_and_does_not_matter(name: str, tmp_path: Path) -> None:
    script, environment = WELL[name]
    done = shell(script, tmp_path, **environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(VALID)
    assert not done.stderr


def test_what_a_terminal_may_not_know_is_printed(tmp_path: Path) -> None:
    text = 'extends: hcc-lung-metastasis\nname: odd\nquestion: "≤ 5 % für alle?"\n'
    (tmp_path / "odd.yaml").write_text(text, "utf-8")
    done = shell("$T show odd.yaml", tmp_path, LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr
    assert "5 % f" in done.stdout
    assert not done.stderr
    done = shell("$T show odd.yaml", tmp_path, PYTHONIOENCODING="utf-8")
    assert "odd: ≤ 5 % für alle?" in done.stdout


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff.yaml")).write_text("extends: hcc-lung-metastasis\nname: odd\n", "utf-8")
    done = shell("$T check $'\\xff.yaml'", tmp_path)
    assert done.returncode == 0, done.stderr
    refused(shell("$T check $'\\xfe.yaml'", tmp_path), "there is no document")


def test_a_reader_that_leaves(tmp_path: Path) -> None:
    done = shell("$T schema | head -1; exit ${PIPESTATUS[0]}", tmp_path)
    assert done.stdout == "{\n"
    assert not done.stderr


def test_closed_and_full_streams(tmp_path: Path) -> None:
    assert shell("$T check paper >&-", tmp_path).returncode == 0
    assert shell("$T check no-such-paper 2>&-", tmp_path).returncode == 2
    if Path("/dev/full").exists():
        refused(shell("$T show paper >/dev/full", tmp_path), "No space left on device")


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    refused(shell("mkdir a; cd a; rmdir ../a; $T check paper", tmp_path), "the current folder is gone")


@pytest.mark.parametrize(
    "words",
    ["simulate paper --out x.csv", "new x.yaml", "run paper --reps 2", "audit hcc-lung-metastasis --report x.html"],
)  # fmt: skip
def test_what_cannot_be_written_is_named(words: str, tmp_path: Path) -> None:
    done = shell(f"cd /proc; $T {words}", tmp_path)
    assert done.returncode == 2, done.stderr
    assert "cannot be written" in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")
@pytest.mark.parametrize("kilobytes", [350_000, 500_000])
def test_too_little_memory_to_begin_is_one_line(kilobytes: int, tmp_path: Path) -> None:
    done = shell(f"ulimit -v {kilobytes}; $T check paper", tmp_path)
    if done.returncode != 0:  # how little is too little depends on the machine
        refused(done, "trialtwin: ")


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")
def test_a_cohort_beyond_the_limit_of_memory_is_refused(tmp_path: Path) -> None:
    done = shell("ulimit -v 1500000; $T simulate paper -S population.size=2000000 --out x.csv", tmp_path)
    refused(done, "population.size: 4,000,000 patients take about")


def test_progress_does_not_mind_the_clock(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    back = iter(range(10**9, 0, -(10**6)))
    monkeypatch.setattr(time, "time", lambda: float(next(back)))
    progress = Progress()
    for done in range(1, 11):
        progress("blocks", done, 10)
    told = capsys.readouterr().err
    assert "10 of 10" in told
    assert "-" not in told


def test_nothing_asks_what_time_it_is() -> None:
    """The clock may jump: what waits or measures uses the monotonic one; a page states its time in one place."""
    stated = HOME / "benchmarks" / "report" / "engine.py"
    for room in ("simulator", "analysis", "benchmarks"):
        files = list((HOME / room).rglob("*.py"))
        assert files
        for path in files:
            text = path.read_text("utf-8")
            if path == stated:
                text = text.replace('now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")', "", 1)
            assert not {w for w in ("time.time(", "datetime.now(", "date.today(", "utcnow(") if w in text}, path
