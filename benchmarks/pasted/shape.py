"""Which rows of a grid are heads and which its body, with a text for each column; what has no place is asked."""

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from benchmarks.pasted.cells import plain_cell, plain_label, plain_text
from benchmarks.pasted.grids import Grid, GridRow
from benchmarks.pasted.reading import CellKind, Ledger, Spot
from benchmarks.pasted.settling import letter, letters_of, row_key

TableEntry = Mapping[str, str | dict[str, str]]
_WHO = "(?:patients|participants|subjects)"
_ONE = re.compile(r"1(?:[.,·]0+)?")
_RATIO = re.compile(r"\b(?:HR|OR|RR)\b|ratio", re.I)
_LONE = re.compile(r"\bp\b|\bp[- ]?value|\bsmd\b|χ|standardi[sz]ed", re.I)
SIZES = re.compile(
    rf"(?:(?:total )?(?:n|no\.?|number)(?: of {_WHO})?|total(?: {_WHO})?|patients|sample size)"
    r"(?:,? ?\(?(?:n|no\.?)\)?)?",
    re.IGNORECASE,
)
"""The labels of rows of sizes."""
_HEAD = re.compile(r"\bn ?= ?\d|\bgrades?\b|\bp[- ]?values?\b|95 ?% ?(?:CI|confidence)", re.IGNORECASE)
_POINT = re.compile(r"(?<![\d.,])(?:0\.\d+|\d+\.(?:\d{1,2}|\d{4,}))(?![\d.,]*\d)", re.ASCII)
_COMMA = re.compile(r"(?<![\d.,])(?:0,\d+|\d+,(?:\d{1,2}|\d{4,}))(?![\d.,]*\d)", re.ASCII)
_FIGURES = re.compile(r"\d+(?:[.,]\d+)?")
MOST_PLACES, MOST_HEADS = 20, 4
_IN_BRACKETS = re.compile(r"[(\[]\d+,\d+[)\]]", re.ASCII)


@dataclass(frozen=True)
class Shaped:
    """The heads and the body of a table, every row with all columns; ``decimal_comma`` is its one mark."""

    heads: tuple[GridRow, ...]
    body: tuple[GridRow, ...]
    decimal_comma: bool
    sure: bool


def shaped(grid: Grid, file: str, entry: TableEntry, ledger: Ledger) -> Shaped:
    """The heads and the body; rows that fit no columns are asked about and left out."""
    comma, sure = _decimal_mark(grid, file, entry, ledger)
    rows = _whole(grid, file, entry, ledger)
    if grid.placed:
        several = f"{len(grid.placed)} rows have" if len(grid.placed) > 1 else "a row has"
        ledger.assume(
            Spot(file, grid.placed[0]), f"{several} fewer texts than columns; each stands where it was pasted"
        )
    at = next((k for k, row in enumerate(rows) if k and _begins(row, comma, rows[:k])), len(rows))
    if rows and _numbers(rows[0], comma) > 1 and not _says_head(rows[0].cells, comma):
        at = 0
    _ask_swallowed(rows[:at], file, ledger)
    return Shaped(tuple(rows[:at]), tuple(rows[at:]), comma, sure)


def _ask_swallowed(heads: Sequence[GridRow], file: str, ledger: Ledger) -> None:
    """Ask about a row that is above all that is read as numbers, and holds numbers itself, of which none is a size."""
    for row in heads[1:]:
        texts = [plain_text(cell) for cell in row.cells[1:] if cell]
        dense = [text for text in texts if len(_FIGURES.findall(text)) > 1 and _HEAD.search(text) is None]
        if row.cells[0] and dense and 2 * len(dense) >= len(texts):
            name = f"line {row.line}"
            what = f"'{plain_label(row.cells[0])[:40]}' stands among the heads, and its '{dense[0][:40]}' are numbers"
            ledger.ask(Spot(file, row.line), f"{what}: paste it again", f"{name}: skip", (f"{name}: skip",))


