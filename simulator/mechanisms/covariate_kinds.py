"""The kinds of covariates: what a paper says of one, and the margin that has it.

Binary, ordinal and nominal covariates are cut at the normal quantiles of their shares. What a number is made from:

* ``continuous`` with mean, SD and bounds: of all distributions that have them, and the shares above the cut-points, the
  one of maximum entropy (`simulator.mechanisms.margins`).
* ``continuous`` with a median and quartiles, or a median and the range of so many patients: on either side of the
  median half a normal, with the SD at which that side has its quartile, or its end of the range as the expected extreme
  of the patients (as Wan et al. 2014, BMC Medical Research Methodology 14:135, but by side).
* ``lognormal``: the same of the logarithm; with mean and SD, those of the number itself.
* ``count``: whole numbers, Poisson, or negative binomial where an SD is stated.

Bounds, stated quantiles and cut-points part such a distribution into pieces, each with exactly its share of patients.
"""

import itertools
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, ValidationError, model_validator
from scipy.special import ndtri

from simulator.cohort.terms import Variable
from simulator.documents.spec import Label, Share, Spec
from simulator.mechanisms.by_arm import Measurable, MomentsByArm
from simulator.mechanisms.margins import (
    Exponentials,
    LevelThresholds,
    Margin,
    Quantiles,
    Steps,
    maximum_entropy,
    standard_deviation,
    two_lumps,
)
from simulator.mechanisms.stated_quantiles import QUARTILE, counts, extreme, lognormal, pieces

WAYS = "mean and sd; median and quartiles; median, range and patients; by_arm"


