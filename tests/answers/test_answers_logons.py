"""Logons: guessing, root from elsewhere, new sources, kinds of remote logon; real logs where there are some."""

from __future__ import annotations

import pytest
from memory_case import DAY, NOW, MemoryCase, parsed

from forensics.answers.case import NotEvaluated
from forensics.answers.logons import FAILURES, MANY_FAILURES, MAX_TIMES, Logons
from forensics.answers.places import loopback, private, public
from forensics.answers.tables import logon_rows
from forensics.model.event import Finding

MINUTE = 60 * 10**9
SSHD = {"program": "sshd", "method": "password"}


def findings(case):
    return [one for one in Logons().run(case) if isinstance(one, Finding)]


def tries(case, count, source, users=("bob",), start=NOW):
    for number in range(count):
        user = users[number % len(users)]
        case.event("logon-failed", user=user, src_ip=source, ts=start + number * MINUTE, attrs=dict(SSHD))


def test_failures_then_success():
    case = MemoryCase()
    case.event("logon", user="bob", src_ip="198.51.100.9", ts=NOW + 30 * MINUTE, attrs=dict(SSHD), locator="o9")
    tries(case, FAILURES, "198.51.100.9")
    (found,) = findings(case)
    assert found.rule == "guessed" and found.level == "warning" and found.refs[0].locator == "o9"
    assert found.ts == NOW + 30 * MINUTE and "10 failures" in found.title


