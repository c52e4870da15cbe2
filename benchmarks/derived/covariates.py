"""The population of a derived world: margins of both arms together, and what is printed of each arm.

Levels: counts where they are printed, else percentages of the arm; among the known where the counts of all levels
are fewer than the arm. Numbers: the mean and the SD of both arms mixed (law of total variance), or the median with
quartiles or range of the mixture of both arms' half normals (`benchmarks.derived.numbers_by_arm`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import ValidationError

from benchmarks.derived.numbers_by_arm import number_covariate
from benchmarks.derived.paper_numbers import DeriveError, PaperNumbers
from benchmarks.derived.parts import Assumption, Contradiction, Tree, bare, sourced
from benchmarks.pasted.opposites import complement
from benchmarks.pasted.reading import ROLES, ReadVariable
from simulator.cohort.terms import Variable
from simulator.mechanisms.covariates import Population
from simulator.numerics.arrays import Floats

UNCERTAIN = 0.2  # prior SD of a latent correlation that somebody states


@dataclass(frozen=True)
class Moment:
    """What is printed of a term in each arm: its mean, or the share of patients in whom it holds.

    ``sd`` is that of all patients where the term is a number, None where it holds or not; ``slack`` is by how much the
    difference of the arms may be another within what is printed, so rounded. ``fixed``: not to be calibrated.
    """

    term: str
    control: float
    treated: float
    sd: float | None = None
    slack: float = 0.0
    fixed: bool = False


@dataclass(frozen=True)
class CovariatePart:
    """One covariate: its part of the document, what is printed of each arm, and what was assumed or is told of it."""

    tree: Tree
    moments: tuple[Moment, ...]
    assumed: tuple[Assumption, ...] = ()
    said: tuple[str, ...] = ()
    questions: tuple[Contradiction, ...] = ()


@dataclass(frozen=True)
class Covariates:
    """The population of a world: its section, valid, and what is printed of each arm in the order of terms."""

    tree: Tree
    population: Population
    moments: tuple[Moment, ...]
    assumed: tuple[Assumption, ...]
    said: tuple[str, ...]
    questions: tuple[Contradiction, ...]

    @property
    def variables(self) -> dict[str, Variable]:
        """The covariates as an analyst knows them."""
        return {name: spec.variable(name) for name, spec in self.population.covariates.items()}

    @property
    def levels(self) -> dict[str, tuple[str, ...]]:
        """The levels of each covariate, none of a number."""
        return {name: one.levels for name, one in self.variables.items()}


def covariates_of(numbers: PaperNumbers) -> Covariates:
    """The population of a paper as read; DeriveError where its numbers make none."""
    parts = {name: one_covariate(numbers, variable) for name, variable in numbers.variables.items()}
    made = {name: one for name, one in parts.items() if one is not None}
    if not made:
        raise DeriveError("no table of baseline is read: a world needs a covariate with its shares or its mean and SD")
    control, treated = numbers.sizes
    where = numbers.where("cohort.n", "cohort.control", "cohort.treated")
    tree: Tree = {
        "size": sourced(control + treated, f"{control} + {treated}; {where}"),
        "covariates": {name: one.tree for name, one in made.items()},
    }
    correlation, assumed = correlations(numbers, made)
    if correlation:
        tree["correlation"] = correlation
    return Covariates(
        tree, valid_population(tree),
        tuple(moment for one in made.values() for moment in one.moments),
        (*(note for one in made.values() for note in one.assumed), *assumed),
        tuple(text for one in made.values() for text in one.said),
        tuple(question for one in made.values() for question in one.questions),
    )  # fmt: skip


def valid_population(tree: Tree) -> Population:
    """The section as a population; DeriveError in one line where it is none."""
    try:
        return Population.model_validate(tuples(bare(tree)))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        raise DeriveError(
            f"population{'.' * bool(place)}{place}: {first['msg'].removeprefix('Value error, ')}"
        ) from None


def tuples(part: object) -> object:
    """Plain data with every list a tuple."""
    if isinstance(part, Mapping):
        return {key: tuples(one) for key, one in part.items()}
    return tuple(tuples(one) for one in part) if isinstance(part, list | tuple) else part


def one_covariate(numbers: PaperNumbers, variable: ReadVariable) -> CovariatePart | None:
    """A covariate of the tables; None where nothing is printed of it on the side that is read."""
    if variable.kind == "continuous":
        found = number_covariate(numbers, variable)
        if found is None:
            return None
        moments = (
            *(Moment(*one) for one in found.moments),
            *(Moment(*one, fixed=True) for one in found.width),
        )
        return CovariatePart(found.tree, moments, found.assumed, found.said)
    return levels_covariate(numbers, variable)


def levels_covariate(numbers: PaperNumbers, variable: ReadVariable) -> CovariatePart | None:
    """A covariate with levels."""
    sizes, said, questions = numbers.sizes, [], []
    printed = [shares_in(numbers, variable, role) for role in ROLES]
    if printed[0] is None and printed[1] is None:
        return None
    for k in (0, 1):  # what one arm alone prints is taken for both
        if printed[k] is None:
            printed[k] = printed[1 - k]
            said.append(f"{variable.name}: nothing is printed of {arm_name(numbers, k)}; taken as in the other arm")
    levels, rows = completed(variable, [one[0] for one in printed if one is not None])
    known = [one[1] for one in printed if one is not None]
    for k, row in enumerate(rows):
        total = sum(row)
        if known[k] < sizes[k]:
            said.append(
                f"{variable.name}: known of {known[k]} of {sizes[k]} in {arm_name(numbers, k)}; shares are of the known"
            )
        if total > 1.02:
            questions.append(
                Contradiction(
                    f"the levels of {variable.label} sum to {100 * total:.1f} % in {arm_name(numbers, k)}",
                    {"total": total},
                    f"{variable.label}: separate",
                )
            )
    table = np.array(rows) / np.array(rows).sum(axis=1, keepdims=True)
    weights = np.array([known[0], known[1]], np.float64)
    shares = weights @ table / weights.sum()
    kind = "binary" if len(levels) == 2 else "ordinal" if variable.kind == "ordinal" else "nominal"
    decimals = 4 if sum(sizes) < 2000 else 5
    key = f"table1.{numbers.side}[{variable.name}={variable.levels[0]}].{ROLES[0]}"
    where = numbers.where(f"{key}.n", f"{key}.percent")
    tree: Tree = {
        "kind": kind,
        "label": variable.label or variable.name,
        "shares": sourced(
            {level: round(float(share), decimals) for level, share in zip(levels, shares, strict=True)},
            f"{where}, {side_words(numbers)}both arms together",
        ),
    }
    return CovariatePart(
        tree, level_moments(variable.name, kind, levels, table, shares), (), tuple(said), tuple(questions)
    )


def side_words(numbers: PaperNumbers) -> str:
    """Which side of a table is read, where there are two."""
    if numbers.side == "after":
        return "the weighted patients (no others are printed), "
    return "before matching, " if any(side == "after" for side, _ in numbers.reading.sizes) else ""


def arm_name(numbers: PaperNumbers, k: int) -> str:
    """The paper's word for an arm, 0 being the control."""
    return str(getattr(numbers.reading.paper.arms, ROLES[k]))


