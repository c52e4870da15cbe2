"""The unit of time of a world: what is inherited in another is refused, and times that nobody stated are converted."""

from pathlib import Path

import pytest

from benchmarks.asked.load_study import load_study
from benchmarks.cli import twin_verbs
from benchmarks.cli.verbs import checked
from simulator.documents.loading import DocumentError, Written

WORLD = """
name: base
source: Made up
arms: {control: C, treated: T}
population: {size: 100, covariates: {age: {kind: continuous, mean: 60, sd: 8, bounds: [30, 90]}}}
treatment: {kind: prevalence, share: 0.4}
outcomes:
  centre: zero
  course: single
  transitions: {death: {baseline: {kind: piecewise, cuts: [6], rates: [0.05, 0.02]}, log_hr: {age: 0.01}}}
endpoints: {OS: {event: death}}
entry: {accrual: {start: 2020-01-01, end: 2022-01-01}}
followup: {cut_off: 2024-01-01}
"""
RESTATED = """
time_unit: years
outcomes: {transitions: {death: {baseline: {cuts: [0.5], rates: [0.6, 0.24]}}}}
"""
TOLD = "in years 2 times and rates would be re-read that"


def files(folder: Path, base: str, over: str) -> str:
    """The path of a document that extends another."""
    (folder / "base.yaml").write_text(WORLD + base, encoding="utf-8")
    (folder / "over.yaml").write_text("extends: base.yaml\n" + over, encoding="utf-8")
    return str(folder / "over.yaml")


def refused(path: str, settings: tuple[str, ...] = ()) -> str:
    with pytest.raises(DocumentError) as caught:
        load_study(path, settings)
    (one,) = caught.value.problems
    return str(one)


def test_what_is_inherited_in_another_unit_is_refused_with_what_would_be_right(tmp_path: Path) -> None:
    told = refused(files(tmp_path, "", "time_unit: years\n"))
    assert told == (
        f"{tmp_path}/over.yaml:2:12: time_unit: {TOLD} {tmp_path}/base.yaml (first in line 10) states in months; "
        "restate here, or delete with null: outcomes.transitions.death.baseline.cuts: [0.5], "
        "outcomes.transitions.death.baseline.rates: [0.6, 0.24]; or leave time_unit out"
    )
    load_study(files(tmp_path, "", RESTATED))
    load_study(files(tmp_path, "", "time_unit: months\n"))
    load_study(files(tmp_path, "time_unit: years\n", "population: {size: 50}\n"))


@pytest.mark.parametrize(
    ("base", "over", "named"),
    [
        ("", RESTATED.replace(", 0.24]", ", 0.24]").replace("cuts: [0.5], ", ""), "baseline.cuts: [0.5]"),
        ("analysis: {survival: {times: [12, 24]}}", RESTATED, "analysis.survival.times: [1, 2]"),
        ("estimators: [{kind: rmst, horizon: 36}]", RESTATED, "estimators.0.horizon: 3"),
        ("estimators: [{kind: several-tests, tests: [{kind: logrank}, {kind: rmst, horizon: 6}]}]", RESTATED,
         "estimators.0.tests.1.horizon: 0.5"),
        ("sweep: {grid: {outcomes.transitions.death.baseline.cuts: [[3], [6]]}}", RESTATED,
         "sweep.grid.'outcomes.transitions.death.baseline.cuts'"),
        ("compatible: {scenarios: {late: {settings: {followup.dropout: {C: {kind: exponential, rate: 0.1}}}}}}",
         RESTATED, "compatible.scenarios.late.settings.'followup.dropout'"),
        ("calibration: {free: {outcomes.transitions.death.baseline.rates.0: {mean: 0.05, sd: 0.1, bounds: [0, 1]}}}",
         RESTATED, "rates.0'.bounds: [0, 12]"),
        ("published: {'endpoints.OS.before.km.control.survival[24]': {printed: '0.4', where: Text}}", RESTATED,
         "published.'endpoints.OS.before.km.control.survival[24]'"),
        ("published: {endpoints.OS.before.follow_up.control.median: {printed: '24', where: Text}}", RESTATED,
         "published.'endpoints.OS.before.follow_up.control.median'"),
    ],
)  # fmt: skip
def test_times_that_stand_anywhere_are_found(base: str, over: str, named: str, tmp_path: Path) -> None:
    assert named in refused(files(tmp_path, base, over))
    load_study(files(tmp_path, base, "population: {size: 50}\n"))
    (tmp_path / "base.yaml").write_text(WORLD + base + "\ntime_unit: years\n", "utf-8")
    load_study(str(tmp_path / "base.yaml"))  # a world by itself says all of it in its own unit


def test_numbers_that_are_no_times_may_be_inherited(tmp_path: Path) -> None:
    base = """
calibration: {free: {outcomes.transitions.death.log_hr.age: {mean: 0.01, sd: 0.1, bounds: [0, 1]}}}
published:
  endpoints.OS.before.cox.hr: {printed: "0.7", where: Text}
  table1.before[age].control.mean: {printed: "60", where: Text}
  endpoints.OS.before.km.control.events: {printed: "30", where: Text}
"""
    load_study(files(tmp_path, base, RESTATED))


