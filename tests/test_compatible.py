"""Compatible effects: a closed-form posterior, its reach, calibration with a planted error, and a small study."""

import re
from math import exp, log, sqrt
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from benchmarks.asked.errors import RunError
from benchmarks.asked.load_study import load_study
from benchmarks.asked.scenario import Free, Suspected
from benchmarks.questions import compatible
from benchmarks.questions.compatible import calibration, checked, edges, posterior
from benchmarks.questions.compatible_paper import Published, published_summary
from benchmarks.questions.emulate import fitted, likelihood, weighted_quantiles
from benchmarks.questions.priors import Space, sobol, space_of
from simulator.world.sections import Printed
from tests.commands import answered, printed, refused
from tests.measured import Measured

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


@pytest.fixture
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quarter of the draws: in one to three dimensions an error far below what is asked."""
    monkeypatch.setattr(compatible, "DRAWS", 2**12)


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


@pytest.mark.usefixtures("few_draws")
def test_rounding_widens_and_a_wide_paper_says_little() -> None:
    exact, rounded = (
        posterior("toy", SPACE, *design(), Published(np.array([-0.65, log(SD)]), np.array([variance, 0.0])))
        for variance in (0.0, 0.04)
    )
    width = [one.quantiles[-1] - one.quantiles[0] for one in (exact, rounded)]
    assert width[1] > 1.25 * width[0]


@pytest.mark.usefixtures("few_draws")
def test_it_does_not_extrapolate() -> None:
    far = posterior("toy", SPACE, *design(), seen(-3.5))
    assert far.refusal is not None
    assert "is not among what the design simulates" in far.refusal
    strange = posterior("toy", SPACE, *design(), seen(-0.65, 0.5))
    assert strange.refusal is not None
    told = re.search(r"most likely point, with HR (.*) \(SE of log (.*)\), p is", strange.refusal)
    assert told is not None
    assert float(told[2]) == pytest.approx(SD, rel=0.05)  # the paper's is 0.5
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


def jackknifed(summaries: np.ndarray, values: np.ndarray, paper: Published) -> np.ndarray:
    """The Monte Carlo SE of each quantile by a plain loop: from the spread of what 20 groups left out give."""
    x, at = SPACE.unit(values), SPACE.unit(SPACE.drawn(sobol(compatible.DRAWS, 1)))
    true = fitted(x, 1.1 * values[:, 0], np.zeros(len(x))).at(at)[0]
    whole, found = likelihood(x, summaries), []
    for g in range(20):
        rest = [r for r in range(summaries.shape[1]) if r % 20 != g]
        height, _ = likelihood(x, summaries[:, rest], whole).at(at).log(paper.summary, paper.rounding)
        weights = np.exp(height - height.max()) / np.exp(height - height.max()).sum()
        found.append(weighted_quantiles(true, weights, np.array([0.05, 0.25, 0.5, 0.75, 0.95])))
    return np.std(found, axis=0, ddof=1) * 19 / sqrt(20)


def test_the_monte_carlo_error_is_the_jackknife_of_a_plain_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compatible, "DRAWS", 512)
    values, summaries, truths, none = design(40, 12)
    found = posterior("toy", SPACE, values, summaries, truths, none, seen(-0.65))
    assert found.quantiles_mcse == pytest.approx(jackknifed(summaries, values, seen(-0.65)), rel=1e-6)


@pytest.mark.slow
def test_the_monte_carlo_error_is_the_spread_over_seeds(monkeypatch: pytest.MonkeyPatch, measured: Measured) -> None:
    """Two-sided: neither half as much nor half as much again would pass."""
    monkeypatch.setattr(compatible, "DRAWS", 1024)
    values, _, truths, none = design(1, 20)
    made = [
        posterior("toy", SPACE, values, simulated(np.random.default_rng(k), values, 60), truths, none, seen(-0.65))
        for k in range(60)
    ]
    spread = np.std([one.quantiles for one in made], axis=0, ddof=1)
    told = np.sqrt(np.mean([one.quantiles_mcse**2 for one in made], axis=0))
    measured("compatible: told error over spread", f"{np.mean(told / spread):.2f}, at most {(told / spread).max():.2f}")
    assert np.abs(told / spread - 1).max() < 4 / sqrt(2 * 59)
    assert abs(np.mean(told / spread) - 1) < 3 / sqrt(2 * 59)


def test_numbers_beside_the_quantiles_are_those_of_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prior, effective draws, p and reach of a posterior whose likelihood is known."""
    monkeypatch.setattr(compatible, "DRAWS", 2**10)
    found = posterior("toy", SPACE, *design(200, 20), seen(-0.65))
    cut = norm.cdf([-3, 3])
    prior = 1.1 * norm.ppf(cut[0] + np.array([0.05, 0.25, 0.5, 0.75, 0.95]) * (cut[1] - cut[0]), 0.1, 0.5)
    assert np.abs(found.prior_quantiles - prior).max() < 0.005
    narrow, wide = 1 / sqrt(1 / 0.25 + 0.81 / 0.04), 0.5
    grid = np.linspace(-2, 2, 4001)
    share = norm.pdf(grid, (0.1 / 0.25 - 0.9 * 0.45 / 0.04) * narrow**2, narrow)
    effective = 2**10 / np.trapezoid(share**2 / norm.pdf(grid, 0.1, wide), grid)
    assert found.effective == pytest.approx(effective, rel=0.03)
    ends = 0.1 + 0.5 * norm.ppf(cut[0] + np.array([1 / 1024, 1023 / 1024]) * (cut[1] - cut[0]))
    assert found.reach == pytest.approx(tuple(0.9 * ends - 0.2), abs=0.04)
    assert found.distance_p == pytest.approx(1.0, abs=0.03)  # some effect has just this estimate and this SE
    far = posterior("toy", SPACE, *design(200, 20), seen(-0.65, SD * exp(0.1)))
    assert far.distance_p == pytest.approx(exp(-(2**2) / 2), rel=0.15)  # 2 SD of the log SE away, on two df
    low, high = np.searchsorted(np.cumsum(found.density) / found.density.sum(), [0.05, 0.95])
    assert found.values[[low, high]] == pytest.approx(found.quantiles[[0, 4]], abs=0.03)


