"""Three papers that are attacked: the first one, a trial with raised dots, and a registry with competing risks in HTML.

The numbers of the last two are made up so that all that is redundant in them agrees.
"""

import html
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from tests.pasted_papers import HCC

Row = tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """A pasted table as rows of cells; ``heads``: how many of them are heads.

    ``form``: tab, comma, semicolon, markdown, html, spaced or collapsed.
    """

    rows: tuple[Row, ...]
    heads: int
    form: str = "tab"

    def line(self, row: int) -> int:
        """The line of a row in its file."""
        below_rule = self.form in ("markdown", "collapsed") and row >= self.heads
        return row + 1 + (self.form == "html" or below_rule)

    def text(self) -> str:
        """The table as it is pasted."""
        if self.form == "html":
            return "\n".join(["<table>", *(_html_row(row, k < self.heads) for k, row in enumerate(self.rows)), "</table>"]) + "\n"  # fmt: skip  # noqa: E501
        if self.form == "markdown":
            lines = ["| " + " | ".join(row) + " |" for row in self.rows]
            return "\n".join([*lines[: self.heads], "|" + "---|" * len(self.rows[0]), *lines[self.heads :]]) + "\n"
        if self.form == "spaced":  # single blanks, as of a PDF: empty cells leave nothing
            return "\n".join(" ".join(cell for cell in row if cell.strip()) or "-" for row in self.rows) + "\n"
        if self.form == "collapsed":  # bars, all empty cells at the ends of rows, as stored pages have them
            lines = [" | ".join(filter(None, row)) + " |" + "|" * sum(not one for one in row) for row in self.rows]
            return "\n".join([*lines[: self.heads], "---|" * len(self.rows[0]), *lines[self.heads :]]) + "\n"
        mark = {"tab": "\t", "comma": ",", "semicolon": ";"}[self.form]
        return "\n".join(mark.join(_quoted(cell, mark) for cell in row) for row in self.rows) + "\n"


def _quoted(cell: str, mark: str) -> str:
    return f'"{cell}"' if mark != "\t" and mark in cell else cell


def _html_row(row: Row, head: bool) -> str:
    cells: list[list[object]] = []
    for at, cell in enumerate(row):
        if head and at > 1 and not cell and cells:
            cells[-1][1] = int(str(cells[-1][1])) + 1
        else:
            cells.append([html.escape(cell) if "<img" not in cell and "<script" not in cell else cell, 1])
    return "<tr>" + "".join(f'<td colspan="{n}">{text}</td>' if n != 1 else f"<td>{text}</td>" for text, n in cells) + "</tr>"  # fmt: skip  # noqa: E501


@dataclass(frozen=True)
class Attacked:
    """A paper in pieces: the text of paper.yaml and its tables by file."""

    name: str
    yaml: str
    tables: dict[str, Grid]

    def files(self) -> dict[str, bytes]:
        """Its files by name."""
        found = {"paper.yaml": self.yaml.encode()}
        return {**found, **{name: grid.text().encode() for name, grid in self.tables.items()}}

    def with_table(self, name: str, grid: Grid) -> "Attacked":
        """The paper with another table."""
        return replace(self, tables={**self.tables, name: grid})


def grid_of(text: str, heads: int, form: str = "tab", mark: str = "\t") -> Grid:
    """A table from its rows as lines."""
    return Grid(tuple(tuple(line.split(mark)) for line in text.strip("\n").split("\n")), heads, form)


@cache
def papers() -> tuple[Attacked, ...]:
    """The three papers."""
    heads = {"table1.tsv": 2, "table2.tsv": 2, "table3.tsv": 3, "table4.tsv": 2}
    tables = {name: grid_of((HCC / name).read_text("utf-8"), n) for name, n in heads.items()}
    first = Attacked("first", (HCC / "paper.yaml").read_text("utf-8"), tables)
    made = {name: grid_of(text, n, form, "|") for name, (text, n, form) in _TRIAL_TABLES.items()}
    trial = Attacked("trial", _TRIAL, made)
    made = {name: grid_of(text, n, form, "|") for name, (text, n, form) in _REGISTRY_TABLES.items()}
    return first, trial, Attacked("registry", _REGISTRY, made)


def write(files: dict[str, bytes], folder: Path) -> Path:
    """The files in a folder of their own, which must not be there yet."""
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


