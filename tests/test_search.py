"""The search of calibration against closed forms: standard errors, SDs held within a stage, starts, the verdict."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pytest

from benchmarks.asked.free_places import free_paths
from benchmarks.asked.load_study import load_study
from benchmarks.asked.scenario import Free
from benchmarks.cli.commands import main
from benchmarks.twin.absolute_fit import AbsoluteFit, absolute_fit
from benchmarks.twin.calibrate import Fit, calibrate
from benchmarks.twin.search import SumOfSquares, alike, softened, standard_errors, step_of, usable
from benchmarks.twin.slopes import Move, Slopes
from benchmarks.twin.starts import candidates
from benchmarks.twin.targets import PublishedTarget, Simulated, TargetModel, centre, spread, targets_of, unreached
from simulator.mechanisms.covariates import Population
from simulator.numerics.arrays import Floats
from simulator.world.generate import Reference
from simulator.world.sections import Printed
from tests.small_papers import write_paper

SLOPES = np.array([[3.0, 0.0, 0.0], [1.0, 2.0, 0.0], [0.5, -1.0, 0.0], [2.0, 2.0, 0.0]])
NOISE = np.array([[1.0, 0.0, 0.0, 0.0], [0.6, 0.9, 0.0, 0.0], [0.0, 0.4, 1.2, 0.0], [0.5, 0.5, 0.5, 0.7]])
TRUE = np.array([0.3, -0.2, 0.0])
PRIOR_SD = np.array([0.8, 1.5, 0.4])
NOBODY = Reference(Population.model_construct(), np.empty((1, 1, 0)))


def quiet(stage: str, done: int, total: int) -> None:
    """No progress shown."""
    assert stage
    assert done <= total


@dataclass(frozen=True)
class Linear(TargetModel):
    """Targets that are linear in the parameters, with correlated noise whose SD may grow with the last parameter."""

    growing: float = 0.0

    def simulated(
        self, values: Floats, replicates: int, near: Simulated | None = None, keep: bool = False, jobs: int = 1
    ) -> Simulated:
        """As a world's, with fixed luck."""
        assert jobs == 1
        assert near is None or not keep
        luck = np.random.default_rng(7).standard_normal((len(SLOPES), replicates))
        luck -= luck.mean(axis=1, keepdims=True)
        made: Floats = (SLOPES @ values)[:, None] + np.exp(self.growing * values[2]) * (NOISE @ luck)
        return Simulated(made, NOBODY, ())


def linear(printed: Floats, mean: Floats, doubtful: int = -1, growing: float = 0.0) -> SumOfSquares:
    """The search of the linear world for these printed numbers, one of which may be doubtful."""
    targets = tuple(PublishedTarget(f"t{k}", "0", y, y, "plain", k == doubtful) for k, y in enumerate(printed))
    model = Linear({}, 1, (), targets, growing)
    wide = np.full(3, 50.0)
    return SumOfSquares(
        model, np.full(len(printed), np.nan), mean, PRIOR_SD, -wide, wide, np.zeros(3, np.bool_), 1, quiet
    )


