"""Whatever the bytes: a valid Spec or a DocumentError whose every problem has a place and words, and soon."""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from simulator.documents import yaml12
from simulator.documents.loading import DocumentError, digest, load, parse, resolved_yaml
from simulator.documents.spec import Spec
from tests.measured import Measured
from tests.yaml_corpus import BASE, SEEDS, TOKENS, Study, hostile, mutated

COUNT = int(os.environ.get("TRIALTWIN_FUZZ", "1000"))
SCENARIOS = Path(__file__).parent.parent / "scenarios"


def outcome(path: Path, spec: type[Spec], overrides: tuple[str, ...] = ()) -> Spec | DocumentError:
    """The valid Spec or the error, which is looked at; anything else that is raised is a failure of the test."""
    try:
        document = load(path, overrides, spec=spec)
        valid = parse(document, spec)
    except DocumentError as error:
        return told_well(error)
    text = resolved_yaml(document.tree)
    path.with_name("again.yaml").write_text(text, "utf-8")
    again = load(path.with_name("again.yaml"), spec=spec)
    assert again.tree == document.tree
    assert digest(again.tree) == digest(document.tree)
    assert parse(again, spec) == valid
    return valid


def told_well(error: DocumentError) -> DocumentError:
    """The error, each of whose problems has a place and words on one line of decent length."""
    assert error.problems
    for problem in error.problems:
        assert problem.file
        assert problem.line >= 1
        assert problem.column >= 1
        assert problem.message.strip()
        assert len(str(problem).splitlines()) == 1
        assert len(str(problem)) < 1000
    return error


def fuzz(texts: tuple[str, ...], spec: type[Spec], folder: Path, seeds: range) -> tuple[int, int]:
    """How many mutated documents were valid and how many refused; ``texts`` are mutated in turn."""
    valid = 0
    path = folder / "mutant.yaml"
    for seed in seeds:
        path.write_bytes(mutated(texts[seed % len(texts)], seed))
        valid += isinstance(outcome(path, spec), spec)
    return valid, len(seeds) - valid


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the document that others extend."""
    (tmp_path / "base.yaml").write_text(BASE, "utf-8")
    return tmp_path


def test_the_seeds_themselves_are_valid(folder: Path) -> None:
    for text in SEEDS:
        (folder / "seed.yaml").write_text(text, "utf-8")
        found = outcome(folder / "seed.yaml", Study)
        assert isinstance(found, Study), found


def test_mutated_documents_are_valid_or_refused_in_words(folder: Path) -> None:
    valid, refused = fuzz(SEEDS, Study, folder, range(COUNT))
    assert valid > COUNT / 50
    assert refused > COUNT / 2


@pytest.mark.slow
def test_many_more_mutated_documents(folder: Path, measured: Measured) -> None:
    valid, refused = fuzz(SEEDS, Study, folder, range(1_000_000, 1_000_000 + 40 * COUNT))
    measured("mutated documents", f"{40 * COUNT:,} tried: {valid:,} valid, {refused:,} refused")


def test_the_python_parser_keeps_the_promise_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml12, "Parser", yaml12.PythonParser)
    fuzz(SEEDS, Study, folder, range(2_000_000, 2_000_000 + COUNT // 10))


def test_both_parsers_read_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [*SEEDS, *(path.read_text("utf-8") for path in SCENARIOS.glob("*/*.yaml"))]
    fast = [yaml12.read(text.encode("utf-8"), "x") for text in texts]
    monkeypatch.setattr(yaml12, "Parser", yaml12.PythonParser)
    assert [yaml12.read(text.encode("utf-8"), "x") for text in texts] == fast


@pytest.mark.parametrize("token", TOKENS, ids=lambda token: repr(token)[:20])
def test_any_token_as_an_override(folder: Path, token: str) -> None:
    for text in (
        f"size={token}",
        f"groups.young.share={token}",
        f"plan={token}",
        f"{token}=1",
        token,
        f"a.{token}.b=1",
    ):
        outcome(folder / "base.yaml", Study, (text,))


def test_hostile_documents_are_refused_soon_and_with_little_memory(folder: Path) -> None:
    documents = hostile()
    assert len(documents) > 40
    for name, data in documents.items():
        (folder / f"{name}.hostile").write_bytes(data)
    root = Path(__file__).parent.parent
    command = [sys.executable, "-m", "tests.test_fuzz_yaml", str(folder)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True, timeout=120)
    found = json.loads(done.stdout)
    memory = found.pop("memory")
    assert found.keys() == documents.keys()
    assert {name: seconds for name, seconds in found.items() if not 0 <= seconds < 2} == {}
    assert 10e6 < memory < 300e6


def measure(folder: Path) -> dict[str, float]:
    """CPU seconds that each hostile document took to be refused, and the bytes that all of them needed at most."""
    found: dict[str, float] = {}
    for path in sorted(folder.glob("*.hostile")):
        begun = time.process_time()
        assert isinstance(outcome(path, Study), DocumentError), path
        found[path.stem] = time.process_time() - begun
    return found | {"memory": peak_memory()}


def peak_memory() -> float:
    """Bytes that this process needed at most; on Linux without what its parent had before it was started."""
    status = Path("/proc/self/status")
    if status.exists():
        return 1024 * float(status.read_text().split("VmHWM:")[1].split()[0])
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def test_shipped_documents_survive_mutation(tmp_path: Path) -> None:
    from benchmarks.asked.scenario import Scenario

    paths = sorted(SCENARIOS.rglob("*.yaml"))
    assert len(paths) > 30
    for path in paths:
        copy = tmp_path / path.relative_to(SCENARIOS)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    texts = tuple(path.read_text("utf-8") for path in paths)
    valid, refused = fuzz(texts, Scenario, tmp_path / "studies" / "overview", range(3_000_000, 3_000_000 + COUNT // 10))
    assert valid
    assert refused


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]))))
