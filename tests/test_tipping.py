"""Tipping: E-values, the level behind an estimate, gaps, and closed forms and brute force in small worlds."""

from collections.abc import Sequence
from dataclasses import replace
from math import exp, hypot, inf, isnan, log, nan, sqrt
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.optimize import brentq

from analysis.figures.style import save
from analysis.survival.e_value import e_value, e_values
from benchmarks.asked.errors import RunError
from benchmarks.asked.load_study import Asked, load_study
from benchmarks.cli.commands import cli
from benchmarks.questions import tipping, tipping_levels
from benchmarks.questions.ask import designed, rows_only, target_truths, values_of
from benchmarks.questions.tipping import (
    Strength,
    crossing,
    find,
    interpolation_error,
    no_effect_at,
    published_ratio,
)
from benchmarks.questions.tipping_levels import (
    FARTHEST,
    ConfounderNode,
    LevelSearch,
    TrueEffectAt,
    explored,
    next_level,
    root,
)
from benchmarks.questions.tipping_shown import _apart, shown
from tests.measured import Measured

WORLD = "imbrave150"
GRID = np.linspace(0.0, log(4.0), 5)


def test_e_values_are_those_of_the_published_formula() -> None:
    found = e_values(0.36, 0.49)
    assert [round(one, 2) for one in found["rare outcome"]] == [5.00, 3.50]
    assert [round(one, 2) for one in found["common outcome"]] == [3.44, 2.65]
    assert e_value(2.0) == pytest.approx(2 + sqrt(2), rel=1e-15) == e_value(0.5)
    assert e_values(0.8, 1.1)["rare outcome"][1] == 1.0


def exact(*levels: float) -> dict[float, np.ndarray]:
    """Four replicates at each level, whose mean is a quadratic in it."""
    return {level: 0.1 * level**2 + level + 0.2 + np.array([-0.3, 0.3, 0.1, -0.1]) for level in levels}


def test_the_next_level_lies_on_the_line_through_the_two_nearest() -> None:
    at, settled = next_level(exact(-1.0, 0.0), -0.5)
    assert at == pytest.approx(-1.0 + (-0.5 + 0.7) / 0.9, rel=1e-12)
    assert not settled
    assert next_level(exact(-1.0, 0.0, -0.76), -0.5)[1]
    assert not next_level(exact(0.0, -0.76), -0.5)[1]  # a line of two knows nothing of its own error
    assert next_level(exact(-1.0, 0.0), 9.0)[0] == tipping_levels.STEP
    far = next_level(exact(FARTHEST - 1, FARTHEST), 99.0)
    assert far == (FARTHEST, False)
    assert isnan(next_level({0.0: np.array([nan, 1.0])}, 0.0)[0])


def test_the_root_of_an_exact_quadratic_is_found() -> None:
    right = (-1 + sqrt(1 - 0.4 * 0.7)) / 0.2
    made = root(exact(-2.0, -0.8, -0.75, 0.0), -0.5, -0.76)
    assert made is not None
    assert made.level == pytest.approx(right, rel=1e-9)
    slope = 1 + 0.2 * right
    spread = float(np.std([-0.3, 0.3, 0.1, -0.1], ddof=1)) / 2
    assert (made.mcse, made.mean_mcse) == pytest.approx((spread / slope, spread), rel=1e-9)
    near = [0.1 * x**2 + x + 0.7 for x in (-0.8, -0.75)]
    line = -0.8 - near[0] * 0.05 / (near[1] - near[0])
    assert made.misfit == pytest.approx(abs(line - right), rel=1e-6)
    assert root(exact(-1.0, -0.9, -0.8), 0.5, -0.9) is None


