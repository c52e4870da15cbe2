"""Printed numbers for the audit: those of a real paper, typed from its tables, and those of simulated papers."""

from collections.abc import Mapping, Sequence

import numpy as np

from analysis.survival.statistics import cox, km_quantile
from analysis.two_samples import tests
from analysis.two_samples.contingency import compare_counts
from simulator.world.sections import Printed, Quoted

ARMS = ("control", "treated")
LEVELS = """
age<=50 140 55.3 88 52.1 83 55.0 79 52.3
age>50 113 44.7 81 47.9 68 45.0 72 47.7
sex=Female 211 83.4 151 89.3 131 86.8 133 88.1
sex=Male 42 16.6 18 10.7 20 13.2 18 11.9
ecog=0 231 91.3 133 78.7 131 86.8 133 88.1
ecog=1 20 7.9 36 21.3 20 13.2 18 11.9
ecog=2 2 0.8 0 0.0 0 0.0 0 0.0
etiology=HBV 237 93.7 154 91.1 138 91.4 139 92.1
etiology=Others 16 6.3 15 8.9 13 8.6 12 7.9
lesions=Single 78 30.8 56 33.1 40 26.5 46 30.5
lesions=Multiple 175 69.2 113 66.9 111 73.5 105 69.5
size<=10 81 32.0 45 26.6 42 27.8 38 25.2
size>10 172 68.0 124 73.4 109 72.2 113 74.8
lung=Single 52 20.6 33 19.5 28 18.5 26 17.2
lung=Multiple 201 79.4 136 80.5 123 81.5 125 82.8
pvtt=Absence 105 41.5 55 32.5 54 35.8 52 34.4
pvtt=Presence 148 58.5 114 67.5 97 64.2 99 65.6
afp=≤400 91 36.0 62 36.7 55 36.4 57 37.7
afp=>400 162 64.0 107 63.3 96 63.6 94 62.3
albi=1 85 33.6 56 33.1 52 34.4 50 33.1
albi=2 163 64.4 108 63.9 96 63.6 97 64.2
albi=3 5 2.0 5 3.0 3 2.0 4 2.6
child_pugh=A 219 86.6 146 86.4 132 87.4 132 87.4
child_pugh=B 34 13.4 23 13.6 19 12.6 19 12.6
"""
LEVEL_P = """
age<=50 0.510 0.644
sex 0.086 0.729
ecog <0.001 0.862
etiology 0.325 0.835
lesions 0.618 0.444
size<=10 0.236 0.602
lung 0.797 0.764
pvtt 0.063 0.809
afp 0.880 0.812
albi 0.826 0.946
child_pugh 0.960 >0.999
age 0.661 0.633
size 0.993 0.943
"""
MEANS = """
age before 49 12 49 12
age after 49 12 49 12
size before 12.3 3.6 12.3 3.4
size after 12.4 3.7 12.4 3.4
"""
OUTCOMES = """
CR before 0 0 0 0 -
PR before 58 22.9 79 46.7 -
SD before 117 46.2 61 36.1 -
PD before 78 30.9 29 17.2 -
ORR before 58 22.9 79 46.7 <0.001
DCR before 175 69.1 140 82.8 0.002
CR after 0 0 0 0 -
PR after 31 20.5 72 47.7 -
SD after 78 51.7 58 38.4 -
PD after 42 27.8 21 13.9 -
ORR after 31 20.5 72 47.7 <0.001
DCR after 109 72.2 130 86.1 0.003
"""
ADVERSE = """
any_ae 146 57.7 127 75.1 <0.001 31 12.3 42 24.9 <0.001
abdominal_pain 11 4.3 89 52.7 <0.001 3 1.2 24 14.2 <0.001
nausea 29 11.5 82 48.5 <0.001 2 0.8 17 10.1 <0.001
diarrhea 39 15.4 58 34.3 <0.001 5 2.0 16 9.5 <0.001
decreased_appetite 91 36.0 73 43.2 0.136 2 0.8 1 0.6 0.812
rash 28 11.1 18 10.7 0.893 6 3.2 4 2.4 0.998
fatigue 86 34.0 59 34.9 0.846 16 6.3 11 3.0 0.939
hypoproteinemia 55 21.7 39 23.1 0.747 5 2.0 3 1.8 0.882
elevated_bilirubin 20 7.9 27 16.0 0.010 4 1.6 2 1.2 0.736
elevated_alt 49 19.4 28 16.6 0.466 1 0.4 1 0.6 0.774
elevated_ast 53 20.9 25 14.8 0.111 1 0.4 1 0.6 0.774
hypothyroidism 10 4.0 7 4.1 0.923 2 0.8 1 0.6 0.812
sensory_neuropathy 0 0 41 24.3 <0.001 0 0 0 0 -
leukopenia 19 7.5 48 28.4 <0.001 3 1.2 9 5.3 0.012
thrombocytopenia 42 16.6 32 18.9 0.537 4 1.6 6 3.6 0.193
hypertension 40 15.8 31 18.3 0.496 7 2.8 4 2.4 0.801
hand_foot 19 7.5 12 7.1 0.875 1 0.4 1 0.6 0.774
dysphonia 8 3.2 5 3.0 0.906 0 0 0 0 -
proteinuria 45 17.8 33 19.5 0.652 9 3.6 6 3.6 0.997
immune 29 11.4 16 9.5 0.516 11 4.3 5 3.0 0.465
"""
RATIOS = """
OS.before.cox 0.36 0.28 0.46 <0.001
PFS.before.cox 0.76 0.61 0.95 0.017
OS.after.cox 0.36 0.27 0.49 <0.001
PFS.after.cox 0.77 0.59 1.00 0.048
OS.after.univariable[age>50] 0.74 0.54 0.99 0.046
OS.after.multivariable[age>50] 0.88 0.53 1.98 0.342
PFS.after.univariable[age>50] 0.85 0.65 1.11 0.227
OS.after.univariable[sex] 1.13 0.74 1.71 0.576
PFS.after.univariable[sex] 1.08 0.74 1.58 0.695
OS.after.univariable[ecog>=1] 1.61 1.03 2.50 0.035
OS.after.multivariable[ecog>=1] 1.56 1.00 2.43 0.052
PFS.after.univariable[ecog>=1] 1.30 0.86 1.98 0.216
OS.after.univariable[etiology=HBV] 0.91 0.53 1.58 0.748
PFS.after.univariable[etiology=HBV] 1.02 0.62 1.67 0.938
OS.after.univariable[lesions] 1.08 0.77 1.51 0.647
PFS.after.univariable[lesions] 1.18 0.88 1.59 0.267
OS.after.univariable[size>10] 1.22 0.86 1.71 0.261
PFS.after.univariable[size>10] 1.04 0.77 1.40 0.799
OS.after.univariable[lung] 1.54 1.15 1.81 0.031
OS.after.multivariable[lung] 1.28 1.07 1.59 0.042
PFS.after.univariable[lung] 1.12 0.88 1.39 0.089
OS.after.univariable[pvtt] 1.62 1.17 2.24 0.004
OS.after.multivariable[pvtt] 1.71 1.23 2.37 0.002
PFS.after.univariable[pvtt] 1.31 0.99 1.74 0.059
PFS.after.multivariable[pvtt] 1.34 1.01 1.78 0.041
OS.after.univariable[afp] 1.02 0.75 1.39 0.893
PFS.after.univariable[afp] 1.13 0.86 1.50 0.382
OS.after.univariable[albi>=2] 1.13 0.83 1.55 0.435
PFS.after.univariable[albi>=2] 0.91 0.69 1.20 0.494
OS.after.univariable[child_pugh] 1.62 1.01 2.59 0.044
OS.after.multivariable[child_pugh] 1.52 0.94 2.47 0.087
PFS.after.univariable[child_pugh] 1.38 0.92 2.06 0.123
OS.after.univariable[treatment] 0.36 0.26 0.49 <0.001
OS.after.multivariable[treatment] 0.34 0.24 0.46 <0.001
PFS.after.univariable[treatment] 0.76 0.59 1.00 0.048
PFS.after.multivariable[treatment] 0.75 0.57 0.98 0.033
"""
CURVES = """
OS.before.km.control 8.6 7.9 10.0
OS.before.km.treated 26.0 18.4 NA
PFS.before.km.control 5.4 4.5 6.1
PFS.before.km.treated 7.7 6.7 10.8
OS.after.km.control 8.4 6.7 11.8
OS.after.km.treated 26.0 18.6 NA
PFS.after.km.control 5.5 3.9 6.3
PFS.after.km.treated 7.6 6.3 9.0
OS.before.follow_up.control 32.6 17.4 50.8
OS.before.follow_up.treated 30.8 16.8 51.9
"""
OTHERS = """
cohort.n 422
cohort.control 253
cohort.treated 169
matching.n_pairs 151
endpoints.OS.before.km.control.events 194
endpoints.OS.before.km.control.percent 76.7
endpoints.OS.before.km.treated.events 68
endpoints.OS.before.km.treated.percent 40.2
endpoints.PFS.before.km.control.events 238
endpoints.PFS.before.km.treated.events 118
endpoints.OS.after.km.control.events not_printed
endpoints.OS.after.subgroups[albi=3].hr >1
binary.ablation.before.control.yes 9
binary.ablation.before.control.percent 3.6
binary.ablation.before.treated.yes 17
binary.ablation.before.treated.percent 10.1
binary.ablation.before.p 0.012
exposure.pd1_cycles.before.treated.median 12
exposure.pd1_cycles.before.treated.min 6
exposure.pd1_cycles.before.treated.max 20
world.population.covariates.age.bounds.0 18
world.population.covariates.age.bounds.1 75
world.entry.accrual.start 2019-01
world.entry.accrual.end 2024-01
world.followup.cut_off 2025-04-30
"""
MODES = ("intrahepatic_growth", "new_intrahepatic", "extrahepatic_growth", "new_extrahepatic", "death")
SHARES = {"treated": "12.0 9.7 33.1 39.4 5.7", "control": "34.1 24.7 17.1 16.4 7.7"}


