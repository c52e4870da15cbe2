"""What surrounds the code: pins, make targets, the console script's door, and the README's own examples."""

import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from analysis.cohort_files.cohort_spec import CohortSpec
from benchmarks.asked.load_study import load_study
from benchmarks.cli import verbs
from simulator.documents.loading import load, parse
from tests.commands import printed

HOME = Path(__file__).parent.parent
README = (HOME / "README.md").read_text("utf-8")
PAGES = {path: path.read_text("utf-8") for path in (HOME / "README.md", *sorted((HOME / "docs").rglob("*.md")))}
PROJECT = tomllib.loads((HOME / "pyproject.toml").read_text("utf-8"))
PINS = ("requirements.txt", "requirements-test.txt")
HEAVY = {"numpy", "pandas", "scipy", "numba", "pydantic", "yaml", "pyarrow", "jinja2", "matplotlib", "lifelines"}


def pinned(name: str) -> dict[str, str]:
    """Each requirement of a lock file with the lines that belong to it."""
    text = (HOME / name).read_text("utf-8").replace("\\\n", " ")
    return {re.split(r"[=;\s]", line, maxsplit=1)[0]: line for line in text.splitlines() if line.strip()}


def wanted(*requirements: str) -> set[str]:
    """The names of requirements, as lock files spell them."""
    return {re.split(r"[<>=;\[\s]", line, maxsplit=1)[0].lower().replace("_", "-") for line in requirements}


def door(*words: str) -> subprocess.CompletedProcess[str]:
    """The console script's run."""
    script = (
        "import sys\n"
        "from trialtwin.__main__ import main\n"
        "try:\n    main()\n"
        f"finally:\n    print('HEAVY', *sorted({HEAVY!r} & sys.modules.keys()))\n"
    )
    return subprocess.run(
        [sys.executable, "-c", script, *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(HOME), "PYTHONSAFEPATH": "1"},
    )


@pytest.mark.parametrize(("said", "threads"), [(None, {1}), ("2", {2})])
def test_linear_algebra_takes_one_thread_unless_told(said: str | None, threads: set[int]) -> None:
    script = (
        "from trialtwin.__main__ import main\n"
        "try:\n    main()\nfinally:\n    import numpy, scipy.linalg\n    from threadpoolctl import threadpool_info\n"
        "    print(*{one['num_threads'] for one in threadpool_info() if one['user_api'] == 'blas'})\n"
    )
    env = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    env |= {"PYTHONPATH": str(HOME), **({"OPENBLAS_NUM_THREADS": said} if said else {})}
    done = subprocess.run(
        [sys.executable, "-c", script, "--version"], capture_output=True, text=True, timeout=60, check=True, env=env
    )
    assert {int(one) for one in done.stdout.split()[-1:]} == (threads if (os.cpu_count() or 1) > 1 else {1})


