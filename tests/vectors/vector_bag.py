"""A writer of bags in memory, from docs/format.md alone: path in the bag -> bytes, link, FIFO or folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vector_words import (
    AFTER,
    EXAMINER,
    OTHER,
    RUN,
    SEAL,
    TICKET,
    Signer,
    T,
    audit_path,
    b64,
    one_line,
    proof,
    sha,
    tree,
    when,
)  # fmt: skip

__all__ = ["Bag", "Link", "Special", "audit_path", "citation", "small", "subset"]


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    target: str


@dataclass(frozen=True)
class Special:
    """What is no plain file: ``fifo``, ``folder``, or ``unreadable`` with its bytes."""

    kind: str
    data: bytes = b""


Member = bytes | Link | Special


class Bag:
    """A bag being written; each method appends, :meth:`finish` seals it."""

    def __init__(self, word: str = "bag", *, run: Signer = RUN, signer: Signer = EXAMINER, **fields: Any) -> None:
        self.run, self.signer = run, signer
        self.id, self.lines = sha(word.encode())[:32], list[bytes]()
        self.files: dict[str, Member] = {}
        opening: dict[str, Any] = {
            "format": "sealbag/1.0", "bag": self.id, "case": "7", "exhibit": "HD1", "examiner": "A. J\u00f6nes",
            "actors": ["anna", "sealbag"], "tool": "vectors", "version": "1", "host": "web1", "boot": "b",
            "zone": "+01:00", "profile": "full", "profile_sha256": sha(b""),
        }  # fmt: skip
        self.opening = {**opening, "run_key": b64(run.public), **signer.fields, **fields}
        self.line("open", **self.opening)

    # ------------------------------------------------------------ lines
    def line(self, kind: str, **fields: Any) -> int:
        seq = len(self.lines)
        salt = sha(f"{self.id} {seq}".encode())[:32]
        common = {"seq": seq, "kind": kind, "actor": 0, "t": T, "mono": seq * 3, "salt": salt}
        self.lines.append(one_line({**common, **fields}))
        return seq

    def store(self, data: bytes) -> str:
        name = sha(data)
        self.files[f"data/objects/{name[:2]}/{name}"] = data
        return name

    def artefact(self, data: bytes, **fields: Any) -> int:
        """Store *data* and write its line."""
        base = {
            "source": "s0", "volume": "v0", "path": f"/srv/file-{len(self.lines)}", "outcome": "complete",
            "sha256": self.store(data), "size": len(data), "m": T, "method": "read", "why": ["full:all"],
        }  # fmt: skip
        return self.line("artefact", **{**base, **fields})

    def source(self) -> int:
        return self.line("source", source="s0", uri="/srv", source_kind="directory")

    def close(self, state: str = "complete", **fields: Any) -> int:
        return self.line("close", state=state, complete=1, bytes=1, **fields)

    def checkpoint(self, size: int | None = None, *, by: Signer | None = None) -> bytes:
        size = len(self.lines) if size is None else size
        note = (by or self.run).note(self.id, size, tree(self.lines[:size]))
        self.files[f"custody/checkpoints/{size:012d}.note"] = note
        return note

    def rotate(self, word: str, *, signs: bool = False, checkpoint: bool = True) -> None:
        """A `key` line; the old key signs the checkpoint that covers it. *signs*: the run key signs the seal."""
        new = Signer(word)
        self.line("key", run_key=b64(new.public), **(new.fields if signs else {}))
        if checkpoint:
            self.checkpoint()
        self.run = new
        self.signer = new if signs else self.signer

    def resume(self, word: str, **fields: Any) -> int:
        self.run = Signer(word)
        base = {"host": "web1", "boot": "b2", "zone": "+01:00", "tool": "vectors", "version": "1", "cut": 0}
        return self.line("resume", run_key=b64(self.run.public), **self.signer.fields, **{**base, **fields})

    def ticket(self, job: Signer, by: Signer = EXAMINER, *, spoil: str = "", **fields: Any) -> dict[str, str]:
        """Write a ticket; returns the fields of the `open` line (which must be line 0 again, see :meth:`under`)."""
        body: dict[str, Any] = {
            "format": "sealbag-ticket/1.0", "ticket": sha(b"ticket")[:32], "case": "7", "hosts": ["WEB*", "db?"],
            "not_before": "2026-11-24T00:00:00.000000000Z", "not_after": "2026-11-26T00:00:00.000000000Z",
            "recipients": [], "job_key": b64(job.public), "t": T, **by.fields,
        }  # fmt: skip
        data = one_line({**body, **fields}) + b"\n"
        name = f"custody/keys/ticket-{sha(data)[:8]}.json"
        self.files[name] = data
        self.files[name + ".sig"] = by.sshsig(data, AFTER if spoil == "namespace" else TICKET)
        text = f"sealbag-run-v1\n{self.id}\n{b64(self.run.public)}\n{b64(self.signer.public)}\n"
        proof_ = (OTHER if spoil == "proof" else job).raw(text.encode())
        return {"ticket": sha(data), "ticket_proof": b64(proof_)}

    def under(self, **ticket: str) -> Bag:
        """Write the `open` line again, under a ticket."""
        del self.lines[0]
        rest, self.lines = self.lines, []
        self.line("open", **self.opening, **ticket)
        self.lines += rest
        return self

    # ------------------------------------------------------------ the seal
    def flush(self) -> None:
        self.files["custody/ledger.jsonl"] = b"".join(line + b"\n" for line in self.lines)

    def manifests(self) -> None:
        self.files.setdefault("bag-info.txt", b"Bagging-Date: 2026-11-24\n")
        self.files.setdefault("VERIFY.txt", b"python3 -I verify.py -- BAG\n")
        self.files["bagit.txt"] = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
        self.files["manifest-sha256.txt"] = self._names(data=True)
        self.tagmanifest()

    def tagmanifest(self) -> None:
        self.files["tagmanifest-sha256.txt"] = self._names(data=False)

    def _names(self, *, data: bool) -> bytes:
        skip = ("tagmanifest-sha256.txt", "custody/seal.json", "custody/after/")
        out = []
        for path in sorted(self.files, key=str.encode):
            content = self.files[path]
            tag = not path.startswith("data/")
            left_out = path.startswith(skip) or (path.startswith("custody/") and path.endswith(".tsr")
                                                 and path.count("/") == 1)  # fmt: skip
            if isinstance(content, bytes) and tag is not data and not (tag and left_out):
                out.append(f"{sha(content)}  {path}\n")
        return "".join(out).encode()

    def seal(self, *, by: Signer | None = None, namespace: str = SEAL, **fields: Any) -> str:
        """Manifest, tag manifest, seal and signature; returns the seal digest."""
        self.flush()
        self.manifests()
        return self.seal_only(by=by, namespace=namespace, **fields)

    def seal_only(self, *, by: Signer | None = None, namespace: str = SEAL, **fields: Any) -> str:
        seal: dict[str, Any] = {
            "format": self.opening["format"], "bag": self.id, "case": self.opening["case"],
            "exhibit": self.opening["exhibit"], "size": len(self.lines), "root": tree(self.lines).hex(),
            "tagmanifest_sha256": sha(self["tagmanifest-sha256.txt"]), "close_seq": len(self.lines) - 1, "t": T,
            "signer": self.signer.fingerprint,
        }  # fmt: skip
        data = one_line({**seal, **fields}) + b"\n"
        self.files["custody/seal.json"] = data
        self.files["custody/seal.json.sig"] = (by or self.signer).sshsig(data, namespace)
        return sha(data)

    def finish(self, **fields: Any) -> str:
        """close, last checkpoint, seal."""
        self.close()
        self.checkpoint()
        return self.seal(**fields)

    # ------------------------------------------------------------ after it, and for those who tamper
    def __getitem__(self, path: str) -> bytes:
        data = self.files[path]
        assert isinstance(data, bytes), path
        return data

    @property
    def seal_sha256(self) -> str:
        return sha(self["custody/seal.json"])

    def statement(self, kind: str, by: Signer = EXAMINER, /, *, signed: Signer | None = None, **fields: Any) -> str:
        """A pair in custody/after; returns the digest of the .json. What comes first in `follows` is the writer's."""
        body: dict[str, Any] = {
            "format": "sealbag-statement/1.0", "bag": self.id, "seal_sha256": self.seal_sha256, "kind": kind,
            "t": T, "follows": [], **by.fields,
        }  # fmt: skip
        fields = {**body, **fields}
        data = one_line(fields) + b"\n"
        name = f"custody/after/{when(fields['t'])}-{kind}-{sha(data)[:8]}.json"
        self.files[name], self.files[name + ".sig"] = data, (signed or by).sshsig(data, AFTER)
        return sha(data)

    def after(self, digest: str) -> str:
        """Path of the statement of this digest."""
        return next(p for p in self.files if p.startswith("custody/after/") and p.endswith(f"-{digest[:8]}.json"))

    def flip(self, path: str, at: int = 0) -> None:
        data = bytearray(self[path])
        data[at] ^= 1
        self.files[path] = bytes(data)

    def object(self, data: bytes) -> str:
        return f"data/objects/{sha(data)[:2]}/{sha(data)}"


