"""Random numbers: Philox at addresses, bit for bit."""

import numpy as np
import pytest
from scipy.stats import kstest

from simulator.numerics.streams import Streams, fill_uniform
from tests.reference import simulator_twin as twin

# Random123, kat_vectors: philox4x64-10, counter, key, output.
KNOWN = [
    (
        (0, 0, 0, 0),
        (0, 0),
        (0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B),
    ),
    (
        (2**64 - 1,) * 4,
        (2**64 - 1,) * 2,
        (0x87B092C3013FE90B, 0x438C3C67BE8D0224, 0x9CC7D7C69CD777B6, 0xA09CAEBF594F0BA0),
    ),
    (
        (0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0, 0x082EFA98EC4E6C89),
        (0x452821E638D01377, 0xBE5466CF34E90C6C),
        (0xA528F45403E61D95, 0x38C72DBD566E9788, 0xA5A1610E72FD18B5, 0x57BD43B5E52B7FE6),
    ),
]


@pytest.mark.parametrize(("counter", "key", "output"), KNOWN)
def test_the_twin_is_the_published_generator(counter, key, output):
    assert tuple(twin.philox(counter, key)) == output


def test_a_published_vector_comes_out_of_the_kernel():
    out = np.empty((1, 4))
    fill_uniform(np.uint64(0), np.uint64(0), np.zeros(1, np.int64), 0, out)
    assert out[0].tolist() == [((word >> 12) + 0.5) / 2**52 for word in KNOWN[0][2]]


def test_every_number_is_numpys_philox_at_its_address():
    addresses = np.random.default_rng(1)
    for _ in range(60):
        seed, draw = int(addresses.integers(2**62)), int(addresses.integers(2**40))
        replicate, patients = int(addresses.integers(2**63 - 1)), int(addresses.integers(1, 40))
        stream = f"name-{addresses.integers(100)}"
        made = Streams(seed).uniform(stream, np.array([replicate]), patients, draw)[0]
        assert made.tolist() == [twin.uniform(seed, stream, replicate, i, draw) for i in range(patients)]


def test_a_number_does_not_depend_on_block_order_or_size():
    streams, replicates = Streams(7), np.arange(50, 81)
    whole = streams.uniform("a", replicates, 101)
    for cut in (1, 13, 30):
        parts = [streams.uniform("a", part, 101) for part in (replicates[:cut], replicates[cut:])]
        assert np.array_equal(np.concatenate(parts), whole)
    assert np.array_equal(streams.uniform("a", replicates[::-1].copy(), 101), whole[::-1])
    for patients in (1, 2, 3, 4, 5, 100):
        assert np.array_equal(streams.uniform("a", replicates, patients), whole[:, :patients])


@pytest.mark.parametrize("kind", ["normal", "exponential"])
def test_transformed_numbers_do_not_depend_on_the_block(kind):
    draw = getattr(Streams(7), kind)
    whole = draw("a", np.arange(33), 37)
    assert np.array_equal(np.concatenate([draw("a", np.array([r]), 37) for r in range(33)]), whole)
    assert np.array_equal(draw("a", np.arange(33), 5), whole[:, :5])


def test_the_interval_is_open_at_both_ends():
    assert 0 < ((0 >> 12) + 0.5) * 2.0**-52
    assert (((2**64 - 1) >> 12) + 0.5) * 2.0**-52 < 1
    made = Streams(3).uniform("a", np.arange(20), 50_000)
    assert made.min() > 0
    assert made.max() < 1
    assert np.isfinite(Streams(3).normal("a", np.arange(20), 50_000)).all()


def test_numbers_are_uniform_normal_and_exponential():
    streams, replicates = Streams(11), np.arange(50)
    assert kstest(streams.uniform("a", replicates, 2000).ravel(), "uniform").pvalue > 1e-4
    assert kstest(streams.normal("a", replicates, 2000).ravel(), "norm").pvalue > 1e-4
    assert kstest(streams.exponential("a", replicates, 2000).ravel(), "expon").pvalue > 1e-4
    assert kstest(streams.uniform("a", replicates, 2000).ravel() ** 1.02, "uniform").pvalue < 1e-4


def test_seeds_streams_draws_replicates_and_patients_are_uncorrelated():
    n = 200_000
    first = Streams(1).uniform("a", np.array([0]), n)[0]
    others = {
        "seed": Streams(2).uniform("a", np.array([0]), n)[0],
        "stream": Streams(1).uniform("b", np.array([0]), n)[0],
        "draw": Streams(1).uniform("a", np.array([0]), n, draw=1)[0],
        "replicate": Streams(1).uniform("a", np.array([1]), n)[0],
        "neighbour": np.roll(first, 1),
    }
    for name, other in others.items():
        assert abs(np.corrcoef(first, other)[0, 1]) * np.sqrt(n) < 4, name
    assert abs(np.corrcoef(first, first + 20 * others["seed"])[0, 1]) * np.sqrt(n) > 4


def test_seed_and_name_cannot_be_mixed_up():
    assert Streams(1).key("1/a") != Streams(11).key("a")
    assert Streams(1).key("a") != Streams(1).key("a ")


def test_a_negative_seed_is_refused():
    with pytest.raises(ValueError, match="at least 0, not -1"):
        Streams(-1)
