"""Figures as pictures of a page: SVG whose identifiers are its own, values to hover, a narrow twin for telephones."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from analysis.figures.style import svg
from analysis.tables.text_table import clean
from benchmarks.report.page_parts import Picture

SHOWN = 1.35
"""Times the size in print: a letter of 7 pt is small on a screen."""
COLUMN = 3.6
"""Inches in print of figures that are shown whole on a telephone; wider ones are moved sideways."""
MOST_VALUES = 40
FEWEST = 3
"""So many values of a curve can be hovered; what has fewer is no curve."""

_SIZE = re.compile(r' (width|height)="([\d.]+)pt"')
_TAG = re.compile("<[^>]*>")
_ID = re.compile(r' id="([^"]*)"')
_LINK = re.compile(r'(?<=href="#)[^"]*|(?<=url\(#)[^)]*')


@dataclass(frozen=True)
class Hover:
    """A value of a figure that is told where a reader points at it: its place on the axes and its words."""

    axes: Axes
    x: float
    y: float
    words: str


def picture(
    figure: Figure, caption: str, description: str, title: str = "", narrow: Figure | None = None,
    values: Sequence[Hover] = (),
) -> Picture:  # fmt: skip
    """The figure with a description for those who cannot see it; its identifiers are its own on the page."""
    drawn = _inline(figure, description, values)
    small = None if narrow is None else _inline(narrow, description, ())
    return Picture(caption, drawn, title, small, figure.get_figwidth())


def _inline(figure: Figure, description: str, values: Sequence[Hover]) -> Markup:
    text = svg(figure)
    text = clean(text[text.index("<svg") :])
    label = Markup.escape(clean(description))
    mark = hashlib.sha256(f"{description}{text}".encode()).hexdigest()[:8]
    used = {name for tag in _TAG.findall(text) for name in _LINK.findall(tag)}

    def own(tag: "re.Match[str]") -> str:
        kept = _ID.sub(lambda found: f' id="{mark}{found[1]}"' if found[1] in used else "", tag[0])
        return _LINK.sub(lambda found: f"{mark}{found[0]}", kept)

    text = _SIZE.sub(lambda found: f' {found[1]}="{SHOWN * float(found[2]):g}pt"', _TAG.sub(own, text), count=2)
    text = text.replace("</svg>", f"{_spots(figure, values)}</svg>") if values else text
    fits = ' class="column"' if figure.get_figwidth() <= COLUMN else ""
    return Markup(text.replace("<svg ", f'<svg role="img" aria-label="{label}"{fits} ', 1))  # our own


def _spots(figure: Figure, values: Sequence[Hover]) -> str:
    """Unseen discs over the values, each with its words, in the order given."""
    height = 72 * figure.get_figheight()
    made = []
    for one in values:
        if not (np.isfinite(one.x) and np.isfinite(one.y)):
            continue
        x, y = one.axes.transData.transform((one.x, one.y)) * 72 / figure.dpi
        words = Markup.escape(clean(one.words))
        made.append(f'<circle class="spot" cx="{x:.1f}" cy="{height - y:.1f}" r="5"><title>{words}</title></circle>')
    return f'<g class="spots">{"".join(made)}</g>'


def values_of(figure: Figure) -> tuple[Hover, ...]:
    """The values of all named curves of a figure, in the words of its axes."""
    found: list[Hover] = []
    for axes in figure.axes:
        named = [(str(one.get_label()), one) for one in axes.lines]
        named += [(str(one.get_label()), one.lines[0]) for one in axes.containers if isinstance(one, ErrorbarContainer)]
        what = axes.get_xlabel() or "at"
        for name, line in named:
            x, y = (np.asarray(one, dtype=np.float64) for one in (line.get_xdata(), line.get_ydata()))
            if name.startswith("_") or len(x) < FEWEST or line.get_transform() != axes.transData:
                continue
            told = [f"{name}: {b:.3g} ({what} {a:.3g})".replace("-", "−") for a, b in zip(x, y, strict=True)]
            found += along(axes, x.tolist(), y.tolist(), told)
    return tuple(found)


def along(axes: Axes, x: Sequence[float], y: Sequence[float], words: Sequence[str]) -> tuple[Hover, ...]:
    """The values of a curve, of very many evenly spaced ones."""
    take = np.unique(np.linspace(0, len(x) - 1, min(len(x), MOST_VALUES)).astype(int)) if len(x) else ()
    return tuple(Hover(axes, float(x[k]), float(y[k]), words[k]) for k in take)
