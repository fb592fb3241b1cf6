"""Headless Chromium (see tests/install-browser), driven through its DevTools pipe: pages, real clicks and keys, console, screenshots.

https://chromedevtools.github.io/devtools-protocol/ describes the methods. Messages are JSON that ends with a NUL byte: Chromium reads them
from its descriptor 3 and writes them to 4.
"""

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import time

_OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--force-device-scale-factor=1", "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--remote-debugging-pipe",
)  # fmt: skip
_SECONDS = 90


def missing():
    """Why Chromium cannot be used; empty if it is installed."""
    return "" if shutil.which("chromium") else "chromium is not installed; run tests/install-browser"


class Browser:
    """A running Chromium, used as a context manager. ``folder`` receives its profile. ``console``: console messages and exceptions."""

    def __init__(self, folder):
        self.console, self.requests = [], []
        self._number, self._buffer, self._session, self._loaded = 0, b"", None, False
        commands, self._out = os.pipe()
        self._in, events = os.pipe()
        # The shell gives the two ends the numbers that Chromium expects.
        start = f'exec "$@" 3<&{commands} 4>&{events}'
        program = ["/bin/bash", "-c", start, "chromium", "chromium", *_OPTIONS, f"--user-data-dir={folder / 'profile'}", "about:blank"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(program, pass_fds=(commands, events), **quiet)
        os.close(commands)
        os.close(events)
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError, AssertionError):
            self._session = None
            self._call("Browser.close")
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._out)
        os.close(self._in)

    def open(self, page, *, width=1280, height=1200, dark=False, zone="UTC", scripts=True):
        """Load a file in a window of ``width`` x ``height`` pixels. ``zone``: the browser's time zone. ``scripts``: whether they run."""
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])
        self._call("Emulation.setTimezoneOverride", timezoneId=zone)
        self._call("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.console.clear()
        self.requests.clear()
        self._loaded = False
        self._call("Page.navigate", url=page.as_uri())
        self._until(lambda: self._loaded)

    def value(self, expression):
        """The value of a JavaScript expression, as JSON."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def click(self, selector, nth=0):
        """A mouse click in the middle of the ``nth`` element that matches, after scrolling to it."""
        element = f"document.querySelectorAll({json.dumps(selector)})[{nth}]"
        box = f"(() => {{ const e = {element}; e.scrollIntoView({{block: 'center'}}); return e.getBoundingClientRect().toJSON(); }})()"
        area = self.value(box)
        at = {"x": area["x"] + area["width"] / 2, "y": area["y"] + area["height"] / 2, "button": "left", "clickCount": 1}
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, **at)

    def type(self, selector, text):
        """Replace the text of an input by typing."""
        self.value(f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.focus(); e.select(); }})()")
        self._call("Input.insertText", text=text)

    def screenshot(self):
        """A PNG of the window."""
        return base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"])

    def _call(self, method, **parameters):
        self._number += 1
        session = {"sessionId": self._session} if self._session else {}
        message = {"id": self._number, "method": method, "params": parameters, **session}
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._out, data) :]
        answers = []
        self._until(lambda: bool(answers), answers, self._number)
        assert "result" in answers[0], f"{method}: {answers[0]}"
        return answers[0]["result"]

    def _until(self, done, answers=None, number=None):
        """Read messages until ``done``. Collects the answer to the call ``number``."""
        deadline = time.monotonic() + _SECONDS
        while not done():
            end = self._buffer.find(b"\0")
            if end < 0:
                assert select.select([self._in], [], [], max(0, deadline - time.monotonic()))[0], "Chromium does not answer."
                data = os.read(self._in, 1 << 20)
                assert data, "Chromium ended."
                self._buffer += data
                continue
            message, self._buffer = json.loads(self._buffer[:end]), self._buffer[end + 1 :]
            if number is not None and message.get("id") == number:
                answers.append(message)
            self._event(message.get("method"), message.get("params", {}))

    def _event(self, method, event):
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Network.requestWillBeSent":
            self.requests.append(event["request"]["url"])
        elif method == "Runtime.consoleAPICalled":
            self.console.append(" ".join(str(one.get("value", one.get("description"))) for one in event["args"]))
        elif method == "Runtime.exceptionThrown":
            self.console.append(event["exceptionDetails"].get("exception", {}).get("description", "exception"))
        elif method == "Log.entryAdded":
            self.console.append(event["entry"]["text"])
