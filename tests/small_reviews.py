"""A small world that prints a paper, cheap to review; and reviews planted by hand, with every word that there is."""

from pathlib import Path

SMALL_REVIEW = """\
name: small-review
source: a paper made up for tests
time_unit: months
arms: {control: care, treated: drug}
population:
  size: 80
  covariates:
    stage: {kind: binary, label: Stage, shares: {early: 0.5, late: 0.5}}
treatment: {kind: prevalence, share: 0.5, log_odds: {stage: 0.7}}
outcomes:
  states: [alive, dead]
  transitions:
    death:
      {from: alive, to: dead, baseline: {kind: exponential, rate: 0.08}, log_hr: {stage: 0.5},
       treatment: {log_hr: -0.7}}
endpoints:
  survival: {label: Survival, event: dead}
entry: {accrual: {start: 2000-01-01, end: 2002-01-01}}
followup:
  cut_off: 2004-01-01
  dropout: {care: {kind: exponential, rate: 0.01}, drug: {kind: exponential, rate: 0.01}}
analysis:
  primary: adjustment
  cox: {screening_p: null}
target: {population: all}
run: {replicates: 40, seed: 11, truth_patients: 5000}
published:
  endpoints.survival.before.multivariable[treatment].hr: {printed: "0.50", where: Table 2}
  endpoints.survival.before.multivariable[treatment].low: {printed: "0.33", where: Table 2}
  endpoints.survival.before.multivariable[treatment].high: {printed: "0.76", where: Table 2}
"""


def write_review(folder: Path, more: str = "") -> Path:
    """The file of the small world, with further lines at its end."""
    path = folder / "small-review.yaml"
    path.write_text(SMALL_REVIEW + more, "utf-8")
    return path
