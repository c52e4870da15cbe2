"""A study, a run folder or a function that comes from somebody else runs nothing before its very content is trusted."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import click
import pytest

from analysis.estimators import Own, own_code, trust
from analysis.estimators import own_call as loading
from analysis.estimators.own_call import found
from analysis.estimators.own_code import OwnFunctionError
from benchmarks.cli import commands
from benchmarks.workers import warm_up
from tests.test_cli import _call
from tests.trusting import trusted
from tests.worlds import tree

MARK = "with open({!r}, 'a') as mark:\n    mark.write('.')\n"
QUICK = ("--reps", "2", "--jobs", "1", "-S", "run.truth_patients=2000")
TRUSTING = {"run", "verify", "replay", "tipping", "compatible", "decompose", "power", "multiverse"}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, and a list of trusted files that is empty."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("TRIALTWIN_TRUST", raising=False)
    return tmp_path / "here"


def hostile(folder: Path, mark: str = "here") -> tuple[Path, Path, Path]:
    """A study and its module, which leaves a mark when it is imported; the study, the module, the mark."""
    marker = folder.parent / f"marked-{mark}-{folder.name}"
    code = f"{MARK.format(str(marker))}\ndef rate(cohort):\n    return 0.1, 0.2\n"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rates.py").write_text(code, "utf-8")
    return write(folder / "study.yaml", own("rates.py:rate")), folder / "rates.py", marker


def as_new() -> None:
    """Forget all code that was read or run, as a new process does."""
    own_code._KNOWN.clear()
    trust._SENT.clear()
    loading._found.cache_clear()
    loading._module.cache_clear()


def own(function: str, name: str = "rate") -> dict[str, Any]:
    """An estimator that is a user's function."""
    return {"kind": "own", "name": name, "function": function, "endpoints": ["OS"], "measure": "none"}


def write(file: Path, *estimators: Any, **changes: Any) -> Path:
    """A small study with these estimators."""
    file.parent.mkdir(parents=True, exist_ok=True)
    changes = {"run": {"replicates": 4, "seed": 5, "truth_patients": 2000}, **changes}
    file.write_text(json.dumps(tree(estimators=list(estimators), **changes)), "utf-8")
    return file


def digest(file: Path) -> str:
    """The SHA-256 of a file."""
    return sha256(file.read_bytes()).hexdigest()


def asked(words: tuple[str, ...], *files: Path, shown: Callable[[Path], str] = str) -> str:
    """Asserts that a command asks for trust in these files and does nothing else; what it said."""
    code, out, err = _call(*words)
    assert (code, out) == (2, ""), (words, out, err)
    lines = err.splitlines()
    assert len(lines) == len(files) + 1, err
    for file in files:
        assert any(shown(file) in line and line.endswith(f"not trusted on this account, sha256 {digest(file)}")
                   for line in lines), (err, file)  # fmt: skip
        assert digest(file) in lines[-1]
    assert "--trust" in lines[-1]
    assert "TRIALTWIN_TRUST=" in lines[-1]
    return err


