"""What stands beside the lines: keys handed on, tickets, cosignatures, statements, revocation, subsets, citations."""

from __future__ import annotations

import hashlib
import json
import re
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from builder import EXAMINER, OTHER, Bag, Signer, T, b64, sha, string, tree
from hypothesis import assume, given
from hypothesis import strategies as st

from forensics.verifier import NotABag, Verdict, root_by_path, verify

ISSUER, WITNESS = Signer("issuer"), Signer("witness")
SK = "sk-ssh-ed25519@openssh.com"


def result(verdict: Verdict, name: str) -> str:
    return next(check.result for check in verdict.checks if check.name == name)


def noted(verdict: Verdict, *words: str) -> bool:
    return all(any(word in text for text in verdict.notes) for word in words)


class Fido(Signer):
    """A FIDO key: PROTOCOL.u2f."""

    flags = 1

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.wire = string(SK.encode()) + string(self.public) + string(b"ssh:")
        self.fingerprint = "SHA256:" + b64(hashlib.sha256(self.wire).digest()).rstrip("=")

    def sshsig(self, message: bytes, namespace: str = "sealbag-seal-v1") -> bytes:
        middle = string(namespace.encode()) + string(b"") + string(b"sha512")
        inner = b"SSHSIG" + middle + string(hashlib.sha512(message).digest())
        tail = struct.pack(">BI", self.flags, 7)
        signed = hashlib.sha256(b"ssh:").digest() + tail + hashlib.sha256(inner).digest()
        made = string(SK.encode()) + string(self.private.sign(signed)) + tail
        text = b64(b"SSHSIG" + struct.pack(">I", 1) + string(self.wire) + middle + string(made))
        body = "".join(text[i : i + 70] + "\n" for i in range(0, len(text), 70))
        return f"-----BEGIN SSH SIGNATURE-----\n{body}-----END SSH SIGNATURE-----\n".encode()


def one(root: Path, **fields: Any) -> tuple[Bag, str]:
    bag = Bag(root, **fields)
    bag.artefact(b"one")
    return bag, bag.finish()


@pytest.mark.parametrize("flags", [1, 5, 0, 4])
def test_fido_key_needs_a_person(tmp_path: Path, flags: int) -> None:
    key = Fido("fido")
    key.flags = flags
    bag = Bag(tmp_path / "bag", signer=key, signer_application="ssh:")
    bag.finish()
    assert verify(bag.root, signer=key.fingerprint).code == ("VALID" if flags & 1 else "INVALID")


# ------------------------------------------------------------------ run keys
def handed_on(root: Path, *, covered: bool = True, resumed: bool = False, by: Signer | None = None) -> tuple[Bag, Path]:
    """The run key signs the seal; a checkpoint leaves, then the key is rotated."""
    first, second = Signer("k1"), Signer("k2")
    bag = Bag(root / "bag", run=first, signer=first)
    bag.artefact(b"one")
    note = root / "kept.note"
    note.write_bytes(bag.checkpoint())
    if resumed:
        bag.line("resume", **bag.keys())
    bag.line("key", run_key=b64(second.public), signer=second.fingerprint, signer_key=b64(second.public))
    if covered:
        bag.checkpoint(by=by)
    bag.run = bag.signer = second
    bag.artefact(b"two")
    bag.finish()
    return bag, note


def test_a_checkpoint_vouches_for_whom_the_key_lines_hand_on_to(tmp_path: Path) -> None:
    bag, note = handed_on(tmp_path)
    assert verify(bag.root, checkpoint=note).code == "VALID"


@pytest.mark.parametrize("kwargs", [{"covered": False}, {"by": OTHER}, {"by": Signer("k2")}])
def test_a_rotation_that_the_old_key_does_not_cover(tmp_path: Path, kwargs: dict[str, Any]) -> None:
    bag, note = handed_on(tmp_path, **kwargs)
    verdict = verify(bag.root, checkpoint=note)
    assert verdict.code == "INVALID" and result(verdict, "checkpoints") == "fail"
    if "covered" in kwargs:
        assert verdict.first is not None and verdict.first.seq == 2


def test_a_resume_ends_what_the_checkpoint_hands_on(tmp_path: Path) -> None:
    bag, note = handed_on(tmp_path, resumed=True)
    assert verify(bag.root, checkpoint=note).code == "UNTRUSTED"


