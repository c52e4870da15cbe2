"""The other sections of a review's page: effects, analyses, what it rests on, what a methods section may say."""

from math import exp, isfinite, nan

from analysis.figures.ranges import RangeRow, two_courses_of
from analysis.figures.style import PHONE
from analysis.tables.text_table import TextTable, table
from benchmarks.report.engine import (
    Beside,
    Code,
    Fold,
    Items,
    Note,
    PageBlock,
    Quote,
    Rests,
    Tabled,
    picture,
)
from benchmarks.review import analyses
from benchmarks.review.checklist import ANSWERED, checklist
from benchmarks.review.effects import ALL, AS_STATED, as_ratios, course_times
from benchmarks.review.labels import HEADS
from benchmarks.review.methods import MethodsWords
from benchmarks.review.page_bias import HALF, WIDE, both_widths
from benchmarks.review.told import ReviewWords
from benchmarks.words.choice_words import choice_label, choice_value
from benchmarks.words.sizes import first_up, percent_text


def effect_blocks(told: ReviewWords) -> tuple[PageBlock, ...]:
    """What stands below the plausible effects: ratios by suspicion, both courses, absolute terms."""
    found, claim = told.review.effects, told.review.claim
    rows = []
    for name, ratio in as_ratios(found.compatible).items():
        label = HEADS.get(name, name.replace("-", " "))
        if isinstance(ratio, tuple):
            look = "calm" if name == AS_STATED else "strong" if name == ALL else "plain"
            rows.append(RangeRow(label, *ratio, f"{ratio[0]:.2f}–{ratio[2]:.2f}", look))
        else:
            rows.append(RangeRow(label, nan, nan, nan, "no answer", "pale"))
    drawn: tuple[PageBlock, ...] = ()
    folded: tuple[PageBlock, ...] = ()
    if rows:
        plausible = both_widths(
            rows, {"published": claim.value}, None, "True hazard ratio", HALF, "Plausible hazard ratios, by suspicion",
            "Bar: nine times in ten the truth lies within, if that suspicion up to its usual size and nothing else is "
            "right.",
            "Plausible true hazard ratios under each suspicion",
        )  # fmt: skip
        table_of = table("Plausible ratios", ("suspicion", "assumes", "ratio"), told.plausible_rows(), 2)
        how = (table_of, Note(_effect_how(told)))
        drawn, folded = (plausible,), (Fold("The suspicions, and whether there is an answer under each", how),)
    time, arms = course_times(found.marks), (told.control, told.treatment)
    shares = (found.twin.untreated.course, found.twin.treated.course)
    label = f"{first_up(told.free)}, %"
    wide, narrow = (two_courses_of(time, shares, arms, found.marks, told.unit, label, w) for w in (HALF, PHONE))
    courses = picture(
        wide, f"The same simulated patients with {told.treatment} and without it, nobody being lost.",
        "Shares without the event over time in both arms of the "
        "twin", "The course of the twin, no suspicion added", narrow,
    )  # fmt: skip
    heads = ("outcome", f"with {told.treatment}", "without", "difference", "range")
    return (
        Beside(drawn, (courses,), "pair") if drawn else courses,
        Beside(
            (table(f"In absolute terms, in {told.people}", heads, told.absolute_rows()),),
            (Rests(_effect_rests(told)),),
        ),
        *folded,
    )


def _effect_rests(told: ReviewWords) -> tuple[str, ...]:
    found = told.review.effects
    spread = (
        "Range: from the strongest to the weakest ratio that is plausible under any one suspicion, as one common "
        "effect."
        if found.at_low is not None
        else "No range is told, because no suspicion has an answer."
        if found.compatible is not None
        else "No range is told, because the paper prints no ratio with its interval."
    )
    return (
        f"The twin is right where the paper says nothing: {told.review.grounds.assumed} values are assumed.",
        spread,
        *(["Who has a competing event first counts as without this one."] if told.competes else []),
        f"{found.twin.patients:,} simulated patients; shares are exact to {percent_text(200 * found.twin.mcse, 0.1)}.",
        "Harms are not weighed here.",
    )


