"""Numbers within strata, by independent routes: R with `strata()`, slow twins, planted errors of a tenth."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.special import chdtrc

from analysis.audit import audit
from analysis.kernels.status import Status
from analysis.paper.block_workflow import BlockAnalysis
from analysis.paper.curve_points import Weighed
from analysis.paper.number_tree import SIDES
from analysis.paper.numbers import BlockNumbers, number_in
from analysis.paper.stratified import stratified_cox, stratified_logrank
from analysis.paper.workflow import analyse
from analysis.plan.analysis_plan import Plan, SurvivalPlan
from analysis.propensity.strata import crossed
from benchmarks.asked.load_study import load_study
from benchmarks.asked.primary import primary_estimator
from benchmarks.asked.published_keys import number_keys, printed_ratio
from benchmarks.asked.sampled import one_sample
from benchmarks.questions.ask import one_estimator
from benchmarks.report.study_page import published_rows
from benchmarks.twin.fidelity import fidelity
from benchmarks.twin.targets import MADE, no_target, targets_of
from simulator.cohort.cohorts import Endpoint, Observed
from simulator.cohort.terms import Variable
from simulator.world.generate import generate, resolve
from simulator.world.sections import Printed
from tests import oracle
from tests.commands import answered, printed
from tests.reference import cox, logrank
from tests.small_papers import write_paper, write_small
from tests.test_published_keys import run

ROWS = json.loads((oracle.HERE / "stratified.json").read_text("utf-8"))
STRATA = "survival: {strata: [stage, 'age>60']}"
NAMES = ("hr", "low", "high", "p", "log_hr", "se")


def cohort(row: dict) -> tuple[Observed, dict[str, np.ndarray]]:
    """A cohort of the frozen file as a block of one, and its columns ``(1, N)``."""
    d = {name: np.array(values, float)[None] for name, values in row["data"].items()}
    variables = (
        Variable("stage", "binary", ("0", "1")), Variable("grade", "nominal", ("0", "1", "2")),
        Variable("site", "nominal", tuple("01234567")), Variable("age", "continuous"),
    )  # fmt: skip
    x = np.stack([d[name] for name in ("stage", "grade", "site", "age")], axis=-1)
    course = Endpoint(d["time"], d["event"] == 1)
    here = np.ones(d["time"].shape, np.bool_)
    return Observed(variables, x, d["arm"] == 1, here, {"OS": course}, {}, {}, {}), d


@pytest.mark.parametrize("row", ROWS)
def test_within_strata_is_what_r_says(row: dict) -> None:
    observed, d = cohort(row)
    course, stratum = observed.endpoints["OS"], crossed(("stage", "grade"), observed)
    given = (course, observed.treated, observed.present, stratum)
    ones = np.arange(d["time"].shape[1])[None]
    ways = {
        "strata": (SurvivalPlan(), None),
        "breslow": (SurvivalPlan(ties="breslow"), None),
        "weighted": (SurvivalPlan(), Weighed(d["weight"], ones)),
        "sets": (SurvivalPlan(), Weighed(d["weight"], d["site"].astype(np.int64))),
    }
    for name, (plan, weights) in ways.items():
        fit, test = (make(*given, plan, weights) for make in (stratified_cox, stratified_logrank))
        assert (fit.status[0], test.status[0]) == (Status.OK, Status.OK)
        assert (fit.log_hr[0], fit.se[0]) == pytest.approx((row[name]["beta"], row[name]["se"]), rel=1e-8), name
        chi2 = row[name].get("chi2", row["chi2"])
        assert (test.chi2[0], test.p[0]) == pytest.approx((chi2, chdtrc(1, chi2)), rel=1e-8), name
    one = stratified_cox(course, observed.treated, observed.present, 0 * stratum, SurvivalPlan())
    assert abs(one.log_hr[0] - row["strata"]["beta"]) > 1e-3  # the strata matter


@pytest.mark.parametrize("row", ROWS[:2])
def test_the_analysis_of_a_cohort_tells_what_r_says(row: dict) -> None:
    observed, _ = cohort(row)
    plan = Plan.model_validate({"primary": "unadjusted", "survival": {"strata": ("stage", "grade")}})
    found = analyse(observed, [str(k) for k in range(observed.treated.shape[1])], plan).to_json()
    for side in SIDES:
        start = f"endpoints.OS.{side}."
        assert number_in(found, f"{start}cox_stratified.hr") == pytest.approx(np.exp(row["strata"]["beta"]), rel=1e-8)
        assert number_in(found, f"{start}logrank_stratified.chi2") == pytest.approx(row["chi2"], rel=1e-8)
    plain = analyse(observed, [str(k) for k in range(observed.treated.shape[1])], Plan(primary="unadjusted")).to_json()
    side = plain["endpoints"]["OS"]["after"]
    assert (side["cox_stratified"], side["logrank_stratified"]) == (None, None)


def test_strata_of_many_terms_do_not_collide() -> None:
    """Forty columns: more than 64 bits have room for; patients are together just where all their levels agree."""
    rng = np.random.default_rng(4)
    levels = rng.integers(0, 21, (2, 300, 2)).astype(float)
    levels[:, ::7, 1] = np.nan
    names = tuple(str(k) for k in range(21))
    variables = (Variable("a", "nominal", names), Variable("b", "nominal", names))
    none = np.zeros((2, 300), np.bool_)
    label = crossed(("a", "b"), Observed(variables, levels, none, ~none, {}, {}, {}, {}))
    for r in range(2):
        pairs = {}
        for i in range(300):
            pairs.setdefault(tuple(np.nan_to_num(levels[r, i], nan=-1.0)), set()).add(int(label[r, i]))
        assert all(len(one) == 1 for one in pairs.values())
        assert len({next(iter(one)) for one in pairs.values()}) == len(pairs) > 100


def block(folder: Path, more: str = "") -> tuple[BlockNumbers, list[dict]]:
    """Numbers of three cohorts of the small world under a plan with strata, and the JSON of each alone."""
    from tests.test_numbers import replicate

    path = write_paper(folder, {"cohort.n": "160"}, f"analysis: {{{STRATA}{more}}}")
    scenario = load_study(str(path)).scenario
    sample = one_sample(scenario, generate(resolve(scenario), 5, np.arange(3)), 5)
    names = [str(k) for k in range(scenario.screened())]
    alone = [analyse(replicate(sample.observed, r), names, scenario.analysis).to_json() for r in range(3)]
    return BlockNumbers(BlockAnalysis(sample)), alone


WAYS = [
    "",
    ", primary: unadjusted",
    ", primary: weighting",
    ", matching: {ratio: 2}",
    ", matching: {replacement: true}",
]


@pytest.mark.parametrize("more", WAYS)
def test_a_block_has_the_numbers_of_each_cohort(tmp_path: Path, more: str) -> None:
    numbers, alone = block(tmp_path, more)
    keys = [f"cox_stratified.{name}" for name in NAMES] + ["logrank_stratified.p", "logrank_stratified.chi2"]
    for key in [f"endpoints.{endpoint}.{side}.{key}" for endpoint in ("OS", "PFS") for side in SIDES for key in keys]:
        found, wanted = numbers.of(key), np.array([number_in(one, key) for one in alone])
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-9, err_msg=key)
        assert not np.allclose(1.1 * found, wanted, rtol=1e-6, atol=1e-9), key


@pytest.mark.parametrize("side", SIDES)
def test_a_block_has_the_numbers_of_slow_models(tmp_path: Path, side: str) -> None:
    """Strata by loops over the patients' own values, the Cox model and the test of the slow twins."""
    numbers, _ = block(tmp_path)
    sample = numbers.block.sample
    observed, course = sample.observed, sample.observed.endpoints["OS"]
    stage, age = (observed.covariates[..., observed.names.index(name)] for name in ("stage", "age"))
    for r in range(3):
        who = (observed.present if side == "before" else sample.matching.weight > 0)[r]
        stratum = np.array([2 * int(s == 1) + int(a > 60) for s, a in zip(stage[r, who], age[r, who], strict=True)])
        time, event, arm = course.time[r, who], course.event[r, who], observed.treated[r, who]
        fit = cox.fit(cox.data(time, event, arm[:, None].astype(float), stratum=stratum), "efron")
        start = f"endpoints.OS.{side}."
        assert numbers.of(f"{start}cox_stratified.log_hr")[r] == pytest.approx(float(fit.beta[0]), rel=1e-7)
        assert numbers.of(f"{start}cox_stratified.se")[r] == pytest.approx(float(fit.se[0]), rel=1e-7)
        test = logrank.compare(time, event, arm, stratum)
        assert numbers.of(f"{start}logrank_stratified.chi2")[r] == pytest.approx(test.chi2, rel=1e-7)


