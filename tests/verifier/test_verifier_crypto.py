"""The verifier's own Ed25519, RFC 6962, notes and SSHSIG against published vectors and other programs."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest
from builder import EXAMINER, OTHER, RUN, tree

from forensics.verifier import (
    Note,
    Tree,
    ed25519_verify,
    fingerprint,
    match_patterns,
    read_allowed_signers,
    sshsig_holds,
)


def test_wycheproof(shared_data: Path) -> None:
    suite = json.loads((shared_data / "vectors/ed25519/wycheproof.json").read_text())
    seen = 0
    for group in suite["testGroups"]:
        key = bytes.fromhex(group["publicKey"]["pk"])
        for case in group["tests"]:
            verdict = ed25519_verify(key, bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]))
            assert verdict is (case["result"] == "valid"), case
            seen += 1
    assert seen == 151


# docs/format.md section 7 -> flags of CCTV. A must be canonical and not of small order: non_canonical_A,
# low_order_A. R must be canonical: non_canonical_R. No cofactor: low_order_residue. Every vector of
# reencoded_k has a non-canonical point. A low order R, and points with a component of low order, are accepted.
REFUSED = {"low_order_A", "non_canonical_A", "non_canonical_R", "low_order_residue"}


def test_cctv(shared_data: Path) -> None:
    vectors = json.loads((shared_data / "vectors/ed25519/cctv.json").read_text())
    accepted = 0
    for vector in vectors:
        flags = set(vector["flags"] or ())
        assert "reencoded_k" not in flags or flags & {"non_canonical_A", "non_canonical_R"}
        key, signature = bytes.fromhex(vector["key"]), bytes.fromhex(vector["sig"])
        assert ed25519_verify(key, vector["msg"].encode(), signature) is not bool(flags & REFUSED), vector
        accepted += not flags & REFUSED
    assert len(vectors) == 914 and accepted == 86


def test_ed25519_of_wrong_lengths() -> None:
    signature = RUN.private.sign(b"x")
    assert ed25519_verify(RUN.public, b"x", signature)
    assert not ed25519_verify(RUN.public[:31], b"x", signature)
    assert not ed25519_verify(RUN.public, b"x", signature + b"\0")


def test_tree_is_that_of_the_definition() -> None:
    ours, lines = Tree(), [b"%d" % n for n in range(70)]
    assert ours.root() == hashlib.sha256(b"").digest()
    for size, line in enumerate(lines, 1):
        ours.add(line)
        assert ours.root() == tree(lines[:size])


def test_note() -> None:
    bag, root = "ab" * 16, bytes(range(32))
    data = RUN.note(bag, 12, root)
    note = Note(data)
    assert (note.origin, note.size, note.root) == (f"sealbag/{bag}".encode(), 12, root)
    assert note.signed_by(RUN.public) and not note.signed_by(OTHER.public)
    cosigned = Note(data + OTHER.note(bag, 12, root).split(b"\n\n")[1])
    assert cosigned.signed_by(RUN.public) and len(cosigned.signatures) == 2
    line = data.split(b"\n\n")[1]
    bad_ones = [data[:-1], data.replace(b"\n12\n", b"\n012\n"), data + b"\n", data + line * 16]
    for bad in (*bad_ones, data.replace(b"=\n", b"\n", 1), data.replace(b"\n12\n", b"\n12\n\n"), b"\xff", b""):
        with pytest.raises(ValueError):
            Note(bad)


@pytest.mark.needs("ssh-keygen")
def test_ssh_keygen_agrees_with_the_signatures_that_we_accept(tmp_path: Path) -> None:
    armored = EXAMINER.sshsig(b"message")
    assert sshsig_holds(armored, EXAMINER.wire, b"sealbag-seal-v1", b"message")
    (tmp_path / "sig").write_bytes(armored)
    (tmp_path / "trust").write_text(EXAMINER.allowed("anna", 'namespaces="sealbag-*"'))
    where = ["-f", str(tmp_path / "trust"), "-I", "anna", "-n", "sealbag-seal-v1", "-s", str(tmp_path / "sig")]
    command = ["ssh-keygen", "-Y", "verify", *where]
    done = subprocess.run(command, input=b"message", capture_output=True, check=False)
    assert done.returncode == 0 and EXAMINER.fingerprint.encode() in done.stdout
    assert fingerprint(EXAMINER.wire) == EXAMINER.fingerprint


def test_sshsig_is_byte_for_byte() -> None:
    good = EXAMINER.sshsig(b"m")
    for at in range(len(good)):
        bad = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
        assert not sshsig_holds(bad, EXAMINER.wire, b"sealbag-seal-v1", b"m"), at
    for bad in (good + b"\n", good[:-1], good.replace(b"\n", b"\r\n"), b"", b"\n"):
        assert not sshsig_holds(bad, EXAMINER.wire, b"sealbag-seal-v1", b"m")
    assert not sshsig_holds(good, EXAMINER.wire, b"sealbag-after-v1", b"m")
    assert not sshsig_holds(good, OTHER.wire, b"sealbag-seal-v1", b"m")


def test_allowed_signers() -> None:
    text = "# people\n\n" + EXAMINER.allowed("anna,bob") + OTHER.allowed('"c d"', 'namespaces="x,sealbag-*"')
    assert read_allowed_signers(text) == [
        ("anna,bob", EXAMINER.wire, None, False, "", ""),
        ("c d", OTHER.wire, "x,sealbag-*", False, "", ""),
    ]
    text = EXAMINER.allowed("a", 'CERT-AUTHORITY,valid-after="20260101",valid-before="202612312359Z"')
    assert read_allowed_signers(text)[0][3:] == (True, "20260101000000", "20261231235900")
    rsa = "anna ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAQQ==\n"
    bad = [EXAMINER.allowed("a", "no-touch"), EXAMINER.allowed("a", 'namespaces="x",valid-before="1"'), rsa]
    bad += [EXAMINER.allowed("a", 'namespaces="x",namespaces="y"'), EXAMINER.allowed("a", 'valid-after="20261399"')]
    bad += ["anna\n", "# nobody\n", EXAMINER.allowed("a" * 9000), EXAMINER.allowed().replace("AAAA", "AAAB", 1)]
    for text in bad:
        with pytest.raises(ValueError):
            read_allowed_signers(text)


@pytest.mark.parametrize(
    ("patterns", "holds"),
    [("sealbag-seal-v1", True), ("sealbag-*", True), ("file", False), ("*,!sealbag-seal-v?", False), ("a.*", False)],
)
def test_namespace_patterns(patterns: str, holds: bool) -> None:
    assert match_patterns(patterns, "sealbag-seal-v1") is holds
