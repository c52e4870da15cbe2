"""Calibration: parameters come back from the papers that their worlds print; deterministic; refuses what it cannot."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from benchmarks.asked.blocks import prepare
from benchmarks.asked.free_places import free_paths
from benchmarks.asked.scenario import Free, Scenario
from benchmarks.cli.commands import main
from benchmarks.truth.of_cells import find_truths
from benchmarks.twin.calibrate import Fit, calibrate
from benchmarks.twin.search import free_against_each_other
from benchmarks.twin.shown import fit_answer
from benchmarks.twin.targets import PublishedTarget, targets_of, with_leaf
from simulator.documents.loading import Document, load, parse, shipped
from simulator.world.generate import resolve
from simulator.world.sections import Printed
from tests.commands import fits
from tests.measured import Measured
from tests.papers_of_worlds import print_paper
from tests.simulated import z_of_mean

FREE = (
    "outcomes.progression.baseline.rates.0",
    "outcomes.progression.treatment.log_hr.0",
    "outcomes.death_after_progression.baseline.rate",
    "outcomes.death_after_progression.treatment.log_hr",
    "followup.dropout.Sorafenib.rate",
)
SMALL = (
    "calibration.replicates=40",
    "outcomes.progression.baseline={kind: piecewise, cuts: [60.0], rates: [0.1, 0.1]}",
    "outcomes.progression.treatment={log_hr: [-0.5, -0.5], cuts: [60.0]}",
    "outcomes.death_after_progression.treatment={log_hr: -0.5}",
    "followup.cut_off=2021-08-29",
)


def quiet(stage: str, done: int, total: int) -> None:
    """No progress shown."""
    assert stage
    assert done <= total


def small(*settings: str) -> tuple[Document, Scenario]:
    """A world of a randomised trial with a few free parameters."""
    document = load("imbrave150", (*SMALL, *settings), spec=Scenario)
    scenario = parse(document, Scenario)
    assert scenario.calibration is not None
    free = {name: scenario.calibration.free[name] for name in FREE}
    plan = scenario.calibration.model_copy(update={"free": free})
    return document, scenario.model_copy(update={"calibration": plan})


def fitted(document: Document, scenario: Scenario) -> Fit:
    assert scenario.calibration is not None
    return calibrate(scenario, document.tree, free_paths(document, scenario.calibration), 1, quiet, {})


def true_log_hr(scenario: Scenario, endpoint: str) -> tuple[float, float]:
    """The marginal log hazard ratio of a world, and its Monte Carlo error."""
    run = scenario.run.model_copy(update={"truth_patients": 40_000})
    (cell,) = prepare([({}, scenario.model_copy(update={"run": run}))])
    truth = find_truths(cell, 1, lambda done: None)[endpoint, "crude"]  # noqa: ARG005
    return truth.value, truth.mcse


@pytest.mark.slow(minutes=60)
def test_true_hazard_ratios_come_back_from_twenty_synthetic_papers(measured: Measured):
    """The fit of one paper is off by that paper's sampling error: the standardised errors have mean 0 and SD 1."""
    document, scenario = small()
    resolved = resolve(scenario)
    true = {endpoint: true_log_hr(scenario, endpoint) for endpoint in ("OS", "PFS")}
    errors: dict[str, list[float]] = {"OS": [], "PFS": []}
    for replicate in range(20):
        paper = print_paper(scenario, resolved, scenario.published, 900, replicate)
        blind = scenario.model_copy(update={"published": paper})
        world = Scenario.model_validate({**fitted(document, blind).tree, "published": {}})
        for endpoint, found in errors.items():
            value, mcse = true_log_hr(world, endpoint)
            low, high = (float(paper[f"endpoints.{endpoint}.before.cox.{end}"].printed) for end in ("low", "high"))
            se = np.hypot(np.log(high / low) / 3.92, np.hypot(mcse, true[endpoint][1]))
            found.append((value - true[endpoint][0]) / se)
    means = "; ".join(f"{name} mean {np.mean(one):+.2f}, SD {np.std(one, ddof=1):.2f}" for name, one in errors.items())
    measured("calibration of 20 papers", f"errors of the true log HR in their SE: {means}")
    for found in errors.values():
        assert abs(z_of_mean(np.array(found), 0.0)) < 4
        assert 0.4 < np.std(found, ddof=1) < 1.6
        assert abs(z_of_mean(np.array(found) + 1.5, 0.0)) > 4  # a fit that is off by 1.5 SE would be noticed


