"""The matched sets of one cohort: who was matched with whom, and the set that is analysed after it."""

from collections.abc import Iterator, Sequence
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from analysis.kernels.status import Status
from analysis.paper.cohort_analysis import MatchedSets, PropensityModel
from analysis.paper.effects import AnalysisSet
from analysis.plan.analysis_plan import Plan, propensity_terms
from analysis.propensity import matching
from analysis.two_samples.tests import NAN
from simulator.cohort.addresses import Address
from simulator.cohort.cohorts import Observed
from simulator.numerics.arrays import Floats, Ints


def score_of(plan: Plan, model: PropensityModel) -> Floats:
    """What is matched on."""
    return model.linear if plan.matching.scale == "logit" else model.fitted


def match_sets(
    observed: Observed,
    ids: Sequence[str],
    plan: Plan,
    model: PropensityModel,
    address: Address,
    places: Ints,
) -> tuple[MatchedSets, AnalysisSet, AnalysisSet]:
    """The matched sets, the set analysed after matching, and the same with its matched sets as clusters.

    ``places (1, N)`` says where each row stands in the data: sets are listed in that order of their treated.
    """
    chosen = plan.matching
    score = score_of(plan, model)
    ok = model.status == Status.OK
    made = matching.match_as(
        chosen,
        score[None],
        observed,
        observed.present & ok & ~model.aside,
        propensity_terms(plan, observed.variable),
        address,
        places,
    )
    controls = made.controls[0]
    listed = np.argsort(places[0])
    listed = listed[(controls[listed, 0] >= 0) & ok]
    rows = _listed_sets(listed, controls[listed])
    matched = np.zeros(len(ids), dtype=np.bool_)
    matched[listed] = True
    matched[controls[listed][controls[listed] >= 0]] = True
    treated = observed.treated[0]
    sets = MatchedSets(
        scale=chosen.scale,
        caliper_spec=chosen.caliper,
        unit=chosen.unit,
        caliper=float(made.width[0]) if ok else NAN,
        ratio=chosen.ratio,
        replacement=chosen.replacement,
        order=chosen.order,
        pairs=tuple(_sets_of(ids, rows)),
        n_pairs=len(rows),
        n_treated=int((matched & treated).sum()),
        n_control=int((matched & ~treated).sum()),
        status=Status(int(made.status[0])) if ok else model.status,
        ties=None,
        places=rows,
        made=made,
    )
    cluster: NDArray[np.int64] = made.pair[0].astype(np.int64)
    if chosen.replacement:
        cluster = np.arange(len(ids), dtype=np.int64)
    if chosen.simple:
        return sets, AnalysisSet(matched), AnalysisSet(matched, None, cluster)
    weighted = AnalysisSet(matched, made.weight[0], cluster)
    return sets, weighted, weighted


def _listed_sets(treated: Ints, controls: Ints) -> tuple[tuple[int, ...], ...]:
    """The rows of each set, its treated one first, from those of the controls ``(T, ratio)``, -1 for none."""
    if controls.shape[1] == 1:
        return tuple(zip(treated.tolist(), controls[:, 0].tolist(), strict=True))
    return tuple((i, *(j for j in own if j >= 0)) for i, own in zip(treated.tolist(), controls.tolist(), strict=True))


def _sets_of(ids: Sequence[str], rows: Sequence[tuple[int, ...]]) -> Iterator[tuple[str, ...]]:
    """The ids of each set."""
    named = map(ids.__getitem__, chain.from_iterable(rows))
    return (tuple(islice(named, len(one))) for one in rows)
