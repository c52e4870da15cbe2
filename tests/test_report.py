"""Text tables and HTML reports: well formed, no wider than they say, the same numbers everywhere, harmless labels."""

import html
import itertools
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from math import exp
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from analysis.cohort_files.cohort_file import read_cohort
from analysis.cohort_files.cohort_spec import CohortSpec
from analysis.kernels.status import Status
from analysis.paper.workflow import analyse
from analysis.tables.text_table import WIDTH, aligned
from benchmarks.asked.blocks import prepare
from benchmarks.asked.load_study import load_study
from benchmarks.cli import verbs
from benchmarks.report import answer_pages, cohort_report, study_page, study_report
from benchmarks.report.breaking import WORD, breakable
from benchmarks.report.engine import repeated
from benchmarks.report.glossary import EXPLAINED
from benchmarks.report.world import base_section, comparability_section
from benchmarks.runs.manifest import manifest
from benchmarks.runs.rows import KEYS
from benchmarks.runs.store import RunFolder
from benchmarks.study import running
from benchmarks.words import plain_text
from benchmarks.words.analysis_names import labels_of
from benchmarks.words.answer import Answer
from benchmarks.words.performance_tables import main_tables, notes_of
from benchmarks.words.recommend import advice, recommended
from benchmarks.words.sizes import off_by
from benchmarks.words.study_document import study_json
from benchmarks.words.verdicts import verdict
from simulator.documents.loading import load, parse
from tests.commands import printed

VOID = {"meta", "br", "img", "hr", "link", "input", "wbr"}
OWN_SCRIPT = (Path(__file__).parent.parent / "benchmarks/report/templates/page.js").read_text("utf-8")
HOSTILE = '<script>alert("x")</script> $\\frac{$ \u202e آ 🧬 =cmd() ' + "long " * 20


class Page(HTMLParser):
    """The text of a page, checked to be balanced; scripts but our own and addresses elsewhere are remembered."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.dangers: list[str] = []
        own = f"<script>{OWN_SCRIPT}</script>"
        assert text.count(own) == 1
        self.feed(text.replace(own, ""))
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        if tag == "script" or any(name.startswith("on") for name, _ in attrs):
            self.dangers.append(tag)
        self.dangers += [str(value) for name, value in attrs if name in ("src", "href") and "//" in str(value)]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Nothing stays open."""

    def handle_endtag(self, tag: str) -> None:
        """Close the last open tag, which must be this one."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep the words."""
        self.words.append(data)


def figures(page: str) -> list[ElementTree.Element]:
    """The figures of a page as XML."""
    starts = [k for k in range(len(page)) if page.startswith("<svg", k)]
    return [ElementTree.fromstring(page[k : page.index("</svg>", k) + 6]) for k in starts]


def undated(page: str) -> str:
    """A page without what it says of its own making: the command, the time, versions."""
    return re.sub(r'<div class="made">.*?</div>', "", page, flags=re.S)


def undone(text: str) -> str:
    """The text without the explanations of terms that a page puts into it."""
    for gloss in EXPLAINED.values():
        text = text.replace(f"({gloss})", "")
    return text


def _study(folder: Path, *settings: str) -> tuple[Any, ...]:
    asked = load_study("paper", ("run.truth_patients=5000", *settings), replicates=12)
    held = manifest(asked.document, 1)
    run = RunFolder(folder)
    result = running.run_study(prepare(asked.cells), run, running.Work(2), lambda *_: None)
    return result, asked.document, asked.scenario, held


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, ...]:
    return _study(tmp_path_factory.mktemp("paper"))


@pytest.fixture(scope="module")
def whole_page(paper: tuple[Any, ...]) -> str:
    """The page of that study."""
    return study_report(*paper)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, ...]:
    path = tmp_path_factory.mktemp("cohort") / "cohort.csv"
    verbs.simulate(load_study("paper", (), 1), path, False, "plain")
    spec = parse(load(str(path.with_suffix(".spec.yaml")), spec=CohortSpec), CohortSpec)
    read = read_cohort(path, spec)
    return analyse(read.observed, read.ids, spec.analysis, read.arms, spec.data.labels()), spec


