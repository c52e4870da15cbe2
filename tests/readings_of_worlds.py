"""The reading of a paper whose numbers a world holds as printed, as if its tables had been pasted."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from benchmarks.asked.load_study import load_study
from benchmarks.pasted.paper_file import PaperFile
from benchmarks.pasted.reading import Reading, ReadNumber, ReadVariable, Spot
from simulator.mechanisms.covariate_kinds import Numeric

TYPED = str(Path(__file__).parent / "transcription" / "hcc-lung-metastasis.yaml")
"""The first paper's world as it was typed by hand, with which what is derived is compared."""

FIRST = {
    "name": "first-paper",
    "source": "Chen S, et al. ImmunoTargets Ther 2025",
    "design": "matched",
    "arms": {"control": "LP", "treated": "HLP"},
    "endpoints": {"OS": "death", "PFS": "progression or death"},
    "accrual": "2019-01 to 2024-01",
    "cut_off": "2025-04-30",
    "eligibility": {
        "age": "18 to 75", "pd1_cycles": "at least 6", "lenvatinib_months": "at least 2",
        "haic_cycles": "HLP at least 2", "follow_up": "at least 12",
    },
    "exposure": {
        "pd1_cycles": "one in 3 weeks", "lenvatinib_months": "months",
        "haic_cycles": "one in 3 weeks; HLP only; at most 8",
    },
    "response": {"order": "PD SD PR CR", "ORR": "PR CR", "DCR": "SD PR CR"},
    "methods": {
        "propensity": "stepwise", "matching": "nearest 1:1", "caliper": "0.2", "caliper_scale": "not stated",
        "cox": "univariable p < 0.1",
    },
    "names": {"Hand-foot skin reaction": "hand_foot"},
}  # fmt: skip
"""What paper.yaml of the first paper says beside its tables."""

TRIAL = {
    "name": "trial",
    "source": "Finn RS, et al. N Engl J Med 2020",
    "design": "randomised",
    "arms": {"control": "Sorafenib", "treated": "AtezoBev"},
    "endpoints": {"OS": "death", "PFS": "progression or death"},
    "accrual": "2018-03-15 to 2019-01-30",
    "cut_off": "2019-08-29",
}


def read(
    paper: Mapping[str, Any],
    numbers: Mapping[str, str],
    variables: Mapping[str, ReadVariable],
    sizes: Mapping[tuple[str, str], int],
) -> Reading:
    """A reading of these numbers, each with the place 'Table 1'."""
    made = tuple(ReadNumber(key, printed, "Table 1", Spot("table1.tsv", 2)) for key, printed in numbers.items())
    empty: tuple[Any, ...] = ()
    file = PaperFile.model_validate(paper)
    return Reading("paper", file, empty, made, empty, variables, sizes, empty, empty, empty, empty)


def of_world(name: str, paper: Mapping[str, Any]) -> Reading:
    """The reading of what a world has as published."""
    scenario = load_study(name).scenario
    numbers = tuple(
        ReadNumber(key, printed, one.where, Spot("results.txt", 1), "", one.audit_only)
        for key, one in scenario.published.items()
        for printed in [one.printed]
    )
    variables = {}
    for key, spec in scenario.population.covariates.items():
        if isinstance(spec, Numeric):
            cuts = [text for cut in spec.cuts for text in (f"<={cut}", f">{cut}")]
            variables[key] = ReadVariable(key, spec.label, "continuous", spec.unit, (), tuple(cuts), "mean")
        else:
            printed = [level for level in spec.shares if any(f"[{key}={level}]" in one for one in scenario.published)]
            complete = len(printed) == len(spec.shares)
            variables[key] = ReadVariable(key, spec.label, spec.kind, "", tuple(printed), (), "", complete)
    value = {key: one.printed for key, one in scenario.published.items()}
    sizes = {("before", role): int(value[f"cohort.{role}"]) for role in ("control", "treated")}
    if "matching.n_pairs" in value:
        sizes |= {("after", role): int(value["matching.n_pairs"]) for role in ("control", "treated")}
    empty: tuple[Any, ...] = ()
    file = PaperFile.model_validate(paper)
    return Reading("paper", file, empty, numbers, empty, variables, sizes, empty, empty, empty, empty)


def example(folder: str) -> dict[str, Any]:
    """What a paper.yaml says, as text."""
    return dict(yaml.load(Path(folder, "paper.yaml").read_text("utf-8"), yaml.BaseLoader))
