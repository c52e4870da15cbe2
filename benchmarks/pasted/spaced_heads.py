"""The heads of a text whose columns stand one blank apart: its words are parted by what heads say.

Words that nobody knows leave the heads unread, and then every column is asked about.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.pasted.cells import plain_text
from benchmarks.pasted.head_statistics import statistic_of
from benchmarks.pasted.heads import SIDES, loose
from benchmarks.pasted.paper_file import PaperFile
from benchmarks.pasted.reading import ROLES

MOST_HEADS = 40  # pieces
_SIZE = r"(?:,? ?[(\[]?\bn ?[=:] ?[\d,.]+(?: patients)?[)\]]?| ?[(\[]\d[\d,]* patients[)\]])"
_SHARE = r"(?:,? ?(?:no\.?|n|number)(?: of (?:patients|participants|subjects))?,? ?[(\[]?%[)\]]?)"
_GROUP = r"(?: (?:groups?|arms?|cohorts?|patients))?"
_CI = r"(?: ?[(\[]? ?9\d ?% ?(?:c[il]s?|confidence intervals?) ?[)\]]?)?"
_MARK = r"(?: ?[*†‡§¶#ᵃ-ᶿ⁰¹²³⁴-⁹]|(?<=[a-z)])[a-f](?![^\W\d_]))*"
_OF_SIDE = (
    r"(?:(?:propensity(?:[ -]scores?)?|ps|entire|overall|study|whole|original)[ -])*"
    rf"(?:{SIDES.pattern})(?:[ -]propensity[ -]scores?)?"
    r"(?: (?:study )?(?:cohorts?|populations?|samples?|groups?|analys[ie]s|data ?sets?|patients))?"
)
_MODEL = r"(?:uni-?vari\w+|multi-?vari\w+|un-?adjusted|adjusted|crude)(?: (?:cox )?(?:analys[ie]s|models?|regression))?"
_SURVIVAL = (
    r"(?:overall|(?:[\w-]+[ -])?(?:progression|disease|recurrence|relapse|event|metastas[ie]s|failure)[- ]free|"
    r"(?:cancer|cause|disease)[- ]specific) survival(?: ?\([A-Z]{2,5}\))?"
)
_GRADE = r"(?:any|all)[ -]grades?|grades? ?[≥>]?=? ?[1-5](?: ?(?:[-–—/]|to|or) ?(?:[1-5]|higher|worse))?"
_LONE = (
    r"(?:adjusted |unadjusted |sub-?distribution |stratified )?(?:hazards?|odds|risk|rate) ratios?(?: or [\w-]+ ratio)?"
    rf"(?: ?\((?:a?hr|or)\))?{_CI}",
    rf"\b(?:a|s|c)?HRs?\b{_CI}|\bOR\b{_CI}",
    r"[(\[]? ?9\d ?% ?(?:c[il]s?|confidence intervals?) ?[)\]]?",
    r"(?:log-?rank |interaction )?\bp(?:[ -]?values?\b|\b(?! ?[=<>]))(?: for interaction)?",
    r"(?:absolute )?standardi[sz]ed (?:mean )?differences?(?:, ?%)?|\ba?smd\b|\basd\b|std\.? diff\w*\.?",
    r"χ ?[²2]|\bstatistics?\b",
)
_STATISTIC = (
    r"(?:no\.?|n|number)(?: of (?:patients|participants|subjects))?(?: with events?)?,? ?[(\[]?%[)\]]?(?: of \w+)?|"
    r"(?:patients|participants),? (?:no\.?|n) ?[(\[]%[)\]]|"
    r"no\. of (?:participants|patients|events) ?(?:with (?:an )?events?)?|"
    r"(?:no\. of )?events(?: per |/ ?)[\d,]+ (?:person|patient)[ -]?(?:yrs?|years)|patients with events?|events|"
    r"incidence rate(?: of first event)?|mean ?(?:±|\()? ?\(?(?:sd|std)\)?|"
    r"median ?\((?:iqr|range)\)|\bno\.|\bn\b|[(\[]?%[)\]]?|% per (?:yr|year)|"
    r"(?:event )?rates? (?:per|/) ?[\d,]+ (?:person|patient)[ -]?(?:yrs?|years)"
)
_FIRST = re.compile(
    r"(?:[\w-]+ ){0,3}(?:characteristics?|variables?|parameters?|factors?|demographics?|outcomes?|end ?points?|events?|"
    r"covariates?|items?|features?)\b(?:,? ?(?:no\.?|n) ?\(%\))?",
    re.I,
)


@dataclass(frozen=True)
class HeadPiece:
    """A piece of the heads: its text, and ``what`` it is: arm, all, other (an arm that paper.yaml does not name), lone,
    size, statistic, or a side, model, endpoint or grade that spans columns.
    """

    what: str
    text: str
    role: str = ""


COLUMNS, SPANS = ("arm", "all", "other", "lone"), ("side", "model", "endpoint", "grade")


def parted(lines: Sequence[str], paper: PaperFile) -> list[HeadPiece] | None:
    """The pieces of heads in their order, the name of the column of labels left out; None where words are left."""
    text = re.sub(r"\s+", " ", plain_text(" ".join(lines))).strip()
    first = _FIRST.match(text)
    patterns = _patterns(paper)
    starts = [first.end()] if first else [0]
    for start in starts:
        found = _pieces(text[start:].lstrip(" :|"), patterns)
        if found is not None:
            return _with_sizes_apart(_with_own_sides(found))
    return None


def _with_own_sides(pieces: list[HeadPiece]) -> list[HeadPiece]:
    """The pieces, each arm with the side that stands in front of it, where all have one: "Before: A Before: B"."""
    arms = [k for k, one in enumerate(pieces) if one.what in ("arm", "other", "all")]
    sides = [k for k, one in enumerate(pieces) if one.what == "side"]
    if len(arms) < 2 or sides != [k - 1 for k in arms]:
        return pieces
    made = [
        HeadPiece(one.what, f"{pieces[k - 1].text}: {one.text}", one.role) if k in arms else one
        for k, one in enumerate(pieces)
    ]
    return [one for one in made if one.what != "side"]


def _with_sizes_apart(pieces: list[HeadPiece]) -> list[HeadPiece]:
    """The pieces, the first of several sizes in a row taken from the arm before it: "A B n=10 n=12"."""
    first = next((k for k, one in enumerate(pieces) if one.what == "size"), 0)
    hit = re.search(rf"{_SIZE}$", pieces[first - 1].text, re.I) if first else None
    if hit is None:
        return pieces
    arm = pieces[first - 1]
    kept = HeadPiece(arm.what, arm.text[: hit.start()].strip(), arm.role)
    return [*pieces[: first - 1], kept, HeadPiece("size", hit[0].strip(" ,")), *pieces[first:]]


def _patterns(paper: PaperFile) -> list[tuple[str, str, re.Pattern[str]]]:
    labels = sorted(((getattr(paper.arms, role), role) for role in ROLES), key=lambda one: -len(one[0]))
    made: list[tuple[str, str, str]] = [
        ("arm", role, rf"{loose(label)}{_GROUP}{_MARK}{_SIZE}?{_SHARE}?") for label, role in labels
    ]
    names = "|".join(loose(name) for name in sorted(paper.endpoints, key=len, reverse=True))
    made += [
        ("endpoint", "", rf"{_SURVIVAL}|(?:{names})" if names else _SURVIVAL),
        ("side", "", _OF_SIDE + rf"{_SIZE}?"),
        ("model", "", _MODEL),
        ("grade", "", _GRADE),
        ("all", "", rf"(?:total|all(?: patients)?|overall|entire cohort|whole cohort|both groups){_SIZE}?{_SHARE}?"),
    ]
    made += [("lone", "", rf"(?:{pattern})(?: ?\((?:{SIDES.pattern})\))?") for pattern in _LONE]
    made += [("size", "", _SIZE), ("statistic", "", _STATISTIC), ("other", "", rf"[^()\[\]=]{{2,60}}?{_SIZE}")]
    return [(what, role, re.compile(rf"(?:{pattern}){_MARK}", re.I)) for what, role, pattern in made]


def _pieces(text: str, patterns: Sequence[tuple[str, str, re.Pattern[str]]]) -> list[HeadPiece] | None:
    found: list[HeadPiece] = []
    while text:
        if len(found) >= MOST_HEADS:
            return None
        named = _FIRST.match(text) if found and all(one.what in SPANS for one in found) else None
        hits = [(hit, what, role) for what, role, pattern in patterns if (hit := pattern.match(text)) and hit.end()]
        hits = [one for one in hits if one[1] != "other" or not _names_more(one[0][0], patterns)]
        if not [one for one in hits if one[1] != "other"] and named:  # the name of the labels, below merged heads
            text = text[named.end() :].lstrip(" ,;:|/")
            continue
        if not hits:
            return None
        known = [one for one in hits if one[1] != "other"]
        hit, what, role = max(known or hits, key=lambda one: one[0].end())
        if hit.end() < len(text) and text[hit.end()] not in " ,;:|/":
            return None
        found.append(HeadPiece(what, hit[0].strip(), role))
        text = text[hit.end() :].lstrip(" ,;:|/")
    return found


def _names_more(text: str, patterns: Sequence[tuple[str, str, re.Pattern[str]]]) -> bool:
    """Whether words that would be a third arm's hold an arm, a side, an endpoint or a model."""
    return any(pattern.search(text) for what, _, pattern in patterns if what in ("arm", *SPANS))


