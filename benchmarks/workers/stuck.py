"""What is said of a study in which nothing goes on: for how long, and at what its workers are."""

import time
from collections.abc import Sequence

from analysis.estimators.own_process import Busy
from benchmarks.asked.blocks import Block
from benchmarks.workers.executors import Stalled
from benchmarks.workers.progress import Progress

STUCK_SECONDS = 300.0


def stalled(told: object) -> Stalled[Block] | None:
    """Whoever hears of progress hears on stderr, too, that there is none; nobody else."""
    if not isinstance(told, Progress):
        return None

    def say(idle: float, at_work: Sequence[tuple[Block, Busy | None]]) -> None:
        told.say(stuck(idle, at_work))

    return Stalled(STUCK_SECONDS, say)


def stuck(idle: float, at_work: Sequence[tuple[Block, Busy | None]]) -> str:
    """The sentence that says that nothing goes on, and at what each worker is as far as it is known."""
    said = []
    for number, (block, note) in enumerate(at_work, 1):
        place = f"of setting {block.cell.number}" if block.cell.number else ""
        if note is not None:
            spent = _about(time.monotonic() - note.since)
            what = f"simulated study {note.replicate} {place}".rstrip() + f" (estimator '{note.estimator}', {spent})"
        elif block.last - block.first == 1:
            names = ", ".join(f"'{name}'" for name in dict.fromkeys(one.name for _, one in block.judged))
            what = f"simulated study {block.first} {place}".rstrip() + f" (estimators {names})"
        else:
            what = f"simulated studies {block.first} to {block.last - 1} {place}".rstrip()
        said.append(f"worker {number} on {what}")
    return f"no block finished for {_about(idle)}: {', '.join(said) or 'nothing is under way'}"


def _about(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
