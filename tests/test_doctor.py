"""`trialtwin doctor`: what is in order, what is not, and what to do."""

import importlib.metadata
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.cli import doctor
from benchmarks.cli.commands import cli
from benchmarks.cli.doctor import Looked, admitted, package
from benchmarks.workers import warm_up
from tests.commands import answered


def by_name() -> dict[str, Looked]:
    """The lines by what they are about."""
    return {line.what: line for line in doctor.doctor().found}


def test_an_installation_in_order_is_said_to_be() -> None:
    found = CliRunner().invoke(cli, ["doctor"], catch_exceptions=False)
    lines = found.stdout.splitlines()
    assert found.exit_code == 0, found.stdout
    assert lines[-1] == "All that is needed is in order."
    told = {line.split()[1]: line for line in lines[:-2]}
    for name in ("numpy", "numba", "click"):
        assert importlib.metadata.version(name) in told[name]
        assert told[name].startswith("OK ")
    assert {"python", "trialtwin", "cores", "memory", "chromium", "TLS", "kernels"} <= told.keys()


def test_the_document_says_the_same() -> None:
    document = answered(["doctor"])
    assert document["holds"] is True
    lines = {line["what"]: line for line in document["lines"]}
    assert lines["numpy"] == {"what": "numpy", "found": importlib.metadata.version("numpy"), "ok": True, "do": ""}
    assert int(lines["cores"]["found"]) == len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("held", "asked", "whether"),
    [
        ("2.3.3", ">=2.2,<3", True), ("3.0.0", ">=2.2,<3", False), ("2.1.9", ">=2.2,<3", False),
        ("3.0", "<3", False), ("0.68.1", ">=0.61,<0.69", True), ("0.69.0", "<0.69,>=0.61", False),
        ("10.0", ">=9.5", True), ("2.2", ">=2.2.0", True), ("1.4.0+local", ">=1.4", True), ("1", "", True),
    ],
)  # fmt: skip
def test_versions_are_compared_as_numbers(held: str, asked: str, whether: bool) -> None:
    assert admitted(held, asked) is whether


def test_a_package_that_is_absent_or_too_old_says_what_to_do() -> None:
    assert package("no-such-package-of-anybody>=3") == Looked(
        "no-such-package-of-anybody", "is not installed", False, "pip install 'no-such-package-of-anybody>=3'"
    )
    held = importlib.metadata.version("click")
    assert package("click>=99") == Looked("click", f"{held}, not >=99", False, "pip install 'click>=99'")
    assert package("click[x]>=8 ; python_version > '3'") == Looked("click", held)


def test_what_is_wrong_gives_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "requires", lambda _: ["click>=99", "docx-of-nobody>=1; extra == 'docx'"])
    found = CliRunner().invoke(cli, ["doctor"])
    assert found.exit_code == 1
    assert found.stdout.splitlines()[-1].endswith("need your attention.")
    assert "NOT OK  click" in found.stdout
    assert "-       extra docx" in found.stdout  # which need not be there
    document = json.loads(CliRunner().invoke(cli, ["doctor", "--json"]).stdout)
    assert document["holds"] is False
    assert [line["what"] for line in document["lines"] if line["ok"] is False] == ["click"]


def test_compiled_code_is_warm_or_cold(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(warm_up, "folder", lambda: tmp_path)
    (tmp_path / "kernel.nbc").write_bytes(b"x" * 2_600_000)
    cold = by_name()
    assert cold["kernel cache"].found == f"{tmp_path}, 3 MB, can be written"
    assert cold["kernels"].found == f"cold, 0 of {len(warm_up.PARTS)} parts are compiled"
    assert (cold["kernels"].ok, "trialtwin warm-up" in cold["kernels"].do) == (None, True)
    for name in warm_up.PARTS:
        (tmp_path / f"warm-{warm_up.stamp()}-{name}").touch()
    assert by_name()["kernels"] == Looked("kernels", "warm, all is compiled")
    monkeypatch.setattr(warm_up, "folder", lambda: None)
    nowhere = by_name()["kernel cache"]
    assert nowhere.ok is False
    assert "NUMBA_CACHE_DIR" in nowhere.do


def test_little_memory_and_a_full_disk_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.numerics.memory.free_memory", lambda: 3e8)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: type("D", (), {"free": 2e8})())
    found = by_name()
    assert (found["memory"].found, found["memory"].ok) == ("0.3 GB free", False)
    assert (found["this folder"].ok, found["this folder"].do) == (False, "make room")


def test_browsers_are_sought(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(doctor, "ELSEWHERE", ())
    assert by_name()["chromium"] == Looked(
        "chromium", "not found", None, "install Chromium or Chrome to write pages as PDF"
    )
    (tmp_path / "google-chrome").write_text("#!/bin/sh\n")
    (tmp_path / "google-chrome").chmod(0o755)
    assert by_name()["chromium"].found == str(tmp_path / "google-chrome")


def test_a_folder_named_as_ours_is_told_and_is_no_harm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "analysis").mkdir()
    monkeypatch.chdir(tmp_path)
    found = by_name()
    assert found["own packages"].ok is True
    assert found["folders here"].found.startswith("analysis: named as ours")
    monkeypatch.setattr(doctor.siblings, "HOME", tmp_path)
    assert by_name()["own packages"].ok is False


def test_a_package_that_cannot_be_imported_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ImportError("libfoo.so: cannot open\nshared object")

    monkeypatch.setitem(doctor.LOOKED, "kernels", broken)
    line = by_name()["kernels"]
    assert (line.ok, line.found) == (False, "cannot be looked at: libfoo.so: cannot open shared object")
