"""A user's own estimator: a Python function from one observed cohort to an estimate."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from analysis.estimators import own_code, trust
from analysis.estimators.base import Estimate, EstimatorSpec, Sample
from analysis.estimators.own_code import OwnFunctionError, said
from analysis.estimators.own_link import CannotStart, Mistake, NoAnswer, Question, TookTooLong
from analysis.estimators.own_process import ask
from analysis.kernels.status import Status
from analysis.plan.analysis_plan import Plan
from analysis.plan.matching_plan import no_repeats
from simulator.cohort.estimand import CURVES, INCIDENCES, Estimand, MeasureName, PopulationName
from simulator.cohort.terms import Variable, parse_term
from simulator.documents.spec import TIME, Positive
from simulator.numerics.arrays import Floats

if TYPE_CHECKING:
    import pandas as pd

_OF_YES_OR_NO = ("risk_difference", "log_risk_ratio", "log_odds_ratio")
_AT_A_TIME = ("rmst_difference", "survival_difference", *INCIDENCES)

MOST_TRIED, LONGEST_TRY = 19, 2.0
"""After a mistake, so many more replicates are tried, for so many seconds: does it hit all of them, or some?"""

_CONDITIONAL = ("conditional_log_hr", "conditional_subdistribution_log_hr")


class Own(EstimatorSpec):
    """A user's own Python function of one cohort.

    ``function`` is ``file.py:function``, the file being looked for beside the document that names it, or
    ``module:function`` of what is installed. Its code runs only once the user trusts that very content of the file
    (``--trust``). It is called with a data frame: the covariates (levels by name), ``treated`` (True, False), and
    ``time`` and ``event`` of the endpoint (with ``competing`` where it has competing states), or ``outcome`` for a
    yes/no outcome. It returns the value and its SE, or a mapping with ``value``, ``se`` and, if it likes, ``low``,
    ``high``, ``p``. None, or raising ValueError, RuntimeError or any error of a library's own, says that there is no
    estimate of that cohort (status NOT_CONVERGED); a mistake such as TypeError, KeyError or NameError ends the run.

    It is called in a process of its own: one that takes longer than ``run.replicate_timeout`` over a cohort is killed
    there (status TIMEOUT), one that kills its process is tried once more (status WORKER_LOST).

    ``population``, ``measure``, ``horizon`` and ``adjusted_for`` say by what truth it is judged: a conditional log
    hazard ratio is given terms, a contrast of restricted means, survival or cumulative incidence has a horizon.
    """

    takes_binary: ClassVar[bool] = True
    kind: Literal["own"] = "own"
    function: Annotated[str, Field(pattern=r"^[^:]+:[A-Za-z_][A-Za-z0-9_]*$")]
    population: PopulationName = "all"
    measure: MeasureName = "marginal_log_hr"
    horizon: Annotated[Positive | None, TIME] = None
    adjusted_for: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _has_one_truth(self) -> "Own":
        conditional, timed = self.measure in _CONDITIONAL, self.measure in _AT_A_TIME
        if conditional and not self.adjusted_for:
            raise ValueError(f"'measure: {self.measure}' needs 'adjusted_for', the terms that it is conditional on")
        if self.adjusted_for and not conditional:
            raise ValueError(f"'adjusted_for' belongs to 'measure: {_CONDITIONAL[0]}', not to '{self.measure}'")
        if timed and self.horizon is None:
            raise ValueError(f"'measure: {self.measure}' needs a 'horizon' in the world's time unit")
        if self.horizon is not None and not timed:
            raise ValueError(f"'horizon' belongs to {' and '.join(_AT_A_TIME)}, not to '{self.measure}'")
        no_repeats(self.adjusted_for, "adjusted_for")
        return self

    def misfit(self, endpoint: str, timed: bool) -> str:
        """Why its measure is none of this endpoint."""
        if self.measure == "none" or (self.measure in _OF_YES_OR_NO) != timed:
            return ""
        return (
            f"'measure: {self.measure}' is not one of {endpoint}, a {'time to an event' if timed else 'yes/no outcome'}"
        )

    def estimand(self, endpoint: str, plan: Plan, variables: Mapping[str, Variable]) -> Estimand:  # noqa: ARG002
        """What the user says that it estimates; ValueError for a term that is not of the covariates."""
        for text in self.adjusted_for:
            parse_term(text, variables)
        differs = self.measure in (*CURVES, *INCIDENCES)
        return Estimand(
            population=self.population,
            measure=self.measure,
            endpoint=endpoint,
            horizon=self.horizon,
            adjusted_for=self.adjusted_for,
            follow_up="complete" if differs else "observed",
        )

    def pinned(self) -> "Own":
        """The same with its function named by the content of its code; OwnFunctionError where that cannot be read."""
        return self.model_copy(update={"function": own_code.pinned(self.function)})

    def __getstate__(self) -> dict[Any, Any]:
        """What a worker is sent: the code goes along, and whether it is trusted here."""
        state, parcel = super().__getstate__(), trust.packed(self.function)
        return {**state, "__dict__": {**state["__dict__"], "function": parcel.function}, "parcel": parcel}

    def __setstate__(self, state: dict[Any, Any]) -> None:
        """In a worker: what arrives is known by its content, not sought anywhere."""
        trust.unpacked(state["parcel"])
        super().__setstate__({name: part for name, part in state.items() if name != "parcel"})

    def estimate(self, sample: Sample, endpoint: str) -> Estimate:
        """One call per replicate, in a process that may hang (TIMEOUT) or die (WORKER_LOST) over that replicate."""
        parcel, name = trust.packed(self.function), said(self.function)
        trust.demand([own_code.source(self.function)])
        count = len(sample.replicates)
        made = np.full((5, count), np.nan)
        status = np.full(count, Status.NOT_CONVERGED, np.int64)
        n, events = np.zeros((2, count), np.int64)
        for r in range(count):
            question = self._question(parcel, sample, endpoint, r)
            columns = question.columns
            n[r], events[r] = (
                len(columns["treated"]),
                int(np.nansum(columns["outcome" if "outcome" in columns else "event"])),
            )
            try:
                numbers = ask(question, sample.patience)
            except NoAnswer as error:
                status[r] = Status.TIMEOUT if isinstance(error, TookTooLong) else Status.WORKER_LOST
                continue
            except Mistake as error:
                told = str(error)
                told += self._others(parcel, sample, endpoint, r + 1) if " in replicate " in told else ""
                raise OwnFunctionError(told if told.startswith(name) else f"{name}: {told}") from None
            except CannotStart as error:
                raise OwnFunctionError(f"{name}: {error}") from None
            if np.isfinite(numbers[:2]).all():
                made[:, r], status[r] = numbers, Status.OK
        value, se, low, high, p = made
        return Estimate(value, se, low, high, p, n, events, status)

    def why(self, sample: Sample, endpoint: str) -> str:
        """Why there is no estimate of the block's first cohort: the user's line and error; '' where that is not told.

        OwnFunctionError where the code is not trusted.
        """
        parcel = trust.packed(self.function)
        trust.demand([own_code.source(self.function)])
        try:
            ask(replace(self._question(parcel, sample, endpoint, 0), explain=True), sample.patience)
        except Mistake as error:
            return str(error)
        except (NoAnswer, CannotStart):
            return ""
        return ""

    def _question(self, parcel: "trust.Parcel", sample: Sample, endpoint: str, r: int) -> Question:
        """What is asked of the function about the block's row ``r``."""
        columns = columns_of(sample, endpoint, r)
        return Question(parcel, self.name, int(sample.replicates[r]), sample.plan.survival.level, columns)

    def _others(self, parcel: "trust.Parcel", sample: Sample, endpoint: str, first: int) -> str:
        """In how many of the next replicates it fails, too: so many, and so long, as a reader waits for gladly."""
        begun, tried, hit = time.monotonic(), 0, 0
        for r in range(first, min(first + MOST_TRIED, len(sample.replicates))):
            if time.monotonic() - begun > LONGEST_TRY:
                break
            try:
                ask(self._question(parcel, sample, endpoint, r), LONGEST_TRY)
            except Mistake:
                hit += 1
            except (NoAnswer, CannotStart):
                break
            tried += 1
        if not tried:
            return ""
        return f"; also in all of the next {tried}" if hit == tried else f"; also in {hit} of the next {tried}"


