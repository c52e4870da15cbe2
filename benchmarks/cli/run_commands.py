"""The commands about runs: start, shard and merge them, look at them, check them, make one replicate again."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmarks.cli.options import PAGE, answers, cores, jobs, named, overrides, trust

if TYPE_CHECKING:
    from benchmarks.words.answer import Answer

FOLDER = click.argument("folder", type=click.Path(path_type=Path))

STUDY = {
    "format": "trialtwin-study/2",
    "name": "the study's name",
    "question": "its question",
    "verdict": "what came out, with its error",
    "cells": "[{cell, settings}]: what the sweep set in each",
    "target": "{population, follow_up, words, members, screened, included}: in whom all are judged side by side; "
    "means over simulated studies of the first cell",
    "truths": "[{cell, endpoint, estimator, value, mcse, how, estimand}] of own estimands; ratios as logarithms",
    "targets": "[{cell, endpoint, estimator, value, mcse, how, estimand}] of the target in the estimator's marginal "
    "measure",
    "directions": "[{cell, endpoint, value, mcse, how, estimand}]: the target's log hazard ratio beside tests",
    "performance": "[{cell, endpoint, estimator, judged_by, measure, value, mcse}]: every measure of Morris et al. "
    "2019 by ``target`` and by ``own`` estimand; ``rejection_in_direction`` of tests; ``distance_of_truths`` (own "
    "minus target) of who answers another question, in place of bias and coverage",
    "rankings": "[{cell, endpoint, estimand, order: [{estimator, rmse, mcse, apart}]}]: within one measure, the least "
    "error against the target first; ``apart``: clearly more than the least",
    "failures": "[{cell, endpoint, estimator, status, count}]: replicates without an estimate",
    "looks": "[...]: what each look of a study with run.until found",
    "paired": "[{cell, endpoint, estimator, against, measures: {name: M}}]: differences on the same replicates",
    "provenance": "{replicates, seed, rows_sha256, sealed, pages, folder, digest, versions, command}: ``sealed`` is "
    "the digest that `trialtwin verify --digest` takes, ``pages`` that of the code that words reports",
}
DRY_RUN = {
    "question": "of the study",
    "cells": "how many",
    "replicates": "of all cells together",
    "blocks": "of replicates, of all cells",
    "blocks_missing": "those that are not in the folder already",
    "rows": "that the run will have",
    "backend": "where it would run",
    "jobs": "workers at a time",
    "seconds": "of wall time, about",
    "memory_bytes": "at most at a time, about",
    "disk_bytes": "that it leaves, about",
}
SHARD = {
    "shard": "which, as K/N",
    "computed": "blocks computed",
    "missing_before": "blocks of the whole run that were missing",
    "folder": "the run folder",
}


def _shard(_: click.Context, __: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """K and N of K/N."""
    if value is None:
        return None
    first, _slash, count = value.partition("/")
    if not (first.isdecimal() and count.isdecimal() and 1 <= int(first) <= int(count) <= 100_000):
        raise click.BadParameter(f"'{value}' is no shard: write 3/20 for the third of twenty")
    return int(first), int(count)


@click.command()
@jobs
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Run folder.")
@answers("json", PAGE, keys=STUDY)
def demo(jobs: int | None, out: Path | None) -> "Answer":
    """The published study twinned, analysed and judged, in a minute: report included."""
    from benchmarks.cli import run_verbs

    return run_verbs.demo(jobs or cores(), out)


@click.command()
@named
@overrides
@click.option("--reps", type=click.IntRange(1, 100_000_000), help="Replicates per cell.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Seed of all randomness.")
@jobs
@click.option("--block", type=click.IntRange(1, 1_000_000), help="Replicates per block; changes no result.")
@click.option(
    "--backend", default="auto", show_default=True, metavar="WHERE",
    help="serial, threads, processes, dask, or dask://host:port, tls://host:port; changes no result.",
)  # fmt: skip
@click.option("--dask-tls", metavar="CA,CERT,KEY", help="Three PEM files: what is shown to a scheduler at tls://.")
@click.option(
    "--shard", callback=_shard, metavar="K/N", help="Every N-th block from the K-th on; `trialtwin merge` joins them."
)
@click.option("--out", type=click.Path(path_type=Path), help="Run folder; runs/<name>-<digest> unless given.")
@click.option("--force-new", is_flag=True, help="Take a new folder where there is one already.")
@click.option("--no-retry", is_flag=True, help="Leave lost and timed-out replicates as they are.")
@trust
@click.option("--dry-run", is_flag=True, help="Tell time, memory and disk that it would take, and stop.")
@answers("tables", "json", PAGE, keys=STUDY, instead=(DRY_RUN, SHARD))
def run(
    name: str, settings: tuple[str, ...], reps: int | None, seed: int | None, jobs: int | None, block: int | None,
    backend: str, dask_tls: str | None, shard: tuple[int, int] | None, out: Path | None, force_new: bool,
    no_retry: bool, trust: bool, dry_run: bool,
) -> "Answer":  # fmt: skip
    """Run a study: cells x replicates x estimators, judged against the truth.

    The same command again continues an interrupted run, and computes nothing where it is complete; larger --reps,
    other cells or more estimators add what is missing. What was lost to a dead worker or a time limit is tried again.
    """
    from benchmarks.asked.load_study import load_study

    asked = replace(load_study(name, settings, reps, seed), trust=trust)  # first: a mistake is told at once
    if shard is not None and click.get_current_context().params["tables"] is not None:
        raise click.UsageError("--tables: a shard has no tables; `trialtwin report` has them once all are merged")
    from benchmarks.asked.sizes import check_sizes
    from benchmarks.cli import run_verbs
    from benchmarks.study.running import Work
    from benchmarks.workers.dask_tls import parsed

    tls = None if dask_tls is None else parsed(dask_tls, backend)
    work = Work(jobs or cores(), block, backend, tls, retry=not no_retry)
    check_sizes((scenario for _, scenario in asked.cells), work.jobs, block)
    return run_verbs.dry_run(asked, work, out) if dry_run else run_verbs.run(asked, work, out, shard, force_new)


@click.command()
@FOLDER
@click.argument("others", nargs=-1, type=click.Path(path_type=Path))
@jobs
@answers("json", PAGE, keys=STUDY)
def merge(folder: Path, others: tuple[Path, ...], jobs: int | None) -> "Answer":
    """Join the shards of a run: rows, truths, performance and report.

    OTHERS are folders of shards that were computed elsewhere; their parts are copied first.
    """
    from benchmarks.cli import run_verbs

    return run_verbs.merge(folder, others, jobs or cores())


@click.command()
@FOLDER
@answers("tables", "json", PAGE, keys=STUDY)
def report(folder: Path) -> "Answer":
    """Build the report of a finished run again, from its folder."""
    from benchmarks.cli import run_verbs

    return run_verbs.report(folder)


@click.command()
@FOLDER
@answers(
    "json",
    keys={
        "folder": "the run folder",
        "finished": "whether everything asked for is there",
        "in_use_by": "who is at work on it, or null",
        "cells": "[{cell, settings, done, asked}]: replicates",
        "failures": "[{cell, endpoint, estimator, status, count}]; of an unfinished run those that were lost",
        "command": "the command that goes on with it",
    },
)
def status(folder: Path) -> "Answer":
    """How far a run is: replicates of every cell, failures, who is at work on it."""
    from benchmarks.cli import run_verbs

    return run_verbs.status(folder)


@click.command()
@FOLDER
@click.option("--sample", type=click.IntRange(0, 100_000), default=20, show_default=True, help="Replicates recomputed.")
@click.option("--all", "every", is_flag=True, help="Recompute every replicate and every truth.")
@click.option("--digest", metavar="HEX", help="The sealed digest that `trialtwin run` told, or 16 digits of it.")
@jobs
@trust
@answers(
    "json",
    keys={
        "folder": "the run folder",
        "holds": "whether all agrees",
        "sealed": "the sealed digest, null where rows or truths are not whole",
        "findings": "[{kind, file, told, cell, replicate}]: what differs",
        "more_findings": "{kind: how many more}: of a kind of which there are many",
        "checked": "[text]: what was checked",
        "not_checked": "[text]: what was not",
        "damaged": "[file]: those that disagree with their checksums",
        "recomputed": "[{cell, replicate}]: those computed again",
        "different": "[{cell, replicate}]: those of them that differ",
    },
)
def verify(folder: Path, sample: int, every: bool, digest: str | None, jobs: int | None, trust: bool) -> "Answer":
    """Check a run that may come from anybody: every layer against the one below it. Exit code 1 where one differs.

    Files and checksums, rows against their parts, truths, performance, documents and report made again, and some
    replicates computed again, drawn anew each time. What was forged throughout shows with --all, or with --digest. Of
    the folder of a review every number is computed again.
    """
    from benchmarks.cli import review_verbs
    from benchmarks.cli import verify as verifying
    from benchmarks.study.running import Work

    if review_verbs.is_review(folder):
        return review_verbs.verify_review(folder, jobs or cores())
    return verifying.verify(folder, verifying.How(sample, every, Work(jobs or cores()), trust), digest)


@click.command()
@FOLDER
@click.option("--cell", type=click.IntRange(0), default=0, show_default=True, help="Number of the cell.")
@click.option("--rep", type=click.IntRange(0), required=True, help="Number of the replicate, from 0.")
@click.option("--out", type=click.Path(path_type=Path), help="Where its files go; replay/ in the folder unless given.")
@trust
@answers(
    "json",
    keys={
        "cell": "the number of the cell",
        "replicate": "that of the replicate",
        "same": "whether it is the same bit for bit",
        "rows": "[{endpoint, estimator, value, se, low, high, p, n, events, status, same}]",
        "files": "[file]: its cohort and its analysis",
    },
)
def replay(folder: Path, cell: int, rep: int, out: Path | None, trust: bool) -> "Answer":
    """One replicate again, bit for bit, with its cohort and every step of its analysis. Exit code 1 if it differs."""
    from benchmarks.cli import run_verbs

    return run_verbs.replay(folder, cell, rep, out, trust)


RUNS = (demo, run, merge, report, status, verify, replay)
