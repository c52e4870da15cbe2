"""What is printed of a number in each arm, and the distribution of both arms together that follows."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, pi, sqrt

from scipy.special import ndtr

from benchmarks.derived.paper_numbers import PaperNumbers
from benchmarks.pasted.reading import ROLES, ReadVariable
from simulator.mechanisms.stated_quantiles import QUARTILE, extreme
from simulator.numerics.roots import brentq

SKEWED = 1.25  # ratio of the upper to the lower half beyond which a logarithm is considered


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


def printed_in(numbers: PaperNumbers, variable: ReadVariable) -> tuple[tuple[InArm, InArm] | None, list[str]]:
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
