"""The simulator's kernels against plain formulas, each shown to be noticed when it is wrong."""

import functools
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.random import Generator, Philox
from scipy.special import ndtri

from simulator.mechanisms import covariates as installed
from simulator.mechanisms import hazards as installed_hazards
from simulator.mechanisms.margins import Quantiles
from tests.agreement import gap
from tests.planted import AGREEMENT, Gaps, Rooms, defects, noticed_by, unless
from tests.reference import simulator_twin as twin

SHARP = AGREEMENT / 4e-15  # what is right to the last digits is compared so
TERMS: dict[str, Any] = {  # of age, stage and grade
    "age": lambda row: row[0],
    "late": lambda row: row[1],
    "age>65": lambda row: row[0] > 65,
    "age>=65": lambda row: row[0] >= 65,
    "age<65": lambda row: row[0] < 65,
    "age<=65": lambda row: row[0] <= 65,
    "grade=2": lambda row: row[2] == 1,
    "grade>=2": lambda row: row[2] >= 1,
    "age*late": lambda row: row[0] * row[1],
    "age^3": lambda row: row[0] ** 3,
    "late*age>65*age": lambda row: row[1] * (row[0] > 65) * row[0],
    "late*age>=65": lambda row: row[1] * (row[0] >= 65),
    "late*age<=65": lambda row: row[1] * (row[0] <= 65),
}
SUMS = {
    "first": {"age": -0.02, "late": 0.7, "grade>=2": 0.3},
    "second": {"age>65": 0.3, "age>=65": 0.1, "age<65": -0.2, "age<=65": 0.05},
    "third": {"grade=2": 8.0, "age": 1.0},
    "products": {"late*age<=65": 3.0, "age^3": 1e-4, "late*age>65*age": 0.1, "late*age>=65": 2.0},
    "none": {},
}


def elementary(rooms: Rooms) -> Gaps:
    """Logarithms, exponentials and normal quantiles by other programs, to the last digits; a choice."""
    module, draw = rooms["simulator.numerics.elementary"], Generator(Philox(1))
    x = np.concatenate([draw.uniform(0, 9, 300), 10.0 ** draw.uniform(-300, 300, 60), [1.0, 2.0, 0.5]])
    yield SHARP * gap(module.minus_log(x), [-math.log(value) for value in x])
    x = np.concatenate([draw.uniform(-700, 709, 300), draw.normal(size=50), [0.0, -1e-18]])
    yield SHARP * gap(module.exp(x), [math.exp(value) for value in x])
    yield unless(module.exp(np.array([-np.inf, -760.0, 710.0, np.inf])) == [0.0, 0.0, np.inf, np.inf])
    tails = 2.0 ** -np.arange(1, 53)
    share = np.concatenate([draw.random(300), np.linspace(0.02, 0.98, 250), tails, 1 - tails])
    yield SHARP * gap(module.normal_quantile(share), ndtri(share))
    which, one, other = draw.random((3, 5)) < 0.5, draw.random((3, 5)), draw.random((3, 5))
    yield gap(module.choose(which, one, other), np.where(which, one, other))


def streams(rooms: Rooms) -> Gaps:
    """Addressed numbers, bit for bit."""
    module = rooms["simulator.numerics.streams"]
    for seed, replicate, patients, draw in ((1, 0, 3, 0), (7, 2**40, 6, 3), (2**60, 12, 37, 2**33)):
        made = module.Streams(seed).uniform("a", np.array([replicate, replicate + 1]), patients, draw)
        for row in (0, 1):
            truth = [twin.uniform(seed, "a", replicate + row, i, draw) for i in range(patients)]
            yield unless(made[row] == truth)


def _patients(n: int) -> Any:
    """Ages, some of exactly 65 or next to it, stages and grades ``(3, n)``."""
    draw = Generator(Philox(2))
    age = np.round(draw.uniform(60, 70, n))
    age[::7] = np.nextafter(65.0, 66.0)
    age[3::7] = 65.0
    return np.array([age, draw.integers(0, 2, n), draw.integers(0, 3, n)], float)


