"""Stable order of each row by time."""

import numpy as np

from simulator.numerics.arrays import Bools, Floats, Positions
from simulator.numerics.compiled import kernel


@kernel
def sort_rows(time: Floats, order: Positions, unfinished: Bools) -> None:
    """Fills ``order (R, N)``, the stable argsort of ``time (R, N)``, what is not finite last in order of place.

    One bucket per patient, then insertion. A row that is too uneven for that is left and marked in ``unfinished``.
    """
    rows, n = time.shape
    bucket = np.empty(n, np.int64)
    start = np.empty(n + 2, np.int64)
    key = np.empty(n, np.float64)
    for r in range(rows):
        low, high = np.inf, -np.inf
        for i in range(n):
            t = time[r, i]
            if np.isfinite(t):
                low = min(low, t)
                high = max(high, t)
        spread = high - low
        scale = (n - 1) / spread if 1e-280 < spread < 1e280 else 0.0
        for b in range(n + 2):
            start[b] = 0
        for i in range(n):
            t = time[r, i]
            bucket[i] = int((t - low) * scale) if np.isfinite(t) else n
            start[bucket[i] + 1] += 1
        for b in range(n + 1):
            start[b + 1] += start[b]
        finite = start[n]
        for i in range(n):
            place = start[bucket[i]]
            start[bucket[i]] += 1
            order[r, place] = i
            key[place] = time[r, i]
        budget = 32 * n + 1000
        for i in range(1, finite):
            t, who = key[i], order[r, i]
            j = i - 1
            while j >= 0 and key[j] > t:
                key[j + 1] = key[j]
                order[r, j + 1] = order[r, j]
                j -= 1
            key[j + 1] = t
            order[r, j + 1] = who
            budget -= i - 1 - j
            if budget < 0:
                unfinished[r] = True
                break
