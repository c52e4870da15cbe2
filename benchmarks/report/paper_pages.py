"""The pages about a paper and its twin: `fidelity`, `calibrate` and `audit`."""

from collections.abc import Sequence
from math import isfinite, nan

from analysis.audit.paper import Finding
from analysis.audit.published import parse_printed
from analysis.figures.calibration import FittedNumber, calibration_fit_of, distance_of
from analysis.tables.text_table import table
from benchmarks.asked.asked_by import as_asked
from benchmarks.asked.blocks import prepare
from benchmarks.asked.scenario import Scenario
from benchmarks.report.engine import HowMade, Page, Picture, Section, html, picture
from benchmarks.report.glossary import BALANCE
from benchmarks.report.world import assumed_section, base_section, comparability_section
from benchmarks.twin.audit_shown import audit_tables, audit_verdict
from benchmarks.twin.calibrate import Fit
from benchmarks.twin.fidelity import Fidelity, Score, place
from benchmarks.twin.shown import fidelity_verdict, percent_of
from benchmarks.words.key_words import PaperWords
from benchmarks.words.plain_text import number
from simulator.documents.loading import Document, digest

OUTSIDE = ("number", "printed", "fitted median", "central 95 %", "sampling SDs away")
UNUSED = ("number", "printed", "why")
HEADS = ("number", "printed", "median", "central 95 %", "percentile")


def fidelity_report(found: Fidelity, document: Document, scenario: Scenario) -> str:
    """The HTML report of a scorecard."""
    lead = (
        f"{found.replicates:,} replicates, seed {found.seed}. A printed number stands for all values that round to it; "
        "it is inside where one of them lies in the central 95 % of the replicates, whose numbers come from the same "
        f"analysis. World: {scenario.source}"
    )
    if found.left_out:
        lead += f" No replicate has, and nothing was compared with: {', '.join(found.left_out)}."
    return html(
        Page(
            f"Does {scenario.name} print what the paper prints?",
            fidelity_verdict(found),
            HowMade(
                f"trialtwin fidelity {scenario.name} --reps {found.replicates} --seed {found.seed}",
                (("scenario digest", digest(document.tree)),),
                as_asked(),
            ),
            (lead,),
            assumed_section(document),
            base_section(document),
            _scores(found),
            comparability_section(prepare([({}, scenario)])),
            _absent(found),
            ("replicate", "central 95 %", "SMD", "status"),
            BALANCE[scenario.analysis.primary],
        )
    )


def _scores(found: Fidelity) -> tuple[Section, ...]:
    totals = [
        (one.where, f"{one.inside}", f"{one.numbers}", percent_of(one.inside, one.numbers), f"{one.doubtful}")
        for one in found.totals
    ]
    heads = ("printed in", "inside", "numbers", "%", "doubtful, not counted")
    outside = [(one.key, "; ".join(one.doubts), *_score(one)[1:]) for one in found.scores if not one.inside]
    columns = (HEADS[0], "doubt", *HEADS[1:])
    flow = [(name, f"{count:.1f}") for name, count in found.flow if count or not name.startswith("not: ")]
    places = list(dict.fromkeys(place(one.where) for one in found.scores))
    every = [
        (*_score(one), ("yes" if one.inside else "no") + (" (doubtful)" if one.doubts else ""), number(one.absent))
        for name in places
        for one in found.scores
        if place(one.where) == name
    ]
    groups = [(name, sum(place(one.where) == name for one in found.scores)) for name in places]
    parts, start = [], 0
    for name, count in groups:
        own = table(name, (*HEADS, "inside", "replicates without it, %"), every[start : start + count])
        parts.append(Section("", fold=f"{name}: {count} numbers", folded=(own,)))
        start += count
    distances = [FittedNumber(place(one.where), _short(one.key), _distance(one)) for one in found.scores]
    return (
        Section("By table", tables=(table("By table", heads, totals),), pictures=_drawn(distances)),
        Section("Numbers outside", tables=(table("Numbers outside", columns, outside, 2),))
        if outside
        else Section("Numbers outside", ("None.",)),
        Section(
            "Patients",
            ("Mean number of patients over the replicates, by the first criterion that was not met.",),
            tables=(table("Patients", ("criterion", "patients"), flow),),
        ),
        Section("Every number", parts=tuple(parts)),
    )


def _score(one: Score) -> tuple[str, ...]:
    return (
        one.key,
        one.printed,
        number(one.median),
        f"{number(one.low)} to {number(one.high)}",
        number(one.percentile),
    )


def _distance(one: Score) -> float:
    """The distance of a printed number, within its rounding, from its replicates; NaN for what is no number."""
    try:
        stands = parse_printed(one.printed, one.key)
    except ValueError:
        return nan
    return distance_of(min(max(one.median, stands.low), stands.high), one.median, one.low, one.high)


def _short(key: str) -> str:
    return key.removeprefix("endpoints.")


