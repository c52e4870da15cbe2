"""Keys of published numbers: every one of the tree is a number, every other one is refused in a line that mends it."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from analysis.paper.block_workflow import BlockAnalysis
from analysis.paper.number_keys import TIME, KeyNode, nearest, problem
from analysis.paper.number_keys import keys_of as every_key
from analysis.paper.number_tree import any_paper
from analysis.paper.numbers import BlockNumbers, number_in
from analysis.paper.workflow import analyse
from benchmarks.asked.load_study import load_study
from benchmarks.asked.published_keys import compared, number_keys
from benchmarks.asked.sampled import one_sample
from benchmarks.asked.scenario import Scenario
from benchmarks.cli.commands import main
from benchmarks.twin.targets import targets_of
from simulator.documents.loading import DocumentError, load, parse
from simulator.world.generate import generate, resolve
from tests.small_papers import write_paper, write_small
from tests.test_numbers import replicate

REPLICATES = np.arange(2)


TIMES = ("3", "12.5", "500")  # the last one is beyond all follow-up
AT = "analysis.survival.times=[3, 12.5, 500]"


def keys_of(place: KeyNode) -> list[str]:
    """Every key of a tree that has no end of its own, at a few times."""
    keys = [key for key, _ in every_key(place)]
    return [key.replace(TIME, time) for key in keys for time in (TIMES if TIME in key else ("",))]


@cache
def small(*settings: str) -> tuple[Scenario, BlockNumbers, list[dict]]:
    """The small world, the numbers of two of its cohorts, and the JSON of the analysis of each."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        scenario = load_study(str(write_small(Path(folder))), (AT, *settings)).scenario
    sample = one_sample(scenario, generate(resolve(scenario), 5, REPLICATES), 5)
    names = [str(k) for k in range(scenario.screened())]
    alone = [analyse(replicate(sample.observed, r), names, scenario.analysis).to_json() for r in REPLICATES]
    return scenario, BlockNumbers(BlockAnalysis(sample)), alone


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    monkeypatch.setattr("sys.argv", ["trialtwin", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


@pytest.mark.parametrize(
    "settings",
    [
        (),
        pytest.param(("analysis.table1.categorical=fisher",), marks=pytest.mark.slow),
        pytest.param(("analysis.table1.categorical=yates",), marks=pytest.mark.slow),
        ("analysis.primary=stratification", "analysis.survival.strata=[stage]"),
        pytest.param(("analysis.matching.ratio=2",), marks=pytest.mark.slow),
        ("analysis.matching.replacement=true", "analysis.cox.screening_p=0.2", "analysis.subgroups=[stage, 'age>60']"),
    ],
)
def test_every_key_of_the_tree_is_the_number_of_the_analysis_of_each_cohort(settings):
    scenario, block, alone = small(*settings)
    keys = [key for key in keys_of(number_keys(scenario)) if not key.startswith("world.")]
    assert len(keys) > 700
    if settings and "table1" in settings[0]:
        keys = [key for key in keys if key.endswith(".p") and key.startswith(("table1", "binary"))]
        assert len(keys) > 20
    for key in keys:
        found = block.of(key)
        wanted = np.array([number_in(one, key) for one in alone])
        np.testing.assert_allclose(np.where(np.isinf(found), np.nan, found), wanted, rtol=1e-6, atol=1e-9, err_msg=key)


def test_the_tree_of_a_world_is_that_of_its_cohorts():
    """The names that a document tells are those that a sample has, columns for missing values among them."""
    scenario, block, _ = small()
    assert set(keys_of(block.keys)) == {key for key in keys_of(number_keys(scenario)) if not key.startswith("world.")}
    made, cohorts, _ = small(
        "imperfections.missing={stage: {share: 0.1}}",
        "analysis.missing.method=indicator",
        "analysis.cox.covariates=[age]",
    )
    assert set(keys_of(cohorts.keys)) == {key for key in keys_of(number_keys(made)) if not key.startswith("world.")}
    assert not problem(number_keys(made), "table1.before[stage_missing=1].treated.n")


def test_events_of_a_subgroup_by_arm_are_counted():
    _, block, _ = small()
    sample = block.block.sample
    observed, course = sample.observed, sample.observed.endpoints["OS"]
    early = observed.covariates[..., observed.names.index("stage")] == 0
    wanted = (sample.matched & early & observed.treated & course.event).sum(axis=1)
    assert wanted.min() > 3
    found = block.of("endpoints.OS.after.subgroups[stage=early].arms.treated.events")
    np.testing.assert_array_equal(found, wanted)
    everybody = (early & observed.treated & course.event).sum(axis=1)
    np.testing.assert_array_equal(block.of("endpoints.OS.before.subgroups[stage=early].arms.treated.events"), everybody)
    assert (everybody > wanted).any()


NEAREST = [
    ("endpoints.OS.after.subgroups[all].arms.treated.event", "endpoints.OS.after.subgroups[all].arms.treated.events"),
    ("endpoints.OS.after.subgroups[stage=erly].hr", "endpoints.OS.after.subgroups[stage=early].hr"),
    ("endpoints.OS.after.subgroups[site=west].interactionp", "endpoints.OS.after.subgroups[site=west].interaction_p"),
    ("endpoints.OS.after.subgroups[all].interaction_p", "endpoints.OS.after.subgroups[all].p_logrank"),
    ("endpoints.OS.before.km.treated.survival", "endpoints.OS.before.km.treated.survival[12]"),
    ("endpoints.OS.before.km.treated.survival[2 years]", "endpoints.OS.before.km.treated.survival[2]"),
    ("endpoints.OS.before.km.treated.survival[0]", "endpoints.OS.before.km.treated.survival[12]"),
    ("endpoints.OS.before.km.treated.survival.24", "endpoints.OS.before.km.treated.survival[24]"),
    ("endpoints.OS.before.km.treated.survivl[24].low", "endpoints.OS.before.km.treated.survival[24].low"),
    ("endpoints.OS.before.survival[24]", "endpoints.OS.before.km.control.survival[24]"),
    ("endpoints.OS.before.km.treated.atrisk[24]", "endpoints.OS.before.km.treated.at_risk[24]"),
    ("endpoints.OS.before.rmst_diff[24].p", "endpoints.OS.before.rmst_difference[24].p"),
    ("endpoints.OS.before.cox_pair_robust.hr", "endpoints.OS.after.cox_pair_robust.hr"),
    ("binary.ORR.before.oddsratio.low", "binary.ORR.before.odds_ratio.low"),
    ("binary.ORR.before.odds_ratio", "binary.ORR.before.odds_ratio.value"),
    ("binary.ORR.before.mcnemar.p", "binary.ORR.after.mcnemar.p"),
    ("table1.before[age].SMD", "table1.before[age].smd"),
    ("endpoints.OS.before.follow_up.median", "endpoints.OS.before.follow_up.control.median"),
    ("endpoints.0S.after.cox.hr", "endpoints.OS.after.cox.hr"),
    ("endpoints.OS.cox.hr", "endpoints.OS.before.cox.hr"),
    ("endpoints.OS.after.cox.hazard", "endpoints.OS.after.cox.hr"),
    ("endpoints.OS.afterwards.cox.hr", "endpoints.OS.after.cox.hr"),
    ("endpoints.OS.after.km.treatd.median", "endpoints.OS.after.km.treated.median"),
    ("endpoints.OS.after.univariable[treatmnt].hr", "endpoints.OS.after.univariable[treatment].hr"),
    ("endpoints.OS.after.cox.hr.value", "endpoints.OS.after.cox.hr"),
    ("endpoint.OS.after.cox.hr", "endpoints.OS.after.cox.hr"),
    ("table1.before[age].treated.means", "table1.before[age].treated.mean"),
    ("table1.before[stage=middle].treated.n", "table1.before[stage=late].treated.n"),
    ("table1.before.age.treated.mean", "table1.before[age].treated.mean"),
    ("table1.before[age].mean", "table1.before[age].control.mean"),
    ("binary.ORRR.before.treated.yes", "binary.ORR.before.treated.yes"),
    ("exposure.cycle.before.treated.median", "exposure.cycles.before.treated.median"),
    ("cohort.total", "cohort.control"),
    ("matching.pairs", "matching.n_pairs"),
    ("world.followup.cutoff", "world.followup.cut_off"),
    ("endpoints.OS.after.cox", "endpoints.OS.after.cox.hr"),
    ("Endpoints.os.after.cox.HR", "endpoints.OS.after.cox.hr"),
    ("endpoints.OS.after.multivariable[site].hr", "endpoints.OS.after.multivariable[site=south].hr"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "near"), NEAREST)
def test_an_unknown_key_is_told_with_the_nearest_one(tmp_path, key, near):
    scenario, *_ = small()
    assert problem(number_keys(scenario), key)
    assert not problem(number_keys(scenario), near)
    path = write_paper(tmp_path, {"cohort.n": "160", key: "1"})
    with pytest.raises(DocumentError) as told:
        load_study(str(path))
    (one,) = told.value.problems
    assert (one.file, one.line) == (str(path), 5)
    assert f"did you mean '{near}'?" in str(one)
    assert "\n" not in str(one)


@pytest.mark.parametrize(("arm", "role"), [("AtezoBev", "treated"), ("sorafenib", "control")])
def test_an_arm_by_its_own_name_is_told_with_its_role(tmp_path, arm, role):
    path = tmp_path / "named.yaml"
    key = f"endpoints.OS.before.km.{arm}.survival[24].low"
    path.write_text(f"name: n\nextends: imbrave150\npublished:\n  '{key}': {{printed: '0.5', where: x}}\n", "utf-8")
    with pytest.raises(DocumentError) as told:
        load_study(str(path))
    assert f"did you mean 'endpoints.OS.before.km.{role}.survival[24].low'?" in str(told.value)


@pytest.mark.parametrize(
    "key", ["a..b", "", "table1.before[age", "cohort.n]", "[x]", "...", "a" * 5000, "\x00.n", "界.n"]
)
def test_a_key_that_is_none_is_told_in_a_line(key):
    scenario, *_ = small()
    assert problem(number_keys(scenario), key)
    assert not problem(number_keys(scenario), nearest(number_keys(scenario), key))


def test_all_that_is_wrong_is_told_at_once_by_every_verb(tmp_path, capsys, monkeypatch):
    wrong = {
        "endpoints.OS.after.subgroups[stage=erly].hr": "0.5",
        "cohort.n": "about 160",
        "table1.before[weight].treated.mean": "70",
        "endpoints.OS.after.cox.hr": "-0.5",
        "endpoints.OS.after.cox.p": "1.2",
        "world.population.size": "many",
        "matching..n": "3",
    }
    words = (
        "did you mean",
        "not a printed number",
        "no row 'weight'",
        "no hazard ratio",
        "no p-value",
        "not a printed",
    )
    words = (*words, "dotted path")
    free = "calibration: {free: {outcomes.death.baseline.rate: {mean: 0.02, sd: 0.5, bounds: [0.001, 1], scale: log}}}"
    path = write_paper(tmp_path, wrong, free)
    for verb in (
        ["check", path], ["fidelity", path, "--reps", "20"], ["calibrate", path, "--out", tmp_path / "x.yaml"],
        ["audit", path], ["claims", path], ["tipping", path], ["compatible", path], ["run", path], ["show", path],
        ["power", path], ["decompose", path], ["multiverse", path],
    ):  # fmt: skip
        assert run(monkeypatch, *verb) == 2, verb
        lines = capsys.readouterr().err.splitlines()
        assert [line.partition(": ")[0] for line in lines] == [f"{path}:{k}:3" for k in range(4, 11)]
        assert all(word in line for word, line in zip(words, lines, strict=True))
    assert not (tmp_path / "x.yaml").exists()


UNREADABLE = [
    ("cohort.n", "62%", "is a percentage; a count is wanted here"),
    ("cohort.n", "1.604", "may be 1.604 or 1604; write the one that it is"),
    ("cohort.n", "NR", "not wanted here; write a number"),
    ("cohort.n", "-3", "is no count, which is 0 or more; write 0.36"),
    ("endpoints.OS.after.cox.hr", "1,234", "may be 1.234 or 1234"),
    ("endpoints.OS.after.cox.low", "NE", "not wanted here"),
    ("endpoints.OS.after.cox.p", "1.02", "is no p-value, which is from 0 to 1"),
    ("endpoints.OS.after.cox.p", "0.03 (0.04)", "holds two numbers; write the one that is wanted here"),
    ("table1.before[age].treated.mean", "60 (8)", "holds two numbers"),
    ("table1.before[stage=early].treated.n", "\u2013", "is not a printed number; write 0.36, <0.001, NA"),
]  # fmt: skip


def test_every_unreadable_cell_is_told_with_its_place_and_what_is_right(tmp_path, capsys, monkeypatch):
    for key, text, words in UNREADABLE:
        path = write_paper(tmp_path, {"cohort.treated": "72", key: text})
        for verb in (["check", path], ["fidelity", path, "--reps", "20"], ["audit", path]):
            assert run(monkeypatch, *verb) == 2, (verb, text)
            (line,) = capsys.readouterr().err.splitlines()
            assert line.startswith(f"trialtwin: {path}:5:3: published.'{key}': '{text}'"), line
            assert words in line


def test_cells_of_other_journals_are_compared_as_ours(tmp_path):
    ours = {"cohort.n": "160", "table1.before[stage=early].treated.n": "38", "endpoints.OS.after.cox.hr": "0.56"}
    theirs = {"cohort.n": "160", "table1.before[stage=early].treated.n": "38 (52\u00b78%)"}
    theirs["endpoints.OS.after.cox.hr"] = "0,56"
    one, other = (load_study(str(write_paper(tmp_path, text))).scenario for text in (ours, theirs))
    targets = [[(t.key, t.low, t.high, t.scale) for t in targets_of(compared(x), {})] for x in (one, other)]
    assert targets[0] == targets[1]
    assert [t[3] for t in targets[0]] == ["plain", "plain", "log"]


def test_a_number_for_the_audit_alone_is_read_by_it_and_not_compared(tmp_path, capsys, monkeypatch):
    path = write_paper(tmp_path, {"cohort.n": "160"})
    odd = "  table1.before[weight].control.percent: {printed: '120.0', where: Table 1, audit_only: true}\n"
    path.write_text(path.read_text() + odd + "  cohort.control: {printed: '88', where: Table 1}\n")
    assert run(monkeypatch, "check", path) == 0
    assert list(compared(load_study(str(path)).scenario)) == ["cohort.n", "cohort.control"]
    assert run(monkeypatch, "fidelity", path, "--reps", "20") == 0
    told = "Not compared, as no simulated study has it: before matching, control: weight, percent."
    assert told in " ".join(capsys.readouterr().out.split())
    assert run(monkeypatch, "audit", path, "--json") == 0
    found = json.loads(capsys.readouterr().out)["findings"]
    assert any("table1.before[weight].control.percent" in one["keys"] for one in found)
    path.write_text(path.read_text().replace("control.percent", "control.nonsense"))
    assert run(monkeypatch, "check", path) == 2
    assert "no number 'nonsense'" in capsys.readouterr().err


def test_an_audit_needs_no_world_but_keys_that_it_can_read(tmp_path, capsys, monkeypatch):
    path = tmp_path / "paper.yaml"
    one = "published:\n  endpoints.TTP.before.cox.hr: {printed: '0.5', where: Text}\n"
    path.write_text(one)
    assert run(monkeypatch, "audit", path) == 0
    capsys.readouterr()
    path.write_text(one + "  endpoints.TTP.before.coxx.hr: {printed: '0.5', where: Text}\n")
    assert run(monkeypatch, "audit", path) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"trialtwin: {path}:3:3: ")
    assert "did you mean 'endpoints.TTP.before.cox.hr'?" in told


def test_what_a_what_if_takes_away_from_its_world_is_no_mistake(tmp_path, capsys, monkeypatch):
    key = "endpoints.OS.after.univariable[age>65].hr"
    path = write_paper(tmp_path, {key: "1.1", "cohort.n": "160"})
    assert run(monkeypatch, "check", path) == 0
    other = tmp_path / "other.yaml"
    other.write_text(f"extends: {path.name}\nname: other\nanalysis: {{cox: {{covariates: [stage]}}}}\n")
    setting = "analysis.cox.covariates=[stage]"
    for arguments in ([other], [path, "-S", setting]):
        assert run(monkeypatch, "check", *arguments) == 0
        assert run(monkeypatch, "fidelity", *arguments, "--reps", "20") == 0
        told = "Not compared, as no simulated study has it: overall survival, unadjusted: age (> 65), hazard ratio."
        assert told in " ".join(capsys.readouterr().out.split())
    own = "published: {'endpoints.OS.after.univariable[age>66].hr': {printed: '1', where: T}}\n"
    other.write_text(other.read_text() + own)
    assert run(monkeypatch, "check", other) == 2
    assert "other.yaml:4:13: " in capsys.readouterr().err


@pytest.mark.parametrize(
    "setting",
    [
        "analysis.matching.ratio=2",
        "analysis.matching.replacement=true",
        "analysis.primary=weighting",
        "analysis.primary=adjustment",
        "analysis.primary=unadjusted",
    ],
)
def test_numbers_of_any_primary_analysis_are_compared(tmp_path, capsys, monkeypatch, setting):
    path = write_paper(tmp_path, {"cohort.n": "160", "endpoints.OS.after.cox.hr": "0.7"})
    assert run(monkeypatch, "fidelity", path, "-S", setting, "--reps", "20") == 0
    assert "2 of 2" in " ".join(capsys.readouterr().out.split())


def test_pairs_are_no_number_of_a_paper_that_does_not_match(tmp_path, capsys, monkeypatch):
    assert run(monkeypatch, "check", write_paper(tmp_path, {"matching.n_pairs": "60"})) == 0
    path = write_paper(tmp_path, {"matching.n_pairs": "60"}, "analysis: {primary: weighting}")
    assert run(monkeypatch, "check", path) == 2
    assert "no section 'matching'" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["hcc-lung-metastasis-stated", "imbrave150"])
