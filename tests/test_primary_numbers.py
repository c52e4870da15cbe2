"""Every number that a paper may print, under each primary analysis: by key, beside one cohort, and by hand if weighted.

By hand: propensity scores by Newton's steps, weights by their formulas, and all numbers by the slow twins.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2, f, norm, t

from analysis.audit.kinds import may_be_unreached
from analysis.paper.numbers import BlockNumbers, number_in
from benchmarks.asked.published_keys import number_keys
from simulator.cohort.cohorts import Observed
from simulator.numerics.arrays import Bools, Floats
from tests.reference import competing as curves
from tests.reference import cox as slow_cox
from tests.reference import weighted as slow
from tests.reference import weighted_samples as samples
from tests.test_published_keys import REPLICATES, TIMES, keys_of, small

Z = float(norm.ppf(0.975))
ATT = ("analysis.primary=weighting",)
ATE = (*ATT, "analysis.weighting={target: ate, stabilised: true, trim: [0.2, 0.8], truncate: [0.02, 0.98]}")
PRIMARY = {
    "att": ATT,
    "ate": ATE,
    "adjustment": ("analysis.primary=adjustment",),
    "unadjusted": ("analysis.primary=unadjusted",),
}
BEYOND = f"[{TIMES[-1]}]"
Hand = dict[str, float]


def keys(primary: str) -> list[str]:
    """All keys of the small world under a primary analysis."""
    scenario, _, _ = small(*PRIMARY[primary])
    return [key for key in keys_of(number_keys(scenario)) if not key.startswith("world.")]


@pytest.mark.parametrize("primary", PRIMARY)
def test_every_key_has_a_number_or_a_reason_and_is_that_of_one_cohort(primary: str) -> None:
    _, block, alone = small(*PRIMARY[primary])
    assert len(keys(primary)) > 1700
    assert not any(key.startswith("matching") or "cox_pair_robust" in key for key in keys(primary))
    without = 0
    for key in keys(primary):
        found, wanted = block.of(key), np.array([number_in(one, key) for one in alone])
        np.testing.assert_allclose(np.where(np.isinf(found), np.nan, found), wanted, rtol=1e-9, atol=1e-12, err_msg=key)
        assert not np.isinf(found).any() or may_be_unreached(key), key
        for r in np.flatnonzero(np.isnan(found)):
            ended = block.of(key.rpartition(".")[0])[r] if key.endswith((".low", ".high")) else np.nan
            assert BEYOND in key, key
            assert reason(alone[r], key) == ("OK" if ended == 0 else "TOO_FEW"), (
                key
            )  # R has no limits of a survival of 0
            without += 1
    assert 0 < without <= 80 * len(REPLICATES)


def reason(analysis: dict[str, Any], key: str) -> str:
    """The status that stands beside a number at a time in the JSON of one cohort."""
    steps, here = key.partition(BEYOND)[0].split("."), analysis
    for step in steps[:-1]:
        here = here[step]
    return next(str(row["status"]) for row in here[steps[-1]] if row["time"] == float(TIMES[-1]))


@pytest.mark.parametrize("primary", ["adjustment", "unadjusted"])
def test_where_nothing_is_weighted_all_is_said_of_all_patients(primary: str) -> None:
    _, block, _ = small(*PRIMARY[primary])
    after = [key for key in keys(primary) if ".after." in key or ".after[" in key]
    assert len(after) > 800
    for key in after:
        np.testing.assert_array_equal(block.of(key), block.of(key.replace(".after", ".before")), err_msg=key)


@dataclass(frozen=True)
class Group:
    """Some patients of a cohort, all ``(n,)``."""

    time: Floats
    event: Bools
    treated: Bools
    weight: Floats

    def of(self, who: Bools) -> "Group":
        """Some of them."""
        return Group(self.time[who], self.event[who], self.treated[who], self.weight[who])

    def arm(self, name: str) -> "Group":
        """One arm."""
        return self.of(self.treated == (name == "treated"))

    @property
    def design(self) -> samples.Design:
        """Each patient a cluster."""
        return samples.Design(self.treated, self.weight, np.arange(len(self.weight)))


def design_of(observed: Observed, r: int) -> Floats:
    """The columns ``(N, 6)`` of the propensity model: each level but the first, and age."""
    stage, grade, site, age = observed.covariates[r].T
    return np.column_stack([stage == 1, grade == 1, grade == 2, site == 1, site == 2, age - 60]).astype(float)


def weights_of(observed: Observed, r: int, primary: str) -> tuple[Floats, Bools]:
    """The weights of one cohort and who is kept."""
    x, treated = design_of(observed, r), observed.treated[r]
    e = slow.expit(np.column_stack([np.ones(len(x)), x]) @ slow.logistic(x, treated))
    if primary == "att":
        return np.where(treated, 1.0, e / (1 - e)), np.ones(len(x), bool)
    kept = (e >= 0.2) & (e <= 0.8)
    share = treated[kept].mean()
    weight = np.where(treated, share / e, (1 - share) / (1 - e))
    return np.clip(weight, *np.quantile(weight[kept], [0.02, 0.98])), kept


@pytest.mark.parametrize("primary", ["att", "ate"])
def test_the_weights_are_those_of_the_formulas(primary: str) -> None:
    _, block, _ = small(*PRIMARY[primary])
    weighted, observed = block.block.weighted, block.block.sample.observed
    assert weighted is not None
    for r in REPLICATES:
        weight, kept = weights_of(observed, r, primary)
        assert kept.all() == (primary == "att")
        np.testing.assert_array_equal(weighted.present[r], kept)
        np.testing.assert_allclose(weighted.weight[r, kept], weight[kept], rtol=1e-9)


def estimate(place: str, value: float, se: float) -> Hand:
    return {place: value, f"{place}.low": value - Z * se, f"{place}.high": value + Z * se}


def ratio(place: str, beta: float, se: float) -> Hand:
    hr, low, high = np.exp([beta, beta - Z * se, beta + Z * se])
    p = 2 * norm.sf(abs(beta) / se)
    return {f"{place}.{name}": one for name, one in zip(
        ("log_hr", "se", "hr", "low", "high", "p"), (beta, se, hr, low, high, p), strict=True)}  # fmt: skip


def cox(group: Group, x: Floats) -> tuple[Floats, Floats]:
    """Coefficients and their robust covariance."""
    data = slow_cox.data(group.time, group.event, x.astype(float), group.weight)
    fit = slow_cox.fit(data)
    return fit.beta, slow_cox.robust_covariance(data, fit)


def curve(place: str, group: Group, event: Bools) -> Hand:
    """Counts, percentage, and the median with its limits."""
    points = samples.curve(group.time, event, group.weight, np.arange(len(event)))
    bands = {
        "median": [(at, s) for at, s, _ in points],
        "low": [(at, s * np.exp(-Z * se / s) if s > 0 else np.nan) for at, s, se in points],
        "high": [(at, min(1.0, s * np.exp(Z * se / s)) if s > 0 else np.nan) for at, s, se in points],
    }
    died = group.weight[event].sum() / group.weight.sum()
    made = {f"{place}.{name}": samples.first_at_or_below(band) for name, band in bands.items()}
    return made | {f"{place}.n": len(event), f"{place}.events": event.sum(), f"{place}.percent": 100 * died}


def at_times(group: Group, place: str) -> Hand:
    """Survival, restricted means and patients at risk of both arms, and their differences."""
    made: Hand = {}
    kind = group.event.astype(int)
    for text in TIMES:
        at = float(text)
        for name in ("treated", "control"):
            made[f"{place}.km.{name}.at_risk[{text}]"] = (group.arm(name).time >= at).sum()
        measures: dict[str, Callable[[Floats, Bools], Any]] = {
            "survival": lambda w, who, at=at: 1 - curves.incidence(group.time[who], kind[who], w[who], at),
            "rmst": lambda w, who, at=at: at - curves.time_lost(group.time[who], kind[who], w[who], at),
        }
        for measure, of in measures.items():
            arms = {name: group.treated == (name == "treated") for name in ("treated", "control")}
            whole = f"{place}.{measure}_difference[{text}]"
            known = {name: reaches(group.of(who), at) for name, who in arms.items()}
            for name, who in arms.items():
                value, se = jackknifed(group, lambda w, who=who, of=of: of(w, who))
                one = estimate(f"{place}.km.{name}.{measure}[{text}]", value, se)
                if measure == "survival" and value < 1e-12:
                    one = {key: 0.0 if key.endswith("]") else np.nan for key in one}  # as R has it
                elif measure == "survival":
                    low, high = curves.log_limits(value, se, Z)
                    one |= {key: low if key.endswith("low") else high for key in list(one)[1:]}
                made |= {key: number if known[name] else np.nan for key, number in one.items()}
            value, se = jackknifed(group, lambda w, of=of, arms=arms: of(w, arms["treated"]) - of(w, arms["control"]))
            one = estimate(whole, value, se) | {f"{whole}.p": 2 * norm.sf(abs(value) / se)}
            made |= {key: number if all(known.values()) else np.nan for key, number in one.items()}
    return made


def reaches(arm: Group, at: float) -> bool:
    """Whether an arm's curve says something of a time: its follow-up goes so far, or ends with everybody's event."""
    return bool(at <= arm.time.max() or arm.event[arm.time == arm.time.max()].all())


def jackknifed(group: Group, function: Callable[[Floats], Any]) -> tuple[float, float]:
    """A number with its SE."""
    return float(function(group.weight)), curves.jackknife(function, group.weight, np.arange(len(group.weight)))


def subgroup(place: str, group: Group, who: Bools) -> Hand:
    """A row of the subgroups, but for its interaction."""
    part = group.of(who)
    beta, covariance = cox(part, part.treated[:, None])
    score, variance = samples.robust_score(part.time, part.event, part.design)
    made = ratio(place, float(beta[0]), float(np.sqrt(covariance[0, 0])))
    made |= {f"{place}.p_logrank": chi2.sf(score**2 / variance, 1)}
    made |= {f"{place}.n": len(part.time), f"{place}.events": part.event.sum()}
    for name in ("treated", "control"):
        arm = part.arm(name)
        made |= {f"{place}.arms.{name}.n": len(arm.time), f"{place}.arms.{name}.events": arm.event.sum()}
    return made


def endpoint(place: str, group: Group, levels: dict[str, dict[str, Bools]], terms: dict[str, dict[str, Bools]]) -> Hand:
    """All numbers of an endpoint."""
    made: Hand = {}
    for name in ("treated", "control"):
        arm = group.arm(name)
        made |= curve(f"{place}.km.{name}", arm, arm.event) | curve(f"{place}.follow_up.{name}", arm, ~arm.event)
    made |= curve(f"{place}.follow_up.overall", group, ~group.event) | at_times(group, place)
    score, variance = samples.robust_score(group.time, group.event, group.design)
    made |= {f"{place}.logrank.chi2": score**2 / variance, f"{place}.logrank.p": chi2.sf(score**2 / variance, 1)}
    beta, covariance = cox(group, group.treated[:, None])
    made |= ratio(f"{place}.cox", float(beta[0]), float(np.sqrt(covariance[0, 0])))
    columns = {**terms, "treatment": {"treatment": group.treated}}
    whole = np.column_stack([one for own in columns.values() for one in own.values()])
    models = {"multivariable": cox(group, whole)}
    for term, own in columns.items():
        models[term] = cox(group, np.column_stack(list(own.values())))
    every = [column for own in columns.values() for column in own]
    for term, own in columns.items():
        for k, column in enumerate(own):
            for model, (beta, covariance), j in (
                ("univariable", models[term], k), ("multivariable", models["multivariable"], every.index(column))
            ):  # fmt: skip
                one = ratio(f"{place}.{model}[{column}]", float(beta[j]), float(np.sqrt(covariance[j, j])))
                made |= one if k else one | {key.replace(f"[{column}]", f"[{term}]"): v for key, v in one.items()}
    made |= subgroup(f"{place}.subgroups[all]", group, np.ones(len(group.time), bool))
    for rows in levels.values():
        p = interaction(group, list(rows.values()))
        for row, who in rows.items():
            made |= subgroup(f"{place}.subgroups[{row}]", group, who) | {f"{place}.subgroups[{row}].interaction_p": p}
    return made


def interaction(group: Group, rows: list[Bools]) -> float:
    """Wald's robust p of the products of treatment with all levels but the first."""
    main = np.column_stack([group.treated, *rows[1:]])
    products = np.column_stack([group.treated & row for row in rows[1:]])
    beta, covariance = cox(group, np.column_stack([main, products]))
    k = main.shape[1]
    return float(chi2.sf(beta[k:] @ np.linalg.solve(covariance[k:, k:], beta[k:]), len(beta) - k))


