"""Log odds at which both arms have their printed margins: in cohorts drawn from the world, jointly, and when they
cannot be told.
"""

import time
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.derived.covariates import Covariates, Moment, covariates_of
from benchmarks.derived.paper_numbers import DeriveError, PaperNumbers
from benchmarks.derived.parts import bare
from benchmarks.derived.propensity import fitted_log_odds, treatment_of
from benchmarks.pasted.reading import ReadVariable
from simulator.cohort.terms import design
from simulator.mechanisms.covariates import Population, resolve
from simulator.mechanisms.treatment import Fixed
from simulator.mechanisms.treatment import resolve as resolve_treatment
from simulator.numerics.arrays import Floats
from simulator.numerics.streams import Streams
from tests.readings_of_worlds import FIRST, TRIAL, TYPED, of_world, read
from tests.test_derived_covariates import PAPER, SIZES

CORRELATION = {"albi": {"child_pugh": "0.6"}, "size": {"pvtt": "0.25"}, "ecog": {"albi": "0.2"}}
REPLICATES, N = 200, 422


@pytest.fixture(scope="module")
def first() -> PaperNumbers:
    reading = of_world(TYPED, FIRST | {"assumed": {"correlation": CORRELATION}})
    return PaperNumbers(reading)


@pytest.fixture(scope="module")
def covariates(first: PaperNumbers) -> Covariates:
    return covariates_of(first)


def of_the_treated(population: Population, log_odds: dict[str, float], share: float) -> Floats:
    """The mean of each term in the treated, by cohort ``(R, P)``, as the simulator draws and treats them."""
    numbers = np.arange(REPLICATES)
    streams = Streams(11)
    variables = {name: spec.variable(name) for name, spec in population.covariates.items()}
    values = resolve(population).draw(streams, numbers, N)
    x = design(tuple(log_odds), variables, list(variables), np.ascontiguousarray(values.transpose(1, 2, 0))).x
    predictor = x @ np.array(list(log_odds.values()))
    made = resolve_treatment(Fixed(kind="fixed", share=share, log_odds=log_odds), [], predictor.reshape(1, -1), values)
    treated, _ = made.draw(predictor, streams, numbers)
    return np.where(treated[..., None], x, 0.0).sum(axis=1) / treated.sum(axis=1)[:, None]


def z_of(found: Floats, moments: tuple[Moment, ...]) -> Floats:
    """By how many Monte Carlo SEs the mean over cohorts is from what is printed of the treated, less its slack."""
    printed = np.array([one.treated for one in moments])
    slack = np.array([one.slack for one in moments])
    gap = np.maximum(np.abs(found.mean(axis=0) - printed) - slack, 0.0)
    return gap / (found.std(axis=0, ddof=1) / np.sqrt(len(found)) + 1e-12)


def test_cohorts_have_the_printed_margins_of_both_arms(first: PaperNumbers, covariates: Covariates) -> None:
    """Those of all are as printed (`test_derived_covariates`); so those of the control follow."""
    made = bare(treatment_of(first, covariates).tree)
    found = of_the_treated(covariates.population, made["log_odds"], made["share"])
    known = [k for k, one in enumerate(covariates.moments) if one.term != "ecog=2"]  # which is shrunk
    z = z_of(found, covariates.moments)[known]
    assert len(z) == 14
    assert z.max() < 4


def test_a_planted_error_is_noticed(first: PaperNumbers, covariates: Covariates) -> None:
    """Log odds a tenth aside of the greatest, or without the correlations, do not give the printed margins."""
    made = bare(treatment_of(first, covariates).tree)
    wrong = made["log_odds"] | {"ecog>=1": 0.8 * made["log_odds"]["ecog>=1"], "sex": 0.0}
    z = z_of(of_the_treated(covariates.population, wrong, made["share"]), covariates.moments)
    place = {one.term: k for k, one in enumerate(covariates.moments)}
    assert z[place["ecog>=1"]] > 4
    assert z[place["sex"]] > 4


def test_crude_log_odds_do_not_hold_under_correlation() -> None:
    """Two variables with a latent correlation of 0.8, one alone parting the arms: crude log odds part by both."""
    tree = {
        "size": 1000,
        "covariates": {
            "a": {"kind": "binary", "shares": {"0": 0.5, "1": 0.5}},
            "b": {"kind": "binary", "shares": {"0": 0.5, "1": 0.5}},
        },
        "correlation": {"a": {"b": 0.8}},
    }
    population = Population.model_validate(tree)
    moments = (Moment("a", 0.4, 0.6), Moment("b", 0.4410, 0.5590))
    joint = fitted_log_odds(population, 0.5, moments, 1000).log_odds
    crude = [float(np.log(m.treated / (1 - m.treated) * (1 - m.control) / m.control)) for m in moments]
    assert joint[0] == pytest.approx(crude[0], abs=0.05)
    assert joint[1] == pytest.approx(0.0, abs=0.05)
    assert crude[1] > 0.45
    printed = np.array([0.6, 0.559])
    for log_odds, right in ((dict(zip("ab", joint, strict=True)), True), (dict(zip("ab", crude, strict=True)), False)):
        found = of_the_treated(population, log_odds, 0.5)
        z = np.abs(found.mean(axis=0) - printed) / (found.std(axis=0, ddof=1) / np.sqrt(REPLICATES))
        assert (z.max() < 4) == right


