"""A question's design run as a study: in a folder of its own, resumable, every cell on the same random numbers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from analysis.figures.style import save
from analysis.kernels.status import Status
from benchmarks.blocks import prepare
from benchmarks.manifest import manifest, open_folder
from benchmarks.progress import Progress
from benchmarks.questions.options import Options
from benchmarks.rows import Rows
from benchmarks.scenario import Scenario, Settings, cells
from benchmarks.sizes import check_sizes
from benchmarks.store import RunError, RunFolder
from benchmarks.study import StudyResult, Work, all_rows, run_study
from benchmarks.verbs import Asked, load_study, ready_kernels
from benchmarks.warm_up import STUDY
from benchmarks.written import check_tables
from simulator.documents import parse, with_values

Floats = NDArray[np.float64]


def load(options: Options) -> Asked:
    """The study that the options name."""
    asked = load_study(options.name, options.settings, options.reps, options.seed)
    check_sizes((asked.scenario,), options.jobs)
    return asked


def designed(asked: Asked, cells_of: Sequence[Settings], fixed: Mapping[str, Any]) -> Asked:
    """The study with other cells: each sets the same dotted paths; ``fixed`` is set in all of them.

    DocumentError where a cell is not valid. What the scenario itself sweeps over is dropped.
    """
    paths = tuple(cells_of[0])
    walked = {path: [settings[path] for settings in cells_of] for path in paths}
    document = with_values(asked.document, {"sweep": {"zip": walked} if paths else {}, **fixed})
    scenario = parse(document, Scenario)
    made = cells(document, scenario)
    check_sizes(cell for _, cell in made)
    return Asked(document, scenario, made)


def answered(asked: Asked, verb: str, jobs: int, out: Path | None) -> tuple[StudyResult, Path]:
    """The designed study run, and its folder: ``runs/<verb>-<name>-<digest>`` unless given."""
    folder, place = _folder(asked, verb, out)
    return run_study(prepare(asked.cells), folder, Work(jobs), Progress()), place


def rows_only(asked: Asked, verb: str, jobs: int, out: Path | None) -> tuple[Rows, Path]:
    """The rows of the designed study, for a question that needs no truth, and its folder."""
    folder, place = _folder(asked, verb, out)
    with folder.lock():
        return all_rows(prepare(asked.cells), folder, Work(jobs), Progress()), place


def _folder(asked: Asked, verb: str, out: Path | None) -> tuple[RunFolder, Path]:
    made = manifest(asked.document, asked.scenario.run.seed)
    place = out or Path("runs") / f"{verb}-{asked.scenario.name}-{str(made['world'])[:10]}"
    folder = open_folder(place, asked.document, made)
    ready_kernels(STUDY)
    return folder, place


def values_of(result: StudyResult, cell: int, endpoint: str, estimator: str) -> Floats:
    """The estimates ``(R,)`` of a cell, NaN where one failed; the same place is the same replicate in every cell."""
    numbers, status = result.rows.of(cell, endpoint, estimator)
    return np.where(status == Status.OK, numbers["value"], np.nan)


def one_estimator(asked: Asked, endpoint: str, name: str | None) -> tuple[dict[str, Any], str]:
    """The document's entry for one estimator alone, for one endpoint, and its name; the matched one unless named.

    RunError where the study has none of that name, or it does not judge that endpoint.
    """
    own = [one for one in asked.scenario.estimators if endpoint in one.endpoints]
    usual = sorted(own, key=lambda one: (one.name != "matched", one.kind != "matched")) if name is None else []
    found = next((one for one in usual or own if name in (None, one.name)), None)
    if found is None:
        known = ", ".join(one.name for one in own) or "none"
        which = "" if name is None else f" '{name}'"
        raise RunError(f"{asked.scenario.name}: no estimator{which} for {endpoint}; there are: {known}")
    written = found.model_dump(mode="json", exclude_defaults=True)
    return {**written, "kind": found.kind, "name": found.name, "endpoints": [endpoint]}, found.name


FIGURE_KINDS = (".png", ".svg", ".pdf")


def check_paths(options: Options) -> None:
    """Refuse, before anything is computed, the name of a figure or of a page with an ending that cannot be written."""
    if options.figure is not None and options.figure.suffix not in FIGURE_KINDS:
        raise RunError(f"{options.figure}: end the figure's name in {', '.join(FIGURE_KINDS)}")
    if options.report is not None and options.report.suffix not in (".html", ".htm"):
        raise RunError(f"{options.report}: end the page's name in .html")
    if options.tables is not None:
        check_tables(options.tables)


def write_figure(figure: Figure, path: Path) -> None:
    """Write a figure, the same bytes each time; RunError where it cannot be written."""
    try:
        save(figure, path)
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({error.strerror})") from None
