"""Tipping: E-values, the effect behind a published estimate on known surfaces, and brute force in a small world."""

from math import exp, inf, isnan, log, nan, sqrt
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from analysis.e_value import e_value, e_values
from benchmarks.blocks import prepare
from benchmarks.cli import cli
from benchmarks.questions import tipping
from benchmarks.questions.ask import designed
from benchmarks.questions.shown import text as as_text
from benchmarks.questions.tipping import (
    Surface,
    equal_strength,
    find,
    interpolation_error,
    published_ratio,
    root,
    solved,
)
from benchmarks.questions.tipping_shown import shown
from benchmarks.store import RunError, RunFolder
from benchmarks.study import Work, run_study
from benchmarks.verbs import Asked, load_study

WORLD = "imbrave150"
GRID = np.linspace(0.0, log(4.0), 5)


def test_e_values_are_those_of_the_published_formula() -> None:
    found = e_values(0.36, 0.49)
    assert [round(one, 2) for one in found["rare outcome"]] == [5.00, 3.50]
    assert [round(one, 2) for one in found["common outcome"]] == [3.44, 2.65]
    assert e_value(2.0) == pytest.approx(2 + sqrt(2), rel=1e-15) == e_value(0.5)
    assert e_values(0.8, 1.1)["rare outcome"][1] == 1.0


def test_the_root_of_an_exact_quadratic_is_found_with_its_slope() -> None:
    levels = np.array([-2.0, -1.0, 0.0, 0.5])
    at, weights, slope = root(levels, 0.1 * levels**2 + levels + 0.2, -0.5)
    assert at == pytest.approx((-1 + sqrt(1 - 0.4 * 0.7)) / 0.2, rel=1e-9)
    assert weights @ levels == pytest.approx(at, rel=1e-9)
    assert slope == pytest.approx(1 + 0.2 * at, rel=1e-9)


def test_nothing_is_extrapolated() -> None:
    levels = np.array([-1.0, -0.5, 0.0])
    assert isnan(root(levels, levels, 0.1)[0])
    assert isnan(root(levels, levels, -1.1)[0])
    assert not isnan(root(levels, levels, -0.9)[0])


def test_the_monte_carlo_error_is_that_of_repeated_experiments() -> None:
    rng, levels = np.random.default_rng(1), np.array([-1.5, -0.8, -0.2, 0.5])
    truths, none = 0.9 * levels, np.zeros(4)
    found = []
    for _ in range(400):
        common = rng.normal(0, 0.5, 50)
        estimates = levels[:, None] + 0.1 + common + rng.normal(0, 0.1, (4, 50))
        found.append(solved(levels, estimates, truths, none, -0.6))
    true, _, error = np.array(found).T
    assert abs(true.mean() - 0.9 * -0.7) < 4 * true.std() / 20
    assert abs(error.mean() / true.std(ddof=1) - 1) < 4 / sqrt(2 * 399)
    assert abs(0.5 * error.mean() / true.std(ddof=1) - 1) > 4 / sqrt(2 * 399)  # half the error would be noticed


def test_failed_replicates_are_left_out_of_all_levels() -> None:
    levels = np.array([-1.0, 0.0, 1.0])
    estimates = levels[:, None] + np.array([0.0, 0.1, -0.1, 0.0])
    spoilt = estimates.copy()
    spoilt[1, 3] = nan
    whole = solved(levels, estimates[:, :3], levels, np.zeros(3), 0.3)
    assert solved(levels, spoilt, levels, np.zeros(3), 0.3) == whole


def test_interpolation_error_is_nothing_on_a_plane_and_seen_on_a_bend() -> None:
    plane = GRID[:, None] - 2 * GRID[None, :]
    assert interpolation_error(GRID, GRID, plane) < 1e-12
    bent = plane.copy()
    bent[2, 2] += 0.1
    assert interpolation_error(GRID, GRID, bent) > 0.09
    bent[2, 2] = nan
    assert isnan(interpolation_error(GRID, GRID, bent))


