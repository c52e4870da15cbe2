"""A page shown in the user's browser once it is written."""

import os
import shutil
import subprocess
import sys
import webbrowser
from pathlib import Path

from benchmarks.asked.errors import RunError
from simulator.documents.safe_files import write_whole

PATIENCE = 120.0
"""Seconds that printing a page may take."""
QUIETLY = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--no-pdf-header-footer",
)  # fmt: skip
"""How a browser is started that only prints a page from the disk."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
ELSEWHERE = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
NO_BROWSER = "no browser was found here; the page is "


def shown(page: Path) -> str:
    """Open the page in the browser of this desktop, or in that of the variable BROWSER; what there is to say of it."""
    place = page.resolve()
    if has_browser() and webbrowser.open(place.as_uri()):
        return f"opened {page}"
    return f"{NO_BROWSER}{place}"


def has_browser() -> bool:
    """Whether a browser with a window can be shown: one in the terminal would take the place of the answer."""
    if os.environ.get("BROWSER") or not sys.platform.startswith("linux"):
        return True
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def browser() -> str | None:
    """The Chromium, or a browser made from it, that turns pages into PDF; None where none is found."""
    found = (shutil.which(name) for name in BROWSERS)
    return next((place for place in found if place), next((one for one in ELSEWHERE if Path(one).is_file()), None))


def printed(page: Path, pdf: Path) -> None:
    """Write the page as a PDF by a Chromium without a window; RunError where none is found or it cannot."""
    program = browser()
    if program is None:
        raise RunError(f"{pdf}: no Chromium or Chrome was found that could print the page {page}")
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as place:
        made = Path(place) / "page.pdf"
        done = subprocess.run(
            [program, *QUIETLY, f"--user-data-dir={place}/own", f"--print-to-pdf={made}", page.resolve().as_uri()],
            capture_output=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        if done.returncode or not made.is_file():
            raise RunError(f"{pdf}: {program} could not print the page {page}")
        try:
            write_whole(pdf, made.read_bytes())
        except OSError as error:
            raise RunError(f"{pdf}: cannot be written ({error.strerror or error})") from None