_TRIAL = """\
name: zelotinib-trial
source: Author A, et al. Zelotinib versus placebo. Lancet 2021
design: randomised
arms: {control: Placebo, treated: Zelotinib}
endpoints: {OS: death, PFS: progression or death}
accrual: 2015-03 to 2017-09     # Methods
cut_off: 2019-01-31             # Results
response: {ORR: CR PR}
tables:
  table1.csv: baseline
  table2.md: {kind: subgroups, B-E: OS}
  table3.csv: adverse events
  table4.csv: response
results: |
  [Results]
  OS events: Zelotinib 148 vs Placebo 167
  OS: Zelotinib 14·2 (12·1–16·8) vs Placebo 10·1 (8·8–12·0); HR 0·71 (0·57–0·89); P = 0·003
  OS at 12: Zelotinib 56·3% (49·4–62·6) vs Placebo 42·9% (36·1–49·5)
  PFS: Zelotinib 6·9 (5·6–8·1) vs Placebo 3·7 (3·1–4·4); HR 0·62 (0·50–0·76); P < 0·0001
"""
_TRIAL_TABLES = {
    "table1.csv": (
        """
|Zelotinib (n=212)|Placebo (n=208)
Age, years, median (IQR)|64·0 (57·0–70·5)|63·5 (56·0–71·0)
Sex||
  Male|118 (56%)|121 (58%)
  Female|94 (44%)|87 (42%)
ECOG performance status||
  0|101 (48%)|92 (44%)
  1|104 (49%)|108 (52%)
  2|7 (3%)|8 (4%)
Region||
  Europe|104 (49%)|99 (48%)
  North America|58 (27%)|61 (29%)
  Asia|50 (24%)|48 (23%)
Previous lines of therapy||
  1|130 (61%)|133 (64%)
  ≥2|82 (39%)|75 (36%)
Liver metastases||
  Yes|71 (33%)|66 (32%)
  No|141 (67%)|142 (68%)
""",
        1,
        "comma",
    ),
    "table2.md": (
        """
Subgroup|Zelotinib events/n|Placebo events/n|HR (95% CI)|p for interaction
All patients|148/212|167/208|0·71 (0·57–0·89)|
Sex||||0·44
  Male|84/118|97/121|0·75 (0·56–1·01)|
  Female|64/94|70/87|0·66 (0·47–0·93)|
Region||||0·61
  Europe|72/104|80/99|0·68 (0·49–0·93)|
  North America|41/58|49/61|0·77 (0·51–1·17)|
  Asia|35/50|38/48|0·74 (0·47–1·18)|
Liver metastases||||0·18
  Yes|55/71|54/66|0·85 (0·58–1·24)|
  No|93/141|113/142|0·63 (0·48–0·83)|
""",
        1,
        "markdown",
    ),
    "table3.csv": (
        """
|Zelotinib (n=212)||Placebo (n=208)|
|Any grade|Grade ≥3|Any grade|Grade ≥3
Any adverse event|204 (96·2%)|101 (47·6%)|187 (89·9%)|66 (31·7%)
Diarrhoea|131 (61·8%)|19 (9·0%)|44 (21·2%)|3 (1·4%)
Fatigue|88 (41·5%)|12 (5·7%)|71 (34·1%)|9 (4·3%)
Rash|76 (35·8%)|7 (3·3%)|20 (9·6%)|0
Anaemia|49 (23·1%)|16 (7·5%)|52 (25·0%)|18 (8·7%)
Hypertension|61 (28·8%)|24 (11·3%)|21 (10·1%)|6 (2·9%)
Stomatitis|40 (18·9%)|4 (1·9%)|12 (5·8%)|1 (0·5%)
""",
        2,
        "comma",
    ),
    "table4.csv": (
        """
Response|Zelotinib (n=212)|Placebo (n=208)|p value
CR|6 (2·8%)|1 (0·5%)|0·122
PR|57 (26·9%)|18 (8·7%)|<0·001
ORR|63 (29·7%)|19 (9·1%)|<0·001
""",
        1,
        "comma",
    ),
}
_REGISTRY = """\
name: statin-registry
source: Author B, et al. Statins in heart failure, a registry. 2018
design: adjusted
arms: {control: No statin, treated: Statin}
time_unit: years
endpoints: {hospitalisation: hospitalisation; competing death, death: death}
accrual: 2009-01 to 2014-12     # Methods
cut_off: 2016-12-31             # Methods
eligibility: {age: 18 to 100}
tables:
  table1.html: baseline
  table2.html: {kind: cox, B-G: multivariable}
results: |
  [Results]
  death events: Statin 412 vs No statin 688
  death at 1: Statin 88.1% (86.2–89.8) vs No statin 84.0% (82.2–85.6)
  death adjusted: HR 0.84 (0.75–0.95); P = 0.004
  hospitalisation cumulative incidence at 1: Statin 18.2% vs No statin 20.9%
  hospitalisation events: Statin 401 vs No statin 602
"""
_REGISTRY_TABLES = {
    "table1.html": (
        """
Characteristic|No statin (n = 1,840)|Statin (n = 1,322)|P value
Age, years, mean (SD)|71.4 (10.2)|70.3 (9.8)|0.003
Systolic blood pressure, mmHg, mean (SD)|134.2 (19.1)|135.6 (18.7)|0.040
Sex|||0.135
  Women|802 (43.6%)|541 (40.9%)|
  Men|1038 (56.4%)|781 (59.1%)|
NYHA class|||0.591
  I|402 (21.8%)|262 (19.8%)|
  II|811 (44.1%)|597 (45.2%)|
  III|540 (29.3%)|399 (30.2%)|
  IV|87 (4.7%)|64 (4.8%)|
Diabetes|||<0.001
  No|1311 (71.2%)|868 (65.7%)|
  Yes|529 (28.8%)|454 (34.3%)|
Atrial fibrillation|||0.837
  No|1203 (65.4%)|869 (65.7%)|
  Yes|637 (34.6%)|453 (34.3%)|
Smoking|||0.030
  Never|911 (49.5%)|598 (45.2%)|
  Former|602 (32.7%)|489 (37.0%)|
  Current|327 (17.8%)|235 (17.8%)|
""",
        1,
        "html",
    ),
    "table2.html": (
        """
|Death|||Hospitalisation||
|HR|95% CI|P|HR|95% CI|P
Age, per year|1.04|1.03–1.05|<0.001|1.02|1.01–1.03|<0.001
Sex (Men)|1.19|1.06–1.34|0.004|1.11|0.95–1.30|0.192
Diabetes (Yes)|1.33|1.16–1.52|<0.001|1.27|1.06–1.52|0.009
Atrial fibrillation (Yes)|1.22|1.08–1.38|0.002|1.18|1.00–1.39|0.049
Smoking (Former)|0.97|0.86–1.10|0.628|1.05|0.89–1.24|0.564
Smoking (Current)|1.41|1.25–1.59|<0.001|1.35|1.15–1.58|<0.001
Statin|0.84|0.75–0.95|0.004|0.81|0.69–0.95|0.010
""",
        2,
        "html",
    ),
}
