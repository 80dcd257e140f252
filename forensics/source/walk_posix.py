"""The walk: every name below a directory, by descriptors, without recursion.

A level of the tree is a record on a list, not a call; at most :data:`MAX_OPEN`
descriptors are held, the shallowest closed first and found again by ``..`` (checked by
device and inode). A directory is listed whole before the walk goes down, so parents
come before children, and no link is ever followed.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

assert sys.platform != "win32"

from forensics.model import Entry, SourcePath, Trouble  # noqa: E402
from forensics.source.entries_posix import make_entry  # noqa: E402
from forensics.source.open_posix import LIST_FLAGS, open_noatime  # noqa: E402
from forensics.source.oserrors import error_code, error_text, trouble_outcome  # noqa: E402
from forensics.source.status_posix import Status, status_at, status_of  # noqa: E402

MAX_OPEN = 64
#: Longest path walked, in bytes: 16 times PATH_MAX. Escaped it still fits into a ledger line.
MAX_PATH = 65_536


@dataclass(slots=True)
class Area:
    """What one volume's entries share: its id and the st_dev of its root."""

    volume: str
    dev: int


@dataclass(slots=True)
class Rules:
    """Where the walk stops.

    :param mounts: mount points by path: listed, not descended into. True: its metadata
        may be asked for; False: not even that, since the file system behind may hang.
    :param excluded: (device, inode) of directories left out; each is yielded with the flag
        ``excluded-output``.
    :param crossing: called with a directory's path and device where the device differs
        from its parent's; gives the id of the volume that begins there ("" for the same
        volume) and a flag that forbids the descent ("" to go on).
    """

    mounts: dict[bytes, bool] = field(default_factory=dict)
    excluded: set[tuple[int, int]] = field(default_factory=set)
    crossing: Callable[[bytes, int], tuple[str, str]] = lambda path, dev: ("", "")


@dataclass(slots=True)
class _Level:
    fd: int  # -1 while closed
    key: tuple[int, int]
    length: int  # of the path up to here
    area: Area
    pending: list[tuple[bytes, tuple[int, int], Area]] = field(default_factory=list)


