"""Competing risks: incidences, Gray's test and the Fine-Gray model, each shown to be noticed when wrong."""

import functools
from types import SimpleNamespace
from typing import Any

import numpy as np

from analysis.kernels.cox_data import DEATHS, FIRST, GROUPS, LAST, PATIENTS, START, STOP
from analysis.kernels.status import Status
from tests.agreement import gap
from tests.planted import Gaps, Rooms, defects, noticed_by, unless
from tests.reference import competing as slow
from tests.test_against_r_competing import AT, Cohort, sets

FEW = (4, 6, 9, 14, 22, 27)
ROUGH = 0.01  # derivatives by numeric differences are right to six digits


@functools.cache
def some() -> tuple[tuple[Cohort, dict[str, Any]], ...]:
    """Small sets with ties and without, with three causes and two, and what R says of them."""
    found = [(cohort, frozen) for cohort, frozen in sets() if frozen["set"] in FEW]
    assert {frozen["tied"] for _, frozen in found} == {True, False}
    assert {int(cohort.cause.max()) for cohort, _ in found} == {2, 3}
    return tuple(found)


@functools.cache
def _slow_se(number: int) -> float:
    cohort = next(cohort for cohort, frozen in some() if frozen["set"] == number)
    time, kind = cohort.time[0], np.minimum(cohort.cause[0], 2)
    return slow.jackknife(lambda w: slow.incidence(time, kind, w, 0.5), cohort.weight[0], cohort.pair[0])


def incidence(rooms: Rooms) -> Gaps:
    """Incidences, mean times lost and their contrasts, weighted and in pairs, with limits and statuses."""
    module = rooms["analysis.survival.incidence"]
    for cohort, frozen in some():
        for name, weight in (("plain", None), ("weighted", cohort.weight)):
            said = frozen[name]
            for a in range(2):
                arm = cohort.treated == a
                reached = (np.array(AT) <= said["until"][a]) | (said["free"][a] == 0)
                for cause in range(2):
                    options = {"of": cause + 1, "present": arm, "weight": weight}
                    found = module.cumulative_incidence(cohort.time, cohort.cause, AT, **options)
                    yield unless((found.status[0] == Status.OK) == reached)
                    yield gap(found.value[0, reached], np.array(said["value"][a])[reached, cause], 0.1)
                    yield gap(found.se[0, reached], np.array(said["se"][a])[reached, cause], 0.1)
                    lost = module.time_lost(cohort.time, cohort.cause, 1.0, **options)
                    if reached[2]:
                        yield gap((lost.value[0], lost.se[0]), (said["lost"][a][cause], said["lost_se"][a][cause]), 0.1)
                yield unless((found.n, found.events) == (arm.sum(), (arm & (cohort.cause == 2)).sum()))
                yield unless(found.competing == (arm & (cohort.cause > 0) & (cohort.cause != 2)).sum())
            paired = {"weight": weight, "cluster": cohort.pair}
            for measure, theirs in (("incidence_difference", "pair_se"), ("log_incidence_ratio", "ratio_se")):
                both = module.incidence_contrast(cohort.time, cohort.cause, cohort.treated, 0.5, measure, **paired)
                if both.status[0] == Status.OK:
                    yield gap(both.se[0], said[theirs][1], 0.1)
        if cohort.time.max() >= 0.5:
            told = module.cumulative_incidence(cohort.time, cohort.cause, 0.5, conf_type="log-log")
            yield gap((told.low[0, 0], told.high[0, 0]), np.array(frozen["limits"]["log-log"], float), 0.1)
        paired = module.cumulative_incidence(cohort.time, cohort.cause, 0.5, weight=cohort.weight, cluster=cohort.pair)
        yield ROUGH * gap(paired.se[0, 0], _slow_se(frozen["set"]), 0.1)
        arm = cohort.treated == 0
        crude = module.cumulative_incidence(cohort.time, cohort.cause, 0.25, present=arm, variance="binomial")
        yield gap(crude.se[0, 0] ** 2, frozen["cuminc"]["var"][0][0], 0.001)
    cohort = some()[0][0]
    censored = np.where(cohort.time == cohort.time.max(), 0, cohort.cause)
    yield unless(module.cumulative_incidence(cohort.time, censored, 99.0).status == Status.TOO_FEW)
    spoilt = np.where(np.arange(cohort.time.shape[1]) == 2, np.nan, cohort.time)
    yield unless(module.cumulative_incidence(spoilt, cohort.cause, 0.5).status == Status.BAD_INPUT)
    yield unless(module.cumulative_incidence(cohort.time, -cohort.cause, 0.5).status == Status.BAD_INPUT)
    light = np.where(np.arange(cohort.time.shape[1]) == 2, -1.0, 1.0)[None]
    yield unless(module.cumulative_incidence(cohort.time, cohort.cause, 0.5, weight=light).status == Status.BAD_INPUT)


