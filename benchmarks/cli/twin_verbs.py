"""The verbs about a paper and its twin, `audit`, `calibrate` and `fidelity`: each returns the text to print."""

import json
import os
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from analysis.audit.paper import SEVERITIES, Finding
from benchmarks.asked.errors import RunError
from benchmarks.asked.load_study import Asked
from benchmarks.asked.published_keys import check_paper, check_published, compared
from benchmarks.asked.scenario import Scenario
from benchmarks.asked.sizes import check_sizes
from benchmarks.twin import calibrate as calibration
from benchmarks.twin import fidelity as scorecard
from benchmarks.twin.absolute_fit import AbsoluteFit
from benchmarks.twin.targets import free_paths, targets_of
from benchmarks.words.plain_text import WIDTH, aligned, number
from benchmarks.words.written import write_page
from benchmarks.workers.progress import Progress
from benchmarks.workers.warm_up import STUDY, ready_kernels
from simulator.documents.canonical import resolved_yaml
from simulator.documents.loading import Document, DocumentError, load, parse
from simulator.documents.spec import Spec
from simulator.world.sections import Printed

ABOUT = ({"hr", "low", "high", "p"}, {"median", "low", "high"}, {"n", "yes", "percent"})
SCHEMA = "# yaml-language-server:"
FITTED = "fitted to the published numbers by `trialtwin calibrate`"


def fidelity(asked: Asked, jobs: int, report_out: Path | None, as_json: bool) -> str:
    """The scorecard as tables or JSON, its report page written where asked."""
    scenario = asked.scenario
    _needs_published(asked)
    check_sizes((scenario,), jobs)
    ready_kernels(STUDY)
    progress = Progress()
    found = scorecard.fidelity(
        scenario,
        scenario.run.replicates,
        scenario.run.seed,
        jobs,
        lambda done, total: progress("blocks of replicates", done, total),
        doubts(asked),
    )
    if report_out is not None:
        from benchmarks.report import fidelity_report

        write_page(report_out, fidelity_report(found, asked.document, scenario))
    if as_json:
        return json.dumps(_plain(asdict(found)), indent=2, allow_nan=False)
    return fidelity_text(found)


def fidelity_text(found: scorecard.Fidelity) -> str:
    """Totals by table, every number outside, and the flow of patients."""
    rows = [
        (total.where, f"{total.inside} of {total.numbers}", _percent(total.inside, total.numbers), str(total.doubtful))
        for total in found.totals
    ]
    outside = [
        (one.key, one.printed, number(one.median), f"{number(one.low)} to {number(one.high)}", "; ".join(one.doubts))
        for one in found.scores
        if not one.inside
    ]
    flow = [(name, f"{count:.1f}") for name, count in found.flow]
    left_out = [f"no replicate has, and not compared: {', '.join(found.left_out)}", ""] if found.left_out else []
    return "\n".join(
        [
            aligned(("printed in", "inside", "%", "doubtful, not counted"), rows),
            "",
            f"outside the central 95 % of {found.replicates:,} replicates:",
            aligned(("number", "printed", "median", "central 95 %", "doubt"), outside) if outside else "none",
            "",
            *left_out,
            "patients, mean of the replicates:",
            aligned(("", "patients"), flow),
        ]
    )