# ------------------------------------------------------------------ cosignatures
def vkey(signer: Signer = WITNESS, name: str = "example.org/w") -> str:
    raw = b"\x04" + signer.public
    return f"{name}+{sha(name.encode() + chr(10).encode() + raw)[:8]}+{b64(raw)}\n"


def cosigned(root: Path, signer: Signer = WITNESS, spoil: bool = False) -> Bag:
    bag = Bag(root)
    bag.artefact(b"one")
    note = bag.checkpoint()
    text = note.split(b"\n\n")[0] + b"\n"
    made = signer.private.sign(b"cosignature/v1\ntime 1700000000\n" + text)
    mark = hashlib.sha256(b"example.org/w\n\x04" + signer.public).digest()[:4]
    line = b64(mark + struct.pack(">Q", 1700000000 + spoil) + made)
    bag.put("custody/checkpoints/000000000002.note", note + f"— example.org/w {line}\n".encode())
    bag.finish()
    return bag


def test_a_witness_is_an_anchor(tmp_path: Path) -> None:
    bag, file = cosigned(tmp_path / "bag"), tmp_path / "witnesses"
    file.write_text("# ours\n\n" + vkey())
    verdict = verify(bag.root, witness=file)
    assert (verdict.code, verdict.anchor, result(verdict, "cosignatures")) == ("VALID", ("witness",), "pass")
    assert noted(verdict, "vouches for seq 0 to 1", "alone vouches for seq 2")
    without = verify(bag.root, signer=EXAMINER.fingerprint)
    assert without.code == "VALID" and result(without, "cosignatures") == "not-checked"
    file.write_text(vkey(OTHER))
    assert verify(bag.root, witness=file, signer=EXAMINER.fingerprint).code == "UNTRUSTED"
    file.write_text(vkey())
    assert verify(cosigned(tmp_path / "bad", spoil=True).root, witness=file).code == "INVALID"


# ------------------------------------------------------------------ tickets
def ticketed(root: Path, *, signer: Signer = ISSUER, proof: Signer | None = None, **fields: Any) -> Bag:
    job, run = Signer("job"), Signer("run of a ticket")
    said: dict[str, Any] = {
        "format": "sealbag-ticket/1.0", "ticket": "ab" * 16, "case": "7", "hosts": ["WS-*", "H"],
        "not_before": "2026-11-01T00:00:00.000000000Z", "not_after": "2026-12-01T00:00:00.000000000Z",
        "recipients": [], "job_key": b64(job.public), "t": T, "signer": signer.fingerprint,
        "signer_key": b64(signer.public),
    }  # fmt: skip
    data = json.dumps({**said, **fields}, separators=(",", ":")).encode() + b"\n"
    text = f"sealbag-run-v1\n{sha(b'bag')[:32]}\n{b64(run.public)}\n{b64(run.public)}\n".encode()
    made = (proof or job).private.sign(text)
    bag = Bag(root, run=run, signer=run, ticket=sha(data), ticket_proof=b64(made))
    name = f"custody/keys/ticket-{sha(data)[:8]}.json"
    bag.put(name, data)
    bag.put(name + ".sig", signer.sshsig(data, "sealbag-ticket-v1"))
    bag.finish()
    return bag


def test_a_ticket_vouches_for_the_run_key(tmp_path: Path) -> None:
    bag, trust = ticketed(tmp_path / "bag"), tmp_path / "trust"
    trust.write_text(ISSUER.allowed("anna", 'namespaces="sealbag-ticket-v1"'))
    for anchor in ({"signer": ISSUER.fingerprint}, {"trust": str(trust)}):
        verdict = verify(bag.root, **anchor)  # type: ignore[arg-type]
        assert verdict.code == "VALID" and result(verdict, "ticket") == "pass"
    trust.write_text(ISSUER.allowed("anna", 'namespaces="sealbag-seal-v1"'))
    assert verify(bag.root, trust=trust).code == "UNTRUSTED"


@pytest.mark.parametrize(
    "fields",
    [{"case": "8"}, {"hosts": ["WS-?"]}, {"hosts": []}, {"not_after": "2026-11-02T00:00:00.000000000Z"},
     {"not_before": "2026-11-30T00:00:00.000000000Z"}],
    ids=lambda fields: next(iter(fields)),
)  # fmt: skip
def test_a_ticket_for_something_else(tmp_path: Path, fields: dict[str, Any]) -> None:
    verdict = verify(ticketed(tmp_path / "bag", **fields).root, signer=ISSUER.fingerprint)
    assert verdict.code == "UNTRUSTED" and result(verdict, "ticket") == "fail"


