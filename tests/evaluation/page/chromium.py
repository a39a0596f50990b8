"""A headless Chromium, driven through its pipe of the DevTools protocol: it needs no package of Python's."""

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PATIENCE = 60.0  # seconds for an answer
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-audio-output"),
    *("--no-first-run", "--disable-extensions", "--disable-background-networking", "--remote-debugging-pipe"),
)


class Browser:
    """One page in a browser, and what it complained of."""

    def __init__(self, orders: int, answers: int) -> None:
        self.orders, self.answers, self.number, self.rest = orders, answers, 0, b""
        self.events: list[dict[str, Any]] = []
        self.session = ""
        target = self.order("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.order("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Runtime", "Log", "Page", "Network"):
            self.order(f"{domain}.enable")

    def order(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Order something; its result."""
        self.number += 1
        order = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            order["sessionId"] = self.session
        os.write(self.orders, json.dumps(order).encode() + b"\0")
        end = time.monotonic() + PATIENCE
        while (answer := self.hear(end)).get("id") != self.number:
            self.events.append(answer)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return dict(answer["result"])

    def hear(self, end: float) -> dict[str, Any]:
        """The next message of the browser."""
        while b"\0" not in self.rest:
            if not select.select([self.answers], [], [], max(0.0, end - time.monotonic()))[0]:
                raise TimeoutError("the browser does not answer")
            part = os.read(self.answers, 2**20)
            if not part:
                raise AssertionError("the browser has ended")
            self.rest += part
        message, self.rest = self.rest.split(b"\0", maxsplit=1)
        return dict(json.loads(message))

    def open(self, path: Path) -> None:
        """Open a file, and forget what other pages were complained of."""
        self.events.clear()
        self.run("window.former = true")
        self.order("Page.navigate", url=path.as_uri())
        self.wait("!window.former && document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        """The value of an expression of JavaScript in the page, awaited."""
        given = {"expression": script, "awaitPromise": True, "returnByValue": True, "userGesture": True}
        answer = self.order("Runtime.evaluate", **given)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, condition: str, *, seconds: float = 20.0) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not self.run(condition):
            assert time.monotonic() < end, f"never came true: {condition}"
            time.sleep(0.02)

    def press(self, key: str, *, code: str = "", shift: bool = False) -> None:
        """Press a key and let it go."""
        given = {"key": key, "code": code or key, "modifiers": 8 if shift else 0}
        if key == "Enter":
            given |= {"windowsVirtualKeyCode": 13, "text": "\r"}
        for kind in ("keyDown", "keyUp"):
            self.order("Input.dispatchKeyEvent", type=kind, **given)

    def look(self, *, width: int, scheme: str, height: int = 900) -> None:
        """A window so many pixels wide, in the colours of a `scheme`: light or dark."""
        self.order(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        self.order("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """Write what is seen, or the whole page, to a PNG file."""
        shot = self.order("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    @property
    def complaints(self) -> list[str]:
        """Errors and warnings of the page, and addresses that it asked for beside its own."""
        found = []
        for event in self.events:
            given = event.get("params", {})
            match event.get("method"):
                case "Runtime.exceptionThrown":
                    found.append(json.dumps(given["exceptionDetails"]))
                case "Runtime.consoleAPICalled" if given["type"] in ("error", "warning", "assert"):
                    found.append(json.dumps(given["args"]))
                case "Log.entryAdded" if given["entry"]["level"] in ("error", "warning"):
                    found.append(given["entry"]["text"])
                case "Network.requestWillBeSent" if not given["request"]["url"].startswith(
                    ("data:", "file:")
                ):
                    found.append(given["request"]["url"])
        return found


@contextlib.contextmanager
def browsing(profile: Path) -> Iterator[Browser]:
    """A browser with its files in the folder `profile`; it ends with the block."""
    orders_out, orders_in = os.pipe()
    answers_out, answers_in = os.pipe()
    # The browser reads orders from descriptor 3 and answers to 4. Not sh: dash knows no number above 9.
    script = f'exec "$0" "$@" 3<&{orders_out} 4>&{answers_in}'
    line = ["bash", "-c", script, str(CHROMIUM), *OPTIONS, f"--user-data-dir={profile}", "about:blank"]
    with subprocess.Popen(
        line, pass_fds=(orders_out, answers_in), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        os.close(orders_out)
        os.close(answers_in)
        try:
            yield Browser(orders_in, answers_out)
        finally:
            os.close(orders_in)
            running.terminate()
            try:
                running.wait(10)
            except subprocess.TimeoutExpired:
                running.kill()
            os.close(answers_out)
