"""Terms: parsed, refused in words, turned into columns."""

import numpy as np
import pytest

from simulator.cohort.terms import Variable, design, holds, parse_term

VARIABLES = {
    "age": Variable("age", "continuous"),
    "sex": Variable("sex", "binary", ("Female", "Male")),
    "ecog": Variable("ecog", "ordinal", ("0", "1", "2")),
    "site": Variable("site", "nominal", ("lung", "bone", "lymph node")),
    "afp": Variable("afp", "binary", ("≤ 400", "> 400")),
}
NAMES = tuple(VARIABLES)
VALUES = np.array([[50.0, 0, 0, 0, 1], [50.1, 1, 1, 1, 0], [-3.0, 1, 2, 2, 1], [np.nan] * 5])


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("age", [50.0, 50.1, -3.0]),
        ("age>50", [0, 1, 0]),
        ("age >= 50", [1, 1, 0]),
        (" age<5e1 ", [0, 0, 1]),
        ("age<=50", [1, 0, 1]),
        ("age=-3", [0, 0, 1]),
        ("sex", [0, 1, 1]),
        ("sex=Female", [1, 0, 0]),
        ("ecog>=1", [0, 1, 1]),
        ("ecog<2", [1, 1, 0]),
        ("ecog=2", [0, 0, 1]),
        ("site=lymph node", [0, 0, 1]),
        ("afp=> 400", [1, 0, 1]),
        ("afp=≤ 400", [0, 1, 0]),
        ("afp<> 400", [0, 1, 0]),
        ("age*sex", [0, 50.1, -3.0]),
        (" age * sex", [0, 50.1, -3.0]),
        ("sex*age>50", [0, 1, 0]),
        ("age^2", [2500.0, 50.1 * 50.1, 9.0]),
        ("age ^ 3", [125000.0, 50.1 * 50.1 * 50.1, -27.0]),
        ("age^2*sex", [0, 50.1 * 50.1, 9.0]),
        ("age*age>50", [0, 50.1, 0]),
        ("age>0*age<=50*afp=> 400", [1, 0, 0]),
        ("sex*ecog>=1*site=bone", [0, 1, 0]),
        ("site=lymph node * age", [0, 0, -3.0]),
    ],
)
def test_a_term_is_the_column_that_it_says(text, column):
    made = design((text,), VARIABLES, NAMES, VALUES)
    assert made.x[:3, 0].tolist() == column
    assert np.isnan(made.x[3, 0])
    assert made.columns == (text,)


def test_factors_make_one_column_per_level_but_the_first():
    made = design(("ecog", "age", "site"), VARIABLES, NAMES, VALUES)
    assert made.columns == ("ecog=1", "ecog=2", "age", "site=bone", "site=lymph node")
    assert made.term_of == (0, 0, 1, 2, 2)
    assert made.x[:3].tolist() == [[0, 0, 50.0, 0, 0], [1, 0, 50.1, 1, 0], [0, 1, -3.0, 0, 1]]
    assert np.isnan(made.x[3]).all()


def test_a_product_with_factors_has_a_column_for_every_cell_the_first_factor_fastest():
    made = design(("age*ecog", "ecog*site", "age"), VARIABLES, NAMES, VALUES)
    crossed = ("ecog=1*site=bone", "ecog=2*site=bone", "ecog=1*site=lymph node", "ecog=2*site=lymph node")
    assert made.columns == ("age*ecog=1", "age*ecog=2", *crossed, "age")
    assert made.term_of == (0, 0, 1, 1, 1, 1, 2)
    assert made.x[:3].tolist() == [
        [0, 0, 0, 0, 0, 0, 50.0],
        [50.1, 0, 1, 0, 0, 0, 50.1],
        [0, -3.0, 0, 0, 0, 1, -3.0],
    ]
    assert np.isnan(made.x[3]).all()


def test_a_missing_factor_makes_a_product_missing():
    values = np.array([[np.nan, 0, 0, 0, 0], [50.0, np.nan, 0, 0, 0]])
    assert np.isnan(design(("age*sex", "sex*age>50"), VARIABLES, NAMES, values).x).all()


def test_a_level_may_have_stars():
    variables = {"age": VARIABLES["age"], "site": Variable("site", "nominal", ("a", "a*age", "*", "b^2"))}
    values = np.array([[2.0, 0], [3.0, 1], [5.0, 2], [7.0, 3]])
    made = design(
        ("site=a*age", "site=a * age", "site=**age", "site=b^2*age", "age*site=a*age"),
        variables,
        list(variables),
        values,
    )
    assert made.x.T.tolist() == [[0, 1, 0, 0], [2, 0, 0, 0], [0, 0, 5, 0], [0, 0, 0, 7], [0, 3, 0, 0]]


@pytest.mark.parametrize(
    ("text", "where"),
    [("age>50", [0, 1, 0]), ("sex", [0, 1, 1]), ("sex*age>50", [0, 1, 0]), ("age<=50*ecog<=1", [1, 0, 0])],
)
def test_where_all_of_a_product_hold(text, where):
    assert holds(text, VARIABLES, NAMES, VALUES[:3]).tolist() == where
    assert not holds(text, VARIABLES, NAMES, VALUES[3:]).any()


def test_no_terms_make_no_columns():
    assert design((), VARIABLES, NAMES, np.zeros((2, 3, 5))).x.shape == (2, 3, 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a term"),
        ("age>", "is not a term"),
        (">50", "is not a term"),
        ("age 50", "is not a term"),
        ("agee>50", "no variable 'agee'"),
        ("age>fifty", "'fifty' is not a number"),
        ("age=>50", "'>50' is not a number"),
        ("age>nan", "not a finite number"),
        ("age>1e999", "not a finite number"),
        ("ecog>=3", "no level '3' \\(levels: 0, 1, 2\\)"),
        ("site>=bone", "have no order; use '='"),
        ("agee*sex", r"'agee\*sex': no variable 'agee' .*; did you mean 'age'"),
        ("age*sexx>3", "no variable 'sexx' .*; did you mean 'sex'"),
        ("age**2", r"one '\*' stands between two factors, as in age\*sex; a power is age\^2"),
        ("age*", r"one '\*' stands between two factors"),
        ("*age", r"one '\*' stands between two factors"),
        ("age^0", "the power '0' is not a whole number from 2 to 6"),
        ("age^1*sex", "the power '1' is not a whole number from 2 to 6"),
        ("age^7", "the power '7'"),
        ("age^-2", "the power '-2'"),
        ("age^2.5", "the power '2.5'"),
        ("age^", "the power ''"),
        ("age^^2", r"the power '\^2'"),
        ("age^2>50", "the power '2>50'"),
        ("sex^2", "sex has levels, and powers are of numbers"),
        ("age>50^2", r"'50\^2' is not a number"),
        ("age*2", "'2' is not a term; write"),
        ("age:sex", r"is not a term; write .* age\*sex"),
        ("(age>50)*sex", r"'\(age>50\)' is not a term"),
        ("age*age", r"age stands in it more than once; write age\^2"),
        ("age^2*sex*age", r"age stands in it more than once; write age\^3"),
        ("age^4*age^5", "age stands in it more than once; 6 is the highest power"),
        ("sex*sex", "sex stands in it more than once; once will do"),
        ("sex*ecog>=3", "no level '3'"),
    ],
)
def test_what_is_not_a_term_is_refused_in_words(text, message):
    with pytest.raises(ValueError, match=message):
        parse_term(text, VARIABLES)
