"""`trialtwin gallery`: an index page of finished studies, made from their run folders."""

import os
from pathlib import Path
from urllib.parse import quote

from benchmarks.asked.blocks import prepare
from benchmarks.asked.errors import RunError
from benchmarks.cli.verbs import own_study
from benchmarks.report import gallery_entry, gallery_page
from benchmarks.runs.store import RunFolder
from benchmarks.study import running
from benchmarks.words.answer import Answer, write_page
from simulator.documents.loading import DocumentError, shipped
from simulator.documents.problems import printable

ORDER = ("overview", "confounding", "time-zero", "effects", "follow-up", "records", "analysis")
"""The groups of the shipped studies, as `trialtwin list` has them."""
OTHER = "other"


def gallery(folder: Path, out: Path | None) -> Answer:
    """Write the page beside the run folders, or where asked; RunError where there is no finished run."""
    page = out or folder / "gallery.html"
    groups = {name: path.parent.name for name, path in shipped().items()}
    found, unfinished = [], []
    for place in sorted(path for path in _children(folder) if (path / "manifest.json").exists()):
        run = RunFolder(place)
        try:
            if not (run.whole(running.RESULTS) and (place / "truth.json").exists()):
                unfinished.append((place.name, "holds no complete run; the same command again finishes it"))
                continue
            if not (place / "report.html").exists():
                unfinished.append((place.name, f"has no report; trialtwin report {place.name} makes one"))
                continue
            asked = own_study(run)
            result = running.read_study(prepare(asked.cells), run)
        except (DocumentError, RunError) as error:
            unfinished.append((place.name, str(error).splitlines()[0]))
            continue
        link = quote(os.fsencode(os.path.relpath(place / "report.html", page.parent)))
        group = groups.get(asked.scenario.name, OTHER)
        found.append(gallery_entry(result, asked.scenario, link, group if group in ORDER else OTHER))
    if not found:
        raise RunError(f"{folder}: holds no finished run; name a folder of run folders, as runs/")
    write_page(page, gallery_page(found, unfinished, ORDER))
    keys = ("group", "name", "question", "verdict", "link")
    studies = [{key: getattr(one, key) for key in keys} for one in found]
    left_out = [{"folder": name, "why": why} for name, why in unfinished]
    left = f"; not finished: {', '.join(printable(name, 80) for name, _ in unfinished)}" if unfinished else ""
    data = {"page": page, "studies": studies, "unfinished": left_out}
    return Answer(data, lines=(f"wrote {page}: {len(found)} studies{left}",), written=page)


def _children(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir()]
    except OSError as error:
        raise RunError(f"{folder}: cannot be read ({error.strerror})") from None
