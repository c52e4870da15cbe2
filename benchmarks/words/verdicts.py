"""What a study found, in a few sentences: the answer for the paper's own analysis, then which analysis to use."""

from collections.abc import Mapping
from math import isfinite, isnan

from benchmarks.asked.blocks import Cell
from benchmarks.asked.primary import primary_estimator
from benchmarks.performance import looks
from benchmarks.performance.measures import Measure
from benchmarks.study.ranking import MOST_GIVE
from benchmarks.study.running import StudyResult
from benchmarks.words.analysis_names import labels_of
from benchmarks.words.key_words import words_of_paper
from benchmarks.words.performance_tables import ALPHA, another_question, levels_of
from benchmarks.words.plain_text import measures, rejection
from benchmarks.words.recommend import advice, recommended
from benchmarks.words.settings_named import setting_text
from benchmarks.words.sizes import WITHIN, error_text, first_up, off_by, percent_text, share_text, value_of
from simulator.cohort.estimand import Estimand

QUANTITIES = {
    "marginal_log_hr": "a hazard ratio of {value}",
    "conditional_log_hr": "an adjusted hazard ratio of {value}",
    "exposure_log_hr": "a hazard ratio of {value}",
    "marginal_subdistribution_log_hr": "a subdistribution hazard ratio of {value}",
    "conditional_subdistribution_log_hr": "an adjusted subdistribution hazard ratio of {value}",
    "rmst_difference": "a difference in mean survival of {value}",
    "survival_difference": "a difference in survival of {value}",
    "median_difference": "a difference of the medians of {value}",
    "incidence_difference": "a difference in incidence of {value}",
    "log_incidence_ratio": "a ratio of incidences of {value}",
    "rmtl_difference": "a difference in mean time lost of {value}",
    "risk_difference": "a difference in risk of {value}",
    "log_risk_ratio": "a risk ratio of {value}",
    "log_odds_ratio": "an odds ratio of {value}",
}


def verdict(result: StudyResult) -> str:
    """What came out for the first endpoint, how sure that is, and where a study that looks at its errors stopped."""
    until = result.cells[0].scenario.run.until
    stop = f" {looks.told(result.looks, until)}" if until is not None and result.looks else ""
    return (_sweep_verdict(result) if len(result.cells) > 1 else _cell_verdict(result)) + stop


def _cell_verdict(result: StudyResult) -> str:
    """What the paper's analysis finds where something else is true, how sure, and which analysis to use."""
    cell = result.cells[0]
    endpoint = cell.endpoints[0]
    name = main_analysis(cell, endpoint)
    finds = found_where_true(result, cell, endpoint, name)
    said = [f"{first_up(_people(result, cell))}, {_who(cell, endpoint, name)} {finds}."]
    said += _how_often(result, cell, endpoint, name)
    made = recommended(result, cell, endpoint)
    if made is not None:
        asked = result.targets[cell.number, endpoint, made.best.name].estimand
        said.append(advice(made, asked, labels_of(cell)))
    return " ".join(said)


def main_analysis(cell: Cell, endpoint: str) -> str:
    """The name of the analysis of which a verdict tells: that of the paper, or the study's first of the endpoint."""
    names = [one.name for where, one in cell.scenario.judged() if where == endpoint]
    own = primary_estimator(cell.scenario, endpoint) if endpoint in cell.scenario.endpoints else None
    return own.name if own is not None and own.name in names else names[0]


def _who(cell: Cell, endpoint: str, name: str) -> str:
    """The analysis as the subject of a sentence: "the paper's analysis (matching)" where it is that."""
    label = labels_of(cell)[name]
    own = primary_estimator(cell.scenario, endpoint) if endpoint in cell.scenario.endpoints else None
    if own is None or own.name != name:
        return label
    return f"the {'paper' if cell.scenario.published else 'study'}'s analysis ({label})"


def _people(result: StudyResult, cell: Cell) -> str:
    """In whom, with their number."""
    whom = result.whom_by_cell.get(cell.number, result.whom)
    return f"in {whom.phrase}"


def found_where_true(result: StudyResult, cell: Cell, endpoint: str, name: str) -> str:
    """What an analysis finds on average where something else is true: 'finds ... where 0.37 is true: 4 % too low'."""
    key = cell.number, endpoint, name
    found, truth = measures(result, *key), result.targets[key]
    asked, outcome = result.truths[key].estimand, words_of_paper(cell.scenario).endpoint(endpoint)
    if asked.measure == "none":
        return f"{_rejects(found)} in {outcome}"
    mean = found["mean"]
    if isnan(mean.value):
        return f"gives no estimate of {outcome} in any simulated study"
    what = f"finds {QUANTITIES[asked.measure].format(value=value_of(asked, mean.value))}{_until(asked)} for {outcome}"
    if result.asks_another(*key):
        return f"{what} on average and {another_question(result, *key)}"
    if not isfinite(truth.value):
        return f"{what} on average, and no true value is known to compare it with"
    true = "there is no effect" if truth.value == 0 else f"{value_of(asked, truth.value)} is true"
    bias = found["bias"]
    return f"{what} on average where {true}. That is {off_by(asked, bias)}{error_text(asked, bias)}"


