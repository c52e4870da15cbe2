"""The known-answer studies, and how many replicates each takes in the quick and in the full set."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.validation import exact_answers, nulls, simulated
from benchmarks.validation.check import Check, Verdict, judged


@dataclass(frozen=True)
class Known:
    """A known-answer study: where the answer is published, and replicates of the quick and the full set."""

    name: str
    source: str
    checks: Callable[[int, int], list[Check]]
    quick: int
    full: int


def _exact(answers: Callable[[], list[Check]]) -> Callable[[int, int], list[Check]]:
    return lambda replicates, jobs: answers()  # noqa: ARG005


def _levels(name: str, world: str, quick: int, full: int, source: str = "the level of a test") -> Known:
    return Known(name, source, nulls.levels(name, world), quick, full)


def _calipers(name: str, quick: int, full: int) -> Known:
    return Known(name, "Rosenbaum & Rubin 1985; Austin 2011", nulls.calipers(name), quick, full)


STUDIES = (
    Known("hand-worked Cox data", "Therneau & Grambsch 2000, appendix E.1", _exact(exact_answers.hand_worked), 1, 1),
    Known("agreement with R", "R 4.2.2, survival 3.5-3", _exact(exact_answers.by_r), 1, 1),
    Known("hand-worked matching", "the definition", _exact(exact_answers.matching_by_hand), 1, 1),
    Known("marginal hazard ratio", "quadrature", _exact(exact_answers.marginal_by_quadrature), 1, 1),
    Known("illness-death process", "Meller, Beyersmann & Rufibach 2019", simulated.illness_death, 50, 500),
    Known("randomised trial of 434", "a published group-sequential design", simulated.randomised, 2000, 20_000),
    Known("relative hazards", "Gasparini 2018, rsimsum, data set relhaz", simulated.relative_hazard, 1000, 10_000),
    Known("inverse weighting", "a published comparison of SEs", simulated.inverse_weighting, 1000, 10_000),
    _levels("null hypothesis, randomised", "null-randomised", 1000, 10_000),
    _levels("null hypothesis, competing events", "null-competing", 1000, 10_000),
    _levels("null hypothesis, cautious tests", "null-cautious", 5000, 20_000),
    _levels("null hypothesis, confounded", "null-confounded", 1000, 10_000),
    _levels("null hypothesis, bootstrap", "null-bootstrap", 100, 2000),
    _levels(
        "null hypothesis, strong prognosis",
        "strong-prognosis",
        1000,
        10_000,
        "Austin & Small 2014; Lunceford & Davidian 2004",
    ),
    _calipers("matching where overlap is poor", 300, 3000),
)


def validate(full: bool, jobs: int, done: Callable[[int, int], None]) -> list[Verdict]:
    """Every check of every study with its verdict."""
    checks: list[Check] = []
    for number, one in enumerate(STUDIES, 1):
        checks += one.checks(one.full if full else one.quick, jobs)
        done(number, len(STUDIES))
    return judged(checks)