def test_order_of_partitions_does_not_matter_but_order_of_time_does():
    case = MemoryCase()
    case.event("logon", user="bob", src_ip="198.51.100.9", ts=NOW - MINUTE, attrs=dict(SSHD))
    tries(case, FAILURES, "198.51.100.9")
    assert not findings(case)
    case = MemoryCase()
    tries(case, FAILURES - 1, "198.51.100.9")
    case.event("logon", user="bob", src_ip="198.51.100.9", ts=NOW + DAY // 2, attrs=dict(SSHD))
    case.event("logon", user="bob", src_ip="198.51.100.10", ts=NOW + DAY // 2, attrs=dict(SSHD))
    assert not findings(case)


def test_failures_on_several_hosts_are_said_to_be():
    case = MemoryCase()
    for number in range(FAILURES):
        attrs = SSHD | {"host": f"web{number % 2}"}
        case.event("logon-failed", user="bob", src_ip="198.51.100.9", ts=NOW + number * MINUTE, attrs=attrs)
    case.event("logon", user="bob", src_ip="198.51.100.9", ts=NOW + 30 * MINUTE, attrs=SSHD | {"host": "web1"})
    (found,) = findings(case)
    assert "10 failures within a day on 2 hosts together" in found.title and found.attrs["hosts"] == ["web0", "web1"]


def test_failures_beyond_what_is_compared_are_said():
    case = MemoryCase()
    tries(case, MAX_TIMES + FAILURES, "198.51.100.9", start=NOW - 60 * DAY)
    tries(case, FAILURES, "198.51.100.9")
    case.event("logon", user="bob", src_ip="198.51.100.9", ts=NOW + 30 * MINUTE, attrs=dict(SSHD))
    said = list(Logons().run(case))
    assert not [one for one in said if isinstance(one, Finding) and one.rule == "guessed"]
    assert any(isinstance(one, NotEvaluated) and "1 sources have more failures" in one.reason for one in said)
    case = MemoryCase()
    tries(case, MAX_TIMES + 1, "198.51.100.9")
    assert not [one for one in Logons().run(case) if isinstance(one, NotEvaluated)], "no success, nothing to miss"


def test_many_names_and_then_success_is_an_alert():
    case = MemoryCase()
    tries(case, 30, "10.0.0.7", ("a", "b", "c", "d", "e", "f"))
    case.event("logon", user="f", src_ip="10.0.0.7", ts=NOW + 31 * MINUTE, attrs=dict(SSHD))
    (found,) = findings(case)
    assert (found.rule, found.level) == ("guessed", "alert") and found.attrs["names"] == list("abcdef")


def test_guessing_from_the_internet_is_a_notice():
    case = MemoryCase()
    tries(case, MANY_FAILURES, "198.51.100.3", tuple("abcdefgh"))
    (found,) = findings(case)
    assert (found.rule, found.level, found.attrs["failures"]) == ("guessing", "notice", MANY_FAILURES)


def test_root_by_ssh():
    case = MemoryCase()
    for number in range(3):
        case.event(
            "logon", user="root", src_ip="10.0.0.2", ts=NOW + number, attrs={"program": "sshd", "method": "publickey"}
        )
    case.event("logon", user="root", src_ip="198.51.100.2", ts=NOW, attrs=dict(SSHD))
    case.event("logon", user="root", src_ip="", ts=NOW, attrs={"program": "login", "tty": "tty1"})
    found = {one.attrs["source"]: one for one in findings(case)}
    assert {source: (one.level, one.attrs["count"]) for source, one in found.items()} == {
        "10.0.0.2": ("notice", 3), "198.51.100.2": ("warning", 1)
    }  # fmt: skip
    assert "from-outside" in found["198.51.100.2"].attrs["reasons"]


def test_first_seen_source():
    case = MemoryCase()
    for day in range(30):
        case.event(
            "logon", user="bob", src_ip="10.0.0.2", ts=NOW - day * DAY, attrs={"program": "sshd", "method": "publickey"}
        )
    case.event("logon", user="bob", src_ip="10.9.9.9", ts=NOW - DAY, attrs={"program": "sshd", "method": "publickey"})
    (found,) = findings(case)
    assert found.rule == "first-seen" and found.attrs["source"] == "10.9.9.9"


def windows(case, kind, user, source, action="logon"):
    attrs = {"Event": {"System": {"EventID": 4624}, "EventData": {"LogonType": kind}}}
    return case.event(action, "windows.evtx", user=user, src_ip=source, ts=NOW, attrs=attrs)


@pytest.mark.parametrize(
    ("kind", "user", "source", "level", "reasons"),
    [
        (10, "CORP\\al", "10.0.0.5", "notice", {"remote-desktop"}),
        (10, "CORP\\al", "127.0.0.1", "warning", {"remote-desktop", "loopback-desktop"}),
        (10, "CORP\\al", "8.8.8.8", "warning", {"remote-desktop", "from-outside"}),
        (3, "CORP\\al", "10.0.0.5", "notice", {"network-logon"}),
        (8, "CORP\\al", "", "notice", {"network-logon", "clear-text"}),
        (9, "CORP\\al", "::1", "notice", {"new-credentials"}),
        (3, "CORP\\PC1$", "10.0.0.5", "", set()),
        (3, "NT AUTHORITY\\ANONYMOUS LOGON", "10.0.0.5", "", set()),
        (3, "CORP\\al", "::1", "", set()),
        (5, "NT AUTHORITY\\SYSTEM", "", "", set()),
        (2, "PC\\al", "127.0.0.1", "", set()),
    ],
)
def test_kinds_of_windows_logons(kind, user, source, level, reasons):
    case = MemoryCase()
    windows(case, kind, user, source)
    found = findings(case)
    assert [(one.level, set(one.attrs["reasons"])) for one in found] == ([(level, reasons)] if level else [])
    (row,) = logon_rows(case)
    assert row["user"] == user and row["result"] == "ok" and row["how"]


def test_addresses():
    assert private("10.1.2.3") and private("fd00::1") and private("100.64.0.1") and not private("127.0.0.1")
    assert public("8.8.8.8") and public("2001:4860::1") and not public("169.254.1.1") and not public("host")
    assert loopback("::1") and loopback("127.9.9.9") and not loopback("")


def test_no_logs_is_not_evaluated():
    assert [one.what for one in Logons().run(MemoryCase()) if isinstance(one, NotEvaluated)] == ["logons"]


def test_real_auth_log_and_utmp(tmp_path, shared_data):
    from collectors.parsers.syslog import AuthParser
    from collectors.parsers.utmp import UtmpParser

    case = MemoryCase()
    text = "".join(
        f"Nov 24 03:{n:02d}:00 web1 sshd[{n}]: Failed password for invalid user u{n} from 192.168.7.9 port 4022 ssh2\n"
        for n in range(12)
    )
    log = tmp_path / "auth.log"
    log.write_text(
        text + "Nov 24 03:12:31 web1 sshd[811]: Accepted password for root from 192.168.7.9 port 4022 ssh2\n"
    )
    parsed(case, log, AuthParser(), "var/log/auth.log")
    parsed(case, shared_data / "plaso" / "utmp" / "wtmp.1", UtmpParser(), "var/log/wtmp.1")
    rules = {one.rule: one for one in findings(case)}
    assert rules["guessed"].level == "alert" and rules["root"].attrs["how"] == "sshd password"
    rows = list(logon_rows(case))
    assert {row["result"] for row in rows} >= {"ok", "failed"}
    assert any(row["parser"] == "linux.utmp" and row["user"] == "userA" for row in rows), (
        "who logged on by wtmp is in the table"
    )
    assert all(row["path"] for row in rows)
