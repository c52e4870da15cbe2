"""What a reader sees speaks of the paper's primary analysis and of no other: where nobody is matched, not of matching.

Text, JSON, page, tables and figures of the commands are read under each primary analysis. That the reading finds words
of matching everywhere where there is a matching, and one that is planted, shows that it can.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from matplotlib.text import Text

from analysis.estimators import Ipw, Sample
from analysis.figures import balance
from analysis.kernels.status import Status
from analysis.paper import workflow
from analysis.plan.analysis_plan import Plan, Primary
from analysis.tables import cohort_tables
from benchmarks.asked.load_study import load_study
from simulator.cohort.cohorts import Endpoint, Observed
from simulator.cohort.terms import Variable
from simulator.world.generate import generate, resolve
from tests import drawings
from tests.commands import bare, page_text, printed
from tests.small_papers import write_paper

PRIMARIES: tuple[Primary, ...] = get_args(Primary)
ADJUST = r"(?<!no\s)\badjust(?!ed (?:HR|<dfn>hazard|hazard))"
"""Adjustment is done, but for what an analysis is called that makes none, and the name of a measure."""
FOREIGN = {
    "matching": r"weight|stratif",
    "weighting": r"match|(?<![a-z])pairs?(?![a-z])|caliper|mcnemar|adjust|stratif",
    "stratification": rf"match|(?<![a-z])pairs?(?![a-z])|caliper|mcnemar|weight|{ADJUST}",
    "adjustment": r"match|(?<![a-z])pairs?(?![a-z])|caliper|mcnemar|weight|stratif",
    "unadjusted": rf"match|(?<![a-z])pairs?(?![a-z])|caliper|mcnemar|weight|{ADJUST}|stratif",
}
"""Words of what was not done."""
NAMES = re.compile(r"\.adjusted(_for)?\b")
"""Of JSON: what an estimand is conditional on, and the sizes of the set compared, whatever made it."""
ESTIMATORS = {
    "matching": "matched",
    "weighting": "ipw",
    "stratification": "ps-strata",
    "adjustment": "adjusted",
    "unadjusted": "crude",
}
PRINTED = {f"endpoints.OS.{side}.cox.hr": text for side, text in (("before", "0.7"), ("after", "0.6"))}
MORE = """\
analysis: {{primary: {}, subgroups: [stage], survival: {{times: [6]}}{}}}
endpoints: {{OS: {{event: dead}}, progression: {{event: progressed, competing: dead}}}}
estimators: [{{kind: crude, name: plain}}, {}]"""
FEW = ("--jobs", "1", "-S", "run.truth_patients=2000")
SPEAK = ("analyze: text", "analyze: json", "analyze: page", "analyze: tables", "run: page", "claims", "published")
"""What speaks of matching where there is one; `simulate` and `show` need not."""


def study(folder: Path, primary: str, more: str = "") -> str:
    """A small paper with competing events and yes/no outcomes, which prints two hazard ratios; ``more`` of its plan."""
    return str(write_paper(folder, PRINTED, MORE.format(primary, more, ESTIMATORS[primary])))


def analyzed(folder: Path, primary: str, more: str = "") -> dict[str, str]:
    """Text, JSON, page and tables of `analyze`, of a cohort that `simulate` writes with its spec."""
    out = {"simulate": printed(["simulate", study(folder, primary, more), "--out", str(folder / "d.csv")])}
    spec = folder / "d.spec.yaml"
    out["simulate"] += spec.read_text("utf-8")
    to = {"--json": folder / "a.json", "--report": folder / "a.html", "--tables": folder / "tables"}
    words = [text for name, path in to.items() for text in (name, str(path))]
    out["analyze: text"] = printed(["analyze", str(folder / "d.csv"), "--spec", str(spec), *words])
    out["analyze: json"] = "\n".join(told(json.loads(to["--json"].read_text("utf-8"))))
    out["analyze: page"] = seen(to["--report"])
    out["analyze: tables"] = "\n".join(f"{one.name}\n{seen(one)}" for one in sorted(to["--tables"].iterdir()))
    return out


def everything(folder: Path, primary: str) -> dict[str, str]:
    """All that the commands say about a paper with this primary analysis."""
    out, path, run = analyzed(folder, primary), study(folder, primary), folder / "run"
    out["show"] = printed(["show", path]) + "\n".join(told(json.loads(printed(["show", path, "--json"]))))
    out["published"] = printed(["published", path])
    out["published"] += "\n".join(told(json.loads(printed(["published", path, "--json"]))))
    printed(["new", str(folder / "new.yaml"), "--from", path])
    out["new"] = (folder / "new.yaml").read_text("utf-8").replace("[crude, adjusted", "[")  # judged beside it
    printed(["run", path, "--reps", "4", "--out", str(run), *FEW])
    out["run: text"] = printed(["report", str(run)])
    out["run: page"] = seen(run / "report.html")
    page = folder / "c.html"
    out["claims"] = printed(["claims", path, "--reps", "4", "--report", str(page), *FEW]) + seen(page)
    return {place: text.replace(str(folder), "") for place, text in out.items()}


def seen(file: Path) -> str:
    """What a reader sees of a file: of a page no scripts or styles, but its labels and the words of its figures."""
    text = file.read_text("utf-8")
    for hidden in (r"<(style|script)\b.*?</\1>", r'\bstyle="[^"]*"', r'\b(id|href|class)="[^"]*"'):
        text = re.sub(hidden, "", text, flags=re.DOTALL)
    return text


def told(value: Any, path: str = "") -> Iterator[str]:
    """Every value of JSON with its path; what is null or empty says nothing, nor does its name."""
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from told(one, f"{path}.{name}")
    elif isinstance(value, list):
        for one in value:
            yield from told(one, path)
    elif value not in (None, ""):
        yield f"{NAMES.sub('', path)}: {value}"


def foreign(primary: str, text: str) -> list[str]:
    """The words of other analyses in a text, each with what stands around it."""
    return [
        text[max(0, one.start() - 40) : one.end() + 40] for one in re.finditer(FOREIGN[primary], text, re.IGNORECASE)
    ]


@pytest.mark.parametrize("primary", PRIMARIES)
def test_nothing_speaks_of_an_analysis_that_was_not_made(tmp_path: Path, primary: Primary) -> None:
    said = everything(tmp_path, primary)
    assert all(said.values())
    assert {place: found for place, text in said.items() if (found := foreign(primary, text))} == {}
    if primary == "matching":
        assert [place for place in SPEAK if not foreign("adjustment", said[place])] == []


@cache
def words_of_figures(primary: Primary) -> dict[str, str]:
    """All words on the figures of an analysis."""
    drawn = {name: draw() for name, draw in drawings.of_analysis("", primary).items()}
    return {name: "\n".join(str(text.get_text()) for text in figure.findobj(Text)) for name, figure in drawn.items()}


@pytest.mark.parametrize("primary", PRIMARIES)
def test_no_figure_speaks_of_an_analysis_that_was_not_made(primary: Primary) -> None:
    said = words_of_figures(primary)
    assert {name: found for name, text in said.items() if (found := foreign(primary, text))} == {}
    if primary == "matching":
        assert [name for name, text in said.items() if not foreign("adjustment", text)] == ["forest_narrow_of"]


def test_a_planted_word_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a title of a table, on a figure, in the JSON: each is found where it is and nowhere else."""
    kept = workflow.adjusted_sizes
    plants = {
        (cohort_tables, "side_words", lambda *_: "after matching"): {"text", "tables", "page"},
        (balance, "side_heading", lambda *_: "Matched"): {"page"},
        (workflow, "adjusted_sizes", lambda _, *rest: kept("matching", *rest)): {"json"},
    }
    for k, ((module, name, planted), where) in enumerate(plants.items()):
        folder = tmp_path / str(k)
        folder.mkdir()
        with monkeypatch.context() as patch:
            patch.setattr(module, name, planted)
            said = analyzed(folder, "weighting")
        found = {place.removeprefix("analyze: ") for place, text in said.items() if foreign("weighting", text)}
        assert found == where, name


