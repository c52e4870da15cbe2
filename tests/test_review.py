"""`trialtwin review`: what it writes, that it repeats to the byte, that every number is verified, what it refuses."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cli import review_verbs
from benchmarks.cli.review_verbs import differing, leaves
from benchmarks.questions import compatible
from benchmarks.review import effects
from benchmarks.review import suspicions as raised
from tests.commands import answered, fits, printed, refused
from tests.small_papers import write_competing
from tests.small_reviews import write_review
from tests.test_cli import _call

FEW = ("--reps", "40", "--jobs", "1")
FILES = ("review.html", "review.json", "world.yaml")


@pytest.fixture(scope="module", autouse=True)
def cheap() -> Iterator[None]:
    """Twenty worlds under a suspicion rather than forty, and fewer patients; and only two suspicions."""

    def two(*given: Any) -> tuple[Any, ...]:
        return tuple(one for one in all_of(*given) if one.name in ("unmeasured", "survivors"))

    all_of = raised.suspicions
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks.review.review.suspicions", two)
        patch.setattr(effects, "POINTS", 20)
        patch.setattr(compatible, "DRAWS", 2**9)
        patch.setattr(compatible, "GROUPS", 3)
        patch.setattr(effects, "TRUTH_PATIENTS", 2000)
        patch.setattr(effects, "PATIENTS", 6000)
        patch.setattr(effects, "LEVELS", (-2.0, -1.0, 0.0, 1.0))
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A review of the small world, and what the command printed as JSON."""
    place = tmp_path_factory.mktemp("review")
    study = write_review(place)
    found = answered(["review", str(study), *FEW, "--out", str(place / "out")])
    return place, found


def test_a_review_writes_its_page_its_numbers_and_its_world(made: tuple[Path, dict[str, Any]]) -> None:
    place, found = made
    assert fits("review", found)
    assert {*FILES} <= {one.name for one in (place / "out").iterdir()}
    assert json.loads((place / "out/review.json").read_text("utf-8")) == found
    page = (place / "out/review.html").read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert found["headline"] in page
    assert all(one["number"] in page for one in found["answers"])
    assert found["methods"]["command"] == "trialtwin review small-review.yaml --reps 40 --seed 11"
    assert found["claim"]["hr"] == "0.50"
    assert found["bias"]["replicates"] == 40
    assert [one["name"] for one in found["bias"]["suspicions"]] == ["unmeasured", "survivors"]
    assert list(found["effect"]["plausible"]) == ["as-stated", "unmeasured", "survivors", "all-at-once"]
    assert len(found["answers"]) == 5
    stated = found["effect"]["plausible"]["as-stated"]
    assert stated["low"] < 0.5 < stated["high"]
    assert abs(found["effect"]["true_hr"] - 0.51) < 0.05


