"""`python -O` drops every assert: none may do anything or check anything but what is known to the type checker."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import analysis.propensity.matching as matching
from analysis.propensity.matching import match
from simulator.numerics.arrays import Floats
from tests.test_cli import _call

HOME = Path(__file__).parent.parent
ROOMS = ("simulator", "analysis", "benchmarks", "trialtwin")
PLAIN = (
    ast.Name, ast.Attribute, ast.Constant, ast.Compare, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.Tuple, ast.Subscript,
    ast.JoinedStr, ast.FormattedValue, ast.expr_context, ast.operator, ast.cmpop, ast.boolop, ast.unaryop,
)  # fmt: skip
STUDY = {
    "extends": "null-effect",
    "name": "without",
    "population": {"size": 200},
    "estimators": [
        {"kind": "crude", "endpoints": ["OS"]},
        {"kind": "matched", "endpoints": ["OS"]},
        {"kind": "matched", "name": "two", "matching": {"ratio": 2, "replacement": True}, "endpoints": ["OS"]},
        {"kind": "matched", "name": "best", "matching": {"method": "optimal"}, "endpoints": ["OS"]},
        {"kind": "ipw", "endpoints": ["OS"]},
    ],
}


def with_effect(source: str) -> list[int]:
    """Lines of asserts that hold more than names, constants, comparisons and ``isinstance`` of a name."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Assert):
            continue
        for part in (inner for side in (node.test, node.msg) if side is not None for inner in ast.walk(side)):
            told = isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id == "isinstance"
            if not (told or isinstance(part, PLAIN)):
                found.append(node.lineno)
                break
    return found


def test_no_assert_does_anything() -> None:
    files = [path for room in ROOMS for path in (HOME / room).rglob("*.py")]
    assert len(files) > 100
    wrong = [f"{path.relative_to(HOME)}:{line}" for path in files for line in with_effect(path.read_text("utf-8"))]
    assert wrong == []


@pytest.mark.parametrize(
    "planted",
    [
        "assert fill(values)", "assert (n := 3)", "assert all(x for x in y)", "assert x.all(), 'no'", "assert [f()][0]",
        "assert x, told()", "assert not isinstance(x, int) or x.sort()", "assert (lambda: 1)()",
    ],
)  # fmt: skip
def test_one_that_does_is_noticed(planted: str) -> None:
    assert with_effect(f"x = 1\n{planted}\n") == [2]
    assert with_effect("assert x is not None and isinstance(x, int), f'no {x}'\nassert a.b > 3\n") == []


@pytest.mark.slow
def test_a_study_has_the_same_rows_without_assertions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "study.yaml").write_text(json.dumps(STUDY), "utf-8")
    monkeypatch.chdir(tmp_path)
    words = ["run", "study.yaml", "--reps", "6", "--jobs", "1", "--json", "-S", "run.truth_patients=3000", "--out"]
    code, out, err = _call(*words, "usual")
    assert code == 0, err
    plain = json.loads(out)
    run = "import sys; assert False; from benchmarks.cli.commands import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-O", "-c", run, *words, "without"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(HOME)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    other = json.loads(done.stdout)
    assert other["provenance"]["rows_sha256"] == plain["provenance"]["rows_sha256"]
    assert other["performance"] == plain["performance"]
    found = {row["measure"]: row["value"] for row in plain["performance"] if row["estimator"] == "matched"}
    assert found["convergence"] == 1


SCORE = np.array([[0.0, 1.0, 0.1, 0.9, 5.0, 0.2]])
TREATED = np.array([[True, True, False, False, False, False]])


@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        ({0: 4}, "over the caliper"),
        ({0: 1}, "of one arm"),
        ({2: 3}, "of one arm"),
        ({0: 5}, "absent"),
        ({0: 2, 1: 2}, "a control is used twice"),
    ],
)
def test_a_matching_that_breaks_its_rules_is_an_error(
    pairs: dict[int, int], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    present = np.array([[True] * 5 + [False]])

    def broken(*arguments: Floats) -> None:
        for one, other in pairs.items():
            arguments[-1][0, one, 0] = other

    match(SCORE, TREATED, present=present, caliper=1.0, unit="raw")
    monkeypatch.setattr(matching, "match_block", broken)
    with pytest.raises(RuntimeError, match=told):
        match(SCORE, TREATED, present=present, caliper=1.0, unit="raw")


def test_a_pair_of_two_groups_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Floats, **_: object) -> None:
        arguments[5][0, 0, 0] = 2

    group = np.array([[0, 0, 1, 1, 0, 0]])
    match(SCORE, TREATED, group=group, caliper=9.0, unit="raw")
    monkeypatch.setattr(matching, "match_any", broken)
    with pytest.raises(RuntimeError, match="two groups"):
        match(SCORE, TREATED, group=group, caliper=9.0, unit="raw")
