"""Kernels of weighted samples against their slow twins, each shown to be noticed when it is wrong."""

from collections.abc import Iterator

import numpy as np
from numpy.random import Generator, Philox

from tests.agreement import gap
from tests.planted import Gaps, Rooms, defects, noticed_by, unless
from tests.reference import weighted_samples as slow


def _samples() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, slow.Design]]:
    draw = Generator(Philox(7))
    for number in range(6):
        n = 14 + number
        treated, weight = draw.random(n) < 0.45, draw.choice([0.5, 1.0, 1.5, 4.0], n)
        treated[:2] = True, False
        cluster = draw.integers(0, 6, n)
        x = draw.integers(0, 5, n) / (2.0 if number % 2 else 4.0)
        level = draw.integers(0, 3 - number % 2, n) + number % 2
        yield x, level, draw.integers(1, 7, n) / 1.0, draw.random(n) < 0.7, slow.Design(treated, weight, cluster)


def samples(rooms: Rooms) -> Gaps:
    module = rooms["analysis.two_samples.weighted_samples"]
    for x, level, _, _, own in _samples():
        n = len(x)
        there = np.append(np.ones(n, bool), [False, True])  # one is absent, and one has no weight
        arm, weight, cluster = (
            np.append(own.treated, [True, False]),
            np.append(own.weight, [2.0, 0.0]),
            np.append(own.cluster, [0, 1]),
        )
        sets = module.WeightedSamples.of(arm[None], there[None], weight[None], cluster[None])
        made = module.weighted_numbers(np.append(x, [np.nan, 99.0])[None], sets)
        for a in (0, 1):
            values, mass = x[own.treated == a], own.weight[own.treated == a]
            yield gap(np.array([made.mean[0, a], made.sd[0, a]]), np.array(slow.mean_and_sd(values, mass)))
            quartiles = [slow.quantile(values, mass, q) for q in (0.25, 0.5, 0.75)]
            yield gap(np.array([made.q1[0, a], made.median[0, a], made.q3[0, a]]), np.array(quartiles))
        for test, expected in ((made.t, slow.t_test(x, own)), (made.rank, slow.rank_test(x, own))):
            yield gap(np.array([test.statistic[0], test.df[0]]), np.array(expected))
        shares = module.weighted_shares(np.append(level, [0, -1])[None], 4, sets)
        f, df, beneath = slow.rao_scott(level, own)
        yield gap(np.array([shares.test.statistic[0], shares.test.df[0]]), np.array([f, df]))
        yield gap(shares.test.p[0], _above(f, df, beneath))
        for a in (0, 1):
            mass = np.array([own.weight[(own.treated == a) & (level == k)].sum() for k in range(4)])
            yield gap(shares.share[0, a], mass / mass.sum())
            yield unless(
                shares.counts[0, a].tolist() == [int(((own.treated == a) & (level == k)).sum()) for k in range(4)]
            )
    same = module.weighted_numbers(np.ones((1, n + 2)), sets)
    yield unless(np.isnan(same.t.p[0]) and np.isnan(module.weighted_quantiles([], [], (0.5,))[0]))


def _above(f: float, first: float, second: float) -> float:
    from scipy.stats import f as law

    return float(law.sf(f, first, second))


