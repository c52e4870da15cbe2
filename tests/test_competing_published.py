"""Numbers that papers print where other events compete: of a block as of one cohort, by slow twins, scored, audited."""

import json
import tempfile
from collections.abc import Callable
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import yaml
from scipy.stats import chi2, norm

from analysis.audit import audit
from analysis.audit.kinds import kind_of
from analysis.audit.published import parse_printed, plain_print
from analysis.cohort_files.cohort_file import CohortSpec, read_cohort
from analysis.estimators import Sample
from analysis.paper.block_workflow import BlockAnalysis
from analysis.paper.number_keys import TIME, keys_of, problem
from analysis.paper.number_tree import COMPETING, any_paper
from analysis.paper.numbers import BlockNumbers, number_in
from analysis.paper.workflow import analyse
from benchmarks.asked.free_places import free_paths
from benchmarks.asked.load_study import load_study
from benchmarks.asked.published_keys import number_keys
from benchmarks.asked.sampled import one_sample
from benchmarks.asked.scenario import Scenario
from benchmarks.twin.calibrate import calibrate
from benchmarks.twin.fidelity import fidelity
from benchmarks.twin.listing import all_keys
from benchmarks.twin.starts import candidates
from benchmarks.twin.targets import targets_of
from simulator.cohort.addresses import Address
from simulator.documents.loading import load, parse
from simulator.numerics.arrays import Bools, Floats, Ints
from simulator.world.generate import generate, resolve
from simulator.world.sections import Printed
from tests.commands import printed
from tests.papers_of_worlds import as_printed, print_paper
from tests.reference import competing as slow
from tests.reference import cox as slow_cox
from tests.reference import kaplan_meier
from tests.small_papers import write_competing
from tests.test_competing_analysis import DATA, SPEC, R
from tests.test_numbers import replicate

Z = float(norm.ppf(0.975))
REPLICATES = np.arange(2)
TIMES = (6.0, 12.0, 30.0)
SEED = 5
PRIMARY: dict[str, tuple[str, ...]] = {
    "pairs": (),
    "1:2": ("analysis.matching.ratio=2", "analysis.matching.caliper=1"),
    "replacement": ("analysis.matching.replacement=true",),
    "weighting": ("analysis.primary=weighting",),
    "adjustment": ("analysis.primary=adjustment",),
    "unadjusted": ("analysis.primary=unadjusted",),
}


class Patients(NamedTuple):
    """Some patients ``(N,)``; ``kind`` is 1 for the event, 2 for a competing one."""

    time: Floats
    kind: Ints
    treated: Bools
    weight: Floats
    cluster: Ints


@cache
def made(*settings: str) -> tuple[Scenario, BlockNumbers]:
    """The small world, and the numbers of two of its cohorts."""
    at = f"analysis.survival.times={list(TIMES)}"
    with tempfile.TemporaryDirectory() as folder:
        scenario = load_study(str(write_competing(Path(folder))), (at, *settings)).scenario
    sample = one_sample(scenario, generate(resolve(scenario), SEED, REPLICATES), SEED)
    return scenario, BlockNumbers(BlockAnalysis(sample))


def of_rivals(scenario: Scenario, every: bool = False) -> list[str]:
    """The keys of an endpoint with competing states, at the times; those that are so on its account, unless every."""
    keys = [key for key, _ in keys_of(number_keys(scenario)) if key.startswith("endpoints.MACE.")]
    some = [key for key in keys if every or key.split(".")[3].split("[")[0] in COMPETING]
    return [key.replace(TIME, f"{at:g}") for key in some for at in (TIMES if TIME in key else TIMES[:1])]


