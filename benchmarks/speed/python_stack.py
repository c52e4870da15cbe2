# mypy: disable-error-code="import-untyped,import-not-found"
"""The workflow with the usual Python packages, as a good user writes it: pandas, scipy, statsmodels, lifelines.

Run by benchmarks.speed: ``python -m benchmarks.speed.python_stack SECONDS`` < names of cohort files.
"""

import sys
import warnings
from typing import Any

import lifelines
import numpy as np
import pandas as pd
import scipy
import statsmodels
import statsmodels.api as sm
from lifelines import CoxPHFitter, KaplanMeierFitter
from lifelines.exceptions import ConvergenceError
from lifelines.statistics import logrank_test
from numpy.typing import ArrayLike
from scipy import stats

from benchmarks.speed.protocol import serve
from simulator.numerics.arrays import Floats, Ints

BINARY = ["age50", "sex", "ecog1", "etiol", "lesion", "size10", "lung", "pvtt", "afp", "albi2", "cp"]
ROWS = {name: [0, 1] for name in BINARY}
ROWS = {"ecog" if n == "ecog1" else "albi" if n == "albi2" else n: levels for n, levels in ROWS.items()}
ROWS |= {"ecog": [0, 1, 2], "albi": [1, 2, 3]}
CANDIDATES = ["age", "sex", "ecog1", "etiol", "lesion", "size", "lung", "pvtt", "afp", "albi2", "cp"]
ENDPOINTS = {"OS": ("os_t", "os_e"), "PFS": ("pfs_t", "pfs_e")}
Z = float(stats.norm.ppf(0.975))
INFINITE = 10.0  # no finite log hazard ratio of a 0/1 variable is so large


def prepare(file: str) -> pd.DataFrame:
    """The cohort of a file with its 0/1 columns."""
    d = pd.read_csv(file, float_precision="round_trip")
    return d.assign(
        age50=(d.age > 50).astype(int),
        size10=(d["size"] > 10).astype(int),
        ecog1=(d.ecog >= 1).astype(int),
        albi2=(d.albi >= 2).astype(int),
    )


def matched(d: pd.DataFrame, pairs: Ints) -> pd.DataFrame:
    """The matched cohort in the order of the data."""
    return d.iloc[np.sort(np.concatenate([np.flatnonzero(pairs >= 0), pairs[pairs >= 0]]))]


def sets(d: pd.DataFrame, pairs: Ints) -> dict[str, pd.DataFrame]:
    """The cohort before and after matching."""
    return {"before": d, "after": matched(d, pairs)}


def table1(d: pd.DataFrame, pairs: Ints) -> dict[str, ArrayLike]:
    """Table 1 of the whole and of the matched cohort."""
    found: dict[str, ArrayLike] = {}
    for name, s in sets(d, pairs).items():
        rows = [_categorical(s, variable, levels) for variable, levels in ROWS.items()]
        found[f"table1.{name}.continuous"] = [_continuous(s, variable) for variable in ("age", "size")]
        for place, part in enumerate(("categorical", "counts", "smd")):
            found[f"table1.{name}.{part}"] = np.concatenate([row[place] for row in rows])
    return found


def _continuous(d: pd.DataFrame, variable: str) -> list[float]:
    arms = [d.loc[d.treat == arm, variable] for arm in (1, 0)]
    row = [
        number for x in arms for number in (len(x), x.mean(), x.std(), x.median(), x.quantile(0.25), x.quantile(0.75))
    ]
    welch = stats.ttest_ind(*arms, equal_var=False).pvalue
    mann_whitney = stats.mannwhitneyu(*arms, method="asymptotic", use_continuity=True).pvalue
    smd = (arms[0].mean() - arms[1].mean()) / np.sqrt((arms[0].var() + arms[1].var()) / 2)
    return [*row, welch, mann_whitney, smd]


