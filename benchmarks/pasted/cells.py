"""A cell as a journal prints it: its plain spelling, what kind it is, and the texts of its numbers.

Nothing is guessed: what can be read in two ways, and what is not known at all, is "unread".
"""

import html
import re
from collections.abc import Callable

from benchmarks.pasted.reading import CellKind, PastedCell

_BLANKS = dict.fromkeys(map(ord, "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\t\r\n"), " ")  # fmt: skip  # noqa: E501
_HYPHENS = dict.fromkeys(map(ord, "\u2010\u2011\ufe63"), "-")
_NOTHING = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f"))
_WIDE = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
_PLAIN = str.maketrans(
    {
        **_WIDE,
        **_BLANKS,
        **_NOTHING,
        **_HYPHENS,
        ord("’"): "'",
        ord("‘"): "'",
        ord("⩽"): "≤",
        ord("⩾"): "≥",
        ord("≦"): "≤",
        ord("≧"): "≥",
    }
)
_DASHES = str.maketrans(dict.fromkeys("−–‒‐‑﹣—―", "-"))
_LATEX = (
    (r"\\(?:textbf|textit|text|mathrm|mathbf|emph)\s*\{([^{}]*)\}", r"\1"), (r"\\pm\b\s?", "±"), (r"\\%", "%"),
    (r"\\(?:leqslant|leq|le)\b", "≤"), (r"\\(?:geqslant|geq|ge)\b", "≥"), (r"\\lt\b", "<"), (r"\\gt\b", ">"),
    (r"\\(?:,|;|:|!|quad|qquad|enspace)", " "), (r"\\(?:cdot|ldots|dots)\b", "·"), (r"\{,\}", ","),
    (r"\^[a-z*†‡§,\d]{1,3}\^", "†"),
    (r"\^\{?\\?(?:dagger|ddagger|ast|S|P)\b\}?", "†"), (r"\^\{([a-z*†‡§,\d]{1,3})\}|\^([a-z*†‡§])(?![\w])", "†"),
    (r"(?<!\\)\$", ""),
)  # fmt: skip
_TAGS = re.compile(r"</?(?:b|i|em|strong|sub|span|u|p|font|small|div)(?:\s[^<>]*)?/?>", re.IGNORECASE)
_SUP = re.compile(r"<sup(?:\s[^<>]*)?>(.*?)</sup\s*>", re.IGNORECASE | re.DOTALL)
_RAISED = {
    **dict(zip("0123456789abcdefghijklmnoprstuvwxyz", "⁰¹²³⁴⁵⁶⁷⁸⁹ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ", strict=True)),
    "-": "⁻",
}
_MARKS = r"*†‡§¶#‖⁎∗ᵃ-ᶿ⁰¹²³⁴-⁹ⁱⁿˡʰʲʳˢʷˣʸ"
_LETTER_MARK = re.compile(r"(?<=[\d)%\]])(?: ?[a-f](?:,[a-f])*|(?<=[)\]])[1-9])$", re.ASCII)
_NUMBER = r"-?\d+(?:\.\d+)?"
_BOUND = rf"[<>≤≥]?{_NUMBER}"
_UNREACHED = (
    r"NA|NR|NE|NC|N\.A\.|N\.R\.|N\.E\.|∞|not reached|not estimable|not evaluable|not calculable|not estimated|infinity"
)
_END = rf"(?:{_BOUND}|{_UNREACHED})"
_TO = r"(?P<to> ?- ?| ?to ?| ?; ?| ?, ?| ?/ ?)"
_WORD = r"(?:(?:\d\d(?:\.\d+)?% ?)?(?:CI|CrI|confidence interval|IQR|interquartile range|Q1-Q3|range)[:,;=]? ?)?"
_NONE = re.compile(
    r"|[-.·…/ ]+|n/a|n\.?d\.?|nil|not (?:applicable|available|done|reported|tested|included|entered|selected)"
    r"|(?:1(?:[.,]0+)? ?[(\[]? ?)?(?:ref|reference|referent)(?: (?:group|level|category))?"
    r"\.?(?: ?[(\[]? ?1(?:[.,]0+)?)? ?[)\]]?",
    re.IGNORECASE,
)
_UNIT = re.compile(r"(?<=\d) ?(?:months?|mos?\.?|years?|yrs?\.?|days?|weeks?|wks?)(?![a-z])", re.IGNORECASE)


def raised(text: str) -> str:
    """What stands in <sup> as superscript characters; '' where there are none for it."""
    kept = [_RAISED.get(one, one if one in "*†‡§¶#" else "") for one in text.strip().replace("−", "-")]
    return "".join(kept) if len(kept) <= 4 else ""


