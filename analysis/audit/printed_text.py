"""Printed cells in one spelling: '0·56', '0,56' and '.56' are 0.56; '3 717' is 3717; 'not reached' is NA.

What a cell means may depend on its key: of '254 (62.0)' a count takes 254 and a percentage 62.0, and '1,234' is 1234
where a count stands and neither 1234 nor 1.234 where a ratio does. What can be read in two ways is refused.
'12.3% (9.8-15.1)' is a number with its interval, of which the keys of limits take the limits.
"""

import re
from functools import lru_cache

from analysis.audit.kinds import kind_of, names_of_key

NOT_PRINTED = "not_printed"
NOT_REACHED = "NA"
NO_INTERVAL = frozenset({"sd", "se", "log_hr", "chi2", "q1", "q3", "min", "max"})
"""Numbers that no cell has with an interval beside them."""

_RAISED = str.maketrans(dict.fromkeys("·•∙⋅‧˙", "."))
_BLANKS = str.maketrans(
    {**dict.fromkeys("\u00a0\u2002\u2003\u2007\u2009\u200a\u202f", " "), "\u200b": "", "\ufeff": ""}
)
_DASHES = "−–‒‐‑﹣－—"
_UNREACHED = frozenset(
    {"na", "n/a", "nr", "ne", "nc", "n.r.", "n.e.", "∞", "inf", "infinity", "not reached", "not estimable",
     "not evaluable", "not calculable", "not available"}
)  # fmt: skip
_WITH_P = re.compile(r"[pP]\s*(?:-?\s*value)?\s*(?P<rest>[<>≤≥=].*)")
_SIGN = re.compile(r"(?P<sign><=|>=|[<>≤≥=])?\s*(?P<minus>[-+])?\s*(?P<digits>.+)")
_PAIR = re.compile(r"(?P<first>[^()\[\]]+?)\s*[(\[]\s*(?P<second>[^()\[\]]+?)\s*[)\]]")
_END = r"-?\.?\d{1,15}(?:\.\d{1,15})?(?:,\d{1,15})?\s*%?"
_BETWEEN = r"(?:\s*(?:-|to|;)\s*|,\s+|(?<=\.\d),|(?<=\.\d\d),)"
_RANGE = re.compile(
    rf"(?:(?:\d\d(?:\.\d+)?\s*%\s*)?(?:CI|CrI|confidence\s+interval)\s*[:,;=]?\s*)?(?P<low>{_END}){_BETWEEN}(?P<high>{_END})",
    re.IGNORECASE | re.ASCII,
)
_OF = re.compile(r"(?P<count>[^/]+?)\s*/\s*(?P<of>[^/]+)")
_PLAIN = re.compile(r"\d{1,15}(?:\.\d{1,15})?|\.\d{1,15}", re.ASCII)
_COMMA = re.compile(r"\d{1,15},\d{1,15}", re.ASCII)
_GROUPS = {
    ",": re.compile(r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d{1,15})?", re.ASCII),
    ".": re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+,\d{1,15}|[1-9]\d{0,2}(?:\.\d{3}){2,}", re.ASCII),
    " ": re.compile(r"[1-9]\d{0,2}(?: \d{3})+(?:[.,]\d{1,15})?", re.ASCII),
    "'": re.compile(r"[1-9]\d{0,2}(?:'\d{3})+(?:[.,]\d{1,15})?", re.ASCII),
}
_ONE_COMMA = re.compile(r"[1-9]\d{0,2},\d{3}", re.ASCII)
_ONE_POINT = re.compile(r"[1-9]\d{0,2}\.\d{3}", re.ASCII)


