"""Verify a sealed evidence bag, offline, with nothing but this file.

    python3 -I verify.py [--signer SHA256:... | --trust FILE | --seal HEX | --checkpoint FILE] -- BAG

What VALID proves: every byte of the bag is as it was when the holder of the named key sealed it, nothing was added
or taken away, and whoever you named with an anchor vouches for it (without an anchor the best verdict is UNTRUSTED:
anybody can make such a bag). What it does not prove: that the host told the truth, that nothing was left out, or when
it happened. A copy of this file inside a bag came with the bag: compare its SHA-256 with a published one first. Use
-I: else PYTHONPATH and the like decide what Python loads. No printed line ``verdict:``, no verdict.

Written from docs/format.md (format 1.0); "section" below means a section of it. The order is that of the argument:
what a verdict is; signatures; the tree; a line; the ledger; the contents that it names; manifests and the closed
list; seal, statements, anchors; the verdict. It reads, and writes nothing. Exit: VALID 0, INVALID 1, INCOMPLETE 2,
UNTRUSTED 3, UNSAFE 4, IO ERROR 5; usage 64, no bag 65, defect 70, anchor 78.
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

import contextlib
import errno
import hashlib
import io
import itertools
import json
import operator
import os
import re
import stat
import struct
from binascii import a2b_base64, b2a_base64, hexlify, unhexlify
from dataclasses import dataclass
from hashlib import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from subprocess import Popen
    from typing import Any

    Progress = Callable[[str, int, int], None]
    Point = tuple[int, int, int, int]
    Rule = Callable[[Any], bool]

# ---------------------------------------------------------------- what a verdict is (section 10)
EXITS = {"VALID": 0, "INVALID": 1, "INCOMPLETE": 2, "UNTRUSTED": 3, "UNSAFE": 4, "IO ERROR": 5}
RANK = ("UNSAFE", "INVALID", "IO ERROR", "INCOMPLETE", "UNTRUSTED")  # the first that holds wins; none: VALID
MANDATORY = (
    "layout", "ledger", "tree", "checkpoints", "objects", "manifest", "tagmanifest", "closed-list", "seal",
    "signature", "statements", "anchor",
)  # fmt: skip
CHECKS = (*MANDATORY, "time-tokens", "other-signatures", "removed-after-store", "litter")
LEDGER, SEAL_FILE, SEAL_SIG = b"custody/ledger.jsonl", b"custody/seal.json", b"custody/seal.json.sig"
MAX_LINE = 1 << 20  # bytes of a line of the ledger, of seal.json and of a statement
MAX_NOTE, MAX_SIGNATURE = 1 << 16, 1 << 12  # bytes of a checkpoint, of an SSHSIG
MAX_TAGS = 250_000  # files outside data/
MAX_SHOWN = 1000  # notes and names not checked that are kept; further ones are counted
NO_FILE = (errno.ELOOP, errno.ENXIO, errno.ENOTDIR, errno.EISDIR)  # a link, a device, no real folder, no file


class NotABag(ValueError):
    """The folder holds no custody/ledger.jsonl (exit 65)."""


class AnchorError(ValueError):
    """An anchor that was given cannot be read or used (exit 78)."""


class Unsafe(ValueError):
    """A name that would lead outside the bag."""


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
        fields = {name: value for name, value in vars(self).items() if name not in ("code", "sha256")}
        fields.update(schema="sealbag/verify/1", verdict=self.code, verdict_sha256=self.sha256)
        fields["checks"] = [vars(check) for check in self.checks]
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

    def mark(self, verdict: str, check: str, why: str, seq: int | None = None, path: bytes = b"") -> None:
        """A verdict holds: the first place is the lowest seq, else the lowest path."""
        place = (seq is None, seq or 0, path), Check(check, "fail", seq, safe(path), why)
        self.holds[verdict] = min(self.holds.get(verdict, place), place, key=operator.itemgetter(0))

    def fail(self, check: str, why: str, seq: int | None = None, path: bytes = b"", verdict: str = "INVALID") -> None:
        """The check fails."""
        place = (seq is None, seq or 0, path), Check(check, "fail", seq, safe(path), why)
        self.bad[check] = min(self.bad.get(check, place), place, key=operator.itemgetter(0))
        self.mark(verdict, check, why, seq, path)

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
                self.skip(check, f"{safe(path)}: {why}")
                self.mark("IO ERROR", check, why, seq, path)
        except ValueError as error:
            self.fail(check, str(error)[:200], seq, path, "UNSAFE" if isinstance(error, Unsafe) else "INVALID")

    def skip(self, check: str, why: str, where: dict[str, list[str]] | None = None) -> None:
        """The check, or a part of it, was not done."""
        kept = (self.undone if where is None else where).setdefault(check, [])
        if len(kept) >= MAX_SHOWN:
            why = f"and {int(kept.pop().split()[1]) + 1 if len(kept) > MAX_SHOWN else 1} more"
        kept.append(why)

    def note(self, check: str, text: str) -> None:
        """Worth saying, but no failure."""
        self.skip(check, text, self.noted)

    def check(self, name: str) -> Check:
        """The result of one check. A pass means that something was checked."""
        if name in self.bad:
            return self.bad[name][1]
        if name in self.undone or (name in MANDATORY and not {name} & {*self.done, *self.noted}):
            return Check(name, "not-checked", why=self.undone.get(name, ["not reached"])[0])
        return Check(name, "pass") if name in self.done else Check(name, "note", why=self.noted.get(name, ["none"])[0])


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


def _multiples(x: int, y: int) -> list[Point]:
    """0, 1, ... 15 times the point."""
    return list(itertools.accumulate([(x, y, 1, x * y % P)] * 15, _add, initial=(0, 1, 1, 0)))


_base = _decode(bytes([0x58]) + bytes([0x66]) * 31)
assert _base is not None
BASE = _multiples(_base[0], _base[1])


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
    multiples = _multiples(P - a[0], a[1])  # of -A
    eight = multiples[8]
    if eight[0] == 0 and eight[1] == eight[2]:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    total = BASE[0]
    for shift in range(252, -4, -4):  # both scalars at once, four bits a step
        for _ in range(4):
            total = _add(total, total)
        total = _add(_add(total, BASE[s >> shift & 15]), multiples[k >> shift & 15])
    inverse = pow(total[2], P - 2, P)
    x, y = total[0] * inverse % P, total[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little") == signature[:32]


# ---------------------------------------------------------------- the tree (RFC 6962 section 2.1; section 5)
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
        node = b""
        for left in filter(None, self.waiting):
            node = sha256(b"\1" + left + node).digest() if node else left
        return node or sha256(b"").digest()


# ---------------------------------------------------------------- signatures: SSHSIG and notes (sections 5 and 7)
def unbase64(text: str | bytes) -> bytes:
    """Decode canonical base64; :raises ValueError: if it is not."""
    raw, data = a2b_base64(text), text.encode() if isinstance(text, str) else text
    ensure(b2a_base64(raw, newline=False) == data, "not canonical base64")
    return raw


def _ssh(*strings: bytes) -> bytes:
    """Strings as RFC 4251 section 5 has them."""
    return b"".join(struct.pack(">I", len(string)) + string for string in strings)


def fingerprint(key: bytes) -> str:
    """``SHA256:...`` of an Ed25519 key of 32 bytes, as ``ssh-keygen -l`` prints it."""
    return "SHA256:" + b2a_base64(sha256(_ssh(b"ssh-ed25519", key)).digest(), newline=False).decode().rstrip("=")


def sshsig_holds(armored: bytes, key: bytes, namespace: bytes, message: bytes) -> bool:
    """True if *armored* is the SSHSIG by *key* over *message* (PROTOCOL.sshsig, section 7).

    All but the 64 bytes of the signature is known beforehand, so it is made and compared, not parsed.
    """
    middle = _ssh(namespace, b"", b"sha512")
    try:
        signature = a2b_base64(b"".join(armored.split(b"\n")[1:-2]))[-64:]
    except ValueError:
        return False
    whole = b"SSHSIG\0\0\0\1" + _ssh(_ssh(b"ssh-ed25519", key)) + middle + _ssh(_ssh(b"ssh-ed25519", signature))
    text = b2a_base64(whole, newline=False)
    body = b"".join(text[i : i + 70] + b"\n" for i in range(0, len(text), 70))
    if armored != b"-----BEGIN SSH SIGNATURE-----\n" + body + b"-----END SSH SIGNATURE-----\n":
        return False
    return ed25519_verify(key, b"SSHSIG" + middle + _ssh(hashlib.sha512(message).digest()), signature)


class Note:
    """A checkpoint as C2SP signed note (section 5); :raises ValueError: if the bytes are no such note."""

    TEXT = re.compile(rb"(sealbag/[0-9a-f]{32})\n([1-9][0-9]{0,15})\n([A-Za-z0-9+/]{43}=)\n")
    LINE = re.compile(rb"\xe2\x80\x94 ([^\x00-\x20+]{1,256}) ([A-Za-z0-9+/]{8,}={0,2})\n")

    def __init__(self, data: bytes) -> None:
        text, _, rest = data.partition(b"\n\n")
        self.text, lines = text + b"\n", rest.splitlines(True)
        match, signatures = self.TEXT.fullmatch(self.text), [self.LINE.fullmatch(line) for line in lines]
        if match is None or not lines or len(lines) > 16:
            raise ValueError("no checkpoint of a bag")
        self.origin, self.size, self.root = match[1], int(match[2]), unbase64(match[3])
        self.signatures = [(line[1], unbase64(line[2])) for line in signatures if line]
        ensure(all(signatures), "a signature line is not as it must be")

    def by(self, key: bytes, own: bool) -> list[tuple[bytes, bytes]]:
        """Name and signature of the lines that are of this key under the bag's name, or of the others."""
        mark = self.origin, sha256(self.origin + b"\n\x01" + key).digest()[:4]
        return [(name, raw[4:]) for name, raw in self.signatures if ((name, raw[:4]) == mark) is own]

    def signed_by(self, key: bytes) -> bool:
        """True if *key* signed it under the bag's name, and no such line is bad."""
        mine = self.by(key, own=True)
        return bool(mine) and all(ed25519_verify(key, self.text, signature) for _, signature in mine)

    def others(self, key: bytes) -> list[str]:
        """Names of the further signatures, which nobody checked."""
        return [safe(name) for name, _ in self.by(key, own=False)]


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


