"""What is found of a twin, as answers: the scorecard and the fit."""

from collections import Counter
from math import isfinite
from pathlib import Path

from analysis.tables.text_table import TextTable, table
from benchmarks.twin.absolute_fit import AbsoluteFit
from benchmarks.twin.calibrate import Fit, Parameter
from benchmarks.twin.fidelity import Fidelity
from benchmarks.twin.targets import MADE, REPEATED
from benchmarks.words.answer import Answer, plain
from benchmarks.words.plain_text import number


def fidelity_verdict(found: Fidelity) -> str:
    """How many printed numbers the world prints."""
    whole = found.totals[-1]
    said = f"{whole.inside} of {whole.numbers} printed numbers lie in the central 95 % of what this world prints"
    return said + (f"; {whole.doubtful} doubtful ones are not counted." if whole.doubtful else ".")


def fidelity_answer(found: Fidelity) -> Answer:
    """Totals by table, every number outside, and the flow of patients."""
    totals = [
        (
            total.where,
            f"{total.inside} of {total.numbers}",
            percent_of(total.inside, total.numbers),
            str(total.doubtful),
        )
        for total in found.totals
    ]
    outside = [
        (one.key, one.printed, number(one.median), f"{number(one.low)} to {number(one.high)}", "; ".join(one.doubts))
        for one in found.scores
        if not one.inside
    ]
    heads = ("number", "printed", "median", "central 95 %", "doubt")
    title = f"Outside the central 95 % of {found.replicates:,} replicates"
    tables = [table("Numbers inside, by table", ("printed in", "inside", "%", "doubtful, not counted"), totals)]
    tables += [table(title, heads, outside)] if outside else []
    flow = [(name, f"{count:.1f}") for name, count in found.flow if count or not name.startswith("not: ")]
    tables.append(table("Patients, mean of the replicates", ("", "patients"), flow))
    lacking = f"No replicate has, and nothing was compared with: {', '.join(found.left_out)}."
    notes = (lacking,) if found.left_out else ()
    return Answer(plain(found), fidelity_verdict(found), tuple(tables), notes, found=found)


def fit_answer(fit: Fit, out: Path) -> Answer:
    """What of the paper is met, the fitted parameters with what the paper says of them, and where the search began.

    It holds if the fitted world prints its paper.
    """
    parameters = [
        (
            one.name,
            f"{one.start:.4g}",
            f"{one.fitted:.4g}",
            f"{one.se:.2g}" + (" (log)" if one.scale == "log" else ""),
            f"{100 * one.pinned:.0f}" + _beside(one, fit),
        )
        for one in fit.parameters
    ]
    used = [one for one in fit.targets if isfinite(one.z)]
    targets = [
        (one.key + (" (doubtful)" if one.doubtful else ""), one.printed, f"{one.simulated:.4g}", f"{one.z:+.2f}")
        for one in sorted(used, key=lambda one: -abs(one.z))[:20]
    ]
    starts = [
        (one.name + (" (taken)" if one.taken else ""), f"{one.at_first:.1f}", f"{one.at_last:.1f}")
        for one in fit.starts
    ]
    furthest = f"The furthest of {len(used)} targets (simulated mean; distance in sampling SDs of the number)"
    began = "Where the search began, with few replicates (sums of squares by common sampling SDs)"
    tables = (
        *_misfits(fit.verdict),
        table("Parameters", ("parameter", "start", "fitted", "SE", "pinned down %"), parameters),
        table(furthest, ("target", "printed", "simulated", "distance"), targets),
        table(began, ("start", "there", "at its end"), starts),
    )
    loose = ", ".join(one.name for one in fit.parameters if one.pinned < 0.1) or "none"
    scored = Counter(one.why for one in fit.verdict.unused)
    notes = (
        f"sum of squares {fit.losses[0]:.1f} at the start, {fit.losses[-1]:.1f} at the end",
        f"not pinned down by the paper (under 10 %): {loose}",
        *(
            f"fixed by the paper in common only, so that one may be more where another is less: {', '.join(group)}"
            for group in fit.together
        ),
        *(f"{_counted(scored[why])} only scored by fidelity: {why}" for why in (REPEATED, MADE) if scored[why]),
    )
    data = {name: part for name, part in vars(fit).items() if name != "tree"}
    lines = (f"fitted world {out}",)
    return Answer(data, fit.verdict.text, tables, notes, lines, holds=not fit.verdict.bad, found=fit)


def _beside(one: Parameter, fit: Fit) -> str:
    """What must be said beside the share that is pinned down."""
    told = ["at its bound"] if one.at_bound else []
    told += ["not alone"] if any(one.name in group for group in fit.together) else []
    return "".join(f" {what}" for what in told)


def _misfits(verdict: AbsoluteFit) -> list[TextTable]:
    """What of the paper the fitted world does not print, worst first, and what could not be fitted."""
    outside = [
        (one.key, one.printed, number(one.median), f"{number(one.low)} to {number(one.high)}", _far(one.distance))
        for one in verdict.outside
    ]
    unused = [(one.key, one.printed, one.why) for one in verdict.unused if one.why not in (REPEATED, MADE)]
    heads = ("number, worst first", "printed", "median", "central 95 %", "SDs away")
    made = [table("Numbers outside", heads, outside)] if outside else []
    return made + ([table("Could not be fitted", ("number", "printed", "why"), unused)] if unused else [])


def _far(distance: float) -> str:
    return f"{distance:.1f}" if isfinite(distance) else "no limit"


def _counted(numbers: int) -> str:
    return f"{numbers} printed numbers are" if numbers > 1 else "1 printed number is"


def percent_of(part: int, whole: int) -> str:
    """A share in percent, a dash of nothing."""
    return f"{100 * part / whole:.1f}" if whole else "-"
