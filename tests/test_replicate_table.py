"""`trialtwin performance`: any table of replicates, measured as Morris, White & Crowther (2019, Table 6) say."""

import json
from math import sqrt
from pathlib import Path
from statistics import NormalDist, mean, median, stdev

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from scipy import stats

from analysis.cohort_files.data_table import CohortFileError
from benchmarks.cli.commands import cli
from benchmarks.performance.replicate_table import TableColumns, judged_table

Z = NormalDist().inv_cdf(0.975)


def table(replicates: int = 60) -> pd.DataFrame:
    """Two methods in two settings, one estimate of the second method missing."""
    rng = np.random.default_rng(11)
    rows = []
    for dgm in ("small", "large"):
        for k in range(replicates):
            shared = rng.normal(0.5, 0.2)
            rows.append((k, dgm, "cc", shared, 0.2 * rng.uniform(0.8, 1.2)))
            rows.append((k, dgm, "mi", shared + rng.normal(0.05, 0.05), 0.17 * rng.uniform(0.9, 1.1)))
    made = pd.DataFrame(rows, columns=["rep", "dgm", "method", "b", "se"])
    made.loc[3, ["b", "se"]] = np.nan
    return made


def saved(path: Path, rows: pd.DataFrame) -> Path:
    rows.to_csv(path / "rows.csv", index=False)
    return path / "rows.csv"


def by_hand(b: list[float], se: list[float], truth: float) -> dict[str, tuple[float, float]]:
    """Value and Monte Carlo SE of every measure, in plain sums."""
    n, centre, spread = len(b), mean(b), stdev(b)
    variances = [s * s for s in se]
    model = sqrt(mean(variances))
    errors = [(x - truth) ** 2 for x in b]

    def share(hits: list[bool]) -> tuple[float, float]:
        p = sum(hits) / n
        return p, sqrt(p * (1 - p) / n)

    def within(at: float) -> list[bool]:
        return [x - Z * s <= at <= x + Z * s for x, s in zip(b, se, strict=True)]

    model_mcse = sqrt(stdev(variances) ** 2 / (4 * n * model**2))
    return {
        "bias": (centre - truth, spread / sqrt(n)),
        "relative_bias": ((centre - truth) / truth, spread / sqrt(n) / truth),
        "empirical_se": (spread, spread / sqrt(2 * (n - 1))),
        "model_se": (model, model_mcse),
        "relative_error_model_se": (
            100 * (model / spread - 1),
            100 * model / spread * sqrt(stdev(variances) ** 2 / (4 * n * model**4) + 1 / (2 * (n - 1))),
        ),
        "mse": (mean(errors), sqrt(sum((e - mean(errors)) ** 2 for e in errors) / (n * (n - 1)))),
        "coverage": share(within(truth)),
        "bias_eliminated_coverage": share(within(centre)),
        "power": share([abs(x / s) > Z for x, s in zip(b, se, strict=True)]),
        "median": (median(b), float("nan")),
        "mean_variance": (mean(variances), float("nan")),
        "median_variance": (median(variances), float("nan")),
    }


def test_every_measure_of_every_group_is_that_of_the_formulas(tmp_path: Path) -> None:
    rows = table()
    groups = judged_table(saved(tmp_path, rows), TableColumns(by=("method", "dgm"), replicate="rep"), "0.5")
    assert [one.labels for one in groups] == [("cc", "small"), ("mi", "small"), ("cc", "large"), ("mi", "large")]
    assert [one.failed for one in groups] == [0, 1, 0, 0]
    for one in groups:
        part = rows[(rows.method == one.labels[0]) & (rows.dgm == one.labels[1])].dropna()
        for name, (value, mcse) in by_hand(list(part.b), list(part.se), 0.5).items():
            assert one.measures[name].value == pytest.approx(value, rel=1e-12, abs=1e-14), name
            assert one.measures[name].mcse == pytest.approx(mcse, rel=1e-12, abs=1e-14, nan_ok=True), name
        assert one.measures["convergence"].value == len(part) / 60


def test_relative_precision_is_that_of_the_same_replicates(tmp_path: Path) -> None:
    rows = table()
    groups = judged_table(saved(tmp_path, rows), TableColumns(by=("method", "dgm"), replicate="rep"), "0.5", "cc")
    wide = rows[rows.dgm == "small"].pivot_table(index="rep", columns="method", values="b").dropna()
    n, ratio = len(wide), (stdev(wide.cc) / stdev(wide.mi)) ** 2
    found = groups[1].against
    assert n == 59 == found["replicates_in_common"].value
    assert found["relative_precision"].value == pytest.approx(100 * (ratio - 1), rel=1e-12)
    correlation = wide.cc.corr(wide.mi)
    assert found["relative_precision"].mcse == pytest.approx(
        200 * ratio * sqrt((1 - correlation**2) / (n - 1)), rel=1e-10
    )
    differences = list(wide.mi - wide.cc)
    assert found["bias_difference"].value == pytest.approx(mean(differences), rel=1e-12)
    assert found["bias_difference"].mcse == pytest.approx(stdev(differences) / sqrt(n), rel=1e-12)
    assert groups[0].against == {}


