"""The sentences of the questions, from planted findings: answer, number, direction, how sure, and no key or name."""

from math import inf, log, nan
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.asked.load_study import load_study
from benchmarks.performance.measures import Measure
from benchmarks.questions import (
    claims,
    compatible_shown,
    decompose_shown,
    multiverse_shown,
    power_shown,
    tipping_shown,
)
from benchmarks.questions.power import Goal
from benchmarks.questions.tipping import Benchmark, Strength
from benchmarks.twin.shown import fidelity_verdict
from benchmarks.words.key_words import PaperWords, words_of_paper
from benchmarks.words.settings_named import setting_text


@pytest.fixture(scope="module")
def words() -> PaperWords:
    return words_of_paper(load_study("hcc-lung-metastasis").scenario)


def tipping(strength: Strength, published: float = 0.36, least: float = 0.37) -> Any:
    grid = np.log([[least, 0.5], [0.4, 0.8]])
    surface = SimpleNamespace(true=grid, mcse=np.full((2, 2), 0.05), misfit=np.zeros((2, 2)))
    return SimpleNamespace(
        endpoint="OS", published=published, equal_strength=(strength, strength), surfaces=(surface, surface),
        odds_ratios=np.array([1.0, 10.0]),
        benchmarks=(Benchmark("pvtt", 1.41, 1.62), Benchmark("ecog>=1", 3.06, 1.56), Benchmark("sex", 0.5, 1.0)),
    )  # fmt: skip


def test_tipping_says_what_must_be_true_and_how_strong_the_strongest_recorded_trait_is(words: PaperWords) -> None:
    told = tipping_shown.verdict(tipping(Strength(7.753, 0.14)), words, "matching")
    assert told == (
        "To explain all of the 0.36, something unrecorded must make the treatment 7.8 times likelier and divide the "
        "rate of dying by 7.8 (error 0.14). The strongest recorded trait, ECOG-PS (≥ 1), has 3.1 and 1.6. Nobody can "
        "rule out several such traits together."
    )
    harm = tipping_shown.verdict(tipping(Strength(2.0, 0.1), published=1.5), words, "matching")
    assert "and multiply the rate of dying by 2.0" in harm
    pfs = tipping(Strength(2.0, 0.1))
    pfs.endpoint = "PFS"
    assert "divide the rate of the events of progression-free survival by" in tipping_shown.verdict(pfs, words, "x")


def test_tipping_that_finds_no_strength_says_so(words: PaperWords) -> None:
    beyond = tipping_shown.verdict(tipping(Strength(inf)), words, "matching")
    assert beyond.startswith(
        "Not by anything that was tried: even if something unrecorded makes the treatment 10 times"
    )
    assert "a true HR of 0.80 is left" in beyond
    none = tipping_shown.verdict(tipping(Strength(1.0), least=1.1), words, "matching")
    assert none == "Nothing unrecorded is needed: matching finds the published 0.36 where 1.10 is true."
    assert tipping_shown.verdict(tipping(Strength(nan)), words, "matching").startswith("Not known:")


def posterior(**changes: Any) -> Any:
    made = {
        "name": "as-stated", "refusal": None, "quantiles": np.log([0.23, 0.28, 0.32, 0.36, 0.41]),
        "quantiles_mcse": np.full(5, 0.004), "benefit": 0.98,
    }  # fmt: skip
    return SimpleNamespace(**{**made, **changes})


def test_a_plausible_range_carries_what_it_assumes() -> None:
    assert compatible_shown.sentence(posterior()) == (
        "The true HR lies between 0.23 and 0.41 nine times in ten if the twin is right as it stands (middle 0.32, "
        "simulation error at most 0.4\u00a0%). That leaves a chance of 2\u00a0% that there is no benefit."
    )
    other = compatible_shown.sentence(posterior(name="frail-controls"))
    assert "nine times in ten if 'frail controls' is what is wrong and nothing else" in other
    assert "a chance of less than 1\u00a0% that" in compatible_shown.sentence(posterior(benefit=0.9999))
    refused = compatible_shown.sentence(posterior(refusal="nothing that it can make looks like the paper"))
    assert refused == (
        "No plausible range if the twin is right as it stands: nothing that it can make looks like the paper."
    )


def part(label: str, size: float) -> Any:
    return SimpleNamespace(label=label, estimate=Measure(size, 0.004), target=Measure(0.0, 0.0))


def test_what_makes_the_bias_is_told_with_its_direction(words: PaperWords) -> None:
    found: Any = SimpleNamespace(
        measure="marginal_log_hr", endpoint="OS", horizon=None, time_unit="months",
        population="patients who start the treatment, followed as in the study", bias=Measure(log(0.9), 0.004),
        residual=Measure(0.001, 0.004), parts=(part("selection", log(0.85)), part("drop-out", log(1.06))),
        truth=Measure(log(0.37), 0.001), clean_truth=Measure(log(0.37), 0.001),
    )  # fmt: skip
    told = decompose_shown.verdict(found, words, "matching").replace("\u00a0", " ")
    assert told == (
        "In patients who start the treatment, followed as in the study, matching finds the hazard ratio for overall "
        "survival 10 % too low (simulation error 0.4 %). The strongest cause, selection, moves it 15 % down. The other "
        "cause moves it 6 % up. With all of them switched off it is as close as simulation can tell."
    )


