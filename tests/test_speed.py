"""The timing command: it tells differing answers, says who is absent, and writes what it found."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner, Result

from benchmarks.speed import capacity, cohorts, contenders, files, growth, memory, ours, race, startup
from benchmarks.speed.__main__ import main
from benchmarks.speed.protocol import turn
from benchmarks.speed.report import ABOUT
from benchmarks.speed.stages import STAGES, Apart, answer_names, apart, compare
from benchmarks.speed.tables import SpeedTable, text

ROWS = {"continuous": 2, "categorical": 11, "univariable": 12, "multivariable": 12}
LENGTHS = {"counts": 48, "smd": 15, "selected": 11, "aic": 1, "control": 40}


def _answers() -> dict[str, np.ndarray]:
    """One cohort's answers, made up."""
    made = {}
    for place, (name, kinds) in enumerate(answer_names().items()):
        last = name.split(".")[-1]
        rows = 24 if name.startswith("subgroups") else ROWS.get(last, 1)
        made[name] = np.arange(1.0, 1 + (LENGTHS.get(last) or rows * len(kinds))) / 7 + place
    return made


def test_the_same_answers_agree() -> None:
    assert compare(_answers(), _answers()) == dict.fromkeys(STAGES, Apart(0.0, 0))


@pytest.mark.parametrize("name", answer_names())
def test_a_planted_difference_is_noticed(name: str) -> None:
    mine, stage = _answers(), name.split(".")[0]
    for value, largest, missing in ((np.nan, 0.0, 1), (np.inf, 0.0, 1), (1.001, 1e-3, 0)):
        theirs = _answers()
        theirs[name][-1] = value if missing else theirs[name][-1] * value
        found = compare(mine, theirs)
        exact = name in ("table1.before.counts", "table1.after.counts", "stepwise.selected", "matching.control")
        assert found[stage].missing == (1 if exact else missing)
        assert found[stage].largest == (0.0 if exact else pytest.approx(largest, rel=1e-9))
        assert all(one == Apart(0.0, 0) for other, one in found.items() if other != stage)


def test_an_answer_that_is_not_given_is_noticed() -> None:
    some = _answers()
    del some["kmlr.OS.after"]
    assert compare(_answers(), some)["kmlr"] == Apart(0.0, 1)
    assert compare(some, _answers())["kmlr"] == Apart(0.0, 1)
    with pytest.raises(ValueError, match="8 numbers against 7"):
        apart("kmlr.OS.after", np.zeros(8), np.zeros(7))


def test_what_may_be_zero_is_compared_absolutely() -> None:
    ours_, theirs = np.array([[0.0, 0.1, 0.5], *[[1.0, 1.0, 1.0]] * 11]), np.ones((12, 3))
    theirs[0] = [1e-9, 0.1, 0.5]
    assert apart("cox.OS.univariable", ours_, theirs).largest == pytest.approx(1e-8)
    theirs[0] = [0.0, 0.1 + 1e-7, 0.5]
    assert apart("cox.OS.univariable", ours_, theirs).largest == pytest.approx(1e-6)
    assert apart("cox.OS.before", [1, 1, 1, 1, 1, 1e-30], [1, 1, 1, 1, 1, 2e-30]).largest < 1e-20


def test_a_cohort_file_keeps_every_digit(tmp_path: Path) -> None:
    observed = cohorts.block(cohorts.world(), 2, 30)
    assert observed.names == tuple(cohorts.NAMES.get(name, name) for name in cohorts.COLUMNS[1:12])
    path = cohorts.write(observed, 1, tmp_path / "c.csv")
    header, *lines = path.read_text("utf-8").splitlines()
    read = np.array([[float(cell) for cell in line.split(",")] for line in lines])
    column = dict(zip(header.split(","), read.T, strict=True))
    assert tuple(column) == cohorts.COLUMNS
    assert np.array_equal(column["age"], observed.covariates[1, :, 0])
    assert np.array_equal(column["pfs_t"], observed.endpoints["PFS"].time[1])
    assert np.array_equal(column["treat"], observed.treated[1])
    assert np.array_equal(column["albi"], observed.covariates[1, :, observed.names.index("albi")] + 1)


