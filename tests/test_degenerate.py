"""Whatever is wrong with a cohort: a status, never an exception or a warning, and nothing of it in its neighbours."""

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from analysis.estimators import Crude, Estimate, Estimator, Sample
from analysis.estimators.pooled import estimated, samples_of
from analysis.kernels.status import Status
from analysis.paper.block_workflow import BlockAnalysis
from analysis.paper.workflow import analyse
from analysis.plan.analysis_plan import Plan
from benchmarks.words.plain_text import cohort_answer
from simulator.cohort.cohorts import Observed
from tests.degenerate import AILMENTS, HEALTHY, OUTCOME, SIZE, drawn, rows
from tests.measured import Measured
from tests.test_estimators import KINDS, NUMBERS, _made
from tests.worlds import scenario

FEW, MANY = range(3), range(100)
NAMES = [*["healthy"] * HEALTHY, *AILMENTS, *["healthy"] * HEALTHY]
WELL = [r for r, name in enumerate(NAMES) if name == "healthy"]
NEVER_OK = ("one arm", "no events", "nan time")

VARIANTS: dict[str, dict[str, Any]] = {
    "matched naive": {"kind": "matched", "se": "naive"},
    "matched rmst": {"kind": "matched", "measure": "rmst", "horizon": 12.0},
    "matched survival": {"kind": "matched", "measure": "survival", "horizon": 12.0, "se": "naive"},
    "matched stratified": {"kind": "matched", "model": "stratified"},
    "matched bootstrap": {"kind": "matched", "se": "bootstrap", "boots": 20},
    "matched 1:3": {"kind": "matched", "matching": {"ratio": 3}},
    "matched again": {"kind": "matched", "matching": {"replacement": True}},
    "matched optimal": {"kind": "matched", "matching": {"method": "optimal"}},
    "matched mahalanobis": {"kind": "matched", "matching": {"distance": "mahalanobis"}},
    "matched closest": {"kind": "matched", "matching": {"order": "closest"}},
    "matched any": {"kind": "matched", "matching": {"order": "random", "caliper": None}},
    "matched at random": {"kind": "matched", "matching": {"choice": "random"}},
    "matched exactly": {"kind": "matched", "matching": {"exact": ["stage"]}},
    "matched all": {"kind": "matched", "propensity": {"method": "all"}},
    "ipw ate": {"kind": "ipw", "target": "ate", "stabilised": True},
    "ipw overlap": {"kind": "ipw", "target": "overlap"},
    "ipw matching": {"kind": "ipw", "target": "matching"},
    "ipw estimated": {"kind": "ipw", "se": "estimated"},
    "ipw truncated": {"kind": "ipw", "target": "ate", "stabilised": True, "truncate": [0.01, 0.99], "se": "estimated"},
    "ipw trimmed": {"kind": "ipw", "trim": [0.1, 0.9], "propensity": {"method": "all"}},
    "ipw bootstrap": {"kind": "ipw", "se": "bootstrap", "resamples": 20},
    "balance squares": {"kind": "entropy-balance", "moments": 2, "se": "estimated"},
    "balance ate": {"kind": "entropy-balance", "target": "ate"},
    "spline": {"kind": "ps-covariate", "form": "spline"},
    "strata pooled": {"kind": "ps-strata", "combine": "pooled", "strata": 3},
    "g rmst": {"kind": "g-computation", "measure": "rmst_difference", "horizon": 12.0},
    "aipw rmst": {"kind": "aipw", "horizon": 12.0},
    "landmark adjusted": {"kind": "landmark", "adjusted": True},
    "time-dependent adjusted": {"kind": "time-dependent", "adjusted": True},
    "delayed entry adjusted": {"kind": "delayed-entry", "adjusted": True},
    "clones bootstrap": {"kind": "clone-censor-weight", "boots": 8},
    "rmst early": {"kind": "rmst", "horizon": 6.0},
    "incidence ratio": {"kind": "incidence", "measure": "incidence_ratio"},
    "time lost": {"kind": "incidence", "measure": "rmtl", "horizon": 6.0},
    "fine-gray adjusted": {"kind": "fine-gray", "adjusted": True, "censoring": "by_arm"},
    "matched incidence": {"kind": "matched", "measure": "incidence", "horizon": 12.0},
    "matched time lost again": {
        "kind": "matched",
        "measure": "rmtl",
        "horizon": 12.0,
        "matching": {"replacement": True},
    },
    "matched fine-gray": {"kind": "matched", "measure": "subdistribution_hr"},
    "ipw incidence": {"kind": "ipw", "measure": "incidence", "horizon": 12.0, "se": "estimated"},
    "ipw fine-gray": {"kind": "ipw", "measure": "subdistribution_hr", "censoring": "by_arm"},
}
FAMILY: TypeAdapter[Any] = TypeAdapter(Estimator)
ESTIMATORS: dict[str, Any] = {
    **{_made(kind).kind: _made(kind) for kind in KINDS},
    **{name: FAMILY.validate_json(json.dumps({"name": "variant", **said})) for name, said in VARIANTS.items()},
}
SLOW = {"ipw bootstrap", "own"}


