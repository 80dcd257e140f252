"""A witness as its own process, a bag of a few lines, servers that misbehave."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from forensics.custody.bag import BagWriter
from forensics.custody.company import CheckpointTargets
from forensics.custody.cosign import WitnessKey
from forensics.custody.keys import Key
from forensics.custody.seal import seal

TOKEN = "a token of sixteen or more"
NAME = "witness.example/ir1"
ABOUT = {"actors": ["test: program"], "tool": "test", "version": "0", "case": "", "exhibit": "", "examiner": ""}


def small_bag(path: Path, targets: CheckpointTargets | None, key: Key | None = None, phases: int = 3) -> BagWriter:
    """A sealed bag of a few phases."""
    bag = BagWriter.create(path, ABOUT, key=key, targets=targets)
    for number in range(phases):
        bag.line("note", {"text": f"phase {number}"})
        bag.phase()
    seal(bag, views)
    return bag


def views(path: Path) -> None:
    """What a seal needs of views."""
    (path / "verify.py").write_bytes(b"")
    (path / "catalogue.csv").write_bytes(b"")


def notes(bag: Path) -> dict[str, bytes]:
    """The text and first signature of each checkpoint of a bag, by name."""
    folder = bag / "custody/checkpoints"
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


class WitnessProcess:
    """`sealbag witness serve` on a free port; killed hard by :meth:`kill`."""

    def __init__(self, folder: Path) -> None:
        self.state, self.key_file = folder / "state", folder / "wk"
        self.key = Key.one_off()
        self.key.save(self.key_file)
        self.witness = WitnessKey(NAME, self.key.public_raw)
        (folder / "wk.witness").write_text(f"{self.witness}\n")
        self.keys_file = folder / "wk.witness"
        self.port = 0
        self.start()

    def start(self) -> None:
        env = os.environ | {"SEALBAG_WITNESS_TOKEN": TOKEN}
        command = [sys.executable, "-m", "forensics.cli.main", "witness", "serve", "--key", str(self.key_file)]
        command += ["--state", str(self.state), "--listen", f"127.0.0.1:{self.port}"]
        self.process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.url = line.split()[1]
        self.port = int(self.url.rpartition(":")[2])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextlib.contextmanager
def answering(act: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """A server that answers every request by *act*; yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def do(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            act(self)
            self.close_connection = True

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = do

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def storing(folder: Path) -> Iterator[str]:
    """A server that stores what is PUT or POSTed, and gives it back."""

    class Store(BaseHTTPRequestHandler):
        def _path(self) -> Path:
            return folder / self.path.strip("/").replace("/", "__")

        def do_PUT(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            there = self._path().exists() and self.headers.get("If-None-Match") == "*"
            if not there:
                self._path().write_bytes(data)
            self._say(412 if there else 201)

        do_POST = do_PUT

        def do_GET(self) -> None:
            self._say(200, self._path().read_bytes()) if self._path().exists() else self._say(404)

        do_HEAD = do_GET

        def do_DELETE(self) -> None:
            self._path().unlink(missing_ok=True)
            self._say(204)

        def _say(self, status: int, body: bytes = b"") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Store)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def foreign_cosignature(note: bytes, verifier: str) -> int | None:
    """Judge a cosignature from C2SP's text alone: nothing of forensics is used. Return its time.

    The equation is RFC 8032's own reference arithmetic, written out.
    """
    name, key_id, encoded = verifier.split("+", 2)
    public = base64.b64decode(encoded)
    assert public[:1] == b"\x04"
    assert hashlib.sha256(name.encode() + b"\n" + public).digest()[:4].hex() == key_id
    text, _, tail = note.decode().rpartition("\n\n")
    for line in tail.splitlines():
        _, who, data = line.split(" ")
        raw = base64.b64decode(data)
        if who == name and raw[:4].hex() == key_id and len(raw) == 76:
            at = int.from_bytes(raw[4:12], "big")
            signed = f"cosignature/v1\ntime {at}\n{text}\n".encode()
            return at if _ed25519(public[1:], raw[12:], signed) else None
    return None


_P, _L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
Point = tuple[int, int]


def _add(one: Point, two: Point) -> Point:
    (a, b), (c, d) = one, two
    e = _D * a * b * c * d % _P
    return (a * d + b * c) * pow(1 + e, -1, _P) % _P, (b * d + a * c) * pow(1 - e, -1, _P) % _P


def _times(number: int, point: Point) -> Point:
    total = (0, 1)
    while number:
        if number & 1:
            total = _add(total, point)
        point, number = _add(point, point), number >> 1
    return total


def _point(data: bytes) -> Point:
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * pow(2, (_P - 1) // 4, _P) % _P
    assert (x * x - square) % _P == 0
    return (x if x & 1 == sign else _P - x), y


def _ed25519(public: bytes, signature: bytes, message: bytes) -> bool:
    base = _point((4 * pow(5, -1, _P) % _P).to_bytes(32, "little"))
    s = int.from_bytes(signature[32:], "little")
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % _L
    return s < _L and _times(s, base) == _add(_point(signature[:32]), _times(k, _point(public)))