def yes_no(place: str, group: Group, yes: Bools) -> Hand:
    """A yes/no outcome."""
    made: Hand = {}
    arms = [group.treated, ~group.treated]
    for name, who in zip(("treated", "control"), arms, strict=True):
        share = group.weight[who & yes].sum() / group.weight[who].sum()
        made |= {f"{place}.{name}.{key}": one for key, one in zip(
            ("n", "yes", "percent"), (who.sum(), (who & yes).sum(), 100 * share), strict=True)}  # fmt: skip

    def risks(w: Floats) -> tuple[Any, Any]:
        return tuple(w[who & yes].sum() / w[who].sum() for who in arms)  # type: ignore[return-value]

    value, se = jackknifed(group, lambda w: risks(w)[0] - risks(w)[1])
    made |= {
        (key if key.count(".") > place.count(".") + 1 else f"{key}.value"): one
        for key, one in estimate(f"{place}.risk_difference", value, se).items()
    }
    logs: dict[str, Callable[[Floats], Any]] = {
        "risk_ratio": lambda w: np.log(risks(w)[0] / risks(w)[1]),
        "odds_ratio": lambda w: np.log(risks(w)[0] / (1 - risks(w)[0]) / (risks(w)[1] / (1 - risks(w)[1]))),
    }
    for name, log in logs.items():
        value, se = jackknifed(group, log)
        ends = np.exp([value, value - Z * se, value + Z * se])
        made |= {f"{place}.{name}.{key}": one for key, one in zip(("value", "low", "high"), ends, strict=True)}
    statistic, df, ddf = samples.rao_scott(yes.astype(np.int64), group.design)
    return made | {f"{place}.p": f.sf(statistic, df, ddf)}


