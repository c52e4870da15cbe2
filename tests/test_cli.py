"""The command line as a user meets it."""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from benchmarks.cli import commands

pytestmark = pytest.mark.usefixtures("drawn_once")


def _call(*words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr, errors handled as by the console script."""
    runner = CliRunner()

    def command() -> object:
        return commands.cli.main(list(words), prog_name="trialtwin", standalone_mode=False)

    with runner.isolation() as (out, err, _):
        code = commands._guarded(command)
        sys.stdout.flush()
        return code, out.getvalue().decode(), err.getvalue().decode()


def test_run_prints_the_question_the_verdict_and_one_table(tmp_path: Path) -> None:
    code, out, err = _call("run", "null-effect", "--reps", "6", "--jobs", "1", "--out", str(tmp_path / "run"))
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0].startswith("If the combination did nothing")
    assert max(map(len, lines[3:-2])) <= 100
    for name in ("scenario.yaml", "manifest.json", "results.parquet", "performance.csv", "truth.json", "report.html"):
        assert (tmp_path / "run" / name).stat().st_size > 0, name
    assert len(pd.read_parquet(tmp_path / "run" / "results.parquet")) == 6 * 2 * 5
    again, rebuilt, _ = _call("report", str(tmp_path / "run"))
    assert again == 0
    assert rebuilt == out


def test_run_json_is_one_document(tmp_path: Path) -> None:
    code, out, _ = _call("run", "null-effect", "--reps", "5", "--jobs", "1", "--out", str(tmp_path / "run"), "--json")
    assert code == 0
    assert json.loads(out)["question"].startswith("If the combination")


def test_dry_run_computes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = _call("run", "hidden-confounder", "--dry-run")
    assert code == 0
    assert "5 settings, 2,500 simulated studies in" in out
    assert not list(tmp_path.iterdir())


def test_simulate_then_analyze(tmp_path: Path) -> None:
    data = tmp_path / "cohort.csv"
    code, out, err = _call("simulate", "hcc-lung-metastasis", "--seed", "3", "--out", str(data))
    assert code == 0, err
    assert out.split() == [str(data), str(tmp_path / "cohort.spec.yaml")]
    table = pd.read_csv(data)
    assert len(table) == 422
    result, page = tmp_path / "out.json", tmp_path / "out.html"
    code, out, err = _call(
        "analyze", str(data), "--spec", str(tmp_path / "cohort.spec.yaml"), "--json", str(result), "--report", str(page)
    )
    assert code == 0, err
    found = json.loads(result.read_text("utf-8"))
    assert found["cohort"] == {"n": 422, "treated": 169, "control": 253}
    assert len(found["propensity"]["scores"]) == 422
    assert found["matching"]["n_pairs"] == len(found["matching"]["pairs"])
    assert page.read_text("utf-8").startswith("<!doctype html>")


def test_simulate_hidden_and_adam(tmp_path: Path) -> None:
    code, _, _ = _call("simulate", "paper", "--reps", "2", "--hidden", "--out", str(tmp_path / "h.parquet"))
    assert code == 0
    hidden = pd.read_parquet(tmp_path / "h.parquet")
    assert len(hidden) == 1688
    assert {"propensity", "OS_time_LP", "OS_time_HLP", "replicate"} <= set(hidden.columns)
    code, out, _ = _call("simulate", "paper", "--format", "adam", "--out", str(tmp_path / "a.csv"))
    assert code == 0
    assert len(out.split()) == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("run", "no-such-study"), "no-such-study"),
        (("run", "null-efect"), "null-effect"),
        (("run", "paper", "-S", "population.sise=3"), "size"),
        (("run", "paper", "-S", "population.size=1000000000000"), "population.size"),
        (("run", "paper", "--reps", "1000000000000"), "--reps"),
        (("simulate", "paper", "--out", "x.doc"), ".csv"),
        (("simulate", "paper", "--reps", "900000", "--out", "x.csv"), "too many"),
        (("analyze", "absent.csv", "--spec", "absent.yaml"), "absent.yaml"),
        (("report", "no-such-folder"), "no-such-folder"),
        (("check", "no-such-study"), "no-such-study"),
        (("frobnicate",), "frobnicate"),
    ],
)
def test_mistakes_are_told_in_words_with_exit_code_2(words: tuple[str, ...], told: str) -> None:
    code, out, err = _call(*words)
    assert code == 2
    assert out == ""
    assert told in err
    assert "Traceback" not in err


def test_list_show_check_and_schema() -> None:
    code, out, _ = _call("list")
    assert code == 0
    assert "null-effect" in out
    code, out, _ = _call("show", "paper")
    assert code == 0
    assert "assumed:" in out
    assert "population.correlation.size.pvtt" in out
    code, out, _ = _call("show", "paper", "--resolved")
    assert code == 0
    assert "extends" not in out
    code, out, _ = _call("check", "paper", "null-effect")
    assert code == 0
    assert out.count("valid") == 2
    for kind in ("scenario", "cohort"):
        code, out, _ = _call("schema", kind)
        assert code == 0
        assert "properties" in json.loads(out)


@pytest.mark.skipif(
    f"\npydantic=={version('pydantic')} " not in (Path(__file__).parent.parent / "requirements.txt").read_text("utf-8"),
    reason="the shipped schema is written by the pinned pydantic",
)
def test_the_shipped_schema_is_current() -> None:
    held = Path(__file__).parent.parent / "scenarios" / "schema" / "scenario.json"
    code, out, _ = _call("schema")
    assert code == 0
    assert held.read_text("utf-8") == out


def test_help_and_listing_import_nothing_heavy() -> None:
    for words in (["--help"], ["list"], ["check", "paper"]):
        script = (
            f"import sys; sys.argv = ['trialtwin', *{words!r}]\n"
            "from benchmarks.cli import commands as cli\n"
            "try:\n    cli.main()\nexcept SystemExit as stop:\n    assert stop.code == 0, stop.code\n"
            "heavy = {'matplotlib', 'lifelines', 'sklearn', 'pyarrow', 'jinja2'} & sys.modules.keys()\n"
            "assert not heavy, heavy\n"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
