"""Worlds: sections checked against each other, each fault told in a sentence."""

import copy
from typing import Any

import pytest
from pydantic import ValidationError

from simulator.documents.loading import load, parse, shipped
from simulator.world.sections import World
from tests.simulated import tree, world


def changed(path: str, value: Any) -> dict[str, Any]:
    """The tree with another value at a path of keys joined by slashes."""
    made = copy.deepcopy(tree())
    *parents, last = path.split("/")
    node = made
    for key in parents:
        node = node[key]
    node[last] = value
    return made


BINARY = {"kind": "binary", "shares": {"no": 0.5, "yes": 0.5}}
EFFECT = {"log_hr": 0.0, "modifiers": {"sex": 0.5}}
FAULTS = [
    ("treatment/log_odds", {"agee": 1.0}, r"treatment\.log_odds: 'agee': no variable 'agee' \(there are age, stage"),
    ("treatment/log_odds", {"age>old": 1.0}, "treatment.log_odds: 'age>old': 'old' is not a number"),
    ("treatment/log_odds", {"grade": 1.0}, r"treatment\.log_odds: 'grade' has several levels; compare it with one"),
    ("treatment/log_odds", {" grade ": 1.0}, "has several levels; compare it with one: grade=..."),
    ("treatment/log_odds", {"site": 1.0}, "'site' has several levels"),
    ("treatment/log_odds", {"grade>=4": 1.0}, r"grade has no level '4' \(levels: 1, 2, 3\)"),
    ("outcomes/death/log_hr", {"sex": 0.1}, r"outcomes\.death\.log_hr: 'sex': no variable 'sex'"),
    ("outcomes/progression/treatment", EFFECT, r"outcomes\.progression\.treatment\.modifiers: 'sex': no variable"),
    ("outcomes/death_after_progression/log_hr", {"grade": 0.1}, r"outcomes\.death_after_progression\.log_hr: 'grade'"),
    ("entry/guarantee_months", {"HLP": 1.5}, r"entry\.guarantee_months: no arm 'HLP' \(the arms are C and T\)"),
    ("followup/dropout", {"t": {"kind": "exponential", "rate": 0.1}}, r"followup\.dropout: no arm 't'"),
    ("outcomes/response/shares", {"C": (0.3, 0.5, 0.2)}, r"outcomes\.response\.shares: needs C and T"),
    (
        "outcomes/response/shares",
        {"C": (0.3, 0.5, 0.2), "X": (0.3, 0.5, 0.2)},
        r"outcomes\.response\.shares: no arm 'X'",
    ),
    ("outcomes/response/groups", {"OS": ("PR",)}, r"outcomes\.response\.groups: none may be called 'OS'"),
    ("outcomes/response/groups", {"arm": ("PR",)}, "none may be called 'arm'"),
    ("followup/cut_off", "2021-12-31", r"followup\.cut_off: follow-up ends before accrual does"),
    (
        "population/correlation",
        {"age": {"stage": 0.9, "grade": 0.9}, "stage": {"grade": -0.9}},
        "not positive definite",
    ),
    ("population/correlation", {"age": {"size": 0.9}}, "correlation: no covariate 'size'"),
    ("population/size", 3, "greater than or equal to 4"),
    ("population/size", 422.0, "valid integer"),
    ("population/hidden", {"age": BINARY}, "age: both measured and hidden"),
    ("arms", {"control": "A", "treated": "A"}, "the two arms need different names"),
    ("arms", {"control": "A", "treated": "B", "control_label": "B"}, "the two arms need different labels"),
    ("published", {"cohort.n": {"printed": 1, "where": "Table 1"}}, "valid string"),
    ("name", "a b", "should match pattern"),
    ("time_unit", "fortnights", "'months'"),
    ("defects", {}, "Extra inputs are not permitted"),
    ("treatment/share", float("nan"), "finite number|less than or equal to 1"),
    ("treatment/share", True, "valid number"),
    ("outcomes/treatment_effect", "off", "'as_stated' or 'none'"),
]
RESERVED = ["id", "arm", "replicate", "response", "included", "propensity", "treatment"]
COLUMNS = ["OS_time", "PFS_event", "ORR", "OS_time_T", "DCR_C"]


@pytest.mark.parametrize(("path", "value", "message"), FAULTS)
def test_a_fault_is_told_in_a_sentence(path, value, message):
    with pytest.raises(ValidationError, match=message):
        World.model_validate(changed(path, value))


@pytest.mark.parametrize("name", RESERVED + COLUMNS)
@pytest.mark.parametrize("side", ["covariates", "hidden"])
def test_a_covariate_cannot_take_the_name_of_another_column(side, name):
    made = tree()
    made["population"] = {**made["population"], side: {**made["population"][side], name: BINARY}}
    with pytest.raises(ValidationError, match=f"no covariate may be called '{name}'"):
        World.model_validate(made)


def test_arms_are_in_order_control_first_and_outcomes_are_named():
    made = world()
    assert made.arms.names() == made.arms.words == ("C", "T")
    assert made.binary_outcomes() == ("ORR", "DCR")


def test_a_world_is_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        world().name = "other"


def test_every_shipped_world_is_valid():
    names = [name for name, path in shipped().items() if path.parent.name == "worlds"]
    assert names
    for name in names:
        assert parse(load(name), World, ignore=World.other_rooms).name == name


def test_follow_up_may_end_with_accrual():
    assert World.model_validate(changed("followup/cut_off", "2022-01-01")).followup.cut_off == "2022-01-01"