def amounts(place: str, x: Floats, weight: Floats) -> Hand:
    """The ends, quartiles and number of an amount."""
    made = {
        f"{place}.{name}": samples.quantile(x, weight, q) for name, q in (("q1", 0.25), ("median", 0.5), ("q3", 0.75))
    }
    return made | {f"{place}.min": x.min(), f"{place}.max": x.max(), f"{place}.n": len(x)}


def standardised(arms: list[tuple[float, float]]) -> float:
    """The difference of two means over the root of the mean of their variances, the treated first."""
    (one, v), (zero, u) = arms
    return (one - zero) / float(np.sqrt((v + u) / 2))


def table1(group: Group, age: Floats, levels: dict[str, dict[str, Bools]], test: str) -> Hand:
    """Table 1; ``test`` is the one that the analysis chose for age."""
    made: Hand = {}
    arms = {"treated": group.treated, "control": ~group.treated}
    moments = []
    for name, who in arms.items():
        mean, sd = samples.mean_and_sd(age[who], group.weight[who])
        moments.append((mean, sd**2))
        place = f"table1.after[age].{name}"
        made |= {f"{place}.mean": mean, f"{place}.sd": sd} | amounts(place, age[who], group.weight[who])
    made["table1.after[age].smd"] = standardised(moments)
    statistic, df = (samples.t_test if test == "weighted_t" else samples.rank_test)(age, group.design)
    made["table1.after[age].p"] = 2 * t.sf(abs(statistic), df)
    for factor, rows in levels.items():
        level = np.select(list(rows.values()), np.arange(len(rows)))
        statistic, df, ddf = samples.rao_scott(level.astype(np.int64), group.design)
        p = f.sf(statistic, df, ddf)
        made |= {} if factor == "age" else {f"table1.after[{factor}].p": p}
        for row, here in rows.items():
            place, shares = f"table1.after[{row}]", []
            for name, who in arms.items():
                share = group.weight[who & here].sum() / group.weight[who].sum()
                shares.append((share, share * (1 - share)))
                made |= {f"{place}.{name}.n": (who & here).sum(), f"{place}.{name}.percent": 100 * share}
            made |= {f"{place}.p": p, f"{place}.smd": standardised(shares)}
    return made


