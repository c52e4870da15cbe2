"""p-values of tables: which test gives the printed p, which test explains a table, and what no test explains."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, xlogy

from analysis.audit.paper import ARMS, CountRow, Finding, Number, Paper
from analysis.audit.published import Stands
from analysis.two_samples import tests

NAMES = {
    "pearson": "Pearson's chi-square without correction",
    "fisher": "Fisher's exact test",
    "yates": "chi-square with Yates's correction",
    "n_minus_1": "the N - 1 chi-square",
    "likelihood_ratio": "the likelihood-ratio chi-square",
    "trend": "the linear-by-linear test",
    "unpooled": "the z test with unpooled variances",
}
USUAL = ("pearson", "fisher", "yates")
FEW_TESTS = 4  # fewer p-values do not show a convention of their own: the paper's is taken
SMALL_EXPECTED = 5


@dataclass(frozen=True)
class TableTests:
    """How many of a table's p-values for counts each test gives within rounding.

    ``convention`` explains most of them; of a table with few it is the whole paper's, and not the table's ``alone``.
    ``with_fisher`` counts those that are Pearson's, or Fisher's where an expected count is below 5.
    """

    table: str
    total: int
    explained: Mapping[str, int]
    with_fisher: int
    convention: str
    alone: bool

    def __str__(self) -> str:
        first = f"{self.explained[self.convention]} of {self.total} p-values are {NAMES[self.convention]}"
        rest = [f"{n} {NAMES[name]}" for name, n in self.explained.items() if name in USUAL and name != self.convention]
        rule = f"{self.with_fisher} Pearson's, or Fisher's where an expected count is below {SMALL_EXPECTED}"
        return f"{self.table}: {first}; {', '.join(rest)}; {rule}"

    @property
    def others(self) -> str:
        """The table's other p-values, or the paper's where the table has few."""
        return f"as in the rest of {self.table if self.alone else 'the paper'}"


@dataclass(frozen=True)
class TestedRow:
    """A row of counts with its printed p, and the p of every test by name."""

    row: CountRow
    printed: Number
    p: dict[str, float]

    def fits(self, name: str) -> bool:
        """Whether a test gives the printed p; what is for two levels only leaves others to Pearson's test."""
        return _fits(self.p.get(name, self.p["pearson"]), self.printed.stands)

    @property
    def fitting(self) -> tuple[str, ...]:
        """The tests that give the printed p; unusual ones where no usual one does."""
        found = [name for name, p in self.p.items() if _fits(p, self.printed.stands)]
        return tuple(name for name in found if name in USUAL) or tuple(found)


def p_value_findings(paper: Paper, tested: tuple[TestedRow, ...]) -> Iterator[Finding]:
    """All findings about the p-values of rows of counts and of means."""
    for table in conventions(tested):
        own = [one for one in tested if one.printed.where == table.table]
        if table.convention not in USUAL:
            yield _unusual(paper, own, table)
        for one in own:
            if not one.fits(table.convention):
                yield _misfit(paper, one, table)
    yield from _equal_counts(paper, tested)
    yield from _means(paper)


def confirmed(tested: tuple[TestedRow, ...]) -> frozenset[str]:
    """The keys of the counts from which a usual test, or the table's, gives the printed p."""
    names = {table.table: table.convention for table in conventions(tested)}
    sure = (one for one in tested if one.fits(names[one.printed.where]) or set(one.fitting) & set(USUAL))
    return frozenset(key for one in sure if np.isfinite(one.printed.stands.low) for key in one.row.keys)


