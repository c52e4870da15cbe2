"""Every figure once, with one label in all the places where a user's words stand: data of the figures' tests."""

import inspect
import pkgutil
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis import figures
from analysis.figures import (
    balance,
    calibration,
    claims,
    cohort,
    compatible,
    decompose,
    forest,
    incidence,
    modes,
    multiverse,
    performance,
    power,
    ranges,
    states,
    survival,
    sweep,
    swept,
    tipping,
)
from analysis.figures.style import PHONE
from analysis.paper.effects import ByArm
from analysis.paper.workflow import CohortAnalysis, analyse
from analysis.plan.analysis_plan import Plan, Primary
from simulator.cohort.cohorts import Endpoint, Observed
from simulator.cohort.terms import Variable

NARROW = ", on a telephone"
"""After the names of figures that are drawn once more at its width."""
WORLDS = ("as stated", "no effect of treatment", "no effect of anything")


@lru_cache
def made(label: str = "", n: int = 80, primary: Primary = "matching") -> CohortAnalysis:
    """An analysis of n patients with two endpoints, graded outcomes and modes; every name starts with the label."""
    draw = np.random.default_rng(4)
    variables = (
        Variable("x", "continuous", cuts=(0.0,), label=f"{label}Age"),
        Variable("g", "nominal", ("a", "b", "c"), label=f"{label}Stage"),
    )
    values = np.stack([draw.normal(size=n), draw.integers(0, 3, n).astype(float)], axis=-1)[None]
    death, progression = draw.exponential(10, (1, n)), draw.exponential(8, (1, n))
    died = draw.random((1, n)) < 0.7
    first = np.minimum(death, progression)
    either = (progression <= death) | died
    courses = {"OS": Endpoint(death, died), "PFS": Endpoint(first, either, ~either & (first > 2))}
    nausea, rash = draw.random((1, n)) < 0.5, draw.random((1, n)) < 0.3
    binary = {
        "response": draw.random((1, n)) < 0.4,
        "nausea": nausea,
        "nausea_34": nausea & (draw.random((1, n)) < 0.3),
        "rash": rash,
        "rash_34": rash & (draw.random((1, n)) < 0.3),
    }
    ways = {"old": draw.random((1, n)) < 0.3, "new": draw.random((1, n)) < 0.6}
    ones = np.ones((1, n), dtype=np.bool_)
    observed = Observed(variables, values, draw.random((1, n)) < 0.5, ones, courses, binary, {}, ways)
    labels = {name: f"{label}{name}" for name in (*courses, *binary)} if label else {}
    arms = (f"{label}Old", f"{label}New")
    plan, at = Plan(primary=primary), {"PFS": (2.0, 6.0)}
    return analyse(observed, [str(i) for i in range(n)], plan, arms, labels, at=at)


