"""`trialtwin verify` finds forgeries, each by the mode that claims to find it, and passes what is honest."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from analysis.kernels.status import Status
from benchmarks.cli.commands import cli
from benchmarks.cli.verify import How, verify
from benchmarks.report import study_report
from benchmarks.study.running import Work
from tests import forger, forgeries
from tests.commands import refused
from tests.forgeries import DEEP, SHALLOW, _last_digit, _lost, _scenario, _set

folder = forgeries.folder
honest = forgeries.honest


pytestmark = pytest.mark.usefixtures("drawn_once")
NONE, EVERY = How(0, False, Work(1)), How(0, True, Work(1))


def told(folder: Path, how: How = NONE, stated: str | None = None) -> dict[str, Any]:
    """What `verify --json` says."""
    answer = verify(folder, how, stated)
    found: dict[str, Any] = json.loads(answer.json())
    assert found["holds"] is answer.holds
    return found


def kinds(found: dict[str, Any]) -> set[str]:
    """The kinds of its findings."""
    return {one["kind"] for one in found["findings"]}


@pytest.mark.parametrize("name", SHALLOW)
def test_a_forged_layer_is_found_against_the_next(folder: Path, name: str) -> None:
    kind, forge = SHALLOW[name]
    forge(folder)
    assert kind in kinds(told(folder))


def test_a_page_that_is_drawn_again_from_its_folder_is_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.report.study_report", study_report)  # it is drawn, however often it was
    assert told(folder)["holds"]
    kind, forge = SHALLOW["a drawing of the report"]
    forge(folder)
    assert kinds(told(folder)) == {kind}


def _truth_everywhere(folder: Path) -> None:
    for one in sorted((folder / "truths").glob("*.json")):
        forger.in_json(folder, str(one.relative_to(folder)), _set(0, "value", to=-0.5))
    forger.again(folder)


FAST = ("one number", "settings of a cell", "cells in another order")


@pytest.mark.parametrize("name", [one if one in FAST else pytest.param(one, marks=pytest.mark.slow) for one in DEEP])
def test_a_consistent_forgery_is_found_when_replicates_are_computed_again_or_by_its_digest(
    folder: Path, honest: tuple[Path, str], name: str
) -> None:
    DEEP[name](folder)
    before = told(folder)
    assert before["sealed"] != honest[1]
    if name != "cells in another order":  # whose parts lie where no forger can keep them
        assert before["holds"], before["findings"]
        assert kinds(told(folder, stated=honest[1][:16])) == {"digest"}
    assert kinds(told(folder, EVERY)) & {"recomputed", "parts"}


def test_a_consistent_truth_is_found_when_it_is_found_again(folder: Path, honest: tuple[Path, str]) -> None:
    _truth_everywhere(folder)
    assert told(folder)["holds"]
    assert kinds(told(folder, stated=honest[1])) == {"digest"}
    assert kinds(told(folder, How(1, False, Work(1)))) == {"truth"}


@pytest.mark.parametrize("name", ["question", "sources"])
def test_words_that_nothing_can_contradict_are_found_by_the_digest(
    folder: Path, honest: tuple[Path, str], name: str
) -> None:
    if name == "question":
        _scenario(lambda tree: tree.update(question="Is it harmless?"))(folder)
    else:
        forger.in_json(folder, "manifest.json", lambda held: held["sources"].update({"population.size": "a registry"}))
        forger.again(folder)
    assert told(folder, EVERY)["holds"]
    assert kinds(told(folder, stated=honest[1])) == {"digest"}


def test_the_sample_finds_what_it_meets_and_says_what_it_left(folder: Path) -> None:
    DEEP["one number"](folder)
    assert told(folder, How(1000, False, Work(1)))["different"] == [{"cell": 0, "replicate": 0}]
    _lost(folder)
    assert {"cell": 0, "replicate": 2} in told(folder, How(1, False, Work(1)))["different"]
    found = told(folder, How(5, False, Work(1)))
    assert len({(one["cell"], one["replicate"]) for one in found["recomputed"]}) >= 5
    assert any("--all computes every one" in one for one in found["not_checked"])


def test_a_digest_is_the_same_for_every_way_of_computing_a_study(honest: tuple[Path, str], tmp_path: Path) -> None:
    """Other jobs and blocks; shards that are merged; more replicates later; estimators added; a part lost."""
    folder, sealed = honest
    assert told(folder, EVERY, sealed.upper())["holds"]
    made = {"jobs": forger.ran(tmp_path / "jobs", "--block", "3", "--jobs", "2")}
    made["more"] = forger.ran(tmp_path / "more", "--reps", "3") and forger.ran(tmp_path / "more")
    shutil.copytree(folder, tmp_path / "resumed")
    forger.part(tmp_path / "resumed").unlink()
    (tmp_path / "resumed" / "report.html").unlink()
    made["resumed"] = forger.ran(tmp_path / "resumed")
    fewer = ("-S", "estimators=[{kind: crude, endpoints: [OS]}]")
    made["added"] = forger.ran(tmp_path / "added", *fewer) and forger.ran(tmp_path / "added")
    for shard in ("2/2", "1/2"):
        forger.ran(tmp_path / "shards", "--shard", shard)
    done = CliRunner().invoke(cli, ["merge", str(tmp_path / "shards"), "--json"], catch_exceptions=False)
    made["shards"] = json.loads(done.stdout)
    forger.ran(tmp_path / "shards", "--shard", "1/2")  # finds nothing to do
    for name, one in made.items():
        assert one["provenance"]["sealed"] == sealed, name
        assert told(tmp_path / name, NONE, sealed)["holds"], name
    assert forger.ran(tmp_path / "seed", "--seed", "5")["provenance"]["sealed"] != sealed
    assert sealed in (folder / "report.html").read_text()


def test_a_moved_folder_holds_and_looks_are_checked(tmp_path: Path) -> None:
    until = ("-S", "run.until={mcse: {coverage: 0.08}, most: 40}", "-S", "run.replicates=8", "-S", "sweep={}")
    forger.ran(tmp_path / "until", *until)
    (tmp_path / "until").rename(tmp_path / "moved")
    assert told(tmp_path / "moved", EVERY)["holds"]
    forger.in_json(tmp_path / "moved", "looks.json", _set(0, "errors", "coverage", to=0.07))
    assert "look" in kinds(told(tmp_path / "moved"))


def test_looks_are_those_of_the_schedule(tmp_path: Path) -> None:
    """Whoever stops when it suits him has other looks, or hides some; what is left follows from the rows."""
    until = ("-S", "run.until={mcse: {coverage: 0.08}, most: 40}", "-S", "run.replicates=8", "-S", "sweep={}")
    forger.ran(tmp_path / "until", *until)
    for k, edit in enumerate((_sooner, _none, _twice, _in_another_order)):
        folder = forger.copied(tmp_path / "until", tmp_path / f"forged-{k}")
        forger.in_json(folder, "looks.json", edit)
        assert kinds(told(folder)) & {"look", "refused"}, k


def _sooner(looks: list[dict[str, Any]]) -> None:
    looks.insert(0, {**looks[0], "replicates": 8, "enough": False})


def _none(looks: list[dict[str, Any]]) -> None:
    looks.clear()


def _twice(looks: list[dict[str, Any]]) -> None:
    looks.extend(looks.copy())


def _in_another_order(looks: list[dict[str, Any]]) -> None:
    looks[0]["errors"] = looks[0].pop("errors")


def test_the_code_of_a_study_belongs_to_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "rates.py").write_text("def rate(cohort):\n    return 0.1, 0.2\n")
    one = f"{{kind: own, name: rate, function: '{tmp_path}/rates.py:rate', endpoints: [OS], measure: none}}"
    folder = tmp_path / "run"
    forger.ran(folder, "-S", f"estimators=[{one}]", "-S", "sweep={}", "--trust")
    assert told(folder)["holds"]
    place = str(forger.part(folder).relative_to(folder))
    forger.column(folder, place, "value", lambda v: v.__setitem__(3, np.nan))
    forger.column(folder, place, "status", lambda v: v.__setitem__(3, int(Status.TIMEOUT)))
    forger.again(folder)
    found = told(folder, EVERY)
    assert found["holds"]  # a machine may have been slow
    assert any("got an answer" in one and "(simulated studies 3)" in one for one in found["not_checked"])
    for file in (folder / "own").iterdir():
        file.unlink()
    assert kinds(told(folder)) == {"code"}


def test_what_a_folder_says_cannot_steer_a_terminal(folder: Path) -> None:
    forger.in_json(folder, "manifest.json", _set("machine", to="\x1b]0;owned\x07\ud800"))
    answer = verify(folder, NONE, None)
    text = answer.text()
    assert not answer.holds
    assert "\x1b" not in text
    assert "owned" in text
    text.encode()


def test_the_rows_of_a_question_are_checked_too(tmp_path: Path) -> None:
    words = ["multiverse", "imbrave150", "-S", "population.size=40", "--reps", "4", "--jobs", "1", "--axis",
             "matching.caliper=[0.1, 0.2]", "--out", str(tmp_path / "asked")]  # fmt: skip
    done = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found = told(tmp_path / "asked", How(3, False, Work(1)))
    assert found["holds"], found["findings"]
    assert any("the answer of `trialtwin multiverse`" in one for one in found["not_checked"])
    forger.column(tmp_path / "asked", "results.parquet", "value", _last_digit)
    assert kinds(told(tmp_path / "asked")) == {"rows"}


@pytest.mark.parametrize("wrong", ["", "abc", "z" * 20, "0" * 65, "../" * 8])
def test_a_digest_that_is_none_is_refused(honest: tuple[Path, str], wrong: str) -> None:
    assert "--digest: write 16 to 64" in refused(["verify", str(honest[0]), "--digest", wrong])


def test_the_text_says_what_was_checked_and_exit_codes_follow(folder: Path, honest: tuple[Path, str]) -> None:
    done = CliRunner().invoke(cli, ["verify", str(folder), "--sample", "0", "--digest", honest[1]])
    assert done.exit_code == 0, done.output
    assert f"{folder}: holds" in done.stdout
    assert f"sealed digest {honest[1]}" in done.stdout
    forger.column(folder, "results.parquet", "value", _last_digit)
    done = CliRunner().invoke(cli, ["verify", str(folder), "--sample", "0"])
    assert done.exit_code == 1
    assert "does NOT hold" in done.stdout
    assert "rows: results.parquet, setting 0, simulated study 0: value of matched on OS" in done.stdout
