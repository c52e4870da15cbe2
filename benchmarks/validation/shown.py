"""The verdicts as an answer."""

from collections.abc import Sequence
from math import isfinite, nan
from typing import Any

from analysis.tables.text_table import table
from benchmarks.performance.measures import Measure
from benchmarks.validation.check import ALPHA, Verdict
from benchmarks.validation.studies import STUDIES
from benchmarks.words.answer import Answer, plain


def answer(verdicts: Sequence[Verdict], full: bool) -> Answer:
    """The total and a table per study; it holds if all do."""
    tables = []
    for study in STUDIES:
        rows = [checked_row(verdict) for verdict in verdicts if verdict.check.study == study.name]
        if rows:
            tables.append(table(f"{study.name} ({study.source})", ("", "ours", "known", "z", "agree"), rows))
    data, said = as_data(verdicts, full), found_again(verdicts)
    return Answer(data, said, tuple(tables), (how(verdicts),), holds=data["holds"], found=tuple(verdicts))


def found_again(verdicts: Sequence[Verdict]) -> str:
    """How many known answers are found again, and the largest difference."""
    held = sum(verdict.holds for verdict in verdicts)
    largest = max((abs(one.check.z) for one in verdicts if isfinite(one.check.z)), default=nan)
    return (
        f"{held} of {len(verdicts)} known answers are found again; the largest difference of a simulated one is "
        f"{largest:.1f} standard errors."
    )


def how(verdicts: Sequence[Verdict]) -> str:
    """What it takes for an answer to hold."""
    simulated = sum(verdict.check.within is None for verdict in verdicts)
    return (
        f"In brackets: standard error. A simulated answer ({simulated} of them) fails where its p, adjusted for all of "
        f"them (Holm), is below {ALPHA}; where known is 'above' or 'below' a number, a deviation for which a method is "
        "known, unless its p is below that; an exact one where it differs by more than the digits to which it is known."
    )


def as_data(verdicts: Sequence[Verdict], full: bool) -> dict[str, Any]:
    """Everything, as the JSON document has it."""
    return {
        "format": "trialtwin-validation/1",
        "set": "full" if full else "quick",
        "holds": all(verdict.holds for verdict in verdicts),
        "studies": [{"name": one.name, "source": one.source} for one in STUDIES],
        "checks": [
            {**plain(verdict.check), "z": verdict.check.z, "p_adjusted": verdict.p, "holds": verdict.holds}
            for verdict in verdicts
        ],
    }


def checked_row(verdict: Verdict) -> tuple[str, ...]:
    """What is shown of a check: what, ours, known, z, whether they agree."""
    check = verdict.check
    exact = check.within is not None
    texts = [_number(measure, exact) for measure in (check.ours, check.known)]
    if check.beyond is not None:
        texts[1] = f"{check.beyond} {check.known.value:.4f}"
    z = f"{check.z:+.2f}" if isfinite(check.z) else "exact"
    return (check.what, *texts, z, "yes" if verdict.holds else "NO")


def _number(measure: Measure, exact: bool) -> str:
    return f"{measure.value:.9g}" if exact else f"{measure:.4f}"
