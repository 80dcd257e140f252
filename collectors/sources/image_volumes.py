"""The volumes of an image: partitions found by themselves, or one file system in all of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from collectors.sources.image_magic import HEAD, Known, recognise
from collectors.sources.image_media import Media
from collectors.sources.image_tsk import TSK_ERRORS, MediaImage, filesystem_name, open_filesystem, partitions
from forensics.errors import NotAnImage
from forensics.model import Volume, display

ALLOCATED, UNALLOCATED = 1, 2
#: Types that TSK reads: one that does not open is damaged.
_READABLE = ("ntfs", "ext", "fat", "exfat", "hfs", "iso9660")


@dataclass(slots=True)
class Found:
    """The volumes of one image and what was met besides them."""

    table: str = ""
    volumes: list[Volume] = field(default_factory=list)
    unallocated: int = 0
    tables: int = 0


def find_volumes(media: Media, image: MediaImage) -> Found:
    """Return every volume of *media*, those that no reader opens included.

    :raises NotAnImage: if a raw file holds neither a partition table nor anything known.
    """
    found = Found()
    found.table, sector, rows = _table(media, image)
    for start, length, flags, text in rows:
        if flags & ALLOCATED:
            found.volumes.append(_examine(media, image, start * sector, length * sector, text))
        elif flags & UNALLOCATED:
            found.unallocated += 1
        else:
            found.tables += 1
    if not any(volume.state == "open" for volume in found.volumes):
        # A boot sector can pass for a partition table: what opens as a whole is the truth.
        whole = _examine(media, image, 0, media.size, "")
        if whole.state == "open" or not found.volumes:
            found = Found(volumes=[whole])
    if not found.table and found.volumes[0].state != "open" and not found.volumes[0].fs:
        _refuse_other_files(media)
    found.volumes = _unique(found.volumes)
    return found


def _table(media: Media, image: MediaImage) -> tuple[str, int, list[tuple[int, int, int, str]]]:
    """Return the partition table, ("", 512, []) if there is none.

    TSK refuses a table of which a partition begins behind the image's end; told of a
    larger disk it reads the table of a cut image.
    """
    images = [image]
    if _head(media, 0)[510:512] == b"\x55\xaa":
        images.append(MediaImage(media, max(media.size, 1 << 50)))
    for candidate in images:
        try:
            return partitions(candidate)
        except TSK_ERRORS:
            continue
    return "", 512, []


def _refuse_other_files(media: Media) -> None:
    """A raw file without anything known: an empty disk is all zeros at its start."""
    if media.format == "raw" and not getattr(media, "device", False):
        try:
            head = media.read(0, HEAD)
        except OSError:
            return
        if any(head) or media.size % 512:
            what = "neither a partition table nor a known file system"
            raise NotAnImage(what, where=getattr(media, "path", ""))


def _head(media: Media, offset: int) -> bytes:
    """The first bytes at *offset*, fewer before a bad sector."""
    for length in (HEAD, 4096, 512):
        try:
            return media.read(offset, length)
        except OSError:
            continue
    return b""


def _examine(media: Media, image: MediaImage, offset: int, size: int, text: str) -> Volume:
    """Return the volume at *offset*: open, or not-evaluated with the reason."""
    detail = f"partition {display(text.encode('utf-8', 'replace'))}" if text else ""
    base = Volume(f"@{offset}", offset=offset, size=size, detail=detail)
    if offset >= media.size:
        detail = f"the partition begins at {offset}, the image ends at {media.size}"
        return replace(base, state="not-evaluated", code="truncated", detail=detail)
    head = _head(media, offset)
    known = recognise(head)
    if known is not None:
        base = replace(base, id=known.id or base.id, fs=known.fs, label=display(known.label.encode()))
    try:
        if (known is not None and not known.fs.startswith(_READABLE)) or (known is None and not head.strip(b"\0")):
            # TSK would look through 30 MB for each; of 130 empty partitions that took 25 s.
            raise OSError("not tried")
        fs = open_filesystem(image, offset, known.fs if known else "")
    except TSK_ERRORS as error:
        code, detail = _why_not(known, head, str(error))
        return replace(base, state="not-evaluated", code=code, detail=_join(base.detail, detail, _cut(base, media, 0)))
    says = int(fs.info.block_count) * int(fs.info.block_size)
    name = filesystem_name(fs)
    detail = _join(base.detail, _cut(base, media, says))
    return replace(base, fs=name, size=size or says, detail=detail)


def _why_not(known: Known | None, head: bytes, error: str) -> tuple[str, str]:
    """Return (code, detail) for a volume that TSK does not open."""
    if known is None and not head.strip(b"\0"):
        return "no-file-system", f"its first {len(head)} bytes are zeros" if head else "its start cannot be read"
    if known is None:
        return "no-reader", "unknown content: no file system is recognised"
    if known.fs == "swap":
        return "swap", "swap space: no files"
    if known.fs.startswith(_READABLE):
        reason = error.rpartition("error: ")[2]
        return "no-reader", f"{known.fs}, damaged: {display(reason.encode('utf-8', 'replace'))[:160]}"
    return "no-reader", f"{known.fs}: no reader for this type"


def _join(*parts: str) -> str:
    return "; ".join(filter(None, parts))


def _cut(volume: Volume, media: Media, says: int) -> str:
    """Say where the image ends before the partition or its file system (*says* bytes) does."""
    end = (volume.offset or 0) + max(says, volume.size or 0)
    return f"truncated: the volume ends at {end}, the image at {media.size}" if end > media.size else ""


def _unique(volumes: list[Volume]) -> list[Volume]:
    """Clones and snapshots share an identifier: those get their offset added."""
    seen = Counter(volume.id for volume in volumes)
    return [
        volume
        if seen[volume.id] == 1 or volume.id.startswith("@")
        else replace(volume, id=f"{volume.id}@{volume.offset}")
        for volume in volumes
    ]
