"""What a derived world records beside the course: response, adverse events, amounts of treatment, modes of progression
and other yes/no outcomes, by arm, and whom the study takes by what they received.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import log

from analysis.audit.published import Stands, counts_printed_so, parse_printed
from benchmarks.derived.parts import Assumption, Tree, bare, sourced
from benchmarks.derived.printed_numbers import MONTHS_OF, DeriveError, PrintedNumbers, in_months, limits, rounded
from benchmarks.derived.safety import adverse_events
from benchmarks.pasted.reading import ROLES
from simulator.mechanisms.entry import PER_MONTH
from simulator.mechanisms.stated_quantiles import QUARTILE, extreme

USUAL_ORDER = ("NE", "PD", "SD", "PR", "CR")
LINKS = {"response": 0.7, "conversion": 0.5, "exposure": 0.5}
LINK_SD = 0.2
SPREAD = 0.35


@dataclass
class Recorded:
    """Parts of ``outcomes`` and of ``entry``, what of them may be fitted, and what was assumed or is told."""

    outcomes: Tree = field(default_factory=dict)
    entry: Tree = field(default_factory=dict)
    free: Tree = field(default_factory=dict)
    assumed: list[Assumption] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def assume(self, path: str, value: float, prior_sd: float | None, why: str) -> None:
        """An assumption."""
        self.assumed.append(Assumption(path, value, prior_sd, why))


def recorded_of(numbers: PrintedNumbers) -> Recorded:
    """All that the tables and lines record beside the course."""
    made = Recorded()
    taken = response(numbers, made)
    taken |= conversions(numbers, made)
    events = adverse_events(numbers, taken)
    if events is not None:
        made.outcomes["adverse_events"] = events.tree
        made.assumed += events.assumed
        made.said += events.said
        taken |= events.names
    others(numbers, made, taken)
    exposure(numbers, made)
    modes(numbers, made)
    inclusion(numbers, made)
    return made


def by_arm(numbers: PrintedNumbers, values: Sequence[float], decimals: int = 4) -> Tree:
    """Values of control and treated under the names of the arms."""
    arms = numbers.reading.paper.arms
    return {
        name: round(value, decimals) if isinstance(value, float) else value
        for name, value in zip((arms.control, arms.treated), values, strict=True)
    }


def risks(numbers: PrintedNumbers, name: str) -> tuple[float, float] | None:
    """The shares of both arms with a yes/no outcome; None unless both are printed."""
    side = numbers.side_of("binary", name)
    found = [numbers.share_of(f"binary.{name}.{side}", role, side) for role in ROLES]
    return None if found[0] is None or found[1] is None else (found[0], found[1])


def where_of(numbers: PrintedNumbers, name: str) -> str:
    """Where an outcome is printed, and of whom."""
    side = numbers.side_of("binary", name)
    row = f"binary.{name}.{side}.{ROLES[0]}"
    told = ", before matching" if side == "before" and ("after", "control") in numbers.reading.sizes else ""
    return numbers.where(f"{row}.yes", f"{row}.percent") + told


def response(numbers: PrintedNumbers, made: Recorded) -> set[str]:
    """Best response by category; gives the names that it takes."""
    stated = numbers.reading.paper.response
    names = {name for name, _ in numbers.names("binary")}
    order = tuple(stated.get("order", "").replace(",", " ").replace("<", " ").split())
    groups = {
        name: tuple(text.replace(",", " ").replace("+", " ").split())
        for name, text in stated.items()
        if name != "order" and not text.strip().startswith("among")
    }
    order = order or tuple(one for one in USUAL_ORDER if one in names)
    if len([one for one in order if one in names and risks(numbers, one)]) < 2:
        return rates_alone(numbers, made, names)
    for group, members in groups.items():
        unknown = [one for one in members if one not in order]
        if unknown:
            raise DeriveError(f"paper.yaml: response.{group}: no category '{unknown[0]}' (order: {' '.join(order)})")
    rows = {one: risks(numbers, one) or (0.0, 0.0) for one in order}
    rest = [1.0 - sum(row[k] for row in rows.values()) for k in (0, 1)]
    if max(rest) > 0.006:
        empty = [one for one in order if one not in names]
        worst = empty[0] if empty else "NE" if "NE" not in order else "Unknown"
        rows = rows if empty else {worst: (0.0, 0.0), **rows}
        rows[worst] = (max(rest[0], 0.0), max(rest[1], 0.0))
        made.said.append(f"response: {100 * rest[0]:.1f} and {100 * rest[1]:.1f} % are in no category: {worst}")
    shares = [normalised([row[k] for row in rows.values()]) for k in (0, 1)]
    groups = {one: (one,) for one in reversed(rows) if one in names} | {g: m for g, m in groups.items() if g in names}
    if not stated.get("ORR") and "ORR" in names and {"PR", "CR"} <= rows.keys():
        groups["ORR"] = ("PR", "CR")
    if not stated.get("DCR") and "DCR" in names and {"SD", "PR", "CR"} <= rows.keys():
        groups["DCR"] = ("SD", "PR", "CR")
    put_response(numbers, made, tuple(rows), shares, groups, where_of(numbers, next(iter(groups))))
    return {*groups}


def rates_alone(numbers: PrintedNumbers, made: Recorded, names: set[str]) -> set[str]:
    """Response where only its rate is printed, with that of disease control or without."""
    if "ORR" not in names or (found := risks(numbers, "ORR")) is None:
        return set()
    control = risks(numbers, "DCR") if "DCR" in names else None
    if control is None or any(c < r for c, r in zip(control, found, strict=True)):
        shares = [[1 - one, one] for one in found]
        put_response(numbers, made, ("None", "Response"), shares, {"ORR": ("Response",)}, where_of(numbers, "ORR"))
        return {"ORR"}
    shares = [[1 - c, c - r, r] for c, r in zip(control, found, strict=True)]
    groups: dict[str, tuple[str, ...]] = {"ORR": ("Response",), "DCR": ("Stable", "Response")}
    put_response(numbers, made, ("None", "Stable", "Response"), shares, groups, where_of(numbers, "ORR"))
    return {"ORR", "DCR"}


def put_response(
    numbers: PrintedNumbers, made: Recorded, categories: tuple[str, ...], shares: Sequence[Sequence[float]],
    groups: dict[str, tuple[str, ...]], where: str,
) -> None:  # fmt: skip
    """The part ``response``; the worst category of each arm may be fitted."""
    arms = numbers.reading.paper.arms
    listed = {
        arm: [round(one, 4) for one in row] for arm, row in zip((arms.control, arms.treated), shares, strict=True)
    }
    link = LINKS["response"]
    made.outcomes["response"] = {
        "categories": list(categories),
        "shares": sourced(listed, where),
        "link": link,
        "groups": {name: list(members) for name, members in groups.items()},
    }
    made.assume("outcomes.response.link", link, LINK_SD, "how closely response follows the course is not printed")
    for arm, row in listed.items():
        if 0.02 < row[0] < 0.95:
            low, high = round(row[0] / 6, 3), round(min(max(2 * row[0], 0.6), 0.98), 3)
            made.free[f"outcomes.response.shares.{arm}.0"] = {"mean": row[0], "sd": 0.1, "bounds": [low, high]}


def normalised(values: Sequence[float]) -> list[float]:
    """The values, to sum to one."""
    total = sum(values)
    return [one / total for one in values]


def conversions(numbers: PrintedNumbers, made: Recorded) -> set[str]:
    """Outcomes that paper.yaml says are open to some categories of response: 'ablation: among PR CR'."""
    found: set[str] = set()
    categories = made.outcomes.get("response", {}).get("categories", ())
    for name, text in numbers.reading.paper.response.items():
        if not text.strip().startswith("among"):
            continue
        among = text.replace(",", " ").split()[1:]
        unknown = [one for one in among if one not in categories]
        own = risks(numbers, name)
        if unknown or not among or own is None:
            what = f"no category '{unknown[0]}'" if unknown else "its shares of both arms are not printed"
            raise DeriveError(f"paper.yaml: response.{name}: {what}; there are {', '.join(categories) or 'none'}")
        link = LINKS["conversion"]
        made.outcomes.setdefault("conversion", {})[name] = {
            "label": numbers.label(name),
            "shares": sourced(by_arm(numbers, own), where_of(numbers, name)),
            "among": among,
            "link": link,
        }
        made.assume(f"outcomes.conversion.{name}.link", link, LINK_SD, "the converted are taken to live longer")
        risk_free(numbers, made, f"outcomes.conversion.{name}.shares", own)
        found.add(name)
    return found


def risk_free(numbers: PrintedNumbers, made: Recorded, place: str, shares: Sequence[float]) -> None:
    """A share of each arm may be fitted, with the standard error of what is printed as its prior SD."""
    for arm, share, n in zip(by_arm(numbers, shares), shares, numbers.sizes, strict=True):
        if 0 < share < 1:
            sd = max(rounded((share * (1 - share) / n) ** 0.5, 2), 0.005)
            high = round(min(max(4 * share, share + 6 * sd), 0.999), 4)
            made.free[f"{place}.{arm}"] = {"mean": round(share, 4), "sd": sd, "bounds": [0.001, high]}


def others(numbers: PrintedNumbers, made: Recorded, taken: set[str]) -> None:
    """Every other yes/no outcome, at its risk in each arm."""
    for name in dict.fromkeys(name for name, _ in numbers.names("binary")):
        own = risks(numbers, name)
        if name in taken:
            continue
        if own is None:
            made.said.append(f"binary.{name}: its share is not printed of both arms; left out")
            continue
        made.outcomes.setdefault("binary", {})[name] = {
            "kind": "logistic",
            "label": numbers.label(name),
            "risk": sourced(by_arm(numbers, own), where_of(numbers, name)),
        }


def exposure(numbers: PrintedNumbers, made: Recorded) -> None:
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
            "link": LINKS["exposure"],
        }
        place = f"outcomes.exposure.{name}"
        made.assume(f"{place}.link", LINKS["exposure"], LINK_SD, "who lives longer is taken to receive more")
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


def amount_in(numbers: PrintedNumbers, name: str, role: str, n: int, whole: bool, most: float | None) -> Tree | None:
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
        far = extreme(n)
        spread = log(at["max"] / at["min"]) / (2 * far)
        told = f"log({at['max']:g} / {at['min']:g}) / (2 x {far:.3g}), the expected extremes of {n}; {where}"
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


def modes(numbers: PrintedNumbers, made: Recorded) -> None:
    """Modes of progression: what is printed are shares of modes, and a world has shares of progressions.

    Where the printed shares sum to all, the fewest modes of which all of them are whole numbers are found, no fewer
    than there were events; the progressions are the events less those that are deaths.
    """
    names = tuple(dict.fromkeys(name for name, _ in numbers.names("modes")))
    if not names:
        return
    side = numbers.side_of("modes", names[0])
    death = next((one for one in names if re.search(r"death|died|deceased", one)), "")
    endpoint = progression_endpoint(numbers)
    shares: list[dict[str, float]] = []
    told = []
    for role in ROLES:
        row = {one: mode_percent(numbers, one, side, role) for one in names}
        blank = [one for one, value in row.items() if value is None]
        if blank:
            made.said.append(f"modes.{blank[0]}: not printed of both arms; the modes are left out")
            return
        whole = {one: value for one, value in row.items() if value is not None}
        events = numbers.value(f"endpoints.{endpoint}.{side}.km.{role}.events")
        own, words = mode_shares(numbers, whole, death, side, role, events)
        shares.append(own)
        told.append(words)
    where = numbers.where(*(f"modes.{names[0]}.{side}.{role}.percent" for role in ROLES))
    part: Tree = {"death": death or "death"}
    if len(progression_endpoints(numbers)) > 1:
        part["endpoint"] = endpoint
    part["modes"] = {
        one: {
            "label": numbers.label(one),
            "share": sourced(
                by_arm(numbers, [row[one] for row in shares]),
                f"{where}: {told[0]}; {told[1]}",
            ),
        }
        for one in names
        if one != death
    }
    made.outcomes["progression_modes"] = part


def progression_endpoints(numbers: PrintedNumbers) -> list[str]:
    """The endpoints of which progression is an event."""
    return [name for name, text in numbers.reading.paper.endpoints.items() if "progress" in text.casefold()]


def progression_endpoint(numbers: PrintedNumbers) -> str:
    """The endpoint of the modes: the first of which progression is an event."""
    return next(iter(progression_endpoints(numbers)), "PFS")


def mode_percent(numbers: PrintedNumbers, name: str, side: str, role: str) -> float | None:
    """A mode's printed percentage; of a count alone the count."""
    key = f"modes.{name}.{side}.{role}"
    percent = numbers.value(f"{key}.percent")
    return numbers.value(f"{key}.n") if percent is None else percent


