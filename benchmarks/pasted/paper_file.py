"""`PaperFile`: what paper.yaml says, every scalar as text."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import Field

from benchmarks.pasted.paper_rules import clashes, date_faults, table_faults
from simulator.documents.loading import Document, parse
from simulator.documents.merging import plain, walk
from simulator.documents.problems import DocumentError, KeyPath, Place, Problem, described, dotted
from simulator.documents.safe_files import UnsafePath, opened, read_whole
from simulator.documents.spec import Spec
from simulator.documents.yaml12 import MAX_BYTES, Node, read

FILE = "paper.yaml"
DESIGNS = ("randomised", "matched", "weighted", "adjusted", "crude", "stratified")
TIME_UNITS = ("days", "weeks", "months", "years")
_OF_TEXTS = ("endpoints", "follow_up", "eligibility", "exposure", "response", "methods", "curves", "names")
_MAPPINGS = (*_OF_TEXTS, "tables", "assumed")
_OPTIONAL = ("question", "time_unit", "accrual", "cut_off", "text", "ignore", "results", *_MAPPINGS[1:])
_COMMENT = re.compile(r"\s#\s*(?P<said>\S.{0,199})")


class PaperArms(Spec):
    """The words by which the heads of the tables name the arms, and what readers call them where that is not clear."""

    control: str
    treated: str
    control_label: str | None = None
    treated_label: str | None = None


class PaperFile(Spec):
    """What paper.yaml says; every scalar is text, so that 0.050, 1:1, No and 026 keep their print.

    ``tables`` has for each file its ``kind`` and what else settles it (columns by letter, rows by label, ``rows``,
    ``where``, ``n``), a kind alone being ``{kind: ...}``; ``curves`` the endpoint and side of each digitised curve.
    """

    name: str
    source: str
    question: str = ""
    design: str
    arms: PaperArms
    time_unit: str = "months"
    endpoints: dict[str, str]
    accrual: str = ""
    cut_off: str = ""
    follow_up: dict[str, str] = Field(default_factory=dict)
    eligibility: dict[str, str] = Field(default_factory=dict)
    exposure: dict[str, str] = Field(default_factory=dict)
    response: dict[str, str] = Field(default_factory=dict)
    methods: dict[str, str] = Field(default_factory=dict)
    tables: dict[str, dict[str, str | dict[str, str]]] = Field(default_factory=dict)
    curves: dict[str, str] = Field(default_factory=dict)
    text: str = ""
    ignore: tuple[str, ...] = ()
    names: dict[str, str] = Field(default_factory=dict)
    assumed: dict[str, object] = Field(default_factory=dict)
    results: str = ""


@dataclass(frozen=True)
class Places:
    """Where paper.yaml says what: the line of each of its values, and what is remarked behind them.

    ``folder`` is where its files lie, ``file`` its name there. ``results`` are the result lines with their lines in
    the file; ``cited`` what stands behind a ``#`` at the end of a line, which of a fact is its place in the paper.
    """

    folder: Path
    file: str = FILE
    lines: Mapping[KeyPath, int] = field(default_factory=dict)
    results: tuple[tuple[int, str], ...] = ()
    cited: Mapping[int, str] = field(default_factory=dict)

    def line(self, *path: str) -> int:
        """The line of a value, or of the nearest parent that has one."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)

    def where(self, *path: str) -> str:
        """The place in the paper of a fact; empty where no line says it."""
        return self.cited.get(self.lines.get(path, 0), "")


def load_paper(path: Path) -> tuple[PaperFile, Places]:
    """What a folder with paper.yaml, or one YAML file, says, and where; DocumentError lists all that is wrong."""
    folder, file = (path, FILE) if path.is_dir() else (path.parent, path.name)
    shown = str(folder / file)
    try:
        data = read_whole(folder, file, MAX_BYTES)
    except FileNotFoundError:
        mend = f"`trialtwin paper new {path}` writes one" if path.is_dir() or not path.suffix else "name a folder"
        raise DocumentError([Problem(shown, 0, 0, "", "there is no such file", mend)]) from None
    except OSError as error:
        raise DocumentError([Problem(shown, 0, 0, "", f"cannot be read ({error.strerror})", "")]) from None
    root = read(data, shown, as_text=True)
    if not isinstance(root.value, dict):
        message = f"must be a mapping, not {described(root.value)}"
        raise DocumentError([Problem(*root.place, "", message, "write 'key: value' lines")])
    written = data.decode("utf-8").splitlines()
    problems: list[Problem] = []
    results = _result_lines(root.value.get("results"), written, problems)
    root = _plainly(root)
    document = Document(plain(root), (shown,), root)
    problems += [_placed(document, *fault) for fault in _faults(document.tree, folder)]
    try:
        paper = parse(document, PaperFile)
    except DocumentError as error:
        paper, problems = None, [*error.problems, *problems]
    if problems or paper is None:
        raise DocumentError(sorted(problems, key=lambda one: (one.line, one.column)))
    lines = {found: node.key.line for found, node in walk(root)}
    return paper, Places(folder, file, lines, results, _cited(written, root))


def file_name(name: str) -> str:
    """The name of the file in which a table stands: that of "page.html#2", its second table, is page.html."""
    return re.sub(r"#\d{1,2}$", "", name)


def file_of(places: Places, name: str, most: int = MAX_BYTES) -> bytes:
    """The content of a file of the paper's folder; DocumentError where it cannot be had."""
    try:
        return read_whole(places.folder, file_name(name), most)
    except OSError as error:
        line = max(places.line("tables", name), places.line("curves", name), 1)
        said = Place(str(places.folder / places.file), line, 1)
        raise DocumentError([Problem(*said, "", f"'{name}' {_cannot(error)}", "")]) from None