def printed(text: str, where: str = "Text", *, also: str | None = None) -> Printed:
    """A number printed in one place, and perhaps in the discussion, too."""
    return Printed(printed=text, where=where, also=() if also is None else (Quoted(printed=also, where="Discussion"),))


def _lines(table: str) -> list[list[str]]:
    return [line.split() for line in table.strip().splitlines()]


def real_paper() -> dict[str, Printed]:
    """The printed numbers of a matched comparison of two treatments of liver cancer with lung metastases."""
    made: dict[str, Printed] = {}

    def put(start: str, names: Sequence[str], texts: Sequence[str], where: str) -> None:
        assert len(names) == len(texts)
        made.update({f"{start}.{name}": printed(text, where) for name, text in zip(names, texts, strict=True)})

    for element, *texts in _lines(LEVELS):
        for side, own in (("before", texts[:4]), ("after", texts[4:])):
            put(f"table1.{side}[{element}]", [f"{arm}.{x}" for arm in ARMS for x in ("n", "percent")], own, "Table 1")
    for name, before, after in _lines(LEVEL_P):
        put(f"table1.before[{name}]", ["p"], [before], "Table 1")
        put(f"table1.after[{name}]", ["p"], [after], "Table 1")
    for name, side, *texts in _lines(MEANS):
        put(f"table1.{side}[{name}]", [f"{arm}.{x}" for arm in ARMS for x in ("mean", "sd")], texts, "Table 1")
    graded = [
        (f"{name}{grade} before", own) for name, *t in _lines(ADVERSE) for grade, own in (("", t[:5]), ("_34", t[5:]))
    ]
    for named, texts, where in [
        *((f"{name} {side}", texts, "Table 2") for name, side, *texts in _lines(OUTCOMES)),
        *((named, texts, "Table 4") for named, texts in graded),
    ]:
        start = f"binary.{named.replace(' ', '.')}"
        put(start, [f"{arm}.{x}" for arm in ARMS for x in ("yes", "percent")], texts[:4], where)
        if texts[4] != "-":
            put(start, ["p"], texts[4:], where)
    for path, *texts in _lines(RATIOS):
        where = "Results" if path.endswith("cox") else "Table 3"
        put(f"endpoints.{path}", ["hr", "low", "high", "p"], texts, where)
    for path, *texts in _lines(CURVES):
        put(f"endpoints.{path}", ["median", "low", "high"], texts, "Results")
    for arm, texts_of_arm in SHARES.items():
        put("modes", [f"{mode}.before.{arm}.percent" for mode in MODES], texts_of_arm.split(), "Results")
    made.update({key: printed(text, "Discussion" if "ablation" in key else "Results") for key, text in _lines(OTHERS)})
    made["binary.ORR.after.control.percent"] = printed("20.5", "Table 2", also="18")
    return made


