"""`trialtwin performance` at its edges: truths of their own, infinite limits, what is missing, what cannot be.

Right values by hand.
"""

import json
from math import nan, sqrt
from pathlib import Path
from statistics import NormalDist, mean, stdev

import numpy as np
import pytest
from click.testing import CliRunner

from analysis.cohort_files.data_table import CohortFileError
from benchmarks.cli.commands import cli
from benchmarks.performance.measures import contrast, performance, significance
from benchmarks.performance.replicate_table import Group, TableColumns, judged_table
from tests.test_cli import _call

TWO_TRUTHS = """rep,method,est,se,true
1,marginal,0.50,0.2,0.5
2,marginal,0.60,0.2,0.5
3,marginal,0.40,0.2,0.5
4,marginal,0.52,0.2,0.5
1,conditional,1.00,0.2,1.0
2,conditional,1.15,0.2,1.0
3,conditional,0.90,0.2,1.0
4,conditional,1.05,0.2,1.0
"""
STUDENT = """rep,dgm,method,theta,se,df,true
1,x,A,-0.4,0.2,5,-0.5
2,x,A,-0.6,0.25,5,-0.5
3,x,A,-0.9,0.3,4,-0.5
4,x,A,-0.5,0.2,6,-0.5
1,y,A,0.1,0.2,5,0
2,y,A,-0.1,0.25,5,0
3,y,A,0.2,0.3,4,0
4,y,A,0.05,0.2,6,0
"""
ONE_SE_LESS = """method,estimate,se
1,0.55,0.46
1,0.53,0.51
1,1.2,
1,0.97,0.44
1,1.8,0.5
1,,0.5
1,NA,NA
"""


def of(folder: Path, text: str, truth: str, level: float = 0.95, **columns: str) -> list[Group]:
    """The groups of a table, by method unless told otherwise."""
    (folder / "t.csv").write_text(text, "utf-8")
    by = tuple(columns.pop("by", "").split(",")) if "by" in columns else ()
    return judged_table(folder / "t.csv", TableColumns(by=by, **columns), truth, None, level)


def values(measures: dict, *names: str) -> list[float]:
    return [measures[name].value for name in names]


def test_each_group_is_judged_by_its_own_truth(tmp_path: Path) -> None:
    _, other = of(tmp_path, TWO_TRUTHS, "true", by="method", replicate="rep")
    found = values(other.against, "bias_difference", "mean_difference", "mse_difference", "coverage_difference")
    assert found == pytest.approx([0.02, 0.52, 0.00875 - 0.0051, 0.0], abs=1e-12)
    differences = [0.5, 0.55, 0.5, 0.53]
    assert other.against["bias_difference"].mcse == pytest.approx(stdev(differences) / 2, rel=1e-12)
    _, other = of(tmp_path, STUDENT, "true", by="dgm,method", df="df")
    found = values(other.against, "bias_difference", "mean_difference", "mse_difference", "coverage_difference")
    assert found == pytest.approx([0.0625 + 0.1, 0.6625, 0.015625 - 0.045, 0.0], abs=1e-12)


def test_a_difference_of_coverage_is_that_of_the_pairs_of_intervals_that_are_known() -> None:
    """By a loop over pairs, each side by its own truth."""
    rng = np.random.default_rng(5)
    sides, truths = [], (0.3, 1.1)
    for truth in truths:
        value = rng.normal(truth, 1.0, 40)
        low, p = value - 1.0, rng.uniform(0, 0.2, 40)
        low[rng.uniform(size=40) < 0.2] = nan
        p[rng.uniform(size=40) < 0.2] = nan
        sides.append({"value": value, "low": low, "high": value + 1.0, "p": p, "status": np.zeros(40, np.int64)})
    found = contrast(sides[0], sides[1], truths[0], 0.05, truths[1])
    covers, rejects = [], []
    for k in range(40):
        one, other = ({name: float(side[name][k]) for name in ("low", "high", "p")} for side in sides)
        if one["low"] == one["low"] and other["low"] == other["low"]:
            covers.append((one["low"] <= 0.3 <= one["high"]) - (other["low"] <= 1.1 <= other["high"]))
        if one["p"] == one["p"] and other["p"] == other["p"]:
            rejects.append((one["p"] < 0.05) - (other["p"] < 0.05))
    for name, by_hand in (("coverage_difference", covers), ("rejection_difference", rejects)):
        assert found[name].n == len(by_hand) < 40
        assert found[name].value == pytest.approx(mean(by_hand), rel=1e-12)
        assert found[name].mcse == pytest.approx(stdev(by_hand) / sqrt(len(by_hand)), rel=1e-12)


