"""A question's design run as a study: in a folder of its own, resumable, every cell on the same random numbers."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from analysis.kernels.status import Status
from analysis.tables.text_table import TextTable
from benchmarks.asked.blocks import Cell, block_size, prepare
from benchmarks.asked.errors import RunError
from benchmarks.asked.load_study import Asked, load_study
from benchmarks.asked.own_files import ask_trust
from benchmarks.asked.primary import primary_estimator
from benchmarks.asked.scenario import Scenario, Settings, Target, cells
from benchmarks.asked.sizes import check_sizes
from benchmarks.asked.whom import CAVEAT
from benchmarks.questions.options import Options
from benchmarks.runs.manifest import manifest, open_folder
from benchmarks.runs.rows import Rows
from benchmarks.runs.store import RunFolder, plain_json
from benchmarks.study.running import Work, all_rows
from benchmarks.truth.asked_truths import asked_file, asked_records, read_asked
from benchmarks.truth.counted import Truth
from benchmarks.truth.of_cells import asked_estimands, target_estimand, truths_of
from benchmarks.truth.remembered import remember, remembered
from benchmarks.words.analysis_names import label_in
from benchmarks.words.answer import Answer, plain
from benchmarks.words.key_words import PaperWords, words_of_paper
from benchmarks.workers.progress import Progress
from benchmarks.workers.warm_up import STUDY, ready_kernels
from simulator.cohort.estimand import COUPLED, Estimand
from simulator.documents.loading import parse, with_values
from simulator.numerics.arrays import Floats

MANY = 20
"""More analyses than these are made of smaller blocks: a question has much else in memory."""
_MADE: set[str] = set()
"""Parts that were made by this command. What a question's first step lost is not tried again by its next one."""


def load(options: Options) -> Asked:
    """The study that the options name."""
    asked = load_study(options.name, options.settings, options.reps, options.seed)
    check_sizes((asked.scenario,), options.jobs)
    return replace(asked, trust=options.trust)


def endpoint_of(asked: Asked, options: Options) -> str:
    """The endpoint that the options name, or the world's first."""
    return options.endpoint or next(iter(asked.scenario.endpoints))


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
    return Asked(document, scenario, made, asked.trust)


