"""The short ways of text logs give the very rows that the long ones give, byte for byte."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from testkit import data_folder, not_shown

from collectors.parsers import syslog
from collectors.parsers.audit.meaning import _main, _meanings
from collectors.parsers.audit.record import read
from collectors.parsers.syslog import AuthParser, SyslogParser
from collectors.parsers.text import Line, one_line
from forensics.model.event import Event, Parser
from forensics.model.event_rows import event_row
from forensics.tasks.content_file import ContentFile
from forensics.tasks.rowfile import event_bytes, row_bytes

MTIME = int(datetime(2024, 6, 1, tzinfo=UTC).timestamp()) * 10**9
NEVER = re.compile(r"(?!)")


def rows(path: Path, parser: Parser, zone: str = "UTC", mtime: int | None = MTIME) -> list[object]:
    """Rows as they are stored, problems, and what was told."""
    inputs = {"name": path.name, "mtime": mtime, "zone": zone}
    opened = ContentFile(str(path), path.stat().st_size, "ab" * 32, inputs, parser.id, parser.version)
    found: list[object] = [event_bytes(one) if isinstance(one, Event) else one for one in parser.parse(opened)]
    return [*found, opened.told]


def both(read: Callable[[], list[object]]) -> list[object]:
    """Read with the short way, and without; return the rows if they are the same."""
    short = read()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(syslog, "PLAIN", NEVER)
        assert read() == short
    return short


HEADS = st.sampled_from(
    [
        "Sep  1 00:00:00 web01 ",
        "Sep  1 00:00:60 web01 ",
        "Sep  1 00:00:61 h ",
        "Sep 31 23:59:59 h ",
        "Feb 29 12:00:00 h ",
        "Sep 1 00:00:00 h ",
        "Jan 01 24:00:00 h ",
        "Sep 39 00:00:00 h ",
        "Dec 31 23:59:59 h ",
        "Mar 31 02:30:00 h ",
        "Oct 27 02:30:00 h ",
        "Sep  1 2023 00:00:00 h ",
        "Sep  1 00:00:00.25 h ",
        "<13>Sep  1 00:00:01 h ",
        "Sep  1 00:00:00  ",
        "2024-03-01T00:00:00Z h ",
        "Foo  1 00:00:00 h ",
        "",
        "\t",
        "Sep  1 00:00:00 ",
        "<34>1 2024-01-01T00:00:00Z h app 7 ID1 - ",
        "\0\0Sep  2 00:00:00 h ",
        "Sep  1 00:00:00 h\u00a0 ",
    ]
)
TAGS = st.sampled_from(
    [
        "sshd[12]: ",
        "sshd: ",
        "CRON[1]:",
        "sshd[12]:  ",
        "a[x]: ",
        "a[]: ",
        "a b: ",
        "a: b: ",
        "sudo:    ",
        "kernel <Info>: ",
        "/usr/sbin/sshd[7]: ",
        "p" * 200 + ": ",
        "p" * 201 + ": ",
        "[1]: ",
        ": ",
        "",
        "a[12345678901]: ",
        "\u202e: ",
        "prog",
        "prog[1] ",
        "su: ",
        "a:",
        "sshd[1]: message repeated 3 times: [ ",
    ]
)
TEXTS = st.sampled_from(
    [
        "Failed password for invalid user admin from 203.0.113.9 port 22 ssh2",
        "Accepted password for a from h.example port 1",
        "pam_unix(cron:session): session closed for user root",
        "alice : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls",
        "(root) CMD (true)",
        "Failed password for \u202e from ::ffff:192.0.2.1 port 2 ssh2",
        "",
        " ",
        "x",
        "x" * 1000,
        "y" * 70_000,
        "tab\there",
        "nul\0",
        "[1.2] eth0: entered promiscuous mode",
        "Invalid user \x1b[1m from 192.0.2.1 port 1",
        "\udcff",
        "Failed none for from 1.1.1.1 port 1 from 2.2.2.2 port 2 ssh2",
        "(to root) a on pts/1",
        "e\u0301 \u2028 line",
    ]
)
LINES = st.lists(st.tuples(HEADS, TAGS, TEXTS).map("".join), max_size=12)


@settings(max_examples=250, deadline=None)
@given(LINES, st.sampled_from(["\n", "\r\n"]), st.sampled_from(["UTC", "Europe/Berlin", "", "-03:30"]), st.booleans())
def test_plain_lines(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], end: str, zone: str, dated: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "made.log"
    path.write_bytes(end.join(lines).encode("utf-8", "surrogateescape"))
    for parser in (SyslogParser(), AuthParser()):
        both(lambda parser=parser: rows(path, parser, zone, MTIME if dated else None))  # type: ignore[misc]


def test_plain_lines_take_the_short_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What most lines of a log are does not go through the long way; what has more in it does."""
    path = tmp_path / "auth.log"
    plain = b"Sep  1 00:00:00 h sshd[1]: text\nSep  1 00:00:01 h su: text\n"
    path.write_bytes(plain + b"Sep  1 00:00:02 h su: \xff\nSep  1 00:00:02 h su: a\n\tb\n")
    long: list[str] = []
    real = syslog._event

    def counted(*args: Any) -> Event:
        long.append(args[2])
        return real(*args)

    monkeypatch.setattr(syslog, "_event", counted)
    assert len(rows(path, AuthParser())) == 5 and len(long) == 2


