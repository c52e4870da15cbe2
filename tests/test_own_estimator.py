"""A user's own function as an estimator of a study."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.estimators import Crude, Own, Sample
from analysis.estimators.own import frame
from analysis.estimators.own_call import found
from analysis.estimators.own_code import OwnFunctionError, digest_of
from analysis.kernels.status import Status
from simulator.world.generate import generate, resolve
from tests.test_cli import _call
from tests.trusting import trusted
from tests.worlds import scenario

pytestmark = pytest.mark.usefixtures("drawn_once")

PETO = """
from tests.own_functions import peto

def nothing(cohort):
    return None

def unable(cohort):
    raise ValueError("no estimate")

def odd(cohort):
    return {"value": 0.1, "se": 1.0, "low": -3.0, "high": 4.0, "p": 0.5}

def short(cohort):
    return {"value": 0.1}

def broken(cohort):
    return cohort["height"].mean(), 1.0

class NoFit(Exception):
    pass

TRIED = []

def sometimes(kind):
    def tried(cohort):
        TRIED.append(len(cohort))
        if len(TRIED) % 5 == 3:
            raise kind("Optimal parameters not found\\nafter 600 steps")
        return 0.1, 0.2
    return tried

runtime, own_kind, value, arithmetic = map(sometimes, (RuntimeError, NoFit, ValueError, ZeroDivisionError))

def unwritten(cohort):
    raise NotImplementedError

def endless(cohort):
    return endless(cohort)

def three(cohort):
    return 0.1, 0.2, 0.3

def text(cohort):
    return {"value": "high", "se": 1.0}

def alone(cohort):
    return 0.5

def negative(cohort):
    return 0.1, -0.2

def beyond(cohort):
    return {"value": 0.1, "se": 0.2, "p": 1.7}

def crossed(cohort):
    return {"value": 0.1, "se": 0.2, "low": 0.5, "high": 0.0}

def without_se(cohort):
    return {"value": 0.1, "se": None}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return trusted(tmp_path / "mine.py", PETO)


def _sample(count: int = 5) -> Sample:
    replicates = np.arange(count)
    observed = generate(resolve(scenario()), 3, replicates).observed
    return Sample(observed, scenario().analysis, replicates)


def _own(file: Path, name: str, **options: Any) -> Any:
    return Own(name="own", function=f"{file}:{name}", **options).estimate(_sample(), "OS")


def test_it_sees_the_observed_cohort(file: Path) -> None:
    sample = _sample()
    cohort = frame(sample, "OS", 2)
    assert list(cohort) == ["age", "stage", "treated", "time", "event"]
    assert len(cohort) == sample.observed.present[2].sum()
    assert set(cohort["stage"]) == {"early", "late"}
    assert file.exists()


def test_its_numbers_become_rows(file: Path) -> None:
    made, usual = _own(file, "peto"), Crude().estimate(_sample(), "OS")
    assert (made.status == Status.OK).all()
    assert np.abs(made.value - usual.value).max() < 0.15 * usual.se.max()
    assert made.low == pytest.approx(made.value - 1.959963984540054 * made.se)
    assert (made.n == usual.n).all()
    assert (made.events == usual.events).all()


def test_what_it_leaves_out_is_worked_out_and_what_it_gives_is_kept(file: Path) -> None:
    made = _own(file, "odd")
    assert (made.low[0], made.high[0], made.p[0]) == (-3.0, 4.0, 0.5)


@pytest.mark.parametrize("name", ["nothing", "unable", "without_se"])
def test_no_estimate_is_a_row_with_its_status(file: Path, name: str) -> None:
    made = _own(file, name)
    assert (made.status == Status.NOT_CONVERGED).all()
    assert np.isnan(made.value).all()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("short", "must give value and se"),
        (
            "broken",
            r"replicate 0 at mine\.py:\d+ `return cohort\[.height.\]\.mean\(\), 1\.0`: KeyError: 'height'; also in all",
        ),
        ("absent", "has no function 'absent'"),
        ("unwritten", "failed in replicate 0 at .*NotImplementedError: no message"),
        ("endless", "failed in replicate 0 at .*RecursionError"),
        ("three", r"returns \(0.1, 0.2, 0.3\) in replicate 0; it must give value and se"),
        ("text", "returns .*'high'.* all numbers"),
        ("alone", "returns 0.5 in replicate 0; it must give value and se"),
        ("negative", r"returns \(0.1, -0.2\) in replicate 0; se is not below 0"),
        ("beyond", "returns .*1.7.* p from 0 to 1"),
        ("crossed", "returns .*0.5.* low not above high"),
    ],
)
def test_a_mistake_in_it_is_one_line(file: Path, name: str, told: str) -> None:
    with pytest.raises(OwnFunctionError, match=told) as error:
        _own(file, name)
    assert "\n" not in str(error.value)
    with pytest.raises(OwnFunctionError, match=r"there is no file '.*nowhere\.py'$"):
        _own(file.with_name("nowhere.py"), "peto")


