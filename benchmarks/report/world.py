"""What a page says of the world behind it: what was assumed, how it differs from its base, how alike the arms are."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from analysis.estimators.base import Sample
from analysis.figures.balance import love_between
from analysis.paper.effects import AnalysisSet
from analysis.paper.sides import done_words, has_sides, side_words, sides_shown
from analysis.paper.table1 import presentation, table1
from analysis.tables.text_table import table
from analysis.two_samples import balance
from benchmarks.asked.base import Base, assumed_values, base_of, text_of
from benchmarks.asked.blocks import Cell
from benchmarks.asked.sampled import samples
from benchmarks.asked.scenario import Scenario
from benchmarks.report.engine import Section, picture
from benchmarks.runs.retries import lost_words
from benchmarks.words.plain_text import settings_text
from simulator.cohort.cohorts import Observed
from simulator.documents.loading import Document
from simulator.numerics.arrays import Floats
from simulator.world.generate import generate

EFFECTS = {
    "as_stated": "Treatment changes the hazards as the scenario states.",
    "none": "Treatment has no effect.",
}
FEW = 20
MOST_REPLICATES = 20
MOST_CELLS = 12
MOST_PATIENTS = 50_000
LARGE = 0.1


def assumed_section(document: Document) -> Section:
    """The values of the world that state no source, then those that do."""
    paths = assumed_values(document)
    rows = [(path, _value_at(document.tree, path)) for path in paths]
    sourced = [(path, _value_at(document.tree, path), source) for path, source in sorted(document.sources.items())]
    plain = table("Assumed values", ("value of", "assumed"), rows, 2)
    known = table("Sourced values", ("value of", "taken as", "source"), sourced, 3)
    one = len(paths) == 1
    count = f"{len(paths)} value{'' if one else 's'} of the world {'is' if one else 'are'} assumed, without a source"
    count = count if paths else "Every value of the world states its source"
    few = len(paths) <= FEW
    return Section(
        "What was assumed",
        (f"{count}; {len(sourced)} have one." if sourced else f"{count}.",),
        tables=(plain,) if few and rows else (),
        fold=f"The {len(rows)} assumed values",
        folded=() if few else (plain,),
        in_print=True,
        parts=(Section("", fold=f"The {len(sourced)} sourced values", folded=(known,)),) if sourced else (),
    )


def base_section(document: Document, base: Base | None = None) -> Section:
    """Where the document differs from the one that it extends, or was changed from the command line.

    ``base`` is what is known of that already.
    """
    base = base or base_of(document)
    heading = "How the world differs from its base"
    if not base.files:
        return Section(heading, ("What it was read from is not known.",))
    own, name = len(base.files) == 1, base.name
    read = f"Read from {base.files[0]} alone." if own else f"Read from, base first: {', then '.join(base.files)}."
    if base.rows is None:
        return Section(heading, (f"{read} {name} cannot be read here, so what differs is not known.",))
    if not base.rows:
        return Section(heading, (read if own else f"{read} It says what {name} says.",))
    shown = table(f"Differences from {name}", ("value of", name, "here"), base.rows, 3)
    what = "What the command line sets" if own else f"What differs from {name}"
    told = f"{read} {what}: {len(base.rows)} value{'s' if len(base.rows) > 1 else ''}."
    if len(base.rows) <= FEW:
        return Section(heading, (told,), tables=(shown,))
    return Section(heading, (told,), fold="All of them", folded=(shown,))


def comparability_section(cells: Sequence[Cell]) -> Section:
    """How many were matched, or weighted, and how alike the arms then were, in the first replicates; an example."""
    shown = cells[:MOST_CELLS]
    made = [_compared(cell) for cell in shown]
    several = len(cells) > 1
    plans = [cell.scenario.analysis for cell in cells]
    one = len({plan.primary for plan in plans}) == 1
    done, sided = done_words(plans[0]) if one else "compared", any(map(has_sides, plans))
    rows = []
    for cell, (treated, kept, before, after) in zip(shown, made, strict=True):
        start = (str(cell.number), settings_text(cell.settings)) if several else ()
        some = after[np.isfinite(after)]
        large = f"{100 * np.mean(some > LARGE):.0f}" if len(some) else "-"
        share = 100 * kept / np.maximum(treated, 1)
        first = (_range(share, 1), _range(before, 3)) if sided else ()
        rows.append((*start, _range(kept, 0), *first, _range(after, 3), large))
    heads = ("cell", "settings") if several else ()
    count = len(made[0][0])
    note = (
        f"Median (smallest to largest) of the first {count} replicate{'s' if count > 1 else ''}, cohorts made again "
        f"and {done} by the plan of the study; SMD: over all measured covariates and their levels."
    )
    if len(cells) > len(shown):
        note += f" The first {len(shown)} of {len(cells)} cells."
    found = table(
        f"{done.capitalize()} patients and balance",
        (
            *heads,
            f"treated {done}",
            *(("% of the treated", "largest |SMD| before") if sided else ()),
            "largest |SMD| after" if sided else "largest |SMD|",
            f"replicates above {LARGE:g}{' after' if sided else ''}, %",
        ),
        rows,
        len(heads) or 1,
        note,
    )
    heading = f"{plans[0].primary.capitalize()} diagnostics" if one and sided else "How alike the arms are"
    return Section(heading, tables=(found,), pictures=(_example(cells[0]),))


def _compared(cell: Cell) -> tuple[Floats, Floats, Floats, Floats]:
    """Treated patients, those of them who are compared, and the largest |SMD| before and after, each ``(R,)``."""
    scenario = cell.scenario
    few = max(1, min(MOST_REPLICATES, scenario.run.replicates, MOST_PATIENTS // scenario.screened()))
    numbers = np.arange(few, dtype=np.int64)
    sample = samples(scenario, generate(cell.resolved, scenario.run.seed, numbers), scenario.run.seed)[0]
    observed, x = sample.observed, _columns(sample.observed)
    before = balance.smd(x, observed.treated, present=observed.present)
    spread = observed.present if scenario.analysis.table1.smd == "unmatched" else None
    made = sample.adjusted
    after = balance.smd(x, observed.treated, present=made.present, weight=made.weight, spread=spread)
    counts = [(observed.treated & group).sum(axis=1).astype(np.float64) for group in (observed.present, made.present)]
    return counts[0], counts[1], _largest(before), _largest(after)


def _columns(observed: Observed) -> Floats:
    """Every covariate, a categorical one as its levels ``(R, N, P)``."""
    made = []
    for k, variable in enumerate(observed.variables):
        values = observed.covariates[..., k]
        if variable.kind == "continuous":
            made.append(values)
        else:
            made += [(values == level).astype(np.float64) for level in range(len(variable.levels))]
    return np.stack(made, axis=-1)


def _largest(smd: Floats) -> Floats:
    found = np.abs(smd)
    return np.asarray(np.max(np.where(np.isnan(found), -np.inf, found), axis=1))


def _range(values: Floats, digits: int) -> str:
    known = values[np.isfinite(values)]
    if not len(known):
        return "-"
    middle, low, high = (f"{float(x):.{digits}f}" for x in (np.median(known), known.min(), known.max()))
    return f"{middle} ({low} to {high})"


def _example(cell: Cell) -> Any:
    """The love plot of the first replicate."""
    scenario = cell.scenario
    cohorts = generate(cell.resolved, scenario.run.seed, np.zeros(1, np.int64))
    sample = samples(scenario, cohorts, scenario.run.seed)[0]
    observed, plan = sample.observed, sample.plan
    sets = [AnalysisSet(observed.present[0]), _after(sample)]
    shows = presentation(observed, sets[0], plan.table1)
    before, after = (table1(observed, group, shows, plan) for group in sets)
    caption = "Standardised mean differences of one cohort, the first, as an example; dashed: 0.1."
    words = side_words(plan, *sides_shown(plan))
    drawn = love_between(before, after, plan)
    return picture(drawn, caption, f"Standardised mean differences of one cohort {words}")


def _after(sample: Sample) -> AnalysisSet:
    made = sample.adjusted
    return AnalysisSet(made.present[0]) if made.weight is None else AnalysisSet(made.present[0], made.weight[0])


def failures_section(rows: Sequence[Mapping[Any, Any]]) -> Section:
    """The replicates without an estimate, by status."""
    if not rows:
        return Section("Failures", ("None: every estimator gave an estimate in every replicate.",))
    made = [tuple(str(row[key]) for key in ("cell", "endpoint", "estimator", "status", "count")) for row in rows]
    heads = ("cell", "endpoint", "estimator", "status", "replicates")
    told = lost_words(rows)
    text = (f"{'; '.join(told)}.",) if told else ()
    return Section("Failures", text, tables=(table("Replicates without an estimate", heads, made, 4),))


def _cut_off(scenario: Scenario) -> str:
    """The end of follow-up in words."""
    events = scenario.followup.events
    if events:
        return f"cut-off after {events.events} events of {events.endpoint}, on {events.latest} at the latest"
    return f"cut-off {scenario.followup.last_date}" if scenario.followup.last_date else "complete follow-up"


def design_text(scenario: Scenario) -> str:
    """The data-generating mechanisms in words."""
    words = dict.fromkeys(part.words for _, part in scenario.parts() if part.words)
    also = f" The world has {', '.join(words)}." if words else ""
    return (
        f"Virtual cohorts of {scenario.arms.treated} (treated) against {scenario.arms.control}: baseline covariates "
        "joined by a Gaussian copula, logistic allocation of treatment, one course per patient and arm through the "
        f"states {', '.join(scenario.outcomes.graph.states)}, "
        f"accrual from {scenario.entry.accrual.start} to {scenario.entry.accrual.end}, "
        f"{_cut_off(scenario)}. {EFFECTS[scenario.outcomes.treatment_effect]}{also}"
    )


def _value_at(tree: dict[str, Any], path: str) -> str:
    """The value at a dotted path whose keys may hold dots themselves."""
    found: Any = tree
    rest = path
    while rest and isinstance(found, dict):
        key = max((key for key in found if rest == key or rest.startswith(f"{key}.")), key=len, default=None)
        if key is None:
            return ""
        found, rest = found[key], rest[len(key) + 1 :]
    return ", ".join(map(str, found)) if isinstance(found, tuple) else text_of(found)
