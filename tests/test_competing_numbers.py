"""Every number on competing events in `analyze`, before and after any adjustment, from the slow twin.

Weights are made by hand from the file and, after matching, from the pairs that are told; what is left out, told of
others, or off by a tenth, is noticed.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2, norm

from analysis.kernels.status import Status
from analysis.paper.cohort_analysis import CohortAnalysis
from analysis.paper.competing import compare_competing
from analysis.paper.effects import AnalysisSet
from benchmarks.words.answer import Answer
from simulator.numerics.arrays import Bools, Floats, Ints
from tests.reference import competing as slow
from tests.reference import cox as slow_cox
from tests.test_competing_analysis import SPEC, answered

Z = float(norm.ppf(0.975))
AT = (8.0, 12.0, 20.0)
PLAN = "analysis: {matching: {ratio: 1}}"
PLANS = {
    "1:1": PLAN,
    "1:2": "analysis: {matching: {ratio: 2, caliper: 1}}",
    "replacement": "analysis: {matching: {replacement: true}}",
    "att": "analysis: {primary: weighting}",
    "ate": "analysis: {primary: weighting, weighting: {target: ate}}",
}
Numbers = dict[str, Any]


@dataclass(frozen=True)
class Set:
    """Whom one comparison is of: all ``(N,)``, weight 1 and each a cluster unless told otherwise.

    ``plain``: Gray's test and the cause-specific models know neither weights nor clusters.
    """

    time: Floats
    kind: Ints
    treated: Bools
    low: Bools
    weight: Floats
    cluster: Ints
    plain: bool

    def of(self, who: Bools) -> "Set":
        """Some of them."""
        parts = (self.time, self.kind, self.treated, self.low, self.weight, self.cluster)
        return Set(*(part[who] for part in parts), self.plain)


def estimated(value: float, se: float, low: float, high: float) -> Numbers:
    return {"value": value, "se": se, "low": low, "high": high, "status": "OK"}


def ratio(beta: float, se: float) -> Numbers:
    hr, low, high = np.exp([beta, beta - Z * se, beta + Z * se])
    p = 2 * norm.sf(abs(beta / se))
    return {"log_hr": beta, "se": se, "hr": hr, "low": low, "high": high, "p": p, "status": "OK", "sign": None}


def counted(one: Set, kind: int) -> Numbers:
    return {name: int((arm & (one.kind == kind)).sum()) for name, arm in by_arm(one)}


def by_arm(one: Set) -> tuple[tuple[str, Bools], tuple[str, Bools]]:
    return ("treated", one.treated), ("control", ~one.treated)


def incidence(one: Set, at: float) -> Numbers:
    """What is said of one time."""
    made: Numbers = {"at": at, "event": {}, "competing": {}}
    for name, kind in (("event", one.kind), ("competing", np.where(one.kind > 0, 3 - one.kind, 0))):
        for label, arm in by_arm(one):
            part, own = one.of(arm), kind[arm]

            def share(w: Floats, part: Set = part, own: Ints = own) -> float:
                return slow.incidence(part.time, own, w, at)

            value, se = share(part.weight), slow.jackknife(share, part.weight, part.cluster)
            made[name][label] = estimated(value, se, *slow.log_limits(value, se, Z))
    p, q = (lambda w, arm=arm: slow.incidence(one.time[arm], one.kind[arm], w[arm], at) for _, arm in by_arm(one))
    made["difference"] = contrast(one, lambda w: p(w) - q(w))
    log = contrast(one, lambda w: np.log(p(w) / q(w)))
    made["ratio"] = log | {name: np.exp(log[name]) for name in ("value", "low", "high")}
    return made


def contrast(one: Set, function: Callable[[Floats], float]) -> Numbers:
    """A contrast of the arms with Wald's limits; the clusters may have patients of both."""
    value, se = function(one.weight), slow.jackknife(function, one.weight, one.cluster)
    return estimated(value, se, value - Z * se, value + Z * se)


def lost(one: Set, tau: float) -> Numbers:
    """The mean times lost and their difference."""
    areas = [
        lambda w, arm=arm: slow.time_lost(one.time[arm], one.kind[arm], w[arm], tau) for _, arm in by_arm(one)
    ]  # fmt: skip
    arms = [contrast(one, area) for area in areas]
    for arm in arms:
        arm["low"] = max(arm["low"], 0.0)
    return {
        "time_lost": dict(zip(("treated", "control"), arms, strict=True)),
        "time_lost_difference": contrast(one, lambda w: areas[0](w) - areas[1](w)),
    }


