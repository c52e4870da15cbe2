"""The analysis of a cohort as tables of text: the four of a paper, and what stands behind them."""

from math import isfinite, isinf

from analysis.cohort_files.cohort_spec import Data
from analysis.kernels.status import Status
from analysis.paper.cohort_analysis import CohortAnalysis, MatchedSets
from analysis.paper.effects import Median
from analysis.paper.number_text import ABSENT, decimals, hr_text, p_text
from analysis.paper.responses import ArmShare, BinaryResponse
from analysis.paper.sides import (
    done_words,
    has_sides,
    side_name,
    side_words,
    sides_shown,
    strata_words,
    weights_words,
)
from analysis.paper.subgroups import SubgroupRow
from analysis.paper.table1 import Table1Row
from analysis.tables.competing_tables import competing_tables
from analysis.tables.paper_tables import paper_tables, score_notes, weighting_notes
from analysis.tables.text_table import TextTable

__all__ = ["TextTable", "all_tables", "hr_text", "p_text"]


def all_tables(analysis: CohortAnalysis, data: Data | None = None) -> tuple[TextTable, ...]:
    """Every table of the analysis, the four of a paper first; ``data`` is what the SPEC says of the file."""
    tables = [balance_table(analysis), survival_table(analysis), *competing_tables(analysis)]
    tables += [subgroup_table(analysis, name) for name in analysis.endpoints]
    if analysis.binary:
        tables.append(contrast_table(analysis))
    ties = [ties_table(analysis)] if analysis.matching and analysis.matching.ties else []
    return (*paper_tables(analysis, data), *tables, propensity_table(analysis), *ties)


NOBODY = {
    Status.PS_SEPARATED: "the covariates tell treated and untreated patients apart completely, so that nobody of one "
    "arm is comparable with anybody of the other",
    Status.NO_INFO: "no covariate of the propensity model varies",
    Status.NO_PAIRS: "no untreated patient is within reach of a treated one",
    Status.NOT_CONVERGED: "the propensity model has not converged",
    Status.TOO_FEW: "an arm has no patient left",
}
"""Why nobody was matched, or weighted, or compared."""


def warnings_of(analysis: CohortAnalysis) -> tuple[str, ...]:
    """What a reader must hear before the numbers: who was set aside, why nobody is compared, what hangs on chance."""
    plan, status, why = analysis.plan, analysis.adjusted.status, analysis.propensity.set_aside.why
    told = [] if why is None else [why]
    if status != Status.OK:
        reason = NOBODY.get(status, status.name)
        if status == Status.TOO_FEW and plan.primary == "weighting" and plan.weighting.trim:
            reason += f" whose propensity score lies within {plan.weighting.trim[0]:g} to {plan.weighting.trim[1]:g}"
        missing = f" There are no numbers {side_words(plan, 'after')}." if has_sides(plan) else ""
        told.append(f"Nobody was {done_words(plan)}: {reason}.{missing}")
    ties = analysis.matching.ties if analysis.matching else None
    return (*told, *(ties.warnings if ties else ()))


def caliper_text(sets: MatchedSets) -> str:
    """The caliper as it was stated, and its width where that is another number."""
    if sets.caliper_spec is None:
        return "none"
    units = {"sd": " SD", "pooled_sd": " pooled SD"}
    width = f" = {sets.caliper:.4g}" if isfinite(sets.caliper) and sets.unit in units else ""
    return f"{sets.caliper_spec:g}{units.get(sets.unit, '')}{width}"


def _unless_ok(status: Status) -> str:
    """A status that must be told."""
    return "" if status == Status.OK else f" Status: {status.name}."


def how_adjusted(analysis: CohortAnalysis) -> str:
    """What made the arms comparable, in words."""
    if analysis.matching is not None:
        return how_matched(analysis, analysis.matching)
    if analysis.plan.primary == "weighting":
        return how_weighted(analysis)
    both = f"{analysis.adjusted.n_treated} treated and {analysis.adjusted.n_control} untreated patients"
    if analysis.plan.primary == "stratification":
        return f"{strata_words(analysis.plan.stratification)}: {both}.{_unless_ok(analysis.adjusted.status)}"
    how = "as they are" if analysis.plan.primary == "unadjusted" else "by the multivariable Cox model"
    return f"All patients are compared {how}: {both}.{_unless_ok(analysis.adjusted.status)}"


def how_weighted(analysis: CohortAnalysis) -> str:
    """The weighting in words, with the range of the weights and the effective sizes of the arms."""
    sizes, words = analysis.adjusted, weights_words(analysis.plan.weighting)
    told = (
        f"{words[0].upper()}{words[1:]}: {sizes.n_treated} treated and {sizes.n_control} untreated patients weighted. "
    )
    if sizes.weights is not None and sizes.status == Status.OK:
        arms = ((analysis.arms.treated, sizes.weights.treated), (analysis.arms.control, sizes.weights.control))
        told += "; ".join(
            f"{name}: weights {one.least:.3g} to {one.greatest:.3g}, effective n {one.effective_n:.1f}"
            for name, one in arms
        )
        told += ". "
    return f"{told.strip()}{_unless_ok(sizes.status)}"


