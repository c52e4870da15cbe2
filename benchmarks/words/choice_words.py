"""What a reader calls a choice of the analyst and its values: 'caliper', 'largest score first', 'defaults of MatchIt'.

Machine outputs keep the dotted names and the values as they are written.
"""

from collections.abc import Mapping

from benchmarks.words.key_words import COMPARED, PaperWords, row_words
from benchmarks.words.sizes import listed

CHOICES: Mapping[str, str] = {
    "matching": "way of matching",
    "matching.method": "way of matching",
    "matching.caliper": "caliper",
    "matching.order": "order of matching",
    "matching.ratio": "comparison patients for each treated",
    "matching.replacement": "comparison patients used again",
    "matching.unit": "caliper counted in",
    "matching.scale": "matched on",
    "weighting": "weighted to",
    "weighting.target": "weighted to",
    "weighting.stabilised": "weights stabilised",
    "weighting.trim": "scores that are kept",
    "weighting.truncate": "weights brought within quantiles",
    "propensity": "propensity model",
    "propensity.method": "traits of the propensity model",
    "propensity.candidates": "traits that it may take",
    "se": "standard error",
    "measure": "what is estimated",
    "model": "model of the matched",
}
"""Choices by their place in the analysis."""
VALUES: Mapping[str, Mapping[str, str]] = {
    "matching": {
        "greedy largest": "one by one, largest score first",
        "greedy smallest": "one by one, smallest score first",
        "greedy random": "one by one, in random order",
        "greedy closest": "one by one, closest pairs first",
        "greedy data": "one by one, in the order of the file",
        "greedy largest True": "one by one, comparison patients used again",
        "optimal largest": "optimal, all pairs at once",
    },
    "matching.order": {
        "largest": "largest score first",
        "smallest": "smallest score first",
        "random": "random",
        "closest": "closest pairs first",
        "data": "order of the file",
    },
    "matching.unit": {"sd": "standard deviations", "raw": "the score's own unit", "pooled_sd": "pooled SDs"},
    "matching.scale": {"logit": "logit of the score", "ps": "the score itself"},
    "matching.replacement": {"False": "no", "True": "yes"},
    "weighting": {
        "ate False": "all patients",
        "ate True": "all patients, stabilised",
        "att False": "the treated",
        "atc False": "the untreated",
        "overlap False": "the overlap",
        "matching False": "the matchable",
    },
    "weighting.target": {
        "ate": "all patients",
        "att": "the treated",
        "atc": "the untreated",
        "overlap": "the overlap",
        "matching": "the matchable",
    },
    "weighting.stabilised": {"False": "no", "True": "yes"},
    "weighting.trim": {"none": "all"},
    "weighting.truncate": {"none": "none"},
    "propensity": {"stepwise": "stepwise by AIC", "all": "all traits"},
    "propensity.method": {"stepwise": "stepwise by AIC", "all": "all of them"},
    "se": {"pair": "clustered by matched pair", "naive": "pairs ignored", "bootstrap": "bootstrap of pairs"},
}
"""What values are called, by choice; others stand as they are."""
TOOLS: Mapping[str, str] = {
    "matchit": "MatchIt (R)",
    "spss": "SPSS",
    "sas": "SAS",
    "psmpy": "psmpy (Python)",
    "cohortmethod": "CohortMethod (R)",
}
DEFAULT_OF = "default-of-"
"""Begins the name of an analysis by a tool's defaults."""
MOST_TRAITS = 4


def choice_label(axis: str) -> str:
    """The name of a choice; of an unknown one the last part of its place."""
    return CHOICES.get(axis, axis.rpartition(".")[2].replace("_", " "))


def choice_value(axis: str, value: str, words: PaperWords | None = None) -> str:
    """A value of a choice, traits by their labels in the paper."""
    if axis == "propensity.candidates":
        return _traits(value.split(", "), words or PaperWords())
    if axis == "propensity" and value.startswith("stepwise p "):
        return f"stepwise by p < {value.removeprefix('stepwise p ')}"
    return VALUES.get(axis, {}).get(value, value)


def tool_label(name: str) -> str:
    """What matching by a tool's defaults is called; '' for the name of another analysis."""
    return f"defaults of {TOOLS[name.removeprefix(DEFAULT_OF)]}" if name.startswith(DEFAULT_OF) else ""


def _label(name: str, words: PaperWords) -> str:
    one = words.variables.get(name)
    return one.label if one is not None and one.label else name


def _traits(names: list[str], words: PaperWords) -> str:
    labels = [row_words(name, words) if COMPARED.fullmatch(name) else _label(name, words) for name in names]
    more = len(labels) - MOST_TRAITS
    return listed(labels) if more < 2 else f"{', '.join(labels[:MOST_TRAITS])} and {more} more"
