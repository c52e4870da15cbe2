"""Multiverse: the published comparison under every combination of the analyst's choices, on the same cohorts.

Each specification is an estimator of its own. The cohorts are drawn twice with the same luck: as the world says, and
with treatment taken out of everything. The claim is reached where p < alpha and the estimate lies on the side of the
published one; a failed fit reaches nothing. All errors are Monte Carlo standard errors over replicates.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import product
from math import isfinite, log, nan
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from analysis.estimators import Ipw, Matched
from analysis.kernels.status import Status
from analysis.plan.analysis_plan import Plan
from analysis.plan.matching_plan import Tool
from benchmarks.asked.errors import RunError
from benchmarks.asked.load_study import Asked
from benchmarks.asked.primary import primary_estimator
from benchmarks.asked.published_keys import ratio_values
from benchmarks.asked.scenario import Scenario
from benchmarks.performance.measures import Measure
from benchmarks.questions.ask import designed, one_estimator, rows_only
from benchmarks.questions.open_choices import AXES, open_axes, usual_axes
from benchmarks.runs.rows import Rows
from benchmarks.words.choice_words import DEFAULT_OF
from simulator.cohort.estimand import SUBDISTRIBUTION
from simulator.documents.loading import DocumentError
from simulator.documents.merging import plain
from simulator.documents.yaml12 import read
from simulator.numerics.arrays import Floats

MOST = 2000
EFFECT = "outcomes.treatment_effect"
WORLDS = ("as stated", "no effect")


@dataclass(frozen=True)
class Specification:
    """One way to analyse the cohort: its name, and what it chose on each axis, empty for a whole other method."""

    name: str
    choices: Mapping[str, str]


@dataclass(frozen=True)
class Level:
    """One value on an axis: how the mean estimate moves from the axis's first, and the claims under no effect."""

    axis: str
    value: str
    shift: Measure
    claims: Measure


@dataclass(frozen=True)
class Multiverse:
    """What was found. In both worlds: ``mean_share`` of specifications that reach the claim, ``any_share`` of
    replicates in which one at least does, ``stated_share`` of those in which the study's own does, ``failed`` the mean
    share of specifications without an estimate, ``spread`` the largest less the smallest log HR of a replicate.
    ``curve (S, 4)`` is one cohort's estimate, low, high, p, its intervals of ``interval_level``.
    """

    endpoint: str
    direction: float
    alpha: float
    replicates: int
    replicate: int
    specifications: tuple[Specification, ...]
    claims: tuple[tuple[Measure, ...], ...]
    mean_share: tuple[Measure, ...]
    any_share: tuple[Measure, ...]
    stated_share: tuple[Measure, ...]
    failed: tuple[Measure, ...]
    spread: tuple[Measure, ...]
    levels: tuple[Level, ...]
    curve: Floats
    interval_level: float
    published: float | None
    folder: str


def axes_of(
    texts: Sequence[str], plan: Plan | None = None, covariates: Sequence[str] = ()
) -> dict[str, tuple[Any, ...]]:
    """The axes written as PATH=[value, ...]; RunError where one is not.

    Where none is written they are the choices that the plan says are not stated, or else the usual ones.
    """
    found: dict[str, tuple[Any, ...]] = {}
    for text in texts:
        path, sign, listed = text.partition("=")
        try:
            values = plain(read(listed.encode("utf-8", "surrogatepass"), f"--axis {path}")) if sign else None
        except DocumentError:
            values = None
        if not isinstance(values, tuple) or len(values) < 2:
            raise RunError(
                f"--axis {text}: write a choice and its values, as {next(iter(AXES))}=[0.1, 0.2] or "
                "weighting.target=[ate, att]"
            )
        if path in found:
            raise RunError(f"--axis {path}: given twice")
        found[path] = values
    return found or (open_axes(plan, covariates) if plan else {}) or usual_axes(plan)


def kind_of(axes: Mapping[str, Any], plan: Plan) -> str:
    """Which estimator makes the choices: that by weighting or by matching, as the axes name one, else as the plan."""
    sections = {path.split(".")[0] for path in axes}
    weighted = "weighting" in sections or (plan.primary == "weighting" and "matching" not in sections)
    return "ipw" if weighted else "matched"


