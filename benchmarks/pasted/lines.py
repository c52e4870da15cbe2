"""The lines of the results: `read_lines` writes their numbers into the ledger, and asks about what it does not know."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from itertools import combinations

from benchmarks.pasted.labels import as_id, cut_of, identify, named, read_label, sex_of, slug
from benchmarks.pasted.line_keys import keys_of
from benchmarks.pasted.line_places import Line
from benchmarks.pasted.line_words import (
    Head,
    NotUnderstood,
    Subject,
    divided,
    plain_line,
    read_head,
    read_items,
    read_subject,
)
from benchmarks.pasted.paper_file import PaperFile, Places
from benchmarks.pasted.reading import ROLES, Ledger, ReadNumber, ReadVariable, Spot

_SIDE = re.compile(r"\b(?:before|after)\b")
_SIGNS = re.compile(r"[<>≤≥=]")
_ACRONYM = re.compile(r"[A-Z][A-Z0-9]{1,5}")
_OF_P = (("stratified", "stratified"), ("log", "log-rank"), ("gray", "gray"), ("cox", "cox"), ("wald", "cox"))


def read_lines(paper: PaperFile, places: Places, ledger: Ledger) -> None:
    """Write down the numbers of every result line; a line that is not understood is asked about and gives none."""
    head, start = Head(where=places.file), len(ledger.numbers)
    p = _of_bare_p(paper, places, ledger)
    for number, text in places.results:
        line, spot = plain_line(text), Spot(places.file, number)
        if not line:
            continue
        try:
            if line.startswith("["):
                head = read_head(line, paper)
            else:
                _read(line, text.strip(), spot, head, p, paper, ledger)
        except NotUnderstood as error:
            ledger.not_understood(spot, f"{error.what} in '{text.strip()}'")
            ledger.ask(spot, f"{error.what} in '{text.strip()}'", error.settle(line), lines=(number,))
            if line.startswith("["):
                head = Head(where=head.where, prefix="\ue002")  # what stands below a head that is not understood is not

    _ask_same(ledger.numbers[start:], places, ledger)


def _ask_same(numbers: Sequence[ReadNumber], places: Places, ledger: Ledger) -> None:
    """Ask about two lines that have the same keys and print other numbers under all of them, or nearly."""
    lines: dict[int, dict[str, str]] = {}
    for one in numbers:
        if one.spot.file == places.file:
            lines.setdefault(one.spot.line, {}).setdefault(one.key, one.printed)
    texts = dict(places.results)
    for (first, here), (second, there) in combinations(lines.items(), 2):
        both = sorted(set(here) & set(there))
        other = [key for key in both if here[key] != there[key]]
        if len(both) > 2 and len(both) - len(other) < 2:
            what = (
                f"lines {first} and {second} are both of {both[0].rpartition('.')[0]}, and print {here[other[0]]} and "
            )
            what += f"{there[other[0]]}: is one of another phase, arm or endpoint"
            text = texts.get(second, "").strip()
            other_side = _SIDE.sub(lambda found: {"before": "after", "after": "before"}[found[0]], text, count=1)
            settle = other_side if other_side != text else "one of the two lines alone, or the other's endpoint"
            ledger.ask(Spot(places.file, second), what, settle, lines=(first, second))


def _read(line: str, raw: str, spot: Spot, head: Head, p: str, paper: PaperFile, ledger: Ledger) -> None:
    if head.prefix == "\ue002":
        raise NotUnderstood("it stands below a head that is not understood", "the head as in  [Results, Survival]")
    before, after = divided(line, paper)
    subject = read_subject(before, head, paper)
    items = tuple(read_items(after, paper))
    if not items:
        raise NotUnderstood(
            "a line without a number", f"{before}: {paper.arms.treated} 26.0 vs {paper.arms.control} 8.6"
        )
    row = _subgroup(subject.group, paper, ledger) if subject.what == "in" else ""
    name = "" if subject.endpoints else _name(subject, head, paper, ledger)
    sizes = ledger.sizes
    whole = Line(head, subject, items, row, name, p, sizes)
    found = keys_of(whole, paper)
    if head.family == "" and name and not subject.name.startswith(("patients", "pairs", "sets")):
        _told_new(name, subject, spot, paper, ledger)
    for key, printed in found:
        _check_size(key, printed, spot, ledger)
    _tell_p(whole, spot, ledger)
    for key, printed in found:
        ledger.put(key, printed, head.where, spot, raw)


_SIZES = {
    "cohort.control": ("before", "control"), "cohort.treated": ("before", "treated"),
    "matching.n_control": ("after", "control"), "matching.n_treated": ("after", "treated"),
}  # fmt: skip


def _check_size(key: str, printed: str, spot: Spot, ledger: Ledger) -> None:
    """Refuse an arm's size that is not that of the heads; say where all patients are not the sum of the arms."""
    place = _SIZES.get(key)
    if place is not None:
        known = ledger.sizes.setdefault(place, int(printed))
        if known != int(printed):
            raise NotUnderstood(f"{printed} patients, where the heads of the tables have n = {known}", f"... {known}")
    arms = [ledger.sizes.get(("before", role)) for role in ROLES]
    if key == "cohort.n" and None not in arms and int(printed) != sum(one or 0 for one in arms):
        ledger.assume(spot, f"{printed} patients are not the sum of the arms, {arms[0]} and {arms[1]}")