@pytest.mark.parametrize("doubtful", [-1, 0])
def test_standard_errors_are_the_spread_of_fits_to_repeated_papers(doubtful):
    """In a linear world the fit is a weighted least-squares one: its spread over papers and prior means is the SE."""
    search, values, slopes = linear(SLOPES @ TRUE, TRUE, doubtful).settle(TRUE + 0.5, 4000, 1e-6, "linear")
    np.testing.assert_allclose(values, TRUE, atol=0.02)
    own = slopes.of(search.residuals)
    se = standard_errors(own, search.numbers(values, 4000), search.scale, search.model.targets, PRIOR_SD)
    rng, weight = np.random.default_rng(11), np.where(np.arange(4) == doubtful, 3.0, 1.0)
    rows = np.vstack([SLOPES / (np.sqrt((NOISE**2).sum(axis=1)) * weight)[:, None], np.diag(1 / PRIOR_SD)])
    papers = (SLOPES @ TRUE)[:, None] + NOISE @ rng.standard_normal((4, 20_000))
    means = TRUE[:, None] + PRIOR_SD[:, None] * rng.standard_normal((3, 20_000))
    scaled = np.vstack([papers / (np.sqrt((NOISE**2).sum(axis=1)) * weight)[:, None], means / PRIOR_SD[:, None]])
    spread_of = np.linalg.lstsq(rows, scaled, rcond=None)[0].std(axis=1, ddof=1)
    np.testing.assert_allclose(se, spread_of, rtol=0.05)
    assert se[2] == pytest.approx(PRIOR_SD[2], rel=1e-6)  # no number says anything of it
    for wrong in (0.9, 1.1):
        assert not np.allclose(wrong * se, spread_of, rtol=0.05)


def test_residuals_of_all_targets_are_those_of_each():
    """Intervals, directions, a p-value, a doubtful number, and one that does not count."""
    rows = [
        ("1.0", 0.95, 1.05, "plain", False), (">1", 0.0, np.inf, "log", False),
        ("<0.05", -np.inf, -1.6, "probit", False), ("3", 2.5, 3.5, "plain", True), ("9", 8.5, 9.5, "plain", False),
        ("11.7", 11.65, 11.75, "plain", False),
    ]  # fmt: skip
    targets = tuple(PublishedTarget(f"t{k}", *row) for k, row in enumerate(rows))
    scale = np.array([0.5, 0.2, 0.3, 2.0, np.nan, 1e-5])  # the last is nearly always at a cap
    model = TargetModel({}, 1, (), targets)
    one = np.zeros(1)
    search = SumOfSquares(model, scale, one, one + 1, one - 9, one + 9, one > 0, 1, quiet)
    simulated = np.array([
        [1.4, -0.3, -1.0, 9.0, 1.0, 11.69], [0.9, 0.3, -2.0, -1.0, 1.0, 11.7], [np.nan, -np.inf, 0.0, 3.0, 1.0, 11.0],
    ])  # fmt: skip
    wanted = [[softened(t.residual(x, s)) for t, x, s in zip(targets, row, scale, strict=True)] for row in simulated]
    counts = np.isfinite(scale)
    np.testing.assert_allclose(search.residuals(simulated)[:, counts], np.array(wanted)[:, counts], rtol=1e-12)
    np.testing.assert_array_equal(search.residuals(simulated)[:, ~counts], 0.0)
    np.testing.assert_array_equal(search.residuals(simulated)[1], search.residuals(simulated[1]))


def test_slopes_follow_the_scale_and_learn_from_steps():
    """In a linear world a difference gives the slopes; wrong ones become right in the direction of a step (Broyden)."""
    rng = np.random.default_rng(5)
    true, steps = rng.standard_normal((6, 3)), np.array([0.2, -0.2, 0.1])
    base, by = rng.standard_normal(6), np.array([0.5, -1.0, 0.3])
    made = Slopes(np.tile(base, (3, 1)), base + (true * steps).T, steps, 50)
    np.testing.assert_allclose(made.of(lambda x: 2 * x), 2 * true)
    wrong = Slopes(np.tile(base, (3, 1)), base + 1.3 * (true * steps).T, steps, 50)
    learnt = wrong.after(Move(by, base, base + true @ by)).of(lambda x: x)
    np.testing.assert_allclose(learnt @ by, true @ by)
    across = np.array([1.0, 0.5, 0.0])
    assert across @ by == 0
    np.testing.assert_allclose(learnt @ across, 1.3 * true @ across)
    assert not np.allclose(wrong.of(lambda x: x) @ by, true @ by)


