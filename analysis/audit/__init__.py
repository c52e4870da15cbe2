"""The audit of a paper: what its printed numbers imply about each other, within the rounding of what is printed."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.audit.p_values import TableTests
    from analysis.audit.paper import Finding
    from simulator.cohort.estimand import TimeUnit
    from simulator.documents.printed import Printed
    from simulator.mechanisms.graph import TimeTo

__all__ = ["audit", "conventions"]


def audit(
    published: "Mapping[str, Printed]",
    endpoints: "Mapping[str, TimeTo] | None" = None,
    primary: str = "matching",
    unit: "TimeUnit" = "months",
) -> "tuple[Finding, ...]":
    """Everything that the printed numbers contradict, severe findings first.

    ``endpoints``, the ``primary`` analysis and the ``unit`` of printed times are those of the paper's world.
    """
    from analysis.audit import p_values  # these load what tests p-values, which printed numbers do without
    from analysis.audit.counts import cell_findings, count_findings
    from analysis.audit.effects import effect_findings
    from analysis.audit.incidence import incidence_findings
    from analysis.audit.information import information_findings
    from analysis.audit.paper import SEVERITIES, Paper
    from analysis.audit.ratios import ratio_findings, read_ratios
    from analysis.audit.spread import spread_findings
    from analysis.audit.survival import survival_findings
    from analysis.audit.words import word_findings

    paper = Paper.of(published, endpoints, primary)
    tested, ratios = p_values.tested_rows(paper), read_ratios(paper)
    found = [
        *count_findings(paper, p_values.confirmed(tested)),
        *p_values.p_value_findings(paper, tested),
        *ratio_findings(paper, ratios),
        *information_findings(paper, ratios),
        *survival_findings(paper, published, unit),
        *incidence_findings(paper),
        *cell_findings(paper, published),
        *effect_findings(paper),
        *spread_findings(paper),
        *word_findings(paper, published),
    ]
    return tuple(sorted(found, key=lambda finding: SEVERITIES.index(finding.severity)))


def conventions(published: "Mapping[str, Printed]", primary: str = "matching") -> "tuple[TableTests, ...]":
    """Which test explains the p-values of each table."""
    from analysis.audit import p_values
    from analysis.audit.paper import Paper

    return p_values.conventions(p_values.tested_rows(Paper.of(published, primary=primary)))
