"""A course for a derived world, taken from a shipped one: the part that other modules derive."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.derived.course import DerivedCourse
from benchmarks.pasted.reading import Reading
from simulator.documents.loading import load

COURSE = ("progression", "death", "death_after_progression", "centre")


def course_of_world(name: str) -> Any:
    """A stand-in for `course_of` that gives the course of a shipped world without what may be fitted of it."""

    def course_of(_: Reading, __: Mapping[str, Sequence[str]]) -> DerivedCourse:
        tree = load(name).tree
        outcomes = {key: part for key, part in tree["outcomes"].items() if key in COURSE}
        entry = {"accrual": tree["entry"]["accrual"]}
        return DerivedCourse(outcomes, tree["endpoints"], entry, tree["followup"], {}, (), (), ())

    return course_of
