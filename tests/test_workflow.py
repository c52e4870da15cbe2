"""The workflow of one cohort equals R's (step, MatchIt, survival) on two public cohorts."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from analysis.cohort_files.cohort_spec import FilePlan
from analysis.kernels.status import Status
from analysis.paper.cohort_analysis import FORMAT
from tests.public_cohorts import ORACLE, SPECS, run

AS_R = {"matching": {"ties": "data"}}
NAMES = {"arm": "treatment", "old": "age>60", "a": "age>45", "b": "age>60", "female": "sex"}


@pytest.fixture(scope="module", params=sorted(SPECS))
def both(request: pytest.FixtureRequest) -> tuple[dict[str, Any], dict[str, Any]]:
    """The analysis as JSON, read back, and R's, where of equals the first row is matched."""
    ours = json.loads(json.dumps(run(request.param, AS_R).to_json(), allow_nan=False))
    return ours, json.loads((ORACLE / f"workflow_{request.param}.json").read_text())


def near(value: float | None, r: float | None, tolerance: float = 1e-8) -> bool:
    """Equal to 1e-8 of the number (of 1e-6 where it is smaller); both absent counts as equal."""
    if value is None or r is None:
        return value is None and r is None
    return abs(value - r) <= tolerance * max(abs(r), 1e-6)


