"""A real browser for tests: one Chromium for a whole session, told what to do by DevTools' protocol over pipes."""

import base64
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
MISSING = "no chromium here: install Debian's chromium to run these"
PATIENCE = 60.0
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip
THREE_AND_FOUR = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3]]
os.dup2(ends[0], 3)
os.dup2(ends[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""  # where the browser looks for the pipes


class Browser:
    """Chromium without a window; pages are opened in it one after the other."""

    def __init__(self, profile: Path) -> None:
        assert BROWSER is not None
        ours, theirs = os.pipe(), os.pipe()  # what we say, what it says
        words = [sys.executable, "-c", THREE_AND_FOUR, str(ours[0]), str(theirs[1]), BROWSER, *FLAGS]
        self.process = subprocess.Popen(
            [*words, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(ours[0], theirs[1]), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(ours[0])
        os.close(theirs[1])
        self.said, self.heard, self.left = ours[1], theirs[0], b""
        self.number, self.events = 0, list[dict[str, Any]]()

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        """End the browser that was started here."""
        self.process.terminate()
        self.process.wait(20)
        os.close(self.said)
        os.close(self.heard)

    def ask(self, method: str, session: str | None = None, **words: Any) -> dict[str, Any]:
        """What the browser answers; what it tells meanwhile is kept."""
        self.number += 1
        asked = {"id": self.number, "method": method, "params": words} | ({"sessionId": session} if session else {})
        _say(self.said, json.dumps(asked).encode() + b"\0")
        while True:
            told = self._next()
            if told.get("id") == self.number:
                assert "error" not in told, told
                answer: dict[str, Any] = told["result"]
                return answer
            self.events.append(told)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self.left:
            more = os.read(self.heard, 1 << 20)
            assert more, "the browser ended"
            self.left += more
        first, _, self.left = self.left.partition(b"\0")
        told: dict[str, Any] = json.loads(first)
        return told

    def wait_for(self, method: str, session: str) -> None:
        """Return once the browser has told this of the session."""
        end = time.monotonic() + PATIENCE
        while not any(one.get("method") == method and one.get("sessionId") == session for one in self.events):
            assert time.monotonic() < end
            self.events.append(self._next())

    @contextmanager
    def opened(self, path: Path, width: int, strict: bool = False, scripts: bool = True) -> Iterator["Page"]:
        """The page in a window of that width; ``strict``: the page's own policy decides which scripts run."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable", session)
        screen = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
        self.ask("Emulation.setDeviceMetricsOverride", session, **screen)
        if not scripts:
            self.ask("Emulation.setScriptExecutionDisabled", session, value=True)
        if not strict:
            self.ask("Page.setBypassCSP", session, enabled=True)
        self.events.clear()
        self.ask("Page.navigate", session, url=path.as_uri())
        self.wait_for("Page.loadEventFired", session)
        yield Page(self, session, width)
        self.ask("Target.closeTarget", targetId=target)


def _say(pipe: int, letters: bytes) -> None:
    while letters:
        letters = letters[os.write(pipe, letters) :]


class Page:
    """An opened page."""

    def __init__(self, browser: Browser, session: str, width: int) -> None:
        self.browser, self.session, self.width = browser, session, width

    def run(self, script: str) -> Any:
        """The value of an expression, a promise's once it is kept."""
        words = {"expression": script, "returnByValue": True, "awaitPromise": True}
        found = self.browser.ask("Runtime.evaluate", self.session, **words)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def press(self, key: str) -> None:
        """A key pressed and let go: Tab, Enter, ArrowDown."""
        codes = {"Tab": 9, "Enter": 13, " ": 32, "ArrowDown": 40, "ArrowRight": 39}
        text = {"Enter": "\r", " ": " "}.get(key, "")
        for kind in ("keyDown", "keyUp"):
            self.browser.ask(
                "Input.dispatchKeyEvent", self.session, type=kind, key=key, code=key,
                windowsVirtualKeyCode=codes[key], text=text if kind == "keyDown" else "",
            )  # fmt: skip

    def type(self, text: str) -> None:
        """Text typed where the focus is."""
        self.browser.ask("Input.insertText", self.session, text=text)

    def on_paper(self, width: int | None) -> None:
        """The page laid out as it is printed, so wide; as on a screen again for None."""
        size = {"width": width or self.width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
        self.browser.ask("Emulation.setEmulatedMedia", self.session, media="print" if width else "")
        self.browser.ask("Emulation.setDeviceMetricsOverride", self.session, **size)

    def complaints(self) -> list[str]:
        """What stood on the console, uncaught errors and refused scripts among it, and every address asked for."""
        found = []
        for one in self.browser.events:
            method, told = one.get("method"), one.get("params", {})
            if method == "Runtime.exceptionThrown":
                found.append(str(told["exceptionDetails"].get("exception", told["exceptionDetails"])))
            if method == "Runtime.consoleAPICalled":
                found.append(str(told["args"]))
            if method == "Log.entryAdded":
                found.append(told["entry"]["text"])
            if method == "Network.requestWillBeSent" and not told["request"]["url"].startswith(("file:", "data:")):
                found.append(told["request"]["url"])
        return found

    def picture(self, path: Path, most: int = 12_000) -> None:
        """Write the whole page as a PNG."""
        size = self.browser.ask("Page.getLayoutMetrics", self.session)["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": self.width, "height": min(size["height"], most), "scale": 1}
        words = {"format": "png", "clip": clip, "captureBeyondViewport": True}
        shot = self.browser.ask("Page.captureScreenshot", self.session, **words)
        path.write_bytes(base64.b64decode(shot["data"]))

    def printed(self) -> bytes:
        """The page as a PDF on A4."""
        words = {"paperWidth": 8.27, "paperHeight": 11.69, "printBackground": True}
        return base64.b64decode(self.browser.ask("Page.printToPDF", self.session, **words)["data"])
