"""Treatment: three ways of allotting it, calibrated propensities, and the published table by arm."""

import itertools

import numpy as np
import pytest
from scipy.special import expit

from simulator.cohort.cohorts import Cohorts
from simulator.mechanisms.treatment import Allocation, Fixed, Logistic, Prevalence, largest, solve_intercept
from simulator.numerics.streams import Streams
from simulator.world.generate import generate, resolve
from tests.simulated import cohorts, paper, paper_cohorts, simple, z_of_mean

REFERENCE = 1.3 * Streams(0).normal("predictor", np.zeros(1, np.int64), 100_000)


def predictor(replicates: int, patients: int) -> np.ndarray:
    return 1.3 * Streams(9).normal("predictor", np.arange(replicates), patients)


def z_by_stratum(treated: np.ndarray, propensity: np.ndarray) -> np.ndarray:
    """Monte Carlo z of observed less expected treatment in fifths of the propensity."""
    edges = np.quantile(propensity, [0, 0.2, 0.4, 0.6, 0.8, 1])
    inside = [(propensity >= low) & (propensity <= high) for low, high in itertools.pairwise(edges)]
    return np.array([z_of_mean((treated - propensity)[mask], 0.0) for mask in inside])


@pytest.mark.parametrize("share", [0.001, 0.05, 0.4, 0.93])
@pytest.mark.parametrize("kind", [Prevalence, Fixed])
def test_the_intercept_gives_the_stated_share(kind, share):
    spec = kind(kind=kind.__name__.lower(), share=share)
    assert abs(expit(solve_intercept(spec, REFERENCE) + REFERENCE).mean() - share) < 1e-12
    assert abs(expit(solve_intercept(spec, 40 * REFERENCE) + 40 * REFERENCE).mean() - share) < 1e-9


def test_a_stated_intercept_is_kept():
    assert solve_intercept(Logistic(kind="logistic", intercept=-0.7), REFERENCE) == -0.7


@pytest.mark.parametrize("intercept", [-0.8, 0.3])
def test_independent_allocation_follows_the_true_propensity(intercept):
    treated, propensity = Allocation(intercept, None).draw(predictor(100, 1000), Streams(4), np.arange(100))
    assert np.allclose(propensity, expit(intercept + predictor(100, 1000)), rtol=1e-14, atol=0)
    assert np.abs(z_by_stratum(treated, propensity)).max() < 4
    assert np.abs(z_by_stratum(treated, expit(intercept + 0.05 + predictor(100, 1000)))).max() > 4
    assert abs(z_of_mean(treated, propensity.mean())) < 4


@pytest.mark.parametrize(
    ("patients", "share", "count"), [(422, 0.400474, 169), (40, 0.5, 20), (7, 0.5, 4), (10, 0.0, 0)]
)
def test_fixed_allocation_treats_exactly_the_share(patients, share, count):
    treated, _ = Allocation(0.1, share).draw(predictor(50, patients), Streams(4), np.arange(50))
    assert (treated.sum(axis=1) == count).all()


def test_fixed_allocation_takes_the_largest_noisy_log_odds():
    luck = Streams(4).uniform("treatment", np.arange(3), 11)
    treated, _ = Allocation(0.0, 0.3).draw(predictor(3, 11), Streams(4), np.arange(3))
    noisy = predictor(3, 11) + np.log((1 - luck) / luck)
    assert (noisy[treated].reshape(3, 3).min(axis=1) > np.where(treated, -np.inf, noisy).max(axis=1)).all()


def test_among_equal_numbers_the_first_are_the_largest():
    numbers = np.array([[2.0, 1.0, 2.0, 0.0, 2.0], [1.0, 1.0, 1.0, 1.0, 1.0], [5.0, 4.0, 3.0, 2.0, 1.0]])
    assert largest(numbers, 2).tolist() == [
        [True, False, True, False, False],
        [True, True, False, False, False],
        [True, True, False, False, False],
    ]
    for count in range(6):
        right = np.argsort(np.argsort(-numbers, axis=1, kind="stable"), axis=1) < count
        assert np.array_equal(largest(numbers, count), right)


def test_the_propensity_of_fixed_allocation_is_right_in_cohorts_of_the_usual_size():
    asked = Fixed(kind="fixed", share=0.4)
    allocation = Allocation(solve_intercept(asked, REFERENCE), 0.4)
    treated, propensity = allocation.draw(predictor(400, 422), Streams(4), np.arange(400))
    assert np.abs(z_by_stratum(treated, propensity)).max() < 4
    small, of_large = allocation.draw(predictor(8000, 20), Streams(4), np.arange(8000))
    assert np.abs(z_by_stratum(small, of_large)).max() > 4  # as documented: in small cohorts it is an approximation
    errors = [(small - of_large)[(of_large >= low) & (of_large < low + 0.1)].mean() for low in np.arange(0.1, 0.9, 0.1)]
    assert np.abs(errors).max() < 0.035


