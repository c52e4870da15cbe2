"""The pages of answers: to a question about a world, of the known-answer studies, of a table of replicates."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from matplotlib.figure import Figure

from analysis.kernels.status import Status
from analysis.tables.text_table import table
from benchmarks.asked.asked_by import as_asked
from benchmarks.asked.blocks import prepare
from benchmarks.asked.scenario import Scenario
from benchmarks.performance.replicate_table import Group, TableColumns
from benchmarks.report import glossary
from benchmarks.report.engine import (
    ABREAST,
    Beside,
    Fold,
    HowMade,
    Note,
    Page,
    PageBlock,
    Rests,
    Section,
    Tabled,
    abreast,
    html,
    picture,
    repeated,
    values_of,
)
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


KICKERS = {
    "tipping": "Could it be bias?", "compatible": "What effect is plausible?", "multiverse": "Does the choice matter?",
    "power": "How many patients?", "decompose": "Where the bias comes from", "claims": "Who claims what",
}  # fmt: skip
DRAWN_AS = {
    "tipping": (
        "How strong an unmeasured trait must be",
        "Right: the trait makes treatment likelier. Up: it changes survival more. Dots: the traits that the paper "
        "recorded, as yardsticks. Beyond the dashed line the interval includes no effect, beyond the solid one nothing "
        "is left of it. Thin lines: the true hazard ratio that is left.",
    ),
    "compatible": (
        "How well each true effect explains the paper",
        "The higher a curve, the better that true hazard ratio explains what was printed, if its suspicion and nothing "
        "else is right. Filled: what was held plausible before the paper was looked at.",
    ),
    "multiverse": (
        "The same study under every defensible analysis",
        "Each mark is the result of one analysis, the line its interval; below, what was chosen.",
    ),
    "power": (
        "How likely the study is to find the effect",
        "Marks: simulated studies. Dashed: the usual formula. Diamond: where the wanted power is reached.",
    ),
    "decompose": (
        "From the truth to what is found, step by step",
        "Each bar is what one thing adds to the estimate or takes from it; lines are 1.96 simulation errors.",
    ),
    "claims": (
        "How often an effect is claimed",
        "Of all simulated studies, the share in which each analysis claims an effect, in each world.",
    ),
}
CURVES = ("power", "compatible")
"""Commands whose figure has values to hover."""
BESIDE = 4.7
"""Inches of a figure that leaves room beside it, and columns of a table that fit there."""


def question_report(
    answer: Answer, narrow: Figure, folder: str | None, command: str, document: Document, scenario: Scenario
) -> str:  # fmt: skip
    """The HTML report of an answered question, its figure for a telephone, its run folder, and the command."""
    verb = command.split()[1] if len(command.split()) > 1 else ""
    primary = scenario.analysis.primary
    world = f"{design_text(scenario)} {scenario.population.size:,} patients."
    return html(
        Page(
            answer.question,
            answer.verdict,
            HowMade(repeated(command), (("scenario digest", digest(document.tree)),), command),
            (
                Section("What was found?", "", _found(answer, narrow, verb), "answer", "What was found"),
                comparability_section(prepare([({}, scenario)])),
                base_section(document),
                assumed_section(document),
                _failures(folder),
                Section("How were the patients simulated?", "", (world,), "simulated", "How it was simulated"),
            ),
            kicker=KICKERS.get(verb, "Question"),
            cite=f"Asked of {scenario.name}. {scenario.source.rstrip('.')}.",
            terms=(*TERMS, *glossary.SCORES["matching" if verb == "multiverse" else primary], "SMD", "status"),
            references=tuple(name for name in ("morris", REFERENCES.get(verb, ""), *glossary.BALANCE[primary]) if name),
        )
    )


def _found(answer: Answer, small_figure: Figure, verb: str) -> tuple[PageBlock, ...]:
    """The figure, beside it small tables and what it rests on, where it leaves them room; large tables are folded."""
    figure = answer.plot()
    values = values_of(figure) if verb in CURVES else ()
    title, caption = DRAWN_AS.get(verb, ("", f"{answer.alt}."))
    drawn = picture(figure, caption, answer.alt, title=title, narrow=small_figure, values=values)
    large = tuple(one for one in answer.tables if len(one.header) > ABREAST + 1)
    small = tuple(one for one in answer.tables if one not in large)
    fold = (Fold("In full", large),) if large and small else large
    if drawn.inches > BESIDE:
        return (drawn, *small, *fold, *map(Note, answer.notes))
    narrow = tuple(one for one in small if len(one.header) <= BESIDE)
    below = tuple(one for one in small if one not in narrow)
    return (Beside((drawn,), (*narrow, Rests(answer.notes))), *below, *fold)


def _failures(folder: str | None) -> Section:
    """The replicates without an estimate in the run folder of an answer."""
    if folder is None:
        told = "A simulated study without an estimate makes no claim and counts as one that does not."
        return Section("Where was there no estimate?", told, (), "failures", "Failures")
    here = Path(folder)  # a question that runs several studies has a folder of each
    places = [here] if (here / RESULTS).exists() else sorted(one.parent for one in here.glob(f"*/{RESULTS}"))
    tables = []
    for place in places:
        with opened(place, RESULTS) as file:
            table = pq.read_table(file, columns=[*KEYS, "status"])
            tables.append(table.group_by([*KEYS, "status"]).aggregate([([], "count_all")]))
    counted: Counter[tuple[Any, ...]] = Counter()
    for one in pa.concat_tables(tables).to_pylist():
        if one["status"] != Status.OK:
            counted[(*(one[name] for name in KEYS), one["status"])] += one["count_all"]
    return failures_section(
        [
            {**dict(zip(KEYS, key, strict=False)), "status": Status(key[-1]).name, "count": count}
            for key, count in sorted(counted.items())
        ]
    )


def validation_report(verdicts: Sequence[Verdict], full: bool) -> str:
    """The HTML report of the known-answer studies."""
    failed = [one for one in verdicts if not one.holds]
    parts = []
    for study in STUDIES:
        own = [verdict for verdict in verdicts if verdict.check.study == study.name]
        if own:
            rows = [checked_row(one) for one in own]
            shown = table(study.name, ("number", "ours", "known", "z", "agree"), rows)
            held = sum(one.holds for one in own)
            told = f"{held} of {len(own)} found again. Known from: {study.source}."
            parts.append(Section(study.name, told, (Tabled(shown, titled=False),)))
    rows = [(one.check.study, *checked_row(one)) for one in failed]
    lost = table("Answers that do not hold", ("study", "number", "ours", "known", "z", "agree"), rows, 2)
    return html(
        Page(
            "Are known answers found again?",
            f"{found_again(verdicts)} {how(verdicts)}",
            HowMade(
                f"trialtwin validate{' --full' if full else ''}", (("set", "full" if full else "quick"),), as_asked()
            ),
            (
                *([Section("What does not agree?", f"{len(failed)} of {len(verdicts)}.", (lost,))] if failed else []),
                Section("What was checked, and against what?", "", tuple(parts), "checked", "What was checked"),
                Section(
                    "What was assumed?", "Nothing beyond what the cited sources state.", (), "assumed",
                    "What was assumed",
                ),
            ),
            kicker="Validation",
            terms=("z", "Monte Carlo SE (MCSE)"),
            references=("holm", "morris"),
        )
    )  # fmt: skip


def performance_report(groups: Sequence[Group], columns: TableColumns, rows: str) -> str:
    """The HTML report of a table of replicates; ``rows`` is the name of its file."""
    header, lines = shown_rows(groups, columns)
    failed = [(" / ".join(one.labels) or "all", str(one.rows), str(one.failed)) for one in groups]
    lost = sum(one.failed for one in groups)
    return html(
        Page(
            f"How do the methods of {rows} perform?",
            verdict(groups),
            HowMade("trialtwin performance ROWS --truth TRUTH", command=as_asked()),
            (
                Section(
                    "How close do they come to the truth?",
                    "",
                    (*abreast("Performance", header, lines, len(columns.by)), *map(Note, notes(groups, columns))),
                    "found",
                    "What was found",
                ),
                Section(
                    "Where was there no estimate?",
                    f"In {lost:,} of {sum(one.rows for one in groups):,} rows." if lost else "Nowhere.",
                    (table("Rows without an estimate", ("group", "rows", "failed"), failed),) if lost else (),
                    "failures",
                    "Failures",
                ),
                Section(
                    "What was assumed?", "The truth, as given on the command line or in its column.", (), "assumed",
                    "What was assumed",
                ),
            ),
            kicker="Performance",
            terms=glossary.STUDY[1:6],
            references=("morris",),
        )
    )  # fmt: skip
