"""What the analysis of one cohort says: `CohortAnalysis`, and its JSON.

``CohortAnalysis.to_json()`` is stable. Numbers have full precision; what does not exist or is not reached is null; a
``status`` names what became of a fit ("OK" if all is well)::

    format        "trialtwin-analysis/1"
    arms          {treated, control}: the labels
    cohort        {n, treated, control}: the sizes
    as_read       what reading a file decided: {not_events {NAME: {column, listed[], counted_as ("censored" or "no"),
                   values {value: rows}}}: the other values of an outcome whose SPEC lists its events (or positive
                   values), most frequent first; near_ties {NAME: times that differ from a smaller one by rounding
                   only}, timefix (whether they count as tied)}; null where no file was read
    plan          the plan with every default filled in, without `matching`, `weighting` or `stratification` where it
                   does not use them
    propensity    {method, candidates[], selected[] (terms), coefficients {"(Intercept)": b, column: b}, infinite
                   {column: "+", "-" or null (either way)} (coefficients that run off to infinity, null among the
                   others), dropped[] (columns that are constant or made of earlier ones), aic, scores {id:
                   probability}, status, set_aside {treated, control, ids[], why}: those whose probability is 0 or 1 in
                   the limit; the matching (with its caliper) or weighting and all that follows are without them. Nobody
                   where the primary analysis neither matches nor weights}
    adjusted      {how ("matching", "weighting", "stratification", "adjustment", "unadjusted": the plan's primary
                   analysis), n_treated, n_control (patients compared by it), status (TOO_FEW: an arm is empty), weights
                   {treated, control}: {least, greatest, effective_n (Kish)}, null in a set without weights}
    matching      {scale, caliper_spec, unit, caliper (absolute width on the scale), ratio, replacement, order,
                   pairs [[treated id, control id, ...]] (treated in file order), n_pairs, n_treated, n_control, status,
                   ties {rule, tied (treated who had several equally near controls), choices (how many others were
                   made), hr {NAME: {n (of how many), median, low, high (2.5 and 97.5 %), significant (share)}},
                   warnings [sentence]}; null unless the plan's primary
                   analysis is matching}
    table1        {before[], after[]}, rows {variable, level (null: the variable itself), label, shows, treated,
                   control, test, p, tests {name: p}, smd, smd_status (NO_INFO: infinite, no arm varies), status};
                   an arm is {n, percent} or {n, mean, sd, median, q1, q3, min, max}
    endpoints     {NAME: {label, before, after}}, each side
        km            {treated, control}: {n, events, percent (of n), median, low, high, status, and at each of the
                      plan's times survival[], rmst[] (restricted mean): {time, value, se, low, high, status},
                      at_risk[]: {time, value}}
        follow_up     {treated, control, overall}: {n, events, percent, median, low, high, status} with censoring as
                      the event (reverse Kaplan-Meier)
        logrank       {test ("log-rank"; weighted: "robust score"), chi2, df, p, status}
        cox           {log_hr, se, hr, low, high, p, status, sign}: treatment alone, model-based SE (weighted: robust);
                      ``sign`` is "+" or "-" where the coefficient runs off to plus or minus infinity (MONOTONE), else
                      null
        cox_pair_robust   the same with the SE clustered by matched set (Lin-Wei); null before matching
                      and where nobody is matched
        logrank_stratified, cox_stratified   the same within the plan's strata; null without these
        univariable[], multivariable[]   {term, column, label, p_term, df_term (columns of the term that have a
                      number, which p_term tests)} + the fields of cox
        subgroups[]   {variable (null: everyone), level, label, n, events, arms {treated, control}: {n, events},
                       p_logrank, interaction_p, interaction_df} + the fields of cox
        survival_difference[], rmst_difference[]   {time, value (treated minus control), se, low, high, p, status}
        competing     {before, after}, null unless the SPEC names ``competing_values``; each side
            events, competing_events   {treated, control}: counts
            at[]          {at, event, competing: {treated, control}: {value, se, low, high, status}, difference, ratio
                          (treated over control, se of its logarithm)}: cumulative incidence at times
            gray          {test ("gray"; weighted: "robust gray"), chi2, df, p, status}
            cause_specific, competing_specific, subdistribution   the fields of cox: Cox models of the event and of the
                          competing events, Fine and Gray's model of the event
            time_lost     {treated, control}, time_lost_difference: mean time lost to the event by the last of the times
            subgroups[]   {variable, level, label, n, events, competing_events: {treated, control}, p_gray,
                          interaction_p, interaction_df} + the fields of cox, of Fine and Gray's model
    binary        {NAME: {label, before, after}}, each side {treated, control: {n, yes, percent}, test, p, tests,
                   risk_difference, risk_ratio, odds_ratio: {value, low, high, status}, mcnemar {only_treated,
                   only_control, chi2, p, p_exact} (after 1:1 matching, else null)}
    exposure      {NAME: {before, after}}, each side {treated, control}: {n (who got any), median, q1, q3, min, max}
    modes         {NAME: {before, after}}, each side {treated, control}: {n, percent (of all modes in the arm)}

Where the primary analysis neither matches nor weights nor makes strata, before and after are the same: all patients.
After stratification Cox models, Fine and Gray's and log-rank tests are within the strata; the rest (Table 1, responses,
curves, incidences, Gray's test) is said of all who have a score within 0 and 1. After weighting all is weighted, and
what is robust is clustered by patient, the weights being taken for known. When matching is not 1:1
without replacement, all that is said of the matched is weighted with MatchIt's weights, and
what is robust is clustered by matched set (with replacement, where sets share controls, by patient). ``n``, ``events``
and ``yes`` count patients; percentages, means, SDs (R's svyvar), quartiles (svyquantile, rule hf7) and SMDs are
weighted. Tests are R's svyttest ("weighted_t"), svyranktest ("weighted_rank") and svychisq ("rao_scott"); the log-rank
test is the robust score test of the weighted Cox model, the interaction its robust Wald test. Kaplan-Meier limits are
those of survfit with weights and cluster; risk difference and odds ratio have robust intervals.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from itertools import chain, compress
from math import isfinite
from typing import Any, Generic, TypeVar

import numpy as np

from analysis.cohort_files.as_read import AsRead
from analysis.kernels.status import Status
from analysis.paper.adjusted_sizes import AdjustedSizes
from analysis.paper.competing import CompetingComparison
from analysis.paper.cox_tables import CoxRow
from analysis.paper.effects import AnalysisSet, ArmCurve, ByArm, ChiSquare, FollowUpMedians, HazardRatio, TimeDifference
from analysis.paper.responses import BinaryResponse
from analysis.paper.sides import UNUSED
from analysis.paper.subgroups import SubgroupRow
from analysis.paper.table1 import Amounts, Count, Table1Row
from analysis.paper.tie_choices import TieChoices
from analysis.plan.analysis_plan import Plan, Primary
from analysis.propensity.matching import Matching
from simulator.cohort.cohorts import Observed
from simulator.documents.spec import Spec
from simulator.numerics.arrays import Bools, Floats

T = TypeVar("T")

FORMAT = "trialtwin-analysis/1"
HIDDEN = {"hidden": True}


@dataclass(frozen=True)
class Sizes:
    """Patients in all and by arm."""

    n: int
    treated: int
    control: int


@dataclass(frozen=True)
class SetAside:
    """How many of either arm have a propensity score of 0 or 1, who they are, and why they are left out."""

    treated: int
    control: int
    ids: tuple[str, ...]
    why: str | None


WITHOUT = {
    "matching": "the caliper, the matching and all that follows are",
    "weighting": "the weighting and all that follows are",
    "stratification": "the strata and all that follows are",
}
"""What is without those whose score is 0 or 1, by the primary analysis; the others leave out nobody."""


def set_aside(aside: Bools, treated: Bools, ids: Sequence[str], primary: Primary) -> SetAside:
    """Those marked ``(N,)``, counted and named; nobody is marked where the primary analysis needs no scores."""
    many, few = int((aside & treated).sum()), int((aside & ~treated).sum())
    why = None
    if many + few:
        arms = " and ".join(f"{n} {arm}" for n, arm in ((many, "treated"), (few, "untreated")) if n)
        why = (
            f"Set aside: {arms}. The propensity model predicts their treatment with certainty (a score of 0 or 1), so "
            f"nobody of the other arm is comparable; {WITHOUT[primary]} without them."
        )
    return SetAside(many, few, tuple(compress(ids, aside.tolist())), why)


@dataclass(frozen=True)
class PropensityModel:
    """The model of treatment; ``linear (N,)``, ``fitted (N,)`` and ``scores`` are NaN unless OK.

    ``infinite`` are the coefficients without a finite value, with the sign of infinity (None: either); those in
    ``aside (N,)`` have the limit scores 0 and 1 that come of them.
    """

    method: str
    candidates: tuple[str, ...]
    selected: tuple[str, ...]
    coefficients: Mapping[str, float]
    infinite: Mapping[str, str | None]
    dropped: tuple[str, ...]
    aic: float
    scores: Mapping[str, float]
    status: Status
    set_aside: SetAside
    linear: Floats = field(metadata=HIDDEN)
    fitted: Floats = field(metadata=HIDDEN)
    aside: Bools = field(metadata=HIDDEN)


@dataclass(frozen=True)
class MatchedSets:
    """Who was matched with whom; ``places`` are the rows of each set, treated first; ``ties`` is None without sets."""

    scale: str
    caliper_spec: float | None
    unit: str
    caliper: float
    ratio: int
    replacement: bool
    order: str
    pairs: tuple[tuple[str, ...], ...]
    n_pairs: int
    n_treated: int
    n_control: int
    status: Status
    ties: TieChoices | None
    places: tuple[tuple[int, ...], ...] = field(metadata=HIDDEN)
    made: Matching = field(metadata=HIDDEN)


@dataclass(frozen=True)
class Tables:
    """Table 1 before and after the arms were made comparable."""

    before: tuple[Table1Row, ...]
    after: tuple[Table1Row, ...]


@dataclass(frozen=True)
class Comparison:
    """The arms compared on one endpoint in one analysis set."""

    km: ByArm[ArmCurve]
    follow_up: FollowUpMedians
    logrank: ChiSquare
    cox: HazardRatio
    cox_pair_robust: HazardRatio | None
    logrank_stratified: ChiSquare | None
    cox_stratified: HazardRatio | None
    univariable: tuple[CoxRow, ...]
    multivariable: tuple[CoxRow, ...]
    subgroups: tuple[SubgroupRow, ...]
    survival_difference: tuple[TimeDifference, ...]
    rmst_difference: tuple[TimeDifference, ...]


@dataclass(frozen=True)
class EndpointResult:
    """An endpoint on both sides; ``competing`` is None where nothing is said of competing events."""

    label: str
    before: Comparison
    after: Comparison
    competing: "BothComparisons | None"


@dataclass(frozen=True)
class BothComparisons:
    """The arms compared where other events compete, on both sides."""

    before: CompetingComparison
    after: CompetingComparison


@dataclass(frozen=True)
class BinaryResult:
    """A yes/no outcome on both sides."""

    label: str
    before: BinaryResponse
    after: BinaryResponse


@dataclass(frozen=True)
class BothSides(Generic[T]):
    """The same thing in both arms, on both sides."""

    before: ByArm[T]
    after: ByArm[T]


@dataclass(frozen=True)
class CohortAnalysis:
    """Everything that the paper's workflow says of one cohort.

    Rows of ``observed``, of the sets and of the model are in an order that does not depend on where a row stands.
    """

    format: str
    arms: ByArm[str]
    cohort: Sizes
    as_read: AsRead | None
    plan: Plan
    propensity: PropensityModel
    adjusted: AdjustedSizes
    matching: MatchedSets | None
    table1: Tables
    endpoints: Mapping[str, EndpointResult]
    binary: Mapping[str, BinaryResult]
    exposure: Mapping[str, BothSides[Amounts]]
    modes: Mapping[str, BothSides[Count]]
    observed: Observed = field(metadata=HIDDEN)
    before: AnalysisSet = field(metadata=HIDDEN)
    after: AnalysisSet = field(metadata=HIDDEN)

    def to_json(self) -> dict[str, Any]:
        """The analysis as the module describes it, ready for ``json.dumps(..., allow_nan=False)``."""
        told = {entry.name: _plain(getattr(self, entry.name)) for entry in fields(self) if not entry.metadata}
        told["plan"] = {name: part for name, part in told["plan"].items() if name not in UNUSED[self.plan.primary]}
        return told


def _plain(value: object) -> Any:
    """The value as JSON has it: no hidden fields, no NaN or infinity, a status by its name."""
    match value:
        case Enum():
            return value.name
        case Spec():
            return value.model_dump(mode="json")
        case bool() | str() | None:
            return value
        case int() | np.integer():
            return int(value)
        case float() | np.floating():
            return float(value) if isfinite(value) else None
        case Mapping():
            if set(map(type, value.values())) == {float} and all(map(isfinite, value.values())):
                return dict(value)
            return {key: _plain(item) for key, item in value.items()}
        case tuple() | list():
            if set(map(type, value)) == {tuple} and set(map(type, chain.from_iterable(value))) == {str}:
                return list(map(list, value))
            return [_plain(item) for item in value]
    if is_dataclass(value):
        return {entry.name: _plain(getattr(value, entry.name)) for entry in fields(value) if not entry.metadata}
    raise TypeError(f"{type(value).__name__} has no JSON form")
