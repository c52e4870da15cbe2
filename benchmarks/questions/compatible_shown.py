"""The answer of `benchmarks.questions.compatible` as sentences, tables, JSON and a figure."""

import textwrap
from dataclasses import asdict
from math import exp
from pathlib import Path
from typing import Any

from benchmarks.questions.ask import figure_path, load, plain, told, write_figure
from benchmarks.questions.compatible import Calibration, Compatibility, Posterior, find, published_summary
from benchmarks.questions.options import Options
from benchmarks.tables import aligned


def compatible(
    options: Options, stated: tuple[float | None, float | None, float | None], horizon: float, points: int,
    calibrate: int,
) -> str:  # fmt: skip
    """The answer as tables or JSON, its figure written where asked."""
    figure_path(options.figure)
    asked = load(options)
    seen = published_summary(asked.scenario, options.endpoint, *stated)
    found = find(
        asked, options.endpoint, options.estimator, seen, horizon, points, calibrate, options.jobs, options.out
    )
    return told(found, options, text, described, draw)


def sentence(found: Compatibility, one: Posterior) -> str:
    """What one suspicion says of the true effect."""
    what = f"Under '{one.name}' the published {found.endpoint} HR {found.published.hr:.2f}"
    if one.refusal:
        return f"Under '{one.name}' there is no answer: {one.refusal}."
    low, _, middle, _, high = (exp(x) for x in one.quantiles)
    error = max(one.quantiles_mcse)
    said = f"{what} is compatible with true HRs from {low:.2f} to {high:.2f} (90 %; median {middle:.2f}"
    return f"{said}; Monte Carlo SE of their logs at most {error:.3f})."


def text(found: Compatibility) -> str:
    """A sentence and a row per suspicion, then calibrations."""
    parts: list[str] = []
    for one in found.posteriors:
        parts += textwrap.wrap(sentence(found, one), 100)
        parts += textwrap.wrap(f"Beware: {one.warning}.", 100) if one.warning else []
    rows = []
    for one in found.posteriors:
        if one.refusal:
            continue
        rows.append((f"{one.name}, prior", *_ratios(one.prior_quantiles), "", "", ""))
        rmst = f"{one.rmst[2]:.2f} ({one.rmst[0]:.2f} to {one.rmst[4]:.2f})"
        rows.append(
            (
                one.name,
                *_ratios(one.quantiles),
                f"{100 * one.benefit:.1f}",
                rmst,
                f"{100 * min(1.0, one.distance_p):.0f}",
            )
        )
    if rows:
        heads = (
            "true HR", "median", "50 %", "90 %", "below 1, %", f"RMST difference to {found.horizon:g}", "fit, %",
        )  # fmt: skip
        parts += ["", aligned(heads, rows)]
        parts += ["", "RMST: median and 90 %. Fit: p of the paper at the most likely point."]
    for one in found.posteriors:
        parts.append(
            f"'{one.name}': {one.points} points over {', '.join(one.parameters)}; mean HR {exp(one.reach[0]):.2f} to "
            f"{exp(one.reach[1]):.2f};\n  {one.effective:.0f} effective draws; the true log HR is emulated to "
            f"{one.emulator_error:.3f}"
        )
    for other in found.calibrations:
        parts += ["", calibration_text(other)]
    return "\n".join([*parts, "", f"{found.replicates} replicates per point; run folder {found.folder}"])


def calibration_text(one: Calibration) -> str:
    """How well the intervals of synthetic papers hold the truth."""
    return (
        f"'{one.name}' on {one.runs} synthetic papers: 50 % intervals hold the truth in {_share(one.covers_50)} %,\n"
        f"  90 % intervals in {_share(one.covers_90)} %; ranks uniform with p = {one.uniform_p:.2f}"
    )


def described(found: Compatibility) -> dict[str, Any]:
    """Everything found, as JSON allows it: null where a number is not finite."""
    published = {"hr": found.published.hr, "se_log": found.published.se}
    body = {**asdict(found), "published": published}
    return {"verdict": " ".join(sentence(found, one) for one in found.posteriors), **plain(body)}


def draw(found: Compatibility, path: Path) -> None:
    """Write the prior and posterior densities of every suspicion that has an answer."""
    from analysis.figures_compatible import densities

    shown = [(one.name, one.values, one.prior, one.density) for one in found.posteriors if not one.refusal]
    write_figure(densities(shown, found.published.hr, found.endpoint), path)


def _ratios(quantiles: Any) -> tuple[str, str, str]:
    low, quarter, middle, upper, high = (exp(float(x)) for x in quantiles)
    return f"{middle:.2f}", f"{quarter:.2f} to {upper:.2f}", f"{low:.2f} to {high:.2f}"


def _share(found: tuple[float, float]) -> str:
    return f"{100 * found[0]:.1f} ({100 * found[1]:.1f})"
