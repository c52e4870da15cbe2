"""Baseline covariates: published margins joined by a Gaussian copula.

Each patient has one standard normal per covariate, correlated as ``correlation`` says; a margin turns it into a value.
Binary and ordinal covariates are cut at the normal quantiles of their shares. A continuous covariate has the published
mean, SD, bounds and shares above its cut-points all at once: among the distributions that satisfy them it is the one
of maximum entropy, whose density is exp(a x + b x^2) times a constant per interval between cut-points.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy.optimize import root
from scipy.special import ndtr, ndtri

from simulator.spec import Label, Name, Positive, Share, Spec
from simulator.streams import Streams
from simulator.terms import Variable

Floats = NDArray[np.float64]

_CELLS = 4096  # steps of a continuous margin's quantile table


class Continuous(Spec):
    """A bounded continuous covariate; ``cuts`` maps a cut-point to the share of patients above it."""

    kind: Literal["continuous"]
    mean: float
    sd: Positive
    bounds: tuple[float, float]
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
        shares = [self.cuts[text] for text in sorted(self.cuts, key=float)]
        if any(later > earlier for earlier, later in zip(shares, shares[1:], strict=False)):
            raise ValueError("the share above a cut-point cannot grow with the cut-point")
        self.margin()
        return self

    def cut_points(self) -> tuple[float, ...]:
        """The cut-points in increasing order."""
        try:
            return tuple(sorted(float(text) for text in self.cuts))
        except ValueError:
            raise ValueError(f"cut-points must be numbers, not {', '.join(self.cuts)}") from None

    def margin(self) -> "Margin":
        """The quantile table of the maximum-entropy distribution; ValueError if the numbers contradict each other."""
        points = self.cut_points()
        above = [1.0] + [self.cuts[text] for text in sorted(self.cuts, key=float)] + [0.0]
        edges = np.array([self.bounds[0], *points, self.bounds[1]])
        return Margin(_maximum_entropy_table(self.mean, self.sd, edges, -np.diff(above)))

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
            raise ValueError(f"a {self.kind} covariate has {'two' if self.kind == 'binary' else 'two or more'} levels")
        return self

    def margin(self) -> "Margin":
        """Thresholds on the normal scale; shares are scaled to sum to one exactly."""
        shares = np.array(list(self.shares.values()))
        return Margin(ndtri(np.clip(np.cumsum(shares)[:-1] / shares.sum(), 0.0, 1.0)), categorical=True)

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
class Margin:
    """Maps standard normals to values: thresholds of levels, or a quantile table over equal steps of probability."""

    table: Floats
    categorical: bool = False

    def values(self, z: Floats) -> Floats:
        """Values of any shape for standard normals ``z``: positions of levels, or numbers."""
        if self.categorical:
            level = np.zeros(z.shape)
            for threshold in self.table:
                level += z > threshold
            return level
        place = ndtr(z) * (len(self.table) - 1)
        step = np.minimum(place.astype(np.intp), len(self.table) - 2)
        low = self.table[step]
        return low + (place - step) * (self.table[step + 1] - low)


@dataclass(frozen=True)
class Baseline:
    """A population ready to be drawn from: variables, their margins and the Cholesky factor of their correlation."""

    measured: tuple[Variable, ...]
    hidden: tuple[Variable, ...]
    margins: tuple[Margin, ...]
    factor: Floats

    @property
    def variables(self) -> dict[str, Variable]:
        """Measured and hidden variables by name."""
        return {variable.name: variable for variable in (*self.measured, *self.hidden)}

    def draw(self, streams: Streams, replicates: NDArray[np.int64], patients: int) -> Floats:
        """Values ``(R, N, K + H)``. Each covariate has a stream of its own, so that a new one disturbs no other."""
        names = list(self.variables)
        own = [streams.normal(f"covariate/{name}", replicates, patients) for name in names]
        values = np.empty((len(replicates), patients, len(names)))
        for k, margin in enumerate(self.margins):
            z = sum(self.factor[k, j] * own[j] for j in range(k + 1) if self.factor[k, j] != 0.0)
            values[..., k] = margin.values(np.asarray(z))
        return values


def resolve(population: Population) -> Baseline:
    """The population made ready to be drawn from; done once per scenario."""
    matrix = population.correlation_matrix()
    return Baseline(
        tuple(spec.variable(name) for name, spec in population.covariates.items()),
        tuple(spec.variable(name) for name, spec in population.hidden.items()),
        tuple(spec.margin() for spec in population.all_covariates().values()),
        np.linalg.cholesky(matrix),
    )


def _shown(label: str, name: str) -> str:
    return name if label == "-" else label


def _maximum_entropy_table(mean: float, sd: float, edges: Floats, shares: Floats) -> Floats:
    """Quantiles at equal steps of probability for the density exp(a y + b y^2) on each interval with its share.

    Solves a and b so that mean and SD are met; ``edges (J+1,)`` are bounds and cut-points, ``shares (J,)`` the masses.
    """
    grid = [np.linspace(low, high, 801) for low, high in zip(edges[:-1], edges[1:], strict=True)]

    def interval(x: Floats, tilt: Floats) -> tuple[Floats, float, float]:
        y = (x - mean) / sd
        log_density = tilt[0] * y + tilt[1] * y * y
        density = np.exp(log_density - log_density.max())
        cell = (density[1:] + density[:-1]) / 2  # piecewise constant: its moments are exact below
        cell /= cell.sum()
        low, high = y[:-1], y[1:]
        return (
            np.concatenate([[0.0], np.cumsum(cell)]),
            float(cell @ (low + high)) / 2,
            float(cell @ (low**2 + low * high + high**2)) / 3,
        )

    def misfit(tilt: Floats) -> list[float]:
        parts = [interval(x, tilt) for x in grid]
        first = sum(share * part[1] for share, part in zip(shares, parts, strict=True))
        second = sum(share * part[2] for share, part in zip(shares, parts, strict=True))
        return [first, second - 1.0]

    solution = root(misfit, np.array([0.0, -0.5]), tol=1e-12)
    if np.abs(misfit(solution.x)).max() > 1e-6:
        raise ValueError("no distribution within the bounds has this mean, this SD and these shares together")
    probability = np.concatenate([[0.0], np.cumsum(shares)])
    steps = np.linspace(0.0, 1.0, _CELLS + 1)
    table = np.empty(_CELLS + 1)
    for j, x in enumerate(grid):
        inside = (steps >= probability[j]) & (steps <= probability[j + 1])
        if shares[j] > 0:
            table[inside] = np.interp((steps[inside] - probability[j]) / shares[j], interval(x, solution.x)[0], x)
    return table