@pytest.mark.parametrize("name", ["runtime", "own_kind", "value", "arithmetic"])
def test_what_cannot_be_fitted_in_one_replicate_is_one_failed_replicate(file: Path, name: str) -> None:
    trusted(file, PETO + f"\n# of its own for {name}\n")
    made = _own(file, name)
    assert (made.status == [0, 0, Status.NOT_CONVERGED, 0, 0]).all()
    assert np.isnan(made.value).tolist() == [False, False, True, False, False]


@pytest.mark.parametrize("text", ["1 / 0", "raise RuntimeError('no')", "nowhere", "def (:", "import nowhere_at_all"])
def test_a_file_that_cannot_be_loaded_is_one_line(tmp_path: Path, text: str) -> None:
    trusted(tmp_path / "bad.py", f"def f(cohort):\n    return 1, 1\n{text}\n")
    with pytest.raises(OwnFunctionError, match=r"bad\.py cannot be loaded: ") as error:
        found(f"{tmp_path / 'bad.py'}:f")
    assert "\n" not in str(error.value)


def _study(folder: Path, function: str, file: str = "own.yaml") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    entry = {"kind": "own", "name": "own", "function": function, "endpoints": ["OS"]}
    (folder / file).write_text(json.dumps({"extends": "null-effect", "name": "own", "estimators": [entry]}), "utf-8")


def _function(folder: Path, value: float) -> None:
    trusted(folder / "rates.py", f"def surv(cohort):\n    return {value}, 0.05\n")


def test_its_file_is_sought_beside_the_document_that_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _study(tmp_path / "study", "rates.py:surv")
    _function(tmp_path / "study", 0.1)
    (tmp_path / "study/deep").mkdir()
    (tmp_path / "study/deep/what-if.yaml").write_text("extends: ../own.yaml\nname: what-if\n", "utf-8")

    def mean(*words: str) -> float:
        code, out, err = _call("run", *words, "--reps", "2", "--jobs", "1", "--json", "-S", "run.truth_patients=20000")
        assert code == 0, err
        return next(row["value"] for row in json.loads(out)["performance"] if row["measure"] == "mean")

    assert mean("study/own.yaml", "--out", "one") == pytest.approx(0.1)
    assert mean(str(tmp_path / "study/own.yaml"), "--out", "one") == pytest.approx(0.1)  # the same run, continued
    assert _call("report", "one")[0] == 0
    _function(tmp_path, 0.7)  # what lies in the current folder is another file
    assert mean("study/deep/what-if.yaml", "--out", "two") == pytest.approx(0.1)
    named = '[{kind: own, name: own, function: "rates.py:surv", endpoints: [OS]}]'
    assert mean("study/own.yaml", "-S", f"estimators={named}", "--out", "three") == pytest.approx(0.7)
    monkeypatch.chdir(tmp_path / "study")
    assert mean("own.yaml", "--out", "../one") == pytest.approx(0.1)
    assert _call("status", "../one")[0] == 0
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study/rates.py").unlink()
    code, _, err = _call("run", "study/own.yaml", "--out", "four")
    assert code == 2
    assert "there is no file 'rates.py' beside study/own.yaml" in err
    assert mean("one/scenario.yaml", "--out", "one") == pytest.approx(0.1)  # the run folder keeps what it used


@pytest.mark.parametrize("verb", [["check"], ["run", "--dry-run"], ["run"], ["show"]])
def test_a_file_that_is_not_there_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    _study(tmp_path / "study", "rates.py:surv")
    code, out, err = _call(verb[0], "study/own.yaml", *verb[1:])
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "study/own.yaml:1:" in err
    assert "estimators.0.function: there is no file 'rates.py' beside study/own.yaml; put it there" in err
    assert [path.name for path in tmp_path.iterdir()] == ["study"]


def test_check_says_when_the_function_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _study(tmp_path, "rates.py:cure")
    _function(tmp_path, 0.1)
    code, _, err = _call("check", "own.yaml")
    assert code == 2
    assert err == "trialtwin: rates.py:cure: rates.py has no function 'cure'\n"
    assert _call("run", "own.yaml", "--out", "made") == (code, "", err)
    assert not (tmp_path / "made").exists()
    _study(tmp_path, "rates.py:surv")
    assert _call("check", "own.yaml")[0] == 0


