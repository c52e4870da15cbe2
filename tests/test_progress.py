"""What is said while something is computed: one line on a terminal, few lines elsewhere, nothing where quiet."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import webbrowser
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.asked.asked_by import QUIET, note
from benchmarks.cli import opened
from benchmarks.cli.commands import cli
from benchmarks.workers import progress
from benchmarks.workers.progress import Progress, duration, fitted, line
from tests.commands import every, printed

WIDTH = 66
HOME = str(Path(__file__).parents[1])
RUN = ["run", "null-effect", "--reps", "6", "--jobs", "1", "--block", "2", "-S", "run.truth_patients=5000"]


def typed(words: list[str], folder: Path, **env: str) -> tuple[str, str, int]:
    """What a command prints, and what it says on a terminal of `WIDTH` columns; its exit code."""
    code = f"import sys; sys.argv = ['trialtwin', *{words!r}]; from benchmarks.cli.commands import main; main()"
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, WIDTH, 0, 0))
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=inner, stdout=subprocess.PIPE, stderr=inner, cwd=folder,
        env={**os.environ, "PYTHONPATH": HOME, "TERM": "xterm", **env},
    ) as process:  # fmt: skip
        os.close(inner)
        heard = b""
        while True:
            try:
                more = os.read(outer, 65536)
            except OSError:
                break  # the terminal's other end is closed
            if not more:
                break
            heard += more
        assert process.stdout is not None
        said = process.stdout.read().decode()
    os.close(outer)
    return said, heard.decode(), process.returncode


def screen(heard: str) -> list[str]:
    """The lines that stand at the end on a terminal that was told this."""
    lines = [""]
    for part in re.split(r"(\r\x1b\[K|\r?\n)", heard):
        if part.endswith("\x1b[K"):
            lines[-1] = ""
        elif part.endswith("\n"):
            lines.append("")
        else:
            lines[-1] += part
    return [one for one in lines if one]


def test_a_terminal_has_one_line_that_is_written_over(tmp_path: Path) -> None:
    out, heard, code = typed([*RUN, "--out", "a"], tmp_path)
    assert code == 0, heard
    assert "report        a/report.html" in out
    told = re.findall(r"\r\x1b\[K([^\r\n]+)", heard)
    assert any(re.match(r"blocks of simulated studies: \[[#.]{20}\] 0 of 3$", one) for one in told), told
    assert any(re.match(r"blocks of simulated studies: \[#{20}\] 3 of 3", one) for one in told), told
    assert all(len(one) < WIDTH for one in told if " of " in one)
    assert [one for one in screen(heard) if " of " in one] == []  # it is gone at the end
    assert heard.count("blocks of simulated studies") > 1


def test_quiet_says_nothing_but_the_answer(tmp_path: Path) -> None:
    out, heard, code = typed([*RUN, "--out", "a", "--quiet"], tmp_path)
    assert (code, heard) == (0, "")
    assert out.startswith("If the combination did nothing")


def test_elsewhere_it_is_few_plain_lines(tmp_path: Path) -> None:
    found = CliRunner().invoke(cli, [*RUN, "--out", str(tmp_path / "a")], catch_exceptions=False)
    assert "\x1b" not in found.stderr
    told = [one for one in found.stderr.splitlines() if one.startswith("blocks")]
    assert len(told) == 1
    assert re.fullmatch(r"blocks of simulated studies: 3 of 3, \d+ s", told[0])
    quiet = CliRunner().invoke(cli, [*RUN, "--quiet", "--out", str(tmp_path / "b")], catch_exceptions=False)
    assert quiet.stderr == ""
    assert not QUIET.get()  # for that command only


def test_every_command_that_answers_can_be_quiet_and_whichever_writes_a_page_can_show_it() -> None:
    for name, command in every(cli.commands).items():
        options = {word for one in command.params for word in one.opts}
        assert ("--quiet" in options) == (name != "schema"), name
        pages = "--report" in options or name in ("run", "demo", "merge", "report", "gallery", "twin", "review")
        assert ("--open" in options) == pages, name


def test_the_time_that_is_left_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Ten steps of 40 s each: after the third, 280 s are left."""
    clock = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    told = Progress()
    for done in range(11):
        told("truths", done, 10)
        clock[0] += 40
    lines = capsys.readouterr().err.splitlines()
    assert lines[2] == "truths: 3 of 10, about 5 min left"
    assert lines[-1] == "truths: 10 of 10, 7 min"
    assert len(lines) == 10


