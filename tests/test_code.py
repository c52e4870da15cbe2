"""The stamp of a run notices what can change a number, and nothing else."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.runs.code import HOME, MAKERS, code_digest, digest_of, makers, meaning
from tests.test_layers import imports_of, wing_of

CHECKS_OR_SCHEDULES = {
    ("benchmarks.asked", "analysis.audit"),  # whether published numbers are numbers
    ("benchmarks.asked", "analysis.paper"),  # whether their keys are keys
    ("analysis.estimators", "simulator.siblings"),  # where a child finds its modules
    ("benchmarks.runs", "analysis.cohort_files"),  # how much a Parquet file may unpack to
    ("benchmarks.truth", "benchmarks.workers"),  # which thread counts which block
}
"""What makers import of wings that are none: nothing that reaches a number."""

KERNEL = b'''"""A kernel."""

def half(x: float, share: float = 0.5) -> float:
    """The share of x."""
    if x < 0.0:
        raise ValueError("x is negative")
    return share * x  # of x
'''


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A checkout of the rooms."""
    for room in MAKERS:
        shutil.copytree(HOME / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_every_wing_that_a_maker_imports_is_one() -> None:
    wings = {f"{room}.{wing}" for room, names in MAKERS.items() for wing in names}
    others = {(own, wing_of(name)) for _, own, name in imports_of(HOME) if own in wings and "." in wing_of(name)}
    ours = {(own, other) for own, other in others if other.split(".")[0] in MAKERS and other not in wings}
    assert ours == CHECKS_OR_SCHEDULES
    assert {wing_of(".".join(path.relative_to(HOME).parts)) for path in makers(HOME)} == wings


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"  # of x", b"  # of all of x"),
        (b'"""The share of x."""', b'"""So much of x.\n\n    At most x.\n    """'),
        (b'"""A kernel."""\n', b'"""Another text."""\n\n\n'),
        (b"share * x", b"(\n        share * x\n    )"),
        (b'"x is negative"', b'f"write an x of at least 0, not {x}"'),
    ],
)
def test_comments_layout_and_words_mean_nothing(old: bytes, new: bytes) -> None:
    assert old in KERNEL
    assert meaning(KERNEL.replace(old, new)) == meaning(KERNEL)


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"0.5", b"0.6"), (b"x < 0.0", b"x <= 0.0"), (b"share * x", b"share + x"), (b"ValueError", b"TypeError")],
)
def test_every_other_change_means_something(old: bytes, new: bytes) -> None:
    assert meaning(KERNEL.replace(old, new)) != meaning(KERNEL)


def _changed(place: str, change: Callable[[str], str]) -> Callable[[Path], None]:
    def made(home: Path) -> None:
        path = home / place
        before = path.read_text("utf-8")
        path.write_text(change(before), "utf-8")
        assert path.read_text("utf-8") != before

    return made


def test_only_what_can_change_a_number_changes_the_digest(copy: Path) -> None:
    stamp = digest_of(copy, None)
    assert stamp == code_digest()
    for harmless in (
        _changed("benchmarks/words/verdicts.py", lambda text: text + "X = 1\n"),
        _changed("benchmarks/cli/verbs.py", lambda text: text.replace("valid, ", "is valid, ")),
        _changed("benchmarks/report/engine.py", lambda text: text + "X = 1\n"),
        _changed("benchmarks/runs/manifest.py", lambda text: text.replace("choose another folder", "take another")),
        _changed("analysis/kernels/cox.py", lambda text: "# a comment\n" + text),
        _changed("simulator/mechanisms/outcomes.py", lambda text: text.replace('"""', '"""So: ', 1)),
    ):
        harmless(copy)
        assert digest_of(copy, None) == stamp
    for place in (
        "analysis/kernels/km.py",
        "analysis/estimators/base.py",
        "simulator/numerics/streams.py",
        "simulator/mechanisms/outcomes.py",
        "benchmarks/asked/scenario.py",
        "benchmarks/truth/fitted.py",
    ):
        _changed(place, lambda text: text + "\nADDED = 1\n")(copy)
        assert digest_of(copy, None) != stamp, place
        stamp = digest_of(copy, None)


def test_the_digest_is_kept_and_a_damaged_one_is_found_anew(copy: Path, tmp_path: Path) -> None:
    shutil.rmtree(copy / "analysis" / "kernels")
    kept = tmp_path / "kept"
    kept.mkdir()
    first = digest_of(copy, kept)
    (place,) = kept.iterdir()
    assert place.read_text() == first
    place.write_text("f" * 64)
    assert digest_of(copy, kept) == "f" * 64  # it was read, not found anew
    place.write_text(first[:30])
    assert digest_of(copy, kept) == first
    assert digest_of(copy, tmp_path / "absent") == first
