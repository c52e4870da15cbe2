"""A covariate that is a number: from what is printed of each arm, the margin of both arms together.

Mean and SD: those of the mixture (law of total variance). Median with quartiles or range: each arm is half a normal on
either side of its median (of the logarithm, where that is nearer to symmetric), and the mixture's own median, quartiles
and range are taken. The first of several ways to say it that a covariate can be is taken, and told where it is not the
plain one.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil, floor, log, log10, pi, sqrt
from typing import Any

from pydantic import TypeAdapter, ValidationError
from scipy.special import ndtr, ndtri

from benchmarks.derived.parts import Assumption, Tree, bare, sourced
from benchmarks.derived.printed_numbers import DeriveError, PrintedNumbers, limits, rounded
from benchmarks.pasted.reading import ROLES, ReadVariable
from simulator.mechanisms.covariate_kinds import AnyCovariate, Covariate, Numeric
from simulator.mechanisms.stated_quantiles import QUARTILE, extreme
from simulator.numerics.roots import brentq

SKEWED = 1.25  # ratio of the upper to the lower half, or its inverse, beyond which a logarithm is considered
REACH = 4.0  # SDs from the mean to bounds that nobody prints
_VALID: TypeAdapter[AnyCovariate] = TypeAdapter(Covariate)


@dataclass(frozen=True)
class NumberPart:
    """One covariate: its part of the document; terms with their mean or share in each arm, SD and slack of a mean."""

    tree: Tree
    moments: tuple[tuple[str, float, float, float | None, float], ...]
    assumed: tuple[Assumption, ...]
    said: tuple[str, ...]


@dataclass(frozen=True)
class InArm:
    """What is printed of a number in an arm of ``n`` patients; ``half`` is half a unit of its middle's last digit."""

    n: int
    mean: float | None = None
    sd: float | None = None
    median: float | None = None
    q1: float | None = None
    q3: float | None = None
    min: float | None = None
    max: float | None = None
    half: float = 0.0

    def reach(self) -> tuple[float, float, float] | None:
        """Low, high, and how many SDs of a normal they are from the median: quartiles or else the range."""
        if self.median is None:
            return None
        if self.q1 is not None and self.q3 is not None:
            return self.q1, self.q3, QUARTILE
        if self.min is not None and self.max is not None and self.n > 3:
            return self.min, self.max, extreme(self.n)
        return None

    def centre(self) -> float | None:
        """The mean as printed, or of the half normals of the median."""
        found = self.reach()
        if self.mean is not None or found is None or self.median is None:
            return self.mean
        low, high, sds = found
        return self.median + (low + high - 2 * self.median) / sds / sqrt(2 * pi)

    def below(self, x: float, logarithm: bool) -> float:
        """The share below a value: by the half normals of the median, else by the normal or log-normal of the mean."""
        found = self.reach()
        if found is not None and self.median is not None:
            low, high, sds = found
            if logarithm:
                x, low, middle, high = (log(max(one, 1e-300)) for one in (x, low, self.median, high))
            else:
                middle = self.median
            sd = max((middle - low if x < middle else high - middle) / sds, 1e-12)
            return float(ndtr((x - middle) / sd))
        assert self.mean is not None
        assert self.sd is not None
        if not logarithm:
            return float(ndtr((x - self.mean) / self.sd))
        variance = log(1 + (self.sd / self.mean) ** 2)
        return float(ndtr((log(max(x, 1e-300)) - log(self.mean) + variance / 2) / sqrt(variance)))


def number_covariate(numbers: PrintedNumbers, variable: ReadVariable) -> NumberPart | None:
    """The covariate; None where nothing is printed of it."""
    arms, said = printed_in(numbers, variable)
    cuts, cut_moments = cut_shares(numbers, variable)
    assumed: list[Assumption] = []
    path = f"population.covariates.{variable.name}"
    if arms is None:
        if not cuts:
            return None
        arms, note = from_cuts(numbers, cuts)
        assumed.append(Assumption(f"{path}.sd", *note))
    where = numbers.where(*(f"table1.{numbers.side}[{variable.name}].{ROLES[0]}.{one}" for one in ("mean", "median")))
    stated = limits(stated_limits(numbers, variable))
    ways = by_mean if all(arm.mean is not None and arm.sd is not None for arm in arms) else by_median
    tried = ""
    for told, tree, bounds_assumed in ways(arms, variable, stated, where, cuts):
        shown = {"label": variable.label or variable.name} | ({"unit": variable.unit} if variable.unit else {})
        try:
            valid = _VALID.validate_python(_plain(tree))
        except ValidationError as error:
            tried = tried or error.errors()[0]["msg"].removeprefix("Value error, ")
            continue
        assert isinstance(valid, Numeric)
        if valid.caution() and "lognormal" in valid.caution():
            tried = tried or "mean, SD and bounds leave two lumps"
            continue
        if told:
            said = [*said, f"{variable.name}: {told}" + (f" ({tried})" if tried else "")]
        if bounds_assumed:
            why = "bounds that nobody prints: four SDs, not below zero for a number above zero"
            assumed.append(Assumption(f"{path}.bounds", _listed(tree["bounds"]), None, why))
        full = {"kind": tree["kind"], **shown, **{key: part for key, part in tree.items() if key != "kind"}}
        kept = cut_moments if "cuts" in tree else ()
        moments = (*whole_moment(variable.name, tree["kind"], arms, valid), *kept)
        return NumberPart(full, moments, tuple(assumed), tuple(said))
    raise DeriveError(f"{where}: {variable.label or variable.name}: no distribution is as printed: {tried}")


