"""The Sleuth Kit over a :class:`Media`: the one place where its library is loaded.

pytsk3 objects read through :class:`MediaImage`, so every byte passes the seam of
:mod:`collectors.sources.image_media`. TSK asks for blocks of 64 KiB and keeps a small
cache of its own: the callback costs under 2 % of a walk (measured: 1,167 calls for
8,000 files).
"""

from __future__ import annotations

from contextlib import suppress
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

SECTOR = 512

_NAMES = {
    1: "ntfs", 2: "fat12", 4: "fat16", 8: "fat32", 10: "exfat", 16: "ffs1", 32: "ffs1b", 64: "ffs2",
    128: "ext2", 256: "ext3", 512: "swap", 1024: "raw", 2048: "iso9660", 4096: "hfs", 8192: "ext4",
    16384: "yaffs2", 32768: "hfs", 65536: "apfs",
}  # fmt: skip


class MediaImage(pytsk3.Img_Info):  # type: ignore[misc]  # the library has no types
    """A Media as TSK's image.

    :param size: what TSK is told of its size; the media's own when None.
    """

    def __init__(self, media: Media, size: int | None = None) -> None:
        whole = media.size if size is None else size
        # Whole sectors only: rounding a read up past an odd end, TSK writes behind its buffer.
        self._media, self._size = media, whole - whole % SECTOR
        super().__init__(url="", type=pytsk3.TSK_IMG_TYPE_EXTERNAL)

    def get_size(self) -> int:
        return self._size

    def read(self, offset: int, size: int) -> bytes:
        """Return *size* bytes, or those in front of the first sector that cannot be read.

        TSK asks for more than it needs and passes a short count on as such, so that the
        good sectors in front of a bad one stay readable. Nothing at all must be an
        exception: TSK takes a count of 0 or -1 for a read of zeros where it rounds the
        length up to a sector (tsk_img_read_no_cache), and only an exception undoes that.

        :raises OSError: if the first sector cannot be read.
        """
        try:
            return self._media.read(offset, size)
        except OSError:
            good = self._prefix(offset, size)
            if not good:
                raise
            return good

    def _prefix(self, offset: int, size: int) -> bytes:
        good, step = b"", 1 << max(0, (size - 1).bit_length() - 1)
        while step >= SECTOR:
            if len(good) + step < size:
                with suppress(OSError):
                    good += self._media.read(offset + len(good), step)
            step >>= 1
        return good

    def close(self) -> None:
        """Nothing: the Media is closed by the source that opened it."""


#: What to tell TSK of a type that the first bytes name, by prefix.
_TYPES = (
    ("ntfs", pytsk3.TSK_FS_TYPE_NTFS_DETECT),
    ("ext", pytsk3.TSK_FS_TYPE_EXT_DETECT),
    ("exfat", pytsk3.TSK_FS_TYPE_FAT_DETECT),
    ("fat", pytsk3.TSK_FS_TYPE_FAT_DETECT),
    ("hfs", pytsk3.TSK_FS_TYPE_HFS_DETECT),
    ("iso9660", pytsk3.TSK_FS_TYPE_ISO9660_DETECT),
)


def open_filesystem(image: MediaImage, offset: int, hint: str = "") -> Any:
    """Return TSK's FS_Info at *offset* bytes.

    :param hint: the type that is expected; with it TSK does not search for the others,
        which reads far into the volume, where a bad sector would end the attempt.
    :raises OSError, RuntimeError: if no file system is recognised there.
    """
    for prefix, kind in _TYPES:
        if hint.startswith(prefix):
            with suppress(*TSK_ERRORS):
                return pytsk3.FS_Info(image, offset=offset, type=kind)
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
