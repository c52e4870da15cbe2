"""The command `trialtwin`, and `python -m trialtwin`: on a system that will do, with our own packages."""

import os
import sys
from importlib import import_module
from importlib.util import find_spec

UNSUPPORTED = "Windows: not supported (POSIX locks and signals)"


def supported() -> bool:
    """Whether the system has what runs rest on: locks of files that end with their process, and signals."""
    return sys.platform != "win32" and find_spec("fcntl") is not None


def main() -> None:
    """Run the command line, after one line and exit code 2 on Windows.

    Processes that it starts import nothing from the current folder, which may be somebody else's. Linear algebra takes
    one thread unless the user says otherwise: studies are shared among cores, threads of both would wait for each
    other, and how a sum is split would show in its last digit.
    """
    if not supported():
        print(f"trialtwin: {UNSUPPORTED}", file=sys.stderr)
        raise SystemExit(2)
    os.environ["PYTHONSAFEPATH"] = "1"
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import_module("benchmarks.cli.commands").main()


if __name__ == "__main__":
    main()
