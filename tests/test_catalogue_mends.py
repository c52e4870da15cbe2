"""What real papers print that others do not: merged and glued heads, grades below an outcome, composite endpoints."""

import re
import shutil
from pathlib import Path

import pytest

from benchmarks.asked.errors import RunError
from benchmarks.cli import paper_verbs
from benchmarks.derived.document import derive
from benchmarks.derived.parts import bare
from benchmarks.pasted.heads import head_words
from benchmarks.pasted.paper_file import PaperArms
from benchmarks.pasted.read import read_paper
from tests.pasted_rows import BASELINE, HEAD, paper, read

PAPERS = Path(__file__).parent.parent / "scenarios" / "papers"


def test_the_size_of_a_merged_head_is_that_of_the_group_within() -> None:
    one = paper({"table1.tsv": {"kind": "baseline"}}, arms=PaperArms(control="No", treated="Yes"))
    for text, arm, n in (
        ("Entire cohort (n = 2926) Use of binders No (n = 517)", "control", "517"),
        ("Entire cohort (n = 2926) Use of binders Yes (n = 2409)", "treated", "2409"),
    ):
        words = head_words([text], "baseline", one)
        assert (words.arm, words.n) == (arm, n)


def test_a_size_that_is_glued_to_the_arm_is_read() -> None:
    one = paper({"table1.tsv": {"kind": "baseline"}}, arms=PaperArms(control="Air 15–16 h/day", treated="Air 24 h/day"))
    words = head_words(["Air 15–16 h/dayN = 1,231 (55%)"], "baseline", one)
    assert (words.arm, words.n) == ("control", "1231")


def test_arms_that_are_no_names_keep_their_words_as_labels() -> None:
    made = derive(read_paper(PAPERS / "senkus-palliative-rt")).tree["arms"]
    assert made == {
        "control": "arm-20-Gy-5-fr", "treated": "arm-16-Gy-2-fr",
        "control_label": "20 Gy/5 fr", "treated_label": "16 Gy/2 fr",
    }  # fmt: skip
    stated = derive(read_paper(PAPERS / "yamada-pbinder-iptw")).tree["arms"]
    assert (stated["treated"], stated["treated_label"]) == ("Yes", "a phosphate binder")
    assert derive(read_paper(PAPERS / "topical-erlotinib")).tree["arms"] == {
        "control": "Placebo",
        "treated": "Erlotinib",
    }


def test_grades_below_an_outcome_are_of_that_outcome() -> None:
    found = read(
        ("baseline", BASELINE),
        (
            "adverse events",
            HEAD
            + "Any event (maximum grade)\n1\t20 (10.0)\t30 (10.0)\nDyspnoea\n"
            + "Grade 3 (on walking)\t10 (5.0)\t15 (5.0)\nGrade 3–4\t40 (20.0)\t30 (10.0)\nNausea\t10 (5.0)\t12 (4.0)\n",
        ),
    )
    assert found.keys["binary.any_ae_1.before.treated.yes"] == "20"
    assert found.keys["binary.dyspnoea_34.before.control.yes"] == "30"
    assert found.keys["binary.dyspnoea_3.before.treated.yes"] == "10"
    assert found.keys["binary.nausea.before.control.yes"] == "12"
    assert not [key for key in found.keys if key.startswith("binary.any_ae_34")]


ENDPOINTS = {"MACE": "CV death or MI or stroke", "MI": "myocardial infarction", "OS": "death"}


def test_a_composite_endpoint_is_named_by_all_its_words() -> None:
    """MI stands within the composite, and death of a cause is not death."""
    events = HEAD + (
        "CV death, MI, or stroke\t20 (10.0)\t60 (20.0)\nMI\t10 (5.0)\t30 (10.0)\n"
        "Death from any cause\t12 (6.0)\t24 (8.0)\nCardiovascular death\t7 (3.5)\t9 (3.0)\n"
    )
    found = read(("baseline", BASELINE), ("events", events), endpoints=ENDPOINTS)
    said = {key: text for key, text in found.keys.items() if key.endswith("treated.events")}
    assert said == {
        "endpoints.MACE.before.km.treated.events": "20",
        "endpoints.MI.before.km.treated.events": "10",
        "endpoints.OS.before.km.treated.events": "12",
    }


