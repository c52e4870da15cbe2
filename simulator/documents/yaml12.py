"""Hardened reading of YAML 1.2: bytes become nodes that know their places, or a DocumentError that lists every problem.

The events of PyYAML's parser are composed here, one by one and without recursion, so that nothing is built before it
has been judged. Plain scalars follow the core schema of YAML 1.2 (``1e-3`` is a number, ``012`` is 12, ``no`` and
``2024-01-31`` are text); anchors, aliases, merge keys, tags, duplicate keys and further documents are refused.
Keys are text as written: ``0: 0.86`` has the key ``"0"``. Where print is wanted and not values, all scalars are.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.parser import Parser as EventParser
from yaml.reader import Reader
from yaml.scanner import Scanner

from simulator.documents.problems import MAX_SHOWN, DocumentError, KeyPath, Place, Problem, dotted, printable


class PythonParser(Reader, Scanner, EventParser):
    """PyYAML's own parser, for where it was built without libyaml."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        EventParser.__init__(self)


Parser: Any = getattr(yaml, "CSafeLoader", PythonParser)

MAX_BYTES = 1_000_000
MAX_DEPTH = 50
MAX_VALUES = 20_000

_BREAK = re.compile(r"\r\n|\r|\n")
_NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_INT = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS = {"": None, "~": None} | {
    shape(word): value
    for word, value in (("null", None), ("true", True), ("false", False))
    for shape in (str.lower, str.title, str.upper)
}
_HINTS = {
    "mapping values are not allowed": "write 'key: value', keys of one mapping indented alike; quote a text with ': '",
    "found character": "indent with spaces, not tabs; put a text that begins with @, `, % or a tab in quotes",
    "tab character": "indent with spaces, not tabs",
    "could not find expected ':'": "write 'key: value'",
    "did not find expected key": "indent the keys of one mapping alike; close every bracket and quote",
    "did not find expected ',' or": "close the bracket, and put a comma between its entries",
    "found unexpected end of stream": "close the quote",
    "did not find expected node content": "put a value here",
    "unknown escape character": "write \\\\ for a backslash, or use single quotes",
}


@dataclass(frozen=True, slots=True)
class Node:
    """A value with its place, the place of its key (its own in a list), and its stated source.

    ``deleted`` marks what stands where a null deleted a value of the base document.
    """

    value: Any
    place: Place
    key: Place
    source: str | None = None
    deleted: bool = False


def read(data: bytes, file: str, as_text: bool = False) -> Node:
    """The one document in ``data``, whatever its top level; DocumentError lists all that is wrong with it.

    ``as_text`` keeps every scalar as it is written: 0.050, 1:1, no, 012, ~ and null are texts, nothing is an empty one.
    """
    text = _decoded(data, file)
    composer = _Composer(file, as_text)
    try:
        for event in _events(text):
            if not composer.take(event):
                break
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        composer.problems.append(_syntax(error, Place(file, line, column)))
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # escapes such as \UFFFFFFFF in the Python parser
        composer.problems.append(Problem(file, 1, 1, "", f"not valid YAML: {error}"))
    if composer.problems:
        raise DocumentError(composer.problems)
    if composer.root is None:
        raise DocumentError([Problem(file, 1, 1, "", "the document is empty", "write 'key: value' lines")])
    return composer.root


def top_texts(data: bytes, file: str) -> dict[str, str]:
    """The scalars under the document's own keys, as they are written. No value is judged: for lists of documents."""
    found: dict[str, str] = {}
    depth, name = 0, None
    try:
        for event in _events(_decoded(data, file)):
            if isinstance(event, yaml.CollectionStartEvent):
                depth, name = depth + 1, None
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            elif depth == 1 and isinstance(event, yaml.ScalarEvent):
                if name is None:
                    name = event.value
                else:
                    found[name], name = event.value, None
    except yaml.YAMLError:
        read(data, file)
        raise
    return found


def _decoded(data: bytes, file: str) -> str:
    def fail(before: str, message: str, suggestion: str) -> DocumentError:
        lines = _BREAK.split(before)
        return DocumentError([Problem(file, len(lines), len(lines[-1]) + 1, "", message, suggestion)])

    if len(data) > MAX_BYTES:
        raise fail("", f"larger than {MAX_BYTES:,} bytes", "a scenario is a few pages; keep data in files of their own")
    if data.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        raise fail("", "begins with a byte order mark", "save the file as UTF-8 without one")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        raise fail(before, f"not UTF-8 text (byte 0x{data[error.start]:02x})", "save the file as UTF-8") from None
    found = _NOT_TEXT.search(text)
    if found:
        raise fail(text[: found.start()], f"holds the control character U+{ord(found[0]):04X}", "delete it")
    return text


def _events(text: str) -> Iterator[Any]:
    parser = Parser(text)
    while (event := parser.get_event()) is not None:
        yield event


def _syntax(error: yaml.MarkedYAMLError, place: Place) -> Problem:
    said = str(error.problem or error.context)
    suggestion = next((hint for start, hint in _HINTS.items() if start in said), "")
    context = error.context_mark
    if context and context.line + 1 != place.line:
        said += f" ({error.context} that begins in line {context.line + 1})"
    return Problem(*place, "", f"not valid YAML: {said}", suggestion)


@dataclass
class _Frame:
    """A mapping or list under construction; ``name`` is the key whose value is awaited."""

    is_mapping: bool
    place: Place
    entries: dict[str, Node]
    items: list[Node]
    name: str | None = None
    key: Place | None = None
    awaits_value: bool = False


