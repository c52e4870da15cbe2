"""Digitised curves: files read strictly, their few points under keys, and what speaks against them asked."""

from dataclasses import replace
from pathlib import Path

import pytest

from analysis.audit.published import parse_printed
from benchmarks.pasted.curve_files import CurveFile, read_curve_file
from benchmarks.pasted.curves import MOST_POINTS, point_times, read_curves, role_of
from benchmarks.pasted.paper_file import PaperArms, PaperFile
from benchmarks.pasted.reading import Ledger, Spot
from simulator.documents.loading import DocumentError

PAPER = PaperFile(
    name="small",
    source="nobody",
    design="matched",
    arms=PaperArms(control="LP", treated="HLP"),
    endpoints={"OS": "death", "PFS": "progression or death"},
)
CLEAN = """\
time,survival,arm,at_risk
0,100,HLP,169
2.1,97.5,HLP,
6,90.2,HLP,150
11.8,71.3,HLP,
12,70.2,HLP,113
20,55.1,HLP,
24,50.6,HLP,70
30,44.4,HLP,
0,100,LP,253
6,70.3,LP,170
12,38.8,LP,90
24,12.4,LP,20
"""


def curve(place: Path, text: str, name: str = "os-before.csv") -> CurveFile:
    """The curve of a file of this text."""
    (place / name).write_text(text, encoding="utf-8")
    return read_curve_file(place / name)


def told(place: Path, text: str) -> str:
    """What is told of a file that is no curve."""
    with pytest.raises(DocumentError) as mistake:
        curve(place, text)
    return str(mistake.value)


def put(place: Path, paper: PaperFile, ledger: Ledger | None = None) -> Ledger:
    """The ledger after a folder's curves are read."""
    ledger = Ledger() if ledger is None else ledger
    read_curves(place, paper, ledger)
    return ledger


def keys(ledger: Ledger) -> dict[str, str]:
    """The keys that were put, with their print, but for those that wait for an answer."""
    asked = ledger.questions
    return {one.key: one.printed for one in ledger.numbers if not any(q.withholds(one) for q in asked)}


def test_percent_shares_marks_and_decimal_commas_are_one_curve(tmp_path: Path) -> None:
    first = curve(tmp_path, CLEAN)
    assert [arm.arm for arm in first.arms] == ["HLP", "LP"]
    assert first.notes == ("survival is in percent",)
    assert first.arms[0].at_risk == {0.0: 169, 6.0: 150, 12.0: 113, 24.0: 70}
    assert first.arms[0].at(12.5) == pytest.approx(0.702)
    assert first.arms[0].at(0.5) == 1.0
    rows = [line.split(",") for line in CLEAN.splitlines()]
    for text in (
        "\n".join("\t".join(row) for row in rows),
        "\n".join(";".join(cell.replace(".", ",") for cell in row) for row in rows),
        "\n".join(",".join([row[0], row[1] if k == 0 else f"{row[1]}%", *row[2:]]) for k, row in enumerate(rows)),
        "\ufeff" + CLEAN.replace("time,survival,arm,at_risk", " Time ,Survival,ARM,No. at risk".replace("No.", "N")),
        CLEAN.replace("\n", "\r\n"),
    ):
        assert curve(tmp_path, text).arms == first.arms, text[:60]
    shares = "\n".join(",".join([row[0], f"{float(row[1]) / 100:.4f}", *row[2:]]) for row in rows[1:])
    other = curve(tmp_path, f"time,survival,arm,at_risk\n{shares}")
    assert other.notes == ("survival is a share",)
    assert other.arms[1].survival == pytest.approx(first.arms[1].survival)


def test_thousands_at_risk_are_counts(tmp_path: Path) -> None:
    text = "time\tsurvival\tarm\tat_risk\n0\t1\ta\t1,000\n3\t0.9\ta\t900.0\n6\t0.8\ta\t\n"
    assert curve(tmp_path, text).arms[0].at_risk == {0.0: 1000, 3.0: 900}
    assert curve(tmp_path, text.replace("1,000", "1\u2009616")).arms[0].at_risk[0.0] == 1616