def read_small(path: bytes, limit: int) -> bytes:
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
DAY, CLOCK = "(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])", "(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)"
TIME = rf"[0-9]{{4}}-{DAY}T{CLOCK}\.[0-9]{{9}}Z"


def _integer(text: str) -> int:
    # The length comes first: a million digits would take seconds to convert.
    ensure(len(text) <= 17 and text.lstrip("-").isdigit() and -(2**53) <= int(text) <= 2**53, "no integer to 2^53")
    return int(text)


# An object becomes a tuple of pairs, so that duplicate keys are seen and nested objects told from arrays.
DECODER = json.JSONDecoder(
    object_pairs_hook=tuple, parse_int=_integer, parse_float=_integer, parse_constant=_integer, strict=True
)


def parse_line(line: bytes) -> dict[str, Any]:
    """The fields of one line; :raises ValueError: if it is not as section 2 says."""
    ensure(not line.translate(None, PRINTABLE), "a byte outside 0x20..0x7E")
    text = line.decode("ascii").strip(" ")
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


is_text, is_digest, is_id, is_time = map(_matching, ("(?s:.*)", "[0-9a-f]{64}", "[0-9a-f]{32}", TIME))
is_key = _matching("[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=")  # canonical base64 of 32 bytes
COMMON = {"seq": is_count, "kind": is_text, "actor": is_count, "t": is_time, "mono": is_count, "salt": is_id}
KEYS = {"run_key": is_key, "signer": is_text, "signer_key": is_key}
TITLES = {"bag": is_id, "actors": _array(is_text), "case": is_text, "exhibit": is_text, "examiner": is_text}
RULES: dict[str, dict[str, Rule]] = {  # of each kind of line, the fields that are judged, beside those of contents
    "open": {**TITLES, **KEYS}, "resume": KEYS, "key": {"run_key": is_key}, "correct": {"corrects": is_count},
    "artefact": {}, "result": {}, "destination": {}, "plugin": {}, "source": {}, "rule": {}, "death": {},
    "note": {}, "close": {}, "push": {},
}  # fmt: skip

