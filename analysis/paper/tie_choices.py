"""How much of a matched hazard ratio is left to which of equally near controls are taken.

The ties of one matching are counted, and the matching is made again at other addresses: each is the choice that another
seed would have made, of ties and of whatever else the plan leaves to chance.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr

from analysis.kernels.status import Status
from analysis.paper.effects import HazardRatio
from analysis.paper.number_text import p_text
from analysis.plan.analysis_plan import Plan, propensity_terms
from analysis.plan.matching_plan import MatchingPlan
from analysis.propensity.matching import Basis, Matching, basis_of, match_as
from analysis.propensity.tied import tied
from analysis.survival import statistics
from analysis.survival.survival_data import lined_up
from analysis.two_samples.tests import NAN
from simulator.cohort.addresses import Address
from simulator.cohort.cohorts import Observed
from simulator.numerics.arrays import Bools, Floats, Ints

CHOICES = 200
LARGE, LARGE_TABLE = 5_000, 2_000
"""Rows above which fewer choices are made; the second where every treated is compared with every control."""
LEAST = 20
AT_ONCE = 2_000_000
"""Rows of the choices that are made in one go."""
MIDDLE = 0.95
"""The share of other choices that an interval holds."""


@dataclass(frozen=True)
class Spread:
    """The hazard ratio over other choices: of how many it is (the others have none), median, 2.5 and 97.5 %.

    ``significant`` is the share with a p below 1 minus the plan's level.
    """

    n: int
    median: float
    low: float
    high: float
    significant: float


@dataclass(frozen=True)
class TieChoices:
    """How ties were settled, how many treated had several equally near controls, and what other choices give.

    ``hr`` has the matched hazard ratio of each endpoint over ``choices`` other ones; ``warnings`` are sentences.
    """

    rule: str
    tied: int
    choices: int
    hr: Mapping[str, Spread]
    warnings: tuple[str, ...]


def how_many(rows: int, plan: MatchingPlan) -> int:
    """The number of other choices that are made in a cohort of so many rows."""
    if plan.compares_all:
        return CHOICES if rows <= LARGE_TABLE else max(LEAST, int(CHOICES * (LARGE_TABLE / rows) ** 2))
    return CHOICES if rows <= LARGE else max(LEAST, CHOICES * LARGE // rows)


def tie_choices(
    observed: Observed,
    score: Floats,
    present: Bools,
    plan: Plan,
    address: Address,
    places: Ints,
    made: Matching,
    found: Mapping[str, tuple[str, HazardRatio]],
    selected: bool,
) -> TieChoices:
    """What is said of the ties of the matching ``made`` of one cohort (R = 1) by ``score (N,)`` among ``present``.

    ``found`` has for each endpoint its label and the hazard ratio after matching; ``selected`` says whether the score
    has any covariate.
    """
    chosen, terms = plan.matching, propensity_terms(plan, observed.variable)
    basis: Basis = basis_of(chosen, observed, present, terms, address, places)
    several = tied(chosen, score[0], observed.treated[0], present[0], float(made.width[0]), made.controls[0], basis)
    number = how_many(int(present.sum()), chosen)
    hr = _other_choices(observed, score, present, plan, address, places, number)
    warnings = []
    if not selected and chosen.distance == "score" and made.status[0] == Status.OK:
        warnings.append(
            "No covariate was selected: everybody has the same propensity score, and matching takes any control."
        )
    rows = [f"{name}: data" for name in ("order", "ties") if getattr(chosen, name) == "data"]
    if chosen.ties == "data" and made.status[0] == Status.OK:
        warnings.append(
            f"The matching goes by where rows stand in the file ({', '.join(rows)}): the same patients in another "
            "order of the rows may be matched otherwise."
        )
    which = "which of equally good controls are taken"
    which += ", and in which random order the treated choose" if chosen.order == "random" else ""
    for name, (label, effect) in found.items():
        if _depends(effect, hr[name], plan.survival.level):
            warnings.append(
                f"{label}: the answer depends on {which}. The hazard ratio is "
                f"{effect.hr:.2f} here (p {p_text(effect.p)}); over {hr[name].n} other choices its median is "
                f"{hr[name].median:.2f}, 95 % lie between {hr[name].low:.2f} and {hr[name].high:.2f}, and "
                f"{100 * hr[name].significant:.0f} % have a p below {1 - plan.survival.level:.2g}."
            )
    return TieChoices(chosen.ties, several, number, hr, tuple(warnings))


def _other_choices(
    observed: Observed,
    score: Floats,
    present: Bools,
    plan: Plan,
    address: Address,
    places: Ints,
    number: int,
) -> dict[str, Spread]:
    """The matched hazard ratio of each endpoint, the matching being made again at ``number`` replicates further on."""
    step = max(1, AT_ONCE // score.shape[1])
    firsts = range(0, number, step)
    found = [
        _chosen_otherwise(observed, score, present, plan, address, places, first + np.arange(min(step, number - first)))
        for first in firsts
    ]
    spreads = {}
    for name in observed.endpoints:
        beta, se, ok = (np.concatenate([part[name][k] for part in found]) for k in range(3))
        spreads[name] = _spread(beta, se, ok, plan.survival.level)
    return spreads


def _chosen_otherwise(
    observed: Observed,
    score: Floats,
    present: Bools,
    plan: Plan,
    address: Address,
    places: Ints,
    which: Ints,
) -> dict[str, tuple[Floats, Floats, Bools]]:
    """The log hazard ratio of each endpoint, its SE, and whether it has one, in ``which (R,)`` other choices."""
    number = len(which)
    matching, rows = plan.matching.model_copy(update={"ties": "random"}), score.shape[1]
    made = match_as(
        matching,
        np.repeat(score, number, axis=0),
        _repeated(observed, number),
        np.repeat(present, number, axis=0),
        propensity_terms(plan, observed.variable),
        Address(address.replicates[0] + 1 + which.astype(np.int64), address.seed, address.patients),
        np.repeat(places, number, axis=0),
    )
    shape = (1, rows) if matching.simple else (number, rows)
    treated = np.broadcast_to(observed.treated, shape)
    cluster = np.broadcast_to(np.arange(rows), shape) if matching.replacement else made.pair
    found = {}
    for name, course in observed.endpoints.items():
        line, rows_by_time = lined_up(course, present[0])
        own = (slice(None), rows_by_time)
        fit = statistics.cox(
            np.broadcast_to(line.time, (shape[0], len(rows_by_time))),
            np.broadcast_to(line.event, (shape[0], len(rows_by_time))),
            treated[own][..., None].astype(np.float64),
            present=made.weight[own] > 0,
            weight=None if matching.simple else made.weight[own],
            cluster=None if matching.simple else cluster[own],
            ties=plan.survival.ties,
            order=np.broadcast_to(np.arange(len(rows_by_time), dtype=np.int32), (shape[0], len(rows_by_time))),
        )
        se = (fit.se if fit.robust_se is None else fit.robust_se)[:, 0]
        found[name] = (fit.beta[:, 0], se, fit.state[:, 0] == Status.OK)
    return found


def _repeated(observed: Observed, number: int) -> Observed:
    """So many copies of a cohort, as far as a matching looks at it."""
    return replace(
        observed,
        covariates=np.broadcast_to(observed.covariates, (number, *observed.covariates.shape[1:])),
        treated=np.repeat(observed.treated, number, axis=0),
        present=np.repeat(observed.present, number, axis=0),
        endpoints={},
        binary={},
        exposure={},
        modes={},
        delay=None,
    )


def _spread(beta: Floats, se: Floats, ok: Bools, level: float) -> Spread:
    ok = ok & np.isfinite(se) & (se > 0)
    if not ok.any():
        return Spread(0, NAN, NAN, NAN, NAN)
    half = (1 - MIDDLE) / 2
    with np.errstate(over="ignore", under="ignore"):
        low, median, high = (float(np.exp(value)) for value in np.quantile(beta[ok], (half, 0.5, 1 - half)))
    significant = 2 * ndtr(-np.abs(beta[ok] / se[ok])) < 1 - level
    return Spread(int(ok.sum()), median, low, high, float(significant.mean()))


def _depends(effect: HazardRatio, spread: Spread, level: float) -> bool:
    """Whether other choices would say another thing: wider apart than a standard error, or of another significance."""
    if effect.status != Status.OK or not spread.n:
        return False
    wide = bool(np.log(spread.high) - np.log(spread.low) > effect.se)
    share = spread.significant if effect.p < 1 - level else 1 - spread.significant
    return wide or share < MIDDLE + (1 - MIDDLE) / 2
