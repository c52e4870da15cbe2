"""Nothing depends on where a row stands: ties in matching are settled by chance at an address, files read in any order.

The frozen numbers are R's (`tests/oracle/ties.R`): 20,000 random matchings within the levels of one binary covariate.
"""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.cohort_files.cohort_file import CohortSpec, read_cohort
from analysis.estimators import Sample
from analysis.estimators.matched import Matched
from analysis.kernels.status import Status
from analysis.paper import tie_choices
from analysis.paper.cohort_analysis import CohortAnalysis
from analysis.plan.analysis_plan import Plan
from analysis.plan.matching_plan import MatchingPlan
from analysis.propensity.matching import match_as
from analysis.tables.cohort_tables import ties_table
from benchmarks.words.plain_text import cohort_answer
from simulator.cohort.addresses import ALONE, Address, as_simulated, row_order
from simulator.cohort.cohorts import Endpoint, Observed
from simulator.cohort.terms import Variable
from simulator.numerics.streams import Streams
from tests import oracle
from tests.tied_files import made, one_covariate, rows, sorted_file, whole

R = json.loads((oracle.HERE / "ties.json").read_text("utf-8"))
ONE = {
    "treatment": {"column": "trt"},
    "covariates": {"x": {"kind": "binary"}},
    "endpoints": {"OS": {"time": "t", "event": "e"}},
}


def by_content(found: CohortAnalysis, table: list[list[str]] | None = None) -> dict[str, Any]:
    """The JSON, with patients in no order; by what their rows hold where there is a ``table``."""
    told = json.loads(json.dumps(found.to_json()))
    name = {str(k + 1): tuple(row[1:]) for k, row in enumerate(table)} if table else {}
    pairs = Counter(tuple(name.get(one, one) for one in pair) for pair in told["matching"].pop("pairs"))
    scores = Counter((name.get(one, one), score) for one, score in told["propensity"].pop("scores").items())
    return {"pairs": pairs, "scores": scores, **told}


GREEDY = [{"matching": {"order": order}} for order in ("largest", "smallest", "random", "closest")]
METHODS: list[dict[str, Any]] = [
    *GREEDY,
    {"matching": {"ratio": 2}},
    {"matching": {"replacement": True}},
    {"matching": {"ratio": 3, "replacement": True, "order": "smallest"}},
    {"matching": {"order": "closest", "ratio": 2, "scale": "ps"}},
    {"matching": {"method": "optimal"}},
    {"matching": {"method": "optimal", "ratio": 2, "caliper": None}},
    {"matching": {"distance": "mahalanobis"}},
    {"matching": {"distance": "mahalanobis", "ratio": 2, "replacement": True, "exact": ["sex"]}},
    {"matching": {"exact": ["stage"], "order": "closest"}},
    {"matching": {"choice": "random", "seed": 4}},
    {"matching": {"order": "data"}},
    {"matching": {"choice": "random", "order": "random", "ratio": 2, "replacement": True}},
    {"matching": {"caliper": None}, "propensity": {"method": "all"}},
    {"propensity": {"criterion": "p", "alpha": 1e-9}},
    {"propensity": {"method": "boosting", "trees": 20}},
]
LASSO = pytest.param({"propensity": {"method": "lasso"}}, marks=pytest.mark.slow)


@pytest.mark.parametrize("options", [*METHODS, LASSO], ids=lambda one: json.dumps(one)[1:60])
def test_rows_may_stand_in_any_order(tmp_path: Path, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tie_choices, "CHOICES", 20)
    table, draw = rows(), np.random.default_rng(1)
    first, unnamed = made(tmp_path, table, options), made(tmp_path, table, options, named=False)
    assert first.matching.status == Status.OK
    others = [table[::-1], [table[k] for k in draw.permutation(len(table))]]
    for other in others:
        again = made(tmp_path, other, options)
        assert by_content(again) == by_content(first)
        ids = [row[0] for row in other]
        assert list(again.propensity.scores) == ids
        assert [ids.index(pair[0]) for pair in again.matching.pairs] == sorted(
            ids.index(pair[0]) for pair in again.matching.pairs
        )
        assert by_content(made(tmp_path, other, options, named=False), other) == by_content(unnamed, table)


