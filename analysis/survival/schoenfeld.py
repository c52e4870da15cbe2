"""Events that a log-rank or Cox test needs under proportional hazards.

Schoenfeld (1983), Biometrics 39:499-503: events = (z_(1 - alpha/2) + z_power)^2 / (p (1 - p) log(HR)^2), where a share
p of patients is treated. Collett (2015), Modelling Survival Data in Medical Research, 3rd ed., section 15.2.
"""

from math import log, sqrt

from scipy.special import ndtr, ndtri


def events_needed(hazard_ratio: float, power: float, treated: float = 0.5, alpha: float = 0.05) -> float:
    """The number of events for that power of the two-sided test; +inf where the hazard ratio is 1."""
    if hazard_ratio == 1.0:
        return float("inf")
    z = float(ndtri(1 - alpha / 2) + ndtri(power))
    return z**2 / (treated * (1 - treated) * log(hazard_ratio) ** 2)


def power_at(events: float, hazard_ratio: float, treated: float = 0.5, alpha: float = 0.05) -> float:
    """The power, on the side of the effect, with so many events."""
    return float(ndtr(sqrt(events * treated * (1 - treated)) * abs(log(hazard_ratio)) - ndtri(1 - alpha / 2)))


def events_for_width(width: float, treated: float = 0.5, level: float = 0.95) -> float:
    """The number of events at which the interval of the log hazard ratio is so wide."""
    z = float(ndtri(0.5 + level / 2))
    return float((2 * z / width) ** 2 / (treated * (1 - treated)))
