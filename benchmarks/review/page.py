"""The page of a review: five answers on the first screen, then six sections, each with its figure and what it rests on."""

from collections.abc import Sequence
from math import exp, isfinite, nan

import numpy as np

from analysis.figures.ranges import RangeRow, ranges_of, size_curve_of, two_courses_of
from analysis.figures.style import PHONE
from analysis.tables.text_table import TextTable, table
from benchmarks.report.engine import (
    Beside,
    Block,
    Code,
    Fold,
    HowMade,
    Items,
    Note,
    Page,
    Picture,
    QuickAnswer,
    Quote,
    Rests,
    Section,
    Tabled,
    html,
    picture,
)
from benchmarks.review import analyses
from benchmarks.review.checklist import ANSWERED, checklist
from benchmarks.review.effects import ALL, AS_STATED, as_ratios, course_times
from benchmarks.review.labels import HEADS
from benchmarks.review.methods import MethodsWords
from benchmarks.review.printed_ranges import printed_ranges
from benchmarks.review.suspicions import strongest
from benchmarks.review.told import ReviewWords
from benchmarks.review.verdict import RULES, WORDS
from benchmarks.words.sizes import first_up, percent_text

WIDE, HALF = 4.6, 3.7
FOOTER = (
    "TrialTwin does not say what is true of a published study: only which truths, under stated assumptions, lead to what "
    "was printed. It is no advice on treatment."
)


def review_page(told: ReviewWords, methods: MethodsWords) -> str:
    """The page as one HTML document; the same review gives the same bytes."""
    return html(
        Page(
            f"Does {told.treatment} work better than {told.control} ({told.endpoint}), or could it be bias?",
            told.verdict,
            HowMade(methods.command, (("Digest of the twin", methods.digest),), versions=methods.versions),
            _sections(told, methods),
            kicker="Referee's report",
            aside=f"TrialTwin {methods.versions.get('trialtwin', '')}, one page, six sections",
            cite=f"On: {told.scenario.source}",
            headline=told.headline,
            answers=first_screen(told),
            explained=EXPLAINED,
            footer=FOOTER,
            repeat=False,
            dated=False,
        )
    )


EXPLAINED = (
    ("twin", "simulated patients built from the paper's numbers"),
    ("E-value", "a known formula for the same, which ignores censoring, selection and matching"),
)


def first_screen(told: ReviewWords) -> tuple[QuickAnswer, ...]:
    """The five answers with their numbers and how sure each is."""
    review = told.review
    bias_number, bias_caption = _bias_number(told)
    number, caption = told.analysis_number
    return (
        QuickAnswer(
            "What does the paper claim?", told.claims, review.claim.hr, told.claim_caption, 3, "As printed.",
            "The main result adds up as far as it can be checked." if told.main_stands
            else "Other printed numbers contradict the main result.", "claim",
        ),
        QuickAnswer(
            "Do its own numbers allow it?", told.adds_up, str(told.serious),
            f"serious contradiction{'' if told.serious == 1 else 's'} among {review.claim.numbers:,} printed numbers",
            3, "Certain.", "Arithmetic alone, with every rounding allowed for.", "claim",
        ),
        QuickAnswer(
            "Could it be bias?", told.bias, bias_number, bias_caption, 2,
            "Needs the twin." if review.judged.word != "cannot-tell" else "The twin cannot tell.",
            "Nobody can rule out more, or larger, biases together.", "bias",
        ),
        QuickAnswer(
            "What effect is plausible?", told.effect, told.gained, told.gained_caption, 1, "Depends on assumptions.",
            "Each suspicion and what it assumes is named in the section.", "effect",
        ),
        QuickAnswer(
            "Which analysis should have been used?", told.analysis, number, caption, 2, "Sure in the twin.",
            f"Means of {review.analyses.replicates:,} simulated studies.", "analysis",
        ),
    )  # fmt: skip


def _bias_number(told: ReviewWords) -> tuple[str, str]:
    """The number beside 'could it be bias': the strength needed, or what the strongest suspicion makes."""
    review = told.review
    if told.has("unmeasured"):
        curve = told.curve("unmeasured")
        ratio, bound = curve.ratio.value, curve.bound.value
        if isfinite(ratio) and ratio > 0:
            less = f" ({bound:.1f}× to lose certainty)" if isfinite(bound) and bound > 0 else ""
            return f"{ratio:.1f}×", f"needed on both sides to explain all of it{less}"
        if ratio == 0:
            return "0", "unrecorded traits are needed"
        return f"> {curve.sizes[-1]:.0f}×", "needed on both sides to explain all of it"
    if not review.biases.curves:
        return "–", "no suspicion fits this study"
    most = max(review.biases.curves, key=lambda one: review.biases.sign * one.at_usual.mean)
    return f"{exp(most.at_usual.mean):.2f}", f"out of nothing by {HEADS[most.suspicion.name].lower()}"


