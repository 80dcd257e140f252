"""Signed notes and checkpoints: a second reader, written from the C2SP text, must agree with ours.

``open_note`` and the Ed25519 below it use hashlib and base64 alone and share nothing with forensics.
"""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forensics.custody import notes
from forensics.custody.keys import RunKey
from forensics.errors import InputError

NAME = "sealbag/0123456789abcdef0123456789abcdef"
ROOT = hashlib.sha256(b"root").digest()
KEY = RunKey.new()
BODY = notes.checkpoint_body(NAME, 20852163, ROOT)
NOTE = notes.sign_note(BODY, NAME, KEY)

# published by the Go project: the example of its package note
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
).encode()

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def point(data: bytes) -> tuple[int, int]:
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert (x * x - square) % P == 0, "no point"
    return (P - x if x & 1 != sign else x), y


def add(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    product = D * a[0] * b[0] * a[1] * b[1]
    x = (a[0] * b[1] + b[0] * a[1]) * pow(1 + product, -1, P)
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - product, -1, P)
    return x % P, y % P


def times(scalar: int, base: tuple[int, int]) -> tuple[int, int]:
    result = (0, 1)
    for bit in bin(scalar)[2:]:
        result = add(result, result)
        if bit == "1":
            result = add(result, base)
    return result


GENERATOR = point(b"\x58" + b"\x66" * 31)


def ed25519(public: bytes, signature: bytes, message: bytes) -> bool:
    """RFC 8032 §5.1.7."""
    s = int.from_bytes(signature[32:], "little")
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    return s < L and times(s, GENERATOR) == add(point(signature[:32]), times(k, point(public)))


def open_note(note: bytes, vkey: str) -> str:
    """Return the text of *note* if the key of *vkey* signed it, by c2sp.org/signed-note alone."""
    name, key_id, encoded = vkey.split("+", 2)
    key = base64.b64decode(encoded)
    assert key[0] == 1 and hashlib.sha256(name.encode() + b"\n" + key).hexdigest()[:8] == key_id
    text, _, signatures = note.decode("utf-8").rpartition("\n\n")
    text += "\n"
    assert signatures.endswith("\n")
    assert all(char >= " " or char == "\n" for char in note.decode())
    verified = False
    for line in signatures[:-1].split("\n"):
        dash, signer, blob = line.split(" ")
        assert dash == "\N{EM DASH}"
        raw = base64.b64decode(blob, validate=True)
        if (signer, raw[:4].hex()) == (name, key_id):
            assert ed25519(key[1:], raw[4:], text.encode()), "bad signature"
            verified = True
    assert verified, "not signed by this key"
    return text


def test_the_second_reader_opens_our_checkpoint() -> None:
    text = open_note(NOTE, notes.verifier_key(NAME, KEY.public_raw))
    assert text.split("\n") == [NAME, "20852163", base64.b64encode(ROOT).decode(), ""]


@pytest.mark.parametrize("at", [0, 45, 60, len(BODY) + 60, len(NOTE) - 30])
def test_the_second_reader_refuses_a_changed_checkpoint(at: int) -> None:
    changed = bytearray(NOTE)
    changed[at] ^= 1
    with pytest.raises((AssertionError, ValueError)):
        open_note(bytes(changed), notes.verifier_key(NAME, KEY.public_raw))


def test_we_open_what_another_implementation_published() -> None:
    name, public = notes.parse_verifier_key(PETER)
    note = notes.parse_note(PETER_NOTE)
    assert open_note(PETER_NOTE, PETER) == note.text
    assert notes.verify_note(note, name, public)
    assert not notes.verify_note(note, NAME, public)
    assert not notes.verify_note(note, name, KEY.public_raw)


def accepted(data: bytes) -> bool:
    try:
        return notes.verify_note(notes.parse_note(data), NAME, KEY.public_raw)
    except InputError:
        return False


@settings(max_examples=300)
@given(st.integers(0, len(NOTE) - 1), st.integers(1, 255))
def test_no_byte_of_a_note_can_change(at: int, flip: int) -> None:
    assert accepted(NOTE)
    changed = bytearray(NOTE)
    changed[at] ^= flip
    assert not accepted(bytes(changed))