HELLO, WORLD = b"hello\n", b"Nov 24 13:06:37 web1 sshd[811]: Accepted publickey\n"


def small(word: str = "bag", **fields: Any) -> Bag:
    """The bag that most vectors start from, not yet closed: seq 0 open, 1 source, 2 and 3 artefacts, 4 a rule."""
    bag = Bag(word, **fields)
    bag.source()
    bag.artefact(HELLO)
    bag.artefact(WORLD)
    bag.line("rule", rule="full:all", state="matched", complete=2)
    bag.checkpoint()
    return bag


def subset(origin: Bag, seqs: tuple[int, ...], *, spoil_proof: bool = False, **fields: Any) -> Bag:
    """A subset that discloses these lines, not yet closed; its artefact lines are the caller's."""
    bag = Bag("subset", signer=CUSTODIAN_KEY, run=Signer("subset run"), subset=origin.id,
              subset_seal=origin.seal_sha256, **fields)  # fmt: skip
    note = origin[f"custody/checkpoints/{len(origin.lines):012d}.note"]
    for name in ("seal.json", "seal.json.sig"):
        bag.files[f"custody/origin/{name}"] = origin.files[f"custody/{name}"]
    bag.files["custody/origin/lines.jsonl"] = b"".join(origin.lines[seq] + b"\n" for seq in seqs)
    for seq in seqs:
        text = proof(seq, origin.lines, note)
        if spoil_proof and seq == seqs[-1]:
            head, sep, tail = text.partition(b"\n\n")
            keep, _, last = head.rpartition(b"\n")
            wrong = b64(bytes(32)).encode()
            assert last != wrong
            text = keep + b"\n" + wrong + sep + tail
        bag.files[f"custody/origin/proofs/{seq:012d}.tlog-proof"] = text
    return bag


def citation(origin: Bag, seqs: tuple[int, ...], **fields: Any) -> dict[str, Any]:
    """A citation of the last of these lines."""
    note = origin[f"custody/checkpoints/{len(origin.lines):012d}.note"]
    return {
        "format": "sealbag-citation/1.0", "bag": origin.id, "seal": origin["custody/seal.json"].decode(),
        "seal_sig": origin["custody/seal.json.sig"].decode(), "lines": [origin.lines[s].decode() for s in seqs],
        "proofs": [proof(s, origin.lines, note).decode() for s in seqs], **fields,
    }  # fmt: skip


CUSTODIAN_KEY = Signer("custodian")
