"""Baseline covariates: published margins joined by a Gaussian copula.

Each patient has one standard normal per covariate, correlated as ``correlation`` says; a margin turns it into a value.
Binary and ordinal covariates are cut at the normal quantiles of their shares. A continuous covariate has the published
mean, SD, bounds and shares above its cut-points all at once: among the distributions that satisfy them it is the one
of maximum entropy, whose density is exp(a x + b x^2) times a constant per interval between cut-points.
"""

import itertools
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy.special import ndtri

from simulator.cohort.terms import Variable
from simulator.documents.spec import Label, Name, Share, Spec
from simulator.mechanisms.margins import LevelThresholds, Quantiles, maximum_entropy
from simulator.numerics.arrays import Floats
from simulator.numerics.compiled import kernel
from simulator.numerics.streams import Streams

Measurable = Annotated[float, Field(ge=-1e9, le=1e9)]


class Continuous(Spec):
    """A bounded continuous covariate; ``cuts`` maps a cut-point to the share of patients above it."""

    kind: Literal["continuous"]
    mean: Measurable
    sd: Annotated[float, Field(gt=0, le=1e9)]
    bounds: tuple[Measurable, Measurable]
    cuts: dict[str, Share] = Field(default_factory=dict)
    label: Label = "-"
    unit: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> "Continuous":
        low, high = self.bounds
        if not low < self.mean < high:
            raise ValueError(f"the mean {self.mean:g} must lie between the bounds {low:g} and {high:g}")
        points = self.cut_points()
        if any(not low < point < high for point in points):
            raise ValueError(f"every cut-point must lie between the bounds {low:g} and {high:g}")
        if len(set(points)) < len(points):
            raise ValueError("a cut-point is given twice")
        if any(later > earlier for earlier, later in itertools.pairwise(self._above())):
            raise ValueError("the share above a cut-point cannot grow with the cut-point")
        self.margin()
        return self

    def cut_points(self) -> tuple[float, ...]:
        """The cut-points in increasing order."""
        try:
            return tuple(sorted(float(text) for text in self.cuts))
        except ValueError:
            raise ValueError(f"cut-points must be numbers, not {', '.join(self.cuts)}") from None

    def _above(self) -> tuple[float, ...]:
        """The shares above the lower bound, each cut-point and the upper bound."""
        return (1.0, *(self.cuts[text] for text in sorted(self.cuts, key=float)), 0.0)

    def margin(self) -> Quantiles:
        """The quantile table of the maximum-entropy distribution; ValueError if the numbers contradict each other."""
        edges = (self.bounds[0], *self.cut_points(), self.bounds[1])
        return maximum_entropy(self.mean, self.sd, edges, self._above())

    def variable(self, name: str) -> Variable:
        """What an analyst knows of it."""
        return Variable(name, "continuous", (), self.cut_points(), _shown(self.label, name), self.unit)


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


Covariate = Annotated[Continuous | Categorical, Field(discriminator="kind")]


class Population(Spec):
    """Who is studied: how many patients, their measured and unmeasured (``hidden``) covariates, and correlations.

    ``correlation`` gives latent normal correlations as ``{first: {second: r}}``; pairs not named are independent.
    """

    size: Annotated[int, Field(ge=4, le=2_000_000)]
    covariates: dict[Name, Covariate]
    hidden: dict[Name, Covariate] = Field(default_factory=dict)
    correlation: dict[Name, dict[Name, Annotated[float, Field(gt=-1, lt=1)]]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> "Population":
        twice = self.covariates.keys() & self.hidden.keys()
        if twice:
            raise ValueError(f"{', '.join(sorted(twice))}: both measured and hidden")
        if not self.covariates:
            raise ValueError("at least one measured covariate is needed")
        self.correlation_matrix()
        return self

    def all_covariates(self) -> dict[str, Continuous | Categorical]:
        """Measured, then hidden covariates, by name."""
        return {**self.covariates, **self.hidden}

    def correlation_matrix(self) -> Floats:
        """Latent correlations of measured, then hidden covariates; ValueError if they cannot hold together."""
        names = list(self.all_covariates())
        matrix = np.eye(len(names))
        for first, row in self.correlation.items():
            for second, value in row.items():
                for name in (first, second):
                    if name not in names:
                        raise ValueError(f"correlation: no covariate '{name}' (there are {', '.join(names)})")
                i, j = names.index(first), names.index(second)
                if i == j or matrix[i, j] != 0:
                    raise ValueError(f"correlation: {first} with {second} is given twice or with itself")
                matrix[i, j] = matrix[j, i] = value
        if np.linalg.eigvalsh(matrix)[0] < 1e-8:
            raise ValueError("correlation: these correlations cannot hold together (not positive definite)")
        return matrix


@dataclass(frozen=True)
class ResolvedPopulation:
    """A population ready to be drawn from: variables, their margins and the Cholesky factor of their correlation."""

    measured: tuple[Variable, ...]
    hidden: tuple[Variable, ...]
    margins: tuple[LevelThresholds | Quantiles, ...]
    factor: Floats

    @property
    def variables(self) -> dict[str, Variable]:
        """Measured and hidden variables by name."""
        return {variable.name: variable for variable in (*self.measured, *self.hidden)}

    def draw(self, streams: Streams, replicates: NDArray[np.int64], patients: int) -> Floats:
        """Values ``(K + H, R, N)``. Each covariate has a stream of its own, so that a new one disturbs no other."""
        names = list(self.variables)
        own = [streams.normal(f"covariate/{name}", replicates, patients).reshape(-1) for name in names]
        values = np.empty((len(names), len(replicates), patients))
        for k, margin in enumerate(self.margins):
            z = self.factor[k, k] * own[k]
            for j in np.flatnonzero(self.factor[k, :k]):
                _add(z, self.factor[k, j], own[j])
            margin.fill(z, values[k].reshape(-1))
        return values


def by_patient(values: Floats) -> Floats:
    """The values ``(R, N, K)`` of covariates one after the other, ``(K, R, N)``."""
    out = np.empty((*values.shape[1:], len(values)))
    if len(values):
        _turn(values.reshape(len(values), -1), out.reshape(-1, len(values)))
    return out


@kernel
def _turn(values: Floats, out: Floats) -> None:
    """Fill ``out (M, K)`` from ``values (K, M)``."""
    for i in range(values.shape[1]):
        for k in range(values.shape[0]):
            out[i, k] = values[k, i]


@kernel
def _add(total: Floats, weight: float, other: Floats) -> None:
    """Add ``weight`` times ``other (M,)`` to ``total (M,)``."""
    for i in range(total.size):
        total[i] += weight * other[i]


def resolve(population: Population) -> ResolvedPopulation:
    """The population made ready to be drawn from; done once per scenario."""
    matrix = population.correlation_matrix()
    return ResolvedPopulation(
        tuple(spec.variable(name) for name, spec in population.covariates.items()),
        tuple(spec.variable(name) for name, spec in population.hidden.items()),
        tuple(spec.margin() for spec in population.all_covariates().values()),
        _cholesky(matrix),
    )


def _shown(label: str, name: str) -> str:
    return name if label == "-" else label


def _cholesky(matrix: Floats) -> Floats:
    """The lower Cholesky factor, column by column: zeros stay zeros, and no machine's linear algebra is involved."""
    rest, factor = matrix.copy(), np.zeros_like(matrix)
    for j in range(len(matrix)):
        factor[j:, j] = rest[j:, j] / np.sqrt(rest[j, j])
        rest -= np.multiply.outer(factor[:, j], factor[:, j])
    return factor
