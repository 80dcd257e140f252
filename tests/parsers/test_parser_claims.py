"""Exactly one parser takes each name; and no parser stumbles over what it is given."""

from __future__ import annotations

import random
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from evtx_writer import chunk, event, log
from journal_writer import journal
from opened_file import OpenedFile
from test_parse_utmp import record

from forensics.model.event import Event, Parser, Problem

SYSLOG = b"Jan  1 00:00:00 h sshd[1]: Accepted password for a from 1.2.3.4 port 5 ssh2\nJan  1 00:00:01 h a: b\n"
ISO = b"2024-01-01T00:00:00.5+01:00 h sshd[1]: Accepted password for a from 1.2.3.4 port 5 ssh2\n"
UTMP = record(7, b"a", b"pts/1", b"h", 1_700_000_000) + record(8, b"", b"pts/1", b"", 1_700_000_001)
NODE = event(
    "4624", {"TargetUserName": "a"}, provider="Microsoft-Windows-Security-Auditing", time="2024-01-01T00:00:00Z"
)
EVTX = log([chunk([(number, 5, NODE) for number in range(1, 4)])])
JOURNAL = journal([(1, [b"MESSAGE=a", b"SYSLOG_IDENTIFIER=b"]), (2, [b"MESSAGE=" + b"c" * 100])], how="zstd")
ROW = b'{"type":"process","pid":1,"start_ns":5}\n'
ACCESS = b'1.2.3.4 - - [01/Jan/2024:00:00:00 +0000] "GET / HTTP/1.1" 200 1\n'
IIS = b"#Software: x\n#Date: 2024-01-01 00:00:00\n#Fields: date time c-ip cs-method\n2024-01-01 00:00:00 1.2.3.4 GET\n"
AUDIT = b"type=USER_LOGIN msg=audit(1700000000.123:45): pid=1 uid=0 msg='op=login acct=\"a\" res=success'\n"
CASES: list[tuple[str, bytes, str]] = [
    ("var/log/auth.log", SYSLOG, "linux.auth"),
    ("var/log/auth.log.1", ISO, "linux.auth"),
    ("var/log/secure-20240107", SYSLOG, "linux.auth"),
    ("var/log/auth.log", b"", "linux.auth"),
    ("var/log/syslog", SYSLOG, "linux.syslog"),
    ("log/messages-20240107", ISO, "linux.syslog"),
    ("var/log/kern.log.3", SYSLOG, "linux.syslog"),
    ("var/log/cron", SYSLOG, "linux.syslog"),
    ("var/log/some-daemon.log", ISO, "linux.syslog"),
    ("evidence/odd name", SYSLOG, "linux.syslog"),
    ("var/log/wtmp", UTMP, "linux.utmp"),
    ("var/log/btmp.1", UTMP, "linux.utmp"),
    ("run/utmp", bytes(384), "linux.utmp"),
    ("var/log/lastlog", bytes(4096), "linux.utmp"),
    ("recovered/f0001", UTMP, "linux.utmp"),
    ("var/log/journal/0a1b/system.journal", JOURNAL, "linux.journal"),
    ("var/log/journal/0a1b/user-1000@0005.journal~", JOURNAL, "linux.journal"),
    ("recovered/f0002", JOURNAL, "linux.journal"),
    ("Windows/System32/winevt/Logs/Security.evtx", EVTX, "windows.evtx"),
    ("Windows/System32/winevt/Logs/Security.evtx", bytes(4096), "windows.evtx"),
    ("recovered/f0003", EVTX, "windows.evtx"),
    ("Windows/System32/made.dll", b"MZ" + bytes(300), "windows.wevt"),
    ("home/a/.bash_history", b"ls\n#1700000000\nid\n", "linux.history"),
    ("home/a/.bash_history", SYSLOG, "linux.history"),
    ("root/.zsh_history.1", b": 1:0;ls\n", "linux.history"),
    ("home/a/.local/share/fish/fish_history", b"- cmd: ls\n", "linux.history"),
    ("home/a/.local/state/zsh/history", b"ls\n", "linux.history"),
    ("etc/crontab", b"* * * * * root id\n", "linux.cron"),
    ("etc/cron.d/x", b"* * * * * root id\n", "linux.cron"),
    ("var/spool/cron/crontabs/root", b"* * * * * id\n", "linux.cron"),
    ("var/spool/cron/root", b"@daily id\n", "linux.cron"),
    ("var/log/dpkg.log.2", b"2024-01-01 00:00:00 install a:amd64 <none> 1\n", "linux.packages"),
    ("var/log/apt/history.log.1", b"\nStart-Date: 2024-01-01  00:00:00\nInstall: a\n", "linux.packages"),
    ("var/log/yum.log-20240101", b"Jan 01 00:00:00 Installed: a\n", "linux.packages"),
    ("var/log/dnf.log", b"2024-01-01T00:00:00+0000 INFO x\n", "linux.packages"),
    ("var/log/apk.log", b"Running `apk add a` at 2024-01-01 00:00:00\n(1/1) Installing a (1)\n", "linux.packages"),
    ("volatile/processes.jsonl", ROW, "volatile"),
    ("etc/passwd", b"root:x:0:0::/root:/bin/sh\n", ""),
    ("etc/cron.daily/apt", b"#!/bin/sh\n", ""),
    ("usr/bin/ls", b"\x7fELF" + bytes(4092), ""),
    ("var/log/nginx/access.log", ACCESS, "web.access"),
    ("var/log/apache2/other_vhosts_access.log.2", b"h:443 " + ACCESS, "web.access"),
    ("srv/logs/web01.txt", ACCESS, "web.access"),
    ("var/log/apache2/error.log", b"[Wed Oct 11 14:32:52 2023] [error] [client 1.2.3.4] x\n", "web.error"),
    ("var/log/nginx/error.log.1", b"2024/01/01 00:00:00 [error] 1#2: *3 x, client: 1.2.3.4\n", "web.error"),
    ("var/log/httpd/ssl_error_log-20240101", b"", "web.error"),
    ("inetpub/logs/LogFiles/W3SVC1/u_ex240101.log", IIS, "web.iis"),
    ("recovered/f0004", IIS, "web.iis"),
    ("var/log/audit/audit.log.3", AUDIT, "linux.audit"),
    ("var/log/audit/audit.log", b"", "linux.audit"),
    ("recovered/f0005", b"node=a " + AUDIT, "linux.audit"),
    ("var/log/vsftpd.log", b'Mon Jun  6 18:43:28 2016 [pid 2] CONNECT: Client "192.0.2.9"\n', "linux.vsftpd"),
    ("var/log/mysql/error.log", ISO, "linux.syslog"),
    ("var/log/journal.txt", b"text\n", ""),
    ("home/a/notes", b"", ""),
    ("Users/a/My.Documents/x.docx", b"PK\x03\x04" + bytes(200), ""),
]


