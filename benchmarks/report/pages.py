"""What stands on a page: the question and the verdict first, then what was assumed, results, how to reproduce."""

import base64
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from analysis.audit.paper import SEVERITIES, Finding
from analysis.cohort_analysis import CohortAnalysis
from analysis.cohort_spec import CohortSpec
from analysis.estimators import Estimator
from analysis.figures import balance, cohort, forest, survival
from analysis.figures.style import svg
from analysis.kernels.status import Status
from analysis.tables import all_tables
from benchmarks import paired, tables
from benchmarks.blocks import Cell
from benchmarks.fidelity import Fidelity, place
from benchmarks.performance import Measure
from benchmarks.report import charts
from benchmarks.scenario import Scenario
from benchmarks.study import StudyResult
from simulator.documents import Document, assumed, digest, shipped
from simulator.world import ENDPOINTS

CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
WORLD_SECTIONS = ("population", "treatment", "outcomes", "entry", "followup", "centres", "calendar", "imperfections")

ESTIMATES = {"before": "crude", "after": "matched"}


def study_report(result: StudyResult, document: Document, scenario: Scenario, held: dict[str, Any]) -> str:
    """The HTML report of a study."""
    return _page(
        "study.html",
        scenario=scenario,
        verdict=tables.verdict(result),
        assumptions=assumed(document, WORLD_SECTIONS),
        values=document.tree,
        sources=dict(sorted(document.sources.items())),
        files=document.files,
        cells=[_cell(result, cell) for cell in result.cells],
        described=[(one.name, _described(one)) for one in scenario.estimators],
        truths=_truths(result),
        methods=[pair for cell in result.cells for pair in paired.methods(result, cell)],
        paired_cells=paired.cells(result),
        failures=result.rows.failures().to_dict("records"),
        across=_across(result),
        published=published_rows(result, scenario),
        held=held,
        rows_sha256=result.rows_sha256,
        several=len(result.cells) > 1,
        at=_value_at,
    )


def question_report(shown: Any, command: str, document: Document, scenario: Scenario, versions: dict[str, str]) -> str:
    """The HTML report of an answered question: a `benchmarks.questions.shown.Shown` and the command that gave it."""
    return _page(
        "question.html",
        shown=shown,
        figure=_figure(shown.figure(), shown.alt),
        command=command,
        scenario=scenario,
        assumptions=assumed(document, WORLD_SECTIONS),
        values=document.tree,
        sources=dict(sorted(document.sources.items())),
        files=document.files,
        digest=digest(document.tree),
        versions=versions,
        at=_value_at,
    )


def gallery_page(entries: Sequence[dict[str, Any]], folder: str) -> str:
    """The HTML index of finished studies: each with its question, verdict, first figure and a link to its report."""
    return _page("gallery.html", entries=entries, folder=folder)


def gallery_entry(result: StudyResult, scenario: Scenario, link: str) -> dict[str, Any]:
    """What the index says of one study."""
    cell = result.cells[0]
    endpoint = cell.scenario.judged()[0][0]
    alt = f"{scenario.name}: bias and coverage of every estimator of {endpoint}"
    shown = f", cell {cell.number}" if len(result.cells) > 1 else ""
    return {
        "name": scenario.name,
        "question": scenario.question,
        "verdict": tables.verdict(result),
        "size": f"{len(result.cells)} cells" if shown else "one cell",
        "replicates": scenario.run.replicates,
        "figure": _figure(charts.lollipop(result, cell, endpoint), alt),
        "caption": f"{endpoint}{shown}",
        "link": link,
    }