# Nearly all lines are artefact lines of one writer, who gives the keys in one order. A pattern made of the keys seen
# so far matches such a line if it is sound, many times quicker than it is parsed: the keys in that order, each at
# most once, and plain values. Whatever it does not match is parsed.
_TEXT = rb"[ !#-\[\]-~]*"
ESCAPED = rb'"' + _TEXT + rb'(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})' + _TEXT + rb')*"'
PLAIN = rb'"[^"]*"'  # in a text that is printable ASCII and has no backslash
_COUNT = rb"(?:0|[1-9][0-9]{0,14})"
_FIXED = {
    "seq": rb"(?P<seq>" + _COUNT + rb")", "kind": rb'"artefact"', "actor": rb"(?P<actor>" + _COUNT + rb")",
    "t": rb'"' + TIME.encode() + rb'"', "mono": _COUNT, "salt": rb'"[0-9a-f]{32}"',
    "sha256": rb'"(?P<sha256>[0-9a-f]{64})"', "size": rb"(?P<size>" + _COUNT + rb")",
}  # fmt: skip
_SPECIAL = {"stored", "parts", "extents", "same_as", "again"}  # these say more of the content: parsed


def shape_of(
    keys: Iterable[str], string: bytes = ESCAPED, optional: Iterable[str] = (), form: bytes = b"%b"
) -> re.Pattern[bytes]:
    """The pattern of sound artefact lines with these keys in this order, of which the optional ones may be missing."""
    strings, numbers = rb"%b(?:,%b)*" % (string, string), rb"-?%b(?:,-?%b)*" % (_COUNT, _COUNT)
    value = rb"(?:%b|-?%b|true|false|null|\[(?:%b|%b)?\])" % (string, _COUNT, strings, numbers)
    fields = [(key in optional, b',"%b":%b' % (key.encode(), _FIXED.get(key, value))) for key in keys]
    text = b"".join(b"(?:%b)?" % field if rare else field for rare, field in fields)
    return re.compile(form % (rb"\{%b\}" % text[1:]), re.MULTILINE)


# ---------------------------------------------------------------- one pass over the ledger (sections 2 to 5)
# What a line says of a content: its digest, its size, and the line's seq, plus PART if no artefact line says it.
ROW = struct.Struct(">32sQQ")
PART = 1 << 56
NAME = rb"[a-z0-9][a-z0-9._-]{0,95}"
STORED = re.compile(rb"data/(?:images/%b/%b|derived/%b/(?P<derived>%b))" % (NAME, NAME, NAME, NAME))


