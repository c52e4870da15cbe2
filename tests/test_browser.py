"""Pages in a real browser, at a desk and on a telephone: nothing complains, is cut off or out of reach; tools work.

Needs Debian's chromium, which `.ci/run` installs where it can; skipped where there is none.
"""

import itertools
import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from math import isfinite
from pathlib import Path
from typing import Any

import pytest

from benchmarks.asked.blocks import prepare
from benchmarks.asked.errors import RunError
from benchmarks.asked.load_study import load_study
from benchmarks.cli import opened
from benchmarks.report import calibration_report, validation_report
from benchmarks.review.methods import MethodsWords
from benchmarks.review.page import review_page
from benchmarks.review.told import ReviewWords
from benchmarks.twin.absolute_fit import AbsoluteFit, Outside, Unused
from benchmarks.twin.calibrate import Began, Fit, Fitted, Parameter
from benchmarks.validation.check import exact, judged
from benchmarks.words.analysis_names import labels_of
from simulator.documents.loading import shipped
from tests import hostile
from tests.browser import BROWSER, MISSING, Browser, Page
from tests.commands import printed
from tests.small_reviews import planted, small_scenario

pytestmark = pytest.mark.skipif(BROWSER is None, reason=MISSING)
WIDTHS = (1280, 390)
PAPER = 718  # A4 within its margins, in CSS pixels
SMALL = ("-S", "run.truth_patients=5000", "--jobs", "1")
SWEEP = ("-S", "sweep={grid: {population.size: [60, 90, 120]}}")
ALIKE, CHANGED = "How alike are the arms after matching?", "What was changed by the command?"
ASSUMED, FAILED, REPEAT = "What was assumed?", "Where was there no estimate?", "How to repeat it"
STUDY = (
    "What changes with the number of patients?", "What is true, and in whom?", "How alike are the arms?", CHANGED,
    ASSUMED, FAILED, REPEAT,
)  # fmt: skip
ANSWER = ("What was found?", "What was changed", ASSUMED, FAILED, "How were the patients simulated?", REPEAT)
COHORT = ("How long until it happens?", ALIKE, "The tables as papers print them", ASSUMED, FAILED, REPEAT)
REVIEW = (
    "What does the paper claim, and do", "Could it be bias?", "What effect is plausible?",
    "Does the choice of analysis matter", "What does all this rest on?", "What can go into a methods section?",
)  # fmt: skip
HEADINGS = {
    "study": STUDY,
    "cohort": COHORT,
    "decompose": ANSWER,
    "claims": ANSWER,
    "fidelity": (
        "How close are its numbers, table by table?",
        "Which printed numbers does it not give?",
        ASSUMED,
        "Where was there no number?",
        REPEAT,
    ),
    "audit": ("What contradicts what?", ASSUMED, REPEAT),
    "performance": ("How close do they come to the truth?", ASSUMED, REPEAT),
    "validate": ("What was checked, and against what?", ASSUMED, REPEAT),
    "calibrate": ("How close are its numbers to the printed ones?", "What was fitted?", ASSUMED, REPEAT),
    "review": REVIEW,
    "strange": REVIEW,
    "gallery": ("other",),
    "hostile": COHORT,
}
"""What the headings of a page begin with, without their numbers, in this order."""
PROBE = """(function () {
  function all(what) { return Array.prototype.slice.call(document.querySelectorAll(what)); }
  var wide = document.documentElement.scrollWidth - window.innerWidth;
  return {
    wide: wide,
    widest: wide <= 0 ? [] : all("main *").filter(function (one) {
      return one.getBoundingClientRect().right > window.innerWidth + 1 && !one.closest(".wide, .drawn");
    }).slice(0, 5).map(function (one) { return one.outerHTML.slice(0, 120); }),
    headings: all("h1, h2, h3, h4, h5").map(function (one) {
      return [Number(one.tagName[1]), one.textContent.trim()];
    }),
    unnamed: all("svg").filter(function (one) { return !one.closest("[aria-label]"); }).length,
    flat: all("svg").filter(function (one) {
      return one.checkVisibility() && one.getBoundingClientRect().height < 60;
    }).length,
    stuck: all(".wide, .drawn").filter(function (one) {
      return one.scrollWidth > one.clientWidth + 1 && one.tabIndex < 0;
    }).length
  };
}())"""
FEW_ROWS = """document.querySelectorAll("tbody").forEach(function (body) {
  while (body.rows.length > 8) { body.deleteRow(-1); }
}); document.querySelectorAll("svg").forEach(function (one) { one.textContent = ""; })"""
# the checker's time grows with the square of the rows, which are alike; of a picture its name counts
TABLE = """(function (name) {
  var box = Array.prototype.find.call(document.querySelectorAll(".wide"), function (one) {
    return one.getAttribute("aria-label") === name;
  });
  return Array.prototype.slice.call(box.querySelectorAll("tr")).filter(function (row) { return !row.hidden; })
    .map(function (row) { return Array.prototype.map.call(row.cells, function (cell) { return cell.textContent; }); });
}(%s))"""


