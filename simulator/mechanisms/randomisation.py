"""Randomisation other than by a coin: in permuted blocks, within strata or not, and of whole clusters."""

from collections.abc import Iterator
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from simulator.documents.spec import Name
from simulator.mechanisms.by_arm import MomentsByArm
from simulator.mechanisms.contract import TREATMENT, Around, AtEntry, Mechanism
from simulator.mechanisms.treatment_start import TreatmentStart
from simulator.numerics.arrays import Bools, Floats, Ints
from simulator.numerics.compiled import kernel

BetweenArms = Annotated[float, Field(gt=0, lt=1)]


class Randomised(Mechanism):
    """What ways of randomising have in common: the ``share`` of the treated, whatever the patients are."""

    share: BetweenArms
    start: TreatmentStart | None = None

    def unfit(self, around: Around) -> Iterator[tuple[str, str]]:
        """Nothing bears on the choice of a treatment that is drawn by lot."""
        for place, what, names in around.named():
            if what == "transition" and TREATMENT in names:
                yield "kind", f"treatment is drawn by lot, and {place} names '{TREATMENT}' among what it changes"
        for place, part in around.parts.items():
            if isinstance(part, MomentsByArm):
                yield "kind", f"treatment is drawn by lot, and {place} states how the arms differ"
        yield from self.unfit_levels(around)

    def unfit_levels(self, around: Around) -> Iterator[tuple[str, str]]:
        """Why covariates cannot play their part in it: key and reason."""
        yield from ()

    def allot(self, patients: AtEntry) -> Bools:
        """Who is treated ``(R, N)``."""
        raise NotImplementedError


class Blocks(Randomised):
    """Permuted blocks: of every ``block`` patients in the order of entry the ``share`` is treated, whichever they are.

    Each combination of levels of the ``strata`` has blocks of its own, so that its arms keep the share.
    """

    kind: Literal["blocks"]
    block: Annotated[int, Field(ge=2)]
    strata: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _is_whole(self) -> "Blocks":
        if abs(self.treated_per_block - self.share * self.block) > 1e-9:
            raise ValueError(f"a share of {self.share:g} of a block of {self.block} is no whole number of patients")
        if len(set(self.strata)) < len(self.strata):
            raise ValueError("strata: a covariate is given twice")
        return self

    @property
    def treated_per_block(self) -> int:
        """How many of a whole block are treated."""
        return round(self.share * self.block)

    def unfit_levels(self, around: Around) -> Iterator[tuple[str, str]]:
        """Strata are levels of covariates that are measured."""
        for name in self.strata:
            found = around.measured.get(name)
            if found is None or found.kind == "continuous":
                yield "strata", f"no measured covariate '{name}' with levels"

    def allot(self, patients: AtEntry) -> Bools:
        """Who is treated ``(R, N)``: the patients of a stratum take the places of its blocks one after the other."""
        stratum, strata = np.zeros(patients.entry.shape, np.int64), 1
        for name in self.strata:
            levels = len(patients.variables[name].levels)
            stratum, strata = stratum * levels + patients.value(name).astype(np.int64), strata * levels
        order = np.argsort(patients.entry, axis=1, kind="stable")
        treated = np.empty(order.shape, np.bool_)
        fill_blocks(
            order, stratum, patients.luck.uniform(TREATMENT), strata, self.block, self.treated_per_block, treated
        )
        return treated


class Clusters(Randomised):
    """Whole clusters, the levels of a ``covariate``: exactly the ``share`` of them is treated in every replicate."""

    kind: Literal["clusters"]
    covariate: Name

    def unfit_levels(self, around: Around) -> Iterator[tuple[str, str]]:
        """Clusters are levels, and a whole number of them is treated."""
        found = around.measured.get(self.covariate)
        if found is None or found.kind == "continuous":
            yield "covariate", f"no measured covariate '{self.covariate}' with levels"
        elif abs(round(self.share * len(found.levels)) - self.share * len(found.levels)) > 1e-9:
            yield "share", f"{self.share:g} of {len(found.levels)} levels of {self.covariate} is no whole number"

    def allot(self, patients: AtEntry) -> Bools:
        """Who is treated ``(R, N)``: all of some clusters."""
        levels = len(patients.variables[self.covariate].levels)
        luck = patients.luck.per(levels).uniform("treatment of clusters")
        rank = np.argsort(np.argsort(luck, axis=1), axis=1)
        cluster = patients.value(self.covariate).astype(np.int64)
        return np.take_along_axis(rank, cluster, axis=1) < round(self.share * levels)


@kernel
def fill_blocks(
    order: Ints, stratum: Ints, luck: Floats, strata: int, block: int, treated_per_block: int, treated: Bools
) -> None:
    """Fills ``treated (R, N)`` for patients who come in the ``order (R, N)``, each of a ``stratum (R, N)``.

    Of the places left in the block of the stratum each is as likely to be taken: a patient is treated where the
    uniform ``luck (R, N)`` is below the share of treated among them.
    """
    for r in range(order.shape[0]):
        places = np.zeros(strata, np.int64)
        left = np.zeros(strata, np.int64)
        for i in range(order.shape[1]):
            patient = order[r, i]
            s = stratum[r, patient]
            if places[s] == 0:
                places[s], left[s] = block, treated_per_block
            takes = luck[r, patient] * places[s] < left[s]
            treated[r, patient] = takes
            left[s] -= takes
            places[s] -= 1
