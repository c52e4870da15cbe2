"""What a run folder was made from, and the refusal to mix two runs in one folder."""

import platform
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from analysis.estimators.own_code import FOLDER
from benchmarks.asked.asked_by import as_asked
from benchmarks.asked.base import base_of, read_base
from benchmarks.asked.errors import RunError
from benchmarks.asked.own_files import pinned_code
from benchmarks.runs.code import code_digest
from benchmarks.runs.store import RunFolder, plain_json
from simulator.documents.differences import differences
from simulator.documents.loading import Document, DocumentError, digest, load, resolved_yaml
from simulator.world.sections import NOT_THE_WORLD

NUMBER_MAKERS = ("numpy", "scipy", "numba", "llvmlite", "pandas", "pyarrow", "pydantic", "scikit-learn")
MANIFEST = "manifest.json"
SCENARIO = "scenario.yaml"
MOST_BYTES = 8 * 2**20
"""Of a manifest: a document has at most one megabyte, and the manifest tells parts of it again."""

STUDY = "study"
SHAPE: Mapping[str, Callable[[Any], bool]] = {
    "digest": lambda one: _is_text(one) and len(one) == 64,
    "world": lambda one: _is_text(one) and len(one) == 64,
    "seed": lambda one: type(one) is int and 0 <= one < 2**63,
    "versions": lambda one: _are_texts(one) and bool(one),
    "machine": lambda one: _is_text(one),
    "host": lambda one: _is_text(one),
    "command": lambda one: _is_text(one),
    "sources": lambda one: _are_texts(one),
    "files": lambda one: isinstance(one, list) and all(map(_is_text, one)),
    "kind": lambda one: _is_text(one),
    "base": lambda one: bool(read_base(one)),
    "own": lambda one: _are_texts(one),
}
"""What stands at each key of a manifest."""
LATER = ("kind", "base", "own")
"""Keys that older manifests lack."""


@cache
def versions() -> dict[str, str]:
    """Versions of everything that can change a number, by name."""
    made = {name: version(name) for name in NUMBER_MAKERS}
    return {"trialtwin": version("trialtwin"), "code": code_digest()[:12], "python": platform.python_version(), **made}


def manifest(
    document: Document, seed: int, own: Mapping[str, str] | None = None, kind: str = STUDY
) -> dict[str, object]:
    """What a run was made from; two runs with the same world and versions share rows.

    ``own`` are users' functions by the names of their estimators; ``kind`` is that of the folder: a study, or the
    question whose rows it holds.
    """
    return {
        "kind": kind,
        "base": base_of(document).as_json(),
        "digest": identity(document, seed),
        "world": world_identity(document, seed),
        "seed": seed,
        "versions": versions(),
        "own": dict(own or {}),
        "machine": platform.machine(),
        "host": platform.node(),
        "command": as_asked(),
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
    path: Path, document: Document, asked: Mapping[str, object], force_new: bool | None = None, keep: bool = False,
    changed: Callable[[str], None] | None = None,
) -> RunFolder:  # fmt: skip
    """The run folder, new or continued; RunError names what differs from the run that it holds.

    ``keep``: a folder of the very same study keeps its manifest, from whose command its report was made.

    ``force_new`` takes the next free name, ``path-2`` and so on, instead of a folder that is there; None where the
    user cannot ask for that.

    ``changed`` hears of users' functions whose code is another now: their rows are computed anew, and all others stay.
    Where nobody hears it, the folder is refused.
    """
    if force_new:
        path = next(free for free in _names(path) if not free.exists())
    folder = RunFolder(path)
    held = _held(folder)
    if held is not None:
        _compare(folder, held, document, asked, force_new is not None, changed)
    for code in pinned_code(document):
        if folder.read_checked(f"{FOLDER}/{code.sha256}.py") != code.content:
            folder.write_checked(f"{FOLDER}/{code.sha256}.py", code.content)
    scenario = resolved_yaml(document.tree).encode()
    if held is not None and keep and folder.read_bytes(SCENARIO) == scenario:
        return folder
    folder.write_bytes(SCENARIO, scenario)
    folder.write_json(MANIFEST, dict(asked))
    return folder


def check_same(
    folder: RunFolder, held: Mapping[str, Any], document: Document, seed: int, own: Mapping[str, str]
) -> None:
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
        content = folder.read_bytes(MANIFEST, MOST_BYTES)
    except RunError as error:
        raise RunError(f"{error}; choose another folder with --out") from None
    if content is None:
        return None
    try:
        return _shaped(plain_json(content))
    except ValueError as error:
        raise RunError(
            f"{folder.path}: its {MANIFEST} is not one of ours ({error}); choose another folder with --out"
        ) from None


def read_manifest(folder: RunFolder) -> dict[str, Any]:
    """The manifest of a run folder, every key of its kind; RunError where there is none of ours."""
    held = folder.read_json(MANIFEST, MOST_BYTES)
    try:
        return _shaped(held)
    except ValueError as error:
        raise RunError(f"{folder.path}: its {MANIFEST} is not one of ours ({error}); run the study again") from None


def _shaped(held: Any) -> dict[str, Any]:
    """The manifest; ValueError names the first key that is absent or of another kind."""
    if not isinstance(held, dict):
        raise ValueError("no mapping")
    for key, fits in SHAPE.items():
        if key not in held and key not in LATER:
            raise ValueError(f"it lacks '{key}'")
        if key in held and not _fits(fits, held[key]):
            raise ValueError(f"'{key}' is {_short(held[key])}")
    return held


def _fits(fits: Callable[[Any], bool], value: Any) -> bool:
    try:
        return fits(value)
    except ValueError:
        return False


def _is_text(one: Any) -> bool:
    return isinstance(one, str) and len(one) <= 100_000


def _are_texts(one: Any) -> bool:
    return isinstance(one, dict) and all(map(_is_text, one.values()))


def _compare(
    folder: RunFolder, held: Mapping[str, Any], document: Document, asked: Mapping[str, Any], may_force: bool,
    changed: Callable[[str], None] | None = None,
) -> None:  # fmt: skip
    for key in ("seed", "world", "versions", "machine"):
        if held.get(key) != asked[key]:
            told = _differing(folder, key, held.get(key), asked[key], document)
            what = "other versions" if key == "versions" else f"another {key}"
            raise RunError(
                f"{folder.path}: holds a run with {what} ({told}); choose another folder with --out"
                + (", or let --force-new choose one" if may_force else "")
            )
    before, now = (one if isinstance(one, dict) else {} for one in (held.get("own"), asked.get("own")))
    for name in (name for name in now if before.get(name, now[name]) != now[name]):
        if changed is None:
            raise RunError(
                f"{folder.path}: holds a run with other code of the estimator '{name}' ({_short(before[name])}, now "
                f"{_short(now[name])}); give the estimator another name, or choose another folder with --out"
            )
        changed(
            f"{folder.path}: the code of '{name}' is not what it was: its rows are refused and computed anew; those of "
            "all other estimators are kept"
        )


def _differing(folder: RunFolder, key: str, held: Any, asked: Any, document: Document) -> str:
    """What differs, in a few words: the place in the scenario, the package, or the value."""
    one, other = held, asked
    if key == "world":
        try:
            folder.read_bytes(SCENARIO)  # refuses what is no file
            one, other = load(str(folder.path / SCENARIO)).tree, document.tree
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
