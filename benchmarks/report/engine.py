"""The one engine of all pages: what a page says, in the order in which every page says it, and its HTML."""

import ast
import base64
import hashlib
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from analysis.figures.style import svg
from analysis.tables.text_table import TextTable, clean, table
from benchmarks.report.glossary import REFERENCES, TERMS
from benchmarks.runs.manifest import versions

ABREAST = 6
"""So many columns of numbers stand side by side where there are many."""
SHOWN = 1.35
"""Times the size in print: a letter of 7 pt is small on a screen."""
COLUMN = 4.5
"""Inches in print of figures that are shown whole on a telephone; wider ones are moved sideways."""

PLACES = ("--out", "--report", "--figure", "--tables", "--jobs", "--block", "--backend", "--dask-tls", "--shard")
UNSEEN = ("--json", "--force-new", "--dry-run")
MOST_CALLED = 20_000
"""Letters of a call from Python; a longer one was not made by us."""

PIECE, WORD = 12, 18
_SIZE = re.compile(r' (width|height)="([\d.]+)pt"')
_LONG_WORD = re.compile(r"\S{25,}")
_JOINT = re.compile(r"[].\[=/_,;:-](?=\w)")
_TAG = re.compile("<[^>]*>")
_ID = re.compile(r' id="([^"]*)"')
_LINK = re.compile(r'(?<=href="#)[^"]*|(?<=url\(#)[^)]*')


@dataclass(frozen=True)
class Picture:
    """A figure as inline SVG, and what stands below it."""

    caption: str
    svg: Markup


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it, in this order; ``fold``: the tables are folded under that summary.

    ``in_print``: they are unfolded on paper. ``cell`` marks a section of one cell, which a reader may pick.
    """

    heading: str
    text: tuple[str, ...] = ()
    items: tuple[tuple[str, str], ...] = ()
    tables: tuple[TextTable, ...] = ()
    pictures: tuple[Picture, ...] = ()
    fold: str = ""
    folded: tuple[TextTable, ...] = ()
    notes: tuple[str, ...] = ()
    parts: "tuple[Section, ...]" = ()
    cell: bool = False
    in_print: bool = False


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
    """What a page says. Sections without content are left out; ``picks`` offers cells and estimators to be picked."""

    question: str
    verdict: str
    told: HowMade
    lead: tuple[str, ...] = ()
    assumed: Section | None = None
    base: Section | None = None
    results: tuple[Section, ...] = ()
    diagnostics: Section | None = None
    failures: Section | None = None
    terms: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    picks: bool = False


def html(page: Page) -> str:
    """The page as one HTML document that needs no network and no script."""
    parts = (page.assumed, page.base, *page.results, page.diagnostics, page.failures)
    content = {
        "page": page,
        "heading": page.question,
        "sections": [part for part in parts if part is not None],
        "told": page.told,
        "versions": page.told.versions or versions(),
        "terms": [(name, TERMS[name]) for name in page.terms],
        "references": [REFERENCES[name] for name in page.references],
    }
    return rendered("page.html", content)


def rendered(template: str, content: Mapping[str, Any]) -> str:
    """A template filled; only our own script may run on the page."""
    environment = Environment(
        loader=PackageLoader("benchmarks.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: clean(value) if type(value) is str else value,
    )
    environment.filters["breakable"] = breakable
    script, style = (Markup(environment.loader.get_source(environment, name)[0]) for name in ("page.js", "page.css"))  # type: ignore[union-attr]
    digested = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    frame = {"script": script, "style": style, "script_sha256": digested, "now": now}
    page = environment.get_template(template).render({**frame, **content})
    return page.encode("utf-8", "backslashreplace").decode()  # names of files may be no UTF-8


def picture(figure: Figure, caption: str, description: str) -> Picture:
    """The figure with a description for those who cannot see it; its identifiers are its own on the page."""
    text = svg(figure)
    text = clean(text[text.index("<svg") :])
    label = Markup.escape(clean(description))
    mark = hashlib.sha256(f"{description}{text}".encode()).hexdigest()[:8]
    used = {name for tag in _TAG.findall(text) for name in _LINK.findall(tag)}

    def own(tag: "re.Match[str]") -> str:
        kept = _ID.sub(lambda found: f' id="{mark}{found[1]}"' if found[1] in used else "", tag[0])
        return _LINK.sub(lambda found: f"{mark}{found[0]}", kept)

    text = _SIZE.sub(lambda found: f' {found[1]}="{SHOWN * float(found[2]):g}pt"', _TAG.sub(own, text), count=2)
    fits = ' class="column"' if figure.get_figwidth() < COLUMN else ""
    return Picture(caption, Markup(text.replace("<svg ", f'<svg role="img" aria-label="{label}"{fits} ', 1)))  # our own


def breakable(text: str) -> Markup:
    """The text with places at which its longest words may be broken, which a copy of it does not have."""

    def broken(found: "re.Match[str]") -> str:
        parts = _JOINT.sub("\\g<0>\u200b", found[0]).split("\u200b")
        return "\u200b".join(
            part[k : k + step]
            for part in parts
            for step in (WORD if len(part) <= WORD else PIECE,)
            for k in range(0, len(part), step)
        )

    return Markup("<wbr>").join(_LONG_WORD.sub(broken, text).split("\u200b"))


def repeated(command: str) -> str:
    """A command without what changes no result: the places to which it wrote, and how it was computed."""
    if command.startswith("trialtwin."):
        return _repeated_call(command)
    try:
        words, kept = iter(shlex.split(command)), []
    except ValueError:  # a folder of another's making may say anything
        return command
    for word in words:
        if word in UNSEEN:
            continue
        if word in PLACES:
            next(words, None)
        elif not word.startswith(tuple(f"{place}=" for place in PLACES)):
            kept.append(word)
    return shlex.join(kept)


def _repeated_call(call: str) -> str:
    """The same of a call from Python."""
    try:
        tree = ast.parse(call[:MOST_CALLED], mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return call
    if not isinstance(tree, ast.Call):
        return call
    options = [(f"--{one.arg}".replace("_", "-"), one) for one in tree.keywords]
    tree.keywords = [one for name, one in options if name not in UNSEEN and name not in PLACES]
    return ast.unparse(tree)


def abreast(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], labels: int) -> tuple[TextTable, ...]:
    """A table of many columns as several of a few each, every one with the first ``labels`` columns."""
    made = []
    for start in range(labels, len(header), ABREAST):
        own = (*range(labels), *range(start, min(start + ABREAST, len(header))))
        name = f"{title}: {header[start]}" + (" and more" if len(own) > labels + 1 else "")
        made.append(table(name, [header[k] for k in own], [[row[k] for k in own] for row in rows], labels or 1))
    return tuple(made)
