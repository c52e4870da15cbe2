"""How long a user waits: the command line with nothing compiled before, and again."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.speed.contenders import ONE_CORE
from benchmarks.speed.tables import SpeedTable

HOME = Path(__file__).resolve().parent.parent.parent
DOOR = "from trialtwin.__main__ import main; main()"
LIGHT = (("--help",), ("list",))
DEMO = ("demo",)


@dataclass(frozen=True)
class Wait:
    """One run of a command: seconds on the wall, and CPU seconds."""

    wall: float
    cpu: float


def wait_for(words: tuple[str, ...], folder: Path, cache: Path) -> Wait:
    """The run of a command of the console script in ``folder``; RuntimeError if it fails."""
    with tempfile.TemporaryFile("w+") as said:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-c", DOOR, *words], cwd=folder, env=_environment(cache), stdout=said, stderr=said
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"trialtwin {' '.join(words)} failed: {said.read()[-500:]}")
    return Wait(wall, used.ru_utime + used.ru_stime)


def _environment(cache: Path) -> Mapping[str, str]:
    """The user's, but with this tree first and a cache of compiled code of its own."""
    kept = {name: value for name, value in os.environ.items() if name not in (*ONE_CORE, "NUMBA_CACHE_DIR")}
    path = os.pathsep.join([str(HOME), *filter(None, [kept.get("PYTHONPATH")])])
    return {**kept, "PYTHONPATH": path, "XDG_CACHE_HOME": str(cache)}


def tables(commands: tuple[tuple[str, ...], ...], repeats: int) -> tuple[SpeedTable, ...]:
    """Each command once with an empty cache of compiled code, then the quickest of ``repeats`` runs after it."""
    rows: list[tuple[str, str, float, float]] = []
    for words in commands:
        with tempfile.TemporaryDirectory(prefix="trialtwin-speed-") as place:
            cache = Path(place) / "cache"
            runs = []
            for number in range(repeats + 1):
                folder = Path(place) / str(number)
                folder.mkdir()
                runs.append(wait_for(words, folder, cache))
            warm = min(runs[1:], key=lambda one: one.wall)
            for state, one in (("cold", runs[0]), ("warm", warm)):
                rows.append((f"trialtwin {' '.join(words)}", state, one.wall, one.cpu))
    return (
        SpeedTable(
            "Start",
            f"Whole processes; cold: nothing compiled before, once; warm: the quickest of {repeats} further runs.",
            ("command", "cache", "wall seconds", "CPU seconds"),
            tuple(rows),
        ),
    )
