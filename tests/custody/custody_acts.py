"""What can be done to a bag, for the machine of test_custody_machine.py, and what is true of it afterwards."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from forensics.custody.after import read_statements
from forensics.custody.bag import BagWriter
from forensics.custody.keys import Key
from forensics.custody.notes import checkpoint_body, sign_note
from forensics.custody.publickey import PublicKey
from forensics.custody.seal import seal
from forensics.custody.sshsig import sign
from forensics.custody.tree import Tree
from forensics.transfer.disclose import disclose
from forensics.transfer.handover import accept, offer, refuse, state
from forensics.transfer.packing import pack
from forensics.transfer.unpacking import unpack
from forensics.verifier import verify

ABOUT = {"actors": ["machine"], "tool": "machine", "version": "0", "case": "7", "exhibit": "E", "examiner": "A"}
#: not judged: no byte of these changes what a bag says (docs/format.md §8), or only another copy would tell
UNJUDGED = ("custody/lock", "custody/reserve", "tmp/")


def key_of(word: str) -> Key:
    """A key made from a word: the same in every run."""
    return Key(Ed25519PrivateKey.from_private_bytes(hashlib.sha256(word.encode()).digest()))


EXAMINER, RECIPIENT, INSIDER = key_of("examiner"), key_of("recipient"), key_of("insider")


def files_of(bag: Path) -> list[Path]:
    """The files of a bag that are judged whole; statements come in pairs, which may go as a pair."""
    found = [path for path in sorted(bag.rglob("*")) if path.is_file()]
    return [path for path in found if not path.relative_to(bag).as_posix().startswith(UNJUDGED)]


def fields_of(kind: str) -> dict[str, Any]:
    return {
        "note": {"text": "seen"}, "hold": {"text": "kept for the court"}, "destroy": {"text": "a copy", "by": "A"},
        "retain": {"until": "2030-01-01T00:00:00.000000000Z", "text": ""}, "correct": {"corrects": 0, "text": "x"},
    }[kind]  # fmt: skip


class Life:
    """A bag and the truth about it.

    :ivar signer: fingerprint of whoever sealed it last, "" while it is not sealed.
    :ivar altered: a byte of it was changed or a file taken away since it was written.
    :ivar resealed: it was rewritten and sealed anew, consistently.
    :ivar notes: checkpoints that left the host, the newest last.
    """

    def __init__(self, bag: Path) -> None:
        self.bag = bag
        self.writer: BagWriter | None = None
        self.sealed = self.altered = self.resealed = False
        self.signer = self.seal_digest = ""
        self.notes: list[Path] = []
        self.count = 0

    @property
    def writing(self) -> bool:
        return self.writer is not None

    @property
    def stopped(self) -> bool:
        return not self.writing and not self.sealed

    def truth(self) -> str:
        """The best that may be said of it to somebody who trusts the examiner."""
        if self.sealed and not (self.bag / "custody/seal.json").exists():
            return "INCOMPLETE"  # a seal that was taken away leaves an unsealed bag
        if self.sealed and not (self.bag / "custody/seal.json.sig").exists():
            return "INCOMPLETE"
        if self.sealed:
            return "INVALID" if self.altered else "VALID" if self.signer == EXAMINER.fingerprint else "UNTRUSTED"
        return "INCOMPLETE"

    # -- the writer -----------------------------------------------------------------

    def open(self) -> None:
        self.writer = BagWriter.create(self.bag, ABOUT, key=EXAMINER)

    def collect(self, content: bytes, *, gap: bool) -> None:
        assert self.writer is not None
        line: dict[str, Any] = {"source": "s0", "volume": "v0", "path": f"f{self.count}", "outcome": "complete"}
        self.count += 1
        if gap:
            self.writer.add(line | {"outcome": "denied", "code": "EACCES"})
            return
        sink = self.writer.store.sink()
        sink.write(memoryview(content))
        sink.close()
        self.writer.add(line | {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}, sink)

    def checkpoint(self) -> None:
        assert self.writer is not None
        self.writer.phase()
        newest = max((self.bag / "custody/checkpoints").iterdir())
        self.notes.append(self.bag.parent / f"away-{newest.name}")
        shutil.copy(newest, self.notes[-1])

    def kill(self) -> None:
        """Nothing is flushed any more; the system lets go of the locks."""
        self.let_go()
        with (self.bag / "custody/ledger.jsonl").open("ab") as ledger:
            ledger.write(b'{"seq":')  # what a write that was under way leaves

    def let_go(self) -> None:
        if self.writer is not None:
            self.writer.release()
            self.writer = None

    def resume(self) -> None:
        self.writer = BagWriter.resume(self.bag, ABOUT, key=EXAMINER)

    def seal(self) -> None:
        assert self.writer is not None
        made = seal(self.writer, lambda path: None)
        self.writer, self.sealed, self.signer, self.seal_digest = None, True, made.signer, made.sha256

    # -- after the seal ---------------------------------------------------------------

    def state(self, kind: str) -> None:
        if not self.resealed:
            state(self.bag, kind, fields_of(kind), EXAMINER)

    def hand_over(self, answer: str) -> None:
        if self.resealed:
            return
        made = offer(self.bag, EXAMINER, PublicKey(RECIPIENT.public_raw), purpose="analysis").statement
        assert made.sha256 in {one.sha256 for one in read_statements(self.bag).statements}
        if answer == "accept":
            accept(self.bag, RECIPIENT, made.sha256, verify(self.bag, signer=EXAMINER.fingerprint, jobs=1), by="B")
        elif answer == "refuse":
            refuse(self.bag, RECIPIENT, made.sha256, by="B", reason="not asked for")

    def disclose(self, target: Path, take: int) -> None:
        lines = (self.bag / "custody/ledger.jsonl").read_bytes().splitlines()
        disclose(self.bag, target, seqs=[min(take, len(lines) - 1)], key=EXAMINER)

    def travel(self, target: Path, cut: float | None) -> bool:
        """Pack and unpack; *cut* leaves a part of the stream. True if something arrived."""
        import pyrage

        ours, theirs = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
        stream, identity = target.with_suffix(".age"), target.with_suffix(".identity")
        identity.write_text(f"{ours}\n")
        stream.unlink(missing_ok=True)
        pack(self.bag, stream, [str(ours.to_public()), str(theirs.to_public())])
        if cut is not None:
            data = stream.read_bytes()
            stream.write_bytes(data[: int(len(data) * cut)])
        unpack(stream, target, identity=identity)
        return (target / "custody/ledger.jsonl").exists()

    def seal_anew(self, key: Key) -> None:
        """Change what a line says, and make everything consistent with it again, by *key*."""
        run = key_of("another run")
        path = self.bag / "custody/ledger.jsonl"
        lines = [json.loads(line) for line in path.read_bytes().splitlines()]
        lines = [line for line in lines if line["kind"] not in ("key", "resume")]
        public = {"run_key": base64.b64encode(run.public_raw).decode(), "signer": key.fingerprint}
        lines[0] |= {**public, "signer_key": base64.b64encode(key.public_raw).decode(), "host": "another"}
        texts = [json.dumps({**line, "seq": seq}, separators=(",", ":")).encode() for seq, line in enumerate(lines)]
        path.write_bytes(b"".join(text + b"\n" for text in texts))
        shutil.rmtree(self.bag / "custody/checkpoints")
        shutil.rmtree(self.bag / "custody/after", ignore_errors=True)
        (self.bag / "custody/checkpoints").mkdir()
        tree = Tree()
        for text in texts:
            tree.append(text)
        about = json.loads(texts[0])
        name = f"sealbag/{about['bag']}"
        note = sign_note(checkpoint_body(name, tree.size, tree.root()), name, run)
        (self.bag / f"custody/checkpoints/{tree.size:012d}.note").write_bytes(note)
        self._sign(about, tree, key)
        self.resealed, self.signer = True, key.fingerprint

    def _sign(self, about: dict[str, Any], tree: Tree, key: Key) -> None:
        tags = []
        for path in files_of(self.bag):
            name = path.relative_to(self.bag).as_posix()
            if not name.startswith(("data/", "tagmanifest", "custody/seal.json", "custody/after/")):
                tags.append(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {name}\n")
        manifest = "".join(sorted(tags, key=lambda line: line[66:].encode())).encode()
        (self.bag / "tagmanifest-sha256.txt").write_bytes(manifest)
        fields = {
            "format": "sealbag/1.0", "bag": about["bag"], "case": about["case"], "exhibit": about["exhibit"],
            "size": tree.size, "root": tree.root().hex(), "tagmanifest_sha256": hashlib.sha256(manifest).hexdigest(),
            "close_seq": tree.size - 1, "t": about["t"], "signer": key.fingerprint,
        }  # fmt: skip
        data = json.dumps(fields, separators=(",", ":")).encode() + b"\n"
        (self.bag / "custody/seal.json").write_bytes(data)
        (self.bag / "custody/seal.json.sig").write_bytes(sign(key, data, "sealbag-seal-v1"))