def test_the_monte_carlo_error_is_that_of_repeated_experiments() -> None:
    rng, levels = np.random.default_rng(1), np.array([-1.0, -0.7, -0.4])
    found = []
    for _ in range(2000):
        common = rng.normal(0, 0.5, 50)
        estimates = 0.8 * levels[:, None] + 0.1 + common + rng.normal(0, 0.1, (3, 50))
        made = root(dict(zip(levels.tolist(), estimates, strict=True)), -0.46, -0.7)
        assert made is not None
        found.append((made.level, made.mcse))
    at, error = np.array(found).T
    assert abs(at.mean() + 0.7) < 4 * at.std() / sqrt(2000)
    assert abs(error.mean() / at.std(ddof=1) - 1) < 4 / sqrt(2 * 1999)
    assert abs(0.9 * error.mean() / at.std(ddof=1) - 1) > 4 / sqrt(2 * 1999)  # a tenth less would be noticed


def test_failed_replicates_are_left_out_of_all_levels() -> None:
    whole = exact(-1.0, -0.76, 0.0)
    spoilt = {level: one.copy() for level, one in whole.items()}
    spoilt[-0.76][3] = nan
    assert root(spoilt, -0.5, -0.76) == root({level: one[:3] for level, one in whole.items()}, -0.5, -0.76)


Cells = Sequence[tuple[ConfounderNode, float]]


