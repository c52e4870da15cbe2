"""Competing events as tables of text: cumulative incidences at times, and the tests and models that go with them."""

from collections.abc import Iterator
from math import isfinite

from analysis.kernels.status import Status
from analysis.paper.cohort_analysis import BothComparisons, CohortAnalysis
from analysis.paper.competing import CompetingComparison, Estimated
from analysis.paper.number_text import ABSENT, decimals, hr_text, p_text
from analysis.paper.sides import Side, side_name, side_words, sides_shown
from analysis.tables.paper_tables import score_notes, weighting_notes
from analysis.tables.text_table import TextTable


def competing_tables(analysis: CohortAnalysis) -> tuple[TextTable, ...]:
    """The four tables of every endpoint with which other events compete."""
    found = [(one.label, one.competing) for one in analysis.endpoints.values() if one.competing is not None]
    made = (incidence_table, model_table, lost_table, subgroup_rows)
    return tuple(one(analysis, label, both) for label, both in found for one in made)


def _sides(analysis: CohortAnalysis, both: BothComparisons) -> Iterator[tuple[Side, CompetingComparison]]:
    """The sides that are shown."""
    for when in sides_shown(analysis.plan):
        yield when, both.before if when == "before" else both.after


def _errors(analysis: CohortAnalysis) -> str:
    """What the standard errors of incidences and of mean times are."""
    within = f", {side_words(analysis.plan, 'after')} within matched sets" if analysis.matching else ""
    return f"Standard errors by the infinitesimal jackknife{within}."


def incidence_table(analysis: CohortAnalysis, label: str, both: BothComparisons) -> TextTable:
    """Cumulative incidences of the event and of competing events at times, in percent."""
    arms = (analysis.arms.control, analysis.arms.treated)
    header = ("Set", "Time", *arms, "Difference, points", "Ratio", *(f"{arm}: competing" for arm in arms))
    rows = []
    for when, side in _sides(analysis, both):
        for one in side.at:
            cells = (percent(one.event.control), percent(one.event.treated))
            others = (percent(one.competing.control), percent(one.competing.treated))
            rows.append(
                (
                    side_name(analysis.plan, when),
                    f"{one.at:g}",
                    *cells,
                    percent(one.difference),
                    ratio(one.ratio),
                    *others,
                )
            )
    level = f"{100 * analysis.plan.survival.level:g} %"
    notes = (
        f"Aalen-Johansen estimates with {level} intervals ({analysis.plan.survival.conf_type} scale), in percent; "
        f"{arms[1]} against {arms[0]}. {_errors(analysis)}",
        *weighting_notes(analysis),
    )
    return TextTable(f"{label}: cumulative incidence", header, tuple(rows), notes, words=2)


def model_table(analysis: CohortAnalysis, label: str, both: BothComparisons) -> TextTable:
    """Events, Gray's test and the hazard ratios."""
    arms = (analysis.arms.control, analysis.arms.treated)
    ratios = ("Cause-specific HR", "Subdistribution HR", "Competing: cause-specific HR")
    rows = []
    for when, side in _sides(analysis, both):
        counts = (
            f"{side.events.control} / {side.competing_events.control}",
            f"{side.events.treated} / {side.competing_events.treated}",
        )
        told = (hr_text(side.cause_specific), hr_text(side.subdistribution), hr_text(side.competing_specific))
        rows.append((side_name(analysis.plan, when), *counts, p_text(side.gray.p), *told))
    notes = (
        "Cause-specific: Cox's model, in which the other events censor. Subdistribution: Fine and Gray's model, robust "
        "SE. Kaplan-Meier curves, log-rank tests and hazard ratios elsewhere take competing events for censored. "
        f"Intervals at {100 * analysis.plan.survival.level:g} %.",
        *weighting_notes(analysis),
        *score_notes(analysis, "Gray p", "Gray's test"),
    )
    header = ("Set", *(f"{arm}: events / competing" for arm in arms), "Gray p", *ratios)
    return TextTable(f"{label}: tests and models with competing events", header, tuple(rows), notes)


