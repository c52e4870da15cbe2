"""Mutated pastes: what may happen to a table between the journal and the folder, and what must come of it.

Every mutation is drawn by a seeded generator and says what is right of it: ``same`` (nothing may change), ``shown``
(the cell holds another number now, which must be read as it stands, or be asked about), ``damage`` (what stands there
is wrong in its place: no number may come of it that the paper does not print, unless something is said), ``yaml`` and
``any`` (paper.yaml says something else now).
"""

# ruff: noqa: ARG001, ARG005 - each takes the text and the luck

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from tests.attacked_papers import Attacked, Grid, Row
from tests.mutated_texts import (
    all_commas,
    comma_for_point,
    footnote,
    foreign_number,
    hostile_cell,
    hostile_label,
    lost_digit,
    lost_point,
    no_percent_signs,
    no_unit,
    odd_blanks,
    other_case,
    other_dashes,
    other_digit,
    other_sign,
    turned_digits,
    typo,
    wide_label,
)

Luck = random.Random
Place = tuple[str, int, str]  # of a cell: file, line, letter of its column


@dataclass(frozen=True)
class Mutant:
    """A mutated paper: its files, what was done, what must come of it, and the new texts of cells by their place."""

    paper: Attacked
    kind: str
    wanted: str
    files: dict[str, bytes]
    told: str
    cells: dict[Place, str] = field(default_factory=dict)


Made = tuple[Attacked, str, dict[Place, str]]
"""A mutated paper, what was done in words, and the new texts of cells by place."""


def letter(c: int) -> str:
    return chr(65 + c)


def _pick(paper: Attacked, luck: Luck) -> tuple[str, Grid]:
    return luck.choice(sorted(paper.tables.items()))


def _body(grid: Grid) -> range:
    return range(grid.heads, len(grid.rows))


def _filled(grid: Grid, pattern: str = r"\d") -> list[tuple[int, int]]:
    """The cells of the body that a pattern is found in, the labels left out."""
    return [(r, c) for r in _body(grid) for c in range(1, len(grid.rows[r])) if re.search(pattern, grid.rows[r][c])]


def _with(grid: Grid, changes: dict[tuple[int, int], str]) -> Grid:
    rows = [list(row) for row in grid.rows]
    for (r, c), text in changes.items():
        rows[r][c] = text
    return replace(grid, rows=tuple(map(tuple, rows)))


def _changed(paper: Attacked, name: str, grid: Grid, changes: dict[tuple[int, int], str]) -> Made:
    """A paper with other texts in some cells of a table."""
    places = {(name, grid.line(r), letter(c)): text for (r, c), text in changes.items() if c}
    told = ", ".join(f"{name} {r + 1}{letter(c)} '{grid.rows[r][c]}' > '{text}'" for (r, c), text in changes.items())
    return paper.with_table(name, _with(grid, changes)), told, places


def _on_rows(change: Callable[[list[Row], Grid, Luck], str]) -> Callable[[Attacked, Luck], Made]:
    """A mutation of the rows of one table."""

    def mutate(paper: Attacked, luck: Luck) -> Made:
        name, grid = _pick(paper, luck)
        rows = list(grid.rows)
        told = change(rows, grid, luck)
        return paper.with_table(name, replace(grid, rows=tuple(rows))), f"{name}: {told}", {}

    return mutate


def _on_cell(pattern: str, change: Callable[[str, Luck], str]) -> Callable[[Attacked, Luck], Made]:
    """A mutation of one cell of a body."""

    def mutate(paper: Attacked, luck: Luck) -> Made:
        fitting = [(name, grid) for name, grid in sorted(paper.tables.items()) if _filled(grid, pattern)]
        if not fitting:
            return paper, "nothing", {}
        name, grid = luck.choice(fitting)
        r, c = luck.choice(_filled(grid, pattern))
        return _changed(paper, name, grid, {(r, c): change(grid.rows[r][c], luck)})

    return mutate


