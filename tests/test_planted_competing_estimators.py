"""Estimators of endpoints with competing events, and what their truths count, each shown to be noticed when wrong."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from analysis.estimators import Sample
from simulator.cohort.cohorts import Endpoint
from tests.agreement import gap
from tests.planted import Gaps, Rooms, defects, noticed_by, unless
from tests.test_competing_estimators import AT, FROZEN, MEASURES, NAME, PLAN, of_measure, sample


class Estimators(Rooms):
    """The modules of these estimators as they are read anew; they import one another so, and all else as it is."""

    OWN = tuple(f"analysis.estimators.{name}" for name in ("competing", "matched", "weighted"))

    def _import(self, name: str, globals: Any = None, locals: Any = None, wanted: Any = (), level: int = 0) -> Any:
        return self[name] if name in self.OWN else __import__(name, globals, locals, wanted, level)


@cache
def one() -> Sample:
    """The first cohort, of tied times, with its scores and pairs."""
    observed, course, rows = sample().observed, sample().observed.endpoints[NAME], slice(0, 1)
    assert course.competing is not None
    parts = {name: getattr(observed, name)[rows] for name in ("covariates", "treated", "present")}
    ends = {NAME: Endpoint(course.time[rows], course.event[rows], course.competing[rows])}
    made = Sample(replace(observed, **parts, endpoints=ends), PLAN, np.arange(1, dtype=np.int64))
    assert made.matching.n_pairs[0] == FROZEN["1"]["pairs"]
    return made


def estimates(rooms: Rooms) -> Gaps:
    """R's values and SE, crude, adjusted, matched by pairs and by patients, weighted with two kinds of SE."""
    private = Estimators(rooms.defect)
    alone, matched, weighted = (private[name] for name in Estimators.OWN)
    for measure in MEASURES:
        model = measure == "subdistribution_hr"
        crude = alone.FineGray() if model else alone.IncidenceDifference(measure=measure, horizon=AT)
        for what, estimator, se in (
            ("crude", crude, "se"),
            ("matched", matched.Matched(**of_measure(measure)), "se"),
            ("alone", matched.Matched(se="naive", **of_measure(measure)), "se"),
            ("weighted", weighted.Ipw(**of_measure(measure)), "se"),
            ("weighted", weighted.Ipw(se="naive", **of_measure(measure)), "naive"),
        ):
            said, found = FROZEN["1"][what][measure], estimator.estimate(one(), NAME)
            yield gap((found.value[0], found.se[0]), (said["value"], said[se]), 0.01)
    said, found = FROZEN["1"]["adjusted"], alone.FineGray(adjusted=True).estimate(one(), NAME)
    yield gap((found.value[0], found.se[0]), (said["value"], said["se"]), 0.01)
    pooled, by_arm = (alone.FineGray(censoring=how).estimate(one(), NAME).value for how in ("pooled", "by_arm"))
    yield unless(pooled != by_arm)


def counts(rooms: Rooms) -> Gaps:
    """By hand: of four patients two have the event without treatment, at 1 and 4, and one with it, at 2."""
    module = rooms["benchmarks.truth.tallies"]
    zero = Endpoint(np.array([[1.0, 12, 12, 4]]), np.array([[True, False, False, True]]))
    treated = Endpoint(np.array([[12.0, 2, 12, 12]]), np.array([[False, True, False, False]]))
    weight, group = np.ones((1, 4), np.int64), np.zeros((1, 4), np.int64)
    both = module.BothOutcomes((zero, treated), (weight, weight))
    for measure, right in (
        ("incidence_difference", 1 / 4 - 2 / 4),
        ("log_incidence_ratio", np.log(1 / 2)),
        ("rmtl_difference", 10 / 4 - (11 + 8) / 4),
    ):
        tally = module.TALLIES[measure]
        yield gap(tally.value(tally.count(both, group, np.empty(0)).sum(axis=0), np.empty(0)), right)
    rival = Endpoint(np.array([[3.0, 2.0]]), np.array([[False, True]]), np.array([[True, False]]))
    ends = np.array([[9.0, 8.0]])
    stays, other = module.staying((rival, zero), (ends, np.full((1, 4), 20.0)))
    yield gap(stays.time, [[9.0, 2.0]])
    yield unless(stays.event == rival.event)
    yield gap(other.time, zero.time)


DEFECTS = [
    *defects(
        "analysis.estimators.competing",
        estimates,
        ("incidence_of_arms", "weights left out", "weight=weight", "weight=None"),
        ("incidence_of_arms", "pairs count as unrelated", "cluster=cluster", "cluster=None"),
        ("fine_gray_on_treatment", "a model without weights", "weight=weight", "weight=None"),
        ("fine_gray_on_treatment", "a model of unrelated pairs", "cluster=cluster", "cluster=None"),
        ("fine_gray_on_treatment", "covariates left out", "if given is None", "if True"),
        ("fine_gray_on_treatment", "the SE of the model", "if robust and", "if not robust and"),
        ("censoring_groups", "one group of censoring", 'censoring == "by_arm"', 'censoring == "no"'),
        ("weighted_incidence", "weights squared", "weight * made.gradient**2", "(weight * made.gradient) ** 2"),
        (
            "",
            "an incidence for its logarithm",
            '"incidence_ratio": "log_incidence_ratio"',
            '"incidence_ratio": "incidence_difference"',
        ),
        ("", "an incidence for the area", '"rmtl": "rmtl_difference"', '"rmtl": "incidence_difference"'),
    ),
    *defects(
        "analysis.estimators.matched",
        estimates,
        ("Matched._curves", "pairs count as unrelated", 'pairs.pair if self.se == "pair" else None', "None"),
    ),
    *defects(
        "analysis.estimators.weighted",
        estimates,
        ("WeightedEstimator._curves", "always the naive SE", 'naive if self.se == "naive" else', "naive if True else"),
    ),
    *defects(
        "benchmarks.truth.tallies",
        counts,
        ("_happened", "untreated less treated", "outcomes.arms[::-1]", "outcomes.arms"),
        ("_lost", "time lost of untreated less treated", "outcomes.arms[::-1]", "outcomes.arms"),
        ("_odds", "an odds ratio", 'kind in ("log_risk_ratio", "log_incidence_ratio")', 'kind in ("log_risk_ratio",)'),
        ("staying", "who has a competing event leaves", "np.where(course.competing, end, course.time)", "course.time"),
        ("staying", "all stay to the end", "np.where(course.competing, end, course.time)", "end"),
    ),
]  # fmt: skip

test_the_plain_modules_agree_with_r_and_by_hand, test_a_planted_defect_is_noticed = noticed_by(DEFECTS)
