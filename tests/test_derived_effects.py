"""Effects of covariates and of treatment in subgroups from tables, worked by hand."""

from math import log

import pytest

from benchmarks.derived.course import course_of
from benchmarks.derived.effects import (
    by_transition,
    lean_of_controls,
    mean_in_arm,
    modifiers,
    prognostic,
    usable,
    variables_of,
)
from benchmarks.derived.printed import PrintedNumbers, printed_numbers
from benchmarks.derived.shape import shape_of
from tests.small_readings import cohort, reading_of, world_of

BOTH = {"OS": "death", "PFS": "progression or death"}
TERMS = {"age": (), "sex": ("Female", "Male"), "stage": ("1", "2", "3")}
VARIABLES = variables_of(TERMS)


def row(start: str, hr: str, low: str = "", high: str = "") -> dict[str, str]:
    limits = {f"{start}.low": low, f"{start}.high": high} if low else {}
    return {f"{start}.hr": hr, **limits}


def numbers_of(numbers: dict[str, str], **said: object) -> PrintedNumbers:
    return printed_numbers(reading_of(numbers, cohort(253, 169), endpoints=BOTH, **said))


def test_multivariable_rows_come_first_and_univariable_ones_are_drawn_to_zero():
    """log 1.62 = 0.482, SE log(2.24 / 1.17) / 3.92 = 0.1657: x 0.25 / (0.25 + 0.0275) = 0.901, so 0.4346."""
    numbers = {
        **row("endpoints.OS.after.univariable[sex]", "1.62", "1.17", "2.24"),
        **row("endpoints.OS.after.univariable[stage>=2]", "1.56"),
        **row("endpoints.OS.after.multivariable[stage>=2]", "1.71", "1.23", "2.37"),
        **row("endpoints.OS.after.univariable[treatment]", "0.36"),
        **row("endpoints.OS.after.univariable[unknown]", "2.0"),
        **row("endpoints.OS.after.univariable[stage]", "2.0"),
    }
    found = prognostic(numbers_of(numbers), shape_of(BOTH), VARIABLES)
    assert {one.term: one.log_hr for one in found} == {
        "sex": pytest.approx(0.4346, abs=2e-4),
        "stage>=2": pytest.approx(log(1.71), abs=1e-4),
    }
    assert found[0].source == "0.90 x log of the univariable hazard ratio, OS, Results"


def test_terms_are_one_column_of_known_covariates():
    kept = [term for term in ("age>50", "age", "sex", "stage=3", "stage", "afp", "stage=9") if usable(term, VARIABLES)]
    assert kept == ["age>50", "age", "sex", "stage=3"]


def test_rows_of_survival_bear_on_both_deaths_and_those_of_progression_on_progression():
    numbers = {
        **row("endpoints.OS.after.multivariable[sex]", "1.5", "1.2", "1.9"),
        **row("endpoints.PFS.after.multivariable[sex]", "1.2", "1.0", "1.4"),
    }
    shape = shape_of(BOTH)
    made, lent = by_transition(prognostic(numbers_of(numbers), shape, VARIABLES), shape)
    assert {name: own["sex"].log_hr for name, own in made.items()} == {
        "progression": pytest.approx(log(1.2), abs=1e-4),
        "death": pytest.approx(log(1.5), abs=1e-4),
        "death_after_progression": pytest.approx(log(1.5), abs=1e-4),
    }
    assert not lent


def test_an_endpoint_without_a_table_has_half_the_effects_of_the_other():
    numbers = row("endpoints.OS.after.multivariable[sex]", "1.5", "1.2", "1.9")
    course = course_of(reading_of(numbers, cohort(253, 169), endpoints=BOTH), TERMS)
    assert course.outcomes["progression"]["log_hr"]["sex"]["value"] == pytest.approx(log(1.5) / 2, abs=1e-4)
    assert "outcomes.progression.log_hr.sex" in {one.path for one in course.assumed}
    assert "outcomes.progression.log_hr.sex" not in course.free