def printed_in(numbers: PrintedNumbers, variable: ReadVariable) -> tuple[tuple[InArm, InArm] | None, list[str]]:
    """What is printed of both arms, and what is told: an arm of which nothing is printed is taken as the other."""
    found: list[InArm] = []
    for role, size in zip(ROLES, numbers.sizes, strict=True):
        key = f"table1.{numbers.side}[{variable.name}].{role}"
        values = {name: numbers.value(f"{key}.{name}") for name in ("mean", "sd", "median", "q1", "q3", "min", "max")}
        known = numbers.value(f"{key}.n")
        found.append(
            InArm(
                round(known) if known else size,
                **values,
                half=numbers.half(f"{key}.mean") or numbers.half(f"{key}.median"),
            )
        )
    whole = [one for one in found if (one.mean is not None and one.sd) or one.reach() is not None]
    said = []
    if not whole:
        middles = [one.mean if one.mean is not None else one.median for one in found]
        if None in middles:
            return None, []
        said.append(f"{variable.name}: no spread is printed; its SD is taken to be a quarter of its middle")
        whole = [InArm(one.n, mean=m, sd=max(abs(m or 0) / 4, 1e-6)) for one, m in zip(found, middles, strict=True)]
        return (whole[0], whole[1]), said
    if len(whole) < 2:
        said.append(f"{variable.name}: one arm alone is printed in full; the other is taken to be alike")
        return (whole[0], whole[0]), said
    return (found[0], found[1]), said


def stated_limits(numbers: PrintedNumbers, variable: ReadVariable) -> str:
    """What paper.yaml says of whom the study takes, by this variable."""
    entries = numbers.reading.paper.eligibility
    names = {variable.name.casefold(), (variable.label or "").casefold()}
    return next((text for name, text in entries.items() if name.casefold() in names), "")