def test_the_first_method_is_the_reference_unless_another_is_named(tmp_path: Path) -> None:
    file, columns = saved(tmp_path, table()), TableColumns(by=("method", "dgm"))
    assert {one.reference for one in judged_table(file, columns, "0.5")} == {"cc"}
    turned = judged_table(file, columns, "0.5", "mi")
    assert turned[0].against["bias_difference"].value < 0
    assert turned[1].against == {}


def test_student_intervals_with_degrees_of_freedom(tmp_path: Path) -> None:
    rows = pd.DataFrame({"diff": [1.0, -0.5, 2.1, 0.9], "se": [0.5, 0.4, 1.0, 0.5], "df": [5, 5, 5, 5]})
    (one,) = judged_table(saved(tmp_path, rows), TableColumns(df="df"), "0")
    half = stats.t.ppf(0.975, 5)
    assert one.measures["coverage"].value == np.mean(abs(rows["diff"]) <= half * rows.se)
    assert one.measures["type_1_error"].value == np.mean(2 * stats.t.sf(abs(rows["diff"] / rows.se), 5) < 0.05)


def test_limits_that_are_given_are_used(tmp_path: Path) -> None:
    rows = pd.DataFrame({"est": [1.0, 2.0], "se": [1.0, 1.0], "lo": [0.5, 1.6], "hi": [1.5, 2.4]})
    (one,) = judged_table(saved(tmp_path, rows), TableColumns(low="lo", high="hi"), "1.2")
    assert (one.measures["coverage"].value, one.measures["power"].value) == (0.5, 1.0)


def test_the_truth_may_be_a_column(tmp_path: Path) -> None:
    rows = table().assign(theta0=lambda t: np.where(t.dgm == "small", 0.5, 0.4))
    file = saved(tmp_path, rows)
    groups = judged_table(file, TableColumns(by=("method", "dgm")), "theta0")
    assert [one.measures["truth"].value for one in groups] == [0.5, 0.5, 0.4, 0.4]
    with pytest.raises(CohortFileError, match=r"'theta0' is missing or differs within the rows of the group cc"):
        judged_table(file, TableColumns(by=("method",)), "theta0")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--truth", "0.5", "--by", "metod"], "has no column 'metod'; did you mean 'method'?"),
        (["--truth", "what"], "has no column 'what', and 'what' is no number either"),
        (["--truth", "0.5", "--by", "method", "--reference", "c"], "no row has method 'c'; did you mean 'cc'?"),
        (["--truth", "0.5", "--reference", "cc"], "--reference needs --by"),
        (["--truth", "0.5", "--low", "b"], "--low and --high belong together"),
        (["--truth", "0.5", "--se", "dgm"], "line 2, column 'dgm': 'small' is not a number"),
        (["--truth", "0.5", "--by", "method", "--replicate", "rep"], "a value of 'rep' stands twice"),
        (["--truth", "nan"], "has no column 'nan', and 'nan' is no number either"),
    ],
)  # fmt: skip
def test_faults_are_told_in_a_line(tmp_path: Path, arguments: list[str], told: str) -> None:
    file = saved(tmp_path, table())
    result = CliRunner().invoke(cli, ["performance", str(file), *arguments])
    assert result.exit_code != 0
    assert told in f"{result.output}{result.exception}"


def test_text_json_and_csv_say_the_same(tmp_path: Path) -> None:
    file = saved(tmp_path, table())
    asked = ["performance", str(file), "--truth", "0.5", "--by", "method,dgm", "--replicate", "rep"]
    text = CliRunner().invoke(cli, asked).output
    made = CliRunner().invoke(cli, [*asked, "--json", "--out", str(tmp_path / "out.csv")])
    document = json.loads(made.output)
    written = pd.read_csv(tmp_path / "out.csv")
    for group in document["groups"]:
        bias = group["measures"]["bias"]
        assert f"{bias['value']:.4f} ({bias['mcse']:.4f})" in text
        same = (written.method == group["by"]["method"]) & (written.dgm == group["by"]["dgm"])
        assert written[same & (written.measure == "bias")].value.item() == pytest.approx(bias["value"], rel=1e-14)
    assert document["format"] == "trialtwin-performance/1"
    assert "in common with cc" in text


def test_a_table_without_ses_or_estimates_gives_no_invented_numbers(tmp_path: Path) -> None:
    rows = pd.DataFrame({"b": ["NA", "NA"], "se": ["NA", "NA"]})
    (one,) = judged_table(saved(tmp_path, rows), TableColumns(), "0.5")
    assert one.failed == 2
    assert np.isnan(one.measures["bias"].value)
    assert one.measures["convergence"].value == 0
    rows = pd.DataFrame({"b": [0.4, 0.7], "se": [np.nan, np.nan]})
    (one,) = judged_table(saved(tmp_path, rows), TableColumns(), "0.5")
    assert one.measures["bias"].value == pytest.approx(0.05)
    assert np.isnan(one.measures["coverage"].value)
