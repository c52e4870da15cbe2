"""Makes the random data sets of the oracle, which R and the tests then read: ``python -m tests.oracle.make_data``.

Numbers are written as integers in the unit that the column's name ends with (``time_1024``: 1/1024), so that both
readers hold the same doubles. Matching scores are written with 17 digits. Existence of a finite maximum is decided
here, by linear programming, and written beside the data (see tests/reference/existence.py).
"""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.random import Generator, Philox

from tests.reference import existence

DATA = Path(__file__).parent / "data"
LONGEST = 11  # covariates


def write(name: str, table: pd.DataFrame) -> None:
    """Writes a compressed csv whose bytes depend on its contents only."""
    text = table.to_csv(index=False, float_format="%.17g", lineterminator="\n")
    (DATA / f"{name}.csv.gz").write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))


def covariates(draw: Generator, n: int, p: int) -> np.ndarray:
    """``(n, p)`` in units of 1/16: the first column an arm (0/1), then 0/1, 0/1/2 or roughly normal."""
    columns: list[np.ndarray] = [draw.random(n) < draw.uniform(0.25, 0.75)]
    for _ in range(p - 1):
        kind = draw.integers(4)
        if kind <= 1:
            columns.append(draw.random(n) < draw.uniform(0.1, 0.9))
        elif kind == 2:
            columns.append(draw.integers(0, 3, n))
        else:
            columns.append(np.round(16 * draw.normal(size=n)) / 16)
    return np.round(16 * np.column_stack(columns)).astype(np.int64)


