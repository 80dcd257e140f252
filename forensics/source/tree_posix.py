"""A tree of the running system below one root: walked, opened, never followed through links."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import replace

assert sys.platform != "win32"

from forensics.errors import NotRegular, SourceError, Vanished  # noqa: E402
from forensics.model import Entry, SourcePath, Trouble  # noqa: E402
from forensics.source.entries_posix import address_of, make_entry  # noqa: E402
from forensics.source.file_stream import FileStream  # noqa: E402
from forensics.source.open_posix import FILE_FLAGS, LIST_FLAGS, Directories, open_noatime  # noqa: E402
from forensics.source.oserrors import error_code, error_text, source_error, trouble_outcome  # noqa: E402
from forensics.source.status_posix import Status, status_at, status_of  # noqa: E402
from forensics.source.walk_posix import Area, Rules, Walk  # noqa: E402

if sys.platform == "linux":
    from forensics.source.xattrs_linux import read_xattrs
else:

    def read_xattrs(fd: int) -> tuple[tuple[tuple[bytes, bytes], ...], bool]:
        """Python offers extended attributes on Linux alone: none, and not known to be all."""
        return (), False


class Tree:
    """One root directory and everything below it; for one thread.

    :param root: path of the root; a link here is followed, below it none is.
    :param rules: where walks stop; may be changed between walks.
    :raises OSError: if the root cannot be opened as a directory.
    """

    def __init__(self, root: bytes, rules: Rules | None = None) -> None:
        flags = (LIST_FLAGS & ~os.O_NOFOLLOW, None)
        self.fd = open_noatime(root, *flags)
        self.rules = rules or Rules()
        self.status = status_of(self.fd)
        self._directories = Directories(self.fd)
        #: st_dev of each volume's root, by volume id
        self.devices: dict[str, int] = {}
        #: volumes whose file system makes up inode numbers as it goes (FAT, FUSE)
        self.unstable: set[str] = set()

    def walk(self, start: bytes, volume: str) -> Iterator[Entry | Trouble]:
        """Yield every name below the directory *start* (``b""`` for the root), never itself."""
        try:
            fd = self._open_directory(start)
            device = status_of(fd).dev
        except OSError as error:
            yield Trouble(volume, SourcePath(start), trouble_outcome(error), error_code(error), error_text(error))
            return
        self.devices[volume] = device
        yield from Walk(self.rules, self._open_directory).run(fd, start, Area(volume, device))

    def _open_directory(self, path: bytes) -> int:
        # By its name in its parent: what Directories keeps may not be listed (O_PATH).
        if not path:
            return open_noatime(b".", LIST_FLAGS, self.fd)
        parent, _, name = path.rpartition(b"/")
        return open_noatime(name, LIST_FLAGS, self._directories.get(parent))

    def open(self, entry: Entry) -> FileStream:
        """Open the regular file that *entry* was when listed.

        :raises NotRegular: if it is none, or no longer; it is not opened then.
        :raises Vanished: if it is gone or another inode has its name.
        :raises Denied, SourceError: as the system says.
        """
        where = entry.path.display
        if entry.kind != "file" or entry.path.stream is not None:
            raise NotRegular(f"{entry.kind}, not opened", where=where)
        raw = entry.path.raw
        if b"\0" in raw or raw.startswith(b"/") or b".." in raw.split(b"/"):
            # No walk gives such a path: a spool that somebody changed must not lead out of the root.
            raise Vanished("no path of this source", where=where)
        parent, _, name = raw.rpartition(b"/")
        try:
            dir_fd = self._directories.get(parent)
            # Looked at before it is opened: opening alone can act on a device (a tape rewinds).
            self._check(entry, status_at(dir_fd, name), where)
            fd = open_noatime(name, FILE_FLAGS, dir_fd)
        except OSError as error:
            raise source_error(error, where) from error
        try:
            status = status_of(fd)
            self._check(entry, status, where)
            return FileStream(fd, self._entry(status, entry), self._now)
        except OSError as error:
            os.close(fd)
            raise source_error(error, where) from error
        except SourceError:
            os.close(fd)
            raise

    def _device(self, entry: Entry, status: Status) -> int:
        # A volume that was not walked by this object (a resumed run): as it is now.
        return self.devices.setdefault(entry.volume, status.dev)

    def _check(self, entry: Entry, status: Status, where: str) -> None:
        if not stat.S_ISREG(status.mode):
            raise NotRegular("not a regular file any more", where=where)
        if not entry.address or address_of(status, self._device(entry, status)) == entry.address:
            return
        if entry.volume in self.unstable and (status.size, status.m) == (entry.size, entry.times.m):
            return
        raise Vanished("another file has this name now", where=where)

    def _entry(self, status: Status, entry: Entry) -> Entry:
        return make_entry(status, entry.volume, self._device(entry, status), entry.path.raw)

    def _now(self, fd: int, entry: Entry) -> Entry:
        status = status_of(fd)
        xattrs, complete = read_xattrs(fd)
        now = self._entry(status, entry)
        flags = now.flags if complete else (*now.flags, "xattrs-incomplete")
        if status.nlink == 0:
            flags = (*flags, "vanished")
        return replace(now, flags=flags, xattrs=xattrs)

    def close(self) -> None:
        """Close everything; harmless when called twice."""
        self._directories.close()
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
