"""The document of a derived world: what `check` finds valid, as YAML, near what was typed in."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.asked.load_study import load_study
from benchmarks.derived import document
from benchmarks.derived.document import Derived, as_yaml, derive
from benchmarks.derived.parts import bare
from benchmarks.pasted.reading import ReadNumber, Spot
from simulator.documents.loading import load
from simulator.world.generate import generate, resolve
from tests.commands import printed
from tests.readings_of_worlds import FIRST, TRIAL, TYPED, of_world
from tests.stated_course import course_of_world

PAPERS: dict[str, dict[str, Any]] = {TYPED: FIRST, "imbrave150": TRIAL}


@pytest.fixture(scope="module", params=list(PAPERS))
def world(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def derived(world: str) -> Derived:
    return derive(of_world(world, PAPERS[world]))


def test_a_derived_world_is_valid(world: str, derived: Derived, tmp_path: Path) -> None:
    file = tmp_path / "world.yaml"
    file.write_text(as_yaml(derived), "utf-8")
    printed(["check", str(file)])
    found = load_study(str(file)).scenario
    shipped = load_study(world).scenario
    assert found.published.keys() == shipped.published.keys()
    assert {key: one.printed for key, one in found.published.items()} == {
        key: one.printed for key, one in shipped.published.items()
    }
    assert found.population.size == shipped.population.size
    assert found.analysis.not_stated == derived.not_stated


def test_the_text_says_what_the_document_says(derived: Derived, tmp_path: Path) -> None:
    file = tmp_path / "world.yaml"
    file.write_text(as_yaml(derived), "utf-8")
    read = load(str(file))
    told = bare({key: part for key, part in derived.tree.items() if key != "published"})
    made = {key: part for key, part in read.tree.items() if key != "published"}
    assert listed(made) == listed(told)
    assert all(len(line) < 260 for line in as_yaml(derived).splitlines())
    assert read.sources["population.size"].startswith(("253 + 169", "165 + 336"))


def listed(part: Any) -> Any:
    """Plain data with every tuple a list."""
    if isinstance(part, dict):
        return {str(key): listed(one) for key, one in part.items()}
    return [listed(one) for one in part] if isinstance(part, list | tuple) else part


def test_every_number_of_the_population_and_of_treatment_has_its_source(derived: Derived) -> None:
    """But for what is assumed, which is listed."""
    assumed = {one.path for one in derived.assumed}
    unsourced = []

    def look(path: str, part: Any) -> None:
        if isinstance(part, dict) and "source" in part:
            return
        if isinstance(part, dict):
            for key, one in part.items():
                look(f"{path}.{key}", one)
        elif isinstance(part, int | float | list):
            unsourced.append(path)

    for section in ("population", "treatment"):
        look(section, derived.tree[section])
    assert set(unsourced) <= assumed


def test_a_number_that_the_world_cannot_have_is_for_the_audit_alone(tmp_path: Path) -> None:
    """Without the mean of age no world has its cut-points' rows; without a share of one arm, no outcome."""
    reading = of_world("imbrave150", TRIAL)
    lost = (
        "binary.ORR.before.treated.percent",
        "table1.before[sex=Male].treated.n",
        "table1.before[sex=Male].control.n",
    )
    more = ReadNumber("binary.pain.before.control.yes", "12", "Table 3", Spot("table3.tsv", 2))
    kept = tuple(one for one in reading.numbers if one.key not in lost)
    found = derive(replace(reading, numbers=(*kept, more)))
    published = found.tree["published"]
    assert published["binary.ORR.before.control.percent"]["audit_only"]
    assert published["binary.pain.before.control.yes"]["audit_only"]
    assert "audit_only" not in published["table1.before[sex=Male].treated.percent"]
    assert any("2 printed numbers are for the audit alone" in one for one in found.said)
    file = tmp_path / "world.yaml"
    file.write_text(as_yaml(found), "utf-8")
    load_study(str(file))


def test_names_and_texts_that_yaml_could_misread_are_quoted(tmp_path: Path) -> None:
    tree = {
        "name": "x", "a": {"no": "yes", "012": "1e3", "null": "- x", "≤ 400": "a: b # c", "s p": " x "},
        "b": {"deep": {"list": ["~", "x\ny", 0.5, 3, True, None], "text": "it's \"so\" \\ {}"}},
    }  # fmt: skip
    file = tmp_path / "odd.yaml"
    file.write_text(as_yaml(Derived(tree, (), (), ())), "utf-8")
    assert listed(load(str(file)).tree) == listed(tree)


def test_a_course_may_be_given_by_other_means(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "course_of", course_of_world(TYPED))
    found = derive(of_world(TYPED, FIRST))
    assert found.tree["outcomes"]["death"]["baseline"] == {"kind": "exponential", "rate": 0.01}
    assert found.findings == ()
    assert "progression_modes" in found.tree["outcomes"]


def test_a_study_that_asks_for_amounts_screens_enough(tmp_path: Path) -> None:
    """Those who die before six cycles are not taken: by simulation, both arms are full, and with 1.5 a patient not."""
    made = derive(of_world(TYPED, FIRST))
    text = as_yaml(made)
    assert made.tree["entry"]["screened"] == 2.0
    assert any(one.path == "entry.screened" and one.value == 2.0 for one in made.assumed)
    full = {
        screened: full_arms(tmp_path, text.replace("screened: 2.0", f"screened: {screened}")) for screened in (1.5, 2.0)
    }
    assert full[2.0] == 1.0
    assert full[1.5] < 0.9
    assert not [path for path in made.tree["calibration"]["free"] if path.startswith("population.")]
    whole = derive(of_world("imbrave150", TRIAL))
    assert "screened" not in whole.tree["entry"]


def full_arms(folder: Path, text: str) -> float:
    """The share of 20 simulated studies in which both arms have as many patients as the paper's."""
    file = folder / "screened.yaml"
    file.write_text(text, "utf-8")
    cohorts = generate(resolve(load_study(str(file)).scenario), 1, np.arange(20))
    treated = np.where(cohorts.observed.present, cohorts.observed.treated, -1)
    return float(np.mean(((treated == 0).sum(axis=1) == 253) & ((treated == 1).sum(axis=1) == 169)))
