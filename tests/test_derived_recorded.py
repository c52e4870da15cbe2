"""What a derived world records: response, adverse events, amounts, modes, other outcomes, by hand from the counts."""

from typing import Any

import numpy as np
import pytest

from benchmarks.derived.amounts import spread_of_range
from benchmarks.derived.modes import mode_shares
from benchmarks.derived.paper_numbers import DeriveError, PaperNumbers
from benchmarks.derived.parts import bare
from benchmarks.derived.recorded import recorded_of
from benchmarks.derived.recording import Recorded
from benchmarks.pasted.reading import ReadVariable
from simulator.documents.loading import load
from tests.readings_of_worlds import FIRST, TRIAL, TYPED, of_world, read
from tests.test_derived_covariates import PAPER, SIZES


@pytest.fixture(scope="module")
def first() -> Recorded:
    return recorded_of(PaperNumbers(of_world(TYPED, FIRST)))


@pytest.fixture(scope="module")
def typed() -> Any:
    return load(TYPED).tree["outcomes"]


def recorded(numbers: dict[str, str], **paper: object) -> Recorded:
    """What a paper of two arms, of 400 and 200 patients, has recorded."""
    variables: dict[str, ReadVariable] = {}
    return recorded_of(PaperNumbers(read(PAPER | paper, numbers, variables, SIZES)))


def yes(name: str, control: int, treated: int) -> dict[str, str]:
    """Counts of a yes/no outcome in both arms."""
    return {f"binary.{name}.before.control.yes": str(control), f"binary.{name}.before.treated.yes": str(treated)}


def test_response_is_the_one_that_was_typed_in(first: Recorded, typed: Any) -> None:
    own = bare(first.outcomes["response"])
    assert tuple(own["categories"]) == typed["response"]["categories"]
    for arm, shares in typed["response"]["shares"].items():
        assert own["shares"][arm] == pytest.approx(list(shares), abs=1e-4)
    assert {name: tuple(one) for name, one in own["groups"].items()} == typed["response"]["groups"]
    assert first.free["outcomes.response.shares.LP.0"]["mean"] == 0.3083


def test_adverse_events_are_those_that_were_typed_in(first: Recorded, typed: Any) -> None:
    """By counts: a misprinted percentage (6 of 253 as 3.2 %) does not enter."""
    own, stated = bare(first.outcomes["adverse_events"]), typed["adverse_events"]
    assert (own["name"], own["suffix"]) == ("any_ae", "_34")
    assert own["overall"]["severe"] == pytest.approx(stated["overall"]["severe"])
    assert own["events"].keys() == stated["events"].keys()
    for name, event in stated["events"].items():
        for grade in ("any", "severe"):
            assert own["events"][name][grade] == pytest.approx(event[grade], abs=5.1e-5)
    assert own["events"]["rash"]["severe"]["LP"] == 0.0237


def test_amounts_are_those_that_were_typed_in(first: Recorded, typed: Any) -> None:
    own = bare(first.outcomes["exposure"])
    for name, stated in typed["exposure"].items():
        assert own[name]["months_per_unit"] == pytest.approx(stated["months_per_unit"], abs=0.001)
        assert own[name]["whole"] == stated["whole"]
        for arm, amount in stated["arms"].items():
            assert own[name]["arms"][arm]["median"] == amount["median"]
            assert own[name]["arms"][arm]["most"] == amount["most"]
    assert list(own["haic_cycles"]["arms"]) == ["HLP"]
    entry = bare(first.entry)
    assert entry["requires"] == {"pd1_cycles": 6, "lenvatinib_months": 2, "haic_cycles": 2}
    assert entry["potential_follow_up_months"] == 12


def test_the_spread_of_amounts_is_that_of_quartiles_or_of_expected_extremes() -> None:
    """4 (2-8): log 2 over 0.6745 as quartiles. As the range of 200, log 2 over 1.96: beyond 1.96 SDs are 5 of them, who
    have to reach 8, the most that anybody receives; log 2 over 2.74, the expected extreme, would leave it to chance.
    4 (1-5): log 5 over twice 2.74, which 5 reach anyhow.
    """
    keys = {"median": "4", "q1": "2", "q3": "8"}
    numbers = {f"exposure.dose_cycles.before.treated.{one}": text for one, text in keys.items()}
    quartiles = bare(recorded(numbers, exposure={"dose_cycles": "one in 4 weeks"}).outcomes["exposure"]["dose_cycles"])
    assert quartiles["arms"]["B"]["spread"] == pytest.approx(1.0, abs=0.03)
    numbers = {key.replace("q1", "min").replace("q3", "max"): text for key, text in numbers.items()}
    ranged = bare(recorded(numbers, exposure={"dose_cycles": "one in 4 weeks"}).outcomes["exposure"]["dose_cycles"])
    assert ranged["arms"]["B"]["spread"] == pytest.approx(0.6931 / 1.96, abs=0.01)
    wide = numbers | {
        f"exposure.dose_cycles.before.treated.{end}": text for end, text in {"min": "1", "max": "5"}.items()
    }
    low = bare(recorded(wide, exposure={"dose_cycles": "one in 4 weeks"}).outcomes["exposure"]["dose_cycles"])
    assert low["arms"]["B"]["spread"] == pytest.approx(1.6094 / 5.48, abs=0.01)
    assert ranged["months_per_unit"] == pytest.approx(0.92)
    with pytest.raises(DeriveError, match=r"exposure\.dose_cycles: 'often' names no time"):
        recorded(numbers, exposure={"dose_cycles": "often"})