def replicates(label: str, n: int = 300) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Estimates and SE of three estimators."""
    draw = np.random.default_rng(5)
    return {
        f"{label}{name}": (draw.normal(-0.5, 0.2, n), draw.gamma(100, 0.002, n)) for name in ("one", "two", "three")
    }


def of_analysis(label: str, primary: Primary = "matching") -> dict[str, Callable[[], Figure]]:
    """The figures of an analysis."""
    found = made(label, primary=primary)
    return {
        "kaplan_meier_of": lambda: survival.kaplan_meier_of(found, "OS", "after", label or "months"),
        "survival_panels_of": lambda: survival.survival_panels_of(found, label or "months"),
        "states_of": lambda: states.states_of(found, "before", first="PFS", last="OS", time_unit=label or "months"),
        "stacked_incidence_of": lambda: incidence.stacked_incidence_of(found, "PFS", "before", label or "months"),
        "forest_of": lambda: forest.forest_of(found, "OS"),
        "forest_narrow_of": lambda: forest.forest_narrow_of(found, "OS"),
        "forests_of": lambda: forest.forests_of(found, "before"),
        "love_of": lambda: balance.love_of(found),
        "love_between": lambda: balance.love_between(found.table1.after, found.table1.before, found.plan),
        "overlap_of": lambda: balance.overlap_of(found),
        "flow_of": lambda: cohort.flow_of(found, [(f"{label}too old", 12), ("nobody", 0), (f"{label}unfit", 3)]),
        "butterfly_of": lambda: cohort.butterfly_of(found, "before", f"{label}grade 3"),
        "modes_of": lambda: modes.modes_of(found, {"old": f"{label}old lesion", "new": f"{label}new lesion"}),
    }


def of_numbers(label: str) -> dict[str, Callable[[], Figure]]:
    """The figures of a study or of a question's answer."""
    draw, own = np.random.default_rng(6), replicates(label)
    grid = np.exp(np.linspace(0, 2.2, 21))
    surface = -1 + 0.4 * np.outer(np.log(grid), np.log(grid))
    curve = np.sort(draw.normal(-0.9, 0.1, 30))[:, None] + np.array([0.0, -0.3, 0.3])
    choices = [{f"{label}caliper": "none" if s % 3 else "0.1", "ratio": str(s % 2)} for s in range(28)] + [{}, {}]
    at = np.linspace(-2, 1, 50)
    settings = {f"{label}size": ["50", "50", "90", "90"], "caliper": [f"{label}0.1", "none"] * 2}
    measured = {name: (draw.normal(size=4), np.full(4, 0.1)) for name in own}
    numbers = [
        calibration.FittedNumber(f"{label}Table {k % 3}", f"{label}number {k}", z, z / 2)
        for k, z in enumerate(draw.normal(0, 2.0, 60))
    ]
    return {
        "ridge_of": lambda: performance.ridge_of(
            {name: value for name, (value, _) in own.items()}, dict.fromkeys(own, -0.4), f"{label}log HR", -1.0
        ),
        "zipper_of": lambda: performance.zipper_of(
            {name: (value - 2 * se, value + 2 * se, -0.4) for name, (value, se) in own.items()}, [f"{label}log HR"] * 3
        ),
        "estimate_against_se_of": lambda: performance.estimate_against_se_of(
            {name: (value, se, -0.4) for name, (value, se) in own.items()}, [f"{label}log HR"] * 3
        ),
        "lollipop_of": lambda: performance.lollipop_of(
            list(own),
            [
                (f"{label}bias", [0.1, 0.0, -0.2], [0.01] * 3, 0.0, (-1.0, 1.0)),
                ("coverage", [95, 94, 80], [9, 1, 1], 95.0, (0.0, 100.0)),
            ],
        ),
        "nested_loop_of": lambda: sweep.nested_loop_of(measured, settings, f"{label}bias", 0.0),
        "swept_of": lambda: swept.swept_of(
            np.array([0.05, 0.1, 0.2, 0.5]), measured, f"{label}caliper", f"{label}off by", 0.0
        ),
        "panels_of": lambda: swept.panels_of(
            [(f"{label}{k} patients", np.array([0.05, 0.1, 0.2, 0.5]), measured) for k in (50, 90, 200, 400)],
            f"{label}caliper", f"{label}off by", 0.0,
        ),
        "settings_of": lambda: swept.settings_of(
            [f"{label}{k} patients" for k in (50, 90, 200, 400)], measured, f"{label}off by", 0.0
        ),
        "heat_of": lambda: sweep.heat_of(
            draw.normal(size=(2, 2)), np.full((2, 2), 0.01), ["a", f"{label}b"], ["c", f"{label}d"],
            (f"{label}rows", f"{label}columns"), f"{label}bias",
        ),
        "enrolment_of": lambda: cohort.enrolment_of(50.5, [(f"{label}too old", 9.5)], ()),
        "power_curve_of": lambda: power.power_curve_of(
            [(100, 0.5, 0.02), (200, 0.7, 0.02), (400, 0.9, 0.01)], [(100, 0.6), (400, 0.95)], (270, 9), 0.8,
            (f"{label}patients", f"{label}power"), f"{label}matched",
        ),
        "tipping_of": lambda: tipping.tipping_of(
            grid, 1 / grid, surface, surface + 0.2, [(f"{label}sex", 1.5, 0.7), (f"{label}age", 3.0, 2.0)]
        ),
        "waterfall_of": lambda: decompose.waterfall_of(
            (0.12, 0.01), (0.01, 0.01), [(f"{label}selection", -0.15, 0.01), (f"{label}drop-out", 0.04, 0.01)],
            f"{label}bias",
        ),
        "specification_curve_of": lambda: multiverse.specification_curve_of(
            curve, np.arange(30) % 4 > 0, choices, 0.36, f"{label}OS"
        ),
        "densities_of": lambda: compatible.densities_of(
            [(f"{label}{m}", at, np.exp(-(at**2)), np.exp(-8 * (at - m) ** 2)) for m in (-1, 0)], 0.36, f"{label}OS"
        ),
        "rates_of": lambda: claims.rates_of(
            {f"{label}{k}": [(0.1 * k, 0.01), (0.2, 0.01), (0.5, 0.02)] for k in range(4)}, WORLDS, 0.05
        ),
        "calibration_fit_of": lambda: calibration.calibration_fit_of(numbers),
        **of_ranges(label, "", 4.6, 3.7),
    }  # fmt: skip