def test_the_keys_of_the_shipped_papers_are_keys(name):
    scenario = parse(load(name), Scenario)
    assert len(scenario.published) == {"hcc-lung-metastasis-stated": 711, "imbrave150": 77}[name]
    tree, anywhere = number_keys(scenario), any_paper()
    assert [key for key in scenario.published if problem(tree, key) or problem(anywhere, key)] == []


def test_mutated_keys_are_numbers_or_are_refused_with_one_that_is():
    scenario, block, alone = small()
    tree = number_keys(scenario)
    keys = [key for key in keys_of(tree) if not key.startswith("world.")]
    rng = np.random.default_rng(20261129)
    refused = 0
    for _ in range(250):
        key = mutated(str(rng.choice(keys)), keys, rng)
        if problem(tree, key):
            refused += 1
            assert not problem(tree, nearest(tree, key)), key
            with pytest.raises(ValueError, match="'"):
                block.of(key)
        else:
            found = block.of(key)
            wanted = np.array([number_in(one, key) for one in alone])
            np.testing.assert_allclose(
                np.where(np.isinf(found), np.nan, found), wanted, rtol=1e-6, atol=1e-9, err_msg=key
            )
    assert 100 < refused < 250


def mutated(key: str, keys: list[str], rng: np.random.Generator) -> str:
    """A key with a step left out, doubled, swapped or taken from another, or with a character changed."""
    steps, other = key.split("."), str(rng.choice(keys)).split(".")
    k = int(rng.integers(len(steps)))
    match int(rng.integers(6)):
        case 0:
            del steps[k]
        case 1:
            steps.insert(k, steps[k])
        case 2:
            steps[k] = other[min(k, len(other) - 1)]
        case 3:
            steps[k], steps[0] = steps[0], steps[k]
        case 4:
            at = int(rng.integers(len(steps[k])))
            steps[k] = steps[k][:at] + str(rng.choice(list("xX0[]>=. -"))) + steps[k][at + 1 :]
        case 5:
            steps += other[-1:]
    return ".".join(steps)
