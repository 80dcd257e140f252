"""What a partition's first bytes say it is: type, identifier and label, without a reader.

Sources: Linux include/uapi/linux/magic.h and the superblock layouts of the named file
systems; Microsoft's FAT, exFAT and NTFS boot sectors; cryptsetup's and lvm2's headers.
Identifiers stand as blkid(8) and /dev/disk/by-uuid print them, so that a live and an
imaged volume have the same id.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

#: Bytes from a partition's start that :func:`recognise` wants to see; the superblock of
#: every file system that TSK reads lies within, but that of some UFS1 (at 256 KiB).
HEAD = 0x11000


@dataclass(frozen=True, slots=True)
class Known:
    """A recognised type (lower case), its identifier and label, "" where there is none."""

    fs: str
    id: str = ""
    label: str = ""


_NO_ID = (
    (3, b"ReFS\x00\x00\x00\x00", "refs"),
    (3, b"-FVE-FS-", "bitlocker"),
    (32, b"NXSB", "apfs"),
    (4086, b"SWAPSPACE2", "swap"),
    (4086, b"SWAP-SPACE", "swap"),
    (65526, b"SWAPSPACE2", "swap"),
    (4086, b"S1SUSPEND", "swap"),
    (0, b"hsqs", "squashfs"),
    (1024, b"\x10\x20\xf5\xf2", "f2fs"),
    (1024, b"\xe2\xe1\xf5\xe0", "erofs"),
    (1024, b"H+\x00\x04", "hfs+"),
    (1024, b"HX\x00\x05", "hfsx"),
    (1024, b"BD", "hfs"),
    (32769, b"CD001", "iso9660"),
    (32769, b"BEA01", "udf"),
    (32768, b"JFS1", "jfs"),
    (65588, b"ReIsEr", "reiserfs"),
    (512, b"EFI PART", "gpt"),
    (4096, b"\xfc\x4e\x2b\xa9", "md-raid"),
    (0, b"\xfc\x4e\x2b\xa9", "md-raid"),
    (0, b"\xeb\xd0MSDOS5.0-FVE", "bitlocker"),
)


def _text(raw: bytes) -> str:
    return raw.split(b"\x00")[0].decode("utf-8", "replace").strip()[:64]


def _uuid(raw: bytes) -> str:
    return str(uuid.UUID(bytes=raw)) if len(raw) == 16 and any(raw) else ""


def _serial(raw: bytes) -> str:
    number = int.from_bytes(raw, "little")
    return f"{number >> 16:04X}-{number & 0xFFFF:04X}" if number else ""


def _ntfs(head: bytes) -> Known | None:
    if head[3:11] != b"NTFS    ":
        return None
    return Known("ntfs", f"{int.from_bytes(head[72:80], 'little'):016X}")


def _exfat(head: bytes) -> Known | None:
    return Known("exfat", _serial(head[100:104])) if head[3:11] == b"EXFAT   " else None


def _fat(head: bytes) -> Known | None:
    if head[510:512] != b"\x55\xaa":
        return None
    if head[82:87] == b"FAT32":
        return Known("fat32", _serial(head[67:71]), _text(head[71:82]))
    if head[54:57] == b"FAT":
        return Known("fat", _serial(head[39:43]), _text(head[43:54]))
    return None


def _ext(head: bytes) -> Known | None:
    if head[1080:1082] != b"\x53\xef":
        return None
    return Known("ext", _uuid(head[1128:1144]), _text(head[1144:1160]))


def _btrfs(head: bytes) -> Known | None:
    if head[0x10040:0x10048] != b"_BHRfS_M":
        return None
    return Known("btrfs", _uuid(head[0x10020:0x10030]), _text(head[0x1012B:0x1022B]))


def _xfs(head: bytes) -> Known | None:
    return Known("xfs", _uuid(head[32:48]), _text(head[108:120])) if head[:4] == b"XFSB" else None


def _luks(head: bytes) -> Known | None:
    return Known("luks", _text(head[168:208])[:36]) if head[:6] == b"LUKS\xba\xbe" else None


def _lvm(head: bytes) -> Known | None:
    for start in (0, 512, 1024, 1536):
        if head[start : start + 8] == b"LABELONE" and head[start + 24 : start + 32] == b"LVM2 001":
            return Known("lvm")
    return None


_READERS: tuple[Callable[[bytes], Known | None], ...] = (_ntfs, _exfat, _ext, _btrfs, _xfs, _luks, _lvm)


def recognise(head: bytes) -> Known | None:
    """Return what the first bytes of a partition say it holds, None if nothing known.

    :param head: up to :data:`HEAD` bytes; fewer are fine.
    """
    for reader in _READERS:
        known = reader(head)
        if known is not None:
            return known
    for offset, magic, name in _NO_ID:
        if head[offset : offset + len(magic)] == magic:
            return Known(name)
    return _fat(head)
