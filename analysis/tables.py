"""The analysis of a cohort as tables of text, laid out as a paper prints them."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, isinf

from analysis.cohort_analysis import CohortAnalysis, Comparison
from analysis.cox_tables import CoxRow
from analysis.effects import Effect, Median
from analysis.responses import Response, Share
from analysis.subgroups import SubgroupRow
from analysis.table1 import Numbers, Table1Row

ABSENT = "–"
TESTS = {
    "welch": "Welch t",
    "student": "Student t",
    "mann_whitney": "Mann-Whitney U",
    "pearson": "Pearson χ²",
    "yates": "χ² with Yates's correction",
    "fisher": "Fisher exact",
}


@dataclass(frozen=True)
class TextTable:
    """A table ready to print: every row has as many cells as the header; the notes go below it."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def markdown(self) -> str:
        """The table in GitHub's Markdown."""
        lines = [
            f"**{_escaped(self.title)}**",
            "",
            _line(self.header),
            _line(("---",) * len(self.header), escape=False),
        ]
        lines += [_line(row) for row in self.rows]
        return "\n".join([*lines, *(f"\n{_escaped(note)}" for note in self.notes)]) + "\n"


def _line(cells: Sequence[str], escape: bool = True) -> str:
    return "| " + " | ".join(_escaped(cell) if escape else cell for cell in cells) + " |"


def _escaped(text: str) -> str:
    plain = " ".join(text.split())
    for sign in "\\`*_<>|[]":
        plain = plain.replace(sign, "\\" + sign)
    return plain


def all_tables(analysis: CohortAnalysis) -> tuple[TextTable, ...]:
    """Every table of the analysis, in the order of a paper."""
    tables = [baseline_table(analysis), survival_table(analysis)]
    if analysis.binary:
        tables.append(response_table(analysis))
    for name in analysis.endpoints:
        tables += [cox_table(analysis, name), subgroup_table(analysis, name)]
    return (*tables, propensity_table(analysis))


def baseline_table(analysis: CohortAnalysis) -> TextTable:
    """Table 1, before and after matching side by side."""
    arms = (analysis.arms.control, analysis.arms.treated)
    size, sets = analysis.cohort, analysis.matching
    header = ["Characteristic"]
    for when, control, treated in (("before", size.control, size.treated), ("after", sets.n_control, sets.n_treated)):
        header += [f"{arms[0]} (n = {control}), {when}", f"{arms[1]} (n = {treated}), {when}", f"p, {when}", "SMD"]
    rows = []
    previous = None
    for before, after in zip(analysis.table1.before, analysis.table1.after, strict=True):
        group = (before.variable, before.level is None)
        first = before.level is None or group != previous
        previous = group
        rows.append((before.label, *_baseline_cells(before, first), *_baseline_cells(after, first)))
    used = [row.test for row in (*analysis.table1.before, *analysis.table1.after)]
    note = "Mean ± SD, median (quartiles) or n (%). Tests: " + ", ".join(TESTS[name] for name in TESTS if name in used)
    return TextTable("Baseline characteristics", tuple(header), tuple(rows), (note + ".",))


def _baseline_cells(row: Table1Row, first: bool) -> tuple[str, ...]:
    cells = []
    for arm in (row.control, row.treated):
        if not isinstance(arm, Numbers):
            cells.append(f"{arm.n} ({_decimals(arm.percent, 1)}%)")
        elif row.shows == "mean":
            cells.append(f"{_three(arm.mean)} ± {_three(arm.sd)}")
        else:
            cells.append(f"{_three(arm.median)} ({_three(arm.q1)}, {_three(arm.q3)})")
    return (*cells, p_text(row.p) if first else "", _decimals(row.smd, 3))


def survival_table(analysis: CohortAnalysis) -> TextTable:
    """Medians, hazard ratio and log-rank p of every endpoint, before and after matching."""
    arms = (analysis.arms.control, analysis.arms.treated)
    header = ("Endpoint", "Set", *(f"{arm}: events / n, median" for arm in arms), "HR", "Log-rank p", "HR, SE by pair")
    rows = []
    for result in analysis.endpoints.values():
        for when, side in (("before", result.before), ("after", result.after)):
            robust = hr_text(side.cox_pair_robust) if side.cox_pair_robust else ABSENT
            cells = (_median(side.km.control), _median(side.km.treated))
            rows.append((result.label, when, *cells, hr_text(side.cox), p_text(side.logrank.p), robust))
    notes = (
        f"Intervals at {100 * analysis.plan.survival.level:g} %; HR: {arms[1]} against {arms[0]}; NR: not reached.",
        f"Median follow-up (reverse Kaplan-Meier): {_follow_ups(analysis)}.",
    )
    return TextTable("Survival before and after matching", header, tuple(rows), notes)


def _follow_ups(analysis: CohortAnalysis) -> str:
    texts = []
    for result in analysis.endpoints.values():
        arms = result.before.follow_up
        values = ((analysis.arms.control, arms.control), (analysis.arms.treated, arms.treated))
        texts.append(f"{result.label} " + ", ".join(f"{name} {_interval(m)}" for name, m in values))
    return "; ".join(texts)


