"""What a study found, in a few sentences: every estimator judged in the same patients, by the study's target."""

from math import isfinite, isnan

from benchmarks.asked.blocks import Cell
from benchmarks.performance import looks
from benchmarks.performance.measures import Measure
from benchmarks.study.ranking import MOST_GIVE, Ranking, rankings
from benchmarks.study.running import StudyResult
from benchmarks.truth.counted import Truth
from benchmarks.words.performance_tables import ALPHA, another_question, levels_of
from benchmarks.words.plain_text import (
    MEASURES,
    NOT_REACHED,
    label_of,
    measures,
    natural,
    number,
    percent,
    rejection,
    settings_text,
    signed,
    unit_of,
)
from simulator.cohort.estimand import Estimand

MOST_IN_VERDICT = 6


def verdict(result: StudyResult) -> str:
    """What came out for the first endpoint, with its error, and where a study that looks at its errors stopped."""
    until = result.cells[0].scenario.run.until
    stop = f" {looks.told(result.looks, until)}" if until is not None and result.looks else ""
    return (_sweep_verdict(result) if len(result.cells) > 1 else _cell_verdict(result)) + stop


def _cell_verdict(result: StudyResult) -> str:
    """How far each analysis is from the target's truth."""
    cell = result.cells[0]
    endpoint = cell.endpoints[0]
    names = [one.name for where, one in cell.scenario.judged() if where == endpoint]
    null = any(result.targets[0, endpoint, name].value == 0 for name in names)
    start = f"On {endpoint}, in {result.whom.phrase}" + (", with no true effect" if null else "")
    found = rankings(result, cell, endpoint)
    told = names
    if len(names) > MOST_IN_VERDICT:
        largest = max(found, key=lambda one: len(one.order), default=None)
        ranked = [one.estimator for one in largest.order] if largest is not None else []
        told = [*ranked[:3], *ranked[3:][-2:]] or names[:MOST_IN_VERDICT]
        start += f", of {len(names)} estimators {_chosen(largest)}"
    parts = [f"{name}: {_distance(result, endpoint, name)}" for name in told]
    first = next((one for one in found if one.order[0].estimator in told and len(one.order) > 1), None)
    return (
        f"{start}, mean over {result.rows.layout.replicates[0]:,} replicates: {'; '.join(parts)}."
        f"{_best(first) if first is not None else ''} Bias of a ratio is that of its logarithm, in brackets the Monte "
        f"Carlo SE; cover: {levels_of(result)} intervals that hold the truth; rejects: p < {ALPHA:g}."
    )


def _chosen(largest: Ranking | None) -> str:
    """Which estimators a verdict on many of them tells."""
    if largest is None:
        return f"the first {MOST_IN_VERDICT}"
    if len(largest.order) < 6:
        return f"those of {label_of(largest.estimand)} that can be ranked"
    count, measure = len(largest.order), label_of(largest.estimand)
    return f"the three of least and the two of most error among the {count} of {measure}"


def _best(ranking: Ranking) -> str:
    """Who has the least error, with those that cannot be told from it."""
    best = [one.estimator for one in ranking.order if not one.apart]
    who = best[0] if len(best) == 1 else f"{', '.join(best[:-1])} and {best[-1]} (not told apart)"
    return f" Least root mean squared error of {label_of(ranking.estimand)}: {who}."


def _quantity(asked: Estimand, value: float) -> str:
    """A value with its measure and unit: HR 0.36, RMST diff 2.51 months."""
    measure, unit = MEASURES[asked.measure], unit_of(asked)
    return f"{measure} {number(natural(asked, value), 2)}{unit and ' '}{unit}"


def _distance(result: StudyResult, endpoint: str, name: str) -> str:
    """What an estimator finds, beside the target's truth."""
    key = 0, endpoint, name
    found, truth = measures(result, *key), result.targets[key]
    asked = result.truths[key].estimand
    if asked.measure == "none":
        right = found.get("rejection_in_direction")
        side = f", on the side of the truth in {percent(right)} %" if right and isfinite(right.value) else ""
        return f"rejects in {percent(rejection(found)[1])} %{side}"
    if isnan(found["mean"].value):
        return "none, no replicate gave an estimate"
    what = _quantity(asked, found["mean"].value)
    if result.asks_another(*key):
        return f"{what} ({another_question(result, *key)}){_failing(found['convergence'])}"
    if not isfinite(truth.value):
        missing = f"a truth that is {NOT_REACHED}" if asked.measure == "median_difference" else "no truth"
        return f"{what} ({missing}){_failing(found['convergence'])}"
    bias, cover = found["bias"], found["coverage"]
    within = isfinite(bias.mcse) and abs(bias.value) < 2 * bias.mcse
    return (
        f"{what} ({_true(truth)}bias {signed(bias)}{', within Monte Carlo error' if within else ''}; "
        f"cover {number(100 * cover.value, 1)} %){_failing(found['convergence'])}"
    )


