"""Adding files to a sealed bag, so that no interruption leaves it INVALID (docs/format.md §8, §9).

A sealed bag is a closed list, and a statement is a pair of files: with half a pair, or a temporary
name, it would be INVALID. The one place where a closed list looks away is litter of operating
systems (§8), so what is not finished lies in ``custody/.TemporaryItems``, where macOS puts
unfinished files too: a bag left like that has a note and is sound. ``custody/after`` as a whole
is made there anew and changes places with the old one in one step.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from forensics.custody.exchange import exchange
from forensics.errors import InputError, NotABag, OutputLocked, OutputRefused, StorageError
from forensics.hashing.osapi import datasync, sync_folder, try_lock
from forensics.hashing.write import storage_error, write_all

ROOM = ".TemporaryItems"
_NEW, _OLD, _LOCK = "sealbag-new", "sealbag-old", "sealbag-lock"
MAX_FILES = 250_000
_WAIT_SECONDS = 10.0


class Adding:
    """The right to add to one sealed bag: one process at a time. Get it from :func:`adding`."""

    def __init__(self, bag: Path) -> None:
        self.custody = bag / "custody"
        self.room = self.custody / ROOM
        self.after = self.custody / "after"

    def pairs(self, files: Mapping[str, bytes]) -> None:
        """Put files into ``custody/after``: all of them or none.

        :param files: bytes by name; a name that is there already keeps its bytes.
        :raises StorageError: nothing was added.
        """
        new = self.room / _NEW
        try:
            new.mkdir()
            held = self._carry(new)
            for name, data in files.items():
                if name not in held:
                    write_new(new / name, data)
            sync_folder(str(new))
            self._take_place(new)
            sync_folder(str(self.custody))
        except OSError as error:
            raise storage_error(error, str(self.after)) from error
        finally:
            _clear(new)

    def file(self, name: str, data: bytes) -> None:
        """Put one file into ``custody``.

        :raises OutputRefused: if the name is taken.
        """
        target, new = self.custody / name, self.room / _NEW
        if os.path.lexists(target):
            raise OutputRefused("there is such a file already", where=str(target))
        try:
            new.mkdir()
            write_new(new / name, data)
            os.rename(new / name, target)
            sync_folder(str(self.custody))
        except OSError as error:
            raise storage_error(error, str(target)) from error
        finally:
            _clear(new)

    def _carry(self, new: Path) -> set[str]:
        """Give the new folder what the old one holds."""
        names: set[str] = set()
        if not os.path.lexists(self.after):
            return names
        _real_folder(self.after)
        with os.scandir(self.after) as entries:
            for entry in entries:
                if len(names) >= MAX_FILES or not entry.is_file(follow_symlinks=False):
                    raise InputError(
                        "custody/after holds what is no statement", where=entry.path, hint="Run sealbag verify."
                    )
                try:
                    os.link(entry.path, new / entry.name)
                except OSError:  # a file system without hard links
                    shutil.copy2(entry.path, new / entry.name, follow_symlinks=False)
                names.add(entry.name)
        return names

    def _take_place(self, new: Path) -> None:
        if not self.after.is_dir():
            os.rename(new, self.after)
        elif not exchange(str(new), str(self.after)):
            # Not atomic here: killed between the two, the bag has no statements until restore() or the next
            # writer puts them back. It is sound all the same, and readers say so.
            os.rename(self.after, self.room / _OLD)
            os.rename(new, self.after)
            _clear(self.room / _OLD)

    def restore(self) -> None:
        """Put back what a killed process had set aside; drop what it had not finished."""
        old = self.room / _OLD
        if old.is_dir() and not old.is_symlink() and not os.path.lexists(self.after):
            os.rename(old, self.after)
        _clear(self.room / _NEW)
        _clear(old)


def set_aside(bag: Path) -> bool:
    """True if a killed process left the bag's statements beside their place: the next writer puts them back."""
    custody = bag / "custody"
    return (custody / ROOM / _OLD).is_dir() and not os.path.lexists(custody / "after")


@contextmanager
def adding(bag: Path) -> Iterator[Adding]:
    """Hold a sealed bag for adding statements or time tokens.

    Another process that adds at this moment is waited for, at most ten seconds.

    :raises NotABag, InputError: if it is no sealed bag, or a link stands where a folder belongs.
    :raises OutputLocked: if another process keeps adding.
    :raises StorageError, OutputRefused: if the bag cannot be written to.
    """
    here = Adding(bag)
    if not os.path.lexists(here.custody / "ledger.jsonl"):
        raise NotABag("no evidence bag here (no custody/ledger.jsonl)", where=str(bag))
    _real_folder(here.custody)
    if not all(os.path.isfile(here.custody / name) for name in ("seal.json", "seal.json.sig")):
        raise InputError("the bag is not sealed: statements come after the seal", where=str(bag), hint="Seal it first.")
    descriptor = _lock(here)
    try:
        here.restore()
        yield here
    finally:
        _unlock(here, descriptor)


def _lock(here: Adding) -> int:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
    path, deadline = here.room / _LOCK, time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            here.room.mkdir(exist_ok=True)
            _real_folder(here.room)
            descriptor = os.open(path, flags, 0o600)
        except FileNotFoundError:
            continue  # another process has just ended and removed the folder
        except PermissionError as error:
            raise OutputRefused("the bag may not be written to", where=str(here.custody), hint=_COPY) from error
        except OSError as error:
            raise storage_error(error, str(path)) from error
        if try_lock(descriptor) and _is_named(descriptor, path):
            return descriptor
        os.close(descriptor)
        if time.monotonic() > deadline:
            raise OutputLocked("another process is adding to this bag", where=str(here.custody))
        time.sleep(0.01)


def _unlock(here: Adding, descriptor: int) -> None:
    path = here.room / _LOCK
    with suppress(OSError):
        os.unlink(path)  # while it is held: nobody can lock it and believe that it is the bag's
    os.close(descriptor)
    if os.name == "nt":
        with suppress(OSError):
            os.unlink(path)  # there an open file cannot be removed
    with suppress(OSError):
        os.rmdir(here.room)


_COPY = "Copy the bag to a place that can be written to; statements of copies are put together by sealbag merge."


def _is_named(descriptor: int, path: Path) -> bool:
    """True unless the file that was locked has been removed meanwhile."""
    with suppress(OSError):
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    return False


def _real_folder(path: Path) -> None:
    """:raises InputError: for a link: writing must not leave the bag."""
    if not stat.S_ISDIR(os.lstat(path).st_mode):
        raise InputError("not a folder of the bag's own", where=str(path), hint="Run sealbag verify.")


def write_new(path: Path, data: bytes) -> None:
    """Write a new file and make it durable.

    :raises OSError, StorageError: also if there is one of that name.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(path, flags, 0o644)
    try:
        write_all(descriptor, data, str(path))
        datasync(descriptor)
    finally:
        os.close(descriptor)


def _clear(folder: Path) -> None:
    """Remove a folder of ours with the files in it; what cannot be removed stays, as litter."""
    with suppress(OSError, StorageError):
        if folder.is_symlink():
            folder.unlink()
        elif folder.is_dir():
            for entry in list(os.scandir(folder)):
                os.unlink(entry.path)
            folder.rmdir()