def _cannot(error: OSError) -> str:
    return str(error.strerror) if isinstance(error, UnsafePath) else f"cannot be read ({error.strerror})"


def _result_lines(node: Node | None, written: list[str], problems: list[Problem]) -> tuple[tuple[int, str], ...]:
    """The result lines with their lines in the file; a text of several lines must be a literal block."""
    if node is None or not isinstance(node.value, str) or not node.value.strip():
        return ()
    mark = written[node.place.line - 1][node.place.column - 1 :][:1] if node.place.line <= len(written) else ""
    texts = node.value.split("\n")
    if mark == "|":
        return tuple((node.place.line + 1 + k, text) for k, text in enumerate(texts) if text.strip())
    if mark == ">" or len(texts) > 1 or _spans(node, written):
        message = "is a text of several lines that YAML joins"
        problems.append(Problem(*node.place, "results", message, "write 'results: |', and the lines below it"))
        return ()
    return ((node.place.line, node.value),)


def _spans(node: Node, written: list[str]) -> bool:
    """Whether a text goes on in further lines of the file."""
    assert isinstance(node.value, str)
    rest = written[node.place.line - 1][node.place.column - 1 :]
    return len(" ".join(node.value.split())) > len(" ".join(rest.split()))


def _plainly(root: Node) -> Node:
    """The document with its short forms written out: a kind alone, lists of words, and nothing where a section is."""
    entries: dict[str, Node] = {}
    for name, node in root.value.items():
        if node.value == "" and name in _OPTIONAL:
            continue
        if name in _OF_TEXTS and isinstance(node.value, dict):
            node = Node({key: _joined(one) for key, one in node.value.items()}, node.place, node.key)
        elif name == "tables" and isinstance(node.value, dict):
            kinds = {file: _entry(one) for file, one in node.value.items()}
            node = Node(kinds, node.place, node.key)
        elif name == "ignore" and isinstance(node.value, str):
            texts = tuple(Node(text.strip(), node.place, node.place) for text in node.value.split("\n") if text.strip())
            node = Node(texts, node.place, node.key)
        entries[name] = node
    return Node(entries, root.place, root.key)


def _joined(node: Node) -> Node:
    """A list of words as one text."""
    if isinstance(node.value, tuple) and all(isinstance(item.value, str) for item in node.value):
        return Node(", ".join(str(item.value) for item in node.value), node.place, node.key)
    return node


def _entry(node: Node) -> Node:
    if isinstance(node.value, str):
        return Node({"kind": Node(node.value, node.place, node.place)}, node.place, node.key)
    if isinstance(node.value, dict):
        return Node({key: _joined(one) for key, one in node.value.items()}, node.place, node.key)
    return node


def _placed(document: Document, path: KeyPath, message: str, mend: str) -> Problem:
    found = path
    while found and found not in document.places:
        found = found[:-1]
    return Problem(*document.places[found], dotted(path), message, mend)


def _faults(tree: Mapping[str, Any], folder: Path) -> Iterator[tuple[KeyPath, str, str]]:
    """What is wrong beyond the shape: path, what, and what would be right."""
    for name in ("name", "source"):
        if tree.get(name) == "":
            yield (name,), "is empty", f"write '{name}: ...'"
    for name, known in (("design", DESIGNS), ("time_unit", TIME_UNITS)):
        given = tree.get(name)
        if isinstance(given, str) and given not in known:
            near = get_close_matches(given.casefold(), known, 1)
            yield (name,), f"must be {', '.join(known)}, not '{given}'", f"did you mean '{near[0]}'?" if near else ""
    yield from clashes(tree)
    yield from date_faults(tree)
    yield from table_faults(tree)
    named = [("tables", name) for name in _mapping(tree, "tables")] + [
        ("curves", name) for name in _mapping(tree, "curves")
    ]
    text = tree.get("text")
    for path in [*named, *([("text", text)] if isinstance(text, str) and text else [])]:
        try:
            with opened(folder, file_name(path[-1])):
                pass
        except FileNotFoundError:
            yield path, f"there is no file '{path[-1]}' beside it", _nearest_file(path[-1], folder)
        except (OSError, ValueError) as error:
            told = _cannot(error) if isinstance(error, OSError) else "is no name of a file"
            yield path, f"'{path[-1]}' {told}", "name a file of this folder, as in table1.tsv"


def _mapping(tree: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = tree.get(name)
    return found if isinstance(found, dict) else {}


def _nearest_file(name: str, folder: Path) -> str:
    there = sorted(one.name for one in folder.iterdir() if one.is_file() and one.suffix not in (".yaml", ".yml"))
    near = get_close_matches(name, there, 1)
    return f"did you mean '{near[0]}'?" if near else f"there are {', '.join(there[:12]) or 'no other files'}"


def _cited(written: list[str], root: Node) -> dict[int, str]:
    """What stands behind a ``#`` at the end of the lines outside of blocks of text."""
    found: dict[int, str] = {}
    within = root.value.get("results")
    first = within.place.line if within is not None else len(written) + 1
    last = first + within.value.count("\n") if within is not None and isinstance(within.value, str) else first
    for k, line in enumerate(written, 1):
        said = None if first <= k <= last else _COMMENT.search(line)
        if said is not None and not line.lstrip().startswith("#"):
            found[k] = said["said"].strip()
    return found
