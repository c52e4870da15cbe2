"""Answers that are no simulation: hand-worked data, closed forms, and what R says of the same data."""

from math import exp, log, sqrt

import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq

from analysis.propensity import matching, weighting
from analysis.survival import statistics
from analysis.two_samples.tests import fisher, welch
from benchmarks.truth.tallies import log_hr
from benchmarks.validation.check import Check, exact

HAND = "hand-worked Cox data"
TIME, STATUS, X = [[1.0, 1, 6, 6, 8, 9]], [[1, 0, 1, 1, 0, 1]], [[1.0, 1, 1, 0, 0, 0]]
CLUSTER, WEIGHT = [[1, 2, 3, 1, 2, 3]], [[1.0, 2, 1, 3, 1, 2]]
SLEEP = [[0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0, 1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]]


def hand_worked() -> list[Check]:
    """Six patients with ties (Therneau & Grambsch 2000, appendix E.1), everything worked out by hand."""
    event, x = np.array(STATUS, bool), np.array(X)[..., None]
    breslow = statistics.cox(TIME, event, x, ties="breslow")
    efron = statistics.cox(TIME, event, x, ties="efron")
    test = statistics.logrank(TIME, event, np.array(X) > 0)
    curve = [statistics.survival_at(TIME, event, at).value[0] for at in (1.0, 6.0, 9.0)]
    found = [
        ("beta, Breslow: ln((3 + sqrt 33) / 2)", breslow.beta[0, 0], log((3 + sqrt(33)) / 2), 1e-12),
        ("log-likelihood, Breslow", breslow.loglik[0], -3.824749505003, 5e-13),
        ("beta, Efron", efron.beta[0, 0], 1.676857485593, 5e-13),
        ("log-likelihood, Efron", efron.loglik[0], -3.358974840263, 5e-13),
        ("log-rank, observed", test.observed[0, 1], 2.0, 1e-12),
        ("log-rank, expected", test.expected[0, 0], 3.0, 1e-12),
        ("log-rank, chi-square", test.chi2[0], 2.0, 1e-12),
        ("Kaplan-Meier at 1", curve[0], 5 / 6, 1e-12),
        ("Kaplan-Meier at 6", curve[1], 5 / 12, 1e-12),
        ("Kaplan-Meier at 9", curve[2], 0.0, 1e-12),
    ]
    return [exact(HAND, what, float(ours), known, within) for what, ours, known, within in found]


def by_r() -> list[Check]:
    """Robust SEs of the same six patients in three clusters, and classical tests: R 4.2.2, survival 3.5-3."""
    event, x = np.array(STATUS, bool), np.array(X)[..., None]
    known = {
        ("breslow", False): 0.48261097519934615,
        ("breslow", True): 0.18408935028645410,
        ("efron", False): 0.59275904852155548,
        ("efron", True): 0.29239653182354008,
    }
    checks = []
    for (ties, weighted), se in known.items():
        weight = WEIGHT if weighted else None
        fit = statistics.cox(TIME, event, x, ties=ties, weight=weight, cluster=CLUSTER)
        assert fit.robust_se is not None
        what = f"clustered SE, {ties}{', weighted' if weighted else ''}"
        checks.append(exact("agreement with R", what, float(fit.robust_se[0, 0]), se, 1e-8))
    test = welch(SLEEP, np.arange(20)[None] >= 10)
    checks += [
        exact(
            "agreement with R", "Welch's t, Student's sleep data", float(test.statistic[0]), 1.8608134674868531, 1e-8
        ),
        exact("agreement with R", "its degrees of freedom", float(test.df[0]), 17.776473516178498, 1e-8),
        exact("agreement with R", "its p", float(test.p[0]), 0.079394140187358173, 1e-8),
        exact("agreement with R", "Fisher's p of (3, 1; 1, 3)", float(fisher([[[3, 1], [1, 3]]]).p[0]), 17 / 35, 1e-8),
    ]
    return checks