def shares_in(numbers: PaperNumbers, variable: ReadVariable, role: str) -> tuple[list[float], int] | None:
    """The shares of the printed levels in an arm, and of how many patients; None where not one is printed."""
    side, size = numbers.side, numbers.sizes[ROLES.index(role)]
    rows = [f"table1.{side}[{variable.name}={level}]" for level in variable.levels]
    counts = [numbers.value(f"{row}.{role}.n") for row in rows]
    several = len(rows) > 1 and variable.complete
    total = sum(count for count in counts if count is not None)
    if several and None not in counts and 0 < total <= size:
        return [float(count or 0) / total for count in counts], round(total)
    shares = [numbers.share_of(row, role, side) for row in rows]
    if all(share is None for share in shares):
        return None
    rest = max(1.0 - sum(share for share in shares if share is not None), 0.0)
    blank = sum(share is None for share in shares)
    return [rest / blank if share is None else share for share in shares], size


def completed(variable: ReadVariable, rows: Sequence[Sequence[float]]) -> tuple[tuple[str, ...], list[list[float]]]:
    """Levels and their shares by arm, with the level that is not printed where they do not sum to all patients."""
    levels, made = variable.levels, [list(row) for row in rows]
    rest = [1.0 - sum(row) for row in made]
    if len(levels) > 1 and (variable.complete or max(rest) < 0.006):
        return levels, made
    if len(levels) > 1:
        return (*levels, unused("Others", levels)), [
            [*row, max(more, 0.0)] for row, more in zip(made, rest, strict=True)
        ]
    other, first = complement(levels[0])
    pairs = [[max(1.0 - row[0], 0.0), row[0]] for row in made]
    if first:
        return (levels[0], other), [pair[::-1] for pair in pairs]
    return (other, levels[0]), pairs


