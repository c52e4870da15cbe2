"""Claims: how often the workflow makes a paper's claims, where they are true and where they are false.

The same luck in three worlds: as the world says; without any effect of treatment; and without any effect of treatment
or of a covariate on any hazard, where every risk factor is a false one. The claims, of those compared after:

* a covariate is an *independent risk factor*: it enters the multivariable Cox model by the screening p-value and a
  column of it has p < alpha there;
* treatment is of *benefit in nearly all subgroups*: the hazard ratio is below 1 in 9 of 10 subgroups that have one;
* the arms are *balanced*: every p-value of Table 1 is above 0.05, whatever the standardised differences are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from analysis.estimators import Sample
from analysis.kernels.status import Status
from analysis.paper.block_workflow import BlockAnalysis
from analysis.paper.numbers import BlockNumbers
from analysis.paper.sides import side_words
from analysis.plan.analysis_plan import Plan, cox_terms
from analysis.tables.text_table import table
from analysis.two_samples.balance import smd
from benchmarks.asked.blocks import Cell, blocks, prepare
from benchmarks.asked.errors import RunError
from benchmarks.asked.load_study import Asked
from benchmarks.asked.sampled import one_sample
from benchmarks.asked.scenario import Scenario
from benchmarks.performance.measures import Measure
from benchmarks.questions.ask import answer, designed, endpoint_of, load, paper_words
from benchmarks.questions.multiverse import share
from benchmarks.questions.options import Options
from benchmarks.words.answer import Answer, plain
from benchmarks.words.key_words import PaperWords, row_words
from benchmarks.words.plain_text import percent
from benchmarks.words.sizes import percent_text, share_text
from benchmarks.workers.executors import in_threads
from benchmarks.workers.progress import Progress
from benchmarks.workers.warm_up import STUDY, ready_kernels
from simulator.numerics.arrays import Bools, Floats

EFFECT = "outcomes.treatment_effect"
WORLDS = ("as stated", "no effect", "no effects at all")
NEARLY_ALL = 0.9
BALANCED_P = 0.05
UNBALANCED = 0.1  # a standardised difference that counts as imbalance (Austin 2009, Stat Med 28:3083)


@dataclass(frozen=True)
class Counted:
    """One world's replicates: by term, which passed the screening and which were independent ``(R, T)``; log HR of
    the subgroups ``(R, S)``, NaN where there is none; the least p of Table 1 in the set compared ``(R,)``; the largest
    standardised difference of measured and of hidden covariates ``(R,)``, NaN where there are none; whether the
    replicate had anybody to compare ``(R,)``.
    """

    screened: Bools
    independent: Bools
    subgroups: Floats
    least_p: Floats
    measured: Floats
    hidden: Floats
    compared: Bools


@dataclass(frozen=True)
class Claims:
    """Rates of the claims, one per world of `WORLDS`; ``factors`` maps a term to its rates, the treatment's last."""

    endpoint: str
    alpha: float
    screening_p: float | None
    replicates: int
    terms: int
    subgroups: int
    factors: Mapping[str, tuple[Measure, ...]]
    any_factor: tuple[Measure, ...]
    mean_factors: tuple[Measure, ...]
    benefit_share: tuple[Measure, ...]
    nearly_all: tuple[Measure, ...]
    every: tuple[Measure, ...]
    balanced: tuple[Measure, ...]
    unbalanced_measured: tuple[Measure, ...]
    unbalanced_hidden: tuple[Measure, ...]


def claims(options: Options, alpha: float) -> Answer:
    """The answer, from the options of the command."""
    if options.estimator is not None or options.out is not None:
        raise RunError("claims: the whole workflow is run and nothing is kept; leave --estimator and --out out")
    asked = load(options)
    return shown(find(asked, endpoint_of(asked, options), alpha, options.jobs), options, asked)


def find(asked: Asked, endpoint: str, alpha: float, jobs: int) -> Claims:
    """The rates of every claim in the three worlds; RunError where the workflow has no such endpoint."""
    if endpoint not in asked.scenario.endpoints:
        raise RunError(f"--endpoint {endpoint}: claims are about {' or '.join(asked.scenario.endpoints)}")
    outcomes = asked.scenario.outcomes
    transitions = [(outcomes.places[name], one) for name, one in outcomes.by_transition().items()]
    as_said = {f"outcomes.{place}.log_hr.{term}": x for place, one in transitions for term, x in one.log_hr.items()}
    nothing = dict.fromkeys(as_said, 0.0)
    cells_of = [{EFFECT: "as_stated", **as_said}, {EFFECT: "none", **as_said}, {EFFECT: "none", **nothing}]
    study = designed(asked, cells_of, {})
    ready_kernels(STUDY)
    counted = [_counted(cell, endpoint, alpha, jobs) for cell in prepare(study.cells)]
    return summed(counted, _terms(asked.scenario), endpoint, alpha, asked.scenario.analysis.cox.screening_p)


