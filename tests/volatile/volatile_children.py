"""Children that the tests start, and a collector run whose artefacts are looked at."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from collectors.volatile.collector import VolatileCollector
from forensics.errors import SourceError
from forensics.model import Facts

Row = dict[str, Any]
LISTEN = """
import os, socket, sys
sock = socket.create_server((sys.argv[1], 0))
print(sock.getsockname()[1], os.fstat(sock.fileno()).st_ino, flush=True)
sys.stdin.read()
"""


@dataclass
class Taken:
    """What one run gave: rows by artefact, raw artefacts, and what was refused."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    raw: dict[str, bytes] = field(default_factory=dict)
    errors: dict[str, SourceError] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)

    def of(self, artefact: str, kind: str, /, **equal: Any) -> list[Row]:
        """Rows of an artefact of one type whose fields have the given values."""
        return [
            row
            for row in self.rows[artefact]
            if row["type"] == kind and all(row.get(key) == value for key, value in equal.items())
        ]

    def process(self, pid: int) -> Row:
        """The one row of a process."""
        (row,) = self.of("processes", "process", pid=pid)
        return row


def take(
    options: dict[str, Any] | None = None,
    only: Callable[[str], bool] = lambda name: True,
    early: bool = False,
) -> Taken:
    """Run the collector as acquisition does: one candidate after the other, each produced at once.

    :param only: which artefacts are produced. Programs of processes that the tests did not start are not their
        business.
    :param early: ask for all candidates before anything is produced.
    """
    taken = Taken()
    plan = VolatileCollector(options).plan(iter(()), Facts())
    for candidate in list(plan) if early else plan:
        producer: Any = candidate.what
        taken.order.append(producer.name)
        if not only(producer.name):
            continue
        parts: list[bytes] = []
        try:
            parts.extend(producer.produce())
        except SourceError as error:
            taken.errors[producer.name] = error
        raw = b"".join(parts)
        if producer.name.endswith(".jsonl") and raw:
            name = producer.name.removeprefix("volatile/").removesuffix(".jsonl")
            taken.rows[name] = [json.loads(line) for line in raw.splitlines()]
        taken.raw[producer.name] = raw
    return taken


def wait_for(what: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until *what* holds."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.01)


def sha256(raw: bytes) -> str:
    """Hexadecimal SHA-256."""
    return hashlib.sha256(raw).hexdigest()


@dataclass
class Child:
    """A child and what is known of it."""

    process: subprocess.Popen[bytes]
    sha256: str = ""
    port: int = 0
    inode: int = 0

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid


class Children:
    """Starts children and ends those it started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.all: list[subprocess.Popen[bytes]] = []
        self.sleep = Path("/bin/sleep").read_bytes()

    def start(self, argv: list[Any], **more: Any) -> Child:
        """Start a child; when this returns it has executed its program and has its command line."""
        child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **more)
        self.all.append(child)
        # Popen returns in the middle of execve(2), before the new arguments are in place.
        wait_for(lambda: Path(f"/proc/{child.pid}/cmdline").read_bytes() != b"" or child.poll() is not None)
        return Child(child)

    def deleted(self) -> Child:
        """A copy of sleep with bytes of its own, removed while it runs."""
        program = self.folder / "evil sleep\n"
        raw = self.sleep + b"deleted" + os.urandom(8)
        program.write_bytes(raw)
        program.chmod(0o755)
        child = self.start([program, "600"])
        program.unlink()
        child.sha256 = sha256(raw)
        return child

    def memory(self) -> Child:
        """A program that never had a name."""
        raw = self.sleep + b"memory" + os.urandom(8)
        fd = os.memfd_create("payload")
        os.write(fd, raw)
        child = self.start(["payload", "600"], executable=f"/proc/self/fd/{fd}", pass_fds=(fd,))
        os.close(fd)
        child.sha256 = sha256(raw)
        return child

    def poser(self) -> Child:
        """A process that calls itself a kernel thread."""
        return self.start(["[kworker/0:1]", "600"], executable="/bin/sleep")

    def listener(self, host: str = "127.0.0.1", before: tuple[str, ...] = ()) -> Child:
        """A process that listens on a free port; *before* runs it in another place."""
        child = self.start([*before, sys.executable, "-c", LISTEN, host])
        assert child.process.stdout is not None
        words = child.process.stdout.readline().split()
        child.port, child.inode = int(words[0]), int(words[1])
        return child

    def end(self) -> None:
        """End all of them."""
        for child in self.all:
            child.kill()
            child.communicate()


def children_in(folder: Path) -> Iterator[Children]:
    """Children for a fixture."""
    children = Children(folder)
    try:
        yield children
    finally:
        children.end()
