"""Which printed numbers a derived world has: the others are for the audit alone, and it is said."""

from collections.abc import Iterable
from typing import Any

from analysis.paper.number_keys import problem
from analysis.paper.number_names import names_of
from analysis.paper.number_tree import facts, tree
from analysis.plan.analysis_plan import Plan
from benchmarks.derived.covariates import Covariates, tuples
from benchmarks.derived.parts import Tree, bare


def not_simulated(world: Tree, covariates: Covariates, keys: Iterable[str]) -> set[str]:
    """The keys of printed numbers that the analysis of a cohort of this world does not give."""
    plain: Any = bare({name: part for name, part in world.items() if name != "published"})
    outcomes = plain["outcomes"]
    modes = outcomes.get("progression_modes")
    names = names_of(
        list(covariates.variables.values()),
        Plan.model_validate(tuples(plain["analysis"])),
        tuple(plain["endpoints"]),
        yes_no(outcomes),
        tuple(outcomes.get("exposure", ())),
        (*modes["modes"], modes["death"]) if modes else (),
        [name for name, one in plain["endpoints"].items() if one.get("competing")],
    )
    here = tree(names, facts(plain))
    return {key for key in keys if problem(here, key)}


def yes_no(outcomes: Any) -> tuple[str, ...]:
    """The names of all yes/no outcomes."""
    found = [
        *outcomes.get("response", {}).get("groups", ()),
        *outcomes.get("conversion", ()),
        *outcomes.get("binary", ()),
    ]
    events = outcomes.get("adverse_events")
    if events:
        named = (*events["events"], events["name"])
        found += [name + ending for name in named for ending in ("", events["suffix"])]
    return tuple(found)
