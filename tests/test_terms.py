"""Terms: parsed, refused in words, turned into columns."""

import numpy as np
import pytest

from simulator.cohort.terms import Variable, design, parse_term

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
    ],
)
def test_what_is_not_a_term_is_refused_in_words(text, message):
    with pytest.raises(ValueError, match=message):
        parse_term(text, VARIABLES)