def test_study_report_is_whole_and_stands_alone(paper: tuple[Any, ...], whole_page: str) -> None:
    page = whole_page
    read = Page(page)
    assert read.dangers == []
    text = " ".join(read.words)
    assert paper[0].whom.sentence in text
    own = "Overall survival: does each analysis answer its own question?"
    for told in (own, "answers another question", "95 % interval holds"):
        assert told in text
    for heading in (
        "How close does each analysis come to the truth?", "What is true, and in whom?", "What each analysis does",
        "How alike are the arms after matching?", "What was assumed?", "Where was there no estimate?",
        "How to repeat it",
    ):  # fmt: skip
        assert heading in text
    assert page.index(paper[2].question) < page.index("How close does") < page.index("What was assumed?")
    assert "patients: correlation, Size, cm, PVTT (Presence)" in text or "correlation" in text
    assert "population.correlation" not in page.replace("<wbr>", "")
    assert len(figures(page)) == 11  # two of them drawn again for a telephone
    assert all(figure.get("aria-label") for figure in figures(page))
    assert len(page) < 5_000_000


def test_study_report_has_the_numbers_of_the_json(paper: tuple[Any, ...], whole_page: str, tmp_path: Path) -> None:
    result, _, scenario, held = paper
    told = study_json(result, scenario, held, tmp_path)
    json.dumps(told, allow_nan=False)
    text = " ".join(Page(whole_page).words)
    for row in told["performance"]:
        if row["measure"] == "bias":
            assert f"{row['value']:.3f} ({row['mcse']:.3f})".replace("-", "−") in text.replace("-", "−")
    assert "".join(told["verdict"].split()) in "".join(undone(text).split())
    assert told["provenance"]["rows_sha256"] in text


def test_same_inputs_same_bytes(paper: tuple[Any, ...], whole_page: str, cohort: tuple[Any, ...]) -> None:
    assert undated(whole_page) == undated(study_report(*paper))
    assert undated(whole_page) != whole_page
    assert undated(cohort_report(*cohort, "cohort.csv")) == undated(cohort_report(*cohort, "cohort.csv"))


@pytest.mark.slow
def test_another_process_gives_the_same_bytes(tmp_path: Path) -> None:
    """Whatever the order of its sets: pages of a study and of a cohort, and files of tables."""
    words = ["imbrave150", "-S", "population.size=60", "-S", "run.truth_patients=2000", "--reps", "10", "--jobs", "1"]
    printed(["run", *words, "--out", str(tmp_path / "run")])
    printed(["simulate", "paper", "--out", str(tmp_path / "cohort.csv")])

    def verbs_into(out: Path) -> list[list[str]]:
        data = [str(tmp_path / "cohort.csv"), "--spec", str(tmp_path / "cohort.spec.yaml")]
        pages = ["--report", str(out / "cohort.html"), "--tables", str(out / "tables")]
        return [["report", str(tmp_path / "run"), "--tables", str(out / "study")], ["analyze", *data, *pages]]

    made = []
    for seed in (None, "2" if os.environ.get("PYTHONHASHSEED") != "2" else "1"):
        out = tmp_path / str(seed)
        out.mkdir()
        if seed is None:
            for verb in verbs_into(out):
                printed(verb)
        else:
            script = f"from tests.commands import printed\nfor verb in {verbs_into(out)!r}:\n    printed(verb)\n"
            surroundings = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[1])}
            subprocess.run([sys.executable, "-c", script], check=True, env=surroundings)
        (out / "study.html").write_bytes((tmp_path / "run" / "report.html").read_bytes())
        files = sorted(path for path in out.rglob("*") if path.is_file())
        made.append({path.relative_to(out): undated(path.read_text("utf-8")) for path in files})
    assert len(made[0]) > 20
    assert made[0] == made[1]


@pytest.mark.parametrize("count", [3, pytest.param(10, marks=pytest.mark.slow)])
def test_many_cells_make_a_small_report(tmp_path: Path, count: int) -> None:
    sizes, calipers = list(range(40, 40 + 5 * count, 5)), [0.1, 0.2, 0.3, 0.5, 1.0]
    sweep = f"sweep={{grid: {{population.size: {sizes}, analysis.matching.caliper: {calipers}}}}}"
    words = ["imbrave150", "-S", sweep, "-S", "run.truth_patients=1000", "-S", "estimators=[crude, matched]"]
    printed(["run", *words, "--reps", "10", "--jobs", "1", "--out", str(tmp_path)])
    page = (tmp_path / "report.html").read_text("utf-8")
    assert page.count('<section class="setting">') == 5 * count
    assert f"the first {study_page.DRAWN} have figures of their own" in page
    assert len(figures(page)) < 25
    assert len(page) < 5_000_000