def weighted(folder: Path, weighting: str) -> tuple[dict[str, str], dict[str, Any]]:
    """What `analyze` says after this weighting, and its JSON."""
    said = analyzed(folder, "weighting", f", weighting: {weighting}")
    return said, json.loads((folder / "a.json").read_text("utf-8"))


def test_the_sizes_of_a_weighted_set_are_those_of_its_weights(tmp_path: Path) -> None:
    """Worked out again from the printed scores: 1 / e and 1 / (1 - e) of those who are kept, Kish's effective sizes."""
    said, found = weighted(tmp_path, "{target: ate, trim: [0.3, 0.6]}")
    heads, *rows = [line.split(",") for line in (tmp_path / "d.csv").read_text("utf-8").splitlines()]
    arms: dict[str, list[float]] = {"treated": [], "control": []}
    for row in rows:
        score, arm = found["propensity"]["scores"][row[heads.index("id")]], row[heads.index("arm")]
        if 0.3 <= score <= 0.6:
            arms[arm].append(1 / (score if arm == "treated" else 1 - score))
    assert 20 < len(arms["treated"]) < found["cohort"]["treated"]
    assert found["matching"] is None
    assert {name: found["adjusted"][name] for name in ("how", "n_treated", "n_control", "status")} == {
        "how": "weighting",
        "n_treated": len(arms["treated"]),
        "n_control": len(arms["control"]),
        "status": "OK",
    }
    for arm, weights in arms.items():
        effective = sum(weights) ** 2 / sum(weight**2 for weight in weights)
        assert found["adjusted"]["weights"][arm] == pytest.approx(
            {"least": min(weights), "greatest": max(weights), "effective_n": effective}, rel=1e-9
        )
        assert f"weights {min(weights):.3g} to {max(weights):.3g}, effective n {effective:.1f}" in said["analyze: page"]
    after = found["endpoints"]["progression"]["competing"]["after"]
    assert (after["gray"]["test"], after["gray"]["p"] > 0) == ("robust gray", True)
    assert found["endpoints"]["progression"]["competing"]["before"]["gray"]["test"] == "gray"


