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
from benchmarks.report.engine import Fold, Note, PageBlock, Section, picture
from benchmarks.runs.retries import lost_words
from benchmarks.words.settings_named import path_label, setting_text
from simulator.cohort.cohorts import Observed
from simulator.documents.loading import Document
from simulator.numerics.arrays import Floats
from simulator.world.generate import generate

EFFECTS = {
    "as_stated": "Treatment changes the hazards as the scenario states.",
    "none": "Treatment has no effect.",
}
FITTED = "fitted to the published numbers"
"""In the source of a value that `calibrate` wrote."""
FEW = 20
MOST_REPLICATES = 20
MOST_CELLS = 12
MOST_PATIENTS = 50_000
LARGE = 0.1


def assumed_section(document: Document) -> Section:
    """The values of the world that state no source, then those that do."""
    paths = assumed_values(document)
    tree = document.tree
    rows = [(path_label(path, tree), _value_at(tree, path)) for path in paths]
    sourced = [
        (path_label(path, tree), _value_at(tree, path), source) for path, source in sorted(document.sources.items())
    ]
    plain = table("Assumed, without a source", ("value of", "assumed"), rows, 2)
    known = table("From a source", ("value of", "taken as", "source"), sourced, 3)
    body: list[PageBlock] = [plain] if 0 < len(rows) <= FEW else []
    body += [Fold(f"The {len(rows)} assumed values", (plain,))] if len(rows) > FEW else []
    body += [Fold(f"The {_values(len(sourced))} with {'a source' if len(sourced) == 1 else 'their sources'}", (known,))]
    return Section(
        "What was assumed?", _counted(len(sourced), len(rows)), tuple(body if sourced else body[:-1]), "assumed",
        "What was assumed",
    )  # fmt: skip


def _values(count: int) -> str:
    return f"{count} value{'' if count == 1 else 's'}"


def _counted(sourced: int, assumed: int) -> str:
    """How many values come from the paper, and how many are assumed."""
    if not assumed:
        return f"Nothing beyond its sources: {_values(sourced)} {'comes' if sourced == 1 else 'come'} from the paper."
    here = "Here it is." if assumed == 1 else "Here they are."
    if not sourced:
        told = "No value has a source" if assumed > 1 else "The one value has no source"
        return f"{told}; we assumed {'it' if assumed == 1 else f'all {assumed}'}. {here}"
    comes = f"{_values(sourced)} {'comes' if sourced == 1 else 'come'} from the paper"
    return f"{comes}; {assumed} it does not give, and we assumed {'it' if assumed == 1 else 'them'}. {here}"


