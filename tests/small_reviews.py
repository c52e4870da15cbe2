"""A small world that prints a paper, cheap to review; and reviews planted by hand, told in every word that there is."""

from collections.abc import Mapping
from dataclasses import replace
from math import inf, log, nan
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.asked.scenario import Scenario
from benchmarks.derived.parts import Assumption
from benchmarks.performance.measures import Measure
from benchmarks.questions.compatible import Compatibility, Posterior
from benchmarks.questions.compatible_paper import Published
from benchmarks.review.analyses import Analyses, AnalysisFound
from benchmarks.review.biases import BiasCurve, Biases, SizeNeeded, WithoutEffect, none_of
from benchmarks.review.claim import Claim, PrintedArm
from benchmarks.review.effects import ALL, AS_STATED, STEPS, Absolute, ArmOutcome, PlausibleEffects
from benchmarks.review.grounds import Grounds
from benchmarks.review.review import Review
from benchmarks.review.suspicions import Suspicion, suspicions
from benchmarks.review.told import ReviewWords
from benchmarks.review.verdict import Judged, judged
from benchmarks.twin.assumptions import WeighedAssumption
from benchmarks.twin.fidelity import Fidelity, Total
from benchmarks.words.recommend import Compared, Recommendation
from simulator.documents.loading import Document, Written, load, parse, with_values
from simulator.documents.merging import plain
from simulator.documents.yaml12 import read

SMALL_REVIEW = """\
name: small-review
source: a paper made up for tests
time_unit: months
arms: {control: care, treated: drug}
population:
  size: 80
  covariates:
    stage: {kind: binary, label: Stage, shares: {early: 0.5, late: 0.5}}
treatment: {kind: prevalence, share: 0.5, log_odds: {stage: 0.7}}
outcomes:
  states: [alive, dead]
  transitions:
    death:
      {from: alive, to: dead, baseline: {kind: exponential, rate: 0.08}, log_hr: {stage: 0.5},
       treatment: {log_hr: -0.7}}
endpoints:
  survival: {label: Survival, event: dead}
entry: {accrual: {start: 2000-01-01, end: 2002-01-01}}
followup:
  cut_off: 2004-01-01
  dropout: {care: {kind: exponential, rate: 0.01}, drug: {kind: exponential, rate: 0.01}}
analysis:
  primary: adjustment
  cox: {screening_p: null}
target: {population: all}
run: {replicates: 40, seed: 11, truth_patients: 5000}
published:
  endpoints.survival.before.multivariable[treatment].hr: {printed: "0.50", where: Table 2}
  endpoints.survival.before.multivariable[treatment].low: {printed: "0.29", where: Table 2}
  endpoints.survival.before.multivariable[treatment].high: {printed: "0.86", where: Table 2}
"""


def write_review(folder: Path, more: str = "", **instead: str) -> Path:
    """The file of the small world, texts replaced by others and further lines at its end."""
    path, text = folder / "small-review.yaml", SMALL_REVIEW
    for old, new in instead.items():
        text = text.replace(old.replace("_", " "), new)
    path.write_text(text + more, "utf-8")
    return path


def small_document(**values: Any) -> Document:
    """The small world's document with values at paths whose dots are written as two underlines."""
    document = load(Written(dict(plain(read(SMALL_REVIEW.encode(), "small")))), spec=Scenario)
    return with_values(document, {path.replace("__", "."): value for path, value in values.items()})


def small_scenario(**values: Any) -> Scenario:
    """The small world, with values at paths whose dots are written as two underlines."""
    return parse(small_document(**values), Scenario)


def by_chance(mean: float, sd: float = 0.2, failed: float = 0.0) -> WithoutEffect:
    """What is found without an effect, with a small error."""
    return WithoutEffect(mean, 0.004, sd, failed)


