"""The scorecard: printed intervals against replicates, totals, and the shipped twins of two papers."""

import json

import numpy as np
import pytest

from analysis.audit.published import parse_printed
from benchmarks.asked.load_study import load_study
from benchmarks.asked.scenario import Scenario
from benchmarks.cli.commands import main
from benchmarks.cli.twin_verbs import doubts
from benchmarks.twin.fidelity import design_score, fidelity, score, totals
from simulator.documents.loading import load, parse
from simulator.world.generate import resolve
from simulator.world.sections import Printed
from tests.papers_of_worlds import as_printed, print_paper

NUMBERS = np.arange(1.0, 1001.0)


def quiet(done: int, total: int) -> None:
    """No progress shown."""
    assert done <= total


def printed(text: str) -> Printed:
    return Printed(printed=text, where="Table 9")


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("0.36", 0.355, 0.365),
        ("12", 11.5, 12.5),
        ("<0.001", -np.inf, 0.001),
        (">0.999", 0.999, np.inf),
        ("NA", np.inf, np.inf),
    ],
)
def test_a_printed_number_stands_for_all_that_rounds_to_it(text, low, high):
    stands = parse_printed(text)
    assert (stands.low, stands.high) == (pytest.approx(low), pytest.approx(high))


def test_what_is_no_number_is_refused():
    with pytest.raises(ValueError, match="'about 5' is not a printed number"):
        parse_printed("about 5")


@pytest.mark.parametrize(
    ("text", "inside", "percentile"),
    [  # the central 95 % are 26 to 975: from below a number is outside as soon as all that rounds to it is below 26
        ("500", True, 50.0),
        ("26", True, 2.55),
        ("25.99", False, 2.5),
        ("25.9", False, 2.5),
        ("24", False, 2.35),
        ("975", True, 97.45),
        ("975.01", False, 97.5),
        ("975.1", False, 97.5),
        ("977", False, 97.65),
    ],
)
def test_a_number_is_inside_the_central_95_percent_or_not(text, inside, percentile):
    made = score("k", printed(text), NUMBERS)
    assert made.inside == inside
    assert made.percentile == pytest.approx(percentile, abs=0.06)
    assert (made.low, made.median, made.high) == (26.0, 501.0, 975.0)


def test_rounding_directions_and_limits_that_are_not_reached_are_understood():
    assert score("k", printed(">900"), NUMBERS).inside
    assert not score("k", printed(">990"), NUMBERS).inside
    some = np.where(NUMBERS > 900, np.inf, NUMBERS)
    assert score("k", printed("NA"), some).inside
    assert not score("k", printed("NA"), NUMBERS).inside
    rare = np.where(NUMBERS > 990, np.inf, NUMBERS)
    assert not score("k", printed("NA"), rare).inside


def test_replicates_without_the_number_are_told_and_left_out():
    some = np.where(NUMBERS <= 250, np.nan, NUMBERS)
    made = score("k", printed("260"), some)
    assert made.absent == 25.0
    assert not made.inside
    none = score("k", printed("260"), np.full(10, np.nan))
    assert none.absent == 100.0
    assert not none.inside


def test_doubtful_numbers_are_counted_apart():
    scores = [score("a", printed("500"), NUMBERS), score("b", printed("5"), NUMBERS, ("no such p",))]
    (table, whole) = totals(scores)
    assert (table.where, table.numbers, table.inside, table.doubtful) == ("Table 9", 1, 1, 1)
    assert whole.where == "all"


