"""Every command's JSON is one document with the keys that `trialtwin schema` names for it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from benchmarks.cli.commands import cli
from benchmarks.cli.options import answers, documents, every, schema_of
from benchmarks.words.answer import Answer
from tests.commands import answered, fits, printed, refused

pytestmark = pytest.mark.usefixtures("drawn_once")
SMALL = ("-S", "run.truth_patients=5000", "-S", "population.size=80", "--jobs", "1")
EXAMPLE = Path(__file__).parents[1] / "scenarios" / "papers" / "hcc-lung-metastasis"
FEW = ("imbrave150", "--reps", "10", *SMALL)
WITHOUT = ("list", "schema")
"""Commands that print no document of keys: an array, a schema."""
ELSEWHERE = ("compatible", "power", "calibrate", "validate", "review")
"""Commands that take long: their documents are checked where their answers are tested."""
Words = Callable[[Path, Path], list[str]]
CASES: dict[str, Words] = {
    "report": lambda run, _: [str(run)],
    "merge": lambda run, _: [str(run)],
    "status": lambda run, _: [str(run)],
    "verify": lambda run, _: [str(run), "--sample", "1"],
    "replay": lambda run, _: [str(run), "--rep", "1"],
    "gallery": lambda run, _: [str(run.parent)],
    "diff": lambda run, _: [str(run), str(run)],
    "run": lambda run, _: [*FEW, "--out", str(run)],
    "tipping": lambda _, out: [*FEW, "--hr", "0.6", "--bound", "0.9", "--nodes", "2", "--out", str(out)],
    "decompose": lambda _, out: [*FEW, "--out", str(out)],
    "multiverse": lambda _, out: [*FEW, "--axis", "matching.caliper=[0.1, 0.2]", "--out", str(out)],
    "claims": lambda *_: [*FEW],
    "show": lambda *_: ["paper"],
    "check": lambda *_: ["paper", "imbrave150"],
    "audit": lambda *_: ["hcc-lung-metastasis"],
    "published": lambda *_: ["imbrave150"],
    "fidelity": lambda *_: ["hcc-lung-metastasis", "--reps", "20", "--jobs", "1"],
    "warm-up": lambda *_: [],
    "doctor": lambda *_: [],
    "simulate": lambda _, out: ["imbrave150", "--out", str(out / "a.csv")],
    "analyze": lambda _, out: [str(out / "a.csv"), "--spec", str(out / "a.spec.yaml")],
    "new": lambda _, out: [str(out / "mine.yaml")],
    "paper new": lambda _, out: [str(out / "paper")],
    "paper read": lambda *_: [str(EXAMPLE)],
    "twin": lambda _, out: [str(EXAMPLE), "--stop-after", "derive", "--out", str(out)],
    "performance": lambda _, out: [str(out / "rows.csv"), "--truth", "0.5", "--by", "method"],
    "ipd": lambda _, out: [str(out / "curve.csv"), "--out", str(out / "patients.csv")],
}
"""Words with which a command answers within a second or so, of a run folder and of a folder for what it writes."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("json") / "run"
    answered(["run", *FEW, "--out", str(folder)])
    return folder


@pytest.mark.parametrize("name", [*CASES])
def test_a_document_has_the_keys_that_its_command_names(name: str, run: Path, tmp_path: Path) -> None:
    if name == "analyze":
        answered(["simulate", "imbrave150", "--out", str(tmp_path / "a.csv")])
    lines = "".join(f"a,{k / 10},0.3\nb,{k / 9},0.2\n" for k in range(9))
    (tmp_path / "rows.csv").write_text(f"method,estimate,se\n{lines}")
    (tmp_path / "curve.csv").write_text("time,survival,arm,at_risk\n0,1,a,20\n3,0.8,a,\n9,0.5,a,\n")
    assert answered([*name.split(), *CASES[name](run, tmp_path)])


def test_every_command_has_its_document_checked() -> None:
    assert every(cli.commands).keys() == {*CASES, *ELSEWHERE, *WITHOUT, "demo"}
    assert documents(cli.commands["demo"]) == documents(cli.commands["run"])[:1]  # it is a run of one study
    for name in ELSEWHERE:
        text = (Path(__file__).parent / f"test_{name.replace('validate', 'validation')}.py").read_text("utf-8")
        assert "answered(" in text or f'fits("{name}"' in text, name


def test_a_plan_of_a_run_and_a_shard(tmp_path: Path) -> None:
    words = ["run", *FEW, "--out", str(tmp_path / "run")]
    plan, shard = answered([*words, "--dry-run"]), answered([*words, "--shard", "1/2", "--block", "5"])
    assert [plan.keys(), shard.keys()] == [keys.keys() for keys in documents(cli.commands["run"])[1:]]
    kinds = json.loads(printed(["schema", "run"]))["anyOf"]
    assert [set(one["required"]) for one in kinds[1:]] == [plan.keys(), shard.keys()]


def test_resolved_documents_are_json_too() -> None:
    assert json.loads(printed(["show", "paper", "--resolved", "--json"]))["name"] == "paper"


def test_every_command_says_its_keys_and_has_the_option() -> None:
    for name, command in every(cli.commands).items():
        assert bool(documents(command)) == (name not in WITHOUT), name
        names = {option for one in command.params for option in one.opts}
        assert "--json" in names or name == "schema", name


def test_the_schema_of_a_document_is_one() -> None:
    told = json.loads(printed(["schema", "tipping"]))
    assert told == schema_of("tipping", documents(cli.commands["tipping"]))
    assert told["required"] == list(told["properties"])
    assert {"verdict", "folder", "surfaces"} <= told["properties"].keys()
    assert "no such document" in refused(["schema", "tippin"])


@pytest.fixture
def toy() -> Iterator[dict[str, int]]:
    """A command that is added in one place, and the document that it prints."""
    document = {"answer": 42}

    @cli.command()
    @answers("json", keys={"answer": "of all questions"})
    def toy() -> Answer:
        """A toy."""
        return Answer(document)

    assert isinstance(toy, click.Command)
    yield document
    del cli.commands["toy"]


def test_a_command_is_added_in_one_place(toy: dict[str, int]) -> None:
    told = json.loads(printed(["schema", "toy"]))
    assert told["properties"] == {"answer": {"description": "of all questions"}}
    assert ", toy" in refused(["schema", "tippin"])
    assert answered(["toy"]) == {"answer": 42}
    toy["more"] = 1
    with pytest.raises(AssertionError):
        answered(["toy"])
    assert not fits("toy", {})
    with pytest.raises(AssertionError):
        test_every_command_has_its_document_checked()
