"""A small world with every kind of number, for tests of published numbers and of calibration."""

from pathlib import Path

SMALL = """\
name: small
source: a test
arms: {control: control, treated: treated}
population:
  size: 160
  covariates:
    stage: {kind: binary, shares: {early: 0.55, late: 0.45}}
    grade: {kind: ordinal, shares: {"1": 0.3, "2": 0.5, "3": 0.2}}
    site: {kind: nominal, shares: {north: 0.5, south: 0.3, west: 0.2}}
    age: {kind: continuous, mean: 60, sd: 8, bounds: [30, 90], cuts: {"55": 0.75, "65": 0.25}}
treatment: {kind: prevalence, share: 0.45, log_odds: {stage: 0.6, age: 0.03}}
outcomes:
  progression: {baseline: {kind: exponential, rate: 0.08}, log_hr: {stage: 0.3}, treatment: {log_hr: -0.4}}
  death: {baseline: {kind: exponential, rate: 0.02}, log_hr: {stage: 0.4}, treatment: {log_hr: -0.4}}
  death_after_progression: {baseline: {kind: exponential, rate: 0.06}, log_hr: {stage: 0.4}, treatment: {log_hr: -0.4}}
  response:
    categories: [PD, SD, PR]
    shares: {control: [0.4, 0.35, 0.25], treated: [0.25, 0.35, 0.4]}
    link: 0.5
    groups: {ORR: [PR]}
  exposure:
    cycles:
      label: Cycles
      unit: cycle
      months_per_unit: 0.7
      whole: true
      link: 0.2
      arms: {control: {median: 6, spread: 0.4, most: 20}, treated: {median: 8, spread: 0.4, most: 20}}
entry: {accrual: {start: 2000-01-01, end: 2002-01-01}}
followup:
  cut_off: 2003-01-01
  dropout: {control: {kind: exponential, rate: 0.01}, treated: {kind: exponential, rate: 0.01}}
analysis:
  propensity: {method: all}
  cox: {screening_p: null}
estimators: [crude, matched]
run: {replicates: 20, seed: 11}
"""

COMPETING = """\
name: heart
source: a test
time_unit: months
arms: {control: control, treated: treated}
population:
  size: 240
  covariates:
    stage: {kind: binary, shares: {early: 0.55, late: 0.45}}
    age: {kind: continuous, mean: 60, sd: 8, bounds: [30, 90], cuts: {"60": 0.5}}
treatment: {kind: prevalence, share: 0.4, log_odds: {stage: 0.6, age: 0.03}}
outcomes:
  centre: zero
  states: [event-free, hospitalised, dead-cv, dead-other]
  transitions:
    hospitalisation:
      {from: event-free, to: hospitalised, baseline: {kind: exponential, rate: 0.03}, log_hr: {stage: 0.3},
       treatment: {log_hr: -0.5}}
    cv-death: {from: [event-free, hospitalised], to: dead-cv, baseline: {kind: exponential, rate: 0.01}}
    other-death:
      {from: [event-free, hospitalised], to: dead-other, baseline: {kind: exponential, rate: 0.012},
       log_hr: {age: 0.02}, treatment: {log_hr: 0.2}}
endpoints:
  death: {event: [dead-cv, dead-other]}
  MACE: {event: [hospitalised, dead-cv], competing: dead-other}
  first-hospitalisation: {event: hospitalised, competing: [dead-cv, dead-other]}
entry: {accrual: {start: 2000-01-01, end: 2002-01-01}}
followup:
  cut_off: 2004-01-01
  dropout: {control: {kind: exponential, rate: 0.01}, treated: {kind: exponential, rate: 0.01}}
analysis:
  propensity: {method: all}
  cox: {screening_p: null}
  subgroups: [stage]
estimators: [crude, matched]
run: {replicates: 20, seed: 11}
"""


def write_competing(folder: Path) -> Path:
    """The file of a small world with competing events in a folder."""
    path = folder / "heart.yaml"
    path.write_text(COMPETING, "utf-8")
    return path


def write_small(folder: Path) -> Path:
    """The small world's file in a folder."""
    path = folder / "small.yaml"
    path.write_text(SMALL, "utf-8")
    return path


def write_paper(folder: Path, published: dict[str, str], more: str = "") -> Path:
    """A file that extends the small world and holds these printed numbers by their keys, one a line from line 4 on."""
    base = write_small(folder)
    lines = [f"  {key!r}: {{printed: {text!r}, where: Table 1}}" for key, text in published.items()]
    path = folder / "printed.yaml"
    path.write_text("\n".join([f"extends: {base.name}", "name: printed", "published:", *lines, more, ""]), "utf-8")
    return path
