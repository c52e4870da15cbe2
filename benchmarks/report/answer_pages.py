"""The pages of answers: to a question about a world, of the known-answer studies, of a table of replicates."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from analysis.kernels.status import Status
from analysis.tables.text_table import table
from benchmarks.asked.asked_by import as_asked
from benchmarks.asked.blocks import prepare
from benchmarks.asked.scenario import Scenario
from benchmarks.performance.replicate_table import Group, TableColumns
from benchmarks.report import glossary
from benchmarks.report.engine import HowMade, Page, Section, abreast, html, picture, repeated
from benchmarks.report.world import assumed_section, base_section, comparability_section, design_text, failures_section
from benchmarks.runs.rows import KEYS
from benchmarks.study.running import RESULTS
from benchmarks.validation.check import Verdict
from benchmarks.validation.shown import checked_row, found_again, how
from benchmarks.validation.studies import STUDIES
from benchmarks.words.answer import Answer
from benchmarks.words.replicate_shown import notes, shown_rows, verdict
from simulator.documents.loading import Document, digest
from simulator.documents.safe_files import opened

TERMS = ("hazard ratio (HR)", "Monte Carlo SE (MCSE)", "replicate")
REFERENCES = {
    "tipping": "evalue", "compatible": "wood", "multiverse": "simonsohn", "power": "schoenfeld",
}  # fmt: skip


def question_report(
    answer: Answer, folder: str | None, command: str, document: Document, scenario: Scenario
) -> str:  # fmt: skip
    """The HTML report of an answered question, its run folder, and the command that gave it."""
    verb = command.split()[1] if len(command.split()) > 1 else ""
    primary = scenario.analysis.primary
    drawn = picture(answer.plot(), f"{answer.alt}.", answer.alt)
    world = f"{design_text(scenario)} {scenario.population.size:,} patients. Source: {scenario.source}"
    return html(
        Page(
            answer.question,
            answer.verdict,
            HowMade(repeated(command), (("scenario digest", digest(document.tree)),), command),
            (f"Asked of {scenario.name}: {scenario.question}",),
            assumed_section(document),
            base_section(document),
            (
                Section("The answer", pictures=(drawn,), notes=answer.notes),
                *([Section("In numbers", tables=answer.tables)] if answer.tables else []),
                Section("The world", (world,)),
            ),
            comparability_section(prepare([({}, scenario)])),
            _failures(folder),
            (*TERMS, *glossary.SCORES["matching" if verb == "multiverse" else primary], "SMD", "status"),
            tuple(name for name in ("morris", REFERENCES.get(verb, ""), *glossary.BALANCE[primary]) if name),
        )
    )


def _failures(folder: str | None) -> Section:
    """The replicates without an estimate in the run folder of an answer."""
    if folder is None:
        return Section("Failures", ("A replicate without an estimate makes no claim and counts as one that does not.",))
    here = Path(folder)  # a question that runs several studies has a folder of each
    places = [here] if (here / RESULTS).exists() else sorted(one.parent for one in here.glob(f"*/{RESULTS}"))
    tables = []
    for place in places:
        with opened(place, RESULTS) as file:
            tables.append(pq.read_table(file, columns=[*KEYS, "status"]).to_pandas())
    rows = pd.concat(tables)
    failed = rows[rows["status"] != Status.OK]
    counted = failed.groupby([*KEYS, "status"], observed=True, sort=True).size()
    made = [
        dict(zip((*KEYS, "status", "count"), (*key[:-1], Status(int(key[-1])).name, count), strict=True))
        for key, count in zip(counted.index, counted, strict=True)
    ]
    return failures_section(made)


def validation_report(verdicts: Sequence[Verdict], full: bool) -> str:
    """The HTML report of the known-answer studies."""
    failed = [one for one in verdicts if not one.holds]
    sections = []
    for study in STUDIES:
        own = [verdict for verdict in verdicts if verdict.check.study == study.name]
        if own:
            rows = [checked_row(one) for one in own]
            shown = table(study.name, ("number", "ours", "known", "z", "agree"), rows)
            sections.append(Section(study.name, (f"Known from: {study.source}.",), tables=(shown,)))
    rows = [(one.check.study, *checked_row(one)) for one in failed]
    lost = table("Answers that do not hold", ("study", "number", "ours", "known", "z", "agree"), rows, 2)
    return html(
        Page(
            "Are known answers found again?",
            f"{found_again(verdicts)} {how(verdicts)}",
            HowMade(
                f"trialtwin validate{' --full' if full else ''}", (("set", "full" if full else "quick"),), as_asked()
            ),
            assumed=Section("What was assumed", ("Nothing beyond what the cited sources state.",)),
            results=tuple(sections),
            failures=Section("Failures", tables=(lost,)) if failed else Section("Failures", ("None.",)),
            terms=("z", "Monte Carlo SE (MCSE)"),
            references=("holm", "morris"),
        )
    )


def performance_report(groups: Sequence[Group], columns: TableColumns, rows: str) -> str:
    """The HTML report of a table of replicates; ``rows`` is the name of its file."""
    header, lines = shown_rows(groups, columns)
    failed = [(" / ".join(one.labels) or "all", str(one.rows), str(one.failed)) for one in groups]
    return html(
        Page(
            f"How do the methods of {rows} perform?",
            verdict(groups),
            HowMade("trialtwin performance ROWS --truth TRUTH", command=as_asked()),
            assumed=Section("What was assumed", ("The truth as given on the command line or in its column.",)),
            results=(
                Section(
                    "Performance measures",
                    tables=abreast("Performance", header, lines, len(columns.by)),
                    notes=notes(groups, columns),
                ),
            ),
            failures=Section(
                "Failures", tables=(table("Rows without an estimate", ("group", "rows", "failed"), failed),)
            ),
            terms=glossary.STUDY[1:6],
            references=("morris",),
            picks=False,
        )
    )