def _begins(row: GridRow, comma: bool, before: Sequence[GridRow]) -> bool:
    """Whether the body begins with a row: with numbers, or as the head of levels below."""
    if not any(row.cells[1:]):
        return bool(row.cells[0]) and any(any(one.cells[1:]) for one in before)
    if _says_head(row.cells[1:], comma):
        return False
    filled = sum(bool(cell) for cell in row.cells[1:])
    return 2 * _numbers(row, comma) >= filled and (bool(row.cells[0]) or _numbers(row, comma) > 1)


def _says_head(cells: Sequence[str], comma: bool) -> bool:
    """Whether a cell that is no number has the words of a head: "0.74 (95% CI 0.54-0.99)" has none."""
    return any(_HEAD.search(plain_text(cell)) for cell in cells if cell and plain_cell(cell, comma).kind == "unread")


def _numbers(row: GridRow, comma: bool) -> int:
    return sum(plain_cell(cell, comma).kind not in ("none", "unread") for cell in row.cells[1:])


def is_sizes(row: GridRow, comma: bool) -> bool:
    """Whether a row of the body only repeats the sizes of the columns."""
    kinds = [plain_cell(cell, comma).kind for cell in row.cells[1:] if cell]
    return bool(kinds) and set(kinds) <= {"num", "none"} and SIZES.fullmatch(plain_label(row.cells[0])) is not None


def _decimal_mark(grid: Grid, file: str, entry: TableEntry, ledger: Ledger) -> tuple[bool, bool]:
    """Whether decimals stand after a comma, and whether paper.yaml says so."""
    said = entry.get("decimal")
    if said in ("comma", "point"):
        return said == "comma", True
    if said is not None:
        raise ValueError(f"decimal: '{said}' is no mark of decimals; write comma or point")
    texts = [plain_text(cell) for row in grid.rows for cell in row.cells]
    points = sum(len(_POINT.findall(text)) for text in texts)
    outside = sum(len(_COMMA.findall(_IN_BRACKETS.sub(" ", text))) for text in texts)
    inside = sum(_IN_BRACKETS.search(text) is not None and _COMMA.search(text) is not None for text in texts)
    spot = Spot(file)
    if inside and not outside and not points and _no_limits(texts):
        return True, False
    if points and outside:
        what = f"{points} numbers have a decimal point and {outside} a decimal comma; one table has one mark"
        ledger.ask(spot, what, "decimal: point", ("decimal: point", "decimal: comma"))
    elif inside and not outside and not points:
        what = f"{inside} cells are like 58 (51,66): a decimal comma, or two limits"
        ledger.ask(spot, what, "decimal: point", ("decimal: point", "decimal: comma"))
    return outside > points, False


def _no_limits(texts: Sequence[str]) -> bool:
    """Whether several cells like 58 (51,66) can be no number within its limits: then the comma is one of decimals.

    Nor has a count of so many, 30/58 (51,72), limits.
    """
    if 2 * sum(re.match(r"\s*\d+ ?/ ?\d+ ?[(\[]", one) is not None for one in texts if _IN_BRACKETS.search(one)) > sum(
        _IN_BRACKETS.search(one) is not None and _COMMA.search(one) is not None for one in texts
    ):
        return True
    found = [plain_cell(one) for one in texts if _IN_BRACKETS.search(one)]
    plain = [
        cell.values for cell in found if cell.kind == "triple" and not re.search(r"[<>≤≥A-Za-z]", "".join(cell.values))
    ]
    values = [[float(one) for one in texts] for texts in plain]
    return 5 * sum(not low <= middle <= high for middle, low, high in values) >= max(len(found), 15)


