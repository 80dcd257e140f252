"""The running POSIX host: its local mounted file systems, through the operating system."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping

assert sys.platform != "win32"

from forensics.errors import PermissionRefused, SourceNotFound  # noqa: E402
from forensics.model import Entry, Trouble, Volume  # noqa: E402
from forensics.source.base import BaseSource  # noqa: E402
from forensics.source.file_stream import FileStream  # noqa: E402
from forensics.source.oserrors import error_text  # noqa: E402
from forensics.source.tree_posix import Tree  # noqa: E402

if sys.platform == "linux":
    from collectors.sources.volumes_linux import find_volumes
else:
    from collectors.sources.volumes_posix import find_volumes


class LiveSource(BaseSource):
    """This host, as ``live:``.

    Paths are absolute ones without the leading slash. A walk of a volume stays inside its
    mount; a mount point's own name is listed by the volume that it lies in. Bytes, times
    and names are what the running, possibly hostile, kernel says.

    :raises SourceNotFound: for any other uri.
    """

    isolated = False
    kind = "live"

    def __init__(self, uri: str = "live:") -> None:
        if not self.probe(uri):
            raise SourceNotFound("not the live host", where=uri, hint="The live host is --source live:")
        super().__init__(uri)
        try:
            self._tree = Tree(b"/")
        except OSError as error:
            raise PermissionRefused(error_text(error), where="/") from error
        self._volumes: list[Volume] | None = None
        self._starts: dict[str, bytes] = {}

    @staticmethod
    def probe(uri: str) -> int:
        """100 for ``live:`` and ``live``, else 0."""
        return 100 if uri in ("live:", "live") else 0

    def identity(self) -> Mapping[str, str | int | None]:
        """What the host says of itself: see :func:`collectors.sources.identity_posix.host_identity`."""
        from collectors.sources.identity_posix import host_identity

        return host_identity()

    def volumes(self) -> Iterable[Volume]:
        """Every mount, with the reason where it is not walked; found once."""
        if self._volumes is None:
            found = find_volumes(self._tree.fd)
            self._volumes = [item.volume for item in found]
            mounts = self._tree.rules.mounts
            for item in found:
                # Of several mounts at one place the most careful answer counts.
                mounts[item.path] = item.touchable and mounts.get(item.path, True)
                if item.volume.state == "open":
                    self._starts[item.volume.id] = item.path
                    if item.device is not None:
                        self._tree.devices[item.volume.id] = item.device
                    if item.unstable:
                        self._tree.unstable.add(item.volume.id)
            mounts.pop(b"", None)
        return list(self._volumes)

    def exclude_tree(self, dev: int, ino: int) -> None:
        """Leave the directory *dev*, *ino* (the output folder) out of every walk from now on."""
        self._tree.rules.excluded.add((dev, ino))

    def walk(self, volume: Volume) -> Iterator[Entry | Trouble]:
        """Every name of one open volume, parents before children; nothing for one that is not open."""
        self.volumes()
        start = self._starts.get(volume.id)
        return iter(()) if start is None else self._tree.walk(start, volume.id)

    def open(self, entry: Entry) -> FileStream:
        """Open a regular file; see :meth:`forensics.source.tree_posix.Tree.open`."""
        self.volumes()
        return self._tree.open(entry)

    def close(self) -> None:
        self._tree.close()
