"""The figures of a cohort: what is drawn are the numbers of the data."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from analysis.figures import balance, cohort, forest, modes, states, survival
from analysis.figures.style import TREATED, svg
from analysis.figures.survival import Curve
from analysis.paper.effects import ByArm
from analysis.plan.analysis_plan import SurvivalPlan
from analysis.survival import statistics
from analysis.survival.occupancy import Occupancy
from tests.drawings import made, rows_of
from tests.reference import competing as slow

TIME, EVENT = np.array([1.0, 2.0, 2.0, 5.0, 10.0]), np.array([True, False, True, True, False])


def bare_axes() -> Axes:
    return Figure(figsize=(4, 4)).add_axes((0.3, 0.4, 0.6, 0.5))


def said(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def draw(*curves: Curve, plan: SurvivalPlan | None = None) -> Axes:
    axes = bare_axes()
    survival.kaplan_meier(axes, curves, title="T", note="HR 1", time_unit="time", plan=plan)
    return axes


def test_the_curve_drops_at_the_events_to_the_product_limit() -> None:
    time = np.array([1.0, 2.0, 3.0, 4.0])
    axes = draw(Curve("A", time, np.array([True, False, True, False])))
    drawn = np.asarray(axes.lines[0].get_data()).T.tolist()
    assert drawn == [[0, 1], [1, 0.75], [3, 0.375], [4, 0.375]]
    censored = axes.lines[1]
    assert np.asarray(censored.get_data()).T.tolist() == [[2, 0.75], [4, 0.375]]


def test_the_band_is_the_interval_of_the_plan() -> None:
    curve = Curve("A", np.arange(1.0, 21), np.ones(20, np.bool_))
    plan = SurvivalPlan(conf_type="log-log", level=0.8)
    axes = draw(curve, plan=plan)
    km = statistics.kaplan_meier(curve.time, curve.event, present=curve.event, conf_type="log-log", level=0.8)
    heights = {round(float(y), 9) for y in axes.collections[0].get_paths()[0].vertices[:, 1]}
    known = np.isfinite(km.low)
    assert {round(float(y), 9) for y in (*km.low[known], *km.high[known])} <= heights
    usual = statistics.kaplan_meier(curve.time, curve.event, present=curve.event)
    assert not {round(float(y), 9) for y in usual.low[known]} <= heights


def test_the_medians_are_told_and_marked() -> None:
    axes = draw(Curve("A", TIME, EVENT), Curve("B", TIME, np.zeros(5, np.bool_)))
    found = statistics.km_quantile(TIME[None], EVENT[None], q=0.5)
    assert f"A: median {found.value[0]:.1f} ({found.low[0]:.1f}–NR)" in said(axes)
    assert "B: median NR (NR–NR)" in said(axes)
    marks = [line for line in axes.lines if np.asarray(line.get_ydata()).tolist() == [0.5, 0.5, 0]]
    assert [np.asarray(line.get_xdata()).tolist() for line in marks] == [[0, found.value[0], found.value[0]]]


def test_numbers_at_risk_count_those_still_followed() -> None:
    axes = draw(Curve("A", TIME, EVENT))
    ticks = [float(tick) for tick in axes.get_xticks()]
    below = {text.get_position()[0]: text.get_text() for text in axes.texts if text.get_text().isdigit()}
    assert list(below) == ticks
    assert len(ticks) > 3
    assert all(int(number) == (tick <= TIME).sum() for tick, number in below.items())
    assert below[0.0] == "5"


def test_a_legend_finds_a_place_without_curves() -> None:
    """Top right below a falling curve, bottom left above a flat one, and else above survival of 100 %."""
    rng = np.random.default_rng(1)
    falling, flat = rng.exponential(1, 200), np.linspace(5, 10, 200)
    steep = Curve("a", np.minimum(falling, 9), falling < 9)
    level = Curve("b", flat, flat < 5.2)
    places = [(draw(*both).get_ylim()[1], _place(draw(*both))) for both in ((steep,), (level,), (steep, level))]
    assert [top == 1.02 for top, _ in places] == [True, True, False]
    assert places[0][1][0] > 0.3
    assert places[0][1][1] > 0.7
    assert places[1][1][1] < 0.4
    assert places[2][1][1] > 1.02 / places[2][0]


def _place(axes: Axes) -> tuple[float, float]:
    return next(text.get_position() for text in axes.texts if "median" in text.get_text())


def test_the_panels_are_before_and_after_of_every_endpoint() -> None:
    analysis = made()
    figure = survival.survival_panels_of(analysis, "months")
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == [
        "(a) OS, before matching",
        "(b) PFS, before matching",
        "(c) OS, after matching",
        "(d) PFS, after matching",
    ]
    after = analysis.endpoints["OS"].after
    assert any(f"HR {after.cox.hr:.2f}" in text and f"{after.logrank.p:.3f}" in text for text in said(figure.axes[2]))
    assert f"{after.km.treated.n}" in said(figure.axes[2])


def test_incidences_are_drawn_where_other_events_compete() -> None:
    """The curve ends at the incidence by the slow twin, and the note has Gray's p and Fine and Gray's ratio."""
    analysis = made()
    axes = survival.survival_panels_of(analysis, "months").axes[3]
    assert axes.get_ylabel() == "Cumulative incidence, %"
    course, group = analysis.observed.endpoints["PFS"], analysis.after
    for line, arm in zip(axes.get_lines(), (analysis.observed.treated[0], ~analysis.observed.treated[0]), strict=False):
        who = arm & group.present
        time, kind = course.time[0, who], course.causes[0, who]
        x, y = (np.asarray(values, float) for values in line.get_data())
        for at in (2.0, 5.0, float(time.max())):
            right = slow.incidence(time, kind, np.ones(who.sum()), at)
            assert y[x <= at][-1] == pytest.approx(right)
        assert any(f": {(kind == 1).sum()} events, {(kind == 2).sum()} competing" in text for text in said(axes))
    competing = analysis.endpoints["PFS"].competing
    assert competing is not None
    gray, ratio = competing.after.gray, competing.after.subdistribution
    assert any(f"HR {ratio.hr:.2f}" in text and f"Gray p = {gray.p:.3f}" in text for text in said(axes))


def test_nobody_and_no_event_are_drawn() -> None:
    empty = Curve("none", np.array([]), np.array([], dtype=np.bool_))
    assert "none: nobody" in said(draw(empty))
    assert "at 0: median NR (NR–NR)" in said(draw(Curve("at 0", np.zeros(3), np.zeros(3, np.bool_))))
    for n in (3, 6):
        small = made(n=n)
        assert svg(survival.survival_panels_of(small))
        assert svg(forest.forests_of(small))
        assert svg(balance.love_of(small))
        assert svg(balance.overlap_of(small))
        assert svg(cohort.butterfly_of(small))
        assert svg(modes.modes_of(small))
        assert svg(states.states_of(small, "after", first="PFS", last="OS"))


def test_the_states_are_stacked_in_percent() -> None:
    axes = bare_axes()
    shares = Occupancy(*(np.array(x) for x in ([0.0, 2.0, 5.0], [1.0, 0.5, 0.25], [0.0, 0.25, 0.25], [0.0, 0.25, 0.5])))
    states.states(axes, shares, ("Recurrence", "Death"), title="t", time_unit="months", until=8.0)
    tops = [area.get_paths()[0].vertices for area in axes.collections]
    for area, want in zip(tops, ([100, 100, 100], [100, 75, 50], [100, 50, 25]), strict=True):
        assert set(area[:, 1].round(9)) - {0.0} == set(map(float, want))
        assert area[:, 0].max() == 8.0
    labels = axes.get_legend_handles_labels()[1]
    assert labels == ["Death: event", "Recurrence only: event", "free of both"]


def test_the_arms_of_the_states_are_those_of_the_analysis() -> None:
    analysis = made()
    (control, treated), until = states.shares_of(analysis, "before", "PFS", "OS")
    assert until == analysis.observed.endpoints["OS"].time.max()
    for arm, found in ((False, control), (True, treated)):
        who = analysis.observed.treated[0] == arm
        km = statistics.kaplan_meier(
            analysis.observed.endpoints["PFS"].time[0, who], analysis.observed.endpoints["PFS"].event[0, who],
            present=np.ones(who.sum(), np.bool_),
        )  # fmt: skip
        assert found.free[-1] == pytest.approx(km.survival[-1])


def test_the_love_plot_shows_both_states_and_the_line() -> None:
    analysis = made()
    axes = balance.love_of(analysis).axes[0]
    joined, before, after, line = axes.lines
    shown = [0, 2, 3, 4, 5]  # Age, its second half, and the three levels of Stage
    assert np.asarray(before.get_xdata()).tolist() == [abs(analysis.table1.before[k].smd) for k in shown]
    assert np.asarray(after.get_xdata()).tolist() == [abs(analysis.table1.after[k].smd) for k in shown]
    assert np.asarray(line.get_xdata()).tolist() == [0.1, 0.1]
    assert len(joined.get_xdata()) == 3 * len(shown)
    assert svg(_love_of_nothing())


def _love_of_nothing() -> Figure:
    figure = Figure()
    balance.love(figure.subplots(), {"before": (), "after": ()})
    return figure


def test_an_overlap_counts_every_patient_once() -> None:
    rng = np.random.default_rng(5)
    score, treated = rng.random(300), rng.random(300) < 0.4
    score[:3] = np.nan
    axes = bare_axes()
    balance.overlap(axes, score, treated, ("C", "T"), np.linspace(0, 1, 9), "before")
    up, down = (np.asarray(patch.get_data().values) for patch in axes.patches)
    assert up.sum() == (treated & np.isfinite(score)).sum()
    assert -down.sum() == (~treated & np.isfinite(score)).sum()
    assert axes.get_legend_handles_labels()[1] == ["T", "C"]


def test_the_overlap_after_matching_is_of_the_matched() -> None:
    analysis = made()
    before, after = balance.overlap_of(analysis).axes
    totals = [[abs(patch.get_data().values.sum()) for patch in axes.patches] for axes in (before, after)]
    assert totals[0] == [analysis.cohort.treated, analysis.cohort.control]
    assert totals[1] == [analysis.matching.n_treated, analysis.matching.n_control]
    assert before.get_ylim() == after.get_ylim()


def test_the_forest_shows_every_finite_row_and_says_its_numbers() -> None:
    analysis = made()
    rows = analysis.endpoints["OS"].after.subgroups
    axes = forest.forest_of(analysis, "OS").axes[0]
    squares = [float(np.asarray(line.get_xdata())[0]) for line in axes.lines if line.get_marker() == "s"]
    assert squares == [row.hr for row in rows if np.isfinite(row.hr) and row.variable is not None]
    diamond = next(patch for patch in axes.patches if patch.get_xy()[:, 0].max() == rows[0].high)
    assert diamond.get_xy()[:, 0].min() == rows[0].low
    words = said(axes)
    for row in rows:
        for cell in (row.label, f"{row.n}", f"{row.arms.treated.events}/{row.arms.treated.n}", f"{row.hr:.2f} ("):
            assert any(cell in word for word in words)
    assert words.count(f"{rows[1].interaction_p:.3f}") == 1
    assert "HR (95 % CI)" in words


def test_a_failed_fit_and_no_rows_leave_the_forest_whole() -> None:
    rows = [replace(row, hr=float("nan")) for row in made().endpoints["OS"].after.subgroups]
    for own in (rows, []):
        axes = bare_axes()
        forest.forest(axes, own, title="T", arms=ByArm("a", "b"), level=0.9)
        assert not any(line.get_marker() == "s" for line in axes.lines)
        assert "HR (90 % CI)" in said(axes)


def test_a_flow_tells_who_was_left_out_and_why() -> None:
    axes = Figure(figsize=(7, 4)).subplots()
    arms = [cohort.FlowArm("Old", 30, 20), cohort.FlowArm("New", 25, 20)]
    cohort.flow(axes, 55, [("too old", 10), ("nobody", 0), ("under 6_cycles", 2.5)], arms)
    words = said(axes)
    assert "n = 67.5" in words
    assert "Excluded, n = 12.5" in words
    assert {"   too old: 10", "   under 6 cycles: 2.5"} <= set(words)
    assert not any("nobody" in word for word in words)
    assert words.count("matched, n = 20") == 2
    assert {"not matched: 10", "not matched: 5", "n = 30", "n = 25", "n = 55"} <= set(words)
    assert sum(isinstance(patch, Rectangle) for patch in axes.patches) == 7


def test_a_flow_may_start_and_end_with_the_analysed() -> None:
    axes = bare_axes()
    cohort.flow(axes, 12, [], [])
    assert said(axes) == ["Analysed", "n = 12"]
    whole = said(cohort.flow_of(made()).axes[0])
    assert "n = 80" in whole
    assert not any("Excluded" in word for word in whole)


def test_a_butterfly_has_both_arms_and_their_severe_part_on_one_row() -> None:
    axes = bare_axes()
    rows = [cohort.Outcome("ORR", (20.0, 45.5), None, 0.01), cohort.Outcome("rash", (0.0, 100.0), (0.0, 30.0), 0.0001)]
    cohort.butterfly(axes, rows, ("C", "T"), severe="grade 3-4", title="t")
    widths = [[bar.get_width() for bar in bars] for bars in axes.containers]
    assert widths == [[-20.0, 0.0], [0.0, 0.0], [45.5, 100.0], [0.0, 30.0]]
    assert {"20.0", "45.5", "0.0 (0.0)", "100.0 (30.0)", "0.010", "<0.001"} <= set(said(axes))
    assert "grade 3-4" in axes.get_xlabel()


def test_the_severe_part_is_found_by_its_ending() -> None:
    analysis = made()
    plain, graded = cohort.outcomes_of(analysis, "before")
    assert [row.label for row in plain] == ["response"]
    assert [row.label for row in graded] == ["nausea", "rash"]
    for row in graded:
        severe = analysis.binary[f"{row.label}_34"].before
        assert row.severe == (severe.control.percent, severe.treated.percent)
    few = replace(analysis, binary={name: analysis.binary[name] for name in ("nausea", "nausea_34", "response")})
    assert [row.label for row in cohort.outcomes_of(few, "after")[0]] == ["nausea", "nausea 34", "response"]


def test_the_modes_are_drawn_before_and_after() -> None:
    analysis = made()
    figure = modes.modes_of(analysis, {"old": "Old lesion"})
    for axes, when in zip(figure.axes, ("before", "after"), strict=True):
        sides = [getattr(both, when) for both in analysis.modes.values()]
        treated, control = ([bar.get_width() for bar in bars] for bars in axes.containers)
        assert treated == [side.treated.percent for side in sides]
        assert control == [side.control.percent for side in sides]
        assert f"{sides[0].treated.percent:.1f} ({sides[0].treated.n})" in said(axes)
    assert rows_of(figure.axes[0]) == ["Old lesion", "new"]
    assert figure.axes[0].containers[0][0].get_facecolor()[:3] == pytest.approx(
        [int(TREATED[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    )