def _on_text(change: Callable[[str, Luck], str]) -> Callable[[Attacked, Luck], Made]:
    """A mutation of every cell of one table."""

    def mutate(paper: Attacked, luck: Luck) -> Made:
        name, grid = _pick(paper, luck)
        rows = tuple(tuple(change(cell, luck) for cell in row) for row in grid.rows)
        return paper.with_table(name, replace(grid, rows=rows)), name, {}

    return mutate


def _on_label(change: Callable[[str, Luck], str]) -> Callable[[Attacked, Luck], Made]:
    def mutate(paper: Attacked, luck: Luck) -> Made:
        name, grid = _pick(paper, luck)
        r = luck.choice(_body(grid))
        return _changed(paper, name, grid, {(r, 0): change(grid.rows[r][0], luck)})

    return mutate


# Rows


def drop_row(rows: list[Row], grid: Grid, luck: Luck) -> str:
    r = luck.choice(_body(grid))
    return f"row lost: {' | '.join(rows.pop(r))}"


def double_row(rows: list[Row], grid: Grid, luck: Luck) -> str:
    r = luck.choice(_body(grid))
    rows.insert(r, rows[r])
    return f"row twice: {rows[r][0]}"


def merge_rows(rows: list[Row], grid: Grid, luck: Luck) -> str:
    r = luck.choice(_body(grid)[:-1])
    rows[r : r + 2] = [(*rows[r], *rows[r + 1])]
    return f"rows on one line: {rows[r][0]}"


def merge_cells(rows: list[Row], grid: Grid, luck: Luck) -> str:
    r = luck.choice(_body(grid)[:-1])
    rows[r : r + 2] = [tuple(f"{a} {b}".rstrip() for a, b in zip(rows[r], rows[r + 1], strict=True))]
    return f"rows merged cell by cell: {rows[r][0]}"


def split_row(rows: list[Row], grid: Grid, luck: Luck) -> str:
    r, c = luck.choice(_filled(grid))
    rows[r : r + 1] = [rows[r][:c], rows[r][c:]]
    return f"row on two lines: {rows[r][0]} | {rows[r + 1]}"


def swap_rows(rows: list[Row], grid: Grid, luck: Luck) -> str:
    r, s = luck.sample(_body(grid), 2)
    rows[r], rows[s] = rows[s], rows[r]
    return f"rows swapped: {rows[r][0]}, {rows[s][0]}"


def swap_numbers_of_rows(paper: Attacked, luck: Luck) -> Made:
    name, grid = _pick(paper, luck)
    r, s = luck.sample(_body(grid), 2)
    changes = {(a, c): grid.rows[b][c] for a, b in ((r, s), (s, r)) for c in range(1, len(grid.rows[r]))}
    return _changed(paper, name, grid, changes)


def note_within(rows: list[Row], grid: Grid, luck: Luck) -> str:
    r = luck.choice(_body(grid))
    said = luck.choice(("Note: data are n (%) unless stated otherwise; 7 patients had no scan.", "Continued", "Table 1 (continued)"))  # fmt: skip  # noqa: E501
    rows.insert(r, (said,) + ("",) * (len(rows[0]) - 1))
    return f"note before row {r + 1}: {said[:20]}"


def discussion_within(rows: list[Row], grid: Grid, luck: Luck) -> str:
    r = luck.choice(_body(grid))
    rows.insert(r, ("In our study 38.4% of patients (95% CI 30.1-47.2) had a response, and 12 died.",))
    return f"a sentence before row {r + 1}"


def cut_off(rows: list[Row], grid: Grid, luck: Luck) -> str:
    r = luck.choice(_body(grid))
    del rows[r:]
    return f"only {r} rows"


def shift_left(rows: list[Row], grid: Grid, luck: Luck) -> str:
    r, c = luck.choice(_filled(grid))
    rows[r] = (*rows[r][:c], *rows[r][c + 1 :])
    return f"cell lost, the others moved left: {rows[r]}"


