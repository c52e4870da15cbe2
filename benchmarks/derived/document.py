"""The document of a derived world: all parts together, in the order of a shipped world, and its YAML text."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil
from textwrap import wrap
from typing import Any

from analysis.audit.published import p_of_one_level
from benchmarks.derived.compared_keys import not_simulated
from benchmarks.derived.confounding import confounded
from benchmarks.derived.course import DerivedCourse, course_of
from benchmarks.derived.covariates import covariates_of
from benchmarks.derived.overlap import with_overlap
from benchmarks.derived.paper_numbers import PaperNumbers
from benchmarks.derived.parts import Assumption, Contradiction, Tree
from benchmarks.derived.plan import plan_of
from benchmarks.derived.printed import printed_numbers
from benchmarks.derived.propensity import treatment_of
from benchmarks.derived.recorded import recorded_of
from benchmarks.pasted.paper_file import PaperArms
from benchmarks.pasted.reading import Reading
from simulator.documents.yaml12 import plain_value
from simulator.world.sections import Printed

WIDTH = 120
MANY = 6  # numbers of one mapping that get a line each
SEED = 20_190_101
SPARE, LEAST_LIVING = 1.15, 0.1  # how many more are screened than needed on the average; at most ten times as many
SECTIONS = {
    "population": "Margins of both arms together.",
    "treatment": "Who is treated: the log odds at which both arms have their printed margins.",
    "outcomes": "The course of the disease, and what is recorded of it.",
    "calibration": "What calibration may change: prior mean and SD (of the logarithm on the scale log), and bounds.",
    "published": "Numbers as printed, by their place in the result of the analysis; never used by the simulation.",
}
_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_PLAIN = re.compile(r"[A-Za-z_≤≥<(][^\x00-\x1f#:,\[\]{}&*!|%@`\"'\\]*")


@dataclass(frozen=True)
class Derived:
    """A world derived from a paper: its document, what was assumed, where the print contradicts itself.

    ``questions`` are those contradictions that only the reader of the paper can settle, ``findings`` the others;
    ``said`` what was decided by rule and is no number; ``not_stated`` the choices of the analysis that nothing says.
    """

    tree: Tree
    assumed: tuple[Assumption, ...]
    findings: tuple[Contradiction, ...]
    questions: tuple[Contradiction, ...]
    said: tuple[str, ...] = ()
    not_stated: tuple[str, ...] = ()


def derive(reading: Reading) -> Derived:
    """The world of a paper as read; DeriveError in one line where none can be made of it."""
    reading = with_arm_names(reading)
    paper, numbers = reading.paper, PaperNumbers(reading)
    covariates = covariates_of(numbers)
    plan = plan_of(numbers, covariates)
    covariates = with_overlap(printed_numbers(reading), paper.endpoints, covariates, numbers.share, plan.tree)
    treatment = treatment_of(numbers, covariates)
    recorded = recorded_of(numbers)
    course = course_of(reading, covariates.levels)
    outcomes, along = confounded(
        printed_numbers(reading), course.endpoints, covariates, treatment.tree, course.outcomes
    )
    said = [*covariates.said, *treatment.said, *recorded.said, *plan.told]
    outcomes = {**outcomes, **recorded.outcomes}
    if "progression_modes" in outcomes and not passes(course.outcomes):
        del outcomes["progression_modes"]
        said.append("modes of progression are left out: the course has no state that is left again")
    entry, selecting = entry_of(recorded.entry, course)
    tree: Tree = {"name": paper.name, "source": paper.source}
    if paper.question:
        tree["question"] = paper.question
    tree["arms"] = paper.arms.model_dump(exclude_none=True)
    if paper.time_unit != "months":
        tree["time_unit"] = paper.time_unit
    tree |= {
        "population": covariates.tree,
        "treatment": treatment.tree,
        "outcomes": outcomes,
        "endpoints": course.endpoints,
        "entry": entry,
        "followup": course.followup,
        "analysis": {**plan.tree, **({"not_stated": list(plan.not_stated)} if plan.not_stated else {})},
        "run": {"replicates": 1000, "seed": SEED},
        "calibration": {"free": {**course.free, **treatment.free, **recorded.free}},
    }
    simulated = {key: one.printed for key, one in reading.published.items() if not one.audit_only}
    beyond = not_simulated(tree, covariates, simulated)
    of_one = p_of_one_level(simulated) - beyond
    if beyond:
        first = next(key for key in reading.published if key in beyond)
        said.append(f"{len(beyond)} printed numbers are for the audit alone: the world has none such ({first}, ...)")
    if of_one:
        first = next(key for key in reading.published if key in of_one)
        said.append(
            f"{len(of_one)} p-values are of one level against the others, and for the audit alone ({first}, ...)"
        )
    tree["published"] = {
        key: as_written(one) | ({"audit_only": True} if key in beyond | of_one else {})
        for key, one in reading.published.items()
    }
    return Derived(
        tree,
        (*covariates.assumed, *treatment.assumed, *recorded.assumed, *course.assumed, *along, *selecting),
        course.findings,
        (*covariates.questions, *course.questions), tuple(said), plan.not_stated,
    )  # fmt: skip


def entry_of(recorded: Tree, course: DerivedCourse) -> tuple[Tree, tuple[Assumption, ...]]:
    """The section ``entry``, and what is assumed of whom it selects.

    So many are screened that an arm is full though only the share ``living`` of the course may have received enough.
    """
    entry = {**course.entry, **recorded}
    if "screened" not in recorded:
        return entry, ()
    entry["screened"] = max(recorded["screened"], ceil(10 * SPARE / max(course.living, LEAST_LIVING)) / 10)
    why = "how many are screened for one who received enough is not printed; enough to fill both arms"
    return entry, (Assumption("entry.screened", entry["screened"], 0.2, why),)


def with_arm_names(reading: Reading) -> Reading:
    """The reading with arms that a world takes as names: "No statin" is No-statin, also where paper.yaml says it."""
    paper = reading.paper
    words = (paper.arms.control, paper.arms.treated)
    names = [_NAME.sub("-", word)[:60].strip("-._") for word in words]
    names = [name if name[:1].isalpha() else f"arm-{name}".strip("-") for name in names]
    if len({name.casefold() for name in names}) < len(names):
        names = ["control", "treated"]
    if tuple(names) == words:
        return reading
    pairs = sorted(zip(words, names, strict=True), key=lambda pair: -len(pair[0]))

    def renamed(said: Mapping[str, str]) -> dict[str, str]:
        texts = dict(said)
        for word, name in pairs:
            pattern = rf"(?<![\w-]){re.escape(word)}(?![\w-])"
            texts = {key: re.sub(pattern, lambda _, name=name: name, text) for key, text in texts.items()}  # type: ignore[misc]
        return texts

    labels = (paper.arms.control_label or words[0], paper.arms.treated_label or words[1])
    shown = [label if label != name else None for label, name in zip(labels, names, strict=True)]
    arms = PaperArms(control=names[0], treated=names[1], control_label=shown[0], treated_label=shown[1])
    said = {"arms": arms, "eligibility": renamed(paper.eligibility), "exposure": renamed(paper.exposure)}
    return replace(reading, paper=paper.model_copy(update=said))


def passes(outcomes: Tree) -> bool:
    """Whether the course has a state that is entered and left again."""
    transitions = outcomes.get("transitions", {})
    starts = {state for one in transitions.values() for state in _listed(one.get("from", ()))}
    return "progression" in outcomes or bool(starts & {one.get("to") for one in transitions.values()})


def as_written(one: Printed) -> Tree:
    """A published number as a document says it."""
    return one.model_dump(mode="json", exclude_defaults=True)


def as_yaml(derived: Derived) -> str:
    """The document as YAML, with what was assumed and what is told of it in comments."""
    lines = [
        "# yaml-language-server: $schema=../schema/scenario.json",
        "# Derived from the paper as pasted; each value has its formula as its source. `trialtwin calibrate` fits it.",
    ]
    notes = [f"{one.path} = {one.value}: {one.why}" for one in derived.assumed]
    for title, texts in (("Assumed:", notes), ("Decided by rule:", derived.said)):
        if texts:
            lines.append(f"# {title}")
            lines += [line for text in texts for line in _comment(text)]
    for section, part in derived.tree.items():
        if isinstance(part, Mapping) and section not in ("arms", "run"):
            lines.append("")
        if section in SECTIONS:
            lines.append(f"# {SECTIONS[section]}")
        lines += written(section, part, 0)
    return "\n".join(lines) + "\n"


def written(key: str, part: Any, indent: int) -> list[str]:
    """The lines of a key with its value: on one line where that is short enough, else a line for each part."""
    start = f"{' ' * indent}{_text(key)}:"
    flat = f"{start} {_flow(part)}"
    if not isinstance(part, Mapping) or not part:
        return [flat]
    leaf = part.keys() == {"value", "source"}
    nested = not leaf and any(isinstance(one, Mapping) and "value" not in one for one in part.values())
    if len(flat) <= WIDTH and (indent or key in ("arms", "run", "treatment")) and not nested:
        return [flat]
    if part.keys() <= {"printed", "where", "also", "note", "audit_only", "of_known"} and "printed" in part:
        return [flat]
    if len(part) > MANY and all(isinstance(one, int | float) for one in part.values()):
        kept = flat.replace(": ", ":\0")  # a key and its value stay on one line
        lines = wrap(kept, WIDTH, subsequent_indent=" " * (indent + 2), break_on_hyphens=False)
        return [line.replace("\0", " ") for line in lines]
    return [start, *(line for name, one in part.items() for line in written(str(name), one, indent + 2))]


def _flow(part: Any) -> str:
    if isinstance(part, Mapping):
        return "{" + ", ".join(f"{_text(str(key))}: {_flow(one)}" for key, one in part.items()) + "}"
    if isinstance(part, list | tuple):
        return "[" + ", ".join(_flow(one) for one in part) + "]"
    if part is None or isinstance(part, bool):
        return json.dumps(part)
    if isinstance(part, int | float):
        return _number(part)
    return _text(str(part))


def _number(value: float) -> str:
    return repr(value) if isinstance(value, int) else f"{value:.10g}" if value % 1 else f"{value:.1f}"


def _text(text: str) -> str:
    """A text in YAML: plain where it can be read as nothing else."""
    plain = _PLAIN.fullmatch(text) and text == text.strip() and isinstance(plain_value(text), str)
    return text if plain else json.dumps(text, ensure_ascii=False)


def _comment(text: str) -> list[str]:
    clean = re.sub(r"\s+", " ", "".join(one if one.isprintable() else " " for one in text))
    return [f"# {line}" for line in wrap(clean, WIDTH - 6, initial_indent="* ", subsequent_indent="  ")]


def _listed(part: Any) -> tuple[Any, ...]:
    return tuple(part) if isinstance(part, list | tuple) else (part,)
