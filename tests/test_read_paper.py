"""A pasted paper as a whole: the first paper's four tables and its lines give all of its published numbers."""

import contextlib
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from benchmarks.pasted.read import read_paper
from benchmarks.pasted.reading import Reading
from benchmarks.twin.reading_shown import verdict_of
from simulator.documents.problems import DocumentError
from tests.pasted_papers import HCC
from tests.readings_of_worlds import TYPED
from tests.small_readings import reading_of


@pytest.fixture(scope="module")
def reading() -> Reading:
    """The first paper as it is read."""
    return read_paper(HCC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the first paper that may be changed."""
    return Path(shutil.copytree(HCC, tmp_path / "paper"))


def test_the_first_paper_has_all_its_numbers(reading: Reading) -> None:
    """Its transcription by hand: 711 keys with print, place and other prints."""
    stated = yaml.safe_load(Path(TYPED).read_text("utf-8"))["published"]
    found = {key: one.model_dump(mode="json", exclude_defaults=True) for key, one in reading.published.items()}
    assert len(found) == 711
    assert found == stated
    assert (reading.questions, reading.unread, reading.withheld) == ((), (), ())


def test_numbers_know_the_cell_or_line_they_were_read_from(reading: Reading) -> None:
    by_key = {one.key: one for one in reading.numbers}
    row = by_key["table1.before[age].control.mean"]
    assert (row.spot.file, row.spot.line, row.spot.column, row.raw) == ("table1.tsv", 3, "B", "49 ± 12")
    line = by_key["endpoints.OS.before.cox.hr"]
    written = (HCC / "paper.yaml").read_text("utf-8").splitlines()
    assert line.spot.file == "paper.yaml"
    assert line.raw == written[line.spot.line - 1].strip()


def test_a_line_that_is_not_understood_withholds_its_numbers_alone(folder: Path, reading: Reading) -> None:
    path = folder / "paper.yaml"
    text = path.read_text("utf-8")
    path.write_text(text.replace("OS before: HLP 26.0", "OS before: HPL 26.0"), "utf-8")
    found = read_paper(folder)
    assert [str(one).partition(": ")[2][:21] for one in found.questions] == ["'HPL' is no arm and n"]
    gone = set(reading.published) - set(found.published)
    assert len(gone) == 10
    assert all(key.startswith("endpoints.OS.before.") for key in gone)
    right = str(found.questions[0]).partition("Write  ")[2]
    number = found.questions[0].spot.line
    lines = path.read_text("utf-8").splitlines()
    lines[number - 1] = f"  {right}"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    assert read_paper(folder).published == reading.published


def test_the_pasted_text_of_the_first_paper_is_claimed(folder: Path) -> None:
    path = folder / "paper.yaml"
    path.write_text(path.read_text("utf-8") + "text: text.txt\n", "utf-8")
    assert read_paper(folder).unclaimed == ()
    text = (folder / "text.txt").read_text("utf-8").replace("26.0 months", "26.7 months", 1)
    (folder / "text.txt").write_text(text, "utf-8")
    (left,) = read_paper(folder).unclaimed
    assert left.text.startswith("26.7 in ")


def test_a_paper_without_a_table_of_baseline_says_what_its_twin_lacks(reading: Reading) -> None:
    assert verdict_of(reading).endswith("No question is open.")
    ratio = reading_of({"endpoints.OS.before.cox.hr": "0.36"})
    assert verdict_of(ratio).endswith("A twin needs a table of baseline, kind: baseline; none is read.")


def test_facts_of_eligibility_have_a_place_of_their_own(folder: Path) -> None:
    path = folder / "paper.yaml"
    text = path.read_text("utf-8").replace(
        "haic_cycles: HLP at least 2, follow_up: at least 12}", "x: y}  # Methods, Who"
    )
    path.write_text(text, "utf-8")
    found = read_paper(folder).published
    assert found["world.population.covariates.age.bounds.0"].where == "Methods, Who"
    assert found["world.entry.accrual.start"].where == "Methods, Participants"


def test_reading_is_light() -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom benchmarks.pasted.read import read_paper\n"
        f"assert len(read_paper(Path({str(HCC)!r})).published) == 711\n"
        "print([name for name in ('numba', 'pandas', 'scipy', 'numpy', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_reading_is_fast() -> None:
    used = []
    for _ in range(3):
        begun = time.process_time()
        read_paper(HCC)
        used.append(time.process_time() - begun)
    assert min(used) < 0.6  # 0.25 s on the machine it was written on


WORDS = (
    "",
    " ",
    "HLP",
    "LP",
    "vs",
    ";",
    ":",
    "(",
    ")",
    "[",
    "]",
    "|",
    "%",
    "0",
    "9",
    "-1",
    "1e9",
    "NA",
    "P",
    "HR",
    "\u2212",
    "†",
    "<b>",
    "'",
)


def mutated(text: str, luck: random.Random) -> str:
    """The text with a few signs, words or lines changed, lost or swapped."""
    lines = text.split("\n")
    for _ in range(luck.randint(1, 4)):
        k = luck.randrange(len(lines))
        how, at = luck.randrange(5), luck.randrange(len(lines[k]) + 1)
        if how == 0:
            lines[k] = lines[k][:at] + luck.choice(WORDS) + lines[k][at + luck.randint(0, 3) :]
        elif how == 1:
            del lines[k]
        elif how == 2:
            other = luck.randrange(len(lines))
            lines[k], lines[other] = lines[other], lines[k]
        elif how == 3:
            lines.insert(k, lines[luck.randrange(len(lines))])
        else:
            words = lines[k].split(" ")
            luck.shuffle(words)
            lines[k] = " ".join(words)
        lines = lines or [""]
    return "\n".join(lines)


def test_mutated_papers_are_read_or_refused_in_words(folder: Path, reading: Reading) -> None:
    """Never a traceback, whatever became of a file."""
    luck = random.Random(20250430)
    names = sorted(path.name for path in folder.iterdir() if path.name != "text.txt")
    accepted = 0
    for _ in range(15):
        name = luck.choice(names)
        original = (HCC / name).read_text("utf-8")
        (folder / name).write_text(mutated(original, luck), "utf-8")
        with contextlib.suppress(DocumentError):
            read_paper(folder)
            accepted += 1
        (folder / name).write_text(original, "utf-8")
    assert accepted > 5
    assert read_paper(folder).published == reading.published
