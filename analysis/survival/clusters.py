"""Sums of what patients add, within the clusters to which they belong."""

import numpy as np

from simulator.numerics.arrays import Bools, Floats, Ints


def sums_within(values: Floats, here: Bools, cluster: Ints) -> Floats:
    """Sums of ``values (R, N)`` of those ``here`` over clusters, whole numbers from 0: ``(R, clusters)``."""
    rows, width = len(values), int(cluster.max(initial=0)) + 1
    place = np.arange(rows)[:, None] * width + np.where(here, cluster, 0)
    sums: Floats = np.bincount(place.ravel(), np.where(here, values, 0.0).ravel(), rows * width).astype(np.float64)
    return sums.reshape(rows, width)
