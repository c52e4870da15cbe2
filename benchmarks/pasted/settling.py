"""The letters and words by which paper.yaml settles columns: "E-G: after", "B: control before n", "H: skip"."""

import re
from collections.abc import Iterator, Mapping, Sequence

from benchmarks.pasted.paper_file import PaperFile
from benchmarks.pasted.reading import ROLES

RESERVED = frozenset({"kind", "where", "rows", "n", "decimal"})
_NAMED = {
    "n": "n", "%": "percent", "percent": "percent", "mean": "mean", "sd": "sd", "median": "median", "p": "p",
    "test": "test", "smd": "smd", "hr": "hr", "low": "low", "high": "high", "limits": "limits",
    "interaction p": "interaction_p", "interaction_p": "interaction_p", "events/n": "events", "events": "events",
    "at risk": "at_risk", "at_risk": "at_risk", "patients": "patients", "n%": "", "n(%)": "", "n (%)": "",
    "or": "odds_ratio", "rr": "risk_ratio", "rd": "risk_difference",
}  # fmt: skip


def letters_of(key: str, width: int) -> range | None:
    """The columns (from 0) of "E" or "E-G"; None where a key is no column of a table so wide."""
    found = re.fullmatch(r"([A-Z]{1,2})(?:\s*[-–]\s*([A-Z]{1,2}))?", key.strip())
    if found is None:
        return None
    low, high = _index(found[1]), _index(found[2] or found[1])
    return range(low, high + 1) if 0 < low <= high < width else None


def _index(letters: str) -> int:
    value = 0
    for one in letters:
        value = value * 26 + ord(one) - 64
    return value - 1


def letter(column: int) -> str:
    """The letter of a column from 0: A, B, ..., Z, AA."""
    return chr(65 + column) if column < 26 else letter(column // 26 - 1) + chr(65 + column % 26)


def settling_words(text: str, paper: PaperFile) -> dict[str, object]:
    """The fields of a column that a line of paper.yaml settles; ValueError names a word that is not known."""
    made: dict[str, object] = {}
    rest = " ".join(text.split())
    names = sorted(_vocabulary(paper), key=lambda one: -len(one[0]))
    while rest:
        size = re.match(r"n ?= ?(\d+(?:\.\d+)?)(?=$|[\s,;])", rest)
        found = next(
            (one for word, fields, exact in names if (one := _word(word, fields, exact, rest)) is not None), None
        )
        if size is None and found is None:
            what = f"'{rest.split()[0]}' in '{text}' is no arm, side, statistic, endpoint, model or grade"
            raise ValueError(f"{what}; {_known(paper)}")
        fields, end = ({"n_printed": size[1]}, size.end()) if size is not None else found or ({}, 0)
        clash = sorted(key for key in fields if key in made and made[key] != fields[key])
        if clash:
            raise ValueError(f"'{text}' says two things about {clash[0]}")
        made.update(fields)
        rest = rest[end:].lstrip(" ,;")
    if not made:
        raise ValueError(f"it says nothing; {_known(paper)}")
    return made


def _word(word: str, fields: Mapping[str, object], exact: bool, rest: str) -> tuple[Mapping[str, object], int] | None:
    """The fields of a word at the start of a text, and where it ends."""
    found = re.match(rf"{re.escape(word)}(?=$|[\s,;])", rest, 0 if exact else re.IGNORECASE)
    return None if found is None else (fields, found.end())


def _known(paper: PaperFile) -> str:
    arms = f"{paper.arms.control}, {paper.arms.treated}, all"
    words = "before, after, n, %, mean, median, p, test, smd, hr, low, high"
    return f"write {arms}, {words}, {', '.join(paper.endpoints)} or skip"


def _vocabulary(paper: PaperFile) -> Iterator[tuple[str, Mapping[str, object], bool]]:
    """Words with the fields that they settle, and whether their case counts."""
    for role in ROLES:
        yield getattr(paper.arms, role), {"arm": role}, getattr(paper.arms, role).casefold() in _NAMED
        yield role, {"arm": role}, False
    yield "all", {"arm": "all"}, False
    yield from ((word, {"phase": "before"}, False) for word in ("before", "unmatched", "unweighted"))
    yield from ((word, {"phase": "after"}, False) for word in ("after", "matched", "weighted"))
    yield from ((name, {"endpoint": name}, True) for name in paper.endpoints)
    yield from ((word, {"statistic": name}, False) for word, name in _NAMED.items())
    yield from ((word, {"model": word}, False) for word in ("univariable", "multivariable"))
    yield from (("univariate", {"model": "univariable"}, False), ("multivariate", {"model": "multivariable"}, False))
    yield from ((word, {"grade": ""}, False) for word in ("any", "any grade", "all grades"))
    for grade in ("1", "2", "3", "4", "5", "1-2", "3-4", "3-5", "4-5", "≥3", "≥4", "≥2"):
        yield from ((word, {"grade": grade}, False) for word in (grade, f"grade {grade}", grade.replace("≥", ">=")))
    yield "skip", {"skip": True}, False


def line_of(key: str) -> int | None:
    """The line of the file of a key like "line 39"; None for another key."""
    found = re.fullmatch(r"line (\d{1,7})", key.strip(), re.ASCII)
    return None if found is None else int(found[1])


def with_lines(entry: Mapping[str, str | dict[str, str]]) -> dict[str, str | dict[str, str]]:
    """What paper.yaml says of a table, "lines 43-51" as a line each."""
    made: dict[str, str | dict[str, str]] = {}
    for key, text in entry.items():
        found = re.fullmatch(r"lines (\d{1,5})\s*[-–]\s*(\d{1,5})", key.strip(), re.ASCII)
        lines = range(int(found[1]), min(int(found[2]), int(found[1]) + 999) + 1) if found else ()
        made.update({f"line {line}": text for line in lines} if found else {key: text})
    return made


def row_key(label: str, line: int, labels: Sequence[str], width: int) -> str:
    """How paper.yaml names a row: by its label, or by its line where that is no plain key or is not one row's alone."""
    plain = re.fullmatch(r"[\w(](?:[^:#\n]*[^:#\s])?", label) is not None and label.casefold() not in RESERVED
    alone = sum(one == label for one in labels) == 1
    return label if plain and alone and letters_of(label, width) is None and line_of(label) is None else f"line {line}"
