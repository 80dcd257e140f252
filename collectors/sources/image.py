"""Disk images: raw, split raw, E01, Ex01 and block devices, through The Sleuth Kit.

It reads hostile structures with a C library and therefore runs in a supervised child
(``isolated``); it opens everything read-only. FAT and exFAT keep local times without a
zone: they stand as if they were UTC, with the flag ``local-time`` (run the child with
``TZ=UTC`` where a zone with daylight saving would make one hour ambiguous).
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from forensics.errors import NotRegular, SourceError, Vanished
from forensics.model import Entry, Stream, Trouble, Volume
from forensics.source.base import BaseSource

if TYPE_CHECKING:
    from collectors.sources.image_ext import ExtInodes
    from collectors.sources.image_media import Media
    from collectors.sources.image_tsk import MediaImage

_ADDRESS = re.compile(r"(\d{1,20})(?:-(\d{1,10}))?(?::(\d{1,10})-(\d{1,10}))?")
#: File systems held open at a time.
MAX_OPEN = 4


class ImageSource(BaseSource):
    """A disk image or block device, opened read-only.

    :param uri: a path, or ``image:PATH``; of a set of files the first.
    :raises SourceNotFound, PermissionRefused, NotAnImage, TruncatedImage: when opening.
    """

    isolated: ClassVar[bool] = True
    kind = "image"

    def __init__(self, uri: str) -> None:
        from collectors.sources.image_open import image_path, open_media
        from collectors.sources.image_tsk import MediaImage
        from collectors.sources.image_volumes import find_volumes

        super().__init__(uri)
        self.path = image_path(uri)
        self._media: Media = open_media(self.path)
        self._systems: OrderedDict[str, tuple[Any, str]] = OrderedDict()
        try:
            self._image: MediaImage | None = MediaImage(self._media)
            self._found = find_volumes(self._media, self._image)
        except BaseException:
            self._image = None
            self._media.close()
            raise
        self._volumes = {volume.id: volume for volume in self._found.volumes}

    @staticmethod
    def probe(uri: str) -> int:
        """90 for a known image, 70 for a block device, 40 for another regular file, 0 else."""
        from collectors.sources.image_probe import score

        return score(uri)

    def identity(self) -> Mapping[str, str | int | None]:
        """Container, size, partition counts and what the imager claims (case, serial, hashes)."""
        return {
            "format": self._media.format,
            "name": Path(self.path).name,
            "size": self._media.size,
            "partition_table": self._found.table or None,
            "volumes": len(self._volumes),
            "unallocated_areas": self._found.unallocated,
            "table_areas": self._found.tables,
            **self._media.identity(),
        }

    def volumes(self) -> Iterable[Volume]:
        """Every volume found, those that no reader opens included."""
        return tuple(self._found.volumes)

    def walk(self, volume: Volume) -> Iterator[Entry | Trouble]:
        """Yield every name of *volume* with every stream; nothing for one that is not open."""
        from collectors.sources.image_entries import EntryMaker
        from collectors.sources.image_tsk import TSK_ERRORS
        from collectors.sources.image_walk import Walker
        from forensics.model import SourcePath

        if volume.state != "open":
            return
        try:
            fs, name = self._system(volume.id)
            walker = Walker(fs, EntryMaker(volume.id, fs, name, self._inodes(volume, name)))
        except TSK_ERRORS as error:
            yield Trouble(volume.id, SourcePath(b"", "tsk-utf8"), "failed", "fs-damaged", str(error)[:200])
            return
        yield from walker.walk()

    def _inodes(self, volume: Volume, name: str) -> ExtInodes | None:
        from collectors.sources.image_ext import ExtInodes

        if name.startswith("ext"):
            with suppress(OSError, ValueError):
                return ExtInodes(self._media, volume.offset or 0)
        return None

    def open(self, entry: Entry) -> Stream:
        """Open the stream that *entry* (of a walk) names by its address.

        :raises NotRegular: if it is no file.
        :raises Vanished: if the record is gone or its sequence number is another.
        :raises SourceError: if the record cannot be read.
        """
        from collectors.sources.image_tsk import TSK_ERRORS

        where = entry.path.display
        if entry.kind not in ("file", "other"):
            raise NotRegular(f"a {entry.kind}", where=where)
        match = _ADDRESS.fullmatch(entry.address)
        if match is None:
            raise Vanished("the name points to no record any more", where=where)
        if "wof-compressed" in entry.flags and entry.path.stream is None:
            raise SourceError("system-compressed: the content is in its stream WofCompressedData", where=where)
        volume = self._volumes.get(entry.volume)
        if volume is None or volume.state != "open":
            raise Vanished("no such open volume", where=entry.volume)
        try:
            fs, _ = self._system(entry.volume)
            file = fs.open_meta(int(match[1]))
            return self._stream(fs, file, match, volume, where)
        except TSK_ERRORS as error:
            raise SourceError(f"the record cannot be read ({str(error)[:120]})", where=where) from error

    def _stream(self, fs: Any, file: Any, match: re.Match[str], volume: Volume, where: str) -> Stream:
        from collectors.sources.image_stream import EmptyStream, ImageStream
        from collectors.sources.image_tsk import STREAM_TYPES

        meta = file.info.meta
        if meta is None or (match[2] is not None and int(meta.seq) != int(match[2])):
            raise Vanished("the record has another sequence number", where=where)
        wanted = (int(match[3]), int(match[4])) if match[3] else None
        if wanted is None and match[2] is not None:
            return EmptyStream()  # an NTFS record without a main $DATA; its first $DATA is another stream
        for attribute in file:
            info = attribute.info
            number = int(info.type)
            if (number, int(info.id)) == wanted or (wanted is None and number in STREAM_TYPES):
                return ImageStream(
                    file, attribute, int(fs.info.block_size), volume.offset or 0, self._media.size // 512 * 512
                )
        if wanted is not None:
            raise Vanished("the record has no such stream", where=where)
        return EmptyStream()

    def _system(self, volume_id: str) -> tuple[Any, str]:
        """Return TSK's file system of a volume, opened on demand, a few at a time.

        :raises OSError, RuntimeError: if it does not open.
        """
        from collectors.sources.image_tsk import filesystem_name, open_filesystem

        pair = self._systems.get(volume_id)
        if pair is None:
            if self._image is None:
                raise OSError("the source is closed")
            volume = self._volumes[volume_id]
            fs = open_filesystem(self._image, volume.offset or 0, volume.fs)
            pair = self._systems[volume_id] = (fs, filesystem_name(fs))
            if len(self._systems) > MAX_OPEN:
                self._systems.popitem(last=False)
        self._systems.move_to_end(volume_id)
        return pair

    def close(self) -> None:
        """Close file systems and files; harmless when called twice."""
        self._systems.clear()
        self._image = None
        self._media.close()
