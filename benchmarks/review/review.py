"""The review of a paper: all that is found for it, in the order in which it is told."""

from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from benchmarks.asked.errors import RunError
from benchmarks.asked.load_study import Asked
from benchmarks.asked.published_keys import compared, no_ratio
from benchmarks.questions.compatible_paper import published_summary
from benchmarks.review import analyses, biases, effects, grounds
from benchmarks.review.analyses import Analyses
from benchmarks.review.biases import Biases
from benchmarks.review.claim import Claim, claim_of
from benchmarks.review.effects import PlausibleEffects
from benchmarks.review.grounds import Grounds
from benchmarks.review.suspicions import suspicions
from benchmarks.review.verdict import Judged, judged
from simulator.cohort.estimand import COUPLED


@dataclass(frozen=True)
class Review:
    """What was found of a paper; ``scale`` is the time in which half of the untreated have the event."""

    claim: Claim
    scale: float
    biases: Biases
    effects: PlausibleEffects
    analyses: Analyses
    grounds: Grounds
    judged: Judged


def find(asked: Asked, endpoint: str, doubts: dict[str, tuple[str, ...]], jobs: int, out: Path) -> Review:
    """The review; RunError where the paper has no published ratio with its interval for the endpoint."""
    scenario = asked.scenario
    if endpoint not in scenario.endpoints:
        raise RunError(f"--endpoint {endpoint}: a review is about {' or '.join(scenario.endpoints)}")
    if scenario.endpoints[endpoint].rivals:
        raise RunError(f"--endpoint {endpoint}: has competing states, of which a review cannot be made yet")
    if scenario.target.population in COUPLED:
        raise RunError(
            f"target.population {scenario.target.population}: a review speaks of patients at time zero; write treated, "
            "untreated, overlap or all"
        )
    claim = claim_of(scenario, endpoint)
    if not (isfinite(claim.value) and all(map(isfinite, claim.limits))):
        raise RunError(no_ratio(scenario, endpoint, "published:"))
    if claim.value == 1:
        raise RunError(f"{scenario.name}: the published HR of {endpoint} is 1, of which no bias is suspected")
    seen = published_summary(scenario, endpoint, {"hr": None, "low": None, "high": None})
    scale = effects.scale_of(scenario, endpoint)
    several = suspicions(scenario, -1.0 if claim.value < 1 else 1.0, scale)
    made = biases.find(asked, endpoint, several, (claim.value, claim.bound), jobs, out / "bias")
    plausible = effects.find(asked, endpoint, several, seen, scale, jobs, out)
    compared_analyses = analyses.find(asked, endpoint, claim.value, jobs, out)
    rests = grounds.find(asked, jobs, doubts, bool(compared(scenario)))
    return Review(claim, scale, made, plausible, compared_analyses, rests, judged(made, rests.doubt))