SPOILED = """
import numpy as np

def slope(cohort):
    if int(cohort["event"].sum()) % 2 == LEFT:
        raise ValueError("no such model")
    return fitted(cohort)

def fitted(cohort):
    return np.linalg.solve(np.zeros((2, 2)), np.ones(2)) if len(cohort) < 0 else (0.1, 0.2)

def inside(cohort):
    wanted = cohort.groupby("treated")
    return wanted["height"].mean(), 1.0
"""


def test_the_users_own_line_is_told_where_a_library_raised_it(file: Path) -> None:
    """The error arises in pandas; the line is that of the file as it was read, whatever became of it."""
    trusted(file, SPOILED)
    number = SPOILED.splitlines().index('    return wanted["height"].mean(), 1.0') + 1
    own = Own(name="own", function=f"{file}:inside").pinned()
    file.write_text("something else entirely\n" * 30)
    with pytest.raises(OwnFunctionError) as error:
        own.estimate(_sample(5), "OS")
    told = str(error.value)
    assert f'at mine.py:{number} `return wanted["height"].mean(), 1.0`: KeyError: ' in told
    assert told.endswith("; also in all of the next 4")
    assert "\n" not in told


def test_it_is_told_where_only_some_replicates_are_hit(file: Path) -> None:
    trusted(file, "CALLS = []\n\ndef now_and_then(cohort):\n    CALLS.append(1)\n"
            "    return (1, 1) if len(CALLS) % 2 else cohort['height']\n")  # fmt: skip
    with pytest.raises(OwnFunctionError, match=r"failed in replicate 1 at mine\.py:5 .*; also in 1 of the next 3$"):
        _own(file, "now_and_then")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("unable", "mine\\.py:\\d+ `raise ValueError\\(.no estimate.\\)`: ValueError: no estimate"),
        ("nothing", "returns None in replicate 0"),
        ("without_se", "returns .*'se': None.* in replicate 0"),
        ("peto", "^$"),
    ],
)
def test_why_there_is_no_estimate_can_be_asked(file: Path, name: str, why: str) -> None:
    assert re.search(why, Own(name="own", function=f"{file}:{name}").why(_sample(), "OS"))


def _two(tmp_path: Path, function: str) -> tuple[str, ...]:
    """A study of a user's function and a compiled estimator; the words that run it."""
    own = {"kind": "own", "name": "mine", "function": function, "endpoints": ["OS"]}
    crude = {"kind": "crude", "endpoints": ["OS"]}
    study = {"extends": "null-effect", "name": "two", "estimators": [own, crude]}
    (tmp_path / "two.yaml").write_text(json.dumps(study), "utf-8")
    return ("run", "two.yaml", "--reps", "8", "--jobs", "1", "--out", "made", "-S", "run.truth_patients=5000")


def test_soft_failures_are_told_once_with_their_line_and_their_number(file: Path, tmp_path: Path) -> None:
    trusted(file, SPOILED.replace("LEFT", "0"))
    code, out, err = _call(*_two(tmp_path, "mine.py:slope"))
    assert code == 0, err
    told = " ".join(out.split())
    rows = pd.read_parquet(tmp_path / "made" / "results.parquet")
    hit = int(((rows["estimator"] == "mine") & (rows["status"] == Status.NOT_CONVERGED)).sum())
    assert 0 < hit < 8
    assert told.count("gave no estimate of") == 1
    assert f"'mine' gave no estimate of OS in {hit} of 8 simulated studies: mine.py:slope failed in replicate" in told
    assert 'mine.py:6 `raise ValueError("no such model")`: ValueError: no such model' in told


def test_a_changed_function_refuses_its_own_rows_alone(file: Path, tmp_path: Path) -> None:
    """Those of the other estimator are neither computed anew nor otherwise; the run is what it were if made at once."""
    trusted(file, "def f(cohort):\n    return 0.1, 0.2\n")
    words = _two(tmp_path, "mine.py:f")
    assert _call(*words)[0] == 0
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "made" / "parts").rglob("*.parquet")}
    code, _, err = _call(*words)
    assert (code, "is not what it was" in err) == (0, False)
    trusted(file, "def f(cohort):\n    return 0.3, 0.2\n")
    code, _, err = _call(*words)
    assert code == 0, err
    assert "the code of 'mine' is not what it was: its rows are refused and computed anew; those of all other" in err
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "made" / "parts").rglob("*.parquet")}
    assert {path: after[path] for path in before} == before
    (new,) = after.keys() - before.keys()
    assert pd.read_parquet(new)["estimator"].unique().tolist() == ["mine"]
    rows = pd.read_parquet(tmp_path / "made" / "results.parquet")
    assert set(rows.loc[rows["estimator"] == "mine", "value"]) == {0.3}
    code, out, err = _call("verify", "made", "--sample", "3", "--jobs", "1")
    assert code == 0, out + err
    assert _call(*words[:-3], "fresh", *words[-2:])[0] == 0
    pd.testing.assert_frame_equal(rows, pd.read_parquet(tmp_path / "fresh" / "results.parquet"))


