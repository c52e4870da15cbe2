"""Who is treated in a derived world: by lot, or by log odds at which both arms have the margins that are printed.

Over reference patients with the stated margins and correlations, all log odds b and the intercept a are solved for
together: in the treated, each term has the mean that is printed of them (and in the control its own, then). That is
the score equation of a logistic regression, mean(p x) = share x mean of the treated, with p = expit(a + x b), so that
Newton's method finds the one solution there is. Only by how much the treated differ from all is asked, so that it
does not matter that the reference patients are a sample. What is printed rounded is met within its rounding.

A level that chance alone could empty (fewer than `RARE` patients expected in an arm), or that an arm lacks, tells
little or nothing of its log odds: a normal prior around zero, of SD `RARE_SD` or `EMPTY_SD`, shrinks it, and so it is
said.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from benchmarks.derived.covariates import Covariates, Moment
from benchmarks.derived.paper_numbers import DeriveError, PaperNumbers
from benchmarks.derived.parts import Assumption, Tree, sourced
from simulator.cohort.terms import design
from simulator.mechanisms.covariates import Population, resolve
from simulator.numerics.arrays import Floats
from simulator.numerics.streams import Streams

REFERENCE = 100_000
SEED = 20_190_101
RARE, RARE_SD, EMPTY_SD = 3.0, 1.0, 2.5
PRIOR_SD = 0.4
STEPS = 60


@dataclass(frozen=True)
class DerivedTreatment:
    """The section ``treatment``, what of it may be fitted, and what was assumed or is told."""

    tree: Tree
    free: Tree
    assumed: tuple[Assumption, ...] = ()
    said: tuple[str, ...] = ()


def treatment_of(numbers: PaperNumbers, covariates: Covariates) -> DerivedTreatment:
    """The section ``treatment`` of a paper's world."""
    control, treated = numbers.sizes
    where = numbers.where("cohort.treated", "cohort.control", "cohort.n")
    share = sourced(round(numbers.share, 6), f"{where}: {treated} of {control + treated}")
    if numbers.reading.paper.design == "randomised":
        return by_lot(numbers, covariates, share)
    found = fitted_log_odds(covariates.population, numbers.share, covariates.moments, control + treated)
    log_odds: Tree = {}
    free: Tree = {}
    for moment, value, loose in zip(covariates.moments, found.log_odds, found.priors, strict=True):
        digits = 3 if moment.sd is None else 5
        told = f"{_shown(moment.treated)} of the treated, {_shown(moment.control)} of the control, solved together"
        log_odds[moment.term] = sourced(round(value, digits), told)
        if moment.fixed:
            continue
        sd = PRIOR_SD if moment.sd is None else float(f"{PRIOR_SD / moment.sd:.2g}")
        sd = loose if np.isfinite(loose) else sd
        mean = min(max(round(value, digits), -3.0), 3.0)
        free[f"treatment.log_odds.{moment.term}"] = {"mean": mean, "sd": sd, "bounds": [-3.0, 3.0]}
    assumed: tuple[Assumption, ...] = ()
    if numbers.side == "after":
        why = "nothing is printed of the arms before they were made alike; the log odds are those of what is left"
        assumed = tuple(Assumption(f"treatment.log_odds.{m.term}", 0.0, PRIOR_SD, why) for m in covariates.moments)
    return DerivedTreatment({"kind": "fixed", "share": share, "log_odds": log_odds}, free, assumed, found.said)


def by_lot(numbers: PaperNumbers, covariates: Covariates, share: Tree) -> DerivedTreatment:
    """A randomised trial: permuted blocks where paper.yaml says so, else exactly the printed share."""
    methods = numbers.reading.paper.methods
    text = " ".join(methods.get(key, "") for key in ("randomisation", "randomization", "allocation"))
    blocks = re.search(r"blocks? (?:size )?(?:of )?(\d+)|(\d+)-?(?:patient )?blocks?", text)
    ratio = re.search(r"(\d+)\s*:\s*(\d+)", text)
    if not blocks:
        return DerivedTreatment({"kind": "fixed", "share": share}, {})
    size = int(blocks[1] or blocks[2])
    exact = int(ratio[1]) / (int(ratio[1]) + int(ratio[2])) if ratio else round(numbers.share * size) / size
    if size < 2 or not 0 < exact < 1 or abs(exact * size - round(exact * size)) > 1e-9:
        raise DeriveError(
            f"paper.yaml: methods.randomisation: '{text.strip()}': a share of {exact:.3g} of a block of {size} is no "
            "whole number of patients"
        )
    levels = covariates.levels
    strata = [name for name in levels if re.search(rf"\b{re.escape(name)}\b", text) and levels[name]]
    tree: Tree = {"kind": "blocks", "share": sourced(exact, "Methods"), "block": sourced(size, "Methods")}
    return DerivedTreatment({**tree, "strata": strata} if strata else tree, {})


@dataclass(frozen=True)
class FittedLogOdds:
    """The log odds in the order of what was asked, what is told of them, and reference patients' propensities ``(M,)``.

    ``priors`` are the SDs of the priors around zero that shrink them, infinite where none does; not ``met`` where
    no log odds part the arms as printed.
    """

    log_odds: tuple[float, ...]
    chances: Floats
    said: tuple[str, ...]
    priors: tuple[float, ...] = ()
    met: bool = True


