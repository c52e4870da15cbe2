"""Correlations of covariates that no paper prints, from how much its arms overlap.

Independent covariates part the arms by all their differences together; those of patients are correlated, and part the
arms less. Two printed numbers tell by how much: how many pairs were matched, and by how much the weighted interval is
wider than the crude one. Where the arms of independent covariates overlap less than that, or could not differ by so
much in all of them, one common factor is taken: the latent correlation of two covariates is (u d)(u e), with d and e
their differences between the arms in SDs of all patients (of a share: from the difference of its normal quantiles).
Taken is the least ``u`` at which the arms overlap as printed.

Of N patients with propensities e about N mean(min(e, 1 - e)) pairs can be made. A weighted log hazard ratio has the
variance f / deaths, summed over the arms, where the crude one has 1 / deaths, with f = mean(w^2) / mean(w)^2 of an
arm's weights (Kish's design effect).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from math import exp, isfinite

import numpy as np
from scipy.special import ndtri

from analysis.plan.weighting_plan import WeightingPlan
from analysis.propensity.weighting import plan_weights
from benchmarks.derived.covariates import Covariates, Moment, tuples, valid_population
from benchmarks.derived.parts import Tree, bare
from benchmarks.derived.printed import PrintedNumbers
from benchmarks.derived.propensity import fitted_log_odds
from simulator.cohort.terms import parse_term
from simulator.numerics.arrays import Floats
from simulator.numerics.streams import Streams

REFERENCE, SEED = 20_000, 20_190_103
NEAR = 0.05  # by this share the overlap of independent covariates may be worse than printed
MOST = 0.95  # of the greatest correlation with the factor
STEPS = 7
LEAST = 0.005  # correlations nearer to zero are left out


@dataclass(frozen=True)
class Overlap:
    """How much the arms overlap in print: ``printed`` is told of by ``words``; ``lack`` gives, of reference patients'
    propensities, the same number of a world; it is the better the smaller.
    """

    printed: float
    lack: Callable[[Floats], float]
    words: str


def with_overlap(
    numbers: PrintedNumbers, endpoints: Iterable[str], covariates: Covariates, share: float, plan: Tree
) -> Covariates:
    """The covariates, correlated where the print tells that they must be and paper.yaml says nothing of it."""
    apart = differences(covariates, share)
    if "correlation" in covariates.tree or numbers.design == "randomised" or len(apart) < 2:
        return covariates
    asked = printed_overlap(numbers, endpoints, share, bare(plan)) or Overlap(0.0, lambda _: 0.0, "")

    def lack(u: float) -> float:
        """Infinite where no log odds part the arms as printed."""
        one = correlated(covariates, apart, u)
        found = fitted_log_odds(one.population, share, one.moments, one.population.size, REFERENCE)
        return asked.lack(found.chances) if found.met else np.inf

    alone = lack(0.0)
    if alone <= asked.printed * (1 + NEAR):
        return covariates
    low, high = 0.0, MOST / max(map(abs, apart.values()))
    least = lack(high)
    if least <= asked.printed:
        for _ in range(STEPS):
            middle = (low + high) / 2
            low, high = (middle, high) if lack(middle) > asked.printed else (low, middle)
    made = correlated(covariates, apart, high)
    told = (
        f"covariates are taken to be correlated by one common factor ({high:.2f} of each difference between the arms): "
    )
    told += f"{asked.words} is {asked.printed:.3g} as printed; " if asked.words else ""
    told += f"{alone:.3g} if they were independent" if isfinite(alone) else "independent ones cannot all differ so much"
    if least > asked.printed:
        told += "; this is as near as one factor comes"
    return replace(made, said=(*made.said, told))


def printed_overlap(numbers: PrintedNumbers, endpoints: Iterable[str], share: float, plan: Tree) -> Overlap | None:
    """What the print tells of overlap under this plan; None where it tells nothing."""
    if plan.get("primary") == "weighting":
        return of_widths(numbers, endpoints, share, WeightingPlan.model_validate(tuples(plan["weighting"])))
    matching = plan.get("matching", {})
    matched = numbers.sizes.get(("after", "treated"))
    patients = sum(n for (side, _), n in numbers.sizes.items() if side == "before")
    if "matching" not in plan or not matched or not patients or matching.get("replacement"):
        return None
    words = "the number of patients for each treated patient who is matched"
    return Overlap(patients / matched, lambda e: 1 / max(float(np.minimum(e, 1 - e).mean()), 1e-9), words)


def of_widths(numbers: PrintedNumbers, endpoints: Iterable[str], share: float, plan: WeightingPlan) -> Overlap | None:
    """By how much weights widen an interval: the printed variances of the first endpoint that has both."""
    for endpoint in endpoints:
        before = f"endpoints.{endpoint}.before"
        crude = numbers.ratio(f"{before}.cox") or numbers.ratio(f"{before}.univariable[treatment]")
        weighted = numbers.ratio(f"endpoints.{endpoint}.after.cox")
        if crude is None or weighted is None or not isfinite(crude.se) or not isfinite(weighted.se) or crude.se <= 0:
            continue
        control, treated = (numbers.events(endpoint, "before", role) for role in ("control", "treated"))
        odds = treated / control if treated and control else share / (1 - share) * exp(crude.log_hr)
        parts = np.array([odds, 1.0]) / (1 + odds)  # of the variance 1/d0 + 1/d1, control first

        def effect(e: Floats, parts: Floats = parts) -> float:
            treated = Streams(SEED).uniform("treatment", np.zeros(1, np.int64), len(e))[0] < e
            weight, kept = plan_weights(plan, e[None], treated[None], np.ones((1, len(e)), np.bool_))
            arms = [weight[0, kept[0] & (treated == arm)] for arm in (False, True)]
            kish = [float((w * w).mean() / w.mean() ** 2) if len(w) else np.inf for w in arms]
            return float(parts @ kish)

        words = f"the variance of the weighted log ratio of {endpoint} over that of the crude one"
        return Overlap((weighted.se / crude.se) ** 2, effect, words)
    return None


def differences(covariates: Covariates, share: float) -> dict[str, float]:
    """By covariate the difference of treated and control in SDs of all patients, along its latent normal.

    Of levels in order (and of cut-points) it is the mean over what is printed; unordered levels have none.
    """
    found: dict[str, list[float]] = {}
    for one in covariates.moments:
        (name,) = parse_term(one.term, covariates.variables).variables
        if not one.fixed and covariates.variables[name].kind != "nominal":
            found.setdefault(name, []).append(_apart(one, share))
    means = {name: float(np.mean(each)) for name, each in found.items()}
    return {name: mean for name, mean in means.items() if mean}


def _apart(one: Moment, share: float) -> float:
    if one.sd is not None:
        return float((one.treated - one.control) / one.sd)
    ends = np.clip([one.control, one.treated], 1e-3, 1 - 1e-3)
    within = float(ndtri(ends[1]) - ndtri(ends[0]))
    return float(within / (1 + share * (1 - share) * within * within) ** 0.5)


def correlated(covariates: Covariates, apart: Mapping[str, float], u: float) -> Covariates:
    """The covariates with the correlations of one factor."""
    rows: Tree = {}
    for first, second in combinations(apart, 2):
        r = round(u * u * apart[first] * apart[second], 3)
        if abs(r) >= LEAST:
            rows.setdefault(first, {})[second] = r
    tree = {**covariates.tree, "correlation": rows} if rows else covariates.tree
    return replace(covariates, tree=tree, population=valid_population(tree))
