"""The core of a printed paper: its cells, columns and files, and which number stands under which key."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isinf, isnan

import numpy as np

from tests.printed_shapes import Cohort, Levels, Shape
from tests.printed_styles import MARKS, Style, grid_text, spelt

Pairs = list[tuple[str, str]]
ROLES = ("control", "treated")
WORDS = {
    "matched": {"before": ("Before matching", "Unmatched cohort", "Before PSM"),
        "after": ("After matching", "Matched cohort", "After PSM")},
    "weighted": {"before": ("Before weighting", "Unweighted", "Before IPTW"),
        "after": ("After weighting", "Weighted", "After IPTW")},
}  # fmt: skip


@dataclass
class CellPrinter:
    """A journal with a style, printing a cohort: files by name, what paper.yaml says, and the expected numbers."""

    cohort: Cohort
    style: Style
    seed: int = 0
    expected: Pairs = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    tables: dict[str, dict[str, str]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.shape: Shape = self.cohort.shape
        self.arms = dict(zip(ROLES, self.shape.arms, strict=True))
        self.rng = np.random.default_rng(self.seed + 1000)
        roles = ROLES[::-1] if self.style.treated_first else ROLES
        self.roles: tuple[str, ...] = tuple(roles)

    def text(self, key: str, digits: int) -> str:
        """A number with decimals as it is printed, in plain spelling; '' where the cohort has none."""
        value = self.cohort[key]
        if isnan(value):
            return ""
        return "NA" if isinf(value) else f"{value:.{digits}f}"

    def p(self, key: str) -> str:
        """A p-value as it is printed under its key, which is noted."""
        value = self.cohort[key]
        if isnan(value):
            return ""
        said = "<0.001" if value < 0.001 else ">0.999" if value > 0.999 else f"{value:.3f}"
        self.expected.append((key, said))
        shown = spelt(
            said.lstrip("0") if self.style.bare_p and said[0] == "0" and self.style.point == "." else said, self.style
        )
        return shown + (str(self.rng.choice(("*", "†", ""))) if self.style.marks else "")

    def note(self, base: str, names: Sequence[str], values: Sequence[str]) -> None:
        """Expected numbers below a key."""
        self.expected += [(f"{base}{name}", value) for name, value in zip(names, values, strict=True)]

    def cell(self, template: str, **parts: str) -> str:
        """A cell by its template."""
        return spelt(template.format(**parts), self.style)

    def size(self, side: str, role: str) -> float:
        """The patients of an arm, the sum of weights after weighting."""
        if side == "before":
            return self.cohort["cohort.n" if role == "all" else f"cohort.{role}"]
        if self.shape.design == "matched":
            return self.cohort[f"matching.n_{role}"]
        name, one = next((n, v) for n, v in self.shape.variables.items() if isinstance(v, Levels))
        return sum(self.cohort[f"table1.{side}[{name}={level}].{role}.n"] for level in one.shares)

    def share(self, base: str, side: str, role: str, names: tuple[str, str] = ("n", "percent")) -> str:
        """Count and percentage of an arm."""
        weighted = side == "after" and self.shape.design == "weighted"
        n, whole = self.text(f"{base}.{role}.{names[0]}", 1 if weighted else 0), self.size(side, role)
        p = f"{100 * self.cohort[f'{base}.{role}.{names[0]}'] / whole:.{self.percents}f}"
        self.note(f"{base}.{role}.", names, (n, p))
        if names[0] == "yes" and "{of}" in self.style.share:
            self.expected.append((f"{base}.{role}.n", f"{whole:.0f}"))
        n = self.thousands(n)
        template = "{n} ({p})" if weighted and "{of}" in self.style.share else self.style.share
        return self.cell(template, n=n, p=p, of=f"{self.size(side, role):.0f}")

    def thousands(self, n: str) -> str:
        """A count with a mark between its thousands."""
        mark = self.style.thousands
        return n if len(n) < 4 or "." in n or not mark or "{of}" in self.style.share else f"{n[:-3]}{mark}{n[-3:]}"

    @property
    def percents(self) -> int:
        """Decimals of percentages; whole ones only where a sign or word says that they are."""
        return self.style.percents if self.style.percents or "%" in self.style.share else 1

    def label(self, text: str, mark: bool = True) -> str:
        """A label with a footnote mark, maybe."""
        return text + (str(self.rng.choice(MARKS)) if self.style.marks and mark else "")

    # --- columns ---------------------------------------------------------------------------------------------------

    def columns(
        self, sides: Sequence[str], p: bool, smd: bool, overall: bool
    ) -> tuple[list[list[str]], list[tuple[str, str]]]:
        """Heads and the columns: (side, role) or (side, p), (side, smd), ("before", all)."""
        made: list[tuple[str, str]] = []
        for side in sides:
            every = [(side, "all")] if overall and side == "before" else []
            arms = [(side, role) for role in self.roles]
            made += [*arms, *every] if self.style.total_last else [*every, *arms]
            made += [(side, "test")] if self.style.statistic and p else []
            made += [(side, "p")] if p else []
            made += [(side, "smd")] if smd else []
        words = WORDS.get(self.shape.design, {})
        pick = int(self.rng.integers(3))
        top = (
            [
                "",
                *(
                    words[side][pick] if side != before else ""
                    for (side, _), before in zip(made, ["", *(s for s, _ in made)], strict=False)
                ),
            ]
            if len(sides) > 1
            else []
        )
        low = [
            str(self.rng.choice(("Characteristic", "Variable", "", "Characteristics"))),
            *(self.head(*one) for one in made),
        ]
        return ([top, low] if top else [low]), made

    def head(self, side: str, role: str) -> str:
        """The head of a column."""
        if role in ("p", "smd", "test"):
            return {"p": ("P", "p value", "P-value")[self.seed % 3], "smd": "SMD", "test": "χ²/t"}[role]
        name = "Total" if role == "all" else self.arms[role]
        digits = 1 if side == "after" and self.shape.design == "weighted" else 0
        n = f"{self.size(side, role):.{digits}f}"
        if role != "all" or side == "before":
            self.sized(side, role, n)
        return (
            name
            if self.style.sizes == "row"
            else f"{name} {spelt(self.style.sizes.format(n=n if '.' in n else self.thousands(n)), self.style)}"
        )

    def sized(self, side: str, role: str, n: str) -> None:
        """The keys of an arm's size, once."""
        if side == "before":
            pairs = [("cohort.n" if role == "all" else f"cohort.{role}", n)]
        elif self.shape.design == "matched":
            pairs = [("matching.n_pairs", n)] if self.shape.ratio == 1 else [(f"matching.n_{role}", n)]
        else:
            pairs = []
        self.expected += [one for one in pairs if one not in self.expected]

    def size_row(self, columns: list[tuple[str, str]]) -> list[list[str]]:
        """A row of sizes, where the heads have none."""
        if self.style.sizes != "row":
            return []
        cells = [
            ""
            if role in ("p", "smd", "test")
            else spelt(
                f"{self.size(side, role):.0f}"
                if self.shape.design != "weighted" or side == "before"
                else f"{self.size(side, role):.1f}",
                self.style,
            )
            for side, role in columns
        ]
        return [["No. of patients", *cells]]

    def save(
        self,
        stem: str,
        kind: str,
        heads: list[list[str]],
        rows: list[list[str]],
        notes: Sequence[str] = (),
        form: str = "",
    ) -> None:
        """A table as a file."""
        form = form or self.style.form
        name = stem + {"html": ".html", "comma": ".csv", "semicolon": ".csv", "markdown": ".md"}.get(
            form, ".txt" if form in ("aligned", "lost") else ".tsv"
        )
        title = ""
        if self.style.titled and form in ("tab", "aligned", "lost", "markdown"):
            title = f"Table {len(self.files) + 1}. {stem.title()} of the patients\n"
            notes = [
                *notes,
                "Abbreviations: CI, confidence interval; HR, hazard ratio; SMD, standardized mean difference.",
                "* P < 0.05.",
            ]
        self.files[name] = title + grid_text(heads, rows, form, self.seed, notes)
        self.tables[name] = {"kind": kind}
