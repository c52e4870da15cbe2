"""What a paper claims of its main endpoint, as printed, and what its own numbers say against it."""

from dataclasses import dataclass
from math import nan

from analysis.audit import audit
from analysis.audit.paper import Finding
from analysis.audit.published import NOT_PRINTED, exact_value
from benchmarks.asked.published_keys import printed_ratio
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
class Claim:
    """The main result: ratio, limits and p as printed, both arms (control first), and which side they are of.

    ``side`` is ``after`` where the compared patients were matched or weighted and the paper prints their curves.
    ``findings`` are the audit's, severe ones first; ``numbers`` how many the paper prints.
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

    @property
    def bound(self) -> float:
        """The limit nearer to no effect."""
        return self.limits[1] if self.value < 1 else self.limits[0]


def claim_of(scenario: Scenario, endpoint: str) -> Claim:
    """The claim of a world's paper; NaN values where a ratio or a limit is not printed as a number."""
    ratio = printed_ratio(scenario, endpoint)
    texts = {name: one.printed for name, one in ratio.items()}
    found = [_number(texts.get(name, "")) for name in ("hr", "low", "high")]
    published = scenario.published
    side = "after" if any(key.startswith(f"endpoints.{endpoint}.after.km") for key in published) else "before"
    p = next(
        (
            published[key].printed
            for key in (f"endpoints.{endpoint}.{side}.cox.p", f"endpoints.{endpoint}.{side}.logrank.p")
            if key in published
        ),
        "",
    )
    arms = scenario.arms
    findings = audit(published, scenario.endpoints, scenario.analysis.primary, scenario.time_unit)
    told = scenario.endpoints[endpoint].label or endpoint
    return Claim(
        endpoint, told, texts.get("hr", ""), texts.get("low", ""), texts.get("high", ""), p, found[0],
        (found[1], found[2]), side,
        (
            _arm(scenario, endpoint, side, "control", arms.control),
            _arm(scenario, endpoint, side, "treated", arms.treated),
        ),
        findings, sum(one.printed != NOT_PRINTED for one in published.values()),
    )  # fmt: skip


def _arm(scenario: Scenario, endpoint: str, side: str, role: str, label: str) -> PrintedArm:
    def text(name: str) -> str:
        one = scenario.published.get(f"endpoints.{endpoint}.{side}.km.{role}.{name}")
        return "" if one is None or one.printed == NOT_PRINTED else one.printed

    sizes = [f"flow.{side}.{role}", f"table1.{side}.{role}.n", f"{side}.{role}.n"]
    size = next((scenario.published[key].printed for key in sizes if key in scenario.published), "")
    return PrintedArm(label, size, text("events"), text("median"), text("low"), text("high"))


def _number(text: str) -> float:
    value = exact_value(text, "cox.hr") if text and text != NOT_PRINTED else None
    return nan if value is None else value
