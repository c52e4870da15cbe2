"""The audit of a paper as an answer: what matters most first, everything in words, grouped by where it stands."""

import re
import textwrap
from collections import Counter
from collections.abc import Sequence
from typing import Any

from analysis.audit.paper import SEVERITIES, Finding
from analysis.paper.sides import side_words
from analysis.tables.text_table import WIDTH, TextTable, table
from benchmarks.words.answer import Answer
from benchmarks.words.key_words import PaperWords, finding_words
from benchmarks.words.sizes import counted, first_up, listed

DOUBTS = {
    "ratio amid its limits": "does not lie in the middle of its interval",
    "p of the interval": "its interval and its p do not go together",
    "information of the events": "its interval is too narrow for the events",
    "interval holds the ratio": "lies outside its own interval",
    "interval of a median": "its interval is too wide",
    "percentage of a count": "is not the percentage of its count",
    "p of counts": "no usual test gives this p from the counts",
    "p of means": "no t test gives this p from the means",
    "equal counts, different p": "equal counts have another p",
    "one model, two numbers": "the same model is printed differently elsewhere",
    "printed twice": "is printed differently elsewhere",
    "levels add up": "the rows do not add up to the arm",
    "responses add up": "the responses do not add up",
    "sizes add up": "the arms do not add up",
}
"""Why a printed number is doubtful, by what an audit checked; what is not here is told by the check's own name."""


def doubts_told(doubts: Sequence[str]) -> str:
    """Why a number is doubtful, in words."""
    return "; ".join(DOUBTS.get(one, one) for one in doubts)


SEVERITY_WORDS = {"severe": "serious", "moderate": "minor", "note": "remark"}
"""How bad a finding is, as a reader is told; data keep the first words."""
_TREATMENT = re.compile(r"\.(?:cox\w*|(?:uni|multi)variable\[treatment\])\.")


def by_weight(findings: Sequence[Finding], words: PaperWords) -> list[Finding]:
    """The findings, the one that matters most first.

    First what is found of the ratio of the primary analysis, but for remarks; then serious findings of another effect
    of treatment on the primary endpoint; then all other serious ones, minor ones and remarks; within each the further
    off, in units of what rounding allows, the earlier.
    """
    return sorted(findings, key=lambda one: (_tier(one, words), -one.off))


def _tier(finding: Finding, words: PaperWords) -> int:
    key = finding.keys[0]
    if finding.severity != "note" and any(key.startswith(f"{place}.") for place in words.primary):
        return 0
    of_first = key.startswith(f"endpoints.{words.first}.") and _TREATMENT.search(key) is not None
    if finding.severity == "severe":
        return 1 if of_first else 2
    return 3 + SEVERITIES.index(finding.severity)


def finding_sentence(finding: Finding, words: PaperWords) -> str:
    """A finding as one sentence that says what it is about."""
    key, tier = finding.keys[0], _tier(finding, words)
    endpoint = key.split(".")[1] if key.startswith("endpoints.") else ""
    if tier < 2:
        side = "" if tier == 0 else f" {side_words(words.plan, key.split('.')[2])}"
        main = finding.in_words(f" of the main result{side}", words.events(endpoint))
        return main if "{of}" in finding.said else f"the main result{side}: {main}"
    about = finding_words(finding.keys, words, finding.where).text
    return f"{about}: {finding.in_words('', words.events(endpoint))}"


def audit_verdict(findings: Sequence[Finding], numbers: int, words: PaperWords | None = None) -> str:
    """In how many places the paper contradicts itself, the place that matters most, and how much else there is."""
    told = PaperWords() if words is None else words
    if not findings:
        return f"{numbers} printed numbers were checked, and the arithmetic contradicts none of them."
    counts = Counter(finding.severity for finding in findings)
    rest = _many([one for one in findings if one.severity != "severe"])
    most = by_weight(findings, told)[0]
    if not counts["severe"]:
        return f"Among {numbers:,} printed numbers no serious contradiction: {listed(rest)}."
    places = "one place" if counts["severe"] == 1 else f"{counts['severe']} places"
    said = f"In {places} the paper contradicts itself beyond rounding."
    said += f"{' The one that matters most' if counts['severe'] > 1 else ' There'}: {finding_sentence(most, told)}."
    if told.primary and _tier(most, told) > 0:
        said += " The main result itself adds up as far as it can be checked."
    said += f" {numbers:,} printed numbers were checked"
    fewer = len(findings) - counts["severe"]
    return said + (f"; {listed(rest)} {'is' if fewer == 1 else 'are'} told below too." if rest else ".")