def _sections(told: ReviewWords, methods: MethodsWords) -> tuple[Section, ...]:
    return (
        Section(
            "What does the paper claim, and do its own numbers allow it?", told.claim_section, _claim(told), "claim",
            "What does the paper claim?",
        ),
        Section("Could it be bias?", told.bias_section, _bias(told), "bias", "Could it be bias?"),
        Section("What effect is plausible?", told.effect_section, _effect(told), "effect", "What effect is plausible?"),
        Section(
            "Does the choice of analysis matter, and which should have been used?", told.analysis_section,
            _analysis(told), "analysis", "Does the analysis matter?",
        ),
        Section("What does all this rest on?", told.rests, _grounds(told), "rests", "What it rests on"),
        Section(
            "What can go into a methods section?",
            "This paragraph, and the command that repeats the page to the last digit.", _methods(told, methods),
            "methods", "For the methods section",
        ),
    )  # fmt: skip


def _both(rows: Sequence[RangeRow], at: dict[str, float], band: tuple[float, float] | None, label: str, width: float, title: str, caption: str, alt: str) -> Picture:  # fmt: skip
    longest = 2.3 if width == WIDE else 1.65
    wide, narrow = (ranges_of(rows, at, band, label, inches, longest) for inches in (width, PHONE))
    return picture(wide, caption, alt, title, narrow)


def _claim(told: ReviewWords) -> tuple[Block, ...]:
    rows = printed_ranges(told.scenario, told.review.claim)
    by_table = told.findings_by_table()
    listed = tuple(
        Fold(f"{place}: {len(own)} contradiction{'' if len(own) == 1 else 's'}", tuple(own), in_print=True)
        for place, own in by_table.items()
    )
    figure: tuple[Block, ...] = ()
    if rows:
        figure = (
            _both(
                rows, {}, None, "Hazard ratio (logarithmic)", WIDE, "Printed ratios of the treatment, with their intervals",
                "Black: the interval as printed. Orange: the narrowest that so few events allow in any Cox model. Where "
                "black is shorter than orange, the print is wrong.",
                "Printed hazard ratios with their intervals and the narrowest that the events allow",
            ),
        )  # fmt: skip
    remarks = sum(one.severity == "note" for one in told.review.claim.findings)
    rests = Rests(
        (
            f"All {told.review.claim.numbers:,} printed numbers, recomputed within their rounding.",
            "Nothing is assumed about the patients.",
            f"{remarks} remark{'' if remarks == 1 else 's'} of less weight {'is' if remarks == 1 else 'are'} told by the audit alone.",
        )
    )
    return (Beside(figure, (rests,)) if figure else rests, *listed)


