"""Reports: one self-contained HTML page per study or cohort, readable without a network or a script."""

from benchmarks.report.pages import (
    audit_report,
    cohort_report,
    fidelity_report,
    gallery_entry,
    gallery_page,
    question_report,
    study_report,
)

__all__ = [
    "audit_report",
    "cohort_report",
    "fidelity_report",
    "gallery_entry",
    "gallery_page",
    "question_report",
    "study_report",
]