def test_numbers_at_risk_on_rows_of_their_own_or_in_a_file_of_their_own(tmp_path: Path) -> None:
    first = curve(tmp_path, CLEAN)
    points = "\n".join(line.rsplit(",", 1)[0] for line in CLEAN.splitlines())
    risk = [(arm.arm, time, n) for arm in first.arms for time, n in arm.at_risk.items()]
    (tmp_path / "os-before-at-risk.csv").write_text(
        "arm,time,at_risk\n" + "".join(f"{a},{t},{n}\n" for a, t, n in risk)
    )
    apart = curve(tmp_path, points)
    assert [arm.at_risk for arm in apart.arms] == [arm.at_risk for arm in first.arms]
    assert apart.arms[0].risk_lines[6.0] == ("os-before-at-risk.csv", 3)
    assert read_curve_file(tmp_path / "os-before.csv", beside=False).arms[0].at_risk == {}
    own = "\n".join(f"{t},,{a},{n}" for a, t, n in risk)
    text = "\n".join(f"{line}," for line in points.splitlines()[1:])
    within = curve(tmp_path, f"time,survival,arm,at_risk\n{text}\n{own}", "pfs-before.csv")
    assert [arm.at_risk for arm in within.arms] == [arm.at_risk for arm in first.arms]


def test_what_digitising_adds_is_levelled_and_told(tmp_path: Path) -> None:
    found = curve(tmp_path, "time,survival,arm\n-0.1,1.004,a\n5,0.800,a\n5.2,0.806,a\n5.1,0.7,a\n20,0.6,a\n")
    assert found.arms[0].time == (0.0, 5.0, 5.2, 5.2, 20.0)
    assert found.arms[0].survival == pytest.approx((1.0, 0.803, 0.803, 0.7, 0.6))
    assert found.notes[1:] == (
        "a: 1 time slightly before 0 taken as 0",
        "a: 1 point rises by at most 0.6 points of percent, and the curve was levelled",
    )
    mixed = curve(tmp_path, "time,survival,arm\n20,0.6,a\n0,1,a\n5,0.7,a\n5,0.8,a\n")
    assert mixed.arms[0].time == (0, 5, 5, 20)  # rows in no order are put in order of time
    assert mixed.arms[0].survival == (1, 0.8, 0.7, 0.6)


