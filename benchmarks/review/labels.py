"""The labels and the small words of a review: what its arms, patients and events are called, times and chances."""

from dataclasses import dataclass, replace
from functools import cached_property
from math import exp, isfinite

from benchmarks.asked.published_keys import ratio_places
from benchmarks.asked.scenario import Scenario
from benchmarks.performance.measures import Measure
from benchmarks.review.effects import ALL, AS_STATED, Absolute
from benchmarks.review.review import Review
from benchmarks.words.key_words import PaperWords, words_of_paper
from benchmarks.words.sizes import counted

NB = "\u00a0"
LARGE, SMALL = 0.5, 0.8
"""A ratio, or one over it, below the first is a large effect, above the second a small one."""
SHORT = {
    "unmeasured": "an unrecorded trait",
    "survivors": "selection of survivors",
    "waiting": "waiting counted as survival",
    "leaving": "loss of the sick",
    "unadjusted": "who was given which treatment",
}
BRIEF = {
    "unmeasured": "confounding",
    "survivors": "selection",
    "waiting": "time zero",
    "leaving": "loss to follow-up",
}
"""The same where two stand together beside a figure."""
HEADS = {
    "unmeasured": "Unmeasured confounding",
    "survivors": "Selection by survival",
    "waiting": "Time zero",
    "leaving": "Loss to follow-up",
    AS_STATED: "None: as the paper says",
    ALL: "All of them at once",
}


@dataclass(frozen=True)
class ReviewLabels:
    """The words of a review; every property is a sentence or two. ``sources`` are places of the world with a source."""

    review: Review
    scenario: Scenario
    sources: tuple[str, ...] = ()

    @cached_property
    def treatment(self) -> str:
        """The treated arm's own name."""
        return self.scenario.arms.words[1]

    @property
    def control(self) -> str:
        """The comparison's own name."""
        return self.scenario.arms.words[0]

    @cached_property
    def paper(self) -> PaperWords:
        """The labels of the world, in which the reviewed endpoint is the first."""
        claim = self.review.claim
        own = (claim.place,) if claim.place else ratio_places(self.scenario, claim.endpoint)
        return replace(words_of_paper(self.scenario), first=claim.endpoint, primary=own)

    @property
    def benefit(self) -> bool:
        """Whether the result, or the twin's where no ratio is printed, favours the treatment."""
        return self.review.biases.sign < 0

    @property
    def competes(self) -> bool:
        """Whether other events may come first."""
        return bool(self.scenario.endpoints[self.review.claim.endpoint].rivals)

    @property
    def ratio(self) -> str:
        """What the reviewed ratio is called."""
        return {"adjusted": "adjusted hazard ratio", "fine-gray": "subdistribution hazard ratio"}.get(
            self.review.claim.kind, "hazard ratio"
        )

    @cached_property
    def deaths(self) -> bool:
        """Whether each event of the endpoint is a death."""
        return self.review.claim.endpoint in self.paper.deaths

    @property
    def rate(self) -> str:
        """What a hazard ratio is of: of the events themselves where the endpoint is called after several."""
        if self.deaths:
            return "the rate of dying"
        *first, last = self.endpoint.split(" or ")
        return f"the rate of {', '.join(first)} or {last}" if first else f"the rate of the event ({self.endpoint})"

    @property
    def event(self) -> str:
        """The event as a noun."""
        return "death" if self.deaths else "the event"

    @property
    def free(self) -> str:
        """What who has not had the event is."""
        return "alive" if self.deaths else "without the event"

    @property
    def endpoint(self) -> str:
        """The endpoint within a sentence."""
        return words_of_paper(self.scenario).endpoint(self.review.claim.endpoint)

    @property
    def people(self) -> str:
        """In whom the effect is meant."""
        return {
            "treated": f"patients who start {self.treatment}",
            "untreated": f"patients who start {self.control}",
            "overlap": "patients who might have got either treatment",
            "matching_weight": "patients who might have got either treatment",
        }.get(self.scenario.target.population, "patients of the study")

    @property
    def size(self) -> str:
        """How large the published effect is: large, moderate or small."""
        ratio = min(self.review.claim.value, 1 / self.review.claim.value)
        return "large" if ratio <= LARGE else "small" if ratio > SMALL else "moderate"

    @property
    def unit(self) -> str:
        """The world's unit of time."""
        return self.scenario.time_unit

    @cached_property
    def simulated(self) -> tuple[float, float]:
        """What the paper's analysis finds in the twin on average, and what is true in the target population there."""
        own = next(one for one in self.review.analyses.found if one.name == self.review.analyses.primary)
        return exp(own.mean), self.review.analyses.true


