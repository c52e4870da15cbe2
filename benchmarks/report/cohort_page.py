"""The page of one analysed cohort."""

from math import isfinite

from analysis.cohort_files.cohort_spec import CohortSpec
from analysis.figures import balance, cohort, forest, incidence, states, survival
from analysis.paper.cohort_analysis import CohortAnalysis, EndpointResult
from analysis.paper.effects import HazardRatio
from analysis.paper.number_text import hr_text
from analysis.paper.sides import UNUSED, has_sides, side_name, side_words, sides_shown
from analysis.tables.cohort_tables import (
    balance_table,
    contrast_table,
    how_adjusted,
    propensity_table,
    subgroup_table,
    survival_table,
    ties_table,
    warnings_of,
)
from analysis.tables.competing_tables import competing_tables, competing_told
from analysis.tables.paper_tables import paper_tables
from analysis.tables.text_table import table
from benchmarks.asked.asked_by import as_asked
from benchmarks.report.engine import (
    Beside,
    Fold,
    HowMade,
    Page,
    PageBlock,
    Picture,
    Section,
    html,
    picture,
    values_of,
)
from benchmarks.report.glossary import BALANCE, SCORES
from benchmarks.words.key_words import in_a_sentence
from benchmarks.words.plain_text import as_read_told, sets_told
from benchmarks.words.sizes import first_up

PAIR = 2
BOTH = (False, True)
"""Whether a figure is drawn for a telephone: first not, then so."""


def cohort_report(analysis: CohortAnalysis, spec: CohortSpec, file: str) -> str:
    """The HTML report of one analysed cohort; ``file`` is the name of its data."""
    size, arms = analysis.cohort, analysis.arms
    unit = spec.data.time_unit
    verdict = "\n".join([*(_ratios(one, analysis, unit) for one in analysis.endpoints.values()), *_warnings(analysis)])
    whom = (
        f"{size.n:,} patients of {file}: {size.treated:,} {arms.treated}, {size.control:,} {arms.control}; "
        f"{sets_told(analysis)}."
    )
    return html(
        Page(
            f"{spec.title}: how do {arms.treated} and {arms.control} differ?",
            verdict,
            HowMade("trialtwin analyze DATA --spec SPEC", command=as_asked()),
            (
                Section(
                    "How long until it happens?", "", (*_curves(analysis, unit), survival_table(analysis)), "survival",
                    "Survival",
                ),
                *_competing(analysis, unit),
                *_courses(analysis, unit),
                Section(
                    "Is it alike in all subgroups?", "",
                    tuple(_subgroups(analysis, name) for name in analysis.endpoints), "subgroups", "Subgroups",
                ),
                *([_outcomes(analysis)] if analysis.binary else []),
                Section("Who was analysed?", "", (_flow(analysis),), "patients", "Patients"),
                _comparability(analysis),
                Section("The tables as papers print them", "", paper_tables(analysis, spec.data), "tables", "Tables"),
                _plan(analysis, spec),
                _failures(analysis),
            ),
            kicker="Analysis of one cohort",
            cite=whom,
            terms=("hazard ratio (HR)", *SCORES[analysis.plan.primary], "SMD", "status"),
            references=BALANCE[analysis.plan.primary],
        )
    )  # fmt: skip


def _warnings(analysis: CohortAnalysis) -> list[str]:
    return [f"Warning: {one}" for one in warnings_of(analysis)]


def _ratios(result: EndpointResult, analysis: CohortAnalysis, unit: str) -> str:
    """What happens to patients first, then the hazard ratio, after and before."""
    plan, arms, after = analysis.plan, analysis.arms, result.after.cox
    medians = result.after.km.treated.median, result.after.km.control.median
    told = ""
    if result.competing is None and all(map(isfinite, medians)):
        often = "" if unit == "time" else f" {unit}"
        told = (
            f"half of the {arms.treated} patients go {medians[0]:.1f}{often} or longer, of the {arms.control} patients "
            f"{medians[1]:.1f}; "
        )
    start = f"{first_up(result.label)} {side_words(plan, 'after')}: {_favoured(after, analysis)}{told}".strip()
    if not has_sides(plan):
        return f"{start} the hazard ratio is {hr_text(after)}."
    ratio = f"the hazard ratio is {hr_text(after)}" if after.status.name == "OK" else f"none ({after.status.name})"
    return f"{start} {ratio}, {side_words(plan, 'before')} {hr_text(result.before.cox)}."


