"""Whether the choice of analysis matters, and which one should have been used.

Every usual analysis of the paper's kind of study is made of the same simulated studies of the twin and judged by one
target; the rule of `benchmarks.words.recommend` says which is best. What it would have given in the paper is the
published ratio moved by the mean distance of the two in the same studies, with the spread of that distance. The choices
that the paper leaves open are those of `benchmarks.questions.multiverse`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, isfinite, log
from pathlib import Path
from typing import Any

import numpy as np

from analysis.estimators import Adjusted, Crude, Estimator, Ipw, Matched
from analysis.kernels.status import Status
from benchmarks.asked.blocks import prepare
from benchmarks.asked.load_study import Asked
from benchmarks.asked.primary import WEIGHTED
from benchmarks.asked.scenario import Scenario
from benchmarks.questions import multiverse
from benchmarks.questions.ask import designed, one_estimator
from benchmarks.questions.multiverse import Multiverse, axes_of
from benchmarks.runs.manifest import manifest, open_folder
from benchmarks.study.running import StudyResult, Work, run_study
from benchmarks.words.analysis_names import analysis_label
from benchmarks.words.recommend import Recommendation, recommended
from benchmarks.workers.progress import Progress
from benchmarks.workers.warm_up import STUDY, ready_kernels

ALPHA = 0.05
MULTIVERSE_REPLICATES = 40


@dataclass(frozen=True)
class AnalysisFound:
    """One analysis of the simulated studies: mean log HR, how far off the target's truth, its SE and coverage.

    ``another`` says that it answers another question (a ratio for patients alike in all covariates); then ``bias`` and
    ``coverage`` are NaN. ``kept`` is the mean number of patients that it uses.
    """

    name: str
    label: str
    mean: float
    mcse: float
    bias: float
    se: float
    coverage: float
    kept: float
    another: bool


@dataclass(frozen=True)
class Analyses:
    """All analyses of the twin's studies, the recommended one, what it would have given, and the open choices.

    ``primary`` is the paper's own. ``best`` is None where simulation tells none apart or none is near. ``would`` is the
    ratio that the best would have given in the paper, with its central 95 %; NaN without a best. ``choices`` is None
    where the paper leaves no choice open that can be varied.
    """

    primary: str
    target: str
    true: float
    replicates: int
    found: tuple[AnalysisFound, ...]
    recommendation: Recommendation | None
    best: str | None
    would: tuple[float, float, float]
    choices: Multiverse | None


def find(
    asked: Asked, endpoint: str, analysis: str | None, published: float, jobs: int, out: Path
) -> Analyses:  # fmt: skip
    """The analyses compared and the choices opened; ``published`` is the ratio by the ``analysis``, NaN for none."""
    entry, primary = one_estimator(asked, endpoint, analysis)
    entries = usual_analyses(asked.scenario, endpoint, entry)
    study = designed(asked, [{}], {"estimators": entries})
    folder = open_folder(out / "analyses", study.document, manifest(study.document, study.scenario.run.seed))
    ready_kernels(STUDY)
    result = run_study(prepare(study.cells), folder, Work(jobs), Progress())
    cell = result.cells[0]
    made = recommended(result, cell, endpoint, result.targets[0, endpoint, primary].estimand)
    best = made.best.name if made is not None and made.near and primary not in made.names else None
    rows = tuple(_found(result, endpoint, str(one["name"])) for one in entries)
    would = _would(result, endpoint, primary, best, published) if best else (float("nan"),) * 3
    target = result.targets[0, endpoint, primary]
    return Analyses(
        primary, result.whom.phrase, exp(target.value), asked.scenario.run.replicates, rows, made, best, would,
        _choices(asked, endpoint, published, jobs, out),
    )  # fmt: skip


def usual_analyses(scenario: Scenario, endpoint: str, primary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The paper's own analysis, then the study's other ones of a hazard ratio, then the usual ones that are missing."""
    made = [entry_of(one) for one in scenario.estimators if endpoint in scenario.applied(one)]
    weights = next((kind for kind, who in WEIGHTED.items() if who == scenario.target.population), "att")
    if not scenario.by_lot:
        usual = (Matched(), Ipw.model_validate({"target": weights}), Ipw.model_validate({"target": "overlap"}))
        made += [entry_of(one) for one in usual]
    made += [entry_of(one) for one in (Adjusted(), Crude())]
    found: dict[str, dict[str, Any]] = {str(primary["name"]): dict(primary)}
    for one in made:
        if one["kind"] in KINDS and one.get("measure", "hr") in ("hr", "log_hr") and one.get("se") != "naive":
            found.setdefault(one["name"], {**one, "endpoints": [endpoint]})
    return list(found.values())


