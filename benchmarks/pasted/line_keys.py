"""The keys of the numbers of a result line; NotUnderstood says which number has none, and what would be right."""

import re
from dataclasses import replace

from analysis.paper.number_keys import problem
from analysis.paper.number_tree import any_paper
from benchmarks.pasted.cells import plain_cell
from benchmarks.pasted.line_cells import KeysFound, amounts_of, cell_of, fits, number_of, p_of, parts_of, ratio_of
from benchmarks.pasted.line_places import OUT, RISKS, Line, measure_place, p_place, plain_side, side_of
from benchmarks.pasted.line_words import UNIT, UNPRINTED, LineItem, NotUnderstood, Subject, days_of
from benchmarks.pasted.paper_file import PaperFile
from benchmarks.pasted.reading import ROLES, PastedCell, Role

_RATIO = ("hr", "low", "high")


def keys_of(line: Line, paper: PaperFile) -> KeysFound:
    """Every number of a line under its key, each once."""
    found: KeysFound = []
    bare = 0
    for item in line.items:
        if item.text.casefold() == UNPRINTED:
            found += [(key, "not_printed") for key in _announced(line, item, paper)]
            continue
        if not (item.arm or item.measure or item.p):
            item, bare = _ordered(line, item, bare, paper), bare + 1
        found += _of_item(line, item, paper)
    for k, (key, _) in enumerate(found):
        if key in (other for other, _ in found[:k]):
            raise NotUnderstood(f"two numbers for one key, {key}", "each number once on its line")
        if wrong := problem(any_paper(), key):
            raise NotUnderstood(f"no key for this number ({key}: {wrong})", OUT)
    return found


def _ordered(line: Line, item: LineItem, k: int, paper: PaperFile) -> LineItem:
    """A bare number as that of the arm whose turn it is in the order that the head says."""
    subject = line.subject
    if subject.what == "in":
        return LineItem(item.text, measure="hr")
    if subject.name in ("patients", "pairs", "sets") and len(line.items) == 1:
        return LineItem(item.text, arm="all")
    if line.head.order and k < len(line.head.order):
        return LineItem(item.text, arm=line.head.order[k])
    if line.head.order:
        raise NotUnderstood(f"more numbers than the {len(line.head.order)} arms of the head", "one number for each arm")
    arms = paper.arms
    if subject.what == "follow_up" and len(line.items) == 1:
        right = f"overall {item.text}   or   {arms.treated} {item.text}"
        raise NotUnderstood(f"'{item.text}' names no arm", right, item.text)
    right = f"{arms.treated} {item.text} ...   or the head  [{line.head.where}] {arms.treated} vs {arms.control}"
    raise NotUnderstood(f"'{item.text}' names no arm and no measure, and no order is said", right)


def _of_item(line: Line, item: LineItem, paper: PaperFile) -> KeysFound:
    subject = line.subject
    if item.arm:
        _in_unit(subject, item, paper, line.head.family)
    if line.head.family:
        return _of_family(line, item, paper)
    if subject.name in ("patients", "pairs", "sets"):
        return _of_patients(subject, item, paper)
    if not subject.endpoints:
        return _of_outcome(line, item, paper)
    found: KeysFound = []
    for endpoint in subject.endpoints:
        if subject.what == "in":
            found += _of_subgroup(f"endpoints.{endpoint}.{plain_side(subject, paper)}.subgroups[{line.row}]", item)
        elif item.arm:
            found += _of_arm(line, endpoint, item, paper)
        elif item.measure:
            found += _of_measure(line, endpoint, item, paper)
        else:
            found.append((p_place(line, endpoint, item, paper), p_of(item.text)))
    return found


