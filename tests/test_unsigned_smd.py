"""Standardised differences that a paper prints without a sign are compared without it, by calibration and scorecard."""

from pathlib import Path

import numpy as np

from benchmarks.asked.load_study import load_study
from benchmarks.twin.fidelity import fidelity
from benchmarks.twin.targets import targets_of, without_sign
from tests.printed_papers import paper_of

KEYS = ("table1.before[x=Yes].smd", "table1.before[z=Yes].smd")
WORLD = """
name: two
source: Made up
arms: {control: C, treated: T}
population:
  size: 400
  covariates:
    x: {kind: binary, shares: {"No": 0.5, "Yes": 0.5}}
    z: {kind: binary, shares: {"No": 0.5, "Yes": 0.5}}
treatment: {kind: prevalence, share: 0.5, log_odds: {x: -1.0, z: 1.0}}
outcomes: {course: single, transitions: {death: {baseline: {kind: exponential, rate: 0.05}}}}
endpoints: {OS: {event: death}}
entry: {accrual: {start: 2020-01-01, end: 2022-01-01}}
followup: {cut_off: 2024-01-01}
analysis: {primary: unadjusted}
published:
  "table1.before[x=Yes].smd": {printed: "0.48", where: Table 1}
  "table1.before[z=Yes].smd": {printed: "0.48", where: Table 1}
"""


def quiet(done: int, total: int) -> None:
    """No progress shown."""
    assert done <= total


def inside(folder: Path, *settings: str) -> list[bool]:
    """Whether each printed difference is inside; log odds of 1 part the shares by about 0.24, 0.48 of an SD."""
    (folder / "two.yaml").write_text(WORLD, "utf-8")
    study = load_study(str(folder / "two.yaml"), settings).scenario
    return [one.inside for one in fidelity(study, 60, 1, 1, quiet, {}).scores]


def test_a_paper_without_a_minus_prints_sizes(tmp_path: Path) -> None:
    assert inside(tmp_path) == [True, True]
    signed = "published.'table1.before[x=Yes].smd'.printed='-0.48'"
    assert inside(tmp_path, signed) == [True, True]
    swapped = "published.'table1.before[z=Yes].smd'.printed='-0.48'"
    assert inside(tmp_path, signed, swapped) == [True, False]


def test_targets_take_the_size_too() -> None:
    paper = paper_of(dict(zip(KEYS, ("0.48", "0.48"), strict=True)))
    assert without_sign(paper) == frozenset(KEYS)
    numbers = np.array([-0.5, 0.25])
    assert [one.scaled(numbers).tolist() for one in targets_of(paper, {})] == [[0.5, 0.25]] * 2
    paper = paper_of(dict(zip(KEYS, ("-0.48", "0.48"), strict=True)))
    assert [one.scaled(numbers).tolist() for one in targets_of(paper, {})] == [[-0.5, 0.25]] * 2
