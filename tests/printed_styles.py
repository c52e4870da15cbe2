"""How journals print: the spelling of cells and labels, and the ways in which a table's cells reach a file."""

import csv
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FORMS = ("tab", "comma", "markdown", "html", "aligned", "semicolon")
SHARES = ("{n} ({p})", "{n} ({p}%)", "{n}({p}%)", "{n}/{of} ({p})", "{p}% ({n})", "{n} [{p}%]", "{n} ({p} %)")
MEANS = ("{m} ± {s}", "{m} ({s})", "{m}±{s}", "{m} (± {s})")
MEDIANS = ("{m} ({a}–{b})", "{m} [{a}, {b}]", "{m} [{a}–{b}]", "{m} ({a} to {b})", "{m} ({a}, {b})", "{m} ({a}-{b})")
RATIOS = ("{m} ({a}–{b})", "{m} ({a}, {b})", "{m} ({a} to {b})", "{m} [{a}-{b}]", "{m} (95% CI {a}–{b})", "{m} (95% CI: {a}–{b})")  # fmt: skip  # noqa: E501
MARKS = ("", "*", "†", "‡", "§", "ᵃ", "<sup>b</sup>", "^a^")


@dataclass(frozen=True)
class Style:
    """What a journal does with a table. ``point``: the mark of decimals; ``p_at``: head or first, where p of levels is;
    ``layout``: indent, flat, or bars ("Sex: male"); ``order``: whether the treated arm stands first.
    """

    form: str
    share: str
    mean: str
    median: str
    ratio: str
    point: str = "."
    p_at: str = "head"
    layout: str = "indent"
    treated_first: bool = False
    overall: bool = False
    smd: bool = False
    p: bool = True
    marks: bool = False
    percents: int = 1
    one_row: bool = False
    parted: bool = False
    sizes: str = "(n = {n})"
    bare_p: bool = False
    yes_rows: bool = False
    statistic: bool = False
    spread: bool = False
    twice: bool = False
    thousands: str = ""
    titled: bool = False
    total_last: bool = False
    apart: bool = False
    split: bool = False
    sections: bool = False
    unlike: bool = False


def style_of(seed: int, form: str = "") -> Style:
    """A style at random; what would say nothing to any reader (whole percentages without a word) is left out."""
    rng = np.random.default_rng(seed)

    def one(of: Sequence[str]) -> str:
        return str(of[rng.integers(len(of))])

    def often(share: float) -> bool:
        return bool(rng.random() < share)

    form = form or one(FORMS)
    point = one((".", ".", ".", "·", ",")) if form != "comma" else one((".", ".", "·"))
    median = one(MEDIANS[:4] if point == "," else MEDIANS)
    ratio = one(tuple(r for r in RATIOS if point != "," or ", " not in r))
    return Style(
        form="semicolon" if form == "comma" and point == "," else form,
        share=one(SHARES), mean=one(MEANS), median=median, ratio=ratio, point=point,
        p_at=one(("head", "head", "first")), layout=one(("indent", "flat", "flat")), treated_first=often(0.4),
        overall=often(0.3), smd=often(0.3), p=often(0.85), marks=often(0.4), percents=int(rng.choice([1, 1, 1, 2, 0])),
        one_row=often(0.4), parted=often(0.3),
        sizes=one(("(n = {n})", "n={n}", "(N={n})", "n = {n}", "row", "({n} patients)")),
        bare_p=often(0.2), yes_rows=often(0.25), statistic=often(0.15),
        spread=often(0.2), twice=often(0.3), thousands=one(("", "", "," if point != "," else "", " ", "\u2009")),
        titled=often(0.4),
        total_last=often(0.4), apart=often(0.15), split=often(0.3), sections=often(0.3), unlike=often(0.2),
    )  # fmt: skip


def spelt(text: str, style: Style) -> str:
    """Numbers with the mark of decimals that a journal has."""
    if style.point == ".":
        return text
    out = ""
    for at, sign in enumerate(text):
        inside = sign == "." and text[at - 1 : at].isdigit() and text[at + 1 : at + 2].isdigit()
        out += style.point if inside else sign
    return out


def _html(heads: list[list[str]], rows: list[list[str]], seed: int) -> str:
    rng = np.random.default_rng(seed)

    def text(cell: str) -> str:
        bare = cell.lstrip(" ")
        said = html.escape(bare).replace("&lt;sup&gt;", "<sup>").replace("&lt;/sup&gt;", "</sup>")
        return "&nbsp;" * (len(cell) - len(bare)) + said.replace("≥", "&ge;").replace("±", "&plusmn;")

    lines = ["<table class='t'>", "<thead>"]
    down = [
        len(heads) > 1
        and not any(row[c] for row in heads[1:])
        and not any(heads[0][c + 1 : c + 2] == [""] for _ in "1")
        for c in range(len(heads[0]))
    ]
    for depth, row in enumerate(heads):
        parts, c = [], 0
        while c < len(row):
            if depth and down[c]:
                c += 1
                continue
            wide = 1
            while depth < len(heads) - 1 and c and c + wide < len(row) and not row[c + wide] and not down[c + wide]:
                wide += 1
            span = f" colspan='{wide}'" if wide > 1 else ""
            span += f" rowspan='{len(heads)}'" if not depth and down[c] else ""
            parts.append(f"<th{span}>{text(row[c])}</th>")
            c += wide
        lines.append("<tr>" + "".join(parts) + "</tr>")
    lines += ["</thead>", "<tbody>"]
    merged = rng.random() < 0.3
    for row in rows:
        if merged and not any(row[1:]):
            lines.append(f"<tr><td colspan='{len(row)}'><b>{text(row[0])}</b></td></tr>")
        else:
            lines.append("<tr>" + "".join(f"<td>{text(cell)}</td>" for cell in row) + "</tr>")
    return "\n".join([*lines, "</tbody>", "</table>", ""])


def _aligned(heads: list[list[str]], rows: list[list[str]], lost: bool) -> str:
    every = [*heads, *rows]
    if lost:
        return "\n".join("  ".join([row[0], *(cell for cell in row[1:] if cell)]) for row in every) + "\n"
    wide = [max(len(row[c]) for row in every) + 3 for c in range(len(every[0]))]
    return "\n".join("".join(cell.ljust(w) for cell, w in zip(row, wide, strict=True)).rstrip() for row in every) + "\n"


def grid_text(
    heads: list[list[str]], rows: list[list[str]], form: str, seed: int = 0, notes: Sequence[str] = ()
) -> str:
    """A table as the text of a file in a form, with notes below it."""
    below = "".join(f"{note}\n" for note in notes)
    if form == "html":
        return _html(heads, rows, seed) + "".join(f"<p>{html.escape(note)}</p>\n" for note in notes)
    if form in ("aligned", "lost"):
        return _aligned(heads, rows, form == "lost") + below
    if form == "markdown":
        first, *rest = [*heads, *rows]
        lines = [first, ["---"] * len(first), *rest]
        return (
            "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines)
            + "\n\n"
            + below
        )
    if form == "tab":
        return "\n".join("\t".join(row) for row in [*heads, *rows]) + "\n" + below
    out = io.StringIO()
    csv.writer(out, delimiter="," if form == "comma" else ";").writerows([*heads, *rows])
    return out.getvalue() + below
