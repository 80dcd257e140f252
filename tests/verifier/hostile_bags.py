"""Bags, citations and anchors that someone wrote to be judged better than they are: cases for both verifiers.

Each was found by reading a verifier against docs/format.md as whoever may write every byte would.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from builder import EXAMINER, OTHER, RUN, Bag, Signer, b64, sha
from test_verifier_custody import ISSUER, citation, one, proof, subset, ticketed

Made = tuple[Path, dict[str, Any]]
SIGNER = {"signer": EXAMINER.fingerprint}
CASES: dict[str, tuple[Callable[[Path], Made], str]] = {}


def case(verdict: str) -> Callable[[Callable[[Path], Made]], Callable[[Path], Made]]:
    """Register a case: what makes it, and the verdict that it deserves."""

    def add(make: Callable[[Path], Made]) -> Callable[[Path], Made]:
        CASES[make.__name__] = make, verdict
        return make

    return add


def with_lines(folder: Path, *lines: dict[str, Any]) -> Made:
    """A sound bag with these lines in it."""
    bag = Bag(folder / "bag")
    bag.artefact(b"one")
    for fields in lines:
        bag.line(**fields)
    bag.finish()
    return bag.root, SIGNER


def _at(folder: Path, t: str) -> Made:
    return with_lines(folder, {"kind": "note", "t": t})


for _name, _t in {
    "a_day_that_is_none": "2026-02-30T00:00:00.000000000Z", "no_leap_year": "2100-02-29T00:00:00.000000000Z",
    "a_time_beyond_64_bits": "2262-04-11T23:47:16.854775808Z", "a_61st_second": "2026-01-01T00:00:60.000000000Z",
    "a_time_before_64_bits": "1677-09-21T00:12:43.145224191Z",
}.items():  # fmt: skip
    CASES[_name] = partial(_at, t=_t), "INVALID"
for _name, _t in {
    "a_leap_day": "2028-02-29T23:59:59.000000000Z",
    "the_last_time": "2262-04-11T23:47:16.854775807Z",
}.items():
    CASES[_name] = partial(_at, t=_t), "VALID"


@case("INVALID")
def a_key_line_with_half_a_signer(folder: Path) -> Made:
    bag = Bag(folder / "bag")
    bag.line("key", run_key=b64(OTHER.public), signer_key=b64(OTHER.public))
    bag.checkpoint()
    bag.run = OTHER
    bag.finish()
    return bag.root, SIGNER


@case("INVALID")
def same_as_in_other_parts(folder: Path) -> Made:
    bag = Bag(folder / "bag")
    whole = {"outcome": "complete", "sha256": sha(b"abc"), "size": 3}
    first = bag.line("artefact", parts=[bag.store(b"a"), bag.store(b"bc")], part_sizes=[1, 2], **whole)
    bag.line("artefact", parts=[bag.store(b"ab"), bag.store(b"c")], part_sizes=[2, 1], same_as=first, **whole)
    bag.finish()
    return bag.root, SIGNER


@case("VALID")
def same_as_in_the_same_parts(folder: Path) -> Made:
    bag = Bag(folder / "bag")
    whole = {"outcome": "complete", "sha256": sha(b"abc"), "size": 3}
    parts = {"parts": [bag.store(b"a"), bag.store(b"bc")], "part_sizes": [1, 2]}
    first = bag.line("artefact", **parts, **whole)
    bag.line("artefact", **parts, same_as=first, **whole)
    bag.finish()
    return bag.root, SIGNER


@case("INVALID")
def no_parts_of_nothing(folder: Path) -> Made:
    nothing = {"sha256": sha(b""), "size": 0, "parts": [], "part_sizes": []}
    return with_lines(folder, {"kind": "artefact", "outcome": "complete", **nothing})


@case("INVALID")
def parts_without_a_digest(folder: Path) -> Made:
    return with_lines(folder, {"kind": "artefact", "outcome": "failed", "parts": [sha(b"one")], "part_sizes": [3]})


@case("INVALID")
def again_names_a_later_line(folder: Path) -> Made:
    return with_lines(folder, {"kind": "artefact", "outcome": "denied", "again": 9})


@case("VALID")
def an_outcome_that_is_a_list(folder: Path) -> Made:
    """It is the writer's statement; but a verifier may not end over it."""
    return with_lines(folder, {"kind": "artefact", "outcome": ["denied"]}, {"kind": "artefact", "flags": [1]})


@case("VALID")
def no_examiner(folder: Path) -> Made:
    bag = Bag(folder / "bag")
    opening = json.loads(bag.lines[0])
    del opening["examiner"]
    bag.lines[0] = json.dumps(opening).encode()
    bag.finish()
    return bag.root, SIGNER


