"""Counts: percentages, sums over levels, sizes of arms, and which counts cannot exceed which."""

from collections.abc import Iterator, Mapping
from math import isfinite

from analysis.audit.paper import ARMS, SIDES, Finding, Paper, Severity
from analysis.audit.published import Stands, counts_printed_so, exact_value, parse_printed
from simulator.world.sections import Printed

_COUNTS = ("n", "yes", "events")
GRADES_3_4 = "_34"
OVERALL = "any_ae"
RESPONSES = ("CR", "PR", "SD", "PD")
SUMS = {"ORR": ("CR", "PR"), "DCR": ("CR", "PR", "SD")}


def count_findings(paper: Paper, tested: frozenset[str] = frozenset()) -> Iterator[Finding]:
    """All findings about counts and their percentages; a test confirms the counts of which ``tested`` has the keys."""
    yield from _sizes(paper)
    yield from _sums(paper)
    yield from _percentages(paper, tested)
    yield from _impossible_percentages(paper)
    yield from _unequal_percentages(paper)
    yield from _matched_of_all(paper)
    yield from _outcome_logic(paper)


def _sizes(paper: Paper) -> Iterator[Finding]:
    n, pairs = paper.count("cohort.n"), paper.count("matching.n_pairs")
    arms = [paper.count(f"cohort.{arm}") for arm in ARMS]
    known = [size for size in arms if size is not None]
    if n is not None and len(known) == 2 and sum(known) != n:
        keys = ("cohort.n", "cohort.control", "cohort.treated")
        told = f"{known[0]} + {known[1]} = {sum(known)}, printed {n}"
        said = f"the two arms add up to {sum(known)} patients, printed {n}"
        yield paper.finding(
            keys, "severe", "sizes add up", told, f"a cohort of {sum(known)}", said=said, off=2 * abs(sum(known) - n)
        )
    for arm, size in zip(ARMS, arms, strict=True):
        if pairs is not None and size is not None and pairs > size:
            told = f"{pairs} pairs of {size} patients ({arm})"
            yield paper.finding(
                ("matching.n_pairs", f"cohort.{arm}"), "severe", "pairs of the cohort", told, f"at most {size} pairs"
            )


def _sums(paper: Paper) -> Iterator[Finding]:
    for row in paper.rows:
        for a, arm in enumerate(ARMS):
            counts, keys = row.counts[a], tuple(key for key in row.keys if f".{arm}." in key)
            size = paper.size_of(keys[0].rpartition(".")[0], row.side, arm) if keys else paper.size(row.side, arm)
            if (counts < 0).any():
                told = f"{counts.max()} of {size} patients"
                yield paper.finding(keys, "severe", "count of an arm", told, f"at most {size}")
            elif size is not None and counts.sum() != size and not row.known[a]:
                told = f"{' + '.join(map(str, counts))} = {counts.sum()}, the arm has {size}"
                more = bool(counts.sum() > size)
                consistent = f"levels that add up to {size}" + ("" if more else ", or values said to be missing")
                said = f"the rows add up to {counts.sum()} patients, the arm has {size}"
                severity: Severity = "severe" if more else "moderate"
                off = 2.0 * abs(int(counts.sum()) - size)
                yield paper.finding(keys, severity, "levels add up", told, consistent, said=said, off=off)


def _fractions(paper: Paper) -> Iterator[tuple[str, str, int, int, Stands]]:
    """Key of a count, key of its percentage, count, size of the arm, and what the percentage stands for."""
    for key, percent in paper.numbers.items():
        start, _, last = key.rpartition(".")
        if last != "percent" or start.startswith("modes."):
            continue
        side = next((side for side in SIDES if f".{side}" in start), "before")
        size = paper.size_of(start, side, start.rpartition(".")[2])
        for name in _COUNTS:
            count = None if start.startswith("binary.") and name == "n" else paper.count(f"{start}.{name}")
            if count is not None and size:
                yield f"{start}.{name}", key, count, size, percent.stands