def lost_table(analysis: CohortAnalysis, label: str, both: BothComparisons) -> TextTable:
    """Mean times lost to the event."""
    sides = _sides(analysis, both)
    lost = [(side_name(analysis.plan, when), side.time_lost, side.time_lost_difference) for when, side in sides]
    rows = tuple((when, *(number(x) for x in (arms.control, arms.treated, off))) for when, arms, off in lost)
    until = f"{both.before.at[-1].at:g}"
    notes = (
        f"The area under the cumulative incidence up to {until}, in the unit of the times, with "
        f"{100 * analysis.plan.survival.level:g} % intervals. {_errors(analysis)}",
        *weighting_notes(analysis),
    )
    header = ("Set", analysis.arms.control, analysis.arms.treated, "Difference")
    return TextTable(f"{label}: mean time lost by {until}", header, rows, notes)


def subgroup_rows(analysis: CohortAnalysis, label: str, both: BothComparisons) -> TextTable:
    """The subdistribution hazard ratios within subgroups of those compared after."""
    header = ("Subgroup", "n", "Events / competing", "Subdistribution HR", "Gray p", "p (interaction)")
    rows, made = [], both.after.subgroups
    for k, row in enumerate(made):
        counts = (row.events, row.competing_events)
        events, others = (one.treated + one.control for one in counts)
        first = row.variable is not None and (k == 0 or row.variable != made[k - 1].variable)
        told = p_text(row.interaction_p) if first else ""
        rows.append((row.label, str(row.n), f"{events} / {others}", hr_text(row), p_text(row.p_gray), told))
    notes = (
        "p (interaction): robust Wald test of Fine and Gray's model.",
        *weighting_notes(analysis),
        *score_notes(analysis, "Gray p", "Gray's test"),
    )
    title = f"{label}: subgroups {side_words(analysis.plan, 'after')}, with competing events"
    return TextTable(title, header, tuple(rows), notes)


def percent(share: Estimated) -> str:
    """'23.4 (20.1, 27.0)'; a dash where there is none."""
    return _with_limits([100 * one for one in (share.value, share.low, share.high)], 1)


def ratio(share: Estimated) -> str:
    """'0.84 (0.60, 1.18)'."""
    return _with_limits([share.value, share.low, share.high], 2)


def number(share: Estimated) -> str:
    """A mean time with about three digits."""
    return _with_limits([share.value, share.low, share.high], None if share.status == Status.OK else 2)


def _with_limits(values: list[float], digits: int | None) -> str:
    if not isfinite(values[0]):
        return ABSENT
    low, high = (decimals(one, digits) for one in values[1:])
    return f"{decimals(values[0], digits)} ({low}, {high})"


def _gray(side: CompetingComparison) -> str:
    return "Gray" if side.gray.test == "gray" else "robust Gray"


def competing_told(analysis: CohortAnalysis, unit: str) -> list[str]:
    """One sentence for each endpoint with competing events: what happened by the last time, and whether arms differ."""
    told = []
    for result in analysis.endpoints.values():
        if result.competing is None:
            continue
        for when, side in _sides(analysis, result.competing):
            last, until = side.at[-1], f"{side.at[-1].at:g} {'' if unit == 'time' else unit}".rstrip()
            if last.event.treated.status != Status.OK or last.event.control.status != Status.OK:
                continue
            told.append(
                f"{result.label}, {side_words(analysis.plan, when)}: by {until}, {percent(last.event.treated)} % of "
                f"{analysis.arms.treated} and {percent(last.event.control)} % of {analysis.arms.control} have had the "
                f"event, competing events taken into account ({_gray(side)} p {p_text(side.gray.p)}; subdistribution "
                f"HR {hr_text(side.subdistribution)}; cause-specific HR {hr_text(side.cause_specific)})."
            )
    return told
