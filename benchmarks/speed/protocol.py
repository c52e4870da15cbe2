"""How a contender in Python takes its turns: names of cohort files on stdin, one JSON line back for each."""

import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike

_T = TypeVar("_T")


class Contender(Protocol):
    """The stages of the workflow as a module has them; ``cohort`` is whatever `prepare` makes of a file."""

    def prepare(self, file: str) -> Any:
        """The cohort of a file, ready for analysis; not timed."""

    def stepwise(self, cohort: Any) -> dict[str, Any]:
        """``selected``, ``aic`` and ``score``."""

    def matching(self, cohort: Any, fit: dict[str, Any]) -> Any:
        """The control of every treated patient, -1 for none."""

    def table1(self, cohort: Any, pairs: Any) -> dict[str, ArrayLike]:
        """Answers by name; so are those of the other stages."""

    def kmlr(self, cohort: Any, pairs: Any) -> dict[str, ArrayLike]:
        """See `table1`."""

    def cox(self, cohort: Any, pairs: Any) -> dict[str, ArrayLike]:
        """See `table1`."""

    def subgroups(self, cohort: Any, pairs: Any) -> dict[str, ArrayLike]:
        """See `table1`."""


def measured(work: Callable[[], _T], least: float) -> tuple[_T, float]:
    """What ``work`` returns, and its mean CPU seconds over as many calls as ``least`` seconds take, one at least."""
    count, start = 0, time.process_time()
    while True:
        value = work()
        count += 1
        spent = time.process_time() - start
        if spent >= least:
            return value, spent / count


def turn(contender: Contender, file: str, least: float) -> dict[str, Any]:
    """CPU seconds per stage, and the answers, of one cohort."""
    cohort = contender.prepare(file)
    seconds: dict[str, float] = {}
    fit, seconds["stepwise"] = measured(lambda: contender.stepwise(cohort), least)
    pairs, seconds["matching"] = measured(lambda: contender.matching(cohort, fit), least)
    answers: dict[str, ArrayLike] = {
        "stepwise.selected": fit["selected"],
        "stepwise.aic": fit["aic"],
        "matching.control": pairs,
    }
    others = {
        "table1": contender.table1,
        "kmlr": contender.kmlr,
        "cox": contender.cox,
        "subgroups": contender.subgroups,
    }
    for stage, function in others.items():
        made, seconds[stage] = measured(lambda function=function: function(cohort, pairs), least)  # type: ignore[misc]
        answers |= made
    return {"seconds": seconds, "answers": {name: plain(value) for name, value in answers.items()}}


def plain(values: ArrayLike) -> list[float]:
    """The numbers as one flat list of floats."""
    return [float(value) for value in np.asarray(values, dtype=np.float64).ravel()]


def serve(contender: Contender, versions: Mapping[str, str]) -> None:
    """Say the versions, then answer each line of stdin until it ends; the argument is `measured`'s ``least``."""
    least = float(sys.argv[1])
    print(json.dumps(dict(versions)), flush=True)
    for line in sys.stdin:
        print(json.dumps(turn(contender, line.strip(), least)), flush=True)
