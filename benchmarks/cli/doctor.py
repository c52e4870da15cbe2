"""`trialtwin doctor`: whether this installation is in order, line by line, and what to do where it is not."""

import importlib
import os
import platform
import re
import shutil
import ssl
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmarks.cli.options import cores
from simulator import siblings

if TYPE_CHECKING:
    from benchmarks.words.answer import Answer

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
ELSEWHERE = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
EXTRAS = {"docx": "tables as one Word file", "dask": "work on a cluster, and TLS to its scheduler"}
"""What is told of the parts that a user may install; those for developers are not told."""
LEAST_MEMORY, LEAST_DISK = 1e9, 1e9


@dataclass(frozen=True)
class Looked:
    """One thing that was looked at: what was found; whether it will do, None where it is not needed; what to do."""

    what: str
    found: str
    ok: bool | None = True
    do: str = ""

    def text(self, width: int) -> str:
        """The line as it is printed."""
        mark = {True: "OK", False: "NOT OK", None: "-"}[self.ok]
        return f"{mark:6}  {self.what:{width}}  {self.found}" + (f"; {self.do}" if self.do else "")


def doctor() -> "Answer":
    """Every line; it holds where nothing that is needed is missing."""
    found = [line for name, looked in LOOKED.items() for line in seen(name, looked)]
    width = max(len(line.what) for line in found)
    bad = [line for line in found if line.ok is False]
    verdict = f"{len(bad)} of {len(found)} lines need your attention." if bad else "All that is needed is in order."
    lines = (*(line.text(width) for line in found), "", verdict)
    try:
        from benchmarks.words.answer import Answer
    except ImportError:  # what an answer is made with is missing, too
        click.echo("\n".join(lines))
        raise click.exceptions.Exit(1) from None
    return Answer({"holds": not bad, "lines": found}, lines=lines, holds=not bad, found=found)


def seen(name: str, looked: Callable[[], Iterator[Looked]]) -> Iterator[Looked]:
    """The lines of one look; one line that says so where a package that it needs cannot be imported."""
    try:
        yield from looked()
    except ImportError as error:
        told = " ".join(str(error).split())[:200]
        yield Looked(
            name, f"cannot be looked at: {told}", False, "install TrialTwin again: pip install --force-reinstall"
        )


def needed() -> Iterator[Looked]:
    """Python, this distribution, and each package that it needs, with the versions that it admits."""
    yield Looked("system", f"{platform.system()} {platform.machine()}")
    held = platform.python_version()
    try:
        wanted, python = requires("trialtwin") or [], metadata("trialtwin")["Requires-Python"] or ""
    except PackageNotFoundError:
        yield Looked("trialtwin", "is not installed", False, "pip install trialtwin, or pip install -e . in its folder")
        return
    fits = admitted(held, python)
    do = "" if fits else f"install Python {python} and TrialTwin in it"
    yield Looked("python", f"{held}, {sys.executable}", fits, do)
    yield Looked("trialtwin", version("trialtwin"))
    for line in wanted:
        if "extra ==" not in line:
            yield package(line)


def package(requirement: str) -> Looked:
    """The line of a package that is needed: its version, and whether that is one of those asked for."""
    name, asked = re.match(r"([\w.-]+)(?:\[[^]]*\])?\s*([^;]*)", requirement).groups()  # type: ignore[union-attr]
    do = f"pip install '{name}{asked.strip()}'"
    try:
        held = version(name)
    except PackageNotFoundError:
        return Looked(name, "is not installed", False, do)
    return Looked(name, held) if admitted(held, asked) else Looked(name, f"{held}, not {asked.strip()}", False, do)


def admitted(held: str, asked: str) -> bool:
    """Whether a version is within limits as ``>=2.2,<3``."""
    rules: dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
        ">=": lambda one, other: one >= other,
        "<": lambda one, other: one < other,
        "==": lambda one, other: one == other,
        "!=": lambda one, other: one != other,
    }
    limits = re.findall(r"(>=|<=|==|!=|<|>)\s*([\d.]+)", asked)
    return all(rules[sign](_numbers(held, limit), _numbers(limit, held)) for sign, limit in limits if sign in rules)


