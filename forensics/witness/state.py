"""What a witness remembers of each bag: one small file an origin, replaced whole and durable before an answer.

::

    STATE/witness.json          whose state this is: name and verifier key
    STATE/lock                  one server at a time
    STATE/bags/<32 hex>.json    origin, current run key, size and root of what was last cosigned, that note
    STATE/log.jsonl             every opening, rotation, cosignature and contradiction, oldest first
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from forensics.custody.ledger import write_file
from forensics.custody.lines import now
from forensics.custody.notes import MAX_NOTE
from forensics.custody.witnessing import bag_of
from forensics.errors import ConfigError, InputError, OutputLocked, OutputRefused
from forensics.hashing.osapi import datasync, sync_folder, try_lock
from forensics.hashing.write import storage_error, write_all

FORMAT = "sealbag-witness/1"
MAX_BAGS = 100_000
MAX_RECORD = 2 * MAX_NOTE + 4096
_NAME = re.compile(r"([0-9a-f]{32})\.json")


@dataclass(frozen=True, slots=True)
class Record:
    """What is remembered of one bag.

    :param run_key: hex of the current run key's 32 bytes.
    :param keys: how many keys it has had; *openings*: how often one came with the token (1 = never resumed).
    :param size, root: of the last cosigned checkpoint (0 and "" = none yet); *note*: that note, cosigned.
    :param refused: how many contradictions were logged.
    """

    origin: str
    run_key: str
    opened: str
    keys: int = 1
    openings: int = 1
    size: int = 0
    root: str = ""
    note: str = ""
    seen: str = ""
    refused: int = 0


class State:
    """The folder of a witness. One process and one thread at a time: who serves holds a lock around each answer."""

    def __init__(self, folder: Path, *, reading: bool = False) -> None:
        """Open a state folder, made if it is missing.

        :param reading: look only: no lock, nothing is made.
        :raises OutputLocked: if another server has it.
        :raises InputError: if it is to be read and is none.
        """
        self.folder, self._log, self._lock = folder, -1, -1
        self._bags = folder / "bags"
        if reading:
            if not self._bags.is_dir():
                raise InputError("no state of a witness here", where=str(folder), hint="Name the folder of --state.")
            return
        try:
            self._bags.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = _open(folder / "lock")
            if not try_lock(self._lock):
                raise OutputLocked("another witness serves from this state", where=str(folder))
            for unfinished in (*folder.glob(".*.new"), *self._bags.glob(".*.new")):
                unfinished.unlink()
            self._count = sum(1 for _ in self._names())
            self._log = _open(folder / "log.jsonl")
            _cut_torn(self._log)
        except OSError as error:
            self.close()
            raise storage_error(error, str(folder)) from error
        except BaseException:
            self.close()
            raise

    def pin(self, verifier_key: str) -> None:
        """Make this state one witness's: a state under another key would be another's promise.

        :raises ConfigError: if it is another's.
        """
        path = self.folder / "witness.json"
        wanted = {"format": FORMAT, "verifier_key": verifier_key}
        if not path.exists():
            write_file(path, _dump(wanted))
        elif _load(path) != wanted:
            raise ConfigError("this state belongs to a witness with another name or key", where=str(path))

    def record(self, origin: str) -> Record | None:
        """What is remembered of a bag, None if it never opened here.

        :raises ConfigError: if its file is damaged: no cosignature is given then.
        """
        path = self._path(origin)
        return _record(path, origin) if path.exists() else None

    def keep(self, record: Record) -> None:
        """Make a record durable.

        :raises OutputRefused: if there are 100,000 bags already.
        :raises StorageError, DiskFull:
        """
        path = self._path(record.origin)
        new = not path.exists()
        if new and self._count >= MAX_BAGS:
            raise OutputRefused(f"this witness has {MAX_BAGS:,} bags: it takes no more", where=str(self.folder))
        write_file(path, _dump(asdict(record)))
        self._count += new

    def log(self, event: str, record: Record, **fields: Any) -> None:
        """Add a line, durably."""
        row = {"t": now(), "event": event, "origin": record.origin, "before": record.size, **fields}
        try:
            write_all(self._log, _dump(row), "log.jsonl")
            datasync(self._log)
        except OSError as error:
            raise storage_error(error, str(self.folder / "log.jsonl")) from error

    def records(self) -> Iterator[Record]:
        """All bags, by name.

        :raises ConfigError: at one whose file is damaged.
        """
        for name in sorted(self._names()):
            yield _record(self._bags / name, f"sealbag/{name[:32]}")

    def close(self) -> None:
        """Let go."""
        for fd in (self._log, self._lock):
            if fd >= 0:
                os.close(fd)
        self._log = self._lock = -1

    def _names(self) -> Iterator[str]:
        with os.scandir(self._bags) as entries:
            for entry in entries:
                if _NAME.fullmatch(entry.name):
                    yield entry.name

    def _path(self, origin: str) -> Path:
        return self._bags / f"{bag_of(origin)}.json"


def refused(record: Record) -> Record:
    """The record after one more contradiction."""
    return replace(record, refused=record.refused + 1)


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    fd = os.open(path, flags, 0o600)
    sync_folder(str(path.parent))
    return fd


def _cut_torn(fd: int) -> None:
    """A line that a crash cut off was never answered for."""
    size = end = os.lseek(fd, 0, os.SEEK_END)
    while end > 0:
        start = max(0, end - 65536)
        os.lseek(fd, start, os.SEEK_SET)
        found = os.read(fd, end - start).rfind(b"\n")
        if found >= 0:
            end = start + found + 1
            break
        end = start
    if end < size:
        os.ftruncate(fd, end)


def _dump(row: dict[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


def _load(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_RECORD + 1)
        if len(data) > MAX_RECORD:
            raise ValueError("too long")
        return json.loads(data)
    except (OSError, ValueError) as error:
        raise ConfigError("a file of this witness's state is damaged", where=str(path)) from error


def _record(path: Path, origin: str) -> Record:
    row = _load(path)
    try:
        record = Record(**row)
        if record.origin != origin or len(bytes.fromhex(record.run_key)) != 32:
            raise ValueError("not what it should be")
        if len(bytes.fromhex(record.root)) != (32 if record.size else 0) or not 0 <= record.size <= 1 << 53:
            raise ValueError("no tree head")
    except (TypeError, ValueError) as error:
        raise ConfigError("a file of this witness's state is damaged", where=str(path)) from error
    return record
