"""What would take for ever or all memory is refused at once, before it is allocated, naming what is too large."""

import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from analysis.estimators import Matched
from benchmarks.asked import sizes
from benchmarks.asked.errors import RunError
from benchmarks.asked.sizes import check_sizes
from tests.test_cli import _call
from tests.test_fuzz_verbs import called
from tests.worlds import scenario

HUGE = "1000000000000"
LIST = f"[{', '.join(str(k) for k in range(20, 320))}]"
GRID = f"sweep.grid={{population.size: {LIST}, run.seed: {LIST}, run.truth_patients: {LIST}}}"

ASKED: dict[str, tuple[str, ...]] = {
    "population.size": ("run", "paper", "-S", f"population.size={HUGE}"),
    "run.replicates": ("check", "paper", "-S", f"run.replicates={HUGE}"),
    "run.truth_patients": ("show", "paper", "-S", f"run.truth_patients={HUGE}"),
    "run.until.most": ("check", "paper", "-S", f"run.until={{mcse: {{coverage: 0.005}}, most: {HUGE}}}"),
    "entry.screened": ("check", "paper", "-S", f"entry.screened={HUGE}"),
    "cells": ("check", "paper", "-S", GRID),
    "boots": ("check", "paper", "-S", f"estimators=[{{kind: matched, se: bootstrap, boots: {HUGE}}}]"),
    "resamples": ("check", "paper", "-S", f"estimators=[{{kind: ipw, se: bootstrap, resamples: {HUGE}}}]"),
    "imputations": ("check", "paper", "-S", f"analysis.missing={{method: imputation, imputations: {HUGE}}}"),
    "rounds": ("check", "paper", "-S", f"analysis.missing={{method: imputation, rounds: {HUGE}}}"),
    "ratio": ("check", "paper", "-S", f"analysis.matching.ratio={HUGE}"),
    "trees": ("check", "paper", "-S", f"analysis.propensity={{method: boosting, trees: {HUGE}}}"),
    "strata": ("check", "paper", "-S", f"estimators=[{{kind: ps-strata, strata: {HUGE}}}]"),
    "--reps": ("run", "paper", "--reps", HUGE),
    "'--reps'": ("simulate", "paper", "--reps", HUGE, "--out", "x.csv"),
    "too many for one file": ("simulate", "paper", "--reps", "1000000", "--out", "x.csv"),
    "reps": ("fidelity", "hcc-lung-metastasis", "--reps", HUGE),
    "calibration.replicates": (
        "calibrate", "hcc-lung-metastasis-stated", "-S", f"calibration.replicates={HUGE}", "--out", "f.yaml",
    ),
    "--most": ("power", "paper", "--most", HUGE),
    "--most 1e+12": ("power", "paper", "--search", "follow-up", "--most", HUGE),
    "--points": ("compatible", "paper", "--points", HUGE),
    "--calibrate": ("compatible", "paper", "--calibrate", HUGE),
    "--nodes": ("tipping", "paper", "--nodes", HUGE),
    "combinations": ("multiverse", "paper", "--axis", f"matching.caliper={LIST}", "--axis", f"cox.screening_p={LIST}"),
    "--block": ("run", "paper", "--reps", "100000000", "--block", "1"),
    "memory": ("run", "paper", "-S", "population.size=2000000", "-S", "entry.screened=100"),
    "all pairs": ("run", "paper", "-S", "population.size=2000000", "-S", "analysis.matching.method=optimal"),
}  # fmt: skip


@pytest.mark.parametrize("key", ASKED)
def test_a_huge_number_is_refused_at_once(key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told = min((called(*ASKED[key]) for _ in range(2)), key=lambda one: one.seconds)
    assert told.code == 2, told
    assert key in told.err
    assert len(told.err.strip().splitlines()) == 1 or told.err.startswith("Usage")
    assert told.seconds < 1.0, told
    assert told.grown < 100e6, told
    assert not list(tmp_path.iterdir())


def test_the_command_itself_refuses_as_fast_as_it_reads_a_study(tmp_path: Path) -> None:
    """The fastest of up to three, in turn with a command that only reads the study: others may share the machine."""
    script = "import sys; from trialtwin.__main__ import main; main()"
    took: dict[tuple[str, ...], list[float]] = {
        ("run", "paper", "-S", f"population.size={HUGE}"): [],
        ("check", "paper"): [],
    }
    for _ in range(3):
        for words, seconds in took.items():
            begun = resource.getrusage(resource.RUSAGE_CHILDREN)
            done = subprocess.run(
                [sys.executable, "-c", script, *words],
                cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
            )  # fmt: skip
            ended = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds.append(ended.ru_utime + ended.ru_stime - begun.ru_utime - begun.ru_stime)
            if words[0] == "run":
                assert done.returncode == 2
                assert done.stderr.count("\n") == 1
                assert "population.size: must be at most 2000000, not 1000000000000" in done.stderr
        refused, read = map(min, took.values())
        if refused < 1.5 * read:
            break
    assert refused < 1.5 * read, took


def test_memory_is_estimated_from_what_is_computed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "free_memory", lambda: 1e9)
    large = scenario(population={**scenario().population.model_dump(), "size": 200_000}, run={"replicates": 1000})
    check_sizes([large], jobs=1)
    with pytest.raises(
        RunError, match=r"population\.size, --jobs, --block: 10 cohorts of 200,000 patients at once take"
    ):
        check_sizes([large], jobs=10)
    with pytest.raises(RunError, match="50 cohorts of 200,000 patients"):
        check_sizes([large], jobs=1, block=50)
    check_sizes([scenario()] * 100, jobs=64)
    pairs = large.model_copy(update={"estimators": (Matched(),)})
    check_sizes([pairs])
    optimal = scenario(analysis={"matching": {"method": "optimal"}}).analysis
    with pytest.raises(RunError, match="matching: all pairs among 200,000 patients take about 340"):
        check_sizes([pairs.model_copy(update={"analysis": optimal})])


def test_the_estimate_is_that_of_a_real_cohort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between a third of what a study of many patients takes and all of it twice."""
    monkeypatch.chdir(tmp_path)
    size = 120_000
    words = ("simulate", "paper", "-S", f"population.size={size}", "--out", "x.parquet")
    assert called("simulate", "paper", "--out", "y.parquet").code == 0
    told = called(*words)
    assert told.code == 0, told
    screened = 2 * size
    estimate = screened * (sizes.BYTES_PER_PATIENT + sizes.BYTES_PER_VALUE * 11)
    assert told.grown / 3 < estimate < 10 * told.grown, (told.grown, estimate)


def test_what_cannot_be_allocated_all_the_same_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def hungry(*_: object) -> str:
        raise MemoryError

    monkeypatch.setattr("benchmarks.cli.verbs.check", hungry)
    code, _, err = _call("check", "paper")
    assert code == 2
    assert err.startswith("trialtwin: not enough memory")
    assert err.count("\n") == 1


def test_ten_thousand_cells_are_known_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell is judged without the paper's hundreds of numbers: 200 of them in little more than a second."""
    monkeypatch.chdir(tmp_path)
    sizes_of = ", ".join(str(k) for k in range(100, 300))
    begun = time.process_time()
    code, out, err = _call("check", "paper", "-S", f"sweep.grid={{population.size: [{sizes_of}]}}")
    assert code == 0, err
    assert "200 settings" in out
    assert time.process_time() - begun < 4