def gray(one: Set) -> Numbers:
    """Gray's test."""

    def score(w: Floats) -> float:
        return slow.gray_score(one.time, one.kind, one.treated, w)

    plain = one.plain
    variance = slow.gray_variance(one.time, one.kind, one.treated) if plain else 0.0
    square = score(one.weight) ** 2 / (variance or slow.jackknife(score, one.weight, one.cluster) ** 2)
    return {
        "test": "gray" if plain else "robust gray",
        "chi2": square,
        "df": 1,
        "p": chi2.sf(square, 1),
        "status": "OK",
    }


def cox(one: Set, kind: int) -> Numbers:
    """The Cox model in which the other event censors."""
    data = slow_cox.data(
        one.time, one.kind == kind, one.treated[:, None].astype(float), weight=one.weight, cluster=one.cluster
    )
    fit = slow_cox.fit(data)
    variance = fit.covariance if one.plain else slow_cox.robust_covariance(data, fit)
    return ratio(float(fit.beta[0]), float(np.sqrt(variance[0, 0])))


def fine_gray(one: Set, x: Floats) -> slow.Subdistribution:
    nobody = np.zeros(len(one.time), int)
    return slow.fine_gray(one.time, one.kind, x.astype(float), one.weight, one.cluster, nobody, nobody)


def subdistribution(one: Set) -> Numbers:
    fit = fine_gray(one, one.treated[:, None])
    return ratio(float(fit.beta[0]), float(np.sqrt(fit.robust[0, 0])))


def subgroup(one: Set, said: tuple[str | None, str, str], interaction: tuple[float | None, int]) -> Numbers:
    names = ("variable", "level", "label", "n", "events", "competing_events", "p_gray", "interaction_p")
    counts = (len(one.time), counted(one, 1), counted(one, 2), gray(one)["p"])
    facts = dict(zip(names, (*said, *counts, interaction[0]), strict=True))
    return subdistribution(one) | facts | {"interaction_df": interaction[1]}


def compared(one: Set) -> Numbers:
    """All that is said of one set."""
    fit = fine_gray(one, np.column_stack([one.treated, ~one.low, one.treated & ~one.low]))
    p = 2 * norm.sf(abs(fit.beta[2]) / np.sqrt(fit.robust[2, 2]))
    return {
        "events": counted(one, 1),
        "competing_events": counted(one, 2),
        "at": [incidence(one, at) for at in AT],
        "gray": gray(one),
        "cause_specific": cox(one, 1),
        "competing_specific": cox(one, 2),
        "subdistribution": subdistribution(one),
        **lost(one, AT[-1]),
        "subgroups": [
            subgroup(one, (None, "all", "All patients"), (None, 0)),
            subgroup(one.of(one.low), ("hgb", "<=12", "hgb (\u2264 12)"), (p, 1)),
            subgroup(one.of(~one.low), ("hgb", ">12", "hgb (> 12)"), (p, 1)),
        ],
    }