def _of_arm(line: Line, endpoint: str, item: LineItem, paper: PaperFile) -> KeysFound:
    subject = line.subject
    what, side = subject.what, plain_side(subject, paper)
    base, competing = f"endpoints.{endpoint}.{side}", "competing" in paper.endpoints[endpoint]
    if item.arm == "all":
        if what != "follow_up":
            raise NotUnderstood("a number of both arms together has no key here", "one number for each arm")
        return amounts_of(f"{base}.follow_up.overall", item.text, ("median", "low", "high"))
    if what == "follow_up":
        return amounts_of(f"{base}.follow_up.{item.arm}", item.text, ("median", "low", "high"))
    if what == "":
        _is_time(line, endpoint, item)
        if competing:
            raise NotUnderstood(
                f"{endpoint} has competing events, and so no median",
                f"{endpoint} {side} cumulative incidence at 12: ...",
            )
        return amounts_of(f"{base}.km.{item.arm}", item.text, ("median", "low", "high"))
    if what == "events":
        return _counts(line, f"{base}.km.{item.arm}", item, "events", "events", paper)
    if what == "competing_events":
        return [(f"{base}.competing_events.{item.arm}", number_of(item.text, ("num",), "a number of patients"))]
    found: KeysFound = []
    arm: Role = "treated" if item.arm == "treated" else "control"
    for time, text in zip(subject.times, parts_of(item.text, len(subject.times)), strict=True):
        found += _at_time(base, what, arm, time, text, endpoint, paper)
    return found


def _at_time(base: str, what: str, arm: Role, time: str, text: str, endpoint: str, paper: PaperFile) -> KeysFound:
    """A number at a time: one that is compared with those of curves, or of incidences."""
    competing = "competing" in paper.endpoints[endpoint]
    if what == "at_risk":
        name = f"{base}.km.{arm}." + ("n" if float(time) == 0 else f"at_risk[{time}]")
        return [(name, number_of(text, ("num",), "a number of patients at risk"))]
    if what in ("survival", "rmst") and competing:
        right = f"{endpoint} cumulative incidence at {time}: ..."
        raise NotUnderstood(f"{endpoint} has competing events, and so no survival", right)
    if what in ("incidence", "competing_incidence"):
        if not competing:
            told = f"{endpoint} has no competing events, so that its incidence is 1 less the survival"
            rest = f"{endpoint}: {paper.endpoints[endpoint]}; competing death"
            side = base.rpartition(".")[2]
            right = f"{endpoint} {side} at {time}: {getattr(paper.arms, arm)} {_complement(text)}   or   {rest}"
            raise NotUnderstood(told, right)
        return amounts_of(f"{base}.{what}.{arm}[{time}]", text, ("", ".low", ".high"), share=True, dot="")
    share = what == "survival"
    return amounts_of(f"{base}.km.{arm}.{what}[{time}]", text, ("", ".low", ".high"), share=share, dot="")


def _complement(text: str) -> str:
    cell = plain_cell(text)
    if not cell.values or re.fullmatch(r"\d+(?:\.\d+)?", cell.values[0]) is None:
        return "82%"
    decimals = len(cell.values[0].partition(".")[2])
    return f"{100 - float(cell.values[0]):.{decimals}f}%"


def _of_measure(line: Line, endpoint: str, item: LineItem, paper: PaperFile) -> KeysFound:
    place = measure_place(line, endpoint, item.measure, paper)
    if item.measure in RISKS:
        return amounts_of(place, item.text, ("", ".low", ".high"), share=item.measure == "risk_difference", dot="")
    return ratio_of(place, item.text, _RATIO)


def _of_subgroup(base: str, item: LineItem) -> KeysFound:
    if item.p:
        name = {"bare": "p", "log-rank": "p_logrank", "interaction": "interaction_p"}.get(item.p)
        if name is None:
            raise NotUnderstood(
                f"no key for a {item.p} P of a subgroup", "P 0.04, log-rank P 0.04 or interaction P 0.4"
            )
        return [(f"{base}.{name}", p_of(item.text))]
    if item.arm in ROLES:
        cell = plain_cell(item.text)
        if cell.kind == "share" and cell.of:
            return [(f"{base}.arms.{item.arm}.events", cell.values[0]), (f"{base}.arms.{item.arm}.n", cell.of)]
        raise NotUnderstood(f"'{item.text}' is no number of events among patients", "12/50")
    if item.measure != "hr":
        raise NotUnderstood("no key for this measure of a subgroup", "HR 0.70 (0.50-0.90)")
    return ratio_of(base, item.text, _RATIO)


