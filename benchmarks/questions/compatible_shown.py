"""The answer of `benchmarks.questions.compatible` as sentences, tables, JSON and a figure."""

from math import exp
from typing import Any

from matplotlib.figure import Figure

from analysis.tables.text_table import table
from benchmarks.asked.load_study import Asked
from benchmarks.questions.ask import answer, endpoint_of, load
from benchmarks.questions.compatible import CalibrationCheck, Compatibility, Posterior, find
from benchmarks.questions.compatible_paper import published_summary
from benchmarks.questions.options import Options
from benchmarks.words.answer import Answer, plain

MONTHS = 12.0
"""To which restricted means are compared."""


def compatible(
    options: Options, stated: tuple[str | None, str | None, str | None], horizon: float | None, points: int,
    calibrate: int,
) -> Answer:  # fmt: skip
    """The answer, from the options of the command; restricted means to 12 months unless a horizon is given."""
    asked = load(options)
    seen = published_summary(
        asked.scenario, endpoint_of(asked, options), dict(zip(("hr", "low", "high"), stated, strict=True))
    )
    found = find(
        asked,
        endpoint_of(asked, options),
        options.estimator,
        seen,
        MONTHS * asked.scenario.per_month if horizon is None else horizon,
        points,
        calibrate,
        options.jobs,
        options.out,
    )
    return shown(found, options, asked)


def sentence(found: Compatibility, one: Posterior) -> str:
    """What one suspicion says of the true effect."""
    what = f"Under '{one.name}' the published {found.endpoint} HR {found.published.hr:.2f}"
    if one.refusal:
        return f"Under '{one.name}' there is no answer: {one.refusal}."
    low, _, middle, _, high = (exp(x) for x in one.quantiles)
    error = max(one.quantiles_mcse)
    said = f"{what} is compatible with true HRs from {low:.2f} to {high:.2f} (90 %; median {middle:.2f}"
    return f"{said}; Monte Carlo SE of their logs at most {error:.3f})."


def shown(found: Compatibility, options: Options, asked: Asked) -> Answer:
    """A sentence and a row per suspicion, then calibrations."""
    sentences, rows, notes, unit = [], [], [], asked.scenario.time_unit
    for one in found.posteriors:
        sentences.append(sentence(found, one))
        sentences += [f"Beware: {one.warning}."] if one.warning else []
        notes.append(
            f"'{one.name}': {one.points} points over {', '.join(one.parameters)}; mean HR {exp(one.reach[0]):.2f} to "
            f"{exp(one.reach[1]):.2f}; {one.effective:.0f} effective draws; the true log HR is emulated to "
            f"{one.emulator_error:.3f}."
        )
        if one.refusal:
            continue
        rows.append((f"{one.name}, prior", *_ratios(one.prior_quantiles), "", "", ""))
        rmst = f"{one.rmst[2]:.2f} ({one.rmst[0]:.2f} to {one.rmst[4]:.2f})"
        fit = f"{100 * min(1.0, one.distance_p):.0f}"
        rows.append((one.name, *_ratios(one.quantiles), f"{100 * one.benefit:.1f}", rmst, fit))
    heads = (
        "true HR",
        "median",
        "50 %",
        "90 %",
        "below 1, %",
        f"RMST difference to {found.horizon:.5g} {unit}",
        "fit, %",
    )
    note = "RMST: median and 90 %. Fit: p of the paper at the most likely point."
    notes += [calibration_text(one) for one in found.calibrations]
    return answer(
        "Which true effects are compatible with the published estimate?",
        " ".join(sentences),
        (table("Before and after the paper", heads, rows, 1, note),) if rows else (),
        (*notes, f"A true HR is that of {found.population}.", f"{found.replicates} replicates per point."),
        lambda: drawn(found),
        "Prior and posterior densities of the true hazard ratio under every suspicion",
        found,
        options,
        asked,
        {**plain(found), "published": {"hr": found.published.hr, "se_log": found.published.se}},
    )


def calibration_text(one: CalibrationCheck) -> str:
    """How well the intervals of synthetic papers hold the truth."""
    return (
        f"'{one.name}' on {one.runs} synthetic papers: 50 % intervals hold the truth in {_share(one.covers_50)} %, "
        f"90 % intervals in {_share(one.covers_90)} %; ranks uniform with p = {one.uniform_p:.2f}"
    )


def drawn(found: Compatibility) -> Figure:
    """Prior and posterior densities of every suspicion that has an answer."""
    from analysis.figures.compatible import densities_of

    curves = [(one.name, one.values, one.prior, one.density) for one in found.posteriors if not one.refusal]
    return densities_of(curves, found.published.hr, found.endpoint)


def _ratios(quantiles: Any) -> tuple[str, str, str]:
    low, quarter, middle, upper, high = (exp(float(x)) for x in quantiles)
    return f"{middle:.2f}", f"{quarter:.2f} to {upper:.2f}", f"{low:.2f} to {high:.2f}"


def _share(found: tuple[float, float]) -> str:
    return f"{100 * found[0]:.1f} ({100 * found[1]:.1f})"
