"""Statements after the seal: made, signed, written, read (docs/format.md §9).

Each is one line of JSON and, beside it, its SSHSIG in the namespace ``sealbag-after-v1``. They
are a set: copies of a bag are merged by taking the sound pairs of all.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forensics.custody import ed25519_openssh as openssh
from forensics.custody.adding import ROOM, Adding, set_aside
from forensics.custody.identity import signer_fields
from forensics.custody.keys import SigningKey
from forensics.custody.kinds import KINDS, check_fields, is_time, public_key
from forensics.custody.lines import MAX_LINE, now
from forensics.custody.oneline import make_one_line, parse_one_line, read_bounded
from forensics.custody.publickey import PublicKey
from forensics.custody.sealed import SealFacts, read_seal
from forensics.custody.sshsig import MAX_ARMOURED, sign, verify
from forensics.errors import InputError, SealbagError, UsageError

FORMAT = "sealbag-statement/1.0"
NAMESPACE = "sealbag-after-v1"
#: statements that are read of one bag; more are stated as not read
MAX_STATEMENTS = 10_000
_NAME = re.compile(r"(\d{8}T\d{6}Z)-([a-z]{1,16})-([0-9a-f]{8})\.json", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Statement:
    """One sound statement: its form holds and its signature verifies; that vouches for nobody.

    :param sha256: of the .json file.
    :param fields: what it says, all of it.
    :param public: the key that signed it.
    """

    sha256: str
    name: str
    kind: str
    t: str
    fields: Mapping[str, Any]
    public: PublicKey
    data: bytes
    signature: bytes

    @property
    def signer(self) -> str:
        """Fingerprint of the key that signed it."""
        return self.public.fingerprint

    @property
    def follows(self) -> tuple[str, ...]:
        """Digests of the statements that nothing followed yet where this one was made."""
        return tuple(self.fields["follows"])

    def files(self) -> dict[str, bytes]:
        """The pair, by name."""
        return {self.name: self.data, f"{self.name}.sig": self.signature}

    def text(self, name: str) -> str:
        """A field that is text, "" if it is none."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class Held:
    """What ``custody/after`` holds.

    :param statements: the sound ones, each after those that it follows.
    :param problems: (name, why) of whatever is none; ``sealbag verify`` judges them.
    """

    seal: SealFacts
    statements: tuple[Statement, ...]
    problems: tuple[tuple[str, str], ...] = ()

    def heads(self) -> list[str]:
        """Digests of the statements that nothing follows yet, sorted."""
        followed = {digest for one in self.statements for digest in one.follows}
        return sorted(one.sha256 for one in self.statements if one.sha256 not in followed)

    def find(self, digest: str, *kinds: str) -> Statement:
        """The one statement whose digest begins with these hex digits.

        :param digest: at least eight hex digits, also as in a file's name.
        :param kinds: only these; any if none is given.
        :raises UsageError: if there is none, or more than one.
        """
        start = digest.lower()
        if not re.fullmatch(r"[0-9a-f]{8,64}", start):
            raise UsageError("a statement is named by 8 to 64 hex digits of its digest", where=digest[:80])
        found = [one for one in self.statements if one.sha256.startswith(start) and (not kinds or one.kind in kinds)]
        if len(found) != 1:
            some = ", ".join(f"{one.kind} {one.sha256[:8]}" for one in self.statements if one.kind in kinds) or "none"
            what, much = " or ".join(kinds) or "statement", "more than one" if found else "no"
            raise UsageError(f"{much} {what} of this digest", where=start, hint=f"There is: {some}.")
        return found[0]


def make_statement(
    seal: SealFacts, kind: str, fields: Mapping[str, Any], key: SigningKey, follows: Iterable[str]
) -> Statement:
    """Make and sign one statement; nothing is written.

    :param fields: those of the kind (docs/format.md §9); missing texts are "".
    :raises UsageError: if a field is not what it must be, or all of it is longer than a line.
    """
    said = {name: fields.get(name, "") for name, what in KINDS[kind].items() if what == "text" and _stands(kind, name)}
    said |= {name: value for name, value in fields.items() if value is not None}
    t = now()
    line = {
        "format": FORMAT, "bag": seal.bag, "seal_sha256": seal.sha256, "kind": kind, "t": t,
        "follows": sorted(follows), **signer_fields(key), **said,
    }  # fmt: skip
    try:
        check_fields(kind, line)
        data = make_one_line(line)
    except ValueError as error:
        raise UsageError(f"no {kind} can be made of this: {error}") from error
    digest = hashlib.sha256(data).hexdigest()
    name = f"{short_time(t)}-{kind}-{digest[:8]}.json"
    return Statement(digest, name, kind, t, line, key.public, data, sign(key, data, NAMESPACE))


def _stands(kind: str, name: str) -> bool:
    return name not in ("recipient_application", "despite") and (kind, name) != ("refuse", "verdict")


def add_statement(room: Adding, held: Held, kind: str, fields: Mapping[str, Any], key: SigningKey) -> Statement:
    """Make, sign and write a statement that follows all that the bag holds.

    :raises UsageError, StorageError: nothing was added.
    """
    made = make_statement(held.seal, kind, fields, key, held.heads())
    room.pairs(made.files())
    return made