@pytest.mark.parametrize(("share", "who"), [(0.0, False), (1.0, True)])
def test_all_or_none_may_be_treated(share, who):
    for kind in ("prevalence", "fixed"):
        made = cohorts(simple(treatment={"kind": kind, "share": share}))
        assert (made.observed.treated == who).all()
        assert (made.hidden.propensity == share).all()


def test_the_share_of_a_world_holds_in_its_cohorts():
    asked = simple(treatment={"kind": "prevalence", "share": 0.3, "log_odds": {"stage": 1.5}})
    made = cohorts(asked, 200, 1000)
    by_cohort = made.observed.treated.mean(axis=1)
    assert abs(z_of_mean(by_cohort, 0.3)) < 4
    assert abs(z_of_mean(by_cohort, 0.305)) > 4
    assert np.abs(z_of_mean((made.observed.treated - made.hidden.propensity), 0.0)) < 4


# Table 1 before matching: LP, HLP. Counts are printed exactly; means and SDs to the last digit shown.
COUNTS = {
    "age>50": (113, 81),
    "sex=1": (42, 18),
    "ecog>0": (22, 36),
    "etiology=1": (16, 15),
    "lesions=1": (175, 113),
    "size>10": (172, 124),
    "lung=1": (201, 136),
    "pvtt=1": (148, 114),
    "afp=1": (162, 107),
    "albi=1": (163, 108),
    "albi=2": (5, 5),
    "child_pugh=1": (34, 23),
}
MOMENTS = {"age": ((49, 12), (49, 12), 0.5, 0.5), "size": ((12.3, 3.6), (12.3, 3.4), 0.05, 0.05)}


def published_row(row: str, made: Cohorts | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Counts of a row among the included of every cohort, by arm."""
    observed = (made or paper_cohorts()).observed
    name, sign, value = row.partition(">") if ">" in row else row.partition("=")
    column = observed.covariates[..., observed.names.index(name)]
    hit = (column > float(value) if sign == ">" else column == float(value)) & observed.present
    return (hit & ~observed.treated).sum(axis=1), (hit & observed.treated).sum(axis=1)


@pytest.mark.parametrize("row", COUNTS)
def test_the_published_counts_by_arm_are_reproduced(row):
    """Within the sampling SD that one cohort's count has."""
    for counts, printed in zip(published_row(row), COUNTS[row], strict=True):
        assert abs(counts.mean() - printed) < counts.std()


def test_without_its_log_odds_the_arms_would_differ_from_the_paper():
    world = paper().world
    alike = world.treatment.model_copy(update={"log_odds": {}})
    made = generate(resolve(world.model_copy(update={"treatment": alike})), 1, np.arange(100))
    control, treated = published_row("ecog>0", made)
    assert control.mean() - 22 > 1.5 * control.std()
    assert 36 - treated.mean() > 1.5 * treated.std()


def test_ecog_2_is_as_rare_as_a_finite_model_can_make_it():
    """2 against 0 patients: no finite log odds does that; those of a derived world are shrunk, and few are treated."""
    control, treated = published_row("ecog=2")
    assert abs((control + treated).mean() - 0.0047 * 422) < 0.5
    assert control.mean() > 2 * treated.mean()


@pytest.mark.parametrize("name", MOMENTS)
def test_the_published_means_and_sds_by_arm_are_reproduced(name):
    observed = paper_cohorts().observed
    column = observed.covariates[..., observed.names.index(name)]
    for arm in (0, 1):
        mean, sd = MOMENTS[name][arm]
        inside = np.where((observed.treated == bool(arm)) & observed.present, column, np.nan)
        means, sds = np.nanmean(inside, axis=1), np.nanstd(inside, axis=1, ddof=1)
        assert abs(means.mean() - mean) < MOMENTS[name][2] + means.std()
        assert abs(sds.mean() - sd) < MOMENTS[name][3] + sds.std()


def test_the_published_arms_have_their_sizes():
    observed = paper_cohorts().observed
    assert ((observed.treated & observed.present).sum(axis=1) == 169).all()
    assert ((~observed.treated & observed.present).sum(axis=1) == 253).all()
