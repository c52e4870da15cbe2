"""Our turn: the workflow on a block of cohorts by the functions that a study uses, timed stage by stage."""

import time
from collections.abc import Callable
from functools import cache

import numpy as np
from scipy.special import ndtr, ndtri

from analysis.estimators import Sample
from analysis.kernels.status import Status
from analysis.paper.block_workflow import BlockAnalysis
from analysis.plan.analysis_plan import Plan
from analysis.propensity.logistic_models import StepwiseFit
from analysis.survival.two_arms import ArmComparison
from simulator.cohort.cohorts import Observed
from simulator.numerics.arrays import Floats

STAGES: tuple[str, ...] = ("table1", "stepwise", "matching", "kmlr", "cox", "subgroups")
_BINARY = ("age>50", "sex", "ecog>=1", "etiology", "lesions", "size>10", "lung", "pvtt", "afp", "albi>=2", "child_pugh")
_Z = float(ndtri(0.975))


@cache
def plan() -> Plan:
    """What the workflow prescribes, as the ``analysis:`` section of a scenario."""
    candidates = tuple(term.replace(">50", "").replace(">10", "") for term in _BINARY)
    factors = ("age", "sex", "ecog=0", "ecog>=1", "etiology", "lesions", "size", "lung", "pvtt", "afp", "child_pugh")
    return Plan.model_validate(
        {
            "propensity": {"candidates": candidates},
            "matching": {"scale": "ps", "ties": "data"},  # the contenders take the first row
            "cox": {"covariates": _BINARY},
            "subgroups": (*factors, "albi"),
        }
    )


def workflow(observed: Observed) -> tuple[dict[str, float], dict[str, Floats]]:
    """CPU seconds per stage for the whole block, and the answers with a leading axis of cohorts."""
    sample = Sample(observed, plan(), np.arange(len(observed.treated)))
    block = BlockAnalysis(sample)
    seconds: dict[str, float] = {}

    def timed(stage: str, work: Callable[[], object]) -> None:
        start = time.process_time()
        work()
        seconds[stage] = time.process_time() - start

    timed("stepwise", lambda: sample.propensity)
    timed("matching", lambda: sample.matched)
    timed("table1", lambda: block.table1)
    # sorting the endpoints falls to the first stage that needs it; one pass gives curves, tests and the arm's models
    timed("kmlr", lambda: dict(block.comparisons))
    timed("cox", lambda: dict(block.cox_models))
    timed("subgroups", lambda: dict(block.subgroups))
    return seconds, answers(block)


def answers(block: BlockAnalysis) -> dict[str, Floats]:
    """All that was found, named and laid out as `benchmarks.speed.stages` says."""
    sample = block.sample
    fit = sample.propensity
    if not isinstance(fit, StepwiseFit):
        raise TypeError("the plan says stepwise")
    found: dict[str, Floats] = {
        "stepwise.selected": np.asarray(fit.selected, np.float64),
        "stepwise.aic": fit.aic,
        "matching.control": sample.matching.controls[..., 0].astype(np.float64),
    }
    for place, group in enumerate(("before", "after")):
        found |= {f"table1.{group}.{name}": one[place::2] for name, one in _table1(block).items()}
        for endpoint, compared in block.comparisons.items():
            found[f"kmlr.{endpoint}.{group}"] = _curves(compared)[place::2]
            found[f"cox.{endpoint}.{group}"] = _wald(compared.log_hr, compared.se)[place::2]
    for endpoint, models in block.cox_models.items():
        for kind, fitted in (("univariable", models.univariable), ("multivariable", models.multivariable)):
            found[f"cox.{endpoint}.{kind}"] = _wald(fitted.beta, fitted.se)[..., [0, 1, 5]]
        found[f"subgroups.{endpoint}"] = _subgroups(block.subgroups[endpoint], len(fit.aic))
    return found


def _table1(block: BlockAnalysis) -> dict[str, Floats]:
    made = block.table1
    numbers, levels = made.continuous, made.categorical
    shape = numbers.mean.shape
    n = np.broadcast_to(made.n[:, None, :], shape)
    by_arm = np.stack([n, numbers.mean, numbers.sd, numbers.median, numbers.q1, numbers.q3], axis=-1)
    both = by_arm[:, :, ::-1].reshape(*shape[:2], -1)
    tests = np.stack([numbers.welch.p, numbers.mann_whitney.p, numbers.smd], axis=-1)
    used = ~np.isnan(levels.smd)
    size = used.any(axis=0).sum(axis=1)
    fisher = np.where(levels.few, levels.fisher.p, np.nan)
    keep = [(j, k) for j, count in enumerate(size) for k in range(count)]
    shown = [(j, k) for j, k in keep if size[j] > 2 or k == 1]
    return {
        "continuous": np.concatenate([both, tests], axis=-1),
        "categorical": np.stack([levels.pearson.p, fisher], axis=-1),
        "counts": np.stack([levels.counts[:, j, arm, k] for j, k in keep for arm in (1, 0)], axis=-1).astype(
            np.float64
        ),
        "smd": np.stack([levels.smd[:, j, k] for j, k in shown], axis=-1),
    }


def _curves(compared: ArmComparison) -> Floats:
    arms = [getattr(compared, name)[:, arm] for arm in (1, 0) for name in ("median", "low", "high")]
    return np.stack([*arms, compared.chi2, compared.p], axis=-1)


def _wald(beta: Floats, se: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        p = 2 * ndtr(-np.abs(beta / se))
    return np.stack([beta, se, np.exp(beta), np.exp(beta - _Z * se), np.exp(beta + _Z * se), p], axis=-1)


def _subgroups(compared: ArmComparison, cohorts: int) -> Floats:
    model = _wald(compared.log_hr, compared.se)
    p = np.where(compared.logrank_status == Status.OK, compared.p, np.nan)
    counts = [compared.n.sum(axis=1), compared.events.sum(axis=1)]
    return np.stack([*counts, *model[:, 2:5].T, p], axis=-1).reshape(cohorts, -1, 6)
