"""STUB, to be replaced: only what is easy."""

import time

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from analysis import matching, propensity, survival
from simulator.cohort import Observed
from simulator.terms import design

STAGES: tuple[str, ...] = ("table1", "stepwise", "matching", "kmlr", "cox", "subgroups")
TERMS = ("age", "sex", "ecog>=1", "etiology", "lesions", "size", "lung", "pvtt", "afp", "albi>=2", "child_pugh")


def workflow(observed: Observed) -> tuple[dict[str, float], dict[str, NDArray]]:  # type: ignore[type-arg]
    """CPU seconds per stage for the block, and answers with a leading axis of cohorts."""
    seconds: dict[str, float] = {}
    answers: dict[str, NDArray] = {}  # type: ignore[type-arg]
    start = time.process_time()
    x = design(TERMS, observed.variable, observed.names, observed.covariates)
    fit = propensity.stepwise(x.x, observed.treated, x.term_of)
    answers["stepwise.selected"], answers["stepwise.aic"] = fit.selected, fit.aic
    seconds["stepwise"], start = time.process_time() - start, time.process_time()
    score = np.array([float(f"{s:.12g}") for s in fit.fitted.ravel()]).reshape(fit.fitted.shape)
    pairs = matching.match(score, observed.treated)
    answers["matching.control"] = pairs.controls[..., 0]
    seconds["matching"], start = time.process_time() - start, time.process_time()
    for name, course in observed.endpoints.items():
        for group, here in (("before", observed.present), ("after", pairs.pair >= 0)):
            arms = [
                survival.km_quantile(course.time, course.event, present=here & arm)
                for arm in (observed.treated, ~observed.treated)
            ]
            test = survival.logrank(course.time, course.event, observed.treated, present=here)
            parts = [v for arm in arms for v in (arm.value, arm.low, arm.high)]
            answers[f"kmlr.{name}.{group}"] = np.stack([*parts, test.chi2, test.p], axis=-1)
    seconds["kmlr"], start = time.process_time() - start, time.process_time()
    for name, course in observed.endpoints.items():
        for group, here in (("before", observed.present), ("after", pairs.pair >= 0)):
            one = survival.cox(course.time, course.event, observed.treated[..., None].astype(float), present=here)
            b, se = one.beta[:, 0], one.se[:, 0]
            low, high = np.exp(b - 1.959963984540054 * se), np.exp(b + 1.959963984540054 * se)
            answers[f"cox.{name}.{group}"] = np.stack([b, se, np.exp(b), low, high, 2 * ndtr(-np.abs(b / se))], axis=-1)
    seconds["cox"] = time.process_time() - start
    seconds |= {"table1": float("nan"), "subgroups": float("nan")}
    return seconds, answers