def how_matched(analysis: CohortAnalysis, sets: MatchedSets) -> str:
    """The matching in words."""
    plan = analysis.plan.matching
    scale = "logit of the propensity score" if sets.scale == "logit" else "propensity score"
    near = "nearest neighbour" if plan.choice == "nearest" else "random choice"
    by = f"on the {scale}"
    if plan.choice == "random":
        by = f"within the caliper of the {scale}"
    elif plan.distance == "mahalanobis":
        by = f"by Mahalanobis distance of {', '.join(plan.covariates or analysis.propensity.candidates)}"
        by += "" if sets.caliper_spec is None else f" within the caliper of the {scale}"
    exact = f", exact on {', '.join(plan.exact)}" if plan.exact else ""
    how = f"Optimal matching {by}" if plan.method == "optimal" else f"Greedy {near} {by}, order {sets.order}"
    return (
        f"{how}{exact}, ratio 1:{sets.ratio}, {'with' if sets.replacement else 'without'} replacement, caliper "
        f"{caliper_text(sets)}: {sets.n_treated} treated and {sets.n_control} untreated patients matched."
        f"{_unless_ok(sets.status)}"
    )


def balance_table(analysis: CohortAnalysis) -> TextTable:
    """Standardised differences on both sides."""
    plan, both = analysis.plan, {"before": analysis.table1.before, "after": analysis.table1.after}
    shown = sides_shown(plan)
    rows = tuple((sides[0].label, *map(_smd, sides)) for sides in zip(*(both[when] for when in shown), strict=True))
    own = plan.table1.smd == "own" or not has_sides(plan)
    whose = "" if own else f" {side_words(plan, 'before')}"
    note = (
        f"Difference of means or shares, treated minus untreated, over the root of the mean of both variances{whose}."
    )
    return TextTable(
        "Standardised mean differences",
        ("Characteristics", *(side_name(plan, when) for when in shown)),
        rows,
        (note, *weighting_notes(analysis)),
    )


def _smd(row: Table1Row) -> str:
    """A difference; 'infinite' where the means differ and neither arm varies."""
    return "infinite" if row.smd_status == Status.NO_INFO else decimals(row.smd, 3)


def survival_table(analysis: CohortAnalysis) -> TextTable:
    """Medians, hazard ratio and log-rank p of every endpoint, on both sides."""
    arms = (analysis.arms.control, analysis.arms.treated)
    header = (
        "Endpoint",
        "Set",
        *(f"{arm}: events / n, median" for arm in arms),
        "HR",
        "Log-rank p",
        *([f"HR, SE by {_cluster(analysis.matching)}"] if analysis.matching else []),
        *(("HR in strata", "Log-rank p in strata") if analysis.plan.survival.strata else ()),
    )
    plan, rows = analysis.plan, []
    for result in analysis.endpoints.values():
        for when in sides_shown(plan):
            side = result.before if when == "before" else result.after
            robust = hr_text(side.cox_pair_robust) if side.cox_pair_robust else ABSENT
            last = (robust,) if analysis.matching else ()
            cells = (_median(side.km.control), _median(side.km.treated))
            if side.cox_stratified and side.logrank_stratified:
                last = (*last, hr_text(side.cox_stratified), p_text(side.logrank_stratified.p))
            told = (hr_text(side.cox), p_text(side.logrank.p), *last)
            rows.append((result.label, side_name(plan, when), *cells, *told))
    notes = (
        f"Intervals at {100 * analysis.plan.survival.level:g} %; HR: {arms[1]} against {arms[0]}; NR: not reached.",
        *([f"Strata: {' x '.join(plan.survival.strata)}."] if plan.survival.strata else []),
        f"Median follow-up (reverse Kaplan-Meier): {_follow_ups(analysis)}.",
        *weighting_notes(analysis),
        *score_notes(analysis, "Log-rank p", "the log-rank test"),
    )
    return TextTable(f"Survival {side_words(plan, *sides_shown(plan))}", header, tuple(rows), notes, words=2)


def _follow_ups(analysis: CohortAnalysis) -> str:
    texts = []
    for result in analysis.endpoints.values():
        arms = result.before.follow_up
        values = ((analysis.arms.control, arms.control), (analysis.arms.treated, arms.treated))
        texts.append(f"{result.label} " + ", ".join(f"{name} {_interval(m)}" for name, m in values))
    return "; ".join(texts)


def _cluster(sets: MatchedSets) -> str:
    """What a robust SE is clustered by."""
    if sets.replacement:
        return "patient"
    return "pair" if sets.ratio == 1 else "set"


def subgroup_table(analysis: CohortAnalysis, endpoint: str, when: str = "after") -> TextTable:
    """The forest plot of one endpoint as numbers."""
    result = analysis.endpoints[endpoint]
    header = ("Subgroup", "n", "Events", "HR", "p (log-rank)", "p (interaction)")
    made = (result.before if when == "before" else result.after).subgroups
    rows = tuple(
        _subgroup_cells(row, row.variable is not None and (k == 0 or row.variable != made[k - 1].variable))
        for k, row in enumerate(made)
    )
    notes: tuple[str, ...] = ()
    if when == "after" and analysis.after.weight is not None:
        wald = "p (interaction): robust Wald test of the weighted Cox model."
        notes = (*weighting_notes(analysis), *score_notes(analysis, "p (log-rank)", "the log-rank test"), wald)
    return TextTable(f"{result.label}: subgroups {side_words(analysis.plan, when)}", header, rows, notes)