class Known(LevelSearch):
    """A search among estimates and truths that are known: estimates 0.9 (level - odds), truths 0.8 level."""

    def simulate(self, stage: str, cells: Cells) -> tuple[list[np.ndarray], Path]:
        luck = np.array([-0.1, 0.1, 0.2, -0.2])
        made = [np.where(where.hazard > 9, nan, 0.9 * (level - where.odds) + luck) for where, level in cells]
        return made, Path(stage)

    def truths(self, stage: str, cells: Cells, aims: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
        spread = float(np.std([-0.1, 0.1, 0.2, -0.2], ddof=1)) / 2
        assert stage == "x-truths"
        assert list(aims) == pytest.approx([spread / 3] * len(cells))
        return 0.8 * np.array([level for _, level in cells]), np.full(len(cells), 0.03)


def test_levels_are_simulated_where_the_answer_lies_and_errors_are_carried_over() -> None:
    search = Known(asked(2), {}, "OS", "crude", -1.0, 1, None)
    found, folder = explored(
        search,
        "x",
        [ConfounderNode(0.0, 0.0), ConfounderNode(2.5, 1.0), ConfounderNode(0.0, 10.0)],
        [-0.3, 0.6],
        (0.0, -0.2),
    )
    assert folder == Path("x-1")
    for odds, row in ((0.0, found[0]), (2.5, found[1])):
        for wanted, one in zip((-0.3, 0.6), row, strict=True):
            level = wanted / 0.9 + odds
            assert (one.level, one.true) == pytest.approx((level, 0.8 * level), abs=1e-9)
            spread = float(np.std([-0.1, 0.1, 0.2, -0.2], ddof=1)) / 2
            assert one.mcse == pytest.approx(hypot(0.8 * spread / 0.9, 0.03), rel=1e-9)
            assert one.interpolation < 1e-9
    assert all(isnan(one.true) for one in found[2])


def test_interpolation_error_is_nothing_on_a_plane_and_seen_on_a_bend_beside_gaps() -> None:
    plane = GRID[:, None] - 2 * GRID[None, :]
    assert interpolation_error(GRID, GRID, plane) < 1e-12
    bent = plane.copy()
    bent[2, 2] += 0.1
    assert 0.09 < interpolation_error(GRID, GRID, bent) < 0.2
    bent[4, 3:] = nan
    assert 0.09 < interpolation_error(GRID, GRID, bent) < 0.2
    assert isnan(interpolation_error(GRID, GRID, np.full((5, 5), nan)))


def test_the_crossing_is_found_before_a_gap() -> None:
    left = 0.5 - GRID**2
    assert crossing(GRID, left) == pytest.approx(sqrt(0.5), rel=1e-6)
    assert crossing(GRID, np.append(left[:4], nan)) == pytest.approx(sqrt(0.5), rel=1e-6)
    assert isnan(crossing(GRID, np.append(left[:2], [nan] * 3)))
    assert crossing(GRID, left + 2) == inf
    assert crossing(GRID, left - 1) == -inf
    assert tipping.equal_strength(Known(asked(2), {}, "OS", "crude", -1.0, 1, None), "x", inf, -0.3) == Strength(inf)


def test_the_strength_that_leaves_no_effect_and_its_error() -> None:
    x = np.array([0.6, 0.7, 0.8])
    found = [TrueEffectAt(0.5 * (value**2 - 0.5), 0.0, 0.01, 0.002) for value in x]
    at, strength = no_effect_at(x, found)
    assert at == pytest.approx(sqrt(0.5), rel=1e-9)
    assert strength.value == pytest.approx(exp(sqrt(0.5)), rel=1e-9)
    slope = sqrt(0.5)
    assert strength.mcse == pytest.approx(strength.value * 0.01 / slope, rel=1e-9)
    line = 0.7 + 0.1 * (0.5 - 0.49) / (0.64 - 0.49)
    between = hypot(line - sqrt(0.5), 0.002 / slope)
    assert strength.interpolation == pytest.approx(strength.value * between, rel=1e-9)
    assert strength.error == pytest.approx(hypot(strength.mcse, strength.interpolation), rel=1e-12)
    assert isnan(no_effect_at(x, [*found[:2], TrueEffectAt()])[0])


def test_a_limit_of_one_or_beyond_needs_no_confounder_where_its_place_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(
        _: LevelSearch, stage: str, places: list[object], *rest: object
    ) -> tuple[list[list[TrueEffectAt]], Path]:
        assert rest
        return [[TrueEffectAt()] for one in places], Path(stage)

    monkeypatch.setattr(tipping, "explored", nothing)
    for sign, wanted in ((-1.0, 0.0), (-1.0, log(1.08)), (1.0, 0.0), (1.0, log(0.9))):
        search = Known(asked(2), {}, "OS", "crude", sign, 1, None)
        assert tipping.equal_strength(search, "x", 0.0, wanted) == Strength(1.0)
    assert isnan(tipping.equal_strength(Known(asked(2), {}, "OS", "crude", -1.0, 1, None), "x", 0.0, log(0.9)).value)


COMMON = """
name: common
source: made for a test
arms: {control: control, treated: treated}
population: {size: 600, covariates: {noise: {kind: continuous, mean: 0, sd: 1, bounds: [-8, 8]}}}
treatment: {kind: prevalence, share: 0.5}
outcomes:
  progression: {baseline: {kind: exponential, rate: 0}}
  death: {baseline: {kind: exponential, rate: 0.06}, treatment: {log_hr: 0}}
  death_after_progression: {baseline: {kind: exponential, rate: 0.1}}
entry: {accrual: {start: "2000-01-01", end: "2000-01-01"}}
followup: {cut_off: "2002-01-01"}
analysis: {propensity: {method: all}, cox: {covariates: [noise]}}
estimators: [{kind: crude, endpoints: [OS]}, {kind: rmst, endpoints: [OS]}]
run: {truth_patients: 40000}
"""


def common(tmp_path: Path, replicates: int, seed: int) -> Asked:
    study = tmp_path / "common.yaml"
    study.write_text(COMMON)
    return load_study(str(study), (), replicates, seed)


def shares(odds: float) -> tuple[float, float]:
    """The confounder's shares among untreated and treated: half of all patients have it, half are treated."""

    def treated(a: float) -> float:
        return (1 / (1 + exp(-a)) + 1 / (1 + exp(-a) / odds)) / 2 - 0.5

    a = brentq(treated, -20, 20)
    return 1 - 1 / (1 + exp(-a) / odds), 1 / (1 + exp(-a) / odds)


def limit(shares: tuple[float, float], hazard: float, level: float) -> float:
    """The log HR of a Cox model of two large arms with these shares of a confounder, followed for 24 months."""
    time = np.linspace(0.0, 24.0, 2001)
    alive, deaths = [], []
    for arm, share in enumerate(shares):
        rate = 0.06 * exp(level * arm) * np.array([1.0, hazard])
        curves = np.array([1 - share, share])[:, None] * np.exp(-rate[:, None] * time)
        alive.append(curves.sum(axis=0))
        deaths.append((rate[:, None] * curves).sum(axis=0))

    def score(beta: float) -> float:
        expected = np.exp(beta) * alive[1] / (np.exp(beta) * alive[1] + alive[0])
        return float(np.trapezoid(deaths[1] - (deaths[0] + deaths[1]) * expected, time))

    return float(brentq(score, -9, 9))


def exact_strength(published: float) -> float:
    """The strength by which the crude Cox model of the world without an effect finds the published HR."""
    sign = -1.0 if published < 1 else 1.0
    return exp(brentq(lambda x: limit(shares(exp(x)), exp(sign * x), 0.0) - log(published), 0.01, 3.0))


def exact_effect(odds: float, hazard: float, published: float) -> tuple[float, float]:
    """The level under which the published HR is found, and the true log HR of the treated."""
    level = brentq(lambda x: limit(shares(odds), hazard, x) - log(published), -4, 4)
    treated = shares(odds)[1]
    return level, limit((treated, treated), hazard, level)


def test_the_closed_form_is_that_of_brute_force() -> None:
    """Strengths that were found by brute force over the latent confounder in this world."""
    for published, strength in ((0.8, 2.64), (0.9, 1.93), (0.7, 3.48)):
        assert exact_strength(published) == pytest.approx(strength, abs=0.005)


@pytest.mark.parametrize(("published", "bound", "seed"), [(0.8, 0.9, 2), (2.0, 1.2, 3)])
def test_strengths_and_effects_of_mild_and_of_harmful_ratios(
    published: float, bound: float, seed: int, tmp_path: Path
) -> None:
    """With the whole grid to strength 10, where the answers lie at true HRs far beyond the published one."""
    at = (3.0, 0.4) if published < 1 else (3.0, 2.5)
    found = find(common(tmp_path, 50, seed), "OS", "crude", (published, bound), 10.0, 3, 0.5, [at], 1, tmp_path / "run")
    for value, strength in zip((published, bound), found.equal_strength, strict=True):
        assert abs(strength.value - exact_strength(value)) < 4 * strength.error
        assert strength.error < 0.05 * strength.value
    for surface in found.surfaces:
        assert np.isfinite(surface.true).all()
        assert surface.mcse.max() < 0.06
        for i, odds in enumerate(found.odds_ratios):
            for j, hazard in enumerate(found.hazard_ratios):
                level, true = exact_effect(odds, hazard, exp(surface.log_hr))
                error = hypot(surface.mcse[i, j], surface.misfit[i, j])
                assert abs(surface.true[i, j] - true) < 4.5 * error
                assert abs(surface.set_log_hr[i, j] - level) < 5 * error
    for value, point in zip((published, bound), found.points, strict=True):
        level, true = exact_effect(*at, value)
        assert abs(log(point.true_hr) - true) < 4 * point.error
        assert abs(log(point.set_hr) - level) < 5 * point.error
        assert (point.estimate, point.odds_ratio, point.hazard_ratio) == (value, *at)
        assert point.error == pytest.approx(hypot(point.mcse, point.interpolation))
        assert point.interpolation < point.mcse
    told = shown(found, None, None).text()
    strength = found.equal_strength[0]
    size = f"{strength.value:.1f}"
    assert strength.error > 0.02
    does = "multiply" if published > 1 else "divide"
    assert f"must make the treatment {size} times likelier and {does} the rate of" in " ".join(told.split())
    assert f"by {size} (error {strength.error:.2f})" in " ".join(told.split())
    assert f"{point.true_hr:.3f}" in told
    assert "A true HR is that of patients who start the treatment, followed as in the study." in told


@pytest.mark.slow
def test_the_error_of_a_strength_is_its_spread_over_seeds(tmp_path: Path, measured: Measured) -> None:
    found = []
    for seed in range(40):
        asked = common(tmp_path, 20, 100 + seed)
        (entry,) = ({"kind": "crude", "name": "crude", "endpoints": ["OS"]},)
        search = LevelSearch(asked, tipping._fixed(entry, 0.5), "OS", "crude", -1.0, 1, tmp_path / str(seed))
        found.append(tipping.equal_strength(search, "s", log(2.5), log(0.8)))
    values, errors = np.array([one.value for one in found]), np.array([one.error for one in found])
    measured("tipping: told error over spread", f"{errors.mean() / values.std(ddof=1):.2f}")
    assert abs(values.mean() - exact_strength(0.8)) < 4 * values.std(ddof=1) / sqrt(40)
    assert abs(errors.mean() / values.std(ddof=1) - 1) < 4 / sqrt(2 * 39)


def test_a_gap_blanks_nothing_else(found: tipping.Tipping) -> None:
    surface = found.surfaces[0]
    gap = surface.true.copy()
    gap[-1, -1] = nan
    strengths = (Strength(2.5, 0.13, 0.12, 0.05), Strength(inf))
    spoilt = replace(found, surfaces=(replace(surface, true=gap), found.surfaces[1]), equal_strength=strengths)
    told = " ".join(shown(spoilt, None, None).text().split())
    assert "-: no true effect within reach gives this estimate there." in told
    assert "must make the treatment 2.5 times likelier" in told
    assert "by 2.5 (error 0.13)" in told
    assert f"{exp(surface.true[-1, -2]):.2f} - " in told


def test_only_an_estimator_of_a_ratio_stands_for_a_published_one(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="'rmst' estimates an RMST difference; a published HR needs"):
        find(common(tmp_path, 2, 1), "OS", "rmst", (0.6, 0.8), 4.0, 2, 0.4, [], 1, tmp_path / "run")


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
    name, three = tipping.CONFOUNDER, ("progression", "death", "death_after_progression")
    fixed = {
        f"population.hidden.{name}": {"kind": "binary", "label": "Hidden", "shares": {"absent": 0.6, "present": 0.4}},
        f"treatment.log_odds.{name}": log(3.0),
        **{f"outcomes.{one}.log_hr.{name}": log(0.4) for one in three},
        **{f"outcomes.{one}.treatment": {"log_hr": log(point.set_hr)} for one in three},
        "run.seed": 9,
    }
    study = designed(asked(400), [{}], fixed)
    place = tmp_path_factory.mktemp("brute") / "run"
    rows, _ = rows_only(study, "brute", 2, place)
    values = values_of(rows, 0, "OS", "crude")
    error = hypot(values.std(ddof=1) / 20, point.error)
    assert abs(values.mean() - log(0.6)) < 3 * error
    assert abs(values.mean() - log(0.75)) > 3 * error
    (truth,) = target_truths(study, "brute", "OS", {"crude": [0.005]}, 2, place)
    assert truth["crude"].estimand.population == "treated"
    assert abs(truth["crude"].value - log(point.true_hr)) < 3 * error


def test_the_answer_is_told_and_confounding_explains_more_the_stronger_it_is(found: tipping.Tipping) -> None:
    true = found.surfaces[0].true
    assert (np.diff(np.diag(true)) > 0).all()
    assert np.ptp(true[0]) < 0.15  # what does not bear on treatment explains nothing
    assert "E-value" in shown(found, None, None).text()
    assert max(map(len, shown(found, None, None).text().splitlines())) <= 100
    assert shown(found, None, None).data["surfaces"][0]["log_hr"] == log(0.6)


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
    from benchmarks.questions.tipping_shown import drawn

    for name in ("a.svg", "b.svg"):
        save(drawn(found, asked(2)), tmp_path / name)
    one = (tmp_path / "a.svg").read_bytes()
    assert one == (tmp_path / "b.svg").read_bytes()
    assert b"nothing is left of the effect" in one


def test_strengths_that_two_decimals_do_not_tell_apart_have_more() -> None:
    assert _apart(np.array([1.0, 10.0])) == ["1.00", "10.00"]
    assert _apart(np.array([1.0, 1.004, 1.01])) == ["1.000", "1.004", "1.010"]
