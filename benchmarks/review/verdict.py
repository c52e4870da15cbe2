"""The verdict on a paper's main result: which words it gets, by written rules with thresholds.

Each question is whether something makes a ratio as extreme as the published one where treatment has no effect, in at
least `POSSIBLE` of simulated studies. They are asked in this order, and the first that is answered with yes decides:

0. it cannot be answered: no ratio with its interval is printed;
1. the twin cannot tell: it does not print what the paper prints, or its analysis too often gives no estimate;
2. chance alone, on either side of no difference, as a p-value counts it;
3. one suspicion of its usual size, or arms that nothing makes alike: treatment neither by lot nor adjusted for;
4. two of them together;
5. none of these: the strongest words that there are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, nan
from typing import Literal

from benchmarks.performance.measures import Measure
from benchmarks.review.biases import Biases, WithoutEffect

CHANCE = ("chance",)
UNADJUSTED = ("unadjusted",)
POSSIBLE = 0.05
MOST_FAILED = 0.2
WITHIN = 2.0
"""Simulation errors of a chance within which it is not told from `POSSIBLE`."""
Word = Literal["no-ratio", "cannot-tell", "chance", "could-be", "not-alone", "hardly"]
WORDS: Mapping[Word, str] = {
    "no-ratio": "It cannot be told",
    "cannot-tell": "The twin cannot tell",
    "chance": "It could be chance",
    "could-be": "It could be bias",
    "not-alone": "Hardly one bias alone",
    "hardly": "Hardly by itself",
}
RULES: Mapping[Word, str] = {
    "no-ratio": "the paper prints no hazard ratio with its interval",
    "cannot-tell": "the twin prints its paper badly, or the analysis gives no estimate in more than "
    f"{100 * MOST_FAILED:.0f} of 100 simulated studies",
    "chance": f"without any effect or bias, at least {100 * POSSIBLE:.0f} of 100 studies are as far from no difference "
    "as the paper, on either side",
    "could-be": f"without any effect, one bias of a usual size makes at least {100 * POSSIBLE:.0f} of 100 as extreme; "
    "or treatment was not drawn by lot, and the analysis adjusts for nothing",
    "not-alone": f"no single one does, but two of them together make at least {100 * POSSIBLE:.0f} of 100 as extreme",
    "hardly": "neither one nor any two of them do",
}


@dataclass(frozen=True)
class Judged:
    """The word of the verdict, why the twin cannot tell ('' where it can), and by what the word was decided.

    ``because`` names chance, one suspicion or two, that which makes the published ratio most easily; ``chance`` is how
    often it does, NaN of arms that nothing makes alike. ``unsure`` says that simulation error alone could change the
    word.
    """

    word: Word
    why: str
    because: tuple[str, ...]
    chance: Measure
    unsure: bool = False


def judged(biases: Biases, doubt: str = "", alike: bool = True) -> Judged:
    """The verdict on the published ratio; ``doubt`` says why the twin is no judge, '' where it is.

    Not ``alike`` are arms that were neither made by lot nor adjusted: they get no words stronger than "could be".
    """
    found: dict[tuple[str, ...], WithoutEffect] = {CHANCE: biases.chance}
    found |= {(one.suspicion.name,): one.at_usual for one in biases.curves}
    found |= {(a, b): one for (a, b), one in biases.pairs.items()}
    verdict = decided(found, biases.log_hr, biases.sign, doubt)
    if alike or verdict.word not in ("not-alone", "hardly"):
        return verdict
    return Judged("could-be", "", UNADJUSTED, Measure(nan, nan), verdict.unsure)


def decided(found: Mapping[tuple[str, ...], WithoutEffect], log_hr: float, sign: float, doubt: str = "") -> Judged:
    """The verdict on a ratio from what is ``found`` without any effect: by chance, by one suspicion, by two."""
    failed = max((one.failed for key, one in found.items() if len(key) == 1), default=0.0)
    if not doubt and failed > MOST_FAILED:
        doubt = f"the analysis gives no estimate in {100 * failed:.0f} of 100 simulated studies"
    by = {key: one.as_far(log_hr) if key == CHANCE else one.as_extreme(log_hr, sign) for key, one in found.items()}
    if not doubt and not all(isfinite(one.value) for one in by.values()):
        doubt = "the analysis gives hardly any estimates in some simulated studies"
    if doubt:
        return Judged("cannot-tell", doubt, (), Measure(nan, nan))
    words: dict[Word, list[tuple[str, ...]]] = {
        "chance": [CHANCE],
        "could-be": [key for key in by if len(key) == 1 and key != CHANCE],
        "not-alone": [key for key in by if len(key) == 2],
    }
    unsure = False
    for word, keys in words.items():
        most = max(keys, key=lambda key: by[key].value, default=None)
        if most is None:
            continue
        unsure = unsure or abs(by[most].value - POSSIBLE) < WITHIN * by[most].mcse
        if by[most].value >= POSSIBLE:
            return Judged(word, "", most, by[most], unsure)
    most = max(by, key=lambda key: by[key].value)
    return Judged("hardly", "", most, by[most], unsure)
