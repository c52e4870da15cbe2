"""Digitised curves of a paper: points and numbers at risk under their keys, where nothing else that is printed objects.

A curve is a file that `curves` of paper.yaml names (``death-before.csv: death before, Figure 2``), or one beside it
that is called after an endpoint and a side (``death-before.csv``).

Of its hundreds of points only those at the printed times of numbers at risk become published numbers, at most
`MOST_POINTS`, at round times where there are none. Each point of a Kaplan-Meier curve repeats all deaths before it, so
neighbours say the same again, and a calibration that took them all would weigh one curve as hundreds of findings. They
are written as whole percentages: 62% is 61.5 to 62.5, and half a point is what digitising is good for; a decimal more
would claim a precision that only the authors have.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from analysis.audit.published import exact_value, parse_printed
from benchmarks.pasted.curve_files import EARLY, CurveFile, DigitisedArm, read_curve_file
from benchmarks.pasted.paper_file import PaperFile
from benchmarks.pasted.reading import ROLES, Ledger, Role, Spot
from simulator.documents.loading import DocumentError

MOST_POINTS = 8
APART = 0.02
"""How far a digitised curve may lie from a printed number: two points of survival."""
STEPS = (0.05, 0.1, 0.25, 0.5, 1, 2, 3, 6, 12, 24, 36, 60, 90, 180, 365, 730, 1825, 3650)
"""Distances of round times in days, weeks, months or years."""
SIDES = {
    "before": "before", "unmatched": "before", "unadjusted": "before", "unweighted": "before", "crude": "before",
    "after": "after", "matched": "after", "weighted": "after", "adjusted": "after",
}  # fmt: skip
ONE_SIDED = frozenset({"randomised", "crude", "adjusted"})
"""Designs whose curves are of all patients unless another side is written."""
SKIP, TRUSTED = "skip", "as digitised"


@dataclass(frozen=True)
class CurveEntry:
    """What paper.yaml says of a curve: whose it is, on which side, where it stands, and what was settled."""

    file: str
    endpoint: str
    side: str
    where: str = ""
    trusted: bool = False
    arms: tuple[tuple[str, Role], ...] = ()


def read_curves(folder: Path, paper: PaperFile, ledger: Ledger) -> None:
    """Put the points and numbers at risk of every curve of a folder; to be called after tables and lines are read.

    A number that is printed elsewhere stays as it is printed. A curve that is not read whole, or that lies elsewhere
    than what is printed, is a question, and none of its numbers is put but under it.
    """
    for name, text in _named(folder, paper, ledger).items():
        if text.strip().casefold() == SKIP:
            continue
        entry = _entry(name, text, paper, ledger)
        if entry is None:
            continue
        if Path(name).name != name:
            ledger.ask(Spot(name), "a curve lies beside paper.yaml", f"{name}: {SKIP}", (SKIP,))
            continue
        try:
            curve = read_curve_file(folder / name)
        except DocumentError as error:
            for problem in error.problems[:5]:
                told = f"{problem.message}; {problem.suggestion}"
                spot = Spot(problem.file if problem.line else name, problem.line)
                ledger.ask(spot, told, f"{name}: {SKIP}  under curves, or correct the file", (SKIP,))
            continue
        for note in curve.notes:
            ledger.assume(Spot(name), note)
        _put(entry, curve, paper, ledger)


def _named(folder: Path, paper: PaperFile, ledger: Ledger) -> dict[str, str]:
    """Every curve by its file, with what says whose it is: paper.yaml, or the file's name."""
    found = dict(paper.curves)
    known = {name.casefold(): name for name in paper.endpoints}
    taken = {*paper.tables, *paper.curves, paper.text}
    for path in sorted(folder.glob("*.csv")):
        endpoint, _, side = path.stem.casefold().rpartition("-")
        if path.name not in taken and endpoint in known and side in SIDES:
            found[path.name] = f"{known[endpoint]} {side}"
            ledger.assume(Spot(path.name), f"a digitised curve of {known[endpoint]} {side}, by its name")
    return found


