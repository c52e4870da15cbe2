"""The commands that ask a question of a world: the same options, one sentence, a table and a figure."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmarks.asked.asked_by import as_asked
from benchmarks.cli.click_private import given, taken
from benchmarks.cli.options import Keys, answers, cores, jobs, named, overrides, trust
from benchmarks.questions.options import Options

if TYPE_CHECKING:
    from benchmarks.words.answer import Answer

ANSWER = {
    "question": "what was asked",
    "verdict": "the answer in a sentence, with its error",
    "endpoint": "the endpoint asked about",
    "replicates": "replicates of each cell",
}
RAN = {
    "estimator": "the estimator that stands for the published analysis",
    "folder": "the run folder that the answer comes from",
}

STANDS = "The study's estimator that stands for the published analysis."


def question(
    reps: int, few: int = 2, estimates: bool = True, *, keys: Keys, estimator_is: str = STANDS
) -> Callable[[Callable[..., "Answer"]], click.Command]:
    """A command of a function that takes `Options` first, then its own options, and returns an `Answer`.

    ``estimates``: it computes estimators, which may be users' own; ``keys`` are those of its answer besides `ANSWER`;
    ``estimator_is`` says what it takes the estimator for.
    """

    counts = click.IntRange(few, 1_000_000)

    def made(function: Callable[..., "Answer"]) -> click.Command:
        own = taken(function)

        @answers("figure", "report", "tables", "json", keys={**ANSWER, **keys})
        @functools.wraps(function)
        def _command(
            name: str, settings: tuple[str, ...], endpoint: str | None, estimator: str | None, reps: int,
            seed: int | None, jobs: int | None, out: Path | None, trust: bool = False, **rest: Any,
        ) -> "Answer":  # fmt: skip
            where = (endpoint, estimator, reps, seed, jobs or cores(), out, trust)
            return function(Options(as_asked(), name, settings, *where), **rest)

        for option in (
            *((trust,) if estimates else ()),
            click.option("--out", type=click.Path(path_type=Path), help="Run folder; in runs/ unless given."),
            jobs,
            click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Seed of all randomness."),
            click.option("--reps", type=counts, default=reps, show_default=True, help="Replicates per cell."),
        ):
            option(_command)
        given(_command, own)
        for option in (
            click.option("--estimator", help=estimator_is),
            click.option("--endpoint", help="The endpoint, or a yes/no outcome; the world's first unless given."),
            overrides,
            named,
        ):
            option(_command)
        return click.command(name=function.__name__)(_command)

    return made


@question(
    reps=200,
    keys={
        **RAN,
        "population": "whose true effect is meant",
        "published": "the published hazard ratio",
        "bound": "its limit nearer to no effect",
        "prevalence": "of the confounder",
        "odds_ratios": "[A]: the confounder's odds ratios with treatment",
        "hazard_ratios": "[B]: its hazard ratios with the outcome",
        "surfaces": "[{log_hr, true [A][B], set_log_hr, mcse, misfit, interpolation}]: for the ratio, then for the "
        "bound; ``true`` is the target's true log HR under which it arises, null at a gap; ``misfit`` its error "
        "between effects, ``interpolation`` that between nodes",
        "equal_strength": "[{value, error, mcse, interpolation}]: of the ratio and of the bound, inf as null",
        "e_values": "{name: [of the ratio, of the bound]}",
        "benchmarks": "[{term, odds_ratio, hazard_ratio}]: measured covariates",
        "points": "[{odds_ratio, hazard_ratio, estimate, true_hr, set_hr, error, mcse, interpolation}]: those of --at",
    },
)
@click.option("--hr", type=click.FloatRange(0, min_open=True), help="Published HR; from the world unless given.")
@click.option("--bound", type=click.FloatRange(0, min_open=True), help="Its confidence limit nearer to no effect.")
@click.option("--strongest", type=click.FloatRange(1.1, 50), default=10.0, show_default=True, help="End of the grid.")
@click.option("--nodes", type=click.IntRange(2, 20), default=6, show_default=True, help="Grid points each way.")
@click.option("--prevalence", type=click.FloatRange(0.01, 0.99), default=0.5, show_default=True)
@click.option("--at", "points", multiple=True, metavar="OR,HR", help="Also the true HR at this strength.")
def tipping(
    options: Options, hr: float | None, bound: float | None, strongest: float, nodes: int, prevalence: float,
    points: tuple[str, ...],
) -> "Answer":  # fmt: skip
    """How strong must an unmeasured confounder be to make the published result: true HR by its strengths.

    A binary confounder multiplies the odds of treatment by OR and every hazard by HR, through the real pipeline;
    beside it the E-value and the measured covariates.
    """
    from benchmarks.questions import tipping_shown

    return tipping_shown.tipping(options, (hr, bound), strongest, nodes, prevalence, points)


@question(
    reps=200,
    keys={
        "direction": "-1 where the claim is a ratio below 1, else 1",
        "alpha": "the level of the claim",
        "replicate": "the cohort whose curve is given",
        "specifications": "[{name, choices}]",
        "claims": "[[M, ...], [M, ...]]: how often each reaches the claim, as stated and with no effect",
        "mean_share": "[M, M]: of specifications that reach the claim, as stated and with no effect",
        "any_share": "[M, M]: cohorts in which at least one does",
        "stated_share": "[M, M]: cohorts in which the study's own does",
        "failed": "[M, M]: specifications without an estimate",
        "spread": "[M, M]: log of the largest over the smallest ratio of a cohort",
        "levels": "[{axis, value, shift: M, claims: M}]",
        "curve": "[[log HR, low, high, p], ...] of one cohort, by specification",
        "interval_level": "the level of its intervals",
        "published": "the published log HR, or null",
        "folder": RAN["folder"],
    },
)
@click.option("--axis", "axes", multiple=True, metavar="PATH=[V, ...]", help="A choice and its values; replaces all.")
@click.option("--alpha", type=click.FloatRange(0, 0.5, min_open=True), default=0.05, show_default=True)
@click.option("--replicate", type=click.IntRange(0), default=0, show_default=True, help="The cohort that is drawn.")
def multiverse(options: Options, axes: tuple[str, ...], alpha: float, replicate: int) -> "Answer":
    """How often would some defensible analysis reach the published claim: a curve over the analyst's choices.

    All combinations of caliper, order, ratio, selection rule and SE, the defaults of common tools and the study's own
    estimators, on the same cohorts: as the world says, and with no effect at all.
    """
    from benchmarks.questions import multiverse_shown

    return multiverse_shown.multiverse(options, axes, alpha, replicate)


@question(
    reps=1000,
    estimates=False,
    keys={
        "worlds": "[name]: three; every list of M below has one for each",
        "alpha": "the level",
        "screening_p": "the screen of the multivariable model, or null",
        "terms": "covariates that may be found",
        "subgroups": "how many",
        "factors": "{term: [M]}: found to be an independent factor",
        "any_factor": "[M]: any of them",
        "mean_factors": "[M]: how many",
        "benefit_share": "[M]: subgroups with a ratio below 1",
        "nearly_all": "[M]: benefit in nine of ten subgroups",
        "every": "[M]: benefit in every subgroup",
        "balanced": "[M]: every p of Table 1 above 0.05 in the set compared",
        "unbalanced_measured": "[M]: of these, a measured difference above 0.1 SD",
        "unbalanced_hidden": "[M]: of these, a hidden one",
    },
)
@click.option("--alpha", type=click.FloatRange(0, 0.5, min_open=True), default=0.05, show_default=True)
def claims(options: Options, alpha: float) -> "Answer":
    """How often does the workflow make the paper's claims, as the world says and when they are false?

    Independent risk factor after screening, benefit in nearly all subgroups, balance of the arms compared.
    """
    from benchmarks.questions.claims import claims as answer

    return answer(options, alpha)


@question(
    reps=500,
    keys={
        **RAN,
        "measure": "in which it is taken apart; ratios as logarithms",
        "horizon": "of a restricted mean or of survival, in the world's time unit; else null",
        "time_unit": "days, weeks, months or years",
        "asks_another": "whether the analysis is given covariates, and answers another question than the target's",
        "population": "the target's, whose truth the bias is told against",
        "dropped": "replicates left out because a cell of theirs has no estimate",
        "estimate": "M with everything on",
        "truth": "M: the target's with everything on, the fixed target",
        "bias": "M: the estimate with everything on, off the fixed target",
        "clean_estimate": "M with everything off",
        "clean_truth": "M: the target's with everything off",
        "residual": "M: the estimate with everything off, off the fixed target",
        "clean_bias": "M: the estimate with everything off, off the target's own truth there",
        "parts": "[{name, label, estimate, target, off_alone, on_alone: M}], one for each mechanism: what it moves of "
        "the estimate, which is of the bias, and of the target's own truth",
    },
)
@click.option("--mechanism", "names", multiple=True, help="Take only these apart; all that are on unless given.")
def decompose(options: Options, names: tuple[str, ...]) -> "Answer":
    """Which imperfection makes how much of the bias: the published analysis walked to the truth.

    The world's mechanisms are switched off one at a time and jointly, on the same random numbers, averaged over orders.
    """
    from benchmarks.questions import decompose_shown

    return decompose_shown.decompose(options, names)


@question(
    reps=1000,
    few=40,
    keys={
        **RAN,
        "search": "size or follow-up",
        "goal": "{power, width, alpha}",
        "population": "the target's, whose true effect is to be found",
        "true_hr": "its true marginal hazard ratio",
        "true_mcse": "the Monte Carlo SE of its logarithm",
        "treated": "share of the patients who are treated",
        "stated": "{at: M, events: M, points, coarse, misfit}: the answer of the stated analysis",
        "randomised": "the same of a crude analysis where nothing confounds, or null",
        "schoenfeld_events": "events by the formula",
        "schoenfeld_at": "patients or months by the formula",
        "analysed": "share of the patients whom the analysis keeps",
        "false_positive": "M: rejections with no effect",
        "false_favour": "M: those of them on the side of the true effect",
        "each": "[{estimator, true_hr, needed: {at: M, events: M, points, coarse, misfit} or null, why}]: every "
        "analysis that was asked about, the first of which is that of the other keys",
    },
    estimator_is=f"{STANDS} Several with commas between, or all: each has its curve and its answer.",
)
@click.option("--target", type=click.FloatRange(0, 1), help="Power wanted; 0.8 unless given.")
@click.option("--width", type=click.FloatRange(0, min_open=True), help="Instead: mean width of the interval of log HR.")
@click.option("--alpha", type=click.FloatRange(0, 0.5, min_open=True), default=0.05, show_default=True)
@click.option("--search", type=click.Choice(["size", "follow-up"]), default="size", show_default=True)
@click.option("--least", type=click.FloatRange(0, min_open=True), help="Where the search begins: patients or months.")
@click.option("--most", type=click.FloatRange(0, min_open=True), help="Where it ends.")
def power(
    options: Options, target: float | None, width: float | None, alpha: float, search: Any, least: float | None,
    most: float | None,
) -> "Answer":  # fmt: skip
    """How many patients, events or months of follow-up does the stated analysis need in this world?

    A bracketed search on common random numbers; beside it Schoenfeld's formula and a crude analysis where nothing
    confounds.
    """
    from benchmarks.questions import power_shown

    return power_shown.power(options, target, width, alpha, search, least, most)


@question(
    reps=100,
    few=40,
    keys={
        **RAN,
        "population": "whose true effect is meant",
        "published": "{hr, se_log}",
        "horizon": "of the restricted mean, in the world's time unit",
        "posteriors": "[{name, parameters, points, refusal, prior_quantiles, quantiles, quantiles_mcse, rmst, benefit, "
        "effective, distance_p, reach, emulator_error, warning, values, prior, density}], one for each suspicion; "
        "quantiles of the true log HR at 5, 25, 50, 75 and 95 %",
        "calibrations": "[{name, runs, ranks, uniform_p, covers_50, covers_90}]: on synthetic papers",
    },
)
@click.option("--hr", help="Published HR with the decimals that are printed; from the world unless given.")
@click.option("--low", help="Its lower confidence limit, as printed.")
@click.option("--high", help="Its upper confidence limit, as printed.")
@click.option(
    "--horizon", type=click.FloatRange(0, min_open=True), help="Of RMST, in the world's unit of time; 12 months."
)
@click.option("--points", type=click.IntRange(20, 2000), default=64, show_default=True, help="Points of a design.")
@click.option("--calibrate", type=click.IntRange(0, 100_000), default=0, help="Check on so many synthetic papers.")
def compatible(
    options: Options, hr: str | None, low: str | None, high: str | None, horizon: float | None, points: int,
    calibrate: int,
) -> "Answer":  # fmt: skip
    """Which true effects are compatible with the published estimate, under the suspicions of bias that the study names?

    A posterior by synthetic likelihood over a space-filling design; it refuses to extrapolate.
    """
    from benchmarks.questions import compatible_shown

    return compatible_shown.compatible(options, (hr, low, high), horizon, points, calibrate)


QUESTIONS = (tipping, compatible, decompose, power, multiverse, claims)
