"""How the arms differ in a number beyond what its mean or median says.

The means within their rounding, where the standardised difference or the p beside them tells; and the tails, where one
arm is clearly wider: log odds that are linear in a number leave it the same spread in both arms.
"""

from math import log, sqrt

from scipy.special import ndtri

from analysis.audit.published import parse_printed
from benchmarks.derived.arm_numbers import InArm, mixed
from benchmarks.derived.paper_numbers import PaperNumbers, rounded
from benchmarks.pasted.reading import ROLES

FARTHEST = 3.0  # half units of rounding beyond which what stands beside the means is of something else
CLEAR = 3.0  # standard errors of a logarithm of widths from which they differ
SE_SD, SE_QUARTILES = 0.71, 1.17  # of the logarithm of an SD, of the quartiles' distance of a normal, times sqrt(n)
TAILS = (0.2, 0.8)  # of all patients below the terms that tell of the width


def tails(
    numbers: PaperNumbers, name: str, arms: tuple[InArm, InArm], logarithm: bool, limits: tuple[float, float]
) -> tuple[tuple[str, float, float], ...]:
    """Two terms of a number, with the share of each arm above them, where the arms' widths differ clearly; or where
    those above the median of a log-normal do, which has no term that is linear in it.
    """
    if abs(wider(numbers, name, arms, logarithm)) < CLEAR and not (logarithm and abs(further(arms)) >= CLEAR):
        return ()
    cuts = [rounded(mixed(arms, share, logarithm), 3) for share in TAILS]
    if not limits[0] < cuts[0] < cuts[1] < limits[1]:
        return ()
    below = [[arm.below(cut, logarithm) for arm in arms] for cut in cuts]
    return tuple((f"{name}>{cut:g}", 1 - own[0], 1 - own[1]) for cut, own in zip(cuts, below, strict=True))


def wider(numbers: PaperNumbers, name: str, arms: tuple[InArm, InArm], logarithm: bool) -> float:
    """By how many standard errors, within rounding, the treated's width is greater (below 0: smaller); 0 if unknown."""
    logs, slack, each = [], 0.0, 0.0
    for role, arm in zip(ROLES, arms, strict=True):
        row = f"table1.{numbers.side}[{name}].{role}"
        if arm.sd and arm.mean is not None:
            width, half, each = arm.sd / (arm.mean if logarithm else 1.0), numbers.half(f"{row}.sd") / arm.sd, SE_SD
        elif arm.q1 is not None and arm.q3 is not None and arm.q1 < arm.q3 and (arm.q1 > 0 or not logarithm):
            width, each = (log(arm.q3 / arm.q1) if logarithm else arm.q3 - arm.q1), SE_QUARTILES
            ends = numbers.half(f"{row}.q1"), numbers.half(f"{row}.q3")
            half = (ends[0] / arm.q1 + ends[1] / arm.q3 if logarithm else sum(ends)) / width
        else:
            return 0.0
        logs.append(log(width))
        slack += half
    apart = logs[1] - logs[0]
    se = each * sqrt(1 / arms[0].n + 1 / arms[1].n)
    return max(abs(apart) - slack, 0.0) / se * (1 if apart > 0 else -1)


def further(arms: tuple[InArm, InArm]) -> float:
    """By how many standard errors more of the treated are above the median of all, by the logarithm."""
    middle = mixed(arms, 0.5, True)
    return (arms[0].below(middle, True) - arms[1].below(middle, True)) / sqrt(0.25 / arms[0].n + 0.25 / arms[1].n)


def means_apart(numbers: PaperNumbers, name: str, arms: tuple[InArm, InArm]) -> tuple[float, float, float]:
    """The means of control and treated, and by how much their difference may be another.

    Means of 4.6 and 4.7 are 0.0 to 0.2 apart: a standardised difference of 0.244 beside SDs of 0.6 says 0.146, a p says
    as much by the t-test (< 0.001 the least). The mean of all stays; where nothing tells, so do those of the arms.
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
