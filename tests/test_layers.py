"""The house keeps its directions and its manners; each check is shown to catch a planted violation."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

HOME = Path(__file__).parent.parent
ROOMS = {"simulator": set(), "analysis": {"simulator"}, "benchmarks": {"simulator", "analysis"}}
WINGS = {
    "simulator": ("numerics documents", "cohort", "mechanisms", "world"),
    "analysis": (
        "kernels plan",
        "survival cohort_files",
        "propensity two_samples",
        "estimators audit",
        "paper",
        "tables",
        "figures",
    ),
    "benchmarks": (
        "pasted",
        "derived",
        "asked",
        "runs",
        "workers",
        "truth performance",
        "study",
        "words",
        "twin validation",
        "report",
        "questions",
        "review",
        "cli",
        "facade",
    ),
}
"""The wings of each room, bottom to top; those of one height do not import each other."""

HEIGHTS = {
    f"{room}.{wing}": height
    for room, levels in WINGS.items()
    for height, level in enumerate(levels)
    for wing in level.split()
}
APART = "benchmarks.speed"  # times all the others and is imported by none

MOST_ARROWS = {"simulator": 9, "analysis": 26, "benchmarks": 74}
"""The most pairs of wings of a room of which one imports the other; three are those of the facade."""

FACADE = "trialtwin"  # benchmarks/facade/trialtwin, by the name under which it is installed
SIBLINGS = "simulator/siblings.py"  # what finds the rooms themselves stands in none of their wings
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
                yield from (absolute(str(word.value), package) for word in given if isinstance(word, ast.Constant))


def absolute(name: str, package: str) -> str:
    """The dotted name, its leading dots counted from ``package``."""
    dots = len(name) - len(name.lstrip("."))
    above = package.split(".")[: len(package.split(".")) - dots + 1] if dots else []
    return ".".join([*above, name[dots:]])


def wing_of(name: str) -> str:
    """The room and wing of a dotted name."""
    return "benchmarks.facade" if name.split(".")[0] == FACADE else ".".join(name.split(".")[:2])


@cache
def imported_by(text: str, package: str) -> tuple[str, ...]:
    """What a module of that text imports, read once however often it is asked."""
    return tuple(imported(ast.parse(text), package))


def imports_of(home: Path) -> Iterator[tuple[str, str, str]]:
    """Of every import: the place of its file, the room and wing of the file, and what is imported."""
    for path in modules(home):
        place = path.relative_to(home).as_posix()
        package = ".".join(place.split("/")[:-1])
        for name in imported_by(path.read_text("utf-8"), package):
            yield place, wing_of(package), name


def upward(home: Path) -> list[str]:
    """Imports that run against the one direction of rooms, or of wings in a room, or out of benchmarks/speed."""
    found = []
    for place, wing, name in imports_of(home):
        room, other = wing.split(".")[0], wing_of(name).split(".")[0]
        against = other in ROOMS and other != room and other not in ROOMS[room]
        climbs = room == other and wing != wing_of(name) and HEIGHTS.get(wing, 99) <= HEIGHTS.get(wing_of(name), -1)
        timing = wing_of(name) == APART and wing != APART
        if against or climbs or timing:
            found.append(f"{place} imports {name}")
    return found


def homeless(home: Path) -> list[str]:
    """Modules that lie in no wing: a room has none of its own but what finds the rooms."""
    found = []
    for path in modules(home):
        place = path.relative_to(home)
        inside = len(place.parts) > 2 and wing_of(".".join(place.parts)) in {*HEIGHTS, APART}
        room = len(place.parts) == 2 and place.name == "__init__.py"
        if not inside and not room and place.as_posix() != SIBLINGS:
            found.append(place.as_posix())
    return found


def arrows(home: Path) -> set[tuple[str, str]]:
    """The pairs of wings of one room of which the first imports the second."""
    pairs = {(wing, wing_of(name)) for _, wing, name in imports_of(home)}
    return {(a, b) for a, b in pairs if a != b and {a, b} <= HEIGHTS.keys() and a.split(".")[0] == b.split(".")[0]}


def circles(home: Path) -> list[str]:
    """Modules that import themselves by way of others."""
    names = {".".join(path.relative_to(home).with_suffix("").parts).removesuffix(".__init__") for path in modules(home)}
    below: dict[str, set[str]] = {name: set() for name in names}
    for place, _, name in imports_of(home):
        own = place.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        met = name if name in names else name.rpartition(".")[0]
        if met in names and met != own:
            below[own].add(met)
    while ends := {name for name, others in below.items() if not others & below.keys()}:
        below = {name: others for name, others in below.items() if name not in ends}
    for _ in below:  # what is left imports a circle; what nothing left imports is not of it
        below = {name: others for name, others in below.items() if any(name in more for more in below.values())}
    return sorted(below)


def at_once(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when a module is imported, in order."""
    for line in body:
        if isinstance(line, ast.If) and "TYPE_CHECKING" in ast.unparse(line.test):
            yield from at_once(line.orelse)
        elif not isinstance(line, DEFINITIONS[:2]):
            yield line
            for block in ("body", "handlers", "orelse", "finalbody"):
                yield from at_once(getattr(line, block, []))