def _effect_how(told: ReviewWords) -> str:
    found = told.review.effects.compatible
    if found is None:
        return ""
    return (
        f"Under each suspicion {found.posteriors[0].points} worlds with an effect of any size and a bias of up to "
        "its usual "
        f"size were simulated, {found.replicates} studies of each; a world counts by how well it explains the "
        "printed ratio "
        f"and the width of its interval. True ratios are those of {found.population}."
    )


def analysis_blocks(told: ReviewWords) -> tuple[PageBlock, ...]:
    """What stands below the analyses: what each finds, what each open choice moves."""
    found, choices = told.review.analyses, told.review.analyses.choices
    rows, best = told.analysis_rows()
    drawn = []
    for one in found.found:
        if isfinite(one.mean):
            ends = (exp(one.mean + k * one.se) for k in (-1.96, 1.96))
            low, high = ends
            look = "calm" if one.name == found.best else "strong" if one.name == found.primary else "plain"
            drawn.append(RangeRow(first_up(one.label), low, exp(one.mean), high, f"{exp(one.mean):.2f}", look))
    forest = both_widths(
        drawn, {"true": found.true}, None, "Hazard ratio found", WIDE,
        "What each analysis finds in the same simulated studies",
        "Dot: the mean; bar: where 95 of 100 simulated studies lie. Orange: the paper's analysis; blue diamond: the "
        "recommended one; dashed: what is true.",
        "Hazard ratios of each analysis beside the truth",
    )  # fmt: skip
    heads = ("analysis", "finds", "off by", "SE", "holds the truth, %")
    title = f"In {told.people}, where {found.true:.2f} is true"
    blocks: list[PageBlock] = [
        Beside((forest,), (Tabled(table(title, heads, rows), best), Rests(_analysis_rests(told)))),
        Note(
            "Off by: on the logarithmic scale; −0.04 means 4 % too low. An adjusted ratio asks another question (for "
            "patients alike in all covariates) and so differs even without bias."
        ),
    ]
    if choices is not None:
        moved = [
            (
                first_up(choice_label(axis)),
                *(choice_value(axis, one, told.paper) for one in (start, value)),
                f"{100 * (exp(shift) - 1):+.1f} %".replace("-", "−"),
            )
            for axis, start, value, shift in analyses.farthest_choices(choices)
        ]
        blocks.append(
            Fold(
                "What each choice moves, averaged over all others",
                (
                    table("Change of the hazard ratio", ("choice", "from", "to", "change"), moved, 3),
                    Note(_choices_how(told)),
                ),
            )
        )
    return tuple(blocks)


def _analysis_rests(told: ReviewWords) -> tuple[str, ...]:
    found = told.review.analyses
    error = max((one.mcse for one in found.found if isfinite(one.mcse)), default=nan)
    lines = [
        f"The means of {found.replicates:,} simulated studies; error of each at most {error:.3f} on the logarithm."
    ]
    if found.best is not None:
        low, high = found.would[1:]
    if found.best is not None and isfinite(found.would[0]):
        lines.append(
            f"What the recommended analysis would have given in the paper is inferred: {found.would[0]:.2f}, in 95 "
            "of 100 "
            f"studies {low:.2f} to {high:.2f}. It needs the patients' data."
        )
    if found.choices is None:
        lines.append("No choice of the analysis that the paper leaves open could be varied.")
    return tuple(lines)


def _choices_how(told: ReviewWords) -> str:
    choices = told.review.analyses.choices
    if choices is None:
        return ""
    return (
        f"{len(choices.specifications)} analyses of {choices.replicates} simulated studies. Without any effect the "
        "average "
        f"one finds the published direction, p < {choices.alpha:g}, in "
        f"{percent_text(100 * choices.mean_share[1].value)} of "
        f"studies, and at least one does in {percent_text(100 * choices.any_share[1].value)}."
    )


