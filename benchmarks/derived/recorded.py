"""What a derived world records beside the course: response, adverse events, amounts of treatment, modes of progression
and other yes/no outcomes, by arm, and whom the study takes by what they received.
"""

from collections.abc import Sequence

from benchmarks.derived.amounts import exposure, inclusion
from benchmarks.derived.modes import modes
from benchmarks.derived.paper_numbers import DeriveError, PaperNumbers, rounded
from benchmarks.derived.parts import sourced
from benchmarks.derived.recording import Recorded, by_arm
from benchmarks.derived.safety import adverse_events
from benchmarks.pasted.reading import ROLES

USUAL_ORDER = ("NE", "PD", "SD", "PR", "CR")
LINKS = {"response": 0.7, "conversion": 0.5}
LINK_SD = 0.2


def recorded_of(numbers: PaperNumbers) -> Recorded:
    """All that the tables and lines record beside the course."""
    made = Recorded()
    taken = response(numbers, made)
    taken |= conversions(numbers, made)
    try:
        events = adverse_events(numbers, taken)
    except DeriveError as error:
        events = None
        made.said.append(f"{error}; each event is taken by itself")
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


def risks(numbers: PaperNumbers, name: str) -> tuple[float, float] | None:
    """The shares of both arms with a yes/no outcome; None unless both are printed."""
    side = numbers.side_of("binary", name)
    found = [numbers.share_of(f"binary.{name}.{side}", role, side) for role in ROLES]
    return None if found[0] is None or found[1] is None else (found[0], found[1])


def where_of(numbers: PaperNumbers, name: str) -> str:
    """Where an outcome is printed, and of whom."""
    side = numbers.side_of("binary", name)
    row = f"binary.{name}.{side}.{ROLES[0]}"
    told = ", before matching" if side == "before" and ("after", "control") in numbers.reading.sizes else ""
    return numbers.where(f"{row}.yes", f"{row}.percent") + told


def response(numbers: PaperNumbers, made: Recorded) -> set[str]:
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


def rates_alone(numbers: PaperNumbers, made: Recorded, names: set[str]) -> set[str]:
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
    numbers: PaperNumbers, made: Recorded, categories: tuple[str, ...], shares: Sequence[Sequence[float]],
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


def conversions(numbers: PaperNumbers, made: Recorded) -> set[str]:
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


def risk_free(numbers: PaperNumbers, made: Recorded, place: str, shares: Sequence[float]) -> None:
    """A share of each arm may be fitted, with the standard error of what is printed as its prior SD."""
    for arm, share, n in zip(by_arm(numbers, shares), shares, numbers.sizes, strict=True):
        if 0 < share < 1:
            sd = max(rounded((share * (1 - share) / n) ** 0.5, 2), 0.005)
            high = round(min(max(4 * share, share + 6 * sd), 0.999), 4)
            made.free[f"{place}.{arm}"] = {"mean": round(share, 4), "sd": sd, "bounds": [0.001, high]}


def others(numbers: PaperNumbers, made: Recorded, taken: set[str]) -> None:
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
