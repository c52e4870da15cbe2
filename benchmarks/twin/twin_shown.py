"""What `twin` made of a pasted paper: whether the twin prints it, what is wrong with it, and what was assumed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import exp, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.tables.text_table import TextTable, table
from benchmarks.asked.errors import RunError
from benchmarks.asked.load_study import Asked
from benchmarks.derived.parts import Assumption
from benchmarks.pasted.reading import Reading
from benchmarks.twin.assumptions import WeighedAssumption
from benchmarks.twin.reading_shown import verdict_of
from benchmarks.words.answer import Answer, plain, write_page
from benchmarks.words.settings_named import path_label

if TYPE_CHECKING:
    from benchmarks.derived.document import Derived

WORLD, FITTED, READING, PAGE = "world.yaml", "fitted.yaml", "reading.html", "twin.html"
LOOSE = 0.1
MOST_SHOWN = 12


@dataclass
class TwinMade:
    """What was made so far of a paper: each part None until its step is done; ``seconds`` by step.

    ``fit`` is what is kept of the calibration: ``{world, code, fitted, holds, verdict, fit}``: of what and by what code
    it was made, the digest of the fitted world's file, and the document of `calibrate`.
    """

    reading: Reading
    folder: Path
    derived: "Derived | None" = None
    asked: Asked | None = None
    audit: Answer | None = None
    fit: dict[str, Any] | None = None
    score: Answer | None = None
    weighed: list[WeighedAssumption] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    def write(self, name: str, text: str) -> Path:
        """A file of the folder, written whole; RunError where that cannot be."""
        place = self.folder / name
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"{self.folder}: cannot be made a folder ({error.strerror or error})") from None
        write_page(place, text)
        self.files.append(place)
        return place

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """A step whose time is taken."""
        started = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - started, 1)

    def world(self) -> Asked:
        """The derived world."""
        if self.asked is None:
            raise ValueError("the world was not derived yet")
        return self.asked

    def all_assumed(self) -> tuple[Assumption, ...]:
        """What was assumed, and which of the free parameters the paper says next to nothing about."""
        known = () if self.derived is None else self.derived.assumed
        paths = {path for one in known for path in (one.path, *one.also)}
        parameters = [] if self.fit is None else self.fit["fit"]["parameters"]
        loose = [one for one in parameters if one["pinned"] < LOOSE and one["name"] not in paths]
        free = (
            {}
            if self.asked is None or self.asked.scenario.calibration is None
            else self.asked.scenario.calibration.free
        )
        return (
            *known,
            *(
                Assumption(
                    (free[one["name"]].paths or (one["name"],))[0],
                    one["fitted"],
                    one["prior_sd"],
                    f"the paper says next to nothing of it ({100 * one['pinned']:.0f} % pinned down)",
                    one["scale"] == "log",
                    tuple(free[one["name"]].paths[1:]),
                )
                for one in loose
                if one["name"] in free
            ),
        )


def twin_answer(made: TwinMade) -> Answer:
    """Whether the twin prints its paper, then what is wrong with the paper, then what was assumed and how it matters.

    It holds if the fitted twin prints its paper, or was not fitted yet.
    """
    derived, score = made.derived, made.score
    said = [score.verdict] if score is not None else []
    said += [] if made.fit is None else [f"{made.fit['verdict'].rstrip('.')}."]
    said += [verdict_of(made.reading)] if score is None else []
    said += [] if made.audit is None else [made.audit.verdict]
    notes = [*contradictions_of(made), *not_stated_of(made)]
    lines = [f"wrote {one}" for one in made.files]
    data = {
        "folder": str(made.folder),
        "files": made.files,
        "numbers": len(made.reading.published),
        "findings": None if made.audit is None else made.audit.data["findings"],
        "contradictions": [] if derived is None else [one.text for one in derived.findings],
        "assumed": _assumed_data(made),
        "not_stated": [] if derived is None else derived.not_stated,
        "fit": None if made.fit is None else made.fit["fit"],
        "scores": None if score is None else plain(score.data),
        "seconds": made.seconds,
    }
    holds = made.fit is None or bool(made.fit["holds"])
    tables = [assumptions_table(made, MOST_SHOWN)] if made.weighed else []
    page = next((one for one in reversed(made.files) if one.suffix == ".html"), None)
    return Answer(
        data, "\n".join(said), tuple(tables), tuple(notes), tuple(lines), holds=holds, written=page, found=made
    )


def contradictions_of(made: TwinMade) -> tuple[str, ...]:
    """What the printed numbers say that no such world can have together."""
    return () if made.derived is None else tuple(f"{one.text.rstrip('.')}." for one in made.derived.findings)


def not_stated_of(made: TwinMade) -> tuple[str, ...]:
    """The choices of the analysis that the paper leaves open, in a sentence."""
    open_choices = () if made.derived is None else made.derived.not_stated
    return (
        (f"The paper does not state these choices of its analysis: {', '.join(open_choices)}.",) if open_choices else ()
    )


def assumptions_table(made: TwinMade, most: int | None = None) -> TextTable:
    """The assumptions, those first that move the primary ratio most."""
    tree = None if made.asked is None else made.asked.document.tree
    rows = [
        (
            path_label(one.assumption.path, tree),
            one.assumption.why.removeprefix("assumed: "),
            _value(one.assumption),
            _moves(one),
        )
        for one in made.weighed[:most]
    ]
    note = (
        "Factor: by what the hazard ratio of the published analysis is multiplied, on average, when the value is as "
        "much higher as is still plausible (one SD) and all else stays; in brackets its simulation error, as a factor."
    )
    return table("What was assumed, by how much it matters", ("value of", "why", "assumed", "factor"), rows, 2, note)


def _value(one: Assumption) -> str:
    return one.value if isinstance(one.value, str) else f"{one.value:.4g}"


def _moves(one: WeighedAssumption) -> str:
    return f"{exp(one.moves):.3f} ({exp(one.mcse):.3f})" if isfinite(one.moves) else "-"


def _assumed_data(made: TwinMade) -> list[dict[str, Any]]:
    by = {one.assumption.path: one for one in made.weighed}
    found = []
    for one in made.all_assumed():
        moved = by.get(one.path)
        known = moved is not None and isfinite(moved.moves)
        moves = {"value": exp(moved.moves), "mcse": exp(moved.moves) * moved.mcse} if known and moved else None
        found.append({"path": one.path, "value": one.value, "prior_sd": one.prior_sd, "why": one.why, "moves": moves})
    return found
