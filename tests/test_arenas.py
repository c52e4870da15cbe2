"""Memory of threads: few heaps, what is free is given back, and the user's own setting stands."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAPS = """
import ctypes, sys, threading
from benchmarks.workers.arenas import few_arenas
if sys.argv[1] == "few":
    assert few_arenas()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
libc.fclose.argtypes = [ctypes.c_void_p]
libc.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
together = threading.Barrier(12)
def work():
    together.wait()
    kept = [bytearray(100_000) for _ in range(10)]  # below the size that is mapped by itself
    together.wait()
crew = [threading.Thread(target=work) for _ in range(12)]
[one.start() for one in crew]
[one.join() for one in crew]
told = libc.fopen(sys.argv[2].encode(), b"w")
libc.malloc_info(0, told)
libc.fclose(told)
"""
FREED = """
from benchmarks.workers.arenas import give_back
def held():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 2**20
kept = [bytearray(100_000) for _ in range(200)]  # below the size that is mapped by itself
above = [bytearray(100_000) for _ in range(5)]  # the C library gives back nothing below what is held
full = held()
del kept
unasked = full - held()
assert give_back()
print(unasked, full - held())
"""
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks glibc")


def ran(source: str, *words: str) -> list[float]:
    """The numbers that a process of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", source, *words],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    return [float(word) for word in done.stdout.split()]


def heaps(which: str, told: Path) -> int:
    """How many heaps a process has whose twelve threads all held memory at the same moment."""
    ran(HEAPS, which, str(told))
    return told.read_text().count("<heap nr=")


@LINUX
def test_threads_share_as_many_heaps_as_there_are_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    cores = max(os.cpu_count() or 1, 2)
    assert heaps("few", tmp_path / "few.xml") <= cores
    assert heaps("many", tmp_path / "many.xml") > min(cores, 12)


@LINUX
def test_what_is_free_is_given_back() -> None:
    unasked, asked = ran(FREED)
    assert unasked < 5
    assert asked > 15


@LINUX
def test_the_users_own_setting_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.workers.arenas import few_arenas

    monkeypatch.setenv("MALLOC_ARENA_MAX", "3")
    assert not few_arenas()


def test_another_system_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.workers import arenas

    monkeypatch.setattr(arenas.sys, "platform", "darwin")
    assert not arenas.give_back()
