"""A paper printed from a simulated cohort: its folder, and which number of it stands under which key."""

import json
from collections.abc import Sequence
from pathlib import Path

from tests.printed_outcomes import OutcomePrinter


class Printer(OutcomePrinter):
    """A journal that prints a whole paper."""

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
        methods = {"propensity": "logistic", "matching": f"nearest 1:{shape.ratio}", "caliper": "0.2"}
        made: dict[str, object] = {
            "name": shape.name, "source": "Nobody N, et al. J Print 2020;1:1-9", "design": shape.design,
            "arms": {"control": shape.arms[0], "treated": shape.arms[1]}, "time_unit": shape.unit,
            "endpoints": dict(shape.endpoints),
            "accrual": f"{shape.years[0]} to {shape.years[1]}", "cut_off": shape.years[2],
            "methods": methods if shape.design == "matched" else {},
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