def calibrate(
    asked: Asked, settings: tuple[str, ...], out: Path, jobs: int, report_out: Path | None, as_json: bool
) -> tuple[str, bool]:
    """The fitted world written, its page where asked; its tables or JSON, and whether it fits its paper.

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
    if out.resolve() == Path(asked.document.files[-1]).resolve():
        raise RunError(f"{out}: is the world itself; name another file, which will extend it")
    try:
        paths = free_paths(document, scenario.calibration)
    except ValueError as error:
        raise RunError(f"{scenario.name}: {error}") from None
    check_sizes((scenario,), jobs)
    ready_kernels(STUDY)
    try:
        fit = calibration.calibrate(scenario, document.tree, paths, jobs, Progress(), doubts(asked))
    except ValidationError as error:
        told = error.errors(include_url=False)[0]["msg"]
        raise RunError(f"{scenario.name}: the bounds of calibration.free allow what is no world: {told}") from None
    changed = sorted({path[:-1] if path[-1].isdecimal() else path for group in paths for path in group})
    write_page(out, fitted_yaml(asked, fit, changed, out))
    if report_out is not None:
        from benchmarks.report import calibration_report

        write_page(report_out, calibration_report(fit, document, scenario))
    if as_json:
        described = {name: part for name, part in asdict(fit).items() if name != "tree"}
        return json.dumps(_plain(described), indent=2, allow_nan=False), not fit.verdict.bad
    return fit_text(fit, out), not fit.verdict.bad


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


def fit_text(fit: calibration.Fit, out: Path) -> str:
    """The fitted parameters with what the paper says of them, where it began, and what of the paper is not met."""
    parameters = [
        (
            one.name,
            f"{one.start:.4g}",
            f"{one.fitted:.4g}",
            f"{one.se:.2g}" + (" (log)" if one.scale == "log" else ""),
            f"{100 * one.pinned:.0f}" + (" at its bound" if one.at_bound else ""),
        )
        for one in fit.parameters
    ]
    used = [one for one in fit.targets if isfinite(one.z)]
    targets = [
        (one.key + (" (doubtful)" if one.doubtful else ""), one.printed, f"{one.simulated:.4g}", f"{one.z:+.2f}")
        for one in sorted(used, key=lambda one: -abs(one.z))[:20]
    ]
    starts = [
        (one.name + (" (taken)" if one.taken else ""), f"{one.at_first:.1f}", f"{one.at_last:.1f}")
        for one in fit.starts
    ]
    loose = [one.name for one in fit.parameters if one.pinned < 0.1]
    return "\n".join(
        [
            aligned(("parameter", "start", "fitted", "SE", "pinned down %"), parameters),
            "",
            f"the furthest of {len(used)} targets (simulated mean; distance in sampling SDs of the number):",
            aligned(("target", "printed", "simulated", "distance"), targets),
            "",
            "where the search began, with few replicates (sums of squares by common sampling SDs):",
            aligned(("start", "there", "at its end"), starts),
            "",
            f"sum of squares {fit.losses[0]:.1f} at the start, {fit.losses[-1]:.1f} at the end",
            "not pinned down by the paper (under 10 %): " + (", ".join(loose) or "none"),
            f"fitted world {out}",
            "",
            *verdict_lines(fit.verdict),
        ]
    )


def verdict_lines(verdict: AbsoluteFit) -> list[str]:
    """What of the paper the fitted world does not print, worst first, and what could not be fitted."""
    outside = [
        (one.key, one.printed, number(one.median), f"{number(one.low)} to {number(one.high)}", _far(one.distance))
        for one in verdict.outside
    ]
    unused = [(one.key, one.printed, one.why) for one in verdict.unused]
    heads = ("outside, worst first", "printed", "median", "central 95 %", "SDs away")
    return [
        *textwrap.wrap(verdict.text, WIDTH),
        *(["", aligned(heads, outside)] if outside else []),
        *(["", aligned(("could not be fitted", "printed", "why"), unused)] if unused else []),
    ]


def _far(distance: float) -> str:
    return f"{distance:.1f}" if isfinite(distance) else "no limit"


class PrintedPaper(Spec):
    """A document as far as its published numbers go."""

    published: dict[str, Printed] = Field(default_factory=dict)


def audit(name: str, settings: tuple[str, ...], report_out: Path | None, as_json: bool) -> str:
    """The findings of an audit, severe ones first, and which tests explain each table's p-values."""
    from analysis.audit import audit as find
    from analysis.audit import conventions

    document = load(name, settings, spec=Scenario)
    published = parse(document, PrintedPaper, ignore=[key for key in document.tree if key != "published"]).published
    if not published:
        raise RunError(f"{name}: has no published numbers")
    _check_keys(document, published)
    try:
        findings, tests = find(published), conventions(published)
    except ValueError as error:
        raise RunError(f"{name}: published: {error}") from None
    title = str(document.tree.get("source", name))
    if report_out is not None:
        from benchmarks.report import audit_report

        write_page(report_out, audit_report(findings, tests, title, len(published)))
    if as_json:
        described = {
            "numbers": len(published),
            "findings": [asdict(finding) for finding in findings],
            "tests": [str(one) for one in tests],
        }
        return json.dumps(_plain(described), indent=2, allow_nan=False)
    return audit_text(findings, [str(one) for one in tests], len(published))


def _check_keys(document: Document, published: Mapping[str, Printed]) -> None:
    """DocumentError where a key is no number of the world, or of any paper where the document is no whole world."""
    try:
        scenario = parse(document, Scenario)
    except DocumentError:
        check_paper(document, published)
    else:
        check_published(document, scenario)


def audit_text(findings: Sequence[Finding], tests: Sequence[str], numbers: int) -> str:
    """The findings one under the other: what was found, the arithmetic, what would be consistent."""
    counts = Counter(finding.severity for finding in findings)
    told = ", ".join(f"{counts[severity]} {severity}" for severity in SEVERITIES if counts[severity])
    parts = [f"{numbers} printed numbers: {told or 'nothing found'}"]
    for finding in findings:
        where = f"{finding.severity}: {finding.check} ({finding.where})"
        parts += ["", *textwrap.wrap(where, WIDTH), *_indented(", ".join(finding.keys[:3]))]
        parts += [*_indented(finding.arithmetic), *_indented(f"consistent: {finding.consistent}")]
    return "\n".join(
        [*parts, "", "which tests explain the p-values:", *(line for one in tests for line in _indented(one))]
    )


def _indented(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)


def doubts(asked: Asked) -> dict[str, tuple[str, ...]]:
    """What the audit says against published numbers, by key: its severe and moderate findings.

    A finding is held against the numbers that it is about, not against the counts by which they were checked.
    """
    from analysis.audit import audit as find

    found: dict[str, tuple[str, ...]] = {}
    try:
        findings = find(asked.scenario.published)
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
        raise RunError(f"{scenario.name}: the world has no published numbers of which its replicates have any")
    matching = scenario.analysis.matching
    if matching.ratio != 1 or matching.replacement:
        what = "ratio: 1" if matching.ratio != 1 else "replacement: false"
        raise RunError(f"{scenario.name}: analysis.matching: printed numbers are those of matching 1:1; write '{what}'")


def _rounded(value: Any) -> Any:
    """Numbers to seven significant digits: far below their standard errors."""
    if isinstance(value, tuple):
        return tuple(_rounded(one) for one in value)
    return float(f"{value:.7g}")


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else "-"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not isfinite(value):
        return None
    return value