def _categorical(d: pd.DataFrame, variable: str, levels: list[int]) -> tuple[list[float], Floats, Floats]:
    counts = pd.crosstab(d.treat, d[variable]).reindex(index=[1, 0], columns=levels, fill_value=0).to_numpy()
    used = counts[:, counts.sum(axis=0) > 0]
    p, exact = np.nan, np.nan
    if used.shape[1] > 1:
        test = stats.chi2_contingency(used, correction=False)
        p = test.pvalue
        if (test.expected_freq < 5).any():
            exact = stats.fisher_exact(used).pvalue if used.shape[1] == 2 else _fisher(used)
    share = counts / counts.sum(axis=1, keepdims=True)
    difference, spread = share[0] - share[1], (share * (1 - share)).sum(axis=0)
    smd = np.divide(difference, np.sqrt(spread / 2), out=np.zeros(len(levels)), where=spread > 0)
    return [p, exact], counts.T.ravel(), smd[1:] if len(levels) == 2 else smd


def _fisher(counts: Ints) -> float:
    """Fisher's exact p of a 2 x 3 table; scipy has only a Monte Carlo one for it."""
    total = counts.sum(axis=0)
    first, second = (grid.ravel() for grid in np.meshgrid(*(np.arange(k + 1) for k in total[:2])))
    tables = np.column_stack([first, second, counts[0].sum() - first - second])
    tables = tables[(tables[:, 2] >= 0) & (tables[:, 2] <= total[2])]
    law = stats.multivariate_hypergeom(total, int(counts[0].sum()))
    p = law.pmf(tables)
    return min(1.0, float(p[p <= law.pmf(counts[0]) * (1 + 1e-7)].sum()))


def stepwise(d: pd.DataFrame) -> dict[str, Any]:
    """The logistic model of least AIC by steps in both directions, from the full model."""
    terms = list(CANDIDATES)
    fit = _logit(d, terms)
    while True:
        moves = [[t for t in CANDIDATES if (t in terms) != (t == moved)] for moved in CANDIDATES]
        fits = [(_logit(d, move), move) for move in moves]
        best, move = min(fits, key=lambda one: one[0].aic)
        if best.aic >= fit.aic:
            return {
                "selected": [t in terms for t in CANDIDATES],
                "aic": fit.aic,
                "score": np.asarray(fit.predict()),
            }
        fit, terms = best, move


def _logit(d: pd.DataFrame, terms: list[str]) -> Any:
    return sm.Logit(d.treat, sm.add_constant(d[terms]) if terms else np.ones(len(d))).fit(disp=False, tol=1e-10)


def matching(d: pd.DataFrame, fit: dict[str, Any]) -> Ints:
    """The control of every treated patient by greedy nearest-neighbour matching, -1 for none."""
    score = np.array([float(f"{s:.12g}") for s in fit["score"]])  # patients alike have the same score
    caliper = 0.2 * score.std(ddof=1)
    treated, control = np.flatnonzero(d.treat == 1), np.flatnonzero(d.treat == 0)
    free, pairs = score[control], np.full(len(d), -1)
    for i in treated[np.argsort(-score[treated], kind="stable")]:
        distance = np.abs(free - score[i])
        nearest = distance.argmin()
        if distance[nearest] <= caliper:
            pairs[i] = control[nearest]
            free[nearest] = np.inf
    return pairs


def kmlr(d: pd.DataFrame, pairs: Ints) -> dict[str, ArrayLike]:
    """Medians with their intervals in both arms, and the log-rank test."""
    found: dict[str, ArrayLike] = {}
    for endpoint, (time, event) in ENDPOINTS.items():
        for name, s in sets(d, pairs).items():
            arms = [s[s.treat == arm] for arm in (1, 0)]
            test = logrank_test(arms[0][time], arms[1][time], arms[0][event], arms[1][event])
            medians = [number for arm in arms for number in _median(arm[time], arm[event])]
            found[f"kmlr.{endpoint}.{name}"] = [*medians, test.test_statistic, test.p_value]
    return found


def _median(time: "pd.Series[float]", event: "pd.Series[int]") -> list[float]:
    """The median and its interval on the log scale; lifelines has the interval on the log-log scale only."""
    fitted = KaplanMeierFitter().fit(time, event)
    table = fitted.event_table[fitted.event_table.observed > 0]
    survival = fitted.survival_function_at_times(table.index).to_numpy()
    alive = survival > 0
    when, survival, table = table.index.to_numpy()[alive], survival[alive], table[alive]
    spread = Z * np.sqrt((table.observed / (table.at_risk * (table.at_risk - table.observed))).cumsum().to_numpy())
    limits = [_crossing(when, survival * np.exp(sign * spread)) for sign in (-1, 1)]
    return [_crossing(fitted.survival_function_.index, fitted.survival_function_.iloc[:, 0]), *limits]


