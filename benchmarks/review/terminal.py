"""A review on one screen of a terminal: the verdict, then the five answers, each with its number and how sure it is."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analysis.tables.text_table import TextTable, table, wrapped
from benchmarks.review.page import first_screen
from benchmarks.review.told import ReviewWords
from benchmarks.words.answer import Answer

PIPS = ("", "●○○", "●●○", "●●●")


def as_answer(told: ReviewWords, data: Any, page: str, written: Sequence[Path]) -> Answer:
    """The answer: one screen of text, the tables for a document, the page."""
    parts = []
    for one in first_screen(told):
        parts.append(f"{one.question}  [{one.number}: {one.caption}]")
        parts += [f"  {line}" for line in wrapped(one.answer).splitlines()]
        parts += [f"  {PIPS[one.pips]} {one.sure} {one.why}", ""]
    parts.append("How sure: ●●● follows from the print; ●●○ needs the twin; ●○○ needs what nobody can check.")
    parts += [f"wrote {place}" for place in written]
    return Answer(
        data,
        f"{told.headline} {told.verdict}",
        lines=tuple(parts),
        question=data["question"],
        page=lambda: page,
        files=lambda: review_tables(told),
        written=written[0],
        found=told,
    )


def review_tables(told: ReviewWords) -> tuple[TextTable, ...]:
    """The review as tables for a document: the answers, the suspicions, absolute terms, analyses, the checklist."""
    from benchmarks.review.checklist import ANSWERED, checklist

    answers = [
        (one.question, one.answer, f"{one.number} ({one.caption})", f"{one.sure} {one.why}")
        for one in first_screen(told)
    ]
    rows, _ = told.analysis_rows()
    return (
        table(told.headline, ("question", "answer", "number", "how sure"), answers, 4),
        table("Could it be bias?", told.suspicion_heads(), told.suspicion_rows(), 2),
        *(
            [table("Plausible ratios", ("suspicion", "assumes", "ratio"), plausible, 2)]
            if (plausible := told.plausible_rows())
            else []
        ),
        table(
            "In absolute terms",
            ("outcome", f"with {told.treatment}", "without", "difference", "range"),
            told.absolute_rows(),
        ),
        table("Analyses", ("analysis", "finds", "off by", "SE", "holds the truth, %"), rows),
        table(
            "Checklist",
            ("item", "answer", "state"),
            [(one.item, one.answer, ANSWERED[one.state]) for one in checklist(told)],
            3,
        ),
    )