def _numbers(one: str, other: str) -> tuple[int, ...]:
    """The numbers of a version, as many as the longer of the two has."""
    parts = [[int(part) for part in re.findall(r"\d+", text.partition("+")[0])[:4]] for text in (one, other)]
    return tuple(parts[0] + [0] * (max(map(len, parts)) - len(parts[0])))


def packages_of_ours() -> Iterator[Looked]:
    """Whether the packages that are imported are ours, and whether a folder here has the name of one."""
    wrong = []
    for name in siblings.ROOMS:
        place = getattr(importlib.import_module(name), "__file__", None) or "an unknown place"
        if Path(place).resolve() != siblings.HOME / name / "__init__.py":
            wrong.append(f"'{name}' is that of {place}")
    do = "rename it, or start Python elsewhere"
    yield Looked("own packages", "; ".join(wrong) or str(siblings.HOME), not wrong, do if wrong else "")
    here = [name for name in siblings.ROOMS if (Path(name).is_dir() and Path(name).resolve().parent != siblings.HOME)]
    if here:
        yield Looked("folders here", f"{', '.join(here)}: named as ours; they are not used", None)


def kernels() -> Iterator[Looked]:
    """Where compiled code is kept, how much of it there is, and whether all is compiled."""
    from benchmarks.workers.warm_up import PARTS, compiled, folder

    place = folder()
    if place is None:
        do = "name a folder of yours with NUMBA_CACHE_DIR or XDG_CACHE_HOME, or each start takes half a minute more"
        yield Looked("kernel cache", "no folder for compiled code can be written", False, do)
        return
    size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
    yield Looked("kernel cache", f"{place}, {size / 1e6:,.0f} MB, can be written")
    done = len(compiled(place))
    state = "warm, all is compiled" if done == len(PARTS) else f"cold, {done} of {len(PARTS)} parts are compiled"
    do = "" if done == len(PARTS) else "the first run compiles the rest, or: trialtwin warm-up"
    yield Looked("kernels", state, True if done == len(PARTS) else None, do)


def machine() -> Iterator[Looked]:
    """Cores, memory, and the room in the current folder, where runs are written."""
    from simulator.numerics.memory import free_memory

    yield Looked("cores", str(cores()))
    free = free_memory()
    told = "unknown" if free == float("inf") else f"{free / 1e9:.1f} GB free"
    yield Looked(
        "memory", told, free >= LEAST_MEMORY, "" if free >= LEAST_MEMORY else "close other programs, or --jobs 1"
    )
    room = shutil.disk_usage(".").free
    may, small = os.access(".", os.W_OK), room < LEAST_DISK
    do = "change to a folder of yours, or name one with --out" if not may else "make room" if small else ""
    told = f"{os.getcwd()}, {room / 1e9:,.1f} GB free" + ("" if may else ", cannot be written")
    yield Looked("this folder", told, may and not small, do)


def browser() -> str | None:
    """The Chromium, or a browser made from it, that turns pages into PDF; None where none is found."""
    found = (shutil.which(name) for name in BROWSERS)
    return next((place for place in found if place), next((one for one in ELSEWHERE if Path(one).is_file()), None))


def optional() -> Iterator[Looked]:
    """What need not be there: a browser for PDF, TLS, and the extras."""
    chromium = browser()
    do = "" if chromium else "install Chromium or Chrome to write pages as PDF"
    yield Looked("chromium", chromium or "not found", True if chromium else None, do)
    yield Looked("TLS", ssl.OPENSSL_VERSION)
    for extra, what in EXTRAS.items():
        wanted = [line for line in requires("trialtwin") or [] if re.search(rf"extra == ['\"]{extra}['\"]", line)]
        lines = [package(line) for line in wanted]
        held = ", ".join(f"{line.what} {line.found}" for line in lines)
        if all(line.ok for line in lines):
            yield Looked(f"extra {extra}", f"{held} ({what})")
        else:
            absent = any(line.found == "is not installed" for line in lines)
            do = f"pip install 'trialtwin[{extra}]' for {what}"
            yield Looked(f"extra {extra}", "not installed" if absent else held, None, do)


LOOKED = {
    "packages": needed, "own packages": packages_of_ours, "kernels": kernels, "machine": machine, "extras": optional,
}  # fmt: skip
