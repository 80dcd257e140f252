"""What a stream is wrapped in, told by its first bytes: age, then zstd, then the tar (docs/format.md §16)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forensics.errors import ConfigError
from forensics.transfer.cipher import MAGIC, Decrypting, Undecryptable
from forensics.transfer.form import BEGIN, MAX_WINDOW, Altered, Unsafe
from forensics.transfer.tarblocks import Reader

ZSTD = b"\x28\xb5\x2f\xfd"
ARMOUR = b"-----BEGIN AGE"
#: the first bytes: as many as reach to a tar's own mark, at 257
LOOK = 262
#: compressed bytes that are asked for at once
STEP = 1 << 16


class Again:
    """A reader whose first bytes were looked at already."""

    def __init__(self, head: bytes, stream: Reader) -> None:
        self._head, self._stream = head, stream

    def read(self, size: int, /) -> bytes:
        """Return 1 to *size* bytes, b"" at the end."""
        if self._head:
            found, self._head = self._head[:size], self._head[size:]
            return found
        return self._stream.read(size)


class Layers:
    """The tar within a stream.

    :param identities: of pyrage; needed if the stream is encrypted.
    :ivar encrypted: whether it is.
    """

    def __init__(self, stream: Reader, identities: Sequence[Any] = ()) -> None:
        self._cipher: Decrypting | None = None
        self.stream = stream
        head, stream = _look(stream)
        if head.startswith(ARMOUR):
            raise Undecryptable("an armoured age file: a transport stream is binary (age -d reads armour)")
        self.encrypted = bool(head) and MAGIC.startswith(head[: len(MAGIC)])
        if self.encrypted:
            if not identities:
                raise ConfigError("the stream is encrypted", hint="Give --identity FILE, an age identity.")
            stream = self._cipher = Decrypting(stream, identities)
            head, stream = _look(stream)
        if head.startswith(ZSTD[: len(head)]) and head:
            stream = _Unpacked(stream)
        elif not head or not (head[257:262] == b"ustar" or BEGIN.encode().startswith(head[: len(BEGIN)])):
            raise Undecryptable("no transport stream: neither age nor zstd nor its tar")
        self._tar = stream

    def read(self, size: int, /) -> bytes:
        """Return 1 to *size* bytes of the tar, b"" at the end.

        :raises Undecryptable: if nothing of it decrypts.
        :raises Unsafe: for a zstd window beyond 8 MiB.
        :raises Altered: for bytes that are no zstd.
        """
        return self._tar.read(size)

    @property
    def fault(self) -> str:
        """Behind the end: what was wrong with the encrypted stream, "" if it was whole."""
        return self._cipher.fault if self._cipher is not None else ""

    @property
    def altered(self) -> bool:
        """Behind the end: whether the encrypted stream goes on after what was wrong: then it was not cut."""
        return self._cipher is not None and self._cipher.goes_on

    def close(self) -> None:
        """Read no more."""
        if self._cipher is not None:
            self._cipher.close()


def _look(stream: Reader) -> tuple[bytes, Reader]:
    """The first bytes, as many as tell what it is, and a reader that gives them again."""
    head = b""
    while len(head) < LOOK and (more := stream.read(LOOK - len(head))):
        head += more
    return head, Again(head, stream)


class _Unpacked:
    """zstd, with bounded windows; output comes in the sizes that are asked for, so that no bomb fits in memory."""

    def __init__(self, stream: Reader) -> None:
        import zstandard

        self._error = zstandard.ZstdError
        packer = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW)
        source: Any = _Sized(stream)  # it needs no more of a file than read()
        self._reader = packer.stream_reader(source, read_size=STEP, read_across_frames=True)

    def read(self, size: int, /) -> bytes:
        try:
            return bytes(self._reader.read(size))
        except self._error as error:
            if "memory" in str(error) or "window" in str(error).lower():
                raise Unsafe("a zstd frame that asks for more memory than 8 MiB") from None
            raise Altered(f"not zstd ({error})") from None


class _Sized:
    """What zstandard reads from: it asks for ``read(size)`` with a size of its own."""

    def __init__(self, stream: Reader) -> None:
        self._stream = stream

    def read(self, size: int = STEP) -> bytes:
        return self._stream.read(size)