@pytest.fixture(scope="module")
def first_paper():
    """A document, its scenario with what a paper of that world prints, and the fit to that."""
    document, scenario = small()
    paper = print_paper(scenario, resolve(scenario), scenario.published, 31, 0)
    blind = scenario.model_copy(update={"published": paper})
    return document, blind, fitted(document, blind)


def test_a_world_is_fitted_to_its_paper_and_says_what_the_paper_pins_down(first_paper):
    document, blind, made = first_paper
    assert made.losses[-1] < made.losses[0]
    assert sum(one.taken for one in made.starts) == 1
    assert min(made.starts, key=lambda one: one.at_last).taken
    assert not made.verdict.bad
    by_name = {one.name: one for one in made.parameters}
    rate = by_name["outcomes.progression.baseline.rates.0"]
    assert rate.pinned > 0.5
    assert abs(np.log(rate.fitted / 0.1)) < 4 * rate.se
    assert made.tree["outcomes"]["progression"]["baseline"]["rates"][0] == rate.fitted
    again = fitted(document, blind)
    assert again.values == made.values


def test_a_perturbed_start_lands_within_the_reported_uncertainty(first_paper):
    document, scenario, one = first_paper
    assert scenario.calibration is not None
    free = dict(scenario.calibration.free)
    for name, factor in zip(FREE, (1.6, 0.4, 0.6, 1.8, 1.5), strict=True):
        free[name] = free[name].model_copy(update={"start": free[name].mean * factor})
    moved = scenario.calibration.model_copy(update={"free": free})
    other = fitted(document, scenario.model_copy(update={"calibration": moved}))
    for first, second in zip(one.parameters, other.parameters, strict=True):
        distance = np.log(second.fitted / first.fitted) if first.scale == "log" else second.fitted - first.fitted
        assert abs(distance) < first.se


def test_what_the_paper_says_nothing_about_stays_at_its_prior():
    document, scenario = small()
    only = {key: one for key, one in scenario.published.items() if key.startswith("endpoints.PFS.before.km.control")}
    made = fitted(document, scenario.model_copy(update={"published": only}))
    by_name = {one.name: one for one in made.parameters}
    effect = by_name["outcomes.progression.treatment.log_hr.0"]
    assert effect.fitted == pytest.approx(-0.5, abs=1e-6)
    assert effect.pinned < 0.01
    assert by_name["outcomes.progression.baseline.rates.0"].pinned > 0.3


LONELY = {  # a p-value, and a number from which it is made, in part or whole
    "endpoints.OS.after.cox.p": "endpoints.OS.after.cox.hr",
    "endpoints.OS.after.logrank.p": "endpoints.OS.after.cox.hr",
    "endpoints.OS.before.logrank.p": "endpoints.OS.before.logrank.chi2",
    "endpoints.OS.after.subgroups[sex=Male].p_logrank": "endpoints.OS.after.subgroups[sex=Male].hr",
    "endpoints.OS.after.subgroups[sex=Male].interaction_p": "endpoints.OS.after.subgroups[sex=Male].hr",
    "table1.before[age].p": "table1.before[age].treated.mean",
    "table1.before[sex].p": "table1.before[sex=Male].treated.n",
    "table1.after[age>50].p": "table1.after[age>50].control.percent",
    "binary.ORR.after.p": "binary.ORR.after.treated.yes",
    "endpoints.PFS.after.multivariable[afp].p": "endpoints.PFS.after.multivariable[afp].low",
}


@pytest.mark.parametrize("key", list(LONELY))
def test_a_p_value_is_a_target_where_what_it_is_made_from_is_not_printed(key: str):
    def targets(printed: str, *others: str) -> dict[str, PublishedTarget]:
        texts = {key: printed, **dict.fromkeys(others, "0.50")}
        return {one.key: one for one in targets_of({k: Printed(printed=t, where="T") for k, t in texts.items()}, {})}

    elsewhere = ("endpoints.XX.before.cox.hr", "table1.before[age2].treated.mean", "binary.ORR2.after.treated.yes")
    found = targets("0.04", *elsewhere)[key]
    assert (found.low, found.high) == pytest.approx((norm.ppf(0.035), norm.ppf(0.045)))
    assert found.residual(norm.ppf(0.04) + 0.6, 0.1) == pytest.approx(2.0, abs=0.02)  # a third of six SDs
    assert found.scaled(np.array([0.04, 1e-300, 1.0])) == pytest.approx([norm.ppf(0.04), -8.0, 8.0])
    assert found.natural(norm.ppf(0.04)) == pytest.approx(0.04)
    small = targets("<0.001", *elsewhere)[key]
    assert (small.low, small.high) == (-np.inf, pytest.approx(norm.ppf(0.001)))
    assert small.residual(-6.0, 0.1) == 0.0
    assert small.residual(-3.0, 0.1) > 0.2
    assert key not in targets("0.04", LONELY[key])


