"""Syslog and authentication logs: shapes, years, zones, meanings, real files."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from opened_file import parse

from collectors.parsers.auth import said
from collectors.parsers.syslog import AuthParser, SyslogParser
from collectors.parsers.syslog_lines import head
from forensics.model.event import Event, Problem

MTIME = int(datetime(2024, 1, 3, 12, tzinfo=UTC).timestamp()) * 10**9


def read(tmp_path: Path, text: bytes, **inputs: str | int) -> tuple[list[Event], list[Problem]]:
    path = tmp_path / "log"
    path.write_bytes(text)
    events, problems, _ = parse(path, AuthParser(), **inputs)
    return events, problems


def when(event: Event) -> str:
    assert event.ts is not None
    return datetime.fromtimestamp(event.ts / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S")


@pytest.mark.parametrize(
    "name", ["chromeos", "cron.log", "osx", "rsyslog", "rsyslog_SysklogdFileFormat"], ids=lambda name: f"syslog_{name}"
)
def test_real_files(shared_data: Path, name: str) -> None:
    path = shared_data / "plaso" / "syslog" / f"syslog_{name}"
    assert SyslogParser().claims(f"var/log/{path.name}", path.read_bytes()[:4096]) >= 50
    events, problems, _ = parse(path, SyslogParser(), name=path.name, mtime=MTIME)
    (expected,) = json.loads((shared_data / "plaso" / "expected.json").read_bytes())[f"syslog/{path.name}"]
    assert len(events) == expected["event_data"] and not problems
    assert all(one.ts is not None for one in events)


def test_year_from_last_change_and_order(tmp_path: Path) -> None:
    text = b"Nov 30 10:00:00 h cron[1]: a\nDec 31 23:59:59 h cron[1]: b\nJan  2 00:00:00 h cron[1]: c\n"
    events, _ = read(tmp_path, text, mtime=MTIME)
    assert [when(one) for one in events] == ["2023-11-30 10:00:00", "2023-12-31 23:59:59", "2024-01-02 00:00:00"]
    assert {one.ts_kind for one in events} == {"inferred"} and {one.tz_basis for one in events} == {"assumed-utc"}
    assert all(one.attrs["year_inferred"] is True for one in events)
    # changed in January, last line in December: the year before
    events, _ = read(tmp_path, text[:60], mtime=MTIME)
    assert [when(one)[:4] for one in events] == ["2023", "2023"]
    # nothing to infer from: undated, with the text's own time kept
    events, _ = read(tmp_path, text)
    assert [(one.ts, one.tz_basis, one.ts_raw) for one in events[:1]] == [(None, "none", "Nov 30 10:00:00")]
    # 29 February in a year that has none is no time
    events, _ = read(
        tmp_path, b"Feb 29 10:00:00 h a: b\n", mtime=int(datetime(2023, 3, 5, tzinfo=UTC).timestamp()) * 10**9
    )
    assert (events[0].ts, events[0].tz_basis) == (None, "none")


def test_zone_of_the_host_and_of_the_line(tmp_path: Path) -> None:
    text = b"Jan  2 01:00:00 h a: b\n2024-01-02T01:00:00.5+05:30 h a: b\n2024-01-02T01:00:00Z h a: b\n"
    events, _ = read(tmp_path, text, mtime=MTIME, zone="+02:00")
    assert [when(one) for one in events] == ["2024-01-01 23:00:00", "2024-01-01 19:30:00", "2024-01-02 01:00:00"]
    assert [one.tz_basis for one in events] == ["host-zone", "offset", "utc"]
    assert "year_inferred" not in events[1].attrs


def test_many_lines_and_odd_ones(tmp_path: Path) -> None:
    text = b"cut off by rotation\nJan  1 00:00:00 h app[7]: first\n\tsecond\n\nthird \xff\x1b[31m\n"
    text += b"\0" * 300 + b"Jan  1 00:00:01 h app[7]: next\r\n" + b"Jan  1 00:00:02 h big: " + b"x" * 100_000 + b"\n"
    events, problems = read(tmp_path, text, mtime=MTIME)
    assert [one.code for one in problems] == ["line", "line-too-long"]
    assert events[0].message == "app: first second third \\xFF\\u{1B}[31m"
    assert [more["line"] for more in events[0].attrs["more"]] == ["\tsecond", "third \\xFF\\u{1B}[31m"]
    assert events[0].attrs["more"][1]["raw"] == "dGhpcmQg/xtbMzFt", "bytes that are not UTF-8 are kept"
    assert [one.message[:12] for one in events[1:]] == ["app: next", "big: xxxxxxx"]
    assert text[int(events[2].locator[1:]) :].startswith(b"Jan  1 00:00:02")


def test_heads() -> None:
    rfc5424 = '<165>1 2003-10-11T22:14:15.003Z host.example evnt 7 ID47 [a@1 b="c \\"] d"][e@2] \ufeffan event'
    found = head(rfc5424)
    assert found and (found.host, found.program, found.pid, found.message, found.pri) == (
        "host.example", "evnt", "7", "an event", 165,
    )  # fmt: skip
    nil = head("<34>1 - - - - - - nothing known")
    assert nil and (nil.host, nil.program, nil.message, nil.iso) == ("", "", "nothing known", "-")
    assert head("<13>Jan  1 00:00:00 h prog: text").pri == 13  # type: ignore[union-attr]
    assert head("Jan  1 2024 00:00:00 h prog: text").year == 2024  # type: ignore[union-attr]
    for text in ("", "<", "Jan", "Foo  1 00:00:00 h a: b", "2024-01-01 00:00:00 status", "<34>1 x"):
        assert head(text) is None


#: program, message: action, user, address
MEANINGS = """
sshd|Accepted publickey for alice from 203.0.113.7 port 50 ssh2: ED25519 SHA256:x|logon|alice|203.0.113.7
sshd|Failed password for invalid user admin from 203.0.113.7 port 50 ssh2|logon-failed|admin|203.0.113.7
sshd-session|Invalid user x y from 2001:db8::5 port 50|invalid-user|x y|2001:db8::5
sshd|message repeated 3 times: [ Failed password for root from 203.0.113.7 port 9 ssh2]|logon-failed|root|203.0.113.7
sshd|User bob from 203.0.113.7 not allowed because not listed in AllowUsers|logon-denied|bob|203.0.113.7
sshd|pam_unix(sshd:session): session opened for user root(uid=0) by (uid=0)|session-opened|root|
su|pam_unix(su:auth): authentication failure; logname=a uid=1 euid=0 tty=b ruser=a rhost=  user=root|logon-failed|root|
sudo|alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/bin/bash -c id|sudo|alice|
sudo|eve : user NOT in sudoers ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh|privilege-denied|eve|
su|(to root) alice on pts/1|su|alice|
su|FAILED SU (to root) alice on pts/1|su-failed|alice|
useradd|new user: name=bob, UID=1001, GID=1001, home=/home/bob, shell=/bin/sh, from=/dev/pts/0|account-created|bob|
groupadd|new group: name=ops, GID=1002|group-created||
usermod|add 'bob' to group 'sudo'|group-member-added|bob|
userdel|delete user 'bob'|account-deleted|bob|
passwd|pam_unix(passwd:chauthtok): password changed for bob|password-changed|bob|
passwd|password for 'bob' changed by 'root'|password-changed|bob|
login|ROOT LOGIN ON tty1|logon|root|
login|LOGIN ON tty1 BY bob FROM 203.0.113.7|logon|bob|203.0.113.7
login|FAILED LOGIN 1 FROM tty1 FOR root, Authentication failure|logon-failed|root|
login|FAILED LOGIN (1) ON '/dev/tty1' FROM 'gw.example' FOR 'bob', Authentication failure|logon-failed|bob|
sshd|Postponed publickey for bob from 203.0.113.7 port 9 ssh2 [preauth]|||
systemd-logind|New session 5 of user bob.|session-opened|bob|
CRON|(root) CMD (   cd / && run-parts --report /etc/cron.hourly)|cron-run|root|
crontab|(bob) REPLACE (bob)|cron-changed|bob|
kernel|[    0.000000] Linux version 6.1.0 (x)|system-start||
nginx|Accepted password for a from 1.2.3.4 port 5|||
""".strip().splitlines()


@pytest.mark.parametrize("case", MEANINGS)
def test_meanings(case: str) -> None:
    program, message, action, user, source = case.split("|")
    found = said(program, message)
    assert (found.action, found.user, found.src_ip) == (action, user, source)


def test_a_name_made_to_mislead() -> None:
    """The name was chosen by the other side: the last ``from`` is the daemon's own."""
    name = "root from 10.0.0.1 port 22 ssh2"
    found = said("sshd", f"Failed none for invalid user {name} from 203.0.113.7 port 9 ssh2")
    assert (found.user, found.src_ip) == (name, "203.0.113.7")


def test_patterns_end_in_time() -> None:
    """A message made against them costs little."""
    for start in ("a : PWD=", "Failed password for ", "new user: name=", "pam_unix(x:auth): authentication failure; "):
        for filler in (" ; USER=x ; ENV=", " from 1.1.1.1 port ", "a" * 40):
            for program in ("sudo", "sshd", "useradd", "kernel"):
                said(program, start + filler * 4000)