TABLES_OF = """(function (cell) {
  var table = document.querySelectorAll("section.setting")[cell].querySelector("table");
  return Array.prototype.map.call(table.querySelectorAll("tr"), function (row) {
    return Array.prototype.map.call(row.cells, function (one) { return one.textContent; });
  });
}(%d))"""
HOLDS = "95 % interval holds the truth, %"


@cache
def axe() -> str:
    """The source of the accessibility checker."""
    found = find_spec("axe_core_python")
    if found is None or found.origin is None:
        pytest.skip("no axe-core here: pip install axe-core-python")
    return (Path(found.origin).parent / "axe.min.js").read_text("utf-8")


def violations(page: Page) -> list[str]:
    """What an accessibility checker finds that is serious or critical; it is given the first rows of each table."""
    page.run(f"{axe()};0")
    page.run(FEW_ROWS)
    found = page.run(
        "axe.run({resultTypes: ['violations']}).then(function (told) { return told.violations.map(function (one) {"
        " return [one.impact, one.id, one.nodes[0].html.slice(0, 200)]; }); })"
    )
    return [str(one) for one in found if one[0] in ("serious", "critical")]


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as one:
        yield one


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A page of every kind, from small runs."""
    folder = tmp_path_factory.mktemp("pages")
    run, data = folder / "runs" / "study", folder / "cohort.csv"
    printed(["run", "imbrave150", *SMALL, *SWEEP, "--reps", "20", "--out", str(run)])
    printed(["gallery", str(folder / "runs")])
    printed(["simulate", "paper", "--out", str(data)])
    made = {name: folder / f"{name}.html" for name in HEADINGS}
    made |= {"study": run / "report.html", "gallery": folder / "runs" / "gallery.html"}
    printed(["analyze", str(data), "--spec", str(folder / "cohort.spec.yaml"), "--report", str(made["cohort"])])
    (folder / "hostile").mkdir()
    bad, spec = hostile.cohort(folder / "hostile")
    printed(["analyze", str(bad), "--spec", str(spec), "--report", str(made["hostile"])])
    asked = ["imbrave150", *SMALL, "--reps", "20"]
    out = ["--out", str(folder / "run")]
    printed(["decompose", *asked, "--estimator", "crude", *out, "--report", str(made["decompose"])])
    printed(["claims", *asked, "--report", str(made["claims"])])
    printed(["fidelity", "hcc-lung-metastasis", "--reps", "20", "--jobs", "1", "--report", str(made["fidelity"])])
    printed(["audit", "hcc-lung-metastasis", "--report", str(made["audit"])])
    rows = folder / "rows.csv"
    rows.write_text("method,estimate,se\n" + "".join(f"a,{k / 10},0.3\nb,{k / 9},0.2\n" for k in range(9)))
    printed(["performance", str(rows), "--truth", "0.5", "--by", "method", "--report", str(made["performance"])])
    checks = [exact("hand-worked matching", "pairs", 2.0, 2.0, 0.0), exact("agreement with R", "a", 1.0, 1.1, 0.01)]
    made["validate"].write_text(validation_report(judged(checks), False), "utf-8")
    made["calibrate"].write_text(_calibration(), "utf-8")
    made["review"].write_text(_review(planted(best="crude")), "utf-8")
    named = [hostile.text(k) for k in (7, 0, 3)]
    labels = {
        "source": hostile.text(1),
        "population__covariates__stage__label": named[0],
        "endpoints__survival__label": named[1],
        "question": named[2],
    }
    made["strange"].write_text(_review(planted(small_scenario(**labels), refused=True, fit=None)), "utf-8")
    return made


def _review(told: ReviewWords) -> str:
    made = MethodsWords("trialtwin review small-review.yaml", 11, "3f9c" * 16, {"trialtwin": "1.0", "numpy": "2.0"})
    return review_page(told, made)


def _calibration() -> str:
    asked = load_study("hcc-lung-metastasis")
    parameters = (Parameter("outcomes.death.rate", 0.01, 0.02, 0.1, -4.6, 0.7, "log", 0.8, False),)
    targets = tuple(Fitted(f"binary.ORR.{k}", "47.7", 47.0 + k, 1.0, 2.0, k - 2.0, k == 1) for k in range(4))
    outside = (Outside("binary.ORR.3", "47.7", 50.0, 48.0, 52.0, 2.4),)
    verdict = AbsoluteFit(3, 0, 1, outside, (Unused("binary.ORR.4", "47.7", "3 % of the replicates have it"),), "")
    starts = (Began("as stated", 100.0, 10.0, True),)
    fit = Fit({}, {"rate": 0.02}, parameters, targets, starts, verdict, (), (100.0, 10.0), 200, 1)
    return calibration_report(fit, asked.document, asked.scenario)


def _is_whole(browser: Browser, path: Path, width: int, headings: tuple[str, ...]) -> None:
    with browser.opened(path, width) as page:
        assert page.complaints() == []
        found = page.run(PROBE)
        assert found["wide"] <= 0, found["widest"]
        assert (found["unnamed"], found["flat"], found["stuck"]) == (0, 0, 0)
        levels = [level for level, _ in found["headings"]]
        assert levels.count(1) == 1
        assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(levels))
        told = [text.lstrip("0123456789") for _, text in found["headings"]]
        places = [next(k for k, one in enumerate(told) if one.startswith(heading[:20])) for heading in headings]
        assert places == sorted(places)
        assert violations(page) == []
        if width == WIDTHS[0]:
            page.on_paper(PAPER)
            assert page.run("document.documentElement.scrollWidth") <= PAPER
            assert page.printed().startswith(b"%PDF")
            page.on_paper(None)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", HEADINGS)
def test_a_page_is_whole_and_open_to_everybody(browser: Browser, pages: dict[str, Path], kind: str, width: int) -> None:
    _is_whole(browser, pages[kind], width, HEADINGS[kind])


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a planted review alone."""
    path = tmp_path_factory.mktemp("reviewed") / "review.html"
    path.write_text(_review(planted(best="crude")), "utf-8")
    return path


