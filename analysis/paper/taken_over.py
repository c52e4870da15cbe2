"""What the analysis of a block takes over from that of another block whose cohorts are the same in part.

Worlds that share their luck and differ in one value often have the same patients in the same arms, or the same course
of one endpoint. What is made from equal arrays by the same plan is equal, bit for bit; only that is taken over.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from analysis.estimators.base import Sample
from analysis.paper.block_workflow import BlockAnalysis
from analysis.paper.numbers import BlockNumbers
from simulator.documents.keys import split_key

KeyPart = tuple[str, str]
"""What is observed of the patients, beside who they are: an endpoint, an outcome, an amount, the modes."""
BASELINE: KeyPart = ("", "")
OF_BASELINE = ("weighted", "sets", "table1", "unweighted_table1", "_rows", "cox_design", "subgroup_sets")
STEPS = ("propensity", "matching", "adjusted")


def part_of(key: str) -> KeyPart:
    """The part that the number at a key is made from; `BASELINE` where it is made from the patients and arms alone."""
    steps = split_key(key)
    if steps[0].name in ("endpoints", "binary", "exposure"):
        return steps[0].name, steps[1].name
    return ("modes", "") if steps[0].name == "modes" else BASELINE


def same_parts(one: Sample, other: Sample) -> frozenset[KeyPart]:
    """The parts that are the same in both; none where patients, arms or plans are not."""
    ours, theirs = one.observed, other.observed
    known = one.plan.propensity.method == "true"
    alike = (
        one.plan == other.plan and one.seed == other.seed and not one.score_of and not other.score_of
        and ours.variables == theirs.variables and _same(one.replicates, other.replicates)
        and _same(ours.present, theirs.present) and _same(ours.treated, theirs.treated)
        and _same(ours.covariates, theirs.covariates) and _same(ours.delay, theirs.delay)
        and (not known or _same(one.true_propensity, other.true_propensity))
    )  # fmt: skip
    if not alike:
        return frozenset()
    found = {BASELINE}
    for name, course in ours.endpoints.items():
        known_as = theirs.endpoints.get(name)
        if known_as is not None and all(
            _same(getattr(course, what), getattr(known_as, what)) for what in ("time", "event", "competing")
        ):
            found.add(("endpoints", name))
    found |= {("binary", name) for name in _same_of(ours.binary, theirs.binary)}
    found |= {("exposure", name) for name in _same_of(ours.exposure, theirs.exposure)}
    if len(_same_of(ours.modes, theirs.modes)) == len(ours.modes) == len(theirs.modes):
        found.add(("modes", ""))
    return frozenset(found)


def numbers_beside(sample: Sample, earlier: BlockNumbers) -> tuple[BlockNumbers, frozenset[KeyPart]]:
    """The numbers of a block, which take over what is the same in an earlier one, and the parts that are the same.

    All numbers of these parts are those of the earlier block.
    """
    before = earlier.block
    same = same_parts(sample, before.sample)
    made = BlockNumbers(BlockAnalysis(sample))
    if BASELINE in same:
        steps = before.sample.kept.items()
        sample.kept.update((key, value) for key, value in steps if isinstance(key, tuple) and key[0] in STEPS)
        pairs = [(made.block, before)]
        if "unmatched" in vars(earlier.sides):
            pairs.append((made.sides.unmatched, earlier.sides.unmatched))
        for new, old in pairs:
            vars(new).update({name: vars(old)[name] for name in OF_BASELINE if name in vars(old)})
        if "sizes" in vars(earlier.sides):
            vars(made.sides)["sizes"] = earlier.sides.sizes
    return made, same


def _same(one: Any, other: Any) -> bool:
    """Whether two arrays have the same bits, or both are absent."""
    if one is other:
        return True
    if one is None or other is None or one.shape != other.shape or one.dtype != other.dtype:
        return False
    if one.dtype == np.float64 and one.flags.c_contiguous and other.flags.c_contiguous:
        one, other = one.view(np.int64), other.view(np.int64)
    return bool(np.array_equal(one, other))


def _same_of(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    return [name for name in ours if name in theirs and _same(ours[name], theirs[name])]
