"""The words of a result line: its head, its subject and its items, each as a record; NotUnderstood says what is not."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from benchmarks.pasted.cells import plain_text
from benchmarks.pasted.paper_file import PaperFile
from benchmarks.pasted.reading import Arm, Role

UNPRINTED = "not printed"
MOST_WHERE = 200
SIGNS = {"control": "\ue000", "treated": "\ue001"}
"""What stands for the words of an arm while a line is divided."""
_ARM = "[\ue000\ue001]"
_DASHES = str.maketrans(dict.fromkeys("−–‒‐‑﹣—―", "-"))
PHASES = {
    "before": "before", "unmatched": "before", "crude": "before", "unadjusted": "before", "unweighted": "before",
    "after": "after", "matched": "after", "weighted": "weighted", "adjusted": "adjusted",
}  # fmt: skip
UNITS = {"day": 1.0, "week": 7.0, "wk": 7.0, "month": 30.4375, "mo": 30.4375, "year": 365.25, "yr": 365.25}
"""Days of a unit of time."""
UNIT = r"(?:days?|weeks?|wks?|months?|mos?|years?|yrs?)\b\.?"
_TIME = rf"\d+(?:\.\d+)?(?:[ -]?{UNIT})?"
_TIMES = rf"(?P<times>{_TIME}(?:(?: ?, ?(?:and )?| and | ?/ ?| ){_TIME})*)"
_WHATS = tuple(
    (re.compile(rf"(?:^|(?<=\s)){pattern}$", re.IGNORECASE), what)
    for pattern, what in (
        (r"(?:(?P<measure>HR|hazard ratio) )?in (?P<group>.+)", "in"),
        (rf"(?:(?:number|no\.?|patients) )?at risk(?: at)? {_TIMES}", "at_risk"),
        (rf"competing (?:cumulative )?incidence at {_TIMES}", "competing_incidence"),
        (rf"(?:cumulative )?incidence at {_TIMES}", "incidence"),
        (rf"rmst(?: at| to)? {_TIMES}", "rmst"),
        (rf"(?:(?:survival|rate) )?at {_TIMES}", "survival"),
        (r"(?:median )?follow[ -]?up", "follow_up"),
        (r"competing events", "competing_events"),
        (r"events", "events"),
        (r"median", ""),
    )
)
_MEASURES = (
    (r"stratified (?:HR|hazard ratio)", "stratified"),
    (r"(?:adjusted (?:HR|hazard ratio)|aHR)", "adjusted"),
    (r"weighted (?:HR|hazard ratio)", "weighted"),
    (r"(?:sHR|sdHR|sub-?distribution (?:HR|hazard ratio))", "fine_gray"),
    (r"(?:HR|hazard ratio)", "hr"),
    (r"(?:OR|odds ratio)", "odds_ratio"),
    (r"(?:RR|risk ratio|relative risk)", "risk_ratio"),
    (r"(?:RD|risk difference)", "risk_difference"),
)
_MEASURE = re.compile(rf"(?:{'|'.join(f'(?P<m{k}>{pattern})' for k, (pattern, _) in enumerate(_MEASURES))})(?!\w)\s*[:,=]?\s*", re.IGNORECASE)  # fmt: skip  # noqa: E501
_ANY_MEASURE = "|".join(pattern for pattern, _ in _MEASURES)
_P = re.compile(
    r"(?P<kind>(?:stratified )?log-? ?rank(?: test)?|gray(?:'s)?(?: test)?|interaction)?[,:]?\s*"
    r"p\b(?:[ -]?values?)?(?:[ -](?:for |of )?(?P<behind>interaction))?\s*[:=]?\s*(?P<cell>.*)",
    re.IGNORECASE,
)
_P_KINDS = (
    ("bare", "bare"), ("strat", "stratified"), ("log", "log-rank"), ("gray", "gray"), ("inter", "interaction"),
)  # fmt: skip
_INNER_P = re.compile(r"[;,]\s*(?P<p>(?:log-?rank )?[Pp](?:[ -]value)?\s*[=<>≤≥]\s*[<>≤≥]?\s*[\d.]+)\s*(?P<end>[)\]])")
_DIRECTION = re.compile(
    rf"(?P<measure>(?<!\w)(?:{_ANY_MEASURE}))(?:\s*[(\[]|\s+for|\s*,)?\s*(?P<first>{_ARM})\s*(?:vs\.?|versus|over|to)\s*"
    rf"(?P<second>{_ARM})\s*[)\]]?[,:]?",
    re.IGNORECASE,
)
_BETWEEN = re.compile(
    rf"\s*;\s*|\s+(?:vs\.?|versus|compared (?:with|to)|against)\s+(?=\S)|\s*,\s*(?=(?:{_ANY_MEASURE}|(?:stratified )?"
    rf"log-?rank p|p|gray(?:'s)? p)\b\s*[=<>≤≥:\d.]|{_ARM})|\s+and\s+(?={_ARM})",
    re.IGNORECASE,
)
_AHEAD = re.compile(rf"(?:^|\s)(?P<times>\d+[ -]?{UNIT})(?: (?:survival|rate))?(?=\s|$)", re.IGNORECASE)
_UNREACHED = re.compile(r"NA|NR|NE|NC|not \w+", re.IGNORECASE)
_INTERVAL = re.compile(r"(?:\d\d(?:\.\d+)?% ?)?(?:CI|CrI|confidence interval)\b", re.IGNORECASE)


class NotUnderstood(Exception):
    """A line of which something is not understood: ``what``, and what would be right, in place of what is ``wrong``."""

    def __init__(self, what: str, right: str, wrong: str = "") -> None:
        super().__init__(what)
        self.what, self.right, self.wrong = what, right, wrong

    def settle(self, line: str) -> str:
        """What to write: the line with what is right in place of what is wrong, as far as that is known."""
        if not self.wrong or self.wrong not in line:
            return self.right
        ways = self.right.split("   or   ")
        return "   or   ".join(line.replace(self.wrong, way, 1) for way in ways)


@dataclass(frozen=True)
class Head:
    """What a line in brackets says of the lines below it: their place, family, statistic, order of arms, prefix."""

    where: str = ""
    family: str = ""
    statistic: str = ""
    order: tuple[Role, ...] = ()
    prefix: str = ""


@dataclass(frozen=True)
class Subject:
    """What a line is about.

    ``what``: '' (the time to it), events, follow_up, survival, incidence, competing_incidence, rmst, at_risk,
    competing_events, or in (a subgroup); ``times`` as keys have them, in the paper's unit; ``name`` where it is about
    no endpoint.
    """

    endpoints: tuple[str, ...] = ()
    phase: str = ""
    what: str = ""
    times: tuple[str, ...] = ()
    group: str = ""
    name: str = ""


@dataclass(frozen=True)
class LineItem:
    """A number of a line: of an arm, a measure, or a p-value (``p``: bare, log-rank, stratified, gray, interaction)."""

    text: str
    arm: Arm = ""
    measure: str = ""
    p: str = ""


def plain_line(text: str) -> str:
    """A line in plain spelling, without what is remarked behind a ``#``."""
    said = re.sub(r"(?:^|(?<=\s))#(?:\s.*)?$", "", text.replace("\t", " "))
    return _with_points(plain_text(said).translate(_DASHES))


