"""The pages about a paper and its twin: `fidelity`, `calibrate` and `audit`."""

from collections.abc import Sequence
from math import isfinite, nan

from analysis.audit.paper import Finding
from analysis.audit.published import parse_printed
from analysis.figures.calibration import CountsByPlace, FittedNumber, calibration_fit_of, distance_of
from analysis.tables.text_table import table
from benchmarks.asked.asked_by import as_asked
from benchmarks.asked.blocks import prepare
from benchmarks.asked.scenario import Scenario
from benchmarks.report.engine import (
    Fold,
    HowMade,
    Items,
    Note,
    Page,
    PageBlock,
    Picture,
    Section,
    Tabled,
    html,
    picture,
)
from benchmarks.report.glossary import BALANCE
from benchmarks.report.world import assumed_section, base_section, comparability_section
from benchmarks.twin.absolute_fit import Outside
from benchmarks.twin.audit_shown import audit_tables, audit_verdict, doubts_told
from benchmarks.twin.calibrate import Fit
from benchmarks.twin.fidelity import Fidelity, Score, place
from benchmarks.twin.shown import fidelity_verdict, fit_told, flow_rows, percent_of, width_told
from benchmarks.words.key_words import PaperWords, key_words, words_of_paper
from benchmarks.words.plain_text import as_printed, number
from benchmarks.words.settings_named import path_label
from benchmarks.words.sizes import listed
from simulator.documents.loading import Document, digest

AIMED_AT = "The numbers that the fit aimed at, beside those of the twin"
AIMED = "In brackets: how many of those that the fit aimed at are reproduced."
OUTSIDE = ("number, worst first", "printed", "middle", "95 of 100 studies", "SDs away")
UNUSED = ("number", "printed", "why")
HEADS = ("number", "printed", "middle", "95 of 100 studies", "percentile")


def fidelity_report(found: Fidelity, document: Document, scenario: Scenario) -> str:
    """The HTML report of a scorecard."""
    told = words_of_paper(scenario)
    lacking = listed([key_words(key, told).told for key in found.left_out])
    left = (f"Not compared, as no simulated study has it: {lacking}.",)
    return html(
        Page(
            "Does the twin print what the paper prints?",
            fidelity_verdict(found),
            HowMade(
                f"trialtwin fidelity {scenario.name} --reps {found.replicates} --seed {found.seed}",
                (("scenario digest", digest(document.tree)),),
                as_asked(),
            ),
            (
                *_scores(found, told, left if found.left_out else ()),
                comparability_section(prepare([({}, scenario)])),
                base_section(document),
                assumed_section(document),
                _absent(found, told),
            ),
            kicker="The twin beside its paper",
            cite=(
                f"Asked of {scenario.name}. {found.replicates:,} simulated studies, seed {found.seed}. "
                f"{scenario.source.rstrip('.')}."
            ),
            terms=("replicate", "central 95 %", "SMD", "status"),
            references=BALANCE[scenario.analysis.primary],
        )
    )


def _scores(found: Fidelity, told: PaperWords, left: tuple[str, ...]) -> tuple[Section, ...]:
    totals = [
        (one.where, f"{one.inside}", f"{one.numbers}", percent_of(one.inside, one.numbers), f"{one.doubtful}")
        for one in found.totals
    ]
    heads = ("printed in", "reproduced", "numbers", "%", "doubtful, not counted")
    missed = [one for one in found.scores if not one.inside]
    doubt = any(one.doubts for one in missed)
    outside = [
        (*_score(one, told)[:1], *([doubts_told(one.doubts)] if doubt else []), *_score(one, told)[1:])
        for one in missed
    ]
    columns = (HEADS[0], *(["why it is doubtful"] if doubt else []), *HEADS[1:])
    places = list(dict.fromkeys(place(one.where) for one in found.scores))
    every = [
        (
            *_score(one, told),
            ("yes" if one.inside else "no") + (" (doubtful)" if one.doubts else ""),
            number(one.absent, 1),
        )
        for name in places
        for one in found.scores
        if place(one.where) == name
    ]
    groups = [(name, sum(place(one.where) == name for one in found.scores)) for name in places]
    parts: list[PageBlock] = []
    start = 0
    for name, count in groups:
        own = table(name, (*HEADS, "reproduced", "studies without it, %"), every[start : start + count])
        parts.append(Fold(f"{name}: {count} numbers", (own,)))
        start += count
    how = (
        "A printed number stands for all values that round to it. It is reproduced where one of them lies where 95 of "
        "100 simulated studies lie, whose numbers come from the same analysis."
    )
    away = (table("Not reproduced", columns, outside, 2 if doubt else 1),) if outside else ()
    whole, doubted = found.totals[-1], sum(bool(one.doubts) for one in missed)
    many = f"{whole.numbers - whole.inside} of {whole.numbers}"
    many += f", and {doubted} of the {whole.doubtful} that the paper itself contradicts." if whole.doubtful else "."
    return (
        Section(
            "How close are its numbers, table by table?", "",
            (*scores_drawn(found, told), table("By table", heads, totals), Note(how), *left, *parts),
            "tables", "By table",
        ),
        Section(
            "Which printed numbers does it not give?", many if outside else "None.", away, "outside", "Not reproduced",
        ),
        Section(
            "Who enters?",
            "Mean number of patients in the simulated studies, by the first criterion that was not met.",
            (table("Patients", ("criterion", "patients"), flow_rows(found, told)),),
            "patients",
            "Patients",
        ),
    )  # fmt: skip