def rows_of_ranges(label: str) -> list[ranges.RangeRow]:
    """Rows of every look, one with a narrowest range and one without numbers, near and far from a ratio of 1."""
    nan = float("nan")
    return [
        ranges.RangeRow(f"{label}chance", 0.7, 1.0, 1.4, "1.00", "pale"),
        ranges.RangeRow(f"{label}unrecorded", 0.28, 0.36, 0.46, "0.28–0.46", "strong", (0.25, 0.5)),
        ranges.RangeRow(f"{label}drop-out", 0.3, 0.4, 0.53, f"{label}0.40", "calm"),
        ranges.RangeRow(f"{label}nothing known", nan, nan, nan, "no answer"),
    ]


def of_ranges(label: str, suffix: str, wide: float, high: float) -> dict[str, Callable[[], Figure]]:
    """The figures of a review at these widths."""
    rows, time = rows_of_ranges(label), np.linspace(0, 36, 73)
    sizes = np.geomspace(1, 20, 12)
    found = np.exp(-0.35 * np.log(sizes) ** 1.5)
    marks = [(f"{label}usual size", 2.0), (f"{label}tumour markers", 2.4), (f"{label}stage", 20.0)]
    return {
        f"ranges_of{suffix}": lambda: ranges.ranges_of(
            rows, {f"{label}published": 0.36, f"{label}true": 0.41}, (0.28, 0.46), f"{label}hazard ratio found", wide
        ),
        f"two_courses_of{suffix}": lambda: ranges.two_courses_of(
            time, (np.exp(-time / 12), np.exp(-time / 30)), (f"{label}Old", f"{label}New"),
            (0.0, 3.0, 12.0, 24.0, 36.0), label or "months", f"{label}free of it, %", high,
        ),
        f"size_curve_of{suffix}": lambda: ranges.size_curve_of(
            sizes, found, np.full(12, 0.02), {f"{label}published": 0.36}, marks, f"{label}strength", wide
        ),
    }  # fmt: skip


def of_telephone(label: str) -> dict[str, Callable[[], Figure]]:
    """What is drawn once more at the width of a telephone."""
    own = replicates(label)
    measured = {name: (value[:4], np.full(4, 0.1)) for name, (value, _) in own.items()}
    at = np.array([0.05, 0.1, 0.2, 0.5])
    return of_ranges(label, NARROW, PHONE, PHONE) | {
        f"swept_of{NARROW}": lambda: swept.swept_of(
            at, measured, f"{label}caliper", f"{label}off by", 0.0, PHONE
        ),
        f"panels_of{NARROW}": lambda: swept.panels_of(
            [(f"{label}{k} patients", at, measured) for k in (50, 90, 200)], f"{label}caliper", f"{label}off by", 0.0,
            narrow=True,
        ),
        f"settings_of{NARROW}": lambda: swept.settings_of(
            [f"{label}{k} patients" for k in (50, 90, 200, 400)], measured, f"{label}off by", 0.0, narrow=True
        ),
        f"calibration_fit_of{NARROW}": lambda: calibration.calibration_fit_of(
            [calibration.FittedNumber(f"{label}Table {k}", f"{label}{k}", k - 2.5) for k in range(1, 6)], narrow=True
        ),
        f"states_of{NARROW}": lambda: states.states_of(
            made(label), "before", first="PFS", last="OS", time_unit=label or "months", narrow=True
        ),
        f"stacked_incidence_of{NARROW}": lambda: incidence.stacked_incidence_of(
            made(label), "PFS", "before", label or "months", narrow=True
        ),
        f"overlap_of{NARROW}": lambda: balance.overlap_of(made(label), narrow=True),
        f"flow_of{NARROW}": lambda: cohort.flow_of(made(label), [(f"{label}too old", 12)], narrow=True),
        f"butterfly_of{NARROW}": lambda: cohort.butterfly_of(made(label), "before", f"{label}grade 3", narrow=True),
        f"lollipop_of{NARROW}": lambda: performance.lollipop_of(
            list(own), [(f"{label}bias", [0.1, 0.0, -0.2], [0.01] * 3, 0.0, (-1.0, 1.0))] * 2, narrow=True
        ),
        **_questions_on_a_telephone(label),
    }  # fmt: skip