@dataclass(frozen=True)
class Spans:
    """A row of heads: texts by the column that they begin at (the labels' being 0), and all that they cover."""

    texts: tuple[str, ...]
    joined: frozenset[int]


def arranged(pieces: Sequence[HeadPiece], width: int) -> list[Spans] | None:
    """The rows of heads of a table with so many columns behind its labels, spans above; None where they do not fit."""
    pieces = _with_sizes_in_place(_with_lone_behind(pieces))
    columns = [one for one in pieces if one.what in COLUMNS]
    if len(columns) < width and not any(one.what == "statistic" for one in pieces):  # grades below the arms
        pieces = [HeadPiece("statistic", one.text) if one.what == "grade" else one for one in pieces]
    below = [one.text for one in pieces if one.what == "statistic"]
    sizes = [one.text for one in pieces if one.what == "size"]
    of_patients = [one.what != "lone" for one in columns]
    widths = _widths(columns, len(below), width)
    if not widths or (sizes and len(sizes) != sum(of_patients)):
        return None
    left = iter(sizes)
    texts = [f"{one.text} {next(left)}" if sizes and one.what != "lone" else one.text for one in columns]
    under = _under(columns, widths, below)
    rows = _spans_above(pieces, columns, widths)
    if under is None or rows is None:
        return None
    return [*rows, _row(list(zip(texts, widths, strict=True))), *under]


