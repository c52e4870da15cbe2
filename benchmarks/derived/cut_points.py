"""The shares of patients above the cut-points of a number, of both arms together and of each."""

import re
from collections.abc import Mapping
from typing import Any

from scipy.special import ndtri

from benchmarks.derived.arm_numbers import InArm
from benchmarks.derived.paper_numbers import PaperNumbers, rounded
from benchmarks.derived.parts import Tree, sourced
from benchmarks.pasted.reading import ROLES, ReadVariable


def cut_shares(
    numbers: PaperNumbers, variable: ReadVariable
) -> tuple[dict[str, Tree], tuple[tuple[str, float, float, None, float], ...]]:
    """The share above each cut-point of both arms, sourced; and the same of each arm by the term that compares it."""
    bands = {text: edges(text) for text in variable.cuts}
    points = sorted({edge for band in bands.values() for edge in band if edge is not None})
    cuts, moments = {}, []
    for point in points:
        text = f"{point:g}"
        above = [
            side for side in (above_in(numbers, variable, role, bands, point) for role in ROLES) if side is not None
        ]
        if len(above) < 2:
            continue
        (count0, n0), (count1, n1) = above
        first = next(iter(bands))
        where = numbers.where(
            *(f"table1.{numbers.side}[{variable.name}{first}].control.{one}" for one in ("n", "percent"))
        )
        told = f"{where}, both arms together: {count0:g} + {count1:g} of {n0 + n1:g}"
        cuts[text] = sourced(round((count0 + count1) / (n0 + n1), 4), told)
        moments.append((f"{variable.name}>{text}", count0 / n0, count1 / n1, None, 0.0))
    return cuts, tuple(moments)


def edges(text: str) -> tuple[float | None, float | None]:
    """The ends of a stretch between cut-points: '<=50', '>50', '>50 & <=65', '50-65'."""
    number = r"(-?\d+(?:\.\d+)?)"
    above, below = re.search(rf">=?\s*{number}", text), re.search(rf"<=?\s*{number}", text)
    if above or below:
        return float(above[1]) if above else None, float(below[1]) if below else None
    between = re.search(rf"{number}\s*(?:-|–|to)\s*{number}", text)
    return (float(between[1]), float(between[2])) if between else (None, None)


def above_in(
    numbers: PaperNumbers, variable: ReadVariable, role: str, bands: Mapping[str, Any], point: float
) -> tuple[float, float] | None:
    """Patients of an arm above a cut-point, and of how many that is known; None where it cannot be told."""
    side, size = numbers.side, float(numbers.sizes[ROLES.index(role)])
    rows = {text: f"table1.{side}[{variable.name}{text}]" for text in bands}
    counts = {text: numbers.value(f"{row}.{role}.n") for text, row in rows.items()}
    shares = {text: numbers.share_of(row, role, side) for text, row in rows.items()}
    total = sum(count for count in counts.values() if count is not None)
    upper = [text for text, (low, _) in bands.items() if low is not None and low >= point]
    lower = [text for text, (_, high) in bands.items() if high is not None and high <= point]
    if set(upper) | set(lower) == set(bands) and upper and lower and None not in counts.values() and 0 < total <= size:
        return sum(counts[text] or 0.0 for text in upper), total
    if upper and all(shares[text] is not None for text in upper):
        return round(sum(shares[text] or 0.0 for text in upper) * size, 2), size
    if lower and all(shares[text] is not None for text in lower):
        return round((1 - sum(shares[text] or 0.0 for text in lower)) * size, 2), size
    return None


def from_cuts(
    numbers: PaperNumbers, cuts: Mapping[str, Tree]
) -> tuple[tuple[InArm, InArm], tuple[float, float | None, str]]:
    """A mean and SD by which a normal has the shares above cut-points, where nothing else is printed of a number."""
    points = [(float(text), -float(ndtri(min(max(part["value"], 1e-4), 1 - 1e-4)))) for text, part in cuts.items()]
    (first, z0), (last, z1) = points[0], points[-1]
    sd = (last - first) / (z1 - z0) if len(points) > 1 and z1 - z0 > 1e-6 else max(abs(first) / 4, 1e-6)
    why = f"only shares above {', '.join(cuts)} are printed: " + (
        "the normal through them" if len(points) > 1 else "an SD of a quarter of the cut-point"
    )
    made = InArm(sum(numbers.sizes), mean=first - sd * z0, sd=sd)
    return (made, made), (rounded(sd), rounded(sd / 3), why)


def cuts_of(cuts: Mapping[str, Tree]) -> Tree:
    """The cut-points' part of a covariate, if there are any."""
    if not cuts:
        return {}
    told = "; ".join(dict.fromkeys(part["source"] for part in cuts.values()))
    return {"cuts": sourced({text: part["value"] for text, part in cuts.items()}, told)}