def all_tests(row: CountRow) -> dict[str, float]:
    """The p of every test of a row of counts, by name.

    Two levels alone have Yates's correction and the unpooled z; more have a test of trend over their printed order.
    The N - 1 chi-square, N - 1 times the squared correlation where there are two levels, is what programs print as
    linear-by-linear association (Campbell 2007, Stat Med 26:3661).
    """
    seen = row.seen
    if seen.shape[1] < 2 or not seen.sum(axis=1).all():
        return {}
    expected, block, df, n = row.expected, np.ascontiguousarray(seen[None]), seen.shape[1] - 1, int(seen.sum())
    pearson = tests.pearson(block)
    found = {"pearson": float(pearson.p[0]), "fisher": float(tests.fisher(block).p[0])}
    found["n_minus_1"] = _above(df, float(pearson.statistic[0]) * (n - 1) / n)
    found["likelihood_ratio"] = _above(df, 2 * float((xlogy(seen, seen) - xlogy(seen, expected)).sum()))
    if df == 1:
        found["yates"] = float(tests.pearson(block, correct=True).p[0])
        share, size = seen[:, 0] / seen.sum(axis=1), seen.sum(axis=1)
        variance = float((share * (1 - share) / size).sum())
        found["unpooled"] = _above(1, float(np.diff(share)[0]) ** 2 / variance) if variance > 0 else np.nan
    else:
        found["trend"] = _above(1, (n - 1) * _correlation(seen) ** 2)
    return {name: found[name] for name in NAMES if not np.isnan(found.get(name, np.nan))}


def _above(df: int, chi2: float) -> float:
    return float(chdtrc(df, max(chi2, 0.0)))


def _correlation(counts: NDArray[np.int64]) -> float:
    """The correlation of arm and level, scored 0, 1, 2, ..."""
    size, score = counts.sum(axis=1), np.arange(counts.shape[1])
    total, share = counts.sum(axis=0), size / size.sum()
    mean = float(total @ score / size.sum())
    spread = float(total @ (score - mean) ** 2 / size.sum())
    between = float(counts[1] @ score / size[1] - mean) * share[1]
    return float(between / np.sqrt(share[0] * share[1] * spread))


def _fits(p: float, stands: Stands) -> bool:
    return Stands(p, p).meets(stands)


def tested_rows(paper: Paper) -> tuple[TestedRow, ...]:
    """The rows of counts that have a p and add up to the arms."""
    made = []
    for row in paper.rows:
        if row.p is not None and row.complete:
            p = all_tests(row)
            if p:
                made.append(TestedRow(row, row.p, p))
    return tuple(made)


def conventions(tested: tuple[TestedRow, ...]) -> tuple[TableTests, ...]:
    """Which test explains the p-values of each table."""

    def explained_by(some: Iterable[TestedRow]) -> dict[str, int]:
        return {name: sum(one.fits(name) for one in some) for name in NAMES}

    everywhere = explained_by(tested)
    whole = max(USUAL, key=lambda name: everywhere[name])
    made = []
    for table in dict.fromkeys(one.printed.where for one in tested):
        own = [one for one in tested if one.printed.where == table]
        explained, alone = explained_by(own), len(own) >= FEW_TESTS
        convention = max(NAMES, key=lambda name: explained[name]) if alone else whole
        rule = sum(one.fits("fisher" if _small(one.row) else "pearson") for one in own)
        made.append(TableTests(table, len(own), explained, rule, convention, alone))
    return tuple(made)


def _small(row: CountRow) -> bool:
    return bool(row.expected.min() < SMALL_EXPECTED)


def _unusual(paper: Paper, own: list[TestedRow], table: TableTests) -> Finding:
    usual = max(USUAL, key=lambda name: table.explained[name])
    some = [one for one in own if one.fits(table.convention) and not one.fits(usual)]
    told = "; ".join(
        f"{one.row} {one.p.get(usual, one.p['pearson']):.4f}, printed {one.printed.text}" for one in some[:3]
    )
    keys = tuple(one.printed.key for one in some)
    said = f"its p-values come from an unusual test, {NAMES[table.convention]}"
    wanted = f"{NAMES[usual]}, which gives for {told}"
    return paper.finding(keys, "note", "an unusual test", str(table), wanted, said=said)


