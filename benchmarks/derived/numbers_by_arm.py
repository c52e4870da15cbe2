"""A covariate that is a number: from what is printed of each arm, the margin of both arms together.

Mean and SD: those of the mixture (law of total variance). Median with quartiles or range: each arm is half a normal on
either side of its median (of the logarithm, where that is nearer to symmetric), and the mixture's own median, quartiles
and range are taken. The first of several ways to say it that a covariate can be is taken, and told where it is not the
plain one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import ceil, floor, log10, sqrt
from typing import Any

from pydantic import TypeAdapter, ValidationError

from benchmarks.derived.arm_difference import means_apart, tails
from benchmarks.derived.arm_numbers import InArm, above_zero, extremes, log_is_nearer, mixed, printed_in
from benchmarks.derived.cut_points import cut_shares, cuts_of, from_cuts
from benchmarks.derived.paper_numbers import DeriveError, PaperNumbers, limits, rounded
from benchmarks.derived.parts import Assumption, Tree, bare, sourced
from benchmarks.pasted.reading import ROLES, ReadVariable
from simulator.mechanisms.covariate_kinds import AnyCovariate, Covariate, Numeric
from simulator.mechanisms.stated_quantiles import QUARTILE

REACH = 4.0  # SDs from the mean to bounds that nobody prints
_VALID: TypeAdapter[AnyCovariate] = TypeAdapter(Covariate)


@dataclass(frozen=True)
class NumberPart:
    """One covariate: its part of the document; terms with their mean or share in each arm, SD and slack of a mean; and
    terms of its width, each with its share in both arms, where that differs.
    """

    tree: Tree
    moments: tuple[tuple[str, float, float, float | None, float], ...]
    assumed: tuple[Assumption, ...]
    said: tuple[str, ...]
    width: tuple[tuple[str, float, float], ...] = ()


def number_covariate(numbers: PaperNumbers, variable: ReadVariable) -> NumberPart | None:
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
        whole, own = whole_moment(variable.name, tree["kind"], arms, valid), arms
        if whole and not kept and whole[0][3] is not None and all(arm.mean is not None and arm.sd for arm in arms):
            control, treated, slack = means_apart(numbers, variable.name, arms)
            whole = ((variable.name, control, treated, whole[0][3], slack),)
            own = (replace(arms[0], mean=control), replace(arms[1], mean=treated))
        logarithm = tree["kind"] == "lognormal"
        width = tails(numbers, variable.name, own, logarithm, valid.limits()) if whole and not kept else ()
        return NumberPart(full, (*whole, *kept), tuple(assumed), tuple(said), width)
    raise DeriveError(f"{where}: {variable.label or variable.name}: no distribution is as printed: {tried}")


def stated_limits(numbers: PaperNumbers, variable: ReadVariable) -> str:
    """What paper.yaml says of whom the study takes, by this variable."""
    entries = numbers.reading.paper.eligibility
    names = {variable.name.casefold(), (variable.label or "").casefold()}
    return next((text for name, text in entries.items() if name.casefold() in names), "")


NumberWay = tuple[str, Tree, bool]


def by_mean(
    arms: tuple[InArm, InArm], variable: ReadVariable, stated: tuple[float | None, float | None], where: str,
    cuts: Mapping[str, Tree],
) -> Iterator[NumberWay]:  # fmt: skip
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
) -> Iterator[NumberWay]:  # fmt: skip
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
