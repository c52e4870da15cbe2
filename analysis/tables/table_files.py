"""Tables as files that go into a paper: HTML, Markdown, CSV and LaTeX, or one Word document of all."""

import csv
import html
import io
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analysis.tables.text_table import TextTable, clean
from simulator.documents.safe_files import write_whole

WORD = "Word documents need python-docx: pip install 'trialtwin[docx]'"
_FORMULA = re.compile(r"\s*[=@+\-\t\r\n\uff1d\uff20\uff0b\uff0d]")
_NUMBER = re.compile(r"[+-]?(\d[\d,]*\.?\d*|\.\d+)([eE][+-]?\d+)?( ?%)?( \([-+\d., ]*\))?")
_NUMBERED = re.compile(r"Table \d+\. ")  # LaTeX counts itself
_BREAK = re.compile(r"[ \t]*[\t\r\n][ \t\r\n]*")
_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "[": "{[}", "]": "{]}", "*": "{*}",  # after a line's end they would be taken for its options
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "≤": r"$\leq$", "≥": r"$\geq$", "–": "--", "±": r"$\pm$", "×": r"$\times$",
    "χ": r"$\chi$", "²": r"$^2$", "μ": r"$\mu$", "\u00a0": "~",
}  # fmt: skip
_MADE = (1980, 1, 1, 0, 0, 0)


class MissingExtra(Exception):
    """A file that needs a package which is not installed; says which."""


def safe_cell(text: str) -> str:
    """The text of a CSV cell: what a spreadsheet would take for a formula gets an apostrophe, a number does not."""
    plain = clean(text)
    return f"'{plain}" if _FORMULA.match(plain) and not _NUMBER.fullmatch(plain) else plain


def as_csv(table: TextTable) -> str:
    """The table as RFC 4180 has it, its notes left out."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows([[safe_cell(cell) for cell in row] for row in (table.flat, *table.rows)])
    return out.getvalue()


def as_latex(table: TextTable) -> str:
    """The table for LaTeX with the package booktabs: words to the left, numbers to the right."""

    def line(cells: Sequence[str]) -> str:
        return " & ".join(_escaped(cell) for cell in cells) + r" \\"

    notes = [rf"\par\small {_escaped(note)}" for note in table.notes]
    above = [rf"\multicolumn{{{len(own)}}}{{c}}{{{_escaped(name)}}}" for name, own in table.blocks]
    rules = "".join(rf"\cmidrule(lr){{{own[0] + 1}-{own[-1] + 1}}}" for name, own in table.blocks if name)
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{_escaped(_NUMBERED.sub('', table.title))}}}",
            rf"\begin{{tabular}}{{{'l' * table.words}{'r' * (len(table.header) - table.words)}}}",
            r"\toprule",
            *([" & ".join(above) + r" \\", rules] if above else []),
            line(table.header),
            r"\midrule",
            *map(line, table.rows),
            r"\bottomrule",
            r"\end{tabular}",
            *notes,
            r"\end{table}",
            "",
        ]
    )


def _escaped(text: str) -> str:
    plain = _BREAK.sub(" ", clean(text))
    return r"\quad " * plain.startswith("  ") + "".join(_LATEX.get(sign, sign) for sign in plain.strip(" "))


def as_html(table: TextTable) -> str:
    """The table as a page of its own, without a style: to be pasted into a manuscript."""
    title = html.escape(clean(table.title))
    lines = ["<!doctype html>", '<html lang="en">', f'<meta charset="utf-8"><title>{title}</title>']
    return "\n".join([*lines, *_html_lines(table), "</html>", ""])


def as_html_body(lead: str, tables: Sequence[TextTable], notes: Sequence[str]) -> str:
    """Sentences, tables and notes as a piece of HTML, as a notebook shows it."""
    parts = [f"<p><strong>{html.escape(clean(line))}</strong></p>" for line in lead.splitlines()]
    parts += [line for table in tables for line in _html_lines(table)]
    return "\n".join([*parts, *(f"<p>{html.escape(clean(note))}</p>" for note in notes)])


def _html_lines(table: TextTable) -> list[str]:
    def cell(text: str, tag: str) -> str:
        plain = clean(text)
        return f"<{tag}>{'&nbsp;&nbsp;' * plain.startswith('  ')}{html.escape(plain.strip(' '))}</{tag.split()[0]}>"

    lines = ["<table>", f"<caption>{html.escape(clean(table.title))}</caption>", "<thead>"]
    if table.blocks:
        heads = [(name, f'th colspan="{len(own)}" scope="colgroup"' if name else "td") for name, own in table.blocks]
        lines.append(f"<tr>{''.join(cell(*head) for head in heads)}</tr>")
    lines.append("<tr>" + "".join(cell(text, 'th scope="col"') for text in table.header) + "</tr></thead>")
    lines += ["<tbody>", *("<tr>" + "".join(cell(text, "td") for text in row) + "</tr>" for row in table.rows)]
    return [*lines, "</tbody></table>", *(f"<p>{html.escape(clean(note))}</p>" for note in table.notes)]


def as_word(tables: Sequence[TextTable]) -> bytes:
    """One Word document of all tables, the same bytes each time; MissingExtra without python-docx."""
    document = _word().Document()
    for table in tables:
        document.add_heading(clean(table.title), level=2)
        heads = [table.header]
        made = document.add_table(rows=0, cols=len(table.header), style="Light List")
        if table.blocks:
            cells = made.add_row().cells
            for name, own in table.blocks:
                (cells[own[0]].merge(cells[own[-1]]) if name else cells[own[0]]).text = clean(name)
        for row in (*heads, *table.rows):
            for place, text in zip(made.add_row().cells, row, strict=True):
                place.text = clean(text)
        for note in table.notes:
            document.add_paragraph(clean(note))
    held = io.BytesIO()
    document.save(held)
    return _undated(held)


def _undated(held: io.BytesIO) -> bytes:
    """The archive with one date for all its members."""
    out = io.BytesIO()
    with zipfile.ZipFile(held) as read, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as written:
        for name in read.namelist():
            entry = zipfile.ZipInfo(name, _MADE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            written.writestr(entry, read.read(name))
    return out.getvalue()


def _word() -> Any:
    try:
        import docx  # an extra
    except ModuleNotFoundError:
        raise MissingExtra(WORD) from None
    return docx


def slug(title: str) -> str:
    """A file name from a title: letters and digits of ASCII, at most 60."""
    found = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60].rstrip("-")
    return found or "table"


def check_place(place: Path) -> None:
    """MissingExtra where the tables are wanted as a Word document and cannot be."""
    if place.suffix == ".docx":
        _word()


def write_tables(tables: Sequence[TextTable], place: Path) -> list[Path]:
    """Every table as .html, .md, .csv and .tex in a folder, numbered in order, or all in one .docx.

    OSError where that cannot be; MissingExtra.
    """
    if place.suffix == ".docx":
        write_whole(place, as_word(tables))
        return [place]
    place.mkdir(parents=True, exist_ok=True)  # what the user names may be a link to a folder
    written = []
    writers = ((".html", as_html), (".md", TextTable.markdown), (".csv", as_csv), (".tex", as_latex))
    for number, table in enumerate(tables, start=1):
        for ending, writer in writers:
            path = place / f"{number:02d}-{slug(table.title)}{ending}"
            content = writer(table)
            write_whole(
                path, (content if content.endswith("\n") else f"{content}\n").encode("utf-8", "backslashreplace")
            )
            written.append(path)
    return written
