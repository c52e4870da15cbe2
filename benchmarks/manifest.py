"""What a run folder was made from, and the refusal to mix two runs in one folder."""

import hashlib
import json
import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import analysis
import benchmarks
import simulator
from analysis.estimators.own import source_digest
from benchmarks.store import RunError, RunFolder
from simulator.differences import differences
from simulator.documents import Document, DocumentError, digest, load, resolved_yaml
from simulator.world import NOT_THE_WORLD

NUMBER_MAKERS = ("numpy", "scipy", "numba", "llvmlite", "pandas", "pyarrow", "pydantic", "scikit-learn")
SHOWN = "figures", "audit"
JUDGES = ("blocks", "parts", "sampled", "scenario", "truth", "truths", "tallies", "rows")
MANIFEST = "manifest.json"


@cache
def code_digest() -> str:
    """The SHA-256 of the source of everything that can change a number: what only shows numbers is left out."""
    files = [path for room in (simulator, analysis) for path in Path(room.__path__[0]).rglob("*.py")]
    judges = [Path(benchmarks.__path__[0]) / f"{name}.py" for name in JUDGES]
    made = hashlib.sha256()
    for path in sorted([*(one for one in files if not set(SHOWN) & set(one.parts)), *judges]):
        made.update(path.name.encode() + b"\0" + path.read_bytes())
    return made.hexdigest()


@cache
def versions() -> dict[str, str]:
    """Versions of everything that can change a number, by name."""
    made = {name: version(name) for name in NUMBER_MAKERS}
    return {"trialtwin": version("trialtwin"), "code": code_digest()[:12], "python": platform.python_version(), **made}


def manifest(document: Document, seed: int, own: Sequence[str] = ()) -> dict[str, object]:
    """What a run was made from; two runs with the same world and versions share rows. ``own`` are users' functions."""
    return {
        "digest": identity(document, seed),
        "world": world_identity(document, seed),
        "seed": seed,
        "versions": {**versions(), **{function: source_digest(function) for function in own}},
        "machine": platform.machine(),
        "host": platform.node(),
        "command": shlex.join(["trialtwin", *sys.argv[1:]]),
        "sources": document.sources,
        "files": [str(file) for file in document.files],
    }


def identity(document: Document, seed: int) -> str:
    """The digest of the document and the seed: how many replicates are computed does not make another study."""
    return digest({**document.tree, "run": {"seed": seed}})


def world_identity(document: Document, seed: int) -> str:
    """The digest of the world, its analysis and the seed: other estimators or cells can join a run of it."""
    kept = {name: part for name, part in document.tree.items() if name not in NOT_THE_WORLD}
    return digest({**kept, "run": {"seed": seed}})


def open_folder(
    path: Path, document: Document, asked: Mapping[str, object], force_new: bool | None = None
) -> RunFolder:
    """The run folder, new or continued; RunError names what differs from the run that it holds.

    ``force_new`` takes the next free name, ``path-2`` and so on, instead of a folder that is there; None where the
    user cannot ask for that.
    """
    if force_new:
        path = next(free for free in _names(path) if not free.exists())
    folder = RunFolder(path)
    held = _held(folder)
    if held is not None:
        _compare(folder, held, document, asked, force_new is not None)
    folder.write_bytes("scenario.yaml", resolved_yaml(document.tree).encode())
    folder.write_json(MANIFEST, dict(asked))
    return folder


def check_same(folder: RunFolder, held: Mapping[str, Any], document: Document, seed: int, own: Sequence[str]) -> None:
    """Refuse a folder whose run was made by other versions than these, or by another world than its scenario says."""
    _compare(folder, held, document, manifest(document, seed, own), False)


def _names(path: Path) -> Any:
    yield path
    number = 2
    while True:
        yield path.with_name(f"{path.name}-{number}")
        number += 1


def _held(folder: RunFolder) -> dict[str, Any] | None:
    """The manifest that lies in the folder, None in a new one."""
    try:
        text = (folder.path / MANIFEST).read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        told = getattr(error, "strerror", None) or "not UTF-8"
        raise RunError(f"{folder.path}: cannot be used ({told}); choose another folder with --out") from None
    try:
        held = json.loads(text)
    except (ValueError, RecursionError):
        held = None
    if not isinstance(held, dict):
        raise RunError(f"{folder.path}: its {MANIFEST} is not one of ours; choose another folder with --out")
    return held


def _compare(
    folder: RunFolder, held: Mapping[str, Any], document: Document, asked: Mapping[str, Any], may_force: bool
) -> None:
    for key in ("seed", "world", "versions", "machine"):
        if held.get(key) != asked[key]:
            told = _differing(folder, key, held.get(key), asked[key], document)
            what = "other versions" if key == "versions" else f"another {key}"
            raise RunError(
                f"{folder.path}: holds a run with {what} ({told}); choose another folder with --out"
                + (", or let --force-new choose one" if may_force else "")
            )


def _differing(folder: RunFolder, key: str, held: Any, asked: Any, document: Document) -> str:
    """What differs, in a few words: the place in the scenario, the package, or the value."""
    one, other = held, asked
    if key == "world":
        try:
            one, other = load(str(folder.path / "scenario.yaml")).tree, document.tree
        except DocumentError:
            return "its scenario.yaml is absent or damaged"
        one, other = ({name: part for name, part in tree.items() if name not in NOT_THE_WORLD} for tree in (one, other))
    if not isinstance(one, dict) or not isinstance(other, dict):
        return f"{_short(one)}, now {_short(other)}"
    found = [f"{leaf.path}: {_short(leaf.one)}, now {_short(leaf.other)}" for leaf in differences(one, other)]
    return "; ".join(found[:3]) + (f"; and {len(found) - 3} more" if len(found) > 3 else "")


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."