def unfinished(home: Path) -> list[str]:
    """What cannot be imported first, as it needs, on the way, what is not finished; a worker imports in any order."""
    needs: dict[str, list[str]] = {}
    for path in modules(home):
        parts = path.relative_to(home).with_suffix("").parts
        package = ".".join(parts[:-1])
        lines = at_once(ast.parse(path.read_text("utf-8")).body)
        needs[".".join(parts).removesuffix(".__init__")] = [
            name for line in lines if isinstance(line, ast.Import | ast.ImportFrom) for name in imported(line, package)
        ]

    def load(name: str, begun: list[str], done: set[str]) -> Iterator[str]:
        """Faults of importing a module, its packages first."""
        parts = name.split(".")
        for depth in range(1, len(parts) + 1):
            module = ".".join(parts[:depth])
            if module in begun or module in done or module not in needs:
                continue
            begun.append(module)
            for wanted in needs[module]:
                yield from load(wanted, begun, done)
                holder = wanted.rpartition(".")[0]
                if wanted not in needs and holder in begun:
                    yield f"{module} wants {wanted}, which is not there yet"
            begun.remove(module)
            done.add(module)

    return [f"{name}: {fault}" for name in needs for fault in load(name, [], set())]


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


def test_every_module_lies_in_a_wing_and_every_wing_is_there() -> None:
    assert homeless(HOME) == []
    wings = {wing_of(".".join(path.relative_to(HOME).parts)) for path in modules(HOME) if len(path.parts) > 2}
    assert wings >= HEIGHTS.keys()


def test_wings_have_few_arrows_and_modules_no_circle() -> None:
    found = arrows(HOME)
    counted = {room: sum(one.startswith(f"{room}.") for one, _ in found) for room in ROOMS}
    assert all(0 < counted[room] <= most for room, most in MOST_ARROWS.items()), counted
    assert circles(HOME) == []


def test_a_planted_stray_and_a_planted_circle_are_caught(tmp_path: Path) -> None:
    for place, line in (
        ("analysis/stray.py", ""),
        ("analysis/odd/a.py", ""),
        ("analysis/plan/a.py", "from analysis.plan import b"),
        ("analysis/plan/b.py", "def f():\n    from analysis.plan.c import d"),
        ("analysis/plan/c.py", "from . import a"),
        ("analysis/plan/above.py", "from analysis.plan.a import x"),
    ):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(line)
    assert homeless(tmp_path) == ["analysis/odd/a.py", "analysis/stray.py"]
    assert circles(tmp_path) == ["analysis.plan.a", "analysis.plan.b", "analysis.plan.c"]


def test_each_module_can_be_imported_first() -> None:
    assert unfinished(HOME) == []


