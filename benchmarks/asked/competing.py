"""What may be asked of an endpoint among other states: each question that has no one true value there is refused."""

from simulator.cohort.estimand import CURVES, INCIDENCES, SUBDISTRIBUTION, Estimand, MeasureName
from simulator.mechanisms.graph import Graph, TimeTo, unaccounted

INSTEAD: dict[MeasureName, str] = {
    "survival_difference": "the difference of cumulative incidence (kind or measure 'incidence')",
    "rmst_difference": "the difference of mean time lost (measure 'rmtl', also of kind 'incidence')",
    "median_difference": "the difference of cumulative incidence (kind 'incidence')",
}
"""What to ask for in place of a measure of a curve of survival where states compete."""


def without_truth(name: str, endpoint: TimeTo, graph: Graph, question: Estimand, complete: bool) -> tuple[str, str]:
    """Where a question of an endpoint has no one true value: what is to be changed, and why; else two empty texts.

    ``complete`` is the follow-up of the study's target.
    """
    measure, others = question.measure, unaccounted(endpoint, graph)
    if not endpoint.rivals and not others:
        return "", ""
    ends = f"ends where '{others[0]}' is entered" if others else ""
    what = "has competing states" if endpoint.rivals else ends
    if measure in CURVES:
        taken = f"the competing states of '{name}'" if endpoint.rivals else f"'{others[0]}', which ends '{name}',"
        first = "" if endpoint.rivals else "make it competing and "
        return "estimators", f"a survival curve takes {taken} for censoring; {first}ask for {INSTEAD[measure]}"
    if measure in (*INCIDENCES, *SUBDISTRIBUTION):
        told = f"'{name}' {ends}, which is neither its event nor competing; name it under endpoints.{name}.competing"
        return ("estimators", told) if others else ("", "")
    if question.landmark is not None and endpoint.rivals:
        return "estimators", f"'{name}' has competing states; after a landmark its hazard ratio has no truth"
    if complete and measure.endswith("_log_hr"):
        also = ", or ask for the subdistribution hazard ratio ('kind: fine-gray')" if endpoint.rivals else ""
        return "target.follow_up", (
            f"'complete' gives '{name}', which {what}, no true hazard ratio of the cause; write 'observed'{also}"
        )
    return "", ""
