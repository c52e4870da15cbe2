"""Compatible effects: a closed-form posterior, its reach, calibration with a planted error, and a small study."""

from math import exp, log
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from benchmarks.questions.compatible import (
    Published,
    calibration,
    checked,
    edges,
    posterior,
    published_summary,
)
from benchmarks.questions.emulate import fitted, weighted_quantiles
from benchmarks.questions.priors import Space, sobol, space_of
from benchmarks.scenario import Free, Suspected
from benchmarks.store import RunError
from benchmarks.verbs import load_study
from tests.commands import answered, printed, refused

SD, PRIOR = 0.2, Free(mean=0.1, sd=0.5, bounds=(-3.0, 3.0))
SPACE = space_of(PRIOR, Suspected())


def simulated(rng: np.random.Generator, values: np.ndarray, replicates: int, shift: float = 0.0) -> np.ndarray:
    """Papers of which the estimate is 0.9 theta - 0.2 + normal(SD), its log SE log(SD) + normal(0.05)."""
    luck = rng.normal(size=(len(values), replicates, 2))
    estimate = 0.9 * values[:, :1] - 0.2 + shift + SD * luck[..., 0]
    return np.stack([estimate, log(SD) + 0.05 * luck[..., 1]], axis=2)


def design(replicates: int = 400, points: int = 40) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    values = SPACE.spread(sobol(points, 1))
    truths = np.stack([1.1 * values[:, 0], -2.0 * values[:, 0]], axis=1)
    return values, simulated(np.random.default_rng(1), values, replicates), truths, np.zeros_like(truths)


def seen(estimate: float, se: float = SD) -> Published:
    return Published(np.array([estimate, log(se)]), np.zeros(2))


def test_a_conjugate_posterior_is_found() -> None:
    """Prior N(0.1, 0.5), estimate N(0.9 theta - 0.2, 0.2): precision 1 / 0.25 + 0.81 / 0.04."""
    found = posterior("toy", SPACE, *design(), seen(-0.65))
    precision = 1 / 0.25 + 0.81 / 0.04
    mean = (0.1 / 0.25 + 0.9 * (-0.65 + 0.2) / 0.04) / precision
    exact = 1.1 * norm.ppf([0.05, 0.25, 0.5, 0.75, 0.95], mean, precision**-0.5)
    assert found.refusal is None
    assert found.warning is None
    assert np.abs(found.quantiles - exact).max() < 4 * found.quantiles_mcse.max()
    assert found.quantiles_mcse.max() < 0.006
    assert np.allclose(found.rmst, -2.0 / 1.1 * found.quantiles[::-1], atol=1e-3)
    assert found.benefit == pytest.approx(norm.cdf(-mean / precision**-0.5), abs=0.01)
    wrong = 1.1 * norm.ppf([0.05, 0.25, 0.5, 0.75, 0.95], mean + 0.05, precision**-0.5)
    assert np.abs(found.quantiles - wrong).max() > 4 * found.quantiles_mcse.max()


def test_rounding_widens_and_a_wide_paper_says_little() -> None:
    exact, rounded = (
        posterior("toy", SPACE, *design(), Published(np.array([-0.65, log(SD)]), np.array([variance, 0.0])))
        for variance in (0.0, 0.04)
    )
    width = [one.quantiles[-1] - one.quantiles[0] for one in (exact, rounded)]
    assert width[1] > 1.25 * width[0]


def test_it_does_not_extrapolate() -> None:
    far = posterior("toy", SPACE, *design(), seen(-3.5))
    assert far.refusal is not None
    assert "is not among what the design simulates" in far.refusal
    strange = posterior("toy", SPACE, *design(), seen(-0.65, 0.5))
    assert strange.refusal is not None
    edge = posterior("toy", SPACE, *design(), seen(-1.75))
    assert edge.refusal is not None
    assert "lower end of the design of effect: widen its prior" in edge.refusal


def test_an_edge_of_the_prior_is_warned_of_and_no_refusal() -> None:
    own = Space(("effect",), (Free(mean=0.1, sd=0.5, bounds=(-0.5, 3.0)),), np.array([[-0.5, 1.6]]))
    drawn = own.drawn(sobol(2048, 1))
    weights = np.exp(-0.5 * ((drawn[:, 0] + 0.6) / 0.1) ** 2)
    ((name, side, mass, bound),) = edges(own, drawn, weights / weights.sum())
    assert (name, side, bound) == ("effect", "lower", True)
    assert 0.2 < mass < 1


def calibrated(shift: float) -> float:
    """The p of uniform ranks on 1,500 papers, if those of the design are off by ``shift``."""
    rng = np.random.default_rng(1)
    values, summaries, truths, _ = design()
    drawn = SPACE.drawn(rng.random((1500, 1)))
    papers = simulated(rng, drawn, 1)[:, 0]
    summaries = summaries + np.array([shift, 0.0])
    found = calibration("toy", SPACE, values, summaries, truths[:, 0], drawn, papers)
    if not shift:
        assert abs(found.covers_90[0] - 0.9) < 4 * found.covers_90[1]
        assert abs(found.covers_50[0] - 0.5) < 4 * found.covers_50[1]
    return found.uniform_p