def test_equal_strength_is_where_the_diagonal_crosses_no_effect() -> None:
    product = -0.5 + GRID[:, None] * GRID[None, :]
    none = np.full((5, 5), 0.01)
    strength, error = equal_strength(GRID, GRID, Surface(-1.0, product, product, none, 0.0))
    assert strength == pytest.approx(exp(sqrt(0.5)), rel=1e-6)
    assert error == pytest.approx(strength * 0.01 / (2 * sqrt(0.5)), rel=0.02)
    assert equal_strength(GRID, GRID, Surface(-1.0, product - 2, product, none, 0.0))[0] == inf
    assert equal_strength(GRID, GRID, Surface(-1.0, product + 2, product, none, 0.0))[0] == 1.0
    assert equal_strength(GRID, GRID, Surface(1.0, -product, product, none, 0.0))[0] == pytest.approx(strength)


def asked(replicates: int) -> Asked:
    """A study of a small randomised world, by the crude estimator alone."""
    settings = ("estimators=[crude]", "population.size=300", "run.truth_patients=50000")
    return load_study(WORLD, settings, replicates, 3)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tipping.Tipping:
    """A contour for a published HR of 0.6 of a crude analysis."""
    place = tmp_path_factory.mktemp("tipping") / "run"
    return find(asked(100), "OS", "crude", (0.6, 0.8), 4.0, 4, 0.4, [(3.0, 0.4)], 2, place)


def test_brute_force_at_a_point_finds_the_published_estimate(
    found: tipping.Tipping, tmp_path_factory: pytest.TempPathFactory
) -> None:
    point = found.points[0]
    name, three = tipping.CONFOUNDER, tipping.TRANSITIONS
    fixed = {
        f"population.hidden.{name}": {"kind": "binary", "label": "Hidden", "shares": {"absent": 0.6, "present": 0.4}},
        f"treatment.log_odds.{name}": log(3.0),
        **{f"outcomes.{one}.log_hr.{name}": log(0.4) for one in three},
        **{f"outcomes.{one}.treatment": {"log_hr": log(point.set_hr)} for one in three},
        "run.seed": 9,
    }
    study = designed(asked(400), [{}], fixed)
    place = tmp_path_factory.mktemp("brute")
    (place / "parts").mkdir()
    result = run_study(prepare(study.cells), RunFolder(place), Work(2), lambda stage, done, total: None)  # noqa: ARG005
    mean = result.performance.set_index(["endpoint", "estimator", "judged_by", "measure"]).loc[
        "OS", "crude", "own", "mean"
    ]
    error = sqrt(mean["mcse"] ** 2 + point.mcse**2) + point.interpolation
    assert abs(mean["value"] - log(0.6)) < 3 * error
    assert abs(mean["value"] - log(0.75)) > 3 * error
    truth = result.truths[0, "OS", "crude"]
    assert abs(truth.value - log(point.true_hr)) < 3 * error


def test_the_answer_is_told_and_confounding_explains_more_the_stronger_it_is(found: tipping.Tipping) -> None:
    true = found.surfaces[0].true
    assert (np.diff(np.diag(true)) > 0).all()
    assert np.ptp(true[0]) < 0.15  # what does not bear on treatment explains nothing
    assert "E-value" in as_text(shown(found))
    assert max(map(len, as_text(shown(found)).splitlines())) <= 100
    assert shown(found).body["surfaces"][0]["log_hr"] == log(0.6)


def test_bad_input_is_refused_in_one_line() -> None:
    for words, says in (
        (["--at", "3"], "as in --at 2.5,0.5"),
        (["--at", "99,0.5"], "outside the design"),
        (["--at", "2,2"], "hides the effect"),
        (["--hr", "0.6", "--bound", "0.4"], "nearer to no effect"),
        (["--estimator", "nobody"], "no estimator 'nobody'"),
        (["--figure", "a.gif"], "end the figure's name"),
    ):
        result = CliRunner().invoke(cli, ["tipping", "paper", "--reps", "2", "--nodes", "2", *words])
        assert isinstance(result.exception, RunError)
        assert says in str(result.exception)


def test_a_world_without_a_published_ratio_says_so() -> None:
    study = asked(2)
    with pytest.raises(RunError, match="state them with --hr and --bound"):
        published_ratio(study.scenario.model_copy(update={"published": {}}), "OS", None, None)


def test_the_figure_is_written_the_same_twice(found: tipping.Tipping, tmp_path: Path) -> None:
    from benchmarks.questions.ask import write_figure
    from benchmarks.questions.tipping_shown import drawn

    for name in ("a.svg", "b.svg"):
        write_figure(drawn(found), tmp_path / name)
    one = (tmp_path / "a.svg").read_bytes()
    assert one == (tmp_path / "b.svg").read_bytes()
    assert b"no effect left" in one
