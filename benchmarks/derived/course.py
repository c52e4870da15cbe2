"""The course of a derived world: states and hazards, endpoints, entry, follow-up, and what of them may be fitted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.derived.parts import Assumption, Contradiction, Tree
from benchmarks.pasted.reading import Reading


@dataclass(frozen=True)
class Course:
    """What is derived of the course: parts of a document, what was assumed, and where the print contradicts itself.

    ``outcomes`` (with ``centre``), ``endpoints``, ``entry`` (``accrual``) and ``followup`` are sections of the world;
    ``free`` the entries of ``calibration.free`` for all of these. ``questions`` are those contradictions that only the
    reader of the paper can settle, ``findings`` the others.
    """

    outcomes: Tree
    endpoints: Tree
    entry: Tree
    followup: Tree
    free: Tree
    assumed: tuple[Assumption, ...]
    findings: tuple[Contradiction, ...]
    questions: tuple[Contradiction, ...]


def course_of(reading: Reading, terms: Mapping[str, Sequence[str]]) -> Course:
    """The course of a paper as read; ``terms`` are the covariates of its world with their levels, none of a number."""
    raise NotImplementedError
