"""The SPEC of a cohort of one's own: which columns of a file are what, and the plan of analysis."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from analysis.cohort_files.same_values import NUMBER
from analysis.plan.analysis_plan import TREATMENT, MissingPlan, Plan, SurvivalPlan, plain_number
from simulator.cohort.terms import Kind, Variable
from simulator.documents.spec import Label, Name, Spec


def _as_text(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return plain_number(value) if isinstance(value, float) else str(value)
    return value.strip() if isinstance(value, str) else value


Value = Annotated[str, BeforeValidator(_as_text), Field(pattern=r"^[^\r\n]{1,200}$")]
"""A cell's value as a SPEC writes it: text, a number or a truth value; `analysis.cohort_files.same_values` says what it
equals.
"""

Column = Annotated[str, Field(min_length=1, max_length=200)]


class TreatmentColumn(Spec):
    """Who was treated: a column, the values that stand for the two arms, and the names of the arms."""

    column: Column
    treated: Value = "1"
    control: Value = "0"
    treated_label: Label = "Treated"
    control_label: Label = "Control"

    @model_validator(mode="after")
    def _differ(self) -> "TreatmentColumn":
        if self.treated == self.control:
            raise ValueError("'treated' and 'control' need different values")
        if self.treated_label == self.control_label:
            raise ValueError("'treated_label' and 'control_label' need to differ")
        return self


class CovariateColumn(Spec):
    """A baseline covariate. ``levels`` in order, the first is the reference; a binary's are 0 and 1 unless listed.

    ``digits``: decimals of a continuous one in Table 1; about three significant digits unless given.
    """

    kind: Kind
    column: Column | None = None
    levels: Annotated[tuple[Value, ...], Field(min_length=2, max_length=100)] | None = None
    cuts: Annotated[tuple[float, ...], Field(max_length=20)] = ()
    label: Label | None = None
    unit: str = ""
    digits: Annotated[int, Field(ge=0, le=6)] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "CovariateColumn":
        if self.kind != "continuous" and self.digits is not None:
            raise ValueError(f"digits belong to 'kind: continuous', not to '{self.kind}'")
        if self.kind == "continuous" and self.levels is not None:
            raise ValueError("a continuous covariate has no levels; use 'cuts' for cut-points")
        if self.kind != "continuous" and self.cuts:
            raise ValueError(f"cuts belong to 'kind: continuous', not to '{self.kind}'")
        if self.kind == "binary" and self.levels is not None and len(self.levels) != 2:
            raise ValueError(f"a binary covariate has 2 levels, not {len(self.levels)}")
        if self.kind in ("ordinal", "nominal") and self.levels is None:
            raise ValueError(f"'kind: {self.kind}' needs 'levels: [...]', the first being the reference")
        twice = [level for level, count in Counter(self.levels or ()).items() if count > 1]
        if twice:
            mend = """; a text such as "01" or "1.0" is written in quotes""" if NUMBER.fullmatch(twice[0]) else ""
            raise ValueError(f"the level '{twice[0]}' is listed twice{mend}")
        if list(self.cuts) != sorted(set(self.cuts)):
            raise ValueError("cuts must increase")
        return self

    def variable(self, name: str) -> Variable:
        """The covariate as every room knows it."""
        levels = () if self.kind == "continuous" else self.levels or ("0", "1")
        return Variable(name, self.kind, levels, self.cuts, self.label or name, self.unit)


class EndpointColumns(Spec):
    """Follow-up to one event. Rows whose ``event`` is one of ``event_values`` have it, all others are censored.

    Null stands for 1 (or true), and then the others must be 0 (or false). ``competing_values`` are those of events
    after which this one cannot happen: cumulative incidences, Gray's test and Fine and Gray's model are then added, and
    everything else takes them for censored, but for the follow-up, which they do not end. ``at``: the times at which
    incidences are told, the mean time lost up to the last; those of the analysis unless given, else a quarter, a half
    and three quarters of the follow-up that both arms have.
    """

    time: Column
    event: Column
    event_values: Annotated[tuple[Value, ...], Field(min_length=1)] | None = None
    competing_values: Annotated[tuple[Value, ...], Field(min_length=1)] | None = None
    at: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(max_length=12)] = ()
    label: Label | None = None

    @model_validator(mode="after")
    def _competing(self) -> "EndpointColumns":
        if self.competing_values is None:
            if self.at:
                raise ValueError("'at' belongs to an endpoint with 'competing_values'")
            return self
        if self.event_values is None:
            raise ValueError("'competing_values' needs 'event_values': the values that stand for the event itself")
        both = sorted(set(self.event_values) & set(self.competing_values))
        if both:
            raise ValueError(f"'{both[0]}' is listed in 'event_values' and in 'competing_values'; it is one of the two")
        if list(self.at) != sorted(set(self.at)):
            raise ValueError("the times 'at' must increase")
        return self


class BinaryColumn(Spec):
    """A yes/no outcome such as response: the values of ``positive`` count as yes, all others as no.

    Null stands for 1 (or true), and then the others must be 0 (or false). ``severe_of`` names the adverse event of
    which this is grade 3 or 4: both share a row of Table 4. ``shown``: how Table 2 shows any other outcome, with its
    p-value, as a count, or not at all.
    """

    column: Column
    positive: Annotated[tuple[Value, ...], Field(min_length=1)] | None = None
    label: Label | None = None
    severe_of: Name | None = None
    shown: Literal["tested", "counted", "no"] = "tested"


class Data(Spec):
    """Which columns of the file are what. ``id`` null numbers the patients 1, 2, ... in file order."""

    id: Column | None = None
    treatment: TreatmentColumn
    covariates: Annotated[dict[Name, CovariateColumn], Field(min_length=1)]
    endpoints: Annotated[dict[Name, EndpointColumns], Field(min_length=1)]
    binary: dict[Name, BinaryColumn] = Field(default_factory=dict)
    time_unit: Label = "time"

    def column_of(self, covariate: str) -> str:
        """The column that holds a covariate: its own name unless the SPEC says otherwise."""
        return self.covariates[covariate].column or covariate

    def roles(self) -> list[tuple[str, str]]:
        """Every column that is read, with its role in words."""
        roles = [] if self.id is None else [(self.id, "the id")]
        roles.append((self.treatment.column, "the treatment"))
        roles += [(self.column_of(name), f"covariate {name}") for name in self.covariates]
        for name, endpoint in self.endpoints.items():
            roles += [(endpoint.time, f"the time of {name}"), (endpoint.event, f"the event of {name}")]
        return roles + [(binary.column, f"outcome {name}") for name, binary in self.binary.items()]

    def labels(self) -> dict[str, str]:
        """What the outcomes are called in tables and figures."""
        outcomes: dict[str, EndpointColumns | BinaryColumn] = {**self.endpoints, **self.binary}
        return {name: outcome.label or name for name, outcome in outcomes.items()}

    def times(self) -> dict[str, tuple[float, ...]]:
        """At which times to look at the endpoints for which some are stated."""
        return {name: endpoint.at for name, endpoint in self.endpoints.items() if endpoint.at}

    @model_validator(mode="after")
    def _consistent(self) -> "Data":
        if TREATMENT in self.covariates:
            raise ValueError(
                f"no covariate may be named '{TREATMENT}'; give it another name and say 'column: {TREATMENT}'"
            )
        for name in self.endpoints.keys() & self.binary.keys():
            raise ValueError(f"'{name}' is both an endpoint and a yes/no outcome")
        for name, one in self.binary.items():
            other = self.binary.get(one.severe_of or name)
            if other is None or (one.severe_of and (other.severe_of or one.severe_of == name)):
                raise ValueError(f"binary.{name}.severe_of: names no other outcome of any grade: '{one.severe_of}'")
        others: dict[str, str] = {}
        for column, role in self.roles():
            if not role.startswith("covariate"):
                others.setdefault(column, role)
        for name in self.covariates:
            if self.column_of(name) in others:
                raise ValueError(
                    f"covariate {name}: its column '{self.column_of(name)}' is {others[self.column_of(name)]}"
                )
        return self


class FileSurvivalPlan(SurvivalPlan):
    """The same for a file. ``timefix``: times that differ by rounding only count as tied, as in R."""

    timefix: bool = True


class FilePlan(Plan):
    """The plan of analysis of a file."""

    survival: FileSurvivalPlan = FileSurvivalPlan()


class CohortSpec(Spec):
    """A SPEC: the file's columns and the plan of analysis."""

    title: Label = "Cohort"
    data: Data
    analysis: FilePlan = FilePlan()

    @model_validator(mode="after")
    def _consistent(self) -> "CohortSpec":
        problems = self.analysis.problems(self.variables())
        if problems:
            raise ValueError("; ".join(f"analysis.{_dotted(place)}: {message}" for place, message in problems))
        if self.analysis.propensity.method == "true":
            told = "'true' is for simulated studies; of real patients nobody knows it"
            raise ValueError(f"analysis.propensity.method: {told}")
        if self.analysis.missing != MissingPlan():
            told = "is for simulated studies; a file with missing values is refused, so leave it out"
            raise ValueError(f"analysis.missing: {told} and complete or remove such rows first")
        return self

    def variables(self) -> dict[str, Variable]:
        """The covariates by name, in the SPEC's order."""
        return {name: column.variable(name) for name, column in self.data.covariates.items()}


def _dotted(place: Sequence[str | int]) -> str:
    return ".".join(map(str, place))
