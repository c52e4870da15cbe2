"""Strata of the propensity score as the primary analysis: R's coxph and survdiff within quintiles, slow twins."""

import json
from pathlib import Path

import numpy as np
import pytest

from analysis.estimators import ScoreStrata
from analysis.kernels.status import Status
from analysis.paper.block_workflow import BlockAnalysis
from analysis.paper.number_tree import ARMS
from analysis.paper.numbers import BlockNumbers, number_in
from analysis.paper.workflow import analyse
from analysis.plan.analysis_plan import Plan
from benchmarks.asked.load_study import load_study
from benchmarks.asked.primary import primary_estimator
from benchmarks.asked.sampled import one_sample
from simulator.documents.loading import DocumentError
from simulator.world.generate import generate, resolve
from tests.commands import answered, printed
from tests.reference import cox, kaplan_meier, logrank
from tests.small_papers import write_paper
from tests.test_numbers import replicate
from tests.test_published_keys import run
from tests.test_stratified import ROWS, cohort

STRATA = "primary: stratification"


@pytest.mark.parametrize("row", ROWS)
def test_within_quintiles_of_the_score_is_what_r_says(row: dict) -> None:
    observed, _ = cohort(row)
    propensity = {"method": "all", "candidates": ("stage", "age")}
    plan = Plan.model_validate({"primary": "stratification", "propensity": propensity})
    found = analyse(observed, [str(k) for k in range(observed.treated.shape[1])], plan)
    after, wanted = found.endpoints["OS"].after, row["quintiles"]
    assert (after.cox.log_hr, after.cox.se) == pytest.approx((wanted["beta"], wanted["se"]), rel=1e-8)
    assert after.logrank.chi2 == pytest.approx(wanted["chi2"], rel=1e-8)
    assert (after.subgroups[0].log_hr, after.subgroups[0].se) == (after.cox.log_hr, after.cox.se)
    treatment = after.univariable[-1]
    assert treatment.log_hr == pytest.approx(wanted["beta"], rel=1e-8)
    before = found.endpoints["OS"].before
    assert abs(before.cox.log_hr - wanted["beta"]) > 1e-4
    assert after.km == before.km
    assert found.table1.after == found.table1.before


def study(folder: Path, more: str = "", printed_numbers: dict[str, str] | None = None) -> str:
    return str(write_paper(folder, printed_numbers or {"cohort.n": "160"}, f"analysis: {{{STRATA}{more}}}"))


def block(folder: Path, more: str = "") -> BlockNumbers:
    scenario = load_study(study(folder, more)).scenario
    return BlockNumbers(BlockAnalysis(one_sample(scenario, generate(resolve(scenario), 5, np.arange(3)), 5)))


@pytest.mark.parametrize(("more", "groups"), [("", 5), (", stratification: {strata: 3}", 3)])
def test_a_block_has_the_numbers_of_the_estimator_and_of_slow_models(tmp_path: Path, more: str, groups: int) -> None:
    numbers = block(tmp_path, f"{more}, survival: {{strata: [stage]}}")
    sample = numbers.block.sample
    start, course = "endpoints.OS.after.", sample.observed.endpoints["OS"]
    estimate = ScoreStrata(strata=groups).estimate(sample, "OS")
    assert (estimate.status == Status.OK).all()
    np.testing.assert_allclose(numbers.of(f"{start}cox.log_hr"), estimate.value, rtol=1e-12)
    np.testing.assert_allclose(numbers.of(f"{start}cox.se"), estimate.se, rtol=1e-12)
    stage = sample.observed.covariates[..., sample.observed.names.index("stage")]
    for r in range(3):
        score = sample.propensity.fitted[r]
        bounds = np.quantile(score, np.arange(1, groups) / groups)
        group = np.array([sum(s > bound for bound in bounds) for s in score])
        assert set(group) == set(range(groups))
        time, event, arm = course.time[r], course.event[r], sample.observed.treated[r]
        for stratum, name in ((group, ""), (2 * group + stage[r].astype(int), "_stratified")):
            fit = cox.fit(cox.data(time, event, arm[:, None].astype(float), stratum=stratum), "efron")
            chi2 = logrank.compare(time, event, arm, stratum).chi2
            found = [numbers.of(f"{start}{key}")[r] for key in (f"cox{name}.log_hr", f"cox{name}.se")]
            assert found == pytest.approx([float(fit.beta[0]), float(fit.se[0])], rel=1e-7)
            assert numbers.of(f"{start}logrank{name}.chi2")[r] == pytest.approx(chi2, rel=1e-7)
            assert 1.1 * found[0] != pytest.approx(float(fit.beta[0]), rel=1e-7)
        late = stage[r] == 1
        fit = cox.fit(cox.data(time[late], event[late], arm[late, None].astype(float), stratum=group[late]), "efron")
        assert numbers.of(f"{start}subgroups[stage=late].log_hr")[r] == pytest.approx(float(fit.beta[0]), rel=1e-7)
        for name in ARMS:
            inside = arm == (name == "treated")
            curve = kaplan_meier.curve(time[inside], event[inside])
            at = curve.survival[curve.time <= 12][-1]
            assert numbers.of(f"{start}km.{name}.survival[12]")[r] == pytest.approx(at, rel=1e-9)


