"""The statistic and the size that a table's head names."""

import re

_SIZE = r"(?P<size>\d{1,3}(?:[ ,]\d{3})+(?:\.\d+)?(?!\d)|\d+,\d{1,2}(?!\d)|\d+(?:\.\d+)?)"
_N = (
    rf"[(\[]?\b(?:weighted |effective )?n ?[=:] ?{_SIZE}(?: patients)?[)\]]?",
    rf"[(\[]?\b{_SIZE} (?:patients|pts|subjects|participants|cases|individuals|pairs)\b[)\]]?",
)
_CI = r"(?:9\d ?%? ?)?(?:cis?|confidence (?:interval|limit)s?|cl|cri)"
_CHI = r"χ|χ ?[²2]|[xX] ?[²2]|chi[- ]?squared?|chi ?2"
_TESTS = (
    rf"(?:t|z|f|u|h|{_CHI}|wald|tests?|statistics?|test statistics?|value of test|β|b|beta|coef\w*\.?|se|s\.e\.|df)"
)
_P, _NO, _WHO = r"p(?:[ -]*values?)?", r"(?:no\.?|number|n)", r"(?:patients|subjects|participants|pts)"
_SHARE = rf",?(?: ?\(?{_NO}?,? ?\(?%\)?\)?)?"
_OF_TEST = rf"log-?rank|gray(?:'s)?|wald|fisher\w*(?: exact)?|t-?test|{_CHI}"
_TIMES = r"(?:(?:person|patient|pt|subject)s?[- ]?)?(?:yrs?|years?|py|pys)"
_STATISTICS = (
    ("rate", rf".*(?:/|\bper\b) ?(?:\d[\d,]* ?)?{_TIMES}\b.*|(?:incidence|event) rates?(?: of first events?)?"),
    ("interaction_p", rf"{_P} ?(?:for|of)? ?(?:the )?(?:interactions?|heterogeneity)"),
    ("interaction_p", r"interactions?(?: p)?(?:[ -]?values?)?|p[ _-]?int\w*\.?"),
    ("p", rf"[(\[]?p[)\]]?(?:[ -]*values?)?|(?:{_OF_TEST}|overall)(?: test)? {_P}|sig\.?|significance"),
    ("p", rf"{_P} ?\(?(?:{_OF_TEST})(?: test)?\)?|{_P} ?\([A-Za-z ,.-]+\)"),
    ("smd", r".*(?:\ba?smd\b|\basd\b|standardi[sz]ed (?:mean )?diff\w*|std\.? (?:mean )?diff\w*).*"),
    ("odds_ratio", rf"(?:adjusted )?(?:\bor\b|odds ratios?)\W*(?:{_CI})?\W*"),
    ("risk_ratio", rf"(?:adjusted )?(?:\brr\b|(?:risk|rate) ratios?|relative risks?)\W*(?:{_CI})?\W*"),
    ("risk_difference", rf"(?:\brd\b|(?:absolute )?(?:risk )?difference)\W*(?:{_CI})?\W*"),
    ("hr", r"(?:.*\b)?(?:[a-z]?hrs?|hazards? ratios?)\b.*|exp ?\(?[bβ]\)?"),
    ("low", rf"(?:{_CI} )?(?:lower|low|lcl|ll|lci)(?: ?(?:limit|bound|{_CI}).*)?"),
    ("high", rf"(?:{_CI} )?(?:upper|high|ucl|ul|uci)(?: ?(?:limit|bound|{_CI}).*)?"),
    ("limits", rf"\(?{_CI}\)?"),
    ("", r"(?:n|no\.?|number|counts?)(?: of \w+)?,? ?\(?/?%\)?|median ?[(\[,].*"),
    ("", r"mean ?(?:±|\+|\(|,|and)? ?\(?(?:sd|s\.d\.)\)?"),
    ("at_risk", rf"(?:{_NO}(?: of {_WHO})? )?at risk"),
    ("events", rf"(?:{_NO} (?:of )?)?(?:events?|deaths?)(?: ?/ ?(?:{_NO}|{_WHO}|total|at risk))?{_SHARE}"),
    ("events", rf"(?:{_NO} (?:of )?)?{_WHO} with (?:an? |any )?events?{_SHARE}"),
    ("patients", rf"{_NO}(?: of)? (?:{_WHO}|cases)|{_WHO}(?:,? \(?{_NO}\)?)?"),
    ("n", r"\(?(?:n|no\.?|number|counts?|#|freq(?:uency|\.)?|cases)\)?"),
    ("percent", r"\(?(?:%|percent(?:age)?|per cent|rate ?\(?%\)?|proportion ?\(?%\)?)\)?"),
    ("mean", r"means?"), ("sd", r"\(?(?:sd|s\.d\.|standard deviation)\)?"), ("median", r"medians?"),
    ("test", rf"{_TESTS}(?: ?(?:/|or) ?{_TESTS})*(?:[ -]?(?:tests?|values?|statistics?))?(?: ?\(.*\))?"),
)  # fmt: skip
_LONE = frozenset(
    {"p", "interaction_p", "smd", "hr", "low", "high", "limits", "test", "odds_ratio", "risk_ratio", "risk_difference"}
)
_SAID_ELSEWHERE = re.compile(r"\b(?:groups?|arms?|cohorts?|all grades?|any grades?|all|total|overall)\b", re.IGNORECASE)


def is_lone(statistic: str) -> bool:
    """Whether a statistic belongs to no single arm."""
    return statistic in _LONE


def without_n(text: str) -> tuple[str, str]:
    """A head without its sizes, and as text that which stands last: of merged heads that of the group within."""
    for pattern in _N:
        found = list(re.finditer(pattern, text, re.IGNORECASE | re.ASCII))
        if found:
            size = re.sub(r",(?=\d{1,2}$)", ".", found[-1]["size"])
            return re.sub(pattern, " ", text, flags=re.IGNORECASE | re.ASCII), re.sub("[ ,]", "", size)
    return text, ""


def statistic_of(*texts: str) -> str | None:
    """The statistic that a head without arm and size names, in the first of its spellings; None where none does."""
    for text in texts:
        for one in (text, _SAID_ELSEWHERE.sub(" ", text)):
            shown = " ".join(one.replace("|", " ").split()).strip(" ,;:/-")
            shown = shown[1:-1].strip() if re.fullmatch(r"\([^()]*\)", shown) else shown
            name = next((name for name, pattern in _STATISTICS if re.fullmatch(pattern, shown, re.IGNORECASE)), None)
            if shown and name is not None:
                return name
    return None
