"""Response and adverse events: patients with an outcome in either arm, their share, and the p of the test."""

import re
from collections.abc import Sequence
from dataclasses import replace

from benchmarks.pasted.asked_rows import AS_PRINTED
from benchmarks.pasted.counts import notes_of
from benchmarks.pasted.labels import RowLabel, as_id, compared_in, named, plain_label, slug, without_statistic
from benchmarks.pasted.outcome_checks import check_names, check_outcomes
from benchmarks.pasted.paper_file import PaperFile
from benchmarks.pasted.reading import Ledger, PastedTable, Spot
from benchmarks.pasted.table_rows import MEASURES, Filled, Pen, TableRow, is_p, number, table_rows

RECIST = {
    "complete_response": "CR", "complete_remission": "CR", "partial_response": "PR", "partial_remission": "PR",
    "stable_disease": "SD", "disease_stable": "SD", "progressive_disease": "PD", "progression_disease": "PD",
    "disease_progression": "PD", "objective_response_rate": "ORR", "overall_response_rate": "ORR",
    "objective_response": "ORR", "overall_response": "ORR", "disease_control_rate": "DCR", "disease_control": "DCR",
    "not_evaluable": "NE",
}  # fmt: skip
"""The usual words for kinds of response, and their letters."""
_LETTERS = re.compile(r"[A-Z][A-Za-z]{0,2}[A-Z0-9]")
_SEVERE = re.compile(r"^(?:≥|>=|>)?\s*3\s*(?:[-–—/+&,]|\bto\b|\band\b|\bor\b|\bhigher\b|$)|^>\s*2", re.I)
_GRADE = re.compile(
    r"(?:ctcae\s*)?grades?\s*(?P<grade>[<>≤≥=]*\s*\d(?:\s*(?:[-–—/&,+]|to|and|or)\s*(?:\d|higher|more|above))?\+?)",
    re.I,
)
_ANY = re.compile(r"(?:any|all)[- ]grades?|grades?\s*(?:any|all|1\s*[-–—]\s*[45]|≥\s*1)", re.I)
_INTERVAL = re.compile(r"95 ?%? ?(?:ci|confidence interval)\b.*", re.I)
_TIMES = re.compile(r"\b(?:median|mean|duration|time to|months?|weeks?|days?|DOR|TTR)\b")
FEW = 5
MAIN, SEVERE = "", "_34"


def read_outcomes(table: PastedTable, paper: PaperFile, ledger: Ledger) -> None:
    """The outcomes of a table of response or adverse events, each under its name, grade and side."""
    pen = Pen(table, paper, ledger)
    grades = _grades(pen)
    below = ""
    start, rows = len(ledger.numbers), table_rows(table, ledger)
    shares = share_columns(rows)
    names: dict[str, TableRow] = {}
    head: RowLabel | None = None
    last = ""
    for row in rows:
        said = pen.settled(row.label)
        if said == "skip":
            continue
        if not row.arms:
            grade = grade_of(row.label.text)
            below = grade if grade is not None else below if row.others or row.tests else ""
            deeper = head is not None and re.search(r"respon|control", head.text, re.I)
            if row.empty and (not deeper or re.search(r"respon|control", row.label.text, re.I)):
                head = row.label  # "Independent review" below "Objective response" names none
            if not _interval(row.label):
                for column, cell in (*row.tests, *row.others):
                    pen.not_understood(
                        row, f"'{cell.raw}': '{row.label.text}' has no patients in either arm", column.letter
                    )
            continue
        row = _with_name_of(row, head)
        if _interval(row.label):
            pen.assume(row, f"'{row.label.text}': limits of a share have no key and are not read")
            continue
        if (what := compared_in(row.label.text)) and not said:
            _compared(pen, row, last, what)
            continue
        if _timed(row, head) and not said:
            for column, cell in row.arms:
                told = f"'{cell.raw}' in row '{row.label.text}' is no count or share of patients"
                pen.not_understood(row, told, column.letter)
            continue
        said = said if said == AS_PRINTED or re.fullmatch(r"[A-Za-z][\w-]*", said) else ""
        graded = _of_head(pen, row, head) if not said or said == AS_PRINTED else None
        row, own = (row, below) if graded is None else (graded[0], graded[1])
        _outcome(pen, row, said if re.fullmatch(r"[A-Za-z][\w-]*", said) else "", grades, own)
        _ask_odd(pen, row, shares)
        last = outcome_name(pen, row.label) if not said or said == AS_PRINTED else said
        names.setdefault(last, row)
    check_outcomes(pen, rows, start)
    if table.kind == "response":
        check_names(pen, names)


