"""The papers that are shipped: each reads with nothing open, holds what is printed, and gives a world that `check`s.

The cells below are typed from the published tables and sentences, not from what the reader made of them; a second
reader typed every number of each paper again (``second_reader``).
"""

import csv
import shutil
import time
from pathlib import Path

import pytest

from benchmarks.asked.load_study import load_study
from benchmarks.cli import paper_verbs
from benchmarks.derived.document import Derived, as_yaml, derive
from benchmarks.derived.parts import bare
from benchmarks.pasted.read import read_paper
from benchmarks.pasted.reading import Reading

HOME = Path(__file__).parent.parent
PAPERS = HOME / "scenarios" / "papers"
SECOND = Path(__file__).parent / "second_reader"
KEYS = {
    "topical-erlotinib": 332,
    "choi-lenvatinib-hbv-hcc": 235,
    "yamada-pbinder-iptw": 156,
    "ahmadi-ltot-copd": 216,
    "senkus-palliative-rt": 58,
    "allr3-mitoxantrone": 173,
    "vorapaxar-tra2p": 112,
}
"""Papers with how many numbers of each are read."""
CELLS = {
    "topical-erlotinib": {
        "cohort.treated": "350",
        "cohort.control": "320",
        "table1.before[age].treated.median": "77",
        "table1.before[age].control.q3": "81",
        "table1.before[sex=Women].control.n": "126",
        "table1.before[ecog_performance_status=2].treated.percent": "55",
        "table1.before[stage=IIIb].control.n": "107",
        "table1.before[cell_type=Large cell].treated.percent": "4",
        "table1.before[pack_years].treated.q1": "24",
        "table1.before[cci_group=0].control.percent": "<1",
        "binary.any_ae_34.before.treated.yes": "252",
        "binary.any_ae_34.before.treated.n": "334",
        "binary.dyspnoea_34.before.control.yes": "199",
        "binary.diarrhoea_34.before.p": "<0.0001",
        "endpoints.OS.before.km.treated.median": "3.7",
        "endpoints.OS.before.km.control.survival[12].high": "18%",
        "endpoints.OS.before.cox.hr": "0.94",
        "endpoints.PFS.before.cox.high": "0.97",
        "endpoints.PFS.before.cox.p": "0.019",
    },
    "choi-lenvatinib-hbv-hcc": {
        "cohort.control": "162",
        "matching.n_control": "88",
        "table1.before[afp].control.median": "427.7",
        "table1.after[alt].control.q1": "26.0",
        "table1.after[child_pugh_class=C].control.n": "6",
        "table1.before[ecog=1].control.percent": "35.2",
        "table1.after[total_bilirubin].smd": "0.136",
        "endpoints.TTP.after.km.treated.median": "5.2",
        "endpoints.OS.after.multivariable[treatment].high": "2.08",
        "binary.ORR.after.control.percent": "4.5",
    },
    "yamada-pbinder-iptw": {
        "cohort.control": "517",
        "cohort.treated": "2409",
        "table1.before[age].control.mean": "68.7",
        "table1.before[age].smd": "0.469",
        "table1.before[sex=Male].treated.percent": "60",
        "table1.before[dialysis_history].treated.q3": "11.6",
        "table1.before[cardiothoracic_ratio].control.sd": "6.1",
        "table1.before[serum_c_reactive_protein].control.median": "0.18",
        "table1.before[use_of_esas=Yes].control.percent": "89",
        "table1.before[serum_phosphate].treated.mean": "5.0",
        "endpoints.OS.before.cox.hr": "0.38",
        "endpoints.OS.after.cox.hr": "0.69",
        "endpoints.OS.after.cox.high": "0.91",
    },
    "ahmadi-ltot-copd": {
        "cohort.treated": "539",
        "cohort.control": "1231",
        "table1.before[age].treated.mean": "75.0",
        "table1.before[sex=Female].control.n": "767",
        "table1.before[pao2_air].control.sd": "0.8",
        "table1.before[fev1_percent].treated.mean": "34.8",
        "table1.before[body_mass_index].control.sd": "6.0",
        "table1.before[ps=3].treated.n": "108",
        "table1.before[cardiovascular_diagnoses=≥3].control.percent": "10",
        "table1.before[anxiety].p": "0.23",
        "endpoints.OS.before.km.treated.events": "288",
        "endpoints.OS.before.cox.low": "1.02",
        "endpoints.RESP.before.fine_gray.hr": "1.09",
        "endpoints.CVD.before.fine_gray.high": "1.71",
        "endpoints.OS.before.multivariable[sex].hr": "1.29",
        "endpoints.OS.before.multivariable[ps=4].high": "5.28",
    },
    "senkus-palliative-rt": {
        "cohort.control": "55",
        "table1.before[age].treated.min": "52",
        "table1.before[pathology=Large cell].treated.n": "1",
        "table1.before[who_performance_status=PS 2].control.n": "27",
        "endpoints.OS.before.km.treated.high": "11.4",
        "endpoints.OS.before.km.control.survival[12].low": "3%",
        "endpoints.OS.before.logrank.p": "0.016",
    },
    "allr3-mitoxantrone": {
        "cohort.control": "109",
        "cohort.treated": "103",
        "table1.before[sex=Boys].control.percent": "64",
        "table1.before[age_at_first_relapse].treated.q1": "7.0",
        "table1.before[time_to_relapse].control.median": "37.4",
        "table1.before[time_to_relapse_group=Early].treated.n": "25",
        "table1.before[site_of_relapse=Combined].control.n": "21",
        "table1.before[risk_group=Intermediate].treated.percent": "73.8",
        "table1.before[cytogenetics=ETV6-RUNX1].control.n": "17",
        "endpoints.PFS.before.km.treated.survival[3]": "64.6%",
        "endpoints.OS.before.km.control.survival[3].low": "34.5%",
        "endpoints.PFS.before.logrank.p": "0.0004",
        "endpoints.DIS.before.km.control.events": "46",
        "endpoints.TRT.before.km.treated.percent": "9.7",
        "endpoints.DIS.before.fine_gray.hr": "0.56",
        "endpoints.TRT.before.gray.p": "0.11",
    },
    "vorapaxar-tra2p": {
        "cohort.treated": "10080",
        "cohort.control": "10090",
        "table1.before[age].control.q3": "67",
        "table1.before[sex=Female].treated.percent": "21.9",
        "table1.before[diabetes_mellitus=Yes].control.n": "2377",
        "table1.before[thienopyridine=Yes].treated.percent": "71.2",
        "endpoints.MACE.before.km.treated.events": "688",
        "endpoints.MACE.before.km.treated.survival[3]": "92.1%",
        "endpoints.MACE.before.cox.high": "0.89",
        "endpoints.CVD.before.km.control.survival[3]": "97.2%",
        "endpoints.CVD.before.cox.p": "0.11",
        "endpoints.CVMI.before.km.control.events": "747",
    },
}