def as_printed(hr: str | None, low: str | None, high: str | None) -> dict[str, str | None]:
    return {"hr": hr, "low": low, "high": high}


def test_the_published_summary_is_that_of_the_paper() -> None:
    scenario = load_study("hcc-lung-metastasis").scenario
    found = published_summary(scenario, "OS", as_printed(None, None, None))
    assert found.hr == pytest.approx(0.36, rel=1e-3)
    assert found.rounding[0] == pytest.approx((0.01 / 0.36) ** 2 / 12, rel=0.01)
    stated = published_summary(scenario, "OS", as_printed("0.500", "0.400", "0.625"))
    assert stated.se == pytest.approx(log(0.625 / 0.4) / (2 * norm.ppf(0.975)), rel=1e-4)
    for given, says in (
        (("0.5", None, "0.6"), "state all three"),
        (("0.5", "0.6", "0.7"), "--low 0.6 --hr 0.5 --high 0.7: must increase"),
        (("0.5", "0.5", "0.7"), "must increase"),
        (("0.5", "0", "0.7"), "--low 0: write a ratio above zero as it is printed, as in 0.60"),
        (("<0.5", "0.1", "0.7"), "--hr <0.5: write a ratio"),
        (("0.5", "0.1", "NA"), "--high NA: write a ratio"),
        (("x", "0.1", "0.7"), "--hr x: write a ratio"),
        (("0.5", "0.1", "1,234"), "--high 1,234: write a ratio"),  # 1.234 or 1234
    ):
        with pytest.raises(RunError, match=says):
            published_summary(scenario, "OS", as_printed(*given))


def published_as(hr: str, low: str, high: str) -> dict[str, object]:
    numbers = {"hr": hr, "low": low, "high": high}
    return {f"endpoints.OS.after.cox.{name}": {"printed": text, "where": "T"} for name, text in numbers.items()}


def test_numbers_that_are_typed_mean_what_printed_ones_mean() -> None:
    """0.6 stands for 0.55 to 0.65, and 0.60 for 0.595 to 0.605: so wide is the SE that 0.4 and 0.9 leave open.

    By draws that are even on the log scale. The log SE is that of the mean width: the mean of the log and half its
    variance. What the delta method leaves out of that variance is at most twice its own size.
    """
    scenario = load_study("imbrave150").scenario
    for hr, low, high in (("0.6", "0.4", "0.9"), ("0.60", "0.40", "0.90")):
        printed = {key: Printed.model_validate(one) for key, one in published_as(hr, low, high).items()}
        world = scenario.model_copy(update={"published": printed})
        one, other = (published_summary(world, "OS", as_printed(*given)) for given in ((None,) * 3, (hr, low, high)))
        assert np.array_equal(one.summary, other.summary)
        assert np.array_equal(one.rounding, other.rounding)
    rough = published_summary(scenario, "OS", as_printed("0.6", "0.4", "0.9"))
    rng, draws = np.random.default_rng(1), 400_000
    low, hr, high = (rng.uniform(log(value - 0.05), log(value + 0.05), draws) for value in (0.4, 0.6, 0.9))
    log_se = np.log((high - low) / (2 * norm.ppf(0.975)))
    off = rough.summary - [hr.mean(), log_se.mean() + log_se.var() / 2]
    assert np.all(np.abs(off) < 4 * np.array([hr.std(), log_se.std()]) / sqrt(draws))
    off = rough.rounding / [hr.var(), log_se.var()] - 1
    assert np.all(np.abs(off) < 4 * sqrt(0.8 / draws) + np.array([0.0, 2 * rough.rounding[1]]))
    fine = published_summary(scenario, "OS", as_printed("0.60", "0.40", "0.90"))
    assert fine.rounding == pytest.approx(rough.rounding / 100, rel=0.03)


