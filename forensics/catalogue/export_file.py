"""One content on its way out of a bag: verified while it is written, never left in place if it is not right."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forensics.catalogue.contents import Piece, extents_of, files_of, pieces
from forensics.catalogue.names import parts_of, stream_name
from forensics.catalogue.placing import Placer
from forensics.catalogue.target import CANNOT_HOLD, Target
from forensics.catalogue.text import raw_of
from forensics.errors import DiskFull, InputError, StorageError
from forensics.hashing.write import write_all
from forensics.source.times import parse_rfc3339

#: errors of one file: its name or size is beyond this file system; the others go on
_ONE_FILE = CANNOT_HOLD | {errno.EFBIG, errno.EOVERFLOW}
_FULL = frozenset((errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)))


@dataclass(slots=True)
class Exported:
    """What an export gave.

    :param files: contents written and verified; *bytes*: their sizes.
    :param skipped: selected artefacts without a content, or whose name or size the target refuses.
    :param mismatched: contents that are missing, unreadable or not what was sealed: not left in place.
    """

    files: int = 0
    bytes: int = 0
    skipped: int = 0
    mismatched: int = 0


def tree_error(error: OSError, where: str) -> StorageError:
    """Return the error of this project for an OSError of the target."""
    kind = DiskFull if error.errno in _FULL else StorageError
    hint = "Free space or choose another --tree; an export cannot be resumed."
    return kind(f"cannot write the tree ({os.strerror(error.errno or 0)})", where=where, hint=hint)


class _Filling:
    """Puts stored bytes where they belong in the content: one range after the other, holes left out."""

    def __init__(self, fd: int, ranges: list[tuple[int, int]]) -> None:
        self._fd = fd
        self._ranges = iter(ranges)
        self._at = self._room = 0

    def put(self, piece: Piece) -> None:
        """Write bytes, or pass over so many zeros."""
        left = piece if isinstance(piece, int) else len(piece)
        done = 0
        while left:
            if not self._room:
                self._at, self._room = next(self._ranges)
                continue
            step = min(left, self._room)
            if not isinstance(piece, int):
                os.lseek(self._fd, self._at, os.SEEK_SET)
                write_all(self._fd, piece[done : done + step])
            done, left = done + step, left - step
            self._at, self._room = self._at + step, self._room - step


class Writer:
    """Writes contents of one bag below one target.

    :ivar out: what was written so far.
    """

    def __init__(self, bag: Path, target: Target) -> None:
        self.out = Exported()
        self._bag, self._target = bag, target
        self._placer = Placer(target)

    def one(self, line: Mapping[str, Any]) -> tuple[bytes | None, str]:
        """Write one content; return where it lies below the root, or None and why it does not.

        :raises StorageError: if the target fails.
        """
        try:
            files_of(line)
            ranges = extents_of(line)
        except InputError as error:
            self.out.mismatched += 1
            return None, error.what
        try:
            folder, name, fd = self._create(line)
        except OSError as error:
            return None, self._refused(error, line)
        reason = "not finished"
        try:
            reason = self._fill(fd, line, ranges)
        finally:
            os.close(fd)
            if reason:
                self._target.remove(folder, name)
        if reason:
            return None, reason
        self._set_times(folder, name, line)
        self.out.files += 1
        self.out.bytes += line["size"]
        return folder + b"/" + name, ""

    def _create(self, line: Mapping[str, Any]) -> tuple[bytes, bytes, int]:
        raw, stream = _bytes(line["path"]), line.get("stream")
        *folders, name = parts_of(raw)
        top = f"{line.get('source', 'none')}-{line['volume']}" if "volume" in line else line.get("source", "none")
        if line.get("type") == "produced":
            top = "produced"
        folder = self._placer.folder([top.encode("utf-8", "surrogatepass"), *folders])
        name, fd = self._placer.file(folder, stream_name(name, None if stream is None else _bytes(stream)))
        return folder, name, fd

    def _fill(self, fd: int, line: Mapping[str, Any], ranges: list[tuple[int, int]] | None) -> str:
        """Copy and verify; return why the file must not stay, "" if it may."""
        size = line["size"] if ranges is None else line.get("logical_size", sum(ranges[-1]) if ranges else 0)
        filling = _Filling(fd, [(0, size)] if ranges is None else ranges)
        try:
            os.ftruncate(fd, size)
            for piece in pieces(self._bag, line):
                filling.put(piece)
        except InputError as error:
            self.out.mismatched += 1
            return error.what
        except StorageError as error:
            if isinstance(error.__cause__, OSError):
                return self._refused(error.__cause__, line)
            raise
        except OSError as error:
            return self._refused(error, line)
        return ""

    def _refused(self, error: OSError, line: Mapping[str, Any]) -> str:
        """Say why the target does not hold this one; raise if it holds nothing more."""
        if error.errno not in _ONE_FILE:
            raise tree_error(error, f"seq {line['seq']}") from error
        self.out.skipped += 1
        return f"the target does not hold it ({os.strerror(error.errno or 0)})"

    def _set_times(self, folder: bytes, name: bytes, line: Mapping[str, Any]) -> None:
        m, a = _time(line.get("m")), _time(line.get("a"))
        if m is None and a is None:
            return
        now = time.time_ns()
        try:
            self._target.set_times(folder, name, now if a is None else a, now if m is None else m)
        except (OSError, OverflowError, ValueError):
            return  # a time that this file system cannot hold: the map's row leads to the ledger's


def _bytes(text: str) -> bytes:
    raw = raw_of(text)
    return text.encode("utf-8", "surrogatepass") if raw is None else raw


def _time(text: str | None) -> int | None:
    try:
        return None if text is None else parse_rfc3339(text)
    except ValueError:
        return None
