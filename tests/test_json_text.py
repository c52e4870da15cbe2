"""JSON is written as `json.dumps` writes it, and a number that JSON does not have is refused."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.words.json_text import json_text

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()
)
KEYS = st.one_of(st.text(max_size=4), st.integers(), st.booleans())
TABLES = st.integers(0, 3).flatmap(lambda width: st.lists(st.lists(SCALARS, min_size=width, max_size=width)))
VALUES = st.recursive(
    st.one_of(SCALARS, TABLES),
    lambda part: st.one_of(st.lists(part, max_size=4), st.dictionaries(KEYS, part, max_size=4)),
)


@settings(max_examples=300, deadline=None)
@given(VALUES)
def test_it_is_what_json_dumps_gives(value: object) -> None:
    assert json_text(value) == json.dumps(value, indent=2, allow_nan=False)


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {"a": [[1.0], [float("nan")]]}])
def test_what_is_not_finite_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        json_text(value)