@pytest.mark.parametrize(
    "fields", [{"proof": OTHER}, {"format": "sealbag-ticket/2.0"}, {"job_key": "x"}, {"signer": Fido("f")}]
)
def test_a_ticket_that_is_none(tmp_path: Path, fields: dict[str, Any]) -> None:
    verdict = verify(ticketed(tmp_path / "bag", **fields).root, signer=ISSUER.fingerprint)
    assert verdict.code == "INVALID" and result(verdict, "ticket") == "fail"


def test_a_ticket_that_is_missing(tmp_path: Path) -> None:
    bag = ticketed(tmp_path / "bag")
    next((bag.root / "custody/keys").glob("ticket-*.json")).unlink()
    verdict = verify(bag.root, signer=ISSUER.fingerprint)
    assert verdict.code == "INVALID" and result(verdict, "ticket") == "fail"


# ------------------------------------------------------------------ trust that ends, certificates
def certificate(key: Signer, authority: Signer, **change: Any) -> str:
    said = {"kind": 1, "names": [b"anna"], "after": 0, "before": 2**64 - 1, "critical": b"", **change}
    names = b"".join(map(string, said["names"]))
    body = string(b"ssh-ed25519-cert-v01@openssh.com") + string(b"n" * 32) + string(key.public)
    body += struct.pack(">QI", 1, said["kind"]) + string(b"id") + string(names)
    body += struct.pack(">QQ", said["after"], said["before"]) + string(said["critical"]) + string(b"") + string(b"")
    body += string(authority.wire)
    body += string(string(b"ssh-ed25519") + string(authority.private.sign(body)))
    return f"ssh-ed25519-cert-v01@openssh.com {b64(body)} anna\n"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, "VALID"), ({"before": 1_000_000_000}, "UNTRUSTED"), ({"after": 2**40}, "UNTRUSTED"),
        ({"kind": 2}, "UNTRUSTED"), ({"names": [b"eve"]}, "UNTRUSTED"), ({"names": []}, "UNTRUSTED"),
        ({"critical": string(b"force-command") + string(b"")}, "UNTRUSTED"), ({"authority": OTHER}, "UNTRUSTED"),
    ],
)  # fmt: skip
def test_an_authority_vouches_by_certificate(tmp_path: Path, change: dict[str, Any], code: str) -> None:
    authority = change.pop("authority", ISSUER)
    bag, trust = Bag(tmp_path / "bag"), tmp_path / "trust"
    bag.put("custody/keys/anna-cert.pub", certificate(EXAMINER, authority, **change).encode())
    bag.finish()
    trust.write_text(ISSUER.allowed("ann*", "cert-authority"))
    assert verify(bag.root, trust=trust).code == code
    trust.write_text(EXAMINER.allowed("ann*", "cert-authority"))
    assert verify(bag.root, trust=trust).code == "UNTRUSTED"  # an authority does not vouch for itself


@pytest.mark.parametrize(
    ("option", "code"),
    [
        ('valid-after="20260101"', "VALID"),
        ('valid-before="20260101"', "UNTRUSTED"),
        ('valid-after="29990101"', "UNTRUSTED"),
    ],
)
def test_trust_has_its_time(tmp_path: Path, option: str, code: str) -> None:
    bag, _ = one(tmp_path / "bag")
    (tmp_path / "trust").write_text(EXAMINER.allowed("anna", option))
    verdict = verify(bag.root, trust=tmp_path / "trust")
    assert verdict.code == code and noted(verdict, "does not hold at") is (code != "VALID")


# ------------------------------------------------------------------ tokens and revocation
def at(moment: str, result: str = "proven") -> Callable[..., Any]:
    def times(_: bytes, tokens: Sequence[tuple[str, bytes, str]]) -> list[tuple[str, str, str]]:
        return [(name, result, moment) for name, _, _ in tokens]

    return times


EARLY, LATE = "2026-01-01T00:00:00.000000000Z", "2026-12-31T00:00:00.000000000Z"


