"""The command line: options in, one call, text out.

Nothing is computed here, and nothing heavy is imported at the start.
"""

import io
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from benchmarks.cli.options import answers, cores, jobs, overrides
from benchmarks.cli.question_commands import QUESTIONS
from benchmarks.cli.run_commands import RUNS
from simulator.documents.problems import printable

if TYPE_CHECKING:
    from benchmarks.words.answer import Answer

HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(context_settings=HELP)
@click.version_option(package_name="trialtwin")
def cli() -> None:
    """Twin a published observational trial: simulate it, analyse it as its authors did, judge every estimate.

    NAME is a shipped scenario (see `trialtwin list`) or the path of a YAML file.
    """


@cli.command()
@click.argument("name")
@overrides
@click.option("--reps", type=click.IntRange(20, 1_000_000), default=2000, show_default=True, help="Replicates.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Seed of all randomness.")
@jobs
@answers("report", "tables", "json")
def fidelity(name: str, settings: tuple[str, ...], reps: int, seed: int | None, jobs: int | None) -> "Answer":
    """The scorecard of a world: every published number against the same number of every replicate."""
    from benchmarks.asked.load_study import load_study
    from benchmarks.cli import twin_verbs

    return twin_verbs.fidelity(load_study(name, settings, reps, seed), jobs or cores())


@cli.command()
@click.argument("name")
@overrides
@answers("tables", "json")
def published(name: str, settings: tuple[str, ...]) -> "Answer":
    """Every number that the paper of a world could print, by its key, with what it means and how it is typed in.

    In short with <names>; --json has every key in full.
    """
    from benchmarks.asked.load_study import load_study
    from benchmarks.cli import twin_verbs

    return twin_verbs.published(load_study(name, settings))


@cli.command()
@click.argument("name")
@overrides
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The YAML file of the fitted world.")
@jobs
@answers("report", "tables", "json")
def calibrate(name: str, settings: tuple[str, ...], out: Path, jobs: int | None) -> "Answer":
    """Fit the free parameters of a world to its published numbers, and write the fitted world.

    Exit code 1 where the fitted world does not print its paper: more than one number in ten outside, or one too far.
    """
    from benchmarks.asked.load_study import load_study
    from benchmarks.cli import twin_verbs

    return twin_verbs.calibrate(load_study(name, settings), settings, out, jobs or cores())


@cli.command()
@click.argument("name")
@overrides
@answers("report", "tables", "json")
def audit(name: str, settings: tuple[str, ...]) -> "Answer":
    """What the published numbers of a world contradict: recomputed within the rounding of what is printed.

    A YAML file with nothing but `published:` will do.
    """
    from benchmarks.cli import twin_verbs

    return twin_verbs.audit(name, settings)


@cli.command()
@click.option("--full", is_flag=True, help="Ten times the replicates.")
@jobs
@answers("report", "tables", "json")
def validate(full: bool, jobs: int | None) -> "Answer":
    """Known answers found again: ours, the published one, z, and whether they agree. Exit code 1 where one does not."""
    from benchmarks.cli import verbs

    return verbs.validate(full, jobs or cores())


@cli.command()
@click.argument("rows", type=click.Path(path_type=Path))
@click.option("--truth", required=True, help="The true value, or the column that holds it.")
@click.option("--by", help="Columns of methods or settings, with commas between: method,dgm.")
@click.option("--reference", help="The value of the first --by column to compare with; the first one unless given.")
@click.option("--estimate", help="Column of the estimates; found by its usual names unless given.")
@click.option("--se", help="Column of their standard errors; likewise.")
@click.option("--low", help="Column of lower confidence limits; from the SE unless given.")
@click.option("--high", help="Column of upper confidence limits.")
@click.option("--p", help="Column of p-values; from the interval or the SE unless given.")
@click.option("--df", help="Column of degrees of freedom, for Student's interval and test.")
@click.option("--replicate", help="Column of the replicate's number, for comparisons on the same replicates.")
@click.option("--level", type=click.FloatRange(0.5, 1, min_open=True, max_open=True), default=0.95, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="A .csv file with one line per group and measure.")
@answers("report", "tables", "json")
def performance(
    rows: Path, truth: str, by: str | None, reference: str | None, level: float, out: Path | None,
    estimate: str | None, se: str | None, low: str | None, high: str | None, p: str | None, df: str | None,
    replicate: str | None,
) -> "Answer":  # fmt: skip
    """Bias, empirical and model SE, coverage, power, ... of any table with one row per replicate.

    Each with its Monte Carlo standard error. A row without an estimate counts as a failure.
    """
    from benchmarks.cli import verbs
    from benchmarks.performance import replicate_table

    names = tuple(name.strip() for name in by.split(",") if name.strip()) if by else ()
    columns = replicate_table.TableColumns(estimate, se, low, high, p, df, replicate, names)
    return verbs.performance(rows, columns, truth, reference, level, out)


for command in (*RUNS, *QUESTIONS):
    cli.add_command(command)


@cli.command("warm-up")
@answers("json")
def warm_up() -> "Answer":
    """Compile the kernels into the cache before they are needed: for container images and clusters."""
    from benchmarks.cli import verbs

    return verbs.warm_up()