def patterns_of(entry: TableEntry, width: int) -> dict[int, list[int]]:
    """The columns that a row with so many cells fills, as `rows: {4 of 8: A-B E-F}` says; ValueError names a fault."""
    said = entry.get("rows", {})
    if not isinstance(said, dict):
        raise ValueError("rows: write {4 of 8: A-B E-F}: how many cells a row has, and which columns they fill")
    found = {}
    for key, text in said.items():
        sizes = re.fullmatch(r"(\d{1,3}) of (\d{1,3})", key.strip(), re.ASCII)
        if sizes is None:
            raise ValueError(f"rows: '{key}' is no number of cells; write 4 of {width}")
        if int(sizes[2]) != width:
            raise ValueError(f"rows: '{key}' is of {sizes[2]} columns, the table has {width}")
        columns = [column for part in text.replace(",", " ").split() for column in _range(part, width)]
        if len(columns) != int(sizes[1]) or columns != sorted(set(columns)):
            raise ValueError(f"rows: {key}: '{text}' are {len(columns)} columns; write {sizes[1]} of them, in order")
        found[int(sizes[1])] = columns
    return found


def _range(part: str, width: int) -> range:
    if part == "A":
        return range(1)
    if part.startswith("A-"):
        end = letters_of(part[2:], width)
        if end is not None and len(end) == 1:
            return range(end[0] + 1)
    found = letters_of(part, width)
    if found is None:
        raise ValueError(f"rows: '{part}' is no column from A to {letter(width - 1)}")
    return found


def _whole(grid: Grid, file: str, entry: TableEntry, ledger: Ledger) -> list[GridRow]:
    """The rows with a text for each column: as pasted, padded where that shifts nothing, or as paper.yaml says."""
    grid = replace(grid, rows=_with_blank_labels(grid))
    only: list[int] = []
    patterns, rows = patterns_of(entry, grid.width), []
    open_rows: dict[int, list[GridRow]] = {}
    seen = {_filled(row) for row in grid.rows if row.whole}
    kinds = [{plain_cell(row.cells[c]).kind for row in grid.rows if row.whole} for c in range(grid.width)]
    for k, row in enumerate(grid.rows):
        count = len(row.cells)
        if row.whole:
            rows.append(row)
        elif count in patterns and not _stands_elsewhere(row, patterns[count], grid):
            cells = [""] * grid.width
            for column, cell in zip(patterns[count], row.cells, strict=True):
                cells[column] = cell
            rows.append(replace(row, cells=tuple(cells), whole=True))
        elif (made := _padded(row, k, grid, seen, kinds)) is not None:
            rows.append(made)
        elif grid.form == "aligned" and (columns := _only_place(row, grid)):
            only.append(row.line)
            texts = dict(zip(columns, row.cells, strict=True))
            rows.append(replace(row, cells=tuple(texts.get(c, "") for c in range(grid.width)), whole=True))
        elif entry.get(plain_label(row.cells[0])) != "skip" and entry.get(f"line {row.line}") != "skip":
            open_rows.setdefault(count, []).append(row)
    if only:
        told = f"{len(only)} rows have fewer texts than columns; each stands where alone texts of its kinds stand"
        ledger.assume(Spot(file, only[0]), told)
    likeliest = {count: _places(some[0], grid) for count, some in open_rows.items() if count < grid.width}
    said = {count: _letters(columns) for count, columns in patterns.items()}
    for count, some in open_rows.items():
        settles = []
        for place in likeliest.get(count, []):
            every = {**said, **{other: places[0] for other, places in likeliest.items()}, count: place}
            settles.append(f"rows: {{{', '.join(f'{k} of {grid.width}: {every[k]}' for k in sorted(every))}}}")
        _ask_ragged(grid, file, some, settles, ledger)
    return rows


def _filled(row: GridRow) -> tuple[bool, ...]:
    return tuple(bool(cell) for cell in row.cells[1:])


