"""Encryption and decryption of a stream with age (age-encryption.org/v1), by pyrage in a thread of its own.

So that reading, hashing, compressing and encrypting overlap: see docs/decisions/0047.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import ModuleType
from typing import Any, Protocol

from forensics.errors import FeatureUnavailable, SealbagError
from forensics.transfer.pipe import Pipe
from forensics.transfer.tarblocks import Reader

MAGIC = b"age-encryption.org/v1\n"
#: the recipients' part of a stream; twenty recipients take 2.5 KB
MAX_HEADER = 64 << 10


class Writer(Protocol):
    """Where a stream goes."""

    def write(self, data: bytes, /) -> object: ...


def age() -> ModuleType:
    """The library.

    :raises FeatureUnavailable: without the extra.
    """
    try:
        import pyrage
    except ImportError:
        raise FeatureUnavailable(
            "encryption needs the extra transport (pyrage)", hint="pip install 'sealbag[transport]'"
        ) from None
    module: ModuleType = pyrage
    return module


class Undecryptable(OSError):
    """Nothing of the stream can be decrypted: another identity, a damaged header, no age stream."""


class Encrypting:
    """A writer that encrypts to *out*; :meth:`finish` or :meth:`abandon` ends it.

    :param gather: bytes that are kept until so many can be written at once; 0 = each chunk of 64 KiB goes out.
    """

    def __init__(self, out: Writer, recipients: Sequence[Any], gather: int = 0) -> None:
        self._pipe = Pipe()
        self._out = _Outgoing(out, gather)
        self._thread = ThreadPoolExecutor(1, "age")
        self._done: Future[None] = self._thread.submit(self._run, age(), list(recipients))

    def _run(self, library: ModuleType, recipients: list[Any]) -> None:
        try:
            library.encrypt_io(self._pipe, self._out, recipients)
            self._out.drain()
        finally:
            self._pipe.abandon()

    def write(self, data: bytes) -> None:
        """Encrypt these bytes.

        :raises OSError: what *out* raised.
        """
        try:
            self._pipe.write(data)
        except BrokenPipeError:
            self._result()
            raise

    def finish(self) -> None:
        """Write what is left and the end of the stream."""
        self._pipe.end()
        self._result()

    def abandon(self) -> None:
        """Write no more: the stream stays cut."""
        self._out.closed = True
        self._pipe.end()
        self._thread.shutdown(wait=True)

    def _result(self) -> None:
        try:
            self._done.result()
        finally:
            self._thread.shutdown(wait=True)
            if self._out.error is not None:
                raise self._out.error  # the library tells of it in words only


class _Outgoing:
    """What pyrage writes to; an error of the output is kept as it was."""

    def __init__(self, out: Writer, gather: int) -> None:
        self._out, self._gather = out, gather
        self._blocks: list[bytes] = []
        self._waiting = 0
        self.error: SealbagError | OSError | None = None
        self.closed = False

    def write(self, data: bytes) -> int:
        if self.closed:
            raise BrokenPipeError("the stream was given up")
        self._blocks.append(data)
        self._waiting += len(data)
        if self._waiting > self._gather:
            self.drain()
        return len(data)

    def drain(self) -> None:
        if self.closed:
            raise BrokenPipeError("the stream was given up")
        data = b"".join(self._blocks)
        self._blocks.clear()
        self._waiting = 0
        try:
            self._out.write(data)
        except (SealbagError, OSError) as error:
            self.error = error
            raise

    def flush(self) -> None:
        """Whoever owns the stream flushes it."""


class _Incoming:
    """What pyrage reads from; knows whether the stream was read to its end."""

    def __init__(self, head: bytes, stream: Reader) -> None:
        self._head, self._stream = head, stream
        self.error: SealbagError | OSError | None = None

    def read(self, size: int = -1) -> bytes:
        if self._head:
            found, self._head = self._head[:size], self._head[size:]
            return found
        try:
            return self._stream.read(size)
        except (SealbagError, OSError) as error:
            self.error = error
            raise


class Decrypting:
    """A reader of what is decrypted from *stream*; every byte that it gives was authenticated.

    :raises Undecryptable: from the first read, if nothing decrypts.
    """

    def __init__(self, stream: Reader, identities: Sequence[Any]) -> None:
        head = _read_header(stream)
        self._pipe = Pipe()
        self._in = _Incoming(head, stream)
        self._given = False
        #: after the end: "" if the stream was whole, else what was wrong; :attr:`goes_on` if bytes follow behind it
        self.fault = ""
        self.goes_on = False
        self._thread = ThreadPoolExecutor(1, "age")
        self._done: Future[None] = self._thread.submit(self._run, age(), list(identities))

    def _run(self, library: ModuleType, identities: list[Any]) -> None:
        try:
            library.decrypt_io(self._in, self._pipe, identities)
        except (library.DecryptError, SealbagError, OSError, ValueError) as error:
            self.fault = str(error)[:200] or type(error).__name__
            if self._in.error is None:
                self.goes_on = bool(self._in.read(1))
        finally:
            self._pipe.end()

    def read(self, size: int) -> bytes:
        """Return 1 to *size* bytes, b"" at the end.

        :raises OSError: what reading the stream raised.
        """
        data = self._pipe.read(size)
        if data:
            self._given = True
            return data
        self._done.result()
        if self._in.error is not None:
            raise self._in.error
        if self.fault and not self._given:
            raise Undecryptable(f"no identity that was given decrypts it, or it is damaged ({self.fault})")
        return b""

    def close(self) -> None:
        """Read no more."""
        self._pipe.abandon()
        self._thread.shutdown(wait=True)


def _read_header(stream: Reader) -> bytes:
    """As much of the stream as holds the header, bounded: the library reads a header of any length."""
    head = b""
    while len(head) < MAX_HEADER and b"\n--- " not in head:
        more = stream.read(MAX_HEADER - len(head))
        if not more:
            break
        head += more
    if not head.startswith(MAGIC) or b"\n--- " not in head:
        raise Undecryptable("no header of an age stream, or one of more than 64 KiB")
    _check_stanzas(head[: head.index(b"\n--- ")].split(b"\n")[1:])
    return head


def _check_stanzas(lines: list[bytes]) -> None:
    """Each recipient's body ends with a line of less than 64 columns; the library lets it be missing."""
    body = False
    for line in lines:
        if body is line.startswith(b"-> "):
            raise Undecryptable("a damaged header of an age stream")
        body = not body or len(line) == 64
    if body:
        raise Undecryptable("a damaged header of an age stream")


def raw(stream: io.RawIOBase | io.BufferedIOBase) -> Reader:
    """A file as a reader that may return less than asked for."""
    read1 = getattr(stream, "read1", None)
    return _Read1(read1) if read1 is not None else stream


class _Read1:
    def __init__(self, read1: Any) -> None:
        self._read1 = read1

    def read(self, size: int, /) -> bytes:
        return bytes(self._read1(size))
