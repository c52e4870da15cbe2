"""Who says what is trusted, the list that keeps it, and code that is installed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from analysis.estimators import Own, own_code, trust
from analysis.estimators.own_call import found
from analysis.estimators.own_code import OwnFunctionError
from benchmarks.workers import warm_up
from tests import mailed_studies
from tests.mailed_studies import MARK, QUICK, as_new, asked, digest, hostile, own, write
from tests.test_cli import _call
from tests.trusting import trusted

pytestmark = pytest.mark.usefixtures("drawn_once")
mailed = mailed_studies.mailed
place = mailed_studies.place


# --- Who says what is trusted


def test_the_variable_and_the_list(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, module, marker = hostile(place / "study")
    code, name = digest(module), "study/rates.py:rate"
    for wrong in (code[:63], code[:10], f"{code},{code[:-1]}g", "all", f"{code};{code}"):
        monkeypatch.setenv("TRIALTWIN_TRUST", wrong)
        with pytest.raises(OwnFunctionError, match=r"^TRIALTWIN_TRUST: '.*' is no SHA-256; write all 64"):
            found(name)
    monkeypatch.setenv("TRIALTWIN_TRUST", "0" * 64)
    with pytest.raises(OwnFunctionError, match="is not trusted"):
        found(name)
    assert not marker.exists()
    monkeypatch.setenv("TRIALTWIN_TRUST", f"{'0' * 64}, {code.upper()},")
    assert found(name)(None) == (0.1, 0.2)
    monkeypatch.delenv("TRIALTWIN_TRUST")
    listed = place.parent / "config/trialtwin/trusted"
    source = own_code.learn(own_code.Source(str(module), b"# another"))
    listed.parent.mkdir(parents=True)
    for text, right in ((f"# mine\n\n{source.sha256.upper()}  and why\n", True), (source.sha256[:60] + "\n", False)):
        listed.write_text(text, "utf-8")
        if right:
            assert trust.untrusted([source]) == []
        else:
            with pytest.raises(OwnFunctionError, match=r"trusted:1: '.*' is no SHA-256"):
                trust.untrusted([source])


def test_the_list_is_private_and_nobody_elses(place: Path) -> None:
    config = place.parent / "config/trialtwin"
    one, two = (own_code.Source(f"/x/{k}\n.py", f"# {k}".encode()) for k in range(2))
    os.umask(before := os.umask(0))
    os.umask(0)
    try:
        trust.remember([one])
        trust.remember([one, two])
    finally:
        os.umask(before)
    assert config.stat().st_mode & 0o777 == 0o700
    assert (config / "trusted").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in config.iterdir()] == ["trusted"]
    lines = (config / "trusted").read_text().splitlines()
    assert lines == [f"{one.sha256}  /x/0\\n.py", f"{two.sha256}  /x/1\\n.py"]
    other = own_code.Source("/x/3.py", b"# 3")

    def refused(told: str) -> None:
        for use in (trust.untrusted, trust.remember):
            with pytest.raises(OwnFunctionError, match=told) as error:
                use([one, other])
            assert "\n" not in str(error.value)

    for path in (config / "trusted", config):
        for mode in (0o620, 0o702):
            path.chmod(mode | 0o100 * path.is_dir())
            refused(rf"{path}: may be written by other users \(chmod go-w it\)")
        path.chmod(0o700)
    if os.geteuid() == 0:
        for path in (config / "trusted", config):
            os.chown(path, 12345, 0)
            refused(f"{path}: belongs to another user")
            os.chown(path, 0, 0)
    kept = (config / "trusted").read_bytes()
    (config / "trusted").rename(place / "aside")
    (config / "trusted").symlink_to(place / "aside")
    refused("trusted: is a link")
    assert (place / "aside").read_bytes() == kept
    (config / "trusted").unlink()
    os.mkfifo(config / "trusted")
    refused("trusted: cannot be used")
    shutil.rmtree(config)
    (place / "folder").mkdir()
    config.symlink_to(place / "folder")
    refused("trialtwin: is a link")
    assert list((place / "folder").iterdir()) == []


def test_a_list_that_cannot_be_kept_is_told(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study, _, marker = hostile(place / "study")
    for home, told in (("/dev/null", "cannot be used"), ("/proc/nowhere", "cannot be ")):
        monkeypatch.setenv("XDG_CONFIG_HOME", home)
        code, _, err = _call("run", str(study), *QUICK, "--trust", "--out", "made")
        assert code == 2, err
        assert told in err
        assert "TRIALTWIN_TRUST" in err
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")  # is to be ignored
    monkeypatch.setenv("HOME", str(place / "home"))
    trust.remember([own_code.Source("/x.py", b"#")])
    assert (place / "home/.config/trialtwin/trusted").exists()
    monkeypatch.setenv("HOME", "")
    with pytest.raises(OwnFunctionError, match="there is no home folder"):
        trust.remember([own_code.Source("/y.py", b"# y")])
    assert not marker.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a folder away")
def test_what_belongs_to_another_user_is_trusted_by_its_content_alone(
    mailed: tuple[Path, Path, Path, Path], place: Path
) -> None:
    """He may change it at any time: then it is other code."""
    _, module, run, marker = mailed
    shutil.copytree(run, place / "run")
    for path in (place / "run", *(place / "run").rglob("*")):
        os.chown(path, 12345, 12345)
    trusted(module)
    assert _call("verify", "run")[0] == 0
    kept = place / f"run/own/{digest(module)}.py"
    marker.unlink()
    as_new()
    kept.write_bytes(kept.read_bytes() + b"# more\n")
    assert _call("verify", "run")[0] == 1
    assert not marker.exists()


# --- Installed code


def package(folder: Path, marker: Path) -> None:
    """A package whose every file leaves a mark."""
    mark = MARK.format(str(marker))
    for name, text in {
        "mine/__init__.py": "def first(cohort):\n    return 0.7, 0.1\n",
        "mine/deep/__init__.py": "",
        "mine/deep/rates.py": "from ..numbers import VALUE\n\ndef rate(cohort):\n    return VALUE, 0.2\n",
        "mine/numbers.py": "VALUE = 0.4\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(mark + text, "utf-8")


def test_installed_code_is_found_without_importing_it(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marker = place / "mark"
    package(place.parent / "site", marker)
    monkeypatch.syspath_prepend(str(place.parent / "site"))
    file = place.parent / "site/mine/deep/rates.py"
    study = write(place / "study.yaml", own("mine.deep.rates:rate"), own("mine:first", "first"))
    whole = file.parents[1] / "__init__.py"
    asked(("run", str(study), *QUICK), file, whole)
    assert _call("check", str(study))[0] == 0
    assert not marker.exists()
    assert "mine" not in sys.modules
    trusted(file)
    trusted(whole)
    assert found("mine.deep.rates:rate")(None) == (0.4, 0.2)
    assert found("mine:first")(None) == (0.7, 0.1)
    (place / "theirs.py").write_text("def rate(cohort):\n    return 1, 1\n", "utf-8")
    for path in ("", ".", str(place)):  # the current folder is not a place where things are installed
        monkeypatch.syspath_prepend(path)
    with pytest.raises(OwnFunctionError, match="there is no module 'theirs'"):
        found("theirs:rate")


@pytest.mark.parametrize(
    ("function", "told"),
    [
        ("os:system", "'os' is part of Python, and no estimator"),
        ("builtins:exec", "is part of Python"),
        ("os.path:join", "is part of Python"),
        ("numpy.random.mtrand:rand", "has no Python source"),
        ("tests.nowhere:f", "there is no module 'tests.nowhere'"),
        ("not a name:f", "is neither a file that ends in .py nor the name of a module"),
        ("../x:f", "is neither a file that ends in .py"),
        ("a\0b.py:f", "holds the control character"),
        (f"{'x' * 5000}.py:f", "File name too long"),
        (".py:f", "there is no file '.py'"),
        ("tests.py:f", "'tests.py' cannot be read (not a plain file)"),
        ("huge.py:f", "cannot be read (more than 1,000,000 bytes)"),
        (f"own/{'0' * 64}.py:f", "is not there, or is not what its name says"),
    ],
)
def test_what_cannot_be_an_estimator_is_refused_in_a_line(place: Path, function: str, told: str) -> None:
    (place / "tests.py").mkdir()
    with (place / "huge.py").open("wb") as file:
        file.truncate(2**40)
    study = write(place / "study.yaml", own(function))
    code, out, err = _call("check", str(study))
    assert (code, out) == (2, ""), err
    assert err.count("\n") == 1
    assert told in err
    assert "\0" not in err


def test_own_code_stands_alone_and_knows_where_it_lies(place: Path) -> None:
    (place / "beside.py").write_text("VALUE = 1\n", "utf-8")
    file = trusted(place / "alone.py", "import beside\n\ndef rate(cohort):\n    return 1, 1\n")
    with pytest.raises(OwnFunctionError, match=r"alone\.py cannot be loaded: No module named 'beside'"):
        found(f"{file}:rate")
    text = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n\n"
        "@dataclass\nclass Fit:\n    value: float\n\n"
        "def rate(cohort):\n    return Fit(0.5).value, __file__\n\ndef wrong(cohort):\n    return cohort['x']\n"
    )
    file = trusted(place / "sub/told.py", text)
    assert found("sub/told.py:rate")(None) == (0.5, str(file))
    assert found("sub/told.py:rate").__globals__ is found("sub/told.py:wrong").__globals__
    for text, told in (("raise SystemExit(3)", r"ends Python with SystemExit\(3\)"), ("def (:", "SyntaxError")):
        file = trusted(place / "bad.py", f"# {told}\n{text}\ndef rate(cohort):\n    return 1, 1\n")
        with pytest.raises(OwnFunctionError, match=told):
            found(f"{file}:rate")


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("a, rate = map(abs, (1, 2))", True), ("from x import *", True), ("if 1:\n    from x import y as rate", True),
        ("globals()['rate'] = 1", True), ("class rate: pass", True), ("def rates(c): pass", False),
        ("# rate", False), ("'rate'", False), ("def f():\n  return '\\d'", False),
    ],
)  # fmt: skip
def test_a_function_is_looked_for_without_running_anything(place: Path, text: str, there: bool) -> None:
    (place / "some.py").write_text(text, "utf-8")
    name = Own(name="own", function="some.py:rate").pinned().function
    if there:
        own_code.check_named(name)
    else:
        with pytest.raises(OwnFunctionError, match=r"some\.py:rate: some\.py has no function 'rate'"):
            own_code.check_named(name)


@pytest.mark.parametrize("backend", ["processes", pytest.param("dask", marks=pytest.mark.slow)])
def test_modules_that_lie_in_the_current_folder_are_not_imported(place: Path, backend: str) -> None:
    """By the processes that a run starts: Python looks for what it imports in the folder where it is started."""
    mark = place / "mark"
    for name in ("numpy", "joblib", "signal", "pickle", "multiprocessing", "threading", "numba", "rates", "os", "re"):
        (place / f"{name}.py").write_text(MARK.format(str(mark)), "utf-8")
    study = write(place / "study.yaml", "crude")
    door = place.parent / "bin/trialtwin"  # as a console script: its own folder comes first on the path
    door.parent.mkdir()
    door.write_text("from trialtwin.__main__ import main\n\nif __name__ == '__main__':\n    main()\n", "utf-8")
    home = str(Path(__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": home}
    environment.pop("PYTHONSAFEPATH", None)
    words = ("run", str(study), *QUICK[:2], "--jobs", "2", "--block", "1", "--backend", backend, "--out", "made")
    done = subprocess.run(
        [sys.executable, str(door), *words], cwd=place, env=environment, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not mark.exists()
    with warm_up._process() as compiling:
        compiling.kill()
    assert "-P" in compiling.args
