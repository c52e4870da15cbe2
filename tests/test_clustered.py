"""Standard errors clustered by a covariate: R's `coxph(cluster = )`, centres of copies of a patient."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from analysis.estimators import Adjusted, Crude, EntropyBalance, Estimate, Ipw, Sample
from analysis.kernels.status import Status
from analysis.plan.analysis_plan import Plan
from benchmarks.asked.load_study import load_study
from simulator.cohort.cohorts import Endpoint, Observed
from simulator.documents.loading import DocumentError
from tests.small_papers import write_paper
from tests.test_stratified import ROWS, cohort

PLAN = Plan.model_validate(
    {"propensity": {"method": "all", "candidates": ("stage", "age")}, "cox": {"covariates": ("age", "stage")}}
)
WAYS = {"crude": Crude(cluster="site"), "adjusted": Adjusted(cluster="site"), "ipw": Ipw(cluster="site")}


def sample(observed: Observed) -> Sample:
    return Sample(observed, PLAN, np.arange(len(observed.treated), dtype=np.int64))


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("name", WAYS)
def test_a_clustered_se_is_that_of_r(row: dict, name: str) -> None:
    block = sample(cohort(row)[0])
    found, plain = (one.estimate(block, "OS") for one in (WAYS[name], WAYS[name].model_copy(update={"cluster": None})))
    assert found.status[0] == Status.OK
    assert (found.value[0], found.se[0]) == pytest.approx((row[name]["beta"], row[name]["se"]), rel=1e-8)
    assert 1.1 * found.se[0] != pytest.approx(row[name]["se"], rel=1e-8)
    assert found.value[0] == pytest.approx(plain.value[0], rel=1e-9)
    assert found.se[0] != pytest.approx(plain.se[0], rel=1e-3)


@pytest.mark.parametrize("one", [*WAYS.values(), EntropyBalance(cluster="site")], ids=lambda one: one.kind)
def test_the_truth_is_unchanged(one) -> None:
    variables = cohort(ROWS[0])[0].variable
    plain = one.model_copy(update={"cluster": None})
    assert one.estimand("OS", PLAN, variables) == plain.estimand("OS", PLAN, variables)


def repeated(times: int) -> Observed:
    """A cohort of the frozen file with every patient so often, in a centre of their own."""
    observed, d = cohort(ROWS[0])
    n = d["time"].shape[1]
    x = np.repeat(observed.covariates, times, axis=1)
    x[..., 2] = np.repeat(np.arange(n), times) % 60
    variables = tuple(
        one if one.name != "site" else type(one)("site", "nominal", tuple(map(str, range(60))))
        for one in observed.variables
    )
    course = Endpoint(np.repeat(d["time"], times, axis=1), np.repeat(d["event"] == 1, times, axis=1))
    here = np.ones(x.shape[:2], np.bool_)
    return Observed(variables, x, np.repeat(observed.treated, times, axis=1), here, {"OS": course}, {}, {}, {})


@pytest.mark.parametrize("one", [*WAYS.values(), EntropyBalance(cluster="site")], ids=lambda one: one.kind)
def test_copies_of_patients_add_nothing(one) -> None:
    """With Breslow's ties three copies of everybody in a centre of their own have the SE of everybody once."""
    plan = PLAN.model_copy(update={"survival": PLAN.survival.model_copy(update={"ties": "breslow"})})

    def se(observed: Observed, estimator) -> float:
        return float(estimator.estimate(sample(observed).under(plan), "OS").se[0])

    once, thrice = se(repeated(1), one), se(repeated(3), one)
    assert thrice == pytest.approx(once, rel=1e-6)
    assert se(repeated(3), one.model_copy(update={"cluster": None})) < 0.7 * once


@pytest.mark.parametrize("one", WAYS.values(), ids=lambda one: one.kind)
def test_one_cluster_has_no_se(one) -> None:
    observed = repeated(1)
    observed.covariates[..., 2] = 7
    found: Estimate = one.estimate(sample(observed), "OS")
    assert found.status.tolist() == [Status.TOO_FEW]
    assert np.isnan([found.value[0], found.se[0], found.p[0]]).all()


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("{kind: crude, cluster: age}", "'age' has no levels"),
        ("{kind: adjusted, cluster: centre}", "no covariate 'centre'; those with levels are: stage, grade, site"),
        ("{kind: ipw, cluster: site, se: naive}", "'cluster' belongs to 'measure: hr' with 'se: robust'"),
    ],
)
def test_what_cannot_be_clustered_by_is_refused(tmp_path: Path, entry: str, told: str) -> None:
    with pytest.raises(DocumentError, match=told):
        load_study(str(write_paper(tmp_path, {"cohort.n": "160"}, f"estimators: [{entry}]")))


def test_a_curve_has_no_clusters() -> None:
    with pytest.raises(ValidationError, match="'cluster' belongs to"):
        Ipw(measure="rmst", horizon=12.0, cluster="site")