def _of_bare_p(paper: PaperFile, places: Places, ledger: Ledger) -> str:
    """What the methods say a bare p-value of survival is of; '' where they do not say it."""
    said = paper.methods.get("survival_p", "").casefold()
    if said in ("", "not stated"):
        return ""
    found = next((kind for word, kind in _OF_P if word in said), None)
    if found is None:
        line = places.line("methods", "survival_p")
        what = f"survival_p: '{said}' is no test; all bare P of the results wait"
        numbers = [number for number, _ in places.results]
        ledger.ask(
            Spot(places.file, line), what, "survival_p: log-rank   or   stratified log-rank, Gray, Cox", lines=numbers
        )
    return found or ""


def _tell_p(line: Line, spot: Spot, ledger: Ledger) -> None:
    """Say once of what a bare p-value beside a ratio is taken to be."""
    if not (line.subject.endpoints and any(item.p == "bare" for item in line.items)):
        return
    beside = any(item.measure for item in line.items)
    test = {"log-rank": "the log-rank test", "stratified": "the stratified log-rank test", "gray": "Gray's test"}
    default = "the ratio beside it" if beside else "the log-rank test"
    told = f"a bare P is that of {test.get(line.p, 'the Cox model' if line.p else default)}"
    how = "as methods: survival_p says" if line.p else "methods: survival_p: log-rank turns it"
    if not any(one.text.startswith(told) for one in ledger.assumed):
        ledger.assume(spot, f"{told} ({how})")


def _name(subject: Subject, head: Head, paper: PaperFile, ledger: Ledger) -> str:
    """The id of an outcome, exposure or mode: that of the tables and of paper.yaml, else the label's own."""
    label = subject.name
    if not label:
        raise NotUnderstood(
            "a line that names no endpoint and no outcome", f"{next(iter(paper.endpoints))} before: ..."
        )
    if label in ("patients", "pairs", "sets"):
        return label
    family = head.family or "binary"
    known = {one.key.split(".")[1] for one in ledger.numbers if one.key.startswith(f"{family}.")}
    if given := named(paper, label):
        return given
    known |= set(paper.exposure) if family == "exposure" else set()
    known |= {name for name in paper.response if name != "order"} if family == "binary" else set()
    if label in known:
        return label
    alike = [one for one in sorted(known) if slug(one) == slug(label)]
    if alike:
        return alike[0]
    if _ACRONYM.fullmatch(label) and family == "binary":
        return label
    return identify(read_label(label), paper) if slug(label) else as_id(label)