@pytest.fixture(scope="module", params=list(KEYS))
def reading(request: pytest.FixtureRequest) -> Reading:
    return read_paper(PAPERS / request.param)


@pytest.fixture(scope="module")
def derived(reading: Reading) -> Derived:
    return derive(reading)


def printed(reading: Reading) -> dict[str, str]:
    """What is printed under each key."""
    return {key: one.printed if one.printed is not None else "not_printed" for key, one in reading.published.items()}


def test_every_shipped_paper_is_here() -> None:
    assert {path.parent.name for path in PAPERS.glob("*/paper.yaml")} - {"hcc-lung-metastasis"} == set(KEYS)


def test_nothing_is_open_and_the_cells_are_as_printed(reading: Reading) -> None:
    assert (reading.questions, reading.withheld) == ((), ())
    found = printed(reading)
    name = reading.paper.name
    assert {key: found.get(key) for key in CELLS[name]} == CELLS[name]
    assert len(found) == KEYS[name]


def test_reading_takes_less_than_a_second(reading: Reading) -> None:
    began = time.process_time()
    read_paper(Path(reading.folder))
    assert time.process_time() - began < 1


def typed_again(name: str) -> dict[str, str]:
    """What the second reader found printed, by key; no key stands twice."""
    with (SECOND / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["key"], row["printed"]) for row in csv.DictReader(file)]
    assert len(dict(rows)) == len(rows)
    return dict(rows)


