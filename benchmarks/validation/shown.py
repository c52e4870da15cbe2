"""Verdicts as text and as JSON."""

import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from math import isfinite
from typing import Any

from benchmarks.performance.measures import Measure
from benchmarks.validation.check import ALPHA, Verdict
from benchmarks.validation.studies import STUDIES
from benchmarks.words.plain_text import WIDTH, aligned


def as_text(verdicts: Sequence[Verdict]) -> str:
    """A table per study, and the total."""
    parts = []
    for study in STUDIES:
        own = [verdict for verdict in verdicts if verdict.check.study == study.name]
        if not own:
            continue
        rows = [checked_row(verdict) for verdict in own]
        parts.append(f"{study.name} ({study.source})")
        parts.append(aligned(("", "ours", "known", "z", "agree"), rows) + "\n")
    failed = sum(not verdict.holds for verdict in verdicts)
    parts.append(textwrap.fill(f"{len(verdicts) - failed} of {len(verdicts)} hold. {how(verdicts)}", WIDTH))
    return "\n".join(parts)


def how(verdicts: Sequence[Verdict]) -> str:
    """What it takes for an answer to hold."""
    simulated = sum(verdict.check.within is None for verdict in verdicts)
    return (
        f"In brackets: standard error. A simulated answer ({simulated} of them) fails where its p, adjusted for all of "
        f"them (Holm), is below {ALPHA}; where known is 'above' or 'below' a number, a deviation for which a method is "
        "known, unless its p is below that; an exact one where it differs by more than the digits to which it is known."
    )


def as_json(verdicts: Sequence[Verdict], full: bool) -> dict[str, Any]:
    """Everything, null for what is not finite."""
    return {
        "format": "trialtwin-validation/1",
        "set": "full" if full else "quick",
        "holds": all(verdict.holds for verdict in verdicts),
        "studies": [{"name": one.name, "source": one.source} for one in STUDIES],
        "checks": [
            {
                **_plain(asdict(verdict.check)),
                "z": _finite(verdict.check.z),
                "p_adjusted": _finite(verdict.p),
                "holds": verdict.holds,
            }
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
    return f"{measure.value:.9g}" if exact else f"{measure.value:.4f} ({measure.mcse:.4f})"


def _plain(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _plain(value) for key, value in tree.items()}
    return _finite(tree) if isinstance(tree, float) else tree


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None
