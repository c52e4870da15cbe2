"""Papers of simulated cohorts, printed as journals print and read again: every number under its key, or a question."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from benchmarks.asked.load_study import load_study
from benchmarks.derived.document import as_yaml, derive
from benchmarks.pasted.read import read_paper
from benchmarks.pasted.reading import Reading
from tests.measured import Measured
from tests.printed_journals import Printer
from tests.printed_shapes import BY_NAME, cohort_of
from tests.printed_styles import FORMS, style_of

FEW, MANY = range(5), range(100, 150)
Numbers = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Back:
    """What came back of a printed paper: how many numbers were expected, which were missed, which are not of it."""

    reading: Reading
    expected: Numbers
    missed: Numbers
    foreign: Numbers


def whole(numbers: Iterable[tuple[str, str]]) -> Numbers:
    """Keys and numbers, a p of .012 as 0.012, without the facts of the design."""
    return frozenset(
        (key, f"0{text}" if text[0] == "." else text) for key, text in numbers if not key.startswith("world.")
    )


def back(name: str, seed: int, folder: Path, form: str = "") -> Back:
    """A paper of a shape, printed with a style and read."""
    printed = Printer(cohort_of(name), style_of(seed, form), seed).print()
    printed.write(folder)
    reading = read_paper(folder)
    expected, read = whole(printed.expected), whole((one.key, one.printed) for one in reading.numbers)
    return Back(reading, expected, expected - read, read - expected)


@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.parametrize("seed", FEW)
def test_a_printed_paper_reads_back(name, seed, tmp_path):
    found = back(name, seed, tmp_path, FORMS[seed])
    assert not found.foreign
    assert not found.missed
    assert not found.reading.questions, [str(one) for one in found.reading.questions]
    assert len(found.expected) > 60


@pytest.mark.parametrize("name", BY_NAME)
def test_of_the_paper_read_back_a_world_is_derived(name, tmp_path):
    found = back(name, 0, tmp_path)
    made = derive(found.reading)
    path = tmp_path / "world.yaml"
    path.write_text(as_yaml(made), "utf-8")
    published = load_study(path).scenario.published
    assert {key for key, _ in found.expected} <= set(published)


def test_levels_that_are_compared_with_the_first_are_one_factor_of_the_derived_plan(tmp_path):
    plan = derive(back("glioma-survival", 0, tmp_path).reading).tree["analysis"]
    assert plan["cox"]["covariates"]["value"] == ["age>70", "kps", "mgmt_promoter", "extent_of_resection"]


def test_a_number_that_is_altered_in_print_is_noticed(tmp_path):
    printed = Printer(cohort_of("gastric-pairs"), style_of(3, "tab"), 3).print()
    key, text = next((key, text) for key, text in printed.expected if key.endswith(".n") and key.startswith("table1"))
    printed.files["table1.tsv"] = printed.files["table1.tsv"].replace(f"\t{text}", f"\t{int(text) + 1}", 1)
    printed.write(tmp_path)
    reading = read_paper(tmp_path)
    read = whole((one.key, one.printed) for one in reading.numbers)
    assert (key, text) not in read or reading.questions


@pytest.mark.slow
@pytest.mark.parametrize("name", BY_NAME)
def test_many_printed_papers_read_back(name, tmp_path, measured: Measured):
    expected = right = foreign = 0
    questions = []
    for seed in MANY:
        found = back(name, seed, tmp_path / str(seed))
        expected += len(found.expected)
        right += len(found.expected) - len(found.missed)
        foreign += len(found.foreign)
        questions.append(len(found.reading.questions))
    measured(
        f"printed papers of {name}",
        f"{right} of {expected} numbers right, {foreign} wrong, {sum(questions)} questions in {len(MANY)} papers",
    )
    assert foreign == 0
    assert right >= 0.98 * expected
    assert max(questions) <= 2


def answered(folder: Path) -> Reading:
    """The reading once the first line that is offered for rows of fewer texts than columns is written, where one is."""
    reading, place = read_paper(folder), folder / "paper.yaml"
    offered = [(one.spot.file, re.fullmatch(r"rows: \{(.*)\}", one.settle)) for one in reading.questions]
    written = place.read_text("utf-8")
    tables = yaml.load(written, yaml.BaseLoader)["tables"]
    for file, line in offered:
        if line is not None:
            tables[file].setdefault("rows", {}).update(part.split(": ") for part in line[1].split(", "))
    place.write_text(re.sub(r"(?m)^tables: .*$", lambda _: f"tables: {json.dumps(tables)}", written), "utf-8")
    return read_paper(folder)


def test_lost_blanks_of_a_pdf_come_back_by_the_lines_that_are_offered(tmp_path):
    """Of texts without the blanks of empty cells nearly all is read so; the first line may be wrong, but hardly is."""
    expected = missed = foreign = 0
    for name in BY_NAME:
        for seed in (3, 11):
            folder = tmp_path / f"{name}-{seed}"
            printed = Printer(cohort_of(name), style_of(seed, "lost"), seed).print()
            printed.write(folder)
            wanted = whole(printed.expected)
            read = whole((one.key, one.printed) for one in answered(folder).numbers)
            expected, missed, foreign = (
                expected + len(wanted),
                missed + len(wanted - read),
                foreign + len(read - wanted),
            )
    assert expected > 3000
    assert missed <= 0.02 * expected
    assert foreign <= 2