def test_tokens_are_judged_by_the_hook(tmp_path: Path) -> None:
    bag, digest = one(tmp_path / "bag")
    bag.put("custody/a.tsr", b"x")
    bag.statement(digest, "token", token=b64(b"y"), over=sha(b"x"))
    seen: list[Any] = []

    def look(*args: Any) -> list[tuple[str, str, str]]:
        seen.append(args)
        return []

    verify(bag.root, times=look)
    signature, tokens = seen[0]
    assert signature == (bag.root / "custody/seal.json.sig").read_bytes()
    assert [token[1:] for token in tokens] == [(b"x", ""), (b"y", sha(b"x"))]
    for name, code in (("proven", "VALID"), ("untrusted", "UNTRUSTED"), ("invalid", "INVALID")):
        verdict = verify(bag.root, signer=EXAMINER.fingerprint, times=at(EARLY, name))
        assert verdict.code == code
    assert noted(verify(bag.root, times=at(EARLY)), "clock: a token is of 2026-01-01")
    assert result(verify(bag.root), "time-tokens") == "not-checked"


@pytest.mark.parametrize("text", [EXAMINER.fingerprint, EXAMINER.allowed("").strip()])
def test_a_revoked_key(tmp_path: Path, text: str) -> None:
    bag, _ = one(tmp_path / "bag")
    bag.put("custody/a.tsr", b"x")
    file = tmp_path / "revoked"
    anchor = {"signer": EXAMINER.fingerprint, "revoked": str(file)}
    file.write_text(f"{text} since={LATE}\n")
    assert verify(bag.root, **anchor).code == "UNTRUSTED"  # type: ignore[arg-type]
    verdict = verify(bag.root, times=at(EARLY), **anchor)  # type: ignore[arg-type]
    assert verdict.code == "VALID" and noted(verdict, "revocation: ")
    assert verify(bag.root, times=at("2027-01-01T00:00:00.000000000Z"), **anchor).code == "UNTRUSTED"  # type: ignore[arg-type]
    file.write_text(text + "\n")
    assert verify(bag.root, times=at(EARLY), **anchor).code == "UNTRUSTED"  # type: ignore[arg-type]
    file.write_text(OTHER.fingerprint + "\n")
    assert result(verify(bag.root, **anchor), "revocation") == "pass"  # type: ignore[arg-type]


def test_a_krl_is_for_whom_can_read_it(tmp_path: Path) -> None:
    bag, _ = one(tmp_path / "bag")
    (tmp_path / "krl").write_bytes(b"SSHKRL\n\0" + b"\0" * 60)
    given_: dict[str, Any] = {"signer": EXAMINER.fingerprint, "revoked": tmp_path / "krl"}
    verdict = verify(bag.root, **given_)
    assert (verdict.code, result(verdict, "revocation")) == ("VALID", "not-checked")
    assert verify(bag.root, krl=lambda wire: wire == EXAMINER.wire, **given_).code == "UNTRUSTED"
    assert verify(bag.root, krl=lambda wire: False, **given_).code == "VALID"


def test_a_revoking_statement_counts_if_its_signer_is_vouched_for(tmp_path: Path) -> None:
    bag, digest = one(tmp_path / "bag")
    trust = tmp_path / "trust"
    trust.write_text(EXAMINER.allowed() + ISSUER.allowed("chief", 'namespaces="sealbag-after-v1"'))
    for by, code in ((OTHER, "VALID"), (ISSUER, "UNTRUSTED")):
        bag.statement(digest, "revoke", by=by, revokes=EXAMINER.fingerprint, since=EARLY)
        assert verify(bag.root, trust=trust).code == code


# ------------------------------------------------------------------ statements
def test_offers_answers_forks_and_holds(tmp_path: Path) -> None:
    bag, digest = one(tmp_path / "bag")

    def said(kind: str, by: Signer = EXAMINER, **fields: Any) -> str:
        return sha((bag.root / bag.statement(digest, kind, by=by, **fields)).read_bytes())

    def verdict() -> Verdict:
        return verify(bag.root, signer=EXAMINER.fingerprint)

    offer = said("offer", recipient=OTHER.fingerprint, recipient_key=b64(OTHER.public))
    hold = said("hold")
    assert noted(verdict(), "an offer without an answer", "a hold without release")
    told = {"verdict": "VALID", "verdict_sha256": sha(b"verdict")}
    said("accept", OTHER, offer=offer, **told)
    said("release", releases=hold)
    found = verdict()
    assert found.code == "VALID" and not noted(found, "without")
    said("refuse", OTHER, offer=offer, reason="torn")
    said("accept", OTHER, offer=sha(b"another"), **told)
    said("destroy")
    found = verdict()
    assert found.code == "VALID"
    assert noted(found, "a fork, 2 answers", "whose offer is not in the bag", "said to be destroyed")
    said("accept", EXAMINER, offer=offer, **told)
    found = verdict()
    assert found.code == "INVALID" and result(found, "statements") == "fail"