def _drawn(numbers: Sequence[FittedNumber]) -> tuple[Picture, ...]:
    shown = [one for one in numbers if isfinite(one.distance)]
    if not shown:
        return ()
    words = "Distance of every published number from the simulated one, in its own sampling SDs, by table"
    return (picture(calibration_fit_of(shown), f"{words}.", words),)


def _absent(found: Fidelity) -> Section:
    """The numbers that some replicates do not have."""
    rows = [(one.key, f"{one.absent:.1f}") for one in found.scores if one.absent > 0]
    if not rows:
        return Section("Failures", ("None: every replicate has every number.",))
    shown = table("Numbers that some replicates lack", ("number", "replicates without it, %"), rows)
    text = f"{len(rows)} numbers are missing in some replicates, which are left out of their intervals."
    return Section("Failures", (text,), fold="Which", folded=(shown,))


def calibration_report(fit: Fit, document: Document, scenario: Scenario) -> str:
    """The HTML report of a calibration."""
    return html(
        Page(
            f"Which {scenario.name} prints what the paper prints?",
            f"{fit.verdict.text}.",
            HowMade(
                f"trialtwin calibrate {scenario.name} --out FITTED.yaml",
                (("scenario digest", digest(document.tree)), ("seed", str(fit.seed))),
                as_asked(),
            ),
            (f"{fit.replicates:,} replicates at each step. World: {scenario.source}",),
            assumed_section(document),
            base_section(document),
            (_numbers_outside(fit), _parameters(fit), _published_against_fitted(fit, scenario)),
            terms=("replicate", "pinned down", "z"),
        )
    )


def _numbers_outside(fit: Fit) -> Section:
    """The published numbers that the fitted world does not print, and those that could not be fitted."""
    outside = [
        (one.key, one.printed, number(one.median), f"{number(one.low)} to {number(one.high)}", number(one.distance))
        for one in fit.verdict.outside
    ]
    unused = [(one.key, one.printed, one.why) for one in fit.verdict.unused]
    return Section(
        "Numbers outside",
        ("A good fit has at most one number in ten outside, and none farther than chance explains.",),
        tables=(
            *([table("Numbers outside", OUTSIDE, outside)] if outside else []),
            *([table("Could not be fitted", UNUSED, unused)] if unused else []),
        ),
    )


def _parameters(fit: Fit) -> Section:
    """The fitted parameters, and which of them the paper says next to nothing about."""
    rows = [
        (one.name, f"{one.start:.4g}", f"{one.fitted:.4g}", f"{one.se:.2g}", one.scale, f"{100 * one.pinned:.0f}",
         "yes" if one.at_bound else "")
        for one in fit.parameters
    ]  # fmt: skip
    heads = ("parameter", "start", "fitted", "SE", "scale", "pinned down, %", "at its bound")
    loose = ", ".join(one.name for one in fit.parameters if one.pinned < 0.1) or "none"
    return Section(
        "Parameters",
        tables=(table("Parameters", heads, rows),),
        notes=(f"Not pinned down by the paper (under 10 %): {loose}.",),
    )


def _published_against_fitted(fit: Fit, scenario: Scenario) -> Section:
    """The targets, the farthest first, and how far the published numbers were before and after."""
    used = [one for one in fit.targets if isfinite(one.z)]
    rows = [
        (one.key, one.printed, f"{one.simulated:.4g}", f"{one.sd:.3g}", f"{one.z_start:+.2f}", f"{one.z:+.2f}",
         "yes" if one.doubtful else "")
        for one in sorted(used, key=lambda one: -abs(one.z))
    ]  # fmt: skip
    columns = ("target", "printed", "fitted", "sampling SD", "z at the start", "z", "doubtful")
    note = "z: distance in sampling SDs of the printed number. Doubtful ones weigh less."
    distances = [
        FittedNumber(place(scenario.published[one.key].where), _short(one.key), -one.z, -one.z_start)
        for one in used
        if one.key in scenario.published
    ]
    return Section(
        "Published against fitted", tables=(table("Targets", columns, rows, 1, note),), pictures=_drawn(distances)
    )


def audit_report(
    findings: Sequence[Finding], tests: Sequence[object], title: str, numbers: int, words: PaperWords | None = None
) -> str:
    """The HTML report of an audit."""
    sections = [Section(one.title, tables=(one,)) for one in audit_tables(findings, words)]
    return html(
        Page(
            "Can the printed numbers be right?",
            audit_verdict(findings, numbers, words),
            HowMade("trialtwin audit WORLD", command=as_asked()),
            (title,),
            Section(
                "What was assumed",
                ("Nothing but rounding: everything is recomputed within the rounding of what is printed.",),
            ),
            results=(
                *sections,
                Section("Which tests explain the p-values", items=tuple((str(one), "") for one in tests)),
            ),
            terms=("severe, moderate, note",),
        )
    )