def sides(both: tuple[dict[str, Any], dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    ours, r = both
    for name, found in r["endpoints"].items():
        for when in ("before", "after"):
            yield ours["endpoints"][name][when], found[when]


def test_the_propensity_model_is_the_one_that_step_finds(both: tuple[dict[str, Any], dict[str, Any]]) -> None:
    ours, r = both[0]["propensity"], both[1]
    assert ours["selected"] == [NAMES.get(term, term) for term in r["selected"]]
    assert all(map(near, ours["coefficients"].values(), r["coefficients"]))
    assert near(ours["aic"], r["aic"])
    assert len(ours["scores"]) == len(r["scores"])
    assert all(map(near, ours["scores"].values(), r["scores"]))


def test_the_pairs_are_those_of_matchit(both: tuple[dict[str, Any], dict[str, Any]]) -> None:
    ours, r = both[0]["matching"], both[1]
    assert ours["pairs"] == [[str(i) for i in pair] for pair in r["pairs"]]
    assert ours["n_pairs"] == ours["n_treated"] == ours["n_control"] == len(r["pairs"])
    assert near(ours["caliper"], r["caliper"])


def test_medians_follow_up_and_log_rank_are_survfits_and_survdiffs(
    both: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    for ours, r in sides(both):
        for curve in ("km", "follow_up"):
            for arm in ("treated", "control"):
                cells = [ours[curve][arm][key] for key in ("n", "events", "median", "low", "high")]
                assert all(map(near, cells, r[curve][arm])), (cells, r[curve][arm])
        assert near(ours["logrank"]["chi2"], r["chi2"])
        assert near(ours["logrank"]["p"], r["p"])


def test_every_cox_model_is_that_of_coxph(both: tuple[dict[str, Any], dict[str, Any]]) -> None:
    for ours, r in sides(both):
        assert near(ours["cox"]["log_hr"], r["cox"]["beta"][0])
        assert near(ours["cox"]["se"], r["cox"]["se"][0])
        if ours["cox_pair_robust"]:
            assert near(ours["cox_pair_robust"]["se"], r["robust_se"])
        fitted = [pair for model in r["univariable"].values() for pair in zip(model["beta"], model["se"], strict=True)]
        assert len(ours["univariable"]) == len(fitted)
        for row, (beta, se) in zip(ours["univariable"], fitted, strict=True):
            assert near(row["log_hr"], beta), row
            assert near(row["se"], se), row
        p_term = {row["term"]: row["p_term"] for row in ours["univariable"]}
        assert all(near(p_term[NAMES.get(term, term)], p) for term, p in r["p_term"].items())
        assert list(dict.fromkeys(row["term"] for row in ours["multivariable"])) == [
            NAMES.get(term, term) for term in r["entered"]
        ]
        for row, beta, se in zip(
            ours["multivariable"], r["multivariable"]["beta"], r["multivariable"]["se"], strict=True
        ):
            assert near(row["log_hr"], beta), row
            assert near(row["se"], se), row


def test_every_subgroup_is_coxph_in_that_subgroup(both: tuple[dict[str, Any], dict[str, Any]]) -> None:
    failed = set()
    for ours, r in sides(both):
        assert ours["subgroups"][0]["variable"] is None
        assert ours["subgroups"][0]["log_hr"] == ours["cox"]["log_hr"]
        rows = iter(row for row in ours["subgroups"][1:] if row["n"])
        for name, levels in r["subgroups"].items():
            for found in levels.values():
                row = next(rows)
                assert (row["variable"], row["n"], row["events"]) == (name, found["n"], found["events"])
                assert near(row["interaction_p"], r["interaction"][name], 2e-5)
                if row["status"] == "OK":
                    assert near(row["log_hr"], found["beta"][0])
                    assert near(row["se"], found["se"][0])
                    assert near(row["p_logrank"], found["p_logrank"])
                else:
                    failed.add(row["status"])
                    assert found.get("se", [1e6])[0] > 1000
        assert next(rows, None) is None
    assert failed <= {"MONOTONE", "NO_INFO"}


def test_table_1_is_that_of_r(both: tuple[dict[str, Any], dict[str, Any]]) -> None:
    for when in ("before", "after"):
        rows, r = both[0]["table1"][when], both[1]["table1"][when]
        numbers = {row["variable"]: row for row in rows if row["level"] is None}
        for name, found in r["continuous"].items():
            row = numbers[name]
            for arm in ("treated", "control"):
                cells = [row[arm][key] for key in ("n", "mean", "sd", "median", "q1", "q3")]
                assert all(map(near, cells, found[arm]))
            for test in ("welch", "student", "mann_whitney"):
                assert near(row["tests"][test], found[test])
            for test in ("shapiro_treated", "shapiro_control"):
                assert near(row["tests"][test], found[test], 1e-4)
            assert abs(row["smd"] - found["smd"]) < 1e-12
        for name, found in r["groups"].items():
            levels = [row for row in rows if row["variable"] == name and row["level"] is not None]
            levels = [row for row in levels if row["treated"]["n"] + row["control"]["n"]]
            assert [row["treated"]["n"] for row in levels] == found["treated"]
            assert [row["control"]["n"] for row in levels] == found["control"]
            assert {row["test"] for row in levels} == {"fisher" if found["fisher"] else "pearson"}
            assert all(near(row["p"], found["p"], 1e-6) for row in levels)


def test_yes_no_outcomes_are_those_of_r(both: tuple[dict[str, Any], dict[str, Any]]) -> None:
    for when in ("before", "after"):
        ours, r = both[0]["binary"]["EARLY"][when], both[1]["binary"][when]
        assert near(ours["p"], r["p"])
        for key in ("risk_difference", "odds_ratio"):
            assert all(map(near, (ours[key][part] for part in ("value", "low", "high")), r[key]))
    assert near(both[0]["binary"]["EARLY"]["after"]["mcnemar"]["p"], both[1]["mcnemar"]["p"])
    assert near(both[0]["binary"]["EARLY"]["after"]["mcnemar"]["p_exact"], both[1]["mcnemar"]["p_exact"])
    assert both[0]["binary"]["EARLY"]["before"]["mcnemar"] is None


def test_the_comparison_with_r_would_notice_a_difference() -> None:
    assert near(0.123456789, 0.123456789)
    assert not near(0.123456789, 0.123456789 * (1 + 3e-8))
    assert not near(None, 1.0)


def test_the_json_has_the_documented_keys(both: tuple[dict[str, Any], dict[str, Any]]) -> None:
    ours = both[0]
    assert list(ours) == [
        *("format", "arms", "cohort", "as_read", "plan", "propensity", "adjusted", "matching", "table1", "endpoints"),
        *("binary", "exposure", "modes"),
    ]
    assert ours["format"] == FORMAT
    effect = {"log_hr", "se", "hr", "low", "high", "p", "status", "sign"}
    assert set(ours["propensity"]) == {
        *("method", "candidates", "selected", "coefficients", "infinite", "dropped", "aic", "scores", "status"),
        "set_aside",
    }
    assert set(ours["adjusted"]) == {"how", "n_treated", "n_control", "status", "weights"}
    assert set(ours["matching"]) == {
        *("scale", "caliper_spec", "unit", "caliper", "ratio", "replacement", "order", "pairs", "n_pairs"),
        *("n_treated", "n_control", "status", "ties"),
    }
    assert set(ours["matching"]["ties"]) == {"rule", "tied", "choices", "hr", "warnings"}
    assert set(ours["matching"]["ties"]["hr"]["OS"]) == {"n", "median", "low", "high", "significant"}
    side = next(iter(ours["endpoints"].values()))["after"]
    assert list(side) == [
        *("km", "follow_up", "logrank", "cox", "cox_pair_robust", "logrank_stratified", "cox_stratified"),
        *("univariable", "multivariable", "subgroups"),
        *("survival_difference", "rmst_difference"),
    ]
    curve = {"n", "events", "percent", "median", "low", "high", "status"}
    assert set(side["km"]["treated"]) == curve | {"survival", "at_risk", "rmst"}
    assert set(side["follow_up"]) == {"treated", "control", "overall"}
    assert set(side["follow_up"]["overall"]) == curve
    assert set(side["cox"]) == set(side["cox_pair_robust"]) == effect
    assert (side["logrank_stratified"], side["cox_stratified"]) == (None, None)
    assert set(side["univariable"][0]) == effect | {"term", "column", "label", "p_term", "df_term"}
    assert set(side["subgroups"][0]) == effect | {
        *("variable", "level", "label", "n", "events", "arms", "p_logrank", "interaction_p", "interaction_df")
    }
    assert side["univariable"][-1]["term"] == "treatment"
    assert ours["plan"] == FilePlan.model_validate(AS_R).model_dump(
        mode="json", exclude={"weighting", "stratification"}
    )


def test_options_change_what_they_say_and_nothing_else() -> None:
    plain = run("colon")
    on_ps = run("colon", {"matching": {"scale": "ps"}})
    assert on_ps.propensity.aic == plain.propensity.aic
    assert on_ps.matching.caliper != plain.matching.caliper
    everything = run("colon", {"propensity": {"method": "all"}})
    assert everything.propensity.selected == everything.propensity.candidates
    level = run("colon", {"survival": {"level": 0.9}}).endpoints["OS"].after
    assert level.cox.log_hr == plain.endpoints["OS"].after.cox.log_hr
    assert level.cox.high < plain.endpoints["OS"].after.cox.high
    breslow = run("colon", {"survival": {"ties": "breslow"}}).endpoints["OS"].before
    assert breslow.cox.log_hr != plain.endpoints["OS"].before.cox.log_hr
    assert breslow.logrank == plain.endpoints["OS"].before.logrank
    table = run("colon", {"table1": {"continuous": "mean", "t_test": "student", "categorical": "yates"}}).table1.before
    assert {row.test for row in table} == {"student", "yates", "pearson"}
    forced = run("colon", {"cox": {"covariates": ["sex"], "screening_p": 1e-9, "keep_treatment": True}})
    assert [row.term for row in forced.endpoints["OS"].after.multivariable] == ["treatment"]
    none = run("colon", {"cox": {"covariates": ["sex"], "screening_p": 1e-9}, "subgroups": []})
    assert none.endpoints["OS"].after.multivariable == ()
    assert len(none.endpoints["OS"].after.subgroups) == 1


def test_a_random_order_is_a_function_of_its_seed() -> None:
    seeded = [run("colon", {"matching": {"order": "random", "seed": seed}}).matching.pairs for seed in (1, 1, 2)]
    assert seeded[0] == seeded[1] != seeded[2]


@pytest.mark.parametrize("matching", [{"ratio": 2}, {"replacement": True}])
def test_matching_that_is_not_one_to_one_is_weighted_and_robust(matching: dict[str, Any]) -> None:
    made = run("colon", {"matching": {**matching, "caliper": 0.05}})
    after = made.endpoints["OS"].after
    assert after.cox_pair_robust == after.cox
    assert after.cox.status == Status.OK
    assert made.binary["EARLY"].after.mcnemar is None
    assert made.after.weight is not None
    assert 0 < after.subgroups[1].interaction_p < 1
    treated = made.observed.treated[0]
    assert np.all(made.after.weight[treated & made.after.present] == 1)
    assert made.matching.n_pairs == made.matching.n_treated
