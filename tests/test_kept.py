"""What a folder keeps of what was computed: the same to the last digit, found again, made again where it is damaged."""

from dataclasses import dataclass
from math import inf, nan
from pathlib import Path

import numpy as np
import pytest

from benchmarks.cli.verify_files import KEPT
from benchmarks.runs import kept as module
from benchmarks.runs.kept import as_kept, kept, to_keep
from simulator.numerics.arrays import Floats


@dataclass(frozen=True)
class Inner:
    """A part of what is kept."""

    text: str
    known: bool


@dataclass(frozen=True)
class Outer:
    """Every kind of value that is kept."""

    parts: tuple[Inner, ...]
    pair: tuple[float, float]
    count: int
    why: str | None
    table: Floats
    inner: Inner | None


ONE = Outer((Inner("a", True),), (0.1 + 0.2, inf), 3, None, np.array([[1 / 3, nan], [-inf, 0.0]]), Inner("b", False))


def test_values_are_read_as_they_were_written() -> None:
    read = as_kept(to_keep(ONE), Outer)
    assert (read.parts, read.pair, read.count, read.why, read.inner) == (
        ONE.parts, ONE.pair, 3, None, ONE.inner,
    )  # fmt: skip
    assert read.table.tobytes() == ONE.table.tobytes()
    assert type(read.count) is int


@pytest.mark.parametrize(
    "spoilt",
    [{}, [], None, {**to_keep(ONE), "count": 3}, {**to_keep(ONE), "count": "x"}, {**to_keep(ONE), "pair": ["1"]},
     {**to_keep(ONE), "more": "1"}, {**to_keep(ONE), "parts": [{"text": "a", "known": "yes"}]},
     {**to_keep(ONE), "table": [[3], ["1", "2"]]}],
)  # fmt: skip
def test_what_is_not_ours_is_no_value(spoilt: object) -> None:
    with pytest.raises(ValueError, match="not one of ours"):
        as_kept(spoilt, Outer)


def test_what_cannot_be_read_back_is_not_written() -> None:
    with pytest.raises(TypeError, match="set is not kept"):
        to_keep({1, 2})


class Maker:
    """Makes a value, and counts how often it was asked to."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> Outer:
        self.times += 1
        return ONE


def test_it_is_made_once_for_the_same_and_again_for_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = Maker()
    for _ in range(3):
        assert kept(tmp_path, "one", {"seed": 1}, Outer, make).count == 3
    assert make.times == 1
    kept(tmp_path, "one", {"seed": 2}, Outer, make)
    kept(tmp_path, "two", {"seed": 1}, Outer, make)
    assert make.times == 3
    monkeypatch.setattr(module, "versions", lambda: {"code": "another"})
    kept(tmp_path, "one", {"seed": 1}, Outer, make)
    assert make.times == 4


def test_a_run_folder_may_hold_it(tmp_path: Path) -> None:
    """`verify` knows the file by its name, and no other."""
    kept(tmp_path, "posterior", {"seed": 1}, Outer, Maker())
    (file,) = tmp_path.glob("*.json")
    assert KEPT.fullmatch(file.name)
    assert not KEPT.fullmatch(f"x{file.name}")


def test_what_is_damaged_or_forged_is_made_again(tmp_path: Path) -> None:
    make = Maker()
    kept(tmp_path, "one", {"seed": 1}, Outer, make)
    (file,) = tmp_path.glob("one-*.json")
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b'"3"', b'"4"'))
    assert kept(tmp_path, "one", {"seed": 1}, Outer, make).count == 3
    assert make.times == 2
    assert file.read_bytes() == whole
