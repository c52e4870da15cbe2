"""The page of a review: five answers on the first screen, then six sections, each with its figure and its grounds."""

from math import exp, isfinite, isnan

from benchmarks.report.engine import (
    HowMade,
    Page,
    QuickAnswer,
    Section,
    html,
)
from benchmarks.review.labels import HEADS
from benchmarks.review.methods import MethodsWords
from benchmarks.review.page_bias import bias_blocks, claim_blocks
from benchmarks.review.page_found import analysis_blocks, effect_blocks, grounds_blocks, methods_blocks
from benchmarks.review.told import ReviewWords

FOOTER = (
    "TrialTwin does not say what is true of a published study: only which truths, under stated assumptions, lead to "
    "what "
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
    said, below = told.claim_number
    return (
        QuickAnswer(
            "What does the paper claim?", told.claims, said, below, 3, "As printed.",
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
            {"cannot-tell": "The twin cannot tell.", "no-ratio": "No ratio is printed."}.get(
                review.judged.word, "Needs the twin."
            ),
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
    if told.has("unmeasured") and review.claim.known:
        curve = told.curve("unmeasured")
        ratio, bound = curve.ratio.value, curve.bound.value
        if isfinite(ratio) and ratio > 0:
            less = f" ({bound:.1f}× to lose certainty)" if isfinite(bound) and bound > 0 else ""
            return f"{ratio:.1f}×", f"needed on both sides to explain all of it{less}"
        if isnan(ratio):
            return "–", "the strength needed is not told by simulation"
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
            "What does the paper claim, and do its own numbers allow it?", told.claim_section, claim_blocks(told),
            "claim", "What does the paper claim?",
        ),
        Section("Could it be bias?", told.bias_section, bias_blocks(told), "bias", "Could it be bias?"),
        Section(
            "What effect is plausible?", told.effect_section, effect_blocks(told), "effect",
            "What effect is plausible?",
        ),
        Section(
            "Does the choice of analysis matter, and which should have been used?", told.analysis_section,
            analysis_blocks(told), "analysis", "Does the analysis matter?",
        ),
        Section("What does all this rest on?", told.rests, grounds_blocks(told), "rests", "What it rests on"),
        Section(
            "What can go into a methods section?",
            "This paragraph, and the command that repeats the page to the last digit.", methods_blocks(told, methods),
            "methods", "For the methods section",
        ),
    )  # fmt: skip
