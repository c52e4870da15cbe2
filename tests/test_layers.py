"""The house keeps its one direction and its manners; each check is shown to catch a planted violation."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

HOME = Path(__file__).parent.parent
ROOMS = {"simulator": set(), "analysis": {"simulator"}, "benchmarks": {"simulator", "analysis"}}
THE_DOOR = ("simulator/start.py", "benchmarks.cli.commands")  # the console script's one look upward
DRAWS = {"simulator/numerics/streams.py"}
MOST_LINES = 400
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def modules(home: Path) -> list[Path]:
    """Every module of the rooms."""
    return sorted(path for room in ROOMS for path in (home / room).rglob("*.py"))


def imported(tree: ast.AST, package: str) -> Iterator[str]:
    """Every module and name that is imported, inside functions, relative to ``package`` and by a constant too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            start = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{start}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            given = [*node.args, *(keyword.value for keyword in node.keywords)]
            if called in ("import_module", "__import__"):
                yield from (str(word.value) for word in given if isinstance(word, ast.Constant))


def upward(home: Path) -> list[str]:
    """Imports that run against the one direction, or out of benchmarks/speed."""
    found = []
    for path in modules(home):
        place = path.relative_to(home).as_posix()
        room = place.split("/")[0]
        for name in imported(ast.parse(path.read_text("utf-8")), ".".join(place.split("/")[:-1])):
            top = name.split(".")[0]
            against = top in ROOMS and top != room and top not in ROOMS[room]
            timing = f"{name}.".startswith("benchmarks.speed.") and not place.startswith("benchmarks/speed/")
            if (against or timing) and (place, name) != THE_DOOR:
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
            if isinstance(node, ast.ExceptHandler) and _blanket(node):
                found.append(f"{where}: a blanket except")
            if isinstance(node, DEFINITIONS) and not node.name.startswith("_"):
                if not ast.get_docstring(node) and not _inner(tree, node):
                    found.append(f"{where}: {node.name} has no docstring")
                if not isinstance(node, ast.ClassDef) and node.args.kwarg:
                    found.append(f"{where}: {node.name} takes **{node.args.kwarg.arg}")
            if place not in DRAWS and isinstance(node, ast.Attribute) and node.attr in ("random", "rvs", "urandom"):
                found.append(f"{where}: randomness outside simulator/numerics/streams.py")
        names = {name for name in imported(tree, place) if {"random", "secrets", "urandom"} & set(name.split("."))}
        if names and place not in DRAWS:
            found.append(f"{place}: randomness outside simulator/numerics/streams.py, {sorted(names)}")
    return found


def _blanket(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(one is None or ast.unparse(one) in ("Exception", "BaseException") for one in caught)


def _inner(tree: ast.AST, node: ast.AST) -> bool:
    functions = (outer for outer in ast.walk(tree) if isinstance(outer, DEFINITIONS[:2]))
    return any(node is not outer and node in ast.walk(outer) for outer in functions)


def test_imports_have_one_direction() -> None:
    assert len(modules(HOME)) > 20
    assert upward(HOME) == []


def test_the_door_is_the_only_exception_and_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "THE_DOOR", None)
    assert upward(HOME) == ["simulator/start.py imports benchmarks.cli.commands"]


def test_manners_are_kept() -> None:
    assert ill_mannered(HOME) == []


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("simulator/a.py", "import analysis.cox"),
        ("simulator/a.py", "def f():\n    from benchmarks.cli import commands as cli"),
        ("analysis/a.py", "from benchmarks.runs.store import RunFolder"),
        ("analysis/a.py", "import importlib\nimportlib.import_module('benchmarks.cli.commands')"),
        ("analysis/a.py", "import importlib\nimportlib.import_module(name='benchmarks.cli.commands')"),
        ("simulator/start.py", "from importlib import import_module\nimport_module('analysis.cox')"),
        ("benchmarks/a.py", "import benchmarks.speed"),
        ("benchmarks/a.py", "from benchmarks import speed"),
        ("benchmarks/a.py", "from . import speed"),
        ("benchmarks/a.py", "from .speed import against_r"),
        ("benchmarks/report/a.py", "from ..speed import against_r"),
    ],
)
def test_a_planted_upward_import_is_caught(tmp_path: Path, place: str, line: str) -> None:
    (tmp_path / place).parent.mkdir(parents=True)
    (tmp_path / place).write_text(line)
    assert len(upward(tmp_path)) == 1


@pytest.mark.parametrize(
    "line",
    [
        "try:\n    pass\nexcept Exception:\n    pass",
        "try:\n    pass\nexcept:\n    pass",
        "try:\n    pass\nexcept (ValueError, Exception):\n    pass",
        "def f(**kwargs):\n    'Return.'",
        "def f():\n    pass",
        "async def f():\n    pass",
        "import numpy as np\nx = np.random.default_rng()",
        "import numpy as xp\nx = xp.random.rand()",
        "from numpy import random",
        "from numpy.random import default_rng",
        "from os import urandom",
        "from scipy import stats\nx = stats.norm.rvs(3)",
        "import random",
        "import secrets",
        "x = 1\n" * (MOST_LINES + 1),
    ],
)
def test_a_planted_lapse_is_caught(tmp_path: Path, line: str) -> None:
    (tmp_path / "analysis").mkdir()
    (tmp_path / "analysis" / "a.py").write_text('"""A module."""\n' + line)
    assert ill_mannered(tmp_path)
