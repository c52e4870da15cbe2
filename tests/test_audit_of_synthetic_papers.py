"""The audit over papers printed by our own simulator: nearly none has a severe finding; planted ones are found."""

import json
import re

import pytest

from analysis.audit import audit
from benchmarks.asked.load_study import load_study
from benchmarks.asked.scenario import Scenario
from benchmarks.cli.commands import main
from benchmarks.cli.twin_verbs import doubts
from simulator.documents.loading import load, parse
from simulator.world.generate import resolve
from simulator.world.sections import Printed, usual_endpoints
from tests.measured import Measured
from tests.papers_of_worlds import print_paper


def papers(count: int, seed: int) -> list[dict[str, Printed]]:
    """Papers with the tables of the first one, printed by its twin."""
    scenario = parse(load("hcc-lung-metastasis"), Scenario)
    resolved = resolve(scenario)
    return [print_paper(scenario, resolved, scenario.published, seed, replicate) for replicate in range(count)]


def severe(paper: dict[str, Printed]) -> set[str]:
    """What the audit holds severely against a paper."""
    return {finding.check for finding in audit(paper, usual_endpoints({})) if finding.severity == "severe"}


def test_a_clean_paper_has_no_severe_finding():
    """At a rate of 2 % of papers three of twelve would be a chance of one in a thousand."""
    assert sum(bool(severe(paper)) for paper in papers(12, 808)) < 3


@pytest.mark.slow
def test_fewer_than_two_percent_of_clean_papers_have_a_severe_finding(measured: Measured):
    wrong = sum(bool(severe(paper)) for paper in papers(500, 909))
    measured("audit of clean papers", f"{wrong} of 500 with a severe finding")
    assert wrong < 10


PLANTED = {
    "table1.before[pvtt=Presence].treated.percent": "57.5",
    "binary.nausea.before.control.yes": "92",
    "endpoints.OS.after.univariable[pvtt].high": "9.99",
    "endpoints.OS.before.cox.p": "0.731",
    "cohort.n": "522",
}


@pytest.mark.parametrize("key", PLANTED)
def test_a_planted_misprint_is_found(key):
    (paper,) = papers(1, 4)
    before = severe(paper)
    paper[key] = paper[key].model_copy(update={"printed": PLANTED[key]})
    assert severe(paper) - before


def test_doubts_are_held_against_the_numbers_not_against_what_they_were_checked_by():
    found = doubts(load_study("hcc-lung-metastasis"))
    assert "information of the events" in found["endpoints.OS.before.cox.low"]
    assert "endpoints.OS.before.km.treated.events" not in found
    assert "equal counts, different p" in found["table1.after[sex].p"]
    assert "table1.after[sex=Male].control.n" not in found
    assert len(found) < 50


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["trialtwin", "audit", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


def test_the_verb_prints_findings_json_and_a_page(capsys, monkeypatch, tmp_path):
    page = tmp_path / "audit.html"
    assert run(monkeypatch, "hcc-lung-metastasis", "--report", str(page)) == 0
    text = capsys.readouterr().out
    assert "6 of 253 = 2.372 %, printed 3.2 %" in text
    assert max(map(len, text.splitlines())) <= 100
    assert re.search(r"<h3[^>]*>Serious</h3>", page.read_text())
    assert run(monkeypatch, "hcc-lung-metastasis", "--json") == 0
    described = json.loads(capsys.readouterr().out)
    assert {finding["severity"] for finding in described["findings"]} == {"severe", "moderate", "note"}


def test_a_file_with_nothing_but_published_numbers_will_do(capsys, monkeypatch, tmp_path):
    paper = tmp_path / "paper.yaml"
    paper.write_text(
        "published:\n  cohort.n: {printed: '7', where: Text}\n  cohort.treated: {printed: '9', where: Text}\n"
    )
    assert run(monkeypatch, str(paper)) == 0
    paper.write_text("published:\n  cohort.n: {printed: seven, where: Text}\n")
    assert run(monkeypatch, str(paper)) == 2
    assert "'seven' is not a printed number" in capsys.readouterr().err
    paper.write_text("name: nothing\n")
    assert run(monkeypatch, str(paper)) == 2
    assert "no published numbers" in capsys.readouterr().err