def cut_shares(
    numbers: PrintedNumbers, variable: ReadVariable
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
    numbers: PrintedNumbers, variable: ReadVariable, role: str, bands: Mapping[str, Any], point: float
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
    numbers: PrintedNumbers, cuts: Mapping[str, Tree]
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


Way = tuple[str, Tree, bool]


def by_mean(
    arms: tuple[InArm, InArm], variable: ReadVariable, stated: tuple[float | None, float | None], where: str,
    cuts: Mapping[str, Tree],
) -> Iterator[Way]:  # fmt: skip
    """Ways to say a mean and an SD, the plainest first: what is told, the document, whether bounds are assumed."""
    n0, n1 = arms[0].n, arms[1].n
    means, sds = [arm.mean or 0.0 for arm in arms], [arm.sd or 0.0 for arm in arms]
    share = n1 / (n0 + n1)
    mean = share * means[1] + (1 - share) * means[0]
    square = sum(w * (sd**2 + (m - mean) ** 2) for w, m, sd in zip((1 - share, share), means, sds, strict=True))
    moments = {
        "mean": sourced(rounded(mean, 5), f"({n0} x {means[0]:g} + {n1} x {means[1]:g}) / {n0 + n1}; {where}"),
        "sd": sourced(rounded(sqrt(square), 5), f"{sds[0]:g} and {sds[1]:g} by the law of total variance; {where}"),
    }
    sd, above = sqrt(square), above_zero(variable, mean)
    lowest, highest = extremes(arms)
    own = cuts_of(cuts)
    plain = partial(bounds_of, stated, (lowest, highest), mean, above)
    lognormal: Tree = {"kind": "lognormal", **moments}
    if above and mean - 2 * sd < 0:
        told = f"mean less two SDs is below zero ({mean:.4g} - 2 x {sd:.4g}): taken to be log-normal"
        yield told, {**lognormal, **own}, False
        yield told + "; its cut-points do not go with that and are left out", lognormal, False
    for reach in (REACH, 1.5 * REACH):
        bounds, assumed = plain(sd * reach, sd)
        yield "", {"kind": "continuous", **moments, "bounds": bounds, **own}, assumed
    wide = sourced([_down(mean - 6 * sd, sd), _up(mean + 6 * sd, sd)], "six SDs")
    yield "the stated limits do not go with its mean, SD and shares, and are left out", {
        "kind": "continuous", **moments, "bounds": wide, **own
    }, True  # fmt: skip
    if above:
        yield "taken to be log-normal", {**lognormal, **own}, False
    bounds, assumed = plain(sd * REACH, sd)
    yield "no distribution has its mean, SD and shares above cut-points together: the shares are left out", {
        "kind": "continuous", **moments, "bounds": bounds
    }, assumed  # fmt: skip
    yield "the stated limits do not go with its mean and SD; limits and shares are left out", {
        "kind": "continuous", **moments, "bounds": wide
    }, True  # fmt: skip


def by_median(
    arms: tuple[InArm, InArm], variable: ReadVariable, stated: tuple[float | None, float | None], where: str,
    cuts: Mapping[str, Tree],
) -> Iterator[Way]:  # fmt: skip
    """Ways to say a median with its quartiles or range, as `by_mean`."""
    logarithm, told = log_is_nearer(arms, variable)
    n = arms[0].n + arms[1].n
    low, middle, high = (mixed(arms, share, logarithm) for share in (0.25, 0.5, 0.75))
    lowest, highest = extremes(arms)
    ranged = all(arm.q1 is None for arm in arms) and lowest is not None and highest is not None
    shown = " and ".join("-" if arm.median is None else f"{arm.median:g}" for arm in arms)
    if not low < middle < high:
        width = max(high - low, abs(middle) / 10, 1e-6)
        low, high = min(low, middle - width / 10), max(high, middle + width / 10)
        told = f"{told}; a quartile is the median, and is moved by a tenth" if told else "a quartile is the median"
    reach: Tree = {
        "median": sourced(rounded(middle), f"mixture of both arms' halves ({shown}); {where}"),
        **(
            {"range": sourced([lowest, highest], f"least and greatest of both arms; {where}"), "patients": n}
            if ranged
            else {"quartiles": sourced([rounded(low), rounded(high)], f"mixture of both arms' halves; {where}")}
        ),
    }
    own, sd = cuts_of(cuts), (high - low) / (2 * QUARTILE)
    above = above_zero(variable, middle)
    bounds, assumed = bounds_of(stated, (lowest, highest), middle, above, sd * REACH, sd)
    if logarithm:
        limited = {"bounds": bounds} if not ranged and not assumed else {}
        yield told, {"kind": "lognormal", **reach, **limited, **own}, False
        yield f"{told}; limits and cut-points do not go with it and are left out", {"kind": "lognormal", **reach}, False
    limited = {} if ranged else {"bounds": bounds}
    yield "", {"kind": "continuous", **reach, **limited, **own}, bool(limited) and assumed
    yield "its cut-points do not go with its median and are left out", {
        "kind": "continuous", **reach, **limited
    }, bool(limited) and assumed  # fmt: skip
    wide = {} if ranged else {"bounds": sourced([_down(low - 6 * sd, sd), _up(high + 6 * sd, sd)], "six SDs")}
    yield "limits and cut-points do not go with its median and are left out", {
        "kind": "continuous", **reach, **wide
    }, bool(wide)  # fmt: skip


def mixed(arms: Sequence[InArm], share: float, logarithm: bool) -> float:
    """The quantile of both arms together."""
    own = [one for arm in arms for one in (arm.q1, arm.median, arm.q3, arm.min, arm.max, arm.mean) if one is not None]
    total = sum(arm.n for arm in arms)
    low, high = min(own), max(own)
    span = max(high - low, abs(high), 1e-6)
    low, high = (low / 1e3 if logarithm else low - 2 * span), high + 10 * span

    def excess(x: float) -> float:
        return sum(arm.n * arm.below(x, logarithm) for arm in arms) / total - share

    return brentq(excess, low, high, xtol=1e-9 * span)


def log_is_nearer(arms: Sequence[InArm], variable: ReadVariable) -> tuple[bool, str]:
    """Whether a logarithm is nearer to symmetric about the median, and what is told of it."""
    halves = []
    for arm in arms:
        found = arm.reach()
        if found is None or arm.median is None or not 0 < found[0] < arm.median < found[1]:
            continue
        low, high, _ = found
        plain = log((high - arm.median) / (arm.median - low))
        halves.append((plain, log(log(high / arm.median) / log(arm.median / low)), low, arm.median, high))
    if len(halves) < len(arms) or not above_zero(variable, halves[0][3]):
        return False, ""
    plain, logged = (sum(one[k] for one in halves) / len(halves) for k in (0, 1))
    if plain <= log(SKEWED) or abs(logged) >= abs(plain):
        return False, ""
    _, _, low, middle, high = halves[0]
    return True, f"{low:g}, {middle:g}, {high:g} are nearer to symmetric by logarithm: taken to be log-normal"


def whole_moment(
    name: str, kind: str, arms: tuple[InArm, InArm], valid: Numeric
) -> tuple[tuple[str, float, float, float | None, float], ...]:
    """What treatment has to do with the number itself: the means of both arms, or of a log-normal the shares above the
    median of all. Nothing, where no more is known of one arm than of the other.
    """
    means = [arm.centre() for arm in arms]
    if arms[0] is arms[1]:
        return ()
    if kind == "continuous" and means[0] is not None and means[1] is not None:
        return ((name, means[0], means[1], valid.spread(), arms[0].half + arms[1].half),)
    logarithm = kind == "lognormal"
    middle = rounded(mixed(arms, 0.5, logarithm), 3)
    low, high = valid.limits()
    if not low < middle < high:
        return ()
    above = [1 - arm.below(middle, logarithm) for arm in arms]
    return ((f"{name}>{middle:g}", above[0], above[1], None, 0.0),)


def bounds_of(
    stated: tuple[float | None, float | None], seen: tuple[float | None, float | None],
    middle: float, above: bool, reach: float, sd: float,
) -> tuple[Tree | list[float], bool]:  # fmt: skip
    """Bounds and whether an end of them is assumed: who is eligible, the printed range, else so far from the middle."""
    ends, told = [], []
    for k, (limit, edge) in enumerate(zip(stated, seen, strict=True)):
        far = middle + reach * (1 if k else -1)
        if limit is not None and (limit > middle) == bool(k):
            ends.append(limit)
            told.append(f"{'at most' if k else 'at least'} {limit:g}, of whom the study takes")
        elif edge is not None:
            ends.append(edge)
            told.append(f"{edge:g}, the {'greatest' if k else 'least'} printed")
        else:
            rounded_end = _up(far, sd) if k else _down(far, sd)
            ends.append(max(rounded_end, 0.0) if above and not k else rounded_end)
    assumed = len(told) < 2
    return (ends, True) if not told else (sourced(ends, "; ".join(told) + ("; the other assumed" * assumed)), assumed)


def above_zero(variable: ReadVariable, middle: float) -> bool:
    """Whether a number is taken to be above zero: its middle is, and it is no change, score of SDs or logarithm."""
    words = f"{variable.label} {variable.name}".casefold()
    signed = ("change", "difference", "z-score", "z score", "z_score", "log ", "log10", "base excess", "excess")
    return middle > 0 and not any(word in words for word in signed)


def extremes(arms: Sequence[InArm]) -> tuple[float | None, float | None]:
    """The least and the greatest value printed of any arm."""
    low = [arm.min for arm in arms if arm.min is not None]
    high = [arm.max for arm in arms if arm.max is not None]
    return (min(low) if low else None), (max(high) if high else None)


def cuts_of(cuts: Mapping[str, Tree]) -> Tree:
    """The cut-points' part of a covariate, if there are any."""
    if not cuts:
        return {}
    told = "; ".join(dict.fromkeys(part["source"] for part in cuts.values()))
    return {"cuts": sourced({text: part["value"] for text, part in cuts.items()}, told)}


def _plain(tree: Tree) -> dict[str, Any]:
    made = bare(tree)
    return {key: tuple(part) if isinstance(part, list) else part for key, part in made.items()}


def _listed(part: Tree | list[float]) -> str:
    values = part["value"] if isinstance(part, Mapping) else part
    return " to ".join(f"{one:g}" for one in values)


def _step(sd: float) -> float:
    return 10.0 ** floor(log10(sd)) if sd > 0 else 1.0


def _down(value: float, sd: float) -> float:
    return floor(value / _step(sd) + 1e-9) * _step(sd)


def _up(value: float, sd: float) -> float:
    return ceil(value / _step(sd) - 1e-9) * _step(sd)
