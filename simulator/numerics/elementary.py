"""Elementary functions of whole arrays: logarithm, exponential, normal quantile, and a choice between two arrays.

They are plain arithmetic without branches, which a compiler turns into vectors. A value depends on nothing but its
argument: not on its place in the array, nor on the processor (numpy's own `log` and `exp` differ in the last digit from
one kind of processor to another). Logarithm and exponential are right to 2 units in the last place, quantiles to 1e-15.
"""

import math
from typing import Any, TypeVar

import numpy as np

from simulator.numerics.arrays import Bools, Floats
from simulator.numerics.compiled import kernel

Either = TypeVar("Either", Floats, Bools)

_STRIP = 512  # what one processor core's nearest memory holds several times
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10  # the first times any exponent is exact
_WHOLE = 1.5 * 2.0**52  # added to a small number, it leaves the nearest whole number in the last bits


@kernel
def _log(x: float) -> float:
    """The logarithm of a positive, normal, finite number, as fdlibm has it (Sun Microsystems 1993, e_log.c)."""
    bits = np.float64(x).view(np.int64)
    exponent = (bits - np.int64(0x3FE6A09E667F3BCD)) >> np.int64(52)  # the mantissa is from sqrt(1/2) to sqrt(2)
    f = np.int64(bits - (exponent << np.int64(52))).view(np.float64) - 1.0
    s = np.divide(f, 2.0 + f)
    z = s * s
    series = z * 1.479819860511658591e-01 + 1.531383769920937332e-01
    series = z * series + 1.818357216161805012e-01
    series = z * series + 2.222219843214978396e-01
    series = z * series + 2.857142874366239149e-01
    series = z * series + 3.999999999940941908e-01
    series = z * (z * series + 6.666666666666735130e-01)
    half_square = 0.5 * f * f
    k = float(exponent)
    return float(k * _LN2_HIGH - ((half_square - (s * (half_square + series) + k * _LN2_LOW)) - f))


@kernel
def _exp(x: float) -> float:
    """The exponential: 2^k times a Taylor series on (-log(2) / 2, log(2) / 2), whose rest is below 5e-18."""
    x = min(max(x, -800.0), 800.0)  # beyond, all is 0 or infinite
    shifted = x * 1.4426950408889634 + _WHOLE
    k = shifted - _WHOLE
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    series = r / 6227020800.0 + 1.0 / 479001600.0
    series = r * series + 1.0 / 39916800.0
    series = r * series + 1.0 / 3628800.0
    series = r * series + 1.0 / 362880.0
    series = r * series + 1.0 / 40320.0
    series = r * series + 1.0 / 5040.0
    series = r * series + 1.0 / 720.0
    series = r * series + 1.0 / 120.0
    series = r * series + 1.0 / 24.0
    series = r * series + 1.0 / 6.0
    series = r * series + 0.5
    power = (np.float64(shifted).view(np.int64) << np.int64(32)) >> np.int64(32)
    half = power >> np.int64(1)  # 2^k in two factors, since k may be beyond the exponents of normal numbers
    first = np.int64((half + np.int64(1023)) << np.int64(52)).view(np.float64)
    second = np.int64((power - half + np.int64(1023)) << np.int64(52)).view(np.float64)
    return (1.0 + (r + r * r * series)) * first * second


@kernel
def _centre(q: float) -> float:
    """The normal quantile of 0.5 + q for q from -0.425 to 0.425."""
    r = 0.180625 - q * q
    over = 2.5090809287301226727e3 * r + 3.3430575583588128105e4
    over = over * r + 6.7265770927008700853e4
    over = over * r + 4.5921953931549871457e4
    over = over * r + 1.3731693765509461125e4
    over = over * r + 1.9715909503065514427e3
    over = over * r + 1.3314166789178437745e2
    over = over * r + 3.3871328727963666080e0
    under = 5.2264952788528545610e3 * r + 2.8729085735721942674e4
    under = under * r + 3.9307895800092710610e4
    under = under * r + 2.1213794301586595867e4
    under = under * r + 5.3941960214247511077e3
    under = under * r + 6.8718700749205790830e2
    under = under * r + 4.2313330701600911252e1
    return float(np.divide(q * over, under * r + 1.0))


