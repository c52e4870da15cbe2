"""How likely the largest of a few correlated standard normals, signs apart, is to be as large as it is.

Let Z_k = a_k x with unit vectors a_k and x standard normal. That no |Z_k| exceeds m is that x lies in a polytope around
the origin. In three dimensions the probability of lying beyond one of its faces, at distance h of the origin, is a
sum over the face's edges: with r^2 = h^2 + u the squared distance of a point of the face, the cone over the face beyond
it has the measure (1 / 4 pi) times the integral of 2 (Phi(-h) - (h / r) Phi(-r)) over the angle about the foot of the
perpendicular (the radial integral of the chi distribution with 3 degrees of freedom has this closed form). Each edge
is a smooth integral of one variable. In four dimensions the density of the maximum at t is the sum over the faces of
2 phi(t) times the probability that the others stay within, given Z_k = t: a polytope in three dimensions.
"""

import math

import numpy as np

from simulator.numerics.arrays import Floats
from simulator.numerics.compiled import kernel

MOST = 4
"""The most normals at once."""

_FAR = 12.0
"""What lies further out than this has no weight; polygons that are open are closed there."""
_ALIKE = 1e-13
"""Variables whose variance given the others is smaller count as functions of those."""
_NOTHING = 1e-8
"""A smaller bound is always reached."""
_NODES, _WEIGHTS = (np.ascontiguousarray(part) for part in np.polynomial.legendre.leggauss(7))
_OUTER_NODES, _OUTER_WEIGHTS = (np.ascontiguousarray(part) for part in np.polynomial.legendre.leggauss(10))
_ROOT_HALF = math.sqrt(0.5)
_DENSITY = 1.0 / math.sqrt(2.0 * math.pi)


@kernel
def _edge(h: float, d: float, start: float, end: float) -> float:
    """The integral along an edge at signed distance ``d`` of the foot, between two positions on it."""
    width = math.sqrt(h * h + d * d)
    first, last = math.asinh(start / width), math.asinh(end / width)
    panels = math.ceil(abs(last - first))
    near, total = math.erfc(h * _ROOT_HALF), 0.0
    for panel in range(panels):
        half = (last - first) / (2.0 * panels)
        middle = first + (2 * panel + 1) * half
        for k in range(_NODES.size):
            v = middle + half * _NODES[k]
            s = width * math.sinh(v)
            u = d * d + s * s
            if u < 1e-5 * min(h * h, 1.0):  # the difference below would lose its digits: its derivative half-way
                r = math.sqrt(h * h + u / 2.0)
                slope = h * math.erfc(r * _ROOT_HALF) / (2.0 * r**3) + h * _DENSITY * math.exp(-r * r / 2.0) / (r * r)
            else:
                r = math.sqrt(h * h + u)
                slope = (near - h / r * math.erfc(r * _ROOT_HALF)) / u
            total += half * _WEIGHTS[k] * slope * width * math.cosh(v)
    return d * total


@kernel
def _beyond(face: int, count: int, normal: Floats, h: Floats) -> float:
    """The probability that x, in three dimensions, lies in the cone over one face and beyond it.

    The polytope is ``normal (count, 3)`` x <= ``h (count,)``, the origin inside.
    """
    corner, kept = np.empty((MOST * 2 + 6, 2)), np.empty((MOST * 2 + 6, 2))
    a = normal[face]
    least = 0
    for i in range(1, 3):
        least = i if abs(a[i]) < abs(a[least]) else least
    e1, e2 = np.empty(3), np.empty(3)
    for i in range(3):
        e1[i] = (1.0 if i == least else 0.0) - a[least] * a[i]
    length = math.sqrt(e1[0] ** 2 + e1[1] ** 2 + e1[2] ** 2)
    for i in range(3):
        e1[i] /= length
    for i in range(3):
        e2[i] = a[(i + 1) % 3] * e1[(i + 2) % 3] - a[(i + 2) % 3] * e1[(i + 1) % 3]
    size = 4
    for i in range(4):
        corner[i, 0] = _FAR if i in (0, 3) else -_FAR
        corner[i, 1] = _FAR if i < 2 else -_FAR
    for j in range(count):
        n1 = normal[j, 0] * e1[0] + normal[j, 1] * e1[1] + normal[j, 2] * e1[2]
        n2 = normal[j, 0] * e2[0] + normal[j, 1] * e2[1] + normal[j, 2] * e2[2]
        norm = math.hypot(n1, n2)
        if j == face or norm < 1e-8:
            continue
        along = normal[j, 0] * a[0] + normal[j, 1] * a[1] + normal[j, 2] * a[2]
        bound, left = (h[j] - along * h[face]) / norm, 0
        n1, n2 = n1 / norm, n2 / norm
        for i in range(size):
            k = (i + 1) % size
            here = n1 * corner[i, 0] + n2 * corner[i, 1] - bound
            there = n1 * corner[k, 0] + n2 * corner[k, 1] - bound
            if here <= 0.0:
                kept[left] = corner[i]
                left += 1
            if (here <= 0.0) != (there <= 0.0):
                share = here / (here - there)
                kept[left, 0] = corner[i, 0] + share * (corner[k, 0] - corner[i, 0])
                kept[left, 1] = corner[i, 1] + share * (corner[k, 1] - corner[i, 1])
                left += 1
        size = left
        corner, kept = kept, corner
    total = 0.0
    for i in range(size):
        k = (i + 1) % size
        x, y = corner[k, 0] - corner[i, 0], corner[k, 1] - corner[i, 1]
        length = math.hypot(x, y)
        if length > 0.0:
            d = (corner[i, 0] * y - corner[i, 1] * x) / length
            if d != 0.0:
                start = (corner[i, 0] * x + corner[i, 1] * y) / length
                total += _edge(h[face], d, start, start + length)
    return total / (4.0 * math.pi)