def curve(one: Suspicion, at_usual: float, ratio: float, bound: float, sd: float = 0.2) -> BiasCurve:
    """A curve that is a straight line over sizes up to ``at_usual`` at the usual one."""
    sizes = np.array([none_of(one), *one.sizes])
    mean = at_usual * (sizes - sizes[0]) / (one.usual - sizes[0])
    needed = (SizeNeeded(x, nan if x in (0, inf) else 0.09, float(np.exp(mean[-1]))) for x in (ratio, bound))
    return BiasCurve(one, sizes, mean, np.full(len(sizes), 0.004), by_chance(at_usual, sd), *needed)


def biases_of(
    several: tuple[Suspicion, ...],
    log_hr: float,
    means: Mapping[str, float],
    pairs: Mapping[tuple[str, str], float],
    needed: tuple[float, float] = (7.7, 4.2),
    chance: WithoutEffect | None = None,
    sd: float = 0.2,
) -> Biases:
    """Biases with these means at the usual size, by suspicion and by pair."""
    curves = tuple(curve(one, means.get(one.name, 0.0), *needed, sd=sd) for one in several)
    return Biases(
        log_hr, log_hr / 2, float(np.sign(log_hr)), 200, chance or by_chance(0.0, sd), curves,
        {names: by_chance(mean, sd) for names, mean in pairs.items()},  # type: ignore[misc]
    )  # fmt: skip


def posterior(name: str, ends: tuple[float, float] | None) -> Posterior:
    """A plausible range of the true hazard ratio, or a refusal."""
    none = np.full(5, nan)
    q = none if ends is None else np.linspace(log(ends[0]), log(ends[1]), 5)
    refusal = None if ends is not None else "the published HR 0.5 is not among what the design simulates"
    return Posterior(
        name, (), 40, refusal, none, q, none, none, nan, nan, nan, (nan, nan), nan, None, none, none, none
    )  # fmt: skip


def arm(free: tuple[float, float], median: float, mean: float) -> ArmOutcome:
    """What becomes of an arm."""
    return ArmOutcome(free, median, mean, np.linspace(1.0, free[1], STEPS))


def absolute(treated: tuple[float, float], untreated: tuple[float, float] = (0.4, 0.13), **more: float) -> Absolute:
    """Shares without the event in both arms, with medians and means."""
    median, mean = more.get("median", 18.0), more.get("mean", 14.0)
    return Absolute(arm(untreated, 9.0, 9.5), arm(treated, median, mean), 0.002, 60_000)


def analysis_found(name: str, label: str, mean: float, bias: float, se: float, another: bool = False) -> AnalysisFound:
    """An analysis of the simulated studies."""
    return AnalysisFound(
        name, label, mean, 0.004, nan if another else bias, se, nan if another else 0.95, 80.0, another
    )


def recommendation(name: str, by: str = "bias", near: bool = True) -> Recommendation:
    """A recommendation of one analysis."""
    best = Compared(name, Measure(-0.01, 0.004), Measure(0.95, 0.01), Measure(0.18, 0.004))
    return Recommendation(best, (), by, (best,), near)  # type: ignore[arg-type]