@pytest.mark.parametrize("primary", PRIMARY)
def test_every_number_of_a_block_is_that_of_the_analysis_of_each_cohort(primary: str) -> None:
    scenario, block = made(*PRIMARY[primary])
    keys = [key for key in of_rivals(scenario, every=True) if "time_lost" not in key or f"[{TIMES[-1]:g}]" in key]
    assert len([key for key in keys if key.split(".")[3].split("[")[0] in COMPETING]) > 100
    names = [str(k) for k in range(scenario.screened())]
    order = np.arange(len(names))
    alone = [
        analyse(
            replicate(block.block.sample.observed, r), names, scenario.analysis, order=order,
            address=Address(np.array([r]), SEED),
        ).to_json()
        for r in REPLICATES
    ]  # fmt: skip
    for key in keys:
        found = block.of(key)
        wanted = np.array([number_in(one, key) for one in alone])
        np.testing.assert_allclose(np.where(np.isinf(found), np.nan, found), wanted, rtol=1e-9, atol=1e-9, err_msg=key)
        assert np.isfinite(found).any() or "follow_up" in key, key


def rows(block: BlockNumbers, side: str, arm: str | None, r: int = 0) -> Patients:
    """The patients of a side of one cohort, of one arm or both, from what is observed and how it is adjusted."""
    sample = block.block.sample
    course, adjusted, n = sample.observed.endpoints["MACE"], sample.adjusted, sample.observed.treated.shape[1]
    present = (adjusted.present if side == "after" else sample.observed.present)[r].copy()
    weight, cluster = np.ones(n), np.arange(n)
    if side == "after" and adjusted.weight is not None:
        weight = adjusted.weight[r]
    if side == "after" and sample.plan.primary == "matching" and not sample.plan.matching.replacement:
        cluster = sample.matching.pair[r]
    treated = sample.observed.treated[r]
    if arm is not None:
        present &= treated == (arm == "treated")
    assert course.competing is not None
    kind = np.where(course.event[r], 1, np.where(course.competing[r], 2, 0))
    return Patients(*(one[present] for one in (course.time[r], kind, treated, weight, cluster)))


def wald(value: float, se: float) -> float:
    return float(2 * norm.sf(abs(value / se)))


def right_numbers(block: BlockNumbers, side: str, at: float) -> dict[str, float]:
    """The numbers at a time by the slow twin, with limits and p-values from their formulas."""
    made: dict[str, float] = {}
    whole = rows(block, side, None)
    for arm in ("control", "treated"):
        one = rows(block, side, arm)
        other = np.where(one.kind > 0, 3 - one.kind, 0)
        for name, kind, share in (
            ("incidence", one.kind, slow.incidence), ("competing_incidence", other, slow.incidence),
            ("time_lost", one.kind, slow.time_lost),
        ):  # fmt: skip
            value = share(one.time, kind, one.weight, at)
            se = slow.jackknife(lambda w: share(one.time, kind, w, at), one.weight, one.cluster)  # noqa: B023
            width = Z * se / (1 if name == "time_lost" else value)
            ends = (value - width, value + width) if name == "time_lost" else value * np.exp((-width, width))
            made |= {f"{name}.{arm}[{at:g}]": value}
            made |= {f"{name}.{arm}[{at:g}].{end}": x for end, x in zip(("low", "high"), ends, strict=True)}
        made[f"competing_events.{arm}"] = (one.kind == 2).sum()

    def of_both(share: Callable[..., Any], weight: Any) -> list[Any]:
        parts = [whole.treated == treated for treated in (False, True)]
        return [share(whole.time[who], whole.kind[who], weight[who], at) for who in parts]

    def against(name: str, made_of: Callable[[Any], Any], back: Callable[[Any], Any]) -> None:
        value, se = made_of(whole.weight), slow.jackknife(made_of, whole.weight, whole.cluster)
        numbers = dict(zip(("", ".low", ".high"), back(value + se * Z * np.array([0, -1, 1])), strict=True))
        made.update({f"{name}[{at:g}]{end}": x for end, x in numbers.items()} | {f"{name}[{at:g}].p": wald(value, se)})

    def plain(x: Any) -> Any:
        return x

    against("incidence_difference", lambda w: np.diff(of_both(slow.incidence, w))[0], plain)
    against("incidence_ratio", lambda w: np.diff(np.log(of_both(slow.incidence, w)))[0], np.exp)
    against("time_lost_difference", lambda w: np.diff(of_both(slow.time_lost, w))[0], plain)
    return made


