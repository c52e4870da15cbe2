"""Whether what a folder says of its rows follows from them: truths, looks, performance, documents and the report."""

import html
import itertools
import json
import re
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.asked.blocks import Cell, block_size
from benchmarks.asked.errors import RunError
from benchmarks.asked.scenario import Scenario
from benchmarks.cli.findings import Findings
from benchmarks.performance.looks import Look, schedule
from benchmarks.runs.code import pages_digest
from benchmarks.runs.parts import Parts
from benchmarks.runs.records import FAILURES, PERFORMANCE, as_csv, as_parquet
from benchmarks.runs.rows import Rows, merged
from benchmarks.runs.store import RunFolder, as_json, plain_json
from benchmarks.study.running import (  # fmt: skip
    LOOKS,
    MADE_OF,
    RESULTS,
    TRUTHS,
    StudyResult,
    judge,
    layout_of,
    look_at,
    made_of,
    with_replicates,
)
from benchmarks.study.tidy import untidy
from benchmarks.truth.asked_truths import asked_file, read_asked
from benchmarks.truth.counted import Truth
from benchmarks.truth.of_cells import Truths, aims, cell_truths, read_truths, truth_file, truths_of
from simulator.cohort.estimand import Estimand
from simulator.documents.loading import Document

MADE_ON = re.compile(r"on \d{4}-\d\d-\d\d \d\d:\d\d UTC, with ")
SHOWN = 50
AskedTruths = dict[Estimand, tuple[float, Truth]]


def check_truths(result: StudyResult, folder: RunFolder, again: Sequence[Cell], jobs: int, found: Findings) -> None:
    """Findings where truths are not those that were kept when they were found, or are others when found again."""
    for cell in result.cells:
        errors = aims(cell, result.rows)
        name = truth_file(cell, errors)
        here = _of_cell(result, cell.number)
        content = folder.read_checked(name)
        try:
            kept = None if content is None else read_truths(plain_json(content), cell.number)
        except ValueError:
            kept = None
        if kept is None:
            found.add("truth", name, "is absent or damaged: the truths are not those of these rows", cell.number)
        elif kept.records() != here.records():
            _tell_truths(TRUTHS, kept, here, f"in {name}", cell, found)
        if cell in again:
            _tell_truths(TRUTHS, cell_truths(cell, jobs, lambda _: None, errors), here, "found again", cell, found)
    if folder.read_bytes(TRUTHS) != as_json(_all(result).records()):
        found.add("truth", TRUTHS, "is not written as a run writes it")
    _tell_again(len(again), len(result.cells), found)


def _tell_again(again: int, cells: int, found: Findings) -> None:
    found.checked.append(
        f"truths of all settings against those kept when they were found; of {again} of {cells}, found again"
    )
    if again < cells:
        found.unchecked.append(f"truths of the other {cells - again} settings; --all finds every one again")


def _all(result: StudyResult) -> Truths:
    return Truths(result.truths, result.targets, result.directions)


def _of_cell(result: StudyResult, number: int) -> Truths:
    every = _all(result)
    return Truths(
        {key: one for key, one in every.own.items() if key[0] == number},
        {key: one for key, one in every.target.items() if key[0] == number},
        {key: one for key, one in every.direction.items() if key[0] == number},
    )


def _tell_truths(file: str, right: Truths, here: Truths, where: str, cell: Cell, found: Findings) -> None:
    for one, other in zip(here.records(), right.records(), strict=True):
        for name in one:
            if one[name] != other[name]:
                of = f"{name} of {one['judged_by']} {one['endpoint']} {one['estimator']}".rstrip()
                found.add("truth", file, f"{of} is {one[name]}, {where} {other[name]}", cell.number)