@functools.cache
def _slow_gray(place: int, weighted: bool, paired: bool) -> float:
    cohort = some()[place][0]
    time, kind, treated = cohort.time[0], np.minimum(cohort.cause[0], 2), cohort.treated[0]
    weight = cohort.weight[0] if weighted else np.ones(len(time))
    own = cohort.pair[0] if paired else np.arange(len(time))

    def score(w: Any) -> float:
        return slow.gray_score(time, kind, treated, w)

    return score(weight) / slow.jackknife(score, weight, own)


def gray(rooms: Rooms) -> Gaps:
    """Gray's test as in cuminc, and its robust form by numeric derivatives."""
    module = rooms["analysis.survival.gray"]
    for place, (cohort, frozen) in enumerate(some()):
        found = module.gray_test(cohort.time, cohort.cause, cohort.treated)
        yield gap(found.chi2[0], frozen["gray"][0], 0.1)
        yield unless(found.events[0, 1] == (cohort.treated & (cohort.cause == 1)).sum())
        if place < 3:
            for weighted, paired in ((True, False), (True, True), (False, True)):
                options = {"weight": cohort.weight if weighted else None, "cluster": cohort.pair if paired else None}
                found = module.gray_test(cohort.time, cohort.cause, cohort.treated, **options)
                yield ROUGH * gap(found.z[0], _slow_gray(place, weighted, paired), 1.0)
    nobody = module.gray_test(cohort.time, 2 * cohort.cause, cohort.treated)
    yield unless(nobody.status == Status.NO_EVENTS)
    alone = module.gray_test(cohort.time, cohort.cause, np.ones(cohort.time.shape, bool))
    yield unless(alone.status == Status.NO_INFO)


@functools.cache
def _slow_strata(place: int) -> slow.Subdistribution:
    cohort = some()[place][0]
    n = cohort.time.shape[1]
    return slow.fine_gray(
        cohort.time[0], np.minimum(cohort.cause[0], 2), cohort.x[0, :, 1:], cohort.weight[0], np.arange(n),
        cohort.treated[0].astype(int), cohort.pair[0] % 2,
    )  # fmt: skip


def models(rooms: Rooms) -> Gaps:
    """Fine-Gray models as finegray and crr have them, in strata, and likelihoods without a maximum."""
    module = rooms["analysis.survival.fine_gray"]
    for place, (cohort, frozen) in enumerate(some()):
        for name, options, p in (
            ("fg2", {}, 2),
            ("fgw", {"weight": cohort.weight, "cluster": cohort.pair}, 2),
            ("arm", {"censoring": cohort.treated.astype(int)}, 1),
        ):
            fit, said = module.fine_gray(cohort.time, cohort.cause, cohort.x[..., :p], **options), frozen[name]
            for ours, theirs in ((fit.beta, "beta"), (fit.se, "se"), (fit.robust_se, "robust")):
                yield gap(ours[0], np.atleast_1d(said[theirs]), 0.1)
            yield gap((fit.loglik_null[0], fit.loglik[0]), said["loglik"])
            yield unless((fit.n, fit.events) == (cohort.time.shape[1], (cohort.cause == 1).sum()))
        fit = module.fine_gray(cohort.time, cohort.cause, cohort.x, like="crr")
        yield gap(fit.beta[0], frozen["crr"]["beta"], 0.1)
        yield gap(fit.robust_se[0], frozen["crr"]["se"], 0.1)
        if place < 2:
            options = {"stratum": cohort.pair % 2, "censoring": cohort.treated.astype(int), "weight": cohort.weight}
            fit, truth = module.fine_gray(cohort.time, cohort.cause, cohort.x[..., 1:], **options), _slow_strata(place)
            yield gap(fit.beta[0], truth.beta, 0.1)
            yield gap(fit.robust_covariance[0], truth.robust, 0.01)
    away = np.where(cohort.treated & (cohort.cause == 1), 2, cohort.cause)
    fit = module.fine_gray(cohort.time, away, cohort.x[..., :1])
    yield unless((fit.status[0], fit.sign[0, 0]) == (Status.MONOTONE, -1))
    yield unless(module.fine_gray(cohort.time, -cohort.cause, cohort.x).status == Status.BAD_INPUT)
    marked = cohort.treated & (cohort.x[..., 1] > 0.5)
    rare = np.concatenate([cohort.x[..., 1:], marked[..., None]], axis=-1)
    early, gone = np.where(marked, 1 / 2048, cohort.time), np.where(marked, 2, cohort.cause)
    fit, truth = module.fine_gray(early, gone, rare), _slow_limit(early.tobytes(), gone.tobytes(), rare.tobytes())
    yield unless(fit.state[0].tolist() == [Status.OK, Status.MONOTONE])
    yield gap(fit.beta[0, 0], truth, 0.1)


