"""Writes the pages of reference that are made from the code: commands and analyses. `make schema` runs it."""

import inspect
import re
import sys
from pathlib import Path
from typing import Any, get_args

import click
from pydantic_core import PydanticUndefined

HOME = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HOME))

from analysis.estimators import Estimator  # noqa: E402
from benchmarks.cli.commands import cli  # noqa: E402
from benchmarks.cli.options import every  # noqa: E402

MADE = "This page is written by `make schema` from the code."


def sentence(text: str | None) -> str:
    """The text on one line, safe in a cell of a table."""
    return " ".join((text or "").split()).replace("|", "\\|").replace("<", "&lt;").replace("``", "`")


def commands_page() -> str:
    """Every command with its arguments and options, as `--help` tells them."""
    lines = ["# Commands", "", f"{MADE} `trialtwin COMMAND --help` says the same.", ""]
    found = every(cli.commands)
    lines += ["| command | what it does |", "|---|---|"]
    lines += [
        f"| [`trialtwin {name}`](#trialtwin-{name.replace(' ', '-')}) | {sentence(first(one))} |"
        for name, one in found.items()
    ]
    for name, one in found.items():
        context = click.Context(one, info_name=f"trialtwin {name}", terminal_width=100, max_content_width=100)
        lines += ["", f"## trialtwin {name}", "", "```text", context.get_usage(), "```", ""]
        lines += paragraphs(one.help) + options_table(one, context)
    return "\n".join(lines) + "\n"


def first(command: click.Command) -> str:
    """The first sentence of a command's help."""
    return (command.help or "").strip().split("\n\n")[0]


def paragraphs(text: str | None) -> list[str]:
    """Paragraphs of help, each on one line and an empty one after it."""
    blocks = inspect.cleandoc(text or "").replace("\b\n", "").split("\n\n")
    return [line for block in blocks for line in (" ".join(block.split()).replace("<", "&lt;"), "")]


def options_table(command: click.Command, context: click.Context) -> list[str]:
    """The options as a table, without `--help`."""
    rows = []
    for one in command.params:
        if isinstance(one, click.Option) and not one.hidden:
            record = one.get_help_record(context)
            if record:
                rows.append(f"| `{record[0]}` | {sentence(record[1])} |")
    return ["| option | |", "|---|---|", *rows] if rows else []


def members(union: Any) -> list[type]:
    """The classes of an annotated union, in their order."""
    found: list[type] = []
    for part in get_args(union):
        if isinstance(part, type):
            found.append(part)
        elif get_args(part):
            found += members(part)
    return list(dict.fromkeys(found))


def analyses_page() -> str:
    """Every analysis that a study can name: what it does, its options with their defaults."""
    kinds = [one for one in members(Estimator) if "kind" in getattr(one, "model_fields", {})]
    assert len(kinds) > 20
    lines = ["# Analyses", "", MADE, "A study names them under `estimators`, by their kind or with options:", ""]
    lines += ["```text", "estimators: [crude, {kind: matched, name: wide, caliper: 0.5}]", "```", ""]
    lines += [
        "What each option may be stands in [keys.md](keys.md); how they are judged in [judging.md](judging.md).",
        "",
    ]
    lines += ["| kind | what it does |", "|---|---|"]
    lines += [f"| [`{kind_of(one)}`](#{kind_of(one)}) | {sentence(doc(one)[0])} |" for one in kinds]
    for one in kinds:
        lines += ["", f"## {kind_of(one)}", ""]
        lines += [line for block in doc(one) for line in (re.sub(r"``", "`", block).replace("<", "&lt;"), "")]
        estimated = inspect.getdoc(one.estimand) if hasattr(one, "estimand") else None  # type: ignore[attr-defined]
        lines += [f"*What it estimates:* {sentence(estimated)}", ""] if estimated else []
        fields = {name: field for name, field in one.model_fields.items() if name != "kind"}  # type: ignore[attr-defined]
        lines += ["| option | default |", "|---|---|"]
        lines += [f"| `{name}` | {default(field)} |" for name, field in fields.items()]
    return "\n".join(lines) + "\n"


def kind_of(one: Any) -> str:
    """The word by which a study names it."""
    return str(one.model_fields["kind"].default)


def doc(one: type) -> list[str]:
    """The paragraphs of a docstring, each on one line."""
    return [" ".join(block.split()) for block in (inspect.getdoc(one) or "").split("\n\n")]


def default(field: Any) -> str:
    """An option's default as YAML would have it."""
    if field.default is PydanticUndefined:
        return "required" if field.default_factory is None else "see keys.md"
    value = field.default
    if isinstance(value, bool) or value is None:
        return f"`{'null' if value is None else str(value).lower()}`"
    return (
        f"`{value}`" if isinstance(value, str | int | float) else f"`{list(value)}`" if value == () else "see keys.md"
    )


def gallery_page() -> str:
    """Every shipped what-if with its question, by group."""
    lines = ["# Pages of the studies", "", MADE, ""]
    lines += [
        "Each study is a what-if that is shipped. Its page has the answer, figures, tables and methods in one file.",
        "`make gallery` makes all pages (a quarter of an hour), and `make docs` then links them here. One alone:",
        "",
        "    trialtwin run selected-survivors",
        "",
        "What each found: [findings](findings.md).",
    ]
    studies = sorted((HOME / "scenarios" / "studies").glob("*/*.yaml"))
    assert len(studies) > 20
    for group in dict.fromkeys(path.parent.name for path in studies):
        lines += ["", f"## {group.capitalize()}", "", "| study | question |", "|---|---|"]
        for path in (one for one in studies if one.parent.name == group):
            told = re.search(r"^question: (.*)$", path.read_text("utf-8"), re.M)
            assert told is not None, path
            lines.append(f"| `{path.stem}` | {sentence(told[1])} |")
    return "\n".join(lines) + "\n"


PAGES = {"commands.md": commands_page, "analyses.md": analyses_page, "gallery.md": gallery_page}

if __name__ == "__main__":
    for name, made in PAGES.items():
        (HOME / "docs" / name).write_text(made(), "utf-8")
