"""Terms explained once: each in brackets where it first stands in the running text of a page."""

import re
from collections.abc import Mapping

from markupsafe import Markup

from benchmarks.report.breaking import breakable

MOST_WORDS = 12
"""Words of an explanation."""
OWN = 3
"""So many words in brackets behind a term explain it already."""
_BRACKET = re.compile(r" \(([^)]*)\)")


class TermsTold:
    """Text of one page in the order of reading; a term's first mention is marked and explained."""

    def __init__(self, terms: Mapping[str, str]) -> None:
        self.left = dict(terms)

    def __call__(self, text: str) -> Markup:
        """The text, escaped and breakable, with the terms that it mentions first explained in it."""
        found = self._first(text)
        if found is None:
            return breakable(text)
        start, end, gloss = found
        told = Markup("<dfn>{}</dfn>").format(text[start:end])
        if gloss:
            told += Markup(' <span class="gl">({})</span>').format(gloss)
        return breakable(text[:start]) + told + self(text[end:])

    def _first(self, text: str) -> tuple[int, int, str] | None:
        """The first mention of a term that is not yet explained, and its explanation unless the text has its own."""
        best: tuple[int, int, str] | None = None
        chosen = ""
        for term, gloss in self.left.items():
            for one in re.finditer(rf"(?<![\w.-]){re.escape(term)}(?![\w-]|\.\w)", text, re.IGNORECASE):
                own = _BRACKET.match(text, one.end())
                if own is not None and len(own[1].split()) < OWN:
                    continue  # an abbreviation: the next mention will do
                if text.count("(", 0, one.start()) > text.count(")", 0, one.start()):
                    continue  # within brackets
                if best is None or (one.start(), -one.end()) < (best[0], -best[1]):
                    best, chosen = (one.start(), one.end(), "" if own else gloss), term
                break
        if best is not None:
            del self.left[chosen]
        return best
