"""What a walk meets: volumes, entries, and troubles met on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from forensics.model.paths import SourcePath

Kind = Literal["file", "dir", "link", "fifo", "socket", "char", "block", "reparse", "other"]
State = Literal["allocated", "deleted", "orphan", "reallocated"]
VolumeState = Literal["open", "excluded", "not-evaluated"]


@dataclass(frozen=True, slots=True)
class Times:
    """Times of an entry in ns since 1970-01-01 UTC, unbounded, None where unknown.

    :param m: content modified; *a*: accessed; *c*: metadata changed; *b*: born.
    :param raw: native values where ns cannot carry them, and further sets such as
        NTFS $FILE_NAME times (``fn_m`` ...), by name.
    :param flags: e.g. ``local-time`` (FAT: no zone is stored), ``out-of-range``.
    """

    m: int | None = None
    a: int | None = None
    c: int | None = None
    b: int | None = None
    raw: Mapping[str, int] | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Volume:
    """One file system of a source, whether a reader opens it or not.

    :param id: stable name: file-system UUID, else partition offset (``@1048576``),
        else mount path (display); never st_dev.
    :param fs: file system type in lower case (``ntfs``, ``ext4``...), "" if unknown.
    :param mount: where a live source has it mounted (display), else "".
    :param offset: bytes from the start of the image; None where that has no meaning.
    :param size: bytes, None if unknown.
    :param state: ``open`` (it will be walked), ``excluded`` or ``not-evaluated``.
    :param code: why it is not open: ``network``, ``pseudo``, ``no-reader``...
    """

    id: str
    fs: str = ""
    mount: str = ""
    offset: int | None = None
    size: int | None = None
    label: str = ""
    state: VolumeState = "open"
    code: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a volume (on NTFS: one name and one stream).

    :param volume: the id of its :class:`Volume`.
    :param size: logical bytes of this stream; None if unknown.
    :param allocated_size: bytes on disk; None if unknown.
    :param owner: ``uid:gid`` or a SID; "" if unknown.
    :param mode: POSIX mode bits (type bits included); None if unknown.
    :param address: inode (``12``), MFT reference with sequence, attribute type and id
        (``45-3:128-1``) - whatever names the content inside the volume.
    :param nlink: number of names, 0 if unknown.
    :param xattrs: extended attributes, by name (bytes), bounded by the source.
    :param target: what a symbolic link or reparse point names, as bytes.
    """

    volume: str
    path: SourcePath
    kind: Kind = "file"
    size: int | None = None
    allocated_size: int | None = None
    state: State = "allocated"
    times: Times = Times()
    owner: str = ""
    mode: int | None = None
    address: str = ""
    nlink: int = 0
    xattrs: tuple[tuple[bytes, bytes], ...] = ()
    target: bytes | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trouble:
    """A place that a walk could not look into: never silence.

    :param outcome: ``denied``, ``failed``, ``timed-out`` or ``partial``.
    """

    volume: str
    path: SourcePath
    outcome: Literal["denied", "failed", "timed-out", "partial"]
    code: str
    detail: str = ""
