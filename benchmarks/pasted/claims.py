"""The numbers of the pasted text of a paper that nothing claims: no table, no result line, no fact and no `ignore`.

The text itself is not parsed. A number is claimed by the same print anywhere; what only names something (a citation,
a figure, a version, the 95 of a confidence interval) is no number to be claimed.
"""

import re
from collections.abc import Iterable, Iterator

from benchmarks.pasted.cells import plain_text
from benchmarks.pasted.line_words import plain_line
from benchmarks.pasted.paper_file import PaperFile, Places
from benchmarks.pasted.paper_rules import accrual_of
from benchmarks.pasted.reading import Ledger, PastedTable, Remark, Spot

MOST = 200  # unclaimed numbers that are listed
_AROUND = 40
_DASHES = str.maketrans(dict.fromkeys("−–‒‐‑﹣―", "-"))
_LINK = re.compile(r"\[([^\[\]]*)\]\([^()\s]*\)")
_ITEM = r"S?\d{1,3}[A-Za-z]{0,2}\b"
_NAMES_ONLY = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"https?://\S+|\bdoi:?\s*\S+|\b10\.\d{4,}/\S+|\S+@\S+",
        r"(?<![\d%)])(?<![\d%)]\s)\[\s*\d{1,3}(?:\s*[-,;]\s*\d{1,3})*\s*\]",
        r"\b10\s?(?:\^\{?[-\d]+\}?|[⁻⁰¹²³⁴-⁹]+)|\^\{?[-\d,]+\}?|[⁰¹²³⁴-⁹]+",
        r"\b\d\d(?:\.\d+)?\s*%\s*-?\s*(?:CIs?|CrIs?|confidence (?:intervals?|limits)|credible intervals?)\b",
        r"\bet al\.?,?\s*\(?(?:19|20)\d\d[a-z]?\)?",
        rf"\b(?:e?tables?|e?fig(?:ure)?s?\.?|appendix|box|panel|section|equation|eq\.|refs?\.?|references?)\s*{_ITEM}"
        rf"(?:\s*(?:,|and|-|to)\s*{_ITEM}(?![.%]\d|\s+[a-z]))*",
        r"\b(?:m?i?RECIST|CTCAE|MedDRA|version|v|SPSS|SAS|Stata|Prism)(?: statistics)?(?:,?\s*\(?(?:version|v))?\.?\s*"
        r"\d+(?:\.\d+)*",
        r"\bp(?:[ -]values?)?(?: of)?\s*(?:<|≤|less than|below)\s*0?\.\d+(?=\)?,? (?:was|were|is) "
        r"(?:considered|defined|regarded|taken|deemed|used|set))",
        r"\bR(?: software)?,?\s*\(?(?:version |v\.? ?)?\d+\.\d+(?:\.\d+)*",
        r"\bgrades?\s*[≥>]?\s*\d(?:\s*(?:/|-|or|and|to)\s*\d)?",
        r"\b[A-Za-z][A-Za-zα-ωΑ-Ω]*-?\d[\w.]*(?:-\w+)*",
    )
)
_NUMBER = re.compile(r"(?<![\w.])(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|(?<![\w.])\.\d+", re.ASCII)


def unclaimed(
    text: str, file: str, paper: PaperFile, places: Places, tables: Iterable[PastedTable], ledger: Ledger
) -> tuple[Remark, ...]:
    """The numbers of a text that nothing claims, each with its line and what stands around it."""
    claimed = set(_claimed(paper, places, tables, ledger))
    snippets = [_plain(one) for one in paper.ignore if _NUMBER.fullmatch(_plain(one).strip("<>≤≥ %")) is None]
    claimed |= {number for one in paper.ignore for number in _numbers(_plain(one)) if _plain(one) not in snippets}
    found: list[Remark] = []
    unused = set(snippets)
    for number, raw in enumerate(text.splitlines(), 1):
        line = _plain(_LINK.sub(r"\1", raw))
        masked = line
        for snippet in snippets:
            pattern = re.compile(re.escape(snippet).replace(r"\ ", r"\s+"), re.IGNORECASE)
            if pattern.search(line):
                unused.discard(snippet)
                masked = pattern.sub(_blank, masked)
        for named in _NAMES_ONLY:
            masked = named.sub(_blank, masked)
        for one in _NUMBER.finditer(masked):
            if _canonical(one[0]) not in claimed:
                found.append(Remark(Spot(file, number), f"{one[0]} in '{_around(line, one.start(), one.end())}'"))
    for snippet in snippets:
        if snippet in unused:
            ledger.assume(Spot(places.file, places.line("ignore")), f"ignore: '{snippet}' is not in {file}")
    if len(found) > MOST:
        more = Remark(found[MOST].spot, f"and {len(found) - MOST} more from here on")
        return (*found[:MOST], more)
    return tuple(found)


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])


def _around(line: str, start: int, end: int) -> str:
    before, after = line[max(0, start - _AROUND) : start], line[end : end + _AROUND]
    before = ("..." + before.partition(" ")[2]) if start > _AROUND and " " in before else before
    after = (after.rpartition(" ")[0] + "...") if len(line) > end + _AROUND and " " in after else after
    return f"{before}{line[start:end]}{after}".strip()


def _plain(text: str) -> str:
    """A text in plain spelling; raised digits stay as they are."""
    return plain_text(text).translate(_DASHES)


def _canonical(number: str) -> str:
    """A printed number without what separates thousands, and with the 0 before its point."""
    digits = number.replace(",", "")
    return f"0{digits}" if digits.startswith(".") else digits


def _numbers(text: str) -> Iterator[str]:
    return (_canonical(one) for one in _NUMBER.findall(text))


def _claimed(paper: PaperFile, places: Places, tables: Iterable[PastedTable], ledger: Ledger) -> Iterator[str]:
    """Every number of the tables, the result lines and the facts."""
    for table in tables:
        for column in table.columns:
            yield from _numbers(_plain(column.head))
            yield from [str(column.n)] if column.n is not None else []
        for row in table.rows:
            yield from _numbers(_plain(row.label))
            for cell in row.cells:
                yield from _numbers(cell.text)
        for note in table.notes:
            yield from _numbers(_plain(note))
    for _, line in places.results:
        yield from _numbers(plain_line(line))
    for one in ledger.numbers:
        yield from _numbers(one.printed)
    facts = (paper.follow_up, paper.eligibility, paper.exposure, paper.response, paper.methods, paper.endpoints)
    for section in facts:
        for name, said in section.items():
            yield from _numbers(_plain(f"{name}: {said}"))
    for date in (*(accrual_of(paper.accrual) or ()), paper.cut_off):
        yield from (part.lstrip("0") for part in re.findall(r"\d+", date))