@case("INVALID")
def a_later_major_that_is_no_version(folder: Path) -> Made:
    bag = Bag(folder / "bag", format="sealbag/2.x")
    bag.finish()
    return bag.root, SIGNER


@case("INVALID")
def a_seal_of_an_origin_that_is_not_there(folder: Path) -> Made:
    bag = Bag(folder / "bag", subset_seal=sha(b"x"))
    bag.finish()
    return bag.root, SIGNER


@case("INVALID")
def a_seal_with_an_escape_in_a_key(folder: Path) -> Made:
    bag, _ = one(folder / "bag")
    data = (bag.root / "custody/seal.json").read_bytes().replace(b'"bag"', b'"b\\u0061g"')
    bag.put("custody/seal.json", data)
    bag.put("custody/seal.json.sig", EXAMINER.sshsig(data))
    return bag.root, SIGNER


def _noted(folder: Path, name: bytes, raw: bytes) -> Made:
    bag = Bag(folder / "bag")
    bag.close()
    note = bag.checkpoint() + b"\xe2\x80\x94 " + name + b" " + b64(raw).encode() + b"\n"
    bag.put(f"custody/checkpoints/{len(bag.lines):012d}.note", note)
    bag.seal()
    return bag.root, SIGNER


for _name, _who, _size, _verdict in (
    ("a_cosigner_whose_name_is_no_utf8", b"w\xff", 76, "INVALID"),
    ("a_cosigner_with_a_space", b"w\xc2\xa0x", 76, "INVALID"),
    ("a_cosigner_with_a_control", b"w\x01", 76, "INVALID"), ("a_cosignature_of_nothing", b"w", 4, "INVALID"),
    ("a_cosigner_in_256_letters", "é".encode() * 256, 76, "VALID"),
    ("a_cosigner_in_257_letters", "é".encode() * 257, 76, "INVALID"), ("an_unknown_cosigner", b"w", 76, "VALID"),
):  # fmt: skip
    CASES[_name] = partial(_noted, name=_who, raw=bytes(_size)), _verdict


def _in_hosts(folder: Path, hosts: list[str]) -> Made:
    return ticketed(folder / "bag", hosts=hosts).root, {"signer": ISSUER.fingerprint}


for _name, _hosts, _verdict in (
    ("a_host_in_brackets", ["[hH]"], "UNTRUSTED"), ("a_host_in_capitals", ["H"], "VALID"),
    ("no_hosts", [], "UNTRUSTED"), ("a_host_negated", ["!h"], "UNTRUSTED"),
):  # fmt: skip
    CASES[_name] = partial(_in_hosts, hosts=_hosts), _verdict


@case("INVALID")
def a_ticket_that_is_no_digest(folder: Path) -> Made:
    bag = Bag(folder / "bag", ticket="../../../x", ticket_proof="")
    bag.finish()
    return bag.root, SIGNER


def _stated(folder: Path, word: str, **fields: Any) -> Made:
    bag, digest = one(folder / "bag")
    bag.statement(digest, word, **fields)
    return bag.root, SIGNER


for _name, _fields, _verdict in (
    ("a_note_without_text", {"word": "note", "text": None}, "VALID"),
    ("a_supplement_of_no_seal", {"word": "supplement", "supplement_bag": "0" * 32}, "INVALID"),
    ("an_accept_without_a_verdict", {"word": "accept", "offer": sha(b"x")}, "INVALID"),
    ("an_accept", {"word": "accept", "offer": sha(b"x"), "verdict": "VALID", "verdict_sha256": sha(b"v")}, "VALID"),
    ("a_refuse_without_a_verdict", {"word": "refuse", "offer": sha(b"x")}, "VALID"),
    ("a_refuse_of_no_verdict", {"word": "refuse", "offer": sha(b"x"), "verdict_sha256": "x"}, "INVALID"),
    ("a_token_that_is_no_base64", {"word": "token", "token": "&", "over": sha(b"x")}, "INVALID"),
):  # fmt: skip
    CASES[_name] = partial(_stated, **_fields), _verdict


@case("INVALID")
def a_file_behind_the_signature_of_a_statement(folder: Path) -> Made:
    bag, digest = one(folder / "bag")
    bag.put(bag.statement(digest) + ".sig.sig", b"anything at all")
    return bag.root, SIGNER


@case("INVALID")
def an_answer_to_what_is_no_offer(folder: Path) -> Made:
    bag, digest = one(folder / "bag")
    noted = (bag.root / bag.statement(digest)).read_bytes()
    bag.statement(digest, "accept", offer=sha(noted), verdict="VALID", verdict_sha256=sha(b"v"))
    return bag.root, SIGNER


