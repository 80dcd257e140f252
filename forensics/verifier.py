"""Verify a sealed evidence bag, offline, with nothing but this file.

    python3 -I verify.py [--signer SHA256:... | --trust FILE | --seal HEX | --checkpoint FILE] -- BAG

What VALID proves: every byte of the bag is as it was when the holder of the
named key sealed it, nothing was added or taken away, and whoever you named with
an anchor vouches for it. What it does not prove: that the host told the truth,
that nothing was left out, or when it happened (docs/format.md, section 12).
Without an anchor the best verdict is UNTRUSTED: anybody can make such a bag.

A copy of this file inside a bag came with the bag: compare its SHA-256 with a
published one first. Use -I: without it, PYTHONPATH and the like decide what
Python loads. An exit code without a printed line ``verdict:`` is no verdict.

Written from docs/format.md (format 1.0); "section" below means a section of it.
It reads, and writes nothing. Exit: VALID 0, INVALID 1, INCOMPLETE 2,
UNTRUSTED 3, UNSAFE 4, IO ERROR 5; usage 64, no bag 65, defect 70, anchor 78.
"""

# This file must run on Python 3.9 and know nothing but the standard library's quick parts.
# ruff: noqa: B905, PTH123, RUF007
from __future__ import annotations

import sys

if __name__ == "__main__" and not sys.flags.isolated:
    # What lies beside this file (json.py, hashlib.py...) must never be imported.
    _own = __file__.replace("\\", "/").rpartition("/")[0]
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]
    sys.path[:] = [p for p in sys.path if p not in ("", ".") and p.replace("\\", "/").rstrip("/") != _own]

import array
import binascii
import errno
import hashlib
import json
import os
import re
import stat
import struct
from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from subprocess import Popen
    from typing import Any

    Progress = Callable[[str, int, int], None]
    Point = tuple[int, int, int, int]

sha256 = hashlib.sha256

# ---------------------------------------------------------------- verdicts (section 10)

EXITS = {"VALID": 0, "INVALID": 1, "INCOMPLETE": 2, "UNTRUSTED": 3, "UNSAFE": 4, "IO ERROR": 5}
RANK = ("UNSAFE", "INVALID", "IO ERROR", "INCOMPLETE", "UNTRUSTED", "VALID")  # the first that holds wins
CHECKS = (
    "layout", "ledger", "tree", "checkpoints", "objects", "manifest", "tagmanifest", "closed-list", "seal",
    "signature", "statements", "anchor", "time-tokens", "other-signatures", "removed-after-store", "litter",
)  # fmt: skip
MANDATORY = CHECKS[:12]
MAX_LINE = 1 << 20  # bytes of a line of the ledger, of seal.json and of a statement
MAX_NOTE = 1 << 16  # bytes of a checkpoint
MAX_SIGNATURE = 1 << 12  # bytes of an SSHSIG
MAX_TAGS = 250_000  # files outside data/
MAX_SHOWN = 1000  # notes and names not checked that are kept; further ones are counted


class NotABag(ValueError):
    """The folder holds no custody/ledger.jsonl (exit 65)."""


class AnchorError(ValueError):
    """An anchor that was given cannot be read or used (exit 78)."""


class _Unsafe(ValueError):
    """A name that would lead outside the bag."""


class _NotRegular(OSError):
    """A file of the bag is a link, a device, a FIFO or a folder."""


@dataclass(frozen=True)
class Check:
    """One check: result is pass, fail, not-checked or note; seq or path is where, why says what."""

    name: str
    result: str
    seq: int | None = None
    path: str = ""
    why: str = ""


@dataclass(frozen=True)
class Verdict:
    """What was found; code and exit as section 10, first the first bad place (None if none).

    anchor: the anchors that hold; sha256: the verdict digest; files and bytes:
    contents named by the ledger; verdicts: every verdict that holds, the highest first.
    """

    code: str
    exit: int
    first: Check | None
    checks: tuple[Check, ...]
    not_checked: tuple[str, ...]
    anchor: tuple[str, ...]
    sha256: str
    bag: str = ""
    lines: int = 0
    files: int = 0
    bytes: int = 0
    signer: str = ""
    seal_sha256: str = ""
    root: str = ""
    notes: tuple[str, ...] = ()
    verdicts: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The object that ``--json`` prints (docs/schema/verify.json)."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in ("code", "sha256")}
        fields.update(schema="sealbag/verify/1", verdict=self.code, verdict_sha256=self.sha256)
        fields["checks"] = [vars(check) for check in self.checks]
        fields["first"] = self.first and {k: getattr(self.first, k) for k in ("seq", "path", "why")}
        return fields


def safe(text: str | bytes) -> str:
    """Text of the bag as printable ASCII: what a terminal could act upon is escaped."""
    if isinstance(text, bytes):
        return "".join(chr(b) if 32 <= b < 127 and b != 92 else "\\\\" if b == 92 else f"\\x{b:02X}" for b in text)
    return "".join(c if " " <= c <= "~" and c != "\\" else "\\\\" if c == "\\" else f"\\u{{{ord(c):X}}}" for c in text)


class Report:
    """What the checks say, gathered; each check keeps its first bad place only."""

    def __init__(self) -> None:
        self.bad: dict[str, tuple[tuple[int, int, bytes], str]] = {}
        self.holds: dict[str, tuple[tuple[int, int, bytes], str, str]] = {}
        self.done: set[str] = set()
        self.undone: dict[str, list[str]] = {}
        self.noted: dict[str, list[str]] = {}

    def mark(self, verdict: str, check: str, why: str, seq: int | None = None, path: bytes = b"") -> None:
        """A verdict holds; the first place is the lowest seq, else the lowest path."""
        key = (0, seq, path) if seq is not None else (1, 0, path)
        if verdict not in self.holds or key < self.holds[verdict][0]:
            self.holds[verdict] = (key, check, why)

    def fail(self, check: str, why: str, seq: int | None = None, path: bytes = b"", verdict: str = "INVALID") -> None:
        """The check fails."""
        key = (0, seq, path) if seq is not None else (1, 0, path)
        if check not in self.bad or key < self.bad[check][0]:
            self.bad[check] = (key, why)
        self.mark(verdict, check, why, seq, path)

    def skip(self, check: str, why: str) -> None:
        """The check, or a part of it, was not done."""
        self._keep(self.undone, check, why)

    def note(self, check: str, text: str) -> None:
        """Worth saying, but no failure."""
        self._keep(self.noted, check, text)

    def _keep(self, where: dict[str, list[str]], check: str, text: str) -> None:
        kept = where.setdefault(check, [])
        if len(kept) < MAX_SHOWN:
            kept.append(text)
        else:
            count = int(kept.pop().split()[1]) + 1 if len(kept) > MAX_SHOWN else 1
            kept.append(f"and {count} more")

    def trouble(self, check: str, path: bytes, error: OSError, seq: int | None = None, what: str = "") -> None:
        """A file could not be read: missing and not-a-file are INVALID, all else IO ERROR."""
        if isinstance(error, FileNotFoundError):
            self.fail(check, what or "missing", seq, path)
        elif isinstance(error, _NotRegular) or error.errno in (errno.ELOOP, errno.ENXIO, errno.ENOTDIR, errno.EISDIR):
            self.fail(check, "not a regular file or not a real folder", seq, path)
        else:
            why = f"cannot be read: {error.strerror or error}"
            self.skip(check, f"{safe(path)}: {why}")
            self.mark("IO ERROR", check, why, seq, path)

    def check(self, name: str) -> Check:
        """The result of one check: fail, else not-checked, else note, else pass."""
        if name in self.bad:
            (_, seq, path), why = self.bad[name]
            return Check(name, "fail", seq if self.bad[name][0][0] == 0 else None, safe(path), why)
        if name in self.undone or (name in MANDATORY and name not in self.done):
            return Check(name, "not-checked", why=self.undone.get(name, ["not reached"])[0])
        if name in self.noted and name not in self.done:
            return Check(name, "note", why=self.noted[name][0])
        return Check(name, "pass", why="" if name in MANDATORY else "none")


