"""The commands about tables of data: write cohorts, analyse one, judge the rows of anybody's simulation."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmarks.cli.options import answers, named, overrides

if TYPE_CHECKING:
    from benchmarks.words.answer import Answer


@click.command()
@click.argument("rows", type=click.Path(path_type=Path))
@click.option("--truth", required=True, help="The true value, or the column that holds it.")
@click.option("--by", help="Columns of methods or settings, with commas between: method,dgm.")
@click.option("--reference", help="The value of the first --by column to compare with; the first one unless given.")
@click.option("--estimate", help="Column of the estimates; found by its usual names unless given.")
@click.option("--se", help="Column of their standard errors; likewise.")
@click.option("--low", help="Column of lower confidence limits; from the SE unless given.")
@click.option("--high", help="Column of upper confidence limits.")
@click.option("--p", help="Column of p-values; from the interval or the SE unless given.")
@click.option("--df", help="Column of degrees of freedom, for Student's interval and test.")
@click.option("--replicate", help="Column of the replicate's number, for comparisons on the same replicates.")
@click.option("--level", type=click.FloatRange(0.5, 1, min_open=True, max_open=True), default=0.95, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="A .csv file with one line per group and measure.")
@answers(
    "report",
    "tables",
    "json",
    keys={
        "format": "trialtwin-performance/1",
        "groups": "[{by, rows, failed, measures: {name: M}, reference, against_reference: {name: M}}]",
    },
)
def performance(
    rows: Path, truth: str, by: str | None, reference: str | None, level: float, out: Path | None,
    estimate: str | None, se: str | None, low: str | None, high: str | None, p: str | None, df: str | None,
    replicate: str | None,
) -> "Answer":  # fmt: skip
    """Bias, empirical and model SE, coverage, power, ... of any table with one row per replicate.

    Each with its Monte Carlo standard error. A row without an estimate counts as a failure.
    """
    from benchmarks.cli import verbs
    from benchmarks.performance import replicate_table

    names = tuple(name.strip() for name in by.split(",") if name.strip()) if by else ()
    columns = replicate_table.TableColumns(estimate, se, low, high, p, df, replicate, names)
    return verbs.performance(rows, columns, truth, reference, level, out)


@click.command()
@named
@overrides
@click.option("--reps", type=click.IntRange(1, 1_000_000), default=1, show_default=True, help="Replicates.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Seed of all randomness.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A .csv or .parquet file.")
@click.option("--hidden", is_flag=True, help="Add what nobody observes: propensity, potential outcomes.")
@click.option("--format", "layout", type=click.Choice(["plain", "adam"]), default="plain", show_default=True)
@answers("json", keys={"files": "[file]: those written"})
def simulate(
    name: str, settings: tuple[str, ...], reps: int, seed: int | None, out: Path, hidden: bool, layout: str,
) -> "Answer":  # fmt: skip
    """Write virtual cohorts of a world to a file.

    Beside a plain file of one cohort lies its SPEC, ready for `trialtwin analyze`. `adam` writes two files, ADSL and
    ADTTE (CNSR 0 = event).
    """
    from benchmarks.asked.load_study import load_study
    from benchmarks.cli import verbs

    return verbs.simulate(load_study(name, settings, reps, seed), out, hidden, layout)


@click.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--spec", required=True, help="A YAML file that names the columns and the plan of analysis.")
@overrides
@answers(
    "json_file",
    "report",
    "tables",
    keys={
        "format": "trialtwin-analysis/1; docs/tables.md describes what is inside each key",
        "arms": "{treated, control}: the labels",
        "cohort": "{n, treated, control}",
        "as_read": "{not_events, near_ties, timefix}: what reading the file decided",
        "plan": "the plan with every default filled in, without the parts that it does not use",
        "propensity": "{method, candidates, selected, coefficients, infinite, dropped, aic, scores, status, set_aside}",
        "adjusted": "{how, n_treated, n_control, status, weights}: whom the primary analysis compares",
        "matching": "{scale, caliper_spec, unit, caliper, ratio, replacement, order, pairs, n_pairs, n_treated, "
        "n_control, status, ties}; null unless the primary analysis is matching",
        "table1": "{before, after}: [{variable, level, label, shows, treated, control, test, p, tests, smd, "
        "smd_status, status}]",
        "endpoints": "{name: {label, before, after, competing}}, a side {km, follow_up, logrank, cox, cox_pair_robust, "
        "logrank_stratified, cox_stratified, univariable, multivariable, subgroups, survival_difference, "
        "rmst_difference}",
        "binary": "{name: {label, before, after}}, a side {treated, control, test, p, tests, risk_difference, "
        "risk_ratio, odds_ratio, mcnemar}",
        "exposure": "{name: {before, after}}: amounts of a treatment; empty for a file",
        "modes": "{name: {before, after}}: modes of progression; empty for a file",
    },
)
def analyze(data: Path, spec: str, settings: tuple[str, ...]) -> "Answer":
    """Analyse one cohort file of your own as the paper did: Table 1, matching or weighting, survival."""
    from benchmarks.cli import verbs

    return verbs.analyze(data, spec, settings)


@click.command()
@click.argument("curve", type=click.Path(path_type=Path))
@click.option("--total-events", multiple=True, metavar="ARM=N", help="The events of an arm, where they are printed.")
@click.option("--patients", multiple=True, metavar="ARM=N", help="The patients of an arm, unless at risk at time 0.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A .csv file: id, arm, time, event.")
@answers(
    "tables",
    "json",
    keys={
        "files": "[file]: the one written",
        "arms": "[{arm, patients, events, total_events, distance, farthest, intervals}]; total_events: as given; "
        "distance: the largest vertical distance of the patients' Kaplan-Meier curve to a digitised point, at the "
        "time farthest; intervals: [{start, end, printed, at_risk, deaths, censored, excess, contradicts}]",
        "notes": "[text]: how the file was read",
    },
)
def ipd(curve: Path, total_events: tuple[str, ...], patients: tuple[str, ...], out: Path) -> "Answer":
    """Patients behind a digitised Kaplan-Meier curve (Guyot et al. 2012), written to a file.

    CURVE has the columns time, survival, arm and at_risk. The curve is followed; what its numbers at risk say
    otherwise is told.
    """
    from benchmarks.cli.ipd import ipd as reconstructed

    return reconstructed(curve, total_events, patients, out)


DATA = (simulate, analyze, performance, ipd)