def survival(rooms: Rooms) -> Gaps:
    module, plans = rooms["analysis.survival.weighted_survival"], rooms["analysis.plan.analysis_plan"]
    for number, (_, _, time, event, own) in enumerate(_samples()):
        n = len(time)
        time[time == time.max()] = 7.0 if number % 2 else time.max()
        event[time == time.max()] |= number % 3 == 0
        here = np.append(np.ones(n, bool), [False, True])[None]
        late, died = np.append(time, [0.5, 0.5])[None], np.append(event, [True, True])[None]
        arm, weight = np.append(own.treated, [True, False])[None], np.append(own.weight, [2.0, 0.0])[None]
        cluster = np.append(own.cluster, [0, 1])[None]
        given = {"weight": weight, "cluster": cluster, "present": here}
        for ties in ("efron", "breslow"):
            u, v = slow.robust_score(time, event, own, ties)
            found = module.robust_score(late, died, arm, ties=ties, **given)
            yield gap(found.z[0], u / np.sqrt(v))
            half = own.cluster % 2  # clusters lie within strata, whose scores and variances add up
            sides = [
                slow.robust_score(time[m], event[m], slow.Design(own.treated[m], own.weight[m], own.cluster[m]), ties)
                for m in (half == 0, half == 1)
            ]
            within = module.robust_score(late, died, arm, ties=ties, stratum=np.append(half, [0, 1])[None], **given)
            yield gap(within.z[0], sum(u for u, _ in sides) / np.sqrt(sum(v for _, v in sides)))
            yield unless(found.events[0, 1] == (own.treated & event).sum())
            yield unless(found.n[0].tolist() == [(~own.treated).sum(), own.treated.sum()])
        for conf_type in ("log", "plain"):
            plan = plans.SurvivalPlan(conf_type=conf_type)
            found = module.weighted_quantile(late, died, arm, plan, **given)
            for a in (0, 1):
                mine = own.treated == a
                steps = slow.curve(time[mine], event[mine], own.weight[mine], own.cluster[mine])
                yield gap(found.share[0, a], own.weight[mine & event].sum() / own.weight[mine].sum())
                yield unless(found.value[0, a] == slow.first_at_or_below([(t, s) for t, s, _ in steps]))
                for sign, limit in ((-1, found.low), (1, found.high)):
                    curve = [(t, _limit(s, e, sign, conf_type)) for t, s, e in steps]
                    yield unless(limit[0, a] == slow.first_at_or_below(curve))
                drawn = module.weighted_kaplan_meier(
                    time[mine], event[mine], own.weight[mine], own.cluster[mine], plan=plan
                )
                fall = drawn.n_event > 0
                yield gap(
                    np.stack([drawn.survival[fall], drawn.std_err[fall]], axis=1), np.array([s[1:] for s in steps])
                )
                lows = np.array([_limit(s, e, -1, conf_type) for _, s, e in steps])
                yield unless(np.allclose(drawn.low[fall], lows, atol=1e-9, equal_nan=True))
    yield unless(module.robust_score(late * np.nan, died, arm, **given).status[0] == 8)
    yield unless(module.robust_score(late, died & False, arm, **given).status[0] == 3)
    yield unless(module.robust_score(late, died, arm | True, **given).status[0] == 4)
    half = module.weighted_quantile(
        [[1.0, 2, 3, 4]], [[True, True, True, False]], [[True] * 4], plans.SurvivalPlan(), weight=np.ones((1, 4)),
        cluster=np.arange(4)[None],
    )  # fmt: skip
    yield unless(half.value[0, 1] == 2.5)


def _limit(s: float, error: float, sign: int, conf_type: str) -> float:
    z = sign * 1.959963984540054
    if conf_type == "plain":
        return min(1.0, max(0.0, s + z * error))
    return min(1.0, s * np.exp(z * error / s)) if s > 0 else np.nan


