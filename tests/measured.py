"""Figures that tests measure, told by the fixture ``measured`` and printed as one table at the end; limits of time.

``docs/validation.md`` lists the same figures with the day they were last measured; ``make slow`` measures them again.
"""

import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

PAGE = Path(__file__).parent.parent / "docs" / "validation.md"
MINUTES = 10
MINUTES_SLOW = 20
"""How long one test may take; ``@pytest.mark.slow(minutes=60)`` asks for more."""

Measured = Callable[[str, str], None]


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Measured:
    """A function that notes what was measured, by the figure's name in ``docs/validation.md``."""

    def note(name: str, value: str) -> None:
        record_property("measured", (name, " ".join(value.replace("|", "/").split())))

    return note


def listed(page: str) -> dict[str, tuple[str, ...]]:
    """The rows of the page by the figure's name: what it said, the day, the test."""
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", page, re.MULTILINE)
    return {name: (said, day, test) for name, said, day, test in rows if test.startswith("`")}


def table(found: dict[str, str], page: str) -> list[str]:
    """The page's rows with what was measured now, today; figures that were not measured keep what they had."""
    today, lines = date.today().isoformat(), []
    for name, (said, day, test) in listed(page).items():
        now = found.get(name)
        lines.append(f"| {name} | {said if now is None else now} | {day if now is None else today} | {test} |")
    lines += [f"| {name} | {value} | {today} | not on the page |" for name, value in found.items() if name not in page]
    return lines


def _limit(item: pytest.Item) -> float:
    slow = item.get_closest_marker("slow")
    return 60.0 * (MINUTES if slow is None else slow.kwargs.get("minutes", MINUTES_SLOW))


@contextmanager
def _limited(item: pytest.Item) -> Iterator[None]:
    """Fails what is done within when the item's time is up, and again every half minute should that be swallowed."""
    limit = _limit(item)

    def too_long(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        pytest.fail(f"took more than {limit / 60:.3g} minutes")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, limit, 30)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Figures:
    """The plugin: limits of time, and what the tests of this session measured."""

    def __init__(self, out: Path | None) -> None:
        self.out, self.found, self.started = out, dict[str, str](), time.monotonic()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        """Within the limit."""
        with _limited(item):
            yield

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """Within the limit."""
        with _limited(item):
            yield

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keeps what a test measured; one line for each in the file at once, should the session be killed."""
        if report.when != "call":
            return
        for key, pair in report.user_properties:
            if key == "measured":
                name, value = pair  # type: ignore[misc]
                self.found[name] = f"{value} (failed)" if report.failed else value
                if self.out is not None:
                    self.out.parent.mkdir(parents=True, exist_ok=True)
                    with self.out.open("a", encoding="utf-8") as file:
                        file.write(f"{date.today().isoformat()}\t{name}\t{self.found[name]}\n")

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """The table, where one was asked for."""
        if self.out is None:
            return
        minutes = (time.monotonic() - self.started) / 60
        terminalreporter.section(f"figures, after {minutes:.0f} minutes")
        for line in table(self.found, PAGE.read_text("utf-8")):
            terminalreporter.write_line(line)
        for report in terminalreporter.stats.get("skipped", []):
            terminalreporter.write_line(f"not measured: {report.nodeid}: {report.longrepr[2]}")
