"""Readings of papers made by hand: what paper.yaml says, and numbers under their keys."""

from collections.abc import Mapping

from benchmarks.pasted.paper_file import PaperFile
from benchmarks.pasted.reading import Reading, ReadNumber, Spot


def reading_of(
    numbers: Mapping[str, str], sizes: Mapping[tuple[str, str], int] | None = None, **said: object
) -> Reading:
    """A reading with these printed numbers; ``said`` is what paper.yaml says."""
    usual = {
        "name": "small",
        "source": "by hand",
        "design": "randomised",
        "arms": {"control": "Placebo", "treated": "Drug"},
        "endpoints": {"OS": "death"},
    }
    paper = PaperFile.model_validate({**usual, **said})
    read = tuple(ReadNumber(key, printed, "Results", Spot("paper.yaml")) for key, printed in numbers.items())
    return Reading("small", paper, (), read, (), {}, dict(sizes or {}), (), (), (), ())


def cohort(control: int, treated: int) -> dict[tuple[str, str], int]:
    """Sizes of the arms before matching."""
    return {("before", "control"): control, ("before", "treated"): treated}