def test_terminal_table_fits_and_holds_every_row(paper: tuple[Any, ...]) -> None:
    text = Answer(None, tables=main_tables(paper[0]), notes=notes_of(paper[0])).text()
    assert max(map(len, text.splitlines())) <= WIDTH
    for label in labels_of(paper[0].cells[0]).values():
        assert text.count(f"\n{label.split(',')[0].split(' ')[0]}") >= 2


def test_verdict_claims_no_bias_within_simulation_error(paper: tuple[Any, ...]) -> None:
    result = paper[0]
    told, found = verdict(result), plain_text.measures(result, 0, "OS", "matched")
    truth = result.targets[0, "OS", "matched"].value
    assert told.startswith(f"In {result.whom.phrase}, the paper's analysis (matching) finds a hazard ratio of ")
    assert f"{exp(found['mean'].value):.2f} for overall survival on average where {exp(truth):.2f} is true." in told
    off = off_by(result.targets[0, "OS", "matched"].estimand, found["bias"])
    assert f"That is {off} (simulation error " in told
    assert ("as close as simulation can tell (simulation" in told) == (
        abs(found["bias"].value) <= 2 * found["bias"].mcse
    )
    made = recommended(result, result.cells[0], "OS")
    assert made is not None
    asked = result.targets[0, "OS", made.best.name].estimand
    assert told.endswith(advice(made, asked, labels_of(result.cells[0])))


def test_sweep_is_told_cell_by_cell(tmp_path: Path) -> None:
    asked = _study(tmp_path / "run", "sweep={grid: {population.size: [60, 90]}}", "outcomes.treatment_effect=none")
    assert ", with 60 patients, the paper's analysis (matching) finds" in verdict(asked[0])
    page = study_report(*asked)
    assert page.count("<h3>60 patients") == 1
    assert page.count("<h3>90 patients") == 1
    assert "What changes with the number of patients?" in page
    assert page.count('class="spot"') == 2 * 2 * 4  # of two endpoints, settings and four analyses
    Page(page)


def test_cohort_report_and_tables(cohort: tuple[Any, ...]) -> None:
    page = cohort_report(*cohort, "cohort.csv")
    read = Page(page)
    assert read.dangers == []
    text = " ".join(read.words)
    assert "Baseline characteristics" in text
    assert f"{cohort[0].endpoints['OS'].before.cox.hr:.2f}" in text
    assert len(figures(page)) == 21  # eight figures are drawn again for a telephone
    shown = plain_text.cohort_answer(cohort[0]).text()
    assert max(map(len, shown.splitlines())) <= WIDTH
    assert "Baseline characteristics" in shown


def test_hostile_labels_do_no_harm(cohort: tuple[Any, ...]) -> None:
    analysis, spec = cohort
    hostile = spec.model_copy(update={"title": HOSTILE + "\x00\x1b"})
    page = cohort_report(analysis, hostile, f"{HOSTILE}.csv")
    read = Page(page)
    assert read.dangers == []
    assert page.count("<script>") == 1
    assert "\x00" not in page
    assert any("🧬" in word for word in read.words)
    assert len(figures(page)) == 21


def test_hostile_question_and_failures_are_shown(tmp_path: Path) -> None:
    asked = load_study("paper", ("run.truth_patients=2000", "population.size=12"), replicates=4)
    scenario = asked.scenario.model_copy(update={"question": HOSTILE})
    run = RunFolder(tmp_path / "run")
    result = running.run_study(prepare([({}, scenario)]), run, running.Work(1), lambda *_: None)
    assert len(result.rows.failures()) > 0
    page = study_report(result, asked.document, scenario, manifest(asked.document, 1))
    read = Page(page)
    assert read.dangers == []
    assert any(status in " ".join(read.words) for status in ("PS_SEPARATED", "SINGULAR", "NO_PAIRS", "MONOTONE"))
    json.dumps(study_json(result, scenario, {}, tmp_path), allow_nan=False)


def test_numbers_that_do_not_exist_are_a_dash() -> None:
    assert plain_text.number(np.nan) == plain_text.ABSENT
    assert plain_text.with_error(plain_text.Measure(np.nan, np.nan)) == plain_text.ABSENT
    assert plain_text.with_error(plain_text.Measure(1.0, np.nan)) == "1.000 (-)"