def test_a_fit_cannot_gain_by_making_its_numbers_uncertain():
    """The printed numbers are at odds, and a larger last parameter makes every SD larger: it stays at its prior."""
    odd = SLOPES @ TRUE + np.array([9.0, -9.0, 9.0, -9.0])
    search, values, _ = linear(odd, TRUE, growing=1.0).settle(TRUE, 400, 1e-4, "odd")
    assert abs(values[2]) < 1e-6
    np.testing.assert_allclose(search.scale, spread(search.numbers(values, 400)), rtol=0.06)


def test_stages_end_with_the_sds_of_where_they_end():
    """From a start at which all SDs are 20 times too large the fit ends where it does from the truth."""
    printed = SLOPES @ TRUE
    far = linear(printed, TRUE, growing=1.0).settle(np.array([5.0, 5.0, 3.0]), 400, 1e-4, "far")
    near = linear(printed, TRUE, growing=1.0).settle(TRUE, 400, 1e-4, "near")
    np.testing.assert_allclose(far[1], near[1], atol=0.02)
    np.testing.assert_allclose(far[0].scale, near[0].scale, rtol=0.06)


def test_steps_by_slopes_that_are_wrong_teach_them():
    """Slopes that are 30 % off, and one without any: without a new difference the fit ends at the least sum."""
    search, values, slopes = linear(SLOPES @ TRUE, TRUE).settle(TRUE + 0.5, 400, 1e-6, "linear")
    near = values + np.array([0.4, -0.5, 0.0])
    wrong = replace(slopes, moves=(), ends=slopes.starts + 1.3 * (slopes.ends - slopes.starts))
    wrong.ends[1, 2] = wrong.starts[1, 2]
    end, there = search.refine(near, 400, 1e-9, "last", wrong)
    np.testing.assert_allclose(end, values, atol=0.02)
    np.testing.assert_array_equal(there.numbers, search.numbers(end, 400))
    one_step = near - search.sd * step_of(
        wrong.of(search.residuals), search.residuals(centre(search.numbers(near, 400))), (near - TRUE) / PRIOR_SD, 0.0
    )
    assert not np.allclose(one_step, values, atol=0.02)


def test_ends_are_compared_by_sds_that_neither_inflates():
    search = linear(SLOPES @ TRUE, TRUE, growing=1.0)
    good, inflated = TRUE, np.array([3.0, 3.0, 3.0])
    numbers = [search.numbers(one, 400) for one in (good, inflated)]
    common = search.scaled_by(*numbers)
    np.testing.assert_array_equal(common.scale, spread(numbers[0]))
    losses = [float(np.sum(common.residuals(centre(one)) ** 2)) for one in numbers]
    assert losses[0] < 1e-6 < losses[1]


def test_what_is_lost_on_the_way_is_the_farthest_of_all():
    found = softened(np.array([0.0, -3.0, 9.9, 100.0, -1e300, np.inf, -np.inf, np.nan]))
    np.testing.assert_allclose(found, [0, -3, 9.9, 10 * (1 + np.log(10)), -100, 100, -100, 100])
    assert (np.diff(softened(np.linspace(0, 1000, 500))) > 0).all()


def test_targets_are_used_that_are_there_reached_and_vary():
    row = np.arange(100.0)
    rows = {
        "plain": row,
        "a fifth": np.where(row < 20, row, np.nan),
        "fewer": np.where(row < 19, row, np.nan),
        "mostly reached": np.where(row < 85, row, np.inf),
        "not so": np.where(row < 83, row, np.inf),
        "never": np.full(100, np.nan),
        "fixed": np.full(100, 3.0),
    }
    found = usable(np.array(list(rows.values())))
    assert dict(zip(rows, found.tolist(), strict=True)) == {
        "plain": True, "a fifth": True, "fewer": False, "mostly reached": True, "not so": False, "never": False,
        "fixed": False,
    }  # fmt: skip
    one, other = np.full(200, 2.0), np.full(200, 2.08)
    assert alike(one, other)
    assert not alike(one, np.full(200, 2.2))
    other[:5] = np.nan
    assert not alike(one, other)