def survival_size(draw: Generator, case: int) -> tuple[int, int]:
    """Patients (8 to 2,000, mostly few) and covariates (1 to 11)."""
    n = int(np.exp(draw.uniform(np.log(200), np.log(2001)))) if case % 40 == 39 else int(8 * 15 ** draw.random())
    p = int(draw.integers(1, max(2, min(LONGEST, n // 6) + 1)))
    return n, p


def plant(kind: str, time: np.ndarray, event: np.ndarray, x: np.ndarray, draw: Generator) -> None:
    """Changes the data in place so that the fit must fail in the way that ``kind`` says."""
    match kind:
        case "monotone_arm":
            x[event, 0] = 16
        case "duplicate":
            x[:, -1] = x[:, 0]
        case "sum":
            x[:, -1] = x[:, 0] + x[:, 1]
        case "constant":
            x[:, -1] = 16
        case "no_events":
            event[:] = False
        case "last_event":
            event[:] = False
            event[draw.permutation(np.flatnonzero(time == time.max()))[0]] = True
        case "uninformative":
            first = time == time.min()  # nobody who differs is still at risk at an event
            event[first] = False
            x[:, 0] = np.where(first, 16, 0)


def survival_case(draw: Generator, case: int, kind: str) -> tuple[dict[str, object], pd.DataFrame]:
    """One data set and its description."""
    n, p = survival_size(draw, case)
    if kind != "random":
        n = min(n, 60)
        p = max(2, min(p, 4))
        p = 3 if kind == "sum" else 1 if kind == "uninformative" else p
    x = covariates(draw, n, p)
    slope = draw.normal(0, 0.5, p)
    shape = draw.choice([0.7, 1.0, 1.4])
    latent = 12 * (draw.exponential(size=n) * np.exp(-(x / 16) @ slope)) ** (1 / shape)
    censored = draw.uniform(0, draw.choice([12, 30, 1000]), n)
    event = latent <= censored
    tied = case % 2 == 0
    time = np.minimum(np.minimum(latent, censored), 240)
    time = 1024 * np.ceil(time / draw.choice([1, 3, 6])) if tied else np.ceil(1024 * time)
    time = np.maximum(time, 1).astype(np.int64)
    plant(kind, time, event, x, draw)
    delayed = bool(draw.random() < 0.3)
    entry = np.floor(time / 1024 * draw.random(n) * 0.8) * 1024 if tied else np.floor(time * draw.random(n) * 0.8)
    entry = np.minimum(entry, time - 1).astype(np.int64)
    stratified, weighted, clustered = (bool(draw.random() < share) for share in (0.3, 0.35, 0.4))
    weight = draw.integers(1, 13, n) if draw.random() < 0.5 else 4 * draw.integers(1, 4, n)
    stratum = draw.integers(0, draw.integers(2, 5), n)
    own = draw.random() < 0.33
    cluster = np.arange(n) if own else draw.integers(0, max(2, n // 2), n)
    table = pd.DataFrame({"case": case, "time_1024": time, "event": event.astype(int)})
    table["entry_1024"] = entry if delayed else 0
    table["stratum"] = stratum if stratified else 0
    table["weight_4"] = weight if weighted else 4
    table["cluster"] = cluster if clustered else 0
    table[[f"x{k + 1}_16" for k in range(LONGEST)]] = np.pad(x, [(0, 0), (0, LONGEST - p)])
    if delayed and n > 150:
        exists = "presumed"
    else:
        exists = existence.cox(
            time.astype(float),
            event,
            x / 16,
            stratum if stratified else None,
            entry.astype(float) if delayed else None,
        )
    about = {"case": case, "kind": kind, "n": n, "p": p, "tied": tied, "weighted": weighted, "stratified": stratified}
    return about | {"delayed": delayed, "clustered": clustered, "exists": exists}, table


def survival(draw: Generator) -> None:
    """1,200 random data sets and 70 in which the fit must fail."""
    planted = ["monotone_arm", "duplicate", "sum", "constant", "no_events", "last_event", "uninformative"]
    kinds = ["random"] * 1200 + planted * 10
    made = [survival_case(draw, case, kind) for case, kind in enumerate(kinds)]
    write("survival_cases", pd.DataFrame([about for about, _ in made]))
    write("survival", pd.concat([table for _, table in made]))


def treatment(draw: Generator) -> None:
    """300 data sets for logistic models and their stepwise selection; columns of kinds n(umber), b(inary), f(actor).

    In 60 more the last term cannot be told from the others: a copy of the first, a constant, a factor without its
    last level.
    """
    cases, tables = [], []
    for case in range(360):
        n, terms = int(24 * 25 ** draw.random()), int(draw.integers(1, 10))
        kinds = [str(draw.choice(["n", "b", "b", "f3", "f4"])) for _ in range(terms)]
        columns = []
        for kind in kinds:
            if kind == "n":
                columns.append(np.round(16 * draw.normal(size=n)).astype(np.int64))
            elif kind == "b":
                columns.append(16 * (draw.random(n) < draw.uniform(0.1, 0.9)).astype(np.int64))
            else:
                levels = int(kind[1])
                drawn = np.concatenate([np.arange(levels), draw.integers(0, levels, n - levels)])
                columns.append(16 * draw.permutation(drawn))
        if case >= 300 and kinds[-1].startswith("f"):
            columns[-1] = np.minimum(columns[-1], 16 * (int(kinds[-1][1]) - 2))
        elif case >= 300:
            columns[-1] = columns[0] if case % 2 and len(kinds[0]) == 1 else np.full(n, 16)
        z = np.column_stack(columns)
        slope = draw.choice([0, 0, 0.2, 0.4, 0.8], terms) * draw.choice([-1, 1], terms)
        y = draw.random(n) < 1 / (1 + np.exp(draw.normal(0, 0.5) - (z / 16 - (z / 16).mean(axis=0)) @ slope))
        table = pd.DataFrame({"case": case, "y": y.astype(int), "weight_4": draw.integers(1, 9, n)})
        table[[f"x{k + 1}_16" for k in range(9)]] = np.pad(z, [(0, 0), (0, 9 - terms)])
        dummies = [
            z[:, [k]] / 16 if len(kind) == 1 else (z[:, [k]] / 16 == np.arange(1, int(kind[1]))).astype(float)
            for k, kind in enumerate(kinds)
        ]
        exists = existence.logistic(np.concatenate(dummies, axis=1), y)
        cases.append({"case": case, "n": n, "kinds": " ".join(kinds), "exists": exists})
        tables.append(table)
    write("treatment_cases", pd.DataFrame(cases))
    write("treatment", pd.concat(tables))


def matching(draw: Generator) -> None:
    """400 data sets of scores; half of them take few values, as scores of binary covariates do."""
    cases, tables = [], []
    for case in range(400):
        n = int(8 * 40 ** draw.random())
        treated = draw.random(n) < draw.uniform(0.15, 0.6)
        treated[0], treated[-1] = True, False
        few = draw.normal(size=int(draw.integers(3, 12)))
        score = draw.normal(size=n) if case % 2 else draw.choice(few, n)
        score = np.where(treated, score + draw.choice([0, 0.5, 2]) * (case % 2), score)
        score[:3] = few[:3]  # matchit refuses a caliper on two values
        tables.append(pd.DataFrame({"case": case, "score": score, "treated": treated.astype(int)}))
        ratio, replacement = int(draw.choice([1, 1, 2, 3])), bool(draw.random() < 0.25)
        if replacement and case % 2 == 0:
            ratio = 1
        order = "data" if replacement else str(draw.choice(["largest", "largest", "smallest", "data"]))
        unit = str(draw.choice(["sd", "sd", "raw"]))
        caliper = [0.0, 0.05, 0.2, 0.2, 0.5][draw.integers(5)]
        cases.append(
            {"case": case, "n": n, "caliper": caliper, "unit": unit}
            | {"order": order, "ratio": ratio, "replacement": replacement}
        )
    write("matching_cases", pd.DataFrame(cases))
    write("matching", pd.concat(tables))


def samples(draw: Generator) -> None:
    """300 pairs of samples (half with heavy ties) and 600 tables of counts, 2 x 2 to 2 x 5."""
    tables = []
    for case in range(300):
        n = draw.integers(2, 61, 2)
        group = np.repeat([0, 1], n)
        value = 16 * draw.normal(draw.normal(0, 0.5) * group, 1 + 2 * draw.random() * group)
        value = 16 * np.round(value / 16) if case % 2 == 0 else np.round(value)
        tables.append(pd.DataFrame({"case": case, "group": group, "value_16": value.astype(np.int64)}))
    write("samples", pd.concat(tables))
    counts: list[dict[str, int]] = []
    while len(counts) < 600:
        levels = int(draw.integers(2, 6)) if len(counts) % 2 else 2
        size = int(10 * 40 ** draw.random())
        table = draw.multinomial(size, draw.dirichlet(np.ones(levels) * 2), size=2)
        table[1] = draw.multinomial(int(size * draw.uniform(0.3, 1)) + 2, draw.dirichlet(np.ones(levels) * 2))
        if (table.sum(axis=0) > 0).all():
            first, second = ({f"{r}{k}": int(c) for k, c in enumerate(row)} for r, row in zip("ab", table, strict=True))
            counts.append({"case": len(counts), "levels": levels} | first | second)
    columns = ["case", "levels", *(f"a{k}" for k in range(5)), *(f"b{k}" for k in range(5))]
    write("counts", pd.DataFrame(counts)[columns].fillna(0).astype(np.int64))


if __name__ == "__main__":
    DATA.mkdir(exist_ok=True)
    survival(Generator(Philox(1)))
    treatment(Generator(Philox(2)))
    matching(Generator(Philox(3)))
    samples(Generator(Philox(4)))
