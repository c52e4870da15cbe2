"""The rooms' own modules as plain Python, one piece of their source replaced: a planted defect without compilation.

Every loading is a set of modules of its own, which import one another and never the installed ones, so that a defect in
one kernel is met by all that use it.
"""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from numpy.random import Generator, Philox

HOME = Path(__file__).parent.parent
AGREEMENT = 1e-8

Gaps = Iterator[float]
Check = Callable[["Rooms"], Gaps]


@dataclass(frozen=True)
class Defect:
    """What is planted: in a module the text ``old``, which stands there ``count`` times, becomes ``new`` everywhere."""

    module: str  # as in analysis.kernels.cox
    what: str
    old: str
    new: str
    count: int = 1

    def __str__(self) -> str:
        return f"{self.module.rpartition('.')[2]}: {self.what}"


def defects(module: str, *made: tuple[str, str, str] | tuple[str, str, str, int]) -> list[Defect]:
    """Defects of one module: what, old, new and, unless it is 1, count."""
    return [Defect(module, *one) for one in made]


def source(module: str) -> str:
    """The text of a module."""
    return (HOME / f"{module.replace('.', '/')}.py").read_text("utf-8")


def replaced(text: str, defect: Defect) -> str:
    """The text with the defect in it; AssertionError unless it stands there as often as is said."""
    assert defect.old != defect.new, f"{defect}: nothing is changed"
    found = text.count(defect.old)
    assert found == defect.count, f"{defect}: found {found} times, not {defect.count}: {defect.old}"
    return text.replace(defect.old, defect.new)


@functools.cache
def _code(module: str, defect: Defect | None) -> CodeType:
    text = source(module)
    return compile(text if defect is None else replaced(text, defect), f"{module}.py", "exec")


def sum_of_products(a: Any, b: Any, c: Any, n: int) -> Any:
    """`analysis.kernels.lanes.sum_of_products`, which is no Python."""
    return (a[:n] * b[:n] * c[:n]).sum()


class Rooms:
    """Private modules by their dotted names, loaded when first asked for."""

    def __init__(self, defect: Defect | None = None) -> None:
        self.defect = defect
        self._made: dict[str, Any] = {
            "simulator.compiled": SimpleNamespace(kernel=lambda function: function),
            "analysis.kernels.lanes": SimpleNamespace(sum_of_products=sum_of_products),
        }

    def __getitem__(self, name: str) -> Any:
        """The module ``name``, as in ``analysis.survival``."""
        if name not in self._made:
            made: Any = ModuleType(f"planted.{name}")
            self._made[name] = made
            made.__builtins__ = {**vars(__import__("builtins")), "__import__": self._import}
            own = self.defect if self.defect is not None and self.defect.module == name else None
            exec(_code(name, own), vars(made))
        return self._made[name]

    def _import(self, name: str, globals: Any = None, locals: Any = None, wanted: Any = (), level: int = 0) -> Any:
        if name in self._made or (HOME / f"{name.replace('.', '/')}.py").is_file():
            return self[name]
        inside = [word for word in wanted or () if (HOME / name.replace(".", "/") / f"{word}.py").is_file()]
        if name.split(".")[0] in ("analysis", "simulator") and inside:
            return SimpleNamespace(**{word: self[f"{name}.{word}"] for word in inside})
        return __import__(name, globals, locals, wanted, level)


def largest_gap(check: Check, defect: Defect | None = None) -> float:
    """How far the plain kernels are from the slow twins; with a defect, only as far as the first disagreement."""
    rooms, largest = Rooms(defect), 0.0
    with np.errstate(all="ignore"):
        for gap in check(rooms):
            largest = max(largest, gap)
            if defect is not None and not largest < AGREEMENT:
                break
    return largest


def unless(same: Any) -> float:
    """No gap where the two are the same, an infinite one where not."""
    return 0.0 if np.all(same) else np.inf


@functools.cache
def cohort(seed: int, p: int, n: int = 24, binary: bool = False, tied: bool = True) -> Any:
    """A cohort with tied times (unless not), entry times that meet them, strata, clusters and weights, some zero."""
    draw = Generator(Philox(seed))
    x = draw.integers(0, 2, (n, p)).astype(float) if binary else draw.normal(size=(n, p)).round(2)
    time = np.ceil(draw.exponential(5 * np.exp(-0.5 * x[:, 0])))
    return SimpleNamespace(
        time=time if tied else time + Generator(Philox(seed)).permutation(n) / 64,
        event=draw.random(n) < 0.75,
        x=x,
        present=draw.random(n) < 0.9,
        weight=draw.integers(0, 5, n) / 2.0,
        stratum=draw.integers(3, 6, n),
        entry=np.floor(time * draw.random(n)) - (draw.random(n) < 0.2),
        cluster=draw.integers(0, 8, n),
    )