def recession(rooms: Rooms) -> Gaps:
    """Whether everyone who dies has the largest linear predictor of those at risk, among them who stays."""
    module, draw, seen = rooms["analysis.kernels.fine_gray"], np.random.default_rng(2), set()
    for _ in range(60):
        time, kind = np.sort(draw.integers(1, 5, 6)), draw.integers(0, 3, 6)
        x, step, died = draw.integers(0, 3, (6, 2)) / 1.0, draw.choice([-1.0, 0.0, 1.0], 2), kind == 1
        when, start = np.unique(time, return_index=True)
        group = np.zeros((len(when), 7), np.int64)
        group[:, START], group[:, STOP], group[:, FIRST], group[:, LAST] = start, np.append(start[1:], 6), 0, 6
        group[:, DEATHS] = [(died & (time == t)).sum() for t in when]
        here = SimpleNamespace(group=group, died=died, z=np.vstack([np.ones(6), x.T]), counts=np.zeros(3, np.int64))
        here.counts[PATIENTS], here.counts[GROUPS] = 6, len(when)
        staying = SimpleNamespace(carry=(kind == 2) / 1.0, label=np.zeros(6, np.int64), free=np.ones((1, len(when))))
        found = module.recedes_staying(here, step, 0.0, staying, np.empty(6))
        expected = all((x[i] @ step >= (x @ step)[(time >= time[i]) | (kind == 2)].max()) for i in np.flatnonzero(died))
        seen.add(expected)
        yield unless(found == expected)
    assert seen == {True, False}


@functools.cache
def _slow_limit(early: bytes, gone: bytes, rare: bytes) -> float:
    """The first coefficient where those with the second covariate count but where censoring is estimated."""
    time, kind = np.frombuffer(early), np.minimum(np.frombuffer(gone, np.int64), 2)
    x, nobody = np.frombuffer(rare).reshape(len(time), 2), np.zeros(len(time), np.int64)
    weight = np.where(x[:, 1] == 1, 1e-200, 1.0)
    return float(slow.fine_gray(time, kind, x[:, :1], weight, np.arange(len(time)), nobody, nobody).beta[0])


