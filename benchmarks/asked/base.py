"""What a document was read from, and what it says otherwise than the document that it extends."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.documents.differences import differences
from simulator.documents.loading import Document, DocumentError, assumed, load, shipped
from simulator.world.sections import NOT_THE_WORLD, World


@dataclass(frozen=True)
class Base:
    """The files that were read, base first, by name; the base among them, and (place, there, here) of what differs.

    ``rows`` are None where the base cannot be read.
    """

    files: tuple[str, ...]
    name: str
    rows: tuple[tuple[str, str, str], ...] | None

    def as_json(self) -> dict[str, Any]:
        """As a manifest keeps it."""
        return {
            "files": list(self.files),
            "name": self.name,
            "rows": None if self.rows is None else [list(row) for row in self.rows],
        }


def base_of(document: Document, shipped_only: bool = False) -> Base:
    """The base of a document; ``shipped_only``: no file is read but shipped ones, as another's folder may name any."""
    files = tuple(shipped_name(file) for file in document.files)
    if not files:
        return Base((), "", None)
    place = 0 if len(files) == 1 else -2
    base = document.files[place]
    if shipped_only and files[place] not in shipped():
        return Base(files, files[place], None)
    try:
        tree = load(files[place] if shipped_only else base).tree
    except DocumentError:
        return Base(files, str(base), None)
    leaves = [
        one for one in differences(tree, document.tree) if one.path.split(".")[0] not in (*NOT_THE_WORLD, "extends")
    ]
    return Base(files, files[place], tuple((one.path, text_of(one.one), text_of(one.other)) for one in leaves))


def assumed_values(document: Document) -> list[str]:
    """Dotted paths of the values of the world that state no source."""
    return assumed(document, World.sections())


def read_base(held: Any) -> Base:
    """The base that a manifest keeps; ValueError for none of ours."""
    try:
        files, name, rows = held["files"], held["name"], held["rows"]
        made = None if rows is None else tuple((row[0], row[1], row[2]) for row in rows)
        texts = [name, *files, *(text for row in made or () for text in row)]
    except (TypeError, KeyError, IndexError):
        raise ValueError("no base") from None
    if not isinstance(files, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError("no base")
    return Base(tuple(files), name, made)


def shipped_name(path: object) -> str:
    """A shipped document by its name, whatever machine it was read on; any other file as it was named."""
    name = Path(str(path)).stem
    known = shipped().get(name)
    return name if known is not None and known.resolve() == Path(str(path)).resolve() else str(path)


def text_of(value: Any) -> str:
    """A value of a document in words, a long one cut."""
    shown = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return shown if len(shown) <= 400 else f"{shown[:397]}..."
