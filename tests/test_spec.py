"""The strict base of documents: nothing unknown, nothing converted, nothing changed afterwards."""

import pytest
from pydantic import TypeAdapter, ValidationError

from simulator.documents.spec import Label, Name, NonNegative, Positive, Share, Spec


class Example(Spec):
    count: int = 1
    rate: float = 0.5
    on: bool = False


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"cuont": 1}, "Extra inputs"),
        ({"count": True}, "valid integer"),
        ({"count": 1.0}, "valid integer"),
        ({"count": "1"}, "valid integer"),
        ({"rate": "0.5"}, "valid number"),
        ({"rate": True}, "valid number"),
        ({"rate": float("inf")}, "finite number"),
        ({"rate": float("nan")}, "finite number"),
        ({"on": 1}, "valid boolean"),
        ({"on": "yes"}, "valid boolean"),
    ],
)
def test_what_is_not_quite_right_is_refused(fields, message):
    with pytest.raises(ValidationError, match=message):
        Example(**fields)


def test_whole_numbers_are_numbers():
    assert Example(rate=2).rate == 2.0


def test_a_spec_is_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        Example().count = 2


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Name, ["a", "HLP", "x_1.b-c", "a" * 64], ["", "1a", "a b", "../a", "a/b", "é", "a" * 65, "a\n"]),
        (Label, ["AFP (μg/L)", "<b>"], ["", "a" * 301]),
        (Share, [0.0, 1.0, 0.5], [-1e-9, 1.0 + 1e-9]),
        (Positive, [1e-300], [0.0, -1.0]),
        (NonNegative, [0.0], [-1e-300]),
    ],
)
def test_kinds_of_values(kind, good, bad):
    adapter = TypeAdapter(kind)
    for value in good:
        assert adapter.validate_python(value) == value
    for value in bad:
        with pytest.raises(ValidationError):
            adapter.validate_python(value)