FREE = {
    "outcomes.death.baseline.rate": Free(mean=0.02, sd=0.5, bounds=(0.001, 1), scale="log"),
    "outcomes.progression.treatment.log_hr": Free(mean=-0.1, sd=0.5, bounds=(-2, 2), start=1.5),
    "followup.dropout.control.rate": Free(mean=0.01, sd=0.5, bounds=(0.001, 1), scale="log"),
    "outcomes.progression.treatment.modifiers.stage": Free(mean=0.2, sd=0.5, bounds=(-2, 2)),
}


def printed(numbers: Mapping[str, str]) -> dict[str, Printed]:
    return {key: Printed(printed=text, where="T") for key, text in numbers.items()}


def test_the_search_begins_at_crude_moments_of_the_paper():
    paper = printed({
        "endpoints.OS.before.km.control.median": "20.0", "endpoints.OS.before.cox.hr": "0.50",
        "endpoints.PFS.after.km.control.events": "80", "cohort.control": "100", "endpoints.PFS.after.cox.hr": "0.80",
        "endpoints.PFS.before.follow_up.control.median": "10.0",
    })  # fmt: skip
    paths = [(tuple(name.split(".")),) for name in FREE]
    found = dict(candidates(list(FREE.values()), paths, paper, ("OS", "PFS")))
    assert found["as stated"].tolist() == [0.02, 1.5, 0.01, 0.2]
    assert found["prior middle"].tolist() == [0.02, -0.1, 0.01, 0.2]
    np.testing.assert_allclose(found["moments, OS"], [np.log(2) / 20, np.log(0.5), 0.01, 0.2])
    np.testing.assert_allclose(found["moments, PFS"], [-np.log(0.2) / 10, np.log(0.8), 0.01, 0.2])
    between = [np.sqrt(np.log(2) / 20 * -np.log(0.2) / 10), np.log(0.4) / 2, 0.01, 0.2]
    np.testing.assert_allclose(found["moments, between them"], between)
    scattered = np.array([point for name, point in found.items() if name.startswith("scattered")])
    assert len(scattered) == 6
    assert scattered[:, 0].min() < 0.02 < scattered[:, 0].max()
    alone = dict(candidates([FREE["outcomes.death.baseline.rate"]], paths[:1], {}, ()))
    assert len(alone) == 7  # the stated start, which is the prior's middle, and the scattered


@pytest.mark.parametrize(
    ("numbers", "share"),
    [
        ({"before.km.control.events": "40", "cohort.control": "100"}, 0.4),
        ({"after.km.control.events": "40", "matching.n_control": "120", "matching.n_pairs": "60"}, 40 / 120),
        ({"after.km.control.events": "40", "matching.n_pairs": "60", "cohort.control": "200"}, 40 / 60),
        ({"after.km.control.events": "40", "cohort.control": "200"}, 0.2),
    ],
)
def test_crude_rates_divide_events_by_the_patients_among_whom_they_are_counted(numbers, share):
    own = {
        key if key.startswith(("cohort", "matching")) else f"endpoints.OS.{key}": text for key, text in numbers.items()
    }
    paper = printed({**own, "endpoints.OS.before.follow_up.control.median": "10.0"})
    found = dict(
        candidates(
            [FREE["outcomes.death.baseline.rate"]], [(("outcomes", "death", "baseline", "rate"),)], paper, ("OS",)
        )
    )
    assert found["moments, OS"][0] == pytest.approx(-np.log(1 - share) / 10)


def judged(rows: Mapping[str, tuple[str, Floats]], doubtful: tuple[str, ...] = ()):
    """The verdict on numbers printed so, with these values in the replicates."""
    paper = printed({key: text for key, (text, _) in rows.items()})
    targets = [
        PublishedTarget(key, text, float(text) - 0.05, float(text) + 0.05, "plain", key in doubtful)
        for key, (text, _) in rows.items()
    ]
    return absolute_fit(targets, paper, np.array([row for _, row in rows.values()]), dict.fromkeys(doubtful, ("odd",)))