def test_a_turn_in_python_times_every_stage() -> None:
    class Fake:
        """Answers that show the order of the calls."""

        def prepare(self, file: str) -> str:
            """The name."""
            return file

        def stepwise(self, cohort: str) -> dict[str, object]:
            """A model."""
            return {"selected": [True, False], "aic": len(cohort), "score": None}

        def matching(self, cohort: str, fit: dict[str, object]) -> list[int]:
            """Pairs."""
            return [len(cohort), int(fit["aic"] == 3)]

        def table1(self, cohort: str, pairs: list[int]) -> dict[str, object]:
            """Numbers."""
            return {f"of {cohort}": pairs}

        kmlr = cox = subgroups = table1

    found = turn(Fake(), "abc", 0.001)
    assert set(found["seconds"]) == set(STAGES)
    assert all(0 < one < 0.001 for one in found["seconds"].values())
    assert found["answers"] == {
        "stepwise.selected": [1.0, 0.0],
        "stepwise.aic": [3.0],
        "matching.control": [3.0, 1.0],
        "of abc": [3.0, 1.0],
    }


def test_tables_are_written_for_people_and_for_programs() -> None:
    table = SpeedTable(
        "Title", "A note.", ("name", "n", "x", "same"), (("a", 1234, 0.12345, True), ("b", 2, np.nan, False))
    )
    assert table.markdown().splitlines() == [
        "## Title",
        "",
        "A note.",
        "",
        "| name | n | x | same |",
        "| --- | --- | --- | --- |",
        "| a | 1,234 | 0.123 | yes |",
        "| b | 2 | - | NO |",
    ]
    assert table.to_json()["rows"][1] == {"name": "b", "n": 2, "x": None, "same": False}
    assert [text(x) for x in (12345.6, 12.34, 1.0, 0.00012, 0.0, float("inf"))] == [
        "12,346",
        "12.3",
        "1.00",
        "1.2e-04",
        "0",
        "-",
    ]


