"""Proofs of lines: the kept tree against the definition, the codec against every changed byte and others' vectors."""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forensics.custody.keys import RunKey
from forensics.custody.leaves import LeafIndex
from forensics.custody.notes import checkpoint_body, sign_note
from forensics.custody.proofs import MAX_HASHES, Proof, parse, render
from forensics.custody.tree import leaf_hash, verify_inclusion
from forensics.errors import InputError

ORIGIN = "sealbag/" + "ab" * 16
KEY = RunKey.new()
LINES = [b'{"seq":%d}' % number for number in range(300)]


def root_of(lines: list[bytes]) -> bytes:
    """MTH of RFC 6962 §2.1, word for word."""
    if len(lines) < 2:
        return sha256(b"\x00" + lines[0]).digest() if lines else sha256(b"").digest()
    k = 1
    while k * 2 < len(lines):
        k *= 2
    return sha256(b"\x01" + root_of(lines[:k]) + root_of(lines[k:])).digest()


def path_of(index: int, lines: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962 §2.1.1, word for word."""
    if len(lines) == 1:
        return []
    k = 1
    while k * 2 < len(lines):
        k *= 2
    if index < k:
        return [*path_of(index, lines[:k]), root_of(lines[k:])]
    return [*path_of(index - k, lines[k:]), root_of(lines[:k])]


def note_of(size: int, root: bytes, origin: str = ORIGIN) -> bytes:
    return sign_note(checkpoint_body(origin, size, root), origin, KEY)


def proof_of(index: int, size: int) -> bytes:
    tree = LeafIndex(map(leaf_hash, LINES[:size]))
    return render(index, tree.inclusion(index), note_of(size, tree.root()))


def test_the_kept_tree_equals_the_definition() -> None:
    for size in [*range(40), 63, 64, 65, 127, 128, 129, 300]:
        tree = LeafIndex(map(leaf_hash, LINES[:size]))
        assert (tree.size, tree.root()) == (size, root_of(LINES[:size]))
        for index in range(size):
            assert tree.leaf(index) == leaf_hash(LINES[index])
            if size < 40 or index % 17 == 0 or index == size - 1:
                assert tree.inclusion(index) == path_of(index, LINES[:size])
        for index in (-1, size):
            with pytest.raises(ValueError, match="no leaf"):
                tree.inclusion(index)
    with pytest.raises(ValueError, match="leaf hash"):
        LeafIndex([b"short"])


@given(st.data())
def test_a_proof_holds_for_its_line_in_its_place_only(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(LINES)))
    index = data.draw(st.integers(0, size - 1))
    found, root = parse(proof_of(index, size)), root_of(LINES[:size])
    assert isinstance(found, Proof) and found.index == index
    assert found.holds(LINES[index], ORIGIN, size, root) == ""
    assert "another log" in found.holds(LINES[index], ORIGIN[:-1] + "0", size, root)
    for other in ((size + 1, root), (size, sha256(b"x").digest())):
        assert "tree head" in found.holds(LINES[index], ORIGIN, *other)
    wrong = data.draw(st.integers(0, len(LINES) - 1).filter(lambda number: number != index))
    assert found.holds(LINES[wrong], ORIGIN, size, root)
    moved = render(wrong, found.path, found.note) if wrong < size else proof_of(index, size)[:-1]
    try:
        assert parse(moved).holds(LINES[index], ORIGIN, size, root)
    except InputError:
        assert wrong >= size


@given(st.data())
def test_a_changed_byte_of_a_proof_is_seen(data: st.DataObject) -> None:
    """Before the signature, that is: it is not judged, for the seal signs the root."""
    size = data.draw(st.integers(2, 60))
    index = data.draw(st.integers(0, size - 1))
    good = proof_of(index, size)
    judged = good.index("\n\n— ".encode()) + 2
    at = data.draw(st.integers(0, judged - 1))
    bad = bytearray(good)
    bad[at] ^= 1 << data.draw(st.integers(0, 7))
    try:
        found = parse(bytes(bad))
    except InputError:
        return
    assert found.holds(LINES[index], ORIGIN, size, root_of(LINES[:size])) or found.index != index


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("index 3", "index 03"),
        lambda text: text.replace("index 3", "index -3"),
        lambda text: text.replace("index 3\n", "index 3\nindex 3\n"),
        lambda text: text.replace("@v1", "@v2"),
        lambda text: text.replace("\n\n", "\n", 1),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("index 3\n", "extra !\nindex 3\n"),
        lambda text: text.replace("index 3\n", "index 3\n" + base64.b64encode(bytes(31)).decode() + "\n"),
        lambda text: text.replace("index 3\n", "index 3\n" + (base64.b64encode(bytes(32)).decode() + "\n") * 65),
        lambda text: text.replace("=\n", "\n", 1),
        lambda text: text + "x",
        lambda text: text + "\n" * (64 << 10),
        lambda text: "",
    ],
)
def test_another_spelling_is_refused(change) -> None:
    with pytest.raises(InputError):
        parse(change(proof_of(3, 9).decode()).encode())


def test_an_extra_line_is_kept_and_proves_nothing() -> None:
    found = parse(proof_of(3, 9).replace(b"index 3\n", b"extra aGk=\nindex 3\n"))
    assert found.extra == b"hi" and found.holds(LINES[3], ORIGIN, 9, root_of(LINES[:9])) == ""


def test_what_is_no_path_is_not_rendered() -> None:
    for index, path in ((-1, []), (1 << 53, []), (0, [b"x"]), (0, [bytes(32)] * (MAX_HASHES + 1))):
        with pytest.raises(ValueError, match="audit path"):
            render(index, path, note_of(9, bytes(32)))
    with pytest.raises(ValueError, match="at most"):
        render(0, [], bytes(64 << 10))


def test_others_inclusion_vectors_through_the_codec(shared_data: Path) -> None:
    seen = {True: 0, False: 0}
    for place in sorted((shared_data / "vectors/merkle/inclusion").rglob("*.json")):
        case = json.loads(place.read_bytes())
        root, leaf = base64.b64decode(case["root"] or ""), base64.b64decode(case["leafHash"] or "")
        path = [base64.b64decode(value) for value in case["proof"] or ()]
        try:
            found = parse(render(case["leafIdx"], path, note_of(case["treeSize"], root)))
        except (ValueError, InputError):
            good = False
        else:
            head = found.checkpoint
            good = verify_inclusion(found.index, head.size, leaf, found.path, head.root)
        assert good is not case["wantErr"], place
        seen[good] += 1
    assert seen[True] >= 5 and seen[False] >= 50, seen