def test_many_quick_steps_are_few_lines(capsys: pytest.CaptureFixture[str]) -> None:
    told = Progress()
    for stage in ("a", "b"):
        for done in range(1, 1001):
            told(stage, done, 1000)
    assert [one.split(",")[0] for one in capsys.readouterr().err.splitlines()] == ["a: 1", "b: 1"]


def test_words_for_times_and_bars() -> None:
    assert [duration(s) for s in (0.4, 89, 90, 5399, 7200)] == ["0 s", "89 s", "2 min", "90 min", "2.0 h"]
    assert line("x", 5, 20, 10.0, True) == f"x: [{'#' * 5}{'.' * 15}] 5 of 20, about 30 s left"
    assert line("x", 0, 20, 0.0, False) == "x: 0 of 20"
    assert line("x", 0, 0, 0.0, True) == f"x: [{'#' * 20}] 0 of 0, 0 s"


def test_a_line_never_wraps() -> None:
    whole = line("x", 5, 20, 10.0, True)
    assert fitted("x", 5, 20, 10.0, len(whole)) == whole
    assert fitted("x", 5, 20, 10.0, len(whole) - 1) == "x: 5 of 20, about 30 s left"
    assert fitted("x", 5, 20, 10.0, 9) == "x: 5 of 2"


def test_notes_are_silent_where_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    before = QUIET.set(True)
    note("not heard")
    Progress().say("nor this")
    QUIET.reset(before)
    note("heard")
    assert capsys.readouterr().err == "heard\n"


@pytest.fixture
def desktop(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Addresses that were opened, on a machine that has a browser."""
    seen: list[str] = []
    monkeypatch.setenv("BROWSER", "a-browser")
    monkeypatch.setattr(webbrowser, "open", lambda address: not seen.append(address))
    return seen


def test_a_page_that_was_written_is_opened(desktop: list[str], tmp_path: Path) -> None:
    page = tmp_path / "my page.html"
    words = ["audit", "hcc-lung-metastasis", "--report", str(page), "--open"]
    found = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert desktop == [page.as_uri()]
    assert found.stderr == f"opened {page}\n"
    assert CliRunner().invoke(cli, [*words, "--quiet"], catch_exceptions=False).stderr == ""
    assert len(desktop) == 2
    twin = ["twin", "hcc-lung-metastasis", "--stop-after", "read", "--out", str(tmp_path / "t"), "--open"]
    CliRunner().invoke(cli, twin, catch_exceptions=False)
    assert desktop[2:] == [(tmp_path / "t" / "reading.html").as_uri()]


def test_open_without_a_page_is_refused_before_anything_is_computed(desktop: list[str]) -> None:
    found = CliRunner().invoke(cli, ["tipping", "paper", "--open"])
    assert found.exit_code == 2
    assert "name one with --report" in found.stderr
    assert desktop == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems always have one")
def test_without_a_browser_it_is_said_where_the_page_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(webbrowser, "open", lambda _: pytest.fail("a browser in the terminal"))
    page = tmp_path / "page.html"
    found = CliRunner().invoke(cli, ["audit", "hcc-lung-metastasis", "--report", str(page), "--open"])
    assert (found.exit_code, found.stderr) == (0, f"{opened.NO_BROWSER}{page}\n")
    assert page.exists()


def test_a_plan_writes_no_page_to_be_shown(desktop: list[str]) -> None:
    found = CliRunner().invoke(cli, [*RUN, "--dry-run", "--open", "--out", "nowhere"], catch_exceptions=False)
    assert "no page was written this time" in found.stderr
    assert desktop == []
    assert printed(["list"])