def shift_left_padded(rows: list[Row], grid: Grid, luck: Luck) -> str:
    r, c = luck.choice(_filled(grid))
    rows[r] = (*rows[r][:c], *rows[r][c + 1 :], "")
    return f"cell lost, the others moved left, padded: {rows[r]}"


def shift_right(rows: list[Row], grid: Grid, luck: Luck) -> str:
    r, c = luck.choice(_filled(grid))
    rows[r] = (*rows[r][:c], "", *rows[r][c:])
    return f"cells moved right: {rows[r]}"


def shift_right_cut(rows: list[Row], grid: Grid, luck: Luck) -> str:
    r, c = luck.choice(_filled(grid))
    rows[r] = (*rows[r][:c], "", *rows[r][c:])[: len(grid.rows[r])]
    return f"cells moved right, last one lost: {rows[r]}"


# Columns and heads


def _swap_columns(rows: list[Row], c: int, d: int, first: int) -> None:
    for r in range(first, len(rows)):
        one = list(rows[r])
        one[c], one[d] = one[d], one[c]
        rows[r] = tuple(one)


def swap_columns(rows: list[Row], grid: Grid, luck: Luck) -> str:
    c, d = luck.sample(range(1, len(rows[0])), 2)
    _swap_columns(rows, c, d, grid.heads)
    return f"columns {letter(c)} and {letter(d)} swapped below the heads"


def swap_like_columns(rows: list[Row], grid: Grid, luck: Luck) -> str:
    """Two columns that hold the same kind of numbers, below the heads: two of p, two arms."""
    bare = [re.sub(r"[\d. ,=]", "", text) for text in grid.rows[grid.heads - 1]]
    pairs = [(c, d) for c in range(1, len(bare)) for d in range(c + 1, len(bare)) if bare[c] == bare[d]]
    c, d = luck.choice(pairs or [(1, 2)])
    _swap_columns(rows, c, d, grid.heads)
    return f"columns {letter(c)} and {letter(d)} swapped below the heads"


def swap_with_heads(rows: list[Row], grid: Grid, luck: Luck) -> str:
    """Two neighbours under one head, with their own heads."""
    top = grid.rows[0]
    runs = [c for c in range(1, len(top) - 1) if grid.heads == 1 or not top[c + 1]]
    if grid.heads == 3:
        runs = [c for c in runs if not grid.rows[1][c + 1]]
    c = luck.choice(runs or [1])
    _swap_columns(rows, c, c + 1, 0 if grid.heads == 1 else grid.heads - 1)
    return f"columns {letter(c)} and {letter(c + 1)} swapped with their heads"


def swap_far_with_heads(rows: list[Row], grid: Grid, luck: Luck) -> str:
    c, d = luck.sample(range(1, len(rows[0])), 2)
    _swap_columns(rows, c, d, grid.heads - 1)
    return f"columns {letter(c)} and {letter(d)} swapped with their lowest heads"


def stray_column(rows: list[Row], grid: Grid, luck: Luck) -> str:
    c = luck.randrange(1, len(rows[0]) + 1)
    value = luck.choice(("", "x", "1.27", "12 (4.7%)"))
    rows[:] = [(*row[:c], value if k >= grid.heads else "", *row[c:]) for k, row in enumerate(rows)]
    return f"a stray column '{value}' at {letter(c)}"


def drop_column(rows: list[Row], grid: Grid, luck: Luck) -> str:
    c = luck.randrange(1, len(rows[0]))
    first = luck.choice((0, grid.heads))
    rows[:] = [(*row[:c], *row[c + 1 :]) if k >= first else row for k, row in enumerate(rows)]
    return f"column {letter(c)} lost{' below the heads' if first else ''}"


