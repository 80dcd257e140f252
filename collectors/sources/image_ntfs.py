"""What TSK does not tell of an NTFS record: exact times, $FILE_NAME times, SID, reparse target.

Sources: Microsoft [MS-FSCC] (file attributes, reparse points), [MS-DTYP] (FILETIME, SID,
self-relative security descriptor); libfsntfs documentation (attribute layouts, $SDS).
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

from collectors.sources.image_tsk import ATTR_DATA, ATTR_FILE_NAME, ATTR_REPARSE, ATTR_SECURITY, ATTR_SI, TSK_ERRORS
from forensics.model import Times

_EPOCH = 116_444_736_000_000_000  # 1970-01-01 as FILETIME, units of 100 ns
_FILETIMES = struct.Struct("<4Q")
SECURE_RECORD = 9
#: Bytes of $Secure:$SDS that are looked at for owners.
MAX_SDS = 64 << 20
MAX_OWNERS = 1 << 17

TAG_SYMLINK, TAG_MOUNT, TAG_WOF, TAG_DEDUP = 0xA000000C, 0xA0000003, 0x80000017, 0x80000013
NAME_SURROGATE = 0x20000000
_ENCRYPTED, _OFFLINE, _RECALL = 0x4000, 0x1000, 0x00400000 | 0x00040000


class Record(NamedTuple):
    """The facts of one MFT record, for one of its names."""

    times: Times
    owner: str
    flags: tuple[str, ...]
    reparse: int
    target: bytes | None


def _nanoseconds(raw: bytes, offset: int) -> list[int | None]:
    """Four FILETIMEs as ns since 1970 in the order created, modified, changed, accessed; 0 is None."""
    return [(value - _EPOCH) * 100 if value else None for value in _FILETIMES.unpack_from(raw, offset)]


def read_record(file: Any, attributes: list[tuple[int, int, Any]], parent: int, name: bytes, owners: Owners) -> Record:
    """Return the facts of the record *file*.

    :param attributes: (type, id, pytsk3 info) of each of its attributes.
    :param parent: MFT number of the folder that the name was met in.
    :param name: the name, so that the right $FILE_NAME of several is taken.
    """
    si: bytes = b""
    names: list[bytes] = []
    tag, target, owner, security = 0, None, "", None
    for kind, _, info in attributes:
        if kind == ATTR_SI:
            si = _read(file, info, 72)
        elif kind == ATTR_FILE_NAME:
            names.append(_read(file, info, 66 + 510))
        elif kind == ATTR_REPARSE:
            tag, target = parse_reparse(_read(file, info, 16_384))
        elif kind == ATTR_SECURITY:
            security = info
    times, flags = _times(si, _matching(names, parent, name))
    if len(si) >= 72:
        owner = owners.find(int.from_bytes(si[52:56], "little"))
    if not owner and security is not None:  # records of before NTFS 3.0 carry their own
        owner = descriptor_owner(_read(file, security, 65_536))
    attribute_flags = int.from_bytes(si[32:36], "little")
    words = list(flags)
    if attribute_flags & _ENCRYPTED:
        words.append("encrypted")
    if attribute_flags & _RECALL or (tag & 0xFFFF0FFF) == 0x9000001A:
        words.append("cloud-placeholder")
    if tag == TAG_WOF:
        words.append("wof-compressed")
    elif tag == TAG_DEDUP:
        words.append("deduplicated")
    return Record(times, owner, tuple(words), tag, target)


def _read(file: Any, info: Any, limit: int) -> bytes:
    """Return an attribute's first bytes, b"" if it cannot be read."""
    try:
        return bytes(file.read_random(0, min(int(info.size), limit), info.type, int(info.id)))
    except TSK_ERRORS:
        return b""


def _matching(names: list[bytes], parent: int, name: bytes) -> bytes:
    """Return the $FILE_NAME of this parent and name; else of this parent; else the first."""
    wanted = name.decode("utf-8", "surrogatepass" if b"\xed" in name else "replace").encode(
        "utf-16-le", "surrogatepass"
    )
    second = b""
    for raw in names:
        if len(raw) < 66 or int.from_bytes(raw[:6], "little") != parent:
            continue
        if raw[66 : 66 + 2 * raw[64]] == wanted:
            return raw
        second = second or raw
    return second or (names[0] if names and len(names[0]) >= 66 else b"")