_COUNTED = re.compile(
    r"(?:no\.?|number|n)(?: of)? (?:patients|participants|subjects)"
    r"(?: with (?:an? )?(?:response|events?))?(?:,? ?\(?%\)?)?|"
    r"%(?: of (?:patients|participants|subjects))?(?:,? ?\(95 ?% ?ci\))?",
    re.I,
)


def _with_name_of(row: TableRow, head: RowLabel | None) -> TableRow:
    """A row as "No. of patients" or "% (95% CI)", with the name of the response above it."""
    if (
        head is None
        or not _COUNTED.fullmatch(row.label.text.strip())
        or not re.search(r"respon|control", head.text, re.I)
    ):
        return row
    name = re.sub(r"^rate of ", "", head.text, flags=re.I)
    return replace(row, label=RowLabel(f"{name} %" if row.label.text.startswith("%") else name, name))


def _compared(pen: Pen, row: TableRow, name: str, what: str) -> None:
    """A ratio, difference or p of the outcome above, which stands in the column of one arm or across both."""
    cells = [*row.arms, *row.others]
    if not name or what == "hr" or len(cells) != 1:
        for column, cell in cells:
            pen.not_understood(row, f"'{cell.raw}' in row '{row.label.text}' is of no outcome above it", column.letter)
        return
    column, cell = filled = cells[0]
    key = f"binary.{name}.{pen.side(column)}"
    if what == "p" and is_p(cell):
        pen.put(f"{key}.p", cell.values[0], row, filled)
    elif what != "p" and cell.kind in ("triple", "num"):
        pen.put_all(f"{key}.{what}", ("value", "low", "high"), cell.values, row, filled)
    else:
        pen.not_understood(row, f"'{cell.raw}' in row '{row.label.text}' is not known", column.letter)


def _timed(row: TableRow, head: RowLabel | None) -> bool:
    """Whether a row is of times, or of a spread, and not of patients: "Median", "Range" below "Time to response"."""
    bare = row.label.only_statistic and re.search(r"median|mean|range|iqr|\bsd\b", row.label.statistic)
    below = head is not None and re.search(r"\b(?:time to|duration of|months?|mo|weeks?)\b", head.text, re.I)
    own = re.search(r"\b(?:time to|duration of)\b|^(?:median|mean)\b", row.label.text, re.I)
    counted = all(cell.kind in ("share", "pair") for _, cell in row.arms)
    events = re.match(
        r"(?:total )?(?:number|no\.?) of (?:all )?(?:s?aes?\b|(?:serious )?adverse events|events)", row.label.text, re.I
    )
    own = own or events
    return bool((bare or own or (below and not counted)) and not counted)


def _of_head(pen: Pen, row: TableRow, head: RowLabel | None) -> tuple[TableRow, str] | None:
    """A row of a grade alone as its head's, and the grade: "Grade 3 (on walking)", or "3" of "Any event, by grade"."""
    if head is None or pen.table.kind != "adverse events":
        return None
    text = row.label.text
    found = re.fullmatch(rf"{_GRADE.pattern}\s*(?:\(.*\))?", text, re.I)
    bare = re.fullmatch(r"[1-5](?:\s*[-–—]\s*[1-5])?", text) is not None and "grade" in head.text.casefold()
    if not (found or bare):
        return None
    name = re.sub(r"[,(]?\s*(?:by |maximum |max\.? |worst |highest )?(?:ctcae )?grades?\b.*", "", head.text, flags=re.I)
    named_as = "any_ae" if re.fullmatch(r"any (?:adverse )?events?|any (?:ae|toxicity)", name.strip(), re.I) else name
    return replace(row, label=RowLabel(named_as, named_as)), suffix(found["grade"] if found else text)