def parsers() -> dict[str, Parser]:
    return {
        entry.name: entry.load()()
        for entry in entry_points(group="forensics.parsers")
        if entry.value.startswith("collectors.parsers.")
    }


ALL = parsers()


def test_ids_are_the_entries_names() -> None:
    assert len(ALL) >= 14
    assert all(parser.id == name and parser.version for name, parser in ALL.items())


@pytest.mark.parametrize(("name", "data", "owner"), CASES)
def test_exactly_one_claims(name: str, data: bytes, owner: str) -> None:
    claims = {parser.id: parser.claims(name, data[:4096]) for parser in ALL.values()}
    assert [id for id, claim in claims.items() if claim >= 50] == ([owner] if owner else []), claims


def test_claims_raise_nothing() -> None:
    chance = random.Random(7)
    names = [name for name, _, _ in CASES] + ["", "/", "\\\\", "a\\u{A}b", "." * 300, "x" * 5000]
    for _ in range(300):
        head = chance.randbytes(chance.choice((0, 1, 7, 400, 4096)))
        for magic in (b"", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"ElfFile\0", b"LPKSHHRH"):
            for parser in ALL.values():
                assert 0 <= parser.claims(chance.choice(names), magic + head) <= 100


@pytest.mark.parametrize(("name", "data", "owner"), [case for case in CASES if case[2] and case[1]])
def test_flipped_bytes_never_raise(tmp_path: Path, name: str, data: bytes, owner: str) -> None:
    """Whatever is flipped, cut or doubled: events and problems, no exception; locators stay unique."""
    chance = random.Random(name + str(len(data)))
    path, parser = tmp_path / "content", ALL[owner]
    for turn in range(25 if len(data) < 10_000 else 8):
        broken = bytearray(data)
        # an event log is mostly padding: flip where its records are
        low, high = (4096, 4096 + 2800) if owner == "windows.evtx" and turn else (0, len(data))
        for _ in range(chance.choice((1, 4, 32))):
            broken[min(chance.randrange(low, high), len(broken) - 1)] = chance.randrange(256)
        cut = chance.choice((len(broken), chance.randrange(1, len(broken) + 1)))
        path.write_bytes(bytes(broken[:cut]) + bytes(broken[: chance.choice((0, 50))]))
        opened = OpenedFile(path, parser, name=name, mtime=1_704_200_000 * 10**9, zone="Europe/Berlin")
        found = list(parser.parse(opened))
        assert all(isinstance(one, Event | Problem) for one in found)
        events = [one.locator for one in found if isinstance(one, Event)]
        assert len(set(events)) == len(events)
        assert all(one.ts is not None or one.tz_basis == "none" for one in found if isinstance(one, Event))
