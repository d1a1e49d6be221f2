"""A real browser without a screen, for tests: Chromium, over the pipe of its DevTools protocol."""

import base64
import json
import os
import subprocess
from contextlib import contextmanager, suppress
from fcntl import F_DUPFD_CLOEXEC, fcntl
from typing import Any

from tests.waiting import wait_for

# As root it has no sandbox of its own; and no name resolves: the page has to do without others.
_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--window-size=1280,900",
)  # fmt: skip


_CODES = {
    "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40,
    "Enter": 13, "Escape": 27, "Home": 36, "Tab": 9, "?": 191,
}  # fmt: skip


class Tab:
    """One tab. requests: what it asked for; errors: what it complained about."""

    def __init__(self, sends, receives):
        self._sends, self._receives = sends, receives
        self._count, self._session, self._data = 0, {}, b""
        self.requests: list[str] = []
        self.errors: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        for domain in ("Network", "Log", "Runtime", "Page"):
            self.call(f"{domain}.enable")

    def call(self, method, **params) -> Any:
        """Send a command, and return its result."""
        self._count += 1
        command = {"id": self._count, "method": method, "params": params, **self._session}
        os.write(self._sends, json.dumps(command).encode() + b"\0")
        while True:
            message = self._read()
            if message.get("id") == self._count:
                assert "error" not in message, message
                return message["result"]
            self._note(message.get("method"), message.get("params", {}))

    def _read(self):
        while b"\0" not in self._data:
            data = os.read(self._receives, 65536)
            assert data, "the browser ended"
            self._data += data
        message, _, self._data = self._data.partition(b"\0")
        return json.loads(message)

    def _note(self, event, params):
        if event == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif event == "Log.entryAdded":
            self.errors.append(params["entry"]["text"])
        elif event == "Runtime.exceptionThrown":
            self.errors.append(str(params["exceptionDetails"]))

    def open(self, path):
        self.open_url(path.as_uri())

    def open_url(self, url):
        self.call("Page.navigate", url=url)
        wait_for(
            lambda: self.value("document.readyState") == "complete",
            "the page is loaded",
            timeout_s=60,
        )

    def value(self, expression) -> Any:
        """Return the value of a JavaScript expression in the page."""
        found = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def resize(self, width, height):
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip

    def picture(self):
        """Return a PNG of what is seen."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def press(self, key):
        code = _CODES.get(key) or ord(key.upper())
        # The text is what makes a button act on Enter and Space.
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        for kind, said in (("keyDown", {"text": text} if text else {}), ("keyUp", {})):
            self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **said
            )

    def mouse(self, kind, x, y, buttons=0):
        button = "left" if buttons or kind == "mouseReleased" else "none"
        self.call(
            "Input.dispatchMouseEvent", type=kind, x=x, y=y, buttons=buttons, button=button,
            clickCount=1,
        )  # fmt: skip


@contextmanager
def tab(program, folder):
    """Yield a tab of a browser that ends with the block. folder: where it may write."""
    with pipe() as (reads, commands), pipe() as (answers, writes):
        # The protocol wants the pipe on 3 and 4.
        argv = ["bash", "-c", f'exec "$@" 3<&{reads} 4>&{writes}', "bash", program, *_FLAGS]
        process = subprocess.Popen(
            [*argv, f"--user-data-dir={folder}"],
            pass_fds=(reads, writes), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(folder)},
        )  # fmt: skip
        # Ours alone is left, so that the end of the browser is the end of its answers.
        os.close(writes)
        try:
            yield Tab(commands, answers)
        finally:
            process.kill()
            process.wait()


@contextmanager
def pipe():
    """Yield a pipe whose numbers are not 3 or 4; they are closed with the block."""
    ends = os.pipe()
    high = [fcntl(number, F_DUPFD_CLOEXEC, 10) for number in ends]
    for number in ends:
        os.close(number)
    try:
        yield high
    finally:
        for number in high:
            with suppress(OSError):
                os.close(number)
