"""The command line as a user meets it."""

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks.cli.commands import cli, main
from benchmarks.cli.options import documents, every


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


def answered(words: list[str], page: Path | None = None) -> dict[str, Any]:
    """The JSON that a command prints; its page, where one is named, says the same."""
    command = called(words)
    found: dict[str, Any] = json.loads(printed([*words, *_json(command), *(["--report", str(page)] if page else [])]))
    assert fits(command, found), found.keys()
    if page:
        page_says(page, found)
    return found


def called(words: list[str]) -> str:
    """The command that words call: its name, or that of its group and its own."""
    both = " ".join(words[:2])
    return both if both in every(cli.commands) else words[0]


def _json(command: str) -> list[str]:
    """The option as the command has it: a flag, or a file."""
    flag = any("--json" in one.opts and getattr(one, "is_flag", False) for one in every(cli.commands)[command].params)
    return ["--json"] if flag else ["--json", "-"]


def fits(command: str, document: dict[str, Any]) -> bool:
    """Whether a JSON document has the keys, in any order, of one that the command says it prints."""
    return any(document.keys() == keys.keys() for keys in documents(every(cli.commands)[command]))


def page_text(page: str) -> str:
    """The words of a page without blanks, and without the explanations that it adds to terms."""
    body = page[page.index("<body") :]
    told = re.sub(r'<span class="gl">.*?</span>', "", body, flags=re.DOTALL)
    return bare(html.unescape(re.sub(r"<[^>]*>", "", told)))


def bare(text: str) -> str:
    """The text without blanks."""
    return "".join(text.split())


def page_says(path: Path, found: dict[str, Any]) -> None:
    """The page of an answer is one well-formed document without links to elsewhere, and says what its JSON says."""
    page = path.read_text("utf-8")
    assert bare(found["verdict"]) in page_text(page)
    assert bare(found["question"]) in page_text(page)
    assert page.count("<h1>") == 1
    assert '<svg role="img" aria-label="' in page
    assert "How to repeat it" in page
    assert page.count("<script") == 1
    assert not re.search(r"""(src|href)=["'](?!#)|@import|url\((?!#)""", page)


def printed(words: list[str]) -> str:
    """What a command prints."""
    return CliRunner().invoke(cli, words, catch_exceptions=False).stdout