def _entry(name: str, text: str, paper: PaperFile, ledger: Ledger) -> CurveEntry | None:
    """What is said of a curve; None where that is asked."""
    first, *more = [part.strip() for part in text.split(",")]
    words = first.split()
    side = SIDES.get(words[-1].casefold(), "") if words else ""
    spoken = " ".join(words[:-1] if side else words).casefold()
    if not side and paper.design in ONE_SIDED:
        side = "before"
    known = {one.casefold(): one for one in paper.endpoints}
    example = f"{name}: {next(iter(paper.endpoints), 'death')} before"
    if spoken not in known or not side:
        told = f"curve of {first!r}: an endpoint ({', '.join(paper.endpoints)}) and a side (before, after) are wanted"
        ledger.ask(Spot(name), told, f"{example}  under curves", (*paper.endpoints, SKIP))
        return None
    arms, where, trusted = [], [], False
    for part in more:
        label, equals, role = (piece.strip() for piece in part.partition("="))
        if equals and role in ROLES:
            arms.append((label.casefold(), next(one for one in ROLES if one == role)))
        elif part.casefold() == TRUSTED:
            trusted = True
        else:
            where.append(part)
    return CurveEntry(name, known[spoken], side, ", ".join(where), trusted, tuple(arms))


def _put(entry: CurveEntry, curve: CurveFile, paper: PaperFile, ledger: Ledger) -> None:
    """The numbers of a curve's arms, and what speaks against them."""
    roles = {arm.arm: role_of(arm.arm, paper, entry.arms) for arm in curve.arms}
    said = f"{entry.endpoint} {entry.side}" + (f", {entry.where}" if entry.where else "")
    for label, role in roles.items():
        if role is None or list(roles.values()).count(role) > 1:
            told = f"arm {label!r} is not told as {paper.arms.control!r} (control) or {paper.arms.treated!r} (treated)"
            ledger.ask(Spot(entry.file), told, f"{entry.file}: {said}, {label} = treated  under curves", ROLES)
    if None in roles.values() or len({*roles.values()}) < len(roles):
        return
    printed = {one.key: one.printed for one in ledger.numbers}
    against: list[str] = []
    sizes: dict[tuple[str, str], int] = {}
    for arm in curve.arms:
        role = roles[arm.arm]
        assert role is not None
        start = f"endpoints.{entry.endpoint}.{entry.side}.km.{role}"
        against += _against(arm, start, ledger.sizes.get((entry.side, role)), printed)
        for time in point_times(arm):
            if not _sure(arm, time):
                told = f"survival of {arm.arm} at {time:g} left out: the points around it lie far from it and apart"
                ledger.assume(Spot(entry.file), told)
        for key, text, where, spot in _numbers(entry, arm, start):
            if key not in printed:
                ledger.put(key, text, where, spot, raw=text)
        if 0.0 in arm.at_risk:
            sizes[entry.side, role] = arm.at_risk[0.0]
    if entry.trusted or not against:
        ledger.sizes.update({arm: size for arm, size in sizes.items() if arm not in ledger.sizes})
    else:
        files = {entry.file, *(file for arm in curve.arms for file, _ in arm.risk_lines.values())}
        settle = f"{entry.file}: {said}, {TRUSTED}  under curves, or  {entry.file}: {SKIP}"
        for file in sorted(files):
            ledger.ask(Spot(file), "; ".join(against), settle, (TRUSTED, SKIP))


