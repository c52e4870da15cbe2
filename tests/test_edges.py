"""Edges of what is reported: thresholds met exactly, rounding at a half, zeros with a sign, order of flush and rename.

Each value is got by another route than the code's, and lies so near the edge that the next rule along would differ.
"""

import os
from itertools import pairwise
from math import exp, inf, log, nan, sqrt
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

import analysis.propensity.missing as missing
from analysis.audit import audit, conventions
from analysis.audit.p_values import all_tests
from analysis.audit.paper import CountRow, Finding
from analysis.paper.number_text import decimals, hr_text, p_text
from analysis.plan.analysis_plan import Plan
from analysis.plan.missing_plan import MissingPlan
from analysis.propensity.missing import completed
from analysis.tables.table_files import as_latex
from analysis.tables.text_table import TextTable
from benchmarks.cli.replay import COMPARED, _same
from benchmarks.performance.measures import Measure
from benchmarks.report.study_page import published_rows
from benchmarks.runs.store import RunFolder
from benchmarks.twin.fidelity import score
from benchmarks.words import verdicts
from simulator.cohort.cohorts import Endpoint, Observed
from simulator.cohort.terms import Variable
from simulator.numerics.streams import Streams
from simulator.world.sections import Printed
from tests.papers_of_worlds import as_printed
from tests.printed_papers import paper_of

SIZES = {"cohort.n": "300", "cohort.control": "180", "cohort.treated": "120", "matching.n_pairs": "100"}
Z = float(stats.norm.ppf(0.975))


def found(numbers: dict[str, str], check: str) -> list[Finding]:
    """The findings of one check among these numbers of a paper of 180 against 120 patients."""
    return [one for one in audit(paper_of(SIZES | numbers)) if one.check == check]


# ---- p-values, percentages and LaTeX as they are printed


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.001, "0.001"), (0.00099999, "<0.001"), (0.0010001, "0.001"), (0.0, "<0.001"), (0.999, "0.999"),
        (0.99900001, ">0.999"), (1.0, ">0.999"), (0.0484, "0.048"), (0.0486, "0.049"), (nan, "–"),
    ],
)  # fmt: skip
def test_p_is_printed_with_three_decimals_from_a_thousandth_on(p: float, text: str) -> None:
    assert p_text(p) == text


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.001, "0.001"), (0.000999, "<0.001"), (0.999, "0.999"), (0.9991, ">0.999"), (inf, "NA"), (0.0476, "0.048")],
)
def test_a_paper_of_the_twin_prints_p_likewise(p: float, text: str) -> None:
    assert as_printed("table1.before[x].p", p, "0.05") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (9.99, "9.99"), (10.0, "10.0"), (-10.0, "-10.0"), (99.94, "99.9"), (100.0, "100"), (-100.0, "-100"),
        (0.0, "0.00"), (inf, "–"), (10.04, "10.0"),
    ],
)  # fmt: skip
def test_a_number_has_three_digits_from_ten_and_from_a_hundred_on(value: float, text: str) -> None:
    assert decimals(value, None) == text


def test_a_ratio_beyond_999_and_below_a_two_hundredth() -> None:
    def text(hr: float, low: float, high: float) -> str:
        return hr_text(SimpleNamespace(hr=hr, low=low, high=high, status=0))  # type: ignore[arg-type]

    assert text(999.0, 0.005, inf) == "999.00 (0.01, >999)"
    assert text(0.0049, 0.00123, 999.01) == "4.9e-03 (1.2e-03, >999)"


def test_latex_has_a_word_for_each_of_its_signs() -> None:
    signs = {
        "{": r"\{", "}": r"\}", "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
        "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
        "[": "{[}", "]": "{]}", "*": "{*}", "≤": r"$\leq$", "±": r"$\pm$",
    }  # fmt: skip
    for sign, word in signs.items():
        made = as_latex(TextTable("T", ("a", "b"), ((f"x{sign}y", "1"),), ()))
        assert f"x{word}y & 1 \\\\" in made, sign
    made = as_latex(TextTable("a {set} 100 %", ("x}", "{y"), (("{}", "}"),), ("note}",)))
    assert r"\caption{a \{set\} 100 \%}" in made
    assert r"x\} & \{y \\" in made
    assert r"\{\} & \} \\" in made
    assert r"note\}" in made


