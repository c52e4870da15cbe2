"""The subdistribution hazard ratio within subgroups, and whether it differs between them."""

from dataclasses import dataclass

import numpy as np

from analysis.paper.effects import AnalysisSet, ByArm, HazardRatio, effect
from analysis.paper.subgroups import interaction_columns, robust_p, rows_of
from analysis.plan.analysis_plan import Plan
from analysis.survival.fine_gray import fine_gray
from analysis.survival.gray import gray_test
from analysis.two_samples.tests import NAN
from simulator.cohort.cohorts import Endpoint, Observed
from simulator.numerics.arrays import Bools, Ints


@dataclass(frozen=True)
class CompetingSubgroup(HazardRatio):
    """Fine and Gray's hazard ratio of treatment in one subgroup (``variable`` null: everyone), with Gray's p.

    ``interaction_p`` is the robust Wald test of the factor's products with treatment, with ``interaction_df`` degrees
    of freedom, repeated in its rows.
    """

    variable: str | None
    level: str
    label: str
    n: int
    events: ByArm[int]
    competing_events: ByArm[int]
    p_gray: float
    interaction_p: float
    interaction_df: int


def competing_subgroups(
    course: Endpoint, cause: Ints, observed: Observed, group: AnalysisSet, robust: AnalysisSet, plan: Plan
) -> tuple[CompetingSubgroup, ...]:
    """A row for everyone and for each level of each of the plan's factors; ``cause (1, N)`` as in `fine_gray`.

    Models follow the clusters of ``robust``; Gray's test those of ``group`` where it has weights. Each subgroup has its
    own estimate of censoring.
    """
    treated = observed.treated[0]

    def interaction(masks: list[Bools]) -> tuple[float, int]:
        made = interaction_columns(treated, masks, robust.present)
        if made is None:
            return NAN, 0
        columns, first = made
        fit = fine_gray(
            course.time, cause, columns[None], present=robust.present[None],
            weight=None if robust.weight is None else robust.weight[None], cluster=robust.clusters[None],
            stratum=robust.strata,
        )  # fmt: skip
        return robust_p(fit, first)

    rows = rows_of(observed, plan, interaction)
    present = np.array([mask & group.present for *_, mask, _ in rows])
    fit = fine_gray(
        course.time, cause, treated[None, :, None].astype(np.float64), present=present,
        weight=None if robust.weight is None else robust.weight[None], cluster=robust.clusters[None],
        stratum=robust.strata,
    )  # fmt: skip
    score = gray_test(
        course.time, cause, treated[None], present=present, weight=None if group.weight is None else group.weight[None],
        cluster=None if group.weight is None else group.clusters[None],
    )  # fmt: skip
    se = np.full(len(rows), NAN) if fit.robust_se is None else fit.robust_se[:, 0]
    made = []
    for r, (variable, level, label, _, (p, df)) in enumerate(rows):
        found = effect(
            float(fit.beta[r, 0]), float(se[r]), int(fit.status[r]), plan.survival.level, int(fit.sign[r, 0])
        )
        counts = [
            ByArm(*(int((present[r] & arm & (cause[0] == k)).sum()) for arm in (treated, ~treated))) for k in (1, 2)
        ]
        made.append(
            CompetingSubgroup(
                **found.__dict__, variable=variable, level=level, label=label, n=int(present[r].sum()),
                events=counts[0], competing_events=counts[1], p_gray=float(score.p[r]), interaction_p=p,
                interaction_df=df,
            )
        )  # fmt: skip
    return tuple(made)
