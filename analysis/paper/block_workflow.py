"""The paper's analysis of every cohort of a block: what `analysis.paper.workflow` does with one, as arrays."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
from scipy.special import chdtrc, ndtr

from analysis.estimators.base import Sample
from analysis.kernels.status import Status
from analysis.paper.stratified import stratified_cox, stratified_logrank
from analysis.plan.analysis_plan import cox_terms, subgroup_factors
from analysis.survival import statistics
from analysis.survival.columns import estimable
from analysis.survival.two_arms import ArmComparison, two_arms
from analysis.survival.weighted_survival import compare_weighted
from analysis.two_samples.baseline import BaselineRows, BaselineTable, baseline, rows_of
from analysis.two_samples.weighted_baseline import with_weighted
from analysis.two_samples.weighted_samples import WeightedSamples
from simulator.cohort.cohorts import EachOnDemand
from simulator.cohort.terms import holds
from simulator.numerics.arrays import Bools, Floats
from simulator.numerics.once import once


@dataclass(frozen=True)
class CoxModels:
    """The Cox models of one endpoint in the adjusted cohorts; columns are those of `BlockAnalysis.cox_design`.

    ``p_term (R, G)`` is the Wald p of each term (joint for a factor), ``entered (R, P)`` marks the columns of the
    multivariable model; other columns are NaN there, those that earlier ones make among them. In weighted cohorts
    ``se`` and ``covariance`` are the robust ones.
    """

    univariable: statistics.CoxEach
    p_term: Floats
    entered: Bools
    multivariable: statistics.CoxFit


@dataclass(frozen=True)
class _Found:
    """What was worked out by endpoint."""

    comparisons: dict[str, ArmComparison]
    cox_models: dict[str, CoxModels]
    subgroups: dict[str, ArmComparison]


@dataclass(frozen=True)
class BlockAnalysis:
    """The analysis of a block of R cohorts; each part is worked out when it is first asked for, and kept.

    The adjusted cohorts are those of the plan's primary analysis; after weighting, and after matching 1:k or with
    replacement, everything about them is weighted, and after stratification Cox models and log-rank tests are within
    the strata, as in `analysis.paper.workflow`.
    """

    sample: Sample

    @once
    def weighted(self) -> WeightedSamples | None:
        """The adjusted cohorts with weights and clusters; None where they have none."""
        made = self.sample.adjusted
        if made.weight is None:
            return None
        return WeightedSamples.of(self.sample.observed.treated, made.present, made.weight, made.cluster)

    @once
    def sets(self) -> Bools:
        """Who is analysed, ``(2 R, N)``: each cohort before, then after."""
        both = np.stack([self.sample.observed.present, self.sample.adjusted.present], axis=1)
        return both.reshape(-1, both.shape[2])

    @once
    def table1(self) -> BaselineTable:
        """Table 1 of each set, rows as in ``sets``."""
        return self._weighted_rows(self.unweighted_table1, self.sample.observed.covariates, self._rows)

    @once
    def unweighted_table1(self) -> BaselineTable:
        """The same without weights: what is said of every first set, the cohorts before, is all the same."""
        observed, smd = self.sample.observed, self.sample.plan.table1.smd
        return baseline(observed.covariates, observed.treated, self._rows, present=self.sets, smd=smd)

    @once
    def _rows(self) -> BaselineRows:
        return rows_of(self.sample.observed.variables)

    def baseline_of(self, values: Floats, rows: BaselineRows) -> BaselineTable:
        """The table of these ``values (R, N, K)``, rows as in ``sets``."""
        smd, observed = self.sample.plan.table1.smd, self.sample.observed
        made = baseline(values, observed.treated, rows, present=self.sets, smd=smd)
        return self._weighted_rows(made, values, rows)

    def _weighted_rows(self, made: BaselineTable, values: Floats, rows: BaselineRows) -> BaselineTable:
        if self.weighted is None:
            return made
        spread = self.sample.observed.present if self.sample.plan.table1.smd == "unmatched" else None
        return with_weighted(made, values, rows, self.weighted, spread)

    @once
    def _found(self) -> _Found:
        """What was worked out of each endpoint; mappings that know the block are made anew, not to keep it for ever."""
        return _Found({}, {}, {})

    @property
    def comparisons(self) -> Mapping[str, ArmComparison]:
        """Medians, log-rank test and hazard ratio of each endpoint, rows as in ``sets``."""
        return EachOnDemand(tuple(self.sample.observed.endpoints), self._compare_sides, self._found.comparisons)

    @once
    def cox_design(self) -> tuple[Floats, tuple[int, ...]]:
        """The columns ``(R, N, P)`` of the Cox terms, treatment last, and the term of each."""
        x, term_of = self.sample.columns(cox_terms(self.sample.plan, self.sample.observed.variable))
        arm = self.sample.observed.treated[..., None].astype(np.float64)
        return np.concatenate([x, arm], axis=2), (*term_of, max(term_of, default=-1) + 1)

    @property
    def cox_models(self) -> Mapping[str, CoxModels]:
        """Univariable and multivariable Cox models of each endpoint in the adjusted cohorts."""
        return EachOnDemand(tuple(self.sample.observed.endpoints), self._models, self._found.cox_models)

    @once
    def subgroup_sets(self) -> Bools:
        """The adjusted cohorts' patients of each subgroup, ``(R, S, N)``: everybody, then each factor's levels."""
        observed, matched = self.sample.observed, self.sample.adjusted.present
        rows = [terms for factor in subgroup_factors(self.sample.plan, observed.variable) for terms in factor.rows]
        names = dict.fromkeys(term for terms in rows for term in terms)
        by_variable = np.ascontiguousarray(np.moveaxis(observed.covariates, -1, 0))
        where = {
            name: holds(name, observed.variable, observed.names, np.moveaxis(by_variable, 0, -1)) for name in names
        }
        sets = np.empty((len(matched), 1 + len(rows), matched.shape[1]), np.bool_)
        sets[:, 0] = matched
        for s, terms in enumerate(rows, start=1):
            np.logical_and(matched, where[terms[0]], out=sets[:, s])
            for term in terms[1:]:
                sets[:, s] &= where[term]
        return sets

    @property
    def subgroups(self) -> Mapping[str, ArmComparison]:
        """The comparison of the arms in each subgroup, ``(R S,)``, without medians."""

        def compared(name: str) -> ArmComparison:
            sets = self.subgroup_sets
            return self._compare_after(name, sets.reshape(-1, sets.shape[2]), False)

        return EachOnDemand(tuple(self.sample.observed.endpoints), compared, self._found.subgroups)

    def _compare_sides(self, endpoint: str) -> ArmComparison:
        if self.weighted is None and self.sample.adjusted.stratum is None:
            return self._compare(endpoint, self.sets, True)
        present, after = self.sample.observed.present, self.sample.adjusted.present
        return _in_turn(self._compare(endpoint, present, True), self._compare_after(endpoint, after, True))

    def _compare_after(self, endpoint: str, sets: Bools, medians: bool) -> ArmComparison:
        """The arms in sets of the adjusted cohorts: weighted, or with the tests and models within their strata."""
        if self.weighted is not None:
            return self._compare_weighted(endpoint, sets, medians)
        made, stratum = self._compare(endpoint, sets, medians), self.sample.adjusted.stratum
        if stratum is None:
            return made
        course, treated = self.sample.observed.endpoints[endpoint], self.sample.observed.treated
        given = (course, treated, sets, stratum, self.sample.plan.survival, None, self.sample.orders[endpoint])
        cox, test = stratified_cox(*given), stratified_logrank(*given)
        ok = cox.status == Status.OK
        return replace(
            made, chi2=test.chi2, p=test.p, logrank_status=test.status, cox_status=cox.status,
            log_hr=np.where(ok, cox.log_hr, np.nan), se=np.where(ok, cox.se, np.nan),
        )  # fmt: skip

    def _compare(self, endpoint: str, sets: Bools, medians: bool) -> ArmComparison:
        course, plan = self.sample.observed.endpoints[endpoint], self.sample.plan.survival
        return two_arms(
            course.time,
            course.event,
            self.sample.observed.treated,
            present=sets,
            ties=plan.ties,
            medians=medians,
            conf_type=plan.conf_type,
            level=plan.level,
            order=self.sample.orders[endpoint],
        )

    def _compare_weighted(self, endpoint: str, sets: Bools, medians: bool) -> ArmComparison:
        weighted = self.weighted
        assert weighted is not None
        return compare_weighted(
            self.sample.observed.endpoints[endpoint],
            self.sample.observed.treated,
            self.sample.plan.survival,
            weight=weighted.weight,
            cluster=weighted.cluster,
            present=sets,
            medians=medians,
            order=self.sample.orders[endpoint],
        )

    def _single(self, endpoint: str) -> statistics.CoxEach:
        """A Cox model of each column."""
        course, order, ties = (
            self.sample.observed.endpoints[endpoint], self.sample.orders[endpoint], self.sample.plan.survival.ties
        )  # fmt: skip
        x = self.cox_design[0]
        if self.weighted is None and self.sample.adjusted.stratum is None:
            return statistics.cox_each(
                course.time,
                course.event,
                x,
                present=self.sample.adjusted.present,
                ties=ties,
                likelihoods=False,
                order=order,
            )
        fits = [self._fitted(endpoint, np.ascontiguousarray(x[..., p : p + 1])) for p in range(x.shape[2])]
        return statistics.CoxEach(
            np.concatenate([fit.beta for fit in fits], axis=1),
            np.concatenate([fit.se for fit in fits], axis=1),
            np.stack([fit.loglik for fit in fits], axis=1),
            np.stack([fit.loglik_null for fit in fits], axis=1),
            np.stack([fit.score_test for fit in fits], axis=1),
            fits[0].n,
            fits[0].events,
            np.stack([fit.status for fit in fits], axis=1),
        )

    def _models(self, endpoint: str) -> CoxModels:
        plan, matched = self.sample.plan, self.sample.adjusted.present
        x, term_of = self.cox_design
        single = self._single(endpoint)
        with np.errstate(invalid="ignore"):
            p_column = 2 * ndtr(-np.abs(single.beta / single.se))
        terms = max(term_of) + 1
        p_term = np.full((len(x), terms), np.nan)
        for term in range(terms):
            own = [k for k, owner in enumerate(term_of) if owner == term]
            if len(own) == 1:
                p_term[:, term] = p_column[:, own[0]]
                continue
            joint = self._factor(endpoint, own)
            p_term[:, term] = _joint_p(joint)
            for made, theirs in ((single.beta, joint.beta), (single.se, joint.se), (single.status, joint.state)):
                made[:, own] = theirs
        limit = plan.cox.screening_p
        with np.errstate(invalid="ignore"):
            passed = np.ones(p_term.shape, np.bool_) if limit is None else p_term < limit
        if plan.cox.keep_treatment:
            passed[:, -1] = True
        entered = passed[:, list(term_of)] & np.isin(single.status, (Status.OK, Status.MONOTONE, Status.NOT_CONVERGED))
        model = self._fit(endpoint, entered, single.beta)
        aliased = np.flatnonzero(model.status == Status.SINGULAR)
        for r in aliased:
            own = np.flatnonzero(entered[r]).tolist()
            states = estimable(x[r, matched[r]][:, own])
            entered[r, [k for k, state in zip(own, states, strict=True) if state != Status.OK]] = False
        if len(aliased):
            model = self._fit(endpoint, entered, single.beta)
        return CoxModels(single, p_term, entered, model)

    def _fit(self, endpoint: str, columns: Bools, start: Floats) -> statistics.CoxFit:
        return self._fitted(endpoint, self.cox_design[0], columns, start)

    def _factor(self, endpoint: str, own: list[int]) -> statistics.CoxFit:
        """The model of all columns of a factor; one that earlier ones make is SINGULAR, and the others do without."""
        x, matched = np.ascontiguousarray(self.cox_design[0][..., own]), self.sample.adjusted.present
        fit, keep = self._fitted(endpoint, x), np.ones((len(x), len(own)), np.bool_)
        for r in np.flatnonzero(fit.status == Status.SINGULAR):
            keep[r] = [state == Status.OK for state in estimable(x[r, matched[r]])]
        if not keep.all():
            fit = self._fitted(endpoint, x, keep)
            fit.state[~keep] = Status.SINGULAR
        return fit

    def _fitted(
        self, endpoint: str, x: Floats, columns: Bools | None = None, start: Floats | None = None
    ) -> statistics.CoxFit:
        """The Cox models on ``x`` in the adjusted cohorts; where these have weights, with the robust covariance."""
        course, weighted = self.sample.observed.endpoints[endpoint], self.weighted
        fit = statistics.cox(
            course.time,
            course.event,
            x,
            present=self.sample.adjusted.present,
            weight=None if weighted is None else weighted.weight,
            cluster=None if weighted is None else weighted.cluster,
            stratum=self.sample.adjusted.stratum,
            columns=columns,
            start=start,
            ties=self.sample.plan.survival.ties,
            order=self.sample.orders[endpoint],
        )
        if fit.robust_se is None or fit.robust_covariance is None:
            return fit
        return replace(fit, se=fit.robust_se, covariance=fit.robust_covariance)


def _joint_p(fit: statistics.CoxFit) -> Floats:
    """Wald's test of the columns that have a number; NaN where none has."""
    p, finite = np.full(len(fit.status), np.nan), fit.state == Status.OK
    ok = finite.any(axis=1)
    beta, both = np.where(finite, fit.beta, 0.0)[ok], finite[ok, :, None] & finite[ok, None, :]
    covariance = np.where(both, fit.covariance[ok], np.eye(fit.beta.shape[1]))
    weighed = np.linalg.solve(covariance, beta[..., None])[..., 0]
    p[ok] = chdtrc(finite[ok].sum(axis=1), (beta * weighed).sum(axis=1))
    return p


def _in_turn(before: ArmComparison, after: ArmComparison) -> ArmComparison:
    """The rows of both by turns."""
    made = {}
    for field in fields(ArmComparison):
        both = np.stack([getattr(before, field.name), getattr(after, field.name)], axis=1)
        made[field.name] = both.reshape(-1, *both.shape[2:])
    return ArmComparison(**made)