def test_a_block_says_what_the_analysis_of_each_cohort_says(tmp_path: Path) -> None:
    numbers = block(tmp_path, ", cox: {screening_p: 0.3}")
    sample = numbers.block.sample
    names = [str(k) for k in range(sample.observed.treated.shape[1])]
    alone = [analyse(replicate(sample.observed, r), names, sample.plan).to_json() for r in range(3)]
    rows = ["univariable[grade=3]", "univariable[treatment]", "multivariable[stage]", "multivariable[treatment]", "cox"]
    keys = [f"{row}.{name}" for row in rows for name in ("hr", "low", "p")]
    keys += ["logrank.p", "subgroups[site=west].p_logrank", "subgroups[site=west].interaction_p"]
    keys += ["subgroups[stage=late].high", "km.treated.median", "follow_up.overall.median"]
    for key in [
        f"endpoints.{endpoint}.{side}.{key}"
        for endpoint in ("OS", "PFS")
        for side in ("before", "after")
        for key in keys
    ]:
        wanted = np.array([number_in(one, key) for one in alone])
        found = numbers.of(key)
        np.testing.assert_allclose(np.where(np.isinf(found), np.nan, found), wanted, rtol=1e-6, atol=1e-9, err_msg=key)
    for key in ("table1.after[age].treated.mean", "table1.after[stage=late].smd", "binary.ORR.after.p"):
        np.testing.assert_allclose(numbers.of(key), [number_in(one, key) for one in alone], rtol=1e-6, err_msg=key)


def test_who_has_a_score_of_0_or_1_is_in_no_stratum(tmp_path: Path) -> None:
    """One untreated patient has a level of her own; she is left out of the strata and of all that is said after."""
    numbers = block(tmp_path)
    observed = replicate(numbers.block.sample.observed, 0)
    treated = observed.treated[0]
    values = observed.covariates[0, :, observed.names.index("grade")]
    values[values == 2] = 1
    values[np.flatnonzero(~treated)[0]] = 2
    names = [str(k) for k in range(len(treated))]
    found = analyse(observed, names, numbers.block.sample.plan)
    assert found.propensity.set_aside.control == 1
    assert found.propensity.set_aside.why.endswith("the strata and all that follows are without them.")
    assert found.adjusted.n_control == (~treated).sum() - 1
    assert found.adjusted.weights is None
    assert found.adjusted.how == "stratification"


@pytest.mark.parametrize(
    ("estimators", "name"),
    [
        ("[crude, ps-strata]", "ps-strata"),
        ("[{kind: ps-strata, name: mine}, crude]", "mine"),
        ("[{kind: ps-strata, name: pooled, combine: pooled}]", "ps-strata"),
        ("[{kind: ps-strata, strata: 10}]", "ps-strata-primary"),
    ],
)
def test_the_estimator_has_the_strata_of_the_plan(tmp_path: Path, estimators: str, name: str) -> None:
    path = write_paper(tmp_path, {"cohort.n": "160"}, f"analysis: {{{STRATA}}}\nestimators: {estimators}")
    found = primary_estimator(load_study(str(path)).scenario, "OS")
    assert (found.name, found.strata, found.combine) == (name, 5, "stratified")


@pytest.mark.parametrize(
    ("analysis", "told"),
    [
        ("primary: matching, stratification: {strata: 4}", "stratification: belongs to 'primary: stratification'"),
        ("primary: stratification, weighting: {target: ate}", "weighting: belongs to 'primary: weighting'"),
        ("primary: stratification, stratification: {strata: 1}", "analysis.stratification.strata"),
        ("primary: strata", "stratification"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path: Path, analysis: str, told: str) -> None:
    with pytest.raises(DocumentError, match=told):
        load_study(str(write_paper(tmp_path, {"cohort.n": "160"}, f"analysis: {{{analysis}}}")))


PRINTED = {f"endpoints.OS.after.cox.{name}": text for name, text in (("hr", "0.70"), ("low", "0.50"), ("high", "0.98"))}


def test_the_questions_and_the_scorecard_take_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = study(tmp_path, "", PRINTED)
    size = ("--reps", "20", "--jobs", "1", "--out", str(tmp_path / "run"))
    tipping = answered(["tipping", path, *size, "--nodes", "2", "--strongest", "3"])
    assert tipping["estimator"] == "ps-strata"
    assert run(monkeypatch, "fidelity", path, "--reps", "20", "--jobs", "1") == 0
    assert run(monkeypatch, "claims", path, "--reps", "4", "--jobs", "1", "-S", "run.truth_patients=2000") == 0


def test_analyze_tells_the_strata(tmp_path: Path) -> None:
    printed(["simulate", study(tmp_path), "--out", str(tmp_path / "d.csv")])
    to = ["--json", str(tmp_path / "a.json"), "--report", str(tmp_path / "a.html")]
    text = printed(["analyze", str(tmp_path / "d.csv"), "--spec", str(tmp_path / "d.spec.yaml"), *to])
    found = json.loads((tmp_path / "a.json").read_text("utf-8"))
    assert found["plan"]["stratification"] == {"strata": 5}
    assert not {"matching", "weighting"} & found["plan"].keys()
    assert "Survival before and after stratification" in text
    words = "After stratification Cox models and log-rank tests are within 5 strata between quantiles of"
    assert words in " ".join(text.split())
    assert words in " ".join((tmp_path / "a.html").read_text("utf-8").split())
