"""Methods and cells compared on the same replicates."""

from math import sqrt
from pathlib import Path

import numpy as np
import pytest

from benchmarks.asked.blocks import prepare
from benchmarks.asked.load_study import load_study
from benchmarks.report import study_report
from benchmarks.runs.manifest import manifest
from benchmarks.runs.store import RunFolder
from benchmarks.study.paired import cells, methods
from benchmarks.study.running import StudyResult, Work, run_study
from benchmarks.words.study_document import study_json
from tests.commands import bare, page_text
from tests.worlds import scenario


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    """Two cells, of 60 and 40 replicates, that differ in the effect of treatment."""
    place = tmp_path_factory.mktemp("paired")
    (place / "parts").mkdir()
    made = []
    for replicates, effect in ((60, -0.5), (40, 0.0)):
        world = scenario(
            estimators=("crude", "adjusted", {"kind": "ipw", "target": "ate", "name": "weighted"}, "logrank"),
            run={"replicates": replicates, "seed": 5, "truth_patients": 20_000},
        )
        death = world.outcomes.death.model_copy(
            update={"treatment": world.outcomes.death.treatment.model_copy(update={"log_hr": effect})}
        )
        outcomes = world.outcomes.model_copy(update={"death": death})
        made.append(({"effect": effect}, world.model_copy(update={"outcomes": outcomes})))
    return run_study(prepare(made), RunFolder(place), Work(1), lambda stage, done, total: None)  # noqa: ARG005


def test_methods_with_the_same_truth_are_compared_and_no_others(result: StudyResult) -> None:
    pairs = methods(result, result.cells[0])
    assert [(one.endpoint, one.estimator, one.against) for one in pairs] == [
        ("OS", "weighted", "crude"),
        ("PFS", "weighted", "crude"),
    ]
    own, other = (result.rows.of(0, "OS", name)[0]["value"] for name in ("weighted", "crude"))
    differences = own - other
    found = pairs[0].measures["bias_difference"]
    assert found.value == pytest.approx(differences.mean(), rel=1e-12)
    assert found.mcse == pytest.approx(differences.std(ddof=1) / sqrt(60), rel=1e-12)
    apart = sqrt(own.var(ddof=1) / 60 + other.var(ddof=1) / 60)
    assert found.mcse < 0.7 * apart  # what pairing gains


def test_cells_are_compared_on_the_replicates_that_both_have(result: StudyResult) -> None:
    found = {(one.endpoint, one.estimator): one for one in cells(result)}
    assert set(found) == {(end, name) for end in ("OS", "PFS") for name in ("crude", "adjusted", "weighted", "logrank")}
    later, base = (result.rows.of(cell, "OS", "crude")[0]["value"][:40] for cell in (1, 0))
    pair = found["OS", "crude"]
    assert (pair.cell, pair.against) == (1, "cell 0")
    assert pair.measures["mean_difference"].value == pytest.approx((later - base).mean(), rel=1e-12)
    assert pair.measures["mean_difference"].mcse == pytest.approx((later - base).std(ddof=1) / sqrt(40), rel=1e-12)
    assert abs(pair.measures["mean_difference"].value - 0.5) < 5 * pair.measures["mean_difference"].mcse + 0.05


def test_json_and_page_tell_them(result: StudyResult, tmp_path: Path) -> None:
    world = result.cells[0].scenario
    document = study_json(result, world, {}, tmp_path)
    assert len(document["paired"]) == 2 * 2 + 8
    bias = document["paired"][0]["measures"]["bias_difference"]
    document_of = load_study("paper").document
    page = study_report(result, document_of, world, manifest(document_of, 5))
    assert f"{bias['value']:.4f} ({bias['mcse']:.4f})".replace("-", "−") in page
    assert "Differences on the same simulated studies" in page
    assert bare("Weighting by the plan's propensity score; the target is ate.") in page_text(page)
    assert np.isfinite(bias["mcse"])
