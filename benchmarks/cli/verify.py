"""`trialtwin verify`: does a run folder, which may come from anybody, hold what its study gives?

Every layer is worked out again from the one below it and compared bit for bit: the report and the documents from
performance, performance from rows and truths, rows from the parts, and of the parts some replicates or all from the
scenario. What a forger changes in one layer shows against another; what is changed throughout shows in the replicates
that are computed again, or against the sealed digest that whoever made the run was told.
"""

import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.asked.blocks import Cell
from benchmarks.asked.errors import RunError
from benchmarks.asked.own_files import ask_trust
from benchmarks.cli.findings import Findings
from benchmarks.cli.run_verbs import Held, held
from benchmarks.cli.verify_files import check_files, check_manifest, check_written
from benchmarks.cli.verify_made import (
    check_asked,
    check_documents,
    check_looks,
    check_made_of,
    check_performance,
    check_truths,
)
from benchmarks.cli.verify_rows import check_again, check_parts, drawn, lost_replicates
from benchmarks.runs.manifest import STUDY
from benchmarks.runs.rows import Rows
from benchmarks.study.running import RESULTS, Work, layout_of, read_study
from benchmarks.study.seal import LEAST, seal, seal_of_rows
from benchmarks.words.answer import Answer
from benchmarks.workers.progress import Progress
from benchmarks.workers.warm_up import STUDY as KERNELS
from benchmarks.workers.warm_up import ready_kernels

CELLS_AGAIN = 3
"""Truths of so many cells are found again where not all are."""
DIGEST = re.compile(f"[0-9a-f]{{{LEAST},64}}")


@dataclass(frozen=True)
class How:
    """How much is computed again: so many replicates or ``every`` one, and by how many workers.

    ``trust``: users' code of the folder is trusted from now on.
    """

    sample: int
    every: bool
    work: Work
    trust: bool = False


def verify(path: Path, how: How, stated: str | None) -> Answer:
    """What was checked and what differs; it holds if nothing does.

    ``stated`` is the sealed digest, or its beginning, that the run should have. RunError where the folder is no run
    folder at all, or the digest is none.
    """
    stated = None if stated is None else stated.strip().lower()
    if stated is not None and not DIGEST.fullmatch(stated):
        raise RunError(f"--digest: write {LEAST} to 64 of the digits 0-9 and a-f, as `trialtwin run` printed them")
    run, found = held(path, forged=True), Findings()
    scenario = run.asked.scenario
    kind = run.manifest.get("kind", STUDY)
    looking = any(cell.scenario.run.until is not None for cell in run.cells)
    check_files(run.folder, kind, looking, found)
    check_manifest(run.manifest, run.asked.document, scenario, platform.machine(), found)
    check_written(run.folder, run.asked.document, run.manifest, found)
    if how.trust:
        ask_trust((cell for _, cell in run.asked.cells), True)
    ready_kernels(KERNELS)
    again: list[tuple[Cell, int]] = []
    sealed = ""
    try:
        sealed, again = (_study if kind == STUDY else _question)(run, how, found)
    except RunError as error:
        found.add("refused", str(path), str(error))
    if not sealed:
        found.unchecked.append("what needs the rows and truths, which are not whole")
    if stated is not None and not sealed.startswith(stated):
        found.add("digest", str(path), f"the sealed digest is {sealed or 'not to be had'}, and {stated} was stated")
    elif stated is not None:
        found.checked.append(f"the sealed digest begins with {stated}")
    recomputed = [{"cell": cell.number, "replicate": number} for cell, number in again]
    return found.answer(str(path), sealed, recomputed)


def _study(run: Held, how: How, found: Findings) -> tuple[str, list[tuple[Cell, int]]]:
    """The sealed digest of a study, every layer of which is checked, and what was computed again."""
    result = read_study(run.cells, run.folder)
    document, scenario = run.asked.document, run.asked.scenario
    sealed = seal(document, run.manifest, result)
    check_parts(result.cells, result.rows, run.folder, found)
    again = _again(result.cells, result.rows, how, found)
    check_truths(result, run.folder, _truths_again(result.cells, how), how.work.jobs, found)
    check_looks(run.cells, result, run.folder, found)
    check_performance(result, run.folder, found)
    check_documents(result, document, scenario, run.manifest, run.folder, sealed, found)
    return sealed, again


def _question(run: Held, how: How, found: Findings) -> tuple[str, list[tuple[Cell, int]]]:
    """The same of the rows that a question was answered from; its answer is not in the folder."""
    if not run.folder.whole(RESULTS):
        raise RunError(f"{run.folder.path}: holds no complete run ({RESULTS}); give the command again")
    rows = Rows(run.folder.path / RESULTS, layout_of(run.cells))
    check_made_of(run.cells, run.folder, found)
    check_parts(run.cells, rows, run.folder, found)
    again = _again(run.cells, rows, how, found)
    check_asked(run.cells, run.folder, _truths_again(run.cells, how), how.work.jobs, found)
    verb = str(run.manifest["kind"])
    found.unchecked.append(
        f"the answer of `trialtwin {verb}`, which its folder does not hold: ask again, rows are kept"
    )
    return seal_of_rows(run.asked.document, run.manifest, rows.digest()), again


def _again(cells: Sequence[Cell], rows: Rows, how: How, found: Findings) -> list[tuple[Cell, int]]:
    chosen = [] if how.every else drawn(cells, how.sample)
    if how.sample and not how.every:
        known = {(cell.number, number) for cell, number in chosen}
        lost = lost_replicates(cells, rows, how.sample)
        chosen += [(cell, number) for cell, number in lost if (cell.number, number) not in known]
    check_again(rows, chosen, cells, how.every, how.work, Progress(), found)
    return chosen


def _truths_again(cells: Sequence[Cell], how: How) -> Sequence[Cell]:
    """The cells whose truths are found again: all, none where nothing is, else a few that are drawn anew each time."""
    if how.every or not how.sample:
        return cells if how.every else ()
    if len(cells) <= CELLS_AGAIN:
        return cells
    few = [cell for cell, _ in drawn(cells, 4 * CELLS_AGAIN)]
    return list({cell.number: cell for cell in few}.values())[:CELLS_AGAIN]
