"""The printed ratios of treatment as rows of a figure, each above the narrowest interval that its events allow."""

from math import exp, inf, log, nan, sqrt

from scipy.special import ndtri

from analysis.audit.published import NOT_PRINTED, exact_value
from analysis.figures.ranges import RangeRow
from analysis.paper.sides import side_words
from benchmarks.asked.scenario import Scenario
from benchmarks.review.claim import Claim
from benchmarks.words.key_words import words_of_paper
from benchmarks.words.sizes import first_up

MODELS = ("cox", "cox_stratified", "multivariable[treatment]")


LONGEST = 24
"""Letters of an endpoint's label beside a bar; one with a longer label is called by its name."""


def printed_ranges(scenario: Scenario, claim: Claim) -> list[RangeRow]:
    """A row for every printed ratio of treatment that has both limits, the main result first and in its own colour."""
    rows, words = [], words_of_paper(scenario)
    for endpoint in scenario.endpoints:
        called = words.endpoint(endpoint)
        called = called if len(called) <= LONGEST else endpoint
        for side in ("after", "before"):
            for model in MODELS:
                keys = [f"endpoints.{endpoint}.{side}.{model}.{name}" for name in ("hr", "low", "high")]
                found = [_value(scenario, key) for key in keys]
                if any(one is None for one in found):
                    continue
                hr, low, high = (nan if one is None else one for one in found)
                if not 0 < low < high < inf:
                    continue
                main = endpoint == claim.endpoint and found[0] == claim.value
                where = side_words(scenario.analysis, side)
                name = f"{called}, " if len(scenario.endpoints) > 1 else ""
                label = first_up(f"{name}{where}{', adjusted' if 'multi' in model else ''}")
                least = _least(scenario, endpoint, side, hr)
                texts = [scenario.published[key].printed for key in keys]
                told = f"{texts[0]} ({texts[1]}–{texts[2]})"
                rows.append((not main, RangeRow(label, low, hr, high, told, "plain", least)))
    return [row for _, row in sorted(rows, key=lambda pair: pair[0])]


def _value(scenario: Scenario, key: str) -> float | None:
    one = scenario.published.get(key)
    return None if one is None or one.printed == NOT_PRINTED else exact_value(one.printed, "cox.hr")


def _least(scenario: Scenario, endpoint: str, side: str, hr: float) -> tuple[float, float] | None:
    """The narrowest interval of any Cox model with so many events by arm: SE at least sqrt(1/d1 + 1/d0)."""
    counts = [_value(scenario, f"endpoints.{endpoint}.{side}.km.{role}.events") for role in ("control", "treated")]
    if any(one is None or one <= 0 for one in counts):
        return None
    se = sqrt(sum(1 / one for one in counts if one))
    z = float(ndtri(0.5 + scenario.analysis.survival.level / 2))
    return exp(log(hr) - z * se), exp(log(hr) + z * se)
