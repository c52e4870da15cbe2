"""The truths of a study's cells: as precise as its own error asks, kept in the run folder by what they are of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from math import isfinite, nan
from typing import Any

import numpy as np
from pydantic import ValidationError

from analysis.kernels.status import Status
from benchmarks.asked.blocks import Cell, block_size
from benchmarks.asked.scenario import Target
from benchmarks.runs.rows import KEYS, Rows
from benchmarks.runs.store import RunFolder, plain_json
from benchmarks.truth.counted import Patients, Truth, count_block, counted_truth, known_truth
from benchmarks.truth.fitted import fits, fitted_truth, is_fitted, most_replicates, one_fit
from benchmarks.truth.remembered import remember, remembered
from benchmarks.workers.executors import in_threads
from simulator.cohort.estimand import CURVES, INCIDENCES, SUBDISTRIBUTION, Estimand, MeasureName
from simulator.documents.loading import digest
from simulator.numerics.arrays import Ints

Key = tuple[str, str]
"""An endpoint and the name of an estimator."""

DIRECTION_MCSE = 0.01
"""Monte Carlo SE of a log hazard ratio that is small enough where only its sign is asked."""


@dataclass(frozen=True)
class Truths:
    """The truths of a cell, or of all cells of a study: ``own`` of each estimator's own estimand, ``target`` of the
    study's target in the same measure, and ``direction`` by endpoint, the target's hazard ratio beside tests.
    """

    own: dict[tuple[int, str, str], Truth]
    target: dict[tuple[int, str, str], Truth]
    direction: dict[tuple[int, str], Truth]

    def __or__(self, other: "Truths") -> "Truths":
        """Both together."""
        return Truths(self.own | other.own, self.target | other.target, self.direction | other.direction)

    def records(self) -> list[dict[str, object]]:
        """All of them as JSON has them."""
        own = [truth_record(("own", *key), truth) for key, truth in self.own.items()]
        own += [truth_record(("target", *key), truth) for key, truth in self.target.items()]
        return own + [truth_record(("direction", *key, ""), truth) for key, truth in self.direction.items()]


def asked_estimands(cell: Cell) -> dict[Key, Estimand]:
    """The estimand of every endpoint and estimator of a cell."""
    scenario = cell.scenario
    variables = {variable.name: variable for variable in cell.resolved.baseline.measured}
    unit = {"time_unit": scenario.time_unit}
    return {
        (endpoint, estimator.name): estimator.estimand(endpoint, scenario.analysis, variables).model_copy(update=unit)
        for endpoint, estimator in scenario.judged()
    }


def target_estimand(own: Estimand, target: Target) -> Estimand:
    """The question of the target in the marginal measure, to the horizon, of an estimator's own estimand.

    Hazard ratios have the target's follow-up; differences of curves are as if nobody were censored.
    """
    measure: MeasureName = "marginal_log_hr" if own.measure.endswith("_log_hr") else own.measure
    if own.measure in SUBDISTRIBUTION:
        measure = "marginal_subdistribution_log_hr"
    return Estimand(
        population=target.population,
        measure=measure,
        endpoint=own.endpoint,
        horizon=own.horizon,
        follow_up="complete" if measure in (*CURVES, *INCIDENCES) else target.follow_up,
        time_unit=own.time_unit,
    )


def all_estimands(cell: Cell) -> dict[tuple[str, str, str], Estimand]:
    """What is asked of a cell, by own, target or direction, endpoint and estimator (none for a direction)."""
    own, target = asked_estimands(cell), cell.scenario.target
    asked = {("own", *key): estimand for key, estimand in own.items()}
    asked |= {("target", *key): target_estimand(estimand, target) for key, estimand in own.items()}
    for (endpoint, _), estimand in own.items():
        if estimand.measure == "none" and endpoint in cell.scenario.endpoints:
            asked["direction", endpoint, ""] = Estimand(
                population=target.population,
                measure="marginal_log_hr",
                endpoint=endpoint,
                follow_up=target.follow_up,
                time_unit=estimand.time_unit,
            )
    return asked


def wanted_errors(asked: Mapping[tuple[str, str, str], Estimand], aims: Mapping[Key, float]) -> dict[Estimand, float]:
    """The Monte Carlo SE wanted of each distinct estimand, 0 for the least that is allowed."""
    wanted: dict[Estimand, float] = {}
    for (kind, *key), estimand in asked.items():
        aim = DIRECTION_MCSE if kind == "direction" else aims.get((key[0], key[1]), 0.0)
        wanted[estimand] = min(wanted.get(estimand, np.inf), aim)
    return wanted


def truths_of(
    cell: Cell, wanted: Mapping[Estimand, float], jobs: int, done: Callable[[int], None]
) -> dict[Estimand, Truth]:
    """The truth of each estimand in a cell's world, to the Monte Carlo SE that is wanted of it (0: to the least)."""
    known = {one: truth for one in wanted if (truth := known_truth(cell.scenario, one)) is not None}
    work = TruthWork(Patients(cell.scenario, cell.resolved), dict(wanted), jobs, done)
    rest = [one for one in wanted if one not in known]
    known |= work.counted([one for one in rest if not is_fitted(cell.scenario, one)])
    for estimand in rest:
        if is_fitted(cell.scenario, estimand):
            known[estimand] = work.fitted(estimand)
    return known


