"""Whatever file a verb is given: a result, or exit code 2 and lines that name the place, soon, in little memory."""

import os
import random
import shutil
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.cli import commands
from benchmarks.words.answer import Answer
from simulator.documents.loading import resolved_yaml
from tests.measured import Measured
from tests.verb_corpus import bombs, damaged, mutant, mutant_csv, mutant_parquet, override
from tests.worlds import tree

SCENARIOS = Path(__file__).parent.parent / "scenarios"
MOST_SECONDS, MOST_BYTES = 4.0, 300e6
PILOT_SECONDS = 5.0  # a dry-run of a valid study runs some of it, draws its page and looks for its truths
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Told:
    """How a verb ended: its exit code, what it said, the CPU seconds and the bytes of memory beyond those before."""

    words: tuple[str, ...]
    code: int
    out: str
    err: str
    seconds: float
    grown: float


def called(*words: str) -> Told:
    """The verb run in this process, errors handled as by the console script, warnings being errors."""

    def command() -> object:
        return commands.cli.main(list(words), prog_name="trialtwin", standalone_mode=False)

    before = _memory("VmRSS:")
    if CLEAR.exists():
        CLEAR.write_text("5")  # the high-water mark begins anew
    begun = time.process_time()
    with CliRunner().isolation() as (out, err, _), warnings.catch_warnings():
        warnings.simplefilter("error")
        code = commands._guarded(command)
        sys.stdout.flush()
        told = out.getvalue().decode("utf-8", "replace"), err.getvalue().decode("utf-8", "replace")
    return Told(words, code, *told, time.process_time() - begun, _memory("VmHWM:") - before)


def _memory(field: str) -> float:
    return 1024 * float(STATUS.read_text().split(field)[1].split()[0]) if STATUS.exists() else 0.0


def judged(*words: str, names: Sequence[str]) -> Told:
    """How the verb ended, which must be well; every line of a refusal must name one of ``names``."""
    told = called(*words)
    most = PILOT_SECONDS if "--dry-run" in words and told.code == 0 else MOST_SECONDS
    for _ in range(2):  # what was compiled the first time, or shared the machine
        if told.seconds > most:
            told = called(*words)
    assert told.code in (0, 2), told
    assert told.seconds < most, told
    assert told.grown < MOST_BYTES, told
    assert "Traceback" not in told.err, told
    if told.code == 0:
        assert told.out.strip(), told
        return told
    lines = told.err.strip().splitlines()
    assert 1 <= len(lines) <= 102, told
    for line in lines:
        line = line.removeprefix("trialtwin: ")
        known = any(name in line for name in names) or line.startswith(("... and", "-S ", "with ", "Error: "))
        assert known, (line, told.words)
        assert len(line) < 1000, told
    return told


@dataclass
class Tally:
    """How many ended valid and how many refused, by verb, and the worst."""

    ended: Counter[tuple[str, int]]
    slowest: Told | None = None
    largest: Told | None = None

    def add(self, told: Told) -> None:
        """Counts one more."""
        self.ended[told.words[0], told.code] += 1
        self.slowest = max((one for one in (self.slowest, told) if one), key=lambda one: one.seconds)
        self.largest = max((one for one in (self.largest, told) if one), key=lambda one: one.grown)

    def of(self, code: int) -> int:
        """How many ended with this exit code."""
        return sum(count for (_, ended), count in self.ended.items() if ended == code)

    def __str__(self) -> str:
        assert self.slowest
        assert self.largest
        return (
            f"{self.of(0)} valid, {self.of(2)} refused; slowest {self.slowest.seconds:.2f} s {self.slowest.words}; "
            f"largest {self.largest.grown / 1e6:.0f} MB {self.largest.words}; {dict(self.ended)}"
        )


