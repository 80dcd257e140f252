"""From a path to a :class:`Media`: which container is it, and where are its other parts."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from collectors.sources.image_ewf import EwfMedia, next_segment, refuse_gap
from collectors.sources.image_ewf_sections import MAGIC as EWF_MAGIC
from collectors.sources.image_media import Media, RawMedia, SplitMedia, split_parts
from forensics.errors import NotAnImage

EX01_MAGIC = b"EVF2\x0d\x0a\x81\x00"
MAX_SEGMENTS = 16_000

#: Containers that are known and not read here: (offset, magic, what it is).
_OTHERS = (
    (0, b"QFI\xfb", "a QCOW image"),
    (0, b"KDMV", "a VMDK image"),
    (0, b"# Disk DescriptorFile", "a VMDK descriptor"),
    (0, b"vhdxfile", "a VHDX image"),
    (0, b"conectix", "a dynamic VHD image"),
    (0, b"LVF\x09\x0d\x0a\xff\x00", "an L01 logical evidence file"),
    (0, b"LEF2\x0d\x0a\x81\x00", "an Lx01 logical evidence file"),
    (0, b"AFF10\r\n\x00", "an AFF 1 image"),
    (0, b"PK\x03\x04", "a ZIP file (AFF4 or an archive)"),
    (0, b"\x1f\x8b\x08", "a gzip file"),
    (0, b"\xfd7zXZ\x00", "an xz file"),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard file"),
)
_CONVERT = "Convert or unpack it to raw or E01 first (qemu-img convert -O raw, ewfexport...)."


def image_path(uri: str) -> str:
    """Return the path of *uri*: ``image:PATH`` or a plain path."""
    return uri.removeprefix("image:")


def open_media(path: str) -> Media:
    """Open the image at *path*, all its parts included.

    :raises SourceNotFound, PermissionRefused: if it cannot be opened.
    :raises NotAnImage: if it is another kind of file.
    :raises TruncatedImage: if a part is missing or cut.
    """
    if sys.platform == "win32":
        from collectors.sources.device_windows import DeviceMedia, is_device

        if is_device(path):
            return DeviceMedia(path)
    first = RawMedia(path)
    try:
        if first.size == 0:
            raise NotAnImage("the file is empty", where=path)
        try:
            head = first.read(0, 64)
        except OSError:
            head = b""  # a device whose first sector is bad is still a device
    finally:
        first.close()
    if head.startswith(EWF_MAGIC):
        return EwfMedia(segments(path))
    if head.startswith(EX01_MAGIC):
        from collectors.sources.image_ex01 import Ex01Media

        return Ex01Media(segments(path))
    for offset, magic, what in _OTHERS:
        if head[offset:].startswith(magic):
            raise NotAnImage(f"{what}: no reader for this container", where=path, hint=_CONVERT)
    parts = split_parts(path)
    return SplitMedia(parts) if len(parts) > 1 else RawMedia(path)


def segments(path: str) -> list[str]:
    """Return all segment files of the E01 or Ex01 set that begins with *path*.

    :raises TruncatedImage: if a later segment exists than those in a row.
    """
    stem, dot, suffix = path.rpartition(".")
    first = suffix[-3:]
    if not dot or len(suffix) < 3 or os.sep in suffix or not first[1:].isdigit():
        return [path]
    stem = f"{stem}.{suffix[:-3]}"
    found, following = [path], next_segment(first)
    while following and len(found) < MAX_SEGMENTS and Path(stem + following).is_file():
        found.append(stem + following)
        following = next_segment(following)
    names = {entry.name for entry in os.scandir(Path(stem + "x").parent)}
    refuse_gap(names, Path(stem + "x").name[:-1], first, len(found), path)
    return found
