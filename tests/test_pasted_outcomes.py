"""Tables of response, adverse events and events: names, grades, shares, medians, rates and contradictions."""

import pytest

from benchmarks.pasted.columns import understand
from benchmarks.pasted.grids import read_grid
from benchmarks.pasted.reading import Ledger
from benchmarks.pasted.rows import unused_names
from tests.pasted_rows import Read, paper, read

HEAD = "Response\tDrug (n = 200)\tNo drug (n = 300)\tP\n"
GRADED = "Event\tDrug (n = 200)\t\tNo drug (n = 300)\t\n\tAny grade\t{0}\tAny grade\t{0}\n"


def response(body: str, entry: dict[str, str] | None = None, **more: object) -> Read:
    return read(({"kind": "response", **(entry or {})}, HEAD + body), **more)


def test_response() -> None:
    found = response(
        "Best response, n (%)\nComplete response\t10 (5.0)\t5 (1.7)\n"
        "Partial response (PR)\t50 (25.0)\t40 (13.3)\nSD\t50 (25.0)\t40 (13.3)\n"
        "Progressive disease\t90 (45.0)\t215 (71.7)\n"
        "Objective response rate, n (%)\t60 (30.0)\t45 (15.0)\t<0.001\n95% CI\t24–37\t11–20\n"
        "Disease control rate, %\t55.0%\t28.3%\t<0.001\nMedian DOR, months (95% CI)\t7.7 (6.7–10.8)\t5.0 (3.0–6.0)\n"
    )
    assert found.asked == []
    names = {key.split(".")[1] for key in found.keys if key.startswith("binary.")}
    assert names == {"CR", "PR", "SD", "PD", "ORR", "DCR"}
    assert found.of("binary.ORR.before.") == {
        "treated.yes": "60", "treated.percent": "30.0", "control.yes": "45", "control.percent": "15.0", "p": "<0.001",
    }  # fmt: skip
    assert found.of("binary.DCR.before.") == {"treated.percent": "55.0", "control.percent": "28.3", "p": "<0.001"}
    assert any("no count or share" in one.text for one in found.ledger.unread)


def test_a_rate_with_limits_is_its_percentage() -> None:
    found = response("ORR, % (95% CI)\t30.0 (24.0–37.0)\t15.0 (11.0–20.0)\t<0.001\n")
    assert found.of("binary.ORR.before.treated.") == {"percent": "30.0"}


@pytest.mark.parametrize("wrong", ["61 (30.5)", "59 (29.5)"])
def test_sums_of_responses_are_held_together(wrong: str) -> None:
    body = "CR\t10 (5.0)\t5 (1.7)\nPR\t50 (25.0)\t40 (13.3)\nObjective response\t{}\t45 (15.0)\n"
    assert response(body.format("60 (30.0)")).asked == []
    asked = response(body.format(wrong))
    assert "CR + PR are 60" in asked.asked[0]
    assert asked.of("binary.ORR") == {}
    assert response(body.format(wrong), {"Objective response": "as printed"}).asked == []
    own = response(
        "VGPR\t10 (5.0)\t5 (1.7)\nsCR\t50 (25.0)\t40 (13.3)\nAny (DEEP)\t61 (30.5)\t45 (15.0)\n",
        response={"DEEP": "VGPR sCR"},
    )
    assert "DEEP is 61 in B" in own.asked[0]


@pytest.mark.parametrize("grade", ["Grade 3–4", "Grade ≥3", "Grade 3/4", "Grade 3 or higher"])
def test_grades(grade: str) -> None:
    body = "Any adverse event\t100 (50.0)\t20 (10.0)\t90 (30.0)\t30 (10.0)\nRash\t10 (5.0)\t0 (0)\t9 (3.0)\t0\n"
    found = read(("adverse events", GRADED.format(grade) + body), names={"Any adverse event": "any_ae"})
    assert found.asked == []
    assert found.of("binary.any_ae_34.before.") == {
        "treated.yes": "20", "treated.percent": "10.0", "control.yes": "30", "control.percent": "10.0",
    }  # fmt: skip
    assert found.of("binary.rash_34.before.") == {"treated.yes": "0", "treated.percent": "0", "control.yes": "0"}
    assert found.keys["binary.rash.before.control.percent"] == "3.0"


def test_fatal_grades_are_for_the_audit_alone() -> None:
    found = read(("adverse events", GRADED.format("Grade 5") + "Rash\t10 (5.0)\t1 (0.5)\t9 (3.0)\t0\n"))
    audit = {one.key for one in found.ledger.numbers if one.audit_only}
    assert audit == {
        "binary.rash_5.before.treated.yes",
        "binary.rash_5.before.treated.percent",
        "binary.rash_5.before.control.yes",
    }


