"""Transports from docs/format.md section 16 alone: tar, zstd and age by hand, so that every byte is fixed.

The zstd frames hold raw blocks, runs of one byte, and (for a bomb) one kind of repetition; age is its X25519 stanza
and its payload. The age and zstd programs read all of it: see test_vectors.py.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import struct
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from vector_bag import Bag
from vector_words import T, one_line, sha

BLOCK, RAW, CHUNK, MOST = 1 << 17, 1 << 12, 1 << 16, 1 << 24  # RAW: small, so that a cut stream still says much


# ---------------------------------------------------------------- tar (POSIX.1-2001 ustar)
def header(name: bytes, size: int, kind: bytes = b"0", link: bytes = b"", number: bytes | None = None) -> bytes:
    """One ustar header; *number* replaces the size field."""
    fields = [name.ljust(100, b"\0")[:100], b"0000644\0", b"0000000\0", b"0000000\0",
              number or b"%011o\0" % size, b"00000000000\0", b" " * 8, kind, link.ljust(100, b"\0"),
              b"ustar\x0000", bytes(64), b"0000000\0", b"0000000\0", bytes(155), bytes(12)]  # fmt: skip
    whole = b"".join(fields)
    return whole[:148] + b"%06o\0 " % sum(whole) + whole[156:]


def member(name: str | bytes, data: bytes = b"", kind: bytes = b"0", link: bytes = b"") -> bytes:
    raw = name.encode() if isinstance(name, str) else name
    return header(raw, len(data), kind, link) + data + bytes(-len(data) % 512)


def pax(**records: str) -> bytes:
    """A pax header before a member."""
    out = b""
    for key, value in records.items():
        tail = f" {key}={value}\n".encode()
        size = len(tail) + 1
        while len(str(size)) + len(tail) != size:
            size = len(str(size)) + len(tail)
        out += str(size).encode() + tail
    return member("PaxHeaders/x", out, b"x")


class Stream:
    """The members of a transport, one after the other."""

    def __init__(self, bag: str, **fields: Any) -> None:
        self.bag, self.out = bag, bytearray()
        self.parts = self.files = self.lines = 0
        self.add("transport.json", one_line({"format": "sealbag-transport/1.0", "bag": bag, "t": T, **fields}) + b"\n")

    def add(self, name: str | bytes, data: bytes = b"", kind: bytes = b"0", link: bytes = b"") -> None:
        self.out += member(name, data, kind, link)

    def part(self, data: bytes) -> None:
        self.add(f"part/{self.parts:012d}", data)
        self.parts += 1

    def file(self, path: str, data: bytes, *, cut: int = MOST, **fields: Any) -> None:
        """The parts of a file and its `file` member; *fields* lie about it."""
        for at in range(0, len(data), cut):
            self.part(data[at : at + cut])
        said = {"path": path, "size": len(data), "sha256": sha(data), **fields}
        self.add(f"file/{self.files:012d}", one_line(said) + b"\n")
        self.files += 1

    def ledger(self, lines: list[bytes]) -> None:
        self.add(f"ledger/{self.lines:012d}", b"".join(line + b"\n" for line in lines))
        self.lines += len(lines)

    def end(self) -> bytes:
        self.add("end", one_line({"files": self.files, "lines": self.lines}) + b"\n")
        return bytes(self.out) + bytes(1024)


LAST = ("custody/seal.json", "custody/seal.json.sig")


def stream_of(bag: Bag, *, cut: int = MOST, seal: bool = True) -> Stream:
    """A bag in the order that section 16 asks for, without its end."""
    stream = Stream(bag.id)
    paths = sorted(bag.files)
    for path in (p for p in paths if p.startswith("data/")):
        stream.file(path, bag[path], cut=cut)
    half = len(bag.lines) // 2
    stream.ledger(bag.lines[:half])
    stream.ledger(bag.lines[half:])
    rest = [p for p in paths if not p.startswith("data/") and p not in (*LAST, "custody/ledger.jsonl")]
    for path in [*rest, *(LAST if seal else ())]:
        stream.file(path, bag[path], cut=cut)
    return stream


# ---------------------------------------------------------------- zstd (RFC 8878)
def _block(kind: int, size: int, body: bytes, last: bool = False) -> bytes:
    return (last | kind << 1 | size << 3).to_bytes(3, "little") + body


FRAME = bytes.fromhex("28b52ffd0038")  # magic, no content size and no checksum, a window of 128 KiB
END_FRAME = _block(0, 0, b"", last=True)


def zstd_body(data: bytes) -> bytes:
    """Raw blocks, and a run of one byte as what it is."""
    out = b""
    for run in re.finditer(rb"(.)\1{31,}|(?:(?!(.)\2{31}).)+", data, re.DOTALL):
        text, same = run[0], run[1]
        step = BLOCK if same else RAW
        for at in range(0, len(text), step):
            piece = text[at : at + step]
            out += _block(1, len(piece), same) if same else _block(0, len(piece), piece)
    return out


def zstd(data: bytes) -> bytes:
    return FRAME + zstd_body(data) + END_FRAME


def zeros(count: int) -> bytes:
    """Blocks of zeros, *count* times 128 KiB: four bytes each."""
    return _block(1, BLOCK, b"\0") * count


def repeats(count: int) -> bytes:
    """Blocks that say the 512 bytes before them again, *count* times 128 KiB: 13 bytes each.

    One sequence: no literals, offset 512 (code 9, 3 beyond 512 with the three repeats), length 131072 (code 52).
    """
    bits = 1 << 25 | 3 << 16 | (BLOCK - 65539)
    body = bytes([0x00, 0x01, 0x54, 0, 9, 52]) + bits.to_bytes(4, "little")
    return _block(2, len(body), body) * count


# ---------------------------------------------------------------- age (age-encryption.org/v1)
def _hkdf(key: bytes, salt: bytes, info: bytes) -> bytes:
    first = hmac.digest(salt or bytes(32), key, "sha256")
    return hmac.digest(first, info + b"\1", "sha256")


def _b64(data: bytes) -> bytes:
    return base64.b64encode(data).rstrip(b"=")


def _seed(word: str) -> bytes:
    return hashlib.sha256(b"age " + word.encode()).digest()


def _public(private: X25519PrivateKey) -> bytes:
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def _bech32(prefix: str, data: bytes) -> str:
    """BIP 173."""
    bits = "".join(f"{byte:08b}" for byte in data)
    values = [int(bits[at : at + 5].ljust(5, "0"), 2) for at in range(0, len(bits), 5)]
    check = 1
    for value in [*(ord(c) >> 5 for c in prefix), 0, *(ord(c) & 31 for c in prefix), *values, *[0] * 6]:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for bit, word in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= word if top >> bit & 1 else 0
    values += [(check ^ 1) >> 5 * (5 - at) & 31 for at in range(6)]
    return prefix + "1" + "".join(BECH32[value] for value in values)


def identity(word: str) -> bytes:
    """An age identity file, from a word: for vectors, never for evidence."""
    return (_bech32("age-secret-key-", _seed(word)).upper() + "\n").encode()


def age(data: bytes, *words: str) -> bytes:
    """Encrypt to the identities of these words."""
    file_key = _seed("file key" + sha(data))[:16]
    head = b"age-encryption.org/v1\n"
    for word in words:
        to = _public(X25519PrivateKey.from_private_bytes(_seed(word)))
        own = X25519PrivateKey.from_private_bytes(_seed("ephemeral " + word))
        shared = own.exchange(X25519PublicKey.from_public_bytes(to))
        wrap = _hkdf(shared, _public(own) + to, b"age-encryption.org/v1/X25519")
        body = ChaCha20Poly1305(wrap).encrypt(bytes(12), file_key, None)
        head += b"-> X25519 " + _b64(_public(own)) + b"\n" + _b64(body) + b"\n"
    head += b"---"
    mac = hmac.digest(_hkdf(file_key, b"", b"header"), head, "sha256")
    nonce = _seed("nonce" + sha(data))[:16]
    cipher, out = ChaCha20Poly1305(_hkdf(file_key, nonce, b"payload")), [head + b" " + _b64(mac) + b"\n" + nonce]
    for count, at in enumerate(range(0, max(len(data), 1), CHUNK)):
        last = at + CHUNK >= len(data)
        out.append(
            cipher.encrypt(struct.pack(">Q", count).rjust(11, b"\0") + bytes([last]), data[at : at + CHUNK], None)
        )
    return b"".join(out)