def fitted_log_odds(
    population: Population, share: float, moments: Sequence[Moment], patients: int, reference: int = REFERENCE
) -> FittedLogOdds:
    """The log odds at which treated and control have the stated means of terms; ``patients`` are those of the study."""
    if not moments:
        return FittedLogOdds((), np.full(reference, share), ())
    variables = {name: spec.variable(name) for name, spec in population.covariates.items()}
    drawn = resolve(population).draw(Streams(SEED), np.zeros(1, np.int64), reference)[:, 0]
    terms = [moment.term for moment in moments]
    x = design(terms, variables, list(variables), np.ascontiguousarray(drawn[: len(variables)].T)).x
    scale = np.maximum(x.std(axis=0), 1e-9)
    x = (x - x.mean(axis=0)) / scale
    excess = np.array([(1 - share) * (one.treated - one.control) for one in moments]) / scale
    slack = np.array([(1 - share) * one.slack for one in moments]) / scale
    prior, said = priors(moments, share, patients)
    at, converged = within_rounding(x, share, excess, slack, 1.0 / (np.square(prior * scale) * patients))
    if not converged:
        said.append("no log odds part the arms as printed; all are shrunk towards zero (prior SD 2.5)")
        penalty = 1.0 / (np.square(np.minimum(prior, EMPTY_SD) * scale) * patients)
        at, _ = newton(x, share, excess, penalty)
    log_odds = tuple(float(one) for one in at[1:] / scale)
    return FittedLogOdds(log_odds, expit(at[0] + x @ at[1:]), tuple(said), tuple(prior.tolist()), converged)


def within_rounding(x: Floats, share: float, excess: Floats, slack: Floats, penalty: Floats) -> tuple[Floats, bool]:
    """As `newton`, but a term keeps log odds 0 while its excess is within ``slack (P,)`` of the printed one; where it
    is not it goes to the nearer end. (A mean of 49 in both arms does not contradict more patients above 50 in one.)
    """
    free, goal = slack == 0.0, excess.copy()
    at, converged = np.zeros(len(excess) + 1), False
    for _ in range(len(excess) + 1):
        kept = np.flatnonzero(free)
        found, converged = newton(x[:, kept], share, goal[kept], penalty[kept])
        at = np.zeros(len(excess) + 1)
        at[0], at[1 + kept] = found[0], found[1:]
        gap = x.T @ expit(at[0] + x @ at[1:]) / (len(x) * share) - excess
        beyond = ~free & (np.abs(gap) > slack)
        if not beyond.any():
            break
        goal[beyond] = excess[beyond] + np.sign(gap[beyond]) * slack[beyond]
        free |= beyond
    return at, converged


def priors(moments: Sequence[Moment], share: float, patients: int) -> tuple[Floats, list[str]]:
    """The prior SD of each log odds, infinite as a rule, and what is told of the others."""
    found, said = np.full(len(moments), np.inf), []
    for k, one in enumerate(moments):
        if one.sd is not None:
            continue
        whole = share * one.treated + (1 - share) * one.control
        expected = min(whole, 1 - whole) * patients * min(share, 1 - share)
        if expected < RARE:
            found[k] = RARE_SD
            said.append(
                f"treatment.log_odds.{one.term}: {expected:.2g} patients are expected in an arm; shrunk towards zero "
                f"(prior SD {RARE_SD:g})"
            )
        elif min(one.treated, one.control) <= 0 or max(one.treated, one.control) >= 1:
            found[k] = EMPTY_SD
            said.append(f"treatment.log_odds.{one.term}: an arm has none; shrunk towards zero (prior SD {EMPTY_SD:g})")
    return found, said


def newton(x: Floats, share: float, excess: Floats, penalty: Floats) -> tuple[Floats, bool]:
    """Intercept and log odds ``(1 + P,)`` of centred terms ``x (M, P)`` whose means in the treated are ``excess (P,)``
    above those in all; and whether they were found.

    They minimise the mean of log(1 + exp(eta)) - share x eta of the treated's means, plus half the penalty of squares.
    """
    z = np.column_stack([np.ones(len(x)), x])
    target = share * np.array([1.0, *excess])
    ridge = np.array([0.0, *penalty])
    at = np.zeros(z.shape[1])
    at[0] = np.log(share / (1 - share))

    def value(at: Floats) -> float:
        return float(np.logaddexp(0.0, z @ at).mean() - at @ target + (ridge * at * at).sum() / 2)

    now = value(at)
    for _ in range(STEPS):
        chance = expit(z @ at)
        slope = z.T @ chance / len(z) - target + ridge * at
        if np.abs(slope).max() < 1e-10:
            return at, True
        bend = (z * (chance * (1 - chance))[:, None]).T @ z / len(z) + np.diag(ridge)
        step = -np.linalg.lstsq(bend, slope, rcond=1e-12)[0]
        for _ in range(30):
            trial = value(at + step)
            if trial <= now + 1e-14 * abs(now):
                break
            step = step / 2
        at, now = at + step, trial
    return at, bool(np.abs(slope).max() < 1e-7)


def _shown(value: float) -> str:
    return f"{value:.4g}"
