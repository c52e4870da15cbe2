"""Power of several analyses of a study: each searched for as the first one is, on the same simulated patients."""

from dataclasses import dataclass
from math import exp, nan

from benchmarks.asked.errors import RunError
from benchmarks.asked.load_study import Asked
from benchmarks.asked.primary import primary_estimator
from benchmarks.questions.power import Needed, Power, Sought, planned, search

ALL = "all"


@dataclass(frozen=True)
class Each:
    """What one analysis needs, with the curve that was simulated; ``why`` there is no answer, where ``needed`` is None.

    ``true_hr`` is the target's in the analysis's own measure, and ``false_positive`` that of the first analysis alone.
    """

    estimator: str
    true_hr: float
    needed: Needed | None
    why: str = ""


def named(asked: Asked, endpoint: str, given: str | None) -> tuple[str | None, tuple[str, ...]]:
    """The analysis that has the full answer, None for the one that stands for the published analysis, and the others.

    They are given by name, with commas between, or as all. RunError where one is given twice.
    """
    scenario = asked.scenario
    known = [one.name for one in scenario.estimators if endpoint in scenario.applied(one)]
    if given is None or given in known:
        return given, ()
    if given == ALL:
        primary = primary_estimator(scenario, endpoint)
        names = list(dict.fromkeys([*([] if primary is None else [primary.name]), *known]))
    else:
        names = [name.strip() for name in given.split(",") if name.strip()] or [given]
    if len(set(names)) < len(names):
        raise RunError(f"--estimator {given}: names one twice")
    return (names[0], tuple(names[1:])) if names else (None, ())


def each(asked: Asked, wanted: Sought, first: Power, others: tuple[str, ...], every: bool) -> tuple[Each, ...]:
    """The first analysis and the others; with ``every`` what cannot be searched for is told, else it is a RunError."""
    found = [Each(first.estimator, first.true_hr, first.stated)]
    for number, name in enumerate(others, 1):
        try:
            plan, truth, ends = planned(asked, wanted, name)
        except RunError as error:
            if not every:
                raise
            found.append(Each(name, nan, None, str(error)))
            continue
        needed = search(plan, f"other-{number}", *ends, wanted.how == "size")
        why = "" if needed else f"not reached between {ends[0]:g} and {ends[1]:g}, or chance hides where"
        found.append(Each(name, exp(truth.value), needed, why))
    return tuple(found)