@pytest.mark.parametrize(
    "printed", [("0.6", "0.6", "0.6"), ("0.6", "0.4", "1,234"), ("0.6", "not_printed", "0.9"), ("0.6", "0.4", "NA")]
)
def test_published_numbers_that_are_no_interval_are_one_line(printed: tuple[str, str, str]) -> None:
    scenario = load_study("imbrave150").scenario
    made = {key: Printed.model_validate(one) for key, one in published_as(*printed).items()}
    with pytest.raises(RunError, match=r"must increase|no published HR with its interval for OS"):
        published_summary(scenario.model_copy(update={"published": made}), "OS", as_printed(None, None, None))


RANDOMISED = """
name: rand
source: made for a test
arms: {control: control, treated: treated}
population: {size: 160, covariates: {noise: {kind: continuous, mean: 0, sd: 1, bounds: [-8, 8]}}}
treatment: {kind: fixed, share: 0.5}
outcomes:
  progression: {baseline: {kind: exponential, rate: 0}}
  death: {baseline: {kind: exponential, rate: 0.0693147181}, treatment: {log_hr: -0.5108256238}}
  death_after_progression: {baseline: {kind: exponential, rate: 0.1}}
entry: {accrual: {start: "2000-01-01", end: "2001-01-01"}}
followup: {cut_off: "2003-01-01"}
analysis: {propensity: {method: all}, cox: {covariates: [noise]}}
estimators: [{kind: crude, endpoints: [OS]}]
"""


@pytest.mark.usefixtures("few_draws")
def test_a_rounded_ratio_of_a_randomised_trial_has_the_answer_of_its_printed_digits(tmp_path: Path) -> None:
    """0.6 (0.4-0.9) goes with true HRs of 0.43 to 0.77: a normal prior, and normal likelihoods of log HR and log SE.

    The SE, whose square is the sum of 1 / deaths of both arms, speaks too, as far as its digits go. The RMST to 12
    months is that of exponential survival.
    """
    study = tmp_path / "rand.yaml"
    study.write_text(RANDOMISED)
    words = ["compatible", str(study), "--estimator", "crude", "--reps", "60", "--points", "32", "--seed", "3",
             "--hr", "0.6", "--low", "0.4", "--high", "0.9", "--out", str(tmp_path / "run")]  # fmt: skip
    found = answered(words)
    (one,) = found["posteriors"]
    assert one["refusal"] is None
    assert found["population"] == "patients who start the treatment, followed as in the study"
    rate, grid, followed = 0.0693147181, np.linspace(-2.0, 1.0, 3001), np.linspace(24.0, 36.0, 201)
    dead = [80 * (1 - np.exp(-own[:, None] * followed)).mean(axis=1) for own in (0 * grid + rate, rate * np.exp(grid))]
    variance = 1 / dead[0] + 1 / dead[1]
    span = log(0.85 * 0.95) / 2 - log(0.35 * 0.45) / 2
    se = log(span / (2 * norm.ppf(0.975)))
    rounded = (log(0.45 / 0.35) ** 2 + log(0.95 / 0.85) ** 2) / 12 / span**2
    spread = variance + log(0.65 / 0.55) ** 2 / 12
    height = -(grid**2) / 2 - (grid - log(0.55 * 0.65) / 2) ** 2 / (2 * spread) - np.log(spread) / 2
    height -= (np.log(variance) / 2 - se) ** 2 / (2 * rounded)
    filled = np.cumsum(np.exp(height - height.max()))
    right = np.interp([0.05, 0.25, 0.5, 0.75, 0.95], filled / filled[-1], grid)
    assert np.abs(np.array(one["quantiles"]) - right).max() < 0.04
    assert [round(exp(q), 2) for q in one["quantiles"]][::4] == pytest.approx([0.43, 0.77], abs=0.02)

    def rmst(effect: float) -> float:
        own = rate * exp(effect)
        return (1 - exp(-12 * own)) / own - (1 - exp(-12 * rate)) / rate

    assert np.abs(np.array(one["rmst"]) - [rmst(q) for q in one["quantiles"][::-1]]).max() < 0.03
    assert one["benefit"] > 0.99
    told = printed(words).replace("\n", " ")
    low, high = (exp(one["quantiles"][k]) for k in (0, 4))
    assert f"The true HR lies between {low:.2f} and {high:.2f} nine times in ten if" in told


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


@pytest.mark.usefixtures("few_draws")
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
    low, high = (exp(plain["quantiles"][k]) for k in (0, 4))
    assert f"The true HR lies between {low:.2f} and {high:.2f} nine times in ten if" in found["verdict"]


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