@pytest.fixture(scope="module")
def mailed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path, Path]:
    """A study, its module, a finished run of it, made by their author, and the mark, which is wiped away."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("author")))
        folder = tmp_path_factory.mktemp("mail") / "study"
        study, module, marker = hostile(folder, "mailed")
        run = folder.parent / "run"
        code, _, err = _call("run", str(study), *QUICK, "--trust", "--out", str(run))
        assert code == 0, err
        assert marker.read_text() == "."  # once, whatever the number of replicates
        assert f"trusted from now on: {module}, sha256 {digest(module)}" in err
        marker.unlink()
    as_new()
    return study, module, run, marker


WORDS: dict[str, Callable[[Path, Path, Path], tuple[str, ...]]] = {
    "run": lambda study, _run, _out: (str(study), *QUICK),
    "merge": lambda _study, run, out: (str(out / "joined"), str(run)),
    "report": lambda _study, run, _out: (str(run),),
    "status": lambda _study, run, _out: (str(run),),
    "verify": lambda _study, run, _out: (str(run),),
    "replay": lambda _study, run, _out: (str(run), "--rep", "1"),
    "gallery": lambda _study, run, out: (str(run.parent), "--out", str(out / "gallery.html")),
    "diff": lambda study, run, _out: (str(study), str(run)),
    "simulate": lambda study, _run, out: (str(study), "--out", str(out / "cohort.csv")),
    "new": lambda study, _run, out: (str(out / "new.yaml"), "--from", str(study)),
    "calibrate": lambda study, _run, out: (str(study), "--out", str(out / "fitted.yaml")),
    "fidelity": lambda study, _run, _out: (str(study), "--reps", "20"),
    "performance": lambda _study, run, _out: (str(run / "results.parquet"), "--truth", "0"),
    "analyze": lambda study, _run, _out: (str(study), "--spec", str(study)),
    "schema": lambda _study, _run, _out: ("scenario",),
    "list": lambda _study, _run, _out: (),
    "claims": lambda study, _run, _out: (str(study), "--reps", "2", "--jobs", "1"),
    "multiverse": lambda study, _run, _out: (str(study), "--estimator", "rate", "--reps", "40"),
    "power": lambda study, _run, _out: (str(study), "--estimator", "rate", "--reps", "40"),
}  # fmt: skip
"""How each command is given the study or the run; the others just take the study's name."""
WITHOUT_A_STUDY = {"demo", "validate", "warm-up"}


