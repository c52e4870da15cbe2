"""Planted defects: every kernel has some, and the machine that plants them refuses what it cannot plant."""

import ast
import re
import types
from typing import Any

import pytest

from analysis.kernels import ordering
from tests import (
    test_maxcombo,
    test_missing,
    test_planted_competing,
    test_planted_competing_estimators,
    test_planted_cox,
    test_planted_learners,
    test_planted_matched_weights,
    test_planted_matching,
    test_planted_propensity,
    test_planted_simulator,
    test_planted_survival,
    test_planted_weights,
    test_survival_tests,
    test_validation,
)
from tests.planted import AGREEMENT, HOME, Defect, Gaps, Rooms, defects, largest_gap, replaced, source

THEMES = (
    test_maxcombo,
    test_missing,
    test_planted_competing,
    test_planted_competing_estimators,
    test_planted_cox,
    test_planted_learners,
    test_planted_matched_weights,
    test_planted_matching,
    test_planted_propensity,
    test_planted_simulator,
    test_planted_survival,
    test_planted_weights,
    test_survival_tests,
    test_validation,
)
DEFECTS: list[Defect] = [defect for theme in THEMES for defect in theme.DEFECTS]


def kernels(module: str) -> set[str]:
    """The names of the compiled functions of a module."""
    found = [node for node in ast.walk(ast.parse(source(module))) if isinstance(node, ast.FunctionDef)]
    return {node.name for node in found if any(ast.unparse(one) == "kernel" for one in node.decorator_list)}


def compiled_modules() -> list[str]:
    """Every module that compiles something."""
    paths = [path.relative_to(HOME) for room in ("analysis", "simulator") for path in (HOME / room).rglob("*.py")]
    names = [".".join(path.with_suffix("").parts) for path in paths]
    return sorted(name for name in names if kernels(name))


MODULES = compiled_modules()


def test_no_two_defects_are_alike() -> None:
    assert len(DEFECTS) > 150
    assert len({(str(defect), defect.check) for defect in DEFECTS}) == len(DEFECTS)
    assert len({(one.module, one.check, one.function, one.old, one.new) for one in DEFECTS}) == len(DEFECTS)


def test_no_defects_are_planted_elsewhere() -> None:
    """Every file that plants is among the themes, and none has a way of its own."""
    planting = {path.stem for path in (HOME / "tests").glob("test_*.py") if "tests.planted import" in path.read_text()}
    assert planting - {"test_planted"} == {theme.__name__.rpartition(".")[2] for theme in THEMES}


@pytest.mark.parametrize("module", MODULES)
def test_every_kernel_has_a_defect(module: str) -> None:
    own = [defect for defect in DEFECTS if defect.module == module]
    assert len(own) > 2
    assert kernels(module) - {name for defect in own for name in defect.function.split()} == set()


def test_every_defect_can_be_planted() -> None:
    for defect in DEFECTS:
        compile(replaced(source(defect.module), defect), defect.module, "exec")


def test_every_kernel_is_looked_for() -> None:
    assert len(MODULES) > 20
    assert set(MODULES) >= {"analysis.kernels.cox", "analysis.kernels.matching", "simulator.numerics.streams"}
    assert "score_residuals" in kernels("analysis.kernels.cox_robust")


PLAIN = """
LIMIT = 1e-3


def one(a, b):
    c = (a * b) + sizes[a, b]
    return [c, a], 'x'


class Two:
    def one(self, a):
        c = 0.0
        for k in range(a):
            c += k
        if c > a:
            c = 0.0
        return c
"""
WRAPPED = """
LIMIT = (
    1e-3
)


def one(
    a, b,
):
    # where c = (a * b) - 1
    c = (
        (a * b)  # times
        + sizes[
            a,
            b,
        ]
    )

    return [c, a,], "x"


class Two:
    def one(
        self, a
    ):
        c = 0.0
        for k in range(a):

            c += k
        if c > a:
            # from the beginning
            c = 0.0
        return c
"""
PLANTED: tuple[tuple[Any, ...], ...] = (
    ("", "LIMIT = 1e-3", "LIMIT = 2.0"),
    ("one", "c = (a * b) + sizes[a, b]", "c = sizes[a, b]"),
    ("one", "[a, b]", "[b, a]"),
    ("one", "return [c, a], 'x'", "return [c], 'x'"),
    ("Two.one", "c > a:\nc = 0.0", "c >= a:\nc = 1.0"),
    ("Two.one", "range(a):\nc += k", "range(a):\nc += 1"),
    ("Two.one", "c = 0.0", "c = 1.0", 2),
)


def unused(rooms: Rooms) -> Gaps:
    """Nothing."""
    yield 0.0 * len(rooms.__dict__)


@pytest.mark.parametrize(("function", "old", "new", "count"), [(*one, 1)[:4] for one in PLANTED])
def test_a_place_survives_formatting(function: str, old: str, new: str, count: int) -> None:
    defect = Defect("m", unused, function, "planted", old, new, count)
    found = [ast.dump(ast.parse(replaced(text, defect))) for text in (PLAIN, WRAPPED)]
    assert found[0] == found[1] != ast.dump(ast.parse(PLAIN)) == ast.dump(ast.parse(WRAPPED))


@pytest.mark.parametrize(
    ("function", "old", "new", "message"),
    [
        ("one", "a * c", "a", "found 0 times"),
        ("one", "c", "d", "found 2 times"),
        ("one", "sizes", "sizes", "nothing is changed"),
        ("one", "(a * b)", "( a  *  b )", "nothing is changed"),
        ("two", "a * b", "a", "no function"),
        ("", "a * b", "a", "found 0 times"),
        ("Two.one", "c > a:\nc = 0.0", "c > a:", "2 statements cannot become 1"),
        ("Two.one", "c += k\nreturn c", "c += k\nreturn a", "found 0 times"),
        ("one Two.one", "a * b", "a", "found 0 times in 'Two.one'"),
    ],
)
def test_a_defect_that_cannot_be_planted_is_refused(function: str, old: str, new: str, message: str) -> None:
    with pytest.raises(AssertionError, match=re.escape(message)):
        replaced(PLAIN, Defect("m", unused, function, "refused", old, new))


def test_rooms_are_plain_and_private() -> None:
    (defect,) = defects(
        "analysis.kernels.ordering", unused, ("sort_rows", "descending", "key[place] = time", "key[place] = -time")
    )
    one, two = Rooms(), Rooms(defect)
    assert isinstance(one["analysis.kernels.ordering"].sort_rows, types.FunctionType)
    assert one["analysis.kernels.ordering"].sort_rows is not ordering.sort_rows
    times = [[3.0, 1.0, 2.0]]
    found = [rooms["analysis.survival.survival_data"].time_order(times)[0].tolist() for rooms in (one, two)]
    assert found == [[1, 2, 0], [0, 2, 1]]


def test_a_check_goes_on_to_its_end_or_to_the_first_disagreement() -> None:
    seen = []

    def check(rooms: Rooms):  # type: ignore[no-untyped-def]
        for gap in (0.0, 1.0, 2.0):
            seen.append((rooms.defect is None, gap))
            yield gap

    assert largest_gap(check) == 2.0
    assert largest_gap(check, DEFECTS[0]) == 1.0 > AGREEMENT
    assert seen == [(True, 0.0), (True, 1.0), (True, 2.0), (False, 0.0), (False, 1.0)]
