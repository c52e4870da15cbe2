"""What calibration may change of a derived course: priors and bounds by rule, no more than the paper can pin down."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf

from analysis.audit.kinds import kind_of
from analysis.audit.published import NOT_PRINTED
from benchmarks.derived.parts import Tree
from benchmarks.derived.printed import SIDES, PrintedNumbers

RATE_SD, AFTER_SD, EFFECT_SD, PROGNOSTIC_SD, DROPOUT_SD, SHAPE_SD = 1.0, 1.5, 0.7, 0.5, 1.5, 0.3
RATE_REACH, LOG_HR_BOUNDS, PROGNOSTIC_BOUNDS, MODIFIER_BOUNDS = 60.0, (-4.0, 2.5), (-2.0, 2.0), (-3.0, 4.0)
DROPOUT_REACH = 100.0
PER_PARAMETER = 3  # targets
EVENTS_PER_KNOT = 10


@dataclass(frozen=True)
class FreeEntry:
    """An entry of ``calibration.free``: the rank by which it is left out first (0 never) where targets are few."""

    name: str
    mean: float
    sd: float
    bounds: tuple[float, float]
    log: bool = False
    paths: tuple[str, ...] = ()
    rank: int = 0

    @property
    def tree(self) -> Tree:
        """As the document has it."""
        made: Tree = {"mean": self.mean, "sd": self.sd, "bounds": list(self.bounds)}
        if self.log:
            made["scale"] = "log"
        if self.paths:
            made["paths"] = list(self.paths)
        return made


def rate_entry(path: str, rate: float, sd: float = RATE_SD, reach: float = RATE_REACH, rank: int = 1) -> FreeEntry:
    """A rate on the scale log, within a factor of ``reach``."""
    return FreeEntry(path, rate, sd, (_round(rate / reach), _round(rate * reach)), True, rank=rank)


def effect_entry(path: str, log_hr: float, sd: float = EFFECT_SD, rank: int = 1) -> FreeEntry:
    """An effect of treatment on a hazard."""
    return FreeEntry(path, log_hr, sd, _holding(LOG_HR_BOUNDS, log_hr), rank=rank)


def prognostic_entry(name: str, log_hr: float, paths: Sequence[str]) -> FreeEntry:
    """A prognostic effect, on one transition or several together."""
    own = tuple(paths) if len(paths) > 1 or name != paths[0] else ()
    return FreeEntry(name, log_hr, PROGNOSTIC_SD, _holding(PROGNOSTIC_BOUNDS, log_hr), paths=own, rank=3)


def modifier_entry(path: str, value: float, sd: float) -> FreeEntry:
    """What a subgroup adds to the effect of treatment."""
    return FreeEntry(path, value, sd, _holding(MODIFIER_BOUNDS, value), rank=4)


def dropout_entry(path: str, rate: float) -> FreeEntry:
    """A rate of drop-out."""
    return FreeEntry(path, rate, DROPOUT_SD, (_round(rate / DROPOUT_REACH), _round(rate * DROPOUT_REACH)), True, rank=2)


def shape_entry() -> FreeEntry:
    """How accrual grows."""
    return FreeEntry("entry.accrual.shape", 0.0, SHAPE_SD, (0.0, 2.0), rank=5)


def _holding(bounds: tuple[float, float], value: float) -> tuple[float, float]:
    return (min(bounds[0], value - 1), max(bounds[1], value + 1))


def _round(value: float) -> float:
    return float(f"{value:.3g}")


def curve_targets(numbers: PrintedNumbers) -> int:
    """How many printed numbers bear on hazards and observation: of curves, events, follow-up and effects."""
    return sum(
        key.startswith("endpoints.")
        and one.printed != NOT_PRINTED
        and kind_of(key) != "p"
        and not key.endswith((".percent", ".se", ".log_hr"))
        and not any(f".{table}[" in key for table in ("univariable", "multivariable", "subgroups"))
        for key, one in numbers.numbers.items()
    )


def all_targets(numbers: PrintedNumbers) -> int:
    """How many printed numbers tell something of their own: p-values and what repeats a count left out."""
    return sum(
        one.printed != NOT_PRINTED
        and not one.audit_only
        and not key.startswith("world.")
        and kind_of(key) != "p"
        and not (key.endswith(".percent") and any(f"{key[:-7]}{n}" in numbers.numbers for n in ("n", "yes", "events")))
        for key, one in numbers.numbers.items()
    )


@dataclass(frozen=True)
class Pieces:
    """How many rates and steps of effects a paper's numbers can tell apart."""

    first: int
    after: int
    effect: int


def landmarks_of(numbers: PrintedNumbers, endpoints: Iterable[str]) -> int:
    """The most times at which survival or incidence of one endpoint is printed for the controls."""
    starts = [f"endpoints.{name}.{side}" for name in endpoints for side in SIDES]
    curves = [f"{start}.{curve}" for start in starts for curve in ("km.control.survival", "incidence.control")]
    return max((len(numbers.timed(curve)) for curve in curves), default=0)


def pieces_of(targets: int, landmarks: int, events: float | None) -> Pieces:
    """Pieces by the printed numbers of curves and the times of printed shares; at most one knot per ten events."""
    most = inf if events is None else 1 + events // EVENTS_PER_KNOT

    def at_most(n: int, cap: int) -> int:
        return int(max(1, min(n, cap, most)))

    return Pieces(
        at_most(max(1 + targets // 10, landmarks), 5), at_most(1 + targets // 10, 5), at_most(1 + targets // 12, 4)
    )


def free_tree(entries: Iterable[FreeEntry], targets: int) -> tuple[Tree, list[FreeEntry]]:
    """``calibration.free`` of at most a third as many entries as targets, highest ranks left out, and what is left out.

    Never fewer than rates and effects (rank 1) need.
    """
    made = list(entries)
    most = max(targets // PER_PARAMETER, sum(one.rank <= 1 for one in made))
    order = sorted(range(len(made)), key=lambda k: (made[k].rank, k))
    kept = sorted(order[:most])
    return {made[k].name: made[k].tree for k in kept}, [made[k] for k in sorted(order[most:])]
