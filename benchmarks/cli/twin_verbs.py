"""The verbs about a paper and its twin, `audit`, `calibrate` and `fidelity`: each returns its `Answer`."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from analysis.audit.published import NOT_PRINTED
from analysis.paper.number_tree import COMPETING
from benchmarks.asked.errors import RunError
from benchmarks.asked.free_places import free_paths
from benchmarks.asked.inherited_times import check_inherited_print
from benchmarks.asked.load_study import Asked
from benchmarks.asked.published_keys import check_paper, check_published, compared
from benchmarks.asked.scenario import Scenario
from benchmarks.asked.sizes import check_sizes
from benchmarks.twin import calibrate as calibration
from benchmarks.twin import fidelity as scorecard
from benchmarks.twin.audit_shown import audit_answer
from benchmarks.twin.listing import published_answer
from benchmarks.twin.shown import fidelity_answer, fit_answer
from benchmarks.twin.targets import targets_of
from benchmarks.words.answer import Answer, write_page
from benchmarks.words.key_words import PaperWords, words_of_paper
from benchmarks.workers.progress import Progress
from benchmarks.workers.warm_up import STUDY, ready_kernels
from simulator.cohort.estimand import TimeUnit
from simulator.documents.canonical import resolved_yaml
from simulator.documents.keys import split_key
from simulator.documents.loading import Document, DocumentError, Written, load, parse
from simulator.documents.spec import Name, Spec
from simulator.mechanisms.graph import TimeTo
from simulator.world.sections import Printed, usual_endpoints

ABOUT = ({"hr", "low", "high", "p"}, {"median", "low", "high"}, {"n", "yes", "percent"})
SCHEMA = "# yaml-language-server:"
FITTED = "fitted to the published numbers by `trialtwin calibrate`"


def fidelity(asked: Asked, jobs: int) -> Answer:
    """The scorecard of a world against its published numbers."""
    scenario = asked.scenario
    _needs_published(asked)
    check_sizes((scenario,), jobs)
    ready_kernels(_kernels(scenario))
    progress = Progress()
    found = scorecard.fidelity(
        scenario,
        scenario.run.replicates,
        scenario.run.seed,
        jobs,
        lambda done, total: progress("blocks of simulated studies", done, total),
        doubts(asked),
    )

    def page() -> str:
        from benchmarks.report import fidelity_report

        return fidelity_report(found, asked.document, scenario)

    return replace(fidelity_answer(found, words_of_paper(scenario)), page=page)


def _kernels(scenario: Scenario) -> tuple[str, ...]:
    """What its published numbers need compiled."""
    names = {split_key(key)[3].name for key in compared(scenario) if key.startswith("endpoints.")}
    return (*STUDY, "competing") if names & set(COMPETING) else STUDY


def published(asked: Asked) -> Answer:
    """Every number that the paper of a world could print."""
    return published_answer(asked.scenario)


def calibrate(asked: Asked, settings: tuple[str, ...], out: Path, jobs: int) -> Answer:
    """The fitted world, written to ``out``; it holds if it prints its paper.

    ``settings`` are those by which it was asked for.
    """
    scenario, document = asked.scenario, asked.document
    for text in settings:
        if not text.startswith("calibration"):
            raise RunError(f"{text}: only calibration.* can be set here; the fitted world would not hold the rest")
    _needs_published(asked)
    if not targets_of(compared(scenario), {}):
        raise RunError(f"{scenario.name}: no published number can be fitted; p-values and limits not reached cannot")
    if scenario.calibration is None or not scenario.calibration.free:
        raise RunError(f"{scenario.name}: no 'calibration.free' says what may be fitted")
    if out.suffix not in (".yaml", ".yml"):
        raise RunError(f"{out}: end the name in .yaml")
    world = Path(asked.document.files[-1])
    if not world.is_file():
        raise RunError(f"{world}: is no file, which the fitted world could extend; save it first")
    if out.resolve() == world.resolve():
        raise RunError(f"{out}: is the world itself; name another file, which will extend it")
    try:
        paths = free_paths(document, scenario.calibration)
    except ValueError as error:
        raise RunError(f"{scenario.name}: {error}") from None
    check_sizes((scenario,), jobs)
    ready_kernels(_kernels(scenario))
    try:
        fit = calibration.calibrate(scenario, document.tree, paths, jobs, Progress(), doubts(asked))
    except ValidationError as error:
        told = error.errors(include_url=False)[0]["msg"]
        raise RunError(f"{scenario.name}: the bounds of calibration.free allow what is no world: {told}") from None
    changed = sorted({_whole(path) for group in paths for path in group})
    write_page(out, fitted_yaml(asked, fit, changed, out))

    def page() -> str:
        from benchmarks.report import calibration_report

        return calibration_report(fit, document, scenario)

    return replace(fit_answer(fit, out, words_of_paper(scenario), scenario), page=page)


def fitted_yaml(asked: Asked, fit: calibration.Fit, changed: list[tuple[str, ...]], out: Path) -> str:
    """A document that extends the world and holds what was fitted."""
    tree: dict[str, Any] = {}
    for path in changed:
        here, value = tree, fit.tree
        for key in path[:-1]:
            here = here.setdefault(key, {})
        for key in path:
            value = value[key]
        here[path[-1]] = {"value": _rounded(value), "source": FITTED}
    base = os.path.relpath(asked.document.files[-1], out.parent)
    first = Path(asked.document.files[-1]).read_text("utf-8").splitlines()[0]
    head = first + "\n" if first.startswith(SCHEMA) else ""
    head += f"# Written by `trialtwin calibrate`; seed {fit.seed}, {fit.replicates} replicates.\n"
    head += f"# {fit.verdict.text}\n" if fit.verdict.bad else ""
    return head + resolved_yaml({"extends": base, "name": out.stem, **tree})


class PrintedPaper(Spec):
    """A document as far as its published numbers go."""

    published: dict[str, Printed] = Field(default_factory=dict)
    endpoints: dict[Name, TimeTo] = Field(default_factory=dict)
    time_unit: TimeUnit = "months"


def audit(name: str | Written, settings: tuple[str, ...]) -> Answer:
    """The findings of an audit, severe ones first, and which tests explain each table's p-values."""
    from analysis.audit import audit as find
    from analysis.audit import conventions

    document = load(name, settings, spec=Scenario)
    others = [key for key in document.tree if key not in PrintedPaper.model_fields]
    paper = parse(document, PrintedPaper, ignore=others)
    published, endpoints = paper.published, paper.endpoints or usual_endpoints(document.tree)
    plan = document.tree.get("analysis")
    primary = plan.get("primary", "matching") if isinstance(plan, dict) else "matching"
    if not published:
        raise RunError(f"{name}: has no published numbers")
    words = _check_keys(document, published)
    words = words or replace(words_of_paper(None), first=next(iter(endpoints), ""))
    try:
        findings = find(published, endpoints, primary, paper.time_unit)
        tests = [str(one) for one in conventions(published, primary)]
    except ValueError as error:
        raise RunError(f"{name}: published: {error}") from None

    count = sum(one.printed != NOT_PRINTED for one in published.values())

    def page() -> str:
        from benchmarks.report import audit_report

        return audit_report(findings, tests, str(document.tree.get("source", name)), count, words)

    return replace(audit_answer(findings, tests, count, words), page=page)


