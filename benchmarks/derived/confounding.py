"""Prognosis of a derived world where the crude and the comparable hazard ratio differ and no table says by what.

A crude ratio of 0.38 beside a weighted one of 0.69 says that the treated had the better prognosis, not which covariate
gave it. Taken is the plainest that there is: prognosis lies along the propensity, each log hazard ratio being k times
the log odds of treatment. Of reference patients with the stated margins, the share of an arm without the event is the
mean of exp(-L exp(theta g + k l)), with theta the comparable log ratio; L and k are those at which the controls have
their share of events, and the ratio of the arms' cumulative hazards is the crude one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log

import numpy as np
from scipy.special import expit

from benchmarks.derived.covariates import Covariates
from benchmarks.derived.parts import Assumption, Tree, bare, sourced
from benchmarks.derived.printed import PrintedNumbers
from simulator.cohort.terms import design
from simulator.mechanisms.covariates import resolve
from simulator.numerics.arrays import Floats
from simulator.numerics.roots import brentq
from simulator.numerics.streams import Streams

REFERENCE, SEED = 20_000, 20_190_102
LEAST = 0.1  # difference of log ratios from which confounding is told
USUAL_SHARE = 0.3  # of controls with the event, where no count is printed
FARTHEST = 1.5  # SDs of the log hazard among patients


@dataclass(frozen=True)
class Along:
    """Prognosis along the propensity: ``k``, and by what the hazards are multiplied that the controls keep theirs."""

    k: float
    factor: float


def confounded(
    numbers: PrintedNumbers, endpoints: Mapping[str, object], covariates: Covariates, treatment: Tree, outcomes: Tree
) -> tuple[Tree, tuple[Assumption, ...]]:
    """The outcomes with prognosis along the propensity, and what was assumed; as they are where nothing asks for it."""
    log_odds = bare(treatment).get("log_odds", {})
    ways = {name: one for name, one in transitions(outcomes).items() if "baseline" in one}
    if not any(log_odds.values()) or any("log_hr" in one for one in ways.values()):
        return outcomes, ()
    for endpoint in endpoints:
        crude, fair = numbers.treatment_ratio(endpoint, crude=True), numbers.treatment_ratio(endpoint)
        if crude is None or fair is None or abs(crude.log_hr - fair.log_hr) < LEAST:
            continue
        events, n = numbers.events(endpoint, "before", "control"), numbers.size("before", "control")
        share = events / n if events and n and events < n else USUAL_SHARE
        score, treated = reference(covariates, bare(treatment)["share"], log_odds)
        found = along(score, treated, fair.log_hr, crude.log_hr, share)
        ratios = f"log {exp(crude.log_hr):.2f} crude, log {exp(fair.log_hr):.2f} comparable"
        told = f"{found.k:.3f} x log odds of treatment: {ratios}"
        effects = {term: sourced(round(found.k * one, 4), told) for term, one in log_odds.items() if one}
        why = (
            f"no table of prognosis is printed, and the crude ratio of {endpoint} is {exp(crude.log_hr):.2f} beside "
            f"{exp(fair.log_hr):.2f}: log hazard ratios are {found.k:.3f} times the log odds of treatment"
        )
        inside = "transitions" in outcomes
        changed = {name: with_effects(one, effects, found.factor) for name, one in ways.items()}
        paths = [f"outcomes.{'transitions.' * inside}{name}.log_hr" for name in ways]
        made = outcomes | ({"transitions": transitions(outcomes) | changed} if inside else changed)
        return made, tuple(Assumption(path, f"{found.k:.3f} x log odds", None, why) for path in paths)
    return outcomes, ()


def transitions(outcomes: Tree) -> Tree:
    """The transitions of a course by name."""
    inside = outcomes.get("transitions", outcomes)
    return {name: one for name, one in inside.items() if isinstance(one, Mapping)}


def with_effects(transition: Tree, effects: Tree, factor: float) -> Tree:
    """A transition with prognostic effects, its baseline multiplied."""
    base = dict(transition["baseline"])
    key = "rates" if "rates" in base else "rate"
    rates = base[key]["value"]
    scaled = [_tidy(one * factor) for one in rates] if isinstance(rates, list) else _tidy(rates * factor)
    base[key] = sourced(scaled, f"{base[key]['source']}; times {factor:.3f}, to the average patient")
    rest = {name: part for name, part in transition.items() if name not in ("baseline", "treatment")}
    return {**rest, "baseline": base, "log_hr": effects, "treatment": transition["treatment"]}


def reference(covariates: Covariates, share: float, log_odds: Mapping[str, float]) -> tuple[Floats, Floats]:
    """Of reference patients ``(M,)`` the log odds of treatment less their mean, and the chance of it."""
    population, variables = covariates.population, covariates.variables
    drawn = resolve(population).draw(Streams(SEED), np.zeros(1, np.int64), REFERENCE)[:, 0]
    x = design(tuple(log_odds), variables, list(variables), np.ascontiguousarray(drawn[: len(variables)].T)).x
    score = x @ np.array(list(log_odds.values()))
    score -= score.mean()
    reach = float(np.abs(score).max()) + 20
    start = brentq(lambda a: float(expit(a + score).mean()) - share, -reach, reach, 1e-9)
    return score, expit(start + score)


def along(score: Floats, treated: Floats, fair: float, crude: float, share: float) -> Along:
    """Prognosis along the score at which the ``crude`` log ratio is met under the ``fair`` one; ``share`` of controls
    have the event. At most `FARTHEST` SDs of the log hazard.
    """
    plain, spread = -log(1 - share), float(score.std())

    def hazards(k: float) -> tuple[float, float]:
        """The cumulative hazard at which the controls have their share of events, and the crude log ratio."""

        def left(level: float, g: int) -> float:
            weight = treated if g else 1 - treated
            gone = np.exp(-exp(level) * np.exp(fair * g + k * score))
            return float((weight * gone).sum() / weight.sum())

        level = brentq(lambda u: log(max(left(u, 0), 1e-300)) + plain, log(plain) - 12, log(plain) + 12, 1e-9)
        return exp(level), log(-log(max(left(level, 1), 1e-300)) / plain)

    most = FARTHEST / spread if spread > 0 else 0.0
    ends = [hazards(one)[1] - crude for one in (-most, most)]
    if ends[0] * ends[1] > 0:
        k = most if abs(ends[1]) < abs(ends[0]) else -most
    else:
        k = brentq(lambda one: hazards(one)[1] - crude, -most, most, 1e-4)
    return Along(k, hazards(k)[0] / plain)


def _tidy(value: float) -> float:
    return float(f"{value:.4g}")
