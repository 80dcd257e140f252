"""The witness on the network: HTTP/1.1 by the standard library, bounded in threads, bytes and time."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn
from typing import Any

from forensics.custody.witnessing import ADD, MAX_REQUEST, OPEN, ROTATE
from forensics.errors import SealbagError
from forensics.witness.desk import Answer, Desk, failure

THREADS = 32
#: seconds that one step of a peer may take, and one connection in all
STEP_SECONDS = 10.0
CONNECTION_SECONDS = 60.0


class WitnessServer(ThreadingMixIn, HTTPServer):
    """Serves one desk. More than 32 connections at once are closed; each ends after a minute."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(
        self,
        address: tuple[str, int],
        desk: Desk,
        tls: ssl.SSLContext | None = None,
        on_answer: Callable[[str, int], None] | None = None,
    ) -> None:
        """Listen.

        :param address: host and port, 0 for any that is free.
        :param tls: speak https by it.
        :param on_answer: told the path and status of each answer.
        :raises OSError: if the address cannot be had.
        """
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self.desk, self.tls = desk, tls
        self.on_answer = on_answer or (lambda path, status: None)
        self._open: dict[socket.socket, float] = {}
        self._guard = threading.Lock()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind; no name is looked up for the address, as the base class would."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept; a TLS handshake waits for the connection's own thread."""
        connection, peer = self.socket.accept()
        if self.tls is not None:
            connection.settimeout(STEP_SECONDS)
            connection = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, peer

    def process_request(self, request: Any, client_address: Any) -> None:
        """Begin a thread, unless there are too many."""
        with self._guard:
            full = len(self._open) >= THREADS
            if not full:
                self._open[request] = time.monotonic()
        if full:
            self.shutdown_request(request)
        else:
            super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget and close a connection."""
        with self._guard:
            self._open.pop(request, None)
        with suppress(OSError):
            super().shutdown_request(request)

    def service_actions(self) -> None:
        """Between requests: break off who has been here too long (a byte now and then holds a thread)."""
        late = time.monotonic() - CONNECTION_SECONDS
        with self._guard:
            old = [one for one, since in self._open.items() if since < late]
        for one in old:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A peer that breaks off, or says no TLS, is nobody's business."""


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: WitnessServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "sealbag-witness", ""
    timeout = STEP_SECONDS

    def do_POST(self) -> None:
        """The three calls."""
        desk = self.server.desk
        calls: dict[str, Callable[[bytes], Answer]] = {
            ADD: desk.add_checkpoint,
            OPEN: lambda body: desk.open_bag(body, self._token()),
            ROTATE: desk.rotate,
        }
        call = calls.get(self.path)
        if call is None:
            self._say(Answer(404, b"no such call\n"), keep=False)
            return
        body = self._body()
        if body is None:
            return
        try:
            answer = call(body)
        except SealbagError as error:
            answer = failure(error)
        self._say(answer)

    def do_GET(self) -> None:
        """Whose witness this is."""
        if self.path == "/":
            self._say(Answer(200, f"{self.server.desk.verifier_key}\n".encode()))
        else:
            self._say(Answer(404, b"no such page\n"))

    def _body(self) -> bytes | None:
        """The request's body; None if it was refused."""
        length = self.headers.get("Content-Length", "")
        if self.headers.get("Transfer-Encoding") or not length.isascii() or not length.isdigit() or len(length) > 9:
            self._say(Answer(411, b"a Content-Length is needed\n"), keep=False)
            return None
        if int(length) > MAX_REQUEST:
            self._say(Answer(413, f"at most {MAX_REQUEST} bytes\n".encode()), keep=False)
            return None
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True
            return None
        return body

    def _token(self) -> str | None:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else None

    def _say(self, answer: Answer, *, keep: bool = True) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.type)
        self.send_header("Content-Length", str(len(answer.body)))
        if not keep:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(answer.body)
        self.server.on_answer(self.path, answer.status)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what was cosigned is logged by the state."""
