"""Conversion: a yes/no event open to some categories of best response, such as the step to ablation.

A patient of an open category converts if ``link x luck + sqrt(1 - link^2) x own`` exceeds a threshold, where
``luck`` is a standard normal that is large in those who live long: the converted live longer, though conversion itself
does nothing. For a luck independent of best response the threshold is -ndtri(share / share of the open categories). A
luck that best response follows, with a latent correlation c, would make more of the better categories convert: `tied`
sets the integral of phi(r) Phi((link c r - threshold) / sqrt(1 - (link c)^2)) over the open categories to the share.
"""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field, model_validator
from scipy.special import ndtr, ndtri

from simulator.documents.spec import Label, Name, Share
from simulator.mechanisms.contract import BothArms, Followed, Linked, Naming, Recording
from simulator.numerics.arrays import Bools, Floats, Positions
from simulator.numerics.roots import brentq

_FAR = 9.0
_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(200)


class Conversion(Linked):
    """The share of all patients of an arm who convert, and the categories of best response open to it.

    ``link`` ties it to the luck of the transition that it ``follows``, the last of the course unless stated.
    """

    naming: ClassVar[Naming] = {"shares": "arms", "": "yes/no", "follows": "hazard"}
    recorded_only: ClassVar[bool] = True

    label: Label
    shares: dict[str, Share]
    among: Annotated[tuple[Name, ...], Field(min_length=1)]
    link: Annotated[float, Field(ge=0, lt=1)]

    @model_validator(mode="after")
    def _consistent(self) -> "Conversion":
        if len(set(self.among)) < len(self.among):
            raise ValueError("among: a category is given twice")
        return self

    def recording(self, place: str, courses: tuple[str, str], reference: Mapping[str, Floats]) -> Recording:
        """Who converts, by its name; a late transition makes it more likely."""
        return partial(_recorded, self, place.rpartition(".")[2], courses)


def _recorded(spec: Conversion, name: str, courses: tuple[str, str], patients: Followed) -> dict[str, BothArms]:
    assert patients.response is not None
    follows, categories = spec.follows or patients.transitions[-1], patients.categories
    own, late = patients.luck.normal(f"conversion/{name}"), patients.late(follows)
    found = []
    for arm, positions in zip(courses, patients.response, strict=True):
        chances = patients.chances[arm]
        inside = sum(chances[categories.index(one)] for one in spec.among) / sum(chances)
        found.append(draw(spec, arm, positions, categories, inside, late, own))
    return {name: (found[0], found[1])}


def draw(
    spec: Conversion,
    arm: str,
    response_positions: Positions,
    categories: tuple[str, ...],
    share_of_those_categories: float,
    luck_normal: Floats,
    own_normal: Floats,
) -> Bools:
    """Who converts in an arm, ``(R, N)``: the stated share in expectation, for a luck independent of best response.

    ``share_of_those_categories`` is the probability of the open categories in this arm.
    """
    share = _share(spec, arm, share_of_those_categories)
    threshold = float(-ndtri(min(share / share_of_those_categories, 1.0))) if share > 0 else np.inf
    return converted(spec, threshold, response_positions, categories, luck_normal, own_normal)


def tied(
    spec: Conversion, arm: str, categories: tuple[str, ...], response_shares: tuple[float, ...], correlation: float
) -> float:
    """The threshold, for `converted`, that holds an arm's share if the luck has this correlation with best response.

    ``response_shares`` are those of the categories, from worst to best. For `outcomes.latent_response` and the luck of
    that transition it is the link of best response.
    """
    cuts = np.clip(ndtri(np.cumsum([0.0, *response_shares]) / sum(response_shares)), -_FAR, _FAR)
    inside = _positions(spec, categories)
    share = _share(spec, arm, sum(response_shares[k] for k in inside) / sum(response_shares))
    if share == 0:
        return np.inf
    half = np.diff(cuts)[inside] / 2
    r = cuts[inside][:, None] + half[:, None] * (1.0 + _POINTS)
    weight = half[:, None] * _WEIGHTS * np.exp(-(r**2) / 2) / np.sqrt(2 * np.pi)
    both = spec.link * correlation

    def excess(threshold: float) -> float:
        return float((weight * ndtr((both * r - threshold) / np.sqrt(1.0 - both**2))).sum()) - share

    if excess(-4 * _FAR) <= 0:
        return -np.inf
    return float(brentq(excess, -4 * _FAR, 4 * _FAR, xtol=1e-13))


def converted(
    spec: Conversion,
    threshold: float,
    response_positions: Positions,
    categories: tuple[str, ...],
    luck_normal: Floats,
    own_normal: Floats,
) -> Bools:
    """Who is of an open category and has a latent normal above the threshold, ``(R, N)``."""
    latent = spec.link * luck_normal
    latent += np.sqrt(1.0 - spec.link**2) * own_normal
    open_to = np.zeros(len(categories), np.bool_)
    open_to[_positions(spec, categories)] = True
    found: Bools = open_to[response_positions]
    found &= latent > threshold
    return found


def _positions(spec: Conversion, categories: tuple[str, ...]) -> list[int]:
    """The positions of the open categories."""
    for name in spec.among:
        if name not in categories:
            raise ValueError(f"conversion: no response category '{name}' (there are {', '.join(categories)})")
    return [categories.index(name) for name in spec.among]


def _share(spec: Conversion, arm: str, at_most: float) -> float:
    """The stated share of an arm, if that many patients are of the open categories."""
    if arm not in spec.shares:
        raise ValueError(f"conversion: no share for arm '{arm}'")
    if spec.shares[arm] > at_most + 1e-9:
        raise ValueError(
            f"conversion: {spec.shares[arm]:.4g} of {arm} cannot convert when only {at_most:.4g} have "
            f"{' or '.join(spec.among)}"
        )
    return spec.shares[arm]
