"""What a paper claims of an endpoint, as printed, and what its own numbers say against it.

The claim is the hazard ratio of the primary analysis with its interval. Where the paper does not print that, it is the
one of another model that it prints; where it prints none, there is a claim without a ratio.
"""

from dataclasses import dataclass
from math import isfinite, nan

from analysis.audit import audit
from analysis.audit.paper import Finding
from analysis.audit.published import NOT_PRINTED, exact_value
from benchmarks.asked.published_keys import RATIO, ratio_places
from benchmarks.asked.scenario import Scenario


@dataclass(frozen=True)
class PrintedArm:
    """An arm as printed: its patients, events and median with limits, as texts; '' for what is not printed."""

    label: str
    patients: str
    events: str
    median: str
    low: str
    high: str


@dataclass(frozen=True)
class ReviewedRatio:
    """Where the reviewed ratio stands among the printed numbers, '' for none, and the kind of analysis that gives it.

    ``kind`` is '' for the primary one.
    """

    place: str
    kind: str = ""


OTHER_MODELS = {
    "after.multivariable[treatment]": "adjusted",
    "before.multivariable[treatment]": "adjusted",
    "before.cox": "crude",
    "before.fine_gray": "fine-gray",
}
"""Where else a ratio of treatment may stand, the likeliest first, and the kind of analysis that it is of."""


def reviewed_ratio(scenario: Scenario, endpoint: str) -> ReviewedRatio:
    """The ratio of an endpoint that a review is about: the first that is printed with both limits."""
    places = dict.fromkeys(ratio_places(scenario, endpoint), "")
    for place, kind in {f"endpoints.{endpoint}.{one}": kind for one, kind in OTHER_MODELS.items()}.items():
        places.setdefault(place, kind)
    for place, kind in places.items():
        if all(isfinite(_number(_text(scenario, f"{place}.{name}"))) for name in RATIO):
            return ReviewedRatio(place, kind)
    return ReviewedRatio("")


@dataclass(frozen=True)
class Claim:
    """The main result: ratio, limits and p as printed, both arms (control first), and which side they are of.

    ``side`` is ``after`` where the compared patients were matched or weighted and the paper prints their curves.
    ``findings`` are the audit's, severe ones first; ``numbers`` how many the paper prints. ``place`` and ``kind`` say
    where the ratio stands and of which analysis it is; without one they are '', and its values are NaN.
    """

    endpoint: str
    label: str
    hr: str
    low: str
    high: str
    p: str
    value: float
    limits: tuple[float, float]
    side: str
    arms: tuple[PrintedArm, PrintedArm]
    findings: tuple[Finding, ...]
    numbers: int
    place: str = ""
    kind: str = ""

    @property
    def known(self) -> bool:
        """Whether a ratio with its interval is printed."""
        return isfinite(self.value) and all(map(isfinite, self.limits))

    @property
    def bound(self) -> float:
        """The limit nearer to no effect."""
        return self.limits[1] if self.value < 1 else self.limits[0]


def claim_of(scenario: Scenario, endpoint: str) -> Claim:
    """The claim of a world's paper; NaN values and '' where no ratio is printed with both limits."""
    ratio, published = reviewed_ratio(scenario, endpoint), scenario.published
    texts = {name: _text(scenario, f"{ratio.place}.{name}") if ratio.place else "" for name in RATIO}
    found = [_number(texts[name]) for name in RATIO]
    side = "after" if any(key.startswith(f"endpoints.{endpoint}.after.km") for key in published) else "before"
    tests = [f"{ratio.place}.p", *(f"endpoints.{endpoint}.{side}.{test}.p" for test in ("cox", "logrank", "gray"))]
    p = next(filter(None, (_text(scenario, key) for key in tests)), "")
    control, treated = scenario.arms.words
    findings = audit(published, scenario.endpoints, scenario.analysis.primary, scenario.time_unit)
    told = scenario.endpoints[endpoint].label or endpoint
    return Claim(
        endpoint, told, texts["hr"], texts["low"], texts["high"], p, found[0],
        (found[1], found[2]), side,
        (
            _arm(scenario, endpoint, side, "control", control),
            _arm(scenario, endpoint, side, "treated", treated),
        ),
        findings, sum(one.printed != NOT_PRINTED for one in published.values()), ratio.place, ratio.kind,
    )  # fmt: skip


def _arm(scenario: Scenario, endpoint: str, side: str, role: str, label: str) -> PrintedArm:
    def text(name: str) -> str:
        return _text(scenario, f"endpoints.{endpoint}.{side}.km.{role}.{name}")

    sizes = [f"flow.{side}.{role}", f"table1.{side}.{role}.n", f"{side}.{role}.n"]
    size = next((scenario.published[key].printed for key in sizes if key in scenario.published), "")
    return PrintedArm(label, size, text("events"), text("median"), text("low"), text("high"))


def _text(scenario: Scenario, key: str) -> str:
    """A number as printed; '' where it is not."""
    one = scenario.published.get(key)
    return "" if one is None or one.printed == NOT_PRINTED else one.printed


def _number(text: str) -> float:
    value = exact_value(text, "cox.hr") if text and text != NOT_PRINTED else None
    return nan if value is None else value
