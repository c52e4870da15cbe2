"""Correlations that the overlap of the printed arms asks for: closed forms, a round trip, where nothing asks."""

from math import exp, log
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm

from analysis.plan.weighting_plan import WeightingPlan
from benchmarks.derived.covariates import Covariates, Moment, covariates_of
from benchmarks.derived.overlap import correlated, differences, of_widths, printed_overlap, with_overlap
from benchmarks.derived.paper_numbers import PaperNumbers
from benchmarks.derived.plan import plan_of
from benchmarks.derived.printed import PrintedNumbers, printed_numbers
from benchmarks.derived.propensity import fitted_log_odds
from benchmarks.pasted.read import read_paper
from simulator.mechanisms.covariates import Population
from simulator.world.sections import Printed

PAPERS = Path(__file__).parents[1] / "scenarios" / "papers"
WEIGHTED = {"primary": "weighting", "weighting": {"target": "ate"}}
NAMES = ("a", "b", "c", "d")


def four(apart: float, share: float) -> Covariates:
    """Four independent normal covariates, each with arms so many SDs of all patients apart."""
    kind = {"kind": "continuous", "mean": 0.0, "sd": 1.0, "bounds": [-9.0, 9.0]}
    tree = {"size": 2000, "covariates": dict.fromkeys(NAMES, kind)}
    moments = tuple(Moment(name, -share * apart, (1 - share) * apart, 1.0) for name in NAMES)
    return Covariates(tree, Population.model_validate({**tree, "covariates": {
        name: {**kind, "bounds": (-9.0, 9.0)} for name in NAMES
    }}), moments, (), (), ())  # fmt: skip


def printed(crude: tuple[float, float], weighted: tuple[float, float]) -> PrintedNumbers:
    """A crude and a weighted hazard ratio: logarithm and standard error."""
    numbers = {}
    for side, (at, se) in (("before", crude), ("after", weighted)):
        for key, value in (("hr", at), ("low", at - 1.959964 * se), ("high", at + 1.959964 * se)):
            numbers[f"endpoints.OS.{side}.cox.{key}"] = Printed(printed=f"{exp(value):.4f}", where="Results")
    return PrintedNumbers(numbers, {"control": "no", "treated": "yes"}, {}, "weighted")


def pairs_of(treated: int) -> PrintedNumbers:
    """So many of 500 treated matched to 500 controls."""
    sizes = {("before", "control"): 500, ("before", "treated"): 500, ("after", "treated"): treated}
    return PrintedNumbers({}, {}, sizes)


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_the_design_effect_of_normal_arms_is_the_closed_form(share: float) -> None:
    """Arms N(0, 1) and N(D, 1): mean(w^2) / mean(w)^2 of the treated is p + p q + q^2 exp(D^2), with p the share."""
    gap, p, q = 0.5, share, 1 - share
    asked = of_widths(printed((0.0, 0.1), (0.0, 0.12)), ["OS"], p, WeightingPlan(target="ate"))
    assert asked is not None
    assert asked.printed == pytest.approx(1.44, abs=0.02)
    rng = np.random.default_rng(5)
    arm = rng.random(400_000) < p
    x = rng.standard_normal(400_000) + gap * arm
    chances = expit(log(p / q) + gap * x - gap * gap / 2)
    treated, control = (a + a * b + b * b * exp(gap * gap) for a, b in ((p, q), (q, p)))
    assert asked.lack(chances) == pytest.approx(p * control + q * treated, rel=0.03)  # as many deaths by patient


def test_pairs_of_normal_arms_of_one_size_are_the_overlap_of_their_densities() -> None:
    """Half of N times 2 Phi(-D / 2) pairs, for the treated all that are within reach of a control."""
    numbers = PrintedNumbers(
        {}, {}, {("before", "control"): 500, ("before", "treated"): 500, ("after", "treated"): 400}
    )
    asked = printed_overlap(numbers, ["OS"], 0.5, {"matching": {"replacement": False}})
    assert asked is not None
    assert asked.printed == pytest.approx(2.5)
    rng, gap = np.random.default_rng(6), 0.8
    x = rng.standard_normal(400_000) + gap * (rng.random(400_000) < 0.5)
    assert asked.lack(expit(gap * x - gap * gap / 2)) == pytest.approx(1 / norm.cdf(-gap / 2), rel=0.01)


def test_arms_overlap_as_printed_after_it() -> None:
    """Four covariates 0.7 apart: independent, the variance is multiplied by over 10; 1.8 is printed, and is made."""
    start, share = four(0.7, 0.5), 0.5
    numbers = printed((log(0.6), 0.1), (log(0.8), 0.1 * 1.8**0.5))
    made = with_overlap(numbers, ["OS"], start, share, WEIGHTED)
    asked = printed_overlap(numbers, ["OS"], share, WEIGHTED)
    assert asked is not None
    before, after = (
        asked.lack(fitted_log_odds(one.population, share, one.moments, 2000, 200_000).chances) for one in (start, made)
    )
    assert before > 5
    assert after == pytest.approx(1.8, rel=0.06)
    assert len({r for row in made.tree["correlation"].values() for r in row.values()}) == 1
    (told,) = made.said
    assert "is 1.8 as printed" in told
    assert "if they were independent" in told