def _check_keys(document: Document, published: Mapping[str, Printed]) -> PaperWords | None:
    """What the world calls its numbers, None where the document is no whole world.

    DocumentError where a key is no number of the world, or of any paper where the document is no whole world.
    """
    words = None
    try:
        scenario = parse(document, Scenario)
    except DocumentError:
        check_paper(document, published)
    else:
        check_published(document, scenario)
        words = words_of_paper(scenario)
    check_inherited_print(document, published)
    return words


def doubts(asked: Asked) -> dict[str, tuple[str, ...]]:
    """What the audit says against published numbers, by key: its severe and moderate findings.

    A finding is held against the numbers that it is about, not against the counts by which they were checked.
    """
    from analysis.audit import audit as find

    found: dict[str, tuple[str, ...]] = {}
    try:
        scenario = asked.scenario
        findings = find(scenario.published, scenario.endpoints, scenario.analysis.primary, scenario.time_unit)
    except ValueError as error:
        raise RunError(f"{asked.scenario.name}: published: {error}") from None
    for finding in findings:
        kind = next((kind for kind in ABOUT if _last(finding.keys[0]) in kind), {_last(finding.keys[0])})
        if finding.severity == "note":
            continue
        for key in finding.keys:
            if _last(key) in kind and finding.check not in found.get(key, ()):
                found[key] = (*found.get(key, ()), finding.check)
    return found


def _last(key: str) -> str:
    return key.rpartition(".")[2]


def _needs_published(asked: Asked) -> None:
    scenario = asked.scenario
    if not compared(scenario):
        raise RunError(f"{scenario.name}: the world has no published numbers that a simulated study has, too")


def _whole(path: tuple[str, ...]) -> tuple[str, ...]:
    """The place that is written where one of its numbers was fitted: a whole list, all shares of a covariate."""
    shares = path[:2] == ("population", "covariates") and path[-2] == "shares"
    return path[:-1] if shares or path[-1].isdecimal() else path


def _rounded(value: Any) -> Any:
    """Numbers to seven significant digits: far below their standard errors. Shares still add up to 1."""
    if isinstance(value, Mapping):
        *others, last = value
        made = {name: _rounded(value[name]) for name in others}
        return made | {last: float(f"{1 - sum(made.values()):.7g}")}
    if isinstance(value, tuple):
        return tuple(_rounded(one) for one in value)
    return float(f"{value:.7g}")
