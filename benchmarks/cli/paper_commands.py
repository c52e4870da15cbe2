"""The commands about a paper that is pasted: a folder begun, read, and made a twin."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmarks.cli.options import answers, cores, jobs

if TYPE_CHECKING:
    from benchmarks.words.answer import Answer

STAGES = ("read", "audit", "derive", "calibrate", "score")


@click.group()
def paper() -> None:
    """A paper pasted into a folder: begin one (`new`), see how every cell is read (`read`).

    FOLDER may be the name of a shipped paper: see `trialtwin list`.
    """


@paper.command("new")
@click.argument("folder", type=click.Path(path_type=Path))
@answers("json", keys={"files": "[file]: the one written"})
def new_paper(folder: Path) -> "Answer":
    """Write a commented paper.yaml into FOLDER, beside which the paper's tables are pasted."""
    from benchmarks.cli import paper_verbs

    return paper_verbs.new(folder)


@paper.command("read")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--keys", is_flag=True, help="Every number: its key, place and rounding.")
@answers(
    "report",
    "tables",
    "json",
    keys={
        "folder": "that was read",
        "name": "of the paper",
        "numbers": "[{key, printed, where, place, cell, stands_for}]: those under no open question",
        "withheld": "[{key, printed, where, place, cell, stands_for}]: those that wait for an answer",
        "tables": "[{file, kind, where, rows, columns: [{letter, head, is}], cells: [{place, row, column, printed, is, "
        "read as}]}]",
        "questions": "[{place, what, settle, readings}]",
        "assumed": "[{place, text}]",
        "unread": "[{place, text}]: cells and lines that were not understood",
        "unclaimed": "[{place, text}]: numbers of the text that no table and no line has",
    },
)
def read_paper_folder(folder: Path, keys: bool) -> "Answer":
    """Show how every cell and line of a pasted paper is read, and what only its reader can settle.

    Exit code 0 where nothing is open, 1 where questions are, 2 where the folder cannot be read.
    """
    from benchmarks.cli import paper_verbs

    return paper_verbs.read(folder, keys)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The folder of what is made; FOLDER/twin unless given.",
)
@click.option("--stop-after", type=click.Choice(STAGES), default="score", show_default=True, help="The last step.")
@click.option("--reps", type=click.IntRange(20, 1_000_000), default=2000, show_default=True, help="Of the scorecard.")
@jobs
@answers(
    "json",
    keys={
        "folder": "of what was made",
        "files": "[file]: those written",
        "numbers": "how many printed numbers were read",
        "findings": "[{keys, severity, check, arithmetic, consistent, where, words, off}]: of the audit",
        "contradictions": "[text]: printed numbers that no such world can have together",
        "assumed": "[{path, value, prior_sd, why, moves: M}]: what nobody prints; moves: by what factor the primary "
        "ratio changes when the value is its prior SD higher, null where not worked out",
        "not_stated": "[choice of the analysis]: what the paper does not say, which `multiverse` varies",
        "fit": "the document of `calibrate`, null where it was not reached",
        "scores": "the document of `fidelity`, null where it was not reached",
        "seconds": "{step: that it took}",
    },
)
def twin(folder: Path, out: Path | None, stop_after: str, reps: int, jobs: int | None) -> "Answer":
    """Make the twin of a pasted paper: read, audited, derived, fitted to its numbers and scored, on one page.

    Exit code 1 where the fitted twin does not print its paper, 2 where a question about the paper is open.
    """
    from benchmarks.cli import paper_verbs

    return paper_verbs.twin(folder, out, stop_after, reps, jobs or cores())


PAPERS = (paper, twin)