def test_uncorrelated_binary_terms_have_their_crude_log_odds_of_a_model_of_all() -> None:
    """Two independent terms in 400 and 600 patients, by the expected table."""
    tree = {"size": 1000, "covariates": {"a": {"kind": "binary", "shares": {"0": 0.7, "1": 0.3}}}}
    found = fitted_log_odds(Population.model_validate(tree), 0.4, (Moment("a", 0.25, 0.375),), 1000)
    assert found.log_odds[0] == pytest.approx(np.log((0.375 / 0.625) / (0.25 / 0.75)), abs=0.01)


def test_the_first_papers_start_near_what_was_typed_in(first: PaperNumbers) -> None:
    """The typed are crude log odds ratios; without correlations joint ones are within 0.05 of them (size>10: its mean
    is printed alike in both arms to 0.1, which more patients above 10 must make up for).
    """
    plain = PaperNumbers(replace(first.reading, paper=first.reading.paper.model_copy(update={"assumed": {}})))
    made = bare(treatment_of(plain, covariates_of(plain)).tree)["log_odds"]
    typed = {"age": 0.0, "age>50": 0.13, "sex": -0.51, "ecog>=1": 1.14, "etiology": 0.37, "lesions": -0.11,
             "lung": 0.06, "pvtt": 0.39, "afp": -0.03, "albi>=2": 0.0, "albi=3": 0.40, "child_pugh": 0.01}  # fmt: skip
    assert {name: made[name] for name in typed} == pytest.approx(typed, abs=0.05)
    assert made["size>10"] == pytest.approx(0.52, abs=0.03)
    assert made["size"] < 0


def test_what_is_rare_or_empty_is_shrunk_and_told(first: PaperNumbers, covariates: Covariates) -> None:
    found = treatment_of(first, covariates)
    assert -1.2 < bare(found.tree)["log_odds"]["ecog=2"] < -0.5
    assert "0.8 patients are expected in an arm" in found.said[0]
    tree = {"size": 1000, "covariates": {"a": {"kind": "binary", "shares": {"0": 0.94, "1": 0.06}}}}
    empty = fitted_log_odds(Population.model_validate(tree), 0.4, (Moment("a", 0.1, 0.0),), 1000)
    assert -6 < empty.log_odds[0] < -3
    assert "an arm has none" in empty.said[0]


def test_a_difference_of_means_is_met_within_its_rounding() -> None:
    """24.1 against 19.2: the treated have 19.2 (within 0.1), and equal means keep log odds 0."""
    variables = {name: ReadVariable(name, name, "continuous", summary="mean") for name in ("bmi", "age")}
    rows = {"bmi": ("24.1", "19.2"), "age": ("60", "60")}
    numbers = {f"table1.before[{name}].{role}.mean": text for name, pair in rows.items()
               for role, text in zip(("control", "treated"), pair, strict=True)}  # fmt: skip
    numbers |= {f"table1.before[{name}].{role}.sd": "4" for name in rows for role in ("control", "treated")}
    printed = PaperNumbers(read(PAPER, numbers, variables, SIZES))
    covariates = covariates_of(printed)
    made = bare(treatment_of(printed, covariates).tree)
    assert made["log_odds"]["age"] == 0
    found = of_the_treated(covariates.population, made["log_odds"], made["share"]).mean(axis=0)
    assert found[0] == pytest.approx(19.2, abs=0.2)


def test_it_takes_seconds(first: PaperNumbers, covariates: Covariates) -> None:
    start = time.process_time()
    treatment_of(first, covariates)
    assert time.process_time() - start < 5


def test_a_trial_is_by_lot() -> None:
    numbers = PaperNumbers(of_world("imbrave150", TRIAL))
    covariates = covariates_of(numbers)
    assert bare(treatment_of(numbers, covariates).tree) == {"kind": "fixed", "share": 0.670659}
    assert treatment_of(numbers, covariates).free == {}
    said = TRIAL | {"methods": {"randomisation": "2:1 in blocks of 6, strata ecog and afp"}}
    blocks = treatment_of(PaperNumbers(of_world("imbrave150", said)), covariates)
    assert bare(blocks.tree) == {"kind": "blocks", "share": 4 / 6, "block": 6, "strata": ["ecog", "afp"]}
    wrong = TRIAL | {"methods": {"randomisation": "2:1 in blocks of 4"}}
    with pytest.raises(DeriveError, match="no whole number of patients"):
        treatment_of(PaperNumbers(of_world("imbrave150", wrong)), covariates)