def matching_by_hand() -> list[Check]:
    """Greedy matching of eight patients with a caliper on the logit, worked out on paper.

    Propensities 0.90, 0.60, 0.50, 0.10 of the treated and 0.85, 0.58, 0.05, 0.12 of the others: the logits are 2.20,
    0.41, 0 and -2.20, and 1.73, 0.32, -2.94 and -1.99; their SD over all is 1.80. Within 0.2 of it (0.36) the largest
    first finds nobody (0.46 away), the second 0.58, the third nobody, as that one is taken, the last 0.12. On the
    probability scale, where the caliper is 0.07, 0.85 would be near enough to 0.90.
    """
    e = np.array([[0.90, 0.60, 0.50, 0.10, 0.85, 0.58, 0.05, 0.12]])
    treated = np.arange(8)[None] < 4
    pairs = matching.match(np.log(e / (1 - e)), treated)
    name = "hand-worked matching"
    logits = [log(p / (1 - p)) for p in e[0]]
    middle = sum(logits) / 8
    width = 0.2 * sqrt(sum((one - middle) ** 2 for one in logits) / 7)
    found = [
        ("pairs", float(pairs.n_pairs[0]), 2.0, 0.0),
        ("caliper, 0.2 SD of the logit", float(pairs.width[0]), width, 1e-12),
        ("control of the second", float(pairs.controls[0, 1, 0]), 5.0, 0.0),
        ("control of the fourth", float(pairs.controls[0, 3, 0]), 7.0, 0.0),
        ("ATT weight of a control with e = 0.85", float(weighting.ipw(e, treated, "att")[0, 4]), 0.85 / 0.15, 1e-12),
        ("ATE weight of a treated with e = 0.90", float(weighting.ipw(e, treated, "ate")[0, 0]), 1 / 0.9, 1e-12),
    ]
    return [exact(name, what, ours, known, within) for what, ours, known, within in found]


def marginal_by_quadrature() -> list[Check]:
    """The Cox log hazard ratio of everyone followed once in each arm, where p is uniform and hazards are mixed.

    Hazard 0.001 (4 if treated) (1 + p), exponential censoring 0.01: by the tally of the truths, and by quadrature.
    """
    p, weight = np.polynomial.legendre.leggauss(40)
    p, weight = (p + 1) / 2, weight / 2

    def curve(t: float, arm: int) -> tuple[float, float]:
        """The share at risk at t, and the density of events."""
        rate = 0.001 * (4.0 if arm else 1.0) * (1 + p)
        alive = np.exp(-(rate + 0.01) * t)
        return float(weight @ alive), float(weight @ (rate * alive))

    def score(beta: float) -> float:
        """The expected score; zero at the Cox coefficient."""

        def at(t: float) -> float:
            (s0, f0), (s1, f1) = curve(t, 0), curve(t, 1)
            return f1 - (f0 + f1) * s1 * exp(beta) / (s1 * exp(beta) + s0)

        return float(quad(at, 0, 3000, limit=500, epsabs=1e-13)[0])

    limit = float(brentq(score, 0.5, 2.0, xtol=1e-10))
    ends = np.linspace(0, 1500.0, 2049)
    counts = np.zeros((2, 2, len(ends) - 1))
    for arm in (0, 1):
        rate = 0.001 * (4.0 if arm else 1.0) * (1 + p)[:, None]
        leaving = -np.diff(np.exp(-(rate + 0.01) * ends), axis=1)
        counts[arm] = weight @ leaving, weight @ (leaving * rate / (rate + 0.01))
    tally = log_hr(np.rint(counts * 1e15).astype(np.int64))
    name = "marginal hazard ratio"
    return [
        exact(name, "tally of potential outcomes against quadrature", tally, limit, 5e-5),
        exact(name, "quoted to within 0.0025 (conditional: 1.3863)", tally, 1.3717, 2.5e-3),
    ]
