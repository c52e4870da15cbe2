"""The two files of a run: ``speed.md`` for readers, ``speed.json`` for programs."""

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.speed.race import Race
from benchmarks.speed.tables import SpeedTable

PACKAGES = ("trialtwin", "numpy", "numba", "scipy", "pandas", "lifelines", "statsmodels")
ABOUT = {
    "machine": "processor, cores that may be used, memory, system",
    "versions": "of Python and packages; null where one is not installed; under a contender's name, those it states",
    "settings": "the options of the command",
    "absent": "sentences about what could not be timed",
    "differing": "sentences about answers that are not ours; empty when all agree",
    "seconds": "CPU seconds per cohort: race -> contender -> stage -> one per turn, all cohorts in order, by round",
    "sections": "section -> tables, each a title, a note and rows by column, as in speed.md; null is not a number",
}


@dataclass(frozen=True)
class Report:
    """Everything that a run found."""

    settings: Mapping[str, Any]
    absent: tuple[str, ...]
    races: Mapping[str, Race]
    sections: Mapping[str, tuple[SpeedTable, ...]]

    def to_json(self) -> dict[str, Any]:
        """The keys of `ABOUT`, and ``about`` itself."""
        stated = {name: one for held in self.races.values() for name, one in held.versions.items()}
        seconds = {key: held.seconds for key, held in self.races.items()}
        return {
            "about": ABOUT,
            "machine": machine(),
            "versions": {**versions(), **stated},
            "settings": dict(self.settings),
            "absent": list(self.absent),
            "differing": [sentence for held in self.races.values() for sentence in held.differing()],
            "seconds": {
                key: {name: {s: list(map(float, v)) for s, v in each.items()} for name, each in held.items()}
                for key, held in seconds.items()
            },
            "sections": {name: [table.to_json() for table in made] for name, made in self.sections.items()},
        }

    def markdown(self) -> str:
        """The page, tables in the order in which they were made."""
        held = self.to_json()
        lines = ["# Speed", "", *(f"* {name}: {value}" for name, value in held["machine"].items())]
        for name, value in held["versions"].items():
            told = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, Mapping) else value
            lines.append(f"* {name}: {told or 'not installed'}")
        lines.append(f"* options: {', '.join(f'{k} {_words(v)}' for k, v in self.settings.items())}")
        lines += ["", *self.absent] if self.absent else []
        if held["differing"]:
            lines += ["", "**These answers are not ours, so their times mean nothing:**", ""]
            lines += [f"* {sentence}" for sentence in held["differing"]]
        lines += ["\n" + table.markdown() for made in self.sections.values() for table in made]
        return "\n".join(lines) + "\n"

    def write(self, folder: Path) -> tuple[Path, Path]:
        """The two files written into the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        page, data = folder / "speed.md", folder / "speed.json"
        page.write_text(self.markdown(), "utf-8")
        data.write_text(json.dumps(_plain(self.to_json()), indent=1, allow_nan=False) + "\n", "utf-8")
        return page, data


def _words(value: Any) -> str:
    return (" ".join(map(str, value)) or "none") if isinstance(value, tuple) else str(value)


def _plain(value: Any) -> Any:
    """The value with NaN as null."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and value != value else value


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine() -> dict[str, str]:
    """Processor, cores, memory, system."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return {
        "processor": _processor(),
        "cores": str(cores()),
        "memory": f"{memory:.0f} GB",
        "system": platform.platform(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def versions() -> dict[str, str | None]:
    """Python and the packages that matter here."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found