def right_models(block: BlockNumbers, side: str, gray: bool) -> dict[str, float]:
    """The numbers of Fine and Gray's model, of the model of competing events and, of weighted sets, of Gray's test."""
    one, made = rows(block, side, None), {}
    nobody, x = np.zeros(len(one.time), int), one.treated[:, None].astype(float)
    fit = slow.fine_gray(one.time, one.kind, x, one.weight, one.cluster, nobody, nobody)
    data = slow_cox.data(one.time, one.kind == 2, x, weight=one.weight, cluster=one.cluster)
    other = slow_cox.fit(data)
    weighted = side == "after" and block.block.sample.adjusted.weight is not None
    variance = slow_cox.robust_covariance(data, other) if weighted else other.covariance
    for name, beta, square in (
        ("fine_gray", fit.beta[0], fit.robust[0, 0]), ("competing_cox", other.beta[0], variance[0, 0]),
    ):  # fmt: skip
        se = float(np.sqrt(square))
        made |= {f"{name}.log_hr": beta, f"{name}.se": se, f"{name}.hr": np.exp(beta), f"{name}.p": wald(beta, se)}
        made |= {f"{name}.low": np.exp(beta - Z * se), f"{name}.high": np.exp(beta + Z * se)}
    if gray:

        def score(weight: Any) -> Any:
            return slow.gray_score(one.time, one.kind, one.treated, weight)

        made["gray.chi2"] = (score(one.weight) / slow.jackknife(score, one.weight, one.cluster)) ** 2
        made["gray.p"] = float(chi2.sf(made["gray.chi2"], 1))
    return made


SMALLER = {"1:2": "population.size=44"}  # Gray's score of it is slow


@pytest.mark.parametrize(
    ("primary", "side"), [("pairs", "before"), *((name, "after") for name in PRIMARY if name != "adjustment")]
)
def test_every_number_is_the_slow_twins(primary: str, side: str) -> None:
    scenario, block = made(SMALLER.get(primary, "population.size=64"), *PRIMARY[primary])
    right = right_numbers(block, side, 12.0) | right_models(block, side, gray=primary == "1:2")
    asked = {key.partition(f".{side}.")[2] for key in of_rivals(scenario)} - {""}
    here = {key for key in asked if f"[{TIMES[0]:g}]" not in key and f"[{TIMES[2]:g}]" not in key}
    assert here - set(right) <= {"gray.chi2", "gray.p"}
    assert len(right) > 40
    for key, value in right.items():
        found = block.of(f"endpoints.MACE.{side}.{key}")[0]
        assert found == pytest.approx(value, rel=2e-6), key
        assert found != pytest.approx(1.1 * value, rel=2e-6)


def test_numbers_of_a_block_are_rs() -> None:
    """The patients of `test_competing_analysis`, for whom Gray's test is cmprsk's, Fine and Gray's model finegray's."""
    document = CohortSpec.model_validate_json(json.dumps(yaml.safe_load(SPEC)))
    observed = read_cohort(DATA, document).observed
    block = BlockNumbers(BlockAnalysis(Sample(observed, document.analysis, np.arange(1))))
    said: dict[str, Any] = {"gray": dict(zip(("chi2", "p"), R["gray"], strict=True))}
    for name, theirs in (("fine_gray", "fg"), ("cox", "specific"), ("competing_cox", "other")):
        said[name] = dict(zip(("log_hr", "se"), R[theirs], strict=True))
    right = {f"{name}.{part}": value for name, parts in said.items() for part, value in parts.items()}
    for arm, theirs in R["arms"].items():
        for k, at in enumerate((60, 120, 240)):
            right[f"competing_incidence.{arm}[{at}]"] = theirs["dead"][k]
            right |= {f"incidence.{arm}[{at}]{end}": theirs[end[1:] or "pcm"][k] for end in ("", ".low", ".high")}
    assert len(right) == 8 + 24
    for key, value in right.items():
        assert block.of(f"endpoints.pcm.before.{key}")[0] == pytest.approx(value, rel=1e-8), key


def test_follow_up_does_not_end_with_a_competing_event() -> None:
    _, block = made()
    for arm in ("control", "treated", None):
        one = rows(block, "before", arm)
        start = f"endpoints.MACE.before.follow_up.{arm or 'overall'}"
        median, low, _ = kaplan_meier.quantile(one.time, one.kind == 0, 0.5)
        assert block.of(f"{start}.median")[0] == median
        assert block.of(f"{start}.low")[0] == pytest.approx(low)
        assert block.of(f"{start}.events")[0] == (one.kind == 0).sum()
        assert kaplan_meier.quantile(one.time, one.kind != 1, 0.5)[0] < median  # were a death an end of follow-up