def _until(asked: Estimand) -> str:
    if asked.horizon is None:
        return ""
    return f" {'to' if 'rm' in asked.measure[:2] else 'at'} {asked.horizon:g} {asked.time_unit}"


def _how_often(result: StudyResult, cell: Cell, endpoint: str, name: str) -> list[str]:
    """How often its intervals hold the truth, what it finds where there is nothing, and how often it gives nothing."""
    key = cell.number, endpoint, name
    found, truth = measures(result, *key), result.targets[key]
    said = []
    judged = not result.asks_another(*key) and isfinite(truth.value) and result.truths[key].estimand.measure != "none"
    if judged and isfinite(found["mean"].value):
        cover, (kind, rejected) = found["coverage"], rejection(found)
        if isfinite(cover.value):
            held = share_text(cover.value, cover.mcse)
            said.append(
                f"Its {levels_of(result)} interval holds the truth in {held} of simulated studies{_plus(cover)}."
            )
        if kind == "type_1_error" and isfinite(rejected.value):
            often = share_text(rejected.value, rejected.mcse)
            said.append(
                f"It finds a difference (p < {ALPHA:g}) that is not there in {often} of them, where 5 % should."
            )
    gave = found["convergence"].value
    if gave < MOST_GIVE:
        said.append(f"It gives an estimate in only {share_text(gave)} of simulated studies.")
    return said


def _plus(share: Measure) -> str:
    if not isfinite(share.mcse):
        return ""
    return f" (simulation error {percent_text(100 * share.mcse)})"


def _rejects(found: Mapping[str, Measure]) -> str:
    kind, share = rejection(dict(found))
    often = share_text(share.value, share.mcse)
    if kind == "type_1_error":
        return f"finds a difference that is not there in {often} of simulated studies"
    right = found.get("rejection_in_direction")
    side = f", on the true side in {share_text(right.value)}" if right is not None and isfinite(right.value) else ""
    return f"finds a difference in {often} of simulated studies{side}"


def _sweep_verdict(result: StudyResult) -> str:
    """What the paper's analysis finds with the first and the last setting, where it is worst, and which is best."""
    first, last = result.cells[0], result.cells[-1]
    endpoint = first.endpoints[0]
    names = [one.name for where, one in last.scenario.judged() if where == endpoint]
    name = main_analysis(first, endpoint)
    name = name if name in names else next(iter(names), name)
    said = []
    for cell in (first, last):
        there = [one.name for where, one in cell.scenario.judged() if where == endpoint]
        own = name if name in there else there[0]
        who, finds = _who(cell, endpoint, own), found_where_true(result, cell, endpoint, own)
        people, settings = _people(result, cell), setting_text(cell.settings, cell.scenario)
        if result.has_targets:
            said.append(f"With {settings} and {people}, {who} {finds}.")
        else:
            place = f"with {settings}" if said else f"{people}, with {settings}"
            said.append(f"{first_up(place)}, {who} {finds}.")
    most = _most_biased(result, endpoint, name)
    if most is not None:
        key = most.number, endpoint, name
        told = off_by(result.truths[key].estimand, measures(result, *key)["bias"])
        said.insert(1, f"It is furthest off with {setting_text(most.settings, most.scenario)}: {told}.")
    return " ".join(said) + _best_of_sweep(result, endpoint)


def _best_of_sweep(result: StudyResult, endpoint: str) -> str:
    """Which analysis is best in every setting, or in the first and in the last; none where none can be compared."""
    made = [(cell, recommended(result, cell, endpoint)) for cell in result.cells if endpoint in cell.endpoints]
    found = [(cell, one) for cell, one in made if one is not None]
    if len(found) < len(made) or not found:
        return ""
    shared = [name for name in found[0][1].names if all(name in one.names for _, one in found)]
    labels = labels_of(found[0][0])
    near = all(one.near for _, one in found)
    beware = "" if near else " Beware: with some settings even the best is far off."
    if shared:
        return (
            f" In every setting the rule recommends {labels.get(shared[0], shared[0])}, or tells none from it.{beware}"
        )
    ends = [
        f"{labels_of(cell)[one.best.name]} with {setting_text(cell.settings, cell.scenario)}"
        for cell, one in (found[0], found[-1])
    ]
    return f" No analysis is best throughout: {ends[0]}, {ends[1]}.{beware}"


def _most_biased(result: StudyResult, endpoint: str, name: str) -> Cell | None:
    """The cell between the first and the last in which the bias is clearly larger than in both of them."""
    found = [(cell, measures(result, cell.number, endpoint, name).get("bias")) for cell in result.cells]
    known = [(cell, one) for cell, one in found if one is not None and isfinite(one.value) and isfinite(one.mcse)]
    if len(known) < 3:
        return None
    most, largest = max(known, key=lambda pair: abs(pair[1].value))
    ends = [one for cell, one in known if cell in (result.cells[0], result.cells[-1])]
    clear = all(abs(largest.value) - abs(one.value) > WITHIN * (largest.mcse**2 + one.mcse**2) ** 0.5 for one in ends)
    return most if clear and ends and all(largest is not one for one in ends) else None
