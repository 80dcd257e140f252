"""What the tests of disclosure share: a judge of subsets of its own, and an attacker who seals anew.

The judge is written from docs/format.md §14 with hashlib and json alone; signatures are left to ssh-keygen
and to the verifier.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from forensics.custody.keys import Key
from forensics.custody.sshsig import sign


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def run(*words: object) -> subprocess.CompletedProcess[str]:
    """The real command."""
    return subprocess.run(
        [sys.executable, "-m", "forensics.cli.main", *map(str, words)],
        capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip


def ledger(bag: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (bag / "custody/ledger.jsonl").read_bytes().splitlines()]


def files(bag: Path) -> dict[str, bytes]:
    """Every file of a folder by its path in it."""
    return {path.relative_to(bag).as_posix(): path.read_bytes() for path in bag.rglob("*") if path.is_file()}


def root_from(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    """The root that an audit path leads to, by the recursion of RFC 6962 §2.1.1; None if its length is wrong."""
    if size == 1:
        return leaf if not path else None
    k = 1
    while k * 2 < size:
        k *= 2
    if not path:
        return None
    if index < k:
        left, right = root_from(leaf, index, k, path[:-1]), path[-1]
    else:
        left, right = path[-1], root_from(leaf, index - k, size - k, path[:-1])
    return None if left is None or right is None else hashlib.sha256(b"\x01" + left + right).digest()


def proof_wrong(text: bytes, line: bytes, seal: dict[str, Any]) -> str:
    """Say why a proof does not hold; "" if it does."""
    head, _, note = text.partition(b"\n\n")
    rows = head.decode().split("\n")
    origin, size, root = note.decode().split("\n")[:3]
    seq = json.loads(line)["seq"]
    if rows[:2] != ["c2sp.org/tlog-proof@v1", f"index {seq}"]:
        return "head"
    if (origin, int(size), base64.b64decode(root).hex()) != (f"sealbag/{seal['bag']}", seal["size"], seal["root"]):
        return "tree head"
    leaf = hashlib.sha256(b"\x00" + line).digest()
    found = root_from(leaf, seq, seal["size"], [base64.b64decode(row, validate=True) for row in rows[2:]])
    return "" if found is not None and found.hex() == seal["root"] else "path"


def judge(subset: Path) -> list[str]:
    """What is wrong with a subset's relation to its origin, by docs/format.md §14."""
    own, folder = ledger(subset), subset / "custody/origin"
    sealed = (folder / "seal.json").read_bytes()
    seal, wrong = json.loads(sealed), []
    if (own[0]["subset"], own[0]["subset_seal"]) != (seal["bag"], sha256(sealed)):
        wrong.append("open line")
    raw = (folder / "lines.jsonl").read_bytes()
    lines = {json.loads(line)["seq"]: line for line in raw[:-1].split(b"\n")}
    if list(lines) != sorted(lines) or not raw.endswith(b"\n"):
        wrong.append("order")
    proofs = {path.name: path.read_bytes() for path in (folder / "proofs").iterdir()}
    if set(proofs) != {f"{seq:012d}.tlog-proof" for seq in lines}:
        wrong.append("proofs")
    for seq, line in lines.items():
        why = proof_wrong(proofs[f"{seq:012d}.tlog-proof"], line, seal)
        if why:
            wrong.append(f"{seq}: {why}")
    for line in own:
        for name in ("origin_seq", "redacted_from"):
            if name in line and line["kind"] == "artefact":
                there = json.loads(lines[line[name]])
                same = name != "origin_seq" or all(there.get(x) == line.get(x) for x in ("sha256", "size", "path"))
                if there["kind"] != "artefact" or not same:
                    wrong.append(f"own line {line['seq']}")
    names = {path.name for path in folder.iterdir()}
    if not all(re.fullmatch(r"seal\.json(\.sig)?|lines\.jsonl|proofs|[a-z0-9._-]+\.tsr", name) for name in names):
        wrong.append("names")
    return wrong


def reseal(bag: Path, key: Key) -> None:
    """Make tagmanifest, seal and signature anew over what lies there: what the holder of the key can always do."""
    seal = json.loads((bag / "custody/seal.json").read_bytes())
    tags = "".join(f"{sha256(data)}  {name}\n" for name, data in sorted(_tagged(bag), key=lambda one: one[0].encode()))
    (bag / "tagmanifest-sha256.txt").write_bytes(tags.encode())
    seal["tagmanifest_sha256"] = sha256(tags.encode())
    data = json.dumps(seal, separators=(",", ":")).encode() + b"\n"
    (bag / "custody/seal.json").write_bytes(data)
    (bag / "custody/seal.json.sig").write_bytes(sign(key, data, "sealbag-seal-v1"))


def _tagged(bag: Path) -> Iterator[tuple[str, bytes]]:
    for name, data in files(bag).items():
        own = name in ("tagmanifest-sha256.txt", "custody/seal.json", "custody/seal.json.sig")
        if not own and not name.startswith(("data/", "custody/after/")):
            yield name, data