def test_first_events_by_type_are_those_of_an_endpoint_of_that_type() -> None:
    """Who is hospitalised first, and who dies of a cardiovascular cause first, are all who have either."""
    _, block = made("endpoints.first-cv-death={event: dead-cv, competing: [hospitalised, dead-other]}")
    for arm in ("control", "treated"):
        firsts = [
            block.of(f"endpoints.{name}.before.km.{arm}.events") for name in ("first-hospitalisation", "first-cv-death")
        ]
        np.testing.assert_array_equal(np.sum(firsts, axis=0), block.of(f"endpoints.MACE.before.km.{arm}.events"))
        assert min(one.min() for one in firsts) > 2


def test_nothing_is_worked_out_that_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    for name in ("incidence_points", "lost_points", "incidence_differences", "gray_test", "fine_gray"):
        monkeypatch.setattr(f"analysis.paper.competing_numbers.{name}", lambda *_, name=name, **__: asked.append(name))
    _, block = made("run.seed=12")
    block.of("endpoints.MACE.before.km.treated.events")
    block.of("endpoints.death.after.cox.hr")
    assert asked == []


# --- Listed, told, read


def test_every_key_is_listed_with_its_meaning_and_an_example_that_is_accepted(tmp_path: Path) -> None:
    base = write_competing(tmp_path)
    scenario, _ = made()
    listed = [one for one in all_keys(number_keys(scenario)) if not one.key.startswith("world.")]
    assert all(one.what and one.example for one in listed)
    path = tmp_path / "all.yaml"
    lines = [f"  {one.example}" for one in listed]
    path.write_text("\n".join([f"extends: {base.name}", "name: all", "published:", *lines, ""]), "utf-8")
    assert len(load_study(str(path)).scenario.published) == len(lines)
    what = {one.key.partition(".before.")[2]: one.what for one in listed if one.key.startswith("endpoints.MACE.")}
    assert "cause-specific" in what["cox.hr"]
    assert "cause-specific" not in {one.key: one.what for one in listed}["endpoints.death.before.cox.hr"]
    kinds = {"incidence.treated[<time>]": "share", "incidence_ratio[<time>]": "ratio", "fine_gray.hr": "ratio"}
    kinds |= {"incidence.control[<time>].low": "share", "incidence_difference[<time>].high": "share"}
    kinds |= {"competing_events.treated": "count", "time_lost.control[<time>].low": "amount", "gray.p": "p"}
    assert {key: kind_of(f"endpoints.MACE.before.{key}") for key in kinds} == kinds
    assert kind_of("cohort.control") == "count"
    plain, everywhere = number_keys(scenario), any_paper()
    for key in of_rivals(scenario):
        assert not problem(everywhere, key)
        assert problem(plain, key.replace("MACE", "death"))


def test_the_short_list_tells_of_endpoints_with_competing_states_apart(tmp_path: Path) -> None:
    told = " ".join(printed(["published", str(write_competing(tmp_path))]).split())
    assert "endpoints.<endpoint*>.<side>.incidence. <arm>[<time>] cumulative incidence of the event" in told
    assert "<endpoint*> MACE, first-hospitalisation (with competing states)" in told
    assert "endpoints.<endpoint>.<side>.km.<arm>. median" in told
    assert "competing_events. <arm> patients with a competing event" in told
    alone = " ".join(printed(["published", str(write_competing(tmp_path)), "-S", "endpoints.death=null"]).split())
    assert "<endpoint*>" not in alone
    assert "endpoints.<endpoint>.<side>.fine_gray. hr" in alone


CELLS = [
    "12.3% (9.8-15.1)",
    "12.3 (9.8\u201315.1)",
    "0.123 (0.098 to 0.151)",
    "12\u00b73% (95% CI 9\u00b78\u201315\u00b71)",
]
CELLS += ["12.3% [9.8%, 15.1%]", "12,3 % (9,8; 15,1)", "12.3 (95% CI: 9.8, 15.1)"]