def _favoured(found: HazardRatio, analysis: CohortAnalysis) -> str:
    """Whom a ratio favours, as the answer begins; '' where there is none."""
    if not isfinite(found.hr):
        return ""
    if found.low < 1 < found.high:
        return "no clear difference; "
    return f"in favour of {analysis.arms.treated if found.hr < 1 else analysis.arms.control}; "


def _plan(analysis: CohortAnalysis, spec: CohortSpec) -> Section:
    """What the analysis was told to do: what the SPEC says, and the defaults that it leaves in place."""
    given, whole = (spec.analysis.model_dump(mode="json", exclude_unset=unset) for unset in (True, False))
    rows = [
        (
            f"{part}: {name}".replace("_", " "),
            "-" if value is None else str(value),
            "SPEC" if name in (given.get(part) or {}) else "default",
        )
        for part, choices in whole.items()
        if isinstance(choices, dict) and part not in UNUSED[spec.analysis.primary]
        for name, value in choices.items()
    ]
    shown = table("Plan of analysis", ("choice", "value", "from"), rows, 3)
    text = "The plan of analysis stands before the data; what the SPEC does not say has its default."
    body: tuple[PageBlock, ...] = (*as_read_told(analysis), Fold(f"{len(rows)} choices", (shown,)))
    return Section("What was assumed?", text, body, "assumed", "What was assumed")


def _flow(analysis: CohortAnalysis) -> Picture:
    kept = f"{side_words(analysis.plan, 'before')}, left out and kept, by arm"
    words = f"Patients {kept}" if has_sides(analysis.plan) else "Patients by arm"
    return picture(cohort.flow_of(analysis), f"{words}.", words, narrow=cohort.flow_of(analysis, narrow=True))


def _curves(analysis: CohortAnalysis, unit: str) -> tuple[PageBlock, ...]:
    """The curves of every endpoint, before and after side by side where there are both."""
    made: list[PageBlock] = []
    for name, result in analysis.endpoints.items():
        drawn = []
        for when in sides_shown(analysis.plan):
            figure = survival.kaplan_meier_of(analysis, name, when, unit)
            words = side_words(analysis.plan, when)
            what = "Incidences" if result.competing else "Kaplan-Meier curves"
            said = f"{what} of {result.label} by arm, {words}"
            drawn.append(picture(figure, f"{result.label}, {words}.", said, values=values_of(figure)))
        made += [Beside((drawn[0],), (drawn[1],), "pair")] if len(drawn) == PAIR else drawn
    return tuple(made)


def _competing(analysis: CohortAnalysis, unit: str) -> tuple[Section, ...]:
    """What happens where other events compete with an endpoint."""
    names = [name for name, result in analysis.endpoints.items() if result.competing is not None]
    if not names:
        return ()
    pictures = []
    for name in names:
        for when in sides_shown(analysis.plan):
            side = side_words(analysis.plan, when)
            words = f"{analysis.endpoints[name].label} and what competes with it, {side}"
            wide, small = (incidence.stacked_incidence_of(analysis, name, when, unit, narrow) for narrow in BOTH)
            pictures.append(picture(wide, f"{words}.", f"Cumulative incidences by arm, {side}", narrow=small))
    told = tuple(competing_told(analysis, unit))
    body: tuple[PageBlock, ...] = (*pictures, *competing_tables(analysis), *told)
    return (Section("What happens instead?", "", body, "competing", "Competing events"),)