@pytest.fixture(scope="module", autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder to work in, with a small cohort and its SPEC, a world of which runs take a moment, and a loop."""
    folder = tmp_path_factory.mktemp("fuzz")
    before = Path.cwd()
    os.chdir(folder)
    Path("small.yaml").write_text(resolved_yaml(tree()), "utf-8")
    Path("loop.yaml").write_text("extends: mutant.yaml\nname: loop\n", "utf-8")
    assert (
        called("simulate", "hcc-lung-metastasis", "--seed", "3", "--out", "cohort.csv", "-S", "population.size=90").code
        == 0
    )
    yield folder
    os.chdir(before)


def documents() -> list[str]:
    """The texts of the small world, of shipped studies, and of one world with all that it says."""
    texts = [path.read_text("utf-8") for path in sorted((SCENARIOS / "studies").rglob("*.yaml"))]
    world = (SCENARIOS / "worlds" / "hcc-lung-metastasis-stated.yaml").read_text("utf-8")
    return [resolved_yaml(tree())] * 10 + [world] * 4 + texts


QUICK = ("-S", "population.size=60", "-S", "run.truth_patients=1000", "-S", "run.replicates=2", "-S", "run.until=null")


def asked(path: str, seed: int) -> tuple[str, ...]:
    """A verb that reads the scenario at the path."""
    return random.Random(seed).choice(
        (
            ("check", path),
            ("check", path),
            ("show", path),
            ("show", path, "--resolved"),
            ("run", path, "--dry-run", *QUICK),
            ("audit", path),
            ("diff", path, "small.yaml"),
            ("diff", "small.yaml", path),
            ("new", f"new-{seed}.yaml", "--from", path),
            ("simulate", path, "--out", "out.csv", *QUICK),
        )
    )


def fuzz_scenarios(seeds: range) -> Tally:
    """Mutated scenarios through the verbs that read them."""
    tally, texts = Tally(Counter()), documents()
    for seed in seeds:
        path = "mutant.yaml"
        Path(path).write_bytes(mutant(texts[seed % len(texts)], seed))
        words = asked(path, seed)
        tally.add(judged(*words, names=("mutant.yaml", "loop.yaml", "out.csv")))
    return tally


def fuzz_runs(seeds: range) -> Tally:
    """Mutated small worlds that are run whenever they are valid."""
    tally, text = Tally(Counter()), resolved_yaml(tree())
    for seed in seeds:
        Path("mutant.yaml").write_bytes(mutant(text, seed))
        if judged("check", "mutant.yaml", *QUICK, names=("mutant.yaml", "loop.yaml")).code == 0:
            words = ("run", "mutant.yaml", "--jobs", "1", "--out", f"runs/{seed}", *QUICK)
            tally.add(judged(*words, names=("mutant.yaml",)))
            shutil.rmtree(f"runs/{seed}", ignore_errors=True)
    return tally


def fuzz_overrides(seeds: range) -> Tally:
    """Overrides at any place."""
    tally, small = Tally(Counter()), tree()
    for seed in seeds:
        told = judged("check", "small.yaml", "-S", override(small, seed), names=("small.yaml",))
        tally.add(told)
    return tally


def fuzz_specs(seeds: range) -> Tally:
    """Mutated SPECs of a cohort."""
    tally, text = Tally(Counter()), Path("cohort.spec.yaml").read_text("utf-8")
    for seed in seeds:
        Path("mutant.yaml").write_bytes(mutant(text, seed))
        tally.add(
            judged("analyze", "cohort.csv", "--spec", "mutant.yaml", names=("mutant.yaml", "loop.yaml", "cohort.csv"))
        )
    return tally


def fuzz_tables(seeds: range) -> Tally:
    """Mutated files of patients, half of them CSV."""
    tally, text = Tally(Counter()), Path("cohort.csv").read_text("utf-8")
    for seed in seeds:
        path = Path("mutant.csv" if seed % 2 else "mutant.parquet")
        path.write_bytes((mutant_csv if seed % 2 else mutant_parquet)(text, seed))
        tally.add(judged("analyze", str(path), "--spec", "cohort.spec.yaml", names=(str(path),)))
    return tally


ROWS = "method,estimate,se,truth,replicate\n" + "".join(
    f"{'ab'[k % 2]},{0.4 + (k * 7919 % 101) / 500},{0.1 + (k % 5) / 100},0.5,{k // 2}\n" for k in range(80)
)


def fuzz_rows(seeds: range) -> Tally:
    """Mutated tables of replicates."""
    tally = Tally(Counter())
    for seed in seeds:
        path = Path("rows.csv" if seed % 2 else "rows.parquet")
        path.write_bytes((mutant_csv if seed % 2 else mutant_parquet)(ROWS, seed))
        truth = random.Random(seed).choice(("0.5", "truth"))
        tally.add(
            judged(
                "performance",
                str(path),
                "--truth",
                truth,
                "--by",
                "method",
                "--replicate",
                "replicate",
                names=(str(path),),
            )
        )
    return tally


def finished() -> Path:
    """The folder of a finished run."""
    if not Path("runs/one").exists():
        assert called("run", "small.yaml", "--reps", "6", "--jobs", "1", "--out", "runs/one").code == 0
    return Path("runs/one")


def fuzz_folders(seeds: range) -> Tally:
    """Damaged run folders through the verbs that read them."""
    tally, whole = Tally(Counter()), finished()
    for seed in seeds:
        shutil.rmtree("bad", ignore_errors=True)
        shutil.copytree(whole, "bad/one")
        how = damaged(Path("bad/one"), seed)
        words = random.Random(seed).choice((("report", "bad/one"), ("gallery", "bad"), ("diff", "bad/one", str(whole))))
        try:
            tally.add(judged(*words, names=("bad",)))
        except BaseException:
            print(f"seed {seed}: {how}")
            raise
    return tally


FUZZERS: dict[str, tuple[Callable[[range], Tally], int, int]] = {
    "scenarios": (fuzz_scenarios, 40, 6000),
    "runs": (fuzz_runs, 40, 1000),
    "overrides": (fuzz_overrides, 150, 2000),
    "specs": (fuzz_specs, 80, 2000),
    "tables": (fuzz_tables, 100, 2000),
    "rows": (fuzz_rows, 80, 1000),
    "folders": (fuzz_folders, 12, 400),
}
"""Each fuzzer with how many files it takes in a moment, and in full: 10,000 YAML files and 2,000 tables together."""


@pytest.mark.parametrize("name", FUZZERS)
def test_mutated_files_end_well(name: str) -> None:
    fuzzer, few, _ = FUZZERS[name]
    tally = fuzzer(range(few))
    assert tally.of(0), tally
    assert tally.of(2) or name == "runs", tally


@pytest.mark.slow(minutes=60)
@pytest.mark.parametrize("name", FUZZERS)
def test_many_more_mutated_files_end_well(name: str, measured: Measured) -> None:
    fuzzer, _, many = FUZZERS[name]
    tally = fuzzer(range(1_000, 1_000 + many))
    assert tally.slowest
    assert tally.largest
    worst = f"at most {tally.slowest.seconds:.1f} s, {tally.largest.grown / 1e6:.0f} MB"
    measured(f"mutated {name}", f"{many:,} tried: {tally.of(0):,} valid, {tally.of(2):,} refused; {worst}")


def test_small_tables_that_unfold_to_gigabytes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # so that a moment suffices to make too much
    monkeypatch.setattr("analysis.cohort_files.data_table.free_memory", lambda: 16.0 * 2**20)
    columns = ("estimate", "se", "truth", "method", "replicate")
    for name, data in bombs(columns).items():
        Path("bomb.parquet").write_bytes(data)
        told = judged("performance", "bomb.parquet", "--truth", "truth", "--by", "method", names=("bomb.parquet",))
        assert told.code == 2, name


def test_what_is_not_refused_well_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge itself: a traceback, a refusal without a place, and a hungry verb must not pass."""
    assert judged("check", "small.yaml", names=()).code == 0
    with pytest.raises(AssertionError):
        judged("check", "absent.yaml", names=("present.yaml",))
    if STATUS.exists():
        monkeypatch.setattr("benchmarks.cli.verbs.check", lambda *_: Answer({}, bytearray(400_000_000).decode()[:1]))
        with pytest.raises(AssertionError):
            judged("check", "small.yaml", names=())
    monkeypatch.setattr("benchmarks.cli.verbs.check", lambda *_: {}["x"])
    with pytest.raises(KeyError):
        judged("check", "small.yaml", names=())