def _told_new(name: str, subject: Subject, spot: Spot, paper: PaperFile, ledger: Ledger) -> None:
    """Say that an outcome is of no table; refuse one that is nearly the name of one that is."""
    known = {one.key.split(".")[1] for one in ledger.numbers if one.key.startswith("binary.")}
    if name in known or name in paper.response or name in paper.names.values():
        return
    near = get_close_matches(name.casefold(), {one.casefold(): one for one in known}, 1, 0.75)
    if near:
        right = next(one for one in known if one.casefold() == near[0])
        raise NotUnderstood(f"'{subject.name}' is nearly '{right}' of the tables", f"{right} {subject.phase}: ...   or   names: {{{subject.name}: an_id}}")  # fmt: skip  # noqa: E501
    told = f"'{subject.name}' is an outcome of its own, binary.{name}"
    if not any(one.text == told for one in ledger.assumed):
        ledger.assume(spot, told)


def _subgroup(text: str, paper: PaperFile, ledger: Ledger) -> str:
    """The row of a subgroup as keys have it, from 'Child-Pugh B', 'age > 50' or 'all'."""
    if text.casefold() in ("all", "overall", "all patients"):
        return "all"
    words = text.replace("=", " = ").split()
    for k in range(len(words), 0, -1):
        variable = None if _SIGNS.search(" ".join(words[:k])) else _variable(" ".join(words[:k]), paper, ledger)
        level = " ".join(word for word in words[k:] if word != "=").strip(" ()")
        if variable is not None and level:
            return _level(variable, level)
    sex = sex_of(text)
    by_sex = [one for one in ledger.variables.values() if sex and sex in one.levels]
    if by_sex:
        return f"{by_sex[0].name}={sex}"
    known = {one.label.casefold(): one for one in ledger.variables.values()}
    near = get_close_matches(" ".join(words[:-1] or words).casefold(), known, 1, 0.5)
    told = f"; did you mean '{known[near[0]].label}'?" if near else ""
    right = known[near[0]] if near else None
    level = words[-1] if right and words[-1] in right.levels else "LEVEL"
    what = f"'{text}' names no variable and level of the baseline table{told}"
    raise NotUnderstood(what, f"{right.label} {level}" if right else "VARIABLE LEVEL", text)


def _variable(text: str, paper: PaperFile, ledger: Ledger) -> ReadVariable | None:
    if not slug(text):
        return None
    name = identify(read_label(text), paper)
    for one in ledger.variables.values():
        if one.name in (name, text) or slug(text) in (
            slug(one.name),
            slug(one.label),
            slug(read_label(one.label).name),
        ):
            return one
    return None


def _level(variable: ReadVariable, text: str) -> str:
    """A level of a variable as keys have it."""
    cut = cut_of(text)
    if cut is not None:
        if cut.element in variable.cuts:
            return f"{variable.name}{cut.element}"
        exact = next((one for one in variable.levels if cut_of(one) == cut), None)
        if exact is not None:
            return f"{variable.name}={exact}"
        if not variable.levels:
            raise _no_level(variable, text, variable.cuts)
    levels = variable.levels
    found = [one for one in levels if one == text] or [one for one in levels if _plain(one) == _plain(text)]
    if len(found) == 1:
        return f"{variable.name}={found[0]}"
    ends = re.fullmatch(r"(.+?)\s*(?:-|–|to|/|or)\s*(.+)", text)
    if ends and variable.kind == "ordinal":
        at = [k for end in ends.groups() for k, one in enumerate(levels) if _plain(one) == _plain(end)]
        if len(at) == 2 and at[0] < at[1] == len(levels) - 1:
            return f"{variable.name}>={levels[at[0]]}"
        if len(at) == 2 and 0 == at[0] < at[1]:
            return f"{variable.name}<={levels[at[1]]}"
    raise _no_level(variable, text, levels)


def _no_level(variable: ReadVariable, text: str, known: Iterable[str]) -> NotUnderstood:
    shown = ", ".join(known)
    right = next(iter(known), "LEVEL")
    return NotUnderstood(
        f"{variable.label} has no level '{text}' (there is {shown})", f"HR in {variable.label} {right}: ..."
    )


def _plain(text: str) -> str:
    return "".join(text.casefold().split()).replace("–", "-")
