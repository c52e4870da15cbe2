"""What is found of a twin, as answers: the scorecard and the fit."""

from collections import Counter
from math import isfinite
from pathlib import Path

from analysis.tables.text_table import TextTable, table
from benchmarks.asked.scenario import Scenario
from benchmarks.twin.absolute_fit import WIDTH, AbsoluteFit
from benchmarks.twin.audit_shown import doubts_told
from benchmarks.twin.calibrate import Fit, Parameter
from benchmarks.twin.fidelity import Fidelity
from benchmarks.twin.targets import MADE, REPEATED
from benchmarks.words.answer import Answer, plain
from benchmarks.words.key_words import PaperWords, in_a_sentence, key_words
from benchmarks.words.plain_text import as_printed
from benchmarks.words.settings_named import path_label
from benchmarks.words.sizes import listed


def fidelity_verdict(found: Fidelity) -> str:
    """How many printed numbers the world prints."""
    whole = found.totals[-1]
    chance = f" (chance alone would miss about {0.05 * whole.numbers:.0f})" if whole.numbers >= 20 else ""
    said = (
        f"The twin reproduces {whole.inside} of the {whole.numbers} printed numbers: "
        f"they lie where 95 of 100 simulated studies do{chance}."
    )
    if whole.doubtful:
        one = whole.doubtful == 1
        said += f" {whole.doubtful} that the paper itself contradicts {'is' if one else 'are'} not counted."
    return said


def fidelity_answer(found: Fidelity, told: PaperWords | None = None) -> Answer:
    """Totals by table, every number outside, and the flow of patients."""
    words = PaperWords() if told is None else told
    totals = [
        (
            total.where,
            f"{total.inside} of {total.numbers}",
            percent_of(total.inside, total.numbers),
            str(total.doubtful),
        )
        for total in found.totals
    ]
    missed = [one for one in found.scores if not one.inside]
    doubt = any(one.doubts for one in missed)
    outside = [
        (
            key_words(one.key, words).told,
            one.printed,
            as_printed(one.median, one.printed),
            f"{as_printed(one.low, one.printed)} to {as_printed(one.high, one.printed)}",
            *([doubts_told(one.doubts)] if doubt else []),
        )
        for one in missed
    ]
    heads = ("number", "printed", "middle", "95 of 100 studies", *(["why it is doubtful"] if doubt else []))
    title = f"Not reproduced: outside what 95 % of {found.replicates:,} simulated studies print"
    tables = [table("Reproduced, by table", ("printed in", "reproduced", "%", "doubtful, not counted"), totals)]
    tables += [table(title, heads, outside)] if outside else []
    tables.append(table("Patients of a simulated study, on average", ("", "patients"), flow_rows(found, words)))
    left = listed([key_words(key, words).told for key in found.left_out])
    lacking = f"Not compared, as no simulated study has it: {left}."
    notes = (lacking,) if found.left_out else ()
    return Answer(plain(found), fidelity_verdict(found), tuple(tables), notes, found=found)


def flow_rows(found: Fidelity, words: PaperWords) -> list[tuple[str, str]]:
    """The mean number of patients at each step from the screened to the included, steps without any left out."""
    return [(_step(name, words), f"{count:,.1f}") for name, count in found.flow if count]


def _step(name: str, words: PaperWords) -> str:
    """A step in words: 'left out: not at least 6 PD-1 cycles'."""
    if name == "qualified, not needed":
        return "qualified, beyond the number wanted"
    if not name.startswith("not: "):
        return name
    for amount in sorted(words.outcomes, key=len, reverse=True):
        if name.endswith(f" {amount}"):
            name = f"{name.removesuffix(amount)}{in_a_sentence(words.outcomes[amount] or amount)}"
            break
    return f"left out: not {name.removeprefix('not: ')}".replace("_", " ")