def check_asked(cells: Sequence[Cell], folder: RunFolder, again: Sequence[Cell], jobs: int, found: Findings) -> None:
    """Findings where the truths that a question asked are not of its cells, or are others when found again."""
    count = others = 0
    place = folder.path / "truths"
    for path in sorted(place.glob("*.json")) if place.is_dir() else ():
        name = f"truths/{path.name}"
        content = folder.read_checked(name)
        try:
            held: AskedTruths = read_asked(plain_json(content or b""))
        except ValueError:
            found.add("truth", name, "damaged, or not one of ours")
            continue
        wanted = {one: aim for one, (aim, _) in held.items()}
        cell = next((cell for cell in cells if asked_file(cell, wanted) == name), None)
        if cell is None:
            others += 1
        elif cell in again:
            count += 1
            right = truths_of(cell, wanted, jobs, lambda _: None)
            for one, (_, truth) in held.items():
                if repr(truth) != repr(right[one]):
                    told = f"{one.measure} of {one.endpoint} is {truth.value}, found again {right[one].value}"
                    found.add("truth", name, told, cell.number)
    if count:
        found.checked.append(f"{count} files of truths found again")
    if others:
        found.unchecked.append(f"{others} files of truths that are not of this design")


def check_looks(asked: Sequence[Cell], result: StudyResult, folder: RunFolder, found: Findings) -> None:
    """Findings where a look at the errors is not what the first replicates and the truths kept for them give.

    Or where looks are not all those, and no others, after which a study stops there.
    """
    if any(cell.scenario.run.until is not None for cell in asked):
        rounds: dict[tuple[int, int], int] = {}
        for cell in asked:
            own = [one for one in result.looks if one.cell == cell.number]
            if not as_scheduled(cell, own):
                counts = ", ".join(f"{one.replicates:,}" for one in own) or "nothing"
                found.add("look", LOOKS, f"looks at {counts}, not as run.until has it", cell.number)
            rounds |= {(one.cell, one.replicates): k for k, one in enumerate(own)}
        ordered = sorted(result.looks, key=lambda one: (rounds[one.cell, one.replicates], one.cell))
        if folder.read_bytes(LOOKS) != as_json([asdict(one) for one in ordered]):
            found.add("look", LOOKS, "is not written as a run writes it")
    for one in result.looks:
        cell = with_replicates(next(own for own in result.cells if own.number == one.cell), one.replicates)
        with tempfile.TemporaryDirectory() as place:
            RunFolder(Path(place)).write_tables(RESULTS, merged(Parts(folder).rows(cell)))
            rows = Rows(Path(place) / RESULTS, layout_of((cell,)))
            name = truth_file(cell, aims(cell, rows))
            content = folder.read_checked(name)
            if content is None:
                found.add(
                    "look", name, f"is absent: the look at {one.replicates:,} simulated studies had it", cell.number
                )
                continue
            right = look_at(cell, judge(rows, read_truths(plain_json(content), cell.number)))
        if asdict(right) != asdict(one):
            found.add("look", LOOKS, f"at {one.replicates:,} simulated studies is not what the rows give", cell.number)
    if result.looks:
        found.checked.append(f"{len(result.looks)} looks at the simulation errors, each from its own simulated studies")


def as_scheduled(cell: Cell, looks: Sequence[Look]) -> bool:
    """Whether these are the looks at a cell after which a study stops: none left out, none too many."""
    until = cell.scenario.run.until
    if until is None or not looks:
        return until is None and not looks
    due = list(itertools.islice(schedule(cell.scenario, until, block_size(cell.scenario)), len(looks)))
    done = [one.enough for one in looks]
    return [one.replicates for one in looks] == due and not any(done[:-1]) and (done[-1] or due[-1] == until.most)


def check_performance(result: StudyResult, folder: RunFolder, found: Findings) -> None:
    """Findings where the files of performance and failures are not what rows and truths give."""
    check_made_of(result.cells, folder, found)
    check_columns(result, found)
    table, failures = result.performance, result.rows.failures()
    content, lines = folder.read_bytes("performance.csv"), as_csv(table, PERFORMANCE).encode()
    if content is not None and content != lines:
        _tell_lines("performance.csv", content, lines, found)
    rights = {"performance.parquet": as_parquet(table, PERFORMANCE), "failures.parquet": as_parquet(failures, FAILURES)}
    for name, right in rights.items():
        held = folder.read_bytes(name)
        if held is not None and held != right:
            found.add("performance", name, "is not what the rows and the truths give")
    found.checked.append("performance and failures, worked out again from rows and truths")


