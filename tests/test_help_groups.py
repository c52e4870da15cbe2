"""`trialtwin --help` by what one wants, and what shells are told when a name is completed."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete
from click.testing import CliRunner

from benchmarks.cli.commands import cli
from benchmarks.cli.help_groups import GROUPS, OTHERS
from simulator.documents.loading import pasted_papers, shipped
from tests.commands import printed

HEADINGS = ["Start", "Ask about a paper", "Run studies", "Your own data", "Manage runs", "Check"]


def test_every_command_stands_once_under_what_one_wants() -> None:
    named = [name for own in GROUPS.values() for name in own]
    assert list(GROUPS) == HEADINGS
    assert sorted(named) == sorted(cli.commands)  # no line without a command, and none twice
    lines = printed(["--help"]).splitlines()
    heads = [line[:-1] for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert [head for head in heads if head != "Options"] == HEADINGS
    for heading, own in GROUPS.items():
        first = lines.index(f"{heading}:") + 1
        assert [line.split()[0] for line in lines[first : first + len(own)]] == list(own)
        assert [line.split(maxsplit=1)[1] for line in lines[first : first + len(own)]] == list(own.values())


def test_lines_are_short_and_plain() -> None:
    assert max(map(len, printed(["--help"]).splitlines())) <= 80
    for own in GROUPS.values():
        for line in own.values():
            assert line[0].isupper(), line
            assert not line.endswith("."), line
            assert not {"estimator", "replicate", "scenario", "cell"} & set(line.lower().split()), line


def test_a_command_without_a_heading_is_listed_last() -> None:
    @cli.command("toy")
    def toy() -> None:
        """A toy for a test."""

    assert isinstance(toy, click.Command)
    try:
        lines = printed(["--help"]).splitlines()
        after = lines[lines.index(f"{OTHERS}:") + 1]
        assert after.split(maxsplit=1) == ["toy", "A toy for a test."]
        with pytest.raises(AssertionError):
            test_every_command_stands_once_under_what_one_wants()
    finally:
        del cli.commands["toy"]


def test_narrow_terminals_keep_the_words() -> None:
    text = CliRunner().invoke(cli, ["--help"], terminal_width=40, catch_exceptions=False).stdout
    assert " ".join(text.split()).count("How strong must something unrecorded be to explain its result?") == 1


def completed(shell: type[ShellComplete], *words: str) -> list[tuple[str, str]]:
    """The kind and value of everything that a shell is told after these words, of which the last is begun."""
    made = shell(cli, {}, "trialtwin", "_TRIALTWIN_COMPLETE")
    return [(item.type, item.value) for item in made.get_completions(list(words[:-1]), words[-1])]


STUDIES = [(command, studies) for studies in [shipped] for command in
           ("run", "show", "tipping", "power", "audit", "fidelity", "simulate", "calibrate", "published")]  # fmt: skip


@pytest.mark.parametrize("command", [command for command, _ in STUDIES])
def test_names_of_worlds_and_studies_are_completed(command: str) -> None:
    told = completed(BashComplete, command, "h")
    assert told == [("plain", name) for name in shipped() if name.startswith("h")]
    assert ("plain", "hcc-lung-metastasis") in told
    assert completed(BashComplete, command, "my-own") == [("file", "my-own")]


def test_names_of_papers_are_completed() -> None:
    for words in (("twin",), ("paper", "read")):
        told = completed(ZshComplete, *words, "y")
        assert told == [("plain", name) for name in pasted_papers() if name.startswith("y")]
        assert told
    assert completed(BashComplete, "check", "paper", "null-e") == [("plain", "null-effect")]
    assert completed(BashComplete, "diff", "paper", "null-e") == [("plain", "null-effect")]
    assert completed(BashComplete, "new", "x.yaml", "--from", "imb") == [("plain", "imbrave150")]


@pytest.mark.parametrize("shell", [BashComplete, ZshComplete, FishComplete])
def test_the_help_says_what_each_shell_must_run(shell: type[ShellComplete]) -> None:
    """And the script that it gets asks for completions by the very variable."""
    variable = f"_TRIALTWIN_COMPLETE={shell.name}_source trialtwin"
    assert variable in printed(["--help"])
    env = {**os.environ, "_TRIALTWIN_COMPLETE": f"{shell.name}_source"}
    code = "import sys; sys.argv = ['trialtwin']; from benchmarks.cli.commands import main; main()"
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"_TRIALTWIN_COMPLETE={shell.name}_complete" in done.stdout


@pytest.mark.skipif(not Path("/bin/bash").exists(), reason="no bash here")
def test_bash_completes_what_a_user_types(tmp_path: Path) -> None:
    """The script run by bash itself, with a command of that name on its path."""
    door = tmp_path / "trialtwin"
    code = "import sys; sys.argv[0] = 'trialtwin'; from benchmarks.cli.commands import main; main()"
    door.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{code}" "$@"\n')
    door.chmod(0o755)
    script = (
        'eval "$(_TRIALTWIN_COMPLETE=bash_source trialtwin)"\n'
        "COMP_WORDS=(trialtwin tipping null-e); COMP_CWORD=2\n"
        '_trialtwin_completion trialtwin\necho "${COMPREPLY[@]}"\n'
    )
    home = str(Path(__file__).parents[1])
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": home}
    done = subprocess.run(["bash", "-c", script], env=env, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "null-effect", done.stderr
