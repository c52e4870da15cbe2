"""Truths of an unchanged world, kept across runs in the user's own cache beside the compiled code.

They lie under all that could change them: the code, the libraries that compute, the machine. Names and checksums are
those of a run folder, and whoever reads one sees that it is what was asked.
"""

import hashlib
import platform
import shutil
from contextlib import suppress
from importlib.metadata import version

from benchmarks.asked.blocks import Cell
from benchmarks.asked.errors import RunError
from benchmarks.asked.own_files import own_functions
from benchmarks.runs.code import code_digest
from benchmarks.runs.manifest import NUMBER_MAKERS
from benchmarks.runs.store import RunFolder
from simulator.numerics.compiled import cache_home

OTHERS = 3
"""Of how many other states of the code the truths are left, those written last."""


def remembered(cell: Cell) -> RunFolder | None:
    """Where the truths of a cell are kept for further runs.

    None where nothing can be kept, and where functions of the user's own take part, whose code may change.
    """
    home = cache_home()
    if home is None or own_functions(cell.scenario):
        return None
    made_by = [code_digest(), platform.machine(), platform.python_version(), *map(version, NUMBER_MAKERS)]
    return RunFolder(home / f"truths-{hashlib.sha256(' '.join(made_by).encode()).hexdigest()[:20]}")


def remember(folder: RunFolder | None, name: str, records: object) -> None:
    """Keep truths for further runs where they can be kept; those of code of long ago are deleted."""
    if folder is None:
        return
    with suppress(RunError, OSError):
        if not folder.path.is_dir():
            others = sorted(folder.path.parent.glob("truths-*"), key=lambda one: one.stat().st_mtime)
            for other in others[:-OTHERS]:
                shutil.rmtree(other, ignore_errors=True)
        folder.write_checked_json(name, records)
