"""Estimators: each a small Spec with its options, the estimand that it answers, and one function on a block.

To add one: write a Spec with a ``kind``, ``estimand`` and ``estimate`` in the module of its family, and add it to the
`Estimator` union below. A study then takes it by its kind, and the shared contract test runs on it.
"""

from typing import Annotated

from pydantic import Field

from analysis.estimators.base import Estimate, Sample
from analysis.estimators.matched import Matched
from analysis.estimators.own import Own
from analysis.estimators.parametric import Exponential
from analysis.estimators.regression import Adjusted, Crude
from analysis.estimators.weighted import Ipw

__all__ = ["Adjusted", "Crude", "Estimate", "Estimator", "Exponential", "Ipw", "Matched", "Own", "Sample"]

Estimator = Annotated[Crude | Adjusted | Matched | Ipw | Exponential | Own, Field(discriminator="kind")]