def _percentages(paper: Paper, tested: frozenset[str]) -> Iterator[Finding]:
    for counted, key, count, size, stands in _fractions(paper):
        share = Stands(100 * count / size, 100 * count / size)
        if share.meets(stands) or _of_the_known(paper, counted, count, stands):
            continue
        text, unit = paper.numbers[key].text, stands.high - stands.low
        close = share.gap(stands) <= unit / 2 + 1e-9
        told = f"{count} of {size} = {share.low:.3f} %, printed {text} %"
        parts = _sum_of_rounded(paper, key)
        if close and parts:
            told += f" = {parts}, a sum of rounded percentages"
        decimals = len(text.partition(".")[2])
        fitting = counts_printed_so(stands, size)
        consistent = f"{share.low:.{decimals}f} %"
        if fitting and not close:
            consistent += f", or a count of {' or '.join(map(str, fitting[:3]))}"
            consistent += " (but the printed p confirms the count)" if counted in tested else ""
        said = f"{count} of {size} is {share.low:.{decimals}f} %, printed {text} %"
        said = told if f"{share.low:.{decimals}f}" == text else said
        off = 1 + share.gap(stands) / max(unit / 2, 1e-9)
        kind = "percentage of a count"
        severity: Severity = "note" if close else "severe"
        yield paper.finding((counted, key), severity, kind, told, consistent, said=said, off=off)


def _of_the_known(paper: Paper, counted: str, count: int, stands: Stands) -> bool:
    """Whether a percentage is that of the patients whose level is known, where not all of them have one."""
    for row in paper.rows:
        if counted in row.keys and counted.startswith("table1."):
            arm = counted.split(".")[-2]
            known, size = int(row.counts[ARMS.index(arm)].sum()), paper.size(row.side, arm)
            share = 100 * count / known if known else 0.0
            return size is not None and 0 < known < size and Stands(share, share).meets(stands)
    return False


def _impossible_percentages(paper: Paper) -> Iterator[Finding]:
    """Percentages without a count that no count of the arm gives."""
    for key, percent in paper.numbers.items():
        start, _, last = key.rpartition(".")
        if start.startswith("modes."):
            continue
        side = next((side for side in SIDES if f".{side}" in start), "before")
        size = paper.size(side, start.rpartition(".")[2])
        counted = any(f"{start}.{name}" in paper.numbers for name in _COUNTS)
        if last != "percent" or counted or not size or not isfinite(percent.value):
            continue
        if not counts_printed_so(percent.stands, size):
            near = [int(percent.value * size / 100) + k for k in (0, 1)]
            told = f"{percent.text} % of {size}: " + ", ".join(f"{c} are {100 * c / size:.3f} %" for c in near)
            said = f"no number of patients out of {size} is {percent.text} %"
            wanted = "another number of patients"
            yield paper.finding((key,), "moderate", "percentage of a count", told, wanted, said=said)


def _sum_of_rounded(paper: Paper, key: str) -> str:
    """The sum of printed percentages that a response's percentage was made by; empty where it was not."""
    steps, number = key.split("."), paper.numbers[key]
    for plus, minus in ((SUMS.get(steps[1], ()), ()), ((), [name for name in RESPONSES if name != steps[1]])):
        if steps[0] != "binary" or not (plus or (minus and steps[1] in RESPONSES)):
            continue
        names = [".".join((steps[0], name, *steps[2:])) for name in (*plus, *minus)]
        printed = [paper.numbers[name] for name in names if name in paper.numbers]
        values = [one.value for one in printed if isfinite(one.stands.low) and isfinite(one.stands.high)]
        total = sum(values) if plus else 100 - sum(values)
        if len(values) == len(names) and abs(total - number.value) < 1e-9:
            return (" + " if plus else " - ").join([*([] if plus else ["100"]), *(one.text for one in printed)])
    return ""


def cell_findings(paper: Paper, published: Mapping[str, Printed]) -> Iterator[Finding]:
    """Cells such as '254 (62.0)' whose percentage is not that of their count, where one of them is typed in."""
    for key in paper.numbers:
        text, (start, _, last) = published[key].printed, key.rpartition(".")
        if (start != "cohort" and last not in (*_COUNTS, "percent")) or start.startswith("modes."):
            continue
        others = ("percent",) if last != "percent" else _COUNTS
        count, percent = exact_value(text, "cell.n"), exact_value(text, "cell.percent")
        if count is None or percent is None or count == percent or any(f"{start}.{one}" in published for one in others):
            continue
        side = next((side for side in SIDES if f".{side}" in start), "before")
        size = paper.count("cohort.n") if start == "cohort" else paper.size(side, start.rpartition(".")[2])
        if not size or (last == "n" and start == "cohort"):
            continue
        share, stands = 100 * count / size, parse_printed(text, "cell.percent")
        gap = Stands(share, share).gap(stands)
        if gap > 1e-9:
            severity: Severity = "note" if gap <= (stands.high - stands.low) / 2 + 1e-9 else "severe"
            told = f"{count:.0f} of {size} = {share:.3f} %, printed {text}"
            yield paper.finding((key,), severity, "percentage of a count", told, f"{share:.1f} %")