def mode_shares(
    numbers: PrintedNumbers, row: dict[str, float], death: str, side: str, role: str, events: float | None
) -> tuple[dict[str, float], str]:
    """The share of an arm's progressions that have each mode, and how it was found."""
    total = sum(row.values())
    first = row.get(death, 0.0)
    if events is None or not 97 <= total <= 103:
        alive = max(total - first, 1e-9) if 97 <= total <= 103 else 100.0 - first
        rest = {one: min(value / alive, 1.0) for one, value in row.items() if one != death}
        return at_least_one(rest), "shares of events without the deaths; no number of events is printed"
    printed = {
        one: parse_printed(numbers.published[key].printed, key)
        for one in row
        if (key := f"modes.{one}.{side}.{role}.percent") in numbers.published
    }
    fitting = (m for m in range(round(events), 4 * round(events)) if fits(m, printed, row))
    count = next(fitting, round(1.3 * events))
    deaths = round(first * count / 100)
    progressed = max(round(events) - deaths, 1)
    made = {one: min(round(value * count / 100) / progressed, 1.0) for one, value in row.items() if one != death}
    return at_least_one(made), f"of {count} modes, {deaths} deaths, {progressed} progressions"


def fits(count: int, printed: Mapping[str, Stands], row: dict[str, float]) -> bool:
    """Whether so many modes have all printed percentages, and sum to as many."""
    counts = [counts_printed_so(stands, count) for stands in printed.values()]
    low, high = sum(one.start for one in counts), sum(one.stop - 1 for one in counts)
    return bool(printed) and len(printed) == len(row) and all(len(one) for one in counts) and low <= count <= high


def at_least_one(shares: dict[str, float]) -> dict[str, float]:
    """The shares, scaled to sum to 1 where they sum to less: each progression has a mode."""
    total = sum(shares.values())
    return shares if total >= 1 or total <= 0 else {one: value / total for one, value in shares.items()}


def inclusion(numbers: PrintedNumbers, made: Recorded) -> None:
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
        made.entry["screened"] = 1.5
        made.assume("entry.screened", 1.5, 0.2, "how many are screened for one who received enough is not printed")