def find_truths(
    cell: Cell, jobs: int, done: Callable[[int], None], aims: dict[Key, float] | None = None
) -> dict[Key, Truth]:
    """The truth of every own estimand of a cell, by endpoint and estimator; each distinct one is worked out once.

    ``aims`` are Monte Carlo SEs that are small enough: once they are met no more patients are drawn.
    """
    asked = asked_estimands(cell)
    wanted = wanted_errors({("own", *key): estimand for key, estimand in asked.items()}, aims or {})
    known = truths_of(cell, wanted, jobs, done)
    return {key: known[estimand] for key, estimand in asked.items()}


@dataclass(frozen=True)
class TruthWork:
    """Twice as many replicates each time, until the error is what is wanted or no more are allowed."""

    patients: Patients
    wanted: dict[Estimand, float]
    jobs: int
    done: Callable[[int], None]

    def counted(self, still: list[Estimand]) -> dict[Estimand, Truth]:
        """Truths from counts, to which replicates are added."""
        patients, step = self.patients, block_size(self.patients.scenario)
        bounds = {one: patients.bounds(one) for one in still}
        sums: dict[Estimand, Ints] = {}
        found: dict[Estimand, Truth] = {}
        first, last = 0, patients.begin(all(self.wanted[one] == 0 for one in still))
        while still:
            starts = range(first, last, step)
            tasks = [np.arange(start, min(start + step, last), dtype=np.int64) for start in starts]
            asked = tuple((one, bounds[one]) for one in still)
            for counts in in_threads(partial(count_block, self.patients, asked), tasks, self.jobs, self.done):
                for estimand, own in zip(still, counts, strict=True):
                    sums[estimand] = sums[estimand] + own if estimand in sums else own
            found |= {one: counted_truth(patients, one, bounds[one], sums[one], last) for one in still}
            first, last = last, min(2 * last, patients.most)
            still = [one for one in still if last > first and found[one].mcse > self.wanted[one]]
        return found

    def fitted(self, estimand: Estimand) -> Truth:
        """The truth from models of more and more replicates."""
        most = most_replicates(self.patients)
        count = min(most, self.patients.begin(self.wanted[estimand] == 0))
        while True:
            fit = partial(one_fit, self.patients, estimand, count)
            values = in_threads(fit, range(fits(self.patients, count)), self.jobs, self.done)
            truth = fitted_truth(self.patients, estimand, np.array(list(values)), count)
            if count == most or not truth.mcse > self.wanted[estimand]:
                return truth
            count = min(2 * count, most)


def aims(cell: Cell, rows: Rows) -> dict[Key, float]:
    """The Monte Carlo SE of each truth that is small enough: a third of the study's own error of the mean estimate."""
    found: dict[Key, float] = {}
    for endpoint, estimator in cell.scenario.judged():
        numbers, status = rows.of(cell.number, endpoint, estimator.name, ("value",))
        value = numbers["value"][status == Status.OK]
        enough = len(value) > 1 and np.isfinite(value).all()
        found[endpoint, estimator.name] = float(value.std(ddof=1)) / len(value) ** 0.5 / 3 if enough else 0.0
    return found