def short_time(t: str) -> str:
    """``2026-11-24T13:06:37.123456789Z`` -> ``20261124T130637Z``."""
    return re.sub(r"[-:]|\.\d{9}", "", t)


def read_statements(bag: str | os.PathLike[str]) -> Held:
    """Read the statements of a sealed bag; each signature is verified by the key that it names.

    Whether anybody vouches for that key is another question: see :mod:`forensics.custody.chain`.

    :raises NotABag, InputError: if it is no sealed bag.
    """
    path = Path(bag)
    seal = read_seal(path)
    names, problems = _names(path / "custody" / "after")
    if set_aside(path):
        problems.append((ROOM, "an interrupted writer set the statements aside; the next writer restores them"))
    found: list[Statement] = []
    for name in sorted(name for name in names if name.endswith(".json"))[:MAX_STATEMENTS]:
        try:
            found.append(read_pair(path / "custody" / "after", name, seal))
        except (SealbagError, ValueError, OSError) as error:
            problems.append((name, str(error)[:300]))
    paired = {f"{name}.sig" for name in names if name.endswith(".json")}
    problems += [(name, "no part of a pair") for name in sorted(names - paired) if not name.endswith(".json")]
    if len(paired) > MAX_STATEMENTS:
        problems.append(("", f"{len(paired) - MAX_STATEMENTS} more were not read"))
    return Held(seal, tuple(in_order(found)), tuple(problems))


def _names(folder: Path) -> tuple[set[str], list[tuple[str, str]]]:
    if not folder.is_dir() or folder.is_symlink():
        return set(), [("custody/after", "not a folder")] if os.path.lexists(folder) else []
    names = {entry.name for entry in folder.iterdir()}
    litter = {name for name in names if name.startswith("._") or name in (".DS_Store", "Thumbs.db", "desktop.ini")}
    return names - litter, []


def read_pair(folder: Path, name: str, seal: SealFacts) -> Statement:
    """Read and verify one pair.

    :raises ValueError, InputError, OSError: if it is not as docs/format.md §9 says.
    """
    data = read_bounded(folder / name, MAX_LINE + 1)
    signature = read_bounded(folder / f"{name}.sig", MAX_ARMOURED)
    return parse_statement(name, data, signature, seal)


def parse_statement(name: str, data: bytes, signature: bytes, seal: SealFacts) -> Statement:
    """Check one statement's form, name, bag and signature.

    :raises ValueError, InputError: if it is not as docs/format.md §9 says.
    """
    match, digest = _NAME.fullmatch(name), hashlib.sha256(data).hexdigest()
    if match is None or match[3] != digest[:8]:
        raise ValueError("the name is none of a statement, or not of these bytes")
    fields = parse_one_line(data)
    kind, t, follows = fields.get("kind"), fields.get("t"), fields.get("follows")
    if fields.get("format") != FORMAT or kind != match[2] or kind not in KINDS:
        raise ValueError("no statement of this format and kind")
    if not is_time(t) or short_time(str(t)) != match[1]:
        raise ValueError("t is no time, or not that of the name")
    if not isinstance(follows, list) or not all(isinstance(one, str) and _DIGEST.fullmatch(one) for one in follows):
        raise ValueError("follows is no array of digests")
    if (fields.get("bag"), fields.get("seal_sha256")) != (seal.bag, seal.sha256):
        raise ValueError("it is about another bag or another seal")
    public = public_key(openssh.decode_base64(str(fields.get("signer_key"))), fields.get("signer_application"))
    if public.fingerprint != fields.get("signer"):
        raise ValueError("signer is not the fingerprint of signer_key")
    check_fields(kind, fields)
    if not verify(signature, data, NAMESPACE, public.raw, public.application):
        raise InputError("its signature does not verify")
    return Statement(digest, name, kind, str(t), fields, public, data, signature)


def in_order(statements: Iterable[Statement]) -> list[Statement]:
    """Each after those that it follows; otherwise by time as stated, then by digest."""
    waiting = {one.sha256: one for one in statements}
    unmet = {digest: {before for before in one.follows if before in waiting} for digest, one in waiting.items()}
    followers: dict[str, list[str]] = {}
    for digest, befores in unmet.items():
        for before in befores:
            followers.setdefault(before, []).append(digest)
    import heapq

    ready = [(waiting[digest].t, digest) for digest, befores in unmet.items() if not befores]
    heapq.heapify(ready)
    out: list[Statement] = []
    while ready:
        _, digest = heapq.heappop(ready)
        out.append(waiting[digest])
        for follower in followers.get(digest, ()):
            unmet[follower].discard(digest)
            if not unmet[follower]:
                heapq.heappush(ready, (waiting[follower].t, follower))
    return out


def as_json(statement: Statement) -> dict[str, Any]:
    """A statement as ``--json`` prints it: its digest, name and fields."""
    return {"sha256": statement.sha256, "file": f"custody/after/{statement.name}", **json.loads(statement.data)}
