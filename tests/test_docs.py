"""The documentation: a short front door, commands that are right, links that lead somewhere, pages that are current."""

import json
import os
import re
import shlex
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import click
import pytest

from analysis.cohort_files.cohort_spec import CohortSpec, FilePlan
from benchmarks.cli.commands import cli
from benchmarks.cli.options import every
from simulator.documents import loading
from tests.commands import printed

HOME = Path(__file__).parent.parent
README = HOME / "README.md"
TOP = tuple(HOME / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"))
PAGES = {path: path.read_text("utf-8") for path in (*TOP, *sorted((HOME / "docs").rglob("*.md")))}
TOOLS = HOME / ".mkdocs"
COMING = {"review", "doctor"} - cli.commands.keys()
"""Commands that the pages name already."""


def tool(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """One of the scripts that make pages."""
    monkeypatch.syspath_prepend(str(TOOLS))
    return import_module(name)


def commands_of(page: str) -> list[str]:
    """The lines of code that call us: blocks of the shell or of text, and indented ones, joined where they go on."""
    fenced = re.findall(r"^```(?:bash|text)\n(.*?)^```$", page, re.M | re.S)
    indented = re.findall(r"^ {4}.*$", re.sub(r"^```.*?^```$", "", page, flags=re.M | re.S), re.M)
    lines = "\n".join([*fenced, *indented]).replace("\\\n", " ").splitlines()
    calls = [part.strip() for line in lines for part in re.split(r"&&|;", re.sub(r"(^|\s)#.*", "", line))]
    return [one for one in calls if re.match(r"(\S*/)?trialtwin ", one)]


def parse(call: str) -> None:
    """Raises click's own error where the command line does not take the words."""
    words = shlex.split(re.sub(r"\$\w+", "1", call))[1:]
    group: click.Command = cli
    context = click.Context(cli, info_name="trialtwin")
    while isinstance(group, click.Group) and words and not words[0].startswith("-"):
        name, found, words = group.resolve_command(context, words)
        assert found is not None
        if isinstance(found, click.Group):
            context = click.Context(found, info_name=name, parent=context)
        else:
            found.make_context(name, list(words), parent=context)
        group = found
    assert not isinstance(group, click.Group) or words[0] in ("--help", "--version", "-h"), call


# The front door -------------------------------------------------------------------------------------------------------


def quick_starts() -> dict[str, str]:
    """The marked parts of the README by name."""
    return dict(
        re.findall(r"<!-- quick start: (\w+) -->\n(.*?)<!-- end of quick start -->", README.read_text("utf-8"), re.S)
    )


def test_the_readme_is_short() -> None:
    assert len(README.read_bytes()) <= 8192
    assert PAGES[README].count("![") == 1
    assert list(quick_starts()) == ["reviewer", "statistician", "file"]
    assert all("tutorials/" in part and commands_of(part) for part in quick_starts().values())


@pytest.mark.parametrize("name", [pytest.param("reviewer", marks=pytest.mark.slow), "statistician", "file"])
def test_a_quick_start_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = quick_starts()[name]
    monkeypatch.chdir(tmp_path)
    for told, block in re.findall(r"^```yaml\n(name: (?:.*?))\n(.*?)^```$", part, re.M | re.S):
        Path(f"{told.removeprefix('name: ')}.yaml").write_text(f"{told}\n{block}", "utf-8")
    calls = [call for call in commands_of(part) if call.split()[1] not in COMING]
    if not calls:
        pytest.skip("its command is not there yet")
    for call in calls:
        assert printed(shlex.split(call)[1:]), call
    for page in re.findall(r"`(runs/[\w/.-]+\.html)`", part):
        assert Path(page).stat().st_size > 10_000, page


def test_what_every_project_has_is_there() -> None:
    assert (HOME / "LICENSE").read_text("utf-8").startswith("MIT License")
    citation = (HOME / "CITATION.cff").read_text("utf-8")
    version = re.search(r'^version = "(.+)"$', (HOME / "pyproject.toml").read_text("utf-8"), re.M)
    assert version is not None
    assert f"\nversion: {version[1]}\n" in citation
    assert "cff-version: 1.2.0" in citation
    assert f"version {version[1]}:" in PAGES[README]


UNEXPLAINED = r"\b(replicates?|Monte Carlo|MCSE|estimators?|specifications?|synthetic likelihood|posterior)\b"
"""Words that pages for readers do not use without saying what they are; reference pages have them."""


def sentences(page: str) -> list[str]:
    """The sentences of a page's prose: no code, no tables, no targets of links."""
    prose = re.sub(r"^```(?s:.*?)^```$|^ {4}.*$|^\|.*$|<!--(?s:.*?)-->", "", page, flags=re.M)
    prose = re.sub(r"\]\([^)]*\)", "]", re.sub(r"`[^`]*`", "X", prose))
    parts = re.split(r"\n\s*\n|\n(?=[*#>]|\d\.)", prose)
    return [one for part in parts for one in re.split(r"(?<=[.!?:])\s+", " ".join(part.split())) if one]


def hard(page: str) -> list[str]:
    """The sentences of more than thirty words, and those with a word that readers do not know."""
    found = [one for one in sentences(page) if len(one.split()) > 30]
    return found + [one for one in sentences(page) if re.search(UNEXPLAINED, one) and "*estimator*" not in one]


def test_pages_for_readers_are_plain() -> None:
    folders = {"tutorials", "howto", "explanation"}
    plain = folders | {"cohorts.md", "tables.md"}
    pages = {path: page for path, page in PAGES.items() if path == README or plain & {path.parent.name, path.name}}
    assert len(pages) > 12
    assert sum(len(sentences(page)) for page in pages.values()) > 250
    assert [(path.name, one) for path, page in pages.items() for one in hard(page)] == []


def test_a_hard_sentence_is_noticed() -> None:
    assert hard("It is short.\n\n* " + "word " * 31 + "\n* Each of 200 replicates.\n\n    " + "code " * 40) == [
        "* " + "word " * 30 + "word",
        "* Each of 200 replicates.",
    ]


def test_the_complete_spec_states_the_defaults(tmp_path: Path) -> None:
    found = re.search(r"^```yaml\n(title: .*?)^```$", PAGES[HOME / "docs" / "cohorts.md"], re.M | re.S)
    assert found is not None
    place = tmp_path / "spec.yaml"
    place.write_text(found[1], "utf-8")
    spec = loading.parse(loading.load(str(place), (), spec=CohortSpec), CohortSpec)
    assert spec.analysis == FilePlan()
    assert spec.analysis.matching.caliper == 0.2


# Commands and links ---------------------------------------------------------------------------------------------------


def test_every_command_on_every_page_is_right() -> None:
    calls = [
        (path.name, call) for path, page in PAGES.items() if path.name != "CHANGELOG.md" for call in commands_of(page)
    ]
    assert len(calls) > 60
    wrong = []
    for place, call in calls:
        if call.split()[1] in COMING:
            continue
        try:
            parse(call)
        except click.ClickException as error:
            wrong.append((place, call, error.format_message()))
    assert wrong == []


@pytest.mark.parametrize(
    "call", ["trialtwin rum paper", "trialtwin run paper --rep 3", "trialtwin run paper --reps x", "trialtwin paper"]
)
def test_a_wrong_command_is_noticed(call: str) -> None:
    with pytest.raises((click.ClickException, AssertionError, IndexError)):
        parse(call)


def test_no_page_names_a_command_that_is_not_there() -> None:
    for path, page in PAGES.items():
        if path.name != "CHANGELOG.md":
            assert set(re.findall(r"`trialtwin ([a-z][\w-]+)", page)) - COMING <= cli.commands.keys(), path.name


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings."""
    heads = re.findall(r"^#+ (.+)$", page, re.M)
    return {re.sub(r"[^\w -]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def dead(pages: dict[Path, str]) -> list[tuple[str, str]]:
    """The links to places of our own that lead nowhere, with their page."""
    found = []
    for path, page in pages.items():
        prose = re.sub(r"^```.*?^```$", "", page, flags=re.M | re.S)
        for link, part in re.findall(r"\]\((?!https?:|mailto:)([^)#]*)(#[^)]*)?\)", prose):
            target = (path.parent / link).resolve() if link else path
            missing = not target.exists()
            if missing or (part and target in pages and part[1:] not in anchors(pages[target])):
                found.append((path.name, link + part))
    return found


def test_links_lead_somewhere() -> None:
    assert sum(page.count("](") for page in PAGES.values()) > 200
    assert dead(PAGES) == []


def test_a_dead_link_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A head\n", "utf-8")
    text = "# A head\n[x](gone.md) [y](#a-head) [z](page.md#no-head) [w](https://example.org)"
    assert dead({page: text}) == [("page.md", "gone.md"), ("page.md", "page.md#no-head")]


def test_the_notebooks_links_lead_somewhere() -> None:
    for path in (HOME / "docs" / "notebooks").glob("*.ipynb"):
        cells = [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == "markdown"]
        for cell in cells:
            links = re.findall(r"\]\((?!https?:)([^)#]+)", "".join(cell["source"]))
            assert [link for link in links if not (path.parent / link).exists()] == []


# Pages that are made --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["commands.md", "analyses.md", "gallery.md"])
def test_pages_made_from_the_code_are_current(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made: str = tool("reference", monkeypatch).PAGES[name]()
    assert (HOME / "docs" / name).read_text("utf-8") == made, "run make schema"


def test_the_page_of_commands_has_every_command_and_option() -> None:
    page = PAGES[HOME / "docs" / "commands.md"]
    for name, one in every(cli.commands).items():
        part = page.split(f"\n## trialtwin {name}\n")[1].split("\n## ")[0]
        for option in (word for it in one.params if isinstance(it, click.Option) for word in it.opts):
            assert option in part, (name, option)


def test_every_page_stands_in_the_list_of_the_site() -> None:
    listed = re.findall(r": ([\w/-]+\.md)$", (TOOLS / "mkdocs.yml").read_text("utf-8"), re.M)
    assert len(set(listed)) == len(listed)
    ours = {path.relative_to(HOME / "docs").as_posix() for path in PAGES if path not in TOP}
    assert set(listed) == ours | {"index.md", "contributing.md", "changelog.md", "report-a-weakness.md"}


def test_the_site_is_built_whole_and_needs_no_network(tmp_path: Path) -> None:
    if find_spec("mkdocs") is None or find_spec("material") is None:
        pytest.skip("no mkdocs-material here")
    words = ["build", "--config-file", str(TOOLS / "mkdocs.yml"), "--site-dir", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )
    assert done.returncode == 0, done.stderr
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        loaded = re.findall(r"<(?:script|link|img)[^>]*(?:src|href)=\"(https?:[^\"]+)", page.read_text("utf-8"))
        assert loaded == [], page.name
    assert (tmp_path / "pictures" / "tipping.png").exists()
    assert (tmp_path / "notebooks" / "statistician.ipynb").exists()


def test_what_was_measured_is_written_into_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    figures = tool("figures", monkeypatch)
    page = (
        "| a | 1 | 2026-01-01 | `t.py::a` |\n| b | 2 | 2026-01-01 | `t.py::b` |\n| c | 3 | 2026-01-01 | `t.py::c` |\n"
    )
    measured = "2026-02-01\ta\t0\n2026-02-02\ta\t1.5\n2026-02-02\tb\t7 (failed)\nnothing\n"
    found = figures.validated(page, measured).splitlines()
    assert found[0] == "| a | 1.5 | 2026-02-02 | `t.py::a` |"
    assert found[1:] == page.splitlines()[1:]
    text = (HOME / "docs" / "validation.md").read_text("utf-8")
    assert figures.validated(text, "") == text
    rows = [{"stage": "all stages", "contender": "TrialTwin", "ms": 0.58512, "times ours": 1.0}]
    speed = PAGES[HOME / "docs" / "speed.md"]
    assert "\n| TrialTwin | 0.585 | 1 |\n<!-- end" in figures.raced(speed, {"sections": {"workflow": [{"rows": rows}]}})


# Notebooks ------------------------------------------------------------------------------------------------------------


def notebooks() -> dict[str, dict[str, object]]:
    """The committed notebooks by their tutorial's name."""
    found = {path.stem: json.loads(path.read_text("utf-8")) for path in (HOME / "docs" / "notebooks").glob("*.ipynb")}
    assert sorted(found) == sorted(path.stem for path in (HOME / "docs" / "tutorials").glob("*.md"))
    return found


def test_notebooks_are_those_of_the_tutorials_and_were_run(monkeypatch: pytest.MonkeyPatch) -> None:
    made = tool("notebooks", monkeypatch)
    for name, notebook in notebooks().items():
        wanted = made.cells((HOME / "docs" / "tutorials" / f"{name}.md").read_text("utf-8"), made.known())
        cells = notebook["cells"]
        assert isinstance(cells, list)
        assert [(one["cell_type"], "".join(one["source"])) for one in cells] == wanted, "run make notebooks"
        code = [one for one in cells if one["cell_type"] == "code"]
        assert all(one["execution_count"] for one in code)
        assert [out for one in code for out in one["outputs"] if out["output_type"] == "error"] == []
        assert made.failed(notebook) == []
        assert len(json.dumps(notebook)) < 300_000


@pytest.mark.slow
def test_notebooks_run_again(tmp_path: Path) -> None:
    if find_spec("nbclient") is None or find_spec("ipykernel") is None:
        pytest.skip("no nbclient and ipykernel here")
    words = [sys.executable, str(TOOLS / "notebooks.py"), str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    for name, notebook in notebooks().items():
        again = json.loads((tmp_path / f"{name}.ipynb").read_text("utf-8"))
        assert told(again) == told(notebook), f"{name}: run make notebooks"


def told(notebook: dict[str, object]) -> list[str]:
    """What the cells printed, without digests and times."""
    cells = notebook["cells"]
    assert isinstance(cells, list)
    outputs = [out for cell in cells for out in cell.get("outputs", []) if out["output_type"] == "stream"]
    lines = [line for out in outputs for line in "".join(out["text"]).splitlines()]
    return [
        re.sub(r"[0-9a-f]{8,}", "...", line) for line in lines if not re.search(r"\d s\b|seconds|ago|20\d\d-", line)
    ]