# ---- a published number among simulated ones


@pytest.mark.parametrize(
    ("text", "inside"),
    [("26", True), ("25.9", False), ("25", False), ("976", True), ("976.1", False), ("<26.5", True), ("<26.4", False),
     (">975.5", True), (">975.6", False), ("27", True)],
)  # fmt: skip
def test_a_printed_number_is_inside_from_below_and_from_above_if_rounding_reaches(text: str, inside: bool) -> None:
    """Replicates 1.5, 2.5, ..., 1000.5: the central 95 % are 26.5 to 975.5, and 26 may be 26.5 rounded."""
    made = score("k", Printed(printed=text, where="T"), np.arange(1.5, 1001.5))
    assert (made.low, made.high) == (26.5, 975.5)
    assert made.inside == inside


@pytest.mark.parametrize(
    ("hr", "inside"),
    [("0.4", "yes"), ("0.6", "yes"), ("0.50", "yes"), ("0.39", "no"), ("0.61", "no"), ("0.3", "no"), ("0.7", "no")],
)
def test_the_report_says_so_of_a_hazard_ratio_from_below_and_from_above(hr: str, inside: str) -> None:
    """201 replicates from 0.4 to 0.6 on a grid: the central 95 % are 0.405 to 0.595; 0.4 may be 0.44 rounded."""
    values = {"value": np.log(np.linspace(0.4, 0.6, 201))}
    held = SimpleNamespace(layout=SimpleNamespace(keys=[[("OS", "crude")]]), of=lambda *_: (values, np.zeros(201)))
    result: Any = SimpleNamespace(rows=held)
    world: Any = SimpleNamespace(
        endpoints={"OS": SimpleNamespace(label=None)},
        estimators=(),
        analysis=Plan(),
        published={"endpoints.OS.before.cox.hr": Printed(printed=hr, where="T")},
    )
    (row,) = published_rows(result, world)
    assert row["simulated"] == "0.50 (0.41–0.59)"
    assert row["inside"] == inside


def most_biased(middle: float, ends: tuple[float, float], mcse: float = 0.01) -> int | None:
    """The cell that is said to be clearly more biased than the first and the last, of three."""
    biases = {0: ends[0], 1: middle, 2: ends[1]}
    cells = [SimpleNamespace(number=k) for k in biases]
    measured = {(k, "OS", "a", "target"): {"bias": Measure(bias, mcse)} for k, bias in biases.items()}
    result: Any = SimpleNamespace(cells=cells, measured=measured)
    cell = verdicts._most_biased(result, "OS", "a")
    return None if cell is None else cell.number


def test_clearly_larger_is_by_two_standard_errors_of_the_difference() -> None:
    apart = 2 * sqrt(2) * 0.01
    for sign in (1, -1):
        assert most_biased(sign * (0.1 + 1.02 * apart), (0.1, 0.05)) == 1
        assert most_biased(sign * (0.1 + 0.98 * apart), (0.1, 0.05)) is None
        assert most_biased(sign * (0.1 + 0.98 * apart), (0.05, 0.1)) is None
    assert most_biased(0.1, (0.3, 0.1)) is None


# ---- the audit's thresholds


def with_yates(count: int, odd: bool) -> dict[str, str]:
    """So many rows with p by Yates's correction, and in another table five by Pearson's (one of the paper's usual)."""
    numbers = {}
    pairs = [(30, 36), (90, 40), (50, 20), (70, 52)][:count]
    for k, (a, b) in enumerate(pairs):
        row = CountRow("x", "before", ("a", "b"), (), np.array([[a, 180 - a], [b, 120 - b]]), True, None)
        p = all_tests(row)["yates" if odd else "pearson"]
        numbers |= {f"binary.y{k}.before.control.yes": str(a), f"binary.y{k}.before.treated.yes": str(b)}
        numbers[f"binary.y{k}.before.p"] = f"{p:.4f}"
    return numbers


@pytest.mark.parametrize(("count", "alone"), [(3, False), (4, True)])
def test_a_table_of_four_tests_has_a_convention_of_its_own_and_one_of_three_has_not(count: int, alone: bool) -> None:
    (table,) = conventions(paper_of(SIZES | with_yates(count, True)))
    assert (table.total, table.alone) == (count, alone)
    assert table.others == ("as in the rest of Table" if alone else "as in the rest of the paper")


