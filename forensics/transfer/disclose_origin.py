"""custody/origin/ of a subset: the origin's seal, the disclosed lines, a proof for each (docs/format.md §14)."""

from __future__ import annotations

import os
import re
from pathlib import Path
from types import TracebackType
from typing import Self

from forensics.custody.ledger import write_file
from forensics.custody.proving import SealedLedger, read_whole
from forensics.errors import InputError
from forensics.hashing.osapi import datasync, sync_file_system, sync_folder
from forensics.hashing.write import storage_error, write_all

#: an RFC 3161 token has a few KB
MAX_TOKEN = 1 << 20
MAX_TOKENS = 64
_TOKEN = re.compile(r"[a-z0-9][a-z0-9._-]{0,95}\.tsr")
_NEW: int = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class OriginFolder:
    """Writes custody/origin of an open subset; made durable when it is left."""

    def __init__(self, subset: Path, origin: SealedLedger) -> None:
        self.path, self.origin = subset / "custody" / "origin", origin
        self.lines = 0
        self._fd = -1

    def __enter__(self) -> Self:
        try:
            (self.path / "proofs").mkdir(parents=True)
            self._fd = os.open(self.path / "lines.jsonl", _NEW, 0o600)
        except OSError as error:
            raise storage_error(error, str(self.path)) from error
        return self

    def add(self, seq: int, line: bytes) -> None:
        """Add one line (without LF), ascending, and its proof.

        :raises StorageError:
        """
        place = self.path / "proofs" / f"{seq:012d}.tlog-proof"
        try:
            write_all(self._fd, line + b"\n", str(self.path / "lines.jsonl"))
            proof = os.open(place, _NEW, 0o600)
            try:
                write_all(proof, self.origin.proof(seq), str(place))
            finally:
                os.close(proof)
        except OSError as error:
            raise storage_error(error, str(place)) from error
        self.lines += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                datasync(self._fd)
        except OSError as failed:
            raise storage_error(failed, str(self.path)) from failed
        finally:
            os.close(self._fd)
        if kind is None:
            self._seal_and_tokens()
            self._durable()

    def _seal_and_tokens(self) -> None:
        write_file(self.path / "seal.json", self.origin.seal)
        write_file(self.path / "seal.json.sig", self.origin.signature)
        for name in tokens(self.origin.path):
            write_file(self.path / name, read_whole(self.origin.path / "custody" / name, MAX_TOKEN))

    def _durable(self) -> None:
        """The proofs are many and small: one call for the file system where it has one."""
        proofs = self.path / "proofs"
        try:
            if not sync_file_system(str(self.path)):
                for place in proofs.iterdir():
                    fd = os.open(place, os.O_RDWR)
                    try:
                        datasync(fd)
                    finally:
                        os.close(fd)
            for folder in (proofs, self.path, self.path.parent):
                sync_folder(str(folder))
        except OSError as error:
            raise storage_error(error, str(proofs)) from error


def tokens(bag: Path) -> list[str]:
    """Names of a bag's time tokens.

    :raises InputError: if they are more than any bag needs.
    """
    names = sorted(path.name for path in (bag / "custody").iterdir() if _TOKEN.fullmatch(path.name))
    if len(names) > MAX_TOKENS:
        raise InputError(f"{len(names)} time tokens; at most {MAX_TOKENS} go along", where=str(bag / "custody"))
    return names