def entry_of(one: Estimator) -> dict[str, Any]:
    """An analysis as a study says it."""
    return {**one.model_dump(mode="json", exclude_unset=True), "kind": one.kind, "name": one.name}


KINDS = ("crude", "adjusted", "matched", "ipw", "ps-strata", "stratified", "entropy-balance")
"""Kinds of analyses of a hazard ratio that are compared."""


def _found(result: StudyResult, endpoint: str, name: str) -> AnalysisFound:
    key = 0, endpoint, name
    measured = result.measured[*key, "target"]
    spec = next(one for where, one in result.cells[0].scenario.judged() if where == endpoint and one.name == name)
    numbers, status = result.rows.of(*key)
    kept = numbers["n"][status == Status.OK] if "n" in numbers else np.array([np.nan])
    another, nan = result.asks_another(*key), float("nan")
    bias, coverage = (measured[one].value if one in measured else nan for one in ("bias", "coverage"))
    return AnalysisFound(
        name, analysis_label(spec), measured["mean"].value, measured["mean"].mcse, nan if another else bias,
        measured["empirical_se"].value, nan if another else coverage,
        float(np.mean(kept)) if len(kept) else nan, another,
    )  # fmt: skip


def _would(result: StudyResult, endpoint: str, primary: str, best: str, published: float) -> tuple[float, float, float]:
    """The ratio that the best analysis would have given where the paper's gave the published one: middle, 95 %."""
    values = []
    for name in (primary, best):
        numbers, status = result.rows.of(0, endpoint, name)
        values.append(np.where(status == Status.OK, numbers["value"], np.nan))
    apart = values[1] - values[0]
    apart = apart[np.isfinite(apart)]
    low, high = np.quantile(apart, [0.025, 0.975]) if len(apart) > 1 else (np.nan, np.nan)
    middle = float(apart.mean()) if len(apart) else float("nan")
    return exp(log(published) + middle), exp(log(published) + low), exp(log(published) + high)


def _choices(asked: Asked, endpoint: str, published: float, jobs: int, out: Path) -> Multiverse | None:
    """The multiverse of what the paper does not state; None of a trial, or where nobody is matched or weighted."""
    plan = asked.scenario.analysis
    if asked.scenario.by_lot or plan.primary not in ("matching", "weighting"):
        return None
    few = designed(asked, [{}], {"run.replicates": min(MULTIVERSE_REPLICATES, asked.scenario.run.replicates)})
    axes = axes_of((), plan, tuple(asked.scenario.population.covariates))
    return multiverse.find(few, endpoint, axes, True, ALPHA, 0, None, jobs, out / "multiverse", published)


def span_of(choices: Multiverse) -> float:
    """By what factor the largest ratio of a study exceeds the smallest, over all choices: the geometric mean."""
    return exp(choices.spread[0].value)


def agreeing(choices: Multiverse) -> float:
    """The share of analyses of the shown study that find the published direction."""
    curve = choices.curve[np.isfinite(choices.curve[:, 0]), 0]
    return float((np.sign(curve) == choices.direction).mean()) if len(curve) else float("nan")


def farthest_choices(choices: Multiverse) -> Sequence[tuple[str, str, str, float]]:
    """What moves the ratio: choice, from, to, and the change of the log HR, the largest first."""
    first: dict[str, str] = {}
    moved = []
    for level in choices.levels:
        start = first.setdefault(level.axis, level.value)
        if level.value != start and isfinite(level.shift.value):
            moved.append((level.axis, start, level.value, level.shift.value))
    return sorted(moved, key=lambda one: -abs(one[3]))
