"""What the verbs about runs do: run, shard, merge, report, status, replay; each returns its `Answer`."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.tables.text_table import TextTable
from benchmarks.asked.asked_by import note
from benchmarks.asked.errors import RunError
from benchmarks.asked.load_study import Asked, load_study
from benchmarks.asked.own_files import ask_trust, own_functions
from benchmarks.cli.verbs import own_study
from benchmarks.runs.store import RunFolder
from benchmarks.words.answer import Answer
from benchmarks.workers.warm_up import ready_kernels
from simulator.documents.loading import resolved_yaml

if TYPE_CHECKING:
    from benchmarks.asked.blocks import Cell
    from benchmarks.study.running import StudyResult, Work

DEMO_REPLICATES = 200


@dataclass(frozen=True)
class Held:
    """A run folder, the study that it holds, its cells made ready, and its manifest."""

    folder: RunFolder
    asked: Asked
    cells: "tuple[Cell, ...]"
    manifest: dict[str, Any]


def held(path: Path, forged: bool = False) -> Held:
    """What a run folder holds; RunError where it is none of ours.

    ``forged``: its scenario need not be the one that its manifest names.
    """
    from benchmarks.asked.blocks import prepare
    from benchmarks.asked.sizes import check_sizes
    from benchmarks.runs.manifest import SCENARIO, identity, read_manifest

    folder = RunFolder(path)
    manifest = read_manifest(folder)
    asked = own_study(folder)
    if not forged and manifest["digest"] != identity(asked.document, asked.scenario.run.seed):
        raise RunError(f"{path}: its {SCENARIO} is not the one that its manifest.json names; run the study again")
    check_sizes(scenario for _, scenario in asked.cells)
    document = replace(asked.document, stated=manifest["sources"], files=tuple(manifest["files"]))
    return Held(folder, replace(asked, document=document), prepare(asked.cells), manifest)


def may_run(asked: Asked) -> None:
    """Return where the code of the study's own functions may run; OwnFunctionError says what is not trusted."""
    ask_trust((cell for _, cell in asked.cells), asked.trust)


def dry_run(asked: Asked, work: "Work", out: Path | None) -> Answer:
    """What a run would compute, and the time, memory and disk that it would take."""
    from benchmarks.asked.blocks import prepare
    from benchmarks.report import study_report
    from benchmarks.runs.manifest import manifest
    from benchmarks.study.forecast import forecast
    from benchmarks.study.seal import seal
    from benchmarks.words.study_document import study_json
    from benchmarks.workers.warm_up import STUDY

    may_run(asked)
    ready_kernels(STUDY)
    made = manifest(asked.document, asked.scenario.run.seed, own_functions(asked.scenario))
    place = out or default_folder(asked, str(made["world"]))

    def ending(result: "StudyResult") -> str:
        sealed = seal(asked.document, made, result)
        described = study_json(result, asked.scenario, made, place, sealed)
        page = study_report(result, asked.document, asked.scenario, made, sealed)
        return page + json.dumps(described, indent=2) + resolved_yaml(asked.document.tree)

    found = forecast(asked.scenario.question, prepare(asked.cells), work, RunFolder(place), ending)
    return Answer(found.as_json(), lines=tuple(found.as_text().splitlines()), files=tuple, found=found)


def demo(jobs: int, out: Path | None) -> Answer:
    """The main job on the paper: the twin analysed once as the paper was, then judged over many replicates."""
    from benchmarks.study.running import Work

    return run(load_study("paper", replicates=DEMO_REPLICATES), Work(jobs), out)


def run(
    asked: Asked, work: "Work", out: Path | None, shard: tuple[int, int] | None = None, force_new: bool = False
) -> Answer:
    """The study run, or one shard of it, its folder and report written."""
    from benchmarks.asked.blocks import prepare
    from benchmarks.runs.manifest import manifest, open_folder
    from benchmarks.study import running
    from benchmarks.study.own_failures import own_failures
    from benchmarks.workers.progress import Progress
    from benchmarks.workers.warm_up import STUDY

    may_run(asked)
    made = manifest(asked.document, asked.scenario.run.seed, own_functions(asked.scenario))
    place = out or default_folder(asked, str(made["world"]))
    folder = open_folder(place, asked.document, made, force_new, keep=shard is not None, changed=note)
    folder.note(f"began: {made['command']}")
    ready_kernels(STUDY)
    cells = prepare(asked.cells)
    if shard is None:
        result = running.run_study(cells, folder, work, Progress())
        answer = _presented(asked, result, folder)
        return replace(answer, notes=(*answer.notes, *own_failures(result)))
    if any(cell.scenario.run.until is not None for cell in cells):
        raise RunError(
            "run.until looks at all simulated studies together: run without --shard, or set run.until to null"
        )
    part = f"{shard[0]}/{shard[1]}"
    with folder.lock(part):
        count, missing = running.compute(cells, folder, work, Progress(), shard)
    return Answer(
        {"shard": part, "computed": count, "missing_before": missing, "folder": folder.path},
        lines=(
            f"shard {part}: {count} blocks computed in {folder.path}; when all shards are done: "
            f"trialtwin merge {folder.path}",
        ),
    )


def default_folder(asked: Asked, identity: str) -> Path:
    """Where a run lies unless told otherwise."""
    return Path("runs") / f"{asked.scenario.name}-{identity[:10]}"


def report(path: Path) -> Answer:
    """The report of a finished run built again from its folder."""
    from benchmarks.study import running

    found = held(path)
    return _presented(found.asked, running.read_study(found.cells, found.folder), found.folder)