def role_of(label: str, paper: PaperFile, settled: Iterable[tuple[str, Role]] = ()) -> Role | None:
    """The arm that a label of a curve names, by paper.yaml's words; None where it names neither, or both alike."""
    plain = _plain(label)
    exact = {**{_plain(one): role for one, role in settled}}
    words = {role: _plain(getattr(paper.arms, role)) for role in ROLES}
    for role in ROLES:
        exact.setdefault(words[role], role)
    for role in ROLES:
        exact.setdefault(role, role)
    if plain in exact:
        return exact[plain]
    within = sorted((role for role in ROLES if words[role] and _holds(plain, words[role])), key=lambda one: words[one])
    if len(within) == 2:
        within.sort(key=lambda one: len(words[one]))
        return within[1] if _holds(words[within[1]], words[within[0]]) else None
    return within[0] if within else None


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _holds(text: str, part: str) -> bool:
    """Whether a text has a part as whole words."""
    return re.search(rf"(?<!\w){re.escape(part)}(?!\w)", text) is not None


def _numbers(entry: CurveEntry, arm: DigitisedArm, start: str) -> Iterator[tuple[str, str, str, Spot]]:
    """Key, print, where and spot of the numbers at risk and of the points of an arm."""
    figure = entry.where or "numbers at risk of the figure"
    for time, count in arm.at_risk.items():
        if time > 0:
            file, line = arm.risk_lines[time]
            yield f"{start}.at_risk[{time:g}]", str(count), figure, Spot(file, line)
    digitised = f"{entry.where or 'figure'}, digitised"
    for time in point_times(arm):
        text = f"{100 * arm.at(time):.0f}%"
        line = max((one for when, one in zip(arm.time, arm.lines, strict=True) if when <= time), default=arm.lines[0])
        if _sure(arm, time) and text not in ("0%", "100%"):
            yield f"{start}.survival[{time:g}]", text, digitised, Spot(entry.file, line)


def point_times(arm: DigitisedArm) -> tuple[float, ...]:
    """The few times at which a curve's points are published: within it, with somebody at risk, spread evenly."""
    end = arm.last * (1 + EARLY)
    times = [time for time, count in arm.at_risk.items() if 0 < time <= end and count > 0]
    if not times:
        step = next((one for one in STEPS if one * MOST_POINTS >= arm.last), arm.last / MOST_POINTS)
        times = [step * k for k in range(1, MOST_POINTS + 1) if step * k <= end]
    every = -(-len(times) // MOST_POINTS)
    return tuple(times[every - 1 :: every]) if every else ()


def _sure(arm: DigitisedArm, time: float) -> bool:
    """Whether the points tell survival at a time: one is near it, or those around it are near each other."""
    near = any(abs(when - time) <= EARLY * arm.last for when in arm.time)
    return near or arm.at(time) - arm.after(time) <= 2 * APART


def _against(arm: DigitisedArm, start: str, size: int | None, printed: dict[str, str]) -> Iterator[str]:
    """What is printed elsewhere and lies apart from the curve: rates at times, the median, the arm's size."""
    slack = EARLY * arm.last
    for key, text in printed.items():
        if not key.startswith(f"{start}."):
            continue
        name, value = key[len(start) + 1 :], exact_value(text, key)
        time = re.fullmatch(r"survival\[([\d.]+)\]", name)
        if value is None:
            continue
        if time and float(time[1]) <= arm.last:
            when, stands = float(time[1]), parse_printed(text, key)
            low, high = arm.after(when + slack) - APART, arm.at(when - slack) + APART
            if stands.high < low or stands.low > high:
                yield f"survival of {arm.arm} at {when:g} is {100 * arm.at(when):.0f}% here and printed {text}"
        if name == "median":
            wide = slack + parse_printed(text, key).high - value
            ends = value + wide > arm.last
            if arm.at(value - wide) < 0.5 - APART or (not ends and arm.after(value + wide) > 0.5 + APART):
                yield f"the median of {arm.arm} is printed {text}, where the curve is at {100 * arm.at(value):.0f}%"
    first = arm.at_risk.get(0.0)
    if size is not None and first is not None and first != size:
        yield f"{first} of {arm.arm} are at risk at 0, of {size} in the tables"
