"""Competing risks as R has them: cmprsk where nothing is weighted, survfit, finegray and coxph where it is.

300 sets of 12 to 90 patients, three in four with ties; `tests/oracle/competing.R` made them.
"""

import gzip
import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from analysis.kernels.status import Status
from analysis.survival.fine_gray import fine_gray
from analysis.survival.gray import gray_test
from analysis.survival.incidence import cumulative_incidence, incidence_contrast, time_lost
from analysis.survival.statistics import CoxFit, cox
from simulator.numerics.arrays import Bools, Floats, Ints
from tests import oracle
from tests.reference import competing as slow

AT = (0.25, 0.5, 1.0)
_TEXT = gzip.decompress((oracle.HERE / "competing.csv.gz").read_bytes()).decode()
ALL = np.loadtxt(io.StringIO(_TEXT), delimiter=",", skiprows=1, dtype=np.int64)
FROZEN: list[dict[str, Any]] = [
    json.loads(line) for line in gzip.decompress((oracle.HERE / "competing.jsonl.gz").read_bytes()).splitlines()
]


class Cohort:
    """One set as a block of one cohort."""

    def __init__(self, columns: Ints) -> None:
        self.time: Floats = columns[None, :, 1] / 1024
        self.cause: Ints = columns[None, :, 2]
        self.treated: Bools = columns[None, :, 3] == 1
        self.x: Floats = np.stack([columns[:, 3], columns[:, 4] / 16], axis=-1)[None]
        self.weight: Floats = columns[None, :, 5] / 16
        self.pair: Ints = columns[None, :, 6]


def sets() -> Iterator[tuple[Cohort, dict[str, Any]]]:
    """The patients and what R says of them."""
    for frozen in FROZEN:
        yield Cohort(ALL[ALL[:, 0] == frozen["set"]]), frozen


def close(ours: Any, frozen: Any, what: str) -> None:
    """To 1e-8; R's digits are twelve."""
    np.testing.assert_allclose(ours, np.array(frozen, dtype=float), rtol=1e-8, atol=1e-8, err_msg=what)


def test_there_are_sets_with_and_without_ties() -> None:
    assert len(FROZEN) == 300
    assert sum(one["tied"] for one in FROZEN) == 225


@pytest.mark.parametrize("weighted", [False, True])
def test_cumulative_incidence_is_that_of_survfit(weighted: bool) -> None:
    compared = 0
    for cohort, frozen in sets():
        said, weight = frozen["weighted" if weighted else "plain"], cohort.weight if weighted else None
        for a in range(2):
            for cause in range(np.shape(said["value"][a])[1]):
                found = cumulative_incidence(
                    cohort.time, cohort.cause, AT, of=cause + 1, present=cohort.treated == a, weight=weight
                )
                reached = (np.array(AT) <= said["until"][a]) | (said["free"][a] == 0)
                assert ((found.status[0] == Status.OK) == reached).all()
                what = f"set {frozen['set']}, arm {a}, cause {cause + 1}"
                close(found.value[0, reached], np.array(said["value"][a])[reached, cause], what)
                close(found.se[0, reached], np.array(said["se"][a])[reached, cause], what)
                compared += reached.sum()
                lost = time_lost(
                    cohort.time, cohort.cause, 1.0, of=cause + 1, present=cohort.treated == a, weight=weight
                )
                if reached[2]:
                    close(lost.value[0], said["lost"][a][cause], what)
                    close(lost.se[0], said["lost_se"][a][cause], what)
    assert compared > 3000


@pytest.mark.parametrize("weighted", [False, True])
def test_contrasts_in_pairs_follow_from_survfits_influence(weighted: bool) -> None:
    compared = 0
    for cohort, frozen in sets():
        said, weight = frozen["weighted" if weighted else "plain"], cohort.weight if weighted else None

        def contrast(at: float, measure: Any, cohort: Cohort = cohort, weight: Any = weight) -> Any:
            return incidence_contrast(
                cohort.time, cohort.cause, cohort.treated, at, measure, weight=weight, cluster=cohort.pair
            )

        for k, at in enumerate(AT):
            both = [np.array(said["value"][a])[k, 0] for a in range(2)]
            difference, ratio = contrast(at, "incidence_difference"), contrast(at, "log_incidence_ratio")
            if difference.status[0] == Status.OK:
                close(difference.value[0], both[1] - both[0], f"set {frozen['set']}")
                close(difference.se[0], said["pair_se"][k], f"set {frozen['set']}")
            if ratio.status[0] == Status.OK:
                close(np.exp(ratio.value[0]), both[1] / both[0], f"set {frozen['set']}")
                close(ratio.se[0], said["ratio_se"][k], f"set {frozen['set']}")
                compared += 1
        lost = contrast(1.0, "rmtl_difference")
        if lost.status[0] == Status.OK:
            close(lost.value[0], said["lost"][1][0] - said["lost"][0][0], f"set {frozen['set']}")
            close(lost.se[0], said["lost_pair_se"], f"set {frozen['set']}")
    assert compared > 500