def _score(one: Score, told: PaperWords) -> tuple[str, ...]:
    return (
        key_words(one.key, told).told,
        one.printed,
        *_middle_and_range(one),
        number(one.percentile, 0),
    )


def _middle_and_range(one: Score | Outside) -> tuple[str, str]:
    """The median of the simulated studies and where 95 of 100 of them lie, with the decimals of the printed number."""
    low, high = (as_printed(end, one.printed) for end in (one.low, one.high))
    return as_printed(one.median, one.printed), f"{low} to {high}"


def _distance(one: Score) -> float:
    """The distance of a printed number, within its rounding, from its replicates; NaN for what is no number."""
    try:
        stands = parse_printed(one.printed, one.key)
    except ValueError:
        return nan
    return distance_of(min(max(one.median, stands.low), stands.high), one.median, one.low, one.high)


def scores_drawn(found: Fidelity, told: PaperWords) -> tuple[Picture, ...]:
    """Every scored number in its place, beside how many of the place are reproduced, as the table of places counts."""
    numbers = [FittedNumber(place(one.where), key_words(one.key, told).told, _distance(one)) for one in found.scores]
    counts = {one.where: (one.inside, one.numbers) for one in found.totals}
    return distances_drawn(
        numbers,
        "Printed numbers beside those of the twin",
        "In brackets: how many are reproduced, as the table counts them; numbers that the paper itself contradicts are "
        "drawn, but not counted.",
        counts,
    )


def distances_drawn(
    numbers: Sequence[FittedNumber], title: str, counted: str, counts: CountsByPlace | None = None
) -> tuple[Picture, ...]:
    """Printed numbers by how far they lie from simulated ones; ``counted`` says what stands in brackets."""
    shown = [one for one in numbers if isfinite(one.distance)]
    if not shown:
        return ()
    words = "Distance of every published number from the simulated one, in its own sampling SDs, by table"
    caption = (
        "Each mark is a printed number: how far it lies from what the simulated studies give, in standard errors. "
        f"{counted}"
    )
    wide, narrow = calibration_fit_of(shown, counts), calibration_fit_of(shown, counts, narrow=True)
    return (picture(wide, caption, words, title=title, narrow=narrow),)


def _absent(found: Fidelity, told: PaperWords) -> Section:
    """The numbers that some replicates do not have."""
    rows = [(key_words(one.key, told).told, f"{one.absent:.1f}") for one in found.scores if one.absent > 0]
    heading, short = "Where was there no number?", "Failures"
    if not rows:
        return Section(heading, "Nowhere: every simulated study has every number.", (), "failures", short)
    shown = table("Numbers that some simulated studies lack", ("number", "studies without it, %"), rows)
    text = (
        f"{len(rows)} number{' is' if len(rows) == 1 else 's are'} missing in some simulated studies, which do not "
        "count for it."
    )
    return Section(heading, text, (Fold("Which", (shown,)),), "failures", short)


def calibration_report(fit: Fit, document: Document, scenario: Scenario) -> str:
    """The HTML report of a calibration."""
    told = words_of_paper(scenario)
    return html(
        Page(
            "Which twin prints what the paper prints?",
            f"{fit_told(fit.verdict, told)}.",
            HowMade(
                f"trialtwin calibrate {scenario.name} --out FITTED.yaml",
                (("scenario digest", digest(document.tree)), ("seed", str(fit.seed))),
                as_asked(),
            ),
            (
                _published_against_fitted(fit, scenario, told),
                _numbers_outside(fit, told),
                _parameters(fit, scenario),
                base_section(document),
                assumed_section(document),
            ),
            kicker="Fitting the twin",
            cite=(
                f"Fitted: {scenario.name}. {fit.replicates:,} simulated studies at each step. "
                f"{scenario.source.rstrip('.')}."
            ),
            terms=("replicate", "pinned down", "z"),
        )
    )