def _with_sizes_in_place(pieces: Sequence[HeadPiece]) -> list[HeadPiece]:
    """The pieces, arms above a row "n=10 n=12 P n=8 n=8 P" with their sizes where these stand."""
    arms = [one for one in pieces if one.what in ("arm", "all", "other")]
    sizes = [k for k, one in enumerate(pieces) if one.what == "size"]
    if not sizes or len(sizes) != len(arms) or any(one.what == "lone" for one in pieces[: sizes[0]]):
        return list(pieces)
    above = [one for one in pieces[: sizes[0]] if one not in arms]
    if len(arms) + len(above) != sizes[0]:
        return list(pieces)
    left = iter(arms)
    behind = [
        HeadPiece(arm.what, f"{arm.text} {one.text}", arm.role) if one.what == "size" and (arm := next(left)) else one
        for one in pieces[sizes[0] :]
    ]
    return [*above, *behind]


def _widths(columns: Sequence[HeadPiece], below: int, width: int) -> list[int]:
    """How many columns stand under each head: one, or for those of patients so many that the statistics suffice."""
    if len(columns) == width:
        return [1] * width
    lone = sum(one.what == "lone" for one in columns)
    arms = sum(one.what in ("arm", "other") for one in columns)
    every = sum(one.what == "all" for one in columns)
    for each in range(2, width):
        for of_all in (each, 1) if every else (each,):
            under = each * arms + of_all * every
            if under + lone == width and below and below % under == 0:
                return [{"lone": 1, "all": of_all}.get(one.what, each) for one in columns]
    return []