DEFECTS = [
    *defects(
        "analysis.kernels.weighted_samples",
        samples,
        ("look_at", "all counted as untreated", "count[side[k]] += 1", "count[0] += 1"),
        ("average", "mean ranks without weights", "mass[k] * y[k] / total[side[k]]", "y[k] / total[side[k]]"),
        (
            "two_groups",
            "ranks about the means of the values",
            "average(m, here, rank, total, centre)",
            "average(m, here, here.value, total, centre)",
        ),
        ("gather", "the absent count", "if present[i] and weight[i] > 0.0:\nvalue", "if weight[i] > 0.0:\nvalue"),
        ("quantile", "quantiles without weights", "below += mass[k]\nreturn", "below += whole / (n - 1)\nreturn"),
        ("quantile", "all the mass", "range(n - 1):\nwhole += mass[k]", "range(n):\nwhole += mass[k]"),
        ("clustered", "n clusters for n - 1", "total * count / (count - 1.0)", "total * 1.0"),
        ("clustered", "patients for clusters", "sums[own[k]] += score[k]", "sums[own[k]] = score[k]"),
        (
            "describe",
            "the variance of a population",
            "spread / whole * size / (size - 1.0)",
            "spread / whole",
        ),
        ("rank_all", "the last of a tie", "(below + tie / 2.0)", "(below + tie)"),
        ("compare", "df of clusters less one", "groups - 2.0", "groups - 1.0"),
        ("compare", "the t test unweighted", "score[k] = mass[k] * off", "score[k] = off"),
    ),
    *defects(
        "analysis.kernels.weighted_tables",
        samples,
        (
            "shares_of",
            "shares of patients",
            "share[arm, k] = p[arm * levels + k] / arms[arm]",
            "share[arm, k] = counts[arm, k] / arms[arm]",
        ),
        (
            "pearson",
            "squares of any size alike",
            "(p[arm * levels + k] - expected) ** 2 / expected",
            "(p[arm * levels + k] - expected) ** 2",
        ),
        ("spread_of_contrasts", "a cluster again for each patient", "one[0] = np.nan", "one[0] += 0.0"),
        (
            "tally",
            "a table of patients",
            "p[arm * levels + level[r, i]] += weight[r, i]",
            "p[arm * levels + level[r, i]] += 1.0",
        ),
        ("rao_scott", "the sum of weights for n", "chi2 *= size / whole", "chi2 *= 1.0"),
        ("sum_clusters", "no mean taken off", "((1.0 if here else 0.0) - p[cell])", "(1.0 if here else 0.0)"),
        ("traces", "no inverse of the reference", ", 1.0 / _weight_of(p, levels, reference)", ", 0.0"),
        ("rao_scott", "one df", "df = trace * trace / squares", "df = 1.0"),
        ("rao_scott", "df beneath of patients", "df * (groups - 1.0)", "df * (size - 1.0)"),
        ("_pull", "the treated alone", "return up - (one[k] / p[k] if p[k] > 0.0 else 0.0)", "return up"),
        ("_weight_of", "the reciprocal of one share", "return up + (1.0 / p[k] if p[k] > 0.0 else 0.0)", "return up"),
    ),
    *defects(
        "analysis.kernels.weighted_survival",
        survival,
        ("in_order", "the absent count", "if present[i] and weight[i] > 0.0:", "if weight[i] > 0.0:"),
        (
            "weighted_curve",
            "deaths without weights",
            "dead += weight[who[last]] if event[who[last]] else 0.0",
            "dead += 1.0 if event[who[last]] else 0.0",
        ),
        (
            "weighted_curve",
            "no share of one's own death",
            "(1.0 / left if event[who[k]] and left > 0.0 else 0.0)",
            "0.0",
        ),
        (
            "weighted_curve",
            "patients for clusters",
            "squares += now * now - past * past",
            "squares += (now - past) ** 2",
        ),
        (
            "weighted_curve",
            "no products of past and future",
            "variance = squares + 2.0 * hazard * mixed +",
            "variance = squares +",
        ),
        (
            "weighted_curve",
            "who has left still counts",
            "left_squares += (mass - w) ** 2 - mass * mass",
            "left_squares += 0.0",
        ),
        (
            "robust_limit",
            "no limit at 0",
            "return 0.0 if survival <= 0.0 and conf_type == PLAIN else",
            "return np.nan if survival <= 0.0 else",
        ),
        ("first_below", "below the level", "if y < level + _TOLERANCE:", "if y < level - _TOLERANCE:"),
        ("first_below", "the first of equals", "return float((at + curve[0, k]) / 2.0)", "return float(at)"),
        (
            "weighted_medians",
            "events without weights",
            "had += weight[a, who[k]] if event[a, who[k]] else 0.0",
            "had += 1.0 if event[a, who[k]] else 0.0",
        ),
        ("weighted_medians", "limits exchanged", "1.0 - q, -z, conf_type)", "1.0 - q, z, conf_type)"),
        ("score_steps", "Breslow's ties", "part = d / deaths if efron else 0.0", "part = 0.0"),
        ("score_steps", "each death its own weight", "jump = dead / deaths / below", "jump = 1.0 / below"),
        (
            "score_steps",
            "the dying at risk to the end",
            "step[OWN_JUMP, first] += jump * (1.0 - part)",
            "step[OWN_JUMP, first] += jump",
        ),
        ("score_residuals", "the score without weights", "total += weight[i] * off", "total += off"),
        (
            "score_residuals",
            "patients for clusters in the score",
            "sums[cluster[i]] += weight[i]",
            "sums[cluster[i]] = weight[i]",
        ),
        ("squares_of", "clusters counted once per patient", "sums[cluster[who[k]]] = 0.0", "sums[0] += 0.0"),
        ("count_by_arm", "the censored count as events", "counts[arm, 1] += had", "counts[arm, 1] += 1"),
        (
            "end_of_stratum",
            "all patients are one stratum",
            "stratum[a, who[last]] == stratum[a, who[first]]",
            "stratum[a, who[last]] >= 0",
        ),
        ("end_of_stratum", "a stratum ends a patient early", "return last", "return max(last - 1, first + 1)"),
        ("robust_scores", "rounding for a variance", "_OK if variance > NOTHING * apart", "_OK if variance > 0.0"),
    ),
]

test_the_plain_kernels_agree_with_the_slow_twins, test_a_planted_defect_is_noticed = noticed_by(DEFECTS)
