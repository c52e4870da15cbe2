"""Commands in a world where states compete: estimates beside their truths, questions, and words."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.words.plain_text import estimated, label_of, measure_of, natural
from simulator.cohort.estimand import Estimand
from tests.commands import answered, printed, refused
from tests.graphs import constant, tree

ESTIMATORS: list[dict[str, Any]] = [
    {"kind": "crude"},
    {"kind": "incidence", "horizon": 18.0},
    {"kind": "fine-gray"},
    {"kind": "fine-gray", "name": "given", "adjusted": True},
    {"kind": "matched", "name": "pairs", "measure": "subdistribution_hr"},
    {"kind": "ipw", "name": "lost", "measure": "rmtl", "horizon": 18.0},
    {"kind": "ipw", "name": "ratio", "measure": "incidence_ratio", "horizon": 18.0},
]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The file of a small study."""
    ways = {
        "relapse": constant(0.04, "well", "relapsed", treatment={"log_hr": -0.6}, log_hr={"stage": 0.5}),
        "death": constant(0.03, "well", "dead"),
    }
    made = tree(
        ("well", "relapsed", "dead"), ways, endpoints={"relapse": {"event": "relapsed", "competing": "dead"}},
        treatment={"kind": "prevalence", "share": 0.5, "log_odds": {"stage": 0.8}},
        followup={"cut_off": "2023-01-01"}, question="Who relapses?", estimators=ESTIMATORS,
        run={"replicates": 40, "seed": 1, "truth_patients": 20_000},
    )  # fmt: skip
    made["population"] = {**made["population"], "size": 160}
    path = tmp_path_factory.mktemp("study") / "relapse.yaml"
    path.write_text(yaml.safe_dump(_plain(made)))
    return str(path)


def _plain(value: Any) -> Any:
    """Lists in place of tuples."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value


def test_a_run_judges_each_by_its_measure(study: str, tmp_path: Path) -> None:
    told = printed(["run", study, "--out", str(tmp_path / "run"), "--jobs", "1"])
    for words in (
        "incidence difference",
        "subdistribution HR",
        "RMTL difference",
        "incidence ratio",
        "answers another question",
    ):
        assert words in " ".join(told.split()), words
    assert "made again and compared to the letter" in printed(["verify", str(tmp_path / "run"), "--jobs", "1"])
    page = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert "marginal subdistribution log HR" in page


def test_power_is_found_with_the_ratio_that_the_estimator_has(study: str, tmp_path: Path) -> None:
    words = ["power", study, "--reps", "60", "--most", "700", "--jobs", "1"]
    found = answered([*words, "--estimator", "fine-gray", "--out", str(tmp_path / "fg")])
    of_cause = answered([*words, "--estimator", "crude", "--out", str(tmp_path / "cox")])
    assert found["true_hr"] > of_cause["true_hr"] + 0.02  # 0.60 and 0.56: competing deaths dilute
    said = refused(["power", study, "--estimator", "incidence"])
    assert "'incidence' estimates an incidence difference; power is looked for with a hazard ratio or a test" in said


def test_a_bias_of_an_incidence_is_taken_apart(study: str, tmp_path: Path) -> None:
    found = answered(["decompose", study, "--estimator", "incidence", "--reps", "40", "--out", str(tmp_path / "a")])
    assert (found["measure"], found["horizon"]) == ("incidence_difference", 18.0)
    assert "cumulative incidence at 18 finds the incidence difference" in found["verdict"]
    found = answered(["decompose", study, "--estimator", "pairs", "--reps", "40", "--out", str(tmp_path / "b")])
    assert "finds the marginal subdistribution log HR for relapse" in found["verdict"]


def test_the_measure_may_be_an_axis(study: str, tmp_path: Path) -> None:
    axes = ["--axis", "measure=[log_hr, subdistribution_hr]", "--axis", "matching.caliper=[0.2, 0.1]"]
    found = answered(["multiverse", study, *axes, "--reps", "40", "--out", str(tmp_path / "run")])
    names = [one["name"] for one in found["specifications"]]
    assert names == ["s0000", "s0001", "s0002", "s0003", "crude"]  # none of another scale beside them


def test_measures_in_words() -> None:
    said = {
        ("incidence_difference", 6.0): ("incidence difference at 6 years", "incidence difference at 6 years"),
        ("rmtl_difference", 6.0): ("RMTL difference to 6 years", "RMTL difference to 6 years"),
        ("log_incidence_ratio", 6.0): ("incidence ratio at 6 years", "log incidence ratio at 6 years"),
        ("marginal_subdistribution_log_hr", None): ("subdistribution HR", "marginal subdistribution log HR"),
    }
    for (measure, horizon), (label, words) in said.items():
        one = Estimand(population="all", measure=measure, endpoint="x", horizon=horizon, time_unit="years")  # type: ignore[arg-type]
        assert (label_of(one), measure_of(one)) == (label, words)
        assert natural(one, 0.0) == ("log" in measure)
    assert estimated("rmtl_difference") == "estimates an RMTL difference"