def merge(path: Path, others: tuple[Path, ...], jobs: int) -> Answer:
    """The shards of a run made one: rows, truths, performance and report; RunError where blocks are missing."""
    from benchmarks.runs.manifest import check_same, open_folder
    from benchmarks.runs.parts import Parts
    from benchmarks.study import running
    from benchmarks.workers.progress import Progress

    for other in others:
        given = held(other)
        open_folder(path, given.asked.document, given.manifest)
        folder = RunFolder(path)
        with folder.lock():
            if Parts(folder).take(Parts(given.folder)) and folder.whole(running.MADE_OF):
                folder.write_checked(running.MADE_OF, b"[]")  # the rows are put together anew
    found = held(path)
    scenario = found.asked.scenario
    check_same(found.folder, found.manifest, found.asked.document, scenario.run.seed, own_functions(scenario))
    parts = Parts(found.folder)
    lacking = [block for cell in found.cells for block in parts.missing(cell)]
    if lacking:
        one = lacking[0]
        raise RunError(
            f"{path}: {sum(block.last - block.first for block in lacking):,} simulated studies are not there yet, the "
            f"first being {one.first} of setting {one.cell.number}; finish its shards, or `trialtwin run` the rest"
        )
    result = running.run_study(found.cells, found.folder, running.Work(jobs, retry=False), Progress())
    return _presented(found.asked, result, found.folder)


def status(path: Path) -> Answer:
    """How far a run is: replicates of each cell, whether it is finished, who is at work on it, what failed."""
    from benchmarks.runs.parts import Parts
    from benchmarks.runs.retries import lost_in, lost_words
    from benchmarks.study import running
    from benchmarks.words.settings_named import setting_text

    found = held(path)
    parts = Parts(found.folder)
    cells: list[dict[str, Any]] = []
    for cell in found.cells:
        lacking = {r for block in parts.missing(cell) for r in range(block.first, block.last)}
        asked = cell.scenario.run.replicates
        cells.append({"cell": cell.number, "settings": cell.settings, "done": asked - len(lacking), "asked": asked})
    finished = all(one["done"] == one["asked"] for one in cells) and found.folder.whole(running.RESULTS)
    failures = (
        running.read_study(found.cells, found.folder).rows.failures()
        if finished and (path / running.TRUTHS).exists()
        else [one for cell in found.cells for one in lost_in(parts, cell)]
    )
    command, holder = found.manifest.get("command"), found.folder.holder() or None
    done, wanted = (sum(int(one[name]) for one in cells) for name in ("done", "asked"))
    verdict = f"{'finished' if finished else 'not finished'}, {done:,} of {wanted:,} simulated studies"
    rows = tuple(
        (str(cell.number), setting_text(cell.settings, cell.scenario), f"{one['done']:,}", f"{one['asked']:,}")
        for cell, one in zip(found.cells, cells, strict=True)
    )
    lines = [f"{one['count']} x {one['status']}: {one['estimator']} on {one['endpoint']}" for one in failures]
    lines += lost_words(failures)[-1:] and [f"what was lost is tried again by: {command}"]
    return Answer(
        {
            "folder": path,
            "finished": finished,
            "in_use_by": holder,
            "cells": cells,
            "failures": failures,
            "command": command,
        },
        verdict + (f"\nin use by {holder}" if holder else ""),
        (TextTable("", ("setting", "what it sets", "done", "asked"), rows, words=2),),
        lines=(*lines, *(() if finished else (f"to go on: {command}",)), f"run folder {path}"),
    )


def replay(path: Path, cell: int, replicate: int, out: Path | None, trust: bool = False) -> Answer:
    """One replicate again, its cohort and every step of its analysis written; it holds if it is so bit for bit."""
    from benchmarks.cli.replay import replayed
    from benchmarks.study import running
    from benchmarks.workers.warm_up import STUDY

    found = held(path)
    if not 0 <= cell < len(found.cells):
        raise RunError(f"{path}: has no setting {cell}; its settings are 0 to {len(found.cells) - 1}")
    may_run(replace(found.asked, trust=trust))
    ready_kernels(STUDY)
    result = running.read_study(found.cells, found.folder)
    count = result.rows.layout.replicates[cell]
    if not 0 <= replicate < count:
        raise RunError(f"{path}: has no simulated study {replicate} of setting {cell}; there are 0 to {count - 1}")
    place = out or path / "replay" / f"c{cell:05d}-r{replicate:09d}"
    return replayed(result, result.cells[cell], replicate, place)


def _presented(asked: Asked, result: "StudyResult", folder: RunFolder) -> Answer:
    """The answer of a finished run, whose report and documents are written to its folder."""
    from benchmarks.report import study_report
    from benchmarks.runs.manifest import read_manifest
    from benchmarks.runs.retries import lost_words
    from benchmarks.study.seal import seal
    from benchmarks.words.performance_tables import every_measure, main_tables, notes_of
    from benchmarks.words.study_document import study_json
    from benchmarks.words.verdicts import verdict

    made_from = read_manifest(folder)
    sealed = seal(asked.document, made_from, result)
    page = study_report(result, asked.document, asked.scenario, made_from, sealed)
    folder.write_bytes("report.html", page.encode())
    described = study_json(result, asked.scenario, made_from, folder.path, sealed)
    folder.write_json("result.json", described)
    folder.note(f"finished: rows {result.rows_sha256}, sealed {sealed}")
    said = verdict(result)
    return Answer(
        described,
        "\n".join([asked.scenario.question, said, result.people]),
        main_tables(result),
        (*notes_of(result), *lost_words(result.rows.failures())),
        (
            f"rows sha256   {result.rows_sha256}",
            f"sealed digest {sealed}",
            f"report        {folder.path / 'report.html'}",
        ),
        asked.scenario.question,
        page=lambda: page,
        files=lambda: every_measure(result),
        written=folder.path / "report.html",
        found=result,
    )