def test_wide_tables_are_wrapped_not_cut() -> None:
    text = aligned(["first", "second"], [["a " * 60, "b " * 60]])
    assert max(map(len, text.splitlines())) <= WIDTH
    assert text.count("a") == 60
    assert text.count("b") == 60


def test_pages_are_kind_to_readers_of_screens(whole_page: str) -> None:
    """One main part, headings that skip no level, heads of columns said to be so, scrolling parts that keys reach."""
    page = whole_page
    assert page.count('<main id="main">') == page.count("</main>") == 1
    levels = [int(found) for found in re.findall(r"<h([1-6])[ >]", page)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(levels))
    assert page.count('<div class="wide"') == page.count('<div class="wide" tabindex="0"') > 3
    heads = re.findall(r"<th[ >][^>]*", page)
    assert len(heads) > 20
    assert all('scope="col' in head or 'scope="row"' in head for head in heads)
    assert all("aria-label" in head for head in re.findall(r"<svg [^>]*>", page))
    assert '<html lang="en">' in page
    names = re.findall(r' id="([^"]+)"', page)
    assert len(names) > 50
    assert len(set(names)) == len(names)


def test_long_words_may_be_broken_and_short_ones_stay() -> None:
    long = "endpoints.OS.after.multivariable[age>50].hr"
    assert html.unescape(breakable(long).replace("<wbr>", "")) == long
    assert max(map(len, html.unescape(breakable(f"a {'W' * 300} {long}").replace(" ", "<wbr>")).split("<wbr>"))) <= WORD
    assert breakable("matched-no-caliper and others") == "matched-no-caliper and others"


def test_a_world_is_compared_with_its_base(paper: tuple[Any, ...]) -> None:
    """What a study sets and what the command line sets; nothing where it says what its base says."""
    same = base_section(paper[1])
    assert same.answer == "No changes from the paper's twin."
    assert same.tables == ()
    asked = load_study("null-effect", ("population.size=300",))
    shown = base_section(asked.document)
    rows = {row[0]: row[1:] for table in shown.tables for row in table.rows}
    assert rows["number of patients"] == ("422", "300")
    assert rows["effect of treatment"][1] == "none"
    world = base_section(load_study("imbrave150", ("population.size=300",)).document)
    assert [row for table in world.tables for row in table.rows] == [("number of patients", "501", "300")]
    assert world.heading == "What was changed by the command?"
    assert world.answer == "1 value differs from imbrave150."


def test_matching_is_told_of_every_cell(paper: tuple[Any, ...]) -> None:
    shown = comparability_section(paper[0].cells)
    (row,) = shown.tables[0].rows
    matched, share, before, after, above = row
    low, high = (
        float(text.split("(")[1].split(" to ")[place].rstrip(")")) for text, place in ((matched, 0), (matched, 1))
    )
    assert 80 <= low <= float(matched.split()[0]) <= high <= 169
    assert 50 < float(share.split()[0]) <= 100
    assert float(after.split()[0]) < float(before.split()[0])
    assert 0 <= float(above) <= 100
    assert len(shown.pictures) == 1


def test_a_command_is_repeated_without_what_changes_no_result() -> None:
    given = "trialtwin run 'my study.yaml' -S 'sweep={grid: {population.size: [60, 90]}}' --reps 20 --seed 3"
    places = "--out 'a b' --jobs 2 --backend=threads --block 5 --shard 1/2 --json --tables t --report=r.html"
    assert repeated(f"{given} {places}") == given
    assert repeated("trialtwin run 'never closed") == "trialtwin run 'never closed"


def test_a_question_of_several_studies_tells_the_failures_of_all(tmp_path: Path) -> None:
    for name, status in (("one", Status.OK), ("two", Status.MONOTONE), ("three", Status.MONOTONE)):
        (tmp_path / name).mkdir()
        rows = [{**dict.fromkeys(KEYS, "x"), "cell": 0, "status": int(status)}] * 2
        pd.DataFrame(rows).to_parquet(tmp_path / name / "results.parquet")
    section = answer_pages._failures(str(tmp_path))
    assert [row[-2:] for row in section.tables[0].rows] == [("MONOTONE", "4")]