# ---------------------------------------------------------------- Ed25519 (RFC 8032 section 5.1, section 7)

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
D2 = 2 * D % P
SQRT_M1 = pow(2, (P - 1) // 4, P)
# A point is (X, Y, Z, T): x = X/Z, y = Y/Z, x*y = T/Z.
IDENTITY = (0, 1, 1, 0)


def _add(p: Point, q: Point) -> Point:
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = p[3] * q[3] * D2 % P
    d = 2 * p[2] * q[2]
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _double(p: Point) -> Point:
    a, b = p[0] * p[0], p[1] * p[1]
    h = a + b
    e = h - (p[0] + p[1]) * (p[0] + p[1])
    g = a - b
    f = (2 * p[2] * p[2] + g) % P
    e, g, h = e % P, g % P, h % P
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _decode(data: bytes) -> Point | None:
    """A point from its canonical encoding; None if it is none (section 5.1.3 of the RFC)."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * v**3 * pow(u * v**7 % P, (P - 5) // 8, P) % P
    if v * x * x % P == -u % P:
        x = x * SQRT_M1 % P
    if v * x * x % P != u or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


def _encode(p: Point) -> bytes:
    inverse = pow(p[2], P - 2, P)
    x, y = p[0] * inverse % P, p[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _multiples(p: Point) -> list[Point]:
    """0p, 1p, ... 15p."""
    table = [IDENTITY, p]
    for _ in range(14):
        table.append(_add(table[-1], p))
    return table


_base = _decode(bytes([0x58]) + bytes([0x66]) * 31)
assert _base is not None
BASE_MULTIPLES = _multiples(_base)


def ed25519_verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """True if *signature* (64 bytes) by *key* (32 bytes) over *message* verifies, by section 7.

    S < L; A canonical and not of small order; [S]B - [k]A, encoded, is R byte for byte
    (so that R is canonical too), without cofactor.
    """
    if len(key) != 32 or len(signature) != 64:
        return False
    a, s = _decode(key), int.from_bytes(signature[32:], "little")
    if a is None or s >= L:
        return False
    eight = _double(_double(_double(a)))
    if eight[0] == 0 and eight[1] == eight[2]:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    minus_a = _multiples((P - a[0], a[1], 1, P - a[3]))
    total: Point = IDENTITY
    for shift in range(252, -4, -4):  # both scalars at once, four bits a step
        if total is not IDENTITY:
            total = _double(_double(_double(_double(total))))
        total = _add(_add(total, BASE_MULTIPLES[s >> shift & 15]), minus_a[k >> shift & 15])
    return _encode(total) == signature[:32]


# ---------------------------------------------------------------- RFC 6962 section 2.1


class Tree:
    """The Merkle tree of the lines so far: one digest for each complete subtree."""

    def __init__(self) -> None:
        self.size = 0
        self.stack: list[bytes] = []

    def add(self, line: bytes) -> None:
        """Append one line (without its LF)."""
        node = sha256(b"\0" + line).digest()
        size, stack = self.size, self.stack
        while size & 1:
            node = sha256(b"\1" + stack.pop() + node).digest()
            size >>= 1
        stack.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The root hash at this size."""
        if not self.stack:
            return sha256(b"").digest()
        node = self.stack[-1]
        for left in self.stack[-2::-1]:
            node = sha256(b"\1" + left + node).digest()
        return node


def inclusion_holds(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """True if *proof* shows that the leaf hash stands at *index* in the tree of *size* (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size or {len(root), len(leaf)} != {32}:
        return False
    node, last = leaf, size - 1
    for sibling in proof:
        if last == 0:
            return False
        if index & 1 or index == last:
            node = sha256(b"\1" + sibling + node).digest()
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = sha256(b"\1" + node + sibling).digest()
        index, last = index >> 1, last >> 1
    return last == 0 and node == root


def consistency_holds(size1: int, size2: int, proof: Sequence[bytes], root1: bytes, root2: bytes) -> bool:
    """True if *proof* shows that the tree of *size2* begins with that of *size1* (RFC 9162 2.1.4.2)."""
    if not 0 < size1 <= size2:
        return False
    if size1 == size2:
        return not proof and root1 == root2
    path = list(proof) if size1 & (size1 - 1) else [root1, *proof]
    if not path:
        return False
    first, last = size1 - 1, size2 - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    old = new = path[0]
    for node in path[1:]:
        if last == 0:
            return False
        if first & 1 or first == last:
            old, new = sha256(b"\1" + node + old).digest(), sha256(b"\1" + node + new).digest()
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            new = sha256(b"\1" + new + node).digest()
        first, last = first >> 1, last >> 1
    return last == 0 and old == root1 and new == root2


# ---------------------------------------------------------------- keys, notes, SSHSIG


def _base64(text: str | bytes, size: int | None = None) -> bytes:
    """Decode canonical base64 (of *size* bytes).

    :raises ValueError: if it is not.
    """
    data = text.encode("ascii") if isinstance(text, str) else text
    raw = binascii.a2b_base64(data)
    if binascii.b2a_base64(raw, newline=False) != data or (size is not None and len(raw) != size):
        raise ValueError("not canonical base64 of the right length")
    return raw


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data  # RFC 4251 section 5


def _wire(key: bytes) -> bytes:
    return _string(b"ssh-ed25519") + _string(key)


def fingerprint(key: bytes) -> str:
    """``SHA256:...`` of an Ed25519 key of 32 bytes, as ``ssh-keygen -l`` prints it."""
    return "SHA256:" + binascii.b2a_base64(sha256(_wire(key)).digest(), newline=False).decode().rstrip("=")


def sshsig_holds(armored: bytes, key: bytes, namespace: bytes, message: bytes) -> bool:
    """True if *armored* is the SSHSIG by *key* over *message* (PROTOCOL.sshsig, section 7).

    All but the 64 bytes of the signature is known beforehand, so it is compared, not parsed.
    """
    middle = _string(namespace) + _string(b"") + _string(b"sha512")
    head = b"SSHSIG" + struct.pack(">I", 1) + _string(_wire(key)) + middle
    head += struct.pack(">I", 83) + _string(b"ssh-ed25519") + struct.pack(">I", 64)
    lines = armored.split(b"\n")
    try:
        blob = binascii.a2b_base64(b"".join(lines[1:-2]))
    except ValueError:
        return False
    text = binascii.b2a_base64(blob, newline=False)
    body = b"".join(text[i : i + 70] + b"\n" for i in range(0, len(text), 70))
    if armored != b"-----BEGIN SSH SIGNATURE-----\n" + body + b"-----END SSH SIGNATURE-----\n":
        return False
    signed = b"SSHSIG" + middle + _string(hashlib.sha512(message).digest())
    return blob[:-64] == head and ed25519_verify(key, signed, blob[-64:])


class Note:
    """A checkpoint as C2SP signed note: origin, size, root, signature lines (section 5).

    :raises ValueError: if the bytes are no such note.
    """

    TEXT = re.compile(rb"(sealbag/[0-9a-f]{32})\n([1-9][0-9]{0,15})\n([A-Za-z0-9+/]{43}=)\n")
    LINE = re.compile(rb"\xe2\x80\x94 ([^\x00-\x20+]{1,256}) ([A-Za-z0-9+/]{8,}={0,2})")

    def __init__(self, data: bytes) -> None:
        text, gap, rest = data.partition(b"\n\n")
        self.text = text + b"\n"
        match = self.TEXT.fullmatch(self.text)
        if match is None or not gap or not rest.endswith(b"\n") or rest.count(b"\n") > 16:
            raise ValueError("no checkpoint of a bag")
        self.origin, self.size, self.root = match[1], int(match[2]), _base64(match[3], 32)
        self.lines: list[tuple[bytes, bytes]] = []
        for line in rest[:-1].split(b"\n"):
            signature = self.LINE.fullmatch(line)
            if signature is None:
                raise ValueError("a signature line is not as it must be")
            self.lines.append((signature[1], _base64(signature[2])))

    def signed_by(self, key: bytes) -> bool:
        """True if *key* signed it under the bag's name, and no such line is bad."""
        own = sha256(self.origin + b"\n\x01" + key).digest()[:4]
        mine = [raw[4:] for name, raw in self.lines if name == self.origin and raw[:4] == own]
        return bool(mine) and all(ed25519_verify(key, self.text, signature) for signature in mine)

    def others(self, key: bytes) -> list[str]:
        """Names of the further signatures, which nobody checked."""
        own = sha256(self.origin + b"\n\x01" + key).digest()[:4]
        return [safe(name) for name, raw in self.lines if (name, raw[:4]) != (self.origin, own)]


# ---------------------------------------------------------------- files

SEP = os.sep.encode()
OPEN = os.O_RDONLY
for _flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY", "O_BINARY"):  # those that the system has
    OPEN |= getattr(os, _flag, 0)
BUFFER = 1 << 16  # larger buffers are slower: they leave the cache


NO_LINKS = hasattr(os, "O_NOFOLLOW")  # else (Windows) each file is looked at before it is opened


def open_file(path: bytes) -> tuple[int, int]:
    """Open a regular file for reading, following no link; returns descriptor and size in bytes.

    :raises _NotRegular, OSError:
    """
    if not NO_LINKS and not stat.S_ISREG(os.lstat(path).st_mode):
        raise _NotRegular(errno.EISDIR, "not a regular file")
    descriptor = os.open(path, OPEN)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _NotRegular(errno.EISDIR, "not a regular file")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, status.st_size


def blocks(path: bytes) -> Iterator[memoryview]:
    """The bytes of a file, block by block; each block is gone when the next is asked for."""
    descriptor, _ = open_file(path)
    with open(descriptor, "rb", buffering=0) as file:
        view = memoryview(bytearray(BUFFER))
        count = file.readinto(view)
        while count:
            yield view[:count]
            count = file.readinto(view)


def hash_file(path: bytes) -> tuple[bytes, int]:
    """SHA-256 and size in bytes of a regular file; a small one in a single read."""
    descriptor, size = open_file(path)
    try:
        if size < BUFFER:
            data = os.read(descriptor, size + 1)
            if len(data) == size:
                return sha256(data).digest(), size
    finally:
        os.close(descriptor)
    digest, total = sha256(), 0
    for block in blocks(path):
        digest.update(block)
        total += len(block)
    return digest.digest(), total


def read_small(path: bytes, limit: int) -> bytes:
    """The whole of a file of at most *limit* bytes.

    :raises ValueError: if it is longer.
    """
    out = bytearray()
    for block in blocks(path):
        out += block
        if len(out) > limit:
            raise ValueError(f"longer than {limit} bytes")
    return bytes(out)


def is_folder(path: bytes) -> bool:
    """True if the path is a folder, and no link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def root_of(bag: str | bytes | os.PathLike[str]) -> bytes:
    """The bag's folder as bytes, absolute; on Windows in the form that has no limit of 260."""
    path = os.path.abspath(os.fsdecode(bag))
    if os.name == "nt" and not path.startswith("\\\\?\\"):
        path = "\\\\?\\UNC" + path[1:] if path.startswith("\\\\") else "\\\\?\\" + path
    return os.fsencode(path)


def join(root: bytes, path: bytes) -> bytes:
    """A path of the bag (with slashes) as a path of the system."""
    return root + SEP + (path if SEP == b"/" else path.replace(b"/", SEP))


# ---------------------------------------------------------------- one line of the ledger (section 2)

PRINTABLE = bytes(range(0x20, 0x7F))
SCALARS = {str, int, bool, type(None)}
HEX64 = re.compile(r"[0-9a-f]{64}")
HEX32 = re.compile(r"[0-9a-f]{32}")
TIME = "[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)"
TIME += r"\.[0-9]{9}Z"
TIME_SALT = re.compile(TIME + r"\|[0-9a-f]{32}")


def _integer(text: str) -> int:
    # The length comes first: a million digits would take seconds to convert.
    if len(text) > 17 or not -(2**53) <= int(text) <= 2**53:
        raise ValueError("an integer outside -(2^53) .. 2^53")
    return int(text)


def _refuse(text: str) -> None:
    raise ValueError(f"not an integer: {text[:20]}")


# An object becomes a tuple of pairs, so that duplicate keys are seen and nested objects told from arrays.
DECODER = json.JSONDecoder(
    object_pairs_hook=tuple, parse_int=_integer, parse_float=_refuse, parse_constant=_refuse, strict=True
)


def parse_line(line: bytes) -> dict[str, Any]:
    """The fields of one line.

    :raises ValueError: if it is not as section 2 says.
    """
    if line.translate(None, PRINTABLE):
        raise ValueError("a byte outside 0x20..0x7E")
    text = line.decode("ascii").strip(" ")
    try:
        pairs, end = DECODER.raw_decode(text)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if end != len(text) or type(pairs) is not tuple:
        raise ValueError("not one JSON object")
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a duplicate key")
    values = fields.values()
    if not SCALARS.issuperset(map(type, values)):
        for value in values:
            if type(value) is tuple:
                raise ValueError("an object as value")
            if type(value) is list and set(map(type, value)) not in ({str}, {int}, set()):
                raise ValueError("an array of other things than strings or integers")
    return fields


_TEXT = rb"[ !#-\[\]-~]*"
_STRING = rb'"' + _TEXT + rb'"|"' + _TEXT + rb'(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})' + _TEXT + rb')+"'
_COUNT = rb"(?:0|[1-9][0-9]{0,14})"
_VALUE = rb"(?:%b|-?%b|true|false|null|\[(?:(?:%b)(?:,(?:%b))*)?\])" % (_STRING, _COUNT, _STRING, _STRING)
_COMMON = {
    "seq": rb"(?P<seq>" + _COUNT + rb")", "kind": rb'"artefact"', "actor": rb"(?P<actor>" + _COUNT + rb")",
    "t": rb'"' + TIME.encode() + rb'"', "mono": _COUNT, "salt": rb'"[0-9a-f]{32}"',
    "sha256": rb'"(?P<sha256>[0-9a-f]{64})"', "size": rb"(?P<size>" + _COUNT + rb")",
}  # fmt: skip
_SPECIAL = {"stored", "parts", "extents", "same_as", "again"}


def shape_of(fields: dict[str, Any]) -> re.Pattern[bytes] | None:
    """A pattern for lines with the same keys in the same order as this artefact line, which was sound.

    A line that matches it is sound too, for it has these keys, once each, and plain values; to
    match is four times quicker than to parse. A line that does not match is parsed.
    """
    keys = list(fields)
    if fields["kind"] != "artefact" or "sha256" not in fields or not _SPECIAL.isdisjoint(keys):
        return None
    if not all(re.fullmatch(r"[a-z0-9_]{1,40}", key) for key in keys) or len(keys) > 60:
        return None
    return re.compile(
        rb"\{" + b",".join(b'"%b":%b' % (key.encode(), _COMMON.get(key, _VALUE)) for key in keys) + rb"\}"
    )


def _hex(value: object, what: str = "sha256") -> bytes:
    if type(value) is not str or HEX64.fullmatch(value) is None:
        raise ValueError(f"{what} is no SHA-256 in lower-case hex")
    return binascii.unhexlify(value)


def _count(value: object, what: str) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{what} is no number of bytes or position")
    return value


def _key(value: object, what: str) -> bytes:
    if type(value) is not str or not value.isascii():
        raise ValueError(f"{what} is no key")
    return _base64(value, 32)


# ---------------------------------------------------------------- the ledger (sections 2 to 5)

# What a line says of a content: digest, size, seq and type, and the line it is the same as (plus one).
RECORD = struct.Struct(">32sQQQ")
OBJECT, WHOLE, PART, REMOVED = 0, 1 << 56, 2 << 56, 3 << 56
SEQ = (1 << 56) - 1
# What a line says of a stored path: 16 bytes of its SHA-256, digest, size, seq.
STORED = struct.Struct(">16s32sQQ")
NAME = rb"[a-z0-9][a-z0-9._-]{0,95}"
STORED_PATH = re.compile(rb"data/(?:images|derived)/" + NAME + b"/" + NAME)


class Ledger:
    """One pass over the ledger: lines, tree, checkpoints, and what it says of contents.

    Contents are packed by their first byte (56 bytes a line), stored paths by the first
    byte of their hash (64 bytes a line), so that memory stays small.
    """

    def __init__(self, root: bytes, report: Report) -> None:
        self.root, self.report = root, report
        self.path = join(root, b"custody/ledger.jsonl")
        self.opening: dict[str, Any] = {}
        self.bag, self.actors, self.last_kind = "", 0, ""
        self.run_key = self.previous_key = self.signer_key = b""
        self.tree, self.digest, self.torn, self.whole = Tree(), sha256(), 0, True
        self.contents = [bytearray() for _ in range(256)]
        self.special = bytearray(256)  # 1: the bucket holds more than plain objects
        self.paths = [bytearray() for _ in range(256)]
        self.shapes: list[re.Pattern[bytes]] = []
        self.in_parts = array.array("Q")  # offsets of the lines with parts
        self.bytes = self.sound = 0  # sound: size of the last checkpoint that holds
        self.kinds = {
            "artefact": self._artefact, "result": self._artefact, "correct": self._correct, "resume": self._resume,
            "key": self._rotate,
        }  # fmt: skip
        self.known = {*self.kinds, "open", "destination", "plugin", "source", "rule", "death", "note", "close"}

    # -- reading

    def read(self, marks: Iterable[int], on_mark: Callable[[int], None], on_progress: Progress | None) -> None:
        """Read all lines; *on_mark* is called when the tree has one of the sizes *marks*."""
        pending = iter(marks)
        mark = next(pending, 0)
        offset, rest, total = 0, b"", os.lstat(self.path).st_size
        for block in blocks(self.path):
            self.digest.update(block)
            head, found, tail = bytes(block).rpartition(b"\n")
            if not found and len(rest) > MAX_LINE:
                self.torn += len(tail)  # too long already, if it ends at all: only counted
            elif not found:
                rest += tail
            else:
                lines = (rest + head).split(b"\n")
                rest = tail
                for line in lines:
                    if not self._one(line, offset):
                        return
                    offset += len(line) + 1
                    if self.tree.size == mark:
                        on_mark(mark)
                        mark = next(pending, 0)
            if on_progress is not None:
                on_progress("ledger", offset, total)
        self.torn += len(rest)

    def _one(self, line: bytes, offset: int) -> bool:
        """Take one line; False if nothing after it can be judged."""
        seq = self.tree.size
        if len(line) > MAX_LINE:
            self.report.fail("ledger", f"a line of more than {MAX_LINE} bytes", seq)
            self.whole = False
            return False
        self.tree.add(line)
        for shape in self.shapes:
            match = shape.fullmatch(line)
            if match is not None:
                number, actor, name, length = match.group("seq", "actor", "sha256", "size")
                if int(number) == seq and int(actor) < self.actors:
                    digest, size = binascii.unhexlify(name), int(length)
                    self.contents[digest[0]] += RECORD.pack(digest, size, seq, 0)
                    self.bytes += size
                    self.last_kind = "artefact"
                    return True
        try:
            fields = parse_line(line)
            if seq == 0:
                self._open(fields)
            self._common(fields, seq)
            take = self.kinds.get(fields["kind"])
            if take is not None:
                take(fields, seq)
            self._remember(fields)
            if "parts" in fields and "stored" not in fields and "sha256" in fields:
                self.in_parts.append(offset)
        except _Unsafe as error:
            self.report.fail("ledger", str(error), seq, verdict="UNSAFE")
        except ValueError as error:
            self.report.fail("ledger", str(error)[:200], seq)
            if seq == 0:
                self.whole = False
                return False
        return True

    def _remember(self, fields: dict[str, Any]) -> None:
        """Keep the shape of a sound line for those that follow; the latest comes first."""
        shape = shape_of(fields)
        if shape is not None and shape not in self.shapes:
            self.shapes = [shape, *self.shapes[:7]]

    # -- lines

    def _common(self, fields: dict[str, Any], seq: int) -> None:
        get = fields.get
        number, kind, actor, mono, t, salt = get("seq"), get("kind"), get("actor"), get("mono"), get("t"), get("salt")
        if type(number) is not int or number != seq:
            raise ValueError("seq is not the number of lines before it")
        if type(actor) is not int or not 0 <= actor < self.actors:
            raise ValueError("actor is no index into actors")
        if type(mono) is not int or mono < 0:
            raise ValueError("mono is no number of milliseconds")
        if type(t) is not str or type(salt) is not str or TIME_SALT.fullmatch(t + "|" + salt) is None:
            raise ValueError("t or salt is not as it must be")
        if type(kind) is not str or (kind == "open") != (seq == 0):
            raise ValueError("kind is no string, or an open line is not the first")
        if kind not in self.known:
            self.report.note("ledger", f"unknown kind {safe(kind[:40])} at seq {seq}")
        self.last_kind = kind

    def _open(self, fields: dict[str, Any]) -> None:
        match = re.fullmatch(r"sealbag/1\.([0-9]{1,9})", str(fields.get("format")))
        if match is None:
            raise ValueError("the format is not sealbag/1.x")
        if int(match[1]):
            self.report.note("ledger", f"written by a later minor version, 1.{int(match[1])}")
        bag, actors = fields.get("bag"), fields.get("actors")
        if type(bag) is not str or HEX32.fullmatch(bag) is None:
            raise ValueError("bag is no 32 hex digits")
        if type(actors) is not list or not all(type(actor) is str for actor in actors):
            raise ValueError("actors is no array of strings")
        for name in ("case", "exhibit", "examiner"):
            if type(fields.get(name)) is not str:
                raise ValueError(f"{name} is no string")
        self.bag, self.actors, self.opening = bag, len(actors), fields
        self._resume(fields, 0)

    def _resume(self, fields: dict[str, Any], seq: int) -> None:
        signer = _key(fields.get("signer_key"), "signer_key")
        if fields.get("signer") != fingerprint(signer):
            raise ValueError("signer is not the fingerprint of signer_key")
        self._rotate(fields, seq)
        self.signer_key = signer

    def _rotate(self, fields: dict[str, Any], seq: int) -> None:
        self.previous_key, self.run_key = self.run_key, _key(fields.get("run_key"), "run_key")

    def checkpoint_key(self) -> bytes:
        """The run key that signs a checkpoint of the present size (section 5)."""
        return self.previous_key if self.last_kind == "key" else self.run_key

    def _artefact(self, fields: dict[str, Any], seq: int) -> None:
        same = 0
        for name in ("same_as", "again"):
            if name in fields:
                earlier = _count(fields[name], name)
                if earlier >= seq:
                    raise ValueError(f"{name} names no earlier line")
                same = earlier + 1 if name == "same_as" else same
        if "sha256" not in fields:
            if same or "stored" in fields or "parts" in fields:
                raise ValueError("same_as, stored or parts without sha256")
            return
        digest, size = _hex(fields["sha256"]), _count(fields.get("size"), "size")
        self.bytes += size
        kind = OBJECT
        if "stored" in fields:
            kind = WHOLE
            self._stored(fields["stored"], digest, size, seq)
        elif "parts" in fields:
            kind = WHOLE
            self._parts(fields["parts"], fields.get("part_sizes"), size, seq)
        if "extents" in fields:
            extents = fields["extents"]
            if type(extents) is not list or len(extents) % 2 or any(type(n) is not int or n < 0 for n in extents):
                raise ValueError("extents is not offset, length, ...")
            if sum(extents[1::2]) != size:
                raise ValueError("the lengths of extents do not add up to size")
        if fields["kind"] == "artefact" or kind == OBJECT:
            self.contents[digest[0]] += RECORD.pack(digest, size, seq | kind, same)
            if same or kind:
                self.special[digest[0]] = 1

    def _stored(self, path: object, digest: bytes, size: int, seq: int) -> None:
        raw = path.encode("utf-8", "surrogatepass") if type(path) is str else b""
        if STORED_PATH.fullmatch(raw) is None:
            raise _Unsafe("stored is no path below data/images or data/derived")
        key = sha256(raw).digest()[:16]
        self.paths[key[0]] += STORED.pack(key, digest, size, seq)

    def _parts(self, parts: object, sizes: object, size: int, seq: int) -> None:
        if type(parts) is not list or type(sizes) is not list or len(parts) != len(sizes) or not parts:
            raise ValueError("parts and part_sizes do not fit")
        if sum(_count(n, "part_sizes") for n in sizes) != size:
            raise ValueError("part_sizes do not add up to size")
        for name, length in zip(parts, sizes):
            part = _hex(name, "a part")
            self.contents[part[0]] += RECORD.pack(part, length, seq | PART, 0)
            self.special[part[0]] = 1

    def _correct(self, fields: dict[str, Any], seq: int) -> None:
        if _count(fields.get("corrects"), "corrects") >= seq:
            raise ValueError("corrects names no earlier line")
        flags = fields.get("flags", [])
        if type(flags) is list and "removed-after-store" in flags:
            digest = _hex(fields.get("sha256"))
            self.contents[digest[0]] += RECORD.pack(digest, 0, seq | REMOVED, 0)
            self.special[digest[0]] = 1

    def removed(self, digest: bytes) -> int:
        """The seq of the last line that says the content was removed after it was stored, or -1."""
        rows = RECORD.iter_unpack(self.contents[digest[0]]) if self.special[digest[0]] else ()
        return max((at & SEQ for name, _, at, _ in rows if name == digest and at & ~SEQ == REMOVED), default=-1)


# ---------------------------------------------------------------- contents (section 4)


def pack_bucket(folder: bytes) -> bytes | None:
    """Hash every file of one folder of data/objects.

    :return: digest and size of all, sorted and packed (40 bytes each), b"" if there is no folder;
        None if anything is not as it should be (the caller then looks closely).
    """
    out = []
    prefix, folder = folder[-2:], folder + SEP
    # As hash_file does it, written out: this loop is half of the time that a bag takes.
    hexlify, open_it, fstat, read, close = binascii.hexlify, os.open, os.fstat, os.read, os.close
    try:
        if not stat.S_ISDIR(os.lstat(folder[:-1]).st_mode):
            return None
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if not (NO_LINKS or entry.is_file(follow_symlinks=False)):
                    return None
                descriptor = open_it(folder + name, OPEN)
                try:
                    status = fstat(descriptor)
                    size = status[6]
                    if status[0] & 0o170000 != 0o100000 or name[:2] != prefix:
                        return None
                    data = read(descriptor, size + 1) if size < BUFFER else b""
                finally:
                    close(descriptor)
                if len(data) == size:
                    digest = sha256(data).digest()
                else:
                    digest, size = hash_file(folder + name)
                if hexlify(digest) != name:
                    return None
                out.append(digest + size.to_bytes(8, "big"))
    except FileNotFoundError:
        return None if out else b""
    except OSError:
        return None
    out.sort()
    return b"".join(out) if out else None


class Helpers:
    """Children of the verifier: this very file, run again; each hashes folders of data/objects.

    The numbers 0..255 of the folders lie in one pipe, from which each child (and at last the
    parent) takes the next. A child answers with the number and the SHA-256 of what
    :func:`pack_bucket` gave, or zeros. What no child answered, the parent does.
    """

    def __init__(self, root: bytes, count: int) -> None:
        self.children: list[Popen[bytes]] = []
        self.work = -1
        if count < 1 or getattr(sys, "frozen", False) or not sys.executable or not os.path.isfile(__file__):
            return
        import subprocess

        self.work, feed = os.pipe()
        os.write(feed, bytes(range(256)))
        os.close(feed)
        command = [sys.executable, "-I", "-S", "-B", os.path.abspath(__file__), "--child", os.fsdecode(root)]
        for _ in range(count):
            try:
                child = subprocess.Popen(
                    command, stdin=self.work, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, close_fds=True
                )
            except OSError:
                break  # fewer children: slower, not less checked
            self.children.append(child)

    def mine(self) -> Iterator[int]:
        """Numbers of folders that the parent takes over while the children work."""
        if self.work < 0:
            yield from range(256)
            return
        number = os.read(self.work, 1)
        while number:
            yield number[0]
            number = os.read(self.work, 1)

    def answers(self) -> dict[int, bytes]:
        """What the children said, by number of folder; waits for them."""
        out = {}
        for child in self.children:
            data = child.stdout.read() if child.stdout else b""
            for at in range(0, len(data) - 32, 33):
                out[data[at]] = data[at + 1 : at + 33]
        return out

    def close(self) -> None:
        """End the children."""
        if self.work >= 0:
            os.close(self.work)
            self.work = -1
        for child in self.children:
            child.kill()
            child.wait()
            if child.stdout:
                child.stdout.close()


def child_main(root: bytes) -> int:
    """What a child does (see :class:`Helpers`)."""
    objects = join(root, b"data/objects") + SEP
    number = os.read(0, 1)
    while number:
        packed = pack_bucket(objects + binascii.hexlify(number))
        os.write(1, number + (bytes(32) if packed is None else sha256(packed).digest()))
        number = os.read(0, 1)
    return 0


class Contents:
    """Everything below data/ against what the ledger says of it."""

    def __init__(self, ledger: Ledger, report: Report, sealed: bool) -> None:
        self.ledger, self.report, self.sealed = ledger, report, sealed
        self.objects = join(ledger.root, b"data/objects")
        self.on_disk = [b""] * 256  # digests of the objects found, sorted, 32 bytes each
        self.stored_files = self.files = 0

    def extra(self, path: bytes, why: str = "no line names it") -> None:
        """Something that no line provides for: INVALID once sealed, before that only noted."""
        if self.sealed:
            self.report.fail("closed-list", why, path=path)
        else:
            self.report.note("objects", f"not acknowledged: {safe(path)}")

    def check(self, helpers: Helpers, on_progress: Progress | None) -> None:
        """Check folders, stored files, objects and contents in parts."""
        root, report = self.ledger.root, self.report
        for name in self._listed(b"data"):
            if name not in (b"objects", b"images", b"derived"):
                self.extra(b"data/" + name)
        for name in self._listed(b"data/objects"):
            if re.fullmatch(rb"[0-9a-f]{2}", name) is None:
                self.extra(b"data/objects/" + name)
        for path in (b"data", b"data/objects", b"data/images", b"data/derived"):
            if os.path.lexists(join(root, path)) and not is_folder(join(root, path)):
                report.fail("layout", "not a folder", path=path)
                return
        self._check_stored()
        self._check_same()
        self._check_parts()
        want = {}
        self.files = self.stored_files
        for number in helpers.mine():
            packed = pack_bucket(self._folder(number))
            want[number] = bytes(32) if packed is None else sha256(packed).digest()
            if on_progress is not None:
                on_progress("contents", len(want), 256)
        want.update(helpers.answers())
        for number in range(256):
            self._judge(number, want.get(number, bytes(32)))
            if on_progress is not None:
                on_progress("contents", number + 1, 256)
        report.done.add("objects")

    def _folder(self, number: int) -> bytes:
        return self.objects + SEP + b"%02x" % number

    def _listed(self, path: bytes) -> list[bytes]:
        """Names in a real folder, sorted; [] if there is none."""
        folder = join(self.ledger.root, path)
        try:
            return sorted(os.listdir(folder)) if is_folder(folder) else []
        except OSError as error:
            self.report.trouble("objects", path, error)
            return []

    def _judge(self, number: int, seen: bytes) -> None:
        """Compare what the ledger says of one folder with what was found there."""
        rows = bytes(self.ledger.contents[number])
        if not self.ledger.special[number]:
            want = sorted({rows[at : at + 40] for at in range(0, len(rows), 56)})
        else:
            want = sorted(
                {name + size.to_bytes(8, "big") for name, size, at, _ in RECORD.iter_unpack(rows) if at >> 56 in (0, 2)}
            )
        if sha256(b"".join(want)).digest() == seen:
            self.on_disk[number] = b"".join([row[:32] for row in want])
        else:
            self._judge_closely(number, rows)
        self.files += len(self.on_disk[number]) // 32
        self.ledger.contents[number] = bytearray()

    def _judge_closely(self, number: int, rows: bytes) -> None:
        """The same, file by file, to name what is wrong."""
        report, prefix = self.report, b"data/objects/%02x" % number
        said: dict[bytes, list[int]] = {}  # digest -> size, first seq, last seq
        removed: dict[bytes, int] = {}
        for name, size, at, _ in RECORD.iter_unpack(rows):
            seq = at & SEQ
            if at >> 56 == 3:
                removed[name] = seq
            elif at >> 56 != 1:
                entry = said.setdefault(name, [size, seq, seq])
                entry[2] = seq
                if entry[0] != size:
                    report.fail("objects", "two lines give one content different sizes", seq)
        names = self._listed(prefix)
        if os.path.lexists(self._folder(number)) and not is_folder(self._folder(number)):
            report.fail("closed-list" if self.sealed else "objects", "not a folder", path=prefix)
        elif not names and is_folder(self._folder(number)) and not said:
            self.extra(prefix, "an empty folder")
        found = []
        for file in names:
            path = prefix + b"/" + file
            name = binascii.unhexlify(file) if re.fullmatch(rb"%02x[0-9a-f]{62}" % number, file) else b""
            if name not in said:
                self.extra(path)
                found += [name] if name else []
                continue
            found.append(name)
            size, seq, _ = said.pop(name)
            try:
                digest, length = hash_file(join(self.ledger.root, path))
            except OSError as error:
                report.trouble("objects", path, error, seq)
                continue
            if (digest, length) != (name, size):
                report.fail("objects", "its bytes are not those that were sealed", seq, path)
        for name, (_, seq, last) in said.items():
            if last < removed.get(name, -1):
                report.note("removed-after-store", f"seq {removed[name]}: {name.hex()}")
            else:
                report.fail("objects", "missing", seq, prefix + b"/" + binascii.hexlify(name))
        self.on_disk[number] = b"".join(sorted(found))

    def _check_same(self) -> None:
        """``same_as`` names an earlier artefact line of the same digest and size."""
        for number, rows in enumerate(self.ledger.contents):
            if self.ledger.special[number]:
                known = {(name, size, at & SEQ) for name, size, at, _ in RECORD.iter_unpack(rows) if at >> 56 < 2}
                for name, size, at, same in RECORD.iter_unpack(rows):
                    if same and (name, size, same - 1) not in known:
                        self.report.fail("ledger", "same_as names no artefact line of this content", at & SEQ)

    def _check_parts(self) -> None:
        """The parts of a content, one after the other, have its digest."""
        if not self.ledger.in_parts:
            return
        with open(open_file(self.ledger.path)[0], "rb") as file:
            for offset in self.ledger.in_parts:
                file.seek(offset)
                fields = parse_line(file.readline(MAX_LINE + 1).rstrip(b"\n"))  # it parsed before
                whole = sha256()
                for part in fields["parts"]:
                    path = f"data/objects/{part[:2]}/{part}".encode()
                    try:
                        for block in blocks(join(self.ledger.root, path)):
                            whole.update(block)
                    except FileNotFoundError as error:
                        if self.ledger.removed(bytes.fromhex(part)) <= fields["seq"]:
                            self.report.trouble("objects", path, error, fields["seq"])
                        break
                    except OSError as error:
                        self.report.trouble("objects", path, error, fields["seq"])
                        break
                else:
                    if whole.hexdigest() != fields["sha256"]:
                        self.report.fail("objects", "the parts have another digest than the whole", fields["seq"])

    # -- data/images and data/derived

    def _check_stored(self) -> None:
        """Files below data/images and data/derived are exactly those named, with their bytes."""
        for number, rows in enumerate(self.ledger.paths):
            unique = {
                bytes(rows[at : at + 56]): bytes(rows[at + 56 : at + 64]) for at in range(len(rows) - 64, -1, -64)
            }
            ordered = sorted(unique)
            for one, two in zip(ordered, ordered[1:]):
                if one[:16] == two[:16]:
                    self.report.fail("objects", "two lines give one path different contents", int.from_bytes(
                        max(unique[one], unique[two]), "big"))  # fmt: skip
            self.ledger.paths[number] = bytearray().join(row + unique[row] for row in ordered)
        seen = [bytearray(len(rows) // 64) for rows in self.ledger.paths]
        for path in self.stored_paths():
            self._check_one_stored(path, seen)
        for number, marks in enumerate(seen):
            for index in range(len(marks)):
                if not marks[index]:
                    _, digest, _, seq = STORED.unpack_from(self.ledger.paths[number], index * 64)
                    if self.ledger.removed(digest) > seq:
                        self.report.note("removed-after-store", f"seq {seq}: {digest.hex()}")
                    else:
                        self.report.fail("objects", "the stored file is missing", seq)

    def stored_paths(self) -> Iterator[bytes]:
        """Paths of all that lies two folders below data/images and data/derived, in order of bytes."""
        for top in (b"data/derived", b"data/images"):
            folders = self._listed(top)
            if not folders and is_folder(join(self.ledger.root, top)):
                self.extra(top, "an empty folder")
            for folder in sorted(folders, key=lambda name: name + b"/"):
                names = self._listed(top + b"/" + folder)
                if not names:
                    self.extra(top + b"/" + folder)
                for name in names:
                    yield top + b"/" + folder + b"/" + name

    def find_stored(self, path: bytes) -> tuple[int, int] | None:
        """Where the ledger's record of a stored path lies, by bisection."""
        key = sha256(path).digest()[:16]
        rows = self.ledger.paths[key[0]]
        low, high = 0, len(rows) // 64
        while low < high:
            middle = (low + high) // 2
            if rows[middle * 64 : middle * 64 + 16] < key:
                low = middle + 1
            else:
                high = middle
        return (key[0], low) if rows[low * 64 : low * 64 + 16] == key else None

    def _check_one_stored(self, path: bytes, seen: list[bytearray]) -> None:
        place = self.find_stored(path)
        if place is None:
            self.extra(path)
            return
        seen[place[0]][place[1]] = 1
        self.stored_files += 1
        _, want, size, seq = STORED.unpack_from(self.ledger.paths[place[0]], place[1] * 64)
        try:
            if hash_file(join(self.ledger.root, path)) != (want, size):
                self.report.fail("objects", "its bytes are not those that were sealed", seq, path)
        except OSError as error:
            self.report.trouble("objects", path, error, seq)


# ---------------------------------------------------------------- BagIt (section 6, RFC 8493)


def unsafe_path(path: bytes) -> bool:
    """True if a path could lead outside the bag, on any system."""
    odd = re.search(rb"[\x00-\x1f\x7f\\:]", path)
    return bool(odd) or any(part in (b"", b".", b"..") for part in path.split(b"/"))


def compare_manifest(report: Report, check: str, root: bytes, name: bytes, expected: Iterable[bytes]) -> str:
    """A manifest must be these lines, byte for byte; returns the digest of what was read, in hex."""
    whole, sound = sha256(), True
    descriptor, _ = open_file(join(root, name))
    with open(descriptor, "rb", buffering=BUFFER) as file:
        for chunk in expected:
            got = file.read(len(chunk)) if sound else b""
            if sound and got != chunk:
                sound = False
                got += file.readline(MAX_NOTE)
                lines = got.split(b"\n")
                pairs = (pair for pair in zip(chunk.split(b"\n"), lines) if pair[0] != pair[1])
                path = min((line[66:] for line in next(pairs, ()) if line[66:]), default=name)
                report.fail(check, "the manifest does not name exactly the files that are there", path=path)
                _check_names(report, check, lines)
            whole.update(got)
        for line in iter(lambda: file.readline(MAX_NOTE), b""):
            whole.update(line)
            if sound:
                report.fail(check, "the manifest names what is not there", path=line[66:].rstrip(b"\n") or name)
            sound = False
            _check_names(report, check, [line.rstrip(b"\n")])
    report.done.add(check)
    return whole.hexdigest()


def _check_names(report: Report, check: str, lines: list[bytes]) -> None:
    for line in lines:
        if len(line) > 66 and unsafe_path(line[66:]):
            report.fail(check, "a path that leads outside the bag", path=line[66:], verdict="UNSAFE")


def manifest_lines(contents: Contents) -> Iterator[bytes]:
    """What manifest-sha256.txt must hold, in pieces: stored files, then folder by folder the objects."""
    for path in contents.stored_paths():
        place = contents.find_stored(path)
        if place is not None:
            digest = STORED.unpack_from(contents.ledger.paths[place[0]], place[1] * 64)[1]
            yield binascii.hexlify(digest) + b"  " + path + b"\n"
    for number, digests in enumerate(contents.on_disk):
        text, folder = digests.hex(), f"  data/objects/{number:02x}/"
        names = [text[at : at + 64] for at in range(0, len(text), 64)]
        yield "".join([name + folder + name + "\n" for name in names]).encode()


ALGORITHMS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")


def bagit_layer(bag: str | bytes | os.PathLike[str]) -> list[tuple[str, str, str]]:
    """The BagIt layer of any bag, versions 0.93 to 1.0: (verdict, path, why) of each problem, [] if valid.

    Verdicts: INVALID, INCOMPLETE (fetch.txt names a file that is not here), UNSAFE, IO ERROR.
    A sealed bag is held to the strict subset of section 6 by :func:`verify` instead.
    """
    root, out = root_of(bag), []
    try:
        version, encoding = _declaration(read_small(join(root, b"bagit.txt"), MAX_NOTE))
        found, payload = _walk(root), {}
        fetch = _fetch(root, encoding) if b"fetch.txt" in found else {}
        out += [("UNSAFE", safe(path), "fetch.txt leads outside the bag") for path in fetch if _escapes(path)]
        manifests = 0
        for name in sorted(found):
            match = re.fullmatch(rb"(tag)?manifest-([a-z0-9]+)\.txt", name)
            if match is None or match[2].decode() not in ALGORITHMS:
                continue
            manifests += match[1] is None
            listed = _manifest(root, name, encoding, version, out)
            out += _compare(root, listed, match[2].decode(), found, fetch)
            payload[name] = {path for path in listed if match[1] is None}
        if not manifests:
            out.append(("INVALID", "", "no payload manifest"))
        data = {path for path in found if path.startswith(b"data/")}
        every = [names for name, names in payload.items() if not name.startswith(b"tag")]
        for names in every if version >= (1, 0) else [set().union(*every)]:
            out += [("INVALID", safe(path), "in no manifest") for path in sorted(data - names)]
        if not is_folder(join(root, b"data")):
            out.append(("INVALID", "data", "no payload folder"))
    except _NotRegular as error:
        out.append(("INVALID", "", str(error)))
    except FileNotFoundError as error:
        out.append(("INVALID", "bagit.txt", str(error.strerror)))
    except OSError as error:
        out.append(("IO ERROR", "", str(error.strerror or error)))
    except (ValueError, LookupError) as error:
        out.append(("INVALID", "", str(error)))
    return out


def _declaration(data: bytes) -> tuple[tuple[int, int], str]:
    lines = re.fullmatch(
        rb"BagIt-Version: ([0-9]+)\.([0-9]+)\r?\nTag-File-Character-Encoding: ([A-Za-z0-9_-]+)(?:\r?\n)?", data
    )
    if lines is None:
        raise ValueError("bagit.txt is not as RFC 8493 says")
    version = int(lines[1]), int(lines[2])
    if not (0, 93) <= version <= (1, 0):
        raise ValueError("an unknown BagIt version")
    return version, lines[3].decode()


def _walk(root: bytes, top: bytes = b"") -> set[bytes]:
    found: set[bytes] = set()
    pending = [top]
    while pending:
        folder = pending.pop()
        with os.scandir(join(root, folder) if folder else root) as entries:
            for entry in entries:
                path = folder + b"/" + entry.name if folder else entry.name
                if entry.is_dir(follow_symlinks=False):
                    pending.append(path)
                else:
                    found.add(path)
    return found


def _text_lines(root: bytes, name: bytes, encoding: str) -> list[str]:
    text = read_small(join(root, name), 1 << 26).decode(encoding)
    return [line for line in re.split(r"\r\n|\r|\n", text) if line]


def _escapes(path: bytes) -> bool:
    return unsafe_path(path) or path.startswith(b"~") or re.match(rb"%[A-Za-z]+%", path) is not None


def _decoded(path: str, version: tuple[int, int]) -> bytes:
    names = {"%0A": "\n", "%0D": "\r", **({"%25": "%"} if version >= (1, 0) else {})}
    path = re.sub("%0A|%0D|%25", lambda match: names.get(match[0].upper(), match[0]), path, flags=re.IGNORECASE)
    return (path[2:] if path.startswith("./") else path).encode()


def _fetch(root: bytes, encoding: str) -> dict[bytes, str]:
    out = {}
    for line in _text_lines(root, b"fetch.txt", encoding):
        match = re.fullmatch(r"(\S+)[ \t]+(-|[0-9]+)[ \t]+(.+)", line)
        if match is None:
            raise ValueError("a line of fetch.txt is not as RFC 8493 says")
        out[_decoded(match[3], (1, 0))] = match[1]
    return out


def _manifest(
    root: bytes, name: bytes, encoding: str, version: tuple[int, int], out: list[tuple[str, str, str]]
) -> dict[bytes, str]:
    listed: dict[bytes, str] = {}
    for line in _text_lines(root, name, encoding):
        match = re.fullmatch(r"([0-9A-Fa-f]+)[ \t]+\*?(.+)", line)
        if match is None:
            raise ValueError(f"a line of {safe(name)} is not as RFC 8493 says")
        path, digest = _decoded(match[2], version), match[1].lower()
        if path in listed and (version >= (1, 0) or listed[path] != digest):
            out.append(("INVALID", safe(path), "named twice"))
        listed[path] = digest
    return listed


def _compare(
    root: bytes, listed: dict[bytes, str], algorithm: str, found: set[bytes], fetch: dict[bytes, str]
) -> list[tuple[str, str, str]]:
    out = []
    for path, digest in listed.items():
        if _escapes(path):
            out.append(("UNSAFE", safe(path), "leads outside the bag"))
        elif path not in found:
            out.append(("INCOMPLETE" if path in fetch else "INVALID", safe(path), "missing"))
        else:
            have = hashlib.new(algorithm)
            for block in blocks(join(root, path)):
                have.update(block)
            if have.hexdigest() != digest:
                out.append(("INVALID", safe(path), "another digest than the manifest's"))
    return out


# ---------------------------------------------------------------- closed list (section 8)

PROVIDED = {  # the files of each folder outside data/
    b"": rb"bagit\.txt|bag-info\.txt|(?:tag)?manifest-sha256\.txt|VERIFY\.txt|verify\.py|catalogue\.csv",
    b"custody": rb"ledger\.jsonl|seal\.json(?:(?:\." + NAME + rb")?\.sig)?|" + NAME + rb"\.tsr",
    b"custody/checkpoints": rb"[0-9]{12}\.note",
    b"custody/keys": NAME + rb"\.pub",
    b"custody/after": rb".*",  # judged as statements
}
FOLDERS = {b"data", b"custody", b"custody/checkpoints", b"custody/keys", b"custody/after"}
WORKING = {b"custody/lock", b"custody/reserve", b"tmp"}  # only while unsealed
LITTER = re.compile(
    rb"\.DS_Store|\._.*|\.Spotlight-V100|\.Trashes|\.fseventsd|\.TemporaryItems|Thumbs\.db|desktop\.ini"
    rb"|System Volume Information|\$RECYCLE\.BIN|lost\+found", re.DOTALL
)  # fmt: skip
UNTAGGED = re.compile(rb"tagmanifest-sha256\.txt|custody/seal\.json.*|custody/[^/]*\.tsr|custody/after/.*", re.DOTALL)


def list_outside(root: bytes, report: Report, sealed: bool) -> list[bytes]:
    """Paths of the provided files outside data/, in order of bytes; everything else is judged."""
    out: list[bytes] = []
    for folder, names in PROVIDED.items():
        place = join(root, folder) if folder else root
        if folder and not is_folder(place):
            continue
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    path = folder + b"/" + entry.name if folder else entry.name
                    if _judge_entry(
                        path, entry, re.fullmatch(names, entry.name, re.DOTALL) is not None, report, sealed
                    ):
                        out.append(path)
                    if len(out) > MAX_TAGS:
                        report.fail("closed-list", f"more than {MAX_TAGS} files outside data/", path=path)
                        return []
        except OSError as error:
            report.trouble("closed-list", folder, error)
    report.done.add("closed-list")
    return sorted(out)


def _judge_entry(path: bytes, entry: os.DirEntry[bytes], provided: bool, report: Report, sealed: bool) -> bool:
    """True if the entry is a file that the format provides for."""
    is_file, is_dir = entry.is_file(follow_symlinks=False), entry.is_dir(follow_symlinks=False)
    litter = LITTER.fullmatch(entry.name) is not None and (is_file or (is_dir and not entry.name.startswith(b"._")))
    if litter:
        report.note("litter", safe(path))
    elif (path in FOLDERS and is_dir) or (provided and is_file):
        return is_file
    elif sealed:
        why = "not provided for" if is_file or is_dir else "neither a regular file nor a folder"
        report.fail("closed-list", why, path=path)
    elif path not in WORKING:
        report.note("closed-list", f"not provided for: {safe(path)}")
    return False


def tag_lines(root: bytes, paths: list[bytes], known: dict[bytes, str], report: Report) -> Iterator[bytes]:
    """What tagmanifest-sha256.txt must hold, line by line."""
    for path in paths:
        if UNTAGGED.fullmatch(path) is None:
            try:
                digest = known.get(path) or hash_file(join(root, path))[0].hex()
            except OSError as error:
                report.trouble("tagmanifest", path, error)
                digest = "0" * 64
            yield digest.encode() + b"  " + path + b"\n"


# ---------------------------------------------------------------- anchors (section 10)


class Anchors:
    """What whoever verifies holds in hand.

    :raises ValueError: if a fingerprint or digest has not the form of one.
    :raises AnchorError: if a file cannot be read or used.
    """

    def __init__(self, signer: str | None, trust: Any, seal: str | None, checkpoint: Any) -> None:
        if signer is not None and re.fullmatch(r"SHA256:[A-Za-z0-9+/]{43}", signer) is None:
            raise ValueError("a signer is SHA256: and 43 characters, as ssh-keygen -l prints it")
        if seal is not None and re.fullmatch(r"[0-9a-fA-F]{64}", seal) is None:
            raise ValueError("a seal digest is 64 hex digits")
        self.signer, self.seal = signer, seal and seal.lower()
        self.trust: list[tuple[str, str | None, bytes]] | None = None
        self.note: Note | None = None
        self.note_holds, self.note_signer = False, b""
        what = trust
        try:
            if trust is not None:
                self.trust = read_allowed_signers(_anchor_file(trust, MAX_LINE).decode())
            what = checkpoint
            if checkpoint is not None:
                self.note = Note(_anchor_file(checkpoint, MAX_NOTE))
        except (OSError, ValueError) as error:
            raise AnchorError(f"{what}: {error}") from error

    def given(self) -> bool:
        """True if there is any."""
        return not (self.signer is None and self.trust is None and self.seal is None and self.note is None)

    def trusted(self, key: bytes, namespace: str) -> list[str]:
        """The principals for whom the allowed_signers file has this key and namespace."""
        return [
            who for who, spaces, own in self.trust or ()
            if own == key and (spaces is None or match_patterns(spaces, namespace))
        ]  # fmt: skip


def _anchor_file(path: str | os.PathLike[str], limit: int) -> bytes:
    with open(path, "rb") as file:  # chosen by whoever verifies: links are theirs
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"longer than {limit} bytes")
    return data


def match_patterns(patterns: str, name: str) -> bool:
    """PATTERNS of ssh_config(5): comma-separated, * and ?, a match after ! refuses."""
    found = False
    for pattern in patterns.split(","):
        wanted = re.escape(pattern.lstrip("!")).replace(r"\*", ".*").replace(r"\?", ".")
        if re.fullmatch(wanted, name):
            if pattern.startswith("!"):
                return False
            found = True
    return found


# principals, options (anything that is no key type), key type, key, comment
SIGNER_LINE = re.compile(
    r"\s*(\"[^\"]*\"|[^\s\"]+)\s+(?:((?!ssh-|sk-|ecdsa-)\S(?:[^\s\"]|\"[^\"]*\")*)\s+)?(\S+)\s+(\S+)(?:\s.*)?"
)


def read_allowed_signers(text: str) -> list[tuple[str, str | None, bytes]]:
    """Principals, namespaces and Ed25519 key of each line (ssh-keygen(1), ALLOWED SIGNERS).

    :raises ValueError: on a line that does not parse or has another option than namespaces.
    """
    out = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = SIGNER_LINE.fullmatch(line) if len(line) <= 8192 else None
        if match is None:
            raise ValueError(f"line {number} is no line of an allowed_signers file")
        option = match[2] and re.fullmatch(r'namespaces="([^"]+)"', match[2], re.IGNORECASE)
        if match[2] and not option:
            raise ValueError(f"line {number}: only the option namespaces is known")
        wire = _base64(match[4])
        if match[3] != "ssh-ed25519" or wire != _wire(wire[-32:]):
            raise ValueError(f"line {number}: not an Ed25519 key")
        out.append((match[1].strip('"'), option[1] if option else None, wire[-32:]))
    if not out:
        raise ValueError("no signer in the file")
    return out


# ---------------------------------------------------------------- checkpoints, seal, statements


def check_checkpoint(ledger: Ledger, report: Report, size: int) -> None:
    """The checkpoint of the tree's present size: text, signature, root (section 5)."""
    path = b"custody/checkpoints/%012d.note" % size
    try:
        note = Note(read_small(join(ledger.root, path), MAX_NOTE))
    except OSError as error:
        report.trouble("checkpoints", path, error)
        return
    except ValueError as error:
        report.fail("checkpoints", str(error), path=path)
        return
    key = ledger.checkpoint_key()
    if note.origin != b"sealbag/" + ledger.bag.encode() or note.size != size:
        report.fail("checkpoints", "of another bag or size", path=path)
    elif not note.signed_by(key):
        report.fail("checkpoints", "its signature does not verify", path=path)
    elif note.root != ledger.tree.root():
        why = f"a line between seq {ledger.sound} and {size - 1} is not as the checkpoint of size {size} has it"
        report.fail("checkpoints", why, path=b"custody/ledger.jsonl")
    else:
        ledger.sound = size
    for name in note.others(key):
        report.skip("other-signatures", f"{safe(path)}: signature by {name}")


def check_anchor_note(ledger: Ledger, anchors: Anchors) -> None:
    """The checkpoint that whoever verifies holds, at its size."""
    note = anchors.note
    if note is not None and note.origin == b"sealbag/" + ledger.bag.encode():
        anchors.note_holds = note.root == ledger.tree.root() and note.signed_by(ledger.checkpoint_key())
        anchors.note_signer = ledger.signer_key


SEAL = re.compile(
    rb'\{"format":"sealbag/1\.[0-9]{1,9}","bag":"[0-9a-f]{32}","case":(?:' + _STRING + rb'),"exhibit":(?:' + _STRING
    + rb'),"size":[1-9][0-9]{0,15},"root":"[0-9a-f]{64}","tagmanifest_sha256":"[0-9a-f]{64}","close_seq":[0-9]{1,16}'
    + rb',"t":"' + TIME.encode() + rb'","signer":"SHA256:[A-Za-z0-9+/]{43}"\}\n'
)  # fmt: skip


def check_seal(ledger: Ledger, report: Report, data: bytes, tags: str) -> None:
    """seal.json says what the ledger, the tree and the tag manifest say (section 7)."""
    path = b"custody/seal.json"
    report.done |= {"seal", "tree"}
    try:
        if SEAL.fullmatch(data) is None:
            raise ValueError("not the keys of a seal in their order, in one line")
        seal = parse_line(data[:-1])
    except ValueError as error:
        report.fail("seal", str(error), path=path)
        return
    for name in ("format", "bag", "case", "exhibit"):
        if seal[name] != ledger.opening[name]:
            report.fail("seal", f"{name} is not that of the open line", path=path)
    if seal["signer"] != fingerprint(ledger.signer_key):
        report.fail("seal", "signer is not the one whom the ledger names", path=path)
    if seal["close_seq"] != seal["size"] - 1 or ledger.last_kind != "close":
        report.fail("seal", "the last line is no close line, or close_seq does not name it", path=path)
    if seal["tagmanifest_sha256"] != tags:
        report.fail("tagmanifest", "not the one that was sealed", path=b"tagmanifest-sha256.txt")
    if seal["size"] != ledger.tree.size or seal["root"] != ledger.tree.root().hex():
        why = f"not the lines that were sealed: {ledger.tree.size} lines of {seal['size']}, sound up to {ledger.sound}"
        report.fail("tree", why, path=b"custody/ledger.jsonl")


STATEMENT = re.compile(
    rb"([0-9]{8}T[0-9]{6}Z)-(offer|accept|refuse|note|correct|hold|release|retain|revoke|destroy|supplement)"
    rb"-([0-9a-f]{8})\.json"
)


def check_statements(
    ledger: Ledger, report: Report, names: set[bytes], seal_digest: str, vouched: Callable[[bytes], bool]
) -> None:
    """Pairs of custody/after (section 9)."""
    report.done.add("statements")
    for path in sorted(names):
        base = path[:-4] if path.endswith(b".sig") else path
        match = STATEMENT.fullmatch(base[len(b"custody/after/") :])
        if match is None or base not in names or base + b".sig" not in names:
            report.fail("statements", "no pair of a statement and its signature", path=path)
        elif path == base:
            try:
                key = check_statement(ledger, path, match, seal_digest)
                word = "vouched for" if vouched(key) else "nobody vouches for the signer, so it changes nothing"
                report.note("statements", f"{safe(path[14:])} by {fingerprint(key)}: {word}")
            except OSError as error:
                report.trouble("statements", path, error)
            except ValueError as error:
                report.fail("statements", str(error), path=path)


def check_statement(ledger: Ledger, path: bytes, match: re.Match[bytes], seal_digest: str) -> bytes:
    """The key of whoever signed one statement.

    :raises ValueError: if anything is not as section 9 says.
    """
    data = read_small(join(ledger.root, path), MAX_LINE + 1)
    signature = read_small(join(ledger.root, path + b".sig"), MAX_SIGNATURE)
    if not data.endswith(b"\n") or sha256(data).hexdigest()[:8] != match[3].decode():
        raise ValueError("its name does not carry its digest, or no LF ends it")
    fields = parse_line(data[:-1])
    key, t, follows = _key(fields.get("signer_key"), "signer_key"), fields.get("t"), fields.get("follows")
    if type(t) is not str or re.fullmatch(TIME, t) is None or re.sub("[-:]|[.][0-9]{9}", "", t).encode() != match[1]:
        raise ValueError("t is no time, or not that of its name")
    if type(follows) is not list or not all(type(one) is str and HEX64.fullmatch(one) for one in follows):
        raise ValueError("follows is no array of SHA-256")
    want = {
        "format": "sealbag-statement/1.0", "bag": ledger.bag, "seal_sha256": seal_digest, "kind": match[2].decode(),
        "signer": fingerprint(key),
    }  # fmt: skip
    for name, value in want.items():
        if fields.get(name) != value:
            raise ValueError(f"{name} is not what it must be")
    if not sshsig_holds(signature, key, b"sealbag-after-v1", data):
        raise ValueError("its signature does not verify")
    return key


# ---------------------------------------------------------------- the whole


def verify(
    bag: str | bytes | os.PathLike[str],
    *,
    signer: str | None = None,
    trust: str | os.PathLike[str] | None = None,
    seal: str | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    jobs: int | None = None,
    on_progress: Progress | None = None,
) -> Verdict:
    """Check a bag, sealed or not, against all anchors given.

    :param signer: fingerprint ``SHA256:...`` of the key that must have sealed it.
    :param trust: OpenSSH allowed_signers file; :param seal: hex digest of seal.json.
    :param checkpoint: a checkpoint of this bag that left the host while it was made.
    :param jobs: number of processes; None: as many as there are processors.
    :param on_progress: called with what is done, how much of it, and of how much.
    :raises NotABag: no custody/ledger.jsonl; :raises AnchorError: an anchor file that cannot be used.
    :raises ValueError: a signer or seal that has not the form of one, jobs below 1.
    """
    if jobs is not None and jobs < 1:
        raise ValueError("the number of processes is 1 or more")
    anchors = Anchors(signer, trust, seal, checkpoint)
    root = root_of(bag)
    if not os.path.lexists(join(root, b"custody/ledger.jsonl")):
        raise NotABag(f"{safe(os.fsencode(bag))} holds no custody/ledger.jsonl")
    try:
        return _Verification(root, anchors, on_progress).run(jobs)
    except ValueError as error:  # what the bag holds is judged, so this is no fault of the caller's
        raise RuntimeError(f"defect of the verifier: {error}") from error


class _Verification:
    """One run of :func:`verify`."""

    def __init__(self, root: bytes, anchors: Anchors, on_progress: Progress | None) -> None:
        self.root, self.anchors, self.on_progress, self.report = root, anchors, on_progress, Report()
        self.ledger = Ledger(root, self.report)
        self.seal_digest, self.files = "", 0
        self.held: list[str] = []
        self.seal = self.signature = b""
        have = [os.path.lexists(join(root, name)) for name in (b"custody/seal.json", b"custody/seal.json.sig")]
        self.sealed = all(have)
        self.unsealed = "a seal without its signature" if have[0] else "the bag is not sealed"

    def run(self, jobs: int | None) -> Verdict:
        if not is_folder(join(self.root, b"custody")):
            self.report.fail("layout", "not a folder", path=b"custody")
            return self.verdict()
        try:
            if self._future():
                return self.verdict()
            size = os.lstat(self.ledger.path).st_size
        except OSError as error:
            self.report.trouble("ledger", b"custody/ledger.jsonl", error)
            return self.verdict()
        if jobs is None:
            usable = getattr(os, "sched_getaffinity", None)
            # A child takes 50 ms to start: not for a few hundred lines.
            jobs = min(len(usable(0)) if usable else os.cpu_count() or 1, 16) if size > 1 << 19 else 1
        helpers = Helpers(self.root, jobs - 1 if jobs > 1 else 0)
        try:
            self._check(helpers)
        finally:
            helpers.close()
        return self.verdict()

    def _future(self) -> bool:
        """True if the first line is of a major version that this program does not know."""
        head = b""
        for block in blocks(self.ledger.path):
            head += block
            if b"\n" in head or len(head) > MAX_LINE:
                break
        match = re.search(rb'"format" *: *"sealbag/([0-9]{1,9})\.', head.partition(b"\n")[0])
        if match is None or int(match[1]) == 1:
            return False
        self.report.mark("UNTRUSTED", "ledger", f"format sealbag/{int(match[1])} is not known to this program", 0)
        for name in CHECKS:
            self.report.skip(name, "unknown major format")
        return True

    def _check(self, helpers: Helpers) -> None:
        self._read_ledger()
        if not self.ledger.whole:
            for name in CHECKS:
                self.report.skip(name, "the ledger could not be read to its end")
            return
        contents = Contents(self.ledger, self.report, self.sealed)
        contents.check(helpers, self.on_progress)
        self.files = contents.files
        self._check_layout()
        paths = list_outside(self.root, self.report, self.sealed)
        for path in paths:
            if path.endswith(b".tsr"):
                self.report.skip("time-tokens", safe(path))
            elif path.startswith(b"custody/seal.json.") and path != b"custody/seal.json.sig":
                self.report.skip("other-signatures", safe(path))
        if self.sealed:
            self._check_sealed(contents, paths)
        else:
            self.report.mark("INCOMPLETE", "seal", self.unsealed, path=b"custody/seal.json")
            self.report.note("tree", f"root of {self.ledger.tree.size} lines: {self.ledger.tree.root().hex()}")
            for name in ("manifest", "tagmanifest", "seal", "signature", "closed-list", "statements"):
                self.report.skip(name, self.unsealed)
        self._check_anchors()
        after = {path for path in paths if path.startswith(b"custody/after/")}
        if self.sealed:
            check_statements(self.ledger, self.report, after, self.seal_digest, self._vouched)

    def _read_ledger(self) -> None:
        ledger, report, anchors = self.ledger, self.report, self.anchors
        folder, files = join(self.root, b"custody/checkpoints"), array.array("Q")
        try:
            for entry in os.scandir(folder) if is_folder(folder) else ():
                if re.fullmatch(rb"[0-9]{12}\.note", entry.name) and len(files) <= MAX_TAGS:  # more: INVALID anyway
                    files.append(int(entry.name[:12]))
        except OSError as error:
            report.trouble("checkpoints", b"custody/checkpoints", error)
        own, given = set(files), anchors.note.size if anchors.note else 0

        def on_mark(size: int) -> None:
            if size in own:
                check_checkpoint(ledger, report, size)
            if size == given:
                check_anchor_note(ledger, anchors)

        try:
            ledger.read(sorted(own - {0} | ({given} if given else set())), on_mark, self.on_progress)
        except OSError as error:
            report.trouble("ledger", b"custody/ledger.jsonl", error)
            ledger.whole = False
        lines = ledger.tree.size
        if not lines:
            report.fail("ledger", "no whole line", path=b"custody/ledger.jsonl")
            ledger.whole = False
        if ledger.whole:
            report.done |= {"ledger", "checkpoints"}
            for size in sorted(size for size in own if not 1 <= size <= lines)[:1]:
                path = b"custody/checkpoints/%012d.note" % size
                report.fail("checkpoints", f"of {size} lines, but the ledger has {lines}: cut off", path=path)
            if self.sealed and lines not in own:
                report.fail("checkpoints", "none covers the last line", path=b"custody/checkpoints")
        if ledger.torn and self.sealed:
            report.fail("ledger", "bytes after the last LF", path=b"custody/ledger.jsonl")
        elif ledger.torn:
            report.note("ledger", f"torn tail of {ledger.torn} bytes, not part of the ledger")

    def _check_layout(self) -> None:
        report = self.report
        report.done.add("layout")
        if not self.sealed:
            return
        if not is_folder(join(self.root, b"data")):
            report.fail("layout", "missing, or not a folder", path=b"data")
        try:
            if read_small(join(self.root, b"bagit.txt"), MAX_NOTE) != (
                b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
            ):
                report.fail("layout", "not as section 6 has it", path=b"bagit.txt")
        except OSError as error:
            report.trouble("layout", b"bagit.txt", error)
        except ValueError as error:
            report.fail("layout", str(error), path=b"bagit.txt")

    def _check_sealed(self, contents: Contents, paths: list[bytes]) -> None:
        """Manifests, seal, signature."""
        root, report, known, tags = self.root, self.report, {}, ""
        known[b"custody/ledger.jsonl"] = self.ledger.digest.hexdigest()
        try:
            known[b"manifest-sha256.txt"] = compare_manifest(
                report, "manifest", root, b"manifest-sha256.txt", manifest_lines(contents)
            )
        except OSError as error:
            report.trouble("manifest", b"manifest-sha256.txt", error)
        try:
            lines = tag_lines(root, paths, known, report)
            tags = compare_manifest(report, "tagmanifest", root, b"tagmanifest-sha256.txt", lines)
        except OSError as error:
            report.trouble("tagmanifest", b"tagmanifest-sha256.txt", error)
        try:
            self.seal = read_small(join(root, b"custody/seal.json"), MAX_LINE + 1)
            self.seal_digest = sha256(self.seal).hexdigest()
            check_seal(self.ledger, report, self.seal, tags)
        except OSError as error:
            report.trouble("seal", b"custody/seal.json", error)
        except ValueError as error:
            report.fail("seal", str(error), path=b"custody/seal.json")
        path = b"custody/seal.json.sig"
        try:
            signature = read_small(join(root, path), MAX_SIGNATURE)
            report.done.add("signature")
            if not sshsig_holds(signature, self.ledger.signer_key, b"sealbag-seal-v1", self.seal):
                report.fail("signature", "does not verify", path=path)
        except OSError as error:
            report.trouble("signature", path, error)
        except ValueError as error:
            report.fail("signature", str(error), path=path)

    def _vouched(self, key: bytes) -> bool:
        """True if an anchor vouches for the signer of a statement."""
        return self.anchors.signer == fingerprint(key) or bool(self.anchors.trusted(key, "sealbag-after-v1"))

    def _check_anchors(self) -> None:
        """All that were given must hold, and together vouch for the seal."""
        anchors, report, key = self.anchors, self.report, self.ledger.signer_key
        if not anchors.given():
            report.skip("anchor", "none was given")
            report.mark("UNTRUSTED", "anchor", "internally consistent, but nobody vouches for the signer")
            return
        report.done.add("anchor")
        people = anchors.trusted(key, "sealbag-seal-v1") if self.sealed else []
        held = {
            "signer": (anchors.signer, self.sealed and anchors.signer == fingerprint(key), "UNTRUSTED"),
            "trust": (anchors.trust, bool(people), "UNTRUSTED"),
            "seal": (anchors.seal, anchors.seal == self.seal_digest, "INVALID"),
            "checkpoint": (anchors.note, anchors.note_holds, "INVALID"),
        }
        for name, (given, holds, verdict) in held.items():
            if given is not None and not holds:
                report.fail("anchor", f"the {name} that was given does not hold", verdict=verdict)
            elif given is not None:
                self.held.append(name)
        for person in people:
            report.note("anchor", f"the key stands in the trust file for {safe(person)}")
        if anchors.note is not None and anchors.note_holds:
            report.note("anchor", f"the checkpoint vouches for seq 0 to {anchors.note.size - 1}")
            if anchors.note.size < self.ledger.tree.size:
                report.note("anchor", f"the signer alone vouches for seq {anchors.note.size} and later")
            if self.held == ["checkpoint"] and anchors.note_signer != key:
                why = "the seal is not by the signer whom the checkpoint's lines name"
                report.fail("anchor", why, verdict="UNTRUSTED")

    def verdict(self) -> Verdict:
        """Put together what was found."""
        report, ledger = self.report, self.ledger
        checks = tuple(report.check(name) for name in CHECKS)
        holding = tuple(name for name in RANK if name in report.holds)
        if not holding:
            if not self.sealed or any(check.result != "pass" for check in checks if check.name in MANDATORY):
                raise RuntimeError("a check was not done and nothing says why")
            holding = ("VALID",)
        code, first = holding[0], None
        if code in report.holds:
            (order, seq, path), name, why = report.holds[code]
            first = Check(name, "fail", None if order else seq, safe(path), why)
        not_checked = tuple(f"{name}: {why}" for name in CHECKS for why in report.undone.get(name, ()))
        notes = tuple(f"{name}: {text}" for name in CHECKS for text in report.noted.get(name, ()))
        root = ledger.tree.root().hex()
        facts = {
            "anchor": list(self.held), "bag": ledger.bag, "checks": [[check.name, check.result] for check in checks],
            "first": first and {"path": first.path, "seq": first.seq}, "lines": ledger.tree.size,
            "not_checked": list(not_checked), "root": root, "schema": "sealbag/verdict/1",
            "seal_sha256": self.seal_digest, "verdict": code,
        }  # fmt: skip
        text = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return Verdict(
            code, EXITS[code], first, checks, not_checked, tuple(self.held), sha256(text.encode()).hexdigest(),
            ledger.bag, ledger.tree.size, self.files, ledger.bytes,
            fingerprint(ledger.signer_key) if ledger.signer_key else "", self.seal_digest, root, notes, holding,
        )  # fmt: skip


# ---------------------------------------------------------------- the command


def render(verdict: Verdict) -> Iterator[str]:
    """The lines that are printed; the last but one is ``verdict:``."""
    for check in verdict.checks:
        where = f" seq {check.seq}" if check.seq is not None else ""
        where += f" {check.path}" if check.path else ""
        yield f"{check.result:<11} {check.name}{where}{': ' + check.why if check.why else ''}"
    for text in verdict.notes:
        yield f"note: {text}"
    for text in verdict.not_checked:
        yield f"not checked: {text}"
    yield f"bag {verdict.bag or '?'}: {verdict.lines} lines, {verdict.files} files, {verdict.bytes} bytes"
    who = ", ".join(verdict.anchor) if verdict.anchor else "nobody"
    yield f"signed by {verdict.signer or 'nobody'}; vouched for by: {who}"
    if verdict.first is not None:
        place = f"seq {verdict.first.seq}" if verdict.first.seq is not None else verdict.first.path or "-"
        yield f"first: {place}: {verdict.first.why}"
    if len(verdict.verdicts) > 1:
        yield f"also holds: {', '.join(verdict.verdicts[1:])}"
    yield f"seal digest: {verdict.seal_sha256 or 'none'}"
    yield f"verdict: {verdict.code}"


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    if len(argv) == 2 and argv[0] == "--child":
        return child_main(os.fsencode(argv[1]))
    import argparse

    parser = argparse.ArgumentParser("verify.py", description="Verify a sealed evidence bag.", allow_abbrev=False)
    parser.add_argument("--signer", metavar="SHA256:...", help="fingerprint of the key that must have sealed it")
    parser.add_argument("--trust", metavar="FILE", help="allowed_signers file of OpenSSH")
    parser.add_argument("--seal", metavar="HEX", help="seal digest: SHA-256 of custody/seal.json")
    parser.add_argument("--checkpoint", metavar="FILE", help="a checkpoint note of this bag")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--jobs", type=int, metavar="N", help="number of processes")
    parser.add_argument("--quiet", action="store_true", help="print the verdict line only")
    parser.add_argument("bag", metavar="BAG")
    try:
        given = parser.parse_args(argv)
    except SystemExit as stop:
        return 64 if stop.code else 0
    try:
        verdict = verify(
            given.bag, signer=given.signer, trust=given.trust, seal=given.seal, checkpoint=given.checkpoint,
            jobs=given.jobs,
        )  # fmt: skip
        if given.json:
            print(json.dumps(verdict.as_json(), ensure_ascii=True))
        else:
            print("\n".join(list(render(verdict))[-1 if given.quiet else 0 :]))
        sys.stdout.flush()
    except NotABag as error:
        return _complain(str(error), 65)
    except AnchorError as error:
        return _complain(str(error), 78)
    except ValueError as error:
        return _complain(str(error), 64)
    except KeyboardInterrupt:
        return _complain("interrupted", 130)
    except Exception as error:  # noqa: BLE001  # whatever happens, no verdict must look like one
        return _complain(f"defect: {type(error).__name__}: {error}", 70)
    return verdict.exit


def _complain(text: str, code: int) -> int:
    print(f"verify.py: {safe(text)}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
