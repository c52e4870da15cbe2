"""The worlds of the shipped papers: each is what is derived from its paper today, and fitted it prints its paper."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.asked.load_study import load_study
from benchmarks.cli import twin_verbs
from benchmarks.derived.document import as_yaml, derive
from benchmarks.pasted.read import read_paper
from simulator.documents.loading import pasted_papers, shipped
from tests.measured import Measured

NAMES = sorted(pasted_papers())
REPLICATES = {"vorapaxar-tra2p": 100}
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e-?\d+)?")


def derived_text(name: str) -> str:
    """The starting world of a shipped paper, as it is shipped."""
    found = derive(read_paper(pasted_papers()[name]))
    return as_yaml(replace(found, tree=found.tree | {"name": f"{name}-stated"}))


def same(one: str, two: str) -> bool:
    """Whether two texts are alike but for the last digits of numbers, which another processor may round otherwise."""
    numbers = [[float(text) for text in NUMBER.findall(whole)] for whole in (one, two)]
    return NUMBER.sub("#", one) == NUMBER.sub("#", two) and numbers[0] == pytest.approx(numbers[1], rel=2e-3, abs=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_world_is_what_is_derived_today(name: str) -> None:
    """`make papers` derives and fits it again."""
    assert same(Path(shipped()[f"{name}-stated"]).read_text("utf-8"), derived_text(name))
    assert load_study(name).document.files[0].endswith(f"{name}-stated.yaml")


def test_a_world_that_is_another_is_noticed() -> None:
    text = derived_text("senkus-palliative-rt")
    rate = next(one for one in NUMBER.findall(text.partition("\noutcomes")[2]) if "." in one)
    assert same(text, text)
    assert not same(text, text.replace(rate, f"{1.1 * float(rate):.4g}"))
    assert not same(text, text.replace("kind: ", "sort: ", 1))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_fitted_twin_prints_its_paper(name: str, measured: Measured) -> None:
    """No more than one undoubted number in ten is outside what it prints."""
    asked = load_study(name, (), REPLICATES.get(name, 400))
    total = twin_verbs.fidelity(asked, 2).found.totals[-1]
    assert total.inside >= 0.9 * total.numbers
    measured(f"twin of {name}", f"{total.inside} of {total.numbers} undoubted numbers inside")
