"""HTTP: PUT, GET, HEAD and DELETE below an address, or POST alone (RFC 9110); the standard library's client.

No redirect is followed: what was meant for one server goes to no other. A bearer token
(``SEALBAG_HTTP_TOKEN``) and a user's password go over https, or to this host, only.
"""

from __future__ import annotations

import base64
import http.client
import os
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import SplitResult, unquote, urlunsplit

from forensics.errors import (
    SealbagError,
    TargetConflict,
    TargetError,
    TargetMissing,
    TargetRefused,
    TargetUnreachable,
    UsageError,
)
from forensics.remote.target import CHUNK, Target, check_name

TOKEN = "SEALBAG_HTTP_TOKEN"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an error like any other status."""

    def redirect_request(self, *_: Any) -> None:
        """Never."""
        return


def opener(host: str) -> urllib.request.OpenerDirector:
    """A client without redirects; the usual proxy variables count but for this host itself."""
    proxies = [urllib.request.ProxyHandler({})] if host in _LOOPBACK else []
    return urllib.request.build_opener(NoRedirect, *proxies)


def authorization(parts: SplitResult, token: str | None) -> dict[str, str]:
    """The header for a token, or for user and password in the address.

    :raises UsageError: if it would travel in the clear.
    """
    if not token and parts.username is None:
        return {}
    if parts.scheme.removeprefix("post+") != "https" and parts.hostname not in _LOOPBACK:
        raise UsageError("a token or password over plain http", hint="Use https, or a tunnel that ends on this host.")
    if token:
        if not token.isascii() or not token.isprintable() or len(token) > 4096:
            raise UsageError("the token is not one line of printable ASCII")
        return {"Authorization": f"Bearer {token}"}
    pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


class HttpTarget(Target):
    """An address to which names are added. A server's answer is a status; its words are not repeated."""

    def __init__(self, parts: SplitResult, timeout: float) -> None:
        from forensics.remote.opening import shown

        if not parts.hostname or parts.fragment:
            raise UsageError("no host in an http address", hint="https://host/path")
        self.post = parts.scheme.startswith("post+")
        self.can_read = not self.post
        scheme = parts.scheme.removeprefix("post+")
        self.shown = shown(parts._replace(scheme=scheme))
        self._headers = authorization(parts, os.environ.get(TOKEN))
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        port = f":{parts.port}" if parts.port else ""
        self._base = SplitResult(scheme, host + port, parts.path.rstrip("/"), parts.query, "")
        self._timeout = timeout
        self._client = opener(parts.hostname)

    def write(
        self, name: str, chunks: Iterable[bytes], *, overwrite: bool = False, resume_at: int = 0, keep: bool = False
    ) -> int:
        """See :meth:`Target.write`: ``If-None-Match: *``, and HEAD before, as not all servers know the former."""
        if resume_at:
            raise UsageError("an upload by HTTP does not go on", hint="Begin it again.")
        if self.can_read and not overwrite and self.size(name) is not None:
            raise TargetConflict("a file of that name is there already", where=self._where(name))
        headers = {"Content-Type": "application/octet-stream"} | ({} if overwrite else {"If-None-Match": "*"})
        counted = _Counted(chunks)
        try:
            with self._answer(name, "POST" if self.post else "PUT", counted.body(), headers):
                return counted.size
        except TargetError:
            if counted.failed is not None:
                raise counted.failed from None
            raise

    def size(self, name: str) -> int | None:
        """See :meth:`Target.size`."""
        self._refuse_post()
        try:
            with self._answer(name, "HEAD") as answer:
                length = answer.headers.get("Content-Length", "")
        except TargetMissing:
            return None
        if not length.isascii() or not length.isdigit() or len(length) > 15:
            raise TargetError("the server does not tell the size", where=self._where(name))
        return int(length)

    def chunks(self, name: str, offset: int = 0) -> Iterator[bytes]:
        """See :meth:`Target.chunks`."""
        self._refuse_post()
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        with self._answer(name, "GET", headers=headers) as answer:
            skip = offset if answer.status == 200 else 0
            while True:
                with self._errors(name):
                    chunk = answer.read(CHUNK)
                if not chunk:
                    return
                if skip < len(chunk):
                    yield chunk[skip:]
                skip = max(0, skip - len(chunk))

    def names(self, folder: str = "") -> list[str]:
        """See :meth:`Target.names`: HTTP has no word for it."""
        raise TargetError("an HTTP server lists nothing", where=self.shown, hint="Name the file.")

    def remove(self, name: str) -> None:
        """See :meth:`Target.remove`."""
        self._refuse_post()
        try:
            with self._answer(name, "DELETE"):
                return
        except TargetMissing:
            return

    def _refuse_post(self) -> None:
        if self.post:
            raise TargetError("a POST target gives nothing back", where=self.shown, hint="Use https:// without post+.")

    def _where(self, name: str) -> str:
        return f"{self.shown}/{name}".rstrip("/")

    @contextmanager
    def _answer(
        self, name: str, method: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        url = urlunsplit(self._base._replace(path="/".join([self._base.path, *check_name(name)])))
        request = urllib.request.Request(url, body, self._headers | (headers or {}), method=method)
        with self._errors(name):
            answer = self._client.open(request, timeout=self._timeout)
        with answer:
            yield answer

    @contextmanager
    def _errors(self, name: str) -> Iterator[None]:
        with http_errors(self._where(name)):
            yield


@contextmanager
def http_errors(where: str) -> Iterator[None]:
    """Errors of the client as errors of targets."""
    try:
        yield
    except SealbagError:
        raise
    except urllib.error.HTTPError as error:
        error.close()
        raise status_error(error.code, where) from None
    except urllib.error.URLError as error:
        raise TargetUnreachable(f"no answer ({_words(error.reason)})", where=where) from None
    except (http.client.HTTPException, TimeoutError, OSError, ValueError) as error:
        raise TargetUnreachable(f"the answer broke off or is none ({_words(error)})", where=where) from None


def status_error(status: int, where: str) -> TargetError:
    """The error that a status means (RFC 9110 §15)."""
    if status in (404, 410):
        return TargetMissing(f"HTTP {status}", where=where)
    if status in (409, 412):
        return TargetConflict(f"another file of that name is there (HTTP {status})", where=where)
    if status in (401, 403, 407):
        return TargetRefused(f"HTTP {status}", where=where)
    if status in (408, 429) or status >= 500:
        return TargetUnreachable(f"HTTP {status}", where=where)
    return TargetError(f"HTTP {status}", where=where)


def _words(reason: object) -> str:
    """What kind of failure; a server's own words are left out."""
    if isinstance(reason, ssl.SSLCertVerificationError):
        return "its certificate is not trusted"
    if isinstance(reason, TimeoutError | socket.timeout):
        return "time is over"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return type(reason).__name__


class _Counted:
    """A body and its size; an error of the chunks is the caller's own."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks, self.size = chunks, 0
        self.failed: OSError | None = None  # urllib takes it for the network's

    def body(self) -> Any:
        """What urllib sends: bytes with a length where they are few, else chunk by chunk."""
        if isinstance(self._chunks, tuple | list):
            data = b"".join(self._chunks)
            self.size = len(data)
            return data
        return self._stream()

    def _stream(self) -> Iterator[bytes]:
        try:
            for chunk in self._chunks:
                self.size += len(chunk)
                yield chunk
        except OSError as error:
            self.failed = error
            raise
