"""Reports in a real browser: no console errors, nothing wider than the window, tables that sort and filter.

Needs Debian's chromium, which `.ci/run` installs where it can; skipped where there is none.
"""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from benchmarks import study
from benchmarks.blocks import prepare
from benchmarks.manifest import manifest, open_folder
from benchmarks.report import study_report
from benchmarks.verbs import load_study
from tests.commands import printed

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no chromium here: install Debian's chromium to run these")
PROBE = """
document.title = JSON.stringify((function () {
  var said = {wide: document.documentElement.scrollWidth - window.innerWidth, buttons: 0, sorted: null, shown: null};
  var tables = document.querySelectorAll(".wide table");
  said.buttons = document.querySelectorAll("th button").length;
  function column(table, k) {
    return Array.prototype.slice.call(table.rows, 1).filter(function (row) { return !row.hidden; })
      .map(function (row) { return row.cells[k].textContent; });
  }
  var long = Array.prototype.find.call(tables, function (one) { return one.rows.length > 12; });
  if (long) {
    var last = long.rows[0].cells.length - 1;
    said.before = column(long, 0);
    long.rows[0].cells[0].querySelector("button").click();
    said.up = column(long, 0);
    long.rows[0].cells[0].querySelector("button").click();
    said.down = column(long, 0);
    var input = document.querySelector(".filter input");
    input.value = said.before[0];
    input.dispatchEvent(new Event("input"));
    said.filtered = column(long, 0);
    said.last = last;
  }
  said.hues = Array.prototype.slice.call(document.querySelectorAll("figure svg"))
    .filter(function (one) { return !one.getAttribute("aria-label"); }).length;
  return said;
}()));
"""


def opened(page: Path, width: int = 1280) -> tuple[str, str]:
    """The page's document after its script has run, and what the browser said."""
    assert BROWSER is not None
    done = subprocess.run(
        [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},2000",
         "--enable-logging=stderr", "--virtual-time-budget=2000", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a small study with several cells."""
    folder = tmp_path_factory.mktemp("browser")
    asked = load_study(
        "imbrave150",
        ("population.size=120", "sweep={grid: {population.size: [60, 90, 120]}}", "run.truth_patients=5000"),
        20,
    )
    made = open_folder(folder, asked.document, manifest(asked.document, asked.scenario.run.seed))
    result = study.run_study(prepare(asked.cells), made, study.Work(2), lambda *_: None)
    path = folder / "page.html"
    path.write_text(study_report(result, asked.document, asked.scenario, made.read_json("manifest.json")), "utf-8")
    return path


def probed(page: Path, width: int) -> dict[str, object]:
    """What a probe finds in a copy of the page that lets it run."""
    text = re.sub(r"<meta http-equiv=.*?>", "", page.read_text("utf-8"), count=1)
    copy = page.with_name(f"probed-{width}.html")
    copy.write_text(text.replace("</body>", f"<script>{PROBE}</script></body>"), "utf-8")
    document, said = opened(copy, width)
    assert said == ""
    title = re.search(r"<title>(.*?)</title>", document, re.S)
    assert title is not None
    found: dict[str, object] = json.loads(html.unescape(title[1]))
    return found


def test_a_report_opens_without_complaint_and_its_script_runs(page: Path) -> None:
    document, said = opened(page)
    assert said == ""
    assert document.count("<th") > document.count("<button") > 10
    assert "How to reproduce" in document


def test_another_script_does_not_run(page: Path) -> None:
    hostile = page.with_name("hostile.html")
    added = "<script>document.title = 'taken over'</script></body>"
    hostile.write_text(page.read_text("utf-8").replace("</body>", added), "utf-8")
    document, said = opened(hostile)
    assert "<title>taken over" not in document
    assert "Content Security Policy" in said


@pytest.mark.parametrize("width", [1280, 500])
def test_nothing_is_wider_than_the_window_and_tables_sort_and_filter(page: Path, width: int) -> None:
    found = probed(page, width)
    assert isinstance(found["wide"], int)
    assert found["wide"] <= 0
    before, up, down, filtered = (found[name] for name in ("before", "up", "down", "filtered"))
    assert isinstance(before, list)
    assert isinstance(up, list)
    assert sorted(before) == sorted(up) == sorted(down)  # type: ignore[call-overload]
    assert up == sorted(before, key=str.lower) or up != before
    assert up[0] == down[-1] or up[0].lower() <= up[-1].lower()  # type: ignore[index]
    assert filtered
    assert len(filtered) < len(before)  # type: ignore[arg-type]
    assert found["hues"] == 0


def test_the_page_of_an_answer_opens_too(tmp_path: Path) -> None:
    words = ["decompose", "imbrave150", "--reps", "20", "--estimator", "crude", "-S", "run.truth_patients=5000"]
    printed([*words, "--out", str(tmp_path / "run"), "--report", str(tmp_path / "answer.html")])
    document, said = opened(tmp_path / "answer.html")
    assert said == ""
    assert "Which imperfection makes how much of the bias?" in document
