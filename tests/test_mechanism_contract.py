"""A mechanism is one class and its name in a section: three toys are added here, and everything else asks them."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from pydantic import Field, ValidationError
from scipy.stats import norm

from benchmarks.asked.base import assumed_values, base_of
from benchmarks.asked.scaffold import scaffold
from benchmarks.asked.scenario import Scenario
from benchmarks.questions.decompose import present
from benchmarks.report.world import assumed_section, base_section, design_text
from benchmarks.truth.counted import is_strict_null
from benchmarks.words.settings_named import path_label
from simulator.documents.key_reference import key_reference
from simulator.documents.loading import DocumentError, load, parse
from simulator.documents.spec import Name, Share
from simulator.mechanisms.contract import (
    AtEntry,
    BothArms,
    Doubts,
    Exposures,
    Followed,
    Mechanism,
    Misleads,
    Naming,
    Recording,
    kinds_of,
)
from simulator.mechanisms.outcomes import Outcomes
from simulator.numerics.arrays import Floats
from simulator.world.generate import generate, resolve
from simulator.world.sections import World
from tests.simulated import simple, tree, z_of_mean


class Immune(Mechanism):
    """The share of either arm who never progress."""

    words: ClassVar[str] = "a share who never progress"
    naming: ClassVar[Naming] = {"shares": "arms"}
    misleads: ClassVar[Misleads] = {"": ("immunity", "immunity to progression")}
    doubts: ClassVar[Doubts] = {"a share immune": "outcomes: {immune: {shares: {$treated: 0.1, $control: 0.1}}}"}

    shares: dict[str, Share]

    def acts(self, place: str, asked: Exposures, patients: AtEntry) -> Exposures:  # noqa: ARG002
        own = patients.luck.uniform("immune")
        zero, one = (
            {**arm, "progression": np.where(own < self.shares[name], np.inf, arm["progression"])}
            for name, arm in zip(patients.courses, asked, strict=True)
        )
        return zero, one


class Season(Mechanism):
    """Who enters in the later half of a year fares otherwise, more so with some terms."""

    words: ClassVar[str] = "seasons"
    naming: ClassVar[Naming] = {"on": "transition"}
    coefficients: ClassVar[tuple[str, ...]] = ("log_hr",)

    on: tuple[Name, ...]
    log_hr: dict[str, float] = Field(default_factory=dict)

    def shifts(self, place: str, patients: AtEntry) -> dict[str, Floats]:
        late = patients.entry % 12.0 > 6.0
        return dict.fromkeys(self.on, late * (0.5 + patients.linear[f"{place}.log_hr"]))


class Cramps(Mechanism):
    """A yes/no outcome of its own name, in a share of either arm, rarer in those who progress late."""

    naming: ClassVar[Naming] = {"shares": "arms", "": "yes/no"}
    recorded_only: ClassVar[bool] = True

    shares: dict[str, Share]

    def recording(self, place: str, courses: tuple[str, str], reference: dict[str, Floats]) -> Recording:  # noqa: ARG002
        def drawn(patients: Followed) -> dict[str, BothArms]:
            own = (patients.luck.normal("cramps") + patients.late("progression")) / np.sqrt(2)
            zero, one = (own < norm.ppf(self.shares[arm]) for arm in courses)
            return {place.rpartition(".")[2]: (zero, one)}

        return drawn


class ToyOutcomes(Outcomes):
    immune: Immune | None = None
    pains: dict[Name, Cramps] = Field(default_factory=dict)


class ToyWorld(World):
    outcomes: ToyOutcomes
    season: Season | None = None


class ToyScenario(Scenario):
    outcomes: ToyOutcomes
    season: Season | None = None


RATE = {"baseline": {"kind": "exponential", "rate": 0.1}}
COURSE: dict[str, Any] = dict.fromkeys(("progression", "death", "death_after_progression"), RATE)
NEVER = {"progression": {"baseline": {"kind": "exponential", "rate": 0.0}}}
UNLIKE, ALIKE = {"shares": {"C": 0.1, "T": 0.4}}, {"shares": {"C": 0.3, "T": 0.3}}


def made(outcomes: dict[str, Any] | None = None, **changes: Any) -> ToyWorld:
    whole = simple().model_dump(exclude_none=True)
    return ToyWorld.model_validate({**whole, "outcomes": {**COURSE, **(outcomes or {})}, **changes})


def drawn(world: World, replicates: int = 20) -> dict[str, tuple[Floats, Floats]]:
    return dict(generate(resolve(world), 1, np.arange(replicates), 500).hidden.latent)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"immune": {"shares": {"C": 0.1, "X": 0.4}}},
            r"outcomes\.immune\.shares: no arm 'X' \(the arms are C and T\)",
        ),
        ({"immune": {"shares": {"C": 0.1}}}, r"outcomes\.immune\.shares: needs C and T"),
        ({"immune": {"shares": {"C": 0.1, "T": 1.5}}}, r"outcomes\.immune\.shares\.T"),
    ],
)
def test_what_it_names_is_checked(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        made(change)


@pytest.mark.parametrize(
    ("season", "message"),
    [
        ({"on": ("deth",)}, r"season\.on: no transition 'deth' \(there are treatment, .*\); did you mean 'death'\?"),
        ({"on": ("visits",)}, r"season\.on: no transition 'visits' \(there are treatment, progression, [a-z_, ]*\)"),
        ({"on": ("death",), "log_hr": {"sex": 1.0}}, r"season\.log_hr: 'sex': no variable 'sex' \(there are stage\)"),
    ],
)
def test_transitions_and_terms_are_checked(season: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        made(season=season)


def test_a_wrong_arm_in_a_document_is_one_line_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nextends: imbrave150\noutcomes:\n  immune: {shares: {HAIC: 0.1, other: 0.2}}\n")
    with pytest.raises(DocumentError) as error:
        parse(load(path, spec=ToyScenario), ToyScenario)
    (line,) = str(error.value).splitlines()
    assert line.startswith(f"{path}:")
    assert "outcomes.immune.shares: no arm 'HAIC' (the arms are " in line


def test_it_is_drawn_and_changes_what_it_should() -> None:
    before, after = drawn(made()), drawn(made({"immune": UNLIKE}))
    never = drawn(made(NEVER))
    for arm, share in enumerate(UNLIKE["shares"].values()):
        changed = before["PFS"][arm] != after["PFS"][arm]
        assert abs(z_of_mean(changed, share / 2)) < 4  # half of the immune would have progressed before they died
        assert abs(z_of_mean(changed, share / 2 + 0.03)) > 4
        assert np.array_equal(after["PFS"][arm][changed], never["PFS"][arm][changed])
        assert np.array_equal(after["OS"][arm][~changed], before["OS"][arm][~changed])


def test_a_mechanism_at_time_zero_shifts_by_its_own_terms() -> None:
    """Hazards of death of those who enter late in the year are exp(0.5), or exp(0.5 + 1), times as large."""
    spec = made(NEVER, season={"on": ("death",), "log_hr": {"stage=late": 1.0}})
    before, after = (generate(resolve(world), 1, np.arange(20), 300) for world in (made(NEVER), spec))
    ratio = before.hidden.latent["OS"][0] / after.hidden.latent["OS"][0]
    late, stage = before.hidden.entry % 12.0 > 6.0, before.observed.covariates[..., 0]
    assert np.allclose(ratio, np.where(late, np.exp(0.5 + stage), 1.0))
    assert late.any()


def test_a_yes_no_outcome_is_declared_and_drawn_by_its_mechanism() -> None:
    world = made({"pains": {"cramps": {"shares": {"C": 0.2, "T": 0.6}}}})
    assert world.binary_outcomes() == ("cramps",)
    cohorts, plain = (generate(resolve(one), 1, np.arange(20), 500) for one in (world, made()))
    seen, treated = cohorts.observed.binary["cramps"], cohorts.observed.treated
    for arm, share in ((False, 0.2), (True, 0.6)):
        assert abs(z_of_mean(seen[treated == arm], share)) < 4
        assert abs(z_of_mean(seen[treated == arm], share + 0.05)) > 4
    late = plain.hidden.latent["PFS"][0] > np.median(plain.hidden.latent["PFS"][0])
    assert seen[late].mean() < seen[~late].mean() - 0.1
    assert np.array_equal(cohorts.hidden.latent["OS"], plain.hidden.latent["OS"])
    assert not is_strict_null(world, "cramps")  # type: ignore[arg-type]
    assert is_strict_null(world, "OS")  # type: ignore[arg-type]
    same = made({"pains": {"cramps": {"shares": {"C": 0.2, "T": 0.6}}}, "treatment_effect": "none"})
    zero, one = generate(resolve(same), 1, np.arange(2), 100).hidden.binary["cramps"]
    assert np.array_equal(zero, one)
    with pytest.raises(ValidationError, match=r"outcomes\.pains\.cramps\.shares: needs C and T"):
        made({"pains": {"cramps": {"shares": {"C": 0.2}}}})


@pytest.mark.parametrize("endpoint", ["OS", "PFS"])
def test_it_breaks_the_strict_null_where_its_arms_differ_alone(endpoint: str) -> None:
    def null(outcomes: dict[str, Any]) -> bool:
        return is_strict_null(made(outcomes), endpoint)  # type: ignore[arg-type]

    assert null({})
    assert null({"immune": ALIKE})
    assert not null({"immune": UNLIKE})
    assert null({"immune": UNLIKE, "treatment_effect": "none"})
    for nothing in ({"immune": ALIKE}, {"immune": UNLIKE, "treatment_effect": "none"}):
        zero, one = drawn(made(nothing), 3)[endpoint]
        assert np.array_equal(zero, one)


def study(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nextends: imbrave150\noutcomes:\n  immune: {shares: {AtezoBev: 0.1, Sorafenib: 0.2}}\n")
    return path


def test_reports_and_questions_ask_it(tmp_path: Path) -> None:
    document = load(study(tmp_path), spec=ToyScenario)
    scenario = parse(document, ToyScenario)
    places = [f"outcomes.immune.shares.{arm}" for arm in scenario.arms.names()]
    assert set(places) <= set(assumed_values(document))
    assert path_label(places[0], document.tree) in repr(assumed_section(document))
    rows = {place: (there, here) for place, there, here in base_of(document).rows or ()}
    assert "immune" in " ".join(rows)
    assert any(path_label(one, document.tree) in repr(base_section(document)) for one in rows if "immune" in one)
    assert "a share who never progress" in design_text(scenario)
    plain = parse(load("imbrave150", spec=Scenario), Scenario)
    assert "never progress" not in design_text(plain)
    biases = {one.name: one for one in present(scenario, ["immunity"])}
    assert (biases["immunity"].label, biases["immunity"].off) == ("immunity to progression", {"outcomes.immune": None})
    assert f"# outcomes: {{immune: {{shares: {{{scenario.arms.treated}: 0.1" in scaffold(scenario, "imbrave150", "x")


def test_the_reference_of_keys_tells_of_it() -> None:
    page = key_reference(ToyScenario, "Keys")
    assert "## Immune\n\nThe share of either arm who never progress." in page
    assert "| `immune` | [Immune](#immune) or null | `null` |" in page
    assert "| `season` | [Season](#season) or null | `null` |" in page
    assert "## Immune" not in key_reference(Scenario, "Keys")


def test_sections_are_those_on_which_patients_depend() -> None:
    ours = (
        "population",
        "treatment",
        "outcomes",
        "endpoints",
        "entry",
        "followup",
        "centres",
        "calendar",
        "imperfections",
    )
    assert World.sections() == ours == Scenario.sections()
    assert set(ToyWorld.sections()) == {*ours, "season"}


def test_everything_in_a_world_that_draws_is_a_mechanism() -> None:
    """Every section but the population, and each part of outcomes."""
    kinds = set(kinds_of(World))
    assert len(kinds) >= 20
    assert set(kinds_of(ToyWorld)) - kinds == {Immune, Season, Cramps}
    places = dict(World.model_validate(tree()).parts())
    assert {"treatment", "outcomes.death", "outcomes.frailty", "outcomes.response", "entry", "followup"} <= set(places)
