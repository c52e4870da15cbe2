"""Studies with code of their own that came by mail."""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from analysis.estimators import own_call as loading
from analysis.estimators import own_code, trust
from tests.test_cli import _call
from tests.worlds import tree

MARK = "with open({!r}, 'a') as mark:\n    mark.write('.')\n"
QUICK = ("--reps", "2", "--jobs", "1", "-S", "run.truth_patients=2000")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, and a list of trusted files that is empty."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("TRIALTWIN_TRUST", raising=False)
    return tmp_path / "here"


def hostile(folder: Path, mark: str = "here") -> tuple[Path, Path, Path]:
    """A study and its module, which leaves a mark when it is imported; the study, the module, the mark."""
    marker = folder.parent / f"marked-{mark}-{folder.name}"
    code = f"{MARK.format(str(marker))}\ndef rate(cohort):\n    return 0.1, 0.2\n"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rates.py").write_text(code, "utf-8")
    return write(folder / "study.yaml", own("rates.py:rate")), folder / "rates.py", marker


def as_new() -> None:
    """Forget all code that was read or run, as a new process does."""
    own_code._KNOWN.clear()
    trust._SENT.clear()
    loading._found.cache_clear()
    loading._module.cache_clear()


def own(function: str, name: str = "rate") -> dict[str, Any]:
    """An estimator that is a user's function."""
    return {"kind": "own", "name": name, "function": function, "endpoints": ["OS"], "measure": "none"}


def write(file: Path, *estimators: Any, **changes: Any) -> Path:
    """A small study with these estimators."""
    file.parent.mkdir(parents=True, exist_ok=True)
    changes = {"run": {"replicates": 4, "seed": 5, "truth_patients": 2000}, **changes}
    file.write_text(json.dumps(tree(estimators=list(estimators), **changes)), "utf-8")
    return file


def digest(file: Path) -> str:
    """The SHA-256 of a file."""
    return sha256(file.read_bytes()).hexdigest()


def asked(words: tuple[str, ...], *files: Path, shown: Callable[[Path], str] = str) -> str:
    """Asserts that a command asks for trust in these files and does nothing else; what it said."""
    code, out, err = _call(*words)
    assert (code, out) == (2, ""), (words, out, err)
    lines = err.splitlines()
    assert len(lines) == len(files) + 1, err
    for file in files:
        assert any(shown(file) in line and line.endswith(f"not trusted on this account, sha256 {digest(file)}")
                   for line in lines), (err, file)  # fmt: skip
        assert digest(file) in lines[-1]
    assert "--trust" in lines[-1]
    assert "TRIALTWIN_TRUST=" in lines[-1]
    return err


@pytest.fixture(scope="module")
def mailed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path, Path]:
    """A study, its module, a finished run of it, made by their author, and the mark, which is wiped away."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("author")))
        folder = tmp_path_factory.mktemp("mail") / "study"
        study, module, marker = hostile(folder, "mailed")
        run = folder.parent / "run"
        code, _, err = _call("run", str(study), *QUICK, "--trust", "--out", str(run))
        assert code == 0, err
        assert marker.read_text() == "."  # once, whatever the number of replicates
        assert f"trusted from now on: {module}, sha256 {digest(module)}" in err
        marker.unlink()
    as_new()
    return study, module, run, marker
