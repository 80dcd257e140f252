"""Journal files: our own reader against files of systemd's own making, and damage."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from journal_writer import journal
from opened_file import parse

from collectors.parsers.journal.lz4 import Lz4Error, unpack
from collectors.parsers.journal.parser import JournalParser

REMOTE = "/usr/lib/systemd/systemd-journal-remote"
LONG = b"MESSAGE=" + b"x" * 5000
LOGON = [
    b"MESSAGE=Accepted password for bob from 198.51.100.4 port 4711 ssh2",
    b"SYSLOG_IDENTIFIER=sshd",
    b"_EXE=/usr/sbin/sshd",
]


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("how", ["", "xz", "lz4", "zstd"])
def test_each_form(tmp_path: Path, how: str, compact: bool) -> None:
    path = tmp_path / "system.journal"
    path.write_bytes(journal([(1_700_000_000_000_001, LOGON), (2, [LONG])], how=how, compact=compact, sealed=True))
    (first, second), problems, told = parse(path, JournalParser())
    assert not problems
    assert (first.ts, first.tz_basis, first.ts_raw) == (1_700_000_000_000_001_000, "utc", "1700000000000001")
    assert (first.action, first.user, first.src_ip, first.process) == ("logon", "bob", "198.51.100.4", "/usr/sbin/sshd")
    assert second.attrs["MESSAGE"] == "x" * 5000
    assert second.message.endswith("…") and len(second.message) == 1000
    assert (told["records-in-header"], told["records-walked"], told["records-parsed"], told["sealed"]) == (2, 2, 2, 1)
    assert told["compression"] == how


def test_damage_costs_what_it_hits(tmp_path: Path) -> None:
    path = tmp_path / "system.journal"
    whole = journal([(number, [b"MESSAGE=%d" % number, LONG]) for number in range(1, 9)], how="zstd")
    path.write_bytes(whole)
    events, _, _ = parse(path, JournalParser())
    third = int(events[2].locator[1:])
    # The third entry's size is zero: the walk ends there; the chain of arrays goes on.
    path.write_bytes(whole[: third + 8] + bytes(8) + whole[third + 16 :])
    events, problems, told = parse(path, JournalParser())
    assert sorted(one.attrs["__SEQNUM"] for one in events) == [1, 2, 4, 5, 6, 7, 8]
    assert {one.code for one in problems} == {"walk", "record"} and told["entries-by-array-only"] == 6
    # The shared data object's content is broken: the entries stand without it, and say so.
    at = whole.index(b"\x28\xb5\x2f\xfd")
    path.write_bytes(whole[:at] + b"\0\0\0\0" + whole[at + 4 :])
    events, problems, told = parse(path, JournalParser())
    assert len(events) == 8 and told["fields-lost"] == 8 and {one.code for one in problems} == {"fields"}
    path.write_bytes(whole[:12] + b"\x80" + whole[13:])
    assert [one.code for one in parse(path, JournalParser())[1]] == ["header"], "an unknown format flag is refused"


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.journal"
    path.write_bytes(journal([(1, [b"A=1", b"MESSAGE=" + bytes(64 << 20)])], how="zstd"))
    (event,), problems, _ = parse(path, JournalParser())
    assert "MESSAGE" not in event.attrs and "more than" in problems[0].detail


def test_lz4_blocks() -> None:
    assert unpack(b"\x1fa\x01\x00\x05\x50bcdef", 30) == b"a" * 25 + b"bcdef"
    for broken in (b"\x1fa", b"\x1fa\x02\x00\x05\x50bcdef", b"\x10", b"\xf0\xff"):
        with pytest.raises(Lz4Error):
            unpack(broken, 30)


def test_as_journalctl_reads_it(tmp_path: Path, not_shown: Callable[[str], NoReturn]) -> None:
    """A file of systemd's own writer: every entry and field as ``journalctl -o json`` gives them."""
    if not Path(REMOTE).exists() or shutil.which("journalctl") is None:
        not_shown("needs systemd-journal-remote")
    boot = "_BOOT_ID=3c1b6b4a2d5e4f3a8b7c6d5e4f3a2b1c"
    export = b""
    for number in range(300):
        text = f"__REALTIME_TIMESTAMP={1_700_000_000_000_000 + number}\n__MONOTONIC_TIMESTAMP={number + 1}\n{boot}\n"
        text += f"SYSLOG_IDENTIFIER=test\nPRIORITY={number % 8}\nCODE=a\nCODE=b\n"
        text += f"MESSAGE=line {number} {'x' * (number % 7 * 400)}\n"
        export += (
            text.encode() + b"BINARY\n" + (5).to_bytes(8, "little") + b"a\n\xff\0" + bytes((number % 251,)) + b"\n\n"
        )
    (tmp_path / "export").write_bytes(export)
    path = tmp_path / "system.journal"
    quiet = {"capture_output": True, "check": True}
    subprocess.run([REMOTE, "-o", str(path), str(tmp_path / "export")], env={"PATH": os.defpath}, **quiet)  # type: ignore[call-overload]
    shown = subprocess.run(["journalctl", "--file", str(path), "-o", "json", "--all"], **quiet)  # type: ignore[call-overload]
    expected = [json.loads(line) for line in shown.stdout.splitlines()]
    events, problems, told = parse(path, JournalParser())
    assert not problems and told["records-in-header"] == len(events) == len(expected) == 300
    for event, row in zip(events, expected, strict=True):
        assert event.ts_raw == row["__REALTIME_TIMESTAMP"]
        assert event.attrs["MESSAGE"] == row["MESSAGE"] and event.attrs["PRIORITY"] == row["PRIORITY"]
        assert sorted(event.attrs["CODE"]) == sorted(row["CODE"])
        assert event.attrs["__BOOT_ID"] == row["_BOOT_ID"]
    assert told["state"] in ("offline", "archived")