def plain_text(text: str) -> str:
    """A text without Markdown, LaTeX, tags, entities and odd blanks; its footnote marks and dashes stay."""
    found = html.unescape(_SUP.sub(lambda one: raised(one[1]), text.replace("&nbsp;", " ").replace("&emsp;", " ")))
    found = re.sub(r"<br\s*/?>", " ", _TAGS.sub("", found), flags=re.IGNORECASE).translate(_PLAIN)
    for pattern, plain in _LATEX:
        found = re.sub(pattern, plain, found)
    found = re.sub(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1", r"\2", found)
    found = re.sub(r"(?<![\w*])([*_])(?=[^\s*_])([^*_]+)(?<=\S)\1(?![\w*])", r"\2", found)
    return " ".join(re.sub(r"(?<=\d)[·∙•⋅‧˙](?=\d)", ".", found.replace("+/-", "±").replace("+-", "±")).split())


def plain_label(text: str) -> str:
    """A label or head in plain spelling, its footnote marks gone; the powers of units stay."""
    found = plain_text(text)
    found = re.sub(r"(?<=\S)\s*[*†‡§¶#‖⁎∗ᵃ-ᶿ]+(?=$|[\s,;:(\[)\]])", "", found)
    return re.sub(r"(?<=\w)(?<![mM²])(?<!χ)(?<!10)[¹²³⁴-⁹⁰]+$", "", found).strip()


def plain_cell(text: str, decimal_comma: bool = False, sure: bool = False) -> PastedCell:
    """A cell of a table that has its decimals after a point, or after a comma.

    Beside decimal commas '1,616' is unread, unless it is ``sure`` that every comma is a decimal one.
    """
    plain = _without_marks(plain_text(text))
    shown = re.sub(r"\s+", " ", plain.translate(_DASHES)).strip()
    if _NONE.fullmatch(shown):
        return PastedCell(text, shown, "none")
    digits = _with_points(_UNIT.sub("", shown), decimal_comma, sure)
    if digits is None:
        return PastedCell(text, shown, "unread")
    digits = re.sub(r"^[pP](?: ?-? ?values?)? ?[=:]? ?(?=[<>≤≥\d.])|^= ?", "", digits)
    digits = re.sub(r"<=|=<", "≤", re.sub(r">=|=>", "≥", digits))
    digits = re.sub(r"([<>≤≥]) +(?=[\d.])", r"\1", re.sub(r"(?<![\d])\.(?=\d)", "0.", digits))
    digits = re.sub(
        r"(?<=\d) +(?=%)|(?<=[(\[]) +| +(?=[)\]])|(?<![\d)])\+(?=\d)|^- (?=\d)",
        lambda one: "-" * one[0].count("-"),
        digits,
    )
    for pattern, made in _FORMS:
        found = pattern.fullmatch(digits)
        if found is not None:
            kind, values, of = made(found)
            signed = "%" in re.sub(r"\d\d(?:\.\d+)?% ?(?=C)", "", digits)
            return PastedCell(text, digits, kind, values if kind != "unread" else (), of, signed)
    return PastedCell(text, digits, "unread")


def _without_marks(plain: str) -> str:
    """The text without the footnote marks before it and behind its numbers, brackets and words."""
    found = re.sub(r"^[*†‡§¶#]+ ?(?=[\d<>≤≥.(-])", "", plain)
    found = re.sub(rf"(?<=[\d)%\]a-zA-Z])\s*(?:[{_MARKS}]+,?)+(?=$|[\s)\]])", "", found)
    return _LETTER_MARK.sub("", found)


def _with_points(text: str, decimal_comma: bool, sure: bool) -> str | None:
    """The text with a point before decimals and nothing between thousands; None where it may be either."""
    found = re.sub(
        r"(?<![\d.,])(\d{1,3})((?:'\d{3})+)(?!\d)", lambda one: one[0].replace("'", ""), text, flags=re.ASCII
    )
    found = re.sub(r"(?<![\d.,] )(?<![\d.,])([1-9]\d{0,2})((?: \d{3})+)(?![\d]| \d)", lambda one: one[0].replace(" ", ""), found, flags=re.ASCII)  # fmt: skip  # noqa: E501
    if decimal_comma:
        if re.search(r"(?<![\d.,])0\.\d|(?<![\d.,])\d+\.(?:\d{1,2}|\d{4,})(?![\d.])", found):
            return None
        found = re.sub(r"(?<![\d.,])\d{1,3}(?:\.\d{3})+(?![\d.])", lambda one: one[0].replace(".", ""), found)
        if not sure and re.search(r"(?<![\d,.])[1-9]\d{0,2},\d{3}(?![\d,])", found):
            return None
        return re.sub(r"(?<=\d),(?=\d)", ".", re.sub(r"(?<![\d]),(?=\d)", "0.", found) if found[:1] == "," else found)
    if re.fullmatch(rf"{_NUMBER} ?[(\[]\d{{1,3}},\d{{3}}[)\]]", found):
        return None  # quartiles without a blank, or a thousand
    return re.sub(
        r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{3})+(?![\d,])", lambda one: one[0].replace(",", ""), found, flags=re.ASCII
    )


