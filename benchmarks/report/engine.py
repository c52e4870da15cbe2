"""The one engine of all pages: a `Page` as one HTML document without network, readable without a script.

How to build a page::

    page = Page(
        "Could it be bias?",                          # the title is the question
        "Hardly by itself. It would take ...",        # the answer: two sentences large, the rest below
        HowMade("trialtwin tipping paper", (("digest", "3f9c"),), as_asked()),
        (
            Section(
                "How strong must it be?",             # numbered, listed in the contents
                "Stronger than any recorded trait.",  # its answer in one sentence
                (
                    Beside((picture(figure, "Right: ...", "alt", title="...", narrow=small),), (Rests(("...",)),)),
                    Tabled(table(...), best=frozenset({0})),
                    Fold("How it was computed", ("36 strengths ...", table(...))),
                ),
                anchor="bias",
            ),
        ),
        kicker="Referee's report",
        cite="On: ...",
        headline="Probably real.",                    # bold, before the verdict; else its first sentence is
        answers=(QuickAnswer("Could it be bias?", "Hardly ...", "7.8x", "needed ...", 2, "Sure.", "...", "bias"),),
    )
    html(page)

Blocks of a body: a str is a paragraph; `Picture`, `TextTable`, `Tabled` (with rows marked best), `Rests`, `Note`,
`Items`, `Quote`, `Code`, `Fold`, `Beside` (``cols`` or ``pair``), `SettingsShown` (a slider), and a `Section` within.
All texts are plain and are escaped here. Terms of `glossary.EXPLAINED` and of ``Page.explained`` are explained in
brackets where they first stand. Tables of more than four columns are stacked on a telephone; figures wider than 3.6
inches are moved sideways there unless they have a ``narrow`` twin (draw it at 2.75 inches).
"""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from analysis.tables.table_files import slug
from analysis.tables.text_table import TextTable, clean, table
from benchmarks.report.breaking import breakable, sentences
from benchmarks.report.drawn import Hover, along, picture, values_of
from benchmarks.report.glossary import EXPLAINED, REFERENCES, TERMS
from benchmarks.report.page_parts import (
    SHARES,
    Beside,
    Code,
    Fold,
    HowMade,
    Items,
    Note,
    Page,
    PageBlock,
    Picture,
    QuickAnswer,
    Quote,
    Rests,
    Section,
    SettingsShown,
    Tabled,
)
from benchmarks.report.repeated import repeated
from benchmarks.report.terms_told import TermsTold
from benchmarks.runs.manifest import versions

__all__ = [
    "ABREAST", "Beside", "Code", "Fold", "Hover", "HowMade", "Items", "Note", "Page", "PageBlock", "Picture",
    "QuickAnswer", "Quote", "Rests", "Section", "SettingsShown", "Tabled", "abreast", "along", "anchors_of",
    "breakable", "html", "picture", "rendered", "repeated", "values_of",
]  # fmt: skip

ABREAST = 6
"""So many columns of numbers stand side by side where there are many."""
LARGE = 2
"""So many sentences of a verdict stand large."""
BOLD = 150
"""Letters of a first sentence that is bold."""
LEVELS = ("", "●○○", "●●○", "●●●")
MINUS = re.compile(r"(?<![\w.\-])-(?=\d)")
"""Before a number: in a table of a page it is a true minus."""
KEY = ("", "needs what nobody can check", "needs the twin", "follows from the print")
"""What the pips of a first screen's answers mean."""


def html(page: Page) -> str:
    """The page as one HTML document that needs no network and no script."""
    said = sentences(page.verdict)
    head, large = page.headline, said[:LARGE]
    if not head and large and len(large[0]) <= BOLD:
        head, large = large[0], large[1:]
    anchors = anchors_of([one.anchor or one.short or one.heading for one in page.sections])
    content = {
        "page": page,
        "heading": page.question,
        "headline": head,
        "large": large,
        "rest": said[LARGE:],
        "numbered": list(zip(anchors, page.sections, strict=True)),
        "numbers": {name: place for place, name in enumerate(anchors, 1)},
        "pips": LEVELS,
        "key": KEY,
        "shares": SHARES,
        "told": page.told,
        "versions": page.told.versions or versions(),
        "terms": [(name, TERMS[name]) for name in page.terms],
        "references": [REFERENCES[name] for name in page.references],
    }
    return rendered("page.html", content, {**dict(page.explained), **EXPLAINED})


def anchors_of(names: Sequence[str]) -> list[str]:
    """An address on the page for each name, no two alike and none that the page itself has."""
    made = ["main", "repeat"]
    for name in names:
        plain = slug(name)
        count = 1 + sum(one == plain or one.startswith(f"{plain}--") for one in made)
        made.append(plain if count == 1 else f"{plain}--{count}")
    return made[2:]


def rendered(template: str, content: Mapping[str, Any], terms: Mapping[str, str] | None = None) -> str:
    """A template filled; only our own script may run on the page. ``terms`` are explained where they first stand."""
    environment = Environment(
        loader=PackageLoader("benchmarks.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: clean(value) if type(value) is str else value,
    )
    told = TermsTold(terms or {})
    environment.filters["breakable"] = lambda text: breakable(clean(text))
    environment.filters["minus"] = lambda text: MINUS.sub("\u2212", clean(text))
    environment.filters["said"] = lambda text: told(clean(text))
    environment.filters["kind"] = lambda one: type(one).__name__
    environment.filters["unknown"] = _unknown
    environment.filters["tabled"] = lambda one: one if isinstance(one, Tabled) else Tabled(one)
    script, style = (Markup(environment.loader.get_source(environment, name)[0]) for name in ("page.js", "page.css"))  # type: ignore[union-attr]
    digested = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    frame = {"script": script, "style": style, "script_sha256": digested, "now": now}
    page = environment.get_template(template).render({**frame, **content})
    return page.encode("utf-8", "backslashreplace").decode()  # names of files may be no UTF-8


def _unknown(one: object) -> str:
    raise TypeError(f"A page shows no {type(one).__name__}; page.html says what it shows")


def abreast(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], labels: int) -> tuple[TextTable, ...]:
    """A table of many columns as several of a few each, every one with the first ``labels`` columns."""
    made = []
    for start in range(labels, len(header), ABREAST):
        own = (*range(labels), *range(start, min(start + ABREAST, len(header))))
        name = f"{title}: {header[start]}" + (" and more" if len(own) > labels + 1 else "")
        made.append(table(name, [header[k] for k in own], [[row[k] for k in own] for row in rows], labels or 1))
    return tuple(made)