def _under(columns: Sequence[HeadPiece], widths: Sequence[int], below: Sequence[str]) -> list[Spans] | None:
    """The rows of statistics under heads of patients, of which one alone is that of all; None where they do not fit."""
    where = [one.what != "lone" for one, n in zip(columns, widths, strict=True) for _ in range(n)]
    if len(below) == 1 and statistic_of(below[0]) == "":
        below = list(below) * sum(where)
    if len(below) % sum(where) if any(where) else below:
        return None
    rows = []
    for start in range(0, len(below), sum(where) or 1):
        left = iter(below[start:])
        rows.append(Spans(("", *(next(left) if one else "" for one in where)), frozenset()))
    return rows


def _with_lone_behind(pieces: Sequence[HeadPiece]) -> list[HeadPiece]:
    """The pieces, a difference beside each side above put behind its arms: "Before SMD After SMD A B A B"."""
    first = next((k for k, one in enumerate(pieces) if one.what in ("arm", "all", "other")), 0)
    spans = [k for k, one in enumerate(pieces[:first]) if one.what == "side"]
    arms = [one for one in pieces[first:] if one.what in ("arm", "all", "other")]
    if not any(one.what == "lone" for one in pieces[:first]) or len(spans) < 2 or len(arms) % len(spans):
        return list(pieces)
    each, made = len(arms) // len(spans), [one for one in pieces[:first] if one.what == "side"]
    for k, (start, end) in enumerate(zip(spans, [*spans[1:], first], strict=True)):
        made += arms[k * each : (k + 1) * each]
        made += [one for one in pieces[start:end] if one.what == "lone"]
    return made + [one for one in pieces[first:] if one.what not in ("arm", "all", "other")]


def _spans_above(
    pieces: Sequence[HeadPiece], columns: Sequence[HeadPiece], widths: Sequence[int]
) -> list[Spans] | None:
    """The rows of sides, endpoints, models and grades, each over as many of the blocks in which the columns repeat."""
    starts = _blocks(columns)
    halves = _p_and_ratio(columns, starts)
    rows = []
    for group in _levels(pieces):
        own = halves if halves and len(group) == len(halves) else starts
        edges = [sum(widths[:at]) for at in [*own, len(columns)]]
        each, rest = divmod(len(own), len(group))
        if rest or not each:
            return None
        spans = [(one.text, edges[(k + 1) * each] - edges[k * each]) for k, one in enumerate(group)]
        rows.append(_row(spans))
    return rows


def _p_and_ratio(columns: Sequence[HeadPiece], starts: Sequence[int]) -> list[int]:
    """Where the halves of blocks of "P, HR, P" begin, that of one model with its p alone and that of another."""
    kinds = [statistic_of(one.text) if one.what == "lone" else "" for one in columns]
    edges = [*starts, len(columns)]
    if any(kinds[low:high] != ["p", "hr", "p"] for low, high in pairwise(edges)):
        return []
    return [at for start in starts for at in (start, start + 1)]


def _levels(pieces: Sequence[HeadPiece]) -> list[list[HeadPiece]]:
    """Runs of pieces that span columns, each of one sort."""
    levels: list[list[HeadPiece]] = []
    last = ""
    for one in pieces:
        if one.what in SPANS:
            if one.what != last:
                levels.append([])
            levels[-1].append(one)
        last = one.what
    return levels


def _blocks(columns: Sequence[HeadPiece]) -> list[int]:
    """Where the columns begin anew: "A B P A B P" has two blocks; one where they repeat not."""
    kinds = [(one.what, one.role, statistic_of(one.text) if one.what == "lone" else "") for one in columns]
    for period in range(1, len(kinds) // 2 + 1):
        if len(kinds) % period == 0 and kinds == kinds[:period] * (len(kinds) // period):
            return list(range(0, len(kinds), period))
    return [0]


def _row(spans: Sequence[tuple[str, int]]) -> Spans:
    texts, joined = [""], set()
    for text, n in spans:
        joined |= set(range(len(texts) + 1, len(texts) + n))
        texts += [text, *[""] * (n - 1)]
    return Spans(tuple(texts), frozenset(joined))