def _true(truth: Truth) -> str:
    return f"truth {number(natural(truth.estimand, truth.value), 2)}, " if truth.value != 0 else ""


def _failing(converged: Measure) -> str:
    """How many replicates gave an estimate, where it is not nearly all."""
    if converged.value >= MOST_GIVE:
        return ""
    share = 100 * converged.value
    return f", an estimate in {number(share, 1 if 0 < share < 10 else 0)} % of replicates"


def _sweep_verdict(result: StudyResult) -> str:
    """How the mean of each estimator moves from the first cell to the last, and where its bias is largest."""
    first, last = result.cells[0], result.cells[-1]
    endpoint = first.endpoints[0]
    ends = [(where, one.name) for where, one in last.scenario.judged()]
    names = [one.name for where, one in first.scenario.judged() if where == endpoint and (where, one.name) in ends]
    parts, others = [], dict[int, str]()
    for name in names[:MOST_IN_VERDICT]:
        asked, then = (result.truths[cell.number, endpoint, name].estimand for cell in (first, last))
        start, end = (measures(result, cell.number, endpoint, name) for cell in (first, last))
        if "none" in (asked.measure, then.measure):
            parts.append(f"{name} rejects in {percent(rejection(start)[1])} %, then {percent(rejection(end)[1])} %")
            continue
        lacking = [isnan(one["mean"].value) for one in (start, end)]
        if any(lacking):
            parts.append(f"{name} gives no estimate in {'either' if all(lacking) else 'one'} of them")
            continue
        parts.append(
            f"{name} finds {endpoint} {_quantity(asked, start['mean'].value)}, then "
            f"{_quantity(then, end['mean'].value)} ({_moved(start, end)})"
        )
        parts[-1] += _failing(min(start["convergence"], end["convergence"], key=lambda one: one.value))
        if asked.measure == then.measure and (most := _most_biased(result, endpoint, name)) is not None:
            bias = measures(result, most.number, endpoint, name)["bias"]
            parts[-1] += f", most biased in cell {most.number} ({signed(bias)})"
            others[most.number] = settings_text(most.settings)
    told = "".join(f" Cell {cell}: {text}." for cell, text in sorted(others.items()))
    return (
        f"From the first cell ({settings_text(first.settings)}) to the last ({settings_text(last.settings)}), in "
        f"{_people(result)}: {'; '.join(parts)}.{told} Bias of a ratio is that of its logarithm; in "
        "brackets: Monte Carlo SE."
    )


def _people(result: StudyResult) -> str:
    """In whom the cells judge; in the first and in the last where their targets differ."""
    if not result.has_targets:
        return result.whom.people_counted
    first, last = (result.whom_by_cell[result.cells[k].number] for k in (0, -1))
    return f"{first.phrase} and then in {last.phrase}"


def _moved(start: dict[str, Measure], end: dict[str, Measure]) -> str:
    """The bias in the first and the last cell; of who answers another question the distance of the truths."""
    if "bias" in start and "bias" in end:
        return f"bias {signed(start['bias'])}, then {signed(end['bias'])}"
    if "distance_of_truths" in start and "distance_of_truths" in end:
        gaps = (signed(one["distance_of_truths"]) for one in (start, end))
        return f"answers another question, its truth {', then '.join(gaps)} from the target's"
    return "not the same measure in both"


def _most_biased(result: StudyResult, endpoint: str, name: str) -> Cell | None:
    """The cell between the first and the last in which the bias is clearly larger than in both of them."""
    found = [(cell, measures(result, cell.number, endpoint, name).get("bias")) for cell in result.cells]
    known = [(cell, one) for cell, one in found if one is not None and isfinite(one.value) and isfinite(one.mcse)]
    if len(known) < 3:
        return None
    most, largest = max(known, key=lambda pair: abs(pair[1].value))
    ends = [one for cell, one in known if cell in (result.cells[0], result.cells[-1])]
    clear = all(abs(largest.value) - abs(one.value) > 2 * (largest.mcse**2 + one.mcse**2) ** 0.5 for one in ends)
    return most if clear and ends and all(largest is not one for one in ends) else None
