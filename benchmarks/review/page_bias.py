"""The first two sections of a review's page: what the paper claims, and whether that could be bias."""

from collections.abc import Sequence
from math import exp, isfinite, nan

import numpy as np

from analysis.figures.ranges import RangeRow, ranges_of, size_curve_of
from analysis.figures.style import PHONE
from analysis.tables.text_table import table
from benchmarks.report.engine import (
    Beside,
    Fold,
    Note,
    PageBlock,
    Picture,
    Rests,
    picture,
)
from benchmarks.review.labels import BRIEF, HEADS
from benchmarks.review.printed_ranges import printed_ranges
from benchmarks.review.suspicions import strongest
from benchmarks.review.told import ReviewWords
from benchmarks.review.verdict import RULES, WORDS
from benchmarks.words.sizes import first_up

WIDE, HALF = 4.6, 3.7


def both_widths(
    rows: Sequence[RangeRow], at: dict[str, float], band: tuple[float, float] | None, label: str, width: float,
    title: str, caption: str, alt: str,
) -> Picture:  # fmt: skip
    """Rows as a picture, for a page and for a phone."""
    longest = 2.3 if width == WIDE else 1.65
    wide, narrow = (ranges_of(rows, at, band, label, inches, longest) for inches in (width, PHONE))
    return picture(wide, caption, alt, title, narrow)


def claim_blocks(told: ReviewWords) -> tuple[PageBlock, ...]:
    """What stands below the claim: printed ratios, contradictions by table."""
    rows = printed_ranges(told.scenario, told.review.claim)
    by_table = told.findings_by_table()
    listed = tuple(
        Fold(f"{place}: {len(own)} contradiction{'' if len(own) == 1 else 's'}", tuple(own))
        for place, own in by_table.items()
    )
    figure: tuple[PageBlock, ...] = ()
    if rows:
        figure = (
            both_widths(
                rows, {}, None, "Hazard ratio (logarithmic)", WIDE,
                "Printed ratios of the treatment, with their intervals",
                "Black: the interval as printed. Orange: the narrowest that so few events allow in any Cox model. "
                "Where "
                "black is shorter than orange, the print is wrong.",
                "Printed hazard ratios with their intervals and the narrowest that the events allow",
            ),
        )  # fmt: skip
    remarks = sum(one.severity == "note" for one in told.review.claim.findings)
    rests = Rests(
        (
            f"All {told.review.claim.numbers:,} printed numbers, recomputed within their rounding.",
            "Nothing is assumed about the patients.",
            *told.claim_rests,
            f"{remarks} remark{'' if remarks == 1 else 's'} of less weight {'stands' if remarks == 1 else 'stand'} in "
            "the audit only.",
        )
    )
    return (Beside(figure, (rests,)) if figure else rests, *listed)