def test_what_no_number_tells_apart_is_said():
    rng = np.random.default_rng(3)
    a, b, c = rng.standard_normal((3, 40))
    zero = np.zeros(40)
    assert free_against_each_other(np.stack([a, b, c], axis=1)) == []
    assert free_against_each_other(np.stack([a, zero, c], axis=1)) == []  # one is free by itself
    assert free_against_each_other(np.stack([a, a, c], axis=1)) == [[0, 1]]
    assert free_against_each_other(np.stack([a, zero, 2 * a, c, c, c], axis=1)) == [[0, 2], [3, 4, 5]]
    assert free_against_each_other(np.stack([a, a + 0.001 * b, zero], axis=1)) == [[0, 1]]
    assert free_against_each_other(np.stack([a, a + 0.5 * b, zero], axis=1)) == []


def test_a_split_that_is_not_printed_is_left_free_and_said_so():
    """Progression and death before it: the median of their sum alone is printed."""
    document, scenario = small()
    assert scenario.calibration is not None
    names = ("outcomes.progression.baseline.rates.0", "outcomes.death.baseline.rate")
    whole = load("imbrave150").tree["calibration"]["free"]
    free = {name: {**whole[name], "mean": 0.06, "sd": 1.5} for name in names}
    plan = scenario.calibration.model_copy(update={"free": {k: Free.model_validate(v) for k, v in free.items()}})
    only = {
        f"endpoints.PFS.before.km.{arm}.median": Printed(printed="6.0", where="T") for arm in ("control", "treated")
    }
    made = fitted(document, scenario.model_copy(update={"published": only, "calibration": plan}))
    assert made.together == (names,)
    answer = fit_answer(made, Path("out.yaml"))
    assert any("in common only" in note and "x" in note for note in answer.notes), answer.notes
    assert "not alone" in answer.text()
    split = {"endpoints.PFS.before.km.control.survival[6]": "0.5", "endpoints.OS.before.km.control.survival[6]": "0.9"}
    told = {key: Printed(printed=text, where="T") for key, text in split.items()}
    assert not fitted(document, scenario.model_copy(update={"published": told, "calibration": plan})).together


def test_targets_leave_out_p_values_repetitions_and_limits_that_are_not_reached():
    texts = {
        "binary.A.before.control.yes": "5",
        "binary.A.before.control.percent": "3.1",
        "binary.B.before.control.percent": "3.1",
        "binary.A.before.p": "0.1",
        "matching.n_pairs": "40",
        "matching.n_treated": "40",
        "endpoints.OS.before.km.control.high": "NA",
        "endpoints.OS.before.km.control.events": "not_printed",
        "endpoints.OS.before.cox.hr": "0.50",
        "endpoints.OS.after.subgroups[a=b].hr": ">1",
        "world.name": "x",
    }
    published = {key: Printed(printed=text, where="Table 1") for key, text in texts.items()}
    known = {key: one for key, one in published.items() if key != "world.name" and one.printed != "not_printed"}
    found = {target.key: target for target in targets_of(known, {"binary.A.before.control.yes": ("odd",)})}
    assert list(found) == [
        "binary.A.before.control.yes",
        "binary.B.before.control.percent",
        "matching.n_pairs",
        "endpoints.OS.before.cox.hr",
        "endpoints.OS.after.subgroups[a=b].hr",
    ]
    assert [target.doubtful for target in found.values()] == [True, False, False, False, False]
    ratio = found["endpoints.OS.before.cox.hr"]
    assert ratio.residual(np.log(0.5), 0.1) == pytest.approx(0.0, abs=1e-3)
    direction = found["endpoints.OS.after.subgroups[a=b].hr"]
    assert direction.residual(np.log(1.5), 0.1) == 0.0
    assert direction.residual(np.log(0.8), 0.1) == pytest.approx(np.log(0.8) / 0.1)