def drop_head(rows: list[Row], grid: Grid, luck: Luck) -> str:
    del rows[luck.randrange(grid.heads)]
    return "a line of the heads lost"


def swap_heads(rows: list[Row], grid: Grid, luck: Luck) -> str:
    if grid.heads > 1:
        rows[0], rows[1] = rows[1], rows[0]
    return "two lines of heads swapped"


def swap_head_cells(rows: list[Row], grid: Grid, luck: Luck) -> str:
    r = grid.heads - 1
    c, d = luck.sample(range(1, len(rows[r])), 2)
    one = list(rows[r])
    one[c], one[d] = one[d], one[c]
    rows[r] = tuple(one)
    return f"heads of {letter(c)} and {letter(d)} swapped"


def other_n(rows: list[Row], grid: Grid, luck: Luck) -> str:
    places = [(r, c) for r in range(grid.heads) for c, text in enumerate(rows[r]) if re.search(r"n ?= ?\d", text)]
    if not places:
        return "nothing"
    r, c = luck.choice(places)
    n = re.search(r"n ?= ?([\d,]+)", rows[r][c])
    assert n is not None
    other = str(int(n[1].replace(",", "")) + luck.choice((-10, -1, 1, 9, 100)))
    one = list(rows[r])
    one[c] = one[c].replace(n[1], other)
    rows[r] = tuple(one)
    return f"{n[0]} > {other} in {letter(c)}"


# Cells


def swap_in_row(paper: Attacked, luck: Luck) -> Made:
    name, grid = _pick(paper, luck)
    rows = [r for r in _body(grid) if sum(bool(re.search(r"\d", cell)) for cell in grid.rows[r][1:]) > 1]
    r = luck.choice(rows)
    c, d = luck.sample([c for c in range(1, len(grid.rows[r])) if re.search(r"\d", grid.rows[r][c])], 2)
    return _changed(paper, name, grid, {(r, c): grid.rows[r][d], (r, d): grid.rows[r][c]})


def swap_in_column(paper: Attacked, luck: Luck) -> Made:
    name, grid = _pick(paper, luck)
    c = luck.randrange(1, len(grid.rows[0]))
    rows = [r for r in _body(grid) if re.search(r"\d", grid.rows[r][c])]
    if len(rows) < 2:
        return paper, "nothing", {}
    r, s = luck.sample(rows, 2)
    return _changed(paper, name, grid, {(r, c): grid.rows[s][c], (s, c): grid.rows[r][c]})


Bytes = Callable[[bytes, Luck], bytes]


def _cut(data: bytes, luck: Luck) -> bytes:
    return data[: luck.randrange(len(data))]


def _garbage(data: bytes, luck: Luck) -> bytes:
    at = luck.randrange(len(data))
    return data[:at] + luck.randbytes(luck.choice((1, 8, 200))) + data[at:]


def _null(data: bytes, luck: Luck) -> bytes:
    at = luck.randrange(len(data))
    return data[:at] + b"\x00" + data[at:]


def _mixed_ends(data: bytes, luck: Luck) -> bytes:
    return b"".join(line + luck.choice((b"\n", b"\r\n", b"\r")) for line in data.splitlines())


def _byte_changes() -> dict[str, tuple[str, Bytes]]:
    return {
        "file cut": ("damage", _cut),
        "garbage": ("damage", _garbage),
        "zero byte": ("damage", _null),
        "CRLF": ("same", lambda data, luck: data.replace(b"\n", b"\r\n")),
        "BOM": ("same", lambda data, luck: b"\xef\xbb\xbf" + data),
        "mixed line ends": ("same", _mixed_ends),
        "UTF-16": ("same", lambda data, luck: data.decode().encode("utf-16")),
        "blank lines": ("same", lambda data, luck: data.replace(b"\n", b"\n\n") + b"\n \n"),
    }


