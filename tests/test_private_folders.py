"""Compiled code that another could have written is never run, nor are numba's settings read from the current folder."""

import hashlib
import importlib.util
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import pytest

from simulator.numerics import compiled, private_folders
from simulator.numerics.private_folders import fault, file_fault, made

HOME = Path(__file__).parent.parent
NOBODY = 65534
ROOT = os.getuid() == 0
KERNEL = "from simulator.numerics.compiled import kernel\n@kernel\ndef more(x):\n    return x + 1.0\n"


class Evil:
    """What makes a folder when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = str(place)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, bool]]:
        """The call that unpickling makes."""
        return _make, (self.place, True)


def _make(place: str, again: bool) -> tuple[str, dict[str, str]]:
    os.makedirs(place, exist_ok=again)
    return "", {}


class Machine:
    """A user's home, temporary folder and kernel, and what using it says."""

    def __init__(self, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.place, self.patch, self.capsys = place, monkeypatch, capsys
        (place / "mine.py").write_text(KERNEL)
        (place / "spare").mkdir(mode=0o700)
        self.cache = place / "home" / "trialtwin"
        self.owned = place / "owned"
        monkeypatch.setenv("XDG_CACHE_HOME", str(place / "home"))
        monkeypatch.setattr("tempfile.tempdir", str(place / "spare"))
        monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
        monkeypatch.setattr(numba.config, "CACHE_DIR", "")

    def use(self, named: Path | None = None) -> tuple[Path | None, str]:
        """Where the kernel's compiled code is kept once it was used, and the lines on stderr."""
        self.patch.delenv("TRIALTWIN_CACHE_TOLD", raising=False)
        numba.config.CACHE_DIR = str(named or "")
        compiled._part.cache_clear()
        self.patch.setattr(compiled, "CACHED", compiled._choose_cache())
        spec = importlib.util.spec_from_file_location("mine", self.place / "mine.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        assert module.more(1.0) == 2.0
        path = getattr(module.more._cache, "cache_path", None)
        told = self.capsys.readouterr().err
        assert told.count("\n") <= 1
        return (None if path is None else Path(path).parent), told

    def files(self, ending: str = "*.nb[ic]") -> list[Path]:
        """The files of compiled code."""
        return sorted(self.cache.rglob(ending))

    def plant(self) -> None:
        """Put what runs a stranger's code when it is read in the place of each index, whole by its checksum."""
        for path in self.files("*.nbi"):
            content = pickle.dumps(numba.__version__) + pickle.dumps(Evil(self.owned))
            path.write_bytes(content + hashlib.sha256(content).digest())


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Machine:
    return Machine(tmp_path, monkeypatch, capsys)


def test_compiled_code_of_ours_is_kept_for_us_alone(machine: Machine) -> None:
    before = os.umask(0o002)
    try:
        assert machine.use() == (machine.cache, "")
    finally:
        os.umask(before)
    assert len(machine.files()) == 2
    assert {path.stat().st_mode & 0o777 for path in machine.files()} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in (machine.cache, machine.cache.parent)} == {0o700}
    kept = [path.stat().st_mtime_ns for path in machine.files()]
    assert machine.use() == (machine.cache, "")
    assert [path.stat().st_mtime_ns for path in machine.files()] == kept


def test_what_lies_in_our_own_folder_would_be_run(machine: Machine) -> None:
    """Else the tests below would prove nothing."""
    machine.use()
    machine.plant()
    machine.use()
    assert machine.owned.exists()


def _linked(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def _given_away(path: Path) -> None:
    os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "group": (lambda path: path.chmod(0o770), "others may write"),
    "others": (lambda path: path.chmod(0o702), "others may write"),
    "link": (_linked, "is a symbolic link"),
    "owner": (_given_away, f"belongs to user {NOBODY}"),
}


@pytest.mark.parametrize("how", FAULTS)
@pytest.mark.parametrize("where", ["cache", "part", "file", "parent"])
def test_nothing_is_run_that_another_could_have_written(machine: Machine, where: str, how: str) -> None:
    if how == "owner" and not ROOT:
        pytest.skip("only root can give a folder away")
    if (where, how) == ("parent", "link"):
        pytest.skip("a link of ours above the cache leads where we want")
    machine.use()
    machine.plant()
    spoil, word = FAULTS[how]
    part = machine.files()[0].parent
    for place in {"cache": [machine.cache], "part": [part], "parent": [machine.cache.parent]}.get(
        where, machine.files("*.nbi")
    ):
        spoil(place)
    kept, told = machine.use()
    assert not machine.owned.exists()
    assert told.startswith("trialtwin: compiled code is not ")
    assert word in told
    spare = machine.place / "spare" / f"trialtwin-{os.getuid()}"
    assert kept == {"cache": spare, "parent": spare, "part": None, "file": machine.cache}[where]
    if where == "file":
        assert machine.use() == (machine.cache, "")  # it was put in order


@pytest.mark.parametrize("how", [one for one in FAULTS if one != "owner" or ROOT])
def test_a_folder_that_was_named_is_held_to_the_same(machine: Machine, how: str) -> None:
    named = machine.place / "named"
    named.mkdir(mode=0o700)
    assert machine.use(named) == (named, "")
    FAULTS[how][0](named)
    kept, told = machine.use(named)
    assert kept == machine.cache
    assert FAULTS[how][1] in told
    assert f"; it is kept in {machine.cache}" in told


def test_without_any_safe_place_each_process_compiles(machine: Machine) -> None:
    for place in (machine.cache, machine.place / "spare" / f"trialtwin-{os.getuid()}"):
        place.mkdir(parents=True)
        place.chmod(0o777)
    kept, told = machine.use()
    assert kept is None
    assert told.endswith("each process compiles anew\n")


def test_parents_that_others_may_rename_are_faults(tmp_path: Path) -> None:
    one = tmp_path / "one"
    assert fault(one / "two") is None
    assert made(one / "two")
    for mode, good in ((0o755, True), (0o1777, True), (0o777, False), (0o775, False), (0o1775, True), (0o757, False)):
        one.chmod(mode)
        assert (fault(one / "two") is None) == good, oct(mode)
    one.chmod(0o755)
    (tmp_path / "link").symlink_to(one)
    assert fault(tmp_path / "link" / "two") is None
    one.chmod(0o777)
    assert fault(tmp_path / "link" / "two") == f"others may write to {one}"
    if ROOT:
        one.chmod(0o755)
        os.chown(tmp_path / "link", NOBODY, NOBODY, follow_symlinks=False)
        assert fault(tmp_path / "link" / "two") == f"{tmp_path}/link belongs to user {NOBODY}"
        os.chown(one, NOBODY, NOBODY)
        assert fault(one / "two") == f"{one} belongs to user {NOBODY}"


def test_files_of_others_are_faults(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert file_fault(path) is None
    path.touch(mode=0o600)
    assert file_fault(path) is None
    path.chmod(0o620)
    assert file_fault(path) == f"others may write to {path}"
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert file_fault(tmp_path / "pipe") == f"{tmp_path}/pipe is no file"


def test_a_place_is_told_once_and_on_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TRIALTWIN_CACHE_TOLD", raising=False)
    for _ in range(2):
        private_folders.tell("a " + private_folders.shown(Path(os.fsdecode(b"b\nc\xff\x1b"))))
    assert capsys.readouterr().err == "trialtwin: a b\\nc\\udcff\\x1b\n"


@pytest.mark.parametrize("content", ["cache_dir: {place}/planted\n", "disable_jit: 1\n", ": no [ yaml\n"])
def test_numbas_settings_in_the_current_folder_are_not_read(tmp_path: Path, content: str) -> None:
    """A mailed folder could name one of compiled code in it, which would be run."""
    (tmp_path / ".numba_config.yaml").write_text(content.format(place=tmp_path))
    script = (
        "from simulator.numerics import compiled; import numba, os\n"
        "numba.config.reload_config()\n"
        "print(numba.config.CACHE_DIR, numba.config.DISABLE_JIT, os.getcwd())"
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA_", "TRIALTWIN_"))}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**kept, "PYTHONPATH": str(HOME), "XDG_CACHE_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(tmp_path / "home" / "trialtwin"), "0", str(tmp_path)]
    assert done.stderr.count("\n") == 1
    assert ".numba_config.yaml" in done.stderr