def _padded(
    row: GridRow, at: int, grid: Grid, seen: set[tuple[bool, ...]], kinds: list[set[CellKind]]
) -> GridRow | None:
    """The row with blanks at its end, if whole rows have such blanks and each of its cells is of its column's kinds.

    A head of merged cells without their blanks is spread over heads below that repeat.
    """
    count, width = len(row.cells), grid.width
    if count > width:
        return None
    made = replace(row, cells=(*row.cells, *[""] * (width - count)), whole=True)
    if at > 0 and grid.form not in ("aligned", "spaced") and _filled(made) in seen:
        fits = all(not cell or plain_cell(cell).kind in kinds[c] for c, cell in enumerate(made.cells) if c)
        if fits and not any(made.cells[count:]):
            return made
    below = next((one for one in grid.rows[at + 1 :] if one.whole), None)
    return None if at > 1 or below is None else _spread(row, below, grid.form == "aligned")


def _spread(row: GridRow, below: GridRow, aligned: bool) -> GridRow | None:
    """A head of merged cells without their blanks, over the heads below: each over the columns up to where they begin
    anew, "A B P A B P"; None where they begin anew not as often.
    """
    texts = [re.sub(r"[\d.,=() ]", "", plain_label(cell)) for cell in below.cells[1:]]
    starts = [k for k, text in enumerate(texts) if text == texts[0]]
    groups = [set(texts[low:high]) for low, high in itertools.pairwise([*starts, len(texts)])]
    if len(starts) < 2 or not texts[0] or any(len(one & groups[0]) < 2 for one in groups):
        return None
    for first, spans in ((row.cells[0], row.cells[1:]), ("", row.cells if aligned else ())):
        if len(spans) == len(starts):
            cells = [""] * len(texts)
            for start, text in zip(starts, spans, strict=True):
                cells[start] = text
            return replace(row, cells=(first, *cells), whole=True)
    return None


def _ask_ragged(grid: Grid, file: str, rows: list[GridRow], settles: Sequence[str], ledger: Ledger) -> None:
    """One question for all rows with so many cells; the rows around them wait, too."""
    first, lines = rows[0], set()
    order, labels = [row.line for row in grid.rows], [plain_label(row.cells[0]) for row in grid.rows]
    for row in rows:
        k = order.index(row.line)
        low, high = k, k + 1
        while low > 2 and not _opens(grid.rows[low]):
            low -= 1
        while high < len(order) and not _opens(grid.rows[high]):
            high += 1
        lines.update(order[low:high])
    if grid.form == "aligned" and len(first.cells) > grid.width:
        lines = set()  # which columns there are is in doubt
    label = plain_label(first.cells[0])
    more = f", and so have {len(rows) - 1} more rows" if len(rows) > 1 else ""
    fault = f"'{label[:40]}' has {len(first.cells)} cells, its table {grid.width}{more}"
    if len(first.cells) == grid.width:
        fault = f"'{label[:40]}': it is not clear where its label ends and its cells begin{more}"
    skip = f"{row_key(label, first.line, labels, grid.width)}: skip"
    answers = (*settles, skip)
    ledger.ask(Spot(file, first.line), f"{fault}: paste it again. Nothing of it was read", answers[0], answers, lines)


def _with_blank_labels(grid: Grid) -> tuple[GridRow, ...]:
    """The rows, heads of aligned text that name all columns but that of the labels with a blank for it."""
    rows = list(grid.rows)
    for k, row in enumerate(rows[:MOST_HEADS]):
        words = all(_family(cell) == "words" for cell in row.cells)
        if grid.form == "aligned" and words and not row.whole and len(row.cells) == grid.width - 1:
            rows[k] = replace(row, cells=("", *row.cells), whole=True)
    return tuple(rows)


def _only_place(row: GridRow, grid: Grid) -> list[int]:
    """The columns that the texts of a row fill, where by their kinds there is one way alone; else none."""
    if SIZES.fullmatch(plain_label(row.cells[0])) and all(_family(cell) == "number" for cell in row.cells[1:]):
        return []  # their kinds are those of no other row
    found = _ways(row, grid)
    return found[0] if len(found) == 1 and len(row.cells) > 1 and _family(row.cells[0]) != "numbers" else []


