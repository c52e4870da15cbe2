"""The answer of `benchmarks.questions.compatible` as sentences, tables, JSON and a figure."""

from math import exp
from typing import Any

from matplotlib.figure import Figure

from analysis.tables.text_table import table
from benchmarks.asked.load_study import Asked
from benchmarks.questions.ask import answer, endpoint_of, load, paper_words
from benchmarks.questions.compatible import CalibrationCheck, Compatibility, Posterior, find
from benchmarks.questions.compatible_paper import published_summary
from benchmarks.questions.options import Options
from benchmarks.words.answer import Answer, plain
from benchmarks.words.sizes import counted, percent_text, share_text

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


AS_STATED = "as-stated"
"""The suspicion that a study has which names none: nothing but what its world holds already."""


def sentence(one: Posterior) -> str:
    """What one suspicion says of the true effect, and what it assumes, in the same sentence."""
    if one.refusal:
        return f"No plausible range {_if(one.name)}: {one.refusal}."
    low, _, middle, _, high = (exp(x) for x in one.quantiles)
    error = 100 * max(one.quantiles_mcse)
    said = f"The true HR lies between {low:.2f} and {high:.2f} nine times in ten {_if(one.name)}"
    said += f" (middle {middle:.2f}, simulation error at most {percent_text(error, 0.0 if error < 0.95 else 1.0)})."
    alone = 1 - one.benefit if middle < 1 else one.benefit
    side = "no benefit" if middle < 1 else "a benefit"
    return f"{said} That leaves a chance of {_chance(alone)} that there is {side}."


def _chance(share: float) -> str:
    """A share, of one that rounds to nothing an upper bound."""
    return share_text(share) if share >= 0.005 else "less than 1\u00a0%"


def _called(name: str) -> str:
    """A suspicion by its name in words: 'as stated'."""
    return name.replace("-", " ")


def _if(name: str) -> str:
    """Under which assumption."""
    if name == AS_STATED:
        return "if the twin is right as it stands"
    return f"if '{_called(name)}' is what is wrong and nothing else"


def shown(found: Compatibility, options: Options, asked: Asked) -> Answer:
    """A sentence and a row per suspicion, then calibrations."""
    sentences, rows, notes, unit = [], [], [], asked.scenario.time_unit
    for one in found.posteriors:
        sentences.append(sentence(one))
        sentences += [f"Beware: {one.warning}."] if one.warning else []
        notes.append(
            f"{_called(one.name)}: {one.points} worlds were simulated, which differ in "
            f"{counted(len(one.parameters), 'unknown')}; on average the analysis finds an HR of "
            f"{exp(one.reach[0]):.2f} to {exp(one.reach[1]):.2f} in them. The range rests on as much as "
            f"{one.effective:,.0f} worlds read between these, each true log HR to {one.emulator_error:.3f}."
        )
        if one.refusal:
            continue
        rows.append((f"{_called(one.name)}, before the paper", *_ratios(one.prior_quantiles), "", "", ""))
        rmst = f"{one.rmst[2]:.2f} ({one.rmst[0]:.2f} to {one.rmst[4]:.2f})"
        fit = f"{100 * min(1.0, one.distance_p):.0f}"
        rows.append((_called(one.name), *_ratios(one.quantiles), f"{100 * one.benefit:.1f}", rmst, fit))
    heads = (
        "true HR",
        "middle",
        "half the time",
        "nine times in ten",
        "below 1, %",
        f"{unit} of life more, of the first {found.horizon:.5g}",
        "fit, %",
    )
    note = (
        "Below 1: how sure a benefit is. Of the time gained: middle, and nine times in ten. Fit: how often the "
        "likeliest setting gives a result at least as far off as the paper's."
    )
    notes += [calibration_text(one) for one in found.calibrations]
    return answer(
        "What true effect is plausible, given what the paper printed?",
        " ".join(sentences),
        (table("The plausible range, before and after the paper", heads, rows, 1, note),) if rows else (),
        (*notes, f"A true HR is that of {found.population}.", f"{found.replicates} simulated studies per setting."),
        lambda narrow: drawn(found, asked, narrow),
        "How well each true hazard ratio explains the paper, under every suspicion, and what was thought before",
        found,
        options,
        asked,
        {**plain(found), "published": {"hr": found.published.hr, "se_log": found.published.se}},
    )


def calibration_text(one: CalibrationCheck) -> str:
    """How well the intervals of synthetic papers hold the truth."""
    return (
        f"{_called(one.name)}, tried on {one.runs} invented papers whose truth was known: the 90 % ranges held it in "
        f"{_share(one.covers_90)} %, the 50 % ranges in {_share(one.covers_50)} % (simulation error in brackets; ranks "
        f"uniform with p = {one.uniform_p:.2f})."
    )


def drawn(found: Compatibility, asked: Asked, narrow: bool = False) -> Figure:
    """Prior and posterior densities of every suspicion that has an answer."""
    from analysis.figures.compatible import densities_of

    curves = [(_called(one.name), one.values, one.prior, one.density) for one in found.posteriors if not one.refusal]
    return densities_of(curves, found.published.hr, f"HR of {paper_words(asked).endpoint(found.endpoint)}", narrow)


def _ratios(quantiles: Any) -> tuple[str, str, str]:
    low, quarter, middle, upper, high = (exp(float(x)) for x in quantiles)
    return f"{middle:.2f}", f"{quarter:.2f} to {upper:.2f}", f"{low:.2f} to {high:.2f}"


def _share(found: tuple[float, float]) -> str:
    return f"{100 * found[0]:.1f} ({100 * found[1]:.1f})"
