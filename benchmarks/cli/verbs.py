"""What the command line's verbs do, as functions that return an `Answer`."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.cohort_files.cohort_spec import CohortSpec
from analysis.estimators import Estimator
from benchmarks.asked.base import assumed_values
from benchmarks.asked.errors import RunError
from benchmarks.asked.free_places import free_problems
from benchmarks.asked.inherited_times import converted_times
from benchmarks.asked.load_study import Asked, load_study, started
from benchmarks.asked.own_files import check_own, pinned_code
from benchmarks.asked.patience import told
from benchmarks.asked.primary import target_notes
from benchmarks.asked.scenario import Scenario
from benchmarks.runs.store import RunFolder
from benchmarks.words.answer import Answer, files_written, write_page
from benchmarks.workers.warm_up import ready_kernels
from simulator.cohort.addresses import ALONE, Address, as_simulated
from simulator.documents.loading import (
    DocumentError,
    Written,
    digest,
    json_schema,
    load,
    parse,
    resolved_yaml,
)
from simulator.documents.safe_files import write_whole
from simulator.documents.spec import Spec

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from analysis.cohort_files.data_table import InMemory
    from benchmarks.performance.replicate_table import TableColumns
    from simulator.cohort.cohorts import Cohorts


def own_study(folder: RunFolder) -> Asked:
    """The study of a run folder's scenario.yaml; RunError where that is no file, or reads others."""
    name = "scenario.yaml"
    if folder.read_bytes(name) is None:
        raise RunError(f"{folder.path}: its {name} is absent; run the study again")
    asked = started(str(folder.path / name))
    if len(asked.document.files) != 1:
        raise RunError(f"{folder.path}: its {name} extends another document, as none of ours does; run the study again")
    return asked


def validate(full: bool, jobs: int) -> Answer:
    """Every known answer beside ours; it holds if all do."""
    from benchmarks import validation
    from benchmarks.workers.progress import Progress
    from benchmarks.workers.warm_up import STUDY

    ready_kernels(STUDY)
    progress = Progress()
    verdicts = validation.validate(full, jobs, lambda done, total: progress("known-answer studies", done, total))

    def page() -> str:
        from benchmarks.report import validation_report

        return validation_report(verdicts, full)

    return replace(validation.answer(verdicts, full), page=page)


def performance(
    rows: "Path | InMemory", columns: "TableColumns", truth: str, reference: str | None, level: float, out: Path | None
) -> Answer:
    """The performance of a table of replicates; written as CSV where asked."""
    from benchmarks.performance import replicate_table
    from benchmarks.words import replicate_shown

    if (columns.low is None) != (columns.high is None):
        raise RunError("--low and --high belong together: give both or neither")
    if reference is not None and not columns.by:
        raise RunError("--reference needs --by: it is a value of the first --by column")
    groups = replicate_table.judged_table(rows, columns, truth, reference, level)
    if out is not None:
        write_page(out, replicate_shown.as_csv(groups, columns))

    def page() -> str:
        from benchmarks.report import performance_report

        return performance_report(groups, columns, rows.name)

    return replace(replicate_shown.answer(groups, columns), page=page)


def warm_up() -> Answer:
    """Compile everything into the cache, for images and clusters."""
    from benchmarks.workers.warm_up import PARTS, folder

    place = folder()
    if place is None:
        raise RunError("no folder for compiled code can be written; name one with NUMBA_CACHE_DIR or XDG_CACHE_HOME")
    took = ready_kernels(tuple(PARTS))
    told = "all was compiled already" if took is None else f"compiled in {took:.0f} s"
    return Answer({"folder": place, "seconds": took}, lines=(f"{place}: {told}",))


def simulated(asked: Asked, hidden: bool, layout: str) -> "tuple[pd.DataFrame, ...]":
    """Cohorts of the first cell: one table, or of `adam` the two tables ADSL and ADTTE."""
    from simulator.world.export import adam_tables, plain_table

    cohorts = _drawn(asked, hidden, layout)
    return adam_tables(cohorts, asked.scenario) if layout == "adam" else (plain_table(cohorts, asked.scenario, hidden),)


def _drawn(asked: Asked, hidden: bool, layout: str) -> "Cohorts":
    """The cohorts of the first cell, for tables of this layout."""
    from benchmarks.asked.sizes import check_sizes
    from simulator.world.generate import generate, resolve

    scenario, count = asked.scenario, asked.scenario.run.replicates
    if count * scenario.screened() > 50_000_000:
        raise RunError(f"{count:,} cohorts of {scenario.population.size:,} patients are too many for one file")
    check_sizes((scenario,), block=count)
    if layout == "adam" and (count > 1 or hidden):
        raise RunError("adam describes one observed study: leave --reps at 1, and --hidden to the plain format")
    return generate(resolve(scenario), scenario.run.seed, np.arange(count, dtype=np.int64))


