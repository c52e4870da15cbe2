"""What the label of a row says: a name, a unit, a statistic and a level, and the ids that keys are made of."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from benchmarks.pasted.paper_file import PaperFile

GREEK = {"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "κ": "kappa", "λ": "lambda", "μ": "u", "µ": "u"}
SIGNS = {"≤": "<=", "≥": ">=", "⩽": "<=", "⩾": ">=", "<": "<", ">": ">", "<=": "<=", ">=": ">=", "=<": "<=", "=>": ">="}
_SPACES = re.compile(r"\s+")
_MARKS = re.compile(r"(?<=[\w)\]%.])\s*(?:[*†‡§¶‖#ᵃ-ᶿ]|(?<![mM²])(?<!10)[⁰¹²³⁴-⁹])+$")
_NUMBER = r"\d+(?:[.,]\d+)*"
_COUNTED = r"(?:n|no\.?|nos\.?|number|count|patients|no\.? of patients|number of patients|patients,? n)"
_COMPOUND = (
    (rf"\b{_COUNTED}\s*,?\s*[\[(]\s*%\s*[\])]", " n% "),
    (rf"(?<!\w)%\s*[\[(]\s*{_COUNTED}\s*[\])]", " n% "),
    (rf"\b{_COUNTED}\s*[,/]\s*%(?!\w)", " n% "),
    (
        r"\bmean\s*(?:±|\+/-|\+-|,|[\[(])?\s*(?:±\s*)?(?:sd|s\.d\.|std\.?(?: dev\.?)?|standard deviations?)\b\s*[\])]?",
        " mean sd ",
    ),
    (
        r"\bmedian\s*(?:,|[\[(])?\s*(?:iqr|inter-?quartile ranges?|quartiles?|q1\s*[-–—,;to/ ]+\s*q3|"
        r"25th\s*[-–—,;to/ ]+\s*75th(?: percentiles?)?|p25\s*[-–—,;/ ]+\s*p75)\s*[\])]?",
        " median iqr ",
    ),
    (
        r"\bmedian\s*(?:,|[\[(])?\s*(?:full )?(?:range|min(?:imum)?\s*[-–—,;/ ]+\s*max(?:imum)?)\b\s*[\])]?",
        " median range ",
    ),
)  # fmt: skip
_COMPILED = tuple((re.compile(pattern, re.I), word) for pattern, word in _COMPOUND)
_STATISTIC = re.compile(
    r"n%|n|nos?\.|%|percent(?:age)?|number(?: of patients)?|mean sd|mean|sd|s\.d\.|median|median iqr|"
    r"median range|iqr|inter-?quartile range|range|quartiles?|q1\s*[-–—,;/ ]+\s*q3|min\s*[-–—,;/ ]+\s*max|"
    r"standard deviation|median \(?95% ci\)?|95% ?ci",
    re.I,
)
_UNIT = re.compile(
    r"(?:in )?(?:(?:years?|yrs?|y|yr|months?|mos?|weeks?|wks?|days?|d|hours?|hrs?|h|minutes?|mins?|"
    r"seconds?|s|points?|score|"
    r"[cmkdnμµu]?m|[kmμµun]?g|[md]?l|mmhg|kpa|cm h2o|beats|bpm|%|°c|ratio|cells|copies|"
    r"(?:[x×]\s*)?10\s*[\^*]?\s*[0-9⁰¹²³⁴-⁹]+|[kmμµunp]?g|[mμµun]?mol|[mμµuk]?i?u|iu|meq|log10?)"
    r"(?:\s*[/·*]?\s*(?:[cmdkμµu]?[lgm]|min|h|day|year|kg|beat|m\s*\^?[23²³]|cm\s*\^?[23²³]|mm\s*\^?[23²³]|"
    r"1\.73 ?m\s*\^?[2²]|mmol|μl|µl|ul|ml|dl|iu|copies))*)(?:\s*\^?[23²³])?",
    re.I,
)
_CUT = re.compile(
    rf"(?:aged?\s*)?(?P<sign><=|>=|=<|=>|[<>≤≥⩽⩾])\s*(?P<number>{_NUMBER})(?P<rest>.*)|"
    rf"(?P<number2>{_NUMBER})\s*(?P<unit2>[^\d]*?)\s*(?:\(?or|and)\s*(?P<word>more|older|above|over|greater|less|younger|below|fewer|under)\)?|"
    rf"(?P<word3>more than|greater than|over|above|older than|less than|under|below|younger than|at least|at most|"
    rf"up to)\s*"
    rf"(?P<number3>{_NUMBER})(?P<rest3>[^\d]*)|(?P<number4>{_NUMBER})\s*\+",
    re.I,
)
_RANGE = re.compile(rf"({_NUMBER})\s*(?:[-–—~]|to)\s*[<≤]?\s*({_NUMBER})(?P<rest>[^\d]*(?:/.*)?)", re.I)
_WORDS = {
    "more": ">=", "older": ">=", "above": ">=", "over": ">=", "greater": ">=", "less": "<=", "younger": "<=",
    "below": "<=", "fewer": "<=", "under": "<=",
}  # fmt: skip
_PHRASES = {
    "more than": ">", "greater than": ">", "over": ">", "above": ">", "older than": ">", "less than": "<",
    "under": "<", "below": "<", "younger than": "<", "at least": ">=", "at most": "<=", "up to": "<=",
}  # fmt: skip
SEXES = {
    "male": "Male", "males": "Male", "man": "Male", "men": "Male",
    "female": "Female", "females": "Female", "woman": "Female", "women": "Female",
}  # fmt: skip
_OF_SEX = re.compile(r"(?P<sex>(?:fe)?males?|wom[ae]n|m[ae]n)(?:\s+(?:sex|gender))?(?:\s+patients)?", re.I)
MISSING = re.compile(
    r"(?:.*\b)?(?:missing|unknown|not (?:available|reported|known|recorded|done|assessed|evaluated|evaluable|tested|"
    r"measured|stated|applicable|determined|specified)|could not be \w+|unavailable|unevaluable|undetermined|"
    r"unspecified|"
    r"no data|data not \w+|n/?a|nr|ne)\b.*",
    re.I,
)
_KEPT_MEANS = re.compile(r"mean (?:arterial|corpuscular|platelet|cell|blood|pulmonary|airway|red)\b", re.I)


@dataclass(frozen=True)
class Cut:
    """A side of a cut-point: its sign (<, <=, >, >=) and the number in plain digits."""

    sign: str
    number: str

    @property
    def element(self) -> str:
        """The side as keys have it: of a continuous variable below is '<=', above '>'."""
        return f"{'<=' if self.sign[0] == '<' else '>'}{self.number}"


@dataclass(frozen=True)
class RowLabel:
    """What a label says: ``name`` without the rest, ``unit``, ``statistic`` in plain words ("n%", "mean sd", "median
    iqr"; several are joined), ``level``: what else follows the name ("Male", "> 10", "1"), and the
    ``line`` of its row.
    """

    text: str
    name: str
    unit: str = ""
    statistic: str = ""
    level: str = ""
    line: int = 0

    @property
    def only_statistic(self) -> bool:
        """Whether it names nothing but a statistic, as "Mean (SD)" below the name of its variable."""
        return not self.name


def slug(text: str) -> str:
    """A text as an id: small letters, digits and underscores."""
    spelt = "".join(GREEK.get(sign, "-" if sign in "–—−‐‑" else sign) for sign in text.replace("Δ", "delta"))
    plain = unicodedata.normalize("NFKD", spelt).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")


def plain_label(text: str) -> str:
    """A label without odd spaces, bold and footnote marks."""
    text = text.replace("≧", "≥").replace("≦", "≤")
    spaced = _SPACES.sub(" ", text.replace("​", " ").replace("﻿", " ").replace("**", "").replace("−", "-")).strip()
    return _MARKS.sub("", spaced).strip(" :;,")


def plain_number(text: str) -> str:
    """A printed number in plain digits: 1,000 is 1000, 10.0 is 10."""
    digits = re.sub(r",(?=\d{3}(?:\D|$))", "", text).replace(",", ".")
    return re.sub(r"\.0+$|(\.\d*?[1-9])0+$", r"\1", digits) if digits.count(".") <= 1 else digits


def cut_of(text: str) -> Cut | None:
    """The side of a cut-point that a text says ("≤ 50", "65 or older", "> 10 cm"), None where it says none."""
    found = _CUT.fullmatch(plain_label(text))
    if not found:
        return None
    if found["sign"]:
        return Cut(SIGNS[found["sign"]], plain_number(found["number"])) if _is_tail(found["rest"]) else None
    if found["word"]:
        return Cut(_WORDS[found["word"].lower()], plain_number(found["number2"]))
    if found["word3"]:
        return Cut(_PHRASES[found["word3"].lower()], plain_number(found["number3"]))
    return Cut(">=", plain_number(found["number4"]))


def _is_tail(rest: str) -> bool:
    """Whether what follows the number of a cut is no second number: a unit, or nothing."""
    rest = rest.strip(" ()[]")
    return not rest or bool(_UNIT.fullmatch(rest)) or not re.search(r"\d|[<>≤≥]| (?:vs|and|or|to) |[-–—]", f" {rest} ")


def range_of_level(text: str) -> tuple[str, str] | None:
    """The ends of a stretch ("50–65 years"), None where the text is none."""
    found = _RANGE.fullmatch(plain_label(text))
    return (plain_number(found[1]), plain_number(found[2])) if found and _is_tail(found["rest"]) else None


def _pieces(text: str) -> tuple[str, list[str]]:
    """The words before the first comma, bracket or dash, and the pieces after it; brackets within a name stay."""
    parts: list[str] = [""]
    depth = 0
    for at, sign in enumerate(text):
        opens, closes = sign in "([", sign in ")]"
        spaced = sign in "-–—" and text[at - 1 : at] == " " and text[at + 1 : at + 2] == " " and not _numbered(text, at)
        if (
            (opens and depth == 0)
            or (closes and depth == 1)
            or (sign in ",;" and not _within_number(text, at))
            or spaced
            or (sign == ":" and depth == 0)
        ):
            parts.append("")
        else:
            parts[-1] += sign
        depth = max(0, depth + opens - closes)
    return parts[0].strip(), [part.strip() for part in parts[1:] if part.strip()]


def _within_number(text: str, at: int) -> bool:
    return text[at] == "," and text[at - 1 : at].isdigit() and text[at + 1 : at + 2].isdigit()


def _numbered(text: str, at: int) -> bool:
    return bool(re.search(r"\d\s*$", text[:at]) and re.match(r"\s*\d", text[at + 1 :]))


def read_label(text: str) -> RowLabel:
    """What a row's label says."""
    plain = plain_label(text)
    compact = plain
    for pattern, word in _COMPILED:
        compact = pattern.sub(word, compact)
    compact = _SPACES.sub(" ", compact).strip()
    name, rest = _pieces(compact)
    statistics: list[str] = []
    units: list[str] = []
    levels: list[str] = []
    if _STATISTIC.fullmatch(name):
        statistics, name = [name], ""
    elif found := re.fullmatch(r"(.+?) (n%|mean sd|median iqr|median range|median|mean|iqr|range)", name, re.I):
        statistics, name = [found[2]], found[1]
    for piece in rest:
        if _STATISTIC.fullmatch(piece):
            statistics.append(piece)
        elif found := re.fullmatch(
            r"(.+?) (n%|mean sd|median iqr|median range)|(n%|mean sd|median iqr|median range) (.+)", piece
        ):
            statistics.append(found[2] or found[3])
            rest_of_it = found[1] or found[4]
            (units if _UNIT.fullmatch(rest_of_it) else levels).append(rest_of_it)
        elif _UNIT.fullmatch(piece) and (name or statistics):
            units.append(piece)
        elif piece.strip("-–— "):
            levels.append(piece)
    if (found := re.fullmatch(r"(mean|median) (.+)", name, re.I)) and not _KEPT_MEANS.match(name):
        statistics, name = [found[1], *statistics], found[2]
    if (found := re.fullmatch(r"(.*?[^\s<>≤≥=])\s*((?:<=|>=|[<>≤≥]).+)", name)) or (
        found := re.fullmatch(r"(.*?[^\s<>≤≥=])\s*=\s*([^=<>≤≥]+)", name)
    ):
        name, levels = found[1], [found[2], *levels]
    return RowLabel(plain, name.strip(), ", ".join(units), " ".join(statistics).lower(), ", ".join(levels))


def without_statistic(text: str) -> str:
    """A label as a level: as printed, without a statistic at its end."""
    plain = plain_label(text)
    for pattern, word in _COMPILED:
        plain = (
            re.sub(rf"[,;:\-–— (\[]*{pattern.pattern}[)\]]*\s*$", "", plain, flags=re.I) if word == " n% " else plain
        )
    plain = re.sub(r"[,;]\s*(?:%|n|no\.)$", "", plain).strip()
    return plain.replace("[", "(").replace("]", ")")


_COMPARED = re.compile(
    r"(?:(?:estimated|stratified|adjusted|unadjusted|common)\s+)*"
    r"(?:(?P<odds_ratio>odds ratios?|ors?)|(?P<risk_ratio>(?:risk|rate|response-rate) ratios?|relative risks?|rrs?)|"
    r"(?P<risk_difference>(?:risk |absolute |rate )?differences?)|(?P<hr>hazards? ratios?|hrs?)|"
    r"(?P<p>(?:two-sided |one-sided |stratified |log-?rank )?p(?:[ -]?values?)?))\b.*",
    re.I,
)


def compared_in(label: str) -> str:
    """What a row that compares the arms holds: odds_ratio, risk_ratio, risk_difference, hr or p; '' for another row."""
    found = _COMPARED.fullmatch(label.strip())
    return (found.lastgroup or "") if found else ""


def sex_of(text: str) -> str:
    """'Male' or 'Female' where a text names a sex ("Female sex", "Men"), else ''."""
    found = _OF_SEX.fullmatch(text.strip())
    return SEXES[found["sex"].lower()] if found else ""


def named(paper: PaperFile, *texts: str) -> str:
    """The id that paper.yaml gives to one of the texts, the first that it names; '' where it names none."""
    known = _by_slug(tuple(paper.names.items()))
    return next((known[slug(text)] for text in texts if slug(text) in known), "")


@lru_cache(maxsize=8)
def _by_slug(names: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    """The ids of paper.yaml by what their labels are as ids."""
    return {slug(label): name for label, name in names}


def as_id(text: str) -> str:
    """A text as an id that keys and worlds take: it begins with a letter and has at most 60 signs."""
    made = slug(text)[:60].strip("_")
    return made if made[:1].isalpha() else f"v_{made}".rstrip("_")


def identify(label: RowLabel, paper: PaperFile) -> str:
    """The id of the variable that a label names: that of paper.yaml, or the name itself."""
    unit = f"{label.name} ({label.unit})" if label.unit else label.name
    return named(paper, label.text, unit, label.name) or as_id(label.name or label.text)


def level_text(label: str, paper: PaperFile) -> str:
    """A level as keys have it: as printed, unless paper.yaml names it."""
    printed = without_statistic(label)
    return named(paper, label, printed) or printed
