"""The command line as a user meets it."""

import json
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks.cli import cli, main


def refused(words: list[str]) -> str:
    """What is told of a user's mistake: asserts exit code 2 and one line that begins with the program's name."""
    told: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["trialtwin", *words])
        patch.setattr("click.echo", lambda message, err=False: told.append(message) if err else None)
        with pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code == 2
    lines = [line for line in "\n".join(told).splitlines() if line.startswith("trialtwin")]
    assert len(lines) == 1, told
    return lines[0]


def answered(words: list[str]) -> dict[str, Any]:
    """The JSON that a command prints."""
    found: dict[str, Any] = json.loads(CliRunner().invoke(cli, [*words, "--json"], catch_exceptions=False).stdout)
    return found


def printed(words: list[str]) -> str:
    """What a command prints."""
    return CliRunner().invoke(cli, words, catch_exceptions=False).stdout