def _times(si: bytes, file_name: bytes) -> tuple[Times, list[str]]:
    """$STANDARD_INFORMATION as m, a, c, b; $FILE_NAME as raw fn_m, fn_a, fn_c, fn_b (ns since 1970)."""
    raw: dict[str, int] = {}
    if len(file_name) >= 40:
        created, modified, changed, accessed = _nanoseconds(file_name, 8)
        for key, value in (("fn_m", modified), ("fn_a", accessed), ("fn_c", changed), ("fn_b", created)):
            if value is not None:
                raw[key] = value
    if len(si) < 48:
        return Times(raw=raw or None), ["no-standard-information"]
    created, modified, changed, accessed = _nanoseconds(si, 0)
    return Times(modified, accessed, changed, created, raw or None), []


def parse_reparse(raw: bytes) -> tuple[int, bytes | None]:
    """Return (tag, target as UTF-8 with surrogates kept) of a $REPARSE_POINT; (0, None) if damaged."""
    if len(raw) < 8:
        return 0, None
    tag = int.from_bytes(raw[:4], "little")
    if tag not in (TAG_SYMLINK, TAG_MOUNT) or len(raw) < 20:
        return tag, None
    base = 20 if tag == TAG_SYMLINK else 16
    offset, length = struct.unpack_from("<HH", raw, 8)
    text = raw[base + offset : base + offset + length]
    return tag, text[: len(text) & ~1].decode("utf-16-le", "surrogatepass").encode("utf-8", "surrogatepass")


def parse_sid(raw: bytes) -> str:
    """Return a binary SID as ``S-1-5-...``, "" if damaged ([MS-DTYP] 2.4.2.2)."""
    if len(raw) < 8 or raw[0] != 1 or raw[1] > 15 or len(raw) < 8 + 4 * raw[1]:
        return ""
    parts = struct.unpack_from(f"<{raw[1]}I", raw, 8)
    return "-".join(["S-1", str(int.from_bytes(raw[2:8], "big")), *map(str, parts)])


def descriptor_owner(raw: bytes) -> str:
    """Return the owner of a self-relative security descriptor ([MS-DTYP] 2.4.6)."""
    if len(raw) < 20 or raw[0] != 1:
        return ""
    offset = int.from_bytes(raw[4:8], "little")
    return parse_sid(raw[offset : offset + 68]) if 20 <= offset < len(raw) else ""


class Owners:
    """Owner SIDs by security id, read once from ``$Secure:$SDS``; bounded."""

    def __init__(self, fs: Any) -> None:
        self._fs = fs
        self._sids: dict[int, str] | None = None

    def find(self, security_id: int) -> str:
        """Return the SID, "" if unknown."""
        if self._sids is None:
            self._sids = self._load() if security_id else {}
        return self._sids.get(security_id, "")

    def _load(self) -> dict[int, str]:
        try:
            file = self._fs.open_meta(SECURE_RECORD)
            for attribute in file:
                info = attribute.info
                if int(info.type) == ATTR_DATA and info.name == b"$SDS":
                    return self._scan(file, info)
        except TSK_ERRORS:
            pass
        return {}

    @staticmethod
    def _scan(file: Any, info: Any) -> dict[int, str]:
        """$SDS: blocks of 256 KiB, each followed by its copy; entries of 20 bytes + descriptor, aligned to 16."""
        found: dict[int, str] = {}
        interned: dict[str, str] = {}
        for start in range(0, min(int(info.size), MAX_SDS), 0x80000):
            block = bytes(file.read_random(start, min(0x40000, int(info.size) - start), info.type, int(info.id)))
            at = 0
            while at + 20 <= len(block) and len(found) < MAX_OWNERS:
                _, security_id, offset, length = struct.unpack_from("<IIQI", block, at)
                if offset != start + at or length < 20 or at + length > len(block):
                    break
                sid = descriptor_owner(block[at + 20 : at + length])
                found[security_id] = interned.setdefault(sid, sid)
                at += (length + 15) & ~15
        return found
