"""Table 1 of a printed paper."""

from tests.printed_cells import ROLES, CellPrinter
from tests.printed_shapes import Amount, Levels
from tests.printed_styles import spelt


class BaselinePrinter(CellPrinter):
    """A journal that prints Table 1."""

    def baseline(self) -> None:
        """Table 1."""
        style, shape = self.style, self.shape
        p = style.p and shape.design not in ("randomised",)
        smd = style.smd or shape.design == "weighted"
        heads, columns = self.columns(shape.sides, p, smd, style.overall)
        rows = self.size_row(columns)
        lists = [n for n, v in shape.variables.items() if isinstance(v, Levels) and tuple(v.shares) == ("No", "Yes")]
        lists = lists if style.sections and len(lists) > 1 else []
        for name, one in shape.variables.items():
            if name not in lists:
                rows += self.amount(name, one, columns) if isinstance(one, Amount) else self.levels(name, one, columns)
        if lists:
            rows.append(
                [
                    str(self.rng.choice(("Comorbidities, n (%)", "Medical history", "Comorbidities"))),
                    *[""] * len(columns),
                ]
            )
        for name in lists:
            indent = "  " if style.layout == "indent" else ""
            tests = self.tests(f"table1.SIDE[{name}]", columns, f"table1.SIDE[{name}=Yes]")
            rows.append(self.counted(indent + shape.variables[name].label, f"{name}=Yes", columns, tests))
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
        )
        if one.skewed and self.style.spread:
            words = ("median (range)", "Median (range)", "median (min–max)")
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
                ends = ("min", "max") if self.style.spread else ("q1", "q3")
                names = ("median", *ends) if one.skewed else ("mean", "sd")
                values = [self.text(start + n, 1) for n in names]
                self.note(start, names, values)
                cells[side, role] = (
                    self.cell(self.style.median, m=values[0], a=values[1], b=values[2])
                    if one.skewed
                    else self.cell(self.style.mean, m=values[0], s=values[1])
                )
        rows = [[self.label(label, False), *(cells.get(c, "") for c in columns)]]
        if self.style.twice:
            indent = "  " if self.style.layout == "indent" else ""
            rows = [
                [f"{one.label}{unit}", *("" for _ in columns)],
                [f"{indent}{said[0].upper()}{said[1:]}", *rows[0][1:]],
            ]
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
            )
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
                )
            else:
                cells.append(
                    self.share(f"table1.{side}[{element}]", side, role)
                    if role in ROLES
                    else tests.get((side, role), "")
                )
        return [label, *cells]
