"""Documents for tests: a folder to write them in, and what is wrong with them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from simulator.documents.loading import (
    DocumentError,
    load,
    parse,
)
from tests.yaml_corpus import BASE, Study

Write = Callable[..., Path]
MINIMAL = "name: mine\nsize: 10\ngroups: {}\n"


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """A function that writes a document into the current folder, where ``base.yaml`` lies too."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base.yaml").write_text(BASE, "utf-8")

    def into(text: str | bytes, name: str = "mine.yaml") -> Path:
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(text.encode("utf-8") if isinstance(text, str) else text)
        return Path(name)

    return into


def told(path: Path | str, *overrides: str) -> list[str]:
    """What is wrong with the document, line by line."""
    with pytest.raises(DocumentError) as caught:
        parse(load(path, overrides, spec=Study), Study)
    assert str(caught.value).splitlines() == [str(problem) for problem in caught.value.problems]
    return str(caught.value).splitlines()


def same(found: list[str], expected: list[str]) -> bool:
    """Whether the lines are those expected; an expected line that ends in ... says how a line begins."""
    pairs = zip(found, expected, strict=False)
    return len(found) == len(expected) and all(
        line.startswith(wanted[:-3]) if wanted.endswith("...") else line == wanted for line, wanted in pairs
    )


def child(text: str) -> str:
    """A document that extends the base."""
    return f"extends: base.yaml\n{text}\n"
