"""The derivatives of simulated targets by the parameters: differences on the same luck, brought up to date by steps.

What is kept are the targets' centres at both ends of every difference, from which the derivatives of residuals follow
for any sampling SDs. A step to other parameters teaches what the derivatives are in its direction (Broyden 1965, "A
class of methods for solving nonlinear simultaneous equations", Math Comp 19:577, eq. 4.5), in prior SDs.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from simulator.numerics.arrays import Floats


@dataclass(frozen=True)
class Move:
    """A step ``by (P,)`` in prior SDs, and the targets' centres ``(T,)`` before and after it."""

    by: Floats
    before: Floats
    after: Floats


@dataclass(frozen=True)
class Slopes:
    """Centres ``starts (P, T)`` and ``ends (P, T)`` of differences by ``steps (P,)`` in prior SDs, of so many
    replicates; and the ``moves`` made since.
    """

    starts: Floats
    ends: Floats
    steps: Floats
    replicates: int
    moves: tuple[Move, ...] = ()

    def after(self, move: Move) -> "Slopes":
        """The derivatives once a step was made."""
        return replace(self, moves=(*self.moves, move))

    def of(self, residuals: Callable[[Floats], Floats]) -> Floats:
        """The derivatives ``(T, P)`` by prior SDs of the residuals ``(..., T)`` of centres ``(..., T)``."""
        made = ((residuals(self.ends) - residuals(self.starts)) / self.steps[:, None]).T
        for move in self.moves:
            missed = residuals(move.after) - residuals(move.before) - made @ move.by
            made = made + np.outer(missed, move.by) / (move.by @ move.by)
        return made