def _command(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(race, "LEAST_BLOCK", 2)


def _stub(monkeypatch: pytest.MonkeyPatch, folder: Path, planted: float = 0.0) -> None:
    """R stands for a process that gives our own answers for two cohorts, one of them off by ``planted``."""
    _, answers = ours.workflow(cohorts.block(cohorts.world(), 2))
    lines = [json.dumps({"stub": "1.0"})]
    for cohort in (0, 0, 1):  # the first is the warm-up
        given = {name: np.ravel(np.asarray(v[cohort], np.float64)).tolist() for name, v in answers.items()}
        given["stepwise.aic"][0] *= 1 + planted * (cohort == 1)
        lines.append(json.dumps({"seconds": dict.fromkeys(STAGES, 0.5), "answers": given}))
    (folder / "lines").write_text("\n".join(lines), "utf-8")
    script = folder / "stub.py"
    script.write_text(
        "import sys\n"
        f"lines = iter(open({str(folder / 'lines')!r}).read().splitlines())\n"
        "print(next(lines), flush=True)\n"
        "for name in sys.stdin:\n    print(next(lines), flush=True)\n"
    )
    monkeypatch.setattr(contenders, "_command", lambda _: [sys.executable, str(script)])
    monkeypatch.setattr("benchmarks.speed.__main__.missing", lambda name: None if name == "tuned-r" else f"no {name}")


RUN = ("--quick", "--cohorts", "2", "--sections", "workflow")


@pytest.mark.usefixtures("small")
def test_contenders_that_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _stub(monkeypatch, tmp_path)
    done = _command(*RUN, "--out", str(tmp_path / "out"))
    assert done.exit_code == 0, done.output
    held = json.loads((tmp_path / "out" / "speed.json").read_text("utf-8"))
    assert set(held) == {"about", *ABOUT} == {"about", *held["about"]}
    assert held["versions"]["tuned-r"] == {"stub": "1.0"}
    assert held["absent"] == ["no competent-r", "no own-newton-r", "no python-stack"]
    assert held["seconds"]["workflow"]["tuned-r"]["cox"] == [0.5, 0.5]
    assert len(held["seconds"]["workflow"]["ours"]["stepwise"]) == 2
    assert all(0 < one < 0.5 for one in held["seconds"]["workflow"]["ours"]["stepwise"])
    row = next(r for r in held["sections"]["workflow"][0]["rows"] if r["stage"] == "cox" and r["contender"][0] == "R")
    assert row["ms"] == 500.0
    ratio = 0.5 / np.array(held["seconds"]["workflow"]["ours"]["cox"])
    assert row["times ours"] == pytest.approx(np.median(ratio))
    assert {r["same"] for r in held["sections"]["workflow"][1]["rows"]} == {True}
    page = (tmp_path / "out" / "speed.md").read_text("utf-8")
    assert "| cox | R, tuned by hand | 500 | 500 | 500 |" in page
    assert "no competent-r" in page


@pytest.mark.usefixtures("small")
def test_a_contender_that_differs_fails_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _stub(monkeypatch, tmp_path, planted=1e-4)
    done = _command(*RUN, "--out", str(tmp_path / "out"))
    assert done.exit_code == 1
    sentence = "R, tuned by hand, stepwise: largest relative difference 1.0e-04, 0 other differences"
    assert json.loads((tmp_path / "out" / "speed.json").read_text("utf-8"))["differing"] == [sentence]
    assert f"* {sentence}" in done.output


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_contender_that_breaks_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, turns: int) -> None:
    _stub(monkeypatch, tmp_path)
    lines = (tmp_path / "lines").read_text("utf-8").splitlines()[:turns]
    said = "\nsys.stdin.readline()\n".join(f"print({line!r}, flush=True)" for line in lines)
    (tmp_path / "stub.py").write_text(f"import sys\n{said}\nraise SystemExit('no more memory')\n")
    done = _command(*RUN, "--out", str(tmp_path / "out"))
    assert done.exit_code == 1
    page = (tmp_path / "out" / "speed.md").read_text("utf-8")
    assert "R, tuned by hand gave no answer: no more memory" in page
    assert "| stepwise | TrialTwin |" in page
    assert "| stepwise | R, tuned" not in page


@pytest.mark.usefixtures("small")
def test_without_r_the_run_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = _command(*RUN, "--without", "python-stack", "--out", str(tmp_path / "out"))
    assert done.exit_code == 0, done.output
    page = (tmp_path / "out" / "speed.md").read_text("utf-8")
    for label in ("R, tuned by hand", "R, competent"):
        assert f"R is not here: no Rscript on the PATH, so '{label}' was not timed." in page
    assert "python-stack was left out by --without." in page
    assert "| stepwise | TrialTwin |" in page
    assert "nothing was compared" in page


@pytest.mark.usefixtures("small")
def test_tied_times_are_raced_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    words = ("--quick", "--cohorts", "2", "--sections", "tied", "--without", "python-stack", "--without", "r")
    done = _command(*words, "--out", str(tmp_path / "out"))
    assert done.exit_code == 0, done.output
    held = json.loads((tmp_path / "out" / "speed.json").read_text("utf-8"))
    assert set(held["seconds"]) == set(held["sections"]) == {"tied"}
    assert "## The workflow, stage by stage, on tied times" in (tmp_path / "out" / "speed.md").read_text("utf-8")


def test_tied_cohorts_are_the_same_in_tenths() -> None:
    observed = cohorts.block(cohorts.world(), 1, 200)
    rough = cohorts.tied(observed)
    for name, course in rough.endpoints.items():
        apart_ = np.abs(course.time - observed.endpoints[name].time)
        assert 0.02 < apart_.max() < 0.1
        assert len(np.unique(course.time)) < 200 == len(np.unique(observed.endpoints[name].time))
        assert course.time.min() > 0
        assert np.array_equal(course.event, observed.endpoints[name].event)