class Ledger:
    """Lines, tree and checkpoints, and what the lines say of contents."""

    def __init__(self, root: bytes, report: Report) -> None:
        self.root, self.report, self.path = root, report, join(root, LEDGER)
        self.opening: dict[str, Any] = {}
        self.bag, self.actors, self.last_kind, self.future = "", 0, "", ""
        self.run_key = self.previous_key = self.signer_key = b""
        self.tree, self.digest, self.torn, self.whole = Tree(), sha256(), 0, True
        self.bytes = self.sound = 0  # sound: size of the last checkpoint that holds
        self.objects = [bytearray() for _ in range(256)]  # rows by first byte, packed so that memory stays small
        self.stored: dict[bytes, dict[bytes, list[Any]]] = {}  # folder -> path -> digest, size, first seq, last seq
        self.parts: list[tuple[int, str, list[str]]] = []  # seq, digest of the whole, digests of the parts
        self.others: dict[int, tuple[bytes, int]] = {}  # seq -> content of an artefact line that is no object
        self.removed: dict[bytes, int] = {}  # content -> last seq that says it was removed after it was stored
        self.lessons = 0
        self.optional: set[str] = set()  # keys that some of these lines have and some have not
        self.keys: list[str] = []  # those of artefact lines, in the writer's order
        self.shapes: list[re.Pattern[bytes]] = []  # made of the keys: for texts without backslash, and with

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

    def _take(self, lines: list[bytes]) -> bool:
        """Take these lines; False if nothing after them can be judged."""
        start, text = self.tree.size, b"\n".join(lines) + b"\n"
        found: list[Any] = []
        if self.shapes and len(text) < MAX_LINE and not text.translate(None, PRINTABLE + b"\n"):
            shape = self.shapes[b"\\" in text]
            groups = operator.itemgetter(
                *(shape.groupindex[name] - 1 for name in ("seq", "actor", "sha256", "size", "odd"))
            )
            found = shape.findall(text)
        if len(found) == len(lines):  # then each is one line, for each ends with an LF
            objects, pack, actors, total = self.objects, ROW.pack, self.actors, 0
            for seq, (number, actor, name, size, odd) in enumerate(map(groups, found), start):
                if odd or int(number) != seq or int(actor) >= actors or (name and not size):
                    self._one(lines[seq - start], seq)
                elif name:
                    digest, length = unhexlify(name), int(size)
                    objects[digest[0]] += pack(digest, length, seq)
                    total += length
            self.bytes += total
            self.last_kind = self.last_kind if odd else "artefact"
        else:
            for seq, line in enumerate(lines, start):
                if not self._one(line, seq):
                    self.whole = False
                    self.tree.add(*lines[: seq - start])
                    return False
        self.tree.add(*lines)
        return True

    def _one(self, line: bytes, seq: int) -> bool:
        """Take one line; False if nothing after it can be judged."""
        version = None if seq else re.search(rb'"format" *: *"sealbag/([0-9]{1,9})\.', line[:MAX_LINE])
        if version and int(version[1]) != 1:
            self.future = f"format sealbag/{int(version[1])} is not known to this program"
            return False
        with self.report.judging("ledger", seq=seq):
            ensure(len(line) <= MAX_LINE, f"a line of more than {MAX_LINE} bytes")
            fields = parse_line(line)
            need(fields, COMMON)
            kind = fields["kind"]
            ensure(fields["seq"] == seq, "seq is not the number of lines before it")
            ensure((kind == "open") == (seq == 0), "an open line is not the first, or the first line is none")
            need(fields, RULES.get(kind, {}))
            if kind == "open":
                minor = re.fullmatch(r"sealbag/1\.([0-9]{1,9})", str(fields.get("format")))
                ensure(minor, "the format is not sealbag/1.x")
                self.bag, self.actors, self.opening = fields["bag"], len(fields["actors"]), fields
                if minor and int(minor[1]):
                    self.report.note("ledger", f"written by a later minor version, 1.{int(minor[1])}")
            ensure(fields["actor"] < self.actors, "actor is no index into actors")
            if kind not in RULES:
                self.report.note("ledger", f"unknown kind {safe(kind[:40])} at seq {seq}")
            self.last_kind = kind
            if kind in ("artefact", "result"):
                self._content(fields, seq)
            elif kind == "correct":
                self._correct(fields, seq)
            elif "run_key" in RULES.get(kind, ()):
                self._turn_keys(fields)
            return True
        return seq > 0 and len(line) <= MAX_LINE

    def _turn_keys(self, fields: dict[str, Any]) -> None:
        """An open, resume or key line: who signs the checkpoints from here on, and the seal."""
        if fields["kind"] != "key" or "signer_key" in fields:
            need(fields, KEYS)
            self.signer_key = unbase64(fields["signer_key"])
            ensure(fields["signer"] == fingerprint(self.signer_key), "signer is not the fingerprint of signer_key")
        self.previous_key, self.run_key = self.run_key, unbase64(fields["run_key"])

    def checkpoint_key(self) -> bytes:
        """The run key that signs a checkpoint of the present size: a rotation is covered by the old key."""
        return self.previous_key if self.last_kind == "key" else self.run_key

    def _learn(self, fields: dict[str, Any]) -> None:
        """Add the keys of a sound line to those that the pattern knows, each behind the one it stood behind."""
        if [key for key in fields if key in self.keys] != [key for key in self.keys if key in fields]:
            self.keys, self.optional = [], set()  # in another order: from now on this one
        odd = {key for key in {*self.keys} ^ {*fields} if self.keys}
        plain = all(re.fullmatch("[a-z0-9_]{1,40}", key) for key in fields) and next(iter(fields)) in COMMON
        if (self.keys and odd <= self.optional) or not plain or self.lessons >= 40:
            return
        self.lessons += 1  # few, for each costs some milliseconds
        self.optional |= odd
        for before, key in zip([None, *fields], fields):
            if key not in self.keys:
                self.keys.insert(self.keys.index(before) + 1 if before else 0, key)
        if {"sha256", "size"}.issubset(self.keys):
            form = rb"^(?:%b|(?P<odd>.+))\n"
            self.shapes = [shape_of(self.keys, string, self.optional, form) for string in (PLAIN, ESCAPED)]

    def _content(self, fields: dict[str, Any], seq: int) -> None:
        """What an artefact or result line says of a content (section 4)."""
        for name in {"same_as", "again"} & {*fields}:
            ensure(is_count(fields[name]) and fields[name] < seq, f"{name} names no earlier line")
        if "sha256" not in fields:
            ensure({"same_as", "stored", "parts"}.isdisjoint(fields), "same_as, stored or parts without sha256")
            return
        need(fields, {"sha256": is_digest, "size": is_count})
        digest, size, artefact = unhexlify(fields["sha256"]), fields["size"], fields["kind"] == "artefact"
        if "extents" in fields:
            need(fields, {"extents": _array(is_count)})
            extents = fields["extents"]
            ensure(len(extents) % 2 == 0 and sum(extents[1::2]) == size, "extents do not add up to size")
        if artefact and "same_as" in fields:
            same = self._content_of(fields["same_as"], digest)
            ensure(same == (digest, size), "same_as names no artefact line of this content")
        if "stored" in fields:
            self._stored(fields["stored"], digest, size, seq)
        elif "parts" in fields:
            self._parts(fields, seq)
        else:
            self.objects[digest[0]] += ROW.pack(digest, size, seq if artefact else seq | PART)
        if artefact and not {"stored", "parts"}.isdisjoint(fields):
            self.others[seq] = digest, size
        self.bytes += size
        if artefact and _SPECIAL.isdisjoint(fields):
            self._learn(fields)

    def _content_of(self, seq: int, digest: bytes) -> tuple[bytes, int] | None:
        """Digest and size that an artefact line names, if the digest has this first byte: rows stand by seq."""
        rows = self.objects[digest[0]]
        low, high = 0, len(rows) // ROW.size
        while low < high:
            middle = (low + high) // 2
            if ROW.unpack_from(rows, middle * ROW.size)[2] & ~PART < seq:
                low = middle + 1
            else:
                high = middle
        found = ROW.unpack_from(rows, low * ROW.size) if low * ROW.size < len(rows) else (b"", 0, -1)
        return found[:2] if found[2] == seq else self.others.get(seq)

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
def hash_folder(folder: bytes) -> bytes | None:
    """Digest and size of every file of a folder of data/objects, sorted and packed (40 bytes each).

    :return: b"" if there is no folder; None if anything is not as it must be (the caller then looks closely).
    """
    if not is_folder(folder):
        return None if os.path.lexists(folder) else b""
    out, at, prefix = [], None, folder + SEP
    opening, read, close, hashing = open_at, os.read, os.close, sha256  # this loop is most of the time that a bag takes
    try:
        if BY_FOLDER:
            at, prefix = os.open(folder, OPEN), b""
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if not entry.is_file(follow_symlinks=False):
                    return None
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
                    return None
                out.append(packed + size.to_bytes(8, "big"))
    except OSError:
        return None
    finally:
        if at is not None:
            os.close(at)
    return b"".join(sorted(out)) or None


