"""Synthetic papers with a known truth, and the words that the rules of a review give each of them.

Half of the papers of a world have no effect of treatment but one or two biases, each drawn between a quarter of and one
and a quarter times its usual size; half have an effect of any size and no bias. A paper is one simulated study: the
ratio that the world's own analysis finds in it. The reviewer has the world without biases, as a twin that is fitted
well; the rules see the ratio alone.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import exp, log
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.asked.load_study import Asked
from benchmarks.questions.ask import designed, one_estimator, rows_only, values_of
from benchmarks.review import effects
from benchmarks.review.biases import EFFECT, NullStudies, WithoutEffect, summary
from benchmarks.review.suspicions import Suspicion, suspicions
from benchmarks.review.verdict import CHANCE, Word, decided

LEAST, MOST = 0.25, 1.25
"""Parts of the usual size between which a bias is drawn."""
STRONGEST, WEAKEST = log(0.3), log(0.9)


@dataclass(frozen=True)
class SyntheticPaper:
    """A paper: its biases ('' for one with an effect), the ratio that it found, and the words that it gets."""

    world: str
    biases: str
    effect: float
    hr: float
    word: Word


def papers_of(asked: Asked, count: int, seed: int, out: Path, small: bool = False) -> list[SyntheticPaper]:
    """So many papers of a world, half of them without an effect; ``small``: usual sizes are planted too small."""
    endpoint = next(iter(asked.scenario.endpoints))
    scale = effects.scale_of(asked.scenario, endpoint)
    several = suspicions(asked.scenario, -1.0, scale)
    entry, _ = one_estimator(asked, endpoint, None)
    studies = NullStudies(asked, entry, endpoint, 2, out)
    found = _without_effect(studies, several, 0.1 if small else 1.0)
    luck = np.random.default_rng(seed)
    made = [
        *_null_papers(studies, several, count // 2, luck),
        *_effect_papers(studies, count - count // 2, luck),
    ]
    return [
        SyntheticPaper(asked.scenario.name, biases, effect, exp(value), _word(found, value))
        for biases, effect, value in made
        if np.isfinite(value)
    ]


def _word(found: Mapping[tuple[str, ...], WithoutEffect], value: float) -> Word:
    """The words for a ratio on the side of a benefit; what is on the other side is never taken for one."""
    return decided(found, value, -1.0).word if value < 0 else "chance"


def _part(one: Suspicion, part: float) -> float:
    """A part of the usual size: of a strength on the logarithm."""
    return float(one.usual**part) if one.unit == "fold" else part * one.usual


def _without_effect(
    studies: NullStudies, several: Sequence[Suspicion], part: float
) -> dict[tuple[str, ...], WithoutEffect]:
    (chance,) = studies.estimates("chance", [{}], {})
    found = {CHANCE: summary(chance)}
    groups: list[tuple[Suspicion, ...]] = [(one,) for one in several]
    groups += list(combinations(several, 2))
    for group in groups:
        fixed: dict[str, Any] = {}
        for one in group:
            fixed |= {**one.fixed, **one.settings(_part(one, part))}
        (values,) = studies.estimates("-".join(one.name for one in group), [{}], fixed)
        found[tuple(one.name for one in group)] = summary(values)
    return found


def _null_papers(
    studies: NullStudies, several: Sequence[Suspicion], count: int, luck: np.random.Generator
) -> list[tuple[str, float, float]]:
    groups: list[tuple[Suspicion, ...]] = [(one,) for one in several]
    groups += list(combinations(several, 2))
    made = []
    for group, own in zip(groups, np.array_split(np.arange(count), len(groups)), strict=True):
        if not len(own):
            continue
        fixed: dict[str, Any] = {}
        for one in group:
            fixed |= one.fixed
        cells = []
        for k in own:
            cell: dict[str, Any] = {"run.seed": 10_000 + int(k)}
            for one in group:
                cell |= one.settings(_part(one, float(luck.uniform(LEAST, MOST))))
            cells.append(cell)
        name = "-".join(one.name for one in group)
        values = _one_study_each(studies, f"papers-{name}", cells, {EFFECT: "none", **fixed})
        made += [(name, 0.0, value) for value in values]
    return made


def _effect_papers(studies: NullStudies, count: int, luck: np.random.Generator) -> list[tuple[str, float, float]]:
    places = tuple(studies.asked.scenario.outcomes.places.values())
    sizes = luck.uniform(STRONGEST, WEAKEST, count)
    cells = [
        {"run.seed": 20_000 + k, **{f"outcomes.{place}.treatment.log_hr": float(size) for place in places}}
        for k, size in enumerate(sizes)
    ]
    fixed = {EFFECT: "as_stated", **{f"outcomes.{place}.treatment": {"log_hr": 0.0} for place in places}}
    values = _one_study_each(studies, "papers-effect", cells, fixed)
    return [("", float(size), value) for size, value in zip(sizes, values, strict=True)]


def _one_study_each(
    studies: NullStudies, stage: str, cells: Sequence[Mapping[str, Any]], fixed: Mapping[str, Any]
) -> list[float]:
    common = {"estimators": [dict(studies.entry)], "run.replicates": 1, **fixed}
    study = designed(studies.asked, [dict(one) for one in cells], common)
    rows, _ = rows_only(study, f"review-{stage}", studies.jobs, studies.out / stage)
    return [float(values_of(rows, k, studies.endpoint, studies.entry["name"])[0]) for k in range(len(cells))]


def tabled(papers: Sequence[SyntheticPaper]) -> dict[str, Counter[Word]]:
    """How many papers get which words, of those without and those with an effect."""
    return {
        "no effect": Counter(one.word for one in papers if one.biases),
        "an effect": Counter(one.word for one in papers if not one.biases),
    }