def _terms(scenario: Scenario) -> tuple[str, ...]:
    variables = {name: spec.variable(name) for name, spec in scenario.population.covariates.items()}
    return (*cox_terms(scenario.analysis, variables), "treatment")


def _counted(cell: Cell, endpoint: str, alpha: float, jobs: int) -> Counted:
    parts = [np.arange(block.first, block.last, dtype=np.int64) for block in blocks(cell)]
    progress = Progress()
    made = list(
        in_threads(
            lambda numbers: count_block(cell, numbers, endpoint, alpha),
            parts,
            jobs,
            lambda count: progress(f"world {cell.number + 1} of {len(WORLDS)}", count, len(parts)),
        )
    )
    return Counted(*(np.concatenate([getattr(one, name) for one in made]) for name in Counted.__dataclass_fields__))


def count_block(cell: Cell, numbers: NDArray[np.int64], endpoint: str, alpha: float) -> Counted:
    """What the workflow claims in each of these replicates."""
    from simulator.world.generate import generate

    scenario = cell.scenario
    cohorts = generate(cell.resolved, scenario.run.seed, numbers)
    sample = one_sample(scenario, cohorts, scenario.run.seed)
    block = BlockAnalysis(sample)
    models, (_, term_of) = block.cox_models[endpoint], block.cox_design
    fit = models.multivariable
    with np.errstate(invalid="ignore", divide="ignore"):
        below = (np.abs(fit.beta / fit.se) > _critical(alpha)) & models.entered & (fit.state == Status.OK)
    owner = np.array(term_of)
    independent = np.stack([below[:, owner == t].any(axis=1) for t in range(owner.max() + 1)], axis=1)
    limit = scenario.analysis.cox.screening_p
    screened = models.p_term < (1.1 if limit is None else limit)
    compared = block.subgroups[endpoint]
    log_hr = np.where(compared.cox_status == Status.OK, compared.log_hr, np.nan).reshape(len(numbers), -1)[:, 1:]
    own = BlockNumbers(block)
    rows = [own.of(f"table1.after[{variable.name}].p") for variable in sample.observed.variables if _has_row(variable)]
    least = np.nanmin(np.where(np.isnan(rows), 2.0, rows), axis=0)
    hidden = cohorts.hidden.covariates
    return Counted(
        screened,
        independent,
        log_hr,
        np.where(least > 1, np.nan, least),
        _largest(sample.observed.covariates, sample),
        _largest(hidden, sample) if hidden.shape[2] else np.full(len(numbers), np.nan),
        np.asarray(sample.adjusted.present.any(axis=1)),
    )


def _has_row(variable: Any) -> bool:
    return variable.kind == "continuous" or bool(variable.levels)


def _largest(values: Floats, sample: Sample) -> Floats:
    made = sample.adjusted
    spread = sample.observed.present if sample.plan.table1.smd == "unmatched" else None
    found = np.abs(smd(values, sample.observed.treated, present=made.present, weight=made.weight, spread=spread))
    return np.asarray(np.max(np.where(np.isnan(found), -np.inf, found), axis=1))


def _critical(alpha: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(1 - alpha / 2))


def summed(
    counted: list[Counted], terms: tuple[str, ...], endpoint: str, alpha: float, screening_p: float | None
) -> Claims:
    """The rates over replicates; a replicate without an adjusted cohort claims nothing."""

    def rates(of: Any) -> tuple[Measure, ...]:
        return tuple(share(of(one)) for one in counted)

    def benefit(one: Counted) -> Floats:
        known = np.isfinite(one.subgroups).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((one.subgroups < 0).sum(axis=1) / known)

    def balanced(one: Counted) -> Bools:
        found: Bools = one.compared & ~(one.least_p <= BALANCED_P)
        return found

    def unbalanced(one: Counted, largest: Floats) -> Floats:
        if np.isnan(largest).all():
            return np.full(len(largest), np.nan)
        return np.where(balanced(one), (largest > UNBALANCED).astype(np.float64), np.nan)

    return Claims(
        endpoint=endpoint,
        alpha=alpha,
        screening_p=screening_p,
        replicates=len(counted[0].compared),
        terms=len(terms) - 1,
        subgroups=counted[0].subgroups.shape[1],
        factors={term: rates(lambda one, t=t: one.independent[:, t]) for t, term in enumerate(terms)},
        any_factor=rates(lambda one: one.independent[:, :-1].any(axis=1)),
        mean_factors=rates(lambda one: one.independent[:, :-1].sum(axis=1)),
        benefit_share=rates(benefit),
        nearly_all=rates(lambda one: benefit(one) >= NEARLY_ALL),
        every=rates(lambda one: benefit(one) == 1),
        balanced=rates(balanced),
        unbalanced_measured=rates(lambda one: unbalanced(one, one.measured)),
        unbalanced_hidden=rates(lambda one: unbalanced(one, one.hidden)),
    )


