"""Our packages are found where they lie, whatever folders of the same names Python would meet before them.

Their names are plain words; a user may have an ``analysis/`` of his own in the current folder.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

HOME = Path(__file__).resolve().parent.parent
ROOMS = ("simulator", "analysis", "benchmarks")


class OurFinder:
    """Finds the packages named in `ROOMS` beside this one, and nothing else."""

    @staticmethod
    def find_spec(
        name: str,
        path: Sequence[str] | None = None,  # noqa: ARG004  a finder is asked with all three
        target: ModuleType | None = None,  # noqa: ARG004
    ) -> ModuleSpec | None:
        """Where our package of that name lies; None for any other name."""
        return PathFinder.find_spec(name, [str(HOME)]) if name in ROOMS else None


def find_ours() -> None:
    """Let this interpreter find our packages; ImportError where another of the same name is imported already."""
    for name in ROOMS:
        loaded = sys.modules.get(name)
        if loaded is not None and not _is_ours(name, getattr(loaded, "__file__", None)):
            where = getattr(loaded, "__file__", None) or next(iter(getattr(loaded, "__path__", ())), "an unknown place")
            raise ImportError(
                f"a package '{name}' that is not TrialTwin's is imported already, from {where}; import trialtwin "
                "before it in a new interpreter, or rename it"
            )
    if OurFinder not in sys.meta_path:
        sys.meta_path.insert(0, OurFinder)


def path_for_children(path: Sequence[str]) -> list[str]:
    """Python's path with what hides a package of ours behind all else: for processes that find modules by it alone."""
    hiding = [place for place in path if _hides(place)]
    if not hiding:
        return list(path)
    others = [place for place in path if place not in hiding]
    return [*others, *(() if str(HOME) in others else (str(HOME),)), *hiding]


@contextmanager
def found_by_children() -> Iterator[None]:
    """Processes that are started within, and take over Python's path, find our packages."""
    before, path = list(sys.path), path_for_children(sys.path)
    if path == before:
        yield
        return
    sys.path[:] = path
    try:
        yield
    finally:
        sys.path[:] = before


def _hides(place: str) -> bool:
    specs = ((name, PathFinder.find_spec(name, [place])) for name in ROOMS)
    return any(spec is not None and spec.origin is not None and not _is_ours(name, spec.origin) for name, spec in specs)


def _is_ours(name: str, file: str | None) -> bool:
    return file is not None and Path(file).resolve() == HOME / name / "__init__.py"
