"""`trialtwin new`: a what-if in the terms of a world, valid as it stands, each block ready to be uncommented."""

import json
import textwrap
from pathlib import Path

from benchmarks.asked.errors import RunError
from benchmarks.asked.scenario import Scenario
from simulator.documents.loading import load, parse, shipped


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


def scaffold(scenario: Scenario, base: str, name: str) -> str:
    """The scaffold's text, in the names of the world."""
    control, treated = scenario.arms.names()
    first = next(iter(scenario.population.covariates))
    levels = {key: one.variable(key).levels for key, one in scenario.population.covariates.items()}
    leveled = next((key for key, found in levels.items() if found), None)
    start, end = scenario.entry.accrual.start, scenario.entry.accrual.end
    constant = "{kind: exponential, rate: 0.02}"
    dropout = "" if scenario.followup.dropout else f"  dropout: {{{treated}: {constant}, {control}: {constant}}}\n"
    blocks = [
        ("treatment does nothing, on any transition or record", "outcomes: {treatment_effect: none}"),
        (
            "an unmeasured confounder, of the treated more often, that lengthens life",
            "population:\n"
            "  hidden: {fitness: {kind: binary, label: Unrecorded fitness, shares: {Low: 0.5, High: 0.5}}}\n"
            "treatment: {log_odds: {fitness: 1.0}}\n"
            "outcomes:\n"
            "  progression: {log_hr: {fitness: -0.5}}\n"
            "  death: {log_hr: {fitness: -1.0}}\n"
            "  death_after_progression: {log_hr: {fitness: -1.0}}",
        ),
        (
            "selection: who dies before so many months is left out; least months from entry to the cut-off",
            f"entry: {{guarantee_months: {{{treated}: 1.5, {control}: 0.0}}, potential_follow_up_months: 6.0}}",
        ),
        (
            "immortal time: treatment starts after a wait; whoever dies before counts as untreated",
            "treatment: {start: {wait: {kind: exponential, rate: 0.5}}}",
        ),
        (
            "a calendar trend, per year: more are treated, fewer die",
            "calendar: {per_year: {treatment: 0.3, death: -0.1, death_after_progression: -0.1}}",
        ),
        (
            "a waning effect: log hazard ratios until month 6, until month 12, and later",
            "outcomes: {death_after_progression: {treatment: {log_hr: [-0.8, -0.4, 0.0], cuts: [6, 12]}}}",
        ),
        (
            "a cured share, and therapy after progression",
            f"outcomes: {{cure: {{shares: {{{treated}: 0.05, {control}: 0.05}}}}, "
            f"subsequent: {{shares: {{{treated}: 0.1, {control}: 0.4}}, log_hr: -0.5}}}}",
        ),
        (
            "informative drop-out",
            f"followup:\n{dropout}  informative: {{log_hr: {{{first}: 0.5}}}}",
        ),
        (
            "progression is seen at visits only, so many months apart",
            f"followup: {{visit_months: {{{treated}: 1.5, {control}: 3.0}}}}",
        ),
        (
            "missing values, misread treatment and events; what the analyst does about it",
            f"imperfections:\n"
            f"  missing: {{{first}: {{share: 0.2, treated: 0.5}}}}\n"
            f"  treatment: {{{treated}: 0.02, {control}: 0.02}}\n"
            f"  endpoints: {{OS: {{missed: {{{treated}: 0.05}}}}}}\n"
            f"analysis: {{missing: {{method: complete}}}}        # or indicator, imputation",
        ),
        (
            "how the analyst matches",
            "analysis: {matching: {caliper: 0.2, scale: logit, order: largest, ratio: 1}}",
        ),
        ("which estimators are judged", "estimators: [crude, adjusted, matched, ipw]"),
        ("in whom they are judged side by side", "target: {population: all}"),
        ("several what-ifs at once", "sweep: {grid: {population.size: [200, 400, 800]}}"),
    ]
    if leveled is not None:
        one, two = levels[leveled][:2]
        blocks.insert(
            10,
            (
                "a misclassified covariate: probabilities of recording another level",
                f'imperfections: {{misclassified: {{{leveled}: {{"{one}": {{"{two}": 0.1}}}}}}}}',
            ),
        )
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
    for title, block in blocks:
        lines += ["", f"## {title}:", *(f"# {line}" for line in block.splitlines())]
    return "\n".join(lines) + "\n"