def _misfit(paper: Paper, one: TestedRow, table: TableTests) -> Finding:
    keys = (one.printed.key, *one.row.keys)
    shown = dict.fromkeys((*USUAL, table.convention, *one.fitting))
    told = ", ".join(f"{NAMES[name]} {_shown(one.p[name], one.printed)}" for name in shown if name in one.p)
    told = f"{one.row}: {told}; printed {one.printed.text}"
    convention = table.convention if table.convention in one.p else "pearson"
    wanted = f"{_shown(one.p[convention], one.printed)} by {NAMES[convention]}, {table.others}"
    if one.fitting:
        test = " or ".join(NAMES[name] for name in one.fitting)
        small = f" (an expected count is {one.row.expected.min():.1f})" if _small(one.row) else ""
        said = f"p = {one.printed.text} is that of {test}, unlike the p-values around it"
        return paper.finding(keys, "note", "p by another test", f"{told}: it is {test}{small}", wanted, said=said)
    unit = one.printed.stands.high - one.printed.stands.low
    close = any(Stands(p, p).gap(one.printed.stands) <= unit / 2 for p in one.p.values()) and np.isfinite(unit)
    said = f"no usual test gives p = {one.printed.text} from the counts {one.row}"
    return paper.finding(keys, "note" if close else "severe", "p of counts", told, wanted, said=said)


def _shown(p: float, printed: Number) -> str:
    decimals = max(len(printed.text.partition(".")[2]), 3)
    return f"{p:.{decimals}f}" if p >= 0.5 * 10.0**-decimals else f"{p:.1g}"


def _equal_counts(paper: Paper, tested: tuple[TestedRow, ...]) -> Iterator[Finding]:
    """Rows of one table with the same counts and different p."""
    seen: dict[tuple[object, ...], TestedRow] = {}
    for one in tested:
        columns = sorted(tuple(map(int, column)) for column in one.row.counts.T if column.any())
        first = seen.setdefault((one.printed.where, one.row.side, *columns), one)
        if not first.printed.stands.meets(one.printed.stands):
            keys = (first.printed.key, one.printed.key, *first.row.keys, *one.row.keys)
            told = f"{first.row.name} and {one.row.name} both have {one.row}"
            told += f", but p = {first.printed.text} and {one.printed.text}"
            said = f"the same counts, {one.row}, have p = {first.printed.text} in one row"
            said += f" and {one.printed.text} in another"
            yield paper.finding(keys, "moderate", "equal counts, different p", told, "one p for both rows", said=said)


def _means(paper: Paper) -> Iterator[Finding]:
    for side, variable in paper.table1("mean"):
        start = f"table1.{side}[{variable}]"
        keys = tuple(f"{start}.{arm}.{what}" for what in ("mean", "sd") for arm in ARMS)
        found, sizes = [paper.finite(key) for key in keys], [paper.size(side, arm) for arm in ARMS]
        p, n = paper.get(f"{start}.p"), [size for size in sizes if size is not None]
        boxes = [one.stands for one in found if one is not None]
        if p is None or len(boxes) < 4 or min(n, default=0) < 2 or len(n) < 2:
            continue
        ranges = {"Welch": t_test_range(boxes, n, False), "Student": t_test_range(boxes, n, True)}
        if not any(one.meets(p.stands) for one in ranges.values()):
            told = "; ".join(f"{name}: p {one.low:.3g} to {one.high:.3g}" for name, one in ranges.items())
            told = f"all values within rounding, {told}; printed {p.text}"
            said = f"no t test gives p = {p.text} from these means and standard deviations"
            wanted = "another p, or a test of ranks"
            yield paper.finding((p.key, *keys), "moderate", "p of means", told, wanted, said=said)


def t_test_range(boxes: list[Stands], n: list[int], pooled: bool) -> Stands:
    """The p-values of a t test over all means (two boxes, then two of SDs) within rounding."""
    mean, sd = boxes[:2], [one.within(0.0, np.inf) for one in boxes[2:]]
    least = mean[0].gap(mean[1])
    most = max(mean[1].high - mean[0].low, mean[0].high - mean[1].low)
    corners = [(d, a, b) for d in (least, most) for a in (sd[0].low, sd[0].high) for b in (sd[1].low, sd[1].high)]
    difference, first, second = np.array(corners).T
    means = np.stack([np.zeros(len(corners)), difference], axis=-1)[:, None]
    variance = np.stack([first, second], axis=-1)[:, None] ** 2
    finite = np.ones((len(corners), 1), np.bool_)
    found = tests.GroupMoments(np.tile(n, (len(corners), 1)), means, variance, means, ~finite, finite)
    p = (tests.student_of(found) if pooled else tests.welch_of(found)).p
    p = np.nan_to_num(p[:, 0], nan=0.0)  # neither arm varies: any difference is certain
    return Stands(float(p.min()), float(p.max()))
