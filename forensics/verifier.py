"""Verify a sealed evidence bag, offline, with nothing but this file.

    python3 -I verify.py [--signer SHA256:... | --trust FILE | --seal HEX | --checkpoint FILE | ...] -- BAG

What VALID proves: every byte of the bag is as it was when the holder of the named key sealed it, nothing was added
or taken away, and whoever you named with an anchor vouches for it (without an anchor the best verdict is UNTRUSTED:
anybody can make such a bag). What it does not prove: that the host told the truth, that nothing was left out, or when
it happened. A copy of this file inside a bag came with the bag: compare its SHA-256 with a published one first. Use
-I: else PYTHONPATH and the like decide what Python loads. No printed line ``verdict:``, no verdict.

Written from docs/format.md (format 1.0); "section" below means a section of it. The order is that of the argument:
what a verdict is; signatures; the tree; a line; the ledger; the contents that it names; manifests and the closed
list; anchors; what is signed beside the seal; the verdict. It reads, and writes nothing. Exit: VALID 0, INVALID 1,
INCOMPLETE 2, UNTRUSTED 3, UNSAFE 4, IO ERROR 5; usage 64, no bag 65, defect 70, anchor 78.
"""

# This file must run on Python 3.9 and know nothing but the standard library's quick parts.
# ruff: noqa: B905, PTH123
from __future__ import annotations

import sys

if __name__ == "__main__" and not sys.flags.isolated:
    # What lies beside this file (json.py, hashlib.py...) must never be imported.
    _own = __file__.replace("\\", "/").rpartition("/")[0]
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]
    sys.path[:] = [p for p in sys.path if p not in ("", ".") and p.replace("\\", "/").rstrip("/") != _own]

import calendar
import contextlib
import errno
import io
import json
import operator
import os
import re
import stat
import struct
import time
from binascii import a2b_base64, b2a_base64, hexlify, unhexlify
from fnmatch import fnmatchcase
from hashlib import sha256, sha512
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from subprocess import Popen
    from typing import Any

    Progress = Callable[[str, int, int], None]
    Times = Callable[[bytes, Sequence[tuple[str, bytes, str]]], Sequence[tuple[str, str, str]]]
    Point = tuple[int, int, int, int]
    Rule = Callable[[Any], bool]

# ---------------------------------------------------------------- what a verdict is (section 10)
EXITS = {"VALID": 0, "INVALID": 1, "INCOMPLETE": 2, "UNTRUSTED": 3, "UNSAFE": 4, "IO ERROR": 5}
RANK = ("UNSAFE", "INVALID", "IO ERROR", "INCOMPLETE", "UNTRUSTED")  # the first that holds wins; none: VALID
MANDATORY = (
    "layout", "ledger", "tree", "checkpoints", "objects", "manifest", "tagmanifest", "closed-list", "seal",
    "signature", "statements", "anchor",
)  # fmt: skip
CHECKS = (
    *MANDATORY, "ticket", "origin", "revocation", "cosignatures", "time-tokens", "other-signatures",
    "removed-after-store", "gaps", "clock", "litter",
)  # fmt: skip
LEDGER, SEAL_FILE, SEAL_SIG = b"custody/ledger.jsonl", b"custody/seal.json", b"custody/seal.json.sig"
ORIGIN, KEYS_FOLDER = b"custody/origin/", b"custody/keys/"
MAX_LINE = 1 << 20  # bytes of a line of the ledger, of seal.json, a statement, a ticket, a time token
MAX_NOTE, MAX_SIGNATURE, MAX_CITATION = 1 << 16, 1 << 12, 1 << 26  # bytes of a checkpoint or proof, an SSHSIG
MAX_TAGS = 250_000  # files outside data/
MAX_SHOWN = 1000  # notes and names not checked that are kept; further ones are counted
NO_FILE = (errno.ELOOP, errno.ENXIO, errno.ENOTDIR, errno.EISDIR)  # a link, a device, no real folder, no file


class NotABag(ValueError):
    """Neither a folder with custody/ledger.jsonl nor a citation (exit 65)."""


class AnchorError(ValueError):
    """An anchor that was given cannot be read or used (exit 78)."""


class Unsafe(ValueError):
    """A name that would lead outside the bag."""


class Check(NamedTuple):
    """One check: result is pass, fail, not-checked or note; seq or path is where, why says what."""

    name: str
    result: str
    seq: int | None = None
    path: str = ""
    why: str = ""


class Verdict(NamedTuple):
    """What was found; first is the first bad place, anchor has those that hold, sha256 is the verdict digest."""

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
    verdicts: tuple[str, ...] = ()  # all that hold, the highest first

    def as_json(self) -> dict[str, Any]:
        """The object that ``--json`` prints (docs/schema/verify.json)."""
        fields = self._asdict()
        fields.update(schema="sealbag/verify/1", verdict=fields.pop("code"), verdict_sha256=fields.pop("sha256"))
        fields["checks"] = [check._asdict() for check in self.checks]
        fields["first"] = self.first and {name: getattr(self.first, name) for name in ("seq", "path", "why")}
        return fields


def safe(text: str | bytes) -> str:
    """Text of the bag as printable ASCII: what a terminal could act upon is escaped."""
    form = "\\x{:02X}" if isinstance(text, bytes) else "\\u{{{:X}}}"
    codes = text if isinstance(text, bytes) else map(ord, text)
    return "".join("\\\\" if n == 92 else chr(n) if 32 <= n < 127 else form.format(n) for n in codes)


def ensure(holds: object, why: str) -> None:
    """:raises ValueError: with *why*, unless it holds."""
    if not holds:
        raise ValueError(why)


class Report:
    """What the checks say; of each check and of each verdict the first bad place is kept."""

    def __init__(self) -> None:
        self.bad: dict[str, tuple[Any, Check]] = {}  # by check
        self.holds: dict[str, tuple[Any, Check]] = {}  # by verdict
        self.done: set[str] = set()
        self.undone: dict[str, list[str]] = {}
        self.noted: dict[str, list[str]] = {}

    def mark(self, verdict: str, check: str, why: str, seq: int | None = None, path: bytes = b"") -> tuple[Any, Check]:
        """A verdict holds, here: the first place is the lowest seq, else the lowest path."""
        place = (seq is None, seq or 0, path), Check(check, "fail", seq, safe(path), why)
        self.holds[verdict] = min(self.holds.get(verdict, place), place, key=operator.itemgetter(0))
        return place

    def fail(self, check: str, why: str, seq: int | None = None, path: bytes = b"", verdict: str = "INVALID") -> None:
        """The check fails, and so the verdict holds."""
        place = self.mark(verdict, check, why, seq, path)
        self.bad[check] = min(self.bad.get(check, place), place, key=operator.itemgetter(0))

    @contextlib.contextmanager
    def judging(self, check: str, path: bytes = b"", seq: int | None = None) -> Iterator[None]:
        """What is raised within is what is wrong at this place: IO ERROR if something could not be read."""
        try:
            yield
        except OSError as error:
            missing, why = isinstance(error, FileNotFoundError), f"cannot be read: {error.strerror or error}"
            if missing or error.errno in NO_FILE:
                self.fail(check, "missing" if missing else "not a regular file or not a real folder", seq, path)
            else:
                self.note(check, f"{safe(path)}: {why}", self.undone)
                self.mark("IO ERROR", check, why, seq, path)
        except ValueError as error:
            self.fail(check, str(error)[:200], seq, path, "UNSAFE" if isinstance(error, Unsafe) else "INVALID")

    def note(self, check: str, text: str, where: dict[str, list[str]] | None = None) -> None:
        """Worth saying, but no failure; with *where* ``undone``: the check, or this part of it, was not done."""
        kept = (self.noted if where is None else where).setdefault(check, [])
        if len(kept) >= MAX_SHOWN:
            text = f"and {int(kept.pop().split()[1]) + 1 if len(kept) > MAX_SHOWN else 1} more"
        kept.append(text)

    def check(self, name: str) -> Check:
        """The result of one check. A pass means that something was checked."""
        if name in self.bad:
            return self.bad[name][1]
        if name in self.undone or (name in MANDATORY and not {name} & {*self.done, *self.noted}):
            return Check(name, "not-checked", why=self.undone.get(name, ["not reached"])[0])
        return Check(name, "pass") if name in self.done else Check(name, "note", why=self.noted.get(name, ["none"])[0])

    def verdict(self, names: Sequence[str], held: Sequence[str], sealed: bool, *facts: Any) -> Verdict:
        """Put together what these checks found; *facts* are the fields of a Verdict from bag to root."""
        checks = tuple(self.check(name) for name in names)
        undone = [check.name for check in checks if check.result == "not-checked"]
        holding = tuple(name for name in RANK if name in self.holds) or ("VALID",)
        if holding == ("VALID",) and not (sealed and set(undone).isdisjoint(MANDATORY)):
            raise RuntimeError("a check was not done and nothing says why")
        code, (bag, lines, files, size, signer, seal, root) = holding[0], facts
        first = self.holds[code][1] if code in self.holds else None
        said = {
            "anchor": held, "bag": bag, "checks": [[check.name, check.result] for check in checks],
            "first": first and {"path": first.path, "seq": first.seq}, "lines": lines, "not_checked": undone,
            "root": root, "schema": "sealbag/verdict/1", "seal_sha256": seal, "verdict": code,
        }  # fmt: skip
        digest = sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
        missed = tuple(f"{name}: {why}" for name in CHECKS for why in self.undone.get(name, ()))
        notes = tuple(f"{name}: {text}" for name in CHECKS for text in self.noted.get(name, ()))
        return Verdict(
            code, EXITS[code], first, checks, missed, tuple(held), digest, bag, lines, files, size, signer, seal, root,
            notes, holding,
        )  # fmt: skip