def flat(said: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Each number and word with its place."""
    if isinstance(said, dict | list | tuple):
        for key, one in said.items() if isinstance(said, dict) else enumerate(said):
            yield from flat(one, f"{place}.{key}" if place else str(key))
    elif isinstance(said, Status):
        yield place, said.name
    else:
        yield place, None if isinstance(said, float) and np.isnan(said) else said


def differing(said: Any, right: Numbers, tolerance: float = 1e-9) -> set[str]:
    """The places at which two comparisons differ."""
    found, wanted = dict(flat(said)), dict(flat(right))
    return {place for place in {*found, *wanted} if not same(found.get(place, "-"), wanted.get(place, "-"), tolerance)}


def same(one: Any, other: Any, tolerance: float) -> bool:
    if isinstance(one, float) and isinstance(other, float | int):
        return bool(np.isclose(one, other, rtol=tolerance, atol=1e-13))
    return bool(one == other)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """84 patients with tied times, of whom the treated are older and whose effect differs by hgb."""
    rng = np.random.default_rng(20261130)
    n = 84
    hgb, age = rng.normal(12, 1.5, n).round(1), rng.normal(70, 8, n).round()
    man = rng.random(n) < 1 / (1 + np.exp(-0.12 * (age - 70) - 0.5 * (hgb - 12)))
    time = np.ceil(rng.exponential(16 * np.exp(0.3 * man * (hgb > 12)), n)).clip(1, 30)
    status = rng.choice(["pcm", "dead", "alive"], n, p=[0.45, 0.35, 0.2])
    rows = zip(range(n), age, np.where(man, "M", "F"), hgb, time, status, strict=True)
    lines = ["id,age,sex,hgb,etime,status", *(",".join(map(str, row)) for row in rows)]
    path = tmp_path_factory.mktemp("cohort") / "cohort.csv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


@dataclass(frozen=True)
class Told:
    """What the analysis of a plan tells, and what is right before and after adjustment."""

    name: str
    answer: Answer
    sets: tuple[Set, Set]
    right: tuple[Numbers, Numbers]

    @property
    def document(self) -> Numbers:
        """The JSON."""
        return json.loads(json.dumps(self.answer.data))  # type: ignore[no-any-return]


@pytest.fixture(scope="module", params=PLANS)
def analysed(request: pytest.FixtureRequest, cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """A plan, its answer and what is right."""
    assert PLAN in SPEC
    spec = SPEC.replace(PLAN, PLANS[request.param]).replace("[60, 120, 240]", str(list(AT)))
    answer = answered(tmp_path_factory.mktemp("spec"), spec, cohort)
    both = sets(request.param, cohort, answer.data)
    return Told(request.param, answer, both, (compared(both[0]), compared(both[1])))


def sets(name: str, path: Path, document: Any) -> tuple[Set, Set]:
    """The patients of the file before adjustment and after it, with the weights and clusters of the plan."""
    rows = np.loadtxt(path, str, delimiter=",", skiprows=1)
    kind = np.array([{"pcm": 1, "dead": 2, "alive": 0}[status] for status in rows[:, 5]])
    treated, weight, cluster = rows[:, 2] == "M", np.ones(len(rows)), np.arange(len(rows))
    before = Set(rows[:, 4].astype(float), kind, treated, rows[:, 3].astype(float) <= 12, weight, cluster, True)
    if name in ("att", "ate"):
        odds = np.exp(log_odds(np.column_stack([rows[:, 1], rows[:, 3]]).astype(float), treated))
        weight = np.where(treated, 1.0, odds) if name == "att" else np.where(treated, 1 + 1 / odds, 1 + odds)
        return before, replace(before, weight=weight, plain=False)
    weight, cluster = np.zeros(len(rows)), cluster.copy()
    for mine, *theirs in document["matching"]["pairs"]:
        places = [int(one) for one in (mine, *theirs)]
        assert treated[places].tolist() == [True] + [False] * len(theirs)
        weight[places] += [1.0, *(1 / len(theirs) for _ in theirs)]
        if name != "replacement":
            cluster[places] = len(rows) + places[0]
    controls = (weight > 0) & ~treated
    weight[controls] *= controls.sum() / weight[controls].sum()  # as in MatchIt, they sum to their number
    return before, replace(before, weight=weight, cluster=cluster, plain=name == "1:1").of(weight > 0)


def log_odds(x: Floats, treated: Bools) -> Floats:
    """The linear predictor of a logistic model of treatment, by Newton's steps."""
    x = np.column_stack([np.ones(len(x)), x - x.mean(axis=0)])
    beta = np.zeros(x.shape[1])
    for _ in range(30):
        e = 1 / (1 + np.exp(-x @ beta))
        beta += np.linalg.solve(x.T * (e * (1 - e)) @ x, x.T @ (treated - e))
    return np.asarray(x @ beta)


def test_every_number_is_the_slow_twins(analysed: Told) -> None:
    document = analysed.document["endpoints"]["pcm"]["competing"]
    table = next(table for table in analysed.answer.tables if table.title.startswith("Cancer: mean time lost"))
    for row, when, one, right in zip(table.rows, ("before", "after"), analysed.sets, analysed.right, strict=True):
        assert min(len(one.of(arm).time) for _, arm in by_arm(one)) > 15
        assert len(list(flat(right))) > 180
        assert differing(document[when], right) == set(), (analysed.name, when)
        apart = right["time_lost_difference"]
        assert row[3] == f"{apart['value']:.2f} ({apart['low']:.2f}, {apart['high']:.2f})"
    after = analysed.sets[1]
    assert (np.ptp(after.weight[~after.treated]) > 0) == (analysed.name != "1:1")


def test_a_number_that_is_off_by_a_tenth_is_noticed(analysed: Told) -> None:
    document = analysed.document["endpoints"]["pcm"]["competing"]
    for when, right in zip(("before", "after"), analysed.right, strict=True):
        numbers = {place: one for place, one in flat(document[when]) if isinstance(one, int | float)}
        assert len(numbers) > 140
        wanted = dict(flat(right))
        for place, one in numbers.items():
            if place.rpartition(".")[2] in ("at", "df", "interaction_df"):
                continue  # those of the question
            wrong = one + (1 if isinstance(one, int) else max(abs(one) / 10, 1e-3 if one == 0 else 0.0))
            assert not same(wrong, wanted[place], 1e-9), place


def stems(places: set[str]) -> set[str]:
    """The numbers without their places in lists."""
    return {".".join(step for step in place.split(".") if not step.isdigit()) for place in places}


def test_a_weight_a_cluster_or_an_arm_left_out_is_noticed(analysed: Told) -> None:
    """Of each fault is said which numbers must change; nothing that no weight or cluster enters does."""
    name, analysis = analysed.name, analysed.answer.found
    course, observed, after = analysis.observed.endpoints["pcm"], analysis.observed, analysis.after
    right = asdict(analysis.endpoints["pcm"].competing.after)
    cluster = after.clusters if name != "1:1" else clusters_of(analysis)
    weight = np.ones(len(after.present)) if after.weight is None else after.weight

    def wrong(present: Bools, weight: Floats | None, cluster: Ints | None) -> set[str]:
        plain = AnalysisSet(present) if name == "1:1" else AnalysisSet(present, weight, cluster)
        robust = AnalysisSet(present, None if name == "1:1" else weight, cluster)
        found = compare_competing(course, AT, observed, plain, robust, analysis.plan)
        return stems(differing(asdict(found), right, 1e-6))

    assert wrong(after.present, weight, cluster) == set()
    estimates = {"subdistribution.log_hr", "subgroups.log_hr", "time_lost.treated.value", "time_lost.control.value"}
    estimates |= {f"at.{what}.{arm}.value" for what in ("event", "competing") for arm in ("treated", "control")}
    estimates |= {"at.difference.value", "at.ratio.value", "time_lost_difference.value"}
    models = {"cause_specific.log_hr", "competing_specific.log_hr", "gray.chi2", "gray.p", "subgroups.p_gray"}
    errors = {place.replace("value", "se").replace("log_hr", "se") for place in estimates}
    limits = {place.replace(".se", end) for place in errors for end in (".low", ".high")}
    limits |= {"subdistribution.p", "subgroups.p", "subgroups.interaction_p"}
    if name != "1:1":
        fewer = wrong(after.present, np.sqrt(weight), cluster)
        arms = {place for place in estimates if "treated" in place and name != "ate"}
        assert (estimates | models) - arms <= fewer
    if name in ("1:1", "1:2"):
        apart = wrong(after.present, weight, np.arange(len(weight)))
        both = {place for place in errors | limits if "treated" not in place and "control" not in place}
        assert both <= apart
        assert not apart & estimates
        assert (name == "1:1") == (not apart & models)
    gone = after.present & (np.cumsum(after.present & observed.treated[0] & course.event[0]) != 1)
    fewer = wrong(gone, weight, cluster)
    assert {place for place in estimates | errors | limits if "control" not in place} <= fewer
    swapped = replace(observed, treated=~observed.treated)
    plain = AnalysisSet(after.present, after.weight, after.cluster)
    said = compare_competing(course, AT, swapped, plain, plain, analysis.plan)
    assert said.subdistribution.log_hr == pytest.approx(-right["subdistribution"]["log_hr"], rel=1e-8)


def clusters_of(analysis: CohortAnalysis) -> Ints:
    """The pairs of a set without weights."""
    made = np.arange(len(analysis.after.present)) + len(analysis.after.present)
    for k, pair in enumerate(analysis.matching.places):
        made[list(pair)] = k
    return made
