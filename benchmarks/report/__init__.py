"""Reports: one self-contained HTML page per study, cohort or answer, readable without a network or a script.

A page is imported when it is first asked for: each draws on much that the others do not.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import analysis.figures  # noqa: F401  before matplotlib, whose settings it guards

if TYPE_CHECKING:
    from benchmarks.report.answer_pages import performance_report, question_report, validation_report
    from benchmarks.report.cohort_page import cohort_report
    from benchmarks.report.gallery_pages import gallery_entry, gallery_page
    from benchmarks.report.paper_pages import audit_report, calibration_report, fidelity_report
    from benchmarks.report.study_page import published_rows, study_report
    from benchmarks.report.twin_page import reading_report, twin_report

__all__ = [
    "audit_report",
    "calibration_report",
    "cohort_report",
    "fidelity_report",
    "gallery_entry",
    "gallery_page",
    "performance_report",
    "published_rows",
    "question_report",
    "reading_report",
    "study_report",
    "twin_report",
    "validation_report",
]

_WHERE = {
    **dict.fromkeys(("performance_report", "question_report", "validation_report"), "answer_pages"),
    "cohort_report": "cohort_page",
    **dict.fromkeys(("gallery_entry", "gallery_page"), "gallery_pages"),
    **dict.fromkeys(("audit_report", "calibration_report", "fidelity_report"), "paper_pages"),
    **dict.fromkeys(("published_rows", "study_report"), "study_page"),
    **dict.fromkeys(("reading_report", "twin_report"), "twin_page"),
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
