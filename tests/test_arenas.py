"""Memory of threads: a process whose threads come and go does not grow with them, and the user's own setting stands."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

GROWS = """
import sys, threading
from benchmarks.workers.arenas import few_arenas, give_back
if sys.argv[1] == "few":
    assert few_arenas()
def held():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 2**20
kept = []
def work():
    kept.extend(bytearray(100_000) for _ in range(100))  # below the size that is mapped by itself
    del kept[:]
start = held()
for _ in range(3):
    crew = [threading.Thread(target=work) for _ in range(12)]
    [one.start() for one in crew]
    [one.join() for one in crew]
grown = held() - start
give_back()
print(grown, held() - start)
"""
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks glibc")


def grown(*words: str, **more: str) -> tuple[float, float]:
    """Megabytes that a process has grown by after its threads, and after it gave back what is free."""
    done = subprocess.run(
        [sys.executable, "-c", GROWS, *words], capture_output=True, text=True, check=True,
        cwd=Path(__file__).parents[1], env={**os.environ, **more},
    )  # fmt: skip
    before, after = map(float, done.stdout.split())
    return before, after


@LINUX
def test_what_is_free_is_given_back() -> None:
    _, after = grown("few")
    assert after < 5


@LINUX
def test_the_users_own_setting_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.workers.arenas import few_arenas

    monkeypatch.setenv("MALLOC_ARENA_MAX", "3")
    assert not few_arenas()


def test_another_system_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.workers import arenas

    monkeypatch.setattr(arenas.sys, "platform", "darwin")
    assert not arenas.give_back()
