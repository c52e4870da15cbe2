"""The paper's analysis of one cohort: `analyse`. What it returns is described in `analysis.paper.cohort_analysis`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import compress

import numpy as np

from analysis.cohort_files.as_read import AsRead
from analysis.kernels.status import Status
from analysis.paper.adjusted_sizes import adjusted_sizes
from analysis.paper.cohort_analysis import (
    FORMAT,
    BinaryResult,
    BothComparisons,
    BothSides,
    CohortAnalysis,
    Comparison,
    EndpointResult,
    MatchedSets,
    PropensityModel,
    Sizes,
    Tables,
    set_aside,
)
from analysis.paper.competing import compare_competing, times_to_look
from analysis.paper.cox_tables import DesignColumns, cox_columns, multivariable, univariable
from analysis.paper.effects import AnalysisSet, ByArm, curves, follow_up, hazard_ratio, log_rank, time_differences
from analysis.paper.matched_sets import match_sets, score_of
from analysis.paper.responses import response
from analysis.paper.sides import has_sides
from analysis.paper.stratified import in_strata
from analysis.paper.subgroups import subgroups
from analysis.paper.table1 import Amounts, Count, presentation, summary, table1
from analysis.paper.tie_choices import tie_choices
from analysis.plan.analysis_plan import Plan, propensity_terms
from analysis.propensity.logistic_models import StepwiseFit
from analysis.propensity.scores import propensity_score
from analysis.propensity.strata import between_quantiles
from analysis.propensity.weighting import plan_weights
from analysis.survival.columns import KnownColumns
from analysis.survival.survival_data import lined_up, sorted_endpoint
from analysis.two_samples.tests import NAN
from simulator.cohort.addresses import ALONE, Address, reordered, row_order
from simulator.cohort.cohorts import Endpoint, Observed
from simulator.cohort.terms import Design, design
from simulator.numerics.arrays import Floats, Ints

__all__ = ["CohortAnalysis", "analyse"]


def analyse(
    observed: Observed,
    ids: Sequence[str],
    plan: Plan,
    arms: tuple[str, str] = ("Control", "Treated"),
    labels: Mapping[str, str] | None = None,
    as_read: AsRead | None = None,
    order: Ints | None = None,
    address: Address = ALONE,
    at: Mapping[str, tuple[float, ...]] | None = None,
) -> CohortAnalysis:
    """The whole workflow on one cohort (R = 1): propensity, the set compared, Table 1, every outcome before and after.

    ``ids (N,)`` name the patients; ``arms`` are the labels of control and treated; ``labels`` those of outcomes;
    ``as_read`` is what reading a file decided; ``at`` says when to look at endpoints with competing events,
    if not at the plan's times.

    Nothing depends on where a row stands: all is computed with the rows in the ``order (N,)``, that of a hash of the
    ids unless stated, and what is left to chance is drawn at ``address`` in that order. Patients are listed as given.
    """
    if observed.treated.shape[0] != 1 or observed.treated.shape[1] != len(ids):
        raise ValueError(f"one cohort of {len(ids)} patients is needed, not a block {observed.treated.shape}")
    line = row_order(ids) if order is None else order
    observed, ids = reordered(observed, line), [ids[i] for i in line.tolist()]
    observed = replace(observed, endpoints={name: sorted_endpoint(one) for name, one in observed.endpoints.items()})
    present, treated = observed.present[0], observed.treated[0]
    address = address.of_rows(line)
    model = fit_propensity(observed, ids, plan, address)
    before = AnalysisSet(present)
    sets, status, after, clustered = adjusted_sets(observed, ids, plan, model, address, line[None])
    shows = presentation(observed, before, plan.table1)
    columns = [cox_columns(observed, plan, arms, group.present) for group in (before, after)]
    label, times = dict(labels or {}), {**dict.fromkeys(observed.endpoints, plan.survival.times), **(at or {})}
    looks = {
        name: times[name] or times_to_look(course, treated)
        for name, course in observed.endpoints.items()
        if course.competing is not None
    }
    endpoints = {
        name: EndpointResult(
            label.get(name, name),
            compare(course, observed, columns[0], before, None, plan),
            compare(course, observed, columns[1], after, clustered if sets else None, plan),
            None if name not in looks else _competing(course, looks[name], observed, (before, after, clustered), plan),
        )
        for name, course in observed.endpoints.items()
    }
    return CohortAnalysis(
        format=FORMAT,
        arms=ByArm(arms[1], arms[0]),
        cohort=Sizes(int(present.sum()), int((present & treated).sum()), int((present & ~treated).sum())),
        as_read=as_read,
        plan=plan,
        propensity=_as_given(model, ids, line),
        adjusted=adjusted_sizes(plan.primary, after, treated, status),
        matching=sets and _with_ties(sets, observed, plan, model, endpoints, address, line[None]),
        table1=Tables(table1(observed, before, shows, plan), table1(observed, after, shows, plan)),
        endpoints=endpoints,
        binary=_binary(observed, label, before, after, sets, plan),
        exposure=_exposure(observed, before, after),
        modes=_modes(observed, before, after),
        observed=observed,
        before=before,
        after=after,
    )


def _competing(
    course: Endpoint,
    at: Sequence[float],
    observed: Observed,
    sets: tuple[AnalysisSet, AnalysisSet, AnalysisSet],
    plan: Plan,
) -> BothComparisons:
    """The endpoint among competing events, before and after, where matched sets or weighted patients are clusters."""
    before, after, clustered = sets
    return BothComparisons(
        compare_competing(course, at, observed, before, None, plan),
        compare_competing(course, at, observed, after, clustered, plan),
    )


def _as_given(model: PropensityModel, ids: Sequence[str], line: Ints) -> PropensityModel:
    """The model, its scores and who is set aside in the order of the data; the rows and ``ids`` stand in ``line``."""
    listed = [ids[row] for row in np.argsort(line).tolist()]
    scores = {name: model.scores[name] for name in listed if name in model.scores}
    aside = set(model.set_aside.ids)
    return replace(
        model, scores=scores, set_aside=replace(model.set_aside, ids=tuple(name for name in listed if name in aside))
    )


def _with_ties(
    sets: MatchedSets,
    observed: Observed,
    plan: Plan,
    model: PropensityModel,
    endpoints: Mapping[str, EndpointResult],
    address: Address,
    places: Ints,
) -> MatchedSets:
    """The sets with what is said of their ties; as they are where there are none."""
    if sets.status != Status.OK:
        return sets
    found = {name: (one.label, one.after.cox) for name, one in endpoints.items()}
    choices = tie_choices(
        observed,
        score_of(plan, model)[None],
        observed.present & ~model.aside,
        plan,
        address,
        places,
        sets.made,
        found,
        bool(model.selected),
    )
    return replace(sets, ties=choices)


def _binary(
    observed: Observed,
    label: Mapping[str, str],
    before: AnalysisSet,
    after: AnalysisSet,
    sets: MatchedSets | None,
    plan: Plan,
) -> dict[str, BinaryResult]:
    """The yes/no outcomes in each arm and set, paired where every matched set is a pair."""
    treated = observed.treated[0]
    pairs = np.array(sets.places, dtype=np.int64).reshape(-1, 2) if sets and plan.matching.simple else None
    return {
        name: BinaryResult(
            label.get(name, name),
            response(outcome[0], treated, before, None, plan),
            response(outcome[0], treated, after, pairs, plan),
        )
        for name, outcome in observed.binary.items()
    }


def _exposure(observed: Observed, before: AnalysisSet, after: AnalysisSet) -> dict[str, BothSides[Amounts]]:
    """The amounts received in each arm and set."""

    def side(amount: Floats, group: AnalysisSet) -> ByArm[Amounts]:
        got = group.present & ~np.isnan(amount)
        arms = [got & arm for arm in (observed.treated[0], ~observed.treated[0])]
        return ByArm(*(summary(amount[arm], None if group.weight is None else group.weight[arm]) for arm in arms))

    return {
        name: BothSides(side(amount[0], before), side(amount[0], after)) for name, amount in observed.exposure.items()
    }


def _modes(observed: Observed, before: AnalysisSet, after: AnalysisSet) -> dict[str, BothSides[Count]]:
    """How often each mode of progression was seen in each arm and set, in (weighted) percent of all seen there."""

    def side(name: str, group: AnalysisSet) -> ByArm[Count]:
        found = []
        for arm in (observed.treated[0], ~observed.treated[0]):
            seen = {mode: who[0] & group.present & arm for mode, who in observed.modes.items()}
            mass = {
                mode: int(who.sum()) if group.weight is None else group.weight[who].sum() for mode, who in seen.items()
            }
            whole = sum(mass.values())
            found.append(Count(int(seen[name].sum()), 100 * float(mass[name]) / float(whole) if whole else NAN))
        return ByArm(found[0], found[1])

    return {name: BothSides(side(name, before), side(name, after)) for name in observed.modes}


def compare(
    course: Endpoint,
    observed: Observed,
    columns: DesignColumns,
    group: AnalysisSet,
    clustered: AnalysisSet | None,
    plan: Plan,
) -> Comparison:
    """Everything about one endpoint in one set; ``clustered`` is the set with its matched sets as clusters."""
    course, rows = lined_up(course, group.present)
    observed = reordered(replace(observed, endpoints={}, binary={}, exposure={}, modes={}, delay=None), rows)
    columns, group = columns.of_rows(rows), group.of_rows(rows)
    clustered = clustered and clustered.of_rows(rows)
    treated, survival = observed.treated[0], plan.survival
    single = univariable(course, columns, group, plan)
    return Comparison(
        km=curves(course, treated, group, survival),
        follow_up=follow_up(course, treated, group, survival),
        logrank=log_rank(course, treated, group, survival.ties),
        cox=hazard_ratio(course, treated, group, survival),
        cox_pair_robust=None if clustered is None else hazard_ratio(course, treated, clustered, survival),
        **in_strata(course, observed, group, plan),
        univariable=single,
        multivariable=multivariable(course, columns, single, group, plan),
        subgroups=subgroups(course, observed, group, plan),
        survival_difference=time_differences(course, treated, group, "survival", survival),
        rmst_difference=time_differences(course, treated, group, "rmst", survival),
    )


def fit_propensity(observed: Observed, ids: Sequence[str], plan: Plan, address: Address = ALONE) -> PropensityModel:
    """The plan's propensity model; columns that are constant or made of earlier ones are dropped, as R does."""
    terms = propensity_terms(plan, observed.variable)
    full = design(terms, observed.variable, observed.names, observed.covariates)
    present = observed.present[0]
    found = KnownColumns.of(full.x[0, present]).estimable(range(len(full.columns)))
    varies = [k for k, status in enumerate(found) if status in (Status.OK, Status.BAD_INPUT)]
    dropped = tuple(column for k, column in enumerate(full.columns) if k not in varies)
    if not varies:
        return _no_model(plan, terms, dropped, ids)
    kept = list(dict.fromkeys(full.term_of[k] for k in varies))
    made = Design(
        np.ascontiguousarray(full.x[..., varies]),
        tuple(full.columns[k] for k in varies),
        tuple(kept.index(full.term_of[k]) for k in varies),
    )
    chosen = plan.propensity
    fit = propensity_score(chosen, made.x, observed.treated, observed.present, made.term_of, address)
    selected = fit.selected[0] if isinstance(fit, StepwiseFit) else np.ones(len(kept), dtype=np.bool_)
    status = Status(int(fit.status[0]))
    inside = [k for k in range(len(made.columns)) if selected[made.term_of[k]]]
    places = {"(Intercept)": 0, **{made.columns[k]: k + 1 for k in inside}}
    places = {} if chosen.method == "boosting" else places
    fitted = np.where(present & (status == Status.OK), fit.fitted[0], NAN)
    runs = [(name, k) for name, k in places.items() if status == Status.OK and np.isnan(fit.beta[0, k])]
    infinite = {name: {1: "+", -1: "-"}.get(int(fit.sign[0, k])) for name, k in runs}
    aside = present & (status == Status.OK) & fit.aside[0] & has_sides(plan)
    return PropensityModel(
        method=chosen.method,
        candidates=terms,
        selected=tuple(terms[index] for index, keep in zip(kept, selected, strict=True) if keep),
        coefficients={name: float(fit.beta[0, k]) for name, k in places.items()},
        infinite=infinite,
        dropped=dropped,
        aic=float(fit.aic[0]),
        scores=dict(zip(compress(ids, present.tolist()), fitted[present].tolist(), strict=True)),
        status=status,
        set_aside=set_aside(aside, observed.treated[0], ids, plan.primary),
        linear=np.where(present & (status == Status.OK), fit.linear[0], NAN),
        fitted=fitted,
        aside=aside,
    )