def _with_points(line: str) -> str:
    """The line with decimals after points, where outside of brackets a comma has them: "HR 0,49 (0,39-0,62)"."""
    outside = re.sub(r"\([^()]*\)|\[[^\[\]]*\]", " ", line)
    if re.search(r"\d\.\d", line) or not re.search(r"(?<![\d,])(?:0,\d|\d+,\d{1,2}(?![\d,]))", outside):
        return line
    return re.sub(r"(?<=\d),(?=\d)", ".", line)


def read_head(line: str, paper: PaperFile) -> Head:
    """A line that begins with a bracket."""
    where, end, rest = line[1:].partition("]")
    if not end or not where.strip():
        raise NotUnderstood("a head without its place in brackets", "[Results, Survival]")
    if len(where) > MOST_WHERE:
        raise NotUnderstood(f"a place of more than {MOST_WHERE} signs", "[Results, Survival]")
    rest = _signed(rest.strip(), paper)
    order: tuple[Role, ...] = ()
    if found := re.search(rf"({_ARM})\s+(?:vs\.?|versus)\s+({_ARM})$", rest, re.IGNORECASE):
        order = (_role(found[1]), _role(found[2]))
        rest = rest[: found.start()].strip()
        if order[0] == order[1]:
            raise NotUnderstood(
                "a head that names one arm twice", shown(f"[{where}] {rest} {' vs '.join(SIGNS.values())}", paper)
            )
    statistic = ""
    if found := re.search(r"\bmedian,? ?[(\[](?P<inner>[^)\]]+)[)\]]", rest, re.IGNORECASE):
        statistic = _statistic(found["inner"])
        rest = f"{rest[: found.start()]} {rest[found.end() :]}".strip()
        if not statistic:
            raise NotUnderstood(f"'{found[0]}' is no statistic", f"[{where}] {rest} median (range)   or   median (IQR)")
    if set(SIGNS.values()) & set(rest):
        raise NotUnderstood("a head with one arm alone", f"[{where}] ... {paper.arms.treated} vs {paper.arms.control}")
    family = ""
    if found := re.match(r"(exposure|modes)\b\s*", rest, re.IGNORECASE):
        family, rest = found[1].lower(), rest[found.end() :]
    return Head(" ".join(where.split()), family, statistic, order, " ".join(rest.split()))