@pytest.mark.parametrize("name", ["hcc-lung-metastasis", "imbrave150"])
def test_the_shipped_twins_print_what_their_papers_print(name):
    scenario = parse(load(name), Scenario)
    if name == "imbrave150":
        scenario = parse(load(name, IMBRAVE_FITTED), Scenario)
    found = fidelity(scenario, 300, 20261123, 1, quiet, doubts(load_study(name)))
    *tables, whole = found.totals
    assert whole.inside >= 0.95 * whole.numbers
    assert all(table.inside >= 0.9 * table.numbers for table in tables if table.numbers >= 10)
    pairs = [one for one in found.scores if one.key == "matching.n_pairs"]
    assert all(abs(one.median - 151) <= 4 for one in pairs)
    assert found.flow[0] == ("screened", float(scenario.screened()))
    assert sum(count for _, count in found.flow[1:]) == pytest.approx(scenario.screened())


IMBRAVE_FITTED = (
    "outcomes.progression.baseline.rates=[0.0788, 0.1445, 0.0687]",
    "outcomes.progression.treatment.log_hr=[-0.637, -0.379]",
    "outcomes.death.baseline.rate=0.0174",
    "followup.dropout.Sorafenib.rate=0.041",
)


def test_a_world_that_is_not_the_papers_is_noticed():
    """Sister of the test above: without the effect of treatment a third of the survival numbers is outside."""
    scenario = parse(load("hcc-lung-metastasis", ("outcomes.treatment_effect=none",)), Scenario)
    found = fidelity(scenario, 100, 1, 1, quiet, {})
    (survival,) = (one for one in found.totals if one.where == "Results, Survival Outcomes")
    assert survival.inside < 0.67 * survival.numbers


def test_facts_of_the_design_are_compared_with_the_world():
    scenario = parse(load("hcc-lung-metastasis"), Scenario)
    key = "world.entry.accrual.start"
    assert design_score(scenario, key, printed("2019-01")).inside
    assert not design_score(scenario, key, printed("2018-01")).inside
    age = "world.population.covariates.age.bounds.1"
    assert design_score(scenario, age, printed("75")).inside
    assert not design_score(scenario, age, printed("80")).inside


def test_the_scorecard_of_a_world_that_printed_its_own_paper_is_nearly_full():
    scenario = parse(load("imbrave150"), Scenario)
    paper = print_paper(scenario, resolve(scenario), scenario.published, 5, 0)
    found = fidelity(scenario.model_copy(update={"published": paper}), 200, 6, 1, quiet, {})
    assert found.totals[-1].inside >= 0.85 * found.totals[-1].numbers


@pytest.mark.parametrize(
    ("key", "value", "like", "text"),
    [
        ("a.hr", 0.3649, "0.36", "0.36"),
        ("a.p", 0.0004, "0.993", "<0.001"),
        ("a.p", 0.9996, "0.1", ">0.999"),
        ("a.p", 0.0449, "<0.001", "0.045"),
        ("a.high", np.inf, "9.0", "NA"),
        ("a.high", 17.06, "NA", "17.1"),
        ("a.n", 12.0, "11", "12"),
    ],
)
def test_numbers_are_printed_as_papers_print_them(key, value, like, text):
    assert as_printed(key, value, like) == text


def test_the_verb_prints_tables_json_and_a_page(capsys, monkeypatch, tmp_path):
    page = tmp_path / "page.html"
    monkeypatch.setattr("sys.argv", ["trialtwin", "fidelity", "imbrave150", "--reps", "40", "--report", str(page)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert "Not reproduced: outside what 95 % of 40 simulated studies print" in text
    assert max(map(len, text.splitlines())) <= 100
    assert "How close are its numbers, table by table?" in page.read_text()
    monkeypatch.setattr("sys.argv", ["trialtwin", "fidelity", "imbrave150", "--reps", "40", "--json"])
    with pytest.raises(SystemExit):
        main()
    assert json.loads(capsys.readouterr().out)["replicates"] == 40


def test_a_world_without_published_numbers_is_refused(capsys, monkeypatch):
    arguments = ["trialtwin", "fidelity", "imbrave150", "-S", "published=null", "--reps", "40"]
    monkeypatch.setattr("sys.argv", arguments)
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert "no published numbers" in capsys.readouterr().err