@kernel
def _tail(r: float) -> float:
    """Minus the normal quantile of a share p below 0.075, from r = sqrt(-log(p)) <= 5."""
    r -= 1.6
    over = 7.74545014278341407640e-4 * r + 2.27238449892691845833e-2
    over = over * r + 2.41780725177450611770e-1
    over = over * r + 1.27045825245236838258e0
    over = over * r + 3.64784832476320460504e0
    over = over * r + 5.76949722146069140550e0
    over = over * r + 4.63033784615654529590e0
    over = over * r + 1.42343711074968357734e0
    under = 1.05075007164441684324e-9 * r + 5.47593808499534494600e-4
    under = under * r + 1.51986665636164571966e-2
    under = under * r + 1.48103976427480074590e-1
    under = under * r + 6.89767334985100004550e-1
    under = under * r + 1.67638483018380384940e0
    under = under * r + 2.05319162663775882187e0
    return float(np.divide(over, under * r + 1.0))


@kernel
def _far_tail(r: float) -> float:
    """As `_tail`, for r > 5."""
    r -= 5.0
    over = 2.01033439929228813265e-7 * r + 2.71155556874348757815e-5
    over = over * r + 1.24266094738807843860e-3
    over = over * r + 2.65321895265761230930e-2
    over = over * r + 2.96560571828504891230e-1
    over = over * r + 1.78482653991729133580e0
    over = over * r + 5.46378491116411436990e0
    over = over * r + 6.65790464350110377720e0
    under = 2.04426310338993978564e-15 * r + 1.42151175831644588870e-7
    under = under * r + 1.84631831751005468180e-5
    under = under * r + 7.86869131145613259100e-4
    under = under * r + 1.48753612908506148525e-2
    under = under * r + 1.36929880922735805310e-1
    under = under * r + 5.99832206555887937690e-1
    return float(np.divide(over, under * r + 1.0))


@kernel
def _minus_logs(x: Floats, out: Floats) -> None:
    for i in range(x.size):
        out[i] = -_log(x[i])


@kernel
def _exps(x: Floats, out: Floats) -> None:
    for i in range(x.size):
        out[i] = _exp(x[i])


@kernel
def _choose(which: Bools, one: Any, other: Any, out: Any) -> None:
    for i in range(out.size):
        out[i] = one[i] if which[i] else other[i]


@kernel
def _normal_quantiles(share: Floats, out: Floats) -> None:
    """Wichura (1988), Algorithm AS 241, Applied Statistics 37:477, PPND16; the tails of each strip are gathered."""
    r, beyond, where = np.empty(_STRIP), np.empty(_STRIP), np.empty(_STRIP + 1, np.int64)
    for first in range(0, share.size, _STRIP):
        u, z = share[first : first + _STRIP], out[first : first + _STRIP]
        for i in range(z.size):
            z[i] = _centre(u[i] - 0.5)
        tails = 0
        for i in range(z.size):
            where[tails] = i
            tails += abs(u[i] - 0.5) > 0.425
        for j in range(tails):
            r[j] = min(u[where[j]], 1.0 - u[where[j]])
        far = 0
        for j in range(tails):
            r[j] = math.sqrt(-_log(r[j]))
            far += r[j] > 5.0
        for j in range(tails):
            beyond[j] = _tail(r[j])
        if far:
            for j in range(tails):
                beyond[j] = _far_tail(r[j]) if r[j] > 5.0 else beyond[j]
        for j in range(tails):
            z[where[j]] = beyond[j] if u[where[j]] > 0.5 else -beyond[j]


def minus_log(x: Floats) -> Floats:
    """Minus the natural logarithms of positive, finite, normal numbers of any shape."""
    out = np.empty(x.shape)
    _minus_logs(x.reshape(-1), out.reshape(-1))
    return out


def exp(x: Floats) -> Floats:
    """Exponentials of numbers of any shape; 0 and +inf where they are too small or too large for a float."""
    out = np.empty(x.shape)
    _exps(x.reshape(-1), out.reshape(-1))
    return out


def normal_quantile(share: Floats) -> Floats:
    """Standard normal quantiles of shares of any shape, each from 2^-53 to 1 - 2^-53."""
    out = np.empty(share.shape)
    _normal_quantiles(share.reshape(-1), out.reshape(-1))
    return out


def summed(x: Floats) -> Floats:
    """The sums over the first axis, added one after the other.

    Numpy's own sum adds in pairs where the rest is a single number: one replicate alone would differ in the last digit
    from the same one in a block.
    """
    total: Floats = np.cumsum(x, axis=0)[-1]
    return total


def choose(which: Bools, one: Either, other: Either) -> Either:
    """`numpy.where` of three arrays of one shape: it does not guess, which costs time where ``which`` is random."""
    out = np.empty_like(one)
    _choose(which.reshape(-1), one.reshape(-1), other.reshape(-1), out.reshape(-1))
    return out