def test_a_percentage_among_counts_is_asked() -> None:
    rows = "".join(f"Event {one}\t10 (5.0)\t9 (3.0)\t0.4\n" for one in "ABCDE")
    found = read(("adverse events", HEAD + rows + "Rash\t100%\t9 (3.0)\t0.4\n"))
    assert "'100%' stands where the others are n (%)" in found.asked[0]
    assert found.of("binary.rash") == {}


def test_events_medians_rates_and_ratios() -> None:
    found = read(
        (
            {"kind": "events", "B-E": "OS"},
            "Outcome\tDrug (n = 200)\tNo drug (n = 300)\tHR (95% CI)\tP\nOverall survival\n"
            "Events, n (%)\t100 (50.0)\t200 (66.7)\n"
            "Median OS, months (95% CI)\t26.0 (18.4–NR)\t8.6 (7.9–10.0)\t0.36 (0.28–0.46)\t<0.001\n"
            "12-month OS, % (95% CI)\t70.1 (62.0–77.0)\t38.9 (30.0–45.0)\n2-year OS rate\t50%\t20%\n"
            "PFS\nMedian (95% CI)\t7.7 (6.0–9.0)\t5.0 (4.0–6.0)\t0.76 (0.61–0.95)\t0.017\nDuration of stay\t5\t6\n",
        )
    )
    assert found.asked == []
    os = found.of("endpoints.OS.before.")
    assert os["km.treated.events"] == "100"
    assert os["km.control.percent"] == "66.7"
    assert os["km.treated.high"] == "NR"
    assert os["km.treated.survival[12]"] == "70.1"
    assert os["km.control.survival[12].low"] == "30.0"
    assert os["km.treated.survival[24]"] == "50"
    assert os["cox.hr"] == "0.36"
    assert os["cox.p"] == "<0.001"
    pfs = found.of("endpoints.PFS.before.")
    assert pfs["km.control.median"] == "5.0"
    assert pfs["cox.high"] == "0.95"
    assert pfs["cox.p"] == "0.017"
    assert any("Duration of stay" in one.text for one in found.ledger.unread)


def test_names_that_no_row_has() -> None:
    table = "Hand-foot raction\t10 (5.0)\t9 (3.0)\t0.4\nRash, n (%)\t10 (5.0)\t9 (3.0)\t0.4\n"
    names = {"Hand-foot reaction": "hand_foot", "Rash": "rash", "death": "dead"}
    asked = paper({"table1.tsv": {"kind": "adverse events"}}, names=names)
    form = understand(
        read_grid((HEAD + table).encode(), "table1.tsv"), "table1.tsv", asked.tables["table1.tsv"], asked, Ledger()
    )
    assert unused_names([form], asked, ["death"]) == ("Hand-foot reaction",)
    amount = asked.model_copy(update={"names": {**names, "Overall survival": "OS"}})
    assert unused_names([form], amount, ["death"]) == ("Hand-foot reaction",)  # an endpoint's label is in no row


def test_a_response_that_is_lost_behind_another_name_is_asked() -> None:
    given = {"order": "PD SD PR CR", "ORR": "PR CR"}
    body = "CR\t10 (5.0)\t5 (1.7)\nPR\t50 (25.0)\t40 (13.3)\nSD\t50 (25.0)\t40 (13.3)\nPxD\t90 (45.0)\t215 (71.7)\n"
    asked = response(body, response=given)
    assert "'PxD' is none of the responses" in asked.asked[0]
    assert asked.of("binary.PxD") == {}
    assert response(body, {"PxD": "PD"}, response=given).keys["binary.PD.before.treated.yes"] == "90"
    assert response(body.replace("PxD", "PD"), response=given).asked == []


@pytest.mark.parametrize(
    ("label", "is_os"), [("Overall survival, median (95% CI)", True), ("Outcome score, median (95% CI)", False)]
)
def test_initials_name_an_endpoint_only_of_times(label: str, is_os: bool) -> None:
    """ "Outcome score" has the initials of OS, and is no time to an event."""
    rows = f"{label}\t11.0 (9.5–13.2)\t8.0 (6.5–9.2)\t0.5\n"
    ends = {"OS": "death", "PFS": "progression or death"}
    found = read(({"kind": "events"}, HEAD.replace("Response", "Outcome") + rows), endpoints=ends)
    assert ("endpoints.OS.before.km.treated.median" in found.keys) == is_os
    assert any(key.startswith("endpoints.") for key in found.keys) == is_os
