"""The house keeps its one direction and its manners; each check is shown to catch a planted violation."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

HOME = Path(__file__).parent.parent
ROOMS = {"simulator": set(), "analysis": {"simulator"}, "benchmarks": {"simulator", "analysis"}}
THE_DOOR = ("simulator/start.py", "benchmarks.cli")  # the console script's one look upward
DRAWS = {"simulator/streams.py"}
MOST_LINES = 400


def modules(home: Path) -> list[Path]:
    """Every module of the rooms."""
    return sorted(path for room in ROOMS for path in (home / room).rglob("*.py"))


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported, inside functions and by a constant name too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__"):
                yield str(node.args[0].value)


def upward(home: Path) -> list[str]:
    """Imports that run against the one direction, or out of benchmarks/speed."""
    found = []
    for path in modules(home):
        place = path.relative_to(home).as_posix()
        room = place.split("/")[0]
        for name in imported(ast.parse(path.read_text("utf-8"))):
            top = name.split(".")[0]
            if top in ROOMS and top != room and top not in ROOMS[room] and (place, name) != THE_DOOR:
                found.append(f"{place} imports {name}")
            if name.startswith("benchmarks.speed") and not place.startswith("benchmarks/speed/"):
                found.append(f"{place} imports {name}")
    return found


def ill_mannered(home: Path) -> list[str]:
    """Bare or blanket excepts, public ``**kwargs``, randomness out of its place, undocumented or overlong things."""
    found = []
    for path in modules(home):
        place, text = path.relative_to(home).as_posix(), path.read_text("utf-8")
        tree = ast.parse(text)
        if text.count("\n") > MOST_LINES:
            found.append(f"{place}: more than {MOST_LINES} lines")
        if not ast.get_docstring(tree):
            found.append(f"{place}: no docstring")
        for node in ast.walk(tree):
            where = f"{place}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.ExceptHandler) and ast.unparse(node.type or ast.Name("Exception")) in (
                "Exception",
                "BaseException",
            ):
                found.append(f"{where}: a blanket except")
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                if not ast.get_docstring(node) and not _inner(tree, node):
                    found.append(f"{where}: {node.name} has no docstring")
                if isinstance(node, ast.FunctionDef) and node.args.kwarg:
                    found.append(f"{where}: {node.name} takes **{node.args.kwarg.arg}")
            if isinstance(node, ast.Attribute) and ast.unparse(node) in ("np.random", "numpy.random"):
                found.append(f"{where}: randomness outside simulator/streams.py")
        if "random" in {name.split(".")[0] for name in imported(tree)} and place not in DRAWS:
            found.append(f"{place}: imports random")
    return found


def _inner(tree: ast.AST, node: ast.AST) -> bool:
    functions = (outer for outer in ast.walk(tree) if isinstance(outer, ast.FunctionDef))
    return any(node is not outer and node in ast.walk(outer) for outer in functions)


def test_imports_have_one_direction() -> None:
    assert len(modules(HOME)) > 20
    assert upward(HOME) == []


def test_manners_are_kept() -> None:
    assert ill_mannered(HOME) == []


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("simulator/a.py", "import analysis.cox"),
        ("simulator/a.py", "def f():\n    from benchmarks import cli"),
        ("analysis/a.py", "from benchmarks.store import RunFolder"),
        ("analysis/a.py", "import importlib\nimportlib.import_module('benchmarks.cli')"),
        ("benchmarks/a.py", "import benchmarks.speed"),
    ],
)
def test_a_planted_upward_import_is_caught(tmp_path: Path, place: str, line: str) -> None:
    (tmp_path / place).parent.mkdir()
    (tmp_path / place).write_text(line)
    assert len(upward(tmp_path)) == 1


@pytest.mark.parametrize(
    "line",
    [
        "try:\n    pass\nexcept Exception:\n    pass",
        "try:\n    pass\nexcept:\n    pass",
        "def f(**kwargs):\n    'Return.'",
        "def f():\n    pass",
        "import numpy as np\nx = np.random.default_rng()",
        "import random",
        "x = 1\n" * (MOST_LINES + 1),
    ],
)
def test_a_planted_lapse_is_caught(tmp_path: Path, line: str) -> None:
    (tmp_path / "analysis").mkdir()
    (tmp_path / "analysis" / "a.py").write_text('"""A module."""\n' + line)
    assert ill_mannered(tmp_path)


def test_scenarios_hold_no_python() -> None:
    files = [path for path in (HOME / "scenarios").rglob("*") if path.is_file()]
    assert len(files) >= 4
    assert {path.suffix for path in files} <= {".yaml", ".json"}


def test_pins_hold_hashes_and_no_address() -> None:
    for name in ("requirements.txt", "requirements-test.txt"):
        text = (HOME / name).read_text("utf-8")
        pins = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
        assert len(pins) > 20
        assert all("==" in line for line in pins)
        assert text.count("--hash=sha256:") >= len(pins)
        assert "://" not in text