def test_a_weighting_that_keeps_nobody_says_so(tmp_path: Path) -> None:
    said, found = weighted(tmp_path, "{trim: [0.98, 0.99]}")
    assert found["adjusted"] == {
        "how": "weighting",
        "n_treated": 0,
        "n_control": 0,
        "status": "TOO_FEW",
        "weights": dict.fromkeys(("treated", "control"), dict.fromkeys(("least", "greatest", "effective_n"))),
    }
    why = (
        "Nobody was weighted: an arm has no patient left whose propensity score lies within 0.98 to 0.99. There are no "
        "numbers after weighting."
    )
    assert why in " ".join(said["analyze: text"].split())
    assert bare(why) in page_text((tmp_path / "a.html").read_text("utf-8"))
    assert all(foreign("weighting", text) == [] for text in said.values())
    assert found["endpoints"]["OS"]["after"]["cox"]["hr"] is None
    scenario = load_study(study(tmp_path, "weighting")).scenario
    numbers = np.arange(3, dtype=np.int64)
    sample = Sample(generate(resolve(scenario), 5, numbers).observed, scenario.analysis, numbers, 5)
    assert (Ipw(trim=(0.98, 0.99)).estimate(sample, "OS").status == Status.TOO_FEW).all()
    assert (Ipw(trim=(0.02, 0.98)).estimate(sample, "OS").status == Status.OK).all()


@pytest.mark.parametrize(
    ("primary", "n", "rest"),
    [
        ("matching", 1, "the caliper, the matching and all that follows are without them."),
        ("weighting", 1, "the weighting and all that follows are without them."),
        ("stratification", 1, "the strata and all that follows are without them."),
        ("adjustment", 0, None),
        ("unadjusted", 0, None),
    ],
)
def test_who_is_set_aside_is_said_in_the_words_of_the_analysis(primary: Primary, n: int, rest: str | None) -> None:
    """One untreated patient has a level of her own, so that her score is 0 in the limit."""
    rng = np.random.default_rng(3)
    level, treated = rng.integers(0, 2, 60).astype(float), rng.random(60) < 0.5
    level[0], treated[0] = 2, False
    here = np.ones((1, 60), dtype=np.bool_)
    course = Endpoint(rng.exponential(9, (1, 60)), rng.random((1, 60)) < 0.8)
    variables = (Variable("g", "nominal", ("a", "b", "c")),)
    observed = Observed(variables, level[None, :, None], treated[None], here, {"OS": course}, {}, {}, {})
    plan = Plan.model_validate({"primary": primary, "propensity": {"method": "all"}})
    found = workflow.analyse(observed, [str(k) for k in range(60)], plan, ("C", "T"))
    aside = found.propensity.set_aside
    assert (aside.control, aside.treated) == (n, 0)
    assert (aside.why is None) == (rest is None)
    assert rest is None or (aside.why or "").endswith(rest)
    assert found.adjusted.n_control == (~treated).sum() - n or primary == "matching"
