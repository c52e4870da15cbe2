"""Weights, influences, pseudo-observations, outcome models and general distances: each noticed when it is wrong."""

import functools

import numpy as np

from analysis.propensity import weighting
from analysis.propensity.logistic_models import logistic
from analysis.survival import statistics
from analysis.survival.standardise import ContrastMeasure
from tests.agreement import gap
from tests.planted import Defect, Gaps, Rooms, defects, noticed_by, unless
from tests.reference import censoring as slow_censoring
from tests.reference import kaplan_meier
from tests.reference import standardised as slow_standardised
from tests.reference import weighted as slow
from tests.test_censoring import cohorts as censored
from tests.test_matching_methods import _brute
from tests.test_pseudo import _left_out
from tests.test_standardise import cohorts as modelled
from tests.test_weighted_variance import small

BY_DERIVATIVE = 1e-3
"""What a gap to a numerical derivative counts: those are known to about 1e-7."""


@functools.cache
def _stacked(seed: int, measure: str, horizon: float | None) -> tuple[float, float]:
    return slow.stacked(small(seed, 30), slow.Scheme("ate", False, (-np.inf, np.inf)), measure, horizon)


@functools.cache
def _jackknife(seed: int, target: str) -> tuple[float, float]:
    return slow.entropy_jackknife(small(seed, 30), target, "rmst", 8.0)


def influence(rooms: Rooms) -> Gaps:
    """The SE of contrasts with estimated weights, against stacked equations; Greenwood's variance with weights of 1."""
    made = rooms["analysis.survival.weighted_variance"]
    for seed in (0, 3):
        p = small(seed, 30)
        time, event, treated, x = p.time[None], p.event[None], p.treated[None], p.x[None]
        everyone, all_columns = np.ones_like(treated), np.ones((1, 2), np.bool_)
        score = logistic(x, treated).fitted
        weight = weighting.ipw(score, treated, "ate")
        twice = np.concatenate([x, x[..., :1] / 3 + x[..., 1:] * 0.7], axis=2)
        for measure, horizon in (("hr", None), ("rmst", 8.0), ("survival", 6.0)):
            value, se = _stacked(seed, measure, horizon)
            if measure == "hr":
                beta = statistics.cox(time, event, treated[..., None] * 1.0, weight=weight).beta[:, 0]
                gradient = made.cox_gradient(time, event, treated, weight, beta, present=everyone)
            else:
                found = made.km_contrast(time, event, treated, weight, horizon, measure, present=everyone)
                yield gap(found.value[0], value, 1.0)
                gradient = found.gradient
            slope = gradient * weighting.ipw_slope(score, treated, "ate")
            for columns, use in ((x, all_columns), (twice, np.ones((1, 3), np.bool_))):
                through = made.logistic_influence(columns, use, treated, score, slope, present=everyone)
                yield gap(made.se_of(weight * gradient + through)[0], se) * BY_DERIVATIVE
        plain = made.km_contrast(time, event, treated, np.ones_like(score), 6.0, "survival", present=everyone)
        known = [kaplan_meier.survival_at(p.time[arm], p.event[arm], 6.0) for arm in (p.treated, ~p.treated)]
        yield gap(plain.naive_se[0], np.hypot(known[0][1], known[1][1]))