def _unequal_percentages(paper: Paper) -> Iterator[Finding]:
    """The same count of the same arm size, printed as two percentages of the same number of decimals.

    Not those of the patients whose value is known, who are others in every row.
    """
    seen: dict[tuple[int, int, int], str] = {}
    for counted, key, count, size, stands in _fractions(paper):
        if _of_the_known(paper, counted, count, stands):
            continue
        text = paper.numbers[key].text
        first = seen.setdefault((count, size, len(text.partition(".")[2])), key)
        if not paper.numbers[first].stands.meets(stands, -1e-9):
            told = f"{count} of {size} is printed {paper.numbers[first].text} % and {text} %"
            percent = f"both are {100 * count / size:.3f} %"
            yield paper.finding((first, key), "note", "one fraction, two percentages", told, percent, said=told)


def _matched_of_all(paper: Paper) -> Iterator[Finding]:
    """A matched arm is part of the arm: neither a count nor its complement can be larger after matching."""
    if paper.primary != "matching":
        return
    for key in paper.numbers:
        name, arm = key.rpartition(".")[2], key.rpartition(".")[0].rpartition(".")[2]
        if name not in _COUNTS or ".after" not in key or arm not in ARMS:
            continue
        other = key.replace(".after", ".before", 1)
        after, before = paper.count(key), paper.count(other)
        if after is None or before is None:
            continue
        sizes = paper.size("after", arm), paper.size("before", arm)
        if after > before:
            told = f"{after} after matching of {before} before it ({arm})"
            yield paper.finding((key, other), "severe", "matched are part of all", told, f"at most {before}")
        elif sizes[0] is not None and sizes[1] is not None and sizes[0] - after > sizes[1] - before:
            told = f"without: {sizes[0]} - {after} = {sizes[0] - after} after,"
            told += f" {sizes[1]} - {before} = {sizes[1] - before} before ({arm})"
            least = f"at least {sizes[0] - sizes[1] + before}"
            yield paper.finding((key, other), "severe", "matched are part of all", told, least)


def _outcome_logic(paper: Paper) -> Iterator[Finding]:
    names = tuple(dict.fromkeys(name for name, _ in paper.outcomes()))
    graded = [name for name in names if f"{name}{GRADES_3_4}" in names and name != OVERALL]
    for side in SIDES:
        for arm in ARMS:

            def key(name: str, side: str = side, arm: str = arm) -> str:
                return f"binary.{name}.{side}.{arm}.yes"

            for name in (*graded, OVERALL):
                severe_ones = key(f"{name}{GRADES_3_4}")
                yield from _at_most(paper, severe_ones, key(name), "grade 3/4 is part of any grade")
            for grade in ("", GRADES_3_4):
                for name in graded:
                    single = key(f"{name}{grade}")
                    yield from _at_most(paper, single, key(f"{OVERALL}{grade}"), "overall is at least the largest")
            for whole, parts in SUMS.items():
                yield from _is_sum(paper, key(whole), tuple(key(part) for part in parts))
            yield from _all_responses(paper, tuple(key(part) for part in RESPONSES), side, arm)
            for part, whole in paper.within:
                few, many = (f"endpoints.{endpoint}.{side}.km.{arm}.events" for endpoint in (part, whole))
                yield from _at_most(paper, few, many, f"every event of {part} is one of {whole}")


def _at_most(paper: Paper, part: str, whole: str, check: str) -> Iterator[Finding]:
    a, b = paper.count(part), paper.count(whole)
    if a is not None and b is not None and a > b:
        yield paper.finding((part, whole), "severe", check, f"{a} > {b}", f"at most {b}, or at least {a} of the other")


def _is_sum(paper: Paper, whole: str, parts: tuple[str, ...]) -> Iterator[Finding]:
    total, counts = paper.count(whole), [paper.count(part) for part in parts]
    known = [n for n in counts if n is not None]
    if total is not None and len(known) == len(parts) and sum(known) != total:
        told = f"{' + '.join(map(str, known))} = {sum(known)}, printed {total}"
        yield paper.finding((whole, *parts), "severe", "responses add up", told, f"{sum(known)}")


def _all_responses(paper: Paper, parts: tuple[str, ...], side: str, arm: str) -> Iterator[Finding]:
    counts, size = [paper.count(part) for part in parts], paper.size(side, arm)
    known = [n for n in counts if n is not None]
    if size is not None and len(known) == len(parts) and sum(known) != size:
        told = f"{' + '.join(map(str, known))} = {sum(known)}, the arm has {size}"
        severity: Severity = "severe" if sum(known) > size else "note"
        yield paper.finding(parts, severity, "responses add up", told, f"{size}, or some not evaluable")