def _on_bytes(change: Bytes) -> Callable[[Attacked, Luck], tuple[dict[str, bytes], str]]:
    def mutate(paper: Attacked, luck: Luck) -> tuple[dict[str, bytes], str]:
        files = paper.files()
        name = luck.choice(sorted(paper.tables))
        files[name] = change(files[name], luck)
        return files, name

    return mutate


def _form(form: str) -> Callable[[Attacked, Luck], Made]:
    def mutate(paper: Attacked, luck: Luck) -> Made:
        name, grid = _pick(paper, luck)
        return paper.with_table(name, replace(grid, form=form)), f"{name} as {form}", {}

    return mutate


def tabs_to_blanks(paper: Attacked, luck: Luck) -> tuple[dict[str, bytes], str]:
    files, name = paper.files(), luck.choice(sorted(paper.tables))
    blanks = luck.choice((b" ", b"  ", b"    "))
    files[name] = files[name].replace(b"\t", blanks).replace(b"|", blanks)
    return files, f"{name}: separators to {len(blanks)} blanks"


# paper.yaml


def swapped_arms(text: str, luck: Luck) -> str:
    return re.sub(r"arms: \{control: (.*), treated: (.*)\}", r"arms: {control: \2, treated: \1}", text)


def yaml_line(text: str, luck: Luck) -> str:
    """A line of paper.yaml lost, doubled, moved, without its colon, with a typo or with other words."""
    lines = text.split("\n")
    k = luck.randrange(len(lines) - 1)
    line = lines[k]
    how = luck.randrange(7)
    if how == 0:
        del lines[k]
    elif how == 1:
        lines.insert(k, line)
    elif how == 2:
        lines[k] = line.replace(":", "", 1)
    elif how == 3 and line.strip():
        lines[k] = typo(line, luck)
    elif how == 4:
        for one, other in luck.sample(
            (("before", "after"), ("OS", "XS"), ("vs", ""), (";", ""), ("HR", ""), ("(", "")), 3
        ):
            lines[k] = lines[k].replace(one, other, 1)
    elif how == 5:
        lines[k] = luck.choice((" ", "  ", "\t", "- ", "&a *a ", "!!python/name:os.system ", "'", '"', "{", "[")) + line
    else:
        lines[k] = line + luck.choice(
            (" : x", "{{7*7}}", " <script>alert(1)</script>", "\u202e", " 99", " 1 vs 2", "\x07")
        )
    return "\n".join(lines)


def _on_yaml(change: Callable[[str, Luck], str]) -> Callable[[Attacked, Luck], Made]:
    def mutate(paper: Attacked, luck: Luck) -> Made:
        made = change(paper.yaml, luck)
        old, new = paper.yaml.split("\n"), made.split("\n")
        told = next((f"paper.yaml: '{a}' > '{b}'" for a, b in zip(old, new, strict=False) if a != b), "nothing")
        return replace(paper, yaml=made), told, {}

    return mutate


def wrong_phase(text: str, luck: Luck) -> str:
    found = list(re.finditer(r"\b(?:before|after)\b", text))
    if not found:
        return text
    one = luck.choice(found)
    return text[: one.start()] + {"before": "after", "after": "before"}[one[0]] + text[one.end() :]