def _bias(told: ReviewWords) -> tuple[Block, ...]:
    biases = told.review.biases
    rows = [_spread_row("Chance alone", biases.chance.mean, biases.chance.sd, "pale")]
    rows += [
        _spread_row(HEADS[one.suspicion.name], one.at_usual.mean, one.at_usual.sd, "plain") for one in biases.curves
    ]
    worst = max(biases.pairs, key=lambda pair: biases.sign * biases.pairs[pair].mean, default=None)
    if worst is not None:
        both = " and ".join(told.short(name) for name in worst)
        rows.append(_spread_row(first_up(both), biases.pairs[worst].mean, biases.pairs[worst].sd, "plain"))
    claim = told.review.claim
    spread = _both(
        rows, {"published": claim.value}, claim.limits, "Hazard ratio found where treatment has no effect", WIDE,
        "What biases of a usual size make out of nothing",
        "Dot: the mean of simulated studies without any effect; bar: where 95 of 100 of them lie. Dashed: the published "
        "ratio, on its interval.",
        "Hazard ratios found without any effect under each suspicion, beside the published one",
    )  # fmt: skip
    right: list[Block] = [Rests(_bias_rests(told))]
    left: list[Block] = [spread]
    if told.has("unmeasured"):
        curve = told.curve("unmeasured")
        measured = strongest(told.scenario)
        marks = [("usual size", curve.suspicion.usual)]
        if measured is not None:
            both = (measured.odds_ratio, 1 / measured.odds_ratio)
            marks.append((told.label_of(measured.term), min(max(both), float(curve.sizes[-1]))))
        args = (curve.sizes, np.exp(curve.mean), curve.mcse, {"published": claim.value}, marks)
        what = "Strength of an unrecorded trait on treatment and on the event alike"
        wide, narrow = (size_curve_of(*args, what, inches) for inches in (WIDE, PHONE))
        left.append(
            picture(
                wide,
                "The curve: the ratio that the paper's analysis finds without any effect. It explains the paper where it "
                "gets to the dashed line. Diamonds: a usual size, and the strongest recorded trait by its odds ratio.",
                "Hazard ratio found without any effect over the strength of an unrecorded trait",
                "How strong an unrecorded trait would have to be", narrow,
            )
        )  # fmt: skip
    heads = ("suspicion", "if only ...", "makes on average", f"as extreme as {claim.hr} in", f"needed for {claim.hr}")
    rules = [(WORDS[word], rule, "←" if word == told.review.judged.word else "") for word, rule in RULES.items()]
    return (
        Beside(tuple(left), tuple(right)),
        table("What would have to be true", heads, told.suspicion_rows(), 2),
        Fold(
            "The rules behind the words of the verdict",
            (
                table("The first rule that holds gives the words", ("words", "rule", "here"), rules, 2),
                Note(
                    "Usual sizes are conventions: a trait as strong as the strongest recorded one, at least twofold; a "
                    "quarter of the time in which half of the untreated have the event; a fifth of the patients lost."
                ),
                table(
                    "Two suspicions of usual size together",
                    ("suspicions", "makes on average", "as extreme in"),
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
        f"{biases.replicates:,} simulated studies for each size of each suspicion, four times as many around the sizes that "
        f"are needed; the simulation error of a mean is at most {error:.3f} on the logarithm. A chance is that of a normal "
        f"spread with the mean and SD of the simulated ratios. Without any effect and bias the analysis finds "
        f"{exp(biases.chance.mean):.2f} on average."
    )


def _spread_row(label: str, mean: float, sd: float, look: str) -> RangeRow:
    low, value, high = (exp(mean + k * sd) if isfinite(mean) else nan for k in (-1.96, 0.0, 1.96))
    return RangeRow(label, low, value, high, f"{value:.2f}", look)


def _effect(told: ReviewWords) -> tuple[Block, ...]:
    found, claim = told.review.effects, told.review.claim
    rows = []
    for name, ratio in as_ratios(found.compatible).items():
        label = HEADS.get(name, name.replace("-", " "))
        if isinstance(ratio, tuple):
            look = "calm" if name == AS_STATED else "strong" if name == ALL else "plain"
            rows.append(RangeRow(label, *ratio, f"{ratio[0]:.2f}–{ratio[2]:.2f}", look))
        else:
            rows.append(RangeRow(label, nan, nan, nan, "no answer", "pale"))
    plausible = _both(
        rows, {"published": claim.value}, None, "True hazard ratio", HALF, "Plausible hazard ratios, by suspicion",
        "Bar: nine times in ten the truth lies within, if that suspicion up to its usual size and nothing else is right.",
        "Plausible true hazard ratios under each suspicion",
    )  # fmt: skip
    time, arms = course_times(found.marks), (told.control, told.treatment)
    shares = (found.twin.untreated.course, found.twin.treated.course)
    label = f"{first_up(told.free)}, %"
    wide, narrow = (two_courses_of(time, shares, arms, found.marks, told.unit, label, w) for w in (HALF, PHONE))
    courses = picture(
        wide, f"The same {told.people} with {told.treatment} and without, nobody being lost.",
        "Shares without the event over time in both arms of the twin", "The course of the twin, no suspicion added", narrow,
    )  # fmt: skip
    heads = ("outcome", f"with {told.treatment}", "without", "difference", "range")
    return (
        Beside((plausible,), (courses,), "pair"),
        Beside(
            (table(f"In absolute terms, in {told.people}", heads, told.absolute_rows()),),
            (Rests(_effect_rests(told)),),
        ),
        Fold(
            "The suspicions, and whether there is an answer under each",
            (
                table("Plausible ratios", ("suspicion", "assumes", "ratio"), told.plausible_rows(), 2),
                Note(_effect_how(told)),
            ),
        ),
    )


def _effect_rests(told: ReviewWords) -> tuple[str, ...]:
    found = told.review.effects
    spread = (
        "Range: from the strongest to the weakest ratio that is plausible under any one suspicion, as one common effect."
        if found.at_low is not None
        else "No range is told, because no suspicion has an answer."
    )
    return (
        f"The twin is right where the paper says nothing: {told.review.grounds.assumed} values are assumed.",
        spread,
        f"{found.twin.patients:,} simulated patients; shares are exact to {percent_text(200 * found.twin.mcse, 0.1)}.",
        "Harms are not weighed here.",
    )


def _effect_how(told: ReviewWords) -> str:
    found = told.review.effects.compatible
    return (
        f"Under each suspicion {found.posteriors[0].points} worlds with an effect of any size and a bias of up to its usual "
        f"size were simulated, {found.replicates} studies of each; a world counts by how well it explains the printed ratio "
        f"and the width of its interval. True ratios are those of {found.population}."
    )


def _analysis(told: ReviewWords) -> tuple[Block, ...]:
    found, choices = told.review.analyses, told.review.analyses.choices
    rows, best = told.analysis_rows()
    drawn = []
    for one in found.found:
        if isfinite(one.mean):
            ends = (exp(one.mean + k * one.se) for k in (-1.96, 1.96))
            low, high = ends
            look = "calm" if one.name == found.best else "strong" if one.name == found.primary else "plain"
            drawn.append(RangeRow(first_up(one.label), low, exp(one.mean), high, f"{exp(one.mean):.2f}", look))
    forest = _both(
        drawn, {"true": found.true}, None, "Hazard ratio found", WIDE, "What each analysis finds in the same simulated studies",
        "Dot: the mean; bar: where 95 of 100 simulated studies lie. Orange: the paper's analysis; blue diamond: the "
        "recommended one; dashed: what is true.",
        "Hazard ratios of each analysis beside the truth",
    )  # fmt: skip
    heads = ("analysis", "finds", "off by", "SE", "holds the truth, %")
    title = f"In {told.people}, where {found.true:.2f} is true"
    blocks: list[Block] = [
        Beside((forest,), (Tabled(table(title, heads, rows), best), Rests(_analysis_rests(told)))),
        Note(
            "Off by: on the logarithmic scale; −0.04 means 4 % too low. An adjusted ratio asks another question (for "
            "patients alike in all covariates) and so differs even without bias."
        ),
    ]
    if choices is not None:
        from benchmarks.report.settings_named import path_label

        moved = [
            (first_up(path_label(axis)), start, value, f"{100 * (exp(shift) - 1):+.1f} %".replace("-", "−"))
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
        lines.append(
            f"What the recommended analysis would have given in the paper is inferred: {found.would[0]:.2f}, in 95 of 100 "
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
        f"{len(choices.specifications)} analyses of {choices.replicates} simulated studies. Without any effect the average "
        f"one finds the published direction, p < {choices.alpha:g}, in {percent_text(100 * choices.mean_share[1].value)} of "
        f"studies, and at least one does in {percent_text(100 * choices.any_share[1].value)}."
    )


def _grounds(told: ReviewWords) -> tuple[Block, ...]:
    grounds = told.review.grounds
    moved = [one for one in grounds.weighed if isfinite(one.moves)][:10]
    base = told.simulated[0]
    rows = [
        RangeRow(
            first_up(told.place_words(one.assumption.path)), *sorted((base * exp(-one.moves), base * exp(one.moves)))[:1],
            base, max(base * exp(-one.moves), base * exp(one.moves)), f"{100 * (exp(abs(one.moves)) - 1):.1f} %",
        )
        for one in moved
    ]  # fmt: skip
    left: tuple[Block, ...] = ()
    if rows:
        left = (
            _both(
                rows, {}, None, "Hazard ratio that the paper's analysis finds in the twin", WIDE,
                "Assumptions, by how far they move the answer",
                "Bar: the ratio when that value alone is as far lower or higher as it may well be.",
                "Hazard ratio found in the twin when each assumption moves",
            ),
        )  # fmt: skip
    right: tuple[Block, ...] = (*_fit_tables(told), Rests(_put_in(told), "What was put in"))
    every = [
        (first_up(told.place_words(one.assumption.path)), f"{one.assumption.value:.4g}" if not isinstance(one.assumption.value, str) else one.assumption.value, f"{100 * (exp(one.moves) - 1):+.1f} %".replace("-", "−") if isfinite(one.moves) else "–")
        for one in grounds.weighed
    ]  # fmt: skip
    body: list[Block] = [Beside(left, right) if left else right[-1]]
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


def _methods(told: ReviewWords, methods: MethodsWords) -> tuple[Block, ...]:
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
            in_print=True, anchor="checklist",
        ),
    )  # fmt: skip
