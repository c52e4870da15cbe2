"""A review as a JSON document: every number that its page shows, by section, with the sentences."""

from collections.abc import Mapping
from dataclasses import asdict
from math import isfinite
from typing import Any

from benchmarks.performance.measures import Measure
from benchmarks.review.biases import BiasCurve, SizeNeeded, WithoutEffect
from benchmarks.review.checklist import checklist
from benchmarks.review.effects import Absolute, as_ratios
from benchmarks.review.methods import MethodsWords
from benchmarks.review.page import first_screen
from benchmarks.review.told import ReviewWords
from benchmarks.review.verdict import POSSIBLE, RULES
from benchmarks.words.answer import plain

ReviewTree = dict[str, Any]


def review_data(told: ReviewWords, methods: MethodsWords) -> ReviewTree:
    """The document; numbers in full precision, null for what is none."""
    review = told.review
    document: ReviewTree = {
        "question": f"Does {told.treatment} work better than {told.control}, or could it be bias?",
        "headline": told.headline,
        "verdict": told.verdict,
        "answers": [asdict(one) for one in first_screen(told)],
        "rule": {"word": review.judged.word, "because": list(review.judged.because), "chance": review.judged.chance,
                 "unsure": review.judged.unsure, "possible": POSSIBLE, "rules": dict(RULES)},
        "claim": _claim(told),
        "bias": _bias(told),
        "effect": _effect(told),
        "analysis": _analysis(told),
        "rests": _rests(told),
        "methods": {"paragraph": methods.paragraph(told), "command": methods.command, "seed": methods.seed,
                    "digest": methods.digest, "versions": dict(methods.versions)},
        "checklist": [asdict(one) for one in checklist(told)],
    }  # fmt: skip
    found: ReviewTree = plain(document)
    return found


def _claim(told: ReviewWords) -> ReviewTree:
    claim = told.review.claim
    return {
        "sentence": told.claim_section,
        "endpoint": claim.endpoint,
        "ratio": told.ratio, "printed_at": claim.place or None, "competing": told.competes,
        "hr": claim.hr, "low": claim.low, "high": claim.high, "p": claim.p,
        "arms": [asdict(one) for one in claim.arms],
        "numbers": claim.numbers,
        "serious": told.serious,
        "findings": told.findings_by_table(),
    }  # fmt: skip


def _found(one: WithoutEffect) -> ReviewTree:
    return {"log_hr": Measure(one.mean, one.mcse), "sd": one.sd, "failed": one.failed}


def _null(one: WithoutEffect, log_hr: float, sign: float) -> ReviewTree:
    return {**_found(one), "as_extreme": one.as_extreme(log_hr, sign)}


def _needed(one: SizeNeeded) -> ReviewTree:
    return {"size": one.value if isfinite(one.value) else None, "mcse": one.error, "farthest_hr": one.farthest}


def _bias(told: ReviewWords) -> ReviewTree:
    found = told.review.biases

    def curve(one: BiasCurve) -> ReviewTree:
        return {
            "name": one.suspicion.name,
            "unit": one.suspicion.unit,
            "sizes": one.sizes,
            "log_hr": [Measure(float(value), float(error)) for value, error in zip(one.mean, one.mcse, strict=True)],
            "usual": one.suspicion.usual,
            "at_usual": _null(one.at_usual, found.log_hr, found.sign),
            "needed_for_ratio": _needed(one.ratio),
            "needed_for_bound": _needed(one.bound),
        }

    return {
        "sentence": told.bias_section,
        "replicates": found.replicates,
        "time_of_half": told.review.scale,
        "chance": {**_found(found.chance), "as_far": found.chance.as_far(found.log_hr)},
        "suspicions": [curve(one) for one in found.curves],
        "pairs": [{"names": list(pair), **_null(one, found.log_hr, found.sign)} for pair, one in found.pairs.items()],
    }


def _absolute(one: Absolute | None) -> ReviewTree | None:
    if one is None:
        return None
    arms: Mapping[str, Any] = {"untreated": one.untreated, "treated": one.treated}
    return {name: {"free": list(arm.free), "median": arm.median, "mean": arm.mean} for name, arm in arms.items()} | {
        "mcse": one.mcse, "patients": one.patients,
    }  # fmt: skip


def _effect(told: ReviewWords) -> ReviewTree:
    found = told.review.effects
    plausible = {
        name: {"low": ratio[0], "median": ratio[1], "high": ratio[2]}
        if isinstance(ratio, tuple)
        else {"refusal": ratio}
        for name, ratio in as_ratios(found.compatible).items()
    }
    return {
        "sentence": told.effect_section,
        "population": None if found.compatible is None else found.compatible.population,
        "true_hr": found.true, "log_mcse": found.true_mcse,
        "marks": list(found.marks), "unit": told.unit,
        "plausible": plausible,
        "low": found.low, "high": found.high,
        "twin": _absolute(found.twin), "at_low": _absolute(found.at_low), "at_high": _absolute(found.at_high),
    }  # fmt: skip


def _analysis(told: ReviewWords) -> ReviewTree:
    found, choices = told.review.analyses, told.review.analyses.choices
    return {
        "sentence": told.analysis_section,
        "primary": found.primary, "best": found.best, "true_hr": found.true, "replicates": found.replicates,
        "would_have_given": list(found.would),
        "analyses": [asdict(one) for one in found.found],
        "choices": None if choices is None else {
            "analyses": len(choices.specifications), "replicates": choices.replicates,
            "spread": choices.spread, "mean_share": choices.mean_share, "any_share": choices.any_share,
            "levels": choices.levels,
        },
    }  # fmt: skip


def _rests(told: ReviewWords) -> ReviewTree:
    grounds = told.review.grounds
    return {
        "sentence": told.rests,
        "sourced": grounds.sourced, "assumed": grounds.assumed, "doubt": grounds.doubt,
        "assumptions": [
            {"path": one.assumption.path, "value": one.assumption.value, "prior_sd": one.assumption.prior_sd,
             "log_hr_moves": Measure(one.moves, one.mcse)}
            for one in grounds.weighed
        ],
        "fit": None if grounds.fit is None else {"totals": grounds.fit.totals,
                                                  "outside": [one.key for one in grounds.fit.scores if not one.inside]},
    }  # fmt: skip
