"""What the command line says of any question."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.documents.loading import Written


@dataclass(frozen=True)
class Options:
    """What the command line says of any question, and the whole ``command``."""

    command: str
    name: "str | Written"
    settings: tuple[str, ...]
    endpoint: str | None
    estimator: str | None
    reps: int
    seed: int | None
    jobs: int
    out: Path | None
    trust: bool = False
