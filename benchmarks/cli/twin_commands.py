"""The commands about a twin and its paper: is it like it, can it be made so, is the paper sound, are we."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmarks.cli.options import answers, cores, jobs, named, overrides

if TYPE_CHECKING:
    from benchmarks.words.answer import Answer


@click.command()
@named
@overrides
@click.option("--reps", type=click.IntRange(20, 1_000_000), default=2000, show_default=True, help="Replicates.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Seed of all randomness.")
@jobs
@answers(
    "report",
    "tables",
    "json",
    keys={
        "replicates": "how many",
        "seed": "of all randomness",
        "scores": "[{key, printed, where, median, low, high, percentile, inside, absent, doubts}]"
        ": every printed number",
        "totals": "[{where, numbers, inside, doubtful}] by table, then all",
        "flow": "[[criterion, patients]]: means over replicates",
        "left_out": "[key]: printed numbers that no replicate has",
    },
)
def fidelity(name: str, settings: tuple[str, ...], reps: int, seed: int | None, jobs: int | None) -> "Answer":
    """The scorecard of a world: every published number against the same number of every replicate."""
    from benchmarks.asked.load_study import load_study
    from benchmarks.cli import twin_verbs

    return twin_verbs.fidelity(load_study(name, settings, reps, seed), jobs or cores())


@click.command()
@named
@overrides
@answers(
    "tables",
    "json",
    keys={
        "world": "the world's name",
        "keys": "[{key, what, kind, example}]: every number that its paper could print; <time> stands for any time; "
        "kind is count, percent, p, ratio, share or amount",
    },
)
def published(name: str, settings: tuple[str, ...]) -> "Answer":
    """Every number that the paper of a world could print, by its key, with what it means and how it is typed in.

    In short with <names>; --json has every key in full.
    """
    from benchmarks.asked.load_study import load_study
    from benchmarks.cli import twin_verbs

    return twin_verbs.published(load_study(name, settings))


@click.command()
@named
@overrides
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The YAML file of the fitted world.")
@jobs
@answers(
    "report",
    "tables",
    "json",
    keys={
        "values": "{parameter: fitted}",
        "parameters": "[{name, start, fitted, se, prior_mean, prior_sd, scale, pinned, at_bound}]",
        "targets": "[{key, printed, simulated, sd, z_start, z, doubtful}]; sd and z null where it could not be fitted",
        "starts": "[{name, at_first, at_last, taken}]: sums of squares where the search began and ended",
        "verdict": "{numbers, widths, doubtful, outside: [{key, printed, median, low, high, distance}], unused: [{key, "
        "printed, why}], bad}: bad says why the fit is bad, or is empty",
        "together": "[[name, ...]]: parameters that the paper fixes in common only",
        "losses": "[sum of squares]: at the stated start, at the end",
        "replicates": "of each step",
        "seed": "of all randomness",
    },
)
def calibrate(name: str, settings: tuple[str, ...], out: Path, jobs: int | None) -> "Answer":
    """Fit the free parameters of a world to its published numbers, and write the fitted world.

    Exit code 1 where the fitted world does not print its paper: more than one number in ten outside, or one too far.
    """
    from benchmarks.asked.load_study import load_study
    from benchmarks.cli import twin_verbs

    return twin_verbs.calibrate(load_study(name, settings), settings, out, jobs or cores())


@click.command()
@named
@overrides
@answers(
    "report",
    "tables",
    "json",
    keys={
        "numbers": "how many are printed",
        "findings": "[{keys, severity, check, arithmetic, consistent, where, words, off}]: severe, moderate, note",
        "tests": "[text]: which tests explain each table's p-values",
    },
)
def audit(name: str, settings: tuple[str, ...]) -> "Answer":
    """What the published numbers of a world contradict: recomputed within the rounding of what is printed.

    A YAML file with nothing but `published:` will do.
    """
    from benchmarks.cli import twin_verbs

    return twin_verbs.audit(name, settings)


@click.command()
@click.option("--full", is_flag=True, help="Ten times the replicates.")
@jobs
@answers(
    "report",
    "tables",
    "json",
    keys={
        "format": "trialtwin-validation/1",
        "set": "quick or full",
        "holds": "whether all do",
        "studies": "[{name, source}]",
        "checks": "[{study, what, ours: M, known: M, within, beyond, z, p_adjusted, holds}]",
    },
)
def validate(full: bool, jobs: int | None) -> "Answer":
    """Known answers found again: ours, the published one, z, and whether they agree. Exit code 1 where one does not."""
    from benchmarks.cli import verbs

    return verbs.validate(full, jobs or cores())


TWINS = (fidelity, published, calibrate, audit, validate)
