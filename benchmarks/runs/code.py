"""The digest of the code that rows are made by: of what it does, not of how it is commented or worded."""

import ast
import hashlib
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path

from simulator.numerics.compiled import cache_home

MAKERS = {
    "simulator": ("numerics", "documents", "cohort", "mechanisms", "world"),
    "analysis": ("kernels", "plan", "survival", "propensity", "two_samples", "estimators"),
    "benchmarks": ("asked", "runs", "truth"),
}
"""The wings that can change a row or a truth that a run folder keeps; the others judge, show, or hand out the work."""

HOME = Path(__file__).resolve().parents[2]
TELLS = ("Error", "Problem")
"""How the names end of what only tells a person something."""


def makers(home: Path) -> list[Path]:
    """Every file of the wings that can change a number."""
    wings = [home / room / wing for room, names in MAKERS.items() for wing in names]
    return sorted(path for wing in wings for path in wing.rglob("*.py"))


@cache
def code_digest() -> str:
    """The SHA-256 of what can change a number."""
    return digest_of(HOME, cache_home())


@cache
def pages_digest() -> str:
    """The first digits of the SHA-256 of all that words, tabulates and draws what was found, and changes no number."""
    rooms = (HOME / "analysis", HOME / "benchmarks")
    files = [path for room in rooms for path in room.rglob("*") if path.suffix in (".py", ".html", ".css", ".js")]
    made = hashlib.sha256(f"{version('matplotlib')} {version('jinja2')}".encode())
    for path in sorted(path for path in files if "speed" not in path.parts):
        made.update(path.name.encode() + b"\0" + path.read_bytes())
    return made.hexdigest()[:12]


def digest_of(home: Path, folder: Path | None) -> str:
    """The SHA-256 of what the makers below ``home`` do.

    Parsing all of them takes half a second, so the answer is kept in ``folder``, under the digest of their bytes.
    """
    files = [(path.relative_to(home).as_posix(), path.read_bytes()) for path in makers(home)]
    exact = hashlib.sha256(sys.version.encode() + Path(__file__).read_bytes())
    for name, content in files:
        exact.update(f"{name} {hashlib.sha256(content).hexdigest()}\n".encode())
    place = None if folder is None else folder / f"code-{exact.hexdigest()[:32]}"
    found = _kept(place)
    if found is None:
        said = "".join(f"{name} {hashlib.sha256(meaning(content).encode()).hexdigest()}\n" for name, content in files)
        found = hashlib.sha256(said.encode()).hexdigest()
        _keep(place, found)
    return found


@cache
def meaning(source: bytes) -> str:
    """What a module does, as text: without comments, layout, docstrings, and the words of errors and problems."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [one for one in body if not _is_text(one)]  # type: ignore[attr-defined]
        if isinstance(node, ast.Call) and _called(node.func).endswith(TELLS):
            node.args, node.keywords = [], []
    return ast.dump(tree)


def _called(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _kept(place: Path | None) -> str | None:
    """The digest that lies there; None where there is none, or not a whole one."""
    try:
        text = "" if place is None else place.read_text("ascii")
    except (OSError, UnicodeDecodeError):
        return None
    return text if len(text) == 64 else None


def _keep(place: Path | None, digest: str) -> None:
    """Write the digest where one can be written; it is found anew where not."""
    if place is None:
        return
    try:
        place.write_text(digest, "ascii")
    except OSError:
        return
