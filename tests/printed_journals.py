"""A paper printed from a simulated cohort: its folder, and which number of it stands under which key."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isinf, isnan
from pathlib import Path

import numpy as np

from tests.printed_shapes import Amount, Cohort, Levels, Shape
from tests.printed_styles import MARKS, Style, grid_text, spelt

Pairs = list[tuple[str, str]]
ROLES = ("control", "treated")
WORDS = {
    "matched": {"before": ("Before matching", "Unmatched cohort", "Before PSM"), "after": ("After matching", "Matched cohort", "After PSM")},
    "weighted": {"before": ("Before weighting", "Unweighted", "Before IPTW"), "after": ("After weighting", "Weighted", "After IPTW")},
}  # fmt: skip


@dataclass
class Printer:
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
        )  # noqa: E501
        low = [
            str(self.rng.choice(("Characteristic", "Variable", "", "Characteristics"))),
            *(self.head(*one) for one in made),
        ]
        return ([top, low] if top else [low]), made

    def head(self, side: str, role: str) -> str:
        """The head of a column."""
        if role in ("p", "smd", "test"):
            return {"p": str(self.rng.choice(("P", "p value", "P-value"))), "smd": "SMD", "test": "χ²/t"}[role]
        name = "Total" if role == "all" else self.arms[role]
        digits = 1 if side == "after" and self.shape.design == "weighted" else 0
        n = f"{self.size(side, role):.{digits}f}"
        if role != "all" or side == "before":
            self.sized(side, role, n)
        return name if self.style.sizes == "row" else f"{name} {spelt(self.style.sizes.format(n=n if '.' in n else self.thousands(n)), self.style)}"

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
        ]  # noqa: E501
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
        name = stem + {"html": ".html", "comma": ".csv", "semicolon": ".csv", "markdown": ".md"}.get(form, ".txt" if form in ("aligned", "lost") else ".tsv")  # noqa: E501
        title = ""
        if self.style.titled and form in ("tab", "aligned", "lost", "markdown"):
            title = f"Table {len(self.files) + 1}. {stem.title()} of the patients\n"
            notes = [*notes, "Abbreviations: CI, confidence interval; HR, hazard ratio; SMD, standardized mean difference.", "* P < 0.05."]
        self.files[name] = title + grid_text(heads, rows, form, self.seed, notes)
        self.tables[name] = {"kind": kind}

    # --- table 1 ---------------------------------------------------------------------------------------------------

    def baseline(self) -> None:
        """Table 1."""
        style, shape = self.style, self.shape
        p = style.p and shape.design not in ("randomised",)
        smd = style.smd or shape.design == "weighted"
        heads, columns = self.columns(shape.sides, p, smd, style.overall)
        rows = self.size_row(columns)
        for name, one in shape.variables.items():
            rows += self.amount(name, one, columns) if isinstance(one, Amount) else self.levels(name, one, columns)
        self.save("table1", "baseline", heads, rows)

    def tests(self, base: str, columns: list[tuple[str, str]], smd_of: str = "") -> dict[tuple[str, str], str]:
        """p and differences of a variable by column."""
        made = {}
        for side, role in columns:
            where = base.replace("SIDE", side)
            if role == "p":
                made[side, role] = self.p(f"{where}.p")
            elif role == "smd" and smd_of:
                key = f"{smd_of.replace('SIDE', side)}.smd"
                said = f"{abs(self.cohort[key]):.3f}"
                self.expected.append((key, said))
                made[side, role] = spelt(said, self.style)
            elif role == "test":
                made[side, role] = spelt(f"{self.rng.uniform(0.1, 9):.3f}", self.style)
        return made

    def amount(self, name: str, one: Amount, columns: list[tuple[str, str]]) -> list[list[str]]:
        """The rows of a number: its mean or median, and its cut-point."""
        base = f"table1.SIDE[{name}]"
        words = (
            ("median (IQR)", "Median [IQR]", "median (interquartile range)")
            if one.skewed
            else ("mean ± SD", "mean (SD)", "Mean (standard deviation)")
        )  # noqa: E501
        said, unit = str(self.rng.choice(words)), f" ({one.unit})" if one.unit else ""
        label = str(
            self.rng.choice(
                (
                    f"{one.label}{unit}, {said}",
                    f"{one.label}, {said}" if not one.unit else f"{one.label}, {one.unit}, {said}",
                )
            )
        )
        cells = self.tests(base, columns, base)
        for side, role in columns:
            if role == "all":
                cells[side, role] = self.cell(
                    self.style.median if one.skewed else self.style.mean, m="61.0", s="9.0", a="50.0", b="70.0"
                )
            elif role in ROLES:
                start = f"table1.{side}[{name}].{role}."
                names = ("median", "q1", "q3") if one.skewed else ("mean", "sd")
                values = [self.text(start + n, 1) for n in names]
                self.note(start, names, values)
                cells[side, role] = (
                    self.cell(self.style.median, m=values[0], a=values[1], b=values[2])
                    if one.skewed
                    else self.cell(self.style.mean, m=values[0], s=values[1])
                )  # noqa: E501
        rows = [[self.label(label, False), *(cells.get(c, "") for c in columns)]]
        if self.style.twice:
            indent = "  " if self.style.layout == "indent" else ""
            rows = [[f"{one.label}{unit}", *("" for _ in columns)], [f"{indent}{said[0].upper()}{said[1:]}", *rows[0][1:]]]
            if one.cut and self.style.layout == "indent":
                for level, element in ((f"≤ {one.cut}", f"{name}<={one.cut}"), (f"> {one.cut}", f"{name}>{one.cut}")):
                    rows.append(self.counted(indent + level, element, columns, {}))
                return rows
        if one.cut and self.rng.random() < 0.7:
            rows += self.grouped(
                f"{one.label}{unit}",
                [(f"≤ {one.cut}", f"{name}<={one.cut}"), (f"> {one.cut}", f"{name}>{one.cut}")],
                f"{name}<={one.cut}",
                columns,
            )  # noqa: E501
        return rows

    def levels(self, name: str, one: Levels, columns: list[tuple[str, str]]) -> list[list[str]]:
        """The rows of a variable with levels: a head and its levels, or one row where one level says all."""
        pairs = [(level, f"{name}={level}") for level in one.shares]
        if tuple(one.shares) == ("No", "Yes") and self.style.one_row:
            label = str(self.rng.choice((f"{one.label}, n (%)", one.label, f"{one.label} (Yes)", f"{one.label}, Yes")))
            return [
                self.counted(
                    self.label(label),
                    f"{name}=Yes",
                    columns,
                    self.tests(f"table1.SIDE[{name}]", columns, f"table1.SIDE[{name}=Yes]"),
                )
            ]
        if name == "sex" and self.style.one_row:
            label = str(self.rng.choice(("Male sex", "Male, n (%)", "Sex, male", "Male", "Sex (male)", "Men")))
            return [
                self.counted(
                    self.label(label),
                    "sex=Male",
                    columns,
                    self.tests("table1.SIDE[sex]", columns, "table1.SIDE[sex=Male]"),
                )
            ]
        if tuple(one.shares) == ("No", "Yes") and self.style.yes_rows:
            pairs = pairs[1:]
        return self.grouped(one.label, pairs, name, columns)

    def grouped(
        self, label: str, pairs: list[tuple[str, str]], tested: str, columns: list[tuple[str, str]]
    ) -> list[list[str]]:
        """A head with its levels below it."""
        differ = f"table1.SIDE[{pairs[0][1]}]" if len(pairs) <= 2 else ""
        tests = self.tests(f"table1.SIDE[{tested}]", columns, differ)
        at_head = self.style.p_at == "head"
        indent = "  " if self.style.layout == "indent" else ""
        words = str(self.rng.choice((", n (%)", ", No. (%)", ""))) if len(pairs) > 1 else ""
        rows = [[self.label(label + words), *(tests.get(c, "") if at_head else "" for c in columns)]]
        for k, (level, element) in enumerate(pairs):
            rows.append(self.counted(indent + level, element, columns, tests if k == 0 and not at_head else {}))
        return rows

    def counted(
        self, label: str, element: str, columns: list[tuple[str, str]], tests: dict[tuple[str, str], str]
    ) -> list[str]:
        """A row of counts."""
        cells = []
        for side, role in columns:
            if role == "all":
                n = [self.cohort[f"table1.before[{element}].{arm}.n"] for arm in ROLES]
                cells.append(
                    self.cell(
                        self.style.share,
                        n=f"{sum(n):.0f}",
                        p=f"{100 * sum(n) / self.size(side, 'all'):.{self.percents}f}",
                        of=f"{self.size(side, 'all'):.0f}",
                    )
                )  # noqa: E501
            else:
                cells.append(
                    self.share(f"table1.{side}[{element}]", side, role)
                    if role in ROLES
                    else tests.get((side, role), "")
                )
        return [label, *cells]

    # --- outcomes --------------------------------------------------------------------------------------------------

    def ratio(self, base: str, template: str = "") -> str:
        """A ratio with its limits."""
        values = [self.text(f"{base}.{name}", 2) for name in ("hr", "low", "high")]
        if not values[0]:
            return ""
        self.note(f"{base}.", ("hr", "low", "high"), values)
        return self.cell(template or self.style.ratio, m=values[0], a=values[1], b=values[2])

    def cox(self) -> None:
        """Cox tables: models side by side, in one table for each endpoint or of both."""
        models = ("univariable", "multivariable") if self.shape.multivariable else ("univariable",)
        side = self.shape.sides[-1]
        for k, endpoint in enumerate(self.shape.endpoints):
            words = {"univariable": "Univariable analysis", "multivariable": "Multivariable analysis"}
            parted = self.style.parted
            each = ["HR", "95% CI", "P"] if parted else ["HR (95% CI)", "P"]
            kind = f"cox {side} {endpoint}" if self.shape.design == "matched" else f"cox {endpoint}"
            if self.style.split:
                for model in models:
                    heads = [["Variable", *each]]
                    rows = self.cox_rows(endpoint, side, (model,), len(each))
                    self.save(f"cox{k + 1}{model[0]}", f"{kind} {model}", heads, rows)
                continue
            heads = [["", *(cell for model in models for cell in (words[model], *[""] * (len(each) - 1)))], ["Variable", *each * len(models)]]
            self.save(f"cox{k + 1}", kind, heads, self.cox_rows(endpoint, side, models, len(each)))

    def cox_rows(self, endpoint: str, side: str, models: Sequence[str], each: int) -> list[list[str]]:
        """The rows of a Cox table with so many columns for each model."""
        parted, rows = each == 3, []
        for label, element, reference in self.terms():
            if reference is not None:
                rows.append([reference, *[""] * (each * len(models))])
                continue
            cells = []
            for model in models:
                base = f"endpoints.{endpoint}.{side}.{model}[{element}]"
                if element == "":
                    cells += ["1", "", ""] if parted else [self.reference, ""]
                    continue
                found = self.ratio(base, "{m}|{a}–{b}" if parted else "")
                cells += [*(found.split("|") if parted else [found]), self.p(f"{base}.p")]
            rows.append([label, *cells])
        return rows

    @property
    def reference(self) -> str:
        """What stands at a reference."""
        return ("1 (reference)", "Reference", "Ref.", "1", "1.00 (ref)", "–")[self.seed % 6].replace(".0", f"{self.style.point}0")

    def terms(self) -> list[tuple[str, str, str | None]]:
        """The rows of a Cox table: label, term ('' of the reference), and a head's text instead."""
        made: list[tuple[str, str, str | None]] = []
        indent = "  " if self.style.layout == "indent" else ""
        for name, one in self.shape.variables.items():
            if isinstance(one, Amount):
                made.append(
                    (
                        f"{one.label} (> {one.cut} {one.unit})" if one.cut else f"{one.label} (per {one.unit})",
                        f"{name}>{one.cut}" if one.cut else name,
                        None,
                    )
                )  # noqa: E501
                continue
            first, *others = one.shares
            term = {level: name if len(one.shares) == 2 else f"{name}={level}" for level in others}
            if self.style.layout == "bars" or (len(others) == 1 and self.style.one_row):
                words = "{} ({} vs. {})" if self.rng.random() < 0.5 else "{} ({})"
                made += (
                    [(words.format(one.label, level, first), term[level], None) for level in others]
                    if len(others) == 1 or "vs" in words
                    else [(f"{one.label} ({level} vs. {first})", term[level], None) for level in others]
                )  # noqa: E501
                continue
            made.append(("", "", one.label))
            if not (self.style.unlike and len(others) == 1):
                made.append((f"{indent}{first}", "", None))
            made += [(f"{indent}{level}", term[level], None) for level in others]
        treated, control = self.arms["treated"], self.arms["control"]
        made.append(
            (
                str(
                    self.rng.choice(
                        (f"Treatment ({treated} vs. {control})", f"Treatment ({treated})", f"{treated} vs. {control}")
                    )
                ),
                "treatment",
                None,
            )
        )
        return made

    def response(self) -> None:
        """A table of responses, before and after where there are two sides."""
        heads, columns = self.columns(self.shape.sides, True, False, False)
        columns = [one for one in columns if one[1] != "test"]
        heads = [[cell for cell in row if cell != "χ²/t"] for row in heads]
        rows = self.size_row(columns)
        words = {
            "CR": "Complete response",
            "PR": "Partial response (PR)",
            "SD": "Stable disease",
            "PD": "PD",
            "ORR": "Objective response rate",
            "DCR": "DCR",
        }  # noqa: E501
        for name in ("ORR", "DCR"):
            cells = []
            for side, role in columns:
                base = f"binary.{name}.{side}"
                if role == "p":
                    cells.append(self.p(f"{base}.p") if name in ("ORR", "DCR") else "")
                else:
                    cells.append(self.share(base, side, role, ("yes", "percent")))
            rows.append([words[name], *cells])
        self.save("response", "response", heads, rows)

    def safety(self) -> None:
        """Adverse events of any and of higher grades."""
        high = str(self.rng.choice(("Grade 3-4", "Grade ≥3", "Grade 3/4")))
        p = self.style.p
        each = [self.head("before", role) for role in self.roles]
        if self.style.sizes == "row":
            each = [f"{self.arms[role]} (n = {self.size('before', role):.0f})" for role in self.roles]
        each += ["P"] if p else []
        heads = [
            ["", *("Any grade", *[""] * (len(each) - 1)), *(high, *[""] * (len(each) - 1))],
            ["Adverse event", *each * 2],
        ]
        rows = []
        for name, label in (("any_event", "Any adverse event"), *self.shape.events.items()):
            cells = []
            for outcome in (name, f"{name}_34"):
                key = outcome if name != "any_event" else outcome.replace("any_event", "any_adverse_event")
                start = len(self.expected)
                cells += [
                    self.share(f"binary.{outcome}.before", "before", role, ("yes", "percent")) for role in self.roles
                ]
                cells += [self.p(f"binary.{outcome}.before.p")] if p else []
                self.expected[start:] = [
                    (k.replace(f"binary.{outcome}.", f"binary.{key}."), v) for k, v in self.expected[start:]
                ]
            rows.append([self.label(label), *cells])
        self.save("safety", "adverse events", heads, rows)

    def forest(self) -> None:
        """A table of subgroups beside a forest plot."""
        endpoint = next(iter(self.shape.endpoints))
        heads = [["Subgroup", *(self.arms[role] for role in self.roles), "HR (95% CI)", "P for interaction"]]
        start = f"endpoints.{endpoint}.before.subgroups"
        rows = [self._forest_row("All patients", f"{start}[all]", "")]
        for name in self.shape.subgroups:
            one = self.shape.variables[name]
            assert isinstance(one, Levels)
            first = f"{start}[{name}={next(iter(one.shares))}]"
            said = self.p(f"{first}.interaction_p")
            rows.append([one.label, "", "", "", said])
            indent = "  " if self.style.layout == "indent" else ""
            rows += [self._forest_row(f"{indent}{level}", f"{start}[{name}={level}]", "") for level in one.shares]
        self.save(
            "forest", f"subgroups {endpoint}", heads, rows, ["Events/patients."] if self.rng.random() < 0.5 else []
        )

    def _forest_row(self, label: str, base: str, p: str) -> list[str]:
        cells = []
        for role in self.roles:
            events, n = (self.text(f"{base}.arms.{role}.{what}", 0) for what in ("events", "n"))
            self.note(f"{base}.arms.{role}.", ("events", "n"), (events, n))
            cells.append(f"{events}/{n}")
        return [label, *cells, self.ratio(base), p]

    def results(self) -> None:
        """The lines of the results: medians, events, rates and ratios."""
        for side in self.shape.sides:
            phase = f" {side}" if len(self.shape.sides) > 1 else ""
            phase = phase.replace("after", "weighted") if self.shape.design == "weighted" else phase
            for endpoint, what in self.shape.endpoints.items():
                base = f"endpoints.{endpoint}.{side}"
                self.line(
                    f"{endpoint}{phase} events",
                    {r: [(f"{base}.km.{r}.events", 0)] for r in ROLES} if side == "before" else {},
                )
                ratio = self.ratio(f"{base}.cox", "{m} ({a}–{b})")
                tested = self.p(f"{base}.cox.p")
                said = f"HR {ratio}; P {'' if tested[0] in '<>' else '= '}{spelt(self.expected[-1][1], self.style)}"
                if "competing" in what:
                    for time in self.shape.times:
                        self.line(
                            f"{endpoint}{phase} cumulative incidence at {time}",
                            {r: [(f"{base}.incidence.{r}[{time}]", -1)] for r in ROLES},
                        )
                    self.lines.append(f"{endpoint}{phase}: {said}")
                    continue
                names = ("median", "low", "high")
                self.line(f"{endpoint}{phase}", {r: [(f"{base}.km.{r}.{n}", 1) for n in names] for r in ROLES}, said)
                for time in self.shape.times:
                    keys = {
                        r: [(f"{base}.km.{r}.survival[{time}]{n}", -1) for n in ("", ".low", ".high")] for r in ROLES
                    }
                    self.line(f"{endpoint}{phase} at {time}", keys)

    def line(self, subject: str, numbers: dict[str, list[tuple[str, int]]], more: str = "") -> None:
        """A line of both arms; -1 decimals stand for a percentage with one."""
        parts = []
        for role, keys in numbers.items():
            values = [self.text(key, d) if d >= 0 else f"{100 * self.cohort[key]:.1f}" for key, d in keys]
            if "nan" in values or "" in values:
                return
            percent = "%" if keys[0][1] < 0 else ""
            self.expected += [(key, value + percent) for (key, _), value in zip(keys, values, strict=True)]
            limits = f" ({values[1]}–{values[2]})" if len(values) == 3 else ""
            parts.append(f"{self.arms[role]} {spelt(values[0] + percent + limits, self.style)}")
        if parts or more:
            self.lines.append(f"{subject}: " + "; ".join([" vs ".join(parts), *([more] if more else [])]))

    # --- the paper -------------------------------------------------------------------------------------------------

    def print(self) -> "Printer":
        """All of the paper."""
        self.baseline()
        if self.shape.cox:
            self.cox()
        if self.shape.response:
            self.response()
        if self.shape.events:
            self.safety()
        if self.shape.subgroups:
            self.forest()
        self.results()
        return self

    def said(self) -> dict[str, object]:
        """What paper.yaml says."""
        shape = self.shape
        made: dict[str, object] = {
            "name": shape.name, "source": "Nobody N, et al. J Print 2020;1:1-9", "design": shape.design,
            "arms": {"control": shape.arms[0], "treated": shape.arms[1]}, "time_unit": shape.unit, "endpoints": dict(shape.endpoints),
            "accrual": f"{shape.years[0]} to {shape.years[1]}", "cut_off": shape.years[2],
            "methods": {"propensity": "logistic", "matching": f"nearest 1:{shape.ratio}", "caliper": "0.2"} if shape.design == "matched" else {},
        }  # fmt: skip
        return {**made, **shape.more, "tables": self.tables}

    def write(self, folder: Path, answers: Sequence[tuple[str, str, str]] = ()) -> None:
        """The folder; ``answers`` are (file, key, value) that settle questions, file '' for the paper's methods."""
        said = json.loads(json.dumps(self.said()))
        for file, key, value in answers:
            if file and key == "rows":
                pairs = (one.split(": ") for one in value.strip("{} ").split(", "))
                said["tables"][file]["rows"] = {a.strip(): b.strip() for a, b in pairs}
            elif file:
                said["tables"][file][key] = value
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in self.files.items():
            (folder / name).write_text(text, "utf-8")
        body = "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in said.items())
        lines = "".join(f"  {line}\n" for line in ("[Results]", *self.lines))
        (folder / "paper.yaml").write_text(f"{body}results: |\n{lines}", "utf-8")