def test_settings_and_sweeps_that_change_the_unit_are_refused(tmp_path: Path) -> None:
    path = files(tmp_path, "", "")
    assert refused(path, ("time_unit=years",)).startswith(f"-S time_unit: {TOLD} {tmp_path}/base.yaml")
    rates = "outcomes.transitions.death.baseline={kind: piecewise, cuts: [0.5], rates: [0.6, 0.24]}"
    load_study(path, ("time_unit=years", rates))
    swept = files(tmp_path, "", "sweep: {grid: {time_unit: [months, years]}}\n")
    assert refused(swept).startswith(f"with time_unit=years: {TOLD}")
    taken_back = files(tmp_path, "time_unit: weeks\n", "time_unit: null\n")
    assert "in months 2 times" in refused(taken_back)
    assert "baseline.cuts: [1.38]" in refused(taken_back)
    (tmp_path / "third.yaml").write_text("extends: over.yaml\npopulation: {size: 30}\n", "utf-8")
    (tmp_path / "over.yaml").write_text("extends: base.yaml\ntime_unit: days\n", "utf-8")
    assert "over.yaml:2:12" in refused(str(tmp_path / "third.yaml"))


def test_a_dict_is_held_to_it_too(tmp_path: Path) -> None:
    files(tmp_path, "", "")
    over = {"extends": str(tmp_path / "base.yaml"), "time_unit": "years"}
    with pytest.raises(DocumentError, match=TOLD):
        load_study(Written(over))
    baseline = {"cuts": [0.5], "rates": [0.6, 0.24]}
    load_study(Written({**over, "outcomes": {"transitions": {"death": {"baseline": baseline}}}}))


def test_the_audit_reads_no_inherited_number_in_another_unit(tmp_path: Path) -> None:
    number = "published: {endpoints.OS.before.km.control.median: {printed: '24', where: Text}}\n"
    path = files(tmp_path, number, "time_unit: years\n" + RESTATED.partition("\n")[2].partition("\n")[2])
    with pytest.raises(DocumentError, match=r"km\.control\.median"):
        twin_verbs.audit(path, ())


UNSTATED = "estimators: [rmst, milestone, landmark, several-tests, {kind: g-computation, measure: rmst_difference}]\n"


def test_times_that_nobody_states_are_converted_and_told(tmp_path: Path) -> None:
    path = files(tmp_path, "", RESTATED + UNSTATED)
    scenario = load_study(path).scenario
    horizons = [one.estimand("OS", scenario.analysis, {}) for one in scenario.estimators]
    assert [one.horizon for one in horizons] == [1.0, 1.0, None, None, 2.0]
    assert horizons[2].landmark == 0.25
    several = scenario.estimators[3]
    assert several.model_dump()["tests"][1]["horizon"] == 1.0
    assert checked(path, ())["notes"] == [
        "'rmst': horizon is 1 years, 12 months, as none is stated",
        "'milestone': at is 1 years, 12 months, as none is stated",
        "'landmark': at is 0.25 years, 3 months, as none is stated",
        "'several-tests': tests.1.horizon is 1 years, 12 months, as none is stated",
        "'g-computation': horizon is 2 years, 24 months, as none is stated",
    ]
    stated = files(tmp_path, "", RESTATED + "estimators: [{kind: rmst, horizon: 12}]\n")
    assert load_study(stated).scenario.estimators[0].model_dump()["horizon"] == 12
    assert checked(stated, ())["notes"] == []
    plain = files(tmp_path, "", UNSTATED)
    assert [one.model_fields_set for one in load_study(plain).scenario.estimators[:2]] == [{"kind"}, {"kind"}]


def test_check_tells_free_parameters_that_stand_nowhere(tmp_path: Path) -> None:
    free = "calibration: {free: {%s: {mean: 0.05, sd: 0.1, bounds: [0, 1]}}}\n"
    near = "outcomes.transitions.death.baseline.rate.0"
    with pytest.raises(DocumentError) as caught:
        checked(files(tmp_path, "", free % near), ())
    assert str(caught.value) == (
        f"{tmp_path}/over.yaml:2:22: calibration.free.'{near}': '{near}' is not the place of a number; "
        "did you mean 'outcomes.transitions.death.baseline.rates.0'?"
    )
    with pytest.raises(DocumentError, match=r"-S calibration\.free"):
        checked(files(tmp_path, "", ""), (f"calibration.free={{{near}: {{mean: 0.05, sd: 0.1, bounds: [0, 1]}}}}",))
    exponential = "{kind: exponential, rate: 0.1, cuts: null, rates: null}"
    exponential = f"outcomes: {{transitions: {{death: {{baseline: {exponential}}}}}}}"
    inherited = files(tmp_path, free % near.replace("rate.0", "rates.0"), exponential)
    (note,) = checked(inherited, ())["notes"]
    assert "base.yaml" in note
    assert "rates.0' is not the place of a number here" in note
    assert checked(files(tmp_path, free % near.replace("rate.0", "rates.0"), ""), ())["notes"] == []


def test_check_tells_free_parameters_that_are_left_unsaid(tmp_path: Path) -> None:
    free = "calibration: {free: {%s: {mean: 0, sd: 0.1, bounds: [0, 1]}}}\n"
    for path, told in (("entry.accrual.shape", "0.0"), ("outcomes.transitions.death.treatment.log_hr", "0.0")):
        with pytest.raises(DocumentError) as caught:
            checked(files(tmp_path, "", free % path), ())
        assert str(caught.value) == (
            f"{tmp_path}/over.yaml:2:22: calibration.free.'{path}': '{path}' is not stated, only taken to be {told}; "
            f"state it where the world stands ({path.split('.')[-1]}: {told})"
        )
    assert checked(files(tmp_path, "", free % "entry.accrual.shape" + "entry: {accrual: {shape: 0.0}}\n"), ())
