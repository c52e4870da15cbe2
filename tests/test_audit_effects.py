"""The audit of yes/no effects, standardised differences, and of a count with its percentage in one cell.

The right values are worked out by hand: 30 of 100 against 20 of 100 are odds of 0.4286 and 0.25, a ratio of 1.714, a
risk ratio of 1.5, a difference of 0.1, and a standardised one of 0.1 / sqrt((0.21 + 0.16) / 2) = 0.2325.
"""

import pytest

from analysis.audit import audit
from tests.printed_papers import paper_of

SIZES = {"cohort.n": "200", "cohort.treated": "100"}
ROW = {"binary.response.before.treated.yes": "30", "binary.response.before.control.yes": "20"}
LEVEL = {"table1.before[sex=Male].treated.percent": "30.0", "table1.before[sex=Male].control.percent": "20.0"}
AGES = {
    "table1.before[age].treated.mean": "64.0",
    "table1.before[age].treated.sd": "10.0",
    "table1.before[age].control.mean": "62.0",
    "table1.before[age].control.sd": "8.0",
}  # 2 / sqrt((100 + 64) / 2) = 0.2209


def checks(numbers: dict[str, str], primary: str = "matching") -> list[tuple[str, str]]:
    return [(one.severity, one.check) for one in audit(paper_of({**SIZES, **numbers}), primary=primary)]


@pytest.mark.parametrize(
    ("effect", "right", "wrong"),
    [("odds_ratio", "1.71", "1.89"), ("risk_ratio", "1.50", "1.65"), ("risk_difference", "10.0%", "11.0%")],
)
def test_an_effect_is_that_of_the_counts(effect: str, right: str, wrong: str) -> None:
    key = f"binary.response.before.{effect}.value"
    assert checks({**ROW, key: right}) == []
    assert checks({**ROW, key: wrong}) == [("moderate", f"{effect.replace('_', ' ')} of the shares")]


def test_percentages_say_an_effect_within_their_rounding() -> None:
    rounded = {"binary.response.before.treated.percent": "30", "binary.response.before.control.percent": "20"}
    key = "binary.response.before.odds_ratio.value"
    assert checks({**rounded, key: "1.78"}) == []  # 30.49 and 19.51 have 1.81
    assert checks({**rounded, key: "1.89"}) == [("moderate", "odds ratio of the shares")]


def test_an_effect_lies_between_its_limits_and_a_ratio_in_their_middle() -> None:
    path = "binary.response.before.odds_ratio"
    right = {f"{path}.value": "1.71", f"{path}.low": "0.90", f"{path}.high": "3.27"}  # exp(0.539 +- 1.96 x 0.331)
    assert checks({**ROW, **right}) == []
    assert checks({**ROW, **right, f"{path}.low": "1.80"}) == [("severe", "interval holds the effect")]
    assert checks({**ROW, **right, f"{path}.high": "2.40"}) == [("moderate", "ratio amid its limits")]


@pytest.mark.parametrize(
    ("row", "key", "right", "wrong"),
    [(LEVEL, "table1.before[sex=Male].smd", "0.232", "0.256"), (AGES, "table1.before[age].smd", "0.221", "0.243")],
)
def test_a_standardised_difference_is_that_of_both_arms(row: dict[str, str], key: str, right: str, wrong: str) -> None:
    assert checks({**row, key: right}) == []
    assert checks({**row, key: f"-{right}"}) == []
    assert checks({**row, key: str(100 * float(right))}) == []  # 23.2 %
    assert checks({**row, key: wrong}) == [("moderate", "standardised difference")]


def test_a_cell_has_the_percentage_of_its_count() -> None:
    key = "table1.before[sex=Male].control.percent"  # the control arm has what the treated leave of all
    assert checks({key: "30 (30.0)"}) == []
    assert checks({key: "30 (33.0)"}) == [("severe", "percentage of a count")]
    assert checks({"cohort.treated": "100 (50.0)"}) == []
    assert checks({"cohort.treated": "100 (55.0%)"}) == [("severe", "percentage of a count")]
    weighted = {key.replace("before", "after"): "30 (33.0)"}
    assert checks(weighted, "weighting") == []