def _many(findings: Sequence[Finding]) -> list[str]:
    """How many there are of each kind: '2 serious contradictions', '1 remark'."""
    counts = Counter(SEVERITY_WORDS[one.severity] for one in findings)
    nouns = {word: "remark" if word == "remark" else f"{word} contradiction" for word in SEVERITY_WORDS.values()}
    return [counted(counts[word], noun) for word, noun in nouns.items() if counts[word]]


def audit_answer(
    findings: Sequence[Finding], tests: Sequence[str], numbers: int, words: PaperWords | None = None
) -> Answer:
    """The findings by where they stand, what matters most first: in words, the arithmetic, what would go together."""
    told = PaperWords() if words is None else words
    lines: list[str] = []
    for place, own in by_place(findings, told).items():
        lines.append(f"{place}: {listed(_many(own))}")
        about = ""
        for one in own:
            row = first_up(finding_words(one.keys, told).text)
            if row != about:
                lines += _indented(row)
                about = row
            events = told.events(one.keys[0].split(".")[1]) if one.keys[0].startswith("endpoints.") else "events"
            lines += _indented(f"{SEVERITY_WORDS[one.severity]}: {one.in_words('', events)}", 4)
            lines += _indented(f"{one.arithmetic}; what would go together: {one.consistent}", 6) if one.said else []
            lines += [] if one.said else _indented(f"what would go together: {one.consistent}", 6)
        lines.append("")
    if tests:
        lines += ["Which tests explain the p-values", *(line for one in tests for line in _indented(one))]
    data = {"numbers": numbers, "findings": [_finding_data(one, told) for one in findings], "tests": tests}
    return Answer(
        data,
        audit_verdict(findings, numbers, told),
        lines=tuple(lines),
        files=lambda: audit_tables(findings, told),
        found=tuple(findings),
    )


def by_place(findings: Sequence[Finding], words: PaperWords) -> dict[str, list[Finding]]:
    """The findings by the place where they are printed, that of the weightiest first, those of one row together."""
    found: dict[str, dict[str, list[Finding]]] = {}
    for one in by_weight(findings, words):
        rows = found.setdefault(one.where.partition("; ")[0] or "Not said where", {})
        rows.setdefault(finding_words(one.keys, words).text, []).append(one)
    return {place: [one for own in rows.values() for one in own] for place, rows in found.items()}


def _finding_data(one: Finding, words: PaperWords) -> dict[str, Any]:
    """A finding for machines: its keys too, and in words."""
    return {
        "keys": one.keys,
        "severity": one.severity,
        "check": one.check,
        "arithmetic": one.arithmetic,
        "consistent": one.consistent,
        "where": one.where,
        "words": first_up(finding_sentence(one, words)) + ".",
        "off": one.off,
    }


def audit_tables(findings: Sequence[Finding], words: PaperWords | None = None) -> tuple[TextTable, ...]:
    """The findings of each kind, serious ones first, each named by what it is of."""
    told = PaperWords() if words is None else words
    heads = ("where", "what", "in words", "arithmetic", "what would go together")
    kinds = ("Serious", "Minor", "Remarks")
    weighed = by_weight(findings, told)
    of = {
        kind: [x for x in weighed if x.severity == severity] for kind, severity in zip(kinds, SEVERITIES, strict=True)
    }
    return tuple(
        table(
            kind,
            heads,
            [
                (
                    one.where,
                    first_up(finding_words(one.keys, told).text),
                    one.in_words("", told.events(one.keys[0].split(".")[1]) if "." in one.keys[0] else "events"),
                    one.arithmetic,
                    one.consistent,
                )
                for one in own
            ],
            5,
        )
        for kind, own in of.items()
        if own
    )


def _indented(text: str, by: int = 2) -> list[str]:
    first, next_ = " " * by, " " * (by + 2)
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=next_, break_on_hyphens=False)