def bias_blocks(told: ReviewWords) -> tuple[PageBlock, ...]:
    """What stands below the biases: what each makes out of nothing, what would have to be true, the rules."""
    biases = told.review.biases
    rows = [_spread_row("Chance alone", biases.chance.mean, biases.chance.sd, "pale")]
    rows += [
        _spread_row(HEADS[one.suspicion.name], one.at_usual.mean, one.at_usual.sd, "plain") for one in biases.curves
    ]
    worst = max(biases.pairs, key=lambda pair: biases.sign * biases.pairs[pair].mean, default=None)
    if worst is not None:
        both = " and ".join(BRIEF[name] for name in worst)
        rows.append(_spread_row(first_up(both), biases.pairs[worst].mean, biases.pairs[worst].sd, "plain"))
    claim = told.review.claim
    published = {"published": claim.value} if claim.known else {}
    spread = both_widths(
        rows, published, claim.limits if claim.known else None, "Hazard ratio found where treatment has no effect",
        WIDE,
        "What biases of a usual size make out of nothing",
        "Dot: the mean of simulated studies without any effect; bar: where 95 of 100 of them lie."
        + (" Dashed: the published ratio, on its interval." if claim.known else ""),
        "Hazard ratios found without any effect under each suspicion, beside the published one",
    )  # fmt: skip
    right: list[PageBlock] = [Rests(_bias_rests(told))]
    left: list[PageBlock] = [spread]
    if told.has("unmeasured"):
        curve = told.curve("unmeasured")
        measured = strongest(told.scenario)
        marks = [("usual size", curve.suspicion.usual)]
        if measured is not None:
            strength = max(measured.odds_ratio, 1 / measured.odds_ratio)
            strength, name = min(strength, float(curve.sizes[-1])), told.label_of(measured.term)
            alike = abs(strength / curve.suspicion.usual - 1) < 0.05  # one diamond has one name
            marks = [(f"usual size, {name}", strength)] if alike else [*marks, (name, strength)]
        args = (curve.sizes, np.exp(curve.mean), curve.mcse, published, marks)
        wide = size_curve_of(*args, "Strength of an unrecorded trait on treatment and on the event alike", WIDE)
        narrow = size_curve_of(*args, "Strength on treatment and event alike", PHONE)
        left.append(
            picture(
                wide,
                "The curve: the ratio that the paper's analysis finds without any effect."
                + (" It explains the paper where it gets to the dashed line." if claim.known else "")
                + " Diamonds: a usual size, and the strongest recorded trait by its odds ratio.",
                "Hazard ratio found without any effect over the strength of an unrecorded trait",
                "How strong an unrecorded trait would have to be", narrow,
            )
        )  # fmt: skip
    rules = [(WORDS[word], rule, "←" if word == told.review.judged.word else "") for word, rule in RULES.items()]
    return (
        Beside(tuple(left), tuple(right)),
        table("What would have to be true", told.suspicion_heads(), told.suspicion_rows(), 5 if claim.known else 2),
        Fold(
            "The rules behind the words of the verdict",
            (
                table("The first rule that holds gives the words", ("words", "rule", "here"), rules, 2),
                Note(
                    "Usual sizes are conventions: a trait as strong as the strongest recorded one, at least twofold; a "
                    "quarter of the time in which half of the untreated have the event, or could be followed, "
                    "whichever is shorter; a fifth of the patients lost."
                ),
                table(
                    "Two suspicions of usual size together",
                    ("suspicions", "makes on average", "as extreme in (simulation error)")[: 3 if claim.known else 2],
                    told.pair_rows(),
                    1,
                ),
            ),
        ),
        Fold("How it was computed, and how exactly", (_bias_how(told),)),
    )


def _bias_rests(told: ReviewWords) -> tuple[str, ...]:
    lines = [
        "Each suspicion is put into the twin with no effect of treatment, and the paper's own analysis is made of it.",
        f"Half of the untreated of the twin have the event within {told.time(told.review.scale)}.",
    ]
    if told.has("unmeasured"):
        lines.append("One trait, present in half of the patients, that acts alike on every hazard.")
    lines.append("Nobody can rule out several biases together, or larger ones.")
    return tuple(lines)


def _bias_how(told: ReviewWords) -> str:
    biases = told.review.biases
    error = max([biases.chance.mcse, *(one.at_usual.mcse for one in biases.curves)])
    return (
        f"{biases.replicates:,} simulated studies for each size of each suspicion, four times as many around the "
        "sizes that "
        f"are needed; the simulation error of a mean is at most {error:.3f} on the logarithm. A chance is that of a "
        "normal "
        f"spread with the mean and SD of the simulated ratios. Without any effect and bias the analysis finds "
        f"{exp(biases.chance.mean):.2f} on average."
    )


def _spread_row(label: str, mean: float, sd: float, look: str) -> RangeRow:
    low, value, high = (exp(mean + k * sd) if isfinite(mean) else nan for k in (-1.96, 0.0, 1.96))
    return RangeRow(label, low, value, high, f"{value:.2f}", look)