def test_the_verdict_holds_what_is_printed_as_not_reached():
    def told(reached: int) -> AbsoluteFit:
        row = np.where(np.arange(200) < reached, 12.0, np.inf)
        paper = printed({"a.median": "NR"})
        return absolute_fit(unreached(paper, {}), paper, row[None], {})

    assert [told(reached).outside for reached in (0, 100, 190)] == [(), (), ()]
    (one,) = told(199).outside
    assert (one.key, one.printed, one.median) == ("a.median", "NR", 12.0)
    assert one.distance == pytest.approx(2.5758, abs=1e-4)  # the normal quantile of 1 in 200
    assert told(200).outside[0].distance == pytest.approx(2.8070, abs=1e-4)  # of half a one
    assert [(one.key, one.why) for one in told(200).unused] == [("a.median", "printed as not reached")]
    assert told(200).numbers == 1


def test_a_screened_number_is_told_with_what_keeps_it():
    row = np.where(np.arange(201) < 30, np.linspace(-2, 2, 201), np.nan)
    keys = ("endpoints.OS.before.multivariable[treatment].se", "endpoints.OS.before.multivariable[age].se")
    told = {one.key: one.why for one in judged(dict.fromkeys(keys, ("1.0", row))).unused}
    assert told[keys[0]] == "15 % of simulated studies have it (all, with analysis.cox.keep_treatment: true)"
    assert told[keys[1]] == "15 % of simulated studies have it (all, with analysis.cox.screening_p: null)"


def test_the_verdict_tells_what_is_outside_worst_first_and_what_was_not_used():
    row = np.linspace(-2, 2, 201)  # its SD is 1.163
    found = judged({
        "a": ("0.5", row), "b": ("5.0", row), "c": ("-3.5", row), "d": ("9.0", row), "e": ("1.0", np.full(201, 1.0)),
        "f": ("-1.7", np.where(np.arange(201) < 30, row, np.nan)),
        "g": ("1.0", np.where(np.arange(201) < 160, row, np.inf)),
    }, ("d",))  # fmt: skip
    assert (found.numbers, found.doubtful) == (6, 1)
    assert [one.key for one in found.outside] == ["b", "c"]
    assert found.outside[0].distance == pytest.approx((5.0 - 0.05) / row.std(ddof=1))
    assert found.outside[1].distance == pytest.approx((3.5 - 0.05) / row.std(ddof=1))
    assert {one.key: one.why for one in found.unused} == {
        "e": "it is 1 in every simulated study", "f": "15 % of simulated studies have it",
        "g": "80 % of simulated studies reach it",
    }  # fmt: skip
    assert found.bad == "more than one number in ten is missed"
    told = "In its own simulated studies the fit misses 2 of the 6 printed numbers that it aimed at (chance hardly"
    assert found.text.startswith(told)


def test_a_fit_is_bad_where_chance_does_not_explain_it():
    row = np.linspace(-2, 2, 201)
    sd = row.std(ddof=1)
    inside = {f"k{k}": ("0.5", row) for k in range(19)}
    assert not judged(inside).bad
    assert not judged({**inside, "far": (f"{4.0 * sd + 0.05:.4f}", row)}).bad  # Bonferroni's bound of 20 is 4.06 SDs
    assert "further away than chance explains" in judged({**inside, "far": (f"{4.2 * sd + 0.05:.4f}", row)}).bad
    two = {f"far{k}": (f"{3 * sd:.4f}", row) for k in range(2)}
    assert not judged({**inside, **two}).bad  # 2 of 21
    assert judged({**inside, **two, "third": (f"{3 * sd:.4f}", row)}).bad == "more than one number in ten is missed"
    assert judged({**inside, "none": ("1.0", np.full(201, np.nan))}).bad == "no simulated study has 'none'"
    assert not judged({**inside, "none": ("1.0", np.full(201, np.nan))}, ("none",)).bad


