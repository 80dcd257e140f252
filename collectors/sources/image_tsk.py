"""The Sleuth Kit over a :class:`Media`: the one place where its library is loaded.

pytsk3 objects read through :class:`MediaImage`, so every byte passes the seam of
:mod:`collectors.sources.image_media`. TSK asks for blocks of 64 KiB and keeps a small
cache of its own: the callback costs under 2 % of a walk (measured: 1,167 calls for
8,000 files).
"""

from __future__ import annotations

from typing import Any

import pytsk3

from collectors.sources.image_media import Media

#: What pytsk3 raises for a damaged structure or a failed read: its own errors are
#: OSError, an error out of the read callback comes back as RuntimeError, a value that
#: does not fit its C type as one of the others.
TSK_ERRORS = (OSError, RuntimeError, ValueError, OverflowError, SystemError, MemoryError)

# Values of libtsk's enumerations (tsk_fs.h); part of its stable interface.
NAME_ALLOC = 1
META_ALLOC = 1
META_REG, META_DIR, META_LINK, META_VIRT, META_VIRT_DIR = 1, 2, 6, 10, 11
ATTR_DEFAULT, ATTR_SI, ATTR_FILE_NAME, ATTR_SECURITY = 1, 16, 48, 80
ATTR_VOLUME_NAME, ATTR_DATA, ATTR_REPARSE = 96, 128, 192
ATTR_HFS_DATA, ATTR_HFS_RESOURCE = 4352, 4353
ATTR_RESIDENT, ATTR_COMPRESSED, ATTR_ENCRYPTED = 0x04, 0x20, 0x10
RUN_FILLER, RUN_SPARSE = 1, 2
#: Attribute types that hold a file's main content.
STREAM_TYPES = frozenset((ATTR_DEFAULT, ATTR_DATA, ATTR_HFS_DATA))

#: Rows of a partition table that are looked at: a chain of extended tables may be endless.
MAX_PARTITIONS = 10_000

_NAMES = {
    1: "ntfs", 2: "fat12", 4: "fat16", 8: "fat32", 10: "exfat", 16: "ffs1", 32: "ffs1b", 64: "ffs2",
    128: "ext2", 256: "ext3", 512: "swap", 1024: "raw", 2048: "iso9660", 4096: "hfs", 8192: "ext4",
    16384: "yaffs2", 32768: "hfs", 65536: "apfs",
}  # fmt: skip


class MediaImage(pytsk3.Img_Info):  # type: ignore[misc]  # the library has no types
    """A Media as TSK's image."""

    def __init__(self, media: Media) -> None:
        self._media = media
        super().__init__(url="", type=pytsk3.TSK_IMG_TYPE_EXTERNAL)

    def get_size(self) -> int:
        return self._media.size

    def read(self, offset: int, size: int) -> bytes:
        return self._media.read(offset, size)

    def close(self) -> None:
        """Nothing: the Media is closed by the source that opened it."""


def open_filesystem(image: MediaImage, offset: int) -> Any:
    """Return TSK's FS_Info at *offset* bytes.

    :raises OSError, RuntimeError: if no file system is recognised there.
    """
    return pytsk3.FS_Info(image, offset=offset)


def filesystem_name(fs: Any) -> str:
    """Return the type in lower case: ``ntfs``, ``ext4``, ``fat32``, ``exfat``..."""
    return _NAMES.get(int(fs.info.ftype), str(int(fs.info.ftype)))


_TABLES = {1: "dos", 2: "bsd", 4: "sun", 8: "mac", 16: "gpt"}


def partitions(image: MediaImage) -> tuple[str, int, list[tuple[int, int, int, str]]]:
    """Return (table type, sector size, [(start, length, flags, description)]), in sectors.

    flags: 1 allocated, 2 unallocated, 4 metadata (tables).

    :raises OSError, RuntimeError: if TSK finds no partition table.
    """
    table = pytsk3.Volume_Info(image)
    rows = []
    for part in table:
        text = bytes(part.desc or b"").decode("utf-8", "replace")[:80]
        rows.append((int(part.start), int(part.len), int(part.flags), text))
        if len(rows) >= MAX_PARTITIONS:
            break
    return _TABLES.get(int(table.info.vstype), str(int(table.info.vstype))), int(table.info.block_size), rows
