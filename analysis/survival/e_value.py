"""E-values: how strong an unmeasured confounder must be, by a bound in closed form.

VanderWeele & Ding (2017), Annals of Internal Medicine 167:268-274; for a common outcome with their square-root
approximation of the risk ratio by the hazard ratio.
"""

from math import sqrt


def e_value(ratio: float) -> float:
    """The E-value of a risk ratio: the least strength, the same on both sides, that could explain it away."""
    above = max(ratio, 1.0 / ratio)
    return above + sqrt(above * (above - 1.0))


def risk_ratio(hazard_ratio: float) -> float:
    """About the risk ratio that belongs to a hazard ratio where the outcome is common."""
    return float((1.0 - 0.5 ** sqrt(hazard_ratio)) / (1.0 - 0.5 ** sqrt(1.0 / hazard_ratio)))


def e_values(published: float, bound: float) -> dict[str, tuple[float, float]]:
    """E-values of the point and of the bound nearer to no effect; 1 where the interval holds no effect."""
    crossed = (published - 1.0) * (bound - 1.0) <= 0
    return {
        "rare outcome": (e_value(published), 1.0 if crossed else e_value(bound)),
        "common outcome": (e_value(risk_ratio(published)), 1.0 if crossed else e_value(risk_ratio(bound))),
    }