class Numeric(Spec):
    """A number given by ``mean`` and ``sd``, ``median`` and ``quartiles``, or ``median`` and the ``range`` of so many
    ``patients``, or by the mean and SD of either arm (``by_arm``: treatment has the log odds that part the arms so);
    ``cuts`` maps a cut-point to the share of patients above it.
    """

    mean: Measurable | None = None
    sd: Annotated[float, Field(gt=0, le=1e9)] | None = None
    median: Measurable | None = None
    quartiles: tuple[Measurable, Measurable] | None = None
    range: tuple[Measurable, Measurable] | None = None
    patients: Annotated[int, Field(ge=2, le=10_000_000)] | None = None
    bounds: tuple[Measurable, Measurable] | None = None
    cuts: dict[str, Share] = Field(default_factory=dict)
    by_arm: MomentsByArm | None = None
    label: Label = "-"
    unit: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> "Numeric":
        self._one_way()
        low, high = self.limits()
        arms = (self.by_arm.control.mean, self.by_arm.treated.mean) if self.by_arm else (self.mean,)
        for word, middle in (*(("mean", mean) for mean in arms), ("median", self.median)):
            if middle is not None and not low < middle < high:
                raise ValueError(f"the {word} {middle:g} must lie between the bounds {low:g} and {high:g}")
        points = self.cut_points()
        if any(not low < point < high for point in points):
            raise ValueError(f"every cut-point must lie between the bounds {low:g} and {high:g}")
        if len(set(points)) < len(points):
            raise ValueError("a cut-point is given twice")
        self._edges_and_shares()
        if self.by_arm is None:
            self.margin()
        return self

    def _one_way(self) -> None:
        """ValueError unless it is given in one of the ways, whole."""
        if (self.mean is None) != (self.sd is None):
            raise ValueError("mean and sd go together")
        if (self.range is None) != (self.patients is None):
            raise ValueError("range and patients go together: the more patients, the wider their range")
        by_median = self.quartiles is not None or self.range is not None
        ways = [self.mean, self.quartiles, self.range, self.by_arm]
        if ways.count(None) != 3 or (self.median is not None) != by_median:
            raise ValueError(f"give one of these: {WAYS}")
        if self.range is not None and self.bounds is not None:
            raise ValueError("with a range there are no bounds: it is the bounds")
        if self.quartiles and self.median is not None and not self.quartiles[0] < self.median < self.quartiles[1]:
            raise ValueError(f"the median {self.median:g} must lie between the quartiles")

    def limits(self) -> tuple[float, float]:
        """The least and the greatest value that may occur."""
        return self.bounds or self.range or (-np.inf, np.inf)

    def pooled(self, share: float) -> Self:
        """The same with the mean and SD of all patients for those by arm; ValueError where nothing has them."""
        if self.by_arm is None:
            return self
        mean, sd = self.by_arm.pooled(share)
        stated = self.model_dump(exclude={"by_arm", "mean", "sd"})
        try:
            return type(self)(**stated, mean=mean, sd=sd)
        except ValidationError as error:
            reason = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise ValueError(f"both arms together have mean {mean:.4g} and SD {sd:.4g}: {reason}") from None

    def margin(self) -> Margin:
        """How a standard normal becomes a value; ValueError if the numbers contradict each other."""
        raise NotImplementedError

    def cut_points(self) -> tuple[float, ...]:
        """The cut-points in increasing order."""
        try:
            return tuple(sorted(float(text) for text in self.cuts))
        except ValueError:
            raise ValueError(f"cut-points must be numbers, not {', '.join(self.cuts)}") from None

    def _edges_and_shares(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """The bounds with what is stated of shares between them, ``(J + 1,)``, and the shares above each."""
        above = {float(text): share for text, share in self.cuts.items()}
        if self.median is not None:
            quarters = zip(self.quartiles, (0.75, 0.25), strict=True) if self.quartiles else ()
            for point, share in ((self.median, 0.5), *quarters):
                if above.setdefault(point, share) != share:
                    raise ValueError(f"the share above {point:g} is {share:g}, not {above[point]:g}")
        low, high = self.limits()
        edges = (low, *sorted(above), high)
        shares = (1.0, *(above[point] for point in sorted(above)), 0.0)
        if any(not earlier < later for earlier, later in itertools.pairwise(edges)):
            raise ValueError(f"median and quartiles must lie between the bounds {low:g} and {high:g}")
        if any(later > earlier for earlier, later in itertools.pairwise(shares)):
            raise ValueError("the share above a cut-point cannot grow with the cut-point")
        return edges, shares

    def variable(self, name: str) -> Variable:
        """What an analyst knows of it."""
        return Variable(name, "continuous", (), self.cut_points(), _shown(self.label, name), self.unit)

    def caution(self) -> str:
        """What a reader must know of the distribution; empty where there is nothing."""
        return ""

    def spread(self) -> float:
        """The SD of its distribution."""
        return self.sd or standard_deviation(self.margin())

    def _halves(self, edges: tuple[float, ...], shares: tuple[float, ...], log: bool) -> Quantiles:
        """Two half normals that meet at the median, of the number or of its logarithm, in pieces."""
        assert self.median is not None  # which `_one_way` saw to
        far = self.quartiles or self.range or (0.0, 0.0)
        reach = QUARTILE if self.quartiles else extreme(self.patients or 2)
        scale = np.log if log else np.array
        with np.errstate(divide="ignore"):
            ends, (first, last), middle = scale(edges), scale(far), scale(self.median)
        sds = np.where(ends[:-1] < middle, middle - first, last - middle) / reach
        return pieces(tuple(ends), shares, float(middle), tuple(sds))


class Continuous(Numeric):
    """A bounded continuous covariate."""

    kind: Literal["continuous"]

    def _one_way(self) -> None:
        super()._one_way()
        if self.range is None and self.bounds is None:
            raise ValueError("bounds: is required (the least and the greatest value that may occur)")

    def margin(self) -> Quantiles:
        """The table of quantiles of the distribution of maximum entropy, or of two half normals."""
        edges, shares = self._edges_and_shares()
        if self.mean is None or self.sd is None:
            return self._halves(edges, shares, log=False)
        return maximum_entropy(self.mean, self.sd, edges, shares)

    def caution(self) -> str:
        """Says where mean, SD and bounds leave two lumps of patients with few between them."""
        if self.mean is None or self.sd is None:
            return ""
        edges, shares = self._edges_and_shares()
        found = two_lumps(self.mean, self.sd, edges, shares)
        if found is None:
            return ""
        valley, beyond = found
        skewed = beyond < 0.25 and edges[0] >= 0
        advice = "for a skewed covariate write kind: lognormal" if skewed else "closer bounds, or levels, mend it"
        return (
            f"mean {self.mean:g}, SD {self.sd:g} and bounds {edges[0]:g} to {edges[-1]:g} together make two lumps of "
            f"patients, with the fewest around {valley:.4g} and {_percent(beyond)} of all in the lump beyond; {advice}"
        )


class LogNormal(Numeric):
    """A skewed covariate above zero, the logarithm of which is normal."""

    kind: Literal["lognormal"]

    def _one_way(self) -> None:
        super()._one_way()
        stated = (self.median, *(self.quartiles or ()), *(self.range or ()))
        if any(one is not None and one <= 0 for one in stated) or min(self.limits()) < 0:
            raise ValueError("a log-normal covariate is above zero: so are its median, quartiles, range and bounds")

    def limits(self) -> tuple[float, float]:
        """The least and the greatest value that may occur."""
        return self.bounds or self.range or (0.0, np.inf)

    def margin(self) -> Exponentials:
        """Exponentials of a table of quantiles."""
        edges, shares = self._edges_and_shares()
        if self.mean is None or self.sd is None:
            return Exponentials(self._halves(edges, shares, log=True), *self.limits())
        return Exponentials(lognormal(self.mean, self.sd, edges, shares), *self.limits())


class WholeNumber(Spec):
    """A whole number from 0 up: Poisson, or negative binomial where an SD is stated."""

    kind: Literal["count"]
    mean: Annotated[float, Field(gt=0, le=1e5)]
    sd: Annotated[float, Field(gt=0, le=1e6)] | None = None
    label: Label = "-"
    unit: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> "WholeNumber":
        self.margin()
        return self

    def margin(self) -> Steps:
        """Thresholds between whole numbers on the normal scale."""
        return Steps(counts(self.mean, self.sd))

    def limits(self) -> tuple[float, float]:
        """The least and the greatest value that may occur."""
        return 0.0, np.inf

    def variable(self, name: str) -> Variable:
        """What an analyst knows of it."""
        return Variable(name, "continuous", (), (), _shown(self.label, name), self.unit)

    def spread(self) -> float:
        """The SD of its distribution."""
        return self.sd or float(np.sqrt(self.mean))

    def caution(self) -> str:
        """Nothing."""
        return ""


class Categorical(Spec):
    """A binary, ordinal or nominal covariate: levels in order, each with its share of patients."""

    kind: Literal["binary", "ordinal", "nominal"]
    shares: dict[str, Share]
    label: Label = "-"

    @model_validator(mode="after")
    def _consistent(self) -> "Categorical":
        total = sum(self.shares.values())
        if abs(total - 1) > 0.002:
            raise ValueError(f"the shares of the levels sum to {total:.4g}, not 1")
        count = len(self.shares)
        if (count != 2) if self.kind == "binary" else (count < 2):
            needed = "two levels" if self.kind == "binary" else "two or more levels"
            raise ValueError(f"the number of levels is {count}, but {self.kind} means {needed}")
        return self

    def margin(self) -> LevelThresholds:
        """Thresholds on the normal scale; shares are scaled to sum to one exactly."""
        shares = np.array(list(self.shares.values()))
        return LevelThresholds(ndtri(np.clip(np.cumsum(shares)[:-1] / shares.sum(), 0.0, 1.0)))

    def variable(self, name: str) -> Variable:
        """What an analyst knows of it."""
        return Variable(name, self.kind, tuple(self.shares), (), _shown(self.label, name))

    def caution(self) -> str:
        """Nothing."""
        return ""


AnyCovariate = Continuous | LogNormal | WholeNumber | Categorical
Covariate = Annotated[AnyCovariate, Field(discriminator="kind")]


def _shown(label: str, name: str) -> str:
    return name if label == "-" else label


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"
