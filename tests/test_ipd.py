"""`trialtwin ipd`: the file of patients, the answer about it, and mistakes told on a line."""

import json
import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import trialtwin

from benchmarks.pasted.curve_files import read_curve_file
from simulator.documents.loading import DocumentError
from tests.commands import answered, printed, refused
from tests.reference.kaplan_meier import curve as slow_curve

CURVE = """\
time,survival,arm,at_risk
0,1.00,A,20
2,0.95,A,
4,0.90,A,
6,,A,17
9,0.741,A,
12,,A,9
14,0.66,A,
16,0.66,A,
3,0.86,B,
8,0.50,B,
15,0.20,B,
"""
TABLE = "time,arm,at_risk\n0,B,22\n6,B,19\n12,B,14\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a curve whose second arm contradicts its table."""
    (tmp_path / "os.csv").write_text(CURVE)
    (tmp_path / "os-at-risk.csv").write_text(TABLE)
    return tmp_path


def test_patients_are_written_and_the_answer_says_what_they_are(place: Path) -> None:
    words = ["ipd", str(place / "os.csv"), "--out", str(place / "patients.csv")]
    found = answered(words)
    rows = pd.read_csv(place / "patients.csv")
    assert [*rows.columns] == ["id", "arm", "time", "event"]
    assert rows["id"].tolist() == [*range(1, 43)]
    assert rows.groupby("arm").size().to_dict() == {"A": 20, "B": 22}
    for one in found["arms"]:
        own = rows[rows["arm"] == one["arm"]]
        assert one["patients"] == len(own)
        assert one["events"] == own["event"].sum()
        for part in one["intervals"]:
            assert part["at_risk"] == (own["time"] >= part["start"]).sum()
            last = part is one["intervals"][-1]
            inside = own[(own["time"] >= part["start"]) & ((own["time"] < part["end"]) | last)]
            assert part["deaths"] == inside["event"].sum()
            assert part["censored"] == (1 - inside["event"]).sum()
        km = slow_curve(own["time"].to_numpy(), own["event"].to_numpy(bool))
        points = [line.split(",") for line in CURVE.splitlines()[1:] if f",{one['arm']}," in line]
        away = [
            abs(np.append(1.0, km.survival)[np.searchsorted(km.time, float(t), side="right")] - float(s))
            for t, s, *_ in points
            if s
        ]
        assert one["distance"] == pytest.approx(max(away), abs=1e-9)
    first, second = found["arms"]
    assert [part["deaths"] for part in first["intervals"]] == [2, 2, 1]  # 14 at risk at 9, where 2.5 would be right
    assert [part["excess"] for part in first["intervals"]] == [0, 0, 0]
    assert [(part["printed"], part["at_risk"], part["contradicts"]) for part in second["intervals"]] == [
        (22, 22, False), (19, 19, False), (14, 11, True),
    ]  # fmt: skip
    text = printed(words)
    assert text.startswith(f"A: 20 patients, 5 events; B: 22 patients, {second['events']} events.")
    assert "contradict each other. B at 12: 14 printed, 11 left by the curve." in text
    assert "-3" in text
    whole = printed([*words, "--json"])
    assert json.loads(whole) == found
    assert printed([*words, "--json"]) == whole


def test_a_total_of_events_and_patients_without_a_table(place: Path) -> None:
    (place / "alone.csv").write_text("time,survival,arm\n" + "".join(f"{t},{100 - 4 * t},A\n" for t in range(1, 21)))
    words = ["ipd", str(place / "alone.csv"), "--out", str(place / "p.csv"), "--patients", "A=100"]
    free = answered(words)["arms"][0]
    assert (free["patients"], free["events"], free["total_events"]) == (100, 80, None)
    met = answered([*words, "--total-events", "a=60"])["arms"][0]
    assert (met["events"], met["total_events"]) == (60, 60)
    assert met["distance"] < 0.02
    told = printed([*words, "--total-events", "A=95"])
    assert "A: 95 events are given and 80 reconstructed" in " ".join(told.split())
    assert "Every printed number at risk is met." in told


def test_as_a_function(place: Path) -> None:
    found = trialtwin.ipd(place / "os.csv", out=place / "f.csv", total_events={"A": 5})
    same = answered(["ipd", str(place / "os.csv"), "--out", str(place / "f.csv"), "--total-events", "A=5"])
    assert json.loads(found.json()) == same
    assert found.to_frame().iloc[0, 0] == "0 to 6"
    with pytest.raises(trialtwin.TrialTwinError, match="the arms are A, B"):
        trialtwin.ipd(place / "os.csv", out=place / "f.csv", patients={"C": 5})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--out", "x.xlsx"], "end the name in .csv"),
        (["--total-events", "A"], "the arms are A, B"),
        (["--total-events", "A=-3"], "is no count"),
        (["--total-events", "A=3", "--total-events", "a=4"], "given twice"),
        (["--total-events", "A=21"], "the arm has 20 patients"),
        (["--patients", "A=30"], "has 20 at risk at time 0"),
    ],
)
def test_mistakes_are_told_on_one_line(
    place: Path, words: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    assert said in refused(["ipd", "os.csv", *([] if "--out" in words else ["--out", "p.csv"]), *words])
    assert not (place / "p.csv").exists()


def test_files_that_will_not_do(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    assert "is the curve" in refused(["ipd", "os.csv", "--out", "os.csv"])
    assert "cannot be read" in refused(["ipd", "none.csv", "--out", "p.csv"])
    (place / "os-at-risk.csv").unlink()
    assert "arm B has no number at risk at time 0; add one, or give --patients B=N" in refused(
        ["ipd", "os.csv", "--out", "p.csv"]
    )
    (place / "os.csv").write_text(CURVE.replace("4,0.90", "4,x"))
    assert refused(["ipd", "os.csv", "--out", "p.csv"]) == (
        "trialtwin: os.csv:4:1: survival 'x' is not a number; write a number such as 12.5"
    )


def test_labels_are_no_formulas_in_the_file(place: Path) -> None:
    (place / "os-at-risk.csv").unlink()
    (place / "os.csv").write_text("time,survival,arm,at_risk\n0,1,=1+1,5\n3,0.8,=1+1,\n")
    printed(["ipd", str(place / "os.csv"), "--out", str(place / "p.csv")])
    assert (place / "p.csv").read_text().splitlines()[1].split(",")[1] == "'=1+1"


def test_mutated_files_end_well(tmp_path: Path) -> None:
    draw, read, told = random.Random(4), 0, list[tuple[str, str]]()
    for _ in range(400):
        letters = [*CURVE]
        for _ in range(draw.randint(1, 3)):
            k = draw.randrange(len(letters))
            letters[k : k + draw.randint(0, 3)] = draw.choice(
                ["", ",", "\n", "%", "-", "9", "\x00", "é", '"', ".", "nan", "1e9", "\u2028", ";", "\t", "٣", "A", " "]
            )
        (tmp_path / "os.csv").write_text("".join(letters), encoding="utf-8")
        try:
            read += len(read_curve_file(tmp_path / "os.csv").arms) > 0
        except DocumentError as error:
            told += [(str(one), one.suggestion) for one in error.problems]
    assert all(text.startswith("os.csv") and right and text.isprintable() for text, right in told)
    assert 5 < read < 300
