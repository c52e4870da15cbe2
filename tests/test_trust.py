"""A study, a run folder or a function that comes from somebody else runs nothing before its very content is trusted."""

import json
import re
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import click
import pytest

from analysis.estimators import trust
from analysis.estimators.own_call import found
from analysis.estimators.own_code import OwnFunctionError
from benchmarks.cli import commands
from benchmarks.cli.options import every
from tests import mailed_studies
from tests.mailed_studies import QUICK, as_new, asked, digest, hostile, own, write
from tests.test_cli import _call
from tests.trusting import trusted

pytestmark = pytest.mark.usefixtures("drawn_once")
mailed = mailed_studies.mailed
place = mailed_studies.place


TRUSTING = {"run", "verify", "replay", "tipping", "compatible", "decompose", "power", "multiverse"}
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
    "ipd": lambda study, _run, out: (str(study), "--out", str(out / "patients.csv")),
    "paper new": lambda _study, _run, out: (str(out / "paper"),),
    "schema": lambda _study, _run, _out: ("scenario",),
    "list": lambda _study, _run, _out: (),
    "claims": lambda study, _run, _out: (str(study), "--reps", "2", "--jobs", "1"),
    "multiverse": lambda study, _run, _out: (str(study), "--estimator", "rate", "--reps", "40"),
    "power": lambda study, _run, _out: (str(study), "--estimator", "rate", "--reps", "40"),
}  # fmt: skip
"""How each command is given the study or the run; the others just take the study's name."""
WITHOUT_A_STUDY = {"demo", "validate", "warm-up", "doctor"}


@pytest.mark.parametrize("name", sorted(every(commands.cli.commands)))
def test_no_command_runs_what_came_by_mail(
    name: str, mailed: tuple[Path, Path, Path, Path], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command, those that do not exist yet too, in the folder of the mail, where its author would have us go."""
    study, module, run, marker = mailed
    takes = {option.name for option in every(commands.cli.commands)[name].params}
    assert ("trust" in takes) == (name in TRUSTING)
    if name in WITHOUT_A_STUDY:
        assert not takes & {"name", "names", "folder", "data", "spec"}
        return
    as_new()
    monkeypatch.chdir(study.parent)
    words = WORDS.get(name, lambda study, _run, _out: (str(study),))(study, run, place)
    code, _out, err = _call(*name.split(), *words)
    assert code in (0, 1, 2), err
    assert "Traceback" not in err
    assert not marker.exists()
    if name == "verify":
        assert (code, f"sha256 {digest(module)}, is not trusted here" in " ".join(_out.split())) == (0, True)
    elif name in ("run", "replay"):
        assert code == 2
        assert f"sha256 {digest(module)}" in err
        assert not (study.parent / "runs").exists()
    elif name not in TRUSTING | {"analyze", "calibrate", "fidelity", "audit", "ipd", "paper read", "twin", "review"}:
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
    assert "2 of 2 simulated studies computed again, bit for bit" in out
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


def test_commands_that_trust_are_those_that_compute() -> None:
    assert {name for name, one in commands.cli.commands.items() if _has_trust(one)} == TRUSTING


def _has_trust(command: click.Command) -> bool:
    return any("--trust" in option.opts for option in command.params)