def summary(packed: bytes | None) -> bytes:
    """What a child answers of a folder: 32 bytes, zeros if it is to be looked at closely."""
    return bytes(32) if packed is None else sha256(packed).digest()


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

    def mine(self) -> Iterator[int]:
        """Numbers of folders that this process takes."""
        while number := os.read(self.work, 1):
            yield number[0]

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


def named_lines(folder: str, digests: bytes) -> Iterator[bytes]:
    """The manifest's lines of one folder of data/objects, as one text."""
    names = [digests[at : at + 32].hex() for at in range(0, len(digests), 32)]
    yield "".join([f"{name}  {folder}/{name}\n" for name in names]).encode()


TOPS = (b"data/derived", b"data/images")


class Contents:
    """Everything below data/ against what the ledger says of it; ``manifest`` is what the manifest must be."""

    def __init__(self, ledger: Ledger, report: Report, sealed: bool) -> None:
        self.ledger, self.report, self.sealed = ledger, report, sealed
        self.manifest: list[Iterable[bytes]] = []
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
        for number in helpers.mine():
            seen[number] = summary(hash_folder(self._at(b"data/objects/%02x" % number)))
            if on_progress is not None:
                on_progress("contents", len(seen), 256)
        seen.update(helpers.answers())
        for number, rows in enumerate(map(bytes, self.ledger.objects)):
            self._judge(b"data/objects/%02x" % number, rows, seen.get(number, bytes(32)))
            self.ledger.objects[number] = bytearray()
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
        """Names in a real folder, sorted; [] if there is none."""
        with self.report.judging("objects", folder):
            names = os.listdir(self._at(folder)) if is_folder(self._at(folder)) else []
            return sorted(names)
        return []

    def _compare(self, folder: bytes, said: dict[bytes, list[Any]]) -> list[tuple[bytes, bytes]]:
        """Files of a folder are exactly those said, with their bytes; returns digest and path of those found."""
        names, found, removed = self._names(folder), [], self.ledger.removed
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
        for top in TOPS:
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
            paths = [b"data/objects/%b/%b" % (part[:2].encode(), part.encode()) for part in parts]
            if all(os.path.lexists(self._at(path)) for path in paths):  # what is missing is judged as an object
                with self.report.judging("objects", seq=seq):
                    whole = sha256()
                    for block in itertools.chain.from_iterable(blocks(self._at(path)) for path in paths):
                        whole.update(block)
                    ensure(whole.hexdigest() == digest, "the parts have another digest than the whole")

    def _judge(self, folder: bytes, rows: bytes, seen: bytes) -> None:
        """Compare what the ledger says of one folder of objects with the summary of what was found there."""
        want = sorted({rows[at : at + 40] for at in range(0, len(rows), ROW.size)})
        found = b"".join([row[:32] for row in want])
        if summary(b"".join(want)) != seen:  # file by file, to name what is wrong
            said: dict[bytes, list[Any]] = {}
            for digest, size, at in ROW.iter_unpack(rows):
                entry = said.setdefault(folder + b"/" + hexlify(digest), [digest, size, at & ~PART, 0])
                entry[3] = at & ~PART
                if entry[1] != size:
                    self.report.fail("objects", "two lines give one content different sizes", at & ~PART)
            found = b"".join(digest for digest, _ in self._compare(folder, said))
        self.files += len(found) // 32
        self.manifest.append(named_lines(folder.decode(), found))


# ---------------------------------------------------------------- manifests and closed list (sections 6 and 8)
PROVIDED = {  # the files of each folder outside data/
    b"": rb"bagit\.txt|bag-info\.txt|(?:tag)?manifest-sha256\.txt|VERIFY\.txt|verify\.py|catalogue\.csv",
    b"custody/": rb"ledger\.jsonl|seal\.json(?:(?:\." + NAME + rb")?\.sig)?|" + NAME + rb"\.tsr",
    b"custody/checkpoints/": rb"[0-9]{12}\.note",
    b"custody/keys/": NAME + rb"\.pub",
    b"custody/after/": rb"(?s:.*)",  # judged as statements
}
FOLDERS = {b"data", b"custody", b"custody/checkpoints", b"custody/keys", b"custody/after"}
WORKING = {b"custody/lock", b"custody/reserve", b"tmp"}  # only while unsealed
LITTER = re.compile(
    rb"(?s:\.DS_Store|\._.*|\.Spotlight-V100|\.Trashes|\.fseventsd|\.TemporaryItems|Thumbs\.db|desktop\.ini"
    rb"|System Volume Information|\$RECYCLE\.BIN|lost\+found)"
)
UNTAGGED = re.compile(rb"(?s:tagmanifest-sha256\.txt|custody/seal\.json.*|custody/[^/]*\.tsr|custody/after/.*)")


def list_outside(root: bytes, report: Report, sealed: bool) -> list[bytes]:
    """Paths of the provided files outside data/, in order of bytes; everything else is judged."""
    out: list[bytes] = []
    for folder, known in PROVIDED.items():
        if not is_folder(join(root, folder).rstrip(SEP)):
            continue
        with report.judging("closed-list", folder), os.scandir(join(root, folder)) as entries:
            for entry in entries:
                path = folder + entry.name
                is_file, is_dir = entry.is_file(follow_symlinks=False), entry.is_dir(follow_symlinks=False)
                if LITTER.fullmatch(entry.name) and (is_file or (is_dir and not entry.name.startswith(b"._"))):
                    report.note("litter", safe(path))
                elif is_file and re.fullmatch(known, entry.name):
                    out.append(path)
                elif sealed and not (is_dir and path in FOLDERS):
                    why = "not provided for" if is_file or is_dir else "neither a regular file nor a folder"
                    report.fail("closed-list", why, path=path)
                elif not (is_dir and path in FOLDERS) and path not in WORKING:
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