def cohort_report(analysis: CohortAnalysis, spec: CohortSpec, file: str) -> str:
    """The HTML report of one analysed cohort."""
    unit = spec.data.time_unit
    curves = [
        (
            f"{analysis.endpoints[name].label}, {when} matching",
            _figure(
                survival.kaplan_meier_of(analysis, name, when, unit),
                f"Kaplan-Meier curves of {analysis.endpoints[name].label} by arm, {when} matching",
            ),
        )
        for name in analysis.endpoints
        for when in ("before", "after")
    ]
    forests = [
        (
            f"{analysis.endpoints[name].label}: subgroups after matching",
            _figure(
                forest.forest_of(analysis, name),
                f"Hazard ratios of {analysis.endpoints[name].label} by subgroup",
            ),
        )
        for name in analysis.endpoints
        if analysis.endpoints[name].after.subgroups
    ]
    flow = _figure(cohort.flow_of(analysis), "Patients before matching, not matched and matched, by arm")
    scores = _figure(balance.overlap_of(analysis), "Propensity scores of both arms before and after matching")
    outcomes = [
        (
            f"Yes/no outcomes, {when} matching",
            _figure(cohort.butterfly_of(analysis, when), f"Outcomes of both arms in percent, {when} matching"),
        )
        for when in ("before", "after")
        if analysis.binary
    ]
    love = _figure(balance.love_of(analysis), "Standardised mean differences before and after matching")
    return _page(
        "cohort.html",
        title=spec.title,
        file=file,
        analysis=analysis,
        tables=all_tables(analysis),
        figures=[("Patients", flow), ("Propensity scores", scores), ("Balance", love), *curves, *forests, *outcomes],
        plan=spec.analysis,
        Status=Status,
    )


def fidelity_report(found: Fidelity, scenario: Scenario) -> str:
    """The HTML report of a scorecard."""
    places = list(dict.fromkeys(place(one.where) for one in found.scores))
    whole = found.totals[-1]
    return _page(
        "fidelity.html",
        scenario=scenario,
        found=found,
        verdict=(
            f"{whole.inside} of {whole.numbers} printed numbers lie in the central 95 % of what this world prints"
            + (f"; {whole.doubtful} doubtful ones are not counted." if whole.doubtful else ".")
        ),
        outside=[one for one in found.scores if not one.inside],
        by_place=[(name, [one for one in found.scores if place(one.where) == name]) for name in places],
    )


def audit_report(findings: Sequence[Finding], tests: Sequence[object], title: str, numbers: int) -> str:
    """The HTML report of an audit."""
    counts = {severity: sum(one.severity == severity for one in findings) for severity in SEVERITIES}
    told = ", ".join(f"{count} {severity}" for severity, count in counts.items() if count)
    return _page(
        "audit.html",
        title=title,
        verdict=f"Of {numbers} printed numbers the arithmetic contradicts some: {told}."
        if findings
        else f"{numbers} printed numbers, and the arithmetic contradicts none of them.",
        groups=[(name, [one for one in findings if one.severity == name]) for name in SEVERITIES if counts[name]],
        tests=[str(one) for one in tests],
    )


def published_rows(result: StudyResult, scenario: Scenario) -> list[dict[str, str]]:
    """Published hazard ratios beside the same analysis of the replicates of the first cell."""
    rows = []
    for endpoint in ENDPOINTS:
        for when, estimator in ESTIMATES.items():
            printed = {
                part: scenario.published.get(f"endpoints.{endpoint}.{when}.cox.{part}")
                for part in ("hr", "low", "high")
            }
            if printed["hr"] is None or (endpoint, estimator) not in result.rows.layout.keys[0]:
                continue
            numbers, _ = result.rows.of(0, endpoint, estimator)
            values = np.exp(numbers["value"][np.isfinite(numbers["value"])])
            if not len(values):
                continue
            low, middle, high = np.quantile(values, (0.025, 0.5, 0.975))
            hr = printed["hr"]
            interval = [one.printed for one in (printed["low"], printed["high"]) if one is not None]
            rows.append(
                {
                    "what": f"{endpoint} hazard ratio {when} matching",
                    "printed": hr.printed + (f" ({'–'.join(interval)})" if interval else ""),
                    "where": hr.where,
                    "simulated": f"{middle:.2f} ({low:.2f}–{high:.2f})",
                    "estimator": estimator,
                    "inside": "yes" if low <= float(hr.printed) <= high else "no",
                }
            )
    return rows