@pytest.mark.parametrize("text", CELLS)
def test_a_cell_with_its_interval_is_read_by_the_key_that_it_stands_under(text: str) -> None:
    key = "endpoints.MACE.before.incidence.treated[12]"
    found = [parse_printed(text, f"{key}{end}") for end in ("", ".low", ".high")]
    assert [round((one.low + one.high) / 2, 6) for one in found] == [0.123, 0.098, 0.151]
    assert all(one.high - one.low == pytest.approx(0.001) for one in found)


def test_shares_below_one_percent_beside_larger_ones_are_in_percent_too() -> None:
    key = "endpoints.MACE.before.incidence_difference[12]"
    for text, wanted in (("-0.8 (-2.1 to 0.5)", (-0.008, -0.021, 0.005)), ("0.8% (0.3-0.9)", (0.008, 0.003, 0.009))):
        found = [parse_printed(text, f"{key}{end}") for end in ("", ".low", ".high")]
        assert [round((one.low + one.high) / 2, 6) for one in found] == list(wanted)
    assert plain_print("12.3 (9.8-15.1)", "endpoints.death.before.km.treated.median") == "12.3"
    assert plain_print("12.3 (9.8-15.1)", "endpoints.death.before.km.treated.low") == "9.8"
    assert plain_print("0.56 (0.41-0.77)", "endpoints.MACE.before.fine_gray.high") == "0.77"
    for key in ("cohort.n", "endpoints.MACE.before.gray.p", "table1.before[age].treated.q1"):
        with pytest.raises(ValueError, match="holds several numbers"):
            plain_print("12.3 (9.8-15.1)", key)
    with pytest.raises(ValueError, match="holds two numbers"):
        plain_print("12.3 (9.8)", "endpoints.MACE.before.incidence.treated[12]")


# --- Scored, fitted, audited


def quiet(*_: object) -> None:
    """Says nothing."""


def test_a_world_prints_its_own_paper_and_another_world_does_not() -> None:
    scenario, _ = made()
    keys = [key for key in of_rivals(scenario) if not key.endswith((".p", "chi2")) and "[30]" not in key]
    template = {key: Printed(printed="0.0000", where="Table 2") for key in keys}
    paper = print_paper(scenario, resolve(scenario), template, 77, 0)
    assert len(paper) > 80
    own = fidelity(scenario.model_copy(update={"published": paper}), 150, 6, 1, quiet, {})
    assert own.totals[-1].inside >= 0.85 * own.totals[-1].numbers
    with tempfile.TemporaryDirectory() as folder:
        change = "outcomes.transitions.hospitalisation.baseline.rate=0.08"
        other = load_study(str(write_competing(Path(folder))), (change,)).scenario
    far = fidelity(other.model_copy(update={"published": paper}), 60, 6, 1, quiet, {})
    outside = {one.key for one in far.scores if not one.inside}
    assert {f"endpoints.MACE.before.incidence.{arm}[12]" for arm in ("control", "treated")} <= outside
    assert far.totals[-1].inside < 0.8 * far.totals[-1].numbers


RATES = {"illness": (0.05, -0.6), "death": (0.02, 0.3)}
TWO_CAUSES = """\
name: two-causes
source: a test
time_unit: months
arms: {control: C, treated: T}
population: {size: 500, covariates: {age: {kind: continuous, mean: 60, sd: 8, bounds: [30, 90]}}}
treatment: {kind: prevalence, share: 0.5}
outcomes:
  states: [well, ill, dead]
  transitions:
    illness: {from: well, to: ill, baseline: {kind: exponential, rate: 0.03}, treatment: {log_hr: 0}}
    death: {from: well, to: dead, baseline: {kind: exponential, rate: 0.03}, treatment: {log_hr: 0}}
endpoints: {illness: {event: ill, competing: dead}}
entry: {accrual: {start: 2000-01-01, end: 2001-01-01}}
followup: {cut_off: 2004-01-01}
analysis: {primary: unadjusted}
estimators: [crude]
"""


