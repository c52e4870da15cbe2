"""The page for users of R: its script runs in R, and says what we say."""

import json
import re
import subprocess
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from tests.commands import printed

PAGE = Path(__file__).parent.parent / "docs" / "r-users.md"
SAID = """
library(jsonlite)
limits <- summary(curve)$table[, c("median", "0.95LCL", "0.95UCL")]
writeLines(toJSON(list(
  terms = sub("etiologyOthers", "etiology", names(coef(model))), coefficients = unname(coef(model)), aic = AIC(model),
  pairs = as.matrix(pairs), log_hr = coef(cox)[[1]], se = sqrt(vcov(cox))[[1]], pair_se = sqrt(vcov(pair_robust))[[1]],
  control = unname(limits[1, ]), treated = unname(limits[2, ]), chi2 = logrank$chisq,
  weighted = c(coef(weighted)[[1]], sqrt(vcov(weighted))[[1]]), adjusted = coef(every)[["treated"]]
), auto_unbox = TRUE, digits = NA), "r.json")
"""


def script() -> str:
    """All blocks of R of the page, in their order."""
    return "\n".join(re.findall(r"^```r\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S))


def test_the_script_names_what_the_page_compares() -> None:
    assert all(f"{name} <- " in script() for name in ("model", "pairs", "cox", "pair_robust", "curve", "weighted"))


@pytest.mark.slow
def test_r_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    libraries = "for (p in c('survival', 'MatchIt', 'jsonlite')) library(p, character.only = TRUE)"
    if which("Rscript") is None or subprocess.run(["Rscript", "-e", libraries], capture_output=True).returncode:
        pytest.skip("no R with survival, MatchIt and jsonlite here")
    monkeypatch.chdir(tmp_path)
    printed(["simulate", "hcc-lung-metastasis", "--out", "patients.csv", "--seed", "1"])
    words = [
        "analyze",
        "patients.csv",
        "--spec",
        "patients.spec.yaml",
        "-S",
        "analysis.matching.ties=data",
        "--json",
        "-",
    ]
    ours, weighted = json.loads(printed(words)), json.loads(printed([*words, "-S", "analysis.primary=weighting"]))
    Path("page.R").write_text(script() + SAID, "utf-8")
    done = subprocess.run(["Rscript", "page.R"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    compare(json.loads(Path("r.json").read_text("utf-8")), ours, weighted)


def compare(theirs: dict[str, Any], ours: dict[str, Any], weighted: dict[str, Any]) -> None:
    """Every number that the page promises."""
    near = lambda value: pytest.approx(value, rel=1e-9)  # noqa: E731
    names = [re.sub(r"[>=\d]+", "", name) for name in ours["propensity"]["coefficients"]]
    assert names == [re.sub(r"\d|Male|Multiple|Presence|> 400|B$", "", name) for name in theirs["terms"]]
    assert list(ours["propensity"]["coefficients"].values()) == near(theirs["coefficients"])
    assert ours["propensity"]["aic"] == near(theirs["aic"])
    assert sorted(map(tuple, ours["matching"]["pairs"])) == sorted((str(one), str(two)) for one, two in theirs["pairs"])
    after = ours["endpoints"]["OS"]["after"]
    assert [after["cox"]["log_hr"], after["cox"]["se"]] == near([theirs["log_hr"], theirs["se"]])
    assert after["cox_pair_robust"]["se"] == near(theirs["pair_se"])
    for arm in ("control", "treated"):
        limits = [after["km"][arm][name] for name in ("median", "low", "high")]
        reached = [(one, other) for one, other in zip(limits, theirs[arm], strict=True) if one is not None]
        assert [one for one, _ in reached] == pytest.approx([other for _, other in reached], rel=1e-12)
        assert [other for one, other in zip(limits, theirs[arm], strict=True) if one is None] == ["NA"] * (
            3 - len(reached)
        )
    assert after["logrank"]["chi2"] == near(theirs["chi2"])
    cox = weighted["endpoints"]["OS"]["after"]["cox"]
    assert [cox["log_hr"], cox["se"]] == near(theirs["weighted"])