def check_columns(result: StudyResult, found: Findings) -> None:
    """Findings where settings, words and truths beside the rows are not those of the study."""
    truths = Truths(result.truths, result.targets, result.directions)
    try:
        for cell, name in untidy(result.rows, result.cells, truths):
            found.add("rows", RESULTS, f"{name} is not what settings, statuses and truths say", cell)
    except RunError as error:
        found.add("rows", RESULTS, str(error))


def check_made_of(cells: Sequence[Cell], folder: RunFolder, found: Findings) -> None:
    """A finding where the note of what the rows were made from is not that of the study."""
    if folder.read_bytes(MADE_OF) != made_of(cells):
        found.add("rows", MADE_OF, "is not what the study's rows are made from")


def _tell_lines(name: str, held: bytes, right: bytes, found: Findings) -> None:
    ones, others = held.decode("utf-8", "replace").splitlines(), right.decode().splitlines()
    if len(ones) != len(others):
        found.add("performance", name, f"has {len(ones):,} lines, {len(others):,} are right")
    for one, other in zip(ones, others, strict=False):
        if one != other:
            found.add("performance", name, f"'{_cut(one)}' where '{_cut(other)}' is right")


def check_documents(
    result: StudyResult, document: Document, scenario: Scenario, manifest: dict[str, Any], folder: RunFolder,
    sealed: str, found: Findings,
) -> None:  # fmt: skip
    """Findings where result.json or the report is not what rows, truths and manifest give."""
    from benchmarks.report import study_report
    from benchmarks.words.study_document import study_json

    content, page = folder.read_bytes("result.json"), folder.read_bytes("report.html")
    try:
        held = plain_json(content or b"")
    except ValueError:
        held = None
    right = json.loads(as_json(study_json(result, scenario, manifest, folder.path, sealed)))
    if content is not None and not isinstance(held, dict):
        found.add("document", "result.json", "damaged, or not one of ours")
    elif content is not None:
        if _of(held, "provenance", "pages") != pages_digest():
            told = "made by another version of what words reports: what differs in words may come of that"
            found.add("version", "result.json", f"{told}; `trialtwin report` makes both again")
        right["provenance"] |= {key: _of(held, "provenance", key) for key in ("folder", "pages")}
        differing = _leaves(held, right, "")
        for path, one, other in differing:
            found.add("document", "result.json", f"{path} is {_cut(one)}, {_cut(other)} is right")
        if not differing and content != as_json(right):
            found.add("document", "result.json", "is not written as a run writes it")
    if page is not None:
        made = study_report(result, document, scenario, manifest, sealed)
        _tell_page(page.decode("utf-8", "replace"), made, found)
    found.checked.append("result.json and report.html, made again and compared to the letter")


def _of(held: dict[str, Any], *keys: str) -> Any:
    value: Any = held
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _leaves(one: Any, other: Any, path: str) -> "list[tuple[str, Any, Any]]":
    """The places at which two JSON documents differ, with both values."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = dict.fromkeys([*one, *other])
        return [leaf for key in keys for leaf in _leaves(one.get(key), other.get(key), f"{path}.{key}".lstrip("."))]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [leaf for k, (a, b) in pairs for leaf in _leaves(a, b, f"{path}[{k}]")]
    return [] if type(one) is type(other) and one == other else [(path, one, other)]


def _tell_page(held: str, made: str, found: Findings) -> None:
    """A finding where two pages differ in more than the time at which they were made."""
    one, other = (MADE_ON.sub("on some day, with ", text, count=1) for text in (held, made))
    if one == other:
        return
    same = next((k for k, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    begin = max(0, same - SHOWN)
    shown = [_cut(html.unescape(" ".join(text[begin : same + SHOWN].split()))) for text in (one, other)]
    found.add("report", "report.html", f"'…{shown[0]}…' where '…{shown[1]}…' is made from the folder")


def _cut(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 2 * SHOWN else f"{text[: 2 * SHOWN]}..."
