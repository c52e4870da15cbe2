"""The index of finished studies, with thumbnails, by group."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.asked.scenario import Scenario
from benchmarks.report import charts
from benchmarks.report.breaking import sentences
from benchmarks.report.engine import Picture, anchors_of, picture, rendered
from benchmarks.study.running import StudyResult
from benchmarks.words.analysis_names import endpoint_label
from benchmarks.words.verdicts import verdict


@dataclass(frozen=True)
class GalleryEntry:
    """What the index says of one study."""

    group: str
    name: str
    question: str
    verdict: str
    size: str
    picture: Picture | None
    link: str

    @property
    def found(self) -> list[str]:
        """The sentences of the verdict."""
        return sentences(self.verdict)


def gallery_page(entries: Sequence[GalleryEntry], unfinished: Sequence[tuple[str, str]], order: Sequence[str]) -> str:
    """The HTML index: groups in that order, then those that are not in it; ``unfinished`` are folders and why."""
    names = dict.fromkeys([*order, *(one.group for one in entries)])
    groups = [
        (anchor, name, [one for one in entries if one.group == name])
        for anchor, name in zip(anchors_of(list(names)), names, strict=True)
    ]
    count = len(entries)
    left = f"; {len(unfinished)} more folders not shown" if unfinished else ""
    content = {
        "heading": "What the studies found",
        "verdict": f"{count} finished stud{'y' if count == 1 else 'ies'}{left}: questions, figures, links to reports.",
        "groups": [one for one in groups if one[2]],
        "unfinished": unfinished,
    }
    return rendered("gallery.html", content)


def gallery_entry(result: StudyResult, scenario: Scenario, link: str, group: str) -> GalleryEntry:
    """What the index says of one study."""
    cell = result.cells[0]
    endpoint = cell.scenario.judged()[0][0]
    count = len(result.cells)
    across = charts.across(result, endpoint) if count > 1 else None
    drawn = across.figure if across else charts.lollipop(result, cell, endpoint)
    what = f"{endpoint_label(cell.scenario, endpoint)}: distance from the truth" + ("" if across else ", and coverage")
    return GalleryEntry(
        group,
        scenario.name,
        scenario.question,
        verdict(result),
        f"{scenario.run.replicates:,} simulated studies{f' in each of {count} settings' if count > 1 else ''}, "
        f"{len(scenario.estimators)} analys{'es' if len(scenario.estimators) > 1 else 'is'}",
        picture(drawn, f"{what}.", f"{scenario.name}: {what}") if drawn is not None else None,
        link,
    )
