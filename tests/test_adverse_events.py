"""Adverse events: single rates and overall incidences at once, in both arms of a published safety table."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.integrate import quad
from scipy.stats import norm

from simulator.mechanisms.adverse_events import (
    AdverseEvents,
    EventCuts,
    ResolvedAdverseEvents,
    _severe_cuts,
    draw,
    resolve,
)
from simulator.numerics.streams import Luck, Streams

SIZES = {"LP": 253, "HLP": 169}
ARMS = ("LP", "HLP")
OVERALL = (146, 127, 31, 42)
TABLE_4 = {  # patients with the event: any grade LP, HLP, severe LP, HLP
    "abdominal_pain": (11, 89, 3, 24),
    "nausea": (29, 82, 2, 17),
    "diarrhea": (39, 58, 5, 16),
    "decreased_appetite": (91, 73, 2, 1),
    "rash": (28, 18, 6, 4),
    "fatigue": (86, 59, 16, 11),
    "hypoproteinemia": (55, 39, 5, 3),
    "bilirubin": (20, 27, 4, 2),
    "alt": (49, 28, 1, 1),
    "ast": (53, 25, 1, 1),
    "hypothyroidism": (10, 7, 2, 1),
    "neuropathy": (0, 41, 0, 0),
    "leukopenia": (19, 48, 3, 9),
    "thrombocytopenia": (42, 32, 4, 6),
    "hypertension": (40, 31, 7, 4),
    "hand_foot": (19, 12, 1, 1),
    "dysphonia": (8, 5, 0, 0),
    "proteinuria": (45, 33, 9, 6),
    "immunity": (29, 16, 11, 5),
}
REPLICATES = np.arange(400)


def grades(counts, sizes=SIZES):
    pairs = [{arm: count / size for (arm, size), count in zip(sizes.items(), two, strict=True)} for two in counts]
    return {"any": pairs[0], "severe": pairs[1]}


def events(table, counts, sizes=SIZES, **changes):
    made = {
        "name": "any_ae",
        "suffix": "_34",
        "overall": grades((counts[:2], counts[2:]), sizes),
        "events": {name: {"label": name, **grades((row[:2], row[2:]), sizes)} for name, row in table.items()},
    }
    return AdverseEvents.model_validate({**made, **changes})


PAPER = events(TABLE_4, OVERALL)
RESOLVED = resolve(PAPER, ARMS)
PERCENT = {"C": 100, "T": 100}


def stated(spec, name):
    """The shares of an outcome in both arms."""
    grade = {**spec.events, spec.name: spec.overall}[name.removesuffix(spec.suffix)]
    return list((grade.severe if name.endswith(spec.suffix) else grade.any).values())


def z_scores(resolved, replicates=REPLICATES):
    """How many standard errors each found share is from its stated one, by outcome and place of the arm."""
    scores = {}
    for name, both in draw(resolved, Luck(Streams(20250430), replicates, 422)).items():
        for arm, (share, found) in enumerate(zip(stated(resolved.spec, name), both, strict=True)):
            error = math.sqrt(share * (1 - share) / found.size)
            scores[name, arm] = (found.mean() - share) / error if error else 99.0 * (found.mean() != share)
    return scores


def cuts(spec, version, arm, slope):
    """The cuts that hold the single rates of events which depend on nothing but their own luck and the slope."""
    rates = [list(getattr(event, version).values())[arm] for event in spec.events.values()]
    return norm.isf(rates) * math.hypot(1, slope)


def planted(resolved, change):
    """The resolved events with an error in both arms."""
    zero, one = (change(place, arm) for place, arm in enumerate(resolved.arms))
    return ResolvedAdverseEvents(resolved.spec, (zero, one))


def test_a_published_table_holds_in_both_arms():
    scores = z_scores(RESOLVED)
    assert len(scores) == 2 * 2 * 20
    assert max(abs(z) for z in scores.values()) < 4


def test_independent_events_are_noticed():
    """The single rates hold, and almost everyone has an event."""
    scores = z_scores(
        planted(RESOLVED, lambda place, arm: replace(arm, any_slope=0.0, any_cuts=cuts(PAPER, "any", place, 0.0)))
    )
    assert max(abs(scores[name, arm]) for name in TABLE_4 for arm in (0, 1)) < 4
    assert min(scores["any_ae", arm] for arm in (0, 1)) > 100


def test_a_slightly_wrong_dependence_is_noticed():
    def change(place, arm):
        slope = 0.95 * arm.any_slope
        return replace(arm, any_slope=slope, any_cuts=cuts(PAPER, "any", place, slope))

    scores = z_scores(planted(RESOLVED, change))
    assert min(scores["any_ae", arm] for arm in (0, 1)) > 4


def test_severe_events_that_forget_to_be_events_are_noticed():
    """Most events here are severe; cuts that would do if severe events did not need one of any grade leave too few."""
    grave = resolve(
        events({"a": (30, 40, 25, 30), "b": (20, 30, 15, 20)}, (40, 55, 32, 39), PERCENT),
        ("C", "T"),
    )
    assert max(abs(z) for z in z_scores(grave).values()) < 4

    def change(place, arm):
        return replace(arm, severe_cuts=cuts(grave.spec, "severe", place, arm.severe_slope))

    scores = z_scores(planted(grave, change))
    assert all(scores[name, arm] < -4 for name in ("a_34", "any_ae_34") for arm in (0, 1))


def test_dependence_in_closed_form():
    """Two events of share 1/2 with latent correlation r: 3/4 - asin(r) / 2 pi have one; 2/3 means r = 1/2, slope 1."""
    half, overall = (50, 50, 50, 50), (200 / 3,) * 4
    arm = resolve(events({"a": half, "b": half}, overall, PERCENT), ("C", "T")).arms[0]
    assert arm.any_slope == pytest.approx(1.0, abs=1e-9)
    assert arm.any_cuts == pytest.approx([0, 0], abs=1e-12)
    certain = (100, 100, 50, 50)  # every event of any grade: nothing else binds the severe ones
    arm = resolve(events({"a": certain, "b": certain}, (100, 100, *overall[2:]), PERCENT), ("C", "T")).arms[1]
    assert arm.severe_slope == pytest.approx(1.0, abs=1e-9)
    assert arm.severe_cuts == pytest.approx([0, 0], abs=1e-9)


def integral(of):
    """The expectation over the susceptibility, by another rule."""
    ends = np.linspace(-8, 8, 33)
    return sum(quad(lambda z: of(z) * norm.pdf(z), *two, epsabs=1e-12)[0] for two in pairwise(ends))


@pytest.mark.parametrize("place", [0, 1])
def test_expectations_are_exact(place):
    """Every stated share to 1e-6, by adaptive quadrature of the formula as it is written."""
    arm = RESOLVED.arms[place]

    def found(z):
        return norm.cdf(arm.any_slope * z - arm.any_cuts)

    def severe(z):
        return np.minimum(found(z), norm.cdf(arm.severe_slope * z - arm.severe_cuts))

    for j, name in enumerate(TABLE_4):
        assert integral(lambda z, j=j: found(z)[j]) == pytest.approx(stated(PAPER, name)[place], abs=1e-6)
        assert integral(lambda z, j=j: severe(z)[j]) == pytest.approx(stated(PAPER, f"{name}_34")[place], abs=1e-6)
    assert integral(lambda z: 1 - np.prod(1 - found(z))) == pytest.approx(stated(PAPER, "any_ae")[place], abs=1e-6)
    assert integral(lambda z: 1 - np.prod(1 - severe(z))) == pytest.approx(stated(PAPER, "any_ae_34")[place], abs=1e-6)


@pytest.mark.parametrize(
    ("k", "m"), [(0.0, 0.0), (0.0, 3.0), (3.0, 0.0), (1.0, 1.0), (0.5, 60.0), (60.0, 0.5), (2.0, 2.1)]
)
def test_severe_cuts_hold_their_shares_at_any_slopes(k, m):
    """The smaller of two chances, integrated between its kink and the steepest places; the last event is all severe."""
    rates, severe = np.array([0.5, 0.3, 0.04, 1.0, 0.2]), np.array([0.25, 0.28, 0.001, 0.5, 0.2])
    a, b = norm.isf(rates) * math.hypot(1, k), _severe_cuts(severe, m, rates, k)
    assert b[-1] == -np.inf
    for cut, grave, share in zip(a, b, severe, strict=True):
        steep = [cut / k + step / k for step in (-6, -1, 0, 1, 6) if k > 0]
        steep += [grave / m + step / m for step in (-6, -1, 0, 1, 6) if m > 0]
        kink = [(grave - cut) / (m - k)] if m != k else []
        ends = [-9.0, *sorted({end for end in (*steep, *kink) if abs(end) < 9}), 9.0]
        found = sum(
            quad(lambda z, a=cut, b=grave: min(norm.cdf(k * z - a), norm.cdf(m * z - b)) * norm.pdf(z), *two)[0]
            for two in pairwise(ends)
        )
        assert found == pytest.approx(share, abs=1e-8)


def test_severe_is_some_of_any_and_overall_is_any_of_all():
    drawn = draw(RESOLVED, Luck(Streams(1), REPLICATES[:20], 422))
    assert list(drawn) == PAPER.names()
    for arm in (0, 1):
        for name in (*TABLE_4, "any_ae"):
            assert not (drawn[f"{name}_34"][arm] & ~drawn[name][arm]).any()
            assert (drawn[name][arm] & ~drawn[f"{name}_34"][arm]).any() or stated(PAPER, name)[arm] == 0
        for suffix in ("", "_34"):
            union = np.any([drawn[name + suffix][arm] for name in TABLE_4], axis=0)
            assert np.array_equal(union, drawn["any_ae" + suffix][arm])


def test_both_arms_have_the_same_luck():
    """What one arm's rates give is the same in either place; under the other arm's rates a patient keeps his rank."""
    swapped = resolve(PAPER, ("HLP", "LP"))
    null = resolve(PAPER, ("LP", "LP"))
    usual, other, same = (draw(made, Luck(Streams(4), REPLICATES[:9], 100)) for made in (RESOLVED, swapped, null))
    for name in PAPER.names():
        assert np.array_equal(usual[name][0], other[name][1])
        assert np.array_equal(usual[name][1], other[name][0])
        assert np.array_equal(same[name][0], same[name][1])
    assert (usual["nausea"][0] & ~usual["nausea"][1]).mean() < 0.01 < 0.11 * (1 - 0.48)


def test_a_part_of_a_block_has_the_same_bits():
    whole = draw(RESOLVED, Luck(Streams(2), REPLICATES[:30], 61))
    part = draw(RESOLVED, Luck(Streams(2), REPLICATES[11:17], 40))
    other = draw(RESOLVED, Luck(Streams(3), REPLICATES[11:17], 40))
    for name, both in part.items():
        assert all(np.array_equal(one, all_[11:17, :40]) for one, all_ in zip(both, whole[name], strict=True))
    assert not np.array_equal(other["fatigue"][0], part["fatigue"][0])


def test_a_further_event_leaves_the_luck_of_others():
    few = {name: TABLE_4[name] for name in ("nausea", "rash", "fatigue")}
    one, more = events(few, (100, 120, 18, 27)), events({"new": (30, 60, 5, 9), **few}, (100, 120, 18, 27))
    arm = EventCuts(1.0, 2.0, np.array([2.0, 1.0, 0.5]), np.array([4.0, 3.0, 2.0]))
    longer = EventCuts(1.0, 2.0, np.append(0.3, arm.any_cuts), np.append(2.5, arm.severe_cuts))
    before = draw(ResolvedAdverseEvents(one, (arm, arm)), Luck(Streams(5), REPLICATES[:9], 50))
    after = draw(ResolvedAdverseEvents(more, (longer, longer)), Luck(Streams(5), REPLICATES[:9], 50))
    for name in few:
        for version in (name, f"{name}_34"):
            assert before[version][0].any()
            assert np.array_equal(before[version][0], after[version][0])
    assert not np.array_equal(before["any_ae"][0], after["any_ae"][0])


def test_an_event_that_never_happens_changes_nothing():
    one = draw(RESOLVED, Luck(Streams(5), REPLICATES[:9], 50))
    wider = resolve(events({**TABLE_4, "never": (0, 0, 0, 0)}, OVERALL), ARMS)
    more = draw(wider, Luck(Streams(5), REPLICATES[:9], 50))
    assert not any(drawn.any() for drawn in (*more.pop("never"), *more.pop("never_34")))
    assert one.keys() == more.keys()
    assert all(np.array_equal(one[name], more[name]) for name in one)


def test_events_for_everyone_and_for_nobody():
    made = resolve(events({"all": (100, 0, 100, 0), "none": (0, 0, 0, 0)}, (100, 0, 100, 0), PERCENT), ("C", "T"))
    drawn = draw(made, Luck(Streams(1), REPLICATES[:3], 50))
    for name in ("all", "all_34", "any_ae", "any_ae_34"):
        assert drawn[name][0].all()
        assert not drawn[name][1].any()


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        (
            (130, 120, 3, 17),
            "LP, any grade: the overall incidence cannot be 0.5138; single rates up to 0.3597 and 0.4743",
        ),
        (
            (80, 120, 3, 17),
            "LP, any grade: .* 0.3162; .* allow 0.3597 .the strongest dependence. to 0.4331 .none.",
        ),
        ((105, 80, 3, 17), "HLP, any grade: .* 0.4734; .* allow 0.4852 .* to 0.7076"),
        ((105, 115, 5, 17), "LP, severe: .* 0.01976; single rates up to 0.007905 and 0.01581 events"),
        ((105, 115, 3, 12), "HLP, severe: .* 0.07101; single rates up to 0.1006"),
    ],
)
def test_an_overall_incidence_out_of_reach_is_told_with_its_range(counts, told):
    few = events({name: TABLE_4[name] for name in ("nausea", "decreased_appetite")}, counts)
    with pytest.raises(ValueError, match=f"^adverse events of {told}") as error:
        resolve(few, ARMS)
    assert "\n" not in str(error.value)


def test_the_last_printed_digit_does_not_put_an_incidence_out_of_reach():
    """One event only: whoever has any has that one, though its share be printed 11.5 % and the overall one 11.46 %."""
    one = {"a": (11.5, 48.5, 0.8, 10.1)}
    resolve(events(one, (11.46, 48.54, 0.8, 10.1), PERCENT), ("C", "T"))
    with pytest.raises(ValueError, match="C, any grade"):
        resolve(events(one, (11.4, 48.5, 0.8, 10.1), PERCENT), ("C", "T"))
    with pytest.raises(ValueError, match="T, any grade"):
        resolve(events(one, (11.5, 48.6, 0.8, 10.1), PERCENT), ("C", "T"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": "rash"}, "two outcomes would be called 'rash'"),
        ({"name": "a" * 63}, "longer than 64 characters"),
        ({"suffix": "/.."}, "suffix"),
        ({"events": {}}, "events"),
        (
            {"events": {"a": {"label": "a", "any": {"LP": 0.1}, "severe": {"LP": 0.0}}}},
            "events.a: needs the arms LP and",
        ),
        (
            {"overall": {"any": {"LP": 0.1}, "severe": {"LP": 0.2}}},
            "LP: the severe share 0.2 exceeds that of any grade, 0.1",
        ),
        ({"overall": {"any": {"LP": 0.1}, "severe": {"HLP": 0.1}}}, "'any' and 'severe' need the same arms"),
        ({"overall": {"any": {"LP": 1.1}, "severe": {"LP": 0.1}}}, "less than or equal to 1"),
    ],
)
def test_bad_input_is_told(change, told):
    with pytest.raises(ValidationError, match=told):
        events(TABLE_4, OVERALL, **change)


def test_two_events_may_not_share_a_name():
    with pytest.raises(ValidationError, match="two outcomes would be called 'rash_34'"):
        events({"rash": TABLE_4["rash"], "rash_34": TABLE_4["rash"]}, OVERALL)


def test_an_arm_without_rates_is_told():
    with pytest.raises(ValueError, match="no rates for arm 'TACE'"):
        resolve(PAPER, ("LP", "TACE"))