def test_calibration_to_incidences_finds_the_rates_that_made_them(tmp_path: Path) -> None:
    """The printed shares are lambda_1 / lambda (1 - exp(-lambda t)) of the causes' true rates."""
    lines = []
    for arm, treated in (("control", 0), ("treated", 1)):
        one, two = (rate * np.exp(treated * effect) for rate, effect in RATES.values())
        for at in (6, 12, 24):
            for name, rate in (("incidence", one), ("competing_incidence", two)):
                share = rate / (one + two) * (1 - np.exp(-(one + two) * at))
                key = f"endpoints.illness.before.{name}.{arm}[{at}]"
                lines.append(f"  {key}: {{printed: '{100 * share:.2f}%', where: Table 2}}")
    free = [
        f"    outcomes.transitions.{name}.{place}"
        for name in RATES
        for place in (
            "baseline.rate: {mean: 0.03, sd: 1, bounds: [0.001, 1], scale: log}",
            "treatment.log_hr: {mean: 0, sd: 1, bounds: [-3, 3]}",
        )
    ]
    path = tmp_path / "two.yaml"
    asked = ["calibration:", "  replicates: 100", "  seed: 3", "  free:", *free, ""]
    path.write_text("\n".join([TWO_CAUSES.rstrip(), "published:", *lines, *asked]), "utf-8")
    document = load(str(path), spec=Scenario)
    scenario = parse(document, Scenario)
    assert len(targets_of(scenario.published, {})) == len(lines)
    fit = calibrate(scenario, document.tree, free_paths(document, scenario.calibration), 1, quiet, {})
    assert fit.verdict.bad == ""
    for name, (rate, effect) in RATES.items():
        found = fit.values[f"outcomes.transitions.{name}.baseline.rate"]
        assert found == pytest.approx(rate, rel=0.04)
        assert found != pytest.approx(1.1 * rate, rel=0.04)
        assert fit.values[f"outcomes.transitions.{name}.treatment.log_hr"] == pytest.approx(effect, abs=0.05)
    starts = dict(candidates(list(scenario.calibration.free.values()), free_paths(document, scenario.calibration),
                             scenario.published, scenario.endpoints))  # fmt: skip
    assert starts["moments, illness"][0] == pytest.approx(RATES["illness"][0], rel=0.01)


def test_ratios_of_incidences_are_targets_in_logarithms() -> None:
    texts = {"incidence_ratio[12]": "0.80", "incidence.treated[12]": "12.3", "fine_gray.hr": "0.70", "gray.p": "0.03"}
    numbers = {f"endpoints.MACE.before.{key}": Printed(printed=text, where="T") for key, text in texts.items()}
    found = {target.key.rpartition("before.")[2]: target for target in targets_of(numbers, {})}
    assert {key: target.scale == "log" for key, target in found.items()} == {
        "incidence_ratio[12]": True, "incidence.treated[12]": False, "fine_gray.hr": True
    }  # fmt: skip
    assert found["incidence.treated[12]"].low == pytest.approx(0.1225)


START = "endpoints.MACE.before."
SOUND = {
    "cohort.control": "143",
    "cohort.treated": "97",
    f"{START}km.control.events": "60",
    f"{START}competing_events.control": "20",
    f"{START}km.control.at_risk[12]": "90",
    f"{START}km.control.at_risk[24]": "45",
    f"{START}incidence.control[12]": "24.1% (17.0-31.2)",
    f"{START}incidence.control[12].low": "24.1% (17.0-31.2)",
    f"{START}incidence.control[12].high": "24.1% (17.0-31.2)",
    f"{START}incidence.control[24]": "43.0",
    f"{START}competing_incidence.control[12]": "8.0",
    f"{START}competing_incidence.control[24]": "15.1",
    f"{START}incidence.treated[12]": "15.0",
    f"{START}incidence_difference[12]": "-9.1",
    f"{START}incidence_ratio[12]": "0.62",
    f"{START}fine_gray.hr": "0.61",
    f"{START}fine_gray.low": "0.42",
    f"{START}fine_gray.high": "0.89",
    f"{START}fine_gray.p": "0.010",
}
PLANTED = {
    "share of patients": ("incidence.treated[12]", "-15.0%"),
    "curve in time": ("incidence.control[24]", "23.0"),
    "incidences add up": ("competing_incidence.control[24]", "61.0"),
    "incidence of the events": ("km.control.events", "18"),
    "patients at risk": ("km.control.at_risk[12]", "105"),
    "arms compared at a time": ("incidence_difference[12]", "-8.1"),
    "interval holds the number": ("incidence.control[12].low", "25.0%"),
    "ratio amid its limits": ("fine_gray.hr", "0.75"),
    "p of the interval": ("fine_gray.p", "0.10"),
}