@pytest.mark.parametrize("endless", ["Inf", "inf", "Infinity", "+inf"])
def test_an_endless_interval_is_an_interval(tmp_path: Path, endless: str) -> None:
    rows = f"est,lo,hi\n0.9,0.70,1.10\n0.8,0.60,1.00\n0.85,0.65,1.05\n0.45,0.05,{endless}\n0.6,0.10,{endless}\n"
    (one,) = of(tmp_path, rows, "0.5", low="lo", high="hi")
    assert (one.measures["coverage"].value, one.measures["coverage"].n) == (0.4, 5)
    assert one.measures["coverage"].mcse == pytest.approx(sqrt(0.4 * 0.6 / 5))
    rows = "est,lo,hi\n" + "".join(f"0.5,{low},{endless}\n" for low in ("0.07", "0.11", "0.41", "-0.16"))
    (one,) = of(tmp_path, rows, "0.3", low="lo", high="hi")
    assert values(one.measures, "coverage", "power") == [0.75, 0.75]
    rows = "est,lo,hi\n" + "".join(f"-0.5,-{endless.lstrip('+')},{high}\n" for high in ("-0.07", "0.1", "-0.6"))
    (one,) = of(tmp_path, rows, "-0.5", low="lo", high="hi")
    assert values(one.measures, "coverage", "power") == pytest.approx([2 / 3, 2 / 3])


def test_an_endless_number_of_degrees_of_freedom_is_the_normal(tmp_path: Path) -> None:
    half = NormalDist().inv_cdf(0.975) * 0.1
    rows = f"est,se,df\n{half * 1.001},0.1,inf\n{half * 0.999},0.1,Inf\n{half * 1.001},0.1,30\n"
    (one,) = of(tmp_path, rows, "0", df="df")
    assert values(one.measures, "coverage", "type_1_error") == pytest.approx([2 / 3, 1 / 3])


def test_what_one_row_lacks_leaves_the_others(tmp_path: Path) -> None:
    (one,) = of(tmp_path, ONE_SE_LESS, "1", by="method")
    se, own = [0.46, 0.51, 0.44, 0.5], [0.55, 0.53, 0.97, 1.8]
    model = sqrt(mean(s * s for s in se))
    found = {name: (measure.value, measure.n) for name, measure in one.measures.items()}
    assert found["model_se"] == (pytest.approx(model, rel=1e-12), 4)
    assert model == pytest.approx(0.4784, abs=5e-5)
    assert found["relative_error_model_se"] == (pytest.approx(100 * (model / stdev(own) - 1), rel=1e-10), 4)
    assert found["bias"] == (pytest.approx(mean([*own, 1.2]) - 1), 5)
    assert found["empirical_se"] == (pytest.approx(stdev([*own, 1.2])), 5)
    assert found["coverage"] == (1.0, 4)
    assert found["coverage_failures_counted"] == (pytest.approx(4 / 7), 7)
    assert found["power_failures_counted"] == (pytest.approx(2 / 7), 7)
    assert found["convergence"] == (pytest.approx(5 / 7), 7)
    assert one.measures["coverage_failures_counted"].mcse == pytest.approx(sqrt(4 / 7 * 3 / 7 / 7))
    spread = stdev([s * s for s in se])
    assert one.measures["model_se"].mcse == pytest.approx(sqrt(spread**2 / (4 * 4 * model**2)), rel=1e-10)


def test_limits_alone_or_p_alone_give_what_they_can(tmp_path: Path) -> None:
    rows = "est,lo,hi\n0.4,0.1,0.7\n0.6,0.3,0.9\n0.9,0.55,1.25\n0.5,-0.2,0.8\n"
    (one,) = of(tmp_path, rows, "0.5", low="lo", high="hi")
    assert values(one.measures, "coverage", "power", "bias") == pytest.approx([0.75, 0.75, 0.1])
    assert np.isnan(one.measures["model_se"].value)
    assert one.measures["model_se"].n == 0
    (one,) = of(tmp_path, "est,p\n0.4,0.04\n0.6,0.01\n0.9,0.3\n0.5,0.05\n", "0.5", p="p")
    assert one.measures["power"].value == 0.5
    assert np.isnan(one.measures["coverage"].value)
    (one,) = of(tmp_path, "est\n0.4\n0.6\n", "0.5")
    assert one.measures["mse"].value == pytest.approx(0.01)
    assert np.isnan(values(one.measures, "coverage", "power", "coverage_failures_counted")).all()


def test_an_se_of_zero_is_an_interval_of_one_point(tmp_path: Path) -> None:
    (one,) = of(tmp_path, "est,se\n0,0\n0.5,0\n0.1,0.2\n", "0")
    assert values(one.measures, "coverage", "type_1_error") == pytest.approx([2 / 3, 1 / 3])
    assert one.measures["type_1_error"].n == 3