def planted(
    scenario: Scenario | None = None,
    *,
    hr: str = "0.36",
    limits: tuple[str, str] = ("0.28", "0.46"),
    means: Mapping[str, float] | None = None,
    pairs: Mapping[tuple[str, str], float] | None = None,
    needed: tuple[float, float] = (7.7, 4.2),
    chance: WithoutEffect | None = None,
    usual: float = 0.2,
    sd: float = 0.2,
    doubt: str = "",
    refused: bool = False,
    twin: Absolute | None = None,
    ends: tuple[Absolute, Absolute] | None = None,
    best: str | None = None,
    findings: tuple[Any, ...] = (),
    medians: tuple[str, str] = ("12.5", "23.1"),
    fit: tuple[int, int] | None = (120, 118),
    made: Recommendation | None = None,
) -> ReviewWords:
    """The words of a review in which all is as given; what is not given is as in a paper of a large benefit."""
    scenario = scenario or small_scenario()
    value, endpoint = float(hr), next(iter(scenario.endpoints))
    sign = -1.0 if value < 1 else 1.0
    several = suspicions(scenario, sign, 12.0)
    alone = {one.name: sign * usual for one in several} | dict(means or {})
    names = [one.name for one in several]
    both = {(a, b): sign * 1.5 * usual for k, a in enumerate(names) for b in names[k + 1 :]} | dict(pairs or {})
    biases = biases_of(several, log(value), alone, both, needed, chance, sd)
    whole = [] if fit is None else [Total("all", fit[0], fit[1], 3)]
    score = None if fit is None else Fidelity(300, 11, (), tuple(whole), (), ())
    mid = (value * 0.8, value * 1.2)
    compatible = Compatibility(
        endpoint, "adjusted", "everybody who is screened", Published(np.array([log(value), -2.0]), np.zeros(2)), 24.0,
        100, tuple(posterior(name, None if refused else mid) for name in (AS_STATED, *names, ALL)), (), "",
    )  # fmt: skip
    sides = ends or (absolute((0.75, 0.55)), absolute((0.6, 0.3)))
    effects = PlausibleEffects(
        compatible, (12.0, 24.0), value, 0.003, twin or absolute((0.7, 0.47)),
        nan if refused else mid[0], nan if refused else mid[1], *((None, None) if refused else sides),
    )  # fmt: skip
    rows = (
        analysis_found("adjusted", "Cox model with all covariates", log(value) - 0.02, -0.07, 0.2),
        analysis_found("ipw-ate", "weighting to all patients", log(value), -0.01, 0.18),
        analysis_found("crude", "no adjustment", log(value) - 0.2, -0.2, 0.17),
    )
    advice = made or (recommendation(best) if best else recommendation("adjusted"))
    analyses = Analyses(
        "adjusted", "all patients", value, 200, rows, advice, best, (0.4, 0.35, 0.46) if best else (nan,) * 3, None
    )
    weighed = (
        WeighedAssumption(Assumption("treatment.log_odds.stage", 0.7, 0.2, "not printed"), -0.05, 0.004),
        WeighedAssumption(Assumption("outcomes.transitions.death.log_hr.stage", 0.5, 0.2, "not printed"), 0.01, 0.004),
    )
    arms = (
        PrintedArm(scenario.arms.control, "40", "30", medians[0], "", ""),
        PrintedArm(scenario.arms.treated, "40", "20", medians[1], "", ""),
    )
    claim = Claim(
        endpoint, scenario.endpoints[endpoint].label or endpoint, hr, *limits, "0.001", value,
        (float(limits[0]), float(limits[1])), "before", arms, findings, 711,
    )  # fmt: skip
    review = Review(
        claim, 12.0, biases, effects, analyses, Grounds(score, weighed, 153, 36, doubt), judged(biases, doubt)
    )
    return ReviewWords(review, scenario)


def unprinted(told: ReviewWords) -> ReviewWords:
    """The words of the same review where the paper prints no hazard ratio with its interval."""
    review = told.review
    claim = replace(review.claim, hr="", low="", high="", value=nan, limits=(nan, nan))
    none = SizeNeeded(nan, nan, nan)
    curves = tuple(replace(one, ratio=none, bound=none) for one in review.biases.curves)
    biases = replace(review.biases, log_hr=nan, log_bound=nan, curves=curves)
    effects = replace(review.effects, compatible=None, low=nan, high=nan, at_low=None, at_high=None)
    analyses = replace(review.analyses, would=(nan, nan, nan))
    verdict = Judged("no-ratio", "", (), Measure(nan, nan))
    return with_review(told, claim=claim, biases=biases, effects=effects, analyses=analyses, judged=verdict)


def with_review(told: ReviewWords, **parts: Any) -> ReviewWords:
    """The words of the review with some parts of it replaced."""
    return replace(told, review=replace(told.review, **parts))