def _crossing(time: ArrayLike, curve: ArrayLike) -> float:
    """Where a curve comes to 0.5 or below; half way to its next step where it stands at 0.5."""
    times, values, tolerance = np.asarray(time), np.asarray(curve), 1.5e-8
    under = np.flatnonzero(values < 0.5 + tolerance)
    if not len(under):
        return float("inf")
    later = under[values[under] < values[under[0]]]
    if abs(values[under[0]] - 0.5) < tolerance and len(later):
        return float(times[under[0]] + times[later[0]]) / 2
    return float(times[under[0]])


def cox(d: pd.DataFrame, pairs: Ints) -> dict[str, ArrayLike]:
    """Cox models of treatment, of each variable, and of those with p below 0.1."""
    found: dict[str, ArrayLike] = {}
    after, variables = matched(d, pairs), [*BINARY, "treat"]
    for endpoint in ENDPOINTS:
        for name, s in sets(d, pairs).items():
            found[f"cox.{endpoint}.{name}"] = _cox(s, ["treat"], endpoint)[0]
        one = np.array([_cox(after, [v], endpoint)[0, [0, 1, 5]] for v in variables])
        every = np.full_like(one, np.nan)
        chosen = np.flatnonzero(one[:, 2] < 0.1)
        if len(chosen):
            every[chosen] = _cox(after, [variables[k] for k in chosen], endpoint)[:, [0, 1, 5]]
        found |= {f"cox.{endpoint}.univariable": one, f"cox.{endpoint}.multivariable": every}
    return found


def _cox(d: pd.DataFrame, terms: list[str], endpoint: str) -> Floats:
    """beta, se, hr, low, high, p in a row for each term; NaN for an estimate that is not finite."""
    time, event = ENDPOINTS[endpoint]
    try:
        fitted = CoxPHFitter().fit(d[[*terms, time, event]], duration_col=time, event_col=event)
    except ConvergenceError:
        return np.full((len(terms), 6), np.nan)
    columns = ["coef", "se(coef)", "exp(coef)", "exp(coef) lower 95%", "exp(coef) upper 95%", "p"]
    rows: Floats = fitted.summary[columns].to_numpy(dtype=np.float64)
    rows[np.abs(rows[:, 0]) > INFINITE] = np.nan
    return rows


def subgroups(d: pd.DataFrame, pairs: Ints) -> dict[str, ArrayLike]:
    """The effect of treatment in 24 subgroups of the matched cohort."""
    after = matched(d, pairs)
    groups = [after]
    groups += [after[after[v] == level] for v in BINARY if v != "albi2" for level in (0, 1)]
    groups += [after[after.albi == level] for level in (1, 2, 3)]
    return {f"subgroups.{endpoint}": [_subgroup(s, endpoint) for s in groups] for endpoint in ENDPOINTS}


def _subgroup(d: pd.DataFrame, endpoint: str) -> list[float]:
    time, event = ENDPOINTS[endpoint]
    counted = [len(d), int(d[event].sum())]
    one, zero = d[d.treat == 1], d[d.treat == 0]
    if not ((d[event] == 1) & (d[time] <= min(one[time].max(), zero[time].max()))).any():
        return [*counted, *[float("nan")] * 4]  # no event has both arms at risk
    p = logrank_test(one[time], zero[time], one[event], zero[event]).p_value
    if not one[event].any() or not zero[event].any():  # lifelines would say what we know: no finite estimate
        return [*counted, *[float("nan")] * 3, p]
    return [*counted, *_cox(d, ["treat"], endpoint)[0, 2:5], p]


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of separation and slow convergence, which the answers show
    serve(
        sys.modules[__name__],
        {
            "lifelines": lifelines.__version__,
            "statsmodels": statsmodels.__version__,
            "scipy": scipy.__version__,
            "pandas": pd.__version__,
            "numpy": np.__version__,
        },
    )