def unused(name: str, levels: Sequence[str]) -> str:
    """The name, or with a mark where a level has it."""
    return name if name.casefold() not in {level.casefold() for level in levels} else f"{name} (not printed)"


def level_moments(name: str, kind: str, levels: Sequence[str], table: Floats, shares: Floats) -> tuple[Moment, ...]:
    """The terms of a covariate with levels, saturated: the second level, or each but the first.

    Ordinal levels are compared upwards (``ecog>=1``), the last by itself (``ecog=2``). Levels that nobody has, or
    everybody, have no term.
    """
    found: list[Moment] = []
    for k in range(1, len(levels)):
        upwards = kind == "ordinal" and k < len(levels) - 1
        inside = slice(k, None) if upwards else slice(k, k + 1)
        whole, arms = float(shares[inside].sum()), table[:, inside].sum(axis=1)
        if not 1e-9 < whole < 1 - 1e-9:
            continue
        text = name if kind == "binary" else f"{name}>={levels[k]}" if upwards else f"{name}={levels[k]}"
        if found and (found[-1].control, found[-1].treated) == (float(arms[0]), float(arms[1])) and kind == "ordinal":
            found.pop()  # nobody has the level between
        found.append(Moment(text, float(arms[0]), float(arms[1])))
    return tuple(found)


def correlations(numbers: PaperNumbers, made: Mapping[str, object]) -> tuple[Tree, tuple[Assumption, ...]]:
    """The latent correlations that paper.yaml assumes, and what it means to assume them; DeriveError for no number."""
    stated = numbers.reading.paper.assumed.get("correlation", {})
    tree: Tree = {}
    notes = []
    if not isinstance(stated, Mapping):
        raise DeriveError(
            "paper.yaml: assumed.correlation: write {first: {second: r}}, as in {albi: {child_pugh: 0.6}}"
        )
    for first, row in stated.items():
        for second, text in (row if isinstance(row, Mapping) else {"": row}).items():
            place = f"paper.yaml: assumed.correlation.{first}.{second}"
            for name in (first, second):
                if name not in made:
                    raise DeriveError(f"{place}: no covariate '{name}' (there are {', '.join(made)})")
            try:
                value = float(str(text))
            except ValueError:
                raise DeriveError(f"{place}: '{text}' is no correlation; write a number above -1 and below 1") from None
            if not -1 < value < 1:
                raise DeriveError(f"{place}: {value:g} is no correlation; write a number above -1 and below 1")
            tree.setdefault(first, {})[second] = value
            why = "stated in paper.yaml; no paper prints it"
            notes.append(Assumption(f"population.correlation.{first}.{second}", value, UNCERTAIN, why))
    return tree, tuple(notes)