def test_the_multiverse_says_how_often_there_would_be_a_finding_out_of_nothing(words: PaperWords) -> None:
    share = Measure(0.07, 0.018)
    found: Any = SimpleNamespace(
        direction=-1, endpoint="OS", alpha=0.05, specifications=range(118), any_share=(share, share),
        stated_share=(share, Measure(0.051, 0.01)), mean_share=(share, Measure(0.017, 0.004)),
        spread=(Measure(log(1.3), 0.01), Measure(0.0, 0.0)),
    )  # fmt: skip
    assert multiverse_shown.verdict(found, words).replace("\u00a0", " ") == (
        "Where the treatment has no effect on overall survival, at least one of 118 defensible analyses finds a "
        "benefit (p < 0.05) in 7 % of simulated studies (simulation error 1.8 %). The study's own analysis does so "
        "in 5 %, the average one in 1.7 %. With the effect of the twin, the largest result of a study is 1.3 times "
        "the smallest."
    )


def test_power_says_how_many_patients_and_warns_of_a_test_that_finds_too_much(words: PaperWords) -> None:
    answer = SimpleNamespace(at=Measure(271.3, 11.8), events=Measure(150.2, 6.0))
    found: Any = SimpleNamespace(
        endpoint="OS", stated=answer, search="size", goal=Goal(0.8, None, 0.05), true_hr=0.7, schoenfeld_events=247.0,
        schoenfeld_at=310.0, false_positive=Measure(0.05, 0.01),
    )  # fmt: skip
    told = power_shown.verdict(found, words, "matching").replace("\u00a0", " ")
    assert told == (
        "With 271 patients (simulation error 12), matching reaches a power of 80 % for overall survival, where an HR "
        "of 0.70 is true. That is 150 deaths analysed; Schoenfeld's formula asks for 247, which is 310 patients."
    )
    found.false_positive = Measure(0.21, 0.01)
    told = power_shown.verdict(found, words, "matching").replace("\u00a0", " ")
    assert told.endswith("Beware: without any effect it finds one in 21 % of simulated studies there.")


def test_claims_say_what_is_found_where_nothing_is(words: PaperWords) -> None:
    one = (Measure(0.5, 0.01), Measure(0.34, 0.02), Measure(0.27, 0.011))
    found: Any = SimpleNamespace(
        endpoint="OS", terms=11, subgroups=22, any_factor=one, nearly_all=one, unbalanced_measured=one
    )
    told = claims.verdict(found, words.plan, words).replace("\u00a0", " ")
    assert told == (
        "Where no trait has any effect on overall survival, 27 % of simulated studies still find an independent risk "
        "factor among 11 (simulation error 1.1 %). Where treatment has no effect, 34 % see a benefit in nearly all "
        "of 22 subgroups. Of the studies with every p above 0.05 after matching, 50 % have arms that differ in a "
        "recorded trait by more than 0.1 standard deviations."
    )


def test_a_scorecard_says_what_chance_alone_would_miss() -> None:
    found: Any = SimpleNamespace(totals=(SimpleNamespace(inside=673, numbers=674, doubtful=33),))
    assert fidelity_verdict(found) == (
        "The twin reproduces 673 of the 674 printed numbers: they lie where 95 of 100 simulated studies do (chance "
        "alone would miss about 34). 33 that the paper itself contradicts are not counted."
    )


def test_settings_are_called_by_their_labels() -> None:
    told = {
        "population.size": (200, "200 patients"),
        "analysis.matching.caliper": (0.05, "caliper 0.05"),
        "treatment.log_odds.fitness": (0.5, "log odds of treatment by fitness 0.5"),
        "entry.guarantee_months.HLP": (3.0, "months that must be survived to enter: HLP 3"),
        "entry.guarantee_months": ({"HLP": 3, "LP": 0}, "months that must be survived to enter: HLP 3, LP 0"),
        "entry.requires": ({"haic_cycles": 2}, "least amounts required to enter: haic cycles 2"),
        "outcomes.treatment_effect": ("none", "effect of treatment none"),
        "outcomes.transitions.death.log_hr.pvtt": (0.2, "death, log HR of pvtt 0.2"),
        "imperfections.misclassified.grade.A.B": (0.2, "grade: A recorded as B 0.2"),
        "calendar.per_year.treatment": (0.4, "change each year: log odds of treatment 0.4"),
    }
    for key, (value, text) in told.items():
        assert setting_text({key: value}) == text
    assert setting_text({}) == "as stated"
    both = {"followup.visit_months.HLP": 3.0, "followup.visit_months.LP": 1.5, "population.size": 90}
    assert setting_text(both) == "months between visits: HLP 3, LP 1.5; 90 patients"


def test_covariates_in_settings_are_called_by_their_labels() -> None:
    scenario = load_study("hcc-lung-metastasis").scenario
    assert setting_text({"treatment.log_odds.pvtt": 0.5}, scenario) == "log odds of treatment by PVTT 0.5"
