"""Reports: one self-contained HTML page per study, cohort or answer, readable without a network or a script."""

import analysis.figures  # noqa: F401  before matplotlib, whose settings it guards
from benchmarks.report.answer_pages import performance_report, question_report, validation_report
from benchmarks.report.cohort_page import cohort_report
from benchmarks.report.gallery_page import gallery_entry, gallery_page
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
