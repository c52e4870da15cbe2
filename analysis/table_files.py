"""Tables as files that go into a paper: Markdown, CSV and LaTeX."""

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

from analysis.tables import TextTable

_FORMULA = re.compile(r"[=@\t\r]|[+-](?![\d.])")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "≤": r"$\leq$", "≥": r"$\geq$", "–": "--", "±": r"$\pm$", "×": r"$\times$",
}  # fmt: skip


def safe_cell(text: str) -> str:
    """The text of a CSV cell: what a spreadsheet would take for a formula gets an apostrophe, a number does not."""
    plain = _CONTROLS.sub("", text)
    return f"'{plain}" if _FORMULA.match(plain) else plain


def as_csv(table: TextTable) -> str:
    """The table as RFC 4180 has it, its notes left out."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows([[safe_cell(cell) for cell in row] for row in (table.header, *table.rows)])
    return out.getvalue()


def as_latex(table: TextTable) -> str:
    """The table for LaTeX with the package booktabs: words to the left, numbers to the right."""

    def line(cells: Sequence[str]) -> str:
        return " & ".join(_escaped(cell) for cell in cells) + r" \\"

    notes = [rf"\par\small {_escaped(note)}" for note in table.notes]
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{_escaped(table.title)}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(table.header) - 1)}}}",
            r"\toprule",
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
    return "".join(_LATEX.get(letter, letter) for letter in _CONTROLS.sub("", text))


def slug(title: str) -> str:
    """A file name from a title: letters and digits of ASCII, at most 60."""
    found = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60].rstrip("-")
    return found or "table"


def write_tables(tables: Sequence[TextTable], folder: Path) -> list[Path]:
    """Every table as .md, .csv and .tex in the folder, numbered in order; OSError where that cannot be."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number, table in enumerate(tables, start=1):
        for ending, content in ((".md", table.markdown()), (".csv", as_csv(table)), (".tex", as_latex(table))):
            path = folder / f"{number:02d}-{slug(table.title)}{ending}"
            path.write_text(content if content.endswith("\n") else f"{content}\n", "utf-8", newline="")
            written.append(path)
    return written