@pytest.mark.parametrize(
    ("text", "options", "told"),
    [
        ("est,se\n0.4,-0.2\n0.6,0.1\n0.6,-0.3\n", [], ["line 2, column 'se': -0.2 is no", "line 4, column 'se': -0.3"]),
        ("est,se\n0.4,inf\n", [], ["line 2, column 'se': inf is no standard error"]),
        ("est,p\n0.4,1.7\n0.6,-1\n0.1,1\n0.1,0\n", ["--p", "p"],
         ["line 2, column 'p': 1.7 is no p-value", "line 3, column 'p': -1 is no"]),
        ("est,lo,hi\n0.4,0.8,0\n", ["--low", "lo", "--high", "hi"],
         ["line 2, columns 'lo' and 'hi': the lower limit 0.8 is above 0"]),
        ("est,lo,hi\n0.4,inf,inf\n", ["--low", "lo", "--high", "hi"], ["line 2, column 'lo': inf is no lower limit"]),
        ("est,lo,hi\n0.4,-inf,-inf\n", ["--low", "lo", "--high", "hi"], ["line 2, column 'hi': -inf is no upper"]),
        ("est,se,df\n0.4,0.1,0\n0.4,0.1,-3\n", ["--df", "df"],
         ["line 2, column 'df': 0 are no degrees of freedom", "line 3, column 'df': -3 are"]),
        ("est,se\n0.4,1_0\n", [], ["line 2, column 'se': '1_0' is not a number"]),
        ("est,p,df\n0.4,0.1,3\n", ["--p", "p", "--df", "df"], ["--df is for an interval made from the SE"]),
        ("est,se\n0.4,1\n", ["--truth", "inf"], ["has no column 'inf', and 'inf' is no number either"]),
    ],
)  # fmt: skip
def test_impossible_values_are_refused_with_row_and_column(
    tmp_path: Path, text: str, options: list[str], told: list[str]
) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(text, "utf-8")
    code, out, err = _call("performance", str(file), "--truth", "0.5", *options)
    assert (code, out) == (2, "")
    lines = err.strip().splitlines()
    assert len(lines) == len(told)
    for line, part in zip(lines, told, strict=True):
        assert part in line


@pytest.mark.parametrize("level", [0.8, 0.9, 0.95, 0.975, 0.99, 0.999, 0.6, 0.7])
def test_a_p_of_alpha_itself_does_not_reject_at_any_level(tmp_path: Path, level: float) -> None:
    alpha = f"{round(1 - level, 3)}"
    assert significance(level) == float(alpha)
    (one,) = of(tmp_path, f"est,p\n0.4,{alpha}\n0.6,{float(alpha) * 0.999}\n", "0", level, p="p")
    assert one.measures["type_1_error"].value == 0.5


@pytest.mark.parametrize("level", [0.8, 0.9, 0.95, 0.99])
def test_a_limit_at_zero_covers_it_and_does_not_reject(tmp_path: Path, level: float) -> None:
    """With limits that are given, and with those made from an SE: coverage of zero and rejection add up to one."""
    (one,) = of(tmp_path, "est,lo,hi\n0.4,0,0.8\n-0.4,-0.8,0\n", "0", level, low="lo", high="hi")
    assert values(one.measures, "coverage", "type_1_error") == [1.0, 0.0]
    z = NormalDist().inv_cdf(0.5 + level / 2)
    near = z * np.array([1 - 2e-16, 1 - 1e-16, 1, 1 + 2e-16, 1 + 4e-16])
    rows = "est,se\n" + "".join(f"{sign * float(x)!r},1\n" for x in near for sign in (1, -1))
    (one,) = of(tmp_path, rows, "0", level)
    assert one.measures["coverage"].value + one.measures["type_1_error"].value == 1


