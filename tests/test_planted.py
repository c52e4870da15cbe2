"""Planted defects: every kernel has some, and the machine that plants them refuses what it cannot plant."""

import ast
import types

import pytest

from analysis.kernels import ordering
from tests import (
    test_maxcombo,
    test_missing,
    test_planted_cox,
    test_planted_matched_weights,
    test_planted_matching,
    test_planted_propensity,
    test_planted_simulator,
    test_planted_survival,
    test_planted_weights,
)
from tests.planted import AGREEMENT, HOME, Defect, Rooms, defects, largest_gap, replaced, source

THEMES = (
    test_maxcombo,
    test_missing,
    test_planted_cox,
    test_planted_matched_weights,
    test_planted_matching,
    test_planted_propensity,
    test_planted_simulator,
    test_planted_survival,
    test_planted_weights,
)
DEFECTS: list[Defect] = [defect for theme in THEMES for defect in theme.DEFECTS]


def kernels(module: str) -> dict[str, str]:
    """The text of every compiled function of a module, by name."""
    text = source(module)
    found = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    marked = [node for node in found if any(ast.unparse(one) == "kernel" for one in node.decorator_list)]
    return {node.name: ast.get_source_segment(text, node, padded=True) or "" for node in marked}


def compiled_modules() -> list[str]:
    """Every module that compiles something."""
    paths = [path.relative_to(HOME) for room in ("analysis", "simulator") for path in (HOME / room).rglob("*.py")]
    names = [".".join(path.with_suffix("").parts) for path in paths]
    return sorted(name for name in names if kernels(name))


MODULES = compiled_modules()


def test_no_two_defects_are_alike() -> None:
    assert len(DEFECTS) > 150
    assert len({str(defect) for defect in DEFECTS}) == len(DEFECTS)
    assert len({(defect.module, defect.old, defect.new) for defect in DEFECTS}) == len(DEFECTS)


@pytest.mark.parametrize("module", MODULES)
def test_every_kernel_has_a_defect(module: str) -> None:
    own = [defect for defect in DEFECTS if defect.module == module]
    assert len(own) > 2
    untouched = {name for name, text in kernels(module).items() if not any(defect.old in text for defect in own)}
    assert untouched == set()


def test_every_kernel_is_looked_for() -> None:
    assert len(MODULES) > 20
    assert set(MODULES) >= {"analysis.kernels.cox", "analysis.kernels.matching", "simulator.streams"}
    assert "score_residuals" in kernels("analysis.kernels.cox_robust")


def test_a_defect_that_cannot_be_planted_is_refused() -> None:
    text = "a = b + c\nd = b + c\n"
    assert replaced(text, Defect("m", "two", "b + c", "b - c", 2)) == "a = b - c\nd = b - c\n"
    for old, new, count in (("b + c", "b - c", 1), ("b * c", "b - c", 1), ("a = b", "a = b", 1)):
        with pytest.raises(AssertionError, match=r"found|nothing"):
            replaced(text, Defect("m", "refused", old, new, count))
    (lost,) = defects("analysis.kernels.km", ("lost", "no such text", ""))
    with pytest.raises(AssertionError, match="km: lost: found 0 times, not 1"):
        largest_gap(test_planted_survival.kaplan_meier, lost)


def test_rooms_are_plain_and_private() -> None:
    (defect,) = defects("analysis.kernels.ordering", ("descending", "key[place] = time", "key[place] = -time"))
    one, two = Rooms(), Rooms(defect)
    assert isinstance(one["analysis.kernels.ordering"].sort_rows, types.FunctionType)
    assert one["analysis.kernels.ordering"].sort_rows is not ordering.sort_rows
    times = [[3.0, 1.0, 2.0]]
    found = [rooms["analysis.survival_data"].time_order(times)[0].tolist() for rooms in (one, two)]
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