DEFECTS = [
    *defects(
        "analysis.kernels.incidence",
        incidence,
        ("room_for_causes", "room for whole numbers only", "np.empty((7, n))", "np.empty((7, n), np.int64)"),
        ("tabulate_causes", "a code below 0 is no fault", "or kind[c, i] < 0", "or False"),
        ("tabulate_causes", "a negative weight is no fault", "not 0.0 < weight[c, i] < np.inf", "False"),
        (
            "tabulate_causes",
            "competing events counted as the cause",
            "events += kind[c, i] == 1",
            "events += kind[c, i] > 0",
        ),
        (
            "tabulate_causes",
            "only the second cause competes",
            "competing += kind[c, i] > 1",
            "competing += kind[c, i] > 2",
        ),
        (
            "tabulate_causes",
            "S(t), not S(t-)",
            "share += free * own / mass[first]",
            "share += free * left / mass[first] * own / mass[first]",
        ),
        (
            "tabulate_causes",
            "those censored at a time leave before it",
            "left = mass[last] + lost",
            "left = mass[last]",
        ),
        ("tabulate_causes", "competing events censor", "elif kind[c, who[last]] > 1", "elif False"),
        ("share_at", "a time itself is not reached", "steps[WHEN, until] <= at", "steps[WHEN, until] < at"),
        ("share_at", "the area of the incidence from a step on to the end", "end = steps[WHEN, k]", "end = at"),
        ("share_at", "an area without its span", "alpha[k] *= at - steps[WHEN, k]", "alpha[k] *= at"),
        ("share_at", "what comes after an event is forgotten", "ahead = value - steps[SHARE, k]", "ahead = value"),
        ("share_at", "Y, not Y - d", "ahead / steps[LEFT, k]", "ahead / steps[AT_RISK, k]"),
        (
            "derivative",
            "the risk of competing events left out",
            "- beta[done] * steps[ALL, done]",
            "- beta[done] * steps[OWN, done]",
        ),
        ("derivative", "a competing event counts as the cause", "block.kind[c, i] == 1", "block.kind[c, i] > 0"),
        ("derivative", "events change nothing else", "- beta[done - 1]", "- 0.0 * beta[done - 1]"),
        ("binomial_variance", "no account of ties", "1.0 - (own - 1.0) / (at_risk - 1.0) if own > 1.0 else 1.0", "1.0"),
        ("binomial_variance", "the cause without what it prevents", "(1.0 - q) ** 2", "1.0"),
        ("binomial_variance", "competing events without variance", "part += q**2 * other", "part += 0.0 * other"),
        ("incidences", "patients are no clusters", "sums[cluster[c, i]] += off", "total += off * off"),
        (
            "incidences",
            "weights left out of the variance",
            "off = slope[i] * (block.weight[c, i] if block.weight.shape[0] > 0 else 1.0)",
            "off = slope[i]",
        ),
        ("incidences", "told beyond all follow-up", "not at[t] <= last", "False"),
    ),
    *defects(
        "analysis.survival.incidence",
        incidence,
        (
            "incidence_contrast",
            "arms added",
            "gradient = slopes[:, 1] * pull[:, 1:] - slopes",
            "gradient = slopes[:, 1] * pull[:, 1:] + slopes",
        ),
        ("incidence_contrast", "a ratio as a difference", "pull = 1 / value if ratio", "pull = 1 + 0 * value if ratio"),
        ("limits", "the log-log width of S", "width = z * se / inside / np.log(inside)", "width = z * se / inside"),
    ),
    *defects(
        "analysis.kernels.gray",
        gray,
        ("join", "a time of both arms only in one", "second if t1 <= t0 else", "second if t1 < t0 else"),
        (
            "at_each",
            "who has an event is no longer at risk",
            "block.time[c, arm.who[patient]] < joint[k]",
            "block.time[c, arm.who[patient]] <= joint[k]",
        ),
        (
            "at_each",
            "F(t), not F(t-)",
            "made[4, k] = s[SHARE, before - 1]",
            "made[4, k] = s[SHARE, before - 1 + (own >= 0)]",
        ),
        (
            "score_of",
            "a log-rank test of the untreated",
            "by_arm[0, 0, k] * (1.0 - by_arm[0, 4, k]) / by_arm[0, 3, k]",
            "by_arm[0, 0, k]",
        ),
        ("score_of", "a derivative of the other sign", "-dead * (1.0 - share)", "dead * (1.0 - share)"),
        ("null_variance", "what follows left out", "(work[1, k] + (1.0 - q) * after)", "work[1, k]"),
        (
            "null_variance",
            "no account of ties",
            "1.0 - (dead - 1.0) / (whole * free - 1.0) if dead > 1.0 else 1.0",
            "1.0",
        ),
        ("null_variance", "competing events left out", "(q * after) ** 2", "0.0 * after"),
        (
            "null_variance",
            "competing ties left out",
            "1.0 - (other - 1.0) / (at_risk - 1.0) if other > 1.0 else 1.0",
            "1.0",
        ),
        ("influence", "S and F taken as known", "work[0, k] = after", "work[0, k] = 0.0"),
        (
            "influence",
            "the risk set taken as known",
            "lasting += pull[done] * (1.0 - by_arm[4, done]) / by_arm[3, done]",
            "lasting += 0.0",
        ),
        ("influence", "the treated's own events taken as known", "1.0 if treated else 0.0", "0.0"),
        ("influence", "competing events change nothing", "else work[1, done - 1]", "else 0.0"),
        (
            "gray_scores",
            "weights left out",
            "off = slope[i] * (block.weight[c, i] if block.weight.shape[0] > 0 else 1.0)",
            "off = slope[i]",
        ),
        ("gray_scores", "an empty arm tested", "not variance > NOTHING * apart", "False"),
        ("gray_scores", "nobody's events tested", "made.status[r] = _NO_EVENTS", "made.status[r] = _OK"),
    ),
    *defects(
        "analysis.kernels.fine_gray",
        models,
        (
            "subdistribution",
            "information about zero",
            "total[k] -= sum_of_products(at.share, at.mean[p], at.mean[q], steps)",
            "total[k] -= 0.0",
        ),
        ("let_stay", "events and censorings at once", "had[g] if events_first else 0.0", "0.0"),
        ("let_stay", "events first, as crr has it not", "had[g] if events_first else 0.0", "had[g]"),
        ("let_stay", "G(T), not G(T-)", "before[g, times] = now[g]", "before[g, times] = now[g] * (1.0 - 1.0 / 50.0)"),
        ("let_stay", "weights never rise", "1.0 / now[own]", "1.0"),
        ("let_stay", "a group stays after its last time", "now[g] = 0.0", "now[g] += 0.0"),
        ("let_stay", "one group of censoring", "own = label[c, i] if label.shape[0] > 0 else 0", "own = 0"),
        ("weigh_staying", "strata mixed", "sums[:, :] = 0.0", "sums[:, :] += 0.0"),
        ("weigh_staying", "who stays keeps the whole weight", "staying.free[own, g] * sums[own, p]", "sums[own, p]"),
        (
            "steps_with_staying",
            "Efron without its ties",
            "s + staying.extra[0, g] - step / steps_here * dead",
            "s + staying.extra[0, g]",
        ),
        ("steps_with_staying", "nobody stays", "s + staying.extra[0, g] -", "s -"),
        (
            "steps_with_staying",
            "who stays has no covariates",
            "at.mean[p, s_] += staying.extra[p, g] * inverse[s_]",
            "at.mean[p, s_] += 0.0",
        ),
        (
            "expose",
            "who stays is exposed to nothing",
            "exposure[i] += staying.carry[i] * ahead[staying.label[i]]",
            "exposure[i] += 0.0",
        ),
        ("expose", "strata mixed in what is to come", "0.0 if group[g, START] == group[g, FIRST] else ahead", "ahead"),
        ("jumps_at", "Breslow's share of the dead", "(1.0 - step / steps)", "1.0"),
        (
            "climb",
            "a last step not taken",
            "beta[p] += step[p]\nsubdistribution(beta, here, efron, staying, at)",
            "beta[p] += 0.1 + step[p]\nsubdistribution(beta, here, efron, staying, at)",
        ),
    ),
    *defects(
        "analysis.kernels.fine_gray",
        recession,
        (
            "recedes_staying",
            "the wrong way along a step",
            "eta[i] += step[p] * here.z[1 + p, i]",
            "eta[i] -= step[p] * here.z[1 + p, i]",
        ),
        (
            "recedes_staying",
            "who stays is no bar to receding",
            "if i >= group[g, START] or stays",
            "if i >= group[g, START]",
        ),
        ("recedes_staying", "the censored bar receding", "here.died[i] and eta[i] < top", "eta[i] < top"),
    ),
    *defects(
        "analysis.kernels.fine_gray_fit",
        models,
        (
            "residuals",
            "who stays is left out",
            "residual[p, i] += risk[i] * staying.carry[i] * ahead[staying.label[i]]",
            "residual[p, i] += 0.0",
        ),
        ("residuals", "the centre left out", "residual[p, i] -= here.weight[i] * centre", "residual[p, i] -= 0.0"),
        ("residuals", "Breslow's share of the dead", "(1.0 - step / steps)", "1.0"),
        ("residuals", "strata mixed after the time", "0.0 if group[g, START] == group[g, FIRST] else ahead", "ahead"),
        ("add_censoring", "the hazard of censoring left out", "lasting -= q * lost", "lasting -= 0.0 * lost"),
        ("add_censoring", "the censored themselves left out", "q / at_risk if censored[i] else 0.0", "0.0"),
        ("add_censoring", "the mean left out", "- carried * ahead_mean[g]", "- 0.0 * ahead_mean[g]"),
        ("robust_covariance", "each patient alone", "own = 0 if alone else cluster[i]", "own = 0"),
        ("robust_covariance", "the scale left out", "residual[p, place[i]] * scale[p]", "residual[p, place[i]]"),
        (
            "fit_fine_gray",
            "a bad code is no fault",
            "state = _BAD_INPUT if kind[c, i] < 0 else state",
            "state = state + 0",
        ),
        ("fit_fine_gray", "crr without its estimate of censoring", "if as_crr", "if False"),
    ),
    *defects(
        "analysis.survival.fine_gray",
        models,
        ("_Model.at_risk_until", "who stays is gone at once", "last[:, None], until", "until, until"),
        ("_follow", "the limit as a Cox model", "model.columns, refit", "model.columns"),
    ),
]

test_the_plain_kernels_agree_with_r_and_the_slow_twins, test_a_planted_defect_is_noticed = noticed_by(DEFECTS)