def test_a_study_runs_it_and_notices_when_its_source_changes(file: Path, tmp_path: Path) -> None:
    study = {
        "extends": "null-effect",
        "name": "mine",
        "estimators": [{"kind": "own", "name": "peto", "function": "mine.py:peto", "endpoints": ["OS"]}],
    }
    (tmp_path / "study.yaml").write_text(json.dumps(study), "utf-8")
    words = ("run", "study.yaml", "--reps", "3", "--jobs", "1", "--out", "made")
    code, out, err = _call(*words)
    assert code == 0, err
    assert "peto" in out
    before = digest_of("mine.py:peto")
    trusted(file, PETO + "\n")
    assert digest_of("mine.py:peto") != before
    code, _, err = _call(*words)
    assert code == 0
    assert "the code of 'peto' is not what it was" in err


def test_parts_of_other_code_are_not_merged(file: Path, tmp_path: Path) -> None:
    trusted(file, "def f(cohort):\n    return 0.1, 0.2\n")
    words = _two(tmp_path, "mine.py:f")
    assert _call(*words, "--block", "4", "--shard", "1/2")[0] == 0
    before = digest_of("mine.py:f")
    trusted(file, "def f(cohort):\n    return 0.3, 0.2\n")
    assert _call(*words[:-3], "other", *words[-2:], "--block", "4", "--shard", "2/2")[0] == 0
    code, _, err = _call("merge", "made", "other")
    assert code == 2
    assert f"holds a run with other code of the estimator 'mine' (own/{before[:53]}" in err


def test_the_one_in_the_documentation_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    section = (Path(__file__).parent.parent / "docs" / "estimators.md").read_text("utf-8")
    function, study = (section.split(f"```{kind}\n")[1].split("```")[0] for kind in ("python", "yaml"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rates.py").write_text(function, "utf-8")
    (tmp_path / "mine.yaml").write_text(study, "utf-8")
    code, out, _ = _call("run", "mine.yaml", "--trust", "--reps", "4", "--json", "-S", "run.truth_patients=20000")
    assert code == 0
    found = json.loads(out)
    made = {row["measure"]: row["value"] for row in found["performance"] if row["estimator"] == "rates"}
    assert made["convergence"] == 1
    assert -2 < made["mean"] < 0


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({"measure": "conditional_log_hr"}, "needs 'adjusted_for'"),
        ({"measure": "marginal_log_hr", "adjusted_for": ("stage",)}, "belongs to 'measure: conditional_log_hr'"),
        ({"measure": "conditional_log_hr", "adjusted_for": ("height",)}, "no variable 'height'"),
        ({"measure": "conditional_log_hr", "adjusted_for": ("stage", "stage")}, "lists 'stage' twice"),
        ({"measure": "survival_difference"}, "needs a 'horizon'"),
        ({"measure": "rmst_difference"}, "needs a 'horizon'"),
        ({"measure": "median_difference", "horizon": 12.0}, "'horizon' belongs to"),
        ({"measure": "risk_difference"}, "is not one of OS, a time to an event"),
    ],
)
def test_a_function_whose_truth_is_not_one_number_is_refused(options: dict[str, Any], wrong: str) -> None:
    own = {"kind": "own", "name": "mine", "function": "tests.own_functions:peto", "endpoints": ("OS",), **options}
    with pytest.raises(ValueError, match=wrong):
        scenario(estimators=(own,))


def test_it_is_judged_by_the_truth_that_it_names() -> None:
    """A function that fits the model of `adjusted` is judged as that is."""
    own = {
        "kind": "own", "name": "mine", "function": "tests.own_functions:peto", "endpoints": ("OS",),
        "measure": "conditional_log_hr", "adjusted_for": ("age>65", "stage"),
    }  # fmt: skip
    asked = scenario(estimators=(own, {"kind": "adjusted", "endpoints": ("OS",)}), analysis={"cox": {}})
    estimands = {one.name: one.estimand("OS", asked.analysis, asked_variables(asked)) for one in asked.estimators}
    assert estimands["mine"] == estimands["adjusted"]


def asked_variables(asked: Any) -> Any:
    """The measured covariates by name."""
    return {name: spec.variable(name) for name, spec in asked.population.covariates.items()}