def _variables(rooms: Rooms) -> Any:
    variable = rooms["simulator.cohort.terms"].Variable
    return {
        "age": variable("age", "continuous"),
        "late": variable("late", "binary", ("no", "yes")),
        "grade": variable("grade", "ordinal", ("1", "2", "3")),
    }


def terms(rooms: Rooms) -> Gaps:
    """Every operator, and NaN."""
    values = _patients(40)
    values[:, -1] = values[0, -2] = np.nan
    made = rooms["simulator.cohort.terms"].design(tuple(TERMS), _variables(rooms), ("age", "late", "grade"), values.T)
    truth = np.array([term(values) for term in TERMS.values()], float).T
    truth[-1] = np.nan
    truth[-2, ["age" in term for term in TERMS]] = np.nan
    yield gap(made.x, truth)
    made = rooms["simulator.cohort.terms"].design(
        ("grade",), _variables(rooms), ("age", "late", "grade"), values.T[:-1]
    )
    yield gap(made.x, np.array([values[2, :-1] == 1, values[2, :-1] == 2]).T)


def predictors(rooms: Rooms) -> Gaps:
    """Sums of coefficient x term, of several hundred patients."""
    values = _patients(300)
    ready = rooms["simulator.cohort.predictors"].resolve(SUMS, _variables(rooms))
    made = ready.of(values.reshape(3, 2, 150)).reshape(-1, 300)
    for name, coefficients in SUMS.items():
        truth = sum((c * TERMS[text](values) for text, c in coefficients.items()), np.zeros(300))
        yield gap(made[ready.rows[name]], truth, 1.0)


HAZARDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Exponential", {"kind": "exponential", "rate": 0.1}),
    ("Weibull", {"kind": "weibull", "shape": 1.4, "scale": 12.0}),
    ("Piecewise", {"kind": "piecewise", "cuts": (3.0, 6.0, 9.0), "rates": (0.1, 0.0, 0.3, 0.05)}),
    ("Piecewise", {"kind": "piecewise", "cuts": (3.0, 6.0), "rates": (0.2, 0.1, 0.0)}),
)
EFFECTS: tuple[dict[str, Any], ...] = ({"log_hr": 0.0}, {"log_hr": -0.7}, {"log_hr": (0.5, -1.0), "cuts": (4.0,)})


def _exposure(n: int) -> Any:
    return Generator(Philox(3)).exponential(size=n)


@functools.cache
def _slow_times(hazard: int, effect: int) -> list[float]:
    kind, spec = HAZARDS[hazard]
    made = getattr(installed_hazards, kind)(**spec), installed_hazards.Effect(**EFFECTS[effect])
    return [twin.time_of(*made, exposure) for exposure in _exposure(25)]


def hazards(rooms: Rooms) -> Gaps:
    """Times at which a hazard has accumulated its exposure, by bisection."""
    module = rooms["simulator.mechanisms.hazards"]
    for h, (kind, spec) in enumerate(HAZARDS):
        for e, effect in enumerate(EFFECTS):
            hazard = getattr(module, kind)(**spec).pieces().under(module.Effect(**effect))
            times = hazard.time(np.tile(_exposure(25), 30).reshape(2, -1))
            yield gap(times.reshape(30, 25), [_slow_times(h, e)] * 30)


def graph(rooms: Rooms) -> Gaps:
    """Where the earliest of three edges leads, two of them to one state; the first time of several states."""
    module = rooms["simulator.mechanisms.graph"]
    edges = [module.Edge(name, name, "a", end, True) for name, end in (("p", "b"), ("q", "c"), ("r", "b"))]
    p, q, r = np.split(_exposure(24).reshape(1, 24), 3, axis=1)
    r[0, 0] = q[0, 0] = p[0, 0] / 2  # of equal times the last counts
    q[0, 1] = r[0, 1] = p[0, 1] = np.inf
    found = module.first_of(edges, [p, q, r])
    slow = [
        min((-k, time, "bcb"[k]) for k, time in enumerate(t) if time == min(t))[1:]
        for t in zip(p[0], q[0], r[0], strict=True)
    ]
    for end in "bc":
        yield gap(found[end][0], [time if led == end else np.inf for time, led in slow])
    course = module.Course(module.Graph(("a", "b", "c"), tuple(edges)), found)
    yield gap(course.end[0], [time for time, _ in slow])


