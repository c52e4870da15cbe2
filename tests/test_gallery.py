"""The gallery: finished studies with their questions and links, unfinished ones named, nothing made of nothing."""

from pathlib import Path

import pytest

from tests.commands import printed, refused

pytestmark = pytest.mark.usefixtures("unpaged")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for name in ("one", "two"):
        words = ["run", "imbrave150", "-S", f"name={name}", "-S", "population.size=60", "-S", "run.truth_patients=5000"]
        printed([*words, "--reps", "10", "--out", str(folder / name)])
    (folder / "begun").mkdir()
    (folder / "begun" / "manifest.json").write_text("{}")
    (folder / "notes").mkdir()
    return folder


def test_finished_studies_are_shown_and_linked(runs: Path) -> None:
    said = printed(["gallery", str(runs)])
    assert "2 studies; not finished: begun" in said
    page = (runs / "gallery.html").read_text("utf-8")
    for name in ("one", "two"):
        assert f'<h3><a href="{name}/report.html">What do the usual' in page
        assert (runs / name / "report.html").exists()
    assert page.count("<svg role=") == 2
    assert "<b>begun</b>: holds no complete run" in page


def test_a_page_elsewhere_links_to_the_runs(runs: Path, tmp_path: Path) -> None:
    printed(["gallery", str(runs), "--out", str(tmp_path / "index.html")])
    assert "/one/report.html" in (tmp_path / "index.html").read_text("utf-8")


def test_bad_input_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    assert "holds no finished run" in refused(["gallery", str(tmp_path)])
    assert "cannot be read" in refused(["gallery", str(tmp_path / "nowhere")])
