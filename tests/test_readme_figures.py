"""The figures of the pages that take minutes: measured again by `make slow`, and the pages say what was found."""

import json
import os
import re
import subprocess
import sys
from math import exp
from pathlib import Path

import pytest

from benchmarks.asked.load_study import load_study
from benchmarks.speed import contenders, race
from benchmarks.speed.tables import text
from simulator.documents.loading import shipped
from tests.commands import printed
from tests.measured import PAGE, Measured, listed

HOME = Path(__file__).parent.parent
PAGES = (HOME / "README.md", *sorted((HOME / "docs").rglob("*.md")))
TOLD = " ".join(
    word
    for page in PAGES
    for line in page.read_text("utf-8").splitlines()
    if "test_readme_figures.py" not in line  # the list of what was measured
    for word in line.split()
)
PLAIN = "treatment={log_hr: -0.36, cuts: [], modifiers: {}}"
TRANSITIONS = ("progression", "death", "death_after_progression")
WORLD = "hcc-lung-metastasis"

ANSWERS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "null effect": (("run", "null-effect"), (
        "0.091 (0.004)", "88.1 (1.0)", "11.9 (1.0)", "0.011 (0.004)", "95.2 (0.7)", "4.8 (0.7)", "0.022 (0.004)",
        "0.023 (0.004)", "95.0 (0.7)", "5.0 (0.7)", "95.9 (0.6)", "4.1 (0.6)",
    )),
    "tipping": (("tipping", WORLD), ("0.80", "7.65", "0.09", "5.00", "3.50", "3.44", "2.65", "3.10", "1.46")),
    "compatible": (("compatible", WORLD), ("0.28", "0.47", "0.37")),
    "calibration of compatible": (("compatible", WORLD, "--calibrate", "400"), ("88.5", "(1.6)", "0.22")),
    "decompose": (("decompose", WORLD), ("-0.048 (0.008)", "0.038 (0.003)", "-0.015 (0.006)")),
    "power": (
        ("power", WORLD, *(word for name in TRANSITIONS for word in ("-S", f"outcomes.{name}.{PLAIN}"))),
        ("0.66", "371 (8)", "177 (4)", "182", "265", "287 (8)"),
    ),
    "multiverse": (("multiverse", WORLD), ("106", "1.28", "1.2", "(0.4)", "9.5", "(2.1)")),
    "claims": (("claims", WORLD), ("46.5", "(1.6)", "6.3", "(0.8)", "94.3")),
    "fidelity": (("fidelity", WORLD), ("672 of 674", "0.993")),
    "audit": (("audit", WORLD), ("13 severe",)),
}  # fmt: skip
"""Each figure: the command, and what both its output and a page say."""

OUT = {"fidelity", "audit", "claims"}


def _says(text: str, number: str) -> bool:
    """Whether the number stands in the text by itself, not within another one."""
    return re.search(rf"(?<![\d.]){re.escape(number)}(?![\d]|\.\d)", text) is not None


@pytest.mark.slow(minutes=60)
@pytest.mark.parametrize("name", ANSWERS)
def test_the_readme_says_what_is_found(name: str, tmp_path: Path, measured: Measured) -> None:
    words, numbers = ANSWERS[name]
    folder = [] if name in OUT else ["--out", str(tmp_path / "run")]
    said = " ".join(printed([*words, *folder]).split())
    found = [number for number in numbers if _says(said, number)]
    lost = [number for number in numbers if not _says(said, number)]
    measured(name, f"found again: {', '.join(found)}" + (f"; not any more: {', '.join(lost)}" if lost else ""))
    assert lost == [], said


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, path in shipped().items() if "studies" in path.parts])
def test_what_a_study_finds(name: str, tmp_path: Path, measured: Measured) -> None:
    """Of the study's first endpoint: the mean hazard ratio of matching, or of the first estimator, in each cell."""
    found = json.loads(printed(["run", name, "--out", str(tmp_path / "run"), "--json"]))
    endpoint = found["performance"][0]["endpoint"]
    rows = [one for one in found["performance"] if one["endpoint"] == endpoint and one["measure"] == "mean"]
    names = {one["estimator"] for one in rows}
    chosen = "matched" if "matched" in names else rows[0]["estimator"]
    means = [one for one in rows if one["estimator"] == chosen and one["judged_by"] == rows[0]["judged_by"]]
    told = ", ".join(f"{exp(one['value']):.2f} ({one['mcse']:.3f})" for one in means)
    measured(f"study {name}", f"{chosen}, {endpoint}, by cell: {told}")
    assert means
    assert {one["cell"] for one in means} == {one["cell"] for one in found["cells"]}
    assert load_study(name).scenario.run.replicates


@pytest.mark.slow(minutes=60)
def test_the_race(tmp_path: Path, measured: Measured) -> None:
    """CPU time of all contenders in turns on the same cohorts; their answers are ours, else the command says 1."""
    absent = [sentence for name in contenders.LABELS if name != "ours" and (sentence := contenders.missing(name))]
    if absent:
        pytest.skip(" ".join(absent))
    words = [sys.executable, "-m", "benchmarks.speed", "--sections", "workflow", "--out", str(tmp_path)]
    subprocess.run(words, check=True, cwd=HOME, env={**os.environ, **contenders.ONE_CORE}, capture_output=True)
    rows = json.loads((tmp_path / "speed.json").read_text("utf-8"))["sections"]["workflow"][0]["rows"]
    total = [one for one in rows if one["stage"] == race.TOTAL]
    told = [f"{one['contender']} {text(one['ms'])} ms ({one['times ours']:,.0f} x)" for one in total]
    measured("race", ", ".join(told))
    assert len(total) == len(contenders.LABELS)


def test_the_page_lists_what_is_measured_and_nothing_else() -> None:
    """Every name that a slow test notes, and no other; names made of others are compared by their beginnings."""
    rows = listed(PAGE.read_text("utf-8"))
    files = sorted(set((HOME / "tests").glob("test_*.py")) - {HOME / "tests" / "test_measured.py"})
    sources = "\n".join(path.read_text("utf-8") for path in files)
    noted = set(re.findall(r"(?<![\w.])measured\(\s*\"([^\"]+)\"", sources)) | ANSWERS.keys()
    begun = re.findall(r"(?<![\w.])measured\(\s*f\"([^\"{]+)\{", sources)
    assert len(noted) > 15
    assert noted <= rows.keys()
    assert [name for name in rows if name not in noted and not name.startswith(tuple(begun))] == []
    assert [part for part in begun if not any(name.startswith(part) for name in rows)] == []
    for _, day, test in rows.values():
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", day)
        file, _, function = test.strip("`").partition("::")
        assert f"def {function}(" in (HOME / "tests" / file).read_text("utf-8")


def test_every_figure_that_is_measured_stands_on_a_page() -> None:
    lost = {name: [one for one in numbers if not _says(TOLD, one)] for name, (_, numbers) in ANSWERS.items()}
    assert not any(lost.values()), lost


def test_a_number_within_another_is_not_found() -> None:
    assert _says("bias -0.04 (0.01), 7.8.", "-0.04")
    assert _says("bias -0.04 (0.01), 7.8.", "7.8")
    assert _says("| 0.085 (0.004) |", "0.085 (0.004)")
    assert not any(_says("17.8, 7.85, 0.7.8, 7.8.1", number) for number in ("7.8",))
