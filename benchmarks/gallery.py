"""`trialtwin gallery`: an index page of finished studies, made from their run folders."""

import os
from pathlib import Path
from urllib.parse import quote

from benchmarks import study
from benchmarks.blocks import prepare
from benchmarks.report import gallery_entry, gallery_page
from benchmarks.store import RunError, RunFolder
from benchmarks.verbs import load_study


def gallery(folder: Path, out: Path | None) -> str:
    """Write the page beside the run folders, or where asked; RunError where there is no finished run."""
    page = out or folder / "gallery.html"
    found, unfinished = [], []
    for place in sorted(path for path in _children(folder) if (path / "manifest.json").exists()):
        run = RunFolder(place)
        if not (run.whole(study.RESULTS) and (place / "truth.json").exists()):
            unfinished.append(place.name)
            continue
        asked = load_study(str(place / "scenario.yaml"))
        result = study.read_study(prepare(asked.cells), run)
        link = quote(os.path.relpath(str(place / "report.html"), str(page.parent)))
        found.append(gallery_entry(result, asked.scenario, link))
    if not found:
        raise RunError(f"{folder}: holds no finished run; name a folder of run folders, as runs/")
    try:
        page.write_text(gallery_page(found, folder.name or str(folder)), encoding="utf-8")
    except OSError as error:
        raise RunError(f"{page}: cannot be written ({error.strerror})") from None
    left = f"; not finished: {', '.join(unfinished)}" if unfinished else ""
    return f"wrote {page}: {len(found)} studies{left}"


def _children(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir()]
    except OSError as error:
        raise RunError(f"{folder}: cannot be read ({error.strerror})") from None
