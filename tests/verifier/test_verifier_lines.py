"""Lines, contents and checkpoints that are not as docs/format.md has them, in bags that are well signed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builder import EXAMINER, OTHER, RUN, Bag, Signer, T, b64, sha
from hypothesis import given
from hypothesis import strategies as st

from forensics.verifier import Ledger, Report, Verdict, parse_line, shape_of, verify

LINE = {"seq": 1, "kind": "note", "actor": 0, "t": T, "mono": 1, "salt": "0" * 32}


def sealed(root: Path, *lines: bytes | dict[str, Any]) -> Verdict:
    """The verdict on a bag that has these lines after the first, and is otherwise sound."""
    bag = Bag(root)
    for line in lines:
        bag.raw(line if isinstance(line, bytes) else json.dumps({**LINE, **line}).encode())
    bag.finish()
    return verify(root, signer=EXAMINER.fingerprint)


def raw(**fields: Any) -> bytes:
    return json.dumps({**LINE, **fields}).encode()


BAD: dict[str, bytes] = {
    "not JSON": b"{",
    "empty": b"",
    "array": b"[1]",
    "two objects": raw() + raw(),
    "trailing": raw() + b",",
    "duplicate": raw()[:-1] + b', "seq": 1}',
    "duplicate, spelled differently": raw()[:-1] + b', "\\u0073eq": 1}',
    "object as value": raw(x={}),
    "array in array": raw(x=[[1]]),
    "mixed array": raw(x=[1, "a"]),
    "boolean array": raw(x=[True]),
    "fraction": raw(x=1.5),
    "exponent": raw()[:-1] + b', "x": 1e3}',
    "NaN": raw()[:-1] + b', "x": NaN}',
    "too large": raw(x=2**53 + 1),
    "a million digits": raw()[:-1] + b', "x": ' + b"1" * 1_000_000 + b"}",
    "deep": b'{"x": ' + b"[" * 500_000,
    "TAB": raw()[:-1] + b"\t}",
    "DEL": raw(x="?").replace(b"?", b"\x7f"),
    "raw UTF-8": '{"x": "é"}'.encode(),
    "CR at the end": raw() + b"\r",
    "too long": raw(x="a" * (1 << 20)),
    "seq": raw(seq=2),
    "seq true": raw(seq=True),
    "seq missing": raw().replace(b'"seq"', b'"sec"'),
    "kind": raw(kind=1),
    "actor": raw(actor=2),
    "actor below": raw(actor=-1),
    "t without nines": raw(t="2026-11-24T13:06:37Z"),
    "t of month 13": raw(t=T.replace("-11-", "-13-")),
    "mono": raw(mono="1"),
    "salt": raw(salt="A" * 32),
    "second open": raw(kind="open"),
    "resume without key": raw(kind="resume", signer=EXAMINER.fingerprint, signer_key=b64(EXAMINER.public)),
    "resume, wrong fingerprint": raw(
        kind="resume", run_key=b64(RUN.public), signer=OTHER.fingerprint, signer_key=b64(EXAMINER.public)
    ),
    "key of 31 bytes": raw(kind="key", run_key=b64(RUN.public[:31])),
    "key not canonical": raw(kind="key", run_key=re.sub("(.)=$", lambda m: chr(ord(m[1]) + 1) + "=", b64(RUN.public))),
    "corrects itself": raw(kind="correct", corrects=1),
    "sha256": raw(kind="artefact", sha256="A" * 64, size=1),
    "sha256 without size": raw(kind="artefact", sha256=sha(b"")),
    "negative size": raw(kind="artefact", sha256=sha(b""), size=-1),
    "same_as later": raw(kind="artefact", sha256=sha(b""), size=0, same_as=1),
    "parts and sizes": raw(kind="artefact", sha256=sha(b""), size=0, parts=[sha(b"")], part_sizes=[]),
    "sum of parts": raw(kind="artefact", sha256=sha(b""), size=1, parts=[sha(b"")], part_sizes=[0]),
    "extents": raw(kind="artefact", sha256=sha(b""), size=0, extents=[0, 1]),
    "odd extents": raw(kind="artefact", sha256=sha(b""), size=0, extents=[0]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_lines(tmp_path: Path, name: str) -> None:
    verdict = sealed(tmp_path / "bag", BAD[name])
    assert verdict.code == "INVALID"
    assert verdict.first is not None and (verdict.first.name, verdict.first.seq) == ("ledger", 1)


def test_good_lines(tmp_path: Path) -> None:
    """The edges of what is allowed."""
    odd = json.dumps({**LINE, "x": [], "y": 2**53, "z": -(2**53), "n": None, "b": True}, indent=None)
    lines = [f" {odd} ".encode(), raw(seq=2, kind="new-kind", x="é\ud800\u202e" + "a" * 1_000_000)]
    verdict = sealed(tmp_path / "bag", *lines)
    assert verdict.code == "VALID"
    assert "ledger: unknown kind new-kind at seq 2" in verdict.notes


@pytest.mark.parametrize(
    "path",
    ["../x", "/etc/passwd", "data/images/../x", "data/images/hd1", "data/objects/aa/b", "data/images/A/b", "", 7,
     "data/images/hd1/a/b", "data/images/hd1/.x", "data/images/hd1/a\n"],
)  # fmt: skip
def test_unsafe_stored_paths(tmp_path: Path, path: str | int) -> None:
    verdict = sealed(tmp_path / "bag", raw(kind="artefact", sha256=sha(b""), size=0, stored=path))
    assert verdict.code == "UNSAFE" and verdict.first is not None and verdict.first.seq == 1


def alter(root: Path, change: Callable[[Bag], object]) -> Verdict:
    bag = Bag(root)
    change(bag)
    bag.finish()
    return verify(root, signer=EXAMINER.fingerprint)


def other_size(bag: Bag) -> None:
    bag.artefact(b"x")
    bag.artefact(b"x", size=2)


def other_digest_of_parts(bag: Bag) -> None:
    bag.line("artefact", sha256=sha(b"z"), size=1, parts=[bag.store(b"x")], part_sizes=[1])


def same_as_another(bag: Bag) -> None:
    bag.artefact(b"x")
    bag.artefact(b"y", same_as=1)


def same_as_a_part(bag: Bag) -> None:
    bag.line("artefact", sha256=sha(b"x"), size=1, parts=[bag.store(b"x")], part_sizes=[1])
    bag.artefact(b"x", same_as=0)


def missing_object(bag: Bag) -> None:
    bag.line("artefact", sha256=sha(b"x"), size=1)


def missing_part(bag: Bag) -> None:
    bag.line("artefact", sha256=sha(b"x"), size=1, parts=[sha(b"x")], part_sizes=[1])


def missing_image(bag: Bag) -> None:
    bag.line("artefact", sha256=sha(b"x"), size=1, stored="data/images/hd1/x")


def other_image(bag: Bag) -> None:
    bag.put("data/images/hd1/x", b"x")
    bag.line("artefact", sha256=sha(b"y"), size=1, stored="data/images/hd1/x")


def image_twice(bag: Bag) -> None:
    bag.put("data/images/hd1/x", b"x")
    bag.line("artefact", sha256=sha(b"x"), size=1, stored="data/images/hd1/x")
    bag.line("artefact", sha256=sha(b"y"), size=1, stored="data/images/hd1/x")


def named_after_removal(bag: Bag) -> None:
    """A `correct` line does not excuse what a later line says is there."""
    bag.line("artefact", sha256=sha(b"x"), size=1)
    bag.line("correct", corrects=1, flags=["removed-after-store"], sha256=sha(b"x"))
    bag.line("artefact", sha256=sha(b"x"), size=1)


def corrected_otherwise(bag: Bag) -> None:
    bag.line("artefact", sha256=sha(b"x"), size=1)
    bag.line("correct", corrects=1, flags=["changed"], sha256=sha(b"x"))


def unnamed_object(bag: Bag) -> None:
    bag.store(b"x")


def cosigned_badly(bag: Bag) -> None:
    bag.checkpoint(1, by=OTHER)


def rotated_key_signs_its_own_rotation(bag: Bag) -> None:
    bag.line("key", run_key=b64(OTHER.public))
    bag.run = OTHER
    bag.checkpoint()


def old_key_after_rotation(bag: Bag) -> None:
    bag.rotate(OTHER)
    bag.line("note", text="")
    bag.run = RUN


CHANGES = [
    other_size, other_digest_of_parts, same_as_another, same_as_a_part, missing_object, missing_part, missing_image,
    other_image, image_twice, named_after_removal, corrected_otherwise, unnamed_object, cosigned_badly,
    rotated_key_signs_its_own_rotation, old_key_after_rotation,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_bags_that_lie_though_well_signed(tmp_path: Path, change: Callable[[Bag], object]) -> None:
    verdict = alter(tmp_path / "bag", change)
    assert verdict.code == "INVALID" and verdict.first is not None
    assert verdict.first.seq is not None or verdict.first.path


def test_removed_part_and_image_are_noted(tmp_path: Path) -> None:
    def change(bag: Bag) -> None:
        bag.line("artefact", sha256=sha(b"xy"), size=2, parts=[sha(b"x"), bag.store(b"y")], part_sizes=[1, 1])
        bag.line("artefact", sha256=sha(b"z"), size=1, stored="data/images/hd1/z")
        for name in (b"x", b"z"):
            bag.line("correct", corrects=1, flags=["removed-after-store"], sha256=sha(name))

    verdict = alter(tmp_path / "bag", change)
    assert verdict.code == "VALID"
    assert [check.result for check in verdict.checks if check.name == "removed-after-store"] == ["note"]


def test_two_rotations_in_a_row(tmp_path: Path) -> None:
    def change(bag: Bag) -> None:
        for word in ("a", "b"):
            bag.rotate(Signer(word))

    assert alter(tmp_path / "bag", change).code == "VALID"


ARTEFACT = {
    **LINE, "kind": "artefact", "outcome": "complete",
    "path": "/a\\\\b", "sha256": sha(b""), "size": 0, "why": ["x"], "n": None, "b": True
}  # fmt: skip


@given(data=st.data())
def test_lines_that_are_matched_are_those_that_would_parse(data: st.DataObject) -> None:
    """The pattern made of a sound line accepts only lines that parse, with the values it hands on."""
    shape = shape_of(ARTEFACT)
    assert shape is not None
    line = json.dumps(ARTEFACT, separators=(",", ":")).encode()
    assert shape.fullmatch(line)
    values = {
        key: data.draw(
            st.one_of(st.integers(-(2**54), 2**54), st.text(), st.booleans(), st.lists(st.integers() | st.text()))
        ) if key in ("path", "why", "n", "b") else value
        for key, value in ARTEFACT.items()
    }  # fmt: skip
    line = json.dumps(values, separators=(",", ":")).encode()
    for _ in range(data.draw(st.integers(0, 2))):
        at = data.draw(st.integers(0, len(line) - 1))
        line = (
            line[:at]
            + data.draw(st.sampled_from([b'"', b"\\", b",", b"0", b"}", b"\t", b"", b"\x80"]))
            + line[at + 1 :]
        )
    match = shape.fullmatch(line)
    if match is not None:
        fields = parse_line(line)
        assert list(fields) == list(ARTEFACT)
        said = fields["seq"], fields["actor"], fields["sha256"], fields["size"]
        assert said == (int(match["seq"]), int(match["actor"]), match["sha256"].decode(), int(match["size"]))


@pytest.mark.parametrize("seq", [3, 4])
def test_a_bad_line_among_lines_of_one_shape(tmp_path: Path, seq: int) -> None:
    def change(bag: Bag) -> None:
        for number in range(4):
            bag.artefact(b"%d" % number)
        bag.lines[seq] = bag.lines[seq].replace(b'"actor":0', b'"actor":9' if seq == 3 else b'"actor":00')

    verdict = alter(tmp_path / "bag", change)
    assert verdict.code == "INVALID" and verdict.first is not None and verdict.first.seq == seq


def in_order(fields: dict[str, Any], keys: list[str]) -> bytes:
    return json.dumps({key: fields[key] for key in [*keys, *fields]}, separators=(",", ":")).encode()


def test_lines_of_any_order_of_keys(tmp_path: Path) -> None:
    """What the pattern learns of one line must not break on the next."""

    def change(bag: Bag) -> None:
        orders = (["salt"], ["path"], ["size", "path"], ["sha256", "kind"], ["why", "m", "seq"], [], ["c", "size"])
        for number, keys in enumerate(orders * 3):
            bag.artefact(b"%d" % number, **{f"x{number % 4}": None} if number % 3 else {})
            bag.lines[-1] = in_order(json.loads(bag.lines[-1]), keys)

    assert alter(tmp_path / "bag", change).code == "VALID"


def mixed(bag: Bag) -> None:
    """Lines such as a real walk gives: a second name, a FIFO, escapes, more and fewer fields."""
    for number in range(300):
        more: dict[str, Any] = {"path": "/\u00e9\\n"} if number % 100 > 90 else {}
        if number % 7 == 3:
            more["flags"] = ["changed"] if number % 2 else []
        if number % 11 == 5:
            bag.line("artefact", path="/fifo", type="fifo", outcome="not-regular")
        elif number % 13 == 6:
            bag.artefact(b"0", same_as=1)
        else:
            bag.artefact(b"%d" % number, **more)


def test_the_quick_way_sees_what_the_parser_sees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bag = Bag(tmp_path / "bag")
    mixed(bag)
    bag.flush()
    one, parsed, seen = Ledger._one, list[int](), list[Any]()

    def counted(ledger: Ledger, line: bytes, seq: int) -> bool:
        parsed.append(seq)
        return one(ledger, line, seq)

    monkeypatch.setattr(Ledger, "_one", counted)
    for _ in range(2):
        ledger = Ledger(os.fsencode(bag.root), Report())
        ledger.read([100, 101], lambda size: None, None)
        assert ledger.report.bad == {}
        seen.append((ledger.objects, ledger.bytes, ledger.last_kind, ledger.tree.root()))
        monkeypatch.setattr(Ledger, "_learn", lambda *_: None)
    assert seen[0] == seen[1]
    assert len(bag.lines) < len(parsed) < len(bag.lines) + 200