PAPER = {
    "cohort.n": "160",
    "endpoints.OS.before.km.control.median": "17.5",
    "endpoints.OS.before.km.control.events": "48",
    "endpoints.OS.before.km.treated.events": "33",
    "endpoints.OS.before.cox.hr": "0.67",
    "endpoints.PFS.before.km.control.median": "6.0",
    "endpoints.PFS.before.km.treated.median": "9.3",
    "endpoints.PFS.before.cox.hr": "0.63",
}
CALIBRATION = """\
calibration:
  replicates: 40
  free:
    outcomes.progression.baseline.rate: {mean: 0.08, sd: 2, bounds: [0.0001, 5], scale: log, start: 4}
    outcomes.progression.treatment.log_hr: {mean: -0.4, sd: 1, bounds: [-4, 4], start: 3}
    outcomes.death.baseline.rate: {mean: 0.02, sd: 2, bounds: [0.0001, 5], scale: log, start: 4}
    outcomes.death_after_progression.baseline.rate: {mean: 0.06, sd: 2, bounds: [0.0001, 5], scale: log, start: 0.0002}
"""


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["trialtwin", "calibrate", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


def fitted(path: str, *settings: str) -> Fit:
    asked = load_study(path, settings)
    assert asked.scenario.calibration is not None
    paths = free_paths(asked.document, asked.scenario.calibration)
    return calibrate(asked.scenario, asked.document.tree, paths, 1, quiet, {})


def test_a_start_where_no_median_is_reached_ends_where_the_truth_is(tmp_path):
    """SDs and targets frozen at such a start ended at 338 squares, three medians infinite, an effect "98 % pinned"."""
    found = fitted(str(write_paper(tmp_path, PAPER, CALIBRATION)))
    assert found.losses[0] > 300
    assert found.losses[-1] < 5
    assert not found.verdict.bad
    assert found.verdict.outside == ()
    assert {one.key for one in found.verdict.unused} == {"cohort.n"}
    by_name = {one.name: one for one in found.parameters}
    rate, effect = (by_name[f"outcomes.progression.{name}"] for name in ("baseline.rate", "treatment.log_hr"))
    assert abs(np.log(rate.fitted / 0.08)) < 2 * rate.se < 1.2
    assert abs(effect.fitted + 0.4) < 2 * effect.se < 1.2
    assert effect.start == 3.0


def test_a_paper_that_no_parameters_print_ends_with_exit_code_one(tmp_path, capsys, monkeypatch):
    """Nine of ten controls die, and yet their median is 60 months: no rate of death does both."""
    odd = {
        "endpoints.OS.before.km.control.events": "80",
        "endpoints.OS.before.km.control.percent": "90.0",
        "endpoints.OS.before.km.control.median": "60.0",
        "endpoints.OS.before.km.treated.events": "5",
    }
    rate = "outcomes.death.baseline.rate: {mean: 0.02, sd: 1, bounds: [0.001, 1], scale: log}"
    path = str(write_paper(tmp_path, odd, f"calibration: {{replicates: 40, free: {{{rate}}}}}"))
    out = tmp_path / "fitted.yaml"
    assert run(monkeypatch, path, "--out", str(out)) == 1
    told = capsys.readouterr().out
    assert "the fit misses 3 of the 3 printed numbers" in " ".join(told.split())
    assert "a bad fit, more than one number in ten is missed" in " ".join(told.split())
    after = told[told.index("number, worst first") :].splitlines()[2:]
    far = [
        float(line.split()[-1]) for line in after[: next((k for k, line in enumerate(after) if not line), len(after))]
    ]
    assert len(far) >= 2
    assert far == sorted(far, reverse=True)
    assert "a bad fit" in out.read_text()


DEATHS = """\
name: deaths
source: a test
arms: {control: control, treated: treated}
population: {size: 100, covariates: {stage: {kind: binary, shares: {early: 0.5, late: 0.5}}}}
treatment: {kind: prevalence, share: 0.5}
outcomes:
  progression: {baseline: {kind: exponential, rate: 0}}
  death: {baseline: {kind: exponential, rate: 0.02}}
  death_after_progression: {baseline: {kind: exponential, rate: 0.02}}
entry: {accrual: {start: 2000-01-01, end: 2000-01-01}}
followup: {cut_off: 2002-01-01}
analysis: {propensity: {method: all}}
published:
  endpoints.OS.before.km.control.events: {printed: "35", where: T}
calibration:
  replicates: 1500
  free: {outcomes.death.baseline.rate: {mean: 0.05, sd: 3, bounds: [0.001, 1], scale: log}}
"""


def test_the_standard_error_of_a_rate_is_that_of_a_count_of_deaths(tmp_path):
    """All enter at once, none is lost: D ~ Bin(100, p / 2), p = 1 - exp(-rate T), and dE(D) / d log rate = 50 q rate T.

    Slopes by steps of a fifth of this wide prior made the SE 14 % too large.
    """
    path = tmp_path / "deaths.yaml"
    path.write_text(DEATHS, "utf-8")
    (found,) = fitted(str(path)).parameters
    months = 731 / 30.4375
    p = 1 - np.exp(-found.fitted * months)
    assert 50 * p == pytest.approx(35, abs=0.5)
    wanted = np.sqrt(100 * p / 2 * (1 - p / 2)) / (50 * (1 - p) * found.fitted * months)
    assert found.se == pytest.approx(wanted, rel=0.07)
    assert found.pinned == pytest.approx(1 - (found.se / 3) ** 2)


def test_an_interval_that_is_too_narrow_is_outside_though_its_limits_are_not():
    """Ratios vary by 0.1, their errors by 2 %: limits of 0.99 to 1.21 are as usual, an error of 0.05 is not."""
    luck = np.random.default_rng(4)
    value, error = 0.1 * luck.standard_normal(2000), 0.1 * np.exp(0.02 * luck.standard_normal(2000))

    def told(low: str, high: str, doubts: tuple[str, ...] = ()) -> AbsoluteFit:
        texts = {f"endpoints.OS.after.cox.{key}": text for key, text in (("hr", "1.10"), ("low", low), ("high", high))}
        paper = printed(texts)
        targets = targets_of(paper, dict.fromkeys(doubts, ("odd",)))
        rows = {"hr": value, "low": value - 1.96 * error, "high": value + 1.96 * error}
        return absolute_fit(targets, paper, np.array([rows[one.key.rpartition(".")[2]] for one in targets]), {})

    fitting = told("0.90", "1.34")  # an error of 0.1015
    assert (fitting.outside, fitting.numbers, fitting.widths) == ((), 3, 1)
    assert fitting.text.startswith(
        "In its own simulated studies the fit misses 0 of the 3 printed numbers and 0 of the 1 widths of intervals that"
    )
    missing = told("0.99", "1.21").text
    assert "misses 0 of the 3 printed numbers and 1 of the 1 widths of intervals that" in missing
    (narrow,) = told("0.99", "1.21").outside
    assert (narrow.key, narrow.printed) == ("endpoints.OS.after.cox.high/low", "1.21/0.99")
    assert narrow.median == pytest.approx(np.exp(2 * 1.96 * 0.1), rel=0.01)
    assert (narrow.low, narrow.high) == pytest.approx(tuple(np.exp(0.392 * np.exp((-0.0392, 0.0392)))), rel=0.01)
    assert narrow.distance > 10
    assert "further away than chance" in told("0.99", "1.21").bad
    assert [one.key for one in told("0.84", "1.44").outside] == ["endpoints.OS.after.cox.high/low"]  # too wide
    assert told("0.93", "1.30", ("endpoints.OS.after.cox.high",)).widths == 0
    assert told("0.93", "NA").widths == 0