def shown(value: Any) -> str:
    """A value as a reader sees it: the parts of a mapping without their names."""
    if isinstance(value, Mapping):
        return " ".join(shown(part) for part in value.values())
    if isinstance(value, list | tuple):
        return ", ".join(map(shown, value))
    return "none" if value is None else str(value)


def specifications(
    axes: Mapping[str, tuple[Any, ...]],
    endpoint: str,
    plan: Plan,
    own: Sequence[Mapping[str, Any]] = (),
    presets: bool = False,
) -> tuple[list[dict[str, Any]], tuple[Specification, ...]]:
    """The estimators of every combination, of the tools' defaults where asked, and the study's own; and what they are.

    What no axis says is as in the plan. RunError where they are too many.
    """
    kind = kind_of(axes, plan)
    sections = ("weighting" if kind == "ipw" else "matching", "propensity")
    stated = {name: getattr(plan, name).model_dump(mode="json", exclude_defaults=True) for name in sections}
    count = int(np.prod([len(values) for values in axes.values()]))
    if count > MOST:
        raise RunError(f"{count:,} combinations are more than the {MOST:,} allowed")
    entries: list[dict[str, Any]] = []
    made: list[Specification] = []
    for number, values in enumerate(product(*axes.values())):
        entry: dict[str, Any] = {
            "kind": kind,
            "name": f"s{number:04d}",
            "endpoints": [endpoint],
            **deepcopy(stated),
        }
        for path, value in zip(axes, values, strict=True):
            *above, last = path.split(".")
            here = entry
            for step in above:
                here = here.setdefault(step, {})
            here[last] = {**here.get(last, {}), **value} if isinstance(value, Mapping) else value
        entry |= entry.pop("weighting", {}) if kind == "ipw" else {}
        entries.append(entry)
        made.append(Specification(entry["name"], {path: shown(v) for path, v in zip(axes, values, strict=True)}))
    for tool in get_args(Tool) if presets and kind == "matched" else ():
        name = f"{DEFAULT_OF}{tool}"
        entries.append({"kind": "matched", "name": name, "endpoints": [endpoint], "matching": {"preset": tool}})
        made.append(Specification(name, {}))
    entries += [dict(entry) for entry in own]
    made += [Specification(entry["name"], {}) for entry in own]
    return entries, tuple(made)


def own_estimators(scenario: Scenario, endpoint: str) -> list[dict[str, Any]]:
    """The study's own estimators of the logarithm of a hazard ratio, of the cause where states compete."""
    found = []
    variables = {name: spec.variable(name) for name, spec in scenario.population.covariates.items()}
    for one in scenario.estimators:
        if endpoint not in scenario.applied(one):
            continue
        measure = one.estimand(endpoint, scenario.analysis, variables).measure
        if measure.endswith("log_hr") and measure not in SUBDISTRIBUTION:
            written = one.model_dump(mode="json", exclude_unset=True)
            found.append({**written, "kind": one.kind, "name": one.name, "endpoints": [endpoint]})
    return found


def share(reached: NDArray[np.floating[Any]] | NDArray[np.bool_]) -> Measure:
    """The mean over replicates ``(R,)`` with its Monte Carlo SE; replicates without a value are left out."""
    had = np.asarray(reached, np.float64)
    had = had[np.isfinite(had)]
    if len(had) < 2:
        return Measure(float(had.mean()) if len(had) else float("nan"), float("nan"))
    return Measure(float(had.mean()), float(had.std(ddof=1) / np.sqrt(len(had))))


def level_effects(
    axes: Mapping[str, tuple[Any, ...]], made: Sequence[Specification], values: Floats, reached: NDArray[np.bool_]
) -> tuple[Level, ...]:
    """For each value of each axis, averages over all else: ``values (S, R)`` against the axis's first, and ``reached``.

    A pair of specifications counts in a replicate where both have an estimate.
    """
    found = []
    for axis, listed in axes.items():
        groups = {}
        for value in listed:
            groups[shown(value)] = [s for s, one in enumerate(made) if one.choices.get(axis) == shown(value)]
        first = next(iter(groups.values()))
        for value, own in groups.items():
            gap = values[own] - values[first]
            count = np.isfinite(gap).sum(axis=0)
            with np.errstate(invalid="ignore"):
                mean = np.where(count > 0, np.nansum(gap, axis=0) / np.maximum(count, 1), np.nan)
            found.append(Level(axis, value, share(mean), share(reached[own].mean(axis=0))))
    return tuple(found)


