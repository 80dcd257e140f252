"""Histories, cron tables, package logs, volatile rows, and all of them packed."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from opened_file import parse

from collectors.parsers import unpack
from collectors.parsers.cron import CronParser
from collectors.parsers.history import HistoryParser
from collectors.parsers.packages import PackagesParser
from collectors.parsers.syslog import SyslogParser
from collectors.parsers.volatile import VolatileParser
from forensics.model.event import Event, Parser, Problem

PACKERS: list[Callable[[bytes], bytes]] = [
    gzip.compress,
    bz2.compress,
    lzma.compress,
    zstandard.ZstdCompressor().compress,
]


def read(
    tmp_path: Path, parser: Parser, name: str, text: bytes, **inputs: str | int
) -> tuple[list[Event], list[Problem], dict[str, int | str]]:
    path = tmp_path / "content"
    path.write_bytes(text)
    assert parser.claims(name, text[:4096]) >= 50
    return parse(path, parser, name=name, **inputs)


def test_bash_history(tmp_path: Path) -> None:
    text = b"ls\n#1700000000\nwget http://x/\n#1700000005\nfor i in 1 2\ndo echo\n\n#not a time\n\xff\n"
    events, problems, told = read(tmp_path, HistoryParser(), "home/eve/.bash_history", text)
    assert not problems and (told["commands"], told["dated"]) == (6, 2)
    # The line after a dated one has no time of its own and borrows none.
    assert [one.ts for one in events] == [None, 1_700_000_000 * 10**9, 1_700_000_005 * 10**9, None, None, None]
    assert {one.user for one in events} == {"eve"} and {one.action for one in events} == {"command"}
    assert events[1].attrs["command"] == "wget http://x/" and events[1].locator == "o15"
    assert events[-1].attrs["raw"] == "/w=="


def test_zsh_history(tmp_path: Path) -> None:
    text = b": 1700000000:3;echo a\\\necho b\n: 1700000009:0;print \x83\xa3\nplain\n"
    events, problems, _ = read(tmp_path, HistoryParser(), "root/.zsh_history", text)
    assert not problems
    assert [one.attrs["command"] for one in events] == ["echo a\necho b", "print \\x83", "plain"]
    assert events[0].attrs["elapsed_s"] == 3 and events[0].user == "root"
    assert [one.ts is None for one in events] == [False, False, True]
    assert events[0].message == "echo a\\u{A}echo b"


def test_fish_history(tmp_path: Path) -> None:
    text = b"- cmd: ls \\\\tmp\\nls\n  when: 1700000000\n  paths:\n    - /tmp\n- cmd: undated\n  odd: 1\n"
    events, problems, _ = read(tmp_path, HistoryParser(), "home/a/.local/share/fish/fish_history", text)
    assert [one.attrs["command"] for one in events] == ["ls \\tmp\nls", "undated"]
    assert events[0].ts == 1_700_000_000 * 10**9 and events[1].ts is None
    assert events[0].attrs["paths"] == ["/tmp"] and [one.code for one in problems] == ["line"]


def test_cron_tables(tmp_path: Path) -> None:
    text = b"# m h\nPATH=/usr/bin\n17 *\t* * *\troot\tcd / && run\n@reboot eve /tmp/x\n*/5 * * * *\nnonsense\n"
    events, problems, _ = read(tmp_path, CronParser(), "etc/cron.d/job", text)
    assert [(one.action, one.user, one.process) for one in events] == [
        ("cron-variable", "", ""), ("cron-job", "root", "cd"), ("cron-job", "eve", "/tmp/x"),
    ]  # fmt: skip
    assert [one.code for one in problems] == ["line", "line"] and {one.ts for one in events} == {None}
    (own,), _, _ = read(tmp_path, CronParser(), "var/spool/cron/crontabs/bob", b"*/5 1-3 * jan mon,tue curl x | sh\n")
    assert (own.user, own.attrs["when"], own.attrs["command"]) == ("bob", "*/5 1-3 * jan mon,tue", "curl x | sh")
    (table,), _, _ = read(tmp_path, CronParser(), "etc/anacrontab", b"7 10 cron.weekly run-parts /etc/cron.weekly\n")
    assert table.attrs["command"] == "run-parts /etc/cron.weekly"


def test_dpkg(tmp_path: Path, shared_data: Path) -> None:
    real = (shared_data / "plaso" / "dpkg.log").read_bytes()
    (expected,) = json.loads((shared_data / "plaso" / "expected.json").read_bytes())["dpkg.log"]
    events, problems, _ = read(tmp_path, PackagesParser(), "var/log/dpkg.log", real, zone="+01:00")
    assert len(events) == expected["event_data"] and not problems
    assert (events[2].action, events[2].attrs["package"], events[2].tz_basis) == (
        "package-installed", "base-passwd:amd64", "host-zone",
    )  # fmt: skip


LOGS = {
    "var/log/apt/history.log": (
        b"\nStart-Date: 2024-01-02  03:04:05\nCommandline: apt-get install nmap\nRequested-By: eve (1000)\n"
        b"Install: nmap:amd64 (7.93), liblua:amd64 (5.3, automatic)\nEnd-Date: 2024-01-02  03:04:09\n\nError: x\n",
        ["package-installed"], 1, "assumed-utc",
    ),
    "var/log/yum.log": (b"Jan 02 03:04:05 Installed: nmap-7.93\nrubbish\n", ["package-installed"], 1, "assumed-utc"),
    "var/log/dnf.rpm.log": (
        b"2024-01-02T03:04:05+0100 SUBDEBUG Erase: nmap-7.93\n2024-01-02T03:04:05+0100 INFO table\n  row\n",
        ["package-removed", "", ""], 0, "offset",
    ),
    "var/log/pacman.log": (
        b"[2024-01-02T03:04:05+0100] [ALPM] upgraded bash (5.1 -> 5.2)\n[2024-01-02 03:04] [PACMAN] Running 'pacman'\n",
        ["package-upgraded", ""], 0, "offset",
    ),
    "var/log/zypp/history": (
        b"# comment\n2024-01-02 03:04:05|install|nmap|7.93|x86_64|root@h|\n", ["package-installed"], 0, "assumed-utc",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LOGS)
def test_package_logs(tmp_path: Path, name: str) -> None:
    text, actions, lost, basis = LOGS[name]
    events, problems, _ = read(tmp_path, PackagesParser(), name, text, mtime=1_704_200_000 * 10**9)
    assert [one.action for one in events] == actions and len(problems) == lost
    assert events[0].tz_basis == basis
    assert events[0].ts == (1_704_164_645 - (3600 if basis == "offset" else 0)) * 10**9
    if "apt" in name:
        assert events[0].user == "eve" and "nmap:amd64" in events[0].attrs["paragraph"]


def test_volatile_rows(tmp_path: Path) -> None:
    rows = [
        {"type": "header", "schema": "sealbag/volatile.processes/1"},
        {"type": "process", "pid": 7, "ppid": 1, "start_ns": 1_700_000_000_000_000_000, "exe": "/tmp/x", "uid": [0, 0],
         "cmdline": ["[kworker/0:1]", "-x\\u{1B}"]},
        {"type": "socket", "proto": "tcp", "local": "0.0.0.0", "local_port": 4444, "remote": "203.0.113.1", "uid": 33},
        {"type": "denied", "what": "fd", "code": "denied"},
        {"type": "end", "rows": 3},
    ]  # fmt: skip
    text = b"".join(json.dumps(row).encode() + b"\n" for row in rows) + b"[1]\n{broken\n" + b'{"type":"\\ud800"}\n'
    events, problems, told = read(tmp_path, VolatileParser(), "volatile/processes.jsonl", text)
    assert [one.action for one in events] == ["process-seen", "socket-seen", "not-seen", "row-seen"]
    process, socket = events[:2]
    assert (process.ts, process.ts_kind, process.user, process.process) == (
        1_700_000_000_000_000_000,
        "started",
        "uid=0",
        "/tmp/x",
    )
    assert "[kworker/0:1]" in process.message and process.attrs == rows[1]
    assert (socket.ts, socket.src_ip, socket.user) == (None, "203.0.113.1", "uid=33")
    assert [one.code for one in problems] == ["row", "row"] and (told["ended"], told["rows-in-end"]) == (1, 3)


@pytest.mark.parametrize("pack", PACKERS)
def test_packed(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    text = b"".join(b"2024-01-02T03:04:%02dZ h app: line %d\n" % (n % 60, n) for n in range(5000))
    plain, _, _ = read(tmp_path, SyslogParser(), "var/log/syslog", text)
    packed, problems, told = read(
        tmp_path, SyslogParser(), "var/log/syslog.2.gz", pack(text[:70_000]) + pack(text[70_000:])
    )
    assert [(one.locator, one.message) for one in packed] == [(one.locator, one.message) for one in plain]
    assert not problems and told["offsets"] == "unpacked"
    # What could be unpacked stands; that the rest is gone is said.
    half = pack(text)
    events, problems, _ = read(tmp_path, SyslogParser(), "var/log/syslog.2.gz", half[: len(half) // 2])
    assert len(events) < 5000 and [one.code for one in problems] == ["unpack"]
    garbled = bytearray(half)
    garbled[len(half) // 2] ^= 0xFF
    read(tmp_path, SyslogParser(), "var/log/syslog.2.gz", bytes(garbled))


def test_a_bomb_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "FREE", 1 << 20)
    monkeypatch.setattr(unpack, "MAX_RATIO", 10)
    bomb = gzip.compress(b"2024-01-02T03:04:05Z h app: x\n" * 200_000)
    events, problems, _ = read(tmp_path, SyslogParser(), "var/log/syslog.1.gz", bomb)
    assert 0 < len(events) < 200_000 and "unpacks to more than" in problems[-1].detail
