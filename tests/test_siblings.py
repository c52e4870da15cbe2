"""A user's own folders of our packages' names break neither the import nor the command nor what a run starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulator import siblings

HOME = Path(__file__).parent.parent
RATES = """\
from math import log, sqrt

def rate_ratio(cohort):
    arms = cohort.groupby("treated")[["event", "time"]].sum()
    rate = arms["event"] / arms["time"]
    return log(rate[True] / rate[False]), sqrt((1 / arms["event"]).sum())
"""
HEAD = """\
import sys
sys.path.insert(0, "")
import trialtwin
"""
STUDY = """\
own = {"kind": "own", "name": "rates", "function": "rates.py:rate_ratio", "measure": "marginal_log_hr"}
study = {"name": "mine", "extends": "paper", "estimators": ["crude", own], "run": {"replicates": 4}}
"""
RUN = "print(trialtwin.run(study, backend='{backend}', jobs=1, out='{backend}', trust=True).lines[0])\n"


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A folder with a user's own packages of our names, none of which can be imported unnoticed."""
    for name in ("analysis/__init__.py", "benchmarks.py", "simulator/__init__.py", "simulator/start.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("raise SystemExit('theirs was imported')")
    (tmp_path / "rates.py").write_text(RATES)
    return tmp_path


def python(folder: Path, *words: str, path: str = "") -> subprocess.CompletedProcess[str]:
    """What a fresh interpreter does in that folder, where the facade is found last on the path."""
    own = os.pathsep.join(filter(None, (path, str(HOME / "benchmarks" / "facade"))))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={**environment, "PYTHONPATH": own, "XDG_CONFIG_HOME": str(folder / "config")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize(
    ("path", "words"), [("", ["-m", "trialtwin"]), (".", ["-c", "from trialtwin.__main__ import main; main()"])]
)
def test_the_import_and_the_command(theirs: Path, path: str, words: list[str]) -> None:
    script = HEAD + "import analysis.plan, benchmarks.asked, simulator.cohort; print(analysis.__file__)"
    done = python(theirs, "-c", script, path=path)
    assert (done.stdout, done.stderr) == (f"{HOME / 'analysis' / '__init__.py'}\n", "")
    done = python(theirs, *words, "check", "paper", path=path)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert done.stdout.startswith("paper: valid")
    noticed = python(theirs, "-c", "import sys; sys.path.insert(0, ''); import analysis", path=path)
    assert "theirs was imported" in noticed.stderr  # the folder can be seen to hide ours


def test_a_run_with_a_function_of_ones_own_in_processes(theirs: Path) -> None:
    done = python(theirs, "-c", HEAD + STUDY + RUN.format(backend="processes"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("rows sha256")
    assert "theirs" not in done.stderr


@pytest.mark.slow
def test_a_run_in_its_own_process_and_on_dask(theirs: Path) -> None:
    script = HEAD + STUDY + RUN.format(backend="serial") + RUN.format(backend="dask")
    (theirs / "script.py").write_text("if __name__ == '__main__':\n    " + script.replace("\n", "\n    "))
    done = python(theirs, "script.py")
    assert done.returncode == 0, done.stderr
    serial, dask = done.stdout.splitlines()
    assert serial == dask
    assert serial.startswith("rows sha256")


@pytest.mark.parametrize("name", siblings.ROOMS)
def test_theirs_imported_before_is_told_on_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("")
    told = f"a package '{name}' that is not TrialTwin's is imported already, from {tmp_path / name / '__init__.py'}"
    done = python(tmp_path, "-c", f"import sys; sys.path.insert(0, ''); import {name}; import trialtwin")
    assert done.stderr.splitlines()[-1].startswith(f"ImportError: {told}; import trialtwin before it")
    door = tmp_path / "bin" / "trialtwin"
    door.parent.mkdir()
    door.write_text(f"import {name}\nfrom trialtwin.__main__ import main\n\nmain()\n")
    done = python(tmp_path, str(door), path=str(tmp_path))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert done.stderr.startswith(f"trialtwin: {told}")


def test_the_path_for_children_has_what_hides_ours_last(theirs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = [str(HOME / "tests"), str(HOME)]
    assert siblings.path_for_children(usual) == usual
    (theirs / "empty" / "analysis").mkdir(parents=True)  # a folder that is no package hides nothing
    other = str(theirs / "empty")
    assert siblings.path_for_children([other, *usual]) == [other, *usual]
    assert siblings.path_for_children([str(theirs), other, *usual]) == [other, *usual, str(theirs)]
    assert siblings.path_for_children([str(theirs), other]) == [other, str(HOME), str(theirs)]
    monkeypatch.chdir(theirs)
    monkeypatch.setattr(sys, "path", ["", *usual])
    with siblings.found_by_children():
        assert sys.path == [*usual, ""]
    assert sys.path == ["", *usual]


def test_our_finder_finds_nothing_else() -> None:
    assert siblings.OurFinder.find_spec("os") is None
    assert siblings.OurFinder.find_spec("analysis.plan") is None
    for name in siblings.ROOMS:
        spec = siblings.OurFinder.find_spec(name)
        assert spec is not None
        assert spec.origin == str(HOME / name / "__init__.py")


def test_the_import_is_light() -> None:
    heavy = {"numpy", "pandas", "numba", "scipy", "pydantic", "yaml", "click", "matplotlib", "importlib.metadata"}
    script = f"import sys, trialtwin; print(sorted({heavy!r} & sys.modules.keys()))"
    done = python(HOME, "-P", "-c", f"{script}; trialtwin.Answer; print('numpy' in sys.modules)")
    assert done.stdout.splitlines() == ["[]", "True"], done.stderr