def test_real_logs() -> None:
    """Every text file of plaso's tests read as syslog: its lines are rows, or continue one, or are problems."""
    folder = data_folder()
    if folder is None:
        not_shown("the short way against the long one on real logs: the data folder is absent")
    names = [*(folder / "plaso" / "syslog").glob("*"), *(folder / "plaso").glob("*log*")]
    files = [path for path in names if path.is_file() and path.stat().st_size < 1 << 20]
    found = {path.name: len(both(lambda path=path: rows(path, SyslogParser()))) - 1 for path in files}  # type: ignore[misc]
    assert len(found) >= 15 and sum(found.values()) >= 300, found


EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "ts": st.none() | st.integers(-(1 << 62), 1 << 62),
        "ts_kind": st.text(max_size=5),
        "tz_basis": st.just("utc"),
        "ts_raw": st.text(max_size=5),
        "state": st.sampled_from(["live", "recovered", "corrupt"]),
        "user": st.text(max_size=5),
        "src_ip": st.text(max_size=5),
        "process": st.text(max_size=5),
        "action": st.text(max_size=5),
        "message": st.text(max_size=70),
        "attrs": st.none() | st.dictionaries(st.text(max_size=3), st.integers(), max_size=3),
    },
)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=8), EVENTS)
def test_events_made_fast_are_events(locator: str, fields: dict[str, object]) -> None:
    """An event of a content is, in all it can do, the one that the type itself makes; it stays frozen."""
    opened = ContentFile("", 0, "ab" * 32, {}, "p", "1")
    event = opened.event(locator, **fields)  # type: ignore[arg-type]
    plain = Event("ab" * 32, "p", "1", locator, **({**fields, "attrs": fields.get("attrs") or {}}))  # type: ignore[arg-type]
    assert type(event) is Event and event == plain and repr(event) == repr(plain)
    assert event_bytes(event) == row_bytes(event_row(plain))
    with pytest.raises(AttributeError):
        event.user = "another"  # type: ignore[misc]


WORDS = st.sampled_from(
    [
        'comm="ls"',
        "comm=6C73",
        'comm="6C73"',
        "key=(null)",
        "exe='/bin/a b'",
        "a0=",
        "acct=?",
        'name="\x1b[1m"',
        'name="\u202e"',
        "res=success'",
        "msg='op=login acct=\"a\" res=failed'",
        '\x1dUID="root" AUID="unset"',
        "x" * 9000,
        "cwd=" + "41" * 5000,
        "proctitle=2F62696E00C3A9",
        "=",
        'q="',
        "exit=-13",
        "success=no",
        "avc:  denied  { read } for",
        "\udcff",
        'comm="sh"',
    ]
)
TYPES = st.sampled_from(
    ["SYSCALL", "PATH", "AVC", "USER_LOGIN", "EXECVE", "CWD", "X_UNKNOWN", "DAEMON_START", "PROCTITLE"]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(TYPES, st.lists(WORDS, max_size=6)), min_size=1, max_size=5))
def test_audit_records(made: list[tuple[str, list[str]]]) -> None:
    """A plain record's fields are shown as they stand, which is what escaping each of them gives."""
    found = []
    for kind, words in made:
        text = f"type={kind} msg=audit(1700000000.123:7): {' '.join(words)}"
        record = read(Line(0, text.encode("utf-8", "surrogateescape")))
        assert record is not None
        assert record.attrs()["fields"] == {name: one_line(value, 8192) for name, value in record.fields.items()}
        found.append(record)
    highest = next((name for name in _meanings()[0] if any(one.type == name for one in found)), found[0].type)
    assert _main(found) is next(one for one in found if one.type == highest)