def test_the_serial_share_is_that_of_amdahls_law() -> None:
    assert capacity.serial_share(1 / (0.1 + 0.9 / 8), 8) == pytest.approx(0.1)
    assert capacity.serial_share(4.0, 4) == pytest.approx(0.0)
    assert np.isnan(capacity.serial_share(1.0, 1))


def test_packages_that_are_absent_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contenders, "find_spec", lambda name: None if name == "statsmodels" else name)
    sentence = contenders.missing("python-stack")
    assert sentence is not None
    assert sentence.startswith("statsmodels not here")
    monkeypatch.setattr(contenders, "find_spec", lambda name: name)
    assert contenders.missing("python-stack") is None


def test_growth_has_the_power_of_the_last_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "least_seconds", lambda work, _: work())
    work = {n: {"square": lambda n=n: n**2, "line": lambda n=n: 3 * n} for n in (10, 20, 70)}
    table = growth._measured("patients", "A note.", work, 1, 1)
    assert table.rows[1] == (20, 4e5, 6e4)
    assert table.rows[-1][0] == "power"
    assert table.rows[-1][1:] == pytest.approx((2.0, 1.0))


def test_one_file_is_timed_without_r_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "missing", lambda _: "R is not here")
    (table,) = files.tables(files.FilesSize((120,), 0.01))
    patients, ours_, *theirs = table.rows[0]
    assert patients == 120
    assert float(ours_) > 0
    assert np.isnan(theirs).all()
    stages = {"matching": 3.0, "cox": 1.5}
    rival = SimpleNamespace(turn=lambda _: {"seconds": stages})
    assert files._theirs(rival, Path("x.csv")) == (4.5, 1.5)  # type: ignore[arg-type]


def test_the_sections_measure_something() -> None:
    by_patients, by_terms, by_replicates = growth.tables(growth.GrowthSize((60, 120), (1, 20), 2, (1, 2), 1))
    assert [row[0] for row in by_patients.rows] == [60, 120, "power"]
    assert [row[0] for row in by_terms.rows] == [1, 20, "power"]
    assert [row[0] for row in by_replicates.rows] == [1, 2, "power"]
    rows = (*by_patients.rows[:2], *by_terms.rows[:2], *by_replicates.rows[:2])
    assert all(cell > 0 for row in rows for cell in row)
    assert len({*growth.CANDIDATES, *growth.FURTHER}) == 20
    size = capacity.CapacitySize((2, 3), 1, 1)
    for block, milliseconds, patients in capacity.simulation(size)[0].rows:
        assert block in size.blocks
        assert milliseconds * patients / 1e3 == pytest.approx(422)
    first, *others = capacity.threads(size, 2)[0].rows
    assert first[0] == first[2] == 1
    assert [row[0] for row in others] == [2]


def test_memory_is_measured_or_said_not_to_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if memory.STATUS.exists():
        ((block, replicates, before, growth_, _),) = memory.tables(((50, 50),))[0].rows
        assert (block, replicates) == (50, 50)
        assert before > 20
        assert 50 * 422 * 11 * 8 / 1024**2 < growth_ < 200  # at least the covariates
    monkeypatch.setattr(memory, "STATUS", tmp_path / "status")
    (table,) = memory.tables(((1, 1),))
    assert table.rows == ()
    assert "Not measured" in table.note


def test_start_is_timed_cold_and_warm(tmp_path: Path) -> None:
    (table,) = startup.tables((("--help",),), 1)
    assert [row[:2] for row in table.rows] == [("trialtwin --help", "cold"), ("trialtwin --help", "warm")]
    assert all(0 < seconds < 60 for row in table.rows for seconds in row[2:])
    with pytest.raises(RuntimeError, match="frobnicate"):
        startup.wait_for(("frobnicate",), tmp_path, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", contenders.TOLERANCE)
def test_each_contender_gives_our_answers(name: str, small: None) -> None:  # noqa: ARG001
    reason = contenders.missing(name)
    if reason:
        pytest.skip(reason)
    held = race.race([name], 2, 1, 0.0, lambda *_: None)
    assert held.differing() == []