def trial(folder: Path, published: dict[str, str], more: str = "") -> str:
    """A randomised trial in the small world, analysed within strata, which prints these numbers."""
    path = write_paper(folder, published, f"analysis: {{primary: unadjusted, {STRATA}}}{more}")
    return str(path)


PRINTED = {
    "endpoints.OS.before.cox_stratified.hr": "0.70",
    "endpoints.OS.before.cox_stratified.low": "0.50",
    "endpoints.OS.before.cox_stratified.high": "0.98",
}


def test_a_stratified_ratio_is_the_primary_one_where_the_paper_prints_no_other(tmp_path: Path) -> None:
    scenario = load_study(trial(tmp_path, PRINTED)).scenario
    assert {name: one.printed for name, one in printed_ratio(scenario, "OS").items()} == {
        "hr": "0.70", "low": "0.50", "high": "0.98",
    }  # fmt: skip
    entry, name = one_estimator(load_study(trial(tmp_path, PRINTED)), "OS", None)
    assert (entry["kind"], name, tuple(entry["strata"])) == ("stratified", "stratified", ("stage", "age>60"))
    plain = {"endpoints.OS.before.cox.hr": "0.75", **PRINTED}
    scenario = load_study(trial(tmp_path, plain)).scenario
    assert printed_ratio(scenario, "OS")["hr"].printed == "0.75"
    assert primary_estimator(scenario, "OS").kind == "crude"
    scenario = load_study(trial(tmp_path, {**plain, "endpoints.OS.before.cox.hr": "not_printed"})).scenario
    assert printed_ratio(scenario, "OS")["hr"].printed == "0.70"
    assert printed_ratio(scenario, "PFS") == {}


