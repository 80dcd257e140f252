"""One writer a bag: custody/lock, held by the kernel and released with the process."""

from __future__ import annotations

import json
import os
from pathlib import Path

from forensics.custody.lines import host_name, now
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
        if not try_lock(self._fd):
            holder = self._holder()
            os.close(self._fd)
            self._fd = -1
            raise OutputLocked(f"another process is writing this bag ({holder})", where=str(bag))
        content = {"pid": os.getpid(), "host": host_name(), "boot": boot_id(), "t": now()}
        os.ftruncate(self._fd, 0)
        write_all(self._fd, json.dumps(content).encode() + b"\n", str(self.path))

    def _holder(self) -> str:
        try:
            held = json.loads(os.pread(self._fd, 4096, 0) if hasattr(os, "pread") else b"{}")
            return f"pid {int(held['pid'])} since {str(held['t'])[:30]}"
        except (ValueError, KeyError, TypeError, OSError):
            return "holder not named yet"

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
