"""Adverse events of a derived world, from a table of grades by arm."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.derived.covariates import tuples
from benchmarks.derived.paper_numbers import DeriveError, PaperNumbers
from benchmarks.derived.parts import Assumption, Tree, bare, sourced
from benchmarks.pasted.reading import ROLES
from simulator.mechanisms.adverse_events import AdverseEvents, resolve

SUFFIX = re.compile(r"_(?:g|ge|gr|grade_?)?(?:34|3_4|35|3_5|345|3|severe|serious)$")
OVERALL = re.compile(r"^(?:any|all|overall|total)(?:_|$)|(?:^|_)(?:any|overall)$")


@dataclass(frozen=True)
class Safety:
    """The part ``adverse_events``, the names of outcomes that it takes, what was assumed, and what is told."""

    tree: Tree
    names: set[str]
    assumed: tuple[Assumption, ...]
    said: tuple[str, ...]


BothRates = tuple[float, float]


def adverse_events(numbers: PaperNumbers, taken: set[str]) -> Safety | None:
    """Events that are printed of any grade and severe; None where there are no such pairs."""
    names = [name for name in dict.fromkeys(name for name, _ in numbers.names("binary")) if name not in taken]
    rates = {name: found for name in names if (found := rates_of(numbers, name)) is not None}
    endings = [ending[0] for name in rates if (ending := SUFFIX.search(name))]
    suffix = max(set(endings), key=endings.count, default="")
    pairs = {name: (own, rates[name + suffix]) for name, own in rates.items() if suffix and name + suffix in rates}
    overall = next((name for name in pairs if OVERALL.search(name)), "")
    events = {name: pair for name, pair in pairs.items() if name != overall}
    if not events:
        return None
    said: list[str] = []
    severe = {name: clipped(name, pair, said) for name, pair in events.items()}
    assumed: tuple[Assumption, ...] = ()
    if overall:
        whole, source = (pairs[overall][0], clipped(overall, pairs[overall], said)), where_printed(numbers, overall)
    else:
        overall, source = unused("any_ae", rates), ""
        whole = (independent([pair[0] for pair in events.values()]), independent(list(severe.values())))
        why = "no overall row is printed: as if events were independent"
        assumed = tuple(
            Assumption(f"outcomes.adverse_events.overall.any.{arm}", round(value, 4), 0.1, why)
            for arm, value in zip(arms_of(numbers), whole[0], strict=True)
        )
    tree: Tree = {
        "name": overall,
        "suffix": suffix,
        "overall": grades(numbers, whole, source),
        "events": {
            name: {
                "label": numbers.label(name),
                **grades(numbers, (pair[0], severe[name]), where_printed(numbers, name)),
            }
            for name, pair in events.items()
        },
    }
    tree["overall"] = feasible(numbers, tree, whole, source, said)
    return Safety(tree, {one + end for one in (*events, overall) for end in ("", suffix)}, assumed, tuple(said))


def rates_of(numbers: PaperNumbers, name: str) -> BothRates | None:
    """The shares of both arms with an event; None unless both are printed."""
    side = numbers.side_of("binary", name)
    found = [numbers.share_of(f"binary.{name}.{side}", role, side) for role in ROLES]
    return None if found[0] is None or found[1] is None else (min(found[0], 1.0), min(found[1], 1.0))


def clipped(name: str, pair: tuple[BothRates, BothRates], said: list[str]) -> BothRates:
    """The severe shares, not above those of any grade."""
    any_grade, severe = pair
    if severe[0] > any_grade[0] + 5e-4 or severe[1] > any_grade[1] + 5e-4:
        said.append(f"{name}: more severe events are printed than of any grade; taken to be as many")
    return min(severe[0], any_grade[0]), min(severe[1], any_grade[1])


def independent(rates: Sequence[BothRates]) -> BothRates:
    """The shares with any of events that are independent."""
    return float(1 - np.prod([1 - one[0] for one in rates])), float(1 - np.prod([1 - one[1] for one in rates]))


def unused(name: str, taken: Mapping[str, object]) -> str:
    """The name, or with a number where an outcome has it."""
    return next(one for one in (name, *(f"{name}_{k}" for k in range(2, 99))) if one not in taken)


def arms_of(numbers: PaperNumbers) -> tuple[str, str]:
    """The names of both arms."""
    return numbers.reading.paper.arms.control, numbers.reading.paper.arms.treated


def where_printed(numbers: PaperNumbers, name: str) -> str:
    """Where an event's row stands."""
    row = f"binary.{name}.{numbers.side_of('binary', name)}"
    return numbers.where(*(f"{row}.{role}.{what}" for role in ROLES for what in ("yes", "percent")))


def grades(numbers: PaperNumbers, pair: tuple[BothRates, BothRates], source: str) -> Tree:
    """Shares by arm of any grade and severe."""
    made: Tree = {}
    for word, rates in zip(("any", "severe"), pair, strict=True):
        shares = {arm: round(rate, 4) for arm, rate in zip(arms_of(numbers), rates, strict=True)}
        made[word] = sourced(shares, source) if source else shares
    return made


def feasible(
    numbers: PaperNumbers, tree: Tree, whole: tuple[BothRates, BothRates], source: str, said: list[str]
) -> Tree:
    """The overall shares, moved to the nearest that the single ones allow where they do not allow the printed ones."""
    singles = [bare(event) for event in tree["events"].values()]
    moved = [list(whole[0]), list(whole[1])]
    for k, arm in enumerate(arms_of(numbers)):
        for row, word in enumerate(("any", "severe")):
            rates = [event[word][arm] for event in singles]
            most, least = float(1 - np.prod([1 - rate for rate in rates])), max(rates)
            if not least <= moved[row][k] <= most:
                moved[row][k] = min(max(moved[row][k], least), most)
                said.append(
                    f"adverse events of {arm}, {word}: overall {whole[row][k]:.4g} is printed, and the single ones "
                    f"allow {least:.4g} to {most:.4g}; taken as {moved[row][k]:.4g}"
                )
    pair = ((moved[0][0], moved[0][1]), (moved[1][0], moved[1][1]))
    made = grades(numbers, pair, source)
    try:
        resolve(AdverseEvents.model_validate(tuples(bare({**tree, "overall": made}))), arms_of(numbers))
    except ValueError as error:
        text = str(error).splitlines()[0]
        raise DeriveError(f"{source or 'adverse events'}: {text}") from None
    return made
