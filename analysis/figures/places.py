"""Where a name may stand beside its point, clear of other names, of points and of curves."""

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes

from analysis.figures.style import inches
from simulator.numerics.arrays import Floats

Box = tuple[float, float, float, float]
"""Left, bottom, right and top in inches from the lower left corner of the axes."""
HIGH, OFF, STEP = 0.1, 0.05, 0.04
"""Inches: of a small line of text, between a point and its name, and between the spots that stand for a curve."""
SIDES = ((1, 1), (-1, -1), (1, -1), (-1, 1), (1, 0), (-1, 0), (0, 1), (0, -1))
"""Right (1) or left (-1) of the point, and above (1) or below (-1) it."""


def inches_in(x: Floats, y: Floats, axes: Axes) -> Floats:
    """Points of the data ``(K, 2)`` in inches from the lower left corner of the axes, if they have a place."""
    at = axes.transData.transform(np.column_stack([np.atleast_1d(x), np.atleast_1d(y)]))
    corner = axes.get_window_extent()
    told = (at - [corner.x0, corner.y0]) / axes.figure.dpi
    return np.asarray(told[np.isfinite(told).all(axis=1)], dtype=np.float64)


def along(points: Floats, half: float = 0.02) -> list[Box]:
    """Small boxes along the line through points in inches."""
    if len(points) == 0:
        return []
    far = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    at = np.linspace(0, far[-1], 1 + int(min(far[-1], 40.0) / STEP))
    spots = np.column_stack([np.interp(at, far, points[:, k]) for k in (0, 1)])
    return [(x - half, y - half, x + half, y + half) for x, y in spots.tolist()]


def free_place(
    point: Sequence[float], wide: float, taken: Iterable[Box], axes: Axes, sides: Sequence[tuple[int, int]] = SIDES,
    beyond: float = 0.0,
) -> Box | None:  # fmt: skip
    """The first box beside the point that hits nothing taken, if there is one.

    It is within the axes, or so many inches ``beyond`` their right side.
    """
    width, height = inches(axes)
    x, y = point
    held = list(taken)
    for right, up in sides:
        left = (x - OFF - wide, x - wide / 2, x + OFF)[right + 1]
        low = (y - 0.03 - HIGH, y - HIGH / 2, y + 0.03)[up + 1]
        box = (left, low, left + wide, low + HIGH)
        inside = left >= 0 and low >= 0.02 and box[2] <= width + beyond and box[3] <= height
        if inside and not any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in held):
            return box
    return None
