"""Volatile state through psutil, for Windows and macOS: the same schemas, with fewer fields.

Shown on Linux only, against the rows of the Linux collector; never run on Windows or macOS.
Linux does not use it: psutil opens files by name, where a process is one descriptor there.
"""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from collectors.volatile.options import Options
from collectors.volatile.rows import MEDIA_TYPE, Row, denied, jsonl, problem, shown
from forensics.errors import FeatureUnavailable
from forensics.model import Candidate, Producer
from forensics.source.oserrors import error_code
from forensics.source.times import rfc3339

MAX_ARGUMENTS = 4096
MAX_VARIABLES = 4096
MAX_FILES = 1024
MAX_EXE = 1 << 30
_SECOND = 10**9
_KINDS = {socket.SOCK_STREAM: "tcp", socket.SOCK_DGRAM: "udp"}
_STATES = {"NONE": "unconnected", "CLOSE": "close", "SYN_RECV": "syn-recv", "SYN_SENT": "syn-sent",
           "FIN_WAIT1": "fin-wait-1", "FIN_WAIT2": "fin-wait-2"}  # fmt: skip


def _psutil() -> Any:
    try:
        import psutil
    except ImportError as error:
        raise FeatureUnavailable("volatile state of this system needs the package psutil") from error
    return psutil


def _text(value: object) -> str:
    return shown(str(value).encode("utf-8", "surrogatepass"))


class Portable:
    """One look at the host.

    :raises FeatureUnavailable: psutil is not installed.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.psutil = _psutil()
        self._digests: dict[tuple[int, int, int], Row] = {}

    def processes(self) -> Iterator[Row]:
        """Yield a row for each process; a field that was refused stands in ``denied``."""
        for pid in sorted(self.psutil.pids()):
            try:
                yield self._process(self.psutil.Process(pid))
            except self.psutil.NoSuchProcess:
                yield problem(f"process {pid}", "vanished") | {"pid": pid}
            except self.psutil.AccessDenied as error:
                yield denied(f"process {pid}", str(error)) | {"pid": pid}

    def _process(self, process: Any) -> Row:
        start = int(process.create_time() * _SECOND)
        row: Row = {"type": "process", "pid": process.pid, "start": rfc3339(start), "start_ns": start}
        refused: list[str] = []
        problems: list[str] = []
        for name, ask in self._fields(process).items():
            try:
                row[name] = ask()
            except self.psutil.NoSuchProcess:
                return row | {"denied": refused, "problems": problems, "vanished": True}
            except (self.psutil.AccessDenied, PermissionError):
                refused.append(name)
            except (OSError, RuntimeError) as error:
                problems.append(f"{name}: {error_code(error) if isinstance(error, OSError) else type(error).__name__}")
        if row.get("exe"):
            row |= self._digest(process.exe())
        return row | {"denied": refused, "problems": problems, "vanished": not process.is_running()}

    def _fields(self, process: Any) -> dict[str, Callable[[], Any]]:
        asked: dict[str, Callable[[], Any]] = {
            "ppid": process.ppid,
            "name": lambda: _text(process.name()),
            "state": lambda: _text(process.status()),
            "user": lambda: _text(process.username()),
            "threads": process.num_threads,
            "exe": lambda: _text(process.exe()),
            "cmdline": lambda: [_text(word) for word in process.cmdline()[:MAX_ARGUMENTS]],
            "cwd": lambda: _text(process.cwd()),
            "fds": lambda: [
                {"fd": f.fd, "type": "path", "target": _text(f.path)} for f in process.open_files()[:MAX_FILES]
            ],
        }
        if self.options.environ:
            asked["environ"] = lambda: [_text(f"{k}={v}") for k, v in list(process.environ().items())[:MAX_VARIABLES]]
        return asked

    def _digest(self, exe: str) -> Row:
        """SHA-256 of the file that stands where the system says the program is; it may be another by now."""
        try:
            with Path(exe).open("rb") as file:
                status = Path(exe).stat()
                key = (status.st_dev, status.st_ino, status.st_mtime_ns)
                if status.st_size > MAX_EXE:
                    return {"exe_unhashed": "over-cap"}
                if key not in self._digests:
                    self._digests[key] = {"exe_size": status.st_size, "exe_mtime_ns": status.st_mtime_ns,
                                          "exe_sha256": hashlib.file_digest(file, "sha256").hexdigest()}  # fmt: skip
                return self._digests[key]
        except OSError as error:
            return {"exe_unhashed": error_code(error)}

    def sockets(self) -> Iterator[Row]:
        """Yield inet sockets with their owners; all of them where the system lets us ask, else our own."""
        try:
            found = self.psutil.net_connections("inet")
        except self.psutil.AccessDenied as error:
            yield denied("sockets of all processes", str(error))
            found = []
        for one in found:
            none = ("::" if one.family == socket.AF_INET6 else "0.0.0.0", 0)
            local, remote = one.laddr or none, one.raddr or none
            six = "6" if one.family == socket.AF_INET6 else ""
            yield {
                "type": "socket", "proto": _KINDS.get(one.type, str(int(one.type))) + six, "local": _text(local[0]),
                "local_port": local[1], "remote": _text(remote[0]), "remote_port": remote[1],
                "state": _STATES.get(one.status, str(one.status).lower().replace("_", "-")),
                "owners": [one.pid] if one.pid is not None else [],
            }  # fmt: skip

    def sessions(self) -> Iterator[Row]:
        """Yield who is logged on."""
        for user in self.psutil.users():
            start = int(user.started * _SECOND)
            yield {
                "type": "session", "from": "psutil", "kind": "login", "user": _text(user.name), "pid": user.pid,
                "line": _text(user.terminal or ""), "host": _text(user.host or ""), "start": rfc3339(start),
                "start_ns": start,
            }  # fmt: skip

    def kernel(self) -> Iterator[Row]:
        """Yield when the system started."""
        boot = int(self.psutil.boot_time() * _SECOND)
        yield {"type": "value", "name": "boot", "value": rfc3339(boot), "ns": boot}


def plan(options: Options) -> Iterator[Candidate]:
    """Yield the candidates of this host.

    :raises FeatureUnavailable: psutil is not installed.
    """
    host = Portable(options)
    for priority, (name, rows) in enumerate((
        ("processes", host.processes), ("sockets", host.sockets), ("sessions", host.sessions), ("kernel", host.kernel),
    )):  # fmt: skip
        produce = _producer(name, rows)
        yield Candidate(Producer(f"volatile/{name}.jsonl", MEDIA_TYPE, produce), (f"volatile:{name}",), priority)


def _producer(name: str, rows: Callable[[], Iterator[Row]]) -> Callable[[], Iterator[bytes]]:
    return lambda: jsonl(name, rows())