def _of_family(line: Line, item: LineItem, paper: PaperFile) -> KeysFound:
    head = line.head
    if item.arm not in ROLES:
        raise NotUnderstood(
            f"no key for this number of {head.family}", "one number for each arm; list the others under ignore"
        )
    base = f"{head.family}.{line.name}.{side_of(line.subject, paper)}.{item.arm}"
    if head.family == "modes":
        return _counts(line, base, item, "n", "patients with this mode", paper)
    names = {"range": ("median", "min", "max"), "quartiles": ("median", "q1", "q3")}.get(head.statistic, ("median",))
    cell = plain_cell(item.text)
    if cell.kind == "triple" and len(names) == 1:
        right = f"[{head.where}] exposure {line.subject.phase} median (range)   or   median (IQR)"
        raise NotUnderstood("whether the limits are a range or quartiles is not said", " ".join(right.split()))
    return amounts_of(base, item.text, names)


def _of_patients(subject: Subject, item: LineItem, paper: PaperFile) -> KeysFound:
    number = number_of(item.text, ("num",), "a number of patients")
    if item.p or item.measure:
        raise NotUnderstood("no key for this number of patients", "patients: 422")
    if subject.name != "patients":
        if item.arm != "all":
            raise NotUnderstood("pairs are of both arms", "pairs: 151")
        return [("matching.n_pairs", number)]
    side = side_of(subject, paper) if subject.phase else "before"
    if side == "after" and paper.design == "matched" and item.arm in ROLES:
        return [(f"matching.n_{item.arm}", number)]
    if side == "after":
        raise NotUnderstood(
            "no key for this number of patients", "patients after: one number for each arm, of a matched design"
        )
    return [("cohort.n" if item.arm == "all" else f"cohort.{item.arm}", number)]


def _of_outcome(line: Line, item: LineItem, paper: PaperFile) -> KeysFound:
    base = f"binary.{line.name}.{side_of(line.subject, paper)}"
    if line.subject.phase in ("adjusted",):
        raise NotUnderstood("no key for an adjusted number of an outcome", OUT)
    if item.arm in ROLES:
        return _counts(line, f"{base}.{item.arm}", item, "yes", "patients with it", paper)
    if item.measure in RISKS:
        ends = ("value", "low", "high")
        place = f"{base}.{item.measure}"
        if item.measure == "risk_difference":
            return amounts_of(place, item.text, ends, share=True)
        return ratio_of(place, item.text, ends)
    if item.p == "bare":
        return [(f"{base}.p", p_of(item.text))]
    endpoint = next(iter(paper.endpoints))
    raise NotUnderstood(
        f"'{line.subject.name}' is no endpoint, and has no such number",
        f"{endpoint} {line.subject.phase}: ...".replace(" :", ":"),
    )


def _announced(line: Line, item: LineItem, paper: PaperFile) -> list[str]:
    """The keys of what a line says is not printed: of an arm, a measure, a p-value, or of both arms."""
    subject, name = line.subject, line.name
    whose = [role for role in ROLES if item.arm in ("", role)]
    if name in ("pairs", "sets", "patients"):
        return ["cohort.n" if name == "patients" else "matching.n_pairs"]
    if line.head.family or not subject.endpoints:
        family = line.head.family or "binary"
        base = f"{family}.{name}.{side_of(subject, paper)}"
        last = {"modes": "percent", "exposure": "median"}.get(family, "yes")
        if item.measure or item.p:
            return [f"{base}.{item.measure}.value" if item.measure else f"{base}.p"]
        return [f"{base}.{arm}.{last}" for arm in whose]
    made = []
    for endpoint in subject.endpoints:
        base = f"endpoints.{endpoint}.{side_of(subject, paper)}"
        if subject.what == "in":
            made.append(f"{base}.subgroups[{line.row}].{'p' if item.p else 'hr'}")
        elif item.measure:
            place = measure_place(line, endpoint, item.measure, paper)
            made.append(place if item.measure in RISKS else f"{place}.hr")
        elif item.p:
            made.append(p_place(line, endpoint, item, paper))
        else:
            made += [key for arm in whose for key in _of_one_arm(subject, base, arm)]
    return made


