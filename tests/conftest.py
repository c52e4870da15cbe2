"""What all tests need: limits of time, figures, and an interruption that is heard even by those started deaf to it."""

import signal
from pathlib import Path

import pytest

from tests.measured import Figures, measured

__all__ = ["measured"]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what a process ignores its children ignore too


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the file of what is measured."""
    parser.addoption("--measured", type=Path, help="a file for what the tests measure; at the end all is a table")


def pytest_configure(config: pytest.Config) -> None:
    """Registers what keeps the time and collects the figures."""
    config.pluginmanager.register(Figures(config.getoption("--measured")), "figures")