def test_a_planted_import_of_what_is_not_there_yet_is_caught(tmp_path: Path) -> None:
    (tmp_path / "analysis" / "many").mkdir(parents=True)
    (tmp_path / "analysis" / "many" / "__init__.py").write_text("from analysis.many.one import f")
    (tmp_path / "analysis" / "many" / "one.py").write_text("from analysis.link import g\nf = g")
    (tmp_path / "analysis" / "many" / "two.py").write_text("h = 1")
    for line, whole in (
        ("from analysis.many.two import h", False),
        ("import analysis.many.two as two\nfrom analysis.many import f", False),
        ("try:\n    from analysis.many.two import h\nfinally:\n    pass", False),
        ("def g():\n    from analysis.many.two import h", True),
        ("if TYPE_CHECKING:\n    from analysis.many.two import h", True),
    ):
        (tmp_path / "analysis" / "link.py").write_text(line)
        assert (unfinished(tmp_path) == []) is whole, line


def named_twice(home: Path) -> dict[str, list[str]]:
    """Public classes and types that have the name of another one."""
    found: dict[str, list[str]] = {}
    for path in modules(home):
        for node in ast.parse(path.read_text("utf-8")).body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            names = [one.id for one in targets if isinstance(one, ast.Name) and not one.id.isupper()]
            names = [node.name] if isinstance(node, ast.ClassDef) else names
            for name in names:
                if name[0].isupper():
                    found.setdefault(name, []).append(path.relative_to(home).as_posix())
    return {name: places for name, places in found.items() if len(places) > 1}


def test_a_public_name_is_one_thing(tmp_path: Path) -> None:
    assert named_twice(HOME) == {}
    (tmp_path / "analysis").mkdir()
    (tmp_path / "analysis" / "a.py").write_text("class Plan:\n    pass\n_Own = int\nT = 1")
    (tmp_path / "analysis" / "b.py").write_text("Plan = tuple[int, int]\n_Own = str\nT = 2")
    assert named_twice(tmp_path) == {"Plan": ["analysis/a.py", "analysis/b.py"]}


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
        ("simulator/world/a.py", "from importlib import import_module\nimport_module('analysis.cox')"),
        ("benchmarks/a.py", "import benchmarks.speed"),
        ("benchmarks/a.py", "from benchmarks import speed"),
        ("benchmarks/a.py", "from . import speed"),
        ("benchmarks/a.py", "from .speed import against_r"),
        ("benchmarks/report/a.py", "from ..speed import against_r"),
        ("simulator/numerics/a.py", "from simulator.cohort.terms import Variable"),
        ("simulator/cohort/a.py", "def f():\n    import simulator.world.generate"),
        ("analysis/kernels/a.py", "from analysis import plan"),  # side by side
        ("analysis/plan/a.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from analysis import tables"),
        ("analysis/estimators/a.py", "def f():\n    from analysis.paper.effects import Effect"),
        ("analysis/survival/a.py", "from ..propensity.matching import match"),
        ("benchmarks/asked/__init__.py", "from ..runs import store"),
        ("benchmarks/words/a.py", "import importlib\nimportlib.import_module('benchmarks.cli.verbs')"),
        ("benchmarks/words/a.py", "from importlib import import_module\nimport_module('..cli.verbs', __package__)"),
        ("benchmarks/truth/a.py", "from benchmarks.performance import looks"),
        ("benchmarks/cli/a.py", "import trialtwin"),
        ("analysis/plan/a.py", "def f():\n    from trialtwin import load"),
        ("benchmarks/facade/trialtwin/a.py", "from benchmarks.speed import against_r"),
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


def words_of_one_paper(text: str) -> list[str]:
    """Endpoints of the first paper by name, in code that is to know no endpoint."""
    return re.findall(r"\b(?:OS|PFS|pfs|overall survival|progression-free survival)\b", text)


def test_the_code_knows_no_endpoint_by_name() -> None:
    files = [path for room in ("simulator", "analysis", "benchmarks") for path in (HOME / room).rglob("*.py")]
    assert len(files) > 200
    found = {
        path.name: words
        for path in files
        if "speed" not in path.parts and (words := words_of_one_paper(path.read_text("utf-8")))
    }
    assert found == {}


@pytest.mark.parametrize("line", ['course = observed.endpoints["OS"]', "# PFS ends at death", "pfs = 1", "import os"])
def test_a_planted_endpoint_is_caught(line: str) -> None:
    assert bool(words_of_one_paper(line)) == (line != "import os")
