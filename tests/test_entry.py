"""Entry: accrual over a calendar window, dates, months."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import kstest

from simulator.mechanisms.entry import Accrual, first_qualified, months_between
from tests.simulated import cohorts, paper_cohorts, simple, z_of_mean


def accrual(**fields: object) -> Accrual:
    return Accrual.model_validate({"start": "2020-01-01", "end": "2022-01-01", **fields})


def test_months_are_30_4375_days():
    assert months_between("2020-01-01", "2020-01-31") == 30 / 30.4375
    assert months_between("2019-01-01", "2025-04-30") == 2311 / 30.4375
    assert months_between("2020-02-28", "2020-03-01") == 2 / 30.4375  # a leap year


@pytest.mark.parametrize("shape", [0.0, 0.7, 3.0])
def test_entry_has_the_stated_density(shape):
    """Density (1 + a) t^a on the window: distribution t^(1 + a)."""
    made = cohorts(simple(entry={"accrual": {"start": "2020-01-01", "end": "2022-01-01", "shape": shape}}), 20, 2000)
    share = made.hidden.entry.ravel() / months_between("2020-01-01", "2022-01-01")
    assert kstest(share, lambda t: t ** (1 + shape)).pvalue > 1e-4
    assert kstest(share, lambda t: t ** (1.1 * (1 + shape))).pvalue < 1e-4
    assert abs(z_of_mean(share, (1 + shape) / (2 + shape))) < 4


def test_entry_by_rates_fills_each_interval_in_proportion():
    """Rates 5, 0, 0, 47 over 1, 2, 3 and the other months: 5 enter in the first month to 47 in each of the last."""
    made = accrual(cuts=(1.0, 3.0, 6.0), rates=(5.0, 0.0, 0.0, 47.0))
    length = months_between("2020-01-01", "2022-01-01")
    total = 5.0 + 47.0 * (length - 6.0)
    luck = np.array([0.0, 2.5 / total, 5.0 / total, (5.0 + 47.0) / total, 1.0])
    assert made.times(luck, 1.0) == pytest.approx([0.0, 0.5, 1.0, 7.0, length], abs=1e-12)
    assert (np.diff(made.times(np.linspace(0, 1, 1001), 1.0)) > 0).all()


def test_cuts_of_accrual_are_in_the_unit_of_the_world():
    """The same accrual told in months and in days."""
    rates, luck = (5.0, 0.0, 47.0), np.linspace(0, 1, 51)
    months = accrual(cuts=(1.0, 6.0), rates=rates)
    days = accrual(cuts=(30.4375, 182.625), rates=rates)
    assert days.times(luck, 30.4375) == pytest.approx(30.4375 * months.times(luck, 1.0), rel=1e-12)
    assert days.mean(30.4375) == pytest.approx(30.4375 * months.mean(1.0), rel=1e-12)
    assert days.misfit(30.4375) is None
    assert "before the end of accrual" in str(days.misfit(1.0))
    dates = {"start": "2020-01-01", "end": "2022-01-01"}
    entry = {"accrual": {**dates, "cuts": (30.0,), "rates": (1.0, 2.0)}}
    assert simple(entry=entry, time_unit="days").entry.accrual.cuts == (30.0,)
    with pytest.raises(ValidationError, match=r"entry\.accrual: cuts must lie before the end .* 24.016 units"):
        simple(entry=entry)


def test_all_may_enter_on_one_day():
    assert accrual(end="2020-01-01").times(np.array([0.0, 0.4, 1.0]), 1.0).tolist() == [0.0, 0.0, 0.0]


def test_the_window_has_hard_ends():
    made = accrual(shape=0.3)
    assert made.times(np.array([0.0, 1.0]), 1.0).tolist() == [0.0, months_between("2020-01-01", "2022-01-01")]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"start": "2022-01-02"}, "accrual ends before it starts"),
        ({"cuts": (3.0,)}, "1 cuts need 2 rates"),
        ({"rates": (1.0, 2.0)}, "0 cuts need 1 rates, not 2"),
        ({"cuts": (3.0, 2.0), "rates": (1.0, 2.0, 3.0)}, "cuts must increase"),
        ({"rates": (1.0,), "shape": 1.0}, "no room for 'shape'"),
        ({"rates": (0.0,)}, "some rate must be above zero"),
        ({"start": "01.02.2020"}, "'01.02.2020' is not a date; write it as 2019-01-31"),
        ({"end": "2021-02-30"}, "'2021-02-30' is not a date"),
        ({"shape": -0.5}, "greater than or equal to 0"),
        ({"days": 3}, "Extra inputs"),
    ],
)
def test_impossible_windows_are_refused_in_words(fields, message):
    with pytest.raises(ValidationError, match=message):
        accrual(**fields)


def test_the_first_so_many_who_qualify_are_included():
    qualified = np.array([[True, False, True, True], [False, False, True, False]])
    assert first_qualified(qualified, 2).tolist() == [[True, False, True, False], [False, False, True, False]]
    assert first_qualified(qualified, 9).tolist() == qualified.tolist()


def test_whoever_dies_before_the_least_amount_is_not_included():
    """Six cycles of 0.7 months cannot be had by who dies before 3.5 months: a guarantee time in both arms."""
    made = paper_cohorts(40)
    died = made.observed.endpoints["OS"].event & made.observed.present
    assert made.observed.endpoints["OS"].time[died].min() >= 5 * 0.69
    assert (made.observed.exposure["pd1_cycles"][made.observed.present] >= 6).all()
    assert made.hidden.criteria == (
        *("potential follow-up", "guarantee time", "at least 6 pd1_cycles", "at least 2 lenvatinib_months"),
        "at least 2 haic_cycles",
    )
    reached = made.hidden.excluded[made.observed.present]
    assert (reached == len(made.hidden.criteria)).all()
    failed = made.hidden.excluded == 2
    assert failed.any()
    assert (made.observed.exposure["pd1_cycles"][failed] < 6).all()