# ---------------------------------------------------------------- checkpoints, seal, statements (sections 5, 7, 9)
def check_checkpoint(ledger: Ledger, report: Report, size: int) -> None:
    """The checkpoint of the tree's present size: text, signature, root."""
    path, key = b"custody/checkpoints/%012d.note" % size, ledger.checkpoint_key()
    with report.judging("checkpoints", path):
        note = Note(read_small(join(ledger.root, path), MAX_NOTE))
        for name in note.others(key):
            report.skip("other-signatures", f"{safe(path)}: signature by {name}")
        ensure(note.origin == b"sealbag/" + ledger.bag.encode() and note.size == size, "of another bag or size")
        ensure(note.signed_by(key), "its signature does not verify")
        why = f"a line between seq {ledger.sound} and {size - 1} is not as the checkpoint of size {size} has it"
        with report.judging("checkpoints", LEDGER):
            ensure(note.root == ledger.tree.root(), why)
            ledger.sound = size


SEAL = re.compile(
    rb'\{"format":"sealbag/1\.[0-9]{1,9}","bag":"[0-9a-f]{32}","case":%b,"exhibit":%b,"size":[1-9][0-9]{0,15},'
    rb'"root":"[0-9a-f]{64}","tagmanifest_sha256":"[0-9a-f]{64}","close_seq":[0-9]{1,16},"t":"%b",'
    rb'"signer":"SHA256:[A-Za-z0-9+/]{43}"\}\n' % (ESCAPED, ESCAPED, TIME.encode())
)


def check_seal(ledger: Ledger, report: Report, data: bytes, tags: str) -> None:
    """seal.json says what the ledger, the tree and the tag manifest say."""
    with report.judging("seal", SEAL_FILE):
        ensure(SEAL.fullmatch(data), "not the keys of a seal in their order, in one line")
        seal, size, last = parse_line(data[:-1]), ledger.tree.size, ledger.last_kind
        with report.judging("tagmanifest", b"tagmanifest-sha256.txt"):
            ensure(seal["tagmanifest_sha256"] == tags, "not the one that was sealed")
        with report.judging("tree", LEDGER):
            why = f"not the lines that were sealed: {size} lines of {seal['size']}, sound up to {ledger.sound}"
            ensure(seal["size"] == size and seal["root"] == ledger.tree.root().hex(), why)
        report.done |= {"seal", "tree"}
        for name in ("format", "bag", "case", "exhibit"):
            ensure(seal[name] == ledger.opening[name], f"{name} is not that of the open line")
        ensure(seal["signer"] == fingerprint(ledger.signer_key), "signer is not the one whom the ledger names")
        closed = last == "close" and seal["close_seq"] == seal["size"] - 1
        ensure(closed, "the last line is no close line, or close_seq does not name it")


STATEMENT = re.compile(
    rb"custody/after/([0-9]{8}T[0-9]{6}Z)-"
    rb"(offer|accept|refuse|note|correct|hold|release|retain|revoke|destroy|supplement)-([0-9a-f]{8})\.json"
)


def read_statement(ledger: Ledger, path: bytes, paths: set[bytes], seal_digest: str) -> bytes:
    """The key of whoever signed one statement; :raises ValueError: if anything is not as section 9 says."""
    match = STATEMENT.fullmatch(path)
    if match is None or path + b".sig" not in paths:
        raise ValueError("no pair of a statement and its signature")
    data = read_small(join(ledger.root, path), MAX_LINE + 1)
    ensure(
        data.endswith(b"\n") and sha256(data).hexdigest()[:8] == match[3].decode(),
        "no LF, or not its digest in its name",
    )
    fields = parse_line(data[:-1])
    need(fields, {"signer_key": is_key, "t": is_time, "follows": _array(is_digest)})
    key, t = unbase64(fields["signer_key"]), re.sub("[-:]|[.][0-9]{9}", "", fields["t"])
    said = [fields.get(name) for name in ("format", "bag", "seal_sha256", "kind", "signer")]
    want = ["sealbag-statement/1.0", ledger.bag, seal_digest, match[2].decode(), fingerprint(key)]
    ensure(said == want and t == match[1].decode(), "not of this format, bag, seal, name and signer")
    signature = read_small(join(ledger.root, path + b".sig"), MAX_SIGNATURE)
    ensure(sshsig_holds(signature, key, b"sealbag-after-v1", data), "its signature does not verify")
    return key


# ---------------------------------------------------------------- anchors (section 10)
def read_anchor(path: Any, limit: int) -> bytes:
    """The bytes of a file that whoever verifies has chosen: links are theirs."""
    with open(path, "rb") as file:
        data = file.read(limit + 1)
    ensure(len(data) <= limit, f"longer than {limit} bytes")
    return data


def match_patterns(patterns: str, name: str) -> bool:
    """PATTERNS of ssh_config(5): comma-separated, * and ?, a match after ! refuses."""
    wanted = [(one, re.escape(one.lstrip("!")).replace(r"\*", ".*").replace(r"\?", ".")) for one in patterns.split(",")]
    found = [not one.startswith("!") for one, pattern in wanted if re.fullmatch(pattern, name)]
    return bool(found) and all(found)


# principals, options (anything that is no key type), key type, key, comment
SIGNER_LINE = re.compile(
    r"\s*(\"[^\"]*\"|[^\s\"]+)\s+(?:((?!ssh-|sk-|ecdsa-)\S(?:[^\s\"]|\"[^\"]*\")*)\s+)?(\S+)\s+(\S+)(?:\s.*)?"
)


