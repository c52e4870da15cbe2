"""The door of the console script: a system that will do, and no package of ours hidden by another of its name."""

import os
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent
UNSUPPORTED = "Windows: not supported (POSIX locks and signals)"


def hidden_by(name: str) -> str | None:
    """The file that stands in the place of our own package ``name``, or None if all is well."""
    found = find_spec(name)
    if found is None:
        return f"nothing: no package '{name}' beside {HOME / 'simulator'}"
    if found.origin is not None and Path(found.origin).resolve() == HOME / name / "__init__.py":
        return None
    return found.origin or str(next(iter(found.submodule_search_locations or ()), "an unknown place"))


def supported() -> bool:
    """Whether the system has what runs rest on: locks of files that end with their process, and signals."""
    return sys.platform != "win32" and find_spec("fcntl") is not None


def main() -> None:
    """Run the command line, after one line and exit code 2 where a file hides a package of ours, or on Windows.

    Processes that it starts import nothing from the current folder, which may be somebody else's.
    """
    if not supported():
        print(f"trialtwin: {UNSUPPORTED}", file=sys.stderr)
        raise SystemExit(2)
    os.environ["PYTHONSAFEPATH"] = "1"
    for name in ("analysis", "benchmarks"):
        other = hidden_by(name)
        if other is not None:
            print(
                f"trialtwin: the package '{name}' is hidden by {other}; rename it or leave its folder", file=sys.stderr
            )
            raise SystemExit(2)
    import_module("benchmarks.cli.commands").main()
