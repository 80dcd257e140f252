"""Chromium, driven over the DevTools protocol on a pipe: JSON messages that end with NUL, on descriptors 3 and 4."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import signal
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--remote-debugging-pipe", "--disable-dev-shm-usage",
)  # fmt: skip
WAIT = 60.0


class Browser:
    """One headless browser with one page; everything that it says is kept.

    :param profile: an empty folder of its own.
    """

    def __init__(self, profile: Path) -> None:
        program = shutil.which("chromium")
        if program is None:
            raise FileNotFoundError("chromium")
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()
        ends = [(os.POSIX_SPAWN_DUP2, os.dup(to_read), 3), (os.POSIX_SPAWN_DUP2, os.dup(to_write), 4)]
        quiet = os.open(profile / "stderr", os.O_WRONLY | os.O_CREAT, 0o600)
        actions = [(os.POSIX_SPAWN_DUP2, quiet, 2), (os.POSIX_SPAWN_DUP2, quiet, 1), *ends]
        arguments = [program, *FLAGS, f"--user-data-dir={profile / 'profile'}", "about:blank"]
        self._pid = os.posix_spawn(program, arguments, os.environ, file_actions=actions, setsid=True)
        for fd in (to_read, to_write, quiet, ends[0][1], ends[1][1]):
            os.close(fd)
        self._buffer = b""
        self._last = 0
        self._session = ""
        self.events: list[dict[str, Any]] = []
        target = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._write)
        os.close(self._read)
        end = time.monotonic() + 5
        while time.monotonic() < end:
            if os.waitpid(self._pid, os.WNOHANG)[0]:
                return
            time.sleep(0.02)
        os.killpg(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)

    def _message(self, end: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            if not select.select([self._read], [], [], max(0.0, end - time.monotonic()))[0]:
                raise TimeoutError("Chromium says nothing")
            chunk = os.read(self._read, 1 << 20)
            if not chunk:
                raise EOFError("Chromium has ended")
            self._buffer += chunk
        text, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        return message

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method; its result."""
        self._last += 1
        frame = {"id": self._last, "method": method, "params": params}
        if self._session:
            frame["sessionId"] = self._session
        data = json.dumps(frame).encode() + b"\0"
        while data:
            data = data[os.write(self._write, data) :]
        end = time.monotonic() + WAIT
        while True:
            message = self._message(end)
            if message.get("id") == self._last:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                result: dict[str, Any] = message["result"]
                return result
            self.events.append(message)

    def run(self, code: str) -> Any:
        """Evaluate an expression in the page (a promise is awaited)."""
        result = self.call("Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True, userGesture=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"])
        return result["result"].get("value")

    def until(self, code: str, wait: float = 30.0) -> Any:
        """Evaluate again and again until it is true."""
        end = time.monotonic() + wait
        while not (value := self.run(code)):
            if time.monotonic() > end:
                raise TimeoutError(code)
            time.sleep(0.02)
        return value

    def open(self, path: Path, wait: float = 30.0) -> int:
        """Open a report; ms from navigation to its last table."""
        self.call("Page.navigate", url=path.as_uri())
        return int(self.until("document.documentElement && document.documentElement.dataset.ready", wait))

    def size(self, width: int, height: int, *, mobile: bool = False) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)

    def theme(self, name: str) -> None:
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=whole)["data"]))

    def pdf(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("Page.printToPDF", printBackground=False)["data"]))

    def key(self, name: str) -> None:
        text = {"Enter": "\r"}.get(name, name if len(name) == 1 else "")
        self.call("Input.dispatchKeyEvent", type="keyDown", key=name, text=text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=name)

    def complaints(self) -> list[dict[str, Any]]:
        """Everything that the console, the log or an exception said."""
        names = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [event["params"] for event in self.events if event["method"] in names]

    def requests(self) -> list[str]:
        """Every address that was asked for, by the page or by what it made."""
        return [e["params"]["request"]["url"] for e in self.events if e["method"] == "Network.requestWillBeSent"]
