"""Row files read back: every line of a whole file; of a broken one what stands before the fault."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from forensics.tasks.rowfile import RowWriter
from forensics.tasks.rowread import RowsBroken, row_lines


def test_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.rows"
    with RowWriter(str(path)) as rows:
        for number in range(50_000):
            rows.add({"n": number})
    assert list(row_lines(path)) == [b'{"n":%d}' % number for number in range(50_000)]


@pytest.mark.parametrize(
    "broken",
    [
        lambda data: zstandard.compress(data)[:-9],
        lambda data: zstandard.compress(data[:-1]),
        lambda data: data,
        lambda data: zstandard.compress(data + b"x" * 5_000 + b"\n"),
    ],
    ids=["cut", "no end", "not packed", "long line"],
)
def test_broken(tmp_path: Path, broken: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "a.rows"
    path.write_bytes(broken(b'{"n":1}\n{"n":2}\n'))
    found = []
    with pytest.raises(RowsBroken):
        for line in row_lines(path, max_row=1_000):
            found.append(line)
    assert set(found) <= {b'{"n":1}', b'{"n":2}'}
