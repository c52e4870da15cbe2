"""CPU seconds of a piece of work, as the least of several runs: other programs on the machine can only add to it."""

import time
from collections.abc import Callable


def least_seconds(work: Callable[[], object], repeats: int, budget: float = 1.0) -> float:
    """The least CPU seconds over ``repeats`` runs after a first one, fewer when ``budget`` seconds are spent."""
    work()
    least, spent = float("inf"), 0.0
    for _ in range(repeats):
        start = time.process_time()
        work()
        taken = time.process_time() - start
        least, spent = min(least, taken), spent + taken
        if spent > budget:
            break
    return least