# ---------------------------------------------------------------- Ed25519 (RFC 8032 section 5.1; section 7)
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def _add(p: Point, q: Point) -> Point:
    """A point is (X, Y, Z, T): x = X/Z, y = Y/Z, x*y = T/Z."""
    a, b = (p[1] - p[0]) * (q[1] - q[0]), (p[1] + p[0]) * (q[1] + q[0])
    c, d = 2 * D * p[3] * q[3] % P, 2 * p[2] * q[2]
    e, f, g, h = (b - a) % P, (d - c) % P, (d + c) % P, (b + a) % P
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _decode(data: bytes) -> Point | None:
    """A point from its canonical encoding; None if it is none (section 5.1.3 of the RFC)."""
    sign, y = data[31] >> 7, int.from_bytes(data, "little") & ((1 << 255) - 1)
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * v**3 * pow(u * v**7 % P, (P - 5) // 8, P) % P
    if v * x * x % P == -u % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or v * x * x % P != u or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return (x, y, 1, x * y % P)


BASE = _decode(bytes([0x58]) + bytes([0x66]) * 31) or (0, 0, 0, 0)


def ed25519_verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """True if *signature* (64 bytes) by *key* (32 bytes) over *message* verifies, by section 7.

    S < L; A canonical and not of small order; [S]B - [k]A, encoded, is R byte for byte (so that R is canonical
    too), without cofactor.
    """
    if len(key) != 32 or len(signature) != 64:
        return False
    a, s = _decode(key), int.from_bytes(signature[32:], "little")
    if a is None or s >= L:
        return False
    zero, minus = (0, 1, 1, 0), (P - a[0], a[1], 1, P - a[3])
    eight = zero
    for _ in range(8):
        eight = _add(eight, a)
    if eight[0] == 0 and eight[1] == eight[2]:
        return False
    k = int.from_bytes(sha512(signature[:32] + key + message).digest(), "little") % L
    steps, total = (zero, BASE, minus, _add(BASE, minus)), zero
    for shift in range(252, -1, -1):  # both scalars at once, a bit of each a step
        total = _add(total, total)
        total = _add(total, steps[(s >> shift & 1) + 2 * (k >> shift & 1)])
    inverse = pow(total[2], P - 2, P)
    x, y = total[0] * inverse % P, total[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little") == signature[:32]


# ---------------------------------------------------------------- SSH keys, SSHSIG, notes (sections 5 and 7)
def unbase64(text: str | bytes) -> bytes:
    """Decode canonical base64; :raises ValueError: if it is not."""
    raw, data = a2b_base64(text), text.encode() if isinstance(text, str) else text
    ensure(b2a_base64(raw, newline=False) == data, "not canonical base64")
    return raw


def _ssh(*strings: bytes) -> bytes:
    """Strings as RFC 4251 section 5 has them."""
    return b"".join(struct.pack(">I", len(string)) + string for string in strings)


def _parse_ssh(data: bytes, form: str = "") -> list[Any]:
    """Strings (s) and numbers (I, Q) that fill *data* exactly; without *form* strings alone."""
    out: list[Any] = []
    while data or form:
        kind, form = form[:1] or "s", form[1:]
        size = 8 if kind == "Q" else 4
        ensure(len(data) >= size and (form or kind == "s" or len(data) == size), "SSH data cut off, or too long")
        number, data = int.from_bytes(data[:size], "big"), data[size:]
        ensure(kind != "s" or len(data) >= number, "SSH data cut off")
        out.append(data[:number] if kind == "s" else number)
        data = data[number:] if kind == "s" else data
    return out


def fingerprint(wire: bytes) -> str:
    """``SHA256:...`` of a key in SSH wire form, as ``ssh-keygen -l`` prints it; "" of none."""
    return "SHA256:" + b2a_base64(sha256(wire).digest(), newline=False).decode().rstrip("=") if wire else ""


TYPES = {b"ssh-ed25519": 2, b"sk-ssh-ed25519@openssh.com": 3}  # a key's type, and how many strings its wire form has


def key_parts(wire: bytes) -> list[bytes]:
    """Type, 32 bytes, and of a FIDO key the application; :raises ValueError: if it is no key of section 7."""
    parts = _parse_ssh(wire)
    ensure(parts and TYPES.get(parts[0]) == len(parts) and len(parts[1]) == 32, "no Ed25519 key")
    ensure(len(parts) == 2 or re.fullmatch(rb"ssh:[\x21-\x7e]{0,252}", parts[2]), "no application of an SSH key")
    return parts


def signed_by(wire: bytes, blob: bytes, message: bytes) -> bool:
    """True if *blob* is the SSH signature by this key over *message*, if of a FIDO key with a person present."""
    kind, raw, *application = key_parts(wire)
    end = len(blob) - 5 if application else len(blob)
    signature, tail = blob[max(end - 64, 0) : end], blob[end:]
    if blob != _ssh(kind, signature) + tail:
        return False
    if application:  # PROTOCOL.u2f: tail is the flags and a counter
        if not tail[0] & 1:
            return False
        message = sha256(application[0]).digest() + tail + sha256(message).digest()
    return ed25519_verify(raw, message, signature)


def sshsig_key(armored: bytes) -> bytes:
    """Wire form of the key that an SSHSIG claims; :raises ValueError: if there is none."""
    return bytes(_parse_ssh(a2b_base64(b"".join(armored.split(b"\n")[1:-2]))[10:])[0])


def sshsig_holds(armored: bytes, wire: bytes, namespace: bytes, message: bytes) -> bool:
    """True if *armored* is the SSHSIG by the key over *message* (PROTOCOL.sshsig, section 7).

    All but what the key itself made is known beforehand, so it is made and compared, not parsed.
    """
    middle = _ssh(namespace, b"", b"sha512")
    prefix = b"SSHSIG\0\0\0\1" + _ssh(wire) + middle
    try:
        blob = a2b_base64(b"".join(armored.split(b"\n")[1:-2]))[len(prefix) + 4 :]
    except ValueError:
        return False
    text = b2a_base64(prefix + _ssh(blob), newline=False)
    body = b"".join(text[i : i + 70] + b"\n" for i in range(0, len(text), 70))
    if armored != b"-----BEGIN SSH SIGNATURE-----\n" + body + b"-----END SSH SIGNATURE-----\n":
        return False
    return signed_by(wire, blob, b"SSHSIG" + middle + _ssh(sha512(message).digest()))


class Note:
    """A checkpoint as C2SP signed note (section 5); :raises ValueError: if the bytes are no such note."""

    TEXT = re.compile(rb"(sealbag/[0-9a-f]{32})\n([1-9][0-9]{0,15})\n([A-Za-z0-9+/]{43}=)\n")
    LINE = re.compile("\u2014 ([^\\s\\x00-\\x20\ufeff+]{1,256}) ([A-Za-z0-9+/]{7,}={0,2})\n")  # of 5 bytes or more

    def __init__(self, data: bytes) -> None:
        text, _, rest = data.partition(b"\n\n")
        self.text, lines = text + b"\n", re.findall("[^\n]*\n|[^\n]+", rest.decode())
        match, signatures = self.TEXT.fullmatch(self.text), [self.LINE.fullmatch(line) for line in lines]
        if match is None or not lines or len(lines) > 16:
            raise ValueError("no checkpoint of a bag")
        ensure(all(signatures), "a signature line is not as it must be")
        self.origin, self.size, self.root = match[1], int(match[2]), unbase64(match[3])
        raw = [(line[1].encode(), unbase64(line[2])) for line in signatures if line]
        self.signatures = [(name, data[:4], data[4:]) for name, data in raw]  # name, key hash, signature

    def signed_by(self, key: bytes) -> bool:
        """True if *key* signed it under the bag's name, and no such line is bad."""
        mine = [made for name, mark, made in self.signatures if (name, mark) == (self.origin, self.mark(key))]
        return bool(mine) and all(ed25519_verify(key, self.text, made) for made in mine)

    def mark(self, key: bytes) -> bytes:
        """The key hash under the bag's name."""
        return sha256(self.origin + b"\n\x01" + key).digest()[:4]

    def cosigned(self, key: bytes, made: bytes) -> bool:
        """True if *made* is a cosignature/v1 by the witness *key*."""
        text = b"cosignature/v1\ntime %d\n" % int.from_bytes(made[:8], "big") + self.text
        return ed25519_verify(key, text, made[8:])


# ---------------------------------------------------------------- the tree (RFC 6962 section 2.1; section 5)
def node(left: bytes, right: bytes) -> bytes:
    """The hash over two."""
    return sha256(b"\1" + left + right).digest()


class Tree:
    """The Merkle tree of the lines so far.

    waiting[n] is the hash of a complete subtree of 2**n lines that has no right neighbour yet, or b"".
    """

    def __init__(self) -> None:
        self.size = 0
        self.waiting: list[bytes] = []

    def add(self, *lines: bytes) -> None:
        """Append lines (without their LF)."""
        self.size += len(lines)
        nodes, level = [sha256(b"\0" + line).digest() for line in lines], 0
        while nodes:
            if level == len(self.waiting):
                self.waiting.append(b"")
            if self.waiting[level]:
                nodes.insert(0, self.waiting[level])
            self.waiting[level] = nodes.pop() if len(nodes) & 1 else b""
            pairs = iter(nodes)
            nodes = [sha256(b"\1" + left + right).digest() for left, right in zip(pairs, pairs)]
            level += 1

    def root(self) -> bytes:
        """The root hash at this size."""
        out = b""
        for left in filter(None, self.waiting):
            out = node(left, out) if out else left
        return out or sha256(b"").digest()


def root_by_path(line: bytes, seq: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root to which an audit path leads from a line (RFC 9162 section 2.1.3.2); b"" if it has not the length."""
    at, last, out = seq, size - 1, sha256(b"\0" + line).digest()
    for step in path:
        if not last:
            return b""
        if at & 1 or at == last:
            out = node(step, out)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            out = node(out, step)
        at, last = at >> 1, last >> 1
    return b"" if last or seq >= size else out


# ---------------------------------------------------------------- files
SEP = os.sep.encode()
BUFFER = 1 << 16  # larger buffers are slower: they leave the cache
SMALL = 1 << 13  # most files are smaller, and a small buffer is made quicker
OPEN = os.O_RDONLY
for _flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY", "O_BINARY"):  # those that the system has
    OPEN |= getattr(os, _flag, 0)
NO_LINKS = hasattr(os, "O_NOFOLLOW")  # else (Windows) each file is looked at before it is opened
BY_FOLDER = NO_LINKS and os.open in os.supports_dir_fd  # files are opened relative to their folder: quicker
open_at = os.open


def open_regular(path: Any, _: int = 0) -> int:
    """Open a regular file for reading, following no link; :raises OSError: EISDIR if it is none."""
    if NO_LINKS or stat.S_ISREG(os.lstat(path).st_mode):
        descriptor = os.open(path, OPEN)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return descriptor
        os.close(descriptor)
    raise OSError(errno.EISDIR, "not a regular file")


def blocks(path: bytes) -> Iterator[memoryview]:
    """The bytes of a regular file; each block is gone when the next is asked for."""
    view = memoryview(bytearray(BUFFER))
    with io.FileIO(open_regular(path)) as file:
        while count := file.readinto(view):
            yield view[:count]


def hash_file(path: bytes) -> tuple[bytes, int]:
    """SHA-256 and size in bytes of a regular file."""
    digest, size = sha256(), 0
    for block in blocks(path):
        digest.update(block)
        size += len(block)
    return digest.digest(), size


def read_small(path: bytes, limit: int = MAX_LINE + 1) -> bytes:
    """The whole of a file; :raises ValueError: if it has more than *limit* bytes."""
    out = bytearray()
    for block in blocks(path):
        out += block
        ensure(len(out) <= limit, f"longer than {limit} bytes")
    return bytes(out)


def is_folder(path: bytes) -> bool:
    """True if the path is a folder, and no link to one."""
    return os.path.isdir(path) and not os.path.islink(path)


def root_of(bag: str | bytes | os.PathLike[str]) -> bytes:
    """The bag's folder as bytes, absolute; on Windows in the form that has no limit of 260."""
    path = os.path.abspath(os.fsdecode(bag))
    if os.name == "nt" and not path.startswith("\\\\?\\"):
        path = "\\\\?\\UNC" + path[1:] if path.startswith("\\\\") else "\\\\?\\" + path
    return os.fsencode(path)


def join(root: bytes, path: bytes) -> bytes:
    """A path of the bag (with slashes) as a path of the system."""
    return root + SEP + path.replace(b"/", SEP)


# ---------------------------------------------------------------- one line (section 2)
PRINTABLE = bytes(range(0x20, 0x7F))
TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{9}Z"  # its day is for is_time
FIRST_TIME, LAST_TIME = "1677-09-21T00:12:43.145224192Z", "2262-04-11T23:47:16.854775807Z"  # 64 bits of nanoseconds


def _integer(text: str) -> int:
    # The length comes first: a million digits would take seconds to convert.
    ensure(len(text) <= 17 and text.lstrip("-").isdigit() and -(2**53) <= int(text) <= 2**53, "no integer to 2^53")
    return int(text)


# An object becomes a tuple of pairs, so that duplicate keys are seen and nested objects told from arrays.
DECODER = json.JSONDecoder(
    object_pairs_hook=tuple, parse_int=_integer, parse_float=_integer, parse_constant=_integer, strict=True
)


def parse_line(line: bytes, rules: Mapping[str, Rule] | None = None) -> dict[str, Any]:
    """The fields of one line; :raises ValueError: if it is not as section 2 and *rules* say."""
    ensure(len(line) <= MAX_LINE, f"a line of more than {MAX_LINE} bytes")
    ensure(not line.translate(None, PRINTABLE), "a byte outside 0x20..0x7E")
    fields = parse_object(line.decode("ascii").strip(" "))
    need(fields, rules or {})
    return fields


def parse_object(text: str) -> dict[str, Any]:
    """The fields of one JSON object as a line has them; :raises ValueError: if it is none."""
    try:
        pairs, end = DECODER.raw_decode(text)
    except RecursionError:
        raise ValueError("nested too deep") from None
    ensure(end == len(text) and type(pairs) is tuple, "not one JSON object")
    fields = dict(pairs)
    ensure(len(fields) == len(pairs), "a duplicate key")
    for value in fields.values():
        ensure(type(value) is not tuple, "an object as value")
        if type(value) is list:
            ensure(set(map(type, value)) in ({str}, {int}, set()), "an array of other things than strings or integers")
    return fields


def need(fields: Mapping[str, Any], rules: Mapping[str, Rule]) -> None:
    """:raises ValueError: if a field that a rule names is not there or does not hold to it."""
    for name, rule in rules.items():
        ensure(rule(fields.get(name)), f"{name} is missing or not as it must be")


def _matching(pattern: str) -> Rule:
    return lambda value: type(value) is str and re.fullmatch(pattern, value) is not None


def _array(rule: Rule) -> Rule:
    return lambda value: type(value) is list and all(map(rule, value))


def is_count(value: object) -> bool:
    """A number of bytes, lines or milliseconds, or a position."""
    return type(value) is int and value >= 0


def is_time(value: object) -> bool:
    """A time of section 2, of a day that there is."""
    if type(value) is not str or not re.fullmatch(TIME, value) or not FIRST_TIME <= value <= LAST_TIME:
        return False
    month = int(value[5:7])
    return 1 <= month <= 12 and 1 <= int(value[8:10]) <= calendar.monthrange(int(value[:4]), month)[1]


is_text, is_digest, is_id = map(_matching, ("(?s:.*)", "[0-9a-f]{64}", "[0-9a-f]{32}"))
is_key, is_signer = map(_matching, ("[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=", "SHA256:[A-Za-z0-9+/]{43}"))
COMMON = {"seq": is_count, "kind": is_text, "actor": is_count, "t": is_time, "mono": is_count, "salt": is_id}
TITLES = {"bag": is_id, "actors": _array(is_text), "case": is_text, "exhibit": is_text}
CONTENT = {"sha256": is_digest, "size": is_count}
RULES: dict[str, dict[str, Rule]] = {  # of each kind of line, the fields that are judged, beside those of contents
    "open": {**TITLES, "run_key": is_key, "signer": is_text}, "resume": {"run_key": is_key, "signer": is_text},
    "key": {"run_key": is_key}, "correct": {"corrects": is_count}, "artefact": {}, "result": {}, "destination": {},
    "plugin": {}, "source": {}, "rule": {}, "death": {}, "note": {}, "close": {}, "push": {},
}  # fmt: skip


def read_key(fields: Mapping[str, Any], name: str = "signer") -> bytes:
    """Wire form of the key that three fields give (section 7); :raises ValueError: if they do not agree."""
    need(fields, {f"{name}_key": is_key})
    raw, application = unbase64(fields[f"{name}_key"]), fields.get(f"{name}_application")
    if application is None:
        wire = _ssh(b"ssh-ed25519", raw)
    else:
        wire = _ssh(b"sk-ssh-ed25519@openssh.com", raw, str(application).encode("utf-8", "surrogatepass"))
    key_parts(wire)
    ensure(fields.get(name) == fingerprint(wire), f"{name} is not the fingerprint of {name}_key")
    return wire


# Nearly all lines are artefact lines of one writer, who gives the keys in one order. Of a sound line a pattern is
# made that matches others with the same keys in that order and plain values, many times quicker than they are parsed.
_TEXT = rb'"[^"\\]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\]*)*"'
PLAIN = rb'"[^"]*"'  # in a text that is printable ASCII and has no backslash: quicker
_COUNT = rb"(?:0|[1-9][0-9]{0,14})"
# Days that there are; the 29th of February from 2004 to 2096.
_DAY = rb"(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
_LEAP = rb"20(?:0[48]|[2468][048]|[13579][26])-02-29"
_TIME = rb"(?:(?:19|2[01])[0-9]{2}-%b|%b)%b" % (_DAY, _LEAP, TIME[TIME.index("T") :].encode())
_LISTS = rb"\[(?:%b(?:,%b)*|-?%b(?:,-?%b)*)?\]" % (_TEXT, _TEXT, _COUNT, _COUNT)
_VALUE = rb"(?:%b|-?%b|true|false|null|%b)" % (_TEXT, _COUNT, _LISTS)
_FIXED = {
    "seq": rb"(?P<seq>%b)" % _COUNT, "kind": rb'"artefact"', "actor": rb"(?P<actor>%b)" % _COUNT,
    "t": rb'"(?P<t>%b)"' % _TIME, "mono": _COUNT, "salt": rb'"[0-9a-f]{32}"', "outcome": rb'"complete"',
    "sha256": rb'"(?P<sha256>[0-9a-f]{64})"', "size": rb"(?P<size>%b)" % _COUNT,
}  # fmt: skip
# These say more of the content, or of a gap: such lines are parsed.
_SPECIAL = {"stored", "parts", "extents", "same_as", "again", "flags", "origin_seq", "redacted_from"}


def shape_of(fields: Mapping[str, Any]) -> re.Pattern[bytes] | None:
    """The pattern of sound artefact lines with these keys in this order; None if they are to be parsed."""
    plain = all(re.fullmatch("[a-z0-9_]{1,40}", key) for key in fields) and {*_FIXED} <= {*fields}
    if not plain or fields["outcome"] != "complete" or not _SPECIAL.isdisjoint(fields):
        return None
    members = [b'"%b":%b' % (key.encode(), _FIXED.get(key, _VALUE)) for key in fields]
    return re.compile(rb"\{%b\}" % b",".join(members))


# ---------------------------------------------------------------- one pass over the ledger (sections 2 to 5)
# What a line says of a content: its digest, its size, and the line's seq, plus PART if no artefact line says it.
ROW = struct.Struct(">32sQQ")
PART = 1 << 56
NAME = rb"[a-z0-9][a-z0-9._-]{0,95}"
STORED = re.compile(rb"data/(?:images/%b/%b|derived/%b/(?P<derived>%b))" % (NAME, NAME, NAME, NAME))
GAPS = ("partial", "denied", "over-cap", "timed-out", "failed", "changed")


class Ledger:
    """Lines, tree and keys, and what the lines say of contents."""

    def __init__(self, root: bytes, report: Report, sealed: bool = False) -> None:
        self.root, self.report, self.path, self.sealed = root, report, join(root, LEDGER), sealed
        self.opening: dict[str, Any] = {}
        self.process: dict[str, Any] = {}  # the last open or resume line
        self.bag, self.actors, self.last_kind, self.future, self.subset = "", 0, "", "", False
        self.run_key = self.previous_key = self.signer = b""  # signer: of the seal, in SSH wire form
        self.handed: set[bytes] = set()  # signers for whom a checkpoint that is an anchor vouches
        self.handing = False  # True until a resume line comes behind it
        self.rotated = -1  # seq of a key line that no checkpoint covers, until the next line excuses it
        self.tree, self.digest, self.torn, self.whole = Tree(), sha256(), 0, True
        self.bytes = self.sound = 0  # sound: size of the last checkpoint that holds
        self.objects = [bytearray() for _ in range(256)]  # rows by first byte, packed so that memory stays small
        self.stored: dict[bytes, dict[bytes, list[Any]]] = {}  # folder -> path -> digest, size, first seq, last seq
        self.parts: list[tuple[int, str, list[str]]] = []  # seq, digest of the whole, digests of the parts
        self.others: dict[int, tuple[bytes, int, Any]] = {}  # seq -> content of an artefact line that is no object
        self.removed: dict[bytes, int] = {}  # content -> last seq that says it was removed after it was stored
        self.cited: list[tuple[int, str, Any, str]] = []  # of a subset: seq, field, its value, content
        self.counted: dict[str, list[int]] = {}  # gap or "clock" -> how many, first seq
        self.last_t = b""
        self.own: set[int] = set()  # sizes of the checkpoints in the bag
        self.shapes: list[list[re.Pattern[bytes]]] = []  # for blocks without a backslash, and with
        self.lessons = 0

    def read(self, marks: Iterable[int], on_mark: Callable[[int], None], on_progress: Progress | None) -> None:
        """Read all lines; *on_mark* is called when the tree has one of the sizes *marks* (ascending, from 1)."""
        pending, rest, done = iter(marks), b"", 0
        mark, total = next(pending, 0), os.lstat(self.path).st_size
        for block in blocks(self.path):
            self.digest.update(block)
            done += len(block)
            head, found, tail = bytes(block).rpartition(b"\n")
            if not found and len(rest) > MAX_LINE:
                self.torn += len(tail)  # too long already, if it ends at all: only counted
                continue
            lines, rest = ((rest + head).split(b"\n"), tail) if found else ([], rest + tail)
            while lines:
                some = lines[: mark - self.tree.size if mark else None]
                if not self._take(some):
                    return
                lines = lines[len(some) :]
                if self.tree.size == mark:
                    on_mark(mark)
                    mark = next(pending, 0)
            if on_progress is not None:
                on_progress("ledger", done, total)
        self.torn += len(rest)
        self._uncovered()

    def _take(self, lines: list[bytes]) -> bool:
        """Take these lines; False if nothing after them can be judged."""
        start, objects, pack, actors, last, total = self.tree.size, self.objects, ROW.pack, self.actors, self.last_t, 0
        text = b"".join(lines)
        plain, way = not text.translate(None, PRINTABLE) and self.rotated < 0, b"\\" in text
        shape = self.shapes[0][way].fullmatch if self.shapes else re.compile(b"(?!)").fullmatch
        for seq, line in enumerate(lines, start):
            match = plain and len(line) <= MAX_LINE and (shape(line) or self._other(line, way))
            if match:
                number, actor, t, name, size = match.group("seq", "actor", "t", "sha256", "size")
                if int(number) == seq and int(actor) < actors:
                    digest, length = unhexlify(name), int(size)
                    objects[digest[0]] += pack(digest, length, seq)
                    total += length
                    if t < last:
                        self._count("clock", seq)
                    last = t
                    continue
            self.last_t = last
            if not self._one(line, seq):
                self.whole = False
                self.tree.add(*lines[: seq - start])
                return False
            last, actors, plain = self.last_t, self.actors, plain and self.rotated < 0
            shape = self.shapes[0][way].fullmatch if self.shapes else shape
        if lines and match:
            self.last_kind = "artefact"
        self.last_t = last
        self.bytes += total
        self.tree.add(*lines)
        return True

    def _other(self, line: bytes, way: bool) -> re.Match[bytes] | None:
        """A match by one of the shapes seen before; few, for each that does not match costs time."""
        return next(filter(None, (shapes[way].fullmatch(line) for shapes in self.shapes[1:6])), None)

    def _one(self, line: bytes, seq: int) -> bool:
        """Take one line; False if nothing after it can be judged."""
        version = None if seq else re.search(rb'"format" *: *"sealbag/([0-9]{1,9})\.[0-9]{1,9}"', line[:MAX_LINE])
        if version and int(version[1]) != 1:
            self.future = f"format sealbag/{int(version[1])} is not known to this program"
            return False
        with self.report.judging("ledger", seq=seq):
            fields = parse_line(line, COMMON)
            kind, t = fields["kind"], fields["t"].encode()
            ensure(fields["seq"] == seq, "seq is not the number of lines before it")
            ensure((kind == "open") == (seq == 0), "an open line is not the first, or the first line is none")
            need(fields, RULES.get(kind, {}))
            if kind == "open":
                self._open(fields)
            ensure(fields["actor"] < self.actors, "actor is no index into actors")
            if kind not in RULES:
                self.report.note("ledger", f"unknown kind {safe(kind[:40])} at seq {seq}")
            if t < self.last_t:
                self._count("clock", seq)
            self.last_t, self.last_kind = t, kind
            if kind == "resume":
                self.rotated = -1  # the process ended between its key line and the checkpoint
            elif kind != "close":
                self._uncovered()
            if kind in ("artefact", "result"):
                self._content(fields, seq)
            elif kind == "correct":
                self._correct(fields, seq)
            elif "run_key" in RULES.get(kind, ()):
                self._turn_keys(fields, seq)
            return True
        return seq > 0 and len(line) <= MAX_LINE

    def _count(self, what: str, seq: int) -> None:
        self.counted.setdefault(what, [0, seq])[0] += 1

    def _open(self, fields: dict[str, Any]) -> None:
        minor = re.fullmatch(r"sealbag/1\.([0-9]{1,9})", str(fields.get("format")))
        ensure(minor, "the format is not sealbag/1.x")
        self.bag, self.actors, self.opening = fields["bag"], len(fields["actors"]), fields
        self.subset = not {"subset", "subset_seal"}.isdisjoint(fields)
        if minor and int(minor[1]):
            self.report.note("ledger", f"written by a later minor version, 1.{int(minor[1])}")

    def _turn_keys(self, fields: dict[str, Any], seq: int) -> None:
        """An open, resume or key line: who signs the checkpoints from here on, and the seal."""
        is_handover = fields["kind"] == "key"
        if not is_handover or not {"signer", "signer_key", "signer_application"}.isdisjoint(fields):
            self.signer = read_key(fields)
        if is_handover:
            self.handed |= {self.signer} if self.handing else set()
            self.rotated = -1 if seq + 1 in self.own else seq
        else:
            self.process, self.handing = fields, False
        self.previous_key, self.run_key = self.run_key, unbase64(fields["run_key"])

    def _uncovered(self) -> None:
        """The key line before has no checkpoint by the key that it takes out of use (section 5)."""
        if self.rotated >= 0 and self.sealed:
            self.report.fail("checkpoints", "no checkpoint by the old run key covers this key line", self.rotated)
        self.rotated = -1

    def vouch(self) -> None:
        """A checkpoint of the present size is an anchor: it vouches for the signer, and whom he hands on to."""
        self.handed, self.handing = {self.signer}, True

    def checkpoint_key(self) -> bytes:
        """The run key that signs a checkpoint of the present size: a rotation is covered by the old key."""
        return self.previous_key if self.last_kind == "key" else self.run_key

    def _content(self, fields: dict[str, Any], seq: int) -> None:
        """What an artefact or result line says of a content (section 4)."""
        artefact, flags = fields["kind"] == "artefact", fields.get("flags")
        outcomes = [fields.get("outcome"), "changed" if type(flags) is list and "changed" in flags else ""]
        for gap in filter(outcomes.__contains__, GAPS if artefact else ()):
            self._count(gap, seq)
        for name in {"same_as", "again"} & {*fields}:
            ensure(is_count(fields[name]) and fields[name] < seq, f"{name} names no earlier line")
        for name in {"origin_seq", "redacted_from"} & {*fields} if artefact else ():
            self.cited.append((seq, name, fields[name], repr([fields.get("sha256"), fields.get("size")])[:99]))
        if "sha256" not in fields:
            ensure({"same_as", "stored", "parts"}.isdisjoint(fields), "same_as, stored or parts without sha256")
            return
        need(fields, CONTENT)
        digest, size, way = unhexlify(fields["sha256"]), fields["size"], (fields.get("stored"), fields.get("parts"))
        if "extents" in fields:
            need(fields, {"extents": _array(is_count)})
            extents = fields["extents"]
            ensure(len(extents) % 2 == 0 and sum(extents[1::2]) == size, "extents do not add up to size")
        if artefact and "same_as" in fields:
            same = self._content_of(fields["same_as"], digest)
            ensure(same == (digest, size, way), "same_as names no artefact line of this content, stored in this way")
        if "stored" in fields:
            self._stored(fields["stored"], digest, size, seq)
        elif "parts" in fields:
            self._parts(fields, seq)
        else:
            self.objects[digest[0]] += ROW.pack(digest, size, seq if artefact else seq | PART)
        if artefact and not {"stored", "parts"}.isdisjoint(fields):
            self.others[seq] = digest, size, way
        self.bytes += size
        if artefact and self.lessons < 60:
            self._learn(fields)

    def _learn(self, fields: dict[str, Any]) -> None:
        """From now on lines with the keys of this one are matched first."""
        shape = shape_of(fields)
        if shape is not None:
            known = [shapes for shapes in self.shapes if shapes[1] == shape]
            self.lessons += not known  # few, for each costs some milliseconds
            shapes = known[0] if known else [re.compile(shape.pattern.replace(_TEXT, PLAIN)), shape]
            self.shapes = [shapes, *(other for other in self.shapes if other[1] != shape)]

    def _content_of(self, seq: int, digest: bytes) -> tuple[bytes, int, Any] | None:
        """Digest, size, stored and parts of an artefact line, if the digest has this first byte: rows stand by seq."""
        rows = self.objects[digest[0]]
        low, high = 0, len(rows) // ROW.size
        while low < high:
            middle = (low + high) // 2
            if ROW.unpack_from(rows, middle * ROW.size)[2] & ~PART < seq:
                low = middle + 1
            else:
                high = middle
        found = ROW.unpack_from(rows, low * ROW.size) if low * ROW.size < len(rows) else (b"", 0, -1)
        return (*found[:2], (None, None)) if found[2] == seq else self.others.get(seq)

    def _stored(self, path: object, digest: bytes, size: int, seq: int) -> None:
        raw = path.encode("utf-8", "surrogatepass") if type(path) is str else b""
        match = STORED.fullmatch(raw)
        if match is None:
            raise Unsafe("stored is no path below data/images or data/derived")
        own = hexlify(digest) + b".jsonl.zst"
        ensure(match["derived"] in (None, own), "a derived file has not the digest of its bytes as name")
        folder = self.stored.setdefault(raw.rpartition(b"/")[0], {})
        entry = folder.setdefault(raw, [digest, size, seq, seq])
        ensure(entry[:2] == [digest, size], "two lines give one path different contents")
        entry[3] = seq

    def _parts(self, fields: dict[str, Any], seq: int) -> None:
        need(fields, {"parts": _array(is_digest), "part_sizes": _array(is_count)})
        parts, sizes = fields["parts"], fields["part_sizes"]
        ensure(parts and len(parts) == len(sizes) and sum(sizes) == fields["size"], "part_sizes do not fit")
        self.parts.append((seq, fields["sha256"], parts))
        for part, size in zip(map(unhexlify, parts), sizes):
            self.objects[part[0]] += ROW.pack(part, size, seq | PART)

    def _correct(self, fields: dict[str, Any], seq: int) -> None:
        ensure(fields["corrects"] < seq, "corrects names no earlier line")
        flags = fields.get("flags")
        if type(flags) is list and "removed-after-store" in flags:
            need(fields, {"sha256": is_digest})
            self.removed[unhexlify(fields["sha256"])] = seq


# ---------------------------------------------------------------- contents (section 4)
UNSURE = bytes(32)  # instead of a summary: look closely


def hash_folder(folder: bytes) -> bytes:
    """Summary of digests and sizes of all files of a folder of data/objects; UNSURE if anything is not as it must be.

    :return: SHA-256 over digest and size (40 bytes) of each, sorted; of nothing if there is no folder.
    """
    if not is_folder(folder):
        return UNSURE if os.path.lexists(folder) else sha256().digest()
    out, at, prefix = [], None, folder + SEP
    opening, read, close, hashing = open_at, os.read, os.close, sha256  # this loop is most of the time that a bag takes
    try:
        if BY_FOLDER:
            at, prefix = os.open(folder, OPEN), b""
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if not entry.is_file(follow_symlinks=False):
                    return UNSURE
                descriptor = opening(prefix + name, OPEN, dir_fd=at)
                try:
                    data = read(descriptor, SMALL)
                    digest, size = hashing(data), len(data)
                    while len(data) >= SMALL:
                        data = read(descriptor, BUFFER)
                        digest.update(data)
                        size += len(data)
                finally:
                    close(descriptor)
                packed = digest.digest()
                if hexlify(packed) != name:
                    return UNSURE
                out.append(packed + size.to_bytes(8, "big"))
    except OSError:
        return UNSURE
    finally:
        if at is not None:
            os.close(at)
    return sha256(b"".join(sorted(out))).digest() if out else UNSURE


class Helpers:
    """Children of the verifier: this very file, run again; each hashes folders of data/objects.

    The numbers of the folders lie in one pipe, from which each child (and at last the parent) takes the next. A
    child answers with the number and a summary. What no child answered, the parent does.
    """

    def __init__(self, root: bytes, count: int) -> None:
        self.children: list[Popen[bytes]] = []
        self.work, feed = os.pipe()
        os.write(feed, bytes(range(256)))
        os.close(feed)
        if count < 1 or getattr(sys, "frozen", False) or not sys.executable or not os.path.isfile(__file__):
            return
        from subprocess import DEVNULL, PIPE, Popen

        command = [sys.executable, "-I", "-S", "-B", os.path.abspath(__file__), "--child", os.fsdecode(root)]
        with contextlib.suppress(OSError):  # fewer children: slower, not less checked
            for _ in range(count):
                self.children.append(Popen(command, stdin=self.work, stdout=PIPE, stderr=DEVNULL))

    def answers(self) -> dict[int, bytes]:
        """What the children said, by number of folder; waits for them."""
        out = {}
        for data in [child.stdout.read() if child.stdout else b"" for child in self.children]:
            out.update({data[at]: data[at + 1 : at + 33] for at in range(0, len(data) - 32, 33)})
        return out

    def close(self) -> None:
        """End the children."""
        os.close(self.work)
        for child in self.children:
            child.kill()
            child.communicate()


class Contents:
    """Everything below data/ against what the ledger says of it; ``manifest`` is what the manifest must be."""

    def __init__(self, ledger: Ledger, report: Report, sealed: bool) -> None:
        self.ledger, self.report, self.sealed = ledger, report, sealed
        self.manifest: list[Iterable[bytes]] = []
        self.unread: set[bytes] = set()  # folders
        self.files = 0

    def check(self, helpers: Helpers, on_progress: Progress | None) -> None:
        """Folders, stored files, contents in parts, objects."""
        for folder, known in ((b"data", rb"objects|images|derived"), (b"data/objects", rb"[0-9a-f]{2}")):
            for name in self._names(folder):
                if not re.fullmatch(known, name):
                    self._extra(folder + b"/" + name)
        for folder in (b"data", b"data/objects", b"data/images", b"data/derived"):
            if os.path.lexists(self._at(folder)) and not is_folder(self._at(folder)):
                self.report.fail("layout", "not a folder", path=folder)
                return
        self._check_stored()
        self._check_parts()
        seen: dict[int, bytes] = {}
        while number := os.read(helpers.work, 1):
            seen[number[0]] = hash_folder(self._at(b"data/objects/" + hexlify(number)))
            if on_progress is not None:
                on_progress("contents", len(seen), 256)
        seen.update(helpers.answers())
        for index, rows in enumerate(map(bytes, self.ledger.objects)):
            self._judge(b"data/objects/%02x" % index, rows, seen.get(index, UNSURE))
            self.ledger.objects[index] = bytearray()
        if on_progress is not None:
            on_progress("contents", 256, 256)
        self.report.done.add("objects")

    def _extra(self, path: bytes) -> None:
        """Something that no line provides for: INVALID once sealed, before that only noted."""
        if self.sealed:
            self.report.fail("closed-list", "no line names it", path=path)
        else:
            self.report.note("objects", f"not acknowledged: {safe(path)}")

    def _at(self, path: bytes) -> bytes:
        return join(self.ledger.root, path)

    def _names(self, folder: bytes) -> list[bytes]:
        """Names in a real folder, sorted; [] if there is none, or if it cannot be read: then it is in ``unread``."""
        with self.report.judging("objects", folder):
            self.unread.add(folder)
            names = sorted(os.listdir(self._at(folder))) if is_folder(self._at(folder)) else []
            self.unread.discard(folder)
            return names
        return []

    def _compare(self, folder: bytes, said: dict[bytes, list[Any]]) -> list[tuple[bytes, bytes]]:
        """Files of a folder are exactly those said, with their bytes; returns digest and path of those found."""
        names, found, removed = self._names(folder), [], self.ledger.removed
        if folder in self.unread:  # so that the manifest is held against what the lines say
            return [(said[path][0], path) for path in sorted(said)]
        if os.path.lexists(self._at(folder)) and not names and not (said and is_folder(self._at(folder))):
            self._extra(folder)
        for path in [folder + b"/" + name for name in names]:
            if path not in said:
                self._extra(path)
                continue
            digest, size, first, _ = said.pop(path)
            found.append((digest, path))
            with self.report.judging("objects", path, first):
                ensure(hash_file(self._at(path)) == (digest, size), "its bytes are not those that were sealed")
        for path, (digest, _, first, last) in said.items():
            if last < removed.get(digest, -1):  # a later line says that it was removed after it was stored
                self.report.note("removed-after-store", f"seq {removed[digest]}: {digest.hex()}")
            else:
                self.report.fail("objects", "missing", first, path)
        return found

    def _check_stored(self) -> None:
        """Files below data/derived and data/images are exactly those named."""
        for top in (b"data/derived", b"data/images"):
            folders = {top + b"/" + name for name in self._names(top)}
            if not folders and is_folder(self._at(top)):
                self._extra(top)
            folders |= {folder for folder in self.ledger.stored if folder.startswith(top)}
            for folder in sorted(folders, key=lambda folder: folder + b"/"):
                found = self._compare(folder, self.ledger.stored.get(folder, {}))
                self.files += len(found)
                self.manifest.append([b"%b  %b\n" % (hexlify(digest), path) for digest, path in found])

    def _check_parts(self) -> None:
        """The parts of a content, one after the other, have its digest."""
        for seq, digest, parts in self.ledger.parts:
            paths = [self._at(b"data/objects/%b/%b" % (part[:2].encode(), part.encode())) for part in parts]
            if all(map(os.path.lexists, paths)):  # what is missing is judged as an object
                with self.report.judging("objects", seq=seq):
                    whole = sha256()
                    for block in chain.from_iterable(map(blocks, paths)):
                        whole.update(block)
                    ensure(whole.hexdigest() == digest, "the parts have another digest than the whole")

    def _judge(self, folder: bytes, rows: bytes, seen: bytes) -> None:
        """Compare what the ledger says of one folder of objects with the summary of what was found there."""
        want = sorted({rows[at : at + 40] for at in range(0, len(rows), ROW.size)})
        found = [row[:32] for row in want]
        if sha256(b"".join(want)).digest() != seen:  # file by file, to name what is wrong
            said: dict[bytes, list[Any]] = {}
            for digest, size, at in ROW.iter_unpack(rows):
                entry = said.setdefault(folder + b"/" + hexlify(digest), [digest, size, at & ~PART, 0])
                entry[3] = at & ~PART
                if entry[1] != size:
                    self.report.fail("objects", "two lines give one content different sizes", at & ~PART)
            found = [digest for digest, _ in self._compare(folder, said)]
        self.files += len(found)
        self.manifest.append(map(manifest_text, [folder.decode()], [b"".join(found)]))


def manifest_text(folder: str, digests: bytes) -> bytes:
    """The manifest's lines of one folder of data/objects; made when they are asked for, so that memory stays small."""
    names = [digests[at : at + 32].hex() for at in range(0, len(digests), 32)]
    return "".join([f"{name}  {folder}/{name}\n" for name in names]).encode()


# ---------------------------------------------------------------- manifests and closed list (sections 6 and 8)
PROVIDED = {  # the files of each folder outside data/
    b"": rb"bagit\.txt|bag-info\.txt|(?:tag)?manifest-sha256\.txt|VERIFY\.txt|verify\.py|catalogue\.csv",
    b"custody/": rb"ledger\.jsonl|seal\.json(?:(?:\.[a-z0-9][a-z0-9_-]{0,95})?\.sig)?|" + NAME + rb"\.tsr",
    b"custody/checkpoints/": rb"[0-9]{12}\.note",
    KEYS_FOLDER: rb"ticket-[0-9a-f]{8}\.json(?:\.sig)?|" + NAME + rb"\.pub",
    b"custody/after/": rb"(?s:.*)",  # judged as statements
    ORIGIN: rb"seal\.json(?:\.sig)?|lines\.jsonl|" + NAME + rb"\.tsr",
    ORIGIN + b"proofs/": rb"[0-9]{12}\.tlog-proof",
}
FOLDERS = {b"data", *(folder[:-1] for folder in PROVIDED)}
WORKING = {b"custody/lock", b"custody/reserve", b"tmp"}  # only while unsealed
LITTER = re.compile(
    rb"(?s:\.DS_Store|\._.*|\.Spotlight-V100|\.Trashes|\.fseventsd|\.TemporaryItems|Thumbs\.db|desktop\.ini"
    rb"|System Volume Information|\$RECYCLE\.BIN|lost\+found)"
)
UNTAGGED = re.compile(rb"(?s:tagmanifest-sha256\.txt|custody/seal\.json.*|custody/[^/]*\.tsr|custody/after/.*)")


def list_outside(root: bytes, report: Report, sealed: bool, subset: bool) -> list[bytes]:
    """Paths of the provided files outside data/, in order of bytes; everything else is judged."""
    out: list[bytes] = []
    for folder, known in PROVIDED.items():
        if not is_folder(join(root, folder).rstrip(SEP)) or (folder.startswith(ORIGIN) and not subset):
            continue
        with report.judging("closed-list", folder), os.scandir(join(root, folder)) as entries:
            for entry in entries:
                path = folder + entry.name
                is_file, is_dir = entry.is_file(follow_symlinks=False), entry.is_dir(follow_symlinks=False)
                provided = is_dir and path in FOLDERS and (subset or path + b"/" != ORIGIN)
                if LITTER.fullmatch(entry.name) and (is_file or (is_dir and not entry.name.startswith(b"._"))):
                    report.note("litter", safe(path))
                elif is_file and re.fullmatch(known, entry.name):
                    out.append(path)
                elif sealed and not provided:
                    why = "not provided for" if is_file or is_dir else "neither a regular file nor a folder"
                    report.fail("closed-list", why, path=path)
                elif not provided and path not in WORKING:
                    report.note("closed-list", f"not provided for: {safe(path)}")
                ensure(len(out) <= MAX_TAGS, f"more than {MAX_TAGS} files outside data/")
    report.done.add("closed-list")
    return sorted(out)


def unsafe_path(path: bytes) -> bool:
    """True if a path could lead outside the bag, on any system."""
    return bool(re.search(rb"[\x00-\x1f\x7f\\:]", path)) or not {b"", b".", b".."}.isdisjoint(path.split(b"/"))


def compare_manifest(report: Report, check: str, root: bytes, name: bytes, expected: Iterable[bytes]) -> str:
    """A manifest must be these texts (of whole lines), byte for byte; returns its digest in hex."""
    whole, text, got = sha256(), b"", b""
    with report.judging(check, name), open(join(root, name), "rb", opener=open_regular) as file:
        for text in expected:
            got = file.read(len(text))
            whole.update(got)
            if got != text:
                break
        else:
            text = got = b""
        report.done.add(check)
        rest = file.readline(MAX_NOTE)  # of a line that differs, or is one too many
        odd = got + rest
        if odd != text:
            pairs = (pair for pair in zip(text.split(b"\n"), odd.split(b"\n")) if pair[0] != pair[1])
            path = min((line[66:] for line in next(pairs, ()) if line[66:]), default=name)
            report.fail(check, "it does not name exactly the files that are there", path=path)
        while odd:
            whole.update(rest)
            for path in (line[66:] for line in odd.split(b"\n") if line[66:] and unsafe_path(line[66:])):
                report.fail(check, "a path that leads outside the bag", path=path, verdict="UNSAFE")
            odd = rest = file.readline(MAX_NOTE)
    return whole.hexdigest()


# ---------------------------------------------------------------- anchors (section 10)
class Signer(NamedTuple):
    """A line of an allowed_signers file; after and before are 14 digits, "" if there is no such bound."""

    principals: str
    wire: bytes
    spaces: str | None
    authority: bool
    after: str
    before: str


class Certificate(NamedTuple):
    """What an OpenSSH certificate says (PROTOCOL.certkeys), its signature checked."""

    wire: bytes
    principals: list[str]
    authority: bytes
    after: int
    before: int


def read_anchor(path: Any, limit: int) -> bytes:
    """The bytes of a file that whoever verifies has chosen: links are theirs."""
    with open(path, "rb") as file:
        data = file.read(limit + 1)
    ensure(len(data) <= limit, f"longer than {limit} bytes")
    return data


def match_patterns(patterns: str, name: str) -> bool:
    """PATTERNS of ssh_config(5): comma-separated, * and ?, a match after ! refuses."""
    found = [one for one in patterns.split(",") if fnmatchcase(name, one.lstrip("!").replace("[", "[[]"))]
    return bool(found) and not any(one.startswith("!") for one in found)


# principals, options (anything that is no key type), key type, key, comment
SIGNER_LINE = re.compile(
    r"\s*(\"[^\"]*\"|[^\s\"]+)\s+(?:((?!ssh-|sk-|ecdsa-)\S(?:[^\s\"]|\"[^\"]*\")*)\s+)?(\S+)\s+(\S+)(?:\s.*)?"
)
OPTION = r'(?i:(cert-authority)|(namespaces)="([^"]+)"|(valid-after|valid-before)="(\d{8}(?:\d{4}(?:\d\d)?)?)Z?")'


def read_allowed_signers(text: str) -> list[Signer]:
    """The lines of ssh-keygen(1), ALLOWED SIGNERS; :raises ValueError: for one that cannot be honoured."""
    out = []
    for number, line in enumerate(text.split("\n"), 1):  # not splitlines: to OpenSSH a comment goes on
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = SIGNER_LINE.fullmatch(line) if len(line) <= 8192 else None
        if match is None:
            raise ValueError(f"line {number} is no line of an allowed_signers file")
        said: dict[str, str] = {}
        for authority, spaces, patterns, bound, digits in re.findall(OPTION, match[2] or "", re.ASCII):
            name = (authority or spaces or bound).lower()
            ensure(name not in said, f"line {number}: {name} stands twice")
            said[name] = patterns or digits.ljust(14, "0") if name != "cert-authority" else name
            if bound:
                time.strptime(said[name], "%Y%m%d%H%M%S")
        known = re.fullmatch(rf"{OPTION}(?:,{OPTION})*", match[2], re.ASCII) if match[2] else True
        ensure(known, f"line {number}: an option that is not known")
        wire = unbase64(match[4])
        ensure(key_parts(wire)[0] == match[3].encode(), f"line {number}: not an Ed25519 key")
        bounds = said.get("valid-after", ""), said.get("valid-before", "")
        out.append(Signer(match[1].strip('"'), wire, said.get("namespaces"), "cert-authority" in said, *bounds))
    ensure(out, "no signer in the file")
    return out


def read_certificate(line: str) -> Certificate:
    """A line of a -cert.pub file; :raises ValueError: if it is no user certificate that section 10 knows."""
    kind, blob = line.split(" ")[0], unbase64(line.split(" ")[1].rstrip("\n"))
    fido = kind == "sk-ssh-ed25519-cert-v01@openssh.com"
    ensure(fido or kind == "ssh-ed25519-cert-v01@openssh.com", "of another type")
    parts = _parse_ssh(blob, "sssQIssQQsssss" if not fido else "ssssQIssQQsssss")
    key = [kind.replace("-cert-v01@openssh.com", "").encode() + b"@openssh.com" * fido, *parts[2 : 3 + fido]]
    wire, (_, usage, _, names, after, before, critical, _, reserved, authority, made) = _ssh(*key), parts[3 + fido :]
    key_parts(wire)
    ensure((parts[0], usage, critical, reserved) == (kind.encode(), 1, b"", b""), "no plain user certificate")
    ensure(signed_by(authority, made, blob[: -4 - len(made)]), "its signature does not verify")
    return Certificate(wire, [safe(name) for name in _parse_ssh(names)], authority, after, before)


def read_witnesses(text: str) -> dict[tuple[bytes, bytes], bytes]:
    """Name and key hash -> key, of a file of verifier keys (section 5)."""
    out = {}
    for line in filter(lambda line: line.strip() and not line.startswith("#"), text.split("\n")):
        match = re.fullmatch(r"([^\x00-\x20+]{1,256})\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})", line.strip())
        name, raw = (match[1].encode(), unbase64(match[3])) if match else (b"", b"")
        mark = sha256(name + b"\n" + raw).digest()[:4]
        ensure(match and raw[:1] == b"\x04" and mark.hex() == match[2], "a line that is no verifier key of a witness")
        out[name, mark] = raw[1:]
    ensure(0 < len(out) <= 64, "no witness, or more than 64")
    return out


def read_revoked(text: str) -> dict[str, str]:
    """Fingerprint -> since when, "" = from the beginning, of a text list of revoked keys (section 10)."""
    out: dict[str, str] = {}
    for line in filter(lambda line: line.strip() and not line.startswith("#"), text.split("\n")):
        words = line.split()
        since = words.pop()[6:] if words[-1].startswith("since=") else ""
        ensure(words and (not since or is_time(since)), "no key, or since is no time")
        if not is_signer(words[0]):
            ensure(len(words) >= 2, "neither a fingerprint nor a public key")
            wire = unbase64(words[1])
            ensure(_parse_ssh(wire)[0] == words[0].encode(), "no public key of its type")
            words = [fingerprint(wire)]
        out[words[0]] = min(since, out.get(words[0], since))
    return out


class Anchors:
    """What whoever verifies has given, and whom it vouches for."""

    def __init__(self, **given: Any) -> None:
        """:raises AnchorError: a file that cannot be used; :raises ValueError: text that has not its form."""
        self.signer, self.seal, self.origin = given["signer"], given["seal"], given["origin"]
        ensure(self.signer is None or is_signer(self.signer), "a signer is SHA256: and 43 characters")
        for name in ("seal", "origin"):
            ensure(given[name] is None or re.fullmatch("[0-9a-fA-F]{64}", given[name]), f"{name} is 64 hex digits")
        names = ("signer", "trust", "seal", "checkpoint", "witness", "origin")
        self.given = [name for name in names if given[name] is not None]
        path: Any = None
        try:
            path = given["trust"]
            self.trust = read_allowed_signers(read_anchor(path, MAX_LINE).decode()) if path is not None else []
            path = given["checkpoint"]
            self.note = Note(read_anchor(path, MAX_NOTE)) if path is not None else None
            path = given["witness"]
            self.witnesses = read_witnesses(read_anchor(path, MAX_NOTE).decode()) if path is not None else {}
            path = given["revoked"]
            data = read_anchor(path, 1 << 24) if path is not None else b""
            self.is_krl = data.startswith(b"SSHKRL\n\0")
            ensure(self.is_krl or len(data) <= MAX_LINE, f"longer than {MAX_LINE} bytes")
            self.revoked = read_revoked("" if self.is_krl else data.decode())
        except (OSError, ValueError, IndexError) as error:
            raise AnchorError(f"{os.fsdecode(path)}: {error}") from error
        self.krl, self.times, self.judges_keys = given["krl"], given["times"], bool(given["revoked"] or given["krl"])
        self.certificates: list[Certificate] = []
        self.proven, self.now = "", int(time.time())  # the time that the earliest sound token proves

    def held(self, tests: Mapping[str, tuple[object, str]], report: Report) -> list[str]:
        """Of those given the ones that hold; *tests* have whether it does, and the verdict if not."""
        for name in self.given:
            report.done.add("anchor")
            holds, verdict = tests.get(name, (False, "UNTRUSTED"))
            if not holds:
                report.fail("anchor", f"the {name} that was given does not hold", verdict=verdict)
        if not self.given:
            report.note("anchor", "none was given", report.undone)
            report.mark("UNTRUSTED", "anchor", "internally consistent, but nobody vouches for the signer")
        return [name for name in self.given if tests.get(name, (False,))[0]]

    def at(self) -> str:
        """The moment at which periods must hold, 14 digits."""
        return re.sub("[^0-9]", "", self.proven)[:14] or time.strftime("%Y%m%d%H%M%S", time.gmtime(self.now))

    def people(self, wire: bytes, namespace: str, report: Report | None = None) -> list[str]:
        """The principals for whom the allowed_signers file vouches for this key in this namespace."""
        out, at = [], self.at()
        seconds = calendar.timegm(time.strptime(at, "%Y%m%d%H%M%S"))
        for line in self.trust:
            named = [line.principals] if line.wire == wire and not line.authority else []
            for one in self.certificates if line.authority else []:
                if (one.wire, one.authority) == (wire, line.wire) and one.after <= seconds < one.before:
                    named += [name for name in one.principals if match_patterns(line.principals, name)]
            if not named or not (line.spaces is None or match_patterns(line.spaces, namespace)):
                continue
            if (line.after or at) <= at <= (line.before or at):
                out += named
            elif report is not None:
                report.note("anchor", f"the trust file's line for {safe(line.principals)} does not hold at {at}")
        return out

    def vouch(self, wire: bytes, namespace: str) -> bool:
        """True if signer or trust vouches for what this key signed in this namespace."""
        return self.signer == fingerprint(wire) or bool(self.people(wire, namespace))

    def since(self, wire: bytes) -> str | None:
        """Since when the key is revoked, "" = from the beginning; None if it is not."""
        if self.krl is not None and self.krl(wire):
            return ""
        return self.revoked.get(fingerprint(wire))


# ---------------------------------------------------------------- signed beside the lines (sections 7, 9, 13 to 15)
SEAL = re.compile(
    rb'\{"format":"sealbag/1\.[0-9]{1,9}","bag":"[0-9a-f]{32}","case":%b,"exhibit":%b,"size":[1-9][0-9]{0,15},'
    rb'"root":"[0-9a-f]{64}","tagmanifest_sha256":"[0-9a-f]{64}","close_seq":[0-9]{1,16},"t":"%b",'
    rb'"signer":"SHA256:[A-Za-z0-9+/]{43}"\}\n' % (_TEXT, _TEXT, TIME.encode())
)


def parse_seal(data: bytes) -> dict[str, Any]:
    """The fields of seal.json; :raises ValueError: if it has not the form of section 7."""
    ensure(SEAL.fullmatch(data), "not the keys of a seal in their order, in one line")
    return parse_line(data[:-1], {"t": is_time})


def read_signed(data: bytes, signature: bytes, form: str, rules: Mapping[str, Rule]) -> tuple[dict[str, Any], bytes]:
    """Fields and signer of one line of JSON with its SSHSIG: a statement or a ticket; :raises ValueError:"""
    ensure(data.endswith(b"\n"), "no LF at its end")
    fields = parse_line(data[:-1], {"format": _matching(re.escape(f"sealbag-{form}/1.0")), "t": is_time, **rules})
    wire, namespace = read_key(fields), b"sealbag-after-v1" if form == "statement" else b"sealbag-ticket-v1"
    ensure(sshsig_holds(signature, wire, namespace, data), "its signature does not verify")
    return fields, wire


TICKET = {"ticket": is_id, "case": is_text, "hosts": _array(is_text), "not_before": is_time, "not_after": is_time}
TICKET.update(recipients=_array(is_text), job_key=is_key)
STATEMENT = {"bag": is_id, "seal_sha256": is_digest, "kind": is_text, "follows": _array(is_digest)}
KINDS: dict[str, dict[str, Rule]] = {  # of each kind of statement, the fields that must be there, beside texts
    "offer": {"recipient": is_signer, "recipient_key": is_key},
    "accept": {"offer": is_digest, "verdict_sha256": is_digest},
    "refuse": {"offer": is_digest, "verdict_sha256": lambda value: value is None or is_digest(value)},
    "note": {}, "correct": {"corrects": is_count}, "hold": {}, "release": {"releases": is_digest}, "destroy": {},
    "retain": {"until": is_time}, "supplement": {"supplement_seal": is_digest},
    "revoke": {"revokes": is_signer, "since": is_time}, "token": {"token": is_text, "over": is_digest},
}  # fmt: skip
ASCII_LOWER = {n: n + 32 for n in range(65, 91)}


def check_proof(proof: bytes, line: bytes, seal: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a line that an audit path proves to be in the sealed ledger (section 14); :raises ValueError:"""
    head = rb"c2sp\.org/tlog-proof@v1\n(?:extra [A-Za-z0-9+/]*={0,2}\n)?index (0|[1-9][0-9]{0,15})\n"
    match = re.match(head + rb"((?:[A-Za-z0-9+/]{43}=\n){0,64})\n(?=sealbag)", proof)
    if match is None or len(proof) > MAX_NOTE:
        raise ValueError("not a proof of a line")
    fields, note, path = parse_line(line, COMMON), Note(proof[match.end() :]), map(unbase64, match[2].split())
    ensure(fields["seq"] == int(match[1]), "index is not the seq of the line")
    tree = b"sealbag/" + seal["bag"].encode(), seal["size"], unhexlify(seal["root"])
    ensure((note.origin, note.size, note.root) == tree, "its checkpoint is not that of the seal")
    ensure(root_by_path(line, fields["seq"], note.size, list(path)) == note.root, "the path leads to another root")
    return fields


def check_origin_seal(seal: bytes, signature: bytes) -> tuple[dict[str, Any], bytes]:
    """Fields and signer of the seal that a subset or a citation carries (section 14); :raises ValueError:"""
    fields = parse_seal(seal)
    wire = sshsig_key(signature)
    ensure(fields["signer"] == fingerprint(wire), "the signature is not by the seal's signer")
    ensure(sshsig_holds(signature, wire, b"sealbag-seal-v1", seal), "the seal's signature does not verify")
    return fields, wire


# ---------------------------------------------------------------- the whole
class _Verification:
    """One run of :func:`verify` over a bag, in the order of the argument."""

    def __init__(self, root: bytes, anchors: Anchors, on_progress: Progress | None) -> None:
        self.root, self.anchors, self.on_progress, self.report = root, anchors, on_progress, Report()
        self.seal: dict[str, Any] = {}
        self.seal_digest, self.files, self.cosigned, self.note_holds = "", 0, 0, False
        self.held: list[str] = []
        self.ticket_signer = self.origin_signer = b""  # of a ticket that holds, of a sound origin
        self.origin_digest = ""
        self.statements: dict[str, tuple[bytes, dict[str, Any], bytes]] = {}  # digest -> path, fields, signer
        self.sealed = all(os.path.lexists(join(root, name)) for name in (SEAL_FILE, SEAL_SIG))
        self.ledger = Ledger(root, self.report, self.sealed)

    def run(self, jobs: int | None) -> Verdict:
        """All checks, in the order of their dependence."""
        report, ledger = self.report, self.ledger
        if not is_folder(join(self.root, b"custody")):
            report.fail("layout", "not a folder", path=b"custody")
            return self.verdict()
        if jobs is None:  # a child takes 50 ms to start: not for a few hundred lines
            usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
            jobs = min(usable, 16) if os.lstat(ledger.path).st_size > 1 << 19 else 1
        helpers = Helpers(self.root, jobs - 1)
        try:
            self._read_ledger()
            if ledger.whole:
                self._check_rest(helpers)
        finally:
            helpers.close()
        if ledger.future:
            report.mark("UNTRUSTED", "ledger", ledger.future, 0)
        for name in () if ledger.whole else CHECKS:
            report.note(name, ledger.future or "the ledger could not be read to its end", report.undone)
        return self.verdict()

    def verdict(self) -> Verdict:
        """Put together what was found."""
        ledger, seal = self.ledger, self.seal_digest if self.sealed else ""
        facts = ledger.bytes, fingerprint(ledger.signer), seal, ledger.tree.root().hex()
        return self.report.verdict(CHECKS, self.held, self.sealed, ledger.bag, ledger.tree.size, self.files, *facts)

    def _read(self, path: bytes, limit: int = MAX_LINE + 1) -> bytes:
        return read_small(join(self.root, path), limit)

    def _read_ledger(self) -> None:
        """The lines, the checkpoints in the bag, and the one that was given."""
        ledger, report, note, own = self.ledger, self.report, self.anchors.note, self.ledger.own

        def on_mark(size: int) -> None:
            if size in own:
                self._check_checkpoint(size)
            if note and size == note.size and note.origin == b"sealbag/" + ledger.bag.encode():
                self.note_holds = note.root == ledger.tree.root() and note.signed_by(ledger.checkpoint_key())
                if self.note_holds:
                    ledger.vouch()

        folder = join(self.root, b"custody/checkpoints")
        with report.judging("checkpoints", b"custody/checkpoints"):
            names = os.listdir(folder) if is_folder(folder) else []
            own.update(int(name[:12]) for name in names if re.fullmatch(rb"[0-9]{12}\.note", name))
        read = False
        with report.judging("ledger", LEDGER):
            ledger.read(sorted((own | ({note.size} if note else set())) - {0}), on_mark, self.on_progress)
            ensure(ledger.tree.size or ledger.future, "no whole line")
            read = ledger.whole
        lines, ledger.whole = ledger.tree.size, read
        if read:
            report.done |= {"ledger", "checkpoints"} if own else {"ledger"}
            report.note("checkpoints", f"{len(own)} in the bag")
            for size in sorted(size for size in own if not 1 <= size <= lines)[:1]:
                report.fail("checkpoints", f"of {size} lines, but the ledger has {lines}: cut off", path=LEDGER)
            if self.sealed and lines not in own:
                report.fail("checkpoints", "none covers the last line", path=b"custody/checkpoints")
        for what, (count, first) in ledger.counted.items():
            name, text = ("clock", "lines earlier than the one before") if what == "clock" else ("gaps", what)
            report.note(name, f"{count} {text}, the first at seq {first}")
        if ledger.torn and self.sealed:
            report.fail("ledger", "bytes after the last LF", path=LEDGER)
        elif ledger.torn:
            report.note("ledger", f"torn tail of {ledger.torn} bytes, not part of the ledger")

    def _check_checkpoint(self, size: int) -> None:
        """The checkpoint of the tree's present size: text, signature, root, cosignatures (section 5)."""
        path, ledger, report = b"custody/checkpoints/%012d.note" % size, self.ledger, self.report
        with report.judging("checkpoints", path):
            note, key = Note(self._read(path, MAX_NOTE)), ledger.checkpoint_key()
            ensure(note.origin == b"sealbag/" + ledger.bag.encode() and note.size == size, "of another bag or size")
            ensure(note.signed_by(key), "its signature does not verify")
            why = f"a line between seq {ledger.sound} and {size - 1} is not as the checkpoint of size {size} has it"
            with report.judging("checkpoints", LEDGER):
                ensure(note.root == ledger.tree.root(), why)
                ledger.sound = size
            for name, mark, made in note.signatures:
                witness = self.anchors.witnesses.get((name, mark))
                if witness is not None and not note.cosigned(witness, made):
                    report.fail("cosignatures", f"that of {safe(name)} does not verify", path=path)
                elif witness is not None:
                    report.done.add("cosignatures")
                    if ledger.sound == size:
                        self.cosigned = size
                        ledger.vouch()
                elif (name, mark) != (note.origin, note.mark(key)):
                    report.note("cosignatures", f"{safe(path)}: signature by {safe(name)}", report.undone)

    def _check_rest(self, helpers: Helpers) -> None:
        """Contents and names; of a sealed bag manifests, seal and statements; anchors."""
        report, ledger = self.report, self.ledger
        contents = Contents(ledger, report, self.sealed)
        contents.check(helpers, self.on_progress)
        self.files = contents.files
        paths = list_outside(self.root, report, self.sealed, ledger.subset)
        for path in paths:
            if path.startswith(SEAL_FILE + b".") and path != SEAL_SIG:
                report.note("other-signatures", safe(path), report.undone)
        report.done.add("layout")
        if self.sealed:
            self._check_sealed(contents, paths)
        else:
            gone = not os.path.lexists(join(self.root, SEAL_FILE))
            why = "the bag is not sealed" if gone else "a seal without signature"
            report.mark("INCOMPLETE", "seal", why, path=SEAL_FILE)
            report.note("tree", f"root of {ledger.tree.size} lines: {ledger.tree.root().hex()}")
            for name in ("tree", "manifest", "tagmanifest", "seal", "signature", "closed-list", "statements"):
                report.note(name, why, report.undone)
            with contextlib.suppress(OSError, ValueError):  # an anchor may be the seal whose signature is gone
                self.seal_digest = sha256(self._read(SEAL_FILE)).hexdigest()
        self._check_ticket()
        self._check_origin(paths)
        self._check_times(paths)
        self._tell_statements()
        self._check_anchors()
        self._check_revocation()

    def _check_sealed(self, contents: Contents, paths: list[bytes]) -> None:
        """Layout, manifests, seal, signature, statements."""
        root, report, ledger = self.root, self.report, self.ledger
        with report.judging("layout", b"data"):
            ensure(is_folder(join(root, b"data")), "missing, or not a folder")
        with report.judging("layout", b"bagit.txt"):
            declaration = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
            ensure(self._read(b"bagit.txt", MAX_NOTE) == declaration, "not as section 6 has it")
        payload = chain.from_iterable(contents.manifest)
        compare_manifest(report, "manifest", root, b"manifest-sha256.txt", payload)
        tagged = [path for path in paths if UNTAGGED.fullmatch(path) is None]
        digests = {LEDGER: ledger.digest.digest()}
        for path in tagged:
            with report.judging("tagmanifest", path):
                digests[path] = digests.get(path) or hash_file(join(root, path))[0]
        if len(digests) < len(tagged):  # what cannot be read may be as the manifest says
            with report.judging("tagmanifest", b"tagmanifest-sha256.txt"):
                lines = self._read(b"tagmanifest-sha256.txt", MAX_CITATION).split(b"\n")
                said = {line[66:]: line[:64] for line in lines if re.fullmatch(b"[0-9a-f]{64}", line[:64])}
                digests.update((path, unhexlify(said.get(path, b""))) for path in tagged if path not in digests)
        expected = b"".join(b"%b  %b\n" % (hexlify(digests.get(path, b"")), path) for path in tagged)
        tags = compare_manifest(report, "tagmanifest", root, b"tagmanifest-sha256.txt", [expected])
        seal = b""
        with report.judging("seal", SEAL_FILE):
            seal = self._read(SEAL_FILE)
            self.seal_digest = sha256(seal).hexdigest()
            self._check_seal(seal, tags)
        with report.judging("signature", SEAL_SIG):
            signature = self._read(SEAL_SIG, MAX_SIGNATURE)
            ensure(sshsig_holds(signature, ledger.signer, b"sealbag-seal-v1", seal), "does not verify")
            report.done.add("signature")
        after = {path for path in paths if path.startswith(b"custody/after/")}
        for path in sorted(path for path in after if not (path.endswith(b".json.sig") and path[:-4] in after)):
            with report.judging("statements", path):
                self._check_statement(path, path + b".sig" in after)
            report.done.add("statements")
        report.note("statements", f"{len(after) // 2} in the bag")

    def _check_seal(self, data: bytes, tags: str) -> None:
        """seal.json says what the ledger, the tree and the tag manifest say (section 7)."""
        ledger, report, seal = self.ledger, self.report, parse_seal(data)
        size, last, self.seal = ledger.tree.size, ledger.last_kind, seal
        with report.judging("tagmanifest", b"tagmanifest-sha256.txt"):
            ensure(seal["tagmanifest_sha256"] == tags, "not the one that was sealed")
        with report.judging("tree", LEDGER):
            why = f"not the lines that were sealed: {size} lines of {seal['size']}, sound up to {ledger.sound}"
            ensure(seal["size"] == size and seal["root"] == ledger.tree.root().hex(), why)
        report.done |= {"seal", "tree"}
        for name in ("format", "bag", "case", "exhibit"):
            ensure(seal[name] == ledger.opening[name], f"{name} is not that of the open line")
        ensure(seal["signer"] == fingerprint(ledger.signer), "signer is not the one whom the ledger names")
        closed = last == "close" and seal["close_seq"] == seal["size"] - 1
        ensure(closed, "the last line is no close line, or close_seq does not name it")

    def _check_statement(self, path: bytes, paired: bool) -> None:
        """One statement is as section 9 says; :raises ValueError:"""
        match = re.fullmatch(r"custody/after/([0-9]{8}T[0-9]{6}Z)-([a-z]+)-([0-9a-f]{8})\.json", safe(path))
        if match is None or match[2] not in KINDS or not paired:
            raise ValueError("no pair of a statement and its signature")
        data = self._read(path)
        fields, wire = read_signed(data, self._read(path + b".sig", MAX_SIGNATURE), "statement", STATEMENT)
        t, digest, kind = re.sub("[-:]|[.][0-9]{9}", "", fields["t"]), sha256(data).hexdigest(), fields["kind"]
        ensure((t, kind, digest[:8]) == match.groups(), "not its own time, kind and digest in its name")
        said = fields["bag"], fields["seal_sha256"]
        ensure(said == (self.ledger.bag, self.seal_digest), "of another bag or seal")
        need(fields, KINDS[kind])
        if kind == "offer":
            read_key(fields, "recipient")
        elif kind == "token":
            unbase64(fields["token"])
        self.statements[digest] = path, fields, wire

    def _tell_statements(self) -> None:
        """What the statements mean together: who answered what, what is held, revoked or destroyed."""
        report, anchors, released = self.report, self.anchors, set[str]()
        answers: dict[str, list[str]] = {}
        for path, fields, wire in self.statements.values():
            kind, vouched = fields["kind"], anchors.vouch(wire, "sealbag-after-v1")
            word = "vouched for" if vouched else "nobody vouches for the signer, so it changes nothing"
            report.note("statements", f"{safe(path[14:])} by {fingerprint(wire)}: {word}")
            if kind in ("accept", "refuse"):
                answers.setdefault(fields["offer"], []).append(kind)
                offer = self.statements.get(fields["offer"], (b"", {}, b""))[1]
                if offer and offer["kind"] != "offer":
                    report.fail("statements", "it answers what is no offer", path=path)
                elif offer and read_key(offer, "recipient") != wire:
                    report.fail("statements", "not signed by the recipient of the offer", path=path)
            elif kind == "release" and vouched:
                released.add(fields["releases"])
            elif kind == "revoke" and vouched:
                old = anchors.revoked.get(fields["revokes"], fields["since"])
                anchors.revoked[fields["revokes"]], anchors.judges_keys = min(old, fields["since"]), True
        for digest, (path, fields, _) in self.statements.items():
            if fields["kind"] == "offer" and digest not in answers:
                report.note("statements", f"an offer without an answer: {safe(path[14:])}")
            elif fields["kind"] == "hold" and digest not in released:
                report.note("statements", f"a hold without release: {safe(path[14:])}")
            elif fields["kind"] == "destroy":
                report.note("statements", f"a copy is said to be destroyed: {safe(path[14:])}")
        for digest, kinds in answers.items():
            if digest not in self.statements:
                report.note("statements", f"an answer whose offer is not in the bag: {digest}")
            elif len(kinds) > 1:
                report.note("statements", f"a fork, {len(kinds)} answers to one offer: {', '.join(kinds)}")

    def _check_ticket(self) -> None:
        """The job ticket that certifies the run key (section 13)."""
        ledger, report, run = self.ledger, self.report, self.ledger.process
        if "ticket" not in run and "ticket_proof" not in run:
            return
        known = is_digest(run.get("ticket"))
        path = KEYS_FOLDER + b"ticket-%b.json" % run["ticket"][:8].encode() if known else b""
        with report.judging("ticket", path, None if known else run["seq"]):
            need(run, {"ticket": is_digest, "ticket_proof": is_text})
            data = self._read(path)
            ensure(sha256(data).hexdigest() == run["ticket"], "not the ticket that the ledger names")
            ticket, wire = read_signed(data, self._read(path + b".sig", MAX_SIGNATURE), "ticket", TICKET)
            said = "\n".join(["sealbag-run-v1", ledger.bag, run["run_key"], run["signer_key"], ""]).encode()
            proven = ed25519_verify(unbase64(ticket["job_key"]), said, unbase64(run["ticket_proof"]))
            ensure(proven, "the job key did not sign this run key")
            host, times = run.get("host"), [run["t"], self.seal.get("t", run["t"])]
            host = host.translate(ASCII_LOWER) if type(host) is str else ""
            patterns = [one.translate(ASCII_LOWER).replace("[", "[[]") for one in ticket["hosts"]]
            why = "" if ticket["case"] == ledger.opening["case"] else "it is for another case"
            why = why or ("" if any(fnmatchcase(host, one) for one in patterns) else "it is for other hosts")
            if not ticket["not_before"] <= min(times) <= max(times) <= ticket["not_after"]:
                why = why or "it was not valid at the time"
            if why:
                report.fail("ticket", why, verdict="UNTRUSTED")
            else:
                self.ticket_signer = wire
                report.note("ticket", f"by {fingerprint(wire)}")
            report.done.add("ticket")

    def _check_origin(self, paths: list[bytes]) -> None:
        """What a subset was taken from, and that its lines are lines of that (section 14)."""
        opening, report = self.ledger.opening, self.report
        lines: dict[int, tuple[bool, str]] = {}  # seq -> whether it is of an artefact, its content
        if not self.ledger.subset:
            return
        with report.judging("origin", ORIGIN + b"seal.json"):
            need(opening, {"subset": is_id, "subset_seal": is_digest})
            data = self._read(ORIGIN + b"seal.json")
            self.origin_digest = sha256(data).hexdigest()
            seal, wire = check_origin_seal(data, self._read(ORIGIN + b"seal.json.sig", MAX_SIGNATURE))
            said = self.origin_digest, seal["bag"]
            ensure(said == (opening["subset_seal"], opening["subset"]), "not the seal that the open line names")
            self.origin_signer = wire
            with open(join(self.root, ORIGIN + b"lines.jsonl"), "rb", opener=open_regular) as file:
                while line := file.readline(MAX_LINE + 2):
                    with report.judging("origin", ORIGIN + b"lines.jsonl"):
                        fields = parse_line(line[:-1], COMMON)
                        seq = fields["seq"]
                        ensure(line.endswith(b"\n") and seq > next(reversed(lines), -1), "not lines in order")
                        lines[seq] = fields["kind"] == "artefact", repr([fields.get("sha256"), fields.get("size")])[:99]
                        path = ORIGIN + b"proofs/%012d.tlog-proof" % seq
                        with report.judging("origin", path):
                            check_proof(self._read(path, MAX_NOTE), line[:-1], seal)
            why = f"a subset: {len(lines)} of {seal['size']} lines of the origin"
            report.mark("INCOMPLETE", "origin", why, path=ORIGIN + b"lines.jsonl")
            report.note("origin", why)
            report.done.add("origin")
        if not self.origin_signer:
            return  # by a seal that does not hold nothing else can be judged
        for path in paths:
            if path.startswith(ORIGIN + b"proofs/") and int(path[-23:-11]) not in lines:
                report.fail("origin", "a proof of no line", path=path)
        for seq, name, origin_seq, content in self.ledger.cited:
            with report.judging("origin", seq=seq):
                is_artefact, origin = lines.get(origin_seq, (False, "")) if is_count(origin_seq) else (False, "")
                ensure(is_artefact and (name == "redacted_from" or origin == content), f"{name} names no such line")

    def _check_times(self, paths: list[bytes]) -> None:
        """RFC 3161 tokens, by whoever can judge them (section 7); certificates, which hold for a time."""
        report, anchors, tokens = self.report, self.anchors, list[tuple[str, bytes, str]]()
        for path in [path for path in paths if re.fullmatch(rb"custody/[^/]*\.tsr", path)]:
            with report.judging("time-tokens", path):
                tokens.append((safe(path), self._read(path), ""))
        for path, fields, _ in self.statements.values():
            if fields["kind"] == "token":
                tokens.append((safe(path), unbase64(fields["token"]), fields["over"]))
        results: Iterable[tuple[str, str, str]] = ()
        if anchors.times is not None and tokens and self.sealed:
            with report.judging("time-tokens", SEAL_SIG):
                results = anchors.times(self._read(SEAL_SIG, MAX_SIGNATURE), tokens)
        else:
            for name, _, _ in tokens:
                report.note("time-tokens", name, report.undone)
        for name, result, detail in results:
            report.done.add("time-tokens")
            if result == "proven":
                report.note("time-tokens", f"{safe(name)} proves that the seal existed at {safe(detail)}")
                anchors.proven = min(detail, anchors.proven or detail)
            else:
                verdict = "INVALID" if result == "invalid" else "UNTRUSTED"
                report.fail("time-tokens", safe(detail), path=name.encode(), verdict=verdict)
        for path in paths:
            if path.startswith(KEYS_FOLDER) and path.endswith(b"-cert.pub"):
                with contextlib.suppress(OSError, ValueError, IndexError):  # what is no certificate vouches for nobody
                    anchors.certificates.append(read_certificate(self._read(path, MAX_NOTE).decode()))
        if anchors.proven and anchors.proven < self.seal.get("t", ""):
            report.note("clock", f"a token is of {anchors.proven}, before the seal's own time {self.seal['t']}")

    def _check_anchors(self) -> None:
        """All that were given must hold, and together vouch for the seal (section 10)."""
        anchors, report, signer = self.anchors, self.report, self.ledger.signer
        keys = [(signer, "sealbag-seal-v1"), (self.ticket_signer, "sealbag-ticket-v1")] if self.sealed else []
        people = [name for wire, space in keys if wire for name in anchors.people(wire, space, report)]
        tests = {
            "signer": (anchors.signer in [fingerprint(wire) for wire, _ in keys if wire], "UNTRUSTED"),
            "trust": (people, "UNTRUSTED"), "seal": ((anchors.seal or "").lower() == self.seal_digest, "INVALID"),
            "checkpoint": (self.note_holds, "INVALID"), "witness": (self.cosigned, "UNTRUSTED"),
            "origin": ((anchors.origin or "").lower() == self.origin_digest, "INVALID"),
        }  # fmt: skip
        if not self.origin_digest:
            tests["origin"] = False, "UNTRUSTED"
        self.held = anchors.held(tests, report)
        for person in people:
            report.note("anchor", f"the key stands in the trust file for {safe(person)}")
        if self.held and {*self.held} <= {"signer", "trust"}:
            report.note("anchor", "no external anchor: the signer's own word alone")
        covered = max(self.cosigned, anchors.note.size if anchors.note and self.note_holds else 0)
        if covered:
            report.note("anchor", f"the checkpoint vouches for seq 0 to {covered - 1}")
            if covered < self.ledger.tree.size:
                report.note("anchor", f"the signer alone vouches for seq {covered} and later")
        if self.held and not {"signer", "trust", "seal"} & {*self.held} and signer not in self.ledger.handed:
            report.fail("anchor", "no anchor vouches for the seal's signer", verdict="UNTRUSTED")
        if (
            self.origin_signer
            and "origin" not in self.held
            and not anchors.vouch(self.origin_signer, "sealbag-seal-v1")
        ):
            report.mark("UNTRUSTED", "origin", "nobody vouches for the origin", path=ORIGIN + b"seal.json")

    def _check_revocation(self) -> None:
        """Whether a key that the verdict rests on is revoked (section 10)."""
        anchors, report = self.anchors, self.report
        if anchors.is_krl and anchors.krl is None:
            report.note("revocation", "a KRL, which this program cannot read", report.undone)
        if not anchors.judges_keys or not self.ledger.signer:
            return
        report.done.add("revocation")
        own = {"signer": anchors.signer == fingerprint(self.ledger.signer)}
        own["trust"] = bool(anchors.people(self.ledger.signer, "sealbag-seal-v1"))
        rests_on_ticket = not all(own.get(name, True) for name in self.held)
        for wire in [self.ledger.signer] + [self.ticket_signer] * rests_on_ticket:
            since = anchors.since(wire)
            if since and anchors.proven and anchors.proven < since:
                report.note("revocation", f"{fingerprint(wire)} is revoked since {since}, but the seal is older")
            elif since is not None:
                why = f"{fingerprint(wire)} is revoked" + (f" since {since}" if since else "")
                report.fail("revocation", why, path=SEAL_SIG, verdict="UNTRUSTED")


def verify_citation(path: bytes, anchors: Anchors, rows: Callable[[bytes, bytes], bool] | None) -> Verdict:
    """One file that proves one line (section 15): the checks signature, anchor and origin alone."""
    report, digest, signer = Report(), "", ""
    seal: dict[str, Any] = {}
    lines: list[bytes] = []
    with report.judging("origin", b""):
        said = parse_object(read_anchor(path, MAX_CITATION).decode().strip(" \t\r\n"))
        texts = _array(is_text)
        need(said, {"format": _matching("sealbag-citation/1\\.0"), "bag": is_id, "seal": is_text, "seal_sig": is_text})
        need(said, {"lines": texts, "proofs": texts})
        data, lines = said["seal"].encode(), [line.encode() for line in said["lines"]]
        digest = sha256(data).hexdigest()
        with report.judging("signature"):
            seal, wire = check_origin_seal(data, said["seal_sig"].encode())
            signer = fingerprint(wire)
            report.done.add("signature")
        ensure(seal and seal["bag"] == said["bag"], "not the seal of this bag")
        ensure(lines and len(lines) == len(said["proofs"]), "not a proof for each line")
        fields = [check_proof(proof.encode(), line, seal) for line, proof in zip(lines, said["proofs"])]
        report.done.add("origin")
        report.note("origin", f"proves seq {fields[-1]['seq']} of {seal['size']} lines")
        if "row" in said:
            need(said, {"row": is_text, "content": is_text})
            content, row = unbase64(said["content"]), said["row"].encode()
            named = fields[-1]["kind"], fields[-1].get("sha256")
            ensure(named == ("result", sha256(content).hexdigest()), "content is not that of the line")
            if rows is None:
                report.note("origin", "whether the row stands in content (zstd)", report.undone)
                report.mark("INCOMPLETE", "origin", "the row was not looked for")
            else:
                ensure(rows(content, row), "the row does not stand in content")
    people = anchors.people(wire, "sealbag-seal-v1", report) if signer else []
    tests = {"signer": (anchors.signer == signer, "UNTRUSTED"), "trust": (people, "UNTRUSTED")}
    held = anchors.held({**tests, "seal": ((anchors.seal or "").lower() == digest, "INVALID")}, report)
    if anchors.is_krl and anchors.krl is None:
        report.note("anchor", "revocation is not checked: a KRL, which this program cannot read")
    if signer and anchors.since(wire) is not None:
        report.fail("anchor", "the signer is revoked", verdict="UNTRUSTED")
    if held and {*held} <= {"signer", "trust"}:
        report.note("anchor", "no external anchor: the signer's own word alone")
    names = ("signature", "anchor", "origin")
    facts = seal.get("bag", ""), len(lines), 0, 0, signer, digest, seal.get("root", "")
    return report.verdict(names, held, True, *facts)


def verify(
    bag: str | bytes | os.PathLike[str],
    *,
    signer: str | None = None,
    trust: str | os.PathLike[str] | None = None,
    seal: str | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    witness: str | os.PathLike[str] | None = None,
    origin: str | None = None,
    revoked: str | os.PathLike[str] | None = None,
    krl: Callable[[bytes], bool] | None = None,
    times: Times | None = None,
    rows: Callable[[bytes, bytes], bool] | None = None,
    jobs: int | None = None,
    on_progress: Progress | None = None,
) -> Verdict:
    """Check a bag, sealed or not, or a citation (a file), against all anchors given.

    :param signer: fingerprint ``SHA256:...`` of the key that must have sealed it; :param trust: allowed_signers file.
    :param seal: hex digest of seal.json; :param checkpoint: one of this bag that left the host while it was made.
    :param witness: file of verifier keys; :param origin: hex digest of a subset's origin's seal.json.
    :param revoked: list of revoked keys; :param krl: says whether a KRL revokes a key in SSH wire form.
    :param times: judges tokens (path, DER, what it is over) over the bytes of seal.json.sig: (path, result, detail).
    :param rows: says whether the decompressed content (zstd) holds the row.
    :param jobs: number of processes; None: as many as there are processors.
    :param on_progress: called with what is done, how much of it, and of how much.
    :raises NotABag: no custody/ledger.jsonl; :raises AnchorError: an anchor file that cannot be used.
    :raises ValueError: an anchor that has not the form of one, jobs below 1.
    """
    ensure(jobs is None or jobs >= 1, "the number of processes is 1 or more")
    given = {"signer": signer, "trust": trust, "seal": seal, "checkpoint": checkpoint, "witness": witness}
    anchors = Anchors(**given, origin=origin, revoked=revoked, krl=krl, times=times)
    root = root_of(bag)
    if os.path.isfile(root):
        with open(root, "rb") as file:
            head = file.read(MAX_NOTE)
        if head.startswith(b"{") or b"sealbag-citation/" in head:
            return verify_citation(root, anchors, rows)
    if not os.path.lexists(join(root, LEDGER)):
        raise NotABag(f"{safe(os.fsencode(bag))} holds no custody/ledger.jsonl")
    try:
        return _Verification(root, anchors, on_progress).run(jobs)
    except ValueError as error:  # what the bag holds is judged, so this is no fault of the caller's
        raise RuntimeError(f"defect of the verifier: {error}") from error


# ---------------------------------------------------------------- the command
def render(verdict: Verdict) -> Iterator[str]:
    """The lines that are printed; the last is ``verdict:``."""
    for check in verdict.checks:
        where = f" seq {check.seq}" if check.seq is not None else ""
        where += f" {check.path}" if check.path else ""
        yield f"{check.result:<11} {check.name}{where}{': ' + check.why if check.why else ''}"
    yield from (f"note: {text}" for text in verdict.notes)
    yield from (f"not checked: {text}" for text in verdict.not_checked)
    yield f"bag {verdict.bag or '?'}: {verdict.lines} lines, {verdict.files} files, {verdict.bytes} bytes"
    yield f"signed by {verdict.signer or 'nobody'}; vouched for by: {', '.join(verdict.anchor) or 'nobody'}"
    if verdict.first is not None:
        place = f"seq {verdict.first.seq}" if verdict.first.seq is not None else verdict.first.path or "-"
        yield f"first: {place}: {verdict.first.why}"
    if len(verdict.verdicts) > 1:
        yield f"also holds: {', '.join(verdict.verdicts[1:])}"
    yield f"seal digest: {verdict.seal_sha256 or 'none'}"
    yield f"verdict: {verdict.code}"


OPTIONS = (
    ("signer", "SHA256:...", "fingerprint of the key that must have sealed it"),
    ("trust", "FILE", "allowed_signers file of OpenSSH"),
    ("seal", "HEX", "seal digest: SHA-256 of custody/seal.json"),
    ("checkpoint", "FILE", "a checkpoint note of this bag"),
    ("witness", "FILE", "verifier keys of witnesses"),
    ("origin", "HEX", "of a subset: SHA-256 of the seal.json of what it was taken from"),
    ("revoked", "FILE", "revoked keys"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    if len(argv) == 2 and argv[0] == "--child":
        while number := os.read(0, 1):  # a child: see Helpers
            os.write(1, number + hash_folder(join(os.fsencode(argv[1]), b"data/objects/" + hexlify(number))))
        return 0
    import argparse

    parser = argparse.ArgumentParser("verify.py", description="Verify a sealed evidence bag.", allow_abbrev=False)
    for name, metavar, text in OPTIONS:
        parser.add_argument("--" + name, metavar=metavar, help=text)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--jobs", type=int, metavar="N", help="number of processes")
    parser.add_argument("--quiet", action="store_true", help="print the verdict line only")
    parser.add_argument("bag", metavar="BAG", help="folder of a bag, or a citation")
    try:
        given = vars(parser.parse_args(argv))
        as_json, quiet = given.pop("json"), given.pop("quiet")
        verdict = verify(given.pop("bag"), **given)
        lines = [json.dumps(verdict.as_json())] if as_json else list(render(verdict))
        print("\n".join(lines[-1:] if quiet else lines), flush=True)
        return verdict.exit
    except SystemExit as stop:
        return 64 if stop.code else 0
    except KeyboardInterrupt:
        text, code = "interrupted", 130
    except ValueError as error:
        text, code = str(error), 65 if isinstance(error, NotABag) else 78 if isinstance(error, AnchorError) else 64
    except Exception as error:  # noqa: BLE001  # whatever happens, no verdict must look like one
        text, code = f"defect: {type(error).__name__}: {error}", 70
    print(f"verify.py: {safe(text)}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