def frame(sample: Sample, endpoint: str, r: int) -> "pd.DataFrame":
    """The observed cohort of the block's row ``r`` as a data frame, patients in order."""
    import pandas as pd

    return pd.DataFrame(columns_of(sample, endpoint, r))


def columns_of(sample: Sample, endpoint: str, r: int) -> dict[str, Any]:
    """The columns of the observed cohort of the block's row ``r`` by name, patients in order."""
    observed = sample.observed
    here = np.flatnonzero(observed.present[r])
    columns: dict[str, Any] = {}
    for k, variable in enumerate(observed.variables):
        values = observed.covariates[r, here, k]
        named = variable.kind != "continuous"
        columns[variable.name] = _level_names(variable, values) if named else values
    columns["treated"] = observed.treated[r, here]
    if endpoint in observed.endpoints:
        course = observed.endpoints[endpoint]
        rival = {} if course.competing is None else {"competing": course.competing[r, here]}
        return columns | {"time": course.time[r, here], "event": course.event[r, here], **rival}
    return columns | {"outcome": observed.binary[endpoint][r, here]}


def _level_names(variable: Variable, values: Floats) -> NDArray[Any]:
    """The levels by name, None where one is missing."""
    known = np.isfinite(values)
    levels = np.array(variable.levels)
    made = np.full(len(values), None, levels.dtype if known.all() else object)
    made[known] = levels[values[known].astype(int)]
    return made