def read_allowed_signers(text: str) -> list[tuple[str, str | None, bytes]]:
    """Principals, namespaces and Ed25519 key of each line (ssh-keygen(1), ALLOWED SIGNERS); :raises ValueError:"""
    out = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = SIGNER_LINE.fullmatch(line) if len(line) <= 8192 else None
        if match is None:
            raise ValueError(f"line {number} is no line of an allowed_signers file")
        option = re.fullmatch(r'(?i:namespaces)="([^"]+)"', match[2]) if match[2] else None
        ensure(option or not match[2], f"line {number}: only the option namespaces is known")
        wire = unbase64(match[4])
        ensure(
            match[3] == "ssh-ed25519" and wire == _ssh(b"ssh-ed25519", wire[-32:]), f"line {number}: not an Ed25519 key"
        )
        out.append((match[1].strip('"'), option[1] if option else None, wire[-32:]))
    ensure(out, "no signer in the file")
    return out


# ---------------------------------------------------------------- the whole
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
    times: Callable[[bytes, Sequence[tuple[str, bytes, str]]], Sequence[tuple[str, str, str]]] | None = None,
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
    ensure(jobs is None or jobs >= 1, "the number of processes is 1 or more")
    if not (witness is origin is revoked is krl is times is None):
        raise AnchorError("this anchor is not known to the verifier yet")
    ensure(signer is None or re.fullmatch("SHA256:[A-Za-z0-9+/]{43}", signer), "a signer is SHA256: and 43 characters")
    ensure(seal is None or re.fullmatch("[0-9a-fA-F]{64}", seal), "a seal digest is 64 hex digits")
    anchors: dict[str, Any] = {"signer": signer, "seal": seal and seal.lower()}
    try:
        anchors["trust"] = trust and read_allowed_signers(read_anchor(trust, MAX_LINE).decode())
        anchors["checkpoint"] = checkpoint and Note(read_anchor(checkpoint, MAX_NOTE))
    except (OSError, ValueError) as error:
        raise AnchorError(f"{trust or ''} {checkpoint or ''}: {error}") from error
    root = root_of(bag)
    if not os.path.lexists(join(root, LEDGER)):
        raise NotABag(f"{safe(os.fsencode(bag))} holds no custody/ledger.jsonl")
    try:
        return _Verification(root, anchors, on_progress).run(jobs)
    except ValueError as error:  # what the bag holds is judged, so this is no fault of the caller's
        raise RuntimeError(f"defect of the verifier: {error}") from error