def test_a_second_reader_found_the_same_numbers(reading: Reading) -> None:
    """Typed from the publication alone; every key of one is a key of the other."""
    assert printed(reading) == typed_again(reading.paper.name)


def test_a_slip_in_a_pasted_table_is_noticed(tmp_path: Path) -> None:
    """A count that is 10 % too large differs from what the second reader typed, and nothing else does."""
    folder = shutil.copytree(PAPERS / "vorapaxar-tra2p", tmp_path / "vorapaxar-tra2p")
    table = (folder / "table1.html").read_text("utf-8")
    assert table.count("2385 (") == 1
    (folder / "table1.html").write_text(table.replace("2385 (", "2624 ("), "utf-8")
    typed = typed_again("vorapaxar-tra2p")
    found = printed(read_paper(folder))
    assert found.keys() == typed.keys()
    assert {key for key, text in found.items() if text != typed[key]} == {
        "table1.before[diabetes_mellitus=Yes].treated.n"
    }


def test_each_gives_a_world_that_checks(derived: Derived, tmp_path: Path) -> None:
    place = tmp_path / "world.yaml"
    place.write_text(as_yaml(derived), "utf-8")
    assert not derived.questions
    assert load_study(str(place)).scenario.published


def test_hazards_are_near_what_is_printed() -> None:
    """Constant hazards by hand: log 2 / median, -log(rate) / time, and events that the limits of a ratio tell of."""
    erlotinib = bare(derive(read_paper(PAPERS / "topical-erlotinib")).tree)
    first = (
        erlotinib["outcomes"]["progression"]["baseline"]["rates"][0]
        + (erlotinib["outcomes"]["death"]["baseline"]["rate"])
    )
    assert first == pytest.approx(0.2666, rel=0.02)  # log 2 / 2.6 months, PFS on placebo
    leukaemia = bare(derive(read_paper(PAPERS / "allr3-mitoxantrone")).tree)["outcomes"]["transitions"]
    parts = [leukaemia[name]["baseline"]["rates"][0] for name in ("disease-related", "treatment-related")]
    assert sum(parts) + leukaemia["death"]["baseline"]["rate"] == pytest.approx(0.3415, rel=0.03)  # -log 0.359 / 3
    assert parts[0] / parts[1] == pytest.approx(46 / 19, rel=0.01)
    heart = bare(derive(read_paper(PAPERS / "vorapaxar-tra2p")).tree)["outcomes"]["transitions"]
    parts = [heart[name]["baseline"]["rates"][0] for name in ("stroke", "mi")]
    assert parts[0] / parts[1] == pytest.approx((851 - 747) / (747 - 239), rel=0.01)  # MACE, CV deaths or MI, CV deaths
    dialysis = bare(derive(read_paper(PAPERS / "yamada-pbinder-iptw")).tree)["outcomes"]
    rate = next(iter(dialysis["transitions"].values()))["baseline"]["rate"]
    told = derive(read_paper(PAPERS / "yamada-pbinder-iptw")).tree["outcomes"]["transitions"]["death"]["baseline"]
    of_controls = rate / float(told["rate"]["source"].partition("; times ")[2].partition(",")[0])
    assert 0.08 < of_controls < 0.14  # 183 of 517 die within a median of 3.9 years: -log(1 - 0.354) / 3.9 = 0.112


@pytest.mark.slow
def test_the_smallest_paper_is_fitted(tmp_path: Path) -> None:
    """At most 1 in 20 of its numbers outside what the fitted world prints."""
    answer = paper_verbs.twin(PAPERS / "senkus-palliative-rt", tmp_path / "twin", "score", 400, 1)
    assert (tmp_path / "twin" / "twin.html").is_file()
    assert "a good fit" in answer.verdict
