"""The command: ``python -m benchmarks.speed`` times everything and writes speed.md and speed.json."""

import os
import sys
from pathlib import Path

import click

from benchmarks.speed.contenders import LABELS, ONE_CORE, PYTHON_STACK, R_SCRIPTS, missing

SECTIONS = ("workflow", "tied", "simulation", "threads", "memory", "startup", "files", "growth")
WITHOUT = {"r": tuple(R_SCRIPTS), PYTHON_STACK: (PYTHON_STACK,)}


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--cohorts", type=click.IntRange(1, 10_000), help="Cohorts that all contenders analyse; 30, or 3 if quick."
)
@click.option("--repeats", type=click.IntRange(1, 1000), help="Rounds of turns over the cohorts; 2, or 1 if quick.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("runs/speed"), show_default=True)
@click.option("--quick", is_flag=True, help="Few cohorts and small sizes: to see that it works.")
@click.option("--without", multiple=True, type=click.Choice(list(WITHOUT)), help="Leave a contender out.")
@click.option("--sections", multiple=True, type=click.Choice(SECTIONS), help="Only these; all unless given.")
def main(
    cohorts: int | None,
    repeats: int | None,
    out: Path,
    quick: bool,
    without: tuple[str, ...],
    sections: tuple[str, ...],
) -> None:
    """Time TrialTwin against R and the usual Python packages, on the same cohorts and in turns.

    Exit code 1 if a contender breaks or its answers are not ours.
    """
    from benchmarks.speed import report
    from benchmarks.speed.run import run

    chosen = tuple(name for name in SECTIONS if name in (sections or SECTIONS))
    count, rounds = cohorts or (3 if quick else 30), repeats or (1 if quick else 2)
    rivals, absent = [], [f"{name} was left out by --without." for name in without]
    for name in LABELS.keys() - {"ours"} - {rival for key in without for rival in WITHOUT[key]}:
        sentence = missing(name) if {"workflow", "tied"} & set(chosen) else None
        rivals += [] if sentence else [name]
        absent += [sentence] if sentence else []
    rivals.sort(key=list(LABELS).index)
    settings = {"cohorts": count, "repeats": rounds, "quick": quick, "without": without, "sections": chosen}
    held, tables = run(chosen, tuple(rivals), count, rounds, quick)
    lost = tuple(dict.fromkeys(sentence for one in held.values() for sentence in one.lost.values()))
    made = report.Report(settings, (*sorted(absent), *lost), held, tables)
    click.echo(made.markdown())
    for path in made.write(out):
        click.echo(f"written: {path}", err=True)
    if lost or any(one.differing() for one in held.values()):
        sys.exit(1)


if __name__ == "__main__":
    os.environ.update(ONE_CORE)
    main(prog_name="python -m benchmarks.speed")
