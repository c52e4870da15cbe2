"""Graphs of states against closed forms: matrix exponentials, quadrature and convolution, errors noticed."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.linalg import expm

from simulator.numerics.streams import Luck
from simulator.world.generate import generate, resolve
from simulator.world.sections import World
from tests import graphs
from tests.graphs import constant, weibull
from tests.simulated import simple, z_of_mean

PATIENTS, SEED = 40_000, 8
Rates = dict[tuple[int, int], float]
EXPONENTIAL: dict[int, Rates] = {
    2: {(0, 1): 0.1},
    3: {(0, 1): 0.08, (0, 2): 0.03, (1, 2): 0.15},
    4: {(0, 1): 0.08, (0, 2): 0.03, (1, 2): 0.06, (0, 3): 0.05, (1, 3): 0.1},
    5: {(0, 1): 0.1, (0, 2): 0.06, (1, 3): 0.12, (2, 3): 0.05, (1, 2): 0.04, (0, 4): 0.02, (3, 4): 0.2, (2, 4): 0.07},
}
CUTS = (4.0, 9.0)
PIECES = (1.0, 2.2, 0.3)  # what the rates are multiplied by in each interval
HR = np.exp(-0.6)


def constant_world(size: int, shared: bool = False) -> World:
    """Constant rates between states; ``shared`` writes the ways to one state as one transition where rates agree."""
    states = [f"s{k}" for k in range(size)]
    ways = {
        f"from{i}to{j}": constant(
            rate, states[i], states[j], treatment={"log_hr": -0.6}, clock="reset" if j % 2 else None
        )
        for (i, j), rate in EXPONENTIAL[size].items()
    }
    if shared:  # every rate to a state is that of the first way to it
        ways = {}
        for j in range(1, size):
            starts = tuple(states[i] for i in range(size) if (i, j) in EXPONENTIAL[size])
            ways[f"to{j}"] = constant(merged(size)[(states.index(starts[0]), j)], starts, states[j])
    return graphs.world(states, ways)


def merged(size: int) -> Rates:
    """The rates with all ways to a state as fast as the first of them."""
    rates = EXPONENTIAL[size]
    return {(i, j): next(rate for (_, end), rate in sorted(rates.items()) if end == j) for i, j in rates}


def piecewise_world(size: int) -> World:
    """Rates that change at the same times in all transitions, on the forward clock."""
    states = [f"s{k}" for k in range(size)]
    ways = {}
    for (i, j), rate in EXPONENTIAL[size].items():
        baseline = {"kind": "piecewise", "cuts": CUTS, "rates": tuple(rate * factor for factor in PIECES)}
        effect = {"log_hr": (0.0, -0.6), "cuts": (6.0,)}
        ways[f"from{i}to{j}"] = {"from": states[i], "to": states[j], "baseline": baseline, "treatment": effect}
    return graphs.world(states, ways)


def entered(asked: World, arm: int = 0) -> NDArray[np.float64]:
    """When each state is entered ``(S, N)``, 0 in the first."""
    made = generate(resolve(asked), SEED, np.arange(1), PATIENTS).hidden.latent
    states = asked.outcomes.graph.states
    return np.stack([np.zeros(PATIENTS), *(made[f"at-{state}"][arm][0] for state in states[1:])])


def occupied(times: NDArray[np.float64], at: float) -> NDArray[np.int64]:
    """The state in which each patient is at a time ``(N,)``: the last that was entered."""
    found: NDArray[np.int64] = np.argmax(np.where(times <= at, times, -1.0), axis=0)
    return found


def generator(size: int, rates: Mapping[tuple[int, int], float], factor: float = 1.0) -> NDArray[np.float64]:
    """The matrix of rates."""
    made = np.zeros((size, size))
    for (i, j), rate in rates.items():
        made[i, j] = factor * rate
    return made - np.diag(made.sum(axis=1))


def faster(rates: Rates, way: tuple[int, int]) -> Rates:
    """The rates with one of them too high: by a tenth if many go that way, else by half."""
    return {**rates, way: (1.1 if way == (0, 1) else 1.5) * rates[way]}


def worst(
    times: NDArray[np.float64], right: Callable[[float], NDArray[np.float64]], at: Any = (3.0, 8.0, 15.0)
) -> float:
    """The largest distance of shares of patients from the probabilities of states, in Monte Carlo standard errors."""
    found = []
    for t in at:
        for state, chance in enumerate(right(t)):
            if 0.001 < chance < 0.999:
                found.append(abs(z_of_mean(occupied(times, t) == state, chance)))
    assert len(found) >= 2
    return max(found)


@pytest.mark.parametrize("size", [2, 3, 4, 5])
@pytest.mark.parametrize("arm", [0, 1])
def test_occupation_of_exponential_graphs_is_a_matrix_exponential(size: int, arm: int) -> None:
    times, factor = entered(constant_world(size), arm), (1.0, HR)[arm]
    rates = EXPONENTIAL[size]
    assert worst(times, lambda t: expm(generator(size, rates, factor) * t)[0]) < 4
    for way in rates:
        wrong = generator(size, faster(rates, way), factor)
        assert worst(times, lambda t, wrong=wrong: expm(wrong * t)[0]) > 4, way


@pytest.mark.parametrize("size", [3, 4, 5])
def test_a_transition_from_several_states_has_one_rate_in_all(size: int) -> None:
    times, rates = entered(constant_world(size, shared=True)), merged(size)
    assert worst(times, lambda t: expm(generator(size, rates) * t)[0]) < 4
    assert worst(times, lambda t: expm(generator(size, EXPONENTIAL[size]) * t)[0]) > 4


@pytest.mark.parametrize("size", [3, 4, 5])
def test_one_stream_for_all_states_that_a_transition_leaves_would_be_noticed(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Luck.uniform
    monkeypatch.setattr(Luck, "uniform", lambda self, stream: own(self, "/".join(stream.split("/")[:2])))
    times, rates = entered(constant_world(size, shared=True)), merged(size)
    assert worst(times, lambda t: expm(generator(size, rates) * t)[0]) > 4


@pytest.mark.parametrize("size", [2, 3, 4, 5])
@pytest.mark.parametrize("arm", [0, 1])
def test_occupation_of_piecewise_graphs_is_a_product_of_matrix_exponentials(size: int, arm: int) -> None:
    times, rates = entered(piecewise_world(size), arm), EXPONENTIAL[size]

    def right(t: float, off: float = 1.0) -> NDArray[np.float64]:
        product, ends = np.eye(size), (0.0, 4.0, 6.0, 9.0, np.inf)
        factors = (PIECES[0], PIECES[1] * off, PIECES[1] * (HR if arm else 1.0), PIECES[2] * (HR if arm else 1.0))
        for low, high, factor in zip(ends, ends[1:], factors, strict=False):
            product = product @ expm(generator(size, rates, factor) * max(0.0, min(t, high) - low))
        return product[0]

    assert worst(times, right, (3.0, 5.0, 8.0, 15.0)) < 4
    assert worst(times, lambda t: right(t, 1.15), (3.0, 5.0, 8.0, 15.0)) > 4


@pytest.mark.parametrize("size", [3, 4, 5])
def test_mean_times_in_states_are_those_of_the_inverse(size: int) -> None:
    times = entered(constant_world(size))
    last = np.sort(np.where(np.isfinite(times), times, np.inf), axis=0)
    rates = EXPONENTIAL[size]
    transient = sorted({i for i, _ in rates})

    def means(of: Rates) -> NDArray[np.float64]:
        matrix = generator(size, of)[np.ix_(transient, transient)]
        return np.linalg.inv(-matrix)[0]

    right, wrong = means(rates), means({way: 1.1 * rate for way, rate in rates.items()})
    for k, state in enumerate(transient):
        own = times[state]
        following = np.min(np.where(last > own, last, np.inf), axis=0)
        spent = np.where(np.isfinite(own), following - np.where(np.isfinite(own), own, 0.0), 0.0)
        assert abs(z_of_mean(spent, right[k])) < 4
        assert abs(z_of_mean(spent, wrong[k])) > 4


def test_cumulative_incidences_are_integrals() -> None:
    shapes = {"a": (1.4, 14.0), "b": (0.8, 20.0), "c": (1.0, 30.0)}
    ways = {k: {"baseline": {"kind": "weibull", "shape": p, "scale": s}} for k, (p, s) in shapes.items()}
    rivals = {k: tuple(other for other in shapes if other != k) for k in shapes}
    ends = {k: {"event": k, "competing": rivals[k]} for k in shapes}
    made = generate(
        resolve(simple(outcomes={"course": "competing", "transitions": ways}, endpoints=ends)),
        5,
        np.arange(1),
        PATIENTS,
    ).hidden.latent

    def hazard(t: float, which: str) -> float:
        shape, scale = shapes[which]
        return shape / scale * (t / scale) ** (shape - 1)

    def survival(t: float) -> float:
        return float(np.exp(-sum((t / scale) ** shape for shape, scale in shapes.values())))

    for which in shapes:
        for at in (4.0, 12.0):
            right = quad(lambda t, which=which: hazard(t, which) * survival(t), 0, at)[0]
            alone = 1 - np.exp(-((at / shapes[which][1]) ** shapes[which][0]))  # as if nothing competed
            share = made[which][0][0] <= at
            assert abs(z_of_mean(share, right)) < 4
            assert abs(z_of_mean(share, 1.1 * right)) > 4
            assert abs(z_of_mean(share, float(alone))) > 4


def density(shape: float, scale: float, t: float) -> float:
    """The hazard of a Weibull times its survival."""
    return shape / scale * (t / scale) ** (shape - 1) * np.exp(-((t / scale) ** shape))


@pytest.mark.parametrize("clock", ["forward", "reset"])
@pytest.mark.parametrize("shape", [0.7, 1.8])
def test_both_clocks_of_a_weibull_hazard_are_convolutions(clock: str, shape: float) -> None:
    first, later, direct = (1.3, 10.0), (shape, 12.0), 0.03
    ways = {
        "illness": weibull(*first, "well", "ill"),
        "death": constant(direct, "well", "dead"),
        "late-death": weibull(*later, "ill", "dead", clock=clock),
    }
    times = entered(graphs.world(("well", "ill", "dead"), ways))

    def ill(at: float, clock: str, factor: float = 1.0) -> float:
        def there(u: float) -> float:
            if clock == "reset":
                gathered = ((at - u) / later[1]) ** shape
            else:
                gathered = (at / later[1]) ** shape - (u / later[1]) ** shape
            return float(density(*first, u) * np.exp(-direct * u) * np.exp(-factor * gathered))

        return float(quad(there, 0, at, points=[1e-3])[0])

    other = "reset" if clock == "forward" else "forward"
    shares = {at: occupied(times, at) == 1 for at in (6.0, 12.0, 20.0)}
    assert max(abs(z_of_mean(share, ill(at, clock))) for at, share in shares.items()) < 4
    assert max(abs(z_of_mean(share, ill(at, clock, 1.1))) for at, share in shares.items()) > 4
    assert max(abs(z_of_mean(share, ill(at, other))) for at, share in shares.items()) > 4


@pytest.mark.parametrize("clock", ["forward", "reset"])
def test_steps_of_an_effect_run_on_the_clock_of_the_transition(clock: str) -> None:
    effect = {"log_hr": (0.0, 1.5), "cuts": (5.0,)}
    ways = {
        "illness": constant(0.2, "well", "ill"),
        "death": constant(0.08, "ill", "dead", clock=clock, treatment=effect),
    }
    times = entered(graphs.world(("well", "ill", "dead"), ways), 1)

    def ill(at: float, clock: str) -> float:
        def gathered(first: float, last: float) -> float:
            return 0.08 * (last - first + (np.exp(1.5) - 1) * (max(last, 5.0) - max(first, 5.0)))

        def there(u: float) -> float:
            span = (0.0, at - u) if clock == "reset" else (u, at)
            return float(0.2 * np.exp(-0.2 * u - gathered(*span)))

        return float(quad(there, 0, at, points=[5.0, at - 5.0])[0])

    other = "reset" if clock == "forward" else "forward"
    for at in (8.0, 14.0):
        share = occupied(times, at) == 1
        assert abs(z_of_mean(share, ill(at, clock))) < 4
        assert abs(z_of_mean(share, ill(at, other))) > 4


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("log_hr", [0.0, 1.2, -1.0])
def test_drop_out_after_a_state_is_that_of_a_further_way_out(log_hr: float, late: bool) -> None:
    """Leaving follow-up as a state of the chain, at a rate of its own in either state; a factor left out is noticed."""
    ill, rate, at = 0.1, 0.04, 12.0
    transitions = {"fall": constant(ill, "well", "ill"), "die": constant(0.0, "ill", "dead")}
    leaving = {arm: {"kind": "exponential", "rate": rate} for arm in "CT"}
    followup = {"cut_off": "2800-01-01", "dropout": leaving, "informative": {"after": {"ill": log_hr}}}
    start = {"start": {"wait": {"kind": "exponential", "rate": 0.2}}} if late else {}
    asked = graphs.world(
        ("well", "ill", "dead"), transitions, followup=followup,
        treatment={"kind": "prevalence", "share": 0.5, **start},
    )  # fmt: skip
    made = generate(resolve(asked), SEED, np.arange(PATIENTS // 40))

    def gone(after: float) -> float:
        chain = np.array([[-ill - rate, ill, rate], [0.0, -after, after], [0.0, 0.0, 0.0]])
        return float(expm(chain * at)[0, 2])

    left = made.observed.endpoints["at-dead"].time < at
    assert abs(z_of_mean(left.astype(float), gone(rate * np.exp(log_hr)))) < 4
    if log_hr:
        assert abs(z_of_mean(left.astype(float), gone(rate))) > 4
    plain = made.hidden.potential["at-dead"][0].time < at  # potential courses have a drop-out that tells nothing
    assert abs(z_of_mean(plain.astype(float), gone(rate))) < 4
