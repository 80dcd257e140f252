"""The writer of a transport stream: members of a tar, compressed, encrypted (docs/format.md §16)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from forensics.custody.compact import dumps
from forensics.custody.lines import now
from forensics.transfer.cipher import Encrypting, Writer
from forensics.transfer.form import BEGIN, END, FORMAT, MAX_MEMBER, check_path
from forensics.transfer.tarblocks import TRAILER, Reader, header, padding

LEVEL = 3
#: what is read of a file at once, in bytes
READ = 1 << 18
_PLAIN = re.compile(r"[a-z0-9/._-]+")
#: small members are joined up to this many bytes before they are compressed
JOIN = 1 << 17


class TransportWriter:
    """Writes one stream. What was written can be unpacked as far as it came.

    :param out: takes the encrypted bytes.
    :param recipients: of pyrage; see :func:`forensics.transfer.recipients.load_recipients`.
    :param threads: of zstd; 0 = in the caller's thread.
    :ivar files: number of files so far; *lines* of the ledger's lines; *bytes* of their contents.
    """

    def __init__(self, out: Writer, recipients: Sequence[Any], *, level: int = LEVEL, threads: int = 2) -> None:
        import zstandard

        self.files = self.lines = self.bytes = 0
        self._parts = 0
        self._joined = bytearray()
        self._cipher = Encrypting(out, recipients)
        self._packer = zstandard.ZstdCompressor(level=level, threads=threads, write_checksum=True).compressobj()

    def begin(self, bag: str) -> None:
        """Write the first member."""
        self._member(BEGIN, dumps({"format": FORMAT, "bag": bag, "t": now()}).encode("ascii") + b"\n")

    def file(self, path: str, stream: Reader) -> str:
        """Send a file of the bag; return the SHA-256 of what was sent.

        :param stream: read to its end.
        :raises Unsafe: for a path that no reader would take.
        :raises OSError: what reading raised, or what the output did.
        """
        check_path(path)
        digest, total = hashlib.sha256(), 0
        while data := _up_to(stream, MAX_MEMBER):
            digest.update(data)
            total += len(data)
            self._member(f"part/{self._parts:012d}", data)
            self._parts += 1
            if len(data) < MAX_MEMBER:
                break
        sha256 = digest.hexdigest()
        name = f'"{path}"' if _PLAIN.fullmatch(path) else dumps([path])[1:-1]
        line = f'{{"path":{name},"size":{total},"sha256":"{sha256}"}}\n'
        self._member(f"file/{self.files:012d}", line.encode("ascii"))
        self.files += 1
        self.bytes += total
        return sha256

    def ledger(self, lines: bytes) -> None:
        """Send whole lines of the ledger: those behind what was sent before, at most 16 MiB."""
        if not lines:
            return
        if len(lines) > MAX_MEMBER or not lines.endswith(b"\n"):
            raise ValueError("no whole lines of a ledger, or too many")
        self._member(f"ledger/{self.lines:012d}", lines)
        self.lines += lines.count(b"\n")

    def flush(self) -> None:
        """Let go of what was compressed so far: all but the last 64 KiB then reach the output."""
        self._compress()
        self._cipher.write(self._packer.flush(_flush_block()))

    def end(self) -> None:
        """Write the last member and finish the stream.

        :raises OSError: what the output raised.
        """
        self._member(END, dumps({"files": self.files, "lines": self.lines}).encode("ascii") + b"\n")
        self._joined += TRAILER
        self.stop()

    def stop(self) -> None:
        """Finish compression and encryption where the stream is: without :meth:`end` it is a cut one."""
        self._compress()
        self._cipher.write(self._packer.flush())
        self._cipher.finish()

    def abandon(self) -> None:
        """The output failed, or is not wanted any more: nothing further is written."""
        self._cipher.abandon()

    def _member(self, name: str, data: bytes) -> None:
        self._joined += header(name, len(data))
        if len(data) > JOIN:
            self._compress()
            self._cipher.write(self._packer.compress(data))
        else:
            self._joined += data
        self._joined += padding(len(data))
        if len(self._joined) > JOIN:
            self._compress()

    def _compress(self) -> None:
        data = self._packer.compress(bytes(self._joined))
        self._joined.clear()
        if data:
            self._cipher.write(data)


def _flush_block() -> int:
    import zstandard

    return int(zstandard.COMPRESSOBJ_FLUSH_BLOCK)


def _up_to(stream: Reader, size: int) -> bytes:
    """Read *size* bytes, fewer only at the end."""
    data = stream.read(min(size, READ))
    if len(data) < READ:
        more = stream.read(READ)
        if not more:
            return data
        data += more
    blocks, have = [data], len(data)
    while have < size and (data := stream.read(min(READ, size - have))):
        blocks.append(data)
        have += len(data)
    return b"".join(blocks)
