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

from benchmarks.cli.completion import COMPLETION, studies
from benchmarks.cli.data_commands import DATA
from benchmarks.cli.help_groups import ByWish
from benchmarks.cli.options import PAGE, answers, documents, every, named, overrides, schema_of
from benchmarks.cli.paper_commands import PAPERS
from benchmarks.cli.question_commands import QUESTIONS
from benchmarks.cli.run_commands import RUNS
from benchmarks.cli.twin_commands import TWINS
from benchmarks.workers.arenas import few_arenas
from simulator.documents.problems import printable

if TYPE_CHECKING:
    from benchmarks.words.answer import Answer

HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(cls=ByWish, context_settings=HELP, epilog=COMPLETION)
@click.version_option(package_name="trialtwin")
def cli() -> None:
    """Question a published study: simulate patients like its own, analyse them as its authors did, judge the result.

    NAME is a shipped world or study (see `trialtwin list`) or the path of a YAML file. New here? `trialtwin demo`.
    What a command takes: `trialtwin COMMAND --help`.
    """


for command in (*RUNS, *QUESTIONS, *PAPERS, *TWINS, *DATA):
    cli.add_command(command)


@cli.command("warm-up")
@answers("json", keys={"folder": "where compiled code lies", "seconds": "that it took, null where nothing was to do"})
def warm_up() -> "Answer":
    """Compile the kernels into the cache before they are needed: for container images and clusters."""
    from benchmarks.cli import verbs

    return verbs.warm_up()


@cli.command()
@answers(
    "json",
    keys={
        "holds": "whether all that is needed is in order",
        "lines": "[{what, found, ok, do}]: ok is null for what need not be there; do is what would mend it",
    },
)
def doctor() -> "Answer":
    """Is this installation in order: versions, compiled code, memory, browser, extras. Exit code 1 where it is not."""
    from benchmarks.cli import doctor

    return doctor.doctor()


@cli.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--from", "base", default="hcc-lung-metastasis", show_default=True, shell_complete=studies,
    help="The world to ask about.",
)  # fmt: skip
@answers("json", keys={"files": "[file]: the one written"})
def new(path: Path, base: str) -> "Answer":
    """Write a commented what-if about a world to PATH, ready to be edited."""
    from benchmarks.asked import scaffold
    from benchmarks.words.answer import Answer

    return Answer({"files": [path]}, lines=(scaffold.new(base, path),))


@cli.command()
@click.argument("one", shell_complete=studies)
@click.argument("other", shell_complete=studies)
@answers(
    "tables",
    "json",
    keys={
        "differs": "[{path, one, other}]",
        "moved": "[{cell, endpoint, estimator, one, other, change: M, truth, bias_change: M, rejection: M, paired, "
        "without}]; without: replicates of either run that have no estimate",
    },
)
def diff(one: str, other: str) -> "Answer":
    """What differs between two scenarios; of two run folders also what moved, and by how many Monte Carlo SE."""
    from benchmarks.cli import difference

    return difference.diff(one, other)


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="The page; gallery.html in the folder unless given.")
@answers(
    "json",
    PAGE,
    keys={
        "page": "the file written",
        "studies": "[{group, name, question, verdict, link}]",
        "unfinished": "[{folder, why}]",
    },
)
def gallery(folder: Path, out: Path | None) -> "Answer":
    """Build an index page of the finished studies in a folder of run folders."""
    from benchmarks.cli.gallery import gallery as build

    return build(folder, out)


@cli.command(name="list")
@answers("json")
def list_() -> "Answer":
    """The shipped worlds and studies, each with its question."""
    from benchmarks.cli.listing import listing

    return listing()


@cli.command()
@named
@overrides
@click.option("--resolved", is_flag=True, help="The whole document after extends and overrides, as YAML.")
@answers(
    "json",
    keys={
        "name": "the scenario's name",
        "question": "its question",
        "source": "of the world",
        "arms": "{treated, control}",
        "patients": "how many",
        "target": "{population, follow_up, words, members, screened, included}",
        "estimators": "[name]",
        "cells": "[settings]",
        "replicates": "of each cell",
        "seed": "of all randomness",
        "replicate_timeout": "{own, compiled}: seconds that an estimator may take over one replicate, null for any",
        "digest": "of the resolved document",
        "sourced": "{path: source}",
        "assumed": "[path]: values without a source",
        "notes": "[text]: what a reader must know of how covariates are distributed",
    },
)
def show(name: str, settings: tuple[str, ...], resolved: bool) -> "Answer":
    """What a scenario says, and which of its values are assumed rather than sourced."""
    from benchmarks.cli import verbs

    return verbs.show(name, settings, resolved)


@cli.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=studies)
@overrides
@answers(
    "json", keys={"checked": "[{name, cells, digest, notes}], all valid; else exit code 2 and the problems on stderr"}
)
def check(names: tuple[str, ...], settings: tuple[str, ...]) -> "Answer":
    """Check scenarios, every cell of their sweeps included."""
    from benchmarks.cli import verbs

    return verbs.check(names, settings)


@cli.command()
@click.argument("document", default="scenario", metavar="[scenario | cohort | COMMAND]")
@click.option("--markdown", is_flag=True, help="The keys of scenario or cohort as a page to be read.")
def schema(document: str, markdown: bool) -> None:
    """The JSON Schema of scenarios, of the SPEC of a cohort file, or of what COMMAND prints with --json."""
    printed = {name: schema_of(name, told) for name, one in every(cli.commands).items() if (told := documents(one))}
    if document in printed and not markdown:
        click.echo(json.dumps(printed[document], indent=2))
        return
    from benchmarks.cli import verbs

    page = verbs.keys_page(document) if markdown else json.dumps(verbs.schema(document, printed), indent=2)
    click.echo(page, nl=not markdown)


def main() -> NoReturn:
    """Run the command line: exit 0, 2 with one message for a user's mistake, 130 when interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # None where it is closed
            stream.reconfigure(errors="backslashreplace")
    few_arenas()
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