@pytest.mark.parametrize(
    "options", [{"ties": "data"}, {"order": "data", "ties": "data"}, {"preset": "matchit"}, {"preset": "psmpy"}]
)
def test_what_goes_by_the_order_of_the_data_would_be_noticed(tmp_path: Path, options: dict[str, Any]) -> None:
    table = rows()
    one, other = (made(tmp_path, some, {"matching": options}) for some in (table, table[::-1]))
    assert by_content(one)["pairs"] != by_content(other)["pairs"]
    assert by_content(one)["propensity"] == by_content(other)["propensity"]  # but for that, rows mean nothing


def test_numbers_may_be_written_otherwise_where_there_is_no_id(tmp_path: Path) -> None:
    table = rows()
    written = [[*row[:2], f"{row[2]}.0", *row[3:]] for row in table]
    one, other = (made(tmp_path, some, {}, named=False) for some in (table, written))
    assert one.matching.pairs == other.matching.pairs


def test_cells_that_are_not_read_tell_equal_rows_apart(tmp_path: Path) -> None:
    """Of two rows that differ in an unread column only, the same one is matched wherever they stand."""
    table = [[*row[:5], str(1 + k % 3), "1", "1", "1", "0", f"w{k}"] for k, row in enumerate(rows(60))]
    found = [by_content(made(tmp_path, some, {}, named=False), some)["pairs"] for some in (table, table[::-1])]
    assert found[0] == found[1]


def test_a_file_sorted_by_survival_time_is_matched_as_r_does_at_random(tmp_path: Path) -> None:
    """Rows as they stand gave a hazard ratio of 0.30, and reversed 2.61."""
    spec = CohortSpec.model_validate({"data": ONE})
    lines = sorted_file()
    found = []
    for k, some in enumerate((lines, lines[::-1], [lines[k] for k in np.random.default_rng(3).permutation(300)])):
        path = tmp_path / f"{k}.csv"
        path.write_text("\n".join(",".join(row) for row in [["trt", "x", "t", "e"], *some]) + "\n")
        found.append(whole(read_cohort(path, spec), spec.analysis))
    hr = found[0].endpoints["OS"].after.cox.hr
    assert [one.endpoints["OS"].after.cox.hr for one in found] == [hr] * 3
    assert abs(np.log(hr) - R["mean_log"]) < 4 * R["sd_log"]
    ties = found[0].matching.ties
    assert ties is not None
    assert (ties.rule, ties.tied, ties.choices) == ("random", 72, 200)
    spread = ties.hr["OS"]
    error = R["sd_log"] / np.sqrt(200)
    assert abs(np.log(spread.median / R["median"])) < 4 * 1.25 * error
    assert abs(np.log(spread.low / R["low"])) < 4 * 2.7 * error  # of a 2.5 % quantile of 200 normals
    assert abs(np.log(spread.high / R["high"])) < 4 * 2.7 * error
    assert len(ties.warnings) == 1
    assert f"median is {spread.median:.2f}, 95 % lie between {spread.low:.2f} and {spread.high:.2f}" in ties.warnings[0]
    assert "Warning: OS: the answer depends on" in cohort_answer(found[0]).text()
    assert ties_table(found[0]).rows[0][1:5] == tuple(f"{v:.2f}" for v in (hr, spread.median, spread.low, spread.high))


def test_ties_by_the_data_take_the_first_row_and_say_so() -> None:
    lines = sorted_file()
    for some, expected in ((lines, R["first_rows"]), (lines[::-1], R["last_rows"])):
        made = one_covariate(some, {"ties": "data"})
        assert made.endpoints["OS"].after.cox.hr == pytest.approx(expected, rel=1e-8)
        ties = made.matching.ties
        assert ties is not None
        assert ties.rule == "data"
        assert ties.hr["OS"].low < R["median"] < ties.hr["OS"].high
        assert any("depends on which" in one for one in ties.warnings)


@pytest.mark.parametrize("matching", [{}, {"order": "closest"}, {"method": "optimal"}, {"exact": ["x"]}])
def test_with_ids_given_at_random_the_results_are_those_of_random_matching(
    matching: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tie_choices, "CHOICES", 2)
    lines, draw, found = sorted_file(), np.random.default_rng(7), []
    for _ in range(40):
        ids = [str(k) for k in draw.permutation(300)]
        found.append(one_covariate(lines, matching, ids).endpoints["OS"].after.cox.log_hr)
    z = (np.mean(found) - R["mean_log"]) / (R["sd_log"] / np.sqrt(40))
    assert abs(z) < 4
    assert 0.6 < np.std(found, ddof=1) / R["sd_log"] < 1.5
    planted = np.log(R["first_rows"])
    assert abs(planted - R["mean_log"]) / (R["sd_log"] / np.sqrt(40)) > 50  # the first row would be noticed