def _numbers_outside(fit: Fit, told: PaperWords) -> Section:
    """The published numbers that the fitted world does not print, and those that could not be fitted."""
    outside = [
        (width_told(one.key, told), one.printed, *_middle_and_range(one), number(one.distance, 1))
        for one in fit.verdict.outside
    ]
    unused = [(key_words(one.key, told).told, one.printed, one.why) for one in fit.verdict.unused]
    return Section(
        "Which printed numbers does it not give?",
        "A good fit has at most one number in ten outside, and none farther than chance explains.",
        (
            *([table("Not reproduced", OUTSIDE, outside)] if outside else []),
            *([table("Could not be fitted", UNUSED, unused)] if unused else []),
        ),
        "outside",
        "Not reproduced",
    )


def _parameters(fit: Fit, scenario: Scenario) -> Section:
    """The fitted parameters, and which of them the paper says next to nothing about."""
    rows = [
        (path_label(one.name, scenario), f"{one.start:.4g}", f"{one.fitted:.4g}", f"{one.se:.2g}", one.scale,
         f"{100 * one.pinned:.0f}", "yes" if one.at_bound else "")
        for one in fit.parameters
    ]  # fmt: skip
    heads = ("parameter", "start", "fitted", "SE", "scale", "pinned down, %", "at its bound")
    loose = "; ".join(path_label(one.name, scenario) for one in fit.parameters if one.pinned < 0.1) or "none"
    return Section(
        "What was fitted?",
        f"{len(rows)} value{'' if len(rows) == 1 else 's'} of the twin.",
        (table("Parameters", heads, rows), Note(f"Not pinned down by the paper (under 10 %): {loose}.")),
        "fitted",
        "What was fitted",
    )


def _published_against_fitted(fit: Fit, scenario: Scenario, told: PaperWords) -> Section:
    """The targets, the farthest first, and how far the published numbers were before and after."""
    used = [one for one in fit.targets if isfinite(one.z)]
    rows = [
        (key_words(one.key, told).told, one.printed, f"{one.simulated:.4g}", f"{one.sd:.3g}", f"{one.z_start:+.2f}",
         f"{one.z:+.2f}", "yes" if one.doubtful else "")
        for one in sorted(used, key=lambda one: -abs(one.z))
    ]  # fmt: skip
    columns = ("target", "printed", "fitted", "sampling SD", "z at the start", "z", "doubtful")
    note = "z: distance in sampling SDs of the printed number. Doubtful ones weigh less."
    distances = [
        FittedNumber(place(scenario.published[one.key].where), key_words(one.key, told).told, -one.z, -one.z_start)
        for one in used
        if one.key in scenario.published
    ]
    return Section(
        "How close are its numbers to the printed ones?", "",
        (*distances_drawn(distances, AIMED_AT, AIMED), table("Targets", columns, rows, 1, note)),
        "targets", "Printed beside fitted",
    )  # fmt: skip


def audit_report(
    findings: Sequence[Finding], tests: Sequence[object], title: str, numbers: int, words: PaperWords | None = None
) -> str:
    """The HTML report of an audit."""
    found = audit_tables(findings, words)
    explain = Items(tuple((str(one), "") for one in tests))
    return html(
        Page(
            "Can the printed numbers be right?",
            audit_verdict(findings, numbers, words),
            HowMade("trialtwin audit WORLD", command=as_asked()),
            (
                Section(
                    "What contradicts what?",
                    "" if found else "Nothing beyond rounding.",
                    tuple(Section(one.title, "", (Tabled(one, titled=False),)) for one in found),
                    "found",
                    "What was found",
                ),
                *([Section("Which tests explain the p-values?", "", (explain,), "tests", "Tests")] if tests else []),
                Section(
                    "What was assumed?",
                    "Nothing but rounding: everything is computed again within the rounding of what is printed.",
                    (),
                    "assumed",
                    "What was assumed",
                ),
            ),
            kicker="Audit of the printed numbers",
            cite=f"{title.rstrip('.')}.",
            terms=("severe, moderate, note",),
        )
    )