def rows_only(asked: Asked, verb: str, jobs: int, out: Path | None) -> tuple[Rows, Path]:
    """The rows of the designed study, and its folder: ``runs/<verb>-<name>-<digest>`` unless given."""
    folder, place = _folder(asked, verb, out)
    cells = prepare(asked.cells)
    parts = 8 if max(len(list(cell.scenario.judged())) for cell in cells) > MANY else 2
    size = max(1, min(block_size(cell.scenario) for cell in cells) // parts)
    with folder.lock():
        return all_rows(cells, folder, Work(jobs, size, made=_MADE), Progress()), place


def aims_of(rows: Rows, cells_asked: int, endpoint: str, estimator: str) -> list[float]:
    """The Monte Carlo SE of each cell's truth that is small enough: a third of that of its mean estimate."""
    found = []
    for cell in range(cells_asked):
        value = values_of(rows, cell, endpoint, estimator)
        value = value[np.isfinite(value)]
        found.append(float(value.std(ddof=1)) / len(value) ** 0.5 / 3 if len(value) > 1 else 0.0)
    return found


def own_estimands(asked: Asked, endpoint: str) -> dict[str, Estimand]:
    """What the estimators of a designed study ask of themselves, by name, in its first cell."""
    (cell,) = prepare(asked.cells[:1])
    return {name: one for (where, name), one in asked_estimands(cell).items() if where == endpoint}


def target_truths(
    asked: Asked, verb: str, endpoint: str, aims: Mapping[str, Sequence[float]], jobs: int, out: Path | None
) -> list[dict[str, Truth]]:
    """The truth of the study's target in every cell in each estimator's marginal measure, by the estimator's name.

    ``aims`` are, for each of these, the Monte Carlo SEs by cell that are small enough.
    """
    folder, _ = _folder(asked, verb, out)
    told, found = Progress(), []
    with folder.lock():
        for place, cell in enumerate(prepare(asked.cells)):
            own = asked_estimands(cell)
            of = {name: target_estimand(own[endpoint, name], cell.scenario.target) for name in aims}
            truths = _kept(cell, folder, {one: aims[name][place] for name, one in of.items()}, jobs)
            found.append({name: truths[one] for name, one in of.items()})
            told("truths", len(found), len(asked.cells))
    return found


def _kept(cell: Cell, folder: RunFolder, wanted: Mapping[Estimand, float], jobs: int) -> dict[Estimand, Truth]:
    """Truths found before in this folder or in another run, or found now; kept for both by what they are of."""
    name, before = asked_file(cell, wanted), remembered(cell)
    found = _held(folder, name, wanted)
    if found is not None:
        return found
    found = None if before is None else _held(before, name, wanted)
    if found is None:
        found = truths_of(cell, wanted, jobs, lambda _: None)
        remember(before, name, asked_records(wanted, found))
    folder.write_checked_json(name, asked_records(wanted, found))
    return found


def _held(folder: RunFolder, name: str, wanted: Mapping[Estimand, float]) -> dict[Estimand, Truth] | None:
    """The truths that lie in a folder; None where they are not those that are wanted."""
    content = folder.read_checked(name)
    if content is not None:
        with suppress(ValueError):  # not one of ours: it is found again
            held = read_asked(plain_json(content))
            if {one: aim for one, (aim, _) in held.items()} == wanted:
                return {one: truth for one, (_, truth) in held.items()}
    return None


WHO = {
    "all": "everybody who is screened",
    "treated": "patients who start the treatment",
    "untreated": "patients who start the comparison",
    "overlap": "the overlap population",
    "matching_weight": "the population of matching weights",
    "selected": "those included under the arm that they received",
    "always_eligible": "those who would be included under either arm",
}


def target_text(target: Target) -> str:
    """Whose true effect is meant, in words."""
    followed = "followed as in the study" if target.follow_up == "observed" else "with nobody censored"
    caveat = f" ({CAVEAT})" if target.population in COUPLED else ""
    return f"{WHO[target.population]}, {followed}{caveat}"


def _folder(asked: Asked, verb: str, out: Path | None) -> tuple[RunFolder, Path]:
    ask_trust((cell for _, cell in asked.cells), asked.trust)
    made = manifest(asked.document, asked.scenario.run.seed, kind=verb)
    place = out or Path("runs") / f"{verb}-{asked.scenario.name}-{str(made['world'])[:10]}"
    folder = open_folder(place, asked.document, made)
    ready_kernels(STUDY)
    return folder, place


def paper_words(asked: Asked | None) -> PaperWords:
    """What the world of a question calls its endpoints, traits and arms; nothing where there is no world."""
    return words_of_paper(None if asked is None else asked.scenario)


def called(asked: Asked | None, endpoint: str, name: str) -> str:
    """What a reader calls the analysis of a question."""
    return name if asked is None else label_in(asked.scenario, endpoint, name)


def values_of(rows: Rows, cell: int, endpoint: str, estimator: str) -> Floats:
    """The estimates ``(R,)`` of a cell, NaN where one failed; the same place is the same replicate in every cell."""
    numbers, status = rows.of(cell, endpoint, estimator)
    return np.where(status == Status.OK, numbers["value"], np.nan)


def one_estimator(asked: Asked, endpoint: str, name: str | None) -> tuple[dict[str, Any], str]:
    """The document's entry for one estimator alone, for one endpoint, and its name; that of the primary analysis unless
    named.

    RunError where the study has none of that name, or it does not judge that endpoint.
    """
    scenario = asked.scenario
    own = [one for one in scenario.estimators if endpoint in scenario.applied(one)]
    found = next((one for one in own if name in (None, one.name)), None)
    if name is None:
        found = primary_estimator(scenario, endpoint) or found
    if found is None:
        known = ", ".join(one.name for one in own) or "none"
        which = "" if name is None else f" '{name}'"
        raise RunError(f"{scenario.name}: no estimator{which} for {endpoint}; there are: {known}")
    written = found.model_dump(mode="json", exclude_unset=True)
    return {**written, "kind": found.kind, "name": found.name, "endpoints": [endpoint]}, found.name


def answer(
    question: str, verdict: str, tables: Sequence[TextTable], notes: Sequence[str], drawn: Callable[[bool], Figure],
    alt: str, found: Any, options: Options, asked: Asked, body: Mapping[str, Any] | None = None,
) -> Answer:  # fmt: skip
    """The answer to a question, its page and its figure included; ``body`` is its JSON, ``found`` itself unless given.

    ``drawn`` makes the figure, narrow enough for a telephone where it is told to; ``alt`` says what it shows.
    """
    folder: str | None = getattr(found, "folder", None)
    data = {"question": question, "verdict": verdict, **(plain(found) if body is None else body)}
    lines = (f"run folder {folder}",) if folder else ()
    made = Answer(data, verdict, tuple(tables), tuple(notes), lines, question, lambda: drawn(False), alt, found=found)

    def page() -> str:
        from benchmarks.report import question_report

        return question_report(made, drawn(True), folder, options.command, asked.document, asked.scenario)

    return replace(made, page=page)
