"""An endpoint with competing events in `analyze`: R's numbers on patients of mgus2, words, table, page and figure."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr

from analysis.cohort_files.cohort_file import CohortFileError
from analysis.figures.incidence import stacked_incidence_of
from analysis.paper.cohort_analysis import CohortAnalysis
from analysis.paper.competing import times_to_look
from benchmarks.cli.verbs import analyze
from benchmarks.words.answer import Answer
from simulator.cohort.cohorts import Endpoint
from simulator.documents.problems import DocumentError
from tests import oracle
from tests.reference import competing as slow

DATA = oracle.HERE / "competing_mgus.csv"
R = json.loads((oracle.HERE / "competing_mgus.json").read_text("utf-8"))
SPEC = """
title: MGUS
data:
  id: id
  time_unit: months
  treatment: {column: sex, treated: M, control: F, treated_label: Men, control_label: Women}
  covariates:
    age: {kind: continuous}
    hgb: {kind: continuous, cuts: [12]}
  endpoints:
    pcm: {time: etime, event: status, event_values: [pcm], competing_values: [dead], at: [60, 120, 240], label: Cancer}
    any: {time: etime, event: status, event_values: [pcm, dead]}
analysis: {matching: {ratio: 1}}
"""


def answered(folder: Path, spec: str = SPEC, data: Path = DATA) -> Answer:
    """What `trialtwin analyze` says."""
    path = folder / "spec.yaml"
    path.write_text(spec, "utf-8")
    return analyze(data, str(path), ())


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> Answer:
    """The answer of the whole SPEC."""
    return answered(tmp_path_factory.mktemp("competing"))


def test_all_numbers_before_matching_are_rs(answer: Answer) -> None:
    document: Any = answer.data
    found = document["endpoints"]["pcm"]["competing"]["before"]
    assert [one["at"] for one in found["at"]] == [60, 120, 240]
    for arm in ("treated", "control"):
        said = R["arms"][arm]
        for name, theirs in (("value", "pcm"), ("se", "se"), ("low", "low"), ("high", "high")):
            np.testing.assert_allclose([one["event"][arm][name] for one in found["at"]], said[theirs], rtol=1e-8)
        np.testing.assert_allclose([one["competing"][arm]["value"] for one in found["at"]], said["dead"], rtol=1e-8)
    for one, k in zip(found["at"], range(3), strict=True):
        p, q = (R["arms"][arm] for arm in ("treated", "control"))
        assert one["difference"]["value"] == pytest.approx(p["pcm"][k] - q["pcm"][k], rel=1e-8)
        assert one["difference"]["se"] == pytest.approx(np.hypot(p["se"][k], q["se"][k]), rel=1e-8)
        assert one["ratio"]["value"] == pytest.approx(p["pcm"][k] / q["pcm"][k], rel=1e-8)
        assert one["ratio"]["se"] == pytest.approx(
            np.hypot(p["se"][k] / p["pcm"][k], q["se"][k] / q["pcm"][k]), rel=1e-8
        )
    assert [found["gray"]["chi2"], found["gray"]["p"]] == pytest.approx(R["gray"], rel=1e-8)
    for ours, theirs in (("subdistribution", "fg"), ("cause_specific", "specific"), ("competing_specific", "other")):
        assert [found[ours]["log_hr"], found[ours]["se"]] == pytest.approx(R[theirs], rel=1e-8)
    assert (found["events"], found["competing_events"]) == (
        {"treated": 25, "control": 25},
        {"treated": 215, "control": 200},
    )
    assert document["endpoints"]["any"]["competing"] is None
    course = answer.found.observed.endpoints["pcm"]
    men, causes = answer.found.observed.treated[0], course.causes[0]
    lost = slow.time_lost(course.time[0, men], causes[men], np.ones(men.sum()), 240.0)
    assert found["time_lost"]["treated"]["value"] == pytest.approx(lost, rel=1e-10)


def test_cause_specific_models_are_those_beside_them(answer: Answer) -> None:
    document: Any = answer.data
    found = document["endpoints"]["pcm"]
    for when in ("before", "after"):
        assert found["competing"][when]["cause_specific"] == found[when]["cox"]


def test_subgroups_are_the_models_of_their_patients(answer: Answer) -> None:
    """Each row against the slow twin on those patients alone; the interaction against that of all with products."""
    analysis = answer.found
    both = analysis.endpoints["pcm"].competing
    course, treated = analysis.observed.endpoints["pcm"], analysis.observed.treated[0]
    kind, low = course.causes[0], analysis.observed.covariates[0, :, 1] <= 12
    everyone, below, above = both.before.subgroups
    assert (everyone.variable, below.variable, above.variable) == (None, "hgb", "hgb")
    n = len(kind)
    nobody, whom = np.zeros(n, int), np.arange(n)

    def fit(who: Any, x: Any) -> slow.Subdistribution:
        return slow.fine_gray(
            course.time[0, who], kind[who], x[who], np.ones(who.sum()), whom[who], nobody[who], nobody[who]
        )  # fmt: skip

    for row, who in ((below, low), (above, ~low)):
        said = fit(who, treated[:, None].astype(float))
        assert row.log_hr == pytest.approx(said.beta[0], rel=1e-8)
        assert row.se == pytest.approx(np.sqrt(said.robust[0, 0]), rel=1e-8)
        assert row.n == who.sum()
        assert row.events.treated == (who & treated & (kind == 1)).sum()
    product = np.column_stack([treated, ~low, treated & ~low]).astype(float)
    said = fit(np.ones(n, bool), product)
    z = said.beta[2] / np.sqrt(said.robust[2, 2])
    assert below.interaction_p == pytest.approx(2 * ndtr(-abs(z)), rel=1e-7)
    assert below.interaction_df == 1
    assert everyone.log_hr == both.before.subdistribution.log_hr
    assert everyone.p_gray == both.before.gray.p
    assert both.after.subgroups[0].se == both.after.subdistribution.se
    table = next(one for one in answer.tables if "with competing events" in one.title and "subgroups" in one.title)
    assert table.rows[1][0].startswith("hgb")


def test_words_tables_figure_and_page(answer: Answer) -> None:
    said = " ".join(str(answer.verdict).split())
    assert "Cancer, before matching: by 240 months, 9.6 (6.6, 14.0) % of Men and 9.5 (6.3, 14.5) % of Women" in said
    assert "Gray p 0.926" in said
    tables = {one.title: one for one in answer.tables}
    incidence = tables["Cancer: cumulative incidence"]
    assert incidence.rows[2][:4] == ("before", "240", "9.5 (6.3, 14.5)", "9.6 (6.6, 14.0)")
    models = tables["Cancer: tests and models with competing events"]
    assert models.rows[0][1:4] == ("25 / 200", "25 / 215", "0.926")
    side = answer.data["endpoints"]["pcm"]["competing"]["before"]["time_lost_difference"]
    told = tables["Cancer: mean time lost by 240"].rows[0][3]
    assert told == f"{side['value']:.2f} ({side['low']:.2f}, {side['high']:.2f})"
    assert "any: cumulative incidence" not in tables
    analysis = answer.found
    assert isinstance(analysis, CohortAnalysis)
    figure = stacked_incidence_of(analysis, "pcm", "before", "months")
    top = max(float(path.vertices[:, 1].max()) for path in figure.axes[1].collections[2].get_paths())
    inside = analysis.endpoints["pcm"].competing
    assert inside is not None
    assert 9.5 < top < 15
    with pytest.raises(ValueError, match="nothing competes"):
        stacked_incidence_of(analysis, "any", "before")
    page = answer.page
    assert page is not None
    assert "Competing events" in page()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("event_values: [pcm], ", "", "'competing_values' needs 'event_values'"),
        (
            "competing_values: [dead]",
            "competing_values: [pcm]",
            "'pcm' is listed in 'event_values' and in 'competing_values'",
        ),
        ("at: [60, 120, 240]", "at: [60, 60]", "the times 'at' must increase"),
        ("at: [60, 120, 240]", "at: [-1]", "greater than 0"),
        ("competing_values: [dead], ", "", "'at' belongs to an endpoint with 'competing_values'"),
        ("competing_values: [dead]", "competing_values: [died]", "no row has 'died', the value of 'competing_values'"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in SPEC
    with pytest.raises((DocumentError, CohortFileError), match=told):
        answered(tmp_path, SPEC.replace(old, new, 1))


def test_one_value_written_in_two_ways_is_not_both(tmp_path: Path) -> None:
    data = tmp_path / "d.csv"
    lines = DATA.read_text("utf-8").replace("pcm", "1").replace("dead", "2").replace("alive", "0")
    data.write_text(lines, "utf-8")
    spec = SPEC.replace("[pcm]", "[1]").replace("[pcm, dead]", "[1, 2]").replace("[dead]", '["1.0"]')
    with pytest.raises(CohortFileError, match="both in 'event_values' and in 'competing_values'"):
        answered(tmp_path, spec, data)


def test_times_unless_stated_lie_within_both_arms_follow_up() -> None:
    course = Endpoint(np.array([[1.0, 100, 4, 81]]), np.ones((1, 4), bool))
    assert times_to_look(course, np.array([True, True, False, False])) == (20, 40, 61)