def of_rows(rows: Rows, cell: int, endpoint: str, made: Sequence[Specification]) -> dict[str, Floats]:
    """Estimates, limits and p ``(S, R)`` of every specification, NaN where a fit failed."""
    parts: dict[str, list[Floats]] = {name: [] for name in ("value", "low", "high", "p")}
    for one in made:
        numbers, status = rows.of(cell, endpoint, one.name)
        for name, column in parts.items():
            column.append(np.where(status == Status.OK, numbers[name], np.nan))
    return {name: np.stack(column) for name, column in parts.items()}


def find(
    asked: Asked, endpoint: str, axes: Mapping[str, tuple[Any, ...]], presets: bool, alpha: float, replicate: int,
    estimator: str | None, jobs: int, out: Path | None, claimed: float = nan,
) -> Multiverse:  # fmt: skip
    """The multiverse of a study; RunError where an axis does not fit its estimator.

    ``claimed`` is the ratio whose direction counts where the primary analysis prints none.
    """
    if replicate >= asked.scenario.run.replicates:
        raise RunError(f"--replicate {replicate}: there are {asked.scenario.run.replicates}, counted from 0")
    own = own_estimators(asked.scenario, endpoint)
    entries, made = specifications(axes, endpoint, asked.scenario.analysis, own, presets)
    for entry in entries[: len(made) - len(own)]:
        _check(entry)
    names = [one.name for one in made]
    primary = primary_estimator(asked.scenario, endpoint)
    if estimator is None and primary is not None and primary.name not in names:
        entries.append(one_estimator(asked, endpoint, None)[0])
        made = (*made, Specification(primary.name, {}))
        names.append(primary.name)
    stated = estimator or (names[0] if primary is None else primary.name)
    if stated not in names:
        raise RunError(f"{asked.scenario.name}: no estimator '{stated}' for {endpoint}; there are: {', '.join(names)}")
    study = designed(asked, [{EFFECT: "as_stated"}, {EFFECT: "none"}], {"estimators": entries})
    rows, folder = rows_only(study, "multiverse", jobs, out)
    both = [of_rows(rows, cell, endpoint, made) for cell in (0, 1)]
    printed = ratio_values(asked.scenario, endpoint)["hr"]
    published = printed if printed > 0 else None
    asserted = published or claimed
    direction = float(np.sign(log(asserted))) if isfinite(asserted) and asserted != 1 else -1.0
    reached = [(one["p"] < alpha) & (np.sign(one["value"]) == direction) for one in both]
    place = names.index(stated)
    numbers = both[0]
    return Multiverse(
        endpoint, direction, alpha, study.scenario.run.replicates, replicate, made,
        tuple(tuple(share(row) for row in one) for one in reached),
        tuple(share(one.mean(axis=0)) for one in reached),
        tuple(share(one.any(axis=0)) for one in reached),
        tuple(share(one[place]) for one in reached),
        tuple(share(np.isnan(one["value"]).mean(axis=0)) for one in both),
        tuple(share(_range(one["value"])) for one in both),
        level_effects(axes, made, numbers["value"], reached[1]),
        np.stack([numbers[name][:, replicate] for name in ("value", "low", "high", "p")], axis=1),
        study.scenario.analysis.survival.level, published, str(folder),
    )  # fmt: skip


def _range(values: Floats) -> Floats:
    """The largest less the smallest of each replicate ``(S, R)``, NaN where all are."""
    some = np.isfinite(values).any(axis=0)
    found = np.full(values.shape[1], np.nan)
    found[some] = np.nanmax(values[:, some], axis=0) - np.nanmin(values[:, some], axis=0)
    return found


def _check(entry: Mapping[str, Any]) -> None:
    """RunError where an entry is no estimator by matching or weighting."""
    from pydantic import ValidationError

    try:
        (Ipw if entry["kind"] == "ipw" else Matched).model_validate_json(_as_json(entry))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the combination"
        raise RunError(f"--axis: {where}: {first['msg'].removeprefix('Value error, ')}") from None


def _as_json(entry: Mapping[str, Any]) -> str:
    import json

    return json.dumps(entry)
