"""What all figures share: colours, and a figure as text that is the same on every run."""

import io
import warnings

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

TREATED = "#b2452c"
CONTROL = "#2b5c8a"
GREY = "#666666"


def svg(figure: Figure) -> str:
    """The figure as SVG: no date, fixed identifiers, text kept as text."""
    stream = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "trialtwin", "svg.fonttype": "none"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # the reader's font shows it, not ours
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()


def bare(axes: Axes) -> None:
    """Leave only the left and the lower frame."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
