"""The SPEC by which `trialtwin analyze` reads a plain cohort of a world."""

from typing import Any

from benchmarks.asked.scenario import Scenario
from simulator.mechanisms.graph import TimeTo


def cohort_spec(scenario: Scenario) -> dict[str, Any]:
    """The SPEC as data: the world's labels, and the digits and pairings that its paper prints.

    Simulated times are used as they are, hence without ``timefix``; ``missing`` is not for files.
    """
    covariates: dict[str, Any] = {}
    for name, covariate in scenario.population.covariates.items():
        variable = covariate.variable(name)
        covariates[name] = {"kind": variable.kind, "label": variable.label}
        if variable.kind == "continuous":
            covariates[name] |= {"cuts": variable.cuts, "unit": variable.unit}
            printed = scenario.published.get(f"table1.before[{name}].control.mean")
            if printed is not None and printed.printed.replace(".", "", 1).isdecimal():
                covariates[name]["digits"] = len(printed.printed.partition(".")[2])
        else:
            covariates[name]["levels"] = variable.levels
    control, treated = scenario.arms.names()
    labels = scenario.arms.words
    plan = scenario.analysis.model_dump(mode="json", exclude_unset=True, exclude={"missing"})
    treatment = {"column": "arm", "treated": treated, "control": control}
    return {
        "title": f"A twin of {scenario.name}",
        "data": {
            "id": "id",
            "treatment": {**treatment, "treated_label": labels[1], "control_label": labels[0]},
            "covariates": covariates,
            "endpoints": {name: _columns(name, one) for name, one in scenario.endpoints.items()},
            "binary": _outcomes(scenario),
            "time_unit": scenario.time_unit,
        },
        "analysis": plan | {"survival": plan.get("survival", {}) | {"timefix": False}},
    }


def _columns(name: str, endpoint: TimeTo) -> dict[str, Any]:
    """The columns of an endpoint; a competing event is coded 2."""
    columns: dict[str, Any] = {"time": f"{name}_time", "event": f"{name}_event"}
    columns |= {"label": endpoint.label[:1].upper() + endpoint.label[1:]} if endpoint.label else {}
    return {**columns, "event_values": ("1",), "competing_values": ("2",)} if endpoint.rivals else columns


def _outcomes(scenario: Scenario) -> dict[str, Any]:
    """The yes/no outcomes: the response, what else there is, adverse events each beside its severe version."""
    response, events = scenario.outcomes.response, scenario.outcomes.adverse_events
    labels = {} if events is None else {events.name: "Overall incidence"}
    labels |= {} if events is None else {name: one.label for name, one in events.events.items()}
    severe = {} if events is None else {name: name + events.suffix for name in labels}
    found: dict[str, Any] = {}
    for name in scenario.binary_outcomes():
        if response and name in response.groups:
            found[name] = {"column": name} | ({"shown": "counted"} if len(response.groups[name]) < 2 else {})
        elif name not in severe and name not in severe.values():
            found[name] = {"column": name} | ({"shown": "no"} if response else {})
    for name, label in labels.items():
        found[name] = {"column": name, "label": label}
        found[severe[name]] = {"column": severe[name], "label": f"{label}, grade 3/4", "severe_of": name}
    return found