@pytest.mark.parametrize(
    ("estimators", "name"),
    [
        ("[crude, {kind: stratified, name: mine, strata: ['age>60', stage]}]", "mine"),
        ("[{kind: stratified, name: stage-only, strata: [stage]}]", "stratified"),
        ("[{kind: stratified, strata: [stage]}]", "stratified-primary"),
    ],
)
def test_the_estimator_has_the_strata_of_the_plan(tmp_path: Path, estimators: str, name: str) -> None:
    asked = load_study(trial(tmp_path, PRINTED, f"\nestimators: {estimators}"))
    assert one_estimator(asked, "OS", None)[1] == name


def test_the_estimator_gives_the_number_that_is_scored(tmp_path: Path) -> None:
    scenario = load_study(trial(tmp_path, PRINTED)).scenario
    sample = one_sample(scenario, generate(resolve(scenario), 5, np.arange(3)), 5)
    found = primary_estimator(scenario, "OS").estimate(sample, "OS")
    numbers = BlockNumbers(BlockAnalysis(sample))
    for side in SIDES:
        np.testing.assert_allclose(numbers.of(f"endpoints.OS.{side}.cox_stratified.log_hr"), found.value, rtol=1e-12)
        np.testing.assert_allclose(
            numbers.of(f"endpoints.OS.{side}.cox_stratified.high"), np.exp(found.high), rtol=1e-9
        )


def test_a_question_asks_the_stratified_analysis(tmp_path: Path) -> None:
    size = ("--reps", "20", "--nodes", "2", "--strongest", "3", "--jobs", "1", "--out", str(tmp_path / "run"))
    assert answered(["tipping", trial(tmp_path, PRINTED), *size])["estimator"] == "stratified"


def test_the_scorecard_and_the_targets_have_a_row_of_it(tmp_path: Path) -> None:
    """A ratio that the world has is inside, one that is a tenth or more off at many events is not."""
    scenario = load_study(trial(tmp_path, PRINTED, "\npopulation: {size: 4000}")).scenario
    sample = one_sample(scenario, generate(resolve(scenario), 3, np.arange(4)), 3)
    numbers = BlockNumbers(BlockAnalysis(sample))
    middle = float(np.mean(numbers.of("endpoints.OS.before.cox_stratified.hr")))
    paper = {
        "endpoints.OS.before.cox_stratified.hr": Printed(printed=f"{middle:.2f}", where="T"),
        "endpoints.OS.after.cox_stratified.hr": Printed(printed=f"{1.15 * middle:.2f}", where="T"),
        "endpoints.OS.before.logrank_stratified.p": Printed(printed="<0.001", where="T"),
    }
    found = fidelity(scenario.model_copy(update={"published": paper}), 40, 4, 1, lambda *_: None, {})
    assert [one.inside for one in found.scores] == [True, False, True]
    targets = {one.key: one.scale for one in targets_of(paper, {})}
    assert targets == {key: "log" for key in paper if key.endswith("hr")}
    p = "endpoints.OS.before.logrank_stratified.p"
    assert no_target(p, paper) == MADE
    assert no_target(p, {p: paper[p]}) == ""
    assert no_target(
        "endpoints.OS.before.cox_stratified.p", {**paper, "endpoints.OS.before.cox_stratified.p": paper[p]}
    )


def doubts(**published: str) -> set[str]:
    start = "endpoints.OS.before."
    world = {f"{start}{key.replace('__', '.')}": Printed(printed=text, where="T") for key, text in published.items()}
    return {one.check for one in audit(world, None, "unadjusted")}