def findings(changes: dict[str, str]) -> dict[str, tuple[str, ...]]:
    """What the audit says against the sound numbers with some of them changed: the keys by check."""
    numbers = {key: Printed(printed=text, where="Table 2") for key, text in (SOUND | changes).items()}
    return {one.check: one.keys for one in audit(numbers)}


def test_sound_numbers_are_left_alone() -> None:
    assert findings({}) == {}


@pytest.mark.parametrize("primary", ["pairs", "1:2", "weighting"])
def test_clean_papers_are_left_alone(primary: str) -> None:
    """What 40 cohorts of the world print, rounded: no finding about a curve, and none at all that is severe."""
    with tempfile.TemporaryDirectory() as folder:
        scenario = load_study(str(write_competing(Path(folder))), PRIMARY[primary]).scenario
    sample = one_sample(scenario, generate(resolve(scenario), 9, np.arange(40)), 9)
    block = BlockNumbers(BlockAnalysis(sample))
    keys = [key for key in of_rivals(scenario) if not key.endswith("chi2")]
    for name in ("MACE", "death"):
        for side, arm in product(("before", "after"), ("control", "treated")):
            start = f"endpoints.{name}.{side}.km.{arm}"
            keys += [f"{start}.events", *(f"{start}.at_risk[{at:g}]" for at in TIMES)]
            keys += [f"{start}.survival[{at:g}]" for at in TIMES if name == "death"]
    keys += [key for key, _ in keys_of(number_keys(scenario)) if key.startswith(("cohort.", "matching."))]
    robust = block.block.weighted is not None  # of which the bound by events, that of a model's SE, does not hold
    texts = {"count": "0", "share": "0.000", "p": "0.000"}
    values = {key: block.of(key) for key in keys}
    for r in range(40):
        made = {
            key: Printed(printed=as_printed(key, value[r], texts.get(kind_of(key), "0.00")), where="Table 2")
            for key, value in values.items()
            if np.isfinite(value[r])
        }
        found = [one for one in audit(made) if one.severity == "severe" or one.check in PLANTED]
        assert [one for one in found if not robust or one.check != "information of the events"] == []


@pytest.mark.parametrize("check", list(PLANTED))
def test_the_audit_finds_what_was_planted(check: str) -> None:
    key, text = PLANTED[check]
    found = findings({START + key: text})
    assert check in found
    assert START + key in found[check]


def test_a_ratio_of_incidences_that_is_none_of_the_two_is_found() -> None:
    assert "arms compared at a time" in findings({f"{START}incidence_ratio[12]": "0.68"})


def test_survival_at_times_is_audited_alike() -> None:
    start = "endpoints.death.before.km.treated."
    sound = {"cohort.treated": "97", f"{start}survival[12]": "0.84", f"{start}survival[24]": "0.72"}
    sound[f"{start}at_risk[24]"] = "60"

    def checks(**changes: str) -> set[str]:
        made = sound | {f"{start}{key.replace('_at', '[')}]": text for key, text in changes.items()}
        return {one.check for one in audit({key: Printed(printed=text, where="F") for key, text in made.items()})}

    assert checks() == set()
    assert checks(survival_at24="0.86") == {"curve in time"}
    assert checks(at_risk_at24="75") == {"patients at risk"}


def test_the_page_of_the_grammar_names_every_number() -> None:
    page = (Path(__file__).parent.parent / "docs" / "published.md").read_text("utf-8")
    grammar = page.partition("In short:")[2].partition("SIDE is before")[0]
    assert [name for name in COMPETING if name not in grammar] == []
    assert "competing_cox" in page.partition("Incidences and all down to")[2][:20]