def _sample(observed: Observed, first: int, plan: Plan | None = None) -> Sample:
    replicates = np.arange(first, first + len(observed.treated), dtype=np.int64)
    return Sample(observed, plan or scenario().analysis, replicates)


def faults(estimator: Any, seeds: range) -> Iterator[str]:
    """What is wrong with the estimates of blocks in which healthy and degenerate cohorts stand side by side."""
    endpoint = OUTCOME if (estimator.endpoints or ("OS",))[0] == OUTCOME else "OS"
    for seed in seeds:
        observed, first = drawn(seed), 100 * seed
        made = estimator.estimate(_sample(observed, first), endpoint)
        test = estimator.estimand(endpoint, scenario().analysis, observed.variable).measure == "none"
        for name in ("value", "se", "p") if test else NUMBERS:
            finite = np.isfinite(getattr(made, name))
            for r in np.flatnonzero(finite != (made.status == Status.OK)):
                yield f"{name} {getattr(made, name)[r]} has status {made.status[r]} in '{NAMES[r]}' of {seed}"
        for name in NEVER_OK:
            r = NAMES.index(name)
            time = observed.endpoints["OS"].time[r]
            judged = name != "nan time" or not (endpoint == OUTCOME or (np.isfinite(time) | (time < 0)).any())
            if made.status[r] == Status.OK and judged and estimator.kind != "own":  # a user's function is its user's
                yield f"'{name}' of {seed} is OK"
        for r in WELL:
            alone = estimator.estimate(_sample(rows(observed, r), first + r), endpoint)
            yield from (f"{name} of row {r} of {seed} differs alone" for name in _unlike(made, alone, r))


def _unlike(made: Estimate, alone: Estimate, r: int) -> list[str]:
    names = [field.name for field in fields(Estimate)]
    return [n for n in names if not np.array_equal(getattr(made, n)[r], getattr(alone, n)[0], equal_nan=n in NUMBERS)]


def test_every_kind_and_most_options_are_among_them() -> None:
    assert {one.kind for one in ESTIMATORS.values()} == {_made(kind).kind for kind in KINDS}
    assert len(ESTIMATORS) > 50
    assert len(AILMENTS) >= 20


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_degenerate_cohort_is_a_row_and_its_neighbours_are_as_if_alone(name: str) -> None:
    assert not list(faults(ESTIMATORS[name], FEW[:1] if name in SLOW else FEW))


@pytest.mark.slow
@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_hundred_draws_of_each(name: str, measured: Measured) -> None:
    assert not list(faults(ESTIMATORS[name], MANY))
    told = f"{len(AILMENTS)} ailments x {len(MANY)} draws through {len(ESTIMATORS)} estimators: no fault"
    measured("ailing cohorts", told)


class Careless(Crude):
    """Says OK of whatever it finds, and looks at the whole block."""

    def estimate(self, sample: Sample, endpoint: str) -> Estimate:
        """The crude estimate less its mean in the block, all OK."""
        made = super().estimate(sample, endpoint)
        return replace(made, value=made.value - np.nanmean(made.value), status=np.zeros_like(made.status))