def simulate(asked: Asked, out: Path, hidden: bool, layout: str) -> Answer:
    """Cohorts of the first cell written to files."""
    from benchmarks.asked.simulated_spec import cohort_spec
    from simulator.world.export import adam_tables, write_plain, write_table

    if out.suffix not in (".csv", ".parquet"):
        raise RunError(f"{out}: end the name in .csv or .parquet")
    cohorts, paths = _drawn(asked, hidden, layout), [out]
    try:
        if layout == "adam":
            paths = [out.with_name(f"{out.stem}-{name}{out.suffix}") for name in ("adsl", "adtte")]
            for table, path in zip(adam_tables(cohorts, asked.scenario), paths, strict=True):
                write_table(table, path)
        else:
            write_plain(cohorts, asked.scenario, hidden, out)
        if layout == "adam" or asked.scenario.run.replicates > 1:
            return files_written(paths)
        spec = out.with_suffix(".spec.yaml")
        write_whole(spec, resolved_yaml(cohort_spec(asked.scenario)).encode())
    except OSError as error:
        raise RunError(f"{error.filename or out}: cannot be written ({error.strerror})") from None
    return files_written([out, spec])


def analyze(
    data: "Path | InMemory", spec: str | Written, settings: tuple[str, ...], simulated: Address | None = None
) -> Answer:
    """One cohort file, or data frame, analysed.

    ``simulated``: the file holds that replicate, and what is left to chance is as in the study.
    """
    from analysis.cohort_files.cohort_file import read_cohort
    from analysis.paper.sides import side_words, sides_shown
    from analysis.paper.workflow import analyse
    from benchmarks.asked.sizes import check_pairs, compares_all
    from benchmarks.words.plain_text import cohort_answer
    from benchmarks.workers.warm_up import COHORT
    from simulator.numerics.memory import free_memory

    document = load(spec, settings, spec=CohortSpec)
    described = parse(document, CohortSpec)
    cohort = read_cohort(data, described)
    plan = described.analysis
    if plan.primary == "matching" and compares_all(plan.matching):
        check_pairs(len(cohort.ids), free_memory())
    weighted = plan.primary == "weighting" or (plan.primary == "matching" and not plan.matching.simple)
    more = ("weighted",) if weighted else ()
    ready_kernels((*COHORT, *more, *(("competing",) if cohort.competing else ())))
    order, address = (cohort.order, ALONE) if simulated is None else as_simulated(simulated, cohort.ids)
    result = analyse(
        cohort.observed,
        cohort.ids,
        described.analysis,
        cohort.arms,
        described.data.labels(),
        cohort.as_read,
        order,
        address,
        described.data.times(),
    )

    def page() -> str:
        from benchmarks.report import cohort_report

        return cohort_report(result, described, data.name)

    def curves() -> "Figure":
        from analysis.figures.survival import survival_panels_of

        return survival_panels_of(result, described.data.time_unit)

    answer = cohort_answer(result, described.data)
    alt = f"Kaplan-Meier curves {side_words(plan, *sides_shown(plan))}"
    return replace(answer, page=page, figure=curves, alt=alt)


def show(name: str | Written, settings: tuple[str, ...], resolved: bool) -> Answer:
    """A scenario in words, or the whole document after extends and overrides."""
    asked = load_study(name, settings)
    if resolved:
        return Answer(asked.document.tree, lines=tuple(resolved_yaml(asked.document.tree).rstrip("\n").split("\n")))
    scenario = asked.scenario
    lines = [
        f"{scenario.name}: {scenario.question}",
        f"source: {scenario.source}",
        f"arms: {scenario.arms.words[1]} (treated) against {scenario.arms.words[0]}",
        f"patients: {scenario.population.size:,}",
        f"about: {_people(asked)}",
        f"analyses: {', '.join(_called(one) for one in scenario.estimators)}",
        f"settings: {len(asked.cells)}; simulated studies: {scenario.run.replicates:,}; seed: {scenario.run.seed}",
        f"time for one simulated study: {_times(scenario)}",
        f"digest: {digest(asked.document.tree)}",
        *(f"own code: {code}, sha256 {code.sha256}" for code in pinned_code(asked.document)),
        *(f"note: {note}" for note in _notes(asked)),
        "",
        _values(len(asked.document.sources), len(assumed_values(asked.document))),
        "",
        "with a source:",
        *(f"  {path}: {source}" for path, source in sorted(asked.document.sources.items())),
        "",
        "assumed:",
        *(f"  {path}" for path in assumed_values(asked.document)),
    ]
    return Answer(_described(asked), lines=tuple(lines), question=scenario.question, found=asked)


