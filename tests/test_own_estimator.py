"""A user's own function as an estimator of a study."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.estimators import Crude, Own, Sample
from analysis.estimators.own import OwnFunctionError, frame, source_digest
from analysis.kernels.status import Status
from simulator.generate import generate, resolve
from tests.test_cli import _call
from tests.worlds import scenario

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
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(PETO, "utf-8")
    return tmp_path / "mine.py"


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


@pytest.mark.parametrize("name", ["nothing", "unable"])
def test_no_estimate_is_a_row_with_its_status(file: Path, name: str) -> None:
    made = _own(file, name)
    assert (made.status == Status.NOT_CONVERGED).all()
    assert np.isnan(made.value).all()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("short", "must give value and se"),
        ("broken", "failed in replicate 0 at .*KeyError: 'height'"),
        ("absent", "has no function 'absent'"),
    ],
)
def test_a_mistake_in_it_is_one_line(file: Path, name: str, told: str) -> None:
    with pytest.raises(OwnFunctionError, match=told) as error:
        _own(file, name)
    assert "\n" not in str(error.value)
    with pytest.raises(OwnFunctionError, match="no such file"):
        _own(file.with_name("nowhere.py"), "peto")


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
    before = source_digest("mine.py:peto")
    file.write_text(PETO + "\n", "utf-8")
    assert source_digest("mine.py:peto") != before
    code, _, err = _call(*words)
    assert code == 2
    assert "holds a run with other versions" in err


def test_the_one_in_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    section = (Path(__file__).parent.parent / "README.md").read_text("utf-8").split("## An estimator of your own")[1]
    function, study = (section.split(f"```{kind}\n")[1].split("```")[0] for kind in ("python", "yaml"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rates.py").write_text(function, "utf-8")
    (tmp_path / "mine.yaml").write_text(study, "utf-8")
    code, out, _ = _call("run", "mine.yaml", "--reps", "4", "--json", "-S", "run.truth_patients=20000")
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
