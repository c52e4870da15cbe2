"""Files and data frames of a user's own: a cohort analysed, a table of replicates judged."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ._call import TableLike, Values, Where, answer

if TYPE_CHECKING:
    from benchmarks.words.answer import Answer


def analyse(data: TableLike, spec: "Where | Mapping[str, Any]", *, set: Values | None = None) -> "Answer":
    """One cohort analysed as the paper did: Table 1, matching or weighting, survival; its figure is the curves.

    ``data`` has one row per patient; ``spec`` names its columns, the unit of its times and the plan of analysis: a
    path, or a dict. ``set`` has values of the spec by dotted path.

        analyse(simulate("paper"), "cohort.spec.yaml", set={"analysis.matching.caliper": 0.1}).plot()
    """
    return answer("analyze", locals(), "analyse")


def performance(
    rows: TableLike,
    *,
    truth: float | str,
    by: str | Sequence[str] | None = None,
    reference: str | None = None,
    estimate: str | None = None,
    se: str | None = None,
    low: str | None = None,
    high: str | None = None,
    p: str | None = None,
    df: str | None = None,
    replicate: str | None = None,
    level: float = 0.95,
    out: Where | None = None,
) -> "Answer":
    """Bias, empirical and model SE, coverage, power, ... of any table with one row per replicate.

    Each with its Monte Carlo SE. ``truth`` is a number on the scale of the estimates, or the column that holds it;
    ``by`` the columns of methods or settings; the others name columns.

        performance(replicates, truth=0.5, by=["method", "dgm"])
    """
    return answer("performance", locals())


def ipd(
    curve: Where,
    *,
    out: Where,
    total_events: "Mapping[str, int] | None" = None,
    patients: "Mapping[str, int] | None" = None,
) -> "Answer":
    """Patients behind a digitised Kaplan-Meier curve, written to a .csv file: id, arm, time, event.

    ``total_events`` and ``patients`` have the printed events, and the patients of arms without a number at risk at
    time 0, by arm.

        ipd("os.csv", out="patients.csv", total_events={"HLP": 68, "LP": 194}).to_frame()
    """
    return answer("ipd", locals())