# ------------------------------------------------------------------ gaps and clock
def test_gaps_and_clock_are_noted(tmp_path: Path) -> None:
    bag = Bag(tmp_path / "bag")
    for number in range(20):
        bag.artefact(b"%d" % number, t=T.replace("06:37", f"06:{37 - (number in (9, 15))}"))
    bag.artefact(b"x", outcome="partial", flags=["changed"])
    bag.line("artefact", path="/x", outcome="denied")
    bag.finish()
    verdict = verify(bag.root, signer=EXAMINER.fingerprint)
    assert verdict.code == "VALID"
    assert noted(verdict, "clock: 2 lines earlier than the one before, the first at seq 10")
    assert noted(verdict, *(f"gaps: 1 {gap}, the first at seq 2" for gap in ("partial", "changed", "denied")))


# ------------------------------------------------------------------ proofs, subsets, citations
def path_of(lines: Sequence[bytes], seq: int) -> list[bytes]:
    """RFC 6962 section 2.1.1, by its recursive definition."""
    if len(lines) == 1:
        return []
    k = 1 << ((len(lines) - 1).bit_length() - 1)
    if seq < k:
        return [*path_of(lines[:k], seq), tree(lines[k:])]
    return [*path_of(lines[k:], seq - k), tree(lines[:k])]


@given(st.integers(1, 70), st.data())
def test_paths_lead_to_the_root(size: int, data: st.DataObject) -> None:
    lines = [b"%d" % number for number in range(size)]
    seq = data.draw(st.integers(0, size - 1))
    path = path_of(lines, seq)
    assert root_by_path(lines[seq], seq, size, path) == tree(lines)
    other = data.draw(st.integers(0, size - 1))
    assume(other != seq)
    assert root_by_path(lines[seq], other, size, path) != tree(lines)
    assert root_by_path(lines[seq], seq, size, [*path, b"x" * 32]) != tree(lines)


def proof(bag: Bag, seq: int) -> str:
    note = (bag.root / f"custody/checkpoints/{len(bag.lines):012d}.note").read_text()
    hashes = "".join(b64(one) + "\n" for one in path_of(bag.lines, seq))
    return f"c2sp.org/tlog-proof@v1\nindex {seq}\n{hashes}\n{note}"


def subset(folder: Path) -> tuple[Bag, str]:
    whole, digest = one(folder / "whole")
    part = Bag(folder / "part", subset=whole.id, subset_seal=digest)
    part.id = json.loads(part.lines[0])["bag"]
    part.artefact(b"one", origin_seq=1)
    part.artefact(b"o**", redacted_from=1, detail="blacked")
    for name in ("seal.json", "seal.json.sig"):
        part.put(f"custody/origin/{name}", (whole.root / "custody" / name).read_bytes())
    part.put("custody/origin/lines.jsonl", b"".join(whole.lines[seq] + b"\n" for seq in (0, 1)))
    for seq in (0, 1):
        part.put(f"custody/origin/proofs/{seq:012d}.tlog-proof", proof(whole, seq).encode())
    part.finish()
    return part, digest


def test_a_subset_is_never_whole(tmp_path: Path) -> None:
    part, digest = subset(tmp_path)
    for anchor in ({"signer": EXAMINER.fingerprint}, {"origin": digest, "signer": EXAMINER.fingerprint}):
        verdict = verify(part.root, **anchor)  # type: ignore[arg-type]
        assert verdict.verdicts == ("INCOMPLETE",) and result(verdict, "origin") == "pass"
        assert noted(verdict, "a subset: 2 of 3 lines")
    assert verify(part.root, origin="0" * 64).code == "INVALID"
    assert verify(part.root).verdicts == ("INCOMPLETE", "UNTRUSTED")
    whole, _ = one(tmp_path / "other")
    assert verify(whole.root, origin=digest, signer=EXAMINER.fingerprint).code == "UNTRUSTED"


def citation(folder: Path, **change: Any) -> Path:
    bag, _ = one(folder / "cited")
    said: dict[str, Any] = {
        "format": "sealbag-citation/1.0", "bag": bag.id, "seal": (bag.root / "custody/seal.json").read_text(),
        "seal_sig": (bag.root / "custody/seal.json.sig").read_text(),
        "lines": [bag.lines[0].decode(), bag.lines[1].decode()],
        "proofs": [proof(bag, 0), proof(bag, 1)],
    }  # fmt: skip
    file = folder / "citation.json"
    file.write_text(json.dumps({**said, **change}))
    return file