def share_columns(rows: Sequence[TableRow]) -> frozenset[str]:
    """The columns of which nearly all cells are counts with their shares."""
    kinds: dict[str, list[bool]] = {}
    for row in rows:
        for column, cell in row.arms:
            if cell.values != ("0",):
                kinds.setdefault(column.letter, []).append(cell.kind in ("share", "pair"))
    return frozenset(letter for letter, found in kinds.items() if len(found) >= FEW and sum(found) >= 0.8 * len(found))


def _ask_odd(pen: Pen, row: TableRow, shares: frozenset[str]) -> None:
    """Asks of a percentage alone in a column of counts with theirs, unless the row is one of percentages."""
    odd = [cell.raw for column, cell in row.arms if column.letter in shares and cell.kind in ("percent", "num")]
    odd = [raw for raw in odd if raw.strip() != "0"]
    if odd and len(odd) < len(row.arms) and pen.settled(row.label) != AS_PRINTED:
        pen.ask(row, f"'{row.label.text}': '{odd[0]}' stands where the others are n (%)", (AS_PRINTED, "skip"))


def _interval(label: RowLabel) -> bool:
    return bool(_INTERVAL.fullmatch(label.text) or (not label.name and "ci" in label.statistic))


def outcome_name(pen: Pen, label: RowLabel) -> str:
    """The name of an outcome: that of paper.yaml, its letters ("ORR"), or its words as an id."""
    printed = without_statistic(label.text)
    if given := named(pen.paper, label.text, printed, label.name):
        return given
    words = label.name or printed
    known = {*pen.paper.response, *(one for said in pen.paper.response.values() for one in said.split())}
    names = [words, *re.findall(r"\(([^()]+)\)", printed), label.level]
    for name in names:
        letters = plain_label(name)
        if letters.upper() in RECIST.values():
            return letters.upper()
        if _LETTERS.fullmatch(letters) or letters in known:
            return letters
    usual = slug(words)
    return RECIST.get(usual, RECIST.get(usual.removesuffix("_rate"), as_id(printed if label.level else words)))


def grade_of(text: str) -> str | None:
    """What an outcome's name ends with for the grade that a text names: '' any, '_34', or another; None for none."""
    if _ANY.search(text):
        return MAIN
    found = _GRADE.search(text)
    return suffix(found["grade"]) if found else None


def suffix(grade: str) -> str:
    """What an outcome's name ends with for a printed grade: '' any, '_34' grades 3 and 4 or from 3 up, else digits."""
    plain = grade.strip()
    if not plain or plain.casefold() in ("any", "all") or re.fullmatch(r"1\s*[-–—/]\s*[45]|≥\s*1", plain):
        return MAIN
    if _SEVERE.match(plain) and plain != "3":
        return SEVERE
    return "_" + "".join(re.findall(r"\d", plain)) if re.search(r"\d", plain) else MAIN


def _grades(pen: Pen) -> dict[str, str]:
    """The ending of an outcome's name by column; asked where two printed grades would have the same."""
    made = {column.letter: suffix(column.grade) for column in pen.table.columns if not column.skip}
    printed: dict[str, set[str]] = {}
    for column in pen.table.columns:
        if not column.skip and column.arm and column.grade:
            printed.setdefault(suffix(column.grade), set()).add(re.sub(r"\s", "", column.grade))
    for ending, grades in printed.items():
        if ending == SEVERE and len(grades) > 1:
            columns = [one for one in pen.table.columns if suffix(one.grade) == ending]
            what = f"the grades {' and '.join(sorted(grades))} would have one key"
            letter = columns[-1].letter
            pen.ledger.ask(
                Spot(pen.table.file, 0, letter), what, f"{letter}: skip", ("skip",), (), [one.letter for one in columns]
            )
    return made