def fit_answer(fit: Fit, out: Path, told: PaperWords | None = None, world: Scenario | None = None) -> Answer:
    """What of the paper is met, the fitted parameters with what the paper says of them, and where the search began.

    It holds if the fitted world prints its paper.
    """
    words = PaperWords() if told is None else told
    parameters = [
        (
            path_label(one.name, world),
            f"{one.start:.4g}",
            f"{one.fitted:.4g}",
            f"{one.se:.2g}" + (" (log)" if one.scale == "log" else ""),
            f"{100 * one.pinned:.0f}" + _beside(one, fit),
        )
        for one in fit.parameters
    ]
    used = [one for one in fit.targets if isfinite(one.z)]
    targets = [
        (
            key_words(one.key, words).told + (" (doubtful)" if one.doubtful else ""),
            one.printed,
            f"{one.simulated:.4g}",
            f"{one.z:+.2f}",
        )
        for one in sorted(used, key=lambda one: -abs(one.z))[:20]
    ]
    starts = [
        (one.name + (" (taken)" if one.taken else ""), f"{one.at_first:.1f}", f"{one.at_last:.1f}")
        for one in fit.starts
    ]
    furthest = f"The furthest of {len(used)} printed numbers (distance in SDs: what chance does to such a number)"
    began = "Where the search began, with few simulated studies (sums of squares)"
    tables = (
        *_misfits(fit.verdict, words),
        table("Parameters", ("parameter", "start", "fitted", "SE", "pinned down %"), parameters),
        table(furthest, ("number", "printed", "simulated", "distance"), targets),
        table(began, ("start", "there", "at its end"), starts),
    )
    loose = "; ".join(path_label(one.name, world) for one in fit.parameters if one.pinned < 0.1) or "none"
    scored = Counter(one.why for one in fit.verdict.unused)
    notes = (
        f"Distance from the paper (sum of squares): {fit.losses[0]:.1f} at the start, {fit.losses[-1]:.1f} at the end",
        f"The paper says next to nothing of (under 10 % pinned down): {loose}",
        *(
            "Fixed by the paper in common only, so that one may be more where another is less: "
            + "; ".join(path_label(one, world) for one in group)
            for group in fit.together
        ),
        *(f"{_counted(scored[why])} only scored by fidelity: {why}" for why in (REPEATED, MADE) if scored[why]),
    )
    data = {name: part for name, part in vars(fit).items() if name != "tree"}
    lines = (f"fitted twin {out}",)
    return Answer(data, fit_told(fit.verdict, words) + ".", tables, notes, lines, holds=not fit.verdict.bad, found=fit)


def fit_told(verdict: AbsoluteFit, words: PaperWords) -> str:
    """The verdict on a fit with its numbers in words."""
    told = verdict.text
    for one in verdict.outside[:1]:
        told = told.replace(f"'{one.key}'", width_told(one.key, words))
    return told


def _beside(one: Parameter, fit: Fit) -> str:
    """What must be said beside the share that is pinned down."""
    told = ["at its bound"] if one.at_bound else []
    told += ["not alone"] if any(one.name in group for group in fit.together) else []
    return "".join(f" {what}" for what in told)


def _misfits(verdict: AbsoluteFit, words: PaperWords) -> list[TextTable]:
    """What of the paper the fitted world does not print, worst first, and what could not be fitted."""
    outside = [
        (
            width_told(one.key, words),
            one.printed,
            as_printed(one.median, one.printed),
            f"{as_printed(one.low, one.printed)} to {as_printed(one.high, one.printed)}",
            _far(one.distance),
        )
        for one in verdict.outside
    ]
    unused = [
        (key_words(one.key, words).told, one.printed, one.why)
        for one in verdict.unused
        if one.why not in (REPEATED, MADE)
    ]
    heads = ("number, worst first", "printed", "middle", "95 of 100 studies", "SDs away")
    made = [table("Not reproduced", heads, outside)] if outside else []
    return made + ([table("Could not be fitted", ("number", "printed", "why"), unused)] if unused else [])


def width_told(key: str, words: PaperWords) -> str:
    """A number, or the width of an interval, in words."""
    if key.endswith(WIDTH):
        return f"{key_words(key.removesuffix('/low'), words).of}, width of the interval"
    return key_words(key, words).told


def _far(distance: float) -> str:
    return f"{distance:.1f}" if isfinite(distance) else "no limit"


def _counted(numbers: int) -> str:
    return f"{numbers} printed numbers are" if numbers > 1 else "1 printed number is"


def percent_of(part: int, whole: int) -> str:
    """A share in percent, a dash of nothing."""
    return f"{100 * part / whole:.1f}" if whole else "-"
