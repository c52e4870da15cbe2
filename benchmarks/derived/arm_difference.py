"""The difference of the arms' means within its rounding, where the standardised difference or the p beside it tells."""

from math import sqrt

from scipy.special import ndtri

from analysis.audit.published import parse_printed
from benchmarks.derived.arm_numbers import InArm
from benchmarks.derived.paper_numbers import PaperNumbers

FARTHEST = 3.0  # half units of rounding beyond which what stands beside the means is of something else


def means_apart(numbers: PaperNumbers, name: str, arms: tuple[InArm, InArm]) -> tuple[float, float, float]:
    """The means of control and treated, and by how much their difference may be another.

    Means of 4.6 and 4.7 are 0.0 to 0.2 apart: a standardised difference of 0.244 beside SDs of 0.6 says 0.146, a p says
    as much by the t-test (< 0.001 the least). The mean of all patients stays; where nothing tells, so do those of the arms.
    """
    control, treated = arms[0].mean or 0.0, arms[1].mean or 0.0
    apart, slack = treated - control, arms[0].half + arms[1].half
    told = told_apart(numbers, f"table1.{numbers.side}[{name}]", arms)
    if told is None or apart == 0 or abs(told - abs(apart)) > FARTHEST * slack:
        return control, treated, slack
    found = min(max(told, abs(apart) - slack), abs(apart) + slack) * (1 if apart > 0 else -1)
    share = arms[1].n / (arms[0].n + arms[1].n)
    return control - share * (found - apart), treated + (1 - share) * (found - apart), 0.0


def told_apart(numbers: PaperNumbers, row: str, arms: tuple[InArm, InArm]) -> float | None:
    """How far apart the means are by the SMD of their row, else by its p; None where nothing tells."""
    (n0, sd0), (n1, sd1) = ((arm.n, arm.sd or 0.0) for arm in arms)
    smd, p = numbers.value(f"{row}.smd"), numbers.published.get(f"{row}.p")
    if smd is not None:
        return abs(smd) * sqrt((sd0**2 + sd1**2) / 2)
    if p is None:
        return None
    se = sqrt(sd0**2 / n0 + sd1**2 / n1)
    exact, most = numbers.value(f"{row}.p"), parse_printed(p.printed, f"{row}.p").high
    if exact is not None and 0 < exact < 1:
        return float(-ndtri(exact / 2)) * se
    if exact is None and 0 < most < 1:
        return max(abs((arms[1].mean or 0.0) - (arms[0].mean or 0.0)), float(-ndtri(most / 2)) * se)
    return None