def balancing(rooms: Rooms) -> Gaps:
    """The weights against a general search, the SE against a jackknife."""
    made, curves = rooms["analysis.propensity.entropy_balancing"], rooms["analysis.survival.weighted_variance"]
    for seed, target in ((0, "att"), (3, "ate"), (5, "atc")):
        p = small(seed, 30)
        found = made.entropy_balance(p.x[None], p.treated[None], target)
        whom = {"att": p.treated, "atc": ~p.treated, "ate": np.ones_like(p.treated)}[target]
        for arm, own in ((p.treated, "att"), (~p.treated, "atc")):
            expected = np.ones(arm.sum())
            if target != own:
                expected = slow.entropy_weights(p.x[arm], p.x[whom].mean(axis=0)) * whom.sum()
            yield gap(found.weight[0, arm], expected, 1.0) / 10
        everyone = np.ones((1, 30), np.bool_)
        contrast = curves.km_contrast(
            p.time[None], p.event[None], p.treated[None], found.weight, 8.0, "rmst", present=everyone
        )
        through = made.balancing_influence(
            p.x[None], p.treated[None], found.weight, contrast.gradient, target, present=everyone
        )
        value, se = _jackknife(seed, target)
        yield gap(contrast.value[0], value, 1.0) / 10
        yield gap(curves.se_of(found.weight * contrast.gradient + through)[0], se) * BY_DERIVATIVE
    out = made.entropy_balance([[[0.0], [1.0], [5.0], [6.0]]], [[False, False, True, True]], "att")
    yield unless(out.status[0] != 0)


def pseudo(rooms: Rooms) -> Gaps:
    """Pseudo-observations against leaving out one by one; least squares against the normal equations."""
    made, draw = rooms["analysis.survival.pseudo"], np.random.default_rng(4)
    for tied in (False, True):
        time, event = draw.exponential(5.0, (1, 20)), draw.random((1, 20)) < 0.7
        time = np.ceil(time) if tied else time
        for quantity, horizon in (("rmst", 3.0), ("survival", 6.0), ("rmst", 6.0)):
            found = made.pseudo_observations(time, event, horizon, quantity)
            yield gap(found.value[0], _left_out(time[0], event[0], horizon, quantity), 1.0)
    x, y, use = draw.normal(size=(1, 20, 2)), draw.normal(size=(1, 20)), draw.random((1, 20)) < 0.8
    full = np.column_stack([np.ones(20), x[0]])
    beta = np.linalg.lstsq(full[use[0]], y[0, use[0]], rcond=None)[0]
    for columns in (x, np.concatenate([x, x[..., :1] - x[..., 1:]], axis=2)):
        fitted, rank = made.regression(columns, y, use)
        yield gap(fitted[0], full @ beta, 1.0)
        yield unless(rank[0] == 3)


@functools.cache
def _standardised(measure: ContrastMeasure, ties: str, size: int) -> tuple[float, np.ndarray]:
    time, event, treated, x = (part[0] for part in modelled(True, size, 1))
    horizon = 12.0 if measure != "marginal_log_hr" else np.nan
    twin = functools.partial(
        slow_standardised.contrast, time, event, treated, x, measure=measure, horizon=horizon, target="treated",
        interactions=[1], ties=ties,
    )  # fmt: skip
    one, step = np.ones(size), 1e-4 * np.eye(size)
    return twin(weight=one), np.array([(twin(weight=one + s) - twin(weight=one - s)) / 2e-4 for s in step])


def outcome_models(rooms: Rooms) -> Gaps:
    """Contrasts of standardised curves and everybody's influence, against a twin and its derivatives."""
    made, size = rooms["analysis.survival.standardise"], 30
    time, event, treated, x = modelled(True, size, 1)
    measures: tuple[tuple[ContrastMeasure, str], ...] = (
        ("marginal_log_hr", "efron"), ("rmst_difference", "breslow"), ("survival_difference", "efron"),
    )  # fmt: skip
    for measure, ties in measures:
        horizon = 12.0 if measure != "marginal_log_hr" else np.nan
        found = made.standardised(
            time, event, treated, x, measure=measure, horizon=horizon, target="treated", interactions=(1,), ties=ties
        )
        value, derivative = _standardised(measure, ties, size)
        yield gap(found.value[0], value, 1.0)
        yield gap(found.influence[0], derivative, 1.0) / 10


