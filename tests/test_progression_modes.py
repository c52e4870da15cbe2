"""Modes of progression: at least one in each, the stated shares given that, and what they do to the hazard of death."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from simulator.mechanisms.progression_modes import ProgressionModes, ResolvedModes, draw, leaving_log_hr, resolve
from simulator.numerics.streams import Luck, Streams
from tests.simulated import z_of_mean

ARMS = ("LP", "HLP")
REPLICATES = np.arange(500)


def modes(log_hr=(), death="death", **shares):
    """Modes with their shares in both arms."""
    effects = dict(itertools.zip_longest(shares, log_hr, fillvalue=0.0))
    return ProgressionModes.model_validate(
        {
            "modes": {
                name: {"label": name, "share": dict(zip(ARMS, two, strict=True)), "log_hr": effects[name]}
                for name, two in shares.items()
            },
            "death": death,
        }
    )


def counted(*counts):
    """A mode's shares among 215 progressions of LP and 108 of HLP that were no deaths."""
    return counts[0] / 215, counts[1] / 108


PAPER = modes(
    log_hr=(0.5, 0.3, 0.0, -0.4),
    intrahepatic=counted(102, 21),
    new_intrahepatic=counted(74, 17),
    extrahepatic=counted(51, 58),
    new_extrahepatic=counted(49, 69),
)
RESOLVED = resolve(PAPER, ARMS)


def z_scores(resolved, replicates=REPLICATES):
    """How many standard errors each found share is from its stated one, by mode and arm."""
    shown = draw(resolved, Luck(Streams(7), replicates, 422))
    return [
        (drawn.mean() - share) / math.sqrt(share * (1 - share) / drawn.size)
        for arm, both in zip(ARMS, shown, strict=True)
        for mode, drawn in zip(resolved.spec.modes.values(), both, strict=True)
        for share in [mode.share[arm]]
    ]


def test_the_published_shares_hold():
    assert max(abs(z) for z in z_scores(RESOLVED)) < 4
    assert all(shown.any(axis=0).all() for shown in draw(RESOLVED, Luck(Streams(8), REPLICATES, 100)))


def test_shares_not_conditioned_on_a_progression_are_noticed():
    """Latent modes as they are: patients without any, and each share too small."""
    latent = ResolvedModes(PAPER, tuple(replace(arm, after_none=arm.after_some) for arm in RESOLVED.arms))
    assert max(z_scores(latent)) < -4
    assert not any(shown.any(axis=0).all() for shown in draw(latent, Luck(Streams(8), REPLICATES, 100)))


def test_stated_shares_taken_as_latent_probabilities_are_noticed():
    """Modes that are independent with the stated shares, the first of them put in where there is none."""
    zero, one = (replace(arm, after_some=arm.shares, after_none=np.append(arm.shares[:-1], 1)) for arm in RESOLVED.arms)
    assert max(abs(z) for z in z_scores(ResolvedModes(PAPER, (zero, one)))) > 4


def test_hand_worked_probabilities():
    """Two latent modes of 1/2: at least one in 3/4, each in 2/3 of those, both in 1/3."""
    arm = resolve(modes(a=(2 / 3, 1.0), b=(2 / 3, 0.0)), ARMS).arms[0]
    assert arm.after_some == pytest.approx([1 / 2, 1 / 2], abs=1e-14)
    assert arm.after_none == pytest.approx([2 / 3, 1], abs=1e-14)


def test_every_pattern_has_its_conditional_probability():
    """Latent modes of 0.5, 0.3 and 0.2: 0.72 have one or more, and the seven patterns share those."""
    latent = np.array([0.5, 0.3, 0.2])
    some = 1 - np.prod(1 - latent)
    two = [(share, share) for share in latent / some]
    shown = draw(resolve(modes(a=two[0], b=two[1], c=two[2]), ARMS), Luck(Streams(9), REPLICATES, 400))[1]
    for pattern in itertools.product((False, True), repeat=3):
        expected = np.prod(np.where(pattern, latent, 1 - latent)) / some if any(pattern) else 0.0
        found = (shown == np.array(pattern)[:, None, None]).all(axis=0)
        assert abs(found.mean() - expected) <= 4 * math.sqrt(expected * (1 - expected) / found.size)


def test_shares_that_sum_to_one_mean_one_mode():
    resolved = resolve(modes(a=(0.5, 0.499), b=(0.25, 0.25), c=(0.25, 0.25), d=(0.0, 0.0)), ARMS)
    for shown in draw(resolved, Luck(Streams(1), REPLICATES[:50], 200)):
        assert (shown.sum(axis=0) == 1).all()
    assert abs(z_of_mean(draw(resolved, Luck(Streams(1), REPLICATES, 400))[0][1], 0.25)) < 4
    assert resolved.arms[1].shares.sum() == pytest.approx(1, abs=1e-15)


