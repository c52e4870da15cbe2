"""What `trialtwin analyze` says in words: how it matched, what hangs on chance or on rows, why nobody was matched."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.cli.commands import cli
from benchmarks.cli.options import documents
from tests.commands import bare, page_text
from tests.test_cli import _call


def analyzed(
    folder: Path, apart: bool = False, candidates: tuple[str, ...] = ("x", "g"), **matching: Any
) -> tuple[str, str, dict[str, Any]]:
    """Text, page and JSON of 120 patients with a rare level of the untreated; ``apart``: x tells the arms apart."""
    rng = np.random.default_rng(8)
    treated, level = rng.random(120) < 0.4, rng.choice(list("AABBC"), 120)
    level[treated & (level == "C")] = "A"
    x = rng.integers(0, 4, 120) + 10 * (treated & apart)
    time, event = np.ceil(rng.exponential(9, 120)), rng.random(120) < 0.8
    rows = zip(treated, x, level, time, event, strict=True)
    text = "".join(f"p{k},{int(a)},{b},{c},{d},{int(e)}\n" for k, (a, b, c, d, e) in enumerate(rows))
    (folder / "d.csv").write_text(f"id,trt,x,g,t,e\n{text}")
    spec = {
        "data": {
            "id": "id",
            "treatment": {"column": "trt"},
            "covariates": {"x": {"kind": "continuous"}, "g": {"kind": "nominal", "levels": ["A", "B", "C"]}},
            "endpoints": {"OS": {"time": "t", "event": "e"}},
        },
        "analysis": {"matching": matching, "propensity": {"method": "all", "candidates": candidates}, "subgroups": []},
    }
    (folder / "d.yaml").write_text(json.dumps(spec))
    to = {name: str(folder / f"d.{name}") for name in ("json", "html")}
    code, out, err = _call(
        "analyze", str(folder / "d.csv"), "--spec", str(folder / "d.yaml"), "--json", to["json"], "--report", to["html"]
    )
    assert code == 0, err
    return " ".join(out.split()), Path(to["html"]).read_text(), json.loads(Path(to["json"]).read_text())


@pytest.mark.parametrize(
    ("matching", "how"),
    [
        ({}, "Greedy nearest neighbour on the logit of the propensity score, order largest, ratio 1:1, without "
         "replacement, caliper 0.2 SD = "),
        ({"method": "optimal", "ratio": 2}, "Optimal matching on the logit of the propensity score, ratio 1:2,"),
        ({"choice": "random", "scale": "ps", "unit": "raw", "caliper": 0.1},
         "Greedy random choice within the caliper of the propensity score, order largest, ratio 1:1, without "
         "replacement, caliper 0.1: "),
        ({"distance": "mahalanobis", "covariates": ["x"], "caliper": None, "exact": ["g"], "replacement": True},
         "Greedy nearest neighbour by Mahalanobis distance of x, order largest, exact on g, ratio 1:1, with "
         "replacement, caliper none: "),
        ({"unit": "pooled_sd"}, "caliper 0.2 pooled SD = "),
    ],
)  # fmt: skip
def test_the_page_says_how_it_matched(tmp_path: Path, matching: dict[str, Any], how: str) -> None:
    _, page, _ = analyzed(tmp_path, **matching)
    assert bare(how) in page_text(page)


def test_patients_set_aside_are_told_before_the_numbers(tmp_path: Path) -> None:
    text, page, found = analyzed(tmp_path)
    why = found["propensity"]["set_aside"]["why"]
    (keys,) = documents(cli.commands["analyze"])
    assert found.keys() == keys.keys()
    for part in ("propensity", "matching", "as_read"):
        assert list(found[part]) == keys[part].partition("}")[0].strip("{").split(", ")
    assert why.startswith("Set aside: ")
    assert text.index(f"Warning: {why}") < text.index("Table 1.")
    assert bare(f"Warning: {why}") in page_text(page)


def test_arms_that_are_told_apart_are_said_to_be(tmp_path: Path) -> None:
    text, page, found = analyzed(tmp_path, apart=True)
    assert found["matching"]["status"] == "PS_SEPARATED"
    told = "Nobody was matched: the covariates tell treated and untreated patients apart completely"
    assert text.index(told) < text.index("Table 1.")
    assert told in page
    for shown in (text, page):
        assert "nan" not in shown.replace("NaN", "").replace("isNaN", "").split("<script")[0]
        assert "0.2 SD;" in shown or "0.2 SD:" in shown


def test_nobody_within_reach_is_said(tmp_path: Path) -> None:
    text, _, found = analyzed(tmp_path, apart=True, candidates=("g",), exact=["x"])
    assert found["matching"]["status"] == "NO_PAIRS"
    assert "Nobody was matched: no untreated patient is within reach of a treated one." in text


@pytest.mark.parametrize(
    ("matching", "by"),
    [
        ({"order": "data", "ties": "data"}, "order: data, ties: data"),
        ({"ties": "data"}, "ties: data"),
        ({"preset": "psmpy"}, "order: data, ties: data"),
        ({"preset": "matchit"}, "ties: data"),
    ],
)
def test_a_matching_that_goes_by_rows_warns(tmp_path: Path, matching: dict[str, Any], by: str) -> None:
    text, page, found = analyzed(tmp_path, **matching)
    told = f"The matching goes by where rows stand in the file ({by}): the same patients in another order of the rows"
    assert told in text
    assert told in page
    assert any(told in one for one in found["matching"]["ties"]["warnings"])
    assert "where rows stand" not in analyzed(tmp_path)[0]


def test_what_was_left_to_chance_is_named(tmp_path: Path) -> None:
    greedy, random, anyone, optimal, again = (
        analyzed(tmp_path, **matching)[0]
        for matching in ({}, {"order": "random"}, {"choice": "random"}, {"method": "optimal"}, {"replacement": True})
    )
    assert "had several equally near controls, of those who were still free." in greedy
    assert "with other choices." in greedy
    assert "with other choices and other random orders of the treated." in random
    assert "had several controls to choose from, of those who were still free." in anyone
    assert "of those whom nobody got" in optimal
    assert "had several equally near controls. Which was taken" in again
    assert "HR, SE by pair" in greedy
    assert "HR, SE by patient" in again