def _cell(result: StudyResult, cell: Cell) -> dict[str, Any]:
    header, rows = tables.performance_rows(result, cell)
    judged = cell.scenario.judged()
    every: dict[str, dict[str, dict[str, Measure]]] = {endpoint: {} for endpoint, _ in judged}
    for endpoint, estimator in judged:
        every[endpoint][estimator.name] = tables.measures(result, cell.number, endpoint, estimator.name)
    figures = [
        (
            f"{endpoint}: bias and coverage; bars: 1.96 Monte Carlo standard errors",
            _figure(charts.lollipop(result, cell, endpoint), f"Bias and coverage of every estimator of {endpoint}"),
        )
        for endpoint in every
    ]
    for endpoint in every if cell.number == 0 else ():
        ridges, zipped = charts.replicates(result, cell, endpoint), charts.zip_of(result, cell, endpoint)
        if ridges is not None:
            caption = f"{endpoint}: estimates of the replicates; bars: truths"
            published = f"endpoints.{endpoint}.after.cox.hr" in cell.scenario.published
            caption += "; dashed: published after matching" if published else ""
            figures.append((caption, _figure(ridges, f"Density of the estimates of {endpoint} by estimator")))
        if zipped is not None:
            caption = f"{endpoint}: intervals by their distance from the truth; coloured ones miss it"
            figures.append((caption, _figure(zipped, f"Intervals of the replicates of {endpoint} by estimator")))
    return {
        "number": cell.number,
        "settings": tables.settings_text(cell.settings),
        "header": header,
        "rows": rows,
        "figures": figures,
        "every": every,
    }


def _across(result: StudyResult) -> list[tuple[str, Markup]]:
    """The cells side by side, a figure for each endpoint that has one."""
    found = []
    for endpoint in dict.fromkeys(where for where, _ in result.cells[0].scenario.judged()):
        figure = charts.across(result, endpoint)
        if figure is not None:
            found.append((f"{endpoint}: bias in every cell", _figure(figure, f"Bias of {endpoint} over the cells")))
    return found


def _described(estimator: Estimator) -> str:
    """The first sentence of an estimator's documentation, and its options where they are not the usual ones."""
    first = " ".join((type(estimator).__doc__ or "").split("\n\n")[0].split()).replace("``", "")
    options = estimator.model_dump(mode="json", exclude_defaults=True, exclude={"kind", "name", "endpoints"})
    told = re.sub("[][{}'\"]", "", "; ".join(f"{key}: {value}" for key, value in options.items()))
    return first.split(". ")[0].rstrip(".") + (f" ({told})." if told else ".")


def _truths(result: StudyResult) -> list[dict[str, Any]]:
    return [
        {
            "cell": cell,
            "endpoint": endpoint,
            "estimator": estimator,
            "population": truth.estimand.population,
            "measure": tables.measure_of(truth.estimand),
            "given": ", ".join(truth.estimand.adjusted_for),
            "value": tables.with_error(Measure(truth.value, truth.mcse), 4),
            "shown": tables.number(tables.natural(truth.estimand, truth.value)),
            "how": truth.how,
        }
        for (cell, endpoint, estimator), truth in result.truths.items()
    ]


def _value_at(tree: dict[str, Any], path: str) -> str:
    """The value at a dotted path whose keys may hold dots themselves."""
    found: Any = tree
    rest = path
    while rest and isinstance(found, dict):
        key = max((key for key in found if rest == key or rest.startswith(f"{key}.")), key=len, default=None)
        if key is None:
            return ""
        found, rest = found[key], rest[len(key) + 1 :]
    return ", ".join(map(str, found)) if isinstance(found, tuple) else str(found)


def _figure(figure: Any, description: str) -> Markup:
    """The figure as inline SVG with a description for those who cannot see it."""
    text = svg(figure)
    text = CONTROLS.sub("", text[text.index("<svg") :])
    label = Markup.escape(CONTROLS.sub("", description))
    return Markup(text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1))  # our own SVG


def _page(template: str, **content: Any) -> str:
    environment = Environment(
        loader=PackageLoader("benchmarks.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_clean,
    )
    environment.filters |= {"file": _shipped_name, "number": tables.number, "with_error": tables.with_error}
    environment.filters |= {"percent": tables.percent}
    script = environment.loader.get_source(environment, "tables.js")[0] if environment.loader else ""
    digested = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()  # no other script may run
    made = environment.get_template(template)
    return made.render(script=Markup(script), script_sha256=digested, **content)  # our own script


def _shipped_name(path: object) -> str:
    """A shipped document by its name, whatever machine it was read on; any other file as it was named."""
    name = Path(str(path)).stem
    known = shipped().get(name)
    return name if known is not None and known.resolve() == Path(str(path)).resolve() else str(path)


def _clean(value: object) -> object:
    return CONTROLS.sub("", value) if type(value) is str else value