def test_equal_correlations_are_those_that_the_separation_needs() -> None:
    """Four equal covariates 0.6 apart, correlated by r: arms are 4 x 0.6 / sqrt(4 + 12 r) SDs of all apart, along their
    sum, as one covariate would be; so the overlap is that of one covariate so far apart.
    """
    share, u = 0.4, 0.9
    made = correlated(four(0.6, share), dict.fromkeys(NAMES, 0.6), u)
    r = (u * 0.6) ** 2
    alone = 4 * 0.6 / (4 + 12 * r) ** 0.5
    kind = {"kind": "continuous", "mean": 0.0, "sd": 1.0, "bounds": (-9.0, 9.0)}
    one = Population.model_validate({"size": 2000, "covariates": {"a": kind}})
    asked = printed_overlap(printed((0.0, 0.1), (0.0, 0.12)), ["OS"], share, WEIGHTED)
    assert asked is not None
    moments = (Moment("a", -share * alone, (1 - share) * alone, 1.0),)
    expected, found = (
        asked.lack(fitted_log_odds(population, share, terms, 2000, 200_000).chances)
        for population, terms in ((one, moments), (made.population, made.moments))
    )
    assert found == pytest.approx(expected, rel=0.05)
    assert found > 1.2


def test_differences_that_independent_covariates_cannot_have_together_correlate_them() -> None:
    """Four covariates 1 SD apart: arms 2 SDs apart along their sum, where halves of all lie 1.6 apart at most."""
    nothing = PrintedNumbers({}, {}, {}, "adjusted")
    made = with_overlap(nothing, ["OS"], four(1.0, 0.5), 0.5, {"primary": "adjustment"})
    assert "independent ones cannot all differ so much" in made.said[0]
    assert fitted_log_odds(made.population, 0.5, made.moments, 2000).met
    assert not fitted_log_odds(four(1.0, 0.5).population, 0.5, made.moments, 2000).met


def test_as_near_as_one_factor_comes_is_told() -> None:
    """Arms 1.2 SDs apart in each of four covariates cannot overlap as if nothing parted them."""
    made = with_overlap(printed((log(0.6), 0.1), (log(0.8), 0.1)), ["OS"], four(1.2, 0.5), 0.5, WEIGHTED)
    assert "as near as one factor comes" in made.said[0]


def test_nothing_is_changed_where_nothing_asks_for_it() -> None:
    """Arms that overlap enough, correlations of paper.yaml, no printed width, matching with replacement, a trial."""
    start, share = four(0.1, 0.5), 0.5
    wide = printed((log(0.6), 0.1), (log(0.8), 0.14))
    assert with_overlap(wide, ["OS"], start, share, WEIGHTED) is start
    apart = four(0.7, 0.5)
    assert with_overlap(wide, ["PFS"], apart, share, WEIGHTED) is apart
    by_lot = PrintedNumbers({}, {}, {}, "randomised")
    assert (
        with_overlap(by_lot, ["OS"], four(1.0, 0.5), share, {"primary": "unadjusted"}).tree.get("correlation") is None
    )
    alone = PrintedNumbers({k: v for k, v in wide.numbers.items() if ".after." in k}, wide.arms, {}, "weighted")
    assert with_overlap(alone, ["OS"], apart, share, WEIGHTED) is apart
    stated = correlated(apart, dict.fromkeys(NAMES, 0.7), 0.5)
    assert with_overlap(wide, ["OS"], stated, share, WEIGHTED) is stated
    numbers = PrintedNumbers(
        {}, {}, {("before", "control"): 500, ("before", "treated"): 500, ("after", "treated"): 499}
    )
    assert printed_overlap(numbers, ["OS"], share, {"matching": {"replacement": True}}) is None
    for name in ("choi-lenvatinib-hbv-hcc", "hcc-lung-metastasis"):  # matched, and overlapping enough or stated
        reading = read_paper(PAPERS / name)
        paper = PaperNumbers(reading)
        covariates = covariates_of(paper)
        plan = plan_of(paper, covariates).tree
        assert (
            with_overlap(printed_numbers(reading), reading.paper.endpoints, covariates, paper.share, plan) is covariates
        )


def test_the_dialysis_registry_gets_the_overlap_of_its_weighted_interval() -> None:
    """(log 0.91 - log 0.53) / (log 0.46 - log 0.32), squared, is 2.22; independent ones would make over 20."""
    reading = read_paper(PAPERS / "yamada-pbinder-iptw")
    numbers = PaperNumbers(reading)
    covariates = covariates_of(numbers)
    apart = differences(covariates, numbers.share)
    assert apart["serum_creatinine"] == pytest.approx(0.82, abs=0.03)  # 2.2 of an SD of 2.7
    assert apart["age"] == pytest.approx(-0.46, abs=0.01)
    plan = plan_of(numbers, covariates).tree
    made = with_overlap(printed_numbers(reading), reading.paper.endpoints, covariates, numbers.share, plan)
    assert "is 2.22 as printed" in made.said[-1]
    rows = made.tree["correlation"]
    assert 0.3 < rows["blood_urea_nitrogen"]["serum_creatinine"] < 0.6
    assert -0.5 < rows["age"]["serum_creatinine"] < -0.2