POPULATION: dict[str, Any] = {
    "size": 50,
    "covariates": {
        "a": {"kind": "binary", "shares": {"no": 0.7, "yes": 0.3}},
        "b": {"kind": "ordinal", "shares": {"1": 0.2, "2": 0.5, "3": 0.3}},
        "c": {"kind": "ordinal", "shares": {"1": 0.3, "2": 0.2, "3": 0.2, "4": 0.3}},
    },
    "correlation": {"a": {"b": 0.6, "c": -0.5}, "b": {"c": 0.1}},
}


@functools.cache
def _slow_covariates(patients: int) -> Any:
    population = installed.Population(**POPULATION)
    ready = SimpleNamespace(world=SimpleNamespace(population=population), baseline=installed.resolve(population))
    rows = [[twin.covariates(ready, 5, r, i) for i in range(patients)] for r in range(2)]  # type: ignore[arg-type]
    return [[[one[name] for one in row] for row in rows] for name in "abc"]


def covariates(rooms: Rooms) -> Gaps:
    """Values of correlated covariates patient by patient."""
    module = rooms["simulator.mechanisms.covariates"]
    ready = module.resolve(module.Population(**POPULATION))
    values = ready.draw(rooms["simulator.numerics.streams"].Streams(5), np.arange(2), 50)
    yield gap(values, _slow_covariates(50))
    yield gap(module.by_patient(values), np.moveaxis(values, 0, -1))


def margins(rooms: Rooms) -> Gaps:
    """Positions of levels, and interpolation in a table of quantiles."""
    z, out = Generator(Philox(6)).normal(size=200), np.empty(200)
    knots, table = np.array([-8.3, -0.4, 0.5, 8.3]), np.cumsum(np.arange(1.0, 16.0)).reshape(3, 5) ** 1.3
    rooms["simulator.mechanisms.margins"].Quantiles(knots, table).fill(z, out)
    yield gap(out, [twin.value(Quantiles(knots, table), [], value) for value in z])
    rooms["simulator.mechanisms.margins"].LevelThresholds(knots[1:3]).fill(z, out)
    yield gap(out, (z[:, None] > knots[1:3]).sum(axis=1))


def randomisation(rooms: Rooms) -> Gaps:
    """Places of permuted blocks, taken one after the other in an order of entry."""
    draw = Generator(Philox(8))
    order = np.array([draw.permutation(30) for _ in range(4)])
    stratum, luck = draw.integers(0, 3, (4, 30)), draw.random((4, 30))
    treated = np.empty((4, 30), np.bool_)
    rooms["simulator.mechanisms.randomisation"].fill_blocks(order, stratum, luck, 3, 3, 1, treated)
    for r in range(4):
        places: dict[int, list[bool]] = {}
        for i in order[r]:
            block = places.setdefault(stratum[r, i], [])
            if not block:
                block += [True, False, False]
            truth = bool(luck[r, i] < sum(block) / len(block))
            block.remove(truth)
            yield unless(treated[r, i] == truth)


