"""Compiled kernels: a cache that cannot be written, or is damaged, must not break anything."""

import hashlib
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.numerics import compiled

ROOT = Path(__file__).parents[1]
SAY = "from simulator.numerics import compiled; import numba; from tests.doubled import doubled; \
print(doubled(0.75), compiled.CACHED, numba.config.CACHE_DIR)"


def say(code: str = SAY, **environment: str) -> tuple[float, bool, str]:
    """What a fresh interpreter prints: a number that kernels make, whether there is a cache, and where."""
    kept = {key: value for key, value in os.environ.items() if key not in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME")}
    made = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**kept, "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    assert len(made.stderr.splitlines()) <= 1, made.stderr
    number, cached, *folder = made.stdout.split()
    return float(number), cached == "True", " ".join(folder)


@pytest.fixture(scope="module")
def expected() -> float:
    return 2 * (0.75 + 1)


@pytest.fixture(scope="module")
def compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which those kernels are compiled."""
    home: Path = tmp_path_factory.mktemp("home")
    say(HOME=str(home))
    return home


@pytest.fixture
def filled(compiled_once: Path, tmp_path: Path) -> Path:
    """A copy of it, to spoil."""
    return Path(shutil.copytree(compiled_once, tmp_path / "home"))


def test_the_cache_is_in_the_users_own_folder(tmp_path, expected):
    number, cached, folder = say(HOME=str(tmp_path))
    assert number == expected
    assert cached
    assert Path(folder) == tmp_path / ".cache" / "trialtwin"
    assert list(Path(folder).rglob("*.nbc"))


def test_an_unwritable_home_goes_to_the_temporary_folder(tmp_path, expected):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    spare = tmp_path / "spare"
    spare.mkdir()
    number, cached, folder = say(HOME=str(blocked), TMPDIR=str(spare))
    assert number == expected
    assert cached
    assert Path(folder).parent == spare
    assert Path(folder).stat().st_mode & 0o077 == 0


def test_nothing_writable_means_no_cache(tmp_path, expected):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    spare = tmp_path / "spare"
    spare.mkdir()
    (spare / f"trialtwin-{os.getuid()}").write_text("in the way")
    number, cached, _ = say(HOME=str(blocked), TMPDIR=str(spare))
    assert (number, cached) == (expected, False)
    number, cached, _ = say(NUMBA_CACHE_DIR=str(blocked / "below"))
    assert (number, cached) == (expected, False)


def test_a_folder_that_others_can_write_is_not_trusted(tmp_path, expected):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    spare = tmp_path / "spare"
    planted = spare / f"trialtwin-{os.getuid()}"
    planted.mkdir(parents=True)
    planted.chmod(0o777)
    number, cached, _ = say(HOME=str(blocked), TMPDIR=str(spare))
    assert (number, cached) == (expected, False)


def test_a_damaged_cache_is_passed_over(filled, expected):
    damaged = [path for path in filled.rglob("*") if path.suffix in (".nbi", ".nbc")]
    assert damaged
    for keep in (0, 20):
        for path in damaged:
            path.write_bytes(path.read_bytes()[:keep])
        assert say(HOME=str(filled))[0] == expected


@pytest.mark.parametrize("seed", [5, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (6, 7, 8))])
def test_a_damaged_cache_is_mended_and_never_run(filled, expected, seed):
    """Bits flipped in compiled code could crash or change numbers: such a file counts as absent and is written anew."""
    files = sorted(path for path in filled.rglob("*") if path.suffix in (".nbi", ".nbc"))
    before = {path: path.read_bytes() for path in files}
    assert files
    rng = random.Random(seed)
    for path in files:
        content = bytearray(path.read_bytes())
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(content)
    assert say(HOME=str(filled))[0] == expected
    assert {path for path in files if path.read_bytes()[:100] == before[path][:100]} == set(files)
    assert all(_sealed(path) for path in files)


def test_a_flipped_bit_anywhere_is_seen(filled):
    path = next(iter(sorted(filled.rglob("*.nbc"))))
    whole = path.read_bytes()
    assert compiled._whole(path)
    for place in (0, 1, len(whole) // 2, len(whole) - 33, len(whole) - 32, len(whole) - 1):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        assert not compiled._whole(path)
    for content in (b"", b"x", whole[:-1], whole + b"x"):
        path.write_bytes(content)
        assert not compiled._whole(path)


def _sealed(path: Path) -> bool:
    content = path.read_bytes()
    return hashlib.sha256(content[:-32]).digest() == content[-32:]


def test_a_full_disk_is_passed_over(tmp_path, expected):
    full = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); \
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
    assert say(full + SAY, HOME=str(tmp_path))[0] == expected
    assert not list(tmp_path.rglob("*.nbc"))  # none was so small


def test_a_change_in_another_file_is_compiled_anew(tmp_path):
    """What is compiled into a kernel may come from files that it imports, directly or not."""
    (tmp_path / "first.py").write_text("STEP = 1.0\n")
    (tmp_path / "second.py").write_text(
        "from simulator.numerics.compiled import kernel\nfrom first import STEP\n"
        "@kernel\ndef more(x):\n    return x + STEP\n"
    )
    (tmp_path / "third.py").write_text(
        "from simulator.numerics.compiled import kernel\nfrom second import more\n"
        "@kernel\ndef twice(x):\n    return 2 * more(x)"
    )
    code = "from third import twice; print(twice(1.0), True, twice.stats.cache_hits)"
    places = {"HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    assert say(code, **places) == (4.0, True, "Counter()")
    number, _, hits = say(code, **places)
    assert number == 4.0
    assert hits != "Counter()"
    (tmp_path / "first.py").write_text("STEP = 2.0\n")
    assert say(code, **places)[0] == 6.0


PACKAGES = {
    "one/__init__.py": "",
    "one/kernels/__init__.py": "from simulator.numerics.compiled import kernel\n",
    "one/kernels/top.py": """from simulator.numerics.compiled import kernel
from two.inner import (  # a note (with brackets
    more,
    Never as N,
)
from . import near, \\
    far
from ..settings import *
import two.other as other, three
def late():
    from two import last
    import four; import five
@kernel
def twice(x):
    return 2 * more(x) + near.NEAR
""",
    "one/kernels/near.py": "NEAR = 0.0\n",
    "one/kernels/far.py": "",
    "one/settings.py": "",
    "one/unused.py": "",
    "two/__init__.py": "",
    "two/inner/__init__.py": "from two.inner.steps import more\nNever = 0\n",
    "two/inner/steps.py": """from simulator.numerics.compiled import kernel
from two.numbers import STEP
@kernel
def more(x):
    return x + STEP
""",
    "two/numbers.py": "STEP = 1.0\nimport two.inner\n",
    "two/other.py": "",
    "two/last.py": "",
    "three.py": "import numpy\n",
    "four.py": "",
    "five.py": "",
    "six.py": "",
}


def planted_packages(folder: Path) -> None:
    for name, text in PACKAGES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def sources(path: Path) -> set[Path]:
    """The files that count as the code of a kernel in the file."""
    return {Path(one) for one in compiled._sources(str(path))}


def test_imports_are_followed_across_packages_in_whatever_way_they_are_written(tmp_path, monkeypatch):
    planted_packages(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    found = sources(tmp_path / "one/kernels/top.py")
    theirs = {str(path.relative_to(tmp_path)) for path in found if path.is_relative_to(tmp_path)}
    assert theirs == set(PACKAGES) - {"one/unused.py", "six.py"}
    ours = {str(path.relative_to(ROOT)) for path in found if path.is_relative_to(ROOT)}
    assert ours == {
        "simulator/__init__.py",
        "simulator/numerics/__init__.py",
        "simulator/numerics/compiled.py",
        "simulator/numerics/numba_private.py",
        "simulator/numerics/private_folders.py",
    }
    assert len(found) == len(theirs) + len(ours)  # nothing of numpy, numba or Python itself


def test_a_kernel_of_ours_knows_the_files_of_the_rooms_below():
    found = {str(path.relative_to(ROOT)) for path in sources(ROOT / "analysis/kernels/cox.py")}
    assert {
        "simulator/numerics/arrays.py",
        "simulator/numerics/compiled.py",
        "analysis/kernels/cox_likelihood.py",
    } <= found
    below = {str(path.relative_to(ROOT)) for path in sources(ROOT / "analysis/kernels/neighbours.py")}
    assert "analysis/kernels/cox.py" not in below


def test_a_users_own_packages_of_our_names_change_nothing_of_ours(tmp_path, monkeypatch):
    """Else all would be compiled anew wherever such a folder lies, and anew again elsewhere."""
    planted_packages(tmp_path)
    for name in ("simulator/numerics/compiled.py", "analysis/kernels/cox.py", "analysis/__init__.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("raise SystemExit('theirs was imported')")
    compiled._imported.cache_clear()
    before = sources(ROOT / "analysis/kernels/cox.py")
    monkeypatch.syspath_prepend(str(tmp_path))
    compiled._imported.cache_clear()
    assert sources(ROOT / "analysis/kernels/cox.py") == before
    assert len(before) > 5
    compiled._imported.cache_clear()
    assert tmp_path / "simulator/numerics/compiled.py" in sources(tmp_path / "one/kernels/top.py")


@pytest.mark.parametrize("library", ["lib/python3/site-packages", "share/dist-packages"])
def test_where_others_packages_lie_our_own_alone_are_followed(tmp_path, monkeypatch, library):
    planted_packages(tmp_path / library)
    monkeypatch.syspath_prepend(str(tmp_path / library))
    found = sources(tmp_path / library / "one/kernels/top.py")
    theirs = {str(path.relative_to(tmp_path / library)) for path in found if path.is_relative_to(tmp_path)}
    assert theirs == {name for name in PACKAGES if name.startswith("one/")} - {"one/unused.py"}


def test_a_change_in_a_sibling_package_is_compiled_anew(tmp_path):
    planted_packages(tmp_path)
    code = "from one.kernels.top import twice; print(twice(1.0), True, twice.stats.cache_hits)"
    places = {"HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    assert say(code, **places) == (4.0, True, "Counter()")
    assert say(code, **places)[2] != "Counter()"
    (tmp_path / "two/numbers.py").write_text("STEP = 2.0\n")
    assert say(code, **places)[0] == 6.0


def test_an_index_that_names_a_class_of_another_version_counts_as_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Renamed:
        pass

    Renamed.__qualname__ = "Renamed"
    monkeypatch.setattr(sys.modules[__name__], "Renamed", Renamed, raising=False)
    tmp_path.chmod(0o700)
    kept = compiled._Checked(str(tmp_path), "kernel", "stamp")
    kept._save_index({Renamed: "data"})
    assert kept._load_index() == {Renamed: "data"}
    monkeypatch.undo()
    assert kept._load_index() == {}
