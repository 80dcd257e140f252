"""Frames: any split of the stream gives the same frames; any bound broken is an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forensics import errors
from forensics.errors import BadRange, ChildDied, ChildRefused, Denied, FrameError, KeyInvalid, SealbagError
from forensics.worker.failure import clean, failure_from_row, failure_row
from forensics.worker.frames import (
    ALIVE,
    BYTES,
    HEADER,
    MAX_BYTES,
    MAX_MESSAGE,
    MESSAGE,
    Frame,
    FrameReader,
    decode,
    encode,
    frame,
    header,
)

TEXT = st.text(max_size=20)
BODIES = st.one_of(
    st.binary(max_size=300).map(lambda data: (BYTES, data)),
    st.dictionaries(TEXT, st.one_of(TEXT, st.integers(), st.none(), st.booleans()), max_size=4).map(
        lambda message: (MESSAGE, encode(message))
    ),
    st.just((ALIVE, b"")),
)


def frames_of(stream: bytes, cuts: list[int]) -> list[Frame]:
    reader, found, last = FrameReader(), [], 0
    for cut in [*sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]:
        reader.feed(stream[last:cut])
        last = cut
        while (one := reader.next()) is not None:
            found.append(one)
    assert reader.pending == 0
    return found


@given(st.lists(BODIES, max_size=8), st.lists(st.integers(0, 3000), max_size=10))
def test_any_split_gives_the_same_frames(bodies: list[tuple[int, bytes]], cuts: list[int]) -> None:
    found = frames_of(b"".join(frame(kind, body) for kind, body in bodies), cuts)
    assert [(one.kind, one.data) for one in found] == bodies
    assert all(one.message == decode(one.data) for one in found if one.kind == MESSAGE)


@given(st.binary(max_size=200))
def test_garbage_is_frames_or_an_error(data: bytes) -> None:
    reader = FrameReader()
    reader.feed(data)
    try:
        while reader.next() is not None:
            pass
    except FrameError:
        return
    assert reader.pending <= len(data)


@pytest.mark.parametrize(
    "stream",
    [
        HEADER.pack(MAX_MESSAGE + 1, MESSAGE),
        HEADER.pack(MAX_BYTES + 1, BYTES),
        HEADER.pack(1, ALIVE),
        HEADER.pack(0, 0),
        HEADER.pack(0, 77),
        HEADER.pack(2, MESSAGE) + b"[]",
        HEADER.pack(1, MESSAGE) + b"{",
        HEADER.pack(9, MESSAGE) + b'{"a":NaN}',
        HEADER.pack(2, MESSAGE) + b"\xff\xff",
        HEADER.pack(200_000, MESSAGE) + b"[" * 200_000,
        HEADER.pack(10_006, MESSAGE) + b'{"a":' + b"9" * 10_000 + b"}",
    ],
)
def test_broken_frames_are_refused(stream: bytes) -> None:
    reader = FrameReader()
    reader.feed(stream)
    with pytest.raises(FrameError):
        reader.next()


def test_a_length_over_the_bound_is_refused_before_the_body_is_there() -> None:
    with pytest.raises(FrameError):
        frame(BYTES, bytes(MAX_BYTES + 1))
    with pytest.raises(FrameError):
        header(MAX_BYTES + 1)
    assert len(frame(BYTES, bytes(MAX_BYTES))) == MAX_BYTES + HEADER.size


def test_errors_of_ours_keep_their_class_and_code() -> None:
    class Odd(Denied):
        code = "odd"

    error = failure_from_row(failure_row(Odd("no", where="here", hint="ask")))
    assert type(error) is Denied
    assert (error.code, error.what, error.where, error.hint) == ("odd", "no", "here", "ask")
    bad = failure_from_row(failure_row(BadRange(5, 7, "EIO")))
    assert isinstance(bad, BadRange) and (bad.offset, bad.length, bad.what) == (5, 7, "EIO")
    assert type(failure_from_row(failure_row(KeyInvalid("x")))) is KeyInvalid
    other = failure_from_row(failure_row(KeyError("x" * 9999)))
    assert type(other) is ChildRefused and str(other).startswith("KeyError: ") and len(str(other)) < 2100
    memory = failure_from_row(failure_row(MemoryError()))
    assert type(memory) is ChildDied and memory.code == "child-memory"


@pytest.mark.parametrize(
    "name", ["ChildDied", "ChildHung", "FrameError", "StorageError", "DiskFull", "Interrupted", "SealbagError",
             "OutputLocked", "CoverageError", "annotations", "Nothing", None, 5, []]
)  # fmt: skip
def test_a_child_cannot_speak_for_others(name: object) -> None:
    error = failure_from_row({"class": name, "what": "x\x1b[31m\u202e"})
    assert type(error) is ChildRefused and "\x1b" not in str(error) and "\u202e" not in str(error)


@given(st.dictionaries(st.sampled_from(["class", "type", "what", "where", "code", "hint", "offset", "length"]),
       st.one_of(st.none(), st.integers(), TEXT, st.lists(st.integers(), max_size=2),
                 st.sampled_from(sorted(vars(errors))))))  # fmt: skip
def test_any_failure_row_is_an_error_and_never_raises(row: dict[str, object]) -> None:
    error = failure_from_row(row)
    assert isinstance(error, SealbagError) and error.code
    assert clean(error.what) == error.what
