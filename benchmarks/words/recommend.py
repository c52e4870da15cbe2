"""Which analysis to use: one rule for every command and page, and the sentence that says so.

Of the analyses that answer the same question in the same patients:

1. who comes closest to the truth: the least distance of the mean from it, with all that simulation does not tell from
   the least (apart by less than two simulation errors of the difference, the two taken as independent);
2. of these, whose intervals hold the truth as often as they promise: the least shortfall below the level, with all not
   told from it in the same way; an interval that holds it more often than it promises has none;
3. of these, who has the smallest standard error (of the estimates over simulated studies), told apart likewise.

Where the best is further from the truth than `TOO_FAR` of its standard error, none is recommended as it stands.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import hypot, isfinite
from typing import Literal

from benchmarks.asked.blocks import Cell
from benchmarks.performance.measures import Measure
from benchmarks.study.ranking import MOST_GIVE
from benchmarks.study.running import StudyResult
from benchmarks.words.sizes import first_up, listed, off_by, percent_text, share_text
from simulator.cohort.estimand import Estimand

APART = 2.0
"""Simulation errors of a difference beyond which two analyses are told apart."""
TOO_FAR = 0.4
"""A bias above this part of the standard error harms intervals and tests (Collins, Schafer & Kam 2001)."""

MOST_NAMED = 3
"""So many analyses are named in a sentence."""

DecidedBy = Literal["bias", "coverage", "SE", "nothing"]
_NOTHING: DecidedBy = "nothing"


@dataclass(frozen=True)
class Compared:
    """An analysis: how far its mean lies off the truth, how often its intervals hold it, and its standard error."""

    name: str
    bias: Measure
    coverage: Measure
    se: Measure
    level: float = 0.95

    @property
    def distance(self) -> Measure:
        """How far the mean lies off the truth, whatever the side."""
        return Measure(abs(self.bias.value), self.bias.mcse)

    @property
    def shortfall(self) -> Measure:
        """By how much its intervals hold the truth less often than they promise; 0 where they do not."""
        missing = self.level - self.coverage.value
        return Measure(0.0 if missing < 0 else missing, self.coverage.mcse)


@dataclass(frozen=True)
class Recommendation:
    """The best analysis, ``alike`` those that the rule does not tell from it, and the step that decided.

    ``order`` are all of them, the best first; ``near`` says whether the best is close enough to the truth to be used.
    """

    best: Compared
    alike: tuple[Compared, ...]
    by: DecidedBy
    order: tuple[Compared, ...]
    near: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The best and those that are not told from it."""
        return tuple(one.name for one in (self.best, *self.alike))


def recommend(compared: Sequence[Compared]) -> Recommendation | None:
    """The recommendation among analyses of one question; None where there are not two with a known bias."""
    known = [one for one in compared if isfinite(one.bias.value) and isfinite(one.se.value)]
    if len(known) < 2:
        return None
    best, by = _best(known)
    rest, order = [one for one in known if one not in best], list(best)
    while rest:
        following = _best(rest)[0]
        order += following
        rest = [one for one in rest if one not in following]
    return Recommendation(best[0], tuple(best[1:]), by, tuple(order), any(map(_near, best)))


def _best(known: Sequence[Compared]) -> tuple[list[Compared], DecidedBy]:
    """Those who are left after the three steps, and the last step that put somebody aside.

    Among those left, whom the rule does not tell apart, who is nearest to the truth stands first.
    """
    left, decided = list(known), _NOTHING
    steps: tuple[tuple[DecidedBy, Callable[[Compared], Measure]], ...] = (
        ("bias", lambda one: one.distance),
        ("coverage", lambda one: one.shortfall),
        ("SE", lambda one: one.se),
    )
    for step, size in steps:
        kept = _least(left, size)
        if len(kept) < len(left):
            left, decided = kept, step
    return sorted(left, key=lambda one: (one.distance.value, one.se.value)), decided


