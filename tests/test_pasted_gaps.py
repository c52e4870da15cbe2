"""What a pasted paper lacks or has twice is told: each fault is planted in the trial, whose clean print is silent."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.pasted.read import read_paper
from benchmarks.pasted.reading import Reading
from tests.attacked_papers import Attacked, Grid, papers, write

TRIAL = papers()[1]


def _cells(name: str, changes: dict[tuple[int, int], str]) -> Attacked:
    rows = [list(row) for row in TRIAL.tables[name].rows]
    for (r, c), text in changes.items():
        rows[r][c] = text
    return TRIAL.with_table(name, replace(TRIAL.tables[name], rows=tuple(map(tuple, rows))))


def _without(name: str, row: int) -> Attacked:
    grid: Grid = TRIAL.tables[name]
    return TRIAL.with_table(name, replace(grid, rows=(*grid.rows[:row], *grid.rows[row + 1 :])))


def _read(paper: Attacked, folder: Path) -> Reading:
    return read_paper(write(paper.files(), folder / "paper"))


PFS = "  PFS: Zelotinib 6·9 (5·6–8·1) vs Placebo 3·7 (3·1–4·4); HR 0·62 (0·50–0·76); P < 0·0001"
ASKED = {
    "the arms of a subgroup": (_cells("table2.md", {(11, 1): "113/142", (11, 2): "93/141"}), "are the other arm's"),
    "a share among fractions": (_cells("table2.md", {(8, 1): "12 (4.7%)"}), "stands where the others are"),
    "fewer of any event": (_cells("table3.csv", {(2, 1): "80 (37·7%)"}), "is fewer than"),
    "one line twice": (replace(TRIAL, yaml=TRIAL.yaml.replace(PFS, PFS.replace("PFS:", "OS:"))), "are both of"),
}
TOLD = {
    "an empty cell": (_cells("table3.csv", {(4, 1): ""}), "its cell is empty"),
    "a level without a row": (_without("table2.md", 7), "has no row among the subgroups"),
    "a part of a response": (_without("table4.csv", 2), "PR of ORR = CR + PR has no row"),
    "another response": (_cells("table4.csv", {(1, 0): "CCR"}), "CCR"),
}


def test_the_clean_print_is_silent(tmp_path: Path) -> None:
    found = _read(TRIAL, tmp_path)
    assert (found.questions, found.unread) == ((), ())
    assert len(found.assumed) == 1  # of the bare P


@pytest.mark.parametrize("fault", ASKED)
def test_what_contradicts_itself_is_asked(fault: str, tmp_path: Path) -> None:
    paper, words = ASKED[fault]
    assert any(words in str(one) for one in _read(paper, tmp_path).questions)


@pytest.mark.parametrize("fault", TOLD)
def test_what_is_lacking_is_told(fault: str, tmp_path: Path) -> None:
    paper, words = TOLD[fault]
    found = _read(paper, tmp_path)
    assert any(words in one for one in [*(one.text for one in found.assumed), *map(str, found.questions)])