@pytest.mark.parametrize("name", sorted(commands.cli.commands))
def test_no_command_runs_what_came_by_mail(
    name: str, mailed: tuple[Path, Path, Path, Path], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command, those that do not exist yet too, in the folder of the mail, where its author would have us go."""
    study, module, run, marker = mailed
    takes = {option.name for option in commands.cli.commands[name].params}
    assert ("trust" in takes) == (name in TRUSTING)
    if name in WITHOUT_A_STUDY:
        assert not takes & {"name", "names", "folder", "data", "spec"}
        return
    as_new()
    monkeypatch.chdir(study.parent)
    words = WORDS.get(name, lambda study, _run, _out: (str(study),))(study, run, place)
    code, _out, err = _call(name, *words)
    assert code in (0, 1, 2), err
    assert "Traceback" not in err
    assert not marker.exists()
    if name == "verify":
        assert (code, f"sha256 {digest(module)}, is not trusted here" in " ".join(_out.split())) == (0, True)
    elif name in ("run", "replay"):
        assert code == 2
        assert f"sha256 {digest(module)}" in err
        assert not (study.parent / "runs").exists()
    elif name not in TRUSTING | {"analyze", "calibrate", "fidelity", "audit"}:
        assert code == 0, err


@pytest.mark.parametrize("name", ["tipping", "compatible", "decompose", "multiverse", "power"])
def test_a_question_asks_before_it_computes(name: str, place: Path) -> None:
    _, module, marker = hostile(place / "study", name)
    study = write(place / "study/q.yaml", own("rates.py:rate") | {"measure": "marginal_log_hr"})
    more = ("--hr", "0.5", "--bound", "0.8") if name == "tipping" else ()
    more += ("--hr", "0.5", "--low", "0.3", "--high", "0.8") if name == "compatible" else ()
    more += ("--mechanism", "confounding") if name == "decompose" else ()
    asked((name, str(study), "--estimator", "rate", "--reps", "40", *more), module, shown=lambda _: "study/rates.py")
    assert not marker.exists()
    assert not (place / "runs").exists()


def test_the_studys_whole_code_is_asked_for_at_once_and_trust_is_of_the_content(place: Path) -> None:
    _, module, marker = hostile(place / "study")
    (place / "study/more.py").write_text("def other(cohort):\n    return 0.3, 0.1\n", "utf-8")
    two = {"grid": {"estimators.1.function": ["more.py:other", "rates.py:rate"]}}
    study = write(place / "study/two.yaml", own("rates.py:rate"), own("rates.py:rate", "other"), sweep=two)
    words = ("run", str(study), *QUICK, "--out", "made")
    both = (module, place / "study/more.py")
    asked(words, *both, shown=lambda file: f"study/{file.name}")
    asked((*words, "--dry-run"), *both, shown=lambda file: f"study/{file.name}")
    assert not marker.exists()
    assert not (place / "made").exists()
    code, out, err = _call(*words, "--trust", "--json")
    assert code == 0, err
    assert err.count("trusted from now on") == 2
    means = [row["value"] for row in json.loads(out)["performance"]
             if row["estimator"] == "other" and row["measure"] == "mean"]  # fmt: skip
    assert {round(value, 6) for value in means} == {0.3, 0.1}
    kept = {file.name for file in (place / "made/own").glob("*.py")}
    assert kept == {f"{digest(file)}.py" for file in both}
    assert _call(*words)[0] == 0  # remembered
    module.write_text(module.read_text() + "# changed\n", "utf-8")
    asked(words, module, shown=lambda _: "study/rates.py")
    assert _call("status", "made")[0] == 0
    elsewhere = place / "elsewhere/deep/also.py"
    elsewhere.parent.mkdir(parents=True)
    shutil.copy(place / "study/more.py", elsewhere)  # the same content at another place needs no more trust
    assert _call("run", str(write(place / "elsewhere/s.yaml", own("deep/also.py:other"))), *QUICK, "--out", "x")[0] == 0


def test_a_run_folder_is_whole_by_itself(mailed: tuple[Path, Path, Path, Path], place: Path) -> None:
    """On another machine, where nothing of the study is but its run folder; the copy is trusted by its content."""
    _, module, run, marker = mailed
    shutil.copytree(run, place / "run")
    as_new()
    kept = place / f"run/own/{digest(module)}.py"
    assert kept.read_bytes() == module.read_bytes()
    for words in (("replay", "run", "--rep", "1"), ("run", "run/scenario.yaml", "--out", "run")):
        asked(words, kept, shown=lambda file: f"run/own/{file.name}")
    code, out, err = _call("verify", "run")
    assert (code, "not trusted here" in " ".join(out.split())) == (0, True), err
    assert not marker.exists()
    code, out, err = _call("verify", "run", "--trust")
    assert code == 0, err
    assert "2 of 2 replicates computed again, bit for bit" in out
    assert "not trusted" not in out
    before = (place / "run/results.parquet").read_bytes()
    code, _, err = _call("run", "run/scenario.yaml", "--reps", "3", "--jobs", "1", "--out", "run")
    assert code == 0, err
    assert (place / "run/results.parquet").read_bytes() != before
    kept.write_bytes(b"raise SystemExit(7)\n")
    as_new()
    assert _call("status", "run")[0] == 0
    code, out, _ = _call("verify", "run")
    assert code == 1
    assert f"own/{digest(module)}.py" in out
    for words in (("verify", "run"), ("run", "run/scenario.yaml", "--out", "run")):
        code, _, err = _call(*words, "--trust")
        assert code == 2
        assert f"own/{digest(module)}.py: the code of 'rate' is not there, or is not what its name says" in err


def test_a_study_is_the_same_from_any_folder_and_at_any_place(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study, module, _ = hostile(place / "a")
    (place / "b/lib").mkdir(parents=True)
    shutil.copy(module, place / "b/lib/renamed.py")
    moved = write(place / "b/study.yaml", own("../b/./lib/renamed.py:rate"))
    trusted(module)
    absolute = write(place / "c.yaml", own(f"{module}:rate"))
    made = set()
    for folder, names in ((place, (study, moved, absolute)), (place / "b", ("study.yaml", "../a/study.yaml"))):
        monkeypatch.chdir(folder)
        made |= {json.loads(_call("check", str(name), "--json")[1])["checked"][0]["digest"] for name in names}
    assert len(made) == 1
    monkeypatch.chdir(place)
    assert _call("run", str(study), *QUICK, "--out", "made")[0] == 0
    first = (place / "made/results.parquet").read_bytes()
    monkeypatch.chdir(place / "b")
    assert _call("run", "study.yaml", *QUICK, "--out", "../made")[0] == 0
    assert (place / "made/results.parquet").read_bytes() == first
    assert _call("run", "study.yaml", *QUICK, "--out", "../fresh")[0] == 0
    assert (place / "fresh/results.parquet").read_bytes() == first
    other = json.loads(_call("check", str(write(place / "d.yaml", own(f"{module}:cohort"))), "--json")[1] or "null")
    assert other is None  # no such function; and another function is another study
    module.write_text(module.read_text() + "\nother = rate\n")
    assert json.loads(_call("check", str(study), "--json")[1])["checked"][0]["digest"] not in made


def test_a_document_never_looks_in_the_current_folder(place: Path) -> None:
    """A base has its file beside it, an override in the current folder; no other place is tried."""
    hostile(place / "worlds")
    (place / "studies").mkdir()
    over = place / "studies/over.yaml"
    over.write_text("extends: ../worlds/study.yaml\nname: over\n", "utf-8")
    asked(("run", str(over), *QUICK), place / "worlds/rates.py", shown=lambda _: "worlds/rates.py")
    (place / "worlds/rates.py").rename(place / "rates.py")
    code, _, err = _call("check", str(over))
    assert code == 2
    assert "there is no file 'rates.py' beside" in err
    assert re.search(r"worlds/study\.yaml:1:\d+: estimators\.0\.function", err)
    named = json.dumps([own("rates.py:rate")])
    asked(("run", str(over), *QUICK, "-S", f"estimators={named}"), place / "rates.py", shown=lambda _: "rates.py")
    odd = place / "with love"  # not taken for a setting
    hostile(odd)
    asked(("run", "with love/study.yaml", *QUICK), odd / "rates.py", shown=lambda _: "with love/rates.py")


def test_a_link_is_told_and_what_it_leads_to_is_what_counts(place: Path) -> None:
    study, module, marker = hostile(place / "study")
    target = place / "elsewhere.py"
    module.rename(target)
    module.symlink_to(target)
    asked(("run", str(study), *QUICK), target, shown=lambda file: f"study/rates.py (a link to {file})")
    assert _call("check", str(study))[0] == 0
    target.write_text("def rate(cohort):\n    return 1.0, 1.0\n", "utf-8")
    trusted(target)
    module.unlink()
    module.symlink_to("/dev/zero")
    code, _, err = _call("check", str(study))
    assert code == 2
    assert "'rates.py' cannot be read (not a plain file)" in err
    assert not marker.exists()


def test_a_file_that_changes_between_the_look_and_the_use_is_not_run(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was digested is what runs, at the gate too."""
    study, module, marker = hostile(place / "study")
    good = "def rate(cohort):\n    return 0.5, 0.25\n"
    bad = module.read_text()
    trusted(module, good)
    ask = trust.demand

    def swapped(sources: Any) -> None:
        ask(sources)
        module.write_text(bad, "utf-8")

    monkeypatch.setattr(trust, "demand", swapped)
    code, out, err = _call("run", str(study), *QUICK, "--out", "made", "--json")
    assert code == 0, err
    assert module.read_text() == bad
    assert not marker.exists()
    assert next(row["value"] for row in json.loads(out)["performance"] if row["measure"] == "mean") == 0.5
    assert (place / f"made/own/{sha256(good.encode()).hexdigest()}.py").read_text() == good


def test_the_gate_is_where_code_is_loaded(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that forgets to ask is stopped there, in a worker process too."""
    study, _, marker = hostile(place / "study")
    monkeypatch.setattr("benchmarks.cli.run_verbs.ask_trust", lambda *_: None)
    for backend in ("serial", "processes"):
        code, _, err = _call("run", str(study), *QUICK, "--backend", backend, "--out", f"made-{backend}")
        assert code == 2
        assert "is not trusted on this account" in err
    with pytest.raises(OwnFunctionError, match="is not trusted"):
        found("study/rates.py:rate")
    assert not marker.exists()


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


def test_commands_that_trust_are_those_that_compute() -> None:
    assert {name for name, one in commands.cli.commands.items() if _has_trust(one)} == TRUSTING


def _has_trust(command: click.Command) -> bool:
    return any("--trust" in option.opts for option in command.params)
