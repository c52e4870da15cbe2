"""What a page is made of: answers for the first screen, sections, and what stands in them. Plain data, no HTML.

Texts are plain words; the engine escapes them, explains a term where it first stands, and breaks what is too long.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from markupsafe import Markup

from analysis.tables.text_table import TextTable
from benchmarks.report.breaking import WHOLE

WIDE_TABLE = 4
"""Columns beyond which a table is stacked on a telephone, a row below the other, each number with its head."""
PAPER = 535.0
"""Points between the margins of a page of A4."""
PRINTED = ((8.5, 7.0), (7.0, 5.0))
"""Size of the letters of a table on paper and the gap between its columns, in points; and those of a table of many."""
SMALL_LETTERS, TELEPHONE = (13.5, 12.0), 354.0
"""The same on a telephone in pixels, and how wide that is."""
LETTER = 0.56
"""Width of a letter, in sizes."""
SHARES: Mapping[str, tuple[float, float]] = {"cols": (0.56, 0.4), "pair": (0.48, 0.48)}
"""What the columns of `Beside` have of a page's width on paper."""


@dataclass(frozen=True)
class Picture:
    """A figure as inline SVG, and what stands above and below it; ``narrow`` is drawn instead on a telephone.

    ``inches``: its width in print. With a ``title`` the caption says how the figure is to be read.
    """

    caption: str
    svg: Markup
    title: str = ""
    narrow: Markup | None = None
    inches: float = 0.0


@dataclass(frozen=True)
class Tabled:
    """A table with what a page adds: the rows that are recommended or best, and whether its title is left out."""

    table: TextTable
    best: frozenset[int] = frozenset()
    titled: bool = True

    @property
    def stacks(self) -> bool:
        """Whether it is too wide for a telephone."""
        prose = bool(self.table.prose and len(self.table.header) > 2)
        return len(self.table.header) > WIDE_TABLE or prose or self._needed(SMALL_LETTERS) > TELEPHONE

    def on_paper(self, share: float = 1.0) -> str:
        """How it fits that share of a page of A4: as it is (nothing), in small letters (``many``), stacked (``vast``).

        A word of more than `WHOLE` letters may be broken, a number never.
        """
        room = share * PAPER
        normal, many = (self._needed(one) for one in PRINTED)
        return "" if normal <= room else "many" if many <= room else "vast"

    def _needed(self, letters: tuple[float, float]) -> float:
        """The width that it needs in letters of that size with that gap between the columns."""
        size, gap = letters
        words = self.table.words
        least = [min(one, WHOLE) if k < words else one for k, one in enumerate(self.table.narrowest)]
        return LETTER * size * sum(least) + gap * len(least)


@dataclass(frozen=True)
class Rests:
    """The box of what an answer rests on, a line each."""

    lines: tuple[str, ...]
    heading: str = "What this rests on"


@dataclass(frozen=True)
class Note:
    """Small print."""

    text: str


@dataclass(frozen=True)
class Items:
    """A list of names and what is said of each."""

    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Quote:
    """A paragraph to be copied into a manuscript."""

    text: str


@dataclass(frozen=True)
class Code:
    """A command as it is typed."""

    text: str


@dataclass(frozen=True)
class Fold:
    """What is folded under a summary; on paper it is unfolded. An empty one is left out."""

    summary: str
    body: "tuple[PageBlock, ...]"
    anchor: str = ""


@dataclass(frozen=True)
class Beside:
    """Two columns at a desk, one below the other on a telephone.

    ``cols``: a figure of at most 4.7 inches and what it rests on or a small table; ``pair``: two figures of 3.5.
    """

    left: "tuple[PageBlock, ...]"
    right: "tuple[PageBlock, ...]"
    shape: Literal["cols", "pair"] = "cols"


@dataclass(frozen=True)
class SettingsShown:
    """Parts of which a reader may show one by a slider: the settings of a sweep; without a script all are shown."""

    parts: "tuple[Section, ...]"
    label: str = "setting"


PageBlock: TypeAlias = (
    "str | Picture | TextTable | Tabled | Rests | Note | Items | Quote | Code | Fold | Beside | SettingsShown | Section"
)


@dataclass(frozen=True)
class Section:
    """A heading, its answer in one sentence, and what stands below in that order.

    Those of a page are numbered and listed; those within others are not. ``short``: how the list of contents calls it.
    """

    heading: str
    answer: str = ""
    body: "tuple[PageBlock, ...]" = ()
    anchor: str = ""
    short: str = ""

    @property
    def tables(self) -> tuple[TextTable, ...]:
        """All tables within, folded ones too."""
        found = (one.table if isinstance(one, Tabled) else one for one in walked(self.body))
        return tuple(one for one in found if isinstance(one, TextTable))

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """All figures within."""
        return tuple(one for one in walked(self.body) if isinstance(one, Picture))


def walked(body: "tuple[PageBlock, ...]") -> "Iterator[PageBlock]":
    """Everything in a body, what stands within others too."""
    for one in body:
        yield one
        if isinstance(one, Fold | Section):
            yield from walked(one.body)
        elif isinstance(one, Beside):
            yield from walked(one.left + one.right)
        elif isinstance(one, SettingsShown):
            yield from walked(one.parts)


@dataclass(frozen=True)
class QuickAnswer:
    """One answer of the first screen: the question, the answer, the number that matters, and how sure it is.

    ``pips``: 3 follows from the print, 2 needs the twin, 1 needs what nobody can check. ``anchor``: of its section.
    """

    question: str
    answer: str
    number: str
    caption: str
    pips: int
    sure: str
    why: str
    anchor: str


@dataclass(frozen=True)
class HowMade:
    """How a page was made: the command that makes it again, and what identifies what went in.

    ``command`` as it was given, time and versions are the only words that differ between pages of the same inputs.
    """

    again: str
    identity: tuple[tuple[str, str], ...] = ()
    command: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """What a page says: the title is the question, the verdict its answer.

    ``headline`` stands before the verdict in bold; without one it is the verdict's first sentence. Of the verdict two
    sentences stand large, the others below. ``kicker`` names the kind of page; ``cite`` says of what it is.
    ``answers`` is the first screen's list. ``explained``: further terms with at most twelve words for each.
    ``repeat``: a last section tells how the page is made again. ``dated``: the last line says when it was made; without
    it the same contents give the same bytes. ``footer``: last words.
    """

    question: str
    verdict: str
    told: HowMade
    sections: tuple[Section, ...] = ()
    kicker: str = "Report"
    aside: str = ""
    cite: str = ""
    headline: str = ""
    answers: tuple[QuickAnswer, ...] = ()
    explained: tuple[tuple[str, str], ...] = ()
    terms: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    picks: bool = False
    footer: str = ""
    repeat: bool = True
    dated: bool = True
