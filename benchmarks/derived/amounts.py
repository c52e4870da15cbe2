"""How much of a treatment the patients of each arm receive, and whom the study takes by that."""

import re
from math import log

from scipy.special import ndtri

from benchmarks.derived.paper_numbers import MONTHS_OF, DeriveError, PaperNumbers, in_months, limits, rounded
from benchmarks.derived.parts import Tree, bare, sourced
from benchmarks.derived.recording import Recorded
from benchmarks.pasted.reading import ROLES
from simulator.mechanisms.entry import PER_MONTH
from simulator.mechanisms.stated_quantiles import QUARTILE, extreme

LINK, LINK_SD, SPREAD = 0.5, 0.2, 0.35
LEAST_SCREENED = 1.5  # for each patient of the study, where it asks for amounts
REACHED = 5.0  # patients who reach the greatest amount, where it is a cap


def exposure(numbers: PaperNumbers, made: Recorded) -> None:
    """Amounts of treatment, in the arms of which a median is printed."""
    stated = numbers.reading.paper.exposure
    arms = numbers.reading.paper.arms
    for name in dict.fromkeys(name for name, _ in numbers.names("exposure")):
        text = stated.get(name, name.rsplit("_", 1)[-1])
        months = in_months(text)
        if months is None:
            raise DeriveError(
                f"paper.yaml: exposure.{name}: '{text}' names no time; write months, or 'one in 3 weeks' of cycles"
            )
        whole = re.search(r"\b(one|every|each|cycles?|per)\b", text.casefold()) is not None
        amounts = {}
        for arm, role, n in zip((arms.control, arms.treated), ROLES, numbers.sizes, strict=True):
            amount = amount_in(numbers, name, role, n, whole, limits(text)[1])
            if amount is not None:
                amounts[arm] = amount
        if not amounts:
            made.said.append(f"exposure.{name}: no median is printed; left out")
            continue
        unit = f"{shown_unit(text)}{' cycles' if whole else ''}"
        made.outcomes.setdefault("exposure", {})[name] = {
            "label": numbers.label(name),
            "unit": unit,
            "months_per_unit": sourced(rounded(months, 3), f"Methods: {text.split(';')[0].strip()}"),
            "whole": whole,
            "arms": amounts,
            "link": LINK,
        }
        place = f"outcomes.exposure.{name}"
        made.assume(f"{place}.link", LINK, LINK_SD, "who lives longer is taken to receive more")
        for arm, amount in amounts.items():
            plain = bare(amount)
            made.free |= {
                f"{place}.arms.{arm}.median": {
                    "mean": plain["median"], "sd": 0.3,
                    "bounds": [rounded(min(1.0, plain["median"] / 10), 3), plain["most"]], "scale": "log",
                },
                f"{place}.arms.{arm}.spread": {
                    "mean": plain["spread"], "sd": 0.3, "bounds": [0.05, 1.5], "scale": "log",
                },
            }  # fmt: skip


def shown_unit(text: str) -> str:
    """The unit of an amount: '3-week' of cycles, else 'months'."""
    every = re.search(r"(\d+)\s*-?\s*(day|week|month)", text.casefold())
    if every:
        return f"{every[1]}-{every[2]}"
    return next(f"{unit}s" for unit in MONTHS_OF if unit in text.casefold())


def amount_in(numbers: PaperNumbers, name: str, role: str, n: int, whole: bool, most: float | None) -> Tree | None:
    """The amount of an arm: median, the spread that quartiles or the range have, and the most."""
    key = f"exposure.{name}.{numbers.side_of('exposure', name)}.{role}"
    at = {one: numbers.value(f"{key}.{one}") for one in ("median", "q1", "q3", "min", "max")}
    median, where = at["median"], numbers.where(f"{key}.median")
    if median is None or median <= 0:
        return None
    spread, told = SPREAD, "assumed"
    if at["q1"] and at["q3"] and at["q3"] > at["q1"]:
        spread, told = log(at["q3"] / at["q1"]) / (2 * QUARTILE), f"log({at['q3']:g} / {at['q1']:g}) / 1.349; {where}"
    elif at["min"] and at["max"] and at["max"] > at["min"] and n > 3:
        spread, told = spread_of_range(median, at["min"], at["max"], n, where)
    top, source = (at["max"], where) if most is None else (most, "Methods: at most")
    if top is None:
        top, source = median * 3, "three medians: nothing is printed"
    top = max(top, median)
    made: Tree = {
        "median": sourced(median, where),
        "spread": sourced(min(max(rounded(spread, 2), 0.1), 1.0), told),
        "most": sourced(max(round(top), 1) if whole else top, source),
    }
    return made


def spread_of_range(median: float, least: float, greatest: float, n: int, where: str) -> tuple[float, str]:
    """The log-SD whose expected extremes of ``n`` are as far apart as printed, and its formula.

    The greatest amount caps what is received, which lowers the simulated extreme: at least so wide that `REACHED` of
    ``n`` reach it.
    """
    far = extreme(n)
    ranged = log(greatest / least) / (2 * far)
    share = min(REACHED / n, 0.25)
    capped = log(greatest / median) / -float(ndtri(share)) if greatest > median else 0.0
    if capped > ranged:
        formula = f"log({greatest:g} / {median:g}) / {-float(ndtri(share)):.3g}"
        return capped, f"{formula}, under which {share * n:.0f} of {n} reach the greatest amount; {where}"
    return ranged, f"log({greatest:g} / {least:g}) / (2 x {far:.3g}), the expected extremes of {n}; {where}"


def inclusion(numbers: PaperNumbers, made: Recorded) -> None:
    """Whom the study takes by what they received, and by the least follow-up."""
    paper = numbers.reading.paper
    received = made.outcomes.get("exposure", {})
    for name, text in paper.eligibility.items():
        least = limits(text)[0]
        if least is None:
            continue
        if name in received:
            made.entry.setdefault("requires", {})[name] = sourced(least, f"Methods: {name} {text}")
        elif name.replace("-", "_").casefold() in ("follow_up", "followup", "potential_follow_up"):
            months = least * (in_months(text) or 1 / PER_MONTH[paper.time_unit])  # type: ignore[index]
            months = months / (float(least) if in_months(text) else 1.0) if in_months(text) else months
            made.entry["potential_follow_up_months"] = sourced(rounded(months), f"Methods: follow-up {text}")
    if "requires" in made.entry:
        made.entry["screened"] = LEAST_SCREENED