def censoring(rooms: Rooms) -> Gaps:
    """Weights for censoring against a row per interval; with equal ones, Kaplan-Meier and Greenwood."""
    made = rooms["analysis.survival.censoring"]
    for ties in ("efron", "breslow"):
        time, event, treated, _ = censored(True, 30, 1)
        draw = np.random.default_rng(1)
        weight, score = draw.uniform(0.5, 2.0, time.shape), draw.uniform(0.5, 2.0, time.shape)
        found = made.censoring_weighted_contrast(time, event, treated, score, weight=weight, ties=ties)
        rows = slow_censoring.intervals(time[0], event[0], treated[0], score[0], weight[0])
        fit = statistics.cox(
            rows.stop[None], rows.event[None], rows.treated[None, :, None] * 1.0, entry=rows.start[None],
            weight=rows.weight[None], cluster=rows.patient[None], ties=ties,  # type: ignore[arg-type]
        )  # fmt: skip
        assert fit.robust_se is not None
        yield gap(found.value[0], fit.beta[0, 0], 1.0)
        yield gap(found.se[0], fit.robust_se[0, 0])
    arms = (treated[0], ~treated[0])
    for measure, known in (("rmst_difference", kaplan_meier.rmst), ("survival_difference", kaplan_meier.survival_at)):
        expected = [known(time[0, arm], event[0, arm], 8.0)[:2] for arm in arms]
        found = made.censoring_weighted_contrast(time, event, treated, np.ones_like(time), measure=measure, horizon=8.0)
        yield gap(found.value[0], expected[0][0] - expected[1][0], 1.0)
        yield gap(found.se[0], np.hypot(expected[0][1], expected[1][1])) if measure[0] == "s" else 0.0


def distances(rooms: Rooms) -> Gaps:
    """Matching on any distances against brute force, and a choice at random by its definition."""
    match = rooms["analysis.propensity.matching"].match
    draw = np.random.default_rng(7)
    for trial in range(24):
        order, ratio, again = (
            ("largest", 1, False), ("closest", 1, False), ("data", 2, False), ("smallest", 2, True),
        )[trial % 4]  # fmt: skip
        n = int(draw.integers(6, 24))
        score = draw.normal(size=n).round(1 if trial % 2 else 8)
        treated, here, rank = draw.random(n) < 0.4, draw.random(n) < 0.9, draw.random(n)
        try:
            made = match(
                score[None], treated[None], present=here[None], caliper=0.3, order=order, ratio=ratio,
                replacement=again, rank=rank[None], group=np.zeros((1, n), np.int64),
            )  # fmt: skip
        except RuntimeError:  # the matching's own guard
            yield np.inf
            continue
        expected = _brute(score, treated, here, made.width[0], order, ratio, again, rank)
        yield unless(np.array_equal(made.controls[0], expected))
    greedy = rooms["analysis.kernels.greedy"].greedy
    for row, luck, taken in (
        ([0.2, np.inf, 0.1, 0.3], 0.5, 2), ([0.2, 0.0, 0.1, 0.0], 0.6, 3), ([np.inf, np.inf], 0.3, -1),
        ([0.2, 0.0, 0.1, 0.0], 0.4, 1), ([0.2, 0.1, 0.3], 0.99, 2),
    ):  # fmt: skip
        chosen = np.full((1, 1), -1)
        greedy(np.array([row]), np.zeros(1, np.int64), False, False, True, np.array([[luck]]), chosen)
        yield unless(chosen[0, 0] == taken)
    two = np.full((2, 2), -1)  # luck .1 of 4 and .9 of 3, then .6 of 2 and the last
    greedy(np.zeros((2, 4)), np.arange(2), False, False, True, np.array([[0.1, 0.9], [0.6, 0.3]]), two)
    yield unless(two.tolist() == [[0, 2], [3, 1]])


