"""Figures made of the results of a study, of a scorecard and of a calibration: their numbers and no others."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from analysis.figures.calibration import FAR
from benchmarks.calibrate import Fit, Fitted
from benchmarks.fidelity import Fidelity, Score
from benchmarks.report import charts
from tests.drawings import rows_of


def dots(figure: Figure) -> list[float]:
    """Where the dots of a fit lie, from left to right."""
    (axes,) = figure.axes
    found = [line.get_xdata() for line in axes.lines if line.get_marker() != "None"]
    return sorted(np.concatenate([np.asarray(one) for one in found]).tolist())


def score(printed: str, median: float, low: float, high: float, where: str = "Table 1: a") -> Score:
    """A score whose key is what is printed."""
    return Score(printed, printed, where, median, low, high, 50.0, True, 0.0, ())


def test_the_fit_of_a_scorecard_has_every_number_at_its_distance() -> None:
    scores = (
        score("0.36", 0.3601, 0.3, 0.5),  # right within rounding
        score("12", 10.0, 8.0, 12.0),  # 11.5 is the nearest that rounds to it
        score("3.0", 10.0, 8.0, 12.0, "Results, Survival"),
        score(">1", 0.5, 0.25, 0.75),
        score("January 2019", float("nan"), float("nan"), float("nan")),
    )
    figure = charts.fidelity_fit(Fidelity(10, 1, scores, (), ()))
    assert dots(figure) == pytest.approx([-FAR, 0.0, 1.5 / 2 * 1.959964, 2 * 1.959964])
    assert rows_of(figure.axes[0]) == ["Table 1 (2 of 3)", "Results, Survival (0 of 1)"]


def test_the_fit_of_a_calibration_goes_from_start_to_end() -> None:
    targets = (
        Fitted("endpoints.OS.after.cox.hr", "0.36", 0.4, 0.05, 3.0, 0.5, False),
        Fitted("table1.before[age].p", "0.5", 0.4, 0.05, -1.0, 0.0, False),
    )
    figure = charts.calibration_fit(Fit({}, {}, (), targets, (), 10, 1))
    (axes,) = figure.axes
    assert dots(figure) == [-0.5, 0.0]
    moved = next(line for line in axes.lines if line.get_label() == "from before calibration")
    assert np.asarray(moved.get_xdata()).reshape(-1, 3)[:, :2].tolist() == [[-3.0, -0.5], [1.0, 0.0]]
    assert rows_of(axes) == ["endpoints OS (1 of 1)", "table1 before (1 of 1)"]


def test_the_eligible_of_a_scorecard_are_told_with_who_was_left_out() -> None:
    flow = (
        ("screened", 64.0),
        ("not: at least 6 cycles", 8.5),
        ("not: old", 0.0),
        ("not needed", 5.5),
        ("included", 50.0),
    )
    figure = charts.eligibility(Fidelity(10, 1, (), (), flow))
    words = [text.get_text().strip() for text in figure.axes[0].texts]
    assert [word for word in words if word] == [
        "Screened", "n = 64", "Excluded, n = 14", "at least 6 cycles: 8.5", "not needed: 5.5", "Analysed", "n = 50",
    ]  # fmt: skip
