"""A small writer of sealed bags, made from docs/format.md alone.

It shares no code with forensics/custody or the verifier: the tests of the
verifier stand on bags that neither of them wrote.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

T = "2026-11-24T13:06:37.123456789Z"
CHECKPOINTS = "custody/checkpoints"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def string(data: bytes) -> bytes:
    """An SSH string: RFC 4251 section 5."""
    return struct.pack(">I", len(data)) + data


def tree(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962 section 2.1, by its recursive definition."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\1" + tree(leaves[:k]) + tree(leaves[k:])).digest()


class Signer:
    """An Ed25519 key made from a word, so that bags are the same on every run."""

    def __init__(self, word: str) -> None:
        self.private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(word.encode()).digest())
        self.public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.wire = string(b"ssh-ed25519") + string(self.public)
        self.fingerprint = "SHA256:" + b64(hashlib.sha256(self.wire).digest()).rstrip("=")

    def allowed(self, principal: str = "anna", options: str = "") -> str:
        """A line of an allowed_signers file."""
        return f"{principal} {options + ' ' if options else ''}ssh-ed25519 {b64(self.wire)}\n"

    def sshsig(self, message: bytes, namespace: str = "sealbag-seal-v1") -> bytes:
        middle = string(namespace.encode()) + string(b"") + string(b"sha512")
        signature = self.private.sign(b"SSHSIG" + middle + string(hashlib.sha512(message).digest()))
        blob = b"SSHSIG" + struct.pack(">I", 1) + string(self.wire) + middle
        blob += string(string(b"ssh-ed25519") + string(signature))
        text = b64(blob)
        body = "".join(text[i : i + 70] + "\n" for i in range(0, len(text), 70))
        return f"-----BEGIN SSH SIGNATURE-----\n{body}-----END SSH SIGNATURE-----\n".encode()

    def note(self, bag: str, size: int, root: bytes) -> bytes:
        name = f"sealbag/{bag}"
        text = f"{name}\n{size}\n{b64(root)}\n".encode()
        key_hash = hashlib.sha256(name.encode() + b"\n\x01" + self.public).digest()[:4]
        return text + f"\n— {name} {b64(key_hash + self.private.sign(text))}\n".encode()


RUN, EXAMINER, OTHER = Signer("run"), Signer("examiner"), Signer("other")


class Bag:
    """A bag being written; each method appends, :meth:`seal` ends it."""

    def __init__(self, root: Path, *, run: Signer = RUN, signer: Signer = EXAMINER, **fields: Any) -> None:
        self.root, self.run, self.signer = root, run, signer
        self.lines: list[bytes] = []
        self.files: dict[str, str] = {}  # below data/: path -> digest
        self.id = sha(b"bag")[:32]
        for name in ("data/objects", CHECKPOINTS):
            (root / name).mkdir(parents=True)
        opening: dict[str, Any] = {
            "format": "sealbag/1.0", "bag": self.id, "case": "7", "exhibit": "HD1", "examiner": "A. J\u00f6nes",
            "actors": ["anna", "sealbag"], "tool": "builder", "version": "1", "host": "h", "boot": "b",
            "zone": "+01:00", "profile": "full", "profile_sha256": sha(b""),
        }  # fmt: skip
        self.line("open", **{**opening, **self.keys(), **fields})

    def keys(self) -> dict[str, str]:
        return {
            "run_key": b64(self.run.public),
            "signer": self.signer.fingerprint,
            "signer_key": b64(self.signer.public),
        }

    def line(self, kind: str, **fields: Any) -> int:
        seq = len(self.lines)
        common = {"seq": seq, "kind": kind, "actor": 0, "t": T, "mono": seq * 3, "salt": sha(b"%d" % seq)[:32]}
        self.raw(json.dumps({**common, **fields}, separators=(",", ":")).encode())
        return seq

    def raw(self, line: bytes) -> None:
        self.lines.append(line)

    def put(self, path: str, data: bytes) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        if path.startswith("data/"):
            self.files[path] = sha(data)

    def store(self, data: bytes) -> str:
        name = sha(data)
        self.put(f"data/objects/{name[:2]}/{name}", data)
        return name

    def artefact(self, data: bytes, **fields: Any) -> int:
        """Store *data* and write its line."""
        name = self.store(data)
        base = {
            "source": "s0", "volume": "v0", "path": f"/srv/file-{len(self.lines)}", "address": "12",
            "outcome": "complete", "sha256": name, "size": len(data), "m": T, "a": T, "c": T, "owner": "0:0",
            "mode": 33188, "method": "read", "why": ["full:all"],
        }  # fmt: skip
        return self.line("artefact", **{**base, **fields})

    def flush(self) -> None:
        self.put("custody/ledger.jsonl", b"".join(line + b"\n" for line in self.lines))

    def checkpoint(self, size: int | None = None, *, by: Signer | None = None) -> bytes:
        size = len(self.lines) if size is None else size
        note = (by or self.run).note(self.id, size, tree(self.lines[:size]))
        self.put(f"{CHECKPOINTS}/{size:012d}.note", note)
        return note

    def close(self, state: str = "complete") -> int:
        return self.line("close", state=state, complete=1, bytes=1)

    def rotate(self, new: Signer) -> None:
        """A `key` line; the old key signs the checkpoint that covers it."""
        seal = {} if self.signer is not self.run else {"signer": new.fingerprint, "signer_key": b64(new.public)}
        self.line("key", run_key=b64(new.public), **seal)
        self.signer = new if seal else self.signer
        self.checkpoint()
        self.run = new

    def manifests(self) -> None:
        root = self.root
        self.put("bagit.txt", b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
        self.put("bag-info.txt", b"Bagging-Date: 2026-11-24\n")
        self.put("VERIFY.txt", b"python3 -I verify.py -- BAG\n")
        self.put("custody/keys/seal.pub", self.signer.allowed().encode())
        lines = sorted((path.encode(), digest.encode()) for path, digest in self.files.items())
        self.put("manifest-sha256.txt", b"".join(digest + b"  " + path + b"\n" for path, digest in lines))
        self.tagmanifest(root)

    def tagmanifest(self, root: Path) -> None:
        skip = ("data/", "tagmanifest-sha256.txt", "custody/seal.json", "custody/after/")
        names = sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())
        tags = [n for n in names if not n.startswith(skip) and not n.endswith(".tsr")]
        body = "".join(f"{sha((root / name).read_bytes())}  {name}\n" for name in tags)
        self.put("tagmanifest-sha256.txt", body.encode())

    def seal(self, *, by: Signer | None = None, **fields: Any) -> str:
        """Manifest, tag manifest, seal and signature; returns the seal digest."""
        self.flush()
        self.manifests()
        opening = json.loads(self.lines[0])
        seal: dict[str, Any] = {
            "format": opening["format"], "bag": self.id, "case": opening["case"], "exhibit": opening["exhibit"],
            "size": len(self.lines), "root": tree(self.lines).hex(),
            "tagmanifest_sha256": sha((self.root / "tagmanifest-sha256.txt").read_bytes()),
            "close_seq": len(self.lines) - 1, "t": T, "signer": self.signer.fingerprint,
        }  # fmt: skip
        data = json.dumps({**seal, **fields}, separators=(",", ":")).encode() + b"\n"
        self.put("custody/seal.json", data)
        self.put("custody/seal.json.sig", (by or self.signer).sshsig(data))
        return sha(data)

    def finish(self) -> str:
        """close, last checkpoint, seal."""
        self.close()
        self.checkpoint()
        return self.seal()

    def statement(self, seal: str, word: str = "note", *, by: Signer = EXAMINER, **fields: Any) -> str:
        """Write a pair to custody/after; returns the name of the .json."""
        body: dict[str, Any] = {
            "format": "sealbag-statement/1.0", "bag": self.id, "seal_sha256": seal, "kind": word, "t": T,
            "follows": [], "signer": by.fingerprint, "signer_key": b64(by.public), "text": "seen",
        }  # fmt: skip
        data = json.dumps({**body, **fields}, separators=(",", ":")).encode() + b"\n"
        name = f"custody/after/20261124T130637Z-{word}-{sha(data)[:8]}.json"
        self.put(name, data)
        self.put(name + ".sig", by.sshsig(data, "sealbag-after-v1"))
        return name


def small(root: Path) -> tuple[Bag, str]:
    """The bag that most tests use: every way of storing, rotation, resume, statement, token."""
    bag = Bag(root)
    bag.line("destination", fs="ext4", largest_file=None, sparse=True, fsync=True, lock=True, rename=True, free=1)
    bag.line("source", source="s0", uri="/srv", source_kind="directory")
    first = bag.artefact(b"hello\n", path="/srv/caf\u00e9\\u{A}", md5=hashlib.md5(b"hello\n").hexdigest())
    bag.artefact(b"hello\n", path="/srv/again", same_as=first)
    bag.artefact(b"", path="/srv/empty")
    bag.checkpoint()
    parts = [b"part one", b"part two!"]
    bag.line(
        "artefact", path="/srv/big", outcome="complete", sha256=sha(b"".join(parts)), size=17,
        parts=[bag.store(part) for part in parts], part_sizes=[8, 9],
    )  # fmt: skip
    bag.line("artefact", path="/run/fifo", type="fifo", outcome="not-regular")
    bag.rotate(Signer("second run"))
    bag.put("data/images/hd1/disk.raw", b"image" * 50)
    bag.line(
        "artefact", path="disk", outcome="complete", sha256=sha(b"image" * 50), size=250,
        stored="data/images/hd1/disk.raw",
    )  # fmt: skip
    derived = f"data/derived/evtx/{sha(b'events')}.jsonl.zst"
    bag.put(derived, b"events")
    bag.line("result", stored=derived, sha256=sha(b"events"), size=6, parser="evtx", content=sha(b"x"), status="ok")
    bag.artefact(b"sparse", extents=[0, 2, 4096, 4], logical_size=8192)
    gone = sha(b"gone")
    bag.line("artefact", path="/srv/gone", outcome="complete", sha256=gone, size=4)
    bag.line("rule", rule="full:all", state="matched", complete=6)
    bag.line("correct", corrects=len(bag.lines) - 2, text="", flags=["removed-after-store"], sha256=gone)
    bag.close("interrupted")
    bag.run = Signer("third run")
    bag.line("resume", **bag.keys(), host="h", boot="b2", tool="builder", version="1", cut=0)
    bag.line("from-the-future", whatever=[1, 2])
    bag.put("custody/keys/run.pub", b"x\n")
    digest = bag.finish()
    bag.statement(digest)
    bag.put("custody/one.tsr", b"token")
    bag.put("custody/seal.json.mldsa44.sig", b"later")
    return bag, digest
