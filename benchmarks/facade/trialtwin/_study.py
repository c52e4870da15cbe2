"""`Study`: what is asked of a world, ready to be changed, run and saved; and cohorts simulated from it."""

from collections.abc import Mapping
from functools import cached_property
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from ._call import TrialTwinError, Values, Where, answer, asked, plain_python

if TYPE_CHECKING:
    import pandas as pd

    from benchmarks.words.answer import Answer

StudyLike: TypeAlias = "str | PathLike[str] | Mapping[str, Any] | Study"
"""A shipped scenario by its name, a YAML file by its path, a dict, or a `Study`."""
SHOWN = ("source", "arms", "patients", "target", "estimators", "cells")
"""The lines of `trialtwin show` that tell what a study is."""


class Study:
    """A valid study: where it comes from, and what was set in it. Made by `load`; `with_` gives another one."""

    def __init__(self, study: StudyLike, values: Values | None = None) -> None:
        """The study with values set at dotted paths; TrialTwinError lists everything that is wrong with it."""
        given = of_study({"study": study, "set": values})
        self.origin: str | dict[str, Any] = given["name"]
        self.values: dict[str, Any] = given["set"]
        self._shown: Answer = answer("show", given, "load")

    @property
    def name(self) -> str:
        """Its name."""
        return str(self._shown.data["name"])

    @property
    def question(self) -> str:
        """What it asks."""
        return str(self._shown.data["question"])

    @cached_property
    def tree(self) -> dict[str, Any]:
        """The whole document, after what it extends and what was set, as plain values."""
        tree: dict[str, Any] = plain_python(self._shown.found.document.tree)
        return tree

    def with_(self, values: Values) -> "Study":
        """The study with more values set at dotted paths, as ``study.with_({"population.size": 300})``."""
        return Study(self, values)

    def save(self, path: Where) -> Path:
        """Write the whole document to a .yaml file, which every function and command takes; its path.

        It extends nothing and says no sources.
        """
        from benchmarks.words.answer import write_page
        from simulator.documents.loading import resolved_yaml

        place = Path(path)
        if place.suffix not in (".yaml", ".yml"):
            raise TrialTwinError(f"{place}: end the name in .yaml")
        with asked("show", {"name": self.origin}):
            write_page(place, resolved_yaml(self.tree))
        return place

    def __repr__(self) -> str:
        return "\n".join([f"{self.name}: {self.question}", *(f"{name}: {words}" for name, words in self._lines())])

    def _repr_html_(self) -> str:
        """The study in a notebook."""
        from analysis.tables.table_files import as_html_body
        from analysis.tables.text_table import table

        return as_html_body(f"{self.name}: {self.question}", [table("", ("", "value"), self._lines())], ())

    def _lines(self) -> list[tuple[str, str]]:
        found = [line.partition(": ") for line in self._shown.lines if line.partition(": ")[0] in SHOWN]
        return [(name, words.replace("; ", ", ")) for name, _, words in found[: len(SHOWN)]]


def of_study(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a function of a study as those of its command: the study's origin, and all values set in it."""
    study, values = given["study"], dict(given["set"] or {})
    if isinstance(study, Study):
        values = {**study.values, **values}
        study = study.origin
    name = fspath(study) if isinstance(study, PathLike) else dict(study) if isinstance(study, Mapping) else study
    return {"name": name, "set": values, **{key: one for key, one in given.items() if key not in ("study", "set")}}


def load(study: StudyLike, *, set: Values | None = None) -> Study:
    """The study of that name, path or dict, checked in every cell of its sweep.

    ``set`` has values by dotted path, as ``--set`` on the command line. Times are in the world's unit, months unless
    it says otherwise.

        load("paper", set={"run.replicates": 50})
        load({"extends": "paper", "name": "small", "population": {"size": 200}})
    """
    return Study(study, set)


def simulate(
    study: StudyLike, *, reps: int = 1, seed: int | None = None, hidden: bool = False, set: Values | None = None
) -> "pd.DataFrame":
    """Virtual cohorts of a world: one row per patient, a column ``replicate`` where there are several.

    ``<endpoint>_time`` is in the world's unit of time, months unless it says otherwise; ``<endpoint>_event`` is 1 for
    an event. ``hidden`` adds what nobody observes: the true propensity, and both potential outcomes.

        simulate("paper", reps=2, seed=7)
    """
    given = {**of_study(locals()), "out": "cohorts.csv"}  # which is not written
    from benchmarks.asked.load_study import load_study
    from benchmarks.cli.verbs import simulated

    with asked("simulate", given) as (context, _):
        of = context.params
        (table,) = simulated(load_study(of["name"], of["settings"], of["reps"], of["seed"]), of["hidden"], "plain")
    return table