def _outcome(pen: Pen, row: TableRow, said: str, grades: dict[str, str], below: str) -> None:
    name = said or outcome_name(pen, row.label)
    within = grade_of(row.label.text)
    if within is not None and not said:
        stripped = _ANY.sub("", _GRADE.sub("", row.label.text)).strip(" ,;:-–()≥")
        any_event = not stripped or stripped.casefold() == "any"
        name = "any_ae" if any_event else outcome_name(pen, RowLabel(row.label.text, stripped))
    _tell_name(pen, row, name, bool(said))
    for filled in (*row.arms, *row.tests, *row.others):
        column, cell = filled
        ending = grades.get(column.letter, MAIN) or within or below or MAIN
        key = f"binary.{name}{ending}.{pen.side(column)}"
        audit_only = ending not in (MAIN, SEVERE)
        if column.statistic == "p":
            if is_p(cell):
                pen.put(f"{key}.p", cell.values[0], row, filled, audit_only)
            else:
                pen.not_understood(row, f"'{cell.raw}' is no p-value", column.letter)
        elif filled in row.arms:
            _arm(pen, row, filled, key, audit_only)
        else:
            _measure(pen, row, filled, key)


def _tell_name(pen: Pen, row: TableRow, name: str, said: bool) -> None:
    """Say of a response that is none of the usual ones, and of a name that is not the label's words."""
    known = {*RECIST.values(), *pen.paper.response, *pen.paper.names.values()}
    if said or name in known:
        return
    if pen.table.kind == "response":
        pen.assume(row, f"'{row.label.text}' is a response of its own, binary.{name}")
    elif name.startswith("v_") or len(slug(row.label.text)) > 60:
        pen.assume(row, f"'{row.label.text[:60]}' is named binary.{name}")


def _arm(pen: Pen, row: TableRow, filled: Filled, key: str, audit_only: bool) -> None:
    column, cell = filled
    numbers = _numbers(pen, row, filled)
    if numbers is None:
        pen.not_understood(
            row, f"'{cell.raw}' in row '{row.label.text}' is no count or share of patients", column.letter
        )
        return
    if column.own_n and column.n_printed.isdigit() and all(name != "n" for name, _ in numbers):
        numbers = [*numbers, ("n", column.n_printed)]
    for name, value in numbers:
        pen.put(f"{key}.{column.arm}.{name}", value, row, filled, audit_only)


def _numbers(pen: Pen, row: TableRow, filled: Filled) -> Sequence[tuple[str, str]] | None:
    """The numbers of an arm's cell with their names; None where they are no count and no share."""
    column, cell = filled
    percents = bool(re.search(r"%|percent|rate", f"{row.label.text} {column.head}", re.I))
    of = [("n", cell.of)] if cell.of.isdigit() else []
    if cell.kind in ("share", "pair"):
        if not cell.values[0].isdigit() and pen.paper.design != "weighted":
            return None
        return [("yes", cell.values[0]), *(("percent", value) for value in cell.values[1:]), *of]
    if cell.kind == "percent":
        return [("percent", cell.values[0])]
    if cell.kind == "triple":
        inside = number(cell.values[0])
        timed = _TIMES.search(row.label.text)
        return (
            [("percent", cell.values[0])]
            if (cell.signed or percents) and not timed and inside is not None and inside <= 100
            else None
        )
    if cell.kind == "num":
        if column.statistic == "percent":
            return [("percent", cell.values[0])]
        if cell.values[0].isdigit():
            ambiguous = (
                percents and column.statistic != "n" and not re.search(r"\bn\b|no\.", row.label.text + column.head)
            )
            return [("percent" if ambiguous else "yes", cell.values[0])]
        return [("percent", cell.values[0])] if percents or re.search(r"percent|%", notes_of(pen)) else None
    return None


def _measure(pen: Pen, row: TableRow, filled: Filled, key: str) -> None:
    """An odds ratio, risk ratio or difference of risks in a column that says which."""
    column, cell = filled
    measure = column.statistic
    if measure not in MEASURES:
        pen.not_understood(row, f"'{cell.raw}': the head '{column.head}' names no arm, p or measure", column.letter)
    elif cell.kind == "triple":
        pen.put_all(f"{key}.{measure}", ("value", "low", "high"), cell.values, row, filled)
    elif cell.kind == "range":
        pen.put_all(f"{key}.{measure}", ("low", "high"), cell.values, row, filled)
    elif cell.kind in ("num", "percent", "bound"):
        pen.put(f"{key}.{measure}.value", cell.values[0], row, filled)