def _least(some: Sequence[Compared], size: Callable[[Compared], Measure]) -> list[Compared]:
    """Those whose size is not told from the least; a size that is not known is not told from any."""
    sizes = [size(one) for one in some]
    known = [one for one in sizes if isfinite(one.value)]
    if not known:
        return list(some)
    least = min(known, key=lambda one: one.value)
    return [one for one, own in zip(some, sizes, strict=True) if not _more(own, least)]


def _more(one: Measure, least: Measure) -> bool:
    error = hypot(*(x.mcse if isfinite(x.mcse) else 0.0 for x in (one, least)))
    return isfinite(one.value) and one.value - least.value > APART * error + 1e-12


def _near(one: Compared) -> bool:
    """Whether an analysis is close enough to the truth: a bias that matters is beyond error and beyond `TOO_FAR` SE."""
    clear = abs(one.bias.value) > APART * (one.bias.mcse if isfinite(one.bias.mcse) else 0.0)
    return not (clear and abs(one.bias.value) > TOO_FAR * one.se.value)


def recommended(
    result: StudyResult, cell: Cell, endpoint: str, question: Estimand | None = None
) -> Recommendation | None:
    """The recommendation among a cell's analyses of an endpoint; None where there are not two that can be compared.

    They are those of one ``question``, a target's estimand: the one that most of them answer unless it is given. Left
    out is who answers another question, has no truth, is a constant, or gives no estimate in more than 1 % of studies.
    """
    by_question = compared_by_question(result, cell, endpoint)
    if not by_question:
        return None
    asked = question if question is not None else max(by_question, key=lambda one: len(by_question[one]))
    return recommend(by_question.get(asked, ()))


def compared_by_question(result: StudyResult, cell: Cell, endpoint: str) -> Mapping[Estimand, Sequence[Compared]]:
    """The analyses of an endpoint that can be compared, by the target's estimand that they are judged by."""
    found: dict[Estimand, list[Compared]] = {}
    level = cell.scenario.analysis.survival.level
    for where, one in cell.scenario.judged():
        key = cell.number, endpoint, one.name
        if where != endpoint or result.asks_another(*key):
            continue
        own = result.measured.get((*key, "target"), {})
        if "bias" not in own or not isfinite(own["bias"].value) or own["convergence"].value < MOST_GIVE:
            continue
        if own["empirical_se"].value > 0:
            compared = Compared(one.name, own["bias"], own["coverage"], own["empirical_se"], level)
            found.setdefault(result.targets[key].estimand, []).append(compared)
    return found


def advice(made: Recommendation, asked: Estimand, labels: Mapping[str, str]) -> str:
    """The recommendation in a sentence or two: which analysis, why, and how far the next is behind."""
    best, named = made.best, [labels.get(name, name) for name in made.names]
    rest = [one for one in made.order if one.name not in made.names]
    use = f"Use {named[0]}"
    if not made.near:
        return (
            f"None can be recommended as it stands: even the best, {named[0]}, finds what is "
            f"{off_by(asked, best.bias)}."
        )
    if made.by == "nothing":
        some = f"{listed(named)} " if len(named) <= MOST_NAMED else f"these {len(named)} analyses "
        return f"None is clearly better: so many simulated studies do not tell {some}apart."
    following = rest[0]
    then = labels.get(following.name, following.name)
    if made.by == "bias":
        why = f"what it finds is {off_by(asked, best.bias)}; next is {then}, {off_by(asked, following.bias)}"
    elif made.by == "coverage":
        held, less = (share_text(one.coverage.value, one.coverage.mcse) for one in (best, following))
        why = f"none comes clearly closer to the truth, and its intervals hold it in {held} of studies"
        why += f", those of {then} in {less}"
    else:
        smaller = percent_text(100 * (1 - best.se.value / following.se.value))
        why = "none comes clearly closer to the truth, and its standard error is"
        why += f" {smaller} smaller than that of {then}"
    also = f" {first_up(listed(named[1:]))} would do as well." if 0 < len(named) - 1 < MOST_NAMED else ""
    return f"{use}: {why}.{also}"
