"""A page shown in the user's browser once it is written."""

import os
import sys
import webbrowser
from pathlib import Path

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
