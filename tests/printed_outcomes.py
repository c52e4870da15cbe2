"""Cox tables, responses, adverse events, subgroups and result lines of a printed paper."""

from collections.abc import Sequence

from tests.printed_baseline import BaselinePrinter
from tests.printed_cells import ROLES
from tests.printed_shapes import Amount, Levels
from tests.printed_styles import spelt


class OutcomePrinter(BaselinePrinter):
    """A journal that prints outcomes."""

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
            heads = [
                ["", *(cell for model in models for cell in (words[model], *[""] * (len(each) - 1)))],
                ["Variable", *each * len(models)],
            ]
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
        return ("1 (reference)", "Reference", "Ref.", "1", "1.00 (ref)", "–")[self.seed % 6].replace(
            ".0", f"{self.style.point}0"
        )

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
                )
                continue
            first, *others = one.shares
            term = {level: name if len(one.shares) == 2 else f"{name}={level}" for level in others}
            if self.style.layout == "bars" or (len(others) == 1 and self.style.one_row):
                words = "{} ({} vs. {})" if self.rng.random() < 0.5 else "{} ({})"
                made += (
                    [(words.format(one.label, level, first), term[level], None) for level in others]
                    if len(others) == 1 or "vs" in words
                    else [(f"{one.label} ({level} vs. {first})", term[level], None) for level in others]
                )
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
        }
        for name in ("CR", "PR", "SD", "PD", "ORR", "DCR"):
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
