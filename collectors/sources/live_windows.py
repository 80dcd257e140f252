r"""The running Windows host. Never run: type-checked for win32 only, until a run is recorded.

NTFS drives are read from their raw volume, since event logs and hives are locked and
$MFT has no name in the file system: their Volume is open, its code is ``raw`` and its
detail the uri (``\\.\C:``) that the acquisition opens as an image, in a supervised
child. That needs an administrator; without, they are not-evaluated (``needs-admin``).
Other local drives (FAT, exFAT, ReFS) are walked through the system. Paths are relative
to the drive, as in an image of it.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping

assert sys.platform == "win32"

from collectors.sources.drives_windows import Drive, drives, is_admin  # noqa: E402
from forensics.errors import SourceNotFound, Vanished  # noqa: E402
from forensics.model import Entry, SourcePath, Trouble, Volume  # noqa: E402
from forensics.source.base import BaseSource  # noqa: E402
from forensics.source.file_stream import FileStream  # noqa: E402
from forensics.source.oserrors import error_code, error_text, trouble_outcome  # noqa: E402
from forensics.source.tree_portable import PortableTree  # noqa: E402

_EXCLUDED = {"remote": "network", "cdrom": "cdrom", "none": "no-root", "unknown": "unknown"}


class LiveSource(BaseSource):
    """This host, as ``live:``.

    :raises SourceNotFound: for any other uri.
    """

    isolated = False
    kind = "live"

    def __init__(self, uri: str = "live:") -> None:
        if not self.probe(uri):
            raise SourceNotFound("not the live host", where=uri, hint="The live host is --source live:")
        super().__init__(uri)
        self._drives: dict[str, Drive] | None = None
        self._trees: dict[str, PortableTree] = {}
        self._excluded: set[tuple[int, int]] = set()

    @staticmethod
    def probe(uri: str) -> int:
        """100 for ``live:`` and ``live``, else 0."""
        return 100 if uri in ("live:", "live") else 0

    def identity(self) -> Mapping[str, str | int | None]:
        """Return hostname, kernel, machine and os, as the host says."""
        return {
            "hostname": platform.node()[:256],
            "kernel": platform.version()[:256],
            "machine": platform.machine()[:256],
            "os": platform.platform()[:256],
        }

    def volumes(self) -> Iterable[Volume]:
        """Every drive letter, with the reason where it is not walked."""
        found = drives()
        self._drives = {drive.id: drive for drive in found}
        admin = is_admin()
        return [_volume(drive, admin) for drive in found]

    def exclude_tree(self, dev: int, ino: int) -> None:
        """Leave the directory *dev*, *ino* (the output folder) out of every walk from now on."""
        self._excluded.add((dev, ino))

    def walk(self, volume: Volume) -> Iterator[Entry | Trouble]:
        """Every name of one open drive, through the system."""
        if volume.state != "open":
            return
        try:
            tree = self._tree(volume.id)
        except OSError as error:
            path = SourcePath(b"", "wtf-8")
            yield Trouble(volume.id, path, trouble_outcome(error), error_code(error), error_text(error))
            return
        yield from tree.walk()

    def open(self, entry: Entry) -> FileStream:
        """Open a listed file through the system (a locked one is Denied)."""
        try:
            tree = self._tree(entry.volume)
        except OSError as error:
            raise Vanished(error_text(error), where=entry.path.display) from error
        return tree.open(entry)

    def _tree(self, volume: str) -> PortableTree:
        tree = self._trees.get(volume)
        if tree is None:
            if self._drives is None:
                self.volumes()
            drive = (self._drives or {}).get(volume)
            if drive is None:
                raise FileNotFoundError(2, os.strerror(2))
            tree = self._trees[volume] = PortableTree("\\\\?\\" + drive.root, volume)
            tree.excluded = self._excluded
        return tree


def _volume(drive: Drive, admin: bool) -> Volume:
    code = _EXCLUDED.get(drive.kind, "")
    if code:
        return Volume(drive.id, drive.fs, drive.root, label=drive.label, state="excluded", code=code)
    if drive.fs != "ntfs":
        return Volume(drive.id, drive.fs, drive.root, size=drive.size, label=drive.label)
    if not admin:
        why = "NTFS metadata and locked files need an administrator"
        return Volume(
            drive.id, "ntfs", drive.root, label=drive.label, state="not-evaluated", code="needs-admin", detail=why
        )
    return Volume(
        drive.id, "ntfs", drive.root, size=drive.size, label=drive.label, code="raw", detail=f"\\\\.\\{drive.root[:2]}"
    )
