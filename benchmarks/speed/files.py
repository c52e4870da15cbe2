"""One cohort in a file: all of ``trialtwin analyze`` against the competent R script, by the number of patients."""

import json
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.cli.verbs import analyze
from benchmarks.speed import cohorts
from benchmarks.speed.contenders import Failed, Rival, missing
from benchmarks.speed.tables import CellValue, SpeedTable

R = "competent-r"
LEVELS = {"ecog": [0, 1, 2], "albi": [1, 2, 3]}
CUTS = {"age": [50], "size": [10]}
CANDIDATES = ("age", "sex", "ecog>=1", "etiol", "lesion", "size", "lung", "pvtt", "afp", "albi>=2", "cp")


@dataclass(frozen=True)
class FilesSize:
    """Patients in each file, and the least CPU seconds for which R repeats a stage."""

    patients: tuple[int, ...]
    least: float


FULL = FilesSize((2_000, 20_000, 200_000), 0.05)
QUICK = FilesSize((200,), 0.01)


def tables(size: FilesSize) -> tuple[SpeedTable, ...]:
    """CPU seconds of both for each number of patients, and how many times R's ours are."""
    resolved, rows = cohorts.world(), []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trialtwin-speed-")))
        spec = folder / "spec.yaml"
        spec.write_text(json.dumps(_spec()), encoding="utf-8")
        rival = None if missing(R) else stack.enter_context(Rival(R, size.least))
        _ours(cohorts.write(cohorts.block(resolved, 1, 200), 0, folder / "warm.csv"), spec)
        for patients in size.patients:
            file = cohorts.write(cohorts.block(resolved, 1, patients), 0, folder / f"{patients}.csv")
            rows.append((patients, _ours(file, spec), *_theirs(rival, file)))
    made: list[tuple[CellValue, ...]] = [(*row, row[2] / row[1], row[3] / row[1]) for row in rows]
    return (
        SpeedTable(
            "One cohort in a file",
            "CPU seconds for one file of patients. Ours: all of `trialtwin analyze` after start-up, reading and JSON "
            "among it. R: the stages of the competent script without reading; without its matching, which compares "
            "every treated patient with every control, too.",
            ("patients", "TrialTwin s", "R s", "R without matching s", "times faster", "without R's matching"),
            tuple(made),
        ),
    )


def _ours(file: Path, spec: Path) -> float:
    start = time.process_time()
    answer = analyze(file, str(spec), ())
    answer.text(), answer.json()
    return time.process_time() - start


def _theirs(rival: Rival | None, file: Path) -> tuple[float, float]:
    """CPU seconds of R's stages, and of those but for the matching; NaN where R is not here or gave no answer."""
    if rival is None:
        return float("nan"), float("nan")
    try:
        seconds: dict[str, float] = rival.turn(file)["seconds"]
    except Failed:
        return float("nan"), float("nan")
    return sum(seconds.values()), sum(spent for stage, spent in seconds.items() if stage != "matching")


def _spec() -> dict[str, Any]:
    """The SPEC of the files, with the plan of R's script."""
    covariates: dict[str, dict[str, Any]] = {}
    for name in cohorts.COLUMNS[1 : cohorts.COLUMNS.index("os_t")]:
        if name in CUTS:
            covariates[name] = {"kind": "continuous", "cuts": CUTS[name]}
        else:
            covariates[name] = {"kind": "ordinal", "levels": LEVELS[name]} if name in LEVELS else {"kind": "binary"}
    return {
        "data": {
            "treatment": {"column": "treat"},
            "covariates": covariates,
            "endpoints": {name: {"time": f"{name.lower()}_t", "event": f"{name.lower()}_e"} for name in ("OS", "PFS")},
        },
        "analysis": {"propensity": {"candidates": CANDIDATES}, "matching": {"scale": "ps"}},
    }