def test_the_same_command_again_simulates_nothing_and_gives_the_same_bytes(
    made: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    """One screen of a terminal, the tables for a document, and no part of a run touched."""
    place, found = made
    before = {name: (place / "out" / name).read_bytes() for name in FILES}
    parts = stamps(place / "out")
    assert len(parts) > 10
    docx = tmp_path / "review.docx"
    told = printed(["review", str(place / "small-review.yaml"), *FEW, "--out", str(place / "out"), "--docx", str(docx)])
    assert {name: (place / "out" / name).read_bytes() for name in FILES} == before
    assert stamps(place / "out") == parts
    lines = told.splitlines()
    assert len(lines) < 50
    assert max(map(len, lines)) <= 110 + len(str(place))
    text = " ".join(told.split())
    assert " ".join(found["headline"].split()) in text
    cells = _cells(docx)
    for one in found["answers"]:
        assert " ".join(one["answer"].split()) in text
        assert one["number"] in told
        assert one["question"] in cells
    assert [line for line in lines if line.startswith("wrote ")] == [f"wrote {place / 'out' / one}" for one in FILES]


def stamps(folder: Path) -> dict[Path, int]:
    """When each part of a run was written; what is summed up of all parts is written anew."""
    parts = (one for one in folder.rglob("*.parquet") if one.stem not in ("performance", "failures", "results"))
    return {one: one.stat().st_mtime_ns for one in parts}


def _cells(docx: Path) -> str:
    """All texts of a Word file's tables; '' where the library is not installed."""
    document = pytest.importorskip("docx").Document(str(docx))
    return " ".join(cell.text for table in document.tables for row in table.rows for cell in row.cells)


def copied(made: tuple[Path, dict[str, Any]], folder: Path) -> Path:
    """What a review leaves to be verified, without what was simulated for it."""
    folder.mkdir()
    for name in FILES:
        (folder / name).write_bytes((made[0] / "out" / name).read_bytes())
    return folder


def test_a_changed_number_is_named_by_verify(made: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    """Two numbers that are 10 % off; all others come out again, in another folder and with two workers."""
    folder = copied(made, tmp_path / "copy")
    forged = json.loads(json.dumps(made[1]))
    forged["bias"]["suspicions"][1]["at_usual"]["as_extreme"]["value"] *= 1.1
    forged["effect"]["twin"]["treated"]["free"][1] *= 0.9
    (folder / "review.json").write_text(json.dumps(forged), "utf-8")
    code, out, err = _call("verify", str(folder), "--jobs", "2")
    assert code == 1, err
    assert "2 of " in out
    assert "bias.suspicions.1.at_usual.as_extreme.value: " in out
    assert "effect.twin.treated.free.1: " in out


@pytest.mark.slow
def test_a_review_that_nobody_changed_holds(made: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    code, out, err = _call("verify", str(copied(made, tmp_path / "copy")), "--jobs", "1", "--json")
    assert code == 0, err
    assert json.loads(out)["holds"]


@pytest.mark.slow
def test_a_review_made_elsewhere_is_the_same_to_the_byte(made: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    """In another folder, with two workers."""
    words = ["review", str(made[0] / "small-review.yaml"), "--reps", "40", "--jobs", "2"]
    printed([*words, "--out", str(tmp_path / "out")])
    for name in FILES:
        assert (tmp_path / "out" / name).read_bytes() == (made[0] / "out" / name).read_bytes(), name


def test_a_forged_world_page_or_sentence_is_noticed(made: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    place, found = made
    forged = dict(found, headline="The effect is real.")
    assert [path for path, *_ in differing(forged, found)] == ["headline"]
    assert not list(differing(found, found))
    assert len(list(leaves(found))) > 300
    short = json.loads(json.dumps(found))
    del short["claim"]["hr"]
    assert [path for path, *_ in differing(short, found)] == ["claim.hr"]
    (tmp_path / "world.yaml").write_bytes((place / "out/world.yaml").read_bytes())
    (tmp_path / "review.json").write_text("[]")
    told = refused(["verify", str(tmp_path)])
    assert told.endswith("review.json: is no review of ours; make it again")


def test_last_digits_are_no_difference_and_kinds_are() -> None:
    one = {"a": 1.0, "b": [0.25, None], "c": True}
    assert not list(differing(one, {"a": 1.0 + 1e-12, "b": [0.25, None], "c": True}))
    assert [path for path, *_ in differing(one, {"a": 1.001, "b": [None, None], "c": 1})] == ["a", "b.0", "c"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--endpoint", "relapse"], "--endpoint relapse: a review is about survival"),
        (["--docx", "a.pdf"], "a.pdf: end the name in .docx"),
        (["--pdf", "a.docx"], "a.docx: end the name in .pdf"),
        (["-S", "target.population=selected"], "a review speaks of patients at time zero"),
        (["PRINTED"], "the published HR of survival is 1, of which no bias"),
    ],
)  # fmt: skip
def test_what_cannot_be_reviewed_is_told_in_one_line(tmp_path: Path, words: list[str], told: str) -> None:
    study = write_review(tmp_path)
    if words[-1].startswith("PRINTED"):
        study.write_text(study.read_text("utf-8").replace('"0.50"', '"1.00"').replace('"0.86"', '"3.45"'), "utf-8")
        words = []
    assert told in refused(["review", str(study), *FEW, "--out", str(tmp_path / "out"), *words])
    assert not (tmp_path / "out").exists()


@pytest.fixture
def cheapest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve simulated patients fewer and one suspicion alone."""

    def one(*given: Any) -> tuple[Any, ...]:
        return tuple(one for one in raised.suspicions(*given) if one.name == "survivors")

    monkeypatch.setattr("benchmarks.review.review.suspicions", one)


@pytest.mark.usefixtures("cheapest")
def test_a_paper_without_a_ratio_has_all_but_the_verdict(tmp_path: Path) -> None:
    """No size that is needed and no plausible range; what biases make, analyses and grounds all the same."""
    study, out = str(write_review(tmp_path)), ["--out", str(tmp_path / "out")]
    found = answered(["review", study, *FEW, "-S", "published=null", *out])
    assert fits("review", found)
    assert found["rule"]["word"] == "no-ratio"
    assert found["headline"].startswith("Whether it could be bias cannot be told: the paper prints no hazard ratio")
    (curve,) = found["bias"]["suspicions"]
    assert (curve["needed_for_ratio"]["size"], curve["at_usual"]["as_extreme"]["value"]) == (None, None)
    assert curve["at_usual"]["log_hr"]["value"] < 0
    assert found["effect"]["plausible"] == {}
    assert 0 < found["effect"]["true_hr"] < 1
    assert len(found["analysis"]["analyses"]) > 2
    assert found["rests"]["assumptions"]


@pytest.mark.usefixtures("cheapest")
def test_a_ratio_of_another_model_is_reviewed_where_the_main_one_is_not_printed(tmp_path: Path) -> None:
    """The primary analysis is unadjusted, the printed ratio adjusted: the twin makes the adjusted one, too."""
    study = str(write_review(tmp_path))
    found = answered(["review", study, *FEW, "-S", "analysis.primary=unadjusted", "--out", str(tmp_path / "out")])
    assert found["claim"]["ratio"] == "adjusted hazard ratio"
    assert found["claim"]["printed_at"] == "endpoints.survival.before.multivariable[treatment]"
    assert found["analysis"]["primary"] == "adjusted"
    assert found["rule"]["word"] != "no-ratio"


@pytest.mark.usefixtures("cheapest")
def test_an_event_that_others_compete_with_is_reviewed(tmp_path: Path) -> None:
    """The cause's own hazard: printed as the world has it, it is compatible with what is true."""
    study = write_competing(tmp_path)
    key = "endpoints.first-hospitalisation.before.cox"
    printed_of = "".join(
        f"  '{key}.{name}': {{printed: '{text}', where: Table 2}}\n"
        for name, text in (("hr", "0.62"), ("low", "0.41"), ("high", "0.94"))
    )
    text = (
        study.read_text("utf-8")
        .replace("[crude, matched]", "[crude]")
        .replace("analysis:", "analysis:\n  primary: unadjusted")
    )
    study.write_text(f"{text}published:\n{printed_of}", "utf-8")
    words = ["review", str(study), *FEW, "--endpoint", "first-hospitalisation", "--out", str(tmp_path / "out")]
    found = answered(words)
    assert found["claim"]["competing"] is True
    assert found["rule"]["word"] in ("chance", "could-be", "not-alone", "hardly")
    stated = found["effect"]["plausible"]["as-stated"]
    assert stated["low"] < found["effect"]["true_hr"] < stated["high"]
    free = found["effect"]["twin"]
    assert free["treated"]["free"][-1] > free["untreated"]["free"][-1]


def test_a_folder_that_is_no_paper_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "empty" in refused(["review", str(tmp_path / "empty"), *FEW])
    assert "nowhere" in refused(["review", str(tmp_path / "nowhere.yaml"), *FEW])


def test_the_command_that_is_told_names_what_was_asked() -> None:
    asking = review_verbs.Asking("paper", ("population.size=90",), "survival", 100, None, 2, None)
    from tests.small_reviews import small_document, small_scenario

    class Study:
        scenario = small_scenario()
        document = small_document()

    told = review_verbs._again(asking, Study())  # type: ignore[arg-type]
    assert told == "trialtwin review paper -S 'population.size=90' --endpoint survival --reps 100 --seed 11"
