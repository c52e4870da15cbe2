"""What a check of a run folder found: what was checked, what differs and where, and what could not be checked."""

import textwrap
from dataclasses import dataclass, field

from analysis.tables.text_table import WIDTH
from benchmarks.words.answer import Answer
from simulator.documents.problems import printable

MOST_TOLD = 20
"""So many findings of one kind are told one by one."""


@dataclass(frozen=True)
class Deviation:
    """One thing that is not as it should be: its kind, the file, the cell and replicate if it is of one, in words."""

    kind: str
    file: str
    told: str
    cell: int | None = None
    replicate: int | None = None

    def as_text(self) -> str:
        """The finding in a line."""
        place = "" if self.cell is None else f", setting {self.cell}"
        place += "" if self.replicate is None else f", simulated study {self.replicate}"
        return printable(f"{self.kind}: {self.file}{place}: {self.told}", 10_000)


@dataclass
class Findings:
    """Findings as they come, with what was checked and what was not, in words."""

    checked: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    found: list[Deviation] = field(default_factory=list)
    untold: dict[str, int] = field(default_factory=dict)

    def add(self, kind: str, file: str, told: str, cell: int | None = None, replicate: int | None = None) -> None:
        """One more; of many of a kind only their number is kept."""
        if sum(one.kind == kind for one in self.found) < MOST_TOLD:
            self.found.append(Deviation(kind, file, told, cell, replicate))
        else:
            self.untold[kind] = self.untold.get(kind, 0) + 1

    @property
    def holds(self) -> bool:
        """Whether nothing differs."""
        return not self.found

    def answer(self, folder: str, sealed: str, recomputed: list[dict[str, int]]) -> Answer:
        """All of it, what differs first; it holds if nothing does."""
        count = len(self.found) + sum(self.untold.values())
        verdict = "holds" if self.holds else f"does NOT hold: {count} finding{'s' if count > 1 else ''}"
        lines = [f"  {one.as_text()}" for one in self.found]
        lines += [f"  {kind}: {more} more" for kind, more in self.untold.items()]
        for heading, said in (("checked", self.checked), ("not checked", self.unchecked)):
            for one in said:
                lines += textwrap.wrap(
                    printable(one, 10_000), WIDTH, initial_indent=f"{heading}: ", subsequent_indent="  "
                )
        lines += [f"sealed digest {sealed}"] if sealed else []
        different = {(one.cell, one.replicate) for one in self.found if one.kind == "recomputed"}
        data = {
            "folder": folder,
            "holds": self.holds,
            "sealed": sealed or None,
            "findings": self.found,
            "more_findings": self.untold,
            "checked": self.checked,
            "not_checked": self.unchecked,
            "damaged": [one.file for one in self.found if one.kind == "checksum"],
            "recomputed": recomputed,
            "different": [{"cell": cell, "replicate": number} for cell, number in sorted(different, key=str)],
        }
        first = f"{printable(folder, 10_000)}: {verdict}"
        return Answer(data, lines=(first, *lines), holds=self.holds, found=self)
