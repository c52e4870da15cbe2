"""Standardised mean differences by hand."""

import json

import numpy as np
import pytest

from analysis.figures.balance import love_of
from analysis.kernels.status import Status
from analysis.paper.workflow import CohortAnalysis, analyse
from analysis.plan.analysis_plan import Plan
from analysis.tables.cohort_tables import balance_table
from analysis.two_samples.balance import smd, smd_status
from analysis.two_samples.baseline import baseline, rows_of
from benchmarks.asked.blocks import prepare
from benchmarks.asked.load_study import load_study
from benchmarks.asked.sampled import one_sample
from benchmarks.questions import claims
from benchmarks.report import world
from simulator.cohort.cohorts import Endpoint, Observed
from simulator.cohort.terms import Variable
from simulator.world.generate import generate

X = np.array([[[1.0, 1], [3, 0], [2, 1], [6, 1], [4, 0], [np.nan, np.nan]]])
T = np.array([[True, True, False, False, False, True]])
HERE = np.array([[True, True, True, True, True, False]])


def test_sample_variances_and_binomial_ones() -> None:
    found = smd(X, T, present=HERE)[0]
    assert abs(found[0] - (2 - 4) / np.sqrt((2 + 4) / 2)) < 1e-15
    assert abs(found[1] - (0.5 - 2 / 3) / np.sqrt((0.25 + 2 / 9) / 2)) < 1e-15


def test_weights_move_means_and_variances() -> None:
    weight = np.array([[1.0, 1, 2, 1, 0, 9]])
    found = smd(X, T, present=HERE, weight=weight)[0]
    spread = (2 * (2 - 10 / 3) ** 2 + (6 - 10 / 3) ** 2) / 3 * 2 / (2 - 1)
    assert abs(found[0] - (2 - 10 / 3) / np.sqrt((2 + spread) / 2)) < 1e-15
    assert abs(found[1] - (0.5 - 1) / np.sqrt(0.25 / 2)) < 1e-15
    assert smd(X, T, present=HERE, weight=7 * weight)[0] == pytest.approx(found, abs=1e-15)
    assert smd(X, T, present=HERE, weight=np.ones((1, 6))) == pytest.approx(smd(X, T, present=HERE), abs=1e-15)


def test_what_does_not_vary() -> None:
    x = np.array([[[1.0], [1.0], [1.0], [1.0]], [[1.0], [1.0], [0.0], [0.0]]])
    treated = np.array([[True, True, False, False]] * 2)
    found = smd(x, treated)[:, 0]
    assert found[0] == 0
    assert np.isinf(found[1])
    assert np.isnan(smd(x[:1], np.ones((1, 4), bool)))[0, 0]
    weight = np.random.default_rng(1).random((50, 4))
    same, arms = np.full((50, 4, 1), 0.1), np.repeat(treated[:1], 50, axis=0)
    assert (smd(same, arms, weight=weight) == 0).all()
    assert np.isnan(smd(same, arms, weight=0 * weight)).all()


def test_several_sets_of_one_cohort() -> None:
    draw = np.random.default_rng(2)
    x, treated = draw.normal(size=(2, 30, 3)), draw.random((2, 30)) < 0.5
    x[:, :, 1] = x[:, :, 1] > 0
    here, weight = draw.random((4, 30)) < 0.7, draw.random((4, 30))
    twice, again = np.repeat(x, 2, axis=0), np.repeat(treated, 2, axis=0)
    for shares in (None, weight):
        found = smd(x, treated, present=here, weight=shares)
        assert found.shape == (4, 3)
        assert (found == smd(twice, again, present=here, weight=shares)).all()
        assert (found != smd(twice, again, present=here[::-1], weight=shares)).all()
    with pytest.raises(ValueError, match="weights have the shape"):
        smd(x, treated, present=here, weight=weight[:2])


def test_the_variances_of_the_cohort_before_matching_may_divide() -> None:
    matched = np.array([[False, True, True, False, True, False]])
    found = smd(X, T, present=matched, spread=HERE)[0]
    assert abs(found[0] - (3 - 3) / np.sqrt((2 + 4) / 2)) < 1e-15
    assert abs(found[1] - (0 - 0.5) / np.sqrt((0.25 + 2 / 9) / 2)) < 1e-15
    weight = np.array([[1.0, 1, 3, 1, 1, 1]])
    weighted = smd(X, T, present=matched, spread=HERE, weight=weight)[0, 0]
    assert abs(weighted - (3 - 2.5) / np.sqrt((2 + 4) / 2)) < 1e-15
    assert smd(X, T, present=matched)[0, 1] != found[1]


def test_statuses_say_what_is_no_number() -> None:
    given = np.array([[0.0, -2.5, np.inf, -np.inf, np.nan]])
    assert [Status(int(one)).name for one in smd_status(given)[0]] == ["OK", "OK", "NO_INFO", "NO_INFO", "TOO_FEW"]


