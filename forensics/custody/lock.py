"""One writer a bag: custody/lock, held by the kernel and released with the process."""

from __future__ import annotations

import json
import os
from pathlib import Path

from forensics.custody.lines import LEDGER, host_name, now
from forensics.errors import OutputLocked
from forensics.hashing.osapi import boot_id, try_lock
from forensics.hashing.write import storage_error, write_all


class BagLock:
    """An exclusive lock on a bag; a lock file that nobody locks is stale and taken over."""

    def __init__(self, bag: Path) -> None:
        self.path = bag / "custody" / "lock"
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
        try:
            self._fd = os.open(self.path, flags, 0o600)
        except OSError as error:
            raise storage_error(error, str(self.path)) from error
        try:
            if not try_lock(self._fd):
                raise OutputLocked(f"another process is writing this bag ({_holder(self.path)})", where=str(bag))
            content = {"pid": os.getpid(), "host": host_name(), "boot": boot_id(), "t": now()}
            os.ftruncate(self._fd, 0)
            write_all(self._fd, json.dumps(content).encode() + b"\n", str(self.path))
        except OSError as error:
            self.release()
            raise storage_error(error, str(self.path)) from error
        except BaseException:
            self.release()
            raise

    def release(self, *, remove: bool = False) -> None:
        """Give the lock up; *remove* the file (the seal does)."""
        if self._fd < 0:
            return
        if remove:
            # removed while still held: nobody can lock a file between unlink and close
            # and believe it is the bag's
            self.path.unlink(missing_ok=True)
        os.close(self._fd)
        self._fd = -1


def _holder(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            held = json.loads(stream.read(4096))
        return f"pid {int(held['pid'])} since {str(held['t'])[:30]}"
    except (ValueError, KeyError, TypeError, OSError):
        return "holder not named yet"


def refuse_held(bag: Path) -> None:
    """Refuse a bag that a process is writing; writes nothing, not even the lock's content.

    The ledger's lock is asked too: custody/lock goes before the seal is signed.

    :raises OutputLocked:
    """
    for path in (bag / "custody" / "lock", bag / LEDGER):
        try:
            fd = os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0))
        except FileNotFoundError:
            continue
        except OSError as error:
            raise storage_error(error, str(path)) from error
        try:
            free = try_lock(fd)
        finally:
            os.close(fd)
        if not free:
            raise OutputLocked(f"another process is writing this bag ({_holder(path)})", where=str(bag))
