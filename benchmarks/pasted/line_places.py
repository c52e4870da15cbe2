"""A result line, and where its ratios and p-values stand among the keys."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.pasted.line_words import Head, LineItem, NotUnderstood, Subject
from benchmarks.pasted.paper_file import PaperFile

_BOTH_SIDES_ARE_ALL = frozenset({"randomised", "adjusted", "crude", "stratified"})
RISKS = ("odds_ratio", "risk_ratio", "risk_difference")
OUT = "nothing of it (or list it under ignore)"
_MEASURES = {
    "hr": "cox", "stratified": "cox_stratified", "fine_gray": "fine_gray", "adjusted": "multivariable[treatment]",
    "weighted": "cox",
}  # fmt: skip
_TESTS = {"log-rank": "logrank", "stratified": "logrank_stratified", "gray": "gray"}
_TESTED = frozenset({"", "events", "survival", "incidence", "competing_incidence"})
"""What a bare p-value on a line without a measure is said to test by the methods."""
_WORDS = {
    "events": "events", "follow_up": "follow-up", "at_risk": "patients at risk", "competing_events": "competing events",
    "rmst": "restricted means",
}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """A line with its subject and items; ``row`` is the subgroup as keys have it, ``name`` the outcome's id.

    ``p`` is what the methods say a bare p-value is of: '', cox, log-rank, stratified or gray; ``sizes`` are the arms'
    patients by side and role.
    """

    head: Head
    subject: Subject
    items: tuple[LineItem, ...]
    row: str = ""
    name: str = ""
    p: str = ""
    sizes: Mapping[tuple[str, str], int] = field(default_factory=dict)


def side_of(subject: Subject, paper: PaperFile) -> str:
    """before or after, by the phase and the design."""
    phase, design = subject.phase, paper.design
    if phase == "weighted":
        if design != "weighted":
            raise NotUnderstood(f"a weighted number has no key where the design is '{design}'", OUT)
        return "after"
    if phase in ("before", "after"):
        return phase
    if phase == "adjusted" or design in _BOTH_SIDES_ARE_ALL:
        return "before"
    after = "weighted" if design == "weighted" else "after"
    whom = " ".join(subject.endpoints) or subject.name
    raise NotUnderstood("before or after is not said", f"{whom} before   or   {whom} {after}", whom)


def plain_side(subject: Subject, paper: PaperFile) -> str:
    """before or after of a number that no adjusted model has."""
    if subject.phase == "adjusted":
        raise NotUnderstood("an adjusted model has no such number", f"before or after, or {OUT}")
    return side_of(subject, paper)


def measure_place(line: Line, endpoint: str, measure: str, paper: PaperFile) -> str:
    """Where the numbers of a measure stand."""
    subject = line.subject
    if measure in RISKS:
        return _of_times(line, endpoint, measure, paper)
    if measure == "weighted":
        subject = Subject(subject.endpoints, "weighted", subject.what)
    if measure == "adjusted" or subject.phase == "adjusted":
        if measure not in ("hr", "adjusted"):
            raise NotUnderstood("an adjusted model has no such ratio", f"{endpoint} adjusted: HR 0.70 (0.50-0.90)")
        side = subject.phase if subject.phase in ("before", "after") else "before"
        return f"endpoints.{endpoint}.{side}.multivariable[treatment]"
    side = side_of(subject, paper)
    if measure == "fine_gray" and "competing" not in paper.endpoints[endpoint]:
        right = f"endpoints: {{{endpoint}: {paper.endpoints[endpoint]}; competing death}}"
        raise NotUnderstood(f"{endpoint} has no competing events, and so no subdistribution ratio", right)
    return f"endpoints.{endpoint}.{side}.{_MEASURES[measure]}"


def _of_times(line: Line, endpoint: str, measure: str, paper: PaperFile) -> str:
    """Where a ratio or difference of risks at the one time of a line stands."""
    subject = line.subject
    name = {
        ("survival", "risk_difference"): "survival_difference",
        ("rmst", "risk_difference"): "rmst_difference",
        ("incidence", "risk_difference"): "incidence_difference",
        ("incidence", "risk_ratio"): "incidence_ratio",
    }.get((subject.what, measure))
    if name is None or len(subject.times) != 1:
        raise NotUnderstood(
            f"no key for this measure of {endpoint}", f"{endpoint} after at 12: RD 10% (2-18)   or nothing of it"
        )
    return f"endpoints.{endpoint}.{plain_side(subject, paper)}.{name}[{subject.times[0]}]"


def p_place(line: Line, endpoint: str, item: LineItem, paper: PaperFile) -> str:
    """The key of a p-value of an endpoint."""
    subject = line.subject
    if item.p == "interaction":
        raise NotUnderstood(
            "an interaction is of a subgroup", f"{endpoint} after HR in VARIABLE LEVEL: 0.7; interaction P 0.4"
        )
    kind, measure = item.p, _measure_before(line, item)
    if kind == "bare" and measure:
        turned = line.p if measure == "hr" and subject.phase != "adjusted" else ""
        if measure == "stratified" and line.p == "log-rank":
            raise NotUnderstood(
                "P beside a stratified HR: of which log-rank test", "stratified log-rank P 0.01   or   log-rank P 0.01"
            )
        turned = "stratified" if measure == "stratified" and line.p == "stratified" else turned
        if turned in ("", "cox"):
            return f"{measure_place(line, endpoint, measure, paper)}.p"
        kind = turned
    elif kind == "bare":
        said = line.p if subject.what in _TESTED else ""
        kind = said or _test_of(line, endpoint, item)
        if subject.phase == "adjusted":
            kind = "cox"
    if kind == "cox":
        return measure_place(line, endpoint, "adjusted" if subject.phase == "adjusted" else "hr", paper) + ".p"
    if kind == "rmst":
        return f"endpoints.{endpoint}.{plain_side(subject, paper)}.rmst_difference[{subject.times[0]}].p"
    return f"endpoints.{endpoint}.{plain_side(subject, paper)}.{_TESTS[kind]}.p"


def _measure_before(line: Line, item: LineItem) -> str:
    """The measure that a p-value is of: the last before it, else the first of its line."""
    at = next(k for k, one in enumerate(line.items) if one is item)
    before = [one.measure for one in line.items[:at] if one.measure]
    return before[-1] if before else next((one.measure for one in line.items if one.measure), "")


def _test_of(line: Line, endpoint: str, item: LineItem) -> str:
    """The test of a bare p-value on a line without a measure."""
    what = line.subject.what
    if what == "rmst" and len(line.subject.times) == 1:
        return "rmst"
    if what in ("", "survival"):
        return "log-rank"
    if what in ("incidence", "competing_incidence"):
        raise NotUnderstood("P of which test", f"Gray P {item.text}   or   log-rank P {item.text}")
    told = f"no key for a P of {_WORDS[what]} of {endpoint}"
    raise NotUnderstood(told, f"log-rank P {item.text}, or list it under ignore")