DEFECTS: list[Defect] = [
    *defects(
        "analysis.kernels.influence",
        influence,
        ("line_up_arm", "either arm has everybody", "treated[r, i] == (arm == 1)", "True"),
        ("tabulate_arm", "deaths without weights", "dead += weight[r, who[start]]", "dead += 1.0"),
        (
            "curve_to",
            "no area after the last time",
            "return survival, total + survival * (horizon - before)",
            "return survival, total",
        ),
        (
            "sum_at_risk",
            "all at risk as if untreated",
            "everyone += weight[r, i] * (hazard if treated[r, i] else 1.0)",
            "everyone += weight[r, i]",
        ),
        ("arm_residuals", "Breslow's jump for the dying", "own_jumps += jump * (1.0 - gone)", "own_jumps += jump"),
        ("arm_residuals", "the wrong side of the risk", "-risk * (x * jumps - means)", "risk * (x * jumps - means)"),
        (
            "cox_gradients",
            "nobody divides by the information",
            "gradient[r, who[k]] /= information",
            "gradient[r, who[k]] /= 1.0",
        ),
        ("km_contrasts", "arms exchanged", "sign = 1.0 if arm == 1 else -1.0", "sign = -1.0 if arm == 1 else 1.0"),
        (
            "look_ahead",
            "Greenwood without who survives",
            "(table[AT_RISK, g] * table[SURVIVORS, g])",
            "(table[AT_RISK, g] * table[AT_RISK, g])",
        ),
        (
            "expose",
            "the dead are not exposed",
            "exposed += table[AHEAD, g] * table[DEAD, g]",
            "exposed += 0.0 * table[DEAD, g]",
        ),
        ("solve_full_rank", "half of a solution", "s -= a[j, k] * b[j]", "s -= 0.0 * b[j]"),
        ("add_logistic", "no information of the score", "e * (1.0 - e) * z[k, i] * z[m, i]", "z[k, i] * z[m, i]"),
        (
            "add_logistic",
            "no residual of treatment",
            "(1.0 if treated[r, i] else 0.0) - fitted[r, i]",
            "1.0 - fitted[r, i]",
        ),
    ),
    *defects(
        "analysis.kernels.balancing",
        balancing,
        ("dual", "the gradient of nobody's share", "gradient[k] += share[i] * z[k, i]", "gradient[k] += z[k, i] / n"),
        ("minimise", "content with little", "return worst < _BALANCE", "return worst < 1e9"),
        ("balance", "about the mean of all", "- mean - goal) / spread", "- mean) / spread"),
        ("balance", "sums to one", "share[k] * sizes[target]", "share[k]"),
        (
            "add_balancing",
            "the target's means for known",
            "influence[r, i] += h / size",
            "influence[r, i] += 0.0 * h / size",
        ),
        ("add_balancing", "nothing through the dual", "h += right[c] * z[c, i]", "h += 0.0 * z[c, i]"),
    ),
    *defects(
        "analysis.kernels.pseudo",
        pseudo,
        ("line_up", "patients out of order", "i = order[place]", "i = place"),
        ("step_down", "of tied deaths only one", "dead[steps - 1] += 1.0", "dead[steps - 1] = 1.0"),
        (
            "pseudo_values",
            "an area where a probability is asked for",
            "sum_rest(horizon, mean, steps, here)",
            "sum_rest(horizon, True, steps, here)",
        ),
        ("leave_out", "nobody is missed", "others - dead[k] + event[i]", "others - dead[k]"),
        ("leave_out", "n for n - 1", "(size - 1) * without", "size * without"),
        ("sum_rest", "the last step goes on", "- when[steps] if mean else 1.0", "if mean else 1.0"),
        ("least_squares", "columns about zero", "row[p] = x[r, i, p] - mean[p]", "row[p] = x[r, i, p]"),
        ("least_squares", "copies of columns count", "root[p, p] > _COLLINEAR * whole and", "root[p, p] > -1e300 and"),
    ),
    *defects(
        "analysis.kernels.standardise",
        outcome_models,
        ("uncensored", "the dead are at risk of censoring", "exposed = at_risk[a] - dead[a]", "exposed = at_risk[a]"),
        ("hazard_steps", "Breslow's steps", "share = s / dead if efron else 0.0", "share = 0.0 * s / dead"),
        ("hazard_steps", "every step counts whole", "1.0 / total, 1.0 - share", "1.0 / total, 1.0"),
        ("add_censoring", "no way back from censoring", "done - (later / others if others > 0.0 else 0.0)", "done"),
        (
            "line_up",
            "untreated with interactions",
            "z[1 + c_count + p, size] = 0.0",
            "z[1 + c_count + p, size] = 1.0",
        ),
        (
            "standardise",
            "coefficients for known",
            "g[p] += block.covariance[r, p, q] * gradient[q]",
            "g[p] += 0.0 * gradient[q]",
        ),
        ("mean_curves", "the last step alone", "rising += jump[s]", "rising = jump[s]"),
        ("by_members", "curves about zero", "buffer[m] - survival[a, k]", "buffer[m]"),
        ("by_coefficients", "a baseline without covariates", "-= tail[k] * mean[p, s]", "-= 0.0 * mean[p, s]"),
        ("through_model", "the dead are wholly exposed", "kept[s] if died[i] else 1.0", "1.0"),
        ("standardise", "the average for known", "own[m] / members", "0.0 * own[m]"),
    ),
    *defects(
        "analysis.kernels.curve_contrasts",
        outcome_models,
        (
            "hazard_ratio_of_curves",
            "arms exchanged in the score",
            "part = weight * (l1 - ratio * l0)",
            "part = weight * (l0 - ratio * l1)",
        ),
        (
            "hazard_ratio_of_curves",
            "nothing by the step before",
            "pull[a, k] += push[a, k + 1] - pull[a, k + 1]",
            "pull[a, k] += 0.0",
        ),
        ("contrast", "the sign of a derivative", "by[1, k], by[0, k]", "by[0, k], by[1, k]"),
        (
            "contrast",
            "beyond the horizon",
            "span = max(min(after, horizon) - when[k], 0.0)",
            "span = max(after - when[k], 0.0)",
        ),
    ),
    *defects(
        "analysis.kernels.censoring",
        censoring,
        (
            "line_up_censored",
            "censoring alike for all",
            "w[size], e[size] = base[r, i], score[r, i]",
            "w[size], e[size] = base[r, i], 1.0",
        ),
        ("censoring_weighted", "half of the influence on a curve", "information = 1.0", "information = 2.0"),
        (
            "weighted_hazard_ratio",
            "Breslow's sums",
            "out = s / deaths[k] if efron else 0.0",
            "out = 0.0 * s / deaths[k]",
        ),
        ("weighted_hazard_ratio", "no share of the risk", "score -= whole * share", "score -= share"),
        (
            "weighted_curves",
            "arms exchanged",
            "sign, curve, area, before = 1.0 if a == 1",
            "sign, curve, area, before = 1.0 if a == 0",
        ),
        ("weighted_curves", "the wrong variance of a step", "pull * fall / (1.0 - fall)", "pull * fall"),
        (
            "weigh",
            "marginal hazards alone",
            "(own_1 if arm[i] else own_0) * score[i]",
            "(plain_1 if arm[i] else plain_0)",
        ),
        (
            "find_event_times",
            "censored before their time",
            "own[a, n - count] += lost[a] / sum_e[a]",
            "own[a, n - count] += 2.0 * lost[a] / sum_e[a]",
        ),
        ("share_out", "the dead count as survivors", "DEAD_0 if died[i] else ALIVE_0", "ALIVE_0"),
        ("sum_weights", "the dead of both arms", "died[i] and not arm[i]", "died[i]"),
    ),
    *defects(
        "analysis.kernels.greedy",
        distances,
        ("luck_of", "no luck where there is some", "draw.shape[0] > 0 else", "draw.shape[0] > 9 else"),
        ("greedy", "controls stay free", "free[j] = False", "free[j] = True"),
        ("greedy", "the first for the closest", "distance[u, wish[u]] < distance[i, wish[i]]", "False"),
        ("luck_of", "another patient's luck", "draw[turn, i]", "draw[turn, 0]"),
        ("luck_of", "the luck of the first turn", "draw[turn, i]", "draw[0, i]"),
        ("pick", "the last of equals", "if distance[j] < best:", "if distance[j] <= best:"),
        ("pick", "the exact have no right", "anyone and best > 0.0", "anyone"),
    ),
]

test_the_plain_kernels_agree_with_the_slow_twins, test_a_planted_defect_is_noticed = noticed_by(DEFECTS)