def test_a_printed_direction_moves_the_effect_in_its_subgroup():
    """HR > 1 where 0.36 holds in all: half of 0 - log 0.36 = 1.0217, on death after progression."""
    numbers = {
        **row("endpoints.OS.after.cox", "0.36", "0.27", "0.49"),
        **row("endpoints.PFS.after.cox", "0.77", "0.59", "1.00"),
        **row("endpoints.OS.after.subgroups[sex=Male]", ">1"),
        **row("endpoints.PFS.after.subgroups[stage=3]", ">1"),
    }
    found = {(one.endpoint, one.term): one.log_hr for one in modifiers(numbers_of(numbers), shape_of(BOTH), VARIABLES)}
    assert found == {("OS", "sex"): pytest.approx(0.511, abs=1e-3), ("PFS", "stage=3"): 0.3}
    course = course_of(reading_of(numbers, cohort(253, 169), endpoints=BOTH), TERMS)
    assert course.outcomes["death_after_progression"]["treatment"]["modifiers"]["sex"]["value"] == 0.511
    assert "modifiers" not in course.outcomes["death"]["treatment"]
    assert set(course.outcomes["progression"]["treatment"]["modifiers"]) == {"stage=3"}


def test_only_clear_differences_between_subgroups_modify():
    """log(0.9 / 0.3) = 1.0986; SEs 0.2 each: z = 3.9, kept 0.09 / (0.09 + 0.08) = 0.529: 0.5816."""
    start = "endpoints.OS.before.subgroups"
    clear = {
        **row(f"{start}[sex=Female]", "0.30", "0.2027", "0.4440"),
        **row(f"{start}[sex=Male]", "0.90", "0.6082", "1.3319"),
    }
    (found,) = modifiers(numbers_of(clear), shape_of(BOTH), VARIABLES)
    assert (found.term, found.log_hr) == ("sex", pytest.approx(0.5816, abs=2e-3))
    unclear = clear | row(f"{start}[sex=Male]", "0.40", "0.2703", "0.5920")
    assert not modifiers(numbers_of(unclear), shape_of(BOTH), VARIABLES)
    assert modifiers(numbers_of(unclear | {f"{start}[sex=Male].interaction_p": "0.04"}), shape_of(BOTH), VARIABLES)


def test_the_average_patient_is_not_the_average_control():
    """20 % of 253 controls and 40 % of 169 treated are male, log HR 0.5: 0.5 x 169/422 x (0.2 - 0.4) = -0.0400."""
    numbers = {
        **row("endpoints.OS.after.multivariable[sex]", "1.6487"),
        "table1.before[sex=Male].control.percent": "20.0",
        "table1.before[sex=Male].treated.percent": "40.0",
        "table1.before[stage=2].control.percent": "30.0",
        "table1.before[stage=3].control.percent": "10.0",
        "table1.before[age].control.mean": "61.5",
    }
    told = numbers_of(numbers)
    effects = {one.term: one for one in prognostic(told, shape_of(BOTH), VARIABLES)}
    assert lean_of_controls(told, effects, VARIABLES) == pytest.approx(-0.0400, abs=2e-4)
    assert mean_in_arm(told, "stage>=2", "control", VARIABLES) == pytest.approx(0.4)
    assert mean_in_arm(told, "age", "control", VARIABLES) == 61.5
    numbers["endpoints.OS.before.km.control.median"] = "8.6"
    course = course_of(reading_of(numbers, cohort(253, 169)), TERMS)
    rate = course.outcomes["transitions"]["death"]["baseline"]["rate"]
    assert rate["value"] == pytest.approx(log(2) / 8.6 * 1.0408, rel=1e-3)
    assert "times 1.041, to the average patient" in rate["source"]


def test_terms_with_odd_names_are_free_where_they_stand():
    terms = {"size.cm": (), "grade": ("I/II", "III (high)")}
    numbers = {
        "endpoints.OS.before.km.control.median": "8.6",
        **row("endpoints.OS.before.multivariable[size.cm>2.5]", "1.5", "1.2", "1.9"),
        **row("endpoints.OS.before.multivariable[grade=III (high)]", "1.5", "1.2", "1.9"),
        **{f"table1.before[size.cm].{arm}.{what}": "5" for arm in ("control", "treated") for what in ("mean", "sd")},
        **{f"endpoints.OS.before.km.{arm}.survival[{t}]": "50%" for arm in ("control", "treated") for t in (6, 12)},
    }
    reading = reading_of(numbers, cohort(100, 100))
    course = course_of(reading, terms)
    assert "outcomes.transitions.death.log_hr.size.cm>2.5" in course.free
    world_of(course, reading, 200, 0.5, terms)
