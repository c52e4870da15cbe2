"""Questions asked of a world, one function each: the answer has a sentence, tables, a figure and a page.

Each runs a design of its own, in parallel and in a folder (``out``; in runs/ unless given) in which the same call goes
on where it was stopped. ``endpoint`` is one of the world's, its first unless given, ``estimator`` the study's one that
stands for the published analysis, ``reps`` the replicates per cell.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from ._call import Values, Where, answer
from ._study import StudyLike, of_study

if TYPE_CHECKING:
    from benchmarks.words.answer import Answer


def tipping(
    study: StudyLike,
    *,
    endpoint: str | None = None,
    estimator: str | None = None,
    hr: float | None = None,
    bound: float | None = None,
    strongest: float = 10.0,
    nodes: int = 6,
    prevalence: float = 0.5,
    at: Sequence[tuple[float, float]] = (),
    reps: int = 200,
    seed: int | None = None,
    jobs: int | None = None,
    out: Where | None = None,
    trust: bool = False,
    set: Values | None = None,
) -> "Answer":
    """How strong must an unmeasured confounder be to make the published result: the true HR by its strengths.

    A binary confounder of that ``prevalence`` multiplies the odds of treatment by OR and every hazard by HR. ``hr`` and
    ``bound`` are the published HR and its limit nearer to no effect; ``at`` has pairs (OR, HR).

        tipping("paper", reps=50, at=[(2.5, 0.5)]).plot()
    """
    return answer("tipping", of_study(locals()))


def compatible(
    study: StudyLike,
    *,
    endpoint: str | None = None,
    estimator: str | None = None,
    hr: str | float | None = None,
    low: str | float | None = None,
    high: str | float | None = None,
    horizon: float | None = None,
    points: int = 64,
    calibrate: int = 0,
    reps: int = 100,
    seed: int | None = None,
    jobs: int | None = None,
    out: Where | None = None,
    trust: bool = False,
    set: Values | None = None,
) -> "Answer":
    """Which true effects are compatible with the published estimate, under the suspicions of bias that the study names.

    ``hr``, ``low`` and ``high`` as printed, as texts where a last decimal is 0 ("0.40"); ``horizon`` of the restricted
    mean survival time, in the world's unit of time (12 months); ``points`` of the design.

        compatible("compatible-effects", hr="0.36", low="0.28", high="0.46")
    """
    return answer("compatible", of_study(locals()))


def decompose(
    study: StudyLike,
    *,
    endpoint: str | None = None,
    estimator: str | None = None,
    mechanism: Sequence[str] = (),
    reps: int = 500,
    seed: int | None = None,
    jobs: int | None = None,
    out: Where | None = None,
    trust: bool = False,
    set: Values | None = None,
) -> "Answer":
    """Which imperfection makes how much of the bias: the published analysis walked to the truth, on the log HR.

    ``mechanism`` names those to take apart; all that are on unless given.

        decompose("selected-survivors", reps=100)
    """
    return answer("decompose", of_study(locals()))


def power(
    study: StudyLike,
    *,
    endpoint: str | None = None,
    estimator: str | Sequence[str] | None = None,
    target: float | None = None,
    width: float | None = None,
    alpha: float = 0.05,
    search: Literal["size", "follow-up"] = "size",
    least: float | None = None,
    most: float | None = None,
    reps: int = 1000,
    seed: int | None = None,
    jobs: int | None = None,
    out: Where | None = None,
    trust: bool = False,
    set: Values | None = None,
) -> "Answer":
    """How many patients, events or months of follow-up the stated analysis needs in this world.

    ``target`` is the power wanted, 0.8 unless given; or ``width`` the mean width of the interval of log HR; ``least``
    and ``most`` bound the search, in patients or months. Several estimators, or "all", have a curve and an answer each.

        power("paper", target=0.9, reps=200)
    """
    return answer("power", of_study(locals()))


def multiverse(
    study: StudyLike,
    *,
    endpoint: str | None = None,
    estimator: str | None = None,
    axis: Mapping[str, Sequence[Any]] | None = None,
    alpha: float = 0.05,
    replicate: int = 0,
    reps: int = 200,
    seed: int | None = None,
    jobs: int | None = None,
    out: Where | None = None,
    trust: bool = False,
    set: Values | None = None,
) -> "Answer":
    """How often some defensible analysis would reach the published claim: a curve over the analyst's choices.

    ``axis`` has the values of each choice by its path in the plan of analysis, in place of the usual ones;
    ``replicate`` is the number of the cohort that is drawn.

        multiverse("paper", axis={"matching.caliper": [0.1, 0.2]}, reps=50)
    """
    return answer("multiverse", of_study(locals()))


def claims(
    study: StudyLike,
    *,
    endpoint: str | None = None,
    alpha: float = 0.05,
    reps: int = 1000,
    seed: int | None = None,
    jobs: int | None = None,
    set: Values | None = None,
) -> "Answer":
    """How often the workflow makes the paper's claims, as the world says and when they are false.

    Independent risk factor after screening, benefit in nearly all subgroups, balance of the arms compared.

        claims("paper", reps=100).to_frame()
    """
    return answer("claims", of_study(locals()))
