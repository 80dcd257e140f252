"""The program of a process: its digest, and its very bytes where no name leads to them any more.

/proc/PID/exe leads to the file that was executed even when it was removed, renamed over,
or never had a name (memfd_create(2)). It is first opened with O_PATH, which asks no file
system anything; the mount it lies in (``mnt_id`` of fdinfo) tells whether a FUSE or network
server would have to answer. Such a program is not read unless option ``remote`` asks for
it: a server that takes a request and never answers leaves a thread that nothing can end.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from collectors.volatile.procfs_linux import read_at, read_proc
from collectors.volatile.rows import Row
from forensics.errors import SourceError
from forensics.source.mounts_linux import kind_of, mount_id, parse_mountinfo
from forensics.source.oserrors import error_code, source_error

assert sys.platform == "linux"

MAX_EXE = 1 << 30
#: Programs without a name that are kept open to be recovered.
MAX_RECOVERED = 256
_BUFFER = 256 << 10
_MAX_MOUNTS = 16 << 20
_UNSAFE = re.compile(rb"[^A-Za-z0-9._-]+")
_DELETED = b" (deleted)"
Key = tuple[int, int, int, int]


@dataclass(slots=True)
class Recoverable:
    """A deleted or memory-only program, held open until it is stored.

    :param name: of its artefact.
    """

    name: str
    sha256: str
    _fd: int

    def chunks(self) -> Iterator[bytes]:
        """Yield the program's bytes, once.

        :raises SourceError: if it cannot be read, or is asked for again.
        """
        if self._fd < 0:
            raise SourceError("has been recovered already", where=self.name)
        fd, self._fd, offset = self._fd, -1, 0
        try:
            while chunk := os.pread(fd, _BUFFER, offset):
                offset += len(chunk)
                yield chunk
        except OSError as error:
            raise source_error(error, self.name) from error
        finally:
            os.close(fd)

    def close(self) -> None:
        """Give the descriptor back if it was never asked for."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        self.close()


def _memory_mount() -> int | None:
    """The kernel's own mount of memory files: no table shows it, so one is made to ask."""
    try:
        fd = os.memfd_create("sealbag", os.MFD_CLOEXEC)
    except OSError:
        return None
    try:
        return mount_id(fd)
    finally:
        os.close(fd)


@dataclass(slots=True)
class Programs:
    """Every program met; each distinct (device, inode, times) is hashed once.

    :param remote: read programs on FUSE and network file systems too.
    """

    remote: bool = False
    recovered: dict[Key, Recoverable] = field(default_factory=dict)
    hashed: int = 0
    hashed_bytes: int = 0
    _digests: dict[Key, tuple[str, str]] = field(default_factory=dict)
    _kinds: dict[int, str] = field(default_factory=dict)
    _memory: int | None = field(default_factory=_memory_mount)

    def describe(self, pid: int, dir_fd: int, link: bytes, beat: Callable[[], None]) -> Row:
        """Return the fields ``exe_*`` and ``recovered`` of a process row.

        :param link: what /proc/PID/exe names.
        :param beat: a sign of life, called with each buffer.
        :raises OSError: if it may not be opened.
        """
        fd = os.open("exe", os.O_PATH | os.O_CLOEXEC, dir_fd=dir_fd)
        try:
            mount = mount_id(fd)
            kind = self._kind(mount, dir_fd)
            if kind and not self.remote:
                return {"exe_state": "deleted" if link.endswith(_DELETED) else "present", "exe_unhashed": kind}
            status = os.fstat(fd)
            row: Row = {
                "exe_state": _state(status, mount is not None and mount == self._memory),
                "exe_device": f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}",
                "exe_inode": status.st_ino,
                "exe_size": status.st_size,
                "exe_mtime_ns": status.st_mtime_ns,
                "exe_owner": f"{status.st_uid}:{status.st_gid}",
                "exe_mode": status.st_mode,
            }
            if not stat.S_ISREG(status.st_mode):
                return row | {"exe_unhashed": "not-regular"}
            return row | self._digest(pid, fd, status, link, row["exe_state"] != "present", beat)
        finally:
            os.close(fd)

    def _kind(self, mount: int | None, dir_fd: int) -> str:
        if mount is None or mount == self._memory:
            return ""
        if mount not in self._kinds:
            try:
                table = read_at(dir_fd, "mountinfo", _MAX_MOUNTS)[0]
            except OSError:
                table = b""
            self._kinds.update({found.id: kind_of(found) for found in parse_mountinfo(table)})
            # A mount that no table shows was detached; what it is cannot be asked without touching it.
            self._kinds.setdefault(mount, "")
        return "" if self._kinds[mount] == "pseudo" else self._kinds[mount]

    def _digest(
        self, pid: int, fd: int, status: os.stat_result, link: bytes, nameless: bool, beat: Callable[[], None]
    ) -> Row:
        key = (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns)
        if key not in self._digests:
            self._digests[key] = self._hash(fd, status, beat)
        sha256, code = self._digests[key]
        if code:
            return {"exe_unhashed": code}
        row: Row = {"exe_sha256": sha256}
        if nameless:
            kept = self._keep(pid, fd, key, link, sha256)
            row["recovered" if kept else "unrecovered"] = kept or f"more than {MAX_RECOVERED} such programs"
        return row

    def _hash(self, fd: int, status: os.stat_result, beat: Callable[[], None]) -> tuple[str, str]:
        if status.st_size > MAX_EXE:
            return "", "over-cap"
        digest, buffer, size = hashlib.sha256(), bytearray(_BUFFER), 0
        view = memoryview(buffer)
        try:
            with open(f"/proc/self/fd/{fd}", "rb", buffering=0) as file:  # noqa: PTH123  a descriptor, not a path
                while count := file.readinto(view):
                    digest.update(view[:count])
                    size += count
                    beat()
                    if size > MAX_EXE:
                        return "", "over-cap"
        except OSError as error:
            return "", error_code(error)
        self.hashed += 1
        self.hashed_bytes += size
        return digest.hexdigest(), ""

    def _keep(self, pid: int, fd: int, key: Key, link: bytes, sha256: str) -> str:
        if key not in self.recovered:
            if len(self.recovered) >= MAX_RECOVERED:
                return ""
            name = f"volatile/exe/{pid}-{slug(link)}"
            self.recovered[key] = Recoverable(name, sha256, os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC))
        return self.recovered[key].name


def _state(status: os.stat_result, memory: bool) -> str:
    if memory:
        return "memfd"
    return "deleted" if status.st_nlink == 0 else "present"


def slug(link: bytes) -> str:
    """Return a name that is safe everywhere, of the last part of what /proc/PID/exe names."""
    name = link.removesuffix(_DELETED).rpartition(b"/")[2]
    return _UNSAFE.sub(b"_", name)[:64].decode("ascii").strip(".") or "program"


def own_digest(path: str) -> str | None:
    """Return the SHA-256 of a host's tool, None if it cannot be read."""
    try:
        return hashlib.sha256(read_proc(path, MAX_EXE)).hexdigest()
    except OSError:
        return None
