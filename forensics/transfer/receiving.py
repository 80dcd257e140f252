"""A stream's files written to a folder: everything new, nothing followed, nothing outside."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import BinaryIO

from forensics.errors import DiskFull
from forensics.hashing.osapi import sync_file_system, sync_folder
from forensics.hashing.write import storage_error, write_all
from forensics.transfer.form import LEDGER, SEAL_SIG, Unsafe
from forensics.transfer.reading import Begun, Content, Ended, Event, Filed, Lines

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_LOOSE = "custody/.arriving"
_SIGNATURE = "custody/.signature"
#: left free on the disk that the bag is written to, in bytes
SPARE = 16 << 20


class Receiver:
    """Takes the events of one stream.

    :param folder: new and empty, on the disk where the bag is to stay.
    :param limit: bytes that may be written in all.
    :raises Unsafe: from :meth:`take`, for a path that is there already, or what goes beyond *limit*.
    :raises DiskFull, StorageError: from any call.
    """

    def __init__(self, folder: Path, limit: int | None) -> None:
        self.folder = folder
        self.bag = ""
        self.files = self.lines = self.bytes = 0
        free = max(0, shutil.disk_usage(folder).free - SPARE)
        self._limit, self._own = (limit, True) if limit is not None and limit <= free else (free, False)
        self._loose = -1
        self._has_signature = False
        self._folders: set[str] = set()
        self._ledger: BinaryIO | None = None
        for name in ("data/objects", "custody/checkpoints", "custody/keys", "custody/after"):
            self._make(name)

    def take(self, event: Event) -> None:
        """Take one event."""
        try:
            self._take(event)
        except OSError as error:
            raise storage_error(error, str(self.folder)) from error

    def _take(self, event: Event) -> None:
        match event:
            case Content(data):
                self._count(len(data))
                if self._loose < 0:
                    self._loose = os.open(self.folder / _LOOSE, _NEW, 0o600)
                write_all(self._loose, data, str(self.folder))
            case Filed(path):
                self._file(path)
            case Lines(_, count, data):
                self._count(len(data))
                self._lines(data)
                self.lines += count
            case Begun(bag):
                self.bag = bag
            case Ended():
                self._place_signature()

    def _count(self, size: int) -> None:
        self.bytes += size
        if self.bytes <= self._limit:
            return
        if self._own:
            raise Unsafe(f"more than the {self._limit} bytes that were allowed")
        raise DiskFull("the stream holds more than there is room for", where=str(self.folder), hint="Free space.")

    def _file(self, path: str) -> None:
        self.files += 1
        loose, final = self.folder / _LOOSE, self.folder / (_SIGNATURE if path == SEAL_SIG else path)
        self._make(path.rpartition("/")[0])
        if self._loose < 0:  # an empty file
            self._loose = os.open(loose, _NEW, 0o600)
        os.close(self._loose)
        self._loose = -1
        if os.path.lexists(final):
            raise Unsafe(f"{path} comes twice, or differs from another name in case alone")
        os.rename(loose, final)
        self._has_signature |= path == SEAL_SIG

    def _lines(self, data: bytes) -> None:
        if self._ledger is None:
            self._ledger = open(os.open(self.folder / LEDGER, _NEW, 0o600), "wb", buffering=0)  # noqa: PTH123
        write_all(self._ledger.fileno(), data, str(self.folder))

    def _make(self, folder: str) -> None:
        if not folder or folder in self._folders:
            return
        above = folder.rpartition("/")[0]
        self._make(above)
        try:
            os.mkdir(self.folder / folder, 0o700)
        except FileExistsError:
            raise Unsafe(f"{folder} is a file, or differs from another name in case alone") from None
        except OSError as error:
            raise storage_error(error, str(self.folder)) from error
        if len(self._folders) < 1024:  # else looked up on the disk; a bag has a few hundred
            self._folders.add(folder)

    def _place_signature(self) -> None:
        """The seal's signature gets its name when the stream has proved whole: what was cut stays unsealed."""
        if self._has_signature:
            os.rename(self.folder / _SIGNATURE, self.folder / SEAL_SIG)
            self._has_signature = False

    def settle(self) -> None:
        """No more is coming: remove what is no file of the bag, make the rest durable."""
        self.close()
        try:
            for name in (_LOOSE, _SIGNATURE):
                (self.folder / name).unlink(missing_ok=True)
            if not sync_file_system(str(self.folder)):
                _sync_each(self.folder)
        except OSError as error:
            raise storage_error(error, str(self.folder)) from error

    def close(self) -> None:
        """Close what is open."""
        if self._loose >= 0:
            os.close(self._loose)
            self._loose = -1
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None


def _sync_each(folder: Path) -> None:
    from forensics.hashing.osapi import datasync

    for place, _, names in os.walk(folder):
        for name in names:
            fd = os.open(os.path.join(place, name), os.O_RDWR | getattr(os, "O_BINARY", 0))
            try:
                datasync(fd)
            finally:
                os.close(fd)
        sync_folder(place)