@pytest.mark.parametrize("ratio", [1, 2])
def test_with_replacement_each_chooses_for_himself(ratio: int) -> None:
    """All 72 took the same control of each level; now their choices are spread as those of independent draws."""
    made = one_covariate(sorted_file(), {"replacement": True, "ratio": ratio})
    used = [control for pair in made.matching.pairs for control in pair[1:]]
    assert all(len(set(pair)) == 1 + ratio for pair in made.matching.pairs)
    assert len(used) == 72 * ratio
    assert max(Counter(used).values()) < 8
    assert len(set(used)) > 40
    assert one_covariate(sorted_file(), {"replacement": True, "ties": "data"}).matching.n_control == 2


def _block(replicates: int, patients: int, sort: bool) -> Observed:
    """Cohorts of one binary covariate, confounded, without an effect; rows sorted by time if so wished."""
    streams, numbers = Streams(11), np.arange(replicates)
    x = streams.uniform("x", numbers, patients) < 0.5
    treated = streams.uniform("arm", numbers, patients) < np.where(x, 0.4, 0.25)
    time = streams.exponential("time", numbers, patients) * np.where(x, 0.5, 1.0)
    if sort:
        order = np.argsort(time, axis=1)
        x, treated, time = (np.take_along_axis(one, order, axis=1) for one in (x, treated, time))
    whole = np.ones(x.shape, np.bool_)
    return Observed(
        (Variable("x", "binary", ("0", "1")),),
        x[..., None].astype(float),
        treated,
        whole,
        {"OS": Endpoint(time, whole)},
        {},
    )


OPTIMAL = {"method": "optimal"}


@pytest.mark.parametrize("matching", [{}, {"order": "closest"}, {"ratio": 2}, {"replacement": True}, OPTIMAL])
def test_sorted_rows_do_not_bias_a_simulation(matching: dict[str, Any]) -> None:
    observed = _block(200, 120, sort=True)
    z = {}
    for ties in ("random", "data"):
        plan = Plan.model_validate({"matching": {**matching, "ties": ties}, "propensity": {"method": "all"}})
        estimate = Matched(endpoints=("OS",)).estimate(Sample(observed, plan, np.arange(200), 1), "OS")
        value = estimate.value[estimate.status == Status.OK]
        z[ties] = np.mean(value) / (np.std(value, ddof=1) / np.sqrt(len(value)))
    assert abs(z["random"]) < 4
    assert matching == OPTIMAL or abs(z["data"]) > 10


def test_ties_are_a_function_of_the_address_alone() -> None:
    observed = _block(6, 80, sort=False)
    score, here = observed.covariates[..., 0], observed.present
    plan = MatchingPlan()

    def controls(numbers: list[int], seed: int) -> np.ndarray:
        one = replace(observed, covariates=observed.covariates[numbers], treated=observed.treated[numbers])
        return match_as(plan, score[numbers], one, here[numbers], ("x",), Address(np.array(numbers), seed)).controls

    assert np.array_equal(controls([0, 1, 2, 3, 4, 5], 1)[2:4], controls([2, 3], 1))
    assert not np.array_equal(controls([2], 1), controls([2], 2))
    assert not np.array_equal(match_as(plan, score[:1], replace(
        observed, covariates=observed.covariates[:1], treated=observed.treated[:1]
    ), here[:1], ("x",), Address(np.array([1]), 1)).controls, controls([0], 1))  # fmt: skip
    address = Address(np.array([3]), 9, np.array([5, 0, 7]))
    assert np.array_equal(address.uniform("s", 3), Streams(9).uniform("s", np.array([3]), 8)[:, [5, 0, 7]])
    assert np.array_equal(address.of_rows(np.array([2, 0, 1])).uniform("s", 3), address.uniform("s", 3)[:, [2, 0, 1]])
    order, at = as_simulated(ALONE, ["3", "1"])
    assert (order.tolist(), at.patients.tolist()) == ([0, 1], [2, 0])  # type: ignore[union-attr]


def test_the_order_of_rows_is_that_of_their_keys_alone() -> None:
    keys = [f"patient {k}" for k in range(50)]
    listed = [keys[k] for k in row_order(keys)]
    assert listed not in (keys, keys[::-1])
    assert [keys[::-1][k] for k in row_order(keys[::-1])] == listed
    assert row_order(["a", "a"], lambda: [b"2", b"1"]).tolist() == [1, 0]