def _of_one_arm(subject: Subject, base: str, arm: str) -> list[str]:
    """The keys of the number of an arm that a subject is about, its limits left out."""
    what = subject.what
    if subject.times:
        return [_timed(base, what, arm, time) for time in subject.times]
    places = {"": f"km.{arm}.median", "events": f"km.{arm}.events", "follow_up": f"follow_up.{arm}.median"}
    return [f"{base}.{places.get(what, f'competing_events.{arm}')}"]


def _timed(base: str, what: str, arm: str, time: str) -> str:
    return f"{base}.{what}.{arm}[{time}]" if "incidence" in what else f"{base}.km.{arm}.{what}[{time}]"


def _in_unit(subject: Subject, item: LineItem, paper: PaperFile, family: str) -> None:
    """Refuse a time in another unit than the paper's."""
    if family or not subject.endpoints or subject.what not in ("", "follow_up", "rmst"):
        return
    for word in re.findall(rf"\d\s*({UNIT})", item.text, re.IGNORECASE):
        if days_of(word) != days_of(paper.time_unit):
            told = f"'{item.text}' is not in {paper.time_unit}, which is the time_unit"
            raise NotUnderstood(told, f"the time in {paper.time_unit}, or another time_unit")


def _is_time(line: Line, endpoint: str, item: LineItem) -> None:
    cell = plain_cell(item.text)
    if cell.kind in ("share", "percent", "pair") or cell.signed:
        phase = line.subject.phase
        right = f"{endpoint} {phase} at 12: ...   or   {endpoint} {phase} events: ..."
        raise NotUnderstood(f"'{item.text}' is no median time", " ".join(right.split(" ")).replace("  at", " at"))


def _counts(line: Line, base: str, item: LineItem, count: str, what: str, paper: PaperFile) -> KeysFound:
    """Patients and their percentage; the arm's size where it is printed beside them."""
    text, modes = item.text, line.head.family == "modes"
    cell = cell_of(text, ("share", "num", "percent", "pair"), f"a number of {what}", "194 (76.7%)")
    if cell.kind == "percent":
        found = [(f"{base}.percent", cell.values[0])]
    else:
        if not modes:
            cell = _checked(line, cell, item, paper)
        found = list(zip((f"{base}.{count}", f"{base}.percent"), cell.values, strict=False))
        if cell.of and not modes:
            found.append((f"{base}.n", cell.of))
        if not cell.values[0].isdigit() or cell.kind == "pair":
            raise NotUnderstood(f"'{text}' is no whole number of {what}", "194 (76.7%)   or   76.7%")
    if any(float(value.lstrip("<>≤≥")) > 100 for key, value in found if key.endswith(".percent")):
        raise NotUnderstood(f"'{text}' is over 100 %", "194 (76.7%)")
    return found


def _checked(line: Line, cell: PastedCell, item: LineItem, paper: PaperFile) -> PastedCell:
    """The cell, a pair as a share where it is one; refused where it is a share of the other arm's patients instead."""
    side = side_of(line.subject, paper)
    other = "control" if item.arm == "treated" else "treated"
    own_size, other_size = line.sizes.get((side, item.arm)), line.sizes.get((side, other))
    if own_size is None or not cell.values[0].isdigit():
        return cell
    if int(cell.values[0]) > own_size:
        told = f"'{item.text}': more than the {own_size} patients of {getattr(paper.arms, item.arm)}"
        raise NotUnderstood(told, f"a number of at most {own_size}")
    if len(cell.values) == 2 and not cell.of:
        fitting = fits(cell.values, own_size)
        if not fitting and other_size is not None and other_size != own_size and fits(cell.values, other_size):
            arms = paper.arms
            told = f"'{item.text}' is a share of the {other_size} of {getattr(arms, other)}, not of the {own_size} here"
            raise NotUnderstood(told, f"{getattr(arms, other)} {item.text}")
        if cell.kind == "pair" and fitting:
            return replace(cell, kind="share")
    return cell