def cox_table(analysis: CohortAnalysis, endpoint: str, when: str = "after") -> TextTable:
    """Univariable and multivariable hazard ratios of one endpoint."""
    result = analysis.endpoints[endpoint]
    side = _side(analysis, endpoint, when)
    adjusted = {row.column: row for row in side.multivariable}
    rows = []
    for row in side.univariable:
        other: CoxRow | None = adjusted.get(row.column)
        second = (hr_text(other), p_text(other.p)) if other else ("", "")
        rows.append((row.label, hr_text(row), p_text(row.p), *second))
    limit = analysis.plan.cox.screening_p
    note = "All terms enter the multivariable model." if limit is None else f"Multivariable: univariable p < {limit:g}."
    header = ("Characteristic", "Univariable HR", "p", "Multivariable HR", "p")
    return TextTable(f"{result.label}: Cox models {when} matching", header, tuple(rows), (note,))


def subgroup_table(analysis: CohortAnalysis, endpoint: str, when: str = "after") -> TextTable:
    """The forest plot of one endpoint as numbers."""
    result = analysis.endpoints[endpoint]
    header = ("Subgroup", "n", "Events", "HR", "p (log-rank)", "p (interaction)")
    made = _side(analysis, endpoint, when).subgroups
    rows = tuple(
        _subgroup_cells(row, row.variable is not None and (k == 0 or row.variable != made[k - 1].variable))
        for k, row in enumerate(made)
    )
    return TextTable(f"{result.label}: subgroups {when} matching", header, rows)


def _subgroup_cells(row: SubgroupRow, first: bool) -> tuple[str, ...]:
    interaction = p_text(row.interaction_p) if first else ""
    return (row.label, str(row.n), str(row.events), hr_text(row), p_text(row.p_logrank), interaction)


def response_table(analysis: CohortAnalysis) -> TextTable:
    """Counts, p, risk difference and odds ratio of every yes/no outcome."""
    arms = (analysis.arms.control, analysis.arms.treated)
    header = ("Outcome", "Set", *arms, "p", "Risk difference", "Odds ratio", "McNemar p")
    rows = []
    for result in analysis.binary.values():
        for when, side in (("before", result.before), ("after", result.after)):
            rows.append((result.label, when, *_response_cells(side)))
    return TextTable("Response before and after matching", header, tuple(rows))


def _response_cells(side: Response) -> tuple[str, ...]:
    def share(arm: Share) -> str:
        return f"{arm.yes} of {arm.n} ({_decimals(arm.percent, 1)}%)"

    contrasts = []
    for made, digits in ((side.risk_difference, 3), (side.odds_ratio, 2)):
        low, high = _decimals(made.low, digits), _decimals(made.high, digits)
        contrasts.append(f"{_decimals(made.value, digits)} ({low}, {high})" if isfinite(made.value) else ABSENT)
    mcnemar = p_text(side.mcnemar.p) if side.mcnemar else ABSENT
    return (share(side.control), share(side.treated), p_text(side.p), *contrasts, mcnemar)


def propensity_table(analysis: CohortAnalysis) -> TextTable:
    """The coefficients of the propensity model, and what the matching did."""
    model, sets = analysis.propensity, analysis.matching
    rows = tuple((name, f"{value:.4g}" if isfinite(value) else ABSENT) for name, value in model.coefficients.items())
    caliper = "none" if sets.caliper_spec is None else f"{sets.caliper_spec:g} {sets.unit} = {sets.caliper:.4g}"
    notes = (
        f"AIC {_decimals(model.aic, 2)}; status {model.status.name}. Caliper on the {sets.scale} scale: {caliper}; "
        f"{sets.n_pairs} matched sets of {analysis.cohort.treated} treated; status {sets.status.name}.",
    )
    return TextTable("Propensity model", ("Term", "Log odds ratio"), rows, notes)


def hr_text(effect: Effect) -> str:
    """'0.36 (0.27, 0.49)', or the status of a failed fit."""
    if not isfinite(effect.hr):
        return f"{ABSENT} ({effect.status.name.lower().replace('_', ' ')})" if effect.status else ABSENT
    return f"{_ratio(effect.hr)} ({_ratio(effect.low)}, {_ratio(effect.high)})"


def p_text(p: float) -> str:
    """'<0.001', '0.048', '>0.999'; a dash where there is none."""
    if not isfinite(p):
        return ABSENT
    if p < 0.001:
        return "<0.001"
    return ">0.999" if p > 0.999 else f"{p:.3f}"


def _ratio(value: float) -> str:
    if isinf(value) or value > 999:
        return ">999"
    return f"{value:.2f}" if value >= 0.005 else f"{value:.1e}"


def _median(arm: Median) -> str:
    return f"{arm.events} / {arm.n}, {_interval(arm)}"


def _interval(arm: Median) -> str:
    def text(value: float) -> str:
        return "NR" if isinf(value) else _decimals(value, 0 if value >= 100 else 1)

    return f"{text(arm.median)} ({text(arm.low)}, {text(arm.high)})"


def _decimals(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if isfinite(value) else ABSENT


def _three(value: float) -> str:
    """About three significant digits, never fewer than the whole number has."""
    if not isfinite(value):
        return ABSENT
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _side(analysis: CohortAnalysis, endpoint: str, when: str) -> Comparison:
    result = analysis.endpoints[endpoint]
    return result.before if when == "before" else result.after
