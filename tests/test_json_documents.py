"""Every command's JSON is one document with the keys that `trialtwin schema` names for it."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cli.commands import cli
from benchmarks.cli.json_documents import DOCUMENTS, described
from tests.commands import printed, refused

SMALL = ("-S", "run.truth_patients=5000", "-S", "population.size=80", "--jobs", "1")
QUIET = {"list", "schema"}  # an array, a schema


def keys_of(words: list[str]) -> dict[str, Any]:
    """What a command prints with --json, which is one document."""
    found: dict[str, Any] = json.loads(printed([*words, "--json"]))
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("json") / "run"
    assert (
        keys_of(["run", "imbrave150", "--reps", "10", *SMALL, "--out", str(folder)]).keys() == DOCUMENTS["run"].keys()
    )
    return folder


@pytest.mark.parametrize(
    "words", [["report"], ["merge"], ["status"], ["verify", "--sample", "1"], ["replay", "--rep", "1"]]
)
def test_verbs_of_a_run(run: Path, words: list[str]) -> None:
    assert keys_of([words[0], str(run), *words[1:]]).keys() == DOCUMENTS[words[0]].keys()


def test_gallery_and_diff(run: Path) -> None:
    assert keys_of(["gallery", str(run.parent)]).keys() == DOCUMENTS["gallery"].keys()
    assert keys_of(["diff", str(run), str(run)]).keys() == DOCUMENTS["diff"].keys()


@pytest.mark.parametrize("verb", ["decompose", "multiverse", "claims"])
def test_answers(verb: str, tmp_path: Path) -> None:
    out = [] if verb == "claims" else ["--out", str(tmp_path / "run")]
    few = ["--axis", "matching.caliper=[0.1, 0.2]"] if verb == "multiverse" else []
    found = keys_of([verb, "imbrave150", "--reps", "10", *SMALL, *few, *out])
    assert found.keys() == DOCUMENTS[verb].keys()


@pytest.mark.parametrize(
    "words",
    [
        ["show", "paper"],
        ["check", "paper", "imbrave150"],
        ["audit", "hcc-lung-metastasis"],
        ["fidelity", "hcc-lung-metastasis", "--reps", "20", "--jobs", "1"],
        ["warm-up"],
    ],
)
def test_verbs_of_a_document(words: list[str]) -> None:
    assert keys_of(words).keys() == DOCUMENTS[words[0]].keys()


def test_verbs_that_write(tmp_path: Path) -> None:
    assert keys_of(["simulate", "imbrave150", "--out", str(tmp_path / "a.csv")]).keys() == DOCUMENTS["simulate"].keys()
    assert keys_of(["new", str(tmp_path / "mine.yaml")])["files"] == [str(tmp_path / "mine.yaml")]
    rows = tmp_path / "rows.csv"
    rows.write_text("method,estimate,se\n" + "".join(f"a,{k / 10},0.3\nb,{k / 9},0.2\n" for k in range(9)))
    found = keys_of(["performance", str(rows), "--truth", "0.5", "--by", "method"])
    assert found.keys() == DOCUMENTS["performance"].keys()


def test_resolved_documents_are_json_too() -> None:
    assert json.loads(printed(["show", "paper", "--resolved", "--json"]))["name"] == "paper"


def test_every_command_is_described_and_has_the_option() -> None:
    assert set(cli.commands) - QUIET == set(DOCUMENTS)
    for name, command in cli.commands.items():
        names = {option for one in command.params for option in one.opts}
        assert "--json" in names or name == "schema", name


def test_the_schema_of_a_document_is_one() -> None:
    told = json.loads(printed(["schema", "tipping"]))
    assert told == described("tipping")
    assert told["required"] == list(told["properties"])
    assert "no such document" in refused(["schema", "tippin"])