@kernel
def _vectors(correlation: Floats, vector: Floats) -> tuple[int, int]:
    """Fills ``vector (K, 4)`` with unit vectors of these correlations; how many there are and their dimension.

    A pivoted Cholesky decomposition. Of variables that are the same but for the sign one is kept.
    """
    count, own = 0, np.empty(MOST, np.int64)
    for k in range(correlation.shape[0]):
        new = True
        for i in range(count):
            new &= (1.0 - abs(correlation[k, own[i]])) * 2.0 > _ALIKE
        if new:
            own[count] = k
            count += 1
    rest, rank = np.ones(count), 0
    vector[:] = 0.0
    while rank < count:
        pivot = np.argmax(rest)
        if rest[pivot] <= _ALIKE:
            break
        scale = math.sqrt(rest[pivot])
        for i in range(count):
            value = correlation[own[i], own[pivot]]
            for j in range(rank):
                value -= vector[i, j] * vector[pivot, j]
            if rest[i] > 0.0:
                vector[i, rank] = value / scale
        for i in range(count):
            rest[i] = max(rest[i] - vector[i, rank] ** 2, 0.0)
        rest[pivot] = 0.0
        rank += 1
    return count, rank


@kernel
def _given(k: int, t: float, count: int, vector: Floats, normal: Floats, h: Floats) -> int:
    """Fills the polytope in three dimensions of the other variables given Z_k = t; how many faces it has."""
    basis, value = np.zeros((3, 4)), np.empty(3)
    sign = 1.0 if vector[k, 0] >= 0.0 else -1.0
    for axis in range(1, 4):  # at right angles to vector k: Householder's reflection
        scale = vector[k, axis] / (1.0 + abs(vector[k, 0]))
        for i in range(4):
            basis[axis - 1, i] = (1.0 if i == axis else 0.0) - scale * (vector[k, i] + (sign if i == 0 else 0.0))
    faces = 0
    for j in range(count):
        if j == k:
            continue
        along, norm = 0.0, 0.0
        for i in range(4):
            along += vector[j, i] * vector[k, i]
        for i in range(3):
            value[i] = 0.0
            for axis in range(4):
                value[i] += vector[j, axis] * basis[i, axis]
            norm += value[i] ** 2
        norm = math.sqrt(norm)
        for side in range(2):
            sign = 1.0 - 2.0 * side
            for i in range(3):
                normal[faces, i] = sign * value[i] / norm
            h[faces] = t * (1.0 - sign * along) / norm
            faces += 1
    return faces


@kernel
def maximum_beyond(correlation: Floats, bound: Floats, probability: Floats) -> None:
    """Fills ``probability (R,)`` that the largest |Z_k| reaches ``bound (R,)``, Z normal, ``correlation (R, K, K)``.

    A variable whose own correlation is NaN is left out. The error is below 1e-9
    where three dimensions are enough, as they are for the usual four weights, else below 1e-6.
    """
    size = correlation.shape[1]
    vector, own = np.zeros((MOST, MOST)), np.empty(size, np.int64)
    normal, h = np.empty((2 * MOST, 3)), np.empty(2 * MOST)
    for r in range(len(bound)):
        m, known = bound[r], 0
        for k in range(size):
            if not np.isnan(correlation[r, k, k]):
                own[known] = k
                known += 1
        if np.isnan(m) or known == 0:
            probability[r] = np.nan
            continue
        if m < _NOTHING:
            probability[r] = 1.0
            continue
        within = np.empty((known, known))
        for k in range(known):
            for j in range(known):
                within[k, j] = correlation[r, own[k], own[j]]
        count, rank = _vectors(within, vector)
        total = 0.0
        if count == 1:
            total = math.erfc(m * _ROOT_HALF)
        elif rank < 4:
            for k in range(count):
                for i in range(3):
                    normal[2 * k, i], normal[2 * k + 1, i] = vector[k, i], -vector[k, i]
                h[2 * k], h[2 * k + 1] = m, m
            for k in range(count):
                total += 2.0 * _beyond(2 * k, 2 * count, normal, h)
        else:
            # what happens at any scale of t has about the same width on a logarithmic one
            panels = math.ceil(math.log(math.sqrt(m * m + 48.0) / m) / 1.6)
            half = math.log(math.sqrt(m * m + 48.0) / m) / (2.0 * panels)
            for node in range(panels * _OUTER_NODES.size):
                panel, place = node // _OUTER_NODES.size, node % _OUTER_NODES.size
                t = m * math.exp(half * (2.0 * panel + 1.0 + _OUTER_NODES[place]))
                inside = 0.0
                for k in range(count):
                    faces = _given(k, t, count, vector, normal, h)
                    inside += 1.0
                    for face in range(faces):
                        inside -= _beyond(face, faces, normal, h)
                total += half * _OUTER_WEIGHTS[place] * t * 2.0 * _DENSITY * math.exp(-t * t / 2.0) * inside
        probability[r] = min(max(total, 0.0), 1.0)
