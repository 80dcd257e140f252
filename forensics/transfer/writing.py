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
from forensics.transfer.tarblocks import BLOCK, TRAILER, Reader, header, numbered, padding

LEVEL = 3
#: what is read of a file at once, in bytes; most files are smaller
READ = 1 << 16
#: bytes of one part: what was just read and hashed is still near the processor when it is compressed
PART = 1 << 20
#: parts of PART bytes before they become as large as can be: MAX_PARTS must do for any file
FINE_PARTS = 1 << 16
#: bytes that a thread of zstd takes at once: its own choice, 8 MiB, costs a third more of processor time here
JOB = 2 << 20
_OBJECT = re.compile(r"data/objects/[0-9a-f]{2}/[0-9a-f]{64}")
#: small members are joined up to this many bytes before they are compressed
JOIN = 1 << 18


class TransportWriter:
    """Writes one stream. What was written can be unpacked as far as it came.

    :param out: takes the encrypted bytes.
    :param recipients: of pyrage; see :func:`forensics.transfer.recipients.load_recipients`.
    :param threads: of zstd; 0 = in the caller's thread.
    :param gather: bytes that are handed on at once, to encryption and from it; with more than 0 :meth:`flush` leaves
        so many behind.
    :ivar files: number of files so far; *lines* of the ledger's lines; *bytes* of their contents.
    """

    def __init__(
        self, out: Writer, recipients: Sequence[Any], *, level: int = LEVEL, threads: int = 2, gather: int = 0
    ) -> None:
        import zstandard

        self.files = self.lines = self.bytes = 0
        self._parts = 0
        self._joined: list[bytes] = []
        self._waiting = 0  # bytes joined, nearly
        self._packed: list[bytes] = []
        self._held, self._gather = 0, gather  # bytes compressed and not yet handed on
        self._cipher = Encrypting(out, recipients, gather)
        how = zstandard.ZstdCompressionParameters.from_level(
            level, threads=threads, job_size=JOB if threads else 0, write_checksum=True
        )
        self._packer = zstandard.ZstdCompressor(compression_params=how).compressobj()

    def begin(self, bag: str) -> None:
        """Write the first member."""
        self._member(BEGIN, dumps({"format": FORMAT, "bag": bag, "t": now()}).encode("ascii") + b"\n")

    def file(self, path: str, stream: Reader) -> str:
        """Send a file of the bag; return the SHA-256 of what was sent.

        :param stream: read to its end.
        :raises Unsafe: for a path that no reader would take.
        :raises OSError: what reading raised, or what the output did.
        """
        name = f'"{path}"' if _OBJECT.fullmatch(path) else dumps([check_path(path)])[1:-1]
        data, more = stream.read(READ), b""
        sha256, total = hashlib.sha256(data).hexdigest(), len(data)
        # one that has the digest of its name is whole; of another its end must be seen
        if total < READ and (path[-64:] == sha256 or not (more := stream.read(READ))):
            if data:
                self._joined += (numbered(b"part", self._parts, total), data, padding(total))
                self._parts += 1
        else:
            sha256, total = self._large(stream, data + more)
        line = f'{{"path":{name},"size":{total},"sha256":"{sha256}"}}\n'.encode("ascii")
        self._joined += (numbered(b"file", self.files, len(line)), line, padding(len(line)))
        self._waiting += total + 3 * BLOCK
        if self._waiting > JOIN:
            self._compress()
        self.files += 1
        self.bytes += total
        return sha256

    def _large(self, stream: Reader, data: bytes) -> tuple[str, int]:
        """Send a file that begins with *data*, in parts; return its digest and size."""
        digest, total, first = hashlib.sha256(), 0, self._parts
        while data:
            size = PART if self._parts - first < FINE_PARTS else MAX_MEMBER
            blocks, have = [], 0
            while data:
                digest.update(data)
                blocks.append(data)
                have += len(data)
                data = stream.read(min(READ, size - have)) if have < size else b""
            self._joined.append(numbered(b"part", self._parts, have))
            self._compress()
            for block in blocks:
                self._send(block)
            self._joined.append(padding(have))
            self._parts += 1
            total += have
            data = stream.read(READ) if have == size else b""
        return digest.hexdigest(), total

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
        self._pass(self._packer.flush(_flush_block()))

    def end(self) -> None:
        """Write the last member and finish the stream.

        :raises OSError: what the output raised.
        """
        self._member(END, dumps({"files": self.files, "lines": self.lines}).encode("ascii") + b"\n")
        self._joined.append(TRAILER)
        self.stop()

    def stop(self) -> None:
        """Finish compression and encryption where the stream is: without :meth:`end` it is a cut one."""
        self._compress()
        self._pass(self._packer.flush())
        self._cipher.finish()

    def abandon(self) -> None:
        """The output failed, or is not wanted any more: nothing further is written."""
        self._cipher.abandon()

    def _member(self, name: str, data: bytes) -> None:
        self._joined += (header(name, len(data)), data, padding(len(data)))
        self._waiting += len(data) + BLOCK
        if self._waiting > JOIN:
            self._compress()

    def _compress(self) -> None:
        self._send(b"".join(self._joined))
        self._joined.clear()
        self._waiting = 0

    def _send(self, data: bytes) -> None:
        self._pass(self._packer.compress(data), self._gather)

    def _pass(self, packed: bytes, gather: int = 0) -> None:
        """Hand on to encryption what is compressed, if it is more than *gather* bytes."""
        self._packed.append(packed)
        self._held += len(packed)
        if self._held > gather:
            self._cipher.write(b"".join(self._packed))
            self._packed.clear()
            self._held = 0


def _flush_block() -> int:
    import zstandard

    return int(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