@pytest.mark.parametrize(
    ("change", "line", "said"),
    [
        (("12,70.2", "12,79.2"), 6, "survival 79.2 of arm 'HLP' is above 71.3 before it"),
        (("2.1,97.5", "-2.1,97.5"), 3, "time -2.1 is before 0"),
        (("2.1,97.5", "2.1,l7.5"), 3, "survival 'l7.5' is not a number"),
        (("2.1,97.5", "2.1,975"), 3, "survival 975 is not from 0 to 100"),
        (("2.1,97.5", "2.1,-9"), 3, "survival -9 is not from 0 to 100"),
        (("2.1,97.5", ",97.5"), 3, "has no time"),
        (("2.1,97.5,HLP", "2.1,97.5,"), 3, "names no arm"),
        (("2.1,97.5,HLP,", "2.1,,HLP,"), 3, "has neither survival nor at_risk"),
        (("2.1,97.5,HLP,", "2,1,97,5,HLP,"), 3, "has 6 cells, its head 4"),
        (("HLP,150", "HLP,150.5"), 4, "at_risk '150.5' is no count"),
        (("HLP,150", "HLP,1.500"), 4, "at_risk '1.500' is no count"),
        (("HLP,150", "HLP,-1"), 4, "at_risk '-1' is no count"),
        (("HLP,113", "HLP,151"), 6, "151 at risk at 12 in arm 'HLP', but 150 at 6"),
        (("20,55.1,HLP,", "12,55.1,HLP,99"), 7, "99 at risk at 12 in arm 'HLP', and 113 on line 6"),
        (("time,", "months,"), 1, "has no column time"),
        (("at_risk\n", "time\n"), 1, "has more than one column time"),
        (("HLP,169", 'HLP,"169'), 2, "is no line of a CSV file"),
        (("2.1,97.5", "1e999,97.5"), 3, "is not a number"),
        (("97.5,HLP", "97.5,HLP\x1b[31m"), 3, "is no label"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, change: tuple[str, str], line: int, said: str) -> None:
    message = told(tmp_path, CLEAN.replace(*change, 1))
    assert message.splitlines()[0].startswith(f"os-before.csv:{line}:")
    assert said in message
    assert "; " in message  # what would be right
    assert "\x1b" not in message


def test_files_that_are_none(tmp_path: Path) -> None:
    assert "is empty" in told(tmp_path, "")
    assert "has no row" in told(tmp_path, "time,survival,arm\n")
    assert "no point of a curve" in told(tmp_path, "time,survival,arm,at_risk\n0,,a,5\n")
    assert "has 1 points" in told(tmp_path, "time,survival,arm\n0,1,a\n")
    assert "another arm's is in percent" in told(tmp_path, "time,survival,arm\n1,80,a\n2,70,a\n1,0.8,b\n2,0.7,b\n")
    assert "arms" in told(
        tmp_path, "time,survival,arm\n" + "".join(f"{t},0.5,a{k}\n" for k in range(13) for t in (1, 2))
    )
    (tmp_path / "x.csv").write_bytes(b"time,survival,arm\n1,0.5,\xe4\n")
    for name, said in (("x.csv", "is not UTF-8"), ("none.csv", "cannot be read")):
        with pytest.raises(DocumentError, match=said):
            read_curve_file(tmp_path / name)


def test_points_at_the_times_of_numbers_at_risk_become_keys(tmp_path: Path) -> None:
    (tmp_path / "curve 2a.csv").write_text(CLEAN)
    ledger = put(tmp_path, PAPER.model_copy(update={"curves": {"curve 2a.csv": "OS before, Figure 2A"}}))
    assert ledger.questions == []
    start = "endpoints.OS.before.km"
    assert keys(ledger) == {
        f"{start}.treated.at_risk[6]": "150", f"{start}.treated.at_risk[12]": "113",
        f"{start}.treated.at_risk[24]": "70",
        f"{start}.treated.survival[6]": "90%", f"{start}.treated.survival[12]": "70%",
        f"{start}.treated.survival[24]": "51%", f"{start}.control.at_risk[6]": "170",
        f"{start}.control.at_risk[12]": "90", f"{start}.control.at_risk[24]": "20",
        f"{start}.control.survival[6]": "70%",
        f"{start}.control.survival[12]": "39%", f"{start}.control.survival[24]": "12%",
    }  # fmt: skip
    assert ledger.sizes == {("before", "treated"): 169, ("before", "control"): 253}
    by_key = {one.key: one for one in ledger.numbers}
    point, risk = by_key[f"{start}.treated.survival[12]"], by_key[f"{start}.treated.at_risk[12]"]
    assert (point.where, point.spot) == ("Figure 2A, digitised", Spot("curve 2a.csv", 6))
    assert (risk.where, risk.spot) == ("Figure 2A", Spot("curve 2a.csv", 6))
    stands = parse_printed(point.printed, point.key)
    assert (stands.low, stands.high) == pytest.approx((0.695, 0.705))  # half a point, as digitising has it


def test_a_file_is_known_by_its_name_too(tmp_path: Path) -> None:
    for name in ("PFS-after.csv", "os-before-at-risk.csv", "table-before.csv", "os.csv"):
        (tmp_path / name).write_text(CLEAN)
    ledger = put(tmp_path, PAPER)
    assert {key.split(".km.")[0] for key in keys(ledger)} == {"endpoints.PFS.after"}
    assert any("by its name" in one.text for one in ledger.assumed)


def test_few_points_at_round_times_where_nothing_is_at_risk(tmp_path: Path) -> None:
    rows = "".join(f"{k / 4},{100 * 0.99**k:.1f},HLP\n" for k in range(1, 160))
    arm = curve(tmp_path, f"time,survival,arm\n{rows}").arms[0]
    assert point_times(arm) == (6, 12, 18, 24, 30, 36)
    assert len(keys(put(tmp_path, PAPER))) == 6
    often = replace(arm, at_risk={float(t): 400 - t for t in range(0, 40, 2)})
    assert point_times(often) == (6, 12, 18, 24, 30, 36)
    assert len(point_times(replace(arm, at_risk={float(t): 400 - t for t in range(39)}))) <= MOST_POINTS


def test_a_number_that_is_printed_stands_and_one_that_lies_apart_is_asked(tmp_path: Path) -> None:
    (tmp_path / "os-before.csv").write_text(CLEAN)
    start = "endpoints.OS.before.km"
    printed = {
        f"{start}.treated.survival[12]": "70.1%", f"{start}.treated.median": "26.0", f"{start}.control.median": "9.5",
        f"{start}.treated.low": "18.4", f"{start}.treated.events": "68",
    }  # fmt: skip

    def with_printed(**others: str) -> Ledger:
        ledger = Ledger()
        ledger.sizes[("before", "treated")] = 169
        for key, text in (printed | {f"{start}.{name.replace('_', '.')}": one for name, one in others.items()}).items():
            ledger.put(key, text, "Results", Spot("paper.yaml", 9))
        return ledger

    fits = put(tmp_path, PAPER, with_printed())
    assert fits.questions == []  # the control's curve falls from 70 to 39 % between points at 6 and 12
    assert keys(fits)[f"{start}.treated.survival[12]"] == "70.1%"
    for others, said in (
        ({"treated_survival[24]": "62.0%"}, "survival of HLP at 24 is 51% here and printed 62.0%"),
        ({"treated_median": "12.1"}, "the median of HLP is printed 12.1, where the curve is at 70%"),
        ({"treated_median": "31.0"}, "the median of HLP is printed 31.0, where the curve is at 44%"),
        ({"control_median": "13.0"}, "the median of LP is printed 13.0, where the curve is at 39%"),
    ):
        ledger = put(tmp_path, PAPER, with_printed(**others))
        (question,) = ledger.questions
        assert said in question.what
        assert not [key for key in keys(ledger) if "at_risk" in key]
        for answer, kept in ((question.settle.split("  under")[0].split(": ", 1)[1], True), ("skip", False)):
            paper = PAPER.model_copy(update={"curves": {"os-before.csv": answer}})
            again = put(tmp_path, paper, with_printed(**others))
            assert again.questions == []
            assert (f"{start}.control.at_risk[24]" in keys(again)) == kept
    ledger = with_printed()
    ledger.sizes[("before", "treated")] = 151
    put(tmp_path, PAPER, ledger)
    assert "169 of HLP are at risk at 0, of 151 in the tables" in ledger.questions[0].what


def test_a_time_far_from_all_points_has_no_number(tmp_path: Path) -> None:
    (tmp_path / "os-before.csv").write_text(CLEAN.replace("12,70.2,HLP,113", "12,,HLP,113").replace("11.8,71", "9,71"))
    ledger = put(tmp_path, PAPER)
    assert "endpoints.OS.before.km.treated.survival[12]" not in keys(ledger)
    assert "endpoints.OS.before.km.treated.at_risk[12]" in keys(ledger)
    assert any("survival of HLP at 12 left out" in one.text for one in ledger.assumed)


@pytest.mark.parametrize(
    ("label", "role"),
    [
        ("HLP", "treated"), ("hlp", "treated"), ("LP", "control"), ("HLP group", "treated"),
        ("LP (n = 253)", "control"),
        ("Treated", "treated"), ("control", "control"), ("placebo", None), ("HLP vs LP", None), ("XLP", None),
    ],
)  # fmt: skip
def test_arms_are_known_by_the_words_of_the_paper(label: str, role: str | None) -> None:
    assert role_of(label, PAPER) == role


def test_the_longer_label_counts_where_one_holds_the_other() -> None:
    paper = PAPER.model_copy(update={"arms": PaperArms(control="Drug", treated="Drug plus other")})
    assert role_of("Drug plus other group", paper) == "treated"
    assert role_of("Drug group", paper) == "control"


def test_what_is_not_clear_is_asked_and_the_line_that_is_named_settles_it(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(CLEAN.replace("HLP", "blue"))
    for text, said in (("OS", "a side"), ("XX before", "an endpoint"), ("OS before", "arm 'blue' is not told")):
        ledger = put(tmp_path, PAPER.model_copy(update={"curves": {"c.csv": text}}))
        (question,) = ledger.questions
        assert said in question.what
        assert keys(ledger) == {}
    line = question.settle.split("  under")[0].split(": ", 1)[1]
    settled = put(tmp_path, PAPER.model_copy(update={"curves": {"c.csv": line}}))
    assert settled.questions == []
    assert len(keys(settled)) == 12
    randomised = PAPER.model_copy(update={"design": "randomised", "curves": {"c.csv": "OS, blue = treated"}})
    assert "endpoints.OS.before.km.treated.at_risk[12]" in keys(put(tmp_path, randomised))


def test_a_faulty_file_is_a_question_with_its_line_and_never_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "os-before.csv").write_text(CLEAN.replace("2.1,97.5", "2.1,abc"))
    ledger = put(tmp_path, PAPER.model_copy(update={"curves": {"none.csv": "OS after", "../x.csv": "PFS after"}}))
    told = [str(one) for one in ledger.questions]
    assert len(told) == 3
    assert any(one.startswith("os-before.csv:3: survival 'abc' is not a number") for one in told)
    assert any("none.csv" in one and "cannot be read" in one for one in told)
    assert any("beside paper.yaml" in one for one in told)
    assert keys(ledger) == {}
