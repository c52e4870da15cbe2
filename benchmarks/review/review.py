"""The review of a paper: all that is found for it, in the order in which it is told."""

from dataclasses import dataclass
from math import nan
from pathlib import Path

from benchmarks.asked.errors import RunError
from benchmarks.asked.load_study import Asked
from benchmarks.asked.primary import primary_estimator
from benchmarks.asked.published_keys import compared, ratio_places
from benchmarks.asked.scenario import Scenario
from benchmarks.performance.measures import Measure
from benchmarks.questions.ask import designed
from benchmarks.questions.compatible_paper import published_summary
from benchmarks.review import analyses, biases, effects, grounds
from benchmarks.review.analyses import Analyses
from benchmarks.review.biases import Biases
from benchmarks.review.claim import Claim, claim_of
from benchmarks.review.effects import PlausibleEffects
from benchmarks.review.grounds import Grounds
from benchmarks.review.suspicions import suspicions
from benchmarks.review.verdict import Judged, judged
from benchmarks.workers.arenas import give_back
from simulator.cohort.estimand import COUPLED


@dataclass(frozen=True)
class Review:
    """What was found of a paper; ``scale`` is that of `benchmarks.review.effects.scale_of`."""

    claim: Claim
    scale: float
    biases: Biases
    effects: PlausibleEffects
    analyses: Analyses
    grounds: Grounds
    judged: Judged


def find(asked: Asked, endpoint: str, doubts: dict[str, tuple[str, ...]], jobs: int, out: Path) -> Review:
    """The review; RunError where it would be of an endpoint that is none, or of patients known only later.

    Without a printed ratio there is no verdict and no plausible range; all else is found.
    """
    scenario = asked.scenario
    if endpoint not in scenario.endpoints:
        raise RunError(f"--endpoint {endpoint}: a review is about {' or '.join(scenario.endpoints)}")
    if scenario.target.population in COUPLED:
        raise RunError(
            f"target.population {scenario.target.population}: a review speaks of patients at time zero; write treated, "
            "untreated, overlap or all"
        )
    claim = claim_of(scenario, endpoint)
    if claim.value == 1:
        raise RunError(f"{scenario.name}: the published HR of {endpoint} is 1, of which no bias is suspected")
    printed = {"hr": claim.hr, "low": claim.low, "high": claim.high}
    seen = published_summary(scenario, endpoint, printed) if claim.known else None
    asked, analysis = with_analysis(asked, endpoint, claim.kind)
    scale, truth = effects.scale_of(scenario, endpoint), effects.own_truth(asked, endpoint, analysis, jobs, out)
    sign = -1.0 if (claim.value if claim.known else truth.hr) < 1 else 1.0
    several = suspicions(scenario, sign, scale)
    wanted = (claim.value, claim.bound) if claim.known else None
    made = biases.find(asked, endpoint, analysis, several, wanted, sign, jobs, out / "bias")
    plausible = effects.find(asked, endpoint, analysis, several, seen, truth, scale, jobs, out)
    give_back()  # emulating the likelihood leaves much behind
    compared_analyses = analyses.find(asked, endpoint, analysis, claim.value, jobs, out)
    place = claim.place or ratio_places(scenario, endpoint)[0]
    rests = grounds.find(asked, place, jobs, doubts, bool(compared(scenario)), out)
    unknown = Judged("no-ratio", "", (), Measure(nan, nan))
    verdict = judged(made, rests.doubt, made_alike(scenario, endpoint, claim.kind)) if claim.known else unknown
    return Review(claim, scale, made, plausible, compared_analyses, rests, verdict)


def made_alike(scenario: Scenario, endpoint: str, kind: str) -> bool:
    """Whether arms are made alike, by lot or by the analysis: that of a kind, or for '' the primary one."""
    primary = primary_estimator(scenario, endpoint)
    return scenario.by_lot or (kind or (primary.kind if primary else "matched")) != "crude"


def with_analysis(asked: Asked, endpoint: str, kind: str) -> tuple[Asked, str | None]:
    """The study with an analysis of a kind among its own, and its name; None for the primary one, of the kind ''."""
    if not kind:
        return asked, None
    own = [one for one in asked.scenario.estimators if one.kind == kind and endpoint in asked.scenario.applied(one)]
    if own:
        return asked, min(own, key=lambda one: one.name != kind).name
    taken = {one.name for one in asked.scenario.estimators}
    name = kind if kind not in taken else f"{kind}-printed"
    written = [analyses.entry_of(one) for one in asked.scenario.estimators]
    more = [*written, {"kind": kind, "name": name, "endpoints": [endpoint]}]
    return designed(asked, [{}], {"estimators": more}), name
