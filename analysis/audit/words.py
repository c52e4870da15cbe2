"""What the text says again, and shares of which the whole is not said."""

from collections.abc import Iterator, Mapping
from itertools import islice
from math import isfinite

from analysis.audit.paper import ARMS, SIDES, Finding, Paper
from analysis.audit.published import NOT_PRINTED, Stands, counts_printed_so, parse_printed
from simulator.world.sections import Printed

MOST_MODES = 2000
TOTALS_SHOWN = 4


def word_findings(paper: Paper, published: Mapping[str, Printed]) -> Iterator[Finding]:
    """Findings about numbers that are printed again, and about shares of modes."""
    yield from _printed_again(published)
    for side in SIDES:
        for arm in ARMS:
            yield from _shares(paper, side, arm)


def _printed_again(published: Mapping[str, Printed]) -> Iterator[Finding]:
    for key, one in published.items():
        for other in one.also:
            if NOT_PRINTED in (one.printed, other.printed) or one.printed == other.printed:
                continue
            try:
                same = parse_printed(one.printed, key).meets(parse_printed(other.printed, key))
            except ValueError:
                same = False
            if not same:
                told = f"{one.printed} ({one.where}), {other.printed} ({other.where})"
                where = f"{one.where}; {other.where}"
                wanted = f"{one.printed} in both places"
                said = f"the same number is {one.printed} in one place and {other.printed} in another"
                yield Finding((key,), "moderate", "printed twice", told, wanted, where, said)


def _shares(paper: Paper, side: str, arm: str) -> Iterator[Finding]:
    """Percentages that sum to 100 are shares of the modes, and need a whole number of them."""
    keys = [key for key in paper.numbers if key.startswith("modes.") and key.endswith(f".{side}.{arm}.percent")]
    numbers = [paper.numbers[key] for key in keys]
    stands = [number.stands for number in numbers]
    if len(numbers) < 2 or not all(isfinite(one.low) and isfinite(one.high) for one in stands):
        return
    total = " + ".join(number.text for number in numbers)
    if not Stands(sum(one.low for one in stands), sum(one.high for one in stands)).meets(Stands(100, 100)):
        return
    counts_of = {whole: paper.count(f"endpoints.{whole}.{side}.km.{arm}.events") for _, whole in paper.within}
    known = [(whole, count) for whole, count in counts_of.items() if count]
    composite, events = known[0] if len(known) == 1 else ("", None)  # of several, none is said to show the modes
    fitting = ((n, counts) for n in range(1, MOST_MODES) if (counts := _counts(stands, n)))
    found = tuple(islice(fitting, TOTALS_SHOWN))
    told = f"{total} = {sum(number.value for number in numbers):.1f} %: shares of modes, not of patients"
    if not found:
        wanted = f"shares of a whole number of modes (none below {MOST_MODES} fits)"
        yield paper.finding(tuple(keys), "moderate", "shares of modes", told, wanted)
        return
    n, counts = found[0]
    told += f"; the smallest total that fits all is {n} = {' + '.join(map(str, counts))}"
    if events and any(not counts_printed_so(one, events) for one in stands):
        told += f"; they are no shares of {events} patients"
    wanted = f"{' or '.join(str(n) for n, _ in found)} modes" + (
        f" in {events} patients with an event of {composite}" if events else ""
    )
    said = "percentages that sum to 100 are shares of all findings, not of patients"
    yield paper.finding(tuple(keys), "note", "shares of modes", told, wanted, said=said)


def _counts(stands: list[Stands], n: int) -> list[int]:
    """Counts that add up to n with these percentages; none where there are none."""
    ranges = [counts_printed_so(one, n) for one in stands]
    if not all(ranges) or not sum(r[0] for r in ranges) <= n <= sum(r[-1] for r in ranges):
        return []
    counts, rest = [r[0] for r in ranges], n - sum(r[0] for r in ranges)
    for k, r in enumerate(ranges):
        more = min(rest, r[-1] - r[0])
        counts[k], rest = counts[k] + more, rest - more
    return counts
