"""Key revocation lists of OpenSSH: read whole, or refused (ssh-keygen -k writes them).

Source: OpenSSH PROTOCOL.krl. A section that is not known here is refused, whatever it says: to
overlook it could be to overlook a revocation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha1, sha256

from forensics.custody import certificates
from forensics.custody import ed25519_openssh as openssh

MAGIC = b"SSHKRL\n\0"
MAX_KRL = 16 << 20
MAX_SECTIONS = 65536
_CERTIFICATES, _KEYS, _SHA1, _SHA256 = 1, 2, 3, 5
_SERIALS, _RANGE, _BITMAP, _KEY_IDS = 0x20, 0x21, 0x22, 0x23
_NAMES = {4: "signature", 255: "extension"}


@dataclass(slots=True)
class Issued:
    """Revoked certificates of one authority: its key's wire form, b"" for any."""

    authority: bytes
    serials: set[int] = field(default_factory=set)
    ranges: list[tuple[int, int]] = field(default_factory=list)
    bitmaps: list[tuple[int, int]] = field(default_factory=list)
    key_ids: set[str] = field(default_factory=set)

    def revokes(self, one: certificates.Certificate) -> bool:
        """Whether a certificate is revoked by its serial or its key id."""
        if self.authority not in (b"", one.authority.wire):
            return False
        if one.key_id in self.key_ids or one.serial in self.serials:
            return True
        return any(low <= one.serial <= high for low, high in self.ranges) or any(
            one.serial >= first and bits >> (one.serial - first) & 1 for first, bits in self.bitmaps
        )


@dataclass(slots=True)
class Krl:
    """What a list revokes: wire forms of keys, digests of them, certificates."""

    comment: str = ""
    keys: set[bytes] = field(default_factory=set)
    sha1: set[bytes] = field(default_factory=set)
    sha256: set[bytes] = field(default_factory=set)
    issued: list[Issued] = field(default_factory=list)

    def revokes(self, wire: bytes) -> bool:
        """Whether a key's, or a certificate's, SSH wire form is revoked.

        Of a certificate its key and its authority's key count too, as ssh-keygen -Q judges it.
        """
        plain = [wire]
        try:
            one = certificates.parse(wire)
        except openssh.WireError:
            one = None
        if one is not None:
            if any(issued.revokes(one) for issued in self.issued):
                return True
            plain = [one.public.wire, one.authority.wire]
        return any(
            blob in self.keys or sha1(blob).digest() in self.sha1 or sha256(blob).digest() in self.sha256
            for blob in plain
        )


def parse_krl(data: bytes) -> Krl:
    """Read a list.

    :raises WireError: if it is over 16 MiB, malformed, or has a section that is not known here.
    """
    if len(data) > MAX_KRL:
        raise openssh.WireError(f"longer than {MAX_KRL} bytes")
    reader = openssh.WireReader(data)
    if reader.take(8) != MAGIC or reader.uint32() != 1:
        raise openssh.WireError("no revocation list of version 1")
    reader.take(24)  # its number, when it was made, flags (none are defined)
    reader.string()  # reserved
    krl = Krl(reader.string()[:1024].decode("utf-8", "replace"))
    sections = 0
    while reader.left:
        sections += 1
        if sections > MAX_SECTIONS:
            raise openssh.WireError(f"more than {MAX_SECTIONS} sections")
        _section(krl, reader.take(1)[0], openssh.WireReader(reader.string()))
    return krl


def _section(krl: Krl, kind: int, body: openssh.WireReader) -> None:
    if kind == _CERTIFICATES:
        krl.issued.append(_issued(body))
        return
    sets: dict[int, tuple[set[bytes], int]] = {_KEYS: (krl.keys, 0), _SHA1: (krl.sha1, 20), _SHA256: (krl.sha256, 32)}
    if kind not in sets:
        raise openssh.WireError(f"a section of type {kind} ({_NAMES.get(kind, 'unknown')})")
    found, size = sets[kind]
    while body.left:
        one = body.string()
        if size and len(one) != size:
            raise openssh.WireError(f"a digest of {len(one)} bytes, not {size}")
        if not size:
            openssh.blob_type(one)
        found.add(one)


def _issued(body: openssh.WireReader) -> Issued:
    issued = Issued(body.string())
    if issued.authority:
        openssh.blob_type(issued.authority)
    body.string()  # reserved
    while body.left:
        kind, rest = body.take(1)[0], openssh.WireReader(body.string())
        read = _PARTS.get(kind)
        if read is None:
            raise openssh.WireError(f"a part of a certificate section of type {kind:#x}")
        read(issued, rest)
        rest.end()
    return issued


def _uint64(reader: openssh.WireReader) -> int:
    return int.from_bytes(reader.take(8), "big")


def _read_serials(issued: Issued, rest: openssh.WireReader) -> None:
    while rest.left:
        issued.serials.add(_uint64(rest))


def _read_range(issued: Issued, rest: openssh.WireReader) -> None:
    low, high = _uint64(rest), _uint64(rest)
    if high < low:
        raise openssh.WireError("a range of serials that ends before it begins")
    issued.ranges.append((low, high))


def _read_bitmap(issued: Issued, rest: openssh.WireReader) -> None:
    first, bits = _uint64(rest), rest.string()
    if bits[:1] > b"\x7f":
        raise openssh.WireError("a negative bitmap")
    issued.bitmaps.append((first, int.from_bytes(bits, "big")))


def _read_key_ids(issued: Issued, rest: openssh.WireReader) -> None:
    while rest.left:
        issued.key_ids.add(rest.string().decode("utf-8", "replace"))


_PARTS: dict[int, Callable[[Issued, openssh.WireReader], None]] = {
    _SERIALS: _read_serials,
    _RANGE: _read_range,
    _BITMAP: _read_bitmap,
    _KEY_IDS: _read_key_ids,
}
