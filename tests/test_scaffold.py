"""`trialtwin new`: valid as it stands and with each block, and all of them, uncommented; nothing is overwritten."""

from pathlib import Path

import pytest

from benchmarks.asked.load_study import load_study
from tests.commands import printed, refused

WORLDS = ["hcc-lung-metastasis", "imbrave150"]


def blocks(text: str) -> list[str]:
    """The commented blocks, their comment signs taken away."""
    found = []
    for part in text.split("\n\n"):
        lines = part.splitlines()
        if lines and lines[0].startswith("## ") and len(lines) > 1 and all(one.startswith("# ") for one in lines[1:]):
            found.append("\n".join(one[2:] for one in lines[1:]))
    return found


@pytest.mark.parametrize("base", WORLDS)
def test_each_block_is_valid_when_uncommented(base: str, tmp_path: Path) -> None:
    path = tmp_path / "my study.yaml"
    assert "trialtwin check" in printed(["new", str(path), "--from", base])
    plain = load_study(str(path))
    assert plain.scenario.name == "my-study"
    found = blocks(path.read_text())
    assert len(found) >= 13
    for number, block in enumerate(found):
        own = tmp_path / f"with-{number}.yaml"
        own.write_text(f"{path.read_text()}\n{block}\n")
        made = load_study(str(own))
        assert made.scenario != plain.scenario or "estimators" in block or "analysis" in block, block


def test_a_scaffold_of_a_users_own_world(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("name: base\nextends: imbrave150\npopulation: {size: 77}\n")
    (tmp_path / "there").mkdir()
    path = tmp_path / "there" / "99.yaml"
    printed(["new", str(path), "--from", str(tmp_path / "base.yaml")])
    made = load_study(str(path)).scenario
    assert (made.name, made.population.size) == ("study-99", 77)


@pytest.mark.parametrize(
    ("path", "words", "message"),
    [
        ("taken.yaml", [], "is there already; choose another name"),
        ("x.txt", [], "end the name in .yaml"),
        ("none/x.yaml", [], "cannot be written"),
        ("x.yaml", ["--from", "nowhere"], "there is no document 'nowhere'"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(path: str, words: list[str], message: str, tmp_path: Path) -> None:
    (tmp_path / "taken.yaml").write_text("mine")
    assert message in refused(["new", str(tmp_path / path), *words])
    assert (tmp_path / "taken.yaml").read_text() == "mine"
