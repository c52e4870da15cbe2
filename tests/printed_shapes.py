"""Eight papers that nobody wrote: worlds of other diseases, designs, words and units than those of shipped papers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from analysis.paper.block_workflow import BlockAnalysis
from analysis.paper.numbers import BlockNumbers
from benchmarks.asked.sampled import one_sample
from benchmarks.asked.scenario import Scenario
from simulator.documents.loading import load, parse
from simulator.world.generate import generate, resolve

Tree = dict[str, Any]


@dataclass(frozen=True)
class Amount:
    """A number of each patient: its label, unit, mean, SD, bounds and cut-point as printed; ``skewed`` has medians."""

    label: str
    unit: str
    mean: float
    sd: float
    bounds: tuple[float, float]
    cut: str = ""
    digits: int = 1
    skewed: bool = False


@dataclass(frozen=True)
class Levels:
    """A variable with levels as printed: their shares in all patients, the first the reference."""

    label: str
    shares: Mapping[str, float]
    ordered: bool = False


@dataclass(frozen=True)
class Shape:
    """A paper: its design, words and world. ``endpoints`` are as paper.yaml has them; ``more`` is what else it says."""

    name: str
    design: str
    arms: tuple[str, str]
    endpoints: Mapping[str, str]
    variables: Mapping[str, Amount | Levels]
    size: int
    rates: tuple[float, float, float]
    effect: float
    unit: str = "months"
    share: float = 0.45
    times: tuple[str, ...] = ()
    cox: bool = False
    multivariable: bool = False
    subgroups: tuple[str, ...] = ()
    response: bool = False
    events: Mapping[str, str] = field(default_factory=dict)
    ratio: int = 1
    years: tuple[str, str, str] = ("2012-01-01", "2015-12-31", "2018-06-30")
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sides(self) -> tuple[str, ...]:
        """before, and after where something is adjusted by matching or weights."""
        return ("before", "after") if self.design in ("matched", "weighted") else ("before",)

    @property
    def competing(self) -> bool:
        """Whether an endpoint has competing events."""
        return any("competing" in what for what in self.endpoints.values())


def _kind(one: Levels) -> str:
    return "binary" if len(one.shares) == 2 else "ordinal" if one.ordered else "nominal"


def _covariate(one: Amount | Levels) -> Tree:
    if isinstance(one, Levels):
        return {"kind": _kind(one), "label": one.label, "shares": dict(one.shares)}
    made: Tree = {"kind": "continuous", "label": one.label, "mean": one.mean, "sd": one.sd, "bounds": list(one.bounds)}
    return {**made, **({"unit": one.unit} if one.unit else {}), **({"cuts": {one.cut: 0.5}} if one.cut else {})}


def terms_of(shape: Shape) -> list[str]:
    """The terms of the Cox models: a number at its cut-point, else per unit."""
    return [
        f"{name}>{one.cut}" if isinstance(one, Amount) and one.cut else name for name, one in shape.variables.items()
    ]


def _course(shape: Shape) -> tuple[Tree, Tree]:
    first, death, later = shape.rates
    names = [name for name, one in shape.variables.items() if isinstance(one, Levels) and len(one.shares) == 2][:3]
    risk = {"log_hr": dict.fromkeys(names, 0.35)}
    treated = {"treatment": {"log_hr": shape.effect}}

    def to(rate: float) -> Tree:
        return {"baseline": {"kind": "exponential", "rate": rate}, **risk, **treated}

    if shape.competing:
        states = {"outcomes": {"centre": "zero", "states": ["well", "ill", "dead"], "transitions": {
            "illness": {"from": "well", "to": "ill", **to(first)},
            "death": {"from": ["well", "ill"], "to": "dead", **to(death)},
        }}}  # fmt: skip
        kinds = {
            name: {"event": "ill", "competing": "dead"} if "competing" in what else {"event": "dead"}
            for name, what in shape.endpoints.items()
        }
        return states["outcomes"], kinds
    if len(shape.endpoints) == 1:
        states = {"outcomes": {"centre": "zero", "states": ["alive", "dead"], "transitions": {
            "death": {"from": "alive", "to": "dead", **to(death)}}}}  # fmt: skip
        return states["outcomes"], {name: {"event": "dead"} for name in shape.endpoints}
    course = {"progression": to(first), "death": to(death), "death_after_progression": to(later)}
    short, long = [name for name, what in shape.endpoints.items() if what != "death"], shape.endpoints
    return course, {name: {"event": ["progressed", "dead"] if name in short else "dead"} for name in long}


def world_of(shape: Shape) -> Tree:
    """The document of a shape's world."""
    course, endpoints = _course(shape)
    control, treated = "control", "treated"
    if shape.response:
        course["response"] = {
            "categories": ["PD", "SD", "PR", "CR"], "link": 0.4,
            "groups": {"CR": ["CR"], "PR": ["PR"], "SD": ["SD"], "PD": ["PD"], "ORR": ["PR", "CR"],
                       "DCR": ["SD", "PR", "CR"]},
            "shares": {control: [0.35, 0.35, 0.25, 0.05], treated: [0.2, 0.3, 0.38, 0.12]},
        }  # fmt: skip
    if shape.events:
        rates = [(0.55, 0.2), (0.42, 0.12), (0.31, 0.07), (0.24, 0.05), (0.15, 0.03), (0.09, 0.02)]
        course["adverse_events"] = {"name": "any_event", "suffix": "_34", "overall": {
            "any": {control: 0.8, treated: 0.9}, "severe": {control: 0.35, treated: 0.45}}, "events": {
            name: {"label": label, "any": {control: a, treated: min(0.9, 1.25 * a)},
                   "severe": {control: s, treated: 1.3 * s}}
            for (name, label), (a, s) in zip(shape.events.items(), rates, strict=False)
        }}  # fmt: skip
    odds = {name: 0.4 for name, one in shape.variables.items() if isinstance(one, Levels) and len(one.shares) == 2}
    randomised = shape.design == "randomised"
    primary = {
        "matched": "matching",
        "weighted": "weighting",
        "randomised": "unadjusted",
        "adjusted": "adjustment",
        "crude": "unadjusted",
    }
    plan: Tree = {
        "primary": primary[shape.design],
        "propensity": {"method": "all"},
        "cox": {"covariates": terms_of(shape), "screening_p": None},
    }
    plan["subgroups"] = list(shape.subgroups)
    if shape.design == "matched":
        plan["matching"] = {"ratio": shape.ratio}
    control, treated = "control", "treated"
    per = {"months": 1.0, "years": 12.0, "days": 1 / 30.4375, "weeks": 7 / 30.4375}[shape.unit]
    dropout = {"kind": "exponential", "rate": 0.004 * per}
    return {
        "name": shape.name, "source": "nobody", "time_unit": shape.unit,
        "arms": {"control": control, "treated": treated},
        "population": {
            "size": shape.size, "covariates": {name: _covariate(one) for name, one in shape.variables.items()}},
        "treatment": {
            "share": shape.share, "kind": "fixed", **({} if randomised else {"kind": "prevalence", "log_odds": odds})},
        "outcomes": course, "endpoints": endpoints,
        "entry": {"accrual": {"start": shape.years[0], "end": shape.years[1]}},
        "followup": {"cut_off": shape.years[2], "dropout": {control: dropout, treated: dropout}},
        "analysis": plan, "estimators": ["crude"], "run": {"replicates": 10, "seed": 7},
    }  # fmt: skip