def grounds_blocks(told: ReviewWords) -> tuple[PageBlock, ...]:
    """What stands below the grounds: assumptions by weight, how well the twin fits."""
    grounds = told.review.grounds
    moved = [one for one in grounds.weighed if isfinite(one.moves)][:10]
    base = told.simulated[0]
    rows = [
        RangeRow(
            first_up(told.place_words(one.assumption.path)), base * exp(-abs(one.moves)), base,
            base * exp(abs(one.moves)), f"{100 * (exp(abs(one.moves)) - 1):.1f} %",
        )
        for one in moved
    ]  # fmt: skip
    left: tuple[PageBlock, ...] = ()
    if rows:
        left = (
            both_widths(
                rows, {}, None, "Hazard ratio that the paper's analysis finds in the twin", WIDE,
                "Assumptions, by how far they move the answer",
                "Bar: the ratio when that value alone is as far lower or higher as it may well be.",
                "Hazard ratio found in the twin when each assumption moves",
            ),
        )  # fmt: skip
    right: tuple[PageBlock, ...] = (*_fit_tables(told), Rests(_put_in(told), "What was put in"))
    every = [
        (
            first_up(told.place_words(one.assumption.path)),
            one.assumption.value if isinstance(one.assumption.value, str) else f"{one.assumption.value:.4g}",
            f"{100 * (exp(one.moves) - 1):+.1f} %".replace("-", "−") if isfinite(one.moves) else "–",
        )
        for one in grounds.weighed
    ]
    body: list[PageBlock] = [Beside(left, right) if left else right[-1]]
    if every:
        heads = ("value of", "assumed", "moves the ratio by")
        body.append(
            Fold(f"All {len(every)} assumptions that can be moved", (table("What was assumed", heads, every, 1),))
        )
    return tuple(body)


def _fit_tables(told: ReviewWords) -> tuple[TextTable, ...]:
    fit = told.review.grounds.fit
    if fit is None:
        return ()
    whole = fit.totals[-1]
    rows = [
        ("Reproduced, within chance", str(whole.inside)),
        ("Not reproduced", str(whole.numbers - whole.inside)),
        ("Doubtful by the paper's own arithmetic", str(whole.doubtful)),
    ]
    return (table("How well the twin fits", ("printed numbers", "how many"), rows, 1),)


def _put_in(told: ReviewWords) -> tuple[str, ...]:
    grounds = told.review.grounds
    lines = [f"{grounds.sourced} values come from the paper or were fitted to it; {grounds.assumed} are assumed."]
    fit = grounds.fit
    if fit is not None:
        outside = [told.number_words(one.key, one.where) for one in fit.scores if not one.inside and not one.doubts][:3]
        if outside:
            lines.append(f"Not reproduced: {'; '.join(outside)}.")
    lines.append("Patients' data, if shared, would replace most assumptions.")
    return tuple(lines)


def methods_blocks(told: ReviewWords, methods: MethodsWords) -> tuple[PageBlock, ...]:
    """What goes into a methods section: the paragraph, the command, the checklist."""
    items = checklist(told)
    counts = " and ".join(f"{sum(one.state == state for one in items)} {words}" for state, words in ANSWERED.items())
    rows = [(one.item, one.answer, ANSWERED[one.state]) for one in items]
    facts = [("Version", methods.version), ("Seed", str(methods.seed)), ("Digest of the twin", methods.digest)]
    return (
        Beside(
            (Quote(methods.paragraph(told)), Code(methods.command)),
            (
                table("To repeat it", ("what", "value"), facts, 2),
                Items((("Every number of this page", "stands in review.json; `trialtwin verify` computes it again"),)),
            ),
        ),
        Fold(
            f"Annex: reporting checklist (TARGET and STROBE), as far as the paper and its twin can answer: {counts}",
            (table("Checklist", ("item", "answer", "state"), rows, 3),),
            anchor="checklist",
        ),
    )  # fmt: skip