def test_a_doubtful_target_weighs_less():
    sure = PublishedTarget("k", "5", 4.5, 5.5, "plain", False)
    doubtful = dataclasses.replace(sure, doubtful=True)
    assert doubtful.residual(8.0, 1.0) == sure.residual(8.0, 1.0) / 3


def test_what_nearly_always_is_at_a_cap_is_measured_by_its_rounding():
    """A greatest amount of 11.7, capped there: 11.69 on the average is 0.35 SDs of what is rounded to 0.1 away."""
    capped = PublishedTarget("k", "11.7", 11.65, 11.75, "plain", False)
    assert capped.residual(11.69, 1e-5) == pytest.approx(-0.01 / (0.1 / 12**0.5))
    assert capped.residual(11.2, 0.5) == pytest.approx(-1.0)


def test_a_share_among_shares_leaves_their_sum():
    tree = {"a": (0.5, 0.3, 0.2), "b": (2.0, 3.0)}
    made = with_leaf(tree, ("a", "0"), 0.6)
    assert made["a"] == pytest.approx((0.6, 0.24, 0.16))
    assert with_leaf(tree, ("b", "1"), 4.0)["b"] == (2.0, 4.0)
    assert tree["a"] == (0.5, 0.3, 0.2)


def test_a_share_of_a_level_leaves_the_sum_and_a_share_of_an_arm_leaves_the_other():
    covariate = {"kind": "ordinal", "shares": {"0": 0.5, "1": 0.3, "2": 0.2}}
    made = with_leaf(covariate, ("shares", "0"), 0.6)
    assert made["shares"] == pytest.approx({"0": 0.6, "1": 0.24, "2": 0.16})
    assert list(made["shares"]) == ["0", "1", "2"]
    assert covariate["shares"]["0"] == 0.5
    arms = {"label": "Ablation", "shares": {"A": 0.4, "B": 0.6}}
    assert with_leaf(arms, ("shares", "A"), 0.1)["shares"] == {"A": 0.1, "B": 0.6}


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["trialtwin", "calibrate", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


def test_the_verb_writes_a_world_that_extends_the_one_it_fitted(capsys, monkeypatch, tmp_path):
    base, out = tmp_path / "base.yaml", tmp_path / "fitted.yaml"
    names = load("imbrave150").tree["calibration"]["free"]
    dropped = "".join(f"    {name}: null\n" for name in names if name not in FREE)
    free = f"calibration:\n  replicates: 30\n  free:\n{dropped}"
    base.write_text(f"extends: {shipped()['imbrave150']}\nname: base\n{free}")
    assert run(monkeypatch, str(base), "--out", str(out), "--report", str(tmp_path / "fit.html"), "--json") == 0
    assert "How close are its numbers to the printed ones?" in (tmp_path / "fit.html").read_text("utf-8")
    described = json.loads(capsys.readouterr().out)
    assert fits("calibrate", described)
    assert [one["name"] for one in described["parameters"]] == list(FREE)
    world = parse(load(str(out), spec=Scenario), Scenario)
    assert world.name == "fitted"
    assert world.outcomes.progression.baseline.rates[0] == pytest.approx(described["parameters"][0]["fitted"], rel=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("imbrave150", "--out", "x.txt"), "end the name in .yaml"),
        (("imbrave150", "--out", "x.yaml", "-S", "population.size=300"), "population.size=300: only calibration.*"),
        (("imbrave150", "--out", "x.yaml", "-S", "calibration=null"), "no 'calibration.free'"),
        (("imbrave150", "--out", "x.yaml", "-S", "calibration.free.'outcomes.none'={mean: 0, sd: 1, bounds: [-1, 1]}"),
         "'outcomes.none' is not the place of a number"),
        (("imbrave150", "--out", "x.yaml", "-S", "calibration.free.'run.seed'={mean: 5, sd: 1, bounds: [1, 3]}"),
         "mean and start must lie within increasing bounds"),
    ],
)  # fmt: skip
def test_what_cannot_be_fitted_is_refused_in_a_line(capsys, monkeypatch, tmp_path, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, *arguments) == 2
    assert message in capsys.readouterr().err
