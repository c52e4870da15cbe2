"""The sections of a run, one after the other."""

from collections.abc import Callable

from benchmarks.speed import capacity, files, growth, memory, race, startup
from benchmarks.speed.report import cores
from benchmarks.speed.tables import SpeedTable
from benchmarks.workers.progress import Progress

LEAST = {False: 0.05, True: 0.01}
"""CPU seconds for which rivals repeat a stage, in a full and in a quick run; R's clock shows whole milliseconds."""


def run(
    sections: tuple[str, ...], rivals: tuple[str, ...], cohorts: int, rounds: int, quick: bool
) -> tuple[race.Race | None, dict[str, tuple[SpeedTable, ...]]]:
    """The race, if it is among the sections, and the tables of each section."""
    progress = Progress()
    held = race.race(rivals, cohorts, rounds, LEAST[quick], progress) if "workflow" in sections else None
    makers: dict[str, Callable[[], tuple[SpeedTable, ...]]] = {
        "workflow": lambda: race.tables(held) if held else (),
        "simulation": lambda: capacity.simulation(capacity.QUICK if quick else capacity.FULL),
        "threads": lambda: capacity.threads(capacity.QUICK if quick else capacity.FULL, cores()),
        "memory": lambda: memory.tables(memory.QUICK if quick else memory.FULL),
        "startup": lambda: startup.tables(
            startup.LIGHT if quick else (*startup.LIGHT, startup.DEMO), 1 if quick else 3
        ),
        "files": lambda: files.tables(files.QUICK if quick else files.FULL),
        "growth": lambda: growth.tables(growth.QUICK if quick else growth.FULL),
    }
    made = {}
    for place, name in enumerate(sections):
        made[name] = makers[name]()
        progress("sections", place + 1, len(sections))
    return held, made
