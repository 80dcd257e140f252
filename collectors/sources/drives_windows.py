"""Drives of a Windows host, by kernel32. Never run: type-checked for win32 only."""

from __future__ import annotations

import ctypes
import shutil
import sys
from dataclasses import dataclass

assert sys.platform == "win32"

# GetDriveTypeW (fileapi.h)
_TYPES = {0: "unknown", 1: "none", 2: "removable", 3: "fixed", 4: "remote", 5: "cdrom", 6: "ramdisk"}
_LENGTH = 261


@dataclass(frozen=True, slots=True)
class Drive:
    r"""One drive letter.

    :param id: the volume's serial number as ``1A2B-3C4D``, else its root.
    :param root: ``C:\``.
    :param fs: file system in lower case, "" if none is mounted or it was not asked.
    :param size: bytes, None if not known.
    """

    id: str
    root: str
    kind: str
    fs: str = ""
    label: str = ""
    size: int | None = None


def is_admin() -> bool:
    """True if this process runs with an administrator's full token (IsUserAnAdmin, shlobj_core.h)."""
    return bool(ctypes.windll.shell32.IsUserAnAdmin())


def _describe(root: str, kind: str) -> Drive:
    if kind in ("remote", "cdrom", "none", "unknown"):  # asking may wait for a server or a tray
        return Drive(root, root, kind)
    label = ctypes.create_unicode_buffer(_LENGTH)
    fs = ctypes.create_unicode_buffer(_LENGTH)
    serial = ctypes.c_uint32()
    told = ctypes.windll.kernel32.GetVolumeInformationW(
        ctypes.c_wchar_p(root), label, _LENGTH, ctypes.byref(serial), None, None, fs, _LENGTH
    )
    if not told:
        return Drive(root, root, "none")
    try:
        size: int | None = shutil.disk_usage(root).total
    except OSError:
        size = None
    number = serial.value
    return Drive(f"{number >> 16:04X}-{number & 0xFFFF:04X}", root, kind, fs.value.lower(), label.value, size)


def drives() -> list[Drive]:
    """Return every drive letter in order (GetLogicalDrives); two of one serial number are told apart by root."""
    mask = int(ctypes.windll.kernel32.GetLogicalDrives())
    found: list[Drive] = []
    seen: set[str] = set()
    for index in range(26):
        if not mask >> index & 1:
            continue
        root = f"{chr(ord('A') + index)}:\\"
        drive = _describe(root, _TYPES.get(int(ctypes.windll.kernel32.GetDriveTypeW(root)), "unknown"))
        if drive.id in seen:
            drive = Drive(root, root, drive.kind, drive.fs, drive.label, drive.size)
        seen.add(drive.id)
        found.append(drive)
    return found