def _called(one: Estimator) -> str:
    """An analysis as a reader calls it, with the name by which a command takes it."""
    from benchmarks.words.analysis_names import analysis_label

    label = analysis_label(one)
    return label if label == one.name else f"{label} ({one.name})"


def _values(known: int, assumed: int) -> str:
    """How many values have a source, and how many nobody gave."""
    if not assumed:
        return f"All {known} values have a source. Here they are."
    return f"{known} values have a source, most of them the paper; {assumed} it does not give, and they were assumed."


def _people(asked: Asked) -> str:
    """Whom the study is about; whom each cell, where the sweep gives them targets of their own."""
    from benchmarks.asked.whom import in_cells, whom_of

    if len({own.target for _, own in asked.cells}) == 1:
        return whom_of(asked.cells[0][1]).sentence
    return in_cells({number: whom_of(own) for number, (_, own) in enumerate(asked.cells)})


def _times(scenario: Scenario) -> str:
    """How long an estimator may take over one replicate."""
    own, compiled = scenario.run.replicate_timeout, scenario.run.compiled_timeout
    return f"{told(own)} for functions of one's own, {told(compiled)} for compiled estimators"


def _described(asked: Asked) -> dict[str, Any]:
    from benchmarks.asked.whom import whom_of

    scenario = asked.scenario
    return {
        **{name: getattr(scenario, name) for name in ("name", "question", "source")},
        "arms": {"treated": scenario.arms.treated, "control": scenario.arms.control},
        "patients": scenario.population.size,
        "target": {**whom_of(asked.cells[0][1]).as_json(), "words": _people(asked)},
        "estimators": [estimator.name for estimator in scenario.estimators],
        "cells": [settings for settings, _ in asked.cells],
        "replicates": scenario.run.replicates,
        "seed": scenario.run.seed,
        "replicate_timeout": {"own": scenario.run.replicate_timeout, "compiled": scenario.run.compiled_timeout},
        "digest": digest(asked.document.tree),
        "sourced": dict(sorted(asked.document.sources.items())),
        "assumed": assumed_values(asked.document),
        "notes": _notes(asked),
    }


def check(names: Sequence[str], settings: tuple[str, ...]) -> Answer:
    """A line for each scenario that says that it is valid; DocumentError otherwise."""
    found = [checked(name, settings) for name in names]
    lines = []
    for one in found:
        count = f"{one['cells']} setting{'s' if one['cells'] > 1 else ''}"
        lines.append(f"{one['name']}: valid, {count}, digest {one['digest'][:10]}")
        lines += [f"  note: {note}" for note in one["notes"]]
    return Answer({"checked": found}, lines=tuple(lines))


def checked(name: str, settings: tuple[str, ...]) -> dict[str, Any]:
    """The number of cells, the digest and notes of a valid scenario; DocumentError, or OwnFunctionError, otherwise."""
    asked = load_study(name, settings)
    check_own(cell for _, cell in asked.cells)
    plan, notes = asked.scenario.calibration, _notes(asked)
    if plan is not None:
        problems, inherited = free_problems(asked.document, plan)
        if problems:
            raise DocumentError(problems)
        notes += inherited
    return {"name": name, "cells": len(asked.cells), "digest": digest(asked.document.tree), "notes": notes}


def _notes(asked: Asked) -> list[str]:
    """What a reader must know of valid worlds, the base's and the cells', and of times that nobody stated."""
    worlds = (asked.scenario, *(cell for _, cell in asked.cells))
    cautions = [note for world in worlds for note in world.pooled().cautions()]
    targets = [note for _, cell in asked.cells for note in target_notes(cell)]
    return list(dict.fromkeys([*cautions, *targets, *converted_times(asked.document, asked.scenario)]))


def schema(document: str, commands: Iterable[str]) -> dict[str, Any]:
    """The JSON Schema of a scenario or of a cohort's SPEC; RunError, which names the commands' too, for another."""
    if document not in ("scenario", "cohort"):
        raise RunError(f"schema {document}: no such document; there are scenario, cohort, {', '.join(commands)}")
    return json_schema(Scenario if document == "scenario" else CohortSpec)


def keys_page(document: str) -> str:
    """The keys of a scenario or of a cohort's SPEC, in Markdown."""
    from simulator.documents.key_reference import key_reference

    pages: dict[str, tuple[type[Spec], str]] = {
        "scenario": (Scenario, "Keys of a scenario"),
        "cohort": (CohortSpec, "Keys of a SPEC"),
    }
    if document not in pages:
        raise RunError(f"schema {document} --markdown: there are pages of {' and '.join(pages)} only")
    return key_reference(*pages[document])