def test_the_audit_reads_it_as_it_reads_the_plain_one() -> None:
    good = {"cox_stratified__hr": "0.70", "cox_stratified__low": "0.53", "cox_stratified__high": "0.92"}
    assert doubts(**good, cox_stratified__p="0.011") == set()
    assert "p of the interval" in doubts(**good, cox_stratified__p="0.20")
    assert "ratio amid its limits" in doubts(**{**good, "cox_stratified__hr": "0.77"})
    assert "interval holds the ratio" in doubts(**{**good, "cox_stratified__hr": "0.50"})
    events = {"km__control__events": "20", "km__treated__events": "20"}
    assert "information of the events" in doubts(**good, **events)
    medians = {"km__control__median": "10", "km__treated__median": "2"}
    assert "medians and hazard ratio" in doubts(**good, **medians)


def test_check_says_what_is_wrong_and_what_would_be_right(tmp_path: Path, capsys, monkeypatch) -> None:
    def told(analysis: str, key: str = "endpoints.OS.before.cox_stratified.hr") -> str:
        path = write_paper(tmp_path, {key: "0.7"}, analysis)
        assert run(monkeypatch, "check", path) == 2
        return capsys.readouterr().err

    assert "say within which strata, as in 'analysis: {survival: {strata: [TERM]}}'" in told("")
    right = f"analysis: {{{STRATA}}}"
    assert "did you mean 'endpoints.OS.before.cox_stratified.hr'?" in told(right, "endpoints.OS.before.cox_strat.hr")
    assert "'age' has no levels; write a comparison such as 'age>50'" in told("analysis: {survival: {strata: [age]}}")
    assert "analysis.survival.strata.0" in told("analysis: {survival: {strata: [stge]}}")
    assert "strata lists 'stage' twice" in told("analysis: {survival: {strata: [stage, stage]}}")
    assert "no levels" in told("analysis: {survival: {strata: ['age*sex']}}".replace("sex", "stage"))
    assert (
        run(monkeypatch, "check", write_paper(tmp_path, {"endpoints.OS.before.cox_stratified.hr": "0.7"}, right)) == 0
    )


def test_the_keys_are_listed_where_there_are_strata(tmp_path: Path) -> None:
    without = load_study(str(write_small(tmp_path))).scenario
    endpoints = number_keys(without).below()["endpoints"].below()["OS"].below()["before"].below()
    assert "cox_stratified" not in endpoints
    text = printed(["published", trial(tmp_path, {"cohort.n": "160"})])
    assert "endpoints.<endpoint>.<side>.cox_stratified." in text
    assert "hazard ratio of treatment within strata" in text
    assert "strata" not in printed(["published", str(write_small(tmp_path))])


def test_text_tables_and_json_of_analyze_tell_it(tmp_path: Path) -> None:
    """The printed cells are the numbers of the JSON; without strata nothing speaks of them."""
    for analysis, there in (("survival: {strata: [stage, grade]}, primary: unadjusted", True), ("", False)):
        path = write_paper(tmp_path, {"cohort.n": "160"}, f"analysis: {{{analysis}}}")
        printed(["simulate", str(path), "--out", str(tmp_path / "d.csv")])
        to = ["--json", str(tmp_path / "a.json"), "--report", str(tmp_path / "a.html")]
        text = printed(["analyze", str(tmp_path / "d.csv"), "--spec", str(tmp_path / "d.spec.yaml"), *to])
        side = json.loads((tmp_path / "a.json").read_text("utf-8"))["endpoints"]["OS"]["after"]
        page = (tmp_path / "a.html").read_text("utf-8")
        for told in (text, page):
            assert ("HR in strata" in told) == there
            assert ("Strata: stage x grade." in told) == there
        if there:
            hr = side["cox_stratified"]
            cell = f"{hr['hr']:.2f} ({hr['low']:.2f}, {hr['high']:.2f})"
            assert cell in text, cell
            assert cell in page
        else:
            assert side["cox_stratified"] is None


def test_a_report_sets_it_beside_the_stratified_estimator(tmp_path: Path) -> None:
    from types import SimpleNamespace
    from typing import Any

    scenario = load_study(trial(tmp_path, PRINTED)).scenario
    values = {"value": np.log(np.linspace(0.4, 0.6, 201))}
    layout = SimpleNamespace(keys=[[("OS", "stratified")]])
    result: Any = SimpleNamespace(rows=SimpleNamespace(layout=layout, of=lambda *_: (values, np.zeros(201))))
    rows = published_rows(result, scenario)
    assert [(row["printed"], row["estimator"], row["inside"]) for row in rows] == [
        ("0.70 (0.50–0.98)", "stratified", "no")
    ]