def _questions_on_a_telephone(label: str) -> dict[str, Callable[[], Figure]]:
    draw, grid, at = np.random.default_rng(7), np.exp(np.linspace(0, 2.2, 21)), np.linspace(-2, 1, 50)
    surface = -1 + 0.4 * np.outer(np.log(grid), np.log(grid))
    curve = np.sort(draw.normal(-0.9, 0.1, 30))[:, None] + np.array([0.0, -0.3, 0.3])
    choices = [{f"{label}caliper": "none" if s % 3 else "0.1", "ratio": str(s % 2)} for s in range(28)] + [{}, {}]
    marks = [(100.0, 0.5, 0.02), (200.0, 0.8, 0.01), (400.0, 0.95, 0.01)]
    return {
        f"tipping_of{NARROW}": lambda: tipping.tipping_of(
            grid, 1 / grid, surface, surface + 0.2, [(f"{label}sex", 1.5, 0.7), (f"{label}age", 3.0, 2.0)], True
        ),
        f"densities_of{NARROW}": lambda: compatible.densities_of(
            [(f"{label}{m}", at, np.exp(-(at**2)), np.exp(-8 * (at - m) ** 2)) for m in (-1, 0)], 0.36, f"{label}OS",
            True,
        ),
        f"power_curve_of{NARROW}": lambda: power.power_curve_of(
            marks, [(100.0, 0.5), (400.0, 0.97)], (210.0, 9.0), 0.8, (f"{label}patients", f"{label}power"),
            f"{label}matching", [(f"{label}weighting", marks, (190.0, 8.0))], True,
        ),
        f"waterfall_of{NARROW}": lambda: decompose.waterfall_of(
            (0.12, 0.01), (0.01, 0.01), [(f"{label}selection", -0.15, 0.01), (f"{label}drop-out", 0.04, 0.01)],
            f"{label}bias", True,
        ),
        f"rates_of{NARROW}": lambda: claims.rates_of(
            {f"{label}{k}": [(0.1 * k, 0.01), (0.2, 0.01), (0.5, 0.02)] for k in range(4)}, WORLDS, 0.05, True
        ),
        f"specification_curve_of{NARROW}": lambda: multiverse.specification_curve_of(
            curve, np.arange(30) % 4 > 0, choices, 0.36, f"{label}OS", narrow=True
        ),
    }  # fmt: skip


