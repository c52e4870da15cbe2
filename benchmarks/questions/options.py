"""What the command line says of any question."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """What the command line says of any question, and the whole ``command``."""

    command: str
    name: str
    settings: tuple[str, ...]
    endpoint: str
    estimator: str | None
    reps: int
    seed: int | None
    jobs: int
    out: Path | None
    trust: bool = False
