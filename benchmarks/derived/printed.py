"""The printed numbers of a paper as the derivation asks for them: values, intervals, sizes, and where they stand."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import isfinite, log, nan, sqrt

from analysis.audit.published import NOT_PRINTED, Stands, exact_value, parse_printed
from benchmarks.pasted.reading import ROLES, Reading, Role
from simulator.world.sections import Printed

SIDES = ("before", "after")
Z = 1.959964
_TIMED = re.compile(r"\[([0-9.]+)\]$", re.ASCII)


@dataclass(frozen=True)
class PrintedRatio:
    """A printed hazard ratio: the logarithms of it and of its limits (NaN where not printed), and where it stands."""

    log_hr: float
    low: float
    high: float
    where: str

    @property
    def se(self) -> float:
        """The standard error that its limits imply; NaN without them."""
        return (self.high - self.low) / (2 * Z)


@dataclass(frozen=True)
class PrintedNumbers:
    """Printed numbers by key, and by role the arms' names; ``sizes`` are the patients by side and role."""

    numbers: Mapping[str, Printed]
    arms: Mapping[Role, str]
    sizes: Mapping[tuple[str, str], int]
    design: str = ""

    def value(self, key: str) -> float | None:
        """The number as it is printed; None where it is a bound, not reached, or not there."""
        one = self.numbers.get(key)
        return None if one is None or one.printed == NOT_PRINTED else exact_value(one.printed, key)

    def stands(self, key: str) -> Stands | None:
        """The interval of values that a printed number stands for; None where there is none."""
        one = self.numbers.get(key)
        if one is None or one.printed == NOT_PRINTED:
            return None
        try:
            return parse_printed(one.printed, key)
        except ValueError:
            return None

    def where(self, key: str) -> str:
        """Where the number stands."""
        return self.numbers[key].where

    def size(self, side: str, role: str) -> int | None:
        """The patients of an arm."""
        return self.sizes.get((side, role)) or next((n for (_, r), n in self.sizes.items() if r == role), None)

    def timed(self, start: str) -> dict[float, float]:
        """By time, in order, the values of the keys ``start[TIME]``."""
        found = {}
        for key in self._timed.get(start, ()):
            value, at = self.value(key), _TIMED.search(key)
            if value is not None and at is not None:
                found[float(at[1])] = value
        return dict(sorted((time, value) for time, value in found.items() if time > 0))

    @cached_property
    def _timed(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for key in self.numbers:
            if key.endswith("]"):
                found.setdefault(key.rpartition("[")[0], []).append(key)
        return found

    def events(self, endpoint: str, side: str, role: str) -> float | None:
        """The events of an arm, from their percentage where only that is printed."""
        start = f"endpoints.{endpoint}.{side}.km.{role}"
        count, percent, size = self.value(f"{start}.events"), self.value(f"{start}.percent"), self.size(side, role)
        if count is None and percent is not None and size:
            count = percent * size / 100
        return None if count is None or count < 0 else count

    def follow_up(self, endpoint: str, role: str) -> tuple[float, str] | None:
        """The median follow-up of an arm (or of all), and its key."""
        for side in SIDES:
            for who in (role, "overall"):
                key = f"endpoints.{endpoint}.{side}.follow_up.{who}.median"
                value = self.value(key)
                if value is not None and value > 0:
                    return value, key
        return None

    def ratio(self, start: str) -> PrintedRatio | None:
        """The hazard ratio at the keys that begin so; None without one."""
        value = self.value(f"{start}.hr")
        if value is None or value <= 0:
            return None
        low, high = (self.value(f"{start}.{end}") for end in ("low", "high"))
        limits = (log(low), log(high)) if low and high and 0 < low < high else (nan, nan)
        return PrintedRatio(log(value), *limits, self.where(f"{start}.hr"))

    def treatment_ratio(self, endpoint: str, crude: bool = False) -> PrintedRatio | None:
        """The hazard ratio of treatment: by the design the comparable one first, or the ``crude`` one first."""
        before, after = (f"endpoints.{endpoint}.{side}" for side in SIDES)
        plain = [f"{before}.cox", f"{before}.cox_stratified", f"{before}.fine_gray"]
        plain += [f"{before}.univariable[treatment]"]
        fair = [f"{after}.cox", f"{after}.cox_stratified", f"{after}.cox_pair_robust", f"{after}.fine_gray"]
        fair += [f"{side}.multivariable[treatment]" for side in (after, before)]
        if self.design == "adjusted":
            fair = fair[-2:][::-1] + fair[:-2]
        order = plain + fair if crude or self.design in ("randomised", "crude") else fair + plain
        return next((one for one in map(self.ratio, order) if one is not None), None)


def printed_numbers(reading: Reading) -> PrintedNumbers:
    """The printed numbers of a paper as read."""
    arms: dict[Role, str] = {"control": reading.paper.arms.control, "treated": reading.paper.arms.treated}
    sizes = {(side, role): n for (side, role), n in reading.sizes.items() if n > 0}
    bare = PrintedNumbers(reading.published, arms, {})
    for role in ROLES:
        told = bare.value(f"cohort.{role}")
        paired = bare.value(f"matching.n_{role}") or bare.value("matching.n_pairs")
        for side, n in (("before", told), ("after", paired)):
            if n is not None and n >= 1:
                sizes.setdefault((side, role), int(n))
    return PrintedNumbers(bare.numbers, arms, sizes, reading.paper.design)


def median_se(n: float) -> float:
    """The standard error of the logarithm of a median of exponential times of ``n`` patients without censoring."""
    return 1 / (log(2) * sqrt(n)) if n > 0 and isfinite(n) else nan