def test_ranks_are_uniform_and_a_planted_bias_is_noticed() -> None:
    assert calibrated(0.0) > 0.01
    assert calibrated(0.1) < 1e-4


def test_coverages_are_counted() -> None:
    ranks = np.linspace(0.05, 0.95, 10)
    found = checked("x", ranks, np.array([[1.0, 1.0]] * 5 + [[0.0, 1.0]] * 5))
    assert (found.covers_50[0], found.covers_90[0], found.uniform_p) == (0.5, 1.0, 1.0)
    assert checked("x", np.array([]), np.empty((0, 2))).runs == 0


def test_a_surface_is_found_again_within_its_noise() -> None:
    x = 2 * sobol(60, 2) - 1
    y = np.sin(2 * x[:, 0]) + x[:, 0] * x[:, 1] ** 2
    made = fitted(x, y, np.full(60, 1e-8))
    inner = 0.8 * (2 * sobol(200, 2)[100:] - 1)
    truth = np.sin(2 * inner[:, 0]) + inner[:, 0] * inner[:, 1] ** 2
    assert np.abs(made.at(inner)[0] - truth).max() < 0.01
    assert np.abs(truth).max() > 0.5


def test_weighted_quantiles_by_hand() -> None:
    assert weighted_quantiles(np.array([3.0, 1.0]), np.array([1.0, 1.0]), np.array([0.5]))[0] == 2.0
    assert weighted_quantiles(np.array([1.0, 9.0]), np.array([3.0, 0.0]), np.array([0.5]))[0] == 1.0


def test_the_published_summary_is_that_of_the_paper() -> None:
    scenario = load_study("hcc-lung-metastasis").scenario
    found = published_summary(scenario, "OS", None, None, None)
    assert found.hr == pytest.approx(0.36, rel=1e-3)
    assert found.rounding[0] == pytest.approx((0.01 / 0.36) ** 2 / 12, rel=0.01)
    stated = published_summary(scenario, "OS", 0.5, 0.4, 0.625)
    assert stated.se == pytest.approx(log(0.625 / 0.4) / (2 * norm.ppf(0.975)), rel=1e-12)
    with pytest.raises(RunError, match="state all three"):
        published_summary(scenario, "OS", 0.5, None, 0.6)
    with pytest.raises(RunError, match="must increase"):
        published_summary(scenario, "OS", 0.5, 0.6, 0.7)


PRIOR_TEXT = "{mean: 0, sd: 1, bounds: [-1, 1]}"
STUDY = """
name: small
extends: imbrave150
population: {size: 200}
run: {truth_patients: 20000}
compatible:
  effect: {mean: -0.3, sd: 0.5, bounds: [-2, 1.5]}
  scenarios:
    as-stated: {}
    confounded:
      settings: {population.hidden.strength: {kind: binary, shares: {low: 0.5, high: 0.5}}}
      free:
        treatment.log_odds.strength: {mean: 1.0, sd: 0.1, bounds: [0, 2]}
        outcomes.death.log_hr.strength:
          {paths: [outcomes.death.log_hr.strength, outcomes.progression.log_hr.strength,
           outcomes.death_after_progression.log_hr.strength], mean: -1.0, sd: 0.1, bounds: [-2, 0]}
"""


def test_a_small_study_from_end_to_end(tmp_path: Path) -> None:
    """A hidden confounder that flatters treatment leaves a smaller true effect behind the same paper."""
    study, picture = tmp_path / "small.yaml", tmp_path / "d.svg"
    study.write_text(STUDY)
    words = ["compatible", str(study), "--estimator", "crude", "--reps", "40", "--points", "24",
             "--hr", "0.6", "--low", "0.377", "--high", "0.956", "--out", str(tmp_path / "run")]  # fmt: skip
    found = answered([*words, "--figure", str(picture), "--calibrate", "20"], tmp_path / "page.html")
    plain, confounded = found["posteriors"]
    assert plain["refusal"] is None
    assert plain["quantiles"][0] < log(0.6) < plain["quantiles"][4]
    assert confounded["quantiles"][2] > plain["quantiles"][2] + 0.1
    assert [one["runs"] for one in found["calibrations"]] == [20, 20]
    assert "<svg" in picture.read_text()
    told = printed(words).replace("\n", " ")
    low, high = (exp(plain["quantiles"][k]) for k in (0, 4))
    assert f"true HRs from {low:.2f} to {high:.2f} (90 %" in told


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["imbrave150", "--endpoint", "ORR", "--hr", "1", "--low", "0.5", "--high", "2"], "no estimator"),
        (["hcc-lung-metastasis", "--hr", "0.5"], "state all three"),
        (["hcc-lung-metastasis", "-S", "compatible.effect={mean: 0, sd: -1, bounds: [-1, 1]}"], "compatible.effect.sd"),
        (
            ["hcc-lung-metastasis", "-S", f"compatible={{scenarios: {{a: {{free: {{nowhere: {PRIOR_TEXT}}}}}}}}}"],
            "nowhere",
        ),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(words: list[str], message: str, tmp_path: Path) -> None:
    assert message in refused(["compatible", *words, "--out", str(tmp_path / "run")])
