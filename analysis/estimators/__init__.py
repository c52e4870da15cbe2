"""Estimators: each a small Spec with its options, the estimand that it answers, and one function on a block.

To add one: write a Spec with a ``kind``, ``estimand`` and ``estimate`` in the module of its family, and add it to the
`Estimator` union below. A study then takes it by its kind, and the shared contract test runs on it.
"""

from typing import Annotated

from pydantic import Field

from analysis.estimators.base import Estimate, Sample
from analysis.estimators.binary import Binary
from analysis.estimators.competing import FineGray, IncidenceDifference
from analysis.estimators.matched import Matched
from analysis.estimators.outcome_model import Aipw, GComputation, Ipcw
from analysis.estimators.own import Own
from analysis.estimators.parametric import ExponentialModel
from analysis.estimators.regression import Adjusted, Crude, ScoreCovariate, ScoreStrata, Stratified
from analysis.estimators.tests import (
    LogRankTest,
    MaxCombo,
    MedianDifference,
    RmstDifference,
    Several,
    SurvivalDifference,
)
from analysis.estimators.time_zero import CloneCensorWeight, DelayedEntry, Landmark, TimeDependent
from analysis.estimators.weighted import EntropyBalance, Ipw

__all__ = [
    "Adjusted",
    "Aipw",
    "Binary",
    "CloneCensorWeight",
    "Crude",
    "DelayedEntry",
    "EntropyBalance",
    "Estimate",
    "Estimator",
    "ExponentialModel",
    "FineGray",
    "GComputation",
    "IncidenceDifference",
    "Ipcw",
    "Ipw",
    "Landmark",
    "LogRankTest",
    "Matched",
    "MaxCombo",
    "MedianDifference",
    "Own",
    "RmstDifference",
    "Sample",
    "ScoreCovariate",
    "ScoreStrata",
    "Several",
    "Stratified",
    "SurvivalDifference",
    "TimeDependent",
]

Estimator = Annotated[
    Crude
    | Adjusted
    | Stratified
    | ScoreCovariate
    | ScoreStrata
    | Matched
    | Ipw
    | EntropyBalance
    | GComputation
    | Aipw
    | Ipcw
    | ExponentialModel
    | Landmark
    | DelayedEntry
    | TimeDependent
    | CloneCensorWeight
    | LogRankTest
    | MaxCombo
    | RmstDifference
    | SurvivalDifference
    | MedianDifference
    | IncidenceDifference
    | FineGray
    | Several
    | Binary
    | Own,
    Field(discriminator="kind"),
]