def base_section(document: Document, base: Base | None = None) -> Section:
    """Where the document differs from the one that it extends, or was changed from the command line.

    ``base`` is what is known of that already.
    """
    base = base or base_of(document)
    own, name = len(base.files) == 1, base.name
    whose = "what the paper states" if name.endswith("-stated") else "the paper's twin"
    heading = "What was changed by the command?" if own else f"What was changed from {whose}?"

    def section(answer: str, *body: PageBlock) -> Section:
        read = () if not base.files else (Note(f"Read from {', then '.join(base.files)}."),)
        return Section(heading, answer, (*body, *read), "changed", "What was changed")

    if not base.files:
        return section("What it was read from is not known.")
    if base.rows is None:
        return section(f"{name} cannot be read here, so what was changed is not known.")
    if not base.rows:
        return section("Nothing: it is read as it stands." if own else f"No changes from {whose}.")
    rows = [(path_label(row[0], document.tree), *row[1:]) for row in base.rows]
    shown = table(f"Changes from {name}", ("value of", name, "here"), rows, 3)
    fitted = sum(FITTED in document.sources.get(row[0], "") for row in base.rows)
    if fitted == len(rows):
        told = f"{_values(fitted)} {'was' if fitted == 1 else 'were'} fitted to the printed numbers."
    else:
        told = f"{_values(len(rows))} {'differs' if len(rows) == 1 else 'differ'} from {name}."
    return section(told, shown if len(rows) <= FEW else Fold("All of them", (shown,)))


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
        start = (setting_text(cell.settings, cell.scenario),) if several else ()
        some = after[np.isfinite(after)]
        large = f"{100 * np.mean(some > LARGE):.0f}" if len(some) else "-"
        share = 100 * kept / np.maximum(treated, 1)
        first = (_range(share, 1), _range(before, 3)) if sided else ()
        rows.append((*start, _range(kept, 0), *first, _range(after, 3), large))
    heads = ("setting",) if several else ()
    count = len(made[0][0])
    note = (
        f"Median (smallest to largest) of the first {count} simulated stud{'ies' if count > 1 else 'y'}, made again "
        f"and {done} by the plan; SMD: standardised difference of means, over all measured traits and their levels."
    )
    if len(cells) > len(shown):
        note += f" The first {len(shown)} of {len(cells)} settings."
    found = table(
        f"{done.capitalize()} patients and balance",
        (
            *heads,
            f"treated {done}",
            *(("% of the treated", "largest |SMD| before") if sided else ()),
            "largest |SMD| after" if sided else "largest |SMD|",
            f"studies above {LARGE:g}{' after' if sided else ''}, %",
        ),
        rows,
        len(heads) or 1,
        note,
    )
    heading = f"How alike are the arms after {plans[0].primary}?" if one and sided else "How alike are the arms?"
    return Section(heading, "", (found, _example(cells[0])), "alike", "How alike the arms are")


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
    caption = (
        "Each row is a trait: how far apart the means of the two arms are, in standard deviations, in the first "
        "simulated study. Dashed: 0.1, the usual mark."
    )
    words = side_words(plan, *sides_shown(plan))
    drawn = love_between(before, after, plan)
    return picture(
        drawn, caption, f"Standardised mean differences of one cohort {words}", title=f"One simulated study {words}"
    )


def _after(sample: Sample) -> AnalysisSet:
    made = sample.adjusted
    return AnalysisSet(made.present[0]) if made.weight is None else AnalysisSet(made.present[0], made.weight[0])


def failures_section(rows: Sequence[Mapping[Any, Any]], cells: Sequence[Cell] = ()) -> Section:
    """The simulated studies without an estimate, by status; ``cells`` say what is set where there are several."""
    heading, anchor, short = "Where was there no estimate?", "failures", "Failures"
    if not rows:
        return Section(heading, "Nowhere: every analysis gave an estimate in every simulated study.", (), anchor, short)
    named = {cell.number: setting_text(cell.settings, cell.scenario) for cell in cells}
    several = len(named) > 1
    keys = (*(("cell",) if several else ()), "endpoint", "estimator", "status", "count")
    made = [tuple(named[row[key]] if key == "cell" else str(row[key]) for key in keys) for row in rows]
    heads = (*(("setting",) if several else ()), "endpoint", "analysis", "status", "simulated studies")
    count = sum(int(row["count"]) for row in rows)
    told = f"In {count:,} analys{'is' if count == 1 else 'es'} of simulated studies; each is counted, none replaced."
    lost = lost_words(rows)
    shown = table("Without an estimate", heads, made, len(heads) - 1)
    return Section(heading, told, (*([f"{'; '.join(lost)}."] if lost else []), shown), anchor, short)


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
    control, treated = scenario.arms.words
    return (
        f"Simulated patients, {treated} (treated) against {control}. Their traits are "
        "drawn together (Gaussian copula); who is treated depends on them (logistic model); each patient has one "
        f"course under each treatment through the states {', '.join(scenario.outcomes.graph.states)}. They enter from "
        f"{scenario.entry.accrual.start} to {scenario.entry.accrual.end}, with {_cut_off(scenario)}. "
        f"{EFFECTS[scenario.outcomes.treatment_effect]}{also}"
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