class Walk:
    """One walk; iterate it once. Close it (or exhaust it) to close its descriptors."""

    def __init__(self, rules: Rules, open_path: Callable[[bytes], int]) -> None:
        """:param open_path: opens a directory by path from the source's root (OSError)."""
        self._rules = rules
        self._open_path = open_path
        self._path = bytearray()
        self._levels: list[_Level] = []
        self._keys: set[tuple[int, int]] = set()
        self._closed_below = 0  # levels below this index have no descriptor

    def run(self, fd: int, start: bytes, area: Area) -> Iterator[Entry | Trouble]:
        """Yield every name below the directory *fd*, whose path is *start*; *fd* is taken over."""
        try:
            status = status_of(fd)
            self._path += start
            self._push(_Level(fd, (status.dev, status.ino), len(start), area))
            yield from self._list(self._levels[-1])
            while self._levels:
                level = self._levels[-1]
                if not level.pending:
                    yield from self._pop()
                    continue
                yield from self._descend(level, *level.pending.pop())
        finally:
            for level in self._levels:
                if level.fd >= 0:
                    os.close(level.fd)
            self._levels.clear()

    def _push(self, level: _Level) -> None:
        self._levels.append(level)
        self._keys.add(level.key)
        if len(self._levels) - self._closed_below > MAX_OPEN:
            oldest = self._levels[self._closed_below]
            os.close(oldest.fd)
            oldest.fd = -1
            self._closed_below += 1

    def _descend(self, parent: _Level, name: bytes, key: tuple[int, int], area: Area) -> Iterator[Entry | Trouble]:
        path = self._join(name)
        try:
            fd = _open_checked(lambda: open_noatime(name, LIST_FLAGS, parent.fd), key)
        except OSError as error:
            yield self._trouble(area, path, error)
            return
        if fd < 0:
            yield Trouble(area.volume, SourcePath(path), "failed", "vanished", "another directory took its place")
            return
        self._path[:] = path
        self._push(_Level(fd, key, len(path), area))
        yield from self._list(self._levels[-1])

    def _pop(self) -> Iterator[Trouble]:
        """Leave the deepest level; get its parent's descriptor back if it was closed."""
        level = self._levels.pop()
        self._keys.discard(level.key)
        try:
            if not self._levels:
                return
            parent = self._levels[-1]
            del self._path[parent.length :]
            if parent.fd < 0:
                self._closed_below -= 1
                yield from self._reopen(parent, level.fd)
        finally:
            if level.fd >= 0:
                os.close(level.fd)

    def _reopen(self, level: _Level, child_fd: int) -> Iterator[Trouble]:
        error: OSError | None = None
        # By path if the child was moved elsewhere or may not be searched.
        for attempt in (lambda: open_noatime(b"..", LIST_FLAGS, child_fd), lambda: self._open_path(bytes(self._path))):
            try:
                level.fd = _open_checked(attempt, level.key)
            except OSError as failure:
                error = failure
                continue
            if level.fd >= 0:
                return
        detail = f"{len(level.pending)} directories not looked into: {error_text(error) if error else 'it was moved'}"
        path = SourcePath(bytes(self._path))
        if level.pending:
            yield Trouble(level.area.volume, path, "partial", "vanished", detail)
            level.pending.clear()

    def _join(self, name: bytes) -> bytes:
        return bytes(self._path) + b"/" + name if self._path else name

    @staticmethod
    def _trouble(area: Area, path: bytes, error: OSError) -> Trouble:
        outcome = trouble_outcome(error)
        return Trouble(area.volume, SourcePath(path), outcome, error_code(error), error_text(error))

    def _list(self, level: _Level) -> Iterator[Entry | Trouble]:
        prefix = self._join(b"")
        mounts = self._rules.mounts
        try:
            with os.scandir(level.fd) as names:
                for item in names:
                    name = os.fsencode(item.name)
                    path = prefix + name
                    if path in mounts and not mounts[path]:
                        yield Entry(
                            level.area.volume,
                            SourcePath(path),
                            "dir",
                            address=str(item.inode()),
                            flags=("mount-point",),
                        )
                        continue
                    try:
                        status = status_at(level.fd, name)
                    except OSError as error:
                        yield self._trouble(level.area, path, error)
                        continue
                    if stat.S_ISDIR(status.mode):
                        yield from self._directory(level, name, path, status)
                        continue
                    target = _read_link(level.fd, name) if stat.S_ISLNK(status.mode) else None
                    yield make_entry(status, level.area.volume, level.area.dev, path, target)
        except OSError as error:
            path = bytes(self._path)
            yield Trouble(level.area.volume, SourcePath(path), "partial", error_code(error), error_text(error))

    def _directory(self, level: _Level, name: bytes, path: bytes, status: Status) -> Iterator[Entry | Trouble]:
        """Yield a directory's entry and note it for the descent, or why there is none."""
        area, key, flag = level.area, (status.dev, status.ino), ""
        if path in self._rules.mounts:
            flag = "mount-point"
        elif status.dev != level.key[0]:
            volume, flag = self._rules.crossing(path, status.dev)
            if volume:
                area = Area(volume, status.dev)
        if key in self._rules.excluded:
            flag = "excluded-output"
        elif not flag and key in self._keys:
            flag = "loop"
        flags = (flag,) if flag else ()
        yield make_entry(status, area.volume, area.dev, path, None, flags)
        if flag:
            return
        if len(path) > MAX_PATH:
            yield Trouble(area.volume, SourcePath(path), "partial", "path-too-long", f"over {MAX_PATH} bytes")
            return
        level.pending.append((name, key, area))


def _open_checked(opener: Callable[[], int], key: tuple[int, int]) -> int:
    """Return what *opener* opens if it is the inode *key*, else -1 (OSError as it comes)."""
    fd = opener()
    try:
        status = status_of(fd)
    except OSError:
        os.close(fd)
        raise
    if (status.dev, status.ino) == key:
        return fd
    os.close(fd)
    return -1


def _read_link(dir_fd: int, name: bytes) -> bytes | None:
    # Sets the link's own access time where the mount keeps one: no flag forbids that. The
    # times of the entry were asked for before.
    try:
        return os.readlink(name, dir_fd=dir_fd)
    except OSError:  # replaced since it was listed: the name and what was seen of it stand
        return None