@lru_cache(maxsize=20_000)
def plain_print(text: str, key: str = "") -> str:
    """The number that a cell has under a key, as '0.36', '<0.001' or 'NA'; ValueError says what to write.

    A percent sign is kept where a share is wanted, which it divides by 100.
    """
    cell = " ".join(text.translate(_RAISED).translate(_BLANKS).replace("’", "'").split())
    if not cell:
        raise ValueError(_told(text))
    pair = _PAIR.fullmatch(cell)
    if pair is not None and (ends := _RANGE.fullmatch(_plain_dashes(pair["second"]))) is not None:
        cell = _with_limits(text, (pair["first"], ends["low"], ends["high"]), key)
    elif pair is not None:
        cell = _one_of(text, pair["first"], pair["second"], key)
    elif (of := _OF.fullmatch(cell)) is not None and cell.casefold() not in _UNREACHED:
        if kind_of(key) != "count":
            raise ValueError(f"'{text}' holds two numbers; write the one that is wanted here")
        cell = of["count"]
    if cell.casefold() in _UNREACHED:
        return NOT_REACHED
    return _number(text, cell, key)


def _told(text: str) -> str:
    return f"'{text}' is not a printed number; write 0.36, <0.001, NA or {NOT_PRINTED}"


def _plain_dashes(part: str) -> str:
    return re.sub(f"[{_DASHES}]", "-", part)


def _with_limits(text: str, three: tuple[str, str, str], key: str) -> str:
    """The one of '12.3% (9.8-15.1)' that a key wants; of shares in percent each is in percent."""
    kind, last = kind_of(key), (names_of_key(key) or ("",))[-1]
    if kind in ("count", "p") or last in NO_INTERVAL:
        raise ValueError(f"'{text}' holds several numbers; write the one that is wanted here")
    found = three[{"low": 1, "high": 2}.get(last, 0)].strip()
    in_percent = any("%" in one or abs(float(_number(text, one.strip(), key).rstrip("%"))) > 1 for one in three)
    return f"{found}%" if kind == "share" and in_percent and "%" not in found else found


def _one_of(text: str, first: str, second: str, key: str) -> str:
    """The one of '254 (62.0)' that a key wants: the percentage is in brackets, or where the sign is."""
    if "/" in first:
        first = first.partition("/")[0].strip()
    count, percent = (second, first) if "%" in first and "%" not in second else (first, second)
    kind = kind_of(key)
    if kind not in ("count", "percent"):
        raise ValueError(f"'{text}' holds two numbers; write the one that is wanted here")
    return count if kind == "count" else percent


def _number(text: str, cell: str, key: str) -> str:
    """A cell of one number with at most a sign in front and a percent sign behind."""
    kind = kind_of(key)
    named = _WITH_P.fullmatch(cell) if kind == "p" else None
    parts = _SIGN.fullmatch(named["rest"].strip() if named else _minus(cell))
    if parts is None:
        raise ValueError(_told(text))
    sign = {"<=": "≤", ">=": "≥", "=": ""}.get(parts["sign"] or "", parts["sign"] or "")
    digits = parts["digits"]
    percent = digits.endswith("%")
    if percent and kind == "count":
        raise ValueError(f"'{text}' is a percentage; a count is wanted here")
    minus = "-" if parts["minus"] == "-" else ""
    found = sign + minus + _digits(text, digits.removesuffix("%").rstrip(), kind)
    return found + "%" if percent and kind == "share" else found


def _minus(cell: str) -> str:
    """The cell with a dash before its digits as a minus."""
    return re.sub(rf"(^|[<>≤≥=]\s*)[{_DASHES}]\s*(?=[\d.])", r"\1-", cell)


def _digits(text: str, digits: str, kind: str) -> str:
    """Digits with a point before the decimals and nothing between the thousands."""
    if (kind == "count" and _ONE_POINT.fullmatch(digits)) or (
        kind not in ("count", "amount") and _ONE_COMMA.fullmatch(digits)
    ):
        either, or_other = digits.replace(",", "."), digits.replace(",", "").replace(".", "")
        raise ValueError(f"'{text}' may be {either} or {or_other}; write the one that it is")
    for mark, grouped in _GROUPS.items():
        if grouped.fullmatch(digits):
            return digits.replace(mark, "").replace(",", ".")
    if _COMMA.fullmatch(digits):
        return digits.replace(",", ".")
    if _PLAIN.fullmatch(digits) is None:
        raise ValueError(_told(text))
    return "0" + digits if digits.startswith(".") else digits
