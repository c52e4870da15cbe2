"""The commands about runs: start, shard and merge them, look at them, check them, make one replicate again."""

from dataclasses import replace
from pathlib import Path

import click

from benchmarks.cli.options import TABLES, as_json, cores, jobs, overrides, trust

TABLE_FILES = click.option("--tables", "tables_out", type=click.Path(path_type=Path), help=TABLES)
FOLDER = click.argument("folder", type=click.Path(path_type=Path))


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
@as_json
def demo(jobs: int | None, out: Path | None, as_json: bool) -> None:
    """The published study twinned, analysed and judged, in a minute: report included."""
    from benchmarks.cli import run_verbs

    click.echo(run_verbs.demo(jobs or cores(), out, as_json))


@click.command()
@click.argument("name")
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
@TABLE_FILES
@as_json
@trust
@click.option("--dry-run", is_flag=True, help="Tell time, memory and disk that it would take, and stop.")
def run(
    name: str, settings: tuple[str, ...], reps: int | None, seed: int | None, jobs: int | None, block: int | None,
    backend: str, dask_tls: str | None, shard: tuple[int, int] | None, out: Path | None, force_new: bool,
    no_retry: bool, tables_out: Path | None, as_json: bool, trust: bool, dry_run: bool,
) -> None:  # fmt: skip
    """Run a study: cells x replicates x estimators, judged against the truth.

    The same command again continues an interrupted run, and computes nothing where it is complete; larger --reps,
    other cells or more estimators add what is missing. What was lost to a dead worker or a time limit is tried again.
    """
    from benchmarks.asked.load_study import load_study
    from benchmarks.cli import run_verbs

    asked = load_study(name, settings, reps, seed)  # before what is slow to import: a mistake is told at once
    asked = replace(asked, trust=trust)
    from benchmarks.asked.sizes import check_sizes
    from benchmarks.study.running import Work
    from benchmarks.workers.dask_tls import parsed

    tls = None if dask_tls is None else parsed(dask_tls, backend)
    work = Work(jobs or cores(), block, backend, tls, retry=not no_retry)
    check_sizes((scenario for _, scenario in asked.cells), work.jobs, block)
    if dry_run:
        click.echo(run_verbs.dry_run(asked, work, out, as_json))
        return
    click.echo(run_verbs.run(asked, work, out, as_json, shard, force_new, tables_out))


@click.command()
@FOLDER
@click.argument("others", nargs=-1, type=click.Path(path_type=Path))
@jobs
@as_json
def merge(folder: Path, others: tuple[Path, ...], jobs: int | None, as_json: bool) -> None:
    """Join the shards of a run: rows, truths, performance and report.

    OTHERS are folders of shards that were computed elsewhere; their parts are copied first.
    """
    from benchmarks.cli import run_verbs

    click.echo(run_verbs.merge(folder, others, jobs or cores(), as_json))


@click.command()
@FOLDER
@TABLE_FILES
@as_json
def report(folder: Path, tables_out: Path | None, as_json: bool) -> None:
    """Build the report of a finished run again, from its folder."""
    from benchmarks.cli import run_verbs

    click.echo(run_verbs.report(folder, as_json, tables_out))


@click.command()
@FOLDER
@as_json
def status(folder: Path, as_json: bool) -> None:
    """How far a run is: replicates of every cell, failures, who is at work on it."""
    from benchmarks.cli import run_verbs

    click.echo(run_verbs.status(folder, as_json))


@click.command()
@FOLDER
@click.option("--sample", type=click.IntRange(0, 100_000), default=20, show_default=True, help="Replicates recomputed.")
@click.option("--all", "every", is_flag=True, help="Recompute every replicate and every truth.")
@click.option("--digest", metavar="HEX", help="The sealed digest that `trialtwin run` told, or 16 digits of it.")
@jobs
@as_json
@trust
def verify(
    folder: Path, sample: int, every: bool, digest: str | None, jobs: int | None, as_json: bool, trust: bool
) -> None:
    """Check a run that may come from anybody: every layer against the one below it. Exit code 1 where one differs.

    Files and checksums, rows against their parts, truths, performance, documents and report made again, and some
    replicates computed again, drawn anew each time. What was forged throughout shows with --all, or with --digest.
    """
    from benchmarks.cli import verify as verifying
    from benchmarks.study.running import Work

    how = verifying.How(sample, every, Work(jobs or cores()), trust)
    _told(*verifying.verify(folder, how, digest, as_json))


@click.command()
@FOLDER
@click.option("--cell", type=click.IntRange(0), default=0, show_default=True, help="Number of the cell.")
@click.option("--rep", type=click.IntRange(0), required=True, help="Number of the replicate, from 0.")
@click.option("--out", type=click.Path(path_type=Path), help="Where its files go; replay/ in the folder unless given.")
@as_json
@trust
def replay(folder: Path, cell: int, rep: int, out: Path | None, as_json: bool, trust: bool) -> None:
    """One replicate again, bit for bit, with its cohort and every step of its analysis. Exit code 1 if it differs."""
    from benchmarks.cli import run_verbs

    _told(*run_verbs.replay(folder, cell, rep, out, as_json, trust))


def _told(text: str, holds: bool) -> None:
    click.echo(text)
    if not holds:
        raise click.exceptions.Exit(1)


RUNS = (demo, run, merge, report, status, verify, replay)
