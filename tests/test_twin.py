"""A pasted paper made a twin: its steps, what is reused of an earlier call, and how much each assumption matters."""

import json
from math import exp, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.asked.load_study import load_study
from benchmarks.asked.published_keys import ratio_places
from benchmarks.cli import paper_verbs, twin_verbs
from benchmarks.derived.parts import Assumption
from benchmarks.twin.assumptions import REPLICATES, WeighedAssumption, weighed
from benchmarks.twin.twin_shown import TwinMade
from simulator.documents.loading import Written
from tests.small_reviews import write_review
from tests.test_cli import _call

SMALL = """name: small
source: Nobody N, et al. J Print 2020;1:1-9
design: randomised
arms: {control: Placebo, treated: Drug}
endpoints: {OS: death}
accrual: 2014-03-01 to 2016-03-01
cut_off: 2018-09-30
methods: {}
tables: {table1.tsv: baseline}
results: |
  [Results]
  OS events: Placebo 120 vs Drug 101
  OS: Placebo 11.0 (9.5-13.2) vs Drug 16.1 (13.7-20.8); HR 0.69 (0.53-0.90); P = 0.006
"""
TABLE = "Trait\tPlacebo (n = 150)\tDrug (n = 150)\nSex\t\t\nFemale\t60 (40.0)\t66 (44.0)\nMale\t90 (60.0)\t84 (56.0)\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small randomised trial, pasted."""
    place = tmp_path / "small"
    place.mkdir()
    (place / "paper.yaml").write_text(SMALL)
    (place / "table1.tsv").write_text(TABLE)
    return place


def moves(assumed: list[Assumption], **settings: object) -> dict[str, WeighedAssumption]:
    """What moves in a randomised world of constant hazards, whose patients are all followed to death."""
    tree = {"extends": "imbrave150", "name": "plain", "estimators": ["crude"], "calibration": None, "published": None}
    tree["outcomes"] = {
        "progression": None, "death_after_progression": None, "response": None, "course": "single",
        "death": {"baseline": {"kind": "exponential", "rate": 0.08}, "log_hr": None, "treatment": {"log_hr": -0.5}},
    }  # fmt: skip
    tree |= {"endpoints": {"PFS": None, "OS": {"event": "death"}}, "followup": {"cut_off": "complete", "dropout": None}}
    tree |= {"analysis": {"primary": "unadjusted", "propensity": None, "cox": None}, **settings}
    asked = load_study(Written(tree))
    place = ratio_places(asked.scenario, "OS")[0]
    found = weighed(asked.document.tree, assumed, place, 7, 2, lambda *_: None)
    return {one.assumption.path: one for one in found}


def test_an_assumption_is_weighed_by_the_endpoint_that_is_asked(tmp_path: Path) -> None:
    """What happens after relapse bears on survival and not on relapse, whichever the world names first."""
    path = write_review(tmp_path)
    course = """
  states: [alive, ill, dead]
  transitions:
    onset: {from: alive, to: ill, baseline: {kind: exponential, rate: 0.1}, treatment: {log_hr: -0.5}}
    late: {from: ill, to: dead, baseline: {kind: exponential, rate: 0.1}, treatment: {log_hr: -0.5}}
"""
    text = path.read_text("utf-8").split("published:")[0]
    start, end = text.index("  states:"), text.index("endpoints:")
    text = f"{text[:start].rstrip()}{course}{text[end:]}"
    text = text.replace("  survival: {", "  relapse: {event: [ill, dead]}\n  survival: {")
    path.write_text(text, "utf-8")
    asked = load_study(str(path))
    late = Assumption("outcomes.transitions.late.treatment.log_hr", -0.5, 0.3, "assumed")
    places = {name: ratio_places(asked.scenario, name)[0] for name in asked.scenario.endpoints}
    found = {
        name: weighed(asked.document.tree, [late], place, 7, 1, lambda *_: None)[0] for name, place in places.items()
    }
    assert found["relapse"].moves == 0.0
    assert found["survival"].moves > 4 * found["survival"].mcse > 0.0


def test_an_assumption_moves_the_ratio_by_what_it_changes() -> None:
    """Of complete exponential times the log hazard ratio is the stated one: a prior SD of 0.3 moves it by 0.3.

    A hazard of both arms and a bound on the logarithm move nothing, as the ratio knows no time.
    """
    effect = Assumption("outcomes.death.treatment.log_hr", -0.5, 0.3, "assumed")
    rate = Assumption("outcomes.death.baseline.rate", 0.08, 0.5, "assumed", log=True)
    word = Assumption("outcomes.death.baseline.kind", "exponential", None, "assumed")
    gone = Assumption("outcomes.nowhere", 1.0, 0.3, "assumed")
    found = moves([rate, effect, word, gone])
    moved = found[effect.path]
    assert 0 < moved.mcse < 0.02
    assert abs(moved.moves - 0.3) < 4 * moved.mcse
    assert abs(moved.moves - 0.33) > 4 * moved.mcse  # what is 10 % off is noticed
    assert abs(found[rate.path].moves) < 1e-9
    assert np.isnan([found[word.path].moves, found[gone.path].moves]).all()
    assert next(iter(found)) == effect.path  # what matters most comes first
    assert REPLICATES >= 100