def test_no_note_cut_or_lengthened_is_accepted() -> None:
    assert not any(accepted(NOTE[:size]) for size in range(len(NOTE)))
    assert not any(accepted(NOTE + more) for more in (b"\n", b" ", b"x", b"\n\n", NOTE))
    assert not any(accepted(more + NOTE) for more in (b"\n", b" ", b"x"))


def test_other_signatures_are_ignored_and_every_one_of_ours_must_hold() -> None:
    other = notes.sign_note(BODY, "witness.example/w", RunKey.new()).split(b"\n\n")[1]
    forged = notes.sign_note(BODY.replace("2", "3"), NAME, KEY).split(b"\n\n")[1]
    note = notes.parse_note(NOTE + other)
    assert [line.name for line in note.signatures] == [NAME, "witness.example/w"]
    assert accepted(NOTE + other * 15)
    assert not accepted(NOTE + other * 16), "17 signatures"
    assert not accepted(NOTE + forged)
    assert not accepted(BODY.encode() + b"\n" + other)


def test_a_note_is_bounded() -> None:
    text = "x" * (notes.MAX_NOTE - 200) + "\n"
    notes.parse_note(notes.sign_note(text, "n", KEY))
    with pytest.raises(ValueError, match="65536"):
        notes.sign_note(text + "y" * 200 + "\n", "n", KEY)
    with pytest.raises(InputError, match="65536"):
        notes.parse_note(b"x" * (notes.MAX_NOTE + 1))


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\u2003b", "a\nb", "a\x01b", "x" * 257])
def test_a_key_name_is_checked(name: str) -> None:
    with pytest.raises(ValueError, match="key name"):
        notes.sign_note(BODY, name, KEY)
    with pytest.raises(ValueError, match="key name"):
        notes.checkpoint_body(name, 1, ROOT)


@pytest.mark.parametrize("text", ["no newline", "a\tb\n", "a\r\n", "\x00\n"])
def test_a_text_that_no_note_can_carry_is_not_signed(text: str) -> None:
    with pytest.raises(ValueError, match="text"):
        notes.sign_note(text, NAME, KEY)


@given(st.integers(0, 1 << 53), st.binary(min_size=32, max_size=32))
def test_a_checkpoint_comes_back(size: int, root: bytes) -> None:
    body = notes.checkpoint_body(NAME, size, root)
    assert notes.parse_checkpoint(body) == notes.Checkpoint(NAME, size, root)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n20852163\n", "\n020852163\n"),
        ("\n20852163\n", "\n-1\n"),
        ("\n20852163\n", "\n+1\n"),
        ("\n20852163\n", "\n\n"),
        ("\n20852163\n", "\n９\n"),
        ("\n20852163\n", "\n9007199254740993\n"),
        ("=\n", "\n"),
        ("=\n", "=\nextension\n"),
        ("=\n", "=\n\n"),
        ("=\n", "="),
        (NAME, ""),
        (NAME, "a b"),
    ],
)
def test_a_checkpoint_in_another_spelling_is_refused(old: str, new: str) -> None:
    assert old in BODY
    with pytest.raises(InputError):
        notes.parse_checkpoint(BODY.replace(old, new))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a+b",
        PETER.replace("c74f20a3", "C74F20A3"),
        PETER.replace("c74f20a3", "c74f20a4"),
        PETER.replace("Peter", "peter"),
        PETER + "=",
        PETER.replace("+AR", "+BR"),
    ],
)
def test_a_verifier_key_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        notes.parse_verifier_key(text)


def test_a_signature_has_one_spelling_in_base64() -> None:
    """68 bytes leave two spare bits in the last character: set, they would be a second note of the same value."""
    assert NOTE.endswith(b"=\n")
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = alphabet[alphabet.index(NOTE[-3]) ^ 1]
    changed = NOTE[:-3] + bytes([other]) + NOTE[-2:]
    assert base64.b64decode(changed.split(b" ")[-1]) == base64.b64decode(NOTE.split(b" ")[-1])
    with pytest.raises(InputError, match="not canonical"):
        notes.parse_note(changed)