def kept_truths(
    cell: Cell, folder: RunFolder, jobs: int, done: Callable[[int], None], aims: Mapping[Key, float]
) -> Truths:
    """The truths of a cell, found before in this folder or in another run, or found now; kept for both.

    They are kept by what they are of: the world, the estimands, the errors wanted and the patients allowed.
    """
    name, before = truth_file(cell, aims), remembered(cell)
    found = _held(cell, folder, name)
    if found is not None:
        return found
    found = None if before is None else _held(cell, before, name)
    if found is None:
        found = cell_truths(cell, jobs, done, aims)
        remember(before, name, found.records())
    folder.write_checked_json(name, found.records())
    return found


def _held(cell: Cell, folder: RunFolder, name: str) -> Truths | None:
    """The truths of a cell that lie in a folder; None where not all that are asked do."""
    content = folder.read_checked(name)
    try:
        held = None if content is None else read_truths(plain_json(content), cell.number)
    except ValueError:
        return None
    return held if held is not None and lacking(cell, held) == [] else None


def truth_file(cell: Cell, aims: Mapping[Key, float]) -> str:
    """The name of the file that keeps the truths of a cell to these errors."""
    asked = all_estimands(cell)
    wanted = wanted_errors(asked, aims)
    made_of = [[*key, one.model_dump(mode="json"), repr(wanted[one])] for key, one in asked.items()]
    return f"truths/{digest({'of': made_of, 'cell': cell.key, 'most': cell.scenario.run.truth_patients})[:24]}.json"


def cell_truths(cell: Cell, jobs: int, done: Callable[[int], None], aims: Mapping[Key, float]) -> Truths:
    """Every truth of a cell, worked out now."""
    asked = all_estimands(cell)
    found = truths_of(cell, wanted_errors(asked, aims), jobs, done)
    made = Truths({}, {}, {})
    for (kind, endpoint, estimator), estimand in asked.items():
        _place(made, (kind, cell.number, endpoint, estimator), found[estimand])
    return made


def lacking(cell: Cell, held: Truths) -> list[tuple[str, str, str]]:
    """Which of the truths that are asked of a cell are not among these, or are of another question."""
    kinds: dict[str, Mapping[Any, Truth]] = {"own": held.own, "target": held.target, "direction": held.direction}
    absent = []
    for (kind, endpoint, estimator), estimand in all_estimands(cell).items():
        key = (cell.number, endpoint) if kind == "direction" else (cell.number, endpoint, estimator)
        truth = kinds[kind].get(key)
        if truth is None or truth.estimand != estimand:
            absent.append((kind, endpoint, estimator))
    return absent


def _place(made: Truths, key: tuple[str, int, str, str], truth: Truth) -> None:
    kind, cell, endpoint, estimator = key
    if kind == "direction":
        made.direction[cell, endpoint] = truth
    else:
        {"own": made.own, "target": made.target}[kind][cell, endpoint, estimator] = truth


def truth_record(key: tuple[str, int, str, str], truth: Truth) -> dict[str, object]:
    """A truth as JSON has it; null for what is not finite."""
    numbers = {"value": truth.value, "mcse": truth.mcse}
    return {
        **dict(zip(("judged_by", "cell", "endpoint", "estimator"), key, strict=True)),
        "estimand": truth.estimand.model_dump(mode="json"),
        **{name: number if isfinite(number) else None for name, number in numbers.items()},
        "how": truth.how,
    }


def read_truths(records: Any, cell: int | None = None) -> Truths:
    """The truths that were written as records, all as of one cell where it is given; ValueError where they are none."""
    made = Truths({}, {}, {})
    try:
        for record in records:
            stated: Mapping[str, Any] = record["estimand"]
            estimand = Estimand.model_validate({**stated, "adjusted_for": tuple(stated["adjusted_for"])})
            value, mcse = (nan if record[name] is None else number_of(record[name]) for name in ("value", "mcse"))
            number = record["cell"] if cell is None else cell
            kind, endpoint, estimator, how = (record[name] for name in ("judged_by", *KEYS[1:], "how"))
            if type(number) is not int or not all(isinstance(one, str) for one in (kind, endpoint, estimator, how)):
                raise TypeError("a key of another kind")
            _place(made, (kind, number, endpoint, estimator), Truth(estimand, value, mcse, how))
    except (TypeError, KeyError, ValueError, AttributeError, OverflowError, ValidationError):
        raise ValueError("truths that are not ours") from None
    return made


def number_of(value: Any) -> float:
    """A number of a JSON document; TypeError for what is none."""
    if type(value) not in (int, float):
        raise TypeError("no number")
    return float(value)