def test_limits_are_those_of_survfit() -> None:
    for cohort, frozen in sets():
        if not (cohort.time.max() >= 0.5):
            continue
        for kind in ("log", "plain", "log-log"):
            found = cumulative_incidence(cohort.time, cohort.cause, 0.5, conf_type=kind)  # type: ignore[arg-type]
            close([found.low[0, 0], found.high[0, 0]], frozen["limits"][kind], f"set {frozen['set']}, {kind}")


def test_incidence_and_its_variance_are_those_of_cuminc() -> None:
    compared = 0
    for cohort, frozen in sets():
        for a in range(2):
            found = cumulative_incidence(
                cohort.time, cohort.cause, AT, present=cohort.treated == a, variance="binomial"
            )
            est, var = (np.array(frozen["cuminc"][part][a], float) for part in ("est", "var"))
            told = np.isfinite(est) & (found.status[0] == Status.OK)
            close(found.value[0, told], est[told], f"set {frozen['set']}")
            close(found.se[0, told] ** 2, var[told], f"set {frozen['set']}")
            compared += told.sum()
    assert compared > 1000


def test_gray_is_that_of_cuminc() -> None:
    compared = 0
    for cohort, frozen in sets():
        found = gray_test(cohort.time, cohort.cause, cohort.treated)
        if found.status[0] == Status.OK:
            close([found.chi2[0], found.p[0]], frozen["gray"], f"set {frozen['set']}")
            compared += 1
            if frozen["set"] % 10 == 0:
                time, kind, treated = cohort.time[0], np.minimum(cohort.cause[0], 2), cohort.treated[0]
                score = slow.gray_score(time, kind, treated, np.ones(len(time)))
                close(score**2 / slow.gray_variance(time, kind, treated), frozen["gray"][0], f"set {frozen['set']}")
    assert compared > 290


def same_fit(fit: CoxFit, said: Any, what: str) -> int:
    """Compares a fit with coxph's; 0 if R warned or one has no answer."""
    if said is None or fit.status[0] != Status.OK or fit.robust_se is None:
        return 0
    for ours, name in ((fit.beta, "beta"), (fit.se, "se"), (fit.robust_se, "robust")):
        close(ours[0], np.atleast_1d(said[name]), f"{what}: {name}")
    close([fit.loglik_null[0], fit.loglik[0]], said["loglik"], what)
    return 1


@pytest.mark.parametrize("model", ["fg", "fg2", "fgw", "arm", "specific"])
def test_models_are_those_of_coxph_on_the_rows_of_finegray(model: str) -> None:
    """The arm alone, with a covariate, weighted in pairs, censoring by arm; and the cause-specific Cox model."""
    compared = 0
    for cohort, frozen in sets():
        x = cohort.x[..., :1] if model in ("fg", "arm") else cohort.x
        options: dict[str, Any] = {}
        if model in ("fgw", "specific"):
            options = {"weight": cohort.weight, "cluster": cohort.pair}
        if model == "arm":
            options = {"censoring": cohort.treated.astype(int)}
        if model == "specific":
            fit = cox(cohort.time, cohort.cause == 1, x, **options)
        else:
            fit = fine_gray(cohort.time, cohort.cause, x, **options)
        compared += same_fit(fit, frozen[model], f"set {frozen['set']}, {model}")
    assert compared > 290


def test_models_are_those_of_crr() -> None:
    compared = 0
    for cohort, frozen in sets():
        for name, x in (("crr", cohort.x), ("crr1", cohort.x[..., :1])):
            said, fit = frozen[name], fine_gray(cohort.time, cohort.cause, x, like="crr")
            if fit.status[0] != Status.OK or not said["converged"] or fit.robust_se is None:
                continue
            close(fit.beta[0], np.atleast_1d(said["beta"]), f"set {frozen['set']}, {name}")
            close(fit.robust_se[0], np.atleast_1d(said["se"]), f"set {frozen['set']}, {name}")
            if not frozen["tied"]:
                close(fine_gray(cohort.time, cohort.cause, x).beta[0], fit.beta[0], f"set {frozen['set']}, untied")
            compared += 1
    assert compared > 550