def test_text_json_csv_and_page_tell_each_measure_of_how_many_replicates_it_is(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text(ONE_SE_LESS, "utf-8")
    asked = ["performance", str(file), "--truth", "1"]
    text = CliRunner().invoke(cli, asked).output
    told = {line.rsplit("  ", 1)[0].strip(): line.rsplit(" ", 1)[1] for line in text.splitlines() if line.endswith("]")}
    assert told["coverage"] == "[4]"
    assert told["coverage failures counted"] == "[7]"
    assert told["bias"] == "[5]"
    assert "compares both SEs among the simulated studies that have one" in text
    out, page = tmp_path / "o.csv", tmp_path / "o.html"
    made = CliRunner().invoke(cli, [*asked, "--json", "--out", str(out), "--report", str(page)]).output
    measures = json.loads(made)["groups"][0]["measures"]
    assert (measures["coverage"]["n"], measures["bias"]["n"], measures["truth"]["n"]) == (4, 5, None)
    assert "\ncoverage,1.0,0.0,4\n" in out.read_text("utf-8")
    assert "[4]" in page.read_text("utf-8")


def test_a_missing_truth_or_group_is_still_one_line(tmp_path: Path) -> None:
    with pytest.raises(CohortFileError, match="is missing or differs"):
        of(tmp_path, "est,se,t\n0.4,1,0.5\n0.4,1,\n", "t")


def test_the_error_of_relative_bias_under_a_simulated_truth_is_the_spread_over_studies_and_truths() -> None:
    """2,000 studies of 100 estimates, each judged by a truth of its own about 0.8: SD of the measure and mean MCSE."""
    rng, error, count = np.random.default_rng(8), 0.08, 2000
    told, found = [], []
    for _ in range(count):
        value = rng.normal(1.2, 1.0, 100)
        truth = 0.8 + error * rng.standard_normal()
        one = np.full(100, 1.0)
        made = performance(value, one, value - 1, value + 1, one, np.zeros(100, np.int64), truth, error)
        found.append(made["relative_bias"].value)
        told.append(made["relative_bias"].mcse)
    ratio = float(np.mean(told)) / stdev(found)
    tolerance = 5 / sqrt(2 * count) + 0.03  # and 3 % that a ratio's second order moves
    assert abs(ratio - 1) < tolerance
    alone = sqrt(mean(t * t for t in told) - (1.5 * error / 0.8) ** 2)  # without the error of the truth
    assert alone / stdev(found) < 1 - tolerance
    by_hand = performance(
        np.array([1.0, 2.0]), np.ones(2), np.zeros(2), np.ones(2), np.ones(2), np.zeros(2, np.int64), 2.0, 0.1
    )["relative_bias"]  # mean 1.5, its SE 0.5: (1.5 - 2) / 2, and the root of 0.5^2 + (0.75 x 0.1)^2, halved
    assert by_hand.value == pytest.approx(-0.25)
    assert by_hand.mcse == pytest.approx(sqrt(0.5**2 + 0.075**2) / 2, rel=1e-12)
    assert performance(
        np.array([1.0, 2.0]), np.ones(2), np.zeros(2), np.ones(2), np.ones(2), np.zeros(2, np.int64), -2.0, 0.1
    )["relative_bias"].mcse == pytest.approx(sqrt(0.5**2 + 0.075**2) / 2, rel=1e-12)


def test_how_rows_were_paired_is_told(tmp_path: Path) -> None:
    """Without the column of replicates methods are compared row by row, or not at all; neither is silent."""
    path = tmp_path / "rows.csv"
    path.write_text(TWO_TRUTHS)
    by = ["performance", str(path), "--truth", "true", "--by", "method"]
    told = [" ".join(_call(*by, *more)[1].split()) for more in ([], ["--replicate", "rep"])]
    assert "row by row, in the order in which the rows stand" in told[0]
    assert "row by row" not in told[1]
    path.write_text(TWO_TRUTHS + "5,conditional,1.1,0.2,1.0\n")
    told = [" ".join(_call(*by, *more)[1].split()) for more in ([], ["--replicate", "rep"])]
    assert "Not compared with marginal, as it has another number of rows: conditional." in told[0]
    assert "Not compared" not in told[1]
    assert "in common with marginal - 4" in told[1]


def test_what_cannot_be_is_shown_as_it_stands_in_the_file(tmp_path: Path) -> None:
    with pytest.raises(CohortFileError, match=r"column 'p': 1\.0000001 is no p-value"):
        of(tmp_path, "est,p\n0.4,1.0000001\n", "0", p="p")
    with pytest.raises(CohortFileError, match=r"the lower limit 0\.50000001 is above 0\.5$"):
        of(tmp_path, "est,lo,hi\n0.4,0.50000001,0.5\n", "0", low="lo", high="hi")


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (
            "est,se\n0.3,0.1\n",
            "Furthest from the truth on average is all rows: 0.1000 too high. 1 group, 1 row, 0 without an estimate.",
        ),
        ("est,se\nNA,0.1\n,0.2\n", "None has an estimate. 1 group, 2 rows, 2 without an estimate."),
    ],
)
def test_the_page_says_no_number_that_there_is_not(tmp_path: Path, rows: str, told: str) -> None:
    (tmp_path / "rows.csv").write_text(rows)
    code, _, err = _call(
        "performance", str(tmp_path / "rows.csv"), "--truth", "0.2", "--report", str(tmp_path / "page.html")
    )
    assert code == 0, err
    assert told in (tmp_path / "page.html").read_text()