def _courses(analysis: CohortAnalysis, unit: str) -> tuple[Section, ...]:
    """How many have had either of two endpoints, where the one ends with the other at the latest."""
    pair = states.nested(analysis)
    if pair is None:
        return ()
    first, last = (analysis.endpoints[name].label for name in pair)
    pictures = []
    for when in sides_shown(analysis.plan):
        words = f"Patients by {in_a_sentence(first)} and {in_a_sentence(last)}, {side_words(analysis.plan, when)}"
        wide, small = (
            states.states_of(analysis, when, first=pair[0], last=pair[1], time_unit=unit, narrow=narrow)
            for narrow in BOTH
        )
        pictures.append(picture(wide, f"{words}.", words, narrow=small))
    return (Section("What is the course of the disease?", "", tuple(pictures), "course", "Course"),)


def _subgroups(analysis: CohortAnalysis, name: str) -> Section:
    result = analysis.endpoints[name]
    if not result.after.subgroups:
        return Section(result.label, f"None {side_words(analysis.plan, 'after')}.")
    words = f"Hazard ratios of {in_a_sentence(result.label)} by subgroup, {side_words(analysis.plan, 'after')}"
    drawn = picture(
        forest.forest_of(analysis, name), f"{words}.", words, narrow=forest.forest_narrow_of(analysis, name)
    )
    return Section(result.label, "", (drawn, Fold("As a table", (subgroup_table(analysis, name),))))


def _outcomes(analysis: CohortAnalysis) -> Section:
    pictures = tuple(
        picture(
            cohort.butterfly_of(analysis, when),
            f"Yes/no outcomes, {side_words(analysis.plan, when)}.",
            f"Outcomes of both arms in percent, {side_words(analysis.plan, when)}",
            narrow=cohort.butterfly_of(analysis, when, narrow=True),
        )
        for when in sides_shown(analysis.plan)
    )
    body: tuple[PageBlock, ...] = (*pictures, Fold("As a table", (contrast_table(analysis),)))
    return Section("What else happened?", "", body, "outcomes", "Yes/no outcomes")


def _comparability(analysis: CohortAnalysis) -> Section:
    plan, sets = analysis.plan, analysis.matching
    words = side_words(plan, *sides_shown(plan))
    overlap, love = f"Propensity scores of both arms {words}", f"Standardised mean differences {words}"
    pictures = (
        picture(balance.overlap_of(analysis), f"{overlap}.", overlap, narrow=balance.overlap_of(analysis, narrow=True)),
        picture(balance.love_of(analysis), f"{love}.", love),
    )
    folded = (balance_table(analysis), propensity_table(analysis))
    shown = (ties_table(analysis),) if sets and sets.ties else ()
    return Section(
        f"How alike are the arms after {plan.primary}?" if has_sides(plan) else "How alike are the arms?",
        how_adjusted(analysis),
        (*shown, *pictures, Fold("As tables", folded)),
        "alike",
        "How alike the arms are",
    )


def _state(fit: HazardRatio) -> str:
    """A failed fit's status, and where its coefficient runs."""
    return fit.status.name + {"+": ", to plus infinity", "-": ", to minus infinity", None: ""}[fit.sign]


def _failures(analysis: CohortAnalysis) -> Section:
    """The fits that have no finite answer."""
    rows = []
    for result in analysis.endpoints.values():
        for when in sides_shown(analysis.plan):
            side = result.before if when == "before" else result.after
            fits = [("treatment alone", side.cox), *((f"univariable, {row.label}", row) for row in side.univariable)]
            fits += [(f"multivariable, {row.label}", row) for row in side.multivariable]
            fits += [(f"subgroup, {row.label}", row) for row in side.subgroups]
            which = side_name(analysis.plan, when)
            rows += [(result.label, which, what, _state(fit)) for what, fit in fits if fit.status.name != "OK"]
    heading = "Where was there no estimate?"
    if not rows:
        return Section(heading, "Nowhere: every model has a finite answer.", (), "failures", "Failures")
    text = "A fit that has no finite answer is shown as a status, never as a number."
    shown = table("Fits without an answer", ("endpoint", "set", "model", "status"), rows, 4)
    return Section(heading, text, (shown,), "failures", "Failures")