def often_text(share: float) -> str:
    """A chance in words of 100: 'fewer than 1 of 1,000', '3 of 100'."""
    if not isfinite(share):
        return "an unknown share of"
    if share < 0.001:
        return "fewer than 1 of 1,000"
    if share < 0.0095:
        return f"{1000 * share:.0f} of 1,000"
    return f"{100 * share:.0f} of 100"


def error_of(one: Measure) -> str:
    """The simulation error of a chance in the same parts as `often_text` tells it; '' where it tells none."""
    if not (isfinite(one.value) and isfinite(one.mcse)) or one.value < 0.001:
        return ""
    error = (1000 if one.value < 0.0095 else 100) * one.mcse
    return f"{error:.1g}" if error >= 0.1 else "below 0.1"


def chance_text(one: Measure) -> str:
    """A chance in a table, its simulation error in brackets: '8 of 100 (1)'."""
    error = error_of(one)
    return f"{often_text(one.value)} ({error})" if error else often_text(one.value)


def error_told(one: Measure) -> str:
    """The same in a sentence, in brackets."""
    error = error_of(one)
    return f" (simulation error {error})" if error else ""


SMALLER = {"years": ("months", 12.0), "months": ("weeks", 365.25 / 84), "weeks": ("days", 7.0)}
"""The next smaller unit of time, and how many of it one has."""


def gain_text(value: float, unit: str) -> str:
    """A time that was gained or lost, in the unit in which it is half a one or more: '6.7 months', '2 weeks'."""
    value = abs(value)
    while value < 0.5 and unit in SMALLER:
        unit, many = SMALLER[unit]
        value *= many
    return time_text(round(value, 1), unit) if value >= 0.5 else f"less than half a {unit.removesuffix('s')}"


def within_a_year(value: float, unit: str) -> tuple[float, str]:
    """A part of a year in months, everything else as it is."""
    return (12 * value, "months") if unit == "years" and 0 < value < 1 else (value, unit)


def time_text(value: float, unit: str) -> str:
    """A time with its unit: '24 months', '1.8 months'; a part of a year in months."""
    value, unit = within_a_year(value, unit)
    text = f"{value:.1f}".removesuffix(".0") if value < 20 else f"{value:.0f}"
    return f"{text} {unit.removesuffix('s') if text == '1' else unit}"


def signed_text(value: float, digits: int = 0) -> str:
    """A change with its sign, a true minus; a dash where it is not known."""
    if not isfinite(value):
        return "–"
    return f"{round(value, digits) + 0.0:+.{digits}f}".replace("-", "−")


def span_text(ends: list[float], digits: int) -> str:
    """Two changes, the lower first; a dash where one of them is not known."""
    known = sorted(one for one in ends if isfinite(one))
    return " to ".join(signed_text(one, digits) for one in known) if len(known) == 2 else "–"


def reached_text(value: float, digits: int = 1) -> str:
    """A median, or that it is not reached."""
    return f"{value:.{digits}f}" if isfinite(value) else "not reached"


def more_of_100(found: Absolute) -> str:
    """How many more, or fewer, of 100 are without the event at the last mark."""
    more = 100 * found.gained
    return f"{abs(more):.0f} {'more' if more >= 0 else 'fewer'}"


def to_treat_text(found: Absolute, free: str, at: str) -> str:
    """How many are to be treated for one more, or one fewer, in a sentence; '' where there are hundreds."""
    if abs(found.gained) < 0.005:
        return ""
    count = max(1, round(1 / abs(found.gained)))
    more = "more" if found.gained > 0 else "fewer"
    return f"As stated, {counted(count, 'patient')} must be treated for one {more} to be {free} at {at}."


def is_number(text: str) -> bool:
    """Whether a printed text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