def _subgroup_cells(row: SubgroupRow, first: bool) -> tuple[str, ...]:
    interaction = p_text(row.interaction_p) if first else ""
    return (row.label, str(row.n), str(row.events), hr_text(row), p_text(row.p_logrank), interaction)


def contrast_table(analysis: CohortAnalysis) -> TextTable:
    """Risk difference and odds ratio of every yes/no outcome, and McNemar's test after matching."""
    arms, plan = (analysis.arms.control, analysis.arms.treated), analysis.plan
    header = ("Outcome", "Set", *arms, "p", "Risk difference", "Odds ratio", "McNemar p")
    columns = len(header) if analysis.matching else len(header) - 1
    rows = []
    for result in analysis.binary.values():
        for when in sides_shown(plan):
            cells = _response_cells(result.before if when == "before" else result.after)
            rows.append((result.label, side_name(plan, when), *cells)[:columns])
    title = "Yes/no outcomes: differences of the arms"
    return TextTable(title, header[:columns], tuple(rows), weighting_notes(analysis), words=2)


def _response_cells(side: BinaryResponse) -> tuple[str, ...]:
    def share(arm: ArmShare) -> str:
        return f"{arm.yes} of {arm.n} ({decimals(arm.percent, 1)}%)"

    contrasts = []
    for made, digits in ((side.risk_difference, 3), (side.odds_ratio, 2)):
        low, high = decimals(made.low, digits), decimals(made.high, digits)
        contrasts.append(f"{decimals(made.value, digits)} ({low}, {high})" if isfinite(made.value) else ABSENT)
    mcnemar = p_text(side.mcnemar.p) if side.mcnemar else ABSENT
    return (share(side.control), share(side.treated), p_text(side.p), *contrasts, mcnemar)


def propensity_table(analysis: CohortAnalysis) -> TextTable:
    """The coefficients of the propensity model, and what became of its scores."""
    model, sets = analysis.propensity, analysis.matching
    limits = {"+": "plus infinity", "-": "minus infinity", None: "no finite value"}
    runs = {name: limits[sign] for name, sign in model.infinite.items()}
    rows = tuple(
        (name, f"{value:.4g}" if isfinite(value) else runs.get(name, ABSENT))
        for name, value in model.coefficients.items()
    )
    made = f"AIC {decimals(model.aic, 2)}; status {model.status.name}."
    if sets is not None:
        made += (
            f" Caliper on the {sets.scale} scale: {caliper_text(sets)}; {sets.n_pairs} matched sets of "
            f"{analysis.cohort.treated} treated; status {sets.status.name}."
        )
    elif not has_sides(analysis.plan):
        made += " The arms are compared without it."
    notes = (
        made,
        *([model.set_aside.why] if model.set_aside.why else []),
    )
    return TextTable("Propensity model", ("Term", "Log odds ratio"), rows, notes)


def ties_table(analysis: CohortAnalysis) -> TextTable:
    """How far the matched hazard ratios move over other choices among equals; only where there are matched sets."""
    sets = analysis.matching
    assert sets is not None
    ties = sets.ties
    assert ties is not None
    level = f"p < {1 - analysis.plan.survival.level:.2g}, %"
    header = ("Endpoint", "HR here", "Median HR", "2.5 %", "97.5 %", level, "Choices")
    rows = tuple(
        (
            analysis.endpoints[name].label,
            decimals(analysis.endpoints[name].after.cox.hr, 2),
            *(decimals(value, 2) for value in (one.median, one.low, one.high)),
            decimals(100 * one.significant, 0),
            str(one.n),
        )
        for name, one in ties.hr.items()
    )
    by_hash = "by a hash of each patient's id, or of the whole row"
    settled = by_hash if ties.rule == "random" else "by the order of the rows"
    plan, n = analysis.plan.matching, sets.n_treated
    several = "several controls to choose from" if plan.choice == "random" else "several equally near controls"
    free = "whom nobody got" if plan.method == "optimal" else "who were still free"
    among = "" if plan.replacement else f", of those {free}"
    again = " and other random orders of the treated" if plan.order == "random" else ""
    notes = (
        f"{ties.tied} of {n} matched treated had {several}{among}. Which was taken is settled {settled}; the "
        f"matching was made again {ties.choices} times with other choices{again}.",
        *ties.warnings,
    )
    return TextTable("Other choices among equally near controls", header, rows, notes)


def _median(arm: Median) -> str:
    return f"{arm.events} / {arm.n}, {_interval(arm)}"


def _interval(arm: Median) -> str:
    def text(value: float) -> str:
        return "NR" if isinf(value) else decimals(value, 0 if value >= 100 else 1)

    return f"{text(arm.median)} ({text(arm.low)}, {text(arm.high)})"
