"""What is written of a fitted world where shares of a covariate were fitted: all of them, and they add up to 1."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.asked.load_study import load_study
from benchmarks.cli.twin_verbs import _whole, fitted_yaml
from benchmarks.twin.targets import with_leaf


@pytest.mark.parametrize("level", [("sex", "Female"), ("ecog", "0"), ("albi", "2")])
def test_all_shares_of_a_covariate_are_written(level: tuple[str, str], tmp_path: Path) -> None:
    asked = load_study("hcc-lung-metastasis-stated")
    path = ("population", "covariates", level[0], "shares", level[1])
    tree = with_leaf(asked.document.tree, path, 0.7071)
    fit: Any = SimpleNamespace(tree=tree, seed=1, replicates=20, verdict=SimpleNamespace(bad="", text=""))
    out = tmp_path / "fitted.yaml"
    base = replace(asked.document, files=(*asked.document.files[:-1], str(Path(asked.document.files[-1]).resolve())))
    out.write_text(fitted_yaml(replace(asked, document=base), fit, [_whole(path)], out))
    shares = load_study(str(out)).document.tree["population"]["covariates"][level[0]]["shares"]
    before = asked.document.tree["population"]["covariates"][level[0]]["shares"]
    assert shares[level[1]] == pytest.approx(0.7071, abs=1e-6)
    assert sum(shares.values()) == pytest.approx(1.0, abs=1e-9)
    assert list(shares) == list(before)
    others = [name for name in shares if name != level[1]]
    rest = (1 - 0.7071) / sum(before[name] for name in others)
    assert [shares[name] for name in others] == pytest.approx([rest * before[name] for name in others], abs=1e-6)


def test_what_is_written_whole() -> None:
    assert _whole(("followup", "dropout", "LP", "rates", "1")) == ("followup", "dropout", "LP", "rates")
    assert _whole(("outcomes", "conversion", "ablation", "shares", "LP"))[-1] == "LP"