def _stands_elsewhere(row: GridRow, columns: list[int], grid: Grid) -> bool:
    """Whether texts that fill these columns in other rows can by their kinds stand in others alone in this one."""
    only = _only_place(row, grid) if grid.form == "aligned" else []
    return bool(only) and only != columns


def _places(row: GridRow, grid: Grid) -> list[str]:
    """The columns that the texts of a row may fill by their kinds, likeliest first; from the first on, if none fits."""
    return [_letters(one) for one in _ways(row, grid) or [list(range(len(row.cells)))]]


def _ways(row: GridRow, grid: Grid) -> list[list[int]]:
    """The ways in which the texts of a row may fill columns in which texts of their kinds stand."""
    width = grid.width
    kinds = [{_family(one.cells[c]) for one in grid.rows if one.whole and one.cells[c]} for c in range(width)]
    for c in range(1, width):
        if not kinds[c] - {"words", "blank"}:  # no whole row but heads
            heads = " ".join(one.cells[c] for one in grid.rows[:MOST_HEADS] if one.whole)
            kinds[c].add("number" if _LONE.search(heads) else "numbers")
    wanted = [_family(cell) for cell in row.cells[1:]]
    if wanted and all(_ONE.fullmatch(cell.strip()) for cell in row.cells[1:]):  # a row of reference
        ratios = [
            c
            for c in range(1, width)
            if any(_RATIO.search(one.cells[c]) for one in grid.rows[:MOST_HEADS] if one.whole)
        ]
        if ratios:
            kinds = [{"number"} if c in ratios else set() for c in range(width)]
    found: list[list[int]] = [[0]]
    for k, family in enumerate(wanted):
        last = width - len(wanted) + k
        found = [[*one, c] for one in found for c in range(one[-1] + 1, last + 1) if family in kinds[c]][:MOST_PLACES]
    return found if len(row.cells) < width else []


def _family(text: str) -> str:
    """Whether a text is a lone number, such as a p, one of the others, or none."""
    kind = plain_cell(text).kind
    kind = plain_cell(text, True).kind if kind == "unread" else kind
    return {"num": "number", "bound": "number", "none": "blank", "unread": "words"}.get(kind, "numbers")


def _letters(columns: Sequence[int]) -> str:
    """Columns in the spelling of paper.yaml: "A-C E-F"."""
    runs: list[list[int]] = []
    for c in columns:
        if runs and runs[-1][-1] == c - 1:
            runs[-1].append(c)
        else:
            runs.append([c])
    return " ".join(letter(run[0]) + (f"-{letter(run[-1])}" if len(run) > 1 else "") for run in runs)


def _opens(row: GridRow) -> bool:
    """Whether a row is a variable's head, from which its levels follow."""
    filled = sum(bool(cell) for cell in row.cells[1:])
    return bool(row.cells[0]) and 2 * filled < len(row.cells) and row.indent == 0


def filled_heads(heads: Sequence[GridRow], width: int) -> list[tuple[str, ...]]:
    """The heads of each column from top to bottom; a blank right of a merged head belongs to it."""
    filled: list[list[str]] = []
    for depth, row in enumerate(heads):
        out: list[str] = []
        last = depth == len(heads) - 1
        for c in range(width):
            text = plain_label(row.cells[c]) if c else ""
            if c > 1 and not text and out[-1] and _covered(row, c, last, filled[-1] if filled else None):
                text = out[-1]
            out.append(text)
        filled.append(out)
    return [tuple(dict.fromkeys(row[c] for row in filled if row[c])) for c in range(width)]


def _covered(row: GridRow, column: int, last: bool, above: Sequence[str] | None) -> bool:
    if row.joined is not None:
        return column in row.joined
    if last:
        return False
    return above is None or not above[column] or above[column] == above[column - 1]
