"""The population: baseline covariates with published margins, joined by a Gaussian copula.

Each patient has one standard normal per covariate, correlated as ``correlation`` says; a margin turns it into a value
(`simulator.mechanisms.covariate_kinds`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from simulator.cohort.terms import Variable
from simulator.documents.spec import Name, Spec
from simulator.mechanisms.by_arm import MomentsByArm
from simulator.mechanisms.covariate_kinds import AnyCovariate, Covariate, Numeric
from simulator.mechanisms.margins import Margin
from simulator.numerics.arrays import Floats
from simulator.numerics.compiled import kernel
from simulator.numerics.streams import Streams


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

    def all_covariates(self) -> dict[str, AnyCovariate]:
        """Measured, then hidden covariates, by name."""
        return {**self.covariates, **self.hidden}

    def by_arm(self) -> dict[str, MomentsByArm]:
        """Means and SDs by arm, by the name of the covariate."""
        kinds = {name: spec for name, spec in self.all_covariates().items() if isinstance(spec, Numeric)}
        return {name: spec.by_arm for name, spec in kinds.items() if spec.by_arm}

    def pooled(self, share: float | None) -> "Population":
        """The same with what is stated by arm for all patients, of whom a ``share`` is treated; ValueError if it cannot
        be.
        """
        if not self.by_arm():
            return self
        made: dict[str, dict[str, AnyCovariate]] = {"covariates": {}, "hidden": {}}
        for where, kinds in (("covariates", self.covariates), ("hidden", self.hidden)):
            for name, spec in kinds.items():
                try:
                    made[where][name] = _pooled(spec, share)
                except ValueError as error:
                    raise ValueError(f"population.{where}.{name}.by_arm: {error}") from None
        return self.model_copy(update=made)

    def cautions(self) -> Iterator[str]:
        """What a reader must know of how covariates are distributed, each with its place."""
        for where, kinds in (("covariates", self.covariates), ("hidden", self.hidden)):
            for name, spec in kinds.items():
                if spec.caution():
                    yield f"population.{where}.{name}: {spec.caution()}"

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
    margins: tuple[Margin, ...]
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


def _pooled(spec: AnyCovariate, share: float | None) -> AnyCovariate:
    """A covariate of all patients, of whom a ``share`` is treated."""
    if not isinstance(spec, Numeric) or spec.by_arm is None:
        return spec
    if share is None or not 0 < share < 1:
        raise ValueError("needs treatment by a share above 0 and below 1 (kind: prevalence or fixed)")
    return spec.pooled(share)


def _cholesky(matrix: Floats) -> Floats:
    """The lower Cholesky factor, column by column: zeros stay zeros, and no machine's linear algebra is involved."""
    rest, factor = matrix.copy(), np.zeros_like(matrix)
    for j in range(len(matrix)):
        factor[j:, j] = rest[j:, j] / np.sqrt(rest[j, j])
        rest -= np.multiply.outer(factor[:, j], factor[:, j])
    return factor