_Made = tuple[CellKind, tuple[str, ...], str]


def _of(kind: CellKind) -> Callable[[re.Match[str]], _Made]:
    """The numbers of a form in their order."""
    return lambda found: (kind, tuple(one for name, one in _named(found) if name != "to"), "")


def _named(found: re.Match[str]) -> list[tuple[str, str]]:
    return [(name, one) for name, one in found.groupdict().items() if one is not None]


def _share(found: re.Match[str]) -> _Made:
    """Count and percentage; of '254/410' the divisor apart."""
    parts = found.groupdict()
    n, percent, of = parts["n"], parts.get("percent"), parts.get("of") or ""
    if of and float(n) > float(of):
        return "unread", (), ""
    return "share", (n,) if percent is None else (n, percent), of


def _limits(kind: CellKind) -> Callable[[re.Match[str]], _Made]:
    """A number with its limits; 'low -high' with a minus in front of low may be read in two ways."""

    def made(found: re.Match[str]) -> _Made:
        parts = found.groupdict()
        if parts["low"].startswith("-") and parts["to"] == " -":
            return "unread", (), ""
        return kind, (*([parts["middle"]] if "middle" in parts else []), parts["low"], parts["high"]), ""

    return made


def _num_of(found: re.Match[str]) -> _Made:
    value = found["one"] or found["two"]
    return "bound" if value[0] in "<>≤≥" else "num", (value,), ""


def _share_of(found: re.Match[str]) -> _Made:
    kind, values, of = _share(found)
    other = found["other"]
    return (kind, (*values, other), of) if other is not None and kind == "share" else (kind, values, of)


def _form(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII | re.IGNORECASE)


_N, _COUNT = rf"(?P<n>{_NUMBER.removeprefix('-?')})", r"(?P<n>\d+)"
_PERCENT, _RANGE = rf"(?P<percent>[<>≤≥]?{_NUMBER.removeprefix('-?')})", rf"(?P<low>{_END})%?{_TO}(?P<high>{_END})%?"
_SD, _OTHER = rf"(?P<two>{_NUMBER.removeprefix('-?')})", _PERCENT.replace("percent", "other")
_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], _Made]], ...] = (
    (_form(rf"(?P<one>{_BOUND})|\((?P<two>{_BOUND})\)"), _num_of),
    (_form(rf"[(\[]?(?P<one>{_BOUND})%[)\]]?"), _of("percent")),
    (_form(rf"(?P<one>{_UNREACHED})"), _of("inf")),
    (_form(rf"(?P<one>{_NUMBER}) ?(?:± ?|\(± ?|\((?:SD|s\.d\.)[:=]? ?){_SD}\)?"), _of("pm")),
    (_form(rf"{_N} ?[(\[]{_PERCENT}%[)\]]"), _share),
    (_form(rf"{_N} ?[(\[](?P<percent>[<>≤≥]{_NUMBER.removeprefix('-?')})[)\]]"), _share),
    (_form(rf"{_N}[,;]? {_PERCENT}%"), _share),
    (_form(rf"{_PERCENT}%,? ?[(\[](?:n ?= ?)?{_N}[)\]]"), _share),
    (_form(rf"{_COUNT} ?(?:/| of ) ?(?P<of>\d+)(?: ?[(\[]{_PERCENT}%?[)\]]|,? {_OTHER}%)?"),
     _share_of),
    (_form(rf"{_PERCENT}%?,? ?[(\[]{_COUNT} ?(?:/| of ) ?(?P<of>\d+)[)\]]"), _share),
    (_form(rf"(?P<middle>{_END})%?,? ?[(\[]{_WORD}{_RANGE}[)\]]"), _limits("triple")),
    (_form(rf"(?P<middle>{_END})%?[,;]? {_WORD.removesuffix('?')}{_RANGE}"), _limits("triple")),
    (_form(r"(?P<middle>\d+\.\d+) (?P<low>\d+\.\d+)(?P<to>-| to )(?P<high>\d+\.\d+)"), _limits("triple")),
    (_form(rf"(?P<one>{_NUMBER}) ?[(\[]{_SD}[)\]]"), _of("pair")),
    (_form(rf"[(\[]{_WORD}{_RANGE}[)\]]"), _limits("range")),
    (_form(rf"{_WORD}{_RANGE.replace('| ?, ?', '| ?, ')}"), _limits("range")),
)  # fmt: skip