def test_a_mode_of_all_and_a_mode_of_none():
    made = resolve(modes(a=(1.0, 0.0), b=(0.3, 1.0), c=(0.0, 0.4)), ARMS)
    zero, one = draw(made, Luck(Streams(1), REPLICATES, 400))
    assert zero[0].all()
    assert one[1].all()
    assert not zero[2].any()
    assert not one[0].any()
    assert abs(z_of_mean(zero[1], 0.3)) < 4
    assert abs(z_of_mean(one[2], 0.4)) < 4


def test_the_effect_on_death_is_centred_in_each_arm():
    shown = draw(RESOLVED, Luck(Streams(3), REPLICATES, 422))
    effects = leaving_log_hr(RESOLVED, shown)
    assert all(abs(z_of_mean(effect, 0.0)) < 4 for effect in effects)
    other = leaving_log_hr(ResolvedModes(PAPER, RESOLVED.arms[::-1]), shown)  # centred at the other arm's shares
    assert all(abs(z_of_mean(effect, 0.0)) > 4 for effect in other)


def test_hand_worked_effect():
    """Shares 2/3 and 2/3, log hazard ratios 0.6 and -0.3: the centre is 0.2."""
    made = resolve(modes(log_hr=(0.6, -0.3), a=(2 / 3, 1.0), b=(2 / 3, 0.0)), ARMS)
    shown = np.array([[[True, False, True]], [[False, True, True]]])
    zero, one = leaving_log_hr(made, (shown, shown))
    assert zero[0] == pytest.approx([0.4, -0.5, 0.1])
    assert one[0] == pytest.approx([0.0, -0.9, -0.3])


def test_a_part_of_a_block_has_the_same_bits():
    whole, part = (
        draw(RESOLVED, Luck(Streams(2), REPLICATES[:30], 61)),
        draw(RESOLVED, Luck(Streams(2), REPLICATES[11:17], 40)),
    )
    for all_, some in zip(whole, part, strict=True):
        assert np.array_equal(all_[:, 11:17, :40], some)
    assert not np.array_equal(draw(RESOLVED, Luck(Streams(3), REPLICATES[11:17], 40))[0], part[0])


def test_both_arms_have_the_same_luck():
    usual, swapped, null = (
        draw(resolve(PAPER, arms), Luck(Streams(2), REPLICATES[:9], 50)) for arms in (ARMS, ARMS[::-1], ("LP", "LP"))
    )
    assert np.array_equal(usual[0], swapped[1])
    assert np.array_equal(usual[1], swapped[0])
    assert np.array_equal(null[0], null[1])
    assert np.array_equal(null[0], usual[0])


def test_a_further_mode_leaves_the_luck_of_others():
    shares = {name: tuple(mode.share.values()) for name, mode in PAPER.modes.items()}
    never = {"never": (0.0, 0.0)}
    one = draw(RESOLVED, Luck(Streams(2), REPLICATES[:9], 50))
    for wider in ({**never, **shares}, {**shares, **never}):
        more = draw(resolve(modes(**wider), ARMS), Luck(Streams(2), REPLICATES[:9], 50))
        kept = [place for place, name in enumerate(wider) if name != "never"]
        assert all(np.array_equal(less, all_[kept]) for less, all_ in zip(one, more, strict=True))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"a": (0.6, 0.5), "b": (0.6, 0.3)}, "modes: shares of HLP sum to 0.8; with one mode at least they sum to 1"),
        ({"a": (1.2, 0.5)}, "less than or equal to 1"),
        ({"a": (1.0, 1.0), "death": "a"}, "modes: 'a' is the name for death without progression"),
        ({"death": "a b"}, "death"),
        ({}, "modes"),
    ],
)
def test_bad_input_is_told(given, told):
    with pytest.raises(ValidationError, match=told):
        modes(**given)


def test_arms_are_the_same_in_all_modes():
    tree = PAPER.model_dump()
    del tree["modes"]["extrahepatic"]["share"]["HLP"]
    with pytest.raises(ValidationError, match=r"modes\.extrahepatic\.share: needs the arms LP and HLP"):
        ProgressionModes.model_validate(tree)
    with pytest.raises(ValueError, match="progression modes: no shares for arm 'TACE'"):
        resolve(PAPER, ("TACE", "LP"))