def _no_model(plan: Plan, terms: tuple[str, ...], dropped: tuple[str, ...], ids: Sequence[str]) -> PropensityModel:
    nothing, nobody = np.full(len(ids), NAN), np.zeros(len(ids), np.bool_)
    return PropensityModel(
        method=plan.propensity.method,
        candidates=terms,
        selected=(),
        coefficients={},
        infinite={},
        dropped=dropped,
        aic=NAN,
        scores={},
        status=Status.NO_INFO,
        set_aside=set_aside(nobody, nobody, ids, plan.primary),
        linear=nothing,
        fitted=nothing,
        aside=nobody,
    )


def adjusted_sets(
    observed: Observed,
    ids: Sequence[str],
    plan: Plan,
    model: PropensityModel,
    address: Address,
    places: Ints,
) -> tuple[MatchedSets | None, Status, AnalysisSet, AnalysisSet]:
    """The matched sets, None where the primary analysis is no matching; why nobody is compared, OK where some are; the
    set analysed after, and the same with its matched sets as clusters.
    """
    if plan.primary == "matching":
        sets, after, clustered = match_sets(observed, ids, plan, model, address, places)
        return sets, sets.status, after, clustered
    present, treated = observed.present, observed.treated
    status, after = Status.OK, AnalysisSet(present[0])
    if plan.primary == "weighting":
        status = model.status
        scored = present & (status == Status.OK) & ~model.aside
        weight, kept = plan_weights(plan.weighting, model.fitted[None], treated, scored)
        after = AnalysisSet(kept[0], weight[0], np.arange(len(ids), dtype=np.int64))
    if plan.primary == "stratification":
        status = model.status
        scored = present & (status == Status.OK) & ~model.aside
        score = np.where(scored, model.linear[None], 0.0)
        after = AnalysisSet(scored[0], stratum=between_quantiles(score, scored, plan.stratification.strata)[0])
    both = bool((after.present & treated[0]).any() and (after.present & ~treated[0]).any())
    return None, Status.TOO_FEW if status == Status.OK and not both else status, after, after
