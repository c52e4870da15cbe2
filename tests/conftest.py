"""What all tests need: limits of time, figures, and an interruption that is heard even by those started deaf to it."""

import gc
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from threadpoolctl import threadpool_limits

from analysis.tables.text_table import TextTable
from tests.measured import Figures, measured

__all__ = ["measured"]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what a process ignores its children ignore too


@pytest.fixture(autouse=True, scope="session")
def config_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A folder of settings of the tests' own, in which a function that a user might write is trusted."""
    from tests.trusting import trusted

    before = {name: os.environ.pop(name, None) for name in ("XDG_CONFIG_HOME", "TRIALTWIN_TRUST")}
    os.environ["XDG_CONFIG_HOME"] = str(tmp_path_factory.mktemp("config"))
    trusted(Path(__file__).with_name("own_functions.py"))
    yield
    del os.environ["XDG_CONFIG_HOME"]
    os.environ.update({name: value for name, value in before.items() if value is not None})


@pytest.fixture(autouse=True, scope="session")
def columns_of_one_name_are_refused() -> Iterator[None]:
    """Every table that any test makes calls each of its columns something else."""
    made = TextTable.__init__

    def checked(table: TextTable, *args: Any, **named: Any) -> None:
        made(table, *args, **named)
        assert len({*table.flat}) == len(table.flat), f"'{table.title}' has columns of one name: {table.flat}"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TextTable, "__init__", checked)
        yield


@pytest.fixture(autouse=True, scope="session")
def no_truth_of_another_run() -> Iterator[None]:
    """Every truth is worked out, so that what a test changes is seen; `test_remembered_truths` tests the keeping."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks.truth.remembered.cache_home", lambda: None)
        yield


@pytest.fixture(scope="module")
def unpaged() -> Iterator[None]:
    """No page of a study is drawn, which is most of a small run's time: for tests that look at its rows alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks.report.study_report", lambda *_: "<!doctype html><title>not drawn</title>")
        yield


@pytest.fixture(scope="module")
def drawn_once() -> Iterator[None]:
    """A page of one manifest and one sealed digest is drawn once: for tests of many copies of one run.

    That it is the same when it is drawn again, from its folder too, `test_report` and `test_forgeries` test.
    """
    from benchmarks.report import study_report

    pages: dict[tuple[str, str], str] = {}

    def once(result: Any, document: Any, scenario: Any, held: Any, sealed: str) -> str:
        key = json.dumps(held, sort_keys=True), sealed
        if key not in pages:
            pages[key] = study_report(result, document, scenario, held, sealed)
        return pages[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks.report.study_report", once)
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the file of what is measured."""
    parser.addoption("--measured", type=Path, help="a file for what the tests measure; at the end all is a table")


def pytest_collection_finish() -> None:
    """What is imported stays: nothing looks through it for garbage again and again, nor through all else so often."""
    gc.collect()
    gc.freeze()
    threadpool_limits(1, "blas")  # threads that wait for one another take three times as long where all cores are busy
    gc.set_threshold(20_000, 20, 20)  # as it is, a fifth of the time of a page goes into it


def pytest_configure(config: pytest.Config) -> None:
    """Registers what keeps the time and collects the figures."""
    config.pluginmanager.register(Figures(config.getoption("--measured")), "figures")
