"""The commands about a paper that is pasted: a folder begun, read, and made a twin."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmarks.cli.completion import papers
from benchmarks.cli.options import PAGE, answers, cores, jobs, named, overrides

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
@click.argument("folder", type=click.Path(path_type=Path), shell_complete=papers)
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
@click.argument("folder", type=click.Path(path_type=Path), shell_complete=papers)
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
    PAGE,
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


@click.command()
@named
@overrides
@click.option("--endpoint", help="The endpoint; the world's first unless given.")
@click.option("--reps", type=click.IntRange(40, 100_000), default=200, show_default=True, help="Simulated studies.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Seed of all randomness.")
@jobs
@click.option("--out", type=click.Path(path_type=Path), help="The folder of what is made; in runs/ unless given.")
@click.option("--docx", type=click.Path(path_type=Path), help="A .docx file of its tables.")
@click.option("--pdf", type=click.Path(path_type=Path), help="A .pdf file of its page, printed by a browser.")
@answers(
    "json",
    PAGE,
    keys={
        "question": "what is asked",
        "headline": "the verdict in a few words",
        "verdict": "the verdict in two sentences",
        "answers": "[{question, answer, number, caption, pips, sure, why, anchor}]: the first screen",
        "rule": "{word, because, chance: M, unsure, possible, rules}: which rule gave the words",
        "claim": "{sentence, endpoint, ratio, printed_at, competing, hr, low, high, p, arms, numbers, serious, "
        "findings}",
        "bias": "{sentence, replicates, time_of_half, chance, suspicions, pairs}: what is found without any effect",
        "effect": "{sentence, population, true_hr, log_mcse, marks, unit, plausible, low, high, twin, at_low, at_high}",
        "analysis": "{sentence, primary, best, true_hr, replicates, would_have_given, analyses, choices}",
        "rests": "{sentence, sourced, assumed, doubt, assumptions, fit}",
        "methods": "{paragraph, command, seed, digest, versions}",
        "checklist": "[{item, answer, state}]",
    },
)
def review(
    name: str, settings: tuple[str, ...], endpoint: str | None, reps: int, seed: int | None, jobs: int | None,
    out: Path | None, docx: Path | None, pdf: Path | None,
) -> "Answer":  # fmt: skip
    """The referee's report of a paper: what it claims, whether that could be bias, which effect is plausible.

    NAME is a world, a study, or the folder of a pasted paper, whose twin is made first. The page, its data and the
    world are written to the folder; the same command goes on where it was stopped. `trialtwin verify FOLDER` computes
    every number again. Of a paper that prints no hazard ratio with its interval all is found but the verdict and the
    plausible effects; where events compete, the ratio is that of the event itself.
    """
    from benchmarks.cli import review_verbs

    return review_verbs.review(
        review_verbs.Asking(name, settings, endpoint, reps, seed, jobs or cores(), out), docx, pdf
    )


PAPERS = (paper, twin, review)
