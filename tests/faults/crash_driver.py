"""Collect in forked children that kill themselves at the Nth call that changes the bag.

Run as ``crash_driver.py SOURCE FOLDER STEP...``: for each STEP a bag FOLDER/STEP is begun and
its process killed (SIGKILL) when that call is due; a write is done by half first. STEP 0 is
never due: its child runs to the end and its calls are printed, one a line, so that the caller
can choose. One interpreter serves all: each child costs a fork.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import forensics.custody.bag as bag_module
from forensics import collect, open_source
from forensics.hashing import write

#: every call by which the writer changes the file system; each is one step
CALLS = ("replace", "unlink", "rmdir", "mkdir", "ftruncate", "fdatasync", "fsync")


class Steps:
    """Counts calls and dies at one of them."""

    def __init__(self, last: int) -> None:
        self.last = last
        self.names: list[str] = []

    def due(self, name: str) -> bool:
        self.names.append(name)
        return len(self.names) == self.last

    def wrap(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **more: Any) -> Any:
            if self.due(f"{name} {args[0] if isinstance(args[0], (str, os.PathLike)) else ''}"):
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **more)

        return wrapped

    def write(self, fd: int, data: memoryview) -> int:
        if self.due(f"write {os.readlink(f'/proc/self/fd/{fd}')}"):
            os.write(fd, data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return os.write(fd, data)


def child(source: str, out: str, last: int) -> None:
    steps = Steps(last)
    # several groups even in a small run
    bag_module.GROUP_LINES = 4
    write.os_write = steps.write
    for name in CALLS:
        setattr(os, name, steps.wrap(name, getattr(os, name)))
    with open_source(source) as opened:
        collect(opened, out, profile="full", case="7")
    print("\n".join(steps.names), flush=True)


def main(source: str, folder: str, *steps: str) -> None:
    for step in steps:
        pid = os.fork()
        if pid == 0:
            child(source, f"{folder}/{step}", int(step))
            os._exit(0)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