DEFECTS = [
    *defects(
        "simulator.mechanisms.randomisation",
        randomisation,
        ("fill_blocks", "all strata in the same blocks", "s = stratum[r, patient]", "s = 0"),
        ("fill_blocks", "patients in the order of their numbers", "patient = order[r, i]", "patient = i"),
        ("fill_blocks", "a coin of the first chance", "left[s] -= takes", "left[s] -= 0"),
        ("fill_blocks", "a place is never used up", "places[s] -= 1", "places[s] -= places[s]"),
    ),
    *defects(
        "simulator.numerics.elementary",
        elementary,
        (
            "_log",
            "a logarithm without its last digits",
            "(half_square + series) + k * _LN2_LOW",
            "(half_square + series)",
        ),
        ("_log", "a logarithm of half the square", "half_square = 0.5 * f * f", "half_square = 0.25 * f * f"),
        ("_exp", "a sign in the exponent's reduction", "r = (x - k * _LN2_HIGH) - k", "r = (x - k * _LN2_HIGH) + k"),
        ("_exp", "one coefficient of the exponential", "1.0 / 720.0", "1.0 / 721.0"),
        ("_exp", "large exponents cut off", "min(max(x, -800.0), 800.0)", "min(max(x, -700.0), 700.0)"),
        (
            "_normal_quantiles",
            "the two tails exchanged",
            "beyond[j] if u[where[j]] > 0.5",
            "beyond[j] if u[where[j]] < 0.5",
        ),
        (
            "_normal_quantiles",
            "the centre too far out",
            "tails += abs(u[i] - 0.5) > 0.425",
            "tails += abs(u[i] - 0.5) > 0.46",
        ),
        (
            "_normal_quantiles",
            "the far tail forgotten",
            "_far_tail(r[j]) if r[j] > 5.0",
            "_far_tail(r[j]) if r[j] > 50.0",
        ),
        ("_centre", "one coefficient of the centre", "5.2264952788528545610e3", "5.2264952798528545610e3"),
        ("_tail", "one coefficient of the tail", "7.74545014278341407640e-4 * r", "7.74545014278341407640e-5 * r"),
        (
            "_far_tail",
            "one coefficient of the far tail",
            "2.01033439929228813265e-7 * r",
            "2.01033439929228813265e-6 * r",
        ),
        ("_minus_logs", "the sign of a logarithm", "out[i] = -_log(x[i])", "out[i] = _log(x[i])"),
        ("_exps", "the sign of an exponent", "out[i] = _exp(x[i])", "out[i] = _exp(-x[i])"),
        ("_choose", "the other of two", "one[i] if which[i] else other[i]", "other[i] if which[i] else one[i]"),
    ),
    *defects(
        "simulator.numerics.streams",
        streams,
        ("fill_uniform", "nine rounds", "range(10)", "range(9)"),
        ("fill_uniform", "the keys' steps exchanged", "k0 += _W0", "k0 += _W1"),
        ("fill_uniform", "words exchanged", "^ k0, low1, high0 ^ c3 ^ k1, low0", "^ k0, low0, high0 ^ c3 ^ k1, low1"),
        ("_product", "a carry lost", "(middle >> _HALF) + (other >> _HALF)", "(middle >> _HALF)"),
        ("fill_uniform", "the draw is not in the address", "np.uint64(draw)", "np.uint64(0)"),
        ("fill_uniform", "the place in the block is in the address", "np.uint64(replicates[r])", "np.uint64(r)"),
        ("fill_uniform", "the last patients share a word", "words[rest, quads]", "words[0, quads]"),
        ("fill_uniform", "zero is possible", "+ 0.5) * _TO_UNIT", ") * _TO_UNIT", 4),
    ),
    *defects(
        "simulator.cohort.terms",
        terms,
        ("fill_columns", "the lower bound excluded", "(v >= low[p])", "(v > low[p])"),
        ("fill_columns", "the upper bound excluded", "(v <= high[p])", "(v < high[p])"),
        ("fill_columns", "a missing value is a no", "v if (v != v) | (low", "v if (low"),
        ("fill_columns", "another variable's values", "v = values[i, source[p]]", "v = values[i, 0]"),
        ("multiply_columns", "a lower bound excluded", "(v >= low[s])", "(v > low[s])"),
        ("multiply_columns", "an upper bound excluded", "(v <= high[s])", "(v < high[s])"),
        ("multiply_columns", "a missing factor is a no", "v if (v != v) | (low", "v if (low"),
        ("multiply_columns", "a factor in the place of a product", "x[i, column[s]] *=", "x[i, column[s]] ="),
        ("multiply_columns", "another term is multiplied", "x[i, column[s]]", "x[i, s]"),
        ("_columns_of", "a power too few", "* part.power", "* max(part.power - 1, 1)"),
        (
            "bounds",
            "above includes the number itself",
            "math.nextafter(operand, math.inf), math.inf",
            "operand, math.inf",
        ),
    ),
    *defects(
        "simulator.cohort.predictors",
        predictors,
        ("_add_terms", "the lower bound excluded", "= (value[i] >= low)", "= (value[i] > low)"),
        ("_add_terms", "the upper bound excluded", "(value[i] <= high)", "(value[i] < high)", 2),
        ("_add_terms", "a factor of another term", "columns[products[f, 0]]", "columns[f]"),
        ("_add_terms", "the last factor alone", "column[i] *= value[i]", "column[i] = value[i]"),
        ("_add_terms", "a factor's lower bound", "else (value[i] >= low)", "else (value[i] > low)"),
        ("resolve", "no second factor", "for part in parts[1:]", "for part in parts[2:]"),
        ("_add_terms", "terms of another sum", "columns[terms[p, place]]", "columns[place]"),
        (
            "_add_terms",
            "the last term alone",
            "total[i] += coefficient * column[i]",
            "total[i] = coefficient * column[i]",
        ),
        (
            "_add_terms",
            "every strip is the first",
            "values[variables[t], first : first + count]",
            "values[variables[t], :count]",
        ),
    ),
    *defects(
        "simulator.mechanisms.hazards",
        hazards,
        ("_reach", "time from the start of a piece", "start + np.divide(asked", "0.0 + np.divide(asked"),
        ("_reach", "all exposure in the last piece", "np.divide(asked[i] - before, rate)", "np.divide(asked[i], rate)"),
        ("_reach", "a rate for a mean", "np.divide(asked[i] - before, rate)", "(asked[i] - before) * rate"),
        (
            "_reach",
            "no hazard taken for its end",
            "if asked[i] < before else np.inf",
            "if asked[i] < before else start",
        ),
        ("Hazard.under", "the sign of an effect", "rates * exp(log_hr)", "rates * exp(-log_hr)"),
        ("Hazard.time", "the wrong power of time", "time ** (1.0 / self.power)", "time**self.power"),
    ),
    *defects(
        "simulator.mechanisms.graph",
        graph,
        ("first_of", "a tie goes to the first", "sooner = time < earliest", "sooner = time <= earliest"),
        ("first_of", "the last edge is always taken", "taken = choose(sooner, never, taken)", "taken = taken"),
        (
            "first_of",
            "the latest of all edges",
            "earliest = np.minimum(time, earliest)",
            "earliest = np.maximum(time, earliest)",
        ),
        (
            "Course.first",
            "the last of several states",
            "np.minimum(time, self.entered[state])",
            "np.maximum(time, self.entered[state])",
        ),
    ),
    *defects(
        "simulator.mechanisms.covariates",
        covariates,
        ("_add", "the sign of a correlation", "total[i] += weight * other[i]", "total[i] -= weight * other[i]"),
        (
            "_add",
            "the weight of a correlation",
            "total[i] += weight * other[i]",
            "total[i] += weight * weight * other[i]",
        ),
        ("_turn", "the first covariate in every column", "out[i, k] = values[k, i]", "out[i, k] = values[0, i]"),
    ),
    *defects(
        "simulator.mechanisms.margins",
        margins,
        ("_levels", "levels downwards", "z[i] > threshold", "z[i] < threshold"),
        ("_interpolate", "a piece too late", "piece += z[i] > knots[j]", "piece += z[i] > knots[j + 1]"),
        ("_interpolate", "the interpolation turned round", "low + (place - step) *", "low + (1.0 - place + step) *"),
        ("_interpolate", "no interpolation", "low + (place - step) *", "low + 0.0 *"),
    ),
]

test_the_plain_kernels_agree_with_the_slow_twins, test_a_planted_defect_is_noticed = noticed_by(DEFECTS)