def test_places_that_move_together_and_shares_of_a_logarithm() -> None:
    one = Assumption("population.covariates.ecog.shares.1", 0.3772, 0.1, "assumed", also=("treatment.share",))
    scale = Assumption("outcomes.death.treatment.log_hr", -0.5, 0.3, "assumed", log=True)  # not above 0: added to
    found = moves([one, scale])
    assert found[scale.path].moves == pytest.approx(0.3, abs=4 * found[scale.path].mcse)
    assert abs(found[one.path].moves) < 4 * found[one.path].mcse  # the other level makes up for it
    none = Assumption("population.covariates.ecog.shares.1", 0.95, 0.1, "assumed")
    assert np.isnan(moves([none])[none.path].moves)  # a share above 1 is no world


def test_the_steps_of_a_twin_and_what_each_leaves(folder: Path) -> None:
    out = folder / "twin"
    for stage, files in (("read", {"reading.html"}), ("derive", {"reading.html", "world.yaml"})):
        code, told, err = _call("twin", str(folder), "--stop-after", stage, "--json")
        assert code == 0, err
        assert {Path(one).name for one in json.loads(told)["files"]} == files
    asked = load_study(str(out / "world.yaml"))
    assert asked.scenario.population.size == 300
    assert asked.scenario.analysis.primary == "unadjusted"
    rate = asked.document.tree["outcomes"]["transitions"]["death"]["baseline"]
    first = rate["rate"] if "rate" in rate else rate["rates"][0]
    assert first == pytest.approx(np.log(2) / 11.0, rel=0.35)


def test_an_open_question_stops_the_twin(folder: Path) -> None:
    (folder / "table1.tsv").write_text(TABLE.replace("Male\t90", "Male\t80"))
    assert _call("paper", "read", str(folder))[0] == 1
    code, out, err = _call("twin", str(folder))
    assert (code, out) == (2, "")
    assert "shows all that is open" in err
    assert not (folder / "twin").exists()


class Stopwatch:
    """A calibration that counts its calls and writes a world."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, _asked: Any, _settings: tuple[str, ...], out: Path, _jobs: int) -> Any:
        from benchmarks.words.answer import Answer

        self.calls += 1
        out.write_text("extends: world.yaml\nname: fitted\n")
        return Answer(
            {"parameters": [], "targets": [], "verdict": {}}, "0 of 9 printed numbers lie outside: a good fit"
        )


def test_a_fit_is_reused_while_nothing_has_changed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = Stopwatch()
    monkeypatch.setattr(twin_verbs, "calibrate", fitted)

    def again() -> TwinMade:
        made: TwinMade = paper_verbs.twin(folder, None, "calibrate", 20, 1).found
        assert made.fit is not None
        assert made.fit["verdict"].endswith("a good fit")
        return made

    again()
    again()
    assert fitted.calls == 1
    (folder / "twin/fitted.yaml").write_text(
        "extends: world.yaml\nname: fitted\nrun: {seed: 3}\n"
    )  # not what was fitted
    again()
    assert fitted.calls == 2
    kept = json.loads((folder / "twin/fit.json").read_text())
    for spoilt in ("{", "[]", json.dumps(kept | {"fit": {}}), json.dumps(kept | {"code": "other"})):
        (folder / "twin/fit.json").write_text(spoilt)
        again()
    assert fitted.calls == 6
    (folder / "paper.yaml").write_text(SMALL.replace("OS: Placebo 11.0", "OS: Placebo 10.0"))
    again()
    assert fitted.calls == 7


def test_all_faults_of_the_tables_are_told_at_once(folder: Path) -> None:
    wrong = "{table1.tsv: {kind: baseline, decimal: dot, B: contrl, rows: {x: A}}}"
    (folder / "paper.yaml").write_text(SMALL.replace("{table1.tsv: baseline}", wrong))
    code, _, err = _call("paper", "read", str(folder))
    assert code == 2
    assert all(f"tables.table1.tsv.{key}" in err for key in ("decimal", "B", "rows"))


def test_words_of_an_assumption_that_cannot_be_moved() -> None:
    from benchmarks.twin.twin_shown import _moves

    one = Assumption("a.b", "0 to 27", None, "bounds")
    assert _moves(WeighedAssumption(one, nan, nan)) == "-"
    assert _moves(WeighedAssumption(one, 0.1, 0.01)) == f"{exp(0.1):.3f} ({exp(0.01):.3f})"
