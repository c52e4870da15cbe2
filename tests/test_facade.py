"""`import trialtwin`: the commands as functions, with the same options, answers and messages."""

import inspect
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import trialtwin
from trialtwin import _call
from trialtwin._call import FILES, keyword

from benchmarks.asked.asked_by import CALL
from benchmarks.cli.commands import cli
from benchmarks.cli.options import every
from benchmarks.report.engine import repeated
from benchmarks.words.answer import Answer
from tests.commands import answered, printed, refused
from tests.small_papers import SMALL

COMMANDS = {"analyse": "analyze", "read_paper": "paper read"}
NO_COMMAND = {"Answer", "Study", "TrialTwinError", "__version__", "load"}
FUNCTIONS = sorted(set(trialtwin.__all__) - NO_COMMAND)
LEFT_OUT = {"run": {"shard"}, "claims": {"estimator", "out"}, "simulate": {"out", "format"}}
"""Options without a keyword: what `claims` refuses, shards, which are for clusters, and what `simulate` would write."""
NAMES = {"study": "name"}
SET = {"population.size": 150, "estimators": ["crude", "matched"]}
WORDS = [f"--set={path}={json.dumps(value)}" for path, value in SET.items()]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small run, made by a call."""
    folder = tmp_path_factory.mktemp("facade")
    trialtwin.run("paper", set=SET, reps=6, jobs=1, out=folder / "run")
    return folder


def same(found: Answer, command: list[str]) -> None:
    """The answer is what the command prints with ``--json``."""
    assert json.loads(found.json()) == answered(command)


def test_names_are_explained_with_an_example() -> None:
    assert 14 <= len(FUNCTIONS) <= 20
    assert sorted(trialtwin.__all__) == trialtwin.__all__ == dir(trialtwin)
    for name in (*FUNCTIONS, "load"):
        assert re.search(rf"^ +{name}\(", getattr(trialtwin, name).__doc__, re.M), name
    with pytest.raises(AttributeError, match="no attribute 'simulated'"):
        trialtwin.simulated  # noqa: B018


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_the_options_and_defaults_of_its_command(name: str) -> None:
    command = every(cli.commands)[COMMANDS.get(name, name)]
    there = {keyword(one): one for one in command.params if keyword(one) not in FILES}
    there = {key: one for key, one in there.items() if key not in LEFT_OUT.get(name, set())}
    here = {NAMES.get(key, key): one for key, one in inspect.signature(getattr(trialtwin, name)).parameters.items()}
    assert here.keys() == there.keys()
    for key, one in there.items():
        own = here[key].default
        if one.required:
            assert own is inspect.Parameter.empty, key
        elif isinstance(one.default, bool | int | float | str):
            assert (own, type(own)) == (one.default, type(one.default)), key
        else:
            assert own in (None, False, ()), key


def test_every_option_reaches_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.questions import compatible_shown, multiverse_shown, power_shown, tipping_shown

    asked: list[tuple[Any, ...]] = []

    def noted(options: Any, *rest: Any) -> Answer:
        asked.append((*(getattr(options, one) for one in options.__dataclass_fields__ if one != "command"), *rest))
        return Answer({})

    for module, name in (
        (tipping_shown, "tipping"), (compatible_shown, "compatible"), (power_shown, "power"),
        (multiverse_shown, "multiverse"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, noted)
    calls: list[tuple[Callable[[], Answer], str]] = [
        (lambda: trialtwin.tipping("paper", at=[(2.5, 0.5), (3, 2)], hr=0.4, endpoint="PFS", seed=3, trust=True),
         "tipping paper --at 2.5,0.5 --at 3,2 --hr 0.4 --endpoint PFS --seed 3 --trust"),
        (lambda: trialtwin.tipping(Path("x.yaml"), set={"run.note": "a=b", "run.x": None}, reps=np.int64(7), out="o"),
         'tipping x.yaml --set run.note="a=b" --set run.x=null --reps 7 --out o'),
        (lambda: trialtwin.compatible("paper", hr="0.40", low=0.3, calibrate=5, estimator="crude", jobs=2),
         "compatible paper --hr 0.40 --low 0.3 --calibrate 5 --estimator crude --jobs 2"),
        (lambda: trialtwin.power("paper", search="follow-up", most=60, target=np.float64(0.9)),
         "power paper --search follow-up --most 60 --target 0.9"),
        (lambda: trialtwin.multiverse("paper", axis={"matching.caliper": [0.1]}, alpha=0.1),
         "multiverse paper --axis matching.caliper=[0.1] --alpha 0.1"),
    ]  # fmt: skip
    for call, words in calls:
        call()
        cli.main(words.split(), standalone_mode=False)
        assert asked[-1] == asked[-2], words
    assert asked[0] != asked[2]


def test_a_run_its_report_and_its_check(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = place / "run"
    found = trialtwin.report(folder)
    assert found.data["provenance"]["command"].startswith("trialtwin.run('paper', set={'population.size': 150, ")
    same(found, ["report", str(folder)])
    same(trialtwin.run("paper", set=SET, reps=6, jobs=1, out=folder), ["report", str(folder)])
    assert trialtwin.verify(folder, sample=1, jobs=1).holds
    assert capfd.readouterr().err == ""  # progress is told on a terminal only
    assert found.to_frame().shape[0] > 1
    assert "<table>" in found._repr_html_()
    assert repr(found).startswith("How do the usual estimators")
    assert found.save(place / "page.html").read_text("utf-8").startswith("<!doctype html>")
    plan = trialtwin.run("paper", set=SET, reps=6, jobs=1, dry_run=True)
    assert plan.data["replicates"] == 6


def test_questions_and_twins_answer_as_their_commands(place: Path) -> None:
    common: dict[str, Any] = {"set": SET, "jobs": 1, "reps": 3}
    words = ["--reps", "3", "--jobs", "1", *WORDS]
    same(trialtwin.claims("paper", **common), ["claims", "paper", *words])
    found = trialtwin.decompose("paper", **common, out=place / "decompose")
    same(found, ["decompose", "paper", *words, "--out", str(place / "decompose")])
    assert found.plot().axes
    page = found.save(place / "page.html").read_text("utf-8")
    assert "trialtwin.decompose(&#39;paper&#39;" in page.replace("<wbr>", "").replace("&#x27;", "&#39;")
    audit = trialtwin.audit("hcc-lung-metastasis")
    same(audit, ["audit", "hcc-lung-metastasis"])
    severe = [one["arithmetic"] for one in audit.data["findings"] if one["severity"] == "severe"]
    assert sorted(audit.to_frame()["arithmetic"]) == sorted(severe)
    assert "<caption>Serious" in audit._repr_html_()


def test_fidelity_and_calibrate_of_a_small_paper(tmp_path: Path) -> None:
    world = tmp_path / "small.yaml"
    world.write_text(SMALL)
    with pytest.raises(trialtwin.TrialTwinError) as mistake:
        trialtwin.fidelity(world, reps=20)
    assert f"trialtwin: {mistake.value}" == refused(["fidelity", str(world), "--reps", "20"])
    with pytest.raises(trialtwin.TrialTwinError, match=r"^the dict: is no file"):
        trialtwin.calibrate({"extends": "hcc-lung-metastasis-stated"}, out=tmp_path / "out.yaml")
    with pytest.raises(trialtwin.TrialTwinError) as mistake:
        trialtwin.calibrate("hcc-lung-metastasis-stated", out=tmp_path / "out.txt")
    words = ["calibrate", "hcc-lung-metastasis-stated", "--out", str(tmp_path / "out.txt")]
    assert f"trialtwin: {mistake.value}" == refused(words)


def test_a_cohort_as_a_file_and_as_a_data_frame(tmp_path: Path) -> None:
    path, spec = tmp_path / "cohort.csv", tmp_path / "cohort.spec.yaml"
    answered(["simulate", "paper", "--seed", "7", *WORDS, "--out", str(path)])
    frame = trialtwin.simulate("paper", seed=7, set=SET)
    texts = frame.select_dtypes(object).columns
    read = pd.read_csv(path, keep_default_na=False, dtype=dict.fromkeys(texts, str))
    pd.testing.assert_frame_equal(frame, read)
    by_frame = trialtwin.analyse(frame, spec)
    command = ["analyze", str(path), "--spec", str(spec), "--json", "-"]
    assert json.loads(by_frame.json()) == json.loads(printed(command))
    assert trialtwin.analyse(path, spec).json() == by_frame.json()
    kinds = frame.assign(arm=frame["arm"].astype("category"), OS_event=frame["OS_event"].astype(bool))
    assert trialtwin.analyse(kinds.convert_dtypes(), spec).data["matching"] == by_frame.data["matching"]
    assert by_frame.plot().axes
    assert trialtwin.simulate("paper", reps=2, hidden=True, set=SET)["replicate"].nunique() == 2
    for bad, told in (
        (frame.drop(columns="OS_time"), "the data frame: no column 'OS_time' (the time of OS); did you mean"),
        (frame.assign(OS_time=-1.0), "the data frame: column 'OS_time': a time cannot be negative ('-1.0' in row 1)"),
        (frame.iloc[:0], "the data frame: has columns but no rows"),
        (frame.assign(OS_time=np.nan), "the data frame: column 'OS_time': "),
        (frame.assign(arm=[{1: 2}] * len(frame)), "the data frame: column 'arm': "),
        (pd.concat([frame, frame[["arm"]]], axis=1), "the data frame: the header has the column 'arm' more than once"),
    ):
        with pytest.raises(trialtwin.TrialTwinError) as mistake:
            trialtwin.analyse(bad, spec)
        assert str(mistake.value).startswith(told)


def test_a_table_of_replicates_as_a_file_and_as_a_data_frame(tmp_path: Path) -> None:
    rows = pd.DataFrame({"m": list("aabb") * 5, "est": np.linspace(0.1, 0.9, 20), "se": 0.2})
    rows.loc[3, "est"] = np.nan
    rows.to_csv(tmp_path / "rows.csv", index=False)
    found = trialtwin.performance(rows, truth=0.5, by=["m"], reference="b")
    same(found, ["performance", str(tmp_path / "rows.csv"), "--truth", "0.5", "--by", "m", "--reference", "b"])
    own = rows[rows["m"] == "a"]["est"]
    bias = next(one["value"] for one in _measures(found.data) if one["name"] == "bias")
    assert bias == pytest.approx(own.mean() - 0.5)
    with pytest.raises(trialtwin.TrialTwinError, match="the data frame: has no column 'x'"):
        trialtwin.performance(rows, truth="x")


def _measures(data: Any) -> list[dict[str, Any]]:
    """Every measure of the first group, named."""
    group = data["groups"][0] if "groups" in data else data[0]
    return [{"name": name, **one} for name, one in group["measures"].items()]


def test_a_study_is_shown_changed_and_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = trialtwin.load("paper")
    other = study.with_({"population.size": 300}).with_({"run.seed": 5, "estimators": ["crude"]})
    assert study.tree["population"]["size"] == 422
    assert other.tree["population"]["size"] == 300
    assert repr(other).splitlines()[3] == "patients: 300"
    assert max(map(len, repr(other).splitlines())) < 400
    assert "<td>300</td>" in other._repr_html_()
    saved = trialtwin.load(other.save(tmp_path / "other.yaml"))
    assert saved.tree == other.tree
    assert saved.name == "paper"
    assert saved.question == study.question
    written = trialtwin.load({"extends": "paper", "population": {"size": np.int64(300)}, "run": {"seed": 5},
                              "estimators": ("crude",)})  # fmt: skip
    assert written.tree == other.tree
    assert trialtwin.load(written.tree).tree == other.tree
    pd.testing.assert_frame_equal(trialtwin.simulate(written), trialtwin.simulate(other))
    monkeypatch.chdir(tmp_path)
    assert trialtwin.load({"extends": "other.yaml"}).tree == other.tree
    with pytest.raises(trialtwin.TrialTwinError, match=r"x\.txt: end the name in \.yaml"):
        study.save("x.txt")
    with pytest.raises(trialtwin.TrialTwinError, match="cannot be written"):
        study.save(tmp_path / "none" / "x.yaml")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: trialtwin.load("papre"), ["check", "papre"]),
        (lambda: trialtwin.claims("paper", reps=1), ["claims", "paper", "--reps", "1"]),
        (lambda: trialtwin.run("paper", reps="many"), ["run", "paper", "--reps", "many"]),
        (lambda: trialtwin.load("paper", set={"population.size": "x"}), ["show", "paper", "--set=population.size=x"]),
        (lambda: trialtwin.audit("no-paper.yaml"), ["audit", "no-paper.yaml"]),
        (lambda: trialtwin.report("nowhere"), ["report", "nowhere"]),
        (lambda: trialtwin.performance("no.csv", truth=0), ["performance", "no.csv", "--truth", "0"]),
        (lambda: trialtwin.performance("no.csv", truth=0, low="l"), ["performance", "no.csv", "--truth=0", "--low=l"]),
        (lambda: trialtwin.tipping("paper", at=[(1, -1)]), ["tipping", "paper", "--at", "1,-1"]),
    ],
)
def test_a_mistake_is_told_as_by_the_command(
    call: Callable[[], object], words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from benchmarks.cli.commands import main

    with pytest.raises(trialtwin.TrialTwinError) as mistake:
        call()
    assert mistake.value.__suppress_context__
    monkeypatch.setattr("sys.argv", ["trialtwin", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert str(mistake.value) in capsys.readouterr().err
    assert CALL.get() is None


def test_a_dict_has_all_its_problems_told_at_once() -> None:
    loop: dict[str, Any] = {}
    loop["loop"] = loop
    for document, told in (
        (
            {"extends": "paper", "populaton": {}, "run": {"seed": "x"}},
            ["the dict: run.seed: must", "the dict: populaton"],
        ),
        ({"extends": "papre"}, ["the dict: extends: there is no document 'papre'; did you mean 'paper'?"]),
        ({"extends": "paper", "name": {1, 2}}, ["the dict"]),
        (loop, ["a value is nested more than 100 deep"]),
    ):
        with pytest.raises(trialtwin.TrialTwinError) as mistake:
            trialtwin.load(document)
        lines = str(mistake.value).splitlines()
        assert len(lines) >= len(told)
        assert all(any(line.startswith(one) for line in lines) for one in told), lines
    for call, message in (
        (lambda: trialtwin.load(3), "study: must be a name, a path or a dict, not int"),  # type: ignore[arg-type]
        (lambda: trialtwin.run("paper", dry_run=1), "dry_run: must be True or False, not 1"),  # type: ignore[arg-type]
        (lambda: trialtwin.decompose("paper", mechanism=3), "mechanism: must be a list, not 3"),  # type: ignore[arg-type]
        (lambda: trialtwin.analyse([1], "s"), "data: must be a path or a data frame, not list"),  # type: ignore[arg-type]
    ):
        with pytest.raises(trialtwin.TrialTwinError) as mistake:
            call()
        assert str(mistake.value) == message


def test_a_page_says_the_call_without_what_changes_no_result() -> None:
    call = _call._as_text("run", {"name": {"extends": "paper"}, "reps": 5, "out": Path("a, b'"), "jobs": 3})
    assert call == """trialtwin.run({'extends': 'paper'}, reps=5, out="a, b'", jobs=3)"""
    assert repeated(call) == "trialtwin.run({'extends': 'paper'}, reps=5)"
    for odd in ("trialtwin.run(", "trialtwin.run", "trialtwin." + "(" * 9000):
        assert repeated(odd) == odd