def on_axes(axes: Axes, label: str) -> dict[str, Callable[[], None]]:
    """What draws on axes of one's own."""
    found, own = made(label), replicates(label)
    arms, side = (found.arms.control, found.arms.treated), found.endpoints["OS"].after
    value, se = own[f"{label}one"]
    return {
        "kaplan_meier": lambda: survival.kaplan_meier(
            axes, survival.curves_of(found, "OS", "after"), title=label, note=label, time_unit=label or "time"
        ),
        "incidences": lambda: survival.incidences(
            axes, survival.curves_of(found, "PFS", "after"), title=label, note=label, time_unit=label or "time",
            plan=found.plan.survival,
        ),
        "states": lambda: states.states(
            axes, states.shares_of(found, "before", "PFS", "OS")[0][1], (label, label), title=label,
            time_unit=label or "time", until=30.0,
        ),
        "stack": lambda: incidence.stack(
            axes, (np.array([0.0, 1, 4]), np.array([0.0, 0.2, 0.4]), np.array([0.0, 0.1, 0.3])), title=label,
            event=f"{label}relapse", time_unit=label or "time", until=9.0,
        ),
        "forest": lambda: forest.forest(
            axes, side.subgroups, title=label, arms=ByArm(found.arms.treated, found.arms.control), level=0.9
        ),
        "forest_narrow": lambda: forest.forest_narrow(
            axes, side.subgroups, arms=ByArm(found.arms.treated, found.arms.control)
        ),
        "love": lambda: balance.love(axes, {label: found.table1.before, "after": found.table1.after}),
        "overlap": lambda: balance.overlap(
            axes, found.propensity.fitted, found.observed.treated[0], arms, np.linspace(0, 1, 9), label
        ),
        "flow": lambda: cohort.flow(axes, 80, [(f"{label}old", 3)], [cohort.FlowArm(arms[0], 40, 30)]),
        "butterfly": lambda: cohort.butterfly(
            axes, [cohort.Outcome(f"{label}rash", (10.0, 20.0), (1.0, 0.0), 0.04)], arms, severe=label, title=label
        ),
        "modes": lambda: modes.modes(
            axes, [modes.ModeShare(f"{label}new", (3, 4), (10.0, 90.0))], arms, title=label
        ),
        "lollipop": lambda: performance.lollipop(axes, [f"{label}a"], [0.1], [0.01], 0.0, label),
        "ridge": lambda: performance.ridge(axes, {f"{label}a": value}, {f"{label}a": -0.4}, label, -0.3),
        "zipper": lambda: performance.zipper(axes, value - se, value + se, -0.4, title=label, label=label),
        "estimate_against_se": lambda: performance.estimate_against_se(
            axes, value, se, -0.4, title=label, label=label
        ),
        "nested_loop": lambda: sweep.nested_loop(
            axes, {f"{label}a": (value[:3], se[:3])}, {f"{label}s": ["1", label, "1"]}, label, 0.0
        ),
        "swept": lambda: swept.swept(
            axes, np.array([1.0, 2.0, 40.0]), {f"{label}a": (value[:3], se[:3])}, label, label, 0.0
        ),
        "settings": lambda: swept.settings(
            axes, [label, "b", "c"], {f"{label}a": (value[:3], se[:3])}, label, 0.0, False
        ),
        "ranges": lambda: ranges.ranges(
            axes, rows_of_ranges(label), {label: 0.4}, (0.3, 0.5), label, above=len(label) % 2 == 0
        ),
        "heat": lambda: sweep.heat(
            axes, value[:4].reshape(2, 2), se[:4].reshape(2, 2), ["a", label], [label, "b"], (label, label), label
        ),
        "power_curve": lambda: power.power_curve(axes, [(1, 0.5, 0.1)], [], (2, 0.1), 0.8, (label, label), label),
        "tipping": lambda: tipping.tipping(
            axes, np.array([1.0, 2.0, 4.0]), np.array([1.0, 2.0, 4.0]), value[:9].reshape(3, 3),
            value[9:18].reshape(3, 3), [(label, 2.0, 2.0)],
        ),
        "waterfall": lambda: decompose.waterfall(axes, (0.1, 0.01), (0.0, 0.01), [(label, -0.1, 0.01)], label),
        "specification_curve": lambda: multiverse.specification_curve(
            axes, np.column_stack([value, value - se, value + se])[:9], value[:9] < -0.5, [{label: label}] * 9, None,
            label,
        ),
        "densities": lambda: compatible.densities(
            axes, [(label, np.linspace(-1, 1, 9), np.ones(9), np.arange(9.0))], 0.4, label
        ),
        "rates": lambda: claims.rates(axes, {label: [(0.1, 0.01)] * 3}, WORLDS, 0.05),
        "calibration_fit": lambda: calibration.calibration_fit(axes, [calibration.FittedNumber(label, label, 3.0)]),
    }  # fmt: skip


def rows_of(axes: Axes) -> list[str]:
    """The names of the rows of axes."""
    beside = [text for text in axes.texts if text.get_position()[0] < 0 and text.get_ha() == "right"]
    return [text.get_text() for text in beside if text.get_transform() == axes.get_yaxis_transform()]


def public() -> tuple[set[str], set[str]]:
    """The names of all functions of the package that draw on axes, and of those that return a Figure."""
    on_given, whole = set(), set()
    for module in pkgutil.iter_modules(figures.__path__, "analysis.figures."):
        if module.name.endswith(".style"):
            continue
        loaded = import_module(module.name)
        for name, function in inspect.getmembers(loaded, inspect.isfunction):
            if function.__module__ != module.name or name.startswith("_"):
                continue
            if next(iter(inspect.signature(function).parameters), "") == "axes":
                on_given.add(name)
            elif inspect.signature(function).return_annotation is Figure:
                whole.add(name)
    return on_given, whole