def means(sd: str, n: int) -> dict[str, str]:
    numbers = {"cohort.n": str(2 * n), "cohort.control": str(n), "cohort.treated": str(n)}
    for arm in ("control", "treated"):
        numbers |= {f"table1.before[x].{arm}.mean": "50.0", f"table1.before[x].{arm}.sd": sd}
    return numbers | {"world.population.covariates.x.bounds.0": "0", "world.population.covariates.x.bounds.1": "100"}


@pytest.mark.parametrize("n", [4, 10, 50])
def test_the_largest_sd_within_bounds_is_that_of_patients_at_both_ends(n: int) -> None:
    """Half at 0 and half at 100: numpy's SD with n - 1 is allowed, and one of a hundredth more is not."""
    most = float(np.std(np.repeat([0.0, 100.0], n // 2), ddof=1))
    for sd, wrong in ((most, False), (most + 0.006, True), (most * 1.01, True)):
        told = [one for one in audit(paper_of(means(f"{sd:.3f}", n))) if one.check == "SD within bounds"]
        assert len(told) == (2 if wrong else 0), sd


def wald(se: float, hr: float = 0.7) -> dict[str, str]:
    texts = (hr, *(exp(log(hr) + side * Z * se) for side in (-1, 1)))
    names = ("hr", "low", "high")
    return {f"endpoints.OS.before.cox.{name}": f"{text:.5f}" for name, text in zip(names, texts, strict=True)}


@pytest.mark.parametrize(("control", "treated"), [(12, 9), (60, 8), (9, 60), (150, 60)])
def test_the_floor_of_information_is_that_of_the_events_and_not_of_one_more(control: int, treated: int) -> None:
    """sqrt(1/d1 + 1/d0): half a thousandth below is told, half a thousandth above is not."""
    numbers = {
        "endpoints.OS.before.km.control.events": str(control),
        "endpoints.OS.before.km.treated.events": str(treated),
    }
    floor = sqrt(1 / control + 1 / treated)
    assert found(numbers | wald(floor * 1.0005), "information of the events") == []
    (one,) = found(numbers | wald(floor * 0.9995), "information of the events")
    assert f"= {floor:.3f}" in one.arithmetic


@pytest.mark.parametrize(
    ("count", "percent", "severity"),
    [
        ("81", "45.0", None),  # 81 of 180 are 45 %
        ("81", "44.9", "note"),  # 44.85 to 44.95: 0.05 away, half of the last digit
        ("81", "44.8", "severe"),
        ("83", "46.0", "severe"),  # 46.111, and 45.95 to 46.05: 0.061 away
        ("83", "46.2", "note"),  # 46.15 to 46.25: 0.039 away
        ("27", "15.10", "severe"),  # 15.095 to 15.105
        ("27", "15.01", "note"),  # 15.005 to 15.015: 0.005 away
        ("27", "14.99", "note"),
        ("27", "14.98", "severe"),
    ],
)
def test_a_percentage_may_be_off_by_half_its_last_digit(count: str, percent: str, severity: str | None) -> None:
    start = "binary.y.before.control"
    told = found({f"{start}.yes": count, f"{start}.percent": percent}, "percentage of a count")
    assert [one.severity for one in told] == ([severity] if severity else [])


@pytest.mark.parametrize(
    ("percent", "counts"), [("12.5", [20]), ("12.4", []), ("12.8", []), ("0.3", []), ("0.6", [1]), ("100.0", [160])]
)
def test_a_percentage_alone_needs_a_count_that_rounds_to_it(percent: str, counts: list[int]) -> None:
    """Every count of 160 tried: what Python's own rounding prints so, halves either way."""
    own = [k for k in range(161) if abs(100 * k / 160 - float(percent)) <= 0.05 + 1e-12]
    assert own == counts
    numbers = {"cohort.n": "320", "cohort.control": "160", "cohort.treated": "160"}
    told = audit(paper_of(numbers | {"binary.y.before.control.percent": percent}))
    assert len([one for one in told if one.check == "percentage of a count"]) == (0 if counts else 1)


def test_a_half_is_a_count_from_either_side() -> None:
    """1 of 160 is 0.625 %: printed 0.62 or 0.63."""
    numbers = {"cohort.n": "320", "cohort.control": "160", "cohort.treated": "160"}
    for percent, wrong in (("0.62", 0), ("0.63", 0), ("0.61", 1), ("0.64", 1)):
        told = audit(paper_of(numbers | {"binary.y.before.control.percent": percent}))
        assert len([one for one in told if one.check == "percentage of a count"]) == wrong, percent


# ---- the same bits


def rows(**changed: float) -> pa.Table:
    made = {name: [changed.get(name, 1.5)] for name in COMPARED}
    return pa.table(made)


def test_replay_tells_zeros_by_their_sign_and_takes_one_nan_for_another() -> None:
    assert all(_same(rows(value=0.0), rows(value=0.0)).values())
    assert all(_same(rows(value=nan), rows(value=nan)).values())
    for one, other in ((0.0, -0.0), (-0.0, 0.0), (nan, 0.0), (1.5, np.nextafter(1.5, 2.0)), (inf, -inf)):
        for name in ("value", "p"):
            same = _same(rows(**{name: one}), rows(**{name: other}))
            assert [key for key, holds in same.items() if not holds] == [(name, 0)]


@pytest.mark.slow
def test_each_round_of_imputation_draws_its_variance_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """By numpy and scipy: chi-square quantiles of the uniform at (data set, covariate, round), all different."""
    rng = np.random.default_rng(2)
    values = rng.normal(size=(2, 60, 2))
    values[..., 0][rng.random((2, 60)) < 0.2] = np.nan
    values[..., 1][rng.random((2, 60)) < 0.3] = np.nan
    course = Endpoint(rng.exponential(size=(2, 60)), rng.random((2, 60)) < 0.7)
    variables = (Variable("a", "continuous"), Variable("b", "continuous"))
    observed = Observed(variables, values, rng.random((2, 60)) < 0.5, np.ones((2, 60), np.bool_), {"OS": course}, {})
    drawn: list[np.ndarray] = []
    impute = missing.impute

    def watched(*arguments: Any) -> None:
        drawn.append(np.array(arguments[6]))
        impute(*arguments)

    monkeypatch.setattr(missing, "impute", watched)
    plan = MissingPlan(method="imputation", imputations=2, rounds=3)
    completed(observed, ["a", "b"], plan, np.arange(2), 9)
    columns = 5  # a and b, treatment, event and hazard; one of them is imputed from the others and the constant
    by_hand = []
    for number in range(2):
        for turn in range(3):
            for k, name in enumerate(("a", "b")):
                uniform = Streams(9).uniform(f"imputation/variance/{number}/{name}", np.arange(2), 1, turn)[:, 0]
                known = np.isfinite(values[..., k]).sum(axis=1)
                by_hand.append(stats.chi2.ppf(uniform, known - columns))
    assert np.array(drawn) == pytest.approx(np.array(by_hand), rel=1e-9)
    assert len(np.unique(np.array(drawn))) == 2 * 3 * 2 * 2


# ---- files


def test_a_part_is_on_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is renamed was flushed and synced with all that it holds; by inode and size."""
    synced: dict[int, int] = {}
    renamed: list[tuple[str, int, int]] = []
    fsync, replace = os.fsync, os.replace

    def watched_sync(file: int) -> None:
        synced[os.fstat(file).st_ino] = os.fstat(file).st_size
        fsync(file)

    def watched_replace(one: str, other: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        about = os.stat(one, dir_fd=src_dir_fd)
        renamed.append((other, about.st_size, synced.get(about.st_ino, -1)))
        replace(one, other, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(os, "fsync", watched_sync)
    monkeypatch.setattr(os, "replace", watched_replace)
    folder = RunFolder(tmp_path)
    folder.write_bytes("scenario.yaml", b"x" * 5000)
    folder.write_checked("parts/one.parquet", b"y" * 7000)
    folder.write_tables("results.parquet", iter([pa.table({"value": np.arange(1000.0)})]))
    content = {name: (size, on_disk) for name, size, on_disk in renamed if not name.endswith(".sha256")}
    assert set(content) == {"scenario.yaml", "one.parquet", "results.parquet"}
    for name, (size, on_disk) in content.items():
        assert size == on_disk > 1000, name
    order = [name for name, *_ in renamed]
    assert all(order.index(name) < order.index(f"{name}.sha256") for name in ("one.parquet", "results.parquet"))
    assert all(a != b for a, b in pairwise(order))
