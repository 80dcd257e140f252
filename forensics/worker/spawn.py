"""Starting a child process, from a thread that lives as long as this process."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from forensics.worker.limits import platform_limits

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

FROZEN_FLAG = "--sealbag-child"
_starters: dict[int, ThreadPoolExecutor] = {}
_lock = threading.Lock()


def command() -> list[str]:
    """Return the child's command line; the frozen agent is its own child."""
    if getattr(sys, "frozen", False):
        return [sys.executable, FROZEN_FLAG]
    return [sys.executable, "-I", "-m", "forensics.worker.child"]


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command(),
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # a C library turns the local times of FAT into UTC by the process's zone
        env={**os.environ, "TZ": "UTC"},
        process_group=platform_limits.PROCESS_GROUP,
        creationflags=platform_limits.CREATION_FLAGS,
    )


def _starter() -> ThreadPoolExecutor:
    """The one starting thread of this process; a forked process gets its own."""
    from concurrent.futures import ThreadPoolExecutor

    with _lock:
        starter = _starters.get(os.getpid())
        if starter is None:
            _starters.clear()
            starter = _starters[os.getpid()] = ThreadPoolExecutor(1, "sealbag-starter")
        return starter


def spawn() -> subprocess.Popen[bytes]:
    """Start a child that waits for its first frame.

    :raises OSError: if the system cannot start another process.
    """
    # PDEATHSIG is bound to the *thread* that forked (prctl(2)): a child started by a
    # short-lived worker thread would be killed when that thread ends.
    if threading.current_thread() is threading.main_thread():
        return _start()
    return _starter().submit(_start).result()
