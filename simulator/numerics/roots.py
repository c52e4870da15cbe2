"""`brentq`: scipy's, imported when it is first called; a document without anything to solve should not wait for it."""

from collections.abc import Callable


def brentq(function: Callable[[float], float], low: float, high: float, xtol: float, maxiter: int = 100) -> float:
    """The root of the function between two ends where its signs differ, by Brent's method, to within ``xtol``."""
    from scipy.optimize import brentq as found_by_scipy  # slow to import

    return float(found_by_scipy(function, low, high, xtol=xtol, maxiter=maxiter))
