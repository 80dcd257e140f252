r"""A raw volume or disk of a live Windows host (``\\.\C:``), read by aligned sectors.

Locked files and NTFS metadata are to be had only so; it needs an administrator. Never run:
type-checked for win32 only, until a run is recorded in the docs. Source: Microsoft Learn,
CreateFileW ("Physical Disks and Volumes") and IOCTL_DISK_GET_LENGTH_INFO (winioctl.h).
"""

from __future__ import annotations

import ctypes
import errno
import msvcrt
import os
import sys
from collections.abc import Mapping

from forensics.errors import NotAnImage, PermissionRefused, SourceNotFound

assert sys.platform == "win32"

PREFIX = "\\\\.\\"
_LENGTH_INFO = 0x0007405C
#: reads of a device begin and end on sectors; no disk of today has larger ones
_ALIGN = 4096


def is_device(path: str) -> bool:
    r"""Whether *path* names a device (``\\.\...``)."""
    return path.startswith(PREFIX)


class DeviceMedia:
    """One volume or disk as :class:`collectors.sources.image_media.Media`.

    :raises SourceNotFound, PermissionRefused, NotAnImage: if it cannot be opened.
    """

    format = "raw"

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            self.fd = os.open(path, os.O_RDONLY | os.O_BINARY)
        except FileNotFoundError as error:
            raise SourceNotFound("no such device", where=path) from error
        except PermissionError as error:
            raise PermissionRefused("the device cannot be opened", where=path, hint="Run as administrator.") from error
        except OSError as error:
            raise NotAnImage(f"the device cannot be opened ({error})", where=path) from error
        self.size = self._length()

    def _length(self) -> int:
        length, returned = ctypes.c_int64(), ctypes.c_uint32()
        done = ctypes.windll.kernel32.DeviceIoControl(
            ctypes.c_void_p(msvcrt.get_osfhandle(self.fd)), _LENGTH_INFO, None, 0,
            ctypes.byref(length), ctypes.sizeof(length), ctypes.byref(returned), None,
        )  # fmt: skip
        if not done:
            os.close(self.fd)
            raise NotAnImage("the device does not tell its length", where=self.path)
        return length.value

    def read(self, offset: int, length: int) -> bytes:
        """Read *length* bytes from *offset*; fewer only at the end.

        :raises OSError: if a sector cannot be read.
        """
        length = max(0, min(length, self.size - offset))
        start = offset // _ALIGN * _ALIGN
        stop = min(-(-(offset + length) // _ALIGN) * _ALIGN, self.size)
        os.lseek(self.fd, start, os.SEEK_SET)
        data = bytearray()
        while len(data) < stop - start:
            piece = os.read(self.fd, stop - start - len(data))
            if not piece:
                raise OSError(errno.EIO, "the device is shorter than it says", self.path)
            data += piece
        return bytes(data[offset - start : offset - start + length])

    def identity(self) -> Mapping[str, str | int | None]:
        """What is known of it."""
        return {"format": self.format, "device": self.path, "size": self.size}

    def close(self) -> None:
        """Close it."""
        os.close(self.fd)