class _Composer:
    """Builds nodes from events; soft problems are gathered and the reading goes on."""

    def __init__(self, file: str, as_text: bool = False) -> None:
        self.file = file
        self.as_text = as_text
        self.root: Node | None = None
        self.problems: list[Problem] = []
        self._frames: list[_Frame] = []
        self._documents = 0
        self._values = 0

    def take(self, event: Any) -> bool:
        """Whether reading may go on after this event."""
        mark = event.start_mark
        place = Place(self.file, mark.line + 1, mark.column + 1)
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    self._fault(place, "a second document begins here", "keep one document per file")
                    return False
                if event.tags:
                    self._fault(place, "%TAG directives are refused", "write plain values")
            case yaml.AliasEvent():
                self._fault(place, f"the alias *{event.anchor} is refused", "write the value out, or use 'extends'")
                self._put(Node(None, place, place), None)
            case yaml.ScalarEvent():
                self._check(event, place)
                plain = event.style in (None, "")
                self._put(self._scalar(event.value, plain, place), (event.value, plain))
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._check(event, place)
                if len(self._frames) >= MAX_DEPTH:
                    self._fault(place, f"nested deeper than {MAX_DEPTH} levels", "write it flatter")
                    return False
                self._frames.append(_Frame(isinstance(event, yaml.MappingStartEvent), place, {}, []))
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                done = self._frames.pop()
                value = done.entries if done.is_mapping else tuple(done.items)
                self._put(Node(value, done.place, done.place), None)
        self._values += 1
        if self._values > MAX_VALUES:
            self._fault(place, f"more than {MAX_VALUES:,} values", "keep data in files of their own")
            return False
        return len(self.problems) <= MAX_SHOWN

    def _path(self) -> KeyPath:
        return tuple((frame.name or "") if frame.is_mapping else len(frame.items) for frame in self._frames)

    def _fault(self, place: Place, message: str, suggestion: str) -> None:
        key = dotted(tuple(part for part in self._path() if part != ""))
        self.problems.append(Problem(*place, key, message, suggestion))

    def _check(self, event: Any, place: Place) -> None:
        if event.anchor is not None:
            self._fault(place, f"the anchor &{event.anchor} is refused", "write values out, or use 'extends'")
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._fault(place, f"the tag {tag} is refused", "write the value plainly; quotes make it text")

    def _put(self, node: Node, scalar: tuple[str, bool] | None) -> None:
        """Hand a finished node to the frame it stands in; ``scalar`` is its text and whether it is unquoted."""
        if not self._frames:
            self.root = node
            return
        frame = self._frames[-1]
        if not frame.is_mapping:
            frame.items.append(node)
        elif not frame.awaits_value:
            frame.name, frame.key, frame.awaits_value = self._name(node, scalar), node.place, True
        else:
            if frame.name is not None and frame.key is not None:
                frame.entries[frame.name] = Node(node.value, node.place, frame.key)
            frame.name, frame.key, frame.awaits_value = None, None, False

    def _name(self, node: Node, scalar: tuple[str, bool] | None) -> str | None:
        """The key as text; None if it cannot be one."""
        entries = self._frames[-1].entries
        if scalar is None:
            self._fault(node.place, "a key must be text, not a list or a mapping", "write 'key: value'")
        elif scalar == ("<<", True):
            self._fault(node.place, "the merge key << is refused", "use 'extends', or write the values out")
        elif not scalar[0]:
            self._fault(node.place, "a key is empty", "write 'key: value'")
        elif not scalar[0].isprintable():
            unseen = next(c for c in scalar[0] if not c.isprintable())
            self._fault(node.place, f"a key holds U+{ord(unseen):04X}, which does not print", "write a plain key")
        elif scalar[0] in entries:
            self._frames[-1].name = scalar[0]
            first = entries[scalar[0]].key
            self._fault(node.place, f"the key is given twice, first in line {first.line}", "keep one of them")
        else:
            return scalar[0]
        return None

    def _scalar(self, text: str, plain: bool, place: Place) -> Node:
        if not plain or self.as_text:
            found = _NOT_TEXT.search(text)
            if found:
                self._fault(place, f"holds the control character U+{ord(found[0]):04X}", "delete it")
            return Node(text, place, place)
        try:
            return Node(plain_value(text), place, place)
        except ValueError as error:
            message, _, suggestion = str(error).partition("; ")
            frame = self._frames[-1] if self._frames else None
            if frame is None or not frame.is_mapping or frame.awaits_value:  # a key is text, whatever it looks like
                self._fault(place, message, suggestion)
            return Node(None, place, place)


def plain_value(text: str) -> bool | int | float | str | None:
    """What an unquoted scalar stands for in the core schema of YAML 1.2; ValueError for numbers that cannot be held."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text) or _BASED.fullmatch(text):
        digits = text.lstrip("+-").lstrip("0") or "0"
        if len(digits) > 25:
            raise ValueError(f"the number {printable(text, 40)} is too large; write it as 1e30, or as text in quotes")
        number = int(text, 0) if digits[0] in "ox" else int(digits) * (-1 if text[0] == "-" else 1)
        if not -(2**63) <= number < 2**63:
            raise ValueError(f"the number {text} is too large; whole numbers end at 9223372036854775807")
        return number
    if _FLOAT.fullmatch(text):
        value = float(text)
        if math.isinf(value) or (value == 0 and re.search("[1-9]", re.split("[eE]", text)[0])):
            size = "large" if value else "small"
            raise ValueError(f"the number {printable(text, 40)} is too {size}; write one between 1e-300 and 1e300")
        return value
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"{text} is refused; write a finite number, or null for none")
    return text