def test_a_citation(tmp_path: Path) -> None:
    file = citation(tmp_path)
    verdict = verify(file, signer=EXAMINER.fingerprint)
    assert verdict.code == "VALID" and [check.name for check in verdict.checks] == ["signature", "anchor", "origin"]
    assert verify(file).code == "UNTRUSTED" and verify(file, seal="0" * 64).code == "INVALID"
    assert verify(file, seal=verdict.seal_sha256).code == "VALID"
    (tmp_path / "b").mkdir()
    assert verify(citation(tmp_path / "b", bag="0" * 32), signer=EXAMINER.fingerprint).code == "INVALID"
    for junk in (b"{", b"{}", b"{" * 200_000, b"[sealbag-citation/", b'{"format":1}'):
        file.write_bytes(junk)
        assert verify(file, signer=EXAMINER.fingerprint).code == "INVALID", junk[:9]
    for other in (b"", b"[]", b"PK\x03\x04", b"\xff"):  # it does not look like one: no bag, and no verdict
        file.write_bytes(other)
        with pytest.raises(NotABag):
            verify(file, signer=EXAMINER.fingerprint)


# ------------------------------------------------------------------ whatever is changed
@pytest.fixture(scope="module")
def bags(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, list[Path], dict[str, Any], str]]:
    """Of each bag: its folder, the files to be changed, the anchors, the verdict while nothing is."""
    folder = tmp_path_factory.mktemp("tampered")
    (folder / "w").write_text(vkey())
    ticket, signed, said = ticketed(folder / "ticket"), cosigned(folder / "signed"), one(folder / "said")
    said[0].statement(said[1], "offer", recipient=OTHER.fingerprint, recipient_key=b64(OTHER.public))
    (folder / "sub").mkdir()
    part = subset(folder / "sub")[0]
    file = citation(folder)
    return [
        (ticket.root, sorted(ticket.root.glob("custody/keys/ticket*")), {"signer": ISSUER.fingerprint}, "VALID"),
        (signed.root, [signed.root / "custody/checkpoints/000000000002.note"], {"witness": folder / "w"}, "VALID"),
        (said[0].root, sorted(said[0].root.glob("custody/after/*")), {"signer": EXAMINER.fingerprint}, "VALID"),
        (part.root, [p for p in sorted(part.root.glob("custody/origin/**/*")) if p.is_file()],
         {"signer": EXAMINER.fingerprint}, "INCOMPLETE"),
        (file, [file], {"signer": EXAMINER.fingerprint}, "VALID"),
    ]  # fmt: skip


@given(data=st.data())
def test_any_byte_of_what_stands_beside(
    bags: list[tuple[Path, list[Path], dict[str, Any], str]], data: st.DataObject
) -> None:
    root, files, anchors, whole = data.draw(st.sampled_from(bags))
    path = data.draw(st.sampled_from(files))
    old = path.read_bytes()
    place, bit = data.draw(st.integers(0, len(old) - 1)), data.draw(st.integers(0, 7))
    new = old[:place] + bytes([old[place] ^ 1 << bit]) + old[place + 1 :]
    # of a citation the spelling of the JSON around what is signed, and unsigned lines, are nobody's statement
    assume(path != root or re.sub(rb"\s", b"", new) != re.sub(rb"\s", b"", old))
    assert verify(root, **anchors).code == whole
    path.write_bytes(new)
    try:
        verdict = verify(root, **anchors)
        same = path == root and json_of(new) == json_of(old)
        assert verdict.code in ("INVALID", "UNTRUSTED", "UNSAFE") or same or not_judged(path, old, new), (path, place)
    finally:
        path.write_bytes(old)


def json_of(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None


def not_judged(path: Path, old: bytes, new: bytes) -> bool:
    """The signature lines of a checkpoint inside a proof are not judged (section 14): the seal signs the root."""
    if path.suffix == ".json" and path.name == "citation.json":
        before, after = json_of(old), json_of(new) or {}
        cut = [[text.split("\n\n")[:2] for text in said.get("proofs", [])] for said in (before, after)]
        extra = {key for key in {*before, *after} if before.get(key) != after.get(key)}
        return bool(after) and cut[0] == cut[1] and extra == {"proofs"}
    return False
