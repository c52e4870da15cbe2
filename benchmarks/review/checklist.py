"""A reporting checklist filled as far as a paper's twin can: items of STROBE (2007) and TARGET (2025) on cohorts.

What the world says with a source counts as stated; what it assumes is not stated by the paper. What neither can answer
is said to be not known here: the reader of the paper must look.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from benchmarks.review.told import ReviewWords
from benchmarks.words.sizes import listed

State = Literal["stated", "part", "not", "here"]
ANSWERED: dict[State, str] = {"stated": "stated", "part": "in part", "not": "not stated", "here": "answered here"}


@dataclass(frozen=True)
class ChecklistItem:
    """An item, what the paper or the twin says to it, and whether the paper states it."""

    item: str
    answer: str
    state: State


def checklist(told: ReviewWords) -> tuple[ChecklistItem, ...]:
    """Every item that bears on a two-arm study of survival."""
    return tuple(
        ChecklistItem(*one)
        for part in (_design(told), _analysis(told), _results(told), _discussion(told))
        for one in part
    )


ChecklistRow = tuple[str, str, State]


def _sourced(told: ReviewWords, *paths: str) -> bool:
    return any(source.startswith(path) for source in told.sources for path in paths)


def _design(told: ReviewWords) -> Iterator[ChecklistRow]:
    world = told.scenario
    lot = world.by_lot
    accrual, entry = world.entry.accrual, world.entry
    known = _sourced(told, "entry.accrual")
    yield "Setting and dates", f"patients entered from {accrual.start} to {accrual.end}", "stated" if known else "not"
    given = world.outcomes.exposure
    limits = [f"at least {least:g} {given[one].unit} of {given[one].label}" for one, least in entry.requires.items()]
    limits += ["a least possible follow-up"] if entry.potential_follow_up_months else []
    yield (
        "Who could enter", listed(limits) if limits else "no limit that the twin knows of",
        "stated" if _sourced(told, "entry.requires", "entry.potential", "population") else "not",
    )  # fmt: skip
    future = bool(entry.requires or entry.guarantee_months or entry.complete_follow_up)
    yield (
        "Eligibility known at time zero",
        "what is asked of patients is known only later" if future else "nothing that lies in the future is asked",
        "part" if future else "here",
    )  # fmt: skip
    yield "Treatments compared", f"{told.treatment} against {told.control}", "stated"
    yield (
        "How treatment was assigned",
        "by lot" if lot else "by who chose it; the reasons are not known",
        "stated" if lot else "not",
    )
    start = world.treatment.start
    yield (
        "Time zero, and when treatment starts",
        "treatment starts after a wait" if start else "the twin lets treatment start at time zero",
        "part" if start else "not",
    )  # fmt: skip
    labels = [one.label or name for name, one in world.endpoints.items()]
    yield "Outcomes", listed(labels), "stated"
    names = [one.label or name for name, one in world.population.covariates.items()]
    yield "Covariates", listed(names), "stated"
    cut = world.followup.last_date or "not limited by a date"
    yield "End of follow-up", str(cut), "stated" if _sourced(told, "followup.cut_off") else "not"
    yield "What is estimated, and in whom", f"here: in {told.people}; the paper does not name it", "not"


def _analysis(told: ReviewWords) -> Iterator[ChecklistRow]:
    plan, world = told.scenario.analysis, told.scenario
    found = told.review.analyses
    label = next(one.label for one in found.found if one.name == found.primary)
    yield "Main analysis", label, "stated"
    unsaid = list(plan.not_stated)
    yield (
        "Choices within it",
        f"left open: {len(unsaid)}, varied in section 4" if unsaid
        else "not looked for; the usual ones are varied in section 4",
        "part",
    )  # fmt: skip
    if not world.by_lot:
        yield "Confounding", f"{len(world.population.covariates)} covariates; no unrecorded trait is dealt with", "part"
        yield "Unmeasured confounding", "section 2 says how strong it would have to be", "here"
    missing = world.may_be_missing()
    yield (
        "Missing data",
        f"{len(missing)} covariates have gaps" if missing else "none is stated",
        "stated" if missing else "not",
    )
    yield (
        "Loss to follow-up",
        "section 2 lets the sick leave",
        "stated" if _sourced(told, "followup.dropout") else "not",
    )
    yield "Sensitivity to the choice of analysis", "section 4", "here"


def _results(told: ReviewWords) -> Iterator[ChecklistRow]:
    claim = told.review.claim
    published = told.scenario.published
    yield "Number of patients", f"{told.scenario.population.size:,}", "stated"
    has_table = any(key.startswith("table1") for key in published)
    yield "Baseline by arm", "printed" if has_table else "no table of it was read", "stated" if has_table else "not"
    after = any(key.startswith("table1.after") for key in published)
    smd = any(key.endswith(".smd") for key in published)
    yield (
        "Balance after adjustment",
        "standardised differences are printed" if smd else "by p-values only" if after else "not printed",
        "stated" if smd else "part" if after else "not",
    )
    events = all(arm.events for arm in claim.arms)
    yield (
        "Events by arm",
        " and ".join(f"{arm.events} ({arm.label})" for arm in claim.arms) if events else "not for the main result",
        "stated" if events else "not",
    )
    followed = any(".follow_up" in key for key in published)
    yield (
        "Follow-up",
        "its length is printed" if followed else "its length was not read",
        "stated" if followed else "not",
    )
    if claim.known:
        yield "Main result with its interval", f"{claim.hr} ({claim.low} to {claim.high})", "stated"
    else:
        yield "Main result with its interval", "no hazard ratio with its interval is printed", "not"
    medians = all(arm.median for arm in claim.arms)
    yield (
        "Absolute terms",
        "medians are printed; section 3 adds shares and months" if medians else "section 3",
        "part" if medians else "here",
    )
    harms = told.scenario.outcomes.adverse_events is not None
    yield (
        "Harms",
        "adverse events by arm are printed" if harms else "no table of them was read",
        "stated" if harms else "not",
    )


def _discussion(told: ReviewWords) -> Iterator[ChecklistRow]:
    serious = told.serious
    yield "Consistency of the printed numbers", f"{serious} serious contradictions, section 1", "here"
    yield "How large biases could be", "section 2", "here"
    yield "Whom the result is about", f"{told.people}, at time zero", "here"
    yield "Data and code", "whether patients' data are shared is not known here", "not"