def by_hand(block: BlockNumbers, primary: str, r: int, test: str) -> Hand:
    """Every number after weighting of one cohort."""
    observed = block.block.sample.observed
    weight, kept = weights_of(observed, r, primary)
    stage, grade, site, age = observed.covariates[r, kept].T
    levels = {
        name: {f"{name}={level}": values == k for k, level in enumerate(texts)}
        for name, values, texts in (
            ("stage", stage, ("early", "late")), ("grade", grade, ("1", "2", "3")),
            ("site", site, ("north", "south", "west")),
        )
    }  # fmt: skip
    terms = {name: dict(list(rows.items())[1:]) for name, rows in levels.items()}
    terms["stage"] = {"stage": stage == 1}  # of one column, which is called as the term
    terms |= {text: {text: age > cut} for text, cut in (("age>55", 55), ("age>65", 65))}
    levels["age"] = {"age<=55": age <= 55, "age>55 & age<=65": (age > 55) & (age <= 65), "age>65": age > 65}
    treated, made = observed.treated[r, kept], Hand()
    for name, course in observed.endpoints.items():
        group = Group(course.time[r, kept], course.event[r, kept], treated, weight[kept])
        made |= endpoint(f"endpoints.{name}.after", group, levels, terms)
    made |= yes_no("binary.ORR.after", group, observed.binary["ORR"][r, kept])
    received = observed.exposure["cycles"][r, kept]
    for name, arm in (("treated", treated), ("control", ~treated)):
        who = arm & ~np.isnan(received)
        made |= amounts(f"exposure.cycles.after.{name}", received[who], group.weight[who])
    return made | table1(group, age, levels, test)


@pytest.mark.parametrize(("primary", "r"), [("ate", 1), pytest.param("att", 0, marks=pytest.mark.slow)])
def test_every_weighted_number_is_made_by_hand(primary: str, r: int) -> None:
    _, block, alone = small(*PRIMARY[primary])
    row = next(row for row in alone[r]["table1"]["after"] if row["variable"] == "age" and row["level"] is None)
    hand = by_hand(block, primary, r, row["test"])
    after = [key for key in keys(primary) if ".after." in key or ".after[" in key]
    assert set(after) <= set(hand)
    assert {key.rpartition(".")[0].rpartition("[")[2] for key in set(hand) - set(after)} == {"grade]", "site]"}
    for key in after:
        found, wanted = float(block.of(key)[r]), float(hand[key])
        assert found == pytest.approx(wanted, rel=1e-9, abs=1e-12, nan_ok=True), key
        if wanted and np.isfinite(wanted):
            assert found != pytest.approx(1.1 * wanted, rel=1e-9, abs=1e-12), key
    plain = [key for key in after if not np.isclose(block.of(key)[r], block.of(key.replace(".after", ".before"))[r])]
    assert len(plain) > 500  # without the weights most of them would be others