class _Verification:
    """One run of :func:`verify`."""

    def __init__(self, root: bytes, anchors: dict[str, Any], on_progress: Progress | None) -> None:
        self.root, self.anchors, self.on_progress, self.report = root, anchors, on_progress, Report()
        self.ledger = Ledger(root, self.report)
        self.seal_digest, self.files = "", 0
        self.held: list[str] = []
        self.note_holds, self.note_signer = False, b""  # of the checkpoint that was given
        self.sealed = all(os.path.lexists(join(root, name)) for name in (SEAL_FILE, SEAL_SIG))

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
            report.skip(name, ledger.future or "the ledger could not be read to its end")
        return self.verdict()

    def _read_ledger(self) -> None:
        """The lines, the checkpoints in the bag, and the one that was given."""
        ledger, report, note = self.ledger, self.report, self.anchors["checkpoint"]
        own: set[int] = set()

        def on_mark(size: int) -> None:
            if size in own:
                check_checkpoint(ledger, report, size)
            if note and size == note.size and note.origin == b"sealbag/" + ledger.bag.encode():
                self.note_holds = note.root == ledger.tree.root() and note.signed_by(ledger.checkpoint_key())
                self.note_signer = ledger.signer_key

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
                path = b"custody/checkpoints/%012d.note" % size
                report.fail("checkpoints", f"of {size} lines, but the ledger has {lines}: cut off", path=path)
            if self.sealed and lines not in own:
                report.fail("checkpoints", "none covers the last line", path=b"custody/checkpoints")
        if ledger.torn and self.sealed:
            report.fail("ledger", "bytes after the last LF", path=LEDGER)
        elif ledger.torn:
            report.note("ledger", f"torn tail of {ledger.torn} bytes, not part of the ledger")

    def _check_rest(self, helpers: Helpers) -> None:
        """Contents and names; of a sealed bag manifests, seal and statements; anchors."""
        report, ledger = self.report, self.ledger
        contents = Contents(ledger, report, self.sealed)
        contents.check(helpers, self.on_progress)
        self.files = contents.files
        paths = list_outside(self.root, report, self.sealed)
        for path in paths:
            if path.endswith(b".tsr"):
                report.skip("time-tokens", safe(path))
            elif path.startswith(SEAL_FILE + b".") and path != SEAL_SIG:
                report.skip("other-signatures", safe(path))
        report.done.add("layout")
        if self.sealed:
            self._check_sealed(contents, paths)
        else:
            why = (
                "the bag is not sealed"
                if not os.path.lexists(join(self.root, SEAL_FILE))
                else "a seal without signature"
            )
            report.mark("INCOMPLETE", "seal", why, path=SEAL_FILE)
            report.note("tree", f"root of {ledger.tree.size} lines: {ledger.tree.root().hex()}")
            for name in ("tree", "manifest", "tagmanifest", "seal", "signature", "closed-list", "statements"):
                report.skip(name, why)
            with contextlib.suppress(OSError, ValueError):  # an anchor may be the seal whose signature is gone
                self.seal_digest = sha256(read_small(join(self.root, SEAL_FILE), MAX_LINE + 1)).hexdigest()
        self._check_anchors()

    def _check_sealed(self, contents: Contents, paths: list[bytes]) -> None:
        """Layout, manifests, seal, signature, statements."""
        root, report, ledger = self.root, self.report, self.ledger
        with report.judging("layout", b"data"):
            ensure(is_folder(join(root, b"data")), "missing, or not a folder")
        with report.judging("layout", b"bagit.txt"):
            declaration = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
            ensure(read_small(join(root, b"bagit.txt"), MAX_NOTE) == declaration, "not as section 6 has it")
        payload = itertools.chain.from_iterable(contents.manifest)
        compare_manifest(report, "manifest", root, b"manifest-sha256.txt", payload)
        tagged = [path for path in paths if UNTAGGED.fullmatch(path) is None]
        digests = {LEDGER: ledger.digest.digest()}
        for path in tagged:
            with report.judging("tagmanifest", path):
                digests[path] = digests.get(path) or hash_file(join(root, path))[0]
        expected = b"".join(b"%b  %b\n" % (hexlify(digests.get(path, b"")), path) for path in tagged)
        tags = compare_manifest(report, "tagmanifest", root, b"tagmanifest-sha256.txt", [expected])
        seal = b""
        with report.judging("seal", SEAL_FILE):
            seal = read_small(join(root, SEAL_FILE), MAX_LINE + 1)
            self.seal_digest = sha256(seal).hexdigest()
            check_seal(ledger, report, seal, tags)
        with report.judging("signature", SEAL_SIG):
            signature = read_small(join(root, SEAL_SIG), MAX_SIGNATURE)
            ensure(sshsig_holds(signature, ledger.signer_key, b"sealbag-seal-v1", seal), "does not verify")
            report.done.add("signature")
        after = {path for path in paths if path.startswith(b"custody/after/")}
        for path in sorted(path for path in after if not (path.endswith(b".sig") and path[:-4] in after)):
            with report.judging("statements", path):
                key = read_statement(ledger, path, after, self.seal_digest)
                vouched = self.anchors["signer"] == fingerprint(key) or self._people(key, "sealbag-after-v1")
                word = "vouched for" if vouched else "nobody vouches for the signer, so it changes nothing"
                report.note("statements", f"{safe(path[14:])} by {fingerprint(key)}: {word}")
            report.done.add("statements")
        report.note("statements", f"{len(after) // 2} in the bag")

    def _people(self, key: bytes, namespace: str) -> list[str]:
        """The principals for whom the allowed_signers file has this key and namespace."""
        lines = [(who, spaces) for who, spaces, own in self.anchors["trust"] or () if own == key]
        return [who for who, spaces in lines if spaces is None or match_patterns(spaces, namespace)]

    def _check_anchors(self) -> None:
        """All that were given must hold, and together vouch for the seal."""
        anchors, report, key, note = self.anchors, self.report, self.ledger.signer_key, self.anchors["checkpoint"]
        people = self._people(key, "sealbag-seal-v1") if self.sealed else []
        for name, holds, verdict in (
            ("signer", self.sealed and anchors["signer"] == fingerprint(key), "UNTRUSTED"),
            ("trust", bool(people), "UNTRUSTED"),
            ("seal", anchors["seal"] == self.seal_digest, "INVALID"),
            ("checkpoint", self.note_holds, "INVALID"),
        ):
            if anchors[name] is not None:
                report.done.add("anchor")
                if holds:
                    self.held.append(name)
                else:
                    report.fail("anchor", f"the {name} that was given does not hold", verdict=verdict)
        if "anchor" not in report.done:
            report.skip("anchor", "none was given")
            report.mark("UNTRUSTED", "anchor", "internally consistent, but nobody vouches for the signer")
        for person in people:
            report.note("anchor", f"the key stands in the trust file for {safe(person)}")
        if note and self.note_holds:
            report.note("anchor", f"the checkpoint vouches for seq 0 to {note.size - 1}")
            if note.size < self.ledger.tree.size:
                report.note("anchor", f"the signer alone vouches for seq {note.size} and later")
            if self.held == ["checkpoint"] and self.note_signer != key:
                why = "the seal is not by the signer whom the checkpoint's lines name"
                report.fail("anchor", why, verdict="UNTRUSTED")

    def verdict(self) -> Verdict:
        """Put together what was found."""
        report, ledger = self.report, self.ledger
        checks = tuple(report.check(name) for name in CHECKS)
        undone = [check.name for check in checks if check.result == "not-checked"]
        holding = tuple(name for name in RANK if name in report.holds) or ("VALID",)
        if holding == ("VALID",) and not (self.sealed and set(undone).isdisjoint(MANDATORY)):
            raise RuntimeError("a check was not done and nothing says why")
        code, root = holding[0], ledger.tree.root().hex()
        first = report.holds[code][1] if code in report.holds else None
        seal, signer = (
            self.seal_digest if self.sealed else "",
            fingerprint(ledger.signer_key) if ledger.signer_key else "",
        )
        facts = {
            "anchor": self.held, "bag": ledger.bag, "checks": [[check.name, check.result] for check in checks],
            "first": first and {"path": first.path, "seq": first.seq}, "lines": ledger.tree.size, "not_checked": undone,
            "root": root, "schema": "sealbag/verdict/1", "seal_sha256": seal, "verdict": code,
        }  # fmt: skip
        digest = sha256(json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
        not_checked = tuple(f"{name}: {why}" for name in CHECKS for why in report.undone.get(name, ()))
        notes = tuple(f"{name}: {text}" for name in CHECKS for text in report.noted.get(name, ()))
        return Verdict(
            code, EXITS[code], first, checks, not_checked, tuple(self.held), digest, ledger.bag, ledger.tree.size,
            self.files, ledger.bytes, signer, seal, root, notes, holding,
        )  # fmt: skip


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


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    if len(argv) == 2 and argv[0] == "--child":
        while number := os.read(0, 1):  # a child: see Helpers
            folder = join(os.fsencode(argv[1]), b"data/objects/" + hexlify(number))
            os.write(1, number + summary(hash_folder(folder)))
        return 0
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