def verdict(found: Claims, plan: Plan, words: PaperWords) -> str:
    """How often each claim is made where it is false."""
    factor, benefit, differ = found.any_factor[2], found.nearly_all[1], found.unbalanced_measured[0]
    error = percent_text(100 * factor.mcse)
    return (
        f"Where no trait has any effect on {words.endpoint(found.endpoint)}, {_told(factor)} of simulated studies "
        f"still find an independent risk factor among {found.terms} (simulation error {error}). "
        f"Where treatment has no effect, {_told(benefit)} see a benefit in nearly all of {found.subgroups} subgroups. "
        f"Of the studies with every p above {BALANCED_P:g} {side_words(plan, 'after')}, {_told(differ)} have arms that "
        f"differ in a recorded trait by more than {UNBALANCED:g} standard deviations."
    )


def _told(one: Measure) -> str:
    return share_text(one.value, one.mcse)


def shown(found: Claims, options: Options, asked: Asked) -> Answer:
    """The verdict and the rates of every claim in the three worlds."""
    screening = "" if found.screening_p is None else f" after screening at p < {found.screening_p:g}"
    rows = [
        (f"any independent risk factor{screening}, %", *map(percent, found.any_factor)),
        ("how many of them, mean", *(f"{one:.2f}" for one in found.mean_factors)),
        ("treatment independent, %", *map(percent, found.factors["treatment"])),
        ("subgroups with HR below 1, mean %", *map(percent, found.benefit_share)),
        ("benefit in nearly all (9 of 10) subgroups, %", *map(percent, found.nearly_all)),
        ("benefit in every subgroup, %", *map(percent, found.every)),
        (f"balanced: every p of Table 1 above {BALANCED_P:g}, %", *map(percent, found.balanced)),
        (
            f"  of these, a difference in a recorded trait above {UNBALANCED:g} SD, %",
            *map(percent, found.unbalanced_measured),
        ),
        (
            f"  of these, a difference in an unrecorded trait above {UNBALANCED:g} SD, %",
            *map(percent, found.unbalanced_hidden),
        ),
    ]
    words = paper_words(asked)
    factors = [(row_words(term, words), *map(percent, rates)) for term, rates in found.factors.items()]
    return answer(
        "How often does the workflow make the paper's claims where they are false?",
        verdict(found, asked.scenario.analysis, words),
        (
            table("Claims", ("claim", *WORLDS), rows),
            table("Independent risk factors, %", ("trait", *WORLDS), factors),
        ),
        (
            f"{found.replicates} simulated studies of {words.endpoint(found.endpoint)}; found: p < {found.alpha:g}; "
            "in brackets: simulation error.",
        ),
        lambda narrow: drawn(found, words, narrow),
        "Share of studies that make each claim, in three worlds",
        found,
        options,
        asked,
        {"worlds": WORLDS, **plain(found)},
    )


def drawn(found: Claims, words: PaperWords, narrow: bool = False) -> Figure:
    """The rates of every claim as dots with Monte Carlo intervals, a row each, a colour per world."""
    from analysis.figures.claims import rates_of

    rows = {
        "any independent risk factor": found.any_factor,
        **{row_words(term, words): measures for term, measures in found.factors.items()},
        "benefit in nearly all subgroups": found.nearly_all,
        "benefit in every subgroup": found.every,
        "every p of Table 1 above 0.05": found.balanced,
        "  yet a measured difference above 0.1 SD": found.unbalanced_measured,
        "  yet a hidden difference above 0.1 SD": found.unbalanced_hidden,
    }
    values = {
        label: [(one.value, one.mcse) for one in measures]
        for label, measures in rows.items()
        if any(np.isfinite(one.value) for one in measures)
    }
    return rates_of(values, WORLDS, found.alpha, narrow)
