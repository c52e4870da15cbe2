"""Runs that are killed: children forked from a process whose kernels are compiled, so that many can be tried.

``python -m tests.killed random FOLDER RUNS`` or ``points FOLDER``; one JSON document on stdout.
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from benchmarks.asked.blocks import Block, block_rows, prepare
from benchmarks.runs import store
from benchmarks.runs.store import RunFolder
from benchmarks.study import running
from tests.worlds import scenario

BLOCKS = {"random": 40, "points": 5}
BLOCK, JOBS = 4, 2
HOW = sys.argv[1]


def run(folder: Path, backend: str) -> str:
    """The digest of the rows of the study, which notes in ``started`` each block that it begins to compute."""

    def noting(block: Block) -> Any:
        with (folder.parent / f"{folder.name}.started").open("ab", buffering=0) as file:
            file.write(f"{block.first}\n".encode())
        return block_rows(block)

    asked = scenario(
        run={"replicates": BLOCKS[HOW] * BLOCK, "seed": 5, "truth_patients": 3_000}, estimators=({"kind": "matched"},)
    )
    running.block_rows = noting
    cells = prepare([({}, asked)])
    result = running.run_study(cells, RunFolder(folder), running.Work(JOBS, BLOCK, backend), lambda *_: None)
    return result.rows_sha256


def in_child(work: Callable[[], None], kill_after: float | None = None) -> bool:
    """Whether the work, done in a process group of its own, came to its end before the group was killed."""
    child = os.fork()
    if child == 0:
        os.setsid()
        try:
            work()
        finally:
            os._exit(0)
    if kill_after is not None:
        time.sleep(kill_after)
        try:
            os.killpg(child, signal.SIGKILL)
        except ProcessLookupError:
            os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def found_at(folder: Path) -> dict[str, Any]:
    """What a killed and resumed run came to: its digest, how often a block was begun, and what was left lying about."""
    digests: list[str] = []

    def finish() -> None:
        (folder.parent / f"{folder.name}.digest").write_text(run(folder, "threads"))

    assert in_child(finish)
    digests.append((folder.parent / f"{folder.name}.digest").read_text())
    begun = (folder.parent / f"{folder.name}.started").read_text().split()
    return {"digest": digests[0], "begun": len(begun), "stumps": [str(p) for p in folder.rglob(".*")]}


def at_random(place: Path, runs: int) -> list[dict[str, Any]]:
    """Runs that are killed one to four times at random moments of an unkilled run's time."""
    chance = random.Random(20250430)
    started = time.monotonic()
    assert in_child(lambda: print(run(place / "whole", "threads"), file=sys.stderr))
    took = time.monotonic() - started
    found = []
    for number in range(runs):
        folder, kills = place / str(number), 1 + number % 4
        for _ in range(kills):
            in_child(lambda folder=folder: run(folder, "threads") and None, chance.uniform(0.0, took))  # type: ignore[misc]
        found.append({"kills": kills, **found_at(folder)})
    return found


def at_every_point(place: Path) -> list[dict[str, Any]]:
    """Runs that are killed at each line of the writing of their third part."""
    found = []
    for point in range(1, 1000):
        folder = place / str(point)

        def work(folder: Path = folder, point: int = point) -> None:
            lines, parts = 0, 0

            def trace(frame: FrameType, event: str, _: Any) -> Any:
                nonlocal lines, parts
                if frame.f_code.co_filename != store.__file__:
                    return None
                if event == "call" and frame.f_code.co_name == "write_table":
                    parts += 1
                if event == "line" and parts == 3:
                    lines += 1
                    if lines == point:
                        os.kill(os.getpid(), signal.SIGKILL)
                return trace

            sys.settrace(trace)
            run(folder, "serial")

        if in_child(work):
            return found
        found.append({"point": point, **found_at(folder)})
    raise AssertionError("a part is never written")


def main() -> None:
    """Compile, then do what the command line says."""
    place = Path(sys.argv[2])
    place.mkdir(parents=True, exist_ok=True)
    with_digest = place / "first"
    digest = run(with_digest, "serial")
    found = at_random(place, int(sys.argv[3])) if HOW == "random" else at_every_point(place)
    print(json.dumps({"digest": digest, "blocks": BLOCKS[HOW], "jobs": JOBS, "found": found}))


if __name__ == "__main__":
    main()