def test_a_careless_estimator_is_noticed() -> None:
    told = " ".join(faults(Careless(), FEW[:1]))
    assert "is OK" in told
    assert "has status 0" in told
    assert "differs alone" in told


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every array of nested dataclasses and mappings, by its path."""
    if is_dataclass(value):
        for field in fields(value):
            yield from leaves(getattr(value, field.name), f"{path}.{field.name}")
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from leaves(part, f"{path}.{key}")
    elif isinstance(value, np.ndarray):
        yield path, value


def _parts(block: BlockAnalysis) -> dict[str, Any]:
    return {
        "table1": block.table1,
        "comparisons": block.comparisons,
        "models": block.cox_models,
        "subgroups": block.subgroups,
    }


def block_faults(seeds: range) -> Iterator[str]:
    """Where the analysis of a block differs from that of its healthy cohorts alone."""
    for seed in seeds:
        observed, first = drawn(seed), 100 * seed
        whole = dict(leaves(_parts(BlockAnalysis(_sample(observed, first)))))
        assert len(whole) > 30
        for r in WELL:
            alone = dict(leaves(_parts(BlockAnalysis(_sample(rows(observed, r), first + r)))))
            for path, values in alone.items():
                each = len(values)  # rows per cohort: one, before and after matching, or one per subgroup
                if not np.array_equal(
                    values, whole[path][r * each : (r + 1) * each], equal_nan=values.dtype.kind == "f"
                ):
                    yield f"{path} of row {r} of {seed} differs alone"


def test_the_workflow_of_a_block_leaves_neighbours_alone() -> None:
    assert not list(block_faults(FEW))


@pytest.mark.slow(minutes=60)
def test_the_workflow_of_a_hundred_blocks_leaves_neighbours_alone() -> None:
    assert not list(block_faults(MANY))


def told(seeds: range) -> int:
    """How many cohorts were analysed one by one, as `trialtwin analyze` does, with tables and JSON."""
    count, ids = 0, [str(k) for k in range(SIZE)]
    for seed in seeds:
        observed = drawn(seed)
        for r in range(len(NAMES)):
            result = analyse(rows(observed, r), ids, scenario().analysis)
            json.dumps(result.to_json(), allow_nan=False)
            assert cohort_answer(result).text()
            count += 1
    return count


def test_the_workflow_of_one_cohort_tells_of_anything() -> None:
    assert told(FEW) == len(FEW) * len(NAMES)


@pytest.mark.slow(minutes=60)
def test_the_workflow_of_one_cohort_tells_of_a_hundred_draws() -> None:
    assert told(MANY) == len(MANY) * len(NAMES)


@pytest.mark.parametrize("method", ["complete", "indicator", "imputation"])
def test_missing_values_beside_degenerate_cohorts(method: str) -> None:
    many = {"imputations": 12} if method == "imputation" else {}
    plan = scenario(analysis={"missing": {"method": method, **many}}).analysis
    observed = drawn(0)
    values = observed.covariates.copy()
    for r in WELL:
        values[r, r::7, 2] = np.nan
    observed = replace(observed, covariates=values)

    def made(one: Observed, first: int) -> Estimate:
        replicates = np.arange(first, first + len(one.treated), dtype=np.int64)
        return estimated(samples_of(one, ["age", "stage", "marker"], plan, replicates, 1), Crude(), "OS")

    whole = made(observed, 0)
    assert np.array_equal(np.isfinite(whole.value), whole.status == Status.OK)
    assert (whole.status[WELL] == Status.OK).all()
    for r in WELL:
        assert not _unlike(whole, made(rows(observed, r), r), r)


def test_many_covariates_are_weighed_alike_in_a_block_and_alone() -> None:
    """Sums over covariates, strata, draws and imputations must not depend on how many cohorts stand side by side."""
    from analysis.propensity.distances import whitened

    rng = np.random.default_rng(5)
    x = rng.standard_normal((6, 40, 20)) @ rng.standard_normal((20, 20))
    treated, present = rng.random((6, 40)) < 0.4, np.ones((6, 40), np.bool_)
    block = whitened(x, treated, present)
    for r in range(6):
        one = slice(r, r + 1)
        assert np.array_equal(whitened(x[one], treated[one], present[one])[0], block[r])
