"""utmp, wtmp, btmp, lastlog: every platform's layout, padding, damage."""

from __future__ import annotations

import json
import socket
import struct
from pathlib import Path

import pytest
from opened_file import parse

from collectors.parsers.utmp import UtmpParser

LITTLE = struct.Struct("<h2xi32s4s32s256shhiii16s20x")
#: file of the real data -> events, empty records, problems; plaso counts empty records as events and stops at damage.
REAL = {
    "utmp_x86_64": (6, 0, 0), "utmp_aarch64": (6, 0, 0), "utmp_s390": (6, 0, 0),
    "utmp_corrupted": (2, 0, 3), "wtmp.1": (2, 2, 1),
}  # fmt: skip


def record(kind: int, user: bytes, line: bytes, host: bytes, seconds: int, ip: str = "") -> bytes:
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    raw = socket.inet_pton(family, ip) if ip else b""
    return LITTLE.pack(kind, 77, line, b"ts/1", user, host, 0, 0, 0, seconds, 250_000, raw)


@pytest.mark.parametrize("name", REAL)
def test_real_files(shared_data: Path, name: str) -> None:
    path = shared_data / "plaso" / "utmp" / name
    events, problems, told = parse(path, UtmpParser(), name=f"var/log/{name}")
    assert (len(events), told["records-empty"], len(problems)) == REAL[name]
    (expected,) = json.loads((shared_data / "plaso" / "expected.json").read_bytes())[f"utmp/{name}"]
    assert len(events) + int(told["records-empty"]) == expected["event_data"]
    assert told["layout"] == {"utmp_aarch64": "400-little", "utmp_s390": "400-big"}.get(name, "384-little")


def test_kinds(tmp_path: Path) -> None:
    path = tmp_path / "wtmp"
    path.write_bytes(
        record(2, b"reboot", b"~", b"6.1.0", 1_700_000_000)
        + record(7, b"alice", b"pts/1", b"203.0.113.5", 1_700_000_100, "203.0.113.5")
        + bytes(384)
        + record(7, b"bob", b"pts/2", b"gw.example", 1_700_000_200, "2001:db8::1")
        + record(8, b"", b"pts/1", b"", 1_700_000_300)
        + record(1, b"shutdown", b"~~", b"6.1.0", 1_700_000_400)
        + record(7, b"x\x1b[31m", b"pts/3", b"", 0)
        + b"\x07\0\0\0tail"
    )
    events, problems, told = parse(path, UtmpParser(), name="var/log/wtmp")
    assert [one.action for one in events] == ["system-start", "logon", "logon", "logoff", "system-stop"]
    assert [one.locator for one in events] == ["r0.0", "r1.0", "r3.0", "r4.0", "r5.0"]
    assert events[1].ts == 1_700_000_100_250_000_000
    assert [one.src_ip for one in events[1:3]] == ["203.0.113.5", "2001:db8::1"]
    # an ESC in a name is no utmp record of any system; it is not lost
    assert [(one.locator, one.code) for one in problems] == [("r6.0", "record"), ("r7.0", "truncated")]
    assert told["records-empty"] == 1
    events, _, _ = parse(path, UtmpParser(), name="var/log/btmp-20240101")
    assert [one.action for one in events if one.user] == ["logon-failed", "logon-failed"]


def test_lastlog_is_sparse(tmp_path: Path) -> None:
    path = tmp_path / "lastlog"
    with path.open("wb") as file:
        file.seek(70_000 * 292)
        file.write(struct.pack("<I32s256s", 1_700_000_000, b"pts/0", b"198.51.100.7"))
        file.write(bytes(292))
        file.write(struct.pack("<I32s256s", 1_700_000_001, b"tty1", b""))
    (one, two), problems, told = parse(path, UtmpParser(), name="var/log/lastlog")
    assert not problems and told["records-empty"] == 70_001
    assert (one.locator, one.user, one.src_ip, one.action) == ("r70000.0", "uid=70000", "198.51.100.7", "logon")
    assert (two.user, two.ts_kind) == ("uid=70002", "last-logon")


def test_what_is_none(tmp_path: Path) -> None:
    path = tmp_path / "wtmp"
    path.write_bytes(b"not a record at all\n" * 100)
    events, problems, _ = parse(path, UtmpParser(), name="var/log/wtmp")
    assert not events and [one.code for one in problems] == ["layout"]
    path.write_bytes(bytes(384 * 3))
    assert parse(path, UtmpParser(), name="var/log/wtmp")[:2] == ([], [])