def test_modes_are_shares_of_progressions(first: Recorded, typed: Any) -> None:
    """HLP: 21, 17, 58, 69 and 10 deaths of 175 modes, so of 118 - 10 progressions. LP prints what 287 and 299 have."""
    own, stated = bare(first.outcomes["progression_modes"]), typed["progression_modes"]
    assert own["death"] == "death"
    for name, mode in stated["modes"].items():
        assert own["modes"][name]["share"]["HLP"] == pytest.approx(mode["share"]["HLP"], abs=1e-4)
        assert own["modes"][name]["share"]["LP"] == pytest.approx(mode["share"]["LP"], rel=0.06)


def test_shares_of_modes_without_events_are_those_of_the_living() -> None:
    numbers = PaperNumbers(read(PAPER, {}, {}, SIZES))
    found, told = mode_shares(numbers, {"a": 60.0, "b": 30.0, "death": 10.0}, "death", "before", "control", None)
    assert found == pytest.approx({"a": 2 / 3, "b": 1 / 3})
    assert "no number of events" in told


def test_an_outcome_among_responders_is_a_conversion_and_any_other_is_logistic(first: Recorded) -> None:
    assert bare(first.outcomes["binary"]["ablation"])["risk"] == {"LP": 0.0356, "HLP": 0.1006}
    said = FIRST | {"response": {**FIRST["response"], "ablation": "among PR CR"}}  # type: ignore[dict-item]
    found = recorded_of(PaperNumbers(of_world(TYPED, said)))
    assert bare(found.outcomes["conversion"]["ablation"])["among"] == ["PR", "CR"]
    assert bare(found.outcomes["conversion"]["ablation"])["shares"] == {"LP": 0.0356, "HLP": 0.1006}
    assert "binary" not in found.outcomes
    assert found.free["outcomes.conversion.ablation.shares.HLP"]["mean"] == 0.1006
    wrong = FIRST | {"response": {**FIRST["response"], "ablation": "among XX"}}  # type: ignore[dict-item]
    with pytest.raises(DeriveError, match=r"response\.ablation: no category 'XX'"):
        recorded_of(PaperNumbers(of_world(TYPED, wrong)))


def test_a_rate_of_response_alone_makes_two_categories() -> None:
    own = bare(recorded_of(PaperNumbers(of_world("imbrave150", TRIAL))).outcomes["response"])
    assert own["categories"] == ["None", "Response"]
    assert own["shares"] == {"Sorafenib": [0.881, 0.119], "AtezoBev": [0.727, 0.273]}
    both = bare(recorded(yes("ORR", 80, 60) | yes("DCR", 200, 140)).outcomes["response"])
    assert both["shares"] == {"A": [0.5, 0.3, 0.2], "B": [0.3, 0.4, 0.3]}
    assert both["groups"]["DCR"] == ["Stable", "Response"]


def test_those_without_an_evaluation_are_a_category_and_are_told() -> None:
    numbers = yes("CR", 20, 20) | yes("PR", 80, 60) | yes("SD", 200, 80) | yes("PD", 60, 20)
    found = recorded(numbers)
    own = bare(found.outcomes["response"])
    assert own["categories"] == ["NE", "PD", "SD", "PR", "CR"]
    assert own["shares"]["A"] == [0.1, 0.15, 0.5, 0.2, 0.05]
    assert "10.0 and 10.0 % are in no category: NE" in found.said[0]
    with pytest.raises(DeriveError, match=r"response\.ORR: no category 'CRR'"):
        recorded(numbers, response={"order": "PD SD PR CR", "ORR": "PR CRR"})


def test_adverse_events_without_an_overall_row_are_taken_to_be_independent() -> None:
    numbers = yes("pain", 40, 40) | yes("pain_34", 4, 10) | yes("rash", 80, 20) | yes("rash_34", 0, 2)
    found = recorded(numbers)
    own = bare(found.outcomes["adverse_events"])
    assert own["overall"]["any"] == pytest.approx({"A": 1 - 0.9 * 0.8, "B": 1 - 0.8 * 0.9})
    assert found.assumed[0].path == "outcomes.adverse_events.overall.any.A"
    alone = recorded(yes("pain", 40, 40) | yes("rash", 80, 20))
    assert alone.outcomes["binary"].keys() == {"pain", "rash"}
    assert "adverse_events" not in alone.outcomes


def test_an_overall_row_that_cannot_be_is_moved_and_told() -> None:
    """Nobody can have any event less often than pain: 20 % of 400 are 80."""
    numbers = yes("any_ae", 60, 60) | yes("any_ae_34", 8, 8) | yes("pain", 80, 40) | yes("pain_34", 8, 8)
    found = recorded(numbers | yes("rash", 40, 40) | yes("rash_34", 0, 2))
    assert bare(found.outcomes["adverse_events"])["overall"]["any"]["A"] == 0.2
    assert "overall 0.15 is printed" in found.said[0]


def test_an_outcome_of_one_arm_alone_is_left_out_and_told() -> None:
    found = recorded({"binary.bleeding.before.control.yes": "12"})
    assert "binary" not in found.outcomes
    assert "binary.bleeding" in found.said[0]


def test_the_greatest_amount_is_reached_by_about_five() -> None:
    """By normals: of 200 with this spread 5 reach 8 on the average, so that nearly every study prints 8."""
    spread = spread_of_range(4.0, 2.0, 8.0, 200, "")[0]
    drawn = 4 * np.exp(spread * np.random.default_rng(1).standard_normal((4000, 200)))
    assert (drawn > 8).sum(axis=1).mean() == pytest.approx(5, abs=0.15)
    assert ((drawn > 8).any(axis=1)).mean() > 0.98
    assert ((4 * (drawn / 4) ** (0.253 / spread) > 8).any(axis=1)).mean() < 0.75