def test_what_is_folded_is_printed(browser: Browser, reviewed: Path) -> None:
    """On a screen the folds are closed; on paper all of each stands there, and the page is as wide as the paper."""
    heights = "Array.from(document.querySelectorAll('details')).map(function (one) { return one.offsetHeight; })"
    with browser.opened(reviewed, WIDTHS[0]) as page:
        closed = page.run(heights)
        page.on_paper(PAPER)
        opened = page.run(heights)
        assert page.run("document.documentElement.scrollWidth") <= PAPER
        page.on_paper(None)
        assert page.run(heights) == closed
    assert len(closed) >= 3
    assert all(after > before + 20 for before, after in zip(closed, opened, strict=True))


def test_a_page_becomes_a_pdf(reviewed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `review --pdf` makes it: several sheets; one line where no browser is found, and nothing is written then."""
    made = tmp_path / "review.pdf"
    opened.printed(reviewed, made)
    content = made.read_bytes()
    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")
    assert len(re.findall(rb"/Type ?/Page\b(?!s)", content)) >= 4
    monkeypatch.setattr(opened, "browser", lambda: None)
    with pytest.raises(RunError, match=r"none\.pdf: no Chromium or Chrome was found"):
        opened.printed(reviewed, tmp_path / "none.pdf")
    assert not (tmp_path / "none.pdf").exists()


def test_the_checks_can_fail(browser: Browser, pages: dict[str, Path]) -> None:
    """A page with a wide part, a picture without a name, pale words, a script that fails."""
    spoilt = pages["audit"].with_name("spoilt.html")
    added = (
        '<div style="width: 3000px">wide</div><img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">'
        '<p style="color: #ddd">pale</p><svg width="5" height="5"></svg><script>nothing.at.all</script></main>'
    )
    spoilt.write_text(pages["audit"].read_text("utf-8").replace("</main>", added), "utf-8")
    with browser.opened(spoilt, 1280) as page:
        assert any("nothing is not defined" in one for one in page.complaints())
        found = page.run(PROBE)
        assert found["wide"] > 0
        assert (found["unnamed"], found["flat"]) == (1, 1)
        page.on_paper(PAPER)
        assert page.run("document.documentElement.scrollWidth") > PAPER
        page.on_paper(None)
        assert {"image-alt", "color-contrast"} <= set(re.findall(r"'([a-z-]+)', '<", " ".join(violations(page))))


def test_a_hostile_name_does_not_become_a_script(browser: Browser, pages: dict[str, Path]) -> None:
    with browser.opened(pages["hostile"], 1280) as page:
        assert page.run("document.title").startswith(hostile.text(0))
        assert page.run("document.querySelectorAll('script, img, iframe, object').length") == 1


def test_another_script_does_not_run(browser: Browser, pages: dict[str, Path]) -> None:
    taken = pages["audit"].with_name("taken.html")
    added = "<script>document.title = 'taken over'</script></main>"
    taken.write_text(pages["audit"].read_text("utf-8").replace("</main>", added), "utf-8")
    with browser.opened(taken, 1280, strict=True) as page:
        assert any("Content Security Policy" in one for one in page.complaints())
        assert page.run("document.title") != "taken over"
    with browser.opened(pages["audit"], 1280, strict=True) as page:
        assert page.complaints() == []
        assert page.run("document.querySelectorAll('th button').length") > 3


def test_the_tables_hold_the_numbers_of_the_json(browser: Browser, pages: dict[str, Path]) -> None:
    found: dict[str, Any] = json.loads(pages["study"].with_name("result.json").read_text("utf-8"))
    measured = {
        (one["cell"], one["endpoint"], one["estimator"], one["measure"]): one
        for one in found["performance"]
        if one["judged_by"] == "target"
    }
    names = {label: name for name, label in labels_of(prepare(load_study("imbrave150").cells)[0]).items()}
    compared = 0
    with browser.opened(pages["study"], 1280) as page:
        for cell in (0, 2):
            rows = page.run(TABLES_OF % cell)
            heads = rows[0]
            for row in rows[1:]:
                told = dict(zip(heads, row, strict=True))
                name = names[told["analysis"]]
                for head, measure, scale, digits in (("off by", "bias", 1, 3), (HOLDS, "coverage", 100, 1)):
                    one = measured.get((cell, "OS", name, measure))
                    if one is None:
                        assert told[head] == "†"  # it answers another question
                    elif one["value"] is not None:
                        shown = told[head].replace("−", "-").lstrip("+")
                        assert shown.startswith(f"{scale * one['value']:.{digits}f} ({scale * one['mcse']:.{digits}f}")
                        compared += 1
        truths = page.run(TABLE % json.dumps("Truths"))
    assert compared >= 8
    assert len(truths) - 1 == len(found["truths"])
    column = truths[0].index("truth (MCSE)")
    assert [row[column].replace("−", "-").split()[0] for row in truths[1:]] == [
        f"{one['value']:.4f}" if one["value"] is not None and isfinite(one["value"]) else "-" for one in found["truths"]
    ]


@pytest.mark.parametrize("width", WIDTHS)
def test_tables_sort_and_filter_by_keys(browser: Browser, pages: dict[str, Path], width: int) -> None:
    box = "document.querySelector('[aria-label=Truths]')"
    with browser.opened(pages["study"], width) as page:
        page.run("document.querySelectorAll('details').forEach(function (one) { one.open = true; })")
        before = page.run(TABLE % '"Truths"')
        place = before[0].index("truth (MCSE)")
        page.run(f"{box}.querySelectorAll('th button')[{place}].focus()")
        page.press("Enter")
        up = page.run(TABLE % '"Truths"')
        page.press("Enter")
        down = page.run(TABLE % '"Truths"')
        numbers = [[float(row[place].split()[0].replace("−", "-")) for row in rows[1:]] for rows in (before, up, down)]
        assert numbers[1] == sorted(numbers[0]) != numbers[0]
        assert numbers[2] == numbers[1][::-1]
        assert page.run(f"{box}.querySelector('[aria-sort]').getAttribute('aria-sort')") == "descending"
        name = before[1][before[0].index("analysis")]
        page.run(f"{box}.previousElementSibling.querySelector('input').focus()")
        page.type(f"{name} PFS")
        left = page.run(TABLE % '"Truths"')
        assert 1 < len(left) < len(before)
        assert all("PFS" in row and any(name in text for text in row) for row in left[1:])


@pytest.mark.parametrize("width", WIDTHS)
def test_a_setting_and_an_analysis_are_picked_by_keys(
    browser: Browser, pages: dict[str, Path], width: int
) -> None:  # fmt: skip
    shown = (
        "Array.from(document.querySelectorAll('section.setting')).map(function (one) { return one.checkVisibility(); })"
    )
    picked = "Array.from(document.querySelectorAll('tr.picked')).map(function (one) { return one.textContent; })"
    with browser.opened(pages["study"], width) as page:
        assert page.run(shown) == [True, True, True]
        page.run("document.querySelector('.slider input').focus()")
        page.press("ArrowRight")
        page.press("ArrowRight")
        assert page.run(shown) == [False, True, False]
        assert page.run("document.querySelector('.slider output').textContent") == "90 patients"
        assert page.run(picked) == []
        page.run("document.querySelector('.tools select').focus()")
        page.press("ArrowDown")
        name = page.run("document.querySelector('.tools select').selectedOptions[0].textContent")
        rows = page.run(picked)
        assert len(rows) >= 4
        assert all(name in row for row in rows)
        assert violations(page) == []


def test_a_value_of_a_curve_is_told_where_one_points(browser: Browser, pages: dict[str, Path]) -> None:
    point = "document.querySelector('.spot').dispatchEvent(new PointerEvent('pointerenter'))"
    with browser.opened(pages["study"], WIDTHS[0]) as page:
        assert page.run("document.querySelector('.bubble').hidden") is True
        page.run(point)
        told = page.run("document.querySelector('.bubble').textContent")
    assert re.fullmatch(r"no adjustment, number of patients 60: off by [+-]\d\.\d{3} \(\d\.\d{3}\)", told)


def test_without_a_script_all_is_there(browser: Browser, pages: dict[str, Path]) -> None:
    with browser.opened(pages["study"], 1280, scripts=False) as page:
        text = browser.ask("Page.captureSnapshot", page.session)["data"]
    for cell in range(3):
        assert f"{(60, 90, 120)[cell]} patients" in text
    assert "<button" not in text


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("tipping", "hcc-lung-metastasis", *SMALL, "--reps", "20", "--nodes", "3"),
        ("multiverse", "imbrave150", *SMALL, "--reps", "20", "--axis", "matching.caliper=[0.2, 0.05]"),
        ("power", "imbrave150", "--jobs", "1", "--estimator", "crude", "--reps", "40", "--most", "400"),
        ("compatible", "hcc-lung-metastasis", "--jobs", "1", "--estimator", "crude", "--reps", "40", "--points", "20"),
    ],
    ids=lambda words: words[0],
)
def test_the_pages_of_the_longer_questions_are_whole(browser: Browser, tmp_path: Path, words: tuple[str, ...]) -> None:
    printed([*words, "--out", str(tmp_path / "run"), "--report", str(tmp_path / "page.html")])
    for width in WIDTHS:
        _is_whole(browser, tmp_path / "page.html", width, ANSWER)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, path in shipped().items() if "studies" in path.parts])
def test_the_reports_of_all_shipped_studies_open(browser: Browser, tmp_path: Path, name: str) -> None:
    few = ["-S", "run.until=null"] if load_study(name).scenario.run.until else []
    printed(["run", name, *SMALL, *few, "--reps", "20", "--out", str(tmp_path / name)])
    for width in WIDTHS:
        with browser.opened(tmp_path / name / "report.html", width) as page:
            found = page.run(PROBE)
            assert page.complaints() == []
            assert found["wide"] <= 0, found["widest"]
            assert (found["unnamed"], found["flat"], found["stuck"]) == (0, 0, 0)
            assert violations(page) == []
