"""The sections of a run, one after the other."""

from collections.abc import Callable

from benchmarks.speed import capacity, files, growth, memory, race, startup
from benchmarks.speed.report import cores
from benchmarks.speed.tables import SpeedTable
from benchmarks.workers.progress import Progress

LEAST = {False: 0.05, True: 0.01}
"""CPU seconds for which rivals repeat a stage, in a full and in a quick run; R's clock shows whole milliseconds."""

RACES = {"workflow": False, "tied": True}
"""The sections that are races, and whether their times are tied."""


def run(
    sections: tuple[str, ...], rivals: tuple[str, ...], cohorts: int, rounds: int, quick: bool
) -> tuple[dict[str, race.Race], dict[str, tuple[SpeedTable, ...]]]:
    """The races that are among the sections, and the tables of each section."""
    progress = Progress()
    held = {
        name: race.race(rivals, cohorts, rounds, LEAST[quick], progress, tied)
        for name, tied in RACES.items()
        if name in sections
    }
    makers: dict[str, Callable[[], tuple[SpeedTable, ...]]] = {
        **{name: lambda one=one: race.tables(one) for name, one in held.items()},  # type: ignore[misc]
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
