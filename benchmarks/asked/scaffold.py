"""`trialtwin new`: a what-if in the terms of a world, valid as it stands, each block ready to be uncommented."""

import json
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from string import Template

from benchmarks.asked.errors import RunError
from benchmarks.asked.scenario import Scenario
from simulator.documents.loading import load, parse, shipped
from simulator.mechanisms.contract import kinds_of


def new(base: str, path: Path) -> str:
    """Write the scaffold and say what to do next; RunError where there is a file already, or no such folder."""
    document = load(base, spec=Scenario)
    scenario = parse(document, Scenario)
    if path.suffix not in (".yaml", ".yml"):
        raise RunError(f"{path}: end the name in .yaml")
    name = "".join(letter if letter.isalnum() else "-" for letter in path.stem).strip("-")
    if not name or not name[0].isascii() or not name[0].isalpha():
        name = f"study-{name}".rstrip("-")
    where = base if base in shipped() else json.dumps(str(Path(base).resolve()))
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(scaffold(scenario, where, name))
    except FileExistsError:
        raise RunError(f"{path}: is there already; choose another name") from None
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({error.strerror})") from None
    return f"wrote {path}; uncomment what you doubt, then: trialtwin check {path} && trialtwin run {path} --reps 200"


WORLD = (
    ("treatment does nothing, on any transition or record", "outcomes: {treatment_effect: none}"),
    (
        "an unmeasured confounder, of the treated more often, that puts every event off",
        "population:\n"
        "  hidden: {fitness: {kind: binary, label: Unrecorded fitness, shares: {Low: 0.5, High: 0.5}}}\n"
        "treatment: {log_odds: {fitness: 1.0}}\n"
        "outcomes:\n"
        "$later",
    ),
    (
        "a waning effect: log hazard ratios until month 6, until month 12, and later",
        "outcomes:\n$waning",
    ),
)
COMPARES = {
    "matching": (
        ("how the analyst matches", "analysis: {matching: {caliper: 0.2, scale: logit, order: largest, ratio: 1}}"),
        ("which estimators are judged", "estimators: [crude, adjusted, matched, ipw]"),
    ),
    "weighting": (
        ("how the analyst weights", "analysis: {weighting: {target: ate, stabilised: true}}"),
        ("which estimators are judged", "estimators: [crude, adjusted, ipw]"),
    ),
    "stratification": (
        ("into how many strata the analyst divides", "analysis: {stratification: {strata: 10}}"),
        ("which estimators are judged", "estimators: [crude, adjusted, ps-strata]"),
    ),
}
"""How the arms are compared, by the primary analysis."""
MODELS = (("which estimators are judged", "estimators: [crude, adjusted]"),)
ANALYSIS = (
    ("in whom they are judged side by side", "target: {population: all}"),
    ("several what-ifs at once", "sweep: {grid: {population.size: [200, 400, 800]}}"),
)


def scaffold(scenario: Scenario, base: str, name: str) -> str:
    """The scaffold's text, in the names of the world."""
    start, end = scenario.entry.accrual.start, scenario.entry.accrual.end
    control, treated = scenario.arms.names()
    lines = [
        f"## A what-if on {scenario.name}: {textwrap.shorten(scenario.source, 90, placeholder=' ...')}",
        f"## Arms {treated} (treated) and {control}; {scenario.population.size} patients, accrued {start} to {end}.",
        "## Covariates: " + ", ".join(scenario.population.covariates) + ".",
        "## Everything not written here is as in the base. `trialtwin show` lists what is assumed.",
        f"name: {name}",
        "question: What would the published analysis find if ...?",
        f"extends: {base}",
        "run: {replicates: 1000, seed: 1}",
        "",
        "## Take the '# ' away from what you doubt. A section may stand once only: put what belongs to it together.",
    ]
    words = _words(scenario)
    doubts = [doubt for kind in dict.fromkeys(kinds_of(type(scenario))) for doubt in kind.doubts.items()]
    for title, block in (*WORLD, *doubts, *COMPARES.get(scenario.analysis.primary, MODELS), *ANALYSIS):
        template = Template(block)
        if words.keys() >= {*Template(title).get_identifiers(), *template.get_identifiers()}:
            lines += [
                "",
                f"## {Template(title).substitute(words)}:",
                *(f"# {line}" for line in template.substitute(words).splitlines()),
            ]
    return "\n".join(lines) + "\n"


def _hazards(places: Mapping[str, str], transitions: Iterable[str], what: str) -> str:
    """Lines below ``outcomes`` that say the same of some transitions."""
    alone = [f"  {name}: {what}" for name in transitions if places[name] == name]
    among = [f"    {name}: {what}" for name in transitions if places[name] != name]
    return "\n".join([*alone, *(["  transitions:"] if among else []), *among])


def _words(scenario: Scenario) -> dict[str, str]:
    """What stands for the names in a mechanism's doubts; nothing for what the world has not."""
    control, treated = scenario.arms.names()
    constant = "{kind: exponential, rate: 0.02}"
    dropout = "" if scenario.followup.dropout else f"  dropout: {{{treated}: {constant}, {control}: {constant}}}\n"
    first, *_ = covariates = scenario.population.covariates
    places = scenario.outcomes.places
    last = list(places)[-1:]
    words = {
        "treated": treated, "control": control, "dropout": dropout, "first": first, "transition": last[0],
        "endpoint": next(iter(scenario.endpoints)),
        "later": _hazards(places, places, "{log_hr: {fitness: -1.0}}"),
        "waning": _hazards(places, last, "{treatment: {log_hr: [-0.8, -0.4, 0.0], cuts: [6, 12]}}"),
    }  # fmt: skip
    if scenario.outcomes.graph.passed:
        words["passed"] = scenario.outcomes.graph.passed[0]
    for key, one in covariates.items():
        levels = one.variable(key).levels
        if levels:
            return {**words, "levelled": key, "one": levels[0], "two": levels[1]}
    return words