SEX, DIABETES = Levels("Sex", {"Female": 0.4, "Male": 0.6}), Levels("Diabetes mellitus", {"No": 0.75, "Yes": 0.25})
SHAPES = (
    Shape(
        "lung-trial", "randomised", ("Placebo", "Velumab"), {"OS": "death", "PFS": "progression or death"},
        {"age": Amount("Age", "years", 63, 9, (30, 88), "65"), "sex": SEX,
         "ecog_performance_status": Levels("ECOG performance status", {"0": 0.4, "1": 0.6}),
         "smoking_status": Levels("Smoking status", {"Never": 0.2, "Former": 0.5, "Current": 0.3}),
         "brain_metastases": Levels("Brain metastases", {"No": 0.8, "Yes": 0.2})},
        372, (0.08, 0.015, 0.06), -0.45, share=0.5, times=("12", "24"),
        subgroups=("sex", "brain_metastases", "smoking_status"), response=True,
        events={one.lower(): one for one in ("Fatigue", "Nausea", "Anaemia", "Rash", "Diarrhoea")},
        years=("2014-03-01", "2016-06-30", "2018-09-30"),
    ),
    Shape(
        "gastric-pairs", "matched", ("Open", "Laparoscopic"), {"OS": "death", "DFS": "recurrence or death"},
        {"age": Amount("Age", "years", 61, 11, (24, 88), "60"), "sex": SEX,
         "asa_class": Levels("ASA class", {"I": 0.3, "II": 0.5, "III": 0.2}, True),
         "pt_stage": Levels("pT stage", {"T1": 0.25, "T2": 0.25, "T3": 0.3, "T4": 0.2}, True),
         "tumour_location": Levels("Tumour location", {"Upper": 0.3, "Middle": 0.3, "Lower": 0.4}),
         "bmi": Amount("BMI", "kg/m2", 23.4, 3.1, (15, 38)), "diabetes_mellitus": DIABETES},
        420, (0.02, 0.006, 0.04), -0.3, times=("36", "60"), cox=True, multivariable=True,
    ),
    Shape(
        "breast-triples", "matched", ("Mastectomy alone", "Radiotherapy"),
        {"OS": "death", "LRFS": "local recurrence or death"},
        {"age_at_diagnosis": Amount("Age at diagnosis", "years", 54, 10, (25, 85), "50"),
         "menopausal_status": Levels("Menopausal status", {"Premenopausal": 0.4, "Postmenopausal": 0.6}),
         "tumour_grade": Levels("Tumour grade", {"1": 0.2, "2": 0.5, "3": 0.3}, True),
         "er_status": Levels("ER status", {"Negative": 0.3, "Positive": 0.7}),
         "her2_status": Levels("HER2 status", {"Negative": 0.8, "Positive": 0.2})},
        480, (0.012, 0.004, 0.03), -0.5, share=0.18, times=("60",), cox=True, ratio=2,
    ),
    Shape(
        "kidney-weights", "weighted", ("Conservative care", "Dialysis"), {"OS": "death"},
        {"age": Amount("Age", "years", 74, 8, (50, 95), "75"), "sex": SEX, "diabetes_mellitus": DIABETES,
         "heart_failure": Levels("Heart failure", {"No": 0.7, "Yes": 0.3}),
         "haemoglobin": Amount("Haemoglobin", "g/dL", 10.4, 1.6, (5, 17)),
         "ckd_stage": Levels("CKD stage", {"4": 0.45, "5": 0.55})},
        360, (0.0, 0.03, 0.0), -0.35, times=("12",),
        more={"methods": {"propensity": "logistic", "weighting": "IPTW, ATE, stabilised"}},
    ),
    Shape(
        "statin-registry", "adjusted", ("No statin", "Statin"),
        {"death": "death", "admission": "hospitalisation; competing death"},
        {"age": Amount("Age", "years", 68, 10, (30, 98), "70"), "sex": SEX, "diabetes_mellitus": DIABETES,
         "hypertension": Levels("Hypertension", {"No": 0.35, "Yes": 0.65}),
         "nyha_class": Levels("NYHA class", {"I": 0.2, "II": 0.5, "III": 0.3}, True)},
        3200, (0.12, 0.05, 0.0), -0.2, unit="years", times=("1", "3"),
        years=("2008-01-01", "2012-12-31", "2016-12-31"),
    ),
    Shape(
        "glioma-survival", "crude", ("Radiotherapy", "Chemoradiotherapy"), {"OS": "death"},
        {"age": Amount("Age", "years", 71, 5, (60, 90), "70"),
         "kps": Levels("Karnofsky performance status", {"< 70": 0.4, "≥ 70": 0.6}),
         "mgmt_promoter": Levels("MGMT promoter", {"Unmethylated": 0.55, "Methylated": 0.45}),
         "extent_of_resection": Levels("Extent of resection", {"Biopsy": 0.3, "Partial": 0.4, "Gross total": 0.3})},
        210, (0.0, 0.08, 0.0), -0.5, times=("6", "12"), cox=True, multivariable=True,
        events={one.lower(): one for one in ("Neutropenia", "Thrombocytopenia", "Fatigue", "Vomiting")},
        years=("2010-01-01", "2014-12-31", "2016-12-31"), more={"names": {"Karnofsky performance status": "kps"}},
    ),
    Shape(
        "sepsis-medians", "adjusted", ("Usual care", "Hydrocortisone"), {"death": "death"},
        {"age": Amount("Age", "years", 62, 14, (18, 96), skewed=True), "sex": SEX,
         "sofa_score": Amount("SOFA score", "", 8, 3, (0, 20), skewed=True),
         "lactate": Amount("Lactate", "mmol/L", 3.2, 1.3, (0.4, 12), skewed=True),
         "source_of_infection": Levels("Source of infection", {"Lung": 0.5, "Abdomen": 0.3, "Urinary tract": 0.2}),
         "mechanical_ventilation": Levels("Mechanical ventilation", {"No": 0.45, "Yes": 0.55})},
        540, (0.0, 0.01, 0.0), -0.2, unit="days", times=("28", "90"),
        years=("2016-01-01", "2018-12-31", "2019-06-30"),
    ),
    Shape(
        "liver-transplant", "matched", ("Whole graft", "Split graft"), {"GS": "graft loss or death", "OS": "death"},
        {"recipient_age": Amount("Recipient age", "years", 52, 11, (18, 74), skewed=True), "sex": SEX,
         "meld": Amount("MELD", "points", 18, 6, (6, 40), skewed=True),
         "aetiology": Levels("Aetiology", {"Alcohol": 0.35, "Viral": 0.35, "Cholestatic": 0.2, "Other": 0.1}),
         "previous_tips": Levels("Previous TIPS", {"No": 0.85, "Yes": 0.15})},
        330, (0.15, 0.05, 0.3), 0.15, unit="years", times=("1", "5"), cox=True,
        years=("2005-01-01", "2013-12-31", "2018-12-31"),
    ),
)  # fmt: skip
BY_NAME = {shape.name: shape for shape in SHAPES}


class Cohort:
    """The numbers of one simulated cohort of a shape by their keys, NaN where it has none."""

    def __init__(self, shape: Shape, seed: int) -> None:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "world.yaml"
            path.write_text(json.dumps(world_of(shape)), "utf-8")
            scenario = parse(load(path), Scenario)
        cohorts = generate(resolve(scenario), seed, np.array([0], np.int64))
        self.shape, self.found = shape, BlockNumbers(BlockAnalysis(one_sample(scenario, cohorts, seed)))

    def __getitem__(self, key: str) -> float:
        return float(self.found.of(key)[0])


@lru_cache(maxsize=16)
def cohort_of(name: str, seed: int = 5) -> Cohort:
    """The one cohort of a shape."""
    return Cohort(BY_NAME[name], seed)