def test_failure_rates_beside_events_are_completed() -> None:
    head = "Endpoint\tDrug no. (3-Year KM%)\tNo drug no. (3-Year KM%)\tHazard Ratio (95% CI)\tP value\n"
    row = "CV death, MI, or stroke\t20 (12.5)\t60 (23.0)\t0.50 (0.30 to 0.83)\t0.007\n"
    found = read(("baseline", BASELINE), ("events", head + row), endpoints=ENDPOINTS, time_unit="years")
    assert found.of("endpoints.MACE.before.") == {
        "km.treated.events": "20",
        "km.treated.survival[3]": "87.5%",
        "km.control.events": "60",
        "km.control.survival[3]": "77.0%",
        "cox.hr": "0.50",
        "cox.low": "0.30",
        "cox.high": "0.83",
        "cox.p": "0.007",
    }


def test_ratios_of_several_stretches_are_asked_about() -> None:
    """Each is against the reference alone, where a cut is against all others."""
    table = "Variable\tHR\t95% CI\tP\nAge\n< 50\t1.37\t1.16–1.63\t0.001\n50–64\tRef\n≥ 65\t0.80\t0.64–0.99\t0.04\n"
    found = read(("baseline", BASELINE), ({"kind": "cox OS", "B-D": "multivariable"}, table))
    assert any("several stretches" in one for one in found.asked)
    assert not [key for key in found.keys if "multivariable" in key]


def test_percentages_are_no_counts_of_a_test() -> None:
    """35 and 28 % of 517 and 2409 have p = 0.002; as counts they would have another."""
    rows = "Diabetes, %\t28\t35\t0.002\nSmoker, %\t40\t41\t<0.001\n"
    table = "Characteristic\tDrug (n = 2409)\tNo drug (n = 517)\tP value\n" + rows
    found = read(("baseline", table))
    assert not [one for one in found.asked if "recompute" in one]
    assert found.keys["table1.before[diabetes=Yes].control.percent"] == "35"
    assert "table1.before[diabetes=Yes].control.n" not in found.keys


def test_lines_of_a_table_are_skipped_together() -> None:
    found = read(({"kind": "baseline", "lines 5-7": "skip"}, BASELINE))
    assert not [key for key in found.keys if "sex" in key]
    assert found.of("table1.before[ecog_ps=0].")


def test_powers_of_units_stay_and_may_be_written_plainly() -> None:
    row = "BMI, kg/m²\t24.0 (6.3)\t23.9 (6.0)\t0.8\n"
    found = read(({"kind": "baseline", "BMI, kg/m2": "mean (SD)"}, HEAD + row))
    assert found.keys["table1.before[bmi].treated.sd"] == "6.3"


def test_arms_of_a_world_are_names() -> None:
    tree = derive(read_paper(PAPERS / "senkus-palliative-rt")).tree
    names = (tree["arms"]["control"], tree["arms"]["treated"])
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]{0,63}", name) for name in names)
    assert set(tree["followup"]["dropout"]) == set(names)


def test_what_makes_no_world_is_told_in_one_line(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(PAPERS / "senkus-palliative-rt", tmp_path / "paper"))
    place = folder / "paper.yaml"
    place.write_text(place.read_text("utf-8").replace("ties: not stated", "replacment: no"), "utf-8")
    with pytest.raises(RunError, match=r"methods\.replacment: not known; did you mean 'replacement'\?"):
        paper_verbs.twin(folder, tmp_path / "twin", "derive", 10, 1)


def test_deaths_of_a_cause_compete_with_all_other_deaths() -> None:
    tree = derive(read_paper(PAPERS / "ahmadi-ltot-copd")).tree
    assert tree["endpoints"]["RESP"]["competing"] == ["cardiovascular-death", "other-death"]
    assert tree["endpoints"]["CVD"]["competing"] == ["respiratory-death", "other-death"]


def test_medians_give_their_hazards_where_follow_up_is_open() -> None:
    """No cut-off and no follow-up is stated: what is solved on a grid of times must not lose the first months."""
    course = bare(derive(read_paper(PAPERS / "choi-lenvatinib-hbv-hcc")).tree)["outcomes"]
    first = course["progression"]["baseline"]["rate"] + course["death"]["baseline"]["rate"]
    assert first == pytest.approx(0.2888, rel=0.02)  # log 2 / 2.4 months, PFS on sorafenib


def test_a_ratio_that_is_fair_already_is_not_moved() -> None:
    """Crude 0.38, weighted 0.69, and no curve: treatment has the weighted ratio."""
    course = bare(derive(read_paper(PAPERS / "yamada-pbinder-iptw")).tree)["outcomes"]["transitions"]
    assert course["death"]["treatment"]["log_hr"] == pytest.approx(-0.371, abs=0.002)
