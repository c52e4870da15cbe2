"""Where the parts that record something beside the course are put together."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.derived.paper_numbers import PaperNumbers
from benchmarks.derived.parts import Assumption, Tree


@dataclass
class Recorded:
    """Parts of ``outcomes`` and of ``entry``, what of them may be fitted, and what was assumed or is told."""

    outcomes: Tree = field(default_factory=dict)
    entry: Tree = field(default_factory=dict)
    free: Tree = field(default_factory=dict)
    assumed: list[Assumption] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def assume(self, path: str, value: float, prior_sd: float | None, why: str) -> None:
        """An assumption."""
        self.assumed.append(Assumption(path, value, prior_sd, why))


def by_arm(numbers: PaperNumbers, values: Sequence[float], decimals: int = 4) -> Tree:
    """Values of control and treated under the names of the arms."""
    arms = numbers.reading.paper.arms
    return {
        name: round(value, decimals) if isinstance(value, float) else value
        for name, value in zip((arms.control, arms.treated), values, strict=True)
    }
