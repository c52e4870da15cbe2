"""Numbers as a paper prints them."""

from math import isfinite, isinf

from analysis.paper.effects import HazardRatio

ABSENT = "–"


def hr_text(effect: HazardRatio) -> str:
    """'0.36 (0.27, 0.49)', or the status of a failed fit and where the ratio runs."""
    if not isfinite(effect.hr):
        if effect.sign is not None:
            return f"{ABSENT} (no finite ratio: {'infinite' if effect.sign == '+' else '0'} in the limit)"
        return f"{ABSENT} ({effect.status.name.lower().replace('_', ' ')})" if effect.status else ABSENT
    return f"{_ratio(effect.hr)} ({_ratio(effect.low)}, {_ratio(effect.high)})"


def p_text(p: float) -> str:
    """'<0.001', '0.048', '>0.999'; a dash where there is none."""
    if not isfinite(p):
        return ABSENT
    if p < 0.001:
        return "<0.001"
    return ">0.999" if p > 0.999 else f"{p:.3f}"


def count_text(n: int, percent: float) -> str:
    """'58 (22.9%)', '0 (0)'."""
    return f"{n} ({decimals(percent, 1)}%)" if n else "0 (0)"


def decimals(value: float, digits: int | None) -> str:
    """The number with so many decimals, or with about three significant digits; a dash where there is none."""
    if not isfinite(value):
        return ABSENT
    if digits is None:
        digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f}"


def _ratio(value: float) -> str:
    if isinf(value) or value > 999:
        return ">999"
    return f"{value:.2f}" if value >= 0.005 else f"{value:.1e}"