def p_text(p: float) -> str:
    """A p-value as tables print it."""
    return "<0.001" if p < 0.0005 else ">0.999" if p > 0.9995 else f"{p:.3f}"


class SyntheticPaper:
    """A paper of simulated patients, all of whose numbers belong to the same data."""

    def __init__(self, seed: int, convention: str = "auto", cox_test: str = "wald") -> None:
        rng = np.random.default_rng(seed)
        self.convention, self.cox_test, self.made = convention, cox_test, dict[str, Printed]()
        n = int(rng.integers(120, 700))
        self.treated = rng.random(n) < rng.uniform(0.25, 0.6)
        share = rng.uniform(0.04, 0.9, 5)
        self.binary = rng.random((n, 5)) < share
        self.age = np.clip(np.round(rng.normal(55, 11, n)), 20, 85)
        self.grade = rng.choice(3, n, p=rng.dirichlet([6, 3, 1]))
        risk = self.binary @ rng.normal(0, 0.4, 5) + rng.normal(-0.3, 0.5) * self.treated + 0.02 * (self.age - 55)
        rate = np.exp(risk) * np.log(2) / rng.uniform(6, 40)
        entry, death, growth = rng.uniform(3, 60, n), rng.exponential(1 / rate), rng.exponential(0.6 / rate)
        lost = rng.exponential(rng.uniform(60, 400), n)
        end = np.minimum(entry, lost)
        first = np.minimum(death, growth)
        self.endpoints = {
            "OS": (np.round(np.minimum(death, end), 1), death <= end),
            "PFS": (np.round(np.minimum(first, end), 1), first <= end),
        }
        pairs = int(0.85 * min(self.treated.sum(), (~self.treated).sum()))
        matched = np.zeros(n, np.bool_)
        for arm in (self.treated, ~self.treated):
            matched[rng.choice(np.flatnonzero(arm), pairs, replace=False)] = True
        self.sides = {"before": np.ones(n, np.bool_), "after": matched}
        self.events = rng.random((n, 6)) < rng.uniform(0.005, 0.5, 6)
        self._put("cohort.n", str(n))
        self._put("cohort.treated", str(self.treated.sum()))
        self._put("cohort.control", str((~self.treated).sum()))
        self._put("matching.n_pairs", str(pairs))
        for side, inside in self.sides.items():
            self._tables(side, inside)
            for endpoint in self.endpoints:
                self._survival(endpoint, side, inside)

    def published(self) -> Mapping[str, Printed]:
        """The numbers by their keys."""
        return self.made

    def _put(self, key: str, text: str, where: str = "Text") -> None:
        self.made[key] = printed(text, where)

    def _arms(self, inside: np.ndarray) -> list[np.ndarray]:
        return [inside & ~self.treated, inside & self.treated]

    def _counts(self, start: str, levels: dict[str, np.ndarray], inside: np.ndarray, where: str) -> float:
        """Print counts and percentages of each level; return the p-value."""
        table = np.array([[int(x[arm].sum()) for x in levels.values()] for arm in self._arms(inside)])
        for k, level in enumerate(levels):
            for a, arm in enumerate(ARMS):
                name = "yes" if start.startswith("binary") else "n"
                if level != "no":
                    path = f"{start.replace('LEVEL', level)}.{arm}"
                    size = int(self._arms(inside)[a].sum())
                    self._put(f"{path}.{name}", str(table[a, k]), where)
                    self._put(f"{path}.percent", f"{100 * table[a, k] / size:.1f}", where)
        return compare_counts(table.astype(np.int64), self.convention).p  # type: ignore[arg-type]

    def _tables(self, side: str, inside: np.ndarray) -> None:
        rows = {f"x{j}": {f"x{j}=No": ~x, f"x{j}=Yes": x} for j, x in enumerate(self.binary.T)}
        rows["age<=55"] = {"age<=55": self.age <= 55, "age>55": self.age > 55}
        rows["grade"] = {f"grade={k}": self.grade == k for k in range(3)}
        for name, levels in rows.items():
            p = self._counts(f"table1.{side}[LEVEL]", levels, inside, "Table 1")
            if not np.isnan(p):
                self._put(f"table1.{side}[{name}].p", p_text(p), "Table 1")
        for arm, own in zip(ARMS, self._arms(inside), strict=True):
            self._put(f"table1.{side}[age].{arm}.mean", f"{self.age[own].mean():.1f}", "Table 1")
            self._put(f"table1.{side}[age].{arm}.sd", f"{self.age[own].std(ddof=1):.1f}", "Table 1")
        p = float(tests.welch(self.age[None], self.treated[None], present=inside[None]).p[0])
        self._put(f"table1.{side}[age].p", p_text(p), "Table 1")
        for j, event in enumerate(self.events.T):
            p = self._counts(f"binary.ae{j}.{side}", {"yes": event, "no": ~event}, inside, "Table 4")
            if not np.isnan(p):
                self._put(f"binary.ae{j}.{side}.p", p_text(p), "Table 4")

    def _survival(self, endpoint: str, side: str, inside: np.ndarray) -> None:
        time, event = self.endpoints[endpoint]
        for arm, own in zip(ARMS, self._arms(inside), strict=True):
            if endpoint == "OS" or side == "before":
                self._put(f"endpoints.{endpoint}.{side}.km.{arm}.events", str(event[own].sum()))
            for what, seen in (("km", event), ("follow_up", ~event)):
                if what == "km" or endpoint == "OS":
                    curve = km_quantile(time[None], seen[None], present=own[None])
                    for name, value in (("median", curve.value), ("low", curve.low), ("high", curve.high)):
                        text = "NA" if np.isinf(value[0]) else f"{value[0]:.1f}"
                        self._put(f"endpoints.{endpoint}.{side}.{what}.{arm}.{name}", text)
        terms = {"cox": self.treated}
        if side == "after":
            terms |= {f"univariable[x{j}]": x for j, x in enumerate(self.binary.T)}
            terms |= {"univariable[age>55]": self.age > 55, "univariable[grade>=1]": self.grade >= 1}
            terms["univariable[treatment]"] = self.treated
            self._model(endpoint, [name for name in terms if name != "cox"], [*terms.values()][1:], inside)
        for name, x in terms.items():
            self._fit(f"endpoints.{endpoint}.{side}", [name], [x], inside)

    def _model(self, endpoint: str, names: list[str], columns: list[np.ndarray], inside: np.ndarray) -> None:
        many = [name.replace("uni", "multi") for name in names]
        self._fit(f"endpoints.{endpoint}.after", many, columns, inside)

    def _fit(self, start: str, names: list[str], columns: list[np.ndarray], inside: np.ndarray) -> None:
        time, event = self.endpoints[start.split(".")[1]]
        x = np.stack(columns, axis=-1).astype(np.float64)
        fit = cox(time[None], event[None], x[None], present=inside[None])
        for k, name in enumerate(names):
            beta, se = float(fit.beta[0, k]), float(fit.se[0, k])
            if np.isnan(beta):
                continue
            numbers = [np.exp(beta), np.exp(beta - 1.959964 * se), np.exp(beta + 1.959964 * se)]
            for what, value in zip(("hr", "low", "high"), numbers, strict=True):
                self._put(f"{start}.{name}.{what}", f"{value:.2f}", "Table 3")
            chi2 = (beta / se) ** 2
            if self.cox_test != "wald" and len(names) == 1:
                ratio = 2 * (fit.loglik[0] - fit.loglik_null[0])
                chi2 = float(ratio if self.cox_test == "likelihood ratio" else fit.score_test[0])
            self._put(f"{start}.{name}.p", p_text(float(tests.chdtrc(1, chi2))), "Table 3")


def paper_of(numbers: Mapping[str, str], where: str = "Table") -> dict[str, Printed]:
    """A paper of a few numbers, all in one place."""
    return {key: printed(text, where) for key, text in numbers.items()}