@pytest.mark.parametrize("system", ["sys.platform = 'win32'", "sys.modules['fcntl'] = None"])
@pytest.mark.parametrize("words", [["--help"], ["status", "runs/x"], []])
def test_windows_is_told_on_one_line(system: str, words: list[str]) -> None:
    script = f"import sys; {system}; from trialtwin.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", script, *words], cwd=HOME, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "trialtwin: Windows: not supported (POSIX locks and signals)\n"
    assert "Windows: not supported (POSIX locks and signals)" in (HOME / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", PINS)
def test_pins_hold_hashes_and_no_address(name: str) -> None:
    pins = pinned(name)
    assert len(pins) > 20
    assert all("==" in line and "--hash=sha256:" in line for line in pins.values())
    assert "://" not in (HOME / name).read_text("utf-8")


def test_all_that_is_declared_is_pinned() -> None:
    project, groups = PROJECT["project"], PROJECT["dependency-groups"]
    base = wanted(*project["dependencies"], *groups["build"])
    assert base <= pinned("requirements.txt").keys()
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    assert base | wanted(*extras, *groups["dev"]) <= pinned("requirements-test.txt").keys()


def test_both_lock_files_pin_the_same_versions() -> None:
    both, base = (re.findall(r"^\S+==\S+.*?(?= \\$)", (HOME / name).read_text("utf-8"), re.M) for name in PINS[::-1])
    assert len(base) > 20
    assert set(base) <= set(both)


def test_scenarios_hold_no_python() -> None:
    files = [path for path in (HOME / "scenarios").rglob("*") if path.is_file()]
    assert len(files) >= 4
    pasted = [path for path in files if path.is_relative_to(HOME / "scenarios" / "papers")]
    assert {path.suffix for path in files if path not in pasted} <= {".yaml", ".json"}
    assert {path.suffix for path in pasted} <= {".yaml", ".tsv", ".csv", ".md", ".html", ".txt"}


def test_the_gate_runs_the_commands_of_the_readme() -> None:
    gate = (HOME / ".ci" / "run").read_text("utf-8")
    assert "set -euo pipefail" in gate
    targets = set(re.findall(r"^([a-z]+):", (HOME / "Makefile").read_text("utf-8"), re.M))
    named = set(re.findall(r"(?:^ *|`)make (\w+)", README, re.M))
    assert {"demo", "test"} <= named <= targets
    assert {"make lint", "make plain", "make demo", "make test"} <= set(gate.splitlines())
    assert {"slow", "plain"} <= targets


def test_changes_are_told_under_three_headings() -> None:
    text = (HOME / "CHANGELOG.md").read_text("utf-8")
    headings = re.findall(r"^### (.+)$", text, re.M)
    assert headings
    assert set(headings) == {"Statistical", "Computational", "Interface"}


def _blocks(language: str, run_elsewhere: str = "?") -> list[tuple[str, str]]:
    """The blocks of a language with their titles, but for those of the folder whose pages are run elsewhere."""
    pages = [page for path, page in PAGES.items() if path.parent.name != run_elsewhere]
    found = [re.findall(rf"^```{language}(?: title=\"([^\"\n]*)\")?\n(.*?)^```$", page, re.M | re.S) for page in pages]
    assert sum(map(bool, found)) > 1
    return [block for blocks in found for block in blocks]


@pytest.mark.parametrize(("document", "page"), [("scenario", "keys.md"), ("cohort", "cohort-keys.md")])
def test_the_pages_of_keys_are_those_of_the_code(document: str, page: str) -> None:
    text = (HOME / "docs" / page).read_text("utf-8")
    assert text == verbs.keys_page(document), "run make schema"
    assert text.count("anything") == (2 if document == "scenario" else 0)  # what a sweep may set
    assert re.search(r"^\| `caliper` \| number above 0 or null \| `0.2` \|$", text, re.M)


def test_the_glossary_is_short_and_names_each_thing_once() -> None:
    text = (HOME / "docs" / "glossary.md").read_text("utf-8")
    words = [word for word in re.findall(r"^\| ([^|]+) \|", text, re.M) if word != "word"]
    assert 20 < len(words) <= 30
    assert len(set(words)) == len(words)


def test_the_yaml_of_all_pages_is_valid(tmp_path: Path) -> None:
    (rates,) = (block for _, block in _blocks("python") if "def rate_ratio(" in block)
    (tmp_path / "rates.py").write_text(rates, "utf-8")
    for title, block in _blocks("yaml"):
        place = tmp_path / (title if re.fullmatch(r"[\w.-]+\.yaml", title) else "example.yaml")
        place.write_text(block, "utf-8")
        if "extends:" in block:
            assert "valid" in verbs.check([str(place)], ()).text()
        else:
            parse(load(str(place), spec=CohortSpec), CohortSpec)


def test_the_python_of_all_pages_runs(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verbs.simulate(load_study("paper", replicates=1), tmp_path / "cohort.csv", False, "plain")
    monkeypatch.chdir(tmp_path)
    printed(["run", "imbrave150", "--reps", "5", "--out", "runs/survivors", "-S", "run.truth_patients=5000"])
    capsys.readouterr()
    blocks = [
        block for _, block in _blocks("python", run_elsewhere="tutorials")
    ]  # tests/test_docs.py has their notebooks
    for block in blocks:
        named = re.findall(r"^ *(?:import|from) ([\w.]+)", block, re.M)
        assert set(named) <= {"trialtwin", "math", "pandas"}, named  # a user needs no other name of ours
        exec(compile(block, "a page", "exec"), {})
    assert sum("import trialtwin" in block for block in blocks) > 2
    assert (tmp_path / "figure-2.pdf").stat().st_size > 10_000
    assert all((tmp_path / page).stat().st_size > 20_000 for page in ("report.html", "audit.html"))
    assert capsys.readouterr().out.startswith("How do the usual estimators do")


def test_help_imports_nothing_heavy() -> None:
    done = door("--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "HEAVY"
    assert door("list").stdout.splitlines()[-1] != "HEAVY"  # the check can see an import


PRIVATE = {
    "numba": ("simulator/numerics/numba_private.py", r"numba\.core|\._cache\b|_cache_file"),
    "click": ("benchmarks/cli/click_private.py", r"__click_params__|click\.core|\._param"),
}


@pytest.mark.parametrize("library", PRIVATE)
def test_what_is_private_of_a_library_is_used_in_one_file_and_its_version_is_capped(library: str) -> None:
    place, pattern = PRIVATE[library]
    paths = [path for room in ("simulator", "analysis", "benchmarks") for path in (HOME / room).rglob("*.py")]
    using = {str(path.relative_to(HOME)) for path in paths if re.search(pattern, path.read_text("utf-8"))}
    assert using == {place}
    tried = re.search(r'^TRIED = "(\d+)\.(\d+)"$', (HOME / place).read_text("utf-8"), re.M)
    assert tried is not None
    major, minor = tried.groups()
    (wanted,) = (one for one in PROJECT["project"]["dependencies"] if one.startswith(library))
    assert wanted.endswith(f",<{major}.{int(minor) + 1}")
    assert metadata.version(library).startswith(f"{major}.{minor}.")