def _statistic(words: str) -> str:
    if re.search(r"iqr|quartile|q1|25", words, re.IGNORECASE):
        return "quartiles"
    return (
        "range"
        if re.fullmatch(r"(?:full )?range|min(?:imum)?\s*[-,]\s*max(?:imum)?", words.strip(), re.IGNORECASE)
        else ""
    )


def divided(line: str, paper: PaperFile) -> tuple[str, str]:
    """The subject of a line and its items, in which signs stand for the arms."""
    depth = 0
    for at, sign in enumerate(line):
        depth += (sign in "([") - (sign in ")]")
        if sign == ":" and depth == 0 and not (line[at - 1 : at].isdigit() and line[at + 1 : at + 2].isdigit()):
            return line[:at].strip(), _signed(line[at + 1 :].strip(), paper)
    arms = paper.arms
    raise NotUnderstood(
        "a line without ':' behind its subject",
        f"{next(iter(paper.endpoints))} before: {arms.treated} 26.0 vs {arms.control} 8.6",
    )


def read_subject(text: str, head: Head, paper: PaperFile) -> Subject:
    """The subject of a line below a head."""
    whole = " ".join(f"{head.prefix} {text}".split())
    if not whole:
        raise NotUnderstood("a line without a subject", f"{next(iter(paper.endpoints))} before: ...")
    if head.family:
        name, phase = _phased(whole)
        return Subject(phase=phase, name=name)
    what, group, rest = "", "", whole
    times: tuple[str, ...] = ()
    for pattern, known in _WHATS:
        if found := pattern.search(whole):
            parts = found.groupdict()
            what, group, rest = known, parts.get("group") or "", whole[: found.start()].strip()
            times = _times(parts.get("times") or "", paper.time_unit)
            break
    else:
        if found := _AHEAD.search(whole):
            what, times = "survival", _times(found["times"], paper.time_unit)
            rest = f"{whole[: found.start()]} {whole[found.end() :]}".strip()
    rest, phase = _phased(rest)
    known_names = {name.casefold(): name for name in paper.endpoints}
    words = [word.strip(",") for word in rest.split() if word.strip(",") and word.casefold() not in ("and", "&")]
    endpoints = tuple(dict.fromkeys(known_names[word.casefold()] for word in words if word.casefold() in known_names))
    left = [word for word in words if word.casefold() not in known_names]
    if endpoints and not left:
        return Subject(endpoints, phase, what, times, group)
    return _no_endpoint(whole, left, bool(endpoints), what, phase, paper)


def _no_endpoint(whole: str, left: list[str], some: bool, what: str, phase: str, paper: PaperFile) -> Subject:
    """A subject that is no endpoint: the name of an outcome, unless it is like an endpoint or needs one."""
    wrong, near = next(((word, one) for word in left if (one := _near(word, paper.endpoints))), ("", ""))
    known = ", ".join(paper.endpoints)
    right = f"{next(iter(paper.endpoints))} {phase or 'before'}: ..."
    if near:
        raise NotUnderstood(f"'{' '.join(left)}' is no endpoint; did you mean '{near}'?", near, wrong)
    if some:
        raise NotUnderstood(f"'{' '.join(left)}' is no word of a subject", right)
    adverse = what == "events" and re.search(r"adverse|toxic|AEs?\b", whole)
    if what and not adverse:
        told = f"'{' '.join(left)}' is no endpoint" if left else "names no endpoint"
        raise NotUnderstood(f"{told} (there is {known})", f"{next(iter(paper.endpoints))} {whole}")
    name, phase = _phased(whole)
    return Subject(phase=phase, name=name)


def _near(word: str, endpoints: Sequence[str] | dict[str, str]) -> str:
    known = {name.casefold(): name for name in endpoints}
    found = get_close_matches(word.casefold().replace("0", "o"), known, 1, 0.6)
    return known[found[0]] if found else ""


def _phased(text: str) -> tuple[str, str]:
    """The text without its word of phase, and the phase; the last word that is one, or the first of all."""
    words = text.split()
    found = [k for k, word in enumerate(words) if word.casefold().strip(",") in PHASES]
    if not found:
        return text, ""
    if len(found) > 1:
        both = " and ".join(words[k] for k in found)
        raise NotUnderstood(f"two phases, {both}", "a line for each of them")
    return " ".join(words[: found[0]] + words[found[0] + 1 :]), PHASES[words[found[0]].casefold().strip(",")]


def _times(text: str, unit: str) -> tuple[str, ...]:
    """Times as keys have them; what has no unit is in the paper's, or in that of the next that has one."""
    found = re.findall(rf"(\d+(?:\.\d+)?)[ -]?({UNIT})?", text, re.IGNORECASE)
    made: list[str] = []
    last = ""
    for number, word in reversed(found):
        last = word or last
        made.append(in_unit(number, last, unit))
    return tuple(reversed(made))


