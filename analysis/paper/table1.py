"""Table 1: the baseline characteristics of the two arms, with tests and standardised differences."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from analysis.kernels.status import Status
from analysis.paper.effects import AnalysisSet
from analysis.plan.analysis_plan import Plan, TablePlan, level_terms
from analysis.two_samples import balance, tests
from analysis.two_samples.contingency import compare_counts
from analysis.two_samples.tests import NAN
from analysis.two_samples.weighted_samples import WeightedSamples, weighted_numbers, weighted_quantiles, weighted_shares
from simulator.cohort.cohorts import Observed
from simulator.cohort.terms import Variable, design
from simulator.numerics.arrays import Bools, Floats

Shows = Literal["mean", "median", "count"]


@dataclass(frozen=True)
class ContinuousNumbers:
    """A continuous covariate in one arm: quartiles of type 7, SD with n - 1; weighted (but for n) in a weighted set."""

    n: int
    mean: float
    sd: float
    median: float
    q1: float
    q3: float
    min: float
    max: float


@dataclass(frozen=True)
class Count:
    """A level in one arm, in percent of the arm: ``n`` patients, the percentage weighted in a set with weights."""

    n: int
    percent: float


@dataclass(frozen=True)
class Amounts:
    """The amount of a treatment received by those of an arm who got any: quartiles as in `ContinuousNumbers`."""

    n: int
    median: float
    q1: float
    q3: float
    min: float
    max: float


@dataclass(frozen=True)
class Table1Row:
    """A continuous covariate (``level`` null) or one level of a covariate; its test and p are repeated in its levels.

    ``shows`` says what a reader is shown; ``tests`` holds the p of every test that was made; ``smd`` is the
    difference treated minus control over the root of the mean of the two variances of this very cohort, or of the
    cohort of all patients (the plan's ``smd``); ``smd_status`` is NO_INFO where it is infinite, TOO_FEW where there is
    none. In a set with weights all are weighted, and the tests are ``weighted_t``, ``weighted_rank`` and ``rao_scott``
    (R's svyttest, svyranktest, svychisq) whatever the plan says of plain ones.
    """

    variable: str
    level: str | None
    label: str
    shows: Shows
    treated: ContinuousNumbers | Count
    control: ContinuousNumbers | Count
    test: str
    p: float
    tests: dict[str, float]
    smd: float
    smd_status: Status
    status: Status


def presentation(observed: Observed, group: AnalysisSet, plan: TablePlan) -> dict[str, Shows]:
    """For each continuous covariate 'mean' or 'median': as the plan says, or by Shapiro-Wilk in both arms."""
    shows: dict[str, Shows] = {}
    for k, variable in enumerate(observed.variables):
        if variable.kind == "continuous":
            p = _normality(observed.covariates[0, :, k], observed.treated[0], group.present)
            normal = all(value >= plan.normality_p for value in p.values())
            shows[variable.name] = plan.continuous if plan.continuous != "auto" else "mean" if normal else "median"
    return shows


def table1(observed: Observed, group: AnalysisSet, shows: Mapping[str, Shows], plan: Plan) -> tuple[Table1Row, ...]:
    """The rows in the order of the covariates; a continuous one with cut-points is followed by its stretches."""
    rows: list[Table1Row] = []
    spread = observed.present[0] if plan.table1.smd == "unmatched" else None
    for k, variable in enumerate(observed.variables):
        if variable.kind == "continuous":
            x = observed.covariates[0, :, k]
            rows.append(_continuous(variable, x, observed.treated[0], group, spread, shows, plan))
        rows += _levels(variable, observed, group, spread, plan)
    return tuple(rows)


def _continuous(
    variable: Variable,
    x: Floats,
    treated: Bools,
    group: AnalysisSet,
    spread: Bools | None,
    shows: Mapping[str, Shows],
    plan: Plan,
) -> Table1Row:
    label = ", ".join(text for text in (variable.label or variable.name, variable.unit) if text)
    weighted = group.weighted(treated)
    if weighted is not None:
        both = _smd(x, treated, group, spread)
        return _weighted_continuous(variable.name, label, x, weighted, shows[variable.name], both)
    block, arm, present = x[None], treated[None], group.present[None]
    made = {
        "welch": tests.welch(block, arm, present=present),
        "student": tests.student(block, arm, present=present),
        "mann_whitney": tests.mann_whitney(block, arm, present=present),
    }
    p = {name: float(test.p[0]) for name, test in made.items()}
    p |= _normality(x, treated, group.present)
    smd, smd_status = _smd(x, treated, group, spread)
    test = "mann_whitney" if shows[variable.name] == "median" else plan.table1.t_test
    return Table1Row(
        variable=variable.name,
        level=None,
        label=label,
        shows=shows[variable.name],
        treated=_numbers(x[treated & group.present]),
        control=_numbers(x[~treated & group.present]),
        test=test,
        p=p[test],
        tests=p,
        smd=smd,
        smd_status=smd_status,
        status=Status(int(made[test].status[0])),
    )


def _weighted_continuous(
    name: str, label: str, x: Floats, weighted: WeightedSamples, shows: Shows, smd: tuple[float, Status]
) -> Table1Row:
    found = weighted_numbers(x[None], weighted)
    fields = (found.mean, found.sd, found.median, found.q1, found.q3)
    arms = []
    for arm in (0, 1):
        mean, sd, median, q1, q3 = (float(one[0, arm]) for one in fields)
        arms.append(ContinuousNumbers(int(found.n[0, arm]), mean, sd, median, q1, q3, *ends(x[weighted.arm(arm)])))
    control, treated = arms
    chosen, test = ("weighted_rank", found.rank) if shows == "median" else ("weighted_t", found.t)
    p = {"weighted_t": float(found.t.p[0]), "weighted_rank": float(found.rank.p[0])}
    status = Status(int(test.status[0]))
    return Table1Row(name, None, label, shows, treated, control, chosen, p[chosen], p, *smd, status)


def _levels(
    variable: Variable, observed: Observed, group: AnalysisSet, spread: Bools | None, plan: Plan
) -> list[Table1Row]:
    sets = level_terms(variable)
    if not sets:
        return []
    x = observed.covariates[0]
    holds = [np.all(design(terms, observed.variable, observed.names, x).x == 1.0, axis=-1) for terms in sets]
    treated = observed.treated[0]
    weighted = group.weighted(treated)
    if weighted is not None:
        smd = [_smd(hold.astype(np.float64), treated, group, spread) for hold in holds]
        return _weighted_levels(variable, np.array(holds), weighted, smd)
    arms = (treated & group.present, ~treated & group.present)
    counts = np.array([[int((arm & hold).sum()) for hold in holds] for arm in arms])
    made = compare_counts(counts, plan.table1.categorical)
    n = counts.sum(axis=1)
    smds = [_smd(hold.astype(np.float64), treated, group, spread) for hold in holds]
    cells = [[Count(int(c), 100 * int(c) / int(n[a]) if n[a] else NAN) for c in counts[a]] for a in (0, 1)]
    return [
        Table1Row(
            variable=variable.name,
            level=level,
            label=level_label(variable, level),
            shows="count",
            treated=cells[0][index],
            control=cells[1][index],
            test=made.test,
            p=made.p,
            tests=made.tests,
            smd=smds[index][0],
            smd_status=smds[index][1],
            status=made.status,
        )
        for index, level in enumerate(level_names(variable))
    ]


def _weighted_levels(
    variable: Variable, holds: Bools, weighted: WeightedSamples, smd: list[tuple[float, Status]]
) -> list[Table1Row]:
    """The rows of a covariate whose levels ``holds (L, N)`` say."""
    level = np.where(holds.any(axis=0), holds.argmax(axis=0), -1)
    found = weighted_shares(level[None], len(holds), weighted)
    n, percent, p = found.counts[0], 100 * found.share[0], float(found.test.p[0])
    status = Status(int(found.test.status[0]))
    test, tests_made = ("rao_scott", {"rao_scott": p}) if status == Status.OK else ("none", {})
    return [
        Table1Row(
            variable.name,
            name,
            level_label(variable, name),
            "count",
            Count(int(n[1, k]), float(percent[1, k])),
            Count(int(n[0, k]), float(percent[0, k])),
            test,
            p,
            tests_made,
            *smd[k],
            status,
        )
        for k, name in enumerate(level_names(variable))
    ]


def level_names(variable: Variable) -> tuple[str, ...]:
    """The levels as the JSON names them; the stretches of a continuous variable as '<=50', '>50 & <=65', '>65'."""
    if variable.kind != "continuous":
        return variable.levels
    return tuple(" & ".join(text.removeprefix(variable.name) for text in terms) for terms in level_terms(variable))


def level_label(variable: Variable, level: str) -> str:
    """A level as a reader wants it: 'Age (≤ 50)', 'Age (> 50 & ≤ 65)', 'Grade (3)'."""
    if variable.kind == "continuous":
        level = level.replace("<=", "≤ ").replace(">", "> ")
    return f"{variable.label or variable.name} ({level})"


def summary(amounts: Floats, weight: Floats | None = None) -> Amounts:
    """What is said of some amounts of treatment; NaN where there are none. Quartiles are weighted where weights are."""
    if not len(amounts):
        return Amounts(0, NAN, NAN, NAN, NAN, NAN)
    low, q1, median, q3, high = (float(q) for q in np.quantile(amounts, (0, 0.25, 0.5, 0.75, 1)))
    if weight is not None:
        q1, median, q3 = weighted_quantiles(amounts, weight, (0.25, 0.5, 0.75))
    return Amounts(len(amounts), median, q1, q3, low, high)


def _numbers(x: Floats) -> ContinuousNumbers:
    if not len(x):
        return ContinuousNumbers(0, NAN, NAN, NAN, NAN, NAN, NAN, NAN)
    with np.errstate(over="ignore", invalid="ignore"):
        q1, median, q3 = (float(q) for q in np.quantile(x, (0.25, 0.5, 0.75)))
        sd = float(x.std(ddof=1)) if len(x) > 1 else NAN
        return ContinuousNumbers(len(x), float(x.mean()), sd, median, q1, q3, *ends(x))


def ends(x: Floats) -> tuple[float, float]:
    """The least and the greatest; NaN where there are none."""
    return (float(x.min()), float(x.max())) if len(x) else (NAN, NAN)


def _normality(x: Floats, treated: Bools, present: Bools) -> dict[str, float]:
    """Shapiro-Wilk's p in either arm."""
    found = {}
    for name, arm in (("shapiro_treated", treated & present), ("shapiro_control", ~treated & present)):
        found[name] = float(tests.shapiro(x[None], present=arm[None]).p[0])
    return found


def _smd(x: Floats, treated: Bools, group: AnalysisSet, spread: Bools | None) -> tuple[float, Status]:
    weight = None if group.weight is None else group.weight[None]
    made = balance.smd(
        x[None, :, None],
        treated[None],
        present=group.present[None],
        weight=weight,
        spread=None if spread is None else spread[None],
    )
    return float(made[0, 0]), Status(int(balance.smd_status(made)[0, 0]))