@cli.command()
@click.argument("name")
@overrides
@click.option("--reps", type=click.IntRange(1, 1_000_000), default=1, show_default=True, help="Replicates.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Seed of all randomness.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A .csv or .parquet file.")
@click.option("--hidden", is_flag=True, help="Add what nobody observes: propensity, potential outcomes.")
@click.option("--format", "layout", type=click.Choice(["plain", "adam"]), default="plain", show_default=True)
@answers("json")
def simulate(
    name: str, settings: tuple[str, ...], reps: int, seed: int | None, out: Path, hidden: bool, layout: str,
) -> "Answer":  # fmt: skip
    """Write virtual cohorts of a world to a file.

    Beside a plain file of one cohort lies its SPEC, ready for `trialtwin analyze`. `adam` writes two files, ADSL and
    ADTTE (CNSR 0 = event).
    """
    from benchmarks.asked.load_study import load_study
    from benchmarks.cli import verbs

    return verbs.simulate(load_study(name, settings, reps, seed), out, hidden, layout)


@cli.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--spec", required=True, help="A YAML file that names the columns and the plan of analysis.")
@overrides
@answers("json_file", "report", "tables")
def analyze(data: Path, spec: str, settings: tuple[str, ...]) -> "Answer":
    """Analyse one cohort file of your own as the paper did: Table 1, matching, survival, subgroups."""
    from benchmarks.cli import verbs

    return verbs.analyze(data, spec, settings)


@cli.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--from", "base", default="hcc-lung-metastasis", show_default=True, help="The world to ask about.")
@answers("json")
def new(path: Path, base: str) -> "Answer":
    """Write a commented what-if about a world to PATH, ready to be edited."""
    from benchmarks.asked import scaffold
    from benchmarks.words.answer import Answer

    return Answer({"files": [path]}, lines=(scaffold.new(base, path),))


@cli.command()
@click.argument("one")
@click.argument("other")
@answers("tables", "json")
def diff(one: str, other: str) -> "Answer":
    """What differs between two scenarios; of two run folders also what moved, and by how many Monte Carlo SE."""
    from benchmarks.cli import difference

    return difference.diff(one, other)


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="The page; gallery.html in the folder unless given.")
@answers("json")
def gallery(folder: Path, out: Path | None) -> "Answer":
    """Build an index page of the finished studies in a folder of run folders."""
    from benchmarks.cli.gallery import gallery as build

    return build(folder, out)


@cli.command(name="list")
@answers("json")
def list_() -> "Answer":
    """The shipped worlds and studies, each with its question."""
    from benchmarks.cli import verbs

    return verbs.listing()


@cli.command()
@click.argument("name")
@overrides
@click.option("--resolved", is_flag=True, help="The whole document after extends and overrides, as YAML.")
@answers("json")
def show(name: str, settings: tuple[str, ...], resolved: bool) -> "Answer":
    """What a scenario says, and which of its values are assumed rather than sourced."""
    from benchmarks.cli import verbs

    return verbs.show(name, settings, resolved)


@cli.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@overrides
@answers("json")
def check(names: tuple[str, ...], settings: tuple[str, ...]) -> "Answer":
    """Check scenarios, every cell of their sweeps included."""
    from benchmarks.cli import verbs

    return verbs.check(names, settings)


@cli.command()
@click.argument("document", default="scenario", metavar="[scenario | cohort | COMMAND]")
@click.option("--markdown", is_flag=True, help="The keys of scenario or cohort as a page to be read.")
def schema(document: str, markdown: bool) -> None:
    """The JSON Schema of scenarios, of the SPEC of a cohort file, or of what COMMAND prints with --json."""
    from benchmarks.cli import verbs

    click.echo(verbs.keys_page(document) if markdown else json.dumps(verbs.schema(document), indent=2), nl=not markdown)


def main() -> NoReturn:
    """Run the command line: exit 0, 2 with one message for a user's mistake, 130 when interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # None where it is closed
            stream.reconfigure(errors="backslashreplace")
    sys.exit(_guarded(lambda: cli.main(standalone_mode=False)))


def _guarded(command: Callable[[], Any]) -> int:
    try:
        os.getcwd()
        code = command()
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; the same command again goes on where this one stopped", err=True)
        return 130
    except (MemoryError, SystemError):  # compiled libraries that cannot load for want of memory may raise the second
        click.echo("trialtwin: not enough memory; ask for fewer patients, smaller blocks or fewer jobs", err=True)
        return 2
    except BrokenPipeError:
        _let_stdout_go()
        return 1
    except (OSError, ImportError) as error:  # of the machine: what users ask for is told where it is asked for
        _let_stdout_go()
        click.echo(f"trialtwin: {_of_the_machine(error)}", err=True)
        return 2
    except user_mistakes() as error:
        lines = str(error).splitlines() if getattr(error, "has_lines", False) else [str(error)]
        text = "\n".join(printable(line, 10_000) for line in lines)
        click.echo(f"trialtwin: {text}" if "\n" not in text else text, err=True)
        return 2
    return code if isinstance(code, int) else 0


def _let_stdout_go() -> None:
    """Nothing more goes to stdout, at the interpreter's end either."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _of_the_machine(error: OSError | ImportError) -> str:
    """What is wrong with the machine, on one line."""
    told = getattr(error, "strerror", None) or " ".join(str(error).split())[:300]
    if isinstance(error, ImportError):
        return f"a part of it cannot be loaded ({told}); give it more memory, or install it again"
    try:
        os.getcwd()
    except OSError:
        return "the current folder is gone; change to one that exists"
    name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
    return printable(f"{name or 'a file or stream that is open'}: {told}", 10_000)


def user_mistakes() -> tuple[type[BaseException], ...]:
    """The exceptions that speak to the user; looked up only once something was raised."""
    names = {
        "simulator.documents.loading": "DocumentError",
        "benchmarks.asked.errors": "RunError",
        "benchmarks.workers.pools": "BackendError",
        "analysis.cohort_files.data_table": "CohortFileError",
        "analysis.estimators.own_code": "OwnFunctionError",
    }
    loaded = [getattr(sys.modules[module], name) for module, name in names.items() if module in sys.modules]
    return tuple(loaded)