CELL_MUTATIONS: dict[str, tuple[str, Callable[[Attacked, Luck], Made]]] = {
    "row lost": ("damage", _on_rows(drop_row)),
    "row twice": ("damage", _on_rows(double_row)),
    "rows on one line": ("damage", _on_rows(merge_rows)),
    "rows merged": ("damage", _on_rows(merge_cells)),
    "row on two lines": ("damage", _on_rows(split_row)),
    "rows swapped": ("damage", _on_rows(swap_rows)),
    "numbers of rows swapped": ("damage", swap_numbers_of_rows),
    "note within": ("same", _on_rows(note_within)),
    "sentence within": ("damage", _on_rows(discussion_within)),
    "rows cut off": ("damage", _on_rows(cut_off)),
    "cell lost": ("damage", _on_rows(shift_left)),
    "cell lost, padded": ("damage", _on_rows(shift_left_padded)),
    "cells moved right": ("damage", _on_rows(shift_right)),
    "cells moved right, cut": ("damage", _on_rows(shift_right_cut)),
    "columns swapped": ("damage", _on_rows(swap_columns)),
    "like columns swapped": ("damage", _on_rows(swap_like_columns)),
    "neighbours swapped with heads": ("same", _on_rows(swap_with_heads)),
    "columns swapped with lowest heads": ("damage", _on_rows(swap_far_with_heads)),
    "stray column": ("damage", _on_rows(stray_column)),
    "column lost": ("damage", _on_rows(drop_column)),
    "head line lost": ("damage", _on_rows(drop_head)),
    "head lines swapped": ("damage", _on_rows(swap_heads)),
    "head cells swapped": ("damage", _on_rows(swap_head_cells)),
    "other n": ("damage", _on_rows(other_n)),
    "cells of a row swapped": ("damage", swap_in_row),
    "cells of a column swapped": ("damage", swap_in_column),
    "cell blank": ("damage", _on_cell(r"\d", lambda text, luck: "")),
    "foreign number": ("damage", _on_cell(r"", foreign_number)),
    "digit": ("shown", _on_cell(r"\d", other_digit)),
    "digits turned": ("shown", _on_cell(r"\d", turned_digits)),
    "digit lost": ("shown", _on_cell(r"\d\d", lost_digit)),
    "point lost": ("shown", _on_cell(r"\d[.·]\d", lost_point)),
    "comma for a point": ("damage", _on_cell(r"\d[.·]\d", comma_for_point)),
    "commas for points": ("same", _on_text(all_commas)),
    "footnote mark": ("same", _on_cell(r"\d", footnote)),
    "odd blanks": ("same", _on_text(odd_blanks)),
    "dashes": ("same", _on_text(other_dashes)),
    "no percent signs": ("damage", _on_text(no_percent_signs)),
    "label typo": ("damage", _on_label(typo)),
    "label case": ("damage", _on_label(other_case)),
    "label blanks and marks": ("same", _on_label(wide_label)),
    "label without unit": ("damage", _on_label(no_unit)),
    "label with another sign": ("damage", _on_label(other_sign)),
    "hostile cell": ("damage", _on_cell(r"", hostile_cell)),
    "hostile label": ("damage", _on_label(hostile_label)),
    "as tab": ("same", _form("tab")),
    "as comma": ("same", _form("comma")),
    "as semicolon": ("same", _form("semicolon")),
    "as markdown": ("same", _form("markdown")),
    "as html": ("same", _form("html")),
    "as single blanks": ("damage", _form("spaced")),
    "as collapsed bars": ("damage", _form("collapsed")),
    "arms swapped": ("any", _on_yaml(swapped_arms)),
    "yaml line": ("yaml", _on_yaml(yaml_line)),
    "wrong phase": ("yaml", _on_yaml(wrong_phase)),
}


def mutants(papers: tuple[Attacked, ...], count: int, seed: int) -> Iterator[Mutant]:
    """So many mutants: every kind in turn, the papers and places drawn."""
    luck = random.Random(seed)
    files = {name: (wanted, _on_bytes(change)) for name, (wanted, change) in _byte_changes().items()}
    files["blanks for separators"] = ("damage", tabs_to_blanks)
    kinds = [*CELL_MUTATIONS, *files]
    for k in range(count):
        kind, paper = kinds[k % len(kinds)], luck.choice(papers)
        if kind in files:
            wanted, change = files[kind]
            made, told = change(paper, luck)
            yield Mutant(paper, kind, wanted, made, told)
        else:
            wanted, mutate = CELL_MUTATIONS[kind]
            other, told, cells = mutate(paper, luck)
            yield Mutant(paper, kind, wanted, other.files(), told, cells)
