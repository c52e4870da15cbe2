"""Modes of progression: in which ways a state was entered, at least one mode in each entry and often several.

Latent mode k happens with probability p_k, independently of the others; those with none are not progressions. Given at
least one, mode k has the share s_k = p_k / D with D = 1 - prod_i (1 - p_i). With the tails

    t_k = s_k + (1 - s_k D) t_(k+1),    t_(K+1) = 0,    that is t_k = P(any of the latent modes k, ..., K) / D,

D solves t_1 = 1, which has one solution in [0, 1] if the shares sum to at least 1 (D = 0 if to 1: exactly one mode).
Nothing is redrawn: mode k has probability s_k D after an earlier mode, and s_k / t_k after none (1 for the last mode).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field, model_validator

from simulator.documents.spec import Label, Name, Share
from simulator.mechanisms.contract import Around, Mechanism, Naming
from simulator.mechanisms.graph import TimeTo, unfit_to_leave
from simulator.numerics.arrays import Bools, Floats
from simulator.numerics.roots import brentq
from simulator.numerics.streams import Luck

_ROUNDING = 0.002  # printed shares that sum to 1 may sum to this much less


class Mode(Mechanism):
    """One mode: its share of an arm's progressions, and what it adds to the log hazards of leaving the state."""

    naming: ClassVar[Naming] = {"share": "arms", "": "outcome"}

    label: Label
    share: dict[str, Share]
    log_hr: float = 0.0


class ProgressionModes(Mechanism):
    """The modes by arm in which a ``state`` is entered; ``death`` names the other ends of the ``endpoint``.

    The state may be left out where a single one is entered and left, the endpoint where one alone has it as an event.
    """

    words: ClassVar[str] = "modes of progression"
    naming: ClassVar[Naming] = {"death": "outcome", "state": "state"}

    modes: Annotated[dict[Name, Mode], Field(min_length=1)]
    death: Name
    state: Name | None = None
    endpoint: Name | None = None

    def unfit(self, around: Around) -> Iterator[tuple[str, str]]:
        """It needs a state that is left again, and an endpoint of which this is an event."""
        yield from unfit_to_leave("state", self.state, around.graph)
        if not around.graph.passed:
            return
        state = around.graph.left(self.state)
        fitting = [name for name, one in around.endpoints.items() if state in one.events]
        if not fitting:
            yield "", f"'{state}' is an event of no endpoint; its modes are seen in one of which it is"
        elif self.endpoint is None and len(fitting) > 1:
            yield "", f"missing key 'endpoint'; '{state}' is an event of {', '.join(fitting)}"
        elif self.endpoint is not None and self.endpoint not in fitting:
            yield "endpoint", f"'{state}' is no event of '{self.endpoint}'; it is of {', '.join(fitting)}"

    def shown_by(self, state: str, endpoints: Mapping[str, TimeTo]) -> str:
        """The endpoint that shows them."""
        return self.endpoint or next(name for name, one in endpoints.items() if state in one.events)

    @model_validator(mode="after")
    def _consistent(self) -> "ProgressionModes":
        if self.death in self.modes:
            raise ValueError(f"modes: '{self.death}' is the name for death without progression")
        arms = next(iter(self.modes.values())).share.keys()
        for name, mode in self.modes.items():
            if mode.share.keys() != arms:
                raise ValueError(f"modes.{name}.share: needs the arms {' and '.join(arms)}, as the first mode has")
        for arm in arms:
            total = sum(mode.share[arm] for mode in self.modes.values())
            if total < 1 - _ROUNDING:
                raise ValueError(
                    f"modes: shares of {arm} sum to {total:.4g}; with one mode at least they sum to 1 or more"
                )
        return self


@dataclass(frozen=True)
class ModeShares:
    """Shares s ``(M,)``, and probabilities after an earlier mode and after none ``(M,)``, of one arm."""

    shares: Floats
    after_some: Floats
    after_none: Floats


@dataclass(frozen=True)
class ResolvedModes:
    """Modes ready to be drawn, in the control and in the treated arm."""

    spec: ProgressionModes
    arms: tuple[ModeShares, ModeShares]


def resolve(spec: ProgressionModes, arms: tuple[str, str]) -> ResolvedModes:
    """The modes with the latent probabilities of both arms solved; an arm named twice takes out what treatment does."""
    for arm in arms:
        if any(arm not in mode.share for mode in spec.modes.values()):
            raise ValueError(f"progression modes: no shares for arm '{arm}'")
    return ResolvedModes(spec, (_solve(spec, arms[0]), _solve(spec, arms[1])))


def _solve(spec: ProgressionModes, arm: str) -> ModeShares:
    """The probabilities of an arm."""
    shares = np.array([mode.share[arm] for mode in spec.modes.values()])
    shares /= min(shares.sum(), 1.0)
    some = _some(shares)
    tails = _tails(shares, some)
    return ModeShares(shares, shares * some, np.divide(shares, tails, out=np.zeros(shares.shape), where=tails > 0))


def _some(shares: Floats) -> float:
    """The probability D of at least one latent mode."""
    if _tails(shares, 0.0)[0] <= 1.0:
        return 0.0
    if _tails(shares, 1.0)[0] >= 1.0:
        return 1.0
    return float(brentq(lambda some: _tails(shares, some)[0] - 1.0, 0.0, 1.0, xtol=1e-15))


def _tails(shares: Floats, some: float) -> Floats:
    """The tails t ``(M,)`` for a probability D of at least one latent mode."""
    tails, tail = np.zeros(shares.shape), 0.0
    for k in range(shares.size - 1, -1, -1):
        tail = shares[k] + (1.0 - shares[k] * some) * tail
        tails[k] = tail
    return tails


def draw(resolved: ResolvedModes, luck: Luck) -> tuple[Bools, Bools]:
    """Which modes a progression of every patient would show, ``(M, R, N)`` in both arms; at least one is True."""
    names, shape = list(resolved.spec.modes), (len(luck.replicates), luck.patients)
    modes = (np.empty((len(names), *shape), np.bool_), np.empty((len(names), *shape), np.bool_))
    earlier = (np.zeros(shape, np.bool_), np.zeros(shape, np.bool_))
    for k, name in enumerate(names):
        own = luck.uniform(f"progression_mode/{name}")
        for arm, shown, some in zip(resolved.arms, modes, earlier, strict=True):
            shown[k] = own < arm.after_none[k]
            shown[k] &= ~some | (own < arm.after_some[k])
            some |= shown[k]
    return modes


def leaving_log_hr(resolved: ResolvedModes, modes: tuple[Bools, Bools]) -> tuple[Floats, Floats]:
    """What the modes ``(M, R, N)`` add to the log hazards of leaving the state, ``(R, N)`` in both arms.

    The sum over modes of ``log_hr x (shown - share in this arm)``: its mean over the progressions of each arm is 0, so
    that the transition keeps its own mean log hazard in both arms, and modes say only who dies sooner than others.
    """
    log_hr = np.array([mode.log_hr for mode in resolved.spec.modes.values()])
    zero, one = (_centred(log_hr, arm.shares, shown) for arm, shown in zip(resolved.arms, modes, strict=True))
    return zero, one


def _centred(log_hr: Floats, shares: Floats, shown: Bools) -> Floats:
    """The effect ``(R, N)`` in one arm."""
    effect = np.full(shown.shape[1:], -float((log_hr * shares).sum()))
    for k in np.flatnonzero(log_hr):
        effect += log_hr[k] * shown[k]
    return effect
