"""The contenders other than ours, each one long-living process that answers a file name with a line of JSON."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

HERE = Path(__file__).parent
ONE_CORE = {
    f"{library}_NUM_THREADS": "1"
    for library in ("OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB_MAXIMUM", "NUMEXPR", "NUMBA")
}
"""The environment in which every contender, ours too, computes on one core."""

R_SCRIPTS = {
    "tuned-r": ("tuned.R", "glm.fit"),
    "own-newton-r": ("tuned.R", "newton"),
    "competent-r": ("competent.R",),
}
"""Script and options: the tuned one fits its logistic models by R's glm.fit, or by Newton steps of its own."""

PYTHON_STACK = "python-stack"
LABELS = {
    "ours": "TrialTwin",
    "tuned-r": "R, tuned by hand",
    "own-newton-r": "R, its fits too",
    "competent-r": "R, competent",
    PYTHON_STACK: "lifelines + statsmodels",
}
TOLERANCE = {**dict.fromkeys(R_SCRIPTS, 1e-5), PYTHON_STACK: 1e-2}
"""Largest relative difference from ours that still counts as the same answer.

R's coxph stops where the log-likelihood moves by less than 1e-9 of itself, which leaves some 1e-6 of a coefficient;
lifelines stops earlier still.
"""


class Failed(RuntimeError):
    """A contender ended or answered nonsense; says what it wrote on stderr."""


class Rival:
    """One contender's process, in a ``with`` statement; it repeats a stage until ``least`` CPU seconds are spent."""

    def __init__(self, name: str, least: float) -> None:
        self.name = name
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [*_command(name), str(least)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            env={**os.environ, **ONE_CORE},
        )
        self.versions: dict[str, str] = {}

    def __enter__(self) -> "Rival":
        try:
            self.versions = self._answer()
        except Failed:
            self._said.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        self._said.close()

    def turn(self, file: Path) -> dict[str, Any]:
        """CPU seconds per stage (``seconds``) and ``answers`` of one cohort."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{file}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._failure() from None
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        try:
            found: dict[str, Any] = json.loads(line)
        except json.JSONDecodeError:
            raise self._failure() from None
        return found

    def _failure(self) -> Failed:
        self._end()
        self._said.seek(0)
        told = [line.strip() for line in self._said.read().splitlines() if line.strip()]
        return Failed(f"{LABELS[self.name]} gave no answer: {' / '.join(told[-3:]) or 'nothing on stderr'}")

    def _end(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None and not stream.closed:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _command(name: str) -> list[str]:
    if name in R_SCRIPTS:
        script, *options = R_SCRIPTS[name]
        return ["Rscript", str(HERE / script), *options]
    return [sys.executable, "-m", "benchmarks.speed.python_stack"]


def missing(name: str) -> str | None:
    """One sentence that says why a contender cannot run here; None if it can."""
    if name in R_SCRIPTS:
        if shutil.which("Rscript") is None:
            return f"R is not here: no Rscript on the PATH, so '{LABELS[name]}' was not timed."
        if subprocess.run(["Rscript", "-e", "library(survival)"], capture_output=True, check=False).returncode:
            return f"R is here, but its package survival is not, so '{LABELS[name]}' was not timed."
        return None
    absent = [package for package in ("lifelines", "statsmodels") if find_spec(package) is None]
    if absent:
        return f"{' and '.join(absent)} not here (pip install), so '{LABELS[name]}' was not timed."
    return None