@case("UNTRUSTED")
def a_revoked_signer_of_the_ticket_that_was_named(folder: Path) -> Made:
    bag, run = ticketed(folder / "bag"), Signer("run of a ticket")
    (folder / "trust").write_text(run.allowed())
    (folder / "revoked").write_text(ISSUER.fingerprint + "\n")
    return bag.root, {"signer": ISSUER.fingerprint, "trust": folder / "trust", "revoked": folder / "revoked"}


@case("VALID")
def a_revoked_signer_of_a_ticket_that_nothing_rests_on(folder: Path) -> Made:
    bag = ticketed(folder / "bag")
    (folder / "revoked").write_text(ISSUER.fingerprint + "\n")
    seal = sha((bag.root / "custody/seal.json").read_bytes())
    return bag.root, {"seal": seal, "revoked": folder / "revoked"}


@case("UNTRUSTED")
def a_citation_by_a_revoked_signer(folder: Path) -> Made:
    (folder / "revoked").write_text(EXAMINER.fingerprint + "\n")
    return citation(folder), {**SIGNER, "revoked": folder / "revoked"}


@case("INVALID")
def a_citation_that_is_an_array_of_pairs(folder: Path) -> Made:
    path = citation(folder)
    path.write_text(json.dumps(list(json.loads(path.read_text()).items())))
    return path, SIGNER


@case("INVALID")
def a_citation_that_says_its_lines_twice(folder: Path) -> Made:
    path = citation(folder)
    path.write_text('{"lines":["what a person reads"],' + path.read_text()[1:])
    return path, SIGNER


@case("VALID")
def a_citation_with_white_space(folder: Path) -> Made:
    path = citation(folder)
    path.write_text("\n" + json.dumps(json.loads(path.read_text()), indent=1) + "\n")
    return path, SIGNER


@case("INVALID")
def a_size_that_is_true(folder: Path) -> Made:
    whole = Bag(folder / "whole")
    whole.line("artefact", outcome="complete", size=True)
    digest = whole.finish()
    part = Bag(folder / "part", subset=whole.id, subset_seal=digest)
    part.line("artefact", outcome="complete", size=1, origin_seq=1)
    for name in ("seal.json", "seal.json.sig"):
        part.put(f"custody/origin/{name}", (whole.root / "custody" / name).read_bytes())
    part.put("custody/origin/lines.jsonl", whole.lines[1] + b"\n")
    part.put(f"custody/origin/proofs/{1:012d}.tlog-proof", proof(whole, 1).encode())
    part.finish()
    return part.root, SIGNER


@case("INCOMPLETE")
def a_signature_of_no_seal_and_a_rotation(folder: Path) -> Made:
    bag = Bag(folder / "bag")
    bag.line("key", run_key=b64(OTHER.public))
    bag.line("note")
    bag.flush()
    bag.put("custody/seal.json.sig", b"x")
    return bag.root, SIGNER


@case("UNTRUSTED")
def a_signer_in_the_comment_of_another(folder: Path) -> Made:
    bag, _ = one(folder / "bag")
    (folder / "trust").write_text(RUN.allowed().rstrip("\n") + " bob\x0b" + EXAMINER.allowed(), newline="")
    return bag.root, {"trust": folder / "trust"}


@case("UNTRUSTED")
def a_signer_in_a_comment(folder: Path) -> Made:
    bag, _ = one(folder / "bag")
    text = RUN.allowed() + "# until 2020:\u2028" + EXAMINER.allowed()
    (folder / "trust").write_text(text, encoding="utf-8", newline="")
    return bag.root, {"trust": folder / "trust"}


@case("INVALID")
def an_origin_cut_between_its_lines(folder: Path) -> Made:
    part, digest = subset(folder)
    (part.root / "custody/origin/proofs/000000000001.tlog-proof").unlink()
    part.tagmanifest(part.root)
    part.seal()
    return part.root, {**SIGNER, "origin": digest}


if os.name == "posix":
    PLACES = (
        "custody/origin", "custody/origin/proofs", "custody/origin/lines.jsonl", "custody/origin/seal.json",
        "custody/origin/proofs/000000000001.tlog-proof", "custody/after", "custody/checkpoints", "custody/keys",
        "custody/seal.json", "custody/seal.json.sig", "manifest-sha256.txt", "bagit.txt", "custody/ledger.jsonl",
        "data/objects", "data",
    )  # fmt: skip

    def replaced(folder: Path, place: str, what: str) -> Made:
        """A subset in which a FIFO, a link to the true thing or a folder stands at a place."""
        part, digest = subset(folder)
        part.statement(sha((part.root / "custody/seal.json").read_bytes()))
        path = part.root / place
        path.rename(folder / "away")
        if what == "fifo":
            os.mkfifo(path)
        elif what == "link":
            path.symlink_to(folder / "away")
        else:
            path.mkdir()
        return part.root, {**SIGNER, "origin": digest}