def in_unit(number: str, word: str, unit: str) -> str:
    """A time in a unit, as a key has it."""
    given, wanted = days_of(word or unit), days_of(unit)
    return f"{float(number) * given / wanted:.6g}"


def days_of(unit: str) -> float:
    """The days of a unit by its word."""
    word = unit.casefold().rstrip(".").removesuffix("s")
    return UNITS[word]


def read_items(text: str, paper: PaperFile) -> list[LineItem]:
    """The items of a line, in which signs stand for the arms."""
    if text.count("(") + text.count("[") != text.count(")") + text.count("]"):
        raise NotUnderstood("a bracket that is not closed", "26.0 (18.4-NA)")
    for found in _DIRECTION.finditer(text):
        if (found["first"], found["second"]) != (SIGNS["treated"], SIGNS["control"]):
            arms = paper.arms
            told = f"a ratio of {shown(found['first'], paper)} over {shown(found['second'], paper)}"
            raise NotUnderstood(told, f"the ratio of {arms.treated} over {arms.control}")
    text = _DIRECTION.sub(r"\g<measure> ", text)
    text = _INNER_P.sub(lambda one: f"{one['end']}; {one['p']}", text)
    parts: list[str] = []
    for part in _split(text):
        if _INTERVAL.match(part) and parts:
            parts[-1] += f" ({part})"
        else:
            parts.append(part)
    return [_item(part, paper) for part in parts]


def _split(text: str) -> list[str]:
    """The parts between separators that stand outside of brackets."""
    parts, start, at, depth = [], 0, 0, 0
    while at < len(text):
        depth += (text[at] in "([") - (text[at] in ")]")
        found = _BETWEEN.match(text, at) if depth == 0 else None
        if found and found.end() > at:
            parts.append(text[start:at])
            start = at = found.end()
        else:
            at += 1
    parts.append(text[start:])
    return [part.strip() for part in parts if part.strip(" .")]


def _item(part: str, paper: PaperFile) -> LineItem:
    if found := re.match(rf"({_ARM})(?:\s+(?:group|arm|patients)\b)?\s*[:,=]?\s*", part, re.IGNORECASE):
        return LineItem(part[found.end() :], arm=_role(found[1]))
    if found := re.match(r"(?:overall|all patients|all|total)\b\s*[:,=]?\s*", part, re.IGNORECASE):
        return LineItem(part[found.end() :], arm="all")
    if found := _P.fullmatch(part):
        kind = (found["kind"] or found["behind"] or "bare").casefold()
        return LineItem(found["cell"], p=next(name for start, name in _P_KINDS if kind.startswith(start)))
    if found := _MEASURE.match(part):
        measure = next(name for k, (_, name) in enumerate(_MEASURES) if found[f"m{k}"])
        return LineItem(part[found.end() :], measure=measure)
    word = re.match(r"[^\W\d_][^\d(\[<>≤≥]*", part)
    if (
        word
        and part.casefold() != UNPRINTED
        and not re.fullmatch(r"(?:NA|NR|NE|NC|not \w+)", word[0].strip(), re.IGNORECASE)
    ):
        raise _unknown(word[0].strip(), paper)
    return LineItem(part)


def _unknown(word: str, paper: PaperFile) -> NotUnderstood:
    arms = (paper.arms.control, paper.arms.treated)
    known = {name.casefold(): name for name in (*arms, "HR", "P", "log-rank P", "Gray P", "sHR", "OR", "RR", "RD")}
    near = get_close_matches(word.casefold(), known, 1, 0.5)
    told = f"; did you mean '{known[near[0]]}'?" if near else ""
    right = known[near[0]] if near else arms[1]
    return NotUnderstood(f"'{shown(word, paper)}' is no arm and no measure{told}", right, shown(word, paper))


def _signed(text: str, paper: PaperFile) -> str:
    """The text with a sign for the words of each arm, the longer first."""
    arms = sorted((("control", paper.arms.control), ("treated", paper.arms.treated)), key=lambda one: -len(one[1]))
    for flags in (re.NOFLAG, re.IGNORECASE):
        for role, label in arms:
            words = re.escape(plain_line(label)).replace(r"\ ", r"\s+")
            text = re.sub(rf"(?<![\w\ue000\ue001]){words}(?!\w)", SIGNS[role], text, flags=flags)
    return text


def _role(sign: str) -> Role:
    return "control" if sign == SIGNS["control"] else "treated"


def shown(text: str, paper: PaperFile) -> str:
    """The text with the words of the arms again."""
    return text.replace(SIGNS["control"], paper.arms.control).replace(SIGNS["treated"], paper.arms.treated)