COHORT = "trt,x,level,t,e\n" + "".join(
    f"{k % 2},{(7 * k) % 11 + 2 * (k % 2)},{int(k % 2 == 0 and k > 50)},{k + 1},{k % 3 > 0}\n" for k in range(60)
)


def analysed(smd_by: str, ratio: int = 1) -> CohortAnalysis:
    """A cohort read with numpy, matched on ``x``; ``level`` is one that five controls alone have."""
    table = np.genfromtxt(COHORT.splitlines(), delimiter=",", skip_header=1, usecols=(0, 1, 2, 3))
    variables = (Variable("x", "continuous"), Variable("level", "binary", ("0", "1")))
    died = np.array([line.endswith("True") for line in COHORT.splitlines()[1:]])
    observed = Observed(
        variables, table[None, :, 1:3].copy(), table[None, :, 0] == 1, np.ones((1, 60), bool),
        {"OS": Endpoint(table[None, :, 3].copy(), died[None])}, {},
    )  # fmt: skip
    plan = {"propensity": {"method": "all", "candidates": ["x"]}, "matching": {"ratio": ratio}}
    made = Plan.model_validate_json(json.dumps(plan | {"table1": {"smd": smd_by}}))
    return analyse(observed, [str(k) for k in range(60)], made)


@pytest.mark.parametrize("ratio", [1, 2])
def test_the_plan_chooses_whose_variances_divide(ratio: int) -> None:
    own, unmatched = analysed("own", ratio), analysed("unmatched", ratio)
    assert own.table1.before == unmatched.table1.before
    x, treated = own.observed.covariates[0, :, 0], own.observed.treated[0]
    whole = np.sqrt((x[treated].var(ddof=1) + x[~treated].var(ddof=1)) / 2)
    kept = own.after.present
    narrow = np.sqrt((x[treated & kept].var(ddof=1) + x[~treated & kept].var(ddof=1)) / 2)
    assert abs(narrow / whole - 1) > 0.02
    one, other = own.table1.after[0], unmatched.table1.after[0]
    assert other.smd == pytest.approx(one.smd * narrow / whole, rel=1e-12)
    assert "both variances before matching" in balance_table(unmatched).notes[0]
    assert "before" not in balance_table(own).notes[0]


def test_the_block_has_the_same_choice() -> None:
    whole = analysed("unmatched")
    observed, sets = whole.observed, np.stack([whole.before.present, whole.after.present])
    rows = rows_of(observed.variables)
    for choice in ("own", "unmatched"):
        found = baseline(observed.covariates, observed.treated, rows, present=sets, smd=choice)
        one = analysed(choice)
        assert found.continuous.smd[:, 0].tolist() == pytest.approx([one.table1.before[0].smd, one.table1.after[0].smd])
        levels = [rows[-1].smd for rows in (one.table1.before, one.table1.after)]
        assert found.categorical.smd[:, 0, 1].tolist() == pytest.approx(levels)


def test_an_infinite_difference_is_a_status_and_a_word() -> None:
    x = np.array([[[1.0], [1.0], [1.0], [0.0], [0.0], [0.0]]])
    observed = Observed(
        (Variable("c", "binary", ("0", "1")),), x, x[..., 0] == 1, np.ones((1, 6), bool),
        {"OS": Endpoint(np.arange(1.0, 7)[None], np.ones((1, 6), bool))}, {},
    )  # fmt: skip
    made = analyse(observed, [str(k) for k in range(6)], Plan())
    row = made.table1.before[1]
    assert (row.smd, row.smd_status, row.status) == (np.inf, Status.NO_INFO, Status.OK)
    told = made.to_json()["table1"]["before"][1]
    assert (told["smd"], told["smd_status"]) == (None, "NO_INFO")
    assert balance_table(made).rows[1][1] == "infinite"
    assert made.table1.after[1].smd_status == Status.TOO_FEW
    figure = love_of(made)
    assert "∞" in [text.get_text() for text in figure.axes[0].texts]


def test_studies_heed_the_choice() -> None:
    found = {}
    for choice in ("own", "unmatched"):
        settings = ("population.size=120", "run.replicates=8", f"analysis.table1.smd={choice}")
        cell = prepare(load_study("imbrave150", settings).cells)[0]
        sample = one_sample(cell.scenario, generate(cell.resolved, 1, np.arange(8)), 1)
        x, spread = sample.observed.covariates, {"own": sample.matched, "unmatched": sample.observed.present}[choice]
        each = np.abs(smd(x, sample.observed.treated, present=sample.matched, spread=spread))
        right = np.where(np.isnan(each), -np.inf, each).max(axis=1)
        found[choice] = claims._largest(x, sample)
        assert found[choice].tolist() == right.tolist()
        found[f"{choice}, report"] = world._compared(cell)[3]
        found[f"{choice}, before"] = world._compared(cell)[2]
    assert (found["own"] != found["unmatched"]).any()
    assert (found["own, report"] != found["unmatched, report"]).any()
    assert (found["own, before"] == found["unmatched, before"]).all()
